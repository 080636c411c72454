/* SPDX-License-Identifier: BSD-3-Clause
 * isa_floats.c - the plain elementwise loops of float32 and float64 for one instruction set.
 */
#include <math.h>
#include <string.h>

#include "array/kernels/isa.h"

void BRI_ISA_NAME(floats)(bri_kernels *table);

#define KIND 'f'

#define T       float
#define BITS    int32_t
#define JOINED  float _Complex
#define S(name) float32_##name
#define M(name) name##f
#define DTYPE   BR_FLOAT32
#include "array/kernels/float.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef JOINED
#undef BITS
#undef S
#undef M
#undef DTYPE

#define T       double
#define BITS    int64_t
#define JOINED  double _Complex
#define S(name) float64_##name
#define M(name) name
#define DTYPE   BR_FLOAT64
#include "array/kernels/float.inc"

#include "array/kernels/elementwise.inc"

void BRI_ISA_NAME(floats)(bri_kernels *table)
{
    float32_fill(table);
    float64_fill(table);
}
