/* SPDX-License-Identifier: BSD-3-Clause
 * elementwise.h - operations on every element, with broadcasting and type promotion: arithmetic,
 * rounding, comparisons, logic, bits. The functions of mathematics are in functions.h.
 *
 * Names and meanings are those of the Python Array API standard 2024.12, and NumPy's where it has
 * none. Operands are arrays or C numbers on either side: br_multiply(2.0, x). Shapes broadcast as
 * in NumPy; dtypes promote by the standard's table (NumPy's where it is silent), C numbers weakly:
 * they take the array's dtype unless their kind needs more (a float with an integer array gives
 * float64). An integer that an integer dtype does not hold (300 with uint8) is compared as it is,
 * wraps around in add, subtract, multiply and bitwise operations, and is BR_EARG elsewhere.
 * "Floating" below means that integers and bool are converted to float64 first.
 * Every operation returns a lazy array in the operands' context; one of them must be an array.
 * Chunks are those of the operands, cut at the boundaries of all of them. Integers wrap around;
 * dividing them by zero gives 0.
 * Errors  BR_ESHAPE, BR_ETYPE on the result, BR_EARG without an array, with arrays of two
 *         contexts or a number out of range.
 * Cost    fused with what they read and with a reduction above: one pass over memory, no
 *         temporaries.
 */
#ifndef BRAMBLE_ELEMENTWISE_H
#define BRAMBLE_ELEMENTWISE_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arithmetic of numbers. sign is -1, 0 or 1, NaN of NaN; of complex numbers x / |x|. reciprocal and
 * divide are floating; floor_divide rounds to minus infinity, and remainder has the divisor's sign,
 * fmod the dividend's. pow of integers to a negative power is 0 (1 and -1 excepted), and to the
 * power of the number 2 it is the square. bool: add is or, multiply is and. */
BR_API br_array *br_positive_(br_operand x, br_place at);
BR_API br_array *br_negative_(br_operand x, br_place at);
BR_API br_array *br_abs_(br_operand x, br_place at); /* complex gives the real dtype */
BR_API br_array *br_sign_(br_operand x, br_place at);
BR_API br_array *br_square_(br_operand x, br_place at);
BR_API br_array *br_reciprocal_(br_operand x, br_place at);
BR_API br_array *br_add_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_subtract_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_multiply_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_divide_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_floor_divide_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_remainder_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_fmod_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_pow_(br_operand x, br_operand y, br_place at);

/* Of integers: the greatest common divisor, never negative, and the least common multiple. */
BR_API br_array *br_gcd_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_lcm_(br_operand x, br_operand y, br_place at);

/* minimum and maximum pass NaN on, fmin and fmax pass it over. heaviside: 0 where x is negative, y
 * where it is 0, else 1; floating. */
BR_API br_array *br_minimum_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_maximum_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_fmin_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_fmax_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_heaviside_(br_operand x, br_operand y, br_place at);

/* Rounding to whole numbers of the same dtype; integers stay as they are. br_round goes to the
 * nearest, halves to the even one; it takes complex numbers part by part. */
BR_API br_array *br_floor_(br_operand x, br_place at);
BR_API br_array *br_ceil_(br_operand x, br_place at);
BR_API br_array *br_trunc_(br_operand x, br_place at);
BR_API br_array *br_round_(br_operand x, br_place at);

/* Parts of complex numbers, in the real dtype. A real x is its own conjugate and real part. */
BR_API br_array *br_conj_(br_operand x, br_place at);
BR_API br_array *br_real_(br_operand x, br_place at);
BR_API br_array *br_imag_(br_operand x, br_place at);

/* Floating: x with y's sign; the number next to x towards y. */
BR_API br_array *br_copysign_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_nextafter_(br_operand x, br_operand y, br_place at);

/* Tests give bool. A complex number is infinite or NaN when one of its parts is; signbit is true
 * for negative numbers and -0. */
BR_API br_array *br_isfinite_(br_operand x, br_place at);
BR_API br_array *br_isinf_(br_operand x, br_place at);
BR_API br_array *br_isnan_(br_operand x, br_place at);
BR_API br_array *br_isposinf_(br_operand x, br_place at);
BR_API br_array *br_isneginf_(br_operand x, br_place at);
BR_API br_array *br_signbit_(br_operand x, br_place at);

/* Comparisons and logic give bool; complex numbers have no order. True is what differs from 0. */
BR_API br_array *br_equal_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_not_equal_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_less_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_less_equal_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_greater_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_greater_equal_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_logical_not_(br_operand x, br_place at);
BR_API br_array *br_logical_and_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_logical_or_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_logical_xor_(br_operand x, br_operand y, br_place at);

