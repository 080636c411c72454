/* SPDX-License-Identifier: BSD-3-Clause
 * test_store_resume_end.c - the end of stores that go on, when their file gets its name: files and
 * logs of others, of calls before and of what was complete already.
 */
#include "tests/resuming.h"

/* Just after the file has got its final name. */
static void dies_at_the_end(void)
{
    dies_storing(SIGKILL, RLIM_INFINITY, true);
}

static const int ways[] = {0, EINVAL, ENOSYS};

/* The log is still there, and where the file could not be renamed in one step its first name. The
 * next call has nothing to do but to remove them, also where times are coarser than the clock. */
START_TEST(what_was_complete_is_complete)
{
    int computed;
    renameat2_errno = ways[_i % 3];
    whole_seconds = _i == 3;
    dies_at_the_end();
    ck_assert_int_eq(count_files(false), _i % 3 == 0 ? 2 : 3);
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true};
    ok(run(&args, 1000, &computed));
    ck_assert_int_eq(computed, 0);
    is_complete(2);
    refused(run(&args, 1000, &computed), BR_EARG, "exists");
}
END_TEST

/* Another store that makes its file under the same name does not begin with the complete one. */
START_TEST(what_was_complete_stays_until_it_is_replaced)
{
    int computed;
    renameat2_errno = ways[_i];
    dies_at_the_end();
    const br_store_hdf5_args args = {
        .x = counted(3), .path = "a.h5", .dataset = "x", .resume = true, .mode = BR_STORE_TRUNCATE};
    refused(run(&args, 5, &computed), BR_EUSER, "");
    library_reads("a.h5", "x", 600, 2);
    ok(run(&args, 1000, &computed));
    is_complete(3);
}
END_TEST

/* Of a store that never ended, or of a file that has been changed or replaced since. */
START_TEST(a_stale_log_does_not_end_a_store)
{
    int computed;
    ok(br_store_hdf5(numbers(20, 30, 1), "a.h5", "x"));
    br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true, .mode = BR_STORE_TRUNCATE};
    refused(run(&args, 20, &computed), BR_EUSER, "");
    ck_assert_int_eq(remove("a.h5.part"), 0);
    ok(run(&args, 1000, &computed));
    ck_assert_int_eq(computed, CHUNKS);
    library_reads("a.h5", "x", 600, 2);
    ck_assert_int_eq(count_files(true), 1);
    for (int replaced = 0; replaced < 2; replaced++) {
        dies_at_the_end();
        ok(br_store_hdf5(numbers(20, 30, 5), "a.h5", "x",
                         .mode = replaced ? BR_STORE_TRUNCATE : BR_STORE_OVERWRITE));
        args.x = counted(2);
        args.mode = BR_STORE_ADD;
        refused(run(&args, 1000, &computed), BR_EARG, "exists");
        args.mode = BR_STORE_TRUNCATE;
        ok(run(&args, 1000, &computed));
        ck_assert_int_eq(computed, CHUNKS);
        library_reads("a.h5", "x", 600, 2);
        ck_assert_int_eq(count_files(true), 1);
    }
}
END_TEST

static void put_file(const char *path)
{
    FILE *f = fopen("other", "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_gt(fprintf(f, "of somebody else"), 0);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(rename("other", path), 0);
}

static void put_final(void)
{
    put_file("a.h5");
}

static void put_part(void)
{
    put_file("a.h5.part");
}

static void expect_others(const char *path)
{
    char text[30] = "";
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
    fclose(f);
    ck_assert_str_eq(text, "of somebody else");
}

START_TEST(a_file_that_came_up_meanwhile_stays)
{
    int computed;
    renameat2_errno = ways[_i];
    meanwhile = put_final;
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true};
    refused(run(&args, 1000, &computed), BR_EIO, "another program made this file");
    expect_others("a.h5");
    ck_assert_int_eq(remove("a.h5"), 0);
    ok(run(&args, 1000, &computed));
    ck_assert_int_eq(computed, 0);
    is_complete(2);
}
END_TEST

/* Neither removed nor taken for what has been made; what the log says is not of it. */
START_TEST(a_file_in_place_of_the_one_that_is_made_stays)
{
    int computed;
    meanwhile = put_part;
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true};
    refused(run(&args, _i == 0 ? 1000 : 20, &computed), _i == 0 ? BR_EIO : BR_EUSER,
            _i == 0 ? "another file in its place" : "");
    expect_others("a.h5.part");
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

START_TEST(nothing_is_left_of_a_log_that_cannot_be_written)
{
    int computed;
    unnamable = "a.h5.part.log";
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true};
    refused(run(&args, 1000, &computed), BR_EIO, "a.h5.part.log.new: No space left");
    ck_assert_int_eq(count_files(false), 0);
}
END_TEST

/* As long as it takes until a log is due: half a second, or ten times what the last one took. */
static void wait_for_a_log(void)
{
    struct timespec longer = {0, 600000000};
    while (!atomic_load(&was_full) && nanosleep(&longer, &longer) != 0)
        continue;
}

static void fill_the_disk(void)
{
    unnamable = "a.h5.part.log";
    wait_for_a_log();
}

/* All threads are told, and the log before is the one to go on with. */
START_TEST(a_log_that_cannot_be_renewed)
{
    int computed;
    meanwhile = fill_the_disk;
    afterwards = wait_for_a_log;
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true};
    refused(run(&args, 1000, &computed), BR_EIO, "a.h5.part.log.new: No space left");
    ck_assert_int_eq(count_files(false), 2);
    meanwhile = afterwards = NULL;
    unnamable = NULL;
    ok(run(&args, 1000, &computed));
    is_complete(2);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("end");
    tcase_add_loop_test(t, what_was_complete_is_complete, 0, 4);
    tcase_add_loop_test(t, what_was_complete_stays_until_it_is_replaced, 0, 2);
    tcase_add_test(t, a_stale_log_does_not_end_a_store);
    tcase_add_loop_test(t, a_file_that_came_up_meanwhile_stays, 0, 3);
    tcase_add_loop_test(t, a_file_in_place_of_the_one_that_is_made_stays, 0, 2);
    tcase_add_test(t, nothing_is_left_of_a_log_that_cannot_be_written);
    tcase_add_test(t, a_log_that_cannot_be_renewed);
    return run_stores(t);
}
