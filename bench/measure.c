/* SPDX-License-Identifier: BSD-3-Clause
 * measure.c - ours and the limit by turns, so that a slow minute of the machine slows both.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/bench.h"

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Idle threads of OpenBLAS and of bramble spin a while after their last work; each run waits until
 * they sleep. */
static void settle(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
}

static double sum_of_output(const bench *b)
{
    double sum = 0;
    size_t n = b->out_bytes / br_dtype_size(b->out_dtype);
    for (size_t i = 0; i < n; i++)
        sum +=
            b->out_dtype == BR_FLOAT32 ? ((const float *)b->out)[i] : ((const double *)b->out)[i];
    return sum;
}

static bool run(bench *b, bench_step *step, double *seconds)
{
    b->value = 0;
    if (b->out)
        memset(b->out, 0, b->out_bytes);
    settle();
    double start = bench_now();
    br_scope *scope = br_scope_open(b->ctx);
    bool good = step(b);
    br_scope_close(scope);
    *seconds = bench_now() - start;
    if (good && b->out)
        b->value += sum_of_output(b);
    return good;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, compare);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* The limit does the same sums in another order, partly in float32. */
static bool agree(const bench *b, double ours, double limit)
{
    double tolerance = b->tolerance > 0 ? b->tolerance : 1e-5;
    return fabs(ours - limit) <= tolerance * fabs(limit) ||
           bench_fail("%s: bramble gives %.17g, the limit %.17g", b->row->name, ours, limit);
}

static bool pair_of_runs(bench *b, double *ours, double *limit)
{
    if (!run(b, b->row->ours, ours)) /* br_close says why */
        return false;
    double value = b->value;
    return run(b, b->row->limit, limit) && agree(b, value, b->value);
}

bool bench_measure(bench *b, bench_result *result)
{
    int runs = b->options->runs;
    double warm, *times = calloc(2 * (size_t)runs, sizeof *times);
    bool good = times && pair_of_runs(b, &warm, &warm);
    for (int i = 0; good && i < runs; i++)
        good = pair_of_runs(b, &times[i], &times[runs + i]);
    if (good) {
        struct rusage use;
        getrusage(RUSAGE_SELF, &use);
        *result = (bench_result){median(times, runs), median(times + runs, runs),
                                 (double)use.ru_maxrss / 1024};
    }
    free(times);
    return good;
}

bool bench_close(bench *b)
{
    bool good = br_close(b->ctx) == 0;
    free(b->x);
    free(b->y);
    free(b->out);
    free(b->file.chunks);
    return good;
}
