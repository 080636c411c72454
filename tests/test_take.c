/* SPDX-License-Identifier: BSD-3-Clause
 * test_take.c - indexing by arrays and assignment: what is refused and how it is said, at the call
 * and at the compute; what is read of files and computed; memory.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

static char directory[64];
static br_context *ctx;

static void open_context(const char *limit)
{
    setenv("BRAMBLE_LOG", "quiet", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    if (limit != NULL)
        setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    snprintf(directory, sizeof directory, "/tmp/bramble-take-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

static void setup(void)
{
    open_context(NULL);
}

static void teardown(void)
{
    br_close(ctx);
    unlink("x.h5");
    unlink("x.npy");
    ck_assert_int_eq(rmdir(directory), 0);
}

static br_array *zeros(int64_t rows, int64_t columns)
{
    return br_zeros(ctx, BR_SHAPE(rows, columns));
}

static br_array *ints(int64_t n, const int32_t *list)
{
    return br_from_memory(ctx, list, BR_INT32, BR_SHAPE(n), .copy = true);
}

/* The same, but known only when they are computed. */
static br_array *computed_ints(int64_t n, const int32_t *list)
{
    return br_add(ints(n, list), 0);
}

#define INTS(...)     ints(BR_COUNT_(int32_t, __VA_ARGS__), (int32_t[]){__VA_ARGS__})
#define COMPUTED(...) computed_ints(BR_COUNT_(int32_t, __VA_ARGS__), (int32_t[]){__VA_ARGS__})

/* ---- errors ---- */

static void refuses(br_array *x, br_status status, const char *text)
{
    ck_assert_ptr_nonnull(x);
    ck_assert_msg(br_status_of(x) == status, "%s: status %d", br_error(x), br_status_of(x));
    ck_assert_msg(strstr(br_error(x), text) != NULL, "%s does not say %s", br_error(x), text);
}

/* The call is good, the compute is not. */
static void fails(br_array *x, br_status status, const char *text)
{
    void *values = NULL;
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    ck_assert_int_eq(br_compute_alloc(x, &values), status);
    ck_assert_msg(strstr(br_message(ctx), text) != NULL, "%s does not say %s", br_message(ctx),
                  text);
    br_clear_error(ctx);
}

