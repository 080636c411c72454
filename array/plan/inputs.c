/* SPDX-License-Identifier: BSD-3-Clause
 * inputs.c - making a task's inputs readable: in place where one chunk holds them, else gathered or
 * read into scratch.
 */
#include <string.h>

#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/demand.h"
#include "array/plan/face.h"
#include "array/plan/persist.h"
#include "array/plan/rectangle.h"

void *bri_bump_take(bri_bump *bump, size_t bytes)
{
    void *p = bump->base != NULL ? bump->base + bump->used : NULL;
    bump->used += (bytes + 63) / 64 * 64;
    return p;
}

static void dense_strides(int ndim, const int64_t *count, size_t size, int64_t *stride)
{
    int64_t s = (int64_t)size;
    for (int a = ndim - 1; a >= 0; a--) {
        stride[a] = s;
        s *= count[a];
    }
}

/* ---- where the source's elements lie ---- */

char *bri_chunk_data(bri_work *work, const bri_stage *from, int64_t chunk)
{
    if (from->direct && bri_value_owner(from, chunk) == work->plan->rank)
        return bri_persisted_chunk(from, chunk);
    bri_key key = bri_stage_key(from, chunk);
    for (int i = 0; i < work->task->ninputs; i++) {
        const bri_value *v = work->task->inputs[i].value;
        if (v->key.stage == key.stage && v->key.level == key.level && v->key.index == key.index)
            return v->data;
    }
    BRI_ASSERT(!"a chunk is not among the task's inputs");
    return NULL;
}

bool bri_is_whole_chunk(const bri_stage *stage, const bri_input *input, const bri_leaf *leaf)
{
    const bri_stage *from = input->stage;
    if (input->from != BRI_FROM_STAGE || from->ndim != stage->ndim)
        return false;
    for (int a = 0; a < from->ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        if (m->axis != a || m->step != 1 || input->map.window[a].step != 0)
            return false;
        int64_t at = m->start + leaf->origin[a];
        int64_t c = bri_axis_find(&from->axis[a], at);
        if (bri_axis_start(&from->axis[a], c) != at ||
            bri_axis_count(&from->axis[a], c) != leaf->extent[a])
            return false;
    }
    return true;
}

/* In the same block when nobody else reads it. */
void bri_chain_continue(bri_work *work)
{
    bri_task *task = work->task;
    int last = task->ninputs - 1;
    if (work->step > 0 && !bri_task_steal(work->job, task, last))
        memcpy(task->output->data, task->inputs[last].value->data, task->output->bytes);
}

/* Where the elements of a rectangle are. */
typedef struct place {
    char *data; /* the first one */
    int64_t stride[BR_MAX_NDIM];
} place;

/* The caller's memory is one piece on the rank that has it. */
static place in_whole_memory(const bri_input *input, const bri_rectangle *r)
{
    const bri_memory_params *p = input->stage->node->params;
    place at = {.data = (char *)(uintptr_t)p->data};
    for (int a = 0; a < r->ndim; a++) {
        at.data += r->start[a] * p->stride[a];
        at.stride[a] = r->step[a] * p->stride[a];
    }
    return at;
}

/* The chunks a rectangle touches, per axis. */
static bool one_chunk(const bri_stage *from, const bri_rectangle *r, int64_t *first, int64_t *last)
{
    bool one = true;
    for (int a = 0; a < r->ndim; a++) {
        int64_t low;
        int64_t high;
        bri_rectangle_range(r, a, &low, &high);
        first[a] = bri_axis_find(&from->axis[a], low);
        last[a] = bri_axis_find(&from->axis[a], high);
        one = one && first[a] == last[a];
    }
    return one;
}

static void chunk_strides(const bri_stage *from, const int64_t *coord, int64_t *stride)
{
    int64_t extent[BR_MAX_NDIM];
    for (int a = 0; a < from->ndim; a++)
        extent[a] = bri_axis_count(&from->axis[a], coord[a]);
    dense_strides(from->ndim, extent, br_dtype_size(from->dtype), stride);
}

