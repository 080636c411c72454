/* SPDX-License-Identifier: BSD-3-Clause
 * turns.h - jobs in flight that share a memory budget: which of them may emit tasks.
 *
 * A job alone never holds more than the limit or the peak of its serial order (job.h). Two together
 * might, and worse, each might hold what the other one waits for. So the oldest job may always
 * emit, and a younger one only while all that it can ever hold fits beside the peak that any older
 * one may need; else it waits until older ones are over. Whichever job is the oldest then has room
 * for its peak, whatever the others do: the limit holds, and there is progress.
 *
 * Ranks decide for themselves. That is safe since jobs begin in the same order on all of them, so
 * the oldest one emits everywhere.
 */
#ifndef BRI_TURNS_H
#define BRI_TURNS_H

#include <pthread.h>

#include <bramble/base.h>

typedef struct bri_job bri_job;
typedef struct bri_memory bri_memory;

/* One a budget; part of bri_memory. */
typedef struct bri_turns {
    pthread_mutex_t lock;
    bri_job *first;                 /* the oldest */
    struct bri_turns *next, **link; /* those of all budgets (turns.c's lock) */
} bri_turns;

void bri_turns_init(bri_turns *turns);
void bri_turns_fini(bri_turns *turns);

/* A job's share in it. */
typedef struct bri_turn {
    size_t peak, most; /* of the serial order; whatever it runs ahead */
    bool taken;        /* it is in the list */
    bri_job *next;     /* younger */
} bri_turn;

/* Before the job starts. peak is at most the limit, most may be SIZE_MAX: then it runs only when it
 * is the oldest. Returns whether it may emit at once. */
bool bri_turns_enter(bri_job *job, size_t peak, size_t most);
/* The job that the one with this serial number must let end before it goes on: the oldest one, when
 * it waits for its turn here or, with several ranks, may do so elsewhere. 0: none. */
uint64_t bri_turns_before(bri_memory *memory, uint64_t serial, bool several);
/* The same of jobs of other budgets, at most `room`: contexts that have one each on rank 0 share
 * one on every other rank. Returns how many. */
size_t bri_turns_beside(bri_memory *memory, uint64_t serial, uint64_t *older, size_t room);
/* All its bytes are given back: others may have their turn. By bri_job_fini. */
void bri_turns_leave(bri_job *job);

#endif
