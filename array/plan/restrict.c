/* SPDX-License-Identifier: BSD-3-Clause
 * restrict.c - slices go through what makes less of less: reduce(x)[slice] becomes
 * reduce(x[slice]), with the slice on the axes that stay, concat(x, y)[slice] becomes
 * concat(x[slice], y[slice]), and slices of what a mask picks go to the other axes of what it is
 * picked from.
 */
#include "array/plan/restrict.h"

#include <string.h>

#include "array/ops/ops.h"
#include "runtime/alloc.h"

/* Axes of the node that are axes of its operand; a user's reduction may have one of its own. */
static int common_axes(const bri_node *node)
{
    bool own =
        node->op == &bri_op_reduction && ((const bri_reduction_params *)node->params)->width > 0;
    return node->ndim - own;
}

/* The reader's index along its axis with which the input is first read. */
static int64_t first_index(const bri_input *input, int axis)
{
    return input->span.to > 0 && input->span.axis == axis ? input->span.from : 0;
}

bri_region bri_region_seen(const bri_stage *reader, const bri_input *input, int naxes)
{
    const bri_node *node = input->node;
    bri_region p = {.share = 1};
    bool nothing = false; /* is worth no restriction */
    for (int a = 0; a < naxes; a++) {
        const bri_map_axis *m = &input->map.from[a];
        bool moves = m->axis >= 0;
        p.start[a] = moves ? m->start + m->step * first_index(input, m->axis) : m->start;
        p.step[a] = moves ? m->step : 1;
        p.count[a] = moves ? bri_span_extent(reader, &input->span, m->axis) : 1;
        if (node->axis[a].extent > 0)
            p.share *= (double)p.count[a] / (double)node->axis[a].extent;
        nothing = nothing || p.count[a] == 0;
    }
    p.share = nothing ? 1 : p.share;
    return p;
}

void bri_region_map(bri_input *input, int naxes)
{
    for (int a = 0; a < naxes; a++) {
        int axis = input->map.from[a].axis;
        input->map.from[a] = axis >= 0 ? (bri_map_axis){axis, -first_index(input, axis), 1}
                                       : (bri_map_axis){axis, 0, 0};
    }
}

br_status bri_plan_node(bri_plan *plan, bri_recipe *recipe, bri_node **out)
{
    bri_node **bigger = bri_realloc(plan->own, (size_t)plan->nown + 1, sizeof *bigger);
    if (bigger == NULL)
        return BR_ENOMEM;
    plan->own = bigger;
    recipe->unique = true;
    BRI_TRY(bri_node_make(plan->ctx, recipe, out));
    bigger[plan->nown++] = *out;
    return BR_OK;
}

br_status bri_own_stage(bri_plan *plan, bri_node *node, bri_stage **out)
{
    bri_stage *s = bri_stage_new(plan, node->op->stage, node);
    if (s == NULL)
        return BR_ENOMEM;
    BRI_TRY(bri_stage_finish(plan, s, s->kind->build(plan, s)));
    *out = s;
    return BR_OK;
}

/* x[start::step] of each axis, `count` of them. */
static br_status slice_node(bri_plan *plan, bri_node *x, const bri_region *p, br_place at,
                            bri_node **out)
{
    int64_t buffer[(sizeof(bri_view_params) / 8 + 1) + 4 * BR_MAX_NDIM];
    bri_view_params *view = (bri_view_params *)buffer;
    memset(buffer, 0, sizeof buffer);
    view->ndim = view->source_ndim = x->ndim;
    int64_t *map = view->word + x->ndim;
    for (int k = 0; k < x->ndim; k++) {
        view->word[k] = p->count[k];
        map[3 * k] = k;
        map[3 * k + 1] = p->start[k];
        map[3 * k + 2] = p->step[k];
    }
    size_t bytes = sizeof *view + (size_t)(4 * x->ndim) * sizeof view->word[0];
    bri_recipe recipe = {.op = &bri_op_index,
                         .params = view,
                         .params_bytes = bytes,
                         .inputs = &x,
                         .ninputs = 1,
                         .at = at};
    return bri_plan_node(plan, &recipe, out);
}

/* x with its kept axes sliced. */
static br_status sliced_operand(bri_plan *plan, const bri_node *node, const bri_region *p,
                                bri_node **out)
{
    const bri_reduce_params *r = node->params;
    bri_node *x = node->input[0];
    bri_region of_x = {.share = 1};
    int kept = 0;
    for (int k = 0; k < x->ndim; k++) {
        bool reduced = r->axes >> k & 1;
        of_x.start[k] = reduced ? 0 : p->start[kept];
        of_x.step[k] = reduced ? 1 : p->step[kept];
        of_x.count[k] = reduced ? x->axis[k].extent : p->count[kept];
        kept += !reduced || r->keepdims;
    }
    return slice_node(plan, x, &of_x, node->at, out);
}

static bool read_elsewhere(const bri_node *node)
{
    return node->nparents + node->is_output > 1;
}

