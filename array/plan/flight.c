/* SPDX-License-Identifier: BSD-3-Clause
 * flight.c - launching runs, what happens when they land, and their futures.
 */
#include "array/plan/flight.h"

#include <string.h>

#include "array/expr/apart.h"
#include "array/plan/balance.h"
#include "array/plan/cache.h"
#include "array/plan/chunk_futures.h"
#include "array/plan/fit.h"
#include "array/plan/message.h"
#include "array/plan/run.h"
#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "runtime/future.h"
#include "runtime/promise.h"
#include "runtime/running.h"
#include "runtime/scheduler.h"

/* Lock: `lock` guards everything but `flying`, which is changed with it. */
typedef struct bri_flights {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_int flying;
    bri_flight *landed, **last; /* in the order of their landing */
} bri_flights;

typedef struct computing {
    br_future future;      /* first */
    bri_flight *flight;    /* NULL before it is launched and once it has landed (lock) */
    bool unwanted;         /* was cancelled before it was launched (lock) */
    br_future *echo;       /* that ends with it, or NULL (lock) */
    bri_flight *hidden_by; /* the building thread's, as flight->hidden */
} computing;

struct bri_flight {
    bri_job job; /* first */
    bri_plan *plan;
    bri_node **node;
    bri_sink *sink;
    bri_outputs outputs; /* of those two */
    bool unpacked;
    computing *future; /* or NULL */
    computing *hidden; /* to be freed with it, or NULL */
    bri_running running;
    br_status status; /* when it has landed */
    double begun;
    br_run_info before, info;
    bri_flight *next;
};

static bri_flights *flights_of(const br_context *ctx)
{
    return bri_array_data_of(ctx)->flights;
}

/* ---- futures ---- */

static void forget_hidden(bri_flight *f)
{
    f->hidden = NULL;
}

static br_status wait(br_future *f)
{
    return f->ctx->scheduler->help(f->ctx, f);
}

static const char cancelled[] =
    "a compute in flight was cancelled, by br_cancel, br_future_free or br_close";

/* With the lock, so that the job cannot land meanwhile. */
static void cancel(br_future *f)
{
    bri_flights *flights = flights_of(f->ctx);
    pthread_mutex_lock(&flights->lock);
    computing *c = (computing *)f;
    if (c->flight != NULL)
        f->ctx->scheduler->cancel(f->ctx, &c->flight->job, cancelled);
    else
        c->unwanted = true;
    pthread_mutex_unlock(&flights->lock);
}

static void free_future(br_future *f)
{
    computing *c = (computing *)f;
    if (c->hidden_by != NULL)
        forget_hidden(c->hidden_by);
    bri_free(f->text);
    bri_free(f);
}

/* With the lock, so that it cannot land meanwhile. One that has landed has an echo that is over. */
static br_future *echo(br_future *f)
{
    computing *c = (computing *)f;
    bri_flights *flights = flights_of(f->ctx);
    pthread_mutex_lock(&flights->lock);
    br_future *e = c->echo != NULL ? c->echo : bri_promise_anonymous(f->ctx, "compute");
    bool over = bri_future_done(f);
    if (e != NULL)
        bri_future_hold(e);
    if (e != NULL && !over && c->echo == NULL)
        bri_promise_of_job(e, f->job);
    c->echo = over ? NULL : e;
    pthread_mutex_unlock(&flights->lock);
    if (e != NULL && over)
        bri_promise_end(e, f->status, br_future_message(f));
    return e;
}

static const bri_future_kind compute_kind = {
    .name = "compute", .wait = wait, .cancel = cancel, .echo = echo, .free = free_future};

br_future *bri_flight_future(bri_flight *flight, bool hidden)
{
    computing *c = bri_calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    bri_future_init(&c->future, flight->job.ctx, &compute_kind);
    flight->future = c;
    c->hidden_by = hidden ? flight : NULL;
    flight->hidden = hidden ? c : NULL;
    atomic_store(&c->future.told, hidden);
    return &c->future;
}

