/* SPDX-License-Identifier: BSD-3-Clause
 * map_blocks.c - a function of the user's on the chunks at the same place: axes matched from the
 * last one, dropped and new ones.
 */
#include "array/ops/blocks.h"
#include "array/ops/fits.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

const bri_op bri_op_map_blocks = {
    .name = "map_blocks",
    .infer = bri_blocks_infer,
    .form = {1, BRI_MAX_INPUTS, sizeof(bri_user_params), true},
    .fits = bri_fits_blocks,
    .stage = &bri_stage_blocks,
    .any_extent = true,
    .costly = true,
    .print = bri_user_print,
    .pack = bri_user_pack,
    .unpack = bri_user_unpack,
    .check = bri_user_check,
};

/* The axes that are listed, none when none are given. */
static br_status listed_axes(const br_axes *axes, int ndim, uint32_t *mask)
{
    *mask = 0;
    return axes->n > 0 ? bri_axes_mask(axes, ndim, mask) : BR_OK;
}

/* Indices of the axes of all inputs together: result axes in order, then the dropped ones. */
static void set_indices(bri_blocks *b, int common, uint32_t drop, uint32_t added,
                        br_array *const *inputs)
{
    int8_t of[BR_MAX_NDIM];
    int next = 0;
    for (int a = 0; a < b->ndim; a++)
        if (added >> a & 1)
            snprintf(b->name[a], sizeof b->name[a], "new axis %d", a);
    for (int c = 0; c < common; c++) {
        while (next < b->ndim && (added >> next & 1))
            next++;
        of[c] = (int8_t)(drop >> c & 1 ? b->nindices++ : next++);
        b->whole |= drop >> c & 1 ? (uint32_t)1 << of[c] : 0;
        snprintf(b->name[of[c]], sizeof b->name[0], "axis %d", c);
    }
    for (int k = 0; k < b->ninputs; k++)
        for (int a = 0; a < inputs[k]->node->ndim; a++)
            b->index[k][a] = of[a + common - inputs[k]->node->ndim];
}

static br_status describe_blocks(const br_map_blocks_args *args, br_array *const *inputs, int n,
                                 bri_blocks **out)
{
    uint32_t drop;
    uint32_t added;
    int common = 0;
    for (int k = 0; k < n; k++)
        common = inputs[k]->node->ndim > common ? inputs[k]->node->ndim : common;
    BRI_TRY(listed_axes(&args->drop_axis, common, &drop));
    int dropped = __builtin_popcount(drop);
    int more = args->new_axis.n > 0 ? args->new_axis.n : 0;
    if (common + more > BR_MAX_NDIM)
        return bri_error(BR_EAXIS, "%d axes and %d new ones; %d are possible", common, more,
                         BR_MAX_NDIM);
    BRI_TRY(listed_axes(&args->new_axis, common - dropped + more, &added));
    BRI_TRY(bri_blocks_new(common - dropped + more, &args->chunks, args->chunk_lists, out));
    (*out)->ninputs = n;
    (*out)->by_number = true;
    set_indices(*out, common, drop, added, inputs);
    return BR_OK;
}

br_array *br_map_blocks_(br_map_blocks_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "map_blocks", args.at};
    bri_user_call u = {.op = &bri_op_map_blocks,
                       .fn = (bri_function)args.fn,
                       .data = args.data,
                       .data_bytes = args.data_bytes,
                       .dtype = args.dtype,
                       .impure = args.impure,
                       .scratch_bytes = args.scratch_bytes};
    if (args.x != NULL && args.x->status != BR_OK)
        return bri_handle_same_error(args.x, args.x->ctx);
    if (args.nmore < 0 || args.nmore >= BRI_MAX_INPUTS || (args.nmore > 0 && args.more == NULL))
        return bri_handle_error(&call, bri_error(BR_EARG, "%d further inputs; 0 to %d are possible",
                                                 args.nmore, BRI_MAX_INPUTS - 1));
    br_array *inputs[BRI_MAX_INPUTS] = {args.x};
    for (int i = 0; i < args.nmore; i++)
        inputs[i + 1] = args.more[i];
    br_array *failed = bri_check_call(&call, inputs, args.nmore + 1);
    if (failed != NULL)
        return failed;
    if (u.dtype == BR_NO_DTYPE)
        u.dtype = args.x->node->dtype;
    bri_blocks *b = NULL;
    br_status st = describe_blocks(&args, inputs, args.nmore + 1, &b);
    br_array *y =
        st == BR_OK ? bri_blocks_build(&call, &u, b, inputs) : bri_handle_error(&call, st);
    bri_free(b);
    return y;
}
