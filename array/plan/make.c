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
#include "runtime/alloc.h"

/* ---- what a task takes ---- */

/* The bytes of the last step and of the last chunk's nodes. Of an array of very many tiny chunks
 * working them out is most of what emission does, and nearly all tasks take the same. */
typedef struct bri_memo {
    int64_t extent[BR_MAX_NDIM]; /* of the step's leaf; the first is -1 before any */
    bri_sizes step;
    int64_t chunk; /* of the nodes, or -1 */
    bri_sizes node, root;
} bri_memo;

/* Is the input at hand in one place for each leaf? */
static bool lies_under_leaves(const bri_stage *stage, const bri_input *input)
{
    if (input->from != BRI_FROM_STAGE || input->halo != NULL || input->span.to > 0 ||
        input->stage->ndim != stage->leaf_ndim || bri_map_has_windows(&input->map))
        return false;
    for (int a = 0; a < stage->leaf_ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        if (m->axis != a || m->start != 0 || m->step != 1 ||
            !bri_axis_equal(&input->stage->axis[a], &stage->leaf_axis[a]))
            return false;
    }
    return true;
}

br_status bri_memo_new(bri_stage *stage)
{
    bri_free(stage->memo);
    stage->memo = NULL;
    if (stage->kind != &bri_stage_program && stage->kind != &bri_stage_reduce)
        return BR_OK;
    for (int i = 0; i < stage->ninputs; i++)
        if (!lies_under_leaves(stage, &stage->inputs[i]))
            return BR_OK;
    stage->memo = bri_calloc(1, sizeof *stage->memo);
    if (stage->memo == NULL)
        return BR_ENOMEM;
    stage->memo->extent[0] = -1;
    stage->memo->chunk = -1;
    return BR_OK;
}

static void step_sizes(const bri_stage *s, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_memo *memo = s->memo;
    int64_t coord[BR_MAX_NDIM];
    if (memo == NULL) {
        s->kind->sizes(s, chunk, step, sizes);
        return;
    }
    bri_leaf_coords(s, chunk, step, coord);
    bool same = memo->extent[0] >= 0;
    for (int a = 0; a < s->leaf_ndim; a++) {
        int64_t extent = bri_axis_count(&s->leaf_axis[a], coord[a]);
        same = same && memo->extent[a] == extent;
        memo->extent[a] = extent;
    }
    if (!same)
        s->kind->sizes(s, chunk, step, &memo->step);
    if (s->leaf_ndim == 0)
        memo->extent[0] = 1;
    *sizes = memo->step;
}

/* All nodes of a chunk's tree but the root are alike. Lent ones are in a job with a lock of its
 * own. */
static void node_sizes(const bri_frame *f, int level, bri_sizes *sizes)
{
    const bri_stage *s = f->stage;
    int64_t chunk = f->chunk;
    bri_memo *memo = f->lender > 0 ? NULL : s->memo;
    int top = bri_tree_top(s->nsteps);
    if (memo == NULL) {
        s->kind->node_sizes(s, chunk, level, sizes);
        return;
    }
    if (memo->chunk != chunk) {
        s->kind->node_sizes(s, chunk, top, &memo->root);
        s->kind->node_sizes(s, chunk, top - 1, &memo->node);
        memo->chunk = chunk;
    }
    *sizes = level == top ? memo->root : memo->node;
}

/* ---- values ---- */

/* A value that a task makes. Who reads it follows from its place in the tree or from the readers of
 * the whole chunk. */
typedef struct product {
    const bri_stage *stage;
    int64_t chunk;
    bri_key key;
    bool final; /* the chunk is complete with it */
    int reader; /* else the rank that goes on with it */
    size_t bytes;
    int lender;  /* as in frame: then it goes there, */
    bool inside; /*  or to the one task that reads it */
} product;

/* v is NULL without memory. */
static br_status append_output(bri_task *task, bri_value *v)
{
    bri_value **last = &task->output;
    if (v == NULL)
        return BR_ENOMEM;
    while (*last != NULL)
        last = &(*last)->next_output;
    *last = v;
    return BR_OK;
}

