/* SPDX-License-Identifier: BSD-3-Clause
 * shifted.c - inputs that read one source, shifted against each other, are loaded as one.
 */
#include <string.h>

#include "array/io/hdf5.h"
#include "array/plan/demand.h"
#include "array/plan/face.h"
#include "array/plan/inputs.h"

/* Does b read the source as a does, but from other elements on? */
static bool is_shifted(const bri_input *a, const bri_input *b)
{
    if (a->node != b->node || a->from != b->from || a->stage != b->stage || a->halo != b->halo ||
        a->part != b->part || a->span.axis != b->span.axis || a->span.from != b->span.from ||
        a->span.to != b->span.to || a->map.ndim != b->map.ndim || bri_map_has_windows(&a->map) ||
        bri_map_has_windows(&b->map))
        return false;
    for (int k = 0; k < a->map.ndim; k++) {
        const bri_map_axis *m = &a->map.from[k];
        const bri_map_axis *n = &b->map.from[k];
        bool jumps = m->axis >= 0 && m->step != 1 && m->step != -1;
        if (m->axis != n->axis || m->step != n->step || (jumps && m->start != n->start))
            return false;
    }
    return true;
}

void bri_plan_shifts(bri_plan *plan)
{
    for (int k = 0; k < plan->nstages; k++) {
        bri_stage *s = plan->stages[k];
        for (int i = 0; i < s->ninputs; i++) {
            int first = 0;
            while (first < i && !is_shifted(&s->inputs[first], &s->inputs[i]))
                first++;
            s->inputs[i].back = i - first;
            s->shifted = s->shifted || first < i;
        }
    }
}

/* Is input i `first`, or shifted against it as the first of several? */
static bool belongs(const bri_stage *stage, int i, int first)
{
    return i - stage->inputs[i].back == first;
}

static void extend(bri_rectangle *hull, const bri_rectangle *r)
{
    hull->nelem = 1;
    for (int a = 0; a < r->ndim; a++) {
        int64_t low[2];
        int64_t high[2];
        bri_rectangle_range(hull, a, &low[0], &high[0]);
        bri_rectangle_range(r, a, &low[1], &high[1]);
        if (hull->start[a] != r->start[a]) {
            low[0] = low[1] < low[0] ? low[1] : low[0];
            high[0] = high[1] > high[0] ? high[1] : high[0];
            hull->start[a] = hull->step[a] > 0 ? low[0] : high[0];
            hull->count[a] = high[0] - low[0] + 1;
        }
        hull->nelem *= hull->count[a];
    }
}

/* Are the inputs shifted against the first of them copied for some part of the leaf, and is it less
 * to copy what they cover together of this one once? Then *hull is that. */
static bool load_together(const bri_stage *stage, int first, const bri_leaf *leaf,
                          const bri_leaf *part, bri_rectangle *hull)
{
    const bri_input *input = &stage->inputs[first];
    bool copied = input->from == BRI_FROM_FILE;
    int64_t chunk[2][BR_MAX_NDIM];
    int n = 0;
    if (!stage->shifted)
        return false;
    bri_rectangle r;
    bri_rectangle_of(&input->map, part, &r);
    if (r.nelem == 0 || (!copied && bri_in_one_piece(stage, input)))
        return false;
    *hull = r;
    for (int i = first; i < stage->ninputs; i++) {
        if (!belongs(stage, i, first))
            continue;
        bri_rectangle one;
        bri_rectangle_of(&stage->inputs[i].map, leaf, &one);
        copied = copied || !bri_one_chunk(input->stage, &one, chunk[0], chunk[1]);
        bri_rectangle_of(&stage->inputs[i].map, part, &one);
        extend(hull, &one);
        n++;
    }
    return n > 1 && copied && 2 * hull->nelem <= 3 * r.nelem;
}

/* Bytes from a hull's first element to a rectangle's. */
static int64_t offset_in_hull(const bri_rectangle *hull, const bri_spot *at, const bri_rectangle *r)
{
    int64_t bytes = 0;
    for (int a = 0; a < r->ndim; a++)
        bytes += (r->start[a] - hull->start[a]) / hull->step[a] * at->stride[a];
    return bytes;
}

