/* SPDX-License-Identifier: BSD-3-Clause
 * told.h - what the plan of rank 0 tells those of other ranks, which cannot find it out: where the
 * indices of takes lie.
 *
 * All plans are made in the same way, so what is told has no names: a plan that hears does so in
 * the order in which rank 0's told. Of the indices themselves each rank gets those of the chunks
 * that it makes, in a part of its own that stays there (points.h, bri_apart_deal).
 */
#ifndef BRI_TOLD_H
#define BRI_TOLD_H

#include "array/expr/wire.h"
#include "array/plan/gather.h"
#include "array/plan/stage.h"

/* Of one take. The tables are counted. */
typedef struct bri_told {
    bri_table *lists;   /* which cells each block reads (gather.h) */
    bri_table *extents; /* of the chunks of what is picked first; NULL: nothing is */
    bri_table *part;    /* ranks above 0: the points of the blocks that are made here, or NULL */
    const bri_stage *stage; /* rank 0: the plan's, */
    const bri_gather *gather;
    bri_table *root; /*  and the table of the node's */
} bri_told;

struct bri_tellings {
    bri_told *told;
    int n;
    size_t room;
};

/* Rank 0: keeps the next place, and says what is told there. */
br_status bri_tell_later(bri_plan *plan, int *place);
void bri_tell(bri_plan *plan, int place, const bri_told *told);
/* Ranks above 0: the next one. */
br_status bri_hear(bri_plan *plan, const bri_told **told);
/* At the end of planning: has all been heard? */
br_status bri_heard_all(bri_plan *plan);

/* Rank 0: deals the parts out, and writes the rest. */
br_status bri_tellings_pack(bri_plan *plan, bri_writer *w);
/* *out is the caller's, also after a failure. */
br_status bri_tellings_unpack(br_context *ctx, bri_reader *r, bri_tellings **out);
/* NULL is fine. */
void bri_tellings_free(bri_tellings *tellings);

#endif
