/* SPDX-License-Identifier: BSD-3-Clause
 * chunks.c - what a task of an array costs: arrays of very many chunks of one element each.
 *
 * There is next to nothing to compute, so the time is that of emission, records, scheduling and of
 * starting a block program. Graph memory is what the process has touched beyond what it had before
 * the run, the result included there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/tasks.h"

enum { MOST_GRAPH_MIB = 1024, SOME_CHUNKS = 1 << 18, MANY_CHUNKS = 100000000 };

typedef struct chunks_run {
    br_context *ctx;
    int64_t n;
    unsigned char *out;  /* n bytes, touched */
    double build, total; /* seconds: building the nodes alone, and with the run */
} chunks_run;

static br_array *numbers(chunks_run *r)
{
    return br_arange(r->ctx, BR_NUM(0), BR_NUM(r->n), .chunks = BR_CHUNKS(1));
}

/* x % 7 < 3, written into memory. */
static bool map(chunks_run *r)
{
    double begin = bench_now();
    br_array *y = br_less(br_remainder(numbers(r), 7), 3);
    r->build = bench_now() - begin;
    bool good = br_compute(y, r->out, (size_t)r->n) == BR_OK;
    r->total = bench_now() - begin;
    for (int64_t i = 0; good && i < r->n; i++)
        good = r->out[i] == (i % 7 < 3);
    return good;
}

static bool sum(chunks_run *r)
{
    int64_t value = 0;
    double begin = bench_now();
    br_array *y = br_sum(numbers(r));
    r->build = bench_now() - begin;
    bool good = br_compute_i64(y, &value) == BR_OK;
    r->total = bench_now() - begin;
    return good && value == r->n * (r->n - 1) / 2;
}

/* Two passes, of which the first one comes before the second: sum(|x - mean(x)|). */
static bool deviation(chunks_run *r)
{
    double value = 0;
    double half = (double)(r->n / 2);
    double expected = r->n % 2 == 0 ? half * half : half * (half + 1);
    double begin = bench_now();
    br_array *x = numbers(r);
    br_array *y = br_sum(br_abs(br_sub(x, br_mean(x))));
    r->build = bench_now() - begin;
    bool good = br_compute_f64(y, &value) == BR_OK;
    r->total = bench_now() - begin;
    return good && value > expected * (1 - 1e-12) && value < expected * (1 + 1e-12);
}

/* Chunks of two elements of which one operand's begin one later: the grid that is cut wherever
 * either is has as many chunks as both together. */
static bool phases(chunks_run *r)
{
    int64_t value = 0;
    int64_t n = r->n;
    double begin = bench_now();
    br_array *x = br_arange(r->ctx, BR_NUM(0), BR_NUM(n), .chunks = BR_CHUNKS(2));
    br_array *y = br_arange(r->ctx, BR_NUM(0), BR_NUM(n + 1), .chunks = BR_CHUNKS(2));
    br_array *z = br_sum(br_add(x, br_index(y, "1:")));
    r->build = bench_now() - begin;
    bool good = br_compute_i64(z, &value) == BR_OK;
    r->total = bench_now() - begin;
    return good && value == n * n;
}

/* Chunks of two elements, and behind them as many of three: a grid that is no arithmetic. */
static bool joined(chunks_run *r)
{
    int64_t value = 0;
    int64_t half = r->n / 2;
    int64_t ends[2] = {2 * half, 3 * half};
    double begin = bench_now();
    br_array *x = br_arange(r->ctx, BR_NUM(0), BR_NUM(ends[0]), .chunks = BR_CHUNKS(2));
    br_array *y = br_arange(r->ctx, BR_NUM(0), BR_NUM(ends[1]), .chunks = BR_CHUNKS(3));
    br_array *z = br_sum(br_concat(BR_ARRAYS(x, y)));
    r->build = bench_now() - begin;
    bool good = br_compute_i64(z, &value) == BR_OK;
    r->total = bench_now() - begin;
    return good && value == ends[0] * (ends[0] - 1) / 2 + ends[1] * (ends[1] - 1) / 2;
}

static const struct shape {
    const char *name;
    bool (*run)(chunks_run *r);
} shapes[] = {{"array-map", map},
              {"array-sum", sum},
              {"array-deviation", deviation},
              {"array-phases", phases},
              {"array-joined", joined}};

