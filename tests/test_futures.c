/* SPDX-License-Identifier: BSD-3-Clause
 * test_futures.c - tasks that are handed in: results, arguments, dependencies, tasks in tasks.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/tasks.h"

/* ---- results ---- */

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
    says(br_message(ctx), "nothing (test_futures.c:");
    says(br_message(ctx), "returned 0 bytes, not 4");
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
    br_future *none = br_submit(ctx, sum_bytes, data, BYTES);
    ck_assert(br_test(none));
    ck_assert_int_eq(br_wait(none), BR_EMEMLIMIT);
    says(br_message(ctx), "can be freed");
    br_clear_error(ctx);
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
    TCase *tests = tcase_create("futures");
    tcase_add_loop_test(tests, test_results, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_sizes, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_arguments, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_many, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_dependencies, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_chain, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_freed_dependency, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_recursion, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_outer, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_beside_arrays, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_memory, 0, NTHREAD_COUNTS);
    return run_case("futures", tests);
}
