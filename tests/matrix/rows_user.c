/* SPDX-License-Identifier: BSD-3-Clause
 * rows_user.c - functions of the user's: on elements, indices, chunks, and reductions of them.
 */
#include "tests/matrix/fold.h"

typedef struct plane {
    double a, b;
} plane;

static plane draw_plane(void)
{
    return (plane){(double)draw(-8, 8) / 4, (double)draw(-8, 8) / 4};
}

/* ---- elements ---- */

static double line(double x, const void *data)
{
    const plane *p = data;
    return p->a * x + p->b;
}

static void map(void)
{
    br_dtype dtype = chance(50) ? BR_NO_DTYPE : draw_dtype("bf");
    arg x = any_arg(0, 4, SMALL);
    plane p = draw_plane();
    nd *r = nd_same(dtype == BR_NO_DTYPE ? BR_FLOAT64 : dtype, x.v);
    for (int64_t i = 0; i < r->n; i++)
        nd_put(r, i, of_real(p.a * creall(nd_get(x.v, i).z) + p.b));
    expect(br_map(x.x, line, &p, sizeof p, dtype, .cheap = chance(30), .impure = chance(20)), r);
}

static double of_both(double x, double y, const void *data)
{
    const plane *p = data;
    return p->a * x + p->b * y;
}

static void map2(void)
{
    arg x = any_arg(0, 4, SMALL), y = part_of_shape(draw_dtype("biuf"), x.v, SMALL);
    plane p = draw_plane();
    nd *r = nd_common(BR_FLOAT64, x.v, y.v);
    int64_t index[ND_AXES];
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        number a = nd_get(x.v, nd_at_broadcast(x.v, r->ndim, index));
        number b = nd_get(y.v, nd_at_broadcast(y.v, r->ndim, index));
        nd_put(r, i, of_real(p.a * creall(a.z) + p.b * creall(b.z)));
    }
    expect(br_map2(x.x, y.x, of_both, &p, sizeof p, .cheap = chance(30)), r);
}

/* ---- indices ---- */

static double polynomial(const int64_t *index, int ndim, const void *data)
{
    const plane *p = data;
    double sum = p->a;
    for (int k = 0; k < ndim; k++)
        sum += p->b * (double)(k + 1) * (double)index[k];
    return sum;
}

static void fromfunction(void)
{
    int64_t shape[ND_AXES], index[ND_AXES];
    int ndim = draw_shape(0, 4, shape);
    plane p = draw_plane();
    nd *r = nd_new(the.dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        nd_put(r, i, of_real(polynomial(index, ndim, &p)));
    }
    expect(br_fromfunction(the.ctx, polynomial, extents_of(ndim, shape), the.dtype,
                           draw_chunks(ndim, shape), &p, sizeof p, .cheap = chance(50)),
           r);
}

/* ---- chunks ---- */

/* The place of element i of a chunk in the whole array. */
static void place_in_array(const br_block *b, int64_t i, int64_t *index)
{
    for (int k = b->ndim - 1; k >= 0; k--) {
        index[k] = b->origin[k] + i % b->extent[k];
        i /= b->extent[k];
    }
}

static int64_t elements_of(const br_block *b)
{
    int64_t n = 1;
    for (int k = 0; k < b->ndim; k++)
        n *= b->extent[k];
    return n;
}

static int fill(const br_block *in, int n, const br_block *out, const void *data)
{
    int64_t index[ND_AXES];
    size_t size = br_dtype_size(out->dtype);
    for (int64_t i = 0; i < elements_of(out); i++) {
        place_in_array(out, i, index);
        nd_write(out->dtype, (char *)out->data + (size_t)i * size,
                 of_real(polynomial(index, out->ndim, data)));
    }
    return n != 0 || in != NULL;
}

static void from_blocks(void)
{
    int64_t shape[ND_AXES], index[ND_AXES];
    int ndim = draw_shape(0, 4, shape);
    plane p = draw_plane();
    nd *r = nd_new(the.dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        nd_put(r, i, of_real(polynomial(index, ndim, &p)));
    }
    expect(br_from_blocks(the.ctx, fill, extents_of(ndim, shape), the.dtype,
                          draw_chunks(ndim, shape), &p, sizeof p),
           r);
}

/* The element of a chunk that is broadcast to element i of another one. */
static const void *element_at(const br_block *b, const br_block *out, int64_t i)
{
    int64_t at = 0, stride = 1;
    for (int k = out->ndim - 1, own = b->ndim - 1; k >= 0; k--, own--) {
        int64_t index = i % out->extent[k];
        i /= out->extent[k];
        if (own < 0)
            continue;
        at += b->extent[own] == 1 ? 0 : index * stride;
        stride *= b->extent[own];
    }
    return (const char *)b->data + (size_t)at * br_dtype_size(b->dtype);
}

/* The first input plus twice the second one plus the index along the last axis. */
static int combine(const br_block *in, int n, const br_block *out, const void *data)
{
    int64_t index[ND_AXES] = {0};
    for (int64_t i = 0; i < elements_of(out); i++) {
        place_in_array(out, i, index);
        long double sum = out->ndim > 0 ? (long double)index[out->ndim - 1] : 0;
        for (int k = 0; k < n; k++)
            sum += (k + 1) * creall(nd_read(in[k].dtype, element_at(&in[k], out, i)).z);
        ((double *)out->data)[i] = (double)sum;
    }
    return data != NULL;
}

