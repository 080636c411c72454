/* SPDX-License-Identifier: BSD-3-Clause
 * fold.h - what reductions have in common: axes, and the elements that belong to one result.
 */
#ifndef MATRIX_FOLD_H
#define MATRIX_FOLD_H

#include "tests/matrix/matrix.h"

/* Axes as they are given, and which of x's they are. */
typedef struct reduced {
    br_axes axes;
    bool is[ND_AXES];
    bool keep;
} reduced;

reduced draw_reduced(int ndim);
/* The result's shape: without the reduced axes, or with extent 1. */
nd *nd_reduced(br_dtype dtype, const nd *x, const reduced *by);
/* Some axis that is reduced has no elements. */
bool reduces_nothing(const nd *x, const reduced *by);

/* The elements of one result in C order, `in` says which take part. */
typedef struct group {
    int64_t n;
    number *v, *w;
    bool *in;
    int64_t *at; /* which of x's they are */
} group;

group new_group(const nd *x);
void free_group(group *g);
/* Those of result i; where and weights broadcast to x, NULL for all and 1. */
void gather(group *g, const nd *x, const reduced *by, int64_t i, const nd *where,
            const nd *weights);

#endif
