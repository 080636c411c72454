/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_peaks.c - rows made on each rank become columns on all of them, for test_mpi_peaks.sh: what
 * a rank makes for the others is far more than it may hold.
 *
 * mpi_peaks SIDE [fails]    an array of SIDE x SIDE; with an argument the last column fails, and
 *                           then the same is computed again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/resident.h"
#include "tests/sanitized.h"

enum { EACH = 64, MOST_RANKS = 16 };

static double element(int64_t row, int64_t column)
{
    return (double)((row * 7919 + column * 104729) % 10007);
}

static int fill(const br_block *in, int n, const br_block *out, const void *data)
{
    double *to = out->data;
    (void)in;
    (void)data;
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        to[i] = element(out->origin[0] + i / out->extent[1], out->origin[1] + i % out->extent[1]);
    return n;
}

/* Fails in the chunk that begins at column *data. */
static int weigh(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *v = in->data;
    double *to = out->data;
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        to[i] = v[i] * (double)(1 + (out->origin[0] + i / out->extent[1]) % 3);
    return out->origin[1] == *(const int64_t *)data ? n : 0;
}

static void look(br_context *ctx, double *kib)
{
    br_compute(resident_by_rank(ctx), kib, (size_t)br_num_ranks(ctx) * sizeof *kib);
}

static double want(int64_t side)
{
    double sum = 0;
    for (int64_t i = 0; i < side; i++)
        for (int64_t j = 0; j < side; j++)
            sum += element(i, j) * (double)(1 + i % 3);
    return sum;
}

static br_status turned(br_context *ctx, int64_t side, int64_t fails, double *sum)
{
    br_array *rows = br_from_blocks(ctx, fill, BR_SHAPE(side, side), .dtype = BR_FLOAT64,
                                    .chunks = BR_CHUNKS(EACH, -1));
    br_array *columns = br_rechunk(rows, BR_CHUNKS(-1, EACH));
    return br_compute_f64(br_sum(br_map_blocks(columns, weigh, .dtype = BR_FLOAT64, .data = &fails,
                                               .data_bytes = sizeof fails)),
                          sum);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    int64_t side = argc > 1 ? atoll(argv[1]) : 0;
    double before[MOST_RANKS] = {0}, after[MOST_RANKS] = {0}, sum = 0, most = 0;
    br_run_info run;
    if (side <= 0 || br_num_ranks(ctx) > MOST_RANKS)
        return 2;
    if (argc > 2 && turned(ctx, side, side - side % EACH - EACH, &sum) != BR_OK)
        printf("failed: %s\n", br_message(ctx));
    br_clear_error(ctx);
    look(ctx, before);
    br_status st = turned(ctx, side, -1, &sum);
    if (st != BR_OK || br_last_run(ctx, &run) != BR_OK)
        return br_close(ctx);
    look(ctx, after);
    for (int r = 0; r < br_num_ranks(ctx); r++)
        most = after[r] - before[r] > most ? after[r] - before[r] : most;
    if (SANITIZED) { /* it keeps what is freed */
        printf("%.0f KiB more are resident, most of which are the sanitizer's\n", most);
        most = 0;
    }
    printf("%s: peak %lld KiB, resident %.0f KiB more, spilled %lld KiB, sent %lld KiB, %.2f s\n",
           sum == want(side) ? "right" : "wrong", (long long)run.peak_bytes >> 10, most,
           (long long)run.bytes_spilled >> 10, (long long)run.bytes_sent >> 10, run.seconds);
    return br_close(ctx);
}
