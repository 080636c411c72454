/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_creation.c - arrays from nothing: like others, diagonals, triangles, meshes, indices and
 * logarithmic ranges, of odd shapes and cut in several ways.
 */
#include "tests/sweep.h"

/* clang-format off */
static const struct { int64_t rows, columns, k; } matrices[] = {
    {7, 7, 0}, {7, 5, 1}, {5, 9, -2}, {1, 1, 0}, {1, 6, 3}, {6, 1, -4}, {4, 4, 9}, {4, 4, -9},
    {0, 3, 0}, {3, 0, 1}, {3, 3, INT64_MAX}, {3, 3, INT64_MIN}, {33, 21, -12},
};
/* clang-format on */
enum { NMATRICES = sizeof matrices / sizeof matrices[0] };

/* Is (i, j) on the diagonal (0), above it (1) or below (-1)? */
static int side(int64_t i, int64_t j, int64_t k)
{
    __int128 d = (__int128)j - i - k;
    return d > 0 ? 1 : d < 0 ? -1 : 0;
}

static br_extents chunks_of(int how, int ndim, const int64_t *shape)
{
    return how == CUT_UNEVEN ? extents_of(ndim, (int64_t[]){4, 3, 2, 5})
                             : cut_extents(how, ndim, shape);
}

static void diagonals(void)
{
    for (int m = 0; m < NMATRICES; m++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(4);
            br_dtype d = 1 + (m * NCUTS + how) % (BR_NDTYPE - 1);
            int64_t shape[] = {matrices[m].rows, matrices[m].columns}, k = matrices[m].k;
            int64_t columns = shape[1] > 0 ? shape[1] : BR_NO_COLUMNS;
            ref *eye = ref_new(d, 2, shape), *tri = ref_new(d, 2, shape);
            ref *turned = ref_new(d, 2, (int64_t[]){shape[1], (shape[0] + 1) / 2});
            for (int64_t i = 0; i < eye->n; i++) {
                int at = side(i / shape[1], i % shape[1], k);
                eye->v[i] = at == 0;
                tri->v[i] = at <= 0;
            }
            for (int64_t i = 0; i < turned->n; i++)
                turned->v[i] = tri->v[(shape[0] - 1 - i % turned->shape[1] * 2) * shape[1] +
                                      i / turned->shape[1]];
            br_extents chunks = chunks_of(how, 2, shape);
            br_array *x = br_tri(sweep.ctx, shape[0], columns, k, d, .chunks = chunks);
            expect(br_eye(sweep.ctx, shape[0], columns, k, d, .chunks = chunks), eye, 0, 0,
                   "eye %d cut %d", m, how);
            expect(x, tri, 0, 0, "tri %d cut %d", m, how);
            expect(br_permute_dims(br_index(x, "::-2"), BR_AXES(1, 0)), turned, 0, 0,
                   "tri %d turned cut %d", m, how);
        }
    next_case(3);
    for (int64_t n = 0; n < 3; n++) {
        ref *r = ref_new(BR_FLOAT64, 2, (int64_t[]){n, n});
        for (int64_t i = 0; i < n; i++)
            r->v[i * n + i] = 1;
        expect(br_identity(sweep.ctx, n), r, 0, 0, "identity %d", (int)n);
    }
}

static value r_twice(value a)
{
    return a + a;
}

/* The triangle of a matrix or a stack of them; NaN and infinities must not leak through zeros. */
static ref *triangle(const ref *x, int64_t k, bool lower)
{
    ref *r = ref_new(x->dtype, x->ndim, x->shape);
    for (int64_t i = 0; i < x->n; i++) {
        int64_t c[REF_NDIM];
        ref_coords(x, i, c);
        int at = side(c[x->ndim - 2], c[x->ndim - 1], k);
        r->v[i] = (lower ? at <= 0 : at >= 0) ? x->v[i] : 0;
    }
    return r;
}

