/* SPDX-License-Identifier: BSD-3-Clause
 * launch.c - jobs that nobody waits for.
 *
 * Two more threads, started with the first such job: one sits down at worker 0's place while there
 * are launched jobs, so that they have all the threads there are to be, though nobody waits in
 * bri_pool_work. The other one runs no tasks: it sleeps until some job is done, takes that off the
 * pool and tells that it has landed. So a job's end never waits for a task of another one.
 */
#include <limits.h>
#include <signal.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/crash.h"
#include "scheduler/threads/worker.h"

/* Lock: `lock` guards the list and goes with `changed`. */
struct bri_launcher {
    bri_pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bri_job *first;
    atomic_int njobs; /* in the list; changed with the lock */
    atomic_bool stop;
    bri_event event; /* the lander sleeps here, so that who hands on tasks need not wake it */
    pthread_t sitter, lander;
};

/* ---- the thread at worker 0's place ---- */

static bool none_left(const void *data)
{
    const bri_launcher *l = data;
    return atomic_load(&l->njobs) == 0;
}

static void *sit(void *data)
{
    bri_launcher *l = data;
    pthread_setname_np(pthread_self(), "bramble-0");
    for (;;) {
        pthread_mutex_lock(&l->lock);
        while (atomic_load(&l->njobs) == 0 && !atomic_load(&l->stop))
            pthread_cond_wait(&l->changed, &l->lock);
        bool over = atomic_load(&l->njobs) == 0; /* the last may land once the lock is free */
        pthread_mutex_unlock(&l->lock);
        if (over)
            return NULL;
        bri_pool_work_until(l->pool, &(bri_until){.done = none_left, .data = l});
    }
}

/* ---- the thread that sees to the ends ---- */

static void take_out(bri_launcher *l, bri_job *job)
{
    pthread_mutex_lock(&l->lock);
    bri_job **link = &l->first;
    while (*link != job)
        link = &(*link)->next_launched;
    *link = job->next_launched;
    atomic_fetch_sub(&l->njobs, 1);
    pthread_mutex_unlock(&l->lock);
}

/* Only this thread takes jobs out, and others append, so the list may be followed without the lock
 * but for reading the links. */
static bri_job *following(bri_launcher *l, const bri_job *job)
{
    pthread_mutex_lock(&l->lock);
    bri_job *next = job != NULL ? job->next_launched : l->first;
    pthread_mutex_unlock(&l->lock);
    return next;
}

static bool land_one(bri_launcher *l)
{
    for (bri_job *job = NULL; (job = following(l, job)) != NULL;) {
        if (!job->over(job))
            continue;
        take_out(l, job);
        if (atomic_load(&l->njobs) == 0)
            bri_event_wake(&l->pool->event, INT_MAX, BRI_SLEEPS_FOR_JOB);
        job->landed(job);
        return true;
    }
    return false;
}

static void *land(void *data)
{
    bri_launcher *l = data;
    pthread_setname_np(pthread_self(), "bramble-land");
    while (!atomic_load(&l->stop)) {
        unsigned ticket = bri_event_prepare(&l->event);
        if (!land_one(l) && !atomic_load(&l->stop))
            bri_event_sleep(&l->event, ticket, BRI_SLEEPS_ANY);
        bri_event_cancel(&l->event);
    }
    return NULL;
}

void bri_launcher_wake(bri_launcher *l)
{
    bri_event_wake(&l->event, INT_MAX, BRI_SLEEPS_ANY);
}

/* ---- its life ---- */

static void stop(bri_launcher *l)
{
    pthread_mutex_lock(&l->lock);
    atomic_store(&l->stop, true);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    bri_launcher_wake(l);
}

void bri_launcher_stop(bri_launcher *l)
{
    if (l == NULL)
        return;
    stop(l);
    pthread_join(l->sitter, NULL);
    pthread_join(l->lander, NULL);
}

void bri_launcher_free(bri_launcher *l)
{
    if (l == NULL)
        return;
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    bri_free(l);
}

/* Signals go to the program's own threads. */
static int start_threads(bri_launcher *l)
{
    sigset_t all;
    sigset_t old;
    bri_crash_blocked(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = pthread_create(&l->sitter, NULL, sit, l);
    if (failure == 0) {
        failure = pthread_create(&l->lander, NULL, land, l);
        if (failure != 0) {
            stop(l);
            pthread_join(l->sitter, NULL);
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failure;
}

static br_status launcher_new(bri_pool *pool, bri_launcher **out)
{
    bri_launcher *l = bri_calloc(1, sizeof *l);
    if (l == NULL)
        return BR_ENOMEM;
    l->pool = pool;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    int failure = start_threads(l);
    if (failure != 0) {
        bri_free(l);
        return bri_error(BR_ENOMEM, "cannot start a thread for what runs meanwhile: %s",
                         strerror(failure));
    }
    *out = l;
    return BR_OK;
}

/* The launcher lives as long as the pool. */
static br_status launcher_of(bri_pool *pool, bri_launcher **out)
{
    static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
    br_status st = BR_OK;
    pthread_mutex_lock(&starting);
    *out = atomic_load(&pool->launcher);
    if (*out == NULL)
        st = launcher_new(pool, out);
    atomic_store_explicit(&pool->launcher, *out, memory_order_release);
    pthread_mutex_unlock(&starting);
    return st;
}

static void append(bri_launcher *l, bri_job *job)
{
    pthread_mutex_lock(&l->lock);
    bri_job **last = &l->first;
    while (*last != NULL)
        last = &(*last)->next_launched;
    job->next_launched = NULL;
    *last = job;
    atomic_fetch_add(&l->njobs, 1);
    if (!bri_job_done(job))
        pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->lock);
    bri_launcher_wake(l); /* it may be done already */
}

br_status bri_pool_launch(bri_pool *pool, bri_job *job, void (*begin)(bri_job *job),
                          bool (*over)(bri_job *job), void (*landed)(bri_job *job))
{
    bri_launcher *l = NULL;
    BRI_TRY(launcher_of(pool, &l));
    BRI_TRY(bri_pool_attach(pool, job));
    job->over = over;
    job->landed = landed;
    if (begin != NULL)
        begin(job);
    append(l, job);
    return BR_OK;
}
