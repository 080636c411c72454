/* SPDX-License-Identifier: BSD-3-Clause
 * isa_integers.c - the elementwise loops of bool and the integers for one instruction set.
 */
#include "array/kernels/isa.h"

void BRI_ISA_NAME(integers)(bri_kernels *table);

#define T       uint8_t
#define S(name) bool_##name
#define DTYPE   BR_BOOL
#define KIND    'b'
#include "array/kernels/elementwise.inc"
#undef T
#undef S
#undef DTYPE
#undef KIND

#define KIND    'i'
#define T       int8_t
#define W       uint32_t
#define SIGNED  1
#define S(name) int8_##name
#define DTYPE   BR_INT8
#include "array/kernels/integer.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef W
#undef SIGNED
#undef S
#undef DTYPE

#define T       int16_t
#define W       uint32_t
#define SIGNED  1
#define S(name) int16_##name
#define DTYPE   BR_INT16
#include "array/kernels/integer.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef W
#undef SIGNED
#undef S
#undef DTYPE

#define T       int32_t
#define W       uint32_t
#define SIGNED  1
#define S(name) int32_##name
#define DTYPE   BR_INT32
#include "array/kernels/integer.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef W
#undef SIGNED
#undef S
#undef DTYPE

#define T       int64_t
#define W       uint64_t
#define SIGNED  1
#define S(name) int64_##name
#define DTYPE   BR_INT64
#include "array/kernels/integer.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef W
#undef SIGNED
#undef S
#undef DTYPE

#define T       uint8_t
#define W       uint32_t
#define SIGNED  0
#define S(name) uint8_##name
#define DTYPE   BR_UINT8
#include "array/kernels/integer.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef W
#undef SIGNED
#undef S
#undef DTYPE

#define T       uint16_t
#define W       uint32_t
#define SIGNED  0
#define S(name) uint16_##name
#define DTYPE   BR_UINT16
#include "array/kernels/integer.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef W
#undef SIGNED
#undef S
#undef DTYPE

#define T       uint32_t
#define W       uint32_t
#define SIGNED  0
#define S(name) uint32_##name
#define DTYPE   BR_UINT32
#include "array/kernels/integer.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef W
#undef SIGNED
#undef S
#undef DTYPE

#define T       uint64_t
#define W       uint64_t
#define SIGNED  0
#define S(name) uint64_##name
#define DTYPE   BR_UINT64
#include "array/kernels/integer.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef W
#undef SIGNED
#undef S
#undef DTYPE

void BRI_ISA_NAME(integers)(bri_kernels *table)
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
}
