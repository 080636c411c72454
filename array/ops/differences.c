/* SPDX-License-Identifier: BSD-3-Clause
 * differences.c - diff and gradient: elementwise expressions of slices.
 */
#include <bramble/elementwise.h>

#include "array/ops/shape.h"

/* ---- slices that are cut alike ---- */

static bool is_regular(const br_array *x)
{
    for (int a = 0; a < x->node->ndim; a++) {
        if (!bri_axis_is_known(&x->node->axis[a]))
            return false;
        bri_axis even = bri_axis_regular(x->shape[a], bri_axis_largest(&x->node->axis[a]));
        if (!bri_axis_equal(&x->node->axis[a], &even))
            return false;
    }
    return true;
}

/* `count` elements from start on, cut as x is. Without that the grid of slices that begin at
 * different elements would have chunks of one element between all others. */
static br_array *shifted(const bri_call *call, br_array *x, int axis, bri_stretch s)
{
    br_array *y = bri_slice_axis(call, x, axis, s);
    if (y->status != BR_OK || s.start == 0 || !is_regular(x))
        return y;
    br_extents chunks = {x->node->ndim, {0}};
    for (int a = 0; a < x->node->ndim; a++)
        chunks.extent[a] = bri_axis_largest(&x->node->axis[a]);
    return bri_rechunk(y, chunks, call->at);
}

/* x[distance:] - x[:-distance] */
static br_array *difference(const bri_call *call, br_array *x, int axis, int64_t distance)
{
    if (x->status != BR_OK)
        return x;
    int64_t n = x->shape[axis] > distance ? x->shape[axis] - distance : 0;
    int64_t start = n > 0 ? distance : 0;
    br_operand high = br_operand_array(shifted(call, x, axis, (bri_stretch){start, 1, n}));
    br_operand low = br_operand_array(bri_slice_axis(call, x, axis, (bri_stretch){0, 1, n}));
    return x->node->dtype == BR_BOOL ? br_not_equal_(high, low, call->at)
                                     : br_subtract_(high, low, call->at);
}

/* ---- diff ---- */

/* What is joined to x: a 0-d array stands for one element everywhere along the axis. */
static br_array *joinable(const bri_call *call, br_array *y, const br_array *x, int axis)
{
    br_extents shape = {x->node->ndim, {0}};
    if (y->status != BR_OK || y->node->ndim > 0)
        return y;
    for (int a = 0; a < x->node->ndim; a++)
        shape.extent[a] = a == axis ? 1 : x->shape[a];
    return br_broadcast_to_(y, shape, call->at);
}

static br_array *with_ends(bri_call *call, const br_diff_args *args, int axis)
{
    br_array *parts[3];
    int n = 0;
    if (args->prepend != NULL)
        parts[n++] = joinable(call, args->prepend, args->x, axis);
    parts[n++] = args->x;
    if (args->append != NULL)
        parts[n++] = joinable(call, args->append, args->x, axis);
    return bri_concat(call, parts, n, axis);
}

br_array *br_diff_(br_diff_args args)
{
    bri_call call = {NULL, "diff", args.at};
    int axis = 0;
    int64_t n = args.n != 0 ? args.n : 1;
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    br_status st = bri_one_axis(&args.axis, args.x->node->ndim, -1, &axis);
    if (st == BR_OK && n < 0)
        st = bri_error(BR_EARG, "n is %lld", (long long)n);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_array *y = with_ends(&call, &args, axis);
    st = y->status == BR_OK ? bri_check_known(y->node, axis) : BR_OK;
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    for (; n > 0 && y->status == BR_OK && y->shape[axis] > 0; n--)
        y = difference(&call, y, axis, 1);
    return y;
}

/* ---- gradient ---- */

/* The sum of n elements times factors, from `start` on, added from the first one on. */
static br_array *weighted(const bri_call *call, br_array *x, int axis, int64_t start, int n,
                          const double *factor)
{
    br_array *sum = NULL;
    for (int i = 0; i < n; i++) {
        br_array *e = bri_slice_axis(call, x, axis, (bri_stretch){start + i, 1, 1});
        br_array *term = br_multiply_(br_operand_array(e), br_operand_float(factor[i]), call->at);
        sum = i == 0 ? term : br_add_(br_operand_array(sum), br_operand_array(term), call->at);
    }
    return sum;
}

static br_array *one_sided(const bri_call *call, br_array *x, int axis, int64_t start,
                           double spacing)
{
    br_array *pair = bri_slice_axis(call, x, axis, (bri_stretch){start, 1, 2});
    return br_divide_(br_operand_array(difference(call, pair, axis, 1)), br_operand_float(spacing),
                      call->at);
}

static br_status check_gradient(const br_gradient_args *args, int *axis)
{
    int ndim = args->x->node->ndim;
    if (args->axis.n == 0 && ndim > 1)
        return bri_error(BR_EAXIS, ".axis is needed, as x has %d axes", ndim);
    BRI_TRY(bri_one_axis(&args->axis, ndim, 0, axis));
    if (args->edge_order < 0 || args->edge_order > 2)
        return bri_error(BR_EARG, ".edge_order is 1 or 2, not %d", args->edge_order);
    if (args->x->node->dtype == BR_BOOL)
        return bri_error(BR_ETYPE, "not defined for bool");
    BRI_TRY(bri_check_known(args->x->node, *axis));
    int least = args->edge_order == 2 ? 3 : 2;
    if (args->x->shape[*axis] < least)
        return bri_error(BR_ESHAPE, "axis %d has %lld elements, at least %d are needed", *axis,
                         (long long)args->x->shape[*axis], least);
    return BR_OK;
}

br_array *br_gradient_(br_gradient_args args)
{
    bri_call call = {NULL, "gradient", args.at};
    int axis = 0;
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    br_status st = check_gradient(&args, &axis);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    double h = args.spacing != 0 ? args.spacing : 1;
    char kind = bri_kind(args.x->node->dtype);
    br_array *x = kind == 'f' || kind == 'c' ? args.x : br_astype_(args.x, BR_FLOAT64, args.at);
    int64_t n = args.x->shape[axis];
    br_array *middle = br_divide_(br_operand_array(difference(&call, x, axis, 2)),
                                  br_operand_float(2 * h), args.at);
    br_array *parts[] = {one_sided(&call, x, axis, 0, h), middle,
                         one_sided(&call, x, axis, n - 2, h)};
    if (args.edge_order == 2) {
        parts[0] = weighted(&call, x, axis, 0, 3, (double[]){-1.5 / h, 2 / h, -0.5 / h});
        parts[2] = weighted(&call, x, axis, n - 3, 3, (double[]){0.5 / h, -2 / h, 1.5 / h});
    }
    return bri_concat(&call, parts, 3, axis);
}
