/* SPDX-License-Identifier: BSD-3-Clause
 * mask.h - what a mask picks along one axis.
 */
#ifndef BRI_MASK_H
#define BRI_MASK_H

#include <bramble/mask.h>

#include "array/ops/ops.h"

/* The elements of x along an axis where mask, 1-d and as long, is true. */
br_array *bri_compress(bri_call *call, br_array *mask, br_array *x, int axis);
/* 0, 1, 2, ... along an axis of x, int64, cut as x is. */
br_array *bri_positions(const bri_call *call, br_array *x, int axis);
/* The common grid of a mask and the axis it is for, whose chunks are counted; both known. */
br_status bri_mask_axis(const bri_axis *mask, const bri_axis *x, bri_axis *out);

#endif
