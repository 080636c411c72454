/* SPDX-License-Identifier: BSD-3-Clause
 * test_unknown.c - arrays whose extents the data tell: what they say before and after counting,
 * what refuses them, what goes wrong while counting and after it, memory and bytes read.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/ops/ops.h"
#include "array/plan/resolve.h"
#include "runtime/alloc.h"
#include "tests/suite.h"

enum { N = 1000 };

static br_context *ctx;
static double data[N];
static char folder[200];

static void open_with(const char *limit)
{
    setenv("BRAMBLE_LOG", "quiet", 1);
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    if (limit != NULL)
        setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

static void setup(void)
{
    const char *top = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_unknown.XXXXXX", top != NULL ? top : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_with(NULL);
    for (int i = 0; i < N; i++)
        data[i] = i;
}

/* After each test the context must still compute. */
static void teardown(void)
{
    char command[300];
    double sum = 0;
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute_f64(br_sum(br_arange(ctx, .stop = BR_NUM(101))), &sum), BR_OK);
    ck_assert(sum == 5050);
    ck_assert_int_eq(br_close(ctx), 0);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *in_folder(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static br_array *memory(int64_t chunk)
{
    return br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(N), .chunks = BR_CHUNKS(chunk));
}

/* x[x < limit] of 0, 1, ..., N - 1 */
static br_array *below(double limit)
{
    br_array *x = memory(100);
    return br_boolean_index(x, br_less(x, limit));
}

static void says(br_status st, br_status want, const char *part)
{
    ck_assert_msg(st == want, "status %d: %s", (int)st, br_message(ctx));
    ck_assert_msg(strstr(br_message(ctx), part) != NULL, "\"%s\" not in \"%s\"", part,
                  br_message(ctx));
    br_clear_error(ctx);
}

static double sum_of(br_array *x)
{
    double sum = -1;
    br_status st = br_compute_f64(br_sum(x), &sum);
    ck_assert_msg(st == BR_OK, "%s", br_message(ctx));
    return sum;
}

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

/* ---- what refuses them ---- */

