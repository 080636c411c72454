/* SPDX-License-Identifier: BSD-3-Clause
 * mask.c - the public functions that pick elements by masks, and indices of what is not 0: all are
 * compressions of an array, or of positions.
 */
#include "array/ops/mask.h"

#include <bramble/elementwise.h>

#include "array/ops/shape.h"
#include "runtime/alloc.h"

/* ---- picking ---- */

/* x without what lies beyond the end of a condition that is shorter than its axis. */
static br_array *cut_to(const bri_call *call, br_array *x, int axis, const br_array *condition)
{
    int64_t n = condition->shape[0];
    int64_t extent = x->shape[axis];
    if (n == extent || n == BR_UNKNOWN || extent == BR_UNKNOWN)
        return x;
    if (n < extent)
        return bri_slice_axis(call, x, axis, (bri_stretch){0, 1, n});
    return bri_handle_error(call, bri_error(BR_ESHAPE,
                                            "a condition of %lld elements for axis %d with %lld",
                                            (long long)n, axis, (long long)extent));
}

static br_array *compress(bri_call *call, br_array *condition, br_array *x, const br_axes *axes)
{
    int axis = 0;
    br_array *both[] = {condition, x};
    br_array *failed = bri_check_call(call, both, 2);
    if (failed != NULL)
        return failed;
    br_status st = BR_OK;
    if (condition->node->ndim != 1)
        st = bri_error(BR_ESHAPE, "the condition has %d axes, not one", condition->node->ndim);
    else if (axes->n > 0)
        st = bri_one_axis(axes, x->node->ndim, 0, &axis);
    else
        x = br_ravel_(x, call->at);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    x = x->status == BR_OK ? cut_to(call, x, axis, condition) : x;
    return bri_compress(call, condition, x, axis);
}

br_array *br_compress_(br_compress_args args)
{
    bri_call call = {NULL, "compress", args.at};
    return compress(&call, args.condition, args.x, &args.axis);
}

static br_status check_same_size(const br_array *condition, const br_array *x)
{
    if (condition->shape[0] == x->shape[0] || condition->shape[0] == BR_UNKNOWN ||
        x->shape[0] == BR_UNKNOWN)
        return BR_OK;
    return bri_error(BR_ESHAPE, "a condition of %lld elements for an array of %lld",
                     (long long)condition->shape[0], (long long)x->shape[0]);
}

br_array *br_extract_(br_array *condition, br_array *x, br_place at)
{
    bri_call call = {NULL, "extract", at};
    br_array *both[] = {condition, x};
    br_array *failed = bri_check_call(&call, both, 2);
    if (failed != NULL)
        return failed;
    condition = br_ravel_(condition, at);
    x = br_ravel_(x, at);
    br_status st =
        condition->status == BR_OK && x->status == BR_OK ? check_same_size(condition, x) : BR_OK;
    return st == BR_OK ? bri_compress(&call, condition, x, 0) : bri_handle_error(&call, st);
}

static br_status check_mask(const bri_node *x, const bri_node *mask)
{
    char text[2][160];
    if (mask->dtype != BR_BOOL)
        return bri_error(BR_ETYPE, "the mask is %s, not bool", br_dtype_name(mask->dtype));
    bool fits = mask->ndim >= 1 && mask->ndim <= x->ndim;
    for (int a = 0; fits && a < mask->ndim; a++)
        fits = bri_axis_may_fit(&mask->axis[a], &x->axis[a]);
    if (!fits)
        return bri_error(BR_ESHAPE, "a mask of shape %s for an array of shape %s",
                         bri_node_shape_text(mask, text[0], sizeof text[0]),
                         bri_node_shape_text(x, text[1], sizeof text[1]));
    if (mask->ndim == 1)
        return BR_OK;
    BRI_TRY(bri_check_known(mask, BRI_ALL_AXES));
    return bri_check_known(x, BRI_ALL_AXES);
}

