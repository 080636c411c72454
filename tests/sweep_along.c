/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_along.c - taking and putting elements by indices along an axis: duplicates, negative ones,
 * none at all, indices that are broadcast, of every integer dtype and in every cut.
 */
#include "tests/picks.h"

static ref *taken_along(const ref *x, const ref *indices, int axis)
{
    int64_t shape[REF_NDIM];
    int64_t c[REF_NDIM];
    for (int a = 0; a < x->ndim; a++)
        shape[a] = a == axis || x->shape[a] == 1 ? indices->shape[a] : x->shape[a];
    ref *full = spread_to(indices, x->ndim, shape);
    ref *r = ref_new(x->dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, c);
        c[axis] = index_at(full, i, x->shape[axis]);
        for (int a = 0; a < x->ndim; a++)
            c[a] = a != axis && x->shape[a] == 1 ? 0 : c[a];
        r->v[i] = x->v[ref_linear(x, c)];
    }
    return r;
}

/* Indices have x's extents on the other axes; the values are broadcast to them. */
static ref *put_along(const ref *x, const ref *indices, const ref *values, int axis)
{
    int64_t c[REF_NDIM];
    ref *r = reshaped(x, x->ndim, x->shape);
    for (int64_t i = 0; i < indices->n; i++) {
        ref_coords(indices, i, c);
        value v = ref_at(values, indices->ndim, c);
        c[axis] = index_at(indices, i, x->shape[axis]);
        r->v[ref_linear(r, c)] = as(x->dtype, v);
    }
    return r;
}

/* The shape of indices for an axis of x: `n` along it, x's extents or now and then 1 on others. */
static void index_shape(const ref *x, int axis, int64_t n, bool thin, int64_t *shape)
{
    for (int a = 0; a < x->ndim; a++)
        shape[a] = a == axis ? n : thin ? 1 : x->shape[a];
}

static void along_axis(const operand *o, int number, int axis)
{
    const int64_t lengths[] = {3, 0, 17, 1, 8};
    int64_t shape[REF_NDIM];
    const ref *x = o->r;
    bool thin = number % 3 == 0;
    int64_t n = x->shape[axis] > 0 ? lengths[(number + axis) % 5] : 0;
    index_shape(x, axis, n, thin, shape);
    ref *i = random_indices(index_dtype(number + axis), x->ndim, shape,
                            x->shape[axis] > 0 ? x->shape[axis] : 1);
    br_array *index = given(i, number * 7 % NCUTS, number % 2);
    expect(br_take_along_axis(o->x, index, .axis = BR_AXIS(axis)), taken_along(x, i, axis), 0, 0,
           "take_along_axis %d thin %d %s", axis, thin, o->name);
    index_shape(x, axis, n, false, shape);
    ref *wide = spread_to(i, x->ndim, shape);
    ref *v = ref_random(x->dtype, x->ndim, shape, false, false);
    br_array *values = given(v, (number + 1) % NCUTS, number % NWAYS);
    expect(br_put_along_axis(o->x, index, values, axis - x->ndim), put_along(x, wide, v, axis), 0,
           0, "put_along_axis %d %s", axis, o->name);
    ref *one = ref_new(BR_INT8, 0, NULL);
    one->v[0] = 1;
    if (x->dtype != BR_BOOL)
        expect(br_put_along_axis(o->x, index, 1, axis), put_along(x, wide, one, axis), 0, 0,
               "put_along_axis %d of a number %s", axis, o->name);
}

static void set_slices(const operand *o, int number, int axis)
{
    int64_t shape[REF_NDIM];
    const ref *x = o->r;
    int64_t n = x->shape[axis] > 0 ? 1 + number % 9 : 0;
    ref *i = random_indices(index_dtype(number), 1, &n, x->shape[axis] > 0 ? x->shape[axis] : 1);
    index_shape(x, axis, n, false, shape);
    ref *wide = ref_new(i->dtype, x->ndim, shape);
    for (int64_t k = 0; k < wide->n; k++) {
        int64_t c[REF_NDIM];
        ref_coords(wide, k, c);
        wide->v[k] = i->v[c[axis]];
    }
    ref *row = ref_random(x->dtype, 1, &shape[x->ndim - 1], false, false);
    br_array *values = given(row, number % NCUTS, number % NWAYS);
    expect(br_set_take(o->x, source(i, number % NCUTS), values, axis),
           put_along(x, wide, row, axis), 0, 0, "set_take %d %s", axis, o->name);
}

int main(int argc, char **argv)
{
    operand o;
    sweep_open(&argc, &argv);
    for (int number = 0; next_operand(&number, &o);)
        for (int axis = 0; axis < o.r->ndim; axis++) {
            along_axis(&o, number, axis);
            set_slices(&o, number, axis);
        }
    return sweep_close();
}
