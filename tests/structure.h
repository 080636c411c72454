/* SPDX-License-Identifier: BSD-3-Clause
 * structure.h - operands of sweeps that rearrange elements, of every dtype, of odd shapes, in all
 * chunkings, over sources and computed arrays; and references, which take elements by index, one at
 * a time.
 */
#ifndef STRUCTURE_H
#define STRUCTURE_H

#include "tests/copies.h"
#include "tests/sweep.h"

/* clang-format off */
static const struct form { int ndim; int64_t shape[3]; } forms[] = {
    {1, {1}}, {1, {7}}, {1, {0}}, {2, {5, 3}}, {2, {1, 4}}, {2, {13, 11}}, {3, {3, 0, 2}}, {3, {2, 3, 5}},
};
/* clang-format on */
enum { NFORMS = sizeof forms / sizeof forms[0], NWAYS = 3 };

/* ---- what is rearranged: a source, an expression that is fused, or values of a stage ---- */

static inline br_array *given(const ref *r, int how, int way)
{
    br_array *x = source(r, how);
    if (way == 1)
        return br_where(br_full(sweep.ctx, BR_0D, BR_NUM(true)), x, x);
    return way == 2 ? br_map_blocks(x, copy_block) : x;
}

typedef struct operand {
    br_array *x;
    ref *r;
    char name[60];
} operand;

/* Number of the case -> form, cut, way and dtype; false at the end. */
static inline bool next_operand(int *number, operand *o)
{
    int n = (*number)++;
    if (n == NFORMS * NCUTS * NWAYS)
        return false;
    int form = n % NFORMS;
    int how = n / NFORMS % NCUTS;
    int way = n / NFORMS / NCUTS;
    br_dtype d = (br_dtype)(1 + n * 5 % (BR_NDTYPE - 1));
    next_case(QUEUE / 2);
    o->r = ref_random(d, forms[form].ndim, forms[form].shape, false, false);
    o->x = given(o->r, how, way);
    snprintf(o->name, sizeof o->name, "%s form %d cut %d way %d", br_dtype_name(d), form, how, way);
    return true;
}

/* ---- references ---- */

/* Element i along the axis is x's element index[i]. */
static inline ref *taken(const ref *x, int axis, int64_t n, const int64_t *index)
{
    int64_t shape[REF_NDIM];
    int64_t c[REF_NDIM];
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = n;
    ref *r = ref_new(x->dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, c);
        c[axis] = index[c[axis]];
        r->v[i] = x->v[ref_linear(x, c)];
    }
    return r;
}

static inline ref *reshaped(const ref *x, int ndim, const int64_t *shape)
{
    ref *r = ref_new(x->dtype, ndim, shape);
    memcpy(r->v, x->v, (size_t)x->n * sizeof *x->v);
    return r;
}

static inline ref *flat(const ref *x)
{
    return reshaped(x, 1, &x->n);
}

static inline ref *converted(const ref *x, br_dtype dtype)
{
    ref *r = ref_new(dtype, x->ndim, x->shape);
    for (int64_t i = 0; i < x->n; i++)
        r->v[i] = as(dtype, x->v[i]);
    return r;
}

static inline ref *joined(ref *const *x, int n, int axis)
{
    int64_t shape[REF_NDIM];
    int64_t c[REF_NDIM] = {0};
    memcpy(shape, x[0]->shape, sizeof shape);
    for (int k = 1; k < n; k++)
        shape[axis] += x[k]->shape[axis];
    ref *r = ref_new(x[0]->dtype, x[0]->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, c);
        int k = 0;
        for (; c[axis] >= x[k]->shape[axis]; k++)
            c[axis] -= x[k]->shape[axis];
        r->v[i] = x[k]->v[ref_linear(x[k], c)];
    }
    return r;
}

static inline ref *permuted(const ref *x, const int *axes)
{
    int64_t shape[REF_NDIM];
    int64_t to[REF_NDIM];
    int64_t from[REF_NDIM];
    for (int a = 0; a < x->ndim; a++)
        shape[a] = x->shape[axes[a]];
    ref *r = ref_new(x->dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, to);
        for (int a = 0; a < x->ndim; a++)
            from[axes[a]] = to[a];
        r->v[i] = x->v[ref_linear(x, from)];
    }
    return r;
}

enum { LONGEST = 512 };

/* n elements along an axis: start, start + step, ..., modulo the extent. */
static inline ref *line(const ref *x, int axis, int64_t start, int64_t step, int64_t n)
{
    int64_t index[LONGEST];
    int64_t extent = x->shape[axis];
    for (int64_t i = 0; i < n; i++)
        index[i] = (((start + i * step) % extent) + extent) % extent;
    return taken(x, axis, n, index);
}

static inline ref *flipped(const ref *x, int axis)
{
    return line(x, axis, x->shape[axis] - 1, -1, x->shape[axis]);
}

static inline ref *rolled(const ref *x, int axis, int64_t shift)
{
    return line(x, axis, -shift, 1, x->shape[axis]);
}

#endif
