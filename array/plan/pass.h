/* SPDX-License-Identifier: BSD-3-Clause
 * pass.h - a pass: several reductions and results over one leaf grid, whose leaves one task makes
 * together.
 *
 * What they read is loaded once, slab by slab; while a slab is in the cache, the program of each
 * member (a piece) runs over it. An operand that several of them go through is computed once a
 * slab, by a piece of its own. A task has one output for each member: the value that the member's
 * own leaf would have had, unless its elements go straight to the caller.
 */
#ifndef BRI_PASS_H
#define BRI_PASS_H

#include "array/plan/stage.h"

enum { BRI_MAX_PASS_INPUTS = 32 }; /* inputs and values together */

typedef struct bri_piece {
    bri_program *program;
    int *slot;            /* for each input of the program: of the pass's inputs, then its values */
    bri_stage *member;    /* what it is the leaf of; NULL: it makes a value for other pieces */
    br_dtype dtype;       /* of the value, */
    const bri_node *made; /*  which is this one's */
    bri_redop op; /* what a reduction's program makes states of: the member's or a joint one */
    /* The piece whose joint states have this one's behind theirs, which has no program then; else
     * -1. */
    int with;
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

/* A member's leaf that a task of the pass makes. */
typedef struct bri_made {
    bri_stage *member;
    int64_t chunk, step;
    size_t bytes;
    bool wanted; /* somebody needs it, */
    bool value;  /* as a value: it does not go straight to the caller */
} bri_made;

enum { BRI_MOST_MEMBERS = 16 };

/* Stages whose tasks make leaves of other stages: passes and mirrored leaves (stage_mirror.c). */
static inline bool bri_is_pass(const bri_stage *stage)
{
    return stage->kind == &bri_stage_pass || stage->kind == &bri_stage_mirror;
}

/* What the task of a leaf makes, in the order of its outputs, into room for BRI_MOST_MEMBERS;
 * returns how many. */
int bri_pass_makes(const bri_stage *pass, int64_t leaf, bri_made *made);
/* What a leaf of the pass is for one member. */
void bri_pass_made(const bri_stage *pass, int64_t leaf, bri_stage *member, bri_made *made);

/* The member reads the pass from now on, a leaf for a leaf. */
br_status bri_pass_redirect(bri_stage *member, bri_stage *pass);

/* ---- mirrored leaves ---- */

/* When leaves (i, j) and (j, i) of the reduction read the same, they are made in pairs. */
br_status bri_mirror_leaves(bri_plan *plan, bri_stage *member);
/* The leaf whose task makes this one. */
int64_t bri_mirror_task(const bri_stage *stage, int64_t leaf);
int bri_mirror_makes(const bri_stage *stage, int64_t leaf, bri_made *made);
/* Does the task of a leaf read the input? On the diagonal two that are mirror images are one. */
bool bri_mirror_loads(const bri_stage *stage, int64_t leaf, int input);

#endif
