/* SPDX-License-Identifier: BSD-3-Clause
 * stage_cut.c - chunks cut into the parts that their readers need, where whole ones would take too
 * much memory.
 *
 * From rows to columns each new chunk needs a part of every old one, so all old chunks would be
 * held until the last new one is made, beside the new ones that are waited for. A task cuts an old
 * chunk as soon as it is there, along the grid that is cut wherever either grid is (their
 * elementwise minimum when one divides the other, as in the rechunker package); it goes at once,
 * and each piece goes with the one chunk that needs it. That is a second copy, so it is done for
 * want of memory only. Under MPI pieces travel, not whole chunks.
 *
 * Two stages: the tasks, one for each old chunk, and the pieces that these make.
 */
#include <string.h>

#include "array/expr/grid_listed.h"
#include "array/plan/cut.h"
#include "array/plan/fetch.h"
#include "runtime/alloc.h"

/* ---- the grid of the pieces ---- */

/* Axis a of the source, cut where the reader's leaves are. */
static br_status reader_axis(const bri_stage *reader, const bri_input *input, int a, bri_axis *out)
{
    const bri_map_axis *m = &input->map.from[a];
    const bri_axis *source = &input->stage->axis[a];
    const bri_axis *leaf = &reader->leaf_axis[m->axis];
    int64_t longest = bri_axis_largest(leaf);
    int64_t after = source->extent - m->start - leaf->extent;
    if (m->start == 0 && after == 0) {
        *out = bri_axis_share(leaf);
        return BR_OK;
    }
    longest = m->start > longest ? m->start : longest;
    longest = after > longest ? after : longest;
    bri_starts *s;
    BRI_TRY(bri_starts_new(leaf->nchunks + 2, longest, &s));
    if (m->start > 0)
        bri_starts_append(s, m->start);
    for (int64_t c = 1; c <= leaf->nchunks; c++)
        bri_starts_append(s, m->start + bri_axis_start(leaf, c));
    if (after > 0)
        bri_starts_append(s, source->extent);
    bri_starts_adopt(s, out);
    return BR_OK;
}

/* Can the source's chunks be cut as the reader's leaves are: is each axis seen one to one? */
static bool can_be_cut(const bri_stage *reader, const bri_input *input)
{
    uint32_t seen = 0;
    bool shared = input->node->nparents + input->node->is_output > 1;
    /* Beside what others read the pieces are worth it on disk only. */
    if (input->from != BRI_FROM_STAGE || input->stage->direct || input->span.to > 0 ||
        (shared && !(reader->plan->thrift & BRI_SPILL)))
        return false;
    if (bri_is_fetch(input->stage) && reader->plan->thrift & BRI_READ_AGAIN)
        return false; /* what a leaf reads comes by itself (fetch.h) */
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        if (m->axis < 0 || m->step != 1 || seen >> m->axis & 1 || input->map.window[a].step != 0)
            return false;
        int64_t extent = reader->leaf_axis[m->axis].extent;
        if (extent == 0 || m->start < 0 || m->start + extent > input->stage->axis[a].extent)
            return false;
        seen |= 1u << m->axis;
    }
    return input->map.ndim > 0;
}

static br_status cut_grid(const bri_stage *reader, const bri_input *input, bri_axis *axis)
{
    for (int a = 0; a < input->map.ndim; a++) {
        bri_axis leaves;
        BRI_TRY(reader_axis(reader, input, a, &leaves));
        br_status st = bri_axis_unify(&input->stage->axis[a], &leaves, &axis[a]);
        bri_axis_release(&leaves);
        BRI_TRY(st);
    }
    return BR_OK;
}

/* Only where a chunk has several readers, and a reader several chunks. */
static bool pays(const bri_stage *reader, const bri_input *input, const bri_axis *axis)
{
    double pieces = 1;
    double leaves = 1;
    for (int a = 0; a < input->map.ndim; a++) {
        pieces *= (double)axis[a].nchunks;
        leaves *= (double)reader->leaf_axis[input->map.from[a].axis].nchunks;
    }
    return pieces > (double)input->stage->nchunks && pieces > leaves;
}

/* ---- building ---- */

static br_status add_stage(bri_plan *plan, const bri_stage_kind *kind, bri_stage *from,
                           const bri_axis *axis, bri_stage **out)
{
    bri_stage *stage = bri_stage_new(plan, kind, from->node);
    int index;
    if (stage == NULL)
        return BR_ENOMEM;
    stage->dtype = from->dtype;
    stage->ndim = stage->leaf_ndim = from->ndim;
    for (int a = 0; a < from->ndim; a++) {
        stage->axis[a] = bri_axis_share(&axis[a]);
        stage->leaf_axis[a] = bri_axis_share(&axis[a]);
    }
    bri_input input = {.from = BRI_FROM_STAGE,
                       .stage = from,
                       .node = from->node,
                       .map = bri_map_identity(from->ndim)};
    *out = stage;
    return bri_stage_finish(plan, stage, bri_stage_add_input(stage, &input, &index));
}

br_status bri_cut_first(bri_stage *reader, bri_input *input)
{
    bri_plan *plan = reader->plan;
    bri_axis axis[BR_MAX_NDIM];
    bri_stage *cutting;
    memset(axis, 0, sizeof axis);
    if (!can_be_cut(reader, input))
        return BR_OK;
    br_status st = cut_grid(reader, input, axis);
    if (st == BR_OK && pays(reader, input, axis)) {
        plan->could |= BRI_CUT_FIRST;
        if (plan->thrift & BRI_CUT_FIRST) {
            bri_stage *from = input->stage;
            st = add_stage(plan, &bri_stage_cut, from, from->axis, &cutting);
            if (st == BR_OK)
                st = add_stage(plan, &bri_stage_pieces, cutting, axis, &input->stage);
            if (st == BR_OK)
                cutting->data = input->stage;
        }
    }
    for (int a = 0; a < input->map.ndim; a++)
        bri_axis_release(&axis[a]);
    return st;
}

