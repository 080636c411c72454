/* SPDX-License-Identifier: BSD-3-Clause
 * rows_linalg.c - products of matrices, vectors and arrays of any number of axes, in loops over
 * indices.
 */
#include "tests/matrix/matrix.h"

static int64_t draw_extent(void)
{
    static const int64_t extents[] = {0, 1, 1, 2, 3, 5, 7, 13, 37};
    return extents[draw(0, sizeof extents / sizeof *extents - 1)];
}

/* The sum of products: integers wrap around, of bool it is whether a pair of elements is true. */
typedef struct dot {
    __int128 whole;
    long double complex sum;
    long double size;
    int64_t n;
} dot;

static void add_product(dot *d, number x, number y)
{
    d->whole = (__int128)((uint64_t)d->whole + (uint64_t)x.i * (uint64_t)y.i);
    d->sum += x.z * y.z;
    d->size += cabsl(x.z) * cabsl(y.z);
    d->n++;
}

static void put_dot(nd *r, int64_t i, const dot *d)
{
    if (r->dtype == BR_BOOL)
        nd_put(r, i, of_integer(d->size > 0));
    else if (is_inexact(r->dtype))
        nd_put_within(r, i, of_complex(d->sum),
                      (long double)(d->n + 4) * epsilon_of(r->dtype) * d->size);
    else
        nd_put(r, i, of_integer((int64_t)d->whole));
}

/* Matrices, stacks of them, or vectors: what is missing is an axis of extent 1 that goes again. */
static nd *product(const nd *x, const nd *y, br_dtype dtype)
{
    const nd *a = x->ndim == 1 ? nd_with_axis(x, 0) : x, *b = y->ndim == 1 ? nd_with_axis(y, 1) : y;
    int64_t shape[ND_AXES], index[ND_AXES], k_index[ND_AXES];
    nd *left = nd_new(dtype, a->ndim - 2, a->shape), *right = nd_new(dtype, b->ndim - 2, b->shape);
    int stack = nd_common_shape(left, right, shape), ndim = stack + 2;
    shape[stack] = a->shape[a->ndim - 2];
    shape[stack + 1] = b->shape[b->ndim - 1];
    nd *r = nd_new(dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        dot d = {0};
        nd_index_of(r, i, index);
        for (int64_t k = 0; k < a->shape[a->ndim - 1]; k++) {
            memcpy(k_index, index, sizeof index);
            k_index[ndim - 1] = k;
            number one = nd_get(a, nd_at_broadcast(a, ndim, k_index));
            k_index[ndim - 1] = index[ndim - 1], k_index[ndim - 2] = k;
            add_product(&d, one, nd_get(b, nd_at_broadcast(b, ndim, k_index)));
        }
        put_dot(r, i, &d);
    }
    r = y->ndim == 1 ? nd_without_axis(r, r->ndim - 1) : r;
    return x->ndim == 1 ? nd_without_axis(r, r->ndim - (y->ndim == 1 ? 1 : 2)) : r;
}

static values draw_how(void)
{
    return chance(50) ? SMALL : REAL;
}

static br_dtype draw_other(void)
{
    return chance(70) ? the.dtype : draw_dtype("biufc");
}

static void matmul(void)
{
    int64_t m = draw_extent(), depth = draw_extent(), n = draw_extent();
    br_dtype other = draw_other();
    arg a = arg_of(draw_values(the.dtype, 2, (int64_t[]){m, depth}, draw_how()));
    arg b = arg_of(draw_values(other, 2, (int64_t[]){depth, n}, draw_how()));
    expect(br_matmul(a.x, b.x), product(a.v, b.v, promoted(the.dtype, other)));
}

static void matmul_stacks(void)
{
    int64_t depth = draw(0, 5), left[4] = {1, 1, draw(0, 4), depth}, right[4] = {1, 1, depth, 2};
    for (int k = 0; k < 2; k++) {
        int64_t extent = draw(1, 3);
        left[k] = chance(70) ? extent : 1;
        right[k] = chance(70) ? extent : 1;
    }
    int ndim = (int)draw(1, 4), other = (int)draw(1, 4);
    if (other == 1)
        right[3] = depth;
    arg a = arg_of(draw_values(the.dtype, ndim, left + 4 - ndim, draw_how()));
    arg b = arg_of(draw_values(the.dtype, other, right + 4 - other, draw_how()));
    expect(br_matmul(a.x, b.x), product(a.v, b.v, the.dtype));
}

