/* SPDX-License-Identifier: BSD-3-Clause
 * futures.c - what br_submit costs: ns a future handed in and waited for, the latency of one, and
 * how much of the machine's time tasks of some length get, on threads or (under mpirun) over ranks.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/tasks.h"

/* So many at a time, so that their memory is warm, and so many times. */
enum { FUTURES = 2000, ROUNDS = 50, ALONE = 500, LOCAL_ALONE = 20000 };

static int nothing(br_task *task, const void *args, size_t bytes)
{
    return br_task_return(task, args, bytes);
}

static int spin(br_task *task, const void *args, size_t bytes)
{
    double until = bench_now() + *(const double *)args;
    (void)bytes;
    while (bench_now() < until)
        ;
    return br_task_return(task, args, sizeof(double));
}

/* ---- one measurement: seconds, negative after a failure ---- */

typedef double measurement(br_context *ctx);

static double give_up(br_context *ctx)
{
    bench_fail("futures: %s", br_message(ctx));
    return -1;
}

static double eager(br_context *ctx)
{
    br_future **f = malloc(FUTURES * sizeof *f);
    bool good = true;
    double begin = bench_now();
    for (int64_t i = 0; i < FUTURES; i++)
        f[i] = br_submit(ctx, nothing, &i, sizeof i);
    for (int64_t i = 0, got; i < FUTURES; i++) {
        good = good && br_future_result(f[i], &got, sizeof got) == BR_OK && got == i;
        br_future_free(f[i]);
    }
    double seconds = bench_now() - begin;
    free(f);
    return good ? seconds / FUTURES : give_up(ctx);
}

static double many(br_context *ctx)
{
    br_future **f = malloc(FUTURES * sizeof *f);
    int64_t *x = malloc(FUTURES * sizeof *x);
    for (int64_t i = 0; i < FUTURES; i++)
        x[i] = i;
    double begin = bench_now();
    bool good = br_submit_many(ctx, nothing, x, sizeof *x, FUTURES, f) == BR_OK;
    for (int64_t i = 0, got; i < FUTURES; i++) {
        good = good && br_future_result(f[i], &got, sizeof got) == BR_OK && got == i;
        br_future_free(f[i]);
    }
    double seconds = bench_now() - begin;
    free(x);
    free(f);
    return good ? seconds / FUTURES : give_up(ctx);
}

static double completed(br_context *ctx)
{
    br_future **f = malloc(FUTURES * sizeof *f);
    int64_t *x = calloc(FUTURES, sizeof *x);
    double begin = bench_now();
    br_submit_many(ctx, nothing, x, sizeof *x, FUTURES, f);
    br_completed *c = br_as_completed(ctx, f, FUTURES);
    int n = 0;
    for (br_future *next; (next = br_next_completed(c)) != NULL; n++)
        br_future_free(next);
    double seconds = bench_now() - begin;
    br_completed_free(c);
    free(x);
    free(f);
    return n == FUTURES ? seconds / FUTURES : give_up(ctx);
}

static double chain(br_context *ctx)
{
    br_future **f = malloc(FUTURES * sizeof *f);
    int64_t zero = 0;
    double begin = bench_now();
    f[0] = br_submit(ctx, nothing, &zero, sizeof zero);
    for (int64_t i = 1; i < FUTURES; i++)
        f[i] = br_submit(ctx, nothing, &i, sizeof i, .deps = {&f[i - 1], 1});
    bool good = br_wait(f[FUTURES - 1]) == BR_OK;
    for (int64_t i = 0; i < FUTURES; i++)
        br_future_free(f[i]);
    double seconds = bench_now() - begin;
    free(f);
    return good ? seconds / FUTURES : give_up(ctx);
}

static double one_by_one(br_context *ctx, int n, br_rank_choice on)
{
    double begin = bench_now();
    for (int64_t i = 0, got; i < n; i++) {
        br_future *f = br_submit(ctx, nothing, &i, sizeof i, .on = on);
        if (br_future_result(f, &got, sizeof got) != BR_OK)
            return give_up(ctx);
        br_future_free(f);
    }
    return (bench_now() - begin) / n;
}

static double alone(br_context *ctx)
{
    return one_by_one(ctx, LOCAL_ALONE, BR_RANK(0));
}

static double alone_elsewhere(br_context *ctx)
{
    return one_by_one(ctx, ALONE, BR_RANK(br_num_ranks(ctx) - 1));
}

