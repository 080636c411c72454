/* SPDX-License-Identifier: BSD-3-Clause
 * isa_sums.c - the loops of sums, products, variances, any and all for one instruction set.
 *
 * Sums read every dtype; the others have loops for the dtypes of bri_reduced_dtype() only.
 */
#include <math.h>
#include <string.h>

#include "array/kernels/doubles.h"
#include "array/kernels/exact.h"
#include "array/kernels/isa.h"

void BRI_ISA_NAME(sums)(bri_kernels *table);

/* Sums of integers wrap round, so they are made in the unsigned type; the bits are those of int64.
 */
#define WIDE        uint64_t
#define TIMES(a, b) ((a) * (b))

#define T          int32_t
#define NAME(name) int32_##name
#include "array/kernels/sum.inc"
#undef T
#undef NAME

#define T          uint32_t
#define NAME(name) uint32_##name
#include "array/kernels/sum.inc"
#undef T
#undef NAME

#define T          uint64_t
#define NAME(name) uint64_##name
#include "array/kernels/product.inc"
#include "array/kernels/sum.inc"
#undef T
#undef NAME

#define T          int8_t
#define NAME(name) int8_##name
#define N          int16_t
#define FULL       int32_t
#include "array/kernels/small_sum.inc"
#undef T
#undef NAME
#undef N
#undef FULL

#define T          int16_t
#define NAME(name) int16_##name
#define N          int32_t
#define FULL       int32_t
#include "array/kernels/small_sum.inc"
#undef T
#undef NAME
#undef N
#undef FULL

#define T          uint8_t
#define NAME(name) uint8_##name
#define N          uint16_t
#define FULL       uint32_t
#include "array/kernels/small_sum.inc"
#undef T
#undef NAME
#undef N
#undef FULL

#define T          uint16_t
#define NAME(name) uint16_##name
#define N          uint32_t
#define FULL       uint32_t
#include "array/kernels/small_sum.inc"
#undef T
#undef NAME
#undef N
#undef FULL

#undef WIDE
#define WIDE    double
#define NORM(d) ((d) * (d))

#define T          float
#define NAME(name) float32_##name
#define DOUBLES(x) bri_doubles_of_float32(x)
#include "array/kernels/sum.inc"
#undef DOUBLES

#define A           WIDE
#define MEAN(op)    float32_sum_##op
#define KNOWN(name) float32_known_##name
#define S(op)       float32_nansum_##op
#include "array/kernels/known.inc"
#include "array/kernels/nansum.inc"
#undef A
#undef MEAN
#undef KNOWN
#undef S

#define A          WIDE
#define DOUBLES(x) bri_doubles_of_float32(x)
#define MEAN(op)   float32_sum_##op
#define S(op)      float32_var_##op
#include "array/kernels/var.inc"
#undef DOUBLES
#undef S
#define VAR(op) float32_var_##op
#define S(op)   float32_moments_##op
#include "array/kernels/moments.inc"
#undef A
#undef MEAN
#undef VAR
#undef S
#undef T
#undef NAME

#define T          double
#define NAME(name) float64_##name
#include "array/kernels/product.inc"
#include "array/kernels/sum.inc"

#define A           WIDE
#define MEAN(op)    float64_sum_##op
#define KNOWN(name) float64_known_##name
#define S(op)       float64_nansum_##op
#include "array/kernels/known.inc"
#include "array/kernels/nansum.inc"
#undef A
#undef MEAN
#undef KNOWN
#undef S

#define A          WIDE
#define DOUBLES(x) bri_doubles_of_float64(x)
#define MEAN(op)   float64_sum_##op
#define VAR(op)    float64_var_##op
#define S(op)      float64_var_##op
#include "array/kernels/var.inc"
#undef DOUBLES
#undef S
#define S(op) float64_moments_##op
#include "array/kernels/moments.inc"
#undef A
#undef S
#define S(op)       float64_nanvar_##op
#define KNOWN(name) float64_known_##name
#include "array/kernels/nanvar.inc"
#undef KNOWN
#undef MEAN
#undef VAR
#undef S
#undef T
#undef NAME

/* The textbook product, as complex.inc has it. */
static inline double _Complex times(double _Complex a, double _Complex b)
{
    return __builtin_complex(__real__ a * __real__ b - __imag__ a * __imag__ b,
                             __real__ a * __imag__ b - bri_flipped(__imag__ a) * __real__ b);
}

#undef WIDE
#undef TIMES
#undef NORM
#define WIDE        double _Complex
#define TIMES(a, b) times(a, b)
#define NORM(d)     (__real__(d) * __real__(d) + __imag__(d) * __imag__(d))

#define T          float _Complex
#define NAME(name) complex64_##name
#include "array/kernels/sum.inc"

#define A           WIDE
#define MEAN(op)    complex64_sum_##op
#define KNOWN(name) complex64_known_##name
#define S(op)       complex64_nansum_##op
#include "array/kernels/known.inc"
#include "array/kernels/nansum.inc"
#undef A
#undef MEAN
#undef KNOWN
#undef S
#undef T
#undef NAME

