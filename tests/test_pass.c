/* SPDX-License-Identifier: BSD-3-Clause
 * test_pass.c - several reductions of one source run as one pass, with the bits of each alone.
 */
#include <bramble/bramble.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/expr/handle.h"
#include "array/plan/fit.h"
#include "tests/folder.h"
#include "tests/suite.h"

enum { MANY = 8 };

/* Numbers whose sums round. */
static br_array *uneven_numbers(int64_t n)
{
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(n));
    return br_div(br_remainder(br_mul(x, 7919), 10007), 3);
}

/* Each of x alone, then all together: the same bytes. */
static void check_same(br_array *const *x, int n)
{
    void *alone[MANY];
    br_result results[MANY] = {{0}};
    for (int i = 0; i < n; i++) {
        ck_assert_msg(br_compute_alloc(x[i], &alone[i]) == BR_OK, "%s", br_message(ctx));
        results[i] = (br_result){x[i], malloc(br_nbytes(x[i]) + 1), br_nbytes(x[i])};
    }
    ck_assert_msg(br_compute_many(results, (size_t)n) == BR_OK, "%s", br_message(ctx));
    for (int i = 0; i < n; i++) {
        ck_assert_msg(memcmp(alone[i], results[i].buffer, results[i].bytes) == 0, "result %d", i);
        free(alone[i]);
        free(results[i].buffer);
    }
}

static br_run_info last_run(void)
{
    br_run_info info;
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    return info;
}

/* What br_explain says. */
static char *explained(br_array *x)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    ck_assert_msg(br_explain(x, to) == BR_OK, "%s", br_message(ctx));
    fclose(to);
    return text;
}

START_TEST(a_file_is_read_once)
{
    br_array *made = br_reshape(uneven_numbers(144000), BR_SHAPE(120, 40, 30));
    bool contiguous = _i == 1;
    if (contiguous)
        ck_assert_int_eq(br_store_hdf5(made, "x.h5", "x", .contiguous = true), BR_OK);
    else
        ck_assert_int_eq(br_store_hdf5(made, "x.h5", "x", .chunks = BR_CHUNKS(30, 20, 15)), BR_OK);
    br_array *x = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(30, 20, 15));
    br_array *root = br_sqrt(br_add(x, 1));
    br_array *results[] = {br_mean(x, .axis = BR_AXIS(0)),
                           br_mean(x),
                           root,
                           br_max(root),
                           br_sum(x, .axis = BR_AXES(0, 2)),
                           br_mul(x, -1),
                           br_permute_dims(x, BR_AXES(2, 0, 1))};
    double mean;
    ck_assert_int_eq(br_compute_f64(results[1], &mean), BR_OK);
    int64_t once = last_run().bytes_read;
    check_same(results, 6);
    ck_assert_int_eq(last_run().bytes_read, once);
    check_same(results, 7);
}
END_TEST

START_TEST(one_expression_reads_once)
{
    br_array *made = br_reshape(uneven_numbers(144000), BR_SHAPE(120, 40, 30));
    ck_assert_int_eq(br_store_hdf5(made, "x.h5", "x", .chunks = BR_CHUNKS(30, 20, 15)), BR_OK);
    br_array *x = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(30, 20, 15));
    br_array *range = br_sub(br_max(x, .axis = BR_AXIS(1)), br_min(x, .axis = BR_AXIS(1)));
    void *out;
    ck_assert_int_eq(br_compute_alloc(range, &out), BR_OK);
    free(out);
    ck_assert_int_eq(last_run().bytes_read, 144000 * 8);
    char *text = explained(range);
    ck_assert_ptr_nonnull(strstr(text, "pass for max (test_pass.c:"));
    ck_assert_ptr_nonnull(strstr(text, "1 passes"));
    free(text);
}
END_TEST

static br_array *some_reduction(br_array *x, int64_t pick)
{
    br_axes axes = BR_NO_AXES;
    for (int a = 0; a < br_ndim(x); a++)
        if (pick >> a & 1)
            axes = axes.n < 0 ? BR_AXIS(a) : (br_axes){axes.n + 1, {axes.axis[0], a}};
    if (pick % 8 == 7)
        axes = (br_axes){0};
    switch (pick / 8 % 6) {
    case 0:
        return br_sum(x, .axis = axes);
    case 1:
        return br_std(x, .axis = axes, .keepdims = true);
    case 2:
        return br_mean(x, .axis = axes);
    case 3:
        return br_min(x, .axis = axes);
    case 4:
        return br_any(x, .axis = axes);
    default:
        return br_prod(x, .axis = axes);
    }
}

