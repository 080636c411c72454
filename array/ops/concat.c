/* SPDX-License-Identifier: BSD-3-Clause
 * concat.c - arrays one after the other along an axis: the one way in which new arrays are put
 * together of others. Stacks, rolls, pads and more are made of it and views (shape.c, pad.c).
 */
#include "array/ops/shape.h"

#include <limits.h>

#include <bramble/elementwise.h>

#include "array/expr/grid_listed.h"
#include "array/ops/fits.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

/* ---- the node ---- */

static bool any_unknown(const bri_node *node, int axis)
{
    for (int i = 0; i < node->ninputs; i++)
        if (!bri_axis_is_known(&node->input[i]->axis[axis]))
            return true;
    return false;
}

/* By arithmetic alone, where the chunks of all inputs together are regular. */
static bool append_regular(const bri_node *node, int axis, bri_axis *out)
{
    bri_axis all = node->input[0]->axis[axis];
    for (int i = 1; i < node->ninputs; i++)
        if (!bri_axis_join_regular(&all, &node->input[i]->axis[axis], &all))
            return false;
    *out = bri_axis_share(&all);
    return true;
}

/* The chunks of all inputs one after the other. */
static br_status append_chunks(const bri_node *node, int axis, bri_axis *out)
{
    int64_t nchunks = 0;
    int64_t extent = 0;
    int64_t largest = 0;
    if (any_unknown(node, axis)) {
        *out = bri_axis_unknown(node);
        return BR_OK;
    }
    for (int i = 0; i < node->ninputs; i++) {
        int64_t longest = bri_axis_largest(&node->input[i]->axis[axis]);
        largest = longest > largest ? longest : largest;
        if (__builtin_add_overflow(nchunks, node->input[i]->axis[axis].nchunks, &nchunks) ||
            __builtin_add_overflow(extent, node->input[i]->axis[axis].extent, &extent))
            return bri_error(BR_ESHAPE, "more than 2^63 elements along axis %d", axis);
    }
    if (append_regular(node, axis, out))
        return BR_OK;
    bri_starts *s;
    BRI_TRY(bri_starts_new(nchunks, largest, &s));
    for (int i = 0; i < node->ninputs; i++)
        for (int64_t c = 0; c < node->input[i]->axis[axis].nchunks; c++)
            bri_starts_append(s,
                              bri_starts_end(s) + bri_axis_count(&node->input[i]->axis[axis], c));
    bri_starts_adopt(s, out);
    return BR_OK;
}

static br_status unify_chunks(const bri_node *node, int a, bri_axis *out)
{
    *out = bri_axis_share(&node->input[0]->axis[a]);
    for (int i = 1; i < node->ninputs; i++) {
        bri_axis both;
        const bri_axis *own = &node->input[i]->axis[a];
        br_status st = BR_OK;
        if (bri_axis_alike(out, own))
            st = bri_axis_unify(out, own, &both);
        else
            both = bri_axis_unknown(node);
        bri_axis_release(out);
        if (st != BR_OK)
            return st;
        *out = both;
    }
    return BR_OK;
}

static br_status infer(bri_node *node)
{
    int axis = (int)((const bri_concat_params *)node->params)->axis;
    node->dtype = node->input[0]->dtype;
    for (; node->ndim < node->input[0]->ndim; node->ndim++) {
        bri_axis *out = &node->axis[node->ndim];
        if (node->ndim == axis)
            BRI_TRY(append_chunks(node, axis, out));
        else
            BRI_TRY(unify_chunks(node, node->ndim, out));
    }
    return BR_OK;
}

static void print(const bri_node *node, FILE *to)
{
    fprintf(to, "%d arrays, axis %d", node->ninputs,
            (int)((const bri_concat_params *)node->params)->axis);
}

static br_status check_nodes(bri_node *const *x, int n, int axis)
{
    char text[2][160];
    for (int i = 1; i < n; i++)
        for (int a = 0; a < x[0]->ndim; a++)
            if (a != axis && x[i]->axis[a].extent != x[0]->axis[a].extent)
                return bri_error(BR_ESHAPE,
                                 "shapes %s and %s of array number %d differ on axis %d, along "
                                 "which they do not join",
                                 bri_node_shape_text(x[0], text[0], sizeof text[0]),
                                 bri_node_shape_text(x[i], text[1], sizeof text[1]), i + 1, a);
    return BR_OK;
}

/* Once extents are known, arrays without elements are left out, as they are when it is built. */
static br_status resolve(const bri_node *node, bri_node *const *inputs, bri_table *const *tables,
                         bri_node **out)
{
    (void)tables;
    int axis = (int)((const bri_concat_params *)node->params)->axis;
    BRI_TRY(check_nodes(inputs, node->ninputs, axis));
    bri_node **list = bri_calloc((size_t)node->ninputs, sizeof(bri_node *));
    if (list == NULL)
        return BR_ENOMEM;
    int kept = 0;
    for (int i = 0; i < node->ninputs; i++)
        if (inputs[i]->axis[axis].extent > 0)
            list[kept++] = inputs[i];
    if (kept == 0)
        list[kept++] = inputs[0];
    bri_recipe recipe = {.op = &bri_op_concat,
                         .params = node->params,
                         .params_bytes = node->params_bytes,
                         .inputs = list,
                         .ninputs = kept,
                         .at = node->at};
    br_status st = bri_node_make(node->ctx, &recipe, out);
    bri_free(list);
    return st;
}

const bri_op bri_op_concat = {.name = "concat",
                              .infer = infer,
                              .form = {1, INT_MAX, sizeof(bri_concat_params), false},
                              .fits = bri_fits_concat,
                              .stage = &bri_stage_concat,
                              .any_extent = true,
                              .resolve = resolve,
                              .print = print};

