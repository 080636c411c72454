/* SPDX-License-Identifier: BSD-3-Clause
 * isa_extremes.c - the loops of min and max for one instruction set.
 */
#include <math.h>

#include "array/kernels/isa.h"

void BRI_ISA_NAME(extremes)(bri_kernels *table);

#define PASS(a) false

#define T          int8_t
#define NAME(name) int8_##name
#define LEAST      INT8_MIN
#define GREATEST   INT8_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#define T          int16_t
#define NAME(name) int16_##name
#define LEAST      INT16_MIN
#define GREATEST   INT16_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#define T          int32_t
#define NAME(name) int32_##name
#define LEAST      INT32_MIN
#define GREATEST   INT32_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#define T          int64_t
#define NAME(name) int64_##name
#define LEAST      INT64_MIN
#define GREATEST   INT64_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#define T          uint8_t
#define NAME(name) uint8_##name
#define LEAST      0
#define GREATEST   UINT8_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#define T          uint16_t
#define NAME(name) uint16_##name
#define LEAST      0
#define GREATEST   UINT16_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#define T          uint32_t
#define NAME(name) uint32_##name
#define LEAST      0
#define GREATEST   UINT32_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#define T          uint64_t
#define NAME(name) uint64_##name
#define LEAST      0
#define GREATEST   UINT64_MAX
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#undef PASS
#define PASS(a) ((a) != (a))

#define T          float
#define NAME(name) float32_##name
#define LEAST      -INFINITY
#define GREATEST   INFINITY
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

#define T          double
#define NAME(name) float64_##name
#define LEAST      -INFINITY
#define GREATEST   INFINITY
#include "array/kernels/extremes.inc"
#undef T
#undef NAME
#undef LEAST
#undef GREATEST

void BRI_ISA_NAME(extremes)(bri_kernels *table)
{
    bri_reducer *min = table->reduce[BRI_RED_MIN];
    bri_reducer *max = table->reduce[BRI_RED_MAX];
    min[BR_BOOL] = uint8_min_reducer;
    min[BR_INT8] = int8_min_reducer;
    min[BR_INT16] = int16_min_reducer;
    min[BR_INT32] = int32_min_reducer;
    min[BR_INT64] = int64_min_reducer;
    min[BR_UINT8] = uint8_min_reducer;
    min[BR_UINT16] = uint16_min_reducer;
    min[BR_UINT32] = uint32_min_reducer;
    min[BR_UINT64] = uint64_min_reducer;
    min[BR_FLOAT32] = float32_min_reducer;
    min[BR_FLOAT64] = float64_min_reducer;
    max[BR_BOOL] = uint8_max_reducer;
    max[BR_INT8] = int8_max_reducer;
    max[BR_INT16] = int16_max_reducer;
    max[BR_INT32] = int32_max_reducer;
    max[BR_INT64] = int64_max_reducer;
    max[BR_UINT8] = uint8_max_reducer;
    max[BR_UINT16] = uint16_max_reducer;
    max[BR_UINT32] = uint32_max_reducer;
    max[BR_UINT64] = uint64_max_reducer;
    max[BR_FLOAT32] = float32_max_reducer;
    max[BR_FLOAT64] = float64_max_reducer;
}
