/* SPDX-License-Identifier: BSD-3-Clause
 * rows_blocks.c - functions of the user's on chunks that index letters match, on core axes, and on
 * slices along an axis: functions of blocks.h.
 */
#include "tests/matrix/fold.h"

/* ---- map_blocks with other axes ---- */

/* Sums along the axis that *data says. */
static int sums_along(const br_block *in, int n, const br_block *out, const void *data)
{
    const int axis = *(const int *)data;
    int64_t inner = 1, outer = 1, depth = in->extent[axis];
    size_t size = br_dtype_size(in->dtype);
    for (int k = 0; k < in->ndim; k++) {
        inner *= k > axis ? in->extent[k] : 1;
        outer *= k < axis ? in->extent[k] : 1;
    }
    for (int64_t i = 0; i < outer * inner; i++) {
        double sum = 0;
        for (int64_t k = 0; k < depth; k++) {
            int64_t at = (i / inner * depth + k) * inner + i % inner;
            const char *element = (const char *)in->data + (size_t)at * size;
            sum += (double)creall(nd_read(in->dtype, element).z);
        }
        ((double *)out->data)[i] = sum;
    }
    return n != 1;
}

static void dropped_axis(void)
{
    arg x = any_arg(1, 4, SMALL);
    int axis = (int)draw(0, x.v->ndim - 1);
    reduced by = {.is = {false}};
    by.is[axis] = true;
    group g = new_group(x.v);
    nd *r = nd_reduced(BR_FLOAT64, x.v, &by);
    for (int64_t i = 0; i < r->n; i++) {
        long double sum = 0;
        gather(&g, x.v, &by, i, NULL, NULL);
        for (int64_t k = 0; k < g.n; k++)
            sum += creall(g.v[k].z);
        nd_put(r, i, of_real(sum));
    }
    free_group(&g);
    expect(br_map_blocks(x.x, sums_along, .data = &axis, .data_bytes = sizeof axis,
                         .dtype = BR_FLOAT64, .drop_axis = BR_AXES(axis)),
           r);
}

enum { COPIES = 3 };

/* Copy c of the elements is them times c. */
static int multiples(const br_block *in, int n, const br_block *out, const void *data)
{
    int64_t nelem = 1;
    for (int k = 0; k < in->ndim; k++)
        nelem *= in->extent[k];
    for (int64_t i = 0; i < COPIES * nelem; i++) {
        const char *element =
            (const char *)in->data + (size_t)(i % nelem) * br_dtype_size(in->dtype);
        ((double *)out->data)[i] =
            (double)(i / nelem) * (double)creall(nd_read(in->dtype, element).z);
    }
    return n != 1 || data != NULL;
}

static void added_axis(void)
{
    arg x = any_arg(0, 3, SMALL);
    int64_t shape[ND_AXES] = {COPIES};
    br_extents chunks = {x.v->ndim + 1, {COPIES}};
    memcpy(shape + 1, x.v->shape, (size_t)x.v->ndim * sizeof *shape);
    nd *r = nd_new(BR_FLOAT64, x.v->ndim + 1, shape);
    for (int64_t i = 0; i < r->n; i++)
        nd_put(r, i, of_real((i / x.v->n) * creall(nd_get(x.v, i % x.v->n).z)));
    expect(br_map_blocks(x.x, multiples, .dtype = BR_FLOAT64, .new_axis = BR_AXES(0),
                         .chunks = chunks),
           r);
}

/* ---- blockwise ---- */

/* out[i, j] += sum over k of a[i, k] b[k, j], of float64; from 0 on in the only call there is. */
static int multiply(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *a = in[0].data, *b = in[1].data;
    double *c = out->data;
    int64_t depth = in[0].extent[1], columns = out->extent[1];
    if (data != NULL)
        memset(c, 0, sizeof *c * (size_t)(out->extent[0] * columns));
    for (int64_t i = 0; i < out->extent[0]; i++)
        for (int64_t j = 0; j < columns; j++)
            for (int64_t k = 0; k < depth; k++)
                c[i * columns + j] += a[i * depth + k] * b[k * columns + j];
    return n != 2;
}

static nd *draw_matrix(int64_t rows, int64_t columns)
{
    return draw_values(BR_FLOAT64, 2, (int64_t[]){rows, columns}, SMALL);
}

static void blockwise_product(void)
{
    int64_t m = draw(1, 7), depth = draw(1, 7), n = draw(1, 7);
    arg a = arg_of(draw_matrix(m, depth)), b = arg_of(draw_matrix(depth, n));
    nd *r = nd_new(BR_FLOAT64, 2, (int64_t[]){m, n});
    for (int64_t i = 0; i < r->n; i++) {
        long double sum = 0;
        for (int64_t k = 0; k < depth; k++)
            sum += creall(nd_get(a.v, i / n * depth + k).z) * creall(nd_get(b.v, k * n + i % n).z);
        nd_put(r, i, of_real(sum));
    }
    static const bool yes = true;
    bool once = chance(50);
    expect(br_blockwise(multiply, "ij", {a.x, "ik"}, {b.x, "kj"}, .concatenate = once,
                        .data = once ? &yes : NULL, .data_bytes = once ? sizeof yes : 0),
           r);
}

