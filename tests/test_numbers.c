/* SPDX-License-Identifier: BSD-3-Clause
 * test_numbers.c - C numbers beyond the range of an integer array: comparisons are those of the
 * numbers, operations modulo 2^n wrap around, others say that the number does not fit. And that
 * macros which take numbers nest: 26 nested calls compile at once, not within an hour.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/suite.h"

static br_context *ctx;
static br_array *bytes;     /* uint8: 0, 44, 255 */
static br_array *small;     /* int8: -128, 0, 127 */
static br_array *large;     /* uint64: 0, 2^63, 2^64 - 1 */
static br_array *long_long; /* int64: the least, -1, the greatest */

static void open_context(void)
{
    static const uint8_t b[] = {0, 44, 255};
    static const int8_t s[] = {-128, 0, 127};
    static const uint64_t l[] = {0, UINT64_C(1) << 63, UINT64_MAX};
    static const int64_t i[] = {INT64_MIN, -1, INT64_MAX};
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    bytes = br_from_memory(ctx, b, BR_UINT8, BR_SHAPE(3));
    small = br_from_memory(ctx, s, BR_INT8, BR_SHAPE(3));
    large = br_from_memory(ctx, l, BR_UINT64, BR_SHAPE(3));
    long_long = br_from_memory(ctx, i, BR_INT64, BR_SHAPE(3));
}

static void close_context(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
}

