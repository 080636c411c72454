/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_balance.c - a slow rank gets less of the next run, persisted arrays stay where they are;
 * where some chunks cost much more than others, ranks without work run tasks of those that have too
 * much. The bytes are the same.
 */
#include <stdlib.h>
#include <time.h>

#include "array/plan/persist.h"
#include "tests/sweep.h"

enum { CHUNKS = 96, EACH = 64, MORE_RUNS = 10 };

/* The others take no time worth mentioning. */
static int slow_on_rank_1(const br_block *in, int n, const br_block *out, const void *data)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    double *y = out->data;
    (void)in;
    (void)data;
    bool slow = rank != NULL && strcmp(rank, "1") == 0;
    nanosleep(&(struct timespec){.tv_nsec = slow ? 4000000 : 1000000}, NULL);
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = (double)(out->origin[0] + i);
    return n - 1;
}

static br_array *computed(void)
{
    br_array *none = br_zeros(sweep.ctx, BR_SHAPE(CHUNKS * EACH), .chunks = BR_CHUNKS(EACH));
    br_array *p = br_persist(br_map_blocks(none, slow_on_rank_1, .impure = true));
    if (br_status_of(p) != BR_OK)
        fail("persist", "%s", br_error(p));
    return p;
}

/* Chunks of the last persisted array that a rank has; each rank has one run. */
static int chunks_of(int rank)
{
    const bri_persisted *p = bri_array_data_of(sweep.ctx)->persisted;
    int n = 0;
    for (int64_t c = 0; c < p->nchunks; c++) {
        n += p->owner[c] == rank;
        if (c > 0 && p->owner[c] < p->owner[c - 1])
            fail("runs", "chunk %" PRId64 " is not in order", c);
    }
    return n;
}

static void check_sum(const char *name, br_array *x, double factor)
{
    const double n = (double)CHUNKS * EACH;
    double got = 0;
    if (br_compute_f64(br_sum(x), &got) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    if (got != factor * n * (n - 1) / 2)
        fail(name, "is %.17g", got);
    printf("%s %.17g\n", name, got);
    sweep.cases++;
}

/* ---- uneven costs ---- */

enum { COSTLY = 16 }; /* chunks at the front that take fifty times as long */

static int costly_in_front(const br_block *in, int n, const br_block *out, const void *data)
{
    double *y = out->data;
    (void)in;
    (void)data;
    bool costly = out->origin[0] < COSTLY * EACH;
    nanosleep(&(struct timespec){.tv_nsec = costly ? 10000000 : 200000}, NULL);
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = (double)(out->origin[0] + i);
    return n - 1;
}

static br_array *costly_ones(void)
{
    br_array *none = br_zeros(sweep.ctx, BR_SHAPE(CHUNKS * EACH), .chunks = BR_CHUNKS(EACH));
    return br_map_blocks(none, costly_in_front, .impure = true);
}

static int64_t lent_in_the_last_run(void)
{
    br_run_info info;
    if (br_last_run(sweep.ctx, &info) != BR_OK)
        fail("lent tasks", "%s", br_message(sweep.ctx));
    return info.lent_tasks;
}

/* The first rank's costly chunks take as long as eight times all the others'. On a machine that is
 * busy with other things a rank may never look idle, so it has some runs to do so. */
static void uneven_costs(void)
{
    const bool several = br_num_ranks(sweep.ctx) > 1;
    int64_t lent = 0;
    for (int round = 0; round < 3; round++) {
        check_sum("uneven costs", costly_ones(), 1);
        lent += lent_in_the_last_run();
    }
    for (int more = 0; several && lent == 0 && more < MORE_RUNS; more++) {
        double sum;
        br_compute_f64(br_sum(costly_ones()), &sum);
        lent += lent_in_the_last_run();
    }
    if (several != (lent > 0))
        fail("uneven costs", "%" PRId64 " tasks were lent", lent);
}

static int fails_late(const br_block *in, int n, const br_block *out, const void *data)
{
    bool fails = out->origin[0] == 12 * EACH;
    return fails ? 7 : costly_in_front(in, n, out, data);
}

/* Wherever a task fails, lent or not, the run ends with its name, and the next one is good. */
static void failures(void)
{
    for (int round = 0; round < 3; round++) {
        br_array *none = br_zeros(sweep.ctx, BR_SHAPE(CHUNKS * EACH), .chunks = BR_CHUNKS(EACH));
        br_array *x = br_map_blocks(none, fails_late, .impure = true);
        double got = 0;
        br_status st = br_compute_f64(br_sum(x), &got);
        const char *text = br_message(sweep.ctx);
        if (st == BR_OK || strstr(text, "fails_late") == NULL ||
            strstr(text, "chunk (12,)") == NULL)
            fail("failure", "%s", st == BR_OK ? "none" : text);
        br_clear_error(sweep.ctx);
        check_sum("after a failure", br_zeros(sweep.ctx, BR_SHAPE(1)), 0);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    const int ranks = br_num_ranks(sweep.ctx);
    br_array *before = computed();
    int first = chunks_of(1);
    if (ranks > 1 && first != CHUNKS / ranks)
        fail("first", "rank 1 has %d chunks", first);
    br_array *after = computed();
    after = computed();
    int then = chunks_of(1);
    for (int more = 0; ranks > 1 && then >= first * 3 / 4 && more < MORE_RUNS; more++) {
        after = computed();
        then = chunks_of(1);
    }
    if (ranks > 1 && (then >= first * 3 / 4 || then == 0))
        fail("then", "rank 1 has %d chunks after %d", then, first);
    check_sum("before", before, 1);
    check_sum("after", after, 1);
    check_sum("both", br_add(before, br_mul(after, 2)), 3);
    br_run_info info;
    br_array *doubled = br_persist(br_mul(before, 2));
    if (br_last_run(sweep.ctx, &info) != BR_OK || info.bytes_sent != 0)
        fail("before * 2", "%" PRId64 " bytes are sent", info.bytes_sent);
    check_sum("before * 2", doubled, 2);
    uneven_costs();
    failures();
    return sweep_close();
}
