/* SPDX-License-Identifier: BSD-3-Clause
 * run.c - the life of one compute: plan, check, announce, run, report. Also the other ranks' side
 * of it.
 */
#include "array/plan/run.h"

#include <string.h>
#include <time.h>

#include "array/expr/handle.h"
#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/cache.h"
#include "array/plan/flight.h"
#include "array/plan/message.h"
#include "array/plan/persist.h"
#include "runtime/alloc.h"
#include "runtime/blas.h"
#include "runtime/future.h"

br_status bri_plan_measure(bri_plan *plan, bri_dry_run *result)
{
    bri_job job;
    br_status st = bri_job_init(&job, plan->ctx, &bri_plan_job_ops, plan);
    if (st == BR_OK)
        st = bri_job_dry_run(&job, result);
    bri_job_fini(&job);
    bri_emitter_restart(plan);
    return st;
}

/* A bound that costs nothing: everything that is ever made, held at once, beside one task on every
 * place in flight. */
static double careless_bound(const bri_plan *plan)
{
    double bytes = 0;
    double scratch = 0;
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        bri_sizes sizes;
        if (!s->wanted || s->direct)
            continue;
        s->kind->sizes(s, s->nchunks / 2, s->nsteps / 2, &sizes);
        bytes += (double)sizes.output * (double)s->nchunks * (double)s->nsteps;
        scratch = (double)sizes.scratch > scratch ? (double)sizes.scratch : scratch;
    }
    return 2 * (bytes + scratch * 16 * plan->ctx->nthreads);
}

/* At most two stages of one task each, the second one waiting for the first. */
static bool is_serial(const bri_plan *plan)
{
    int n = 0;
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        if (!s->wanted || s->direct)
            continue;
        n++;
        if (s->nchunks > 1 || s->nsteps > 1)
            return false;
    }
    return n <= 2 && plan->nroots == 1 && plan->nranks == 1;
}

static br_status plan_new(br_context *ctx, const bri_outputs *outputs, bri_plan **out)
{
    BRI_TRY(bri_plan_new(ctx, outputs, out));
    (*out)->careless_bound = careless_bound(*out);
    (*out)->serial = is_serial(*out);
    return BR_OK;
}

static br_status check_memory(bri_plan *plan)
{
    bri_memory_stats memory;
    bri_memory_about(plan->ctx->memory, &memory);
    if (plan->careless_bound <= (double)memory.limit)
        return BR_OK;
    bri_dry_run dry;
    BRI_TRY(bri_plan_measure(plan, &dry));
    size_t free_bytes = memory.limit > memory.promised ? memory.limit - memory.promised : 0;
    if (dry.peak <= free_bytes)
        return BR_OK;
    /* Small limits are told in KiB. */
    int shift = memory.limit < 4 << 20 ? 10 : 20;
    const char *unit = shift == 10 ? "KiB" : "MiB";
    return bri_error(BR_EMEMLIMIT,
                     "%zu %s are needed at a time, by %s, but BRAMBLE_MEMORY_LIMIT leaves "
                     "%zu of %zu %s: raise it or use smaller chunks",
                     (dry.peak >> shift) + 1, unit, dry.worst, free_bytes >> shift,
                     memory.limit >> shift, unit);
}

/* What was true when the arrays were built must still be: files that are read, memory that is free.
 * Before any data is read. */
static br_status check_before_run(bri_plan *plan)
{
    for (int i = 0; i < plan->nnodes; i++) {
        const bri_node *node = plan->nodes[i];
        if (!bri_is_file(node->op))
            continue;
        br_status st = bri_h5_unchanged(node->resource);
        if (st != BR_OK)
            return bri_error_context(st, "%s (%s:%d)", node->op->name, bri_file_name(node->at.file),
                                     node->at.line);
    }
    return check_memory(plan);
}

void bri_drop_failed(br_context *ctx, const bri_outputs *outputs)
{
    for (int i = 0; i < outputs->n; i++)
        if (outputs->sink[i].kind == BRI_SINK_KEEP)
            bri_persisted_drop(ctx, outputs->sink[i].id);
}

/* Instead of a plan that does not fit, those that give up something for memory, one thing more at a
 * time. */
