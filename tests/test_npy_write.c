/* SPDX-License-Identifier: BSD-3-Clause
 * test_npy_write.c - .npy files that are written: byte for byte what numpy.save writes, and
 * what there was where that fails.
 */
#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include <bramble/bramble.h>

#include "tests/npy_files.h"
#include "tests/suite.h"

/* ---- writing ---- */

static void expect_file(const char *path, const char *text, const void *elements, size_t n)
{
    char want[2048], got[2048];
    size_t bytes = make_file(want, 1, text, elements, n);
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fread(got, 1, sizeof got, f), bytes);
    ck_assert_mem_eq(got, want, bytes);
    fclose(f);
}

START_TEST(files_as_numpy_writes_them)
{
    int32_t v[24];
    for (int i = 0; i < 24; i++)
        v[i] = 7 * i;
    br_array *x = br_from_memory(ctx, v, BR_INT32, BR_SHAPE(2, 3, 4), .chunks = BR_CHUNKS(1, 2, 3));
    ck_assert_int_eq(br_store_npy(x, "w.npy"), BR_OK);
    expect_file("w.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3, 4), }", v,
                sizeof v);
    ck_assert_int_eq(br_store_npy(br_index(x, "1, 2"), "w.npy"), BR_OK);
    expect_file("w.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (4,), }", v + 20, 16);
    ck_assert_int_eq(br_store_npy(br_astype(br_index(x, "0, 0, 1"), BR_BOOL), "w.npy"), BR_OK);
    expect_file("w.npy", "{'descr': '|b1', 'fortran_order': False, 'shape': (), }", "\1", 1);
    br_array *none = br_zeros(ctx, BR_SHAPE(0, 3), BR_COMPLEX64);
    ck_assert_int_eq(br_store_npy(none, "w.npy"), BR_OK);
    expect_file("w.npy", "{'descr': '<c8', 'fortran_order': False, 'shape': (0, 3), }", "", 0);
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

static int refuse(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in;
    (void)n;
    (void)data;
    return out->origin[0] >= 6;
}

START_TEST(stores_that_fail_leave_what_was_there)
{
    const double v[3] = {1, 2, 3};
    br_array *x = br_from_memory(ctx, v, BR_FLOAT64, BR_SHAPE(3));
    ck_assert_int_eq(br_store_npy(x, "s.npy"), BR_OK);
    br_array *bad = br_map_blocks(br_zeros(ctx, BR_SHAPE(9), .chunks = BR_CHUNKS(2)), refuse);
    ck_assert_int_eq(br_store_npy(bad, "s.npy"), BR_EUSER);
    expect_file("s.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", v, sizeof v);
    ck_assert_int_eq(br_store_npy(bad, "new.npy"), BR_EUSER);
    ck_assert_int_eq(count_files(false), 1);
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_npy(x, "no/where.npy"), BR_EIO);
    ck_assert_msg(strstr(br_message(ctx), "store_npy (test_npy_write.c:") != NULL, "%s",
                  br_message(ctx));
    ck_assert_msg(strstr(br_message(ctx), "there is no directory no") != NULL, "%s",
                  br_message(ctx));
    ck_assert_int_eq(mkdir("d.npy", 0777), 0);
    ck_assert_int_eq(br_store_npy(x, "d.npy"), BR_EIO);
    ck_assert_int_eq(br_store_npy(x, NULL), BR_EARG);
    ck_assert_int_eq(br_store_npy(NULL, "s.npy"), BR_EARG);
    ck_assert_int_eq(br_store_npy(br_zeros(ctx, BR_SHAPE(-1)), "s.npy"), BR_ESHAPE);
    br_clear_error(ctx);
    ck_assert_int_eq(count_files(false), 2);
}
END_TEST

/* As br_store_hdf5. */
START_TEST(links_and_permissions)
{
    struct stat st;
    const double v[3] = {1, 2, 3};
    br_array *x = br_from_memory(ctx, v, BR_FLOAT64, BR_SHAPE(3));
    ck_assert_int_eq(br_store_npy(br_zeros(ctx, BR_SHAPE(2)), "a.npy"), BR_OK);
    ck_assert_int_eq(chmod("a.npy", 0640) | symlink("a.npy", "link.npy"), 0);
    ck_assert_int_eq(br_store_npy(x, "link.npy"), BR_OK);
    ck_assert_int_eq(lstat("link.npy", &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(stat("a.npy", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    expect_file("a.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", v, sizeof v);
    ck_assert_int_eq(br_store_raw(x, "link.npy"), BR_OK);
    ck_assert_int_eq(stat("a.npy", &st), 0);
    ck_assert_int_eq((int)st.st_size, (int)sizeof v);
    ck_assert_int_eq(count_files(false), 2);
}
END_TEST

static void refused(const char *path, const char *text)
{
    ck_assert_int_eq(br_store_npy(br_zeros(ctx, BR_SHAPE(2)), path), BR_EIO);
    ck_assert_msg(strstr(br_message(ctx), text) != NULL, "%s", br_message(ctx));
    br_clear_error(ctx);
}

START_TEST(links_to_nothing)
{
    ck_assert_int_eq(symlink("nowhere.npy", "link.npy") | symlink("loop.npy", "loop.npy"), 0);
    refused("link.npy", "link.npy: is a symbolic link to a file that does not exist");
    refused("loop.npy", "loop.npy: cannot be created: Too many levels");
    refused("link.npy/x.npy", "there is no directory link.npy");
    ck_assert_int_eq(count_files(false), 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("npy_write");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, files_as_numpy_writes_them);
    tcase_add_test(tests, stores_that_fail_leave_what_was_there);
    tcase_add_test(tests, links_and_permissions);
    tcase_add_test(tests, links_to_nothing);
    return run_case("npy_write", tests);
}
