/* SPDX-License-Identifier: BSD-3-Clause
 * test_futures_errors.c - tasks that fail, are tried again, are refused, or wait for each other.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/tasks.h"

/* ---- functions that fail ---- */

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
        f[i] = br_submit(ctx, square, NULL, 0, .deps = {&f[i - 1], 1});
    ck_assert_int_eq(br_wait(f[N - 1]), BR_EUSER);
    says(br_message(ctx), "what it depends on failed");
    ck_assert_int_eq(br_wait(f[0]), BR_EUSER);
    says(br_future_message(f[1]), "the first (test_futures_errors.c:");
    says(br_future_message(f[1]), "function fail_with returned 7");
    free(f);
    ck_assert_int_eq(br_close(ctx), BR_EUSER);
}
END_TEST

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
    says(br_message(ctx), "task fail_with (test_futures_errors.c:");
    says(br_message(ctx), "function fail_with returned 3");
    ck_assert_ptr_null(br_future_view(f, NULL));
    ck_assert_int_eq(br_future_status(f), BR_EUSER);
    br_clear_error(ctx);
    f = br_submit(ctx, fail_by_text, &three, sizeof three, .name = "probe");
    ck_assert_int_eq(br_wait(f), BR_EUSER);
    says(br_message(ctx), "task probe (test_futures_errors.c:");
    says(br_message(ctx), ": no sensor number 3");
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
    says(br_future_message(bad), "after 2 attempts");
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- refused ---- */

static void refused_task(br_context *ctx, br_future *f, br_status status, const char *text)
{
    ck_assert_ptr_nonnull(f);
    ck_assert(br_test(f));
    ck_assert_int_eq(br_wait(f), status);
    says(br_message(ctx), text);
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
    refused_task(ctx, br_submit(ctx, NULL, NULL, 0), BR_EARG, "no function");
    refused_task(ctx, br_submit(ctx, square, NULL, 8), BR_EARG, "no pointer");
    refused_task(ctx, br_submit(ctx, square, &x, sizeof x, .retries = -1), BR_EARG, "retries");
    refused_task(ctx, br_submit(ctx, square, &x, sizeof x, .on = BR_RANK(1)), BR_EARG,
                 "the last is 0");
    refused_task(ctx, br_submit(ctx, square, &x, sizeof x, .on = BR_RANK(-1)), BR_EARG, "rank -1");
    refused_task(ctx, br_submit(ctx, square, &x, sizeof x, .deps = BR_FUTURES(foreign)), BR_EARG,
                 "dependency 0 is of another context");
    br_future *none = NULL;
    refused_task(ctx, br_submit(ctx, square, &x, sizeof x, .deps = {&none, 1}), BR_ENOMEM,
                 "number 0 is NULL, as without memory for it");
    int seven = 7;
    br_future *bad = br_submit(ctx, fail_with, &seven, sizeof seven);
    ck_assert_int_eq(br_wait(bad), BR_EUSER);
    br_clear_error(ctx);
    refused_task(ctx, br_submit(ctx, square, &x, sizeof x, .deps = BR_FUTURES(bad)), BR_EUSER,
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

/* ---- waits that would never end ---- */

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
    says(br_message(ctx), "task wait_for_itself");
    says(br_message(ctx), "waits for itself");
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("futures errors");
    tcase_set_timeout(tests, 30); /* for hosts with much to do */
    tcase_add_loop_test(tests, test_failing_chain, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_errors, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_retries, 0, NTHREAD_COUNTS);
    tcase_add_test(tests, test_refused);
    tcase_add_loop_test(tests, test_cycle, 2, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_itself, 0, NTHREAD_COUNTS);
    return run_case("futures errors", tests);
}
