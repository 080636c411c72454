/* SPDX-License-Identifier: BSD-3-Clause
 * isa_matrices.c - products of matrices of integers and of bool for one instruction set; those of
 * floats are OpenBLAS's.
 */
#include "array/kernels/isa.h"

void BRI_ISA_NAME(matrices)(bri_kernels *table);

#if defined(__AVX512BW__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif

/* Rows of c at a time; elements along k whose rows of b stay in the cache meanwhile. */
enum { BLOCK_ROWS = 4, INNER = 256 };

#define TERM(a, b)     ((W)(a) * (W)(b))
#define SUM(c, t)      ((T)((c) + (t)))
#define VTERM(V, a, b) ((a) * (b))
#define VSUM(c, t)     ((c) + (t))

#define T       uint8_t
#define W       uint32_t
#define S(name) name##_8
#include "array/kernels/matrix.inc"
#undef T
#undef W
#undef S

#define T       uint16_t
#define W       uint32_t
#define S(name) name##_16
#include "array/kernels/matrix.inc"
#undef T
#undef W
#undef S

#define T       uint32_t
#define W       uint32_t
#define S(name) name##_32
#include "array/kernels/matrix.inc"
#undef T
#undef W
#undef S

#define T       uint64_t
#define W       uint64_t
#define S(name) name##_64
#include "array/kernels/matrix.inc"
#undef T
#undef W
#undef S

#undef TERM
#undef SUM
#undef VTERM
#undef VSUM

/* Some pair of true elements. */
#define TERM(a, b)     (((a) != 0) & ((b) != 0))
#define SUM(c, t)      ((T)((c) | (t)))
#define VTERM(V, a, b) ((V)((b) != 0) & (T)((a) != 0))
#define VSUM(c, t)     ((c) | (t))
#define T              uint8_t
#define S(name)        name##_bool
#include "array/kernels/matrix.inc"
#undef T
#undef S

void BRI_ISA_NAME(matrices)(bri_kernels *table)
{
    table->matrix[BR_BOOL] = matrix_bool;
    table->matrix[BR_INT8] = table->matrix[BR_UINT8] = matrix_8;
    table->matrix[BR_INT16] = table->matrix[BR_UINT16] = matrix_16;
    table->matrix[BR_INT32] = table->matrix[BR_UINT32] = matrix_32;
    table->matrix[BR_INT64] = table->matrix[BR_UINT64] = matrix_64;
}
