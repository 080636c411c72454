/* SPDX-License-Identifier: BSD-3-Clause
 * inputs.c - making a task's inputs readable: in place where one chunk holds them, else gathered or
 * read into scratch.
 */
#include <string.h>

#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/persist.h"
#include "array/plan/stage.h"

void *bri_bump_take(bri_bump *bump, size_t bytes)
{
    void *p = bump->base != NULL ? bump->base + bump->used : NULL;
    bump->used += (bytes + 63) / 64 * 64;
    return p;
}

/* What an input reads of its source for a leaf box: indices start + k * step, k < count, per source
 * axis. */
typedef struct rectangle {
    int ndim;
    int64_t start[BR_MAX_NDIM], step[BR_MAX_NDIM], count[BR_MAX_NDIM];
    int64_t nelem;
} rectangle;

static rectangle rectangle_of(const bri_input *input, const bri_leaf *leaf)
{
    rectangle r = {.ndim = input->map.ndim, .nelem = 1};
    for (int a = 0; a < r.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        bool moves = m->axis >= 0;
        r.start[a] = moves ? m->start + m->step * leaf->origin[m->axis] : m->start;
        r.step[a] = moves ? m->step : 1;
        r.count[a] = moves ? leaf->extent[m->axis] : 1;
        r.nelem *= r.count[a];
    }
    return r;
}

static void dense_strides(int ndim, const int64_t *count, size_t size, int64_t *stride)
{
    int64_t s = (int64_t)size;
    for (int a = ndim - 1; a >= 0; a--) {
        stride[a] = s;
        s *= count[a];
    }
}

