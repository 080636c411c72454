/* SPDX-License-Identifier: BSD-3-Clause
 * rows_creation.c - arrays from nothing: constants, ranges, diagonals and triangles, grids of
 * indices, values of functions.
 */
#include "tests/matrix/matrix.h"

typedef struct form {
    int ndim;
    int64_t shape[ND_AXES];
    br_extents extents, chunks;
} form;

static form draw_form(int least, int most)
{
    form f = {0};
    f.ndim = draw_shape(least, most, f.shape);
    f.extents = extents_of(f.ndim, f.shape);
    f.chunks = draw_chunks(f.ndim, f.shape);
    return f;
}

/* ---- constants ---- */

static nd *constant(br_dtype dtype, int ndim, const int64_t *shape, number value)
{
    nd *r = nd_new(dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++)
        nd_put(r, i, value);
    r->bits = true;
    return r;
}

static void zeros(void)
{
    form f = draw_form(0, 4);
    bool given = chance(80);
    expect(br_zeros(the.ctx, f.extents, .dtype = given ? the.dtype : 0, .chunks = f.chunks),
           constant(given ? the.dtype : BR_FLOAT64, f.ndim, f.shape, of_integer(0)));
}

static void ones(void)
{
    form f = draw_form(0, 4);
    bool given = chance(80);
    expect(br_ones(the.ctx, f.extents, .dtype = given ? the.dtype : 0, .chunks = f.chunks),
           constant(given ? the.dtype : BR_FLOAT64, f.ndim, f.shape, of_integer(1)));
}

static void empty(void)
{
    form f = draw_form(0, 4);
    expect(br_empty(the.ctx, f.extents, .dtype = the.dtype, .chunks = f.chunks),
           constant(the.dtype, f.ndim, f.shape, of_integer(0)));
}

/* A number that the case's dtype holds, of a kind that fits it. */
static br_number draw_br_number(number *value)
{
    char kind = kind_of(the.dtype);
    *value = draw_number(the.dtype, SMALL);
    if (kind == 'c')
        return br_number_complex((double)creall(value->z), (double)cimagl(value->z));
    if (kind == 'f')
        return br_number_float((double)creall(value->z));
    return kind == 'b'   ? br_number_bool(value->i)
           : kind == 'u' ? br_number_uint((uint64_t)value->i)
                         : br_number_int((int64_t)value->i);
}

static void full(void)
{
    form f = draw_form(0, 4);
    number value;
    br_number n = draw_br_number(&value);
    expect(br_full(the.ctx, f.extents, n, .dtype = the.dtype, .chunks = f.chunks),
           constant(the.dtype, f.ndim, f.shape, value));
}

/* Without a dtype the number's kind decides. */
static void full_by_kind(void)
{
    form f = draw_form(0, 3);
    number value;
    br_number n = draw_br_number(&value);
    br_dtype dtype = n.kind == 'b'   ? BR_BOOL
                     : n.kind == 'u' ? BR_UINT64
                     : n.kind == 'f' ? BR_FLOAT64
                     : n.kind == 'c' ? BR_COMPLEX128
                                     : BR_INT64;
    expect(br_full(the.ctx, f.extents, n, .chunks = f.chunks),
           constant(dtype, f.ndim, f.shape, value));
}

static void like(void)
{
    arg a = any_arg(0, 4, ANY);
    br_dtype other = chance(50) ? draw_dtype("biufc") : BR_NO_DTYPE;
    br_dtype dtype = other != BR_NO_DTYPE ? other : the.dtype;
    expect(br_zeros_like(a.x, .dtype = other),
           constant(dtype, a.v->ndim, a.v->shape, of_integer(0)));
    expect(br_ones_like(a.x, .dtype = other),
           constant(dtype, a.v->ndim, a.v->shape, of_integer(1)));
    expect(br_empty_like(a.x, .dtype = other),
           constant(dtype, a.v->ndim, a.v->shape, of_integer(0)));
}

