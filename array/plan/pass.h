/* SPDX-License-Identifier: BSD-3-Clause
 * pass.h - a pass: several reductions and results over one leaf grid, whose leaves one task makes
 * together.
 *
 * What they read is loaded once, slab by slab; while a slab is in the cache, the program of each
 * member (a piece) runs over it. An operand that several of them have is computed once a slab, by a
 * piece of its own. A task has one output for each member: the value that the member's own leaf
 * would have had, unless its elements go straight to the caller.
 */
#ifndef BRI_PASS_H
#define BRI_PASS_H

#include "array/plan/stage.h"

enum { BRI_MAX_PASS_INPUTS = 32 }; /* inputs and values together */

typedef struct bri_piece {
    bri_program *program;
    int *slot;         /* for each input of the program: of the pass's inputs, then its values */
    bri_stage *member; /* what it is the leaf of; NULL: it makes a value for other pieces */
    br_dtype dtype;    /* of the value */
} bri_piece;

typedef struct bri_pass {
    int npieces;
    int nvalues; /* the first pieces: what they make counts on from the inputs */
    bool whole;  /* all leaves are made in C order once one is needed */
    bri_piece piece[];
} bri_pass;

static inline const bri_pass *bri_pass_of(const bri_stage *stage)
{
    return stage->data;
}

/* Does a leaf of the pass give the member a value, and of how many bytes? */
bool bri_pass_gives(const bri_stage *pass, int64_t leaf, const bri_stage *member);
size_t bri_pass_bytes(const bri_stage *member, const bri_leaf *leaf);

/* The chunk and step of a member that a leaf of the pass is. */
void bri_pass_leaf(const bri_stage *pass, int64_t leaf, const bri_stage *member, int64_t *chunk,
                   int64_t *step);

#endif
