/* SPDX-License-Identifier: BSD-3-Clause
 * test_futures_wait.c - waits inside tasks, of arrays and handed in: what can end does, what cannot
 * is an error with names, and nothing hangs.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "scheduler/futures/store.h"
#include "tests/copies.h"
#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/tasks.h"

/* ---- what they wait for ---- */

static _Atomic(br_future *) goal; /* what waits_for_goal waits for */
static _Atomic(br_array *) large;
static atomic_int begun, passed;
static atomic_bool main_waits; /* so that others may build */

static br_future *goal_now(void)
{
    while (atomic_load(&goal) == NULL)
        pause_ms(1);
    return atomic_load(&goal);
}

static void reset(void)
{
    atomic_store(&goal, NULL);
    atomic_store(&large, NULL);
    atomic_store(&begun, 0);
    atomic_store(&passed, 0);
    atomic_store(&main_waits, false);
}

/* On blocks, which it copies. */
static int waits_in_array(const br_block *inputs, int ninputs, const br_block *output,
                          const void *data)
{
    (void)data, (void)ninputs;
    atomic_fetch_add(&begun, 1);
    br_status st = br_wait(goal_now());
    atomic_fetch_add(&passed, st == BR_OK);
    memcpy(output->data, inputs[0].data, (size_t)output->extent[0] * sizeof(double));
    return st == BR_OK ? 0 : (int)st;
}

static br_array *ramp(br_context *ctx, int64_t n, int64_t chunk)
{
    return br_arange(ctx, BR_NUM(0.0), BR_NUM(n), .chunks = BR_CHUNKS(chunk));
}

static int computes(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    double sum = -1;
    while (!atomic_load(&main_waits))
        pause_ms(1);
    br_array *x = atomic_load(&large);
    if (x == NULL)
        x = br_sum(ramp(br_task_context(task), 1000, 10));
    if (br_compute_f64(x, &sum) != BR_OK)
        return br_task_fail(task, "%s", br_message(br_task_context(task)));
    return br_task_return(task, &sum, sizeof sum);
}

/* ---- computes in tasks ---- */

