/* SPDX-License-Identifier: BSD-3-Clause
 * arithmetic.c - arithmetic of numbers alone, by Python's rules: integers don't wrap around, / of
 * integers is a float, // and % round down, dividing by zero is an error.
 *
 * Source: CPython 3.11, Objects/longobject.c, floatobject.c (float_floor_div, float_rem, float_pow)
 * and complexobject.c (_Py_c_quot, _Py_c_pow).
 */
#include <math.h>

#include "array/ops/text/fold.h"

br_status bri_integer_result(bool overflow, bri_wide value, br_number *out)
{
    if (overflow || value < INT64_MIN || value > UINT64_MAX)
        return bri_error(BR_EARG, "the integer does not fit in 64 bits");
    *out = value <= INT64_MAX ? br_number_int((long long)value) : br_number_uint((uint64_t)value);
    return BR_OK;
}

static br_status division_by_zero(void)
{
    return bri_error(BR_EARG, "division by zero");
}

static br_status no_complex(const char *name)
{
    return bri_error(BR_ETYPE, "%s is not defined for complex numbers", name);
}

/* gcc's own complex products repair NaN; Python's are the plain formula. */
static br_number complex_product(br_number a, br_number b)
{
    return br_number_complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
}

#define ARITHMETIC(name, overflows, real, complex)                                                 \
    br_status bri_fold_##name(const br_number *v, br_number *out)                                  \
    {                                                                                              \
        br_number a = v[0];                                                                        \
        br_number b = v[1];                                                                        \
        bri_wide r;                                                                                \
        bool too_large;                                                                            \
        switch (bri_common_kind(v, 2)) {                                                           \
        case 'c':                                                                                  \
            *out = complex;                                                                        \
            return BR_OK;                                                                          \
        case 'f':                                                                                  \
            *out = br_number_float(real);                                                          \
            return BR_OK;                                                                          \
        default:                                                                                   \
            too_large = overflows(bri_integer(a), bri_integer(b), &r);                             \
            return bri_integer_result(too_large, r, out);                                          \
        }                                                                                          \
    }

ARITHMETIC(add, __builtin_add_overflow, a.re + b.re, br_number_complex(a.re + b.re, a.im + b.im))
ARITHMETIC(subtract, __builtin_sub_overflow, a.re - b.re,
           br_number_complex(a.re - b.re, a.im - b.im))
ARITHMETIC(multiply, __builtin_mul_overflow, a.re *b.re, complex_product(a, b))

/* ---- division ---- */

/* Smith's, as Python's: scaled by the larger part of b. */
static br_status complex_quotient(br_number a, br_number b, br_number *out)
{
    if (b.re == 0 && b.im == 0)
        return division_by_zero();
    if (fabs(b.re) >= fabs(b.im)) {
        double ratio = b.im / b.re;
        double scale = b.re + b.im * ratio;
        *out = br_number_complex((a.re + a.im * ratio) / scale, (a.im - a.re * ratio) / scale);
    } else {
        double ratio = b.re / b.im;
        double scale = b.re * ratio + b.im;
        *out = br_number_complex((a.re * ratio + a.im) / scale, (a.im * ratio - a.re) / scale);
    }
    return BR_OK;
}

br_status bri_fold_divide(const br_number *v, br_number *out)
{
    if (bri_common_kind(v, 2) == 'c')
        return complex_quotient(v[0], v[1], out);
    if (v[1].re == 0)
        return division_by_zero();
    *out = br_number_float(v[0].re / v[1].re);
    return BR_OK;
}

/* The remainder has b's sign. */
static double float_remainder(double a, double b)
{
    double r = fmod(a, b);
    if (r == 0)
        return copysign(0, b);
    return (b < 0) != (r < 0) ? r + b : r;
}

/* The quotient that goes with the remainder, which a / b rounded is not always. */
static double float_floor_divide(double a, double b)
{
    double r = fmod(a, b);
    double q = (a - r) / b;
    if (r != 0 && (b < 0) != (r < 0))
        q -= 1;
    if (q == 0)
        return copysign(0, a / b);
    return q - floor(q) > 0.5 ? floor(q) + 1 : floor(q);
}

