/* SPDX-License-Identifier: BSD-3-Clause
 * elementwise.h - operations on every element, with broadcasting and type promotion.
 *
 * Names and meanings are those of the Python Array API standard 2024.12. Operands are arrays or C
 * numbers on either side:
 * br_multiply(2.0, x). Shapes broadcast as in NumPy; dtypes promote by the standard's table
 * (NumPy's where it is silent), C numbers weakly: they take the array's dtype unless their kind
 * needs more (a float with an integer array gives float64).
 * Every operation returns a lazy array in the operands' context; one of them must be an array.
 * Chunks are those of the operands,
 * cut at the boundaries of all of them. Integers wrap around; x / 0 of integers in floor_divide and
 * remainder is 0.
 * Errors  BR_ESHAPE, BR_ETYPE on the result, BR_EARG without an array or with arrays of two
 *         contexts.
 * Cost    fused with what they read and with a reduction above: one pass over memory, no
 *         temporaries.
 */
#ifndef BRAMBLE_ELEMENTWISE_H
#define BRAMBLE_ELEMENTWISE_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One operand. Integers and bool give float64 in sqrt, exp, log, sin, cos. Real sqrt and log of
 * negative numbers are NaN.
 * exp, log, sin, cos: within 1.0 ulp (SLEEF), the same bits on every CPU with FMA. */
BR_API br_array *br_negative_(br_operand x, br_place at);
BR_API br_array *br_abs_(br_operand x, br_place at); /* complex gives the real dtype */
BR_API br_array *br_square_(br_operand x, br_place at);
BR_API br_array *br_sqrt_(br_operand x, br_place at);
BR_API br_array *br_exp_(br_operand x, br_place at);
BR_API br_array *br_log_(br_operand x, br_place at);
BR_API br_array *br_sin_(br_operand x, br_place at);
BR_API br_array *br_cos_(br_operand x, br_place at);
BR_API br_array *br_logical_not_(br_operand x, br_place at);

/* Two operands. divide is true division (integers give float64); floor_divide rounds to minus
 * infinity, remainder has the divisor's sign; pow of integers to a negative power is 0 (1 and -1
 * excepted); minimum and maximum pass NaN on. */
BR_API br_array *br_add_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_subtract_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_multiply_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_divide_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_floor_divide_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_remainder_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_pow_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_minimum_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_maximum_(br_operand a, br_operand b, br_place at);

/* Comparisons and logic give bool; complex numbers have no order. */
BR_API br_array *br_equal_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_not_equal_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_less_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_less_equal_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_greater_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_greater_equal_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_logical_and_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_logical_or_(br_operand a, br_operand b, br_place at);
BR_API br_array *br_logical_xor_(br_operand a, br_operand b, br_place at);

/* br_where - a where condition is true (not 0), else b; the dtype is that of a and b together. */
BR_API br_array *br_where_(br_operand condition, br_operand a, br_operand b, br_place at);

/* br_astype - converted elements: C conversions; floats to integers truncate (out of range is
 * undefined, as in the standard),
 * anything to bool is x != 0. Complex to real is BR_ETYPE. */
BR_API br_array *br_astype_(br_array *x, br_dtype dtype, br_place at);

/* br_map - fn(element, data) for every element, as float64.
 *
 * x            any real dtype; elements are passed as double (integers above 2^53 are rounded)
 * fn           called from any thread; under MPI it travels as (module, offset), so any C function
 *              of the program or a library does
 * .data        passed to fn; with .data_bytes the bytes are copied now and travel to other ranks
 *              (pointers inside them don't),
 *              without it the bare pointer is passed, which several ranks refuse with BR_EARG
 * .dtype       of the result, float64 by default
 * .cheap       true permits computing elements more than once instead of storing them
 * .impure      true: never merged with an equal call
 * Errors  BR_ETYPE (complex), BR_EARG (fn NULL, fn in a module without a build-id under MPI).
 */
