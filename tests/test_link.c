/* SPDX-License-Identifier: BSD-3-Clause
 * test_link.c - a thread that is not the communication thread must not call MPI.
 */
#include <check.h>
#include <signal.h>

#include "scheduler/mpi/link.h"
#include "tests/suite.h"

#ifndef NDEBUG
static const bri_link_events no_events;

START_TEST(gather)
{
    int mine = 0;
    int all = 0;
    bri_link_gather(&mine, &all, sizeof mine);
}
END_TEST

START_TEST(poll)
{
    bri_link_poll(&no_events);
}
END_TEST

START_TEST(abort_job)
{
    bri_link_abort(1);
}
END_TEST
#endif

/* Any thread may ask. */
START_TEST(questions)
{
    ck_assert(!bri_link_initialised());
    ck_assert(!bri_link_is_shared());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("link");
    tcase_add_test(tests, questions);
#ifndef NDEBUG
    tcase_add_test_raise_signal(tests, gather, SIGABRT);
    tcase_add_test_raise_signal(tests, poll, SIGABRT);
    tcase_add_test_raise_signal(tests, abort_job, SIGABRT);
#endif
    return run_case("link", tests);
}
