/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_looks.c - how communication threads wait while all threads of their ranks compute; for
 * test_mpi_looks.sh and test_mpi_hosts.sh.
 *
 * Between hosts a message is found when the thread looks. So it must sleep for at most 0.3 ms at a
 * time, wake on time, and not give its core to a thread that computes, which keeps it for
 * milliseconds; on one host a bell wakes it. What it asks of Linux is compared, no time is
 * measured. Each rank says at its end what it has seen; with 1 it ends when that was not so.
 *
 * usage: mpi_looks own|lent|submitted: ranks run their own tasks of a run, or rank 0 those of the
 * last one, or each a task of br_submit.
 *
 * It is linked so that calls of bri_rest_yields and bri_bell_wait come here (--wrap), which the
 * communication thread alone makes.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "scheduler/mpi/bell.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/rest.h"

/* Sleeps grow: so often, or the longest is not seen. */
enum { LOOKS = 500, CHUNKS = 8, MOST_SLEEP_NS = 300000, MOST_SLICE_NS = 300000 };

static atomic_int computing; /* a task that does, from 1 on; 0: none */
static atomic_int looks;     /* while one does */
static atomic_int yields, long_sleeps, longest_ns, slack_ns, slice_ns;

/* ---- the communication thread ---- */

static bool throughout; /* the same task has computed since it has looked before */

/* As struct sched_attr, which glibc 2.36 does not have. 0: Linux before 6.12 does not say, or there
 * are none, where whoever started the test has chosen another policy. */
static int slice_of_this_thread(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {0};
    syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0);
    return attributes.policy == SCHED_OTHER ? (int)attributes.runtime : 0;
}

bool __real_bri_rest_yields(const bri_rest *r, const bri_rest_sight *s, double quiet, double now);
bool __wrap_bri_rest_yields(const bri_rest *r, const bri_rest_sight *s, double quiet, double now);
void __real_bri_bell_wait(double seconds, bool (*something)(void));
void __wrap_bri_bell_wait(double seconds, bool (*something)(void));

bool __wrap_bri_rest_yields(const bri_rest *r, const bri_rest_sight *s, double quiet, double now)
{
    static int before;
    int task = atomic_load(&computing);
    bool gives = __real_bri_rest_yields(r, s, quiet, now);
    throughout = task > 0 && task == before;
    before = task;
    if (throughout) {
        atomic_store(&slack_ns, prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
        atomic_store(&slice_ns, slice_of_this_thread());
        atomic_fetch_add(&yields, gives);
        atomic_fetch_add(&looks, 1);
    }
    return gives;
}

void __wrap_bri_bell_wait(double seconds, bool (*something)(void))
{
    int ns = (int)(1e9 * seconds + 0.5);
    if (throughout && !bri_meet_on_one_host()) {
        atomic_fetch_add(&long_sleeps, ns > MOST_SLEEP_NS);
        if (ns > atomic_load(&longest_ns))
            atomic_store(&longest_ns, ns);
    }
    __real_bri_bell_wait(seconds, something);
}

static void report(void)
{
    bool good = atomic_load(&looks) >= LOOKS && atomic_load(&yields) == 0 &&
                atomic_load(&long_sleeps) == 0 && atomic_load(&slack_ns) == 1 &&
                atomic_load(&slice_ns) <= MOST_SLICE_NS;
    printf("%s: %d looks while tasks computed; %d times the core was given away, %d sleeps of more "
           "than 0.3 ms, the longest of %d us; timers may be late by %d ns; slices of %d us\n",
           good ? "good" : "WRONG", atomic_load(&looks), atomic_load(&yields),
           atomic_load(&long_sleeps), atomic_load(&longest_ns) / 1000, atomic_load(&slack_ns),
           atomic_load(&slice_ns) / 1000);
    fflush(stdout);
    if (!good)
        _exit(1);
}

/* ---- what computes: for as long as the thread needs to look so often ---- */

/* Two threads may: a rank's own task and one of another rank's. */
static void compute(void)
{
    static atomic_int tasks;
    const int mine = atomic_fetch_add(&tasks, 1) + 1, enough = atomic_load(&looks) + LOOKS;
    int is = mine;
    while (atomic_load(&looks) < enough) {
        int none = 0;
        atomic_compare_exchange_strong(&computing, &none, mine);
    }
    atomic_compare_exchange_strong(&computing, &is, 0);
}

/* From the chunk *first on. */
static int chunk(const br_block *in, int n, const br_block *out, const void *first)
{
    if (out->origin[0] >= *(const int *)first)
        compute();
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * sizeof(double));
    return n - 1;
}

static br_status run(br_context *ctx, int first)
{
    double sum;
    br_array *x = br_zeros(ctx, BR_SHAPE(CHUNKS), .chunks = BR_CHUNKS(1));
    x = br_map_blocks(x, chunk, .data = &first, .data_bytes = sizeof first);
    return br_compute_f64(br_sum(x), &sum);
}

/* The first half of the chunks is rank 0's, which then has nothing to do. On a busy machine it may
 * not look so, and has some runs more. */
static br_status run_lent(br_context *ctx)
{
    enum { RUNS = 20 };
    br_run_info info = {0};
    br_status st = BR_OK;
    for (int i = 0; i < RUNS && st == BR_OK && info.lent_tasks == 0; i++) {
        st = run(ctx, CHUNKS / 2);
        st = st == BR_OK ? br_last_run(ctx, &info) : st;
    }
    return st;
}

static int task(br_task *self, const void *args, size_t bytes)
{
    (void)self, (void)args, (void)bytes;
    compute();
    return 0;
}

static br_status run_submitted(br_context *ctx)
{
    br_future *one[] = {br_submit(ctx, task, .on = BR_RANK(0)),
                        br_submit(ctx, task, .on = BR_RANK(1))};
    return br_wait_all(one, 2);
}

int main(int argc, char **argv)
{
    atexit(report);
    br_context *ctx = br_open(&argc, &argv);
    if (br_error_status(ctx) != BR_OK)
        return 2;
    const char *what = argc > 1 ? argv[1] : "";
    br_status st = strcmp(what, "lent") == 0        ? run_lent(ctx)
                   : strcmp(what, "submitted") == 0 ? run_submitted(ctx)
                                                    : run(ctx, 0);
    return br_close(ctx) != 0 || st != BR_OK;
}
