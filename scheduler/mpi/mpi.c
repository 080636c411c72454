/* SPDX-License-Identifier: BSD-3-Clause
 * mpi.c - the scheduler of many processes: a pool of threads in each, values between them.
 *
 * Rank 0 announces a job to the others, each of which works on its part of it; here is the
 * scheduler's table of functions. What stands behind them: thread.h (who talks to MPI), link.h
 * (how), meet.h (who is there), serve.h (commands), parts.h (begin and end of a job), values.h
 * (what travels), peers.h and leave.h (how it all ends).
 */
#include "runtime/alloc.h"
#include "runtime/scheduler.h"
#include "scheduler/futures/store.h"
#include "scheduler/mpi/ask.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/serve.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/mpi/values.h"

/* ---- contexts ---- */

/* The first context of the process brings MPI up; the lock is for programs that open contexts on
 * several threads. */
static br_status join_ranks(const br_context *ctx)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool prepared;
    br_status st = BR_OK;
    pthread_mutex_lock(&lock);
    if (!prepared) {
        bri_meet_record mine;
        bri_meet_describe(ctx, &mine);
        bri_meet_set_mine(&mine);
        st = bri_leave_prepare();
        prepared = st == BR_OK;
    }
    if (st == BR_OK)
        st = bri_thread_start();
    pthread_mutex_unlock(&lock);
    return st;
}

static unsigned next_number(void)
{
    static atomic_uint last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

static br_status open_rank_zero(br_context *ctx)
{
    bri_mpi_context *mpi = bri_calloc(1, sizeof *mpi);
    bri_pool *pool = mpi != NULL ? bri_pool_new(ctx->nthreads) : NULL;
    br_status st = BR_ENOMEM;
    if (pool == NULL)
        goto failed;
    *mpi = (bri_mpi_context){.number = next_number(), .pool = pool};
    st = bri_serve_open(mpi->number);
    if (st != BR_OK) {
        bri_serve_close(mpi->number);
        goto failed;
    }
    ctx->scheduler_data = mpi;
    return BR_OK;
failed:
    bri_pool_free(pool);
    bri_free(mpi);
    return st;
}

/* Ranks that don't fit together still wait for rank 0's exit code, and serve nothing until then. */
static br_status open_mpi(br_context *ctx)
{
    br_status st = join_ranks(ctx);
    if (!bri_thread_runs())
        return st;
    ctx->rank = bri_meet_rank();
    ctx->nranks = bri_meet_nranks();
    if (ctx->rank > 0)
        bri_serve_forever(ctx);
    BRI_TRY(st);
    return open_rank_zero(ctx);
}

static bri_pool *pool_of(br_context *ctx)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    return mpi->pool;
}

static void close_mpi(br_context *ctx)
{
    bri_store_close(ctx);
    bri_mpi_context *mpi = ctx->scheduler_data;
    bri_serve_close(mpi->number);
    bri_pool_free(mpi->pool);
    bri_free(mpi);
    ctx->scheduler_data = NULL;
}

static void about(br_context *ctx, int rank, br_rank_info *info)
{
    (void)ctx;
    const bri_meet_record *record = bri_meet_about(rank);
    info->rank = rank;
    info->threads = record->threads;
    snprintf(info->host, sizeof info->host, "%s", record->host);
    snprintf(info->why, sizeof info->why, "%s", record->threads_why);
}

/* ---- jobs ---- */

static uint64_t part_id(const br_context *ctx, uint64_t job)
{
    const bri_mpi_context *mpi = ctx->scheduler_data;
    return bri_part_id(mpi->number, job);
}

static br_status announce(br_context *ctx, uint64_t id, const void *message, size_t bytes)
{
    return bri_serve_announce(part_id(ctx, id), message, bytes);
}

static br_status ask(br_context *ctx, const void *question, size_t bytes, void *answers,
                     size_t each)
{
    (void)ctx;
    return bri_ask(question, bytes, answers, each);
}

/* The part comes first, so that it is there when the pool's threads send and expect. */
static br_status start(br_context *ctx, bri_job *job)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    bri_part_start(part_id(ctx, job->id), job, mpi->pool);
    mpi->last_started = job->id;
    br_status st = bri_pool_attach(mpi->pool, job);
    if (st != BR_OK)
        bri_job_fail(job, st, bri_last_error());
    return BR_OK; /* the failure is all ranks' affair: progress tells it */
}

static bool progress(br_context *ctx, bri_job *job, bool block)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    bri_part *part = bri_part_find(part_id(ctx, job->id));
    bri_leave_working(true);
    bool done = bri_pool_work(mpi->pool, job, block);
    if (done)
        bri_part_leave(part);
    bri_leave_working(false);
    return done && bri_part_wait(part, block);
}

static br_status run_here(br_context *ctx, bri_job *job)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    BRI_TRY(bri_pool_attach(mpi->pool, job));
    bri_leave_working(true);
    bri_pool_work(mpi->pool, job, true);
    bri_leave_working(false);
    bri_pool_detach(mpi->pool, job);
    return BR_OK;
}

/* The part's end comes after that of the job on this rank, with a wake of its own. */
static bool over(bri_job *job)
{
    if (bri_job_done(job))
        bri_part_leave(job->transport);
    return bri_part_wait(job->transport, false);
}

/* The pool's failure is all ranks' affair, too: then this thread waits for them. */
static void launch(br_context *ctx, bri_job *job, void (*landed)(bri_job *job))
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    job->transport = bri_part_start(part_id(ctx, job->id), job, mpi->pool);
    mpi->last_started = job->id;
    br_status st = bri_pool_launch(mpi->pool, job, over, landed);
    if (st == BR_OK)
        return;
    bri_job_fail(job, st, bri_last_error());
    progress(ctx, job, true);
    landed(job);
}

static void help(br_context *ctx, bool (*done)(const void *data), const void *data)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    bri_leave_working(true);
    bri_pool_work_until(mpi->pool, &(bri_until){.done = done, .data = data});
    bri_leave_working(false);
}

static void notify(br_context *ctx)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    bri_pool_notify(mpi->pool);
    if (ctx->rank > 0)
        bri_serve_tidy();
}

static void cancel(br_context *ctx, bri_job *job, const char *why)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    if (job->id != 0) { /* one of all ranks */
        bri_part_cancel(part_id(ctx, job->id), why);
        return;
    }
    bri_job_fail(job, BR_ECANCELLED, why);
    bri_pool_notify(mpi->pool);
}

/* ---- values ---- */

static void send_value(br_context *ctx, bri_job *job, bri_value *value, int rank)
{
    bri_request request = {.run = bri_values_send,
                           .part = bri_part_find(part_id(ctx, job->id)),
                           .value = value,
                           .rank = rank};
    if (bri_thread_post(&request) == BR_OK)
        return;
    bri_job_fail(job, BR_ENOMEM, bri_last_error());
    bri_job_sent(job, value);
}

static void expect(br_context *ctx, bri_job *job, bri_value *value)
{
    bri_request request = {
        .run = bri_values_expect, .part = bri_part_find(part_id(ctx, job->id)), .value = value};
    if (bri_thread_post(&request) != BR_OK)
        bri_job_fail(job, BR_ENOMEM, bri_last_error());
}

const bri_scheduler bri_scheduler_mpi = {
    .name = "mpi",
    .open = open_mpi,
    .start = start,
    .progress = progress,
    .launch = launch,
    .help = help,
    .notify = notify,
    .cancel = cancel,
    .run_here = run_here,
    .close = close_mpi,
    .pool = pool_of,
    .about = about,
    .announce = announce,
    .ask = ask,
    .send = send_value,
    .expect = expect,
};
