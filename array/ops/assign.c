/* SPDX-License-Identifier: BSD-3-Clause
 * assign.c - set_index and set_mask: arrays with other elements in places that a basic index or a
 * mask names.
 */
#include <string.h>

#include <bramble/elementwise.h>

#include "array/ops/fits.h"
#include "array/ops/index_text.h"
#include "array/ops/indexing.h"
#include "array/ops/shape.h"
#include "array/plan/stage.h"

/* ---- the node: inputs x and the value, which has the region's shape ---- */

static br_status infer(bri_node *node)
{
    const bri_node *x = node->input[0];
    node->dtype = x->dtype;
    for (; node->ndim < x->ndim; node->ndim++)
        node->axis[node->ndim] = bri_axis_share(&x->axis[node->ndim]);
    return BR_OK;
}

static void print(const bri_node *node, FILE *to)
{
    const bri_view_params *p = node->params;
    char shape[160];
    fprintf(to, "%s elements", bri_shape_text(p->ndim, p->word, shape, sizeof shape));
}

const bri_op bri_op_assign = {.name = "set_index",
                              .infer = infer,
                              .form = {2, 2, sizeof(bri_view_params), true},
                              .fits = bri_fits_assign,
                              .stage = &bri_stage_assign,
                              .print = print};

/* ---- calls ---- */

/* The value without axes of extent 1 in front that the region has not; NumPy lets them be. */
static br_array *without_front(br_array *value, int ndim, br_place at)
{
    const br_index_item first = {.kind = 'i'};
    while (value->status == BR_OK && value->node->ndim > ndim && value->shape[0] == 1)
        value = br_index_items_(value, &first, 1, at);
    return value;
}

/* The region is x's view of the same index: its node says where the value goes. */
static br_array *assign(bri_call *call, br_array *x, br_array *region, br_array *value)
{
    br_extents shape = {region->node->ndim > 0 ? region->node->ndim : -1, {0}};
    for (int a = 0; a < region->node->ndim; a++)
        shape.extent[a] = region->shape[a];
    value = without_front(value, region->node->ndim, call->at);
    br_array *inputs[] = {x, bri_spread(call, value, &shape)};
    if (inputs[1]->status == BR_OK && bri_node_nelem(region->node) == 0)
        return bri_same_array(call, x);
    return bri_build(call, &bri_op_assign, region->node->params, region->node->params_bytes, inputs,
                     2);
}

/* NULL when the call may go on with x and a value, an array or a number. */
static br_array *check(bri_call *call, br_array *x, const br_operand *value)
{
    br_array *inputs[] = {x, value->array};
    return bri_check_call(call, inputs, value->array != NULL ? 2 : 1);
}

br_array *br_set_index_items_(br_array *x, const br_index_item *items, int n, br_operand value,
                              br_place at)
{
    bri_call call = {NULL, "set_index", at};
    br_array *failed = check(&call, x, &value);
    if (failed != NULL)
        return failed;
    br_status st = bri_check_known(x->node, BRI_ALL_AXES);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_array *region = br_index_items_(x, items, n, at);
    br_array *converted = bri_assigned(&call, x, &value);
    if (region->status != BR_OK || converted->status != BR_OK)
        return region->status != BR_OK ? region : converted;
    return assign(&call, x, region, converted);
}

br_array *br_set_index_(br_array *x, const char *text, br_operand value, br_place at)
{
    bri_call call = {NULL, "set_index", at};
    br_index_item items[BRI_MAX_INDEX_ITEMS];
    int n = 0;
    br_array *failed = check(&call, x, &value);
    if (failed != NULL)
        return failed;
    br_status st =
        text != NULL ? bri_index_parse(text, items, &n) : bri_error(BR_EINDEX, "the text is NULL");
    return st == BR_OK ? br_set_index_items_(x, items, n, value, at) : bri_handle_error(&call, st);
}

/* The mask has x's first axes. */
static br_status check_mask(const br_array *x, const br_array *mask)
{
    char one[128];
    char other[128];
    BRI_TRY(bri_check_known(x->node, BRI_ALL_AXES));
    BRI_TRY(bri_check_known(mask->node, BRI_ALL_AXES));
    if (mask->node->dtype != BR_BOOL)
        return bri_error(BR_ETYPE, "a mask is bool, not %s", br_dtype_name(mask->node->dtype));
    bool fits = mask->node->ndim <= x->node->ndim;
    for (int a = 0; a < mask->node->ndim && fits; a++)
        fits = mask->shape[a] == x->shape[a];
    return fits ? BR_OK
                : bri_error(BR_ESHAPE, "a mask of shape %s does not have the first axes of x, %s",
                            bri_node_shape_text(mask->node, one, sizeof one),
                            bri_node_shape_text(x->node, other, sizeof other));
}

br_array *br_set_mask_(br_array *x, br_array *mask, br_operand value, br_place at)
{
    bri_call call = {NULL, "set_mask", at};
    br_index_item items[BR_MAX_NDIM];
    br_extents shape;
    br_array *failed = check(&call, x, &value);
    if (failed == NULL)
        failed = bri_check_call(&call, &mask, 1);
    if (failed != NULL)
        return failed;
    br_status st = check_mask(x, mask);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    shape = (br_extents){x->node->ndim > 0 ? x->node->ndim : -1, {0}};
    for (int a = 0; a < x->node->ndim; a++) {
        shape.extent[a] = x->shape[a];
        items[a] = (br_index_item){.kind = a < mask->node->ndim ? ':' : 'n'};
    }
    br_array *converted = without_front(bri_assigned(&call, x, &value), x->node->ndim, at);
    br_operand operands[] = {
        br_operand_array(br_index_items_(mask, items, x->node->ndim, at)),
        br_operand_array(bri_spread(&call, converted, &shape)),
        br_operand_array(x),
    };
    return bri_elementwise_as(call.what, BRI_OP_WHERE, operands, at);
}