/* ---- memory ---- */

/* MiB of a line of /proc/self/status; negative without it. */
static double status_mib(const char *name)
{
    char line[256];
    double kib = -1024;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kib = atof(line + strlen(name) + 1);
    if (f != NULL)
        fclose(f);
    return kib / 1024;
}

/* From here on VmHWM is the highest since now. */
static void forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f == NULL)
        return;
    fputs("5", f);
    fclose(f);
}

/* ---- runs ---- */

typedef struct cost {
    double build, total, graph_mib; /* least seconds, largest memory */
    double tasks;                   /* a chunk */
} cost;

static bool measure_shape(const struct shape *shape, chunks_run *r, int runs, cost *c)
{
    for (int run = 0; run < runs; run++) {
        br_scope *scope = br_scope_open(r->ctx);
        br_run_info info = {0};
        forget_peak();
        double before = status_mib("VmRSS");
        bool good = shape->run(r);
        double more = status_mib("VmHWM") - before;
        if (!good)
            return bench_fail("%s: %s", shape->name,
                              *br_message(r->ctx) != '\0' ? br_message(r->ctx) : "wrong result");
        br_last_run(r->ctx, &info);
        br_scope_close(scope);
        c->total = run == 0 || r->total < c->total ? r->total : c->total;
        c->build = run == 0 || r->build < c->build ? r->build : c->build;
        c->graph_mib = more > c->graph_mib ? more : c->graph_mib;
        c->tasks = (double)info.tasks / (double)r->n;
    }
    return true;
}

static void print_cost(const struct shape *shape, const chunks_run *r, const cost *c, bool json)
{
    double ns = c->total * 1e9 / (double)r->n;
    printf(json ? "{\"graph\":\"%s\",\"chunks\":%" PRId64 ",\"threads\":%d,\"ns_per_chunk\":%.1f,"
                  "\"ns_per_task\":%.1f,\"tasks_per_chunk\":%.2f,\"build_us\":%.1f,"
                  "\"graph_mib\":%.1f}\n"
                : "%-16s %10" PRId64 " %7d %9.1f %9.1f %9.2f %9.1f %9.1f\n",
           shape->name, r->n, br_num_threads(r->ctx), ns, ns / c->tasks, c->tasks, c->build * 1e6,
           c->graph_mib);
    fflush(stdout);
}

static bool run_shapes(const bench_options *options, int64_t chunks, int runs)
{
    chunks_run r = {.ctx = br_open(NULL, NULL), .n = chunks};
    bool good = br_error_status(r.ctx) == BR_OK;
    r.out = malloc((size_t)chunks);
    if (r.out == NULL)
        good = bench_fail("no memory for %" PRId64 " chunks", chunks);
    else
        memset(r.out, 1, (size_t)chunks);
    for (size_t i = 0; good && i < sizeof shapes / sizeof *shapes; i++) {
        cost c = {0};
        good = measure_shape(&shapes[i], &r, runs, &c);
        if (good)
            print_cost(&shapes[i], &r, &c, options->json);
        if (good && c.graph_mib > MOST_GRAPH_MIB)
            good = bench_fail("%s: %.0f MiB of graph memory, at most %d are promised",
                              shapes[i].name, c.graph_mib, MOST_GRAPH_MIB);
    }
    free(r.out);
    return br_close(r.ctx) == 0 && good;
}

static void print_header(const bench_options *options)
{
    if (!options->json)
        printf("%-16s %10s %7s %9s %9s %9s %9s %9s\n", "arrays", "chunks", "threads", "ns/chunk",
               "ns/task", "tasks", "build us", "graph MiB");
}

bool bench_chunks(const bench_options *options, int threads)
{
    char number[16];
    snprintf(number, sizeof number, "%d", threads);
    setenv("BRAMBLE_NUM_THREADS", number, 1);
    print_header(options);
    return run_shapes(options, options->chunks > 0 ? options->chunks : SOME_CHUNKS,
                      options->runs + 1);
}

bool bench_many(const bench_options *options)
{
    print_header(options);
    return run_shapes(options, options->chunks > 0 ? options->chunks : MANY_CHUNKS, 1);
}