br_status bri_restrict_reduction(bri_plan *plan, const bri_stage *reader, bri_input *input)
{
    bri_node *node = input->node;
    bool reduction = node->op == &bri_op_reduce || node->op == &bri_op_reduction;
    if (!reduction || read_elsewhere(node))
        return BR_OK;
    bri_region p = bri_region_seen(reader, input, common_axes(node));
    if (p.share > 0.5)
        return BR_OK;
    bri_node *x;
    bri_node *reduced;
    BRI_TRY(sliced_operand(plan, node, &p, &x));
    bri_recipe recipe = {.op = node->op,
                         .params = node->params,
                         .params_bytes = node->params_bytes,
                         .inputs = &x,
                         .ninputs = 1,
                         .at = node->at};
    BRI_TRY(bri_plan_node(plan, &recipe, &reduced));
    bri_region_map(input, common_axes(node));
    return bri_own_stage(plan, reduced, &input->stage);
}

/* ---- what a mask picks ---- */

/* The axis that is picked from is taken whole, as the mask is for all of it. */
br_status bri_restrict_picked(bri_plan *plan, const bri_stage *reader, bri_input *input)
{
    bri_node *node = input->node;
    if (node->op != &bri_op_picked || read_elsewhere(node))
        return BR_OK;
    const int axis = (int)((const bri_axis_params *)node->params)->axis;
    const bri_map_axis along = input->map.from[axis];
    bri_region p = bri_region_seen(reader, input, node->ndim);
    double share = 1;
    for (int a = 0; a < node->ndim; a++)
        if (a != axis && p.count[a] > 0)
            share *= (double)p.count[a] / (double)node->axis[a].extent;
    if (share > 0.5)
        return BR_OK;
    p.start[axis] = 0;
    p.step[axis] = 1;
    p.count[axis] = node->input[1]->axis[axis].extent;
    bri_node *inputs[] = {node->input[0], NULL};
    bri_node *picked;
    BRI_TRY(slice_node(plan, node->input[1], &p, node->at, &inputs[1]));
    bri_recipe recipe = {.op = node->op,
                         .params = node->params,
                         .params_bytes = node->params_bytes,
                         .inputs = inputs,
                         .ninputs = 2,
                         .table = node->table,
                         .at = node->at};
    BRI_TRY(bri_plan_node(plan, &recipe, &picked));
    bri_region_map(input, node->ndim);
    input->map.from[axis] = along;
    return bri_own_stage(plan, picked, &input->stage);
}

/* ---- joined arrays ---- */

static int joined_along(const bri_node *node)
{
    return (int)((const bri_concat_params *)node->params)->axis;
}

void bri_through_concat(const bri_stage *reader, bri_input *input)
{
    while (input->node->op == &bri_op_concat && !read_elsewhere(input->node)) {
        const bri_node *node = input->node;
        int axis = joined_along(node);
        bri_region p = bri_region_seen(reader, input, node->ndim);
        int64_t last = p.start[axis] + (p.count[axis] - 1) * p.step[axis];
        int64_t low = p.start[axis] < last ? p.start[axis] : last;
        int64_t high = p.start[axis] < last ? last : p.start[axis];
        int64_t from = 0;
        int i = 0;
        while (from + node->input[i]->axis[axis].extent <= low && i < node->ninputs - 1)
            from += node->input[i++]->axis[axis].extent;
        if (p.count[axis] == 0 || high >= from + node->input[i]->axis[axis].extent)
            return;
        input->node = node->input[i];
        input->map.from[axis].start -= from;
    }
}

/* What the reader sees of each joined array, in the reader's order; returns how many it sees. */
static br_status seen_parts(bri_plan *plan, const bri_node *node, const bri_region *p,
                            bri_node **parts, int *n)
{
    int axis = joined_along(node);
    bri_map_axis m = {0, p->start[axis], p->step[axis]};
    int64_t past = 0;
    for (int i = 0; i < node->ninputs; i++)
        past += node->input[i]->axis[axis].extent;
    int64_t from = m.step > 0 ? 0 : past;
    for (int k = 0; k < node->ninputs; k++) {
        bri_node *x = node->input[m.step > 0 ? k : node->ninputs - 1 - k];
        int64_t extent = x->axis[axis].extent;
        int64_t first;
        int64_t end;
        bri_region of_x = *p;
        from -= m.step > 0 ? 0 : extent;
        bri_map_inverse(&m, p->count[axis], from, from + extent, &first, &end);
        of_x.start[axis] = m.start + m.step * first - from;
        of_x.count[axis] = end - first;
        from += m.step > 0 ? extent : 0;
        if (end > first)
            BRI_TRY(slice_node(plan, x, &of_x, node->at, &parts[(*n)++]));
    }
    return BR_OK;
}

br_status bri_restrict_concat(bri_plan *plan, const bri_stage *reader, bri_input *input)
{
    bri_node *node = input->node;
    if (node->op != &bri_op_concat || read_elsewhere(node))
        return BR_OK;
    bri_region p = bri_region_seen(reader, input, node->ndim);
    if (p.share >= 1)
        return BR_OK;
    bri_node **parts = bri_calloc((size_t)node->ninputs, sizeof(bri_node *));
    bri_node *joined = NULL;
    bri_recipe recipe = {.op = node->op,
                         .params = node->params,
                         .params_bytes = node->params_bytes,
                         .inputs = parts,
                         .at = node->at};
    br_status st = parts != NULL ? seen_parts(plan, node, &p, parts, &recipe.ninputs) : BR_ENOMEM;
    if (st == BR_OK)
        st = bri_plan_node(plan, &recipe, &joined);
    bri_free(parts);
    if (st != BR_OK)
        return st;
    bri_region_map(input, node->ndim);
    return bri_own_stage(plan, joined, &input->stage);
}
