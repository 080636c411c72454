/* SPDX-License-Identifier: BSD-3-Clause
 * slab.c - slabs of a leaf box: where they are, their inputs, one run of the program.
 */
#include "array/plan/slab.h"

const bri_leaf *bri_slab_in(const bri_leaf *leaf, const bri_slabs *slabs, int64_t i, bri_leaf *room)
{
    if (slabs->n == 1)
        return leaf;
    *room = *leaf;
    int64_t row = i % slabs->along * slabs->rows;
    int64_t left = leaf->extent[slabs->axis] - row;
    room->origin[slabs->axis] += row;
    room->extent[slabs->axis] = left < slabs->rows ? left : slabs->rows;
    room->nelem = leaf->nelem / leaf->extent[slabs->axis] * room->extent[slabs->axis];
    i /= slabs->along;
    for (int a = slabs->axis - 1; a >= 0 && !slabs->across; a--) {
        room->origin[a] += i % leaf->extent[a];
        room->nelem /= leaf->extent[a];
        room->extent[a] = 1;
        i /= leaf->extent[a];
    }
    return room;
}

int64_t bri_slab_offset(int ndim, const bri_leaf *leaf, const bri_leaf *slab, const int64_t *stride)
{
    int64_t bytes = 0;
    for (int a = 0; a < ndim; a++)
        bytes += (slab->origin[a] - leaf->origin[a]) * stride[a];
    return bytes;
}

bri_leaf bri_slab_of(const bri_leaf *leaf, int64_t row, int64_t rows)
{
    bri_leaf slab = *leaf;
    if (rows == leaf->extent[0] || leaf->nelem == 0)
        return slab;
    slab.origin[0] += row;
    slab.extent[0] = leaf->extent[0] - row < rows ? leaf->extent[0] - row : rows;
    slab.nelem = leaf->nelem / leaf->extent[0] * slab.extent[0];
    return slab;
}

/* ---- loading ---- */

/* A pass has several programs, which bring their own. */
static size_t program_scratch(const bri_stage *stage)
{
    return stage->program != NULL ? bri_program_scratch(stage->program) : 0;
}

/* All slabs have the extents of the first one, or fewer indices: those of the last. */
void bri_slab_load_sizes(const bri_stage *stage, const bri_leaf *leaf, const bri_slabs *slabs,
                         bri_bump *bump)
{
    bri_leaf room;
    bri_bump last = *bump;
    bri_load_all_sizes(stage, leaf, bri_slab_in(leaf, slabs, 0, &room), bump);
    if (slabs->n == 1)
        return;
    bri_load_all_sizes(stage, leaf, bri_slab_in(leaf, slabs, slabs->n - 1, &room), &last);
    bump->used = last.used > bump->used ? last.used : bump->used;
}

void bri_slab_sizes(const bri_stage *stage, const bri_leaf *leaf, const bri_slabs *slabs,
                    bri_bump *bump)
{
    bri_bump_take(bump, program_scratch(stage));
    bri_bump_take(bump, (size_t)stage->ninputs * sizeof(bri_view));
    bri_slab_load_sizes(stage, leaf, slabs, bump);
}

br_status bri_slab_load(bri_work *work, const bri_leaf *slab, bri_bump *bump, bri_box *box)
{
    const bri_stage *stage = work->stage;
    box->ndim = stage->leaf_ndim;
    for (int a = 0; a < box->ndim; a++) {
        box->extent[a] = slab->extent[a];
        box->origin[a] = slab->origin[a];
    }
    box->scratch = bri_bump_take(bump, program_scratch(stage));
    bri_view *views = bri_bump_take(bump, (size_t)stage->ninputs * sizeof *views);
    BRI_TRY(bri_load_all(work, slab, bump, views));
    box->inputs = views;
    return BR_OK;
}
