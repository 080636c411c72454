/* SPDX-License-Identifier: BSD-3-Clause
 * restrict_loop.c - f(x)[slice] becomes f(x[slice]) where f is called for each element of a loop
 * and the slice is of the loop's axes.
 */
#include <string.h>

#include "array/ops/blocks.h"
#include "array/plan/restrict.h"

/* Input k with its axes of the loop sliced, where they are not of extent 1. */
static br_status sliced_input(bri_plan *plan, const bri_node *node, int k, const bri_region *r,
                              bri_node **out)
{
    const bri_blocks *b = bri_blocks_of(node);
    bri_node *x = node->input[k];
    int64_t buffer[(sizeof(bri_view_params) / 8 + 1) + 4 * BR_MAX_NDIM];
    bri_view_params *view = (bri_view_params *)buffer;
    memset(buffer, 0, sizeof buffer);
    view->ndim = view->source_ndim = x->ndim;
    int64_t *map = view->word + x->ndim;
    for (int a = 0; a < x->ndim; a++) {
        int loop = b->index[k][a];
        bool sliced = a < x->ndim - b->core[k] && x->axis[a].extent == node->axis[loop].extent;
        view->word[a] = sliced ? r->count[loop] : x->axis[a].extent;
        map[3 * a] = a;
        map[3 * a + 1] = sliced ? r->start[loop] : 0;
        map[3 * a + 2] = sliced ? r->step[loop] : 1;
    }
    bri_recipe recipe = {.op = &bri_op_index,
                         .params = view,
                         .params_bytes = sizeof *view + (size_t)(4 * x->ndim) * sizeof *map,
                         .inputs = &x,
                         .ninputs = 1,
                         .at = node->at};
    return bri_plan_node(plan, &recipe, out);
}

br_status bri_restrict_loop(bri_plan *plan, const bri_stage *reader, bri_input *input)
{
    bri_node *node = input->node;
    bool loops = node->op == &bri_op_gufunc || node->op == &bri_op_along_axis;
    if (!loops || node->nparents + node->is_output > 1)
        return BR_OK;
    int naxes = bri_blocks_of(node)->loop;
    bri_region region = bri_region_seen(reader, input, naxes);
    if (region.share > 0.5)
        return BR_OK;
    bri_node *inputs[BRI_MAX_INPUTS];
    bri_node *part;
    for (int k = 0; k < node->ninputs; k++)
        BRI_TRY(sliced_input(plan, node, k, &region, &inputs[k]));
    bri_recipe recipe = {.op = node->op,
                         .params = node->params,
                         .params_bytes = node->params_bytes,
                         .inputs = inputs,
                         .ninputs = node->ninputs,
                         .at = node->at};
    BRI_TRY(bri_plan_node(plan, &recipe, &part));
    bri_region_map(input, naxes);
    return bri_own_stage(plan, part, &input->stage);
}
