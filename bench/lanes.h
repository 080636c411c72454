/* SPDX-License-Identifier: BSD-3-Clause
 * lanes.h - sums with as many accumulators as hide the latency of an addition: one alone is slower
 * than memory.
 */
#ifndef BENCH_LANES_H
#define BENCH_LANES_H

enum { LANES = 128 };

/* n is a multiple of LANES. */
static inline double lanes_sum_f64(const double *x, int n)
{
    double lane[LANES / 2] = {0}, sum = 0;
    for (int k = 0; k < n; k += LANES / 2)
        for (int l = 0; l < LANES / 2; l++)
            lane[l] += x[k + l];
    for (int l = 0; l < LANES / 2; l++)
        sum += lane[l];
    return sum;
}

static inline float lanes_sum_f32(const float *x, int n)
{
    float lane[LANES] = {0}, sum = 0;
    for (int k = 0; k < n; k += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += x[k + l];
    for (int l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

/* Around a number near the mean. */
static inline float lanes_squares_f32(const float *x, int n, float mean)
{
    float lane[LANES] = {0}, sum = 0;
    for (int k = 0; k < n; k += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += (x[k + l] - mean) * (x[k + l] - mean);
    for (int l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

#endif
