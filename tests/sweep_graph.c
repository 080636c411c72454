/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_graph.c - graphs of functions under every scheduler, between and around arrays: over
 * several ranks they run on rank 0, whose threads serve the arrays' tasks as well.
 */
#include <stdatomic.h>

#include "tests/sweep.h"

enum { SIDE = 60, ROUNDS = 20 };

/* Binomial coefficients modulo 2^64: each after its neighbours above and to the left. */
static uint64_t table[SIDE][SIDE];

static int add_neighbours(void *data, int64_t task)
{
    (void)data;
    int64_t i = task / SIDE, k = task % SIDE;
    table[i][k] = i == 0 || k == 0 ? 1 : table[i - 1][k] + table[i][k - 1];
    return 0;
}

static br_graph *pascal(void)
{
    br_graph *g = br_graph_new(sweep.ctx);
    for (int64_t t = 0; t < SIDE * SIDE; t++) {
        int64_t after[2];
        size_t n = 0;
        if (t >= SIDE)
            after[n++] = t - SIDE;
        if (t % SIDE > 0)
            after[n++] = t - 1;
        br_graph_add(g, add_neighbours, NULL, after, n);
    }
    return g;
}

static bool right(void)
{
    for (int i = 1; i < SIDE; i++)
        for (int k = 1; k < SIDE; k++)
            if (table[i][k] != table[i - 1][k] + table[i][k - 1])
                return false;
    return table[1][1] == 2;
}

static int fail_once(void *data, int64_t task)
{
    (void)data;
    return task == 7 ? -3 : 0;
}

/* Arrays and graphs by turns, so that the ranks' workers are left as they were found. */
static void by_turns(void)
{
    br_graph *g = pascal();
    bool graphs = true, sums = true;
    for (int round = 0; round < ROUNDS; round++) {
        memset(table, 0, sizeof table);
        graphs = graphs && br_graph_run(g) == BR_OK && right();
        br_array *x =
            br_arange(sweep.ctx, BR_NUM(0), BR_NUM(1000 + round), .chunks = BR_CHUNKS(64));
        int64_t sum = 0, n = 1000 + round;
        sums = sums && br_compute_i64(br_sum(x), &sum) == BR_OK && sum == n * (n - 1) / 2;
    }
    check(graphs, "graphs");
    check(sums, "sums between them");
    br_graph_free(g);
}

static void failing(void)
{
    br_graph *g = br_graph_new(sweep.ctx);
    for (int i = 0; i < 100; i++)
        br_graph_add(g, fail_once, NULL, NULL, 0);
    check(br_graph_run(g) == BR_EUSER && strstr(br_message(sweep.ctx), "returned -3"), "failure");
    double sum = 0;
    br_array *ones = br_ones(sweep.ctx, BR_SHAPE(300), .chunks = BR_CHUNKS(7));
    check(br_compute_f64(br_sum(ones), &sum) == BR_OK && sum == 300, "a sum after it");
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    by_turns();
    failing();
    return sweep_close();
}
