/* SPDX-License-Identifier: BSD-3-Clause
 * test_store_hdf5.c - br_store_hdf5 into new files and files that exist: what becomes of what was
 * there, which options there are, and what is refused.
 */
#include <complex.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/store_samples.h"

/* What happens once, just before a file is locked. */
static void (*before_locking)(void);

int flock(int fd, int how)
{
    void (*first)(void) = before_locking;
    before_locking = NULL;
    if (first != NULL)
        first();
    return (int)syscall(SYS_flock, fd, how);
}

/* Was this file locked when its time was set, and the last time that it was looked at? */
static const char *watched;
static bool locked_when_set, locked_when_seen;

static bool is_locked(const char *path)
{
    int fd = open(path, O_RDWR);
    bool locked = syscall(SYS_flock, fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return locked;
}

int futimens(int fd, const struct timespec times[2])
{
    if (watched != NULL)
        locked_when_set = is_locked(watched);
    return (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}

int stat(const char *restrict path, struct stat *restrict st)
{
    if (watched != NULL && strcmp(path, watched) == 0)
        locked_when_seen = is_locked(watched);
    return fstatat(AT_FDCWD, path, st, 0);
}

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

/* What unpacks a variable is in the expression, and br_print still says what it is. */
START_TEST(prints_what_it_unpacks)
{
    char *text = NULL;
    size_t size;
    ok(br_store_hdf5(br_astype(numbers(20, 30, 1), BR_INT16), "a.h5", "x",
                     .attributes = BR_ATTRIBUTES(BR_NUMBER("scale_factor", 0.5))));
    br_array *x = br_from_hdf5(ctx, "a.h5", "x");
    FILE *to = open_memstream(&text, &size);
    ok(br_print(x, to));
    ok(br_print(br_add(x, numbers(20, 30, 1)), to));
    ok(br_print(br_add(br_index(x, "3"), br_sum(x)), to));
    fclose(to);
    ck_assert_ptr_nonnull(strstr(text, "made by multiply of from_hdf5 [a.h5:x by pread"));
    ck_assert_ptr_nonnull(strstr(text, "unpacked (scale_factor 0.5)]\narray: "));
    ck_assert_ptr_nonnull(strstr(text, "made by add\narray: float32 (30,)"));
    free(text);
}
END_TEST

/* ---- failures leave what was there ---- */

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

START_TEST(links_to_nothing)
{
    ck_assert_int_eq(symlink("nowhere.h5", "link.h5"), 0);
    br_array *bad = br_map_blocks(numbers(20, 30, 1), fails_late);
    for (int mode = BR_STORE_ADD; mode <= BR_STORE_TRUNCATE; mode++)
        refused(br_store_hdf5(bad, "link.h5", "x", .mode = (br_store_mode)mode), BR_EIO,
                "link.h5: is a symbolic link to a file that does not exist");
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

/* ---- others have changed the file since it was found ---- */

static void end_another_store(void)
{
    ck_assert_int_eq(system("cp longer.h5 a.h5"), 0);
}

START_TEST(a_file_that_another_store_has_changed_just_now)
{
    ok(br_store_hdf5(numbers(20, 30, 1), "a.h5", "x"));
    ck_assert_int_eq(system("cp a.h5 longer.h5"), 0);
    ok(br_store_hdf5(numbers(20, 30, 2), "longer.h5", "y"));
    before_locking = end_another_store;
    ok(br_store_hdf5(numbers(20, 30, 3), "a.h5", "z", .safe_copy = _i));
    ck_assert_ptr_null(before_locking);
    library_reads("a.h5", "x", 600, 1);
    library_reads("a.h5", "y", 600, 2);
    library_reads("a.h5", "z", 600, 3);
}
END_TEST

/* What another program writes then is not taken for our own. */
START_TEST(locked_until_its_time_is_known)
{
    ok(br_store_hdf5(numbers(20, 30, 1), "a.h5", "x"));
    watched = "a.h5";
    ok(br_store_hdf5(numbers(20, 30, 1), "a.h5", "y"));
    ck_assert(locked_when_set && locked_when_seen);
    locked_when_seen = false;
    refused(br_store_hdf5(br_map_blocks(numbers(20, 30, 1), fails_late), "a.h5", "z"), BR_EUSER,
            "");
    ck_assert(locked_when_seen);
    ck_assert(!is_locked("a.h5"));
}
END_TEST

static int lock_of_another;

static void change_and_lock(void)
{
    end_another_store();
    lock_of_another = open("a.h5", O_RDWR);
    ck_assert_int_eq((int)syscall(SYS_flock, lock_of_another, LOCK_EX), 0);
}

/* What is read by the expression must be as it was when it was opened, also while the file is being
 * written by us: changed by an earlier store, by another program before the lock, and by one that
 * keeps us out. */
START_TEST(a_source_that_has_changed)
{
    ok(br_store_hdf5(numbers(20, 30, 1), "a.h5", "x", .deflate = 1));
    ck_assert_int_eq(system("cp a.h5 longer.h5"), 0);
    ok(br_store_hdf5(numbers(20, 30, 2), "longer.h5", "x", .mode = BR_STORE_OVERWRITE));
    br_array *x = br_from_hdf5(ctx, "a.h5", "x");
    if (_i == 0)
        ok(br_store_hdf5(numbers(20, 30, 2), "a.h5", "x", .mode = BR_STORE_OVERWRITE));
    else
        before_locking = _i == 2 ? change_and_lock : end_another_store;
    if (_i == 2) {
        refused(br_store_hdf5(br_add(x, 1), "a.h5", "y"), BR_EIO, "locked");
        close(lock_of_another);
        refused(br_compute_f64(br_sum(x), &(double){0}), BR_EIO, "was changed");
    } else {
        refused(br_store_hdf5(br_add(x, 1), "a.h5", "y", .safe_copy = _i > 2), BR_EIO,
                "was changed");
    }
    x = br_from_hdf5(ctx, "a.h5", "x");
    ok(br_store_hdf5(br_add(x, 0), "a.h5", "y"));
    library_reads("a.h5", "y", 600, 2);
    ok(br_store_hdf5(br_add(x, 0), "a.h5", "z"));
    library_reads("a.h5", "z", 600, 2);
}
END_TEST

/* The lower layer is this folder's, the upper one lies in memory. */
static bool mount_overlay(void)
{
    char layers[200];
    snprintf(layers, sizeof layers, "lowerdir=%s/lower,upperdir=%s/top/upper,workdir=%s/top/work",
             directory, directory, directory);
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "top", "tmpfs", 0, NULL) == 0 && mkdir("top/upper", 0777) == 0 &&
           mkdir("top/work", 0777) == 0 && mount("overlay", "merged", "overlay", 0, layers) == 0;
}

/* A file with two names in the lower layer gets another number when it is opened to be written. */
START_TEST(on_an_overlay)
{
    struct stat before, after;
    ck_assert_int_eq(mkdir("lower", 0777) | mkdir("top", 0777) | mkdir("merged", 0777), 0);
    ok(br_store_hdf5(numbers(20, 30, 1), "lower/a.h5", "x"));
    ck_assert_int_eq(link("lower/a.h5", "lower/b.h5"), 0);
    ck_assert_int_eq(br_close(ctx), 0); /* its threads are where they began */
    bool mounted = mount_overlay();
    if (!mounted)
        printf("no overlay can be mounted here: %s\n", strerror(errno));
    ctx = br_open(NULL, NULL);
    if (mounted) {
        ck_assert_int_eq(stat("merged/a.h5", &before), 0);
        ok(br_store_hdf5(numbers(20, 30, 2), "merged/a.h5", "y", .deflate = 1));
        ck_assert_int_eq(stat("merged/a.h5", &after), 0);
        ck_assert(before.st_ino != after.st_ino || before.st_dev != after.st_dev);
        ok(br_store_hdf5(numbers(20, 30, 3), "merged/b.h5", "y", .safe_copy = true));
        ok(br_store_hdf5(numbers(20, 30, 4), "merged/c.h5", "y"));
        library_reads("merged/a.h5", "x", 600, 1);
        library_reads("merged/a.h5", "y", 600, 2);
        library_reads("merged/b.h5", "y", 600, 3);
        library_reads("merged/c.h5", "y", 600, 4);
    }
    library_reads("lower/a.h5", "x", 600, 1);
    umount("merged");
    umount("top");
    ck_assert_int_eq(system("rm -r lower top merged"), 0);
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

static int file_version(const char *path)
{
    int version = -1;
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t note = H5Aopen(file, "version", H5P_DEFAULT);
    ck_assert_int_ge(H5Aread(note, H5T_NATIVE_INT, &version), 0);
    H5Aclose(note);
    H5Fclose(file);
    return version;
}

START_TEST(attributes_of_files)
{
    br_array *x = numbers(20, 30, 1), *bad = br_map_blocks(x, fails_late);
    for (int safe = 0; safe < 2; safe++) {
        ok(br_store_hdf5(x, "a.h5", "x", .mode = BR_STORE_TRUNCATE,
                         .file_attributes = BR_ATTRIBUTES(BR_NUMBER("version", 1))));
        ok(br_store_hdf5(x, "a.h5", "y", .safe_copy = safe,
                         .file_attributes = BR_ATTRIBUTES(BR_NUMBER("version", 2))));
        refused(br_store_hdf5(bad, "a.h5", "z", .safe_copy = safe,
                              .file_attributes = BR_ATTRIBUTES(BR_NUMBER("version", 3))),
                BR_EUSER, "");
        refused(br_store_hdf5(x, "a.h5", "z", .safe_copy = safe,
                              .file_attributes = BR_ATTRIBUTES({.name = "none"})),
                BR_EARG, "a.h5: attribute \"none\"");
        refused(br_store_hdf5(br_index(x, ":2"), "a.h5", "x", .region = ":2",
                              .file_attributes = BR_ATTRIBUTES(BR_NUMBER("version", 4))),
                BR_EARG, "no other options");
        ck_assert_int_eq(file_version("a.h5"), 2);
    }
}
END_TEST

START_TEST(bad_dims)
{
    br_array *x = numbers(4, 6, 1);
    ok(br_store_hdf5(br_arange(ctx, BR_NUM(0), BR_NUM(5)), "a.h5", "y"));
    ok(br_store_hdf5(numbers(3, 3, 1), "a.h5", "square"));
    uint64_t before = digest("a.h5");
    refused(br_store_hdf5(x, "", "x"), BR_EARG, "store_hdf5 (test_store_hdf5.c");
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
    tcase_add_test(t, prints_what_it_unpacks);
    tcase_add_test(t, modes);
    tcase_add_test(t, nothing_hidden_is_left);
    tcase_add_test(t, filters);
    tcase_add_loop_test(t, into_a_file_that_is_read, 0, 2);
    tcase_add_test(t, a_failed_store_changes_nothing);
    tcase_add_test(t, locked_and_odd_files);
    tcase_add_test(t, links_and_permissions);
    tcase_add_test(t, links_to_nothing);
    tcase_add_loop_test(t, a_file_that_another_store_has_changed_just_now, 0, 2);
    tcase_add_test(t, locked_until_its_time_is_known);
    tcase_add_loop_test(t, a_source_that_has_changed, 0, 4);
    tcase_add_test(t, on_an_overlay);
    tcase_add_test(t, bad_attributes);
    tcase_add_test(t, attributes_of_files);
    tcase_add_test(t, bad_dims);
    tcase_add_test(t, bad_likes);
    return run_stores(t);
}
