/* SPDX-License-Identifier: BSD-3-Clause
 * test_reductions.c - reductions of block programs: values against long double, and numbers
 * that are easily wrong.
 */
#include <check.h>
#include <complex.h>
#include <math.h>
#include <stdlib.h>

#include "tests/reduction_boxes.h"
#include "tests/sanitized.h"
#include "tests/suite.h"

/* NaNs for one element in `often`, and for all of every seventh column of `inner` ones. */
static void make_holes(br_dtype dtype, char *x, int64_t n, int64_t inner, int64_t often)
{
    const double hole[2] = {NAN, 1};
    for (int64_t i = 0; i < n && !integral(dtype); i++)
        if (random_below(often) == 0 || i % inner % 7 == 6)
            bri_convert(dtype, x + i * size_of(dtype), BR_COMPLEX128, hole, 1);
}

/* ---- values ---- */

static long double complex at(br_dtype dtype, const void *x, int64_t i)
{
    double complex z;
    bri_convert(BR_COMPLEX128, &z, dtype, (const char *)x + i * size_of(dtype), 1);
    return z;
}

// clang-format off
static long double variance(br_dtype dtype, const char *x, int64_t n, int64_t step,
                            long double complex mean)
{
    long double m2 = 0;
    for (int64_t i = 0; i < n; i++) {
        long double complex d = at(dtype, x, i * step) - mean;
        m2 += creall(d) * creall(d) + cimagl(d) * cimagl(d);
    }
    return m2 / (n - 0.5L);
}

/* The first of the elements that is the best, without NaNs if there are others. */
static int64_t best(br_dtype dtype, const char *x, int64_t n, int64_t step, int sign)
{
    int64_t found = 0;
    for (int64_t i = 1; i < n; i++) {
        long double a = creall(at(dtype, x, i * step)), b = creall(at(dtype, x, found * step));
        if (sign * a > sign * b || (isnan(b) && !isnan(a)))
            found = i;
    }
    return found;
}

static long double logsumexp(br_dtype dtype, const char *x, int64_t n, int64_t step)
{
    long double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += expl(creall(at(dtype, x, i * step)));
    return logl(sum);
}

static long double complex known_sum(br_dtype dtype, const char *x, int64_t n, int64_t step,
                                     bool mean)
{
    long double complex sum = 0;
    long double count = 0;
    for (int64_t i = 0; i < n; i++) {
        long double complex v = at(dtype, x, i * step);
        count += v == v;
        sum += v == v ? v : 0;
    }
    return mean ? sum / count : sum;
}

/* Variance of what is no NaN. */
static long double known_variance(br_dtype dtype, const char *x, int64_t n, int64_t step)
{
    long double m2 = 0, count = 0;
    long double complex sum = 0;
    for (int64_t i = 0; i < n; i++) {
        long double complex v = at(dtype, x, i * step);
        count += v == v;
        sum += v == v ? v : 0;
    }
    for (int64_t i = 0; i < n; i++) {
        long double complex d = at(dtype, x, i * step) - sum / count;
        m2 += d == d ? creall(d) * creall(d) + cimagl(d) * cimagl(d) : 0;
    }
    return count > 0 ? m2 / (count - 0.5L) : NAN;
}

