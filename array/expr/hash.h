/* SPDX-License-Identifier: BSD-3-Clause
 * hash.h - the hash by which equal nodes and equal tables are found.
 */
#ifndef BRI_HASH_H
#define BRI_HASH_H

#include <stdint.h>
#include <string.h>

static inline uint64_t bri_hash_mix(uint64_t h, uint64_t v)
{
    h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    h *= 0xff51afd7ed558ccdu;
    return h ^ h >> 32; /* the table of nodes takes the low bits */
}

static inline uint64_t bri_hash_bytes(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = bri_hash_mix(h, word);
    }
    for (; n > 0; p++, n--)
        h = bri_hash_mix(h, *p);
    return h;
}

#endif
