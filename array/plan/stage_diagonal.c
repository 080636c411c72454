/* SPDX-License-Identifier: BSD-3-Clause
 * stage_diagonal.c - the diagonal of the last two axes: an access map in which both move with the
 * same axis.
 *
 * It has a stage of its own, on the grid that diagonal.c cuts: a chunk of it lies in one chunk of
 * the source. Fused into readers on coarser grids it would load squares.
 */
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

const bri_stage_kind bri_stage_diagonal = {
    .name = "diagonal", .build = build, .sizes = bri_copied_sizes, .execute = bri_copied_execute};
