/* SPDX-License-Identifier: BSD-3-Clause
 * mpi.c - the scheduler of many processes: a pool of threads in each, values between them.
 *
 * Rank 0 announces a job to the others, each of which works on its part of it; here is the
 * scheduler's table of functions. What stands behind them: thread.h (who talks to MPI), link.h
 * (how), meet.h (who is there), serve.h (commands), parts.h (begin and end of a job), values.h and
 * tree.h (what travels), peers.h and leave.h (how it all ends).
 */
#include <pthread.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/inside.h"
#include "runtime/scheduler.h"
#include "runtime/watch.h"
#include "scheduler/futures/store.h"
#include "scheduler/mpi/ask.h"
#include "scheduler/mpi/errands.h"
#include "scheduler/mpi/inspect.h"
#include "scheduler/mpi/invitation.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/notes.h"
#include "scheduler/mpi/park.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/serve.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/mpi/values.h"

/* ---- contexts ---- */

/* The lock is for programs that open contexts on several threads. */
static pthread_mutex_t joining = PTHREAD_MUTEX_INITIALIZER;

static br_status prepare(const br_context *ctx)
{
    bri_meet_record mine;
    bri_meet_describe(ctx, &mine);
    bri_meet_set_mine(&mine);
    return bri_leave_prepare();
}

/* The first context of the process brings MPI up. */
static br_status join_all(const br_context *ctx, bool *joined)
{
    br_status st = BR_OK;
    *joined = false;
    if (bri_thread_runs() && bri_link_is_shared())
        return bri_error(BR_EMPI, "br_open: a context is open on a communicator, and there can be "
                                  "no other beside it");
    if (!bri_thread_runs() && bri_link_initialised())
        return bri_error(BR_EMPI,
                         "MPI_Init was called before br_open, which starts and ends MPI itself: "
                         "call br_open_comm of <bramble/mpi.h> instead");
    if (!bri_thread_runs())
        st = prepare(ctx);
    if (st == BR_OK)
        st = bri_thread_start(NULL);
    *joined = bri_thread_runs();
    return st;
}

static br_status check_scheduler(const br_context *ctx)
{
    const char *name = ctx->config.scheduler;
    if (name[0] == '\0' || strcmp(name, "mpi") == 0)
        return BR_OK;
    return bri_error(BR_ECONFIG,
                     "BRAMBLE_SCHEDULER=%s runs in one process, but br_open_comm computes on the "
                     "ranks of a communicator: unset it",
                     name);
}

/* After the agreement nobody may fail alone: the others would wait. */
static br_status join_comm(const br_context *ctx, bri_invitation *invitation, bool *joined)
{
    br_status st = check_scheduler(ctx);
    *joined = false;
    if (st == BR_OK)
        st = prepare(ctx);
    BRI_TRY(bri_invitation_agree(invitation, st));
    st = bri_thread_start(invitation);
    if (!bri_thread_runs())
        bri_leave_abort(1, "%s", bri_last_error());
    *joined = invitation->taken = true;
    return st;
}

static br_status join_ranks(const br_context *ctx, bri_invitation *invitation, bool *joined)
{
    pthread_mutex_lock(&joining);
    br_status st = invitation != NULL ? join_comm(ctx, invitation, joined) : join_all(ctx, joined);
    pthread_mutex_unlock(&joining);
    return st;
}

static unsigned next_number(void)
{
    static atomic_uint last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

static bri_pool *pool_of(br_context *ctx)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    return mpi->pool;
}

static void close_mpi(br_context *ctx)
{
    bri_errands_forget(atomic_load(&ctx->store));
    bri_store_close(ctx);
    bri_mpi_context *mpi = ctx->scheduler_data;
    bool shared = mpi->shared;
    bri_serve_close(mpi->number);
    bri_pool_free(mpi->pool);
    bri_free(mpi);
    ctx->scheduler_data = NULL;
    if (shared)
        bri_leave_comm();
}

