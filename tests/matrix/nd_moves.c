/* SPDX-License-Identifier: BSD-3-Clause
 * nd_moves.c - references that move elements: each finds for every index of the result the element
 * that belongs there.
 */
#include "tests/matrix/nd.h"

nd *nd_same(br_dtype dtype, const nd *a)
{
    return nd_new(dtype, a->ndim, a->shape);
}

nd *nd_reshaped(const nd *a, int ndim, const int64_t *shape)
{
    nd *r = nd_new(a->dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++)
        nd_copy(r, i, a, i);
    return r;
}

nd *nd_permuted(const nd *a, const int *axes)
{
    int64_t shape[ND_AXES], to[ND_AXES], from[ND_AXES];
    for (int k = 0; k < a->ndim; k++)
        shape[k] = a->shape[axes[k]];
    nd *r = nd_new(a->dtype, a->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, to);
        for (int k = 0; k < a->ndim; k++)
            from[axes[k]] = to[k];
        nd_copy(r, i, a, nd_at(a, from));
    }
    return r;
}

nd *nd_converted(const nd *a, br_dtype dtype)
{
    nd *r = nd_same(dtype, a);
    for (int64_t i = 0; i < r->n; i++)
        if (dtype == a->dtype)
            nd_copy(r, i, a, i);
        else
            nd_put(r, i, nd_get(a, i));
    return r;
}

nd *nd_broadcast(const nd *a, int ndim, const int64_t *shape)
{
    int64_t index[ND_AXES];
    nd *r = nd_new(a->dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        nd_copy(r, i, a, nd_at_broadcast(a, ndim, index));
    }
    return r;
}

nd *nd_joined(nd *const *a, int n, int axis)
{
    int64_t shape[ND_AXES], index[ND_AXES];
    memcpy(shape, a[0]->shape, sizeof shape);
    for (int k = 1; k < n; k++)
        shape[axis] += a[k]->shape[axis];
    nd *r = nd_new(a[0]->dtype, a[0]->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        int k = 0;
        for (; index[axis] >= a[k]->shape[axis]; k++)
            index[axis] -= a[k]->shape[axis];
        nd_copy(r, i, a[k], nd_at(a[k], index));
    }
    return r;
}

nd *nd_taken(const nd *a, int axis, int64_t n, const int64_t *index)
{
    int64_t shape[ND_AXES], at[ND_AXES];
    memcpy(shape, a->shape, sizeof shape);
    shape[axis] = n;
    nd *r = nd_new(a->dtype, a->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, at);
        at[axis] = index[at[axis]];
        nd_copy(r, i, a, nd_at(a, at));
    }
    return r;
}

nd *nd_strided(const nd *a, int axis, int64_t start, int64_t step, int64_t n)
{
    int64_t *index = calloc((size_t)n + 1, sizeof *index);
    for (int64_t k = 0; k < n; k++)
        index[k] = start + k * step;
    nd *r = nd_taken(a, axis, n, index);
    free(index);
    return r;
}

nd *nd_flipped(const nd *a, int axis)
{
    return nd_strided(a, axis, a->shape[axis] - 1, -1, a->shape[axis]);
}

nd *nd_without_axis(const nd *a, int axis)
{
    int64_t shape[ND_AXES];
    int ndim = 0;
    for (int k = 0; k < a->ndim; k++)
        if (k != axis)
            shape[ndim++] = a->shape[k];
    return nd_reshaped(a, ndim, shape);
}

nd *nd_with_axis(const nd *a, int axis)
{
    int64_t shape[ND_AXES];
    for (int k = 0; k <= a->ndim; k++)
        shape[k] = k < axis ? a->shape[k] : k == axis ? 1 : a->shape[k - 1];
    return nd_reshaped(a, a->ndim + 1, shape);
}

int nd_common_shape(const nd *a, const nd *b, int64_t *shape)
{
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int k = 1; k <= ndim; k++) {
        int64_t of_a = k <= a->ndim ? a->shape[a->ndim - k] : 1;
        int64_t of_b = k <= b->ndim ? b->shape[b->ndim - k] : 1;
        shape[ndim - k] = of_a == 1 ? of_b : of_a;
    }
    return ndim;
}

nd *nd_common(br_dtype dtype, const nd *a, const nd *b)
{
    int64_t shape[ND_AXES];
    int ndim = nd_common_shape(a, b, shape);
    return nd_new(dtype, ndim, shape);
}
