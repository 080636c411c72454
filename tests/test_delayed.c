/* SPDX-License-Identifier: BSD-3-Clause
 * test_delayed.c - futures as chunks of arrays, chunks as futures, computes as dependencies.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/task_samples.h"
#include "tests/tasks.h"

/* ---- tasks that make chunks ---- */

static atomic_int gate;

/* Numbers from `first` on. */
typedef struct run {
    int64_t first, n;
} run;

static int count_up(br_task *task, const void *args, size_t bytes)
{
    const run *r = args;
    int64_t *x = br_task_result(task, (size_t)r->n * sizeof *x);
    while (atomic_load(&gate) == 0)
        pause_ms(1);
    for (int64_t i = 0; x != NULL && i < r->n; i++)
        x[i] = r->first + i;
    return bytes == sizeof *r && x != NULL ? 0 : -1;
}

static br_future *counts(br_context *ctx, int64_t first, int64_t n)
{
    return br_submit(ctx, count_up, &(run){first, n}, sizeof(run));
}

START_TEST(test_along_axis)
{
    br_context *ctx = open_with(thread_counts[_i]);
    br_future *f[4];
    int64_t sum = 0, got[26];
    atomic_store(&gate, thread_counts[_i] == 0);
    for (int i = 0; i < 4; i++)
        f[i] = counts(ctx, 7 * i, i < 3 ? 7 : 5);
    br_array *x = br_from_futures(ctx, f, 4, BR_INT64, BR_SHAPE(26));
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    int64_t extents[8];
    ck_assert_int_eq(br_chunks(x, 0, extents, 8), 4);
    ck_assert_int_eq(extents[0], 7);
    ck_assert_int_eq(extents[3], 5);
    atomic_store(&gate, 1); /* it was built before they were done */
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(br_wait(f[i]), BR_OK);
        br_future_free(f[i]); /* the array has what it needs */
    }
    ck_assert_int_eq(br_compute_i64(br_sum(x), &sum), BR_OK);
    ck_assert_int_eq(sum, 325);
    ck_assert_int_eq(br_compute(br_multiply(x, 2), got, sizeof got), BR_OK);
    for (int i = 0; i < 26; i++)
        ck_assert_int_eq(got[i], 2 * i);
    br_future *flight = br_compute_async(br_index(x, "5:16"), got, 11 * sizeof got[0]);
    ck_assert_int_eq(br_wait(flight), BR_OK);
    for (int i = 0; i < 11; i++)
        ck_assert_int_eq(got[i], 5 + i);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* A grid of 2 x 3 chunks of a matrix of 5 x 8. */
