/* SPDX-License-Identifier: BSD-3-Clause
 * stage_concat.c - arrays one after the other along an axis.
 *
 * The grid is cut where an input begins, so a chunk belongs to one of them: it is made by that
 * input's own block program, into which the elementwise expression below is fused, and reads
 * nothing else. A chunk that the program would only copy is taken over from the input's stage when
 * nobody else reads it, and read straight into its place when it comes from a file.
 */
#include <string.h>

#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

typedef struct parts {
    int axis;
    int n;
    bri_part part[];
} parts;

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    const bri_node *node = stage->node;
    parts *all = bri_calloc(1, sizeof *all + (size_t)node->ninputs * sizeof all->part[0]);
    if (all == NULL)
        return BR_ENOMEM;
    stage->data = all;
    all->axis = (int)((const bri_concat_params *)node->params)->axis;
    bri_stage_grid(stage, node);
    int64_t at = 0;
    for (; all->n < node->ninputs; all->n++) {
        bri_part *part = &all->part[all->n];
        part->span = (bri_span){all->axis, at, at + node->input[all->n]->axis[all->axis].extent};
        at = part->span.to;
        BRI_TRY(bri_fuse_part(stage, node->input[all->n], part));
        BRI_TRY(bri_program_seal_store(part->program, part->result));
    }
    return BR_OK;
}

static void destroy(bri_stage *stage)
{
    parts *all = stage->data;
    for (int i = 0; all != NULL && i < stage->node->ninputs; i++)
        bri_program_free(all->part[i].program);
    bri_free(all);
}

static const bri_part *part_of(const bri_stage *stage, int64_t chunk)
{
    const parts *all = stage->data;
    int64_t coord[BR_MAX_NDIM];
    bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
    int64_t at = bri_axis_start(&stage->axis[all->axis], coord[all->axis]);
    int low = 0;
    int high = all->n - 1;
    while (low < high) {
        int middle = low + (high - low + 1) / 2;
        if (all->part[middle].span.from <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return &all->part[low];
}

static void inputs(const bri_stage *stage, int64_t chunk, int *first, int *end)
{
    const bri_part *part = part_of(stage, chunk);
    *first = part->first;
    *end = part->end;
}

/* The stage as it looks to a chunk of one part: one block program with its inputs. */
static bri_stage as_program(const bri_stage *stage, const bri_part *part)
{
    bri_stage own = *stage;
    own.inputs = stage->inputs + part->first;
    own.ninputs = part->end - part->first;
    own.program = part->program;
    own.result = part->result;
    return own;
}

/* The one input that the part's program copies, or NULL. */
static const bri_input *copied(const bri_stage *stage, const bri_part *part)
{
    bool copies =
        part->end - part->first == 1 && !bri_program_computes(part->program, part->result);
    return copies ? &stage->inputs[part->first] : NULL;
}

static bool read_in_place(const bri_stage *stage, const bri_part *part, const bri_leaf *leaf)
{
    const bri_input *input = copied(stage, part);
    return input != NULL && input->from == BRI_FROM_FILE &&
           bri_copies_whole(input, leaf, stage->ndim);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    const bri_part *part = part_of(stage, chunk);
    bri_stage own = as_program(stage, part);
    bri_leaf leaf;
    bri_leaf_box(stage, chunk, step, &leaf);
    bri_stage_program.sizes(&own, chunk, step, sizes);
    if (read_in_place(stage, part, &leaf))
        sizes->scratch = bri_h5_scratch(own.inputs[0].node->resource);
}

static br_status read_file(bri_work *work, const bri_part *part, const bri_leaf *leaf)
{
    bri_bump bump = {work->scratch, 0};
    bri_view out;
    bri_output_view(work->stage, leaf, work->task->output, &out);
    return bri_copy_input(work, part->first, leaf, &bump, &out);
}

static bool take_over(bri_work *work, const bri_input *input, const bri_leaf *leaf)
{
    return !work->stage->direct_result && work->task->ninputs == 1 &&
           bri_is_whole_chunk(work->stage, input, leaf) && bri_task_steal(work->job, work->task, 0);
}

static br_status execute(bri_work *work)
{
    const bri_part *part = part_of(work->stage, work->chunk);
    const bri_input *input = copied(work->stage, part);
    bri_leaf leaf;
    bri_leaf_box(work->stage, work->chunk, work->step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    if (read_in_place(work->stage, part, &leaf))
        return read_file(work, part, &leaf);
    if (input != NULL && take_over(work, input, &leaf))
        return BR_OK;
    bri_stage own = as_program(work->stage, part);
    bri_work alone = *work;
    alone.stage = &own;
    return bri_stage_program.execute(&alone);
}

const bri_stage_kind bri_stage_concat = {.name = "concat",
                                         .build = build,
                                         .inputs = inputs,
                                         .sizes = sizes,
                                         .execute = execute,
                                         .destroy = destroy};
