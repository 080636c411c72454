/* SPDX-License-Identifier: BSD-3-Clause
 * doubles.h - doubles in vectors, for the loops that compilers put together badly: gcc makes scalar
 * code of the last halvings of 32 lanes, and two vectors of half the width of each that it converts
 * from float. With AVX-512 vectors of 64 bytes take a quarter less time than of 32 on a Xeon, and
 * as long on an EPYC.
 */
#ifndef BRI_DOUBLES_H
#define BRI_DOUBLES_H

#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "array/kernels/isa.h"

#if defined(__AVX512F__)
enum { BRI_DOUBLES = 8 };
#elif defined(__AVX2__)
enum { BRI_DOUBLES = 4 };
#else
enum { BRI_DOUBLES = 2 };
#endif
typedef double bri_doubles __attribute__((vector_size(BRI_DOUBLES * sizeof(double))));
typedef double bri_four_doubles __attribute__((vector_size(4 * sizeof(double))));

BRI_ALWAYS_INLINE bri_doubles bri_doubles_of_float64(const double *x)
{
    bri_doubles v;
    memcpy(&v, x, sizeof v);
    return v;
}

BRI_ALWAYS_INLINE bri_doubles bri_doubles_of_float32(const float *x)
{
#if defined(__AVX512F__)
    return (bri_doubles)_mm512_cvtps_pd(_mm256_loadu_ps(x));
#elif defined(__AVX2__)
    return (bri_doubles)_mm256_cvtps_pd(_mm_loadu_ps(x));
#else
    return (bri_doubles){x[0], x[1]};
#endif
}

/* Three halvings of 32 lanes; the third one is inside of a vector where that has 8. */
BRI_ALWAYS_INLINE void bri_halve_lanes(bri_doubles lane[32 / BRI_DOUBLES], double four[4])
{
    for (int l = 0; l < 16 / BRI_DOUBLES; l++)
        lane[l] += lane[l + 16 / BRI_DOUBLES];
    for (int l = 0; l < 8 / BRI_DOUBLES; l++)
        lane[l] += lane[l + 8 / BRI_DOUBLES];
    for (int l = 0; l < 4 / BRI_DOUBLES; l++)
        lane[l] += lane[l + 4 / BRI_DOUBLES];
    if (BRI_DOUBLES == 8) {
        bri_four_doubles half[2];
        memcpy(half, lane, sizeof half);
        half[0] += half[1];
        memcpy(four, half, 4 * sizeof *four);
        return;
    }
    memcpy(four, lane, 4 * sizeof *four);
}

#endif