/* Bits of integers and bool (shifts: integers). A shift by a negative count or by at least the
 * width of the dtype gives 0, to the right of a negative number -1. */
BR_API br_array *br_bitwise_invert_(br_operand x, br_place at);
BR_API br_array *br_bitwise_and_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_bitwise_or_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_bitwise_xor_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_bitwise_left_shift_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_bitwise_right_shift_(br_operand x, br_operand y, br_place at);

/* br_where - x where condition is true (not 0), else y; the dtype is that of x and y together. */
BR_API br_array *br_where_(br_operand condition, br_operand x, br_operand y, br_place at);

/* br_clip - x within bounds: min(max(x, min), max), in x's dtype.
 *
 * x         a real array or bool
 * min, max  arrays of dtypes that x's holds, or numbers, either of them BR_NONE for no bound. A
 *           number need not be of x's dtype: an integer x of 0.5 and 300 in uint8 is cut at 1, 255
 * NaN in x or in a bound gives NaN; where min > max the result is max.
 * Errors    BR_ETYPE (complex, an array's dtype), BR_EARG (NaN as a number, of an integer x).
 */
BR_API br_array *br_clip_(br_operand x, br_operand min, br_operand max, br_place at);

/* br_isclose - whether |x - y| <= atol + rtol * |y|, in floating dtypes.
 *
 * .rtol, .atol  BR_NUM(...), real; 1e-5 and 1e-8 by default
 * .equal_nan    true: NaN is close to NaN
 * Infinities are close to themselves only.
 */
typedef struct br_isclose_args {
    br_operand x, y;
    br_number rtol, atol;
    bool equal_nan;
    br_place at;
} br_isclose_args;
BR_API br_array *br_isclose_(br_isclose_args args);

/* br_nan_to_num - x with numbers in place of NaN and infinities, in complex numbers part by part.
 *
 * .nan              0 by default
 * .posinf, .neginf  BR_NUM(...), real; the largest number of the dtype and minus it by default
 * Integers and bool stay as they are.
 */
typedef struct br_nan_to_num_args {
    br_place at;
    br_array *x;
    double nan;
    br_number posinf, neginf;
} br_nan_to_num_args;
BR_API br_array *br_nan_to_num_(br_nan_to_num_args args);

/* br_select - of several arrays the one whose condition is the first true one.
 *
 * conditions, choices, n  n >= 1 of each; the lists are read during the call. A choice is
 *                         BR_OPERAND(an array or a number)
 * .otherwise              where no condition is true, 0 by default
 * All broadcast together; the dtype is that of the choices and .otherwise together.
 * Errors  BR_EARG (an empty or missing list), those of br_where.
 */
typedef struct br_select_args {
    br_place at;
    br_array *const *conditions;
    const br_operand *choices;
    int n;
    br_operand otherwise;
} br_select_args;
BR_API br_array *br_select_(br_select_args args);

/* br_piecewise - the same where the last true condition counts and the dtype is x's: NumPy's
 * piecewise, with values that are computed everywhere instead of functions. */
typedef struct br_piecewise_args {
    br_place at;
    br_array *x;
    br_array *const *conditions;
    const br_operand *values;
    int n;
    br_operand otherwise;
} br_piecewise_args;
BR_API br_array *br_piecewise_(br_piecewise_args args);

/* br_divmod - floor_divide and remainder. br_frexp - floating: x = fraction * 2^exponent with
 * 0.5 <= |fraction| < 1, the exponent int32 (0, infinities and NaN have 0). br_ldexp - floating:
 * x * 2^y, rounded once; y has an integer dtype or is an integer (else BR_ETYPE). Where a pair of
 * results is given, both carry an error. */
BR_API void br_divmod_(br_operand x, br_operand y, br_array **quotient, br_array **remainder,
                       br_place at);
BR_API void br_frexp_(br_operand x, br_array **fraction, br_array **exponent, br_place at);
BR_API br_array *br_ldexp_(br_operand x, br_operand y, br_place at);

/* br_astype - converted elements: C conversions; floats to integers truncate (out of range is
 * undefined, as in the standard), anything to bool is x != 0. Complex to real is BR_ETYPE. */
BR_API br_array *br_astype_(br_array *x, br_dtype dtype, br_place at);

