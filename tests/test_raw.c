/* SPDX-License-Identifier: BSD-3-Clause
 * test_raw.c - files of elements alone.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/npy_files.h"
#include "tests/suite.h"

/* ---- files without a header ---- */

START_TEST(raw_files)
{
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
        for (int order = BR_NATIVE_ENDIAN; order <= BR_BIG_ENDIAN; order++) {
            br_array *x =
                br_reshape(br_astype(br_arange(ctx, BR_NUM(0), BR_NUM(60)), d), BR_SHAPE(12, 5));
            unsigned char *want = elements_of(x), bytes[5 + 60 * 16];
            size_t size = br_dtype_size(d), part = d == BR_COMPLEX64    ? 4
                                                   : d == BR_COMPLEX128 ? 8
                                                                        : size;
            x = br_rechunk(x, BR_CHUNKS(5, 3));
            ck_assert_int_eq(br_store_raw(x, "x.raw", .order = (br_byte_order)order), BR_OK);
            FILE *f = fopen("x.raw", "rb");
            ck_assert_uint_eq(fread(bytes + 5, 1, sizeof bytes - 5, f), 60 * size);
            fclose(f);
            for (size_t i = 0; i < 60 * size; i++) {
                size_t from = order == BR_BIG_ENDIAN ? i / part * part + part - 1 - i % part : i;
                ck_assert_msg(bytes[5 + i] == want[from], "%s byte %zu", br_dtype_name(d), i);
            }
            write_bytes("y.raw", bytes, 5 + 60 * size);
            br_array *y = br_from_raw(ctx, "y.raw", d, BR_SHAPE(-1, 5), .offset = 5,
                                      .order = (br_byte_order)order, .chunks = BR_CHUNKS(4, 4));
            void *got = elements_of(y);
            ck_assert_int_eq(br_shape(y)[0], 12);
            ck_assert_int_eq(memcmp(got, want, 60 * size), 0);
            free(got);
            free(want);
        }
    ck_assert_int_eq(count_files(false), 2);
}
END_TEST

START_TEST(bad_raw_files)
{
    write_bytes("x", "0123456789", 10);
    fails(br_from_raw(ctx, "x", BR_INT32, BR_SHAPE(3)), BR_EFORMAT, "10 of 12");
    fails(br_from_raw(ctx, "x", BR_INT32, BR_SHAPE(-1)), BR_EFORMAT, "multiple");
    fails(br_from_raw(ctx, "x", BR_INT32, BR_SHAPE(-1, 0)), BR_EFORMAT, "multiple");
    fails(br_from_raw(ctx, "x", BR_INT32, BR_SHAPE(-1, -1)), BR_EARG, "-1");
    fails(br_from_raw(ctx, "x", BR_INT32, BR_SHAPE(INT64_MAX, 8)), BR_EARG, "too many");
    fails(br_from_raw(ctx, "x", BR_INT32, BR_SHAPE(1), .offset = 11), BR_EFORMAT, "begin at 11");
    fails(br_from_raw(ctx, "x", BR_INT32, BR_SHAPE(1), .offset = -1), BR_EARG, "offset");
    fails(br_from_raw(ctx, "x", (br_dtype)0, BR_SHAPE(1)), BR_EARG, "dtype");
    fails(br_from_raw(ctx, "x", BR_INT32, (br_extents){0}), BR_EARG, "shape");
    fails(br_from_raw(ctx, "x", BR_INT32, BR_SHAPE(1), .order = (br_byte_order)9), BR_EARG,
          "order 9");
    fails(br_from_raw(ctx, "y", BR_INT32, BR_SHAPE(1)), BR_ENOTFOUND, "y");
    fails(br_from_raw(ctx, NULL, BR_INT32, BR_SHAPE(1)), BR_EARG, "NULL");
    ck_assert_int_eq(br_store_raw(br_ones(ctx, BR_SHAPE(3)), "no/x"), BR_EIO);
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_raw(br_ones(ctx, BR_SHAPE(3)), NULL), BR_EARG);
    br_clear_error(ctx);
    br_array *zero = br_from_raw(ctx, "x", BR_UINT8, BR_0D, .offset = 3);
    int64_t value;
    ck_assert_int_eq(br_compute_i64(zero, &value), BR_OK);
    ck_assert_int_eq(value, '3');
    ck_assert_int_eq(
        br_compute_i64(br_sum(br_from_raw(ctx, "x", BR_UINT8, BR_SHAPE(0, 3))), &value), BR_OK);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("raw");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, raw_files);
    tcase_add_test(tests, bad_raw_files);
    return run_case("raw", tests);
}
