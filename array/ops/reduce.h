/* SPDX-License-Identifier: BSD-3-Clause
 * reduce.h - calls of reductions, plain and composed.
 */
#ifndef BRI_REDUCE_H
#define BRI_REDUCE_H

#include "array/ops/ops.h"

/* What a user's call says; what he did not give is zero. */
typedef struct bri_reduction {
    const char *name; /* in messages */
    bri_redop op;
    br_place at;
    br_array *x;
    const br_axes *axis;
    bool keepdims;
    br_dtype dtype;
    double correction;
    br_array *where;
    br_number initial;
    bool known;        /* leave NaNs out */
    bool exact;        /* set by preparing: x is bool or integers, which have none */
    bool may_be_empty; /* of min and max: no elements are no error */
} bri_reduction;

/* Checks everything a call gives and converts x: to .dtype where it is given; for means and
 * variances of integers to float64, where sums don't wrap around. NULL when the call may go on,
 * else the failed array to return. */
br_array *bri_reduce_prepare(bri_call *call, bri_reduction *r);
/* The dtype of the result, after preparing. */
br_dtype bri_reduce_dtype(const bri_reduction *r);
/* The reduction of x alone: prepares it, then makes its node; without .where and .initial. */
br_array *bri_reduce(bri_reduction r);

/* x as dtype, itself when it is. */
br_array *bri_as_dtype(br_array *x, br_dtype dtype, br_place at);

#endif
