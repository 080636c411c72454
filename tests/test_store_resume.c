/* SPDX-License-Identifier: BSD-3-Clause
 * test_store_resume.c - stores that fail and go on: what is computed again, and what is refused.
 * fault_store.sh kills some.
 */
#include "tests/nobody.h"
#include "tests/resuming.h"

static void use_threads(const char *n)
{
    ck_assert_int_eq(br_close(ctx), 0);
    setenv("BRAMBLE_NUM_THREADS", n, 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

/* A thread stores what it computed at once, so a failure finds each of the others with one block
 * that is not stored yet, which is then computed again. */
static int least_stored(int limit, int threads)
{
    return limit > threads - 1 ? limit - (threads - 1) : 0;
}

START_TEST(goes_on_after_failures)
{
    int threads = 1 + _i / 3;
    use_threads(threads == 1 ? "1" : "2");
    br_store_hdf5_args args = {.x = counted(3),
                               .path = "a.h5",
                               .dataset = "group/x",
                               .resume = true,
                               .deflate = _i % 3 == 1,
                               .contiguous = _i % 3 == 2,
                               .dims = BR_DIMS("r", "c"),
                               .attributes = BR_ATTRIBUTES(BR_TEXT("units", "m"))};
    int computed, kept = 0, total = 0;
    for (int limit = 0; limit < 12; limit += 3) {
        refused(run(&args, limit, &computed), BR_EUSER, "");
        ck_assert_int_eq(access("a.h5", F_OK), -1);
        ck_assert_int_eq(count_files(false), 2); /* the file and its log */
        kept += least_stored(limit, threads);
        total += computed;
    }
    ok(run(&args, 1000, &computed));
    ck_assert_int_le(computed, CHUNKS - kept);
    ck_assert_int_ge(computed, CHUNKS - total);
    if (threads == 1)
        ck_assert_int_eq(computed, CHUNKS - kept);
    ck_assert_int_eq(count_files(false), 1);
    library_reads("a.h5", "group/x", 600, 3);
    holds("a.h5", "group/x", 3 * 599 * 300);
    refused(run(&args, 1000, &computed), BR_EARG, "exists");
    ck_assert_int_eq(computed, 0);
    args.mode = BR_STORE_TRUNCATE;
    ok(run(&args, 1000, &computed));
    ck_assert_int_eq(computed, CHUNKS);
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

/* Stored chunks lie across those of the array, which is cut otherwise. */
START_TEST(goes_on_with_other_chunks)
{
    int computed;
    use_threads("1");
    br_store_hdf5_args args = {.x = counted(3),
                               .path = "a.h5",
                               .dataset = "x",
                               .resume = true,
                               .deflate = 1,
                               .chunks = BR_CHUNKS(7, 30)};
    refused(run(&args, 24, &computed), BR_EUSER, "");
    ok(run(&args, 1000, &computed));
    ck_assert_int_lt(computed, CHUNKS);
    is_complete(3);
}
END_TEST

/* Datasets are not made in the order in which they stand. */
START_TEST(goes_on_with_many)
{
    int computed;
    use_threads("1");
    br_array *rows = br_arange(ctx, BR_NUM(0.0), BR_NUM(20.0), .chunks = BR_CHUNKS(2));
    const br_store_hdf5_args stores[] = {{.x = counted(3),
                                          .path = "a.h5",
                                          .dataset = "x",
                                          .resume = true,
                                          .dims = BR_DIMS("r", "c")},
                                         {.x = rows, .dataset = "r", .dims = BR_DIMS("r")}};
    for (int limit = 12; limit <= 2000; limit += 1988) {
        atomic_store(&calls, 0);
        atomic_store(&fails_after, limit);
        br_status st = br_store_many(stores, 2);
        if (limit == 12)
            refused(st, BR_EUSER, "");
        else
            ok(st);
    }
    computed = atomic_load(&calls);
    ck_assert_int_le(computed, CHUNKS - 12);
    library_reads("a.h5", "x", 600, 3);
    library_reads("a.h5", "r", 20, 1);
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

START_TEST(replaces_a_file_at_the_end)
{
    int computed;
    ok(br_store_hdf5(numbers(4, 4, 1), "a.h5", "x"));
    uint64_t before = digest("a.h5");
    struct stat st;
    ck_assert_int_eq(chmod("a.h5", 0640), 0);
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true, .mode = BR_STORE_TRUNCATE};
    refused(run(&args, 12, &computed), BR_EUSER, "");
    ck_assert(digest("a.h5") == before);
    ck_assert_int_eq(stat("a.h5.part", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat("a.h5.part.log", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ok(run(&args, 1000, &computed));
    ck_assert_int_le(computed, CHUNKS - least_stored(12, 2));
    ck_assert_int_eq(stat("a.h5", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    is_complete(2);
}
END_TEST

/* It is read-only when it is complete, and the process may be killed, or the renaming fail, just
 * then: as nobody, to whom that matters. */
START_TEST(replaces_a_read_only_file)
{
    struct stat st;
    int computed;
    ck_assert_int_eq(chmod(directory, 0777), 0);
    as_nobody();
    ok(br_store_hdf5(numbers(4, 4, 1), "a.h5", "x"));
    ck_assert_int_eq(chmod("a.h5", 0440), 0);
    char *whole = realpath("a.h5", NULL);
    unnamable = whole;
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true, .mode = BR_STORE_TRUNCATE};
    refused(run(&args, 1000, &computed), BR_EIO, "a.h5: No space left");
    ck_assert_int_eq(stat("a.h5.part", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0440);
    unnamable = NULL;
    free(whole);
    ok(run(&args, 1000, &computed));
    ck_assert_int_eq(computed, 0);
    ck_assert_int_eq(stat("a.h5", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0440);
    library_reads("a.h5", "x", 600, 2);
    as_before();
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

/* Network file systems and some others get another device number when the machine starts again. */
START_TEST(goes_on_after_a_restart_of_the_machine)
{
    int computed;
    ok(br_store_hdf5(numbers(20, 30, 2), "in.h5", "x", .dims = BR_DIMS("r", "c")));
    ok(br_store_raw(numbers(20, 30, 0), "in.raw"));
    for (other_device = 0; other_device < 2; other_device++) {
        br_array *x = br_from_hdf5(ctx, "in.h5", "x", .chunks = BR_CHUNKS(4, 5));
        br_array *zeros =
            br_from_raw(ctx, "in.raw", BR_FLOAT64, BR_SHAPE(20, 30), .chunks = BR_CHUNKS(4, 5));
        const br_store_hdf5_args args = {.x = br_map_blocks(br_add(x, zeros), copy),
                                         .path = "a.h5",
                                         .dataset = "x",
                                         .like = x,
                                         .resume = true};
        if (other_device == 0)
            refused(run(&args, 20, &computed), BR_EUSER, "");
        else
            ok(run(&args, 1000, &computed));
    }
    ck_assert_int_le(computed, CHUNKS - least_stored(20, 2));
    library_reads("a.h5", "x", 600, 2);
    ck_assert_int_eq(count_files(false), 3);
}
END_TEST

/* What differs from the call that began. */
START_TEST(refuses_other_calls)
{
    static double data[600];
    int computed;
    br_array *mine =
        br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(20, 30), .chunks = BR_CHUNKS(4, 5));
    br_array *x = br_map_blocks(mine, copy);
    br_store_hdf5_args args = {
        .x = x, .path = "a.h5", .dataset = "x", .resume = true, .deflate = 1};
    refused(run(&args, 5, &computed), BR_EUSER, "");
    const char *other = "another expression";
    data[599] = 1;
    refused(run(&args, 1000, &computed), BR_EARG, other);
    data[599] = 0;
    args.deflate = 2;
    refused(run(&args, 1000, &computed), BR_EARG, other);
    args.deflate = 1;
    args.dataset = "y";
    refused(run(&args, 1000, &computed), BR_EARG, other);
    args.dataset = "x";
    args.attributes = BR_ATTRIBUTES(BR_TEXT("units", "m"));
    refused(run(&args, 1000, &computed), BR_EARG, other);
    args.file_attributes = args.attributes;
    args.attributes = NULL;
    refused(run(&args, 1000, &computed), BR_EARG, other);
    args.file_attributes = NULL;
    ok(br_store_hdf5(mine, "like.h5", "x", .dims = BR_DIMS("r", "c")));
    args.like = br_from_hdf5(ctx, "like.h5", "x");
    refused(run(&args, 1000, &computed), BR_EARG, other);
    args.like = NULL;
    ck_assert_int_eq(remove("like.h5"), 0);
    args.x = br_map_blocks(br_rechunk(mine, BR_CHUNKS(5, 5)), copy);
    refused(run(&args, 1000, &computed), BR_EARG, other);
    args.x = br_add(x, 0);
    refused(run(&args, 1000, &computed), BR_EARG, "a.h5.part.log");
    ck_assert_int_eq(computed, 0);
    args.x = x;
    ok(run(&args, 1000, &computed));
    ck_assert_int_le(computed, CHUNKS - least_stored(5, 2));
    is_complete(0);
}
END_TEST

enum { FROM_HDF5, FROM_RAW, FROM_NPY };

static void make_source(int kind, const char *path, double factor)
{
    br_array *x = numbers(20, 30, factor);
    ok(kind == FROM_HDF5  ? br_store_hdf5(x, path, "x")
       : kind == FROM_RAW ? br_store_raw(x, path)
                          : br_store_npy(x, path));
}

static br_array *source(int kind)
{
    const br_extents chunks = BR_CHUNKS(4, 5);
    br_array *x = kind == FROM_HDF5 ? br_from_hdf5(ctx, "in", "x", .chunks = chunks)
                  : kind == FROM_RAW
                      ? br_from_raw(ctx, "in", BR_FLOAT64, BR_SHAPE(20, 30), .chunks = chunks)
                      : br_from_npy(ctx, "in", .chunks = chunks);
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    return br_map_blocks(x, copy);
}

static void set_modified(const char *path, struct timespec when)
{
    const struct timespec times[2] = {{0, UTIME_OMIT}, when};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Another of the same shape, size and time, which only its inode tells, or the same one, touched.
 */
START_TEST(a_source_file_that_was_changed)
{
    const int kind = _i / 2;
    const bool touched = _i % 2;
    struct stat st;
    int computed;
    make_source(kind, "in", 2);
    ck_assert_int_eq(stat("in", &st), 0);
    br_store_hdf5_args args = {.x = source(kind), .path = "a.h5", .dataset = "x", .resume = true};
    refused(run(&args, 20, &computed), BR_EUSER, "");
    if (!touched) {
        make_source(kind, "other", 3);
        set_modified("other", st.st_mtim);
        ck_assert_int_eq(rename("other", "in"), 0);
    } else {
        st.st_mtim.tv_sec++;
        set_modified("in", st.st_mtim);
    }
    args.x = source(kind);
    refused(run(&args, 1000, &computed), BR_EARG, "another expression");
    ck_assert_int_eq(computed, 0);
    ck_assert_int_eq(remove("a.h5.part") | remove("a.h5.part.log"), 0);
    ok(run(&args, 1000, &computed));
    ck_assert_int_eq(computed, CHUNKS);
    library_reads("a.h5", "x", 600, touched ? 2 : 3);
}
END_TEST

static void patch(const char *path, off_t at, char byte)
{
    int fd = open(path, O_WRONLY);
    ck_assert_int_eq((int)pwrite(fd, &byte, 1, at), 1);
    ck_assert_int_eq(close(fd), 0);
}

/* A log that is cut off is as good as none. */
START_TEST(a_broken_log_begins_anew)
{
    int computed;
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true};
    for (int how = 0; how < 3; how++) {
        refused(run(&args, 20, &computed), BR_EUSER, "");
        struct stat st;
        ck_assert_int_eq(stat("a.h5.part.log", &st), 0);
        if (how == 0)
            ck_assert_int_eq(truncate("a.h5.part.log", st.st_size - 1), 0);
        else if (how == 1)
            ck_assert_int_eq(remove("a.h5.part.log"), 0);
        else
            ck_assert_int_eq(remove("a.h5.part"), 0);
        ok(run(&args, 1000, &computed));
        ck_assert_int_eq(computed, CHUNKS);
        library_reads("a.h5", "x", 600, 2);
        ck_assert_int_eq(count_files(true), 1);
    }
}
END_TEST

/* Nothing is computed again because of that, nor removed. */
START_TEST(a_log_that_cannot_be_read)
{
    int computed;
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true};
    refused(run(&args, 20, &computed), BR_EUSER, "");
    const int stored = least_stored(20, 2);
    ck_assert_int_eq(rename("a.h5.part.log", "moved"), 0);
    ck_assert_int_eq(symlink("a.h5.part.log", "a.h5.part.log"), 0);
    refused(run(&args, 1000, &computed), BR_EIO, "a.h5.part.log: Too many levels");
    ck_assert_int_eq(rename("moved", "a.h5.part.log"), 0);
    patch("a.h5.part.log", 7, '\2');
    refused(run(&args, 1000, &computed), BR_EARG, "a.h5.part: was begun by another version");
    patch("a.h5.part.log", 7, '\3');
    ok(run(&args, 1000, &computed));
    ck_assert_int_le(computed, CHUNKS - stored);
    is_complete(2);
}
END_TEST

/* By what it writes behind so many bytes. */
static void dies_after(rlim_t bytes)
{
    dies_storing(SIGXFSZ, bytes, false);
}

/* What was stored in a file that somebody removed is not in the next one, also when that has no log
 * of its own yet. */
START_TEST(the_log_of_a_removed_file_is_not_believed)
{
    enum { BEGUN = 100 };
    struct stat st;
    int computed;
    br_store_hdf5_args args = {.x = counted(2), .path = "a.h5", .dataset = "x", .resume = true};
    refused(run(&args, 20, &computed), BR_EUSER, "");
    ck_assert_int_eq(remove("a.h5.part"), 0);
    dies_after(BEGUN);
    ck_assert_int_eq(stat("a.h5.part", &st), 0);
    ck_assert(st.st_size > 0 && st.st_size <= BEGUN);
    args.x = counted(2);
    ok(run(&args, 1000, &computed));
    ck_assert_int_eq(computed, CHUNKS);
    is_complete(2);
}
END_TEST

START_TEST(bad_resumes)
{
    double value = 1;
    br_array *x = numbers(20, 30, 1);
    ok(br_store_hdf5(x, "a.h5", "x"));
    refused(br_store_hdf5(x, "a.h5", "y", .resume = true), BR_EARG, "exists");
    refused(br_store_hdf5(x, "b.h5", "x", .resume = true, .safe_copy = true), BR_EARG, "new file");
    refused(br_store_hdf5(x, "b.h5", "x", .resume = true, .mode = BR_STORE_APPEND), BR_EARG,
            "new file");
    refused(br_store_hdf5(x, "b.h5", "x", .resume = true, .region = "0"), BR_EARG, "new file");
    refused(br_store_hdf5(br_persist(x), "b.h5", "x", .resume = true), BR_EUNSUPPORTED,
            "persisted");
    refused(br_store_hdf5(br_map_blocks(x, copy, .data = &value), "b.h5", "x", .resume = true),
            BR_EARG, "data_bytes");
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("resume");
    tcase_add_loop_test(t, goes_on_after_failures, 0, 6);
    tcase_add_test(t, goes_on_with_other_chunks);
    tcase_add_test(t, goes_on_with_many);
    tcase_add_test(t, replaces_a_file_at_the_end);
    tcase_add_test(t, replaces_a_read_only_file);
    tcase_add_test(t, goes_on_after_a_restart_of_the_machine);
    tcase_add_test(t, refuses_other_calls);
    tcase_add_loop_test(t, a_source_file_that_was_changed, 0, 6);
    tcase_add_test(t, a_broken_log_begins_anew);
    tcase_add_test(t, a_log_that_cannot_be_read);
    tcase_add_test(t, the_log_of_a_removed_file_is_not_believed);
    tcase_add_test(t, bad_resumes);
    return run_stores(t);
}
