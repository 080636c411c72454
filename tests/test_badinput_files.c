/* SPDX-License-Identifier: BSD-3-Clause
 * test_badinput_files.c - files that cannot be read or written: one clear error each, and never a
 * crash.
 */
#include <check.h>
#include <hdf5.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/badinput.h"
#include "tests/suite.h"

/* ---- files ---- */

/* A dataset of strings, and one of numbers in "good". */
static void make_file(const char *path)
{
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hsize_t n[2] = {100, 40};
    hid_t space = H5Screate_simple(2, n, NULL);
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    H5Dclose(H5Dcreate2(f, "text", text, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[2] = {10, 40};
    H5Pset_chunk(list, 2, chunk);
    hid_t good = H5Dcreate2(f, "good", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    double *data = calloc(4000, sizeof *data);
    H5Dwrite(good, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    free(data);
    H5Dclose(good);
    H5Gclose(H5Gcreate2(f, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Pclose(list);
    H5Tclose(text);
    H5Sclose(space);
    H5Fclose(f);
}

START_TEST(files_that_cannot_be_read)
{
    char path[300];
    snprintf(path, sizeof path, "%s", in_folder("a.h5"));
    make_file(path);
    failed(br_from_hdf5(ctx, in_folder("none.h5"), "x"), BR_ENOTFOUND, "none.h5");
    failed(br_from_hdf5(ctx, path, "none"), BR_ENOTFOUND, "none");
    failed(br_from_hdf5(ctx, path, "group/none"), BR_ENOTFOUND, "group/none");
    failed(br_from_hdf5(ctx, path, "group"), BR_ENOTFOUND, "group");
    failed(br_from_hdf5(ctx, path, "text"), BR_ETYPE, "text");
    failed(br_from_hdf5(ctx, path, "good", .chunks = BR_CHUNKS(1)), BR_ESHAPE, "chunks for 1 axes");
    failed(br_from_hdf5(ctx, NULL, "x"), BR_EARG, "NULL");
    failed(br_from_hdf5(ctx, path, NULL), BR_EARG, "NULL");
    failed(br_from_hdf5(ctx, path, ""), BR_ENOTFOUND, "from_hdf5");
    failed(br_from_hdf5(ctx, folder, "x"), br_status_of(br_from_hdf5(ctx, folder, "x")),
           "from_hdf5");
    FILE *f = fopen(in_folder("text.h5"), "w");
    fputs("This is no HDF5 file.", f);
    fclose(f);
    failed(br_from_hdf5(ctx, in_folder("text.h5"), "x"), BR_EFORMAT, "text.h5");
    fclose(fopen(in_folder("empty.h5"), "w"));
    failed(br_from_hdf5(ctx, in_folder("empty.h5"), "x"), BR_EFORMAT, "empty.h5");
}
END_TEST

/* Every length a file may be cut to: an error at opening or at reading, never a crash. */
START_TEST(truncated_files)
{
    char whole[300];
    snprintf(whole, sizeof whole, "%s", in_folder("a.h5"));
    make_file(whole);
    struct stat st;
    ck_assert_int_eq(stat(whole, &st), 0);
    for (off_t size = 8; size < st.st_size; size += 997) {
        char name[40];
        char command[800];
        snprintf(name, sizeof name, "cut%ld.h5", (long)size);
        char cut[300];
        snprintf(cut, sizeof cut, "%s", in_folder(name));
        snprintf(command, sizeof command, "cp '%s' '%s'", whole, cut);
        ck_assert_int_eq(system(command), 0);
        ck_assert_int_eq(truncate(cut, size), 0);
        double sum;
        ck_assert_int_ne(br_compute_f64(br_sum(br_from_hdf5(ctx, cut, "good")), &sum), BR_OK);
        says(br_message(ctx), name);
        br_clear_error(ctx);
    }
    /* Cut off between opening and reading. */
    br_array *x = br_from_hdf5(ctx, whole, "good");
    ck_assert_int_eq(truncate(whole, st.st_size / 2), 0);
    double sum;
    ck_assert_int_ne(br_compute_f64(br_sum(x), &sum), BR_OK);
    says(br_message(ctx), "a.h5");
    says(br_message(ctx), "test_badinput_files.c:");
}
END_TEST

START_TEST(files_that_cannot_be_written)
{
    br_array *x = ones(4, 4);
    char deep[300];
    snprintf(deep, sizeof deep, "%s/no/such/folder/x.h5", folder);
    ck_assert_int_eq(br_store_hdf5(x, deep, "x"), BR_EIO);
    says(br_message(ctx), "no/such/folder");
    says(br_message(ctx), "test_badinput_files.c:");
    br_clear_error(ctx);
    char path[300];
    snprintf(path, sizeof path, "%s", in_folder("out.h5"));
    ck_assert_int_eq(br_store_hdf5(x, path, "x"), BR_OK);
    ck_assert_int_eq(br_store_hdf5(x, path, "x"), BR_EARG);
    says(br_message(ctx), "x");
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_hdf5(x, path, "x/y"), BR_EARG);
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_hdf5(x, path, "z", .deflate = 10), BR_EARG);
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_hdf5(x, path, "z", .contiguous = true, .deflate = 1), BR_EARG);
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_hdf5(x, path, "z", .chunks = BR_CHUNKS(3)), BR_ESHAPE);
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_hdf5(x, NULL, "z"), BR_EARG);
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_hdf5(x, path, NULL), BR_EARG);
    br_clear_error(ctx);
    ck_assert_int_ne(br_store_hdf5(x, path, ""), BR_OK);
    br_clear_error(ctx);
    FILE *f = fopen(in_folder("text.h5"), "w");
    fputs("This is no HDF5 file.", f);
    fclose(f);
    ck_assert_int_eq(br_store_hdf5(x, in_folder("text.h5"), "x"), BR_EFORMAT);
    br_clear_error(ctx);
    /* What was there is there still. */
    double sum;
    ck_assert_int_eq(br_compute_f64(br_sum(br_from_hdf5(ctx, path, "x")), &sum), BR_OK);
    ck_assert(sum == 16);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("badinput_files");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, files_that_cannot_be_read);
    tcase_add_test(tcase, truncated_files);
    tcase_add_test(tcase, files_that_cannot_be_written);
    return run_case("badinput_files", tcase);
}
