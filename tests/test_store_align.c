/* SPDX-License-Identifier: BSD-3-Clause
 * test_store_align.c - chunks of an array that cut stored ones: it is rechunked, so that HDF5 puts
 * none together but those that a region holds in part, unless there is no memory for that.
 */
#include <dlfcn.h>
#include <stdatomic.h>

#include "tests/store_samples.h"

enum { ROWS = 40, COLUMNS = 50 };

/* ---- what HDF5 is asked for ---- */

static atomic_int parts, wholes;

static void *real(const char *function)
{
    void *found = dlsym(RTLD_NEXT, function);
    ck_assert_ptr_nonnull(found);
    return found;
}

herr_t H5Dwrite(hid_t set, hid_t type, hid_t memory, hid_t stored, hid_t list, const void *from)
{
    herr_t (*next)(hid_t, hid_t, hid_t, hid_t, hid_t, const void *);
    *(void **)&next = real("H5Dwrite");
    atomic_fetch_add(&parts, 1);
    return next(set, type, memory, stored, list, from);
}

herr_t H5Dwrite_chunk(hid_t set, hid_t list, uint32_t mask, const hsize_t *at, size_t n,
                      const void *from)
{
    herr_t (*next)(hid_t, hid_t, uint32_t, const hsize_t *, size_t, const void *);
    *(void **)&next = real("H5Dwrite_chunk");
    atomic_fetch_add(&wholes, 1);
    return next(set, list, mask, at, n, from);
}

static void expect_calls(int of_parts, int of_wholes, const char *what)
{
    int p = atomic_exchange(&parts, 0), w = atomic_exchange(&wholes, 0);
    ck_assert_msg(p == of_parts && w == of_wholes,
                  "%s: %d stored chunks in part and %d whole ones were written", what, p, w);
}

/* ---- arrays ---- */

static br_array *sample(double factor)
{
    br_array *n = br_arange(ctx, BR_NUM(0.0), BR_NUM((double)(ROWS * COLUMNS)));
    return br_mul(br_reshape(n, BR_SHAPE(ROWS, COLUMNS)), factor);
}

static br_array *in_chunks(br_array *x, int64_t rows, int64_t columns)
{
    return br_rechunk(x, BR_CHUNKS(rows, columns));
}

/* The last rows come in a chunk of their own. */
static br_array *uneven(br_array *x)
{
    br_array *first = in_chunks(br_index(x, ":13"), 6, 7);
    return br_concat(BR_ARRAYS(first, in_chunks(br_index(x, "13:"), 9, 7)));
}

static const struct {
    int64_t chunks[2]; /* 0: uneven ones */
    int64_t stored[2];
    int deflate;
} news[] = {
    {{4, 5}, {7, 11}, 1},   {{4, 5}, {7, 11}, 0},   {{16, 16}, {7, 11}, 3},
    {{1, 50}, {40, 7}, 1},  {{40, 3}, {1, 50}, 1},  {{0}, {5, 6}, 1},
    {{9, 50}, {64, 64}, 1}, {{10, 20}, {5, 10}, 1}, {{10, 50}, {10, 7}, 1},
};

START_TEST(new_datasets)
{
    const int64_t *c = news[_i].chunks, *s = news[_i].stored;
    br_array *x = c[0] > 0 ? in_chunks(sample(3), c[0], c[1]) : uneven(sample(3));
    int wholes_wanted = (int)(((ROWS + s[0] - 1) / s[0]) * ((COLUMNS + s[1] - 1) / s[1]));
    ok(br_store_hdf5(x, "a.h5", "x", .chunks = BR_CHUNKS(s[0], s[1]), .deflate = news[_i].deflate,
                     .unlimited = BR_AXES(0)));
    expect_calls(0, wholes_wanted, "a new dataset");
    library_reads("a.h5", "x", ROWS * COLUMNS, 3);
}
END_TEST

/* Years of 4, 4 and 5 days: the last one ends inside of a stored chunk, and the others do not begin
 * there because of it. */