/* out[j, i] = a[i, j] + 2 b[j]: turned and repeated. */
static int turned_sum(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *a = in[0].data, *b = in[1].data;
    double *c = out->data;
    int64_t rows = out->extent[0], columns = out->extent[1];
    for (int64_t j = 0; j < rows; j++)
        for (int64_t i = 0; i < columns; i++)
            c[j * columns + i] = a[i * rows + j] + 2 * b[j];
    return n != 2 || data != NULL;
}

static void blockwise_turned(void)
{
    int64_t m = draw(1, 7), n = draw(1, 7);
    arg a = arg_of(draw_matrix(m, n)), b = arg_of(draw_values(BR_FLOAT64, 1, &n, SMALL));
    nd *r = nd_new(BR_FLOAT64, 2, (int64_t[]){n, m});
    for (int64_t i = 0; i < r->n; i++)
        nd_put(
            r, i,
            of_real(creall(nd_get(a.v, i % m * n + i / m).z) + 2 * creall(nd_get(b.v, i / m).z)));
    expect(br_blockwise(turned_sum, "ji", {a.x, "ij"}, {b.x, "j"}), r);
}

/* ---- core axes ---- */

static int matvec(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    const double *a = in[0], *x = in[1];
    double *y = out;
    for (int64_t i = 0; i < extent[0]; i++) {
        y[i] = 0;
        for (int64_t j = 0; j < extent[1]; j++)
            y[i] += a[i * extent[1] + j] * x[j];
    }
    return data != NULL;
}

/* Matrices times vectors, as many as the axes before them say. */
static void apply_gufunc(void)
{
    int64_t m = draw(1, 4), n = draw(1, 4), shape[ND_AXES], index[ND_AXES], own[ND_AXES];
    int loop = (int)draw(0, 2);
    for (int k = 0; k < loop; k++)
        shape[k] = draw(1, 4);
    shape[loop] = m, shape[loop + 1] = n;
    nd *a = draw_values(BR_FLOAT64, loop + 2, shape, SMALL);
    int dropped = chance(40) ? (int)draw(0, loop) : 0;
    for (int k = dropped; k < loop; k++)
        own[k - dropped] = chance(30) ? 1 : shape[k];
    own[loop - dropped] = n;
    nd *x = draw_values(BR_FLOAT64, loop - dropped + 1, own, SMALL);
    nd *r = nd_new(BR_FLOAT64, loop + 1, shape);
    for (int64_t i = 0; i < r->n; i++) {
        long double sum = 0;
        nd_index_of(r, i, index);
        for (int64_t j = 0; j < n; j++) {
            index[loop + 1] = j;
            memcpy(own, index, sizeof own);
            own[loop] = j;
            sum += creall(nd_get(a, nd_at(a, index)).z) *
                   creall(nd_get(x, nd_at_broadcast(x, loop + 1, own)).z);
        }
        nd_put(r, i, of_real(sum));
    }
    expect(br_apply_gufunc(matvec, "(i,j),(j)->(i)", present(a), present(x), .allow_rechunk = true),
           r);
}

/* ---- slices ---- */

/* The sum of place times element, and the number of elements. */
static int moments(const void *slice, int64_t n, void *out, const void *data)
{
    const br_dtype *dtype = data;
    const char *elements = slice;
    double *r = out;
    r[0] = 0;
    for (int64_t i = 0; i < n; i++)
        r[0] += (double)i *
                (double)creall(nd_read(*dtype, elements + (size_t)i * br_dtype_size(*dtype)).z);
    return 0;
}

static int moments_and_count(const void *slice, int64_t n, void *out, const void *data)
{
    ((double *)out)[1] = (double)n;
    return moments(slice, n, out, data);
}

static void apply_along_axis(void)
{
    int64_t shape[ND_AXES], index[ND_AXES];
    arg x = any_arg(1, 4, SMALL);
    int axis = draw_axis(x.v->ndim), at = positive_axis(axis, x.v->ndim);
    bool two = chance(50);
    memcpy(shape, x.v->shape, sizeof shape);
    shape[at] = two ? 2 : 1;
    nd *r = nd_new(BR_FLOAT64, x.v->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        long double sum = 0;
        nd_index_of(r, i, index);
        bool count = index[at] == 1;
        for (int64_t k = 0; k < x.v->shape[at]; k++) {
            index[at] = k;
            sum += count ? 1 : k * creall(nd_get(x.v, nd_at(x.v, index)).z);
        }
        nd_put(r, i, of_real(sum));
    }
    br_array *got = br_apply_along_axis(two ? moments_and_count : moments, axis, x.x,
                                        .length = two ? 2 : 0, .dtype = BR_FLOAT64,
                                        .data = &the.dtype, .data_bytes = sizeof the.dtype);
    expect(got, two ? r : nd_without_axis(r, at));
}

const row blocks_rows[] = {
    {"map_blocks (that drops an axis)", "biuf", dropped_axis},
    {"map_blocks (that adds an axis)", "biuf", added_axis},
    {"blockwise", "", blockwise_product},
    {"blockwise (turned)", "", blockwise_turned},
    {"apply_gufunc", "", apply_gufunc},
    {"apply_along_axis", "biuf", apply_along_axis},
    {0},
};
