/* SPDX-License-Identifier: BSD-3-Clause
 * emit.c - the serial order of a plan's tasks, and this rank's tasks in it.
 *
 * The order is depth first: the chunks of the roots one after the other, each preceded by what it
 * needs that was not made before; a reduction's leaves in order, every node of its tree as soon as
 * its leaves are there. All ranks walk the same order; each makes tasks of its own and skips the
 * others'. A rank asks for a value of another rank when its own task needs it.
 */
#include <string.h>

#include "array/plan/stage.h"
#include "runtime/alloc.h"

/* A chunk on its way: its current step and which of the step's needs have been seen to. */
typedef struct frame {
    bri_stage *stage;
    int64_t chunk, step;
    int level; /* of the tree node to make next after a leaf, or 0 for the leaf itself */
    bool listed;
    bri_needs needs;
    size_t seen;
} frame;

struct bri_emitter {
    frame *stack;
    size_t depth, room;
    int root; /* which root, and its next chunk */
    int64_t chunk;
    unsigned char *ranks; /* scratch of bri_count_readers */
    int64_t emitted;      /* tasks of this rank */
};

br_status bri_emitter_new(bri_plan *plan)
{
    plan->emitter = bri_calloc(1, sizeof *plan->emitter);
    if (plan->emitter == NULL)
        return BR_ENOMEM;
    plan->emitter->ranks = bri_calloc((size_t)plan->nranks, 1);
    for (int i = 0; i < plan->nstages; i++) {
        bri_stage *s = plan->stages[i];
        bri_free(s->emitted);
        s->emitted = bri_calloc((size_t)(s->nchunks / 8 + 1), 1);
        if (s->emitted == NULL)
            return BR_ENOMEM;
    }
    return plan->emitter->ranks != NULL ? BR_OK : BR_ENOMEM;
}

void bri_emitter_free(bri_plan *plan)
{
    bri_emitter *e = plan->emitter;
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->room; i++)
        bri_free(e->stack[i].needs.need);
    bri_free(e->stack);
    bri_free(e->ranks);
    bri_free(e);
    plan->emitter = NULL;
}

/* Frames keep their lists when they are popped, for the next user of the place. */
static br_status push(bri_emitter *e, bri_stage *stage, int64_t chunk)
{
    BRI_TRY(bri_grow(&e->stack, &e->room, e->depth, sizeof *e->stack));
    frame *f = &e->stack[e->depth++];
    bri_needs needs = f->needs;
    *f = (frame){.stage = stage, .chunk = chunk, .needs = needs};
    stage->emitted[chunk >> 3] |= (unsigned char)(1 << (chunk & 7));
    return BR_OK;
}

static bool is_emitted(const bri_stage *stage, int64_t chunk)
{
    return stage->emitted[chunk >> 3] >> (chunk & 7) & 1;
}

/* ---- making tasks ---- */

/* The value of a task: who reads it follows from its place in the tree or from the readers of the
 * whole chunk. */
static br_status set_readers(bri_plan *plan, bri_job *job, const bri_stage *stage, bri_task *task,
                             int64_t chunk, bool final, int reader, size_t bytes)
{
    int local = 0;
    memset(plan->emitter->ranks, 0, (size_t)plan->nranks);
    if (final)
        BRI_TRY(bri_count_readers(stage, chunk, &local, plan->emitter->ranks));
    else if (reader == plan->rank)
        local = 1;
    else
        plan->emitter->ranks[reader] = 1;
    bri_value *v = bri_value_new(job, task->key, bytes, local);
    if (v == NULL)
        return BR_ENOMEM;
    task->output = v;
    for (int r = 0; r < plan->nranks; r++)
        if (plan->emitter->ranks[r])
            BRI_TRY(bri_value_destination(v, r));
    return BR_OK;
}

/* A task's input: a value made here, or asked for from its owner. */
static br_status connect_input(bri_plan *plan, bri_job *job, bri_task *task, int i, bri_key key,
                               int owner, size_t bytes, const bri_need *need)
{
    bri_value *v = bri_value_find(job, key);
    if (v == NULL) {
        int readers = 1;
        if (need != NULL)
            BRI_TRY(bri_count_readers(need->stage, need->chunk, &readers, plan->emitter->ranks));
        v = bri_value_new(job, key, bytes, readers);
        if (v == NULL)
            return BR_ENOMEM;
        v->owner = owner;
        BRI_ASSERT(owner != plan->rank);
        bri_value_expect(job, v);
    }
    bri_task_input(task, i, v);
    return BR_OK;
}

