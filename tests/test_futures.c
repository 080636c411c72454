/* SPDX-License-Identifier: BSD-3-Clause
 * test_futures.c - tasks that are handed in: results, dependencies, order, errors, tasks in tasks.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bramble/bramble.h>

static br_context *open_with(int threads)
{
    char n[16];
    snprintf(n, sizeof n, "%d", threads > 0 ? threads : 1);
    setenv("BRAMBLE_SCHEDULER", threads > 0 ? "threads" : "sync", 1);
    setenv("BRAMBLE_NUM_THREADS", n, 1);
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
    br_set_log(ctx, NULL, NULL);
    return ctx;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* ---- results ---- */

static int square(br_task *task, const void *args, size_t bytes)
{
    int64_t x;
    if (bytes != sizeof x)
        return 1;
    memcpy(&x, args, sizeof x);
    x *= x;
    return br_task_return(task, &x, sizeof x);
}

static const int thread_counts[] = {0, 1, 2, 4};

START_TEST(test_results)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { N = 5000 };
    br_future **f = malloc(N * sizeof *f);
    for (int64_t i = 0; i < N; i++)
        f[i] = br_submit(ctx, square, &i, sizeof i);
    for (int64_t i = 0; i < N; i++) {
        int64_t got = -1;
        bool good = br_future_result(f[i], &got, sizeof got) == BR_OK && got == i * i;
        if (!good || br_future_attempts(f[i]) != 1) /* a check costs a system call */
            ck_abort_msg("task %lld: %lld", (long long)i, (long long)got);
        if (i % 2 == 0)
            br_future_free(f[i]);
    }
    free(f);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int repeat(br_task *task, const void *args, size_t bytes)
{
    size_t n = *(const size_t *)args;
    (void)bytes;
    char *out = br_task_result(task, n);
    if (out == NULL)
        return -1;
    memset(out, (int)(n % 251), n);
    return 0;
}

static int nothing(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args;
    return bytes != 0;
}

START_TEST(test_sizes)
{
    br_context *ctx = open_with(thread_counts[_i]);
    static const size_t sizes[] = {0, 1, 31, 32, 33, 1000, 100000, 5000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        br_future *f = br_submit(ctx, repeat, &sizes[i], sizeof sizes[i]);
        size_t bytes = 99;
        const unsigned char *got = br_future_view(f, &bytes);
        ck_assert_ptr_nonnull(got);
        ck_assert_uint_eq(bytes, sizes[i]);
        size_t wrong = 0;
        for (size_t k = 0; k < bytes; k++)
            wrong += got[k] != sizes[i] % 251;
        ck_assert_uint_eq(wrong, 0);
    }
    size_t bytes = 99;
    br_future *f = br_submit(ctx, nothing, NULL, 0);
    ck_assert_ptr_nonnull(br_future_view(f, &bytes));
    ck_assert_uint_eq(bytes, 0);
    char buffer[4];
    ck_assert_int_eq(br_future_result(f, buffer, 4), BR_EARG);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "nothing (test_futures.c:"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "returned 0 bytes, not 4"));
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int sum_bytes(br_task *task, const void *args, size_t bytes)
{
    int64_t sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += ((const unsigned char *)args)[i];
    return br_task_return(task, &sum, sizeof sum);
}

