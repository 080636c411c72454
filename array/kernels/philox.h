/* SPDX-License-Identifier: BSD-3-Clause
 * philox.h - the words of a random stream by their numbers, for one instruction set.
 *
 * A stream is a row of 64-bit words, made by Philox4x32-10 (Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", 2011). The key is the seed; the counter is the
 * number of a block and, in its upper half, the stream. Eight blocks make a group of sixteen words:
 * the first halves of the blocks, then their second halves, so that neither storing nor pairing
 * them needs a shuffle. Element i takes word i, or half i % 2 of word i / 2 where 32 bits do;
 * nothing else decides a value.
 *
 * Blocks are made by vectors written out here, because compilers miss the multiplication of 32 by
 * 32 bits in lanes of 64.
 */
#ifndef BRI_PHILOX_H
#define BRI_PHILOX_H

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "array/kernels/isa.h"

#if defined(__AVX512F__)
#define BYTES          64
#define TOGETHER       4
#define MULTIPLY(a, b) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#elif defined(__AVX2__)
#define BYTES          32
#define TOGETHER       2
#define MULTIPLY(a, b) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#elif defined(__x86_64__)
#define BYTES          16
#define TOGETHER       2
#define MULTIPLY(a, b) _mm_mul_epu32((__m128i)(a), (__m128i)(b))
#elif defined(__aarch64__)
#define BYTES          16
#define TOGETHER       2
#define MULTIPLY(a, b) vmull_u32(vmovn_u64((uint64x2_t)(a)), vmovn_u64((uint64x2_t)(b)))
#else
#error "Philox has no vectors for this target here"
#endif

enum {
    LANES = BYTES / 8,
    BLOCKS = 8,     /* of a group */
    WORDS = 16,     /* of a group */
    SCATTERED = 64, /* elements made at a time where they do not follow each other */
    ATTEMPT = BRI_RANDOM_STREAM_BITS /* of the counter's upper half: where the attempt stands */
};

/* ---- Philox ---- */

/* A word of 32 bits in each lane; what stands above it is ignored. */
typedef uint64_t lanes __attribute__((vector_size(BYTES)));

enum { ROUNDS = 10 };

/* The keys of all rounds, in every lane. */
typedef struct keys {
    lanes round[ROUNDS][2];
} keys;

static keys make_keys(uint64_t seed)
{
    keys k;
    uint32_t k0 = (uint32_t)seed;
    uint32_t k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < ROUNDS; i++) {
        k.round[i][0] = (lanes){0} + k0;
        k.round[i][1] = (lanes){0} + k1;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    return k;
}

/* n vectors of counters side by side, at most TOGETHER, as many as registers allow: one alone would
 * wait for its multiplications. */
BRI_ALWAYS_INLINE void ten_rounds(lanes c[][4], int n, const keys *k)
{
    const lanes m0 = (lanes){0} + 0xd2511f53u;
    const lanes m1 = (lanes){0} + 0xcd9e8d57u;
#pragma GCC unroll 10
    for (int i = 0; i < ROUNDS; i++)
#pragma GCC unroll 4
        for (int j = 0; j < n; j++) {
            lanes p0 = (lanes)MULTIPLY(c[j][0], m0);
            lanes p1 = (lanes)MULTIPLY(c[j][2], m1);
            c[j][0] = p1 >> 32 ^ c[j][1] ^ k->round[i][0];
            c[j][1] = p1;
            c[j][2] = p0 >> 32 ^ c[j][3] ^ k->round[i][1];
            c[j][3] = p0;
        }
}

/* n vectors of blocks in, the two words of each block out. */
BRI_ALWAYS_INLINE void philox(const keys *k, uint64_t high, int n, const lanes *block,
                              uint64_t *const *first, uint64_t *const *second)
{
    lanes c[TOGETHER][4];
    for (int j = 0; j < n; j++) {
        c[j][0] = block[j];
        c[j][1] = block[j] >> 32;
        c[j][2] = (lanes){0} + high;
        c[j][3] = (lanes){0} + (high >> 32);
    }
    ten_rounds(c, n, k);
    for (int j = 0; j < n; j++) {
        lanes a = (c[j][0] & 0xffffffffu) | c[j][1] << 32;
        lanes b = (c[j][2] & 0xffffffffu) | c[j][3] << 32;
        memcpy(first[j], &a, sizeof a);
        memcpy(second[j], &b, sizeof b);
    }
}

/* One block, for tests and for elements drawn again. */
static void one_block(uint64_t key, uint64_t high, uint64_t block, uint64_t word[2])
{
    uint64_t first[LANES];
    uint64_t second[LANES];
    keys k = make_keys(key);
    philox(&k, high, 1, &(lanes){block}, (uint64_t *[]){first}, (uint64_t *[]){second});
    word[0] = first[0];
    word[1] = second[0];
}