static void full_like(void)
{
    arg a = any_arg(0, 4, ANY);
    number value;
    br_number n = draw_br_number(&value);
    expect(br_full_like(a.x, n), constant(the.dtype, a.v->ndim, a.v->shape, value));
}

/* ---- ranges ---- */

static nd *range(br_dtype dtype, int64_t n, long double start, long double step)
{
    nd *r = nd_new(dtype, 1, &n);
    for (int64_t i = 0; i < n; i++)
        nd_put_near(r, i, of_real(start + (long double)i * step), 1.5L);
    return r;
}

static void arange(void)
{
    int64_t low = kind_of(the.dtype) == 'u' ? 0 : draw(-40, 9), high = draw(-3, 60);
    int64_t step = draw(1, 7), n = high > low ? (high - low + step - 1) / step : 0;
    bool down = chance(30) && n > 0, given = the.refused || chance(80);
    int64_t start = down ? low + (n - 1) * step : low, stop = down ? low - 1 : high;
    int64_t by = down ? -step : step;
    expect(br_arange(the.ctx, BR_NUM(start), BR_NUM(stop), .step = BR_NUM(by),
                     .dtype = given ? the.dtype : 0, .chunks = draw_chunks(1, &n)),
           range(given ? the.dtype : BR_INT64, n, start, by));
}

static void arange_floats(void)
{
    double start = (double)draw(-40, 40) / 8, step = (double)draw(1, 9) / 8;
    int64_t n = draw(0, 40);
    double stop = start + step * ((double)n - 0.5);
    expect(br_arange(the.ctx, BR_NUM(start), BR_NUM(stop), .step = BR_NUM(step), .dtype = the.dtype,
                     .chunks = draw_chunks(1, &n)),
           range(the.dtype, n, start, step));
}

/* What rounds with the size of both ends is off by units of the larger one. */
static nd *between(int64_t n, double start, double stop, bool no_end)
{
    int64_t parts = no_end ? n : n - 1;
    long double slack = 4 * epsilon_of(the.dtype) * (fabsl(start) + fabsl(stop));
    nd *r = nd_new(the.dtype, 1, &n);
    for (int64_t i = 0; i < n; i++) {
        long double part = parts > 0 ? (long double)i / parts : 0;
        nd_put_within(r, i, of_real(start + part * ((long double)stop - start)), slack);
    }
    return r;
}

static void linspace(void)
{
    int64_t n = chance(10) ? 523 : draw(0, 31);
    double start = (double)draw_real(-9, 9), stop = (double)draw_real(-9, 9);
    bool no_end = chance(40);
    expect(br_linspace(the.ctx, start, stop, n, .no_endpoint = no_end, .dtype = the.dtype,
                       .chunks = draw_chunks(1, &n)),
           between(n, start, stop, no_end));
}

static void logspace(void)
{
    int64_t n = draw(0, 31);
    double start = (double)draw_real(-3, 3), stop = (double)draw_real(-3, 3);
    double base = chance(50) ? 0 : (double)draw_real(0.5L, 5);
    bool no_end = chance(40);
    nd *r = between(n, start, stop, no_end);
    long double b = base == 0 ? 10 : base;
    for (int64_t i = 0, parts = no_end ? n : n - 1; i < n; i++) {
        long double e =
            parts > 0 ? start + (long double)i / parts * ((long double)stop - start) : start;
        nd_put_within(r, i, of_real(powl(b, e)), 32 * epsilon_of(the.dtype) * powl(b, e));
    }
    expect(br_logspace(the.ctx, start, stop, n, .base = base, .no_endpoint = no_end,
                       .dtype = the.dtype, .chunks = draw_chunks(1, &n)),
           r);
}

