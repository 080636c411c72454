/* SPDX-License-Identifier: BSD-3-Clause
 * execute.c - a plan's tasks as jobs know them: running, describing and lending them.
 */
#include <time.h>

#include "array/plan/balance.h"
#include "array/plan/demand.h"
#include "array/plan/emit.h"
#include "array/plan/place.h"
#include "array/plan/supply.h"
#include "runtime/alloc.h"
#include "runtime/inside.h"

static br_status execute(bri_job *job, bri_task *task, void *scratch);

/* Not stored in the context, which belongs to the thread that builds. */
br_status bri_check_may_compute(const br_context *ctx)
{
    bri_inside *in = bri_inside_here;
    if (in != NULL && in->errand != NULL && ctx->rank > 0) {
        in->computed = true;
        return bri_error(BR_EUNSUPPORTED, "arrays are computed by rank 0 only");
    }
    if (in == NULL || in->job == NULL || in->job->ops->execute != execute)
        return BR_OK;
    in->computed = true;
    return bri_error(BR_EUNSUPPORTED,
                     "a function called by a task cannot compute or store arrays itself");
}

/* Whether its function passes the refusal on or not: without what it asked for its values are
 * wrong. */
static br_status refuse(br_status st)
{
    static const char why[] = "it cannot compute or store arrays while a task calls it";
    return st == BR_OK
               ? bri_error(BR_EUNSUPPORTED, "the function asked for the impossible: %s", why)
               : bri_error_context(st, "%s", why);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static br_status execute_timed(bri_work *work)
{
    int64_t start = now_ns();
    br_status st = work->stage->kind->execute(work);
    bri_balance_count(work->stage, work->task, now_ns() - start);
    return st;
}

static br_status execute(bri_job *job, bri_task *task, void *scratch)
{
    bri_plan *plan = job->plan;
    bri_work work = {
        .plan = plan,
        .job = job,
        .stage = plan->stages[task->kind],
        .task = task,
        .chunk = task->argument[0],
        .step = task->argument[1],
        .scratch = scratch,
    };
    br_status st = bri_balance_counts(work.stage, task) ? execute_timed(&work)
                                                        : work.stage->kind->execute(&work);
    return bri_inside_here->computed ? refuse(st) : st;
}

static void describe(bri_job *job, const bri_task *task, char *text, size_t size)
{
    const bri_plan *plan = job->plan;
    bri_describe(plan->stages[task->kind], task->argument[0], text, size);
}

static void describe_value(bri_job *job, bri_key key, char *text, size_t size)
{
    const bri_plan *plan = job->plan;
    bri_describe_value(plan->stages[key.stage], key, text, size);
}

static void name_function(bri_job *job, const bri_task *task, char *text, size_t size)
{
    const bri_plan *plan = job->plan;
    bri_describe_function(plan->stages[task->kind], text, size);
}

/* A step, not a node of a tree, which reads nothing that only its owner has. */
static bool lendable(bri_job *job, const bri_task *task, int64_t *nanoseconds)
{
    const bri_plan *plan = job->plan;
    const bri_stage *stage = task->kind >= 0 ? plan->stages[task->kind] : NULL;
    bool node = stage != NULL && stage->fold == BRI_FOLD_TREE && task->key.level > 0;
    if (stage == NULL || job->spill != NULL || node || stage->kind->owner != NULL ||
        task->output == NULL || bri_is_supplied(stage) || bri_reads_at_hand(stage))
        return false;
    for (unsigned i = 0; i < task->ninputs; i++) {
        const bri_value *v = task->inputs[i].value;
        if (v->borrowed || v->data == NULL || bri_is_supplied(plan->stages[v->key.stage]))
            return false;
    }
    *nanoseconds = bri_balance_cost(stage);
    return true;
}

static br_status borrow(bri_job *job, const bri_borrowed *what, int lender, bri_task **task)
{
    bri_plan *plan = job->plan;
    bri_frame f = {.stage = plan->stages[what->kind],
                   .chunk = what->argument[0],
                   .step = what->argument[1],
                   .lender = lender + 1};
    br_status st = bri_needs_of(f.stage, f.chunk, f.step, &f.needs);
    if (st == BR_OK)
        st = bri_make_step(plan, job, &f, task);
    bri_free(f.needs.need);
    if (st != BR_OK && *task != NULL) {
        bri_task_abandon(job, *task);
        *task = NULL;
    }
    return st;
}

static br_status count_readers(bri_job *job, bri_key key, int *n)
{
    const bri_plan *plan = job->plan;
    return bri_count_readers(plan->stages[key.stage], key.index, n, plan->emitter->ranks);
}

const bri_job_ops bri_plan_job_ops = {.next = bri_emit_next,
                                      .execute = execute,
                                      .describe = describe,
                                      .name = describe_value,
                                      .function = name_function,
                                      .readers = count_readers,
                                      .settle = bri_balance_settle,
                                      .lendable = lendable,
                                      .borrow = borrow,
                                      .supplies = bri_supply_sizes,
                                      .supply = bri_supply_value};
