/* SPDX-License-Identifier: BSD-3-Clause
 * build.c - from nodes to stages.
 */
#include <string.h>

#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/balance.h"
#include "array/plan/borders.h"
#include "array/plan/cut.h"
#include "array/plan/face.h"
#include "array/plan/fetch.h"
#include "array/plan/file_ranks.h"
#include "array/plan/hold.h"
#include "array/plan/place.h"
#include "array/plan/sink.h"
#include "array/plan/stage.h"
#include "array/plan/told.h"
#include "runtime/alloc.h"

void bri_stage_grid(bri_stage *stage, const bri_node *node)
{
    stage->ndim = stage->leaf_ndim = node->ndim;
    for (int a = 0; a < node->ndim; a++) {
        stage->axis[a] = bri_axis_share(&node->axis[a]);
        stage->leaf_axis[a] = bri_axis_share(&node->axis[a]);
    }
    stage->dtype = node->dtype;
}

void bri_stage_count(bri_stage *stage)
{
    stage->nchunks = 1;
    for (int a = 0; a < stage->ndim; a++)
        stage->nchunks *= stage->axis[a].nchunks;
    stage->nsteps = 1;
    for (int a = 0; a <= stage->fold_more && stage->fold != BRI_FOLD_NONE; a++)
        stage->nsteps *= stage->leaf_axis[stage->fold_axis + a].nchunks;
}

void bri_stage_free(bri_stage *stage)
{
    if (stage == NULL)
        return;
    if (stage->kind->destroy != NULL)
        stage->kind->destroy(stage);
    for (int a = 0; a < stage->ndim; a++)
        bri_axis_release(&stage->axis[a]);
    for (int a = 0; a < stage->leaf_ndim; a++)
        bri_axis_release(&stage->leaf_axis[a]);
    bri_program_free(stage->program);
    bri_free(stage->inputs);
    bri_free(stage->consumers);
    bri_free(stage->demanded);
    bri_free(stage->emitted);
    bri_free(stage->steps_made);
    bri_free(stage->memo);
    bri_free(stage->picks);
    bri_free(stage);
}

bri_stage *bri_stage_new(bri_plan *plan, const bri_stage_kind *kind, bri_node *node)
{
    bri_stage *stage = bri_calloc(1, sizeof *stage);
    if (stage == NULL)
        return NULL;
    stage->plan = plan;
    stage->kind = kind;
    stage->node = node;
    stage->nchunks = stage->nsteps = 1;
    stage->follows = -1;
    return stage;
}

/* Stages are numbered when they are complete, so inputs stand before their readers. */
static br_status add_stage(bri_plan *plan, bri_stage *stage)
{
    BRI_TRY(bri_grow(&plan->stages, &plan->room, (size_t)plan->nstages, sizeof *plan->stages));
    stage->id = (uint32_t)plan->nstages;
    plan->stages[plan->nstages++] = stage;
    return BR_OK;
}

br_status bri_stage_note_reader(bri_stage *from, bri_stage *reader, int input)
{
    bri_edge *bigger = bri_realloc(from->consumers, (size_t)from->nconsumers + 1, sizeof *bigger);
    if (bigger == NULL)
        return BR_ENOMEM;
    bigger[from->nconsumers++] = (bri_edge){reader, input};
    from->consumers = bigger;
    return BR_OK;
}

/* Readers are noted once the reader is complete: a stage that is thrown away leaves no trace. */
br_status bri_stage_note_readers(bri_stage *stage)
{
    for (int i = 0; i < stage->ninputs; i++)
        if (stage->inputs[i].from == BRI_FROM_STAGE)
            BRI_TRY(bri_stage_note_reader(stage->inputs[i].stage, stage, i));
    return BR_OK;
}

br_status bri_stage_finish(bri_plan *plan, bri_stage *stage, br_status st)
{
    if (st == BR_OK)
        st = add_stage(plan, stage);
    if (st != BR_OK) {
        bri_stage_free(stage);
        return st;
    }
    bri_stage_count(stage);
    return bri_stage_note_readers(stage);
}

br_status bri_stage_add_input(bri_stage *stage, const bri_input *input, int *index)
{
    bri_input *bigger = bri_realloc(stage->inputs, (size_t)stage->ninputs + 1, sizeof *bigger);
    if (bigger == NULL)
        return BR_ENOMEM;
    stage->inputs = bigger;
    bigger[stage->ninputs] = *input;
    *index = stage->ninputs++;
    return BR_OK;
}

static const bri_stage_kind *kind_of(const bri_plan *plan, const bri_node *node)
{
    if (node->op == &bri_op_memory)
        return &bri_stage_memory;
    if (node->op == &bri_op_results)
        return &bri_stage_results;
    if (node->op == &bri_op_persisted)
        return &bri_stage_persisted;
    if (bri_having_of(plan, node) != NULL)
        return &bri_stage_fetch;
    return node->op->stage != NULL ? node->op->stage : &bri_stage_program;
}

