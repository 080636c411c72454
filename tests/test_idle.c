/* SPDX-License-Identifier: BSD-3-Clause
 * test_idle.c - what a context leaves alone: the processor while nothing is asked of it, OpenBLAS's
 * threads when it is closed.
 */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include <bramble/bramble.h>
#include <cblas.h>

#include "tests/suite.h"

static br_context *open_context(const char *scheduler, const char *threads)
{
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    setenv("BRAMBLE_NUM_THREADS", threads, 1);
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
    return ctx;
}

static double processor_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void nap(long milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static int nothing(void *data, int64_t task)
{
    (void)data, (void)task;
    return 0;
}

/* Arrays and graphs have run, so that every thread is there and was awake. */
static void work(br_context *ctx)
{
    double sum;
    br_array *x = br_ones(ctx, BR_SHAPE(1000), .chunks = BR_CHUNKS(10));
    ck_assert_int_eq(br_compute_f64(br_sum(br_persist(br_exp(x))), &sum), BR_OK);
    br_graph *graph = br_graph_new(ctx);
    for (int i = 0; i < 1000; i++)
        br_graph_add(graph, nothing, NULL, NULL, 0);
    ck_assert_int_eq(br_graph_run(graph), BR_OK);
    br_graph_free(graph);
}

/* A second in which nothing is to do costs less than a hundredth of one. Threads spin for a moment
 * first, however long that lasts on a busy machine: one of some seconds must be such a one. */
START_TEST(an_idle_context_burns_nothing)
{
    br_context *ctx = open_context("threads", "4");
    work(ctx);
    double used = 1;
    for (int i = 0; i < 10 && used >= 0.01; i++) {
        double before = processor_seconds();
        nap(1000);
        used = processor_seconds() - before;
    }
    ck_assert_msg(used < 0.01, "%.4f s of a processor in an idle second", used);
    work(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* OpenBLAS runs on one thread from the first br_open to the last br_close, and then on as many as
 * before. */
START_TEST(openblas_has_one_thread_meanwhile)
{
    openblas_set_num_threads(2);
    int before = openblas_get_num_threads(); /* 1 if it has no threads at all */
    br_context *first = open_context("sync", "1");
    ck_assert_int_eq(openblas_get_num_threads(), 1);
    br_context *second = open_context("threads", "2");
    ck_assert_int_eq(openblas_get_num_threads(), 1);
    ck_assert_int_eq(br_close(first), 0);
    ck_assert_int_eq(openblas_get_num_threads(), 1);
    ck_assert_int_eq(br_close(second), 0);
    ck_assert_int_eq(openblas_get_num_threads(), before);
}
END_TEST

/* One that does not open leaves it alone, too. */
START_TEST(openblas_after_a_failed_open)
{
    openblas_set_num_threads(2);
    int before = openblas_get_num_threads();
    setenv("BRAMBLE_NUM_THREADS", "many", 1);
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_ECONFIG);
    br_close(ctx);
    ck_assert_int_eq(openblas_get_num_threads(), before);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("idle");
    tcase_add_test(tcase, an_idle_context_burns_nothing);
    tcase_add_test(tcase, openblas_has_one_thread_meanwhile);
    tcase_add_test(tcase, openblas_after_a_failed_open);
    return run_case("idle", tcase);
}
