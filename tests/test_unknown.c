/* SPDX-License-Identifier: BSD-3-Clause
 * test_unknown.c - arrays whose extents the data tell: what they say before and after
 * counting, memory and bytes read.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/ops/ops.h"
#include "array/plan/resolve.h"
#include "runtime/alloc.h"
#include "tests/suite.h"
#include "tests/unknown.h"

/* ---- before and after ---- */

static void printed(br_array *x, br_status (*print)(const br_array *, FILE *), char *text)
{
    FILE *to = fmemopen(text, 1000, "w");
    ck_assert_int_eq(print(x, to), BR_OK);
    fclose(to);
}

START_TEST(shapes)
{
    char text[1000];
    br_array *y = br_add(below(250), 1);
    ck_assert_int_eq(br_ndim(y), 1);
    ck_assert_int_eq(br_shape(y)[0], BR_UNKNOWN);
    ck_assert_int_eq(br_nelem(y), BR_UNKNOWN);
    ck_assert(br_nbytes(y) == SIZE_MAX);
    ck_assert_int_eq(br_num_chunks(y, 0), -1);
    ck_assert_int_eq(br_chunks(y, 0, NULL, 0), -1);
    printed(y, br_print, text);
    ck_assert_str_eq(text, "array: float64 (?,) chunks (?,), ? chunks, made by add\n");
    printed(y, br_print_tree, text);
    ck_assert_ptr_nonnull(strstr(text, "compress [axis 0]  float64 (?,) chunks (?,)"));

    br_array *known = br_resolve(y);
    int64_t chunks[3];
    ck_assert_int_eq(br_status_of(known), BR_OK);
    ck_assert_int_eq(br_shape(known)[0], 250);
    ck_assert_int_eq(br_chunks(known, 0, chunks, 3), 3);
    ck_assert(chunks[0] == 100 && chunks[1] == 100 && chunks[2] == 50);
    ck_assert(sum_of(known) == 250 * 249 / 2 + 250);
    ck_assert_int_eq(br_shape(y)[0], BR_UNKNOWN);
    ck_assert(br_resolve(known)->node == known->node);
    ck_assert_int_eq(br_status_of(br_resolve(br_index(known, "1000"))), BR_EINDEX);
    br_clear_error(ctx);

    FILE *to = fmemopen(text, sizeof text, "w");
    ck_assert_int_eq(br_print_values(br_sub(below(4), 1), to), BR_OK);
    fclose(to);
    ck_assert_str_eq(text, "[-1.  0.  1.  2.]\n");
}
END_TEST

START_TEST(explained)
{
    char text[4000];
    FILE *to = fmemopen(text, sizeof text, "w");
    ck_assert_int_eq(br_explain(br_sum(below(250)), to), BR_OK);
    fclose(to);
    ck_assert_ptr_nonnull(strstr(text, "pick compress"));
    ck_assert_ptr_nonnull(strstr(text, "float64 (250,), 3 of 3 chunks"));
    ck_assert_int_eq(br_visualize(below(250), in_folder("x.dot")), BR_OK);
}
END_TEST

START_TEST(results)
{
    double out[N];
    double *block;
    double one;
    br_array *y = below(250);
    ck_assert_int_eq(br_compute(y, out, 250 * sizeof *out), BR_OK);
    ck_assert(out[0] == 0 && out[249] == 249);
    says(br_compute(y, out, sizeof out), BR_EARG,
         "the buffer has 8000 bytes, the array 2000: its shape is (250,)");
    says(br_compute(y, NULL, 2000), BR_EARG, "NULL");
    ck_assert_int_eq(br_compute_alloc(y, (void **)&block), BR_OK);
    ck_assert(block[249] == 249);
    free(block);
    ck_assert_int_eq(br_compute_f64(below(1), &one), BR_OK);
    ck_assert(one == 0);
    says(br_compute_f64(y, &one), BR_ESHAPE, "shape (250,) is not one element");
    says(br_compute_f64(below(-1), &one), BR_ESHAPE, "shape (0,) is not one element");
    ck_assert_int_eq(br_compute(below(-1), NULL, 0), BR_OK);

    br_result both[] = {{br_sum(y), &one, sizeof one}, {br_add(y, y), out, 250 * sizeof *out}};
    ck_assert_int_eq(br_compute_many(both, 2), BR_OK);
    ck_assert(one == 250 * 249 / 2 && out[249] == 498);
}
END_TEST

