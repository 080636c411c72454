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

#include "runtime/job.h"
#include "scheduler/mpi/link.h"
#include "scheduler/mpi/match.h"
#include "scheduler/threads/pool.h"

enum { BRI_PART_STATS = 14 };

/* Locks: those marked (lock) by the lock of parts.c, the rest belongs to the communication thread.
 */
typedef struct bri_part bri_part;
struct bri_part {
    bri_part *next;            /* (lock) */
    uint64_t id;               /* of the job, with its context's number: the same on every rank */
    bri_job *job;              /* NULL until it has started here (lock) */
    bri_pool *pool;            /* (lock) */
    bool leaving;              /* the pool takes no more tasks of it (lock) */
    bool left;                 /* the pool is done with it (lock) */
    bool ended;                /* (lock) */
    br_status status;          /* the first failure that rank 0 has heard of, told to all (lock) */
    char text[BRI_ERROR_TEXT]; /* (lock) */

    bool room_taken; /* the job's room for supplying a value is in use (supply.c's lock) */
    bool begun;      /* its early wishes have been looked at (supply.h, then tree.h) */
    bool failed;     /* this rank knows of a failure and has told rank 0 */
    bool reported;   /* DONE */
    int moving;      /* sends under way and values asked for */
    bri_match matches;
    struct bri_tree *tree; /* values that it passes on (tree.h); or NULL */

    int nreported;                     /* rank 0 */
    int64_t elsewhere[BRI_PART_STATS]; /* rank 0: sums over the other ranks, in the order of
                                          bri_job_stats */
    bool idle;                         /* has told rank 0 that it has nothing to run (lend.h), */
    double quiet;                      /*  after it had nothing since then, or 0 */
    struct bri_guest *guests;          /* tasks of other ranks that run here (guest.h) */
    struct bri_lending *lending;       /* lend.h; NULL when there is none */
    bri_rank_work *by_rank;            /* rank 0; NULL without memory */
};

uint64_t bri_part_id(unsigned context, uint64_t job);
/* The context's number, and the job's own in *job. */
unsigned bri_part_context(uint64_t id, uint64_t *job);

/* ---- threads that work ---- */

/* Starts this rank's part. */
bri_part *bri_part_start(uint64_t id, bri_job *job, bri_pool *pool);
bri_part *bri_part_find(uint64_t id);
/* The job is done on this rank: detaches it from the pool. */
void bri_part_leave(bri_part *part);
/* True when all ranks have agreed on the end, and the part is freed; waits for it with block. */
bool bri_part_wait(bri_part *part, bool block);
/* A rank that could not even start its part: fails it and takes it for done. */
void bri_part_absent(uint64_t id, br_status status, const char *text);
/* Fails the part's job with BR_ECANCELLED; false when it has not begun or has ended. */
bool bri_part_cancel(uint64_t id, const char *why);
/* At exit: cancels what still runs and waits for its end. */
void bri_parts_abandon(void);
/* Of a part that no other rank has been told of. */
void bri_part_forget(uint64_t id);
/* Some job is between its start and its end. */
bool bri_parts_any(void);

/* ---- the communication thread ---- */

/* The part, begun if it is not known yet. */
bri_part *bri_part_get(uint64_t id);
/* Its job, NULL until that has started here. */
bri_job *bri_part_job(bri_part *part);
/* Fails the job with an error of this rank. */
void bri_part_fail(bri_part *part, br_status status, const char *text);
/* Another rank has failed, as rank 0 hears from it: this job ends, and says what all say. */
void bri_part_give_up(bri_part *part);
/* The bytes of a value that the job, the part's or a guest, expects have come: passes on the tasks
 * that became ready. */
void bri_part_arrived(bri_part *part, bri_job *job, bri_value *value);
/* Counters of a job, as they travel; adds those of another one to the part's. */
void bri_part_read_stats(bri_job *job, int64_t stats[BRI_PART_STATS]);
void bri_part_add_stats(bri_part *part, const void *stats);
/* Keeps the job on its pool until bri_pool_let_go; false when it has left, or not begun. */
bool bri_part_hold(bri_part *part);
/* Looks for failures and ends; true when something was done. */
bool bri_parts_step(void);

void bri_parts_on_fail(int from, const bri_packet *packet, const void *payload);
void bri_parts_on_done(int from, const bri_packet *packet, const void *payload);
void bri_parts_on_cancel(int from, const bri_packet *packet, const void *payload);
void bri_parts_on_end(int from, const bri_packet *packet, const void *payload);

#endif
