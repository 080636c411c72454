/* SPDX-License-Identifier: BSD-3-Clause
 * test_unknown_errors.c - unknown extents: which operations refuse them, and what is found out
 * by counting.
 */
#include <check.h>
#include <stdatomic.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "tests/suite.h"
#include "tests/unknown.h"

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
    ck_assert_ptr_nonnull(strstr(br_error(refused[0]), "index (test_unknown_errors.c:"));
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
         "add (test_unknown_errors.c:");
    says(br_compute_f64(br_sum(br_stack(BR_ARRAYS(few, many))), &sum), BR_ESHAPE,
         "shapes (1, 10) and (1, 250) of array number 2 differ on axis 1");
    says(br_compute_f64(br_sum(br_compress(br_greater(few, 2), many, .axis = BR_AXIS(0))), &sum),
         BR_ESHAPE, "a mask of 10 elements for an axis of 250");
    says(br_compute_f64(br_max(below(-1)), &sum), BR_ESHAPE, "max (test_unknown_errors.c:");
    says(br_persist(br_add(few, many))->status, BR_ESHAPE, "add (test_unknown_errors.c:");
    says(br_resolve(br_add(few, many))->status, BR_ESHAPE, "add (test_unknown_errors.c:");
    says(br_store_npy(br_add(few, many), in_folder("x.npy")), BR_ESHAPE,
         "add (test_unknown_errors.c:");
    says(br_explain(br_add(few, many), stdout), BR_ESHAPE, "add (test_unknown_errors.c:");
    says(br_print_values(br_add(few, many), stdout), BR_ESHAPE, "add (test_unknown_errors.c:");
    /* One element broadcasts, and so does an array that turns out to have one. */
    ck_assert(sum_of(br_add(many, below(1))) == 250 * 249 / 2);
    ck_assert(sum_of(br_add(below(1), br_ones(ctx, BR_SHAPE(11)))) == 11);
    br_array *same = br_boolean_index(memory(300), br_less(memory(70), 250));
    ck_assert(sum_of(br_sub(many, same)) == 0);
}
END_TEST

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
    says(br_compute_f64(y, &status), BR_EUNSUPPORTED, "test_unknown_errors.c:");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("unknown_errors");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, operations_that_need_the_extent);
    tcase_add_test(tests, bad_calls);
    tcase_add_test(tests, extents_that_differ);
    tcase_add_test(tests, masks_that_change);
    tcase_add_test(tests, failures_while_counting);
    tcase_add_test(tests, not_inside_a_task);
    return run_case("unknown_errors", tests);
}
