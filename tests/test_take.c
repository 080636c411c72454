/* SPDX-License-Identifier: BSD-3-Clause
 * test_take.c - indexing by arrays and assignment: values, what is read of files and computed,
 * memory.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/suite.h"
#include "tests/take.h"

/* ---- values ---- */

static void is(br_array *x, int64_t n, const double *want)
{
    double *values = NULL;
    ck_assert_msg(br_compute_alloc(br_astype(x, BR_FLOAT64), (void **)&values) == BR_OK, "%s",
                  br_message(ctx));
    ck_assert_int_eq(br_nelem(x), n);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(values[i] == want[i], "element %d is %g, not %g", (int)i, values[i], want[i]);
    free(values);
}

#define IS(x, ...) is(x, BR_COUNT_(double, __VA_ARGS__), (double[]){__VA_ARGS__})

START_TEST(few_are_taken)
{
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(6), .chunks = BR_CHUNKS(2));
    br_array *m = br_reshape(x, BR_SHAPE(2, 3));
    IS(br_take(x, INTS(5, -6, 1, 1)), 5, 0, 1, 1);
    IS(br_take(m, COMPUTED(4, -1)), 4, 5);
    IS(br_take(m, COMPUTED(2, 0), .axis = BR_AXIS(1)), 2, 0, 5, 3);
    IS(br_take(br_sum(x),
               br_from_memory(ctx, (int8_t[]){0, -1}, BR_INT8, BR_SHAPE(2), .copy = true)),
       15, 15);
    IS(br_take(m, br_from_memory(ctx, (int8_t[]){-1}, BR_INT8, BR_0D, .copy = true),
               .axis = BR_AXIS(0)),
       3, 4, 5);
    IS(br_vindex(m, INTS(0, 1), COMPUTED(2, -3)), 2, 3);
    IS(br_put_along_axis(x, INTS(1, 3, 1), INTS(7, 8, 9), 0), 0, 9, 2, 8, 4, 5);
    IS(br_set_take(m, COMPUTED(-1, 0, -1), INTS(7, 8, 9), 1), 8, 1, 9, 8, 4, 9);
    IS(br_set_index(m, "::-1, 1", INTS(7, 8)), 0, 8, 2, 3, 7, 5);
    IS(br_set_index(x, "1::2", br_index(x, "::2")), 0, 0, 2, 2, 4, 4);
    IS(br_set_mask(m, br_greater(INTS(1, 0), 0), 9), 9, 9, 9, 3, 4, 5);
    IS(br_repeat_counts(x, INTS(0, 2, 0, 1, 0, 3)), 1, 1, 3, 5, 5, 5);
    IS(br_repeat(m, 2, .axis = BR_AXIS(1)), 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5);
}
END_TEST

static bool printed(br_array *x, const char *text)
{
    char *tree;
    size_t size;
    FILE *to = open_memstream(&tree, &size);
    ck_assert_int_eq(br_print_tree(x, to), BR_OK);
    fclose(to);
    bool found = strstr(tree, text) != NULL;
    free(tree);
    return found;
}

START_TEST(a_constant_step_is_a_slice)
{
    br_array *x = zeros(40, 3);
    ck_assert(printed(br_take(x, INTS(3, 5, 7), .axis = BR_AXIS(0)), "index"));
    ck_assert(printed(br_take(x, INTS(9, 6, 3, 0), .axis = BR_AXIS(0)), "index"));
    ck_assert(printed(br_take(x, INTS(-1), .axis = BR_AXIS(0)), "index"));
    ck_assert(printed(br_take(x, INTS(3, 5, 8), .axis = BR_AXIS(0)), "take"));
    ck_assert(printed(br_take(x, INTS(3, 3), .axis = BR_AXIS(0)), "take"));
    ck_assert(printed(br_take(x, COMPUTED(3, 5, 7), .axis = BR_AXIS(0)), "take"));
}
END_TEST

/* ---- what is read and computed ---- */

enum { ROWS = 1200, COLUMNS = 100, STORED = 20, CHUNK = 100 };

static br_array *matrix(void)
{
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(ROWS * COLUMNS), .dtype = BR_FLOAT32);
    return br_rechunk(br_reshape(x, BR_SHAPE(ROWS, COLUMNS)), BR_CHUNKS(CHUNK, COLUMNS));
}

