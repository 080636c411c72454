/* SPDX-License-Identifier: BSD-3-Clause
 * test_futures_order.c - when tasks run and how they are waited for: priorities, cancelling, as
 * they complete.
 */
#include <check.h>
#include <pthread.h>
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

/* Its own futures go while br_close goes through the list that has them. */
static int hands_in(br_task *task, const void *args, size_t bytes)
{
    enum { TIMES = 100 };
    br_context *ctx = br_task_context(task);
    (void)args, (void)bytes;
    atomic_fetch_add(&turn, 1);
    for (int64_t i = 0; i < TIMES; i++) {
        br_future *f[2] = {br_submit(ctx, square, &i, sizeof i),
                           br_submit(ctx, square, &i, sizeof i)};
        br_completed *c = br_as_completed(ctx, f, 2);
        br_next_completed(c);
        br_future_free(f[0]);
        br_completed_free(c);
        br_future_free(f[1]);
        br_future_free(br_submit(ctx, NULL, NULL, 0)); /* has failed */
    }
    return 0;
}

START_TEST(test_close_while_tasks_free)
{
    enum { ROUNDS = 10, TASKS = 6 };
    setenv("BRAMBLE_LOG", "quiet", 1);
    for (int round = 0; round < ROUNDS; round++) {
        br_context *ctx = open_with(thread_counts[_i]);
        atomic_store(&turn, 0);
        for (int i = 0; i < TASKS; i++)
            br_submit(ctx, hands_in, NULL, 0);
        while (thread_counts[_i] > 1 && atomic_load(&turn) == 0)
            pause_ms(1);
        int st = br_close(ctx);
        ck_assert(st == 0 || st == BR_ECANCELLED);
    }
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
    while (!atomic_load(&came))
        pause_ms(1);
    return br_send(task, "end", NULL, 0) == 0 ? 0 : 1;
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

static atomic_bool let_end;

/* A block that is there when main has run what it handed in. */
static int ends_when_let(const br_block *inputs, int ninputs, const br_block *output,
                         const void *data)
{
    (void)inputs, (void)ninputs, (void)data;
    while (!atomic_load(&let_end))
        pause_ms(1);
    *(double *)output->data = 1;
    return 0;
}

static int lets_end(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    atomic_store(&let_end, true);
    return 0;
}

/* Main runs short tasks while it waits for a compute. */
START_TEST(test_completed_beside_tasks)
{
    br_context *ctx = open_with(2);
    br_array *x = br_map_blocks(br_zeros(ctx, BR_SHAPE(1)), ends_when_let, .impure = true);
    double y = 0;
    enum { N = 20 };
    for (int round = 0; round < 10; round++) {
        br_future *f[N];
        atomic_store(&let_end, false);
        br_future *flight = br_compute_async(x, &y, sizeof y);
        br_completed *c = br_as_completed(ctx, &flight, 1);
        for (int64_t i = 0; i < N; i++)
            f[i] = i < N - 1 ? br_submit(ctx, square, &i, sizeof i)
                             : br_submit(ctx, lets_end, NULL, 0);
        ck_assert_ptr_eq(br_next_completed(c), flight);
        ck_assert_ptr_null(br_next_completed(c));
        ck_assert_int_eq(br_wait_all(f, N), BR_OK);
        br_completed_free(c);
    }
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

START_TEST(test_completed_and_freed_computes)
{
    br_context *ctx = open_with(2);
    double sum[3];
    br_array *x = br_sum(br_ones(ctx, BR_SHAPE(1000)));
    br_future *f[4];
    for (int i = 0; i < 3; i++)
        f[i] = br_compute_async(x, &sum[i], sizeof sum[i]);
    f[3] = br_submit(ctx, NULL, NULL, 0); /* has failed */
    br_completed *a = br_as_completed(ctx, f, 4);
    br_completed *b = br_as_completed(ctx, f, 2);
    br_future_free(f[0]);
    ck_assert_int_eq(br_wait(f[1]), BR_OK);
    br_future_free(f[1]);
    br_future_free(f[3]);
    ck_assert_ptr_eq(br_next_completed(a), f[2]);
    ck_assert_ptr_null(br_next_completed(a));
    ck_assert_ptr_null(br_next_completed(b));
    br_completed_free(b);
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* Frees what the test's thread waits for, when that sleeps as a rule. */
static void *free_it(void *f)
{
    pause_ms(20);
    br_future_free(f);
    return NULL;
}

START_TEST(test_completed_and_freed_meanwhile)
{
    br_context *ctx = open_with(thread_counts[_i]);
    pthread_t thread;
    atomic_store(&gate, 0);
    br_future *gated = br_submit(ctx, wait_at_gate, NULL, 0);
    while (thread_counts[_i] > 1 && br_future_attempts(gated) == 0)
        pause_ms(1);
    br_future *f = br_submit(ctx, take_turn, NULL, 0, .deps = BR_FUTURES(gated));
    br_completed *c = br_as_completed(ctx, &f, 1);
    if (thread_counts[_i] < 2) /* else the test's thread stands at the gate */
        br_cancel(gated);
    ck_assert_int_eq(pthread_create(&thread, NULL, free_it, f), 0);
    br_future *next = br_next_completed(c); /* f, when it came before that was freed */
    ck_assert(next == NULL || next == f);
    pthread_join(thread, NULL);
    ck_assert_ptr_null(br_next_completed(c));
    br_completed_free(c);
    atomic_store(&gate, 1);
    br_wait(gated);
    br_clear_error(ctx);
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

static void *wait_for(void *f)
{
    return br_wait(f) == BR_OK ? NULL : f;
}

static int pauses(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    pause_ms(20);
    return 0;
}

/* A thread sleeps until the end of a chain, and the one that runs its beginning goes away. */
START_TEST(test_two_threads_wait)
{
    br_context *ctx = open_with(thread_counts[_i]);
    pthread_t thread;
    void *wrong = NULL;
    for (int round = 0; round < 5; round++) {
        br_future *first = br_submit(ctx, pauses, NULL, 0);
        br_future *second = br_submit(ctx, take_turn, NULL, 0, .deps = BR_FUTURES(first));
        br_future *last = br_submit(ctx, take_turn, NULL, 0, .deps = BR_FUTURES(second));
        ck_assert_int_eq(pthread_create(&thread, NULL, wait_for, last), 0);
        ck_assert_int_eq(br_wait(first), BR_OK);
        pthread_join(thread, &wrong);
        ck_assert_ptr_null(wrong);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("futures order");
    tcase_add_test(tests, test_priorities);
    tcase_add_test(tests, test_cancel);
    tcase_add_test(tests, test_cancel_ready);
    tcase_add_loop_test(tests, test_close_cancels, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_close_while_tasks_free, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_as_completed, 0, NTHREAD_COUNTS);
    tcase_add_test(tests, test_completed_beside_tasks);
    tcase_add_test(tests, test_completed_and_freed);
    tcase_add_test(tests, test_completed_and_freed_computes);
    tcase_add_loop_test(tests, test_completed_and_freed_meanwhile, 0, NTHREAD_COUNTS);
    tcase_add_test(tests, test_completed_other_kind);
    tcase_add_loop_test(tests, test_wait_any, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_two_threads_wait, 0, NTHREAD_COUNTS);
    return run_case("futures order", tests);
}
