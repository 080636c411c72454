/* SPDX-License-Identifier: BSD-3-Clause
 * pad.c - arrays with more elements around them: for each axis a concat of what is put in front,
 * the array, and what is put behind.
 */
#include <bramble/elementwise.h>
#include <bramble/functions.h>

#include "array/ops/shape.h"

/* One axis of a pad. */
typedef struct padding {
    bri_call *call;
    const br_pad_args *args;
    int axis;
    int64_t width[2]; /* in front and behind */
} padding;

enum { FEW_BLOCKS = 16 };

static br_extents shape_with(const br_array *x, int axis, int64_t extent)
{
    br_extents shape = {x->node->ndim, {0}};
    for (int a = 0; a < x->node->ndim; a++)
        shape.extent[a] = a == axis ? extent : x->shape[a];
    return shape;
}

/* ---- constant and edge ---- */

/* In chunks no longer than x's along the axis; along the others it is cut where x is. */
static br_array *constant(const padding *p, br_array *x, int side)
{
    br_number value = p->args->value.kind != 0 ? p->args->value : br_number_int(0);
    br_extents shape = shape_with(x, p->axis, p->width[side]);
    br_full_args args = {p->call->at, p->call->ctx, shape, value, x->node->dtype, shape};
    int64_t longest = bri_axis_largest(&x->node->axis[p->axis]);
    if (longest == 0)
        args.chunks = (br_extents){0, {0}};
    else if (longest < p->width[side])
        args.chunks.extent[p->axis] = longest;
    return br_full_(args);
}

static br_array *edge(const padding *p, br_array *x, int side)
{
    int64_t at = side == 0 ? 0 : x->shape[p->axis] - 1;
    br_array *last = bri_slice_axis(p->call, x, p->axis, (bri_stretch){at, 1, 1});
    return br_broadcast_to_(last, shape_with(x, p->axis, p->width[side]), p->call->at);
}

/* ---- periodic continuation ---- */

/* x continued on both sides is made of blocks: block k, elements [k, k + 1) * length, is x's first
 * `length` elements, or, where it is mirrored and k odd, as many going down from x's last one. */
static int64_t block_length(const padding *p, const br_array *x)
{
    int64_t n = x->shape[p->axis];
    return p->args->mode == BR_PAD_REFLECT ? n - 1 : n;
}

/* The part [from, to) of what is in one block. */
static br_array *within_block(const padding *p, br_array *x, int64_t from, int64_t to)
{
    int64_t length = block_length(p, x);
    int64_t block = from >= 0 ? from / length : -((-from - 1) / length) - 1;
    int64_t offset = from - block * length;
    bool down = p->args->mode != BR_PAD_WRAP && block % 2 != 0;
    bri_stretch s = {down ? x->shape[p->axis] - 1 - offset : offset, down ? -1 : 1, to - from};
    return bri_slice_axis(p->call, x, p->axis, s);
}

/* Elements [from, to), in few blocks. */
static br_array *few_blocks(const padding *p, br_array *x, int64_t from, int64_t to)
{
    br_array *parts[FEW_BLOCKS + 2];
    int64_t length = block_length(p, x);
    int n = 0;
    while (from < to) {
        int64_t offset = (from % length + length) % length;
        int64_t end = to - from < length - offset ? to : from + length - offset;
        parts[n++] = within_block(p, x, from, end);
        from = end;
    }
    return bri_concat(p->call, parts, n, p->axis);
}

/* Many blocks are two of them over and over again. */
static br_array *continued(const padding *p, br_array *x, int64_t from, int64_t to)
{
    int64_t period = 2 * block_length(p, x);
    if ((to - from) / block_length(p, x) < FEW_BLOCKS)
        return few_blocks(p, x, from, to);
    int64_t start = (from % period + period) % period;
    br_array *two = few_blocks(p, x, 0, period);
    br_array *many = bri_tile_axis(p->call, two, p->axis, (start + to - from - 1) / period + 1);
    return bri_slice_axis(p->call, many, p->axis, (bri_stretch){start, 1, to - from});
}

static br_array *periodic(const padding *p, br_array *x, int side)
{
    int64_t n = x->shape[p->axis];
    return side == 0 ? continued(p, x, -p->width[0], 0) : continued(p, x, n, n + p->width[1]);
}

/* ---- ramps ---- */

/* 0, 1, ... in front and ..., 1, 0 behind, along the axis. */
static br_array *steps(const padding *p, const br_array *x, int side)
{
    br_index_item items[BR_MAX_NDIM];
    int64_t w = p->width[side];
    for (int a = 0; a < x->node->ndim; a++)
        items[a] = (br_index_item){.kind = a == p->axis ? ':' : 'n'};
    br_arange_args args = {.at = p->call->at,
                           .ctx = p->call->ctx,
                           .start = br_number_int(side == 0 ? 0 : w - 1),
                           .stop = br_number_int(side == 0 ? w : -1),
                           .step = br_number_int(side == 0 ? 1 : -1),
                           .dtype = BR_FLOAT64};
    return br_index_items_(br_arange_(args), items, x->node->ndim, p->call->at);
}

