/* SPDX-License-Identifier: BSD-3-Clause
 * test_expr_text.c - br_expr: texts are the same calls in C, and what they leave behind.
 */
#include <complex.h>
#include <math.h>

#include "array/ops/ops.h"
#include "array/ops/text/text.h"
#include "tests/expr_text.h"

/* ---- texts and calls ---- */

START_TEST(operators_are_the_calls)
{
    SAME("x + y", br_add(x, y));
    SAME("x - 1", br_sub(x, 1));
    SAME("2.5 * x", br_mul(2.5, x));
    SAME("1 / x", br_div(1, x));
    SAME("x // y", br_floor_divide(x, y));
    SAME("x % True", br_remainder(x, true));
    SAME("x ** 2", br_pow(x, 2));
    SAME("-x", br_negative(x));
    SAME("+x", br_positive(x));
    SAME("x < y", br_less(x, y));
    SAME("x <= y", br_less_equal(x, y));
    SAME("x > 1j.real", br_greater(x, 0.0));
    SAME("x >= y", br_greater_equal(x, y));
    SAME("x == y", br_equal(x, y));
    SAME("x != y", br_not_equal(x, y));
    SAME("x and y", br_logical_and(x, y));
    SAME("x or y", br_logical_or(x, y));
    SAME("not x", br_logical_not(x));
    SAME("x @ reshape(y, (4, 1))", br_matmul(x, br_reshape(y, BR_SHAPE(4, 1))));
    SAME("x if m else y", br_where(m, x, y));
    SAME("1j * x", br_mul(1.0 * I, x));
    SAME("18446744073709551615 * y", br_mul(UINT64_MAX, y));
}
END_TEST

START_TEST(operators_on_bits)
{
    SAME("y & 3", br_bitwise_and(y, 3));
    SAME("y | 3", br_bitwise_or(y, 3));
    SAME("3 ^ y", br_bitwise_xor(3, y));
    SAME("y << 3", br_bitwise_left_shift(y, 3));
    SAME("y >> 3", br_bitwise_right_shift(y, 3));
    SAME("~y", br_bitwise_invert(y));
    SAME("(x > 1) & (y < 2)", br_bitwise_and(br_greater(x, 1), br_less(y, 2)));
    SAME("y | 1 ^ y & 2 << y + 1",
         br_bitwise_or(
             y, br_bitwise_xor(1, br_bitwise_and(y, br_bitwise_left_shift(2, br_add(y, 1))))));
    SAME("y & 1 == y", br_equal(br_bitwise_and(y, 1), y));
    SAME("~y ** 2", br_bitwise_invert(br_pow(y, 2)));
}
END_TEST

START_TEST(precedence_is_pythons)
{
    SAME("x + y * z", br_add(x, br_mul(y, z)));
    SAME("(x + y) * z", br_mul(br_add(x, y), z));
    SAME("x - y - z", br_sub(br_sub(x, y), z));
    SAME("x - (y - z)", br_sub(x, br_sub(y, z)));
    SAME("x / y * z", br_mul(br_div(x, y), z));
    SAME("x // y % z", br_remainder(br_floor_divide(x, y), z));
    SAME("-x ** 2", br_negative(br_pow(x, 2)));
    SAME("(-x) ** 2", br_pow(br_negative(x), 2));
    SAME("x ** -y", br_pow(x, br_negative(y)));
    SAME("x ** y ** z", br_pow(x, br_pow(y, z)));
    SAME("x ** -y ** z", br_pow(x, br_negative(br_pow(y, z))));
    SAME("-x * y", br_mul(br_negative(x), y));
    SAME("x * -y", br_mul(x, br_negative(y)));
    SAME("--x", br_negative(br_negative(x)));
    SAME("x < y + 1", br_less(x, br_add(y, 1)));
    SAME("not x < y", br_logical_not(br_less(x, y)));
    SAME("not x and y", br_logical_and(br_logical_not(x), y));
    SAME("not not x", br_logical_not(br_logical_not(x)));
    SAME("x or y and z", br_logical_or(x, br_logical_and(y, z)));
    SAME("x and y or z", br_logical_or(br_logical_and(x, y), z));
    SAME("x or not y", br_logical_or(x, br_logical_not(y)));
    SAME("x < y < z", br_logical_and(br_less(x, y), br_less(y, z)));
    SAME("x < y >= z != 1",
         br_logical_and(br_logical_and(br_less(x, y), br_greater_equal(y, z)), br_not_equal(z, 1)));
    SAME("(x < y) < z", br_less(br_less(x, y), z));
    SAME("0 < x < 5", br_logical_and(br_less(0, x), br_less(x, 5)));
    SAME("x if m else y if z else 1", br_where(m, x, br_where(z, y, 1)));
    SAME("(x if m else y) if z else 1", br_where(z, br_where(m, x, y), 1));
    SAME("x + 1 if m or z else y", br_where(br_logical_or(m, z), br_add(x, 1), y));
    SAME("x if 1 else y", x);
    SAME("x if 2 < 1 else y", y);
    SAME("-x[0]", br_negative(br_index(x, "0")));
    SAME("-x.T ** 2", br_negative(br_pow(br_permute_dims(x, BR_AXES(1, 0)), 2)));
    SAME("2 * pi * x", br_mul(2 * M_PI, x));
    SAME("x * 2 * pi", br_mul(br_mul(x, 2), M_PI));
    SAME("x\n\t +\n y", br_add(x, y));
}
END_TEST