/* n vectors of blocks from vector v of a run of groups on; out is where the run's words go. */
BRI_ALWAYS_INLINE void some_blocks(const keys *k, uint64_t high, int n, lanes start, size_t v,
                                   uint64_t *out)
{
    lanes block[TOGETHER];
    uint64_t *first[TOGETHER];
    uint64_t *second[TOGETHER];
    for (int j = 0; j < n; j++) {
        size_t at = (v + (size_t)j) * LANES;
        block[j] = start + at;
        first[j] = out + at / BLOCKS * WORDS + at % BLOCKS;
        second[j] = first[j] + BLOCKS;
    }
    philox(k, high, n, block, first, second);
}

/* The words of n groups. */
static void whole_groups(const bri_random *r, uint64_t group, size_t n, uint64_t *out)
{
    const keys key = make_keys(r->seed);
    const uint64_t high = r->stream;
    const size_t vectors = n * BLOCKS / LANES;
    lanes start = {0};
    for (int i = 0; i < LANES; i++)
        start[i] = group * BLOCKS + (uint64_t)i;
    size_t v = 0;
    for (; v + TOGETHER <= vectors; v += TOGETHER)
        some_blocks(&key, high, TOGETHER, start, v, out);
    for (; v < vectors; v++)
        some_blocks(&key, high, 1, start, v, out);
}

/* ---- pieces of a walk ---- */

static inline uint64_t index_at(bri_walk walk, size_t i)
{
    return (uint64_t)walk.first + i * (uint64_t)walk.step;
}

static inline bri_walk walk_on(bri_walk walk, size_t n)
{
    return (bri_walk){(int64_t)index_at(walk, n), walk.step};
}

/* What is made next: whole groups where the walk goes through them, else a few elements, which end
 * where a group begins. */
typedef struct piece {
    size_t groups;
    size_t n; /* elements */
} piece;

/* A group serves `per` elements, a power of two. */
static piece next_piece(bri_walk walk, size_t n, size_t per)
{
    size_t few = n < SCATTERED ? n : SCATTERED;
    size_t inside = (size_t)walk.first & (per - 1);
    if (walk.step != 1)
        return (piece){0, few};
    if (inside == 0 && n >= per)
        return (piece){n / per, n / per * per};
    return (piece){0, few < per - inside ? few : per - inside};
}

static inline uint64_t block_of_word(uint64_t word)
{
    return word / WORDS * BLOCKS + word % BLOCKS;
}

/* Both words of the blocks that words index >> shift lie in; n <= SCATTERED, for which there is
 * room. */
static void any_blocks(const bri_random *r, size_t n, bri_walk walk, int shift, uint64_t *first,
                       uint64_t *second)
{
    const keys key = make_keys(r->seed);
    uint64_t block[SCATTERED] = {0};
    for (size_t i = 0; i < n; i++)
        block[i] = block_of_word(index_at(walk, i) >> shift);
    for (size_t i = 0; i < n; i += 2 * LANES) {
        lanes b[2];
        memcpy(b, block + i, sizeof b);
        philox(&key, r->stream, 2, b, (uint64_t *[]){first + i, first + i + LANES},
               (uint64_t *[]){second + i, second + i + LANES});
    }
}

/* out[i] is word index >> shift. */
static void any_words(const bri_random *r, size_t n, bri_walk walk, int shift, uint64_t *out)
{
    uint64_t first[SCATTERED];
    uint64_t second[SCATTERED];
    any_blocks(r, n, walk, shift, first, second);
    for (size_t i = 0; i < n; i++)
        out[i] = index_at(walk, i) >> shift & BLOCKS ? second[i] : first[i];
}

static void words64(const bri_random *r, bri_walk walk, size_t n, uint64_t *out)
{
    for (piece p; n > 0; n -= p.n, walk = walk_on(walk, p.n), out += p.n) {
        p = next_piece(walk, n, WORDS);
        if (p.groups > 0)
            whole_groups(r, (uint64_t)walk.first / WORDS, p.groups, out);
        else
            any_words(r, p.n, walk, 0, out);
    }
}

/* The same words, cut in halves. */
static void words32(const bri_random *r, bri_walk walk, size_t n, uint32_t *out)
{
    uint64_t word[BRI_BLOCK / 2];
    for (piece p; n > 0; n -= p.n, walk = walk_on(walk, p.n), out += p.n) {
        p = next_piece(walk, n, 2 * WORDS);
        if (p.groups > 0) {
            whole_groups(r, (uint64_t)walk.first / (2 * WORDS), p.groups, word);
            memcpy(out, word, p.n * sizeof *out);
            continue;
        }
        any_words(r, p.n, walk, 1, word);
        for (size_t i = 0; i < p.n; i++)
            out[i] = (uint32_t)(word[i] >> 32 * (index_at(walk, i) & 1));
    }
}

#endif
