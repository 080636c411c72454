/* SPDX-License-Identifier: BSD-3-Clause
 * test_many.c - datasets of many files as one array: values, chunks, descriptors, what does not
 * fit.
 */
#include <bramble/bramble.h>
#include <dirent.h>
#include <math.h>

#include "tests/hdf5_samples.h"

static br_context *ctx;

static void open_context(void)
{
    make_folder();
    ctx = br_open(NULL, NULL);
}

static void close_context(void)
{
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), BR_OK);
    remove_folder();
}

static layout rows_of(hsize_t rows, const char *filters)
{
    layout l = {"part", &H5T_IEEE_F64LE_g, BR_FLOAT64, filters, "", GROWS_0, 2, {rows, 6}, {4, 6}};
    return l;
}

/* part_00.h5, part_01.h5, ... */
static void make_parts(const int *rows, int n, const char *filters)
{
    for (int i = 0; i < n; i++) {
        char name[32];
        layout l = rows_of((hsize_t)rows[i], filters);
        snprintf(name, sizeof name, "part_%04d.h5", i);
        make_file(in_folder(name), &l);
    }
}

static br_array *all_parts(void)
{
    return br_from_hdf5_many(ctx, in_folder("part_*.h5"), "g/x", 0);
}

static void check_values(br_array *x, const int *rows, int n)
{
    double *got = NULL;
    size_t bytes = br_nbytes(x);
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    got = malloc(bytes + 1);
    ck_assert_msg(br_compute(x, got, bytes) == BR_OK, "%s", br_message(ctx));
    const double *at = got;
    for (int i = 0; i < n; i++)
        for (int64_t k = 0; k < rows[i] * 6; k++)
            ck_assert_msg(*at++ == value(k), "file %d, element %lld", i, (long long)k);
    ck_assert_uint_eq((size_t)(at - got) * sizeof *at, bytes);
    free(got);
}

static void check_chunks(const br_array *x, const int64_t *want, int n)
{
    int64_t extents[32];
    ck_assert_int_eq(br_chunks(x, 0, extents, 32), n);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(extents[i], want[i]);
}

static int ndescriptors(void)
{
    int n = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL)
        n++;
    closedir(directory);
    return n;
}

START_TEST(joins_files)
{
    static const int rows[] = {8, 8, 8, 8}, months[] = {31, 28, 0, 30, 3};
    make_parts(rows, 4, _i == 0 ? "" : "sd");
    check_values(all_parts(), rows, 4);
    check_chunks(all_parts(), (int64_t[]){32}, 1); /* small files are put together */
    make_parts(months, 5, _i == 0 ? "" : "sdf");
    br_array *x = all_parts();
    check_values(x, months, 5);
    check_chunks(x, (int64_t[]){31, 28, 30, 3}, 4);
    x = br_from_hdf5_many(ctx, in_folder("part_*.h5"), "g/x", -2, .chunks = BR_CHUNKS(12, -1));
    check_values(x, months, 5);
    check_chunks(x, (int64_t[]){12, 12, 7, 12, 12, 4, 12, 12, 6, 3}, 10);
}
END_TEST

START_TEST(reads_parts_of_them)
{
    static const int rows[] = {7, 5, 9};
    double got[3 * 2];
    make_parts(rows, 3, "sd");
    br_array *x = br_index(all_parts(), "20:0:-8, 1::3");
    ck_assert_int_eq(br_compute(x, got, sizeof got), BR_OK);
    static const int64_t file_rows[] = {8, 0, 4}; /* 20 is row 8 of the last file, and so on */
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 2; k++)
            ck_assert(got[2 * i + k] == value(file_rows[i] * 6 + 1 + 3 * k));
    const char *paths[] = {in_folder("part_0002.h5"), in_folder("part_0000.h5")};
    x = br_from_hdf5_many(ctx, NULL, "g/x", 1, .paths = paths, .npaths = 1);
    check_values(x, (int[]){9}, 1);
    x = br_from_hdf5_many(ctx, NULL, "g/x", 0, .paths = paths, .npaths = 2);
    check_values(x, (int[]){9, 7}, 2);
    double sum, want = 0;
    for (int f = 0; f < 3; f++)
        for (int64_t i = 0; i < rows[f] * 6; i++)
            want += value(i);
    ck_assert_int_eq(br_compute_f64(br_sum(all_parts()), &sum), BR_OK);
    ck_assert(sum == want);
}
END_TEST

