/* SPDX-License-Identifier: BSD-3-Clause
 * worker.h - what a pool and its workers hold, between pool.c and worker.c.
 */
#ifndef BRI_THREADS_WORKER_H
#define BRI_THREADS_WORKER_H

#include "scheduler/threads/deque.h"
#include "scheduler/threads/event.h"
#include "scheduler/threads/pool.h"

typedef struct bri_launcher bri_launcher;

typedef struct bri_pool_worker {
    bri_deque deque;
    bri_pool *pool;
    bri_job *job; /* whose users include this worker, or NULL; its own thread only */
    int index;
    int victim; /* where the last theft succeeded */
    pthread_t thread;
} bri_pool_worker;

/* Tasks handed in from outside. */
typedef struct bri_handed {
    bri_task *first; /* the oldest (the pool's lock) */
    bri_task **end;  /* (lock) */
    atomic_int n;    /* changed with the lock, read without */
} bri_handed;

struct bri_pool {
    int nworkers;
    int64_t spin_ns;
    bri_pool_worker *workers; /* 0 belongs to the thread that waits */

    pthread_mutex_t lock;
    int nstarted;             /* of workers 1 .. nworkers-1 (lock) */
    bri_job *jobs;            /* attached (lock) */
    atomic_uint ndetached;    /* jobs taken off that list, ever; changed with the lock */
    bri_handed late, outside; /* the ones go before all others, and these behind deques */
    atomic_bool stop;
    atomic_bool seat;     /* worker 0 is taken by a thread */
    atomic_int nstanding; /* threads that wait for the seat */
    bri_event event;
    atomic_int nchoosy;            /* threads that run tasks of certain jobs only */
    _Atomic(bri_helper *) helpers; /* changed with the lock, read without to see whether any is */
    _Atomic(bri_launcher *) launcher; /* launch.c; NULL until the first job is launched */
};

/* Counts the worker among the job's users. Only while the job cannot be detached: its list is
 * locked, it has a task that has not run, or its waiter calls. */
void bri_worker_enter(bri_pool_worker *w, bri_job *job);

/* Takes it out of the count, and wakes the job's waiters when it is done. Without a job: nothing.
 */
void bri_worker_leave(bri_pool_worker *w);

/* A ready task of any job or NULL, at once. */
bri_task *bri_worker_find(bri_pool_worker *w);

/* A ready task of any job; NULL when what it waits for is so or, without that, the pool stops; or
 * when the thread has lost its place. Not counted as a user of any job while it waits, so that jobs
 * can be detached. */
bri_task *bri_worker_wait(bri_pool_worker *w, const bri_until *until);

/* The calling thread is in its place: not while another one is that took it over, when the thread
 * stood up in the middle of a task (bri_pool_stand_up). Then the worker is that one's. */
bool bri_worker_sits(const bri_pool_worker *w);

/* Tasks are ready for n more threads, or can be emitted. */
void bri_pool_wake_workers(bri_pool *pool, int n);

/* Does some of the helpers' work; false when there was none. */
bool bri_pool_help(bri_pool *pool, const bri_until *until);

/* Runs a task, then the first one that it made ready, and so on. */
void bri_worker_run(bri_pool_worker *w, bri_task *task);

/* Whoever brings launched jobs to their end looks again (launch.c). */
void bri_launcher_wake(bri_launcher *launcher);
/* Ends its threads; it is freed when those of the pool have ended, too, which may be waking it. */
void bri_launcher_stop(bri_launcher *launcher);
void bri_launcher_free(bri_launcher *launcher);

/* Some job is done: wakes who waits for one. */
void bri_pool_job_done(bri_pool *pool);

/* Appends tasks, linked by next. */
void bri_pool_hand_in(bri_pool *pool, bri_handed *to, bri_task *first);

#endif
