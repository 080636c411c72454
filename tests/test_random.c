/* SPDX-License-Identifier: BSD-3-Clause
 * test_random.c - random arrays: streams and seeds, every distribution against its law, bad
 * arguments. test_random_kernels.c has the elements.
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "tests/opened.h"
#include "tests/random_reference.h"
#include "tests/suite.h"

/* Check's assertions write to a file each time, far too slow for every element. */
static void require(bool holds, const char *what, long long at)
{
    if (!holds)
        ck_abort_msg("%s at %lld", what, at);
}

static bool near(double got, long double want, double ulps, double eps)
{
    return fabsl(got - want) <= ulps * eps * fabsl(want);
}

static double value_of(br_array *x)
{
    double value = NAN;
    ck_assert_msg(br_compute_f64(x, &value) == BR_OK, "%s", br_message(ctx));
    return value;
}

static void *elements_of(br_array *x)
{
    void *buffer = NULL;
    ck_assert_msg(br_compute_alloc(x, &buffer) == BR_OK, "%s", br_message(ctx));
    return buffer;
}

START_TEST(calls_differ_and_streams_agree)
{
    const br_extents shape = BR_SHAPE(1000);
    br_array *x = br_random_uniform(ctx, shape);
    br_array *y = br_random_uniform(ctx, shape);
    br_array *named = br_random_uniform(ctx, shape, .stream = BR_NUM(0));
    ck_assert_ptr_ne(x->node, y->node);
    ck_assert_ptr_ne(x->node, named->node);
    ck_assert_ptr_eq(named->node, br_random_uniform(ctx, shape, .stream = BR_NUM(0u))->node);
    ck_assert_ptr_eq(named->node,
                     br_random_uniform(ctx, shape, .seed = BR_NUM(0), .stream = BR_NUM(0))->node);
    ck_assert_ptr_ne(named->node,
                     br_random_uniform(ctx, shape, .seed = BR_NUM(1), .stream = BR_NUM(0))->node);
    ck_assert_ptr_ne(named->node, br_random_uniform(ctx, shape, .stream = BR_NUM(1))->node);
    ck_assert_ptr_eq(
        br_random_normal(ctx, shape, .stream = BR_NUM(1))->node,
        br_random_normal(ctx, shape, .mean = BR_NUM(-0.0), .sd = BR_NUM(1), .stream = BR_NUM(1))
            ->node);
    ck_assert_double_eq(value_of(br_sum(br_astype(br_equal(x, y), BR_INT64))), 0);
    ck_assert_double_eq(value_of(br_sum(br_astype(br_equal(x, named), BR_INT64))), 0);
}
END_TEST

/* The same values from each of several contexts, whatever failed in between. */
START_TEST(programs_repeat)
{
    static double first[3][500];
    for (int run = 0; run < 2; run++) {
        br_context *other = br_open(NULL, NULL);
        br_set_log(other, NULL, NULL);
        for (int call = 0; call < 3; call++) {
            double values[500];
            br_array *bad = br_random_uniform(other, BR_SHAPE(500), .low = BR_NUM(run + 1));
            ck_assert_int_eq(br_status_of(bad), BR_EARG);
            br_array *x = br_random_normal(other, BR_SHAPE(500));
            ck_assert_int_eq(br_compute(x, values, sizeof values), BR_OK);
            if (run == 0)
                memcpy(first[call], values, sizeof values);
            ck_assert_mem_eq(first[call], values, sizeof values);
            require(near(values[77], ref_normal((drawn){0, OWN_STREAM + (uint64_t)call}, 77), 4,
                         DBL_EPSILON),
                    "stream of call", call);
        }
        br_close(other);
    }
}
END_TEST

