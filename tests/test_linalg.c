/* SPDX-License-Identifier: BSD-3-Clause
 * test_linalg.c - products: dtypes and chunks of results, what is read, and what is refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/limited.h"
#include "tests/refused.h"
#include "tests/suite.h"

START_TEST(dtypes_of_products)
{
    static const br_dtype dtypes[][3] = {
        {BR_BOOL, BR_BOOL, BR_BOOL},         {BR_INT8, BR_INT8, BR_INT8},
        {BR_INT8, BR_UINT8, BR_INT16},       {BR_INT32, BR_FLOAT32, BR_FLOAT64},
        {BR_UINT64, BR_INT8, BR_FLOAT64},    {BR_FLOAT32, BR_COMPLEX64, BR_COMPLEX64},
        {BR_FLOAT32, BR_FLOAT32, BR_FLOAT32}};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        br_array *a = br_ones(ctx, BR_SHAPE(4, 4), .dtype = dtypes[i][0]);
        br_array *b = br_ones(ctx, BR_SHAPE(4, 4), .dtype = dtypes[i][1]);
        ck_assert_int_eq(br_dtype_of(br_matmul(a, b)), dtypes[i][2]);
        ck_assert_int_eq(br_dtype_of(br_tensordot(a, b)), dtypes[i][2]);
        ck_assert_int_eq(br_dtype_of(br_vecdot(a, b)), dtypes[i][2]);
    }
}
END_TEST

START_TEST(chunks_of_products)
{
    int64_t extents[4];
    br_array *a = br_ones(ctx, BR_SHAPE(6, 9, 10), .chunks = BR_CHUNKS(4, 3, 5));
    br_array *b = br_ones(ctx, BR_SHAPE(6, 10, 8), .chunks = BR_CHUNKS(3, 5, 4));
    br_array *c = br_matmul(a, b);
    ck_assert_int_eq(br_chunks(c, 0, extents, 4), 3); /* cut wherever one is: 3, 1, 2 */
    ck_assert_int_eq(extents[1], 1);
    ck_assert_int_eq(br_chunks(c, 1, extents, 4), 3);
    ck_assert_int_eq(br_chunks(c, 2, extents, 4), 2);
    c = br_tensordot(a, b, .axes = BR_NUM(1));
    refused(c, BR_ESHAPE, "shapes (6, 9, 10) and (6, 10, 8) differ along axes");
    c = br_tensordot(a, b, .left = BR_AXES(0, 2), .right = BR_AXES(0, 1));
    ck_assert_int_eq(br_ndim(c), 2);
    ck_assert_int_eq(br_chunks(c, 0, extents, 4), 3);
    ck_assert_int_eq(br_chunks(c, 1, extents, 4), 2);
}
END_TEST

/* Beside what does not fit, which waits on disk. */
static void reads_once(bool spills)
{
    const int64_t bytes = 256 * 256 * 8;
    double sum;
    br_run_info info;
    br_array *a = br_from_hdf5(ctx, file, "a", .chunks = BR_CHUNKS(64, 64));
    ck_assert_msg(br_compute_f64(br_sum(br_matmul(a, a)), &sum) == BR_OK, "%s", br_message(ctx));
    ck_assert_double_eq(sum, 256.0 * 256 * 256);
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, bytes);
    ck_assert(spills == (info.bytes_spilled > 0));
}

START_TEST(files_are_read_once)
{
    br_array *a = br_ones(ctx, BR_SHAPE(256, 256), .chunks = BR_CHUNKS(64, 64));
    ck_assert_int_eq(br_store_hdf5(a, file, "a"), BR_OK);
    reads_once(false);
    br_close(ctx);
    open_limited("1300K"); /* a task takes 1218 KiB to read two chunks, the rest does not fit */
    reads_once(true);
}
END_TEST

START_TEST(bad_products)
{
    br_array *x = br_ones(ctx, BR_SHAPE(3, 4));
    br_array *v = br_ones(ctx, BR_SHAPE(3));
    br_array *s = br_ones(ctx, BR_SHAPE(2, 4, 5));
    br_array *t = br_ones(ctx, BR_SHAPE(3, 3, 4));
    br_array *number = br_sum(x);
    br_array *bad = br_sum(x, .axis = BR_AXES(5));
    refused(br_matmul(x, x), BR_ESHAPE, "matmul (");
    refused(br_matmul(x, x), BR_ESHAPE, "shapes (3, 4) and (3, 4) are no matrices");
    refused(br_matmul(x, v), BR_ESHAPE, "shapes (3, 4) and (3, 1) are no matrices");
    refused(br_matmul(t, s), BR_ESHAPE, "shapes (3, 3, 4) and (2, 4, 5) do not broadcast");
    refused(br_matmul(x, number), BR_ESHAPE, "must have an axis each");
    refused(br_matmul(x, NULL), BR_EARG, "NULL");
    refused(br_tensordot(x, v), BR_EAXIS, "2 axes of arrays with 2 and 1");
    refused(br_tensordot(x, x, .axes = BR_NUM(-1)), BR_EARG, ".axes");
    refused(br_tensordot(x, x, .axes = BR_NUM(1.5)), BR_EARG, ".axes");
    refused(br_tensordot(x, x, .axes = BR_NUM(1), .left = BR_AXES(0)), BR_EARG, ".axes");
    refused(br_tensordot(x, x, .left = BR_AXES(0)), BR_EAXIS, "1 axes of a, but 0 of b");
    refused(br_tensordot(x, x, .left = BR_AXES(0, 2), .right = BR_AXES(0, 1)), BR_EAXIS,
            "axis 2 of an array with 2 axes");
    refused(br_tensordot(x, x, .left = BR_AXES(0, -2), .right = BR_AXES(0, 1)), BR_EAXIS,
            "axis -2 of an array with 2 axes stands twice");
    refused(br_vecdot(x, v), BR_ESHAPE, "shapes (3, 4) and (3,) differ");
    refused(br_vecdot(x, v, .axis = BR_AXIS(0)), BR_EAXIS, "count from the last");
    refused(br_vecdot(x, x, .axis = BR_AXIS(2)), BR_EAXIS, "axis 2");
    refused(br_vecdot(x, x, .axis = BR_AXES(0, 1)), BR_EAXIS, "one axis");
    ck_assert_str_eq(br_error(br_tensordot(x, bad)), br_error(bad));
    ck_assert_str_eq(br_error(br_outer(bad, x)), br_error(bad));
    ck_assert_str_eq(br_error(br_vecdot(x, bad)), br_error(bad));
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("linalg");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, dtypes_of_products);
    tcase_add_test(c, chunks_of_products);
    tcase_add_test(c, files_are_read_once);
    tcase_add_test(c, bad_products);
    return run_case("linalg", c);
}
