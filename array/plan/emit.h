/* SPDX-License-Identifier: BSD-3-Clause
 * emit.h - what walking the serial order (emit.c), making its tasks (make.c) and running them
 * (execute.c) share.
 */
#ifndef BRI_EMIT_H
#define BRI_EMIT_H

#include "array/plan/borders.h"
#include "array/plan/stage.h"

/* A chunk on its way: its current step and which of the step's needs have been seen to. */
typedef struct bri_frame {
    bri_stage *stage;
    int64_t chunk, step;
    int level; /* of the tree node to make next after a leaf, or 0 for the leaf itself */
    enum {
        BRI_MAKE,   /* all steps of a chunk */
        BRI_FOLLOW, /* one step of a streamed stage, and what becomes complete with it */
        BRI_NODES,  /* the same when the step has been made */
        BRI_WHOLE,  /* all leaves of a pass; chunk is the next one */
    } mode;
    int lender;  /* the rank that lent it, plus 1; 0: it is this rank's */
    bool inside; /* lent with the task that reads it */
    bool listed;
    bri_needs needs;
    size_t seen;
} bri_frame;

struct bri_emitter {
    bri_frame *stack;
    size_t depth, room;
    int root; /* which root, and its next chunk */
    int64_t chunk;
    bri_borders borders;  /* what comes before it */
    unsigned char *ranks; /* scratch of bri_count_readers */
};

/* The next task of this rank in the serial order; *task NULL after the last. */
br_status bri_emit_next(bri_job *job, bri_task **task);

/* Bytes of steps that are alike are worked out once. NULL memo: no memory, or they are not. */
br_status bri_memo_new(bri_stage *stage);

/* The task of a frame's step, whose needs are listed, and of the tree node at its level. With an
 * error *out, if set, is to be abandoned. A step that nobody wants here has none: *out stays. */
br_status bri_make_step(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task **out);
br_status bri_make_node(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task **out);

#endif
