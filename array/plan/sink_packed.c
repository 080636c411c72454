/* SPDX-License-Identifier: BSD-3-Clause
 * sink_packed.c - stores over several ranks: chunks are compressed where they are made. They travel
 * to rank 0, or, where their rank sees the file, are written there, and records of them travel. Of
 * datasets without chunks nothing travels then.
 */
#include "array/io/hdf5.h"
#include "array/plan/sink.h"
#include "array/plan/store_shared.h"
#include "runtime/alloc.h"

/* The data of stages that pack; both belong to the sink. */
typedef struct packing {
    const bri_h5_form *form;
    const bri_sharing *sharing; /* NULL: all chunks travel */
} packing;

br_status bri_packing_set(bri_stage *stage, const bri_sink *sink)
{
    packing *p = bri_malloc(sizeof *p);
    if (p == NULL)
        return BR_ENOMEM;
    *p = (packing){sink->form, sink->sharing};
    stage->data = p;
    return BR_OK;
}

static void destroy(bri_stage *stage)
{
    bri_free(stage->data);
}

/* Does the rank that makes the chunk write it? The same on all ranks. */
static bool is_written_there(const bri_stage *stage, int64_t chunk)
{
    const packing *p = stage->data;
    return p->sharing != NULL && p->sharing->writes[bri_value_owner(stage, chunk)];
}

/* ---- packing ---- */

static void pack_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *out)
{
    const bri_h5_form *form = ((const packing *)stage->data)->form;
    bri_leaf leaf;
    bri_sink_sizes(stage, chunk, step, out);
    bri_leaf_box(stage, chunk, step, &leaf);
    out->output = bri_h5_packed_bound(form, leaf.origin, leaf.extent);
    out->scratch += bri_h5_filtering_bytes(form, leaf.origin, leaf.extent);
}

static br_status pack_chunk(bri_work *work)
{
    const packing *p = work->stage->data;
    bri_leaf leaf;
    bri_view view;
    bri_value *packed = work->task->output;
    BRI_TRY(bri_sink_load(work, &leaf, &view));
    return bri_h5_pack(p->form, leaf.origin, leaf.extent, view.base, packed->data, &packed->used);
}

/* ---- writing where the chunk is ---- */

/* Of rows whose ends go to rank 0: all of them, where their rank cannot write. */
static size_t page_of(const bri_stage *stage, int64_t chunk)
{
    const packing *p = stage->data;
    return is_written_there(stage, chunk) ? p->sharing->page : 0;
}

static br_status write_pages(bri_work *work)
{
    const packing *p = work->stage->data;
    bri_leaf leaf;
    bri_view view;
    bri_value *ends = work->task->output;
    BRI_TRY(bri_sink_load(work, &leaf, &view));
    BRI_TRY(bri_h5_write_pages(p->form, p->sharing->id, page_of(work->stage, work->chunk),
                               leaf.origin, leaf.extent, view.base, ends->data, &ends->used));
    bool sync = p->sharing->sync && is_written_there(work->stage, work->chunk);
    return sync ? bri_h5_sync_joined(p->sharing->id) : BR_OK;
}

static void spread_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *out)
{
    const bri_h5_form *form = ((const packing *)stage->data)->form;
    bri_leaf leaf;
    if (form->laid_out) {
        bri_sink_sizes(stage, chunk, step, out);
        bri_leaf_box(stage, chunk, step, &leaf);
        out->output = bri_h5_ends_bound(form, page_of(stage, chunk), leaf.extent);
        return;
    }
    if (!is_written_there(stage, chunk)) {
        pack_sizes(stage, chunk, step, out);
        return;
    }
    bri_sink_sizes(stage, chunk, step, out);
    bri_leaf_box(stage, chunk, step, &leaf);
    out->output =
        sizeof(bri_h5_record) * (size_t)bri_h5_count_parts(form, leaf.origin, leaf.extent);
    bri_bump bump = {NULL, out->scratch};
    bri_bump_take(&bump, bri_h5_run_room(form, leaf.origin, leaf.extent));
    out->scratch = bump.used + bri_h5_filtering_bytes(form, leaf.origin, leaf.extent);
}

static br_status claim(const bri_h5_runs *runs, uint64_t bytes, uint64_t *address)
{
    const bri_work *work = runs->data;
    return bri_claim_space(work->plan->ctx, runs->file, bytes, address);
}

