/* SPDX-License-Identifier: BSD-3-Clause
 * block_calls.h - how a task calls a function of the user's with its blocks.
 */
#ifndef BRI_BLOCK_CALLS_H
#define BRI_BLOCK_CALLS_H

#include "array/ops/blocks.h"
#include "array/plan/stage.h"

/* A block and the numbers it points to. */
typedef struct bri_seen {
    br_block block;
    int64_t extent[BR_MAX_NDIM], origin[BR_MAX_NDIM], chunk[BR_MAX_NDIM];
    int64_t nchunks[BR_MAX_NDIM], shape[BR_MAX_NDIM];
} bri_seen;

/* What a call has: blocks are those of the inputs, out the last of them. */
typedef struct bri_block_call {
    const bri_stage *stage;
    const bri_user_params *user;
    const bri_blocks *blocks; /* NULL: an array without inputs */
    const int64_t *extent;    /* of the indices, in this task */
    const bri_seen *in, *out;
} bri_block_call;

/* The whole blocks in one call. */
br_status bri_call_on_blocks(const bri_block_call *call);
/* A call for each element of the loop. */
br_status bri_call_on_cores(const bri_block_call *call);

#endif
