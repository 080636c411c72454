/* SPDX-License-Identifier: BSD-3-Clause
 * persist.c - the table of persisted arrays of a context, their node kind, and the stage that reads
 * them.
 */
#include "array/plan/persist.h"

#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/fuse.h"
#include "array/plan/message.h"
#include "array/plan/place.h"
#include "runtime/alloc.h"

static void free_chunk(bri_persisted *p, int64_t c)
{
    if (p->chunk[c] == NULL)
        return;
    bri_memory_put(p->ctx->memory, p->chunk[c], p->bytes[c]);
    bri_memory_unstand(p->ctx->memory, p->bytes[c]);
    bri_memory_release(p->ctx->memory, p->bytes[c]);
    p->chunk[c] = NULL;
}

static void free_persisted(bri_persisted *p)
{
    for (int64_t c = 0; p->chunk != NULL && c < p->nchunks; c++)
        free_chunk(p, c);
    for (int64_t c = 0; p->block != NULL && c < p->nchunks; c++)
        bri_spill_drop(p->ctx->spill, &p->block[c]);
    for (int a = 0; a < p->ndim; a++)
        bri_axis_release(&p->axis[a]);
    bri_free(p->owner);
    bri_free(p->chunk);
    bri_free(p->block);
    bri_free(p->bytes);
    bri_free(p);
}

br_status bri_persisted_new(br_context *ctx, int64_t id, const bri_stage *stage,
                            bri_persisted **out)
{
    bri_array_data *data = bri_array_data_of(ctx);
    bri_persisted *p = bri_calloc(1, sizeof *p);
    if (p == NULL)
        return BR_ENOMEM;
    p->id = id;
    p->ctx = ctx;
    p->dtype = stage->dtype;
    p->nchunks = stage->nchunks;
    for (; p->ndim < stage->ndim; p->ndim++)
        p->axis[p->ndim] = bri_axis_share(&stage->axis[p->ndim]);
    p->owner = bri_calloc((size_t)p->nchunks, sizeof *p->owner);
    p->chunk = bri_calloc((size_t)p->nchunks, sizeof *p->chunk);
    p->block = bri_calloc((size_t)p->nchunks, sizeof *p->block);
    p->bytes = bri_calloc((size_t)p->nchunks, sizeof *p->bytes);
    p->on_disk = stage->plan->thrift & BRI_KEEP_ON_DISK;
    if (p->owner == NULL || p->chunk == NULL || p->block == NULL || p->bytes == NULL) {
        free_persisted(p);
        return BR_ENOMEM;
    }
    p->next = data->persisted;
    data->persisted = p;
    *out = p;
    return BR_OK;
}

void bri_persisted_place(bri_persisted *p, const bri_stage *stage)
{
    for (int64_t c = 0; c < p->nchunks; c++)
        p->owner[c] = bri_value_owner(stage, c);
}

bool bri_persisted_in_runs(const bri_stage *stage)
{
    const bri_persisted *p = stage->data;
    for (int64_t c = 0; c < p->nchunks; c++)
        if (p->owner[c] != bri_place_run(stage->plan, c, p->nchunks))
            return false;
    return true;
}

bri_persisted *bri_persisted_find(br_context *ctx, int64_t id)
{
    bri_persisted *p = bri_array_data_of(ctx)->persisted;
    while (p != NULL && p->id != id)
        p = p->next;
    return p;
}

void bri_persisted_drop(br_context *ctx, int64_t id)
{
    bri_persisted **link = &bri_array_data_of(ctx)->persisted;
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    bri_persisted *p = *link;
    if (p == NULL)
        return;
    *link = p->next;
    free_persisted(p);
}

static size_t bytes_in_memory(const bri_persisted *p)
{
    size_t bytes = 0;
    for (int64_t c = 0; c < p->nchunks; c++)
        bytes += p->chunk[c] != NULL ? p->bytes[c] : 0;
    return bytes;
}

