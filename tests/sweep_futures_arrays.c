/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_futures_arrays.c - tasks and arrays under every scheduler: results that are chunks, chunks
 * that are results, tasks that compute, computes that wait for tasks.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "tests/sweep.h"
#include "tests/task_samples.h"

/* ---- beside arrays ---- */

static void beside_arrays(void)
{
    bool good = true;
    for (int round = 0; round < 10; round++) {
        br_future *f[40];
        int64_t us = 100, sum = 0;
        for (int i = 0; i < 40; i++)
            f[i] = br_submit(sweep.ctx, busy, &us, sizeof us);
        br_array *x = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(1000), .chunks = BR_CHUNKS(64));
        good = good && br_compute_i64(br_sum(x), &sum) == BR_OK && sum == 499500;
        good = good && br_wait_all(f, 40) == BR_OK;
        for (int i = 0; i < 40; i++)
            br_future_free(f[i]);
    }
    check(good, "beside arrays");
}

/* ---- results as chunks, chunks as results ---- */

typedef struct slice {
    int64_t first, n;
} slice;

/* A chunk of a wave, wherever it is made. */
static int wave(br_task *task, const void *args, size_t bytes)
{
    const slice *s = args;
    double *x = br_task_result(task, (size_t)s->n * sizeof *x);
    for (int64_t i = 0; x != NULL && i < s->n; i++)
        x[i] = (double)((s->first + i) * (s->first + i) % 1009) / 7;
    return bytes == sizeof *s && x != NULL ? 0 : -1;
}

enum { PARTS = 12, EACH = 5000 };

/* Tasks on all ranks make chunks of an array, which all ranks compute with. */
static br_array *from_tasks(br_future *f[PARTS])
{
    for (int i = 0; i < PARTS; i++) {
        slice s = {(int64_t)i * EACH, EACH};
        int rank = i % br_num_ranks(sweep.ctx);
        f[i] = br_submit(sweep.ctx, wave, &s, sizeof s, .on = BR_RANK(rank));
    }
    return br_from_futures(sweep.ctx, f, PARTS, BR_FLOAT64, BR_SHAPE(PARTS * EACH));
}

static void free_all(br_future *f[PARTS])
{
    for (int i = 0; i < PARTS; i++)
        br_future_free(f[i]);
}

static void futures_and_arrays(void)
{
    static double got[PARTS * EACH], back[PARTS * EACH];
    br_future *f[PARTS], *g[PARTS], *h[PARTS];
    double mean = 0, sums[PARTS], again = 0;
    br_array *x = from_tasks(f);
    bool good = br_compute(br_sqrt(x), got, sizeof got) == BR_OK;
    for (int64_t i = 0; i < PARTS * EACH; i++)
        good = good && got[i] == sqrt((double)(i * i % 1009) / 7);
    check(good, "results are chunks");
    good = br_compute_f64(br_mean(br_index(x, "::3")), &mean) == BR_OK;
    printf("mean %.17g\n", mean);
    check(good, "a slice of them");
    check(br_to_futures(br_sqrt(x), g, PARTS) == BR_OK, "chunks are futures");
    br_array *y = br_from_futures(sweep.ctx, g, PARTS, BR_FLOAT64, BR_SHAPE(PARTS * EACH));
    good = br_compute(y, back, sizeof back) == BR_OK && memcmp(got, back, sizeof got) == 0;
    check(good, "there and back");
    for (int i = 0; i < PARTS; i++)
        h[i] = br_submit(sweep.ctx, add_up, NULL, 0, .deps = {&g[i], 1});
    y = br_from_futures(sweep.ctx, h, PARTS, BR_FLOAT64, BR_SHAPE(PARTS));
    good = br_compute(y, sums, sizeof sums) == BR_OK;
    for (int i = 0; i < PARTS; i++) {
        double want = 0;
        for (int k = 0; k < EACH; k++)
            want += got[i * EACH + k];
        good = good && sums[i] == want;
    }
    good = good && br_compute_f64(br_sum(y), &again) == BR_OK;
    printf("sum %.17g\n", again);
    check(good, "tasks on chunks are chunks");
    free_all(f), free_all(g), free_all(h);
}

/* Part i has i + 1 elements: reversed and added up with a regular array. */
static void unequal_chunks(void)
{
    enum { ALL = PARTS * (PARTS + 1) / 2 };
    int64_t extents[PARTS];
    double got[ALL];
    br_future *f[PARTS];
    for (int64_t i = 0, first = 0; i < PARTS; first += i + 1, i++) {
        slice s = {first, i + 1};
        extents[i] = s.n;
        f[i] = br_submit(sweep.ctx, wave, &s, sizeof s,
                         .on = BR_RANK((int)i % br_num_ranks(sweep.ctx)));
    }
    br_array *x = br_from_futures(sweep.ctx, f, PARTS, BR_FLOAT64, BR_SHAPE(ALL),
                                  .chunk_lists = {{extents, PARTS}});
    br_array *y = br_arange(sweep.ctx, BR_NUM(0.0), BR_NUM(ALL), .chunks = BR_CHUNKS(7));
    bool good = br_compute(br_add(br_index(x, "::-1"), y), got, sizeof got) == BR_OK;
    for (int64_t i = 0; i < ALL; i++) {
        int64_t at = ALL - 1 - i;
        good = good && got[i] == (double)(at * at % 1009) / 7 + (double)i;
    }
    check(good, "results of unequal lengths");
    free_all(f);
}

