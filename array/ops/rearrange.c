/* SPDX-License-Identifier: BSD-3-Clause
 * rearrange.c - roll, tile and blocks: concat of views, or a broadcast that is reshaped.
 */
#include <bramble/elementwise.h>

#include "array/ops/shape.h"
#include "runtime/alloc.h"

/* ---- roll ---- */

static br_array *roll_axis(bri_call *call, br_array *x, int axis, int64_t shift)
{
    if (x->status != BR_OK)
        return x;
    br_status st = bri_check_known(x->node, axis);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    int64_t n = x->shape[axis];
    int64_t by = n > 0 ? shift % n : 0;
    by += by < 0 ? n : 0;
    if (by == 0)
        return x;
    br_array *parts[] = {bri_slice_axis(call, x, axis, (bri_stretch){n - by, 1, by}),
                         bri_slice_axis(call, x, axis, (bri_stretch){0, 1, n - by})};
    return bri_concat(call, parts, 2, axis);
}

static br_array *roll_flat(bri_call *call, br_array *x, int64_t shift)
{
    br_extents shape = {x->node->ndim > 0 ? x->node->ndim : -1, {0}};
    for (int a = 0; a < x->node->ndim; a++)
        shape.extent[a] = x->shape[a];
    br_array *flat = br_ravel_(x, call->at);
    br_array *rolled = roll_axis(call, flat, 0, shift);
    return shape.ndim == 1 ? rolled : br_reshape_(rolled, shape, call->at);
}

static br_status check_roll(const br_roll_args *args, int *axis)
{
    int shifts = args->shift.ndim;
    int axes = args->axis.n > 0 ? args->axis.n : 1;
    if (shifts < 1)
        return bri_error(BR_ESHAPE, "no shift is given");
    if (shifts != axes && shifts > 1 && axes > 1)
        return bri_error(BR_ESHAPE, "%d shifts for %d axes", shifts, axes);
    for (int i = 0; i < args->axis.n; i++) {
        br_axes one = {1, {args->axis.axis[i]}};
        BRI_TRY(bri_one_axis(&one, args->x->node->ndim, 0, &axis[i]));
    }
    return BR_OK;
}

br_array *br_roll_(br_roll_args args)
{
    bri_call call = {NULL, "roll", args.at};
    int axis[BR_MAX_NDIM] = {0};
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    br_status st = check_roll(&args, axis);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    int shifts = args.shift.ndim;
    int n = args.axis.n > shifts ? args.axis.n : shifts;
    br_array *y = bri_same_array(&call, args.x);
    for (int i = 0; i < n && y->status == BR_OK; i++) {
        int64_t shift = args.shift.extent[shifts > 1 ? i : 0];
        y = args.axis.n > 0 ? roll_axis(&call, y, axis[args.axis.n > 1 ? i : 0], shift)
                            : roll_flat(&call, y, shift);
    }
    return y;
}

/* ---- tile ---- */

enum {
    FEW = 32,   /* copies that are joined whatever their size */
    MOST = 1024 /* inputs of one concat; more are joined in two levels */
};

/* A new axis of `count` before axis `before`, then shape's extents: for arrays so small that each
 * of many copies as a chunk of its own would cost more in tasks than the copying does. */
static br_array *spread(const bri_call *call, br_array *x, int before, int64_t count,
                        br_extents shape)
{
    br_extents wide = {x->node->ndim + 1, {0}};
    for (int a = 0, o = 0; o < wide.ndim; o++)
        wide.extent[o] = o == before ? count : x->shape[a++];
    br_array *thin = br_expand_dims_(x, before, call->at);
    return br_reshape_(br_broadcast_to_(thin, wide, call->at), shape, call->at);
}

/* x's shape with an axis `count` times as long. */
static br_status longer(const br_array *x, int axis, int64_t count, br_extents *shape)
{
    *shape = (br_extents){x->node->ndim, {0}};
    for (int a = 0; a < x->node->ndim; a++)
        shape->extent[a] = x->shape[a];
    if (__builtin_mul_overflow(x->shape[axis], count, &shape->extent[axis]))
        return bri_error(BR_ESHAPE, "extent %lld of axis %d, %lld times", (long long)x->shape[axis],
                         axis, (long long)count);
    return BR_OK;
}

