/* SPDX-License-Identifier: BSD-3-Clause
 * reduce.c - reductions of reductions.def over axes: their node kind; how they run is in plan/.
 */
#include <string.h>

#include <bramble/elementwise.h>
#include <bramble/nan.h>

#include "array/ops/fits.h"
#include "array/ops/reduce.h"
#include "array/plan/stage.h"

typedef struct reduction_info {
    const char *name;
    const char *kinds;
    char result;
    bool empty;
} reduction_info;

static const reduction_info reductions[BRI_NREDS] = {
#define BRI_REDUCTION(NAME, name, kinds, result, reads, planes, finish, empty)                     \
    [BRI_RED_##NAME] = {#name, kinds, result, empty},
#include "array/kernels/reductions.def"
#undef BRI_REDUCTION
};

br_status bri_axes_mask(const br_axes *axes, int ndim, uint32_t *mask)
{
    *mask = 0;
    if (axes->n == 0)
        *mask = ndim == 32 ? UINT32_MAX : (1u << ndim) - 1;
    for (int i = 0; i < axes->n; i++) {
        int a = axes->axis[i] < 0 ? axes->axis[i] + ndim : axes->axis[i];
        if (a < 0 || a >= ndim)
            return bri_error(BR_EAXIS, "axis %d is out of range for %d dimensions", axes->axis[i],
                             ndim);
        if (*mask >> a & 1)
            return bri_error(BR_EAXIS, "axis %d is listed twice", axes->axis[i]);
        *mask |= 1u << a;
    }
    return BR_OK;
}

static br_status check_nonempty(const bri_node *node, uint32_t axes)
{
    const bri_node *x = node->input[0];
    char shape[128];
    for (int a = 0; a < x->ndim; a++)
        if ((axes >> a & 1) && x->axis[a].extent == 0)
            return bri_error(
                BR_ESHAPE, "no elements along axis %d of shape %s, and there is no value for none",
                a, bri_node_shape_text(x, shape, sizeof shape));
    return BR_OK;
}

static br_status infer(bri_node *node)
{
    const bri_reduce_params *p = node->params;
    const bri_node *x = node->input[0];
    node->dtype = (br_dtype)p->dtype;
    if (p->axes == 0 && x->ndim == BR_MAX_NDIM)
        return bri_error(BR_EAXIS, "no axes to reduce of %d", BR_MAX_NDIM);
    if (!reductions[p->redop].empty && !p->may_be_empty)
        BRI_TRY(check_nonempty(node, p->axes));
    for (int a = 0; a < x->ndim; a++) {
        if (!(p->axes >> a & 1))
            node->axis[node->ndim++] = bri_axis_share(&x->axis[a]);
        else if (p->keepdims)
            node->axis[node->ndim++] = bri_axis_regular(1, 1);
    }
    return BR_OK;
}

/* What a kernel for other dtypes would make of the elements cannot be told. */
static bool fits(const bri_recipe *r)
{
    const bri_reduce_params *p = r->params;
    const bri_node *x = r->inputs[0];
    if (p->redop < 0 || p->redop >= BRI_NREDS || !bri_dtype_ok((br_dtype)p->dtype) ||
        (x->ndim < 32 && p->axes >> x->ndim != 0))
        return false;
    const reduction_info *info = &reductions[p->redop];
    const br_dtype dtype = (br_dtype)p->dtype;
    bool given = info->result == 'W' && dtype == x->dtype; /* as the call's .dtype */
    return strchr(info->kinds, bri_kind(x->dtype)) != NULL &&
           (given || dtype == bri_reduction_dtype(info->result, x->dtype));
}

static void print(const bri_node *node, FILE *to)
{
    const bri_reduce_params *p = node->params;
    fprintf(to, "%s, axes", reductions[p->redop].name);
    for (int a = 0; a < node->input[0]->ndim; a++)
        if (p->axes >> a & 1)
            fprintf(to, " %d", a);
    if (p->keepdims)
        fprintf(to, ", keepdims");
    if (p->correction != 0.0)
        fprintf(to, ", correction %g", p->correction);
}

const bri_op bri_op_reduce = {.name = "reduce",
                              .infer = infer,
                              .form = {1, 1, sizeof(bri_reduce_params), false},
                              .fits = fits,
                              .stage = &bri_stage_reduce,
                              .any_extent = true,
                              .print = print};

/* ---- calls ---- */

br_array *bri_as_dtype(br_array *x, br_dtype dtype, br_place at)
{
    return x->status != BR_OK || x->node->dtype == dtype ? x : br_astype_(x, dtype, at);
}

static br_dtype dtype_of_operand(const bri_reduction *r)
{
    char rule = reductions[r->op].result;
    br_dtype x = r->x->node->dtype;
    if (r->dtype != BR_NO_DTYPE)
        return r->dtype;
    return rule == 'm' || rule == 'v' ? bri_reduction_dtype('m', x) : x;
}

br_dtype bri_reduce_dtype(const bri_reduction *r)
{
    char rule = reductions[r->op].result;
    return r->dtype != BR_NO_DTYPE && rule == 'W' ? r->dtype
                                                  : bri_reduction_dtype(rule, dtype_of_operand(r));
}

static br_status check_dtype(const bri_reduction *r)
{
    char rule = reductions[r->op].result;
    if (r->dtype != BR_NO_DTYPE && !bri_dtype_ok(r->dtype))
        return bri_error(BR_ETYPE, "%d is no dtype", (int)r->dtype);
    br_dtype x = r->dtype != BR_NO_DTYPE ? r->dtype : r->x->node->dtype;
    if (r->dtype != BR_NO_DTYPE && rule != 'W' && strchr("fc", bri_kind(x)) == NULL)
        return bri_error(BR_ETYPE, ".dtype %s is not floating", br_dtype_name(x));
    if (strchr(reductions[r->op].kinds, bri_kind(x)) == NULL)
        return bri_error(BR_ETYPE, "not defined for %s", br_dtype_name(x));
    return BR_OK;
}

static br_status check_mask(const bri_node *x, const bri_node *mask)
{
    char text[2][128];
    bool fits = mask->ndim <= x->ndim;
    for (int back = 1; fits && back <= mask->ndim; back++) {
        const bri_axis *axis = &mask->axis[mask->ndim - back];
        fits = axis->extent == 1 || bri_axis_alike(axis, &x->axis[x->ndim - back]);
    }
    if (fits)
        return BR_OK;
    return bri_error(BR_ESHAPE, ".where of shape %s does not broadcast to %s",
                     bri_node_shape_text(mask, text[0], sizeof text[0]),
                     bri_node_shape_text(x, text[1], sizeof text[1]));
}

static br_status check_call(const bri_reduction *r)
{
    uint32_t axes;
    BRI_TRY(bri_axes_mask(r->axis, r->x->node->ndim, &axes));
    BRI_TRY(check_dtype(r));
    return r->where != NULL ? check_mask(r->x->node, r->where->node) : BR_OK;
}

br_array *bri_reduce_prepare(bri_call *call, bri_reduction *r)
{
    br_array *inputs[] = {r->x, r->where};
    *call = (bri_call){NULL, r->name, r->at};
    br_array *failed = bri_check_call(call, inputs, r->where != NULL ? 2 : 1);
    if (failed != NULL)
        return failed;
    br_status st = check_call(r);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    r->exact |= strchr("biu", bri_kind(r->x->node->dtype)) != NULL;
    r->x = bri_as_dtype(r->x, dtype_of_operand(r), r->at);
    return r->x->status != BR_OK ? r->x : NULL;
}

br_array *bri_reduce(bri_reduction r)
{
    bri_call call;
    bri_reduce_params p;
    br_array *failed = bri_reduce_prepare(&call, &r);
    if (failed != NULL)
        return failed;
    memset(&p, 0, sizeof p);
    p.redop = (int32_t)r.op;
    p.dtype = (int32_t)bri_reduce_dtype(&r);
    p.keepdims = r.keepdims;
    p.may_be_empty = r.may_be_empty;
    p.correction = r.correction;
    bri_axes_mask(r.axis, r.x->node->ndim, &p.axes);
    return bri_build(&call, &bri_op_reduce, &p, sizeof p, &r.x, 1);
}

#define REDUCTION(name_, NAME)                                                                     \
    br_array *br_##name_##_(br_reduce_args a)                                                      \
    {                                                                                              \
        return bri_reduce((bri_reduction){.name = #name_,                                          \
                                          .op = BRI_RED_##NAME,                                    \
                                          .at = a.at,                                              \
                                          .x = a.x,                                                \
                                          .axis = &a.axis,                                         \
                                          .keepdims = a.keepdims});                                \
    }

REDUCTION(argmin, ARGMIN)
REDUCTION(argmax, ARGMAX)
REDUCTION(nanargmin, NANARGMIN)
REDUCTION(nanargmax, NANARGMAX)
REDUCTION(logsumexp, LOGSUMEXP)
