/* SPDX-License-Identifier: BSD-3-Clause
 * test_expr.c - nodes and handles: sharing, long chains on a small stack, scopes, errors that
 * stick, and what printing shows.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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

static br_array *numbers(int64_t n)
{
    return br_arange(ctx, BR_NUM(0.0), br_number_int(n), .chunks = BR_CHUNKS(5));
}

/* ---- sharing ---- */

START_TEST(equal_expressions_share)
{
    static const double data[] = {1, 2, 3};
    br_array *x = numbers(10);
    br_array *a = br_sum(br_exp(br_mul(x, 2)), .axis = BR_AXES(0));
    br_array *b = br_sum(br_exp(br_mul(x, 2)), .axis = BR_AXES(0));
    ck_assert_ptr_ne(a, b);
    ck_assert_ptr_eq(a->node, b->node);
    ck_assert_int_eq(b->at.line, a->at.line + 1);
    ck_assert_ptr_eq(numbers(10)->node, x->node);
    ck_assert_ptr_ne(numbers(11)->node, x->node);
    ck_assert_ptr_ne(br_mul(x, 2)->node, br_mul(x, 3)->node);
    ck_assert_ptr_ne(br_mul(x, 2)->node, br_mul(x, 2.0 + 1e-15)->node);
    ck_assert_ptr_ne(br_add(x, 1)->node, br_sub(x, 1)->node);
    ck_assert_ptr_ne(br_sum(x)->node, br_sum(x, .keepdims = true)->node);
    ck_assert_ptr_eq(br_sum(x)->node, br_sum(x, .axis = BR_AXES(-1))->node);
    ck_assert_ptr_eq(br_index(x, "2:4")->node, br_index(x, "2:-6:1")->node);
    br_array *m = br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(3));
    ck_assert_ptr_ne(m->node, br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(3))->node);
    /* 0 and -0 are different numbers. */
    ck_assert_ptr_ne(br_mul(x, 0.0)->node, br_mul(x, -0.0)->node);
}
END_TEST

static double twice(double x, const void *data)
{
    (void)data;
    return 2 * x;
}

START_TEST(functions_share_by_what_they_are_given)
{
    br_array *x = numbers(10);
    const int one = 1;
    const int two = 2;
    ck_assert_ptr_eq(br_map(x, twice)->node, br_map(x, twice)->node);
    ck_assert_ptr_ne(br_map(x, twice, .impure = true)->node,
                     br_map(x, twice, .impure = true)->node);
    ck_assert_ptr_ne(br_map(x, twice, &one, sizeof one)->node,
                     br_map(x, twice, &two, sizeof two)->node);
    ck_assert_ptr_eq(br_map(x, twice, &one, sizeof one)->node,
                     br_map(x, twice, &one, sizeof one)->node);
    ck_assert_ptr_ne(br_map(x, twice, &one)->node, br_map(x, twice, &one)->node);
}
END_TEST

START_TEST(nodes_are_freed)
{
    bri_array_data *data = bri_array_data_of(ctx);
    size_t before = data->nnodes;
    for (int i = 0; i < 100; i++) {
        br_scope *s = br_scope_open(ctx);
        br_array *x = br_add(br_exp(numbers(10 + i)), i);
        double sum;
        ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_OK);
        br_scope_close(s);
        ck_assert_uint_eq(data->nnodes, before);
    }
}
END_TEST

/* ---- long chains ---- */

enum { LONG = 100000, COMPUTED = 10000 };

static br_array *chain(int n)
{
    br_array *x = br_zeros(ctx, BR_SHAPE(4));
    br_array *one = br_ones(ctx, BR_SHAPE(4));
    for (int i = 0; i < n; i++)
        x = br_add(x, one);
    return x;
}

/* Nothing recurses over nodes: 256 KiB of stack do. */
START_TEST(long_chains)
{
    struct rlimit limit = {256 << 10, 256 << 10};
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
    br_scope *s = br_scope_open(ctx);
    br_array *x = chain(LONG);
    ck_assert_int_eq(br_status_of(x), BR_OK);
    FILE *null = fopen("/dev/null", "w");
    ck_assert_int_eq(br_print(x, null), BR_OK);
    ck_assert_int_eq(br_print_tree(x, null), BR_OK);
    fclose(null);
    br_scope_close(s);
    double sum = 0;
    ck_assert_int_eq(br_compute_f64(br_sum(chain(COMPUTED)), &sum), BR_OK);
    ck_assert(sum == 4.0 * COMPUTED);
}
END_TEST

