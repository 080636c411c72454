/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_shape.c - creation, permute, reshape, broadcast_to, expand_dims, squeeze and rechunk, each
 * over sources and computed arrays, sliced and combined; and results computed together.
 */
#include "tests/sweep.h"

/* The same elements in C order with another shape. */
static ref *reshaped(const ref *x, int ndim, const int64_t *shape)
{
    ref *r = ref_new(x->dtype, ndim, shape);
    memcpy(r->v, x->v, (size_t)x->n * sizeof *x->v);
    return r;
}

static ref *permuted(const ref *x, const int *axes)
{
    int64_t shape[REF_NDIM];
    for (int a = 0; a < x->ndim; a++)
        shape[a] = x->shape[axes[a]];
    ref *r = ref_new(x->dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t to[REF_NDIM];
        int64_t from[REF_NDIM];
        ref_coords(r, i, to);
        for (int a = 0; a < x->ndim; a++)
            from[axes[a]] = to[a];
        r->v[i] = x->v[ref_linear(x, from)];
    }
    return r;
}

static value r_affine(value a)
{
    return a * 3 - 1;
}
static value r_add(value a, value b)
{
    return a + b;
}

/* The array itself, or a chain over it with the same values as *r becomes. */
static br_array *given(ref **r, int how, bool computed)
{
    br_array *x = source(*r, how);
    if (!computed)
        return x;
    *r = ref_map1((*r)->dtype, *r, r_affine);
    return br_sub(br_mul(x, 3), 1);
}

/* ---- cases ---- */

static void permutations(void)
{
    const int64_t shape[] = {3, 4, 5, 2};
    const int order[][4] = {{1, 0, 2, 3}, {3, 2, 1, 0}, {0, 1, 2, 3}, {2, 0, 3, 1}, {-1, 0, 1, 2}};
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++)
        for (int how = 0; how < NCUTS; how++)
            for (int computed = 0; computed < 2; computed++) {
                next_case(2);
                br_dtype d = is_unsigned(1 + how) ? BR_INT16 : BR_FLOAT32;
                ref *a = ref_random(d, 4, shape, false, false);
                br_array *x = given(&a, how, computed);
                br_axes axes = {4, {order[k][0], order[k][1], order[k][2], order[k][3]}};
                int wanted[4];
                for (int i = 0; i < 4; i++)
                    wanted[i] = (order[k][i] + 4) % 4;
                ref *p = permuted(a, wanted);
                br_array *y = br_permute_dims(x, axes);
                expect(y, p, 1, 0, "permute %zu cut %d computed %d", k, how, computed);
                expect(br_permute_dims(y, BR_AXES(1, 0, 3, 2)), permuted(p, (int[]){1, 0, 3, 2}), 1,
                       0, "permute %zu again cut %d computed %d", k, how, computed);
            }
}

/* clang-format off */
static const struct { int na; int64_t a[4]; int nb; int64_t b[5]; } pairs[] = {
    {1, {24}, 2, {4, 6}}, {2, {4, 6}, 1, {24}}, {2, {4, 6}, 2, {6, 4}}, {3, {2, 3, 4}, 2, {6, 4}}, {2, {6, 4}, 3, {2, 3, 4}},
    {3, {3, 4, 5}, 2, {5, 12}}, {2, {12, 5}, 4, {3, 4, 1, 5}}, {1, {1}, 0, {0}}, {0, {0}, 3, {1, 1, 1}}, {2, {0, 5}, 2, {3, 0}},
    {1, {13}, 2, {1, 13}}, {2, {13, 1}, 1, {13}}, {4, {2, 1, 3, 5}, 3, {1, 6, 5}}, {2, {7, 11}, 2, {11, 7}}, {3, {2, 5, 7}, 3, {7, 2, 5}},
    {2, {30, 4}, 3, {5, 6, 4}}, {3, {5, 6, 4}, 2, {30, 4}}, {2, {4, 30}, 3, {4, 5, 6}}, {4, {3, 2, 2, 3}, 5, {2, 3, 1, 3, 2}},
};
/* clang-format on */

static void reshapes(void)
{
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++)
        for (int how = 0; how < NCUTS; how++)
            for (int computed = 0; computed < 2; computed++) {
                next_case(2);
                ref *a = ref_random(computed ? BR_FLOAT64 : 1 + (int)(k + how) % (BR_NDTYPE - 1),
                                    pairs[k].na, pairs[k].a, false, false);
                br_array *x = given(&a, how, computed);
                br_extents shape = extents_of(pairs[k].nb, pairs[k].b);
                if (pairs[k].nb > 1 && a->n > 0 && how % 2)
                    shape.extent[how % pairs[k].nb] = -1;
                br_array *y = br_reshape(x, shape);
                ref *r = reshaped(a, pairs[k].nb, pairs[k].b);
                expect(y, r, 1, 0, "reshape %zu cut %d computed %d", k, how, computed);
                br_array *back = br_reshape(br_add(y, y), extents_of(pairs[k].na, pairs[k].a));
                ref *twice = ref_map2(a->dtype, a, a, r_add);
                if (a->dtype != BR_BOOL)
                    expect(back, twice, 1, 0, "reshape %zu and back cut %d computed %d", k, how,
                           computed);
            }
}