/* ---- from new to landed ---- */

bri_flight *bri_flight_new(br_context *ctx, const bri_outputs *outputs, bool unpacked)
{
    bri_flight *f = bri_calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    size_t n = (size_t)outputs->n;
    f->job.ctx = ctx;
    f->node = bri_memdup(outputs->node, n * sizeof *f->node);
    f->sink = bri_memdup(outputs->sink, n * sizeof *f->sink);
    if (f->node == NULL || f->sink == NULL) {
        bri_free(f->node);
        bri_free(f->sink);
        bri_free(f);
        return NULL;
    }
    f->outputs = *outputs;
    f->outputs.node = f->node;
    f->outputs.sink = f->sink;
    f->outputs.files = NULL; /* the plan has them */
    f->outputs.heard = NULL;
    f->unpacked = unpacked;
    for (int i = 0; i < outputs->n; i++)
        bri_node_retain(f->node[i]);
    return f;
}

void bri_flight_free(bri_flight *f)
{
    if (f == NULL)
        return;
    for (int i = 0; i < f->outputs.n; i++)
        bri_node_release(f->node[i]);
    if (f->unpacked)
        bri_message_free(f->sink, f->outputs.n);
    if (f->hidden != NULL)
        f->hidden->hidden_by = NULL;
    bri_free(f->node);
    bri_free(f->sink);
    bri_free(f);
}

/* From here on a cancel finds nothing any more. */
static computing *take_future(bri_flights *flights, bri_flight *f)
{
    pthread_mutex_lock(&flights->lock);
    computing *c = f->future;
    if (c != NULL)
        c->flight = NULL;
    f->future = NULL;
    pthread_mutex_unlock(&flights->lock);
    return c;
}

static void end_chunks(const bri_flight *f, const char *text)
{
    for (int i = 0; i < f->outputs.n; i++)
        if (f->sink[i].kind == BRI_SINK_FUTURES && f->sink[i].writer != NULL)
            bri_chunk_futures_end(f->sink[i].writer, f->status, text);
}

/* Everything under the lock: afterwards the flight, the future and, as soon as the lock is free,
 * the context may go. */
static void hand_over(bri_flights *flights, bri_flight *f, computing *c, const char *text)
{
    br_context *ctx = f->job.ctx;
    br_status st = f->status;
    pthread_mutex_lock(&flights->lock);
    *flights->last = f;
    flights->last = &f->next;
    atomic_fetch_sub(&flights->flying, 1);
    br_future *echo = c != NULL ? c->echo : NULL;
    if (c != NULL) {
        c->echo = NULL;
        bri_future_settle(&c->future, st, text);
    }
    if (echo != NULL)
        bri_promise_end(echo, st, text);
    ctx->scheduler->notify(ctx);
    pthread_cond_broadcast(&flights->changed);
    pthread_mutex_unlock(&flights->lock);
}

static void landed(bri_job *job)
{
    bri_flight *f = (bri_flight *)job; /* its first member */
    br_context *ctx = job->ctx;
    bri_flights *flights = flights_of(ctx);
    char text[BRI_ERROR_TEXT];
    bri_running_end(&f->running);
    computing *c = take_future(flights, f);
    bri_run_info(job, bri_now() - f->begun, &f->before, &f->info);
    bri_balance_learn(&f->job);
    bri_memory_reclaim(ctx->memory);
    f->status = bri_job_status(job);
    if (f->status == BR_EMEMLIMIT)
        bri_apart_renew(ctx);
    snprintf(text, sizeof text, "%s", f->status != BR_OK ? job->error_text : "");
    bri_job_fini(job);
    end_chunks(f, text);
    hand_over(flights, f, c, text);
}

/* Without a plan it has failed already. */
static br_status begin(bri_flight *f, uint64_t id, bri_plan *plan)
{
    if (plan != NULL)
        return bri_plan_begin(plan, id, &f->job);
    br_status st = bri_job_init_unwatched(&f->job, f->job.ctx, &bri_plan_job_ops, NULL);
    f->job.id = id;
    return st;
}

