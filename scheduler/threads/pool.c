/* SPDX-License-Identifier: BSD-3-Clause
 * pool.c - the pool's threads, the thread that waits, and the jobs that come and go.
 *
 * Locks: pool->lock guards the list of jobs, the tasks from outside and the starting of threads;
 * no other lock is taken while it is held.
 */
#include "scheduler/threads/pool.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/crash.h"
#include "runtime/host.h"
#include "scheduler/threads/worker.h"

/* In flight there is enough for each thread to have tasks while one emits. A wake costs 6-18 us, so
 * threads spin for a while before they sleep, unless there are more of them than cores. */
enum { IN_FLIGHT_EACH = 8, IN_FLIGHT_MORE = 16, TASKS_OF_A_MOMENT = 16 };
enum { IN_FLIGHT_RANKS = 128 }; /* more over several ranks, since many wait for others' values */
enum { SPIN_NS = 300000, SPIN_CROWDED_NS = 5000 };

static _Thread_local bri_pool_worker *self;

static void *worker_main(void *argument)
{
    bri_pool_worker *w = argument;
    char name[16];
    self = w;
    snprintf(name, sizeof name, "bramble-%d", w->index);
    pthread_setname_np(pthread_self(), name);
    for (bri_task *task; (task = bri_worker_wait(w, NULL)) != NULL;)
        bri_worker_run(w, task);
    return NULL;
}

/* ---- the waiting thread ---- */

static bool helps(bri_pool *pool, const bri_until *until)
{
    return until->helps && bri_pool_help(pool, until);
}

/* Several threads may wait at a time: the one in the seat works, the others sleep until it gets up
 * or they are done, but for the helpers' work, which needs no seat: who sits need not do it. Who
 * stands is counted before it looks at the seat, and who gets up looks at the count after it. */
static bool take_seat(bri_pool *pool, const bri_until *until)
{
    while (atomic_exchange(&pool->seat, true)) {
        atomic_fetch_add(&pool->nstanding, 1);
        unsigned ticket = bri_event_prepare(&pool->event);
        if (atomic_load(&pool->seat) && !until->done(until->data) && !helps(pool, until))
            bri_event_sleep(&pool->event, ticket,
                            BRI_SLEEPS_FOR_JOB | (until->helps ? BRI_SLEEPS_FOR_HELP : 0));
        bri_event_cancel(&pool->event);
        atomic_fetch_sub(&pool->nstanding, 1);
        if (!until->done(until->data))
            continue;
        if (until->helps) /* the wake that it may have taken is for another one now */
            bri_pool_wake(pool, 1);
        return false;
    }
    return true;
}

/* Who stands sits down, whatever there is to do: tasks that come later wake no one who stands. And
 * a wake that was meant for who works on other jobs may have gone to us. The seat is free before we
 * look: who attaches a job after that finds it so. */
static void leave_seat(bri_pool *pool, const bri_job *job)
{
    atomic_store(&pool->seat, false);
    pthread_mutex_lock(&pool->lock);
    const bri_job *first = pool->jobs;
    bool others = first != NULL && (first != job || first->next_attached != NULL);
    pthread_mutex_unlock(&pool->lock);
    if (others || atomic_load(&pool->helpers) != NULL)
        bri_event_wake(&pool->event, INT_MAX, BRI_SLEEPS_ANY);
    else if (atomic_load(&pool->nstanding) > 0)
        bri_event_wake(&pool->event, INT_MAX, BRI_SLEEPS_FOR_JOB);
}

bool bri_worker_sits(const bri_pool_worker *w)
{
    return self == w;
}

/* Where the thread has lost its place meanwhile, it waits for it with nothing in its hands. */
static bool sit_again(bri_pool_worker *w, const bri_until *until)
{
    if (!take_seat(w->pool, until))
        return false;
    self = w;
    return true;
}

/* True once it was seen done. When a job failed that need not last: a thread that was emitting may
 * still bring tasks, which the threads then pass through. */
static bool work(bri_pool_worker *w, const bri_until *until, bool block)
{
    for (int i = 0; block || i < TASKS_OF_A_MOMENT; i++) {
        if (until->done(until->data))
            return true;
        if (!bri_worker_sits(w) && (!block || !sit_again(w, until)))
            return block;
        bri_task *task = block ? bri_worker_wait(w, until) : bri_worker_find(w);
        if (task != NULL)
            bri_worker_run(w, task);
        else if (!block || bri_worker_sits(w))
            return block;
    }
    return false;
}

