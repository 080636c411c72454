/* SPDX-License-Identifier: BSD-3-Clause
 * slab.h - running a stage's block program over a leaf box, in slabs small enough that what is read
 * stays in the cache.
 */
#ifndef BRI_SLAB_H
#define BRI_SLAB_H

#include "array/plan/stage.h"

/* Rows of the first axis that are loaded and run at a time. Files that are read in long runs are
 * read piece by piece (measured:
 * pread of 512 KiB pieces with the sum behind it is 1.5 times as fast as of whole chunks); a
 * piece is a power of two times the reduction block, so that the bits stay those of the whole
 * box. */
int64_t bri_slab_rows(const bri_stage *stage, const bri_leaf *leaf);

/* Part [row, row + rows) of the box. */
bri_leaf bri_slab_of(const bri_leaf *leaf, int64_t row, int64_t rows);

/* Scratch for the program and the inputs of one slab. */
void bri_slab_sizes(const bri_stage *stage, const bri_leaf *slab, bri_bump *bump);

/* Loads the slab's inputs and runs the program; box->out or box->state and box->axis are set by the
 * caller. */
br_status bri_slab_run(bri_work *work, const bri_leaf *slab, bri_bump *bump, bri_box *box);

#endif