START_TEST(functions_are_the_calls)
{
    SAME("sqrt(x*x + y*y) - mean(x, axis=0)",
         br_sub(br_sqrt(br_add(br_mul(x, x), br_mul(y, y))), br_mean(x, .axis = BR_AXES(0))));
    SAME("abs(x)", br_abs(x));
    SAME("absolute(x)", br_abs(x));
    SAME("np.exp(x)", br_exp(x));
    SAME("numpy.log(x,)", br_log(x));
    SAME("power(x, 2)", br_pow(x, 2));
    SAME("mod(x, y)", br_remainder(x, y));
    SAME("true_divide(x, y)", br_div(x, y));
    SAME("minimum(x, 1)", br_minimum(x, 1));
    SAME("where(m, x, 0)", br_where(m, x, 0));
    SAME("where(True, x, y)", br_where(true, x, y));
    SAME("astype(x, int8)", br_astype(x, BR_INT8));
    SAME("x.astype(dtype=np.float64)", br_astype(x, BR_FLOAT64));
    SAME("x.astype(complex)", br_astype(x, BR_COMPLEX128));
    SAME("sqrt(2) * x", br_mul(sqrt(2.0), x));
    SAME("arctan2(1, 2) + x", br_add(atan2(1, 2), x));
}
END_TEST

START_TEST(reductions_are_the_calls)
{
    SAME("sum(x)", br_sum(x));
    SAME("sum(x, axis=None)", br_sum(x));
    SAME("x.sum(1)", br_sum(x, .axis = BR_AXES(1)));
    SAME("sum(x, (0, -1), keepdims=True)", br_sum(x, .axis = BR_AXES(0, -1), .keepdims = true));
    SAME("sum(x, axis=())", br_sum(x, .axis = BR_NO_AXES));
    SAME("sum(y, dtype=float32)", br_sum(y, .dtype = BR_FLOAT32));
    SAME("prod(x, axis=(1,))", br_prod(x, .axis = BR_AXES(1)));
    SAME("mean(x, 0, keepdims=False)", br_mean(x, .axis = BR_AXES(0)));
    SAME("std(x, ddof=1)", br_std(x, .correction = 1));
    SAME("var(x, axis=-1, correction=0.5)", br_var(x, .axis = BR_AXES(-1), .correction = 0.5));
    SAME("mean(x, 0, float64)", br_mean(x, .axis = BR_AXES(0), .dtype = BR_FLOAT64));
    SAME("min(x)", br_min(x));
    SAME("amax(x, 0)", br_max(x, .axis = BR_AXES(0)));
    SAME("any(m)", br_any(m));
    SAME("all(x, axis=1 - 1)", br_all(x, .axis = BR_AXES(0)));
}
END_TEST