/* From here on a cancel finds the job. The context had the future before, and may be closing: a
 * task has launched this. */
static void open_future(bri_flights *flights, bri_flight *f)
{
    pthread_mutex_lock(&flights->lock);
    f->future->flight = f;
    f->future->future.job = f->job.serial;
    if (f->future->unwanted)
        bri_job_fail(&f->job, BR_ECANCELLED, cancelled);
    pthread_mutex_unlock(&flights->lock);
}

void bri_flight_launch(bri_flight *f, uint64_t id, bri_plan *plan, br_status st)
{
    br_context *ctx = f->job.ctx;
    char why[BRI_ERROR_TEXT];
    snprintf(why, sizeof why, "%s", st != BR_OK ? bri_last_error() : "");
    f->plan = plan;
    br_status init = begin(f, id, plan);
    if (st != BR_OK || init != BR_OK)
        bri_job_fail(&f->job, st != BR_OK ? st : init, st != BR_OK ? why : bri_last_error());
    if (atomic_fetch_add(&flights_of(ctx)->flying, 1) == 0)
        bri_memory_reset_peak(ctx->memory);
    f->begun = bri_now();
    f->before = bri_array_data_of(ctx)->counted;
    if (plan != NULL)
        bri_turns_enter(&f->job, plan->peak, bri_plan_most(plan));
    if (f->future != NULL)
        open_future(flights_of(ctx), f);
    bri_running_begin(&f->running, ctx, NULL);
    bri_running_job(&f->running, &f->job);
    ctx->scheduler->launch(ctx, &f->job, landed);
}

/* ---- afterwards ---- */

static void free_hidden(bri_flight *f)
{
    if (f->hidden == NULL)
        return;
    f->hidden->hidden_by = NULL;
    br_future_free(&f->hidden->future);
    f->hidden = NULL;
}

static void tidy(br_context *ctx, bri_flight *f)
{
    free_hidden(f);
    bri_array_data_of(ctx)->last_run = f->info;
    if (f->status == BR_OK) {
        bri_cache_put(ctx, &f->outputs, f->plan);
    } else {
        bri_plan_free(f->plan);
        bri_drop_failed(ctx, &f->outputs);
    }
    bri_flight_free(f);
}

void bri_flights_tidy(br_context *ctx)
{
    bri_flights *flights = flights_of(ctx);
    pthread_mutex_lock(&flights->lock);
    bri_flight *f = flights->landed;
    flights->landed = NULL;
    flights->last = &flights->landed;
    pthread_mutex_unlock(&flights->lock);
    for (bri_flight *next; f != NULL; f = next) {
        next = f->next;
        tidy(ctx, f);
    }
}

bool bri_flights_none(const br_context *ctx)
{
    return atomic_load(&flights_of(ctx)->flying) == 0;
}

br_status bri_flights_open(br_context *ctx)
{
    bri_flights *flights = bri_calloc(1, sizeof *flights);
    if (flights == NULL)
        return BR_ENOMEM;
    pthread_mutex_init(&flights->lock, NULL);
    pthread_cond_init(&flights->changed, NULL);
    flights->last = &flights->landed;
    bri_array_data_of(ctx)->flights = flights;
    return BR_OK;
}

void bri_flights_close(br_context *ctx)
{
    bri_flights *flights = flights_of(ctx);
    if (flights == NULL)
        return;
    pthread_mutex_lock(&flights->lock);
    while (atomic_load(&flights->flying) > 0)
        pthread_cond_wait(&flights->changed, &flights->lock);
    pthread_mutex_unlock(&flights->lock);
    bri_flights_tidy(ctx);
    pthread_cond_destroy(&flights->changed);
    pthread_mutex_destroy(&flights->lock);
    bri_free(flights);
    bri_array_data_of(ctx)->flights = NULL;
}