/* What is made of reshaped arrays: slices, sums, transposes. */
static void reshaped_parts(void)
{
    const int64_t shape[] = {6, 20};
    const int64_t cube[] = {3, 8, 5};
    for (int how = 0; how < NCUTS; how++)
        for (int computed = 0; computed < 2; computed++) {
            next_case(3);
            ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
            br_array *y = br_reshape(given(&a, how, computed), BR_SHAPE(3, 8, 5));
            ref *r = reshaped(a, 3, cube);
            ref *sum = ref_new(BR_FLOAT64, 2, (int64_t[]){3, 5});
            ref *slice = ref_new(BR_FLOAT64, 2, (int64_t[]){4, 2});
            for (int64_t i = 0; i < r->n; i++) {
                int64_t c[REF_NDIM];
                ref_coords(r, i, c);
                sum->v[c[0] * 5 + c[2]] += r->v[i];
                if (c[0] == 1 && c[1] % 2 == 1 && c[2] % 3 == 0)
                    slice->v[c[1] / 2 * 2 + c[2] / 3] = r->v[i];
            }
            expect(br_sum(y, .axis = BR_AXES(1)), sum, 8, 64, "sum of reshaped cut %d computed %d",
                   how, computed);
            expect(br_index(y, "1, 1::2, ::3"), slice, 1, 0, "slice of reshaped cut %d computed %d",
                   how, computed);
            expect(br_permute_dims(y, BR_AXES(2, 0, 1)), permuted(r, (int[]){2, 0, 1}), 1, 0,
                   "reshaped, turned cut %d computed %d", how, computed);
        }
}

static void broadcasts(void)
{
    const int64_t shape[] = {3, 1, 4};
    for (int how = 0; how < NCUTS; how++)
        for (int computed = 0; computed < 2; computed++) {
            next_case(4);
            ref *a = ref_random(BR_INT64, 3, shape, false, false);
            br_array *x = given(&a, how, computed);
            ref *wide = ref_map2(BR_INT64, a, ref_new(BR_INT64, 4, (int64_t[]){2, 3, 5, 4}), r_add);
            expect(br_broadcast_to(x, BR_SHAPE(2, 3, 5, 4)), wide, 0, 0,
                   "broadcast_to cut %d computed %d", how, computed);
            expect(br_squeeze(x, BR_AXES(1)), reshaped(a, 2, (int64_t[]){3, 4}), 0, 0,
                   "squeeze cut %d computed %d", how, computed);
            expect(br_expand_dims(x, -1), reshaped(a, 4, (int64_t[]){3, 1, 4, 1}), 0, 0,
                   "expand_dims cut %d computed %d", how, computed);
            ref *sum = ref_new(BR_INT64, 1, (int64_t[]){4});
            for (int64_t i = 0; i < wide->n; i++)
                sum->v[i % 4] += wide->v[i];
            expect(br_sum(br_broadcast_to(x, BR_SHAPE(2, 3, 5, 4)), .axis = BR_AXES(0, 1, 2)), sum,
                   0, 0, "sum of broadcast_to cut %d computed %d", how, computed);
        }
}

static void rechunks(void)
{
    const br_extents cuts[] = {BR_CHUNKS(4, 7),  BR_CHUNKS(13, 1), BR_CHUNKS(1, 17),
                               BR_CHUNKS(0, -1), BR_CHUNKS(5, 5),  BR_CHUNKS(100, 100)};
    const int64_t shape[] = {13, 17};
    for (size_t k = 0; k < sizeof cuts / sizeof cuts[0]; k++)
        for (int how = 0; how < NCUTS; how++)
            for (int computed = 0; computed < 2; computed++) {
                next_case(2);
                ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
                br_array *x = given(&a, how, computed);
                br_array *y = br_rechunk(x, cuts[k]);
                expect(y, a, 1, 0, "rechunk %zu cut %d computed %d", k, how, computed);
                expect(br_add(y, x), ref_map2(BR_FLOAT64, a, a, r_add), 1, 0,
                       "rechunk %zu plus itself cut %d computed %d", k, how, computed);
            }
}

