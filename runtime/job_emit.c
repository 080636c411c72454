/* SPDX-License-Identifier: BSD-3-Clause
 * job_emit.c - emission of tasks in serial order: within the budget, not too far ahead.
 */
#include "runtime/alloc.h"
#include "runtime/job_inside.h"
#include "runtime/job_spill.h"
#include "runtime/scheduler.h"

enum {
    /* Emission runs ahead of the workers by many small tasks, but by few that need many bytes. */
    AHEAD_BYTES = 4 << 20,
    AHEAD_TASKS = 2, /* for each thread */
    /* Over several ranks a task's inputs are asked for when it is emitted: so that they are there
     * in time, there are more ready tasks than threads take next, and more that wait. */
    AHEAD_READY = 4,               /* for each thread */
    AHEAD_REMOTELY = 16,           /* tasks for each thread, */
    AHEAD_REMOTE_BYTES = 16 << 20, /* or as many as need so much, */
    AHEAD_PART = 16,               /* and at most a 16th of the memory limit */
};

/* ---- records of tasks ---- */

static bri_records *records_for(bri_job *job, unsigned ninputs)
{
    size_t bytes = sizeof(bri_task) + ninputs * sizeof(bri_use);
    int size = 0;
    while (bytes > (size_t)BRI_TASK_BYTES << size)
        size++;
    if (size >= BRI_TASK_SIZES)
        return NULL;
    bri_records *r = &job->task_records[size];
    if (r->size == 0)
        bri_records_init(r, (size_t)BRI_TASK_BYTES << size);
    return r;
}

bri_task *bri_task_new(bri_job *job, bri_key key, int kind, int ninputs)
{
    bri_records *r = records_for(job, (unsigned)ninputs);
    bri_task *t = r != NULL ? bri_record_take(r) : NULL;
    if (t == NULL) {
        if (r == NULL)
            bri_no_memory((size_t)ninputs * sizeof(bri_use), "a task's inputs");
        return NULL;
    }
    *t = (bri_task){.key = key, .kind = kind, .ninputs = (unsigned)ninputs & INT32_MAX};
    atomic_init(&t->pending, 1);
    return t;
}

void bri_task_free(bri_job *job, bri_task *task)
{
    bri_record_give(records_for(job, task->ninputs), task);
}

void bri_task_abandon(bri_job *job, bri_task *task)
{
    task->next = job->abandoned;
    job->abandoned = task;
}

size_t bri_task_output_bytes(const bri_task *t)
{
    size_t bytes = 0;
    for (const bri_value *v = t->output; v != NULL; v = v->next_output)
        bytes += v->bytes;
    return bytes;
}

size_t bri_task_bytes(const bri_task *t)
{
    return t->scratch + bri_task_output_bytes(t);
}

/* ---- those in flight ---- */

static void leave_flight(bri_job *job, const bri_task *t)
{
    bri_task *last = job->in_flight[--job->nin_flight];
    job->in_flight[t->place] = last;
    last->place = t->place;
}

static void free_dead(bri_job *job, bri_value *v)
{
    while (v != NULL) {
        bri_value *next = v->next_dead;
        bri_value_free(job, v);
        v = next;
    }
}

/* A finished task's `output` is what died by it. */
void bri_job_reap(bri_job *job)
{
    if (atomic_load_explicit(&job->dead, memory_order_relaxed) != NULL)
        free_dead(job, atomic_exchange_explicit(&job->dead, NULL, memory_order_acquire));
    if (atomic_load_explicit(&job->finished, memory_order_relaxed) == NULL)
        return;
    bri_task *t = atomic_exchange_explicit(&job->finished, NULL, memory_order_acquire);
    while (t != NULL) {
        bri_task *next = t->next;
        free_dead(job, t->output);
        leave_flight(job, t);
        bri_task_free(job, t);
        t = next;
    }
}

/* ---- emission ---- */

static void see_end(bri_job *job)
{
    job->end = true;
    atomic_store_explicit(&job->end_seen, true, memory_order_release);
}

/* Makes sure a task is staged; false at the end or after an error. */
static bool stage_next(bri_job *job)
{
    if (job->staged != NULL)
        return true;
    br_status st =
        bri_grow(&job->in_flight, &job->in_flight_room, job->nin_flight, sizeof *job->in_flight);
    if (st == BR_OK)
        st = job->ops->next(job, &job->staged);
    if (st != BR_OK)
        bri_job_fail(job, st, bri_last_error());
    if (st == BR_OK && job->staged == NULL)
        see_end(job);
    return job->staged != NULL;
}

