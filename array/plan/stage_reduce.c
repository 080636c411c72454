/* SPDX-License-Identifier: BSD-3-Clause
 * stage_reduce.c - reductions: a chain of stages, each reducing the last axes that are left, up to
 * one that is cut into chunks.
 *
 * The value of a reduction is defined axis by axis from the last listed one to the first, along
 * each by blocks and the aligned tree (program.h). Where only the first of some trailing axes is
 * cut, one leaf reduces all of them within its chunk, and the tree over chunks continues the tree
 * over blocks; the axes before it are the next stage's, which reads states.
 */
#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/reduce_leaf.h"
#include "array/plan/slab.h"
#include "array/plan/stage.h"

/* ---- building ---- */

/* The axes of `left` that one stage reduces: from the last one backwards, up to and with the first
 * that is cut. */
static uint32_t axes_of_stage(const bri_axis *axis, int ndim, uint32_t left)
{
    uint32_t mine = 0;
    for (int a = ndim - 1; a >= 0; a--) {
        if (!(left >> a & 1))
            continue;
        mine |= 1u << a;
        if (axis[a].nchunks > 1)
            break;
    }
    return mine;
}

static int first_axis(uint32_t axes)
{
    return axes != 0 ? __builtin_ctz(axes) : 0;
}

/* The value's grid: the leaf grid with the reduced axes at extent 1, or the node's own when it
 * finishes. */
static void set_value_grid(bri_stage *stage)
{
    const bri_reducing *r = &stage->reducing;
    if (r->finishes) {
        stage->ndim = stage->node->ndim;
        for (int a = 0; a < stage->ndim; a++)
            stage->axis[a] = bri_axis_share(&stage->node->axis[a]);
        stage->dtype = stage->node->dtype;
        return;
    }
    stage->ndim = stage->leaf_ndim;
    for (int a = 0; a < stage->ndim; a++)
        stage->axis[a] =
            r->axes >> a & 1 ? bri_axis_regular(1, 1) : bri_axis_share(&stage->leaf_axis[a]);
}

static void set_leaf_grid(bri_stage *stage, const bri_axis *axis, int ndim)
{
    stage->leaf_ndim = ndim;
    for (int a = 0; a < ndim; a++)
        stage->leaf_axis[a] = bri_axis_share(&axis[a]);
}

/* Reductions over no axes still go through states: fold over an axis of extent 1 is not needed
 * then. */
static void set_fold(bri_stage *stage)
{
    stage->fold = stage->reducing.axes != 0 ? BRI_FOLD_TREE : BRI_FOLD_NONE;
    stage->fold_axis = first_axis(stage->reducing.axes);
}

static int64_t elements(const bri_axis *axis, int ndim, uint32_t axes)
{
    int64_t n = 1;
    for (int a = 0; a < ndim; a++)
        if (axes >> a & 1)
            n *= axis[a].extent;
    return n;
}

static void set_reducing(bri_stage *stage, const bri_node *node, uint32_t done)
{
    const bri_reduce_params *p = node->params;
    const bri_node *x = node->input[0];
    bri_reducing *r = &stage->reducing;
    r->op = (bri_redop)p->redop;
    r->operand = x->dtype;
    r->result = (br_dtype)p->dtype;
    r->correction = p->correction;
    r->axes = axes_of_stage(x->axis, x->ndim, p->axes & ~done);
    r->states = done != 0;
    r->each = elements(x->axis, x->ndim, done);
    r->total = elements(x->axis, x->ndim, p->axes);
    r->finishes = (r->axes | done) == p->axes;
    stage->dtype = bri_state_dtype(r->op, r->operand, 0);
    set_fold(stage);
}

