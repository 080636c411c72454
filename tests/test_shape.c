/* SPDX-License-Identifier: BSD-3-Clause
 * test_shape.c - joining, cutting and rearranging: what is refused and how it is said, what is read
 * of files, what is copied.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/folder.h"
#include "tests/suite.h"

static br_array *zeros(int64_t rows, int64_t columns)
{
    return br_zeros(ctx, BR_SHAPE(rows, columns));
}

/* ---- errors ---- */

static void refuses(br_array *x, br_status status, const char *text)
{
    ck_assert_ptr_nonnull(x);
    ck_assert_msg(br_status_of(x) == status, "%s: status %d", br_error(x), br_status_of(x));
    ck_assert_msg(strstr(br_error(x), text) != NULL, "%s does not say %s", br_error(x), text);
}

/* All results carry the error that the call returned. */
static void refuse_all(br_status st, br_array *const *out, int n, br_status status,
                       const char *text)
{
    ck_assert_int_eq(st, status);
    for (int i = 0; i < n; i++)
        refuses(out[i], status, text);
}

START_TEST(bad_joins_are_refused)
{
    br_array *x = zeros(2, 3);
    br_array *none[] = {x, NULL};
    refuses(br_concat(BR_ARRAYS(x, zeros(2, 4))), BR_ESHAPE, "concat (test_shape.c:");
    refuses(br_concat(BR_ARRAYS(x, zeros(2, 4))), BR_ESHAPE, "(2, 3) and (2, 4)");
    refuses(br_concat(BR_ARRAYS(x, br_ones(ctx, BR_SHAPE(3)))), BR_ESHAPE, "(3,)");
    refuses(br_concat(BR_ARRAYS(x, zeros(0, 4))), BR_ESHAPE, "(0, 4)");
    refuses(br_concat(BR_ARRAYS(x, x), .axis = BR_AXIS(2)), BR_EAXIS, "axis 2 is out of range");
    refuses(br_concat(BR_ARRAYS(x, x), .axis = BR_AXIS(-3)), BR_EAXIS, "axis -3");
    refuses(br_concat(BR_ARRAYS(x, x), .axis = BR_AXES(0, 1)), BR_EAXIS, "one axis is needed");
    br_array *scalar = br_sum(x);
    refuses(br_concat(BR_ARRAYS(scalar, scalar)), BR_EAXIS, "0 dimensions");
    refuses(br_concat(none, 2), BR_EARG, "array number 2 is NULL");
    ck_assert_int_eq(br_status_of(br_concat(NULL, 2)), BR_EARG);
    ck_assert_int_eq(br_status_of(br_concat(none, 0)), BR_EARG);
    ck_assert_int_eq(br_status_of(br_concat(none, -1)), BR_EARG);
    refuses(br_stack(BR_ARRAYS(x, zeros(3, 2))), BR_ESHAPE, "stack");
    refuses(br_stack(BR_ARRAYS(x, x), .axis = BR_AXIS(3)), BR_EAXIS, "axis 3");
    refuses(br_blocks(none, 1, 2), BR_EARG, "array number 2 is NULL");
    ck_assert_int_eq(br_status_of(br_blocks(none, 1, 0)), BR_EARG);
    ck_assert_int_eq(br_status_of(br_blocks(none, 1 << 20, 1 << 20)), BR_EARG);
    refuses(br_blocks((br_array *[]){x, x, x, zeros(2, 2)}, 2, 2), BR_ESHAPE, "blocks");
}
END_TEST