START_TEST(files)
{
    br_array *y = below(250);
    ck_assert_int_eq(br_store_npy(y, in_folder("x.npy")), BR_OK);
    br_array *back = br_from_npy(ctx, in_folder("x.npy"));
    ck_assert_int_eq(br_shape(back)[0], 250);
    ck_assert(sum_of(back) == 250 * 249 / 2);
    ck_assert_int_eq(br_store_hdf5(y, in_folder("x.h5"), "x", .deflate = 1), BR_OK);
    back = br_from_hdf5(ctx, in_folder("x.h5"), "x");
    ck_assert_int_eq(br_shape(back)[0], 250);
    ck_assert(sum_of(back) == 250 * 249 / 2);
    ck_assert_int_eq(br_store_hdf5(below(-1), in_folder("x.h5"), "none"), BR_OK);
    ck_assert_int_eq(br_shape(br_from_hdf5(ctx, in_folder("x.h5"), "none"))[0], 0);
}
END_TEST

static double sometimes(double x, const void *at)
{
    return x == *(const double *)at;
}

/* ---- phases, memory, reading ---- */

START_TEST(phases)
{
    const double five = 5;
    br_array *y = below(250);
    for (int i = 0; i < 6; i++)
        y = br_boolean_index(y, br_less(y, 200 - 10 * i));
    ck_assert(sum_of(y) == 150 * 149 / 2);
    br_array *top = br_boolean_index(y, br_greater(y, br_mean(y)));
    ck_assert(sum_of(top) == 75 * (75 + 149) / 2);
    br_array *one =
        br_boolean_index(y, br_map(y, sometimes, .data = &five, .data_bytes = 8, .dtype = BR_BOOL));
    ck_assert(sum_of(one) == 5);
    br_array *p = br_persist(br_boolean_index(y, br_less(y, 20)));
    ck_assert_int_eq(br_shape(p)[0], 20);
    ck_assert(sum_of(br_boolean_index(p, br_less(p, 3))) == 3);
}
END_TEST

/* Equal masks are counted once: a task for each chunk and for each count's place, beside the run.
 * */
START_TEST(counted_once)
{
    br_run_info alone;
    br_run_info two;
    double sum[2];
    br_array *x = memory(100);
    br_array *a = br_sum(br_boolean_index(x, br_less(x, 1000)));
    br_array *b = br_sum(br_boolean_index(br_mul(x, 2), br_less(x, 1000)));
    ck_assert_int_eq(br_compute_f64(a, &sum[0]), BR_OK);
    br_last_run(ctx, &alone);
    br_result both[] = {{a, &sum[0], 8}, {b, &sum[1], 8}};
    ck_assert_int_eq(br_compute_many(both, 2), BR_OK);
    br_last_run(ctx, &two);
    ck_assert(sum[1] == 2 * sum[0]);
    ck_assert_int_eq(two.tasks, 2 * alone.tasks - 20);
}
END_TEST

START_TEST(only_what_is_kept_is_read)
{
    br_run_info info;
    ck_assert_int_eq(br_store_npy(memory(100), in_folder("x.npy")), BR_OK);
    br_array *file = br_from_npy(ctx, in_folder("x.npy"), .chunks = BR_CHUNKS(100));
    br_array *i = br_arange(ctx, .stop = BR_NUM(N), .chunks = BR_CHUNKS(100));
    br_array *y = br_boolean_index(file, br_logical_and(br_greater(i, 310), br_less(i, 320)));
    ck_assert(sum_of(y) == 9 * (311 + 319) / 2);
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, 800);
    /* Mask and elements read the same: once for counting, once for both. */
    ck_assert(sum_of(br_boolean_index(file, br_less(file, 250))) == 250 * 249 / 2);
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, 8000 + 2400);
}
END_TEST

/* Of one column among eight only that is read, of a file in which it lies apart. */
START_TEST(slices_of_what_is_picked)
{
    br_run_info info;
    br_array *x = br_reshape(memory(100), BR_SHAPE(8, 125));
    ck_assert_int_eq(br_store_npy(x, in_folder("x.npy")), BR_OK);
    br_array *file = br_permute_dims(
        br_from_npy(ctx, in_folder("x.npy"), .chunks = BR_CHUNKS(8, 25)), BR_AXES(1, 0));
    br_array *i = br_arange(ctx, .stop = BR_NUM(125), .chunks = BR_CHUNKS(25));
    br_array *y = br_boolean_index(file, br_equal(br_remainder(i, 50), 3));
    ck_assert(sum_of(br_index(y, ":, 3")) == 3 * 375 + 3 + 53 + 103);
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, 3 * 25 * 8);
    br_array *known = br_resolve(br_add(y, 1));
    ck_assert(sum_of(br_index(known, "-1, 3")) == 375 + 103 + 1);
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, 25 * 8);
}
END_TEST

/* A number below a mask is computed while it is counted, and kept: the file is read for the mean,
 * for counting, and where elements are kept. */