START_TEST(operations_that_need_the_extent)
{
    br_array *y = below(250);
    br_array *wide = br_add(br_expand_dims(y, 0), br_zeros(ctx, BR_SHAPE(3, 1)));
    br_array *out[3];
    br_split(y, out, 2);
    br_array *part = out[0];
    br_unstack(y, out, 3);
    br_array *row = out[0];
    br_broadcast_arrays(BR_ARRAYS(y, y), out);
    br_array *spread = out[0];
    br_meshgrid(BR_ARRAYS(y, y), out);
    br_array *mesh = out[0];
    br_nonzero(wide, out, 2);
    br_array *refused[] = {
        br_index(y, "3"),
        br_index(y, "-1"),
        br_index(y, "1:"),
        br_index(y, ":-1"),
        br_index(y, "::-1"),
        br_reshape(wide, BR_SHAPE(-1)),
        br_ravel(wide),
        br_broadcast_to(y, BR_SHAPE(3, 250)),
        spread,
        part,
        row,
        mesh,
        out[0],
        br_flip(y),
        br_rot90(wide, 1),
        br_roll(y, BR_SHIFTS(1)),
        br_roll(wide, BR_SHIFTS(1)),
        br_tile(y, BR_SHAPE(2)),
        br_repeat(y, 2),
        br_pad(y, BR_SHAPE(1)),
        br_diff(y),
        br_gradient(y),
        br_diag(y),
        br_diagonal(wide),
        br_tril(wide),
        br_zeros_like(y),
        br_squeeze(y, BR_AXES(0)),
        br_average(y, .weights = br_ones(ctx, BR_SHAPE(250))),
        br_boolean_index(wide, br_greater(wide, 3)),
        br_argwhere(wide),
        br_extract(wide, wide),
        br_compress(y, wide),
        br_concat(BR_ARRAYS(wide, wide), .axis = BR_NO_AXES),
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        ck_assert_msg(br_status_of(refused[i]) == BR_ESHAPE &&
                          strstr(br_error(refused[i]), "br_resolve(x) gives x with its shape"),
                      "number %zu: \"%s\"", i, br_error(refused[i]));
    ck_assert_ptr_nonnull(strstr(br_error(refused[0]), "index (test_unknown.c:"));
    br_clear_error(ctx);
    /* A mask that is not known to be as long may not be as long. */
    br_array *sum = br_sum(y, .where = br_greater(below(100), 3));
    ck_assert_ptr_nonnull(strstr(br_error(sum), ".where of shape (?,) does not broadcast to (?,)"));
}
END_TEST

START_TEST(bad_calls)
{
    br_array *x = memory(100);
    br_array *matrix = br_zeros(ctx, BR_SHAPE(4, 6));
    br_array *bad[] = {
        br_compress(br_ones(ctx, BR_SHAPE(7)), matrix, .axis = BR_AXIS(1)),
        br_compress(matrix, matrix, .axis = BR_AXIS(1)),
        br_compress(br_ones(ctx, BR_SHAPE(25)), matrix),
        br_boolean_index(matrix, br_ones(ctx, BR_SHAPE(5), BR_BOOL)),
        br_boolean_index(matrix, br_any(matrix)),
        br_boolean_index(x, br_ones(ctx, BR_SHAPE(N, 1), BR_BOOL)),
        br_extract(br_ones(ctx, BR_SHAPE(3)), x),
        br_argwhere(br_zeros(ctx, BR_0D)),
    };
    static const char *const text[] = {
        "a condition of 7 elements for axis 1 with 6",
        "the condition has 2 axes, not one",
        "a condition of 25 elements for axis 0 with 24",
        "a mask of shape (5,) for an array of shape (4, 6)",
        "a mask of shape () for an array of shape (4, 6)",
        "a mask of shape (1000, 1) for an array of shape (1000,)",
        "a condition of 3 elements for an array of 1000",
        "x has no axis",
    };
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++)
        ck_assert_msg(br_status_of(bad[i]) == BR_ESHAPE && strstr(br_error(bad[i]), text[i]),
                      "number %zu: \"%s\"", i, br_error(bad[i]));
    ck_assert_int_eq(br_status_of(br_compress(x, x, .axis = BR_AXIS(1))), BR_EAXIS);
    ck_assert_int_eq(br_status_of(br_boolean_index(x, x)), BR_ETYPE);
    ck_assert_int_eq(br_status_of(br_boolean_index(x, NULL)), BR_EARG);
    ck_assert_int_eq(br_status_of(br_compress(NULL, x)), BR_EARG);
    ck_assert_int_eq(br_status_of(br_flatnonzero(bad[0])), BR_ESHAPE);
    br_array *out[2];
    ck_assert_int_eq(br_nonzero(x, out, 2), BR_ESHAPE);
    ck_assert_ptr_nonnull(strstr(br_error(out[1]), "x has 1 axes, not 2"));
    ck_assert_int_eq(br_nonzero(x, NULL, 1), BR_EARG);
    br_clear_error(ctx);
}
END_TEST

/* ---- found out by counting ---- */

START_TEST(extents_that_differ)
{
    double sum;
    br_array *few = below(10);
    br_array *many = below(250);
    says(br_compute_f64(br_sum(br_add(few, many)), &sum), BR_ESHAPE,
         "shapes (10,) and (250,) do not broadcast");
    says(br_compute_f64(br_sum(br_add(few, br_ones(ctx, BR_SHAPE(11)))), &sum), BR_ESHAPE,
         "add (test_unknown.c:");
    says(br_compute_f64(br_sum(br_stack(BR_ARRAYS(few, many))), &sum), BR_ESHAPE,
         "shapes (1, 10) and (1, 250) of array number 2 differ on axis 1");
    says(br_compute_f64(br_sum(br_compress(br_greater(few, 2), many, .axis = BR_AXIS(0))), &sum),
         BR_ESHAPE, "a mask of 10 elements for an axis of 250");
    says(br_compute_f64(br_max(below(-1)), &sum), BR_ESHAPE, "max (test_unknown.c:");
    says(br_persist(br_add(few, many))->status, BR_ESHAPE, "add (test_unknown.c:");
    says(br_resolve(br_add(few, many))->status, BR_ESHAPE, "add (test_unknown.c:");
    says(br_store_npy(br_add(few, many), in_folder("x.npy")), BR_ESHAPE, "add (test_unknown.c:");
    says(br_explain(br_add(few, many), stdout), BR_ESHAPE, "add (test_unknown.c:");
    says(br_print_values(br_add(few, many), stdout), BR_ESHAPE, "add (test_unknown.c:");
    /* One element broadcasts, and so does an array that turns out to have one. */
    ck_assert(sum_of(br_add(many, below(1))) == 250 * 249 / 2);
    ck_assert(sum_of(br_add(below(1), br_ones(ctx, BR_SHAPE(11)))) == 11);
    br_array *same = br_boolean_index(memory(300), br_less(memory(70), 250));
    ck_assert(sum_of(br_sub(many, same)) == 0);
}
END_TEST

