/* SPDX-License-Identifier: BSD-3-Clause
 * test_expr_messages.c - what br_expr says of bad texts, names and arrays, with columns; its limit
 * of depth.
 */
#include <sys/resource.h>

#include "tests/expr_text.h"

/* ---- messages ---- */

typedef struct mistake {
    const char *text;
    int column;
    br_status status;
    const char *message;
} mistake;

static const mistake mistakes[] = {
    {"", 1, BR_EARG, "a value is expected, but the text ends"},
    {"x +", 4, BR_EARG, "a value is expected, but the text ends"},
    {"x + * y", 5, BR_EARG, "a value is expected, not '*'"},
    {"x y", 3, BR_EARG, "an operator is expected, not 'y'"},
    {"(x + y", 7, BR_EARG, "',' or ')' is expected, but the text ends"},
    {"x)", 2, BR_EARG, "an operator is expected, not ')'"},
    {"sum(x", 6, BR_EARG, "',' or ')' is expected"},
    {"sum(x y)", 7, BR_EARG, "',' or ')' is expected, not 'y'"},
    {"1 + sqr(x)", 5, BR_EARG, "unknown function 'sqr' (did you mean sqrt?)"},
    {"x + frobnicate(x)", 5, BR_EARG, "unknown function 'frobnicate'\n"},
    {"x + w", 5, BR_EARG, "unknown name 'w'\n"},
    {"2*Pi", 3, BR_EARG, "unknown name 'Pi' (did you mean pi?)"},
    {"sqrt + 1", 1, BR_EARG, "'sqrt' is a function: '(' is missing"},
    {"x(1)", 1, BR_EARG, "'x' is an array and cannot be called"},
    {"x $ y", 3, BR_EARG, "unexpected character '$'"},
    {"x + \xc3\xa9", 5, BR_EARG, "unexpected byte 0xc3"},
    {"x = 1", 3, BR_EARG, "an operator is expected, not '='"},
    {"x && y", 4, BR_EARG, "a value is expected, not '&'"},
    {"x + if", 5, BR_EARG, "a value is expected, not 'if'"},
    {"x if m", 7, BR_EARG, "'else' is expected, but the text ends"},
    {"x + not y", 5, BR_EARG, "'not' here needs parentheses"},
    {"2x", 2, BR_EARG, "a number ends in 'x'"},
    {"1.2.3", 4, BR_EARG, "a number ends in '.'"},
    {"1__0", 2, BR_EARG, "a number ends in '_'"},
    {"x + 010", 5, BR_EARG, "octal numbers start with 0o"},
    {"0x", 1, BR_EARG, "digits are missing"},
    {"18446744073709551616", 1, BR_EARG, "does not fit in 64 bits"},
    {"x + 2**64", 6, BR_EARG, "does not fit in 64 bits"},
    {"9**9**9", 2, BR_EARG, "does not fit in 64 bits"},
    {"1 << 64", 3, BR_EARG, "does not fit in 64 bits"},
    {"1 << -1", 3, BR_EARG, "a negative number of bits"},
    {"x * (1 / 0)", 8, BR_EARG, "division by zero"},
    {"1 % 0", 3, BR_EARG, "division by zero"},
    {"1.5 // 0", 5, BR_EARG, "division by zero"},
    {"0 ** -1", 3, BR_EARG, "division by zero"},
    {"1e200 ** 2", 7, BR_EARG, "too large for a float"},
    {"1.5 & 1", 5, BR_ETYPE, "not defined for floats"},
    {"1j < 2", 4, BR_ETYPE, "not defined for complex numbers"},
    {"1j // 2", 4, BR_ETYPE, "not defined for complex numbers"},
    {"None + x", 1, BR_EARG, "None is no operand of add"},
    {"x * float32", 5, BR_EARG, "a dtype is no operand of multiply"},
    {"x - (1, 2)", 5, BR_EARG, "a tuple is no operand of subtract"},
    {"x @ 2", 5, BR_EARG, "@ needs two arrays, not a number"},
    {"(1, 2)", 1, BR_EARG, "the value is a tuple, no array"},
    {" float32", 2, BR_EARG, "the value is a dtype, no array"},
    {"(1, 2.5)", 5, BR_EARG, "tuples are made of integers only"},
    {"(x, 1)", 2, BR_EARG, "tuples are made of integers only"},
    {"((1, 2), 3)", 2, BR_EARG, "tuples are made of integers only"},
    {"1 + x + y[:3]", 7, BR_ESHAPE, "add: shapes (3, 4) and (3,) do not broadcast"},
    {"y * -m", 5, BR_ETYPE, "negative: not defined for bool"},
    {"1 + sum(x, axis=2)", 5, BR_EAXIS, "sum: axis 2 is out of range for 2 dimensions"},
    {"sum(x, axis=99999999999)", 13, BR_EAXIS, "axis of sum: axis 99999999999 is out of range"},
    {"sum(x, axis=0.5)", 13, BR_EARG, "axis of sum: an integer, a tuple of integers or None"},
    {"any(x, 0, True)", 11, BR_EARG, "any takes 2 arguments without a name"},
    {"sum(x, keepdims=1)", 17, BR_EARG, "keepdims of sum: True or False is expected"},
    {"sum(x, axes=0)", 8, BR_EARG,
     "sum has no argument 'axes'; it has x, axis, dtype, keepdims, initial, where"},
    {"sum(x, 0, axis=0)", 11, BR_EARG, "axis is given twice"},
    {"var(x, ddof=1, correction=0)", 16, BR_EARG, "correction is given twice"},
    {"sum(x, axis=0, 1)", 16, BR_EARG, "without a name stands after one with a name"},
    {"sum()", 1, BR_EARG, "sum needs the argument x"},
    {"sum(2)", 5, BR_EARG, "x of sum: an array is expected, not a number"},
    {"astype(x, 5)", 11, BR_EARG, "dtype of astype: a dtype is expected, not a number"},
    {"reshape(x, (5, 5))", 1, BR_ESHAPE, "reshape: 12 elements"},
    {"x.reshape(2, y)", 14, BR_EARG, "reshape takes 2 arguments without a name"},
    {"x.reshape(5, 5)", 3, BR_ESHAPE, "reshape: 12 elements"},
    {"clip(x, (1, 2))", 9, BR_EARG, "min of clip: an array or a number is expected, not a tuple"},
    {"reshape(x, None)", 12, BR_EARG, "shape of reshape: an integer or a tuple"},
    {"expand_dims(x, (0, 1))", 1, BR_EAXIS, "expand_dims: one axis is expected"},
    {"sqrt(x, y)", 1, BR_EARG, "sqrt has 1 operand, not 2"},
    {"where(x, y)", 1, BR_EARG, "where has 3 operands, not 2"},
    {"sqrt(x=x)", 6, BR_EARG, "sqrt has no arguments with a name"},
    {"sqrt(1,2,3,4,5,6,7,8,9)", 22, BR_EARG, "at most 8 arguments"},
    {"x[1, 2, 3]", 2, BR_EINDEX, "index: 3 indices for shape (3, 4)"},
    {"x[a:2]", 2, BR_EINDEX, "at column 1 of \"a:2\""},
    {"1 + x[0", 6, BR_EINDEX, "']' is missing"},
    {"x[2 < 3]", 3, BR_EINDEX, "a mask or an array of indices is expected, not a number"},
    {"x[m]", 2, BR_ESHAPE, "boolean_index: a mask of shape"},
    {"x[y[0] > 1", 11, BR_EARG, "']' is expected, but the text ends"},
    {"x[y / 2]", 2, BR_ETYPE, "boolean_index: the mask is float64, not bool"},
    {"x[x > 1][0]", 9, BR_ESHAPE, "index: the extent of axis 0 of shape (?,)"},
    {"2[0]", 2, BR_EARG, "a number cannot be indexed"},
    {"x.", 3, BR_EARG, "a name is expected, but the text ends"},
    {"x.size", 3, BR_EARG, "the attributes are T, real and imag"},
    {"x.mean + 1", 8, BR_EARG, "'(' is expected after the name of a function, not '+'"},
    {"x.mean", 7, BR_EARG, "'(' is expected after the name of a function, but the text ends"},
    {"x.foo(1)", 3, BR_EARG, "unknown function 'foo'"},
    {"np sqrt(x)", 4, BR_EARG, "'.' is expected, not 'sqrt'"},
};

