/* SPDX-License-Identifier: BSD-3-Clause
 * stage_program.c - stages that store what a block program computes, chunk by chunk.
 */
#include "array/plan/slab.h"
#include "array/plan/stage.h"

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    bri_stage_grid(stage, stage->node);
    return bri_fuse_into(stage, stage->node, &stage->result); /* sealed in share.c */
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    sizes->output = stage->direct_result ? 0 : (size_t)leaf.nelem * br_dtype_size(stage->dtype);
    sizes->scratch = 0;
    if (stage->pass != NULL)
        return;
    bri_slabs slabs = bri_slabs_of(stage, &leaf);
    bri_slab_sizes(stage, &leaf, &slabs, &bump);
    sizes->scratch = bump.used;
}

void bri_output_view(const bri_stage *stage, const bri_leaf *leaf, const bri_value *value,
                     bri_view *out)
{
    out->base = stage->direct_result ? stage->target : value->data;
    int64_t stride = (int64_t)br_dtype_size(stage->dtype);
    for (int a = stage->ndim - 1; a >= 0; a--) {
        out->stride[a] = stride;
        if (stage->direct_result)
            out->base += leaf->origin[a] * stride;
        stride *= stage->direct_result ? stage->axis[a].extent : leaf->extent[a];
    }
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_leaf leaf;
    bri_leaf room;
    bri_box box;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    bri_slabs slabs = bri_slabs_of(stage, &leaf);
    work->holds = true;
    bri_output_view(stage, &leaf, work->task->output, &box.out);
    char *first = box.out.base;
    for (int64_t i = 0; i < slabs.n; i++) {
        bri_bump bump = {work->scratch, 0};
        const bri_leaf *slab = bri_slab_in(&leaf, &slabs, i, &room);
        BRI_TRY(bri_slab_load(work, slab, &bump, &box));
        box.out.base = first + bri_slab_offset(stage->leaf_ndim, &leaf, slab, box.out.stride);
        bri_program_run(stage->program, &box);
    }
    return BR_OK;
}

const bri_stage_kind bri_stage_program = {
    .name = "fused", .build = build, .sizes = sizes, .execute = execute};
