/* SPDX-License-Identifier: BSD-3-Clause
 * random_reference.h - random elements one by one, as include/bramble/random.h and philox.h
 * define them, by other means: words of 32 bits, long double and the C library's functions.
 */
#ifndef RANDOM_REFERENCE_H
#define RANDOM_REFERENCE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Streams that calls take by themselves. */
#define OWN_STREAM (UINT64_C(1) << 47)

typedef struct drawn {
    uint64_t seed, stream;
} drawn;

static inline void ref_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k[2] = {key[0], key[1]};
    for (int i = 0; i < 4; i++)
        out[i] = counter[i];
    for (int round = 0; round < 10; round++) {
        uint64_t p = UINT64_C(0xd2511f53) * out[0];
        uint64_t q = UINT64_C(0xcd9e8d57) * out[2];
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ out[1] ^ k[0], (uint32_t)q,
                            (uint32_t)(p >> 32) ^ out[3] ^ k[1], (uint32_t)p};
        for (int i = 0; i < 4; i++)
            out[i] = next[i];
        k[0] += 0x9e3779b9u;
        k[1] += 0xbb67ae85u;
    }
}

/* Both words of the block that word w lies in; sixteen words are eight first and eight second
 * halves. */
static inline void ref_block(drawn d, uint64_t attempt, uint64_t w, uint64_t both[2])
{
    uint64_t block = w / 16 * 8 + w % 8;
    uint64_t high = d.stream + (attempt << 48);
    uint32_t out[4];
    ref_philox((uint32_t[]){(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)high,
                            (uint32_t)(high >> 32)},
               (uint32_t[]){(uint32_t)d.seed, (uint32_t)(d.seed >> 32)}, out);
    both[0] = out[0] + ((uint64_t)out[1] << 32);
    both[1] = out[2] + ((uint64_t)out[3] << 32);
}

static inline uint64_t ref_word64(drawn d, uint64_t attempt, uint64_t i)
{
    uint64_t both[2];
    ref_block(d, attempt, i, both);
    return both[i % 16 / 8];
}

static inline uint32_t ref_word32(drawn d, uint64_t attempt, uint64_t i)
{
    return (uint32_t)(ref_word64(d, attempt, i / 2) >> (i % 2 ? 32 : 0));
}

static inline double ref_uniform_f64(drawn d, uint64_t i, double low, double high)
{
    double x = low + (high - low) * ((double)(ref_word64(d, 0, i) >> 11) / 9007199254740992.);
    return x < high ? x : nextafter(high, low);
}

static inline float ref_uniform_f32(drawn d, uint64_t i, float low, float high)
{
    float x = low + (high - low) * ((float)(ref_word32(d, 0, i) >> 8) / 16777216.f);
    return x < high ? x : nextafterf(high, low);
}

/* -log of (0, 1] in steps of 2^-53. */
static inline long double ref_exponential_of(uint64_t word)
{
    return -logl((long double)((word >> 11) + 1) / 9007199254740992.L);
}

static inline long double ref_exponential(drawn d, uint64_t i)
{
    return ref_exponential_of(ref_word64(d, 0, i));
}

static inline long double ref_normal(drawn d, uint64_t i)
{
    const long double quarter_turn = 1.570796326794896619231321691639751442L;
    uint64_t both[2];
    ref_block(d, 0, i, both);
    uint64_t turn = both[1] & ~UINT64_C(0x1ff);
    uint64_t quarter = turn / (UINT64_C(1) << 62);
    long double a = (long double)(turn % (UINT64_C(1) << 62)) / 4611686018427387904.L;
    /* sin and cos of less than an eighth of a turn, from the nearer axis, keep all their digits. */
    long double c = a < 0.5L ? cosl(a * quarter_turn) : sinl((1 - a) * quarter_turn);
    long double s = a < 0.5L ? sinl(a * quarter_turn) : cosl((1 - a) * quarter_turn);
    const long double x[] = {c, -s, -c, s};
    const long double y[] = {s, c, -s, -c};
    return sqrtl(2 * ref_exponential_of(both[0])) * (i % 16 < 8 ? x[quarter] : y[quarter]);
}

/* low + [0, span), span 0 for 2^64; by long division where the library multiplies. */
static inline uint64_t ref_integer(drawn d, uint64_t i, uint64_t low, uint64_t span)
{
    bool narrow = span > 0 && span < UINT64_C(1) << 24;
    __extension__ typedef unsigned __int128 wide;
    wide all = (wide)1 << (narrow ? 32 : 64);
    wide n = span > 0 ? span : all;
    for (uint64_t attempt = 0;; attempt++) {
        wide w = narrow ? ref_word32(d, attempt, i) : ref_word64(d, attempt, i);
        wide product = w * (n == all ? 1 : n);
        if (n == all)
            return low + (uint64_t)w;
        if (product % all >= all % n)
            return low + (uint64_t)(product / all);
    }
}

#endif
