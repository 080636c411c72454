/* SPDX-License-Identifier: BSD-3-Clause
 * rows_file.c - arrays from and to files, which are written and read without the library (files.c).
 */
#include "tests/matrix/matrix.h"

static nd *draw_any(int least, int most)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(least, most, shape);
    return draw_values(the.dtype, ndim, shape, ANY);
}

static void from_memory(void)
{
    nd *v = draw_any(0, 4);
    bool copy = chance(50);
    br_array *x = br_from_memory(the.ctx, v->data, v->dtype, extents_of(v->ndim, v->shape),
                                 .chunks = draw_chunks(v->ndim, v->shape), .copy = copy);
    nd *r = nd_reshaped(v, v->ndim, v->shape);
    if (copy)
        memset(v->data, 0x5a, nd_bytes(v));
    expect(x, r);
}

static void from_npy(void)
{
    nd *v = draw_any(0, 4);
    const char *path = new_path("npy");
    write_npy(path, v);
    expect(br_from_npy(the.ctx, path, .chunks = draw_chunks(v->ndim, v->shape)), v);
}

static void from_hdf5(void)
{
    nd *v = draw_any(0, 4);
    const char *path = new_path("h5");
    write_hdf5(path, v);
    expect(br_from_hdf5(the.ctx, path, "x", .chunks = draw_chunks(v->ndim, v->shape)), v);
}

/* The same dataset of several files, along an axis in which their extents may differ. */
static void from_hdf5_many(void)
{
    enum { FILES = 4 };
    int64_t shape[ND_AXES];
    int n = (int)draw(1, FILES), ndim = draw_shape(1, 3, shape), axis = draw_axis(ndim);
    int at = positive_axis(axis, ndim);
    bool alike = chance(50);
    const char *paths[FILES];
    nd *v[FILES];
    for (int k = 0; k < n; k++) {
        shape[at] = alike && k > 0 ? shape[at] : draw(1, 7);
        v[k] = draw_values(the.dtype, ndim, shape, ANY);
        paths[k] = new_path("h5");
        write_hdf5(paths[k], v[k]);
    }
    nd *r = nd_joined(v, n, at);
    br_extents chunks = chance(60) ? (br_extents){0} : draw_chunks(ndim, r->shape);
    expect(br_from_hdf5_many(the.ctx, NULL, "x", axis, paths, n, chunks), r);
}

static void store_npy(void)
{
    arg a = any_arg(0, 4, ANY);
    const char *path = new_path("npy");
    check(br_store_npy(a.x, path) == BR_OK, "store_npy: %s", br_message(the.ctx));
    read_npy(path, a.v);
}

static void store_hdf5(void)
{
    arg a = any_arg(0, 4, ANY);
    const char *path = new_path("h5");
    br_extents chunks = draw_chunks(a.v->ndim, a.v->shape);
    bool plain = chance(30);
    for (int k = 0; k < chunks.ndim; k++)
        if (a.v->n == 0 || chunks.extent[k] > a.v->shape[k])
            chunks = (br_extents){0};
    check(br_store_hdf5(
              a.x, path, "x", .chunks = plain ? (br_extents){0} : chunks, .contiguous = plain,
              .deflate = plain || a.v->n == 0 || a.v->ndim == 0 ? 0 : (int)draw(0, 3)) == BR_OK,
          "store_hdf5: %s", br_message(the.ctx));
    read_hdf5(path, "x", a.v);
}

/* Stored by the library, read by the C library; and the other way round. */
static void raw(void)
{
    arg a = any_arg(1, 4, ANY);
    const char *path = new_path("raw");
    size_t bytes = nd_bytes(a.v);
    char *elements = calloc(bytes + 1, 1);
    check(br_store_raw(a.x, path) == BR_OK, "store_raw: %s", br_message(the.ctx));
    FILE *f = fopen(path, "rb");
    check(f != NULL && fread(elements, 1, bytes + 1, f) == bytes, "the length is another");
    if (f != NULL)
        fclose(f);
    compare(a.v, elements);
    free(elements);
    expect(br_from_raw(the.ctx, path, a.v->dtype, extents_of(a.v->ndim, a.v->shape),
                       .chunks = draw_chunks(a.v->ndim, a.v->shape)),
           a.v);
}

/* An array and what is made of it, in one run. */
static void store_many(void)
{
    arg a = any_arg(0, 4, ANY), b = below(a.x, a.v);
    const char *path = new_path("h5");
    br_store_hdf5_args stores[] = {{.x = a.x, .path = path, .dataset = "x"},
                                   {.x = b.x, .path = path, .dataset = "y"}};
    check(br_store_many(stores, 2) == BR_OK, "store_many: %s", br_message(the.ctx));
    read_hdf5(path, "x", a.v);
    read_hdf5(path, "y", b.v);
}

const row file_rows[] = {
    {"from_memory", "biufc", from_memory},
    {"from_npy", "biufc", from_npy},
    {"from_hdf5", "biufc", from_hdf5},
    {"from_hdf5_many", "biufc", from_hdf5_many},
    {"store_npy", "biufc", store_npy},
    {"store_hdf5", "biufc", store_hdf5},
    {"store_many", "biufc", store_many},
    {"store_raw from_raw", "biufc", raw},
    {0},
};
