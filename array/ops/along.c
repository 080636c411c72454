/* SPDX-License-Identifier: BSD-3-Clause
 * along.c - take_along_axis, put_along_axis and set_take: indices along an axis, one for each
 * element or one for each slice.
 */
#include <string.h>

#include <bramble/elementwise.h>

#include "array/ops/fits.h"
#include "array/ops/indexing.h"
#include "array/ops/shape.h"
#include "array/plan/stage.h"

/* ---- the nodes ---- */

/* Inputs x, indices: the grid is that of the indices. */
static br_status infer_take(bri_node *node)
{
    const bri_node *index = node->input[1];
    node->dtype = node->input[0]->dtype;
    for (; node->ndim < index->ndim; node->ndim++)
        node->axis[node->ndim] = bri_axis_share(&index->axis[node->ndim]);
    return BR_OK;
}

/* Inputs x, indices, values: the grid is that of x. */
static br_status infer_put(bri_node *node)
{
    const bri_node *x = node->input[0];
    node->dtype = x->dtype;
    for (; node->ndim < x->ndim; node->ndim++)
        node->axis[node->ndim] = bri_axis_share(&x->axis[node->ndim]);
    return BR_OK;
}

static void print(const bri_node *node, FILE *to)
{
    fprintf(to, "axis %lld", (long long)*(const int64_t *)node->params);
}

const bri_op bri_op_take_along = {.name = "take_along_axis",
                                  .infer = infer_take,
                                  .form = {2, 2, sizeof(bri_axis_params), false},
                                  .fits = bri_fits_take_along,
                                  .stage = &bri_stage_take_along,
                                  .print = print};
const bri_op bri_op_put_along = {.name = "put_along_axis",
                                 .infer = infer_put,
                                 .form = {3, 3, sizeof(bri_axis_params), false},
                                 .fits = bri_fits_put_along,
                                 .stage = &bri_stage_put_along,
                                 .print = print};

/* ---- helpers ---- */

br_status bri_check_index_dtype(const br_array *indices)
{
    br_dtype dtype = indices->node->dtype;
    if (bri_kind(dtype) == 'i' || bri_kind(dtype) == 'u')
        return BR_OK;
    return bri_error(BR_ETYPE, "indices are integers, not %s%s", br_dtype_name(dtype),
                     dtype == BR_BOOL ? "; br_compress selects by a mask" : "");
}

/* Of less general kinds first. */
static int order_of(char kind)
{
    return (int)(strchr("buifc", kind) - "buifc");
}

static br_status too_general(const br_operand *value, br_dtype dtype)
{
    const char *what = value->number.kind == 'c' ? "a complex number" : "a floating number";
    char text[60];
    if (value->array != NULL) {
        snprintf(text, sizeof text, "an array of %s", br_dtype_name(value->array->node->dtype));
        what = text;
    }
    return bri_error(BR_ETYPE, "%s is assigned to elements of %s: convert it before", what,
                     br_dtype_name(dtype));
}

/* Of integers as numbers it is asked whether the dtype holds them. */
br_array *bri_assigned(bri_call *call, const br_array *x, const br_operand *value)
{
    const br_dtype dtype = x->node->dtype;
    const br_array *array = value->array;
    if (array == NULL && value->number.kind == 0)
        return bri_handle_error(call, bri_error(BR_EARG, "no value is given"));
    char kind = array != NULL ? bri_kind(array->node->dtype) : value->number.kind;
    bool fits = order_of(kind) <= order_of(bri_kind(dtype)) ||
                (array == NULL && (kind == 'i' || kind == 'u'));
    if (!fits)
        return bri_handle_error(call, too_general(value, dtype));
    if (array == NULL)
        return bri_operand_array(call, value, dtype);
    return array->node->dtype == dtype ? value->array : br_astype_(value->array, dtype, call->at);
}

br_array *bri_spread(const bri_call *call, br_array *x, const br_extents *shape)
{
    int ndim = bri_extents_ndim(shape);
    bool same = x->status != BR_OK || x->node->ndim == ndim;
    for (int a = 0; a < ndim && same && x->status == BR_OK; a++)
        same = x->shape[a] == shape->extent[a];
    return same ? x : br_broadcast_to_(x, *shape, call->at);
}

static br_extents shape_of(const br_array *x)
{
    br_extents shape = {x->node->ndim > 0 ? x->node->ndim : -1, {0}};
    for (int a = 0; a < x->node->ndim; a++)
        shape.extent[a] = x->shape[a];
    return shape;
}

/* ---- both sides are broadcast on the other axes ---- */