static int64_t bytes_read(br_array *x)
{
    br_run_info info;
    void *values;
    ck_assert_msg(br_compute_alloc(x, &values) == BR_OK, "%s", br_message(ctx));
    free(values);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    return info.bytes_read;
}

static atomic_int calls;

static int count_calls(const br_block *in, int n, const br_block *out, const void *data)
{
    size_t bytes = br_dtype_size(out->dtype);
    (void)n;
    (void)data;
    for (int a = 0; a < out->ndim; a++)
        bytes *= (size_t)out->extent[a];
    memcpy(out->data, in[0].data, bytes);
    atomic_fetch_add(&calls, 1);
    return 0;
}

/* Of a file in stored chunks of 20 rows, in each of them from the first row that is taken to the
 * last one. */
START_TEST(only_what_is_taken_is_read)
{
    const int64_t row = COLUMNS * 4;
    ck_assert_int_eq(br_store_hdf5(matrix(), "x.h5", "x", .chunks = BR_CHUNKS(STORED, COLUMNS)),
                     BR_OK);
    br_array *x = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(CHUNK, COLUMNS));
    br_array *some = INTS(1199, 3, 3, 4, 45, 1180, 45, 0);
    /* Rows 0 to 4, 45, and 1180 to 1199. */
    ck_assert_int_eq(bytes_read(br_take(x, some, .axis = BR_AXIS(0))), 26 * row);
    /* Rows 0 to 19, 1154, and 1195 to 1199. */
    ck_assert_int_eq(bytes_read(br_take(br_index(x, "::-1"), some, .axis = BR_AXIS(0))), 26 * row);
    ck_assert_int_le(bytes_read(br_vindex(x, INTS(7, 700, 12), INTS(5, 1, 99))), 7 * row);
    ck_assert_int_eq(bytes_read(br_index(br_take(x, some, .axis = BR_AXIS(0)), "1:4")), 2 * row);
    ck_assert_int_eq(bytes_read(br_take(br_sqrt(x), INTS(5, 1000, 6), .axis = BR_AXIS(0))),
                     3 * row);
    ck_assert_int_eq(br_store_npy(matrix(), "x.npy"), BR_OK);
    br_array *y = br_from_npy(ctx, "x.npy");
    ck_assert_int_le(bytes_read(br_take(y, INTS(3, 900, 400), .axis = BR_AXIS(0))), 3 * 3 * 4096);
}
END_TEST

static void same(br_array *x, br_array *want)
{
    double wrong = 1;
    ck_assert_msg(br_compute_f64(br_max(br_abs(br_sub(x, want))), &wrong) == BR_OK, "%s",
                  br_message(ctx));
    ck_assert(wrong == 0);
}

/* An expression of files is made where something of it is taken; with a part that is better made
 * once it is not. */
START_TEST(expressions_of_files_are_taken_of)
{
    ck_assert_int_eq(br_store_hdf5(matrix(), "x.h5", "x", .chunks = BR_CHUNKS(STORED, COLUMNS)),
                     BR_OK);
    br_array *some = INTS(1199, 3, 3, 4, 45, 1180, 45, 0);
    br_array *result[2][5];
    for (int way = 0; way < 2; way++) {
        br_array *x =
            way ? matrix() : br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(CHUNK, COLUMNS));
        br_array *y = br_mul(br_add(x, br_index(x, "7")), 2);
        result[way][0] = br_take(y, some, .axis = BR_AXIS(0));
        result[way][1] =
            br_take(br_permute_dims(y, BR_AXES(1, 0)), INTS(7, 99, 7), .axis = BR_AXIS(0));
        result[way][2] = br_vindex(br_astype(br_index(y, "::-1, 5:"), BR_FLOAT64), some,
                                   INTS(2, 94, 0, 1, 5, 5, 5, 6));
        result[way][3] = br_take(br_add(x, br_sqrt(br_index(x, "3"))), some, .axis = BR_AXIS(0));
        result[way][4] = br_take(br_add(x, br_map_blocks(x, count_calls)), some);
    }
    for (int i = 0; i < 5; i++)
        same(result[0][i], result[1][i]);
    ck_assert_int_le(bytes_read(result[0][0]), (26 + 3) * COLUMNS * 4);
    br_array *cut = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(CHUNK, 25));
    br_array *table =
        br_take(br_index(cut, "::-1"), br_reshape(some, BR_SHAPE(2, 4)), .axis = BR_AXIS(0));
    same(table,
         br_take(br_index(matrix(), "::-1"), br_reshape(some, BR_SHAPE(2, 4)), .axis = BR_AXIS(0)));
    /* Whole rows for each of the four parts of them, not all of the file. */
    ck_assert_int_le(bytes_read(table), 4 * 26 * COLUMNS * 4);
    same(br_repeat(br_index(cut, "::-1"), 3, .axis = BR_AXIS(1)),
         br_repeat(br_index(matrix(), "::-1"), 3, .axis = BR_AXIS(1)));
}
END_TEST