START_TEST(chunks_of_several_extents)
{
    br_array *all = sample(3);
    br_array *first = br_index(all, ":4"), *second = br_index(all, "4:8");
    br_array *years = br_concat(BR_ARRAYS(in_chunks(first, 4, 3), in_chunks(second, 4, 3),
                                          in_chunks(br_index(all, "8:13"), 5, 3)));
    ok(br_store_hdf5(years, "a.h5", "x", .chunks = BR_CHUNKS(4, 4), .deflate = 1, .resume = true));
    expect_calls(0, 4 * 13, "years");
    library_reads("a.h5", "x", 13 * COLUMNS, 3);
}
END_TEST

static const struct {
    const char *region;
    int of_parts, of_wholes;
} regions[] = {
    {"3:38, :", 10, 20}, /* rows from 7 to 35 are whole */
    {"7:21, 11:33", 0, 4}, {"6:22, 10:34", 12, 4},
    {"35:, 44:", 0, 1}, /* up to the end of the dataset */
    {"33:, 40:", 3, 1},
};

/* Chunks of the array are 4 x 5, stored ones 7 x 11. */
START_TEST(regions_of_a_dataset)
{
    const char *region = regions[_i].region;
    br_array *all = sample(2);
    ok(br_store_hdf5(br_zeros(ctx, BR_SHAPE(ROWS, COLUMNS), .chunks = BR_CHUNKS(ROWS, COLUMNS)),
                     "a.h5", "x", .chunks = BR_CHUNKS(7, 11), .deflate = 1));
    expect_calls(0, 30, "zeros");
    ok(br_store_hdf5(in_chunks(br_index(all, region), 4, 5), "a.h5", "x", .region = region));
    expect_calls(regions[_i].of_parts, regions[_i].of_wholes, region);
    br_array *wanted = br_set_index(br_zeros_like(all), region, br_index(all, region));
    sums_to(br_abs(br_sub(br_from_hdf5(ctx, "a.h5", "x"), wanted)), 0);
}
END_TEST

/* What is appended goes on inside of a stored chunk. */
START_TEST(appending)
{
    br_array *x = sample(1);
    br_array *first = br_index(x, ":12"), *rest = br_index(x, "12:");
    ok(br_store_hdf5(in_chunks(first, 12, 50), "a.h5", "x", .chunks = BR_CHUNKS(10, 25),
                     .deflate = 1, .mode = BR_STORE_APPEND));
    expect_calls(0, 4, "a new dataset");
    ok(br_store_hdf5(in_chunks(rest, 3, 50), "a.h5", "x", .mode = BR_STORE_APPEND));
    expect_calls(2, 4, "more rows");
    library_reads("a.h5", "x", ROWS * COLUMNS, 1);
}
END_TEST

/* Stored chunks of 7 x 11 that the region holds in part are put together from one piece each; of
 * every second row, all that are below each other from one. */
static const struct {
    const char *region;
    int64_t chunks[2];
    int of_parts;
} edges[] = {
    {"1:6, :", {1, 5}, 5}, {"1:9, :", {8, 3}, 10}, {"5, :", {3}, 5},
    {":, 12", {3}, 6},     {"::2, :", {20, 1}, 5},
};

START_TEST(parts_of_stored_chunks)
{
    const char *region = edges[_i].region;
    const int64_t *c = edges[_i].chunks;
    br_array *all = sample(2), *part = br_index(all, region);
    ok(br_store_hdf5(br_zeros(ctx, BR_SHAPE(ROWS, COLUMNS), .chunks = BR_CHUNKS(ROWS, COLUMNS)),
                     "a.h5", "x", .chunks = BR_CHUNKS(7, 11), .deflate = 1));
    expect_calls(0, 30, "zeros");
    part = c[1] > 0 ? in_chunks(part, c[0], c[1]) : br_rechunk(part, BR_CHUNKS(c[0]));
    ok(br_store_hdf5(part, "a.h5", "x", .region = region));
    expect_calls(edges[_i].of_parts, 0, region);
    br_array *wanted = br_set_index(br_zeros_like(all), region, br_index(all, region));
    sums_to(br_abs(br_sub(br_from_hdf5(ctx, "a.h5", "x"), wanted)), 0);
}
END_TEST