/* In a chunk, from its element `first` of the rectangle on. */
static place in_chunk(bri_work *work, const bri_input *input, const bri_rectangle *r,
                      const int64_t *coord, const int64_t *first)
{
    const bri_stage *from = input->stage;
    place at;
    if (bri_face_sent(input, work->chunk, work->step, coord)) {
        at.data = bri_face_data(work, input, coord, r, first, at.stride);
        return at;
    }
    at.data = bri_chunk_data(work, from, bri_grid_linear(from->ndim, from->axis, coord));
    chunk_strides(from, coord, at.stride);
    for (int a = 0; a < r->ndim; a++) {
        int64_t low = bri_axis_start(&from->axis[a], coord[a]);
        at.data += (r->start[a] + first[a] * r->step[a] - low) * at.stride[a];
        at.stride[a] *= r->step[a];
    }
    return at;
}

/* Copies the part of the rectangle that lies in one chunk to its place. */
static void gather_chunk(bri_work *work, const bri_input *input, const bri_rectangle *r,
                         const int64_t *coord, const place *to)
{
    const bri_stage *from = input->stage;
    int64_t first[BR_MAX_NDIM];
    int64_t count[BR_MAX_NDIM];
    char *out = to->data;
    for (int a = 0; a < r->ndim; a++) {
        if (!bri_rectangle_part(r, a, &from->axis[a], coord[a], &first[a], &count[a]))
            return;
        out += first[a] * to->stride[a];
    }
    place at = in_chunk(work, input, r, coord, first);
    bri_copy_box(r->ndim, count, br_dtype_size(from->dtype), out, to->stride, at.data, at.stride);
}

static void gather(bri_work *work, const bri_input *input, const bri_rectangle *r,
                   const int64_t *first, const int64_t *last, const place *to)
{
    int64_t coord[BR_MAX_NDIM];
    memcpy(coord, first, sizeof coord);
    for (;;) {
        gather_chunk(work, input, r, coord, to);
        int a = r->ndim - 1;
        while (a >= 0 && ++coord[a] > last[a]) {
            coord[a] = first[a];
            a--;
        }
        if (a < 0)
            return;
    }
}

static place in_buffer(const bri_input *input, const bri_rectangle *r, char *buffer)
{
    place at = {.data = buffer};
    dense_strides(r->ndim, r->count, br_dtype_size(input->node->dtype), at.stride);
    return at;
}

/* ---- loading ---- */

uint64_t bri_load_bytes(const bri_input *input, const bri_leaf *leaf)
{
    bri_rectangle r;
    bri_rectangle_of(&input->map, leaf, &r);
    if (r.nelem == 0)
        return 0;
    return input->from == BRI_FROM_FILE
               ? bri_h5_bytes(input->node->resource, r.start, r.step, r.count)
               : (uint64_t)r.nelem * br_dtype_size(input->node->dtype);
}

static bool in_one_piece(const bri_stage *stage, const bri_input *input)
{
    return input->stage->kind == &bri_stage_memory && stage->plan->rank == 0;
}

void bri_load_sizes(const bri_stage *stage, int i, const bri_leaf *leaf, bri_bump *bump)
{
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    bri_rectangle_of(&input->map, leaf, &r);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    size_t bytes = (size_t)r.nelem * br_dtype_size(input->node->dtype);
    if (r.nelem == 0)
        return;
    if (input->from == BRI_FROM_FILE) {
        bri_bump_take(bump, bytes);
        bri_bump_take(bump, bri_h5_scratch(input->node->resource));
    } else if (!in_one_piece(stage, input) && !one_chunk(input->stage, &r, first, last)) {
        bri_bump_take(bump, bytes);
    }
}