/* ---- scopes ---- */

START_TEST(scopes_nest)
{
    br_scope *outer = br_scope_open(ctx);
    br_array *a = numbers(3);
    br_scope *inner = br_scope_open(ctx);
    br_array *b = br_add(a, 1);
    br_array *c = br_add(b, 1);
    ck_assert_ptr_eq(b->scope, inner);
    ck_assert_ptr_eq(br_keep(b), b);
    ck_assert_ptr_eq(b->scope, outer);
    ck_assert_ptr_eq(br_scope_return(inner, c), c);
    ck_assert_ptr_eq(c->scope, outer);
    /* An older array is handed to the scope around its own. */
    br_scope *third = br_scope_open(ctx);
    ck_assert_ptr_eq(br_keep(a), a);
    ck_assert_ptr_eq(a->scope, &ctx->root);
    br_scope_open(ctx);
    br_scope_close(third); /* with the one inside */
    ck_assert_ptr_eq(ctx->scope, outer);
    double value;
    ck_assert_int_eq(br_compute_f64(br_sum(c), &value), BR_OK);
    ck_assert(value == 9);
    br_scope_close(outer);
    ck_assert_ptr_eq(ctx->scope, &ctx->root);
    ck_assert_int_eq(br_compute_f64(br_sum(a), &value), BR_OK);
    ck_assert(value == 3);
    ck_assert_ptr_eq(br_keep(a), a);
    ck_assert_ptr_eq(a->scope, &ctx->root);
}
END_TEST

/* ---- errors ---- */

START_TEST(the_first_error_sticks)
{
    br_array *x = numbers(6);
    br_array *bad = br_add(br_ones(ctx, BR_SHAPE(3, 4)), br_ones(ctx, BR_SHAPE(5, 4)));
    int line = __LINE__ - 1;
    char place[60];
    snprintf(place, sizeof place, "add (test_expr.c:%d): ", line);
    ck_assert_ptr_nonnull(strstr(br_error(bad), place));
    ck_assert_ptr_nonnull(strstr(br_error(bad), "(3, 4) and (5, 4)"));
    br_array *list[] = {
        br_exp(bad),
        br_add(bad, x),
        br_add(x, bad),
        br_where(x, bad, 1),
        br_where(bad, x, x),
        br_astype(bad, BR_INT8),
        br_sum(bad),
        br_var(bad),
        br_any(bad),
        br_matmul(bad, x),
        br_matmul(x, bad),
        br_index(bad, "bad text"),
        br_permute_dims(bad, BR_AXES(9)),
        br_reshape(bad, BR_SHAPE(-7)),
        br_broadcast_to(bad, BR_SHAPE(2)),
        br_expand_dims(bad, 99),
        br_squeeze(bad, BR_AXES(5)),
        br_rechunk(bad, BR_CHUNKS(1, 1, 1)),
        br_map(bad, twice),
        br_map_blocks(bad, NULL),
        br_persist(bad),
        br_indexf(bad, "%d", 3),
        br_less(bad, bad),
        br_mul(2.0, bad),
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        ck_assert_msg(br_status_of(list[i]) == BR_ESHAPE, "%zu: %s", i, br_error(list[i]));
        ck_assert_str_eq(br_error(list[i]), br_error(bad));
    }
    br_array *other = br_index(x, "7");
    ck_assert_str_eq(br_error(br_add(other, bad)), br_error(other));
    ck_assert_str_eq(br_error(br_add(bad, other)), br_error(bad));
    br_clear_error(ctx);
    double value;
    ck_assert_int_eq(br_compute_f64(br_sum(bad), &value), BR_ESHAPE);
    ck_assert_int_eq(br_compute_f64(other, &value), BR_EINDEX);
    ck_assert_str_eq(br_message(ctx), br_error(bad));
    br_clear_error(ctx);
    ck_assert_str_eq(br_message(ctx), "");
    ck_assert_int_eq(br_compute_f64(br_sum(x), &value), BR_OK);
    ck_assert(value == 15);
}
END_TEST

