/* SPDX-License-Identifier: BSD-3-Clause
 * op_reference.h - what every operation of ops.def gives for one element, computed another way: in
 * 128-bit integers and by libm's long double functions.
 */
#ifndef OP_REFERENCE_H
#define OP_REFERENCE_H

#include "tests/complexes.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "array/kernels/program.h"

/* One element of any dtype, exactly: i of integers and bool, z of floating dtypes. */
typedef struct number {
    char kind;
    __int128 i;
    long double complex z;
} number;

/* ---- integers; the result is the low bits ---- */

static inline __int128 floor_quotient(__int128 a, __int128 b)
{
    if (b == 0)
        return 0;
    __int128 q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

static inline __int128 integer_power(__int128 a, __int128 b)
{
    if (b < 0)
        return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    unsigned __int128 r = 1;
    for (__int128 k = b > 64 ? 0 : b; k > 0; k--)
        r *= (unsigned __int128)a;
    if (b <= 64)
        return (__int128)r;
    uint64_t base = (uint64_t)a, result = 1;
    for (unsigned __int128 e = (unsigned __int128)b; e > 0; e >>= 1, base *= base)
        result *= e & 1 ? base : 1;
    return (__int128)result;
}

static inline __int128 magnitude(__int128 a)
{
    return a < 0 ? -a : a;
}

/* By subtraction of shifted multiples, the operation's own way being Euclid's. */
static inline __int128 common_divisor(__int128 a, __int128 b)
{
    a = magnitude(a), b = magnitude(b);
    while (a != 0 && b != 0) {
        __int128 large = a > b ? a : b, small = a > b ? b : a, m = small;
        while (m <= large / 2)
            m *= 2;
        a = large - m, b = small;
    }
    return a + b;
}

static inline __int128 common_multiple(__int128 a, __int128 b)
{
    /* Of 64 bits it may have 128: wrapped round like the operation's, it is right modulo 2^64. */
    return a == 0 || b == 0 ? 0
                            : (__int128)((unsigned __int128)magnitude(a) / common_divisor(a, b) *
                                         (unsigned __int128)magnitude(b));
}

static inline __int128 shifted(__int128 a, __int128 by, br_dtype dtype, bool left)
{
    if (by < 0 || by >= 8 * (__int128)bri_dtypes[dtype].size)
        return left || a >= 0 ? 0 : -1;
    return left ? (__int128)((unsigned __int128)a << by) : a >> by;
}

// clang-format off
static inline __int128 reference_integer(bri_opcode op, br_dtype dtype, const __int128 x[3])
{
    __int128 a = x[0], b = x[1];
    unsigned __int128 ua = (unsigned __int128)a;
    bool is_bool = dtype == BR_BOOL;
    switch (op) {
    case BRI_OP_POSITIVE: case BRI_OP_FLOOR: case BRI_OP_CEIL: case BRI_OP_TRUNC: case BRI_OP_ROUND:
    case BRI_OP_CONJ: case BRI_OP_REAL: return a;
    case BRI_OP_IMAG: return 0;
    case BRI_OP_NEGATIVE: return -a;
    case BRI_OP_ABS: return magnitude(a);
    case BRI_OP_SIGN: return a > 0 ? 1 : a < 0 ? -1 : 0;
    case BRI_OP_SQUARE: return (__int128)(ua * ua);
    case BRI_OP_ADD: return is_bool ? a | b : a + b;
    case BRI_OP_SUBTRACT: return a - b;
    case BRI_OP_MULTIPLY: return (__int128)(ua * (unsigned __int128)b);
    case BRI_OP_FLOOR_DIVIDE: return floor_quotient(a, b);
    case BRI_OP_REMAINDER: return b == 0 ? 0 : a - b * floor_quotient(a, b);
    case BRI_OP_FMOD: return b == 0 ? 0 : a % b;
    case BRI_OP_GCD: return common_divisor(a, b);
    case BRI_OP_LCM: return common_multiple(a, b);
    case BRI_OP_POW: return integer_power(a, b);
    case BRI_OP_MINIMUM: case BRI_OP_FMIN: return a < b ? a : b;
    case BRI_OP_MAXIMUM: case BRI_OP_FMAX: return a > b ? a : b;
    case BRI_OP_ISFINITE: return 1;
    case BRI_OP_ISINF: case BRI_OP_ISNAN: case BRI_OP_ISPOSINF: case BRI_OP_ISNEGINF: return 0;
    case BRI_OP_SIGNBIT: return a < 0;
    case BRI_OP_BITWISE_INVERT: return is_bool ? !a : -1 - a;
    case BRI_OP_BITWISE_AND: return a & b;
    case BRI_OP_BITWISE_OR: return a | b;
    case BRI_OP_BITWISE_XOR: return a ^ b;
    case BRI_OP_BITWISE_LEFT_SHIFT: return shifted(a, b, dtype, true);
    case BRI_OP_BITWISE_RIGHT_SHIFT: return shifted(a, b, dtype, false);
    case BRI_OP_EQUAL: return a == b;
    case BRI_OP_NOT_EQUAL: return a != b;
    case BRI_OP_LESS: return a < b;
    case BRI_OP_LESS_EQUAL: return a <= b;
    case BRI_OP_GREATER: return a > b;
    case BRI_OP_GREATER_EQUAL: return a >= b;
    case BRI_OP_LOGICAL_NOT: return a == 0;
    case BRI_OP_LOGICAL_AND: return a && b;
    case BRI_OP_LOGICAL_OR: return a || b;
    case BRI_OP_LOGICAL_XOR: return !a != !b;
    case BRI_OP_WHERE: return a ? b : x[2];
    default: abort();
    }
}
// clang-format on

/* ---- real numbers ---- */

static inline long double floor_remainder(long double a, long double b)
{
    long double r = fmodl(a, b);
    if (r == 0)
        return copysignl(0, b);
    return (r < 0) != (b < 0) ? r + b : r;
}

static inline long double floor_of_quotient(long double a, long double b)
{
    if (b == 0 || isnan(a) || isnan(b) || isinf(a))
        return b == 0 ? a / b : NAN;
    if (isinf(b))
        return a != 0 && (a < 0) != (b < 0) ? -1 : a / b;
    long double q = roundl((a - floor_remainder(a, b)) / b);
    return q == 0 ? copysignl(0, a / b) : q;
}

/* sin(pi r) of the exact remainder r, near the next zero. */
static inline long double sinc(long double a)
{
    const long double pi = 3.14159265358979323846264338327950288L;
    long double size = fabsl(a), r = fmodl(size, 2);
    if (a == 0 || !isfinite(a))
        return a == 0 ? 1 : NAN;
    long double sign = r > 1 ? -1 : 1;
    r = r > 1 ? r - 1 : r;
    return sign * sinl(pi * (r > 0.5L ? 1 - r : r)) / (pi * size) + 0.0L;
}

static inline long double next_after(long double a, long double b, bool narrow)
{
    return narrow ? (long double)nextafterf((float)a, (float)b)
                  : (long double)nextafter((double)a, (double)b);
}

static inline long double exponent_of(long double a)
{
    int exponent = 0;
    if (isfinite(a))
        frexpl(a, &exponent);
    return exponent;
}

static inline long double fraction_of(long double a)
{
    int exponent;
    return frexpl(a, &exponent);
}

static inline long double lesser(long double a, long double b)
{
    return isnan(a) ? a : isnan(b) ? b : a < b ? a : b;
}

static inline long double greater(long double a, long double b)
{
    return isnan(a) ? a : isnan(b) ? b : a > b ? a : b;
}

// clang-format off
static inline long double reference_real(bri_opcode op, bool narrow, long double a, long double b, long double c)
{
    switch (op) {
    case BRI_OP_POSITIVE: case BRI_OP_CONJ: case BRI_OP_REAL: return a;
    case BRI_OP_IMAG: return 0;
    case BRI_OP_NEGATIVE: return -a;
    case BRI_OP_ABS: return fabsl(a);
    case BRI_OP_SIGN: return isnan(a) ? a : a > 0 ? 1 : a < 0 ? -1 : 0;
    case BRI_OP_SQUARE: return a * a;
    case BRI_OP_RECIPROCAL: return 1 / a;
    case BRI_OP_ADD: return a + b;
    case BRI_OP_SUBTRACT: return a - b;
    case BRI_OP_MULTIPLY: return a * b;
    case BRI_OP_DIVIDE: return a / b;
    case BRI_OP_FLOOR_DIVIDE: return floor_of_quotient(a, b);
    case BRI_OP_REMAINDER: return floor_remainder(a, b);
    case BRI_OP_FMOD: return fmodl(a, b);
    case BRI_OP_MINIMUM: return lesser(a, b);
    case BRI_OP_MAXIMUM: return greater(a, b);
    case BRI_OP_FMIN: return fminl(a, b);
    case BRI_OP_FMAX: return fmaxl(a, b);
    case BRI_OP_HEAVISIDE: return isnan(a) ? a : a == 0 ? b : a > 0;
    case BRI_OP_FLOOR: return floorl(a);
    case BRI_OP_CEIL: return ceill(a);
    case BRI_OP_TRUNC: return truncl(a);
    case BRI_OP_ROUND: return rintl(a);
    case BRI_OP_COPYSIGN: return copysignl(a, b);
    case BRI_OP_NEXTAFTER: return next_after(a, b, narrow);
    case BRI_OP_SCALE: return ldexpl(a, b > 9999 ? 9999 : b < -9999 ? -9999 : (int)b);
    case BRI_OP_FRACTION: return fraction_of(a);
    case BRI_OP_EXPONENT: return exponent_of(a);
    case BRI_OP_WHERE: return a != 0 ? b : c;
    case BRI_OP_SQRT: return sqrtl(a);
    case BRI_OP_CBRT: return cbrtl(a);
    case BRI_OP_POW: return powl(a, b);
    case BRI_OP_HYPOT: return hypotl(a, b);
    case BRI_OP_EXP: return expl(a);
    case BRI_OP_EXP2: return exp2l(a);
    case BRI_OP_EXP10: return exp10l(a);
    case BRI_OP_EXPM1: return expm1l(a);
    case BRI_OP_LOG: return logl(a);
    case BRI_OP_LOG2: return log2l(a);
    case BRI_OP_LOG10: return log10l(a);
    case BRI_OP_LOG1P: return log1pl(a);
    case BRI_OP_SIN: return sinl(a);
    case BRI_OP_COS: return cosl(a);
    case BRI_OP_TAN: return tanl(a);
    case BRI_OP_ASIN: return asinl(a);
    case BRI_OP_ACOS: return acosl(a);
    case BRI_OP_ATAN: return atanl(a);
    case BRI_OP_ATAN2: return atan2l(a, b);
    case BRI_OP_SINH: return sinhl(a);
    case BRI_OP_COSH: return coshl(a);
    case BRI_OP_TANH: return tanhl(a);
    case BRI_OP_ASINH: return asinhl(a);
    case BRI_OP_ACOSH: return acoshl(a);
    case BRI_OP_ATANH: return atanhl(a);
    case BRI_OP_SINC: return sinc(a);
    case BRI_OP_DEG2RAD: return a / 180 * 3.14159265358979323846264338327950288L;
    case BRI_OP_RAD2DEG: return a / 3.14159265358979323846264338327950288L * 180;
    case BRI_OP_ERF: return erfl(a);
    case BRI_OP_ERFC: return erfcl(a);
    case BRI_OP_LGAMMA: return lgammal(a);
    case BRI_OP_TGAMMA: return tgammal(a);
    default: abort();
    }
}
// clang-format on

/* ---- complex numbers ---- */

static inline long double complex complex_sign(long double complex z)
{
    long double a = creall(z), b = cimagl(z);
    if (isnan(a) || isnan(b) || (isinf(a) && isinf(b)))
        return CMPLXL(NAN, NAN);
    if (isinf(a) || isinf(b))
        return isinf(a) ? CMPLXL(copysignl(1, a), 0) : CMPLXL(0, copysignl(1, b));
    return z == 0 ? 0 : CMPLXL(a / cabsl(z), b / cabsl(z));
}

static inline long double complex complex_expm1(long double complex z)
{
    long double a = creall(z), b = cimagl(z), s = sinl(b / 2);
    if (b == 0)
        return CMPLXL(expm1l(a), b);
    if (!isfinite(a) || !isfinite(b))
        return CMPLXL(creall(cexpl(z)) - 1, cimagl(cexpl(z)));
    return CMPLXL(expm1l(a) * cosl(b) - 2 * s * s, expl(a) * sinl(b));
}

static inline long double complex complex_log1p(long double complex z)
{
    long double a = creall(z), b = cimagl(z);
    if (!(cabsl(z) < 0.25L))
        return clogl(CMPLXL(a + 1, b));
    return CMPLXL(log1pl(2 * a + a * a + b * b) / 2, atan2l(b, a + 1));
}

static inline long double complex scaled(long double complex z, long double by)
{
    return CMPLXL(creall(z) * by, cimagl(z) * by);
}

static inline long double complex complex_sinc(long double complex z)
{
    const long double pi = 3.14159265358979323846264338327950288L;
    long double whole = rintl(creall(z)), sign = fmodl(whole, 2) == 0 ? 1 : -1;
    long double complex sine = csinl(CMPLXL((creall(z) - whole) * pi, cimagl(z) * pi));
    return z == 0 ? 1 : sign * sine / scaled(z, pi);
}

// clang-format off
static inline long double complex reference_complex(bri_opcode op, const long double complex x[3])
{
    long double complex z = x[0], w = x[1];
    switch (op) {
    case BRI_OP_POSITIVE: return z;
    case BRI_OP_NEGATIVE: return CMPLXL(-creall(z), -cimagl(z));
    case BRI_OP_ABS: return cabsl(z);
    case BRI_OP_SIGN: return complex_sign(z);
    case BRI_OP_SQUARE: return z * z;
    case BRI_OP_RECIPROCAL: return 1 / z;
    case BRI_OP_ADD: return CMPLXL(creall(z) + creall(w), cimagl(z) + cimagl(w));
    case BRI_OP_SUBTRACT: return CMPLXL(creall(z) - creall(w), cimagl(z) - cimagl(w));
    case BRI_OP_MULTIPLY: return z * w;
    case BRI_OP_DIVIDE: return z / w;
    case BRI_OP_ROUND: return CMPLXL(rintl(creall(z)), rintl(cimagl(z)));
    case BRI_OP_CONJ: return conjl(z);
    case BRI_OP_REAL: return creall(z);
    case BRI_OP_IMAG: return cimagl(z);
    case BRI_OP_WHERE: return z != 0 ? w : x[2];
    case BRI_OP_SQRT: return csqrtl(z);
    case BRI_OP_POW: return w == 0 ? 1 : cpowl(z, w);
    case BRI_OP_EXP: return cexpl(z);
    case BRI_OP_EXPM1: return complex_expm1(z);
    case BRI_OP_LOG: return clogl(z);
    case BRI_OP_LOG2: return scaled(clogl(z), 1.44269504088896340735992468100189214L);
    case BRI_OP_LOG10: return scaled(clogl(z), 0.434294481903251827651128918916605082L);
    case BRI_OP_LOG1P: return complex_log1p(z);
    case BRI_OP_SIN: return csinl(z);
    case BRI_OP_COS: return ccosl(z);
    case BRI_OP_TAN: return ctanl(z);
    case BRI_OP_ASIN: return casinl(z);
    case BRI_OP_ACOS: return cacosl(z);
    case BRI_OP_ATAN: return catanl(z);
    case BRI_OP_SINH: return csinhl(z);
    case BRI_OP_COSH: return ccoshl(z);
    case BRI_OP_TANH: return ctanhl(z);
    case BRI_OP_ASINH: return casinhl(z);
    case BRI_OP_ACOSH: return cacoshl(z);
    case BRI_OP_ATANH: return catanhl(z);
    case BRI_OP_SINC: return complex_sinc(z);
    default: abort();
    }
}

/* ---- tests ---- */

static inline bool reference_test(bri_opcode op, long double complex z, long double complex w)
{
    long double a = creall(z), b = creall(w), ai = cimagl(z);
    switch (op) {
    case BRI_OP_ISFINITE: return isfinite(a) && isfinite(ai);
    case BRI_OP_ISINF: return isinf(a) || isinf(ai);
    case BRI_OP_ISNAN: return isnan(a) || isnan(ai);
    case BRI_OP_ISPOSINF: return isinf(a) && a > 0;
    case BRI_OP_ISNEGINF: return isinf(a) && a < 0;
    case BRI_OP_SIGNBIT: return signbit(a);
    case BRI_OP_LOGICAL_NOT: return z == 0;
    case BRI_OP_EQUAL: return z == w;
    case BRI_OP_NOT_EQUAL: return z != w;
    case BRI_OP_LESS: return a < b;
    case BRI_OP_LESS_EQUAL: return a <= b;
    case BRI_OP_GREATER: return a > b;
    case BRI_OP_GREATER_EQUAL: return a >= b;
    case BRI_OP_LOGICAL_AND: return z != 0 && w != 0;
    case BRI_OP_LOGICAL_OR: return z != 0 || w != 0;
    case BRI_OP_LOGICAL_XOR: return (z != 0) != (w != 0);
    default: abort();
    }
}
// clang-format on

/* The value of op on elements of dtype `operand`, after promotion. */
static inline number op_reference(bri_opcode op, br_dtype operand, const number x[3])
{
    bool real = bri_kind(operand) == 'f';
    if (!real && bri_kind(operand) != 'c')
        return (number){'i', reference_integer(op, operand, (__int128[]){x[0].i, x[1].i, x[2].i}),
                        0};
    if (bri_ops[op].result == 'b')
        return (number){'b', reference_test(op, x[0].z, x[1].z), 0};
    long double a = creall(x[0].z), b = creall(x[1].z);
    if (op == BRI_OP_JOIN)
        return (number){'c', 0, CMPLXL(a, b)};
    if (real)
        return (number){'c', 0, reference_real(op, operand == BR_FLOAT32, a, b, creall(x[2].z))};
    return (number){'c', 0, reference_complex(op, (long double complex[]){x[0].z, x[1].z, x[2].z})};
}

/* Whether SLEEF computes op on floats. */
static inline bool is_sleef(bri_opcode op)
{
    static const bool sleef[BRI_NOPS] = {
#define BRI_SLEEF(NAME, ...) [BRI_OP_##NAME] = true,
#include "array/kernels/ops.def"
    };
    return sleef[op];
}

/* A row of accuracy.def. */
typedef struct accuracy {
    double low, high;
    double of_real, of_complex;
} accuracy;

static inline accuracy accuracy_of(bri_opcode op)
{
    static const accuracy rows[BRI_NOPS] = {
#define BRI_ACCURACY(NAME, low, high, real, complex) [BRI_OP_##NAME] = {low, high, real, complex},
#include "tests/accuracy.def"
    };
    static const accuracy exact = {-1000, 1000, 0, 0};
    return rows[op].high != 0 ? rows[op] : exact;
}

/* Units in the last place that a result may be off, roughly: test_ulps.c has it in detail. Against
 * the absolute value of complex numbers. */
static inline long double op_bound(bri_opcode op, br_dtype operand, number want)
{
    if (bri_kind(operand) == 'c')
        return op == BRI_OP_POW || op == BRI_OP_SINC ? 64 : 8;
    switch (op) {
    case BRI_OP_LGAMMA: /* the absolute error is small where the value is */
        return 1.02L + 2 / cabsl(want.z);
    case BRI_OP_EXP:
    case BRI_OP_SINH:
    case BRI_OP_COSH:
    case BRI_OP_POW: /* near overflow */
        return cabsl(want.z) > FLT_MAX / 2 ? 3 : 1.02L;
    default:
        return accuracy_of(op).of_real == 0 ? 0.501L : accuracy_of(op).of_real + 0.02L;
    }
}

#endif
