/* SPDX-License-Identifier: BSD-3-Clause
 * test_cancel.c - computes, graphs and tasks that are cancelled or fail: they end soon, and
 * the context computes on.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <bramble/bramble.h>

#include "runtime/clock.h"
#include "runtime/inside.h"
#include "runtime/running.h"
#include "tests/flights.h"
#include "tests/suite.h"

static atomic_int here; /* slow calls so far */
static atomic_bool came_back;

enum { SLOW = 20000, FAILS = 20 };

/* Those behind the one that fails wait until the job has failed, however long that takes. */
static int slow(const br_block *inputs, int ninputs, const br_block *output, const void *data)
{
    const bri_job *job = bri_inside_here->job;
    (void)inputs, (void)ninputs;
    while (data != NULL && output->chunk[0] > FAILS && !atomic_load(&job->failed))
        nap(1000);
    nap(2000);
    memset(output->data, 0, sizeof(double));
    atomic_fetch_add(&here, 1);
    return output->chunk[0] == FAILS && data != NULL ? 7 : 0;
}

static br_array *slow_array(const int *fails)
{
    br_array *zeros = br_zeros(ctx, BR_SHAPE(SLOW), .chunks = BR_CHUNKS(1));
    return br_map_blocks(zeros, slow, .data = fails,
                         .data_bytes = fails != NULL ? sizeof *fails : 0);
}

START_TEST(a_cancel_ends_it_soon)
{
    static double out[SLOW];
    ctx = open_limited(_i, 1 << 26);
    br_future *f = br_compute_async(slow_array(NULL), out, sizeof out);
    while (atomic_load(&here) < 3)
        nap(1000);
    br_cancel(f);
    ck_assert_int_eq(br_wait(f), BR_ECANCELLED);
    ck_assert_int_lt(atomic_load(&here), SLOW / 2);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    ck_assert_str_ne(br_future_message(f), "");
    br_cancel(f);
    ck_assert_int_eq(br_wait(f), BR_ECANCELLED);
    br_future_free(f);
    still_works();
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(freeing_and_closing_cancel)
{
    static double out[SLOW];
    ctx = open_limited(_i, 1 << 26);
    br_future_free(br_compute_async(slow_array(NULL), out, sizeof out));
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    still_works();
    br_compute_async(slow_array(NULL), out, sizeof out);
    ck_assert_int_eq(br_close(ctx), BR_ECANCELLED);
    ck_assert_int_lt(atomic_load(&here), SLOW);
}
END_TEST

START_TEST(the_first_error_ends_the_rest)
{
    static double out[SLOW];
    const int fails = 1;
    ctx = open_limited(_i, 1 << 26);
    br_future *f = _i > 0 ? br_compute_async(slow_array(&fails), out, sizeof out) : NULL;
    if (_i > 0)
        ck_assert_int_eq(br_wait(f), BR_EUSER);
    else
        ck_assert_int_eq(br_compute(slow_array(&fails), out, sizeof out), BR_EUSER);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "slow"));
    ck_assert_int_le(atomic_load(&here), FAILS + 1 + MOST_THREADS);
    br_clear_error(ctx);
    still_works();
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* Until main comes back: what runs may not yet be what main is about to call. */
static void *cancel_all(void *unused)
{
    while (atomic_load(&here) < 5)
        nap(1000);
    while (!atomic_load(&came_back)) {
        br_cancel_all(ctx);
        nap(1000);
    }
    return unused;
}

static void begin_to_cancel(pthread_t *thread)
{
    atomic_store(&here, 0);
    atomic_store(&came_back, false);
    ck_assert_int_eq(pthread_create(thread, NULL, cancel_all, NULL), 0);
}

static void end_to_cancel(pthread_t thread)
{
    atomic_store(&came_back, true);
    pthread_join(thread, NULL);
}

static int slow_task(void *data, int64_t task)
{
    (void)data, (void)task;
    atomic_fetch_add(&here, 1);
    nap(2000);
    return 0;
}

