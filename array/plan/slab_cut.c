/* SPDX-License-Identifier: BSD-3-Clause
 * slab_cut.c - how a leaf box is cut into slabs: what its programs and files allow, and what stays
 * in the cache.
 */
#include "array/plan/slab.h"

#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/pass.h"
#include "array/plan/rectangle.h"
#include "array/plan/reduce_leaf.h"

/* Slabs of a chunk that is held stay in the second-level cache beside it. Data in one piece is
 * read in runs of at least SHORTEST_RUN. */
enum {
    SLAB_BYTES = 256 << 10,
    HELD_BYTES = 128 << 10,
    SHORTEST_RUN = 16 << 10,
};

/* What programs and files ask for. */
typedef struct needs {
    uint32_t reduced; /* axes that a program reduces */
    int64_t unit;     /* rows of the first axis in a slab, times a power of two; 0: all of them */
    int64_t element;  /* bytes that are read for an element of the box */
    int64_t most;     /* bytes of a slab */
    bool anywhere; /* files can be read in slabs along any axis; a chunk that is held cannot: rows
                       * that end in smaller slabs would move the place where it is held */
} needs;

/* ---- what programs ask for ---- */

static uint32_t reduced_by(const bri_stage *stage)
{
    uint32_t axes = 0;
    if (stage->kind != &bri_stage_pass) {
        int axis = bri_program_axis(stage);
        return axis >= 0 ? 1u << axis : 0;
    }
    const bri_pass *pass = bri_pass_of(stage);
    for (int i = pass->nvalues; i < pass->npieces; i++) {
        int axis = bri_program_axis(pass->piece[i].member);
        axes |= axis >= 0 ? 1u << axis : 0;
    }
    return axes;
}

/* The first axis by whole reduction blocks, where a function of the user's or a program reduces
 * it. */
static int64_t block_rows(const bri_stage *stage, uint32_t reduced)
{
    if (stage->kind != &bri_stage_reduction && !(reduced & 1))
        return 1;
    return stage->leaf_ndim == 1 ? BRI_LANE_BLOCK : BRI_ROW_BLOCK;
}

/* ---- what files ask for ---- */

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

/* Rows of a slab of which each stored chunk of the input belongs to one only: it is `rows` or a
 * multiple of it, or 0 when there is none. Data stored in one piece is read in any. */
static int64_t rows_as_stored(const bri_input *input, const bri_leaf *leaf, int64_t rows)
{
    const bri_h5_info *info = bri_h5_about(input->node->resource);
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

/* Axis for axis in the file's order and element by element: each slab reads its own part. */
static bool lies_as_read(const bri_stage *stage, const bri_input *input)
{
    bool same = input->map.ndim == stage->leaf_ndim && input->halo == NULL;
    for (int a = 0; a < input->map.ndim && same; a++)
        same = input->map.from[a].axis == a && input->map.from[a].step == 1 &&
               input->map.window[a].step == 0;
    return same;
}

/* unit is 0 where slabs would decode stored chunks several times, or no file is read. */
static needs needs_of(const bri_stage *stage, const bri_leaf *leaf)
{
    needs n = {.reduced = reduced_by(stage), .most = SLAB_BYTES};
    const int64_t least = block_rows(stage, n.reduced);
    n.anywhere = true;
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        if (input->from != BRI_FROM_FILE)
            continue;
        bool held = is_held(stage, i, leaf);
        int64_t rows = held ? least : rows_as_stored(input, leaf, least);
        if (rows == 0)
            return (needs){0};
        if (held)
            n.most = HELD_BYTES;
        n.anywhere = n.anywhere && lies_as_read(stage, input) &&
                     bri_h5_about(input->node->resource)->contiguous;
        n.unit = rows > n.unit ? rows : n.unit;
        n.element += (int64_t)br_dtype_size(input->node->dtype);
    }
    return n;
}

/* ---- cutting ---- */

static int64_t elements_between(const bri_leaf *leaf, int from, int to)
{
    int64_t n = 1;
    for (int a = from; a < to; a++)
        n *= leaf->extent[a];
    return n;
}

bri_slabs bri_slabs_along(const bri_leaf *leaf, int axis, bool across, int64_t rows)
{
    bri_slabs s = {.axis = axis, .across = across, .rows = rows};
    s.rows = s.rows < leaf->extent[axis] ? s.rows : leaf->extent[axis];
    s.along = s.rows > 0 ? (leaf->extent[axis] + s.rows - 1) / s.rows : 1;
    s.n = s.along * (across ? 1 : elements_between(leaf, 0, axis));
    return s;
}