START_TEST(numbers_are_computed_once)
{
    br_run_info info;
    ck_assert_int_eq(br_store_npy(memory(100), in_folder("x.npy")), BR_OK);
    br_array *file = br_from_npy(ctx, in_folder("x.npy"), .chunks = BR_CHUNKS(100));
    br_array *deviation = br_abs(br_sub(file, br_mean(file, .keepdims = true)));
    br_array *y = br_boolean_index(file, br_greater(deviation, br_mul(1.5, br_std(file))));
    ck_assert(sum_of(y) == (999 * 67 + 0.0));
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, 2 * 8000 + 2 * 800);
    /* What is kept is of this run only. */
    br_array *x = memory(100);
    br_array *high = br_boolean_index(x, br_greater(x, br_mean(x)));
    ck_assert(sum_of(high) == (500 + 999) * 250);
    data[0] = 1e6;
    ck_assert(sum_of(high) == 1e6);
}
END_TEST

START_TEST(memory_is_bounded)
{
    br_close(ctx);
    open_with("6M");
    unsetenv("BRAMBLE_MEMORY_LIMIT");
    br_run_info info;
    const int64_t n = 1 << 23; /* 64 MiB */
    br_array *x = br_arange(ctx, .stop = BR_NUM(n), .chunks = BR_CHUNKS(1 << 16));
    br_array *y = br_boolean_index(x, br_equal(br_remainder(x, 2), 0));
    double half = (double)n / 2;
    ck_assert(sum_of(y) == half * (half - 1));
    br_last_run(ctx, &info);
    ck_assert_msg(info.peak_bytes <= 6 << 20, "%lld", (long long)info.peak_bytes);
    /* The mask in one piece does not make the array one. */
    br_array *whole = br_rechunk(br_equal(br_remainder(x, 4), 0), BR_CHUNKS(1 << 20));
    ck_assert(sum_of(br_compress(whole, x, .axis = BR_AXIS(0))) == half * (half / 2 - 1));
    br_last_run(ctx, &info);
    ck_assert_msg(info.peak_bytes <= 6 << 20, "%lld", (long long)info.peak_bytes);
}
END_TEST

/* ---- the machinery ---- */

START_TEST(tables)
{
    bri_memory_stats before;
    bri_memory_stats after;
    bri_table *a = bri_table_new(24);
    bri_table *b = bri_table_new(24);
    memset(a->data, 7, 24);
    memset(b->data, 7, 24);
    bri_table_seal(a);
    bri_table_seal(b);
    ck_assert(bri_table_equal(a, b) && a->hash == b->hash);
    ck_assert(!bri_table_equal(a, NULL) && bri_table_equal(NULL, NULL));
    b->data[23] = 8;
    bri_table_seal(b);
    ck_assert(!bri_table_equal(a, b));
    bri_memory_about(ctx->memory, &before);
    ck_assert_int_eq(bri_table_charge(a, ctx->memory), BR_OK);
    bri_memory_about(ctx->memory, &after);
    ck_assert(after.promised == before.promised + 24);
    ck_assert(bri_table_retain(a) == a);
    bri_table_release(a);
    bri_table_release(a);
    bri_memory_about(ctx->memory, &after);
    ck_assert(after.promised == before.promised);
    bri_table_release(b);
    bri_table_release(NULL);
    bri_table *huge = bri_table_new(before.limit > 1 << 20 ? 1 << 20 : 8);
    huge->bytes = before.limit + 1;
    ck_assert_int_eq(bri_table_charge(huge, ctx->memory), BR_EMEMLIMIT);
    bri_table_release(huge);
    ck_assert_ptr_null(bri_table_new(SIZE_MAX));
}
END_TEST

/* What is resolved alike is one node: equal tables, and nothing left over. */
START_TEST(resolved_nodes)
{
    bri_array_data *all = bri_array_data_of(ctx);
    br_array *y = below(250);
    br_array *known[] = {br_resolve(y), br_resolve(y)};
    ck_assert(known[0]->node == known[1]->node);
    ck_assert(!known[0]->node->pending && y->node->pending);
    ck_assert_ptr_eq(known[0]->node->op, &bri_op_picked);
    ck_assert_uint_eq(known[0]->node->table->bytes, 10 * sizeof(int64_t));
    data[0] = 777;
    ck_assert(br_resolve(y)->node != known[0]->node);
    sum_of(y);
    size_t nodes = all->nnodes;
    for (int i = 0; i < 5; i++)
        sum_of(y);
    br_scope *s = br_scope_open(ctx);
    ck_assert_int_eq(br_shape(br_resolve(br_add(y, 17)))[0], 249);
    br_scope_close(s);
    ck_assert_uint_eq(all->nnodes, nodes);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("unknown");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, explained);
    tcase_add_test(tests, results);
    tcase_add_test(tests, files);
    tcase_add_test(tests, phases);
    tcase_add_test(tests, counted_once);
    tcase_add_test(tests, only_what_is_kept_is_read);
    tcase_add_test(tests, slices_of_what_is_picked);
    tcase_add_test(tests, numbers_are_computed_once);
    tcase_add_test(tests, memory_is_bounded);
    tcase_add_test(tests, tables);
    tcase_add_test(tests, resolved_nodes);
    return run_case("unknown", tests);
}
