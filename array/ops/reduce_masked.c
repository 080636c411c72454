/* SPDX-License-Identifier: BSD-3-Clause
 * reduce_masked.c - reductions with a mask, with an initial value, and without NaNs: expressions of
 * the plain ones.
 *
 * Elements that take no part are replaced where they are read, by the reduction's identity or by a
 * NaN that nanvar skips, so that nothing but the block in the cache is ever copied.
 */
#include <math.h>
#include <string.h>

#include <bramble/elementwise.h>
#include <bramble/nan.h>

#include "array/ops/reduce.h"

static br_operand array(const br_array *x)
{
    return br_operand_array(x);
}

static br_operand number(br_number v)
{
    return br_operand_number(v);
}

static bool is_sum(bri_redop op)
{
    return op == BRI_RED_SUM || op == BRI_RED_NANSUM;
}

static bool is_ordered(bri_redop op)
{
    return !is_sum(op) && op != BRI_RED_PROD;
}

static bool is_min(bri_redop op)
{
    return op == BRI_RED_MIN || op == BRI_RED_NANMIN;
}

/* The number that changes no result of op on elements of a dtype. */
static br_number identity(bri_redop op, br_dtype dtype)
{
    char kind = bri_kind(dtype);
    int bits = (int)(8 * bri_dtypes[dtype].size);
    if (!is_ordered(op))
        return kind == 'b' ? br_number_bool(op == BRI_RED_PROD) : br_number_int(op == BRI_RED_PROD);
    if (kind == 'b')
        return br_number_bool(is_min(op));
    if (kind == 'u')
        return br_number_uint(is_min(op) ? UINT64_MAX >> (64 - bits) : 0);
    if (kind == 'i')
        return br_number_int(is_min(op) ? INT64_MAX >> (64 - bits) : INT64_MIN >> (64 - bits));
    return br_number_float(is_min(op) ? (double)INFINITY : -(double)INFINITY);
}

static br_array *is_nan(br_array *x, br_place at)
{
    return br_not_equal_(array(x), array(x), at);
}

/* ---- sum, prod, min, max ---- */

static br_status check_initial(const bri_reduction *r)
{
    br_dtype to = bri_reduce_dtype(r);
    char kind = r->initial.kind == 'u' ? 'i' : r->initial.kind;
    if (kind == 0)
        return r->where == NULL || !is_ordered(r->op)
                   ? BR_OK
                   : bri_error(BR_EARG, ".where needs .initial, the value of no elements");
    if (bri_promote_weak(to, kind) != to)
        return bri_error(BR_ETYPE, ".initial is no %s", br_dtype_name(to));
    return is_ordered(r->op) ? bri_check_number(r->initial, to) : BR_OK;
}

/* Sums and products get the initial value before they are rounded to float32. */
static br_array *extended(bri_reduction r, br_dtype result)
{
    br_operand initial = number(r.initial);
    br_dtype wide = bri_reduction_dtype('w', result);
    if (strchr("fc", bri_kind(result)) != NULL) {
        r.x = bri_as_dtype(r.x, wide, r.at);
        r.dtype = wide;
    }
    br_array *total = bri_reduce(r);
    total = is_sum(r.op) ? br_add_(array(total), initial, r.at)
                         : br_multiply_(array(total), initial, r.at);
    return bri_as_dtype(total, result, r.at);
}

static br_array *bounded(bri_reduction r)
{
    br_operand initial = number(r.initial);
    r.may_be_empty = true;
    br_array *best = bri_reduce(r);
    br_array *all = is_min(r.op) ? br_minimum_(array(best), initial, r.at)
                                 : br_maximum_(array(best), initial, r.at);
    if (!r.known || r.exact)
        return all;
    return br_where_(array(is_nan(best, r.at)), initial, array(all), r.at);
}

static br_array *fold(bri_reduction r)
{
    bri_call call;
    br_array *failed = bri_reduce_prepare(&call, &r);
    if (failed != NULL)
        return failed;
    br_status st = check_initial(&r);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_dtype result = bri_reduce_dtype(&r);
    bool floating = strchr("fc", bri_kind(r.x->node->dtype)) != NULL;
    br_operand none = number(identity(r.op, r.x->node->dtype));
    if (r.known && r.op == BRI_RED_PROD && !r.exact)
        r.x = br_where_(array(is_nan(r.x, r.at)), none, array(r.x), r.at);
    if (r.known && r.op == BRI_RED_SUM && floating)
        r.op = BRI_RED_NANSUM;
    if (r.where != NULL)
        r.x = br_where_(array(r.where), array(r.x), none, r.at);
    r.where = NULL;
    if (r.initial.kind == 0)
        return bri_reduce(r);
    return is_ordered(r.op) ? bounded(r) : extended(r, result);
}

/* ---- mean, var, std ---- */

/* How many elements of the mask, as large as x, are not 0. */
static br_array *count(const bri_reduction *r, br_array *mask)
{
    br_extents shape = {r->x->node->ndim > 0 ? r->x->node->ndim : -1, {0}};
    memcpy(shape.extent, r->x->shape, (size_t)r->x->node->ndim * sizeof *shape.extent);
    bri_reduction n = {
        .name = r->name, .op = BRI_RED_SUM, .at = r->at, .axis = r->axis, .keepdims = r->keepdims};
    n.x = bri_as_dtype(mask, BR_BOOL, r->at);
    if (!bri_same_shape(mask->node, r->x->node))
        n.x = br_broadcast_to_(n.x, shape, r->at);
    return bri_reduce(n);
}

