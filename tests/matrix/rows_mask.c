/* SPDX-License-Identifier: BSD-3-Clause
 * rows_mask.c - what masks pick: functions of mask.h, whose extents are counted first.
 */
#include "tests/matrix/matrix.h"

/* Elements along an axis where the condition, maybe shorter than the axis, is not 0. */
static nd *picked(const nd *x, int axis, const nd *condition)
{
    int64_t n = 0, *index = calloc((size_t)condition->n + 1, sizeof *index);
    for (int64_t k = 0; k < condition->n; k++)
        if (!is_zero(nd_get(condition, k)))
            index[n++] = k;
    nd *r = nd_taken(x, axis, n, index);
    free(index);
    return r;
}

static arg draw_condition(int64_t n)
{
    br_dtype dtype = chance(70) ? BR_BOOL : draw_dtype("iuf");
    nd *v = draw_values(dtype, 1, &n, SMALL);
    bool none = chance(10), thin = chance(30);
    for (int64_t k = 0; k < n; k++)
        if (none || (thin && !chance(10)))
            nd_put(v, k, of_integer(0));
    return arg_of(v);
}

static void compress(void)
{
    arg x = any_arg(1, 3, ANY);
    int axis = draw_axis(x.v->ndim), at = positive_axis(axis, x.v->ndim);
    bool flat = chance(25);
    nd *v = flat ? nd_reshaped(x.v, 1, &x.v->n) : x.v;
    int64_t n = v->shape[flat ? 0 : at];
    arg c = draw_condition(chance(20) ? draw(0, n) : n);
    expect_resolved(flat ? br_compress(c.x, x.x) : br_compress(c.x, x.x, .axis = BR_AXIS(axis)),
                    picked(v, flat ? 0 : at, c.v));
}

static void boolean_index(void)
{
    arg x = any_arg(1, 3, ANY);
    int axes = (int)draw(1, x.v->ndim);
    int64_t shape[ND_AXES] = {1};
    arg mask = arg_of(draw_values(BR_BOOL, axes, x.v->shape, ANY));
    for (int k = 0; k < axes; k++)
        shape[0] *= x.v->shape[k];
    for (int k = axes; k < x.v->ndim; k++)
        shape[k - axes + 1] = x.v->shape[k];
    nd *rows = nd_reshaped(x.v, x.v->ndim - axes + 1, shape);
    expect_resolved(br_boolean_index(x.x, mask.x), picked(rows, 0, mask.v));
}

static void extract(void)
{
    arg x = any_arg(1, 3, ANY), c = same_shape(draw_dtype("biuf"), x.v, SMALL);
    expect_resolved(br_extract(c.x, x.x), picked(nd_reshaped(x.v, 1, &x.v->n), 0, c.v));
}

/* Row k has the index of the k-th element that is not 0. */
static nd *indices_of(const nd *v)
{
    int64_t n = 0, index[ND_AXES];
    for (int64_t i = 0; i < v->n; i++)
        n += !is_zero(nd_get(v, i));
    nd *r = nd_new(BR_INT64, 2, (int64_t[]){n, v->ndim});
    n = 0;
    for (int64_t i = 0; i < v->n; i++) {
        nd_index_of(v, i, index);
        for (int k = 0; k < v->ndim && !is_zero(nd_get(v, i)); k++)
            nd_put(r, n++, of_integer(index[k]));
    }
    return r;
}

static void nonzero(void)
{
    arg x = any_arg(1, 3, SMALL);
    nd *all = indices_of(x.v);
    br_array *out[3];
    check(br_nonzero(x.x, out, x.v->ndim) == BR_OK, "nonzero");
    for (int k = 0; k < x.v->ndim; k++)
        expect_resolved(out[k], nd_without_axis(nd_strided(all, 1, k, 1, 1), 1));
}

static void argwhere(void)
{
    arg x = any_arg(1, 3, SMALL);
    expect_resolved(br_argwhere(x.x), indices_of(x.v));
}

static void flatnonzero(void)
{
    arg x = any_arg(0, 3, SMALL);
    nd *all = indices_of(nd_reshaped(x.v, 1, &x.v->n));
    expect_resolved(br_flatnonzero(x.x), nd_without_axis(all, 1));
}

/* Sums of what a mask picks need no resolved extent, nor do masks of masks. */
static void reduced(void)
{
    arg x = any_arg(1, 1, SMALL);
    arg c = draw_condition(x.v->n), d = same_shape(BR_BOOL, x.v, ANY);
    nd *some = picked(x.v, 0, c.v), *r = nd_new(sum_of(the.dtype), 0, NULL);
    for (int64_t i = 0; i < some->n; i++)
        nd_put(r, 0, of_integer(nd_get(r, 0).i + nd_get(some, i).i));
    br_array *one = br_compress(c.x, x.x, .axis = BR_AXIS(0));
    expect(br_sum(one), r);
    br_array *mask = br_compress(c.x, d.x, .axis = BR_AXIS(0));
    expect_resolved(br_compress(mask, one, .axis = BR_AXIS(0)),
                    picked(some, 0, picked(d.v, 0, c.v)));
}

const row mask_rows[] = {
    {"compress resolve", "biufc", compress},
    {"boolean_index", "biufc", boolean_index},
    {"extract", "biufc", extract},
    {"nonzero", "biufc", nonzero},
    {"argwhere", "biufc", argwhere},
    {"flatnonzero", "biufc", flatnonzero},
    {"sum compress (of what a mask picks)", "iu", reduced},
    {0},
};
