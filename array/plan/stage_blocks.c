/* SPDX-License-Identifier: BSD-3-Clause
 * stage_blocks.c - operations by functions of the user's on whole chunks.
 *
 * The leaf grid has an axis for each index of the blocks: those of the result, in its order, then
 * those that are contracted, along which a chain of calls goes. An index of extent 0 has a leaf
 * axis of extent 1, and inputs without elements are not read: so a leaf always has something, and
 * functions are called with empty blocks as well.
 */
#include <string.h>

#include "array/kernels/kernels.h"
#include "array/plan/block_calls.h"
#include "array/plan/held.h"
#include "runtime/alloc.h"

/* How the node's inputs are read. */
typedef struct reading {
    struct {
        int input; /* of the stage; -1: the input is empty */
        bool held; /* a block is one chunk of its stage */
    } of[BRI_MAX_INPUTS];
    uint32_t empty; /* indices of extent 0 */
} reading;

static bri_along along(const bri_stage *stage, int k, int a)
{
    const bri_blocks *b = bri_blocks_of(stage->node);
    return bri_blocks_along(b, &stage->node->input[k]->axis[a], &stage->leaf_axis[b->index[k][a]]);
}

/* ---- building ---- */

static br_status set_leaf_grid(bri_stage *stage, reading *r)
{
    const bri_blocks *b = bri_blocks_of(stage->node);
    BRI_TRY(bri_blocks_axes(stage->node, stage->leaf_axis));
    stage->leaf_ndim = b->nindices;
    for (int i = 0; i < b->nindices; i++) {
        if (stage->leaf_axis[i].extent == 0) {
            bri_axis_release(&stage->leaf_axis[i]);
            stage->leaf_axis[i] = bri_axis_regular(1, 1);
            r->empty |= (uint32_t)1 << i;
        }
        if (i >= b->ndim && !(b->whole >> i & 1))
            stage->fold = BRI_FOLD_CHAIN;
    }
    stage->fold_axis = b->ndim;
    stage->fold_more = b->nindices - b->ndim - 1;
    return BR_OK;
}

/* The map to input k's blocks; *alike tells whether it leads to the elements as well. */
static bri_map map_to(const bri_stage *stage, int k, bool *alike)
{
    const bri_node *x = stage->node->input[k];
    const bri_blocks *b = bri_blocks_of(stage->node);
    bri_map map = {.ndim = x->ndim};
    *alike = true;
    for (int a = 0; a < x->ndim; a++) {
        bri_along how = along(stage, k, a);
        map.from[a] = how == BRI_ONCE ? (bri_map_axis){BRI_FIXED, 0, 0}
                                      : (bri_map_axis){b->index[k][a], 0, 1};
        *alike = *alike && (how == BRI_ALONG || x->axis[a].extent == 1);
    }
    return map;
}

/* Input k's blocks as values that stand at the leaves' places, whatever their own extents. */
static br_status place_blocks(const bri_stage *stage, int k, bri_stage **out)
{
    bri_node *x = stage->node->input[k];
    bri_axis cut[BR_MAX_NDIM];
    bri_axis place[BR_MAX_NDIM];
    for (int a = 0; a < x->ndim; a++) {
        bri_along how = along(stage, k, a);
        const bri_axis *index = &stage->leaf_axis[bri_blocks_of(stage->node)->index[k][a]];
        cut[a] = how == BRI_ALONG ? *index : x->axis[a];
        place[a] = how == BRI_ONCE ? x->axis[a] : *index;
    }
    return bri_held_blocks(stage->plan, x, cut, place, out);
}

