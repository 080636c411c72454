/* SPDX-License-Identifier: BSD-3-Clause
 * above.c - what stands above the function of a case: slices, turns and copies of its result, which
 * the library pushes through it, and reductions, which it fuses with it; and Python's indexing,
 * element by element.
 */
#include "tests/matrix/matrix.h"

/* ---- indexing ---- */

/* Start, step and length of a slice of n elements, as Python's slice.indices() has them. */
static int64_t slice_of(const br_index_item *item, int64_t n, int64_t *start, int64_t *step)
{
    int64_t low, high, stop;
    *step = item->step == 0 ? 1 : item->step;
    low = *step < 0 ? -1 : 0;
    high = *step < 0 ? n - 1 : n;
    *start = *step < 0 ? high : low;
    stop = *step < 0 ? low : high;
    if (item->has_start)
        *start = item->start < 0 ? item->start + n : item->start;
    if (item->has_stop)
        stop = item->stop < 0 ? item->stop + n : item->stop;
    *start = *start < low ? low : *start > high ? high : *start;
    stop = stop < low ? low : stop > high ? high : stop;
    int64_t count = 0;
    for (int64_t i = *start; *step < 0 ? i > stop : i < stop; i += *step)
        count++;
    return count;
}

static int axes_taken(const br_index_item *item, int n)
{
    int axes = 0;
    for (int k = 0; k < n; k++)
        axes += item[k].kind == 'i' || item[k].kind == ':';
    return axes;
}

/* Axis by axis: a slice takes elements, an integer takes one and drops the axis, a new axis is put
 * in, an ellipsis passes over the axes that nobody names. */
nd *nd_items(const nd *v, const br_index_item *item, int n)
{
    nd *r = nd_reshaped(v, v->ndim, v->shape);
    int axis = 0, left = v->ndim - axes_taken(item, n);
    for (int k = 0; k < n; k++) {
        int64_t start = item[k].start, step = 1, count = 1;
        if (item[k].kind == '.') {
            axis += left;
        } else if (item[k].kind == 'n') {
            r = nd_with_axis(r, axis++);
        } else if (item[k].kind == ':') {
            count = slice_of(&item[k], r->shape[axis], &start, &step);
            r = nd_strided(r, axis++, start, step, count);
        } else {
            start += start < 0 ? r->shape[axis] : 0;
            r = nd_without_axis(nd_strided(r, axis, start, 1, 1), axis);
        }
    }
    return r;
}

static br_index_item draw_item(int64_t n)
{
    if (n > 0 && chance(20))
        return (br_index_item){.kind = 'i', .start = draw(-n, n - 1)};
    br_index_item item = {.kind = ':', .has_start = chance(60), .has_stop = chance(50)};
    if (n > 0 && chance(30)) { /* a short one */
        int64_t at = draw(0, n - 1);
        return (br_index_item){':', true, true, at, at + draw(1, 2), 0};
    }
    item.start = chance(60) ? draw(0, n / 2) : draw(-n - 1, n + 1);
    item.stop = chance(60) ? draw(n / 2, n) : draw(-n - 1, n + 1);
    item.step = chance(50) ? 0 : draw(-3, 3);
    return item;
}

int draw_items(const nd *v, br_index_item *item)
{
    int n = 0, named = chance(60) ? v->ndim : (int)draw(0, v->ndim);
    int dots = named < v->ndim || chance(20) ? (int)draw(0, named) : -1;
    int axis = 0;
    for (int k = 0; k <= named; k++) {
        if (k == dots) {
            item[n++] = (br_index_item){.kind = '.'};
            axis += v->ndim - named;
        }
        if (chance(8) && v->ndim < 5)
            item[n++] = (br_index_item){.kind = 'n'};
        if (k < named)
            item[n++] = draw_item(v->shape[axis++]);
    }
    return n;
}

/* ---- what a result goes through ---- */

static arg indexed(br_array *x, nd *v)
{
    br_index_item item[2 * ND_AXES];
    int n = draw_items(v, item);
    return (arg){br_index_items(x, item, n), nd_items(v, item, n)};
}

static arg turned(br_array *x, nd *v)
{
    int axes[ND_AXES];
    br_axes order = {v->ndim, {0}};
    for (int k = 0; k < v->ndim; k++)
        axes[k] = order.axis[k] = v->ndim - 1 - k;
    return v->ndim < 2 ? (arg){x, v} : (arg){br_permute_dims(x, order), nd_permuted(v, axes)};
}

static arg reversed(br_array *x, nd *v)
{
    if (v->ndim == 0)
        return (arg){x, v};
    int axis = draw_axis(v->ndim);
    return (arg){br_flip(x, .axis = BR_AXIS(axis)), nd_flipped(v, positive_axis(axis, v->ndim))};
}

static arg flattened(br_array *x, nd *v)
{
    return (arg){br_reshape(x, BR_SHAPE(-1)), nd_reshaped(v, 1, &v->n)};
}

static arg cut_otherwise(br_array *x, nd *v)
{
    br_extents chunks = draw_chunks(v->ndim, v->shape);
    return (arg){chunks.ndim == 0 ? x : br_rechunk(x, chunks), v};
}

static arg chosen(br_array *x, nd *v)
{
    return (arg){br_where(br_full(the.ctx, BR_0D, BR_NUM(true)), x, x), v};
}

