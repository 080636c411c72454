/* SPDX-License-Identifier: BSD-3-Clause
 * test_composed.c - elementwise functions by name, and their errors: failed and missing operands,
 * dtypes that they do not have, bounds and exponents that make no sense.
 */
#include <check.h>
#include <complex.h>
#include <math.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/ops/ops.h"
#include "tests/suite.h"

static br_context *ctx;

static void open_context(void)
{
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

static void close_context(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
}

static br_array *filled(br_dtype dtype, double value)
{
    return br_full(ctx, BR_SHAPE(3), br_number_float(value), .dtype = dtype);
}

static void check_failed(const br_array *x, br_status status, const char *part, int line)
{
    ck_assert_msg(br_status_of(x) == status && strstr(br_error(x), part) != NULL,
                  "line %d: status %d, \"%s\" instead of \"%s\"", line, br_status_of(x),
                  br_error(x), part);
}
#define failed(x, status, part) check_failed(x, status, part, __LINE__)

static double first(br_array *x)
{
    double value = NAN;
    ck_assert_msg(br_compute_f64(br_index(x, "0"), &value) == BR_OK, "%s", br_message(ctx));
    return value;
}

/* ---- by name ---- */

static const char *const names[] = {
#define BRI_PART(...)
#define BRI_OP(NAME, name, ...) #name,
#include "array/kernels/ops.def"
#define BRI_COMPOSED(name, arity) #name,
#include "array/ops/composed.def"
#undef BRI_COMPOSED
};
enum { NNAMES = sizeof names / sizeof *names };

static const bri_named *named(const char *name)
{
    return bri_named_find(name, strlen(name));
}

START_TEST(functions_have_names)
{
    for (int i = 0; i < NNAMES; i++) {
        const bri_named *f = named(names[i]);
        ck_assert_ptr_nonnull(f);
        ck_assert_str_eq(f->name, names[i]);
    }
    ck_assert_ptr_null(named("frexp")); /* two results */
    ck_assert_ptr_null(named("join"));  /* no function of the interface */
    ck_assert_ptr_null(named("sinus"));
    ck_assert_ptr_null(bri_named_find("sin", 2));
    ck_assert_ptr_nonnull(bri_named_find("sinh(x)", 4));
    br_operand xy[] = {br_operand_array(filled(BR_FLOAT64, 3)), br_operand_int(2)};
    ck_assert_double_eq(first(bri_named_apply(named("pow"), xy, BR_HERE)), 9);
    ck_assert_double_eq_tol(first(bri_named_apply(named("logaddexp"), xy, BR_HERE)),
                            log(exp(3) + exp(2)), 1e-15);
}
END_TEST

/* A failed operand's error goes on, a missing one is an error, and so are numbers alone. */
START_TEST(operands_that_are_none)
{
    br_array *bad = br_add(filled(BR_FLOAT64, 1), br_ones(ctx, BR_SHAPE(5)));
    br_operand good = br_operand_array(filled(BR_FLOAT64, 1));
    br_operand none = br_operand_array(NULL), two = br_operand_int(2);
    for (int i = 0; i < NNAMES; i++) {
        const bri_named *f = named(names[i]);
        const bool clip = strcmp(names[i], "clip") == 0;
        for (int k = 0; k < f->arity; k++) {
            br_operand operands[3] = {good, good, good};
            operands[k] = br_operand_array(bad);
            ck_assert_str_eq(br_error(bri_named_apply(f, operands, BR_HERE)), br_error(bad));
            operands[k] = none;
            if (!clip || k == 0)
                failed(bri_named_apply(f, operands, BR_HERE), BR_EARG, ""); /* of which context? */
        }
        failed(bri_named_apply(f, (br_operand[]){two, two, two}, BR_HERE), BR_EARG, "");
    }
}
END_TEST

START_TEST(two_contexts)
{
    br_context *other = br_open(NULL, NULL);
    br_operand mixed[] = {br_operand_array(filled(BR_FLOAT64, 1)),
                          br_operand_array(br_ones(other, BR_SHAPE(3))),
                          br_operand_array(filled(BR_FLOAT64, 1))};
    for (int i = 0; i < NNAMES; i++)
        if (named(names[i])->arity > 1)
            ck_assert_int_ne(br_status_of(bri_named_apply(named(names[i]), mixed, BR_HERE)), BR_OK);
    ck_assert_int_eq(br_close(other), 0);
}
END_TEST

/* Each operation on a dtype that it has not says its name and the dtype. */
START_TEST(dtypes_that_are_not_there)
{
    for (int op = 0; op < BRI_NOPS; op++)
        for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++) {
            if (strchr(bri_ops[op].kinds, bri_kind(d)) != NULL)
                continue;
            br_operand x = br_operand_array(filled(d, 1));
            br_array *made = bri_elementwise((bri_opcode)op, (br_operand[]){x, x, x}, BR_HERE);
            failed(made, BR_ETYPE, br_dtype_name(d));
            failed(made, BR_ETYPE, bri_ops[op].name);
        }
    br_array *z = filled(BR_COMPLEX64, 1), *x = filled(BR_FLOAT32, 1);
    failed(br_logaddexp(z, x), BR_ETYPE, "logaddexp");
    failed(br_logaddexp2(x, z), BR_ETYPE, "complex64");
    failed(br_ldexp(z, 1), BR_ETYPE, "ldexp");
    failed(br_clip(z, 0, 1), BR_ETYPE, "clip");
    br_array *quotient, *remainder;
    br_divmod(z, x, &quotient, &remainder);
    failed(quotient, BR_ETYPE, "divmod");
    failed(remainder, BR_ETYPE, "divmod");
}
END_TEST