/* A view over the leaf grid's axes of something with strides per source axis. */
static void view_through(const bri_input *input, char *base, const int64_t *stride, int leaf_ndim,
                         bri_view *view)
{
    /* One more axis than the leaf's: a reduction over no axes adds one. */
    int ndim = leaf_ndim < BR_MAX_NDIM ? leaf_ndim + 1 : leaf_ndim;
    memset(view->stride, 0, (size_t)ndim * sizeof view->stride[0]);
    view->base = base;
    for (int a = 0; a < input->map.ndim; a++)
        if (input->map.from[a].axis >= 0)
            view->stride[input->map.from[a].axis] += stride[a];
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
        if (m->axis != a || m->step != 1)
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

/* The caller's memory is one piece on the rank that has it. */
static void view_whole_memory(const bri_stage *stage, const bri_input *input, const rectangle *r,
                              bri_view *view)
{
    const bri_memory_params *p = input->stage->node->params;
    char *data = (char *)(uintptr_t)p->data;
    int64_t stride[BR_MAX_NDIM];
    for (int a = 0; a < r->ndim; a++) {
        data += r->start[a] * p->stride[a];
        stride[a] = r->step[a] * p->stride[a];
    }
    view_through(input, data, stride, stage->leaf_ndim, view);
}

/* The chunks a rectangle touches, per axis. */
static bool one_chunk(const bri_stage *from, const rectangle *r, int64_t *first, int64_t *last)
{
    bool one = true;
    for (int a = 0; a < r->ndim; a++) {
        int64_t end = r->start[a] + (r->count[a] - 1) * r->step[a];
        int64_t low = r->start[a] < end ? r->start[a] : end;
        int64_t high = r->start[a] < end ? end : r->start[a];
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

static void view_chunk(bri_work *work, const bri_input *input, const rectangle *r,
                       const int64_t *coord, bri_view *view)
{
    int64_t stride[BR_MAX_NDIM];
    const bri_stage *from = input->stage;
    char *data = bri_chunk_data(work, from, bri_grid_linear(from->ndim, from->axis, coord));
    chunk_strides(from, coord, stride);
    for (int a = 0; a < r->ndim; a++) {
        data += (r->start[a] - bri_axis_start(&from->axis[a], coord[a])) * stride[a];
        stride[a] *= r->step[a];
    }
    view_through(input, data, stride, work->stage->leaf_ndim, view);
}

/* The rectangle's indices along an axis that lie in a chunk; false when the step goes past it. */
static bool part_in_chunk(const bri_stage *from, const rectangle *r, int a, int64_t chunk,
                          int64_t *first, int64_t *count)
{
    bri_map_axis m = {0, r->start[a], r->step[a]};
    int64_t past = 1;
    *first = 0;
    if (r->count[a] > 1)
        bri_map_inverse(&m, r->count[a], bri_axis_start(&from->axis[a], chunk),
                        bri_axis_start(&from->axis[a], chunk + 1), first, &past);
    *count = past - *first;
    return *count > 0;
}

/* Copies the part of the rectangle that lies in one chunk to its place in the dense buffer. */
static void gather_chunk(bri_work *work, const bri_stage *from, const rectangle *r,
                         const int64_t *coord, char *buffer)
{
    int64_t first[BR_MAX_NDIM];
    int64_t count[BR_MAX_NDIM];
    int64_t to[BR_MAX_NDIM];
    int64_t stride[BR_MAX_NDIM];
    for (int a = 0; a < r->ndim; a++)
        if (!part_in_chunk(from, r, a, coord[a], &first[a], &count[a]))
            return;
    char *data = bri_chunk_data(work, from, bri_grid_linear(from->ndim, from->axis, coord));
    dense_strides(r->ndim, r->count, br_dtype_size(from->dtype), to);
    chunk_strides(from, coord, stride);
    for (int a = 0; a < r->ndim; a++) {
        int64_t low = bri_axis_start(&from->axis[a], coord[a]);
        buffer += first[a] * to[a];
        data += (r->start[a] + first[a] * r->step[a] - low) * stride[a];
        stride[a] *= r->step[a];
    }
    bri_copy_box(r->ndim, count, br_dtype_size(from->dtype), buffer, to, data, stride);
}

static void gather(bri_work *work, const bri_stage *from, const rectangle *r, const int64_t *first,
                   const int64_t *last, char *buffer)
{
    int64_t coord[BR_MAX_NDIM];
    memcpy(coord, first, sizeof coord);
    for (;;) {
        gather_chunk(work, from, r, coord, buffer);
        int a = r->ndim - 1;
        while (a >= 0 && ++coord[a] > last[a]) {
            coord[a] = first[a];
            a--;
        }
        if (a < 0)
            return;
    }
}

static void view_dense(const bri_stage *stage, const bri_input *input, const rectangle *r,
                       char *buffer, bri_view *view)
{
    int64_t stride[BR_MAX_NDIM];
    dense_strides(r->ndim, r->count, br_dtype_size(input->node->dtype), stride);
    view_through(input, buffer, stride, stage->leaf_ndim, view);
}

/* ---- loading ---- */

uint64_t bri_load_bytes(const bri_input *input, const bri_leaf *leaf)
{
    rectangle r = rectangle_of(input, leaf);
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
    rectangle r = rectangle_of(input, leaf);
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

static br_status read_file(bri_work *work, const bri_input *input, const rectangle *r,
                           bri_bump *bump, char **buffer)
{
    int64_t stride[BR_MAX_NDIM];
    size_t size = br_dtype_size(input->node->dtype);
    uint64_t bytes = 0;
    *buffer = bri_bump_take(bump, (size_t)r->nelem * size);
    void *scratch = bri_bump_take(bump, bri_h5_scratch(input->node->resource));
    dense_strides(r->ndim, r->count, size, stride);
    br_status st = bri_h5_read(input->node->resource, r->start, r->step, r->count, *buffer, stride,
                               scratch, &bytes);
    atomic_fetch_add_explicit(&work->job->stats.bytes_read, (long long)bytes, memory_order_relaxed);
    return st;
}

br_status bri_load(bri_work *work, int i, const bri_leaf *leaf, bri_bump *bump, bri_view *view)
{
    const bri_stage *stage = work->stage;
    const bri_input *input = &stage->inputs[i];
    rectangle r = rectangle_of(input, leaf);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    char *buffer = NULL;
    if (r.nelem == 0) {
        view_dense(stage, input, &r, NULL, view);
        return BR_OK;
    }
    if (input->from == BRI_FROM_FILE) {
        BRI_TRY(read_file(work, input, &r, bump, &buffer));
        view_dense(stage, input, &r, buffer, view);
    } else if (in_one_piece(stage, input)) {
        view_whole_memory(stage, input, &r, view);
    } else if (one_chunk(input->stage, &r, first, last)) {
        view_chunk(work, input, &r, first, view);
    } else {
        buffer = bri_bump_take(bump, (size_t)r.nelem * br_dtype_size(input->node->dtype));
        gather(work, input->stage, &r, first, last, buffer);
        view_dense(stage, input, &r, buffer, view);
    }
    return BR_OK;
}