static br_status build_program(bri_stage *stage)
{
    bri_node *x = stage->node->input[0];
    if (stage->reducing.axes == 0 && x->ndim == BR_MAX_NDIM)
        return bri_error(BR_EUNSUPPORTED, "a reduction over no axes takes at most %d dimensions",
                         BR_MAX_NDIM - 1);
    set_leaf_grid(stage, x->axis, x->ndim);
    BRI_TRY(bri_fuse_into(stage, x, &stage->result));
    /* Built-in reductions are sealed when all stages are there: share.c. */
    return stage->kind == &bri_stage_reduction
               ? bri_program_seal_store(stage->program, stage->result)
               : BR_OK;
}

static br_status build_states(bri_stage *stage, bri_stage *before)
{
    int index;
    set_leaf_grid(stage, before->axis, before->ndim);
    bri_input input = {.from = BRI_FROM_STAGE,
                       .stage = before,
                       .node = stage->node,
                       .map = bri_map_identity(before->ndim)};
    return bri_stage_add_input(stage, &input, &index);
}

/* Builds the stages before the last one; the caller finishes the last, which is `stage`. */
br_status bri_reduce_build(bri_plan *plan, bri_stage *stage)
{
    bri_stage *before = NULL;
    uint32_t done = 0;
    for (;;) {
        bri_stage probe = {.node = stage->node};
        set_reducing(&probe, stage->node, done);
        bool last = probe.reducing.finishes;
        bri_stage *s = last ? stage : bri_stage_new(plan, stage->kind, stage->node);
        if (s == NULL)
            return BR_ENOMEM;
        s->reducing = probe.reducing;
        s->dtype = probe.dtype;
        s->fold = probe.fold;
        s->fold_axis = probe.fold_axis;
        br_status st = before == NULL ? build_program(s) : build_states(s, before);
        if (st == BR_OK)
            set_value_grid(s);
        if (last)
            return st;
        BRI_TRY(bri_stage_finish(plan, s, st));
        done |= s->reducing.axes;
        before = s;
    }
}

/* ---- sizes ---- */

bool bri_reduce_leaf_is_all(const bri_stage *stage)
{
    return stage->nsteps == 1 && stage->reducing.finishes;
}

size_t bri_reduce_leaf_bytes(const bri_stage *stage, const bri_leaf *leaf)
{
    int64_t n = bri_state_elements(stage, leaf);
    return bri_reduce_leaf_is_all(stage) ? (size_t)n * br_dtype_size(stage->dtype)
                                         : bri_states_bytes(stage, n);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_reduce_leaf r;
    bri_leaf_box(stage, chunk, step, &leaf);
    sizes->output = bri_reduce_leaf_bytes(stage, &leaf);
    sizes->scratch = 0;
    if (stage->pass != NULL)
        return;
    if (stage->reducing.states) {
        sizes->scratch = 2 * (bri_states_room(stage, &leaf, -1) + 64);
        return;
    }
    bri_slabs slabs = bri_slabs_of(stage, &leaf);
    bri_reduce_leaf_start(&r, stage, stage->reducing.op, &leaf, &slabs, &bump);
    bri_slab_sizes(stage, &leaf, &slabs, &bump);
    sizes->scratch = bump.used;
}

/* ---- leaves ---- */

br_status bri_reduce_deliver(const bri_stage *stage, int64_t n, const char *state, bool root,
                             void *out)
{
    const bri_reducing *r = &stage->reducing;
    if (root && r->finishes)
        return bri_state_finish(r->op, r->operand, n, state, r->total, r->correction, r->result,
                                out);
    if (state != out)
        memcpy(out, state, bri_states_bytes(stage, n));
    return BR_OK;
}

/* States of the stage before, reduced further. */
static const char *reduce_states(bri_work *work, const bri_leaf *leaf)
{
    const bri_stage *stage = work->stage;
    bri_leaf box = *leaf;
    bri_bump bump = {work->scratch, 0};
    size_t room = bri_states_room(stage, leaf, -1);
    char *a = bri_bump_take(&bump, room);
    char *b = bri_bump_take(&bump, room);
    if (leaf->nelem > 0)
        memcpy(a, work->task->inputs[0].value->data, bri_states_bytes(stage, leaf->nelem));
    return bri_reduce_states(stage, stage->reducing.op, &box, stage->leaf_ndim - 1,
                             stage->reducing.each, a, b);
}