/* HDF5 filters these, each once. */
START_TEST(filters_of_the_library)
{
    const hsize_t shape[] = {ROWS, COLUMNS}, chunk[] = {10, 25};
    ok(br_store_hdf5(br_zeros(ctx, BR_SHAPE(1)), "a.h5", "other"));
    hid_t file = H5Fopen("a.h5", H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, shape, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 2, chunk);
    H5Pset_scaleoffset(list, H5Z_SO_INT, 0);
    H5Dclose(H5Dcreate2(file, "x", H5T_STD_I32LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    ck_assert_int_ge(H5Pclose(list) | H5Sclose(space) | H5Fclose(file), 0);
    expect_calls(0, 1, "an element");
    br_array *x = in_chunks(br_astype(sample(1), BR_INT32), 1, COLUMNS);
    ok(br_store_hdf5(x, "a.h5", "x", .region = ":, :"));
    expect_calls(ROWS / 10, 0, "rows");
    library_reads("a.h5", "x", ROWS * COLUMNS, 1);
}
END_TEST

static int64_t tasks_of_last_run(void)
{
    br_run_info info;
    ok(br_last_run(ctx, &info));
    return info.tasks;
}

/* The region cuts stored chunks at its own ends, the array none. */
START_TEST(arrays_that_are_cut_so_stay)
{
    br_array *all = in_chunks(sample(2), 14, 11);
    ok(br_store_hdf5(br_zeros_like(all), "a.h5", "x", .chunks = BR_CHUNKS(7, 11)));
    ok(br_store_hdf5(br_index(all, "7:38, :"), "a.h5", "x", .region = "7:38, :"));
    int64_t tasks = tasks_of_last_run();
    ok(br_store_hdf5(br_index(all, "8:38, :"), "a.h5", "x", .region = "8:38, :"));
    ck_assert_int_eq(tasks_of_last_run(), tasks);
}
END_TEST

/* Of the array that the user has, not of the one that was stored for it. */
START_TEST(br_explain_knows_the_run)
{
    char *text = NULL;
    size_t n = 0;
    br_array *x = in_chunks(sample(3), 4, 5);
    ok(br_store_hdf5(x, "a.h5", "x", .chunks = BR_CHUNKS(7, 11)));
    FILE *to = open_memstream(&text, &n);
    ok(br_explain(x, to));
    ck_assert_int_eq(fclose(to), 0);
    ck_assert_msg(strstr(text, "the last run") != NULL, "%s", text);
    free(text);
}
END_TEST

/* ---- memory ---- */

static void limit_memory(const char *limit)
{
    ck_assert_int_eq(br_close(ctx), 0);
    setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    ctx = br_open(NULL, NULL);
    unsetenv("BRAMBLE_MEMORY_LIMIT");
}

/* Rows of 1 MiB, of which 64 would have to wait for each other. */
START_TEST(more_than_the_memory_holds)
{
    enum { WIDE = 1 << 17, HIGH = 64 };
    br_array *row = br_arange(ctx, BR_NUM(0.0), BR_NUM((double)WIDE));
    br_array *rows = br_rechunk(br_add(row, br_zeros(ctx, BR_SHAPE(HIGH, 1))), BR_CHUNKS(1, WIDE));
    br_store_hdf5_args args = {
        .x = rows, .path = "a.h5", .dataset = "x", .chunks = BR_CHUNKS(HIGH, WIDE / 2)};
    ok(br_store_hdf5_(args));
    expect_calls(0, 2, "with memory");
    limit_memory("100M");
    row = br_arange(ctx, BR_NUM(0.0), BR_NUM((double)WIDE));
    args.x = br_rechunk(br_add(row, br_zeros(ctx, BR_SHAPE(HIGH, 1))), BR_CHUNKS(1, WIDE));
    args.dataset = "y";
    ok(br_store_hdf5_(args));
    expect_calls(2 * HIGH, 0, "without");
    args.path = "b.h5";
    args.resume = true;
    refused(br_store_hdf5_(args), BR_EMEMLIMIT, "rechunk");
    sums_to(br_from_hdf5(ctx, "a.h5", "y"), HIGH * (0.5 * WIDE * (WIDE - 1.0)));
}
END_TEST

static int eights(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in, (void)n, (void)data;
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        ((double *)out->data)[i] = 8;
    return 0;
}

/* Columns are cut, too, where rows are put together: 64 MiB would be one chunk. */
START_TEST(axes_that_cut_nothing)
{
    enum { WIDE = 1 << 17, HIGH = 64 };
    limit_memory("30M");
    br_array *row = br_arange(ctx, BR_NUM(0.0), BR_NUM((double)WIDE));
    br_array *x = br_rechunk(br_add(row, br_zeros(ctx, BR_SHAPE(HIGH, 1))), BR_CHUNKS(1, WIDE));
    ok(br_store_hdf5(x, "a.h5", "x", .chunks = BR_CHUNKS(HIGH, WIDE / 32)));
    expect_calls(0, 32, "rows that are computed");
    sums_to(br_from_hdf5(ctx, "a.h5", "x"), HIGH * (0.5 * WIDE * (WIDE - 1.0)));
}
END_TEST

/* What waits are the function's rows, eight times as large as what is stored. */
START_TEST(wider_elements_below)
{
    enum { WIDE = 1 << 16, HIGH = 48 };
    limit_memory("20M");
    br_array *x = br_zeros(ctx, BR_SHAPE(HIGH, WIDE), .chunks = BR_CHUNKS(1, WIDE));
    x = br_astype(br_map_blocks(x, eights), BR_INT8);
    ok(br_store_hdf5(x, "a.h5", "x", .chunks = BR_CHUNKS(HIGH, WIDE / 16)));
    expect_calls(HIGH * 16, 0, "rows that do not fit");
    br_run_info info;
    ok(br_last_run(ctx, &info));
    ck_assert_int_eq(info.bytes_spilled, 0);
    ok(br_store_hdf5(x, "a.h5", "y", .chunks = BR_CHUNKS(HIGH / 4, WIDE / 16)));
    expect_calls(0, 4 * 16, "rows that do");
    sums_to(br_from_hdf5(ctx, "a.h5", "x"), 8.0 * HIGH * WIDE);
    sums_to(br_from_hdf5(ctx, "a.h5", "y"), 8.0 * HIGH * WIDE);
}
END_TEST

/* One that can grow has 16 MB, of which the array fills a part; filtering takes three of these. */
START_TEST(stored_chunks_larger_than_the_array)
{
    br_store_hdf5_args args = {
        .path = "a.h5", .dataset = "x", .unlimited = BR_AXES(0), .chunks = BR_CHUNKS(80000, 25)};
    args.x = in_chunks(sample(1), 20, COLUMNS);
    ok(br_store_hdf5_(args));
    expect_calls(0, 2, "with memory");
    limit_memory("40M");
    args.x = in_chunks(sample(1), 20, COLUMNS);
    args.dataset = "y";
    ok(br_store_hdf5_(args));
    expect_calls(4, 0, "without");
    library_reads("a.h5", "x", ROWS * COLUMNS, 1);
    library_reads("a.h5", "y", ROWS * COLUMNS, 1);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("align");
    tcase_add_loop_test(t, new_datasets, 0, sizeof news / sizeof news[0]);
    tcase_add_test(t, chunks_of_several_extents);
    tcase_add_loop_test(t, regions_of_a_dataset, 0, sizeof regions / sizeof regions[0]);
    tcase_add_test(t, appending);
    tcase_add_loop_test(t, parts_of_stored_chunks, 0, sizeof edges / sizeof edges[0]);
    tcase_add_test(t, filters_of_the_library);
    tcase_add_test(t, arrays_that_are_cut_so_stay);
    tcase_add_test(t, br_explain_knows_the_run);
    tcase_add_test(t, more_than_the_memory_holds);
    tcase_add_test(t, axes_that_cut_nothing);
    tcase_add_test(t, wider_elements_below);
    tcase_add_test(t, stored_chunks_larger_than_the_array);
    return run_stores(t);
}
