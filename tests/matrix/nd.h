/* SPDX-License-Identifier: BSD-3-Clause
 * nd.h - a naive n-dimensional array: dense elements in C order and loops over indices, the means
 * in which the references of the matrix test are written. Nothing here is shared with the library.
 */
#ifndef MATRIX_ND_H
#define MATRIX_ND_H

#include <stdlib.h>
#include <string.h>

#include "tests/op_reference.h"

enum { ND_AXES = 8 };

/* An array. slack[i] is how far the library's element i may be off, 0 for not at all; `bits` says
 * that elements were moved only, so that even NaNs and signs of zeros must be the same. */
typedef struct nd {
    br_dtype dtype;
    int ndim;
    int64_t shape[ND_AXES];
    int64_t n;
    unsigned char *data;
    long double *slack;
    bool bits;
    struct nd *next;
} nd;

/* Arrays live until the batch of cases is done. */
nd *nd_new(br_dtype dtype, int ndim, const int64_t *shape);
void nd_free_all(void);
size_t nd_bytes(const nd *a);

/* ---- elements: `number` holds one of any dtype exactly; integers have .z, too ---- */

number nd_read(br_dtype dtype, const void *element);
void nd_write(br_dtype dtype, void *element, number v); /* as astype converts */
number nd_get(const nd *a, int64_t i);
void nd_put(nd *a, int64_t i, number v);
/* The nearest element to v; the library's may be `ulps` units in the last place off v, or 1/2 where
 * v has more digits than dtype, which references do not round rightly. */
void nd_put_near(nd *a, int64_t i, number v, long double ulps);
/* The library's element may be `slack` off v. */
void nd_put_within(nd *a, int64_t i, number v, long double slack);
/* Element i of a is element j of b, with all its bits. */
void nd_copy(nd *a, int64_t i, const nd *b, int64_t j);

number of_integer(__int128 i);
number of_real(long double x);
number of_complex(long double complex z);
bool is_zero(number v);
bool is_nan(number v);

/* ---- dtypes, by the rules of the Array API standard ---- */

char kind_of(br_dtype dtype);
bool is_inexact(br_dtype dtype);      /* float or complex */
br_dtype real_of(br_dtype dtype);     /* of the parts of a complex one */
br_dtype complex_of(br_dtype dtype);  /* whose parts are of a floating one */
br_dtype floating_of(br_dtype dtype); /* float64 for bool and integers */
br_dtype sum_of(br_dtype dtype);      /* what sums of it have */
br_dtype promoted(br_dtype a, br_dtype b);
br_dtype promoted_all(const br_dtype *dtypes, int n); /* whatever their order */
br_dtype promoted_with_number(br_dtype array, char kind);
long double epsilon_of(br_dtype dtype);
long double ulp_of(br_dtype dtype, long double size);

/* ---- indices ---- */

void nd_index_of(const nd *a, int64_t i, int64_t *index); /* of element i */
int64_t nd_at(const nd *a, const int64_t *index);         /* the element of an index */
/* The element that stands at `index` of an array with ndim axes, to which a is broadcast. */
int64_t nd_at_broadcast(const nd *a, int ndim, const int64_t *index);

/* ---- references that several functions share ---- */

nd *nd_same(br_dtype dtype, const nd *a); /* a new array of a's shape */
nd *nd_reshaped(const nd *a, int ndim, const int64_t *shape);
nd *nd_permuted(const nd *a, const int *axes);
nd *nd_converted(const nd *a, br_dtype dtype);
nd *nd_broadcast(const nd *a, int ndim, const int64_t *shape);
nd *nd_joined(nd *const *a, int n, int axis); /* of equal dtypes */
/* Element k along the axis is a's element index[k]. */
nd *nd_taken(const nd *a, int axis, int64_t n, const int64_t *index);
/* n elements along the axis: start, start + step, ... */
nd *nd_strided(const nd *a, int axis, int64_t start, int64_t step, int64_t n);
nd *nd_flipped(const nd *a, int axis);
nd *nd_without_axis(const nd *a, int axis); /* of extent 1 */
nd *nd_with_axis(const nd *a, int axis);
/* Shape of a and b together. */
int nd_common_shape(const nd *a, const nd *b, int64_t *shape);
nd *nd_common(br_dtype dtype, const nd *a, const nd *b); /* a new array of that shape */

#endif