static br_status plan_thriftily(br_context *ctx, bri_outputs *outputs, bri_plan **plan)
{
    br_status st = BR_EMEMLIMIT;
    while (st == BR_EMEMLIMIT && *plan != NULL) {
        unsigned left = (*plan)->could & ~outputs->thrift;
        if (left == 0)
            return st;
        outputs->thrift |= left & -left;
        bri_plan_free(*plan);
        *plan = NULL;
        bri_drop_failed(ctx, outputs);
        st = plan_new(ctx, outputs, plan);
        if (st == BR_OK)
            st = check_before_run(*plan);
    }
    return st;
}

br_status bri_plan_fitting(br_context *ctx, bri_outputs *outputs, bri_plan **out)
{
    BRI_TRY(plan_new(ctx, outputs, out));
    br_status st = check_before_run(*out);
    return st == BR_EMEMLIMIT ? plan_thriftily(ctx, outputs, out) : st;
}

double bri_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void bri_run_info(bri_job *job, double seconds, const br_run_info *before, br_run_info *info)
{
    bri_memory_stats memory;
    bri_memory_about(job->ctx->memory, &memory);
    int64_t peak = atomic_load(&job->stats.peak);
    peak = peak > (int64_t)memory.peak ? peak : (int64_t)memory.peak;
    *info = (br_run_info){
        .seconds = before->seconds + seconds,
        .tasks = before->tasks + atomic_load(&job->stats.tasks),
        .bytes_read = before->bytes_read + atomic_load(&job->stats.bytes_read),
        .bytes_written = before->bytes_written + atomic_load(&job->stats.bytes_written),
        .messages = before->messages + atomic_load(&job->stats.messages),
        .bytes_sent = before->bytes_sent + atomic_load(&job->stats.bytes_sent),
        .peak_bytes = before->peak_bytes > peak ? before->peak_bytes : peak,
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

/* Runs a planned job and waits for it. */
static br_status run_job(br_context *ctx, uint64_t id, bri_plan *plan)
{
    bri_job job;
    bri_array_data *data = bri_array_data_of(ctx);
    if (bri_job_init(&job, ctx, &bri_plan_job_ops, plan) != BR_OK)
        bri_job_fail(&job, BR_ENOMEM, bri_last_error());
    job.id = id;
    if (bri_flights_none(ctx))
        bri_memory_reset_peak(ctx->memory);
    double start = bri_now();
    if (plan->serial)
        bri_job_run_here(&job); /* waking others costs more than such a run */
    else
        run_on_scheduler(&job);
    bri_run_info(&job, bri_now() - start, &data->counted, &data->last_run);
    bri_memory_reclaim(ctx->memory);
    br_status result = bri_job_status(&job);
    if (result != BR_OK)
        bri_error(result, "%s", job.error_text);
    bri_job_fini(&job);
    return result;
}

static br_status announce(br_context *ctx, uint64_t id, const bri_outputs *outputs)
{
    bri_writer w = {0};
    if (ctx->nranks == 1)
        return BR_OK;
    br_status st = bri_message_pack(ctx, outputs, &w);
    if (st == BR_OK)
        st = ctx->scheduler->announce(ctx, id, w.bytes, w.n);
    bri_free(w.bytes);
    return st;
}

/* The plan of the last time, or a new one. */
static br_status planned_before(br_context *ctx, bri_outputs *outputs, bri_plan **plan)
{
    *plan = bri_cache_take(ctx, outputs);
    if (*plan == NULL)
        return bri_plan_fitting(ctx, outputs, plan);
    br_status st = check_before_run(*plan);
    return st == BR_EMEMLIMIT ? plan_thriftily(ctx, outputs, plan) : st;
}

static br_status run_everywhere(br_context *ctx, const bri_outputs *outputs, bri_plan *plan)
{
    uint64_t id = ++ctx->next_job;
    BRI_TRY(announce(ctx, id, outputs));
    return run_job(ctx, id, plan);
}

/* Not stored in the context, which belongs to the thread that builds. */
br_status bri_check_outside_task(void)
{
    return bri_inside_task()
               ? bri_error(BR_EUNSUPPORTED,
                           "a function called by a task cannot compute or store arrays itself")
               : BR_OK;
}

br_status bri_run(br_context *ctx, const bri_outputs *outputs)
{
    bri_plan *plan = NULL;
    bri_outputs planned = *outputs;
    BRI_TRY(bri_check_outside_task());
    bri_flights_tidy(ctx);
    br_status st = planned_before(ctx, &planned, &plan);
    bool fitted = st == BR_OK;
    if (fitted)
        st = run_everywhere(ctx, &planned, plan);
    while (fitted && st == BR_EMEMLIMIT) { /* it fitted here, but not on another rank */
        st = plan_thriftily(ctx, &planned, &plan);
        fitted = st == BR_OK;
        if (fitted)
            st = run_everywhere(ctx, &planned, plan);
    }
    if (st == BR_OK) {
        bri_cache_put(ctx, &planned, plan);
        return BR_OK;
    }
    bri_plan_free(plan);
    bri_drop_failed(ctx, outputs);
    return bri_context_fail(ctx, st, bri_last_error());
}

/* The flight has taken the plan over when this succeeds. */
static br_status take_off(bri_flight *flight, const bri_outputs *outputs, bri_plan *plan)
{
    br_context *ctx = plan->ctx;
    uint64_t id = ++ctx->next_job;
    BRI_TRY(announce(ctx, id, outputs));
    bri_flight_launch(flight, id, plan, BR_OK);
    return BR_OK;
}

static br_future *launch_plan(br_context *ctx, const bri_outputs *outputs, bri_plan *plan)
{
    bri_flight *flight = bri_flight_new(ctx, outputs, false);
    br_future *future = flight != NULL ? bri_flight_future(flight) : NULL;
    br_status st = future != NULL ? take_off(flight, outputs, plan) : BR_ENOMEM;
    if (st == BR_OK)
        return future;
    bri_plan_free(plan);
    bri_flight_free(flight);
    bri_context_fail(ctx, st, bri_last_error());
    if (future == NULL)
        return bri_future_failed(ctx, st, bri_last_error());
    bri_future_fail(future, st, bri_last_error());
    return future;
}

br_future *bri_launch(br_context *ctx, const bri_outputs *outputs)
{
    bri_plan *plan = NULL;
    bri_outputs planned = *outputs;
    br_status st = bri_check_outside_task();
    if (st == BR_OK) {
        bri_flights_tidy(ctx);
        st = planned_before(ctx, &planned, &plan);
    }
    if (st == BR_OK)
        return launch_plan(ctx, &planned, plan);
    bri_plan_free(plan);
    bri_context_fail(ctx, st, bri_last_error());
    return bri_future_failed(ctx, st, bri_last_error());
}

/* ---- ranks above 0 ---- */

/* Without memory for a flight there is no job, which rank 0 is told by who calls. */
static void serve(br_context *ctx, uint64_t id, const void *message, size_t bytes)
{
    bri_node *nodes[BRI_MAX_OUTPUTS];
    bri_sink sinks[BRI_MAX_OUTPUTS];
    bri_outputs outputs;
    bri_plan *plan = NULL;
    bri_reader r = {message, bytes};
    bri_flights_tidy(ctx);
    br_status st = bri_message_unpack(ctx, &r, nodes, sinks, &outputs);
    if (st != BR_OK)
        outputs.n = 0;
    if (st == BR_OK)
        st = plan_new(ctx, &outputs, &plan);
    if (st == BR_OK)
        st = check_before_run(plan);
    bri_flight *flight = bri_flight_new(ctx, &outputs, true);
    if (flight != NULL) {
        bri_flight_launch(flight, id, plan, st);
    } else {
        bri_plan_free(plan);
        bri_message_free(sinks, outputs.n);
    }
    for (int i = 0; i < outputs.n; i++)
        bri_node_release(nodes[i]);
}

/* ---- opening and closing ---- */

static br_status open_arrays(br_context *ctx)
{
    BRI_TRY(bri_kernels_init(ctx->config.isa));
    if (ctx->array_data == NULL)
        ctx->array_data = bri_calloc(1, sizeof(bri_array_data));
    if (ctx->array_data == NULL)
        return BR_ENOMEM;
    if (bri_array_data_of(ctx)->flights == NULL)
        BRI_TRY(bri_flights_open(ctx));
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
    bri_free(data->dropped);
    bri_free(data);
    ctx->array_data = NULL;
    bri_blas_close();
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
                                     .tidy = bri_flights_tidy,
                                     .arithmetic = arithmetic,
                                     .release = release_arrays,
                                     .close = close_arrays};
