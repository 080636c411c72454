/* SPDX-License-Identifier: BSD-3-Clause
 * fit.c - a plan that fits the memory: what it takes at most, and what it gives up to take less.
 */
#include "array/plan/fit.h"

#include "array/expr/handle.h"
#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/cache.h"
#include "array/plan/flight.h"
#include "array/plan/persist.h"
#include "array/plan/run.h"
#include "array/plan/supply.h"
#include "runtime/watch.h"

/* Emits everything without running it. What waits for other ranks on disk comes back through the
 * room for supplying them. */
static br_status walk(bri_plan *plan, bri_dry_run *result, bri_spill_trace *record)
{
    bri_job job;
    br_status st = bri_job_init_unwatched(&job, plan->ctx, &bri_plan_job_ops, plan);
    if (st == BR_OK && record != NULL)
        st = bri_job_spill_record(&job, record);
    if (st == BR_OK)
        st = bri_job_dry_run(&job, result);
    if (st == BR_OK && record != NULL)
        st = bri_job_spill_status(&job);
    bri_job_fini(&job);
    bri_emitter_restart(plan);
    size_t room = plan->supply_room > result->sends ? plan->supply_room : result->sends;
    result->peak += room;
    result->least += room;
    return st;
}

br_status bri_plan_measure(bri_plan *plan, bri_dry_run *result, bri_spill_trace *trace)
{
    if (trace != NULL)
        bri_spill_trace_free(trace);
    return walk(plan, result, trace);
}

/* The same walk with what has been found by the first one: which bytes go and come back. */
static br_status predict_spilling(bri_plan *plan)
{
    bri_job job;
    bri_dry_run dry;
    br_status st = bri_job_init_unwatched(&job, plan->ctx, &bri_plan_job_ops, plan);
    if (st == BR_OK)
        st = bri_job_spill_begin(&job, &plan->trace, plan->spill_limit, NULL);
    if (st == BR_OK)
        st = bri_job_dry_run(&job, &dry);
    if (st == BR_OK)
        bri_job_spill_counts(&job, &plan->predicted_spill);
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

/* Of several ranks, rank 0 alone has something to do in this stage. */
static bool is_rank_zeros(const bri_stage *stage)
{
    return stage->nchunks <= 1 && stage->nsteps <= 1 && stage->kind != &bri_stage_fetch &&
           bri_stage_owner(stage, 0, 0) == 0;
}

/* At most two stages of one task each, the second one waiting for the first. */
static bool is_serial(const bri_plan *plan)
{
    int n = 0;
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        if (!s->wanted)
            continue;
        if (plan->nranks > 1 && !is_rank_zeros(s))
            return false;
        if (s->direct)
            continue;
        n++;
        if (s->nchunks > 1 || s->nsteps > 1)
            return false;
    }
    return n <= 2 && plan->nroots == 1 &&
           (plan->nranks == 1 || plan->roots[0]->kind == &bri_stage_result);
}

br_status bri_plan_make(br_context *ctx, const bri_outputs *outputs, bri_plan **out)
{
    BRI_TRY(bri_plan_new(ctx, outputs, out));
    (*out)->supply_room = bri_supply_most(*out);
    (*out)->careless_bound = careless_bound(*out) + (double)(*out)->supply_room;
    (*out)->serial = is_serial(*out);
    return BR_OK;
}

size_t bri_plan_most(const bri_plan *plan)
{
    const double unbounded = 1e18;
    return plan->careless_bound < unbounded && !plan->spills ? (size_t)plan->careless_bound
                                                             : SIZE_MAX;
}

/* What runs at the moment does not count: jobs take turns (runtime/turns.h). */
static size_t room_in(const bri_memory_stats *memory)
{
    return memory->limit > memory->standing ? memory->limit - memory->standing : 0;
}

static br_status does_not_fit(const bri_memory_stats *memory, size_t needed, const char *by)
{
    /* Small limits are told in KiB. */
    int shift = memory->limit < 4 << 20 ? 10 : 20;
    const char *unit = shift == 10 ? "KiB" : "MiB";
    size_t left = room_in(memory);
    return bri_error(BR_EMEMLIMIT,
                     "%zu %s are needed at a time, by %s, but BRAMBLE_MEMORY_LIMIT leaves "
                     "%zu of %zu %s: raise it or use smaller chunks",
                     (needed >> shift) + 1, unit, by, left >> shift, memory->limit >> shift, unit);
}