static br_status add_input(bri_stage *stage, int k, reading *r)
{
    bri_node *x = stage->node->input[k];
    bool alike;
    bri_map map = map_to(stage, k, &alike);
    r->of[k].input = -1;
    if (bri_node_nelem(x) == 0)
        return BR_OK;
    if (alike)
        return bri_held_input(stage, x, &map, &r->of[k].held, &r->of[k].input);
    bri_input input = {.from = BRI_FROM_STAGE, .node = x, .map = map};
    r->of[k].held = true;
    BRI_TRY(place_blocks(stage, k, &input.stage));
    return bri_stage_add_input(stage, &input, &r->of[k].input);
}

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    const bri_node *node = stage->node;
    bri_stage_grid(stage, node);
    if (node->ninputs == 0)
        return BR_OK;
    reading *r = bri_calloc(1, sizeof *r);
    if (r == NULL)
        return BR_ENOMEM;
    stage->data = r;
    for (int a = 0; a < stage->leaf_ndim; a++)
        bri_axis_release(&stage->leaf_axis[a]);
    stage->leaf_ndim = 0;
    BRI_TRY(set_leaf_grid(stage, r));
    for (int k = 0; k < node->ninputs; k++)
        BRI_TRY(add_input(stage, k, r));
    return BR_OK;
}

static void destroy(bri_stage *stage)
{
    bri_free(stage->data);
}

/* ---- blocks ---- */

static void see_axis(bri_seen *seen, int a, const bri_axis *grid, int64_t chunk)
{
    seen->extent[a] = bri_axis_count(grid, chunk);
    seen->origin[a] = bri_axis_start(grid, chunk);
    seen->chunk[a] = chunk;
    seen->nchunks[a] = grid->nchunks;
    seen->shape[a] = grid->extent;
}

static void set_block(bri_seen *seen, br_dtype dtype, int ndim, void *data)
{
    seen->block = (br_block){.data = data,
                             .dtype = dtype,
                             .ndim = ndim,
                             .extent = seen->extent,
                             .origin = seen->origin,
                             .chunk = seen->chunk,
                             .nchunks = seen->nchunks,
                             .shape = seen->shape,
                             .step = 0,
                             .nsteps = 1};
}

/* Input k's block for the leaf at coord; its data are set later. */
static void see_input(const bri_stage *stage, int k, const int64_t *coord, bri_seen *seen)
{
    static _Alignas(64) char nothing[64];
    const bri_node *x = stage->node->input[k];
    const bri_blocks *b = bri_blocks_of(stage->node);
    for (int a = 0; a < x->ndim; a++) {
        int i = b->index[k][a];
        bri_along how = x->axis[a].extent == 0 ? BRI_ONCE : along(stage, k, a);
        see_axis(seen, a, how == BRI_ALONG ? &stage->leaf_axis[i] : &x->axis[a],
                 how == BRI_ONCE ? 0 : coord[i]);
    }
    set_block(seen, x->dtype, x->ndim, nothing);
}

static size_t block_bytes(const bri_seen *seen)
{
    size_t bytes = br_dtype_size(seen->block.dtype);
    for (int a = 0; a < seen->block.ndim; a++)
        bytes *= (size_t)seen->extent[a];
    return bytes;
}

/* The block as dense C order, which is what users' functions see: in place when it is so, else a
 * copy. */
static char *dense(const bri_stage *stage, int k, const bri_view *view, const bri_seen *seen,
                   bri_bump *bump)
{
    const bri_blocks *b = bri_blocks_of(stage->node);
    size_t size = br_dtype_size(seen->block.dtype);
    int64_t have[BR_MAX_NDIM];
    int64_t want[BR_MAX_NDIM];
    int64_t stride = (int64_t)size;
    bool same = true;
    for (int a = seen->block.ndim - 1; a >= 0; a--) {
        want[a] = stride;
        have[a] = view->stride[b->index[k][a]];
        same = same && (seen->extent[a] <= 1 || have[a] == want[a]);
        stride *= seen->extent[a];
    }
    char *copy = bri_bump_take(bump, block_bytes(seen));
    if (same)
        return view->base;
    bri_copy_box(seen->block.ndim, seen->extent, size, copy, want, view->base, have);
    return copy;
}

