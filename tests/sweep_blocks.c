/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_blocks.c - users' functions: br_map with and without data, cheap and not, and br_map_blocks
 * with several inputs, broadcasting, data and places, over all dtypes and under slices and
 * reductions.
 */
#include "tests/sweep.h"

static const int64_t shape[] = {7, 10};

/* ---- br_map ---- */

typedef struct line {
    double slope, offset;
} line;

static double plain(double x, const void *data)
{
    (void)data;
    return 2 * x + 1;
}
static value r_plain(value x)
{
    return 2 * x + 1;
}
static double along(double x, const void *data)
{
    const line *l = data;
    return l->slope * x + l->offset;
}
static value r_along(value x)
{
    return -1.5L * x + 0.25L;
}
static value r_twice(value x)
{
    return r_along(x) * 2 + r_along(x);
}

static void maps(void)
{
    for (br_dtype d = BR_BOOL; d < BR_COMPLEX64; d++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(5);
            const line l = {-1.5, 0.25};
            ref *a = ref_random(d, 2, shape, false, false);
            br_array *x = source(a, how);
            const char *name = br_dtype_name(d);
            expect(br_map(x, plain), ref_map1(BR_FLOAT64, a, r_plain), 1, 0, "map %s cut %d", name,
                   how);
            br_array *y = br_map(x, along, &l, sizeof l, .cheap = how % 2);
            expect(y, ref_map1(BR_FLOAT64, a, r_along), 1, 0, "map with data %s cut %d", name, how);
            expect(br_add(br_mul(y, 2), y), ref_map1(BR_FLOAT64, a, r_twice), 1, 0,
                   "map read twice %s cut %d", name, how);
            ref *sum = ref_new(BR_FLOAT64, 1, (int64_t[]){10});
            for (int64_t i = 0; i < a->n; i++)
                sum->v[i % 10] += r_along(a->v[i]);
            expect(br_sum(y, .axis = BR_AXES(0)), sum, 4, 64, "sum of map %s cut %d", name, how);
            ref *as_float = ref_map1(BR_FLOAT32, a, r_plain);
            expect(br_map(x, plain, .dtype = BR_FLOAT32), as_float, 1, 0,
                   "map to float32 %s cut %d", name, how);
        }
}

/* ---- br_map_blocks ---- */

static int64_t block_nelem(const br_block *b)
{
    int64_t n = 1;
    for (int a = 0; a < b->ndim; a++)
        n *= b->extent[a];
    return n;
}

static void block_coords(const br_block *b, int64_t i, int64_t *coord)
{
    for (int a = b->ndim - 1; a >= 0; a--) {
        coord[a] = i % b->extent[a];
        i /= b->extent[a];
    }
}

/* An element of an input that broadcasts to the output's element `coord` (of its block). */
static value block_at(const br_block *in, int ndim, const int64_t *coord)
{
    int64_t at = 0;
    for (int a = 0; a < in->ndim; a++)
        at = at * in->extent[a] + (in->extent[a] == 1 ? 0 : coord[ndim - in->ndim + a]);
    return get(in->dtype, in->data, at);
}

/* a + 2 b + 3 c + ..., then times data[0] when there are data. */
static int weigh(const br_block *in, int n, const br_block *out, const void *data)
{
    for (int64_t i = 0; i < block_nelem(out); i++) {
        int64_t coord[REF_NDIM];
        value sum = 0;
        block_coords(out, i, coord);
        for (int k = 0; k < n; k++)
            sum += (k + 1) * block_at(&in[k], out->ndim, coord);
        put(out->dtype, out->data, i, data != NULL ? sum * *(const int *)data : sum);
    }
    return 0;
}

/* Each element's own index in the whole array: what .origin says. */
static int place(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    if (n != 1 || in->ndim != out->ndim ||
        memcmp(in->origin, out->origin, (size_t)out->ndim * 8) != 0 ||
        memcmp(in->extent, out->extent, (size_t)out->ndim * 8) != 0)
        return 1;
    for (int64_t i = 0; i < block_nelem(out); i++) {
        int64_t coord[REF_NDIM];
        block_coords(out, i, coord);
        value v = 0;
        for (int a = 0; a < out->ndim; a++)
            v = v * 100 + coord[a] + out->origin[a];
        put(out->dtype, out->data, i, v);
    }
    return 0;
}

