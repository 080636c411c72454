/* SPDX-License-Identifier: BSD-3-Clause
 * needs.h - what must happen before a wait can end: the errands and jobs that a wish leads to.
 *
 * An errand leads to those it depends on and to what its task waits for; a job to what its tasks
 * wait for, and to the oldest job in flight while its turn has not come. When that comes to the
 * task that waits, it would wait for ever.
 */
#ifndef BRI_FUTURES_NEEDS_H
#define BRI_FUTURES_NEEDS_H

#include "runtime/inside.h"
#include "scheduler/futures/store.h"

enum { BRI_NEEDS_JOBS = 64 };

/* A task that waits, of a job or of another context; in store->blocked. What the store's own
 * errands wait for they have themselves. */
typedef struct bri_blocked {
    struct bri_blocked *next, **link;
    const bri_inside *task;
    const bri_wish *wish;
    bri_errand *above;  /* what its thread runs meanwhile, or NULL, */
    uint64_t above_job; /*  or of which job, or 0 */
} bri_blocked;

typedef struct bri_wants {
    bri_errand *ready; /* one to run, taken; NULL: none */
    bool cycle;
    /* Of the cycle: the last one before the task that waits; both NULL: its job waits its turn. */
    const bri_errand *errand;
    const bri_inside *task;
    uint64_t job[BRI_NEEDS_JOBS];         /* whose tasks would help */
    const bri_errand *by[BRI_NEEDS_JOBS]; /* who waits for them, as above */
    const bri_inside *by_task[BRI_NEEDS_JOBS];
    int njobs;
} bri_wants;

/* With the store's lock, for the calling thread's task. All errands on the way tell when they
 * become ready or are over. */
void bri_wants_of(bri_store *store, const bri_wish *wish, bri_wants *needs);

/* The same of some task, perhaps of another context, that waits in this store; nothing is taken.
 * `cycle` is still about the calling thread's task. */
void bri_wants_of_blocked(bri_store *store, const bri_blocked *from, bri_wants *needs);

#endif