typedef double (*br_scalar_function)(double x, const void *data);
typedef struct br_map_args {
    br_place at;
    br_array *x;
    br_scalar_function fn;
    const void *data;
    size_t data_bytes;
    br_dtype dtype;
    bool cheap, impure;
} br_map_args;
BR_API br_array *br_map_(br_map_args args);

/* One chunk as a user's function sees it: dense C order. */
typedef struct br_block {
    void *data;
    br_dtype dtype;
    int ndim;
    const int64_t *extent; /* of this chunk */
    const int64_t *origin; /* index of its first element in the whole array */
    const int64_t *chunk;  /* its place in the grid of chunks */
} br_block;

/* br_map_blocks - fn computes each chunk of the result from the chunks of the inputs at the same
 * place.
 *
 * fn        fn(inputs, ninputs, output, data) fills output->data; returning anything but 0 ends the
 *           run with BR_EUSER and a message
 *           that names fn, the number it returned and the chunk. Run once for each chunk and
 *           compute, on any thread and rank.
 * inputs    1 to 8 arrays that broadcast together (.inputs, .ninputs); the result has their common
 *           shape and chunks
 * .dtype    of the result, the first input's by default
 * .data, .data_bytes, .impure  as in br_map
 * .scratch_bytes  what fn allocates at most, for the memory budget
 * Errors  BR_EARG, BR_ESHAPE; when run BR_EUSER. fn must not use the context: computing inside it
 *         is BR_EUNSUPPORTED.
 */
typedef int (*br_block_function)(const br_block *inputs, int ninputs, const br_block *output,
                                 const void *data);
typedef struct br_map_blocks_args {
    br_place at;
    br_array *x;
    br_block_function fn;
    br_array *const *more; /* further inputs, */
    int nmore;             /*  how many */
    const void *data;
    size_t data_bytes;
    br_dtype dtype;
    bool impure;
    size_t scratch_bytes;
} br_map_blocks_args;
BR_API br_array *br_map_blocks_(br_map_blocks_args args);

#ifndef __cplusplus
#define br_negative(x)         br_negative_(BR_OPERAND(x), BR_HERE)
#define br_abs(x)              br_abs_(BR_OPERAND(x), BR_HERE)
#define br_square(x)           br_square_(BR_OPERAND(x), BR_HERE)
#define br_sqrt(x)             br_sqrt_(BR_OPERAND(x), BR_HERE)
#define br_exp(x)              br_exp_(BR_OPERAND(x), BR_HERE)
#define br_log(x)              br_log_(BR_OPERAND(x), BR_HERE)
#define br_sin(x)              br_sin_(BR_OPERAND(x), BR_HERE)
#define br_cos(x)              br_cos_(BR_OPERAND(x), BR_HERE)
#define br_logical_not(x)      br_logical_not_(BR_OPERAND(x), BR_HERE)
#define br_add(a, b)           br_add_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_subtract(a, b)      br_subtract_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_multiply(a, b)      br_multiply_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_divide(a, b)        br_divide_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_sub(a, b)           br_subtract(a, b)
#define br_mul(a, b)           br_multiply(a, b)
#define br_div(a, b)           br_divide(a, b)
#define br_floor_divide(a, b)  br_floor_divide_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_remainder(a, b)     br_remainder_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_pow(a, b)           br_pow_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_minimum(a, b)       br_minimum_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_maximum(a, b)       br_maximum_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_equal(a, b)         br_equal_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_not_equal(a, b)     br_not_equal_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_less(a, b)          br_less_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_less_equal(a, b)    br_less_equal_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_greater(a, b)       br_greater_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_greater_equal(a, b) br_greater_equal_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_logical_and(a, b)   br_logical_and_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_logical_or(a, b)    br_logical_or_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_logical_xor(a, b)   br_logical_xor_(BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_where(condition, a, b)                                                                  \
    br_where_(BR_OPERAND(condition), BR_OPERAND(a), BR_OPERAND(b), BR_HERE)
#define br_astype(x, dtype) br_astype_((x), (dtype), BR_HERE)
#define br_map(...)         br_map_((br_map_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_map_blocks(...)                                                                         \
    br_map_blocks_((br_map_blocks_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
