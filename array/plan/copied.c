/* SPDX-License-Identifier: BSD-3-Clause
 * copied.c - stages whose value is their input, seen through its map.
 */
#include "array/kernels/kernels.h"
#include "array/plan/stage.h"

void bri_copied_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    bri_load_sizes(stage, 0, &leaf, &bump);
    sizes->output = (size_t)leaf.nelem * br_dtype_size(stage->dtype);
    sizes->scratch = bump.used;
}

br_status bri_copied_execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_leaf leaf;
    bri_view view;
    bri_bump bump = {work->scratch, 0};
    int64_t stride[BR_MAX_NDIM];
    int64_t size = (int64_t)br_dtype_size(stage->dtype);
    int64_t next = size;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    BRI_TRY(bri_load(work, 0, &leaf, &bump, &view));
    for (int a = stage->leaf_ndim - 1; a >= 0; a--) {
        stride[a] = next;
        next *= leaf.extent[a];
    }
    bri_copy_box(stage->leaf_ndim, leaf.extent, (size_t)size, work->task->output->data, stride,
                 view.base, view.stride);
    return BR_OK;
}
