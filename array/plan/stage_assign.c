/* SPDX-License-Identifier: BSD-3-Clause
 * stage_assign.c - an array with a value in place of the elements that a basic index names.
 *
 * The value is read through a map from the region's own indices; which of them lie in a chunk of x
 * follows from the inverse of the region's map. A chunk of x that nobody else reads is written in
 * place.
 */
#include "array/ops/ops.h"
#include "array/plan/stage.h"

enum { X, VALUE };

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    const bri_view_params *p = stage->node->params;
    bri_map x = bri_map_identity(p->source_ndim);
    int index;
    bri_stage_grid(stage, stage->node);
    BRI_TRY(bri_stage_input(stage, stage->node->input[X], &x, &index));
    return bri_stage_input_apart(stage, stage->node->input[VALUE]);
}

/* The part of the region that lies in a leaf, in the region's indices; false when there is none. */
static bool region_in(const bri_stage *stage, const bri_leaf *leaf, bri_leaf *part)
{
    const bri_view_params *p = stage->node->params;
    bri_map map;
    bri_view_map(stage->node, &map);
    part->nelem = 1;
    for (int o = 0; o < p->ndim; o++) {
        part->origin[o] = 0;
        part->extent[o] = p->word[o];
    }
    for (int a = 0; a < map.ndim; a++) {
        const bri_map_axis *m = &map.from[a];
        int64_t from;
        int64_t to;
        bri_map_inverse(m, m->axis < 0 ? 1 : p->word[m->axis], leaf->origin[a],
                        leaf->origin[a] + leaf->extent[a], &from, &to);
        if (from == to)
            return false;
        if (m->axis < 0)
            continue;
        part->origin[m->axis] = from;
        part->extent[m->axis] = to - from;
    }
    for (int o = 0; o < p->ndim; o++)
        part->nelem *= part->extent[o];
    return part->nelem > 0;
}