START_TEST(test_arguments)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { MOST = 300000 };
    unsigned char *data = malloc(MOST);
    memset(data, 3, MOST);
    static const size_t sizes[] = {0, 1, 255, 256, 257, 4096, MOST};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int borrowed = 0; borrowed < 2; borrowed++) {
            int64_t got = -1;
            br_future *f = br_submit(ctx, sum_bytes, data, sizes[i], .borrowed = borrowed);
            if (!borrowed)
                memset(data, 200, sizes[i]); /* it has a copy */
            ck_assert_int_eq(br_future_result(f, &got, sizeof got), BR_OK);
            ck_assert_int_eq(got, 3 * (int64_t)sizes[i]);
            memset(data, 3, sizes[i]);
        }
    free(data);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_many)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { N = 1000 };
    int64_t x[N];
    br_future *f[N];
    for (int64_t i = 0; i < N; i++)
        x[i] = i;
    ck_assert_int_eq(br_submit_many(ctx, square, x, sizeof x[0], N, f), BR_OK);
    ck_assert_int_eq(br_wait_all(f, N), BR_OK);
    for (int64_t i = 0; i < N; i++) {
        int64_t got = -1;
        ck_assert(br_test(f[i]));
        ck_assert_int_eq(br_future_result(f[i], &got, sizeof got), BR_OK);
        ck_assert_int_eq(got, i * i);
        br_future_free(f[i]);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- dependencies ---- */

static int add_inputs(br_task *task, const void *args, size_t bytes)
{
    int64_t sum = bytes == sizeof sum ? *(const int64_t *)args : 0;
    for (size_t i = 0; i < br_task_ninputs(task); i++) {
        size_t n = 0;
        const int64_t *x = br_task_input(task, i, &n);
        if (n != sizeof *x)
            return 9;
        sum += *x;
    }
    return br_task_input(task, br_task_ninputs(task), NULL) == NULL
               ? br_task_return(task, &sum, sizeof sum)
               : 8;
}

START_TEST(test_dependencies)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { SIDE = 40 };
    static br_future *f[SIDE][SIDE];
    static int64_t want[SIDE][SIDE];
    int64_t one = 1;
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++) {
            bool edge = i == 0 || k == 0;
            want[i][k] = edge ? 1 : (want[i - 1][k] + want[i][k - 1]) % 1000000007;
            if (i > 20) /* without the modulus numbers stay below 2^63 for so many */
                continue;
            want[i][k] = edge ? 1 : want[i - 1][k] + want[i][k - 1];
            f[i][k] = edge ? br_submit(ctx, add_inputs, &one, sizeof one)
                           : br_submit(ctx, add_inputs, NULL, 0,
                                       .deps = BR_FUTURES(f[i - 1][k], f[i][k - 1]));
        }
    int64_t got = 0;
    ck_assert_int_eq(br_future_result(f[20][SIDE - 1], &got, sizeof got), BR_OK);
    ck_assert_int_eq(got, want[20][SIDE - 1]);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* A chain that no recursion would survive, whose links are freed as it grows. */
START_TEST(test_chain)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { N = 200000 };
    int64_t one = 1;
    br_future **f = malloc(N * sizeof *f);
    f[0] = br_submit(ctx, add_inputs, &one, sizeof one);
    for (int i = 1; i < N; i++)
        f[i] = br_submit(ctx, add_inputs, &one, sizeof one, .deps = {&f[i - 1], 1});
    int64_t got = 0;
    ck_assert_int_eq(br_future_result(f[N - 1], &got, sizeof got), BR_OK);
    ck_assert_int_eq(got, N);
    for (int i = 0; i < N; i++)
        br_future_free(f[i]);
    free(f);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int fail_with(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)bytes;
    return *(const int *)args;
}

START_TEST(test_failing_chain)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { N = 100000 };
    int seven = 7;
    br_future **f = malloc(N * sizeof *f);
    f[0] = br_submit(ctx, fail_with, &seven, sizeof seven, .name = "the first");
    for (int i = 1; i < N; i++)
        f[i] = br_submit(ctx, add_inputs, NULL, 0, .deps = {&f[i - 1], 1});
    ck_assert_int_eq(br_wait(f[N - 1]), BR_EUSER);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "what it depends on failed"));
    ck_assert_int_eq(br_wait(f[0]), BR_EUSER);
    ck_assert_ptr_nonnull(strstr(br_future_message(f[1]), "the first (test_futures.c:"));
    ck_assert_ptr_nonnull(strstr(br_future_message(f[1]), "function fail_with returned 7"));
    free(f);
    ck_assert_int_eq(br_close(ctx), BR_EUSER);
}
END_TEST

