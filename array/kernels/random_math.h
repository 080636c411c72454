/* SPDX-License-Identifier: BSD-3-Clause
 * random_math.h - from random words to reals: uniform, exponential and normal ones.
 *
 * Additions, multiplications (fused where written so), divisions and square roots only: the bits
 * are the same on every instruction set that has fused ones. No branches, so that loops become
 * vectors.
 */
#ifndef BRI_RANDOM_MATH_H
#define BRI_RANDOM_MATH_H

#include <math.h>
#include <string.h>

#include "array/kernels/isa.h"

BRI_ALWAYS_INLINE double as_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

BRI_ALWAYS_INLINE uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* An integer with at most 53 significant bits; exact. AVX2 and SSE have no instruction for it: each
 * half is put below the digits of a power of two, which is taken off again. */
BRI_ALWAYS_INLINE double from_int64(int64_t x)
{
#if defined(__x86_64__) && !defined(__AVX512DQ__)
    uint64_t u = (uint64_t)x;
    double high = as_double((u >> 32 ^ 0x80000000u) | bits_of(0x1p84));
    double low = as_double((u & 0xffffffffu) | bits_of(0x1p52));
    return (high - (0x1p84 + 0x1p63)) + (low - 0x1p52);
#else
    return (double)x;
#endif
}

/* [0, 1) in steps of 2^-53. */
BRI_ALWAYS_INLINE double unit(uint64_t word)
{
    return from_int64((int64_t)(word >> 11)) * 0x1p-53;
}

/* a * b + c, rounded once where the CPU can; x86-64-v2 cannot, and has other last digits. */
BRI_ALWAYS_INLINE double fused(double a, double b, double c)
{
#if defined(__FMA__) || defined(__aarch64__)
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* a + b x + c x^2 + d x^3. Like this, products wait less for each other than in Horner's order. */
BRI_ALWAYS_INLINE double cubic(double x, double a, double b, double c, double d)
{
    return fused(x * x, fused(d, x, c), fused(b, x, a));
}

/* -log(x) for x in (0, 1]. x = 2^k (1 + f) with 1 + f between the roots of 1/2 and 2; with s = f /
 * (2 + f), log(1 + f) = 2 (s + s^3/3 + s^5/5 + ...), arranged as in fdlibm so that what is rounded
 * is small beside f. What the series leaves out is below 2^-55 of the result. */
BRI_ALWAYS_INLINE double minus_log(double x)
{
    const uint64_t root = 0x3fe6a09e667f3bcdu; /* of 1/2 */
    const uint64_t one = 0x3ff0000000000000u;
    const double ln2_high = 0x1.62e42fee00000p-1;
    const double ln2_low = 0x1.a39ef35793c76p-33;
    uint64_t t = bits_of(x) + (one - root);
    double k = as_double(t >> 52 | bits_of(0x1p52)) - (0x1p52 + 1023);
    double f = as_double((t & 0x000fffffffffffffu) + root) - 1;
    double s = f / (2 + f);
    double z = s * s;
    double z4 = z * z * (z * z);
    double end = fused(z4, 2. / 19, cubic(z, 2. / 11, 2. / 13, 2. / 15, 2. / 17));
    double tail = fused(z4, end, cubic(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9));
    double half = 0.5 * f * f;
    double low = fused(s, fused(z, tail, half), k * ln2_low);
    return fused(-k, ln2_high, (half - low) - f);
}

/* -log of a number in (0, 1] in steps of 2^-53. */
BRI_ALWAYS_INLINE double exponential(uint64_t word)
{
    return minus_log(from_int64((int64_t)(word >> 11) + 1) * 0x1p-53);
}

/* Taylor's series for angles up to an eighth of a turn, with q the angle's square; they end where
 * the rest is below 2^-53 of the result. */
BRI_ALWAYS_INLINE double sine(double a, double q)
{
    double end = cubic(q, 1 / 362880., -1 / 39916800., 1 / 6227020800., -1 / 1307674368000.);
    double most = fused(q * q, fused(-q, end, 1 / 5040.), fused(-q, 1 / 120., 1 / 6.));
    return fused(-a, q * most, a);
}

BRI_ALWAYS_INLINE double cosine(double q)
{
    double end = cubic(q, 1 / 3628800., -1 / 479001600., 1 / 87178291200., -1 / 20922789888000.);
    double most = fused(q * q, fused(-q, end, 1 / 40320.), fused(-q, 1 / 720., 1 / 24.));
    return fused(q * q, most, fused(-0.5, q, 1));
}

typedef struct point {
    double x, y;
} point;

/* The point at `turn` / 2^64 of the unit circle, its angle taken from the nearest quarter. */
BRI_ALWAYS_INLINE point on_circle(uint64_t turn)
{
    uint64_t quarter = (turn + (UINT64_C(1) << 61)) >> 62;
    uint64_t rest = (turn - (quarter << 62)) & ~UINT64_C(0x1ff);
    double angle = from_int64((int64_t)rest) * 0x1.921fb54442d18p-62;
    uint64_t c = bits_of(cosine(angle * angle));
    uint64_t s = bits_of(sine(angle, angle * angle));
    uint64_t swapped = -(quarter & 1);
    uint64_t x = (c & ~swapped) | (s & swapped);
    uint64_t y = (s & ~swapped) | (c & swapped);
    return (point){as_double(x ^ ((quarter + 1) >> 1 & 1) << 63),
                   as_double(y ^ (quarter >> 1 & 1) << 63)};
}

/* How far from the origin two normal variables are (Box and Muller 1958). */
BRI_ALWAYS_INLINE double radius(uint64_t word)
{
    return sqrt(2 * exponential(word));
}

#endif