START_TEST(seed_from_the_environment)
{
    setenv("BRAMBLE_SEED", "4711", 1);
    br_context *other = br_open(NULL, NULL);
    unsetenv("BRAMBLE_SEED");
    double u[2];
    double v[2];
    ck_assert_int_eq(br_compute(br_random_uniform(other, BR_SHAPE(2)), u, sizeof u), BR_OK);
    ck_assert_int_eq(
        br_compute(br_random_uniform(other, BR_SHAPE(2), .seed = BR_NUM(5), .stream = BR_NUM(6)), v,
                   sizeof v),
        BR_OK);
    ck_assert(u[1] == ref_uniform_f64((drawn){4711, OWN_STREAM}, 1, 0, 1));
    ck_assert(v[1] == ref_uniform_f64((drawn){5, 6}, 1, 0, 1));
    ck_assert_int_eq(br_close(other), 0);
}
END_TEST

/* Were both calls one array, pi would be 2.83. */
START_TEST(darts)
{
    const br_extents n = BR_SHAPE(4000000);
    br_array *x = br_random_uniform(ctx, n);
    br_array *y = br_random_uniform(ctx, n);
    br_array *hit = br_less_equal(br_add(br_mul(x, x), br_mul(y, y)), 1);
    double pi = 4 * value_of(br_mean(hit));
    ck_assert_double_eq_tol(pi, M_PI, 0.005);
    hit = br_less_equal(br_add(br_mul(x, x), br_mul(x, x)), 1);
    ck_assert_double_eq_tol(4 * value_of(br_mean(hit)), 2 * sqrt(2), 0.005);
}
END_TEST

START_TEST(printing)
{
    char text[300] = "";
    FILE *to = fmemopen(text, sizeof text, "w");
    br_print(br_random_normal(ctx, BR_SHAPE(3), .mean = BR_NUM(2), .seed = BR_NUM(9)), to);
    br_print(br_random_integers(ctx, -3, 4, BR_SHAPE(3), .stream = BR_NUM(8)), to);
    fclose(to);
    ck_assert_ptr_nonnull(strstr(text, "normal mean 2 sd 1 seed 9 own stream 0"));
    ck_assert_ptr_nonnull(strstr(text, "integers from -3 to 3 seed 0 stream 8"));
}
END_TEST

/* ---- laws ---- */

