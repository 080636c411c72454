/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_idle.c - prints what each rank costs between two computes over arrays, while rank 0 sleeps,
 * or, with the argument "compute", computes something of its own; started by test_mpi_costs.sh and
 * test_mpi_costs_hosts.sh.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bramble/bramble.h>

enum { SECONDS = 4 };

static double clock_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of all threads of the rank that runs this, since it began. */
static int processor_seconds(br_task *task, const void *args, size_t bytes)
{
    double used = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    (void)args, (void)bytes;
    return br_task_return(task, &used, sizeof used);
}

/* All ranks have chunks, read those of others, and keep some. */
static br_status work(br_context *ctx)
{
    double sum;
    br_array *x = br_persist(br_random_uniform(ctx, BR_SHAPE(1024, 1024), .seed = BR_NUM(1),
                                               .chunks = BR_CHUNKS(128, 1024)));
    return br_compute_f64(br_sum(br_matmul(x, x)), &sum);
}

static void wait_for_a_while(bool computes)
{
    double until = clock_seconds(CLOCK_MONOTONIC) + SECONDS;
    while (clock_seconds(CLOCK_MONOTONIC) < until)
        if (!computes)
            sleep(SECONDS);
}

static br_status used_by_all(br_context *ctx, double *used)
{
    return br_run_on(ctx, NULL, processor_seconds, .results = used, .each = sizeof *used);
}

static br_status measure(br_context *ctx, bool computes, double *before, double *after)
{
    br_status st = work(ctx);
    double begun = clock_seconds(CLOCK_MONOTONIC);
    st = st == BR_OK ? used_by_all(ctx, before) : st;
    wait_for_a_while(computes);
    st = st == BR_OK ? used_by_all(ctx, after) : st;
    double seconds = clock_seconds(CLOCK_MONOTONIC) - begun;
    for (int r = 0; st == BR_OK && r < br_num_ranks(ctx); r++)
        printf("between computes rank %d: %.2f %% of a core\n", r,
               100 * (after[r] - before[r]) / seconds);
    return st == BR_OK ? work(ctx) : st;
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    size_t n = (size_t)br_num_ranks(ctx);
    double *used = calloc(2 * n, sizeof *used);
    br_status st = measure(ctx, argc > 1 && strcmp(argv[1], "compute") == 0, used, used + n);
    free(used);
    return br_close(ctx) != 0 || st != BR_OK;
}
