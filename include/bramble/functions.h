/* SPDX-License-Identifier: BSD-3-Clause
 * functions.h - the functions of mathematics, on every element.
 *
 * All is as in elementwise.h. Integers and bool are converted to float64 first. Special values are
 * those of C's Annexes F and G, which are the Array API standard's.
 * Of real numbers SLEEF computes them (exp, sin and cos of float64 near 0 a code of our own, where
 * there is FMA), on every CPU with FMA to the same bits, within 1.01 ulp (units in the last place;
 * hypot 0.501, erfc 1.5, sinc 3; exp, sinh, cosh and lgamma 2 within 1 % of overflow, pow 3 within
 * 1e-5 of it). Every NaN that results is the positive quiet one, and tgamma's zeros of large
 * negative numbers have no sign.
 * Of complex numbers libm computes them, within 8 ulp of the absolute value (pow and sinc more, as
 * their arguments are large). docs/accuracy.md has all bounds and what was measured.
 */
#ifndef BRAMBLE_FUNCTIONS_H
#define BRAMBLE_FUNCTIONS_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Powers. br_sqrt of a negative real number is NaN. br_cbrt and br_hypot, sqrt(x*x + y*y) without
 * overflow on the way, are real only. */
BR_API br_array *br_sqrt_(br_operand x, br_place at);
BR_API br_array *br_cbrt_(br_operand x, br_place at);
BR_API br_array *br_hypot_(br_operand x, br_operand y, br_place at);

/* Exponentials and logarithms. expm1 is exp(x) - 1 and log1p is log(1 + x), accurate for small x.
 * exp2 and exp10 are real only. Real logarithms of negative numbers are NaN. */
BR_API br_array *br_exp_(br_operand x, br_place at);
BR_API br_array *br_exp2_(br_operand x, br_place at);
BR_API br_array *br_exp10_(br_operand x, br_place at);
BR_API br_array *br_expm1_(br_operand x, br_place at);
BR_API br_array *br_log_(br_operand x, br_place at);
BR_API br_array *br_log2_(br_operand x, br_place at);
BR_API br_array *br_log10_(br_operand x, br_place at);
BR_API br_array *br_log1p_(br_operand x, br_place at);

/* log(exp(x) + exp(y)) and log2(2^x + 2^y), without overflow on the way; real only. */
BR_API br_array *br_logaddexp_(br_operand x, br_operand y, br_place at);
BR_API br_array *br_logaddexp2_(br_operand x, br_operand y, br_place at);

/* Angles are in radians. br_atan2(y, x) is the angle of the point (x, y), from -pi to pi; real
 * only. br_sinc is sin(pi x) / (pi x), 1 at 0. */
BR_API br_array *br_sin_(br_operand x, br_place at);
BR_API br_array *br_cos_(br_operand x, br_place at);
BR_API br_array *br_tan_(br_operand x, br_place at);
BR_API br_array *br_asin_(br_operand x, br_place at);
BR_API br_array *br_acos_(br_operand x, br_place at);
BR_API br_array *br_atan_(br_operand x, br_place at);
BR_API br_array *br_atan2_(br_operand y, br_operand x, br_place at);
BR_API br_array *br_angle_(br_operand x, br_place at); /* of the complex number x in its plane */
BR_API br_array *br_sinc_(br_operand x, br_place at);
BR_API br_array *br_sinh_(br_operand x, br_place at);
BR_API br_array *br_cosh_(br_operand x, br_place at);
BR_API br_array *br_tanh_(br_operand x, br_place at);
BR_API br_array *br_asinh_(br_operand x, br_place at);
BR_API br_array *br_acosh_(br_operand x, br_place at);
BR_API br_array *br_atanh_(br_operand x, br_place at);

/* Degrees to radians and back; real only. br_radians and br_degrees are the same. */
BR_API br_array *br_deg2rad_(br_operand x, br_place at);
BR_API br_array *br_rad2deg_(br_operand x, br_place at);

/* The error function and 1 minus it, the gamma function and the logarithm of its absolute value;
 * real only. Near lgamma's zeros below -2 the absolute error is small, not the relative one. */
BR_API br_array *br_erf_(br_operand x, br_place at);
BR_API br_array *br_erfc_(br_operand x, br_place at);
BR_API br_array *br_tgamma_(br_operand x, br_place at);
BR_API br_array *br_lgamma_(br_operand x, br_place at);

#ifndef __cplusplus
#define br_sqrt(x)          br_sqrt_(BR_OPERAND(x), BR_HERE)
#define br_cbrt(x)          br_cbrt_(BR_OPERAND(x), BR_HERE)
#define br_hypot(x, y)      br_hypot_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_exp(x)           br_exp_(BR_OPERAND(x), BR_HERE)
#define br_exp2(x)          br_exp2_(BR_OPERAND(x), BR_HERE)
#define br_exp10(x)         br_exp10_(BR_OPERAND(x), BR_HERE)
#define br_expm1(x)         br_expm1_(BR_OPERAND(x), BR_HERE)
#define br_log(x)           br_log_(BR_OPERAND(x), BR_HERE)
#define br_log2(x)          br_log2_(BR_OPERAND(x), BR_HERE)
#define br_log10(x)         br_log10_(BR_OPERAND(x), BR_HERE)
#define br_logaddexp(x, y)  br_logaddexp_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_logaddexp2(x, y) br_logaddexp2_(BR_OPERAND(x), BR_OPERAND(y), BR_HERE)
#define br_log1p(x)         br_log1p_(BR_OPERAND(x), BR_HERE)
#define br_sin(x)           br_sin_(BR_OPERAND(x), BR_HERE)
#define br_cos(x)           br_cos_(BR_OPERAND(x), BR_HERE)
#define br_tan(x)           br_tan_(BR_OPERAND(x), BR_HERE)
#define br_asin(x)          br_asin_(BR_OPERAND(x), BR_HERE)
#define br_acos(x)          br_acos_(BR_OPERAND(x), BR_HERE)
#define br_atan(x)          br_atan_(BR_OPERAND(x), BR_HERE)
#define br_atan2(y, x)      br_atan2_(BR_OPERAND(y), BR_OPERAND(x), BR_HERE)
#define br_angle(x)         br_angle_(BR_OPERAND(x), BR_HERE)
#define br_sinc(x)          br_sinc_(BR_OPERAND(x), BR_HERE)
#define br_sinh(x)          br_sinh_(BR_OPERAND(x), BR_HERE)
#define br_cosh(x)          br_cosh_(BR_OPERAND(x), BR_HERE)
#define br_tanh(x)          br_tanh_(BR_OPERAND(x), BR_HERE)
#define br_asinh(x)         br_asinh_(BR_OPERAND(x), BR_HERE)
#define br_acosh(x)         br_acosh_(BR_OPERAND(x), BR_HERE)
#define br_atanh(x)         br_atanh_(BR_OPERAND(x), BR_HERE)
#define br_deg2rad(x)       br_deg2rad_(BR_OPERAND(x), BR_HERE)
#define br_radians(x)       br_deg2rad(x)
#define br_rad2deg(x)       br_rad2deg_(BR_OPERAND(x), BR_HERE)
#define br_degrees(x)       br_rad2deg(x)
#define br_erf(x)           br_erf_(BR_OPERAND(x), BR_HERE)
#define br_erfc(x)          br_erfc_(BR_OPERAND(x), BR_HERE)
#define br_tgamma(x)        br_tgamma_(BR_OPERAND(x), BR_HERE)
#define br_lgamma(x)        br_lgamma_(BR_OPERAND(x), BR_HERE)
#endif

#ifdef __cplusplus
}
#endif
#endif
