/* SPDX-License-Identifier: BSD-3-Clause
 * stencil.h - ten steps of a five-point stencil on a plane, in one sweep: strips of columns that
 * stay in the L2 cache, where each step follows one row behind the step before.
 *
 * Beyond the plane all is 0. The limit goes over the whole plane with it; what users give
 * br_map_overlap, over blocks.
 */
#ifndef BENCH_STENCIL_H
#define BENCH_STENCIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

enum {
    STENCIL_STEPS = 10,
    STENCIL_STRIP = 1024,
    STENCIL_MARGIN = 16, /* columns on both sides of a strip, at least as many as steps */
    STENCIL_WIDTH = STENCIL_STRIP + 2 * STENCIL_MARGIN,
    STENCIL_ROWS = 4 /* of each step that are kept: three are read */
};

/* The plane x, and the part of it whose values after ten steps are wanted: rows and columns from
 * first_row and first_column on. Where x ends less than ten elements beside it, the plane ends. */
typedef struct stencil {
    const double *x;
    int64_t rows, columns;
    double *out;
    int64_t out_stride, first_row, first_column, out_rows, out_columns;
    bool streams; /* out is not read soon */
} stencil;

typedef double stencil_ring[STENCIL_STEPS + 1][STENCIL_ROWS][STENCIL_WIDTH];

static inline void stencil_row(int64_t n, const double *c, const double *up, const double *down,
                               double *out)
{
    for (int64_t k = 0; k < n; k++)
        out[k] = 0.2 * (c[k] + up[k] + down[k] + c[k - 1] + c[k + 1]);
}

static inline void stencil_store(const stencil *s, double *to, const double *from, int64_t n)
{
    int64_t k = 0;
#if defined(__AVX512F__)
    for (; s->streams && (uintptr_t)to % 64 == 0 && k + 8 <= n; k += 8)
        _mm512_stream_pd(to + k, _mm512_load_pd(from + k));
#endif
    (void)s;
    memcpy(to + k, from + k, (size_t)(n - k) * sizeof *to);
}

/* Columns [from, from + n) of what is wanted. */
static inline void stencil_strip(const stencil *s, stencil_ring ring, const double *zeros,
                                 int64_t from, int64_t n)
{
    int64_t left = s->first_column + from, right = left + n;
    int64_t first = left < STENCIL_STEPS ? 0 : left - STENCIL_STEPS;
    int64_t past = right + STENCIL_STEPS > s->columns ? s->columns : right + STENCIL_STEPS;
    double(*last)[STENCIL_WIDTH] = ring[STENCIL_STEPS];
    memset(ring, 0, sizeof(stencil_ring));
    for (int64_t r = 0; r < s->rows + STENCIL_STEPS; r++) {
        if (r < s->rows)
            memcpy(ring[0][r % STENCIL_ROWS] + STENCIL_MARGIN + first - left,
                   s->x + r * s->columns + first, (size_t)(past - first) * sizeof(double));
        for (int t = 1; t <= STENCIL_STEPS; t++) {
            int64_t q = r - t;
            if (q < 0 || q >= s->rows)
                continue;
            double(*before)[STENCIL_WIDTH] = ring[t - 1];
            int64_t a = left - STENCIL_STEPS + t > 0 ? left - STENCIL_STEPS + t : 0;
            int64_t b =
                right + STENCIL_STEPS - t < s->columns ? right + STENCIL_STEPS - t : s->columns;
            int64_t at = STENCIL_MARGIN + a - left;
            stencil_row(b - a, before[q % STENCIL_ROWS] + at,
                        (q > 0 ? before[(q - 1) % STENCIL_ROWS] : zeros) + at,
                        (q + 1 < s->rows ? before[(q + 1) % STENCIL_ROWS] : zeros) + at,
                        ring[t][q % STENCIL_ROWS] + at);
        }
        int64_t row = r - STENCIL_STEPS - s->first_row;
        if (row >= 0 && row < s->out_rows)
            stencil_store(s, s->out + row * s->out_stride + from,
                          last[(r - STENCIL_STEPS) % STENCIL_ROWS] + STENCIL_MARGIN, n);
    }
}

static inline bool stencil_run(const stencil *s)
{
    stencil_ring *ring = aligned_alloc(64, sizeof *ring);
    double *zeros = calloc(STENCIL_WIDTH, sizeof *zeros);
    bool good = ring && zeros;
    for (int64_t from = 0; good && from < s->out_columns; from += STENCIL_STRIP)
        stencil_strip(s, *ring, zeros, from,
                      s->out_columns - from < STENCIL_STRIP ? s->out_columns - from
                                                            : STENCIL_STRIP);
    free(zeros);
    free(ring);
    return good;
}

#endif
