/* SPDX-License-Identifier: BSD-3-Clause
 * stage_reduction.c - reductions by functions of the user's: the stages and trees of the built-in
 * ones, on states that stand one after the other.
 *
 * A leaf makes the elements of a tile at a time by its block program, turned so that the elements
 * of one result lie side by side, and hands them over run by run. What a run is follows from the
 * leaf's extents alone, never from how the leaf is read.
 */
#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/slab.h"
#include "array/plan/stage.h"

enum {
    RUN = 512,    /* elements that accumulate gets at most */
    TILE = 8192,  /* elements made at a time: with what they are made of they stay in the cache */
    ALIGNED = 16, /* states */
};

static const bri_reduction_params *params_of(const bri_stage *stage)
{
    return stage->node->params;
}

static const void *data_of(const bri_reduction_params *p)
{
    return p->data_bytes > 0 ? p->data : p->pointer;
}

static size_t state_stride(const bri_stage *stage)
{
    return (params_of(stage)->state_bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
}

static br_status check(int code, bri_function fn)
{
    return code == 0 ? BR_OK : bri_user_error(fn, code);
}

/* ---- boxes ---- */

static uint32_t kept_axes(const bri_stage *stage)
{
    return ~stage->reducing.axes;
}

static int64_t count(const int64_t *extent, int ndim, uint32_t axes)
{
    int64_t n = 1;
    for (int a = 0; a < ndim; a++)
        n *= axes >> a & 1 ? extent[a] : 1;
    return n;
}

static int64_t linear(const int64_t *idx, const int64_t *extent, int ndim, uint32_t axes)
{
    int64_t at = 0;
    for (int a = 0; a < ndim; a++)
        if (axes >> a & 1)
            at = at * extent[a] + idx[a];
    return at;
}

/* Steps idx along some axes in C order, by step[a] along axis a; false after the last. */
static bool next(int64_t *idx, const int64_t *step, const int64_t *extent, int ndim, uint32_t axes)
{
    for (int a = ndim - 1; a >= 0; a--) {
        if (!(axes >> a & 1))
            continue;
        idx[a] += step[a];
        if (idx[a] < extent[a])
            return true;
        idx[a] = 0;
    }
    return false;
}

/* Elements of a leaf's result. */
static int64_t results_of(const bri_stage *stage, const bri_leaf *leaf)
{
    return count(leaf->extent, stage->leaf_ndim, kept_axes(stage));
}

/* ---- tiles ---- */

/* Takes as many whole axes from the last backwards as `room` elements hold, then the largest power
 * of two along the next: slabs have powers of two of rows, so their edges cut no run. */
static int64_t take_axes(const bri_leaf *leaf, int ndim, uint32_t axes, int64_t room, int64_t *step)
{
    int64_t taken = 1;
    for (int a = ndim - 1; a >= 0; a--) {
        if (!(axes >> a & 1))
            continue;
        step[a] = leaf->extent[a] > 0 ? leaf->extent[a] : 1;
        if (step[a] > room)
            for (step[a] = 1; 2 * step[a] <= room;)
                step[a] *= 2;
        room = step[a] == leaf->extent[a] ? room / step[a] : 1;
        taken *= step[a];
    }
    return taken;
}

/* The extents of a tile: one run along the reduced axes for some results. */
static void tile_steps(const bri_stage *stage, const bri_leaf *leaf, int64_t *step)
{
    int64_t run = take_axes(leaf, stage->leaf_ndim, stage->reducing.axes, RUN, step);
    take_axes(leaf, stage->leaf_ndim, kept_axes(stage), TILE / run, step);
}

/* Rows of a slab: whole runs of them when the first axis is reduced. */
static int64_t slab_rows(const bri_stage *stage, const bri_leaf *leaf, const int64_t *step)
{
    int64_t rows = bri_slab_rows(stage, leaf);
    if (stage->leaf_ndim == 0 || !(stage->reducing.axes & 1) || rows >= step[0])
        return rows;
    return step[0];
}

/* ---- leaves that read elements ---- */

typedef struct leaf_run {
    bri_work *work;
    const bri_stage *stage;
    bri_leaf leaf;
    int64_t first_row; /* of the slab in the leaf */
    bri_leaf slab;
    int64_t step[BR_MAX_NDIM];
    int64_t idx[BR_MAX_NDIM]; /* of the tile in the slab */
    bri_view *views, *tile_views;
    void *scratch;
    char *elements;
    char *states;
} leaf_run;

/* Hands the tile's runs over, one for each of its results. */
static br_status accumulate(const leaf_run *r, const bri_box *box)
{
    const bri_stage *stage = r->stage;
    const bri_reduction_params *p = params_of(stage);
    const br_dtype dtype = stage->reducing.operand;
    const int ndim = stage->leaf_ndim;
    const uint32_t kept = kept_axes(stage);
    const int64_t n = count(box->extent, ndim, stage->reducing.axes);
    const size_t stride = state_stride(stage);
    const char *elements = r->elements;
    int64_t ones[BR_MAX_NDIM];
    int64_t in_tile[BR_MAX_NDIM] = {0};
    for (int a = 0; a < ndim; a++)
        ones[a] = 1;
    do {
        int64_t at[BR_MAX_NDIM];
        for (int a = 0; a < ndim; a++)
            at[a] = r->idx[a] + in_tile[a] + (a == 0 ? r->first_row : 0);
        char *state = r->states + (size_t)linear(at, r->leaf.extent, ndim, kept) * stride;
        BRI_TRY(check(p->accumulate(state, elements, dtype, n, data_of(p)),
                      (bri_function)p->accumulate));
        elements += (size_t)n * br_dtype_size(dtype);
    } while (next(in_tile, ones, box->extent, ndim, kept));
    return BR_OK;
}

/* Elements go to C order of the kept axes, then of the reduced ones. */
static void set_output(const leaf_run *r, bri_box *box)
{
    const bri_stage *stage = r->stage;
    int64_t stride = (int64_t)br_dtype_size(stage->reducing.operand);
    box->out.base = r->elements;
    for (int kept = 0; kept < 2; kept++)
        for (int a = box->ndim - 1; a >= 0; a--) {
            if ((stage->reducing.axes >> a & 1) == (uint32_t)kept)
                continue;
            box->out.stride[a] = stride;
            stride *= box->extent[a];
        }
}

static br_status run_tile(const leaf_run *r)
{
    const bri_stage *stage = r->stage;
    bri_box box = {.ndim = stage->leaf_ndim, .inputs = r->tile_views, .scratch = r->scratch};
    memcpy(r->tile_views, r->views, (size_t)stage->ninputs * sizeof *r->views);
    for (int a = 0; a < box.ndim; a++) {
        int64_t left = r->slab.extent[a] - r->idx[a];
        box.extent[a] = left < r->step[a] ? left : r->step[a];
        box.origin[a] = r->slab.origin[a] + r->idx[a];
        for (int i = 0; i < stage->ninputs; i++)
            r->tile_views[i].base += r->idx[a] * r->views[i].stride[a];
    }
    set_output(r, &box);
    bri_program_run(stage->program, &box);
    return accumulate(r, &box);
}

/* For some results after the other all of their runs, in order. */
static br_status run_tiles(leaf_run *r)
{
    const int ndim = r->stage->leaf_ndim;
    const uint32_t kept = kept_axes(r->stage);
    const uint32_t reduced = r->stage->reducing.axes;
    memset(r->idx, 0, sizeof r->idx);
    do {
        do
            BRI_TRY(run_tile(r));
        while (next(r->idx, r->step, r->slab.extent, ndim, reduced));
    } while (next(r->idx, r->step, r->slab.extent, ndim, kept));
    return BR_OK;
}

static br_status run_slab(leaf_run *r, bri_bump bump)
{
    const bri_stage *stage = r->stage;
    size_t bytes = (size_t)stage->ninputs * sizeof(bri_view);
    r->scratch = bri_bump_take(&bump, bri_program_scratch(stage->program));
    r->views = bri_bump_take(&bump, bytes);
    r->tile_views = bri_bump_take(&bump, bytes);
    r->elements = bri_bump_take(&bump, TILE * br_dtype_size(stage->reducing.operand));
    for (int i = 0; i < stage->ninputs; i++)
        BRI_TRY(bri_load(r->work, i, &r->slab, &bump, &r->views[i]));
    return run_tiles(r);
}

static br_status read_elements(bri_work *work, const bri_leaf *leaf, bri_bump bump, char *states)
{
    leaf_run r = {.work = work, .stage = work->stage, .leaf = *leaf, .states = states};
    if (leaf->nelem == 0)
        return BR_OK;
    tile_steps(r.stage, leaf, r.step);
    int64_t rows = slab_rows(r.stage, leaf, r.step);
    for (r.first_row = 0; r.first_row < leaf->extent[0]; r.first_row += rows) {
        r.slab = bri_slab_of(leaf, r.first_row, rows);
        BRI_TRY(run_slab(&r, bump));
    }
    return BR_OK;
}

/* ---- leaves that read states ---- */

/* left := left and right. All states are of no elements, and nothing is merged, when some reduced
 * axis is empty. */
static br_status merge(const bri_stage *stage, char *left, const char *right)
{
    const bri_reduction_params *p = params_of(stage);
    if (stage->reducing.total == 0)
        return BR_OK;
    return check(p->merge(left, right, data_of(p)), (bri_function)p->merge);
}

/* n states into the first by the aligned tree. */
static br_status merge_all(const bri_stage *stage, int64_t n, char *states)
{
    const int64_t stride = (int64_t)state_stride(stage);
    for (int64_t step = 1; step < n; step *= 2)
        for (int64_t i = 0; i + step < n; i += 2 * step)
            BRI_TRY(merge(stage, states + i * stride, states + (i + step) * stride));
    return BR_OK;
}

/* The states of one result, in C order of the reduced axes. */
static void gather_states(const bri_stage *stage, const bri_leaf *leaf, int64_t *idx,
                          const char *from, char *to)
{
    const size_t stride = state_stride(stage);
    int64_t ones[BR_MAX_NDIM];
    for (int a = 0; a < stage->leaf_ndim; a++)
        ones[a] = 1;
    do {
        memcpy(to, from + (size_t)linear(idx, leaf->extent, stage->leaf_ndim, UINT32_MAX) * stride,
               stride);
        to += stride;
    } while (next(idx, ones, leaf->extent, stage->leaf_ndim, stage->reducing.axes));
}

static int64_t states_of_result(const bri_stage *stage, const bri_leaf *leaf)
{
    return count(leaf->extent, stage->leaf_ndim, stage->reducing.axes);
}

static br_status read_states(bri_work *work, const bri_leaf *leaf, bri_bump bump, char *states)
{
    const bri_stage *stage = work->stage;
    const int64_t n = states_of_result(stage, leaf);
    const size_t stride = state_stride(stage);
    char *all = bri_bump_take(&bump, (size_t)n * stride);
    int64_t ones[BR_MAX_NDIM];
    int64_t idx[BR_MAX_NDIM] = {0};
    if (leaf->nelem == 0)
        return BR_OK;
    for (int a = 0; a < stage->leaf_ndim; a++)
        ones[a] = 1;
    do {
        gather_states(stage, leaf, idx, work->task->inputs[0].value->data, all);
        BRI_TRY(merge_all(stage, n, all));
        memcpy(states, all, stride);
        states += stride;
    } while (next(idx, ones, leaf->extent, stage->leaf_ndim, kept_axes(stage)));
    return BR_OK;
}

/* ---- tasks ---- */

static void init_states(const bri_stage *stage, int64_t n, char *states)
{
    const bri_reduction_params *p = params_of(stage);
    const size_t stride = state_stride(stage);
    memset(states, 0, (size_t)n * stride);
    for (int64_t i = 0; i < n && p->init != NULL; i++)
        p->init(states + (size_t)i * stride, data_of(p));
}

static br_status finish(bri_work *work, int64_t n, const char *states)
{
    const bri_stage *stage = work->stage;
    const bri_reduction_params *p = params_of(stage);
    const size_t stride = state_stride(stage);
    const size_t size = br_dtype_size(stage->dtype);
    char *out = work->task->output->data;
    for (int64_t i = 0; i < n; i++)
        BRI_TRY(check(p->finish(states + (size_t)i * stride, stage->reducing.total,
                                out + (size_t)i * size, data_of(p)),
                      (bri_function)p->finish));
    return BR_OK;
}

/* Does a leaf of this stage give results? */
static bool leaf_is_root(const bri_stage *stage)
{
    return stage->nsteps == 1 && stage->reducing.finishes;
}

static br_status execute_leaf(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_bump bump = {work->scratch, 0};
    bri_leaf leaf;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    int64_t n = results_of(stage, &leaf);
    char *states = work->task->output->data;
    if (leaf_is_root(stage))
        states = bri_bump_take(&bump, (size_t)n * state_stride(stage));
    init_states(stage, n, states);
    BRI_TRY(stage->reducing.states ? read_states(work, &leaf, bump, states)
                                   : read_elements(work, &leaf, bump, states));
    return leaf_is_root(stage) ? finish(work, n, states) : BR_OK;
}

static br_status execute_node(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const size_t stride = state_stride(stage);
    bri_task *task = work->task;
    bri_leaf leaf;
    bri_leaf_box(stage, work->chunk, 0, &leaf);
    int64_t n = results_of(stage, &leaf);
    /* This task is the only reader of both. */
    char *left = task->inputs[0].value->data;
    const char *right = task->inputs[1].value->data;
    for (int64_t i = 0; i < n; i++)
        BRI_TRY(merge(stage, left + (size_t)i * stride, right + (size_t)i * stride));
    if (stage->reducing.finishes && (int)task->key.level == bri_tree_top(stage->nsteps))
        return finish(work, n, left);
    if (!bri_task_steal(work->job, task, 0))
        memcpy(task->output->data, left, (size_t)n * stride);
    return BR_OK;
}

static br_status execute(bri_work *work)
{
    return work->task->key.level == 0 ? execute_leaf(work) : execute_node(work);
}

/* ---- sizes ---- */

static size_t output_bytes(const bri_stage *stage, const bri_leaf *leaf, bool finished)
{
    return (size_t)results_of(stage, leaf) *
           (finished ? br_dtype_size(stage->dtype) : state_stride(stage));
}

static void element_sizes(const bri_stage *stage, const bri_leaf *leaf, bri_bump *bump)
{
    int64_t step[BR_MAX_NDIM] = {0};
    tile_steps(stage, leaf, step);
    bri_leaf slab = bri_slab_of(leaf, 0, slab_rows(stage, leaf, step));
    bri_bump_take(bump, (size_t)stage->ninputs * sizeof(bri_view));
    bri_bump_take(bump, TILE * br_dtype_size(stage->reducing.operand));
    bri_slab_sizes(stage, &slab, bump);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    sizes->output = output_bytes(stage, &leaf, leaf_is_root(stage));
    if (leaf_is_root(stage))
        bri_bump_take(&bump, output_bytes(stage, &leaf, false));
    if (stage->reducing.states)
        bri_bump_take(&bump, (size_t)states_of_result(stage, &leaf) * state_stride(stage));
    else
        element_sizes(stage, &leaf, &bump);
    sizes->scratch = bump.used;
}

static void node_sizes(const bri_stage *stage, int64_t chunk, int level, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_leaf_box(stage, chunk, 0, &leaf);
    bool root = stage->reducing.finishes && level == bri_tree_top(stage->nsteps);
    sizes->output = output_bytes(stage, &leaf, root);
    sizes->scratch = 0;
}

const bri_stage_kind bri_stage_reduction = {.name = "reduction",
                                            .build = bri_reduce_build,
                                            .sizes = sizes,
                                            .node_sizes = node_sizes,
                                            .execute = execute};
