/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_bits.c - undoing bitshuffle (Masui and others 2015,
 * https://github.com/kiyo-masui/bitshuffle).
 *
 * In a block of m elements of s bytes there are 8 s rows of m / 8 bytes: row 8 k + b holds bit b of
 * byte k of each element, the first element in the lowest bit. Eight rows are put together by bytes
 * as shuffled elements of 8 bytes are, and each of those is a square of 8 by 8 bits to be turned;
 * that gives the plane of bytes k, and planes are what shuffle makes.
 */
#include <string.h>

#include "array/io/hdf5_internal.h"

enum { TILE_BYTES = 8 << 10 };

/* Turns the square of bits in each of n words (Warren, Hacker's Delight 7-3). */
static void turn_bits(uint64_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t t = (x[i] ^ x[i] >> 7) & 0x00aa00aa00aa00aau;
        uint64_t y = x[i] ^ t ^ t << 7;
        t = (y ^ y >> 14) & 0x0000cccc0000ccccu;
        y ^= t ^ t << 14;
        t = (y ^ y >> 28) & 0x00000000f0f0f0f0u;
        x[i] = y ^ t ^ t << 28;
    }
}

/* A block of m elements; m is a multiple of 8, and an element at most an eighth of a tile. */
static void join_block(const char *from, size_t m, size_t element, char *to)
{
    uint64_t tile[TILE_BYTES / 8];
    size_t most = TILE_BYTES / element / 8 * 8, count;
    for (size_t first = 0; first < m; first += count) {
        count = m - first < most ? m - first : most;
        for (size_t k = 0; k < element; k++) {
            bri_h5_planes rows = {(char *)(uintptr_t)from + k * m, m / 8, 8};
            uint64_t *plane = tile + k * count / 8;
            bri_h5_unshuffle(&rows, first / 8, (first + count) / 8, (char *)plane);
            turn_bits(plane, count / 8);
        }
        bri_h5_planes planes = {(char *)tile, count, element};
        bri_h5_unshuffle(&planes, 0, count, to + first * element);
    }
}

size_t bri_h5_unbits(const bri_h5_bits *bits, const char *from, size_t n, size_t first, size_t last,
                     char *to)
{
    size_t begin = first / bits->block * bits->block, eight = 8 * bits->element, at = begin;
    while (at < last && n - at >= eight) {
        size_t bytes = n - at < bits->block ? (n - at) / eight * eight : bits->block;
        join_block(from + at, bytes / bits->element, bits->element, to + (at - begin));
        at += bytes;
    }
    if (at < last) /* less than 8 elements are left as they were */
        memcpy(to + (at - begin), from + at, n - at);
    return begin;
}
