/* SPDX-License-Identifier: BSD-3-Clause
 * random_bits.h - random numbers for tests, the same in each run: xorshift64 (Marsaglia 2003).
 */
#ifndef TEST_RANDOM_BITS_H
#define TEST_RANDOM_BITS_H

#include <stdint.h>

static inline uint64_t random_bits(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

static inline int64_t random_below(int64_t n)
{
    return (int64_t)(random_bits() % (uint64_t)n);
}

#endif
