/* SPDX-License-Identifier: BSD-3-Clause
 * test_store_hdf5.c - br_store_hdf5 into new files and files that exist: what becomes of what was
 * there, which options there are, and what is refused.
 */
#include <complex.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "tests/store_samples.h"

/* ---- what becomes of a file that exists ---- */

START_TEST(modes)
{
    br_array *one = numbers(9, 11, 1), *two = numbers(9, 11, 2);
    ok(br_store_hdf5(one, "a.h5", "x"));
    refused(br_store_hdf5(two, "a.h5", "x"), BR_EARG, "already");
    refused(br_store_hdf5(two, "a.h5", "/x"), BR_EARG, "already");
    ok(br_store_hdf5(two, "a.h5", "g/y"));
    library_reads("a.h5", "x", 99, 1);
    library_reads("a.h5", "g/y", 99, 2);
    ok(br_store_hdf5(two, "a.h5", "x", .mode = BR_STORE_OVERWRITE));
    ok(br_store_hdf5(one, "a.h5", "new/z", .mode = BR_STORE_OVERWRITE, .deflate = 3));
    library_reads("a.h5", "x", 99, 2);
    library_reads("a.h5", "g/y", 99, 2);
    library_reads("a.h5", "new/z", 99, 1);
    refused(br_store_hdf5(one, "a.h5", "g", .mode = BR_STORE_OVERWRITE), BR_EARG, "no dataset");
    refused(br_store_hdf5(one, "a.h5", "x/y", .mode = BR_STORE_OVERWRITE), BR_EARG, "no group");
    ok(br_store_hdf5(one, "a.h5", "only", .mode = BR_STORE_TRUNCATE));
    library_reads("a.h5", "only", 99, 1);
    refused(br_compute(br_from_hdf5(ctx, "a.h5", "x"), NULL, 0), BR_ENOTFOUND, "only");
    ok(br_store_hdf5(one, "b.h5", "x", .mode = BR_STORE_OVERWRITE));
    ok(br_store_hdf5(one, "c.h5", "x", .mode = BR_STORE_TRUNCATE));
    refused(br_store_hdf5(one, "c.h5", "y", .mode = (br_store_mode)77), BR_EARG, "mode 77");
    ck_assert_int_eq(count_files(false), 3);
}
END_TEST

/* Groups and datasets of the file are listed by the library; no hidden name is left. */
static int nlinks(const char *path)
{
    H5G_info_t info;
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
    ck_assert_int_ge(H5Gget_info(root, &info), 0);
    H5Gclose(root);
    H5Fclose(file);
    return (int)info.nlinks;
}