START_TEST(test_grid)
{
    br_context *ctx = open_with(thread_counts[_i]);
    static const int64_t rows[] = {3, 2}, columns[] = {3, 3, 2};
    br_future *f[6];
    int64_t got[5][8];
    atomic_store(&gate, 1);
    for (int i = 0; i < 6; i++)
        f[i] = counts(ctx, 100 * i, rows[i / 3] * columns[i % 3]);
    br_array *x = br_from_futures(ctx, f, 6, BR_INT64, BR_SHAPE(5, 8), .chunks = BR_CHUNKS(3, 3));
    ck_assert_msg(br_compute(x, got, sizeof got) == BR_OK, "%s", br_message(ctx));
    for (int r = 0; r < 5; r++)
        for (int c = 0; c < 8; c++)
            ck_assert_int_eq(got[r][c],
                             100 * (3 * (r / 3) + c / 3) + (r % 3) * columns[c / 3] + c % 3);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_nothing_and_one)
{
    br_context *ctx = open_with(2);
    int64_t got = 0;
    atomic_store(&gate, 1);
    br_future *f = counts(ctx, 41, 1);
    ck_assert_int_eq(br_compute_i64(br_from_futures(ctx, &f, 1, BR_INT64, BR_0D), &got), BR_OK);
    ck_assert_int_eq(got, 41);
    f = counts(ctx, 0, 0);
    br_array *x = br_from_futures(ctx, &f, 1, BR_INT64, BR_SHAPE(0, 4));
    ck_assert_int_eq(br_compute_i64(br_sum(x), &got), BR_OK);
    ck_assert_int_eq(got, 0);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static void no_array(br_array *x, br_status status, const char *text)
{
    ck_assert_int_eq(br_status_of(x), status);
    says(br_error(x), "from_futures");
    says(br_error(x), text);
}

static int fails(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    return br_task_fail(task, "no sensor");
}

START_TEST(test_refused)
{
    br_context *ctx = open_with(2);
    br_context *other = br_open(NULL, NULL);
    double buffer[4];
    int64_t got;
    atomic_store(&gate, 1);
    br_future *f[3] = {counts(ctx, 0, 2), counts(ctx, 2, 2), counts(ctx, 4, 2)};
    no_array(br_from_futures(ctx, f, 3, BR_INT64, BR_SHAPE(6), .chunks = BR_CHUNKS(3)), BR_EARG,
             "3 futures for an array of 2 chunks");
    no_array(br_from_futures(ctx, f, 0, BR_INT64, BR_SHAPE(6)), BR_EARG, "0 futures");
    no_array(br_from_futures(ctx, f, 3, BR_INT64, BR_SHAPE(-6)), BR_ESHAPE, "negative");
    no_array(br_from_futures(ctx, f, 3, (br_dtype)77, BR_SHAPE(6)), BR_ETYPE, "77");
    no_array(
        br_from_futures(ctx, f, 3, BR_INT64, BR_SHAPE(6), .chunk_lists = {BR_EXTENTS(2, 1, 2)}),
        BR_ESHAPE, ".chunk_lists[0] adds up to 5, but axis 0 has 6");
    no_array(br_from_futures(ctx, f, 3, BR_INT64, BR_SHAPE(6), .chunk_lists = {BR_EXTENTS(2, 4)}),
             BR_EARG, "3 futures for an array of 2 chunks");
    no_array(br_from_futures(ctx, f, 3, BR_INT64, BR_SHAPE(6), .chunks = BR_CHUNKS(2),
                             .chunk_lists = {BR_EXTENTS(2, 2, 2)}),
             BR_EARG, ".chunks has an extent for it");
    no_array(br_from_futures(ctx, f, 3, BR_INT64, BR_SHAPE(6),
                             .chunk_lists = {[1] = BR_EXTENTS(2, 2, 2)}),
             BR_EARG, "the result has 1 axes");
    no_array(
        br_from_futures(ctx, f, 3, BR_INT64, BR_SHAPE(6), .chunk_lists = {BR_EXTENTS(7, -3, 2)}),
        BR_ESHAPE, "extent -3 in .chunk_lists[0]");
    br_future *none[] = {f[0], NULL};
    no_array(br_from_futures(ctx, none, 2, BR_INT64, BR_SHAPE(4)), BR_EARG, "future 1 is NULL");
    br_future *foreign = counts(other, 0, 2);
    no_array(br_from_futures(ctx, &foreign, 1, BR_INT64, BR_SHAPE(2)), BR_EARG, "another context");
    ck_assert_int_eq(br_wait(foreign), BR_OK); /* closing would cancel it */
    br_future *flight = br_compute_async(br_ones(ctx, BR_SHAPE(4)), buffer, sizeof buffer);
    no_array(br_from_futures(ctx, &flight, 1, BR_FLOAT64, BR_SHAPE(4)), BR_EARG, "no bytes");
    ck_assert_int_eq(br_wait(flight), BR_OK);
    br_clear_error(ctx);
    /* What shows when it is computed. */
    br_array *x = br_from_futures(ctx, f, 3, BR_INT64, BR_SHAPE(9));
    ck_assert_int_eq(br_compute_i64(br_sum(x), &got), BR_ESHAPE);
    says(br_message(ctx), "chunk (0,) has 24 bytes, but task count_up (test_delayed.c:");
    says(br_message(ctx), "returned 16");
    br_clear_error(ctx);
    br_future *bad[] = {f[0], br_submit(ctx, fails, NULL, 0)};
    x = br_from_futures(ctx, bad, 2, BR_INT64, BR_SHAPE(4));
    if (br_status_of(x) == BR_OK) {
        ck_assert_int_eq(br_compute_i64(br_sum(x), &got), BR_EUSER);
        says(br_message(ctx), "chunk (1,)");
        says(br_message(ctx), "no sensor");
    } else { /* it had failed before */
        says(br_error(x), "no sensor");
    }
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(other), 0);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* The futures, and the array itself, are freed while it is computed. */
START_TEST(test_freed_meanwhile)
{
    br_context *ctx = open_with(thread_counts[_i]);
    static int64_t got[100000];
    br_future *f[10];
    atomic_store(&gate, 1);
    br_scope *scope = br_scope_open(ctx);
    for (int i = 0; i < 10; i++)
        f[i] = counts(ctx, 10000 * i, 10000);
    br_array *x = br_from_futures(ctx, f, 10, BR_INT64, BR_SHAPE(100000));
    br_future *flight = br_compute_async(br_add(x, 1), got, sizeof got);
    for (int i = 0; i < 10; i++)
        br_future_free(f[i]);
    br_scope_close(scope);
    ck_assert_msg(br_wait(flight) == BR_OK, "%s", br_message(ctx));
    for (int64_t i = 0; i < 100000; i++)
        if (got[i] != i + 1)
            ck_abort_msg("%lld: %lld", (long long)i, (long long)got[i]);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- chunks as futures ---- */

static br_array *matrix(br_context *ctx)
{
    br_array *x = br_linspace(ctx, 0, 3, 30 * 44, .chunks = BR_CHUNKS(100));
    return br_rechunk(br_sin(br_reshape(x, BR_SHAPE(30, 44))), BR_CHUNKS(8, 11));
}

START_TEST(test_round_trip)
{
    br_context *ctx = open_with(thread_counts[_i]);
    static double want[30 * 44], got[30 * 44];
    br_future *f[16];
    br_array *x = matrix(ctx);
    ck_assert_int_eq(br_compute(x, want, sizeof want), BR_OK);
    ck_assert_msg(br_to_futures(x, f, 16) == BR_OK, "%s", br_message(ctx));
    br_array *y =
        br_from_futures(ctx, f, 16, BR_FLOAT64, BR_SHAPE(30, 44), .chunks = BR_CHUNKS(8, 11));
    ck_assert_msg(br_compute(y, got, sizeof got) == BR_OK, "%s", br_message(ctx));
    ck_assert(memcmp(want, got, sizeof want) == 0);
    size_t bytes = 0;
    const double *last = br_future_view(f[15], &bytes);
    ck_assert_uint_eq(bytes, 6 * 11 * sizeof(double));
    ck_assert(last[0] == want[24 * 44 + 33] && last[11] == want[25 * 44 + 33]);
    for (int i = 0; i < 16; i++)
        br_future_free(f[i]);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* The same where chunks are not equal, along one axis and along both. */
START_TEST(test_unequal_chunks)
{
    br_context *ctx = open_with(thread_counts[_i]);
    static double want[30 * 44], got[30 * 44];
    br_future *f[12];
    br_array *parts[] = {br_index(matrix(ctx), ":8"), br_index(matrix(ctx), "8:11"),
                         br_index(matrix(ctx), "11:")};
    br_array *x = br_rechunk(br_concat(parts, 3), BR_CHUNKS(30, 11));
    ck_assert_int_eq(br_compute(x, want, sizeof want), BR_OK);
    for (int i = 0; i < 3; i++)
        parts[i] = br_rechunk(parts[i], BR_CHUNKS(-1, 11));
    x = br_concat(parts, 3);
    ck_assert_msg(br_to_futures(x, f, 12) == BR_OK, "%s", br_message(ctx));
    br_array *y =
        br_from_futures(ctx, f, 12, BR_FLOAT64, BR_SHAPE(30, 44), .chunks = BR_CHUNKS(0, 11),
                        .chunk_lists = {[0] = BR_EXTENTS(8, 3, 19)});
    ck_assert_msg(br_status_of(y) == BR_OK, "%s", br_error(y));
    ck_assert_int_eq(br_num_chunks(y, 0), 3);
    ck_assert_int_eq(br_compute(y, got, sizeof got), BR_OK);
    ck_assert(memcmp(want, got, sizeof want) == 0);
    y = br_from_futures(ctx, f, 12, BR_FLOAT64, BR_SHAPE(30, 44),
                        .chunk_lists = {BR_EXTENTS(8, 3, 19), BR_EXTENTS(11, 11, 11, 11)});
    ck_assert_int_eq(br_compute(br_index(y, "::-3"), got, 10 * 44 * sizeof *got), BR_OK);
    for (int i = 0; i < 10; i++)
        ck_assert(memcmp(want + (29 - 3 * i) * 44, got + i * 44, 44 * sizeof *got) == 0);
    y = br_from_futures(ctx, f, 12, BR_FLOAT64, BR_SHAPE(30, 44), .chunks = BR_CHUNKS(0, 11),
                        .chunk_lists = {BR_EXTENTS(8, 4, 18)});
    ck_assert_int_eq(br_compute(y, got, sizeof got), BR_ESHAPE);
    says(br_message(ctx), "chunk (1, 0) has 352 bytes");
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* From chunks by tasks to an array again. */
START_TEST(test_chunks_to_tasks)
{
    br_context *ctx = open_with(thread_counts[_i]);
    br_future *f[10], *g[10];
    double got[10];
    br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(1000), .chunks = BR_CHUNKS(100));
    ck_assert_int_eq(br_to_futures(x, f, 10), BR_OK);
    for (int i = 0; i < 10; i++)
        g[i] = br_submit(ctx, add_up, NULL, 0, .deps = {&f[i], 1});
    br_array *sums = br_from_futures(ctx, g, 10, BR_FLOAT64, BR_SHAPE(10));
    ck_assert_msg(br_compute(sums, got, sizeof got) == BR_OK, "%s", br_message(ctx));
    for (int i = 0; i < 10; i++)
        ck_assert_double_eq(got[i], 10000.0 * i + 4950);
    br_completed *c = br_as_completed(ctx, f, 10);
    int seen = 0;
    while (br_next_completed(c) != NULL)
        seen++;
    ck_assert_int_eq(seen, 10);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int bad_chunk(const br_block *inputs, int ninputs, const br_block *output, const void *data)
{
    (void)inputs, (void)ninputs, (void)data;
    memset(output->data, 0, (size_t)output->extent[0] * sizeof(double));
    return output->origin[0] >= 50 ? 4 : 0;
}

START_TEST(test_failing_chunks)
{
    br_context *ctx = open_with(thread_counts[_i]);
    br_future *f[10];
    br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(100), .chunks = BR_CHUNKS(10));
    ck_assert_int_eq(br_to_futures(br_map_blocks(x, bad_chunk), f, 10), BR_OK);
    ck_assert_int_eq(br_wait(f[9]), BR_EUSER);
    says(br_future_message(f[9]), "bad_chunk returned 4");
    br_clear_error(ctx);
    for (int i = 0; i < 10; i++)
        br_future_free(f[i]);
    br_clear_error(ctx);
    ck_assert_int_eq(br_to_futures(x, f, 9), BR_EARG);
    says(br_message(ctx), "room for 9 futures, the array has 10 chunks");
    ck_assert(br_test(f[0]) && br_future_status(f[8]) == BR_EARG);
    br_clear_error(ctx);
    br_array *wrong = br_index(x, "1000");
    ck_assert_int_ne(br_to_futures(wrong, f, 1), BR_OK);
    br_clear_error(ctx);
    ck_assert_int_eq(br_to_futures(x, f, 10), BR_OK);
    br_cancel(f[3]);
    br_status st = br_wait(f[3]);
    ck_assert(st == BR_OK || st == BR_ECANCELLED);
    ck_assert_int_eq(br_wait(f[4]), BR_OK);
    br_clear_error(ctx);
    int code = br_close(ctx); /* what is still in flight is cancelled */
    ck_assert(code == 0 || code == BR_ECANCELLED);
}
END_TEST

/* ---- computes as dependencies ---- */

static int looks(br_task *task, const void *args, size_t bytes)
{
    size_t n = 99;
    const double *buffer = *(const double *const *)args;
    (void)bytes;
    if (br_task_ninputs(task) != 1 || br_task_input(task, 0, &n) == NULL || n != 0)
        return 1;
    return br_task_return(task, &buffer[63], sizeof buffer[63]);
}

START_TEST(test_compute_as_dependency)
{
    br_context *ctx = open_with(thread_counts[_i]);
    double buffer[64], got = 0;
    const double *at = buffer;
    for (int round = 0; round < 50; round++) {
        memset(buffer, 0, sizeof buffer);
        br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(64), .chunks = BR_CHUNKS(4));
        br_future *flight = br_compute_async(br_add(x, round), buffer, sizeof buffer);
        br_future *a = br_submit(ctx, looks, &at, sizeof at, .deps = BR_FUTURES(flight));
        br_future *b = br_submit(ctx, looks, &at, sizeof at, .deps = BR_FUTURES(flight));
        ck_assert_msg(br_future_result(a, &got, sizeof got) == BR_OK, "%s", br_message(ctx));
        ck_assert_double_eq(got, 63 + round);
        br_future_free(flight);
        ck_assert_int_eq(br_future_result(b, &got, sizeof got), BR_OK);
        ck_assert_double_eq(got, 63 + round);
        br_future_free(a);
        br_future_free(b);
    }
    br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(100), .chunks = BR_CHUNKS(10));
    static double all[100];
    br_future *flight = br_compute_async(br_map_blocks(x, bad_chunk), all, sizeof all);
    br_future *a = br_submit(ctx, looks, &at, sizeof at, .deps = BR_FUTURES(flight), .name = "a");
    ck_assert_int_eq(br_wait(a), BR_EUSER);
    says(br_future_message(a), "what it depends on failed");
    says(br_future_message(a), "bad_chunk returned 4");
    br_wait(flight);
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("delayed");
    tcase_add_loop_test(tests, test_along_axis, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_grid, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_freed_meanwhile, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_round_trip, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_unequal_chunks, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_chunks_to_tasks, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_failing_chunks, 0, NTHREAD_COUNTS);
    tcase_add_loop_test(tests, test_compute_as_dependency, 0, NTHREAD_COUNTS);
    tcase_add_test(tests, test_nothing_and_one);
    tcase_add_test(tests, test_refused);
    return run_case("delayed", tests);
}
