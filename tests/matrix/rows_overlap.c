/* SPDX-License-Identifier: BSD-3-Clause
 * rows_overlap.c - functions on chunks with halos, sliding windows, convolution: functions of
 * overlap.h, neighbour by neighbour.
 */
#include "tests/matrix/matrix.h"

/* ---- halos ---- */

typedef struct halo {
    int64_t before[ND_AXES], after[ND_AXES];
    int64_t kind; /* of both ends of all axes */
} halo;

/* Steps an offset through [-before, after] of each axis; false after the last. */
static bool next_offset(const halo *h, int ndim, int64_t *offset)
{
    for (int k = ndim - 1; k >= 0; k--) {
        if (++offset[k] <= h->after[k])
            return true;
        offset[k] = -h->before[k];
    }
    return false;
}

/* Another one for each offset nearby. */
static double weight(int ndim, const int64_t *offset)
{
    double w = 1;
    for (int k = 0; k < ndim; k++)
        w += (double)((2 * k + 3) * offset[k]);
    return w;
}

/* An element of the block by its index in the whole array; 0 where the block does not go. */
static double element_of(const br_block *b, const int64_t *index, const int64_t *offset)
{
    int64_t at = 0;
    for (int k = 0; k < b->ndim; k++) {
        int64_t place = index[k] + offset[k] - b->origin[k];
        if (place < 0 || place >= b->extent[k])
            return 0;
        at = at * b->extent[k] + place;
    }
    const char *elements = b->data;
    return (double)creall(nd_read(b->dtype, elements + (size_t)at * br_dtype_size(b->dtype)).z);
}

static void first_offset(const halo *h, int ndim, int64_t *offset)
{
    for (int k = 0; k < ndim; k++)
        offset[k] = -h->before[k];
}

/* The sum of what is around each element, as far as the block goes. */
static int around(const br_block *in, int n, const br_block *out, const void *data)
{
    const halo *h = data;
    double *sums = out->data;
    int64_t nelem = 1, index[ND_AXES], offset[ND_AXES];
    for (int k = 0; k < out->ndim; k++)
        nelem *= out->extent[k];
    for (int64_t i = 0; i < nelem; i++) {
        int64_t rest = i;
        for (int k = out->ndim - 1; k >= 0; k--) {
            index[k] = out->origin[k] + rest % out->extent[k];
            rest /= out->extent[k];
        }
        first_offset(h, out->ndim, offset);
        sums[i] = 0;
        do
            sums[i] += weight(out->ndim, offset) * element_of(in, index, offset);
        while (next_offset(h, out->ndim, offset));
    }
    return n != 1;
}

/* The element that stands at place i, inside of n elements or beyond; -1 for none. */
static int64_t beyond(br_boundary_kind kind, int64_t i, int64_t n)
{
    if (i >= 0 && i < n)
        return i;
    switch (kind) {
    case BR_BOUNDARY_NEAREST:
        return i < 0 ? 0 : n - 1;
    case BR_BOUNDARY_REFLECT:
        return i < 0 ? -1 - i : 2 * n - 1 - i;
    case BR_BOUNDARY_PERIODIC:
        return i < 0 ? i + n : i - n;
    default:
        return -1;
    }
}

enum { OUTSIDE = 3 }; /* the constant */

static long double neighbour(const nd *x, const halo *h, const int64_t *index,
                             const int64_t *offset)
{
    int64_t at[ND_AXES];
    for (int k = 0; k < x->ndim; k++) {
        at[k] = beyond((br_boundary_kind)h->kind, index[k] + offset[k], x->shape[k]);
        if (at[k] < 0)
            return h->kind == BR_BOUNDARY_CONSTANT ? OUTSIDE : 0;
    }
    return creall(nd_get(x, nd_at(x, at)).z);
}

static void map_overlap(void)
{
    arg x = any_arg(1, 3, SMALL);
    int ndim = x.v->ndim;
    int64_t index[ND_AXES], offset[ND_AXES];
    halo h = {.kind = draw(BR_BOUNDARY_NONE, BR_BOUNDARY_PERIODIC)};
    bool same = chance(50);
    for (int k = 0; k < ndim; k++) {
        int64_t most = x.v->shape[k] < 3 ? x.v->shape[k] : 3;
        h.before[k] = draw(0, most);
        h.after[k] = same ? h.before[k] : draw(0, most);
    }
    nd *r = nd_same(BR_FLOAT64, x.v);
    for (int64_t i = 0; i < r->n; i++) {
        long double sum = 0;
        nd_index_of(r, i, index);
        first_offset(&h, ndim, offset);
        do
            sum += weight(ndim, offset) * neighbour(x.v, &h, index, offset);
        while (next_offset(&h, ndim, offset));
        nd_put(r, i, of_real(sum));
    }
    br_boundary boundary = {(br_boundary_kind)h.kind, BR_NUM(OUTSIDE)};
    if (the.dtype == BR_BOOL && h.kind == BR_BOUNDARY_CONSTANT)
        return;
    expect(br_map_overlap(x.x, around, extents_of(ndim, h.before),
                          same ? (br_extents){0} : extents_of(ndim, h.after),
                          BR_BOUNDARIES(boundary), .data = &h, .data_bytes = sizeof h,
                          .dtype = BR_FLOAT64, .inner = true),
           r);
}

