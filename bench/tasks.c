/* SPDX-License-Identifier: BSD-3-Clause
 * tasks.c - ns a task of br_graph on five shapes, beside the floor (one thread calls the functions
 * in order) and oneTBB. Building is timed too, as each round's graph is new. Then those of arrays
 * (chunks.c).
 */
#include "bench/tasks.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS = 1 << 20, WAVE = 1024, CHUNKS = 1 << 18, FAN_IN = 4, MOST_AFTER = 4 };

/* What task t comes after: how many, into `after`. */
typedef int shape_rule(int64_t t, uint32_t *after);

static int independent(int64_t t, uint32_t *after)
{
    (void)t, (void)after;
    return 0;
}

static int chain(int64_t t, uint32_t *after)
{
    after[0] = (uint32_t)t - 1;
    return t > 0;
}

static int tree(int64_t t, uint32_t *after)
{
    int64_t leaves = TASKS;
    if (t < leaves)
        return 0;
    after[0] = (uint32_t)(2 * (t - leaves));
    after[1] = after[0] + 1;
    return 2;
}

static int wavefront(int64_t t, uint32_t *after)
{
    int n = 0;
    if (t >= WAVE)
        after[n++] = (uint32_t)t - WAVE;
    if (t % WAVE > 0)
        after[n++] = (uint32_t)t - 1;
    return n;
}

/* dask's reduction: load, map, reduce each chunk, then a tree of four. */
static int map_tree(int64_t t, uint32_t *after)
{
    if (t < CHUNKS)
        return 0;
    if (t < 3 * CHUNKS) {
        after[0] = (uint32_t)(t - CHUNKS);
        return 1;
    }
    for (uint32_t k = 0; k < FAN_IN; k++)
        after[k] = (uint32_t)(2 * CHUNKS + FAN_IN * (t - 3 * CHUNKS)) + k;
    return FAN_IN;
}

static const struct shape {
    const char *name;
    int64_t n;
    shape_rule *rule;
} shapes[] = {
    {"independent", TASKS, independent},
    {"chain", TASKS, chain},
    {"tree", 2 * TASKS - 1, tree},
    {"wavefront", WAVE *WAVE, wavefront},
    {"map+tree", 3 * CHUNKS + (CHUNKS - 1) / (FAN_IN - 1), map_tree},
};

/* ---- graphs as lists ---- */

static void order(tasks_graph *g)
{
    int64_t edges = g->first_after[g->n];
    for (int64_t e = 0; e < edges; e++)
        g->first_next[g->after[e] + 2]++;
    for (int64_t t = 2; t < g->n + 2; t++)
        g->first_next[t] += g->first_next[t - 1];
    for (int64_t t = 0; t < g->n; t++)
        for (uint32_t e = g->first_after[t]; e < g->first_after[t + 1]; e++)
            g->next[g->first_next[g->after[e] + 1]++] = (uint32_t)t;
}

static bool make(const struct shape *shape, tasks_graph *g)
{
    size_t n = (size_t)shape->n, room = MOST_AFTER * n;
    *g = (tasks_graph){shape->name,
                       shape->n,
                       calloc(n + 1, sizeof(uint32_t)),
                       malloc(room * sizeof(uint32_t)),
                       calloc(n + 2, sizeof(uint32_t)),
                       malloc(room * sizeof(uint32_t)),
                       calloc(n, 1)};
    if (!g->first_after || !g->after || !g->first_next || !g->next || !g->done)
        return bench_fail("no memory for %lld tasks", (long long)shape->n);
    for (int64_t t = 0; t < shape->n; t++) {
        uint32_t at = g->first_after[t];
        g->first_after[t + 1] = at + (uint32_t)shape->rule(t, g->after + at);
    }
    order(g);
    return true;
}

static void drop(tasks_graph *g)
{
    free(g->first_after);
    free(g->after);
    free(g->first_next);
    free(g->next);
    free(g->done);
}

