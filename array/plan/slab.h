/* SPDX-License-Identifier: BSD-3-Clause
 * slab.h - a leaf box in slabs small enough that what is read of a file stays in the cache.
 */
#ifndef BRI_SLAB_H
#define BRI_SLAB_H

#include "array/plan/stage.h"

/* Rows of the first axis that are loaded and run at a time. Files that are read in long runs are
 * read piece by piece (measured: pread of 512 KiB pieces with the sum behind it is 1.5 times as
 * fast as of whole chunks), others by as many rows as their stored chunks have, where leaves begin
 * with one. A piece is a power of two times the reduction block, so that the bits stay those of the
 * whole box. */
int64_t bri_slab_rows(const bri_stage *stage, const bri_leaf *leaf);

/* Part [row, row + rows) of the box. */
bri_leaf bri_slab_of(const bri_leaf *leaf, int64_t row, int64_t rows);
/* The same without copying: the box itself where that is all of it, else made in `room`. */
const bri_leaf *bri_slab_in(const bri_leaf *leaf, int64_t row, int64_t rows, bri_leaf *room);

/* Scratch for the program and the inputs of one slab. */
void bri_slab_sizes(const bri_stage *stage, const bri_leaf *slab, bri_bump *bump);

/* Loads the slab's inputs and fits the box to it: extents, origin, views and scratch of the stage's
 * program. Where its result goes is the caller's to set. */
br_status bri_slab_load(bri_work *work, const bri_leaf *slab, bri_bump *bump, bri_box *box);

#endif
