/* SPDX-License-Identifier: BSD-3-Clause
 * shape.c - functions that turn, cut and roll arrays: views, and concat of views.
 */
#include "array/ops/shape.h"

#include <string.h>

#include "runtime/alloc.h"

/* ---- helpers ---- */

br_array *bri_slice_axis(const bri_call *call, br_array *x, int axis, bri_stretch s)
{
    bri_axis out[BR_MAX_NDIM];
    if (x->status != BR_OK)
        return x;
    br_status st = bri_check_known(x->node, axis);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    int ndim = x->node->ndim;
    bri_map map = bri_map_identity(ndim);
    for (int a = 0; a < ndim; a++)
        out[a] = bri_axis_regular(x->shape[a], x->shape[a]);
    out[axis] = bri_axis_regular(s.count, s.count);
    /* A step beyond the extent would overflow in the arithmetic of maps. */
    map.from[axis] = (bri_map_axis){axis, s.count > 0 ? s.start : 0, s.count > 1 ? s.step : 1};
    return bri_view_array(call, &bri_op_index, x, out, ndim, &map);
}

br_status bri_fail_all(br_array *failed, br_array **out, int n)
{
    for (int i = 0; i < n && out != NULL; i++)
        out[i] = failed;
    return failed->status;
}

/* NULL when the call may go on with x and a place for n results. */
static br_array *check_parts(bri_call *call, br_array *x, br_array **out, int n)
{
    br_array *failed = bri_check_call(call, &x, 1);
    if (failed != NULL)
        return failed;
    if (n < 0 || (n > 0 && out == NULL))
        return bri_handle_error(call, bri_error(BR_EARG, "there is no place for %d arrays", n));
    return NULL;
}

/* The same error for all, or the first one among them. */
static br_status first_error(br_array *const *out, int n)
{
    for (int i = 0; i < n; i++)
        if (out[i]->status != BR_OK)
            return out[i]->status;
    return BR_OK;
}

/* ---- cutting ---- */

static br_array *one_element(const bri_call *call, br_array *x, int axis, int64_t i)
{
    br_index_item items[BR_MAX_NDIM];
    for (int a = 0; a < axis; a++)
        items[a] = (br_index_item){.kind = ':'};
    items[axis] = (br_index_item){.kind = 'i', .start = i};
    return br_index_items_(x, items, axis + 1, call->at);
}

br_status br_unstack_(br_unstack_args args)
{
    bri_call call = {NULL, "unstack", args.at};
    int axis = 0;
    br_array *failed = check_parts(&call, args.x, args.out, args.n);
    if (failed != NULL)
        return bri_fail_all(failed, args.out, args.n);
    br_status st = bri_one_axis(&args.axis, args.x->node->ndim, 0, &axis);
    if (st == BR_OK)
        st = bri_check_known(args.x->node, axis);
    if (st == BR_OK && args.x->shape[axis] != args.n)
        st = bri_error(BR_ESHAPE, "axis %d has extent %lld, not %d", axis,
                       (long long)args.x->shape[axis], args.n);
    if (st != BR_OK)
        return bri_fail_all(bri_handle_error(&call, st), args.out, args.n);
    for (int i = 0; i < args.n; i++)
        args.out[i] = one_element(&call, args.x, axis, i);
    return first_error(args.out, args.n);
}

/* Where part i begins, i up to n; indices are those of slices. */
static int64_t begin_of_part(const br_split_args *args, int64_t extent, int i)
{
    if (i == 0)
        return 0;
    if (i == args->n)
        return extent;
    if (args->indices == NULL)
        return extent / args->n * i + (extent % args->n < i ? extent % args->n : i);
    int64_t at = args->indices[i - 1] < 0 ? args->indices[i - 1] + extent : args->indices[i - 1];
    return at < 0 ? 0 : at > extent ? extent : at;
}

static br_status check_split(const br_split_args *args, int *axis)
{
    BRI_TRY(bri_one_axis(&args->axis, args->x->node->ndim, 0, axis));
    BRI_TRY(bri_check_known(args->x->node, *axis));
    int64_t extent = args->x->shape[*axis];
    if (args->n < 1)
        return bri_error(BR_EARG, "%d parts", args->n);
    if (args->indices == NULL && !args->uneven && extent % args->n != 0)
        return bri_error(BR_ESHAPE, "extent %lld of axis %d in %d equal parts", (long long)extent,
                         *axis, args->n);
    return BR_OK;
}

