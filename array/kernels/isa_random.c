/* SPDX-License-Identifier: BSD-3-Clause
 * isa_random.c - random values for one instruction set: what distributions make of a stream.
 */
#include <math.h>
#include <string.h>

#include "array/kernels/philox.h"
#include "array/kernels/random_math.h"

void BRI_ISA_NAME(random)(bri_kernels *table);

enum { GROUPS = BRI_BLOCK / WORDS };

/* ---- reals ---- */

/* A few elements anywhere. */
static void any_normals(const bri_random *r, bri_walk walk, size_t n, double *out)
{
    uint64_t first[SCATTERED];
    uint64_t second[SCATTERED];
    any_blocks(r, n, walk, 0, first, second);
    for (size_t i = 0; i < n; i++) {
        point p = on_circle(second[i]);
        double side = index_at(walk, i) & BLOCKS ? p.y : p.x;
        out[i] = r->parameter[0].f + r->parameter[1].f * (radius(first[i]) * side);
    }
}

/* Elements i and i + 8 of a group come from one block. Two loops, because the processor finds more
 * to do at a time in shorter chains of operations. */
static void group_normals(const bri_random *r, uint64_t group, size_t n, double *out)
{
    const double mean = r->parameter[0].f;
    const double sd = r->parameter[1].f;
    uint64_t word[GROUPS * WORDS];
    double distance[GROUPS * BLOCKS];
    whole_groups(r, group, n, word);
    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < BLOCKS; i++)
            distance[g * BLOCKS + i] = radius(word[g * WORDS + i]);
    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < BLOCKS; i++) {
            point p = on_circle(word[g * WORDS + BLOCKS + i]);
            double d = distance[g * BLOCKS + i];
            out[g * WORDS + i] = mean + sd * (d * p.x);
            out[g * WORDS + BLOCKS + i] = mean + sd * (d * p.y);
        }
}

static void normals(const bri_random *r, bri_walk walk, size_t n, double *out)
{
    for (piece p; n > 0; n -= p.n, walk = walk_on(walk, p.n), out += p.n) {
        p = next_piece(walk, n, WORDS);
        if (p.groups > 0)
            group_normals(r, (uint64_t)walk.first / WORDS, p.groups, out);
        else
            any_normals(r, walk, p.n, out);
    }
}

static void exponentials(const bri_random *r, bri_walk walk, size_t n, double *out)
{
    double scale = r->parameter[0].f;
    uint64_t word[BRI_BLOCK];
    words64(r, walk, n, word);
    for (size_t i = 0; i < n; i++)
        out[i] = scale * exponential(word[i]);
}

/* low + (high - low) * u may be rounded up to high, which is none of the values. */
static void uniform_f64(const bri_random *r, bri_walk walk, size_t n, void *to)
{
    double low = r->parameter[0].f;
    double high = r->parameter[1].f;
    double below = nextafter(high, low);
    double width = high - low;
    double *out = to;
    uint64_t word[BRI_BLOCK];
    words64(r, walk, n, word);
    for (size_t i = 0; i < n; i++) {
        double x = low + width * unit(word[i]);
        out[i] = x < high ? x : below;
    }
}

static void uniform_f32(const bri_random *r, bri_walk walk, size_t n, void *to)
{
    float low = (float)r->parameter[0].f;
    float high = (float)r->parameter[1].f;
    float below = nextafterf(high, low);
    float width = high - low;
    float *out = to;
    uint32_t word[BRI_BLOCK];
    words32(r, walk, n, word);
    for (size_t i = 0; i < n; i++) {
        float x = low + width * ((float)(int32_t)(word[i] >> 8) * 0x1p-24f);
        out[i] = x < high ? x : below;
    }
}

/* float32 is float64 rounded, so that neither has the coarser tails of 32 bits. */
typedef void doubles(const bri_random *r, bri_walk walk, size_t n, double *out);

BRI_ALWAYS_INLINE void rounded(doubles *f, const bri_random *r, bri_walk walk, size_t n, float *out)
{
    double value[BRI_BLOCK];
    f(r, walk, n, value);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)value[i];
}

static void normal_f64(const bri_random *r, bri_walk walk, size_t n, void *to)
{
    normals(r, walk, n, to);
}

static void normal_f32(const bri_random *r, bri_walk walk, size_t n, void *to)
{
    rounded(normals, r, walk, n, to);
}

static void exponential_f64(const bri_random *r, bri_walk walk, size_t n, void *to)
{
    exponentials(r, walk, n, to);
}