START_TEST(bad_cuts_are_refused)
{
    br_array *out[4] = {NULL};
    br_array *x = zeros(4, 3);
    refuse_all(br_unstack(x, out, 3), out, 3, BR_ESHAPE, "extent 4, not 3");
    refuse_all(br_unstack(x, out, 4, .axis = BR_AXIS(2)), out, 4, BR_EAXIS, "axis 2");
    refuse_all(br_unstack(br_sum(x), out, 1), out, 1, BR_EAXIS, "0 dimensions");
    ck_assert_int_eq(br_unstack(x, NULL, 4), BR_EARG);
    ck_assert_int_eq(br_unstack(NULL, out, 4), BR_EARG);
    ck_assert_int_eq(br_status_of(out[3]), BR_EARG);
    refuse_all(br_split(x, out, 3), out, 3, BR_ESHAPE, "extent 4 of axis 0 in 3 equal parts");
    refuse_all(br_split(x, out, 2, .axis = BR_AXIS(-3)), out, 2, BR_EAXIS, "axis -3");
    ck_assert_int_eq(br_split(x, out, 0), BR_EARG);
    ck_assert_int_eq(br_split(x, out, -1), BR_EARG);
    ck_assert_int_eq(br_split(x, NULL, 2), BR_EARG);
    ck_assert_int_eq(br_split(x, out, 3, .uneven = true), BR_OK);
    refuse_all(br_broadcast_arrays(BR_ARRAYS(x, zeros(3, 4)), out), out, 2, BR_ESHAPE,
               "broadcast_arrays");
    ck_assert_int_eq(br_broadcast_arrays(BR_ARRAYS(x, x), NULL), BR_EARG);
}
END_TEST

START_TEST(bad_turns_are_refused)
{
    br_array *x = zeros(4, 3);
    br_array *row = br_ones(ctx, BR_SHAPE(3));
    refuses(br_moveaxis(x, BR_AXIS(0), BR_AXIS(2)), BR_EAXIS, "moveaxis (test_shape.c:");
    refuses(br_moveaxis(x, BR_AXES(0, 0), BR_AXES(0, 1)), BR_EAXIS, "moveaxis");
    refuses(br_moveaxis(x, BR_AXES(0, 1), BR_AXIS(0)), BR_EAXIS, "2 axes are moved to 1 places");
    refuses(br_swapaxes(x, 0, 2), BR_EAXIS, "swapaxes");
    refuses(br_matrix_transpose(row), BR_EAXIS, "at least two axes");
    refuses(br_flip(x, .axis = BR_AXIS(2)), BR_EAXIS, "flip");
    refuses(br_flip(x, .axis = BR_AXES(1, 1)), BR_EAXIS, "flip");
    refuses(br_rot90(row, 1), BR_EAXIS, "rot90");
    refuses(br_rot90(x, 1, .axes = BR_AXES(1, -1)), BR_EAXIS, "rot90");
    refuses(br_rot90(x, 1, .axes = BR_AXIS(1)), BR_EAXIS, "two axes are needed");
    refuses(br_atleast_nd(x, 33), BR_EAXIS, "33 dimensions");
    refuses(br_atleast_nd(x, -1), BR_EAXIS, "-1 dimensions");
    refuses(br_roll(x, BR_SHIFTS(1), .axis = BR_AXIS(2)), BR_EAXIS, "roll");
    refuses(br_roll(x, BR_SHIFTS(1, 2, 3), .axis = BR_AXES(0, 1)), BR_ESHAPE, "3 shifts for 2");
    refuses(br_roll(x, (br_extents){0}, .axis = BR_AXIS(0)), BR_ESHAPE, "no shift");
    refuses(br_tile(x, BR_SHAPE(2, -1)), BR_ESHAPE, "-1 repetitions");
    refuses(br_tile(x, BR_SHAPE(INT64_MAX, 1)), BR_ESHAPE, "tile");
    refuses(br_repeat(x, -2), BR_ESHAPE, "-2 repetitions");
    refuses(br_repeat(x, 2, .axis = BR_AXIS(2)), BR_EAXIS, "axis 2");
    refuses(br_repeat(x, INT64_MAX, .axis = BR_AXIS(0)), BR_ESHAPE, "repeat");
    br_array *tiny = br_zeros(ctx, BR_SHAPE((int64_t)1 << 40), .chunks = BR_CHUNKS(1));
    refuses(br_repeat(tiny, 3), BR_ESHAPE, "1099511627776 chunks along an axis");
}
END_TEST