static br_status add_lent_output(bri_job *job, bri_task *task, const product *p)
{
    bri_value *v = bri_value_new(job, p->key, p->bytes, p->inside);
    BRI_TRY(append_output(task, v));
    return p->inside ? BR_OK : bri_value_destination(v, p->lender - 1);
}

static br_status add_output(bri_plan *plan, bri_job *job, bri_task *task, const product *p)
{
    int local = 0;
    if (p->lender > 0)
        return add_lent_output(job, task, p);
    if (plan->nranks == 1 && !p->final)
        return append_output(task, bri_value_new(job, p->key, p->bytes, 1));
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
    BRI_TRY(append_output(task, v));
    for (int r = 0; r < plan->nranks; r++)
        if (plan->emitter->ranks[r])
            BRI_TRY(bri_value_destination(v, r));
    return BR_OK;
}

/* A task's input that this rank has made or asked for already. */
static bool connect_known(bri_job *job, bri_task *task, int i, bri_key key)
{
    bri_value *v = bri_value_find(job, key);
    if (v != NULL)
        bri_task_input(task, i, v);
    return v != NULL;
}

/* One that another rank has, and that so many tasks here read; `route` becomes the value's. */
typedef struct foreign {
    bri_key key;
    int owner;
    size_t bytes;
    int readers;
    bri_route *route;
    const int64_t *chunk; /* of a node of a tree, that of the result; or NULL */
} foreign;

static br_status connect_expected(bri_job *job, bri_task *task, int i, const foreign *f)
{
    bri_value *v = bri_value_new(job, f->key, f->bytes, f->readers);
    if (v == NULL) {
        bri_free(f->route);
        return BR_ENOMEM;
    }
    v->owner = f->owner;
    v->route = f->route;
    if (f->chunk != NULL)
        bri_value_expect_bundled(job, v, *f->chunk);
    else
        bri_value_expect(job, v);
    bri_task_input(task, i, v);
    return BR_OK;
}

/* An input of a task that was lent: its lender has it, whoever made it, or a task makes it that was
 * lent, too. What several of them read is wanted once; none begins before all are made. */
