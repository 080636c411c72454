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
    int value;
    bri_node *x = stage->node->input[0];
    set_leaf_grid(stage, x->axis, x->ndim);
    BRI_TRY(bri_fuse_into(stage, x, &value));
    return bri_program_seal_reduce(stage->program, value, stage->reducing.op);
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
static br_status build(bri_plan *plan, bri_stage *stage)
{
    bri_stage *before = NULL;
    uint32_t done = 0;
    for (;;) {
        bri_stage probe = {.node = stage->node};
        set_reducing(&probe, stage->node, done);
        bool last = probe.reducing.finishes;
        bri_stage *s = last ? stage : bri_stage_new(plan, &bri_stage_reduce, stage->node);
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

/* Elements of a leaf's state: those of its box over the axes that stay. */
static int64_t state_elements(const bri_stage *stage, const bri_leaf *leaf)
{
    int64_t n = 1;
    for (int a = 0; a < stage->leaf_ndim; a++)
        n *= stage->reducing.axes >> a & 1 ? 1 : leaf->extent[a];
    return n;
}

static size_t state_bytes(const bri_stage *stage, int64_t n)
{
    return (size_t)n * bri_state_bytes(stage->reducing.op, stage->reducing.operand);
}

/* Bytes of states that a leaf has at some time: reducing an axis of extent 0 makes more of them. */
static size_t states_room(const bri_stage *stage, const bri_leaf *leaf, int except)
{
    int64_t n = 1;
    for (int a = 0; a < stage->leaf_ndim; a++)
        n *= a == except || leaf->extent[a] == 0 ? 1 : leaf->extent[a];
    return state_bytes(stage, n);
}

/* The axis the program itself reduces: the last of the stage's. */
static int program_axis(const bri_stage *stage)
{
    uint32_t axes = stage->reducing.axes;
    return axes != 0 ? 31 - __builtin_clz(axes) : -1;
}

static int64_t elements_without(const bri_leaf *box, int ndim, int axis)
{
    int64_t n = 1;
    for (int a = 0; a < ndim; a++)
        n *= a == axis ? 1 : box->extent[a];
    return n;
}

static int levels_of(int64_t n)
{
    int levels = 1;
    while (n > 1) {
        levels++;
        n = (n + 1) / 2;
    }
    return levels;
}

typedef struct leaf_layout {
    int64_t rows, nslabs;
    int64_t first_states; /* elements of state after the program */
    bool merges_slabs;    /* the program's axis is the slab axis */
} leaf_layout;

static leaf_layout layout_of(const bri_stage *stage, const bri_leaf *leaf)
{
    leaf_layout l;
    l.rows = bri_slab_rows(stage, leaf);
    l.nslabs = stage->leaf_ndim > 0 && l.rows > 0 ? (leaf->extent[0] + l.rows - 1) / l.rows : 1;
    if (l.nslabs < 1)
        l.nslabs = 1;
    l.first_states = elements_without(leaf, stage->leaf_ndim, program_axis(stage));
    l.merges_slabs = program_axis(stage) == 0 && l.nslabs > 1;
    return l;
}

typedef struct leaf_scratch {
    char *states[2]; /* the program's states, then reduced back and forth */
    char *slab;      /* of one slab, or the stack of slab states */
    size_t end;
} leaf_scratch;

static leaf_scratch take_scratch(const bri_stage *stage, const bri_leaf *leaf, bri_bump *bump)
{
    leaf_layout l = layout_of(stage, leaf);
    leaf_scratch s;
    size_t bytes = states_room(stage, leaf, program_axis(stage));
    s.states[0] = bri_bump_take(bump, bytes);
    s.states[1] = bri_bump_take(bump, bytes);
    size_t levels = l.merges_slabs ? (size_t)levels_of(l.nslabs) + 1 : 1;
    s.slab = bri_bump_take(bump, l.nslabs > 1 ? bytes * levels : 0);
    s.end = bump->used;
    return s;
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    int64_t n = state_elements(stage, &leaf);
    bool root = stage->nsteps == 1 && stage->reducing.finishes;
    sizes->output = root ? (size_t)n * br_dtype_size(stage->dtype) : state_bytes(stage, n);
    if (stage->reducing.states) {
        sizes->scratch = 2 * (states_room(stage, &leaf, -1) + 64);
        return;
    }
    take_scratch(stage, &leaf, &bump);
    bri_leaf slab = bri_slab_of(&leaf, 0, bri_slab_rows(stage, &leaf));
    bri_slab_sizes(stage, &slab, &bump);
    sizes->scratch = bump.used;
}

/* ---- leaves ---- */

/* A stack of slab states, merged as a binary counter counts: the aligned tree over slabs. */
typedef struct slab_tree {
    const bri_stage *stage;
    char *base;
    size_t bytes;
    int64_t n; /* elements of state */
    int depth;
    int level[64];
    int64_t count[64];
} slab_tree;

static char *tree_at(const slab_tree *t, int i)
{
    return t->base + (size_t)i * t->bytes;
}

static void merge_top(slab_tree *t)
{
    int i = t->depth - 2;
    bri_state_merge(t->stage->reducing.op, t->stage->reducing.operand, t->n, tree_at(t, i),
                    t->count[i], tree_at(t, i + 1), t->count[i + 1]);
    t->count[i] += t->count[i + 1];
    t->level[i]++;
    t->depth--;
}

static void push_slab(slab_tree *t, int64_t rows)
{
    t->level[t->depth] = 0;
    t->count[t->depth++] = rows;
    while (t->depth > 1 && t->level[t->depth - 1] == t->level[t->depth - 2])
        merge_top(t);
}

static br_status run_merged_slabs(bri_work *work, const bri_leaf *leaf, const leaf_scratch *s,
                                  char *state)
{
    const bri_stage *stage = work->stage;
    leaf_layout l = layout_of(stage, leaf);
    slab_tree tree = {.stage = stage,
                      .base = s->slab,
                      .bytes = state_bytes(stage, l.first_states),
                      .n = l.first_states};
    for (int64_t row = 0; row < leaf->extent[0]; row += l.rows) {
        bri_leaf slab = bri_slab_of(leaf, row, l.rows);
        bri_bump bump = {work->scratch, s->end};
        bri_box box = {.axis = 0, .state = tree_at(&tree, tree.depth)};
        BRI_TRY(bri_slab_run(work, &slab, &bump, &box));
        push_slab(&tree, slab.extent[0]);
    }
    while (tree.depth > 1)
        merge_top(&tree);
    memcpy(state, tree_at(&tree, 0), tree.bytes);
    return BR_OK;
}

/* Slabs that hold different elements of the state: each is copied to its place in every plane. */
static br_status run_placed_slabs(bri_work *work, const bri_leaf *leaf, const leaf_scratch *s,
                                  char *state)
{
    const bri_stage *stage = work->stage;
    const bri_reducing *r = &stage->reducing;
    leaf_layout l = layout_of(stage, leaf);
    int axis = program_axis(stage);
    for (int64_t row = 0; row < leaf->extent[0]; row += l.rows) {
        bri_leaf slab = bri_slab_of(leaf, row, l.rows);
        bri_bump bump = {work->scratch, s->end};
        bri_box box = {.axis = axis, .state = l.nslabs > 1 ? s->slab : state};
        BRI_TRY(bri_slab_run(work, &slab, &bump, &box));
        int64_t n = elements_without(&slab, stage->leaf_ndim, axis);
        char *to = state;
        const char *from = box.state;
        for (int plane = 0; plane < bri_state_planes(r->op) && l.nslabs > 1; plane++) {
            size_t size = br_dtype_size(bri_state_dtype(r->op, r->operand, plane));
            memcpy(to + (size_t)(l.first_states / leaf->extent[0] * row) * size, from,
                   (size_t)n * size);
            to += (size_t)l.first_states * size;
            from += (size_t)n * size;
        }
    }
    return BR_OK;
}

static br_status run_program(bri_work *work, const bri_leaf *leaf, const leaf_scratch *s,
                             char *state)
{
    const bri_stage *stage = work->stage;
    leaf_layout l = layout_of(stage, leaf);
    if (leaf->nelem == 0) {
        bri_state_empty(stage->reducing.op, stage->reducing.operand, l.first_states, state);
        return BR_OK;
    }
    if (stage->leaf_ndim > 0)
        return l.merges_slabs ? run_merged_slabs(work, leaf, s, state)
                              : run_placed_slabs(work, leaf, s, state);
    bri_bump bump = {work->scratch, s->end};
    bri_box box = {.axis = -1, .state = state};
    return bri_slab_run(work, leaf, &bump, &box);
}

/* Reduces states along the stage's axes below `from`, the last first; box is what the states stand
 * over, `each` elements apiece.
 * Returns where the result is. */
static char *reduce_axes(const bri_stage *stage, bri_leaf *box, int from, int64_t each, char *state,
                         char *other)
{
    const bri_reducing *r = &stage->reducing;
    for (int a = from; a >= 0; a--) {
        if (!(r->axes >> a & 1))
            continue;
        int64_t outer = 1;
        int64_t inner = 1;
        for (int b = 0; b < stage->leaf_ndim; b++)
            *(b < a ? &outer : &inner) *= b == a ? 1 : box->extent[b];
        if (box->extent[a] == 0)
            bri_state_empty(r->op, r->operand, outer * inner, other);
        else
            bri_state_reduce(r->op, r->operand, outer, box->extent[a], inner, each, state, other);
        each *= box->extent[a];
        box->extent[a] = 1;
        char *swap = state;
        state = other;
        other = swap;
    }
    return state;
}

/* Writes a leaf's or the root's state to the task's output, as results when the stage is at its
 * end. */
static void deliver(bri_work *work, int64_t n, const char *state, bool root)
{
    const bri_reducing *r = &work->stage->reducing;
    void *out = work->task->output->data;
    if (root && r->finishes)
        bri_state_finish(r->op, r->operand, n, state, r->total, r->correction, r->result, out);
    else
        memcpy(out, state, state_bytes(work->stage, n));
}

static br_status execute_leaf(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_reducing *r = &stage->reducing;
    bri_leaf leaf;
    bri_leaf box;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    box = leaf;
    char *state;
    if (r->states) {
        bri_bump bump = {work->scratch, 0};
        char *a = bri_bump_take(&bump, states_room(stage, &leaf, -1));
        char *b = bri_bump_take(&bump, states_room(stage, &leaf, -1));
        if (leaf.nelem > 0)
            memcpy(a, work->task->inputs[0].value->data, state_bytes(stage, leaf.nelem));
        state = reduce_axes(stage, &box, stage->leaf_ndim - 1, r->each, a, b);
    } else {
        bri_bump bump = {work->scratch, 0};
        leaf_scratch s = take_scratch(stage, &leaf, &bump);
        int axis = program_axis(stage);
        BRI_TRY(run_program(work, &leaf, &s, s.states[0]));
        int64_t each = axis >= 0 ? leaf.extent[axis] : 1;
        if (axis >= 0)
            box.extent[axis] = 1;
        state = reduce_axes(stage, &box, axis - 1, each, s.states[0], s.states[1]);
    }
    deliver(work, state_elements(stage, &leaf), state, stage->nsteps == 1);
    return BR_OK;
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
    int64_t n = state_elements(stage, &leaf);
    int64_t middle = (2 * i + 1) << (level - 1);
    /* This task is the only reader of both. */
    void *left = task->inputs[0].value->data;
    bri_state_merge(r->op, r->operand, n, left, leaves_count(stage, i << level, middle),
                    task->inputs[1].value->data, leaves_count(stage, middle, (i + 1) << level));
    bool root = level == bri_tree_top(stage->nsteps);
    if (!(root && r->finishes) && bri_task_steal(work->job, task, 0))
        return BR_OK;
    deliver(work, n, left, root);
    return BR_OK;
}

static br_status execute(bri_work *work)
{
    return work->task->key.level == 0 ? execute_leaf(work) : execute_node(work);
}

static void node_sizes(const bri_stage *stage, int64_t chunk, int level, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_leaf_box(stage, chunk, 0, &leaf);
    int64_t n = state_elements(stage, &leaf);
    bool finished = stage->reducing.finishes && level == bri_tree_top(stage->nsteps);
    sizes->output = finished ? (size_t)n * br_dtype_size(stage->dtype) : state_bytes(stage, n);
    sizes->scratch = 0;
}

const bri_stage_kind bri_stage_reduce = {
    .name = "reduce", .build = build, .sizes = sizes, .node_sizes = node_sizes, .execute = execute};
