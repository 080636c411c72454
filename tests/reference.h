/* SPDX-License-Identifier: BSD-3-Clause
 * reference.h - dense arrays of exact values, with which tests compare what the library computes.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "tests/complexes.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

/* Holds every element of every dtype exactly: long double has at least 64 bits of mantissa. */
typedef long double _Complex value;

enum { REF_NDIM = 6 };

typedef struct ref {
    struct ref *next;
    br_dtype dtype;
    int ndim;
    int64_t shape[REF_NDIM];
    int64_t n;
    value *v;
} ref;

static struct {
    ref *all; /* until free_refs() */
    uint64_t random;
} reference = {NULL, 88172645463325252u};

/* clang-format off */
#define SWEEP_REALS(X) \
    X(BOOL, bool) X(INT8, int8_t) X(INT16, int16_t) X(INT32, int32_t) X(INT64, int64_t) \
    X(UINT8, uint8_t) X(UINT16, uint16_t) X(UINT32, uint32_t) X(UINT64, uint64_t) \
    X(FLOAT32, float) X(FLOAT64, double)
/* clang-format on */

/* ---- dtypes ---- */

static inline bool is_complex(br_dtype d)
{
    return d == BR_COMPLEX64 || d == BR_COMPLEX128;
}
static inline bool is_float(br_dtype d)
{
    return d == BR_FLOAT32 || d == BR_FLOAT64;
}
static inline bool is_signed(br_dtype d)
{
    return d >= BR_INT8 && d <= BR_INT64;
}
static inline bool is_unsigned(br_dtype d)
{
    return d >= BR_UINT8 && d <= BR_UINT64;
}
static inline bool is_exact(br_dtype d)
{
    return d < BR_FLOAT32;
}
static inline bool is_narrow(br_dtype d)
{
    return d == BR_FLOAT32 || d == BR_COMPLEX64;
}
static inline br_dtype floating(br_dtype d)
{
    return is_exact(d) ? BR_FLOAT64 : d;
}

static inline value get(br_dtype dtype, const void *buffer, int64_t i)
{
    switch (dtype) {
#define SWEEP_GET(name, type)                                                                      \
    case BR_##name:                                                                                \
        return ((const type *)buffer)[i];
        SWEEP_REALS(SWEEP_GET)
#undef SWEEP_GET
    case BR_COMPLEX64:
        return ((const float _Complex *)buffer)[i];
    default:
        return ((const double _Complex *)buffer)[i];
    }
}

/* v as an element of an exact or inexact dtype; whole numbers wrap around. */
#define SWEEP_CONVERT(type, v)                                                                     \
    _Generic((type)0, float                                                                        \
             : (type)creall(v), double                                                             \
             : (type)creall(v), bool                                                               \
             : (type)((v) != 0), default                                                           \
             : (type)(__int128)(is_whole(creall(v)) ? creall(v) : 0))

static inline bool is_whole(long double x)
{
    return fabsl(x) < 1e30L;
}

static inline void put(br_dtype dtype, void *buffer, int64_t i, value v)
{
    switch (dtype) {
#define SWEEP_PUT(name, type)                                                                      \
    case BR_##name:                                                                                \
        ((type *)buffer)[i] = SWEEP_CONVERT(type, v);                                              \
        break;
        SWEEP_REALS(SWEEP_PUT)
#undef SWEEP_PUT
    case BR_COMPLEX64:
        ((float _Complex *)buffer)[i] = (float _Complex)v;
        break;
    default:
        ((double _Complex *)buffer)[i] = (double _Complex)v;
        break;
    }
}

/* v rounded or wrapped to dtype. */
static inline value as(br_dtype dtype, value v)
{
    double _Complex element;
    put(dtype, &element, 0, v);
    return get(dtype, &element, 0);
}

/* ---- references ---- */

static inline ref *ref_new(br_dtype dtype, int ndim, const int64_t *shape)
{
    ref *r = calloc(1, sizeof *r);
    r->next = reference.all;
    reference.all = r;
    r->dtype = dtype;
    r->ndim = ndim;
    r->n = 1;
    for (int a = 0; a < ndim; a++)
        r->n *= r->shape[a] = shape[a];
    r->v = calloc((size_t)r->n + 1, sizeof *r->v);
    return r;
}

static inline uint64_t random_bits(void)
{
    reference.random ^= reference.random << 13;
    reference.random ^= reference.random >> 7;
    return reference.random ^= reference.random << 17;
}
static inline int64_t random_below(int64_t n)
{
    return (int64_t)(random_bits() % (uint64_t)n);
}

/* A small number that dtype holds exactly; never zero when `nonzero`, never negative when
 * `positive`. */
static inline value random_value(br_dtype dtype, bool nonzero, bool positive)
{
    if (dtype == BR_BOOL)
        return nonzero || random_below(2);
    int64_t low = is_unsigned(dtype) || positive ? 0 : -11;
    int64_t i = low + random_below(12 - low);
    if (nonzero && i == 0)
        i = 5;
    if (is_exact(dtype))
        return i;
    value v = i + random_below(8) * 0.125L * (i < 0 ? -1 : 1);
    return is_complex(dtype) ? v + I * (long double)(random_below(17) - 8) * 0.25L : v;
}

static inline ref *ref_random(br_dtype dtype, int ndim, const int64_t *shape, bool nonzero,
                              bool positive)
{
    ref *r = ref_new(dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = random_value(dtype, nonzero, positive);
    return r;
}

static inline void ref_coords(const ref *r, int64_t linear, int64_t *coord)
{
    for (int a = r->ndim - 1; a >= 0; a--) {
        coord[a] = linear % r->shape[a];
        linear /= r->shape[a];
    }
}
static inline int64_t ref_linear(const ref *r, const int64_t *coord)
{
    int64_t linear = 0;
    for (int a = 0; a < r->ndim; a++)
        linear = linear * r->shape[a] + coord[a];
    return linear;
}

/* The element of r that broadcasts to `coord` of an array with ndim axes. */
static inline value ref_at(const ref *r, int ndim, const int64_t *coord)
{
    int64_t own[REF_NDIM];
    for (int a = 0; a < r->ndim; a++)
        own[a] = r->shape[a] == 1 ? 0 : coord[ndim - r->ndim + a];
    return r->v[ref_linear(r, own)];
}

static inline ref *ref_broadcast_shape(br_dtype dtype, const ref *a, const ref *b)
{
    int64_t shape[REF_NDIM];
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int i = 1; i <= ndim; i++) {
        int64_t ea = i <= a->ndim ? a->shape[a->ndim - i] : 1;
        int64_t eb = i <= b->ndim ? b->shape[b->ndim - i] : 1;
        shape[ndim - i] = ea == 1 ? eb : ea;
    }
    return ref_new(dtype, ndim, shape);
}

static inline ref *ref_map1(br_dtype dtype, const ref *a, value (*f)(value))
{
    ref *r = ref_new(dtype, a->ndim, a->shape);
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = f(a->v[i]);
    return r;
}

static inline ref *ref_map2(br_dtype dtype, const ref *a, const ref *b, value (*f)(value, value))
{
    ref *r = ref_broadcast_shape(dtype, a, b);
    int64_t coord[REF_NDIM];
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, coord);
        r->v[i] = f(ref_at(a, r->ndim, coord), ref_at(b, r->ndim, coord));
    }
    return r;
}

/* Frees every reference. */
static inline void free_refs(void)
{
    while (reference.all != NULL) {
        ref *r = reference.all;
        reference.all = r->next;
        free(r->v);
        free(r);
    }
}

#endif