static bool all_done(tasks_graph *g)
{
    for (int64_t t = 0; t < g->n; t++)
        if (!g->done[t])
            return bench_fail("%s: task %lld did not run", g->name, (long long)t);
    memset(g->done, 0, (size_t)g->n);
    return true;
}

/* ---- timed ---- */

static int body(void *data, int64_t task)
{
    tasks_body(data, task);
    return 0;
}

/* Building and running; *build is the first part. */
static bool ours(br_context *ctx, tasks_graph *g, double *build, double *total)
{
    double begin = bench_now();
    br_graph *graph = br_graph_new(ctx);
    int64_t after[MOST_AFTER];
    for (int64_t t = 0; t < g->n; t++) {
        size_t n = 0;
        for (uint32_t e = g->first_after[t]; e < g->first_after[t + 1]; e++)
            after[n++] = g->after[e];
        br_graph_add(graph, body, g, after, n);
    }
    *build = bench_now() - begin;
    bool good = br_graph_run(graph) == BR_OK;
    *total = bench_now() - begin;
    br_graph_free(graph);
    return good && all_done(g);
}

/* A call through a pointer for each task. */
static double the_floor(tasks_graph *g)
{
    br_task_function *volatile call = body;
    double begin = bench_now();
    for (int64_t t = 0; t < g->n; t++)
        call(g, t);
    return bench_now() - begin;
}

typedef struct cost {
    double build, total, floor, tbb; /* the least of all rounds */
} cost;

static void least(double *best, double seconds)
{
    *best = *best == 0 || seconds < *best ? seconds : *best;
}

static bool measure_graph(br_context *ctx, tasks_graph *g, int runs, cost *c)
{
    for (int run = 0; run <= runs; run++) {
        double build, total;
        if (!ours(ctx, g, &build, &total))
            return false;
        double tbb = tasks_run_tbb(g, br_num_threads(ctx));
        if (tbb >= 0 && !all_done(g))
            return false;
        if (run > 0) {
            least(&c->build, build);
            least(&c->total, total);
            least(&c->tbb, tbb);
        }
        least(&c->floor, the_floor(g));
        memset(g->done, 0, (size_t)g->n);
    }
    return true;
}

static void print_cost(const tasks_graph *g, int threads, bool json, const cost *c)
{
    double ns = 1e9 / (double)g->n;
    if (json)
        printf("{\"graph\":\"%s\",\"threads\":%d,\"ns_per_task\":%.1f,\"build_ns\":%.1f,"
               "\"floor_ns\":%.1f,\"tbb_ns\":",
               g->name, threads, c->total * ns, c->build * ns, c->floor * ns);
    else
        printf("%-12s %7d %9.1f %9.1f %9.1f ", g->name, threads, c->total * ns, c->build * ns,
               c->floor * ns);
    if (c->tbb < 0)
        printf(json ? "null}\n" : "%9s\n", "-");
    else
        printf(json ? "%.1f}\n" : "%9.1f\n", c->tbb * ns);
}

static bool run_threads(const bench_options *options, int threads)
{
    char number[16];
    snprintf(number, sizeof number, "%d", threads);
    setenv("BRAMBLE_NUM_THREADS", number, 1);
    br_context *ctx = br_open(NULL, NULL);
    bool good = br_error_status(ctx) == BR_OK;
    for (size_t i = 0; good && i < sizeof shapes / sizeof *shapes; i++) {
        tasks_graph g;
        cost c = {0};
        good = make(&shapes[i], &g) && measure_graph(ctx, &g, options->runs, &c);
        if (good)
            print_cost(&g, br_num_threads(ctx), options->json, &c);
        drop(&g);
    }
    return br_close(ctx) == 0 && good;
}

bool bench_tasks(const bench_options *options)
{
    if (!options->json)
        printf("%-12s %7s %9s %9s %9s %9s\n", "ns a task", "threads", "ours", "of it built",
               "floor", "oneTBB");
    if (options->threads > 0)
        return run_threads(options, options->threads) && bench_chunks(options, options->threads);
    return run_threads(options, 1) && run_threads(options, 2) && bench_chunks(options, 1) &&
           bench_chunks(options, 2);
}