/* Joined with itself or with another array, before or behind it. */
static arg joined(br_array *x, nd *v)
{
    if (v->ndim == 0)
        return (arg){x, v};
    int axis = (int)draw(0, v->ndim - 1);
    arg other = chance(30) ? (arg){x, v} : same_shape(v->dtype, v, SMALL);
    bool first = chance(50);
    br_array *a = first ? x : other.x, *b = first ? other.x : x;
    nd *both[] = {first ? v : other.v, first ? other.v : v};
    return (arg){br_concat(BR_ARRAYS(a, b), .axis = BR_AXIS(axis)), nd_joined(both, 2, axis)};
}

static arg widened(br_array *x, nd *v)
{
    br_dtype wide = kind_of(v->dtype) == 'f' ? BR_FLOAT64 : BR_COMPLEX128;
    if (!is_inexact(v->dtype) || v->dtype == wide)
        return (arg){x, v};
    nd *r = nd_same(wide, v);
    for (int64_t i = 0; i < v->n; i++)
        nd_put_within(r, i, nd_get(v, i), v->slack[i]);
    return (arg){br_astype(x, wide), r};
}

static arg negated(br_array *x, nd *v)
{
    if (v->dtype == BR_BOOL)
        return (arg){x, v};
    nd *r = nd_same(v->dtype, v);
    for (int64_t i = 0; i < v->n; i++) {
        number a = nd_get(v, i);
        a.i = -a.i;
        a.z = CMPLXL(-creall(a.z), -cimagl(a.z));
        nd_put(r, i, a);
        r->slack[i] = v->slack[i];
    }
    return (arg){br_negative(x), r};
}

/* The greatest one, or a NaN; it is off by no more than the worst of them. */
static void put_greatest(nd *r, int64_t i, const nd *v, int64_t j)
{
    number a = nd_get(r, i), b = nd_get(v, j);
    long double slack = fmaxl(r->slack[i], v->slack[j]);
    if (!is_nan(a) && !(creall(a.z) >= creall(b.z)))
        nd_copy(r, i, v, j);
    r->slack[i] = slack;
}

/* Of integers the sum, which is exact, of floats the greatest along an axis. */
static arg folded(br_array *x, nd *v)
{
    int64_t index[ND_AXES];
    int axis = v->ndim > 0 ? (int)draw(0, v->ndim - 1) : 0;
    bool sum = !is_inexact(v->dtype);
    if (v->ndim == 0 || kind_of(v->dtype) == 'c' || v->shape[axis] == 0)
        return (arg){x, v};
    nd *r = nd_converted(nd_strided(v, axis, 0, 1, 1), sum ? sum_of(v->dtype) : v->dtype);
    for (int64_t j = 0; j < v->n; j++) {
        nd_index_of(v, j, index);
        if (index[axis] == 0)
            continue;
        index[axis] = 0;
        int64_t i = nd_at(r, index);
        if (sum)
            nd_put(r, i, of_integer(nd_get(r, i).i + nd_get(v, j).i));
        else
            put_greatest(r, i, v, j);
    }
    r->bits = sum;
    br_axes axes = BR_AXIS(axis);
    return (arg){sum ? br_sum(x, .axis = axes, .keepdims = true)
                     : br_max(x, .axis = axes, .keepdims = true),
                 r};
}

/* Some of the slices along an axis, by a list of indices. */
static arg taken(br_array *x, nd *v)
{
    int64_t index[7], n = draw(1, 7);
    int axis = v->ndim > 0 ? (int)draw(0, v->ndim - 1) : 0;
    if (v->ndim == 0 || v->shape[axis] == 0)
        return (arg){x, v};
    nd *list = nd_new(BR_INT64, 1, &n);
    for (int64_t k = 0; k < n; k++)
        nd_put(list, k, of_integer(index[k] = draw(0, v->shape[axis] - 1)));
    return (arg){br_take(x, present(list), .axis = BR_AXIS(axis)), nd_taken(v, axis, n, index)};
}

/* Those that a mask picks, once it has been counted. */
static arg masked(br_array *x, nd *v)
{
    int64_t index[2000], n = 0;
    int axis = v->ndim > 0 ? (int)draw(0, v->ndim - 1) : 0;
    if (v->ndim == 0 || v->shape[axis] > 2000)
        return (arg){x, v};
    nd *mask = draw_values(BR_BOOL, 1, &v->shape[axis], SMALL);
    for (int64_t k = 0; k < mask->n; k++)
        if (!is_zero(nd_get(mask, k)))
            index[n++] = k;
    br_array *some = br_compress(present(mask), x, .axis = BR_AXIS(axis));
    return (arg){br_resolve(some), nd_taken(v, axis, n, index)};
}

/* clang-format off */
static arg (*const moves[])(br_array *x, nd *v) = {
    indexed, indexed, indexed, indexed, turned, reversed, reversed, cut_otherwise, cut_otherwise,
    chosen, joined, joined, flattened, widened, negated, folded, taken, masked,
};
/* clang-format on */

arg below(br_array *x, nd *v)
{
    arg a = {x, v};
    for (int64_t n = draw(1, 3); n > 0; n--)
        a = moves[draw(0, sizeof moves / sizeof *moves - 1)](a.x, a.v);
    return a;
}
