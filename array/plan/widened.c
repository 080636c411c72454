/* SPDX-License-Identifier: BSD-3-Clause
 * widened.c - arrays read by widened leaves: their programs, and the blocks that users' functions
 * see.
 *
 * An elementwise expression is computed straight into the block, a file is read into it, chunks are
 * copied. Parts beyond the array's ends are inputs of their own, with the same program.
 */
#include "array/plan/widened.h"

#include <string.h>

#include "array/io/hdf5.h"
#include "array/plan/rectangle.h"
#include "array/plan/slab.h"
#include "runtime/alloc.h"

/* A file's chunks are decoded so often at most, all leaves together; beyond that they are held. */
static const double MOST_READINGS = 2;

static bool is_narrow(const bri_halo *halo)
{
    for (int a = 0; a < halo->ndim; a++)
        if (halo->axis[a].leaf >= 0 && (halo->axis[a].before | halo->axis[a].after) != 0)
            return false;
    return true;
}

/* ---- building ---- */

static br_status add_parts(bri_stage *stage, bri_widened *s, const bri_stage *own)
{
    uint64_t part = 0;
    s->first = stage->ninputs;
    s->ninputs = own->ninputs;
    do {
        for (int k = 0; k < own->ninputs; k++) {
            int index;
            bri_input input = own->inputs[k];
            input.halo = &s->halo;
            input.part = part;
            BRI_TRY(bri_stage_add_input(stage, &input, &index));
        }
    } while (bri_halo_next(&s->halo, &part));
    return BR_OK;
}

/* How often the stored chunks along axis a of a file are read, over all leaves. */
static double times_along(const bri_stage *stage, const bri_widened *s, const bri_input *input,
                          int a)
{
    const int64_t stored = bri_h5_about(input->node->resource)->chunk[a];
    const int axis = input->map.from[a].axis;
    const int at = axis < 0 ? BRI_FIXED : s->halo.axis[axis].leaf;
    bri_leaf leaf;
    double n = 0;
    if (stored == 0 || at < 0 || input->node->axis[a].extent == 0)
        return 1;
    bri_leaf_box(stage, 0, 0, &leaf);
    for (int64_t c = 0; c < stage->leaf_axis[at].nchunks; c++) {
        bri_leaf box;
        int64_t low;
        int64_t high;
        leaf.origin[at] = bri_axis_start(&stage->leaf_axis[at], c);
        leaf.extent[at] = bri_axis_count(&stage->leaf_axis[at], c);
        bri_halo_box(&s->halo, 0, &leaf, &box);
        bri_rectangle r;
        bri_rectangle_of(&input->map, &box, &r);
        if (r.count[a] == 0)
            continue;
        bri_rectangle_range(&r, a, &low, &high);
        n += (double)(high / stored - low / stored + 1);
    }
    return n / (double)((input->node->axis[a].extent - 1) / stored + 1);
}

/* Is reading and decoding a file again for each halo dearer than holding what was made of it? What
 * is stored as it is costs little to read again, and of it only what is needed. */
static bool is_dear_to_read(const bri_stage *stage, const bri_widened *s, const bri_stage *own)
{
    for (int i = 0; i < own->ninputs; i++) {
        const bri_input *input = &own->inputs[i];
        double times = 1;
        if (input->from != BRI_FROM_FILE ||
            strcmp(bri_h5_about(input->node->resource)->path_kind, "pread") == 0)
            continue;
        for (int a = 0; a < input->map.ndim; a++)
            times *= times_along(stage, s, input, a);
        if (times > MOST_READINGS)
            return true;
    }
    return false;
}

/* The input's chunks are made once, each for all that it is in the halo of. */
static br_status hold(bri_plan *plan, bri_stage *own, bri_node *x, int *result)
{
    int index;
    bri_input input = {.from = BRI_FROM_STAGE, .node = x, .map = bri_map_identity(x->ndim)};
    bri_program_free(own->program);
    own->ninputs = 0;
    own->program = bri_program_new();
    if (own->program == NULL)
        return BR_ENOMEM;
    *result = bri_program_input(own->program, x->dtype);
    if (*result < 0)
        return BR_ENOMEM;
    BRI_TRY(bri_stage_of(plan, x, &input.stage));
    return bri_stage_add_input(own, &input, &index);
}

