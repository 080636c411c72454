/* SPDX-License-Identifier: BSD-3-Clause
 * links.c - what operations send between ranks, and how long that takes, for bench/mpi-costs.
 *
 * Arrays are so small and links so slow that computing counts little. Chunks are of half a MiB, 32
 * of them in all (strong scaling) or 4 a rank (weak). Where nothing but computing could count,
 * tasks sleep for as long as they would compute on a host with a core of its own: virtual hosts
 * share the cores of one machine.
 */
#include "bench/links.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ALL_CHUNKS = 32, CHUNKS_EACH = 4, SIDE = 1024, CHUNK_ROWS = 64, LINE = 64 * SIDE };
enum { WIDE = 4 * LINE, FACTOR_ROWS = 8 };
enum { CHUNK_NS = 8000000 }; /* 122 ns an element */

/* One operation on n chunks. */
typedef struct inputs {
    br_context *ctx;
    int64_t n;
    br_array *tiny;   /* a chunk of one element on each rank */
    br_array *plane;  /* n * 64 x 1024, by rows */
    br_array *lines;  /* n x 65536, a chunk each */
    br_array *wide;   /* 262144: one chunk, on one rank */
    br_array *factor; /* 1024 x 1024, by columns */
    double *out;
} inputs;

static br_array *kept(br_context *ctx, int64_t rows, int64_t columns, int64_t chunk_rows,
                      int64_t chunk_columns)
{
    return br_persist(br_random_uniform(ctx, BR_SHAPE(rows, columns),
                                        .chunks = BR_CHUNKS(chunk_rows, chunk_columns)));
}

static br_status compute_sum(br_array *x)
{
    double value;
    return br_compute_f64(br_sum(x), &value);
}

static br_status keep(br_array *x)
{
    br_array *y = br_persist(x);
    br_status st = br_status_of(y);
    br_release(y);
    return st;
}

static br_status start(const inputs *in)
{
    return compute_sum(in->tiny);
}

static int costly(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    memcpy(out->data, in->data, LINE * sizeof(double));
    nanosleep(&(struct timespec){.tv_nsec = CHUNK_NS}, NULL);
    return n - 1;
}

static br_status elementwise(const inputs *in)
{
    return keep(br_map_blocks(in->plane, costly));
}

static br_status sum(const inputs *in)
{
    return compute_sum(br_map_blocks(in->plane, costly));
}

static br_status mean_rows(const inputs *in)
{
    return br_compute(br_mean(in->lines, .axis = BR_AXIS(0)), in->out, LINE * sizeof(double));
}

static int second_difference(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *x = in->data;
    double *y = out->data;
    int64_t width = out->extent[1];
    (void)data;
    for (int64_t i = 0; i < out->extent[0] * width; i++)
        y[i] = x[i] - 2 * x[i + width] + x[i + 2 * width];
    return n - 1;
}

static br_status stencil(const inputs *in)
{
    return compute_sum(br_map_overlap(in->lines, second_difference, .depth = BR_SHAPE(1, 0),
                                      .inner = true, .boundary = BR_BOUNDARIES(BR_CONSTANT(0))));
}

static br_status rechunk(const inputs *in)
{
    return keep(br_rechunk(in->plane, BR_CHUNKS(-1, SIDE / in->n)));
}

static br_status matmul(const inputs *in)
{
    br_array *rows = br_random_uniform(in->ctx, BR_SHAPE(FACTOR_ROWS * in->n, SIDE),
                                       .chunks = BR_CHUNKS(FACTOR_ROWS, SIDE));
    return keep(br_matmul(rows, in->factor));
}

static br_status broadcast(const inputs *in)
{
    br_array *x = br_random_uniform(in->ctx, BR_SHAPE(in->n, WIDE), .chunks = BR_CHUNKS(1, WIDE));
    return compute_sum(br_mul(x, in->wide));
}

static br_status gather(const inputs *in)
{
    return br_compute(in->plane, in->out, (size_t)(in->n * LINE) * sizeof(double));
}

static const struct link_row {
    const char *name;
    br_status (*run)(const inputs *in);
} rows[] = {{"start", start},           {"elementwise", elementwise}, {"sum", sum},
            {"mean axis 0", mean_rows}, {"stencil", stencil},         {"rechunk", rechunk},
            {"matmul", matmul},         {"broadcast", broadcast},     {"gather", gather}};

static bool measure(const struct link_row *row, const inputs *in, const char *scaling,
                    const bench_options *options)
{
    double least = INFINITY;
    br_run_info info;
    for (int run = 0; run <= options->runs; run++) {
        double start = bench_now();
        br_scope *scope = br_scope_open(in->ctx);
        br_status st = row->run(in);
        least = fmin(least, bench_now() - start);
        br_scope_close(scope);
        if (st != BR_OK || br_last_run(in->ctx, &info) != BR_OK)
            return bench_fail("%s: %s", row->name, br_message(in->ctx));
    }
    printf("{\"link\":\"%s\",\"scaling\":\"%s\",\"ranks\":%d,\"chunks\":%lld,\"messages\":%lld,"
           "\"bytes\":%lld,\"most_sent\":%lld,\"seconds\":%.6f}\n",
           row->name, scaling, br_num_ranks(in->ctx), (long long)in->n, (long long)info.messages,
           (long long)info.bytes_sent, (long long)info.most_sent, least);
    fflush(stdout);
    return true;
}

static bool measure_all(br_context *ctx, int64_t n, const char *scaling,
                        const bench_options *options)
{
    br_scope *scope = br_scope_open(ctx);
    inputs in = {.ctx = ctx,
                 .n = n,
                 .tiny = br_persist(
                     br_random_uniform(ctx, BR_SHAPE(br_num_ranks(ctx)), .chunks = BR_CHUNKS(1))),
                 .plane = kept(ctx, n * CHUNK_ROWS, SIDE, CHUNK_ROWS, SIDE),
                 .lines = kept(ctx, n, LINE, 1, LINE),
                 .factor = kept(ctx, SIDE, SIDE, SIDE, SIDE / ALL_CHUNKS),
                 .out = malloc((size_t)(n * LINE) * sizeof(double))};
    in.wide = br_persist(br_random_uniform(ctx, BR_SHAPE(WIDE), .chunks = BR_CHUNKS(WIDE)));
    bool good = in.out && br_error_status(ctx) == BR_OK;
    for (size_t i = 0; good && i < sizeof rows / sizeof *rows; i++)
        good = measure(&rows[i], &in, scaling, options);
    br_scope_close(scope);
    free(in.out);
    return good;
}

bool bench_links(const bench_options *options)
{
    setenv("BRAMBLE_BALANCE", "off", 1);
    br_context *ctx = br_open(NULL, NULL);
    bool good = br_error_status(ctx) == BR_OK && measure_all(ctx, ALL_CHUNKS, "strong", options) &&
                measure_all(ctx, CHUNKS_EACH * (int64_t)br_num_ranks(ctx), "weak", options);
    return br_close(ctx) == 0 && good;
}
