/* SPDX-License-Identifier: BSD-3-Clause
 * hash.c - XXH64, after its specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
 *
 * Four lanes of multiplications keep up with memory without vector instructions; damage to any bit
 * changes about half of the result. Words are taken in the machine's order: sums do not travel.
 */
#include "runtime/hash.h"

#include <string.h>

#define P1 0x9E3779B185EBCA87u
#define P2 0xC2B2AE3D27D4EB4Fu
#define P3 0x165667B19E3779F9u
#define P4 0x85EBCA77C2B2AE63u
#define P5 0x27D4EB2F165667C5u

static uint64_t turned(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t word(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static uint64_t half_word(const unsigned char *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static uint64_t step(uint64_t lane, uint64_t input)
{
    return turned(lane + input * P2, 31) * P1;
}

static uint64_t merge(uint64_t h, uint64_t lane)
{
    return (h ^ step(0, lane)) * P1 + P4;
}

/* Whole stripes of four words; *p is moved behind them. */
static uint64_t stripes(const unsigned char **p, const unsigned char *end)
{
    uint64_t lane[4] = {P1 + P2, P2, 0, -P1};
    for (; end - *p >= 32; *p += 32)
        for (int i = 0; i < 4; i++)
            lane[i] = step(lane[i], word(*p + 8 * i));
    uint64_t h =
        turned(lane[0], 1) + turned(lane[1], 7) + turned(lane[2], 12) + turned(lane[3], 18);
    for (int i = 0; i < 4; i++)
        h = merge(h, lane[i]);
    return h;
}

uint64_t bri_hash64(const void *data, size_t bytes)
{
    const unsigned char *p = data;
    const unsigned char *end = p + bytes;
    uint64_t h = (bytes >= 32 ? stripes(&p, end) : P5) + bytes;
    for (; end - p >= 8; p += 8)
        h = turned(h ^ step(0, word(p)), 27) * P1 + P4;
    if (end - p >= 4) {
        h = turned(h ^ half_word(p) * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++)
        h = turned(h ^ *p * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}