/* A random order of all rows, in several chunks of the result: each stored chunk is read once. */
START_TEST(a_shuffled_file_is_read_once)
{
    enum { N = 6000, WIDE = 1000 };
    int32_t *order = malloc(N * sizeof *order);
    ck_assert_ptr_nonnull(order);
    for (int i = 0; i < N; i++)
        order[i] = (int32_t)((i * 4201LL + 17) % N);
    br_array *rows = br_expand_dims(br_arange(ctx, BR_NUM(0.0), BR_NUM(N)), 1);
    br_array *x = br_astype(br_broadcast_to(rows, BR_SHAPE(N, WIDE)), BR_FLOAT32);
    ck_assert_int_eq(br_store_hdf5(x, "x.h5", "x", .chunks = BR_CHUNKS(50, WIDE)), BR_OK);
    br_array *y = br_take(br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(200, WIDE)),
                          ints(N, order), .axis = BR_AXIS(0));
    same(y, br_astype(br_expand_dims(ints(N, order), 1), BR_FLOAT32));
    ck_assert_int_eq(bytes_read(br_sum(y)), (int64_t)N * WIDE * 4);
    free(order);
}
END_TEST

static int calls_for(br_array *x)
{
    void *values;
    atomic_store(&calls, 0);
    ck_assert_msg(br_compute_alloc(x, &values) == BR_OK, "%s", br_message(ctx));
    free(values);
    return atomic_load(&calls);
}

START_TEST(only_what_is_taken_is_computed)
{
    br_array *x = br_map_blocks(matrix(), count_calls);
    ck_assert_int_eq(calls_for(br_take(x, INTS(7, 1100, 8), .axis = BR_AXIS(0))), 2);
    ck_assert_int_eq(calls_for(br_take(x, COMPUTED(7, 1100, 8, 9, 350), .axis = BR_AXIS(0))), 3);
    ck_assert_int_eq(
        calls_for(br_index(br_take(x, INTS(7, 1100, 8, 350, 1), .axis = BR_AXIS(0)), "3:")), 2);
    ck_assert_int_eq(
        calls_for(br_index(br_take(x, INTS(7, 1100, 8, 350, 1), .axis = BR_AXIS(0)), "0")), 1);
    ck_assert_int_eq(calls_for(br_vindex(x, INTS(0, 500, 99), INTS(7, 5, 7))), 2);
    ck_assert_int_eq(calls_for(br_take(br_add(x, 1), INTS(0, -1, 4), .axis = BR_AXIS(0))), 2);
    ck_assert_int_eq(calls_for(br_index(br_set_index(x, "200:", 1), "150:160")), 1);
    ck_assert_int_eq(
        calls_for(br_index(br_set_index(zeros(3, COLUMNS), "1", br_index(x, "350")), ":2")), 1);
    ck_assert_int_eq(calls_for(br_index(br_repeat(x, 3, .axis = BR_AXIS(0)), "600:610")), 1);
}
END_TEST

/* Computing again gives what the caller's memory has become. */
START_TEST(indices_in_memory_may_change)
{
    int32_t list[] = {1, 2};
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(6));
    br_array *y = br_take(x, br_from_memory(ctx, list, BR_INT32, BR_SHAPE(2)));
    IS(y, 1, 2);
    list[0] = -1;
    IS(y, 5, 2);
    list[1] = 6;
    fails(y, BR_EINDEX, "index 6 at (1,)");
}
END_TEST

/* ---- memory ---- */

static void setup_small(void)
{
    enter_folder();
    open_context("12M");
}

