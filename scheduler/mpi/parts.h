/* SPDX-License-Identifier: BSD-3-Clause
 * parts.h - this rank's part in each job, and how all ranks agree on the job's end.
 *
 * A part begins with whatever mentions the job first (its start here, another rank's request for a
 * value, a failure elsewhere) and ends with rank 0's END. A rank whose job fails says FAIL at once;
 * rank 0 tells all to CANCEL. A rank says DONE when its tasks are over and nothing of it is on its
 * way; when all have, rank 0 sends END with the common status and text, and nobody will mention the
 * job again.
 */
#ifndef BRI_MPI_PARTS_H
#define BRI_MPI_PARTS_H

#include <pthread.h>

#include "runtime/job.h"
#include "scheduler/mpi/link.h"
#include "scheduler/mpi/match.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/threads/pool.h"

enum { BRI_PART_STATS = 17 };

/* Locks: those marked (lock) by the lock of parts.c, the rest belongs to the communication thread.
 */
typedef struct bri_part bri_part;
struct bri_part {
    bri_part *next;            /* (lock) */
    uint64_t id;               /* of the job, with its context's number: the same on every rank */
    bri_job *_Atomic job;      /* NULL until it has started here; written with (lock) */
    bri_pool *pool;            /* there when the job is */
    pthread_t owner;           /* rank 0: the thread that has told of it or started it (lock) */
    bool launched;             /* but another one sees to its end (lock) */
    bool abandoned;            /* exit() waits for its end (lock) */
    bool leaving;              /* the pool takes no more tasks of it (lock) */
    bool left;                 /* the pool is done with it (lock) */
    bool ended;                /* (lock) */
    br_status status;          /* the first failure that rank 0 has heard of, told to all (lock) */
    char text[BRI_ERROR_TEXT]; /* (lock) */

    bool room_taken; /* the job's room for supplying a value is in use (supply.c's lock) */
    bool begun;      /* its early wishes have been looked at (supply.h, then tree.h) */
    bool failed;     /* this rank knows of a failure and has told rank 0 */
    bool reported;   /* DONE */
    bool parking, cannot_park; /* values go to disk (park.h), or have failed to */
    int moving;                /* sends under way and values asked for */
    bri_match matches;
    struct bri_tree *tree;      /* values that it passes on (tree.h); or NULL */
    struct bri_sending *sends;  /* long values on their way out (sends.h), */
    struct bri_fan *fans;       /* those that go to several ranks at the moment (sends.h) */
    struct bri_credit *credits; /* of this rank with each other one (credits.h); or NULL */

    int nreported;                     /* rank 0 */
    int64_t elsewhere[BRI_PART_STATS]; /* rank 0: sums over the other ranks, in the order of
                                          bri_job_stats */
    bool idle;                         /* has told rank 0 that it has nothing to run (lend.h), */
    double quiet;                      /*  after it had nothing since then, or 0 */
    struct bri_guest *guests;          /* tasks of other ranks that run here (guest.h) */
    struct bri_lending *lending;       /* lend.h; NULL when there is none */
    struct bri_idle_rank *idle_ranks;  /* rank 0: helpers.h; NULL when there is none */
    int64_t peak_of_helpers;           /* the largest; */
    int64_t sent_by_helpers;           /*  bytes of all, which the job counts, too, */
    int64_t *sent_by;                  /*  and of each; rank 0: of each rank; NULL: none, or no
                                           memory */
    bri_rank_work *by_rank;            /* rank 0; NULL without memory */
};

uint64_t bri_part_id(unsigned context, uint64_t job);
/* The context's number, and the job's own in *job. */
unsigned bri_part_context(uint64_t id, uint64_t *job);

/* ---- threads that work ---- */

/* Posts the request that tells the other ranks of the job. From then on there is a part whose end
 * is waited for, whatever happens before its start, by the thread that calls. BR_ENOMEM, or
 * BR_ECANCELLED when the process ends: nobody is told, there is none. */
br_status bri_part_announce(uint64_t id, const bri_request *request);
/* Starts this rank's part. The thread that calls sees to its end (bri_part_leave, bri_part_wait),
 * or, launched, some other one. */
bri_part *bri_part_start(uint64_t id, bri_job *job, bri_pool *pool, bool launched);
bri_part *bri_part_find(uint64_t id);
/* The job is done on this rank: detaches it from the pool. */
void bri_part_leave(bri_part *part);
/* True when all ranks have agreed on the end, and the part is freed; waits for it with block. */
bool bri_part_wait(bri_part *part, bool block);
/* A rank that could not even start its part: fails it and takes it for done. */
void bri_part_absent(uint64_t id, br_status status, const char *text);
/* Fails the part's job with BR_ECANCELLED; false when it has not begun or has ended. */
bool bri_part_cancel(uint64_t id, const char *why);
/* At exit: cancels what still runs, and waits until those that see to its end have done so; what
 * begins later fails. */
void bri_parts_abandon(void);
/* Some job is between its start and its end. */
bool bri_parts_any(void);

/* ---- the communication thread ---- */

/* The part, begun if it is not known yet. */
bri_part *bri_part_get(uint64_t id);
/* Its job, NULL until that has started here. */
bri_job *bri_part_job(bri_part *part);
/* The bytes of a value that the job, the part's or a guest, expects have come: passes on the tasks
 * that became ready. */
void bri_part_arrived(bri_part *part, bri_job *job, bri_value *value);
/* Keeps the job on its pool until bri_pool_let_go; false when it has left, or not begun. */
bool bri_part_hold(bri_part *part);
/* Threads of this rank may be at the tasks of some job, another rank's, too; not of br_submit
 * (bri_errands_run). */
bool bri_parts_compute(void);
/* Looks for failures and ends; true when something was done. */
bool bri_parts_step(void);

/* Stores the failure that all ranks end with; returns the job. */
bri_job *bri_part_note(bri_part *part, br_status status, const char *text);
/* Frees the part, whose job has this outcome, or leaves that to the thread that waits for it. */
void bri_part_end(bri_part *part, br_status status, const char *text);

/* ---- the agreement (agree.c) ---- */

/* Fails the job with an error of this rank. */
void bri_part_fail(bri_part *part, br_status status, const char *text);
/* The job has failed on this rank: rank 0 hears of it. */
void bri_part_tell(bri_part *part, br_status status, const char *text);
/* Another rank has failed, as rank 0 hears from it: this job ends, and says what all say. */
void bri_part_give_up(bri_part *part);
/* Nothing is left to do here: says DONE. The part may be gone afterwards. */
void bri_part_report(bri_part *part);

void bri_parts_on_fail(int from, const bri_packet *packet, const void *payload);
void bri_parts_on_done(int from, const bri_packet *packet, const void *payload);
void bri_parts_on_cancel(int from, const bri_packet *packet, const void *payload);
void bri_parts_on_end(int from, const bri_packet *packet, const void *payload);

#endif
