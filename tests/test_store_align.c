/* SPDX-License-Identifier: BSD-3-Clause
 * test_store_align.c - chunks of an array that cut stored ones: it is cut otherwise, so that HDF5
 * puts none together but those that a region holds in part.
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

/* No stored chunk is whole in any task, however the array is cut. */
START_TEST(parts_alone)
{
    static const char *const apart[] = {"::2, :", "1:6, :", "5, :"};
    br_array *all = sample(2);
    ok(br_store_hdf5(br_zeros(ctx, BR_SHAPE(ROWS, COLUMNS), .chunks = BR_CHUNKS(ROWS, COLUMNS)),
                     "a.h5", "x", .chunks = BR_CHUNKS(7, 11), .deflate = 1));
    ok(br_store_hdf5(br_index(all, apart[_i]), "a.h5", "x", .region = apart[_i]));
    ck_assert_int_eq(atomic_exchange(&wholes, 0), 30);
    ck_assert_int_gt(atomic_load(&parts), 0);
    br_array *wanted = br_set_index(br_zeros_like(all), apart[_i], br_index(all, apart[_i]));
    sums_to(br_abs(br_sub(br_from_hdf5(ctx, "a.h5", "x"), wanted)), 0);
}
END_TEST

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
    ck_assert_int_eq(br_close(ctx), 0);
    setenv("BRAMBLE_MEMORY_LIMIT", "100M", 1);
    ctx = br_open(NULL, NULL);
    unsetenv("BRAMBLE_MEMORY_LIMIT");
    row = br_arange(ctx, BR_NUM(0.0), BR_NUM((double)WIDE));
    args.x = br_rechunk(br_add(row, br_zeros(ctx, BR_SHAPE(HIGH, 1))), BR_CHUNKS(1, WIDE));
    args.dataset = "y";
    ok(br_store_hdf5_(args));
    expect_calls(2 * HIGH, 0, "without");
    args.path = "b.h5";
    args.resume = true;
    refused(br_store_hdf5_(args), BR_EARG, "whole stored ones");
    sums_to(br_from_hdf5(ctx, "a.h5", "y"), HIGH * (0.5 * WIDE * (WIDE - 1.0)));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("align");
    tcase_add_loop_test(t, new_datasets, 0, sizeof news / sizeof news[0]);
    tcase_add_loop_test(t, regions_of_a_dataset, 0, sizeof regions / sizeof regions[0]);
    tcase_add_test(t, appending);
    tcase_add_loop_test(t, parts_alone, 0, 3);
    tcase_add_test(t, more_than_the_memory_holds);
    return run_stores(t);
}
