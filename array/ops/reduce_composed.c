/* SPDX-License-Identifier: BSD-3-Clause
 * reduce_composed.c - reductions that are expressions of others: count_nonzero, ptp, vector_norm,
 * average.
 */
#include <math.h>
#include <string.h>

#include <bramble/elementwise.h>
#include <bramble/functions.h>
#include <bramble/reduce.h>

#include "array/ops/reduce.h"

static br_operand array(const br_array *x)
{
    return br_operand_array(x);
}

/* The same call of another reduction on another operand. */
static br_array *reduce_as(const bri_reduction *r, bri_redop op, br_array *x)
{
    bri_reduction other = *r;
    other.op = op;
    other.x = x;
    return bri_reduce(other);
}

br_array *br_count_nonzero_(br_reduce_args a)
{
    bri_call call;
    bri_reduction r = {.name = "count_nonzero",
                       .op = BRI_RED_SUM,
                       .at = a.at,
                       .x = a.x,
                       .axis = &a.axis,
                       .keepdims = a.keepdims};
    br_array *failed = bri_reduce_prepare(&call, &r);
    return failed != NULL ? failed : reduce_as(&r, BRI_RED_SUM, bri_as_dtype(r.x, BR_BOOL, r.at));
}

br_array *br_ptp_(br_reduce_args a)
{
    bri_call call;
    bri_reduction r = {.name = "ptp",
                       .op = BRI_RED_MAX,
                       .at = a.at,
                       .x = a.x,
                       .axis = &a.axis,
                       .keepdims = a.keepdims};
    br_array *failed = bri_reduce_prepare(&call, &r);
    if (failed != NULL)
        return failed;
    if (r.x->node->dtype == BR_BOOL)
        return bri_handle_error(&call, bri_error(BR_ETYPE, "not defined for bool"));
    br_array *most = reduce_as(&r, BRI_RED_MAX, r.x);
    return most->status != BR_OK
               ? most
               : br_subtract_(array(most), array(reduce_as(&r, BRI_RED_MIN, r.x)), r.at);
}

/* ---- vector_norm ---- */

static br_status read_order(br_number ord, double *p)
{
    *p = ord.kind == 0 ? 2 : ord.re;
    if (ord.kind == 'c' || isnan(*p))
        return bri_error(BR_EARG, ".ord is no real number");
    return BR_OK;
}

/* Sums of powers of |x| are taken of float64: those of float32 would overflow or vanish. */
static br_array *norm(const bri_reduction *r, double p)
{
    br_array *x = bri_as_dtype(r->x, bri_reduction_dtype('w', r->x->node->dtype), r->at);
    bool complex = bri_kind(r->x->node->dtype) == 'c';
    br_operand power = br_operand_float(p);
    if (isinf(p))
        return reduce_as(r, p > 0 ? BRI_RED_MAX : BRI_RED_MIN, br_abs_(array(r->x), r->at));
    if (p == 0)
        return reduce_as(r, BRI_RED_SUM, bri_as_dtype(r->x, BR_BOOL, r->at));
    br_array *size = complex || p != 2 ? br_abs_(array(x), r->at) : x;
    if (p == 1)
        return reduce_as(r, BRI_RED_SUM, size);
    if (p == 2)
        return br_sqrt_(array(reduce_as(r, BRI_RED_SUM, br_square_(array(size), r->at))), r->at);
    br_array *sum = reduce_as(r, BRI_RED_SUM, br_pow_(array(size), power, r->at));
    return br_pow_(array(sum), br_operand_float(1 / p), r->at);
}

br_array *br_vector_norm_(br_vector_norm_args a)
{
    bri_call call;
    double p;
    bri_reduction r = {.name = "vector_norm",
                       .op = BRI_RED_MEAN, /* integers become float64 */
                       .at = a.at,
                       .x = a.x,
                       .axis = &a.axis,
                       .keepdims = a.keepdims};
    br_array *failed = bri_reduce_prepare(&call, &r);
    if (failed != NULL)
        return failed;
    br_status st = read_order(a.ord, &p);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    return bri_as_dtype(norm(&r, p), bri_real_dtype(r.x->node->dtype), r.at);
}

/* ---- average ---- */

/* Weights given along the listed axes, in their order, as an array that broadcasts to x: its axes
 * in x's order, then new ones. NULL when that is not their shape. */
