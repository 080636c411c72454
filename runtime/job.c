/* SPDX-License-Identifier: BSD-3-Clause
 * job.c - the life of a job: its beginning, its failure and its end.
 */
#include "runtime/job.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/job_inside.h"
#include "runtime/job_spill.h"
#include "runtime/watch.h"

br_status bri_job_init_unwatched(bri_job *job, br_context *ctx, const bri_job_ops *ops, void *plan)
{
    static atomic_ullong last;
    memset(job, 0, sizeof *job);
    job->serial = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
    job->ctx = ctx;
    job->ops = ops;
    job->plan = plan;
    atomic_init(&job->max_in_flight, 1);
    job->spare = SIZE_MAX;
    pthread_mutex_init(&job->emit, NULL);
    bri_records_init(&job->value_records, (sizeof(bri_value) + 63) & ~(size_t)63);
    return bri_values_init(&job->values);
}

br_status bri_job_init(bri_job *job, br_context *ctx, const bri_job_ops *ops, void *plan)
{
    BRI_TRY(bri_job_init_unwatched(job, ctx, ops, plan));
    bri_watch_begin(job);
    return BR_OK;
}

bool bri_job_done(const bri_job *job)
{
    if (atomic_load_explicit(&job->failed, memory_order_acquire))
        return atomic_load_explicit(&job->counts, memory_order_acquire) < BRI_ONE_READY;
    return atomic_load_explicit(&job->end_seen, memory_order_acquire) &&
           atomic_load_explicit(&job->counts, memory_order_acquire) == 0 &&
           atomic_load_explicit(&job->nsends, memory_order_acquire) == 0;
}

void bri_job_owe(bri_job *job, int n)
{
    atomic_fetch_add_explicit(&job->patience.owed, n, memory_order_release);
    atomic_fetch_add_explicit(&job->nsends, n, memory_order_release);
}

void bri_job_keep_room(bri_job *job, size_t bytes)
{
    job->supply_room = bytes;
    if (bytes > 0)
        bri_memory_force(job->ctx->memory, bytes);
}

void bri_job_fail(bri_job *job, br_status status, const char *text)
{
    int none = BR_OK;
    if (!atomic_compare_exchange_strong_explicit(&job->status, &none, (int)status,
                                                 memory_order_acq_rel, memory_order_relaxed))
        return;
    snprintf(job->error_text, sizeof job->error_text, "%s", text);
    atomic_store_explicit(&job->failed, true, memory_order_release);
}

br_status bri_job_status(const bri_job *job)
{
    return (br_status)atomic_load_explicit(&job->status, memory_order_acquire);
}

/* A task that never ran had its bytes promised but not taken. */
static void release_promises(bri_job *job, const bri_task *t)
{
    bri_memory_release(job->ctx->memory, t->scratch);
    for (const bri_value *v = t->output; v != NULL; v = v->next_output)
        if (v->data == NULL)
            bri_memory_release(job->ctx->memory, v->bytes);
}

void bri_job_fini(bri_job *job)
{
    bri_free(job->by_rank);
    if (job->values.entry == NULL) {
        bri_turns_leave(job);
        return;
    }
    bri_watch_end(job);
    bri_job_reap(job);
    for (size_t i = 0; i < job->nin_flight; i++)
        release_promises(job, job->in_flight[i]);
    if (job->supply_room + job->granted > 0)
        bri_memory_release(job->ctx->memory, job->supply_room + job->granted);
    bri_free(job->in_flight);
    bri_values_fini(job);
    bri_job_spill_fini(job);
    for (int i = 0; i < BRI_TASK_SIZES; i++)
        bri_records_fini(&job->task_records[i]);
    bri_records_fini(&job->value_records);
    pthread_mutex_destroy(&job->emit);
    bri_turns_leave(job);
}
