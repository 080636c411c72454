/* SPDX-License-Identifier: BSD-3-Clause
 * test_futures_errors.c - tasks that fail, are tried again, are refused, or wait for each other.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "scheduler/futures/store.h"
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

static atomic_bool all_in;

static int fails_at_gate(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    while (!atomic_load(&all_in))
        pause_ms(1);
    return 7;
}

/* Freed as soon as it is done, while those that depend on it fail one after the other. */
START_TEST(test_freed_failure)
{
    br_context *ctx = open_with(thread_counts[_i]);
    enum { N = 200 };
    br_future *f[N];
    for (int round = 0; round < 20; round++) {
        atomic_store(&all_in, false);
        br_future *first = br_submit(ctx, fails_at_gate, NULL, 0);
        for (int i = 0; i < N; i++)
            f[i] = br_submit(ctx, square, NULL, 0, .deps = BR_FUTURES(first));
        atomic_store(&all_in, true);
        while (!br_test(first))
            ;
        br_future_free(first);
        for (int i = 0; i < N; i++) {
            br_wait(f[i]);
            if (strstr(br_future_message(f[i]), "function fails_at_gate returned 7") == NULL)
                ck_abort_msg("%s", br_future_message(f[i]));
            br_future_free(f[i]);
        }
        br_clear_error(ctx);
    }
    ck_assert_int_eq(br_close(ctx), 0);
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

/* Two that are not done, of two contexts. */
START_TEST(test_two_contexts_refused)
{
    br_context *ctx = open_with(thread_counts[_i]);
    br_context *other = open_with(thread_counts[_i]);
    atomic_store(&all_in, false);
    br_future *f[] = {br_submit(ctx, fails_at_gate, NULL, 0),
                      br_submit(other, fails_at_gate, NULL, 0)};
    ck_assert_uint_eq(br_wait_any(f, 2), SIZE_MAX);
    says(br_message(ctx), "several contexts");
    br_clear_error(ctx);
    ck_assert_ptr_null(br_as_completed(ctx, f, 2));
    says(br_message(ctx), "another context");
    br_clear_error(ctx);
    br_completed *c = br_as_completed(ctx, f, 1);
    ck_assert_int_eq(br_completed_add(c, f[1]), BR_EARG);
    br_clear_error(ctx);
    atomic_store(&all_in, true);
    ck_assert_ptr_eq(br_next_completed(c), f[0]);
    ck_assert_ptr_null(br_next_completed(c));
    ck_assert_int_eq(br_wait(f[1]), BR_EUSER);
    ck_assert_int_eq(br_close(other), BR_EUSER);
    ck_assert_int_eq(br_close(ctx), BR_EUSER);
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

/* ---- two contexts ---- */

/* What the tasks of a test wait for. */
static _Atomic(br_future *) goal[4];

/* For that of its number. */
static int waits_for_goal(br_task *task, const void *args, size_t bytes)
{
    int i = *(const int *)args;
    (void)bytes;
    while (atomic_load(&goal[i]) == NULL)
        pause_ms(1);
    br_status st = br_wait(atomic_load(&goal[i]));
    return st == BR_OK ? 0 : br_task_fail(task, "it ended with %s", br_status_text(st));
}

static int waits_in_array(const br_block *inputs, int ninputs, const br_block *output,
                          const void *data)
{
    (void)inputs, (void)ninputs, (void)data;
    while (atomic_load(&goal[0]) == NULL)
        pause_ms(1);
    *(int64_t *)output->data = 1;
    return br_wait(atomic_load(&goal[0])) == BR_OK ? 0 : 1;
}

typedef struct pair {
    br_context *a, *b;
} pair;

static pair open_pair(int threads)
{
    for (int i = 0; i < 4; i++)
        atomic_store(&goal[i], NULL);
    return (pair){open_with(threads), open_with(threads)};
}

static void close_pair(const pair *p)
{
    br_clear_error(p->a);
    br_clear_error(p->b);
    ck_assert_int_eq(br_close(p->a), 0);
    ck_assert_int_eq(br_close(p->b), 0);
}

static br_future *submit_link(br_context *ctx, int i, br_future *after)
{
    static const char *const names[] = {"first", "second", "third", "fourth"};
    br_future_list deps = {(br_future *const[]){after}, after != NULL};
    return br_submit(ctx, waits_for_goal, &i, sizeof i, .name = names[i], .deps = deps);
}

static bool tells(const br_future *f, const char *text)
{
    return strstr(br_future_message(f), text) != NULL;
}

START_TEST(test_cycle_across)
{
    pair p = open_pair(thread_counts[_i]);
    br_future *f = submit_link(p.a, 0, NULL);
    br_future *g = submit_link(p.b, 1, NULL);
    atomic_store(&goal[0], g);
    atomic_store(&goal[1], f);
    ck_assert_int_ne(br_wait(f), BR_OK);
    br_wait(g);
    ck_assert(tells(f, "task second (test_futures_errors.c:") ||
              tells(g, "task first (test_futures_errors.c:"));
    ck_assert(tells(f, "of another context, which waits for it") ||
              tells(g, "of another context, which waits for it"));
    close_pair(&p);
}
END_TEST

/* The third task has not begun, since it depends on the first. */
START_TEST(test_dependency_across)
{
    pair p = open_pair(thread_counts[_i]);
    br_future *f = submit_link(p.a, 0, NULL);
    br_future *g = submit_link(p.b, 1, NULL);
    br_future *h = submit_link(p.a, 2, f);
    atomic_store(&goal[0], g);
    atomic_store(&goal[1], h);
    ck_assert_int_ne(br_wait(h), BR_OK);
    ck_assert_int_ne(br_wait(f), BR_OK);
    ck_assert_int_ne(br_wait(g), BR_OK);
    br_future *last = tells(g, "for ever") ? g : f; /* who closed the cycle */
    ck_assert(tells(last, "would wait for ever, by way of another context, for what waits for it"));
    ck_assert(tells(last, last == g ? "it: task first" : "it: task third"));
    close_pair(&p);
}
END_TEST

START_TEST(test_compute_across)
{
    pair p = open_pair(thread_counts[_i]);
    br_array *x = br_map_blocks(br_zeros(p.a, BR_SHAPE(1)), waits_in_array, .dtype = BR_INT64);
    int64_t out;
    br_future *g = submit_link(p.b, 1, NULL);
    br_future *f = br_compute_async(x, &out, sizeof out);
    atomic_store(&goal[1], f);
    atomic_store(&goal[0], g);
    ck_assert_int_ne(br_wait(g), BR_OK);
    ck_assert_int_ne(br_wait(f), BR_OK);
    ck_assert(tells(f, "of another context, which waits for it") || tells(g, "task second"));
    close_pair(&p);
}
END_TEST

/* ---- what lies below on the same stack ---- */

typedef struct waiting_array {
    br_context *ctx;
    br_array *x; /* its function waits for the first goal */
} waiting_array;

static int computes_goal(br_task *task, const void *args, size_t bytes)
{
    int64_t out;
    const waiting_array *w = args;
    (void)bytes;
    br_status st = br_compute(w->x, &out, sizeof out);
    return st == BR_OK ? 0 : br_task_fail(task, "%s", br_message(w->ctx));
}

static br_future *submit_compute(br_context *ctx, br_context *of)
{
    br_array *zeros = br_zeros(of, BR_SHAPE(1));
    waiting_array w = {of, br_map_blocks(zeros, waits_in_array, .dtype = BR_INT64)};
    return br_submit(ctx, computes_goal, &w, sizeof w);
}

/* Refused is the array's function, or the compute when it is the last to wait; then both. */
static void refuses(br_context *ctx, br_context *of)
{
    br_future *e = submit_compute(ctx, of);
    atomic_store(&goal[0], e);
    br_status st = br_wait(e);
    ck_assert_msg(st == BR_EUSER || st == BR_EARG, "%s", br_future_message(e));
    ck_assert_msg(tells(e, "which waits for it") || tells(e, "for what waits for it"), "%s",
                  br_future_message(e));
    ck_assert(tells(e, "task computes_goal (test_futures_errors.c:"));
}

START_TEST(test_below_across)
{
    pair p = open_pair(thread_counts[_i]);
    refuses(p.b, p.a);
    close_pair(&p);
}
END_TEST

START_TEST(test_below)
{
    pair p = open_pair(thread_counts[_i]);
    refuses(p.b, p.b);
    close_pair(&p);
}
END_TEST

/* Whoever closes the cycle: another task stands between the two. */
START_TEST(test_below_by_way)
{
    pair p = open_pair(thread_counts[_i]);
    br_future *e = submit_compute(p.b, p.a);
    br_future *g = submit_link(p.b, 1, NULL);
    atomic_store(&goal[1], e);
    atomic_store(&goal[0], g);
    ck_assert_int_ne(br_wait(e), BR_OK);
    ck_assert_int_ne(br_wait(g), BR_OK);
    ck_assert_msg(tells(e, "which waits for it") || tells(g, "which waits for it") ||
                      tells(e, "wait for ever") || tells(g, "wait for ever"),
                  "%s; %s", br_future_message(e), br_future_message(g));
    close_pair(&p);
}
END_TEST

/* A task that waits runs nothing but what it needs: not the fourth, which waits for it. */
START_TEST(test_chain_across)
{
    pair p = open_pair(thread_counts[_i]);
    br_future *f = submit_link(p.a, 0, NULL);
    br_future *last = submit_link(p.b, 3, NULL);
    br_future *g = submit_link(p.b, 1, NULL);
    br_future *h = submit_link(p.a, 2, NULL);
    int64_t three = 3;
    br_future *end = br_submit(p.b, square, &three, sizeof three);
    atomic_store(&goal[0], g);
    atomic_store(&goal[1], h);
    atomic_store(&goal[2], end);
    atomic_store(&goal[3], f);
    ck_assert_msg(br_wait(f) == BR_OK, "%s", br_future_message(f));
    ck_assert_msg(br_wait(last) == BR_OK, "%s", br_future_message(last));
    ck_assert_int_eq(br_wait_all((br_future *[]){g, h, end}, 3), BR_OK);
    close_pair(&p);
}
END_TEST

/* The watchdog and SIGUSR1 name both. */
START_TEST(test_printed_across)
{
    pair p = open_pair(2);
    char *text = NULL;
    size_t size;
    br_future *f = submit_link(p.a, 0, NULL);
    br_future *g = submit_link(p.b, 1, NULL);
    int64_t three = 3;
    br_future *end = br_submit(p.b, square, &three, sizeof three);
    atomic_store(&goal[0], g);
    while (text == NULL || strstr(text, "for task second (test_futures_errors.c:") == NULL) {
        free(text);
        FILE *to = open_memstream(&text, &size);
        bri_store_print(p.a, to);
        fclose(to);
        pause_ms(1);
    }
    says(text, "  waiting inside: task first (test_futures_errors.c:");
    says(text, "of another context\n");
    free(text);
    atomic_store(&goal[1], end);
    ck_assert_int_eq(br_wait_all((br_future *[]){f, g, end}, 3), BR_OK);
    close_pair(&p);
}
END_TEST

static int waits_for_either(br_task *task, const void *args, size_t bytes)
{
    br_future *two[2];
    (void)task;
    memcpy(two, args, bytes);
    return br_wait_any(two, 2) == SIZE_MAX;
}

static void wait_until_printed(br_context *ctx, const char *first, const char *second)
{
    bool both = false;
    while (!both) {
        char *text = NULL;
        size_t size;
        FILE *to = open_memstream(&text, &size);
        bri_store_print(ctx, to);
        fclose(to);
        both = strstr(text, first) != NULL && strstr(text, second) != NULL;
        free(text);
        pause_ms(1);
    }
}

/* What waits for one of several, also of its own context, says for how many and one of them. */
START_TEST(test_printed_either)
{
    pair p = open_pair(4); /* for three tasks beside the thread that waits */
    br_future *two[] = {submit_link(p.b, 1, NULL), submit_link(p.b, 2, NULL)};
    br_future *f = br_submit(p.a, waits_for_either, two, sizeof two, .name = "crosses");
    br_future *g = br_submit(p.b, waits_for_either, two, sizeof two, .name = "stays");
    static const char text[] = "one of 2: task second (test_futures_errors.c:";
    int64_t three = 3;
    wait_until_printed(p.a, "waiting inside: task crosses (test_futures_errors.c:", text);
    wait_until_printed(p.b, "waiting inside: task stays (test_futures_errors.c:", text);
    br_future *end = br_submit(p.b, square, &three, sizeof three);
    atomic_store(&goal[1], end);
    atomic_store(&goal[2], end);
    ck_assert_int_eq(br_wait_all((br_future *[]){f, g, two[0], two[1], end}, 5), BR_OK);
    close_pair(&p);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("futures errors");
    tcase_add_loop_test(tests, test_failing_chain, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_freed_failure, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_errors, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_retries, 0, NTHREAD_COUNTS);
    tcase_add_test(tests, test_refused);
    tcase_add_loop_test(tests, test_two_contexts_refused, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_cycle, 2, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_itself, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_cycle_across, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_dependency_across, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_compute_across, 1, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_below_across, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_below, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_below_by_way, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_chain_across, 0, NTHREAD_COUNTS);
    tcase_add_test(tests, test_printed_across);
    tcase_add_test(tests, test_printed_either);
    return run_case("futures errors", tests);
}