START_TEST(shapes_are_the_calls)
{
    SAME("matmul(x, x.T)", br_matmul(x, br_permute_dims(x, BR_AXES(1, 0))));
    SAME("reshape(x, (2, -1))", br_reshape(x, BR_SHAPE(2, -1)));
    SAME("x.reshape(2, -1)", br_reshape(x, BR_SHAPE(2, -1)));
    SAME("x.transpose(1, 0)", br_permute_dims(x, BR_AXES(1, 0)));
    SAME("reshape(x, 12)", br_reshape(x, BR_SHAPE(12)));
    SAME("reshape(y[:1], ())", br_reshape(br_index(y, ":1"), BR_0D));
    SAME("broadcast_to(y, shape=(2, 4))", br_broadcast_to(y, BR_SHAPE(2, 4)));
    SAME("rechunk(x, (2, -1))", br_rechunk(x, BR_CHUNKS(2, -1)));
    SAME("permute_dims(x, (1, 0))", br_permute_dims(x, BR_AXES(1, 0)));
    SAME("transpose(x)", br_permute_dims(x, BR_AXES(1, 0)));
    SAME("x.transpose((0, 1))", br_permute_dims(x, BR_AXES(0, 1)));
    SAME("y.T", br_permute_dims(y, BR_AXES(0)));
    SAME("sum(x).T", br_permute_dims(br_sum(x), BR_NO_AXES));
    SAME("expand_dims(y, 0)", br_expand_dims(y, 0));
    SAME("squeeze(z, axis=1)", br_squeeze(z, BR_AXES(1)));
    SAME("squeeze(z)", br_squeeze(z, BR_AXES(1)));
    SAME("squeeze(x)", br_squeeze(x, BR_NO_AXES));
    SAME("moveaxis(x, 0, -1)", br_moveaxis(x, BR_AXIS(0), BR_AXIS(-1)));
    SAME("swapaxes(x, 0, 1)", br_swapaxes(x, 0, 1));
    SAME("matrix_transpose(x)", br_matrix_transpose(x));
    SAME("flip(x)", br_flip(x));
    SAME("flip(x, axis=1)", br_flip(x, .axis = BR_AXIS(1)));
    SAME("rot90(x)", br_rot90(x, 1));
    SAME("rot90(x, k=2, axes=(1, 0))", br_rot90(x, 2, .axes = BR_AXES(1, 0)));
    SAME("rot90(x, 0)", x);
    SAME("x.ravel()", br_ravel(x));
    SAME("roll(x, 1)", br_roll(x, BR_SHIFTS(1)));
    SAME("roll(x, (1, -1), axis=(0, 1))", br_roll(x, BR_SHIFTS(1, -1), .axis = BR_AXES(0, 1)));
    SAME("tile(y, (2, 1))", br_tile(y, BR_SHAPE(2, 1)));
    SAME("repeat(x, 3, axis=0)", br_repeat(x, 3, .axis = BR_AXIS(0)));
    SAME("repeat(x, 0)", br_repeat(x, 0));
    SAME("diff(x)", br_diff(x));
    SAME("diff(x, 0)", x);
    SAME("diff(x, n=2, axis=0, prepend=x)", br_diff(x, 2, .axis = BR_AXIS(0), .prepend = x));
    SAME("gradient(y)", br_gradient(y));
    SAME("gradient(x, 0.5, axis=0, edge_order=2)",
         br_gradient(x, BR_AXIS(0), 0.5, .edge_order = 2));
}
END_TEST

START_TEST(indices_are_the_calls)
{
    SAME("x[1:, ::-1]", br_index(x, "1:, ::-1"));
    SAME("x[..., None][0]", br_index(br_index(x, "..., None"), "0"));
    SAME("x[x > 1]", br_boolean_index(x, br_greater(x, 1)));
    SAME("y[m].sum()", br_sum(br_boolean_index(y, m)));
    SAME("x[x[..., :1].sum(axis=1) > y[0]]",
         br_boolean_index(
             x, br_greater(br_sum(br_index(x, "..., :1"), .axis = BR_AXES(1)), br_index(y, "0"))));
    SAME("compress(m, x, axis=1)", br_compress(m, x, .axis = BR_AXIS(1)));
    SAME("extract(m, y) + flatnonzero(m)", br_add(br_extract(m, y), br_flatnonzero(m)));
    SAME("take(x, y, axis=1) + take(x, y, 1)",
         br_add(br_take(x, y, .axis = BR_AXIS(1)), br_take(x, y, BR_AXIS(1))));
    SAME("x[y % 3]", br_take(x, br_remainder(y, 3), .axis = BR_AXIS(0)));
    SAME("np.take_along_axis(x, argmax(x, axis=1, keepdims=True), 1)",
         br_take_along_axis(x, br_argmax(x, .axis = BR_AXES(1), .keepdims = true), BR_AXIS(1)));
    SAME("repeat_counts(y, y)", br_repeat_counts(y, y));
    SAME("argwhere(x > 3)", br_argwhere(br_greater(x, 3)));
}
END_TEST

START_TEST(reductions_take_masks)
{
    SAME("sum(x, where=m)", br_sum(x, .where = m));
    SAME("nansum(x, 1, dtype=float64, initial=0.5)",
         br_nansum(x, .axis = BR_AXES(1), .dtype = BR_FLOAT64, .initial = BR_NUM(0.5)));
    SAME("mean(y, dtype=float32, where=y > 1)",
         br_mean(y, .dtype = BR_FLOAT32, .where = br_greater(y, 1)));
    SAME("nanmean(x)", br_nanmean(x));
    SAME("nanstd(x, ddof=1, where=m)", br_nanstd(x, .correction = 1, .where = m));
    SAME("max(x, axis=0, initial=-inf, where=m)",
         br_max(x, .axis = BR_AXES(0), .initial = BR_NUM(-INFINITY), .where = m));
    SAME("nanmin(x)", br_nanmin(x));
    SAME("any(x, where=m)", br_any(x, .where = m));
    SAME("argmax(x, axis=1)", br_argmax(x, .axis = BR_AXES(1)));
    SAME("x.argmin()", br_argmin(x));
    SAME("nanargmin(x, 0)", br_nanargmin(x, .axis = BR_AXES(0)));
    SAME("count_nonzero(x, keepdims=True)", br_count_nonzero(x, .keepdims = true));
    SAME("ptp(x)", br_ptp(x));
    SAME("logsumexp(x, axis=-1)", br_logsumexp(x, .axis = BR_AXES(-1)));
    SAME("vector_norm(x, ord=inf)", br_vector_norm(x, .ord = BR_NUM(INFINITY)));
    SAME("average(x, 1, y)", br_average(x, .axis = BR_AXES(1), .weights = y));
}
END_TEST

