/* SPDX-License-Identifier: BSD-3-Clause
 * slab.h - a leaf box in slabs small enough that what is read of a file stays in the cache.
 */
#ifndef BRI_SLAB_H
#define BRI_SLAB_H

#include "array/plan/stage.h"

/* How a leaf box is cut: along one axis, and of the axes before it a slab has one index each, or
 * all where it goes across them. */
typedef struct bri_slabs {
    int axis;
    bool across;
    int64_t rows;  /* of a slab along the axis; the last ones may have fewer */
    int64_t along; /* slabs along the axis, */
    int64_t n;     /* and in all, in C order */
} bri_slabs;

/* Slabs that are loaded and run at a time. Files that are read in long runs are read piece by piece
 * (measured: pread of 512 KiB pieces with the sum behind it is 1.5 times as fast as of whole
 * chunks), others by as many rows as their stored chunks have, where leaves begin with one. What a
 * program reduces is cut by the first axis only, into a power of two times the reduction block, so
 * that the bits stay those of the whole box; states of slabs along other axes stand side by side.
 */
bri_slabs bri_slabs_of(const bri_stage *stage, const bri_leaf *leaf);
/* All of the box. */
bri_slabs bri_slabs_whole(const bri_leaf *leaf);
/* Rows of the first axis, where the box may be cut along that one only. */
int64_t bri_slab_rows(const bri_stage *stage, const bri_leaf *leaf);
/* Parts of such slabs, each of them in at most so many bytes if an element of the box has
 * `element`. */
bri_slabs bri_slabs_finer(const bri_stage *stage, const bri_leaf *leaf, const bri_slabs *slabs,
                          int64_t element, int64_t most);
/* The same of a part of the box, or of all of it by rows that are given. */
bri_slabs bri_slabs_along(const bri_leaf *leaf, int axis, bool across, int64_t rows);

/* Slab number i: the box itself where that is all of it, else made in `room`. */
const bri_leaf *bri_slab_in(const bri_leaf *leaf, const bri_slabs *slabs, int64_t i,
                            bri_leaf *room);
/* Bytes from the box's first element to the slab's. */
int64_t bri_slab_offset(int ndim, const bri_leaf *leaf, const bri_leaf *slab,
                        const int64_t *stride);
/* Part [row, row + rows) of the box along its first axis. */
bri_leaf bri_slab_of(const bri_leaf *leaf, int64_t row, int64_t rows);

/* Scratch for the inputs of whichever slab takes most; with the program's: */
void bri_slab_load_sizes(const bri_stage *stage, const bri_leaf *leaf, const bri_slabs *slabs,
                         bri_bump *bump);
void bri_slab_sizes(const bri_stage *stage, const bri_leaf *leaf, const bri_slabs *slabs,
                    bri_bump *bump);

/* Loads the slab's inputs and fits the box to it: extents, origin, views and scratch of the stage's
 * program. Where its result goes is the caller's to set. */
br_status bri_slab_load(bri_work *work, const bri_leaf *slab, bri_bump *bump, bri_box *box);

#endif