START_TEST(nothing_hidden_is_left)
{
    for (int i = 0; i < 20; i++) {
        char name[8];
        snprintf(name, sizeof name, "x%d", i % 10);
        ok(br_store_hdf5(numbers(20, 30, i), "a.h5", name, .mode = BR_STORE_OVERWRITE,
                         .deflate = i % 3, .safe_copy = i % 2));
    }
    ck_assert_int_eq(nlinks("a.h5"), 10);
    for (int i = 10; i < 20; i++) {
        char name[8];
        snprintf(name, sizeof name, "x%d", i % 10);
        library_reads("a.h5", name, 600, i);
    }
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

START_TEST(filters)
{
    br_array *x = numbers(50, 60, 0.5);
    ok(br_store_hdf5(x, "a.h5", "plain"));
    ok(br_store_hdf5(x, "a.h5", "deflate", .deflate = 4));
    ok(br_store_hdf5(x, "a.h5", "unshuffled", .deflate = 4, .no_shuffle = true));
    ok(br_store_hdf5(x, "a.h5", "shuffle", .shuffle = true));
    ok(br_store_hdf5(x, "a.h5", "sum", .fletcher32 = true));
    ok(br_store_hdf5(x, "a.h5", "all", .deflate = 9, .fletcher32 = true));
    ok(br_store_hdf5(x, "a.h5", "across", .deflate = 1, .fletcher32 = true,
                     .chunks = BR_CHUNKS(7, 8)));
    const struct {
        const char *name;
        H5Z_filter_t filter[3];
    } want[] = {
        {"plain", {0}},
        {"deflate", {H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE}},
        {"unshuffled", {H5Z_FILTER_DEFLATE}},
        {"shuffle", {H5Z_FILTER_SHUFFLE}},
        {"sum", {H5Z_FILTER_FLETCHER32}},
        {"all", {H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE, H5Z_FILTER_FLETCHER32}},
        {"across", {H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE, H5Z_FILTER_FLETCHER32}},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        library_reads("a.h5", want[i].name, 3000, 0.5);
        holds("a.h5", want[i].name, 0.5 * 2999 * 1500);
        hid_t file = H5Fopen("a.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
        hid_t set = H5Dopen2(file, want[i].name, H5P_DEFAULT), list = H5Dget_create_plist(set);
        int n = 0;
        while (n < 3 && want[i].filter[n] != 0)
            n++;
        ck_assert_int_eq(H5Pget_nfilters(list), n);
        for (int k = 0; k < n; k++) {
            unsigned flags, config;
            size_t nvalues = 0;
            ck_assert_int_eq(
                H5Pget_filter2(list, (unsigned)k, &flags, &nvalues, NULL, 0, NULL, &config),
                want[i].filter[k]);
        }
        H5Pclose(list);
        H5Dclose(set);
        H5Fclose(file);
    }
    refused(br_store_hdf5(x, "a.h5", "w", .contiguous = true, .fletcher32 = true), BR_EARG,
            "contiguous");
    refused(br_store_hdf5(x, "a.h5", "w", .shuffle = true, .no_shuffle = true), BR_EARG, "shuffle");
}
END_TEST

/* ---- sources in the file that is written ---- */

START_TEST(into_a_file_that_is_read)
{
    const bool safe_copy = _i;
    ok(br_store_hdf5(numbers(30, 40, 1), "a.h5", "x", .deflate = 1));
    br_array *x = br_from_hdf5(ctx, "a.h5", "x");
    const double sum = 1199 * 600;
    ok(br_store_hdf5(br_mul(x, 2), "a.h5", "y", .safe_copy = safe_copy));
    holds("a.h5", "y", 2 * sum);
    if (safe_copy) /* another file has the name now */
        refused(br_compute_f64(br_sum(x), &(double){0}), BR_EIO, "replaced");
    else
        sums_to(x, sum);
    x = br_from_hdf5(ctx, "a.h5", "x");
    ok(br_store_hdf5(br_add(x, 1), "a.h5", "x", .mode = BR_STORE_OVERWRITE,
                     .safe_copy = safe_copy));
    holds("a.h5", "x", sum + 1200);
    refused(br_compute_f64(br_sum(x), &(double){0}), BR_EIO, safe_copy ? "replaced" : "changed");
    x = br_from_hdf5(ctx, "a.h5", "x");
    ok(br_store_hdf5(br_add(x, 1), "a.h5", "x", .mode = BR_STORE_TRUNCATE));
    holds("a.h5", "x", sum + 2400);
    refused(br_compute_f64(br_sum(x), &(double){0}), BR_EIO, "replaced");
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

/* ---- failures leave what was there ---- */

static int fails_late(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return out->chunk[0] == 4 && out->chunk[1] == 5;
}

START_TEST(a_failed_store_changes_nothing)
{
    br_array *bad = br_map_blocks(numbers(20, 30, 1), fails_late);
    for (int mode = BR_STORE_ADD; mode <= BR_STORE_TRUNCATE; mode++) {
        refused(br_store_hdf5(bad, "new.h5", "x", .mode = (br_store_mode)mode), BR_EUSER, "");
        ck_assert_int_eq(count_files(false), 0);
    }
    ok(br_store_hdf5(numbers(20, 30, 3), "a.h5", "x"));
    uint64_t before = digest("a.h5");
    for (int mode = BR_STORE_ADD; mode <= BR_STORE_TRUNCATE; mode++)
        for (int safe = 0; safe < 2; safe++) {
            const char *name = mode == BR_STORE_ADD ? "y" : "x";
            refused(br_store_hdf5(bad, "a.h5", name, .mode = (br_store_mode)mode, .deflate = 1,
                                  .safe_copy = safe),
                    BR_EUSER, "");
            ck_assert(digest("a.h5") == before);
            ck_assert_int_eq(count_files(false), 1);
        }
    library_reads("a.h5", "x", 600, 3);
}
END_TEST

START_TEST(locked_and_odd_files)
{
    ok(br_store_hdf5(numbers(4, 4, 1), "a.h5", "x"));
    uint64_t before = digest("a.h5");
    int fd = open("a.h5", O_RDWR);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    refused(br_store_hdf5(numbers(4, 4, 1), "a.h5", "y"), BR_EIO, "locked");
    refused(br_store_hdf5(numbers(4, 4, 1), "a.h5", "y", .safe_copy = true), BR_EIO, "locked");
    close(fd);
    ck_assert(digest("a.h5") == before);
    FILE *f = fopen("text", "w");
    fputs("not HDF5", f);
    fclose(f);
    before = digest("text");
    refused(br_store_hdf5(numbers(4, 4, 1), "text", "y"), BR_EFORMAT, "text: not an HDF5 file");
    refused(br_store_hdf5(numbers(4, 4, 1), "text", "y", .safe_copy = true), BR_EFORMAT, "text");
    ck_assert(digest("text") == before);
    f = fopen("classic.nc", "w");
    fputs("CDF\002....", f);
    fclose(f);
    refused(br_store_hdf5(numbers(4, 4, 1), "classic.nc", "y"), BR_EFORMAT, "nccopy -k nc4");
    remove("classic.nc");
    for (int mode = BR_STORE_ADD; mode <= BR_STORE_TRUNCATE; mode++) {
        refused(br_store_hdf5(numbers(4, 4, 1), ".", "y", .mode = (br_store_mode)mode), BR_EIO,
                "regular");
        refused(br_store_hdf5(numbers(4, 4, 1), "no/where.h5", "y", .mode = (br_store_mode)mode),
                BR_EIO, "no/where.h5: cannot be created: there is no directory no");
    }
    refused(br_store_hdf5(numbers(4, 4, 1), "no/where.h5", "y", .resume = true), BR_EIO,
            "there is no directory no");
    ck_assert_int_eq(count_files(false), 2);
}
END_TEST

/* A file that is replaced keeps its permissions, and a symbolic link stays one. */
START_TEST(links_and_permissions)
{
    struct stat st;
    ok(br_store_hdf5(numbers(4, 4, 1), "a.h5", "x"));
    ck_assert_int_eq(stat("a.h5", &st), 0);
    mode_t mask = umask(0);
    umask(mask);
    ck_assert_int_eq(st.st_mode & 0777, 0666 & ~mask);
    ck_assert_int_eq(chmod("a.h5", 0640), 0);
    ck_assert_int_eq(symlink("a.h5", "link.h5"), 0);
    ok(br_store_hdf5(numbers(4, 4, 2), "link.h5", "x", .mode = BR_STORE_TRUNCATE));
    ok(br_store_hdf5(numbers(4, 4, 3), "link.h5", "y", .safe_copy = true));
    ok(br_store_hdf5(numbers(4, 4, 4), "link.h5", "z"));
    ck_assert_int_eq(lstat("link.h5", &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(stat("a.h5", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    library_reads("a.h5", "x", 16, 2);
    library_reads("a.h5", "y", 16, 3);
    library_reads("a.h5", "z", 16, 4);
}
END_TEST

/* ---- attributes and dimensions; test_tools.sh looks at good ones ---- */

START_TEST(bad_attributes)
{
    br_array *x = numbers(4, 4, 1);
    char *wide = calloc(70001, 1);
    memset(wide, 'a', 70000);
    const double value = 1;
    const struct {
        br_store_attribute attribute;
        br_status status;
        const char *says;
    } bad[] = {
        {BR_TEXT("", "x"), BR_EARG, "name"},
        {BR_TEXT("DIMENSION_LIST", "x"), BR_EARG, "DIMENSION_LIST"},
        {{.name = "a"}, BR_EARG, "not one of"},
        {{.name = "a", .text = "b", .number = BR_NUM(1)}, BR_EARG, "not one of"},
        {BR_VALUES("a", BR_FLOAT64, 0, &value), BR_EARG, "1 to"},
        {BR_VALUES("a", (br_dtype)0, 1, &value), BR_EARG, "dtype"},
        {BR_TEXT("a", wide), BR_EARG, "longer"},
        {BR_NUMBER("_FillValue", 1.0 + 1.0 * I), BR_ETYPE, "_FillValue"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(br_store_hdf5(x, "a.h5", "x", .attributes = BR_ATTRIBUTES(bad[i].attribute)),
                bad[i].status, bad[i].says);
        ck_assert_int_eq(count_files(false), 0);
    }
    refused(br_store_hdf5(br_astype(x, BR_UINT8), "a.h5", "x",
                          .attributes = BR_ATTRIBUTES(BR_NUMBER("_FillValue", -1))),
            BR_EARG, "uint8");
    free(wide);
}
END_TEST

START_TEST(bad_dims)
{
    br_array *x = numbers(4, 6, 1);
    ok(br_store_hdf5(br_arange(ctx, BR_NUM(0), BR_NUM(5)), "a.h5", "y"));
    ok(br_store_hdf5(numbers(3, 3, 1), "a.h5", "square"));
    uint64_t before = digest("a.h5");
    refused(br_store_hdf5(x, "a.h5", "x", .dims = BR_DIMS("y")), BR_ESHAPE, "names for 1");
    refused(br_store_hdf5(x, "a.h5", "x", .dims = BR_DIMS("a", "a")), BR_EARG, "both");
    refused(br_store_hdf5(x, "a.h5", "x", .dims = BR_DIMS("a", "")), BR_EARG, "axis 1");
    refused(br_store_hdf5(x, "a.h5", "x", .dims = BR_DIMS("a", "b/c")), BR_EARG, "b/c");
    refused(br_store_hdf5(x, "a.h5", "x", .dims = BR_DIMS("x", "c")), BR_EARG, "own name");
    refused(br_store_hdf5(x, "a.h5", "x", .dims = BR_DIMS("y", "c")), BR_EARG, "extent");
    refused(br_store_hdf5(x, "a.h5", "x", .dims = BR_DIMS("c", "square")), BR_EARG, "square");
    ck_assert(digest("a.h5") == before);
    /* In a group of its own there may be another y. */
    ok(br_store_hdf5(x, "a.h5", "group/x", .dims = BR_DIMS("y", "c")));
    refused(br_store_hdf5(numbers(4, 6, 1), "a.h5", "group/y", .mode = BR_STORE_OVERWRITE), BR_EARG,
            "dimension of other");
    library_reads("a.h5", "group/x", 24, 1);
}
END_TEST

START_TEST(bad_likes)
{
    ok(br_store_hdf5(numbers(4, 6, 1), "in.h5", "x"));
    ok(br_store_hdf5(br_ones(ctx, BR_SHAPE(4, 4, 3)), "in.h5", "cube"));
    br_array *x = br_from_hdf5(ctx, "in.h5", "x"), *cube = br_from_hdf5(ctx, "in.h5", "cube");
    refused(br_store_hdf5(x, "a.h5", "x", .like = numbers(4, 6, 1)), BR_EARG, "0 datasets");
    refused(br_store_hdf5(x, "a.h5", "x", .like = br_add(br_sum(x), cube)), BR_EARG, "2 datasets");
    refused(br_store_hdf5(x, "a.h5", "x", .like = x, .dims = BR_DIMS("a", "b")), BR_EARG,
            "exclude");
    refused(br_store_hdf5(br_sum(cube, .axis = BR_AXIS(0)), "a.h5", "x", .like = cube), BR_ESHAPE,
            "several");
    refused(br_store_hdf5(br_ones(ctx, BR_SHAPE(5)), "a.h5", "x", .like = cube), BR_ESHAPE, "none");
    refused(br_store_hdf5(cube, "a.h5", "x", .like = x), BR_ESHAPE, "more");
    br_array *lost = br_from_hdf5(ctx, "nowhere.h5", "x");
    refused(br_store_hdf5(x, "a.h5", "x", .like = lost), BR_ENOTFOUND, "nowhere.h5");
    ck_assert_int_eq(count_files(false), 1);
    /* Without dimensions there, there are none here. */
    ok(br_store_hdf5(br_sum(cube, .axis = BR_AXES(0, 1)), "a.h5", "x", .like = cube));
    holds("a.h5", "x", 48);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("store");
    tcase_add_test(t, modes);
    tcase_add_test(t, nothing_hidden_is_left);
    tcase_add_test(t, filters);
    tcase_add_loop_test(t, into_a_file_that_is_read, 0, 2);
    tcase_add_test(t, a_failed_store_changes_nothing);
    tcase_add_test(t, locked_and_odd_files);
    tcase_add_test(t, links_and_permissions);
    tcase_add_test(t, bad_attributes);
    tcase_add_test(t, bad_dims);
    tcase_add_test(t, bad_likes);
    return run_case(t);
}
