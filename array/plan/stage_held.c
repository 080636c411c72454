/* SPDX-License-Identifier: BSD-3-Clause
 * stage_held.c - an input's blocks, read once and kept for the tasks that need them.
 *
 * Sources are read in the tasks that need them, which is once for most stages. Of products and the
 * like a block goes into many tasks: then a stage of its own reads it. The grid that readers see
 * may be that of another array with as many chunks, so that blocks of different extents can go
 * together by number.
 */
#include "array/plan/held.h"

#include "array/ops/ops.h"
#include "array/plan/file_ranks.h"

static const bri_stage_kind kind = {
    .name = "held", .sizes = bri_copied_sizes, .execute = bri_copied_execute};

static br_status set_up(bri_stage *stage, const bri_axis *cut, const bri_axis *place)
{
    int index;
    stage->dtype = stage->node->dtype;
    stage->ndim = stage->leaf_ndim = stage->node->ndim;
    for (int a = 0; a < stage->ndim; a++) {
        stage->leaf_axis[a] = bri_axis_share(&cut[a]);
        stage->axis[a] = bri_axis_share(&place[a]);
    }
    bri_map map = bri_map_identity(stage->ndim);
    BRI_TRY(bri_stage_input(stage, stage->node, &map, &index));
    if (stage->inputs[index].from == BRI_FROM_FILE)
        stage->plan->could |= BRI_READ_AGAIN;
    return BR_OK;
}

br_status bri_held_blocks(bri_plan *plan, bri_node *node, const bri_axis *cut,
                          const bri_axis *place, bri_stage **out)
{
    bri_stage *stage = bri_stage_new(plan, &kind, node);
    if (stage == NULL)
        return BR_ENOMEM;
    BRI_TRY(bri_stage_finish(plan, stage, set_up(stage, cut, place)));
    *out = stage;
    return BR_OK;
}

/* An axis of the leaf grid, in several chunks, that the map does not move along. */
static bool repeats(const bri_stage *stage, const bri_map *map)
{
    uint32_t used = 0;
    for (int a = 0; a < map->ndim; a++)
        used |= map->from[a].axis >= 0 ? (uint32_t)1 << map->from[a].axis : 0;
    for (int a = 0; a < stage->leaf_ndim; a++)
        if (!(used >> a & 1) && stage->leaf_axis[a].nchunks > 1)
            return true;
    return false;
}

static bool is_of_file(const bri_plan *plan, const bri_node *node)
{
    while (node->op->view)
        node = node->input[0];
    return bri_is_read_in_tasks(plan, node);
}

/* The blocks that the stage's leaves read. Those that are a file's own chunks are the same for all
 * who hold them. */
static br_status hold(const bri_stage *stage, bri_node *node, const bri_map *map, bri_stage **out)
{
    bri_axis cut[BR_MAX_NDIM];
    bool own = bri_is_file(node->op);
    for (int a = 0; a < node->ndim; a++) {
        int along = map->from[a].axis;
        cut[a] = along >= 0 ? stage->leaf_axis[along] : node->axis[a];
        own = own && bri_axis_equal(&cut[a], &node->axis[a]);
    }
    if (!own)
        return bri_held_blocks(stage->plan, node, cut, cut, out);
    stage->plan->could |= BRI_READ_AGAIN;
    return bri_stage_of(stage->plan, node, out);
}

br_status bri_held_input(bri_stage *stage, bri_node *node, const bri_map *map, bool *held,
                         int *index)
{
    *held = !(stage->plan->thrift & BRI_READ_AGAIN) && is_of_file(stage->plan, node) &&
            repeats(stage, map);
    if (!*held)
        return bri_stage_input(stage, node, map, index);
    bri_input input = {.from = BRI_FROM_STAGE, .node = node, .map = *map};
    BRI_TRY(hold(stage, node, map, &input.stage));
    return bri_stage_add_input(stage, &input, index);
}