START_TEST(messages_have_columns)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        const mistake *k = &mistakes[i];
        br_array *bad = expr(k->text);
        const char *why = br_error(bad);
        char column[60];
        char caret[200];
        snprintf(column, sizeof column, "expr (expr_text.h:%d): column %d: ", bad->at.line,
                 k->column);
        snprintf(caret, sizeof caret, "\n    %*s", k->column, "^");
        ck_assert_msg(br_status_of(bad) == k->status, "%s: %s", k->text, why);
        ck_assert_msg(strstr(why, column) == why, "%s: no column %d: %s", k->text, k->column, why);
        ck_assert_msg(strstr(why, k->message) != NULL, "%s: not \"%s\": %s", k->text, k->message,
                      why);
        size_t n = strlen(caret);
        ck_assert_msg(strcmp(why + strlen(why) - n, caret) == 0, "%s: %s", k->text, why);
    }
}
END_TEST

START_TEST(long_lines_are_cut_around_the_column)
{
    char text[3000];
    memset(text, ' ', sizeof text);
    memcpy(text, "x +\n", 4);
    strcpy(text + 2000, "frobnicate + x");
    const char *why = br_error(expr(text));
    ck_assert_ptr_nonnull(strstr(why, "line 2, column 1997: unknown name 'frobnicate'"));
    ck_assert_ptr_nonnull(strstr(why, " frobnicate + x\n"));
    ck_assert_uint_lt(strlen(why), 400);
}
END_TEST

static void check_refused(br_array *bad, br_status status, const char *message)
{
    ck_assert_msg(br_status_of(bad) == status, "%s", br_error(bad));
    ck_assert_msg(strstr(br_error(bad), message) != NULL, "%s", br_error(bad));
}