br_status br_split_(br_split_args args)
{
    bri_call call = {NULL, "split", args.at};
    int axis = 0;
    br_array *failed = check_parts(&call, args.x, args.out, args.n);
    if (failed != NULL)
        return bri_fail_all(failed, args.out, args.n);
    br_status st = check_split(&args, &axis);
    if (st != BR_OK)
        return bri_fail_all(bri_handle_error(&call, st), args.out, args.n);
    for (int i = 0; i < args.n; i++) {
        int64_t from = begin_of_part(&args, args.x->shape[axis], i);
        int64_t to = begin_of_part(&args, args.x->shape[axis], i + 1);
        args.out[i] =
            bri_slice_axis(&call, args.x, axis, (bri_stretch){from, 1, to > from ? to - from : 0});
    }
    return first_error(args.out, args.n);
}

/* ---- turning ---- */

static br_status place_axis(int axis, int ndim, int *at)
{
    br_axes one = {1, {axis}};
    return bri_one_axis(&one, ndim, 0, at);
}

/* The list as distinct axes below ndim. */
static br_status read_axes(const br_axes *axes, int ndim, int *list)
{
    uint32_t mask;
    br_axes given = *axes;
    given.n = axes->n > 0 ? axes->n : -1;
    BRI_TRY(bri_axes_mask(&given, ndim, &mask));
    for (int i = 0; i < axes->n; i++)
        list[i] = axes->axis[i] < 0 ? axes->axis[i] + ndim : axes->axis[i];
    return BR_OK;
}

/* order.axis[o] is the axis of x that becomes axis o. */
static br_status move_order(const br_axes *source, const br_axes *destination, int ndim,
                            br_axes *order)
{
    int from[BR_MAX_NDIM];
    int to[BR_MAX_NDIM];
    bool moves[BR_MAX_NDIM] = {false};
    int n = source->n > 0 ? source->n : 0;
    if (n != (destination->n > 0 ? destination->n : 0))
        return bri_error(BR_EAXIS, "%d axes are moved to %d places", n,
                         destination->n > 0 ? destination->n : 0);
    BRI_TRY(read_axes(source, ndim, from));
    BRI_TRY(read_axes(destination, ndim, to));
    order->n = ndim > 0 ? ndim : -1;
    for (int o = 0; o < ndim; o++)
        order->axis[o] = -1;
    for (int i = 0; i < n; i++) {
        order->axis[to[i]] = from[i];
        moves[from[i]] = true;
    }
    int next = 0;
    for (int o = 0; o < ndim; o++) {
        while (next < ndim && moves[next])
            next++;
        if (order->axis[o] < 0)
            order->axis[o] = next++;
    }
    return BR_OK;
}

br_array *br_moveaxis_(br_array *x, br_axes source, br_axes destination, br_place at)
{
    bri_call call = {NULL, "moveaxis", at};
    br_axes order;
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed != NULL)
        return failed;
    br_status st = move_order(&source, &destination, x->node->ndim, &order);
    return st == BR_OK ? br_permute_dims_(x, order, at) : bri_handle_error(&call, st);
}

/* x with two axes in each other's place. */
static br_array *exchanged(const bri_call *call, br_array *x, int a, int b)
{
    if (x->status != BR_OK)
        return x;
    br_axes order = {x->node->ndim, {0}};
    for (int o = 0; o < x->node->ndim; o++)
        order.axis[o] = o == a ? b : o == b ? a : o;
    return br_permute_dims_(x, order, call->at);
}

br_array *br_swapaxes_(br_array *x, int a, int b, br_place at)
{
    bri_call call = {NULL, "swapaxes", at};
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed != NULL)
        return failed;
    br_status st = place_axis(a, x->node->ndim, &a);
    if (st == BR_OK)
        st = place_axis(b, x->node->ndim, &b);
    return st == BR_OK ? exchanged(&call, x, a, b) : bri_handle_error(&call, st);
}

br_array *br_matrix_transpose_(br_array *x, br_place at)
{
    bri_call call = {NULL, "matrix_transpose", at};
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed != NULL)
        return failed;
    int ndim = x->node->ndim;
    if (ndim < 2)
        return bri_handle_error(
            &call, bri_error(BR_EAXIS, "at least two axes are needed, x has %d", ndim));
    return exchanged(&call, x, ndim - 2, ndim - 1);
}

