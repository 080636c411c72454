/* SPDX-License-Identifier: BSD-3-Clause
 * test_store_parts.c - regions of datasets, appending to them, several datasets at a time.
 */
#include "tests/store_samples.h"

/* ---- regions, against a model in memory ---- */

enum { ROWS = 23, COLUMNS = 31 };

static double model[ROWS][COLUMNS];

static void check_model(const char *path)
{
    double data[ROWS][COLUMNS];
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "x", H5P_DEFAULT);
    ck_assert_int_ge(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), 0);
    ck_assert_int_ge(H5Dclose(set) | H5Fclose(file), 0);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++)
            ck_assert_msg(data[r][c] == model[r][c], "(%d, %d): %g instead of %g", r, c, data[r][c],
                          model[r][c]);
}

static uint32_t dice(uint32_t n)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* Writes i, i + 1, ... there. */
static void write_region(int first_row, int row_step, int rows, int first, int step, int columns,
                         double from, bool safe_copy)
{
    char region[80];
    snprintf(region, sizeof region, "%d:%d:%d, %d:%d:%d", first_row,
             first_row + (rows - 1) * row_step + 1, row_step, first,
             first + (columns - 1) * step + 1, step);
    br_array *x = br_arange(ctx, BR_NUM(from), BR_NUM(from + rows * columns));
    x = br_rechunk(br_reshape(x, BR_SHAPE(rows, columns)), BR_CHUNKS(5, 6));
    ok(br_store_hdf5(x, "a.h5", "x", .region = region, .safe_copy = safe_copy));
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            model[first_row + r * row_step][first + c * step] = from + r * columns + c;
}

/* Layouts: contiguous, plain chunks, compressed, with checksums. */
START_TEST(random_regions)
{
    br_array *x = br_full(ctx, BR_SHAPE(ROWS, COLUMNS), BR_NUM(-1.0));
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++)
            model[r][c] = -1;
    ok(_i == 0 ? br_store_hdf5(x, "a.h5", "x", .contiguous = true)
               : br_store_hdf5(x, "a.h5", "x", .chunks = BR_CHUNKS(5, 6), .deflate = _i > 1 ? 3 : 0,
                               .fletcher32 = _i > 2));
    ok(br_store_hdf5(numbers(20, 30, 3), "a.h5", "other", .deflate = 1));
    for (int k = 0; k < 25; k++) {
        int row_step = 1 + (int)dice(3) * (k % 2), step = 1 + (int)dice(3) * (k % 3 == 0);
        int first_row = (int)dice(ROWS), first = (int)dice(COLUMNS);
        int rows = 1 + (int)dice((uint32_t)((ROWS - 1 - first_row) / row_step + 1));
        int columns = 1 + (int)dice((uint32_t)((COLUMNS - 1 - first) / step + 1));
        write_region(first_row, row_step, rows, first, step, columns, 1000 * k, k % 5 == 4);
        check_model("a.h5");
    }
    write_region(0, 1, ROWS, 0, 1, COLUMNS, 7, false);
    check_model("a.h5");
    library_reads("a.h5", "other", 600, 3);
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

START_TEST(regions_of_other_forms)
{
    ok(br_store_hdf5(br_zeros(ctx, BR_SHAPE(4, 5, 6)), "a.h5", "x", .chunks = BR_CHUNKS(2, 2, 2)));
    ok(br_store_hdf5(br_ones(ctx, BR_SHAPE(5)), "a.h5", "x", .region = "-1, :, 2"));
    ok(br_store_hdf5(br_ones(ctx, BR_SHAPE(4, 6)), "a.h5", "x", .region = ":, 0, ..."));
    ok(br_store_hdf5(br_sum(br_ones(ctx, BR_SHAPE(5))), "a.h5", "x", .region = "0, 1, 2"));
    ok(br_store_hdf5(br_ones(ctx, BR_SHAPE(0, 5, 6)), "a.h5", "x", .region = "4:"));
    /* 5 ones, 24 ones of which one was there already, and a five. */
    holds("a.h5", "x", 5 + 23 + 5);
}
END_TEST

