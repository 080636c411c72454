/* SPDX-License-Identifier: BSD-3-Clause
 * make.c - the task of a step or of a tree's node: its inputs, its outputs and who reads them.
 */
#include <string.h>

#include "array/plan/cut.h"
#include "array/plan/emit.h"
#include "array/plan/pass.h"
#include "array/plan/place.h"
#include "array/plan/sink.h"
#include "array/plan/supply.h"

/* A value that a task makes. Who reads it follows from its place in the tree or from the readers of
 * the whole chunk. */
typedef struct product {
    const bri_stage *stage;
    int64_t chunk;
    bri_key key;
    bool final; /* the chunk is complete with it */
    int reader; /* else the rank that goes on with it */
    size_t bytes;
    int lender; /* as in frame: then it goes there */
} product;

static void append_output(bri_task *task, bri_value *v)
{
    bri_value **last = &task->output;
    while (*last != NULL)
        last = &(*last)->next_output;
    *last = v;
}

static br_status add_lent_output(bri_job *job, bri_task *task, const product *p)
{
    bri_value *v = bri_value_new(job, p->key, p->bytes, 0);
    if (v == NULL)
        return BR_ENOMEM;
    append_output(task, v);
    return bri_value_destination(v, p->lender - 1);
}

static br_status add_output(bri_plan *plan, bri_job *job, bri_task *task, const product *p)
{
    int local = 0;
    if (p->lender > 0)
        return add_lent_output(job, task, p);
    memset(plan->emitter->ranks, 0, (size_t)plan->nranks);
    if (p->final)
        BRI_TRY(bri_count_readers(p->stage, p->chunk, &local, plan->emitter->ranks));
    else if (p->reader == plan->rank)
        local = 1;
    else
        plan->emitter->ranks[p->reader] = 1;
    if (bri_is_supplied(p->stage)) /* other ranks ask for it */
        memset(plan->emitter->ranks, 0, (size_t)plan->nranks);
    bri_value *v = bri_value_new(job, p->key, p->bytes, local);
    if (v == NULL)
        return BR_ENOMEM;
    append_output(task, v);
    for (int r = 0; r < plan->nranks; r++)
        if (plan->emitter->ranks[r])
            BRI_TRY(bri_value_destination(v, r));
    return BR_OK;
}

