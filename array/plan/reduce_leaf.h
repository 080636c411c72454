/* SPDX-License-Identifier: BSD-3-Clause
 * reduce_leaf.h - one leaf of a reduction, worked through slab by slab: where each slab's states
 * go and how they become the leaf's.
 *
 * A slab's state is either merged with those before it (the reduced axis is cut into slabs) or
 * stands beside them. Slabs are power-of-two multiples of the reduction block, so the result has
 * the bits of the whole leaf in one piece.
 */
#ifndef BRI_REDUCE_LEAF_H
#define BRI_REDUCE_LEAF_H

#include "array/plan/slab.h"

typedef struct bri_reduce_leaf {
    const bri_stage *stage;
    bri_redop op; /* the stage's, or one whose states begin with those of the stage's */
    bri_leaf leaf;
    int64_t nslabs; /* along the axis that is cut */
    int axis;       /* that the program reduces, or -1 */
    bool merges;    /* it is cut into slabs */
    int64_t nstate; /* elements of state after the program */
    char *states[2];
    char *home[BRI_PLANES]; /* where the states stand in the end: in states[0] or elsewhere */
    uint32_t elsewhere;     /* planes, as bits */
    char *stack;            /* of states to be merged with the first ones, which are at home */
    int depth;              /* of the stack: a binary counter makes it the aligned tree */
    int level[64];
    int64_t count[64];
} bri_reduce_leaf;

/* The axis of a stage's leaves that its program reduces itself, the last of the stage's; or -1. */
int bri_program_axis(const bri_stage *stage);

/* Of the stage's operation, or another one. Takes the scratch from the bump; with a bump that only
 * counts, nothing else may follow. */
void bri_reduce_leaf_start(bri_reduce_leaf *r, const bri_stage *stage, bri_redop op,
                           const bri_leaf *leaf, const bri_slabs *slabs, bri_bump *bump);
/* Has the planes of an operation, from `plane` of the leaf's on, made right at `out`, one after the
 * other. False where that cannot be: axes are left to be reduced, or they are made elsewhere. */
bool bri_reduce_leaf_into(bri_reduce_leaf *r, int plane, bri_redop op, void *out);
/* Runs the program on a slab, those along the axis that is cut in order; box has its views, extents
 * and origin. */
void bri_reduce_leaf_slab(bri_reduce_leaf *r, const bri_program *program, bri_box *box);
/* Merges what is left and reduces the stage's other axes, once: then the leaf's states are at
 * home. */
void bri_reduce_leaf_end(bri_reduce_leaf *r);

/* Elements and bytes of a leaf's state: its box over the axes that stay. */
int64_t bri_state_elements(const bri_stage *stage, const bri_leaf *leaf);
size_t bri_states_bytes(const bri_stage *stage, int64_t n);
/* Bytes that the states over a leaf's box take, `except` left out; reducing an axis of extent 0
 * makes more of them. */
size_t bri_states_room(const bri_stage *stage, const bri_leaf *leaf, int except);
/* Reduces states of op along the stage's axes below `from`, the last first; box is what the states
 * stand over, `each` elements apiece. Returns where the result is: in state or in other. */
char *bri_reduce_states(const bri_stage *stage, bri_redop op, bri_leaf *box, int from, int64_t each,
                        char *state, char *other);

#endif
