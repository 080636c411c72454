/* SPDX-License-Identifier: BSD-3-Clause
 * rectangle.h - what an input reads of its source for a box of leaves: indices start + k * step,
 * k < count, per source axis.
 */
#ifndef BRI_RECTANGLE_H
#define BRI_RECTANGLE_H

#include "array/plan/stage.h"

typedef struct bri_rectangle {
    int ndim;
    int64_t start[BR_MAX_NDIM], step[BR_MAX_NDIM], count[BR_MAX_NDIM];
    int64_t nelem;
} bri_rectangle;

/* What a leaf reads of the source; each task asks for some, so nothing behind ndim is touched. */
void bri_rectangle_of(const bri_map *map, const bri_leaf *box, bri_rectangle *r);

/* Strides over the box's axes of a rectangle's elements, which are `stride` bytes apart, the first
 * one at view->base. Those of axes beyond leaf_ndim must be 0 before. */
void bri_rectangle_view(const bri_map *map, const bri_leaf *box, int leaf_ndim,
                        const int64_t *stride, bri_view *view);

/* The lowest and the highest index along source axis a; count[a] > 0. */
void bri_rectangle_range(const bri_rectangle *r, int a, int64_t *low, int64_t *high);

/* The rectangle's indices k along source axis a, cut as `axis`, that lie in a chunk; false when
 * there are none: a step goes past it. */
bool bri_rectangle_part(const bri_rectangle *r, int a, const bri_axis *axis, int64_t chunk,
                        int64_t *first, int64_t *count);

#endif
