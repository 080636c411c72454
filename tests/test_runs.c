/* SPDX-License-Identifier: BSD-3-Clause
 * test_runs.c - whole runs through the public interface: what is read, held and refused.
 */
#include <bramble/bramble.h>
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/folder.h"
#include "tests/suite.h"

/* 120 x 40 x 30 elements, stored in chunks of 30 x 20 x 15. */
static br_array *stored_cube(void)
{
    br_array *x = br_reshape(br_arange(ctx, BR_NUM(0), BR_NUM(144000)), BR_SHAPE(120, 40, 30));
    x = br_div(br_remainder(br_mul(x, 7919), 10007), 3);
    ck_assert_int_eq(br_store_hdf5(x, "x.h5", "x", .chunks = BR_CHUNKS(30, 20, 15)), BR_OK);
    return br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(30, 20, 15));
}

static int64_t bytes_read(void)
{
    br_run_info info;
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    return info.bytes_read;
}

/* The slice of the whole result and the result of the slice have the same bits; the latter reads
 * less. */
static void check_slice(br_array *whole, const char *slice)
{
    double *expected;
    double *value;
    br_array *full = br_persist(whole);
    int64_t all = bytes_read();
    ck_assert_int_eq(br_compute_alloc(br_index(full, slice), (void **)&expected), BR_OK);
    br_array *part = br_index(whole, slice);
    ck_assert_int_eq(br_compute_alloc(part, (void **)&value), BR_OK);
    ck_assert_int_gt(all, 0);
    ck_assert_int_le(2 * bytes_read(), all);
    ck_assert_mem_eq(value, expected, br_nbytes(part));
    free(expected);
    free(value);
}

START_TEST(slices_reach_through_reductions)
{
    br_array *x = stored_cube();
    check_slice(br_mean(x, .axis = BR_AXES(0)), "3, ::-7");
    check_slice(br_std(x, .axis = BR_AXES(0), .correction = 1), "25:35:3, 2:9");
    check_slice(br_sum(x, .axis = BR_AXES(1, 2)), "::40");
    check_slice(br_max(x, .axis = BR_AXES(2), .keepdims = true), "-1, ::-3");
    check_slice(br_exp(br_div(br_mean(x, .axis = BR_AXES(1)), 1e4)), "7, 4");
    check_slice(br_var(br_sqrt(x), .axis = BR_AXES(0, 2)), "11");
}
END_TEST

START_TEST(slices_read_only_their_stored_chunks)
{
    br_array *x = stored_cube();
    double *value;
    ck_assert_int_eq(br_compute_alloc(br_exp(br_index(x, "0, 0, 0:15")), (void **)&value), BR_OK);
    ck_assert_int_le(bytes_read(), 30 * 20 * 15 * 8);
    free(value);
}
END_TEST

/* The context is passed as it is: on one process the bare pointer is good. */
static int computes(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)in;
    (void)nin;
    double value;
    br_status st = br_compute_f64((br_array *)(uintptr_t)data, &value);
    *(double *)out->data = (double)st;
    return 0;
}

/* The lines of br_explain that must be there, with what is the same on every machine. */
START_TEST(explain_tells_stages_and_passes)
{
    char *text;
    size_t size;
    br_array *x = stored_cube();
    br_array *anomaly = br_sub(x, br_mean(x, .axis = BR_AXES(0)));
    br_array *sd = br_std(anomaly, .axis = BR_AXES(0));
    FILE *to = open_memstream(&text, &size);
    ck_assert_int_eq(br_explain(sd, to), BR_OK);
    fclose(to);
    ck_assert_ptr_nonnull(strstr(text, "  0: reduce mean (test_runs.c:"));
    ck_assert_ptr_nonnull(strstr(text, " -> float64 (40, 30), 4 of 4 chunks, 4 leaves each\n"));
    ck_assert_ptr_nonnull(strstr(text, "      reads 1.1 MiB of from_hdf5 x.h5:x by pread\n"));
    ck_assert_ptr_nonnull(strstr(text, "      reads stage 0\n"));
    ck_assert_ptr_nonnull(strstr(text, ": 2.2 MiB, 2 passes\n"));
    /* 2 reductions of 4 chunks with 4 leaves and 3 nodes each, and the results of 4 chunks. */
    ck_assert_ptr_nonnull(strstr(text, "this rank: 60 tasks; "));
    free(text);
    double *value;
    ck_assert_int_eq(br_compute_alloc(sd, (void **)&value), BR_OK);
    free(value);
    br_run_info info;
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_eq(info.tasks, 60);
    ck_assert_int_eq(info.bytes_read, 2 * 144000 * 8);
}
END_TEST

