/* SPDX-License-Identifier: BSD-3-Clause
 * compress.c - the nodes of what a mask picks.
 *
 * br_compress makes a pending node that waits for a count_true of the mask: how many elements each
 * chunk of the mask's and the array's common grid keeps. Resolving makes it a `picked` node, which
 * has those counts as its table and so a grid: of the chunks that keep anything, each made of one
 * chunk of the common grid. How both run is in plan/stage_mask.c.
 */
#include "array/ops/mask.h"

#include <string.h>

#include <bramble/elementwise.h>

#include "array/ops/fits.h"
#include "array/plan/fuse.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

/* ---- 0, 1, 2, ... on the grid of an axis ---- */

static br_status infer_positions(bri_node *node)
{
    const int64_t *w = node->params;
    node->dtype = BR_INT64;
    BRI_TRY(bri_axis_unpack(&w, &node->axis[0]));
    node->ndim = 1;
    return BR_OK;
}

static int emit_positions(bri_fuse *fuse, const bri_node *node, const bri_map *map,
                          const int *values)
{
    (void)node;
    (void)values;
    const int64_t start = 0;
    const int64_t step = 1;
    return bri_fuse_iota(fuse, BR_INT64, &start, &step, &map->from[0]);
}

const bri_op bri_op_positions = {.name = "positions",
                                 .infer = infer_positions,
                                 .form = {0, 0, BRI_AXIS_WORDS * sizeof(int64_t), true},
                                 .fits = bri_fits_positions,
                                 .emit = emit_positions};

static br_status positions_on(br_context *ctx, const bri_axis *axis, br_place at, bri_node **out)
{
    size_t bytes = bri_axis_words(axis) * sizeof(int64_t);
    int64_t *words = bri_malloc(bytes);
    if (words == NULL)
        return BR_ENOMEM;
    bri_axis_pack(axis, words);
    bri_recipe recipe = {.op = &bri_op_positions, .params = words, .params_bytes = bytes, .at = at};
    br_status st = bri_node_make(ctx, &recipe, out);
    bri_free(words);
    return st;
}

/* The same along an axis of an array that is still unknown. */
static br_status infer_positions_of(bri_node *node)
{
    const bri_axis_params *p = node->params;
    node->dtype = BR_INT64;
    node->axis[node->ndim++] = bri_axis_share(&node->input[0]->axis[p->axis]);
    return BR_OK;
}

static br_status resolve_positions(const bri_node *node, bri_node *const *inputs,
                                   bri_table *const *tables, bri_node **out)
{
    (void)tables;
    const bri_axis_params *p = node->params;
    return positions_on(node->ctx, &inputs[0]->axis[p->axis], node->at, out);
}

const bri_op bri_op_positions_of = {.name = "positions",
                                    .infer = infer_positions_of,
                                    .form = {1, 1, sizeof(bri_axis_params), false},
                                    .fits = bri_fits_axis,
                                    .any_extent = true,
                                    .resolve = resolve_positions};

br_array *bri_positions(const bri_call *call, br_array *x, int axis)
{
    bri_call own = *call;
    bri_node *node = NULL;
    bri_axis_params p = {axis};
    if (x->status != BR_OK)
        return x;
    if (!bri_axis_is_known(&x->node->axis[axis]))
        return bri_build(&own, &bri_op_positions_of, &p, sizeof p, &x, 1);
    br_status st = positions_on(call->ctx, &x->node->axis[axis], call->at, &node);
    return st == BR_OK ? bri_handle(&own, node) : bri_handle_error(&own, st);
}

/* ---- counting ---- */

br_status bri_mask_axis(const bri_axis *mask, const bri_axis *x, bri_axis *out)
{
    if (mask->extent != x->extent)
        return bri_error(BR_ESHAPE, "a mask of %lld elements for an axis of %lld",
                         (long long)mask->extent, (long long)x->extent);
    return bri_axis_unify(mask, x, out);
}

/* One element for each chunk of the common grid of the mask and the positions along the axis that
 * it is for. */
static br_status infer_count(bri_node *node)
{
    bri_axis axis;
    node->dtype = BR_INT64;
    if (!bri_node_is_known(node->input[0]) || !bri_node_is_known(node->input[1])) {
        node->axis[node->ndim++] = bri_axis_unknown(node);
        return BR_OK;
    }
    BRI_TRY(bri_mask_axis(&node->input[0]->axis[0], &node->input[1]->axis[0], &axis));
    node->axis[node->ndim++] = bri_axis_regular(axis.nchunks, 1);
    bri_axis_release(&axis);
    return BR_OK;
}

