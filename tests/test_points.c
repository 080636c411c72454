/* SPDX-License-Identifier: BSD-3-Clause
 * test_points.c - the points of takes, sorted and dealt out: a part has what all of them have for
 * its blocks, whatever is picked; lists and parts that were garbled are refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/plan/points.h"
#include "tests/suite.h"

enum { ROWS = 37, COLUMNS = 30000, POINTS = 1000 };

static br_context *ctx;

static void open_context(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    setenv("BRAMBLE_LOG", "quiet", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

static void close_context(void)
{
    ck_assert_int_eq(br_close(ctx), BR_OK);
}

static br_array *indices(int64_t step, int64_t extent)
{
    int64_t list[POINTS];
    for (int64_t i = 0; i < POINTS; i++)
        list[i] = i * step % extent;
    return br_from_memory(ctx, list, BR_INT64, BR_SHAPE(POINTS), .copy = true);
}

/* Rows of 120 kB or so: a block has 34 of them. Points of both axes are one block, or of files. */
static br_array *rows(void)
{
    return br_take(br_zeros(ctx, BR_SHAPE(ROWS, COLUMNS), .chunks = BR_CHUNKS(5, COLUMNS)),
                   indices(23, ROWS), .axis = BR_AXIS(0));
}

static br_array *both(void)
{
    br_array *x = br_zeros(ctx, BR_SHAPE(ROWS, COLUMNS, 6000), .chunks = BR_CHUNKS(5, 7000, 6000));
    br_array *list[] = {indices(5, ROWS), indices(7919, COLUMNS)};
    return br_vindex_(x, list, 2, BR_HERE);
}

static br_array *(*const takes[])(void) = {rows, both};
enum { TAKES = sizeof takes / sizeof takes[0] };

/* Everything of takes[i / 2]; of odd i as of a file whose chunks are smaller. */
static bri_gather *sorted(int i, bri_sorting *how, br_array **kept)
{
    static const bri_granules granules = {.size = {2, 100}, .step = {1, 1}, .most = 50};
    bri_gather *g;
    *kept = takes[i / 2]();
    const bri_node *node = (*kept)->node;
    *how = (bri_sorting){node, node->input[0], node->table, i % 2 ? &granules : NULL};
    ck_assert_int_eq(bri_gather_new(how, &g), BR_OK);
    ck_assert_int_gt(g->nblocks, 5);
    return g;
}

/* Every third block. */
static bri_table *third(const bri_gather *g)
{
    unsigned char bits[64] = {0};
    ck_assert_int_lt(g->nblocks, 512);
    for (int64_t b = 0; b < g->nblocks; b += 3)
        bits[b >> 3] |= (unsigned char)(1 << (b & 7));
    bri_table *part = bri_points_pack(g, bits);
    ck_assert_ptr_nonnull(part);
    return part;
}

static void same_points(const bri_gather *g, const bri_gather *told, int64_t block)
{
    const bri_points all = bri_points_of(g, block);
    const bri_points part = bri_points_of(told, block);
    ck_assert_int_eq(part.n, all.n);
    ck_assert_int_eq(part.nruns, all.nruns);
    ck_assert_int_eq(part.first_run, all.first_run);
    ck_assert_mem_eq(part.order, all.order, (size_t)all.n * sizeof *all.order);
    ck_assert_mem_eq(part.start, all.start, (size_t)all.nruns * sizeof *all.start);
    for (int j = 0; j < g->picked; j++)
        ck_assert_mem_eq(part.index + j * part.stride, all.index + j * all.stride,
                         (size_t)all.n * sizeof *all.index);
}

START_TEST(a_part_has_the_points_of_its_blocks)
{
    bri_sorting how;
    br_array *x;
    bri_gather *told;
    bri_gather *g = sorted(_i, &how, &x);
    bri_table *part = third(g);
    ck_assert_int_eq(bri_gather_told(&how, g->lists, part, &told), BR_OK);
    ck_assert_ptr_null(told->index);
    ck_assert_int_eq(told->nruns, g->nruns);
    ck_assert_int_eq(told->most_runs, g->most_runs);
    ck_assert_mem_eq(told->by_cell, g->by_cell, (size_t)g->nruns * sizeof *g->by_cell);
    ck_assert_mem_eq(told->cell_run, g->cell_run, (size_t)(g->ncells + 1) * sizeof *g->cell_run);
    for (int64_t b = 0; b < g->nblocks; b += 3)
        same_points(g, told, b);
    bri_gather_free(told);
    bri_table_release(part);
    bri_gather_free(g);
}
END_TEST

/* The table with one word changed by so much. */
static bri_table *garbled(const bri_table *table, size_t word, int64_t by)
{
    bri_table *copy = bri_table_new(table->bytes);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy->data, table->data, table->bytes);
    ((int64_t *)(void *)copy->data)[word] += by;
    return copy;
}

static void refused(const bri_sorting *how, bri_table *lists, bri_table *part)
{
    bri_gather *told;
    ck_assert_int_eq(bri_gather_told(how, lists, part, &told), BR_EINTERNAL);
    bri_gather_free(told);
}

START_TEST(garbled_ones_are_refused)
{
    bri_sorting how;
    br_array *x;
    bri_gather *g = sorted(_i, &how, &x);
    bri_table *part = third(g);
    const size_t blocks = (size_t)g->nblocks;
    const struct {
        size_t word;
        int64_t by;
    } lies[] = {{0, 1},
                {1, -2000},
                {2, 5000},
                {blocks, 1},
                {blocks + 1, -1000000000},
                {2 * blocks + 1, -100},
                {2 * blocks + 1, 1 << 20}},
      cuts[] = {{0, 1}, {0, -1}, {0, 1 << 20}, {1, -1}, {3, -3}, {3, 1 << 20}, {2, 8}};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        bri_table *bad = garbled(g->lists, lies[i].word, lies[i].by);
        refused(&how, bad, part);
        bri_table_release(bad);
    }
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        bri_table *bad = garbled(part, cuts[i].word, cuts[i].by);
        refused(&how, g->lists, bad);
        bri_table_release(bad);
    }
    bri_table *empty = bri_table_new(0);
    refused(&how, empty, part);
    refused(&how, g->lists, empty);
    bri_table_release(empty);
    bri_table_release(part);
    bri_gather_free(g);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("points");
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_loop_test(tests, a_part_has_the_points_of_its_blocks, 0, 2 * TAKES);
    tcase_add_loop_test(tests, garbled_ones_are_refused, 0, 2 * TAKES);
    return run_case("points", tests);
}
