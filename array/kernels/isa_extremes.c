/* SPDX-License-Identifier: BSD-3-Clause
 * isa_extremes.c - the loops of min, max, argmin and argmax for one instruction set, and of those
 * that know no NaN.
 */
#include <math.h>
#include <string.h>

#include "array/kernels/isa.h"

void BRI_ISA_NAME(extremes)(bri_kernels *table);

#define NONE(a)          false
#define CHOICE(a, op, b) ((a)op(b) ? (a) : (b))
#define OVER(a, b)       (a)
#define TAKES(a, b)      false
#define SAME(x, value)   ((x) == (value))

#define V          int64_t
#define NAME(name) int64_##name
#include "array/kernels/merge_args.inc"
#undef V
#undef NAME

#define V          uint64_t
#define NAME(name) uint64_##name
#include "array/kernels/merge_args.inc"
#undef V
#undef NAME

#define T          int8_t
#define I          int8_t
#define V          int64_t
#define WIDE(name) int64_##name
#define NAME(name) int8_##name
#define LEAST      INT8_MIN
#define GREATEST   INT8_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          int16_t
#define I          int16_t
#define V          int64_t
#define WIDE(name) int64_##name
#define NAME(name) int16_##name
#define LEAST      INT16_MIN
#define GREATEST   INT16_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          int32_t
#define I          int32_t
#define V          int64_t
#define WIDE(name) int64_##name
#define NAME(name) int32_##name
#define LEAST      INT32_MIN
#define GREATEST   INT32_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          int64_t
#define I          int64_t
#define V          int64_t
#define WIDE(name) int64_##name
#define NAME(name) int64_##name
#define LEAST      INT64_MIN
#define GREATEST   INT64_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          uint8_t
#define I          int8_t
#define V          uint64_t
#define WIDE(name) uint64_##name
#define NAME(name) uint8_##name
#define LEAST      0
#define GREATEST   UINT8_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          uint16_t
#define I          int16_t
#define V          uint64_t
#define WIDE(name) uint64_##name
#define NAME(name) uint16_##name
#define LEAST      0
#define GREATEST   UINT16_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          uint32_t
#define I          int32_t
#define V          uint64_t
#define WIDE(name) uint64_##name
#define NAME(name) uint32_##name
#define LEAST      0
#define GREATEST   UINT32_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          uint64_t
#define I          int64_t
#define V          uint64_t
#define WIDE(name) uint64_##name
#define NAME(name) uint64_##name
#define LEAST      0
#define GREATEST   UINT64_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

/* The first NaN wins. */
#undef NONE
#undef TAKES
#undef SAME
#define NONE(a)        ((a) != (a))
#define TAKES(a, b)    (((a) != (a)) & ((b) == (b)))
#define SAME(x, value) (((x) == (value)) | ((x) != (x)))

#define V          double
#define NAME(name) float64_##name
#include "array/kernels/merge_args.inc"
#undef V
#undef NAME

#define T          float
#define I          int32_t
#define V          double
#define WIDE(name) float64_##name
#define NAME(name) float32_##name
#define LEAST      -INFINITY
#define GREATEST   INFINITY
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          double
#define I          int64_t
#define V          double
#define WIDE(name) float64_##name
#define NAME(name) float64_##name
#define LEAST      -INFINITY
#define GREATEST   INFINITY
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

/* NaNs lose. */
#undef CHOICE
#undef OVER
#undef TAKES
#undef SAME
#define CHOICE(a, op, b) ((b)op(a) ? (b) : (a))
#define OVER(a, b)       (b)
#define TAKES(a, b)      (((b) != (b)) & ((a) == (a)))
#define SAME(x, value)   ((x) == (value))

#define V          double
#define NAME(name) float64_known_##name
#include "array/kernels/merge_args.inc"
#undef V
#undef NAME

#define T          float
#define I          int32_t
#define V          double
#define WIDE(name) float64_known_##name
#define NAME(name) float32_known_##name
#define LEAST      NAN
#define GREATEST   NAN
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

#define T          double
#define I          int64_t
#define V          double
#define WIDE(name) float64_known_##name
#define NAME(name) float64_known_##name
#define LEAST      NAN
#define GREATEST   NAN
#include "array/kernels/extremes.inc"
#undef T
#undef I
#undef V
#undef WIDE
#undef NAME
#undef LEAST
#undef GREATEST

/* Integers have no NaN. */
#define ROW(DTYPE, name, known)                                                                    \
    table->reduce[BRI_RED_MIN][BR_##DTYPE] = name##_min_reducer;                                   \
    table->reduce[BRI_RED_MAX][BR_##DTYPE] = name##_max_reducer;                                   \
    table->reduce[BRI_RED_ARGMIN][BR_##DTYPE] = name##_argmin_reducer;                             \
    table->reduce[BRI_RED_ARGMAX][BR_##DTYPE] = name##_argmax_reducer;                             \
    table->reduce[BRI_RED_NANMIN][BR_##DTYPE] = known##_min_reducer;                               \
    table->reduce[BRI_RED_NANMAX][BR_##DTYPE] = known##_max_reducer;                               \
    table->reduce[BRI_RED_NANARGMIN][BR_##DTYPE] = known##_argmin_reducer;                         \
    table->reduce[BRI_RED_NANARGMAX][BR_##DTYPE] = known##_argmax_reducer;

void BRI_ISA_NAME(extremes)(bri_kernels *table)
{
    ROW(BOOL, uint8, uint8)
    ROW(INT8, int8, int8)
    ROW(INT16, int16, int16)
    ROW(INT32, int32, int32)
    ROW(INT64, int64, int64)
    ROW(UINT8, uint8, uint8)
    ROW(UINT16, uint16, uint16)
    ROW(UINT32, uint32, uint32)
    ROW(UINT64, uint64, uint64)
    ROW(FLOAT32, float32, float32_known)
    ROW(FLOAT64, float64, float64_known)
}
