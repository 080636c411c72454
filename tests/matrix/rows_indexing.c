/* SPDX-License-Identifier: BSD-3-Clause
 * rows_indexing.c - indexing by arrays of integers, and assignment: functions of indexing.h.
 */
#include "tests/matrix/matrix.h"

/* Indices of an axis of n elements, negative ones too; of any integer dtype. */
static arg draw_indices(int64_t n, int ndim, const int64_t *shape)
{
    nd *v = nd_new(chance(60) ? BR_INT64 : draw_dtype("iu"), ndim, shape);
    bool negative = kind_of(v->dtype) == 'i';
    int64_t least = negative && chance(60) ? (n > 120 ? -120 : -n) : 0;
    for (int64_t i = 0; i < v->n; i++)
        nd_put(v, i, of_integer(draw(least, n > 120 ? 119 : n - 1)));
    return arg_of(v);
}

static int64_t index_at(const nd *indices, int64_t i, int64_t n)
{
    int64_t k = (int64_t)nd_get(indices, i).i;
    return k < 0 ? k + n : k;
}

/* ---- taking ---- */

/* x's shape with the indices' shape in place of the axis. */
static nd *taken(const nd *x, const nd *indices, int axis)
{
    int64_t shape[2 * ND_AXES], *flat = calloc((size_t)indices->n + 1, sizeof *flat);
    int ndim = 0;
    for (int k = 0; k < x->ndim; k++) {
        if (k != axis)
            shape[ndim++] = x->shape[k];
        for (int j = 0; k == axis && j < indices->ndim; j++)
            shape[ndim++] = indices->shape[j];
    }
    for (int64_t i = 0; i < indices->n; i++)
        flat[i] = index_at(indices, i, x->shape[axis]);
    nd *r = nd_reshaped(nd_taken(x, axis, indices->n, flat), ndim, shape);
    free(flat);
    return r;
}

static void take(void)
{
    static const int64_t counts[] = {0, 1, 2, 3, 7, 40};
    arg x = any_arg(1, 3, ANY);
    int axis = draw_axis(x.v->ndim), at = positive_axis(axis, x.v->ndim), ndim = (int)draw(0, 2);
    bool flat = chance(25);
    nd *v = flat ? nd_reshaped(x.v, 1, &x.v->n) : x.v;
    int64_t n = v->shape[flat ? 0 : at], shape[2];
    for (int k = 0; k < ndim; k++)
        shape[k] = n == 0 ? 0 : counts[draw(0, k == 0 ? 5 : 3)];
    if (n == 0 && ndim == 0)
        return;
    arg i = draw_indices(n, ndim, shape);
    expect(flat ? br_take(x.x, i.x) : br_take(x.x, i.x, .axis = BR_AXIS(axis)),
           taken(v, i.v, flat ? 0 : at));
}

static void vindex(void)
{
    arg x = any_arg(1, 4, ANY), index[4];
    int n = (int)draw(1, x.v->ndim);
    int64_t shape[ND_AXES], own[ND_AXES], where[ND_AXES];
    int ndim = draw_shape(0, 2, shape);
    br_array *list[4];
    bool empty = false;
    for (int k = 0; k < n; k++)
        empty = empty || x.v->shape[k] == 0;
    nd *all = nd_new(BR_INT64, 0, NULL);
    for (int k = 0; k < n; k++) {
        for (int j = 0; j < ndim; j++)
            own[j] = empty ? 0 : shape[j] > 40 ? 40 : chance(20) ? 1 : shape[j];
        if (empty && ndim == 0)
            return;
        index[k] = draw_indices(x.v->shape[k], ndim, own);
        list[k] = index[k].x;
        all = nd_common(BR_INT64, all, index[k].v);
    }
    memcpy(shape, all->shape, sizeof shape);
    for (int k = n; k < x.v->ndim; k++)
        shape[all->ndim + k - n] = x.v->shape[k];
    nd *r = nd_new(the.dtype, all->ndim + x.v->ndim - n, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, where);
        for (int k = 0; k < n; k++)
            own[k] =
                index_at(index[k].v, nd_at_broadcast(index[k].v, all->ndim, where), x.v->shape[k]);
        for (int k = n; k < x.v->ndim; k++)
            own[k] = where[all->ndim + k - n];
        nd_copy(r, i, x.v, nd_at(x.v, own));
    }
    expect(br_vindex_(x.x, list, n, BR_HERE), r);
}

