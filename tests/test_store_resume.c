/* SPDX-License-Identifier: BSD-3-Clause
 * test_store_resume.c - stores that fail and go on: what is computed again, and what is refused.
 * fault_store.sh kills some.
 */
#include <stdatomic.h>
#include <sys/stat.h>

#include "tests/store_samples.h"

enum { CHUNKS = 30 }; /* of numbers(20, 30, ...) */

static atomic_int calls, fails_after;

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return atomic_fetch_add(&calls, 1) >= atomic_load(&fails_after);
}

static br_array *counted(double factor)
{
    return br_map_blocks(numbers(20, 30, factor), copy);
}

static br_status run(const br_store_hdf5_args *args, int limit, int *computed)
{
    atomic_store(&calls, 0);
    atomic_store(&fails_after, limit);
    br_status st = br_store_hdf5_(*args);
    *computed = atomic_load(&calls);
    return st;
}

START_TEST(goes_on_after_failures)
{
    br_store_hdf5_args args = {.x = counted(3),
                               .path = "a.h5",
                               .dataset = "group/x",
                               .resume = true,
                               .deflate = _i == 1,
                               .contiguous = _i == 2,
                               .dims = BR_DIMS("r", "c"),
                               .attributes = BR_ATTRIBUTES(BR_TEXT("units", "m"))};
    int computed, kept = 0, total = 0;
    for (int limit = 0; limit < 12; limit += 3) {
        refused(run(&args, limit, &computed), BR_EUSER, "");
        ck_assert_int_eq(access("a.h5", F_OK), -1);
        ck_assert_int_eq(count_files(false), 2); /* the file and its log */
        kept += limit;
        total += computed;
    }
    ok(run(&args, 1000, &computed));
    ck_assert_int_le(computed, CHUNKS - kept);
    ck_assert_int_ge(computed, CHUNKS - total);
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

START_TEST(replaces_a_file_at_the_end)
{
    int computed;
    ok(br_store_hdf5(numbers(4, 4, 1), "a.h5", "x"));
    uint64_t before = digest("a.h5");
    const br_store_hdf5_args args = {
        .x = counted(2), .path = "a.h5", .dataset = "x", .resume = true, .mode = BR_STORE_TRUNCATE};
    refused(run(&args, 12, &computed), BR_EUSER, "");
    ck_assert(digest("a.h5") == before);
    ok(run(&args, 1000, &computed));
    ck_assert_int_le(computed, CHUNKS - 12);
    library_reads("a.h5", "x", 600, 2);
    ck_assert_int_eq(count_files(false), 1);
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
    args.x = br_map_blocks(br_rechunk(mine, BR_CHUNKS(5, 5)), copy);
    refused(run(&args, 1000, &computed), BR_EARG, other);
    args.x = br_add(x, 0);
    refused(run(&args, 1000, &computed), BR_EARG, "a.h5.part.log");
    ck_assert_int_eq(computed, 0);
    args.x = x;
    ok(run(&args, 1000, &computed));
    ck_assert_int_le(computed, CHUNKS - 5);
    library_reads("a.h5", "x", 600, 0);
    ck_assert_int_eq(count_files(false), 1);
}
END_TEST

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
    refused(br_store_hdf5(x, "b.h5", "x", .resume = true, .chunks = BR_CHUNKS(3, 5)), BR_EARG,
            "whole stored ones");
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
    tcase_add_loop_test(t, goes_on_after_failures, 0, 3);
    tcase_add_test(t, replaces_a_file_at_the_end);
    tcase_add_test(t, refuses_other_calls);
    tcase_add_test(t, a_broken_log_begins_anew);
    tcase_add_test(t, bad_resumes);
    return run_case(t);
}
