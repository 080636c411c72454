/* SPDX-License-Identifier: BSD-3-Clause
 * rows_join.c - joining and cutting arrays: functions of shape.h.
 */
#include "tests/matrix/matrix.h"

enum { PARTS = 4 };

typedef struct parts {
    int n;
    br_array *x[PARTS];
    nd *v[PARTS]; /* of the common dtype */
} parts;

/* Some arrays that differ in the extent of one axis (-1: in none). */
static parts draw_parts(int ndim, const int64_t *shape, int axis)
{
    parts p = {.n = (int)draw(1, PARTS)};
    int64_t own[ND_AXES] = {0};
    br_dtype dtypes[PARTS];
    for (int k = 0; k < p.n; k++) {
        memcpy(own, shape, (size_t)ndim * sizeof *own);
        if (axis >= 0)
            own[axis] = draw(0, 7);
        arg a = arg_of(draw_values(chance(70) ? the.dtype : draw_dtype("biufc"), ndim, own, ANY));
        p.x[k] = a.x;
        p.v[k] = a.v;
        dtypes[k] = a.v->dtype;
    }
    for (int k = 0; k < p.n; k++)
        p.v[k] = nd_converted(p.v[k], promoted_all(dtypes, p.n));
    return p;
}

static void concat(void)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(1, 4, shape), axis = draw_axis(ndim);
    parts p = draw_parts(ndim, shape, positive_axis(axis, ndim));
    expect(br_concat(p.x, p.n, .axis = BR_AXIS(axis)),
           nd_joined(p.v, p.n, positive_axis(axis, ndim)));
}

static void concat_first(void)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(1, 3, shape);
    parts p = draw_parts(ndim, shape, 0);
    expect(br_concat(p.x, p.n), nd_joined(p.v, p.n, 0));
}

static void concat_flat(void)
{
    parts p = {.n = (int)draw(1, PARTS)};
    for (int k = 0; k < p.n; k++) {
        arg a = any_arg(0, 3, ANY);
        p.x[k] = a.x;
        p.v[k] = nd_reshaped(a.v, 1, &a.v->n);
    }
    expect(br_concat(p.x, p.n, .axis = BR_NO_AXES), nd_joined(p.v, p.n, 0));
}

static void stack(void)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(0, 3, shape), axis = draw_axis(ndim + 1);
    int at = positive_axis(axis, ndim + 1);
    bool given = chance(80);
    parts p = draw_parts(ndim, shape, -1);
    for (int k = 0; k < p.n; k++)
        p.v[k] = nd_with_axis(p.v[k], given ? at : 0);
    expect(given ? br_stack(p.x, p.n, .axis = BR_AXIS(axis)) : br_stack(p.x, p.n),
           nd_joined(p.v, p.n, given ? at : 0));
}

/* Blocks of a row share the rows, blocks of a column the columns. */
static void blocks(void)
{
    int rows = (int)draw(1, 3), columns = (int)draw(1, 3), ndim = (int)draw(1, 3);
    br_array *x[9];
    nd *v[9], *down[3];
    br_dtype dtypes[9];
    int64_t width[3], shape[ND_AXES] = {2, 0, 0}, height = 1;
    for (int j = 0; j < columns; j++)
        width[j] = draw(0, 5);
    for (int k = 0; k < rows * columns; k++) {
        if (k % columns == 0 && ndim > 1)
            height = draw(0, 5);
        shape[ndim - 1] = width[k % columns];
        if (ndim > 1)
            shape[ndim - 2] = height;
        dtypes[k] = chance(85) ? the.dtype : draw_dtype("biufc");
        arg a = arg_of(draw_values(dtypes[k], ndim, shape, ANY));
        x[k] = a.x;
        v[k] = ndim == 1 ? nd_with_axis(a.v, 0) : a.v;
    }
    for (int k = 0; k < rows * columns; k++)
        v[k] = nd_converted(v[k], promoted_all(dtypes, rows * columns));
    for (int i = 0; i < rows; i++)
        down[i] = nd_joined(v + i * columns, columns, v[0]->ndim - 1);
    expect(br_blocks(x, rows, columns), nd_joined(down, rows, v[0]->ndim - 2));
}

static void unstack(void)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(1, 4, shape), axis = draw_axis(ndim), at = positive_axis(axis, ndim);
    br_array *out[5];
    shape[at] = draw(1, 5);
    arg a = arg_of(draw_values(the.dtype, ndim, shape, ANY));
    check(br_unstack(a.x, out, (int)shape[at], .axis = BR_AXIS(axis)) == BR_OK, "unstack");
    for (int k = 0; k < shape[at]; k++)
        expect(out[k], nd_without_axis(nd_strided(a.v, at, k, 1, 1), at));
}

static void split_evenly(void)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(1, 4, shape), axis = draw_axis(ndim), at = positive_axis(axis, ndim);
    int n = (int)draw(1, 5);
    br_array *out[5];
    bool uneven = chance(50);
    shape[at] = uneven ? draw(0, 13) : n * draw(0, 3);
    arg a = arg_of(draw_values(the.dtype, ndim, shape, ANY));
    check(br_split(a.x, out, n, .axis = BR_AXIS(axis), .uneven = uneven) == BR_OK, "split");
    for (int64_t k = 0, from = 0; k < n; k++) {
        int64_t extent = shape[at] / n + (k < shape[at] % n);
        expect(out[k], nd_strided(a.v, at, from, 1, extent));
        from += extent;
    }
}

static void split_at(void)
{
    int64_t shape[ND_AXES], indices[4];
    int ndim = draw_shape(1, 4, shape), axis = draw_axis(ndim), at = positive_axis(axis, ndim);
    int n = (int)draw(2, 5);
    br_array *out[5];
    arg a = arg_of(draw_values(the.dtype, ndim, shape, ANY));
    for (int k = 0; k < n - 1; k++)
        indices[k] = draw(-shape[at] - 1, shape[at] + 2);
    check(br_split(a.x, out, n, .axis = BR_AXIS(axis), .indices = indices) == BR_OK, "split");
    for (int k = 0; k < n; k++) {
        br_index_item item[ND_AXES];
        for (int j = 0; j < ndim; j++)
            item[j] = (br_index_item){.kind = ':'};
        item[at].has_start = k > 0;
        item[at].start = k > 0 ? indices[k - 1] : 0;
        item[at].has_stop = k < n - 1;
        item[at].stop = k < n - 1 ? indices[k] : 0;
        expect(out[k], nd_items(a.v, item, ndim));
    }
}

const row join_rows[] = {
    {"concat", "biufc", concat},
    {"concat (along the first axis)", "biufc", concat_first},
    {"concat (flattened)", "biufc", concat_flat},
    {"stack", "biufc", stack},
    {"blocks", "biufc", blocks},
    {"unstack", "biufc", unstack},
    {"split (in equal parts)", "biufc", split_evenly},
    {"split", "biufc", split_at},
    {0},
};