static br_status read_file(bri_work *work, const bri_input *input, const bri_rectangle *r,
                           bri_bump *bump, const place *to)
{
    uint64_t bytes = 0;
    void *scratch = bri_bump_take(bump, bri_h5_scratch(input->node->resource));
    br_status st = bri_h5_read(input->node->resource, r->start, r->step, r->count, to->data,
                               to->stride, scratch, &bytes);
    atomic_fetch_add_explicit(&work->job->stats.bytes_read, (long long)bytes, memory_order_relaxed);
    return st;
}

br_status bri_load(bri_work *work, int i, const bri_leaf *leaf, bri_bump *bump, bri_view *view)
{
    static const int64_t start[BR_MAX_NDIM];
    const bri_stage *stage = work->stage;
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    bri_rectangle_of(&input->map, leaf, &r);
    size_t bytes = (size_t)r.nelem * br_dtype_size(input->node->dtype);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    place at = in_buffer(input, &r, NULL);
    if (r.nelem == 0) {
        at.data = NULL;
    } else if (input->from == BRI_FROM_FILE) {
        at.data = bri_bump_take(bump, bytes);
        BRI_TRY(read_file(work, input, &r, bump, &at));
    } else if (in_one_piece(stage, input)) {
        at = in_whole_memory(input, &r);
    } else if (one_chunk(input->stage, &r, first, last)) {
        at = in_chunk(work, input, &r, first, start);
    } else {
        at.data = bri_bump_take(bump, bytes);
        gather(work, input, &r, first, last, &at);
    }
    view->base = at.data;
    bri_rectangle_view(&input->map, leaf, stage->leaf_ndim, at.stride, view);
    return BR_OK;
}

/* ---- inputs that read one source, shifted ---- */

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

/* Are the inputs shifted against the first of them copied, and is it less to copy what they cover
 * together once? Then *hull is that. */
static bool load_together(const bri_stage *stage, int first, const bri_leaf *leaf,
                          bri_rectangle *hull)
{
    const bri_input *input = &stage->inputs[first];
    bool copied = input->from == BRI_FROM_FILE;
    int64_t chunk[2][BR_MAX_NDIM];
    int n = 0;
    if (!stage->shifted)
        return false;
    bri_rectangle r;
    bri_rectangle_of(&input->map, leaf, &r);
    if (r.nelem == 0 || (!copied && in_one_piece(stage, input)))
        return false;
    *hull = r;
    for (int i = first; i < stage->ninputs; i++) {
        if (!belongs(stage, i, first))
            continue;
        bri_rectangle one;
        bri_rectangle_of(&stage->inputs[i].map, leaf, &one);
        copied = copied || !one_chunk(input->stage, &one, chunk[0], chunk[1]);
        extend(hull, &one);
        n++;
    }
    return n > 1 && copied && 2 * hull->nelem <= 3 * r.nelem;
}

/* Bytes from a hull's first element to a rectangle's. */
static int64_t offset_in_hull(const bri_rectangle *hull, const place *at, const bri_rectangle *r)
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
                            const bri_rectangle *hull, const int64_t *coord, const place *to)
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
            gather_chunk(work, input, hull, coord, to);
            return;
        }
        place part = *to;
        part.data += offset_in_hull(hull, to, &r);
        gather_chunk(work, input, &r, coord, &part);
    }
}

