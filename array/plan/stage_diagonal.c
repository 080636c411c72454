/* SPDX-License-Identifier: BSD-3-Clause
 * stage_diagonal.c - the diagonal of the last two axes: an access map in which both move with the
 * same axis.
 *
 * It has a stage of its own, on the grid that diagonal.c cuts: a chunk of it lies in one chunk of
 * the source. Fused into readers on coarser grids it would load squares.
 */
#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/stage.h"

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    bri_map map;
    int index;
    bri_stage_grid(stage, stage->node);
    bri_diagonal_map(stage->node, &map);
    return bri_stage_input(stage, stage->node->input[0], &map, &index);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    bri_load_sizes(stage, 0, &leaf, &bump);
    sizes->output = (size_t)leaf.nelem * br_dtype_size(stage->dtype);
    sizes->scratch = bump.used;
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_leaf leaf;
    bri_view view;
    bri_bump bump = {work->scratch, 0};
    int64_t to[BR_MAX_NDIM];
    int64_t stride = (int64_t)br_dtype_size(stage->dtype);
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    BRI_TRY(bri_load(work, 0, &leaf, &bump, &view));
    for (int a = stage->ndim - 1; a >= 0; a--) {
        to[a] = stride;
        stride *= leaf.extent[a];
    }
    bri_copy_box(stage->ndim, leaf.extent, br_dtype_size(stage->dtype), work->task->output->data,
                 to, view.base, view.stride);
    return BR_OK;
}

const bri_stage_kind bri_stage_diagonal = {
    .name = "diagonal", .build = build, .sizes = sizes, .execute = execute};