static void geomspace(void)
{
    int64_t n = draw(0, 31);
    double sign = chance(50) ? -1 : 1;
    double start = sign * (double)draw_real(0.01L, 9), stop = sign * (double)draw_real(0.01L, 99);
    bool no_end = chance(40);
    nd *r = nd_new(the.dtype, 1, &n);
    for (int64_t i = 0, parts = no_end ? n : n - 1; i < n; i++) {
        long double part = parts > 0 ? (long double)i / parts : 0;
        long double want = start * powl((long double)stop / start, part);
        bool end = i == 0 || (i == n - 1 && !no_end);
        nd_put_within(r, i, of_real(want), end ? 0 : 32 * epsilon_of(the.dtype) * fabsl(want));
    }
    expect(br_geomspace(the.ctx, start, stop, n, .no_endpoint = no_end, .dtype = the.dtype,
                        .chunks = draw_chunks(1, &n)),
           r);
}

/* ---- diagonals and triangles ---- */

typedef bool (*pattern)(int64_t i, int64_t j, int64_t k);

static bool on_diagonal(int64_t i, int64_t j, int64_t k)
{
    return j - i == k;
}

static bool below_diagonal(int64_t i, int64_t j, int64_t k)
{
    return j - i <= k;
}

static bool above_diagonal(int64_t i, int64_t j, int64_t k)
{
    return j - i >= k;
}

static nd *matrix_of(br_dtype dtype, int64_t rows, int64_t columns, int64_t k, pattern holds)
{
    nd *r = nd_new(dtype, 2, (int64_t[]){rows, columns});
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            nd_put(r, i * columns + j, of_integer(holds(i, j, k)));
    r->bits = true;
    return r;
}

static void eye(void)
{
    int64_t rows = draw(0, 13), columns = chance(30) ? 0 : draw(1, 13), k = draw(-5, 5);
    int64_t all = columns == 0 ? rows : columns;
    if (chance(10))
        columns = BR_NO_COLUMNS, all = 0;
    br_extents chunks = draw_chunks(2, (int64_t[]){rows, all});
    expect(br_eye(the.ctx, rows, .columns = columns, .k = k, .dtype = the.dtype, .chunks = chunks),
           matrix_of(the.dtype, rows, all, k, on_diagonal));
    expect(br_tri(the.ctx, rows, .columns = columns, .k = k, .dtype = the.dtype, .chunks = chunks),
           matrix_of(the.dtype, rows, all, k, below_diagonal));
}

static void identity(void)
{
    int64_t n = draw(0, 13);
    expect(br_identity(the.ctx, n, .dtype = the.dtype, .chunks = draw_chunks(2, (int64_t[]){n, n})),
           matrix_of(the.dtype, n, n, 0, on_diagonal));
}

/* Elements of the last two axes where the pattern holds, zeros elsewhere. */
static nd *kept(const nd *v, int64_t k, pattern holds)
{
    int64_t index[ND_AXES];
    nd *r = nd_same(v->dtype, v);
    for (int64_t i = 0; i < v->n; i++) {
        nd_index_of(v, i, index);
        if (holds(index[v->ndim - 2], index[v->ndim - 1], k))
            nd_copy(r, i, v, i);
    }
    return r;
}

static void triangles(void)
{
    arg a = any_arg(2, 4, ANY);
    int64_t k = draw(-4, 4);
    expect(br_tril(a.x, .k = k), kept(a.v, k, below_diagonal));
    expect(br_triu(a.x, .k = k), kept(a.v, k, above_diagonal));
}

static nd *diagonal_of(const nd *v, int64_t k)
{
    int64_t shape[ND_AXES], index[ND_AXES], n = 0;
    int64_t rows = v->shape[v->ndim - 2], columns = v->shape[v->ndim - 1];
    for (int64_t i = 0; i < rows; i++)
        n += i + k >= 0 && i + k < columns;
    memcpy(shape, v->shape, sizeof shape);
    shape[v->ndim - 2] = n;
    nd *r = nd_new(v->dtype, v->ndim - 1, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        int64_t at = index[v->ndim - 2];
        index[v->ndim - 2] = at + (k < 0 ? -k : 0);
        index[v->ndim - 1] = at + (k > 0 ? k : 0);
        nd_copy(r, i, v, nd_at(v, index));
    }
    return r;
}

