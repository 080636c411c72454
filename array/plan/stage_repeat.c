/* SPDX-License-Identifier: BSD-3-Clause
 * stage_repeat.c - each element a number of times in a row along an axis.
 *
 * A chunk of the result is made of one chunk of the source: of some elements, each as often as it
 * is repeated, or of one element a part of that number (repeat.c cuts it so).
 */
#include "array/kernels/kernels.h"
#include "array/ops/ops.h"
#include "array/plan/stage.h"

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    bri_stage_grid(stage, stage->node);
    return bri_stage_input_cut(stage, stage->node->input[0]);
}

/* The elements of the source that a leaf is made of, and how often each of them. */
static bri_leaf source_box(const bri_stage *stage, const bri_leaf *leaf, int64_t *count)
{
    const bri_repeat_params *p = stage->node->params;
    bri_leaf box = *leaf;
    int64_t first = leaf->origin[p->axis] / p->count;
    int64_t last = (leaf->origin[p->axis] + leaf->extent[p->axis] - 1) / p->count;
    box.origin[p->axis] = first;
    box.extent[p->axis] = last - first + 1;
    *count = leaf->extent[p->axis] / (last - first + 1);
    return box;
}

static br_status needs(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
{
    bri_leaf leaf;
    int64_t count;
    bri_leaf_box(stage, chunk, step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    leaf = source_box(stage, &leaf, &count);
    return bri_input_needs(&stage->inputs[0], &leaf, bri_stage_owner(stage, chunk, step), list);
}

static void readers(const bri_stage *stage, int input, int64_t of, const bri_visitor *visitor)
{
    const bri_repeat_params *p = stage->node->params;
    const bri_axis *from = &stage->inputs[input].stage->axis[p->axis];
    const bri_axis *to = &stage->axis[p->axis];
    int64_t coord[BR_MAX_NDIM];
    bri_grid_coords(stage->ndim, stage->inputs[input].stage->axis, of, coord);
    int64_t low = bri_axis_start(from, coord[p->axis]);
    int64_t high = bri_axis_start(from, coord[p->axis] + 1);
    if (low == high || p->count == 0)
        return;
    int64_t last = bri_axis_find(to, high * p->count - 1);
    for (coord[p->axis] = bri_axis_find(to, low * p->count); coord[p->axis] <= last;
         coord[p->axis]++) {
        int64_t chunk = bri_grid_linear(stage->ndim, stage->axis, coord);
        if (bri_chunk_nelem(stage, chunk) > 0)
            visitor->visit(visitor, stage, chunk, 0);
    }
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    int64_t count;
    bri_leaf_box(stage, chunk, step, &leaf);
    sizes->output = (size_t)leaf.nelem * br_dtype_size(stage->dtype);
    if (leaf.nelem > 0) {
        leaf = source_box(stage, &leaf, &count);
        bri_load_sizes(stage, 0, &leaf, &bump);
    }
    sizes->scratch = bump.used;
}

/* Runs of elements along the last axis that is longer than 1, which is repeated. */
static void repeat_rows(const bri_stage *stage, const bri_leaf *box, const bri_view *x,
                        int64_t count, char *to)
{
    const bri_repeat_params *p = stage->node->params;
    const size_t size = br_dtype_size(stage->dtype);
    const int64_t n = box->extent[p->axis];
    int64_t coord[BR_MAX_NDIM] = {0};
    for (int a = p->axis; a >= 0; to += (size_t)(n * count) * size) {
        const char *from = x->base;
        for (int b = 0; b < p->axis; b++)
            from += coord[b] * x->stride[b];
        bri_mover_of(size)->repeat(n, count, to, from, x->stride[p->axis]);
        for (a = p->axis - 1; a >= 0 && ++coord[a] == box->extent[a]; a--)
            coord[a] = 0;
    }
}

/* Runs of what lies behind the axis: the copies are one more axis along which the source stands
 * still. */
static void repeat_slices(const bri_stage *stage, const bri_leaf *box, const bri_view *x,
                          int64_t count, char *to)
{
    const bri_repeat_params *p = stage->node->params;
    int64_t extent[BR_MAX_NDIM + 1];
    int64_t from[BR_MAX_NDIM + 1];
    int64_t stride[BR_MAX_NDIM + 1];
    int64_t s = (int64_t)br_dtype_size(stage->dtype);
    for (int a = stage->ndim - 1, o = stage->ndim; a >= 0; a--) {
        if (a == p->axis) {
            extent[o] = count;
            from[o] = 0;
            stride[o--] = s;
            s *= count;
        }
        extent[o] = box->extent[a];
        from[o] = x->stride[a];
        stride[o--] = s;
        s *= box->extent[a];
    }
    bri_copy_box(stage->ndim + 1, extent, br_dtype_size(stage->dtype), to, stride, x->base, from);
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_repeat_params *p = stage->node->params;
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    bri_view x = {0};
    int64_t count;
    int64_t behind = 1;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    leaf = source_box(stage, &leaf, &count);
    BRI_TRY(bri_load(work, 0, &leaf, &bump, &x));
    for (int a = p->axis + 1; a < stage->ndim; a++)
        behind *= leaf.extent[a];
    if (behind == 1)
        repeat_rows(stage, &leaf, &x, count, work->task->output->data);
    else
        repeat_slices(stage, &leaf, &x, count, work->task->output->data);
    return BR_OK;
}

const bri_stage_kind bri_stage_repeat = {.name = "repeat",
                                         .build = build,
                                         .needs = needs,
                                         .readers = readers,
                                         .sizes = sizes,
                                         .execute = execute};