static br_array *ramp(const padding *p, br_array *x, int side)
{
    br_place at = p->call->at;
    br_dtype dtype = x->node->dtype;
    br_number end = p->args->end_values[side];
    if (end.kind == 0)
        end = br_number_int(0);
    int64_t last = side == 0 ? 0 : x->shape[p->axis] - 1;
    br_array *near = bri_slice_axis(p->call, x, p->axis, (bri_stretch){last, 1, 1});
    near = br_astype_(near, bri_kind(dtype) == 'c' ? BR_COMPLEX128 : BR_FLOAT64, at);
    br_array *way = br_subtract_(br_operand_array(near), br_operand_number(end), at);
    br_array *step =
        br_divide_(br_operand_array(way), br_operand_float((double)p->width[side]), at);
    br_array *value = br_multiply_(br_operand_array(steps(p, x, side)), br_operand_array(step), at);
    value = br_add_(br_operand_array(value), br_operand_number(end), at);
    if (bri_kind(dtype) == 'i' || bri_kind(dtype) == 'u')
        value = br_floor_(br_operand_array(value), at);
    return br_astype_(value, dtype, at);
}

/* ---- all axes ---- */

static br_array *one_side(const padding *p, br_array *x, int side)
{
    bool mirrors = p->args->mode == BR_PAD_REFLECT;
    switch (p->args->mode) {
    case BR_PAD_CONSTANT:
        return constant(p, x, side);
    case BR_PAD_EDGE:
        return edge(p, x, side);
    case BR_PAD_LINEAR_RAMP:
        return ramp(p, x, side);
    default:
        return mirrors && x->shape[p->axis] == 1 ? edge(p, x, side) : periodic(p, x, side);
    }
}

static br_array *pad_axis(const padding *p, br_array *x)
{
    br_array *parts[3];
    int n = 0;
    if (x->status != BR_OK || (p->width[0] == 0 && p->width[1] == 0))
        return x;
    if (p->width[0] > 0)
        parts[n++] = one_side(p, x, 0);
    parts[n++] = x;
    if (p->width[1] > 0)
        parts[n++] = one_side(p, x, 1);
    return bri_concat(p->call, parts, n, p->axis);
}

static int64_t width_at(const br_extents *widths, int axis)
{
    return widths->ndim == 1 ? widths->extent[0] : widths->extent[axis];
}

static br_status check_widths(const br_pad_args *args, const br_extents *widths)
{
    int ndim = args->x->node->ndim;
    if (bri_extents_ndim(widths) != ndim && widths->ndim != 1)
        return bri_error(BR_ESHAPE, "%d widths for %d axes", bri_extents_ndim(widths), ndim);
    for (int a = 0; a < ndim; a++) {
        int64_t width = width_at(widths, a);
        if (width < 0 || width > INT64_MAX / 4)
            return bri_error(BR_ESHAPE, "width %lld of axis %d", (long long)width, a);
        if (width > 0 && args->x->shape[a] == 0 && args->mode != BR_PAD_CONSTANT)
            return bri_error(BR_ESHAPE, "axis %d has no element to continue with", a);
    }
    return BR_OK;
}

static br_status check_values(const br_pad_args *args)
{
    bool complex = args->value.kind == 'c' || args->end_values[0].kind == 'c' ||
                   args->end_values[1].kind == 'c';
    if ((int)args->mode < 0 || args->mode > BR_PAD_LINEAR_RAMP)
        return bri_error(BR_EARG, "there is no mode %d", (int)args->mode);
    if (complex && bri_kind(args->x->node->dtype) != 'c')
        return bri_error(BR_ETYPE, "a complex value in %s", br_dtype_name(args->x->node->dtype));
    return BR_OK;
}

br_array *br_pad_(br_pad_args args)
{
    bri_call call = {NULL, "pad", args.at};
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    if (args.after.ndim == 0)
        args.after = args.before;
    br_status st = bri_check_known(args.x->node, BRI_ALL_AXES);
    if (st == BR_OK)
        st = check_values(&args);
    if (st == BR_OK)
        st = check_widths(&args, &args.before);
    if (st == BR_OK)
        st = check_widths(&args, &args.after);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_array *y = bri_same_array(&call, args.x);
    for (int a = 0; a < args.x->node->ndim; a++) {
        padding p = {&call, &args, a, {width_at(&args.before, a), width_at(&args.after, a)}};
        y = pad_axis(&p, y);
    }
    return y;
}
