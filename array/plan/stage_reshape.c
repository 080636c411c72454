/* SPDX-License-Identifier: BSD-3-Clause
 * stage_reshape.c - the same elements in C order in another shape.
 *
 * No affine map leads from the result to the source, so a chunk of the result asks for the chunks
 * of all source rows (of the first axis) between its first and its last element. When chunks are
 * runs of whole rows that is what it needs and no more.
 */
#include <string.h>

#include "array/plan/persist.h"
#include "array/plan/stage.h"

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    int index;
    bri_stage_grid(stage, stage->node);
    bri_input input = {.from = BRI_FROM_STAGE, .node = stage->node->input[0]};
    input.map = bri_map_identity(input.node->ndim);
    BRI_TRY(bri_stage_of(stage->plan, input.node, &input.stage));
    return bri_stage_add_input(stage, &input, &index);
}

static int64_t flat_index(int ndim, const bri_axis *axis, const int64_t *coord)
{
    int64_t flat = 0;
    for (int a = 0; a < ndim; a++)
        flat = flat * axis[a].extent + coord[a];
    return flat;
}

static int64_t row_length(const bri_stage *from)
{
    int64_t n = 1;
    for (int a = 1; a < from->ndim; a++)
        n *= from->axis[a].extent;
    return n;
}

static br_status needs(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
{
    bri_stage *from = stage->inputs[0].stage;
    bri_leaf leaf;
    int64_t last[BR_MAX_NDIM];
    bri_leaf_box(stage, chunk, step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    for (int a = 0; a < stage->ndim; a++)
        last[a] = leaf.origin[a] + leaf.extent[a] - 1;
    int64_t row = row_length(from);
    int64_t first_row = flat_index(stage->ndim, stage->axis, leaf.origin) / row;
    int64_t last_row = flat_index(stage->ndim, stage->axis, last) / row;
    int64_t across = from->nchunks / (from->ndim > 0 ? from->axis[0].nchunks : 1);
    int64_t low = from->ndim > 0 ? bri_axis_find(&from->axis[0], first_row) : 0;
    int64_t high = from->ndim > 0 ? bri_axis_find(&from->axis[0], last_row) : 0;
    int owner = bri_stage_owner(stage, chunk, step);
    for (int64_t c = low * across; c < (high + 1) * across; c++)
        if (!from->direct || bri_value_owner(from, c) != owner)
            BRI_TRY(bri_needs_add(list, from, c));
    return BR_OK;
}

/* Chunks of the result whose rows (of the first axis) overlap the elements of the chunk's rows. */
static void candidates(const bri_stage *stage, int64_t of, int64_t *first, int64_t *last)
{
    const bri_stage *from = stage->inputs[0].stage;
    int64_t coord[BR_MAX_NDIM];
    *first = 0;
    *last = stage->nchunks - 1;
    if (stage->ndim == 0 || from->ndim == 0 || stage->axis[0].extent == 0)
        return;
    bri_grid_coords(from->ndim, from->axis, of, coord);
    int64_t row = row_length(from);
    int64_t own = row_length(stage);
    int64_t low = bri_axis_start(&from->axis[0], coord[0]) * row;
    int64_t high = bri_axis_start(&from->axis[0], coord[0] + 1) * row - 1;
    if (own == 0 || high < low)
        return;
    int64_t across = stage->nchunks / stage->axis[0].nchunks;
    *first = bri_axis_find(&stage->axis[0], low / own) * across;
    *last = (bri_axis_find(&stage->axis[0], high / own) + 1) * across - 1;
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    (void)step;
    sizes->output = (size_t)bri_chunk_nelem(stage, chunk) * br_dtype_size(stage->dtype);
    sizes->scratch = 0;
}

/* Elements in C order from index `at` on that lie side by side in its chunk, `inside` from the
 * chunk's first one: up to the end of the last axis that is cut, of those behind it all. Of the
 * caller's memory, which may have gaps, up to the end of the row. */
static int64_t side_by_side(const bri_stage *from, const int64_t *at, const int64_t *coord,
                            int64_t inside)
{
    int a = from->ndim - 1;
    int64_t behind = 1;
    if (a < 0)
        return 1;
    while (a > 0 && from->axis[a].nchunks == 1 && from->kind != &bri_stage_memory)
        behind *= from->axis[a--].extent;
    return (bri_axis_start(&from->axis[a], coord[a] + 1) - at[a]) * behind - inside % behind;
}

/* Copies up to n elements from flat index `flat` of the source on. */
static int64_t copy_run(bri_work *work, int64_t flat, int64_t n, char *to)
{
    const bri_stage *from = work->stage->inputs[0].stage;
    int64_t at[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    size_t size = br_dtype_size(from->dtype);
    int64_t rest = flat;
    for (int a = from->ndim - 1; a >= 0; a--) {
        at[a] = rest % from->axis[a].extent;
        rest /= from->axis[a].extent;
        coord[a] = bri_axis_find(&from->axis[a], at[a]);
    }
    int64_t inside = 0;
    for (int a = 0; a < from->ndim; a++)
        inside = inside * bri_axis_count(&from->axis[a], coord[a]) + at[a] -
                 bri_axis_start(&from->axis[a], coord[a]);
    int64_t run = side_by_side(from, at, coord, inside);
    if (run > n)
        run = n;
    const char *data = bri_source_element(
        work, from, bri_grid_linear(from->ndim, from->axis, coord), inside, at, &run);
    memcpy(to, data, (size_t)run * size);
    return run;
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_leaf leaf;
    int64_t at[BR_MAX_NDIM];
    size_t size = br_dtype_size(stage->dtype);
    char *to = work->task->output->data;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    memcpy(at, leaf.origin, sizeof at);
    int z = stage->ndim - 1;
    int64_t row = z >= 0 ? leaf.extent[z] : 1;
    for (int64_t done = 0; done < leaf.nelem; done += row) {
        int64_t flat = flat_index(stage->ndim, stage->axis, at);
        for (int64_t i = 0; i < row;) {
            int64_t n = copy_run(work, flat + i, row - i, to);
            to += (size_t)n * size;
            i += n;
        }
        for (int a = z - 1; a >= 0 && ++at[a] == leaf.origin[a] + leaf.extent[a]; a--)
            at[a] = leaf.origin[a];
    }
    return BR_OK;
}

const bri_stage_kind bri_stage_reshape = {.name = "reshape",
                                          .build = build,
                                          .needs = needs,
                                          .candidates = candidates,
                                          .sizes = sizes,
                                          .execute = execute};