static br_status write_chunk(bri_work *work)
{
    const packing *p = work->stage->data;
    bri_leaf leaf;
    bri_view view;
    bri_bump bump = {work->scratch, 0};
    bri_leaf_box(work->stage, work->chunk, work->step, &leaf);
    BRI_TRY(bri_load(work, 0, &leaf, &bump, &view));
    const bri_h5_runs runs = {
        .file = p->sharing->id,
        .claim = claim,
        .data = work,
        .sync = p->sharing->sync,
        .memory = bri_bump_take(&bump, bri_h5_run_room(p->form, leaf.origin, leaf.extent)),
    };
    return bri_h5_write_runs(p->form, &runs, leaf.origin, leaf.extent, view.base,
                             work->task->output->data);
}

static br_status spread_chunk(bri_work *work)
{
    if (((const packing *)work->stage->data)->form->laid_out)
        return write_pages(work);
    return is_written_there(work->stage, work->chunk) ? write_chunk(work) : pack_chunk(work);
}

/* ---- datasets without chunks, on one host ---- */

/* Rank 0 writes for those that cannot. */
static int who_writes(const bri_stage *stage, int64_t chunk, int64_t step)
{
    const packing *p = stage->data;
    int owner = bri_where_input_is(stage, chunk, step);
    return p->sharing->writes[owner] ? owner : 0;
}

static br_status put_rows(bri_work *work)
{
    const packing *p = work->stage->data;
    bri_leaf leaf;
    bri_view view;
    uint64_t bytes = 0;
    BRI_TRY(bri_sink_load(work, &leaf, &view));
    if (leaf.nelem == 0)
        return BR_OK;
    br_status st =
        bri_h5_write_ends(p->form, p->sharing->id, 0, leaf.origin, leaf.extent, view.base, &bytes);
    bri_sink_count(work, bytes);
    return st;
}

/* ---- rank 0 ---- */

static void no_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    (void)stage;
    (void)chunk;
    (void)step;
    *sizes = (bri_sizes){0};
}

static br_status put_ends(bri_work *work, const packing *p, const bri_leaf *leaf)
{
    uint64_t bytes = 0;
    size_t page = page_of(work->stage->inputs[0].stage, work->chunk);
    const char *ends = work->task->inputs[0].value->data;
    br_status st =
        bri_h5_write_ends(p->form, p->sharing->id, page, leaf->origin, leaf->extent, ends, &bytes);
    bri_sink_count(work, bytes);
    return st;
}

static br_status put_packed(bri_work *work)
{
    bri_leaf leaf;
    uint64_t bytes = 0;
    bri_h5_writer *writer = work->stage->data;
    const packing *p = work->stage->inputs[0].stage->data;
    bri_leaf_box(work->stage, work->chunk, work->step, &leaf);
    if (work->task->ninputs == 0)
        return BR_OK; /* a chunk without elements */
    if (p->form->laid_out) {
        BRI_TRY(put_ends(work, p, &leaf));
        return work->stage->stored != NULL ? bri_h5_note_done(writer, work->chunk) : BR_OK;
    }
    const void *got = work->task->inputs[0].value->data;
    br_status st = is_written_there(work->stage->inputs[0].stage, work->chunk)
                       ? bri_h5_enter(writer, leaf.origin, leaf.extent, got, &bytes)
                       : bri_h5_put_packed(writer, leaf.origin, leaf.extent, got, &bytes);
    bri_sink_count(work, bytes);
    return st == BR_OK ? bri_h5_note_done(writer, work->chunk) : st;
}

const bri_stage_kind bri_stage_packing = {.name = "compress",
                                          .build = bri_sink_no_build,
                                          .sizes = pack_sizes,
                                          .execute = pack_chunk,
                                          .owner = bri_where_input_is,
                                          .destroy = destroy};
const bri_stage_kind bri_stage_spreading = {.name = "write",
                                            .build = bri_sink_no_build,
                                            .sizes = spread_sizes,
                                            .execute = spread_chunk,
                                            .owner = bri_where_input_is,
                                            .destroy = destroy};
const bri_stage_kind bri_stage_store_rows = {.name = "store",
                                             .build = bri_sink_no_build,
                                             .sizes = bri_sink_sizes,
                                             .execute = put_rows,
                                             .owner = who_writes,
                                             .destroy = destroy};
const bri_stage_kind bri_stage_store_packed = {.name = "store",
                                               .build = bri_sink_no_build,
                                               .sizes = no_sizes,
                                               .execute = put_packed,
                                               .owner = bri_on_rank_zero};
