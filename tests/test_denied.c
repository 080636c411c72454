/* SPDX-License-Identifier: BSD-3-Clause
 * test_denied.c - files and folders that may not be read or written: an error that says so, and
 * everything as it was.
 */
#include <sys/stat.h>

#include "tests/nobody.h"
#include "tests/store_samples.h"

static void permit(const char *path, mode_t mode)
{
    ck_assert_int_eq(chmod(path, mode), 0);
}

static void unreadable(br_array *x, const char *name)
{
    ck_assert_msg(br_status_of(x) == BR_EIO, "%s: %s", name, br_error(x));
    ck_assert_msg(strstr(br_error(x), name) != NULL, "%s", br_error(x));
    ck_assert_msg(strstr(br_error(x), ": Permission denied") != NULL, "%s", br_error(x));
    br_clear_error(ctx);
}

static void read_all(void)
{
    br_file *file;
    unreadable(br_from_hdf5(ctx, "a.h5", "x"), "a.h5");
    unreadable(br_from_hdf5_many(ctx, NULL, "x", 0, .paths = (const char *[]){"a.h5", "a.h5"},
                                 .npaths = 2),
               "a.h5");
    unreadable(br_from_npy(ctx, "a.npy"), "a.npy");
    unreadable(br_from_raw(ctx, "a.raw", BR_FLOAT64, BR_SHAPE(20, 30)), "a.raw");
    refused(br_open_file(ctx, "a.h5", &file), BR_EIO, "a.h5: Permission denied");
}

/* Files that others have, and a folder that others may not enter. */
START_TEST(reading)
{
    static const char *const names[] = {"a.h5", "a.npy", "a.raw"};
    br_array *x = numbers(20, 30, 1);
    ok(br_store_hdf5(x, "a.h5", "x"));
    ok(br_store_npy(x, "a.npy"));
    ok(br_store_raw(x, "a.raw"));
    permit(".", _i == 0 ? 0755 : 0600);
    for (int i = 0; i < 3; i++)
        permit(names[i], _i == 0 ? 0 : 0644);
    if (as_nobody())
        read_all();
    as_before();
    permit(".", 0700);
}
END_TEST

static void store_new(void)
{
    br_array *x = numbers(20, 30, 1);
    for (int mode = BR_STORE_ADD; mode <= BR_STORE_TRUNCATE; mode++)
        refused(br_store_hdf5(x, "b.h5", "x", .mode = (br_store_mode)mode), BR_EIO,
                "b.h5: cannot be created: Permission denied");
    refused(br_store_hdf5(x, "b.h5", "x", .resume = true), BR_EIO, ": Permission denied");
    refused(br_store_npy(x, "b.npy"), BR_EIO, "b.npy: cannot be created: Permission denied");
    refused(br_store_raw(x, "b.raw"), BR_EIO, "b.raw: cannot be created: Permission denied");
}

/* A file may be written to, but there is no room beside it for the one that takes its place. */
static void replace(void)
{
    br_array *x = numbers(20, 30, 2);
    refused(br_store_hdf5(x, "a.h5", "x", .mode = BR_STORE_TRUNCATE), BR_EIO, "Permission denied");
    refused(br_store_hdf5(x, "a.h5", "y", .safe_copy = true), BR_EIO, "Permission denied");
    refused(br_store_npy(x, "a.npy"), BR_EIO, "a.npy: cannot be created: Permission denied");
}

START_TEST(writing_to_a_folder)
{
    ok(br_store_hdf5(numbers(20, 30, 1), "a.h5", "x"));
    ok(br_store_npy(numbers(20, 30, 1), "a.npy"));
    const uint64_t before[] = {digest("a.h5"), digest("a.npy")};
    permit("a.h5", 0666);
    permit("a.npy", 0666);
    permit(".", 0555);
    if (as_nobody()) {
        store_new();
        replace();
    }
    as_before();
    permit(".", 0700);
    ck_assert(digest("a.h5") == before[0] && digest("a.npy") == before[1]);
    ck_assert_int_eq(count_files(false), 2);
}
END_TEST

/* In a folder that may be written to. */
START_TEST(writing_to_a_file)
{
    br_array *x = numbers(20, 30, 1);
    ok(br_store_hdf5(x, "a.h5", "x", .unlimited = BR_AXES(0)));
    const uint64_t before = digest("a.h5");
    permit("a.h5", 0444);
    permit(".", 0777);
    if (as_nobody()) {
        refused(br_store_hdf5(x, "a.h5", "y"), BR_EIO, ": Permission denied");
        refused(br_store_hdf5(x, "a.h5", "x", .mode = BR_STORE_OVERWRITE), BR_EIO,
                ": Permission denied");
        refused(br_store_hdf5(x, "a.h5", "x", .mode = BR_STORE_APPEND), BR_EIO,
                ": Permission denied");
        refused(br_store_hdf5(x, "a.h5", "x", .region = ":, :"), BR_EIO, ": Permission denied");
        holds("a.h5", "x", 599.0 * 300);
    }
    as_before();
    permit(".", 0700);
    ck_assert(digest("a.h5") == before);
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("denied");
    tcase_add_loop_test(t, reading, 0, 2);
    tcase_add_test(t, writing_to_a_folder);
    tcase_add_test(t, writing_to_a_file);
    return run_stores(t);
}