/* The reduction of n elements `step` apart, and the scale its rounding errors are measured in. */
static long double complex reference(bri_redop op, br_dtype dtype, const char *x, int64_t n,
                                     int64_t step, long double *scale)
{
    long double complex sum = 0, product = 1;
    long double most = creall(at(dtype, x, 0)), least = most, absolute = 0;
    bool any = false, all = true;
    for (int64_t i = 0; i < n; i++) {
        long double complex v = at(dtype, x, i * step);
        long double a = creall(v);
        sum += v;
        product = op == BRI_RED_PROD ? product * v : 1;
        absolute += fabsl(a) + fabsl(cimagl(v));
        most = a > most ? a : most;
        least = a < least ? a : least;
        any |= v != 0;
        all &= v != 0;
    }
    *scale = op == BRI_RED_SUM ? absolute : op == BRI_RED_MEAN ? absolute / n : 0;
    switch (op) {
    case BRI_RED_SUM: return sum;
    case BRI_RED_PROD: return product;
    case BRI_RED_MEAN: return sum / n;
    case BRI_RED_VAR: case BRI_RED_MOMENTS: return variance(dtype, x, n, step, sum / n);
    case BRI_RED_STD: return sqrtl(variance(dtype, x, n, step, sum / n));
    case BRI_RED_MIN: return least;
    case BRI_RED_MAX: return most;
    case BRI_RED_ANY: return any;
    case BRI_RED_ALL: return all;
    case BRI_RED_ARGMIN: case BRI_RED_NANARGMIN: return best(dtype, x, n, step, -1);
    case BRI_RED_ARGMAX: case BRI_RED_NANARGMAX: return best(dtype, x, n, step, 1);
    case BRI_RED_NANMIN: return at(dtype, x, step * best(dtype, x, n, step, -1));
    case BRI_RED_NANMAX: return at(dtype, x, step * best(dtype, x, n, step, 1));
    case BRI_RED_NANSUM: *scale = n; return known_sum(dtype, x, n, step, false);
    case BRI_RED_NANMEAN: *scale = 1; return known_sum(dtype, x, n, step, true);
    case BRI_RED_NANVAR: return known_variance(dtype, x, n, step);
    case BRI_RED_NANSTD: return sqrtl(known_variance(dtype, x, n, step));
    case BRI_RED_LOGSUMEXP: *scale = 1; return logsumexp(dtype, x, n, step);
    default: ck_abort_msg("no reference for reduction %d", op); return 0;
    }
}
// clang-format on

/* Products of integers wrap round and those of many floats underflow, which the long double
 * reference does not. */
static bool comparable(bri_redop op, br_dtype dtype, int64_t n)
{
    return op != BRI_RED_PROD || dtype == BR_BOOL || n <= (integral(dtype) ? 7 : 600);
}

/* Skips NaNs: tested with some of them, and in every seventh column only them where the result may
 * be NaN. */
static bool skips(bri_redop op)
{
    return op == BRI_RED_NANSUM || op == BRI_RED_NANMEAN || op == BRI_RED_NANMIN ||
           op == BRI_RED_NANMAX || op == BRI_RED_NANVAR || op == BRI_RED_NANSTD;
}

static void check_values(bri_redop op, br_dtype dtype, shape s)
{
    int64_t inner = s.inner > 0 ? s.inner : 1;
    char *x = random_array(dtype, s.outer * s.n * inner, 0);
    if (skips(op))
        make_holes(dtype, x, s.outer * s.n * inner, inner, 4);
    void *state = run(op, dtype, s, PLAIN, x), *computed = run(op, dtype, s, COMPUTED, x);
    check_same_states(op, dtype, nstates(s), state, computed, "computed");
    double complex *out = malloc((size_t)nstates(s) * sizeof *out);
    ck_assert_int_eq(bri_state_finish(op, dtype, nstates(s), state, s.n, 0.5, BR_COMPLEX128, out),
                     BR_OK);
    for (int64_t k = 0; k < nstates(s) && comparable(op, dtype, s.n); k++) {
        long double scale;
        int64_t first = k / inner * s.n * inner + k % inner;
        long double complex want =
            reference(op, dtype, x + first * size_of(dtype), s.n, inner, &scale);
        long double error = cabsl(out[k] - want);
        if (error <= 1e-14L * (scale + cabsl(want)) ||
            (isnan(creall(want)) && isnan(creal(out[k]))))
            continue;
        ck_abort_msg("%s op %d [%d][%d][%d] state %d: %.17g, not %.17Lg", br_dtype_name(dtype), op,
                     (int)s.outer, (int)s.n, (int)s.inner, (int)k, creal(out[k]), creall(want));
    }
    free(x);
    free(state);
    free(computed);
    free(out);
}

static const shape shapes[] = {
    {1, 1, 0},   {1, 7, 0},     {1, 33, 0},    {3, 511, 0},  {2, 512, 0}, {2, 513, 0}, {1, 3073, 0},
    {400, 3, 0}, {1, 70000, 0}, {1, 1, 1},     {1, 5, 1},    {1, 100, 1}, {2, 16, 3},  {1, 17, 200},
    {3, 61, 5},  {1, 40, 300},  {1, 37, 1500}, {2, 1030, 7}, {19, 64, 0}, {9, 96, 0},  {16, 128, 0},
};
enum { NSHAPES = sizeof shapes / sizeof *shapes };