static br_status load_hull(bri_work *work, int first, const bri_leaf *leaf,
                           const bri_rectangle *hull, bri_bump *bump, place *at)
{
    const bri_input *input = &work->stage->inputs[first];
    int64_t low[BR_MAX_NDIM];
    int64_t high[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    *at = in_buffer(input, hull,
                    bri_bump_take(bump, (size_t)hull->nelem * br_dtype_size(input->node->dtype)));
    if (input->from == BRI_FROM_FILE)
        return read_file(work, input, hull, bump, at);
    one_chunk(input->stage, hull, low, high);
    memcpy(coord, low, sizeof coord);
    do
        gather_together(work, first, leaf, hull, coord, at);
    while (bri_next_in_box(hull->ndim, low, high, coord));
    return BR_OK;
}

void bri_load_all_sizes(const bri_stage *stage, const bri_leaf *leaf, bri_bump *bump)
{
    bri_rectangle hull;
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        if (input->back > 0)
            continue; /* comes with the first */
        if (load_together(stage, i, leaf, &hull)) {
            bri_bump_take(bump, (size_t)hull.nelem * br_dtype_size(input->node->dtype));
            if (input->from == BRI_FROM_FILE)
                bri_bump_take(bump, bri_h5_scratch(input->node->resource));
            continue;
        }
        for (int k = i; k < (stage->shifted ? stage->ninputs : i + 1); k++)
            if (belongs(stage, k, i))
                bri_load_sizes(stage, k, leaf, bump);
    }
}

/* Views of all inputs that belong to the first one, in what is loaded of them. */
static void view_hull(const bri_stage *stage, int first, const bri_leaf *leaf,
                      const bri_rectangle *hull, const place *at, bri_view *views)
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
        if (load_together(stage, i, leaf, &hull)) {
            place at;
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

/* ---- copying ---- */

bool bri_copies_whole(const bri_input *input, const bri_leaf *box, int ndim)
{
    uint32_t seen = 0;
    for (int a = 0; a < input->map.ndim; a++) {
        if (input->map.from[a].axis >= 0)
            seen |= 1u << input->map.from[a].axis;
        if (input->map.window[a].step != 0)
            return false;
    }
    for (int a = 0; a < ndim; a++)
        if (!(seen >> a & 1) && box->extent[a] > 1)
            return false;
    return true;
}

bool bri_is_at_hand(const bri_stage *stage, int i, const bri_leaf *box)
{
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    bri_rectangle_of(&input->map, box, &r);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    return input->from == BRI_FROM_STAGE && r.nelem > 0 &&
           (in_one_piece(stage, input) || one_chunk(input->stage, &r, first, last));
}

void bri_copy_sizes(const bri_stage *stage, int i, bri_bump *bump)
{
    if (stage->inputs[i].from == BRI_FROM_FILE)
        bri_bump_take(bump, bri_h5_scratch(stage->inputs[i].node->resource));
}

void bri_copy_part(bri_work *work, const bri_input *input, const bri_rectangle *part,
                   const int64_t *coord, char *out)
{
    static const int64_t start[BR_MAX_NDIM];
    place to = in_buffer(input, part, out);
    place at = in_one_piece(work->stage, input) ? in_whole_memory(input, part)
                                                : in_chunk(work, input, part, coord, start);
    bri_copy_box(part->ndim, part->count, br_dtype_size(input->node->dtype), out, to.stride,
                 at.data, at.stride);
}

br_status bri_copy_input(bri_work *work, int i, const bri_leaf *box, bri_bump *bump,
                         const bri_view *out)
{
    const bri_stage *stage = work->stage;
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    bri_rectangle_of(&input->map, box, &r);
    size_t size = br_dtype_size(input->node->dtype);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    place to = {.data = out->base};
    if (r.nelem == 0)
        return BR_OK;
    for (int a = 0; a < r.ndim; a++)
        to.stride[a] =
            input->map.from[a].axis >= 0 ? out->stride[input->map.from[a].axis] : (int64_t)size;
    if (input->from == BRI_FROM_FILE)
        return read_file(work, input, &r, bump, &to);
    if (in_one_piece(stage, input)) {
        place at = in_whole_memory(input, &r);
        bri_copy_box(r.ndim, r.count, size, to.data, to.stride, at.data, at.stride);
        return BR_OK;
    }
    one_chunk(input->stage, &r, first, last);
    gather(work, input, &r, first, last, &to);
    return BR_OK;
}