/* Sums come from the variance of the same elements: before it, after it, or of other axes. */
START_TEST(sums_beside_variances)
{
    static const br_extents chunks[] = {{3, {7, 100, 3}}, {3, {64, 130, 40}}, {3, {16, 33, 40}}};
    for (int i = 0; i < 3 * 8 * 2; i++) {
        br_scope *s = br_scope_open(ctx);
        br_axes axes = {0};
        for (int a = 0; a < 3; a++)
            if (i / 3 % 8 >> a & 1)
                axes.axis[axes.n++] = a;
        br_array *x = br_reshape(uneven_numbers(70 * 140 * 40), BR_SHAPE(70, 140, 40));
        x = br_rechunk(br_astype(x, i / 24 ? BR_FLOAT32 : BR_FLOAT64), chunks[i % 3]);
        br_array *results[] = {br_mean(x, .axis = axes), br_sum(x, .axis = BR_AXIS(1)),
                               br_std(x, .axis = axes), br_sum(x, .axis = axes),
                               br_var(x, .axis = axes, .correction = 1)};
        check_same(results, 5);
        check_same(results + 2, 2);
        br_scope_close(s);
    }
}
END_TEST

static bool passes_with(br_array *x, const char *note)
{
    char *text = explained(x);
    bool there = strstr(text, note) != NULL;
    ck_assert_ptr_nonnull(strstr(text, "pass for "));
    free(text);
    return there;
}

/* A computed operand is only kept where several go through it: not a sum beside its variance. */
START_TEST(what_one_reduction_computes_is_not_kept)
{
    const char *note = "makes exp (test_pass.c:";
    br_array *x = br_rechunk(uneven_numbers(1 << 16), BR_CHUNKS(1 << 13));
    br_array *y = br_exp(br_div(x, -3000.0));
    br_array *mean = br_mean(y);
    br_array *sd = br_std(y);
    br_array *both = br_div(mean, sd);
    ck_assert(!passes_with(both, note));
    ck_assert(passes_with(br_add(both, br_max(y)), note));
    ck_assert(passes_with(br_add(both, br_var(y, .correction = 1)), note));
    ck_assert(!passes_with(br_div(br_sum(x), br_std(x)), "makes "));
    check_same((br_array *[]){mean, sd}, 2);
    check_same((br_array *[]){mean, sd, br_max(y)}, 3);
}
END_TEST

/* Any mix of axes, operations and operands, over grids of one to many chunks. */
START_TEST(bits_are_those_of_each_alone)
{
    static const br_extents chunks[] = {
        {3, {7, 100, 3}}, {3, {64, 130, 5}}, {3, {1, 130, 1}}, {3, {16, 64, 5}}, {3, {100, 1, 5}}};
    srandom(11);
    for (int i = 0; i < 60; i++) {
        br_scope *s = br_scope_open(ctx);
        br_array *x = br_rechunk(br_reshape(uneven_numbers(100 * 130 * 5), BR_SHAPE(100, 130, 5)),
                                 chunks[i % 5]);
        br_array *y = br_exp(br_div(x, -3000.0));
        br_array *r[6];
        for (int k = 0; k < 6; k++)
            r[k] = some_reduction(k % 3 == 0 ? x : k % 3 == 1 ? y : br_add(y, k), random() % 48);
        check_same(r, 6);
        br_scope_close(s);
    }
}
END_TEST

/* Row by row: a pass makes what the next operation needs, and no more is held. */
START_TEST(rows_are_normalised_one_after_the_other)
{
    br_array *x = br_reshape(uneven_numbers(1 << 20), BR_SHAPE(1 << 17, 8));
    ck_assert_int_eq(br_store_hdf5(x, "x.h5", "x", .chunks = BR_CHUNKS(1 << 10, 8)), BR_OK);
    x = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(1 << 10, 8));
    br_array *mean = br_mean(x, .axis = BR_AXIS(1), .keepdims = true);
    br_array *sd = br_std(x, .axis = BR_AXIS(1), .keepdims = true);
    br_array *normal = br_div(br_sub(x, mean), sd);
    br_array *parts = br_div(br_sub(x, br_persist(mean)), br_persist(sd));
    void *a;
    void *b;
    ck_assert_int_eq(br_compute_alloc(parts, &b), BR_OK);
    ck_assert_int_eq(br_compute_alloc(normal, &a), BR_OK);
    ck_assert_mem_eq(a, b, (size_t)8 << 20);
    ck_assert_int_eq(last_run().bytes_read, 2 * (8 << 20));
    free(a);
    free(b);
}
END_TEST

START_TEST(reductions_of_reductions_come_later)
{
    br_array *x = br_reshape(uneven_numbers(90000), BR_SHAPE(300, 300));
    br_array *y = br_rechunk(x, BR_CHUNKS(64, 50));
    br_array *anomaly = br_sub(y, br_mean(y));
    br_array *results[] = {br_mean(br_square(anomaly)), br_min(y), br_max(anomaly), br_mean(y),
                           br_sum(anomaly, .axis = BR_AXIS(0))};
    check_same(results, 5);
}
END_TEST

/* Several passes in one plan, each of a source of its own. */
START_TEST(every_source_has_its_pass)
{
    br_array *results[MANY];
    for (int k = 0; k < MANY / 2; k++) {
        br_array *x = br_rechunk(uneven_numbers(1000 + k), BR_CHUNKS(100));
        results[k] = br_sum(x);
        results[k + MANY / 2] = br_max(x);
    }
    check_same(results, MANY);
}
END_TEST