static void exponential_f32(const bri_random *r, bri_walk walk, size_t n, void *to)
{
    rounded(exponentials, r, walk, n, to);
}

/* ---- integers: Lemire 2019, "Fast random integer generation in an interval" ----
 *
 * A word w of b bits gives the upper half of w * span. The few words whose lower half is below 2^b
 * modulo span would make some values likelier; such an element takes the same word of the stream's
 * next attempt instead, and so on.
 */

/* gcc and clang have it on all our targets. */
__extension__ typedef unsigned __int128 wide;

static uint64_t drawn_again(const bri_random *r, uint64_t word, uint64_t attempt)
{
    uint64_t both[2];
    one_block(r->seed, r->stream | attempt << ATTEMPT, block_of_word(word), both);
    return both[word / BLOCKS % 2];
}

static uint32_t accepted32(const bri_random *r, uint64_t index, uint32_t word, uint32_t least)
{
    uint32_t span = (uint32_t)r->parameter[1].u;
    for (uint64_t attempt = 1; word * span < least; attempt++)
        word = (uint32_t)(drawn_again(r, index / 2, attempt) >> 32 * (index & 1));
    return word;
}

static uint64_t accepted64(const bri_random *r, uint64_t index, uint64_t word, uint64_t least)
{
    uint64_t span = r->parameter[1].u;
    for (uint64_t attempt = 1; word * span < least; attempt++)
        word = drawn_again(r, index, attempt);
    return word;
}

/* Spans below this take words of 32 bits: few of those are refused. */
static const uint64_t narrow = UINT64_C(1) << 24;

/* Words of 32 bits that a narrow span accepts. */
static void good_words32(const bri_random *r, bri_walk walk, size_t n, uint32_t *word)
{
    uint32_t span = (uint32_t)r->parameter[1].u;
    uint32_t least = -span % span;
    uint32_t bad = 0;
    words32(r, walk, n, word);
    for (size_t i = 0; i < n; i++)
        bad |= word[i] * span < least;
    for (size_t i = 0; bad != 0 && i < n; i++)
        word[i] = accepted32(r, index_at(walk, i), word[i], least);
}

/* span 0 stands for 2^64. */
static void good_words64(const bri_random *r, bri_walk walk, size_t n, uint64_t *word)
{
    uint64_t span = r->parameter[1].u;
    uint64_t least = span > 0 ? -span % span : 0;
    uint64_t bad = 0;
    words64(r, walk, n, word);
    for (size_t i = 0; i < n; i++)
        bad |= word[i] * span < least;
    for (size_t i = 0; bad != 0 && i < n; i++)
        word[i] = accepted64(r, index_at(walk, i), word[i], least);
}

/* Signed and unsigned integers of one size have the same bits. */
#define T       uint8_t
#define S(name) name##_8
#include "array/kernels/random.inc"
#undef T
#undef S

#define T       uint16_t
#define S(name) name##_16
#include "array/kernels/random.inc"
#undef T
#undef S

#define T       uint32_t
#define S(name) name##_32
#include "array/kernels/random.inc"
#undef T
#undef S

#define T       uint64_t
#define S(name) name##_64
#include "array/kernels/random.inc"
#undef T
#undef S

void BRI_ISA_NAME(random)(bri_kernels *table)
{
    bri_random_kernel **integers = table->random[BRI_DISTRIBUTION_INTEGERS];
    table->philox = one_block;
    table->random[BRI_DISTRIBUTION_UNIFORM][BR_FLOAT32] = uniform_f32;
    table->random[BRI_DISTRIBUTION_UNIFORM][BR_FLOAT64] = uniform_f64;
    table->random[BRI_DISTRIBUTION_NORMAL][BR_FLOAT32] = normal_f32;
    table->random[BRI_DISTRIBUTION_NORMAL][BR_FLOAT64] = normal_f64;
    table->random[BRI_DISTRIBUTION_EXPONENTIAL][BR_FLOAT32] = exponential_f32;
    table->random[BRI_DISTRIBUTION_EXPONENTIAL][BR_FLOAT64] = exponential_f64;
    integers[BR_INT8] = integers[BR_UINT8] = integers_8;
    integers[BR_INT16] = integers[BR_UINT16] = integers_16;
    integers[BR_INT32] = integers[BR_UINT32] = integers_32;
    integers[BR_INT64] = integers[BR_UINT64] = integers_64;
}