/* The three elements, and the dtype that stays the array's. */
static void check_values(br_array *x, br_dtype dtype, int64_t a, int64_t b, int64_t c, int line)
{
    const int64_t expected[] = {a, b, c};
    int64_t got[3];
    ck_assert_msg(br_dtype_of(x) == dtype, "line %d: %s %s", line, br_dtype_name(br_dtype_of(x)),
                  br_error(x));
    ck_assert_int_eq(br_compute(br_astype(x, BR_INT64), got, sizeof got), BR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(got[i] == expected[i], "line %d: element %d is %lld, not %lld", line, i,
                      (long long)got[i], (long long)expected[i]);
}
#define values(x, dtype, ...) check_values(x, dtype, __VA_ARGS__, __LINE__)
#define truths(x, ...)        check_values(x, BR_BOOL, __VA_ARGS__, __LINE__)

static void check_failed(const br_array *x, const char *text, int line)
{
    ck_assert_msg(br_status_of(x) == BR_EARG && strstr(br_error(x), text) != NULL,
                  "line %d: \"%s\" instead of \"%s\"", line, br_error(x), text);
}
#define failed(x, text) check_failed(x, text, __LINE__)

/* All six comparisons with a number that is above or below all elements, on both sides. */
static void check_order(br_array *x, br_operand n, bool above)
{
    const br_operand a = br_operand_array(x);
    const br_place at = BR_HERE;
    const int64_t less = above, greater = !above;
    truths(br_less_(a, n, at), less, less, less);
    truths(br_less_equal_(a, n, at), less, less, less);
    truths(br_greater_(a, n, at), greater, greater, greater);
    truths(br_greater_equal_(a, n, at), greater, greater, greater);
    truths(br_equal_(a, n, at), 0, 0, 0);
    truths(br_not_equal_(a, n, at), 1, 1, 1);
    truths(br_less_(n, a, at), greater, greater, greater);
    truths(br_less_equal_(n, a, at), greater, greater, greater);
    truths(br_greater_(n, a, at), less, less, less);
    truths(br_greater_equal_(n, a, at), less, less, less);
    truths(br_equal_(n, a, at), 0, 0, 0);
    truths(br_not_equal_(n, a, at), 1, 1, 1);
}

START_TEST(comparisons)
{
    check_order(bytes, br_operand_int(300), true);
    check_order(bytes, br_operand_int(256), true);
    check_order(bytes, br_operand_int(-1), false);
    check_order(bytes, br_operand_uint(UINT64_MAX), true);
    check_order(small, br_operand_int(128), true);
    check_order(small, br_operand_uint(128), true);
    check_order(small, br_operand_int(-129), false);
    check_order(large, br_operand_int(-1), false);
    check_order(long_long, br_operand_uint(UINT64_C(1) << 63), true);
    truths(br_less(bytes, 255), 1, 1, 0);
    truths(br_equal(small, -128), 1, 0, 0);
    truths(br_equal(large, UINT64_MAX), 0, 0, 1);
    truths(br_expr(ctx, "-1 < x < 256 and x != -212", "x", bytes, NULL), 1, 1, 1);
}
END_TEST

START_TEST(wrapping)
{
    values(br_add(bytes, 300), BR_UINT8, 44, 88, 43);
    values(br_add(bytes, -1), BR_UINT8, 255, 43, 254);
    values(br_subtract(1000, bytes), BR_UINT8, 232, 188, 233);
    values(br_multiply(small, 257), BR_INT8, -128, 0, 127);
    values(br_bitwise_and(bytes, ~3), BR_UINT8, 0, 44, 252);
    values(br_bitwise_or(small, 0x80), BR_INT8, -128, -128, -1);
    values(br_bitwise_xor(bytes, -1), BR_UINT8, 255, 211, 0);
    values(br_add(long_long, UINT64_MAX), BR_INT64, INT64_MAX, -2, INT64_MAX - 1);
    values(br_sum(bytes, .initial = BR_NUM(-300), .keepdims = true, .axis = BR_NO_AXES), BR_UINT64,
           -300, -256, -45);
}
END_TEST

START_TEST(shifts_and_logic)
{
    values(br_bitwise_left_shift(bytes, 256), BR_UINT8, 0, 0, 0);
    values(br_bitwise_left_shift(bytes, -256), BR_UINT8, 0, 0, 0);
    values(br_bitwise_right_shift(bytes, 257), BR_UINT8, 0, 0, 0);
    values(br_bitwise_right_shift(small, 256), BR_INT8, -1, 0, 0);
    values(br_bitwise_right_shift(small, -256), BR_INT8, -1, 0, 0);
    truths(br_logical_and(bytes, 256), 0, 1, 1);
    truths(br_logical_xor(-256, bytes), 1, 0, 0);
}
END_TEST

START_TEST(refused)
{
    failed(br_minimum(bytes, 300), "300 is not in the range of uint8");
    failed(br_maximum(-5, bytes), "maximum");
    failed(br_where(br_less(bytes, 9), bytes, -1), "-1 is not in the range of uint8");
    failed(br_pow(bytes, -1), "pow");
    failed(br_floor_divide(small, 200), "200 is not in the range of int8");
    failed(br_remainder(large, -2), "remainder");
    failed(br_bitwise_left_shift(256, bytes), "bitwise_left_shift");
    failed(br_gcd(long_long, UINT64_MAX), "18446744073709551615 is not in the range of int64");
    failed(br_select((br_array *[]){br_less(bytes, 9)}, (br_operand[]){BR_OPERAND(bytes)}, 1,
                     .otherwise = BR_OPERAND(-1)),
           "select");
    failed(br_expr(ctx, "x // 1000", "x", bytes, NULL), "column 3: floor_divide: 1000 is not in");
    failed(br_max(bytes, .initial = BR_NUM(300)), "max");
    failed(br_min(small, .initial = BR_NUM(1000)), "1000 is not in the range of int8");
    ck_assert_str_eq(br_error(br_minimum(bytes, 255)), "");
    ck_assert_str_eq(br_error(br_divide(bytes, 300)), "");
    br_clear_error(ctx);
}
END_TEST

START_TEST(fills)
{
    failed(br_full(ctx, BR_SHAPE(3), BR_NUM(300), .dtype = BR_UINT8), "full");
    failed(br_full(ctx, BR_SHAPE(3), BR_NUM(-0x1p63 * 2), .dtype = BR_INT64), "range of int64");
    failed(br_full(ctx, BR_SHAPE(3), BR_NUM(NAN), .dtype = BR_INT32), "nan is not in the range");
    failed(br_full_like(bytes, BR_NUM(-1)), "full_like");
    values(br_full(ctx, BR_SHAPE(3), BR_NUM(255.9), .dtype = BR_UINT8), BR_UINT8, 255, 255, 255);
    values(br_full(ctx, BR_SHAPE(3), BR_NUM(-0x1p63), .dtype = BR_INT64), BR_INT64, INT64_MIN,
           INT64_MIN, INT64_MIN);
    truths(br_full(ctx, BR_SHAPE(3), BR_NUM(300), .dtype = BR_BOOL), 1, 1, 1);
    br_clear_error(ctx);
}
END_TEST

START_TEST(nested)
{
    br_array *x = br_astype(bytes, BR_INT64);
    /* x^0 + ... + x^13, modulo 2^64 */
    /* clang-format off */
    br_array *sum =
        br_add(br_mul(br_add(br_mul(br_add(br_mul(br_add(br_mul(br_add(br_mul(br_add(br_mul(
        br_add(br_mul(br_add(br_mul(br_add(br_mul(br_add(br_mul(br_add(br_mul(br_add(br_mul(
        br_add(x, 1),
        x), 1), x), 1), x), 1), x), 1), x), 1), x), 1),
        x), 1), x), 1), x), 1), x), 1), x), 1), x), 1);
    /* clang-format on */
    values(br_remainder(sum, 1 << 20), BR_INT64, 1, 999805, 395008);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("numbers");
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, comparisons);
    tcase_add_test(tcase, wrapping);
    tcase_add_test(tcase, shifts_and_logic);
    tcase_add_test(tcase, refused);
    tcase_add_test(tcase, fills);
    tcase_add_test(tcase, nested);
    return run_case("numbers", tcase);
}
