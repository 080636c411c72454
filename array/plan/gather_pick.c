/* SPDX-License-Identifier: BSD-3-Clause
 * gather_pick.c - takes in two parts, first chunk by chunk of the source, then in their order; and
 * takes of which a slice is read.
 */
#include "array/plan/gather_pick.h"

#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/points.h"
#include "array/plan/restrict.h"
#include "runtime/alloc.h"

enum { OFTEN = 2, OFTEN_READ = 3 };

/* ---- two parts ---- */

bool bri_gather_comes_back(const bri_gather *g, bool file)
{
    double elements = 1;
    int64_t used = 0;
    for (int j = 0; j < g->picked; j++)
        elements *= (double)g->x->axis[g->first + j].extent;
    for (int64_t c = 0; c < g->ncells; c++)
        used += g->cell_run[c + 1] > g->cell_run[c];
    double share = (double)g->npoints / (elements / (double)g->ncells * (double)used);
    double often = (double)g->nruns / (double)used;
    return file ? often > OFTEN_READ && share <= 1 : often > OFTEN && share <= 0.5;
}

/* Sorts the points by cell: `index` gets the lists in this order, `place` where each has gone. */
static void sort_points(const bri_gather *g, int64_t *index, int64_t *place)
{
    int64_t at = 0;
    for (int64_t i = 0; i < g->nruns; i++) {
        const int64_t run = g->by_cell[i];
        const int64_t block = bri_gather_block(g, run);
        const bri_points p = bri_points_of(g, block);
        const int64_t end = bri_points_start(&p, run + 1);
        for (int64_t k = bri_points_start(&p, run); k < end; k++, at++) {
            for (int j = 0; j < g->picked; j++)
                index[j * g->npoints + at] = p.index[j * p.stride + p.order[k]];
            place[g->block_first[block] + p.order[k]] = at;
        }
    }
}

static int64_t points_in_cell(const bri_gather *g, int64_t cell)
{
    int64_t n = 0;
    for (int64_t i = g->cell_run[cell]; i < g->cell_run[cell + 1]; i++) {
        const int64_t run = g->by_cell[i];
        const bri_points p = bri_points_of(g, bri_gather_block(g, run));
        n += bri_points_start(&p, run + 1) - bri_points_start(&p, run);
    }
    return n;
}

/* A chunk for the points of each cell, or a few when they are more than the automatic size: their
 * number, and their extents unless that is NULL. */
static int64_t cut_by_cells(const bri_gather *g, int64_t *extents)
{
    const int64_t fit = BRI_AUTO_CHUNK_BYTES / bri_gather_across(g);
    const int64_t most = fit > 1 ? fit : 1;
    int64_t chunks = 0;
    for (int64_t c = 0; c < g->ncells; c++)
        for (int64_t left = points_in_cell(g, c); left > 0; left -= most, chunks++)
            if (extents != NULL)
                extents[chunks] = left < most ? left : most;
    return chunks;
}

static br_status new_table(bri_plan *plan, int64_t nlists, int64_t n, bri_table **out)
{
    *out = bri_table_new((size_t)(nlists * n) * sizeof(int64_t));
    if (*out == NULL)
        return BR_ENOMEM;
    br_status st = bri_table_charge(*out, plan->ctx->memory);
    if (st == BR_OK)
        return BR_OK;
    bri_table_release(*out);
    *out = NULL;
    return st;
}

/* A node that belongs to the plan, like `node` with other parameters and table. */
static br_status taking(bri_plan *plan, const bri_node *node, const bri_take_params *params,
                        bri_table *table, bri_node **out)
{
    bri_node *x = node->input[0];
    bri_recipe recipe = {.op = &bri_op_gather,
                         .params = params,
                         .params_bytes = sizeof *params,
                         .inputs = &x,
                         .ninputs = 1,
                         .table = table,
                         .at = node->at};
    return bri_plan_node(plan, &recipe, out);
}

/* indices: of `root`'s; NULL where they are not known. */
static br_status stage_for(bri_plan *plan, bri_node *node, bri_table *indices, bri_table *root,
                           bri_stage **out)
{
    *out = bri_stage_new(plan, &bri_stage_gather, node);
    if (*out == NULL)
        return BR_ENOMEM;
    br_status st = bri_gather_set(*out, indices, root);
    if (st == BR_OK)
        st = bri_stage_gather.build(plan, *out);
    return bri_stage_finish(plan, *out, st);
}

br_status bri_gather_read_picked(bri_plan *plan, bri_stage *stage, bri_table *extents,
                                 bri_table *indices, bri_table *root, bri_node **picked)
{
    bri_take_params p = *(const bri_take_params *)stage->node->params;
    const int64_t *extent = (const int64_t *)(const void *)extents->data;
    bri_input input = {.from = BRI_FROM_STAGE};
    int index;
    memset(p.extent, 0, sizeof p.extent);
    p.ndim = p.cells = 1;
    for (size_t i = 0; i < extents->bytes / sizeof *extent; i++)
        p.extent[0] += extent[i];
    BRI_TRY(taking(plan, stage->node, &p, extents, picked));
    BRI_TRY(stage_for(plan, *picked, indices, root, &input.stage));
    plan->could |= BRI_APART;
    input.node = *picked;
    input.map = bri_map_identity((*picked)->ndim);
    return bri_stage_add_input(stage, &input, &index);
}