/* What is left out becomes NaN where those are skipped anyway; else it becomes 0, and the mask is
 * counted. */
static br_array *mean(bri_reduction r)
{
    bri_call call;
    br_array *mask = r.where;
    br_array *failed = bri_reduce_prepare(&call, &r);
    if (failed != NULL)
        return failed;
    r.where = NULL;
    r.op = r.known && !r.exact ? BRI_RED_NANMEAN : BRI_RED_MEAN;
    if (mask == NULL)
        return bri_reduce(r);
    br_number none = r.op == BRI_RED_NANMEAN ? br_number_float((double)NAN) : br_number_int(0);
    bri_reduction sum = r;
    sum.x = br_where_(array(mask), array(r.x), number(none), r.at);
    if (r.op == BRI_RED_NANMEAN)
        return bri_reduce(sum);
    br_dtype result = bri_reduce_dtype(&r);
    sum.op = BRI_RED_SUM;
    sum.dtype = bri_reduction_dtype('w', result);
    br_array *ratio = br_divide_(array(bri_reduce(sum)), array(count(&r, mask)), r.at);
    return bri_as_dtype(ratio, result, r.at);
}

/* What is left out becomes NaN, which nanvar skips; where there is one among the rest the result is
 * NaN. */
static br_array *moments(bri_reduction r)
{
    bri_call call;
    br_array *mask = r.where;
    br_array *failed = bri_reduce_prepare(&call, &r);
    if (failed != NULL)
        return failed;
    br_operand nan = number(br_number_float((double)NAN));
    if ((r.known && !r.exact) || mask != NULL)
        r.op = r.op == BRI_RED_VAR ? BRI_RED_NANVAR : BRI_RED_NANSTD;
    r.where = NULL;
    if (mask == NULL)
        return bri_reduce(r);
    bri_reduction any = r;
    r.x = br_where_(array(mask), array(r.x), nan, r.at);
    if (r.known || r.exact)
        return bri_reduce(r);
    any.op = BRI_RED_ANY;
    any.dtype = BR_NO_DTYPE;
    any.correction = 0;
    any.x = br_logical_and_(array(mask), array(is_nan(any.x, r.at)), r.at);
    return br_where_(array(bri_reduce(any)), nan, array(bri_reduce(r)), r.at);
}

/* ---- any, all ---- */

static br_array *logic(bri_reduction r)
{
    bri_call call;
    br_array *failed = bri_reduce_prepare(&call, &r);
    if (failed != NULL)
        return failed;
    if (r.where != NULL && r.op == BRI_RED_ANY)
        r.x = br_logical_and_(array(r.where), array(r.x), r.at);
    else if (r.where != NULL)
        r.x = br_logical_or_(array(br_logical_not_(array(r.where), r.at)), array(r.x), r.at);
    r.where = NULL;
    return bri_reduce(r);
}

/* One row a function: its name, how it is composed, of which reduction, without NaNs, and the
 * arguments beyond the common ones. */
#define ROW(name_, how, NAME, known_, args, ...)                                                   \
    br_array *br_##name_##_(br_##args##_args a)                                                    \
    {                                                                                              \
        return how((bri_reduction){.name = #name_,                                                 \
                                   .op = BRI_RED_##NAME,                                           \
                                   .at = a.at,                                                     \
                                   .x = a.x,                                                       \
                                   .axis = &a.axis,                                                \
                                   .keepdims = a.keepdims,                                         \
                                   .known = known_,                                                \
                                   .where = a.where,                                               \
                                   __VA_ARGS__});                                                  \
    }

ROW(sum, fold, SUM, false, sum, .dtype = a.dtype, .initial = a.initial)
ROW(prod, fold, PROD, false, sum, .dtype = a.dtype, .initial = a.initial)
ROW(nansum, fold, SUM, true, sum, .dtype = a.dtype, .initial = a.initial)
ROW(nanprod, fold, PROD, true, sum, .dtype = a.dtype, .initial = a.initial)
ROW(min, fold, MIN, false, min, .initial = a.initial)
ROW(max, fold, MAX, false, min, .initial = a.initial)
ROW(nanmin, fold, NANMIN, true, min, .initial = a.initial)
ROW(nanmax, fold, NANMAX, true, min, .initial = a.initial)
ROW(mean, mean, MEAN, false, mean, .dtype = a.dtype)
ROW(nanmean, mean, MEAN, true, mean, .dtype = a.dtype)
ROW(var, moments, VAR, false, var, .dtype = a.dtype, .correction = a.correction)
ROW(std, moments, STD, false, var, .dtype = a.dtype, .correction = a.correction)
ROW(nanvar, moments, VAR, true, var, .dtype = a.dtype, .correction = a.correction)
ROW(nanstd, moments, STD, true, var, .dtype = a.dtype, .correction = a.correction)
ROW(any, logic, ANY, false, any, )
ROW(all, logic, ALL, false, any, )