static value r_weigh2(value a, value b)
{
    return a + 2 * b;
}
static value r_double(value a)
{
    return 2 * a;
}
static value r_square(value a)
{
    return a * a;
}

static void blocks(void)
{
    for (br_dtype d = BR_INT8; d < BR_NDTYPE; d++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(4);
            const int seven = 7;
            const char *name = br_dtype_name(d);
            ref *a = ref_random(d, 2, shape, false, true);
            ref *b = ref_random(BR_INT8, 1, shape + 1, false, true);
            br_array *x = source(a, how);
            br_array *more[] = {source(b, (how + 1) % NCUTS)};
            ref *times = ref_map1(d, a, r_plain);
            for (int64_t i = 0; i < a->n; i++)
                times->v[i] = as(d, a->v[i] * 7);
            expect(br_map_blocks(x, weigh, .data = &seven, .data_bytes = sizeof seven), times, 1, 0,
                   "blocks with data %s cut %d", name, how);
            br_array *y = br_map_blocks(x, weigh, more, 1, .dtype = BR_COMPLEX128);
            ref *weighed = ref_map2(BR_COMPLEX128, a, b, r_weigh2);
            expect(y, weighed, 1, 0, "blocks of two %s cut %d", name, how);
            expect(br_square(y), ref_map1(BR_COMPLEX128, weighed, r_square), 4, 4,
                   "blocks, squared %s cut %d", name, how);
            ref *column = ref_new(BR_COMPLEX128, 1, (int64_t[]){4});
            for (int i = 0; i < 4; i++)
                column->v[i] = weighed->v[(6 - 2 * i) * 10 + 3];
            expect(br_index(y, "::-2, 3"), column, 1, 0, "slice of blocks %s cut %d", name, how);
        }
}

/* Of slices, transposes, chains and reductions, which have no chunks of their own lying about. */
static void of_views(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(5);
        ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
        br_array *x = source(a, how);
        ref *turned = ref_new(BR_FLOAT64, 2, (int64_t[]){5, 7});
        for (int64_t i = 0; i < turned->n; i++)
            turned->v[i] = a->v[i % 7 * 10 + 9 - 2 * (i / 7)] * 3;
        br_array *view = br_permute_dims(br_index(x, ":, ::-2"), BR_AXES(1, 0));
        expect(br_map_blocks(br_mul(view, 3), weigh), turned, 1, 0, "blocks of turned chain cut %d",
               how);
        br_array *same[] = {view, view};
        expect(br_map_blocks(view, weigh, same, 2), ref_map1(BR_FLOAT64, turned, r_double), 1, 0,
               "blocks of one view three times cut %d", how);
        ref *index = ref_new(BR_INT64, 2, shape);
        for (int64_t i = 0; i < index->n; i++)
            index->v[i] = i / 10 * 100 + i % 10;
        expect(br_map_blocks(x, place, .dtype = BR_INT64), index, 0, 0, "places cut %d", how);
        ref *sum = ref_new(BR_FLOAT64, 0, NULL);
        for (int64_t i = 0; i < a->n; i++)
            sum->v[0] += a->v[i];
        expect(br_map_blocks(br_sum(x), weigh), sum, 4, 64, "blocks of a sum cut %d", how);
        br_array *row[] = {br_index(x, "3")};
        ref *both = ref_new(BR_FLOAT64, 2, shape);
        for (int64_t i = 0; i < both->n; i++)
            both->v[i] = a->v[i] + 2 * a->v[30 + i % 10];
        expect(br_map_blocks(x, weigh, row, 1), both, 1, 0,
               "blocks with a row of themselves cut %d", how);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    maps();
    blocks();
    of_views();
    return sweep_close();
}
