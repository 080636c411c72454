/* SPDX-License-Identifier: BSD-3-Clause
 * test_blocks_user.c - users' functions on blocks: what they are told of a block, how often they
 * are called, what is read, and what is refused with which words.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/limited.h"
#include "tests/refused.h"
#include "tests/suite.h"

/* A compute that fails with this text. */
static void check_fails(int line, br_array *x, br_status status, const char *part)
{
    void *result = NULL;
    ck_assert_msg(br_status_of(x) == BR_OK, "line %d: \"%s\"", line, br_error(x));
    br_status st = br_compute_alloc(x, &result);
    ck_assert_msg(st == status, "line %d: status %d, \"%s\"", line, (int)st, br_message(ctx));
    ck_assert_msg(strstr(br_message(ctx), part) != NULL, "line %d: \"%s\" instead of \"%s\"", line,
                  br_message(ctx), part);
    free(result);
    br_clear_error(ctx);
}
#define fails(x, part) check_fails(__LINE__, x, BR_EUSER, part)

static br_array *ones(int64_t rows, int64_t columns, int64_t row_chunk, int64_t column_chunk)
{
    return br_ones(ctx, BR_SHAPE(rows, columns), .chunks = BR_CHUNKS(row_chunk, column_chunk));
}

static int64_t bytes_read(void)
{
    br_run_info info;
    br_last_run(ctx, &info);
    return info.bytes_read;
}

/* ---- what a block is told ---- */

static int is(const int64_t *numbers, int n, const int64_t *want)
{
    return memcmp(numbers, want, (size_t)n * sizeof *want) == 0;
}

/* Of a (5, 9) array in chunks of (3, 4), a row of 9 in chunks of 4, and a column (5, 1). */
static int check_places(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    const int64_t *c = out->chunk;
    int64_t rows = c[0] == 0 ? 3 : 2;
    int64_t columns = c[1] == 2 ? 1 : 4;
    bool good =
        n == 3 && is(out->nchunks, 2, (int64_t[]){2, 3}) && is(out->shape, 2, (int64_t[]){5, 9}) &&
        is(out->extent, 2, (int64_t[]){rows, columns}) &&
        is(out->origin, 2, (int64_t[]){3 * c[0], 4 * c[1]}) && out->step == 0 && out->nsteps == 1;
    good = good && is(in[0].chunk, 2, c) && is(in[0].nchunks, 2, out->nchunks) &&
           is(in[0].origin, 2, out->origin) && is(in[0].shape, 2, out->shape);
    good = good && in[1].ndim == 1 && in[1].chunk[0] == c[1] && in[1].nchunks[0] == 3 &&
           in[1].origin[0] == 4 * c[1] && in[1].extent[0] == columns && in[1].shape[0] == 9;
    good = good && in[2].ndim == 2 && is(in[2].chunk, 2, (int64_t[]){c[0], 0}) &&
           is(in[2].nchunks, 2, (int64_t[]){2, 1}) && is(in[2].extent, 2, (int64_t[]){rows, 1}) &&
           is(in[2].origin, 2, (int64_t[]){3 * c[0], 0}) && is(in[2].shape, 2, (int64_t[]){5, 1});
    for (int64_t i = 0; i < rows * columns; i++)
        ((double *)out->data)[i] = good;
    return 0;
}

START_TEST(places_of_blocks)
{
    double sum;
    br_array *more[] = {br_ones(ctx, BR_SHAPE(9), .chunks = BR_CHUNKS(4)), ones(5, 1, 3, 1)};
    br_array *x = br_map_blocks(ones(5, 9, 3, 4), check_places, more, 2);
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_OK);
    ck_assert_double_eq(sum, 45);
}
END_TEST

/* ---- how often functions are called ---- */

static atomic_int calls;

static int count(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in;
    (void)n;
    (void)data;
    atomic_fetch_add(&calls, 1);
    ((double *)out->data)[0] += 1;
    return 0;
}

static int count_cores(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    (void)data;
    atomic_fetch_add(&calls, 1);
    *(double *)out = 0;
    for (int64_t i = 0; i < extent[0]; i++)
        *(double *)out += ((const double *)in[0])[i];
    return 0;
}

static int count_slices(const void *slice, int64_t n, void *out, const void *data)
{
    return count_cores(&slice, out, &n, data);
}

static void check_calls(int line, br_array *x, int want)
{
    void *result = NULL;
    atomic_store(&calls, 0);
    ck_assert_int_eq(br_compute_alloc(x, &result), BR_OK);
    free(result);
    ck_assert_msg(atomic_load(&calls) == want, "line %d: %d calls", line, atomic_load(&calls));
}
#define called(x, want) check_calls(__LINE__, x, want)