/* job: the one to begin with, or NULL. */
static bool work_on(bri_pool *pool, bri_job *job, const bri_until *until, bool block)
{
    bri_pool_worker *before = self;
    bool inside = before != NULL && before->pool == pool;
    if (until->done(until->data))
        return true;
    if (!inside && (block ? !take_seat(pool, until) : atomic_exchange(&pool->seat, true)))
        return block;
    bri_pool_worker *w = inside ? before : &pool->workers[0];
    self = w;
    /* A task that waits for another job is still running in its own. */
    bri_job *outer = w->job;
    w->job = NULL;
    if (job != NULL)
        bri_worker_enter(w, job);
    bool done = work(w, until, block);
    bool sits = bri_worker_sits(w);
    if (sits) {
        bri_worker_leave(w);
        w->job = outer;
    }
    self = sits || !inside ? before : NULL;
    if (sits && !inside)
        leave_seat(pool, job);
    return done;
}

static bool is_done(const void *job)
{
    return bri_job_done(job);
}

bool bri_pool_work(bri_pool *pool, bri_job *job, bool block)
{
    return work_on(pool, job, &(bri_until){.done = is_done, .data = job}, block);
}

void bri_pool_work_until(bri_pool *pool, const bri_until *until)
{
    work_on(pool, NULL, until, true);
}

bool bri_pool_owns_this(void)
{
    return self != NULL && self->index > 0;
}

bool bri_pool_works_here(void)
{
    return self != NULL;
}

/* Of a thread of the pool's own nobody else wants the place. But it does not look for tasks now,
 * and what it has run may have made room for them to be emitted: another one looks. */
void bri_pool_stand_up(bri_pool *pool, bri_seat *seat)
{
    bri_pool_worker *w = self;
    *seat = (bri_seat){NULL, NULL};
    if (w == NULL || w->pool != pool || w->index > 0) {
        bri_pool_wake_workers(pool, 1);
        return;
    }
    *seat = (bri_seat){w, w->job};
    w->job = NULL;
    self = NULL;
    leave_seat(pool, NULL);
}

/* Who has sat down meanwhile may wait for the very task that the caller is in the middle of, and
 * not get up before. So where the place is taken the task goes on without it; whoever ran it for
 * the pool sees that afterwards. */
void bri_pool_sit_down(bri_pool *pool, const bri_seat *seat)
{
    if (seat->worker == NULL || atomic_exchange(&pool->seat, true))
        return;
    self = seat->worker;
    self->job = seat->job;
}

/* ---- jobs ---- */

/* Signals go to the program's own threads. */
static br_status start_thread(bri_pool_worker *w)
{
    sigset_t all;
    sigset_t old;
    bri_crash_blocked(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failure != 0)
        return bri_error(BR_ENOMEM, "cannot start thread %d of %d: %s; set BRAMBLE_NUM_THREADS",
                         w->index + 1, w->pool->nworkers, strerror(failure));
    return BR_OK;
}

static br_status start_threads(bri_pool *pool)
{
    br_status st = BR_OK;
    pthread_mutex_lock(&pool->lock);
    while (st == BR_OK && pool->nstarted < pool->nworkers - 1) {
        st = start_thread(&pool->workers[pool->nstarted + 1]);
        if (st == BR_OK)
            pool->nstarted++;
    }
    pthread_mutex_unlock(&pool->lock);
    return st;
}

br_status bri_pool_attach(bri_pool *pool, bri_job *job)
{
    BRI_TRY(start_threads(pool));
    int most = IN_FLIGHT_EACH * pool->nworkers + IN_FLIGHT_MORE +
               (job->ctx->nranks > 1 ? IN_FLIGHT_RANKS : 0);
    atomic_store_explicit(&job->max_in_flight, most, memory_order_relaxed);
    pthread_mutex_lock(&pool->lock);
    bri_job **last = &pool->jobs;
    while (*last != NULL)
        last = &(*last)->next_attached;
    job->next_attached = NULL;
    *last = job;
    pthread_mutex_unlock(&pool->lock);
    bri_pool_wake_workers(pool, 1);
    return BR_OK;
}

static void wait_for_users(bri_job *job)
{
    while (atomic_load(&job->users) > 0)
        sched_yield();
}

/* Off the list, nobody new emits; when those who did are gone, the number of tasks can only fall;
 * when there is none and nobody inside, nobody will come again. Every wait is short: the job is
 * done, only a failed one has tasks to pass through. That needs no seat: who has it may be in the
 * middle of a task that waits for just this job. */
void bri_pool_detach(bri_pool *pool, bri_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bri_job **link = &pool->jobs;
    while (*link != NULL && *link != job)
        link = &(*link)->next_attached;
    if (*link == job) {
        *link = job->next_attached;
        atomic_fetch_add(&pool->ndetached, 1);
    }
    pthread_mutex_unlock(&pool->lock);
    wait_for_users(job);
    while (!bri_job_done(job))
        bri_pool_pass(pool, job);
    wait_for_users(job);
}

static void hand_in(bri_pool *pool, bri_handed *to, bri_job *job, bri_task *list)
{
    if (list == NULL)
        return;
    int n = 0;
    for (bri_task *t = list; t != NULL; t = t->next) {
        t->job = job;
        n++;
    }
    bri_pool_hand_in(pool, to, list);
    bri_pool_wake_workers(pool, n);
}

