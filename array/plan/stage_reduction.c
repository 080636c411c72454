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
    RUN = 512,        /* elements that accumulate gets at most, */
    RUN_ACROSS = 128, /* when the last axis is kept: as many results side by side make a tile */
    TILE = 8192,      /* elements made at a time: twice that many stay in the cache */
    ALIGNED = 16,     /* states */
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

static size_t result_bytes(const bri_stage *stage)
{
    int64_t width = params_of(stage)->width;
    return (width > 0 ? (size_t)width : 1) *
           br_dtype_size((br_dtype)params_of(stage)->reduce.dtype);
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

static const int64_t ones[BR_MAX_NDIM] = {[0 ... BR_MAX_NDIM - 1] = 1};

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

/* How a leaf is gone over: tiles of step[a] elements along axis a, in which a result has runs. */
typedef struct tiling {
    int64_t step[BR_MAX_NDIM];
    int64_t run;  /* elements of a whole run */
    int64_t rows; /* of it along the first axis, if that is reduced */
} tiling;

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

/* More runs of the same results, if these are so few that the tile is not full. */
static void fill_tile(const bri_leaf *leaf, int ndim, uint32_t axes, int64_t taken, tiling *t)
{
    int a = ndim - 1;
    while (a >= 0 && (!(axes >> a & 1) || t->step[a] >= leaf->extent[a]))
        a--;
    for (; a >= 0 && 2 * taken <= TILE && t->step[a] < leaf->extent[a]; taken *= 2)
        t->step[a] *= 2;
}

static tiling tiling_of(const bri_stage *stage, const bri_leaf *leaf)
{
    const int ndim = stage->leaf_ndim;
    const uint32_t reduced = stage->reducing.axes;
    bool across = ndim > 0 && !(reduced >> (ndim - 1) & 1);
    tiling t = {.rows = 1};
    t.run = take_axes(leaf, ndim, reduced, across ? RUN_ACROSS : RUN, t.step);
    if (reduced & 1)
        t.rows = t.step[0];
    int64_t results = take_axes(leaf, ndim, kept_axes(stage), TILE / t.run, t.step);
    fill_tile(leaf, ndim, reduced, t.run * results, &t);
    return t;
}

/* Rows of a slab: whole runs of them. */
static int64_t slab_rows(const bri_stage *stage, const bri_leaf *leaf, const tiling *t)
{
    int64_t rows = bri_slab_rows(stage, leaf);
    return rows > t->rows || stage->leaf_ndim == 0 ? rows : t->rows;
}

/* ---- leaves that read elements ---- */

typedef struct leaf_run {
    bri_work *work;
    const bri_stage *stage;
    bri_leaf leaf;
    bri_leaf slab;
    int64_t first_row; /* of the slab in the leaf */
    tiling tiling;
    int64_t idx[BR_MAX_NDIM]; /* of the tile in the slab */
    bri_view *views, *tile_views;
    void *scratch;
    char *made, *turned; /* a tile in C order, and with each result's elements side by side */
    char *states;
} leaf_run;

/* The message's own chunk is the result's; this adds which chunk of the operand it was. */
static br_status refused(const bri_work *work, int code)
{
    int64_t coord[BR_MAX_NDIM];
    char where[160];
    char name[128];
    bri_leaf_coords(work->stage, work->chunk, work->step, coord);
    bri_function_name((bri_function)params_of(work->stage)->accumulate, name, sizeof name);
    return bri_error(BR_EUSER, "function %s returned %d in chunk %s of its operand", name, code,
                     bri_shape_text(work->stage->leaf_ndim, coord, where, sizeof where));
}

/* n elements of one result. */
static br_status hand_over(const leaf_run *r, char *state, const char *elements, int64_t n)
{
    const bri_reduction_params *p = params_of(r->stage);
    const br_dtype dtype = r->stage->reducing.operand;
    const int64_t size = (int64_t)br_dtype_size(dtype);
    for (int64_t i = 0; i < n; i += r->tiling.run) {
        int64_t m = n - i < r->tiling.run ? n - i : r->tiling.run;
        int code = p->accumulate(state, elements + i * size, dtype, m, data_of(p));
        if (code != 0)
            return refused(r->work, code);
    }
    return BR_OK;
}

static int last_axis(uint32_t axes, int ndim)
{
    int a = ndim - 1;
    while (a >= 0 && !(axes >> a & 1))
        a--;
    return a;
}

/* All of a tile, result by result; those along the last kept axis are neighbours. */
static br_status hand_over_tile(const leaf_run *r, const bri_box *box, const char *elements)
{
    const int ndim = r->stage->leaf_ndim;
    const uint32_t kept = kept_axes(r->stage);
    const int last = last_axis(kept, ndim);
    const int64_t n = count(box->extent, ndim, r->stage->reducing.axes);
    const int64_t bytes = n * (int64_t)br_dtype_size(r->stage->reducing.operand);
    const size_t stride = state_stride(r->stage);
    int64_t at[BR_MAX_NDIM];
    int64_t in_tile[BR_MAX_NDIM] = {0};
    do {
        for (int a = 0; a < ndim; a++)
            at[a] = r->idx[a] + in_tile[a] + (a == 0 ? r->first_row : 0);
        char *state = r->states + (size_t)linear(at, r->leaf.extent, ndim, kept) * stride;
        for (int64_t i = 0; i < (last >= 0 ? box->extent[last] : 1); i++) {
            BRI_TRY(hand_over(r, state, elements, n));
            elements += bytes;
            state += stride;
        }
    } while (last >= 0 && next(in_tile, ones, box->extent, last, kept));
    return BR_OK;
}

/* C order of the axes in `outer`, then of the others. */
static void dense_strides(const bri_box *box, uint32_t outer, size_t size, int64_t *to)
{
    int64_t stride = (int64_t)size;
    for (int pass = 0; pass < 2; pass++)
        for (int a = box->ndim - 1; a >= 0; a--)
            if ((outer >> a & 1) == (uint32_t)pass) {
                to[a] = stride;
                stride *= box->extent[a];
            }
}

static bool same_order(const bri_box *box, const int64_t *stride)
{
    bool same = true;
    for (int a = 0; a < box->ndim; a++)
        same = same && (box->extent[a] == 1 || box->out.stride[a] == stride[a]);
    return same;
}

static br_status run_tile(const leaf_run *r)
{
    const bri_stage *stage = r->stage;
    const size_t size = br_dtype_size(stage->reducing.operand);
    bri_box box = {.ndim = stage->leaf_ndim, .inputs = r->tile_views, .scratch = r->scratch};
    int64_t turned[BR_MAX_NDIM];
    memcpy(r->tile_views, r->views, (size_t)stage->ninputs * sizeof *r->views);
    for (int a = 0; a < box.ndim; a++) {
        int64_t left = r->slab.extent[a] - r->idx[a];
        box.extent[a] = left < r->tiling.step[a] ? left : r->tiling.step[a];
        box.origin[a] = r->slab.origin[a] + r->idx[a];
        for (int i = 0; i < stage->ninputs; i++)
            r->tile_views[i].base += r->idx[a] * r->views[i].stride[a];
    }
    box.out.base = r->made;
    dense_strides(&box, 0, size, box.out.stride);
    dense_strides(&box, kept_axes(stage), size, turned);
    bri_program_run(stage->program, &box);
    if (same_order(&box, turned))
        return hand_over_tile(r, &box, r->made);
    bri_copy_box(box.ndim, box.extent, size, r->turned, turned, r->made, box.out.stride);
    return hand_over_tile(r, &box, r->turned);
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
        while (next(r->idx, r->tiling.step, r->slab.extent, ndim, reduced));
    } while (next(r->idx, r->tiling.step, r->slab.extent, ndim, kept));
    return BR_OK;
}

