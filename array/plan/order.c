/* SPDX-License-Identifier: BSD-3-Clause
 * order.c - arithmetic of chunks, steps and tree nodes.
 */
#include "array/plan/stage.h"

void bri_grid_coords(int ndim, const bri_axis *axis, int64_t linear, int64_t *coord)
{
    for (int a = ndim - 1; a >= 0; a--) {
        coord[a] = linear % axis[a].nchunks;
        linear /= axis[a].nchunks;
    }
}

int64_t bri_grid_linear(int ndim, const bri_axis *axis, const int64_t *coord)
{
    int64_t linear = 0;
    for (int a = 0; a < ndim; a++)
        linear = linear * axis[a].nchunks + coord[a];
    return linear;
}

/* Is leaf axis a one of those that a chunk's steps go along? */
static bool folds(const bri_stage *stage, int a)
{
    return stage->fold != BRI_FOLD_NONE && a >= stage->fold_axis &&
           a <= stage->fold_axis + stage->fold_more;
}

static int64_t chunks_along(const bri_stage *stage, int a)
{
    return stage->picks != NULL && stage->picks->axis == a ? stage->picks->n
                                                           : stage->leaf_axis[a].nchunks;
}

/* The chunk that a leaf makes along axis a, or -1. */
static int64_t chunk_of_leaf(const bri_stage *stage, int a, int64_t leaf)
{
    const bri_picks *p = stage->picks;
    if (p == NULL || p->axis != a)
        return leaf;
    int64_t low = 0;
    int64_t high = p->n - 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (p->leaf[middle] < leaf)
            low = middle + 1;
        else
            high = middle;
    }
    return p->leaf[low] == leaf ? low : -1;
}

/* Chunks count in C order over the leaf grid's other axes, steps over the fold axes. */
void bri_leaf_coords(const bri_stage *stage, int64_t chunk, int64_t step, int64_t *coord)
{
    for (int a = stage->leaf_ndim - 1; a >= 0; a--) {
        if (folds(stage, a)) {
            coord[a] = step % stage->leaf_axis[a].nchunks;
            step /= stage->leaf_axis[a].nchunks;
            continue;
        }
        int64_t n = chunks_along(stage, a);
        coord[a] = chunk % n;
        chunk /= n;
        if (stage->picks != NULL && stage->picks->axis == a)
            coord[a] = stage->picks->leaf[coord[a]];
    }
}

void bri_leaf_place(const bri_stage *stage, const int64_t *coord, int64_t *chunk, int64_t *step)
{
    *chunk = 0;
    *step = 0;
    for (int a = 0; a < stage->leaf_ndim; a++) {
        if (folds(stage, a)) {
            *step = *step * stage->leaf_axis[a].nchunks + coord[a];
            continue;
        }
        int64_t c = chunk_of_leaf(stage, a, coord[a]);
        if (c < 0) {
            *chunk = -1;
            return;
        }
        *chunk = *chunk * chunks_along(stage, a) + c;
    }
}

void bri_leaf_box(const bri_stage *stage, int64_t chunk, int64_t step, bri_leaf *leaf)
{
    int64_t coord[BR_MAX_NDIM];
    bri_leaf_coords(stage, chunk, step, coord);
    leaf->nelem = 1;
    leaf->origin[0] = 0; /* a scalar is one row, for those who go by rows */
    leaf->extent[0] = 1;
    for (int a = 0; a < stage->leaf_ndim; a++) {
        leaf->origin[a] = bri_axis_start(&stage->leaf_axis[a], coord[a]);
        leaf->extent[a] = bri_axis_count(&stage->leaf_axis[a], coord[a]);
        leaf->nelem *= leaf->extent[a];
    }
}

int64_t bri_chunk_nelem(const bri_stage *stage, int64_t chunk)
{
    int64_t coord[BR_MAX_NDIM];
    int64_t n = 1;
    bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
    for (int a = 0; a < stage->ndim; a++)
        n *= bri_axis_count(&stage->axis[a], coord[a]);
    return n;
}

bri_key bri_stage_key(const bri_stage *stage, int64_t chunk)
{
    bri_key key = {stage->id, 0, chunk};
    if (stage->fold == BRI_FOLD_TREE)
        key.level = (uint32_t)bri_tree_top(stage->nsteps);
    else if (stage->fold == BRI_FOLD_CHAIN)
        key.level = (uint32_t)(stage->nsteps - 1);
    return key;
}

bool bri_tree_real(int64_t nleaves, int level, int64_t i)
{
    return level == 0 || (2 * i + 1) << (level - 1) < nleaves;
}

void bri_tree_normalise(int64_t nleaves, int *level, int64_t *i)
{
    while (!bri_tree_real(nleaves, *level, *i)) {
        (*level)--;
        *i *= 2;
    }
}

int bri_tree_top(int64_t nleaves)
{
    return nleaves > 1 ? 64 - __builtin_clzll((unsigned long long)nleaves - 1) : 0;
}

int64_t bri_tree_width(int64_t nleaves, int level)
{
    return ((nleaves - 1) >> level) + 1;
}
