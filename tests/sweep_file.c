/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_file.c - HDF5 files written in every layout and read back whole, in slices and into
 * computations, on all ranks.
 *
 * The files stay in the working directory, where sweep.sh compares them, too.
 */
#include "tests/sweep.h"

static value r_half(value a)
{
    return a * 0.5L + 1;
}
static value r_minus(value a, value b)
{
    return a - b;
}

static void stored(const char *name, br_status st)
{
    if (st != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    br_clear_error(sweep.ctx);
}

static br_array *from(const char *path, const char *dataset)
{
    return br_from_hdf5(sweep.ctx, path, dataset);
}

/* ---- every dtype and layout ---- */

static br_status store(br_array *x, const char *path, const char *name, int layout)
{
    switch (layout) {
    case 0:
        return br_store_hdf5(x, path, name);
    case 1:
        return br_store_hdf5(x, path, name, .contiguous = true);
    case 2:
        return br_store_hdf5(x, path, name, .chunks = BR_CHUNKS(4, 3), .deflate = 4);
    default:
        return br_store_hdf5(x, path, name, .chunks = BR_CHUNKS(5, 11));
    }
}

static void layouts(void)
{
    const int64_t shape[] = {9, 11};
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
        for (int layout = 0; layout < 4; layout++) {
            next_case(3);
            char name[40];
            snprintf(name, sizeof name, "%s/layout%d", br_dtype_name(d), layout);
            ref *a = ref_random(d, 2, shape, false, false);
            stored(name, store(source(a, (d + layout) % NCUTS), "dtypes.h5", name, layout));
            br_array *x = br_from_hdf5(sweep.ctx, "dtypes.h5", name, .untrusted = d % 4 == 1);
            expect(x, a, 0, 0, "%s", name);
            ref *part = ref_new(d, 2, (int64_t[]){3, 6});
            for (int64_t i = 0; i < part->n; i++)
                part->v[i] = a->v[(8 - i / 6 * 3) * 11 + i % 6 * 2];
            expect(br_index(x, "::-3, ::2"), part, 0, 0, "%s[::-3, ::2]", name);
            ref *row = ref_new(d, 1, (int64_t[]){11});
            memcpy(row->v, a->v + 44, 11 * sizeof *row->v);
            expect(br_index(x, "4"), row, 0, 0, "%s[4]", name);
        }
}

/* Arrays without elements or axes, long ones, and many axes. */
static void shapes(void)
{
    const struct {
        int ndim;
        int64_t extent[5];
    } list[] = {{0, {0}},
                {1, {1}},
                {1, {0}},
                {2, {3, 0}},
                {1, {1009}},
                {3, {3, 5, 7}},
                {5, {2, 3, 1, 4, 2}}};
    for (size_t s = 0; s < sizeof list / sizeof list[0]; s++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(2);
            char name[40];
            snprintf(name, sizeof name, "shape%zu_%d", s, how);
            ref *a = ref_random(BR_FLOAT32, list[s].ndim, list[s].extent, false, false);
            br_array *x = source(a, how);
            bool plain = a->n == 0 || a->ndim == 0;
            stored(name, plain ? br_store_hdf5(x, "shapes.h5", name)
                               : br_store_hdf5(x, "shapes.h5", name, .deflate = how));
            expect(from("shapes.h5", name), a, 0, 0, "%s", name);
            expect(br_add(br_mul(from("shapes.h5", name), 0.5), 1), ref_map1(BR_FLOAT32, a, r_half),
                   1, 0, "%s, computed", name);
        }
}

/* ---- one file, read many times ---- */

static ref *mean_of(const ref *a)
{
    ref *r = ref_new(a->dtype, 2, (int64_t[]){1, a->shape[1]});
    for (int64_t i = 0; i < a->n; i++)
        r->v[i % a->shape[1]] += a->v[i] / a->shape[0];
    return r;
}

static void computations(void)
{
    const int64_t shape[] = {60, 14};
    const br_extents cuts[] = {
        {0}, BR_CHUNKS(7, 5), BR_CHUNKS(60, 1), BR_CHUNKS(1, 14), BR_CHUNKS(16, -1)};
    ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
    br_array *made = br_sub(br_add(source(a, CUT_3), 1.0), 1.0);
    stored("chunked",
           br_store_hdf5(made, "data.h5", "x/chunked", .chunks = BR_CHUNKS(8, 6), .deflate = 1));
    stored("contiguous", br_store_hdf5(made, "data.h5", "x/contiguous", .contiguous = true));
    for (int k = 0; k < 10; k++) {
        const char *name = k % 2 ? "x/chunked" : "x/contiguous";
        br_array *x = br_from_hdf5(sweep.ctx, "data.h5", name, .chunks = cuts[k / 2]);
        br_array *mean = br_mean(x, .axis = BR_AXES(0), .keepdims = true);
        ref *m = mean_of(a);
        expect(x, a, 0, 0, "%s cut %d", name, k / 2);
        expect(mean, m, 4, 16, "%s mean cut %d", name, k / 2);
        ref *anomaly = ref_map2(BR_FLOAT64, a, m, r_minus);
        expect(br_sub(x, mean), anomaly, 4, 16, "%s anomaly cut %d", name, k / 2);
        ref *var = ref_new(BR_FLOAT64, 1, (int64_t[]){14});
        for (int64_t i = 0; i < anomaly->n; i++)
            var->v[i % 14] += anomaly->v[i] * anomaly->v[i] / 59;
        expect(br_var(br_sub(x, mean), .axis = BR_AXES(0), .correction = 1), var, 16, 16,
               "%s var of anomaly cut %d", name, k / 2);
        ref *month = ref_new(BR_FLOAT64, 1, (int64_t[]){14});
        for (int64_t i = 0; i < a->n; i++)
            if (i / 14 % 12 == 3)
                month->v[i % 14] += a->v[i] / 5;
        expect(br_mean(br_indexf(x, "%d::12", 3), .axis = BR_AXES(0)), month, 4, 16,
               "%s month cut %d", name, k / 2);
        ref *flat = ref_new(BR_FLOAT64, 2, (int64_t[]){30, 28});
        memcpy(flat->v, a->v, (size_t)a->n * sizeof *a->v);
        expect(br_reshape(x, BR_SHAPE(30, 28)), flat, 0, 0, "%s reshaped cut %d", name, k / 2);
        ref *turned = ref_new(BR_FLOAT64, 2, (int64_t[]){14, 60});
        for (int64_t i = 0; i < a->n; i++)
            turned->v[i % 14 * 60 + i / 14] = a->v[i];
        expect(br_permute_dims(x, BR_AXES(1, 0)), turned, 0, 0, "%s turned cut %d", name, k / 2);
        flush();
    }
    next_case(QUEUE + 1);
}

/* Stores of what is sliced, turned and reduced, with stored chunks that cross those of the array.
 * */
static void results(void)
{
    const int64_t shape[] = {20, 30};
    for (int how = 0; how < NCUTS; how++) {
        next_case(3);
        char name[3][40];
        for (int k = 0; k < 3; k++)
            snprintf(name[k], sizeof name[k], "result%d_%d", k, how);
        ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
        br_array *x = source(a, how);
        ref *turned = ref_new(BR_FLOAT64, 2, (int64_t[]){15, 20});
        for (int64_t i = 0; i < turned->n; i++)
            turned->v[i] = a->v[i % 20 * 30 + 29 - i / 20 * 2];
        br_array *view = br_permute_dims(br_index(x, ":, ::-2"), BR_AXES(1, 0));
        stored(name[0],
               br_store_hdf5(view, "results.h5", name[0], .chunks = BR_CHUNKS(4, 7), .deflate = 2));
        stored(name[1], br_store_hdf5(br_add(view, 0), "results.h5", name[1], .contiguous = true));
        stored(name[2], br_store_hdf5(br_sum(x, .axis = BR_AXES(0)), "results.h5", name[2]));
        ref *sum = ref_new(BR_FLOAT64, 1, (int64_t[]){30});
        for (int64_t i = 0; i < a->n; i++)
            sum->v[i % 30] += a->v[i];
        expect(from("results.h5", name[0]), turned, 0, 0, "%s", name[0]);
        expect(from("results.h5", name[1]), turned, 0, 0, "%s", name[1]);
        expect(from("results.h5", name[2]), sum, 4, 64, "%s", name[2]);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    const char *const files[] = {"dtypes.h5", "shapes.h5", "data.h5", "results.h5"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        remove(files[i]);
    layouts();
    shapes();
    flush();
    next_case(QUEUE + 1);
    computations();
    results();
    return sweep_close();
}