/* ---- arguments ---- */

START_TEST(bounds)
{
    br_array *x = filled(BR_INT8, 5);
    failed(br_clip(x, filled(BR_INT16, 1), BR_NONE), BR_ETYPE, "int16");
    failed(br_clip(x, BR_NONE, filled(BR_FLOAT32, 1)), BR_ETYPE, "float32");
    failed(br_clip(x, BR_NUM((double)NAN), 3), BR_EARG, "NaN");
    failed(br_clip(x, br_operand_number(br_number_complex(0, 1)).number, 3), BR_ETYPE, "complex");
    failed(br_clip(3, x, 4), BR_EARG, "x must be an array");
    ck_assert_int_eq(br_dtype_of(br_clip(x, 0.5, 1e300)), BR_INT8);
    ck_assert_double_eq(first(br_clip(x, 5.5, BR_NONE)), 6);
    ck_assert_double_eq(first(br_clip(x, BR_NONE, 4.5)), 4);
    ck_assert_double_eq(first(br_clip(x, 1000, BR_NONE)), 127);
    ck_assert_double_eq(first(br_clip(filled(BR_UINT64, 5), -3, 18446744073709551615u)), 5);
    ck_assert_double_eq(first(br_clip(x, BR_NONE, BR_NONE)), 5);
    ck_assert_double_eq(first(br_clip(x, 7, 6)), 6);
    ck_assert_int_eq(br_dtype_of(br_clip(filled(BR_FLOAT32, 5), 0, filled(BR_INT16, 1))),
                     BR_FLOAT32);
}
END_TEST

START_TEST(lists)
{
    br_array *x = filled(BR_FLOAT32, 2), *bad = br_add(x, br_ones(ctx, BR_SHAPE(5)));
    br_array *yes = br_greater(x, 1);
    br_array *conditions[] = {yes, yes}, *missing[] = {yes, NULL}, *broken[] = {bad, yes};
    const br_operand values[] = {BR_OPERAND(x), BR_OPERAND(0)};
    const br_operand none[] = {BR_OPERAND(x), {0}}, wrong[] = {BR_OPERAND(bad), BR_OPERAND(0)};
    failed(br_select(conditions, values, 0), BR_EARG, "");
    failed(br_select(NULL, values, 2), BR_EARG, "");
    failed(br_select(conditions, NULL, 2), BR_EARG, "");
    failed(br_select(missing, values, 2), BR_EARG, "NULL");
    failed(br_select(conditions, none, 2), BR_EARG, "value 2");
    ck_assert_str_eq(br_error(br_select(broken, values, 2)), br_error(bad));
    ck_assert_str_eq(br_error(br_select(conditions, wrong, 2)), br_error(bad));
    ck_assert_str_eq(br_error(br_piecewise(bad, conditions, values, 2)), br_error(bad));
    failed(br_piecewise(NULL, conditions, values, 2), BR_EARG, "");
    br_operand imaginary[] = {br_operand_number(br_number_complex(0, 1)), BR_OPERAND(0)};
    failed(br_piecewise(x, conditions, imaginary, 2), BR_ETYPE, "imaginary");
    ck_assert_int_eq(br_dtype_of(br_select(conditions, values, 2)), BR_FLOAT32);
    ck_assert_int_eq(br_dtype_of(br_select(conditions, imaginary, 2)), BR_COMPLEX128);
}
END_TEST

