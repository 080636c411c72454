/* SPDX-License-Identifier: BSD-3-Clause
 * exact.h - products of complex numbers rounded as they are written.
 *
 * gcc 12 turns a - b beside a + b, of products, into vfmaddsub even under -ffp-contract=off, which
 * skips a rounding and changes bits from one instruction set to another. With the sign flipped as
 * bits it sees two subtractions.
 */
#ifndef BRI_EXACT_H
#define BRI_EXACT_H

#include <stdint.h>
#include <string.h>

static inline double bri_flipped(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits ^= UINT64_C(1) << 63;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float bri_flippedf(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits ^= UINT32_C(1) << 31;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
