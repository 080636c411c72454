/* SPDX-License-Identifier: BSD-3-Clause
 * map.h - access maps: which index of a source an index of a consumer needs, as arithmetic per
 * axis.
 *
 * Axis a of the source is read at start + step * i, where i is the index along the consumer's axis
 * from[a].axis. This covers slices, integers, new axes, transposes and broadcasting; maps compose,
 * and invert to chunk ranges without listing tasks. Windows slide along an axis by a second term.
 */
#ifndef BRI_MAP_H
#define BRI_MAP_H

#include "array/expr/grid.h"

/* One index, whatever the consumer's: an integer, or an axis broadcast from extent 1. */
enum { BRI_FIXED = -1 };

typedef struct bri_map_axis {
    int axis;
    int64_t start, step;
} bri_map_axis;

/* A second axis of the consumer's that an index moves with; step 0: there is none. */
typedef struct bri_map_term {
    int axis;
    int64_t step;
} bri_map_term;

typedef struct bri_map {
    int ndim; /* of the source */
    bri_map_axis from[BR_MAX_NDIM];
    bri_map_term window[BR_MAX_NDIM];
} bri_map;

bri_map bri_map_identity(int ndim);
/* From a source's shape to the shape it is broadcast to. */
bri_map bri_map_broadcast(int source_ndim, const bri_axis *source, int ndim);
/* Source of `inner` as seen by the consumer of `outer`, whose source is the consumer of `inner`.
 * Not both may have windows. */
bri_map bri_map_compose(const bri_map *outer, const bri_map *inner);
bool bri_map_equal(const bri_map *a, const bri_map *b);
bool bri_map_has_windows(const bri_map *map);

/* The source's index range [low, high] that the consumer's elements [from, from + count) touch
 * along source axis a; count > 0. Without the second term. */
void bri_map_range(const bri_map_axis *m, int64_t from, int64_t count, int64_t *low, int64_t *high);

/* The consumer's elements [*from, *to) along its axis, of `extent`, that read source elements
 * [low, high) of axis m; the whole extent when m does not move with the consumer but its index
 * is inside, nothing when it is outside. Without the second term. */
void bri_map_inverse(const bri_map_axis *m, int64_t extent, int64_t low, int64_t high,
                     int64_t *from, int64_t *to);

#endif
