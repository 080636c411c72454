/* SPDX-License-Identifier: BSD-3-Clause
 * shape.h - what the functions that rearrange elements have in common.
 */
#ifndef BRI_SHAPE_H
#define BRI_SHAPE_H

#include <bramble/shape.h>

#include "array/ops/ops.h"

/* NULL when the call may go on: a list of at least one array, all good ones of one context. */
br_array *bri_check_list(bri_call *call, br_array *const *x, int n);
/* The one axis that is named, or `otherwise` when none is given, below ndim. */
br_status bri_one_axis(const br_axes *axes, int ndim, int otherwise, int *axis);
/* Lets all of out[0..n) be a failed array; returns its error. */
br_status bri_fail_all(br_array *failed, br_array **out, int n);

/* Another handle of the same array. */
br_array *bri_same_array(const bri_call *call, br_array *x);
/* Arrays one after the other along an axis that they have, in their common dtype. */
br_array *bri_concat(bri_call *call, br_array *const *x, int n, int axis);

/* Every step-th element along an axis from `start` on, count of them, all of which are there. */
typedef struct bri_stretch {
    int64_t start, step, count;
} bri_stretch;
br_array *bri_slice_axis(const bri_call *call, br_array *x, int axis, bri_stretch stretch);
/* x, `count` times along an axis. */
br_array *bri_tile_axis(bri_call *call, br_array *x, int axis, int64_t count);

#endif
