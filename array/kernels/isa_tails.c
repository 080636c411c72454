/* SPDX-License-Identifier: BSD-3-Clause
 * isa_tails.c - sums that take the end of a program into their loop, for one instruction set.
 *
 * A block that is loaded, computed and summed in one loop overlaps the loads with slow instructions
 * such as square roots; loops one after the other do not.
 */
#include <math.h>

#include "array/kernels/isa.h"

void BRI_ISA_NAME(tails)(bri_kernels *table);

enum { LANES = 32 };

#define T          float
#define SQRT_OF(x) sqrtf(x)
#define ABS_OF(x)  fabsf(x)
#define NAME(name) float32_##name
#define DTYPE      BR_FLOAT32
#include "array/kernels/tails.inc"
#undef T
#undef SQRT_OF
#undef ABS_OF
#undef NAME
#undef DTYPE

#define T          double
#define SQRT_OF(x) sqrt(x)
#define ABS_OF(x)  fabs(x)
#define NAME(name) float64_##name
#define DTYPE      BR_FLOAT64
#include "array/kernels/tails.inc"

void BRI_ISA_NAME(tails)(bri_kernels *table)
{
    float32_fill(table);
    float64_fill(table);
}