/* What is written already stays where it is when the disk is full. */
static br_status move_out(bri_persisted *p)
{
    br_status st = BR_OK;
    for (int64_t c = 0; c < p->nchunks && st == BR_OK; c++)
        if (p->chunk[c] != NULL && p->bytes[c] > 0)
            st = bri_spill_write(p->ctx->spill, p->chunk[c], p->bytes[c], &p->block[c]);
    for (int64_t c = 0; c < p->nchunks; c++)
        if (st == BR_OK)
            free_chunk(p, c);
        else
            bri_spill_drop(p->ctx->spill, &p->block[c]);
    p->on_disk = st == BR_OK;
    return st == BR_OK ? BR_OK : bri_error_context(st, "a persisted array");
}

br_status bri_persisted_move_out(br_context *ctx, bool *moved)
{
    bri_persisted *largest = NULL;
    size_t most = 0;
    *moved = false;
    for (bri_persisted *p = bri_array_data_of(ctx)->persisted; p != NULL; p = p->next) {
        size_t bytes = bytes_in_memory(p);
        if (bytes > most) {
            most = bytes;
            largest = p;
        }
    }
    if (largest == NULL)
        return BR_OK;
    BRI_TRY(move_out(largest));
    *moved = true;
    return BR_OK;
}

/* ---- the node ---- */

static br_status infer(bri_node *node)
{
    int64_t id = ((const bri_persisted_params *)node->params)->id;
    const bri_persisted *p = bri_persisted_find(node->ctx, id);
    if (p == NULL)
        return bri_error(BR_EINTERNAL, "persisted array %lld is not here", (long long)id);
    node->dtype = p->dtype;
    for (; node->ndim < p->ndim; node->ndim++)
        node->axis[node->ndim] = bri_axis_share(&p->axis[node->ndim]);
    return BR_OK;
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    return bri_fuse_persisted(fuse, node, map);
}

static void print(const bri_node *node, FILE *to)
{
    fprintf(to, "number %lld", (long long)((const bri_persisted_params *)node->params)->id);
}

/* Rank 0 frees its chunks at once and tells the others with the next message. */
static void destroy(bri_node *node)
{
    if (node->ctx == NULL || node->ctx->rank != 0 || node->params == NULL)
        return;
    int64_t id = ((const bri_persisted_params *)node->params)->id;
    bri_persisted_drop(node->ctx, id);
    bri_message_note_dropped(node->ctx, id);
}

const bri_op bri_op_persisted = {.name = "persisted",
                                 .infer = infer,
                                 .form = {0, 0, sizeof(bri_persisted_params), false},
                                 .emit = emit,
                                 .print = print,
                                 .destroy = destroy};

/* ---- stages that read what is there: persisted chunks and the caller's memory ---- */

static br_status build_persisted(bri_plan *plan, bri_stage *stage)
{
    const bri_persisted *p =
        bri_persisted_find(plan->ctx, ((const bri_persisted_params *)stage->node->params)->id);
    bri_stage_grid(stage, stage->node);
    stage->direct = !p->on_disk;
    stage->data = (void *)(uintptr_t)p;
    return BR_OK;
}

static br_status build_memory(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    bri_stage_grid(stage, stage->node);
    stage->direct = true;
    return BR_OK;
}

/* Rank 0 alone has any. */
static br_status build_results(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    bri_stage_grid(stage, stage->node);
    stage->direct = true;
    stage->data = stage->node->resource;
    return BR_OK;
}

static int persisted_owner(const bri_stage *stage, int64_t chunk, int64_t step)
{
    (void)step;
    return ((const bri_persisted *)stage->data)->owner[chunk];
}

static int memory_owner(const bri_stage *stage, int64_t chunk, int64_t step)
{
    (void)stage;
    (void)chunk;
    (void)step;
    return 0;
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    (void)step;
    sizes->output = (size_t)bri_chunk_nelem(stage, chunk) * br_dtype_size(stage->dtype);
    sizes->scratch = 0;
}