static void triangles(void)
{
    for (int m = 0; m < NMATRICES; m++)
        for (int how = 0; how < NCUTS; how++)
            for (int stack = 0; stack < 2; stack++) {
                next_case(4);
                int64_t k = matrices[m].k;
                int64_t shape[] = {3, matrices[m].rows, matrices[m].columns};
                br_dtype d = 1 + (m + how + 5 * stack) % (BR_NDTYPE - 1);
                ref *a = ref_random(d, 3 - !stack, shape + !stack, false, false);
                if (!is_exact(d))
                    for (int64_t i = 0; i < a->n; i += 3)
                        a->v[i] = i % 2 ? NAN : -INFINITY;
                br_array *x = source(a, how);
                expect(br_tril(x, k), triangle(a, k, true), 0, 0, "tril %d cut %d stack %d", m, how,
                       stack);
                expect(br_triu(x, k), triangle(a, k, false), 0, 0, "triu %d cut %d stack %d", m,
                       how, stack);
                if (d == BR_BOOL || stack == 0)
                    continue;
                ref *twice = ref_map1(d, a, r_twice);
                expect(br_tril(br_add(x, x), k), triangle(twice, k, true), 1, 0,
                       "tril of a sum %d cut %d", m, how);
            }
}

static void likes(void)
{
    const int64_t shapes[][3] = {{5, 4, 7}, {1, 1, 1}, {2, 0, 3}, {6, 9, 1}};
    for (int s = 0; s < 4; s++)
        for (int how = 0; how < NCUTS; how++)
            for (int ndim = 0; ndim < 4; ndim++) {
                next_case(5);
                br_dtype d = 1 + (s + how + 3 * ndim) % (BR_NDTYPE - 1);
                br_dtype other = 1 + (s + how + 7 * ndim) % (BR_NDTYPE - 1);
                ref *a = ref_random(d, ndim, shapes[s], false, false);
                ref *ones = ref_new(d, ndim, shapes[s]), *full = ref_new(other, ndim, shapes[s]);
                ref *first = ref_new(BR_INT64, 0, NULL);
                for (int64_t i = 0; i < a->n; i++) {
                    ones->v[i] = 1;
                    full->v[i] = as(other, 3);
                }
                first->v[0] = a->n;
                br_array *x = source(a, how);
                expect(br_zeros_like(x), ref_new(d, ndim, shapes[s]), 0, 0,
                       "zeros_like %d %d cut %d", s, ndim, how);
                expect(br_ones_like(x), ones, 0, 0, "ones_like %d %d cut %d", s, ndim, how);
                expect(br_full_like(x, BR_NUM(3), other), full, 0, 0, "full_like %d %d cut %d", s,
                       ndim, how);
                expect(br_empty_like(x, other), ref_new(other, ndim, shapes[s]), 0, 0,
                       "empty_like %d %d cut %d", s, ndim, how);
                expect(br_sum(br_ones_like(x, BR_INT64)), first, 0, 0,
                       "sum of ones_like %d %d cut %d", s, ndim, how);
            }
}

/* The axis along which result i goes: "xy" turns the first two. */
static int mesh_axis(int i, int count, bool pictures)
{
    return pictures && count > 1 && i < 2 ? 1 - i : i;
}

/* Result i of `count`, and its last part. */
static void expect_mesh(br_array *out, const ref *a, int axis, int count, const int64_t *shape,
                        const char *name)
{
    int64_t c[REF_NDIM];
    ref *r = ref_new(a->dtype, count, shape);
    ref *part = ref_new(a->dtype, count - 1, r->shape + 1);
    for (int64_t k = 0; k < r->n; k++) {
        ref_coords(r, k, c);
        r->v[k] = a->v[c[axis]];
    }
    for (int64_t k = 0; k < part->n; k++)
        part->v[k] = r->v[r->n - part->n + k];
    expect(out, r, 0, 0, "meshgrid %s", name);
    expect(br_index(out, "-1"), part, 0, 0, "meshgrid[-1] %s", name);
}

static void mesh(int count, int form, int how)
{
    static const int64_t n[] = {5, 3, 4};
    bool sparse = form % 2, pictures = form / 2;
    br_array *x[3], *out[3];
    ref *a[3];
    int64_t shape[3];
    for (int i = 0; i < count; i++) {
        a[i] = ref_random(i == 0 ? BR_FLOAT32 : BR_INT16, 1, &n[i], false, false);
        x[i] = source(a[i], how);
        shape[mesh_axis(i, count, pictures)] = n[i];
    }
    br_meshgrid(x, count, out, .indexing = pictures ? how % 2 ? "xy" : NULL : "ij",
                .sparse = sparse);
    for (int i = 0; i < count; i++) {
        char name[64];
        int axis = mesh_axis(i, count, pictures);
        int64_t thin[3] = {1, 1, 1};
        thin[axis] = n[i];
        snprintf(name, sizeof name, "%d of %d form %d cut %d", i, count, form, how);
        expect_mesh(out[i], a[i], axis, count, sparse ? thin : shape, name);
    }
}