static br_status make_program(bri_plan *plan, const bri_stage *stage, bri_widened *s,
                              bri_stage *own, bri_node *x)
{
    BRI_TRY(bri_fuse_into(own, x, &s->result));
    if (is_dear_to_read(stage, s, own))
        BRI_TRY(hold(plan, own, x, &s->result));
    BRI_TRY(bri_program_seal_store(own->program, s->result));
    s->copies = own->ninputs == 1 && !bri_program_computes(own->program, s->result);
    return BR_OK;
}

br_status bri_widened_add(bri_plan *plan, bri_stage *stage, int i, bri_widened *s)
{
    bri_node *x = stage->node->input[i];
    bri_stage own = {.plan = plan, .node = stage->node, .leaf_ndim = x->ndim};
    s->node = x;
    s->axis = bri_overlap_axes(stage->node, i);
    bri_overlap_halo(stage->node, i, stage->leaf_ndim, &s->halo);
    own.widened = !is_narrow(&s->halo);
    memcpy(own.leaf_axis, x->axis, (size_t)x->ndim * sizeof x->axis[0]);
    br_status st = make_program(plan, stage, s, &own, x);
    s->program = own.program;
    if (st == BR_OK)
        st = add_parts(stage, s, &own);
    bri_free(own.inputs);
    return st;
}

/* The stage as it looks to the program of one part: over the input's own indices. */
static bri_stage as_program(const bri_stage *stage, const bri_widened *s, int number)
{
    bri_stage own = *stage;
    own.leaf_ndim = s->halo.ndim;
    own.inputs = stage->inputs + s->first + number * s->ninputs;
    own.ninputs = s->ninputs;
    own.program = s->program;
    own.result = s->result;
    return own;
}

/* ---- sizes ---- */

size_t bri_window_bytes(const bri_widened *s, const bri_leaf *window)
{
    return (size_t)window->nelem * br_dtype_size(s->node->dtype);
}

static bool just_copies(const bri_widened *s, const bri_stage *own, const bri_leaf *box)
{
    return s->copies && bri_copies_whole(&own->inputs[0], box, s->halo.ndim);
}

/* Scratch of the part that takes most. */
size_t bri_widened_scratch(const bri_stage *stage, const bri_widened *s, const bri_leaf *leaf)
{
    uint64_t part = 0;
    size_t most = 0;
    int number = 0;
    do {
        bri_stage own = as_program(stage, s, number++);
        bri_bump bump = {0};
        bri_leaf box;
        bri_halo_box(&s->halo, part, leaf, &box);
        if (box.nelem == 0)
            continue;
        bri_slabs whole = bri_slabs_whole(&box);
        if (just_copies(s, &own, &box))
            bri_copy_sizes(&own, 0, &bump);
        else
            bri_slab_sizes(&own, &box, &whole, &bump);
        most = bump.used > most ? bump.used : most;
    } while (bri_halo_next(&s->halo, &part));
    return most;
}

/* ---- filling blocks ---- */

/* Puts a number into all of the block from `from` on along an axis, n deep. */
static void put_constant(const bri_widened *s, const bri_window *b, int axis, int64_t from,
                         int64_t n)
{
    static const int64_t still[BR_MAX_NDIM];
    int64_t extent[BR_MAX_NDIM];
    if (n <= 0)
        return;
    memcpy(extent, b->box.extent, sizeof extent);
    extent[axis] = n;
    bri_copy_box(s->halo.ndim, extent, br_dtype_size(s->node->dtype),
                 b->data + from * b->stride[axis], b->stride, (const char *)s->axis[axis].value,
                 still);
}

/* Corners get the number of the last axis. */
static void put_constants(const bri_widened *s, const bri_window *b)
{
    for (int a = 0; a < s->halo.ndim; a++) {
        const bri_halo_axis *h = &s->halo.axis[a];
        int64_t from = b->box.origin[a];
        int64_t end = from + b->box.extent[a];
        if (h->leaf < 0 || h->boundary != BR_BOUNDARY_CONSTANT)
            continue;
        put_constant(s, b, a, 0, from < 0 ? -from : 0);
        put_constant(s, b, a, h->extent - from, end - h->extent);
    }
}

