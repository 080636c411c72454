/* SPDX-License-Identifier: BSD-3-Clause
 * test_hold.c - values that many places read are held where computing them there costs more.
 */
#include <bramble/bramble.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/expr/handle.h"
#include "array/plan/run.h"
#include "tests/opened.h"
#include "tests/suite.h"

enum { N = 70, STEPS = 30 };

static void setup(void)
{
    open_context(NULL);
}

static void teardown(void)
{
    br_close(ctx);
}

/* The plan's stages whose value is a node's that is held. */
static int count_held(br_array *x)
{
    bri_node *node = x->node;
    bri_sink sink = {.kind = BRI_SINK_RESULT};
    bri_outputs outputs = {.node = &node, .sink = &sink, .n = 1};
    bri_plan *plan;
    ck_assert_int_eq(bri_plan_new(ctx, &outputs, &plan), BR_OK);
    int held = 0;
    for (int i = 0; i < plan->nnodes; i++)
        held += plan->held[i];
    bri_plan_free(plan);
    return held;
}

/* The mean of each element and its four neighbours. */
static br_array *smooth(br_array *x)
{
    br_array *middle = br_index(x, "1:-1, 1:-1");
    br_array *rows = br_add(br_index(x, ":-2, 1:-1"), br_index(x, "2:, 1:-1"));
    br_array *columns = br_add(br_index(x, "1:-1, :-2"), br_index(x, "1:-1, 2:"));
    return br_mul(br_add(br_add(middle, rows), columns), 0.2);
}

static void smooth_plainly(int n, double (*x)[N], double (*y)[N])
{
    for (int i = 1; i < n - 1; i++)
        for (int k = 1; k < n - 1; k++)
            y[i - 1][k - 1] =
                (x[i][k] + (x[i - 1][k] + x[i + 1][k]) + (x[i][k - 1] + x[i][k + 1])) * 0.2;
}

/* Fused without end, the first step would be computed 10^20 times. */
START_TEST(a_chain_of_stencils)
{
    static double plain[2][N][N];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            plain[0][i][k] = sqrt(i * 31 + k * 17 % 5);
    br_array *x = br_from_memory(ctx, plain[0], BR_FLOAT64, BR_SHAPE(N, N),
                                 .chunks = BR_CHUNKS(16, 23), .copy = true);
    for (int s = 0; s < STEPS; s++) {
        x = smooth(x);
        smooth_plainly(N - 2 * s, plain[s % 2], plain[(s + 1) % 2]);
    }
    enum { LEFT = N - 2 * STEPS };
    double result[LEFT][LEFT];
    ck_assert_int_eq(br_compute(x, result, sizeof result), BR_OK);
    for (int i = 0; i < LEFT; i++)
        for (int k = 0; k < LEFT; k++)
            ck_assert_double_eq(result[i][k], plain[STEPS % 2][i][k]);
    ck_assert_int_ge(count_held(x), STEPS / 3);
    ck_assert_int_lt(count_held(x), STEPS);
}
END_TEST

static br_array *ramp(int64_t n)
{
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(n), .chunks = BR_CHUNKS(1000));
    return br_div(x, n);
}

START_TEST(what_is_costly_is_held)
{
    br_array *x = ramp(10000);
    br_array *cheap = br_sqrt(x), *dear = br_lgamma(br_add(x, 1));
    ck_assert_int_eq(count_held(br_subtract(br_index(cheap, "1:"), br_index(cheap, ":-1"))), 0);
    ck_assert_int_eq(count_held(br_subtract(br_index(dear, "1:"), br_index(dear, ":-1"))), 1);
    ck_assert_int_eq(count_held(br_add(dear, br_flip(dear))), 1);
    ck_assert_int_eq(count_held(br_add(br_exp(dear), br_sin(dear))), 0);
}
END_TEST

/* Places that share no element compute nothing twice. */
START_TEST(slices_apart)
{
    br_array *dear = br_lgamma(br_add(ramp(10000), 1));
    ck_assert_int_eq(count_held(br_add(br_index(dear, "::2"), br_index(dear, "1::2"))), 0);
    ck_assert_int_eq(count_held(br_add(br_index(dear, ":5"), br_index(dear, "3:8"))), 0);
}
END_TEST

START_TEST(without_memory_it_is_computed_again)
{
    enum { LENGTH = 1 << 18 };
    double *held = malloc(LENGTH * sizeof *held), *again = malloc(LENGTH * sizeof *again);
    for (int run = 0; run < 2; run++) {
        if (run == 1) {
            br_close(ctx);
            open_context("1500K");
        }
        br_array *x = br_arange(ctx, BR_NUM(1), BR_NUM(LENGTH + 1), .chunks = BR_CHUNKS(8192));
        br_array *dear = br_lgamma(br_div(x, 7));
        br_array *sum = br_add(dear, br_flip(dear));
        ck_assert_msg(br_compute(sum, run ? again : held, LENGTH * sizeof *held) == BR_OK, "%s",
                      br_message(ctx));
    }
    ck_assert_int_eq(memcmp(held, again, LENGTH * sizeof *held), 0);
    free(held);
    free(again);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("hold");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_chain_of_stencils);
    tcase_add_test(t, what_is_costly_is_held);
    tcase_add_test(t, slices_apart);
    tcase_add_test(t, without_memory_it_is_computed_again);
    return run_case("hold", t);
}