#define T          double _Complex
#define NAME(name) complex128_##name
#include "array/kernels/product.inc"
#include "array/kernels/sum.inc"

#define A           WIDE
#define MEAN(op)    complex128_sum_##op
#define KNOWN(name) complex128_known_##name
#define S(op)       complex128_nansum_##op
#include "array/kernels/known.inc"
#include "array/kernels/nansum.inc"
#undef A
#undef MEAN
#undef KNOWN
#undef S

#define A        WIDE
#define MEAN(op) complex128_sum_##op
#define VAR(op)  complex128_var_##op
#define S(op)    complex128_var_##op
#include "array/kernels/var.inc"
#undef A
#undef S
#define S(op)       complex128_nanvar_##op
#define KNOWN(name) complex128_known_##name
#include "array/kernels/nanvar.inc"
#undef KNOWN
#undef MEAN
#undef VAR
#undef S
#undef T
#undef NAME

#define T             uint8_t
#define A             uint8_t
#define LOAD(x)       (x)
#define COMBINE(a, b) ((a) | (b))
#define EMPTY         0
#define S(name)       any_##name
#include "array/kernels/reduce.inc"
#undef COMBINE
#undef EMPTY
#undef S

#define COMBINE(a, b) ((a) & (b))
#define EMPTY         1
#define S(name)       all_##name
#include "array/kernels/reduce.inc"

/* Dtypes that are read as another have its way of merging, but no loops over their elements. */
static void fill(bri_kernels *table, bri_redop op, const bri_reducer *const *by_dtype)
{
    for (int d = BR_NO_DTYPE + 1; d < BR_NDTYPE; d++) {
        br_dtype read_as = bri_reduced_dtype(op, (br_dtype)d);
        if (by_dtype[read_as] == NULL)
            continue;
        table->reduce[op][d] = *by_dtype[read_as];
        if (read_as != (br_dtype)d)
            table->reduce[op][d].lanes = table->reduce[op][d].fold = NULL;
    }
}

void BRI_ISA_NAME(sums)(bri_kernels *table)
{
    static const bri_reducer *const sum[BR_NDTYPE] = {
        [BR_BOOL] = &uint8_sum_reducer,
        [BR_INT8] = &int8_sum_reducer,
        [BR_INT16] = &int16_sum_reducer,
        [BR_INT32] = &int32_sum_reducer,
        [BR_INT64] = &uint64_sum_reducer,
        [BR_UINT8] = &uint8_sum_reducer,
        [BR_UINT16] = &uint16_sum_reducer,
        [BR_UINT32] = &uint32_sum_reducer,
        [BR_UINT64] = &uint64_sum_reducer,
        [BR_FLOAT32] = &float32_sum_reducer,
        [BR_FLOAT64] = &float64_sum_reducer,
        [BR_COMPLEX64] = &complex64_sum_reducer,
        [BR_COMPLEX128] = &complex128_sum_reducer,
    };
    static const bri_reducer *const prod[BR_NDTYPE] = {
        [BR_INT64] = &uint64_prod_reducer,
        [BR_UINT64] = &uint64_prod_reducer,
        [BR_FLOAT64] = &float64_prod_reducer,
        [BR_COMPLEX128] = &complex128_prod_reducer,
    };
    static const bri_reducer *const var[BR_NDTYPE] = {
        [BR_FLOAT32] = &float32_var_reducer,
        [BR_FLOAT64] = &float64_var_reducer,
        [BR_COMPLEX128] = &complex128_var_reducer,
    };
    static const bri_reducer *const moments[BR_NDTYPE] = {
        [BR_FLOAT32] = &float32_moments_reducer,
        [BR_FLOAT64] = &float64_moments_reducer,
    };
    static const bri_reducer *const nansum[BR_NDTYPE] = {
        [BR_FLOAT32] = &float32_nansum_reducer,
        [BR_FLOAT64] = &float64_nansum_reducer,
        [BR_COMPLEX64] = &complex64_nansum_reducer,
        [BR_COMPLEX128] = &complex128_nansum_reducer,
    };
    static const bri_reducer *const nanvar[BR_NDTYPE] = {
        [BR_FLOAT64] = &float64_nanvar_reducer,
        [BR_COMPLEX128] = &complex128_nanvar_reducer,
    };
    static const bri_reducer *const any[BR_NDTYPE] = {[BR_BOOL] = &any_reducer};
    static const bri_reducer *const all[BR_NDTYPE] = {[BR_BOOL] = &all_reducer};
    fill(table, BRI_RED_SUM, sum);
    fill(table, BRI_RED_MEAN, sum);
    fill(table, BRI_RED_PROD, prod);
    fill(table, BRI_RED_VAR, var);
    fill(table, BRI_RED_STD, var);
    fill(table, BRI_RED_MOMENTS, moments);
    fill(table, BRI_RED_NANSUM, nansum);
    fill(table, BRI_RED_NANMEAN, nansum);
    fill(table, BRI_RED_NANVAR, nanvar);
    fill(table, BRI_RED_NANSTD, nanvar);
    fill(table, BRI_RED_ANY, any);
    fill(table, BRI_RED_ALL, all);
}