static double sometimes(double x, const void *at)
{
    return x == *(const double *)at;
}

static double counting(double x, const void *at)
{
    static atomic_int calls;
    (void)at;
    return x + (atomic_fetch_add(&calls, 1) / N);
}

static int refuses(const br_block *in, int n, const br_block *out, const void *at)
{
    (void)in;
    (void)n;
    (void)out;
    (void)at;
    return 42;
}

START_TEST(masks_that_change)
{
    double sum;
    br_array *x = memory(100);
    br_array *y = below(250);
    br_array *known = br_resolve(y);
    ck_assert(sum_of(y) == sum_of(known));
    data[3] = 999;
    ck_assert(sum_of(y) == 250 * 249 / 2 - 3);
    says(br_compute_f64(br_sum(known), &sum), BR_EARG,
         "the mask is true 99 times in a chunk, but was 100 times when it was counted");
    data[3] = 4;
    ck_assert(sum_of(known) == 250 * 249 / 2 + 1);
    /* As many calls for counting as for picking, but then other results. */
    br_array *odd = br_map(x, counting, .impure = true);
    says(br_compute_f64(br_sum(br_boolean_index(x, br_less(odd, 2))), &sum), BR_EARG,
         "does not give the same twice");
}
END_TEST

START_TEST(failures_while_counting)
{
    double sum;
    br_array *x = memory(100);
    br_array *mask = br_map_blocks(x, refuses, .dtype = BR_BOOL);
    br_array *y = br_boolean_index(x, mask);
    for (int i = 0; i < 2; i++)
        says(br_compute_f64(br_sum(y), &sum), BR_EUSER, "returned 42");
    says(br_resolve(y)->status, BR_EUSER, "returned 42");
    ck_assert_int_eq(br_store_npy(x, in_folder("x.npy")), BR_OK);
    br_array *file = br_from_npy(ctx, in_folder("x.npy"));
    br_array *z = br_boolean_index(x, br_less(file, 5));
    ck_assert(sum_of(z) == 10);
    ck_assert_int_eq(unlink(in_folder("x.npy")), 0);
    says(br_compute_f64(br_sum(z), &sum), BR_ENOTFOUND, "x.npy");
    says(br_compute(z, &sum, 8), BR_ENOTFOUND, "x.npy");
}
END_TEST

static int inside(const br_block *in, int n, const br_block *out, const void *at)
{
    double sum;
    (void)in;
    (void)n;
    *(double *)out->data = br_compute_f64(br_sum((br_array *)(uintptr_t)at), &sum);
    return 0;
}

START_TEST(not_inside_a_task)
{
    double status;
    br_array *y = br_map_blocks(br_zeros(ctx, BR_SHAPE(1)), inside, .data = below(10));
    says(br_compute_f64(y, &status), BR_EUNSUPPORTED, "test_unknown.c:");
}
END_TEST

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
    tcase_add_test(tests, operations_that_need_the_extent);
    tcase_add_test(tests, bad_calls);
    tcase_add_test(tests, extents_that_differ);
    tcase_add_test(tests, masks_that_change);
    tcase_add_test(tests, failures_while_counting);
    tcase_add_test(tests, not_inside_a_task);
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
