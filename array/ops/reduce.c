/* SPDX-License-Identifier: BSD-3-Clause
 * reduce.c - reductions of reductions.def over axes: their node kind; how they run is in plan/.
 */
#include <string.h>

#include <bramble/elementwise.h>
#include <bramble/reduce.h>

#include "array/ops/ops.h"
#include "array/plan/stage.h"

typedef struct reduction_info {
    const char *name;
    const char *kinds;
    char result;
    char reads;
    bool empty;
} reduction_info;

static const reduction_info reductions[BRI_NREDS] = {
#define BRI_REDUCTION(NAME, name, kinds, result, reads, planes, finish, empty)                     \
    [BRI_RED_##NAME] = {#name, kinds, result, reads, empty},
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

const bri_op bri_op_reduce = {
    .name = "reduce", .infer = infer, .stage = &bri_stage_reduce, .print = print};

typedef struct reduction_call {
    bri_redop op;
    br_place at;
    br_array *x;
    const br_axes *axis;
    bool keepdims;
    br_dtype dtype;
    double correction;
} reduction_call;

static br_status fill_params(const reduction_call *r, bri_reduce_params *p)
{
    br_dtype x = r->dtype != BR_NO_DTYPE ? r->dtype : r->x->node->dtype;
    if (strchr(reductions[r->op].kinds, bri_kind(x)) == NULL)
        return bri_error(BR_ETYPE, "not defined for %s", br_dtype_name(x));
    memset(p, 0, sizeof *p);
    p->redop = (int32_t)r->op;
    p->dtype =
        (int32_t)(r->dtype != BR_NO_DTYPE ? r->dtype
                                          : bri_reduction_dtype(reductions[r->op].result, x));
    p->keepdims = r->keepdims;
    p->correction = r->correction;
    return bri_axes_mask(r->axis, r->x->node->ndim, &p->axes);
}

/* To .dtype where it is given; means and variances of integers are taken in float64, where sums
 * don't wrap around. */
static br_array *convert_first(const reduction_call *r)
{
    char rule = reductions[r->op].result;
    if (r->dtype != BR_NO_DTYPE)
        return br_astype_(r->x, r->dtype, r->at);
    if ((rule == 'm' || rule == 'v') && strchr("biu", bri_kind(r->x->node->dtype)) != NULL)
        return br_astype_(r->x, BR_FLOAT64, r->at);
    return r->x;
}

static br_array *reduce(reduction_call r)
{
    bri_call call = {r.x != NULL ? r.x->ctx : NULL, reductions[r.op].name, r.at};
    bri_reduce_params params;
    memset(&params, 0, sizeof params);
    if (r.x != NULL && r.x->status == BR_OK) {
        r.x = convert_first(&r);
        br_status st = r.x->status == BR_OK ? fill_params(&r, &params) : BR_OK;
        if (st != BR_OK)
            return bri_handle_error(&call, st);
    }
    return bri_build(&call, &bri_op_reduce, &params, sizeof params, &r.x, 1);
}

#define REDUCTION(name, NAME)                                                                      \
    br_array *br_##name##_(br_reduce_args a)                                                       \
    {                                                                                              \
        return reduce((reduction_call){                                                            \
            .op = BRI_RED_##NAME, .at = a.at, .x = a.x, .axis = &a.axis, .keepdims = a.keepdims}); \
    }
#define WIDENING(name, NAME)                                                                       \
    br_array *br_##name##_(br_sum_args a)                                                          \
    {                                                                                              \
        return reduce((reduction_call){.op = BRI_RED_##NAME,                                       \
                                       .at = a.at,                                                 \
                                       .x = a.x,                                                   \
                                       .axis = &a.axis,                                            \
                                       .keepdims = a.keepdims,                                     \
                                       .dtype = a.dtype});                                         \
    }
#define CORRECTED(name, NAME)                                                                      \
    br_array *br_##name##_(br_var_args a)                                                          \
    {                                                                                              \
        return reduce((reduction_call){.op = BRI_RED_##NAME,                                       \
                                       .at = a.at,                                                 \
                                       .x = a.x,                                                   \
                                       .axis = &a.axis,                                            \
                                       .keepdims = a.keepdims,                                     \
                                       .correction = a.correction});                               \
    }

WIDENING(sum, SUM)
WIDENING(prod, PROD)
REDUCTION(mean, MEAN)
CORRECTED(var, VAR)
CORRECTED(std, STD)
REDUCTION(min, MIN)
REDUCTION(max, MAX)
REDUCTION(any, ANY)
REDUCTION(all, ALL)
