/* SPDX-License-Identifier: BSD-3-Clause
 * slab.c - slabs of a leaf box: how many rows, their inputs, one run of the program.
 */
#include "array/plan/slab.h"

#include <string.h>

#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/rectangle.h"

/* Slabs of a chunk that is held stay in the second-level cache beside it. */
enum { SLAB_BYTES = 512 << 10, HELD_BYTES = 128 << 10 };

static int64_t block_rows(const bri_stage *stage)
{
    return stage->leaf_ndim == 1 ? BRI_LANE_BLOCK : BRI_ROW_BLOCK;
}

/* Is the stored chunk that the leaf reads decoded once for all slabs? (inputs.c) */
static bool is_held(const bri_stage *stage, int i, const bri_leaf *leaf)
{
    const bri_input *input = &stage->inputs[i];
    bri_rectangle r;
    if (i >= BRI_MOST_HELD || stage->shifted)
        return false;
    bri_rectangle_of(&input->map, leaf, &r);
    return bri_h5_can_hold(input->node->resource, r.start, r.step, r.count);
}

/* Rows of a slab of which each stored chunk of the input belongs to one only: it is the same number
 * or a multiple of it, or 0 when there is none. Data stored in one piece is read in any. */
static int64_t rows_as_stored(const bri_stage *stage, const bri_input *input, const bri_leaf *leaf)
{
    const bri_h5_info *info = bri_h5_about(input->node->resource);
    int64_t rows = block_rows(stage);
    int64_t found = 0;
    if (info->contiguous)
        return rows;
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        if (m->axis != 0)
            continue;
        bool aligned = info->chunk[a] > 0 && m->step == 1 &&
                       (m->start + leaf->origin[0]) % info->chunk[a] == 0;
        bool fits = aligned && (info->chunk[a] & (info->chunk[a] - 1)) == 0;
        found = !fits || found < 0 ? -1 : rows > info->chunk[a] ? rows : info->chunk[a];
    }
    return found > 0 ? found : 0;
}

/* The least rows that all files the stage reads allow, the bytes of a row and of a slab; 0 when
 * slabs would decode stored chunks several times, or no file is read. */
static int64_t least_rows(const bri_stage *stage, const bri_leaf *leaf, size_t *row_bytes,
                          int64_t *slab_bytes)
{
    int64_t most = 0;
    *row_bytes = 0;
    *slab_bytes = SLAB_BYTES;
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        if (input->from != BRI_FROM_FILE)
            continue;
        bool held = is_held(stage, i, leaf);
        int64_t rows = held ? block_rows(stage) : rows_as_stored(stage, input, leaf);
        if (rows == 0)
            return 0;
        if (held)
            *slab_bytes = HELD_BYTES;
        most = rows > most ? rows : most;
        *row_bytes += br_dtype_size(input->node->dtype) * (size_t)(leaf->nelem / leaf->extent[0]);
    }
    return most;
}

int64_t bri_slab_rows(const bri_stage *stage, const bri_leaf *leaf)
{
    size_t row_bytes;
    int64_t slab_bytes;
    if (stage->leaf_ndim == 0 || leaf->nelem == 0)
        return stage->leaf_ndim == 0 ? 1 : leaf->extent[0];
    int64_t rows = least_rows(stage, leaf, &row_bytes, &slab_bytes);
    if (rows == 0)
        return leaf->extent[0];
    while (rows * 2 * (int64_t)row_bytes <= slab_bytes)
        rows *= 2;
    return rows < leaf->extent[0] ? rows : leaf->extent[0];
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

const bri_leaf *bri_slab_in(const bri_leaf *leaf, int64_t row, int64_t rows, bri_leaf *room)
{
    if (rows == leaf->extent[0] || leaf->nelem == 0)
        return leaf;
    *room = bri_slab_of(leaf, row, rows);
    return room;
}

/* A pass has several programs, which bring their own. */
static size_t program_scratch(const bri_stage *stage)
{
    return stage->program != NULL ? bri_program_scratch(stage->program) : 0;
}

void bri_slab_sizes(const bri_stage *stage, const bri_leaf *slab, bri_bump *bump)
{
    bri_bump_take(bump, program_scratch(stage));
    bri_bump_take(bump, (size_t)stage->ninputs * sizeof(bri_view));
    bri_load_all_sizes(stage, slab, bump);
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
