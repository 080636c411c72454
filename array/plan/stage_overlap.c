/* SPDX-License-Identifier: BSD-3-Clause
 * stage_overlap.c - map_overlap: a function of the user's on chunks with halos.
 *
 * The inputs' blocks are made by widened.c. The result is filled where it belongs when it is dense
 * there, else in a block of its own, from which it is copied without the halo that is cut off.
 */
#include <string.h>

#include <bramble/overlap.h>

#include "array/plan/widened.h"
#include "runtime/alloc.h"

typedef struct sources {
    int n;
    bri_widened source[];
} sources;

static sources *sources_of(const bri_stage *stage)
{
    return stage->data;
}

static br_status build(bri_plan *plan, bri_stage *stage)
{
    const bri_node *node = stage->node;
    sources *all = bri_calloc(1, sizeof *all + (size_t)node->ninputs * sizeof all->source[0]);
    if (all == NULL)
        return BR_ENOMEM;
    stage->data = all;
    stage->dtype = node->dtype;
    BRI_TRY(bri_overlap_grid(node, stage->leaf_axis, &stage->leaf_ndim));
    for (; stage->ndim < node->ndim; stage->ndim++)
        stage->axis[stage->ndim] = bri_axis_share(&node->axis[stage->ndim]);
    for (; all->n < node->ninputs; all->n++)
        BRI_TRY(bri_widened_add(plan, stage, all->n, &all->source[all->n]));
    return BR_OK;
}

static void destroy(bri_stage *stage)
{
    sources *all = sources_of(stage);
    for (int i = 0; all != NULL && i < stage->node->ninputs; i++)
        bri_program_free(all->source[i].program);
    bri_free(all);
}

/* ---- sizes ---- */

static void output_of(const bri_stage *stage, const bri_leaf *leaf, bri_leaf *out)
{
    bri_overlap_output(stage->node, stage->leaf_ndim, leaf, out);
}

static bool is_trimmed(const bri_stage *stage, const bri_leaf *leaf, const bri_leaf *out)
{
    return !bri_overlap_of(stage->node)->no_trim && out->nelem != leaf->nelem;
}

/* Rows of a chunk are not one after the other in the caller's memory, unless they are whole. */
static bool is_scattered(const bri_stage *stage, const bri_leaf *out)
{
    int a = 0;
    while (a < stage->ndim && out->extent[a] == 1)
        a++;
    for (a++; a < stage->ndim; a++)
        if (out->extent[a] != stage->axis[a].extent)
            return true;
    return false;
}

/* Does the function fill a block of its own, from which the result is copied? */
static bool is_apart(const bri_stage *stage, const bri_leaf *leaf, const bri_leaf *out)
{
    return is_trimmed(stage, leaf, out) || (stage->direct_result && is_scattered(stage, out));
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    const sources *all = sources_of(stage);
    size_t size = br_dtype_size(stage->dtype);
    bri_bump bump = {0};
    size_t loading = 0;
    bri_leaf leaf;
    bri_leaf out;
    bri_leaf window;
    bri_leaf_box(stage, chunk, step, &leaf);
    output_of(stage, &leaf, &out);
    for (int i = 0; i < all->n; i++) {
        bri_halo_window(&all->source[i].halo, &leaf, &window);
        bri_bump_take(&bump, bri_window_bytes(&all->source[i], &window));
        size_t scratch = bri_widened_scratch(stage, &all->source[i], &leaf);
        loading = scratch > loading ? scratch : loading;
    }
    if (is_apart(stage, &leaf, &out))
        bri_bump_take(&bump, (size_t)out.nelem * size);
    sizes->output = stage->direct_result ? 0 : (size_t)bri_chunk_nelem(stage, chunk) * size;
    sizes->scratch =
        bump.used + loading + ((const bri_user_params *)stage->node->params)->scratch_bytes;
}

/* ---- running ---- */

/* Where a chunk begins, in its value or in the caller's memory, and the strides there. */
static char *chunk_place(const bri_work *work, const bri_leaf *chunk, int64_t *stride)
{
    const bri_stage *stage = work->stage;
    int64_t coord[BR_MAX_NDIM];
    int64_t extent[BR_MAX_NDIM];
    if (!stage->direct_result) {
        bri_dense_strides(stage->ndim, chunk->extent, br_dtype_size(stage->dtype), stride);
        return work->task->output->data;
    }
    char *data = stage->target;
    bri_grid_coords(stage->ndim, stage->axis, work->chunk, coord);
    for (int a = 0; a < stage->ndim; a++)
        extent[a] = stage->axis[a].extent;
    bri_dense_strides(stage->ndim, extent, br_dtype_size(stage->dtype), stride);
    for (int a = 0; a < stage->ndim; a++)
        data += bri_axis_start(&stage->axis[a], coord[a]) * stride[a];
    return data;
}