/* A reduction that fails within a pass is the one that is told of. */
START_TEST(the_one_that_fails_is_named)
{
    static const double nans[] = {NAN, NAN, 1, 2};
    br_array *x = br_from_memory(ctx, nans, BR_FLOAT64, BR_SHAPE(2, 2));
    double sum[2];
    int64_t index[2];
    br_result results[] = {{br_sum(x, .axis = BR_AXIS(1)), sum, sizeof sum},
                           {br_nanargmin(x, .axis = BR_AXIS(1)), index, sizeof index}};
    ck_assert_int_eq(br_compute_many(results, 2), BR_EARG);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "a pass for sum (test_pass.c:"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "nanargmin (test_pass.c:"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "chunk (0,): there are only NaNs"));
    br_clear_error(ctx);
}
END_TEST

START_TEST(passes_are_given_up_where_memory_is_short)
{
    br_array *x = br_reshape(uneven_numbers(1 << 20), BR_SHAPE(1 << 17, 8));
    ck_assert_int_eq(br_store_hdf5(x, "x.h5", "x", .chunks = BR_CHUNKS(1 << 10, 8)), BR_OK);
    br_close(ctx);
    open_context("3M");
    x = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(1 << 10, 8));
    br_array *mean = br_mean(x, .axis = BR_AXIS(1), .keepdims = true);
    br_array *sd = br_std(x, .axis = BR_AXIS(1), .keepdims = true);
    br_array *sum = br_sum(br_div(br_sub(x, mean), sd));
    double value;
    ck_assert_msg(br_compute_f64(sum, &value) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_le(last_run().peak_bytes, 3 << 20);
    char *text = explained(sum);
    ck_assert_ptr_null(strstr(text, "pass for"));
    free(text);
    br_close(ctx);
    open_context("64M");
    x = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(1 << 10, 8));
    mean = br_mean(x, .axis = BR_AXIS(1), .keepdims = true);
    sd = br_std(x, .axis = BR_AXIS(1), .keepdims = true);
    double again;
    sum = br_sum(br_div(br_sub(x, mean), sd));
    ck_assert_int_eq(br_compute_f64(sum, &again), BR_OK);
    ck_assert(value == again);
    text = explained(sum);
    ck_assert_ptr_nonnull(strstr(text, "pass for"));
    free(text);
}
END_TEST

/* The dry run of a plan with a pass: as many tasks as run, at least as much memory. */
START_TEST(the_peak_is_what_was_predicted)
{
    br_array *x = br_reshape(uneven_numbers(1 << 20), BR_SHAPE(1 << 10, 1 << 10));
    ck_assert_int_eq(br_store_hdf5(x, "x.h5", "x"), BR_OK);
    br_close(ctx);
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    open_context(NULL);
    x = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(128, 100));
    br_array *r[] = {br_mean(x), br_std(x, .axis = BR_AXIS(0)), br_max(x, .axis = BR_AXIS(1))};
    bri_node *nodes[3];
    bri_sink sinks[3];
    br_result results[3];
    for (int i = 0; i < 3; i++) {
        nodes[i] = r[i]->node;
        results[i] = (br_result){r[i], malloc(br_nbytes(r[i])), br_nbytes(r[i])};
        sinks[i] = (bri_sink){.kind = BRI_SINK_RESULT, .buffer = results[i].buffer};
    }
    bri_plan *plan;
    bri_dry_run dry;
    ck_assert_int_eq(bri_plan_new(ctx, &(bri_outputs){.node = nodes, .sink = sinks, .n = 3}, &plan),
                     BR_OK);
    ck_assert_int_eq(plan->npasses, 1);
    ck_assert_int_eq(bri_plan_measure(plan, &dry, NULL), BR_OK);
    bri_plan_free(plan);
    ck_assert_int_eq(br_compute_many(results, 3), BR_OK);
    ck_assert_int_eq(last_run().tasks, dry.tasks);
    ck_assert_int_le(last_run().peak_bytes, (int64_t)dry.peak);
    for (int i = 0; i < 3; i++)
        free(results[i].buffer);
    unsetenv("BRAMBLE_SCHEDULER");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pass");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_file_is_read_once, 0, 2);
    tcase_add_test(tests, one_expression_reads_once);
    tcase_add_test(tests, sums_beside_variances);
    tcase_add_test(tests, what_one_reduction_computes_is_not_kept);
    tcase_add_test(tests, bits_are_those_of_each_alone);
    tcase_add_test(tests, rows_are_normalised_one_after_the_other);
    tcase_add_test(tests, reductions_of_reductions_come_later);
    tcase_add_test(tests, every_source_has_its_pass);
    tcase_add_test(tests, the_one_that_fails_is_named);
    tcase_add_test(tests, passes_are_given_up_where_memory_is_short);
    tcase_add_test(tests, the_peak_is_what_was_predicted);
    return run_case("pass", tests);
}