static br_status open_rank_zero(br_context *ctx, bool shared)
{
    bri_mpi_context *mpi = bri_calloc(1, sizeof *mpi);
    bri_pool *pool = mpi != NULL ? bri_pool_new(ctx->nthreads) : NULL;
    if (pool == NULL) {
        bri_free(mpi);
        return BR_ENOMEM;
    }
    *mpi = (bri_mpi_context){.number = next_number(), .pool = pool, .shared = shared};
    ctx->scheduler_data = mpi;
    bri_ask_answers_of(ctx->engine);
    return bri_serve_open(mpi->number);
}

/* Rank 0. What fails is told after the others were let go, so its text is kept. */
static br_status open_or_leave(br_context *ctx, bool shared, br_status met)
{
    char why[BRI_ERROR_TEXT];
    br_status st = met != BR_OK ? met : open_rank_zero(ctx, shared);
    if (st == BR_OK)
        return BR_OK;
    snprintf(why, sizeof why, "%s", bri_last_error());
    if (ctx->scheduler_data != NULL)
        close_mpi(ctx);
    else if (shared)
        bri_leave_comm();
    return bri_error(st, "%s", why);
}

/* Ranks above 0. Where bramble runs MPI the program's main never goes on, so everything is freed
 * here. Ranks that don't fit together still wait for rank 0, and serve nothing until it ends. */
static br_status serve(br_context *ctx, bool shared, br_status met)
{
    char why[BRI_ERROR_TEXT];
    snprintf(why, sizeof why, "%s", met != BR_OK ? bri_last_error() : "");
    int code = bri_serve_forever(ctx);
    if (!shared) {
        bri_context_drop(ctx);
        bri_leave_exit(code);
    }
    bri_leave_served();
    if (met != BR_OK)
        return bri_error(met, "%s", why);
    ctx->worker = true;
    return bri_error(BR_EUNSUPPORTED,
                     "rank %d of the communicator was a worker of rank 0, which has closed: "
                     "arrays are made on rank 0 alone",
                     ctx->rank);
}

static br_status open_mpi(br_context *ctx)
{
    bri_invitation *invitation = ctx->scheduler_data;
    ctx->scheduler_data = NULL;
    bool joined;
    br_status st = join_ranks(ctx, invitation, &joined);
    if (!joined)
        return st;
    bri_watch_rank(ctx, bri_meet_rank(), bri_meet_nranks());
    if (ctx->rank > 0)
        return serve(ctx, invitation != NULL, st);
    return open_or_leave(ctx, invitation != NULL, st);
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

static br_status share(br_context *ctx, int rank, const void *message, size_t bytes)
{
    const bri_mpi_context *mpi = ctx->scheduler_data;
    return bri_serve_share(mpi->number, rank, message, bytes);
}

/* The part comes first, so that it is there when the pool's threads send and expect. */
static br_status start(br_context *ctx, bri_job *job)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    job->inside = bri_inside_here != NULL;
    bri_part_start(part_id(ctx, job->id), job, mpi->pool, false);
    mpi->last_started = job->id;
    br_status st = bri_pool_attach(mpi->pool, job);
    if (st != BR_OK)
        bri_job_fail(job, st, bri_last_error());
    return BR_OK; /* the failure is all ranks' affair: progress tells it */
}

/* A job that a thread waits for inside a task, on this rank and on others. */
typedef struct part_wish {
    bri_job *job;
    bri_part *part; /* NULL: it is over */
} part_wish;

static bool part_over(const void *data)
{
    part_wish *w = (part_wish *)(uintptr_t)data;
    if (w->part != NULL && bri_job_done(w->job))
        bri_part_leave(w->part);
    if (w->part != NULL && bri_part_wait(w->part, false))
        w->part = NULL;
    return w->part == NULL;
}

static void wait_inside(bri_job *job, bri_part *part)
{
    part_wish wish = {job, part};
    bri_wait_for_job(job, part_over, &wish);
}

static bool progress(br_context *ctx, bri_job *job, bool block)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    bri_part *part = bri_part_find(part_id(ctx, job->id));
    if (block && job->inside) {
        wait_inside(job, part);
        return true;
    }
    bool done = bri_pool_work(mpi->pool, job, block);
    if (done)
        bri_part_leave(part);
    return done && bri_part_wait(part, block);
}

static bool is_done(const void *job)
{
    return bri_job_done(job);
}