static void compute_before_tasks(void)
{
    static double got[PARTS * EACH];
    br_future *f[PARTS], *after[PARTS];
    int ranks = br_num_ranks(sweep.ctx), rank = -1;
    br_future *flight = br_compute_async(from_tasks(f), got, sizeof got);
    bool good = true;
    for (int i = 0; i < PARTS; i++)
        after[i] =
            br_submit(sweep.ctx, where, NULL, 0, .deps = {&flight, 1}, .on = BR_RANK(i % ranks));
    for (int i = PARTS - 1; i >= 0; i--)
        good = good && br_future_result(after[i], &rank, sizeof rank) == BR_OK &&
               rank == i % ranks && br_test(flight);
    check(good && got[PARTS * EACH - 1] > 0, "tasks after a compute");
    br_future_free(flight);
    free_all(f), free_all(after);
}

/* ---- waits that lead to each other ---- */

static _Atomic(br_future *) goal; /* on rank 0 */
static atomic_bool main_waits;    /* others may build */

static int computes(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    int64_t sum = 0;
    br_context *ctx = br_task_context(task);
    while (br_task_rank(task) == 0 && !atomic_load(&main_waits))
        spin(100);
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(1000), .chunks = BR_CHUNKS(64));
    if (br_compute_i64(br_sum(x), &sum) != BR_OK)
        return br_task_fail(task, "%s", br_message(ctx));
    return br_task_return(task, &sum, sizeof sum);
}

static void computes_in_tasks(void)
{
    int64_t sum = 0;
    int last = br_num_ranks(sweep.ctx) - 1;
    atomic_store(&main_waits, true);
    br_future *f = br_submit(sweep.ctx, computes, NULL, 0, .on = BR_RANK(0));
    check(br_future_result(f, &sum, sizeof sum) == BR_OK && sum == 499500, "a task computes");
    f = br_submit(sweep.ctx, computes, NULL, 0, .on = BR_RANK(last));
    bool good = br_wait(f) == (last == 0 ? BR_OK : BR_EUNSUPPORTED);
    check(good && (last == 0 || strstr(br_future_message(f), "rank 0") != NULL),
          "a task on the last rank computes");
}

/* On rank 0 the chunks wait for a task. */
static int waits(const br_block *inputs, int ninputs, const br_block *output, const void *data)
{
    (void)data, (void)ninputs;
    memcpy(output->data, inputs[0].data, (size_t)output->extent[0] * sizeof(int64_t));
    br_future *f = atomic_load(&goal);
    return f == NULL || br_wait(f) == BR_OK ? 0 : 1;
}

/* A compute in flight waits for a task that computes. Where the second compute might have to wait
 * for the first one (several ranks) one of the two is refused; nothing hangs. */
static void flight_and_task(void)
{
    int64_t sum = 0, buffer[64];
    bool one = br_num_ranks(sweep.ctx) == 1;
    br_array *x = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(64), .chunks = BR_CHUNKS(4));
    atomic_store(&main_waits, strcmp(br_scheduler(sweep.ctx), "sync") == 0);
    br_future *task = br_submit(sweep.ctx, computes, NULL, 0, .on = BR_RANK(0), .name = "inner");
    atomic_store(&goal, task);
    br_future *flight = br_compute_async(br_map_blocks(x, waits), buffer, sizeof buffer);
    atomic_store(&main_waits, true);
    br_status first = br_wait(flight);
    br_status second = br_future_result(task, &sum, sizeof sum);
    bool good = (first == BR_OK || !one) && (second == BR_OK || !one);
    good = good && (first != BR_OK || buffer[63] == 63) && (second != BR_OK || sum == 499500);
    good = good && (second == BR_OK || strstr(br_future_message(task), "task inner") != NULL);
    if (!good)
        fprintf(stderr, "%s | %s\n", br_future_message(flight), br_future_message(task));
    atomic_store(&goal, NULL);
    br_clear_error(sweep.ctx);
    check(good, "a compute waits for a task that computes");
}

/* Of rank 0's chunks: until main has handed the task in. */
static int waits_for_main(const br_block *inputs, int ninputs, const br_block *output,
                          const void *data)
{
    while (atomic_load(&main_waits) && atomic_load(&goal) == NULL)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return waits(inputs, ninputs, output, data);
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

/* Another rank has done its part of a compute, whose end waits for a task that it gets then. The
 * second compute has its threads change their places. */
static void task_elsewhere_meanwhile(void)
{
    int64_t sum = 0, buffer[64];
    int rank = -1;
    int last = br_num_ranks(sweep.ctx) - 1;
    br_array *x = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(64), .chunks = BR_CHUNKS(4));
    atomic_store(&main_waits, last > 0);
    br_future *flight = br_compute_async(br_map_blocks(x, waits_for_main), buffer, sizeof buffer);
    pause_briefly();
    br_future *second = br_compute_async(br_sum(x), &sum, sizeof sum);
    pause_briefly();
    br_future *task = br_submit(sweep.ctx, where, NULL, 0, .on = BR_RANK(last));
    pause_briefly();
    atomic_store(&goal, task);
    bool good = br_wait(flight) == BR_OK && br_wait(second) == BR_OK && sum == 2016;
    good = br_future_result(task, &rank, sizeof rank) == BR_OK && rank == last && good;
    atomic_store(&goal, NULL);
    check(good && buffer[63] == 63, "a compute waits for a task on the last rank");
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    beside_arrays();
    futures_and_arrays();
    unequal_chunks();
    compute_before_tasks();
    computes_in_tasks();
    flight_and_task();
    task_elsewhere_meanwhile();
    return sweep_close();
}