/* float32 holds int16 and uint16, but not int32, which those two are by themselves. */
START_TEST(order_of_dtypes_does_not_matter)
{
    static const br_dtype dtypes[] = {BR_INT16, BR_UINT16, BR_FLOAT32};
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    br_array *yes = br_full(ctx, BR_SHAPE(2), BR_NUM(true));
    br_array *conditions[] = {yes, yes};
    for (int k = 0; k < 6; k++) {
        br_array *x[4];
        for (int i = 0; i < 4; i++)
            x[i] = br_ones(ctx, BR_SHAPE(2), dtypes[orders[k][i % 3]]);
        const br_operand choices[] = {BR_OPERAND(x[0]), BR_OPERAND(x[1])};
        br_array *chosen = br_select(conditions, choices, 2, .otherwise = BR_OPERAND(x[2]));
        ck_assert_int_eq(br_dtype_of(chosen), BR_FLOAT32);
        ck_assert_int_eq(br_dtype_of(br_concat(x, 3)), BR_FLOAT32);
        ck_assert_int_eq(br_dtype_of(br_blocks(x, 2, 2)), BR_FLOAT32);
        ck_assert_int_eq(br_dtype_of(br_stack(x, 4)), BR_FLOAT32);
    }
}
END_TEST

/* The shape is x's, also where conditions and values have one element. */
START_TEST(piecewise_of_one_condition)
{
    float values[6];
    br_array *x = br_zeros(ctx, BR_SHAPE(2, 3), BR_FLOAT32);
    br_array *conditions[] = {br_full(ctx, BR_0D, BR_NUM(true))};
    const br_operand five[] = {BR_OPERAND(5)};
    br_array *y = br_piecewise(x, conditions, five, 1);
    ck_assert_int_eq(br_ndim(y), 2);
    ck_assert_int_eq(br_compute(y, values, sizeof values), BR_OK);
    for (int i = 0; i < 6; i++)
        ck_assert(values[i] == 5);
    br_array *rows[] = {br_greater(br_zeros(ctx, BR_SHAPE(4, 3)), 1)};
    failed(br_piecewise(x, rows, five, 1), BR_ESHAPE, "");
}
END_TEST

START_TEST(other_arguments)
{
    br_array *x = filled(BR_FLOAT64, 2), *bad = br_add(x, br_ones(ctx, BR_SHAPE(5)));
    br_array *fraction, *exponent;
    failed(br_ldexp(x, x), BR_ETYPE, "exponents");
    failed(br_ldexp(x, 1.5), BR_ETYPE, "exponents");
    failed(br_nan_to_num(x, .posinf = br_number_complex(1, 1)), BR_ETYPE, "real");
    failed(br_isclose(x, br_ones(ctx, BR_SHAPE(5))), BR_ESHAPE, "isclose");
    failed(br_nan_to_num(NULL), BR_EARG, "");
    br_frexp(bad, &fraction, &exponent);
    ck_assert_str_eq(br_error(fraction), br_error(bad));
    ck_assert_str_eq(br_error(exponent), br_error(bad));
    br_frexp(12, &fraction, &exponent);
    failed(exponent, BR_EARG, "");
    br_frexp(br_mul(x, 6), &fraction, &exponent);
    ck_assert_double_eq(first(fraction), 0.75);
    ck_assert_double_eq(first(exponent), 4);
    ck_assert_int_eq(br_dtype_of(exponent), BR_INT32);
}
END_TEST

/* To the power of the number 2 it is the square, of the dtype of a power. */
START_TEST(squares)
{
    br_array *x = filled(BR_FLOAT64, 1.1), *i = filled(BR_INT16, -7);
    ck_assert(first(br_pow(x, 2)) == 1.1 * 1.1);
    ck_assert(first(br_pow(x, 2.0)) == 1.1 * 1.1);
    ck_assert(first(br_pow(i, 2)) == 49);
    ck_assert_int_eq(br_dtype_of(br_pow(i, 2)), BR_INT16);
    ck_assert_int_eq(br_dtype_of(br_pow(i, 2.0)), BR_FLOAT64);
    ck_assert_int_eq(br_dtype_of(br_pow(x, BR_NUM(2 + 0.0 * _Complex_I))), BR_COMPLEX128);
    ck_assert(first(br_pow(2, i)) == 0);
}
END_TEST

/* Complex numbers as operands keep infinite parts and the sign of zero. */
START_TEST(complex_numbers)
{
    br_array *zero = br_full(ctx, BR_SHAPE(1), br_number_complex(-0.0, -0.0));
    br_number infinite = br_number_complex(-0.0, INFINITY);
    double _Complex made;
    ck_assert_int_eq(br_compute(br_add(zero, infinite), &made, sizeof made), BR_OK);
    ck_assert(signbit(__real__ made) && __real__ made == 0 && isinf(__imag__ made));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("composed");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, functions_have_names);
    tcase_add_test(t, operands_that_are_none);
    tcase_add_test(t, two_contexts);
    tcase_add_test(t, dtypes_that_are_not_there);
    tcase_add_test(t, bounds);
    tcase_add_test(t, lists);
    tcase_add_test(t, order_of_dtypes_does_not_matter);
    tcase_add_test(t, piecewise_of_one_condition);
    tcase_add_test(t, other_arguments);
    tcase_add_test(t, squares);
    tcase_add_test(t, complex_numbers);
    return run_case("composed", t);
}