static bool is_in_chunk(const bri_stage *from, const bri_rectangle *r, const int64_t *coord)
{
    int64_t first;
    int64_t count;
    for (int a = 0; a < r->ndim; a++)
        if (!bri_rectangle_part(r, a, &from->axis[a], coord[a], &first, &count))
            return false;
    return true;
}

/* A chunk's part of the hull: all of it when the task has the chunk, of faces what each input got.
 * Corners that no input reads stay as they are. */
static void gather_together(bri_work *work, int first, const bri_leaf *leaf,
                            const bri_rectangle *hull, const int64_t *coord, const bri_spot *to)
{
    const bri_stage *stage = work->stage;
    for (int i = first; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        if (!belongs(stage, i, first))
            continue;
        bri_rectangle r;
        bri_rectangle_of(&input->map, leaf, &r);
        if (!is_in_chunk(input->stage, &r, coord))
            continue;
        if (!bri_face_sent(input, work->chunk, work->step, coord)) {
            bri_gather_chunk(work, input, hull, coord, to);
            return;
        }
        bri_spot part = *to;
        part.data += offset_in_hull(hull, to, &r);
        bri_gather_chunk(work, input, &r, coord, &part);
    }
}

static br_status load_hull(bri_work *work, int first, const bri_leaf *leaf,
                           const bri_rectangle *hull, bri_bump *bump, bri_spot *at)
{
    const bri_input *input = &work->stage->inputs[first];
    int64_t low[BR_MAX_NDIM];
    int64_t high[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    *at = bri_spot_in_buffer(
        input, hull, bri_bump_take(bump, (size_t)hull->nelem * br_dtype_size(input->node->dtype)));
    if (input->from == BRI_FROM_FILE)
        return bri_read_file(work, first, hull, bump, at);
    bri_one_chunk(input->stage, hull, low, high);
    memcpy(coord, low, sizeof coord);
    do
        gather_together(work, first, leaf, hull, coord, at);
    while (bri_next_in_box(hull->ndim, low, high, coord));
    return BR_OK;
}

void bri_load_all_sizes(const bri_stage *stage, const bri_leaf *leaf, const bri_leaf *part,
                        bri_bump *bump)
{
    bri_rectangle hull;
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        if (input->back > 0)
            continue; /* comes with the first */
        if (load_together(stage, i, leaf, part, &hull)) {
            bri_bump_take(bump, (size_t)hull.nelem * br_dtype_size(input->node->dtype));
            if (input->from == BRI_FROM_FILE)
                bri_bump_take(bump, bri_h5_scratch(input->node->resource));
            continue;
        }
        for (int k = i; k < (stage->shifted ? stage->ninputs : i + 1); k++)
            if (belongs(stage, k, i))
                bri_load_part_sizes(stage, k, leaf, part, bump);
    }
}

/* Views of all inputs that belong to the first one, in what is loaded of them. */
static void view_hull(const bri_stage *stage, int first, const bri_leaf *leaf,
                      const bri_rectangle *hull, const bri_spot *at, bri_view *views)
{
    for (int i = first; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        if (!belongs(stage, i, first))
            continue;
        bri_rectangle r;
        bri_rectangle_of(&input->map, leaf, &r);
        views[i].base = at->data + offset_in_hull(hull, at, &r);
        bri_rectangle_view(&input->map, leaf, stage->leaf_ndim, at->stride, &views[i]);
    }
}

br_status bri_load_all(bri_work *work, const bri_leaf *leaf, bri_bump *bump, bri_view *views)
{
    const bri_stage *stage = work->stage;
    bri_rectangle hull;
    for (int i = 0; i < stage->ninputs; i++) {
        if (stage->inputs[i].back > 0)
            continue;
        if (load_together(stage, i, leaf, leaf, &hull)) {
            bri_spot at;
            BRI_TRY(load_hull(work, i, leaf, &hull, bump, &at));
            view_hull(stage, i, leaf, &hull, &at, views);
            continue;
        }
        for (int k = i; k < (stage->shifted ? stage->ninputs : i + 1); k++)
            if (belongs(stage, k, i))
                BRI_TRY(bri_load(work, k, leaf, bump, &views[k]));
    }
    return BR_OK;
}