/* Freed as soon as it is done, while another one still waits to read it. */
START_TEST(test_freed_dependency)
{
    br_context *ctx = open_with(thread_counts[_i]);
    int64_t five = 5;
    br_future *a = br_submit(ctx, add_inputs, &five, sizeof five);
    ck_assert_int_eq(br_wait(a), BR_OK);
    br_future *b = br_submit(ctx, add_inputs, &five, sizeof five);
    br_future *c = br_submit(ctx, add_inputs, &five, sizeof five, .deps = BR_FUTURES(a, b, a));
    br_future_free(a);
    br_wait(b);
    br_future_free(b);
    int64_t got = 0;
    ck_assert_int_eq(br_future_result(c, &got, sizeof got), BR_OK);
    ck_assert_int_eq(got, 20);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- order ---- */

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

/* ---- errors ---- */

static int fail_by_text(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    return br_task_fail(task, "no sensor number %d", *(const int *)args);
}

START_TEST(test_errors)
{
    br_context *ctx = open_with(thread_counts[_i]);
    int three = 3;
    br_future *f = br_submit(ctx, fail_with, &three, sizeof three);
    ck_assert_int_eq(br_wait(f), BR_EUSER);
    ck_assert_str_eq(br_future_message(f), br_message(ctx));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "task fail_with (test_futures.c:"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "function fail_with returned 3"));
    ck_assert_ptr_null(br_future_view(f, NULL));
    ck_assert_int_eq(br_future_status(f), BR_EUSER);
    br_clear_error(ctx);
    f = br_submit(ctx, fail_by_text, &three, sizeof three, .name = "probe");
    ck_assert_int_eq(br_wait(f), BR_EUSER);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "task probe (test_futures.c:"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), ": no sensor number 3"));
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int good_at_last(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    int attempt = br_task_attempt(task);
    if (attempt < *(const int *)args)
        return 1;
    return br_task_return(task, &attempt, sizeof attempt);
}