/* The last n axes of a with the first n of b. */
static nd *contracted(const nd *a, const nd *b, int n, br_dtype dtype)
{
    int64_t shape[2 * ND_AXES], rows[2] = {1, 1}, columns[2] = {1, 1};
    int ndim = 0;
    for (int k = 0; k < a->ndim - n; k++)
        rows[0] *= shape[ndim++] = a->shape[k];
    for (int k = 0; k < n; k++)
        rows[1] *= b->shape[k];
    for (int k = n; k < b->ndim; k++)
        columns[1] *= shape[ndim++] = b->shape[k];
    columns[0] = rows[1];
    nd *r = product(nd_reshaped(a, 2, rows), nd_reshaped(b, 2, columns), dtype);
    return nd_reshaped(r, ndim, shape);
}

static void tensordot(void)
{
    int64_t left[4], right[4], both[2] = {draw(0, 5), draw(1, 5)};
    int n = (int)draw(0, 2), more = (int)draw(0, 2), others = (int)draw(0, 2);
    for (int k = 0; k < more; k++)
        left[k] = draw(0, 4);
    for (int k = 0; k < n; k++)
        left[more + k] = right[k] = both[k];
    for (int k = 0; k < others; k++)
        right[n + k] = draw(0, 4);
    nd *a = draw_values(the.dtype, more + n, left, draw_how());
    nd *b = draw_values(the.dtype, others + n, right, draw_how());
    nd *want = contracted(a, b, n, the.dtype);
    br_axes of_a = {n, {0}}, of_b = {n, {0}};
    for (int k = 0; k < n; k++)
        of_a.axis[k] = more + k, of_b.axis[k] = k - (chance(30) ? b->ndim : 0);
    if (n > 0 && chance(50))
        expect(br_tensordot(present(a), present(b), .left = of_a, .right = of_b), want);
    else
        expect(br_tensordot(present(a), present(b), .axes = BR_NUM(n)), want);
}

/* Of other axes, too: they are brought to the end of a and to the front of b. */
static void tensordot_one(void)
{
    int64_t shape[ND_AXES], other[ND_AXES];
    int ndim = draw_shape(1, 3, shape), axis = draw_axis(ndim), at = positive_axis(axis, ndim);
    int order[ND_AXES], n = 0;
    nd *a = draw_values(the.dtype, ndim, shape, SMALL);
    other[0] = draw(0, 3), other[1] = shape[at];
    nd *b = draw_values(the.dtype, 2, other, SMALL);
    for (int k = 0; k < ndim; k++)
        if (k != at)
            order[n++] = k;
    order[n] = at;
    expect(br_tensordot(present(a), present(b), .left = BR_AXES(axis), .right = BR_AXES(1)),
           contracted(nd_permuted(a, order), nd_permuted(b, (int[]){1, 0}), 1, the.dtype));
}

static number conjugate(number v)
{
    v.z = conjl(v.z);
    return v;
}

static void vecdot(void)
{
    arg a = any_arg(1, 3, SMALL);
    int axis = chance(50) ? -1 : (int)draw(-a.v->ndim, -1), at = a.v->ndim + axis;
    int64_t shape[ND_AXES], index[ND_AXES];
    for (int k = 0; k < a.v->ndim; k++)
        shape[k] = k != at && chance(25) ? 1 : a.v->shape[k];
    arg b = arg_of(draw_values(the.dtype, a.v->ndim, shape, SMALL));
    memcpy(shape, a.v->shape, sizeof shape);
    shape[at] = 1;
    nd *r = nd_new(the.dtype, a.v->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        dot d = {0};
        nd_index_of(r, i, index);
        for (index[at] = 0; index[at] < a.v->shape[at]; index[at]++)
            add_product(&d, conjugate(nd_get(a.v, nd_at(a.v, index))),
                        nd_get(b.v, nd_at_broadcast(b.v, r->ndim, index)));
        put_dot(r, i, &d);
    }
    expect(axis == -1 ? br_vecdot(a.x, b.x) : br_vecdot(a.x, b.x, .axis = BR_AXES(axis)),
           nd_without_axis(r, at));
}

static void outer(void)
{
    int64_t n = draw(0, 7), shape[ND_AXES];
    int ndim = draw_shape(0, 2, shape);
    arg a = arg_of(draw_values(the.dtype, 1, &n, draw_how()));
    arg b = arg_of(draw_values(draw_other(), ndim, shape, draw_how()));
    int64_t column[] = {a.v->n, 1}, row[] = {1, b.v->n};
    expect(br_outer(a.x, b.x), product(nd_reshaped(a.v, 2, column), nd_reshaped(b.v, 2, row),
                                       promoted(the.dtype, b.v->dtype)));
}

const row product_rows[] = {
    {"matmul", "biufc", matmul},
    {"matmul (of stacks and vectors)", "biufc", matmul_stacks},
    {"tensordot", "biufc", tensordot},
    {"tensordot (along any axis)", "biufc", tensordot_one},
    {"vecdot", "biufc", vecdot},
    {"outer", "biufc", outer},
    {0},
};
