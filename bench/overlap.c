/* SPDX-License-Identifier: BSD-3-Clause
 * overlap.c - how much of the time that faces take between ranks is hidden behind compute, for
 * bench/mpi-costs --overlap.
 *
 * Each row is run in four ways, by turns: with faces sent between ranks and without, and with work
 * and without. Without means that the same blocks, as many, lie so that their neighbours are on the
 * same rank: an array of (ranks, rows, columns) instead of (1, ranks * rows, columns).
 *
 * Virtual hosts share the cores of one machine. So the work is of two kinds: arithmetic, for which
 * they vie with each other, with the network's software and with whatever else runs; and time in
 * which a task sleeps, as it would be if each host had a core of its own for its one thread.
 */
#include "bench/overlap.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { CHUNKS = 8, ROWS = 16, DEPTH = 8, SWEEPS = 5 };

/* For links of 1 Gbit/s, or of 100 Mbit/s: with chunks and faces of an eighth, which take about as
 * long there, the network's software has an eighth to do. */
typedef struct sizes {
    int64_t columns;
    int sleep_us;
} sizes;

static const sizes fast_links = {1 << 16, 9000}, slow_links = {1 << 13, 15000};

/* What a task does with its block, beside a copy. */
typedef struct work {
    int sleep_us, passes;
} work;

static void sleep_for(int us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000L}, NULL);
}

/* One step of a stencil on each element of the middle, over and over. */
static int smooth(const br_block *in, int n, const br_block *out, const void *data)
{
    const work *w = data;
    int64_t width = out->extent[2];
    int64_t nelem = out->extent[1] * width;
    const double *x = (const double *)in->data + DEPTH * width;
    double *y = out->data;
    memcpy(y, x, (size_t)nelem * sizeof *y);
    for (int p = 0; p < w->passes; p++)
        for (int64_t i = 0; i < nelem; i++)
            y[i] = 0.5 * y[i] + 0.25 * (x[i - DEPTH * width] + x[i + DEPTH * width]);
    if (w->sleep_us > 0)
        sleep_for(w->sleep_us);
    return n - 1;
}

static br_array *sweep(br_array *x, const work *w)
{
    return br_map_overlap(x, smooth, .depth = BR_SHAPE(0, DEPTH, 0), .inner = true, .data = w,
                          .data_bytes = sizeof *w, .boundary = BR_BOUNDARIES(BR_CONSTANT(0)));
}

/* ---- rows ---- */

static br_status one_sweep(br_array *x, const work *w)
{
    double value;
    return br_compute_f64(br_sum(sweep(x, w)), &value);
}

static br_status one_expression(br_array *x, const work *w)
{
    double value;
    for (int i = 0; i < SWEEPS; i++)
        x = sweep(x, w);
    return br_compute_f64(br_sum(x), &value);
}

static br_status kept_sweeps(br_array *x, const work *w)
{
    br_status st = BR_OK;
    for (int i = 0; i < SWEEPS && st == BR_OK; i++) {
        br_array *y = br_persist(sweep(x, w));
        if (i > 0)
            br_release(x);
        x = y;
        st = br_status_of(y);
    }
    br_release(x);
    return st;
}

static const struct overlap_row {
    const char *name;
    br_status (*run)(br_array *x, const work *w);
    int sweeps;
} rows[] = {{"one sweep", one_sweep, 1},
            {"an expression of 5 sweeps", one_expression, SWEEPS},
            {"5 sweeps, each persisted", kept_sweeps, SWEEPS}};

/* ---- measuring ---- */

enum { NOTHING, FACES, WORK, BOTH, WAYS };

typedef struct planes {
    br_context *ctx;
    br_array *apart, *whole; /* blocks whose neighbours are on their rank, and blocks in a row */
} planes;

static bool run_way(const struct overlap_row *row, int way, work w, const planes *p, double *least)
{
    br_run_info info;
    const work none = {0};
    bool faces = way == FACES || way == BOTH;
    br_scope *scope = br_scope_open(p->ctx);
    double start = bench_now();
    br_status st = row->run(faces ? p->whole : p->apart, way >= WORK ? &w : &none);
    *least = fmin(*least, bench_now() - start);
    br_scope_close(scope);
    if (st != BR_OK || br_last_run(p->ctx, &info) != BR_OK)
        return bench_fail("%s: %s", row->name, br_message(p->ctx));
    return true;
}

static bool measure(const struct overlap_row *row, const char *kind, work w, const planes *p,
                    int runs)
{
    double least[WAYS] = {INFINITY, INFINITY, INFINITY, INFINITY};
    for (int run = 0; run <= runs; run++)
        for (int way = 0; way < WAYS; way++)
            if (!run_way(row, way, w, p, &least[way]))
                return false;
    int ranks = br_num_ranks(p->ctx);
    double face = (double)(DEPTH * br_shape(p->whole)[2]) * sizeof(double);
    double bytes = 2.0 * row->sweeps * (ranks - 1) * face;
    printf("{\"overlap\":\"%s\",\"work\":\"%s\",\"ranks\":%d,\"face_bytes\":%.0f,\"nothing\":%.6f,"
           "\"faces\":%.6f,\"compute\":%.6f,\"both\":%.6f,\"runs\":%d}\n",
           row->name, kind, ranks, bytes, least[NOTHING], least[FACES], least[WORK], least[BOTH],
           runs);
    fflush(stdout);
    return true;
}

static br_array *plane(br_context *ctx, int64_t n, int64_t rows_each, int64_t columns)
{
    return br_persist(br_random_uniform(ctx, BR_SHAPE(n, rows_each, columns),
                                        .chunks = BR_CHUNKS(1, ROWS, columns)));
}

bool bench_overlap(const bench_options *options, bool slow)
{
    const sizes *s = slow ? &slow_links : &fast_links;
    const struct {
        const char *name;
        work work;
    } kinds[] = {{"time", {.sleep_us = s->sleep_us}}, {"arithmetic", {.passes = 10}}};
    /* Arithmetic on small chunks takes less than their faces on a slow link. */
    size_t nkinds = slow ? 1 : sizeof kinds / sizeof *kinds;
    br_context *ctx = br_open(NULL, NULL);
    int64_t ranks = br_num_ranks(ctx);
    planes p = {.ctx = ctx,
                .apart = plane(ctx, ranks, CHUNKS * ROWS, s->columns),
                .whole = plane(ctx, 1, ranks * CHUNKS * ROWS, s->columns)};
    bool good = br_error_status(ctx) == BR_OK;
    for (size_t k = 0; good && k < nkinds; k++)
        for (size_t i = 0; good && i < sizeof rows / sizeof *rows; i++)
            good = measure(&rows[i], kinds[k].name, kinds[k].work, &p, options->runs);
    return br_close(ctx) == 0 && good;
}