START_TEST(test_retries)
{
    br_context *ctx = open_with(thread_counts[_i]);
    int two = 2;
    br_future *good = br_submit(ctx, good_at_last, &two, sizeof two, .retries = 2);
    br_future *bad = br_submit(ctx, good_at_last, &two, sizeof two, .retries = 1);
    int attempt = -1;
    ck_assert_int_eq(br_future_result(good, &attempt, sizeof attempt), BR_OK);
    ck_assert_int_eq(attempt, 2);
    ck_assert_int_eq(br_future_attempts(good), 3);
    ck_assert_int_eq(br_wait(bad), BR_EUSER);
    ck_assert_int_eq(br_future_attempts(bad), 2);
    ck_assert_ptr_nonnull(strstr(br_future_message(bad), "after 2 attempts"));
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static void refused(br_context *ctx, br_future *f, br_status status, const char *text)
{
    ck_assert_ptr_nonnull(f);
    ck_assert(br_test(f));
    ck_assert_int_eq(br_wait(f), status);
    ck_assert_msg(strstr(br_message(ctx), text) != NULL, "%s", br_message(ctx));
    br_clear_error(ctx);
    br_future_free(f);
}

START_TEST(test_refused)
{
    br_context *ctx = open_with(2);
    br_context *other = br_open(NULL, NULL);
    int64_t x = 2;
    br_future *foreign = br_submit(other, square, &x, sizeof x);
    br_wait(foreign);
    refused(ctx, br_submit(ctx, NULL, NULL, 0), BR_EARG, "no function");
    refused(ctx, br_submit(ctx, square, NULL, 8), BR_EARG, "no pointer");
    refused(ctx, br_submit(ctx, square, &x, sizeof x, .retries = -1), BR_EARG, "retries");
    refused(ctx, br_submit(ctx, square, &x, sizeof x, .on = BR_RANK(1)), BR_EARG, "the last is 0");
    refused(ctx, br_submit(ctx, square, &x, sizeof x, .on = BR_RANK(-1)), BR_EARG, "rank -1");
    refused(ctx, br_submit(ctx, square, &x, sizeof x, .deps = BR_FUTURES(foreign)), BR_EARG,
            "dependency 0 is of another context");
    br_future *none = NULL;
    refused(ctx, br_submit(ctx, square, &x, sizeof x, .deps = {&none, 1}), BR_ENOMEM,
            "number 0 is NULL, as without memory for it");
    int seven = 7;
    br_future *bad = br_submit(ctx, fail_with, &seven, sizeof seven);
    ck_assert_int_eq(br_wait(bad), BR_EUSER);
    br_clear_error(ctx);
    refused(ctx, br_submit(ctx, square, &x, sizeof x, .deps = BR_FUTURES(bad)), BR_EUSER,
            "what it depends on failed: task fail_with");
    br_future *f[2];
    ck_assert_int_eq(br_submit_many(ctx, NULL, &x, sizeof x, 2, f), BR_EARG);
    ck_assert(br_test(f[0]) && br_test(f[1]));
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(other), 0);
    br_future_free(f[0]);
    br_future_free(f[1]);
    br_clear_error(ctx);
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
    ck_assert_ptr_nonnull(strstr(br_future_message(last), "what it depends on failed"));
    ck_assert_ptr_nonnull(strstr(br_future_message(last), "take_turn"));
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

/* ---- tasks in tasks ---- */

static int fibonacci(br_task *task, const void *args, size_t bytes)
{
    int64_t n = *(const int64_t *)args;
    (void)bytes;
    if (n < 2)
        return br_task_return(task, &n, sizeof n);
    br_context *ctx = br_task_context(task);
    int64_t one = n - 1, two = n - 2, a = 0, b = 0;
    br_future *left = br_submit(ctx, fibonacci, &one, sizeof one);
    br_future *right = br_submit(ctx, fibonacci, &two, sizeof two);
    br_status st = br_future_result(left, &a, sizeof a);
    st = st == BR_OK ? br_future_result(right, &b, sizeof b) : st;
    br_future_free(left);
    br_future_free(right);
    a += b;
    return st == BR_OK ? br_task_return(task, &a, sizeof a) : 1;
}

START_TEST(test_recursion)
{
    br_context *ctx = open_with(thread_counts[_i]);
    int64_t n = 16, got = 0;
    br_future *f = br_submit(ctx, fibonacci, &n, sizeof n);
    ck_assert_int_eq(br_future_result(f, &got, sizeof got), BR_OK);
    ck_assert_int_eq(got, 987);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* Each outer task waits for inner ones: running other outer ones meanwhile would pile up on the
 * stack. */
static int outer(br_task *task, const void *args, size_t bytes)
{
    br_context *ctx = br_task_context(task);
    br_future *f[3];
    int64_t sum = 0;
    for (int i = 0; i < 3; i++)
        f[i] = br_submit(ctx, square, args, bytes);
    br_completed *c = br_as_completed(ctx, f, 3);
    for (br_future *next; (next = br_next_completed(c)) != NULL;) {
        int64_t x = 0;
        if (br_future_result(next, &x, sizeof x) != BR_OK)
            return 1;
        sum += x;
        br_future_free(next);
    }
    br_completed_free(c);
    return br_task_return(task, &sum, sizeof sum);
}

START_TEST(test_outer)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { N = 20000 };
    br_future **f = malloc(N * sizeof *f);
    for (int64_t i = 0; i < N; i++)
        f[i] = br_submit(ctx, outer, &i, sizeof i);
    for (int64_t i = N - 1; i >= 0; i--) {
        int64_t got = 0;
        if (br_future_result(f[i], &got, sizeof got) != BR_OK || got != 3 * i * i)
            ck_abort_msg("task %lld: %lld", (long long)i, (long long)got);
    }
    free(f);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* What an inner task waits for waits itself for the outer one. */
static _Atomic(br_future *) rendezvous[2];

static int wait_for_other(br_task *task, const void *args, size_t bytes)
{
    int me = *(const int *)args;
    (void)bytes;
    while (atomic_load(&rendezvous[1 - me]) == NULL)
        pause_ms(1);
    br_status st = br_wait(atomic_load(&rendezvous[1 - me]));
    return st == BR_OK ? 0 : br_task_fail(task, "it ended with %s", br_status_text(st));
}

START_TEST(test_cycle)
{
    br_context *ctx = open_with(thread_counts[_i]);
    static const char *const names[] = {"hen", "egg"};
    atomic_store(&rendezvous[0], NULL);
    atomic_store(&rendezvous[1], NULL);
    br_future *f[2];
    for (int i = 0; i < 2; i++)
        f[i] = br_submit(ctx, wait_for_other, &i, sizeof i, .name = names[i]);
    for (int i = 0; i < 2; i++)
        atomic_store(&rendezvous[i], f[i]);
    bool told = false;
    for (int i = 0; i < 2; i++) {
        br_status st = br_wait(f[i]);
        ck_assert(st == BR_EARG || st == BR_EUSER);
        const char *text = br_future_message(f[i]);
        told |= strstr(text, "task hen") != NULL && strstr(text, "task egg") != NULL &&
                strstr(text, "which waits for it") != NULL;
    }
    ck_assert(told);
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static _Atomic(br_future *) own;

static int wait_for_itself(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    while (atomic_load(&own) == NULL)
        pause_ms(1);
    return br_wait(atomic_load(&own)) == BR_EARG ? 0 : 1;
}

START_TEST(test_itself)
{
    br_context *ctx = open_with(thread_counts[_i]);
    atomic_store(&own, NULL);
    br_future *f = br_submit(ctx, wait_for_itself, NULL, 0);
    atomic_store(&own, f);
    ck_assert_int_eq(br_wait(f), BR_EARG);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "task wait_for_itself"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "waits for itself"));
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
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
    br_future *f[2] = {gated, br_submit(ctx, square, &x, sizeof x)};
    ck_assert_uint_eq(br_wait_any(f, 2), 1);
    ck_assert_uint_eq(br_wait_any(f, 0), SIZE_MAX);
    atomic_store(&gate, 1);
    ck_assert_uint_eq(br_wait_any(f, 1), 0);
    ck_assert_int_eq(br_wait(gated), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- beside arrays ---- */

START_TEST(test_beside_arrays)
{
    br_context *ctx = open_with(thread_counts[_i]);
    for (int round = 0; round < 20; round++) {
        br_future *f[200];
        int64_t sum = 0;
        for (int64_t i = 0; i < 200; i++)
            f[i] = br_submit(ctx, square, &i, sizeof i);
        br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(1000), .chunks = BR_CHUNKS(64));
        ck_assert_int_eq(br_compute_i64(br_sum(x), &sum), BR_OK);
        ck_assert_int_eq(sum, 499500);
        ck_assert_int_eq(br_wait_all(f, 200), BR_OK);
        for (int i = 0; i < 200; i++)
            br_future_free(f[i]);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- memory ---- */

START_TEST(test_memory)
{
    setenv("BRAMBLE_MEMORY_LIMIT", "4M", 1);
    br_context *ctx = open_with(thread_counts[_i]);
    enum { BYTES = 500000, N = 40 };
    char *data = calloc(1, BYTES);
    br_future *f[N];
    /* Arguments of 20 MB through 4: handing in waits for what runs. */
    for (int i = 0; i < N; i++)
        f[i] = br_submit(ctx, sum_bytes, data, BYTES);
    ck_assert_int_eq(br_wait_all(f, N), BR_OK);
    for (int i = 0; i < N; i++)
        br_future_free(f[i]);
    /* Results stay until they are freed. */
    size_t big = 3000000;
    br_future *a = br_submit(ctx, repeat, &big, sizeof big);
    ck_assert_int_eq(br_wait(a), BR_OK);
    br_future *b = br_submit(ctx, repeat, &big, sizeof big);
    ck_assert_int_eq(br_wait(b), BR_OK);
    refused(ctx, br_submit(ctx, sum_bytes, data, BYTES), BR_EMEMLIMIT, "can be freed");
    br_future_free(a);
    br_future_free(b);
    br_future *c = br_submit(ctx, sum_bytes, data, BYTES);
    ck_assert_int_eq(br_wait(c), BR_OK);
    free(data);
    ck_assert_int_eq(br_close(ctx), 0);
    unsetenv("BRAMBLE_MEMORY_LIMIT");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("futures");
    TCase *each = tcase_create("each number of threads");
    int n = (int)(sizeof thread_counts / sizeof thread_counts[0]);
    tcase_set_timeout(each, 30); /* for hosts with much to do */
    tcase_add_loop_test(each, test_results, 0, n);
    tcase_add_loop_test(each, test_sizes, 0, n);
    tcase_add_loop_test(each, test_arguments, 0, n);
    tcase_add_loop_test(each, test_many, 0, n);
    tcase_add_loop_test(each, test_dependencies, 0, n);
    tcase_add_loop_test(each, test_chain, 0, n);
    tcase_add_loop_test(each, test_failing_chain, 0, n);
    tcase_add_loop_test(each, test_freed_dependency, 0, n);
    tcase_add_loop_test(each, test_errors, 0, n);
    tcase_add_loop_test(each, test_retries, 0, n);
    tcase_add_loop_test(each, test_close_cancels, 0, n);
    tcase_add_loop_test(each, test_recursion, 0, n);
    tcase_add_loop_test(each, test_outer, 0, n);
    tcase_add_loop_test(each, test_cycle, 2, n);
    tcase_add_loop_test(each, test_itself, 0, n);
    tcase_add_loop_test(each, test_as_completed, 0, n);
    tcase_add_loop_test(each, test_wait_any, 0, n);
    tcase_add_loop_test(each, test_beside_arrays, 0, n);
    tcase_add_loop_test(each, test_memory, 0, n);
    suite_add_tcase(suite, each);
    TCase *once = tcase_create("once");
    tcase_add_test(once, test_priorities);
    tcase_add_test(once, test_refused);
    tcase_add_test(once, test_cancel);
    tcase_add_test(once, test_cancel_ready);
    tcase_add_test(once, test_completed_and_freed);
    tcase_add_test(once, test_completed_other_kind);
    suite_add_tcase(suite, once);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