/* Integers of the other byte order with fewer bits than they take, and enums of it. */
START_TEST(regions_of_odd_types)
{
    static const int16_t numbers[] = {-3, 7, -200, 7};
    int16_t got[4];
    hsize_t n = 4;
    hid_t file = H5Fcreate("a.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(1, &n, NULL), type = H5Tcopy(H5T_STD_I16BE);
    if (_i == 0)
        H5Tset_precision(type, 12);
    else
        type = H5Tenum_create(H5T_STD_I16BE);
    for (int i = 0; i < 3 && _i > 0; i++) {
        const char name[] = {(char)('A' + i), '\0'};
        const uint16_t swapped = __builtin_bswap16((uint16_t)numbers[i]);
        ck_assert_int_ge(H5Tenum_insert(type, name, &swapped), 0);
    }
    H5Dclose(H5Dcreate2(file, "x", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Tclose(type), H5Sclose(space), H5Fclose(file);
    br_array *x = br_from_memory(ctx, numbers, BR_INT16, BR_SHAPE(4));
    ok(br_store_hdf5(x, "a.h5", "x", .region = ":"));
    ok(br_compute(br_from_hdf5(ctx, "a.h5", "x"), got, sizeof got));
    ck_assert(memcmp(got, numbers, sizeof got) == 0);
}
END_TEST

START_TEST(bad_regions)
{
    ok(br_store_hdf5(numbers(6, 8, 1), "a.h5", "x", .deflate = 1));
    uint64_t before = digest("a.h5");
    br_array *x = br_ones(ctx, BR_SHAPE(2, 8));
    refused(br_store_hdf5(x, "a.h5", "x", .region = "0:3, :"), BR_ESHAPE, "(3, 8)");
    refused(br_store_hdf5(x, "a.h5", "x", .region = "0, :"), BR_ESHAPE, "(8)");
    refused(br_store_hdf5(x, "a.h5", "x", .region = "1::-1, :"), BR_EUNSUPPORTED, "negative");
    refused(br_store_hdf5(x, "a.h5", "x", .region = "6, :"), BR_EINDEX, "range");
    refused(br_store_hdf5(x, "a.h5", "x", .region = "0:2, :, :"), BR_EINDEX, "indices");
    refused(br_store_hdf5(x, "a.h5", "x", .region = "a"), BR_EINDEX, "");
    refused(br_store_hdf5(x, "a.h5", "y", .region = "0:2"), BR_ENOTFOUND, "\"y\"");
    refused(br_store_hdf5(x, "b.h5", "x", .region = "0:2"), BR_ENOTFOUND, "\"x\"");
    refused(br_store_hdf5(br_astype(x, BR_INT8), "a.h5", "x", .region = "0:2"), BR_ETYPE,
            "br_astype");
    refused(br_store_hdf5(x, "a.h5", "x", .region = "0:2", .deflate = 1), BR_EARG, "safe_copy");
    refused(br_store_hdf5(x, "a.h5", "x", .region = "0:2", .mode = BR_STORE_APPEND), BR_EARG,
            "safe_copy");
    br_array *old = br_from_hdf5(ctx, "a.h5", "x");
    refused(br_store_hdf5(br_index(old, "4:6"), "a.h5", "x", .region = "0:2"), BR_EUNSUPPORTED,
            "read by the same");
    ck_assert(digest("a.h5") == before);
    ok(br_store_hdf5(br_index(old, "4:6"), "a.h5", "x", .region = "0:2", .safe_copy = true));
    holds("a.h5", "x", 47 * 24 - 15 * 8 + 47 * 24 - 31 * 16);
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

/* What was written of a region before the failure is brought back, byte for byte. */
START_TEST(failed_parts_change_nothing)
{
    br_array *bad = br_map_blocks(br_negative(numbers(20, 30, 1)), fails_late);
    ok(_i == 0 ? br_store_hdf5(numbers(40, 30, 3), "a.h5", "x", .contiguous = true)
               : br_store_hdf5(numbers(40, 30, 3), "a.h5", "x", .deflate = _i - 1,
                               .unlimited = BR_AXIS(0)));
    uint64_t before = digest("a.h5");
    refused(br_store_hdf5(bad, "a.h5", "x", .region = "10:30"), BR_EUSER, "");
    ck_assert(digest("a.h5") == before);
    if (_i > 0)
        refused(br_store_hdf5(bad, "a.h5", "x", .mode = BR_STORE_APPEND), BR_EUSER, "");
    ck_assert(digest("a.h5") == before);
    library_reads("a.h5", "x", 1200, 3);
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

/* ---- appending ---- */

START_TEST(appends)
{
    int64_t rows = 0;
    for (int k = 0; k < 12; k++) {
        int64_t more = 1 + k % 4;
        br_array *x =
            br_arange(ctx, BR_NUM((double)(rows * 10)), BR_NUM((double)((rows + more) * 10)));
        x = br_reshape(x, BR_SHAPE(more, 10));
        if (k % 4 == 0 && k > 0)
            x = br_reshape(x, BR_SHAPE(10));
        ok(br_store_hdf5(x, "a.h5", "group/x", .mode = BR_STORE_APPEND, .deflate = 2,
                         .chunks = BR_CHUNKS(3, 4), .dims = BR_DIMS("time", "place"),
                         .attributes = BR_ATTRIBUTES(BR_NUMBER("_FillValue", -5.0)),
                         .safe_copy = k % 5 == 4));
        rows += more;
        library_reads("a.h5", "group/x", rows * 10, 1);
        holds("a.h5", "group/x", (double)(rows * 10 * (rows * 10 - 1) / 2));
    }
    refused(
        br_store_hdf5(br_ones(ctx, BR_SHAPE(2, 11)), "a.h5", "group/x", .mode = BR_STORE_APPEND),
        BR_ESHAPE, "(2, 11)");
    refused(
        br_store_hdf5(br_ones(ctx, BR_SHAPE(1, 1, 10)), "a.h5", "group/x", .mode = BR_STORE_APPEND),
        BR_ESHAPE, "continue");
    br_array *x = br_from_hdf5(ctx, "a.h5", "group/x");
    refused(
        br_store_hdf5(br_mean(x, .axis = BR_AXIS(0)), "a.h5", "group/x", .mode = BR_STORE_APPEND),
        BR_EUNSUPPORTED, "read by the same");
    ok(br_store_hdf5(numbers(4, 4, 1), "a.h5", "fixed"));
    refused(br_store_hdf5(numbers(4, 4, 1), "a.h5", "fixed", .mode = BR_STORE_APPEND), BR_ESHAPE,
            "no unlimited");
    refused(br_store_hdf5(br_sum(numbers(4, 4, 1)), "a.h5", "zero", .mode = BR_STORE_APPEND),
            BR_ESHAPE, "without axes");
    refused(br_store_hdf5(numbers(4, 4, 1), "a.h5", "z", .unlimited = BR_AXIS(2)), BR_EAXIS,
            "axis 2");
    refused(
        br_store_hdf5(numbers(4, 4, 1), "a.h5", "z", .unlimited = BR_AXIS(0), .contiguous = true),
        BR_EARG, "grow");
}
END_TEST

/* Along an axis that is not the first, from nothing on; elements beyond are fill values. */
START_TEST(appends_along_any_axis)
{
    const double want[] = {0, 1, 2, 10, 11, 3, 4, 5, 12, 13};
    double data[10];
    ok(br_store_hdf5(br_zeros(ctx, BR_SHAPE(2, 0)), "a.h5", "x", .unlimited = BR_AXIS(-1),
                     .chunks = BR_CHUNKS(2, 4), .deflate = 1));
    br_array *one = br_reshape(br_arange(ctx, BR_NUM(0.0), BR_NUM(6.0)), BR_SHAPE(2, 3));
    br_array *two = br_reshape(br_arange(ctx, BR_NUM(10.0), BR_NUM(14.0)), BR_SHAPE(2, 2));
    ok(br_store_hdf5(one, "a.h5", "x", .mode = BR_STORE_APPEND));
    ok(br_store_hdf5(two, "a.h5", "x", .mode = BR_STORE_APPEND));
    ok(br_compute(br_from_hdf5(ctx, "a.h5", "x"), data, sizeof data));
    ck_assert_int_eq(memcmp(data, want, sizeof want), 0);
    /* The file's own library lets it grow; its padding must be the fill value. */
    ok(br_store_hdf5(br_ones(ctx, BR_SHAPE(3)), "a.h5", "y", .unlimited = BR_AXIS(0),
                     .chunks = BR_CHUNKS(4),
                     .attributes = BR_ATTRIBUTES(BR_NUMBER("_FillValue", 9))));
    hid_t file = H5Fopen("a.h5", H5F_ACC_RDWR, H5P_DEFAULT), y = H5Dopen2(file, "y", H5P_DEFAULT);
    ck_assert_int_ge(H5Dset_extent(y, (hsize_t[]){6}), 0);
    ck_assert_int_ge(H5Dread(y, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), 0);
    ck_assert_int_ge(H5Dclose(y) | H5Fclose(file), 0);
    for (int i = 0; i < 6; i++)
        ck_assert(data[i] == (i < 3 ? 1 : 9));
}
END_TEST

/* ---- many ---- */

static int64_t stored_bytes(const char *path, const char *dataset)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, dataset, H5P_DEFAULT);
    int64_t bytes = (int64_t)H5Dget_storage_size(set);
    ck_assert_int_ge(H5Dclose(set) | H5Fclose(file), 0);
    return bytes;
}

START_TEST(many_at_a_time)
{
    ok(br_store_hdf5(numbers(60, 50, 1), "in.h5", "x", .deflate = 1));
    br_array *x = br_from_hdf5(ctx, "in.h5", "x");
    const br_store_hdf5_args stores[] = {
        {.x = br_mean(x, .axis = BR_AXIS(0)),
         .path = "a.h5",
         .dataset = "mean",
         .dims = BR_DIMS("c")},
        {.x = br_mul(x, 2), .dataset = "g/twice", .deflate = 3, .dims = BR_DIMS("r", "c")},
        {.x = br_arange(ctx, BR_NUM(0.0), BR_NUM(50.0)), .dataset = "c", .dims = BR_DIMS("c")},
        {.x = br_sum(x), .dataset = "sum", .attributes = BR_ATTRIBUTES(BR_TEXT("units", "m"))},
        {.x = x, .path = "a.h5", .dataset = "copy", .like = x},
    };
    ok(br_store_many(stores, 5));
    br_run_info info;
    ok(br_last_run(ctx, &info));
    ck_assert_int_eq(info.bytes_read, stored_bytes("in.h5", "x")); /* each one once */
    const double sum = 2999.0 * 1500;
    holds("a.h5", "mean", sum / 60);
    holds("a.h5", "g/twice", 2 * sum);
    holds("a.h5", "c", 49 * 25);
    holds("a.h5", "sum", sum);
    holds("a.h5", "copy", sum);
    library_reads("a.h5", "g/twice", 3000, 2);
    refused(br_store_many(stores, 5), BR_EARG, "already");
    ok(br_store_many(stores, 0));
    ck_assert_int_eq(count_files(false), 2);
}
END_TEST

/* Those without a path have how the file is written from the first. */
START_TEST(many_in_the_way_of_the_first)
{
    br_array *x = numbers(20, 30, 1);
    br_store_hdf5_args stores[] = {{.x = x, .path = "a.h5", .dataset = "x"},
                                   {.x = br_mul(x, 2), .dataset = "y"}};
    for (int i = 0; i < 3; i++) {
        stores[0].mode = i == 0 ? BR_STORE_ADD : i == 1 ? BR_STORE_TRUNCATE : BR_STORE_OVERWRITE;
        stores[0].safe_copy = i == 2;
        ok(br_store_many(stores, 2));
        holds("a.h5", "y", 2 * 599.0 * 300);
    }
    stores[0] = (br_store_hdf5_args){.x = x, .path = "b.h5", .dataset = "x", .resume = true};
    ok(br_store_many(stores, 2));
    holds("b.h5", "y", 2 * 599.0 * 300);
    ck_assert_int_eq(count_files(false), 2);
}
END_TEST

START_TEST(bad_many)
{
    br_array *x = numbers(20, 30, 1), *bad = br_map_blocks(numbers(20, 30, 1), fails_late);
    refused(br_store_many(((br_store_hdf5_args[]){{.x = x, .path = "a.h5", .dataset = "x"},
                                                  {.x = x, .path = "b.h5", .dataset = "y"}}),
                          2),
            BR_EARG, "one file");
    refused(br_store_many(((br_store_hdf5_args[]){{.x = x, .path = "a.h5", .dataset = "x"},
                                                  {.x = x, .dataset = "/x"}}),
                          2),
            BR_EARG, "twice");
    refused(br_store_many(
                ((br_store_hdf5_args[]){{.x = x, .path = "a.h5", .dataset = "x"},
                                        {.x = x, .dataset = "y", .mode = BR_STORE_OVERWRITE}}),
                2),
            BR_EARG, "a.h5: y has another .mode than x");
    refused(br_store_many(((br_store_hdf5_args[]){{.x = x, .path = "a.h5", .dataset = "x"},
                                                  {.x = bad, .dataset = "y"}}),
                          2),
            BR_EUSER, "");
    refused(br_store_many(((br_store_hdf5_args[]){{.x = x, .path = "a.h5", .dataset = "x"},
                                                  {.x = x, .dataset = NULL}}),
                          2),
            BR_EARG, "NULL");
    ck_assert_int_eq(count_files(false), 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("parts");
    tcase_add_loop_test(t, random_regions, 0, 4);
    tcase_add_test(t, regions_of_other_forms);
    tcase_add_loop_test(t, regions_of_odd_types, 0, 2);
    tcase_add_test(t, bad_regions);
    tcase_add_loop_test(t, failed_parts_change_nothing, 0, 4);
    tcase_add_test(t, appends);
    tcase_add_test(t, appends_along_any_axis);
    tcase_add_test(t, many_at_a_time);
    tcase_add_test(t, many_in_the_way_of_the_first);
    tcase_add_test(t, bad_many);
    return run_stores(t);
}
