/* SPDX-License-Identifier: BSD-3-Clause
 * sink.c - where outputs go: the caller's memory and files, both on rank 0, or the persisted chunks
 * of every rank.
 */
#include "array/plan/sink.h"

#include <string.h>

#include "array/io/hdf5.h"
#include "array/io/npy.h"
#include "array/plan/chunk_futures.h"
#include "array/plan/fetch.h"
#include "array/plan/persist.h"
#include "array/plan/store_shared.h"
#include "runtime/alloc.h"

int bri_on_rank_zero(const bri_stage *stage, int64_t chunk, int64_t step)
{
    (void)stage;
    (void)chunk;
    (void)step;
    return 0;
}

int bri_where_input_is(const bri_stage *stage, int64_t chunk, int64_t step)
{
    (void)step;
    return bri_value_owner(stage->inputs[0].stage, chunk);
}

void bri_sink_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    bri_load_sizes(stage, 0, &leaf, &bump);
    sizes->output = 0;
    sizes->scratch = bump.used;
}

/* What is filtered beside a chunk; other ranks have no writer, and no tasks of this stage. */
static void store_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *out)
{
    bri_leaf leaf;
    bri_sink_sizes(stage, chunk, step, out);
    bri_leaf_box(stage, chunk, step, &leaf);
    if (stage->data != NULL)
        out->scratch +=
            bri_h5_filtering_bytes(bri_h5_form_of(stage->data), leaf.origin, leaf.extent);
}

br_status bri_sink_load(bri_work *work, bri_leaf *leaf, bri_view *view)
{
    bri_bump bump = {work->scratch, 0};
    bri_leaf_box(work->stage, work->chunk, work->step, leaf);
    return bri_load(work, 0, leaf, &bump, view);
}

static br_status put_into_memory(bri_work *work)
{
    const bri_stage *stage = work->stage;
    size_t size = br_dtype_size(stage->dtype);
    bri_leaf leaf;
    bri_view view;
    int64_t to[BR_MAX_NDIM];
    int64_t stride = (int64_t)size;
    BRI_TRY(bri_sink_load(work, &leaf, &view));
    if (leaf.nelem == 0)
        return BR_OK;
    char *base = stage->data;
    for (int a = stage->ndim - 1; a >= 0; a--) {
        to[a] = stride;
        base += leaf.origin[a] * stride;
        stride *= stage->axis[a].extent;
    }
    bri_copy_box(stage->ndim, leaf.extent, size, base, to, view.base, view.stride);
    return BR_OK;
}

void bri_sink_count(const bri_work *work, uint64_t bytes)
{
    atomic_fetch_add_explicit(&work->job->stats.bytes_written, (long long)bytes,
                              memory_order_relaxed);
}

static br_status put_into_file(bri_work *work)
{
    bri_leaf leaf;
    bri_view view;
    uint64_t bytes = 0;
    BRI_TRY(bri_sink_load(work, &leaf, &view));
    const bool npy = work->stage->kind == &bri_stage_store_npy;
    void *writer = work->stage->data;
    br_status st = npy ? bri_npy_put(writer, leaf.origin, leaf.extent, view.base, &bytes)
                       : bri_h5_put(writer, leaf.origin, leaf.extent, view.base, &bytes);
    bri_sink_count(work, bytes);
    return st == BR_OK && !npy ? bri_h5_note_done(writer, work->chunk) : st;
}

static br_status write_chunk(bri_work *work, const bri_value *v, bri_spill_block *block)
{
    atomic_fetch_add_explicit(&work->job->stats.bytes_spilled, (long long)v->bytes,
                              memory_order_relaxed);
    return bri_spill_write(work->plan->ctx->spill, v->data, v->bytes, block);
}

/* Takes the value's block over when nobody else reads it, else copies. */
static br_status keep_chunk(bri_work *work)
{
    bri_persisted *p = work->stage->data;
    if (work->task->ninputs == 0)
        return BR_OK; /* a chunk without elements */
    bri_value *v = work->task->inputs[0].value;
    size_t bytes = v->bytes;
    p->bytes[work->chunk] = bytes;
    if (p->on_disk)
        return write_chunk(work, v, &p->block[work->chunk]);
    void *block = bri_task_take(work->task, 0);
    if (block == NULL) {
        bri_memory_force(work->plan->ctx->memory, bytes);
        block = bri_memory_get(work->plan->ctx->memory, bytes);
        if (block == NULL) {
            bri_memory_release(work->plan->ctx->memory, bytes);
            return BR_ENOMEM;
        }
        memcpy(block, v->data, bytes);
    }
    bri_memory_stand(work->plan->ctx->memory, bytes);
    p->chunk[work->chunk] = block;
    return BR_OK;
}

br_status bri_sink_no_build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    (void)stage;
    return BR_OK;
}

const bri_stage_kind bri_stage_result = {.name = "result",
                                         .build = bri_sink_no_build,
                                         .sizes = bri_sink_sizes,
                                         .execute = put_into_memory,
                                         .owner = bri_on_rank_zero};
const bri_stage_kind bri_stage_store = {.name = "store",
                                        .build = bri_sink_no_build,
                                        .sizes = store_sizes,
                                        .execute = put_into_file,
                                        .owner = bri_on_rank_zero};
const bri_stage_kind bri_stage_store_npy = {.name = "store",
                                            .build = bri_sink_no_build,
                                            .sizes = bri_sink_sizes,
                                            .execute = put_into_file,
                                            .owner = bri_on_rank_zero};
const bri_stage_kind bri_stage_keep = {.name = "persist",
                                       .build = bri_sink_no_build,
                                       .sizes = bri_sink_sizes,
                                       .execute = keep_chunk,
                                       .owner = bri_where_input_is};