START_TEST(calls_of_functions)
{
    br_array *x = ones(20, 30, 5, 6);
    called(br_blockwise(count, "i", {x, "ij"}), 4 * 5);
    called(br_blockwise(count, "i", {x, "ij"}, .concatenate = true), 4);
    called(br_blockwise(count, "", {x, "ij"}, {x, "ij"}), 4 * 5);
    called(br_index(br_blockwise(count, "ij", {x, "ik"}, {ones(30, 8, 0, 4), "kj"}), "7:12, 1"),
           2 * 5);
    br_array *sums = br_apply_gufunc(count_cores, "(n)->()", x, .allow_rechunk = true);
    called(sums, 20);
    called(br_index(sums, "3:15:4"), 3);
    called(br_mul(br_index(sums, "::-7"), 2), 3);
    called(br_index(sums, "::1"), 20);
    br_array *both = br_index(sums, ":2");
    called(br_add(both, br_index(sums, "1:3")), 5); /* a chunk of 5, made once for two */
    called(br_index(br_apply_along_axis(count_slices, 0, x), "5:8"), 3);
    called(br_index(br_apply_along_axis(count_slices, 1, x, .length = 1), "2, :"), 1);
}
END_TEST

/* ---- what is read ---- */

static int add_product(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    const double *a = in[0].data;
    const double *b = in[1].data;
    double *c = out->data;
    for (int64_t i = 0; i < out->extent[0]; i++)
        for (int64_t k = 0; k < in[0].extent[1]; k++)
            for (int64_t j = 0; j < out->extent[1]; j++)
                c[i * out->extent[1] + j] += a[i * in[0].extent[1] + k] * b[k * out->extent[1] + j];
    return 0;
}

static br_array *from_file(const char *name)
{
    return br_from_hdf5(ctx, file, name, .chunks = BR_CHUNKS(64, 64));
}

static bool spilled(void)
{
    br_run_info info;
    br_last_run(ctx, &info);
    return info.bytes_spilled > 0;
}