START_TEST(computing_inside_a_task_is_refused)
{
    double st;
    br_array *inner = br_sum(br_ones(ctx, BR_SHAPE(10)));
    br_array *outer = br_map_blocks(br_zeros(ctx, BR_SHAPE(1)), computes, .data = inner);
    ck_assert_int_eq(br_compute_f64(outer, &st), BR_EUNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "test_runs.c:"));
    br_clear_error(ctx);
}
END_TEST

START_TEST(loops_hold_one_array_at_a_time)
{
    enum { STEPS = 300 };
    size_t bytes = 100 * 1000 * sizeof(double);
    br_array *x = br_persist(br_zeros(ctx, BR_SHAPE(100, 1000), .chunks = BR_CHUNKS(10, 1000)));
    br_run_info info;
    double mean;
    for (int i = 0; i < STEPS; i++) {
        br_scope *scope = br_scope_open(ctx);
        br_array *next = br_keep(br_persist(br_add(x, 1)));
        br_scope_close(scope);
        br_release(x);
        x = next;
    }
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_le(info.peak_bytes, (int64_t)(4 * bytes));
    ck_assert_int_eq(br_compute_f64(br_mean(x), &mean), BR_OK);
    ck_assert_double_eq(mean, STEPS);
}
END_TEST

START_TEST(retained_arrays_outlive_their_scope)
{
    double value;
    br_scope *scope = br_scope_open(ctx);
    br_array *x = br_sum(br_ones(ctx, BR_SHAPE(7)));
    br_retain(x);
    br_scope_close(scope);
    ck_assert_int_eq(br_compute_f64(x, &value), BR_OK);
    ck_assert_double_eq(value, 7);
    br_release(x);
}
END_TEST

/* A function that gives its argument back must not pull it into the caller's inner scope. */
START_TEST(returning_an_argument_leaves_it_where_it_is)
{
    double value;
    br_array *x = br_sum(br_ones(ctx, BR_SHAPE(7)));
    br_scope *outer = br_scope_open(ctx);
    br_scope *inner = br_scope_open(ctx);
    ck_assert_ptr_eq(br_scope_return(inner, x), x);
    br_scope_close(outer);
    ck_assert_int_eq(br_compute_f64(x, &value), BR_OK);
    ck_assert_double_eq(value, 7);
}
END_TEST

START_TEST(changed_files_are_refused)
{
    double value;
    br_array *total = br_sum(stored_cube());
    ck_assert_int_eq(br_compute_f64(total, &value), BR_OK);
    /* Our own writing to the file is no change of the dataset. */
    ck_assert_int_eq(br_store_hdf5(br_mul(total, 2), "x.h5", "twice"), BR_OK);
    ck_assert_int_eq(br_compute_f64(total, &value), BR_OK);
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    ck_assert_int_eq(utimensat(AT_FDCWD, "x.h5", times, 0), 0);
    ck_assert_int_eq(br_compute_f64(total, &value), BR_EIO);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "was changed since it was opened"));
    br_clear_error(ctx);
    double again;
    ck_assert_int_eq(br_compute_f64(br_sum(br_from_hdf5(ctx, "x.h5", "x")), &again), BR_OK);
    ck_assert_double_eq_tol(again, value, 1e-6 * value);
    br_clear_error(ctx);
}
END_TEST

START_TEST(scalars_convert)
{
    double z[2];
    int64_t i;
    br_array *sum = br_sum(br_full(ctx, BR_SHAPE(4), br_number_complex(1, -2)));
    ck_assert_int_eq(br_compute_c128(sum, z), BR_OK);
    ck_assert_double_eq(z[0], 4);
    ck_assert_double_eq(z[1], -8);
    ck_assert_int_eq(br_compute_c128(br_full(ctx, BR_0D, BR_NUM(true)), z), BR_OK);
    ck_assert_double_eq(z[0], 1);
    ck_assert_double_eq(z[1], 0);
    ck_assert_int_eq(br_compute_f64(sum, z), BR_ETYPE);
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute_i64(br_full(ctx, BR_0D, BR_NUM(2.5)), &i), BR_ETYPE);
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute_i64(br_ones(ctx, BR_SHAPE(2)), &i), BR_ESHAPE);
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute_i64(br_full(ctx, BR_0D, BR_NUM(1LL << 60)), &i), BR_OK);
    ck_assert_int_eq(i, 1LL << 60);
}
END_TEST

