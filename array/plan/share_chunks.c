/* SPDX-License-Identifier: BSD-3-Clause
 * share_chunks.c - tells files where leaves cut their stored chunks, so that decoded ones are kept
 * for the leaves that come next.
 */
#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/stage.h"

/* Does a leaf end inside a stored chunk? */
static bool is_cut(const bri_h5_dataset *d, int a, const bri_map_axis *m, const bri_axis *leaves)
{
    for (int64_t c = 1; c < leaves->nchunks; c++) {
        int64_t index = m->start + m->step * bri_axis_start(leaves, c);
        if (bri_h5_cuts(d, a, m->step > 0 ? index : index + 1))
            return true;
    }
    return false;
}

static int64_t longest(const bri_axis *leaves)
{
    int64_t most = 0;
    for (int64_t c = 0; c < leaves->nchunks; c++)
        if (bri_axis_count(leaves, c) > most)
            most = bri_axis_count(leaves, c);
    return most;
}

static int64_t stretch(int64_t n, int64_t step)
{
    return n > 0 ? (n - 1) * (step < 0 ? -step : step) + 1 : 0;
}

/* The source's axes that leaf axis l moves. */
static void add_axes(const bri_stage *stage, const bri_input *input, int l, bri_h5_boxes *boxes)
{
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        if (m->axis != l)
            continue;
        const bri_axis *leaves = &stage->leaf_axis[l];
        boxes->extent[a] = stretch(longest(leaves), m->step);
        boxes->whole[a] = stretch(leaves->extent, m->step);
        boxes->cut[a] = is_cut(input->node->resource, a, m, leaves);
        boxes->order[boxes->n++] = a;
    }
}

/* Leaves come in the C order of their grid, but along the axis that is folded first. */
static void share_input(const bri_stage *stage, const bri_input *input)
{
    bri_memory_stats memory;
    bri_h5_boxes boxes = {0};
    int fold = stage->fold == BRI_FOLD_NONE ? -1 : stage->fold_axis;
    for (int a = 0; a < input->map.ndim; a++)
        if (input->map.from[a].axis < 0) {
            boxes.extent[a] = boxes.whole[a] = 1;
            boxes.order[boxes.n++] = a;
        }
    for (int l = 0; l < stage->leaf_ndim; l++)
        if (l != fold)
            add_axes(stage, input, l, &boxes);
    if (fold >= 0)
        add_axes(stage, input, fold, &boxes);
    bri_memory_about(stage->plan->ctx->memory, &memory);
    bri_h5_share_chunks(input->node->resource, &boxes, stage->plan->ctx->memory, memory.limit);
}

void bri_plan_share_chunks(const bri_plan *plan)
{
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *stage = plan->stages[i];
        for (int k = 0; k < stage->ninputs && stage->wanted; k++) {
            const bri_input *input = &stage->inputs[k];
            bool here = input->from == BRI_FROM_FILE && input->node->resource != NULL;
            if (here && input->halo == NULL) /* those: widened.c */
                share_input(stage, input);
        }
    }
}