static br_status connect_lent_input(bri_job *job, bri_task *task, int i, bri_key key, int lender,
                                    size_t bytes)
{
    bri_value *v = bri_value_find(job, key);
    if (v == NULL)
        return connect_expected(job, task, i, &(foreign){key, lender, bytes, 1, NULL, NULL});
    if (v->owner == lender)
        atomic_fetch_add_explicit(&v->readers, 1, memory_order_relaxed);
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

static br_status connect_need(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task *task,
                              int i)
{
    const bri_need *n = &f->needs.need[i];
    foreign v = {.key = bri_stage_key(n->stage, n->chunk),
                 .owner = bri_value_owner(n->stage, n->chunk)};
    if (f->lender > 0)
        return connect_lent_input(job, task, i, v.key, f->lender - 1,
                                  final_bytes(n->stage, n->chunk));
    if (connect_known(job, task, i, v.key))
        return BR_OK;
    BRI_ASSERT(v.owner != plan->rank);
    BRI_TRY(bri_count_readers(n->stage, n->chunk, &v.readers, plan->emitter->ranks));
    v.bytes = final_bytes(n->stage, n->chunk);
    if (!job->dry)
        BRI_TRY(bri_route_new(plan->ctx, v.owner, plan->emitter->ranks, &v.route));
    return connect_expected(job, task, i, &v);
}

/* What a chain's step goes on with: of the step before it, on this rank. */
static br_status connect_chain(bri_job *job, const bri_frame *f, bri_task *task, size_t bytes)
{
    int last = (int)f->needs.n;
    bri_key before = {task->key.stage, task->key.level - 1, task->key.index};
    if (f->lender > 0)
        return connect_lent_input(job, task, last, before, f->lender - 1, bytes);
    return connect_known(job, task, last, before)
               ? BR_OK
               : bri_error(BR_EINTERNAL, "a chain's last step is not there");
}

static bri_task *new_task(bri_job *job, const bri_frame *f, bri_key key, size_t ninputs)
{
    bri_task *t = bri_task_new(job, key, (int)f->stage->id, (int)ninputs);
    if (t == NULL)
        return NULL;
    t->argument[0] = f->chunk;
    t->argument[1] = f->step;
    return t;
}

/* The rank of the node above (level, i), and whether there is one. */
static bool parent_owner(const bri_stage *stage, int64_t chunk, int level, int64_t i, int *owner)
{
    int top = bri_tree_top(stage->nsteps);
    if (level == top)
        return false;
    if (stage->plan->nranks == 1) {
        *owner = 0;
        return true;
    }
    do {
        level++;
        i >>= 1;
    } while (!bri_tree_real(stage->nsteps, level, i));
    *owner = bri_stage_owner(stage, chunk, i << level);
    return true;
}

static product product_of_step(const bri_stage *s, int64_t chunk, int64_t step, size_t bytes)
{
    product p = {s, chunk, {s->id, 0, chunk}, true, s->plan->rank, bytes, 0, false};
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
        p.inside = f->inside;
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
        p.lender = f->lender;
        p.inside = f->inside;
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
    if (f->lender > 0) /* in a job with a lock of its own */
        s->kind->sizes(s, f->chunk, f->step, &sizes);
    else
        step_sizes(s, f->chunk, f->step, &sizes);
    product p = product_of_step(s, f->chunk, f->step, sizes.output);
    p.lender = f->lender;
    p.inside = f->inside;
    bri_task *t = new_task(job, f, p.key, f->needs.n + chained);
    if (t == NULL)
        return BR_ENOMEM;
    *out = t;
    t->scratch = sizes.scratch;
    t->keeps = s->kind == &bri_stage_keep && !bri_keeps_on_disk(s);
    for (int i = 0; i < (int)f->needs.n; i++)
        BRI_TRY(connect_need(plan, job, f, t, i));
    if (chained)
        BRI_TRY(connect_chain(job, f, t, sizes.output));
    if (bri_is_pass(s))
        return add_pass_outputs(plan, job, f, t);
    if (s->kind == &bri_stage_cut)
        return add_piece_outputs(plan, job, f, t);
    return s->direct_result || (s->nconsumers == 0 && p.final) ? BR_OK
                                                               : add_output(plan, job, t, &p);
}

static br_status connect_child(bri_job *job, const bri_frame *f, bri_task *task, int side)
{
    const bri_stage *s = f->stage;
    bri_sizes sizes;
    int level = f->level - 1;
    int64_t child = 2 * (f->step >> f->level) + side;
    bri_tree_normalise(s->nsteps, &level, &child);
    bri_key key = {s->id, (uint32_t)level, f->chunk * bri_tree_width(s->nsteps, level) + child};
    if (f->lender == 0 && connect_known(job, task, side, key))
        return BR_OK;
    node_sizes(f, level, &sizes);
    if (f->lender > 0)
        return connect_lent_input(job, task, side, key, f->lender - 1, sizes.output);
    int owner = bri_stage_owner(s, f->chunk, child << level);
    foreign v = {key, owner, sizes.output, 1, NULL, &f->chunk};
    return connect_expected(job, task, side, &v);
}

br_status bri_make_node(bri_plan *plan, bri_job *job, const bri_frame *f, bri_task **out)
{
    bri_stage *s = f->stage;
    int64_t i = f->step >> f->level;
    bri_key key = {s->id, (uint32_t)f->level, f->chunk * bri_tree_width(s->nsteps, f->level) + i};
    bri_sizes sizes;
    bri_task *t = new_task(job, f, key, 2);
    if (t == NULL)
        return BR_ENOMEM;
    *out = t;
    t->argument[1] = i;
    node_sizes(f, f->level, &sizes);
    t->scratch = sizes.scratch;
    for (int side = 0; side < 2; side++)
        BRI_TRY(connect_child(job, f, t, side));
    product p = {s, f->chunk, key, true, plan->rank, sizes.output, f->lender, f->inside};
    p.final = !parent_owner(s, f->chunk, f->level, i, &p.reader);
    if (f->lender == 0 && (p.final || p.reader != plan->rank)) /* others wait for it */
        bri_bundles_close(job, s->id, f->chunk);
    return add_output(plan, job, t, &p);
}
