/* SPDX-License-Identifier: BSD-3-Clause
 * execute.c - a plan's tasks as jobs know them: running, describing and lending them.
 */

#include "array/plan/balance.h"
#include "array/plan/demand.h"
#include "array/plan/emit.h"
#include "array/plan/place.h"
#include "array/plan/supply.h"
#include "runtime/alloc.h"
#include "runtime/clock.h"
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

static br_status execute_timed(bri_work *work)
{
    int64_t start = bri_now_ns();
    br_status st = work->stage->kind->execute(work);
    bri_balance_count(work->stage, work->task, bri_now_ns() - start);
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

/* Nobody: chunks that the owner of a step reads where they lie are needs of it, too. */
enum { NO_RANK = -1 };

/* What it reads where it lies are chunks of persisted arrays, which its maps name. */
static bool reads_persisted(const bri_stage *stage)
{
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_stage *from = stage->inputs[i].stage;
        if (stage->inputs[i].from == BRI_FROM_STAGE && from->direct &&
            from->kind != &bri_stage_persisted)
            return false;
    }
    return stage->kind->needs == NULL;
}

static bool is_listed(const bri_needs *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (list->need[k].stage == list->need[i].stage &&
            list->need[k].chunk == list->need[i].chunk)
            return true;
    return false;
}

/* The chunks behind `first` in the list. */
static void count_at_hand(const bri_plan *plan, const bri_needs *list, size_t first,
                          bri_at_hand *at_hand)
{
    bri_sizes sizes;
    for (size_t i = first; i < list->n; i++) {
        const bri_need *n = &list->need[i];
        if (!n->stage->direct || bri_value_owner(n->stage, n->chunk) != plan->rank ||
            is_listed(list, i))
            continue;
        n->stage->kind->sizes(n->stage, n->chunk, 0, &sizes);
        at_hand->bytes += sizes.output;
        at_hand->chunks++;
    }
}

static bool is_node(const bri_stage *stage, bri_key key)
{
    return stage->fold == BRI_FOLD_TREE && key.level > 0;
}

static br_status at_hand(bri_job *job, bri_task *const *task, int n, bri_at_hand *at_hand)
{
    const bri_plan *plan = job->plan;
    bri_needs list = {0};
    br_status st = BR_OK;
    *at_hand = (bri_at_hand){0};
    for (int i = 0; i < n && st == BR_OK; i++) {
        const bri_stage *stage = plan->stages[task[i]->kind];
        size_t before = list.n;
        if (is_node(stage, task[i]->key) || !bri_reads_at_hand(stage))
            continue;
        st = bri_stage_needs_on(stage, task[i]->argument[0], task[i]->argument[1], NO_RANK, &list);
        count_at_hand(plan, &list, before, at_hand);
    }
    bri_free(list.need);
    return st;
}

/* A step which reads nothing that only its owner has, or what that supplies to others. A node of a
 * tree is too little to go alone, and takes no time worth mentioning. */
static bool lendable(bri_job *job, const bri_task *task, bool ready, int64_t *nanoseconds)
{
    const bri_plan *plan = job->plan;
    const bri_stage *stage = task->kind >= 0 ? plan->stages[task->kind] : NULL;
    if (stage == NULL || job->spill != NULL || (ready && is_node(stage, task->key)) ||
        stage->kind->owner != NULL || stage->at_owner || task->output == NULL ||
        bri_is_supplied(stage))
        return false;
    for (unsigned i = 0; ready && i < task->ninputs; i++) {
        const bri_value *v = task->inputs[i].value;
        if (v->borrowed || v->data == NULL || bri_is_supplied(plan->stages[v->key.stage]))
            return false;
    }
    *nanoseconds = is_node(stage, task->key) ? 1 : bri_balance_cost(stage);
    return !bri_reads_at_hand(stage) || reads_persisted(stage);
}

static bool computes_only(bri_job *job, const bri_task *task)
{
    const bri_plan *plan = job->plan;
    const bri_stage *s = task->kind >= 0 ? plan->stages[task->kind] : NULL;
    if (s == NULL || (s->kind != &bri_stage_program && s->kind != &bri_stage_reduce) ||
        (s->program != NULL && bri_program_calls(s->program)))
        return false;
    for (int i = 0; i < s->ninputs; i++)
        if (s->inputs[i].from != BRI_FROM_STAGE)
            return false;
    return true;
}

static br_status make_lent(bri_plan *plan, bri_job *job, bri_frame *f, bri_task **task)
{
    BRI_TRY(bri_reads_at_hand(f->stage)
                ? bri_stage_needs_on(f->stage, f->chunk, f->step, NO_RANK, &f->needs)
                : bri_needs_of(f->stage, f->chunk, f->step, &f->needs));
    return bri_make_step(plan, job, f, task);
}

static br_status borrow(bri_job *job, const bri_borrowed *what, int lender, bri_task **task)
{
    bri_plan *plan = job->plan;
    bri_frame f = {.stage = plan->stages[what->kind],
                   .chunk = what->argument[0],
                   .step = what->argument[1],
                   .lender = lender + 1,
                   .inside = what->inside != 0};
    bool node = is_node(f.stage, what->key);
    if (node) {
        f.level = (int)what->key.level;
        f.step <<= f.level;
    }
    br_status st = node ? bri_make_node(plan, job, &f, task) : make_lent(plan, job, &f, task);
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
                                      .computes_only = computes_only,
                                      .at_hand = at_hand,
                                      .borrow = borrow,
                                      .supplies = bri_supply_about,
                                      .supply = bri_supply_part};
