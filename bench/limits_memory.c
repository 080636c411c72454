/* SPDX-License-Identifier: BSD-3-Clause
 * limits_memory.c - limits of workloads in memory.
 */
#include <cblas.h>
#include <math.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "bench/crew.h"
#include "bench/lanes.h"
#include "bench/limits.h"
#include "bench/sizes.h"

enum {
    BLOCK = 1 << 16, /* elements dealt out at a time */
    PIECE = 1024,    /* elements of a block whose intermediate values stay in the L1 cache */
    TILE = 64        /* rows and columns of a transposed tile */
};

static double sum_block(const void *arg, int64_t i)
{
    return lanes_sum_f64((const double *)((const bench *)arg)->x + i * BLOCK, BLOCK);
}

bool limit_sum(bench *b)
{
    b->value = crew_sum(b->threads, SUM_N / BLOCK, sum_block, b);
    return true;
}

static double hypot_block(const void *arg, int64_t i)
{
    const bench *b = arg;
    const double *x = (const double *)b->x + i * BLOCK, *y = (const double *)b->y + i * BLOCK;
    double sum = 0;
    for (int k = 0; k < BLOCK; k++)
        sum += sqrt(x[k] * x[k] + y[k] * y[k]);
    return sum;
}

bool limit_hypot(bench *b)
{
    b->value = crew_sum(b->threads, PAIR_N / BLOCK, hypot_block, b) / PAIR_N;
    return true;
}

bool limit_small(bench *b)
{
    const double *volatile xs = b->x; /* so that each round reads anew */
    const double *volatile ys = b->y;
    for (int i = 0; i < SMALL_RUNS; i++) {
        const double *x = xs, *y = ys;
        double sum = 0;
        for (int k = 0; k < SMALL_N; k++)
            sum += sqrt(x[k] * x[k] + y[k] * y[k]);
        b->value = sum / SMALL_N;
    }
    return true;
}

/* ---- deviations of a table, one pass over memory ---- */

typedef struct columns {
    const float *x;
    crew_range range;
    _Atomic double sum[STD_COLUMNS], square[STD_COLUMNS];
} columns;

enum { STD_BLOCK = 100 }; /* rows summed in float before they are added to the double sums */

/* Shifted by the first row, so that squares keep their digits. */
static void add_rows(const columns *c, int64_t block, double *sum, double *square)
{
    float s[STD_COLUMNS] = {0}, q[STD_COLUMNS] = {0};
    const float *row = c->x + block * STD_BLOCK * STD_COLUMNS;
    for (int r = 0; r < STD_BLOCK; r++, row += STD_COLUMNS)
        for (int j = 0; j < STD_COLUMNS; j++) {
            float d = row[j] - c->x[j];
            s[j] += d;
            q[j] += d * d;
        }
    for (int j = 0; j < STD_COLUMNS; j++) {
        sum[j] += s[j];
        square[j] += q[j];
    }
}

static bool add_columns(void *arg)
{
    columns *c = arg;
    double sum[STD_COLUMNS] = {0}, square[STD_COLUMNS] = {0};
    for (int64_t i; crew_take(&c->range, &i);)
        add_rows(c, i, sum, square);
    for (int j = 0; j < STD_COLUMNS; j++) {
        crew_add(&c->sum[j], sum[j]);
        crew_add(&c->square[j], square[j]);
    }
    return true;
}

bool limit_std_columns(bench *b)
{
    columns c = {.x = b->x, .range.n = STD_ROWS / STD_BLOCK};
    float *out = b->out;
    bool good = crew_run(b->threads, add_columns, &c);
    for (int j = 0; j < STD_COLUMNS; j++) {
        double mean = c.sum[j] / STD_ROWS;
        out[j] = (float)sqrt(c.square[j] / STD_ROWS - mean * mean);
    }
    return good;
}

static double std_rows_block(const void *arg, int64_t i)
{
    const bench *b = arg;
    const float *row = (const float *)b->x + i * STD_BLOCK * STD_COLUMNS;
    for (int r = 0; r < STD_BLOCK; r++, row += STD_COLUMNS) {
        float mean = lanes_sum_f32(row, STD_COLUMNS) / STD_COLUMNS;
        float square = lanes_squares_f32(row, STD_COLUMNS, mean);
        ((float *)b->out)[i * STD_BLOCK + r] = sqrtf(square / STD_COLUMNS);
    }
    return 0;
}

