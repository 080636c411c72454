/* SPDX-License-Identifier: BSD-3-Clause
 * overlap_reference.h - a function on chunks with halos, and the same on the whole array.
 *
 * The function adds what is around each element, with another weight for each place; in the
 * reference boundaries are a rule for indices.
 */
#ifndef TEST_OVERLAP_REFERENCE_H
#define TEST_OVERLAP_REFERENCE_H

#include "tests/reference.h"

/* Of each input, along the axes of the result. */
typedef struct shape_of {
    int ndim;
    int64_t before[3], after[3];
} around;

typedef struct job {
    int n;
    around input[3];
} job;

static inline int64_t window(const around *s)
{
    int64_t n = 1;
    for (int a = 0; a < s->ndim; a++)
        n *= s->before[a] + s->after[a] + 1;
    return n;
}

/* Steps from an element to place k around it. */
static inline void place(const around *s, int64_t k, int64_t *by)
{
    for (int a = s->ndim - 1; a >= 0; a--) {
        int64_t n = s->before[a] + s->after[a] + 1;
        by[a] = k % n - s->before[a];
        k /= n;
    }
}

static inline bool within(const br_block *b, const int64_t *at, int64_t *linear)
{
    *linear = 0;
    for (int a = 0; a < b->ndim; a++) {
        if (at[a] < b->origin[a] || at[a] >= b->origin[a] + b->extent[a])
            return false;
        *linear = *linear * b->extent[a] + at[a] - b->origin[a];
    }
    return true;
}

/* The part of an input in the result's element at `index`; its axes of one element are repeated. */
static inline value part_of(const br_block *b, const around *s, const int64_t *index, int ndim)
{
    value sum = 0;
    int64_t by[3];
    int64_t at[3];
    for (int64_t k = 0; k < window(s); k++) {
        int64_t linear;
        place(s, k, by);
        for (int a = 0; a < b->ndim; a++) {
            bool repeated =
                b->extent[a] == 1 && s->before[a] + s->after[a] == 0 && b->origin[a] == 0;
            at[a] = repeated ? 0 : index[a + ndim - b->ndim] + by[a];
        }
        if (within(b, at, &linear))
            sum += (k + 1) * get(b->dtype, b->data, linear);
    }
    return sum;
}

static inline int add_around(const br_block *in, int n, const br_block *out, const void *data)
{
    const job *j = data;
    int64_t elements = 1;
    int64_t index[3];
    if (n != j->n)
        return 1;
    for (int a = 0; a < out->ndim; a++)
        elements *= out->extent[a];
    for (int64_t i = 0; i < elements; i++) {
        int64_t rest = i;
        for (int a = out->ndim - 1; a >= 0; a--) {
            index[a] = out->origin[a] + rest % out->extent[a];
            rest /= out->extent[a];
        }
        value sum = 0;
        for (int k = 0; k < n; k++)
            sum += part_of(&in[k], &j->input[k], index, out->ndim);
        put(out->dtype, out->data, i, sum);
    }
    return 0;
}

/* The index that stands at `at` of an axis; -1: nothing, -2: the constant. */
static inline int64_t continued(br_boundary_kind kind, int64_t at, int64_t n)
{
    if (at >= 0 && at < n)
        return at;
    switch (kind) {
    case BR_BOUNDARY_NEAREST:
        return at < 0 ? 0 : n - 1;
    case BR_BOUNDARY_REFLECT:
        return at < 0 ? -1 - at : 2 * n - 1 - at;
    case BR_BOUNDARY_PERIODIC:
        return (at + n) % n;
    default:
        return kind == BR_BOUNDARY_CONSTANT ? -2 : -1;
    }
}

/* Which constant counts is told by the last axis that is left. */
static inline value element(const ref *x, const br_boundaries *b, const int64_t *at)
{
    int64_t coord[REF_NDIM];
    value constant = 0;
    bool nothing = false;
    bool outside = false;
    for (int a = 0; a < x->ndim; a++) {
        const br_boundary *one = &b->axis[b->n == 1 ? 0 : a];
        coord[a] = continued(b->n == 0 ? BR_BOUNDARY_NONE : one->kind, at[a], x->shape[a]);
        nothing = nothing || coord[a] == -1;
        if (coord[a] == -2) {
            outside = true;
            constant = as(x->dtype, one->value.re + one->value.im * I);
        }
    }
    return nothing ? 0 : outside ? constant : x->v[ref_linear(x, coord)];
}

static inline void add_reference(ref *out, const ref *x, const around *s, const br_boundaries *b)
{
    int64_t coord[REF_NDIM];
    int64_t by[3] = {0};
    int64_t at[3];
    for (int64_t i = 0; i < out->n; i++) {
        ref_coords(out, i, coord);
        for (int64_t k = 0; k < window(s); k++) {
            place(s, k, by);
            for (int a = 0; a < x->ndim; a++) {
                bool repeated = x->shape[a] != out->shape[a + out->ndim - x->ndim];
                at[a] = repeated ? 0 : coord[a + out->ndim - x->ndim] + by[a];
            }
            out->v[i] += (k + 1) * element(x, b, at);
        }
    }
}

#endif
