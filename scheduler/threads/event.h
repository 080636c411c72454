/* SPDX-License-Identifier: BSD-3-Clause
 * event.h - an event count: threads sleep until something changed, and nobody's change is missed.
 *
 *     sleeper                                     changer
 *     ticket = bri_event_prepare(e);              make the change;
 *     if (nothing to do) bri_event_sleep(...);    bri_event_wake...(e);
 *     bri_event_cancel(e);
 *
 * Either the changer sees the sleeper in the count, or the sleeper, which looks after it has
 * entered the count, sees the change. Changes that were made with sequentially consistent
 * operations may use bri_event_sleepers() first; others (releases) go through a read-modify-write
 * of the count, which orders them.
 */
#ifndef BRI_THREADS_EVENT_H
#define BRI_THREADS_EVENT_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Who is asleep, as bits for the wakers: threads that look for any task, those that wait for a
 * certain job, those that run tasks of certain jobs only, and those that do the helpers' work. A
 * wake of one thread is lost on who does not act on it, so there is a bit for each that does. */
enum {
    BRI_SLEEPS_FOR_TASKS = 1,
    BRI_SLEEPS_FOR_JOB = 2,
    BRI_SLEEPS_ANY = 3,
    BRI_SLEEPS_FOR_FEW = 4,
    BRI_SLEEPS_FOR_HELP = 8
};

typedef struct bri_event {
    atomic_uint epoch;
    atomic_int sleepers;
} bri_event;

static inline unsigned bri_event_prepare(bri_event *e)
{
    atomic_fetch_add(&e->sleepers, 1);
    return atomic_load(&e->epoch);
}

static inline void bri_event_cancel(bri_event *e)
{
    atomic_fetch_sub(&e->sleepers, 1);
}

/* Returns when woken, or at once when a wake came after the ticket, or for no reason. */
static inline void bri_event_sleep(bri_event *e, unsigned ticket, unsigned bits)
{
    syscall(SYS_futex, &e->epoch, FUTEX_WAIT_BITSET_PRIVATE, ticket, NULL, NULL, bits);
}

static inline bool bri_event_sleepers(bri_event *e)
{
    return atomic_load(&e->sleepers) > 0;
}

/* Wakes up to n of those who sleep for one of the bits. */
static inline void bri_event_wake(bri_event *e, int n, unsigned bits)
{
    if (atomic_fetch_add(&e->sleepers, 0) == 0)
        return;
    atomic_fetch_add(&e->epoch, 1);
    syscall(SYS_futex, &e->epoch, FUTEX_WAKE_BITSET_PRIVATE, n, NULL, NULL, bits);
}

#endif