/* ---- how busy the threads are ---- */

static int threads_of_all(br_context *ctx)
{
    int threads = 0;
    br_rank_info info;
    for (int r = 0; r < br_num_ranks(ctx); r++)
        threads += br_rank(ctx, r, &info) == BR_OK ? info.threads : 0;
    return threads;
}

/* Tasks between half and one and a half times as long as given, long and short ones mixed. The
 * share of all threads' time that they get. */
static double efficiency(br_context *ctx, double length, double total)
{
    int threads = threads_of_all(ctx);
    int n = (int)(total * threads / length);
    br_future **f = malloc((size_t)n * sizeof *f);
    double *x = malloc((size_t)n * sizeof *x);
    double work = 0;
    for (int i = 0; i < n; i++) {
        x[i] = length * (0.5 + (double)(i * 7919LL % 1009) / 1009);
        work += x[i];
    }
    double begin = bench_now();
    br_submit_many(ctx, spin, x, sizeof *x, (size_t)n, f);
    bool good = br_wait_all(f, (size_t)n) == BR_OK;
    double seconds = bench_now() - begin;
    for (int i = 0; i < n; i++)
        br_future_free(f[i]);
    free(x);
    free(f);
    return good ? work / (seconds * threads) : give_up(ctx);
}

/* ---- tables ---- */

static const struct cost_row {
    const char *name;
    measurement *measure;
    bool ranks; /* only over several */
} costs[] = {
    {"submit, wait and free each", eager, false},
    {"submit_many", many, false},
    {"submit_many, as_completed", completed, false},
    {"a chain", chain, false},
    {"one at a time, on rank 0", alone, false},
    {"one at a time, on the last rank", alone_elsewhere, true},
};

static const double lengths[] = {10e-6, 100e-6, 1e-3, 10e-3, 100e-3};

static bool print_costs(br_context *ctx, const bench_options *options)
{
    int ranks = br_num_ranks(ctx), threads = threads_of_all(ctx);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        double best = 0;
        if (costs[i].ranks && ranks == 1)
            continue;
        int rounds = costs[i].ranks ? 1 : ROUNDS;
        for (int run = 0; run <= options->runs * rounds; run++) {
            double seconds = costs[i].measure(ctx);
            if (seconds < 0)
                return false;
            best = best == 0 || seconds < best ? seconds : best;
        }
        if (options->json)
            printf("{\"futures\":\"%s\",\"ranks\":%d,\"threads\":%d,\"ns\":%.1f}\n", costs[i].name,
                   ranks, threads, 1e9 * best);
        else
            printf("%-32s %5d %7d %9.1f ns\n", costs[i].name, ranks, threads, 1e9 * best);
    }
    return true;
}

static bool print_efficiency(br_context *ctx, const bench_options *options)
{
    int ranks = br_num_ranks(ctx), threads = threads_of_all(ctx);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        double best = 0;
        for (int run = 0; run <= options->runs; run++) {
            double share = efficiency(ctx, lengths[i], lengths[i] > 0.05 ? 1.0 : 0.5);
            if (share < 0)
                return false;
            best = share > best ? share : best;
        }
        if (options->json)
            printf("{\"futures\":\"efficiency\",\"seconds\":%g,\"ranks\":%d,\"threads\":%d,"
                   "\"efficiency\":%.3f}\n",
                   lengths[i], ranks, threads, best);
        else
            printf("tasks of %6.0f us %15s %5d %7d %9.3f of the threads' time\n", 1e6 * lengths[i],
                   "", ranks, threads, best);
    }
    return true;
}

static bool run_context(const bench_options *options, int threads)
{
    char number[16];
    snprintf(number, sizeof number, "%d", threads);
    setenv("BRAMBLE_NUM_THREADS", number, 1);
    br_context *ctx = br_open(NULL, NULL);
    bool good = br_error_status(ctx) == BR_OK && print_costs(ctx, options) &&
                print_efficiency(ctx, options);
    return br_close(ctx) == 0 && good;
}

bool bench_futures(const bench_options *options)
{
    bool several = getenv("OMPI_COMM_WORLD_SIZE") != NULL;
    if (!options->json && !several)
        printf("%-32s %5s %7s %9s\n", "a future", "ranks", "threads", "");
    if (several || options->threads > 0)
        return run_context(options, options->threads > 0 ? options->threads : 1);
    return run_context(options, 1) && run_context(options, 2);
}