/* What does not fit waits on disk. */
static void reads_of_a_product(bool spills)
{
    const int64_t bytes = 256 * 256 * 8;
    double corner;
    br_array *a = from_file("a");
    br_array *b = from_file("b");
    br_array *c = br_blockwise(add_product, "ij", {a, "ik"}, {b, "kj"});
    ck_assert_msg(br_compute_f64(br_sum(c), &corner) == BR_OK, "%s", br_message(ctx));
    ck_assert_double_eq(corner, 256.0 * 256 * 256 * 2);
    ck_assert_int_eq(bytes_read(), 2 * bytes);
    ck_assert(spilled() == spills);
    /* Once both as left and as right. */
    c = br_blockwise(add_product, "ij", {a, "ik"}, {a, "kj"});
    ck_assert_msg(br_compute_f64(br_sum(c), &corner) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_eq(bytes_read(), bytes);
    ck_assert(spilled() == spills);
    /* Nothing is read twice here. */
    c = br_map_blocks(a, add_product, &b, 1);
    ck_assert_msg(br_compute_f64(br_sum(c), &corner) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_eq(bytes_read(), 2 * bytes);
}

START_TEST(files_are_read_once)
{
    br_array *twos = br_mul(ones(256, 256, 64, 64), 2);
    ck_assert_int_eq(br_store_hdf5(ones(256, 256, 64, 64), file, "a"), BR_OK);
    ck_assert_int_eq(br_store_hdf5(twos, file, "b"), BR_OK);
    reads_of_a_product(false);
    br_close(ctx);
    open_limited(
        "1300K"); /* a task takes 1218 KiB to read two chunks, beside which b does not fit */
    reads_of_a_product(true);
}
END_TEST

/* ---- failing functions ---- */

static int fails_in_step_2(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in;
    (void)n;
    (void)data;
    return out->chunk[0] == 1 && out->step == 2 ? 17 : 0;
}

static int fails_at_a_half(const void *const *in, void *out, const int64_t *extent,
                           const void *data)
{
    (void)out;
    (void)extent;
    (void)data;
    return *(const double *)in[0] == 0.5 ? -3 : 0;
}

START_TEST(functions_that_fail)
{
    static double elements[60];
    for (int i = 0; i < 60; i++)
        elements[i] = i == 37 ? 0.5 : i;
    br_array *x =
        br_from_memory(ctx, elements, BR_FLOAT64, BR_SHAPE(6, 10), .chunks = BR_CHUNKS(2, 3));
    br_array *y = br_blockwise(fails_in_step_2, "i", {x, "ij"});
    fails(y, "fails_in_step_2 returned 17");
    fails(y, "step 3 of 4");
    fails(y, "chunk (1,)");
    fails(y, "blockwise (test_blocks_user.c:");
    y = br_apply_gufunc(fails_at_a_half, "()->()", x);
    fails(y, "fails_at_a_half returned -3");
    fails(y, "element (3, 7) of the loop");
    fails(y, "apply_gufunc (test_blocks_user.c:");
    fails(y, "chunk (1, 2)");
}
END_TEST

/* ---- bad calls ---- */

START_TEST(bad_map_blocks)
{
    br_array *x = ones(6, 8, 2, 4);
    br_array *bad = br_sum(x, .axis = BR_AXES(5));
    br_array *line = br_ones(ctx, BR_SHAPE(9), .chunks = BR_CHUNKS(3));
    refused(br_map_blocks(x, count, .chunks = BR_CHUNKS(1)), BR_ESHAPE,
            ".chunks for 1 axes, but the result has 2");
    refused(br_map_blocks(x, count, .chunks = BR_CHUNKS(1, -2)), BR_ESHAPE, "extent -2 of axis 1");
    refused(br_map_blocks(x, count, .chunks = BR_CHUNKS(INT64_MAX / 2, 0)), BR_ESHAPE,
            "3 chunks of extent 4611686018427387903 on axis 0");
    refused(br_map_blocks(x, count, .chunks = BR_CHUNKS(INT64_MAX / 8, 0)), BR_ESHAPE, "bytes");
    refused(br_map_blocks(x, count, .chunk_lists = {[0] = BR_EXTENTS(1, 2)}), BR_ESHAPE,
            "2 extents are listed for the 3 chunks of axis 0");
    refused(br_map_blocks(x, count, .chunk_lists = {[0] = BR_EXTENTS(1, 0, 2)}), BR_ESHAPE,
            "extent 0 in .chunk_lists[0]");
    refused(br_map_blocks(x, count, .chunk_lists = {[2] = BR_EXTENTS(1)}), BR_EARG,
            ".chunk_lists[2] of 1 extents: the result has 2 axes");
    refused(
        br_map_blocks(x, count, .chunks = BR_CHUNKS(0, 2), .chunk_lists = {[1] = BR_EXTENTS(1, 1)}),
        BR_EARG, ".chunks has an extent for it");
    refused(br_map_blocks(x, count, .chunk_lists = {[1] = {NULL, 2}}), BR_EARG, ".chunk_lists[1]");
    refused(br_map_blocks(x, count, .drop_axis = BR_AXES(2)), BR_EAXIS, "2");
    refused(br_map_blocks(x, count, .drop_axis = BR_AXES(1, -1)), BR_EAXIS, "twice");
    refused(br_map_blocks(x, count, .new_axis = BR_AXES(3)), BR_EAXIS, "3");
    refused(br_map_blocks(x, count, &line, 1), BR_ESHAPE,
            "axis 1 has extents 9 and 8 in 3 and 2 chunks");
    refused(br_map_blocks(x, count, .scratch_bytes = SIZE_MAX), BR_EARG, ".scratch_bytes");
    refused(br_map_blocks(x, count, .dtype = (br_dtype)77), BR_ETYPE, "77");
    ck_assert_str_eq(br_error(br_map_blocks(x, count, &bad, 1)), br_error(bad));
}
END_TEST

START_TEST(bad_blockwise)
{
    br_array *x = ones(6, 8, 2, 4);
    br_array *bad = br_sum(x, .axis = BR_AXES(5));
    refused(br_blockwise(count, "ij", {x, "ik"}, {x, "kj"}), BR_ESHAPE,
            "index k has extents 8 and 6");
    refused(br_blockwise(count, "i j", {x, "ij"}), BR_EARG,
            "indices \"i j\" of the result: column 2 is no letter");
    refused(br_blockwise(count, "ii", {x, "ij"}), BR_EARG, "'i' stands twice");
    refused(br_blockwise(count, "i", {x, "ii"}), BR_EARG, "of input 1: 'i' stands twice");
    refused(br_blockwise(count, "i", {x, "ij"}, {x, "i"}), BR_EARG,
            "indices \"i\" of input 2, which has 2 axes");
    refused(br_blockwise(count, "i", {x, NULL}), BR_EARG, "input 1 has no indices");
    refused(br_blockwise(count, NULL, {x, "ij"}), BR_EARG, "no indices");
    refused(br_blockwise(count, "i", {x, "ij"}, {NULL, "ij"}), BR_EARG, "NULL");
    refused(br_blockwise(NULL, "i", {x, "ij"}), BR_EARG, "function is NULL");
    refused(br_blockwise(count, "ij", {x, "ij"}, .chunks = BR_CHUNKS(1)), BR_ESHAPE, ".chunks");
    refused(br_blockwise(count, "ij", {x, "ik"}, {x, "kj"}, .by_number = true), BR_ESHAPE,
            "index k has extents 6 and 8 in 3 and 2 chunks");
    ck_assert_int_eq(br_status_of(br_blockwise(count, "i", {NULL, NULL})), BR_EARG);
    ck_assert_str_eq(br_error(br_blockwise(count, "i", {x, "ij"}, {bad, "i"})), br_error(bad));
}
END_TEST

START_TEST(bad_signatures)
{
    br_array *x = ones(6, 8, 6, 8);
    static const struct {
        const char *text, *part;
    } row[] = {
        {"", "column 1: '(' expected"},
        {"(i", "column 3: ',' or ')' expected"},
        {"(i,)->()", "column 4: the name of a dimension expected"},
        {"(i)", "column 4: ',' or \"->\" expected"},
        {"(i)-()", "column 4: ',' or \"->\" expected"},
        {"(i)->", "column 6: '(' expected"},
        {"(i)->()x", "column 8: the end expected"},
        {"(i)->(),()", "column 8: the end (one result a call) expected"},
        {"(2x)->()", "column 2: a number or a name expected"},
        {"(i?)->()", "column 3: ',' or ')' expected"},
        {"(i) (j)->()", "column 5: ',' or \"->\" expected"},
        {"(99999999999999999999)->()", "column 2: a number"},
        {"(i),(i)->()", "is for 2 inputs, but 1 are given"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        refused(br_apply_gufunc(count_cores, row[i].text, x), BR_EARG, row[i].part);
    refused(br_apply_gufunc(count_cores, NULL, x), BR_EARG, "signature is NULL");
    ck_assert_int_eq(br_status_of(br_apply_gufunc(count_cores, " ( n_1 , m2 ) -> ( ) ", x)), BR_OK);
}
END_TEST

START_TEST(bad_gufuncs)
{
    br_array *x = ones(6, 8, 2, 4);
    br_array *whole = ones(6, 8, 0, 0);
    br_array *line = br_ones(ctx, BR_SHAPE(7));
    br_array *bad = br_sum(x, .axis = BR_AXES(5));
    refused(br_apply_gufunc(count_cores, "(n)->()", x), BR_ESHAPE,
            "dimension n, axis 1 of input 1, is cut into 2 chunks: rechunk it, or say "
            ".allow_rechunk");
    refused(br_apply_gufunc(count_cores, "(n),(n)->()", whole, line), BR_ESHAPE,
            "dimension n has extents 8 and, in input 2, 7");
    refused(br_apply_gufunc(count_cores, "(3)->()", whole), BR_ESHAPE,
            "dimension 3 has extents 3 and, in input 1, 8");
    refused(br_apply_gufunc(count_cores, "(a,b,c)->()", whole), BR_ESHAPE,
            "input 1 has 2 axes; its core dimensions are 3");
    refused(br_apply_gufunc(count_cores, "(n)->(m)", whole), BR_ESHAPE,
            "0 extents in .output_sizes, but 1 dimensions");
    refused(br_apply_gufunc(count_cores, "(n)->(n)", whole, .output_sizes = BR_SHAPE(2)), BR_ESHAPE,
            "1 extents in .output_sizes, but 0");
    refused(br_apply_gufunc(count_cores, "(n)->(m)", whole, .output_sizes = BR_SHAPE(-2)),
            BR_ESHAPE, "extent -2 in .output_sizes");
    refused(br_apply_gufunc(count_cores, "(),()->()", whole, line), BR_ESHAPE,
            "loop axis 1 has extents 8 and 7");
    refused(br_apply_gufunc(NULL, "()->()", whole), BR_EARG, "NULL");
    ck_assert_str_eq(br_error(br_apply_gufunc(count_cores, "", whole, bad)), br_error(bad));
    refused(br_apply_along_axis(count_slices, 2, x), BR_EAXIS, "2");
    refused(br_apply_along_axis(count_slices, 0, x, .length = -1), BR_EARG, ".length is -1");
    refused(br_apply_along_axis(NULL, 0, x), BR_EARG, "NULL");
    ck_assert_str_eq(br_error(br_apply_along_axis(count_slices, 0, bad)), br_error(bad));
    ck_assert_int_eq(br_status_of(br_apply_along_axis(count_slices, 0, NULL)), BR_EARG);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("blocks_user");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, places_of_blocks);
    tcase_add_test(c, calls_of_functions);
    tcase_add_test(c, files_are_read_once);
    tcase_add_test(c, functions_that_fail);
    tcase_add_test(c, bad_map_blocks);
    tcase_add_test(c, bad_blockwise);
    tcase_add_test(c, bad_signatures);
    tcase_add_test(c, bad_gufuncs);
    return run_case("blocks_user", c);
}