br_status bri_stage_of(bri_plan *plan, bri_node *node, bri_stage **out)
{
    bri_stage **known = &plan->stage_of[node->slot];
    if (*known == NULL) {
        bri_stage *stage = bri_stage_new(plan, kind_of(plan, node), node);
        if (stage == NULL)
            return BR_ENOMEM;
        BRI_TRY(bri_stage_finish(plan, stage, stage->kind->build(plan, stage)));
        *known = stage;
    }
    *out = *known;
    return BR_OK;
}

/* Leaves of the stage that read each element seen through the map. */
static double readings(const bri_stage *stage, const bri_input *input)
{
    uint32_t used = 0;
    double n = 1;
    for (int a = 0; a < input->map.ndim; a++)
        if (input->map.from[a].axis >= 0)
            used |= 1u << input->map.from[a].axis;
    for (int a = 0; a < stage->leaf_ndim; a++) {
        const bri_axis *axis = &stage->leaf_axis[a];
        if (used >> a & 1 || bri_span_extent(stage, &input->span, a) == 0)
            continue;
        int64_t first = 0;
        int64_t last = axis->nchunks - 1;
        if (input->span.to > 0 && input->span.axis == a) {
            first = bri_axis_find(axis, input->span.from);
            last = bri_axis_find(axis, input->span.to - 1);
        }
        n *= (double)(last - first + 1);
    }
    return n;
}

/* What the stage sees of axis a of the source: elements, and those of the chunks that hold them. */
static void seen_of_axis(const bri_stage *stage, const bri_input *input, int a, double *seen,
                         double *held)
{
    const bri_map_axis *m = &input->map.from[a];
    const bri_axis *axis = &input->node->axis[a];
    int64_t first = 0;
    int64_t count = 1;
    int64_t low;
    int64_t high;
    if (m->axis >= 0) {
        count = bri_span_extent(stage, &input->span, m->axis);
        first = input->span.to > 0 && input->span.axis == m->axis ? input->span.from : 0;
    }
    *seen *= (double)count;
    if (count == 0)
        return;
    bri_map_range(m, first, count, &low, &high);
    *held *= (double)(bri_axis_start(axis, bri_axis_find(axis, high) + 1) -
                      bri_axis_start(axis, bri_axis_find(axis, low)));
}

bool bri_reads_little(const bri_stage *stage, const bri_input *input)
{
    double seen = readings(stage, input);
    double held = 1;
    for (int a = 0; a < input->map.ndim; a++)
        seen_of_axis(stage, input, a, &seen, &held);
    return 2 * seen <= held;
}

br_status bri_hold_file(bri_stage *stage, bri_input *input)
{
    double seen = readings(stage, input);
    double held = 1;
    if (seen == 1 || input->node == stage->node)
        return BR_OK;
    for (int a = 0; a < input->map.ndim; a++)
        seen_of_axis(stage, input, a, &seen, &held);
    /* Of stored chunks all is decoded, however little is needed. */
    if (seen <= held && bri_h5_about(input->node->resource)->contiguous)
        return BR_OK;
    stage->plan->could |= BRI_READ_AGAIN;
    if (stage->plan->thrift & BRI_READ_AGAIN)
        return BR_OK;
    input->from = BRI_FROM_STAGE;
    return bri_stage_of(stage->plan, input->node, &input->stage);
}

static void look_through_views(bri_input *input)
{
    while (input->node->op->view && !input->node->op->windows) {
        bri_map next;
        input->node->op->access(input->node, 0, &input->map, &next);
        input->map = next;
        input->node = input->node->input[0];
    }
}

br_status bri_stage_input(bri_stage *stage, bri_node *node, const bri_map *map, int *index)
{
    bri_input input = {.node = node, .map = *map};
    look_through_views(&input);
    node = input.node;
    input.from = bri_is_read_in_tasks(stage->plan, node) ? BRI_FROM_FILE : BRI_FROM_STAGE;
    if (input.from == BRI_FROM_FILE)
        BRI_TRY(bri_hold_file(stage, &input));
    else
        BRI_TRY(bri_stage_of(stage->plan, node, &input.stage));
    BRI_TRY(bri_cut_first(stage, &input));
    return bri_stage_add_input(stage, &input, index);
}

br_status bri_stage_input_apart(bri_stage *stage, bri_node *node)
{
    bri_input input = {.node = node, .map = bri_map_identity(node->ndim)};
    int index;
    look_through_views(&input);
    input.from = bri_is_read_in_tasks(stage->plan, input.node) ? BRI_FROM_FILE : BRI_FROM_STAGE;
    if (input.from == BRI_FROM_STAGE)
        BRI_TRY(bri_stage_of(stage->plan, input.node, &input.stage));
    return bri_stage_add_input(stage, &input, &index);
}