void *bri_direct_chunk(const bri_stage *stage, int64_t chunk)
{
    if (stage->kind == &bri_stage_results)
        return (void *)(uintptr_t)((const bri_results *)stage->data)->chunk[chunk].data;
    return ((const bri_persisted *)stage->data)->chunk[chunk];
}

const char *bri_source_element(bri_work *work, const bri_stage *from, int64_t chunk, int64_t inside,
                               const int64_t *at, int64_t *run)
{
    size_t size = br_dtype_size(from->dtype);
    if (from->kind != &bri_stage_memory || work->plan->rank != 0)
        return bri_chunk_data(work, from, chunk) + (size_t)inside * size;
    const bri_memory_params *p = from->node->params;
    const char *data = p->data;
    for (int a = 0; a < from->ndim; a++)
        data += at[a] * p->stride[a];
    if (from->ndim > 0 && p->stride[from->ndim - 1] != (int64_t)size)
        *run = 1;
    return data;
}

/* What is in the file need not be written there again to spill it. */
static br_status read_persisted(bri_work *work, const bri_spill_block *block)
{
    bri_value *v = work->task->output;
    if (block->bytes == 0)
        return BR_OK;
    BRI_TRY(bri_spill_read(work->plan->ctx->spill, block, v->data));
    atomic_fetch_add_explicit(&work->job->stats.bytes_fetched, (long long)v->bytes,
                              memory_order_relaxed);
    bri_spill_value_has_copy(v, block);
    return BR_OK;
}

/* These tasks exist only for chunks on disk and those that other ranks read: they make the value
 * that is sent. */
static br_status export_persisted(bri_work *work)
{
    const bri_persisted *p = work->stage->data;
    if (p->on_disk)
        return read_persisted(work, &p->block[work->chunk]);
    size_t bytes =
        (size_t)bri_chunk_nelem(work->stage, work->chunk) * br_dtype_size(work->stage->dtype);
    if (bytes > 0)
        memcpy(work->task->output->data, bri_direct_chunk(work->stage, work->chunk), bytes);
    return BR_OK;
}

static br_status export_results(bri_work *work)
{
    const bri_stage *stage = work->stage;
    size_t bytes = (size_t)bri_chunk_nelem(stage, work->chunk) * br_dtype_size(stage->dtype);
    if (bytes > 0)
        memcpy(work->task->output->data, bri_direct_chunk(stage, work->chunk), bytes);
    return BR_OK;
}

static br_status export_memory(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_memory_params *p = stage->node->params;
    const char *data = p->data;
    size_t size = br_dtype_size(stage->dtype);
    int64_t to[BR_MAX_NDIM];
    int64_t part = (int64_t)size;
    bri_leaf leaf;
    bri_leaf_box(stage, work->chunk, 0, &leaf);
    for (int a = stage->ndim - 1; a >= 0; a--) {
        to[a] = part;
        data += leaf.origin[a] * p->stride[a];
        part *= leaf.extent[a];
    }
    if (leaf.nelem > 0)
        bri_copy_box(stage->ndim, leaf.extent, size, work->task->output->data, to, data, p->stride);
    return BR_OK;
}

const bri_stage_kind bri_stage_persisted = {.name = "persisted",
                                            .build = build_persisted,
                                            .sizes = sizes,
                                            .execute = export_persisted,
                                            .owner = persisted_owner};
const bri_stage_kind bri_stage_results = {.name = "from_futures",
                                          .build = build_results,
                                          .sizes = sizes,
                                          .execute = export_results,
                                          .owner = memory_owner};
const bri_stage_kind bri_stage_memory = {.name = "from_memory",
                                         .build = build_memory,
                                         .sizes = sizes,
                                         .execute = export_memory,
                                         .owner = memory_owner};
