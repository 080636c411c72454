/* SPDX-License-Identifier: BSD-3-Clause
 * run.c - the life of one compute: plan (fit.c), announce, run, report. Also the other ranks' side
 * of it.
 */
#include "array/plan/run.h"

#include <string.h>

#include "array/expr/apart.h"
#include "array/expr/handle.h"
#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/balance.h"
#include "array/plan/cache.h"
#include "array/plan/file_ranks.h"
#include "array/plan/fit.h"
#include "array/plan/flight.h"
#include "array/plan/message.h"
#include "array/plan/persist.h"
#include "array/plan/questions.h"
#include "array/plan/told.h"
#include "runtime/alloc.h"
#include "runtime/blas.h"
#include "runtime/clock.h"
#include "runtime/future.h"
#include "runtime/running.h"

void bri_drop_failed(br_context *ctx, const bri_outputs *outputs)
{
    for (int i = 0; i < outputs->n; i++)
        if (outputs->sink[i].kind == BRI_SINK_KEEP)
            bri_persisted_drop(ctx, outputs->sink[i].id);
}

void bri_run_info(bri_job *job, double seconds, const br_run_info *before, br_run_info *info)
{
    bri_memory_stats memory;
    bri_memory_about(job->ctx->memory, &memory);
    int64_t peak = atomic_load(&job->stats.peak);
    peak = peak > (int64_t)memory.peak ? peak : (int64_t)memory.peak;
    int64_t asked = atomic_load(&job->stats.most_asked);
    *info = (br_run_info){
        .seconds = before->seconds + seconds,
        .tasks = before->tasks + atomic_load(&job->stats.tasks),
        .bytes_read = before->bytes_read + atomic_load(&job->stats.bytes_read),
        .bytes_written = before->bytes_written + atomic_load(&job->stats.bytes_written),
        .messages = before->messages + atomic_load(&job->stats.messages),
        .bytes_sent = before->bytes_sent + atomic_load(&job->stats.bytes_sent),
        .peak_bytes = before->peak_bytes > peak ? before->peak_bytes : peak,
        .bytes_spilled = before->bytes_spilled + atomic_load(&job->stats.bytes_spilled),
        .bytes_fetched = before->bytes_fetched + atomic_load(&job->stats.bytes_fetched),
        .lent_tasks = before->lent_tasks + atomic_load(&job->stats.lent),
        .loans = before->loans + atomic_load(&job->stats.loans),
        .lent_bytes = before->lent_bytes + atomic_load(&job->stats.returned),
        .most_sent = before->most_sent + atomic_load(&job->stats.most_sent),
        .most_asked = before->most_asked > asked ? before->most_asked : asked,
    };
}

static void run_on_scheduler(bri_job *job)
{
    br_context *ctx = job->ctx;
    br_status started = ctx->scheduler->start(ctx, job);
    if (started != BR_OK)
        bri_job_fail(job, started, bri_last_error());
    else
        ctx->scheduler->progress(ctx, job, true);
}

/* Of what the serial order never needs, there is only so much as this run may promise. */
static void keep_below_ceiling(const bri_plan *plan, bri_job *job)
{
    bri_memory_stats memory;
    bri_memory_about(plan->ctx->memory, &memory);
    size_t needed = memory.standing + plan->peak;
    size_t spare = plan->ceiling > needed ? plan->ceiling - needed : 0;
    if (plan->ceiling > 0 && spare < job->spare)
        job->spare = spare;
}

