/* SPDX-License-Identifier: BSD-3-Clause
 * test_mpi_bell.c - bells: rung by another thread, by another process, by nobody; wrong places.
 */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/mpi/bell.h"
#include "tests/suite.h"

static bri_bell_place places[2];

static bri_bell_place where(int rank)
{
    return places[rank];
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool nothing(void)
{
    return false;
}

static bool something(void)
{
    return true;
}

/* Seconds slept, of at most 20. */
static double wait_long(bool (*check)(void))
{
    double start = now();
    bri_bell_wait(20, check);
    return now() - start;
}

/* Now and then, since what rings before the other one sleeps is lost. */
static void *ring_often(void *woken)
{
    while (!atomic_load((atomic_bool *)woken)) {
        usleep(20000);
        bri_bell_ring();
    }
    return NULL;
}

static void a_thread_wakes(void)
{
    pthread_t ringer;
    atomic_bool woken = false;
    ck_assert_int_eq(pthread_create(&ringer, NULL, ring_often, &woken), 0);
    ck_assert(wait_long(nothing) < 19);
    atomic_store(&woken, true);
    pthread_join(ringer, NULL);
}

START_TEST(a_thread_of_the_process_rings)
{
    bri_bell_open(&places[0]);
    ck_assert_int_eq(places[0].pid, getpid());
    a_thread_wakes();
    bri_bell_close();
}
END_TEST

/* Also without a page that others could map. */
START_TEST(a_process_without_a_page_has_a_bell)
{
    a_thread_wakes();
}
END_TEST

START_TEST(who_finds_something_does_not_sleep)
{
    double start = now();
    ck_assert(wait_long(something) < 19);
    start = now();
    bri_bell_wait(0.02, nothing);
    ck_assert(now() - start >= 0.02);
}
END_TEST

/* Until the parent has shut its end. */
static _Noreturn void ring_from_a_child(int to_parent, int from_parent)
{
    bri_bell_open(&places[1]);
    ck_assert_int_eq(write(to_parent, &places[1], sizeof places[1]), sizeof places[1]);
    bool mapped = bri_bell_connect(1, 2, where) && bri_bell_rings_all();
    struct pollfd end = {.fd = from_parent, .events = POLLIN};
    while (poll(&end, 1, 20) == 0)
        bri_bell_ring_rank(0);
    bri_bell_close();
    _exit(mapped ? 0 : 1);
}

START_TEST(another_process_rings)
{
    int pipes[2];
    int back[2];
    int status;
    bri_bell_open(&places[0]);
    ck_assert_int_eq(pipe(pipes) | pipe(back), 0);
    pid_t child = fork();
    if (child == 0) {
        close(back[1]);
        ring_from_a_child(pipes[1], back[0]);
    }
    ck_assert_int_eq(read(pipes[0], &places[1], sizeof places[1]), sizeof places[1]);
    ck_assert(bri_bell_connect(0, 2, where));
    ck_assert(bri_bell_rings_all());
    ck_assert(!bri_bell_hears_all());
    bri_bell_heard_by(2, (bool[]){true, true});
    ck_assert(bri_bell_hears_all());
    ck_assert(wait_long(nothing) < 19);
    bri_bell_close();
    close(back[1]);
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(back[0]);
    close(pipes[0]);
    close(pipes[1]);
}
END_TEST

/* As a rank on a host of the same name would give it. */
START_TEST(a_page_of_somebody_else_is_not_rung)
{
    bri_bell_place mine;
    bri_bell_open(&mine);
    places[1] = mine;
    places[1].secret[0]++;
    ck_assert(bri_bell_connect(0, 2, where));
    ck_assert(!bri_bell_rings_all());
    bri_bell_ring_rank(1);
    bri_bell_close();
    places[1] = (bri_bell_place){.pid = (int32_t)getpid(), .fd = 0, .secret = {1, 2}};
    ck_assert(bri_bell_connect(0, 2, where));
    ck_assert(!bri_bell_rings_all());
    bri_bell_close();
}
END_TEST

/* Then they look for messages instead of sleeping long: all of them, also the one that could. */
START_TEST(one_that_cannot_ring_wakes_all)
{
    bri_bell_heard_by(3, (bool[]){true, true, true});
    ck_assert(bri_bell_hears_all());
    bri_bell_heard_by(3, (bool[]){true, true, false});
    ck_assert(!bri_bell_hears_all());
    bri_bell_heard_by(3, (bool[]){true, true, true});
    bri_bell_close();
    ck_assert(!bri_bell_hears_all());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("bell");
    tcase_add_test(tests, a_thread_of_the_process_rings);
    tcase_add_test(tests, a_process_without_a_page_has_a_bell);
    tcase_add_test(tests, who_finds_something_does_not_sleep);
    tcase_add_test(tests, another_process_rings);
    tcase_add_test(tests, a_page_of_somebody_else_is_not_rung);
    tcase_add_test(tests, one_that_cannot_ring_wakes_all);
    return run_case("mpi/bell", tests);
}
