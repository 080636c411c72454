/* SPDX-License-Identifier: BSD-3-Clause
 * job_run.c - the running of ready tasks, and what follows from their outputs.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/busy.h"
#include "runtime/inside.h"
#include "runtime/job_inside.h"
#include "runtime/job_spill.h"
#include "runtime/scheduler.h"
#include "runtime/scratch.h"

static br_status take_blocks(bri_job *job, bri_task *t, void **scratch)
{
    for (bri_value *v = t->output; v != NULL; v = v->next_output)
        if (bri_value_block(job, v) == NULL)
            return BR_ENOMEM;
    if (t->scratch == 0)
        return BR_OK;
    *scratch = bri_scratch_take(job->ctx->memory, t->scratch);
    return *scratch != NULL ? BR_OK : BR_ENOMEM;
}

static void fail_task(bri_job *job, const bri_task *t, br_status st)
{
    char what[256] = "";
    if (job->ops->describe != NULL && t->kind >= 0) {
        job->ops->describe(job, t, what, sizeof what);
        bri_error_context(st, "%s", what);
    }
    bri_job_fail(job, st, bri_last_error());
}

static void run_task(bri_job *job, bri_task *t)
{
    void *scratch = NULL;
    br_status st = take_blocks(job, t, &scratch);
    bri_inside inside = {.ctx = job->ctx, .job = job, .task = t};
    bri_busy_begin(job, t);
    bri_inside_begin(&inside);
    if (st == BR_OK)
        st = t->kind >= 0 ? job->ops->execute(job, t, scratch) : bri_spill_execute(job, t);
    bri_inside_end();
    if (inside.why != NULL)
        st = bri_error(BR_EARG, "%s", inside.why);
    bri_free(inside.why);
    bri_busy_end();
    if (scratch != NULL)
        bri_scratch_put(job->ctx->memory, scratch, t->scratch);
    if (t->scratch > 0)
        bri_memory_release(job->ctx->memory, t->scratch);
    t->scratch = 0; /* so that bri_job_fini does not release it again after a failure */
    if (t->kind >= 0)
        atomic_fetch_add_explicit(&job->stats.tasks, 1, memory_order_relaxed);
    if (st != BR_OK)
        fail_task(job, t, st);
}

/* ---- afterwards ---- */

/* Its reader count may fall to 0 and free it while it is sent and waited for: held meanwhile. */
static bool send_away(bri_job *job, bri_value *v, bri_task **ready)
{
    atomic_fetch_add_explicit(&v->readers, 1, memory_order_relaxed);
    bool many = v->ndestinations > BRI_FEW_READERS;
    atomic_fetch_add_explicit(&job->nsends, v->ndestinations, memory_order_relaxed);
    for (int i = 0; i < v->ndestinations && !many; i++)
        job->ctx->scheduler->send(job->ctx, job, v, v->destinations[i]);
    if (many)
        job->ctx->scheduler->send(job->ctx, job, v, BRI_ALL_READERS);
    *ready = bri_value_ready(job, v, *ready);
    return bri_value_done(job, v);
}

/* True when nobody will read it: then it goes at once. */
static bool publish(bri_job *job, bri_value *v, bri_task **ready)
{
    if (v->ndestinations > 0)
        return send_away(job, v, ready);
    if (atomic_load_explicit(&v->readers, memory_order_relaxed) == 0) {
        bri_value_drop(job, v);
        return true;
    }
    *ready = bri_value_ready(job, v, *ready);
    return false;
}

static bri_value *add_dead(bri_value *list, bri_value *v)
{
    v->next_dead = list;
    return v;
}

/* Inputs that were read last, then outputs, in order: their readers may free them. The values that
 * died by it go with the task. */
static bri_task *follow(bri_job *job, bri_task *t)
{
    bri_task *ready = NULL;
    bri_value *dead = NULL;
    for (unsigned i = 0; i < t->ninputs; i++)
        if (bri_value_done(job, t->inputs[i].value))
            dead = add_dead(dead, t->inputs[i].value);
    for (bri_value *v = t->output, *next; v != NULL; v = next) {
        next = v->next_output;
        if (publish(job, v, &ready))
            dead = add_dead(dead, v);
    }
    t->output = dead;
    return ready;
}

static void push_finished(bri_job *job, bri_task *t)
{
    bri_task *first = atomic_load_explicit(&job->finished, memory_order_relaxed);
    do
        t->next = first;
    while (!atomic_compare_exchange_weak_explicit(&job->finished, &first, t, memory_order_release,
                                                  memory_order_relaxed));
}

/* bytes: what it had promised. The status comes before job->failed, with the error's text in
 * between: who fails meanwhile must not go on either. */
static bri_task *finish(bri_job *job, bri_task *task, size_t bytes)
{
    bri_task *ready = NULL;
    if (bri_job_status(job) == BR_OK) {
        ready = follow(job, task);
        push_finished(job, task);
    }
    if (bytes > 0)
        atomic_fetch_sub_explicit(&job->ahead, bytes, memory_order_relaxed);
    /* release: who sees no task left sees what all of them wrote. Last: the job may be gone after
     * it. */
    atomic_fetch_sub_explicit(&job->counts, BRI_ONE_READY + 1, memory_order_release);
    return ready;
}

bri_task *bri_job_exec(bri_job *job, bri_task *task)
{
    size_t bytes = bri_task_bytes(task);
    if (!atomic_load_explicit(&job->failed, memory_order_acquire))
        run_task(job, task);
    return finish(job, task, bytes);
}

void bri_job_lent(bri_job *job, bri_task *task, bool inside)
{
    size_t bytes = task->scratch;
    task->scratch = 0;
    for (bri_value *v = task->output; inside && v != NULL; v = v->next_output) {
        bytes += v->bytes;
        v->bytes = v->used = 0;
    }
    bri_memory_release(job->ctx->memory, bytes);
    if (bytes > 0)
        atomic_fetch_sub_explicit(&job->ahead, bytes, memory_order_relaxed);
}

/* Those above the leaves become ready one by one; after a failure they do not. */
bri_task *bri_job_returned(bri_job *job, bri_task *leaves, const bri_task *top)
{
    while (leaves != NULL) {
        bri_task *task = leaves;
        leaves = task->next;
        bri_task *ready = finish(job, task, bri_task_bytes(task));
        if (task == top)
            return ready;
        if (ready != NULL) {
            BRI_ASSERT(ready->next == NULL);
            ready->next = leaves;
            leaves = ready;
        }
    }
    return NULL;
}

/* With one task in flight nothing else can become ready. The watch thread holds the lock for a
 * moment when it prints. */
void bri_job_step(bri_job *job)
{
    atomic_store_explicit(&job->max_in_flight, 1, memory_order_relaxed);
    bri_task *task = bri_job_pull_alone(job);
    if (task == NULL && !bri_job_done(job))
        bri_job_fail(job, BR_EINTERNAL, "a task waits for a value that nobody computes");
    while (task != NULL) {
        bri_task *others = task->next; /* where values are moved */
        bri_task **last = &task;
        for (task = bri_job_exec(job, task); *last != NULL;)
            last = &(*last)->next;
        *last = others;
    }
}

void bri_job_run_here(bri_job *job)
{
    do
        bri_job_step(job);
    while (!bri_job_done(job));
}