/* Runs a planned job and waits for it. here: on this thread alone. */
static br_status run_job(br_context *ctx, bri_plan *plan, bool here, bri_running *running)
{
    bri_job job;
    bri_array_data *data = bri_array_data_of(ctx);
    if (bri_plan_begin(plan, ctx->next_job, &job) != BR_OK)
        bri_job_fail(&job, BR_ENOMEM, bri_last_error());
    if (bri_flights_none(ctx)) {
        bri_memory_reset_peak(ctx->memory);
        bri_memory_set_ceiling(ctx->memory, plan->ceiling);
        keep_below_ceiling(plan, &job);
    }
    double start = bri_now();
    if (!bri_flights_none(ctx) && !bri_turns_enter(&job, plan->peak, bri_plan_most(plan)))
        here = false;
    if (!plan->serial || ctx->catches_interrupts) /* else there is nothing to cancel in time */
        bri_running_job(running, &job);
    if (here)
        bri_job_run_here(&job); /* waking others costs more than such a run */
    else
        run_on_scheduler(&job);
    if (running->job != NULL)
        bri_running_job(running, NULL);
    bri_run_info(&job, bri_now() - start, &data->counted, &data->last_run);
    bri_balance_learn(&job);
    bri_memory_reclaim(ctx->memory);
    bri_memory_set_ceiling(ctx->memory, 0);
    br_status result = bri_job_status(&job);
    if (result == BR_EMEMLIMIT)
        bri_apart_renew(ctx);
    if (result != BR_OK)
        bri_error(result, "%s", job.error_text);
    bri_job_fini(&job);
    return result;
}

static br_status announce(br_context *ctx, uint64_t id, const bri_outputs *outputs, bri_plan *plan)
{
    bri_writer w = {0};
    if (ctx->nranks == 1)
        return BR_OK;
    br_status st = bri_message_pack(ctx, outputs, plan, &w);
    if (st == BR_OK)
        st = ctx->scheduler->announce(ctx, id, w.bytes, w.n);
    if (st == BR_OK)
        bri_message_sent(ctx);
    bri_free(w.bytes);
    return st;
}

/* Rank 0 alone has something to do. What cannot travel is an error all the same: that must not
 * depend on the number of chunks. */
static br_status stay_here(br_context *ctx, const bri_outputs *outputs)
{
    bri_writer w = {.apart = ctx, .trial = true};
    if (ctx->nranks == 1)
        return BR_OK;
    br_status st = bri_pack_nodes(ctx, &w, outputs->node, outputs->n);
    bri_free(w.bytes);
    return st;
}

/* The plan of the last time, or a new one. */
static br_status planned_before(br_context *ctx, bri_outputs *outputs, bri_plan **plan)
{
    *plan = bri_cache_take(ctx, outputs);
    if (*plan == NULL)
        return bri_plan_fitting(ctx, outputs, plan);
    br_status st = bri_plan_check(*plan);
    return st == BR_EMEMLIMIT ? bri_plan_thriftily(ctx, outputs, plan) : st;
}

static br_status run_everywhere(br_context *ctx, const bri_outputs *outputs, bri_plan *plan,
                                bri_running *running)
{
    uint64_t id = ++ctx->next_job;
    bool here = plan->serial && (ctx->nranks == 1 || bri_flights_none(ctx));
    BRI_TRY(here ? stay_here(ctx, outputs) : announce(ctx, id, outputs, plan));
    return run_job(ctx, plan, here, running);
}

static br_status plan_and_run(br_context *ctx, const bri_outputs *outputs, bri_running *running)
{
    bri_plan *plan = NULL;
    bri_outputs planned = *outputs;
    bri_flights_tidy(ctx);
    br_status st = bri_file_ranks_ask(ctx, outputs->node, outputs->n, &planned.files);
    if (st == BR_OK)
        st = planned_before(ctx, &planned, &plan);
    bool fitted = st == BR_OK;
    if (fitted)
        st = run_everywhere(ctx, &planned, plan, running);
    while (fitted && st == BR_EMEMLIMIT) { /* it fitted here, but not on another rank */
        st = bri_plan_thriftily(ctx, &planned, &plan);
        fitted = st == BR_OK;
        if (fitted)
            st = run_everywhere(ctx, &planned, plan, running);
    }
    bri_file_ranks_release(planned.files);
    if (st == BR_OK) {
        bri_array_data_of(ctx)->last_node = outputs->n == 1 ? outputs->node[0] : NULL;
        bri_array_data_of(ctx)->last_hash = outputs->node[0]->hash;
        bri_cache_put(ctx, &planned, plan);
        return BR_OK;
    }
    bri_plan_free(plan);
    bri_drop_failed(ctx, outputs);
    return bri_context_fail(ctx, st, bri_last_error());
}