static size_t final_bytes(const bri_stage *stage, int64_t chunk)
{
    bri_sizes sizes;
    if (stage->fold == BRI_FOLD_TREE && stage->nsteps > 1)
        stage->kind->node_sizes(stage, chunk, bri_tree_top(stage->nsteps), &sizes);
    else
        stage->kind->sizes(stage, chunk, 0, &sizes);
    return sizes.output;
}

static br_status connect_needs(bri_plan *plan, bri_job *job, const frame *f, bri_task *task)
{
    for (size_t i = 0; i < f->needs.n; i++) {
        const bri_need *n = &f->needs.need[i];
        BRI_TRY(connect_input(plan, job, task, (int)i, bri_stage_key(n->stage, n->chunk),
                              bri_value_owner(n->stage, n->chunk), final_bytes(n->stage, n->chunk),
                              n));
    }
    return BR_OK;
}

static bri_task *new_task(bri_plan *plan, bri_job *job, const frame *f, bri_key key, size_t ninputs)
{
    bri_task *t = bri_task_new(job, key, (int)f->stage->id, (int)ninputs);
    if (t == NULL)
        return NULL;
    t->argument[0] = f->chunk;
    t->argument[1] = f->step;
    plan->emitter->emitted++;
    return t;
}

/* The rank of the node above (level, i), and whether there is one. */
static bool parent_owner(const bri_stage *stage, int64_t chunk, int level, int64_t i, int *owner)
{
    int top = bri_tree_top(stage->nsteps);
    if (level == top)
        return false;
    do {
        level++;
        i >>= 1;
    } while (!bri_tree_real(stage->nsteps, level, i));
    *owner = bri_stage_owner(stage, chunk, i << level);
    return true;
}

static br_status make_step(bri_plan *plan, bri_job *job, const frame *f, bri_task **out)
{
    bri_stage *s = f->stage;
    bool chained = s->fold == BRI_FOLD_CHAIN && f->step > 0;
    bri_key key = {s->id, 0, f->chunk};
    int reader = plan->rank;
    bool final = true;
    bri_sizes sizes;
    if (s->fold == BRI_FOLD_TREE) {
        key.index = f->chunk * s->nsteps + f->step;
        final = !parent_owner(s, f->chunk, 0, f->step, &reader);
    } else if (s->fold == BRI_FOLD_CHAIN) {
        key.level = (uint32_t)f->step;
        final = f->step == s->nsteps - 1;
    }
    s->kind->sizes(s, f->chunk, f->step, &sizes);
    bri_task *t = new_task(plan, job, f, key, f->needs.n + chained);
    if (t == NULL)
        return BR_ENOMEM;
    *out = t;
    t->scratch = sizes.scratch;
    t->keeps = s->kind->keeps;
    BRI_TRY(connect_needs(plan, job, f, t));
    if (chained) {
        bri_key before = {s->id, key.level - 1, key.index};
        BRI_TRY(
            connect_input(plan, job, t, (int)f->needs.n, before, plan->rank, sizes.output, NULL));
    }
    if (!s->direct_result && (s->nconsumers > 0 || !final))
        BRI_TRY(set_readers(plan, job, s, t, f->chunk, final, reader, sizes.output));
    return BR_OK;
}

static br_status make_node(bri_plan *plan, bri_job *job, const frame *f, bri_task **out)
{
    bri_stage *s = f->stage;
    int64_t i = f->step >> f->level;
    bri_key key = {s->id, (uint32_t)f->level, f->chunk * bri_tree_width(s->nsteps, f->level) + i};
    int reader = plan->rank;
    bri_sizes sizes;
    bri_sizes child_sizes;
    bri_task *t = new_task(plan, job, f, key, 2);
    if (t == NULL)
        return BR_ENOMEM;
    *out = t;
    t->argument[1] = i;
    s->kind->node_sizes(s, f->chunk, f->level, &sizes);
    t->scratch = sizes.scratch;
    for (int side = 0; side < 2; side++) {
        int level = f->level - 1;
        int64_t child = 2 * i + side;
        bri_tree_normalise(s->nsteps, &level, &child);
        bri_key from = {s->id, (uint32_t)level,
                        f->chunk * bri_tree_width(s->nsteps, level) + child};
        s->kind->node_sizes(s, f->chunk, level, &child_sizes);
        BRI_TRY(connect_input(plan, job, t, side, from,
                              bri_stage_owner(s, f->chunk, child << level), child_sizes.output,
                              NULL));
    }
    bool final = !parent_owner(s, f->chunk, f->level, i, &reader);
    return set_readers(plan, job, s, t, f->chunk, final, reader, sizes.output);
}

