/* SPDX-License-Identifier: BSD-3-Clause
 * pool.h - the work-stealing thread pool under the threads and mpi schedulers.
 *
 * A pool has ctx->nthreads - 1 threads of its own, started at the first attach; the thread that
 * waits in bri_pool_work is the last one. Several jobs may be attached at a time. Idle threads spin
 * briefly and then sleep, so whoever changes a job's state outside the pool must say so:
 * bri_pool_push does by itself, bri_pool_notify is for the rest (a send completed, bytes given
 * back, job->emit held for a moment, the job failed).
 */
#ifndef BRI_THREADS_POOL_H
#define BRI_THREADS_POOL_H

#include "runtime/job.h"
#include "scheduler/threads/event.h"

typedef struct bri_pool bri_pool;

/* NULL with a BR_ENOMEM error. No thread is started yet. nthreads counts the waiting thread too. */
bri_pool *bri_pool_new(int nthreads);
/* No job may be attached any more. NULL is fine. */
void bri_pool_free(bri_pool *pool);

/* Makes the job known to the threads and sets its max_in_flight. BR_ENOMEM when a thread cannot be
 * started. */
br_status bri_pool_attach(bri_pool *pool, bri_job *job);

/* The job is done: afterwards no thread of the pool touches it. */
void bri_pool_detach(bri_pool *pool, bri_job *job);

/* Hands in tasks that became ready outside the pool, linked by next. Any thread. */
void bri_pool_push(bri_pool *pool, bri_job *job, bri_task *list);
/* The same of tasks that have waited for other ranks, who may be waiting for theirs: they go before
 * all others, which come after them in the serial order as a rule. */
void bri_pool_push_late(bri_pool *pool, bri_job *job, bri_task *list);

/* Works until bri_job_done(job) (block), or for a few tasks. Returns whether it is done. Any
 * thread, also inside a task; of several threads that wait from outside one works and the others
 * sleep. */
bool bri_pool_work(bri_pool *pool, bri_job *job, bool block);

/* For who is no thread of the pool: ready tasks of the job, linked, taken off other threads or
 * emitted, or a task handed in that is wanted(task, data); NULL when there are none now. The job
 * must be held. */
bri_task *bri_pool_take(bri_pool *pool, bri_job *job,
                        bool (*wanted)(const bri_task *task, const void *data), const void *data);
/* For who waits inside a task and may run only tasks of certain jobs. */
typedef struct bri_chosen {
    bri_job *job;
    bri_task *task;
} bri_chosen;
/* A ready task of the attached job with this serial number; false when there is none now. Then it
 * must be run. */
bool bri_pool_take_of(bri_pool *pool, uint64_t serial, bri_chosen *held);
void bri_pool_run_chosen(bri_pool *pool, const bri_chosen *held);
/* Of a job that the caller waits for and that has failed: a task passes through, or others run. */
void bri_pool_pass(bri_pool *pool, bri_job *job);
/* So many more threads sleep so: until some job is done or tasks are ready. */
void bri_pool_choosy(bri_pool *pool, int more);
void bri_pool_sleep_for_few(bri_pool *pool, unsigned ticket);

/* Keeps an attached job from being detached, and lets it go again. */
void bri_pool_hold(bri_job *job);
void bri_pool_let_go(bri_pool *pool, bri_job *job);

/* What a thread waits for: asked often, by any thread; whoever makes it so calls
 * bri_pool_notify. */
typedef struct bri_until {
    bool (*done)(const void *data);
    const void *data;
    bool helps; /* with the helpers' work meanwhile, which may take long */
} bri_until;

/* Works on tasks of any job until that is so. Any thread, as bri_pool_work. */
void bri_pool_work_until(bri_pool *pool, const bri_until *until);

/* Attaches a job that nobody waits for: threads of the pool run it (all nthreads, whoever else
 * calls) and ask over(job) now and then once bri_job_done; when that says true the job is off the
 * pool (bri_pool_detach), and landed(job) is the last touch. begin(job), unless NULL, is
 * called first: the job is attached, and does not land meanwhile. BR_ENOMEM; the job is not
 * attached then. */
br_status bri_pool_launch(bri_pool *pool, bri_job *job, void (*begin)(bri_job *job),
                          bool (*over)(bri_job *job), void (*landed)(bri_job *job));

/* Work that is no task of a job: the pool's threads do some of it when they find no task. */
typedef struct bri_helper bri_helper;
struct bri_helper {
    /* Some of it, but no more once `until` is done (NULL: not asked); false when there was none. */
    bool (*work)(bri_helper *helper, const bri_until *until);
    bool (*any)(const bri_helper *helper); /* a guess; who adds work wakes threads after it */
    atomic_int users;                      /* threads inside; added with the pool's lock */
    bri_helper *next;                      /* with the pool's lock */
};

/* Makes it known to the threads, which are started. BR_ENOMEM. */
br_status bri_pool_add_helper(bri_pool *pool, bri_helper *helper);
/* Afterwards no thread is inside. */
void bri_pool_remove_helper(bri_pool *pool, bri_helper *helper);
/* Helpers have work for n more threads. Any thread. */
void bri_pool_wake(bri_pool *pool, int n);
/* On which all threads of the pool sleep, and all that wait in it. */
bri_event *bri_pool_event(bri_pool *pool);

/* The calling thread is one that a pool has started. */
bool bri_pool_owns_this(void);
/* It is one of those, or works in some pool while it waits: it runs tasks, or looks for some. */
bool bri_pool_works_here(void);

/* A thread that works in the pool's place for who waits is about to sleep for long, in a task:
 * another one that waits may work there meanwhile, and stay there when the first one goes on. */
typedef struct bri_seat {
    struct bri_pool_worker *worker;
    bri_job *job;
} bri_seat;
void bri_pool_stand_up(bri_pool *pool, bri_seat *seat);
void bri_pool_sit_down(bri_pool *pool, const bri_seat *seat);

/* Ready tasks of the job, of at most `max` newly emitted ones; NULL when there are none, or while
 * another thread emits, which is told to try again. */
bri_task *bri_pool_pull(bri_job *job, int max);

/* Something changed: every sleeping thread looks again. Cheap when none sleeps. Any thread. */
void bri_pool_notify(bri_pool *pool);

#endif
