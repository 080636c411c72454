/* SPDX-License-Identifier: BSD-3-Clause
 * isa_casts.c - the conversions between all pairs of dtypes for one instruction set.
 */
#include "array/kernels/convert.h"
#include "array/kernels/isa.h"

void BRI_ISA_NAME(casts)(bri_kernels *table);

#define TO(name) BRI_INTEGER_TO##name

#define T       uint8_t
#define S(name) bool_##name
#define DTYPE   BR_BOOL
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       int8_t
#define S(name) int8_##name
#define DTYPE   BR_INT8
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       int16_t
#define S(name) int16_##name
#define DTYPE   BR_INT16
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       int32_t
#define S(name) int32_##name
#define DTYPE   BR_INT32
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       int64_t
#define S(name) int64_##name
#define DTYPE   BR_INT64
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       uint8_t
#define S(name) uint8_##name
#define DTYPE   BR_UINT8
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       uint16_t
#define S(name) uint16_##name
#define DTYPE   BR_UINT16
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       uint32_t
#define S(name) uint32_##name
#define DTYPE   BR_UINT32
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       uint64_t
#define S(name) uint64_##name
#define DTYPE   BR_UINT64
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#undef TO
#define TO(name) BRI_FLOAT_TO##name

#define T       float
#define S(name) float32_##name
#define DTYPE   BR_FLOAT32
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       double
#define S(name) float64_##name
#define DTYPE   BR_FLOAT64
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#undef TO
#define TO(name) BRI_COMPLEX_TO##name

#define T       float _Complex
#define S(name) complex64_##name
#define DTYPE   BR_COMPLEX64
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

#define T       double _Complex
#define S(name) complex128_##name
#define DTYPE   BR_COMPLEX128
#include "array/kernels/casts.inc"
#undef T
#undef S
#undef DTYPE

void BRI_ISA_NAME(casts)(bri_kernels *table)
{
    bool_fill(table);
    int8_fill(table);
    int16_fill(table);
    int32_fill(table);
    int64_fill(table);
    uint8_fill(table);
    uint16_fill(table);
    uint32_fill(table);
    uint64_fill(table);
    float32_fill(table);
    float64_fill(table);
    complex64_fill(table);
    complex128_fill(table);
}
