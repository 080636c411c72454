/* SPDX-License-Identifier: BSD-3-Clause
 * indexing.h - what the functions that index by arrays, or assign, have in common.
 */
#ifndef BRI_INDEXING_H
#define BRI_INDEXING_H

#include <bramble/indexing.h>

#include "array/ops/ops.h"

/* BR_ETYPE unless the dtype is an integer one. */
br_status bri_check_index_dtype(const br_array *indices);
/* The elements, dense, of an array that is a copy of the caller's and so known at the call; else
 * NULL. */
static inline const void *bri_known_elements(const br_array *x)
{
    return x->node->op == &bri_op_memory ? x->node->resource : NULL;
}
/* A value that is assigned to elements of x, as an array of x's dtype: BR_ETYPE when that is of a
 * lesser kind (bool, integers, floats, complex numbers). */
br_array *bri_assigned(bri_call *call, const br_array *x, const br_operand *value);
/* Broadcast to a shape, unless it has it. */
br_array *bri_spread(const bri_call *call, br_array *x, const br_extents *shape);

#endif
