/* SPDX-License-Identifier: BSD-3-Clause
 * resolve.c - expressions whose shape or tables depend on data, resolved in phases.
 *
 * Each phase computes, in one run, all elements that can be computed now and that a node waits for;
 * then the nodes above are made again on top of what is known. A compression of a compression takes
 * two phases. Reductions to one element on the way are constants from then on: the mean of
 * x[x > mean(x)] is computed once. Nothing is kept between calls: the data may have changed.
 */
#include "array/plan/resolve.h"

#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/message.h"
#include "array/plan/run.h"
#include "runtime/alloc.h"

/* Nodes below the outputs, inputs first; all by node->slot. */
typedef struct phase {
    br_context *ctx;
    bri_node **list;
    int n;
    bool *known;  /* nothing is pending in it after this phase */
    bool *wanted; /* its elements are computed: waited for, or one on the way */
    int nwanted;
    bri_table **table;  /* of the wanted ones */
    bri_node **becomes; /* counted */
} phase;

static bool waits_for(const bri_node *node, int input)
{
    return input < 32 && (node->op->waits_for >> input & 1) != 0;
}

/* What a node waits for is computed when that makes it known, and not before: it would be forgotten
 * until then. */
static void mark(phase *p)
{
    for (int i = 0; i < p->n; i++) {
        const bri_node *node = p->list[i];
        int more = 0;
        p->known[i] = true;
        for (int k = 0; k < node->ninputs; k++) {
            const bri_node *input = node->input[k];
            bool ready = waits_for(node, k) ? !input->pending : p->known[input->slot];
            p->known[i] = p->known[i] && ready;
            more += waits_for(node, k) && !p->wanted[input->slot];
        }
        p->known[i] = p->known[i] && p->nwanted + more <= BRI_MAX_OUTPUTS;
        for (int k = 0; k < node->ninputs && p->known[i]; k++)
            p->wanted[node->input[k]->slot] |= waits_for(node, k);
        p->nwanted += p->known[i] ? more : 0;
    }
}

static bool is_number(const bri_node *node)
{
    bool reduces = node->op == &bri_op_reduce || node->op == &bri_op_reduction;
    return reduces && !node->pending && bri_node_nelem(node) == 1;
}

/* What is waited for computes the numbers below it anyway. */
static br_status mark_numbers(phase *p)
{
    bool *below = bri_calloc((size_t)p->n, sizeof *below);
    if (below == NULL)
        return BR_ENOMEM;
    for (int i = p->n - 1; i >= 0; i--) {
        const bri_node *node = p->list[i];
        for (int k = 0; k < node->ninputs && (below[i] || p->wanted[i]); k++)
            below[node->input[k]->slot] = true;
        if (below[i] && !p->wanted[i] && is_number(node) && p->nwanted < BRI_MAX_OUTPUTS) {
            p->wanted[i] = true;
            p->nwanted++;
        }
    }
    bri_free(below);
    return BR_OK;
}

static br_status begin(phase *p, bri_node *const *outputs, int n)
{
    BRI_TRY(bri_node_sort(p->ctx, outputs, n, &p->list, &p->n));
    size_t count = (size_t)p->n;
    p->known = bri_calloc(count, sizeof *p->known);
    p->wanted = bri_calloc(count, sizeof *p->wanted);
    p->table = bri_calloc(count, sizeof(bri_table *));
    p->becomes = bri_calloc(count, sizeof(bri_node *));
    if (p->known == NULL || p->wanted == NULL || p->table == NULL || p->becomes == NULL)
        return BR_ENOMEM;
    mark(p);
    return mark_numbers(p);
}

static void end(phase *p)
{
    for (int i = 0; i < p->n; i++) {
        if (p->table != NULL)
            bri_table_release(p->table[i]);
        if (p->becomes != NULL && p->becomes[i] != NULL)
            bri_node_release(p->becomes[i]);
    }
    bri_free(p->becomes);
    bri_free(p->table);
    bri_free(p->wanted);
    bri_free(p->known);
    bri_free(p->list);
}

static br_status new_table(const bri_node *node, bri_table **out)
{
    *out = bri_table_new((size_t)bri_node_nelem(node) * br_dtype_size(node->dtype));
    return *out != NULL ? bri_table_charge(*out, node->ctx->memory) : BR_ENOMEM;
}

/* One run for all that is wanted. */
static br_status compute_tables(phase *p)
{
    bri_node *node[BRI_MAX_OUTPUTS];
    bri_sink sink[BRI_MAX_OUTPUTS];
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        if (!p->wanted[i])
            continue;
        BRI_TRY(new_table(p->list[i], &p->table[i]));
        node[n] = p->list[i];
        sink[n++] = (bri_sink){.kind = BRI_SINK_RESULT, .buffer = p->table[i]->data};
    }
    if (n > 0) {
        BRI_TRY(bri_run(p->ctx, &(bri_outputs){.node = node, .sink = sink, .n = n}));
        bri_array_data_of(p->ctx)->counted = bri_array_data_of(p->ctx)->last_run;
    }
    for (int i = 0; i < p->n; i++)
        if (p->table[i] != NULL)
            bri_table_seal(p->table[i]);
    return BR_OK;
}

