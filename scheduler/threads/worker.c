/* SPDX-License-Identifier: BSD-3-Clause
 * worker.c - how a thread of the pool finds its next task, and when it sleeps.
 *
 * It works for one job at a time and is counted in job->users while it may touch it. It looks for
 * tasks among those that are late, in its own deque, among others from outside, in the job's
 * emission, in other deques, in other jobs. Before it sleeps it looks once more, after it has
 * entered the event's count.
 */
#include "scheduler/threads/worker.h"

#include <limits.h>
#include <sched.h>

#include "runtime/clock.h"

/* A batch is what one thread emits at a time: small, so that others get their turn. Idle threads
 * try again every ~3 us (128 pauses; FACTS: hammering costs the others 2-3.6 times) for the pool's
 * spin_ns, then sleep. */
enum { BATCH = 4, PAUSES = 128 };
enum { PULL_IDLE, PULL_BUSY, PULL_WANTED }; /* states of job->pulling */

static void pause_briefly(void)
{
    for (int i = 0; i < PAUSES; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ __volatile__("yield");
#endif
    }
}

/* ---- working for a job ---- */

void bri_worker_enter(bri_pool_worker *w, bri_job *job)
{
    atomic_fetch_add(&job->users, 1);
    w->job = job;
}

/* The job may be freed by its waiter as soon as users is down, so that is the last touch. */
void bri_worker_leave(bri_pool_worker *w)
{
    bri_job *job = w->job;
    if (job == NULL)
        return;
    w->job = NULL;
    bool done = bri_job_done(job);
    atomic_fetch_sub(&job->users, 1);
    if (done)
        bri_pool_job_done(w->pool);
}

/* ---- handing tasks on ---- */

void bri_pool_hand_in(bri_pool *pool, bri_handed *to, bri_task *first)
{
    pthread_mutex_lock(&pool->lock);
    *to->end = first;
    for (bri_task *t = first; t != NULL; t = t->next) {
        to->end = &t->next;
        atomic_fetch_add(&to->n, 1);
    }
    pthread_mutex_unlock(&pool->lock);
}

