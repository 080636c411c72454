/* SPDX-License-Identifier: BSD-3-Clause
 * from_function.c - arrays whose elements or chunks are values of a function of the user's.
 */
#include <string.h>

#include <bramble/creation.h>

#include "array/ops/fits.h"
#include "array/ops/user.h"
#include "array/plan/fuse.h"
#include "array/plan/stage.h"

static br_status infer(bri_node *node)
{
    return bri_layout_infer(node, &((const bri_user_params *)node->params)->layout);
}

/* ---- element by element ----
 *
 * Programs call functions of one number: an element's number in C order, which is taken apart here.
 */

static double call_at(double number, const void *data)
{
    const bri_user_params *p = data;
    int64_t index[BR_MAX_NDIM];
    int64_t rest = (int64_t)number;
    for (int a = p->layout.ndim - 1; a > 0; a--) {
        index[a] = rest % p->layout.extent[a];
        rest /= p->layout.extent[a];
    }
    index[0] = rest;
    return ((br_index_function)p->fn)(index, p->layout.ndim, bri_user_data(p));
}

/* The numbers of the elements seen through the map, int64. */
static int emit_number(bri_fuse *fuse, const bri_layout *layout, const bri_map *map)
{
    const int64_t start = 0;
    int64_t stride = 1;
    int sum = -1;
    for (int a = layout->ndim - 1; a >= 0; a--) {
        int v = bri_fuse_iota(fuse, BR_INT64, &start, &stride, &map->from[a]);
        if (v >= 0 && sum >= 0)
            v = bri_program_op(bri_fuse_program(fuse), BRI_OP_ADD, sum, v, -1);
        if (v < 0)
            return -1;
        sum = v;
        stride *= layout->extent[a];
    }
    return sum >= 0 ? sum : bri_program_constant(bri_fuse_program(fuse), BR_INT64, &start);
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    const bri_user_params *p = node->params;
    bri_program *program = bri_fuse_program(fuse);
    int v = emit_number(fuse, &p->layout, map);
    v = v < 0 ? v : bri_program_cast(program, BR_FLOAT64, v);
    v = v < 0 ? v : bri_program_call(program, call_at, p, v);
    return v < 0 ? v : bri_program_cast(program, node->dtype, v);
}

const bri_op bri_op_fromfunction = {
    .name = "fromfunction",
    .infer = infer,
    .form = {0, 0, sizeof(bri_user_params), true},
    .fits = bri_fits_user_layout,
    .emit = emit,
    .costly = true,
    .print = bri_user_print,
    .pack = bri_user_pack,
    .unpack = bri_user_unpack,
    .check = bri_user_check,
};

/* ---- chunk by chunk ---- */

const bri_op bri_op_from_blocks = {
    .name = "from_blocks",
    .infer = infer,
    .form = {0, 0, sizeof(bri_user_params), true},
    .fits = bri_fits_user_layout,
    .stage = &bri_stage_blocks,
    .costly = true,
    .print = bri_user_print,
    .pack = bri_user_pack,
    .unpack = bri_user_unpack,
    .check = bri_user_check,
};

/* ---- calls ---- */

static br_array *build(bri_call *call, bri_user_call *u, const br_extents *shape,
                       const br_extents *chunks)
{
    bri_layout layout;
    br_array *failed = bri_check_call(call, NULL, 0);
    if (failed != NULL)
        return failed;
    br_status st = bri_check_user(u);
    if (u->dtype == BR_NO_DTYPE)
        u->dtype = BR_FLOAT64;
    if (st == BR_OK)
        st = bri_layout_set(&layout, u->dtype, shape, chunks);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    u->layout = &layout;
    return bri_build_user(call, u, NULL, 0);
}

static bool too_many(const br_extents *shape)
{
    double n = 1;
    for (int a = 0; a < bri_extents_ndim(shape) && a < BR_MAX_NDIM; a++)
        n *= (double)shape->extent[a];
    return n > 0x1p53;
}

br_array *br_fromfunction_(br_fromfunction_args args)
{
    bri_call call = {args.ctx, "fromfunction", args.at};
    bri_user_call u = {
        .op = &bri_op_fromfunction,
        .fn = (bri_function)args.fn,
        .data = args.data,
        .data_bytes = args.data_bytes,
        .dtype = args.dtype,
        .cheap = args.cheap,
        .impure = args.impure,
    };
    if (args.ctx != NULL && too_many(&args.shape))
        return bri_handle_error(&call, bri_error(BR_ESHAPE, "more than 2^53 elements"));
    return build(&call, &u, &args.shape, &args.chunks);
}

br_array *br_from_blocks_(br_from_blocks_args args)
{
    bri_call call = {args.ctx, "from_blocks", args.at};
    bri_user_call u = {
        .op = &bri_op_from_blocks,
        .fn = (bri_function)args.fn,
        .data = args.data,
        .data_bytes = args.data_bytes,
        .dtype = args.dtype,
        .impure = args.impure,
        .scratch_bytes = args.scratch_bytes,
    };
    if (args.ctx != NULL && args.scratch_bytes > SIZE_MAX / 2)
        return bri_handle_error(&call,
                                bri_error(BR_EARG, ".scratch_bytes is %zu", args.scratch_bytes));
    return build(&call, &u, &args.shape, &args.chunks);
}
