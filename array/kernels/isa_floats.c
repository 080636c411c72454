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

/* A superinstruction: the same roundings as square, square, add. */
static inline float sum_of_squares32(float x, float y)
{
    return x * x + y * y;
}

static inline double sum_of_squares64(double x, double y)
{
    return x * x + y * y;
}

#define FORM(name, loop, f)                                                                        \
    static void name(size_t n, void *d, const void *a, const void *b, const void *c)               \
    {                                                                                              \
        (void)c;                                                                                   \
        loop(f, n, d, a, b);                                                                       \
    }
FORM(squares32_vv, float32_map2_vv, sum_of_squares32)
FORM(squares32_sv, float32_map2_sv, sum_of_squares32)
FORM(squares32_vs, float32_map2_vs, sum_of_squares32)
FORM(squares64_vv, float64_map2_vv, sum_of_squares64)
FORM(squares64_sv, float64_map2_sv, sum_of_squares64)
FORM(squares64_vs, float64_map2_vs, sum_of_squares64)

static void fill_squares(bri_kernel **f32, bri_kernel **f64)
{
    f32[0] = squares32_vv;
    f32[1] = squares32_sv;
    f32[2] = squares32_vs;
    f64[0] = squares64_vv;
    f64[1] = squares64_sv;
    f64[2] = squares64_vs;
}

void BRI_ISA_NAME(floats)(bri_kernels *table)
{
    float32_fill(table);
    float64_fill(table);
    fill_squares(table->sum_of_squares[BR_FLOAT32], table->sum_of_squares[BR_FLOAT64]);
}