static void map_blocks(void)
{
    arg x = any_arg(0, 4, SMALL), y = part_of_shape(draw_dtype("biuf"), x.v, SMALL);
    bool two = chance(60);
    int64_t index[ND_AXES];
    nd *r = two ? nd_common(BR_FLOAT64, x.v, y.v) : nd_same(BR_FLOAT64, x.v);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        long double sum = r->ndim > 0 ? (long double)index[r->ndim - 1] : 0;
        sum += creall(nd_get(x.v, nd_at_broadcast(x.v, r->ndim, index)).z);
        if (two)
            sum += 2 * creall(nd_get(y.v, nd_at_broadcast(y.v, r->ndim, index)).z);
        nd_put(r, i, of_real(sum));
    }
    expect(two ? br_map_blocks(x.x, combine, BR_ARRAYS(y.x), .dtype = BR_FLOAT64)
               : br_map_blocks(x.x, combine, .dtype = BR_FLOAT64),
           r);
}

/* ---- reductions ---- */

/* Not commutative: the text of a list of elements is hashed, element after element, and counted by
 * the place of each. */
typedef struct list_state {
    uint64_t hash, power;
    int64_t n;
    double first, last;
} list_state;

enum { BASE = 1000003 };

static void start(void *state, const void *data)
{
    list_state *s = state;
    s->power = data != NULL;
}

static void append(list_state *s, number v)
{
    uint64_t code = (uint64_t)(int64_t)llrintl(8 * (creall(v.z) + 3 * cimagl(v.z)));
    s->first = s->n == 0 ? (double)creall(v.z) : s->first;
    s->last = (double)creall(v.z);
    s->hash = s->hash * BASE + code;
    s->power *= BASE;
    s->n++;
}

static int accumulate(void *state, const void *elements, br_dtype dtype, int64_t n,
                      const void *data)
{
    size_t size = br_dtype_size(dtype);
    for (int64_t i = 0; i < n; i++)
        append(state, nd_read(dtype, (const char *)elements + (size_t)i * size));
    return n < 1 || n > 512 || data == NULL;
}

static int merge(void *left, const void *right, const void *data)
{
    list_state *a = left;
    const list_state *b = right;
    a->first = a->n == 0 ? b->first : a->first;
    a->last = b->n > 0 ? b->last : a->last;
    a->hash = a->hash * b->power + b->hash;
    a->power *= b->power;
    a->n += b->n;
    return data == NULL;
}

static int finish(const void *state, int64_t n, void *result, const void *data)
{
    const list_state *s = state;
    double *r = result;
    r[0] = (double)(s->hash >> 12);
    r[1] = (double)s->n;
    r[2] = s->first - s->last;
    return s->n != n || data == NULL;
}

static int count_some(void *state, const void *elements, br_dtype dtype, int64_t n,
                      const void *data)
{
    *(int64_t *)state += n;
    return elements == NULL || dtype == BR_NO_DTYPE || data != NULL;
}

static int count_more(void *left, const void *right, const void *data)
{
    *(int64_t *)left += *(const int64_t *)right;
    return data != NULL;
}

static int count_end(const void *state, int64_t n, void *result, const void *data)
{
    *(int64_t *)result = *(const int64_t *)state;
    return n != *(const int64_t *)state || data != NULL;
}

static br_array *count_of(br_array *x, const reduced *by)
{
    return br_reduction(x, .axis = by->axes, .keepdims = by->keep, .state_bytes = sizeof(int64_t),
                        .accumulate = count_some, .merge = count_more, .finish = count_end,
                        .dtype = BR_INT64);
}

static nd *counts(const nd *x, const reduced *by)
{
    nd *r = nd_reduced(BR_INT64, x, by);
    int64_t n = 1;
    for (int k = 0; k < x->ndim; k++)
        n *= by->is[k] ? x->shape[k] : 1;
    for (int64_t i = 0; i < r->n; i++)
        nd_put(r, i, of_integer(n));
    return r;
}

static void reduction(void)
{
    static const int data = 1;
    enum { WIDTH = 3 };
    arg x = any_arg(0, 4, SMALL);
    reduced by = draw_reduced(x.v->ndim);
    if (chance(
            30)) { /* without init a state of zeros stands for no elements; one result, no axis */
        expect(count_of(x.x, &by), counts(x.v, &by));
        return;
    }
    group g = new_group(x.v);
    nd *kept = nd_reduced(BR_FLOAT64, x.v, &by);
    int64_t shape[ND_AXES];
    memcpy(shape, kept->shape, sizeof shape);
    shape[kept->ndim] = WIDTH;
    nd *r = nd_new(BR_FLOAT64, kept->ndim + 1, shape);
    for (int64_t i = 0; i < kept->n; i++) {
        list_state s = {.power = 1};
        gather(&g, x.v, &by, i, NULL, NULL);
        for (int64_t k = 0; k < g.n; k++)
            append(&s, g.v[k]);
        double result[WIDTH];
        finish(&s, s.n, result, &data);
        for (int k = 0; k < WIDTH; k++)
            nd_put(r, i * WIDTH + k, of_real(result[k]));
    }
    free_group(&g);
    expect(br_reduction(x.x, by.axes, by.keep, sizeof(list_state), start, accumulate, merge, finish,
                        BR_FLOAT64, &data, sizeof data, .width = WIDTH),
           r);
}

const row user_rows[] = {
    {"map", "biuf/c", map},
    {"map2", "biuf/c", map2},
    {"fromfunction", "if", fromfunction},
    {"from_blocks", "if", from_blocks},
    {"map_blocks", "biuf", map_blocks},
    {"reduction", "biufc", reduction},
    {0},
};