static void diagonal(void)
{
    arg a = any_arg(2, 4, ANY);
    int64_t k = draw(-4, 4);
    expect(br_diagonal(a.x, .offset = k), diagonal_of(a.v, k));
}

static void diag(void)
{
    arg a = any_arg(1, 2, ANY);
    int64_t k = draw(-4, 4);
    if (a.v->ndim == 2) {
        expect(br_diag(a.x, .k = k), diagonal_of(a.v, k));
        return;
    }
    if (a.v->n > 30)
        return;
    int64_t n = a.v->n + (k < 0 ? -k : k);
    nd *r = nd_new(the.dtype, 2, (int64_t[]){n, n});
    for (int64_t i = 0; i < a.v->n; i++)
        nd_copy(r, (i + (k < 0 ? -k : 0)) * n + i + (k > 0 ? k : 0), a.v, i);
    expect(br_diag(a.x, .k = k), r);
}

/* ---- grids of indices ---- */

static void meshgrid(void)
{
    int n = (int)draw(1, 3);
    bool ij = chance(50), sparse = chance(30);
    arg a[3];
    br_array *x[3], *out[3];
    int64_t shape[ND_AXES], own[ND_AXES];
    for (int k = 0; k < n; k++) {
        int64_t extent = draw(0, 7);
        a[k] = arg_of(draw_values(draw_dtype("biufc"), 1, &extent, ANY));
        x[k] = a[k].x;
    }
    for (int k = 0; k < n; k++)
        shape[!ij && k < 2 && n > 1 ? 1 - k : k] = a[k].v->n;
    br_meshgrid(x, n, out, .indexing = ij ? "ij" : NULL, .sparse = sparse);
    for (int k = 0; k < n; k++) {
        int axis = !ij && k < 2 && n > 1 ? 1 - k : k;
        for (int j = 0; j < n; j++)
            own[j] = j == axis ? a[k].v->n : 1;
        nd *line = nd_reshaped(a[k].v, n, own);
        expect(out[k], sparse ? line : nd_broadcast(line, n, shape));
    }
}

static void indices(void)
{
    form f = draw_form(1, 4);
    bool sparse = chance(30);
    br_array *out[4];
    int64_t index[ND_AXES];
    br_indices(the.ctx, f.extents, out, .dtype = the.dtype, .chunks = f.chunks, .sparse = sparse);
    for (int k = 0; k < f.ndim; k++) {
        int64_t shape[ND_AXES];
        for (int j = 0; j < f.ndim; j++)
            shape[j] = sparse && j != k ? 1 : f.shape[j];
        nd *r = nd_new(the.dtype, f.ndim, shape);
        for (int64_t i = 0; i < r->n; i++) {
            nd_index_of(r, i, index);
            nd_put(r, i, of_integer(index[k]));
        }
        expect(out[k], r);
    }
}

const row creation_rows[] = {
    {"zeros", "biufc", zeros},
    {"ones", "biufc", ones},
    {"empty", "biufc", empty},
    {"full", "biufc", full},
    {"full (by the number's kind)", "biufc", full_by_kind},
    {"zeros_like ones_like empty_like", "biufc", like},
    {"full_like", "biufc", full_like},
    {"arange", "iuf/bc", arange},
    {"arange (of floats)", "f/bc", arange_floats},
    {"linspace", "f/biuc", linspace},
    {"logspace", "f/biuc", logspace},
    {"geomspace", "f/biuc", geomspace},
    {"eye tri", "biufc", eye},
    {"identity", "biufc", identity},
    {"tril triu", "biufc", triangles},
    {"diagonal", "biufc", diagonal},
    {"diag", "biufc", diag},
    {"meshgrid", "i", meshgrid},
    {"indices", "iuf/bc", indices},
    {0},
};