/* ---- building ---- */

br_array *bri_same_array(const bri_call *call, br_array *x)
{
    bri_node_retain(x->node);
    return bri_handle(call, x->node);
}

br_status bri_one_axis(const br_axes *axes, int ndim, int otherwise, int *axis)
{
    int given = axes->n == 0 ? otherwise : axes->axis[0];
    if (axes->n < 0 || axes->n > 1)
        return bri_error(BR_EAXIS, "one axis is needed, not %d", axes->n < 0 ? 0 : axes->n);
    *axis = given < 0 ? given + ndim : given;
    if (*axis < 0 || *axis >= ndim)
        return bri_error(BR_EAXIS, "axis %d is out of range for %d dimensions", given, ndim);
    return BR_OK;
}

static br_status check_shapes(br_array *const *x, int n, int axis)
{
    char first[128];
    char other[128];
    for (int i = 1; i < n; i++) {
        bool fits = x[i]->node->ndim == x[0]->node->ndim;
        for (int a = 0; a < x[0]->node->ndim && fits; a++)
            fits = a == axis || bri_axis_may_fit(&x[i]->node->axis[a], &x[0]->node->axis[a]);
        if (!fits)
            return bri_error(BR_ESHAPE, "shapes %s and %s of array number %d differ%s",
                             bri_node_shape_text(x[0]->node, first, sizeof first),
                             bri_node_shape_text(x[i]->node, other, sizeof other), i + 1,
                             axis < 0 ? ""
                                      : " on an axis other than the one along which they join");
    }
    return BR_OK;
}

br_dtype bri_common_array_dtype(br_array *const *x, int n)
{
    br_dtype dtype = BR_NO_DTYPE;
    for (int floating = 1; floating >= 0; floating--)
        for (int i = 0; i < n; i++)
            dtype = bri_promote_next(dtype, x[i]->node->dtype, floating);
    return dtype;
}

/* All that have elements along the axis, in their common dtype, into `list`; returns how many. */
static int list_inputs(const bri_call *call, br_array *const *x, int n, int axis, br_array **list)
{
    br_dtype dtype = bri_common_array_dtype(x, n);
    int kept = 0;
    for (int i = 0; i < n; i++) {
        if (x[i]->shape[axis] == 0 && (kept > 0 || i + 1 < n))
            continue;
        list[kept++] = x[i]->node->dtype == dtype ? x[i] : br_astype_(x[i], dtype, call->at);
    }
    return kept;
}

br_array *bri_concat(bri_call *call, br_array *const *x, int n, int axis)
{
    bri_concat_params p = {axis};
    br_array *failed = bri_check_call(call, x, n);
    if (failed != NULL)
        return failed;
    br_status st = check_shapes(x, n, axis);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    br_array **list = bri_calloc((size_t)n, sizeof(br_array *));
    if (list == NULL)
        return bri_handle_error(call, BR_ENOMEM);
    int kept = list_inputs(call, x, n, axis, list);
    br_array *out = kept > 1 || list[0]->status != BR_OK
                        ? bri_build(call, &bri_op_concat, &p, sizeof p, list, kept)
                        : bri_same_array(call, list[0]);
    bri_free(list);
    return out;
}

br_array *bri_check_list(bri_call *call, br_array *const *x, int n)
{
    if (n > 0 && x != NULL)
        return bri_check_call(call, x, n);
    return bri_handle_error(call, bri_error(BR_EARG, "no arrays are given"));
}

/* ---- public ---- */

/* Each in one axis; the caller frees the list. */
static br_array **flattened(const bri_call *call, br_array *const *x, int n)
{
    br_array **flat = bri_calloc((size_t)n, sizeof(br_array *));
    for (int i = 0; flat != NULL && i < n; i++)
        flat[i] = br_ravel_(x[i], call->at);
    return flat;
}

br_array *br_concat_(br_concat_args args)
{
    bri_call call = {NULL, "concat", args.at};
    int axis = 0;
    br_array *failed = bri_check_list(&call, args.arrays, args.n);
    if (failed != NULL)
        return failed;
    if (args.axis.n < 0) {
        br_array **flat = flattened(&call, args.arrays, args.n);
        if (flat == NULL)
            return bri_handle_error(&call, BR_ENOMEM);
        br_array *out = bri_concat(&call, flat, args.n, 0);
        bri_free(flat);
        return out;
    }
    br_status st = bri_one_axis(&args.axis, args.arrays[0]->node->ndim, 0, &axis);
    return st == BR_OK ? bri_concat(&call, args.arrays, args.n, axis) : bri_handle_error(&call, st);
}

/* Each with a new axis; the caller frees the list. */
static br_array **expanded(const bri_call *call, br_array *const *x, int n, int axis)
{
    br_array **list = bri_calloc((size_t)n, sizeof(br_array *));
    for (int i = 0; list != NULL && i < n; i++)
        list[i] = br_expand_dims_(x[i], axis, call->at);
    return list;
}

br_array *br_stack_(br_concat_args args)
{
    bri_call call = {NULL, "stack", args.at};
    int axis = 0;
    br_array *failed = bri_check_list(&call, args.arrays, args.n);
    if (failed != NULL)
        return failed;
    br_status st = bri_one_axis(&args.axis, args.arrays[0]->node->ndim + 1, 0, &axis);
    if (st == BR_OK)
        st = check_shapes(args.arrays, args.n, -1);
    br_array **list = st == BR_OK ? expanded(&call, args.arrays, args.n, axis) : NULL;
    if (list == NULL)
        return bri_handle_error(&call, st == BR_OK ? BR_ENOMEM : st);
    br_array *out = bri_concat(&call, list, args.n, axis);
    bri_free(list);
    return out;
}