START_TEST(bad_pads_are_refused)
{
    br_array *x = zeros(4, 3);
    br_array *empty = zeros(0, 3);
    refuses(br_pad(x, BR_SHAPE(1, -1)), BR_ESHAPE, "width -1 of axis 1");
    refuses(br_pad(x, BR_SHAPE(1), BR_SHAPE(-2)), BR_ESHAPE, "width -2 of axis 0");
    refuses(br_pad(x, BR_SHAPE(1, 2, 3)), BR_ESHAPE, "3 widths for 2 axes");
    refuses(br_pad(x, BR_SHAPE(1), BR_SHAPE(1, 2, 3)), BR_ESHAPE, "3 widths for 2 axes");
    refuses(br_pad(x, (br_extents){0}), BR_ESHAPE, "0 widths for 2 axes");
    refuses(br_pad(x, BR_SHAPE(INT64_MAX)), BR_ESHAPE, "width");
    refuses(br_pad(empty, BR_SHAPE(1, 0), .mode = BR_PAD_EDGE), BR_ESHAPE, "axis 0 has no element");
    refuses(br_pad(empty, BR_SHAPE(1, 0), .mode = BR_PAD_WRAP), BR_ESHAPE, "pad (test_shape.c:");
    refuses(br_pad(x, BR_SHAPE(1), .mode = (br_pad_mode)6), BR_EARG, "no mode 6");
    refuses(br_pad(x, BR_SHAPE(1), .value = br_number_complex(0, 1)), BR_ETYPE, "complex value");
    refuses(
        br_pad(x, BR_SHAPE(1), .mode = BR_PAD_LINEAR_RAMP, .end_values = {br_number_complex(0, 1)}),
        BR_ETYPE, "complex value");
    ck_assert_int_eq(br_status_of(br_pad(empty, BR_SHAPE(1, 2))), BR_OK);
    ck_assert_int_eq(br_nelem(br_pad(empty, BR_SHAPE(1, 2))), 14);
    ck_assert_int_eq(br_nelem(br_pad(br_sum(x), BR_SHAPE(3))), 1);
}
END_TEST

START_TEST(bad_differences_are_refused)
{
    br_array *x = zeros(4, 3);
    refuses(br_diff(x, .axis = BR_AXIS(2)), BR_EAXIS, "diff (test_shape.c:");
    refuses(br_diff(x, -1), BR_EARG, "n is -1");
    refuses(br_diff(br_sum(x)), BR_EAXIS, "0 dimensions");
    refuses(br_diff(x, .prepend = zeros(2, 2)), BR_ESHAPE, "(2, 2)");
    refuses(br_gradient(x), BR_EAXIS, ".axis is needed");
    refuses(br_gradient(x, BR_AXIS(-3)), BR_EAXIS, "axis -3");
    refuses(br_gradient(x, BR_AXIS(0), .edge_order = 3), BR_EARG, "not 3");
    refuses(br_gradient(zeros(4, 1), BR_AXIS(1)), BR_ESHAPE, "at least 2 are needed");
    refuses(br_gradient(zeros(4, 2), BR_AXIS(1), .edge_order = 2), BR_ESHAPE, "at least 3");
    refuses(br_gradient(br_less(x, 1), BR_AXIS(0)), BR_ETYPE, "bool");
}
END_TEST

/* What fails passes its first error on; nothing crashes on NULL. */
START_TEST(failed_operands_are_passed_on)
{
    br_array *out[2];
    for (int i = 0; i < 2; i++) {
        br_array *bad = i ? NULL : br_reshape(zeros(2, 3), BR_SHAPE(5));
        br_status st = i ? BR_EARG : BR_ESHAPE;
        br_array *all[] = {br_concat(BR_ARRAYS(zeros(1, 1), bad)),
                           br_stack(BR_ARRAYS(zeros(1, 1), bad)),
                           br_blocks(BR_ARRAYS(zeros(1, 1), bad), 1),
                           br_moveaxis(bad, BR_AXIS(0), BR_AXIS(1)),
                           br_swapaxes(bad, 0, 1),
                           br_matrix_transpose(bad),
                           br_flip(bad),
                           br_rot90(bad, 1),
                           br_atleast_nd(bad, 3),
                           br_ravel(bad),
                           br_roll(bad, BR_SHIFTS(1)),
                           br_tile(bad, BR_SHAPE(2)),
                           br_repeat(bad, 2),
                           br_pad(bad, BR_SHAPE(1)),
                           br_diff(bad),
                           br_gradient(bad)};
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
            ck_assert_msg(br_status_of(all[k]) == st, "function %zu: %s", k, br_error(all[k]));
        ck_assert_int_eq(br_unstack(bad, out, 2), st);
        ck_assert_int_eq(br_split(bad, out, 2), st);
        ck_assert_int_eq(br_broadcast_arrays(BR_ARRAYS(zeros(1, 1), bad), out), st);
        ck_assert_int_eq(br_status_of(out[1]), st);
    }
}
END_TEST

