/* SPDX-License-Identifier: BSD-3-Clause
 * test_reduce_calls.c - reductions through the public interface: bad calls, empty axes, and values
 * that need no reference program; sweep_reduce.c and sweep_reduce_more.c have the rest.
 */
#include <check.h>
#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/suite.h"

static br_context *ctx;

static void set_up(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

static void tear_down(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
}

static void check_failed(int line, const br_array *x, br_status status, const char *part)
{
    if (br_status_of(x) != status || strstr(br_error(x), part) == NULL ||
        strstr(br_error(x), "test_reduce_calls.c") == NULL)
        ck_abort_msg("line %d: \"%s\", not \"%s\"", line, br_error(x), part);
}
#define failed(x, status, part) check_failed(__LINE__, x, status, part)

static br_array *zeros(br_dtype dtype, int64_t rows, int64_t columns)
{
    return br_zeros(ctx, BR_SHAPE(rows, columns), .dtype = dtype, .chunks = BR_CHUNKS(2, 2));
}

/* ---- bad calls: the operation that was called is named, whatever it is composed of ---- */

START_TEST(no_elements)
{
    br_array *none = zeros(BR_FLOAT64, 3, 0);
    failed(br_argmin(none), BR_ESHAPE, "argmin");
    failed(br_argmax(none, .axis = BR_AXIS(1)), BR_ESHAPE, "argmax");
    failed(br_nanmin(none), BR_ESHAPE, "nanmin");
    failed(br_nanmax(none), BR_ESHAPE, "nanmax");
    failed(br_nanargmin(none), BR_ESHAPE, "nanargmin");
    failed(br_nanargmax(none), BR_ESHAPE, "nanargmax");
    failed(br_ptp(none, .axis = BR_AXIS(1)), BR_ESHAPE, "ptp");
    failed(br_vector_norm(none, .ord = BR_NUM(INFINITY)), BR_ESHAPE, "vector_norm");
    failed(br_vector_norm(none, .ord = BR_NUM(-INFINITY)), BR_ESHAPE, "vector_norm");
    ck_assert_int_eq(br_nelem(br_argmin(none, .axis = BR_AXIS(0))), 0);
}
END_TEST

START_TEST(axes)
{
    br_array *x = zeros(BR_FLOAT64, 3, 4);
    failed(br_argmin(x, .axis = BR_AXIS(2)), BR_EAXIS, "argmin");
    failed(br_count_nonzero(x, .axis = BR_AXIS(-3)), BR_EAXIS, "count_nonzero");
    failed(br_ptp(x, .axis = BR_AXES(1, -1)), BR_EAXIS, "ptp");
    failed(br_vector_norm(x, .axis = BR_AXIS(5)), BR_EAXIS, "vector_norm");
    failed(br_average(x, .axis = BR_AXIS(5), .weights = x), BR_EAXIS, "average");
    failed(br_logsumexp(x, .axis = BR_AXIS(5)), BR_EAXIS, "logsumexp");
    failed(br_nansum(x, .axis = BR_AXIS(5)), BR_EAXIS, "nansum");
    failed(br_nanmean(x, .axis = BR_AXIS(5)), BR_EAXIS, "nanmean");
    failed(br_nanstd(x, .axis = BR_AXIS(5), .where = x), BR_EAXIS, "nanstd");
}
END_TEST

START_TEST(dtypes)
{
    br_array *x = zeros(BR_FLOAT32, 3, 4), *c = zeros(BR_COMPLEX64, 3, 4),
             *b = zeros(BR_BOOL, 3, 4), *i = zeros(BR_INT16, 3, 4);
    failed(br_argmin(c), BR_ETYPE, "argmin");
    failed(br_nanargmax(c), BR_ETYPE, "complex64");
    failed(br_nanmin(c, .where = b), BR_ETYPE, "nanmin");
    failed(br_ptp(c), BR_ETYPE, "ptp");
    failed(br_ptp(b), BR_ETYPE, "ptp");
    failed(br_logsumexp(c), BR_ETYPE, "logsumexp");
    failed(br_mean(x, .dtype = BR_INT32), BR_ETYPE, "int32 is not floating");
    failed(br_nanvar(x, .dtype = BR_BOOL), BR_ETYPE, "nanvar");
    failed(br_var(c, .dtype = BR_FLOAT32), BR_ETYPE, "imaginary");
    failed(br_nansum(x, .dtype = (br_dtype)77), BR_ETYPE, "77");
    failed(br_sum(x, .initial = BR_NUM(1.0 + 2.0 * I)), BR_ETYPE, ".initial is no float32");
    failed(br_sum(i, .initial = BR_NUM(0.5)), BR_ETYPE, ".initial is no int64");
    failed(br_max(b, .initial = BR_NUM(2)), BR_ETYPE, "max");
    failed(br_vector_norm(x, .ord = BR_NUM(NAN)), BR_EARG, ".ord");
    failed(br_vector_norm(x, .ord = BR_NUM(2.0 * I)), BR_EARG, "vector_norm");
    ck_assert_int_eq(br_dtype_of(br_var(c)), BR_FLOAT32);
    ck_assert_int_eq(br_dtype_of(br_mean(i, .dtype = BR_FLOAT32)), BR_FLOAT32);
    ck_assert_int_eq(br_dtype_of(br_nanmean(c, .where = b)), BR_COMPLEX64);
    ck_assert_int_eq(br_dtype_of(br_std(c, .where = b, .dtype = BR_COMPLEX128)), BR_FLOAT64);
    ck_assert_int_eq(br_dtype_of(br_vector_norm(c)), BR_FLOAT32);
    ck_assert_int_eq(br_dtype_of(br_average(i, .weights = x)), BR_FLOAT64);
}
END_TEST

START_TEST(masks)
{
    br_array *x = zeros(BR_FLOAT64, 3, 4), *wrong = zeros(BR_BOOL, 3, 3),
             *fits = zeros(BR_BOOL, 1, 4);
    br_array *large = br_zeros(ctx, BR_SHAPE(2, 3, 4), .dtype = BR_BOOL);
    failed(br_sum(x, .where = wrong), BR_ESHAPE, "sum");
    failed(br_sum(x, .where = wrong), BR_ESHAPE,
           ".where of shape (3, 3) does not broadcast to (3, 4)");
    failed(br_mean(x, .where = large), BR_ESHAPE, "mean");
    failed(br_nanvar(x, .where = large), BR_ESHAPE, "nanvar");
    failed(br_all(fits, .where = x), BR_ESHAPE, "all");
    failed(br_min(x, .where = fits), BR_EARG, "min");
    failed(br_max(x, .where = fits), BR_EARG, ".where needs .initial");
    failed(br_nanmin(x, .where = fits), BR_EARG, "nanmin");
    failed(br_average(x, .weights = wrong), BR_ESHAPE, "average");
    failed(br_average(x, .axis = BR_AXIS(0), .weights = zeros(BR_FLOAT64, 5, 4)), BR_ESHAPE,
           ".weights of shape (5, 4)");
    br_array *line = br_ones(ctx, BR_SHAPE(4)), *column = zeros(BR_FLOAT64, 3, 1);
    failed(br_average(x, .axis = BR_AXIS(0), .weights = line), BR_ESHAPE,
           ".weights of shape (4,) broadcast to (3, 4) along none of the listed axes");
    ck_assert_str_eq(br_error(br_average(x, .axis = BR_AXIS(0), .weights = column)), "");
    ck_assert_str_eq(br_error(br_average(x, .axis = BR_AXIS(0), .weights = br_sum(line))), "");
    ck_assert_str_eq(br_error(br_average(x, .weights = line)), "");
    br_array *bad = br_add(x, wrong);
    ck_assert_str_eq(br_error(br_sum(x, .where = bad)), br_error(bad));
    ck_assert_str_eq(br_error(br_nanmean(bad, .where = fits)), br_error(bad));
    ck_assert_str_eq(br_error(br_average(x, .weights = bad)), br_error(bad));
    ck_assert_int_eq(br_status_of(br_nansum(NULL)), BR_EARG);
    ck_assert_int_eq(br_status_of(br_argmin(NULL)), BR_EARG);
    ck_assert_int_eq(br_status_of(br_vector_norm(NULL)), BR_EARG);
    br_context *other = br_open(NULL, NULL);
    br_array *foreign = br_ones(other, BR_SHAPE(4));
    failed(br_sum(x, .where = foreign), BR_EARG, "two contexts");
    failed(br_average(x, .weights = foreign), BR_EARG, "two contexts");
    br_close(other);
}
END_TEST

/* ---- values ---- */

static double value(br_array *x)
{
    double v = 0;
    if (br_compute_f64(x, &v) != BR_OK)
        ck_abort_msg("%s", br_message(ctx));
    return v;
}

START_TEST(empty_with_initial)
{
    br_array *none = zeros(BR_FLOAT32, 0, 3), *whole = zeros(BR_UINT8, 0, 3);
    ck_assert(value(br_min(none, .initial = BR_NUM(4))) == 4);
    ck_assert(value(br_max(whole, .initial = BR_NUM(4))) == 4);
    ck_assert(value(br_nanmax(none, .initial = BR_NUM(-INFINITY))) == -INFINITY);
    ck_assert(value(br_nanmin(whole, .initial = BR_NUM(255))) == 255);
    ck_assert(value(br_sum(none, .initial = BR_NUM(4))) == 4);
    ck_assert(value(br_nanprod(none, .initial = BR_NUM(4))) == 4);
    ck_assert(value(br_vector_norm(none)) == 0);
    ck_assert(value(br_vector_norm(none, .ord = BR_NUM(3))) == 0);
    ck_assert(value(br_logsumexp(none)) == -INFINITY);
    ck_assert(value(br_count_nonzero(none)) == 0);
    ck_assert(isnan(value(br_nanmean(none))));
    ck_assert(isnan(value(br_nanvar(none))));
    ck_assert(isnan(value(br_average(none))));
    ck_assert(value(br_nansum(none)) == 0);
}
END_TEST

/* Sums of squares of float32 that float32 could not hold; integers whose absolute value wraps. */
START_TEST(norms_of_large_elements)
{
    br_array *x =
        br_full(ctx, BR_SHAPE(100), BR_NUM(1e30), .dtype = BR_FLOAT32, .chunks = BR_CHUNKS(7));
    br_array *i = br_full(ctx, BR_SHAPE(4), BR_NUM(-128), .dtype = BR_INT8);
    ck_assert(fabs(value(br_vector_norm(x)) / 1e31 - 1) < 1e-6);
    ck_assert(fabs(value(br_vector_norm(x, .ord = BR_NUM(3))) / 4.641588833612779e30 - 1) < 1e-6);
    ck_assert(value(br_vector_norm(i)) == 256);
    ck_assert(value(br_vector_norm(i, .ord = BR_NUM(INFINITY))) == 128);
    ck_assert(value(br_vector_norm(i, .ord = BR_NUM(1))) == 512);
    ck_assert(value(br_vector_norm(i, .ord = BR_NUM(0))) == 4);
}
END_TEST

/* The mean of float32 is rounded once, however it is composed. */
START_TEST(masked_means_round_once)
{
    const float x[] = {16777216, 1, 1, NAN, 1, 5};
    const bool in[] = {true, true, true, false, true, false};
    br_array *a = br_from_memory(ctx, x, BR_FLOAT32, BR_SHAPE(6), .chunks = BR_CHUNKS(2));
    br_array *mask = br_from_memory(ctx, in, BR_BOOL, BR_SHAPE(6));
    ck_assert(value(br_mean(a, .where = mask)) == (float)(16777219 / 4.0));
    ck_assert(value(br_nanmean(a, .where = mask)) == (float)(16777219 / 4.0));
    ck_assert(value(br_nanmean(a)) == (float)(16777224 / 5.0));
    ck_assert(value(br_sum(a, .where = mask, .initial = BR_NUM(1))) == 16777220);
    ck_assert(isnan(value(br_mean(a))));
}
END_TEST

/* The run fails, naming the operation, and the next one does not. */
START_TEST(only_nans)
{
    double out[3];
    const double x[] = {1, NAN, NAN, NAN, 2, NAN};
    br_array *a = br_from_memory(ctx, x, BR_FLOAT64, BR_SHAPE(2, 3), .chunks = BR_CHUNKS(1, 2));
    ck_assert_int_eq(br_compute(br_nanargmin(a, .axis = BR_AXIS(0)), out, sizeof out), BR_EARG);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "nanargmin"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "only NaN"));
    br_clear_error(ctx);
    ck_assert(value(br_nanargmax(a)) == 4);
    ck_assert(value(br_argmax(a)) == 1);
    ck_assert(isnan(value(br_index(br_nanmin(a, .axis = BR_AXIS(0)), "2"))));
    ck_assert(value(br_index(br_nanmin(a, .axis = BR_AXIS(0), .initial = BR_NUM(7)), "2")) == 7);
    ck_assert(isnan(value(br_index(br_nanstd(a, .axis = BR_AXIS(0)), "2"))));
    ck_assert(value(br_index(br_nansum(a, .axis = BR_AXIS(0)), "2")) == 0);
}
END_TEST