static br_status run_slab(leaf_run *r, bri_bump bump)
{
    const bri_stage *stage = r->stage;
    size_t bytes = (size_t)stage->ninputs * sizeof(bri_view);
    size_t tile = TILE * br_dtype_size(stage->reducing.operand);
    r->scratch = bri_bump_take(&bump, bri_program_scratch(stage->program));
    r->views = bri_bump_take(&bump, bytes);
    r->tile_views = bri_bump_take(&bump, bytes);
    r->made = bri_bump_take(&bump, tile);
    r->turned = bri_bump_take(&bump, tile);
    BRI_TRY(bri_load_all(r->work, &r->slab, &bump, r->views));
    return run_tiles(r);
}

static br_status read_elements(bri_work *work, const bri_leaf *leaf, bri_bump bump, char *states)
{
    leaf_run r = {.work = work, .stage = work->stage, .leaf = *leaf, .states = states};
    if (leaf->nelem == 0)
        return BR_OK;
    r.tiling = tiling_of(r.stage, leaf);
    int64_t rows = slab_rows(r.stage, leaf, &r.tiling);
    work->holds = true;
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
    int64_t idx[BR_MAX_NDIM] = {0};
    if (leaf->nelem == 0)
        return BR_OK;
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
    const size_t size = result_bytes(stage);
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
    return (size_t)results_of(stage, leaf) * (finished ? result_bytes(stage) : state_stride(stage));
}

static void element_sizes(const bri_stage *stage, const bri_leaf *leaf, bri_bump *bump)
{
    tiling t = tiling_of(stage, leaf);
    bri_slabs slabs = bri_slabs_along(leaf, 0, false, slab_rows(stage, leaf, &t));
    bri_bump_take(bump, (size_t)stage->ninputs * sizeof(bri_view));
    for (int i = 0; i < 2; i++)
        bri_bump_take(bump, TILE * br_dtype_size(stage->reducing.operand));
    bri_slab_sizes(stage, leaf, &slabs, bump);
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
