/* SPDX-License-Identifier: BSD-3-Clause
 * metg.c - METG(50 %): the smallest tasks with which half of the machine's peak is reached.
 *
 * As Slaughter and others define it (Task Bench, SC'20): tasks in steps of `width`, each after its
 * neighbours of the step before; a task computes for a number of iterations, which falls until the
 * rate is half of the peak. Granularity is wall time x threads / tasks.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/crew.h"
#include "bench/tasks.h"

enum { STEPS = 1000, LANES = 64, MOST_AFTER = 5, FEW_ITERATIONS = 64, MOST_ITERATIONS = 1 << 16 };

static const struct pattern {
    const char *name;
    int reach; /* neighbours on each side */
} patterns[] = {{"stencil_1d", 1}, {"nearest", 2}};

static const int widths[] = {2, 8, 32};

/* Task Bench's compute-bound kernel: 128 operations an iteration. */
static double compute(int iterations)
{
    double a[LANES];
    for (int k = 0; k < LANES; k++)
        a[k] = 1.2345;
    for (int i = 0; i < iterations; i++)
        for (int k = 0; k < LANES; k++)
            a[k] = a[k] * a[k] + a[k];
    double sum = 0;
    for (int k = 0; k < LANES; k++)
        sum += a[k];
    return sum;
}

static volatile double sink;

static int body(void *data, int64_t task)
{
    (void)task;
    sink = compute(*(const int *)data);
    return 0;
}

static br_graph *make(br_context *ctx, const struct pattern *p, int width, int *iterations)
{
    br_graph *g = br_graph_new(ctx);
    for (int64_t t = 0; t < (int64_t)STEPS * width; t++) {
        int64_t after[MOST_AFTER], column = t % width;
        size_t n = 0;
        for (int64_t k = column - p->reach; k <= column + p->reach && t >= width; k++)
            if (k >= 0 && k < width)
                after[n++] = t - column - width + k;
        br_graph_add(g, body, iterations, after, n);
    }
    return g;
}

/* ---- the peak: every thread computes without tasks ---- */

enum { PEAK_ITERATIONS = 1 << 15 };

static bool compute_long(void *arg)
{
    (void)arg;
    sink = compute(PEAK_ITERATIONS);
    return true;
}

/* Iterations a second of all threads. */
static double peak_rate(int threads, int runs)
{
    double best = 0;
    for (int run = 0; run <= runs; run++) {
        double begin = bench_now();
        crew_run(threads, compute_long, NULL);
        double rate = threads * (double)PEAK_ITERATIONS / (bench_now() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}

/* ---- the search ---- */

typedef struct point {
    double efficiency, granularity; /* of the peak; seconds */
} point;

static bool measure_point(br_graph *g, const br_context *ctx, int iterations, double peak, int runs,
                          point *p)
{
    double best = 0, tasks = (double)br_graph_ntasks(g);
    for (int run = 0; run <= runs; run++) {
        double begin = bench_now();
        if (br_graph_run(g) != BR_OK)
            return false;
        double seconds = bench_now() - begin;
        best = best == 0 || seconds < best ? seconds : best;
    }
    p->efficiency = tasks * iterations / best / peak;
    p->granularity = best * br_num_threads(ctx) / tasks;
    return true;
}

/* Where the line between two points crosses one half. */
static double half_way(const point *above, const point *below)
{
    double part = (above->efficiency - 0.5) / (above->efficiency - below->efficiency);
    return above->granularity + part * (below->granularity - above->granularity);
}

/* Iterations from which the search goes down: enough for half of the peak, if any are. */
static bool find_start(br_graph *g, const br_context *ctx, int *iterations, double peak, int runs)
{
    point p = {0};
    for (*iterations = FEW_ITERATIONS; *iterations < MOST_ITERATIONS; *iterations *= 4) {
        if (!measure_point(g, ctx, *iterations, peak, runs, &p))
            return false;
        if (p.efficiency >= 0.5)
            break;
    }
    return true;
}

static bool find_metg(br_context *ctx, const struct pattern *pattern, int width, double peak,
                      int runs, double *metg)
{
    int iterations;
    br_graph *g = make(ctx, pattern, width, &iterations);
    point above = {0}, here = {0};
    bool good = find_start(g, ctx, &iterations, peak, runs);
    while (good && iterations > 0) {
        above = here;
        good = measure_point(g, ctx, iterations, peak, runs, &here);
        if (here.efficiency < 0.5)
            break;
        iterations = iterations > 8 ? iterations * 3 / 4 : iterations - 1;
    }
    *metg =
        above.efficiency > 0 && here.efficiency < 0.5 ? half_way(&above, &here) : here.granularity;
    br_graph_free(g);
    return good;
}

bool bench_metg(const bench_options *options)
{
    br_context *ctx = br_open(NULL, NULL);
    int threads = br_num_threads(ctx);
    bool good = br_error_status(ctx) == BR_OK;
    double peak = good ? peak_rate(threads, options->runs) : 0;
    if (!options->json && good)
        printf("%-12s %6s  METG(50 %%) in us, %d threads\n", "pattern", "width", threads);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        for (size_t k = 0; good && k < sizeof widths / sizeof *widths; k++) {
            double metg = 0;
            good = find_metg(ctx, &patterns[i], widths[k], peak, options->runs, &metg);
            printf(options->json ? "{\"pattern\":\"%s\",\"width\":%d,\"metg_us\":%.3f}\n"
                                 : "%-12s %6d %8.3f\n",
                   patterns[i].name, widths[k], metg * 1e6);
            fflush(stdout);
        }
    return br_close(ctx) == 0 && good;
}