enum { MANY = 1 << 18 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's distance to a law, times sqrt(n): above 1.95 once in 1000 streams. */
static double distance(br_array *x, double (*law)(double))
{
    double *v = elements_of(x);
    double most = 0;
    qsort(v, MANY, sizeof *v, compare);
    for (int i = 0; i < MANY; i++) {
        double p = law(v[i]);
        most = fmax(most, fmax(p - (double)i / MANY, (i + 1.0) / MANY - p));
    }
    free(v);
    return most * sqrt(MANY);
}

static double uniform_law(double x)
{
    return x < 0 ? 0 : x < 1 ? x : 1;
}
static double normal_law(double x)
{
    return erfc(-x / sqrt(2)) / 2;
}
static double exponential_law(double x)
{
    return -expm1(-x);
}

START_TEST(laws)
{
    const br_extents n = BR_SHAPE(MANY);
    for (int k = 0; k < 3; k++) {
        br_dtype dtype = k == 2 ? BR_FLOAT32 : BR_FLOAT64;
        br_array *u = br_random_uniform(ctx, n, .dtype = dtype);
        br_array *z = br_random_normal(ctx, n, .dtype = dtype);
        br_array *e = br_random_exponential(ctx, n, .dtype = dtype);
        ck_assert_double_lt(distance(br_astype(u, BR_FLOAT64), uniform_law), 1.95);
        ck_assert_double_lt(distance(br_astype(z, BR_FLOAT64), normal_law), 1.95);
        ck_assert_double_lt(distance(br_astype(e, BR_FLOAT64), exponential_law), 1.95);
    }
    /* Each half of the pairs by itself. */
    br_array *z = br_reshape(br_random_normal(ctx, BR_SHAPE(2 * MANY)), BR_SHAPE(-1, 2, 8));
    ck_assert_double_lt(distance(br_index(z, ":, 0, :"), normal_law), 1.95);
    ck_assert_double_lt(distance(br_index(z, ":, 1, :"), normal_law), 1.95);
}
END_TEST

/* In units of the standard error of n independent elements. */
static double off(double got, double want, double sd, double n)
{
    return fabs(got - want) / (sd / sqrt(n));
}

START_TEST(moments)
{
    const double n = 1 << 20;
    const br_extents shape = BR_SHAPE(1 << 20);
    br_array *z = br_random_normal(ctx, shape, .mean = BR_NUM(3), .sd = BR_NUM(0.5));
    br_array *s = br_div(br_sub(z, 3), 0.5);
    br_array *q = br_mul(s, s);
    ck_assert_double_lt(off(value_of(br_mean(z)), 3, 0.5, n), 4);
    ck_assert_double_lt(off(value_of(br_var(z)), 0.25, 0.25 * sqrt(2), n), 4);
    ck_assert_double_lt(off(value_of(br_mean(br_mul(q, s))), 0, sqrt(15), n), 4);
    ck_assert_double_lt(off(value_of(br_mean(br_mul(q, q))), 3, sqrt(96), n), 4);
    br_array *e = br_random_exponential(ctx, shape, .scale = BR_NUM(4));
    ck_assert_double_lt(off(value_of(br_mean(e)), 4, 4, n), 4);
    ck_assert_double_lt(off(value_of(br_var(e)), 16, 16 * sqrt(8), n), 4);
    br_array *u = br_random_uniform(ctx, shape, .low = BR_NUM(-1), .high = BR_NUM(3));
    ck_assert_double_lt(off(value_of(br_mean(u)), 1, 4 / sqrt(12), n), 4);
    ck_assert_double_lt(off(value_of(br_var(u)), 16. / 12, 16 * sqrt(1. / 180), n), 4);
}
END_TEST

/* Elements 1, 2, 8 and 16 apart, and of neighbouring streams and seeds, have nothing in common. */
START_TEST(independence)
{
    const int apart[] = {1, 2, 7, 8, 9, 16};
    const int64_t n = 1 << 20;
    br_array *z = br_random_normal(ctx, BR_SHAPE(n + 16), .stream = BR_NUM(7));
    br_array *first = br_indexf(z, ":%lld", (long long)n);
    for (size_t k = 0; k < sizeof apart / sizeof *apart; k++) {
        br_array *later = br_indexf(z, "%d:%lld", apart[k], (long long)n + apart[k]);
        ck_assert_double_lt(off(value_of(br_mean(br_mul(first, later))), 0, 1, (double)n), 4);
        br_array *squares = br_mul(br_mul(first, first), br_mul(later, later));
        ck_assert_double_lt(off(value_of(br_mean(squares)), 1, sqrt(8), (double)n), 4);
    }
    br_array *stream = br_random_normal(ctx, BR_SHAPE(n), .stream = BR_NUM(8));
    br_array *seed = br_random_normal(ctx, BR_SHAPE(n), .seed = BR_NUM(1), .stream = BR_NUM(7));
    ck_assert_double_lt(off(value_of(br_mean(br_mul(first, stream))), 0, 1, (double)n), 4);
    ck_assert_double_lt(off(value_of(br_mean(br_mul(first, seed))), 0, 1, (double)n), 4);
}
END_TEST

/* Pearson's statistic as a normal variable (Wilson and Hilferty 1931). */
static double unevenness(br_array *x, int64_t first, int values)
{
    double *v = elements_of(br_astype(x, BR_FLOAT64));
    double *count = calloc((size_t)values, sizeof *count);
    double sum = 0;
    for (int i = 0; i < MANY; i++) {
        int64_t k = (int64_t)v[i] - first;
        require(k >= 0 && k < values, "value out of range", i);
        count[k]++;
    }
    double each = (double)MANY / values;
    for (int k = 0; k < values; k++)
        sum += (count[k] - each) * (count[k] - each) / each;
    free(count);
    free(v);
    double spread = 2 / (9.0 * (values - 1));
    return (cbrt(sum / (values - 1)) - (1 - spread)) / sqrt(spread);
}

START_TEST(integers_are_even)
{
    const int values[] = {2, 3, 6, 10, 100, 255, 256};
    const br_extents n = BR_SHAPE(MANY);
    for (size_t k = 0; k < sizeof values / sizeof *values; k++)
        for (br_dtype d = BR_INT8; d <= BR_UINT64; d++) {
            int64_t low = d <= BR_INT64 ? -values[k] / 2 : 0;
            int64_t high = low + values[k];
            br_array *x = br_random_integers(ctx, low, high, n, .dtype = d);
            ck_assert_int_eq(br_dtype_of(x), d);
            ck_assert_double_lt(fabs(unevenness(x, low, values[k])), 4);
        }
    /* Three thirds of the largest span, which words cut unevenly. */
    uint64_t third = UINT64_MAX / 3;
    br_array *x = br_random_integers(ctx, 0, UINT64_MAX, n, .dtype = BR_UINT64);
    br_array *part = br_floor_divide(x, br_number_uint(third));
    ck_assert_double_lt(fabs(unevenness(part, 0, 3)), 4);
    x = br_random_integers(ctx, 0, (UINT64_C(1) << 63) + (UINT64_C(1) << 62), n,
                           .dtype = BR_UINT64);
    part = br_floor_divide(x, br_number_uint(UINT64_C(1) << 62));
    ck_assert_double_lt(fabs(unevenness(part, 0, 3)), 4);
}
END_TEST

START_TEST(ends_of_ranges)
{
    const br_extents n = BR_SHAPE(MANY);
    br_array *x = br_random_integers(ctx, 5, 5, n, .endpoint = true);
    ck_assert_double_eq(value_of(br_min(x)), 5);
    ck_assert_double_eq(value_of(br_max(x)), 5);
    x = br_random_integers(ctx, 1, 6, n, .endpoint = true, .dtype = BR_INT8);
    ck_assert_double_eq(value_of(br_min(x)), 1);
    ck_assert_double_eq(value_of(br_max(x)), 6);
    x = br_random_integers(ctx, INT64_MIN, INT64_MAX, n, .endpoint = true);
    ck_assert_double_lt(value_of(br_min(x)), -0.999e19 * 0.92);
    ck_assert_double_gt(value_of(br_max(x)), 0.999e19 * 0.92);
    /* Two numbers apart by one step: half of the products round up to high. */
    double high = 1 + DBL_EPSILON;
    br_array *u = br_random_uniform(ctx, n, .low = BR_NUM(1.0), .high = BR_NUM(high));
    ck_assert_double_eq(value_of(br_max(u)), 1);
    u = br_random_uniform(ctx, n, .dtype = BR_FLOAT32, .low = BR_NUM(1e8), .high = BR_NUM(1e8 + 8));
    ck_assert_double_eq(value_of(br_max(u)), 1e8);
    ck_assert_double_eq(
        value_of(br_max(br_random_normal(ctx, n, .mean = BR_NUM(3), .sd = BR_NUM(0)))), 3);
    ck_assert_double_eq(value_of(br_max(br_random_exponential(ctx, n, .scale = BR_NUM(0)))), 0);
}
END_TEST

/* ---- bad arguments ---- */

static void failed(br_array *x, br_status status, const char *part)
{
    if (br_status_of(x) != status || strstr(br_error(x), part) == NULL ||
        strstr(br_error(x), "test_random.c:") == NULL)
        ck_abort_msg("\"%s\", not \"%s\"", br_error(x), part);
}

START_TEST(bad_reals)
{
    const br_extents n = BR_SHAPE(3);
    failed(br_random_uniform(ctx, n, .low = BR_NUM(1)), BR_EARG, "random_uniform");
    failed(br_random_uniform(ctx, n, .low = BR_NUM(2), .high = BR_NUM(1)), BR_EARG, "low is 2");
    failed(br_random_uniform(ctx, n, .high = BR_NUM(NAN)), BR_EARG, "high");
    failed(br_random_uniform(ctx, n, .low = BR_NUM(-DBL_MAX), .high = BR_NUM(DBL_MAX)), BR_EARG,
           "beyond float64");
    failed(br_random_uniform(ctx, n, .high = BR_NUM(1e300), .dtype = BR_FLOAT32), BR_EARG,
           "beyond float32");
    failed(
        br_random_uniform(ctx, n, .low = BR_NUM(1), .high = BR_NUM(1 + 1e-12), .dtype = BR_FLOAT32),
        BR_EARG, "not below");
    failed(br_random_uniform(ctx, n, .dtype = BR_INT32), BR_ETYPE, "int32");
    failed(br_random_uniform(ctx, n, .dtype = (br_dtype)99), BR_ETYPE, "float64");
    failed(br_random_uniform(ctx, .high = BR_NUM(1)), BR_ESHAPE, "axes");
    failed(br_random_uniform(ctx, BR_SHAPE(-1)), BR_ESHAPE, "-1");
    failed(br_random_uniform(ctx, n, .chunks = BR_CHUNKS(1, 1)), BR_ESHAPE, "chunks");
    failed(br_random_normal(ctx, n, .sd = BR_NUM(-1)), BR_EARG, "sd is -1");
    failed(br_random_normal(ctx, n, .mean = BR_NUM(INFINITY)), BR_EARG, "mean");
    failed(br_random_normal(ctx, n, .dtype = BR_COMPLEX128), BR_ETYPE, "complex128");
    failed(br_random_exponential(ctx, n, .scale = BR_NUM(-2)), BR_EARG, "scale is -2");
    failed(br_random_exponential(ctx, n, .scale = br_number_complex(1, 1)), BR_EARG, "scale");
}
END_TEST

START_TEST(bad_integers_and_streams)
{
    const br_extents n = BR_SHAPE(3);
    failed(br_random_integers(ctx, 3, 3, n), BR_EARG, "low is 3, which is not below high, 3");
    failed(br_random_integers(ctx, 4, 3, n, .endpoint = true), BR_EARG, "not at most high, 3");
    failed(br_random_integers(ctx, 0, 1.5, n), BR_EARG, "integers");
    failed(br_random_integers(ctx, 0, 257, n, .dtype = BR_UINT8), BR_EARG, "0 to 256");
    failed(br_random_integers(ctx, -1, 2, n, .dtype = BR_UINT64), BR_EARG, "-1 to 1");
    failed(br_random_integers(ctx, 0, UINT64_MAX, n), BR_EARG, "18446744073709551614");
    failed(br_random_integers(ctx, 0, 2, n, .dtype = BR_FLOAT64), BR_ETYPE, "float64");
    failed(br_random_integers(ctx, 0, 2, n, .dtype = BR_BOOL), BR_ETYPE, "bool");
    failed(br_random_uniform(ctx, n, .seed = BR_NUM(-1)), BR_EARG, "seed");
    failed(br_random_uniform(ctx, n, .seed = BR_NUM(1.0)), BR_EARG, "seed");
    failed(br_random_uniform(ctx, n, .stream = BR_NUM(-1)), BR_EARG, "stream");
    failed(br_random_uniform(ctx, n, .stream = BR_NUM(OWN_STREAM)), BR_EARG, "stream");
    ck_assert_int_eq(br_status_of(br_random_uniform(ctx, n, .stream = BR_NUM(OWN_STREAM - 1))),
                     BR_OK);
    ck_assert_int_eq(br_status_of(br_random_uniform(ctx, n, .seed = BR_NUM(UINT64_MAX))), BR_OK);
    ck_assert_int_eq(br_status_of(br_random_normal(NULL, n)), BR_EARG);
}
END_TEST

static TCase *array_case(void)
{
    TCase *t = tcase_create("arrays");
    tcase_add_checked_fixture(t, open_threads, close_opened);
    tcase_add_test(t, calls_differ_and_streams_agree);
    tcase_add_test(t, programs_repeat);
    tcase_add_test(t, seed_from_the_environment);
    tcase_add_test(t, darts);
    tcase_add_test(t, printing);
    tcase_add_test(t, laws);
    tcase_add_test(t, moments);
    tcase_add_test(t, independence);
    tcase_add_test(t, integers_are_even);
    tcase_add_test(t, ends_of_ranges);
    tcase_add_test(t, bad_reals);
    tcase_add_test(t, bad_integers_and_streams);
    return t;
}

int main(void)
{
    Suite *s = suite_create("random");
    suite_add_tcase(s, array_case());
    return run_suite(s);
}
