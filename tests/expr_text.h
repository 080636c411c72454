/* SPDX-License-Identifier: BSD-3-Clause
 * expr_text.h - what the tests of br_expr share: some arrays that texts name, comparison with calls
 * in C, and the suite.
 */
#ifndef EXPR_TEXT_H
#define EXPR_TEXT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "tests/suite.h"

static br_context *ctx;
static br_array *x, *y, *z, *m; /* float32 (3, 4), int64 (4), float64 (3, 1), bool (4) */

static inline void set_up(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    x = br_astype(br_reshape(br_arange(ctx, BR_NUM(0), BR_NUM(12)), BR_SHAPE(3, 4)), BR_FLOAT32);
    y = br_arange(ctx, BR_NUM(1), BR_NUM(5));
    z = br_reshape(br_linspace(ctx, 0, 1, 3), BR_SHAPE(3, 1));
    m = br_less(y, 3);
}

static inline void tear_down(void)
{
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}

static inline br_array *expr(const char *text)
{
    return br_expr(ctx, text, "x", x, "y", y, "z", z, "m", m, NULL);
}

/* Equal expressions are one node. */
static inline void check_same(const char *text, br_array *want, int line)
{
    br_array *got = expr(text);
    ck_assert_msg(br_status_of(want) == BR_OK, "line %d: %s", line, br_error(want));
    ck_assert_msg(br_status_of(got) == BR_OK, "line %d: %s", line, br_error(got));
    ck_assert_msg(got->node == want->node, "line %d: %s is another node", line, text);
}
#define SAME(text, want) check_same(text, want, __LINE__)

static inline int run_tests(const char *name, const TTest *const *tests, int n)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (int i = 0; i < n; i++)
        tcase_add_test(tcase, tests[i]);
    return run_case(name, tcase);
}

#endif