static br_status make_number(const bri_node *node, const bri_table *table, bri_node **out)
{
    bri_full_params params;
    memset(&params, 0, sizeof params);
    params.layout.dtype = (int32_t)node->dtype;
    params.layout.ndim = node->ndim;
    for (int a = 0; a < node->ndim; a++)
        params.layout.extent[a] = params.layout.chunk[a] = 1;
    memcpy(params.value, table->data, table->bytes);
    bri_recipe recipe = {
        .op = &bri_op_full, .params = &params, .params_bytes = sizeof params, .at = node->at};
    return bri_node_make(node->ctx, &recipe, out);
}

static br_status make_again(const bri_node *node, bri_node *const *inputs, bri_node **out)
{
    bri_recipe recipe = {.op = node->op,
                         .params = node->params,
                         .params_bytes = node->params_bytes,
                         .inputs = inputs,
                         .ninputs = node->ninputs,
                         .unique = node->unique,
                         .table = node->table,
                         .at = node->at};
    BRI_ASSERT(node->resource == NULL);
    return bri_node_make(node->ctx, &recipe, out);
}

static bool resolves(const phase *p, const bri_node *node)
{
    return node->pending && node->op->resolve != NULL && p->known[node->slot];
}

static bool stays(const phase *p, const bri_node *node)
{
    for (int k = 0; k < node->ninputs; k++)
        if (p->becomes[node->input[k]->slot] != node->input[k])
            return false;
    return !resolves(p, node);
}

/* The node on top of what its inputs have become. */
static br_status rebuild_on(const phase *p, const bri_node *node, bri_node **inputs,
                            bri_table **tables, bri_node **out)
{
    char name[96];
    for (int k = 0; k < node->ninputs; k++) {
        int slot = node->input[k]->slot;
        inputs[k] = p->becomes[slot];
        tables[k] = waits_for(node, k) ? p->table[slot] : NULL;
    }
    br_status st = resolves(p, node) ? node->op->resolve(node, inputs, tables, out)
                                     : make_again(node, inputs, out);
    if (st == BR_OK)
        return BR_OK;
    *out = NULL;
    bri_operation_name(node, name, sizeof name);
    return bri_error_context(st, "%s (%s:%d)", name, bri_file_name(node->at.file), node->at.line);
}

static br_status rebuild(phase *p, bri_node *node)
{
    bri_node **out = &p->becomes[node->slot];
    if (p->wanted[node->slot] && is_number(node))
        return make_number(node, p->table[node->slot], out);
    if (stays(p, node)) {
        bri_node_retain(node);
        *out = node;
        return BR_OK;
    }
    size_t n = (size_t)node->ninputs;
    bri_node **inputs = bri_calloc(n, sizeof *inputs);
    bri_table **tables = bri_calloc(n, sizeof *tables);
    br_status st =
        inputs != NULL && tables != NULL ? rebuild_on(p, node, inputs, tables, out) : BR_ENOMEM;
    bri_free(inputs);
    bri_free(tables);
    return st;
}

/* One phase: replaces nodes[], whose counts are the caller's. Slots change when a run walks the
 * expression, so they are set again after it. */
static br_status run_phase(br_context *ctx, bri_node **nodes, int n)
{
    phase p = {.ctx = ctx};
    br_status st = begin(&p, nodes, n);
    if (st == BR_OK)
        st = compute_tables(&p);
    for (int i = 0; i < p.n; i++)
        p.list[i]->slot = i;
    for (int i = 0; i < p.n && st == BR_OK; i++)
        st = rebuild(&p, p.list[i]);
    for (int i = 0; i < n && st == BR_OK; i++) {
        bri_node *now = p.becomes[nodes[i]->slot];
        bri_node_retain(now);
        bri_node_release(nodes[i]);
        nodes[i] = now;
    }
    end(&p);
    return st;
}

static bool any_pending(bri_node *const *nodes, int n)
{
    for (int i = 0; i < n; i++)
        if (nodes[i]->pending)
            return true;
    return false;
}

br_status bri_resolve_nodes(br_context *ctx, bri_node *const *nodes, int n, bri_node **out)
{
    br_status st = BR_OK;
    BRI_TRY(bri_check_may_compute(ctx));
    memset(&bri_array_data_of(ctx)->counted, 0, sizeof(br_run_info));
    for (int i = 0; i < n; i++) {
        bri_node_retain(nodes[i]);
        out[i] = nodes[i];
    }
    while (st == BR_OK && any_pending(out, n))
        st = run_phase(ctx, out, n);
    if (st == BR_OK)
        return BR_OK;
    for (int i = 0; i < n; i++) {
        bri_node_release(out[i]);
        out[i] = NULL;
    }
    return bri_context_fail(ctx, st, bri_last_error());
}