START_TEST(composed_functions_are_the_calls)
{
    SAME("clip(x, 0, 1)", br_clip(x, 0, 1));
    SAME("clip(z, max=x)", br_clip(z, BR_NONE, x));
    SAME("x.clip(None, 2.5)", br_clip(x, BR_NONE, 2.5));
    SAME("isclose(x, 1, rtol=1e-3, equal_nan=True)",
         br_isclose(x, 1, .rtol = BR_NUM(1e-3), .equal_nan = true));
    SAME("nan_to_num(x, nan=-1, posinf=9.0)", br_nan_to_num(x, .nan = -1, .posinf = BR_NUM(9.0)));
    SAME("logaddexp(x, y)", br_logaddexp(x, y));
    SAME("radians(x)", br_deg2rad(x));
    SAME("isnan(x) & signbit(x)", br_bitwise_and(br_isnan(x), br_signbit(x)));
    SAME("x.imag + conj(x)", br_add(br_imag(x), br_conj(x)));
    SAME("arctan2(x, y) + tan(x)", br_add(br_atan2(x, y), br_tan(x)));
}
END_TEST

START_TEST(names_are_the_callers)
{
    ck_assert_ptr_eq(br_expr(ctx, "e * pi", "e", x, "pi", y, NULL)->node, br_mul(x, y)->node);
    ck_assert_ptr_eq(br_expr(ctx, "np + _a1", "np", x, "_a1", y, NULL)->node, br_add(x, y)->node);
    ck_assert_ptr_eq(br_expr(ctx, "sum(sum, axis=0)", "sum", x, "axis", y, NULL)->node,
                     br_sum(x, .axis = BR_AXES(0))->node);
    static const char *const names[] = {"a", "n", "c"};
    const br_operand values[] = {BR_OPERAND(x), BR_OPERAND(0.5), BR_OPERAND(3u)};
    br_array *got = br_expr_with(ctx, "a * n ** c", .names = names, .values = values, .n = 3);
    ck_assert_ptr_eq(got->node, br_mul(x, 0.125)->node);
    ck_assert_int_eq(br_dtype_of(got), BR_FLOAT32);
}
END_TEST

/* ---- what is left behind ---- */

START_TEST(nothing_is_left_in_the_scope)
{
    br_scope *scope = br_scope_open(ctx);
    br_array *a = expr("sum(sqrt(x * x + 1)) / 3");
    ck_assert_ptr_eq(a->scope, scope);
    ck_assert_ptr_eq(scope->first, a);
    ck_assert_ptr_null(a->next);
    br_array *same = expr("x");
    ck_assert_ptr_ne(same, x);
    ck_assert_ptr_eq(same->node, x->node);
    ck_assert_ptr_eq(same->scope, scope);
    br_release(same);
    br_array *bad = expr("sqrt(x) + w");
    ck_assert_ptr_eq(scope->first, bad);
    ck_assert_ptr_eq(bad->next, a);
    ck_assert_ptr_eq(ctx->scope, scope);
    br_scope_close(scope);
    ck_assert_int_eq(br_status_of(br_add(x, 1)), BR_OK);
}
END_TEST

/* ---- tables ---- */

START_TEST(every_alias_and_suggestion_is_a_function)
{
    int n = 0;
    for (const char *name; (name = bri_text_function_name(n)) != NULL; n++)
        ck_assert_msg(bri_is_function(name, strlen(name)), "%s", name);
    ck_assert_int_gt(n, 60);
    ck_assert(!bri_is_function("frobnicate", 10));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        operators_are_the_calls,
        operators_on_bits,
        precedence_is_pythons,
        functions_are_the_calls,
        reductions_are_the_calls,
        shapes_are_the_calls,
        indices_are_the_calls,
        reductions_take_masks,
        composed_functions_are_the_calls,
        names_are_the_callers,
        nothing_is_left_in_the_scope,
        every_alias_and_suggestion_is_a_function,
    };
    return run_tests("expr_text", tests, (int)(sizeof tests / sizeof tests[0]));
}