const bri_op bri_op_count_true = {.name = "count_true",
                                  .infer = infer_count,
                                  .form = {2, 2, 0, false},
                                  .fits = bri_fits_count,
                                  .stage = &bri_stage_count_true,
                                  .any_extent = true};

/* ---- picking ---- */

static void print(const bri_node *node, FILE *to)
{
    fprintf(to, "axis %d", (int)((const bri_axis_params *)node->params)->axis);
}

/* Inputs are the mask, the array and the counts. */
static br_status infer_compress(bri_node *node)
{
    const bri_axis_params *p = node->params;
    const bri_node *x = node->input[1];
    node->dtype = x->dtype;
    for (; node->ndim < x->ndim; node->ndim++)
        node->axis[node->ndim] = node->ndim == p->axis ? bri_axis_unknown(node->input[0])
                                                       : bri_axis_share(&x->axis[node->ndim]);
    return BR_OK;
}

static br_status resolve_compress(const bri_node *node, bri_node *const *inputs,
                                  bri_table *const *tables, bri_node **out)
{
    bri_recipe recipe = {.op = &bri_op_picked,
                         .params = node->params,
                         .params_bytes = node->params_bytes,
                         .inputs = inputs,
                         .ninputs = 2,
                         .table = tables[2],
                         .at = node->at};
    return bri_node_make(node->ctx, &recipe, out);
}

const bri_op bri_op_compress = {.name = "compress",
                                .infer = infer_compress,
                                .form = {3, 3, sizeof(bri_axis_params), false},
                                .fits = bri_fits_compress,
                                .waits_for = 1u << 2,
                                .resolve = resolve_compress,
                                .any_extent = true,
                                .print = print};

/* The chunks that keep anything, or one of no elements. */
static br_status picked_axis(const bri_node *node, bri_axis *out)
{
    const bri_axis_params *p = node->params;
    const int64_t *count = (const int64_t *)(const void *)node->table->data;
    int64_t n = (int64_t)(node->table->bytes / sizeof *count);
    bri_axis common;
    BRI_TRY(bri_mask_axis(&node->input[0]->axis[0], &node->input[1]->axis[p->axis], &common));
    bool fits = common.nchunks == n;
    bri_axis_release(&common);
    if (!fits)
        return bri_error(BR_EINTERNAL, "%lld counts of a mask's chunks do not fit its grid",
                         (long long)n);
    int64_t *kept = bri_calloc((size_t)n, sizeof *kept);
    if (kept == NULL)
        return BR_ENOMEM;
    int64_t nkept = 0;
    for (int64_t i = 0; i < n; i++)
        if (count[i] > 0)
            kept[nkept++] = count[i];
    br_status st = BR_OK;
    if (nkept > 0)
        st = bri_axis_listed(kept, nkept, out);
    else
        *out = bri_axis_regular(0, 0);
    bri_free(kept);
    return st;
}

static br_status infer_picked(bri_node *node)
{
    const bri_axis_params *p = node->params;
    const bri_node *x = node->input[1];
    node->dtype = x->dtype;
    for (; node->ndim < x->ndim; node->ndim++) {
        if (node->ndim == p->axis)
            BRI_TRY(picked_axis(node, &node->axis[node->ndim]));
        else
            node->axis[node->ndim] = bri_axis_share(&x->axis[node->ndim]);
    }
    return BR_OK;
}

const bri_op bri_op_picked = {.name = "compress",
                              .infer = infer_picked,
                              .form = {2, 2, sizeof(bri_axis_params), false},
                              .fits = bri_fits_picked,
                              .stage = &bri_stage_picked,
                              .print = print};

br_array *bri_compress(bri_call *call, br_array *mask, br_array *x, int axis)
{
    br_array *both[] = {mask, x};
    br_array *failed = bri_check_call(call, both, 2);
    if (failed != NULL)
        return failed;
    if (mask->node->dtype != BR_BOOL)
        mask = br_astype_(mask, BR_BOOL, call->at);
    if (mask->status != BR_OK)
        return mask;
    bri_axis_params p = {axis};
    br_array *counted[] = {mask, bri_positions(call, x, axis)};
    br_array *counts = bri_build(call, &bri_op_count_true, NULL, 0, counted, 2);
    br_array *inputs[] = {mask, x, counts};
    return bri_build(call, &bri_op_compress, &p, sizeof p, inputs, 3);
}
