/* SPDX-License-Identifier: BSD-3-Clause
 * threads.c - the scheduler of one process with several threads: a pool for each context.
 */
#include "runtime/inside.h"
#include "runtime/scheduler.h"
#include "scheduler/futures/store.h"
#include "scheduler/threads/pool.h"

static br_status open_threads(br_context *ctx)
{
    ctx->scheduler_data = bri_pool_new(ctx->nthreads);
    return ctx->scheduler_data != NULL ? BR_OK : BR_ENOMEM;
}

static br_status start(br_context *ctx, bri_job *job)
{
    return bri_pool_attach(ctx->scheduler_data, job);
}

static bool is_done(const void *job)
{
    return bri_job_done(job);
}

static bool progress(br_context *ctx, bri_job *job, bool block)
{
    bri_pool *pool = ctx->scheduler_data;
    if (block && bri_inside_here != NULL)
        bri_wait_for_job(job, is_done, job);
    else if (!bri_pool_work(pool, job, block))
        return false;
    bri_pool_detach(pool, job);
    return true;
}

static br_status run_here(br_context *ctx, bri_job *job)
{
    BRI_TRY(start(ctx, job));
    progress(ctx, job, true);
    return BR_OK;
}

static bool over(bri_job *job)
{
    if (!bri_job_done(job))
        return false;
    bri_pool_detach(job->ctx->scheduler_data, job);
    return true;
}

static void launch(br_context *ctx, bri_job *job, void (*landed)(bri_job *job))
{
    br_status st = bri_pool_launch(ctx->scheduler_data, job, NULL, over, landed);
    if (st == BR_OK)
        return;
    bri_job_fail(job, st, bri_last_error());
    landed(job);
}

static bool is_settled(const void *future)
{
    return bri_future_done(future);
}

static br_status help(br_context *ctx, br_future *future)
{
    if (bri_inside_here != NULL)
        return bri_wait_inside(future);
    bri_pool_work_until(ctx->scheduler_data, &(bri_until){.done = is_settled, .data = future});
    return BR_OK;
}

static void notify(br_context *ctx)
{
    bri_pool_notify(ctx->scheduler_data);
}

static void cancel(br_context *ctx, bri_job *job, const char *why)
{
    bri_job_fail(job, BR_ECANCELLED, why);
    bri_pool_notify(ctx->scheduler_data);
}

static bri_pool *pool_of(br_context *ctx)
{
    return ctx->scheduler_data;
}

static void close_threads(br_context *ctx)
{
    bri_store_close(ctx);
    bri_pool_free(ctx->scheduler_data);
    ctx->scheduler_data = NULL;
}

const bri_scheduler bri_scheduler_threads = {
    .name = "threads",
    .open = open_threads,
    .start = start,
    .progress = progress,
    .launch = launch,
    .help = help,
    .notify = notify,
    .cancel = cancel,
    .count_errands = bri_store_count,
    .print_errands = bri_store_print,
    .run_here = run_here,
    .close = close_threads,
    .pool = pool_of,
};
