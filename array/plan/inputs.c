/* SPDX-License-Identifier: BSD-3-Clause
 * inputs.c - where the elements lie that a task's inputs read, and copying and reading them.
 */
#include <string.h>

#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/face.h"
#include "array/plan/inputs.h"
#include "array/plan/persist.h"

char *bri_chunk_data(bri_work *work, const bri_stage *from, int64_t chunk)
{
    if (from->direct && bri_value_owner(from, chunk) == work->plan->rank)
        return bri_direct_chunk(from, chunk);
    bri_key key = bri_stage_key(from, chunk);
    for (int i = 0; i < work->task->ninputs; i++) {
        const bri_value *v = work->task->inputs[i].value;
        if (bri_key_equal(v->key, key))
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

static void dense_strides(int ndim, const int64_t *count, size_t size, int64_t *stride)
{
    int64_t s = (int64_t)size;
    for (int a = ndim - 1; a >= 0; a--) {
        stride[a] = s;
        s *= count[a];
    }
}

bri_spot bri_spot_in_memory(const bri_input *input, const bri_rectangle *r)
{
    const bri_memory_params *p = input->stage->node->params;
    bri_spot at = {.data = (char *)(uintptr_t)p->data};
    for (int a = 0; a < r->ndim; a++) {
        at.data += r->start[a] * p->stride[a];
        at.stride[a] = r->step[a] * p->stride[a];
    }
    return at;
}

bool bri_one_chunk(const bri_stage *from, const bri_rectangle *r, int64_t *first, int64_t *last)
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

bri_spot bri_spot_in_chunk(bri_work *work, const bri_input *input, const bri_rectangle *r,
                           const int64_t *coord, const int64_t *first)
{
    const bri_stage *from = input->stage;
    bri_spot at;
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

void bri_gather_chunk(bri_work *work, const bri_input *input, const bri_rectangle *r,
                      const int64_t *coord, const bri_spot *to)
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
    bri_spot at = bri_spot_in_chunk(work, input, r, coord, first);
    bri_copy_box(r->ndim, count, br_dtype_size(from->dtype), out, to->stride, at.data, at.stride);
}

void bri_gather(bri_work *work, const bri_input *input, const bri_rectangle *r,
                const int64_t *first, const int64_t *last, const bri_spot *to)
{
    int64_t coord[BR_MAX_NDIM];
    memcpy(coord, first, sizeof coord);
    for (;;) {
        bri_gather_chunk(work, input, r, coord, to);
        int a = r->ndim - 1;
        while (a >= 0 && ++coord[a] > last[a]) {
            coord[a] = first[a];
            a--;
        }
        if (a < 0)
            return;
    }
}

bri_spot bri_spot_in_buffer(const bri_input *input, const bri_rectangle *r, char *buffer)
{
    bri_spot at = {.data = buffer};
    dense_strides(r->ndim, r->count, br_dtype_size(input->node->dtype), at.stride);
    return at;
}

bool bri_in_one_piece(const bri_stage *stage, const bri_input *input)
{
    return input->stage->kind == &bri_stage_memory && stage->plan->rank == 0;
}

void bri_copy_part(bri_work *work, const bri_input *input, const bri_rectangle *part,
                   const int64_t *coord, char *out)
{
    static const int64_t start[BR_MAX_NDIM];
    bri_spot to = bri_spot_in_buffer(input, part, out);
    bri_spot at = bri_in_one_piece(work->stage, input)
                      ? bri_spot_in_memory(input, part)
                      : bri_spot_in_chunk(work, input, part, coord, start);
    bri_copy_box(part->ndim, part->count, br_dtype_size(input->node->dtype), out, to.stride,
                 at.data, at.stride);
}

br_status bri_read_file(bri_work *work, int i, const bri_rectangle *r, bri_bump *bump,
                        const bri_spot *to)
{
    const bri_input *input = &work->stage->inputs[i];
    bri_h5_held *held = work->holds && i < BRI_MOST_HELD ? &work->held[i] : NULL;
    uint64_t bytes = 0;
    void *scratch = bri_bump_take(bump, bri_h5_scratch(input->node->resource));
    br_status st = bri_h5_read_held(input->node->resource, r->start, r->step, r->count, to->data,
                                    to->stride, scratch, &bytes, held);
    atomic_fetch_add_explicit(&work->job->stats.bytes_read, (long long)bytes, memory_order_relaxed);
    return st;
}
