/* SPDX-License-Identifier: BSD-3-Clause
 * rows_shape.c - turning, repeating, differences: functions of shape.h.
 */
#include "tests/matrix/matrix.h"

/* ---- turning ---- */

static void moveaxis(void)
{
    arg a = any_arg(2, 4, ANY);
    int ndim = a.v->ndim, n = (int)draw(1, 2), order[ND_AXES], next = 0;
    br_axes from = {n, {0}}, to = {n, {0}};
    bool from_used[ND_AXES] = {0}, to_used[ND_AXES] = {0};
    for (int k = 0; k < n; k++) {
        do
            from.axis[k] = (int)draw(0, ndim - 1);
        while (from_used[from.axis[k]]);
        do
            to.axis[k] = (int)draw(0, ndim - 1);
        while (to_used[to.axis[k]]);
        from_used[from.axis[k]] = to_used[to.axis[k]] = true;
        order[to.axis[k]] = from.axis[k];
    }
    for (int k = 0; k < ndim; k++)
        if (!from_used[k]) {
            while (to_used[next])
                next++;
            order[next++] = k;
        }
    from.axis[0] -= chance(30) ? ndim : 0;
    expect(br_moveaxis(a.x, from, to), nd_permuted(a.v, order));
}

static nd *swapped(const nd *v, int a, int b)
{
    int axes[ND_AXES];
    for (int k = 0; k < v->ndim; k++)
        axes[k] = k == a ? b : k == b ? a : k;
    return nd_permuted(v, axes);
}

static void swapaxes(void)
{
    arg a = any_arg(1, 4, ANY);
    int ndim = a.v->ndim, one = draw_axis(ndim), other = draw_axis(ndim);
    expect(br_swapaxes(a.x, one, other),
           swapped(a.v, positive_axis(one, ndim), positive_axis(other, ndim)));
}

static void matrix_transpose(void)
{
    arg a = any_arg(2, 4, ANY);
    expect(br_matrix_transpose(a.x), swapped(a.v, a.v->ndim - 2, a.v->ndim - 1));
}

static void flip(void)
{
    arg a = any_arg(0, 4, ANY);
    br_axes axes = {0};
    nd *r = a.v;
    bool all = a.v->ndim == 0 || chance(30);
    for (int k = 0; k < a.v->ndim; k++)
        if (all || chance(50)) {
            r = nd_flipped(r, k);
            axes.axis[axes.n++] = k - (chance(30) ? a.v->ndim : 0);
        }
    if (axes.n > 0 || all)
        expect(all ? br_flip(a.x) : br_flip(a.x, .axis = axes), r);
}

/* A quarter turn from axis a to axis b: what is flipped along b, with both axes swapped. */
static void rot90(void)
{
    arg x = any_arg(2, 4, ANY);
    int ndim = x.v->ndim, a = (int)draw(0, ndim - 1), b = (a + (int)draw(1, ndim - 1)) % ndim;
    int64_t k = draw(-5, 5);
    bool given = chance(70);
    if (!given)
        a = 0, b = 1;
    nd *r = x.v;
    for (int64_t turns = (k % 4 + 4) % 4; turns > 0; turns--)
        r = swapped(nd_flipped(r, b), a, b);
    expect(given ? br_rot90(x.x, k, .axes = BR_AXES(a, b)) : br_rot90(x.x, k), r);
}

static void atleast_nd(void)
{
    arg a = any_arg(0, 4, ANY);
    int ndim = (int)draw(0, 5);
    nd *r = a.v;
    while (r->ndim < ndim)
        r = nd_with_axis(r, 0);
    expect(br_atleast_nd(a.x, ndim), r);
}

/* ---- rearranging ---- */

static nd *rolled(const nd *v, int axis, int64_t shift)
{
    int64_t n = v->shape[axis], index[2000];
    for (int64_t k = 0; k < n; k++)
        index[k] = ((k - shift) % n + n) % n;
    return nd_taken(v, axis, n, index);
}