START_TEST(bad_takes_are_refused)
{
    br_array *x = zeros(4, 3);
    br_array *row = br_index(x, "0");
    refuses(br_take(x, INTS(0, 4), .axis = BR_AXIS(0)), BR_EINDEX, "take (test_take.c:");
    refuses(br_take(x, INTS(0, 4), .axis = BR_AXIS(0)), BR_EINDEX,
            "index 4 at (1,) is out of range for axis 0 with extent 4");
    refuses(br_take(x, INTS(0, 0, 0, -4), .axis = BR_AXIS(1)), BR_EINDEX,
            "index -4 at (3,) is out of range for axis 1 with extent 3");
    refuses(br_take(x, INTS(3, 12)), BR_EINDEX,
            "index 12 at (1,) is out of range for the flattened array with extent 12");
    refuses(br_take(x, br_from_memory(ctx, (uint64_t[]){UINT64_MAX}, BR_UINT64, BR_SHAPE(1),
                                      .copy = true)),
            BR_EINDEX, "out of range");
    refuses(br_take(x, row, .axis = BR_AXIS(0)), BR_ETYPE, "indices are integers, not float64");
    refuses(br_take(x, br_less(row, 1), .axis = BR_AXIS(0)), BR_ETYPE, "not bool; br_compress");
    refuses(br_take(x, INTS(0), .axis = BR_AXIS(2)), BR_EAXIS, "axis 2 is out of range");
    refuses(br_take(x, INTS(0), .axis = BR_AXES(0, 1)), BR_EAXIS, "one axis is needed");
    refuses(br_take(zeros(0, 3), INTS(0), .axis = BR_AXIS(0)), BR_EINDEX, "axis 0 has no elements");
    refuses(br_take(x, NULL), BR_EARG, "array number 2 is NULL");
    ck_assert_int_eq(br_status_of(br_take(NULL, NULL)), BR_EARG);
    refuses(br_vindex(x, INTS(0, 1), INTS(0, 1, 2)), BR_ESHAPE,
            "extents 2 and 3 of indices differ");
    refuses(br_vindex(x, INTS(0), INTS(0), INTS(0)), BR_EINDEX, "3 arrays of indices for 2 axes");
    refuses(br_vindex(x, INTS(0, 1), INTS(0, 3)), BR_EINDEX,
            "index 3 at (1,) is out of range for axis 1");
    refuses(br_vindex_(x, NULL, 0, BR_HERE), BR_EARG, "no arrays");
    refuses(br_take_along_axis(x, br_index(INTS(0), "None"), .axis = BR_AXIS(2)), BR_EAXIS,
            "axis 2");
    refuses(br_take_along_axis(x, INTS(0)), BR_ESHAPE, "(4, 3) and indices of shape (1,)");
    refuses(br_take_along_axis(x, br_reshape(INTS(0, 1), BR_SHAPE(2, 1))), BR_ESHAPE,
            "(2, 1) differ on axes but 1");
    refuses(br_take_along_axis(x, x), BR_ETYPE, "not float64");
    refuses(br_take_along_axis(zeros(4, 0), br_reshape(INTS(0), BR_SHAPE(1, 1))), BR_EINDEX,
            "no elements");
    refuses(br_repeat_counts(x, INTS(1, 2), .axis = BR_AXIS(0)), BR_ESHAPE,
            "2 counts for axis 0 with extent 4");
    refuses(br_repeat_counts(row, INTS(1, -1, 0)), BR_EARG, "count -1 of element 1 is negative");
    refuses(br_repeat_counts(row, x), BR_ETYPE, "not float64");
    refuses(br_repeat_counts(row, br_reshape(INTS(1, 2, 3), BR_SHAPE(3, 1))), BR_ESHAPE,
            "2 axes, not one");
}
END_TEST

START_TEST(bad_assignments_are_refused)
{
    br_array *x = zeros(4, 3);
    br_array *i = br_astype(x, BR_INT8);
    refuses(br_set_index(x, "4", 1), BR_EINDEX, "index 4 is out of range for axis 0");
    refuses(br_set_index(x, "0:2:", zeros(3, 3)), BR_ESHAPE, "(3, 3) does not broadcast to (2, 3)");
    refuses(br_set_index(i, "0", 1.5), BR_ETYPE,
            "a floating number is assigned to elements of int8");
    refuses(br_set_index(i, "0", 300), BR_EARG, "300 is not in the range of int8");
    refuses(br_set_index(i, "0", x), BR_ETYPE,
            "an array of float64 is assigned to elements of int8");
    refuses(br_set_index(x, "0", 1.0 + 2.0 * __extension__ 1.0i), BR_ETYPE, "a complex number");
    refuses(br_set_index(x, "0", (br_array *)NULL), BR_EARG, "no value is given");
    refuses(br_set_index(x, NULL, 1), BR_EINDEX, "the text is NULL");
    refuses(br_set_index(x, "0, 0, 0", 1), BR_EINDEX, "3 indices for shape (4, 3)");
    ck_assert_int_eq(br_status_of(br_set_index(NULL, "0", 1)), BR_EARG);
    refuses(br_set_mask(x, i, 1), BR_ETYPE, "a mask is bool, not int8");
    refuses(br_set_mask(x, br_less(zeros(3, 3), 1), 1), BR_ESHAPE, "a mask of shape (3, 3)");
    refuses(br_set_mask(x, br_less(x, 1), zeros(2, 3)), BR_ESHAPE, "does not broadcast");
    refuses(br_put_along_axis(x, br_reshape(INTS(0, 1), BR_SHAPE(2, 1)), zeros(2, 2), 0), BR_ESHAPE,
            "does not broadcast");
    refuses(br_put_along_axis(br_index(x, ":1"), br_astype(x, BR_INT8), 1, 1), BR_ESHAPE,
            "axis 0 of x has extent 1");
    refuses(br_set_take(x, br_reshape(INTS(0, 1), BR_SHAPE(2, 1)), 1, 0), BR_ESHAPE,
            "2 axes, not one");
    refuses(br_set_take(x, INTS(0), 1, 2), BR_EAXIS, "axis 2");
    refuses(br_set_take(i, INTS(0), 1.5, 0), BR_ETYPE, "a floating number");
}
END_TEST