static br_status check_along(const br_array *x, const br_array *indices, int axis)
{
    char one[128];
    char other[128];
    BRI_TRY(bri_check_index_dtype(indices));
    BRI_TRY(bri_check_known(x->node, BRI_ALL_AXES));
    BRI_TRY(bri_check_known(indices->node, BRI_ALL_AXES));
    bool fits = x->node->ndim == indices->node->ndim;
    for (int a = 0; a < x->node->ndim && fits; a++)
        fits = a == axis || x->shape[a] == indices->shape[a] || x->shape[a] == 1 ||
               indices->shape[a] == 1;
    if (!fits)
        return bri_error(BR_ESHAPE, "x of shape %s and indices of shape %s differ on axes but %d",
                         bri_node_shape_text(x->node, one, sizeof one),
                         bri_node_shape_text(indices->node, other, sizeof other), axis);
    if (x->node->ndim == BR_MAX_NDIM)
        return bri_error(BR_EUNSUPPORTED, "x has %d axes, one less is the most", BR_MAX_NDIM);
    if (x->shape[axis] == 0 && bri_node_nelem(indices->node) > 0)
        return bri_error(BR_EINDEX, "axis %d has no elements that could be indexed", axis);
    return BR_OK;
}

/* The shape of the indices where x is broadcast to it, the extent along the axis their own. */
static br_extents common_shape(const br_array *x, const br_array *indices, int axis)
{
    br_extents shape = shape_of(indices);
    for (int a = 0; a < shape.ndim; a++)
        if (a != axis && shape.extent[a] == 1)
            shape.extent[a] = x->shape[a];
    return shape;
}

br_array *br_take_along_axis_(br_take_args args)
{
    bri_call call = {NULL, "take_along_axis", args.at};
    br_array *inputs[] = {args.x, args.indices};
    int axis = 0;
    br_array *failed = bri_check_call(&call, inputs, 2);
    if (failed != NULL)
        return failed;
    br_status st = bri_one_axis(&args.axis, args.x->node->ndim, args.x->node->ndim - 1, &axis);
    if (st == BR_OK)
        st = check_along(args.x, args.indices, axis);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_extents shape = common_shape(args.x, args.indices, axis);
    inputs[1] = bri_spread(&call, args.indices, &shape);
    shape.extent[axis] = args.x->shape[axis];
    inputs[0] = bri_spread(&call, args.x, &shape);
    const int64_t param = axis;
    return bri_build(&call, &bri_op_take_along, &param, sizeof param, inputs, 2);
}

/* Assigns values (of x's dtype) that broadcast to the indices, which are as many as x on the other
 * axes. */
static br_array *put(bri_call *call, br_array *x, br_array *indices, br_array *values, int axis)
{
    br_array *inputs[] = {x, indices, values};
    br_array *failed = bri_check_call(call, inputs, 3);
    if (failed != NULL)
        return failed;
    br_extents shape = shape_of(indices);
    inputs[2] = bri_spread(call, values, &shape);
    if (indices->shape[axis] == 0 && inputs[2]->status == BR_OK)
        return bri_same_array(call, x);
    const int64_t param = axis;
    return bri_build(call, &bri_op_put_along, &param, sizeof param, inputs, 3);
}

/* NULL when the call may go on with x, indices and an array or number as value. */
static br_array *check_put(bri_call *call, br_array *x, br_array *indices, const br_operand *value)
{
    br_array *inputs[] = {x, indices, value->array};
    return bri_check_call(call, inputs, value->array != NULL ? 3 : 2);
}

br_array *br_put_along_axis_(br_array *x, br_array *indices, br_operand value, int axis,
                             br_place at)
{
    bri_call call = {NULL, "put_along_axis", at};
    br_array *failed = check_put(&call, x, indices, &value);
    if (failed != NULL)
        return failed;
    br_status st = bri_one_axis(&BR_AXIS(axis), x->node->ndim, 0, &axis);
    if (st == BR_OK)
        st = check_along(x, indices, axis);
    for (int a = 0; st == BR_OK && a < x->node->ndim; a++)
        if (a != axis && x->shape[a] == 1 && indices->shape[a] != 1)
            st = bri_error(BR_ESHAPE, "axis %d of x has extent 1, that of the indices %lld", a,
                           (long long)indices->shape[a]);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_extents shape = common_shape(x, indices, axis);
    return put(&call, x, bri_spread(&call, indices, &shape), bri_assigned(&call, x, &value), axis);
}

/* ---- one index for each slice ---- */

br_array *br_set_take_(br_array *x, br_array *indices, br_operand value, int axis, br_place at)
{
    bri_call call = {NULL, "set_take", at};
    br_index_item items[BR_MAX_NDIM];
    br_array *failed = check_put(&call, x, indices, &value);
    if (failed != NULL)
        return failed;
    br_status st = bri_one_axis(&BR_AXIS(axis), x->node->ndim, 0, &axis);
    if (st == BR_OK && indices->node->ndim != 1)
        st = bri_error(BR_ESHAPE, "the indices have %d axes, not one", indices->node->ndim);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    for (int a = 0; a < x->node->ndim; a++)
        items[a] = (br_index_item){.kind = a == axis ? ':' : 'n'};
    br_array *thin = br_index_items_(indices, items, x->node->ndim, at);
    if (thin->status != BR_OK)
        return thin;
    st = check_along(x, thin, axis);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_extents shape = common_shape(x, thin, axis);
    return put(&call, x, bri_spread(&call, thin, &shape), bri_assigned(&call, x, &value), axis);
}
