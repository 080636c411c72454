/* SPDX-License-Identifier: BSD-3-Clause
 * stage_fetch.c - tasks that read a file where it is.
 */
#include <string.h>

#include "array/plan/demand.h"
#include "array/plan/face.h"
#include "array/plan/fetch.h"
#include "array/plan/file_ranks.h"
#include "array/plan/sink.h"
#include "runtime/alloc.h"

/* ---- the stage ---- */

/* Which ranks have the file is found by the node's slot, which is another one when something else
 * is planned while this runs. */
static void keep_having(bri_stage *stage)
{
    stage->data = (void *)(uintptr_t)bri_having_of(stage->plan, stage->node);
}

static br_status build(bri_plan *plan, bri_stage *stage)
{
    bri_input input = {
        .from = BRI_FROM_FILE, .node = stage->node, .map = bri_map_identity(stage->node->ndim)};
    int index;
    bri_stage_grid(stage, stage->node);
    keep_having(stage);
    plan->could |= BRI_READ_AGAIN;
    return bri_stage_add_input(stage, &input, &index);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    if (stage->node->resource != NULL) /* other ranks run none of the tasks */
        bri_copy_sizes(stage, 0, &bump);
    sizes->output = (size_t)leaf.nelem * br_dtype_size(stage->dtype);
    sizes->scratch = bump.used;
}

static br_status execute(bri_work *work)
{
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    bri_leaf_box(work->stage, work->chunk, work->step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    bri_view out;
    bri_output_view(work->stage, &leaf, work->task->output, &out);
    return bri_copy_input(work, 0, &leaf, &bump, &out);
}

/* ---- who reads ---- */

/* The ranks of these follow from where their input is, or they are not the readers themselves. */
static bool has_ranks_of_its_own(const bri_stage *reader)
{
    return reader->kind != &bri_stage_face && reader->kind != &bri_stage_cut &&
           reader->kind != &bri_stage_pieces && reader->kind != &bri_stage_packing &&
           reader->kind != &bri_stage_spreading && reader->kind != &bri_stage_keep &&
           reader->kind != &bri_stage_mirror;
}

/* The first leaf of the reader, by coordinates, that reads the chunk's first elements. */
static void first_leaf(const bri_stage *reader, const bri_input *input, const int64_t *coord,
                       int64_t *leaf)
{
    for (int a = 0; a < reader->leaf_ndim; a++)
        leaf[a] = 0;
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        const bri_axis *source = &input->stage->axis[a];
        int64_t from;
        int64_t to;
        if (m->axis < 0)
            continue;
        bri_map_inverse(m, reader->leaf_axis[m->axis].extent, bri_axis_start(source, coord[a]),
                        bri_axis_start(source, coord[a] + 1), &from, &to);
        bri_keep_within(&input->span, m->axis, &from, &to);
        if (from < to)
            leaf[m->axis] = bri_axis_find(&reader->leaf_axis[m->axis], from);
    }
}

/* The rank that the chunk is read for in the first place; -1 when that is not told easily. */
static int wanted_by(const bri_stage *stage, int64_t chunk)
{
    int64_t coord[BR_MAX_NDIM];
    int64_t leaf[BR_MAX_NDIM];
    int64_t at;
    int64_t step;
    int i = 0;
    while (i < stage->nconsumers && !has_ranks_of_its_own(stage->consumers[i].stage))
        i++;
    if (i == stage->nconsumers)
        return -1;
    const bri_stage *reader = stage->consumers[i].stage;
    const bri_input *input = &reader->inputs[stage->consumers[i].input];
    if (input->halo != NULL || reader->kind->needs != NULL || bri_map_has_windows(&input->map))
        return -1;
    bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
    first_leaf(reader, input, coord, leaf);
    bri_leaf_place(reader, leaf, &at, &step);
    return at >= 0 ? bri_stage_owner(reader, at, step) : -1;
}