bool limit_std_rows(bench *b)
{
    return crew_sum(b->threads, STD_ROWS / STD_BLOCK, std_rows_block, b) == 0;
}

/* ---- the rest ---- */

/* sin and cos in loops of their own: gcc joins them into scalar calls of sincos else, when their
 * arguments agree. */
static double transcendental_block(const void *arg, int64_t i)
{
    const bench *b = arg;
    for (int64_t at = i * BLOCK; at < (i + 1) * BLOCK; at += PIECE) {
        const double *x = (const double *)b->x + at, *y = (const double *)b->y + at;
        double *restrict out = (double *)b->out + at;
        double part[PIECE];
        for (int k = 0; k < PIECE; k++)
            part[k] = cos(x[k]) / (1 + y[k] * y[k]);
        for (int k = 0; k < PIECE; k++)
            out[k] = exp(-x[k] * x[k]) * sin(y[k]) + part[k];
    }
    return 0;
}

bool limit_transcendental(bench *b)
{
    return crew_sum(b->threads, PAIR_N / BLOCK, transcendental_block, b) == 0;
}

/* The sum of x + x' over the tile at (i, j) for i <= j, together with its mirror image. */
static double tile_pair(const double *x, int64_t i, int64_t j)
{
    double turned[TILE][TILE], sum = 0;
    const double *mirror = x + j * TILE * SQUARE_N + i * TILE;
    for (int r = 0; r < TILE; r++)
        for (int c = 0; c < TILE; c++)
            turned[c][r] = mirror[r * SQUARE_N + c];
    const double *tile = x + i * TILE * SQUARE_N + j * TILE;
    for (int r = 0; r < TILE; r++)
        for (int c = 0; c < TILE; c++)
            sum += tile[r * SQUARE_N + c] + turned[r][c];
    return i == j ? sum : 2 * sum;
}

static double transpose_block(const void *arg, int64_t i)
{
    double sum = 0;
    for (int64_t j = i; j < SQUARE_N / TILE; j++)
        sum += tile_pair(((const bench *)arg)->x, i, j);
    return sum;
}

bool limit_transpose(bench *b)
{
    b->value = crew_sum(b->threads, SQUARE_N / TILE, transpose_block, b) / SQUARE_N / SQUARE_N;
    return true;
}

/* Past the caches, which a copy of half a gigabyte would only empty. */
static void copy_streaming(double *to, const double *from, int n)
{
#ifdef __SSE2__
    for (int k = 0; k < n; k += 2)
        _mm_stream_pd(to + k, _mm_load_pd(from + k));
#else
    memcpy(to, from, (size_t)n * sizeof *to);
#endif
}

/* Some rows to their places in the panels of columns, and what they add to the panels' sums, of
 * which number k counts k + 1 times. */
static double rechunk_block(const void *arg, int64_t i)
{
    enum { N = PANELS_N, WIDTH = PANEL_WIDTH };
    const bench *b = arg;
    double sum = 0;
    for (int64_t r = i * TILE; r < (i + 1) * TILE; r++)
        for (int64_t k = 0; k < N / WIDTH; k++) {
            const double *from = (const double *)b->x + r * N + k * WIDTH;
            copy_streaming((double *)b->y + k * N * WIDTH + r * WIDTH, from, WIDTH);
            sum += (double)(k + 1) * lanes_sum_f64(from, WIDTH);
        }
    return sum;
}

bool limit_rechunk(bench *b)
{
    b->value = crew_sum(b->threads, PANELS_N / TILE, rechunk_block, b);
    return true;
}

/* bramble holds OpenBLAS at one thread while a context is open. */
bool limit_matmul(bench *b)
{
    enum { N = MATMUL_N };
    openblas_set_num_threads(b->threads);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, b->x, N, b->y, N, 0, b->out,
                N);
    openblas_set_num_threads(1);
    return true;
}