/* Nothing is at work that gives memory back. */
static bool is_alone(const bri_job *job)
{
    return bri_job_in_flight(job, memory_order_acquire) == 0 &&
           atomic_load_explicit(&job->supplying, memory_order_acquire) == 0;
}

/* The staged task's bytes are promised, with those of what it is the first to read of other ranks:
 * asks for that. Not before, since what comes must have room. Waiting for room is never in vain:
 * of all tasks of the run take the first one of the serial order that has not run. What it reads
 * is there or is supplied. If it has not been admitted, all that its rank has admitted comes
 * before it and has run, so nothing is in flight there, and it is admitted. */
static void ask_for_inputs(bri_job *job)
{
    const bri_task *t = job->staged;
    if (job->nexpected == 0 && job->foreseen == 0)
        return;
    for (unsigned i = 0; i < t->ninputs; i++) {
        bri_value *v = t->inputs[i].value;
        bool unasked = v->asked == BRI_UNASKED;
        if (v->foreseen)
            job->foreseen -= v->bytes;
        v->foreseen = false;
        v->asked = BRI_PROMISED;
        if (unasked)
            job->ctx->scheduler->expect(job->ctx, job, v);
    }
    job->expecting = 0;
    job->nexpected = 0;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What was promised before is not promised again. */
static bool reserve(bri_job *job, size_t bytes)
{
    size_t granted = smaller(bytes, job->granted);
    if (bytes > granted && !bri_memory_reserve(job->ctx->memory, bytes - granted))
        return false;
    job->granted -= granted;
    return true;
}

static void force(bri_job *job, size_t bytes)
{
    size_t granted = smaller(bytes, job->granted);
    bri_memory_force(job->ctx->memory, bytes - granted);
    job->granted -= granted;
}

/* The staged task is admitted when its bytes fit, or when waiting would not free any, as far as
 * anybody can tell. */
static bool admit(bri_job *job, size_t bytes)
{
    /* What a task that ends after this has read can be reclaimed only later. */
    bool alone = is_alone(job);
    bytes += job->expecting;
    if (reserve(job, bytes))
        bri_patience_over(job);
    else if (!alone || !is_alone(job) || bri_patience_waits(job, bytes)) /* supplies may begin */
        return false;
    else
        force(job, bytes);
    ask_for_inputs(job);
    return true;
}

/* The same where values can go to disk. *moves: the tasks that make room, or bring inputs back. */
static bool admit_spilling(bri_job *job, size_t bytes, bri_task **moves)
{
    bri_memory *memory = job->ctx->memory;
    /* Asked first: what a task that ends meanwhile has read could go, too. */
    bool alone = is_alone(job);
    size_t absent;
    if (!bri_spill_absent(job->staged, &absent))
        return false;
    size_t wanted = bytes + absent + job->expecting;
    while (!bri_memory_reserve(memory, wanted)) {
        bri_spill_room room = bri_spill_make_room(job, wanted, moves);
        if (room == BRI_ROOM_COMES ||
            (room == BRI_ROOM_NONE &&
             (!alone || !is_alone(job) || bri_patience_waits(job, wanted))) ||
            atomic_load_explicit(&job->failed, memory_order_acquire))
            return false;
        if (room == BRI_ROOM_NONE) {
            bri_memory_force(memory, wanted);
            break;
        }
    }
    bri_patience_over(job);
    ask_for_inputs(job);
    return absent == 0 || bri_spill_bring(job, job->staged, absent, moves);
}

static int large_ahead(const br_context *ctx)
{
    return (ctx->nranks > 1 ? AHEAD_REMOTELY : AHEAD_TASKS) * ctx->nthreads + 1;
}

size_t bri_job_ahead_bytes(const br_context *ctx, size_t largest)
{
    size_t few = (size_t)(AHEAD_TASKS * ctx->nthreads) * largest;
    size_t least = larger(few, AHEAD_BYTES + largest);
    if (ctx->nranks == 1)
        return least;
    bri_memory_stats about;
    bri_memory_about(ctx->memory, &about);
    size_t many = larger((size_t)large_ahead(ctx) * largest, AHEAD_REMOTE_BYTES + largest);
    return larger(smaller(many, about.limit / AHEAD_PART + largest), least);
}

/* Room that is needed for something else is not filled with what could come later. */
static size_t remotely_ahead(const bri_job *job)
{
    bri_memory_stats about;
    if (job->ctx->nranks == 1 || job->spill != NULL)
        return 0;
    bri_memory_about(job->ctx->memory, &about);
    return about.promised > about.limit / 2 ? 0 : about.limit / AHEAD_PART;
}

static bool far_enough_ahead(const bri_job *job)
{
    int tasks = bri_job_in_flight(job, memory_order_relaxed);
    if (tasks >= atomic_load_explicit(&job->max_in_flight, memory_order_relaxed))
        return true;
    size_t bytes = atomic_load_explicit(&job->ahead, memory_order_relaxed);
    if (bytes <= AHEAD_BYTES || tasks <= AHEAD_TASKS * job->ctx->nthreads)
        return false;
    return bytes > remotely_ahead(job) ||
           (tasks >= large_ahead(job->ctx) && bytes > AHEAD_REMOTE_BYTES);
}

bool bri_job_short_of_tasks(const bri_job *job)
{
    return job->ctx->nranks > 1 &&
           atomic_load_explicit(&job->counts, memory_order_relaxed) / BRI_ONE_READY <
               AHEAD_READY * job->ctx->nthreads &&
           !far_enough_ahead(job);
}

/* Counts a task as one in flight; returns it when it is ready. With no input to wait for nobody
 * else knows it, and there is nothing to subtract. */
static bri_task *launch(bri_job *job, bri_task *t, size_t bytes)
{
    t->place = (unsigned)job->nin_flight;
    job->in_flight[job->nin_flight++] = t;
    t->next = NULL;
    if (bytes > 0)
        atomic_fetch_add_explicit(&job->ahead, bytes, memory_order_relaxed);
    bool ready = atomic_load_explicit(&t->pending, memory_order_acquire) == 1;
    atomic_fetch_add_explicit(&job->counts, ready ? BRI_ONE_READY + 1 : 1, memory_order_relaxed);
    if (ready)
        return t;
    if (atomic_fetch_sub_explicit(&t->pending, 1, memory_order_acq_rel) != 1)
        return NULL;
    atomic_fetch_add_explicit(&job->counts, BRI_ONE_READY, memory_order_relaxed);
    return t;
}

/* Tasks that move values between memory and disk; returns the end of the list of ready tasks. */
static bri_task **launch_moves(bri_job *job, bri_task *moves, bri_task **last)
{
    while (moves != NULL) {
        bri_task *t = moves;
        moves = t->next;
        if (bri_grow(&job->in_flight, &job->in_flight_room, job->nin_flight + 1,
                     sizeof *job->in_flight) != BR_OK) {
            bri_job_fail(job, BR_ENOMEM, bri_last_error());
            bri_memory_release(job->ctx->memory, bri_task_bytes(t)); /* 0 of one that writes */
            bri_task_free(job, t);
            continue;
        }
        *last = launch(job, t, bri_task_bytes(t));
        last = &t->next;
    }
    return last;
}

static bool may_pull(const bri_job *job)
{
    return !atomic_load_explicit(&job->failed, memory_order_acquire) &&
           !atomic_load_explicit(&job->end_seen, memory_order_relaxed) &&
           !atomic_load_explicit(&job->waits, memory_order_acquire);
}

/* With `emit`, which it gives back. */
static bri_task *pull(bri_job *job, int max)
{
    bri_task *first = NULL;
    bri_task **last = &first;
    bri_job_reap(job);
    bool several = job->ctx->nranks > 1; /* tasks that wait for other ranks keep nobody busy */
    for (int n = 0; n < max && !job->end && !far_enough_ahead(job);) {
        if (!stage_next(job))
            break;
        size_t bytes = bri_task_bytes(job->staged);
        bri_task *moves = NULL;
        bool fits = job->spill != NULL ? admit_spilling(job, bytes, &moves) : admit(job, bytes);
        last = launch_moves(job, moves, last);
        if (!fits)
            break;
        bri_task *t = launch(job, job->staged, bytes);
        job->staged = NULL;
        if (t != NULL) {
            *last = t;
            last = &t->next;
        }
        n += t != NULL || !several;
    }
    if (several)
        bri_bundles_close_all(job);
    pthread_mutex_unlock(&job->emit);
    return first;
}

bri_task *bri_job_pull(bri_job *job, int max)
{
    if (!may_pull(job) || pthread_mutex_trylock(&job->emit) != 0)
        return NULL;
    return pull(job, max);
}

bri_task *bri_job_pull_alone(bri_job *job)
{
    if (!may_pull(job))
        return NULL;
    pthread_mutex_lock(&job->emit);
    return pull(job, 1);
}