/* ---- windows ---- */

static void sliding_window_view(void)
{
    int64_t shape[ND_AXES], window[ND_AXES], index[ND_AXES];
    arg x = any_arg(1, 2, ANY);
    br_axes axes = {0};
    int ndim = x.v->ndim;
    memcpy(shape, x.v->shape, sizeof shape);
    for (int k = 0; k < x.v->ndim; k++) {
        if (shape[k] == 0 || (ndim > x.v->ndim && chance(50)))
            continue;
        window[axes.n] = draw(1, shape[k] < 4 ? shape[k] : 4);
        shape[ndim++] = window[axes.n];
        shape[k] -= window[axes.n] - 1;
        axes.axis[axes.n++] = chance(30) ? k - x.v->ndim : k;
    }
    if (axes.n == 0)
        return;
    nd *r = nd_new(the.dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        for (int k = 0; k < axes.n; k++)
            index[positive_axis(axes.axis[k], x.v->ndim)] += index[x.v->ndim + k];
        nd_copy(r, i, x.v, nd_at(x.v, index));
    }
    expect(br_sliding_window_view(x.x, extents_of(axes.n, window), .axis = axes), r);
}

/* ---- convolution ---- */

/* Sums over k of kernel[k] * x[i - k], in full; along each axis of them what the mode leaves. */
static nd *convolved(const nd *x, const nd *kernel, br_dtype dtype, br_convolve_mode mode)
{
    int64_t shape[ND_AXES], first[ND_AXES], index[ND_AXES], k[ND_AXES], at[ND_AXES];
    for (int a = 0; a < x->ndim; a++) {
        int64_t n = x->shape[a], m = kernel->shape[a];
        shape[a] = mode == BR_CONVOLVE_FULL ? n + m - 1 : mode == BR_CONVOLVE_SAME ? n : n - m + 1;
        first[a] = mode == BR_CONVOLVE_FULL ? 0 : mode == BR_CONVOLVE_SAME ? (m - 1) / 2 : m - 1;
    }
    nd *r = nd_new(dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        __int128 whole = 0;
        long double complex sum = 0;
        nd_index_of(r, i, index);
        for (int64_t j = 0; j < kernel->n; j++) {
            bool inside = true;
            nd_index_of(kernel, j, k);
            for (int a = 0; a < x->ndim; a++) {
                at[a] = first[a] + index[a] - k[a];
                inside = inside && at[a] >= 0 && at[a] < x->shape[a];
            }
            if (!inside)
                continue;
            number b = nd_get(kernel, j), c = nd_get(x, nd_at(x, at));
            whole += b.i * c.i;
            sum += b.z * c.z;
        }
        nd_put(r, i, is_inexact(dtype) ? of_complex(sum) : of_integer(whole));
    }
    return r;
}

static void convolution(bool correlate)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(1, 3, shape);
    br_convolve_mode mode = (br_convolve_mode)draw(BR_CONVOLVE_FULL, BR_CONVOLVE_VALID);
    br_dtype other = chance(70) ? the.dtype : draw_dtype("iufc");
    for (int k = 0; k < ndim; k++)
        shape[k] = shape[k] == 0 ? 1 : shape[k];
    arg x = arg_of(draw_values(the.dtype, ndim, shape, SMALL));
    for (int k = 0; k < ndim; k++)
        shape[k] = draw(1, mode == BR_CONVOLVE_VALID && shape[k] < 4 ? shape[k] : 4);
    arg kernel = arg_of(draw_values(other, ndim, shape, SMALL));
    nd *turned = nd_reshaped(kernel.v, ndim, shape);
    for (int k = 0; k < ndim && correlate; k++)
        turned = nd_flipped(turned, k);
    for (int64_t i = 0; i < turned->n && correlate && kind_of(other) == 'c'; i++)
        nd_put(turned, i, of_complex(conjl(nd_get(turned, i).z)));
    nd *r = convolved(x.v, turned, promoted(the.dtype, other), mode);
    expect(correlate ? br_correlate(x.x, kernel.x, .mode = mode)
                     : br_convolve(x.x, kernel.x, .mode = mode),
           r);
}

static void convolve(void)
{
    convolution(false);
}

static void correlate(void)
{
    convolution(true);
}

const row overlap_rows[] = {
    {"map_overlap", "biuf", map_overlap},
    {"sliding_window_view", "biufc", sliding_window_view},
    {"convolve", "iufc", convolve},
    {"correlate", "iufc", correlate},
    {0},
};