START_TEST(two_contexts_do_not_mix)
{
    br_context *other = br_open(NULL, NULL);
    br_array *y = br_zeros(other, BR_SHAPE(2, 3));
    refuses(br_concat(BR_ARRAYS(zeros(2, 3), y)), BR_EARG, "two contexts");
    br_close(other);
}
END_TEST

/* ---- what is read ---- */

enum { ROWS = 40, COLUMNS = 25, CHUNK = 10 }; /* four stored chunks of 10 rows */

static br_array *stored(const char *path)
{
    br_array *x = br_reshape(br_arange(ctx, BR_NUM(0), BR_NUM(ROWS * COLUMNS), .dtype = BR_INT32),
                             BR_SHAPE(ROWS, COLUMNS));
    ck_assert_int_eq(br_store_hdf5(x, path, "x", .chunks = BR_CHUNKS(CHUNK, COLUMNS)), BR_OK);
    return br_from_hdf5(ctx, path, "x", .chunks = BR_CHUNKS(CHUNK, COLUMNS));
}

/* Computing x takes so many rows off the files. */
static void reads(br_array *x, int rows)
{
    br_run_info info;
    void *values;
    ck_assert_msg(br_compute_alloc(x, &values) == BR_OK, "%s", br_message(ctx));
    free(values);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_eq(info.bytes_read, (int64_t)rows * COLUMNS * 4);
}

/* The rows that are named, and no others. */
START_TEST(only_what_is_needed_is_read)
{
    br_array *a = stored("a.h5");
    br_array *b = stored("b.h5");
    br_array *both = br_concat(BR_ARRAYS(a, b));
    reads(both, 2 * ROWS);
    reads(br_index(both, "41:49"), 8);
    reads(br_index(both, "35:45, ::-1"), 10);
    reads(br_index(both, "::40"), 2);
    reads(br_add(br_index(both, "3:3, :1"), 1), 0);
    reads(br_sum(br_index(both, ":20")), 2 * CHUNK);
    reads(br_exp(br_index(br_concat(BR_ARRAYS(br_sqrt(a), br_mul(b, 2))), "-1")), 1);
    reads(br_index(br_stack(BR_ARRAYS(a, b)), "1, 3"), 1);
    reads(br_index(br_concat(BR_ARRAYS(a, b), .axis = BR_AXIS(1)), ":10, :25"), CHUNK);
    reads(br_index(br_flip(a), ":10"), CHUNK);
    reads(br_index(br_flip(both, .axis = BR_AXIS(0)), ":3"), 3);
    reads(br_index(br_roll(a, BR_SHIFTS(10), .axis = BR_AXIS(0)), ":20"), 2 * CHUNK);
    reads(br_index(br_roll(a, BR_SHIFTS(-3), .axis = BR_AXIS(0)), "37:"), 3);
    reads(br_index(br_roll(a, BR_SHIFTS(-3), .axis = BR_AXIS(0)), "0"), 1);
    reads(br_roll(a, BR_SHIFTS(CHUNK), .axis = BR_AXIS(0)), ROWS);
    reads(br_index(br_tile(a, BR_SHAPE(3, 1)), "40:45"), 5);
    reads(br_index(br_pad(a, BR_SHAPE(2, 0), .mode = BR_PAD_EDGE), ":2"), 1);
    reads(br_index(br_pad(a, BR_SHAPE(5, 1), .mode = BR_PAD_WRAP), ":5, 1:-1"), 5);
    reads(br_index(br_pad(a, BR_SHAPE(5, 0)), ":5"), 0);
    reads(br_index(br_pad(a, BR_SHAPE(5, 0)), "6"), 1);
    reads(br_index(br_diff(a, .axis = BR_AXIS(0)), "3"), 2);
    br_array *part[4];
    ck_assert_int_eq(br_split(both, part, 4), BR_OK);
    reads(part[2], 2 * CHUNK);
    ck_assert_int_eq(br_unstack(br_stack(BR_ARRAYS(a, b)), part, 2), BR_OK);
    reads(part[1], ROWS);
}
END_TEST