static void roll(void)
{
    arg a = any_arg(1, 4, ANY);
    int axis = draw_axis(a.v->ndim), second = draw_axis(a.v->ndim);
    int64_t shift = draw(-40, 40), more = draw(-9, 9);
    nd *r = rolled(a.v, positive_axis(axis, a.v->ndim), shift);
    if (positive_axis(axis - second, a.v->ndim) % a.v->ndim == 0) {
        expect(br_roll(a.x, BR_SHIFTS(shift), .axis = BR_AXIS(axis)), r);
        return;
    }
    bool one = chance(30);
    r = rolled(r, positive_axis(second, a.v->ndim), one ? shift : more);
    expect(br_roll(a.x, one ? BR_SHIFTS(shift) : BR_SHIFTS(shift, more),
                   .axis = BR_AXES(axis, second)),
           r);
}

static void roll_flat(void)
{
    arg a = any_arg(0, 4, ANY);
    int64_t shift = draw(-40, 40);
    nd *r = rolled(nd_reshaped(a.v, 1, &a.v->n), 0, shift);
    expect(br_roll(a.x, BR_SHIFTS(shift)), nd_reshaped(r, a.v->ndim, a.v->shape));
}

static void tile(void)
{
    arg a = any_arg(0, 3, ANY);
    int n = (int)draw(1, 4);
    int64_t times[ND_AXES];
    nd *r = a.v;
    for (int k = 0; k < n; k++)
        times[k] = a.v->n > 300 ? draw(0, 1) + 1 : draw(0, 3);
    while (r->ndim < n)
        r = nd_with_axis(r, 0);
    for (int k = 0; k < n; k++) {
        int axis = r->ndim - n + k;
        int64_t extent = r->shape[axis], *index = calloc((size_t)(extent * times[k]) + 1, 8);
        for (int64_t i = 0; i < extent * times[k]; i++)
            index[i] = i % extent;
        r = nd_taken(r, axis, extent * times[k], index);
        free(index);
    }
    expect(br_tile(a.x, extents_of(n, times)), r);
}

static nd *repeated(const nd *v, int axis, int64_t count)
{
    int64_t n = v->shape[axis] * count, *index = calloc((size_t)n + 1, sizeof *index);
    for (int64_t i = 0; i < n; i++)
        index[i] = i / count;
    nd *r = nd_taken(v, axis, n, index);
    free(index);
    return r;
}

static void repeat(void)
{
    arg a = any_arg(0, 4, ANY);
    int64_t count = draw(0, 4);
    if (a.v->ndim == 0 || chance(30)) {
        expect(br_repeat(a.x, count), repeated(nd_reshaped(a.v, 1, &a.v->n), 0, count));
        return;
    }
    int axis = draw_axis(a.v->ndim);
    expect(br_repeat(a.x, count, .axis = BR_AXIS(axis)),
           repeated(a.v, positive_axis(axis, a.v->ndim), count));
}

/* ---- differences ---- */

/* Element k is what f gives for elements k and k + distance along the axis. */
static nd *neighbours(const nd *v, int axis, br_dtype dtype, number (*f)(number, number))
{
    int64_t n = v->shape[axis] > 0 ? v->shape[axis] - 1 : 0;
    nd *low = nd_strided(v, axis, 0, 1, n), *high = nd_strided(v, axis, 1, 1, n);
    nd *r = nd_same(dtype, low);
    for (int64_t i = 0; i < r->n; i++)
        nd_put_near(r, i, f(nd_get(low, i), nd_get(high, i)), 0.5L);
    return r;
}

static number difference(number low, number high)
{
    if (low.kind == 'b')
        return of_integer(low.i != high.i);
    if (low.kind == 'i' || low.kind == 'u')
        return of_integer(high.i - low.i);
    return of_complex(CMPLXL(creall(high.z) - creall(low.z), cimagl(high.z) - cimagl(low.z)));
}