void bri_pool_push(bri_pool *pool, bri_job *job, bri_task *list)
{
    hand_in(pool, &pool->outside, job, list);
}

void bri_pool_push_late(bri_pool *pool, bri_job *job, bri_task *list)
{
    hand_in(pool, &pool->late, job, list);
}

static void wake_launcher(bri_pool *pool)
{
    bri_launcher *launcher = atomic_load_explicit(&pool->launcher, memory_order_acquire);
    if (launcher != NULL)
        bri_launcher_wake(launcher);
}

void bri_pool_notify(bri_pool *pool)
{
    bri_event_wake(&pool->event, INT_MAX, BRI_SLEEPS_ANY);
    wake_launcher(pool);
}

void bri_pool_job_done(bri_pool *pool)
{
    bri_event_wake(&pool->event, INT_MAX, BRI_SLEEPS_FOR_JOB);
    wake_launcher(pool);
}

/* ---- helpers ---- */

br_status bri_pool_add_helper(bri_pool *pool, bri_helper *helper)
{
    BRI_TRY(start_threads(pool));
    pthread_mutex_lock(&pool->lock);
    helper->next = atomic_load(&pool->helpers);
    atomic_store(&pool->helpers, helper);
    pthread_mutex_unlock(&pool->lock);
    return BR_OK;
}

void bri_pool_remove_helper(bri_pool *pool, bri_helper *helper)
{
    pthread_mutex_lock(&pool->lock);
    bri_helper *before = atomic_load(&pool->helpers);
    if (before == helper) {
        atomic_store(&pool->helpers, helper->next);
    } else {
        while (before->next != helper)
            before = before->next;
        before->next = helper->next;
    }
    pthread_mutex_unlock(&pool->lock);
    while (atomic_load(&helper->users) > 0)
        sched_yield();
}

/* One that seems to have work, entered. */
static bri_helper *enter_helper(bri_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bri_helper *helper = atomic_load(&pool->helpers);
    while (helper != NULL && !helper->any(helper))
        helper = helper->next;
    if (helper != NULL)
        atomic_fetch_add(&helper->users, 1);
    pthread_mutex_unlock(&pool->lock);
    return helper;
}

bool bri_pool_help(bri_pool *pool, const bri_until *until)
{
    if (atomic_load(&pool->helpers) == NULL)
        return false;
    bri_helper *helper = enter_helper(pool);
    if (helper == NULL)
        return false;
    bool some = helper->work(helper, until);
    atomic_fetch_sub(&helper->users, 1);
    return some;
}

/* Those that are choosy must not take a wake from those that are not. */
static void wake(bri_pool *pool, int n, unsigned bits)
{
    bri_event_wake(&pool->event, n, bits);
    if (atomic_load(&pool->nchoosy) > 0)
        bri_event_wake(&pool->event, INT_MAX, BRI_SLEEPS_FOR_FEW);
}

void bri_pool_wake_workers(bri_pool *pool, int n)
{
    wake(pool, n, BRI_SLEEPS_FOR_TASKS);
}

void bri_pool_wake(bri_pool *pool, int n)
{
    wake(pool, n, BRI_SLEEPS_FOR_HELP);
}

void bri_pool_sleep_for_few(bri_pool *pool, unsigned ticket)
{
    bri_event_sleep(&pool->event, ticket, BRI_SLEEPS_FOR_JOB | BRI_SLEEPS_FOR_FEW);
}

void bri_pool_choosy(bri_pool *pool, int more)
{
    atomic_fetch_add(&pool->nchoosy, more);
}

bri_event *bri_pool_event(bri_pool *pool)
{
    return &pool->event;
}

/* ---- the pool ---- */

bri_pool *bri_pool_new(int nthreads)
{
    bri_pool *pool = bri_calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    pool->nworkers = nthreads;
    pool->spin_ns = bri_host_crowded(nthreads) ? SPIN_CROWDED_NS : SPIN_NS;
    pool->late.end = &pool->late.first;
    pool->outside.end = &pool->outside.first;
    pthread_mutex_init(&pool->lock, NULL);
    pool->workers = bri_calloc((size_t)nthreads, sizeof *pool->workers);
    if (pool->workers == NULL) {
        bri_pool_free(pool);
        return NULL;
    }
    for (int i = 0; i < nthreads; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].index = i;
    }
    return pool;
}

void bri_pool_free(bri_pool *pool)
{
    if (pool == NULL)
        return;
    bri_launcher_stop(atomic_load(&pool->launcher));
    atomic_store(&pool->stop, true);
    bri_event_wake(&pool->event, INT_MAX, BRI_SLEEPS_ANY);
    for (int i = 1; i <= pool->nstarted; i++)
        pthread_join(pool->workers[i].thread, NULL);
    bri_launcher_free(atomic_load(&pool->launcher));
    pthread_mutex_destroy(&pool->lock);
    bri_free(pool->workers);
    bri_free(pool);
}
