/* SPDX-License-Identifier: BSD-3-Clause
 * isa_sums.c - the loops of all reductions for one instruction set.
 */
#include <math.h>
#include <string.h>

#include "array/kernels/exact.h"
#include "array/kernels/isa.h"

void BRI_ISA_NAME(sums)(bri_kernels *table);

/* Sums of integers wrap round, so they are made in the unsigned type; the bits are those of int64.
 */
#define MEAN_T           double
#define NORM_OF(d)       ((d) * (d))
#define TIMES(a, b)      ((a) * (b))
#define BETTER(a, b, op) ((a)op(b) ? (a) : (b))

#define T          uint8_t
#define WIDE       uint64_t
#define NAME(name) bool_##name
#define DTYPE      BR_BOOL
#define LEAST      0
#define GREATEST   1
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          int8_t
#define WIDE       uint64_t
#define NAME(name) int8_##name
#define DTYPE      BR_INT8
#define LEAST      INT8_MIN
#define GREATEST   INT8_MAX
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          int16_t
#define WIDE       uint64_t
#define NAME(name) int16_##name
#define DTYPE      BR_INT16
#define LEAST      INT16_MIN
#define GREATEST   INT16_MAX
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          int32_t
#define WIDE       uint64_t
#define NAME(name) int32_##name
#define DTYPE      BR_INT32
#define LEAST      INT32_MIN
#define GREATEST   INT32_MAX
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          int64_t
#define WIDE       uint64_t
#define NAME(name) int64_##name
#define DTYPE      BR_INT64
#define LEAST      INT64_MIN
#define GREATEST   INT64_MAX
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          uint8_t
#define WIDE       uint64_t
#define NAME(name) uint8_##name
#define DTYPE      BR_UINT8
#define LEAST      0
#define GREATEST   UINT8_MAX
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          uint16_t
#define WIDE       uint64_t
#define NAME(name) uint16_##name
#define DTYPE      BR_UINT16
#define LEAST      0
#define GREATEST   UINT16_MAX
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          uint32_t
#define WIDE       uint64_t
#define NAME(name) uint32_##name
#define DTYPE      BR_UINT32
#define LEAST      0
#define GREATEST   UINT32_MAX
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          uint64_t
#define WIDE       uint64_t
#define NAME(name) uint64_##name
#define DTYPE      BR_UINT64
#define LEAST      0
#define GREATEST   UINT64_MAX
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#undef BETTER
#define BETTER(a, b, op) ((a)op(b) || (a) != (a) ? (a) : (b))

#define T          float
#define WIDE       double
#define NAME(name) float32_##name
#define DTYPE      BR_FLOAT32
#define LEAST      -INFINITY
#define GREATEST   INFINITY
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          double
#define WIDE       double
#define NAME(name) float64_##name
#define DTYPE      BR_FLOAT64
#define LEAST      -INFINITY
#define GREATEST   INFINITY
#include "array/kernels/reductions.inc"

#include "array/kernels/extremes.inc"
#undef LEAST
#undef GREATEST
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

/* The textbook product, as complex.inc has it. */
static inline double _Complex times(double _Complex a, double _Complex b)
{
    return __builtin_complex(__real__ a * __real__ b - __imag__ a * __imag__ b,
                             __real__ a * __imag__ b - bri_flipped(__imag__ a) * __real__ b);
}

#undef MEAN_T
#undef NORM_OF
#undef TIMES
#define MEAN_T      double _Complex
#define NORM_OF(d)  (__real__(d) * __real__(d) + __imag__(d) * __imag__(d))
#define TIMES(a, b) times(a, b)

#define T          float _Complex
#define WIDE       double _Complex
#define NAME(name) complex64_##name
#define DTYPE      BR_COMPLEX64
#include "array/kernels/reductions.inc"
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

#define T          double _Complex
#define WIDE       double _Complex
#define NAME(name) complex128_##name
#define DTYPE      BR_COMPLEX128
#include "array/kernels/reductions.inc"
#undef T
#undef WIDE
#undef NAME
#undef DTYPE

void BRI_ISA_NAME(sums)(bri_kernels *table)
{
    bool_fill(table);
    bool_fill_extremes(table);
    int8_fill(table);
    int8_fill_extremes(table);
    int16_fill(table);
    int16_fill_extremes(table);
    int32_fill(table);
    int32_fill_extremes(table);
    int64_fill(table);
    int64_fill_extremes(table);
    uint8_fill(table);
    uint8_fill_extremes(table);
    uint16_fill(table);
    uint16_fill_extremes(table);
    uint32_fill(table);
    uint32_fill_extremes(table);
    uint64_fill(table);
    uint64_fill_extremes(table);
    float32_fill(table);
    float32_fill_extremes(table);
    float64_fill(table);
    float64_fill_extremes(table);
    complex64_fill(table);
    complex128_fill(table);
}