/* 64 MB of computed chunks of 1 MB, of which rows of each are taken into one chunk. */
START_TEST(chunks_come_and_go)
{
    enum { N = 4096, WIDE = 2048, TAKEN = 200 };
    int32_t list[TAKEN];
    for (int i = 0; i < TAKEN; i++)
        list[i] = (int32_t)(i * 1361LL % N);
    br_array *rows =
        br_expand_dims(br_arange(ctx, BR_NUM(0.0), BR_NUM(N), .chunks = BR_CHUNKS(64)), 1);
    br_array *x = br_rechunk(br_broadcast_to(rows, BR_SHAPE(N, WIDE)), BR_CHUNKS(64, WIDE));
    br_array *y = br_take(br_map_blocks(x, count_calls), ints(TAKEN, list), .axis = BR_AXIS(0));
    double sum;
    double want = 0;
    bool seen[N / 64] = {false};
    int chunks = 0;
    for (int i = 0; i < TAKEN; i++) {
        want += (double)list[i] * WIDE;
        chunks += !seen[list[i] / 64];
        seen[list[i] / 64] = true;
    }
    ck_assert_int_gt(chunks, 40);
    atomic_store(&calls, 0);
    ck_assert_msg(br_compute_f64(br_sum(y), &sum) == BR_OK, "%s", br_message(ctx));
    ck_assert(sum == want);
    ck_assert_int_eq(calls, chunks);
    br_array *wide = br_take_along_axis(
        br_map_blocks(x, count_calls),
        br_broadcast_to(br_expand_dims(ints(TAKEN, list), 1), BR_SHAPE(TAKEN, WIDE)),
        .axis = BR_AXIS(0));
    ck_assert_msg(br_compute_f64(br_sum(wide), &sum) == BR_OK, "%s", br_message(ctx));
    ck_assert(sum == want);
}
END_TEST

/* Of a file that is shuffled into more than fits, parts are read again instead of held. */
START_TEST(a_shuffled_file_fits_any_memory)
{
    enum { N = 4096, WIDE = 1024 };
    int32_t *order = malloc(N * sizeof *order);
    ck_assert_ptr_nonnull(order);
    for (int i = 0; i < N; i++)
        order[i] = (int32_t)(i * 1361LL % N);
    br_array *rows =
        br_expand_dims(br_arange(ctx, BR_NUM(0.0), BR_NUM(N), .chunks = BR_CHUNKS(64)), 1);
    br_array *x = br_rechunk(br_broadcast_to(rows, BR_SHAPE(N, WIDE)), BR_CHUNKS(64, WIDE));
    ck_assert_msg(br_store_hdf5(x, "x.h5", "x", .chunks = BR_CHUNKS(16, WIDE)) == BR_OK, "%s",
                  br_message(ctx));
    br_array *y = br_take(br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(64, WIDE)),
                          ints(N, order), .axis = BR_AXIS(0));
    same(y, br_astype(br_expand_dims(ints(N, order), 1), BR_FLOAT64));
    free(order);
}
END_TEST

START_TEST(indices_count_as_memory)
{
    br_array *many = br_remainder(br_arange(ctx, BR_NUM(0), BR_NUM(2000000)), 7);
    fails(br_sum(br_take(br_ones(ctx, BR_SHAPE(7)), many)), BR_EMEMLIMIT, "BRAMBLE_MEMORY_LIMIT");
    double sum;
    ck_assert_int_eq(
        br_compute_f64(br_sum(br_take(br_ones(ctx, BR_SHAPE(7)), br_index(many, ":1000"))), &sum),
        BR_OK);
    ck_assert(sum == 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("take");
    TCase *runs = tcase_create("runs");
    tcase_add_checked_fixture(runs, setup, teardown);
    tcase_add_test(runs, few_are_taken);
    tcase_add_test(runs, a_constant_step_is_a_slice);
    tcase_add_test(runs, only_what_is_taken_is_read);
    tcase_add_test(runs, expressions_of_files_are_taken_of);
    tcase_add_test(runs, a_shuffled_file_is_read_once);
    tcase_add_test(runs, only_what_is_taken_is_computed);
    tcase_add_test(runs, indices_in_memory_may_change);
    suite_add_tcase(suite, runs);
    TCase *memory = tcase_create("memory");
    tcase_add_checked_fixture(memory, setup_small, teardown);
    tcase_add_test(memory, chunks_come_and_go);
    tcase_add_test(memory, a_shuffled_file_fits_any_memory);
    tcase_add_test(memory, indices_count_as_memory);
    suite_add_tcase(suite, memory);
    return run_suite(suite);
}
