/* SPDX-License-Identifier: BSD-3-Clause
 * doubles.h - doubles in vectors, for the loops that compilers put together badly: gcc makes scalar
 * code of the last halvings of 32 lanes, and two vectors of half the width of each that it converts
 * from float. 32 bytes are faster than 64 with AVX-512, too.
 */
#ifndef BRI_DOUBLES_H
#define BRI_DOUBLES_H

#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "array/kernels/isa.h"

#ifdef __AVX2__
enum { BRI_DOUBLES = 4 };
#else
enum { BRI_DOUBLES = 2 };
#endif
typedef double bri_doubles __attribute__((vector_size(BRI_DOUBLES * sizeof(double))));

BRI_ALWAYS_INLINE bri_doubles bri_doubles_of_float64(const double *x)
{
    bri_doubles v;
    memcpy(&v, x, sizeof v);
    return v;
}

BRI_ALWAYS_INLINE bri_doubles bri_doubles_of_float32(const float *x)
{
#ifdef __AVX2__
    return (bri_doubles)_mm256_cvtps_pd(_mm_loadu_ps(x));
#else
    return (bri_doubles){x[0], x[1]};
#endif
}

/* Three halvings of 32 lanes. */
BRI_ALWAYS_INLINE void bri_halve_lanes(bri_doubles lane[32 / BRI_DOUBLES], double four[4])
{
    for (int l = 0; l < 16 / BRI_DOUBLES; l++)
        lane[l] += lane[l + 16 / BRI_DOUBLES];
    for (int l = 0; l < 8 / BRI_DOUBLES; l++)
        lane[l] += lane[l + 8 / BRI_DOUBLES];
    for (int l = 0; l < 4 / BRI_DOUBLES; l++)
        lane[l] += lane[l + 4 / BRI_DOUBLES];
    memcpy(four, lane, 4 * sizeof *four);
}

#endif
