/* SPDX-License-Identifier: BSD-3-Clause
 * test_balance.c - speeds from what ranks did, weights from speeds, runs of places from weights.
 */
#include <check.h>

#include "array/plan/balance.h"
#include "array/plan/place.h"
#include "tests/suite.h"

enum { MS = 1000000 };

/* n places cut for ranks with these weights: in order, and in proportion to one place. */
static void check_runs(const int64_t *ends, int nranks, int64_t n)
{
    bri_plan plan = {.nranks = nranks, .ends = (int64_t *)(uintptr_t)ends};
    int before = 0;
    int64_t count[8] = {0};
    for (int64_t i = 0; i < n; i++) {
        int r = bri_place_run(&plan, i, n);
        if (r < before || r >= nranks) /* an assertion for each would take too long */
            ck_abort_msg("place %lld is rank %d's after %d's", (long long)i, r, before);
        count[before = r]++;
    }
    for (int r = 0; r < nranks && n > 0; r++) {
        int64_t weight = ends[r] - (r > 0 ? ends[r - 1] : 0);
        double want = (double)weight / (double)ends[nranks - 1] * (double)n;
        ck_assert_double_le((double)count[r], want + 1);
        ck_assert_double_ge((double)count[r], want - 1);
    }
}

START_TEST(runs)
{
    static const int64_t even[] = {16, 32, 48, 64};
    static const int64_t uneven[] = {28, 32, 60, 64};
    for (int64_t n = 0; n < 200; n++) {
        check_runs(even, 4, n);
        check_runs(uneven, 4, n);
        check_runs(uneven, 1, n);
    }
    check_runs(uneven, 4, 1000003);
}
END_TEST

/* Equal weights cut as no weights do. */
START_TEST(equal_weights)
{
    int64_t ends[] = {16, 32, 48};
    bri_plan without = {.nranks = 3};
    bri_plan with = {.nranks = 3, .ends = ends};
    for (int64_t n = 1; n < 100; n++)
        for (int64_t i = 0; i < n; i++)
            ck_assert_int_eq(bri_place_run(&with, i, n), bri_place_run(&without, i, n));
}
END_TEST

START_TEST(places_beyond_32_bits)
{
    int64_t ends[] = {100, 200};
    bri_plan plan = {.nranks = 2, .ends = ends};
    int64_t n = (int64_t)1 << 60;
    ck_assert_int_eq(bri_place_run(&plan, n / 2 - 1, n), 0);
    ck_assert_int_eq(bri_place_run(&plan, n / 2, n), 1);
    ck_assert_int_eq(bri_place_run(&plan, n - 1, n), 1);
}
END_TEST

/* Three times the work in the same time. */
START_TEST(a_faster_rank)
{
    double speed[] = {1, 1};
    int32_t weight[2];
    const bri_measured measured[] = {{100 * MS, 3000, 0, 1}, {100 * MS, 1000, 0, 1}};
    ck_assert(bri_speeds_learn(speed, NULL, measured, 2));
    bri_speeds_weigh(speed, 2, weight);
    for (int i = 0; i < 8; i++)
        if (bri_speeds_learn(speed, weight, measured, 2))
            bri_speeds_weigh(speed, 2, weight);
    ck_assert_double_ge((double)weight[0] / weight[1], 3 / 1.3 - 0.3);
    ck_assert_double_le((double)weight[0] / weight[1], 3 * 1.3 + 0.3);
    ck_assert_int_eq(weight[0] + weight[1], 32);
}
END_TEST

/* The same rate on twice the threads. */
START_TEST(more_threads)
{
    double speed[] = {4, 4};
    const bri_measured measured[] = {{100 * MS, 1000, 0, 4}, {100 * MS, 1000, 0, 2}};
    for (int i = 0; i < 8; i++)
        bri_speeds_learn(speed, NULL, measured, 2);
    ck_assert_double_eq_tol(speed[0] / speed[1], 2, 0.1);
}
END_TEST

/* Small differences, and runs that are too short, change nothing. */
START_TEST(steady)
{
    double speed[] = {2, 2};
    const bri_measured alike[] = {{100 * MS, 1100, 0, 1}, {100 * MS, 900, 0, 1}};
    for (int i = 0; i < 20; i++)
        ck_assert(!bri_speeds_learn(speed, NULL, alike, 2));
    double other[] = {2, 2};
    const bri_measured brief[] = {{1 * MS, 5000, 0, 1}, {100 * MS, 900, 0, 1}};
    ck_assert(!bri_speeds_learn(other, NULL, brief, 2));
    ck_assert_double_eq(other[0], other[1]);
}
END_TEST

/* A rank that did nothing keeps its speed beside the others'. */
START_TEST(an_idle_rank)
{
    double speed[] = {2, 2, 2};
    const bri_measured measured[] = {{100 * MS, 1000, 0, 1}, {0, 0, 0, 1}, {100 * MS, 1000, 0, 1}};
    ck_assert(!bri_speeds_learn(speed, NULL, measured, 3));
    ck_assert_double_eq(speed[1], 2);
    ck_assert_double_eq_tol(speed[0], 2, 1e-9);
}
END_TEST

/* Ranks whose time went into another stage are not compared. */
START_TEST(other_stages)
{
    double speed[] = {1, 1, 1};
    const bri_measured measured[] = {
        {200 * MS, 2000, 3, 1}, {100 * MS, 9, 2, 1}, {100 * MS, 1000, 3, 1}};
    ck_assert(!bri_speeds_learn(speed, NULL, measured, 3));
    ck_assert_double_eq_tol(speed[0], speed[2], 1e-9);
    ck_assert_double_eq(speed[1], 1);
}
END_TEST

/* Nobody's weight is so small that it is never measured again. */
START_TEST(limits)
{
    const double speed[] = {1e-9, 1, 1};
    int32_t weight[3];
    bri_speeds_weigh(speed, 3, weight);
    ck_assert_int_ge(weight[0], 2);
    ck_assert_int_eq(weight[1], weight[2]);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("balance");
    tcase_add_test(t, runs);
    tcase_add_test(t, equal_weights);
    tcase_add_test(t, places_beyond_32_bits);
    tcase_add_test(t, a_faster_rank);
    tcase_add_test(t, more_threads);
    tcase_add_test(t, steady);
    tcase_add_test(t, an_idle_rank);
    tcase_add_test(t, other_stages);
    tcase_add_test(t, limits);
    return run_case("balance", t);
}
