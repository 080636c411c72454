/* SPDX-License-Identifier: BSD-3-Clause
 * job_print.c - what a job does at the moment and what it waits for, as text.
 */
#include <string.h>
#include <time.h>

#include "runtime/busy.h"
#include "runtime/job_inside.h"
#include "runtime/scheduler.h"

/* Nobody reads more. */
enum { MOST_TASKS = 12, MOST_INPUTS = 3, MOST_MILLISECONDS = 1000 };

/* Emission may take its time, and a thread may have stopped in it. */
static bool lock_emission(bri_job *job)
{
    for (int i = 0; i < MOST_MILLISECONDS; i++) {
        if (pthread_mutex_trylock(&job->emit) == 0)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

void bri_job_name_value(bri_job *job, bri_key key, char *text, size_t size)
{
    if (job->ops->name != NULL)
        job->ops->name(job, key, text, size);
    else
        snprintf(text, size, "value %lld", (long long)key.index);
}

static int count_missing(const bri_task *t)
{
    int missing = 0;
    for (unsigned i = 0; i < t->ninputs; i++)
        missing += !bri_value_is_ready(t->inputs[i].value);
    return missing;
}

static void print_missing(bri_job *job, const bri_task *t, int missing, FILE *to)
{
    int printed = 0;
    for (unsigned i = 0; i < t->ninputs && printed < MOST_INPUTS; i++) {
        const bri_value *v = t->inputs[i].value;
        char name[256];
        if (bri_value_is_ready(v))
            continue;
        bri_job_name_value(job, v->key, name, sizeof name);
        fprintf(to, "%s %s", printed++ == 0 ? " for" : ";", name);
        if (v->owner != job->ctx->rank)
            fprintf(to, " from rank %d", v->owner);
    }
    if (missing > printed)
        fprintf(to, "; and %d more", missing - printed);
}

/* In flight are also tasks that run and those that are done and not yet taken out. */
static void print_waiting(bri_job *job, FILE *to)
{
    int waiting = 0;
    for (size_t i = 0; i < job->nin_flight; i++) {
        const bri_task *t = job->in_flight[i];
        char name[384];
        int missing = count_missing(t);
        if (missing == 0 || ++waiting > MOST_TASKS)
            continue;
        bri_busy_name(job, t, name, sizeof name);
        fprintf(to, "  waiting: %s", name);
        print_missing(job, t, missing, to);
        fprintf(to, "\n");
    }
    if (waiting > MOST_TASKS)
        fprintf(to, "  and %d more tasks are waiting\n", waiting - MOST_TASKS);
}

static void print_state(bri_job *job, FILE *to)
{
    int sends = atomic_load_explicit(&job->nsends, memory_order_relaxed);
    int begun = bri_job_in_flight(job, memory_order_relaxed);
    fprintf(to, "job %llu: %lld tasks done, %d in flight", (unsigned long long)job->id,
            atomic_load_explicit(&job->stats.tasks, memory_order_relaxed), begun);
    if (sends > 0)
        fprintf(to, ", %d values to be sent", sends);
    if (atomic_load_explicit(&job->failed, memory_order_acquire))
        fprintf(to, ", failed: %.200s", job->error_text);
    else if (!atomic_load_explicit(&job->end_seen, memory_order_acquire))
        fprintf(to, ", more to come");
    else if (begun == 0)
        fprintf(to, ", over on this rank");
    fprintf(to, "\n");
}

void bri_job_print(bri_job *job, FILE *to)
{
    print_state(job, to);
    if (lock_emission(job)) {
        bri_busy_print(job, to);
        print_waiting(job, to);
        pthread_mutex_unlock(&job->emit);
        if (job->ctx->scheduler != NULL && job->ctx->scheduler->notify != NULL)
            job->ctx->scheduler->notify(job->ctx); /* emission was held up for a moment */
    } else {
        fprintf(to, "  a thread plans the next tasks, for more than %d ms\n", MOST_MILLISECONDS);
    }
    if (job->ctx->scheduler != NULL && job->ctx->scheduler->inspect != NULL)
        job->ctx->scheduler->inspect(job->ctx, job, to);
}
