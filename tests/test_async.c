/* SPDX-License-Identifier: BSD-3-Clause
 * test_async.c - computes in flight: they run at a time, share a memory limit, wait for each other
 * inside tasks; in one context, in several, and in a child.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "array/plan/fit.h"
#include "tests/flights.h"
#include "tests/suite.h"

/* ---- the budget ---- */

static size_t peak_alone(void)
{
    static double out[N];
    bri_sink sink = {.kind = BRI_SINK_RESULT, .buffer = out};
    bri_plan *plan = NULL;
    bri_dry_run dry;
    ctx = open_limited(1, 1 << 30);
    br_array *x = product(ctx, 0);
    bri_outputs outputs = {.node = &x->node, .sink = &sink, .n = 1};
    ck_assert_int_eq(bri_plan_fitting(ctx, &outputs, &plan), BR_OK);
    ck_assert_int_eq(bri_plan_measure(plan, &dry, NULL), BR_OK);
    bri_plan_free(plan);
    br_close(ctx);
    return dry.peak;
}

/* Each fits alone, just so. */
START_TEST(several_share_a_small_budget)
{
    static double out[JOBS][N];
    br_future *f[JOBS];
    size_t limit = peak_alone();
    ctx = open_limited(_i, limit);
    for (int i = 0; i < JOBS; i++)
        f[i] = br_compute_async(product(ctx, i), out[i], sizeof out[i]);
    static double more[N];
    ck_assert_int_eq(br_compute(product(ctx, 9), more, sizeof more), BR_OK);
    ck_assert(is_product(more, 9));
    for (int i = JOBS - 1; i >= 0; i--) {
        ck_assert_msg(br_wait(f[i]) == BR_OK, "%s", br_message(ctx));
        ck_assert(is_product(out[i], i));
    }
    bri_memory_stats stats;
    bri_memory_about(ctx->memory, &stats);
    ck_assert_uint_le(stats.peak, limit);
    all_is_given_back();
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* One whose turn has not come is cancelled; those behind it get theirs. */
START_TEST(who_waits_for_its_turn_can_be_cancelled)
{
    static double out[JOBS][N];
    br_future *f[JOBS];
    ctx = open_limited(_i, peak_alone());
    for (int i = 0; i < JOBS; i++)
        f[i] = br_compute_async(product(ctx, i), out[i], sizeof out[i]);
    br_cancel(f[1]);
    br_cancel(f[2]);
    ck_assert_int_eq(br_wait(f[3]), BR_OK);
    ck_assert(is_product(out[3], 3));
    for (int i = 1; i < 3; i++) { /* or it was done before */
        br_status st = br_wait(f[i]);
        ck_assert(st == BR_ECANCELLED || (st == BR_OK && is_product(out[i], i)));
    }
    ck_assert_int_eq(br_wait(f[0]), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- at a time ---- */

static atomic_int here;

/* Returns when the other one's task is running, too. */
static int meet(const br_block *inputs, int ninputs, const br_block *output, const void *data)
{
    (void)inputs, (void)ninputs, (void)data;
    atomic_fetch_add(&here, 1);
    while (atomic_load(&here) < 2)
        nap(200);
    *(double *)output->data = 1;
    return 0;
}

START_TEST(two_run_at_a_time)
{
    double out[2] = {0, 0};
    ctx = open_limited(2, 1 << 26);
    br_array *zero = br_zeros(ctx, BR_SHAPE(1));
    br_future *a = br_compute_async(br_map_blocks(zero, meet, .impure = true), &out[0], 8);
    br_future *b = br_compute_async(br_map_blocks(zero, meet, .impure = true), &out[1], 8);
    while (!br_test(a) || !br_test(b)) /* nobody waits for them */
        nap(100);
    ck_assert_int_eq(br_wait(a), BR_OK);
    ck_assert_int_eq(br_wait(b), BR_OK);
    ck_assert(out[0] == 1 && out[1] == 1);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- inside tasks ---- */

static br_future *before;

static int wait_first(const br_block *inputs, int ninputs, const br_block *output, const void *data)
{
    (void)inputs, (void)ninputs, (void)data;
    *(double *)output->data = br_wait(before) == BR_OK ? 2 : 3;
    return 0;
}

START_TEST(a_task_may_wait_for_a_future)
{
    static double first[N];
    double out[8];
    ctx = open_limited(_i, 1 << 26);
    before = br_compute_async(product(ctx, 1), first, sizeof first);
    br_array *zeros = br_zeros(ctx, BR_SHAPE(8), .chunks = BR_CHUNKS(1));
    br_array *x = br_map_blocks(zeros, wait_first, .impure = true);
    br_future *f = br_compute_async(x, out, sizeof out);
    ck_assert_int_eq(br_wait(f), BR_OK);
    for (int i = 0; i < 8; i++)
        ck_assert(out[i] == 2);
    ck_assert(is_product(first, 1));
    ck_assert_int_eq(br_compute(br_map_blocks(zeros, wait_first, .impure = true), out, sizeof out),
                     BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static br_array *inner;

static int compute_again(const br_block *inputs, int ninputs, const br_block *output,
                         const void *data)
{
    (void)inputs, (void)ninputs;
    double value = 0;
    br_status st = BR_OK;
    if (*(const int *)data != 1) {
        st = br_compute_f64(inner, &value);
    } else {
        br_future *f = br_compute_async(inner, &value, sizeof value);
        st = br_wait(f);
        br_future_free(f);
    }
    *(double *)output->data = 0;
    return *(const int *)data == 2 ? 0 : (int)st;
}

/* Refused at once, whoever computes; the message says which function tried to, also when that
 * passes over it. */
START_TEST(a_task_may_not_compute)
{
    double out[4];
    ctx = open_limited(_i / 3, 1 << 26);
    const int how = _i % 3;
    inner = br_sum(filled(ctx, 2));
    br_array *zeros = br_zeros(ctx, BR_SHAPE(4), .chunks = BR_CHUNKS(1));
    br_array *x = br_map_blocks(zeros, compute_again, .data = &how, .data_bytes = sizeof how);
    ck_assert_int_eq(br_compute(x, out, sizeof out), how == 2 ? BR_EUNSUPPORTED : BR_EUSER);
    ck_assert_ptr_nonnull(
        strstr(br_message(ctx), how == 2 ? "map_blocks (test_async.c" : "compute_again"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "cannot compute"));
    br_clear_error(ctx);
    still_works();
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- contexts ---- */

static void *compute_in_context(void *argument)
{
    br_context *c = argument;
    static _Thread_local double out[3][N];
    for (int round = 0; round < 4; round++) {
        br_scope *scope = br_scope_open(c);
        br_future *f[3];
        for (int i = 0; i < 3; i++)
            f[i] = br_compute_async(product(c, round + i), out[i], sizeof out[i]);
        double sum = 0;
        br_status st = br_compute_f64(br_sum(filled(c, 0)), &sum);
        for (int i = 0; i < 3; i++) {
            st = st == BR_OK ? br_wait(f[i]) : st;
            if (st != BR_OK || !is_product(out[i], round + i))
                return "wrong";
            br_future_free(f[i]);
        }
        br_scope_close(scope);
    }
    return NULL;
}

START_TEST(contexts_on_several_threads)
{
    br_context *c[3];
    pthread_t thread[3];
    for (int i = 0; i < 3; i++) {
        c[i] = open_limited(_i, 1 << 26);
        ck_assert_int_eq(pthread_create(&thread[i], NULL, compute_in_context, c[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        ck_assert_ptr_null(wrong);
        ck_assert_int_eq(br_close(c[i]), 0);
    }
}
END_TEST

/* ---- fork ---- */

static int compute_in_child(void)
{
    static double out[N];
    br_context *c = open_limited(2, 1 << 26);
    br_future *f = br_compute_async(product(c, 4), out, sizeof out);
    bool right = br_wait(f) == BR_OK && is_product(out, 4);
    br_future_free(f);
    return br_close(c) != 0 || !right;
}

/* The parent has threads, a compute behind it, and goes on afterwards. */
START_TEST(a_child_has_contexts_of_its_own)
{
    int status;
    signal(SIGINT, SIG_DFL); /* Check has a handler of its own */
    ctx = open_limited(2, 1 << 26);
    ck_assert_int_eq(br_catch_interrupts(ctx, true), BR_OK);
    still_works();
    pid_t child = fork();
    if (child == 0)
        _exit(compute_in_child());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    child = fork();
    if (child == 0) {
        raise(SIGINT); /* has nobody who cancels there */
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    still_works();
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("async");
    tcase_add_loop_test(tcase, several_share_a_small_budget, 0, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, who_waits_for_its_turn_can_be_cancelled, 0, MOST_THREADS + 1);
    tcase_add_test(tcase, two_run_at_a_time);
    tcase_add_loop_test(tcase, a_task_may_wait_for_a_future, 0, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, a_task_may_not_compute, 0, 3 * (MOST_THREADS + 1));
    tcase_add_loop_test(tcase, contexts_on_several_threads, 0, MOST_THREADS + 1);
#ifndef __SANITIZE_THREAD__ /* which knows no threads after a fork */
    tcase_add_test(tcase, a_child_has_contexts_of_its_own);
#else
    (void)a_child_has_contexts_of_its_own;
#endif
    return run_case("async", tcase);
}
