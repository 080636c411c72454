/* SPDX-License-Identifier: BSD-3-Clause
 * isa_complexes.c - the elementwise loops of complex64 and complex128 for one instruction set.
 */
#include <complex.h>
#include <math.h>

#include "array/kernels/exact.h"
#include "array/kernels/isa.h"

void BRI_ISA_NAME(complexes)(bri_kernels *table);

#define KIND 'c'

#define T       float _Complex
#define PART    float
#define S(name) complex64_##name
#define M(name) name##f
#define C(name) c##name##f
#define DTYPE   BR_COMPLEX64
#include "array/kernels/complex.inc"

#include "array/kernels/elementwise.inc"
#undef T
#undef PART
#undef S
#undef M
#undef C
#undef DTYPE

#define T       double _Complex
#define PART    double
#define S(name) complex128_##name
#define M(name) name
#define C(name) c##name
#define DTYPE   BR_COMPLEX128
#include "array/kernels/complex.inc"

#include "array/kernels/elementwise.inc"

void BRI_ISA_NAME(complexes)(bri_kernels *table)
{
    complex64_fill(table);
    complex128_fill(table);
}