/* A compute that blocks, one in flight beside it, and a graph. */
START_TEST(another_thread_may_cancel_all)
{
    static double out[2][SLOW];
    pthread_t thread;
    ctx = open_limited(_i, 1 << 26);
    begin_to_cancel(&thread);
    br_future *f = _i > 0 ? br_compute_async(slow_array(NULL), out[0], sizeof out[0]) : NULL;
    ck_assert_int_eq(br_compute(slow_array(NULL), out[1], sizeof out[1]), BR_ECANCELLED);
    end_to_cancel(thread);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "br_cancel_all"));
    if (f != NULL)
        ck_assert_int_eq(br_wait(f), BR_ECANCELLED);
    br_clear_error(ctx);
    still_works();
    br_graph *g = br_graph_new(ctx);
    for (int i = 0; i < SLOW; i++)
        br_graph_add(g, slow_task, NULL, i > 0 ? (int64_t[]){i - 1} : NULL, i > 0);
    begin_to_cancel(&thread);
    ck_assert_int_eq(br_graph_run(g), BR_ECANCELLED);
    end_to_cancel(thread);
    ck_assert_int_lt(atomic_load(&here), 2000);
    br_clear_error(ctx);
    br_cancel_all(ctx); /* there is nothing */
    still_works();
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static atomic_bool all_in;

static int slow_errand(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    atomic_fetch_add(&here, 1);
    while (!atomic_load(&all_in))
        nap(1000);
    nap(2000);
    return 0;
}

START_TEST(cancelling_all_drops_tasks)
{
    static br_future *f[SLOW];
    int cancelled = 0;
    ctx = open_limited(_i, 1 << 26);
    for (int i = 0; i < SLOW; i++)
        f[i] = br_submit(ctx, slow_errand);
    atomic_store(&all_in, true);
    while (atomic_load(&here) < 3) {
        br_test(f[SLOW - 1]);
        nap(100);
    }
    br_cancel_all(ctx);
    for (int i = 0; i < SLOW; i++)
        cancelled += br_wait(f[i]) == BR_ECANCELLED;
    ck_assert_int_gt(cancelled, SLOW / 2);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "br_cancel_all"));
    ck_assert_int_eq(atomic_load(&here), SLOW - cancelled);
    br_clear_error(ctx);
    br_future *again = br_submit(ctx, slow_errand);
    ck_assert_int_eq(br_wait(again), BR_OK);
    br_future_free(again);
    for (int i = 0; i < SLOW; i++)
        br_future_free(f[i]);
    still_works();
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* An error that nobody asked for is the context's at the end. */
START_TEST(an_unseen_error_is_not_lost)
{
    static double out[SLOW];
    const int fails = 1;
    ctx = open_limited(_i, 1 << 26);
    br_future *f = br_compute_async(slow_array(&fails), out, sizeof out);
    while (!br_test(f))
        nap(1000);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    ck_assert_int_eq(br_close(ctx), BR_EUSER);
}
END_TEST

/* Between the end of a call's job and that of the call. */
START_TEST(an_interrupt_is_not_lost)
{
    bri_running call;
    ctx = open_limited(_i, 1 << 26);
    ctx->catches_interrupts = true;
    bri_running_begin(&call, ctx, NULL);
    bri_running_job(&call, NULL);
    bri_running_stop(NULL, "interrupted by a test");
    ck_assert_ptr_nonnull(call.why); /* it may try once more */
    bri_running_end(&call);
    ck_assert(bri_running_ending());
    double sum;
    br_array *ones = br_ones(ctx, BR_SHAPE(SIDE), .chunks = BR_CHUNKS(CHUNK));
    ck_assert_int_eq(br_compute_f64(br_sum(ones), &sum), BR_ECANCELLED);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "interrupted by a test"));
    ck_assert(!bri_running_ending());
    ctx->catches_interrupts = false;
    br_clear_error(ctx);
    still_works();
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("cancel");
    tcase_add_loop_test(tcase, a_cancel_ends_it_soon, 1, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, freeing_and_closing_cancel, 1, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, the_first_error_ends_the_rest, 0, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, another_thread_may_cancel_all, 0, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, cancelling_all_drops_tasks, 2, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, an_unseen_error_is_not_lost, 0, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, an_interrupt_is_not_lost, 0, 3);
    return run_case("cancel", tcase);
}
