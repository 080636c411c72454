/* SPDX-License-Identifier: BSD-3-Clause
 * random_math.h - from random words to reals: uniform, exponential and normal ones.
 *
 * Additions, multiplications, divisions and square roots only, each rounded by itself, so that the
 * bits are the same on every instruction set; without branches, so that loops become vectors.
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

/* -log(x) for x in (0, 1]. x = 2^k (1 + f) with 1 + f between the roots of 1/2 and 2; with s = f /
 * (2 + f), log(1 + f) = 2 (s + s^3/3 + s^5/5 + ...), arranged as in fdlibm so that what is rounded
 * is small beside f. The series leaves 2^-55 of the result. */
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
    double tail = 2. / 19;
    tail = 2. / 17 + z * tail;
    tail = 2. / 15 + z * tail;
    tail = 2. / 13 + z * tail;
    tail = 2. / 11 + z * tail;
    tail = 2. / 9 + z * tail;
    tail = 2. / 7 + z * tail;
    tail = 2. / 5 + z * tail;
    tail = 2. / 3 + z * tail;
    double half = 0.5 * f * f;
    return ((half - (s * (half + z * tail) + k * ln2_low)) - f) - k * ln2_high;
}

/* -log of a number in (0, 1] in steps of 2^-53. */
BRI_ALWAYS_INLINE double exponential(uint64_t word)
{
    return minus_log(from_int64((int64_t)(word >> 11) + 1) * 0x1p-53);
}

typedef struct point {
    double x, y;
} point;

/* The point at `turn` / 2^64 of the unit circle. The angle is taken from the nearest quarter, so
 * Taylor's series end at its 15th and 16th power, 2^-53 of the result. */
BRI_ALWAYS_INLINE point on_circle(uint64_t turn)
{
    uint64_t quarter = (turn + (UINT64_C(1) << 61)) >> 62;
    uint64_t rest = (turn - (quarter << 62)) & ~UINT64_C(0x1ff);
    double a = from_int64((int64_t)rest) * 0x1.921fb54442d18p-62;
    double q = a * a;
    double sine = -1 / 1307674368000.;
    sine = 1 / 6227020800. + q * sine;
    sine = -1 / 39916800. + q * sine;
    sine = 1 / 362880. + q * sine;
    sine = -1 / 5040. + q * sine;
    sine = 1 / 120. + q * sine;
    sine = -1 / 6. + q * sine;
    sine = a + a * (q * sine);
    double cosine = 1 / 20922789888000.;
    cosine = -1 / 87178291200. + q * cosine;
    cosine = 1 / 479001600. + q * cosine;
    cosine = -1 / 3628800. + q * cosine;
    cosine = 1 / 40320. + q * cosine;
    cosine = -1 / 720. + q * cosine;
    cosine = 1 / 24. + q * cosine;
    cosine = 1 - (0.5 * q - q * q * cosine);
    uint64_t swapped = -(quarter & 1);
    uint64_t x = (bits_of(cosine) & ~swapped) | (bits_of(sine) & swapped);
    uint64_t y = (bits_of(sine) & ~swapped) | (bits_of(cosine) & swapped);
    return (point){as_double(x ^ ((quarter + 1) >> 1 & 1) << 63),
                   as_double(y ^ (quarter >> 1 & 1) << 63)};
}

/* The two normal values of a block (Box and Muller 1958). */
BRI_ALWAYS_INLINE point two_normals(uint64_t first, uint64_t second)
{
    double radius = sqrt(2 * exponential(first));
    point p = on_circle(second);
    return (point){radius * p.x, radius * p.y};
}

#endif
