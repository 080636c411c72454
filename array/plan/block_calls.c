/* SPDX-License-Identifier: BSD-3-Clause
 * block_calls.c - calls of users' functions: on whole blocks, and on the core elements of each
 * element of a loop.
 */
#include "array/plan/block_calls.h"

br_status bri_call_on_blocks(const bri_block_call *call)
{
    br_block in[BRI_MAX_INPUTS];
    const br_block *out = &call->out->block;
    int n = call->stage->node->ninputs;
    for (int k = 0; k < n; k++)
        in[k] = call->in[k].block;
    int code =
        ((br_block_function)call->user->fn)(n > 0 ? in : NULL, n, out, bri_user_data(call->user));
    if (code == 0)
        return BR_OK;
    br_status st = bri_user_error(call->user->fn, code);
    return out->nsteps == 1 ? st
                            : bri_error_context(st, "step %lld of %lld", (long long)out->step + 1,
                                                (long long)out->nsteps);
}

/* ---- the loop ---- */

/* Where the loop is, in its block, and what it points to. */
typedef struct loop {
    int n; /* axes */
    int64_t at[BR_MAX_NDIM];
    const char *in[BRI_MAX_INPUTS];
    int64_t stride[BRI_MAX_INPUTS][BR_MAX_NDIM]; /* bytes */
    char *out;
    int64_t out_bytes; /* of the core elements */
} loop;

static int64_t core_bytes(const br_block *block, int first)
{
    int64_t bytes = (int64_t)br_dtype_size(block->dtype);
    for (int a = first; a < block->ndim; a++)
        bytes *= block->extent[a];
    return bytes;
}

/* Input k's strides along the loop's axes, of which it may have fewer or some of extent 1. */
static void set_strides(const bri_block_call *call, int k, loop *l)
{
    const br_block *block = &call->in[k].block;
    int own = block->ndim - call->blocks->core[k];
    int64_t stride = core_bytes(block, own);
    l->in[k] = block->data;
    for (int a = l->n - 1; a >= 0; a--) {
        int mine = a - (l->n - own);
        bool moves = mine >= 0 && block->extent[mine] > 1;
        l->stride[k][a] = moves ? stride : 0;
        stride *= mine >= 0 ? block->extent[mine] : 1;
    }
}

static int call_once(const bri_block_call *call, const loop *l, const int64_t *extent)
{
    const bri_user_params *user = call->user;
    const void *in[BRI_MAX_INPUTS];
    for (int k = 0; k < call->blocks->ninputs; k++)
        in[k] = l->in[k];
    if (call->stage->node->op == &bri_op_along_axis)
        return ((br_slice_function)user->fn)(in[0], extent[0], l->out, bri_user_data(user));
    return ((br_gufunction)user->fn)(in, l->out, extent, bri_user_data(user));
}

/* To the loop's next element; false after the last. */
static bool step(const bri_block_call *call, loop *l)
{
    const int64_t *extent = call->out->extent;
    l->out += l->out_bytes;
    for (int a = l->n - 1; a >= 0; a--) {
        bool wraps = ++l->at[a] == extent[a];
        for (int k = 0; k < call->blocks->ninputs; k++)
            l->in[k] += wraps ? -(extent[a] - 1) * l->stride[k][a] : l->stride[k][a];
        if (!wraps)
            return true;
        l->at[a] = 0;
    }
    return false;
}

static br_status failed_at(const bri_block_call *call, const loop *l, int code)
{
    int64_t at[BR_MAX_NDIM];
    char where[160];
    br_status st = bri_user_error(call->user->fn, code);
    for (int a = 0; a < l->n; a++)
        at[a] = call->out->origin[a] + l->at[a];
    return l->n == 0 ? st
                     : bri_error_context(st, "element %s of the loop",
                                         bri_shape_text(l->n, at, where, sizeof where));
}

br_status bri_call_on_cores(const bri_block_call *call)
{
    const bri_blocks *b = call->blocks;
    int64_t extent[BR_MAX_NDIM];
    loop l = {.n = b->loop, .out = call->out->block.data};
    l.out_bytes = core_bytes(&call->out->block, l.n);
    for (int d = 0; d < b->nextents; d++)
        extent[d] = call->extent[b->extent[d]];
    for (int k = 0; k < b->ninputs; k++)
        set_strides(call, k, &l);
    do {
        int code = call_once(call, &l, extent);
        if (code != 0)
            return failed_at(call, &l, code);
    } while (step(call, &l));
    return BR_OK;
}
