/* SPDX-License-Identifier: BSD-3-Clause
 * test_futures_order.c - when tasks run and how they are waited for: priorities, cancelling, as
 * they complete.
 */
#include <check.h>
#include <stdatomic.h>

#include <bramble/bramble.h>

#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/tasks.h"

/* ---- priorities ---- */

static atomic_int turn;

static int take_turn(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    int mine = atomic_fetch_add(&turn, 1);
    return br_task_return(task, &mine, sizeof mine);
}

static int turn_of(br_future *f)
{
    int mine = -1;
    ck_assert_int_eq(br_future_result(f, &mine, sizeof mine), BR_OK);
    return mine;
}

START_TEST(test_priorities)
{
    br_context *ctx = open_with(0);
    enum { N = 300 };
    br_future *f[N];
    int rank[N], priority[N];
    unsigned state = 12345;
    atomic_store(&turn, 0);
    for (int i = 0; i < N; i++) {
        state = state * 1103515245 + 12345;
        priority[i] = (int)(state >> 16) % 13 - 6;
        f[i] = br_submit(ctx, take_turn, NULL, 0, .priority = priority[i]);
    }
    br_wait_all(f, N);
    for (int i = 0; i < N; i++) {
        rank[i] = 0;
        for (int k = 0; k < N; k++)
            rank[i] += priority[k] > priority[i] || (priority[k] == priority[i] && k < i);
        ck_assert_int_eq(turn_of(f[i]), rank[i]);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- cancelling ---- */

static atomic_int gate;

static int wait_at_gate(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    while (atomic_load(&gate) == 0 && !br_task_cancelled(task))
        pause_ms(1);
    return 0;
}

START_TEST(test_cancel)
{
    br_context *ctx = open_with(2);
    atomic_store(&gate, 0);
    atomic_store(&turn, 0);
    br_future *running = br_submit(ctx, wait_at_gate, NULL, 0, .name = "gate");
    while (br_future_attempts(running) == 0)
        pause_ms(1);
    br_future *next = br_submit(ctx, take_turn, NULL, 0, .deps = BR_FUTURES(running));
    br_future *last = br_submit(ctx, take_turn, NULL, 0, .deps = BR_FUTURES(next));
    br_future *more[3];
    for (int i = 0; i < 3; i++)
        more[i] = br_submit(ctx, take_turn, NULL, 0, .deps = BR_FUTURES(running), .priority = i);
    br_cancel(next);
    ck_assert_int_eq(br_wait(next), BR_ECANCELLED);
    ck_assert_int_eq(br_error_status(ctx), BR_OK); /* who cancels knows */
    ck_assert_int_eq(br_wait(last), BR_ECANCELLED);
    says(br_future_message(last), "what it depends on failed");
    says(br_future_message(last), "take_turn");
    br_cancel(running);
    ck_assert_int_eq(br_wait(running), BR_ECANCELLED);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(br_wait(more[i]), BR_ECANCELLED);
    ck_assert_int_eq(atomic_load(&turn), 0);
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_cancel_ready)
{
    br_context *ctx = open_with(0);
    br_future *f[20];
    atomic_store(&turn, 0);
    for (int i = 0; i < 20; i++)
        f[i] = br_submit(ctx, take_turn, NULL, 0, .priority = i % 5);
    for (int i = 0; i < 20; i += 2)
        br_cancel(f[i]);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(br_wait(f[i]), i % 2 == 0 ? BR_ECANCELLED : BR_OK);
    ck_assert_int_eq(atomic_load(&turn), 10);
    br_future_free(f[0]);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_close_cancels)
{
    br_context *ctx = open_with(thread_counts[_i]);
    for (int i = 0; i < 1000; i++)
        br_submit(ctx, take_turn, NULL, 0);
    int st = br_close(ctx);
    ck_assert(st == 0 || st == BR_ECANCELLED);
}
END_TEST

/* ---- as they complete ---- */

START_TEST(test_as_completed)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { N = 3000 };
    br_future *f[N];
    int64_t x[N], sum = 0, want = 0;
    for (int64_t i = 0; i < N; i++)
        x[i] = i;
    br_submit_many(ctx, square, x, sizeof x[0], N, f);
    br_completed *c = br_as_completed(ctx, f, N);
    int seen = 0;
    for (br_future *next; (next = br_next_completed(c)) != NULL; seen++) {
        int64_t got = 0;
        if (!br_test(next) || br_future_result(next, &got, sizeof got) != BR_OK)
            ck_abort_msg("%s", br_message(ctx));
        sum += got;
        br_future_free(next);
        if (seen < 100) { /* more work while it comes in */
            int64_t k = 1000 + seen;
            ck_assert_int_eq(br_completed_add(c, br_submit(ctx, square, &k, sizeof k)), BR_OK);
            want += k * k;
        }
    }
    for (int64_t i = 0; i < N; i++)
        want += i * i;
    ck_assert_int_eq(seen, N + 100);
    ck_assert_int_eq(sum, want);
    br_completed_free(c);
    c = br_as_completed(ctx, NULL, 0);
    ck_assert_ptr_null(br_next_completed(c));
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static br_completed *_Atomic queue;
static br_future *computed;
static atomic_int begun;
static atomic_bool came;

/* Adds a compute that is done, goes on when main has it, and ends what waits for a message. */
static int add_compute(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    atomic_fetch_add(&begun, 1);
    while (atomic_load(&queue) == NULL)
        pause_ms(1);
    pause_ms(100);
    if (br_completed_add(atomic_load(&queue), computed) != BR_OK)
        return 1;
    for (int i = 0; i < 2000 && !atomic_load(&came); i++)
        pause_ms(1);
    return br_send(task, "end", NULL, 0) == 0 && atomic_load(&came) ? 0 : 1;
}

static int wait_for_end(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    atomic_fetch_add(&begun, 1);
    return br_recv(task, "end", NULL, 0);
}

/* Main sleeps, and a receive looks whether main waits in vain. */
START_TEST(test_completed_other_kind)
{
    br_context *ctx = open_with(3);
    double sum = 0;
    computed = br_compute_async(br_sum(br_ones(ctx, BR_SHAPE(1000))), &sum, sizeof sum);
    ck_assert_int_eq(br_wait(computed), BR_OK);
    br_future *f[2] = {br_submit(ctx, add_compute, NULL, 0), br_submit(ctx, wait_for_end, NULL, 0)};
    while (atomic_load(&begun) < 2) /* main runs none of them */
        pause_ms(1);
    br_completed *c = br_as_completed(ctx, f, 2);
    atomic_store(&queue, c);
    ck_assert_ptr_eq(br_next_completed(c), computed);
    atomic_store(&came, true);
    for (int i = 0; i < 2; i++)
        ck_assert_ptr_nonnull(br_next_completed(c));
    ck_assert_ptr_null(br_next_completed(c));
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_completed_and_freed)
{
    br_context *ctx = open_with(2);
    br_future *f[4];
    int64_t x = 3;
    for (int i = 0; i < 4; i++)
        f[i] = br_submit(ctx, square, &x, sizeof x);
    br_completed *a = br_as_completed(ctx, f, 4);
    br_completed *b = br_as_completed(ctx, f, 3);
    br_future_free(f[1]); /* cancelled or not: both forget it */
    int n = 0;
    while (br_next_completed(a) != NULL)
        n++;
    ck_assert_int_eq(n, 3);
    ck_assert_ptr_nonnull(br_next_completed(b));
    br_completed_free(a);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_wait_any)
{
    br_context *ctx = open_with(thread_counts[_i]);
    int64_t x = 3;
    atomic_store(&gate, 0);
    br_future *gated = br_submit(ctx, wait_at_gate, NULL, 0, .priority = -1);
    while (thread_counts[_i] > 1 && br_future_attempts(gated) == 0) /* else main may take it */
        pause_ms(1);
    br_future *f[2] = {gated, br_submit(ctx, square, &x, sizeof x)};
    ck_assert_uint_eq(br_wait_any(f, 2), 1);
    ck_assert_uint_eq(br_wait_any(f, 0), SIZE_MAX);
    atomic_store(&gate, 1);
    ck_assert_uint_eq(br_wait_any(f, 1), 0);
    ck_assert_int_eq(br_wait(gated), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("futures order");
    tcase_set_timeout(tests, 30); /* for hosts with much to do */
    tcase_add_test(tests, test_priorities);
    tcase_add_test(tests, test_cancel);
    tcase_add_test(tests, test_cancel_ready);
    tcase_add_loop_test(tests, test_close_cancels, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_as_completed, 0, NTHREAD_COUNTS);
    tcase_add_test(tests, test_completed_and_freed);
    tcase_add_test(tests, test_completed_other_kind);
    tcase_add_loop_test(tests, test_wait_any, 0, NTHREAD_COUNTS);
    return run_case("futures order", tests);
}
