/* SPDX-License-Identifier: BSD-3-Clause
 * stage_blocks.c - map_blocks and from_blocks: a function of the user's on whole chunks.
 */
#include <string.h>

#include <bramble/user.h>

#include "array/ops/ops.h"
#include "array/plan/stage.h"

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    const bri_node *node = stage->node;
    bri_stage_grid(stage, node);
    for (int i = 0; i < node->ninputs; i++) {
        bri_map map = bri_map_broadcast(node->input[i]->ndim, node->input[i]->axis, node->ndim);
        int index;
        BRI_TRY(bri_stage_input(stage, node->input[i], &map, &index));
    }
    return BR_OK;
}

/* The extents of input i that belong to a leaf, in the axes of the input's own array. */
static void input_extents(const bri_stage *stage, int i, const bri_leaf *leaf, int64_t *origin,
                          int64_t *extent)
{
    const bri_node *x = stage->node->input[i];
    for (int a = 0; a < x->ndim; a++) {
        int at = a + stage->node->ndim - x->ndim;
        bool repeated = x->axis[a].extent == 1;
        origin[a] = repeated ? 0 : leaf->origin[at];
        extent[a] = repeated ? 1 : leaf->extent[at];
    }
}

static size_t input_bytes(const bri_stage *stage, int i, const int64_t *extent)
{
    const bri_node *x = stage->node->input[i];
    size_t bytes = br_dtype_size(x->dtype);
    for (int a = 0; a < x->ndim; a++)
        bytes *= (size_t)extent[a];
    return bytes;
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    int64_t origin[BR_MAX_NDIM];
    int64_t extent[BR_MAX_NDIM];
    bri_leaf_box(stage, chunk, step, &leaf);
    for (int i = 0; i < stage->ninputs; i++) {
        bri_load_sizes(stage, i, &leaf, &bump);
        input_extents(stage, i, &leaf, origin, extent);
        bri_bump_take(&bump, input_bytes(stage, i, extent));
    }
    sizes->output = (size_t)leaf.nelem * br_dtype_size(stage->dtype);
    sizes->scratch = bump.used + ((const bri_user_params *)stage->node->params)->scratch_bytes;
}

/* The input as dense C order, which is what users' functions see: in place when it is so, else a
 * copy. */
static char *dense(const bri_stage *stage, int i, const bri_view *view, const int64_t *extent,
                   bri_bump *bump)
{
    const bri_node *x = stage->node->input[i];
    size_t size = br_dtype_size(x->dtype);
    int64_t have[BR_MAX_NDIM];
    int64_t want[BR_MAX_NDIM];
    int64_t stride = (int64_t)size;
    bool same = true;
    for (int a = x->ndim - 1; a >= 0; a--) {
        want[a] = stride;
        have[a] = view->stride[a + stage->node->ndim - x->ndim];
        same = same && (extent[a] <= 1 || have[a] == want[a]);
        stride *= extent[a];
    }
    char *copy = bri_bump_take(bump, input_bytes(stage, i, extent));
    if (same)
        return view->base;
    bri_copy_box(x->ndim, extent, size, copy, want, view->base, have);
    return copy;
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_user_params *p = stage->node->params;
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    br_block in[BRI_MAX_INPUTS];
    int64_t origin[BRI_MAX_INPUTS][BR_MAX_NDIM];
    int64_t extent[BRI_MAX_INPUTS][BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    bri_grid_coords(stage->ndim, stage->axis, work->chunk, coord);
    for (int i = 0; i < stage->ninputs; i++) {
        bri_view view;
        const bri_node *x = stage->node->input[i];
        BRI_TRY(bri_load(work, i, &leaf, &bump, &view));
        input_extents(stage, i, &leaf, origin[i], extent[i]);
        in[i] = (br_block){dense(stage, i, &view, extent[i], &bump),
                           x->dtype,
                           x->ndim,
                           extent[i],
                           origin[i],
                           coord};
    }
    br_block out = {
        work->task->output->data, stage->dtype, stage->ndim, leaf.extent, leaf.origin, coord};
    int code = ((br_block_function)p->fn)(stage->ninputs > 0 ? in : NULL, stage->ninputs, &out,
                                          p->data_bytes > 0 ? p->data : p->pointer);
    return code == 0 ? BR_OK : bri_user_error(p->fn, code);
}

const bri_stage_kind bri_stage_blocks = {
    .name = "map_blocks", .build = build, .sizes = sizes, .execute = execute};