/* ---- what is computed and copied ---- */

static const void *made;
static int calls;
static int same_blocks;

static int make(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    calls++;
    made = out->data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return 0;
}

static int see(const br_block *in, int n, const br_block *out, const void *data)
{
    same_blocks += in[0].data == made;
    return make(in, n, out, data);
}

/* On one thread a chunk is read as soon as it is made: at the place where it was made. */
START_TEST(computed_chunks_are_handed_on)
{
    double sum;
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    br_context *one = br_open(NULL, NULL);
    br_array *x = br_map_blocks(br_ones(one, BR_SHAPE(64, 100), .chunks = BR_CHUNKS(1, 100)), make);
    br_array *y = br_concat(BR_ARRAYS(br_index(x, "32:"), br_index(x, ":32")));
    ck_assert_int_eq(br_compute_f64(br_sum(br_map_blocks(y, see)), &sum), BR_OK);
    ck_assert(sum == 6400);
    ck_assert_int_eq(calls, 128);
    ck_assert_int_eq(same_blocks, 64);
    same_blocks = 0; /* who reads x, too, keeps it */
    br_array *twice = br_concat(BR_ARRAYS(x, x), .axis = BR_AXIS(1));
    ck_assert_int_eq(br_compute_f64(br_sum(br_map_blocks(twice, see)), &sum), BR_OK);
    ck_assert(sum == 12800);
    ck_assert_int_lt(same_blocks, 128);
    ck_assert_int_eq(calls, 128 + 192);
    br_close(one);
}
END_TEST

/* Many arrays at once cost tasks in proportion to their number. */
START_TEST(thousands_are_joined)
{
    enum { N = 5000 };
    static br_array *x[N];
    double sum;
    for (int i = 0; i < N; i++)
        x[i] = br_full(ctx, BR_SHAPE(1), BR_NUM((double)i));
    ck_assert_int_eq(br_compute_f64(br_sum(br_concat(x, N)), &sum), BR_OK);
    ck_assert(sum == N * (N - 1) / 2.0);
    ck_assert_int_eq(br_compute_f64(br_index(br_concat(x, N), "4321"), &sum), BR_OK);
    ck_assert(sum == 4321);
    br_array *copies = br_tile(br_add(br_zeros(ctx, BR_SHAPE(1 << 20)), 1), BR_SHAPE(3000));
    ck_assert_msg(br_compute_f64(br_index(copies, "-5"), &sum) == BR_OK, "%s", br_message(ctx));
    ck_assert(sum == 1 && br_nelem(copies) == (int64_t)3000 << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shape");
    TCase *errors = tcase_create("errors");
    tcase_add_checked_fixture(errors, setup, teardown);
    tcase_add_test(errors, bad_joins_are_refused);
    tcase_add_test(errors, bad_cuts_are_refused);
    tcase_add_test(errors, bad_turns_are_refused);
    tcase_add_test(errors, bad_pads_are_refused);
    tcase_add_test(errors, bad_differences_are_refused);
    tcase_add_test(errors, failed_operands_are_passed_on);
    tcase_add_test(errors, two_contexts_do_not_mix);
    suite_add_tcase(suite, errors);
    TCase *runs = tcase_create("runs");
    tcase_add_checked_fixture(runs, setup, teardown);
    tcase_add_test(runs, only_what_is_needed_is_read);
    tcase_add_test(runs, computed_chunks_are_handed_on);
    tcase_add_test(runs, thousands_are_joined);
    suite_add_tcase(suite, runs);
    return run_suite(suite);
}