br_status bri_run(br_context *ctx, const bri_outputs *outputs)
{
    bri_running running;
    BRI_TRY(bri_check_may_compute(ctx));
    bri_running_begin(&running, ctx, NULL);
    br_status st = plan_and_run(ctx, outputs, &running);
    bri_running_end(&running);
    return st;
}

/* The flight has taken the plan over when this succeeds. */
static br_status take_off(bri_flight *flight, const bri_outputs *outputs, bri_plan *plan)
{
    br_context *ctx = plan->ctx;
    uint64_t id = ++ctx->next_job;
    BRI_TRY(announce(ctx, id, outputs, plan));
    bri_flight_launch(flight, id, plan, BR_OK);
    return BR_OK;
}

static br_status launch_plan(br_context *ctx, const bri_outputs *outputs, bri_plan *plan,
                             bool hidden, br_future **future)
{
    bri_flight *flight = bri_flight_new(ctx, outputs, false);
    *future = flight != NULL ? bri_flight_future(flight, hidden) : NULL;
    br_status st = *future != NULL ? take_off(flight, outputs, plan) : BR_ENOMEM;
    if (st == BR_OK)
        return BR_OK;
    bri_plan_free(plan);
    bri_flight_free(flight);
    if (*future != NULL) {
        bri_future_fail(*future, st, bri_last_error());
        ctx->scheduler->notify(ctx); /* br_close may wait for it while a task launches it */
    }
    return st;
}

/* *future may be NULL, or have failed, when it returns an error. */
static br_status launch(br_context *ctx, const bri_outputs *outputs, bool hidden,
                        br_future **future)
{
    bri_plan *plan = NULL;
    bri_outputs planned = *outputs;
    *future = NULL;
    br_status st = bri_check_may_compute(ctx);
    if (st == BR_OK) {
        bri_flights_tidy(ctx);
        st = bri_file_ranks_ask(ctx, outputs->node, outputs->n, &planned.files);
    }
    if (st == BR_OK)
        st = planned_before(ctx, &planned, &plan);
    if (st == BR_OK)
        st = launch_plan(ctx, &planned, plan, hidden, future);
    else
        bri_plan_free(plan);
    bri_file_ranks_release(planned.files);
    return st;
}

br_future *bri_launch(br_context *ctx, const bri_outputs *outputs)
{
    br_future *future;
    br_status st = launch(ctx, outputs, false, &future);
    if (st == BR_OK)
        return future;
    bri_context_fail(ctx, st, bri_last_error());
    return future != NULL ? future : bri_future_failed(ctx, st, bri_last_error());
}

br_status bri_launch_hidden(br_context *ctx, const bri_outputs *outputs, uint64_t *serial)
{
    br_future *future;
    br_status st = launch(ctx, outputs, true, &future);
    *serial = st == BR_OK ? future->job : 0;
    return st;
}

/* ---- ranks above 0 ---- */

/* Without memory for a flight there is no job, which rank 0 is told by who calls. */
static void serve(br_context *ctx, uint64_t id, const void *message, size_t bytes)
{
    bri_node *nodes[BRI_MAX_OUTPUTS];
    bri_sink sinks[BRI_MAX_OUTPUTS];
    bri_outputs outputs;
    bri_plan *plan = NULL;
    bri_flights_tidy(ctx);
    bri_reader r = {.at = message, .left = bytes};
    br_status st = bri_message_unpack(ctx, &r, nodes, sinks, &outputs);
    if (st != BR_OK)
        outputs.n = 0;
    if (st == BR_OK)
        st = bri_plan_make(ctx, &outputs, &plan);
    if (st == BR_OK)
        st = bri_plan_check(plan);
    bri_flight *flight = bri_flight_new(ctx, &outputs, true);
    if (flight != NULL) {
        bri_flight_launch(flight, id, plan, st);
    } else {
        bri_plan_free(plan);
        bri_message_free(sinks, outputs.n);
    }
    for (int i = 0; i < outputs.n; i++)
        bri_node_release(nodes[i]);
    bri_file_ranks_release(outputs.files);
    bri_tellings_free(outputs.heard);
}

