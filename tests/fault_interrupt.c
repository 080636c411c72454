/* SPDX-License-Identifier: BSD-3-Clause
 * fault_interrupt.c - a program that is interrupted while it computes; fault_interrupt.sh runs it.
 *
 * usage: fault_interrupt once|twice|never
 *   once   interrupts itself in a compute, in computes in flight, in a graph, before a compute
 *   twice  does so twice in a task that does not end: must be killed
 *   never  computes for a long time, without catching anything
 */
#include <bramble/bramble.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/running.h"

enum { SLOW = 4000, MILLISECONDS = 5 };

static br_context *ctx;
static pid_t rank_zero;
static bool stuck;
static atomic_bool hesitates; /* tasks that interrupt wait until main has begun the rest */

static void nap(long milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

/* Some task of rank 0 in the midst of it; rank 0's process is the only one that has set rank_zero
 * to its own number. */
static void interrupt_once(int64_t task, int64_t at)
{
    if (getpid() != rank_zero || task < at)
        return;
    static _Atomic int64_t last; /* of tasks that come at the same time one interrupts */
    if (atomic_exchange(&last, at) == at)
        return;
    while (atomic_load(&hesitates))
        nap(1);
    kill(getpid(), SIGINT);
    if (stuck) {
        nap(300);
        kill(getpid(), SIGINT);
        nap(60000);
    }
}

static int slow(const br_block *inputs, int ninputs, const br_block *output, const void *data)
{
    (void)inputs, (void)ninputs;
    nap(MILLISECONDS);
    memset(output->data, 0, sizeof(double));
    interrupt_once(output->chunk[0], *(const int64_t *)data);
    return 0;
}

/* at: the task that interrupts. */
static br_array *slow_array(int64_t at)
{
    br_array *zeros = br_zeros(ctx, BR_SHAPE(SLOW), .chunks = BR_CHUNKS(1));
    return br_map_blocks(zeros, slow, .data = &at, .data_bytes = sizeof at);
}

static int slow_task(void *data, int64_t task)
{
    (void)data;
    nap(MILLISECONDS);
    interrupt_once(task, 13);
    return 0;
}

static void report(const char *what, bool good)
{
    printf("%s %s\n", what, good ? "ok" : "FAILED");
    if (!good)
        printf("  %s\n", br_message(ctx));
    br_clear_error(ctx);
}

static bool works(void)
{
    double sum = 0;
    br_array *x = br_ones(ctx, BR_SHAPE(1000), .chunks = BR_CHUNKS(10));
    return br_compute_f64(br_sum(x), &sum) == BR_OK && sum == 1000;
}

static bool was_interrupted(br_status st)
{
    return st == BR_ECANCELLED && strstr(br_message(ctx), "interrupted") != NULL;
}

/* Until the watching thread has seen that what was cancelled is over: an interrupt before that
 * would be the second one. */
static void settle(void)
{
    while (bri_interrupt_ending())
        nap(1);
}

/* When no compute runs the next one is cancelled. */
static bool stops_working(void)
{
    kill(getpid(), SIGINT);
    while (!bri_running_ending()) /* until the watching thread has found nothing that runs */
        nap(1);
    return !works() && was_interrupted(br_error_status(ctx));
}

static void once(void)
{
    static double out[2][SLOW];
    report("a compute", was_interrupted(br_compute(slow_array(10), out[0], sizeof out[0])));
    settle();
    report("the next one", works());
    bool one_by_one = strcmp(br_scheduler(ctx), "sync") == 0;
    atomic_store(&hesitates, !one_by_one);
    br_future *a = br_compute_async(slow_array(11), out[0], sizeof out[0]);
    if (one_by_one) /* it has run */
        settle();
    br_array *beside = one_by_one ? slow_array(12) : slow_array(SLOW + 1);
    br_future *b = br_compute_async(beside, out[1], sizeof out[1]);
    atomic_store(&hesitates, false);
    report("in flight", was_interrupted(br_wait(a)));
    report("both", was_interrupted(br_wait(b)));
    br_future_free(a);
    br_future_free(b);
    settle();
    report("the next one", works());
    br_graph *g = br_graph_new(ctx);
    for (int i = 0; i < SLOW; i++)
        br_graph_add(g, slow_task, NULL, NULL, 0);
    report("a graph", was_interrupted(br_graph_run(g)));
    settle();
    report("before a compute", stops_working());
    report("the next one", works());
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    bool catches = strcmp(how, "never") != 0;
    ctx = br_open(&argc, &argv);
    if (catches && br_catch_interrupts(ctx, true) != BR_OK)
        return br_close(ctx);
    if (strcmp(how, "never") != 0)
        rank_zero = getpid();
    stuck = strcmp(how, "twice") == 0;
    if (strcmp(how, "never") == 0) {
        static double out[SLOW];
        printf("computing\n");
        fflush(stdout);
        br_compute(slow_array(0), out, sizeof out);
        return br_close(ctx);
    }
    once();
    return br_close(ctx);
}
