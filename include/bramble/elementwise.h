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
#endif

#ifdef __cplusplus
}
#endif
#endif