br_status bri_stage_input_cut(bri_stage *stage, bri_node *node)
{
    bri_input input = {.from = BRI_FROM_STAGE, .node = node, .map = bri_map_identity(node->ndim)};
    const bri_node *source = node;
    int index;
    while (source->op->view && !source->op->windows)
        source = source->input[0];
    if (bri_is_read_in_tasks(stage->plan, source))
        return bri_stage_input_apart(stage, node);
    BRI_TRY(bri_stage_of(stage->plan, node, &input.stage));
    return bri_stage_add_input(stage, &input, &index);
}

/* Stages that must be are built from the inputs up, so that building never recurses deeply. */
static br_status build_certain(bri_plan *plan)
{
    for (int i = 0; i < plan->nnodes; i++) {
        bri_node *node = plan->nodes[i];
        bri_stage *stage;
        bool shared = node->op->costly && node->nparents + node->is_output > 1;
        if (node->op->emit == NULL || shared || bri_is_held(plan, node))
            BRI_TRY(bri_stage_of(plan, node, &stage));
    }
    return BR_OK;
}

static br_status build_outputs(bri_plan *plan, const bri_outputs *outputs)
{
    for (int i = 0; i < outputs->n; i++)
        outputs->node[i]->is_output = true;
    BRI_TRY(bri_plan_hold(plan, plan->thrift & BRI_APART));
    BRI_TRY(build_certain(plan));
    for (int i = 0; i < outputs->n; i++)
        BRI_TRY(bri_sink_build(plan, outputs->node[i], &outputs->sink[i], &plan->roots[i]));
    BRI_TRY(bri_plan_share(plan));
    for (int i = 0; i < outputs->n; i++)
        bri_sink_shorten(plan, &outputs->sink[i], &plan->roots[i]);
    BRI_TRY(bri_plan_fetch(plan));
    bri_plan_place(plan);
    bri_sinks_place(plan);
    BRI_TRY(bri_plan_faces(plan));
    bri_plan_shifts(plan);
    BRI_TRY(bri_plan_demand(plan));
    BRI_TRY(bri_plan_eager(plan));
    bri_plan_borders(plan);
    return BR_OK;
}

static br_status weigh_ranks(bri_plan *plan)
{
    bri_table *weights = bri_balance_weights(plan->ctx);
    br_status st = bri_balance_apply(plan, weights);
    bri_table_release(weights);
    return st;
}

br_status bri_plan_new(br_context *ctx, const bri_outputs *outputs, bri_plan **out)
{
    int n = outputs->n;
    bri_plan *plan = bri_calloc(1, sizeof *plan);
    if (plan == NULL)
        return BR_ENOMEM;
    *out = plan;
    plan->ctx = ctx;
    plan->rank = ctx->rank;
    plan->nranks = ctx->nranks;
    plan->nroots = n;
    plan->thrift = outputs->thrift;
    plan->could = BRI_SPILL;
    plan->files = bri_file_ranks_share(outputs->files);
    plan->heard = outputs->heard;
    plan->roots = bri_calloc((size_t)n, sizeof *plan->roots);
    br_status st = plan->roots != NULL
                       ? bri_node_sort(ctx, outputs->node, n, &plan->nodes, &plan->nnodes)
                       : BR_ENOMEM;
    if (st == BR_OK) {
        plan->stage_of = bri_calloc((size_t)plan->nnodes, sizeof *plan->stage_of);
        st = plan->stage_of != NULL ? weigh_ranks(plan) : BR_ENOMEM;
    }
    if (st == BR_OK)
        st = build_outputs(plan, outputs);
    if (st == BR_OK)
        st = bri_heard_all(plan);
    for (int i = 0; i < n; i++)
        outputs->node[i]->is_output = false;
    if (st == BR_OK)
        st = bri_emitter_new(plan);
    if (st == BR_OK)
        bri_plan_share_chunks(plan);
    if (st != BR_OK) {
        bri_plan_free(plan);
        *out = NULL;
    }
    return st;
}

void bri_plan_free(bri_plan *plan)
{
    if (plan == NULL)
        return;
    bri_emitter_free(plan);
    bri_spill_trace_free(&plan->trace);
    for (int i = 0; i < plan->nstages; i++)
        bri_stage_free(plan->stages[i]);
    bri_free(plan->stages);
    for (int i = plan->nown - 1; i >= 0; i--)
        bri_node_release(plan->own[i]);
    bri_free(plan->own);
    bri_balance_forget(plan);
    bri_tellings_free(plan->told);
    bri_free(plan->stage_of);
    bri_free(plan->held);
    bri_free(plan->roots);
    bri_free(plan->nodes);
    bri_file_ranks_release(plan->files);
    bri_free(plan);
}
