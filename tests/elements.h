/* SPDX-License-Identifier: BSD-3-Clause
 * elements.h - arrays of any dtype for tests of block programs: their elements, random ones, runs
 * of programs on them and comparison with op_reference.h.
 */
#ifndef ELEMENTS_H
#define ELEMENTS_H

#include <check.h>
#include <float.h>
#include <string.h>

#include "tests/op_reference.h"
#include "tests/random_bits.h"

/* Check's assertions write to a file each time, far too slow for every element. */
static inline void require(bool holds, const char *what)
{
    if (!holds)
        ck_abort_msg("%s", what);
}

static inline long double random_real(void)
{
    return (long double)random_below(2000001) / 250000 - 4;
}

static inline bool floating(br_dtype dtype)
{
    return bri_kind(dtype) == 'f' || bri_kind(dtype) == 'c';
}

static inline number get(br_dtype dtype, const void *at)
{
    number v = {bri_kind(dtype), 0, 0};
    const bool exact = !floating(dtype);
    switch (dtype) {
#define BRI_DTYPE(NAME, name, type, kind, wide)                                                    \
    case BR_##NAME: {                                                                              \
        type x;                                                                                    \
        memcpy(&x, at, sizeof x);                                                                  \
        v.z = x;                                                                                   \
        v.i = exact ? (__int128)x : 0;                                                             \
        return v;                                                                                  \
    }
#include "runtime/dtypes.def"
#undef BRI_DTYPE
    default:
        return v;
    }
}

static inline void put_integer(br_dtype dtype, void *at, __int128 i)
{
    uint64_t bits = dtype == BR_BOOL ? i != 0 : (uint64_t)i;
    memcpy(at, &bits, bri_dtypes[dtype].size);
}

static inline void put_floating(br_dtype dtype, void *at, long double complex z)
{
    float f = (float)creall(z);
    double d = (double)creall(z);
    float complex cf = (float complex)z;
    double complex cd = (double complex)z;
    const void *from = dtype == BR_FLOAT32     ? (void *)&f
                       : dtype == BR_FLOAT64   ? (void *)&d
                       : dtype == BR_COMPLEX64 ? (void *)&cf
                                               : (void *)&cd;
    memcpy(at, from, bri_dtypes[dtype].size);
}

static inline void put(br_dtype dtype, void *at, number v)
{
    if (floating(dtype))
        put_floating(dtype, at, v.kind == 'f' || v.kind == 'c' ? v.z : (long double)v.i);
    else
        put_integer(dtype, at, v.kind == 'f' || v.kind == 'c' ? (__int128)creall(v.z) : v.i);
}

static inline char *element(br_dtype dtype, void *base, int64_t i)
{
    return (char *)base + i * (int64_t)bri_dtypes[dtype].size;
}

/* Random elements; integers of all sizes of theirs, among them 0 and 1 often. */
static inline void *random_array(br_dtype dtype, int64_t n)
{
    char *x = malloc((size_t)(n + 1) * 16);
    for (int64_t i = 0; i < n; i++) {
        __int128 small = random_below(9) - 4;
        __int128 any = (__int128)(random_bits() >> random_below(64));
        if (floating(dtype))
            put_floating(dtype, element(dtype, x, i), random_real() + I * random_real());
        else
            put_integer(dtype, element(dtype, x, i),
                        dtype == BR_BOOL  ? random_below(2)
                        : random_below(2) ? small
                                          : any);
    }
    return x;
}

/* Programs need less than this, whatever they do. */
static _Alignas(64) char scratch[1 << 20];

static inline void run_box(const bri_program *p, bri_box *box)
{
    box->scratch = scratch;
    require(bri_program_scratch(p) <= sizeof scratch, "too much scratch");
    bri_program_run(p, box);
}

/* Runs a sealed program over n elements of dense inputs. */
static inline void run_dense(const bri_program *p, int64_t n, void *const *in,
                             const br_dtype *dtypes, void *out, br_dtype out_dtype)
{
    bri_view views[3] = {0};
    for (int k = 0; k < bri_program_ninputs(p); k++)
        views[k] = (bri_view){in[k], {(int64_t)bri_dtypes[dtypes[k]].size}};
    bri_box box = {.ndim = 1, .extent = {n}, .inputs = views};
    box.out = (bri_view){out, {(int64_t)bri_dtypes[out_dtype].size}};
    run_box(p, &box);
}

static inline long double ulp(br_dtype dtype, long double magnitude)
{
    bool narrow = bri_real_dtype(dtype) == BR_FLOAT32;
    int exponent;
    frexpl(magnitude, &exponent);
    int least = narrow ? FLT_MIN_EXP : DBL_MIN_EXP;
    return ldexpl(1,
                  (exponent > least ? exponent : least) - (narrow ? FLT_MANT_DIG : DBL_MANT_DIG));
}

static inline bool close_enough(br_dtype dtype, const void *got, number want, long double ulps)
{
    number g = get(dtype, got);
    if (!floating(dtype)) {
        char expected[16];
        put_integer(dtype, expected, want.i);
        return memcmp(expected, got, bri_dtypes[dtype].size) == 0;
    }
    long double complex w = want.kind == 'c' ? want.z : (long double)want.i;
    if (isnan(creall(w)) || isnan(cimagl(w)))
        return isnan(creall(g.z)) || isnan(cimagl(g.z));
    char rounded[16];
    put_floating(dtype, rounded, w); /* overflows as the operation does */
    if (isinf(creall(get(dtype, rounded).z)))
        return g.z == get(dtype, rounded).z;
    return g.z == w || cabsl(g.z - w) <= ulps * ulp(dtype, cabsl(w));
}

#endif
