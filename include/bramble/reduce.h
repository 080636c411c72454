/* SPDX-License-Identifier: BSD-3-Clause
 * reduce.h - reductions over any axes.
 *
 * Common to all reductions, also those of nan.h:
 * x          any shape
 * .axis      BR_AXES(...), distinct, negative ones count from the last; none given means all;
 *            BR_NO_AXES means none
 * .keepdims  true leaves the reduced axes with extent 1
 * .dtype     x is converted to it first, and the result has it (of var, std its real dtype); a
 *            floating one for mean, var and std
 * .where     a mask that broadcasts to x's shape, of any dtype: elements where it is 0 take no part
 * .initial   BR_NUM(...), takes part as one more element of each result; of a kind that fits the
 *            result's dtype
 * Returns a lazy array in x's context. Fused with the elementwise expression below it.
 * Errors  BR_EAXIS; BR_ETYPE (an order of complex numbers, .dtype or .initial that does not fit);
 *         BR_ESHAPE (a mask that does not fit, and no elements where there is no value for none:
 *         min, max and their kin without .initial, argmin, argmax, ptp, vector_norm of infinite
 *         order); BR_EARG (min or max with .where but no .initial, which is their value where the
 *         mask leaves nothing; an .initial that its integer dtype does not hold; arrays of two
 *         contexts).
 * Cost    one pass over x, then a fixed tree; one state (8 to 32 bytes) per element of the result
 *         travels between tasks. Composed ones say so: they are expressions of two or three
 *         reductions of the same operand.
 * Bits    the order of additions is fixed by x's shape and chunks: never by the scheduler, threads,
 *         ranks or memory. Sums of float32 are kept in float64. See docs/architecture.md, "Same
 *         bits".
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
    br_dtype dtype;
    br_array *where;
    br_number initial;
} br_sum_args;

typedef struct br_mean_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    br_dtype dtype;
    br_array *where;
} br_mean_args;

typedef struct br_var_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    double correction;
    br_dtype dtype;
    br_array *where;
} br_var_args;

typedef struct br_min_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    br_array *where;
    br_number initial;
} br_min_args;

typedef struct br_any_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    br_array *where;
} br_any_args;

/* br_sum, br_prod - of bool and narrower integers int64 or uint64, of others their dtype, unless
 * .dtype. Empty: 0 and 1. Integers wrap around. */
BR_API br_array *br_sum_(br_sum_args args);
BR_API br_array *br_prod_(br_sum_args args);

/* br_mean - float64 for bool and integers; NaN over no elements. With .where composed of the sum
 * and the mask's. */
BR_API br_array *br_mean_(br_mean_args args);

/* br_var - out = sum |x - mean|^2 / (n - correction) over the n elements of the listed axes; br_std
 * is its square root.
 *
 * .correction  degrees of freedom taken off n, default 0
 * Returns a real array: of x's units squared for br_var. n <= correction is no error: it gives NaN.
 * With .where composed of nanvar and any, because a NaN among the chosen elements counts.
 * Source  Chan, Golub and LeVeque 1979, pairwise update; two passes inside a block.
 */
BR_API br_array *br_var_(br_var_args args);
BR_API br_array *br_std_(br_var_args args);

/* br_min, br_max - NaN if any element is. br_any, br_all - bool; elements count as true when not 0
 * (NaN is true). */
BR_API br_array *br_min_(br_min_args args);
BR_API br_array *br_max_(br_min_args args);
BR_API br_array *br_any_(br_any_args args);
BR_API br_array *br_all_(br_any_args args);

/* br_argmin, br_argmax - where the least or greatest element is.
 *
 * Returns int64: the index along the one listed axis; along several or all axes the index into
 * their elements in C order. The first one of equals (-0 equals 0), or the first NaN if there is
 * one, as in NumPy.
 */
BR_API br_array *br_argmin_(br_reduce_args args);
BR_API br_array *br_argmax_(br_reduce_args args);

/* br_count_nonzero - how many elements are not 0 (NaN is not), int64. */
BR_API br_array *br_count_nonzero_(br_reduce_args args);

/* br_ptp - max - min, in x's dtype (integers wrap around); composed. BR_ETYPE for bool. */
BR_API br_array *br_ptp_(br_reduce_args args);

/* br_logsumexp - log(sum(exp(x))) without overflow: each block's largest element is taken off its
 * exponents, and states are scaled to the larger one when they merge.
 *
 * Returns float64 for bool and integers, else x's dtype; computed in float64. -inf over no elements
 * or only -inf; inf if the largest element is; NaN if any is.
 */
BR_API br_array *br_logsumexp_(br_reduce_args args);

/* br_vector_norm - the norm of the elements along the axes taken as one vector, as in the Array
 * API's linalg.
 *
 * .ord  BR_NUM(p): (sum |x|^p)^(1/p), 2 by default; BR_NUM(INFINITY) the largest |x|,
 *       BR_NUM(-INFINITY) the least, BR_NUM(0) how many are not 0
 * Returns the real dtype of x, float64 for bool and integers. Powers are taken and summed in
 * float64: those of float32 don't overflow, of float64 they do as in NumPy.
 * Errors  BR_EARG for an .ord that is NaN or complex.
 */
typedef struct br_vector_norm_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    br_number ord;
} br_vector_norm_args;
BR_API br_array *br_vector_norm_(br_vector_norm_args args);

/* br_average - sum(x * weights) / sum(weights); composed. Without weights the mean.
 *
 * .weights  of the extents along the listed axes, in their order (NumPy's rule, tried first), or
 *           of any shape that broadcasts to x's; with fewer axes than x it must vary along a
 *           listed one
 * Returns the dtype of x and weights together, float64 for bool and integers. NaN or infinite where
 * the weights' sum is 0.
 * Errors  BR_ESHAPE when the weights fit neither way.
 */
typedef struct br_average_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    br_array *weights;
} br_average_args;
BR_API br_array *br_average_(br_average_args args);

#ifndef __cplusplus
#define br_sum(...)    br_sum_((br_sum_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_prod(...)   br_prod_((br_sum_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_mean(...)   br_mean_((br_mean_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_var(...)    br_var_((br_var_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_std(...)    br_std_((br_var_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_min(...)    br_min_((br_min_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_max(...)    br_max_((br_min_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_any(...)    br_any_((br_any_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_all(...)    br_all_((br_any_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_argmin(...) br_argmin_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_argmax(...) br_argmax_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_count_nonzero(...)                                                                      \
    br_count_nonzero_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_ptp(...) br_ptp_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_logsumexp(...)                                                                          \
    br_logsumexp_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_vector_norm(...)                                                                        \
    br_vector_norm_((br_vector_norm_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_average(...) br_average_((br_average_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