static const bri_stage_kind *const kinds[] = {
    [BRI_SINK_RESULT] = &bri_stage_result,   [BRI_SINK_STORE] = &bri_stage_store,
    [BRI_SINK_KEEP] = &bri_stage_keep,       [BRI_SINK_NPY] = &bri_stage_store_npy,
    [BRI_SINK_FUTURES] = &bri_stage_futures,
};

bool bri_keeps_on_disk(const bri_stage *stage)
{
    return ((const bri_persisted *)stage->data)->on_disk;
}

bool bri_is_sink(const bri_stage *stage)
{
    return stage->kind == &bri_stage_result || stage->kind == &bri_stage_store ||
           stage->kind == &bri_stage_store_npy || stage->kind == &bri_stage_store_packed ||
           stage->kind == &bri_stage_store_rows || stage->kind == &bri_stage_keep ||
           stage->kind == &bri_stage_futures;
}

void bri_sink_shorten(const bri_plan *plan, const bri_sink *sink, bri_stage **root)
{
    bri_stage *from = (*root)->inputs[0].stage;
    bool writes = from->kind == &bri_stage_program || from->kind == &bri_stage_concat ||
                  from->kind == &bri_stage_overlap;
    if (sink->kind != BRI_SINK_RESULT || plan->nranks > 1 || !writes || from->nconsumers > 1)
        return;
    from->direct_result = true;
    from->target = sink->buffer;
    *root = from;
}

void bri_sinks_place(const bri_plan *plan)
{
    for (int i = 0; i < plan->nroots; i++)
        if (plan->roots[i]->kind == &bri_stage_keep)
            bri_persisted_place(plan->roots[i]->data, plan->roots[i]->inputs[0].stage);
}

void bri_sink_retarget(bri_stage *root, const bri_sink *sink)
{
    if (root->direct_result)
        root->target = sink->buffer;
    else
        root->data = sink->buffer;
}

/* A stage that reads another one chunk by chunk, not yet finished. */
static br_status stage_after(bri_plan *plan, const bri_stage_kind *kind, bri_stage *from,
                             bri_stage **out)
{
    int index;
    *out = bri_stage_new(plan, kind, from->node);
    if (*out == NULL)
        return BR_ENOMEM;
    bri_stage_grid(*out, from->node);
    bri_input input = {.from = BRI_FROM_STAGE,
                       .stage = from,
                       .node = from->node,
                       .map = bri_map_identity(from->ndim)};
    return bri_stage_add_input(*out, &input, &index);
}

static br_status finish(bri_plan *plan, bri_stage *stage, br_status st)
{
    return stage != NULL ? bri_stage_finish(plan, stage, st) : st;
}

/* Compression is done where the chunks are, and they travel compressed, or are written there. */
static br_status add_packing(bri_plan *plan, const bri_sink *sink, bri_stage **from)
{
    bri_stage *stage;
    const bri_stage_kind *kind = sink->sharing != NULL ? &bri_stage_spreading : &bri_stage_packing;
    br_status st = stage_after(plan, kind, *from, &stage);
    if (st == BR_OK)
        st = bri_packing_set(stage, sink);
    *from = stage;
    return finish(plan, stage, st);
}

static br_status connect(bri_plan *plan, bri_stage *from, const bri_sink *sink, bri_stage **root)
{
    bri_stage *stage;
    const bri_stage_kind *kind = kinds[sink->kind];
    bool rows = sink->form != NULL && sink->form->laid_out && sink->sharing->page == 0;
    if (rows) {
        kind = &bri_stage_store_rows;
    } else if (sink->form != NULL && plan->nranks > 1) {
        BRI_TRY(add_packing(plan, sink, &from));
        kind = &bri_stage_store_packed;
    }
    br_status st = stage_after(plan, kind, from, &stage);
    if (st == BR_OK && sink->kind == BRI_SINK_KEEP) {
        plan->could |= BRI_KEEP_ON_DISK;
        st = bri_persisted_new(plan->ctx, sink->id, from, (bri_persisted **)&stage->data);
    }
    if (st == BR_OK && sink->kind == BRI_SINK_RESULT)
        stage->data = sink->buffer;
    if (st == BR_OK && rows)
        st = bri_packing_set(stage, sink);
    else if (st == BR_OK && (sink->kind == BRI_SINK_STORE || sink->kind == BRI_SINK_NPY ||
                             sink->kind == BRI_SINK_FUTURES))
        stage->data = sink->writer;
    if (st == BR_OK)
        stage->stored = sink->stored;
    *root = stage;
    return finish(plan, stage, st);
}

/* Sources as outputs go through a program, which makes values of them on every rank. So do files
 * that some ranks lack, where what follows is to be done by all. */
static br_status value_stage(bri_plan *plan, bri_node *output, const bri_sink *sink,
                             bri_stage **from)
{
    BRI_TRY(bri_stage_of(plan, output, from));
    bool spread = bri_is_fetch(*from) && (sink->kind == BRI_SINK_KEEP || sink->form != NULL);
    if (!(*from)->direct && !spread)
        return BR_OK;
    bri_stage *copy = bri_stage_new(plan, &bri_stage_program, output);
    if (copy == NULL)
        return BR_ENOMEM;
    *from = copy;
    return bri_stage_finish(plan, copy, bri_stage_program.build(plan, copy));
}

br_status bri_sink_build(bri_plan *plan, bri_node *output, const bri_sink *sink, bri_stage **root)
{
    bri_stage *from;
    BRI_TRY(value_stage(plan, output, sink, &from));
    return connect(plan, from, sink, root);
}