static bri_wide wide_remainder(bri_wide a, bri_wide b)
{
    bri_wide r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

br_status bri_fold_floor_divide(const br_number *v, br_number *out)
{
    char kind = bri_common_kind(v, 2);
    if (kind == 'c')
        return no_complex("//");
    if (v[1].re == 0)
        return division_by_zero();
    if (kind == 'f') {
        *out = br_number_float(float_floor_divide(v[0].re, v[1].re));
        return BR_OK;
    }
    bri_wide a = bri_integer(v[0]);
    bri_wide b = bri_integer(v[1]);
    return bri_integer_result(false, (a - wide_remainder(a, b)) / b, out);
}

br_status bri_fold_remainder(const br_number *v, br_number *out)
{
    char kind = bri_common_kind(v, 2);
    if (kind == 'c')
        return no_complex("%");
    if (v[1].re == 0)
        return division_by_zero();
    if (kind == 'f') {
        *out = br_number_float(float_remainder(v[0].re, v[1].re));
        return BR_OK;
    }
    return bri_integer_result(false, wide_remainder(bri_integer(v[0]), bri_integer(v[1])), out);
}

/* ---- powers ---- */

static br_status integer_power(bri_wide base, bri_wide exponent, br_number *out)
{
    bri_wide r = 1;
    bool overflow = false;
    bool too_large = false; /* the base is only wrong if a later bit asks for it */
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            overflow |= too_large | __builtin_mul_overflow(r, base, &r);
        too_large |= __builtin_mul_overflow(base, base, &base);
    }
    return bri_integer_result(overflow, r, out);
}

static br_number complex_power(br_number base, int exponent)
{
    br_number r = br_number_complex(1, 0);
    for (int n = exponent < 0 ? -exponent : exponent; n > 0; n >>= 1) {
        if (n & 1)
            r = complex_product(r, base);
        base = complex_product(base, base);
    }
    return r;
}

/* By modulus and angle, as Python's. */
static br_number polar_power(br_number a, br_number b)
{
    double modulus = hypot(a.re, a.im);
    double angle = atan2(a.im, a.re);
    double length = pow(modulus, b.re);
    double turn = angle * b.re;
    if (b.im != 0) {
        length /= exp(angle * b.im);
        turn += b.im * log(modulus);
    }
    return br_number_complex(length * cos(turn), length * sin(turn));
}

/* Whole powers by multiplication: 1j**2 is exactly -1. The numbers have an imaginary part. */
static br_status complex_pow(br_number a, br_number b, br_number *out)
{
    bool zero = a.re == 0 && a.im == 0;
    if (zero && (b.re < 0 || b.im != 0))
        return division_by_zero();
    if (b.im == 0 && b.re == floor(b.re) && fabs(b.re) <= 100) {
        br_number r = complex_power(a, (int)b.re);
        *out = r;
        return b.re < 0 ? complex_quotient(br_number_complex(1, 0), r, out) : BR_OK;
    }
    *out = zero ? br_number_complex(0, 0) : polar_power(a, b);
    return BR_OK;
}

static br_status float_pow(double a, double b, br_number *out)
{
    if (a == 0 && b < 0)
        return division_by_zero();
    if (a < 0 && isfinite(a) && isfinite(b) && b != floor(b))
        return complex_pow(br_number_complex(a, 0), br_number_complex(b, 0), out);
    double r = pow(a, b);
    if (isinf(r) && isfinite(a) && isfinite(b))
        return bri_error(BR_EARG, "the power is too large for a float");
    *out = br_number_float(r);
    return BR_OK;
}

br_status bri_fold_pow(const br_number *v, br_number *out)
{
    char kind = bri_common_kind(v, 2);
    if (kind == 'c')
        return complex_pow(bri_with_imaginary(v[0]), bri_with_imaginary(v[1]), out);
    if (kind == 'f' || bri_integer(v[1]) < 0)
        return float_pow(v[0].re, v[1].re, out);
    return integer_power(bri_integer(v[0]), bri_integer(v[1]), out);
}

/* ---- signs ---- */

br_status bri_fold_negative(const br_number *v, br_number *out)
{
    if (v->kind == 'f' || v->kind == 'c') {
        *out = v->kind == 'f' ? br_number_float(-v->re) : br_number_complex(-v->re, -v->im);
        return BR_OK;
    }
    return bri_integer_result(false, -bri_integer(*v), out);
}

br_status bri_fold_abs(const br_number *v, br_number *out)
{
    if (v->kind == 'f' || v->kind == 'c') {
        *out = br_number_float(v->kind == 'f' ? fabs(v->re) : hypot(v->re, v->im));
        return BR_OK;
    }
    bri_wide a = bri_integer(*v);
    return bri_integer_result(false, a < 0 ? -a : a, out);
}