/* Who needs the chunk reads it, when it has the file. */
static int owner(const bri_stage *stage, int64_t chunk, int64_t step)
{
    const bri_having *h = stage->data;
    int rank = wanted_by(stage, chunk);
    (void)step;
    if (rank < 0)
        rank = (int)((__int128)chunk * stage->plan->nranks / stage->nchunks);
    return bri_having_server(h, rank, chunk);
}

const bri_stage_kind bri_stage_fetch = {
    .name = "fetch", .build = build, .sizes = sizes, .execute = execute, .owner = owner};

/* ---- what the leaves of one input read ---- */

/* Each leaf reads one box of its own of the source, whatever the kind of the stage. */
static bool reads_boxes(const bri_stage *reader, const bri_input *input)
{
    return reader->kind->needs == NULL && reader->kind->readers == NULL && reader->picks == NULL &&
           reader->pass == NULL && has_ranks_of_its_own(reader) && !bri_is_sink(reader) &&
           input->halo == NULL && input->faces == NULL && !bri_map_has_windows(&input->map);
}

/* The axes of the leaf grid that the source is seen along, in order: `number` of each or -1. */
static int axes_seen(const bri_stage *reader, const bri_input *input, int *number)
{
    int n = 0;
    for (int l = 0; l < reader->leaf_ndim; l++) {
        number[l] = -1;
        for (int a = 0; a < input->map.ndim && number[l] < 0; a++)
            if (input->map.from[a].axis == l)
                number[l] = n++;
    }
    return n;
}

static br_status boxes_of(bri_plan *plan, const bri_stage *reader, bri_input *input)
{
    int number[BR_MAX_NDIM];
    int index;
    bri_stage *stage = bri_stage_new(plan, &bri_stage_fetch, input->node);
    bri_input file = {.from = BRI_FROM_FILE, .node = input->node, .map = input->map};
    bri_map whole = {.ndim = axes_seen(reader, input, number)};
    if (stage == NULL)
        return BR_ENOMEM;
    keep_having(stage);
    stage->dtype = input->node->dtype;
    stage->ndim = stage->leaf_ndim = whole.ndim;
    for (int l = 0; l < reader->leaf_ndim; l++) {
        if (number[l] < 0)
            continue;
        stage->axis[number[l]] = bri_axis_share(&reader->leaf_axis[l]);
        stage->leaf_axis[number[l]] = bri_axis_share(&reader->leaf_axis[l]);
        whole.from[number[l]] = (bri_map_axis){.axis = l, .step = 1};
    }
    for (int a = 0; a < file.map.ndim; a++)
        if (file.map.from[a].axis >= 0)
            file.map.from[a].axis = number[file.map.from[a].axis];
    BRI_TRY(bri_stage_finish(plan, stage, bri_stage_add_input(stage, &file, &index)));
    input->stage = stage;
    input->map = whole;
    return BR_OK;
}

static void forget_edge(bri_stage *from, int edge)
{
    from->nconsumers--;
    for (int i = edge; i < from->nconsumers; i++)
        from->consumers[i] = from->consumers[i + 1];
}

static br_status take_apart(bri_plan *plan, bri_stage *chunks)
{
    const bool apart = plan->thrift & BRI_READ_AGAIN || chunks->nconsumers == 1;
    for (int i = chunks->nconsumers - 1; i >= 0; i--) {
        bri_edge edge = chunks->consumers[i];
        bri_input *input = &edge.stage->inputs[edge.input];
        if (!reads_boxes(edge.stage, input) || !(apart || bri_reads_little(edge.stage, input)))
            continue;
        BRI_TRY(boxes_of(plan, edge.stage, input));
        forget_edge(chunks, i);
        BRI_TRY(bri_stage_note_reader(input->stage, edge.stage, edge.input));
    }
    return BR_OK;
}

br_status bri_plan_fetch(bri_plan *plan)
{
    int nstages = plan->nstages;
    for (int i = 0; i < nstages && plan->files != NULL; i++) {
        if (bri_is_fetch(plan->stages[i]))
            BRI_TRY(take_apart(plan, plan->stages[i]));
    }
    return plan->nstages > nstages ? bri_plan_renumber(plan) : BR_OK;
}