static br_status needs(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
{
    bri_leaf leaf;
    bri_leaf part;
    bri_leaf_box(stage, chunk, step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    int owner = bri_stage_owner(stage, chunk, step);
    BRI_TRY(bri_input_needs(&stage->inputs[X], &leaf, owner, list));
    return region_in(stage, &leaf, &part)
               ? bri_input_needs(&stage->inputs[VALUE], &part, owner, list)
               : BR_OK;
}

/* The chunks [first, last] of x in whose range the elements of the region lie that read a chunk of
 * the value; false when there are none. */
static bool chunks_reading(const bri_stage *stage, int64_t of, int64_t *first, int64_t *last)
{
    const bri_view_params *p = stage->node->params;
    const bri_input *value = &stage->inputs[VALUE];
    int64_t coord[BR_MAX_NDIM];
    int64_t from[BR_MAX_NDIM];
    int64_t to[BR_MAX_NDIM];
    bri_map map;
    bri_view_map(stage->node, &map);
    bri_grid_coords(value->stage->ndim, value->stage->axis, of, coord);
    for (int o = 0; o < p->ndim; o++) {
        from[o] = 0;
        to[o] = p->word[o];
    }
    for (int s = 0; s < value->map.ndim; s++) {
        const bri_map_axis *m = &value->map.from[s];
        const bri_axis *axis = &value->stage->axis[s];
        int64_t low;
        int64_t high;
        bri_map_inverse(m, m->axis < 0 ? 1 : p->word[m->axis], bri_axis_start(axis, coord[s]),
                        bri_axis_start(axis, coord[s] + 1), &low, &high);
        if (m->axis < 0 && low == high)
            return false;
        if (m->axis < 0)
            continue;
        from[m->axis] = low > from[m->axis] ? low : from[m->axis];
        to[m->axis] = high < to[m->axis] ? high : to[m->axis];
        if (from[m->axis] >= to[m->axis])
            return false;
    }
    for (int a = 0; a < map.ndim; a++) {
        const bri_map_axis *m = &map.from[a];
        int64_t low;
        int64_t high;
        bri_map_range(m, m->axis < 0 ? 0 : from[m->axis],
                      m->axis < 0 ? 1 : to[m->axis] - from[m->axis], &low, &high);
        first[a] = bri_axis_find(&stage->axis[a], low);
        last[a] = bri_axis_find(&stage->axis[a], high);
    }
    return true;
}

/* Does a chunk need chunk `of` of the value? */
static bool reads_value(const bri_stage *stage, int64_t chunk, int64_t of)
{
    bri_leaf leaf;
    bri_leaf part;
    bri_leaf_box(stage, chunk, 0, &leaf);
    return leaf.nelem > 0 && region_in(stage, &leaf, &part) &&
           bri_input_reads(&stage->inputs[VALUE], &part, of);
}

static void readers(const bri_stage *stage, int input, int64_t of, const bri_visitor *visitor)
{
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    int a;
    if (input == X) {
        bri_visit_leaves(stage, input, of, visitor);
        return;
    }
    if (!chunks_reading(stage, of, first, last))
        return;
    for (a = 0; a < stage->ndim; a++)
        coord[a] = first[a];
    do {
        int64_t chunk = bri_grid_linear(stage->ndim, stage->axis, coord);
        if (reads_value(stage, chunk, of))
            visitor->visit(visitor, stage, chunk, 0);
        for (a = stage->ndim - 1; a >= 0 && ++coord[a] > last[a]; a--)
            coord[a] = first[a];
    } while (a >= 0);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_leaf part;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    bri_load_sizes(stage, X, &leaf, &bump);
    if (leaf.nelem > 0 && region_in(stage, &leaf, &part))
        bri_load_sizes(stage, VALUE, &part, &bump);
    sizes->output = (size_t)leaf.nelem * br_dtype_size(stage->dtype);
    sizes->scratch = bump.used;
}

/* The first task input is x's chunk, unless that is at hand. */
static bool take_over(bri_work *work, const bri_leaf *leaf)
{
    const bri_input *x = &work->stage->inputs[X];
    if (x->from != BRI_FROM_STAGE || work->task->ninputs == 0 ||
        work->task->inputs[0].value->key.stage != x->stage->id)
        return false;
    return bri_is_whole_chunk(work->stage, x, leaf) && bri_task_steal(work->job, work->task, 0);
}

static br_status copy_x(bri_work *work, const bri_leaf *leaf, const int64_t *stride, bri_bump *bump)
{
    bri_view x;
    BRI_TRY(bri_load(work, X, leaf, bump, &x));
    bri_copy_box(work->stage->ndim, leaf->extent, br_dtype_size(work->stage->dtype),
                 work->task->output->data, stride, x.base, x.stride);
    return BR_OK;
}

static br_status put_value(bri_work *work, const bri_leaf *leaf, const int64_t *stride,
                           bri_bump *bump)
{
    const bri_stage *stage = work->stage;
    const bri_view_params *p = stage->node->params;
    bri_view value = {0}; /* of more axes than x has, perhaps */
    int64_t to[BR_MAX_NDIM] = {0};
    char *at = work->task->output->data;
    bri_leaf part;
    bri_map map;
    if (!region_in(stage, leaf, &part))
        return BR_OK;
    BRI_TRY(bri_load(work, VALUE, &part, bump, &value));
    bri_view_map(stage->node, &map);
    for (int a = 0; a < map.ndim; a++) {
        const bri_map_axis *m = &map.from[a];
        int64_t first = m->axis < 0 ? m->start : m->start + m->step * part.origin[m->axis];
        at += (first - leaf->origin[a]) * stride[a];
        if (m->axis >= 0)
            to[m->axis] = m->step * stride[a];
    }
    bri_copy_box(p->ndim, part.extent, br_dtype_size(stage->dtype), at, to, value.base,
                 value.stride);
    return BR_OK;
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    int64_t stride[BR_MAX_NDIM];
    int64_t s = (int64_t)br_dtype_size(stage->dtype);
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    for (int a = stage->ndim - 1; a >= 0; a--) {
        stride[a] = s;
        s *= leaf.extent[a];
    }
    if (!take_over(work, &leaf))
        BRI_TRY(copy_x(work, &leaf, stride, &bump));
    return put_value(work, &leaf, stride, &bump);
}

const bri_stage_kind bri_stage_assign = {.name = "assign",
                                         .build = build,
                                         .needs = needs,
                                         .readers = readers,
                                         .sizes = sizes,
                                         .execute = execute};
