/* SPDX-License-Identifier: BSD-3-Clause
 * stage_along.c - take_along_axis and put_along_axis: each element has an index of its own along an
 * axis.
 *
 * Any chunk along the axis may be meant, so a chunk of the result is made in a chain of steps, one
 * for each of them: of x for take, whose steps add what lies in their chunk; of the indices for
 * put, whose steps follow each other as assignments do. The leaf grid is the result's with those
 * chunks as one more axis.
 */
#include "array/kernels/places.h"
#include "array/plan/stage.h"

static int axis_of(const bri_stage *stage)
{
    return (int)*(const int64_t *)stage->node->params;
}

/* Input k: x, the indices, the values. */
static br_status add_input(bri_stage *stage, int k, bool by_step)
{
    bri_map map = bri_map_identity(stage->ndim);
    int index;
    if (by_step)
        map.from[axis_of(stage)].axis = stage->ndim;
    return bri_stage_input(stage, stage->node->input[k], &map, &index);
}

/* The steps go along the axis of input k. */
static void set_grid(bri_stage *stage, int k)
{
    int ndim = stage->node->ndim;
    bri_stage_grid(stage, stage->node);
    stage->leaf_axis[ndim] = bri_axis_share(&stage->node->input[k]->axis[axis_of(stage)]);
    stage->leaf_ndim = ndim + 1;
    stage->fold = BRI_FOLD_CHAIN;
    stage->fold_axis = ndim;
}

static br_status build_take(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    set_grid(stage, 0);
    BRI_TRY(add_input(stage, 0, true));
    return add_input(stage, 1, false);
}

/* Only the first step reads x. */
static br_status build_put(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    set_grid(stage, 1);
    BRI_TRY(add_input(stage, 0, false));
    stage->inputs[0].span =
        (bri_span){stage->ndim, 0, bri_axis_count(&stage->leaf_axis[stage->ndim], 0)};
    BRI_TRY(add_input(stage, 1, true));
    return add_input(stage, 2, true);
}

static size_t chunk_bytes(const bri_stage *stage, const bri_leaf *leaf)
{
    size_t bytes = br_dtype_size(stage->dtype);
    for (int a = 0; a < stage->ndim; a++)
        bytes *= (size_t)leaf->extent[a];
    return bytes;
}

/* Elements along the last axis of the indices' part that a step reads. */
static int64_t row_length(const bri_stage *stage, const bri_leaf *leaf, bool put)
{
    int last = stage->ndim - 1;
    return leaf->extent[put && axis_of(stage) == last ? stage->ndim : last];
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    const bool put = stage->kind == &bri_stage_put_along;
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    bri_bump_take(&bump, (size_t)row_length(stage, &leaf, put) * sizeof(int64_t));
    for (int i = put && step > 0; i < stage->ninputs; i++)
        bri_load_sizes(stage, i, &leaf, &bump);
    sizes->output = chunk_bytes(stage, &leaf);
    sizes->scratch = bump.used;
}

/* The indices of a step, row by row, with the elements beside them and the strides of those that
 * they name. */
typedef struct walk {
    int ndim, axis;
    int64_t extent[BR_MAX_NDIM];
    int64_t origin[BR_MAX_NDIM]; /* of the indices, in their array */
    char *index, *row, *there;
    int64_t index_stride[BR_MAX_NDIM], row_stride[BR_MAX_NDIM], there_stride[BR_MAX_NDIM];
    br_dtype dtype; /* of the indices */
    int64_t *buffer;
    bool checks; /* that all indices are in range */
    bool put;
    bri_lookup pick;
} walk;

static br_status out_of_range(const walk *w, const int64_t *coord, int64_t i)
{
    int64_t place[BR_MAX_NDIM];
    char text[160];
    for (int a = 0; a < w->ndim; a++)
        place[a] = w->origin[a] + (a < w->ndim - 1 ? coord[a] : i);
    return bri_error(BR_EINDEX, "index %lld at %s is out of range for axis %d with extent %lld",
                     (long long)w->buffer[i], bri_shape_text(w->ndim, place, text, sizeof text),
                     w->axis, (long long)w->pick.extent);
}

static br_status check_row(const walk *w, const int64_t *coord, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (w->buffer[i] < -w->pick.extent || w->buffer[i] >= w->pick.extent)
            return out_of_range(w, coord, i);
    return BR_OK;
}

static br_status do_row(walk *w, size_t size, const int64_t *coord)
{
    const int z = w->ndim - 1;
    bri_lookup *p = &w->pick;
    const char *index = w->index;
    p->row = w->row;
    p->there = w->there;
    for (int a = 0; a < z; a++) {
        index += coord[a] * w->index_stride[a];
        p->row += coord[a] * w->row_stride[a];
        p->there += coord[a] * w->there_stride[a];
    }
    bri_read_indices(w->dtype, p->n, index, w->index_stride[z], w->buffer);
    if (w->checks)
        BRI_TRY(check_row(w, coord, p->n));
    if (w->put)
        bri_lookup_put(size, p);
    else
        bri_lookup_take(size, p);
    return BR_OK;
}