START_TEST(chunks_are_told)
{
    int64_t extents[8] = {0};
    br_array *x = br_index(br_zeros(ctx, BR_SHAPE(20, 3), .chunks = BR_CHUNKS(6, 3)), "4:19");
    ck_assert_int_eq(br_num_chunks(x, 0), 4);
    ck_assert_int_eq(br_chunks(x, 0, extents, 8), 4);
    int64_t expected[] = {2, 6, 6, 1};
    ck_assert_mem_eq(extents, expected, sizeof expected);
    ck_assert_int_eq(br_chunks(x, -1, extents, 1), 1);
    ck_assert_int_eq(extents[0], 3);
    ck_assert_int_eq(br_chunks(x, 2, extents, 8), -1);
}
END_TEST

/* Every operation is a node, every input an edge, and what runs by itself is filled. */
START_TEST(graphs_are_drawn)
{
    char text[4096];
    br_array *x = br_zeros(ctx, BR_SHAPE(4, 6));
    ck_assert_int_eq(br_visualize(br_sub(x, br_mean(x, .axis = BR_AXES(0))), "g.dot"), BR_OK);
    FILE *from = fopen("g.dot", "r");
    ck_assert_ptr_nonnull(from);
    text[fread(text, 1, sizeof text - 1, from)] = '\0';
    fclose(from);
    unlink("g.dot");
    ck_assert_int_eq(strncmp(text, "digraph bramble {", 17), 0);
    ck_assert_ptr_nonnull(strstr(text, "n0 [label=\"full\\nfloat64 (4, 6)"));
    ck_assert_ptr_nonnull(strstr(text, "n1 [label=\"mean\\nfloat64 (6,)"));
    ck_assert_ptr_nonnull(strstr(text, "n2 [label=\"subtract\\nfloat64 (4, 6)"));
    ck_assert_ptr_nonnull(strstr(text, "n0 -> n1;"));
    ck_assert_ptr_nonnull(strstr(text, "n0 -> n2;"));
    ck_assert_ptr_nonnull(strstr(text, "n1 -> n2;"));
    ck_assert_ptr_nonnull(strstr(text, "style=filled"));
}
END_TEST

/* Whatever is called on a context that did not open returns its status. */
START_TEST(failed_contexts_fail_every_call)
{
    setenv("BRAMBLE_ISA", "abacus", 1);
    br_context *failed = br_open(NULL, NULL);
    unsetenv("BRAMBLE_ISA");
    ck_assert_int_eq(br_error_status(failed), BR_ECONFIG);
    ck_assert_ptr_nonnull(strstr(br_message(failed), "abacus"));
    double data[4] = {0};
    br_array *arrays[] = {
        br_from_memory(failed, data, BR_FLOAT64, BR_SHAPE(4)),
        br_zeros(failed, BR_SHAPE(4)),
        br_full(failed, BR_SHAPE(4), BR_NUM(1)),
        br_arange(failed, BR_NUM(0), BR_NUM(4)),
        br_linspace(failed, 0, 1, 4),
        br_from_hdf5(failed, "x.h5", "x"),
    };
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        br_array *x = br_sum(br_add(arrays[i], 1));
        ck_assert_int_eq(br_status_of(x), BR_ECONFIG);
        ck_assert_int_eq(br_compute_f64(x, data), BR_ECONFIG);
        ck_assert_int_eq(br_store_hdf5(x, "y.h5", "x"), BR_ECONFIG);
        ck_assert_int_eq(br_status_of(br_persist(x)), BR_ECONFIG);
    }
    ck_assert_int_eq(br_close(failed), BR_ECONFIG);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("runs");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, slices_reach_through_reductions);
    tcase_add_test(tests, slices_read_only_their_stored_chunks);
    tcase_add_test(tests, explain_tells_stages_and_passes);
    tcase_add_test(tests, computing_inside_a_task_is_refused);
    tcase_add_test(tests, loops_hold_one_array_at_a_time);
    tcase_add_test(tests, retained_arrays_outlive_their_scope);
    tcase_add_test(tests, returning_an_argument_leaves_it_where_it_is);
    tcase_add_test(tests, changed_files_are_refused);
    tcase_add_test(tests, scalars_convert);
    tcase_add_test(tests, chunks_are_told);
    tcase_add_test(tests, graphs_are_drawn);
    tcase_add_test(tests, failed_contexts_fail_every_call);
    return run_case("runs", tests);
}