bri_slabs bri_slabs_whole(const bri_leaf *leaf)
{
    return (bri_slabs){.rows = leaf->extent[0], .along = 1, .n = 1};
}

/* The largest power of two times `unit` for which that many indices stay below `most` bytes; not
 * below the unit, and at most all. */
static int64_t most_rows(int64_t unit, int64_t index_bytes, int64_t most, int64_t all)
{
    while (unit < all && 2 * unit * index_bytes <= most)
        unit *= 2;
    return unit < all ? unit : all;
}

/* Can the axis be cut, with all states of a slab one after the other? Axes before it have one index
 * in a slab, or all where each program reduces the only one that has several. (A reduction over no
 * axes has a pass of its own, so `reduced` leaves out none that would mind.) */
static bool can_cut(const needs *n, const bri_leaf *leaf, int axis, bool *across)
{
    uint32_t before = 0;
    for (int a = 0; a < axis; a++)
        before |= (uint32_t)(leaf->extent[a] > 1) << a;
    *across = (n->reduced & before) != 0;
    bool alone = n->reduced == before && (before & (before - 1)) == 0;
    return n->anywhere && !(n->reduced >> axis & 1) && (!*across || alone);
}

static int64_t index_bytes(const needs *n, const bri_leaf *leaf, int ndim, int axis, bool across)
{
    int64_t elements = elements_between(leaf, axis + 1, ndim);
    return n->element * elements * (across ? elements_between(leaf, 0, axis) : 1);
}

/* By the first axis, and if slabs are too large then by the first other one that makes them small
 * enough, or smaller. */
static bri_slabs cut(const needs *n, const bri_leaf *leaf, int ndim)
{
    int64_t one = index_bytes(n, leaf, ndim, 0, false);
    int64_t rows = most_rows(n->unit, one, n->most, leaf->extent[0]);
    bri_slabs best = bri_slabs_along(leaf, 0, false, rows);
    int64_t bytes = best.rows * one;
    for (int a = 1; a < ndim && bytes > n->most; a++) {
        bool across;
        if (!can_cut(n, leaf, a, &across))
            continue;
        one = index_bytes(n, leaf, ndim, a, across);
        rows = most_rows(1, one, n->most, leaf->extent[a]);
        bri_slabs s = bri_slabs_along(leaf, a, across, rows);
        bool long_runs = s.rows * n->element * elements_between(leaf, a + 1, ndim) >= SHORTEST_RUN;
        if (s.rows * one >= bytes || (across && !long_runs))
            continue;
        best = s;
        bytes = s.rows * one;
    }
    return best;
}

bri_slabs bri_slabs_of(const bri_stage *stage, const bri_leaf *leaf)
{
    if (stage->leaf_ndim == 0 || leaf->nelem == 0)
        return bri_slabs_whole(leaf);
    needs n = needs_of(stage, leaf);
    if (n.unit == 0 || leaf->nelem * n.element <= n.most)
        return bri_slabs_whole(leaf);
    return cut(&n, leaf, stage->leaf_ndim);
}

int64_t bri_slab_rows(const bri_stage *stage, const bri_leaf *leaf)
{
    if (stage->leaf_ndim == 0 || leaf->nelem == 0)
        return stage->leaf_ndim == 0 ? 1 : leaf->extent[0];
    needs n = needs_of(stage, leaf);
    int64_t one = index_bytes(&n, leaf, stage->leaf_ndim, 0, false);
    return n.unit > 0 ? most_rows(n.unit, one, n.most, leaf->extent[0]) : leaf->extent[0];
}

bri_slabs bri_slabs_finer(const bri_stage *stage, const bri_leaf *leaf, const bri_slabs *slabs,
                          int64_t element, int64_t most)
{
    const int axis = slabs->axis;
    const needs n = {.element = element};
    if (stage->leaf_ndim == 0 || leaf->nelem == 0)
        return *slabs;
    int64_t unit = axis == 0 ? block_rows(stage, reduced_by(stage)) : 1;
    int64_t one = index_bytes(&n, leaf, stage->leaf_ndim, axis, slabs->across);
    int64_t rows = most_rows(unit, one, most, slabs->rows);
    return bri_slabs_along(leaf, axis, slabs->across, rows);
}
