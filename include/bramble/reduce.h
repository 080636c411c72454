/* SPDX-License-Identifier: BSD-3-Clause
 * reduce.h - reductions over any axes, and the product of matrices.
 *
 * Common to all reductions:
 * x          any shape
 * .axis      BR_AXES(...), distinct, negative ones count from the last; none given means all;
 *            BR_NO_AXES means none
 * .keepdims  true leaves the reduced axes with extent 1
 * Returns a lazy array in x's context. Fused with the elementwise expression below it.
 * Errors  BR_EAXIS, BR_ETYPE (min and max of complex numbers), BR_ESHAPE (min and max over no
 *         elements).
 * Cost    one pass over x, then a fixed tree; one state (8 to 16 bytes) per element of the result
 *         travels between tasks.
 * Bits    the order of additions is fixed by x's shape and chunks: never by the scheduler, threads,
 *         ranks or memory. float32 sums are kept
 *         in float64 above blocks of 512 elements. See docs/architecture.md, "Same bits".
 */
#ifndef BRAMBLE_REDUCE_H
#define BRAMBLE_REDUCE_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct br_reduce_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
} br_reduce_args;

typedef struct br_sum_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    br_dtype dtype; /* x is converted to it first */
} br_sum_args;

typedef struct br_var_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    double correction;
} br_var_args;

/* br_sum, br_prod - of bool and narrower integers int64 or uint64, of others their dtype, unless
 * .dtype. Empty: 0 and 1. */
BR_API br_array *br_sum_(br_sum_args args);
BR_API br_array *br_prod_(br_sum_args args);

/* br_mean - float64 for bool and integers; NaN over no elements. */
BR_API br_array *br_mean_(br_reduce_args args);

/* br_var - out = sum |x - mean|^2 / (n - correction) over the n elements of the listed axes; br_std
 * is its square root.
 *
 * .correction  degrees of freedom taken off n, default 0
 * Returns a real array: of x's units squared for br_var. n <= correction is no error: it gives NaN.
 * Source  Chan, Golub and LeVeque 1979, pairwise update; two passes inside a block.
 */
BR_API br_array *br_var_(br_var_args args);
BR_API br_array *br_std_(br_var_args args);

/* br_min, br_max - NaN if any element is. br_any, br_all - bool; elements count as true when not 0
 * (NaN is true). */
BR_API br_array *br_min_(br_reduce_args args);
BR_API br_array *br_max_(br_reduce_args args);
BR_API br_array *br_any_(br_reduce_args args);
BR_API br_array *br_all_(br_reduce_args args);

/* br_matmul - the product of two matrices, a[i,k] b[k,j], on OpenBLAS.
 *
 * a, b  two-dimensional, float32, float64, complex64 or complex128 after promotion; integers are
 *       multiplied as float64 and the
 *       result is float64
 * Chunks of the result: a's along i, b's along j; along k the products of chunks are added in
 * order, chunk by chunk.
 * Errors  BR_ESHAPE, BR_ETYPE.
 * Bits    fixed by the chunks and OpenBLAS's kernel for the CPU; threads and ranks do not matter.
 */
BR_API br_array *br_matmul_(br_array *a, br_array *b, br_place at);

#ifndef __cplusplus
#define br_sum(...)     br_sum_((br_sum_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_prod(...)    br_prod_((br_sum_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_mean(...)    br_mean_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_var(...)     br_var_((br_var_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_std(...)     br_std_((br_var_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_min(...)     br_min_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_max(...)     br_max_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_any(...)     br_any_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_all(...)     br_all_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_matmul(a, b) br_matmul_((a), (b), BR_HERE)
#endif

#ifdef __cplusplus
}
#endif
#endif