/* ---- walking ---- */

/* Pushes the first need of the current step that nobody has emitted; false when all have been. */
static br_status see_to_needs(bri_emitter *e, frame *f, bool *pushed)
{
    *pushed = false;
    if (!f->listed) {
        f->needs.n = 0;
        f->seen = 0;
        f->listed = true;
        BRI_TRY(f->stage->kind->needs != NULL
                    ? f->stage->kind->needs(f->stage, f->chunk, f->step, &f->needs)
                    : bri_stage_needs(f->stage, f->chunk, f->step, &f->needs));
    }
    while (f->seen < f->needs.n) {
        bri_need n = f->needs.need[f->seen++];
        if (!is_emitted(n.stage, n.chunk)) {
            *pushed = true;
            return push(e, n.stage, n.chunk);
        }
    }
    return BR_OK;
}

/* The tree node that is complete with the leaf just made, above `level`; 0 when there is none. */
static int next_node(const frame *f)
{
    const bri_stage *s = f->stage;
    int top = bri_tree_top(s->nsteps);
    for (int level = f->level + 1; level <= top && s->fold == BRI_FOLD_TREE; level++) {
        int64_t i = f->step >> level;
        int64_t end = (i + 1) << level < s->nsteps ? (i + 1) << level : s->nsteps;
        if (f->step != end - 1)
            return 0;
        if (bri_tree_real(s->nsteps, level, i))
            return level;
    }
    return 0;
}

/* Goes on to the next node, step or frame. */
static void move_on(bri_emitter *e, frame *f)
{
    f->level = next_node(f);
    if (f->level > 0)
        return;
    f->listed = false;
    if (++f->step == f->stage->nsteps)
        e->depth--;
}

static br_status make_current(bri_plan *plan, bri_job *job, frame *f, bri_task **task)
{
    int64_t place = f->level > 0 ? f->step >> f->level << f->level : f->step;
    if (bri_stage_owner(f->stage, f->chunk, place) != plan->rank)
        return BR_OK;
    br_status st = f->level > 0 ? make_node(plan, job, f, task) : make_step(plan, job, f, task);
    if (st != BR_OK && *task != NULL) {
        bri_task_abandon(job, *task);
        *task = NULL;
    }
    return st;
}

/* The next chunk of the roots; false at the end. */
static bool next_goal(bri_plan *plan, bri_emitter *e, br_status *st)
{
    while (e->root < plan->nroots && e->chunk == plan->roots[e->root]->nchunks) {
        e->root++;
        e->chunk = 0;
    }
    if (e->root == plan->nroots)
        return false;
    bri_stage *root = plan->roots[e->root];
    int64_t chunk = e->chunk++;
    if (!is_emitted(root, chunk))
        *st = push(e, root, chunk);
    return true;
}

static br_status next(bri_job *job, bri_task **task)
{
    bri_plan *plan = job->plan;
    bri_emitter *e = plan->emitter;
    br_status st = BR_OK;
    *task = NULL;
    while (st == BR_OK && *task == NULL) {
        if (e->depth == 0) {
            if (!next_goal(plan, e, &st))
                return BR_OK;
            continue;
        }
        size_t top = e->depth - 1;
        bool pushed = false;
        if (e->stack[top].level == 0)
            st = see_to_needs(e, &e->stack[top], &pushed);
        if (st != BR_OK || pushed)
            continue;
        st = make_current(plan, job, &e->stack[top], task);
        move_on(e, &e->stack[top]);
    }
    return st;
}

/* How deep the thread is in tasks: waiting inside one may run others. */
static _Thread_local int tasks_deep;

bool bri_inside_task(void)
{
    return tasks_deep > 0;
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
    tasks_deep++;
    br_status st = work.stage->kind->execute(&work);
    tasks_deep--;
    return st;
}

static void describe(bri_job *job, const bri_task *task, char *text, size_t size)
{
    const bri_plan *plan = job->plan;
    bri_describe(plan->stages[task->kind], task->argument[0], text, size);
}

const bri_job_ops bri_plan_job_ops = {next, execute, describe};
