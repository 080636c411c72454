/* SPDX-License-Identifier: BSD-3-Clause
 * turns.c - the jobs of a budget in the order of their beginning.
 */
#include "runtime/turns.h"

#include "runtime/job.h"
#include "runtime/scheduler.h"

/* The lock comes before those of turns. */
static struct {
    pthread_mutex_t lock;
    bri_turns *first;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

void bri_turns_init(bri_turns *turns)
{
    pthread_mutex_init(&turns->lock, NULL);
    pthread_mutex_lock(&all.lock);
    turns->next = all.first;
    turns->link = &all.first;
    if (turns->next != NULL)
        turns->next->link = &turns->next;
    all.first = turns;
    pthread_mutex_unlock(&all.lock);
}

void bri_turns_fini(bri_turns *turns)
{
    pthread_mutex_lock(&all.lock);
    *turns->link = turns->next;
    if (turns->next != NULL)
        turns->next->link = turns->link;
    pthread_mutex_unlock(&all.lock);
    pthread_mutex_destroy(&turns->lock);
}

static bri_turns *turns_of(const bri_job *job)
{
    return bri_memory_turns(job->ctx->memory);
}

static bool waits(const bri_job *job)
{
    return atomic_load_explicit(&job->waits, memory_order_relaxed);
}

static size_t sum(size_t a, size_t b)
{
    return a < SIZE_MAX - b ? a + b : SIZE_MAX;
}

/* One of the jobs before it may come to be the oldest, and need its peak, while all others that
 * emit hold the most they can. The first one is the oldest as long as it is there. */
static bool fits(const bri_turns *turns, const bri_job *job, size_t room)
{
    size_t peak = 0;
    size_t most = job->turn.most;
    bool older = true;
    for (const bri_job *j = turns->first; j != NULL; j = j->turn.next) {
        older = older && j != job;
        if (older && j->turn.peak > peak)
            peak = j->turn.peak;
        if (j != job && j != turns->first && !waits(j))
            most = sum(most, j->turn.most);
    }
    return sum(peak, most) <= room;
}

static size_t room_in(const bri_memory *memory)
{
    bri_memory_stats stats;
    bri_memory_about(memory, &stats);
    return stats.limit > stats.standing ? stats.limit - stats.standing : 0;
}

/* Whose turn has come is told so. */
static void give_turns(bri_turns *turns, size_t room)
{
    for (bri_job *j = turns->first; j != NULL; j = j->turn.next) {
        if (!waits(j) || (j != turns->first && !fits(turns, j, room)))
            continue;
        atomic_store_explicit(&j->waits, false, memory_order_release);
        j->ctx->scheduler->notify(j->ctx);
    }
}

bool bri_turns_enter(bri_job *job, size_t peak, size_t most)
{
    bri_turns *turns = turns_of(job);
    size_t room = room_in(job->ctx->memory);
    pthread_mutex_lock(&turns->lock);
    bri_job **last = &turns->first;
    while (*last != NULL)
        last = &(*last)->turn.next;
    job->turn = (bri_turn){.peak = peak, .most = most, .taken = true};
    *last = job;
    bool now = turns->first == job || fits(turns, job, room);
    atomic_store_explicit(&job->waits, !now, memory_order_relaxed);
    pthread_mutex_unlock(&turns->lock);
    return now;
}

uint64_t bri_turns_before(bri_memory *memory, uint64_t serial, bool several)
{
    bri_turns *turns = bri_memory_turns(memory);
    pthread_mutex_lock(&turns->lock);
    uint64_t first = turns->first != NULL ? turns->first->serial : 0;
    const bri_job *job = turns->first;
    while (job != NULL && job->serial != serial)
        job = job->turn.next;
    bool behind = job != NULL && job != turns->first && (several || waits(job)) &&
                  !atomic_load(&job->failed); /* then it only passes through */
    pthread_mutex_unlock(&turns->lock);
    return behind ? first : 0;
}

/* One that has failed only passes through. */
static bool stands_in(bri_turns *turns, uint64_t serial)
{
    pthread_mutex_lock(&turns->lock);
    const bri_job *job = turns->first;
    while (job != NULL && job->serial != serial)
        job = job->turn.next;
    bool stands = job != NULL && !atomic_load(&job->failed);
    pthread_mutex_unlock(&turns->lock);
    return stands;
}

/* Jobs have their serial numbers in the order in which they begin. */
static size_t add_older(bri_turns *turns, uint64_t serial, uint64_t *older, size_t room)
{
    size_t n = 0;
    pthread_mutex_lock(&turns->lock);
    for (const bri_job *j = turns->first; j != NULL && n < room; j = j->turn.next)
        if (j->serial < serial)
            older[n++] = j->serial;
    pthread_mutex_unlock(&turns->lock);
    return n;
}

size_t bri_turns_beside(bri_memory *memory, uint64_t serial, uint64_t *older, size_t room)
{
    size_t n = 0;
    bri_turns *own = bri_memory_turns(memory);
    if (!stands_in(own, serial))
        return 0;
    pthread_mutex_lock(&all.lock);
    for (bri_turns *t = all.first; t != NULL; t = t->next)
        if (t != own)
            n += add_older(t, serial, older + n, room - n);
    pthread_mutex_unlock(&all.lock);
    return n;
}

void bri_turns_leave(bri_job *job)
{
    if (!job->turn.taken)
        return;
    bri_turns *turns = turns_of(job);
    size_t room = room_in(job->ctx->memory);
    pthread_mutex_lock(&turns->lock);
    bri_job **link = &turns->first;
    while (*link != job)
        link = &(*link)->turn.next;
    *link = job->turn.next;
    job->turn.taken = false;
    give_turns(turns, room);
    pthread_mutex_unlock(&turns->lock);
}