/* The index over several axes is that of their elements in C order, whatever lies between. */
START_TEST(places_over_several_axes)
{
    int32_t x[4][3][5];
    for (int k = 0; k < 60; k++)
        (&x[0][0][0])[k] = k * 37 % 60;
    br_array *a = br_from_memory(ctx, x, BR_INT32, BR_SHAPE(4, 3, 5), .chunks = BR_CHUNKS(3, 1, 2));
    int64_t place[3];
    ck_assert_int_eq(br_compute(br_argmax(a, .axis = BR_AXES(0, 2)), place, sizeof place), BR_OK);
    for (int j = 0; j < 3; j++)
        for (int k = 0; k < 20; k++)
            ck_assert(x[k / 5][j][k % 5] <= x[place[j] / 5][j][place[j] % 5]);
}
END_TEST

/* Integers wrap around, and those of 8 and 16 bits are summed in lanes that hold a block of the
 * largest ones. */
START_TEST(whole_numbers)
{
    const int8_t ends[] = {-128, 127};
    const int64_t most[] = {INT64_MAX, 1};
    int64_t sum = 0;
    ck_assert(value(br_ptp(br_from_memory(ctx, ends, BR_INT8, BR_SHAPE(2)))) == -1);
    br_array *x = br_from_memory(ctx, most, BR_INT64, BR_SHAPE(2));
    ck_assert_int_eq(br_compute_i64(br_sum(x), &sum), BR_OK);
    ck_assert(sum == INT64_MIN);
    const struct {
        br_dtype dtype;
        double value;
    } rows[] = {{BR_INT8, -128},    {BR_INT8, 127},    {BR_UINT8, 255},   {BR_BOOL, 1},
                {BR_INT16, -32768}, {BR_INT16, 32767}, {BR_UINT16, 65535}};
    for (int k = 0; k < 7; k++) {
        x = br_full(ctx, BR_SHAPE(700, 1300), BR_NUM(rows[k].value), .dtype = rows[k].dtype);
        ck_assert(value(br_sum(x)) == 700 * 1300 * rows[k].value);
        ck_assert(value(br_max(br_sum(x, .axis = BR_AXIS(0)))) == 700 * rows[k].value);
        ck_assert(value(br_min(br_sum(x, .axis = BR_AXIS(1)))) == 1300 * rows[k].value);
        ck_assert(value(br_max(br_sum(br_index(x, ":, :63"), .axis = BR_AXIS(1)))) ==
                  63 * rows[k].value);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("reduce_calls");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, no_elements);
    tcase_add_test(t, axes);
    tcase_add_test(t, dtypes);
    tcase_add_test(t, masks);
    tcase_add_test(t, empty_with_initial);
    tcase_add_test(t, norms_of_large_elements);
    tcase_add_test(t, masked_means_round_once);
    tcase_add_test(t, only_nans);
    tcase_add_test(t, places_over_several_axes);
    tcase_add_test(t, whole_numbers);
    return run_case("reduce_calls", t);
}
