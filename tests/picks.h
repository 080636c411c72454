/* SPDX-License-Identifier: BSD-3-Clause
 * picks.h - arrays of indices for sweeps, and references that take and put elements by them one at
 * a time.
 */
#ifndef PICKS_H
#define PICKS_H

#include "tests/structure.h"

/* Integer dtypes in turn. */
static inline br_dtype index_dtype(int number)
{
    return (br_dtype)(BR_INT8 + number % 8);
}

/* Indices below `extent`, or counted from the end where the dtype has a sign. */
static inline ref *random_indices(br_dtype dtype, int ndim, const int64_t *shape, int64_t extent)
{
    ref *r = ref_new(dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = random_below(extent) - (is_signed(dtype) && random_below(2) ? extent : 0);
    return r;
}

static inline int64_t index_at(const ref *indices, int64_t i, int64_t extent)
{
    int64_t at = (int64_t)creall(indices->v[i]);
    return at < 0 ? at + extent : at;
}

/* r with each element of the shape it is broadcast to. */
static inline ref *spread_to(const ref *r, int ndim, const int64_t *shape)
{
    int64_t c[REF_NDIM];
    ref *out = ref_new(r->dtype, ndim, shape);
    for (int64_t i = 0; i < out->n; i++) {
        ref_coords(out, i, c);
        out->v[i] = ref_at(r, ndim, c);
    }
    return out;
}

#endif
