/* SPDX-License-Identifier: BSD-3-Clause
 * above.c - what stands above the function of a case: slices, turns and copies of its result, which
 * the library pushes through it; and Python's indexing, element by element.
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

static arg doubled(br_array *x, nd *v)
{
    if (v->ndim == 0)
        return (arg){x, v};
    int axis = (int)draw(0, v->ndim - 1);
    return (arg){br_concat(BR_ARRAYS(x, x), .axis = BR_AXIS(axis)),
                 nd_joined((nd *[]){v, v}, 2, axis)};
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

arg below(br_array *x, nd *v)
{
    static arg (*const moves[])(br_array * x, nd * v) = {
        indexed,       indexed,       indexed, indexed, turned,    reversed, reversed,
        cut_otherwise, cut_otherwise, chosen,  doubled, flattened, widened,
    };
    arg a = {x, v};
    for (int64_t n = draw(1, 2); n > 0; n--)
        a = moves[draw(0, sizeof moves / sizeof *moves - 1)](a.x, a.v);
    return a;
}
