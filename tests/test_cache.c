/* SPDX-License-Identifier: BSD-3-Clause
 * test_cache.c - computing the same again reuses the plan, with the memory and buffers of the day.
 */
#include <bramble/bramble.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array/expr/handle.h"
#include "array/plan/cache.h"
#include "array/plan/sink.h"
#include "tests/suite.h"

enum { N = 1000 };

static br_context *ctx;
static double data[N];

static void setup(void)
{
    setenv("BRAMBLE_LOG", "quiet", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
    for (int i = 0; i < N; i++)
        data[i] = i;
}

static void teardown(void)
{
    br_close(ctx);
}

/* Is there a kept plan of x? It is put back. */
static bool is_kept(br_array *x, void *buffer)
{
    bri_sink sink = {.kind = BRI_SINK_RESULT, .buffer = buffer};
    bri_outputs outputs = {.node = &x->node, .sink = &sink, .n = 1};
    bri_plan *plan = bri_cache_take(ctx, &outputs);
    if (plan != NULL)
        bri_cache_put(ctx, &outputs, plan);
    return plan != NULL;
}

static br_array *memory(int64_t chunk)
{
    return br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(N), .chunks = BR_CHUNKS(chunk));
}

START_TEST(each_run_sees_its_memory_and_buffer)
{
    static const int64_t chunks[] = {N, 100};
    br_array *x = br_mul(memory(chunks[_i]), 2);
    br_array *sum = br_sum(x);
    double out[2][N];
    double total;
    for (int run = 0; run < 4; run++) {
        data[7] = run;
        memset(out, 0, sizeof out);
        ck_assert_int_eq(br_compute(x, out[run % 2], sizeof out[0]), BR_OK);
        ck_assert(is_kept(x, out[0]));
        ck_assert(out[run % 2][7] == 2 * run && out[run % 2][N - 1] == 2 * (N - 1));
        ck_assert(out[1 - run % 2][8] == 0);
        ck_assert_int_eq(br_compute_f64(sum, &total), BR_OK);
        ck_assert(total == N * (N - 1) + 2 * (run - 7));
    }
}
END_TEST

START_TEST(an_output_that_is_freed_takes_its_plan_along)
{
    double out[N];
    for (int i = 0; i < 100; i++) { /* nodes come to stand where others were */
        br_scope *s = br_scope_open(ctx);
        br_array *x = br_add(memory(N), i);
        br_array *twice = i % 2 ? br_mul(x, 2) : x;
        ck_assert_int_eq(br_compute(twice, out, sizeof out), BR_OK);
        ck_assert(out[5] == (i % 2 ? 2 : 1) * (5.0 + i));
        br_scope_close(s);
    }
}
END_TEST

START_TEST(many_plans_take_turns)
{
    br_array *x[20];
    double out[N];
    for (int i = 0; i < 20; i++)
        x[i] = br_add(memory(N), i);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 20; i++) {
            ck_assert_int_eq(br_compute(x[i], out, sizeof out), BR_OK);
            ck_assert(out[3] == 3 + i);
        }
    ck_assert(!is_kept(x[2], out));
    ck_assert(is_kept(x[19], out));
}
END_TEST

START_TEST(passes_run_again)
{
    br_array *x = br_reshape(memory(N), BR_SHAPE(50, 20));
    x = br_rechunk(x, BR_CHUNKS(7, 6));
    double mean;
    double sd[20];
    double first[21];
    br_result results[] = {{br_mean(x), &mean, sizeof mean},
                           {br_std(x, .axis = BR_AXIS(0)), sd, sizeof sd}};
    for (int run = 0; run < 3; run++) {
        ck_assert_int_eq(br_compute_many(results, 2), BR_OK);
        if (run == 0)
            memcpy(first + 1, sd, sizeof sd);
        first[0] = run == 0 ? mean : first[0];
        ck_assert(mean == first[0] && mean == 499.5);
        ck_assert_mem_eq(sd, first + 1, sizeof sd);
    }
}
END_TEST

/* Where memory gets short the passes of the kept plan are given up, and come back after that. */
START_TEST(less_memory_takes_another_plan)
{
    br_close(ctx);
    setenv("BRAMBLE_MEMORY_LIMIT", "3M", 1);
    setup();
    unsetenv("BRAMBLE_MEMORY_LIMIT");
    const int64_t rows = 1 << 17;
    br_array *x = br_random_normal(ctx, BR_SHAPE(rows, 8), .chunks = BR_CHUNKS(1 << 10, 8));
    br_array *mean = br_mean(x, .axis = BR_AXIS(1), .keepdims = true);
    br_array *sd = br_std(x, .axis = BR_AXIS(1), .keepdims = true);
    br_array *sum = br_sum(br_div(br_sub(x, mean), sd));
    double first;
    double value;
    ck_assert_int_eq(br_compute_f64(sum, &first), BR_OK);
    ck_assert(is_kept(sum, &value));
    br_scope *s = br_scope_open(ctx);
    br_array *held = br_persist(br_ones(ctx, BR_SHAPE(1 << 17)));
    ck_assert_int_eq(br_status_of(held), BR_OK);
    ck_assert_msg(br_compute_f64(sum, &value) == BR_OK, "%s", br_message(ctx));
    ck_assert(value == first);
    ck_assert(!is_kept(sum, &value));
    br_scope_close(s);
    ck_assert_int_eq(br_compute_f64(sum, &value), BR_OK);
    ck_assert(value == first);
    ck_assert(is_kept(sum, &value));
}
END_TEST

START_TEST(a_file_that_changes_is_still_noticed)
{
    double sum;
    unlink("cache.h5");
    ck_assert_int_eq(br_store_hdf5(memory(N), "cache.h5", "x"), BR_OK);
    br_array *x = br_sum(br_from_hdf5(ctx, "cache.h5", "x"));
    ck_assert_int_eq(br_compute_f64(x, &sum), BR_OK);
    ck_assert_int_eq(br_compute_f64(x, &sum), BR_OK);
    ck_assert_int_eq(truncate("cache.h5", 100), 0);
    ck_assert_int_ne(br_compute_f64(x, &sum), BR_OK);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "cache.h5"));
    br_clear_error(ctx);
    unlink("cache.h5");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("cache");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, each_run_sees_its_memory_and_buffer, 0, 2);
    tcase_add_test(tests, an_output_that_is_freed_takes_its_plan_along);
    tcase_add_test(tests, many_plans_take_turns);
    tcase_add_test(tests, passes_run_again);
    tcase_add_test(tests, less_memory_takes_another_plan);
    tcase_add_test(tests, a_file_that_changes_is_still_noticed);
    return run_case("cache", tests);
}