static br_status load(bri_work *work, int k, const bri_leaf *leaf, bri_bump *bump, bri_seen *seen)
{
    const bri_stage *stage = work->stage;
    const reading *r = stage->data;
    bri_view view;
    if (r->of[k].input < 0)
        return BR_OK;
    if (r->of[k].held) {
        const bri_stage *from = stage->inputs[r->of[k].input].stage;
        int64_t chunk = bri_grid_linear(from->ndim, from->axis, seen->chunk);
        seen->block.data = bri_chunk_data(work, from, chunk);
        return BR_OK;
    }
    BRI_TRY(bri_load(work, r->of[k].input, leaf, bump, &view));
    seen->block.data = dense(stage, k, &view, seen, bump);
    return BR_OK;
}

/* ---- tasks ---- */

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    const reading *r = stage->data;
    bri_leaf leaf;
    bri_bump bump = {0};
    int64_t coord[BR_MAX_NDIM];
    bri_seen seen;
    bri_leaf_box(stage, chunk, step, &leaf);
    bri_leaf_coords(stage, chunk, step, coord);
    for (int k = 0; k < stage->node->ninputs; k++) {
        if (r->of[k].input < 0 || r->of[k].held)
            continue;
        bri_load_sizes(stage, r->of[k].input, &leaf, &bump);
        see_input(stage, k, coord, &seen);
        bri_bump_take(&bump, block_bytes(&seen));
    }
    sizes->output = (size_t)bri_chunk_nelem(stage, chunk) * br_dtype_size(stage->dtype);
    sizes->scratch = bump.used + ((const bri_user_params *)stage->node->params)->scratch_bytes;
}

/* The output's block; of a chain it holds zeros or what the step before left. */
static void see_output(bri_work *work, bri_seen *out)
{
    const bri_stage *stage = work->stage;
    int64_t coord[BR_MAX_NDIM];
    bri_grid_coords(stage->ndim, stage->axis, work->chunk, coord);
    for (int a = 0; a < stage->ndim; a++)
        see_axis(out, a, &stage->axis[a], coord[a]);
    set_block(out, stage->dtype, stage->ndim, NULL);
    out->block.step = work->step;
    out->block.nsteps = stage->nsteps;
    bri_chain_continue(work);
    if (work->step == 0 && stage->fold == BRI_FOLD_CHAIN)
        memset(work->task->output->data, 0, block_bytes(out));
    out->block.data = work->task->output->data;
}

static br_status call_function(bri_work *work, const bri_leaf *leaf, const bri_seen *in,
                               const bri_seen *out)
{
    const bri_stage *stage = work->stage;
    const reading *r = stage->data;
    int64_t extent[BR_MAX_NDIM];
    for (int i = 0; r != NULL && i < stage->leaf_ndim; i++)
        extent[i] = r->empty >> i & 1 ? 0 : leaf->extent[i];
    bri_block_call call = {.stage = stage,
                           .user = stage->node->params,
                           .blocks = bri_blocks_of(stage->node),
                           .extent = extent,
                           .in = in,
                           .out = out};
    bool cores = stage->node->op == &bri_op_gufunc || stage->node->op == &bri_op_along_axis;
    return cores ? bri_call_on_cores(&call) : bri_call_on_blocks(&call);
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    bri_seen in[BRI_MAX_INPUTS];
    bri_seen out;
    int64_t coord[BR_MAX_NDIM];
    if (bri_chunk_nelem(stage, work->chunk) == 0)
        return BR_OK;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    bri_leaf_coords(stage, work->chunk, work->step, coord);
    for (int k = 0; k < stage->node->ninputs; k++) {
        see_input(stage, k, coord, &in[k]);
        BRI_TRY(load(work, k, &leaf, &bump, &in[k]));
    }
    see_output(work, &out);
    return call_function(work, &leaf, in, &out);
}

const bri_stage_kind bri_stage_blocks = {
    .name = "blocks", .build = build, .sizes = sizes, .execute = execute, .destroy = destroy};