static void expect_explained(br_array *x, const char *part)
{
    char text[2048];
    FILE *f = tmpfile();
    ck_assert_int_eq(br_explain(x, f), BR_OK);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    ck_assert_msg(strstr(text, part) != NULL, "%s", text);
}

START_TEST(needs_few_descriptors)
{
    enum { FILES = 300 };
    int rows[FILES], before = ndescriptors(), most = before;
    for (int i = 0; i < FILES; i++)
        rows[i] = 1 + i % 5;
    make_parts(rows, FILES, "sd");
    br_array *x = all_parts();
    ck_assert_int_le(ndescriptors(), before + 2);
    for (int i = 0; i < 3; i++) {
        check_values(x, rows, FILES);
        most = ndescriptors() > most ? ndescriptors() : most;
    }
    ck_assert_int_gt(most, before);
    ck_assert_int_le(most, before + 70);
    expect_explained(x, "part_0000.h5 and 299 more along axis 0:g/x by pread + decode");
}
END_TEST

/* Compact datasets are read by H5Dread, from files that are opened again. */
START_TEST(joins_unusual_files)
{
    layout l = {"compact", &H5T_STD_I32BE_g, BR_INT32, "", "", COMPACT, 1, {20}, {0}};
    int32_t got[40];
    make_file(in_folder("part_1.h5"), &l);
    make_file(in_folder("part_2.h5"), &l);
    br_array *x = all_parts();
    ck_assert_msg(br_compute(x, got, sizeof got) == BR_OK, "%s%s", br_error(x), br_message(ctx));
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(got[i], (int)value(i % 20));
}
END_TEST

static void set_attribute(const char *path, const char *name, double number)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
    hid_t set = H5Dopen2(file, "g/x", H5P_DEFAULT);
    hid_t a = H5Acreate2(set, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(H5Awrite(a, H5T_NATIVE_DOUBLE, &number), 0);
    H5Aclose(a), H5Dclose(set), H5Sclose(space), H5Fclose(file);
}

static void listen(void *data, br_status status, const char *text)
{
    char *all = data;
    ck_assert_int_eq(status, BR_OK);
    strcat(strcat(all, text), "\n");
}

static void expect_log(const char *log, const char *text)
{
    ck_assert_msg(strstr(log, text) != NULL, "%s", log);
}

START_TEST(says_how_files_are_read)
{
    static const layout compact = {"compact", &H5T_STD_I32BE_g, BR_INT32, "", "", COMPACT, 1, {20},
                                   {0}};
    char log[4000] = "";
    setenv("BRAMBLE_LOG", "info", 1);
    br_context *told = br_open(NULL, NULL);
    br_set_log(told, listen, log);
    make_parts((int[]){3, 4, 5}, 3, "sd");
    make_file(in_folder("compact.h5"), &compact);
    br_from_hdf5(told, in_folder("part_0000.h5"), "g/x");
    br_array *slow = br_from_hdf5(told, in_folder("compact.h5"), "g/x");
    expect_explained(slow, "compact.h5:g/x by H5Dread (compact layout)");
    br_from_hdf5_many(told, in_folder("part_*.h5"), "g/x", 0);
    expect_log(log, "part_0000.h5:g/x: read by pread + decode (shuffle, deflate)\n");
    expect_log(log, "compact.h5:g/x: read by H5Dread (compact layout)\n");
    expect_log(log, "part_0000.h5:g/x and 2 more files: read by pread + decode");
    ck_assert_int_eq(br_close(told), BR_OK);
    unsetenv("BRAMBLE_LOG");
}
END_TEST

START_TEST(unpacks_each_file)
{
    static const int rows[] = {3, 5, 4};
    double got[72];
    make_parts(rows, 3, "sd");
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "part_%04d.h5", i);
        set_attribute(in_folder(name), "_FillValue", value(2));
        set_attribute(in_folder(name), "scale_factor", _i == 0 ? 0.5 : i + 1);
    }
    br_array *x = all_parts();
    ck_assert_msg(br_compute(x, got, sizeof got) == BR_OK, "%s%s", br_error(x), br_message(ctx));
    const double *at = got;
    for (int i = 0; i < 3; i++)
        for (int64_t k = 0; k < rows[i] * 6; k++, at++) {
            double want = value(k) * (_i == 0 ? 0.5 : i + 1);
            ck_assert(value(k) == value(2) ? isnan(*at) : *at == want);
        }
    check_values(br_from_hdf5_many(ctx, in_folder("part_*.h5"), "g/x", 0, .raw = true), rows, 3);
}
END_TEST