static br_array *along_axes(const bri_reduction *r, br_array *w)
{
    const int ndim = r->x->node->ndim;
    br_axes order = {0, {0}};
    if (r->axis->n <= 0 || w->node->ndim != r->axis->n)
        return NULL;
    for (int i = 0; i < w->node->ndim; i++) {
        int a = r->axis->axis[i] < 0 ? r->axis->axis[i] + ndim : r->axis->axis[i];
        if (!bri_axis_alike(&w->node->axis[i], &r->x->node->axis[a]))
            return NULL;
    }
    for (int a = 0; a < ndim; a++)
        for (int i = 0; i < r->axis->n; i++)
            if (r->axis->axis[i] == a || r->axis->axis[i] == a - ndim)
                order.axis[order.n++] = i;
    w = br_permute_dims_(w, order, r->at);
    uint32_t mask;
    bri_axes_mask(r->axis, ndim, &mask);
    for (int a = 0; a < ndim; a++)
        if (!(mask >> a & 1))
            w = br_expand_dims_(w, a, r->at);
    return w;
}

/* Any other weights must broadcast to x: as many axes as x has, those that are reduced as long as
 * x's, so that their sum counts each weight as often as it is used. */
static br_array *broadcast_weights(const bri_reduction *r, br_array *w)
{
    const int ndim = r->x->node->ndim;
    br_extents shape = {ndim > 0 ? ndim : -1, {0}};
    uint32_t mask;
    bri_axes_mask(r->axis, ndim, &mask);
    for (int a = 0; a < ndim; a++) {
        int own = a - (ndim - w->node->ndim);
        shape.extent[a] = (mask >> a & 1) || own < 0 ? r->x->shape[a] : w->shape[own];
        if (!(mask >> a & 1) && own < 0)
            shape.extent[a] = 1;
    }
    return br_broadcast_to_(w, shape, r->at);
}

/* Weights that differ along kept axes only would cancel: when they have not all axes, they were
 * meant for other ones. */
static bool cancel(const bri_reduction *r, const br_array *w)
{
    const int added = r->x->node->ndim - w->node->ndim;
    bool differ = false;
    uint32_t mask;
    bri_axes_mask(r->axis, r->x->node->ndim, &mask);
    if (added == 0 || mask == 0)
        return false;
    for (int a = 0; a < w->node->ndim; a++) {
        if (w->shape[a] != 1 && (mask >> (a + added) & 1))
            return false;
        differ = differ || w->shape[a] != 1;
    }
    return differ;
}

static br_status check_weights(const bri_reduction *r, const br_array *w)
{
    char text[2][128];
    const bri_node *x = r->x->node;
    BRI_TRY(bri_check_known(x, BRI_ALL_AXES));
    BRI_TRY(bri_check_known(w->node, BRI_ALL_AXES));
    bool fits = w->node->ndim <= x->ndim;
    for (int back = 1; fits && back <= w->node->ndim; back++) {
        int64_t extent = w->shape[w->node->ndim - back];
        fits = extent == 1 || extent == r->x->shape[x->ndim - back];
    }
    if (fits && !cancel(r, w))
        return BR_OK;
    return bri_error(BR_ESHAPE,
                     fits ? ".weights of shape %s broadcast to %s along none of the listed axes"
                          : ".weights of shape %s fit neither the axes of %s nor broadcast to it",
                     bri_node_shape_text(w->node, text[0], sizeof text[0]),
                     bri_node_shape_text(x, text[1], sizeof text[1]));
}

/* Both sums are rounded to the result's dtype only after the division. */
static br_array *weighted(bri_reduction r, br_array *w, br_dtype result)
{
    br_place at = r.at;
    r.dtype = bri_reduction_dtype('w', result);
    w = bri_as_dtype(w, result, at);
    br_array *total = reduce_as(&r, BRI_RED_SUM, br_multiply_(array(r.x), array(w), at));
    br_array *ratio = br_divide_(array(total), array(reduce_as(&r, BRI_RED_SUM, w)), at);
    return bri_as_dtype(ratio, result, at);
}

br_array *br_average_(br_average_args a)
{
    bri_call call;
    bri_reduction r = {.name = "average",
                       .op = BRI_RED_MEAN,
                       .at = a.at,
                       .x = a.x,
                       .axis = &a.axis,
                       .keepdims = a.keepdims};
    br_array *failed = bri_reduce_prepare(&call, &r);
    if (failed != NULL)
        return failed;
    if (a.weights == NULL)
        return bri_reduce(r);
    failed = bri_check_call(&call, &a.weights, 1);
    if (failed != NULL)
        return failed;
    br_array *w =
        bri_same_shape(r.x->node, a.weights->node) ? a.weights : along_axes(&r, a.weights);
    br_status st = w == NULL ? check_weights(&r, a.weights) : BR_OK;
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    if (w == NULL)
        w = broadcast_weights(&r, a.weights);
    if (w->status != BR_OK)
        return w;
    br_dtype result = bri_reduction_dtype('m', br_result_type(r.x->node->dtype, w->node->dtype));
    return weighted(r, w, result);
}