START_TEST(values)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int op = 0; op < BRI_NREDS; op++)
        for (int dtype = 1; dtype < BR_NDTYPE; dtype++)
            if (defined((bri_redop)op, (br_dtype)dtype) && (!SLOW || (op + dtype + _i) % 3 == 0))
                check_values((bri_redop)op, (br_dtype)dtype, shapes[_i]);
}
END_TEST

/* ---- the same bits ---- */

/* ---- numbers of their own ---- */

/* The mean's rounding alone, 1e-7 here, bounds what can be had; the sum of squares would lose all
 * digits. */
START_TEST(variance_of_large_offsets)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    shape s = {1, 100000, _i};
    int64_t inner = _i > 0 ? _i : 1;
    char *x = random_array(BR_FLOAT64, s.n * inner, 1e9);
    void *state = run(BRI_RED_VAR, BR_FLOAT64, s, PLAIN, x);
    double var;
    long double scale;
    bri_state_finish(BRI_RED_VAR, BR_FLOAT64, 1, (char *)state + (inner - 1) * 8, s.n, 0.5,
                     BR_FLOAT64, &var);
    long double want = creall(reference(BRI_RED_VAR, BR_FLOAT64, x, s.n, inner, &scale));
    if (inner == 1)
        ck_assert_msg(fabsl(var - want) <= 1e-8L * want, "%.17g, not %.17Lg", var, want);
    free(state);
    free(x);
}
END_TEST

START_TEST(empty_boxes)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    void *none = run(BRI_RED_SUM, BR_FLOAT64, (shape){0, 5, 0}, PLAIN, NULL);
    free(none);
    double *sum = run(BRI_RED_SUM, BR_FLOAT64, (shape){2, 0, 0}, PLAIN, NULL), out;
    ck_assert_double_eq(sum[1], 0);
    int64_t *product = run(BRI_RED_PROD, BR_INT8, (shape){2, 0, 3}, PLAIN, NULL);
    ck_assert_int_eq(product[5], 1);
    bri_state_finish(BRI_RED_MEAN, BR_FLOAT64, 1, sum, 0, 0, BR_FLOAT64, &out);
    ck_assert(isnan(out));
    double var[2] = {1, 0};
    bri_state_finish(BRI_RED_STD, BR_FLOAT64, 1, var, 1, 1, BR_FLOAT64, &out);
    ck_assert(isnan(out));
    free(sum);
    free(product);
}
END_TEST

/* Without NaNs nanvar is var, bit for bit, though its states hold more. */
START_TEST(nanvar_is_var)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    const br_dtype dtypes[] = {BR_FLOAT32, BR_FLOAT64, BR_COMPLEX64};
    br_dtype dtype = dtypes[_i % 3];
    shape s = _i / 3 ? (shape){2, 1000, 70} : (shape){3, 5000, 0};
    char *x = random_array(dtype, nstates(s) * s.n, 5);
    void *var = run(BRI_RED_VAR, dtype, s, PLAIN, x),
         *nan = run(BRI_RED_NANVAR, dtype, s, PLAIN, x);
    double want[140], got[140];
    bri_state_finish(BRI_RED_VAR, dtype, nstates(s), var, s.n, 1, BR_FLOAT64, want);
    bri_state_finish(BRI_RED_NANVAR, dtype, nstates(s), nan, s.n, 1, BR_FLOAT64, got);
    ck_assert_mem_eq(want, got, (size_t)nstates(s) * sizeof *want);
    free(x);
    free(var);
    free(nan);
}
END_TEST

/* Where the best of 1500 elements is when it stands twice, with NaNs around, along both kinds of
 * axis. */
static int64_t index_of(bri_redop op, const double *x, int64_t n, int64_t inner, br_status *status)
{
    int64_t index = -1;
    void *state = run(op, BR_FLOAT64, (shape){1, n, inner}, PLAIN, x);
    *status = bri_state_finish(op, BR_FLOAT64, 1, state, n, 0, BR_INT64, &index);
    free(state);
    return index;
}