/* Copies what the function has filled, without the halo that is to be cut off. */
static void deliver(const bri_work *work, const bri_leaf *leaf, const bri_leaf *out,
                    const char *data)
{
    const bri_stage *stage = work->stage;
    const bri_leaf *kept = is_trimmed(stage, leaf, out) ? leaf : out;
    size_t size = br_dtype_size(stage->dtype);
    int64_t from[BR_MAX_NDIM];
    int64_t to[BR_MAX_NDIM];
    char *place = chunk_place(work, kept, to);
    bri_dense_strides(stage->ndim, out->extent, size, from);
    for (int a = 0; a < stage->ndim; a++)
        data += (kept->origin[a] - out->origin[a]) * from[a];
    bri_copy_box(stage->ndim, kept->extent, size, place, to, data, from);
}

static br_status call(const bri_work *work, const br_block *in, const br_block *out)
{
    const bri_user_params *p = work->stage->node->params;
    int code = ((br_block_function)p->fn)(in, work->stage->node->ninputs, out, bri_user_data(p));
    return code == 0 ? BR_OK : bri_user_error(p->fn, code);
}

/* An input as the function sees it. */
typedef struct seen {
    bri_window window;
    int64_t chunk[BR_MAX_NDIM], nchunks[BR_MAX_NDIM], shape[BR_MAX_NDIM];
} seen;

/* Its chunk is the result's along the axes it has; one that is repeated has one chunk. */
static br_block block_of(const bri_stage *stage, const bri_widened *s, const int64_t *coord,
                         seen *as)
{
    for (int a = 0; a < s->halo.ndim; a++) {
        int leaf = s->halo.axis[a].leaf;
        as->chunk[a] = leaf >= 0 ? coord[leaf] : 0;
        as->nchunks[a] = leaf >= 0 ? stage->leaf_axis[leaf].nchunks : 1;
        as->shape[a] = s->halo.axis[a].extent;
    }
    return (br_block){.data = as->window.data,
                      .dtype = s->node->dtype,
                      .ndim = s->node->ndim,
                      .extent = as->window.box.extent,
                      .origin = as->window.box.origin,
                      .chunk = as->chunk,
                      .nchunks = as->nchunks,
                      .shape = as->shape,
                      .nsteps = 1};
}

/* Fills the inputs' blocks and lets the function fill `data`. */
static br_status run(bri_work *work, const bri_leaf *leaf, const bri_leaf *out, bri_bump *bump,
                     void *data)
{
    const bri_stage *stage = work->stage;
    const sources *all = sources_of(stage);
    seen as[BRI_MAX_INPUTS];
    br_block in[BRI_MAX_INPUTS];
    int64_t coord[BR_MAX_NDIM];
    int64_t nchunks[BR_MAX_NDIM];
    int64_t shape[BR_MAX_NDIM];
    bri_grid_coords(stage->ndim, stage->axis, work->chunk, coord);
    for (int i = 0; i < all->n; i++) {
        BRI_TRY(bri_widened_fill(work, &all->source[i], leaf, bump, &as[i].window));
        in[i] = block_of(stage, &all->source[i], coord, &as[i]);
    }
    for (int a = 0; a < stage->ndim; a++) {
        nchunks[a] = stage->axis[a].nchunks;
        shape[a] = stage->axis[a].extent;
    }
    br_block result = {.data = data,
                       .dtype = stage->dtype,
                       .ndim = stage->ndim,
                       .extent = out->extent,
                       .origin = out->origin,
                       .chunk = coord,
                       .nchunks = nchunks,
                       .shape = shape,
                       .nsteps = 1};
    return call(work, in, &result);
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_bump bump = {work->scratch, 0};
    int64_t stride[BR_MAX_NDIM];
    bri_leaf leaf;
    bri_leaf out;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    output_of(stage, &leaf, &out);
    if (leaf.nelem == 0)
        return BR_OK;
    if (!is_apart(stage, &leaf, &out))
        return run(work, &leaf, &out, &bump, chunk_place(work, &out, stride));
    void *filled = bri_bump_take(&bump, (size_t)out.nelem * br_dtype_size(stage->dtype));
    BRI_TRY(run(work, &leaf, &out, &bump, filled));
    deliver(work, &leaf, &out, filled);
    return BR_OK;
}

const bri_stage_kind bri_stage_overlap = {
    .name = "map_overlap", .build = build, .sizes = sizes, .execute = execute, .destroy = destroy};
