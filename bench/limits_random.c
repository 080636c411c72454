/* SPDX-License-Identifier: BSD-3-Clause
 * limits_random.c - limits of workloads over random numbers: nothing but making and using them, by
 * blocks that stay in the L1 cache.
 */
#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "bench/crew.h"
#include "bench/limits.h"
#include "bench/sizes.h"

enum { BLOCK = 1 << 16, PIECE = 512, LANES = 8 };

/* ---- normal numbers from a generator that runs through its states: a counter costs more ---- */

typedef uint64_t words __attribute__((vector_size(8 * LANES)));

/* xoshiro256+ (Blackman and Vigna 2018), eight of them. */
typedef struct xoshiro {
    words s[4];
} xoshiro;

static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static xoshiro seeded(uint64_t seed)
{
    xoshiro x;
    for (int k = 0; k < 4; k++)
        for (int lane = 0; lane < LANES; lane++)
            x.s[k][lane] = split_mix(&seed);
    return x;
}

static inline words next(xoshiro *x)
{
    words out = x->s[0] + x->s[3];
    words t = x->s[1] << 17;
    x->s[2] ^= x->s[0];
    x->s[3] ^= x->s[1];
    x->s[1] ^= x->s[2];
    x->s[0] ^= x->s[3];
    x->s[2] ^= t;
    x->s[3] = x->s[3] << 45 | x->s[3] >> 19;
    return out;
}

/* In [0, 1): 52 bits put behind the digits of 1. */
static void fill_uniform(xoshiro *x, double *u)
{
    const uint64_t one = 0x3ff0000000000000u;
    for (int k = 0; k < PIECE; k += LANES) {
        words w = next(x) >> 12 | one;
        memcpy(u + k, &w, sizeof w);
    }
    for (int k = 0; k < PIECE; k++)
        u[k] -= 1;
}

typedef struct moments {
    double sum, squares;
} moments;

/* sin and cos in loops of their own, which the compiler must not join: see limits_memory.c. */
static void add_normals(xoshiro *x, moments *m)
{
    double u[PIECE], v[PIECE], radius[PIECE], c[PIECE];
    double sum = 0, squares = 0;
    fill_uniform(x, u);
    fill_uniform(x, v);
    for (int k = 0; k < PIECE; k++)
        radius[k] = sqrt(-2 * log(1 - u[k]));
    for (int k = 0; k < PIECE; k++)
        v[k] *= 6.283185307179586;
    for (int k = 0; k < PIECE; k++)
        c[k] = cos(v[k]);
    __asm__ volatile("" ::"r"(v) : "memory");
    for (int k = 0; k < PIECE; k++) {
        double p = radius[k] * c[k], q = radius[k] * sin(v[k]);
        sum += p + q;
        squares += p * p + q * q;
    }
    m->sum += sum;
    m->squares += squares;
}

typedef struct normals {
    crew_range range;
    _Atomic double sum, squares;
} normals;

static bool normals_work(void *arg)
{
    normals *n = arg;
    moments m = {0, 0};
    for (int64_t i; crew_take(&n->range, &i);) {
        xoshiro x = seeded((uint64_t)i);
        for (int k = 0; k < BLOCK; k += 2 * PIECE)
            add_normals(&x, &m);
    }
    crew_add(&n->sum, m.sum);
    crew_add(&n->squares, m.squares);
    return true;
}

bool limit_normal(bench *b)
{
    normals n = {.range.n = NORMAL_N / BLOCK};
    bool good = crew_run(b->threads, normals_work, &n);
    double mean = n.sum / NORMAL_N;
    b->value = fabs(mean) + sqrt(n.squares / NORMAL_N - mean * mean);
    return good;
}

/* ---- darts, by the generator that bramble uses: any element can be made by itself ---- */

#if defined(__AVX512F__)
typedef uint64_t lanes __attribute__((vector_size(64)));
#define MULTIPLY(a, b) (lanes) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#elif defined(__AVX2__)
typedef uint64_t lanes __attribute__((vector_size(32)));
#define MULTIPLY(a, b) (lanes) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#elif defined(__aarch64__)
typedef uint64_t lanes __attribute__((vector_size(16)));
#define MULTIPLY(a, b) vmull_u32(vmovn_u64(a), vmovn_u64(b))
#else
typedef uint64_t lanes __attribute__((vector_size(16)));
#define MULTIPLY(a, b) (((a)&0xffffffffu) * ((b)&0xffffffffu))
#endif

enum { WIDTH = sizeof(lanes) / 8, SETS = 4 };

/* Philox4x32-10 on SETS * WIDTH counters from `first` on, two words of 64 bits each. */
static inline void philox(uint64_t first, uint64_t stream, uint64_t *out)
{
    lanes c[SETS][4] = {{{0}}};
    uint32_t k0 = 0, k1 = 0;
    for (int j = 0; j < SETS; j++) {
        for (int i = 0; i < WIDTH; i++)
            c[j][0][i] = first + (uint64_t)(j * WIDTH + i);
        c[j][1] = c[j][0] >> 32;
        c[j][2] = (lanes){0} + stream;
        c[j][3] = (lanes){0} + (stream >> 32);
    }
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u)
#pragma GCC unroll 4
        for (int j = 0; j < SETS; j++) {
            lanes p0 = MULTIPLY(c[j][0], (lanes){0} + 0xd2511f53u);
            lanes p1 = MULTIPLY(c[j][2], (lanes){0} + 0xcd9e8d57u);
            c[j][0] = p1 >> 32 ^ c[j][1] ^ (uint64_t)k0;
            c[j][1] = p1;
            c[j][2] = p0 >> 32 ^ c[j][3] ^ (uint64_t)k1;
            c[j][3] = p0;
        }
    for (int j = 0; j < SETS; j++) {
        lanes a = (c[j][0] & 0xffffffffu) | c[j][1] << 32;
        lanes b = (c[j][2] & 0xffffffffu) | c[j][3] << 32;
        memcpy(out + 2 * j * WIDTH, &a, sizeof a);
        memcpy(out + (2 * j + 1) * WIDTH, &b, sizeof b);
    }
}

static double darts_block(const void *arg, int64_t i)
{
    uint64_t x[PIECE], y[PIECE];
    int64_t hits = 0;
    (void)arg;
    for (int64_t at = i * DARTS_BLOCK; at < (i + 1) * DARTS_BLOCK; at += PIECE) {
        for (int k = 0; k < PIECE; k += 2 * SETS * WIDTH) {
            philox((uint64_t)(at + k) / 2, 0, x + k);
            philox((uint64_t)(at + k) / 2, 1, y + k);
        }
        for (int k = 0; k < PIECE; k++) {
            double p = (double)(int64_t)(x[k] >> 11) * 0x1p-53;
            double q = (double)(int64_t)(y[k] >> 11) * 0x1p-53;
            hits += p * p + q * q <= 1;
        }
    }
    return (double)hits;
}

bool limit_darts(bench *b)
{
    b->value = 4 * crew_sum(b->threads, DARTS_N / DARTS_BLOCK, darts_block, b) / DARTS_N;
    return true;
}