#ifndef __cplusplus
#define br_positive(x)               br_positive_(BR_OPERAND(x), BR_HERE)
#define br_negative(x)               br_negative_(BR_OPERAND(x), BR_HERE)
#define br_abs(x)                    br_abs_(BR_OPERAND(x), BR_HERE)
#define br_sign(x)                   br_sign_(BR_OPERAND(x), BR_HERE)
#define br_square(x)                 br_square_(BR_OPERAND(x), BR_HERE)
#define br_reciprocal(x)             br_reciprocal_(BR_OPERAND(x), BR_HERE)
#define br_add(x, y)                 br_add_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_subtract(x, y)            br_subtract_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_sub(x, y)                 br_subtract(x, y)
#define br_multiply(x, y)            br_multiply_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_mul(x, y)                 br_multiply(x, y)
#define br_divide(x, y)              br_divide_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_div(x, y)                 br_divide(x, y)
#define br_floor_divide(x, y)        br_floor_divide_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_remainder(x, y)           br_remainder_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_fmod(x, y)                br_fmod_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_pow(x, y)                 br_pow_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_gcd(x, y)                 br_gcd_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_lcm(x, y)                 br_lcm_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_minimum(x, y)             br_minimum_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_maximum(x, y)             br_maximum_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_fmin(x, y)                br_fmin_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_fmax(x, y)                br_fmax_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_heaviside(x, y)           br_heaviside_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_floor(x)                  br_floor_(BR_OPERAND(x), BR_HERE)
#define br_ceil(x)                   br_ceil_(BR_OPERAND(x), BR_HERE)
#define br_trunc(x)                  br_trunc_(BR_OPERAND(x), BR_HERE)
#define br_round(x)                  br_round_(BR_OPERAND(x), BR_HERE)
#define br_conj(x)                   br_conj_(BR_OPERAND(x), BR_HERE)
#define br_real(x)                   br_real_(BR_OPERAND(x), BR_HERE)
#define br_imag(x)                   br_imag_(BR_OPERAND(x), BR_HERE)
#define br_copysign(x, y)            br_copysign_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_nextafter(x, y)           br_nextafter_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_isfinite(x)               br_isfinite_(BR_OPERAND(x), BR_HERE)
#define br_isinf(x)                  br_isinf_(BR_OPERAND(x), BR_HERE)
#define br_isnan(x)                  br_isnan_(BR_OPERAND(x), BR_HERE)
#define br_isposinf(x)               br_isposinf_(BR_OPERAND(x), BR_HERE)
#define br_isneginf(x)               br_isneginf_(BR_OPERAND(x), BR_HERE)
#define br_signbit(x)                br_signbit_(BR_OPERAND(x), BR_HERE)
#define br_equal(x, y)               br_equal_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_not_equal(x, y)           br_not_equal_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_less(x, y)                br_less_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_less_equal(x, y)          br_less_equal_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_greater(x, y)             br_greater_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_greater_equal(x, y)       br_greater_equal_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_logical_not(x)            br_logical_not_(BR_OPERAND(x), BR_HERE)
#define br_logical_and(x, y)         br_logical_and_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_logical_or(x, y)          br_logical_or_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_logical_xor(x, y)         br_logical_xor_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_bitwise_invert(x)         br_bitwise_invert_(BR_OPERAND(x), BR_HERE)
#define br_bitwise_and(x, y)         br_bitwise_and_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_bitwise_or(x, y)          br_bitwise_or_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_bitwise_xor(x, y)         br_bitwise_xor_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_bitwise_left_shift(x, y)  br_bitwise_left_shift_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_bitwise_right_shift(x, y) br_bitwise_right_shift_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_where(condition, x, y)                                                                  \
    br_where_(BR_OPERAND(condition), BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_clip(x, min, max) br_clip_(BR_OPERAND(x), BR_OPERAND(min), BR_OPERAND(max), BR_HERE)
#define br_isclose(...)      br_isclose_2_(__VA_ARGS__, .at = {__FILE__, __LINE__})
#define br_isclose_2_(first, second, ...)                                                          \
    br_isclose_((br_isclose_args){BR_OPERAND(first), BR_OPERAND(second), __VA_ARGS__})
#define br_nan_to_num(...)                                                                         \
    br_nan_to_num_((br_nan_to_num_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_select(...)                                                                             \
    br_select_((br_select_args){.at = {__FILE__, __LINE__}, .conditions = __VA_ARGS__})
#define br_piecewise(...)                                                                          \
    br_piecewise_((br_piecewise_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_divmod(x, y, quotient, remainder)                                                       \
    br_divmod_(BR_OPERAND(x), BR_OPERAND(y), (quotient), (remainder), BR_HERE)
#define br_frexp(x, fraction, exponent) br_frexp_(BR_OPERAND(x), (fraction), (exponent), BR_HERE)
#define br_ldexp(x, y)                  br_ldexp_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_astype(x, dtype)             br_astype_((x), (dtype), BR_HERE)
#endif

#ifdef __cplusplus
}
#endif
#endif
