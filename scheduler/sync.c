/* SPDX-License-Identifier: BSD-3-Clause
 * sync.c - runs a job's tasks one after the other, in their serial order, on the calling thread.
 *
 * The scheduler for debugging: every run takes the same steps. What the others do is compared with
 * it.
 */
#include "runtime/scheduler.h"
#include "scheduler/futures/store.h"

static br_status open_sync(br_context *ctx)
{
    ctx->nthreads = 1;
    snprintf(ctx->threads_why, sizeof ctx->threads_why, "the sync scheduler has one");
    return BR_OK;
}

static br_status start(br_context *ctx, bri_job *job)
{
    (void)ctx;
    (void)job;
    return BR_OK;
}

static bool progress(br_context *ctx, bri_job *job, bool block)
{
    (void)ctx;
    do
        bri_job_step(job);
    while (block && !bri_job_done(job));
    return bri_job_done(job);
}

static void launch(br_context *ctx, bri_job *job, void (*landed)(bri_job *job))
{
    progress(ctx, job, true);
    landed(job);
}

/* Whatever there is has been done when it was asked for. */
static br_status help(br_context *ctx, br_future *future)
{
    (void)ctx;
    return bri_future_done(future)
               ? BR_OK
               : bri_error(BR_EARG, "a task waits for the compute that it belongs to");
}

static void notify(br_context *ctx)
{
    (void)ctx;
}

static void cancel(br_context *ctx, bri_job *job, const char *why)
{
    (void)ctx;
    bri_job_fail(job, BR_ECANCELLED, why);
}

static br_status run_here(br_context *ctx, bri_job *job)
{
    progress(ctx, job, true);
    return BR_OK;
}

static bri_pool *no_pool(br_context *ctx)
{
    (void)ctx;
    return NULL;
}

static void close_sync(br_context *ctx)
{
    bri_store_close(ctx);
}

const bri_scheduler bri_scheduler_sync = {
    .name = "sync",
    .open = open_sync,
    .start = start,
    .progress = progress,
    .launch = launch,
    .help = help,
    .notify = notify,
    .cancel = cancel,
    .count_errands = bri_store_count,
    .print_errands = bri_store_print,
    .run_here = run_here,
    .close = close_sync,
    .pool = no_pool,
};