static br_array *reversed(const bri_call *call, br_array *x, int axis)
{
    if (x->status != BR_OK)
        return x;
    return bri_slice_axis(call, x, axis, (bri_stretch){x->shape[axis] - 1, -1, x->shape[axis]});
}

br_array *br_flip_(br_flip_args args)
{
    bri_call call = {NULL, "flip", args.at};
    uint32_t mask;
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    int ndim = args.x->node->ndim;
    br_status st = bri_axes_mask(&args.axis, ndim, &mask);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_array *y = bri_same_array(&call, args.x);
    for (int a = 0; a < ndim; a++)
        if (mask >> a & 1)
            y = reversed(&call, y, a);
    return y;
}

br_array *br_rot90_(br_rot90_args args)
{
    bri_call call = {NULL, "rot90", args.at};
    int axis[BR_MAX_NDIM] = {0, 1};
    br_axes axes = args.axes.n == 0 ? (br_axes){2, {0, 1}} : args.axes;
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    br_status st = axes.n == 2 ? read_axes(&axes, args.x->node->ndim, axis)
                               : bri_error(BR_EAXIS, "two axes are needed");
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    switch (((args.k % 4) + 4) % 4) {
    case 1:
        return exchanged(&call, reversed(&call, args.x, axis[1]), axis[0], axis[1]);
    case 2:
        return reversed(&call, reversed(&call, args.x, axis[0]), axis[1]);
    case 3:
        return reversed(&call, exchanged(&call, args.x, axis[0], axis[1]), axis[1]);
    default:
        return bri_same_array(&call, args.x);
    }
}

br_array *br_atleast_nd_(br_array *x, int ndim, br_place at)
{
    bri_call call = {NULL, "atleast_nd", at};
    br_index_item items[BR_MAX_NDIM];
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed != NULL)
        return failed;
    if (ndim < 0 || ndim > BR_MAX_NDIM)
        return bri_handle_error(&call, bri_error(BR_EAXIS, "%d dimensions", ndim));
    int n = 0;
    while (n < ndim - x->node->ndim)
        items[n++] = (br_index_item){.kind = 'n'};
    return n > 0 ? br_index_items_(x, items, n, at) : bri_same_array(&call, x);
}

br_array *br_ravel_(br_array *x, br_place at)
{
    bri_call call = {NULL, "ravel", at};
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed != NULL)
        return failed;
    return x->node->ndim == 1 ? bri_same_array(&call, x)
                              : br_reshape_(x, (br_extents){1, {bri_node_nelem(x->node)}}, at);
}

/* ---- broadcasting ---- */

static br_status common_shape(br_array *const *x, int n, br_extents *shape)
{
    int ndim = 0;
    for (int i = 0; i < n; i++) {
        BRI_TRY(bri_check_known(x[i]->node, BRI_ALL_AXES));
        ndim = x[i]->node->ndim > ndim ? x[i]->node->ndim : ndim;
    }
    shape->ndim = ndim > 0 ? ndim : -1;
    for (int back = 1; back <= ndim; back++) {
        int64_t *extent = &shape->extent[ndim - back];
        *extent = 1;
        for (int i = 0; i < n; i++) {
            int64_t own = back <= x[i]->node->ndim ? x[i]->shape[x[i]->node->ndim - back] : 1;
            if (own != 1 && *extent != 1 && own != *extent)
                return bri_error(BR_ESHAPE, "extents %lld and %lld differ on axis %d from the last",
                                 (long long)*extent, (long long)own, back);
            *extent = own != 1 ? own : *extent;
        }
    }
    return BR_OK;
}

br_status br_broadcast_arrays_(br_array *const *arrays, int n, br_array **out, br_place at)
{
    bri_call call = {NULL, "broadcast_arrays", at};
    br_extents shape;
    br_array *failed = bri_check_list(&call, arrays, n);
    if (failed != NULL)
        return bri_fail_all(failed, out, n);
    br_status st = out != NULL ? common_shape(arrays, n, &shape)
                               : bri_error(BR_EARG, "there is no place for %d arrays", n);
    if (st != BR_OK)
        return bri_fail_all(bri_handle_error(&call, st), out, n);
    for (int i = 0; i < n; i++)
        out[i] = br_broadcast_to_(arrays[i], shape, at);
    return first_error(out, n);
}