/* An input of a task that was lent: its lender has it, whoever made it. */
static br_status connect_lent_input(bri_job *job, bri_task *task, int i, bri_key key, int lender,
                                    size_t bytes)
{
    bri_value *v = bri_value_find(job, key);
    if (v != NULL) { /* read twice */
        atomic_fetch_add_explicit(&v->readers, 1, memory_order_relaxed);
        bri_task_input(task, i, v);
        return BR_OK;
    }
    v = bri_value_new(job, key, bytes, 1);
    if (v == NULL)
        return BR_ENOMEM;
    v->owner = lender;
    bri_task_input(task, i, v);
    bri_value_expect(job, v);
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

static br_status connect_needs(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task *task)
{
    for (size_t i = 0; i < f->needs.n; i++) {
        const bri_need *n = &f->needs.need[i];
        bri_key key = bri_stage_key(n->stage, n->chunk);
        if (f->lender > 0) {
            BRI_TRY(connect_lent_input(job, task, (int)i, key, f->lender - 1,
                                       final_bytes(n->stage, n->chunk)));
            continue;
        }
        BRI_TRY(connect_input(plan, job, task, (int)i, bri_stage_key(n->stage, n->chunk),
                              bri_value_owner(n->stage, n->chunk), final_bytes(n->stage, n->chunk),
                              n));
    }
    return BR_OK;
}

static bri_task *new_task(bri_plan *plan, bri_job *job, const bri_frame *f, bri_key key,
                          size_t ninputs)
{
    bri_task *t = bri_task_new(job, key, (int)f->stage->id, (int)ninputs);
    if (t == NULL)
        return NULL;
    t->argument[0] = f->chunk;
    t->argument[1] = f->step;
    plan->emitter->emitted += f->lender == 0;
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

static product product_of_step(const bri_stage *s, int64_t chunk, int64_t step, size_t bytes)
{
    product p = {s, chunk, {s->id, 0, chunk}, true, s->plan->rank, bytes, 0};
    if (s->fold == BRI_FOLD_TREE) {
        p.key.index = chunk * s->nsteps + step;
        p.final = !parent_owner(s, chunk, 0, step, &p.reader);
    } else if (s->fold == BRI_FOLD_CHAIN) {
        p.key.level = (uint32_t)step;
        p.final = step == s->nsteps - 1;
    }
    return p;
}

/* One output for each member that needs the leaf, in the order in which the task fills them. */
static br_status add_pass_outputs(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task *task)
{
    bri_made made[BRI_MOST_MEMBERS];
    int n = bri_pass_makes(f->stage, f->chunk, made);
    for (int i = 0; i < n; i++) {
        const bri_made *m = &made[i];
        product p = product_of_step(m->member, m->chunk, m->step, m->bytes);
        p.lender = f->lender;
        if (m->value)
            BRI_TRY(add_output(plan, job, task, &p));
    }
    return BR_OK;
}

/* One output for each piece that is needed. */
static br_status add_piece_outputs(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task *task)
{
    const bri_stage *pieces = f->stage->data;
    int64_t n = bri_cut_count(f->stage, f->chunk);
    for (int64_t i = 0; i < n; i++) {
        int64_t piece = bri_cut_piece(f->stage, f->chunk, i);
        size_t bytes = (size_t)bri_chunk_nelem(pieces, piece) * br_dtype_size(pieces->dtype);
        product p = product_of_step(pieces, piece, 0, bytes);
        if (bri_is_demanded(pieces, piece))
            BRI_TRY(add_output(plan, job, task, &p));
    }
    return BR_OK;
}

br_status bri_make_step(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task **out)
{
    bri_stage *s = f->stage;
    bool chained = s->fold == BRI_FOLD_CHAIN && f->step > 0;
    int local = 1;
    bri_sizes sizes;
    if (bri_is_supplied(s))
        BRI_TRY(bri_supply_owe(job, s, f->chunk, plan->emitter->ranks, &local));
    if (local == 0)
        return BR_OK;
    s->kind->sizes(s, f->chunk, f->step, &sizes);
    product p = product_of_step(s, f->chunk, f->step, sizes.output);
    p.lender = f->lender;
    bri_task *t = new_task(plan, job, f, p.key, f->needs.n + chained);
    if (t == NULL)
        return BR_ENOMEM;
    *out = t;
    t->scratch = sizes.scratch;
    t->keeps = s->kind == &bri_stage_keep && !bri_keeps_on_disk(s);
    BRI_TRY(connect_needs(plan, job, f, t));
    if (chained) {
        bri_key before = {s->id, p.key.level - 1, p.key.index};
        int last = (int)f->needs.n;
        BRI_TRY(f->lender > 0
                    ? connect_lent_input(job, t, last, before, f->lender - 1, sizes.output)
                    : connect_input(plan, job, t, last, before, plan->rank, sizes.output, NULL));
    }
    if (bri_is_pass(s))
        return add_pass_outputs(plan, job, f, t);
    if (s->kind == &bri_stage_cut)
        return add_piece_outputs(plan, job, f, t);
    return s->direct_result || (s->nconsumers == 0 && p.final) ? BR_OK
                                                               : add_output(plan, job, t, &p);
}

br_status bri_make_node(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task **out)
{
    bri_stage *s = f->stage;
    int64_t i = f->step >> f->level;
    bri_key key = {s->id, (uint32_t)f->level, f->chunk * bri_tree_width(s->nsteps, f->level) + i};
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
    product p = {s, f->chunk, key, true, plan->rank, sizes.output, 0};
    p.final = !parent_owner(s, f->chunk, f->level, i, &p.reader);
    return add_output(plan, job, t, &p);
}
