/* SPDX-License-Identifier: BSD-3-Clause
 * test_expr_numbers.c - numbers alone in br_expr: what Python makes of them, bit for bit.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "tests/suite.h"

static br_context *ctx;

static void set_up(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

static void tear_down(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
}

/* Equal constants are one node: kind and bits are the same. */
static void check(const char *text, br_number want)
{
    br_array *got = br_expr(ctx, text, NULL);
    ck_assert_msg(br_status_of(got) == BR_OK, "%s", br_error(got));
    ck_assert_msg(got->node == br_full(ctx, BR_0D, want)->node, "%s is another number", text);
}

/* Texts, and what Python 3.11 prints for them, exactly. */
typedef struct row {
    const char *text;
    br_number value;
} row;

static void check_rows(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(rows[i].text, rows[i].value);
}

/* clang-format off */
START_TEST(arithmetic_is_pythons)
{
    const row rows[] = {
        {"2*pi*3", br_number_float(0x1.2d97c7f3321d2p+4)},
        {"7/2", br_number_float(0x1.c000000000000p+1)},
        {"-7//2", br_number_int(-4)},
        {"7//-2", br_number_int(-4)},
        {"-7%3", br_number_int(2)},
        {"7%-3", br_number_int(-2)},
        {"7.5%-2", br_number_float(-0x1.0000000000000p-1)},
        {"-7.5//2", br_number_float(-4.0)},
        {"5.0//0.1", br_number_float(49.0)},
        {"1e308*10", br_number_float(INFINITY)},
        {"-0.0//1", br_number_float(-0.0)},
        {"2**10", br_number_int(1024)},
        {"2**-1", br_number_float(0x1.0000000000000p-1)},
        {"2**0.5", br_number_float(0x1.6a09e667f3bcdp+0)},
        {"-2**2", br_number_int(-4)},
        {"(-2)**2", br_number_int(4)},
        {"2**3**2", br_number_int(512)},
        {"2**-1**2", br_number_float(0x1.0000000000000p-1)},
        {"(-8.0)**(1/3)", br_number_complex(0x1.0000000000001p+0, 0x1.bb67ae8584caap+0)},
        {"1j**2", br_number_complex(-1.0, 0.0)},
        {"(1+2j)*(3-1j)", br_number_complex(5.0, 5.0)},
        {"(1+2j)/(3-1j)", br_number_complex(0x1.999999999999ap-4, 0x1.6666666666667p-1)},
        {"(1+2j)/(1-3j)", br_number_complex(-0x1.0000000000000p-1, 0x1.fffffffffffffp-2)},
        {"(1+2j)**-3", br_number_complex(-0x1.6872b020c49bbp-4, 0x1.0624dd2f1a9fcp-6)},
        {"abs(3+4j)", br_number_float(5.0)},
        {"-3j", br_number_complex(-0.0, -3.0)},
        {"2**62*2-1+2**62", br_number_uint(13835058055282163711u)},
        {"2**63", br_number_uint(9223372036854775808u)},
        {"-2**63", br_number_int(INT64_MIN)},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}
END_TEST

START_TEST(literals_are_pythons)
{
    const row rows[] = {
        {"0xff", br_number_int(255)},
        {"0b101", br_number_int(5)},
        {"0o17", br_number_int(15)},
        {"0x_ff", br_number_int(255)},
        {"1_000_000", br_number_int(1000000)},
        {"1_0.2_5e-0_1", br_number_float(0x1.0666666666666p+0)},
        {".5", br_number_float(0x1.0000000000000p-1)},
        {"5.", br_number_float(5.0)},
        {"1e3", br_number_float(1000.0)},
        {"1E+3j", br_number_complex(0.0, 1000.0)},
        {"18446744073709551615", br_number_uint(18446744073709551615u)},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}
END_TEST

START_TEST(operators_are_pythons)
{
    const row rows[] = {
        {"not 0", br_number_bool(true)},
        {"not 0.0 == 1", br_number_bool(true)},
        {"True+True", br_number_int(2)},
        {"-True", br_number_int(-1)},
        {"+True", br_number_int(1)},
        {"~5", br_number_int(-6)},
        {"~-1", br_number_int(0)},
        {"True & False", br_number_bool(false)},
        {"True | 2", br_number_int(3)},
        {"6 & 3 | 8 ^ 1", br_number_int(11)},
        {"1 | 2 ^ 3 & 4 << 1", br_number_int(3)},
        {"1 << 2 + 1", br_number_int(8)},
        {"256 >> 3 - 1", br_number_int(64)},
        {"-5 >> 1", br_number_int(-3)},
        {"-1 >> 200", br_number_int(-1)},
        {"1 < 2", br_number_bool(true)},
        {"1 < 2 < 3", br_number_bool(true)},
        {"3 > 2 >= 2 != 1", br_number_bool(true)},
        {"1 < 3 < 2", br_number_bool(false)},
        {"2**53 + 1 == 2.0**53", br_number_bool(false)},
        {"9007199254740993 > 9007199254740992.0", br_number_bool(true)},
        {"1 == 1.0", br_number_bool(true)},
        {"1j == 1j", br_number_bool(true)},
        {"1 - 2 - 3", br_number_int(-4)},
        {"2 / 4 / 8", br_number_float(0x1.0000000000000p-4)},
        {"2 * 3 % 4", br_number_int(2)},
        {"7 // 2 * 2", br_number_int(6)},
        {"- - 3", br_number_int(3)},
        {"-+-2", br_number_int(2)},
        {"3 - -3", br_number_int(6)},
        {"1 if 2 > 1 else 0", br_number_int(1)},
        {"1 if 0 else 2 if 0 else 3", br_number_int(3)},
        {"(1 if 0 else 2) + 1", br_number_int(3)},
        {"1 + 2 if 1 else 9", br_number_int(3)},
        {"10 % 3.5", br_number_float(3.0)},
        {"-10 % 3.5", br_number_float(0x1.0000000000000p-1)},
        {"1e400", br_number_float(INFINITY)},
        {"0 ** 0", br_number_int(1)},
        {"0.0 ** 0", br_number_float(1.0)},
        {"4 - 2 * 3 ** 2 // 5 % 3", br_number_int(4)},
        {"5 % 3 ** 2", br_number_int(5)},
        {"2.5 // 1", br_number_float(2.0)},
        {"-0.5 % 1e300", br_number_float(0x1.7e43c8800759cp+996)},
        {"inf - inf != 0", br_number_bool(true)},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}
END_TEST
/* clang-format on */

START_TEST(functions_of_numbers)
{
    check("sqrt(2)", BR_NUM(sqrt(2.0)));
    check("hypot(3, 4)", BR_NUM(5.0));
    check("floor(2.5) + ceil(2.5) + trunc(-2.5) + round(2.5)", BR_NUM(5.0));
    check("floor(7)", BR_NUM(7));
    check("maximum(1, 2.5)", BR_NUM(2.5));
    check("minimum(nan, 1) != nan", br_number_bool(true));
    check("where(0, 1, 2)", BR_NUM(2));
    check("exp(1j * pi).real", BR_NUM(-1.0));
    check("1j.imag + (2).real", BR_NUM(3.0));
    check("conj(1 - 2j)", br_number_complex(1, 2));
    check("square(3)", BR_NUM(9));
    check("logical_xor(1, 2)", br_number_bool(false));
}
END_TEST

/* Numbers stay weak: they take the dtype of the array that they meet. */
START_TEST(numbers_are_weak)
{
    br_array *x = br_ones(ctx, BR_SHAPE(3), BR_FLOAT32);
    br_array *i = br_ones(ctx, BR_SHAPE(3), BR_INT8);
    ck_assert_int_eq(br_dtype_of(br_expr(ctx, "2 * pi * sqrt(2) * x", "x", x, NULL)), BR_FLOAT32);
    ck_assert_int_eq(br_dtype_of(br_expr(ctx, "1j ** 2 * x", "x", x, NULL)), BR_COMPLEX64);
    ck_assert_int_eq(br_dtype_of(br_expr(ctx, "7 // 2 * i", "i", i, NULL)), BR_INT8);
    ck_assert_int_eq(br_dtype_of(br_expr(ctx, "7 / 2 * i", "i", i, NULL)), BR_FLOAT64);
    ck_assert_int_eq(br_dtype_of(br_expr(ctx, "(1 < 2) * i", "i", i, NULL)), BR_INT8);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        arithmetic_is_pythons, literals_are_pythons, operators_are_pythons,
        functions_of_numbers,  numbers_are_weak,
    };
    TCase *tcase = tcase_create("expr_numbers");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    return run_case("expr_numbers", tcase);
}