static void diff(void)
{
    arg a = any_arg(1, 4, is_inexact(the.dtype) ? SMALL : ANY);
    int axis = draw_axis(a.v->ndim), at = positive_axis(axis, a.v->ndim);
    int64_t n = draw(0, 3);
    bool before = chance(30), after = chance(30);
    arg first = {0}, last = {0};
    int64_t shape[ND_AXES];
    memcpy(shape, a.v->shape, sizeof shape);
    nd *v = a.v;
    shape[at] = draw(0, 3);
    if (before) {
        first = arg_of(draw_values(the.dtype, a.v->ndim, shape, SMALL));
        v = nd_joined((nd *[]){first.v, v}, 2, at);
    }
    shape[at] = 1;
    if (after) { /* one element stands for all along the axis */
        last = arg_of(draw_values(the.dtype, 0, NULL, SMALL));
        v = nd_joined((nd *[]){v, nd_broadcast(last.v, a.v->ndim, shape)}, 2, at);
    }
    bool once = chance(30);
    for (int64_t k = once ? 1 : n; k > 0; k--)
        v = neighbours(v, at, the.dtype, difference);
    if (once)
        expect(br_diff(a.x, .axis = BR_AXIS(axis), .prepend = first.x, .append = last.x), v);
    else if (n > 0)
        expect(br_diff(a.x, .n = n, .axis = BR_AXIS(axis), .prepend = first.x, .append = last.x),
               v);
}

/* Sum of weights times elements; the elements are multiples of 1/8. */
static number weighted(const nd *v, int64_t *index, int axis, const int64_t *from, const double *by,
                       int n)
{
    long double complex sum = 0;
    for (int k = 0; k < n; k++) {
        index[axis] = from[k];
        long double complex z = nd_get(v, nd_at(v, index)).z;
        sum += CMPLXL(by[k] * creall(z), by[k] * cimagl(z));
    }
    return of_complex(sum);
}

static void gradient(void)
{
    int64_t shape[ND_AXES], index[ND_AXES];
    int order = (int)draw(1, 2), ndim = draw_shape(1, 4, shape), axis = draw_axis(ndim);
    int at = positive_axis(axis, ndim);
    int64_t n = shape[at] = shape[at] <= order ? order + draw(1, 5) : shape[at];
    double spacing = chance(50) ? 0 : 0.5;
    long double by = spacing == 0 ? 1 : spacing;
    arg a = arg_of(draw_values(the.dtype, ndim, shape, SMALL));
    nd *v = nd_converted(a.v, floating_of(the.dtype)), *r = nd_same(v->dtype, v);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        int64_t k = index[at];
        bool first = k == 0, last = k == n - 1;
        int64_t from[] = {first ? 0 : k - 1, first ? 1 : k + 1, 2};
        double weights[] = {-0.5, 0.5, 0};
        if (last)
            from[1] = n - 2, from[0] = n - 1, from[2] = n > 2 ? n - 3 : 0;
        if (n < 3)
            from[2] = 0;
        if (first || last) {
            double sign = first ? 1 : -1;
            weights[0] = order == 1 ? -sign : -1.5 * sign;
            weights[1] = order == 1 ? sign : 2 * sign;
            weights[2] = order == 1 ? 0 : -0.5 * sign;
        }
        number want = weighted(v, index, at, from, weights, first || last ? 3 : 2);
        nd_put_within(r, i, of_complex(CMPLXL(creall(want.z) / by, cimagl(want.z) / by)),
                      64 * epsilon_of(v->dtype));
    }
    expect(br_gradient(a.x, .axis = BR_AXIS(axis), .spacing = spacing, .edge_order = order), r);
}

const row shape_rows[] = {
    {"moveaxis", "biufc", moveaxis},
    {"swapaxes", "biufc", swapaxes},
    {"matrix_transpose", "biufc", matrix_transpose},
    {"flip", "biufc", flip},
    {"rot90", "biufc", rot90},
    {"atleast_nd", "biufc", atleast_nd},
    {"roll", "biufc", roll},
    {"roll (flattened)", "biufc", roll_flat},
    {"tile", "biufc", tile},
    {"repeat", "biufc", repeat},
    {"diff", "biufc", diff},
    {"gradient", "iufc/b", gradient},
    {0},
};