START_TEST(first_of_equals)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    const int places[] = {0, 1, 31, 32, 511, 512, 513, 1023, 1024, 1400};
    br_status st;
    for (int p = 0; p < 10; p++)
        for (int op = BRI_RED_ARGMIN; op <= BRI_RED_NANARGMAX; op++) {
            if (op == BRI_RED_NANMIN || op == BRI_RED_NANMAX)
                continue;
            double x[1500];
            bool most = op == BRI_RED_ARGMAX || op == BRI_RED_NANARGMAX;
            for (int i = 0; i < 1500; i++)
                x[i] = i >= places[p] && i % 7 == places[p] % 7 ? (most ? INFINITY : -INFINITY) : 0;
            ck_assert_int_eq(index_of((bri_redop)op, x, 1500, _i, &st), places[p]);
            for (int i = 0; i < 1500; i++)
                x[i] = i == places[p] ? (most ? -0.0 : 0.0) : most ? 0.0 : -0.0;
            ck_assert_int_eq(index_of((bri_redop)op, x, 1500, _i, &st), 0);
            bool skip = op == BRI_RED_NANARGMIN || op == BRI_RED_NANARGMAX;
            for (int i = 0; i < 1500; i++)
                x[i] = (i >= places[p]) == skip ? most ? -INFINITY : INFINITY : NAN;
            ck_assert_int_eq(index_of((bri_redop)op, x, 1500, _i, &st), places[p]);
            ck_assert_int_eq(st, BR_OK);
        }
    double none[40];
    for (int i = 0; i < 40; i++)
        none[i] = NAN;
    ck_assert_int_eq(index_of(BRI_RED_ARGMAX, none, 40, _i, &st), 0);
    ck_assert_int_eq(st, BR_OK);
    index_of(BRI_RED_NANARGMAX, none, 40, _i, &st);
    ck_assert_int_eq(st, BR_EARG);
}
END_TEST

/* Large and infinite exponents. */
START_TEST(logsumexp_range)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    const struct {
        double a, b, want;
    } cases[] = {
        {1000, 1000, 1000 + 0.693147180559945309417},
        {-1000, -1000, -1000 + 0.69314718055994531},
        {-INFINITY, -INFINITY, -INFINITY},
        {-INFINITY, 3, 3},
        {INFINITY, 3, INFINITY},
        {INFINITY, -INFINITY, INFINITY},
        {INFINITY, INFINITY, INFINITY},
        {-1e300, 5, 5},
    };
    for (int k = 0; k < 8; k++) {
        double x[1200], out;
        for (int i = 0; i < 1200; i++)
            x[i] = -INFINITY;
        x[3] = cases[k].a;
        x[1100] = cases[k].b;
        void *state = run(BRI_RED_LOGSUMEXP, BR_FLOAT64, (shape){1, 1200, _i}, PLAIN, x);
        bri_state_finish(BRI_RED_LOGSUMEXP, BR_FLOAT64, 1, state, 1200, 0, BR_FLOAT64, &out);
        ck_assert_msg(out == cases[k].want || fabs(out - cases[k].want) < 1e-12, "case %d: %g", k,
                      out);
        free(state);
        x[77] = NAN;
        state = run(BRI_RED_LOGSUMEXP, BR_FLOAT64, (shape){1, 1200, _i}, PLAIN, x);
        bri_state_finish(BRI_RED_LOGSUMEXP, BR_FLOAT64, 1, state, 1200, 0, BR_FLOAT64, &out);
        ck_assert(isnan(out));
        free(state);
    }
}
END_TEST

START_TEST(nan_wins)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    double x[600];
    for (int i = 0; i < 600; i++)
        x[i] = i == 555 ? NAN : i;
    for (int op = BRI_RED_MIN; op <= BRI_RED_MAX; op++)
        for (int inner = 0; inner <= 1; inner++) {
            double *state = run((bri_redop)op, BR_FLOAT64, (shape){1, 600, inner}, PLAIN, x);
            ck_assert(isnan(*state));
            free(state);
        }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("reductions");
    tcase_add_loop_test(t, values, 0, NSHAPES);
    tcase_add_loop_test(t, variance_of_large_offsets, 0, 2);
    tcase_add_test(t, empty_boxes);
    tcase_add_test(t, nan_wins);
    tcase_add_loop_test(t, nanvar_is_var, 0, 6);
    tcase_add_loop_test(t, first_of_equals, 0, 2);
    tcase_add_loop_test(t, logsumexp_range, 0, 2);
    return run_case("reductions", t);
}
