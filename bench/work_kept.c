/* SPDX-License-Identifier: BSD-3-Clause
 * work_kept.c - inputs that are persisted over the ranks, each chunk where it was made.
 */
#include "bench/sizes.h"
#include "bench/workloads.h"

static bool keep(bench *b, br_array **kept, br_array *x)
{
    *kept = br_persist(x);
    return br_error_status(b->ctx) == BR_OK;
}

bool set_up_kept_sum(bench *b)
{
    return keep(b, &b->ax, br_random_uniform(b->ctx, BR_SHAPE(SUM_N)));
}

bool set_up_kept_pair(bench *b)
{
    return keep(b, &b->ax, br_random_uniform(b->ctx, BR_SHAPE(PAIR_N))) &&
           keep(b, &b->ay, br_random_uniform(b->ctx, BR_SHAPE(PAIR_N)));
}

bool set_up_kept_square(bench *b)
{
    return keep(b, &b->ax, br_random_uniform(b->ctx, BR_SHAPE(SQUARE_N, SQUARE_N)));
}

bool set_up_kept_panels(bench *b)
{
    return keep(b, &b->ax,
                br_random_uniform(b->ctx, BR_SHAPE(PANELS_N, PANELS_N),
                                  .chunks = BR_CHUNKS(PANEL_WIDTH, PANELS_N)));
}

bool set_up_kept_stencil(bench *b)
{
    return keep(b, &b->ax,
                br_random_uniform(b->ctx, BR_SHAPE(STENCIL_N, STENCIL_N),
                                  .chunks = BR_CHUNKS(STENCIL_CHUNK, STENCIL_N)));
}