static void meshes(void)
{
    for (int how = 0; how < NCUTS; how++)
        for (int count = 1; count < 4; count++)
            for (int form = 0; form < 4; form++) {
                next_case(2 * count);
                mesh(count, form, how);
            }
}

static void indices(void)
{
    const int64_t shapes[][3] = {{5, 4, 7}, {1, 3, 1}, {2, 0, 3}};
    for (int s = 0; s < 3; s++)
        for (int how = 0; how < NCUTS; how++)
            for (int ndim = 1; ndim < 4; ndim++) {
                next_case(2 * ndim + 1);
                br_dtype d = BR_INT8 + (s + how + ndim) % (BR_FLOAT64 - BR_INT8 + 1);
                br_array *full[3], *thin[3];
                br_extents chunks = chunks_of(how, ndim, shapes[s]);
                br_indices(sweep.ctx, extents_of(ndim, shapes[s]), full, d, .chunks = chunks);
                br_indices(sweep.ctx, extents_of(ndim, shapes[s]), thin, d, .chunks = chunks,
                           .sparse = true);
                ref *flat = ref_new(BR_INT64, ndim, shapes[s]);
                br_array *sum = br_zeros(sweep.ctx, BR_0D, BR_INT64);
                for (int a = 0; a < ndim; a++) {
                    ref *r = ref_new(d, ndim, shapes[s]);
                    int64_t only[3] = {1, 1, 1}, c[REF_NDIM];
                    only[a] = shapes[s][a];
                    ref *line = ref_new(d, ndim, only);
                    for (int64_t i = 0; i < r->n; i++) {
                        ref_coords(r, i, c);
                        r->v[i] = c[a];
                        flat->v[i] = flat->v[i] * shapes[s][a] + c[a];
                    }
                    for (int64_t i = 0; i < line->n; i++)
                        line->v[i] = i;
                    expect(full[a], r, 0, 0, "indices %d of %d shape %d cut %d", a, ndim, s, how);
                    expect(thin[a], line, 0, 0, "sparse indices %d of %d shape %d cut %d", a, ndim,
                           s, how);
                    sum = br_add(br_mul(sum, shapes[s][a]), br_astype(thin[a], BR_INT64));
                }
                expect(sum, flat, 0, 0, "flat index of %d shape %d cut %d", ndim, s, how);
            }
}

static void ranges(void)
{
    for (int k = 0; k < 24; k++) {
        next_case(4);
        bool open = k % 2, negative = k / 4 % 2;
        br_dtype d = k / 2 % 2 ? BR_FLOAT32 : BR_FLOAT64;
        ref *r = ref_new(d, 1, (int64_t[]){(int64_t[]){17, 1, 2}[k / 8]});
        ref *g = ref_new(d, 1, r->shape);
        long double first = negative ? -1e-3L : 1e-3L, last = negative ? -5e7L : 5e7L;
        for (int i = 0; i < r->n; i++) {
            long double at = i / (long double)(r->n - !open > 0 ? r->n - !open : 1);
            r->v[i] = powl(negative ? 2 : 10, -3 + 5 * at);
            g->v[i] = as(d, first * powl(last / first, at));
        }
        br_extents chunks = BR_CHUNKS(5);
        expect(br_logspace(sweep.ctx, -3, 2, r->n, negative ? 2 : 0, open, d, .chunks = chunks), r,
               16, 0, "logspace %d", k);
        expect(
            br_geomspace(sweep.ctx, (double)first, (double)last, r->n, open, d, .chunks = chunks),
            g, 64, 0, "geomspace %d", k);
    }
}

/* ---- memory with strides ---- */

/* Buffers that arrays are still over, until the end. */
static struct {
    void *buffer[1024];
    int n;
} kept;

static void *keep(void *buffer)
{
    if (kept.n == sizeof kept.buffer / sizeof kept.buffer[0]) {
        fprintf(stderr, "too many buffers\n");
        exit(1);
    }
    return kept.buffer[kept.n++] = buffer;
}

enum { IN_C, IN_FORTRAN, BACKWARDS, WITH_GAPS, UNALIGNED, REPEATED, NFORMS };

/* r's elements spread out in memory; where the form repeats elements r takes its values from there.
 * */