/* ---- printing ---- */

static const char *printed(br_array *x, br_status (*print)(br_array *, FILE *))
{
    static char *text;
    size_t n = 0;
    free(text);
    FILE *f = open_memstream(&text, &n);
    ck_assert_int_eq(print(x, f), BR_OK);
    fclose(f);
    return text;
}

static br_status print(br_array *x, FILE *f)
{
    return br_print(x, f);
}
static br_status print_tree(br_array *x, FILE *f)
{
    return br_print_tree(x, f);
}

static br_array *row(const double *v, int64_t n)
{
    return br_from_memory(ctx, v, BR_FLOAT64, BR_SHAPE(n), .copy = true);
}

/* The texts are those of NumPy 1.26's print(). */
START_TEST(values_are_printed_as_numpy_does)
{
    static const double mixed[] = {1, 2.5, -3, 100};
    static const double small[] = {1e-10, 1};
    static const double odd[] = {0.1, 1.0 / 3};
    const double special[] = {1.0 / 0.0, -1.0 / 0.0, 0};
    ck_assert_str_eq(printed(row(mixed, 4), br_print_values), "[  1.    2.5  -3.  100. ]\n");
    ck_assert_str_eq(printed(row(small, 2), br_print_values), "[1.e-10 1.e+00]\n");
    ck_assert_str_eq(printed(row(odd, 2), br_print_values), "[0.1        0.33333333]\n");
    ck_assert_str_eq(printed(row(special, 3), br_print_values), "[ inf -inf   0.]\n");
    br_array *whole = br_reshape(br_arange(ctx, BR_NUM(0), BR_NUM(12)), BR_SHAPE(3, 4));
    ck_assert_str_eq(printed(whole, br_print_values),
                     "[[ 0  1  2  3]\n [ 4  5  6  7]\n [ 8  9 10 11]]\n");
    ck_assert_str_eq(
        printed(br_less(whole, 2), br_print_values),
        "[[ True  True False False]\n [False False False False]\n [False False False False]]\n");
    ck_assert_str_eq(printed(br_sum(whole), br_print_values), "66\n");
    ck_assert_str_eq(printed(br_index(whole, "1:1, 0"), br_print_values), "[]\n");
    ck_assert_str_eq(printed(br_arange(ctx, BR_NUM(0), BR_NUM(1001)), br_print_values),
                     "[   0    1    2 ...  998  999 1000]\n");
    br_array *wide = br_reshape(br_arange(ctx, BR_NUM(0), BR_NUM(24)), BR_SHAPE(2, 3, 4));
    ck_assert_str_eq(printed(wide, br_print_values),
                     "[[[ 0  1  2  3]\n  [ 4  5  6  7]\n  [ 8  9 10 11]]\n\n [[12 13 14 15]\n  [16 "
                     "17 18 19]\n  [20 21 22 23]]]\n");
}
END_TEST

START_TEST(expressions_are_printed)
{
    br_array *x = numbers(12);
    br_array *y = br_sum(br_mul(x, x));
    const char *line = printed(x, print);
    ck_assert_ptr_nonnull(strstr(line, "float64"));
    ck_assert_ptr_nonnull(strstr(line, "(12,)"));
    ck_assert_ptr_nonnull(strstr(line, "3 chunks"));
    ck_assert_ptr_nonnull(strstr(line, "arange"));
    const char *tree = printed(y, print_tree);
    ck_assert_ptr_nonnull(strstr(tree, "sum"));
    ck_assert_ptr_nonnull(strstr(tree, "multiply"));
    ck_assert_ptr_nonnull(strstr(tree, "test_expr.c:"));
    /* What is read twice is shown once, then named. */
    const char *first = strstr(tree, "arange");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(strstr(printed(br_index(x, "77"), print), "out of range"));
    ck_assert_ptr_nonnull(strstr(printed(NULL, print), "failed"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        equal_expressions_share,
        functions_share_by_what_they_are_given,
        nodes_are_freed,
        long_chains,
        scopes_nest,
        the_first_error_sticks,
        values_are_printed_as_numpy_does,
        expressions_are_printed,
    };
    TCase *tcase = tcase_create("expr");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    return run_case("expr", tcase);
}
