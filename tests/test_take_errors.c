/* SPDX-License-Identifier: BSD-3-Clause
 * test_take_errors.c - indexing by arrays and assignment: what is refused and how it is said,
 * at the call and at the compute.
 */
#include <check.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/suite.h"
#include "tests/take.h"

/* ---- errors ---- */

static void refuses(br_array *x, br_status status, const char *text)
{
    ck_assert_ptr_nonnull(x);
    ck_assert_msg(br_status_of(x) == status, "%s: status %d", br_error(x), br_status_of(x));
    ck_assert_msg(strstr(br_error(x), text) != NULL, "%s does not say %s", br_error(x), text);
}

START_TEST(bad_takes_are_refused)
{
    br_array *x = zeros(4, 3);
    br_array *row = br_index(x, "0");
    refuses(br_take(x, INTS(0, 4), .axis = BR_AXIS(0)), BR_EINDEX, "take (test_take_errors.c:");
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
    fails(br_take(x, COMPUTED(1, 5), .axis = BR_AXIS(0)), BR_EINDEX, "take (test_take_errors.c:");
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

int main(void)
{
    TCase *errors = tcase_create("take_errors");
    tcase_add_checked_fixture(errors, setup, teardown);
    tcase_add_test(errors, bad_takes_are_refused);
    tcase_add_test(errors, bad_assignments_are_refused);
    tcase_add_test(errors, bad_indices_are_found_when_computed);
    tcase_add_test(errors, failed_operands_are_passed_on);
    return run_case("take_errors", errors);
}