static br_status reduce_elements(bri_work *work, const bri_leaf *leaf, const char **state)
{
    const bri_stage *stage = work->stage;
    bri_reduce_leaf r;
    bri_leaf room;
    bri_box box;
    bri_bump bump = {work->scratch, 0};
    bri_slabs slabs = bri_slabs_of(stage, leaf);
    work->holds = true;
    box.out.base = NULL;
    bri_reduce_leaf_start(&r, stage, stage->reducing.op, leaf, &slabs, &bump);
    if (!bri_reduce_leaf_is_all(stage))
        bri_reduce_leaf_into(&r, 0, r.op, work->task->output->data);
    size_t used = bump.used;
    for (int64_t i = 0; i < slabs.n && leaf->nelem > 0; i++) {
        bump.used = used;
        BRI_TRY(bri_slab_load(work, bri_slab_in(leaf, &slabs, i, &room), &bump, &box));
        bri_reduce_leaf_slab(&r, stage->program, &box);
    }
    bri_reduce_leaf_end(&r);
    *state = r.home[0];
    return BR_OK;
}

static br_status execute_leaf(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const char *state;
    bri_leaf leaf;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    if (stage->reducing.states)
        state = reduce_states(work, &leaf);
    else
        BRI_TRY(reduce_elements(work, &leaf, &state));
    return bri_reduce_deliver(stage, bri_state_elements(stage, &leaf), state, stage->nsteps == 1,
                              work->task->output->data);
}

/* ---- nodes of the tree ---- */

static int64_t leaves_count(const bri_stage *stage, int64_t from, int64_t to)
{
    const bri_reducing *r = &stage->reducing;
    const bri_axis *axis = &stage->leaf_axis[stage->fold_axis];
    if (to > stage->nsteps)
        to = stage->nsteps;
    int64_t n = bri_axis_start(axis, to) - bri_axis_start(axis, from);
    return n * r->each *
           elements(stage->leaf_axis, stage->leaf_ndim, r->axes & ~(1u << stage->fold_axis));
}

static br_status execute_node(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_reducing *r = &stage->reducing;
    bri_task *task = work->task;
    int level = (int)task->key.level;
    int64_t i = work->step;
    bri_leaf leaf;
    bri_leaf_box(stage, work->chunk, 0, &leaf);
    int64_t n = bri_state_elements(stage, &leaf);
    int64_t middle = (2 * i + 1) << (level - 1);
    /* This task is the only reader of both. */
    void *left = task->inputs[0].value->data;
    bri_state_merge(r->op, r->operand, n, left, leaves_count(stage, i << level, middle),
                    task->inputs[1].value->data, leaves_count(stage, middle, (i + 1) << level));
    bool root = level == bri_tree_top(stage->nsteps);
    if (!(root && r->finishes) && bri_task_steal(work->job, task, 0))
        return BR_OK;
    return bri_reduce_deliver(stage, n, left, root, task->output->data);
}

static br_status execute(bri_work *work)
{
    return work->task->key.level == 0 ? execute_leaf(work) : execute_node(work);
}

static void node_sizes(const bri_stage *stage, int64_t chunk, int level, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_leaf_box(stage, chunk, 0, &leaf);
    int64_t n = bri_state_elements(stage, &leaf);
    bool finished = stage->reducing.finishes && level == bri_tree_top(stage->nsteps);
    sizes->output = finished ? (size_t)n * br_dtype_size(stage->dtype) : bri_states_bytes(stage, n);
    sizes->scratch = 0;
}

const bri_stage_kind bri_stage_reduce = {.name = "reduce",
                                         .build = bri_reduce_build,
                                         .sizes = sizes,
                                         .node_sizes = node_sizes,
                                         .execute = execute};