static br_array *join_copies(bri_call *call, br_array *x, int axis, int64_t count)
{
    br_array *list[MOST];
    for (int64_t i = 0; i < count; i++)
        list[i] = x;
    return bri_concat(call, list, (int)count, axis);
}

br_array *bri_tile_axis(bri_call *call, br_array *x, int axis, int64_t count)
{
    br_extents shape;
    if (x->status != BR_OK || count == 1)
        return x;
    br_status st = longer(x, axis, count, &shape);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    if (count == 0 || x->shape[axis] == 0)
        return bri_slice_axis(call, x, axis, (bri_stretch){0, 1, 0});
    bool small = bri_node_nelem(x->node) <= BRI_AUTO_CHUNK_BYTES / 16;
    if (count > FEW && small && x->node->ndim < BR_MAX_NDIM)
        return spread(call, x, axis, count, shape);
    if (count <= MOST)
        return join_copies(call, x, axis, count);
    br_array *many = join_copies(call, x, axis, MOST);
    br_array *both[] = {bri_tile_axis(call, many, axis, count / MOST),
                        bri_tile_axis(call, x, axis, count % MOST)};
    return bri_concat(call, both, 2, axis);
}

static br_status check_repetitions(const br_extents *repetitions)
{
    for (int i = 0; i < bri_extents_ndim(repetitions); i++)
        if (repetitions->extent[i] < 0)
            return bri_error(BR_ESHAPE, "%lld repetitions", (long long)repetitions->extent[i]);
    return BR_OK;
}

br_array *br_tile_(br_array *x, br_extents repetitions, br_place at)
{
    bri_call call = {NULL, "tile", at};
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed != NULL)
        return failed;
    br_status st = check_repetitions(&repetitions);
    if (st == BR_OK)
        st = bri_check_known(x->node, BRI_ALL_AXES);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    int n = bri_extents_ndim(&repetitions);
    br_array *y = br_atleast_nd_(x, n, at);
    int first = y->status == BR_OK ? y->node->ndim - n : 0;
    for (int i = n - 1; i >= 0; i--)
        y = bri_tile_axis(&call, y, first + i, repetitions.extent[i]);
    return y;
}

/* ---- blocks ---- */

static br_array *block_row(bri_call *call, br_array *const *x, int columns, int ndim,
                           br_dtype dtype)
{
    br_array **row = bri_calloc((size_t)columns, sizeof(br_array *));
    if (row == NULL)
        return bri_handle_error(call, BR_ENOMEM);
    for (int j = 0; j < columns; j++) {
        bool fits = x[j]->node->dtype == dtype;
        row[j] = br_atleast_nd_(fits ? x[j] : br_astype_(x[j], dtype, call->at), ndim, call->at);
    }
    br_array *joined = bri_concat(call, row, columns, ndim - 1);
    bri_free(row);
    return joined;
}

br_array *br_blocks_(br_array *const *arrays, int rows, int columns, br_place at)
{
    bri_call call = {NULL, "blocks", at};
    int n = 0;
    int ndim = 2;
    bool sound = rows > 0 && columns > 0 && !__builtin_mul_overflow(rows, columns, &n);
    br_array *failed = bri_check_list(&call, arrays, sound ? n : 0);
    if (failed != NULL)
        return failed;
    for (int i = 0; i < n; i++)
        ndim = arrays[i]->node->ndim > ndim ? arrays[i]->node->ndim : ndim;
    br_dtype dtype = bri_common_array_dtype(arrays, n);
    br_array **list = bri_calloc((size_t)rows, sizeof(br_array *));
    if (list == NULL)
        return bri_handle_error(&call, BR_ENOMEM);
    for (int i = 0; i < rows; i++)
        list[i] = block_row(&call, arrays + (size_t)i * (size_t)columns, columns, ndim, dtype);
    br_array *out = bri_concat(&call, list, rows, ndim - 2);
    bri_free(list);
    return out;
}
