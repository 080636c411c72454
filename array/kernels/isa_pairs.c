/* SPDX-License-Identifier: BSD-3-Clause
 * isa_pairs.c - the superinstructions of float32 and float64 for one instruction set.
 *
 * They save the store and the load of a value between two operations. Products are rounded before
 * they are added: the build forbids contraction.
 */
#include "array/kernels/isa.h"

void BRI_ISA_NAME(pairs)(bri_kernels *table);

#define T       float
#define S(name) float32_##name
#define DTYPE   BR_FLOAT32
#include "array/kernels/pairs.inc"
#undef T
#undef S
#undef DTYPE

#define T       double
#define S(name) float64_##name
#define DTYPE   BR_FLOAT64
#include "array/kernels/pairs.inc"

void BRI_ISA_NAME(pairs)(bri_kernels *table)
{
    float32_fill(table);
    float64_fill(table);
}
