/* SPDX-License-Identifier: BSD-3-Clause
 * job_patience.c - how long emission waits for other ranks to take what was made for them.
 *
 * When a task's bytes do not fit and nothing runs here, values that other ranks have yet to take
 * may be what fills the memory. Then waiting helps, unless those ranks wait in turn for what this
 * one makes later. Nobody can tell, so it waits for a time that begins anew with each value that is
 * taken; the next time twice as long, up to the longest, when that made room, and half as long when
 * it did not. So where ranks do wait for each other all of it costs some seconds, once.
 *
 * Before all that, after a moment, what is held for others may go to disk (bri_scheduler.park),
 * which counts as taken. So the long wait is for what cannot go there.
 */

#include "runtime/clock.h"
#include "runtime/job_inside.h"
#include "runtime/scheduler.h"

int64_t bri_patience_longest = 2000000000; /* ns */
static const int64_t moment = 20000000;    /* ns */

static void wait_for(bri_patience *p, int64_t ns)
{
    atomic_store_explicit(&p->until, bri_now_ns() + ns, memory_order_relaxed);
}

bool bri_patience_waits(bri_job *job, size_t bytes)
{
    bri_patience *p = &job->patience;
    long long sent = atomic_load_explicit(&p->sent, memory_order_acquire);
    int64_t until = atomic_load_explicit(&p->until, memory_order_relaxed);
    if (atomic_load_explicit(&job->nsends, memory_order_acquire) <=
        atomic_load_explicit(&p->owed, memory_order_acquire))
        return false; /* nothing is held for others */
    if (!p->waiting || sent != p->seen) {
        p->waiting = true;
        p->asked = false;
        p->seen = sent;
        wait_for(p, moment);
        return true;
    }
    if (bri_now_ns() < until)
        return true;
    if (!p->asked) {
        p->asked = true;
        wait_for(p, bri_patience_longest >> p->shorter);
        job->ctx->scheduler->park(job->ctx, job, bytes);
        return true;
    }
    p->waiting = false;
    p->shorter += p->shorter < 30;
    return false;
}

void bri_patience_over(bri_job *job)
{
    bri_patience *p = &job->patience;
    if (!p->waiting)
        return;
    p->waiting = false;
    p->shorter -= p->shorter > 0;
    atomic_store_explicit(&p->until, 0, memory_order_relaxed);
}

bool bri_job_overdue(bri_job *job)
{
    int64_t until = atomic_load_explicit(&job->patience.until, memory_order_relaxed);
    return until != 0 && bri_now_ns() >= until &&
           atomic_compare_exchange_strong_explicit(&job->patience.until, &until, 0,
                                                   memory_order_relaxed, memory_order_relaxed);
}