static void pick(const bri_gather *g, bri_table *indices, bri_table *places, bri_table *extents)
{
    sort_points(g, (int64_t *)(void *)indices->data, (int64_t *)(void *)places->data);
    cut_by_cells(g, (int64_t *)(void *)extents->data);
    bri_table_seal(indices);
    bri_table_seal(places);
    bri_table_seal(extents);
}

br_status bri_gather_pick(bri_plan *plan, const bri_gather *g, bri_table **indices,
                          bri_table **places, bri_table **extents)
{
    br_status st = new_table(plan, g->picked, g->npoints, indices);
    if (st == BR_OK)
        st = new_table(plan, 1, g->npoints, places);
    if (st == BR_OK)
        st = new_table(plan, 1, cut_by_cells(g, NULL), extents);
    if (st == BR_OK)
        pick(g, *indices, *places, *extents);
    return st;
}

/* ---- slices ---- */

/* Indices of a take that the reader touches, per axis of them. */
typedef struct part {
    int64_t start[BR_MAX_NDIM], step[BR_MAX_NDIM], count[BR_MAX_NDIM];
    int64_t npoints;
    double share;
} part;

static int64_t first_index(const bri_input *input, int axis)
{
    return input->span.to > 0 && input->span.axis == axis ? input->span.from : 0;
}

static part part_seen(const bri_stage *reader, const bri_input *input)
{
    const bri_take_params *p = input->node->params;
    part s = {.npoints = 1, .share = 1};
    for (int a = 0; a < p->ndim; a++) {
        const bri_map_axis *m = &input->map.from[p->first + a];
        bool moves = m->axis >= 0;
        s.start[a] = moves ? m->start + m->step * first_index(input, m->axis) : m->start;
        s.step[a] = moves ? m->step : 1;
        s.count[a] = moves ? bri_span_extent(reader, &input->span, m->axis) : 1;
        s.npoints *= s.count[a];
        s.share *= p->extent[a] > 0 ? (double)s.count[a] / (double)p->extent[a] : 1;
    }
    return s;
}

static void copy_indices(const bri_node *node, const part *s, int64_t *to)
{
    const bri_take_params *p = node->params;
    const int64_t *index = (const int64_t *)node->table->data;
    const int64_t n = (int64_t)(node->table->bytes / sizeof *index) / p->picked;
    for (int64_t i = 0; i < s->npoints; i++) {
        int64_t rest = i;
        int64_t point = 0;
        int64_t stride = 1;
        for (int a = p->ndim - 1; a >= 0; a--) {
            point += (s->start[a] + s->step[a] * (rest % s->count[a])) * stride;
            stride *= p->extent[a];
            rest /= s->count[a];
        }
        for (int j = 0; j < p->picked; j++)
            to[j * s->npoints + i] = index[j * n + point];
    }
}

static br_status copy_part(bri_plan *plan, const bri_node *node, const part *s, bri_table **out)
{
    const bri_take_params *p = node->params;
    *out = NULL;
    if (node->table->absent)
        return BR_OK;
    BRI_TRY(new_table(plan, p->picked, s->npoints, out));
    copy_indices(node, s, (int64_t *)(void *)(*out)->data);
    bri_table_seal(*out);
    return BR_OK;
}

static br_status part_stage(bri_plan *plan, const bri_node *node, const part *s, bri_stage **out)
{
    bri_take_params p = *(const bri_take_params *)node->params;
    bri_table *indices = NULL;
    bri_node *part_of;
    for (int a = 0; a < p.ndim; a++)
        p.extent[a] = s->count[a];
    br_status st = copy_part(plan, node, s, &indices);
    if (st == BR_OK)
        st = taking(plan, node, &p, indices, &part_of);
    if (st == BR_OK)
        st = stage_for(plan, part_of, indices, node->table, out);
    bri_table_release(indices);
    return st;
}

br_status bri_restrict_gather(bri_plan *plan, const bri_stage *reader, bri_input *input)
{
    bri_node *node = input->node;
    if (node->op != &bri_op_gather || node->nparents + node->is_output > 1)
        return BR_OK;
    const bri_take_params *p = node->params;
    const part s = part_seen(reader, input);
    if (s.npoints == 0 || s.share > 0.5)
        return BR_OK;
    BRI_TRY(part_stage(plan, node, &s, &input->stage));
    for (int a = p->first; a < p->first + p->ndim; a++) {
        int axis = input->map.from[a].axis;
        input->map.from[a] = axis >= 0 ? (bri_map_axis){axis, -first_index(input, axis), 1}
                                       : (bri_map_axis){axis, 0, 0};
    }
    return BR_OK;
}