static br_status no_build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    (void)stage;
    return BR_OK;
}

/* ---- which pieces a chunk has ---- */

int64_t bri_cut_chunk(const bri_stage *pieces, int64_t piece)
{
    const bri_stage *cutting = pieces->inputs[0].stage;
    int64_t coord[BR_MAX_NDIM];
    bri_grid_coords(pieces->ndim, pieces->axis, piece, coord);
    for (int a = 0; a < pieces->ndim; a++)
        coord[a] = bri_axis_find(&cutting->axis[a], bri_axis_start(&pieces->axis[a], coord[a]));
    return bri_grid_linear(cutting->ndim, cutting->axis, coord);
}

/* The first piece of a chunk along each axis, and how many there are. */
static void pieces_of(const bri_stage *cutting, int64_t chunk, int64_t *first, int64_t *count)
{
    const bri_stage *pieces = cutting->data;
    int64_t coord[BR_MAX_NDIM];
    bri_grid_coords(cutting->ndim, cutting->axis, chunk, coord);
    for (int a = 0; a < cutting->ndim; a++) {
        int64_t from = bri_axis_start(&cutting->axis[a], coord[a]);
        int64_t to = bri_axis_start(&cutting->axis[a], coord[a] + 1);
        first[a] = bri_axis_find(&pieces->axis[a], from);
        count[a] = bri_axis_find(&pieces->axis[a], to - 1) - first[a] + 1;
    }
}

int64_t bri_cut_count(const bri_stage *cutting, int64_t chunk)
{
    int64_t first[BR_MAX_NDIM];
    int64_t count[BR_MAX_NDIM];
    int64_t n = 1;
    pieces_of(cutting, chunk, first, count);
    for (int a = 0; a < cutting->ndim; a++)
        n *= count[a];
    return n;
}

int64_t bri_cut_piece(const bri_stage *cutting, int64_t chunk, int64_t i)
{
    const bri_stage *pieces = cutting->data;
    int64_t first[BR_MAX_NDIM];
    int64_t count[BR_MAX_NDIM];
    pieces_of(cutting, chunk, first, count);
    for (int a = cutting->ndim - 1; a >= 0; a--) {
        first[a] += i % count[a];
        i /= count[a];
    }
    return bri_grid_linear(pieces->ndim, pieces->axis, first);
}

/* ---- the tasks ---- */

/* A chunk is cut where it was made. */
static int cutting_owner(const bri_stage *stage, int64_t chunk, int64_t step)
{
    (void)step;
    return bri_value_owner(stage->inputs[0].stage, chunk);
}

static void cutting_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    (void)step;
    sizes->output = (size_t)bri_chunk_nelem(stage, chunk) * br_dtype_size(stage->dtype);
    sizes->scratch = 0;
}

/* Copies one piece out of a chunk that begins at `origin` and has these strides. */
static void copy_piece(const bri_stage *pieces, const bri_value *piece, const char *from,
                       const int64_t *origin, const int64_t *stride)
{
    int64_t size = (int64_t)br_dtype_size(pieces->dtype);
    int64_t to[BR_MAX_NDIM];
    bri_leaf box;
    bri_leaf_box(pieces, piece->key.index, 0, &box);
    for (int a = pieces->ndim - 1; a >= 0; a--) {
        to[a] = size;
        size *= box.extent[a];
        from += (box.origin[a] - origin[a]) * stride[a];
    }
    bri_copy_box(pieces->ndim, box.extent, br_dtype_size(pieces->dtype), piece->data, to, from,
                 stride);
}

static br_status cut(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_stage *from = stage->inputs[0].stage;
    const char *data = bri_chunk_data(work, from, work->chunk);
    int64_t stride[BR_MAX_NDIM];
    int64_t size = (int64_t)br_dtype_size(stage->dtype);
    bri_leaf box;
    bri_leaf_box(stage, work->chunk, 0, &box);
    for (int a = stage->ndim - 1; a >= 0; a--) {
        stride[a] = size;
        size *= box.extent[a];
    }
    for (const bri_value *v = work->task->output; v != NULL; v = v->next_output)
        copy_piece(stage->data, v, data, box.origin, stride);
    return BR_OK;
}

const bri_stage_kind bri_stage_cut = {.name = "chunks, to be cut, of",
                                      .build = no_build,
                                      .sizes = cutting_sizes,
                                      .execute = cut,
                                      .owner = cutting_owner};

/* ---- the pieces: values of those tasks ---- */

static br_status needs(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
{
    (void)step;
    return bri_needs_add(list, stage->inputs[0].stage, bri_cut_chunk(stage, chunk));
}

static void candidates(const bri_stage *stage, int64_t of, int64_t *first, int64_t *last)
{
    const bri_stage *cutting = stage->inputs[0].stage;
    *first = bri_cut_piece(cutting, of, 0);
    *last = bri_cut_piece(cutting, of, bri_cut_count(cutting, of) - 1);
}

static int piece_owner(const bri_stage *stage, int64_t chunk, int64_t step)
{
    return bri_stage_owner(stage->inputs[0].stage, bri_cut_chunk(stage, chunk), step);
}

const bri_stage_kind bri_stage_pieces = {.name = "pieces of",
                                         .build = no_build,
                                         .needs = needs,
                                         .candidates = candidates,
                                         .sizes = cutting_sizes,
                                         .owner = piece_owner};