static void creation(void)
{
    for (br_dtype d = BR_INT8; d < BR_COMPLEX64; d++)
        for (int k = 0; k < 4; k++) {
            next_case(3);
            int64_t chunk = (int64_t[]){0, 1, 4, 100}[k];
            ref *up = ref_new(d, 1, (int64_t[]){17});
            ref *some = ref_new(d, 1, (int64_t[]){6});
            for (int i = 0; i < 17; i++)
                up->v[i] = 5 + 3 * i;
            for (int i = 0; i < 6; i++)
                some->v[i] = up->v[14 - 2 * i];
            br_array *x = br_arange(sweep.ctx, BR_NUM(5), BR_NUM(56), .step = BR_NUM(3), .dtype = d,
                                    .chunks = BR_CHUNKS(chunk));
            expect(x, up, 0, 0, "arange %s chunks %" PRId64, br_dtype_name(d), chunk);
            expect(br_index(x, "-3:3:-2"), some, 0, 0, "arange[-3:3:-2] %s chunks %" PRId64,
                   br_dtype_name(d), chunk);
            ref *table = ref_new(BR_FLOAT64, 2, (int64_t[]){17, 17});
            for (int i = 0; i < table->n; i++)
                table->v[i] = up->v[i / 17] * 0.5L + up->v[i % 17];
            expect(br_add(br_mul(br_expand_dims(x, 1), 0.5), br_astype(x, BR_FLOAT64)), table, 1, 0,
                   "arange table %s chunks %" PRId64, br_dtype_name(d), chunk);
        }
    for (int k = 0; k < 8; k++) {
        next_case(2);
        bool open = k % 2;
        br_dtype d = k / 2 % 2 ? BR_FLOAT32 : BR_FLOAT64;
        ref *r = ref_new(d, 1, (int64_t[]){k < 4 ? 23 : 1});
        for (int i = 0; i < r->n; i++)
            r->v[i] = -2 + i * 7.0L / (r->n - !open > 0 ? r->n - !open : 1);
        br_array *x = br_linspace(sweep.ctx, -2, 5, r->n, .no_endpoint = open, .dtype = d,
                                  .chunks = BR_CHUNKS(5));
        expect(x, r, 2, 1, "linspace %d", k);
        ref *turned = ref_new(d, 1, (int64_t[]){(r->n + 3) / 4});
        for (int i = 0; i < turned->n; i++)
            turned->v[i] = r->v[r->n - 1 - 4 * i];
        expect(br_index(x, "::-4"), turned, 2, 1, "linspace[::-4] %d", k);
    }
}

static void constants(void)
{
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++) {
        next_case(3);
        ref *zeros = ref_new(d, 2, (int64_t[]){3, 5});
        ref *ones = ref_new(d, 2, (int64_t[]){3, 5});
        ref *full = ref_new(d, 0, NULL);
        for (int i = 0; i < ones->n; i++)
            ones->v[i] = 1;
        full->v[0] = as(d, 3);
        expect(br_zeros(sweep.ctx, BR_SHAPE(3, 5), d), zeros, 0, 0, "zeros %s", br_dtype_name(d));
        expect(br_ones(sweep.ctx, BR_SHAPE(3, 5), d, .chunks = BR_CHUNKS(2, 2)), ones, 0, 0,
               "ones %s", br_dtype_name(d));
        expect(br_full(sweep.ctx, BR_0D, BR_NUM(3), d), full, 0, 0, "full %s", br_dtype_name(d));
    }
}

/* The same array twice, and one that another is made from, in one run and alone: the same bytes. */
static void together(void)
{
    const int64_t shape[] = {19, 23};
    for (int how = 0; how < NCUTS; how++) {
        flush();
        next_case(QUEUE + 1);
        ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
        br_array *x = source(a, how);
        br_array *y = br_exp(br_mul(x, 0.25));
        br_array *list[] = {y,
                            br_sum(y),
                            y,
                            br_sub(y, br_mean(y, .axis = BR_AXES(0))),
                            br_index(y, "::2, 3"),
                            br_std(y, .axis = BR_AXES(1)),
                            x};
        enum { N = sizeof list / sizeof list[0] };
        br_result many[N];
        for (int i = 0; i < N; i++)
            many[i] = (br_result){list[i], calloc(1, br_nbytes(list[i])), br_nbytes(list[i])};
        if (br_compute_many(many, N) != BR_OK)
            fail("together", "%s", br_message(sweep.ctx));
        for (int i = 0; i < N; i++) {
            void *alone = NULL;
            if (br_compute_alloc(list[i], &alone) != BR_OK ||
                memcmp(alone, many[i].buffer, many[i].bytes) != 0)
                fail("together", "output %d alone has other bytes, cut %d", i, how);
            printf("together %d cut %d %016" PRIx64 "\n", i, how,
                   digest(many[i].buffer, many[i].bytes));
            free(alone);
            free(many[i].buffer);
        }
        br_clear_error(sweep.ctx);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    permutations();
    reshapes();
    reshaped_parts();
    broadcasts();
    rechunks();
    creation();
    constants();
    together();
    return sweep_close();
}