static br_status run_here(br_context *ctx, bri_job *job)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    BRI_TRY(bri_pool_attach(mpi->pool, job));
    if (bri_inside_here != NULL)
        bri_wait_for_job(job, is_done, job);
    else
        bri_pool_work(mpi->pool, job, true);
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

/* Ranks above 0: the serving thread runs short jobs by itself, without waking another one. */
static void begin(bri_job *job)
{
    const bri_part *part = job->transport;
    if (bri_pool_work(part->pool, job, false))
        bri_part_leave(job->transport);
}

/* The pool's failure is all ranks' affair, too: then this thread waits for them. */
static void launch(br_context *ctx, bri_job *job, void (*landed)(bri_job *job))
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    job->transport = bri_part_start(part_id(ctx, job->id), job, mpi->pool, true);
    mpi->last_started = job->id;
    br_status st = bri_pool_launch(mpi->pool, job, ctx->rank > 0 ? begin : NULL, over, landed);
    if (st == BR_OK)
        return;
    bri_job_fail(job, st, bri_last_error());
    progress(ctx, job, true);
    landed(job);
}

static bool is_settled(const void *future)
{
    return bri_future_done(future);
}

static br_status help(br_context *ctx, br_future *future)
{
    bri_mpi_context *mpi = ctx->scheduler_data;
    if (bri_inside_here != NULL)
        return bri_wait_inside(future);
    bri_pool_work_until(mpi->pool, &(bri_until){.done = is_settled, .data = future});
    return BR_OK;
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
    if (job->id != 0 && bri_part_cancel(part_id(ctx, job->id), why))
        return;
    bri_job_fail(job, BR_ECANCELLED, why);
    bri_pool_notify(mpi->pool);
}

/* ---- values ---- */

static void send_value(br_context *ctx, bri_job *job, bri_value *value, int rank)
{
    bri_request request = {.run = bri_values_send,
                           .part = bri_part_find(part_id(ctx, job->id)),
                           .value = value,
                           .job = job,
                           .rank = rank};
    if (bri_thread_post(&request) == BR_OK)
        return;
    bri_job_fail(job, BR_ENOMEM, bri_last_error());
    for (int n = rank != BRI_ALL_READERS ? 1 : value->ndestinations; n > 0; n--)
        bri_job_sent(job, value);
}

static void expect(br_context *ctx, bri_job *job, bri_value *value)
{
    bri_request request = {.run = bri_values_expect,
                           .part = bri_part_find(part_id(ctx, job->id)),
                           .value = value,
                           .job = job};
    if (bri_thread_post(&request) != BR_OK)
        bri_job_fail(job, BR_ENOMEM, bri_last_error());
}

/* Without memory for the request the task waits for the other ranks, as it does then. */
static void park(br_context *ctx, bri_job *job, size_t bytes)
{
    bri_request request = {
        .run = bri_park, .part = bri_part_find(part_id(ctx, job->id)), .job = job, .bytes = bytes};
    /* Emission does not lose its patience before it has been seen to. */
    atomic_fetch_add_explicit(&job->supplying, 1, memory_order_release);
    if (bri_thread_post(&request) != BR_OK)
        atomic_fetch_sub_explicit(&job->supplying, 1, memory_order_release);
}

static void offer(br_context *ctx)
{
    const bri_mpi_context *mpi = ctx->scheduler_data;
    bri_errands_offer(atomic_load(&ctx->store), mpi->number);
}

static br_status note(br_context *ctx, int to, void *note, size_t bytes)
{
    const bri_mpi_context *mpi = ctx->scheduler_data;
    return bri_notes_post(mpi->number, to, note, bytes);
}

static void pump(br_context *ctx)
{
    (void)ctx;
    bri_serve_pump();
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
    .count_errands = bri_store_count,
    .print_errands = bri_store_print,
    .run_here = run_here,
    .close = close_mpi,
    .pool = pool_of,
    .about = about,
    .inspect = bri_inspect,
    .tell_ranks = bri_inspect_tell,
    .announce = announce,
    .ask = ask,
    .inquire = bri_inquire,
    .share = share,
    .send = send_value,
    .expect = expect,
    .offer = offer,
    .park = park,
    .note = note,
    .pump = pump,
};