/* Indices that the call does not know are told of at the compute, on each way to it. */
START_TEST(bad_indices_are_found_when_computed)
{
    br_array *x = br_add(zeros(4, 3), 1);
    fails(br_take(x, COMPUTED(1, 5), .axis = BR_AXIS(0)), BR_EINDEX, "take (test_take.c:");
    fails(br_sum(br_take(x, COMPUTED(1, 5), .axis = BR_AXIS(0))), BR_EINDEX,
          "index 5 at (1,) is out of range for axis 0 with extent 4");
    fails(br_vindex(x, COMPUTED(1, 2), INTS(-4, 0)), BR_EINDEX,
          "index -4 at (0,) is out of range for axis 1");
    fails(br_take_along_axis(x, br_reshape(COMPUTED(0, 1, 2, -4), BR_SHAPE(4, 1))), BR_EINDEX,
          "index -4 at (3, 0) is out of range for axis 1 with extent 3");
    fails(br_put_along_axis(x, br_reshape(INTS(0, 1, 3, 0), BR_SHAPE(4, 1)), 1, 1), BR_EINDEX,
          "index 3 at (2, 0) is out of range for axis 1 with extent 3");
    fails(br_index(br_set_take(x, COMPUTED(0, 4), 1, 0), "2"), BR_EINDEX,
          "index 4 at (1, 0) is out of range");
    fails(br_repeat_counts(x, COMPUTED(0, 4, -1, 2), .axis = BR_AXIS(0)), BR_EARG,
          "count -1 of element 2 is negative");
    fails(br_repeat_counts(br_compress(br_greater(br_ravel(x), 0), br_ravel(x)), INTS(1, 2)),
          BR_ESHAPE, "2 counts for axis 0 with extent 12");
}
END_TEST

START_TEST(failed_operands_are_passed_on)
{
    br_array *bad = br_index(zeros(2, 2), "7");
    br_array *x = zeros(2, 2);
    refuses(br_take(bad, INTS(0)), BR_EINDEX, "index 7");
    refuses(br_take(x, bad), BR_EINDEX, "index 7");
    refuses(br_vindex(x, INTS(0), bad), BR_EINDEX, "index 7");
    refuses(br_take_along_axis(x, bad), BR_EINDEX, "index 7");
    refuses(br_set_index(bad, "0", 1), BR_EINDEX, "index 7");
    refuses(br_set_index(x, "0", bad), BR_EINDEX, "index 7");
    refuses(br_set_mask(x, bad, 1), BR_EINDEX, "index 7");
    refuses(br_put_along_axis(x, br_astype(x, BR_INT8), bad, 0), BR_EINDEX, "index 7");
    refuses(br_set_take(x, bad, 1, 0), BR_EINDEX, "index 7");
    refuses(br_repeat_counts(x, bad), BR_EINDEX, "index 7");
    br_context *other = br_open(NULL, NULL);
    refuses(br_take(x, br_astype(br_zeros(other, BR_SHAPE(1)), BR_INT8)), BR_EARG, "two contexts");
    refuses(br_set_index(x, "0", br_zeros(other, BR_SHAPE(2))), BR_EARG, "two contexts");
    refuses(br_set_mask(x, br_less(br_zeros(other, BR_SHAPE(2, 2)), 1), 1), BR_EARG,
            "two contexts");
    br_close(other);
}
END_TEST

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
    TCase *errors = tcase_create("errors");
    tcase_add_checked_fixture(errors, setup, teardown);
    tcase_add_test(errors, bad_takes_are_refused);
    tcase_add_test(errors, bad_assignments_are_refused);
    tcase_add_test(errors, bad_indices_are_found_when_computed);
    tcase_add_test(errors, failed_operands_are_passed_on);
    suite_add_tcase(suite, errors);
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
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
