/* SPDX-License-Identifier: BSD-3-Clause
 * test_told.c - what rank 0 sends before a run with indices: to each rank its part, once, again
 * after a failure; and what it says is gone.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/apart.h"
#include "array/expr/handle.h"
#include "array/plan/message.h"
#include "runtime/alloc.h"
#include "runtime/scheduler.h"
#include "tests/suite.h"

enum { RANKS = 4, ROWS = 600, WIDTH = 20000, POINTS = 4000 };

static br_context *ctx;
static const bri_scheduler *own;
static bri_scheduler several;
static int shared[RANKS]; /* messages for each rank alone, */
static int until_failure; /*  of which this one fails; 0: none */

static br_status share(br_context *c, int rank, const void *message, size_t bytes)
{
    ck_assert_ptr_eq(c, ctx);
    ck_assert_ptr_nonnull(message);
    ck_assert_int_gt(bytes, 0);
    if (rank == BRI_ALL_RANKS)
        return BR_OK;
    if (until_failure > 0 && --until_failure == 0)
        return BR_ENOMEM;
    shared[rank]++;
    return BR_OK;
}

static void open_context(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    setenv("BRAMBLE_LOG", "quiet", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    own = ctx->scheduler;
    several = *own;
    several.share = share;
    ctx->scheduler = &several;
    ctx->nranks = RANKS;
    memset(shared, 0, sizeof shared);
    until_failure = 0;
}

static void close_context(void)
{
    ctx->scheduler = own;
    ctx->nranks = 1;
    br_close(ctx);
}

/* Rows of 156 KiB: a block has 26 of them. */
static br_array *rows(int64_t step)
{
    static int64_t index[POINTS];
    for (int64_t i = 0; i < POINTS; i++)
        index[i] = i * step % ROWS;
    return br_take(br_zeros(ctx, BR_SHAPE(ROWS, WIDTH), .chunks = BR_CHUNKS(20, WIDTH)),
                   br_from_memory(ctx, index, BR_INT64, BR_SHAPE(POINTS), .copy = true),
                   .axis = BR_AXIS(0));
}

static br_status tell(br_array *x)
{
    bri_plan *plan;
    bri_writer w = {0};
    bri_sink sink = {.kind = BRI_SINK_KEEP, .id = 1};
    bri_outputs outputs = {.node = &x->node, .sink = &sink, .n = 1};
    ck_assert_int_eq(bri_plan_new(ctx, &outputs, &plan), BR_OK);
    br_status st = bri_message_pack(ctx, &outputs, plan, &w);
    if (st == BR_OK)
        bri_message_sent(ctx);
    bri_free(w.bytes);
    bri_plan_free(plan);
    return st;
}

static void each_has(int n)
{
    for (int r = 0; r < RANKS; r++)
        ck_assert_int_eq(shared[r], r > 0 ? n : 0);
}

START_TEST(each_rank_gets_its_part_once)
{
    br_scope *scope = br_scope_open(ctx);
    br_array *x = rows(7);
    const bri_apart *apart = &bri_array_data_of(ctx)->apart;
    ck_assert_int_eq(tell(x), BR_OK);
    each_has(1);
    ck_assert_int_ge(apart->dealt, 12 * POINTS / RANKS * (RANKS - 1) - 12 * 26 * RANKS);
    ck_assert_int_le(apart->dealt, 16 * POINTS / RANKS * (RANKS - 1));
    ck_assert_int_eq(tell(x), BR_OK);
    ck_assert_int_eq(tell(br_mul(x, 2)), BR_OK);
    ck_assert_int_eq(tell(rows(7)), BR_OK);
    each_has(1);
    ck_assert_int_eq(tell(rows(11)), BR_OK);
    each_has(2);
    ck_assert_int_eq(apart->ndeals, 2);
    br_scope_close(scope);
    ck_assert_int_eq(tell(br_ones(ctx, BR_SHAPE(400000))), BR_OK);
    ck_assert_int_eq(apart->ndeals, 0);
    ck_assert_int_eq(tell(rows(7)), BR_OK);
    each_has(3);
}
END_TEST

/* All of a take, and a slice of it: two deals of one table, which both go with it. */
START_TEST(a_table_that_is_dealt_twice_goes)
{
    const bri_apart *apart = &bri_array_data_of(ctx)->apart;
    br_scope *scope = br_scope_open(ctx);
    br_array *x = rows(7);
    ck_assert_int_eq(tell(x), BR_OK);
    ck_assert_int_eq(tell(br_add(br_index(x, "100:1100"), 1)), BR_OK);
    each_has(2);
    ck_assert_int_eq(apart->ndeals, 2);
    ck_assert_ptr_eq(apart->deal[0].of, apart->deal[1].of);
    br_scope_close(scope);
    ck_assert_int_eq(tell(br_ones(ctx, BR_SHAPE(400000))), BR_OK);
    ck_assert_int_eq(apart->ndeals, 0);
    ck_assert_int_eq(apart->n, 0);
}
END_TEST

START_TEST(after_a_failure_all_is_dealt_again)
{
    br_array *x = rows(7);
    until_failure = 1 + _i;
    ck_assert_int_eq(tell(x), BR_ENOMEM);
    memset(shared, 0, sizeof shared);
    ck_assert_int_eq(tell(x), BR_OK);
    each_has(1);
    bri_apart_renew(ctx); /* as after a run that did not fit on some rank */
    ck_assert_int_eq(tell(x), BR_OK);
    each_has(2);
    ck_assert_int_eq(tell(x), BR_OK);
    each_has(2);
}
END_TEST

static br_array *slice(br_array *x, int i)
{
    return br_add(br_indexf(x, "%d:%d", 100 * i, 100 * i + 1000), 1);
}

/* Each has a cut of its own. They must not pile up on the ranks. */
START_TEST(the_latest_slices_stay)
{
    enum { SLICES = 12, STAY = 4 };
    const bri_apart *apart = &bri_array_data_of(ctx)->apart;
    br_array *x = rows(7);
    for (int i = 0; i < SLICES; i++) {
        ck_assert_int_eq(tell(slice(x, i)), BR_OK);
        each_has(i + 1);
        ck_assert_int_le(apart->ndeals, STAY + 1);
    }
    for (int i = SLICES - STAY; i < SLICES; i++)
        ck_assert_int_eq(tell(slice(x, i)), BR_OK);
    each_has(SLICES);
    ck_assert_int_eq(apart->ndeals, STAY);
    ck_assert_int_eq(tell(slice(x, 0)), BR_OK);
    each_has(SLICES + 1);
    ck_assert_int_eq(tell(slice(x, SLICES - 1)), BR_OK); /* used after the one that goes now */
    ck_assert_int_eq(tell(slice(x, SLICES - 4)), BR_OK);
    each_has(SLICES + 2);
}
END_TEST

/* All by the same indices, each from chunks of its own. */
START_TEST(an_expression_with_many_takes_is_dealt_once)
{
    enum { TAKES = 7 };
    static int64_t index[POINTS];
    for (int64_t i = 0; i < POINTS; i++)
        index[i] = i * 7 % ROWS;
    const bri_apart *apart = &bri_array_data_of(ctx)->apart;
    br_array *indices = br_from_memory(ctx, index, BR_INT64, BR_SHAPE(POINTS), .copy = true);
    br_array *sum = NULL;
    for (int i = 0; i < TAKES; i++) {
        br_array *x = br_zeros(ctx, BR_SHAPE(ROWS, WIDTH), .chunks = BR_CHUNKS(20 + i, WIDTH));
        br_array *taken = br_take(x, indices, .axis = BR_AXIS(0));
        sum = i == 0 ? taken : br_add(sum, taken);
    }
    for (int again = 0; again < 3; again++)
        ck_assert_int_eq(tell(sum), BR_OK);
    each_has(TAKES);
    ck_assert_int_eq(apart->ndeals, TAKES);
}
END_TEST

/* More than a list has room for at first, all in one message. */
START_TEST(many_tables_go_at_once)
{
    enum { MANY = 40 };
    const bri_apart *apart = &bri_array_data_of(ctx)->apart;
    br_scope *scope = br_scope_open(ctx);
    br_array *sum = rows(7);
    for (int i = 1; i < MANY; i++)
        sum = br_add(sum, rows(7 + 2 * i));
    ck_assert_int_eq(tell(sum), BR_OK); /* room grows by little from message to message */
    ck_assert_int_eq(apart->ndeals, MANY);
    br_scope_close(scope);
    br_array *next = rows(5);
    until_failure = 1;
    ck_assert_int_eq(tell(next), BR_ENOMEM);
    ck_assert_int_ge(apart->ngone, MANY * RANKS);
    ck_assert_int_ge(apart->gone_room, apart->ngone);
}
END_TEST

/* The numbers of the first message come with the next one. */
START_TEST(a_message_that_fails_loses_no_number)
{
    const bri_apart *apart = &bri_array_data_of(ctx)->apart;
    br_scope *scope = br_scope_open(ctx);
    ck_assert_int_eq(tell(rows(7)), BR_OK);
    br_scope_close(scope);
    br_array *next = rows(11);
    const int64_t first = apart->deal[0].first;
    until_failure = 1;
    ck_assert_int_eq(tell(next), BR_ENOMEM);
    ck_assert_int_ge(apart->ngone, RANKS);
    for (int r = 0; r < RANKS; r++)
        ck_assert_int_eq(apart->gone[r], first + r);
    ck_assert_int_eq(tell(next), BR_OK);
    ck_assert_int_eq(apart->ngone, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("told");
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, each_rank_gets_its_part_once);
    tcase_add_test(tests, a_table_that_is_dealt_twice_goes);
    tcase_add_loop_test(tests, after_a_failure_all_is_dealt_again, 0, RANKS - 1);
    tcase_add_test(tests, the_latest_slices_stay);
    tcase_add_test(tests, an_expression_with_many_takes_is_dealt_once);
    tcase_add_test(tests, many_tables_go_at_once);
    tcase_add_test(tests, a_message_that_fails_loses_no_number);
    return run_case("told", tests);
}
