/* SPDX-License-Identifier: BSD-3-Clause
 * crew.c - how much each rank gets.
 */
#include "scheduler/mpi/crew.h"

#include "scheduler/workers/exchange.h"

/* What lies ahead of a rank's threads: about AHEAD seconds of work, at least one errand when those
 * are shorter than WORTH_ONE, since a new one takes up to a millisecond to come. */
#define AHEAD     8e-3
#define WORTH_ONE 50e-3
enum { MOST_AHEAD = 1024 };

void bri_crew_learn(bri_member *m, int64_t ns, int n)
{
    if (n == 0)
        return;
    double seconds = 1e-9 * (double)ns / n;
    m->seconds = m->seconds == 0 ? seconds : 0.5 * (m->seconds + seconds);
    m->seconds = m->seconds > 1e-7 ? m->seconds : 1e-7;
}

void bri_crew_count_waiting(bri_crew *c)
{
    const bri_exchange *x = c->store->exchange;
    for (int r = 1; x != NULL && r < c->nranks; r++)
        c->member[r].waiting = (int)x->nreceives[r];
}

static int ahead_of(const bri_member *m)
{
    if (m->seconds == 0 || m->seconds > WORTH_ONE)
        return 0;
    double n = AHEAD * m->threads / m->seconds;
    return n < 1 ? 1 : n > MOST_AHEAD ? MOST_AHEAD : (int)n;
}

static int threads_of(const bri_member *m)
{
    return m->threads + m->waiting;
}

int bri_crew_room(const bri_member *m)
{
    int ahead = ahead_of(m);
    int missing = threads_of(m) + ahead - m->out;
    return m->out < threads_of(m) || 4 * missing > ahead ? missing : 0;
}

bool bri_crew_any_room(const bri_crew *c)
{
    for (int r = 1; r < c->nranks; r++)
        if (bri_crew_room(&c->member[r]) > 0)
            return true;
    return false;
}

static int threads_here(const bri_store *store)
{
    bool waits = atomic_load(&store->nwaiting) > 0;
    return store->ctx->nthreads - 1 + waits;
}

/* Threads of rank 0 that have nothing to run. */
static int idle_here(const bri_crew *c)
{
    int here = atomic_load(&c->store->ntaken);
    for (int r = 1; r < c->nranks; r++)
        here -= c->member[r].out;
    int idle = threads_here(c->store) - here;
    return idle > 0 ? idle : 0;
}

int bri_crew_share(const bri_crew *c, const bri_member *m)
{
    int room = bri_crew_room(m);
    int begin = threads_of(m) - m->out;
    begin = begin < 0 ? 0 : begin < room ? begin : room;
    size_t ready = c->store->anywhere.n;
    size_t others = (size_t)idle_here(c) + (size_t)begin;
    size_t spare = ready > others ? (ready - others) / (2 * (size_t)c->nranks) : 0;
    size_t more = (size_t)(room - begin);
    return begin + (int)(more < spare ? more : spare);
}

bool bri_crew_some_idle(const bri_crew *c)
{
    for (int r = 1; r < c->nranks; r++)
        if (c->member[r].out < threads_of(&c->member[r]))
            return true;
    return idle_here(c) > 0;
}
