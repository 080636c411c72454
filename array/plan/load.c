/* SPDX-License-Identifier: BSD-3-Clause
 * load.c - making a task's inputs readable: in place where one chunk holds them, else gathered or
 * read into scratch; or copying them to where they are wanted.
 */
#include "array/io/hdf5.h"
#include "array/plan/inputs.h"

void *bri_bump_take(bri_bump *bump, size_t bytes)
{
    void *p = bump->base != NULL ? bump->base + bump->used : NULL;
    bump->used += (bytes + 63) / 64 * 64;
    return p;
}

uint64_t bri_load_bytes(const bri_input *input, const bri_leaf *leaf)
{
    bri_rectangle r;
    bri_rectangle_of(&input->map, leaf, &r);
    if (r.nelem == 0)
        return 0;
    return input->from == BRI_FROM_FILE
               ? bri_h5_bytes(input->node->resource, r.start, r.step, r.count)
               : (uint64_t)r.nelem * br_dtype_size(input->node->dtype);
}

void bri_load_part_sizes(const bri_stage *stage, int i, const bri_leaf *leaf, const bri_leaf *part,
                         bri_bump *bump)
{
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    bri_rectangle_of(&input->map, part, &r);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    size_t bytes = (size_t)r.nelem * br_dtype_size(input->node->dtype);
    if (r.nelem == 0)
        return;
    if (input->from == BRI_FROM_FILE) {
        bri_bump_take(bump, bytes);
        bri_bump_take(bump, bri_h5_scratch(input->node->resource));
        return;
    }
    bri_rectangle_of(&input->map, leaf, &r);
    if (!bri_in_one_piece(stage, input) && !bri_one_chunk(input->stage, &r, first, last))
        bri_bump_take(bump, bytes);
}

void bri_load_sizes(const bri_stage *stage, int i, const bri_leaf *leaf, bri_bump *bump)
{
    bri_load_part_sizes(stage, i, leaf, leaf, bump);
}

br_status bri_load(bri_work *work, int i, const bri_leaf *leaf, bri_bump *bump, bri_view *view)
{
    static const int64_t start[BR_MAX_NDIM];
    const bri_stage *stage = work->stage;
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    bri_rectangle_of(&input->map, leaf, &r);
    size_t bytes = (size_t)r.nelem * br_dtype_size(input->node->dtype);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    bri_spot at = bri_spot_in_buffer(input, &r, NULL);
    if (r.nelem == 0) {
        at.data = NULL;
    } else if (input->from == BRI_FROM_FILE) {
        at.data = bri_bump_take(bump, bytes);
        BRI_TRY(bri_read_file(work, i, &r, bump, &at));
    } else if (bri_in_one_piece(stage, input)) {
        at = bri_spot_in_memory(input, &r);
    } else if (bri_one_chunk(input->stage, &r, first, last)) {
        at = bri_spot_in_chunk(work, input, &r, first, start);
    } else {
        at.data = bri_bump_take(bump, bytes);
        bri_gather(work, input, &r, first, last, &at);
    }
    view->base = at.data;
    bri_rectangle_view(&input->map, leaf, stage->leaf_ndim, at.stride, view);
    return BR_OK;
}

/* ---- copying ---- */

bool bri_copies_whole(const bri_input *input, const bri_leaf *box, int ndim)
{
    uint32_t seen = 0;
    for (int a = 0; a < input->map.ndim; a++) {
        if (input->map.from[a].axis >= 0)
            seen |= 1u << input->map.from[a].axis;
        if (input->map.window[a].step != 0)
            return false;
    }
    for (int a = 0; a < ndim; a++)
        if (!(seen >> a & 1) && box->extent[a] > 1)
            return false;
    return true;
}

bool bri_is_at_hand(const bri_stage *stage, int i, const bri_leaf *box)
{
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    bri_rectangle_of(&input->map, box, &r);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    return input->from == BRI_FROM_STAGE && r.nelem > 0 &&
           (bri_in_one_piece(stage, input) || bri_one_chunk(input->stage, &r, first, last));
}

void bri_copy_sizes(const bri_stage *stage, int i, bri_bump *bump)
{
    if (stage->inputs[i].from == BRI_FROM_FILE)
        bri_bump_take(bump, bri_h5_scratch(stage->inputs[i].node->resource));
}

br_status bri_copy_input(bri_work *work, int i, const bri_leaf *box, bri_bump *bump,
                         const bri_view *out)
{
    const bri_stage *stage = work->stage;
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    bri_rectangle_of(&input->map, box, &r);
    size_t size = br_dtype_size(input->node->dtype);
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    bri_spot to = {.data = out->base};
    if (r.nelem == 0)
        return BR_OK;
    for (int a = 0; a < r.ndim; a++)
        to.stride[a] =
            input->map.from[a].axis >= 0 ? out->stride[input->map.from[a].axis] : (int64_t)size;
    if (input->from == BRI_FROM_FILE)
        return bri_read_file(work, i, &r, bump, &to);
    if (bri_in_one_piece(stage, input)) {
        bri_spot at = bri_spot_in_memory(input, &r);
        bri_copy_box(r.ndim, r.count, size, to.data, to.stride, at.data, at.stride);
        return BR_OK;
    }
    bri_one_chunk(input->stage, &r, first, last);
    bri_gather(work, input, &r, first, last, &to);
    return BR_OK;
}