/* Where a part's box goes in the block, and how often its elements along `axis` are repeated. */
static int64_t place_axis(const bri_widened *s, const bri_window *b, int a, bri_side side,
                          const bri_leaf *box, bri_view *to)
{
    const bri_halo_axis *h = &s->halo.axis[a];
    int64_t from = b->box.origin[a];
    int64_t at = side == BRI_INSIDE  ? box->origin[a] - from
                 : side == BRI_BELOW ? 0
                                     : h->extent - from;
    to->stride[a] = b->stride[a];
    if (side != BRI_INSIDE && h->boundary == BR_BOUNDARY_REFLECT) {
        at += box->extent[a] - 1;
        to->stride[a] = -b->stride[a];
    }
    to->base += at * b->stride[a];
    if (side == BRI_INSIDE || h->boundary != BR_BOUNDARY_NEAREST)
        return 1;
    return side == BRI_BELOW ? -from : from + b->box.extent[a] - h->extent;
}

/* Copies the first element along an axis of a part to the others. */
static void repeat(const bri_widened *s, const bri_view *to, int a, int64_t *extent, int64_t n)
{
    int64_t from[BR_MAX_NDIM];
    memcpy(from, to->stride, sizeof from);
    from[a] = 0;
    extent[a] = n - 1;
    bri_copy_box(s->halo.ndim, extent, br_dtype_size(s->node->dtype), to->base + to->stride[a],
                 to->stride, to->base, from);
    extent[a] = n;
}

static br_status make_box(bri_work *work, const bri_widened *s, const bri_leaf *box, void *scratch,
                          const bri_view *to)
{
    bri_bump bump = {scratch, 0};
    bri_box run = {.out = *to};
    if (just_copies(s, work->stage, box))
        return bri_copy_input(work, 0, box, &bump, to);
    BRI_TRY(bri_slab_load(work, box, &bump, &run));
    bri_program_run(s->program, &run);
    return BR_OK;
}

static br_status make_part(bri_work *work, const bri_widened *s, const bri_window *b, uint64_t part,
                           const bri_leaf *leaf, void *scratch)
{
    bri_leaf box;
    bri_view to = {.base = b->data};
    int64_t times[BR_MAX_NDIM];
    int64_t extent[BR_MAX_NDIM];
    bri_halo_box(&s->halo, part, leaf, &box);
    if (box.nelem == 0)
        return BR_OK;
    for (int a = 0; a < s->halo.ndim; a++)
        times[a] = place_axis(s, b, a, bri_part_side(part, a), &box, &to);
    BRI_TRY(make_box(work, s, &box, scratch, &to));
    memcpy(extent, box.extent, sizeof extent);
    for (int a = 0; a < s->halo.ndim; a++)
        if (times[a] > 1)
            repeat(s, &to, a, extent, times[a]);
    return BR_OK;
}

/* Is all of the window read by one part that lies in memory? */
static bool may_be_in_place(const bri_stage *own, const bri_widened *s, const bri_leaf *leaf,
                            const bri_leaf *window)
{
    bri_leaf box;
    bri_halo_box(&s->halo, 0, leaf, &box);
    return s->copies && box.nelem == window->nelem && bri_is_at_hand(own, 0, window);
}

/* What lies dense in memory is the block as it is. */
static br_status find_in_place(bri_work *work, const bri_widened *s, bri_bump *bump, bri_window *b)
{
    bri_view view;
    BRI_TRY(bri_load(work, 0, &b->box, bump, &view));
    bool same = true;
    for (int a = 0; a < s->halo.ndim; a++)
        same = same && (b->box.extent[a] <= 1 || view.stride[a] == b->stride[a]);
    if (same)
        b->data = view.base;
    else
        bri_copy_box(s->halo.ndim, b->box.extent, br_dtype_size(s->node->dtype), b->data, b->stride,
                     view.base, view.stride);
    return BR_OK;
}

br_status bri_widened_fill(bri_work *work, const bri_widened *s, const bri_leaf *leaf,
                           bri_bump *bump, bri_window *b)
{
    bri_work mine = *work;
    uint64_t part = 0;
    int number = 0;
    bri_halo_window(&s->halo, leaf, &b->box);
    bri_dense_strides(s->halo.ndim, b->box.extent, br_dtype_size(s->node->dtype), b->stride);
    b->data = bri_bump_take(bump, bri_window_bytes(s, &b->box));
    bri_stage own = as_program(work->stage, s, 0);
    mine.stage = &own;
    if (may_be_in_place(&own, s, leaf, &b->box))
        return find_in_place(&mine, s, bump, b);
    put_constants(s, b);
    do {
        own = as_program(work->stage, s, number++);
        BRI_TRY(make_part(&mine, s, b, part, leaf, bump->base + bump->used));
    } while (bri_halo_next(&s->halo, &part));
    return BR_OK;
}
