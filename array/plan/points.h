/* SPDX-License-Identifier: BSD-3-Clause
 * points.h - the points of a gather's blocks (gather.h), here or in what rank 0 has dealt out.
 *
 * A rank's part of the points is a table: the number of its blocks; for each, ascending, its number
 * and the place of its points; then these, block by block: the indices of each picked axis, the
 * order, and where the runs start.
 */
#ifndef BRI_POINTS_H
#define BRI_POINTS_H

#include "array/plan/gather.h"

/* Those of one block. */
typedef struct bri_points {
    int64_t n;
    int64_t first_run, nruns;
    const int64_t *index;  /* the first list; */
    int64_t stride;        /*  others are so far apart */
    const uint32_t *order; /* of the points, run by run */
    const uint32_t *start; /* of each run in the order */
} bri_points;

/* Has this rank those of the block? */
bool bri_points_here(const bri_gather *g, int64_t block);
/* Where it has them. */
bri_points bri_points_of(const bri_gather *g, int64_t block);
/* Where one of the block's runs starts in the order, which is where the one before it ends. */
int64_t bri_points_start(const bri_points *points, int64_t run);
/* The box of the picked axes that a run's points lie in. */
void bri_points_box(const bri_gather *g, const bri_points *points, int64_t run, int64_t *origin,
                    int64_t *extent);

/* The part of a rank: of the blocks whose bits are set. A sealed table, or NULL without memory. */
bri_table *bri_points_pack(const bri_gather *g, const unsigned char *blocks);
/* Is it a part of points of these blocks? */
bool bri_points_fit(const bri_gather *g, const bri_table *part);

#endif