/* The file must be there before anything is read. */
static br_status prepare_spilling(bri_plan *plan, const bri_dry_run *dry, size_t room)
{
    size_t held = plan->trace.room * sizeof plan->trace.next[0];
    br_status st = bri_spill_open(plan->ctx->spill);
    if (st != BR_OK)
        return bri_error_context(st, "%zu MiB are needed at a time, by %s", (dry->peak >> 20) + 1,
                                 dry->worst);
    plan->spills = true;
    plan->spill_limit = room - held - plan->supply_room;
    return predict_spilling(plan);
}

/* Where tasks handle so many bytes each, walking through them beforehand is nothing beside running
 * them. */
enum { WORTH_WALKING = 128 << 10 };

static bool is_worth_walking(const bri_plan *plan)
{
    double tasks = 0;
    for (int i = 0; i < plan->nstages; i++)
        if (plan->stages[i]->wanted && !plan->stages[i]->direct)
            tasks += (double)plan->stages[i]->nchunks * (double)plan->stages[i]->nsteps;
    return plan->careless_bound >= WORTH_WALKING * tasks && !plan->serial;
}

/* Decoded chunks that files keep for the next tasks. */
static size_t shared_chunks(const bri_plan *plan)
{
    size_t bytes = 0;
    for (int i = 0; i < plan->nnodes; i++)
        if (bri_is_file(plan->nodes[i]->op) && plan->nodes[i]->resource != NULL)
            bytes += bri_h5_shared_bytes(plan->nodes[i]->resource);
    return bytes;
}

/* Emission is ahead of the serial order (runtime/job_emit.c), and each thread may supply another
 * rank. */
static size_t run_ahead(const bri_plan *plan)
{
    const br_context *ctx = plan->ctx;
    if (ctx->nthreads == 1 && plan->nranks == 1)
        return 0;
    return bri_job_ahead_bytes(ctx, plan->dry.largest) + (size_t)ctx->nthreads * plan->supply_room;
}

static br_status measure_once(bri_plan *plan, bool traced)
{
    if (plan->measured && (!traced || plan->trace.n > 0))
        return BR_OK;
    BRI_TRY(bri_plan_measure(plan, &plan->dry, traced ? &plan->trace : NULL));
    plan->measured = true;
    return BR_OK;
}

size_t bri_plan_bound(const bri_plan *plan)
{
    bri_memory_stats memory;
    bri_memory_about(plan->ctx->memory, &memory);
    if (plan->ceiling > 0)
        return plan->ceiling;
    double most = plan->careless_bound + (double)memory.standing;
    return plan->spills || most > (double)memory.limit ? memory.limit : (size_t)most;
}

static br_status check_measured(bri_plan *plan, const bri_memory_stats *memory)
{
    const bri_dry_run *dry = &plan->dry;
    size_t room = room_in(memory);
    if (dry->peak <= room) {
        plan->peak = dry->peak;
        plan->spare = room - dry->peak;
        size_t bound = dry->peak + run_ahead(plan) + shared_chunks(plan);
        plan->ceiling = memory->standing + (bound < room ? bound : room);
        return BR_OK;
    }
    plan->peak = room;
    plan->needed = dry->peak;
    if (!(plan->thrift & BRI_SPILL))
        return does_not_fit(memory, dry->peak, dry->worst);
    plan->needed = dry->least + plan->trace.room * sizeof plan->trace.next[0];
    return plan->needed <= room ? prepare_spilling(plan, dry, room)
                                : does_not_fit(memory, plan->needed, dry->neediest);
}

static br_status check_memory(bri_plan *plan)
{
    bri_memory_stats memory;
    bri_memory_about(plan->ctx->memory, &memory);
    bool fits = plan->careless_bound <= (double)room_in(&memory);
    plan->spills = false;
    plan->spare = SIZE_MAX;
    plan->ceiling = 0;
    plan->peak = bri_plan_most(plan);
    if (fits && !is_worth_walking(plan))
        return BR_OK;
    BRI_TRY(measure_once(plan, !fits && plan->thrift & BRI_SPILL));
    return check_measured(plan, &memory);
}

br_status bri_plan_check(bri_plan *plan)
{
    for (int i = 0; i < plan->nnodes; i++) {
        const bri_node *node = plan->nodes[i];
        br_status st = BR_OK;
        if (bri_is_file(node->op) && node->resource != NULL)
            st = bri_h5_unchanged(node->resource);
        else if (node->op->check != NULL)
            st = node->op->check(node);
        if (st != BR_OK)
            return bri_error_context(st, "%s (%s:%d)", node->op->name, bri_file_name(node->at.file),
                                     node->at.line);
    }
    return check_memory(plan);
}

/* Something that stands in memory goes to disk: false when there is nothing, or it does not help.
 * Plans that read it where it lies are no good any more. On several ranks all would have to do it.
 */