static br_status do_rows(walk *w, size_t size)
{
    const int z = w->ndim - 1;
    int64_t coord[BR_MAX_NDIM] = {0};
    w->pick.n = w->extent[z];
    w->pick.index = w->buffer;
    w->pick.row_stride = w->row_stride[z];
    w->pick.there_stride = w->there_stride[z];
    for (int a = z; a >= 0;) {
        BRI_TRY(do_row(w, size, coord));
        for (a = z - 1; a >= 0 && ++coord[a] == w->extent[a]; a--)
            coord[a] = 0;
    }
    return BR_OK;
}

/* Strides of a chunk's value. */
static void dense_strides(const bri_stage *stage, const bri_leaf *leaf, int64_t *stride)
{
    int64_t s = (int64_t)br_dtype_size(stage->dtype);
    for (int a = stage->ndim - 1; a >= 0; a--) {
        stride[a] = s;
        s *= leaf->extent[a];
    }
}

static void start_walk(bri_work *work, const bri_leaf *leaf, bri_bump *bump, walk *w)
{
    const bri_stage *stage = work->stage;
    *w = (walk){.ndim = stage->ndim, .axis = axis_of(stage)};
    w->put = stage->kind == &bri_stage_put_along;
    w->dtype = stage->inputs[1].node->dtype;
    w->buffer = bri_bump_take(bump, (size_t)row_length(stage, leaf, w->put) * sizeof(int64_t));
    w->pick.extent = stage->node->input[0]->axis[w->axis].extent;
    for (int a = 0; a < stage->ndim; a++) {
        int from = w->put && a == w->axis ? stage->ndim : a;
        w->extent[a] = leaf->extent[from];
        w->origin[a] = leaf->origin[from];
    }
}

/* The strides of an input that is read as the indices are. */
static void strides_of(const walk *w, const bri_view *view, int64_t *stride)
{
    for (int a = 0; a < w->ndim; a++)
        stride[a] = view->stride[w->put && a == w->axis ? w->ndim : a];
}

static br_status take(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const int n = stage->ndim;
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    bri_view x;
    bri_view index;
    walk w;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    bri_chain_continue(work);
    if (leaf.nelem == 0)
        return BR_OK;
    start_walk(work, &leaf, &bump, &w);
    BRI_TRY(bri_load(work, 0, &leaf, &bump, &x));
    BRI_TRY(bri_load(work, 1, &leaf, &bump, &index));
    w.checks = work->step == 0;
    w.index = index.base;
    w.row = work->task->output->data;
    w.there = x.base;
    strides_of(&w, &index, w.index_stride);
    dense_strides(stage, &leaf, w.row_stride);
    strides_of(&w, &x, w.there_stride); /* 0 along the axis */
    w.pick.along = x.stride[n];
    w.pick.low = leaf.origin[n];
    w.pick.high = leaf.origin[n] + leaf.extent[n];
    return do_rows(&w, br_dtype_size(stage->dtype));
}

static br_status copy_x(bri_work *work, const bri_leaf *leaf, bri_bump *bump)
{
    const bri_stage *stage = work->stage;
    bri_view x;
    int64_t to[BR_MAX_NDIM];
    BRI_TRY(bri_load(work, 0, leaf, bump, &x));
    dense_strides(stage, leaf, to);
    bri_copy_box(stage->ndim, leaf->extent, br_dtype_size(stage->dtype), work->task->output->data,
                 to, x.base, x.stride);
    return BR_OK;
}

static br_status put(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    bri_view index;
    bri_view values;
    walk w;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    bri_chain_continue(work);
    if (leaf.nelem == 0)
        return BR_OK;
    start_walk(work, &leaf, &bump, &w);
    if (work->step == 0)
        BRI_TRY(copy_x(work, &leaf, &bump));
    BRI_TRY(bri_load(work, 1, &leaf, &bump, &index));
    BRI_TRY(bri_load(work, 2, &leaf, &bump, &values));
    w.checks = true;
    w.index = index.base;
    w.row = values.base;
    w.there = work->task->output->data;
    strides_of(&w, &index, w.index_stride);
    strides_of(&w, &values, w.row_stride);
    dense_strides(stage, &leaf, w.there_stride);
    w.pick.along = w.there_stride[w.axis];
    w.there_stride[w.axis] = 0;
    w.pick.low = leaf.origin[w.axis];
    w.pick.high = leaf.origin[w.axis] + leaf.extent[w.axis];
    return do_rows(&w, br_dtype_size(stage->dtype));
}

const bri_stage_kind bri_stage_take_along = {
    .name = "take along", .build = build_take, .sizes = sizes, .execute = take};
const bri_stage_kind bri_stage_put_along = {
    .name = "put along", .build = build_put, .sizes = sizes, .execute = put};
