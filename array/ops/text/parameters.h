/* SPDX-License-Identifier: BSD-3-Clause
 * parameters.h - the arguments of a function that is called in the text.
 */
#ifndef BRI_PARAMETERS_H
#define BRI_PARAMETERS_H

#include "array/ops/text/text.h"

/* What the functions of functions.def read; zero for what was not given, as in C calls. */
typedef struct bri_parameters {
    br_place at;
    br_array *x, *y, *where, *weights, *condition, *indices;
    br_array *prepend, *append;
    br_axes axis;        /* of axis, axes, axis1 or source */
    br_axes destination; /* or axis2 */
    br_extents shape;    /* of shape, chunks, shift or repetitions */
    br_number count;     /* of n, k, offset, repeats or edge_order: an integer */
    bool keepdims;
    br_dtype dtype;
    double correction; /* or ddof */
    br_number initial, ord, fill, spacing;
    br_operand a, b, min, max;
    br_number rtol, atol, posinf, neginf;
    double nan;
    bool equal_nan;
} bri_parameters;

/* Fills out from the arguments of a call, by the parameters' text of a row of functions.def. `at`
 * is where the function's name stands. */
br_status bri_read_parameters(const bri_parser *p, size_t at, const char *function,
                              const char *parameters, const bri_argument *arguments, int n,
                              bri_parameters *out);

#endif