static br_status make_room(br_context *ctx, size_t needed, bool *made)
{
    bri_memory_stats memory;
    bri_memory_about(ctx->memory, &memory);
    *made = false;
    if (ctx->nranks > 1 || !bri_flights_none(ctx) || needed > memory.limit)
        return BR_OK;
    br_status st = bri_persisted_move_out(ctx, made);
    if (*made)
        bri_cache_clear(ctx);
    return st;
}

/* What more is given up, or done for it; BR_EMEMLIMIT with the message of the plan that did not fit
 * when there is nothing more. */
static br_status give_up_more(br_context *ctx, bri_outputs *outputs, const bri_plan *plan)
{
    char why[BRI_ERROR_TEXT];
    bool made;
    unsigned left = plan->could & ~outputs->thrift;
    if (left != 0) {
        outputs->thrift |= left & -left;
        return BR_OK;
    }
    snprintf(why, sizeof why, "%s", bri_last_error());
    BRI_TRY(make_room(ctx, plan->needed, &made));
    outputs->thrift = made ? 0 : outputs->thrift;
    return made ? BR_OK : bri_error(BR_EMEMLIMIT, "%s", why);
}

/* ---- read again or spill ---- */

/* GB/s of one core. Measured with the files in the page cache: pread 11, deflated and shuffled
 * chunks 0.7, spilling 3.8 and fetching 5.6 with the checksum (which alone makes 14). What is
 * spilled must reach a disk in the end, so it counts at a disk's rate. */
static const double plain_rate = 11, decoding_rate = 0.7, spilling_rate = 1, fetching_rate = 2;

static double cost(const bri_plan *plan, double *decoded)
{
    double plain;
    bri_plan_reads(plan, &plain, decoded);
    double seconds = plain / plain_rate + *decoded / decoding_rate;
    if (plan->spills)
        seconds += (double)plan->predicted_spill.written / spilling_rate +
                   (double)plan->predicted_spill.read / fetching_rate;
    return seconds;
}

/* Where files would be decoded again and again, what has been decoded may wait on disk instead:
 * takes that plan when it fits and is cheaper. */
static br_status weigh_spilling(br_context *ctx, bri_outputs *outputs, bri_plan **plan)
{
    double decoded;
    double other_decoded;
    bri_plan *other = NULL;
    bri_outputs spilling = *outputs;
    double seconds = cost(*plan, &decoded);
    bool persists = (*plan)->could & BRI_KEEP_ON_DISK; /* its table has one entry for each */
    if (!(outputs->thrift & BRI_READ_AGAIN) || (*plan)->spills || decoded == 0 || persists)
        return BR_OK;
    spilling.thrift = (outputs->thrift & ~(unsigned)BRI_READ_AGAIN) | BRI_SPILL;
    br_status st = bri_plan_make(ctx, &spilling, &other);
    if (st == BR_OK)
        st = bri_plan_check(other);
    if (st == BR_OK && cost(other, &other_decoded) < seconds) {
        bri_plan *dearer = *plan;
        *plan = other;
        other = dearer;
        outputs->thrift = spilling.thrift;
    }
    bri_plan_free(other);
    return st == BR_ENOMEM ? st : BR_OK;
}

br_status bri_plan_thriftily(br_context *ctx, bri_outputs *outputs, bri_plan **plan)
{
    br_status st = BR_EMEMLIMIT;
    while (st == BR_EMEMLIMIT && *plan != NULL) {
        BRI_TRY(give_up_more(ctx, outputs, *plan));
        bri_plan_free(*plan);
        *plan = NULL;
        bri_drop_failed(ctx, outputs);
        st = bri_plan_make(ctx, outputs, plan);
        if (st == BR_OK)
            st = bri_plan_check(*plan);
    }
    return st == BR_OK ? weigh_spilling(ctx, outputs, plan) : st;
}

br_status bri_plan_fitting(br_context *ctx, bri_outputs *outputs, bri_plan **out)
{
    BRI_TRY(bri_plan_make(ctx, outputs, out));
    br_status st = bri_plan_check(*out);
    return st == BR_EMEMLIMIT ? bri_plan_thriftily(ctx, outputs, out) : st;
}

br_status bri_plan_begin(bri_plan *plan, uint64_t id, bri_job *job)
{
    br_status st = bri_job_init_unwatched(job, plan->ctx, &bri_plan_job_ops, plan);
    job->id = id;
    BRI_TRY(st);
    bri_watch_begin(job);
    bri_job_keep_room(job, plan->supply_room);
    job->spare = plan->spare;
    return plan->spills
               ? bri_job_spill_begin(job, &plan->trace, plan->spill_limit, plan->ctx->spill)
               : BR_OK;
}