static void take_along_axis(void)
{
    int64_t shape[ND_AXES], own[ND_AXES], where[ND_AXES];
    int ndim = draw_shape(1, 3, shape), axis = draw_axis(ndim), at = positive_axis(axis, ndim);
    bool last = at == ndim - 1 && chance(50);
    for (int k = 0; k < ndim; k++)
        own[k] = k == at ? draw(0, 5) : chance(20) ? 1 : shape[k];
    own[at] = shape[at] == 0 ? 0 : own[at];
    arg i = draw_indices(shape[at], ndim, own);
    for (int k = 0; k < ndim; k++)
        shape[k] = k != at && chance(20) ? 1 : shape[k];
    arg x = arg_of(draw_values(the.dtype, ndim, shape, ANY));
    for (int k = 0; k < ndim; k++)
        own[k] = k == at || shape[k] == 1 ? own[k] : shape[k];
    nd *r = nd_new(the.dtype, ndim, own);
    for (int64_t k = 0; k < r->n; k++) {
        nd_index_of(r, k, where);
        where[at] = index_at(i.v, nd_at_broadcast(i.v, ndim, where), shape[at]);
        for (int j = 0; j < ndim; j++)
            where[j] = j != at && shape[j] == 1 ? 0 : where[j];
        nd_copy(r, k, x.v, nd_at(x.v, where));
    }
    expect(last ? br_take_along_axis(x.x, i.x)
                : br_take_along_axis(x.x, i.x, .axis = BR_AXIS(axis)),
           r);
}

/* ---- assigning ---- */

/* Where each element of v stands in it: views of this say which elements a view has. */
static nd *places_in(const nd *v)
{
    nd *r = nd_same(BR_INT64, v);
    for (int64_t i = 0; i < r->n; i++)
        nd_put(r, i, of_integer(i));
    return r;
}

/* A copy of v with the value, broadcast to the places' shape, at the places; the last one counts.
 * */
static nd *assigned(const nd *v, const nd *places, const nd *value)
{
    int64_t index[ND_AXES];
    nd *r = nd_reshaped(v, v->ndim, v->shape);
    for (int64_t i = 0; i < places->n; i++) {
        nd_index_of(places, i, index);
        nd_copy(r, (int64_t)nd_get(places, i).i, value,
                nd_at_broadcast(value, places->ndim, index));
    }
    return r;
}

/* A value that broadcasts to the places' shape: an array, or a number. */
static br_operand draw_value(const nd *places, nd **value)
{
    if (chance(70) || is_inexact(the.dtype)) {
        arg a = part_of_shape(the.dtype, places, ANY);
        *value = a.v;
        return br_operand_array(a.x);
    }
    *value = draw_values(the.dtype, 0, NULL, SMALL);
    long long n = (long long)nd_get(*value, 0).i;
    return the.dtype == BR_BOOL ? br_operand_bool(n) : br_operand_int(n);
}

static void set_index(void)
{
    br_index_item item[2 * ND_AXES];
    arg x = any_arg(1, 3, ANY);
    int n = draw_items(x.v, item);
    nd *places = nd_items(places_in(x.v), item, n), *value;
    br_operand v = draw_value(places, &value);
    expect(br_set_index_items_(x.x, item, n, v, BR_HERE), assigned(x.v, places, value));
}

static void set_index_text(void)
{
    arg x = any_arg(2, 2, ANY);
    br_index_item items[] = {{':', true, false, 1, 0, 2}, {':', false, false, 0, 0, -1}};
    nd *places = nd_items(places_in(x.v), items, 2), *value;
    br_operand v = draw_value(places, &value);
    expect(br_set_index_(x.x, "1::2, ::-1", v, BR_HERE), assigned(x.v, places, value));
}

