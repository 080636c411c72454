/* SPDX-License-Identifier: BSD-3-Clause
 * select.c - choices among several arrays by several conditions, as a chain of where.
 */
#include <string.h>

#include <bramble/elementwise.h>
#include <bramble/shape.h>

#include "array/ops/ops.h"
#include "runtime/alloc.h"

/* What br_select and br_piecewise have in common. */
typedef struct choice {
    bri_call call;
    br_array *const *conditions;
    const br_operand *values;
    int n;
    br_operand otherwise;
} choice;

static br_array *check(choice *c)
{
    if (c->n < 1 || c->conditions == NULL || c->values == NULL)
        return bri_handle_error(&c->call,
                                bri_error(BR_EARG, "one condition and one value at least"));
    for (int i = 0; i < c->n; i++) {
        br_array *failed = bri_check_call(&c->call, &c->conditions[i], 1);
        if (failed == NULL && c->values[i].array != NULL)
            failed = bri_check_call(&c->call, &c->values[i].array, 1);
        if (failed == NULL && c->values[i].array == NULL && c->values[i].number.kind == 0)
            failed =
                bri_handle_error(&c->call, bri_error(BR_EARG, "value %d is a NULL array", i + 1));
        if (failed != NULL)
            return failed;
    }
    if (c->otherwise.array == NULL && c->otherwise.number.kind == 0)
        c->otherwise = br_operand_int(0);
    return c->otherwise.array != NULL ? bri_check_call(&c->call, &c->otherwise.array, 1) : NULL;
}

/* A value in the result's dtype. */
static br_array *converted(const choice *c, const br_operand *x, br_dtype dtype)
{
    if (x->array != NULL)
        return br_astype_(x->array, dtype, c->call.at);
    char kind = bri_kind(dtype);
    if (x->number.kind == 'c' && kind != 'c')
        return bri_handle_error(&c->call,
                                bri_error(BR_ETYPE, "%s would lose the imaginary part of a number",
                                          br_dtype_name(dtype)));
    return bri_operand_array(&c->call, x, dtype);
}

/* The last link of the chain is looked at first. */
static br_array *chain(const choice *c, br_dtype dtype, bool first_wins)
{
    br_array *result = converted(c, &c->otherwise, dtype);
    for (int k = 0; k < c->n; k++) {
        int i = first_wins ? c->n - 1 - k : k;
        br_operand operands[] = {br_operand_array(c->conditions[i]),
                                 br_operand_array(converted(c, &c->values[i], dtype)),
                                 br_operand_array(result)};
        result = bri_elementwise_as(c->call.what, BRI_OP_WHERE, operands, c->call.at);
    }
    return result;
}

/* The common dtype of all values, or BR_NO_DTYPE when memory ran out. */
static br_dtype common_dtype(const choice *c)
{
    br_operand *all = bri_calloc((size_t)c->n + 1, sizeof *all);
    if (all == NULL)
        return BR_NO_DTYPE;
    memcpy(all, c->values, (size_t)c->n * sizeof *all);
    all[c->n] = c->otherwise;
    br_dtype dtype = bri_common_dtype(all, c->n + 1);
    bri_free(all);
    return dtype;
}

br_array *br_select_(br_select_args args)
{
    choice c = {{NULL, "select", args.at}, args.conditions, args.choices, args.n, args.otherwise};
    br_array *failed = check(&c);
    if (failed != NULL)
        return failed;
    br_dtype dtype = common_dtype(&c);
    if (dtype == BR_NO_DTYPE)
        return bri_handle_error(&c.call, bri_error(BR_ENOMEM, "no memory for %d choices", c.n));
    return chain(&c, dtype, true);
}

/* Conditions and values of fewer elements than x stand for all of them. */
static br_array *spread(const choice *c, br_array *x, br_array *result)
{
    br_array *both[] = {x, result}, *out[2];
    const size_t bytes = sizeof *x->shape * (size_t)x->node->ndim;
    bool same = result->status != BR_OK || (result->node->ndim == x->node->ndim &&
                                            memcmp(result->shape, x->shape, bytes) == 0);
    if (!same)
        br_broadcast_arrays_(both, 2, out, c->call.at);
    return same ? result : out[1];
}

br_array *br_piecewise_(br_piecewise_args args)
{
    choice c = {{NULL, "piecewise", args.at}, args.conditions, args.values, args.n, args.otherwise};
    br_array *failed = bri_check_call(&c.call, &args.x, 1);
    failed = failed != NULL ? failed : check(&c);
    return failed != NULL ? failed : spread(&c, args.x, chain(&c, args.x->node->dtype, false));
}