static void expect_many(br_array *x, br_status want, const char *text)
{
    ck_assert_int_eq(br_status_of(x), want);
    ck_assert_msg(strstr(br_error(x), text) != NULL, "%s", br_error(x));
}

START_TEST(names_files_that_do_not_fit)
{
    static const int rows[] = {3, 4};
    layout wide = {"wide", &H5T_IEEE_F64LE_g, BR_FLOAT64, "", "", 0, 2, {3, 7}, {0}};
    layout other = {"other", &H5T_IEEE_F32LE_g, BR_FLOAT32, "", "", 0, 2, {3, 6}, {0}};
    expect_many(all_parts(), BR_ENOTFOUND, "no path matches");
    expect_many(br_from_hdf5_many(ctx, "nowhere*.h5", "g/x", 0), BR_ENOTFOUND,
                "nowhere*.h5: no path matches (looked for from /");
    make_parts(rows, 2, "");
    expect_many(br_from_hdf5_many(ctx, in_folder("part*"), "g/y", 0), BR_ENOTFOUND,
                "part_0000.h5: no dataset \"g/y\"");
    expect_many(br_from_hdf5_many(ctx, in_folder("part*"), "g/x", 2), BR_EAXIS, "2 axes");
    expect_many(br_from_hdf5_many(ctx, in_folder("part*"), "g/x", 1), BR_ESHAPE,
                "only extents along axis 1 may differ");
    expect_many(br_from_hdf5_many(ctx, NULL, "g/x", 0), BR_EARG, "pattern");
    expect_many(br_from_hdf5_many(ctx, in_folder("part*"), NULL, 0), BR_EARG, "dataset is NULL");
    const char *paths[] = {in_folder("part_0000.h5"), NULL};
    expect_many(br_from_hdf5_many(ctx, NULL, "g/x", 0, .paths = paths, .npaths = 2), BR_EARG,
                "path 1 is NULL");
    make_file(in_folder("part_0001.h5"), &wide);
    expect_many(all_parts(), BR_ESHAPE, "part_0001.h5:g/x is float64 (3, 7)");
    make_file(in_folder("part_0001.h5"), &other);
    expect_many(all_parts(), BR_ETYPE, "part_0001.h5:g/x is float32 (3, 6)");
    spoil(in_folder("part_0001.h5"), "no HDF5 file", 12, 0);
    expect_many(all_parts(), BR_EFORMAT, "part_0001.h5: not an HDF5 file");
}
END_TEST

START_TEST(notices_a_changed_file)
{
    static const int rows[] = {3, 4};
    double got[42];
    make_parts(rows, 2, "sd");
    br_array *x = all_parts();
    check_values(x, rows, 2);
    make_parts(rows, 2, "");
    ck_assert_int_ne(br_compute(x, got, sizeof got), BR_OK);
    ck_assert_msg(strstr(br_message(ctx), "part_000") != NULL, "%s", br_message(ctx));
    br_clear_error(ctx);
    remove(in_folder("part_0001.h5"));
    ck_assert_int_ne(br_compute(br_add(x, 1), got, sizeof got), BR_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("many");
    TCase *t = tcase_create("many");
    tcase_add_checked_fixture(t, open_context, close_context);
    suite_add_tcase(suite, t);
    tcase_add_loop_test(t, joins_files, 0, 2);
    tcase_add_test(t, reads_parts_of_them);
    tcase_add_test(t, needs_few_descriptors);
    tcase_add_test(t, joins_unusual_files);
    tcase_add_test(t, says_how_files_are_read);
    tcase_add_loop_test(t, unpacks_each_file, 0, 2);
    tcase_add_test(t, names_files_that_do_not_fit);
    tcase_add_test(t, notices_a_changed_file);
    return run_suite(suite);
}