static void set_mask(void)
{
    arg x = any_arg(1, 4, ANY);
    int axes = (int)draw(1, x.v->ndim);
    int64_t index[ND_AXES];
    arg mask = arg_of(draw_values(BR_BOOL, axes, x.v->shape, ANY));
    nd *value, *r = nd_reshaped(x.v, x.v->ndim, x.v->shape);
    br_operand v = draw_value(x.v, &value);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        if (!is_zero(nd_get(mask.v, nd_at(mask.v, index))))
            nd_copy(r, i, value, nd_at_broadcast(value, r->ndim, index));
    }
    expect(br_set_mask_(x.x, mask.x, v, BR_HERE), r);
}

static void put_along_axis(void)
{
    int64_t shape[ND_AXES], index[ND_AXES];
    arg x = any_arg(1, 3, ANY);
    int ndim = x.v->ndim, axis = draw_axis(ndim), at = positive_axis(axis, ndim);
    memcpy(shape, x.v->shape, sizeof shape);
    shape[at] = x.v->shape[at] == 0 ? 0 : draw(0, 5);
    arg i = draw_indices(x.v->shape[at], ndim, shape);
    nd *places = nd_same(BR_INT64, i.v), *value;
    for (int64_t k = 0; k < places->n; k++) {
        nd_index_of(places, k, index);
        index[at] = index_at(i.v, k, x.v->shape[at]);
        nd_put(places, k, of_integer(nd_at(x.v, index)));
    }
    br_operand v = draw_value(places, &value);
    expect(br_put_along_axis_(x.x, i.x, v, axis, BR_HERE), assigned(x.v, places, value));
}

static void set_take(void)
{
    arg x = any_arg(1, 3, ANY);
    int axis = draw_axis(x.v->ndim), at = positive_axis(axis, x.v->ndim);
    int64_t n = x.v->shape[at] == 0 ? 0 : draw(0, 5);
    arg i = draw_indices(x.v->shape[at], 1, &n);
    nd *places = taken(places_in(x.v), i.v, at), *value;
    br_operand v = draw_value(places, &value);
    expect(br_set_take_(x.x, i.x, v, axis, BR_HERE), assigned(x.v, places, value));
}

/* ---- counts ---- */

static void repeat_counts(void)
{
    arg x = any_arg(1, 3, ANY);
    int axis = draw_axis(x.v->ndim), at = positive_axis(axis, x.v->ndim);
    bool flat = chance(25), one = chance(20);
    nd *v = flat ? nd_reshaped(x.v, 1, &x.v->n) : x.v;
    at = flat ? 0 : at;
    int64_t n = v->shape[at], ncounts = one ? 1 : n, total = 0;
    nd *counts = nd_new(BR_INT64, 1, &ncounts);
    for (int64_t k = 0; k < ncounts; k++)
        nd_put(counts, k, of_integer(draw(0, 3)));
    int64_t *index = calloc((size_t)(3 * n) + 1, sizeof *index);
    for (int64_t k = 0; k < n; k++)
        for (int64_t c = (int64_t)nd_get(counts, one ? 0 : k).i; c > 0; c--)
            index[total++] = k;
    br_array *c = present(counts);
    expect_resolved(flat ? br_repeat_counts(x.x, c)
                         : br_repeat_counts(x.x, c, .axis = BR_AXIS(axis)),
                    nd_taken(v, at, total, index));
    free(index);
}

const row indexing_rows[] = {
    {"take", "biufc", take},
    {"vindex", "biufc", vindex},
    {"take_along_axis", "biufc", take_along_axis},
    {"set_index_items", "biufc", set_index},
    {"set_index", "biufc", set_index_text},
    {"set_mask", "biufc", set_mask},
    {"put_along_axis", "biufc", put_along_axis},
    {"set_take", "biufc", set_take},
    {"repeat_counts", "biufc", repeat_counts},
    {0},
};