static br_array *strided(ref *r, int form, int how, bool copy)
{
    const int64_t size = (int64_t)br_dtype_size(r->dtype);
    br_extents strides = {r->ndim > 0 ? r->ndim : -1, {0}};
    int64_t bytes = form == UNALIGNED ? size + 1 : form == WITH_GAPS ? 3 * size : size, start = 0;
    for (int k = 0; k < r->ndim; k++) {
        int a = form == IN_FORTRAN ? k : r->ndim - 1 - k;
        bool repeats = form == REPEATED && k % 2 == 0, back = form == BACKWARDS && k != 1;
        strides.extent[a] = repeats ? 0 : back ? -bytes : bytes;
        start += back && r->n > 0 ? bytes * (r->shape[a] - 1) : 0;
        bytes *= repeats ? 1 : r->shape[a] + (form == WITH_GAPS);
    }
    char *buffer = keep(calloc(1, (size_t)(bytes + 4 * size)));
    char *first = buffer + start + (form == UNALIGNED);
    int64_t c[REF_NDIM];
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, c);
        char *to = first;
        double _Complex element;
        for (int a = 0; a < r->ndim; a++) {
            to += c[a] * strides.extent[a];
            if (strides.extent[a] == 0)
                c[a] = 0;
        }
        r->v[i] = r->v[ref_linear(r, c)];
        put(r->dtype, &element, 0, r->v[i]);
        memcpy(to, &element, (size_t)size);
    }
    br_array *x = br_from_memory(sweep.ctx, first, r->dtype, extents_of(r->ndim, r->shape),
                                 .chunks = chunks_of(how, r->ndim, r->shape), .copy = copy,
                                 .strides = strides);
    if (copy)
        memset(buffer, 0xa5, (size_t)(bytes + 4 * size));
    return x;
}

/* One array in memory of a form, as it is and as others see it. */
static void lies(int form, int s, int how, int ndim)
{
    static const int64_t shapes[][3] = {{6, 5, 7}, {1, 1, 1}, {3, 0, 2}, {1, 9, 1}};
    br_dtype d = 1 + (s + how + 3 * ndim + form) % (BR_NDTYPE - 1);
    ref *a = ref_random(d, ndim, shapes[s], false, false);
    br_array *x = strided(a, form, how, (how + s) % 2);
    ref *flat = ref_new(d, 1, &a->n), *turned = ref_new(d, 1, &a->n);
    ref *twice = ref_map1(d, a, r_twice), *count = ref_new(BR_INT64, 0, NULL);
    for (int64_t i = 0; i < a->n; i++) {
        flat->v[i] = a->v[i];
        turned->v[i] = a->v[a->n - 1 - i];
        count->v[0] += a->v[i] != 0;
    }
    expect(x, a, 0, 0, "memory form %d %d %d cut %d", form, s, ndim, how);
    expect(br_reshape(x, BR_SHAPE(-1)), flat, 0, 0, "memory reshaped form %d %d %d cut %d", form, s,
           ndim, how);
    expect(br_index(br_reshape(x, BR_SHAPE(-1)), "::-1"), turned, 0, 0,
           "memory turned form %d %d %d cut %d", form, s, ndim, how);
    expect(br_count_nonzero(x), count, 0, 0, "count of memory form %d %d %d cut %d", form, s, ndim,
           how);
    if (d != BR_BOOL)
        expect(br_add(x, x), twice, 1, 0, "sum of memory form %d %d %d cut %d", form, s, ndim, how);
}

static void memory(void)
{
    for (int form = 0; form < NFORMS; form++)
        for (int s = 0; s < 4; s++)
            for (int how = 0; how < NCUTS; how++)
                for (int ndim = 0; ndim < 4; ndim++) {
                    next_case(5);
                    lies(form, s, how, ndim);
                }
}

static void empties(void)
{
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++) {
        next_case(2);
        expect(br_empty(sweep.ctx, BR_SHAPE(3, 5), d, .chunks = BR_CHUNKS(2, 2)),
               ref_new(d, 2, (int64_t[]){3, 5}), 0, 0, "empty %s", br_dtype_name(d));
        expect(br_empty(sweep.ctx, BR_0D, d), ref_new(d, 0, NULL), 0, 0, "empty 0-d %s",
               br_dtype_name(d));
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    diagonals();
    triangles();
    likes();
    meshes();
    indices();
    ranges();
    empties();
    memory();
    int failed = sweep_close();
    while (kept.n > 0)
        free(kept.buffer[--kept.n]);
    return failed;
}