static bri_task *take_handed(bri_pool *pool, bri_handed *from)
{
    if (atomic_load(&from->n) == 0)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    bri_task *task = from->first;
    if (task != NULL) {
        from->first = task->next;
        if (from->first == NULL)
            from->end = &from->first;
        atomic_fetch_sub(&from->n, 1);
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

static bri_task *reverse(bri_task *list)
{
    bri_task *reversed = NULL;
    while (list != NULL) {
        bri_task *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static void push_own(bri_pool_worker *w, bri_task *task)
{
    if (bri_deque_push(&w->deque, task))
        return;
    task->next = NULL;
    bri_pool_hand_in(w->pool, &w->pool->outside, task);
}

/* After tasks went into a deque. */
static void wake_one(bri_pool *pool)
{
    if (bri_event_sleepers(&pool->event))
        bri_pool_wake_workers(pool, 1);
}

static void push_all(bri_pool_worker *w, bri_task *list)
{
    for (bri_task *t = reverse(list), *next; t != NULL; t = next) {
        next = t->next;
        t->job = w->job;
        push_own(w, t);
    }
    wake_one(w->pool);
}

/* Keeps the first task of a list for itself and lets others have the rest, so that its own pops
 * come in the list's order. */
static bri_task *share(bri_pool_worker *w, bri_task *list)
{
    if (list == NULL)
        return NULL;
    list->job = w->job;
    if (list->next != NULL)
        push_all(w, list->next);
    return list;
}

/* The same, unless there is something to be done before. */
static bri_task *go_on(bri_pool_worker *w, bri_task *list)
{
    if (list == NULL || atomic_load(&w->pool->late.n) == 0)
        return share(w, list);
    push_all(w, list);
    return NULL;
}

/* ---- finding a task ---- */

static bool emits(const bri_job *job)
{
    return !atomic_load_explicit(&job->end_seen, memory_order_acquire) &&
           !atomic_load_explicit(&job->failed, memory_order_acquire);
}

/* Whether this thread may emit; if not, whoever does is told. */
static bool begin_pull(bri_job *job)
{
    for (;;) {
        int state = PULL_IDLE;
        if (atomic_compare_exchange_strong(&job->pulling, &state, PULL_BUSY))
            return true;
        if (state == PULL_WANTED ||
            atomic_compare_exchange_strong(&job->pulling, &state, PULL_WANTED))
            return false;
    }
}

/* False when another thread wanted to emit meanwhile. */
static bool end_pull(bri_job *job)
{
    int state = PULL_BUSY;
    return atomic_compare_exchange_strong(&job->pulling, &state, PULL_IDLE);
}

/* One thread emits at a time; who finds it at work leaves a mark and goes. Who emitted in vain and
 * finds the mark tries again, since what the other one knows of (a finished task, bytes given back)
 * may have come too late for it. */
bri_task *bri_pool_pull(bri_job *job, int max)
{
    if (!emits(job) || !begin_pull(job))
        return NULL;
    for (;;) {
        bri_task *list = bri_job_pull(job, max);
        if (end_pull(job))
            return list;
        atomic_store(&job->pulling, list != NULL ? PULL_IDLE : PULL_BUSY);
        if (list != NULL)
            return list;
    }
}

/* Even when it leaves no task to others there may be more to emit. */
static bri_task *emit(bri_pool_worker *w)
{
    if (w->job == NULL)
        return NULL;
    bri_task *list = bri_pool_pull(w->job, BATCH);
    if (list != NULL && list->next == NULL)
        wake_one(w->pool);
    return share(w, list);
}

/* Before a task is run: more of them are made ready, so that what they need of other ranks comes
 * meanwhile. They have their turn after those of all deques. */
static void emit_ahead(bri_pool_worker *w)
{
    if (bri_job_short_of_tasks(w->job))
        bri_pool_push(w->pool, w->job, bri_pool_pull(w->job, BATCH));
}

/* A thief that leaves something behind wakes the next one. */
static bri_task *steal(bri_pool_worker *w)
{
    bri_pool *pool = w->pool;
    for (int i = 0; i < pool->nworkers; i++) {
        int v = (w->victim + i) % pool->nworkers;
        bri_deque *d = &pool->workers[v].deque;
        bri_task *task = v != w->index ? bri_deque_steal(d) : NULL;
        if (task == NULL)
            continue;
        w->victim = v;
        if (!bri_deque_empty(d))
            wake_one(pool);
        return task;
    }
    return NULL;
}

/* Enters the first of the attached jobs that has more to emit, from the nth one on, and says where
 * the next one is. Others must be left alone: leaving a job that is done wakes its waiter, and
 * sleepers that wake each other would never sleep. */
static bool enter_emitting(bri_pool_worker *w, int *nth)
{
    bri_pool *pool = w->pool;
    bri_worker_leave(w);
    pthread_mutex_lock(&pool->lock);
    bri_job *job = pool->jobs;
    int n = 0;
    for (; job != NULL && (n < *nth || !emits(job)); n++)
        job = job->next_attached;
    *nth = n + 1;
    if (job != NULL)
        bri_worker_enter(w, job);
    pthread_mutex_unlock(&pool->lock);
    return job != NULL;
}

/* Where one has been detached meanwhile, those after it have moved up: then all again. */
static bri_task *emit_any(bri_pool_worker *w)
{
    unsigned before;
    do {
        before = atomic_load(&w->pool->ndetached);
        for (int n = 0; enter_emitting(w, &n);) {
            bri_task *task = emit(w);
            if (task != NULL)
                return task;
        }
    } while (atomic_load(&w->pool->ndetached) != before);
    return NULL;
}

bri_task *bri_worker_find(bri_pool_worker *w)
{
    bri_task *task = take_handed(w->pool, &w->pool->late);
    if (task == NULL)
        task = bri_deque_pop(&w->deque);
    if (task == NULL)
        task = take_handed(w->pool, &w->pool->outside);
    if (task == NULL)
        task = emit(w);
    if (task == NULL)
        task = steal(w);
    if (task == NULL)
        task = emit_any(w);
    return task;
}

void bri_worker_run(bri_pool_worker *w, bri_task *task)
{
    if (task->job != w->job) {
        bri_job *job = task->job;
        bri_worker_leave(w);
        bri_worker_enter(w, job);
    }
    while (task != NULL) {
        bri_job *job = w->job;
        emit_ahead(w);
        bri_task *ready = bri_job_exec(job, task);
        if (!bri_worker_sits(w)) {
            bri_pool_push(w->pool, job, ready);
            if (emits(job)) /* it may have made room, and who has the place may sleep */
                bri_pool_wake_workers(w->pool, 1);
            bri_pool_let_go(w->pool, job);
            return;
        }
        task = go_on(w, ready);
    }
}

/* ---- waiting for one ---- */

static bool finished(const bri_pool_worker *w, const bri_until *until)
{
    return until != NULL ? until->done(until->data) : atomic_load(&w->pool->stop);
}

static bool helps(const bri_pool_worker *w, const bri_until *until)
{
    return (until == NULL || until->helps) && bri_pool_help(w->pool, until);
}

static bri_task *sleep_for_task(bri_pool_worker *w, const bri_until *until)
{
    bri_event *event = &w->pool->event;
    unsigned ticket = bri_event_prepare(event);
    bri_task *task = bri_worker_find(w);
    bri_worker_leave(w);
    if (task == NULL && !finished(w, until) && !helps(w, until))
        bri_event_sleep(event, ticket,
                        (until != NULL ? BRI_SLEEPS_ANY : BRI_SLEEPS_FOR_TASKS) |
                            (until == NULL || until->helps ? BRI_SLEEPS_FOR_HELP : 0));
    bri_event_cancel(event);
    return task;
}

bri_task *bri_worker_wait(bri_pool_worker *w, const bri_until *until)
{
    int64_t deadline = 0;
    while (bri_worker_sits(w)) {
        bri_task *task = bri_worker_find(w);
        if (task != NULL)
            return task;
        bri_worker_leave(w);
        if (finished(w, until))
            return NULL;
        if (helps(w, until)) {
            deadline = 0;
            continue;
        }
        int64_t now = bri_now_ns();
        if (deadline == 0)
            deadline = now + w->pool->spin_ns;
        if (now < deadline) {
            pause_briefly();
            continue;
        }
        task = sleep_for_task(w, until);
        if (task != NULL)
            return task;
        deadline = 0;
    }
    return NULL;
}

/* ---- for those outside ---- */

void bri_pool_hold(bri_job *job)
{
    atomic_fetch_add(&job->users, 1);
}

/* As bri_worker_leave. */
void bri_pool_let_go(bri_pool *pool, bri_job *job)
{
    bool done = bri_job_done(job);
    atomic_fetch_sub(&job->users, 1);
    if (done)
        bri_pool_job_done(pool);
}

static bri_task *take_wanted(bri_pool *pool, bri_handed *from, const bri_job *job,
                             bool (*wanted)(const bri_task *task, const void *data),
                             const void *data)
{
    if (atomic_load(&from->n) == 0)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    bri_task **link = &from->first;
    while (*link != NULL && ((*link)->job != job || !wanted(*link, data)))
        link = &(*link)->next;
    bri_task *task = *link;
    if (task != NULL) {
        *link = task->next;
        if (task->next == NULL)
            from->end = link;
        task->next = NULL;
        atomic_fetch_sub(&from->n, 1);
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

/* Tasks of other jobs that come along go back. */
bri_task *bri_pool_take(bri_pool *pool, bri_job *job,
                        bool (*wanted)(const bri_task *task, const void *data), const void *data)
{
    bri_task *task = take_wanted(pool, &pool->outside, job, wanted, data);
    if (task == NULL)
        task = take_wanted(pool, &pool->late, job, wanted, data);
    for (int i = 0; i < pool->nworkers && task == NULL; i++)
        task = bri_deque_steal(&pool->workers[i].deque);
    if (task == NULL) {
        bri_task *list = bri_pool_pull(job, BATCH);
        if (list != NULL)
            wake_one(pool); /* as emit */
        return list;
    }
    task->next = NULL;
    if (task->job == job)
        return task;
    bri_pool_push(pool, task->job, task);
    return NULL;
}

/* ---- for those who wait inside a task ---- */

static bool any_task(const bri_task *task, const void *data)
{
    (void)task, (void)data;
    return true;
}

static bri_job *hold_of(bri_pool *pool, uint64_t serial)
{
    pthread_mutex_lock(&pool->lock);
    bri_job *job = pool->jobs;
    while (job != NULL && job->serial != serial)
        job = job->next_attached;
    if (job != NULL)
        bri_pool_hold(job);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

bool bri_pool_take_of(bri_pool *pool, uint64_t serial, bri_chosen *held)
{
    held->job = hold_of(pool, serial);
    if (held->job == NULL)
        return false;
    held->task = bri_pool_take(pool, held->job, any_task, NULL);
    if (held->task == NULL)
        bri_pool_let_go(pool, held->job);
    return held->task != NULL;
}

/* Others may have what is ready beside the first one. */
static void run_list(bri_pool *pool, bri_job *job, bri_task *list)
{
    while (list != NULL) {
        bri_task *rest = list->next;
        list->next = NULL;
        list->job = job;
        bri_pool_push(pool, job, rest);
        list = bri_job_exec(job, list);
    }
}

/* It may have made room for others to be emitted, which the caller need not do. */
void bri_pool_run_chosen(bri_pool *pool, const bri_chosen *held)
{
    run_list(pool, held->job, held->task);
    if (emits(held->job))
        bri_pool_wake_workers(pool, 1);
    bri_pool_let_go(pool, held->job);
}

void bri_pool_pass(bri_pool *pool, bri_job *job)
{
    bri_task *task = pool != NULL ? bri_pool_take(pool, job, any_task, NULL) : NULL;
    if (task != NULL)
        run_list(pool, job, task);
    else
        sched_yield();
}