START_TEST(bad_names_and_arrays)
{
    check_refused(br_expr(ctx, NULL, NULL), BR_EARG, "the text is NULL");
    check_refused(br_expr(ctx, "x", "x", NULL, NULL), BR_EARG, "x is a NULL array");
    check_refused(br_expr(ctx, "x", "x", x, "x", y, NULL), BR_EARG, "the name x is given twice");
    check_refused(br_expr(ctx, "x", "1x", x, NULL), BR_EARG, "\"1x\" is no name");
    check_refused(br_expr(ctx, "x", "", x, NULL), BR_EARG, "\"\" is no name");
    check_refused(br_expr(ctx, "x", "a b", x, NULL), BR_EARG, "\"a b\" is no name");
    check_refused(br_expr(ctx, "x", "not", x, NULL), BR_EARG, "an array cannot be called not");
    check_refused(br_expr_with(ctx, "x", .n = 1), BR_EARG, "1 names without");
    check_refused(br_expr(NULL, "x", "x", x, NULL), BR_EARG, "");
    static const char *const names[] = {"a"};
    const br_operand odd[] = {{NULL, {'?', 0, 0, 0, 0}}};
    check_refused(br_expr_with(ctx, "a", .names = names, .values = odd, .n = 1), BR_EARG, "a is a");
    br_context *other = br_open(NULL, NULL);
    check_refused(br_expr(other, "x", "x", x, NULL), BR_EARG, "x is an array of another context");
    ck_assert_int_eq(br_close(other), 0);
}
END_TEST

START_TEST(failed_arrays_pass_their_error_on)
{
    br_array *bad = br_add(x, br_ones(ctx, BR_SHAPE(7)));
    br_array *got = br_expr(ctx, "x + (", "x", x, "bad", bad, NULL);
    ck_assert_int_eq(br_status_of(got), BR_ESHAPE);
    ck_assert_str_eq(br_error(got), br_error(bad));
    ck_assert_str_eq(br_error(br_add(expr("x + w"), bad)), br_error(expr("x + w")));
    double value;
    ck_assert_int_eq(br_compute_f64(expr("sum(x) + w"), &value), BR_EARG);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "column 10: unknown name 'w'"));
}
END_TEST

/* ---- depth and length ---- */

static char *repeated(const char *first, const char *part, int n, const char *last)
{
    size_t length = strlen(part);
    char *text = calloc(strlen(first) + (size_t)n * length + strlen(last) + 1, 1);
    strcpy(text, first);
    char *to = text + strlen(text);
    for (int i = 0; i < n; i++, to += length)
        memcpy(to, part, length);
    strcpy(to, last);
    return text;
}

static br_array *expr_of_parts(const char *first, const char *part, int n, const char *last)
{
    char *text = repeated(first, part, n, last);
    br_array *a = expr(text);
    free(text);
    return a;
}

enum { MANY = 100000, DEEP = 190, STACK = 1 << 20 };

/* A stack of 1 MiB does for the deepest text; without end it would overflow. */
START_TEST(depth_is_limited)
{
    static const char *const openings[] = {"(",   "-",      "not ", "sqrt(", "2**", "1 if 1 else ",
                                           "x+(", "x.sum(", "(1,",  "1<(",   "~"};
    struct rlimit limit = {STACK, STACK};
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        br_array *bad = expr_of_parts("", openings[i], MANY, "x");
        ck_assert_msg(br_status_of(bad) == BR_EARG, "%s", openings[i]);
        ck_assert_msg(strstr(br_error(bad), "nested more than 200 levels deep") != NULL, "%s",
                      br_error(bad));
    }
    char *close = repeated("", ")", DEEP, "");
    ck_assert_ptr_eq(expr_of_parts("", "(", DEEP, close)->node, NULL);
    char *whole = repeated("x", ")", DEEP, "");
    ck_assert_ptr_eq(expr_of_parts("", "(", DEEP, whole)->node, x->node);
    ck_assert_int_eq(br_status_of(expr_of_parts("", "sqrt(", DEEP, whole)), BR_OK);
    free(close);
    free(whole);
}
END_TEST

START_TEST(length_is_not)
{
    br_array *sum = expr_of_parts("y", " + y", 2000, "");
    br_array *want = y;
    for (int i = 0; i < 2000; i++)
        want = br_add(want, y);
    ck_assert_ptr_eq(sum->node, want->node);
    SAME("x[0]", br_index(x, "0"));
    ck_assert_int_eq(br_status_of(expr_of_parts("x", ".T", MANY, "")), BR_OK);
    ck_assert_int_eq(br_status_of(expr_of_parts("0", " < 1", MANY, "")), BR_OK);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        messages_have_columns, long_lines_are_cut_around_the_column,
        bad_names_and_arrays,  failed_arrays_pass_their_error_on,
        depth_is_limited,      length_is_not,
    };
    return run_tests("expr_messages", tests, (int)(sizeof tests / sizeof tests[0]));
}