/* ---- opening and closing ---- */

/* The kernels are the process's: contexts that are open at a time share them. `lock` guards the
 * number of those. */
static struct {
    pthread_mutex_t lock;
    int n;
} engines = {.lock = PTHREAD_MUTEX_INITIALIZER};

static br_status choose_kernels(const char *isa)
{
    bool any = isa[0] == '\0';
    if (engines.n == 0)
        return bri_kernels_init(isa);
    if (any || strcmp(isa, bri_kernels_isa()) == 0)
        return BR_OK;
    return bri_error(BR_ECONFIG, "BRAMBLE_ISA=%s: another context of this process uses %s", isa,
                     bri_kernels_isa());
}

static br_status open_kernels(const char *isa)
{
    pthread_mutex_lock(&engines.lock);
    br_status st = choose_kernels(isa);
    engines.n += st == BR_OK;
    pthread_mutex_unlock(&engines.lock);
    return st;
}

static void close_kernels(void)
{
    pthread_mutex_lock(&engines.lock);
    engines.n--;
    pthread_mutex_unlock(&engines.lock);
}

static br_status open_data(br_context *ctx)
{
    ctx->array_data = bri_calloc(1, sizeof(bri_array_data));
    if (ctx->array_data == NULL)
        return BR_ENOMEM;
    bri_array_data_of(ctx)->most_indices = BRI_APART_BYTES;
    br_status st = bri_flights_open(ctx);
    if (st != BR_OK) {
        bri_free(ctx->array_data);
        ctx->array_data = NULL;
    }
    return st;
}

static br_status open_arrays(br_context *ctx)
{
    BRI_TRY(open_kernels(ctx->config.isa));
    br_status st = open_data(ctx);
    if (st != BR_OK) {
        close_kernels();
        return st;
    }
    return bri_blas_open();
}

static void release_arrays(br_context *ctx)
{
    while (ctx->scope != NULL && ctx->scope->outer != NULL)
        br_scope_close(ctx->scope);
    bri_scope_free_arrays(&ctx->root);
}

static void close_arrays(br_context *ctx)
{
    bri_array_data *data = bri_array_data_of(ctx);
    if (data != NULL)
        bri_flights_close(ctx);
    release_arrays(ctx);
    if (data == NULL)
        return;
    bri_cache_clear(ctx);
    while (data->persisted != NULL)
        bri_persisted_drop(ctx, data->persisted->id);
    BRI_ASSERT(data->nnodes == 0);
    bri_free(data->buckets);
    bri_apart_clear(ctx);
    bri_balance_clear(ctx);
    bri_free(data->dropped);
    bri_free(data);
    ctx->array_data = NULL;
    bri_blas_close();
    close_kernels();
}

/* v3 and v4 give the same bits; v2 has no fused multiply-add. */
static void arithmetic(char kernels[32], char blas[32])
{
    const char *isa = bri_kernels_isa();
    bool fma = strcmp(isa, "x86-64-v3") == 0 || strcmp(isa, "x86-64-v4") == 0;
    snprintf(kernels, 32, "%s", fma ? "x86-64 with FMA" : isa);
    snprintf(blas, 32, "%s", bri_blas_kernel());
}

const bri_engine bri_array_engine = {.open = open_arrays,
                                     .serve = serve,
                                     .answer = bri_answer,
                                     .tidy = bri_flights_tidy,
                                     .keep = bri_apart_keep,
                                     .arithmetic = arithmetic,
                                     .release = release_arrays,
                                     .close = close_arrays};
