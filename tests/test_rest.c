/* SPDX-License-Identifier: BSD-3-Clause
 * test_rest.c - when the communication thread gives its core away and how long it sleeps, on times
 * that the test makes up.
 */
#include <check.h>

#include "scheduler/mpi/rest.h"
#include "tests/suite.h"

#define TICK 4e-3

static const bri_rest_sight nothing = {0}, computing = {.jobs = true, .computes = true};

START_TEST(a_core_is_given_away_while_nobody_computes)
{
    bri_rest r = {0};
    for (int i = 0; i < 20; i++) {
        double now = 1 + i * 1e-6;
        ck_assert(bri_rest_yields(&r, &nothing, now - 1, now));
        bri_rest_note(&r, now, now + 50e-6); /* others do something short */
    }
    ck_assert(!bri_rest_yields(&r, &nothing, 40e-6, 2));
}
END_TEST

START_TEST(it_is_kept_while_this_rank_computes)
{
    bri_rest r = {0};
    ck_assert(!bri_rest_yields(&r, &computing, 0, 1));
    ck_assert(bri_rest_yields(&r, &nothing, 0, 1));
}
END_TEST

/* How long it is kept after it came back a tick later. */
static double keep(bri_rest *r, double *now)
{
    bri_rest_note(r, *now, *now + TICK);
    *now += TICK;
    double begin = *now;
    while (!bri_rest_yields(r, &nothing, 0, *now)) {
        ck_assert_double_lt(*now - begin, 1);
        *now += 0.1e-3;
    }
    return *now - begin;
}

START_TEST(it_is_kept_ever_longer_while_others_compute)
{
    bri_rest r = {0};
    double now = 100;
    double before = keep(&r, &now), lost = TICK, begin = now - before - TICK;
    ck_assert_double_ge(before, 2 * TICK);
    for (int i = 0; i < 10; i++) {
        double kept = keep(&r, &now);
        ck_assert_double_ge(kept, before - 1e-6);
        before = kept;
        lost += TICK;
    }
    ck_assert_double_lt(lost, 0.05 * (now - begin)); /* waiting for ticks */
    ck_assert_double_lt(before, 0.2);
    now += 1; /* nobody computes any more, then somebody again */
    ck_assert(bri_rest_yields(&r, &nothing, 0, now));
    ck_assert_double_lt(keep(&r, &now), 5 * TICK);
}
END_TEST

/* 0.3 ms, whether all ranks ring or none does; where they ring, sleeps are for what can wait. */
START_TEST(a_rank_that_computes_looks_often)
{
    for (int way = 0; way < 16; way++) {
        bri_rest_sight s = computing;
        s.jobs = way & 8; /* else errands */
        s.moving = way & 1;
        s.out = way & 2;
        s.rings = way & 4;
        bool rung = s.rings && !s.moving && !s.out;
        double most = !rung ? 300e-6 : s.jobs ? 4e-3 : 20e-3;
        for (double quiet = 1e-6; quiet < 1e3; quiet *= 2)
            ck_assert_double_le(bri_rest_length(&s, quiet), most);
    }
}
END_TEST

START_TEST(a_rank_that_waits_sleeps_as_long_as_it_may)
{
    for (int way = 0; way < 4; way++) {
        bri_rest_sight s = {.jobs = true, .moving = way & 1, .rings = way & 2};
        double least = s.rings && !s.moving ? 1e-3 : 200e-6;
        for (double quiet = 1e-6; quiet < 1e3; quiet *= 2) {
            double length = bri_rest_length(&s, quiet);
            ck_assert_double_ge(length, 50e-6);
            ck_assert(length <= least || length <= 0.02 * quiet);
            ck_assert_double_le(length, 4e-3);
        }
        ck_assert_double_ge(bri_rest_length(&s, 1), 4e-3);
    }
}
END_TEST

START_TEST(an_idle_rank_sleeps_long)
{
    const bri_rest_sight rung = {.rings = true};
    ck_assert_double_le(bri_rest_length(&nothing, 0.5), 1e-3);
    ck_assert_double_ge(bri_rest_length(&nothing, 2), 4e-3);
    ck_assert_double_ge(bri_rest_length(&rung, 1e-3), 20e-3);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("rest");
    tcase_add_test(tests, a_core_is_given_away_while_nobody_computes);
    tcase_add_test(tests, it_is_kept_while_this_rank_computes);
    tcase_add_test(tests, it_is_kept_ever_longer_while_others_compute);
    tcase_add_test(tests, a_rank_that_computes_looks_often);
    tcase_add_test(tests, a_rank_that_waits_sleeps_as_long_as_it_may);
    tcase_add_test(tests, an_idle_rank_sleeps_long);
    return run_case("rest", tests);
}