START_TEST(test_compute_in_task)
{
    br_context *ctx = open_with(thread_counts[_i]);
    reset();
    atomic_store(&main_waits, true);
    for (int i = 0; i < 20; i++) {
        double sum = 0;
        br_future *f = br_submit(ctx, computes, NULL, 0);
        ck_assert_msg(br_future_result(f, &sum, sizeof sum) == BR_OK, "%s", br_message(ctx));
        ck_assert_double_eq(sum, 499500);
        br_future_free(f);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* A compute in flight waits for a task that computes, and there is room for both. */
START_TEST(test_compute_in_awaited_task)
{
    br_context *ctx = open_with(thread_counts[_i]);
    double buffer[64], sum = 0;
    reset();
    br_future *task = br_submit(ctx, computes, NULL, 0);
    atomic_store(&goal, task);
    br_array *x = br_map_blocks(ramp(ctx, 64, 8), waits_in_array);
    atomic_store(&main_waits, thread_counts[_i] == 0); /* it runs in the call */
    br_future *flight = br_compute_async(x, buffer, sizeof buffer);
    atomic_store(&main_waits, true);
    ck_assert_msg(br_wait(flight) == BR_OK, "%s", br_message(ctx));
    ck_assert_msg(br_future_result(task, &sum, sizeof sum) == BR_OK, "%s", br_message(ctx));
    ck_assert_double_eq(sum, 499500);
    ck_assert_double_eq(buffer[63], 63);
    ck_assert_int_eq(atomic_load(&passed), 8);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* The same without room: the task's compute would have to wait for the one in flight, if that has
 * begun. */
START_TEST(test_turn_that_never_comes)
{
    enum { NUMBERS = 1 << 19, CHUNK = NUMBERS / 4 };
    setenv("BRAMBLE_MEMORY_LIMIT", "8M", 1);
    br_context *ctx = open_with(thread_counts[_i]);
    double *buffer = malloc(NUMBERS * sizeof *buffer);
    reset();
    br_array *x = br_map_blocks(ramp(ctx, NUMBERS, CHUNK), waits_in_array);
    br_array *y = br_map_blocks(br_map_blocks(ramp(ctx, NUMBERS, CHUNK), copy_block), copy_block);
    atomic_store(&large, br_sum(br_reshape(y, BR_SHAPE(NUMBERS / 8, 8))));
    br_future *task = br_submit(ctx, computes, NULL, 0, .name = "inner");
    atomic_store(&goal, task);
    br_future *flight = br_compute_async(x, buffer, NUMBERS * sizeof *buffer);
    atomic_store(&main_waits, true);
    br_status first = br_wait(flight);
    br_status second = br_wait(task);
    ck_assert(first == BR_OK || first == BR_EUSER || first == BR_EARG);
    ck_assert(second == BR_OK || second == BR_EUSER || second == BR_EARG);
    if (first != BR_OK || second != BR_OK) /* else the compute came before the flight */
        says(br_future_message(second != BR_OK ? task : flight), "inner");
    br_clear_error(ctx);
    double sum = 0; /* the context is well */
    ck_assert_int_eq(br_compute_f64(br_sum(ramp(ctx, 1000, 10)), &sum), BR_OK);
    ck_assert_double_eq(sum, 499500);
    free(buffer);
    unsetenv("BRAMBLE_MEMORY_LIMIT");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- flights in flights ---- */

static _Atomic(br_future *) chain[4];

/* In the tasks of compute i: waits for compute i - 1. */
static int waits_for_previous(const br_block *inputs, int ninputs, const br_block *output,
                              const void *data)
{
    int i = *(const int *)data;
    (void)ninputs;
    memcpy(output->data, inputs[0].data, (size_t)output->extent[0] * sizeof(double));
    if (i == 0) {
        pause_ms(2);
        return 0;
    }
    while (atomic_load(&chain[i - 1]) == NULL)
        pause_ms(1);
    return (int)br_wait(atomic_load(&chain[i - 1]));
}

/* A thread that waits must not begin what waits for it, on the same stack. */
START_TEST(test_chain_of_flights)
{
    br_context *ctx = open_with(thread_counts[_i]);
    double buffer[4][32];
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++)
            atomic_store(&chain[i], NULL);
        for (int i = 0; i < 4; i++) {
            br_array *x = br_map_blocks(ramp(ctx, 32, 2), waits_for_previous, .data = &i,
                                        .data_bytes = sizeof i);
            atomic_store(&chain[i], br_compute_async(x, buffer[i], sizeof buffer[i]));
        }
        for (int i = 3; i >= 0; i--)
            ck_assert_msg(br_wait(chain[i]) == BR_OK, "%s", br_message(ctx));
        for (int i = 0; i < 4; i++)
            br_future_free(chain[i]);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_flight_waits_for_itself)
{
    br_context *ctx = open_with(thread_counts[_i]);
    double buffer[64];
    reset();
    br_array *x = br_map_blocks(ramp(ctx, 64, 8), waits_in_array);
    br_future *f = br_compute_async(x, buffer, sizeof buffer);
    atomic_store(&goal, f);
    ck_assert_int_eq(br_wait(f), BR_EARG);
    ck_assert_int_eq(atomic_load(&passed), 0);
    says(br_future_message(f), "function waits_in_array");
    says(br_future_message(f), "waits for the compute that it belongs to");
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- flights and tasks ---- */

static int waits_in_task(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    atomic_fetch_add(&begun, 1);
    br_status st = br_wait(goal_now());
    return st == BR_OK ? 0 : br_task_fail(task, "%s", br_future_message(goal_now()));
}

static _Atomic(br_future *) other;

static int waits_for_task(const br_block *inputs, int ninputs, const br_block *output,
                          const void *data)
{
    (void)data, (void)ninputs, (void)inputs;
    memset(output->data, 0, (size_t)output->extent[0] * sizeof(double));
    while (atomic_load(&other) == NULL)
        pause_ms(1);
    return br_wait(atomic_load(&other)) == BR_OK ? 0 : 1;
}

/* A task waits for a compute whose tasks wait for it. */
START_TEST(test_task_and_flight)
{
    br_context *ctx = open_with(thread_counts[_i]);
    double buffer[64];
    reset();
    atomic_store(&other, NULL);
    br_array *x = br_map_blocks(ramp(ctx, 64, 8), waits_for_task);
    br_future *task = br_submit(ctx, waits_in_task, NULL, 0, .name = "the task");
    br_future *flight = br_compute_async(x, buffer, sizeof buffer);
    atomic_store(&goal, flight);
    atomic_store(&other, task);
    br_status first = br_wait(task);
    br_status second = br_wait(flight);
    ck_assert(first != BR_OK || second != BR_OK);
    bool told = strstr(br_future_message(task), "the task") != NULL ||
                strstr(br_future_message(flight), "waits_for_task") != NULL;
    ck_assert_msg(told, "%s | %s", br_future_message(task), br_future_message(flight));
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int pauses(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    pause_ms(1);
    return br_task_return(task, "x", 1);
}

/* More tasks that wait than threads, by all ways, beside computes: each runs what it needs. */
START_TEST(test_all_threads_wait)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { N = 12 };
    br_future *tasks[N], *flights[4];
    double buffer[4][64];
    for (int round = 0; round < 5; round++) {
        reset();
        for (int i = 0; i < N; i++)
            tasks[i] = br_submit(ctx, waits_in_task, NULL, 0, .priority = 1);
        for (int i = 0; i < 4; i++)
            flights[i] = br_compute_async(br_map_blocks(ramp(ctx, 64, 8), waits_in_array),
                                          buffer[i], sizeof buffer[i]);
        atomic_store(&goal, br_submit(ctx, pauses, NULL, 0));
        for (int i = 0; i < N; i++)
            ck_assert_msg(br_wait(tasks[i]) == BR_OK, "%s", br_message(ctx));
        ck_assert_msg(br_wait_all(flights, 4) == BR_OK, "%s", br_message(ctx));
        for (int i = 0; i < N; i++)
            br_future_free(tasks[i]);
        for (int i = 0; i < 4; i++)
            br_future_free(flights[i]);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* Waiting for one of several computes inside a task. */
static int waits_for_any(br_task *task, const void *args, size_t bytes)
{
    br_future *const *f = args;
    size_t n = bytes / sizeof *f;
    size_t i = br_wait_any(f, n);
    br_completed *c = br_as_completed(br_task_context(task), f, n);
    size_t seen = 0;
    while (br_next_completed(c) != NULL)
        seen++;
    br_completed_free(c);
    return i < n && seen == n ? 0 : 1;
}

START_TEST(test_any_inside)
{
    br_context *ctx = open_with(thread_counts[_i]);
    br_future *flights[3];
    double buffer[3][64];
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 3; i++)
            flights[i] = br_compute_async(br_map_blocks(ramp(ctx, 64, 8), copy_block), buffer[i],
                                          sizeof buffer[i]);
        br_future *task = br_submit(ctx, waits_for_any, flights, sizeof flights);
        ck_assert_msg(br_wait(task) == BR_OK, "%s", br_message(ctx));
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* None of which can end before the task itself does. */
static int waits_for_own(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    br_future *f = goal_now();
    atomic_store(&passed, br_wait_any(&f, 1) == SIZE_MAX);
    return br_task_return(task, "!", 1); /* it fails all the same */
}

START_TEST(test_any_of_itself)
{
    br_context *ctx = open_with(thread_counts[_i]);
    reset();
    br_future *f = br_submit(ctx, waits_for_own, NULL, 0, .name = "own");
    atomic_store(&goal, f);
    ck_assert_int_eq(br_wait(f), BR_EARG);
    ck_assert_int_eq(atomic_load(&passed), 1);
    says(br_future_message(f), "task own");
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- cancelled, freed, closed ---- */

static atomic_int gate;

static int at_gate(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    while (atomic_load(&gate) == 0)
        pause_ms(1);
    return br_task_return(task, "x", 1);
}

START_TEST(test_waiting_for_cancelled)
{
    br_context *ctx = open_with(thread_counts[_i]);
    reset();
    atomic_store(&gate, 0);
    br_future *first = br_submit(ctx, at_gate, NULL, 0);
    br_future *last = br_submit(ctx, at_gate, NULL, 0, .deps = BR_FUTURES(first), .name = "last");
    br_cancel(last);
    atomic_store(&gate, 1);
    atomic_store(&goal, last);
    br_future *task = br_submit(ctx, waits_in_task, NULL, 0);
    ck_assert_int_eq(br_wait(task), BR_EUSER);
    says(br_future_message(task), "last");
    says(br_future_message(task), "cancelled");
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* Frees what main waits for. */
static int frees_goal(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    br_future_free(goal_now());
    return 0;
}

START_TEST(test_freed_by_a_task)
{
    br_context *ctx = open_with(1); /* so that main runs it while it waits */
    reset();
    br_future *task = br_submit(ctx, frees_goal, NULL, 0, .priority = 1);
    br_future *f = br_submit(ctx, pauses, NULL, 0, .name = "freed");
    atomic_store(&goal, f);
    ck_assert_int_eq(br_wait(f), BR_ECANCELLED);
    ck_assert_int_eq(br_wait(task), BR_OK);
    says(br_message(ctx), "another thread still waits");
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int frees_itself(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    br_future_free(goal_now());
    return br_task_return(task, "x", 1);
}

START_TEST(test_frees_itself)
{
    br_context *ctx = open_with(thread_counts[_i]);
    reset();
    br_future *f = br_submit(ctx, frees_itself, NULL, 0);
    br_future *g = br_submit(ctx, pauses, NULL, 0);
    atomic_store(&goal, f);
    ck_assert_int_eq(br_wait(g), BR_OK);
    int st = br_close(ctx);
    ck_assert(st == BR_EARG || st == BR_ECANCELLED || st == 0);
}
END_TEST

static int closes(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    int st = br_close(br_task_context(task));
    return br_task_return(task, &st, sizeof st);
}

START_TEST(test_close_inside)
{
    br_context *ctx = open_with(thread_counts[_i]);
    int got = 0;
    br_future *f = br_submit(ctx, closes, NULL, 0);
    ck_assert_int_eq(br_future_result(f, &got, sizeof got), BR_OK);
    ck_assert_int_eq(got, BR_EUNSUPPORTED);
    says(br_message(ctx), "br_close inside a task");
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- who computes ---- */

static int receives(br_task *task, const void *args, size_t bytes)
{
    char got;
    (void)args, (void)bytes;
    atomic_fetch_add(&begun, 1);
    return br_recv(task, "go", &got, 1);
}

static int waits_for_it(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    atomic_fetch_add(&begun, 1);
    return (int)br_wait(goal_now());
}

static int sends(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    ck_assert(bri_errands_run());
    return br_send(task, "go", "", 1);
}

/* Tasks that sleep don't count as computing, wherever they do (scheduler/mpi/rest.h). */
START_TEST(test_sleeping_tasks_do_not_compute)
{
    br_context *ctx = open_with(thread_counts[_i]);
    reset();
    br_future *one[3] = {br_submit(ctx, receives, NULL, 0)};
    one[1] = br_submit(ctx, waits_for_it, NULL, 0);
    atomic_store(&goal, one[0]);
    while (atomic_load(&begun) < 2 || bri_errands_run())
        pause_ms(1);
    one[2] = br_submit(ctx, sends, NULL, 0);
    ck_assert_int_eq(br_wait_all(one, 3), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
    ck_assert(!bri_errands_run());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("futures wait");
    const int threaded = 1; /* without sync, where tasks would wait for what comes after them */
    const int beside_main = 2;
    tcase_add_loop_test(tests, test_compute_in_task, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_compute_in_awaited_task, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_turn_that_never_comes, threaded, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_chain_of_flights, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_flight_waits_for_itself, threaded, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_task_and_flight, threaded, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_all_threads_wait, threaded, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_any_inside, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_any_of_itself, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_waiting_for_cancelled, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_frees_itself, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_close_inside, 0, NTHREAD_COUNTS);
    tcase_add_test(tests, test_freed_by_a_task);
    tcase_add_loop_test(tests, test_sleeping_tasks_do_not_compute, beside_main, NTHREAD_COUNTS);
    return run_case("futures wait", tests);
}