/* The first n axes of x as one. */
static br_array *join_axes(br_array *x, int n, br_place at)
{
    br_extents shape = {x->node->ndim - n + 1, {1}};
    for (int a = 0; a < n; a++)
        shape.extent[0] *= x->shape[a];
    for (int a = n; a < x->node->ndim; a++)
        shape.extent[a - n + 1] = x->shape[a];
    return br_reshape_(x, shape, at);
}

br_array *br_boolean_index_(br_array *x, br_array *mask, br_place at)
{
    bri_call call = {NULL, "boolean_index", at};
    br_array *both[] = {x, mask};
    br_array *failed = bri_check_call(&call, both, 2);
    if (failed != NULL)
        return failed;
    br_status st = check_mask(x->node, mask->node);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    int n = mask->node->ndim;
    if (n > 1) {
        x = join_axes(x, n, at);
        mask = br_ravel_(mask, at);
    }
    return bri_compress(&call, mask, x, 0);
}

/* ---- indices ---- */

/* The flat indices of what is not 0. */
static br_array *flat_indices(bri_call *call, br_array *x)
{
    br_array *mask = br_ravel_(x, call->at);
    if (mask->status == BR_OK && mask->node->dtype != BR_BOOL)
        mask = br_astype_(mask, BR_BOOL, call->at);
    return mask->status == BR_OK ? bri_compress(call, mask, bri_positions(call, mask, 0), 0) : mask;
}

br_array *br_flatnonzero_(br_array *x, br_place at)
{
    bri_call call = {NULL, "flatnonzero", at};
    br_array *failed = bri_check_call(&call, &x, 1);
    return failed != NULL ? failed : flat_indices(&call, x);
}

/* Of flat indices those along axis a: (flat / elements behind it) % its extent. */
static br_array *along_axis(const bri_call *call, const br_array *x, br_array *flat, int a)
{
    int64_t behind = 1;
    for (int b = a + 1; b < x->node->ndim; b++)
        behind *= x->shape[b];
    br_operand operands[] = {br_operand_array(flat), br_operand_int(behind)};
    if (a + 1 < x->node->ndim)
        flat = bri_elementwise_as(call->what, BRI_OP_FLOOR_DIVIDE, operands, call->at);
    operands[0] = br_operand_array(flat);
    operands[1] = br_operand_int(x->shape[a]);
    return a == 0 ? flat : bri_elementwise_as(call->what, BRI_OP_REMAINDER, operands, call->at);
}

static br_status nonzero(bri_call *call, br_array *x, br_array **out, int n)
{
    br_array *failed = bri_check_call(call, &x, 1);
    br_status st = BR_OK;
    if (failed == NULL && (out == NULL || n < 1))
        st = bri_error(BR_EARG, "there is no place for %d arrays", n);
    else if (failed == NULL && x->node->ndim != n)
        st = bri_error(BR_ESHAPE, "x has %d axes, not %d", x->node->ndim, n);
    else if (failed == NULL && n > 1)
        st = bri_check_known(x->node, BRI_ALL_AXES);
    if (st != BR_OK)
        failed = bri_handle_error(call, st);
    if (failed != NULL)
        return bri_fail_all(failed, out, n);
    br_array *flat = flat_indices(call, x);
    for (int a = 0; a < n; a++) {
        out[a] = along_axis(call, x, flat, a);
        st = st == BR_OK ? out[a]->status : st;
    }
    return st;
}

br_status br_nonzero_(br_array *x, br_array **out, int n, br_place at)
{
    bri_call call = {NULL, "nonzero", at};
    return nonzero(&call, x, out, n);
}

br_array *br_argwhere_(br_array *x, br_place at)
{
    bri_call call = {NULL, "argwhere", at};
    br_array *index[BR_MAX_NDIM];
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed != NULL)
        return failed;
    int n = x->node->ndim;
    if (nonzero(&call, x, index, n) != BR_OK)
        return n > 0 ? index[0] : bri_handle_error(&call, bri_error(BR_ESHAPE, "x has no axis"));
    br_concat_args args = {at, index, n, {1, {1}}};
    return br_stack_(args);
}
