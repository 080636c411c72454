/* SPDX-License-Identifier: BSD-3-Clause
 * test_borders.c - the order of tasks on several ranks, of expressions that read edges of other
 * ranks' chunks: who waits for whom, and what is held.
 *
 * The order of each rank is taken from its plan without running anything, and then played in steps:
 * in each a rank runs the first task that can run of those that it has emitted. A value takes some
 * steps to another rank. So nothing here depends on time.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/plan/fit.h"
#include "tests/copies.h"
#include "tests/opened.h"
#include "tests/suite.h"

enum { MOST_TASKS = 4096, MOST_VALUES = 16, MOST_RANKS = 4, NOT_YET = -1 };

typedef struct noted {
    bri_key in[MOST_VALUES], out[MOST_VALUES];
    int nin, nout;
    bool works; /* beside copies of edges and sums, which take no step */
    int at;     /* the step in which it ran */
} noted;

typedef struct ranks {
    int n;
    noted task[MOST_RANKS][MOST_TASKS];
    int ntasks[MOST_RANKS];
    size_t peak[MOST_RANKS];
} ranks;

static ranks all;

/* ---- orders ---- */

static br_status next_noted(bri_job *job, bri_task **task)
{
    const bri_plan *plan = job->plan;
    br_status st = bri_plan_job_ops.next(job, task);
    if (st != BR_OK || *task == NULL)
        return st;
    const bri_task *t = *task;
    const bri_stage *s = plan->stages[t->key.stage];
    ck_assert_int_lt(all.ntasks[plan->rank], MOST_TASKS);
    noted *n = &all.task[plan->rank][all.ntasks[plan->rank]++];
    *n = (noted){.at = NOT_YET};
    n->works = s->kind == &bri_stage_overlap || s->kind == &bri_stage_blocks;
    for (const bri_value *v = t->output; v != NULL; v = v->next_output)
        n->out[n->nout++] = v->key;
    for (unsigned i = 0; i < t->ninputs && n->nin < MOST_VALUES; i++)
        n->in[n->nin++] = t->inputs[i].value->key;
    return BR_OK;
}

static unsigned note_rank(br_array *const *x, int nx, int rank, unsigned thrift)
{
    static double buffer[4];
    bri_node *node[2];
    bri_sink sink[2];
    bri_job_ops ops = bri_plan_job_ops;
    bri_plan *plan;
    bri_dry_run dry;
    bri_job job;
    for (int i = 0; i < nx; i++) {
        ck_assert_msg(br_status_of(x[i]) == BR_OK, "%s", br_message(ctx));
        node[i] = x[i]->node;
        sink[i] = (bri_sink){.kind = BRI_SINK_RESULT, .buffer = buffer};
    }
    ctx->rank = rank;
    ops.next = next_noted;
    ck_assert_int_eq(
        bri_plan_new(ctx, &(bri_outputs){.node = node, .sink = sink, .n = nx, .thrift = thrift},
                     &plan),
        BR_OK);
    ck_assert_int_eq(bri_job_init(&job, ctx, &ops, plan), BR_OK);
    ck_assert_int_eq(bri_job_dry_run(&job, &dry), BR_OK);
    unsigned could = plan->could;
    all.peak[rank] = dry.peak;
    bri_job_fini(&job);
    bri_plan_free(plan);
    ctx->rank = 0;
    return could;
}

/* The orders of n ranks; what the plan could give up. */
static unsigned note_orders(br_array *const *x, int nx, int n, unsigned thrift)
{
    unsigned could = 0;
    memset(&all, 0, sizeof all);
    all.n = n;
    ctx->nranks = n;
    for (int r = 0; r < n; r++)
        could = note_rank(x, nx, r, thrift);
    ctx->nranks = 1;
    return could;
}

/* ---- playing them ---- */

static const noted *maker_of(bri_key key, int *rank)
{
    for (int r = 0; r < all.n; r++)
        for (int i = 0; i < all.ntasks[r]; i++)
            for (int v = 0; v < all.task[r][i].nout; v++)
                if (memcmp(&all.task[r][i].out[v], &key, sizeof key) == 0) {
                    *rank = r;
                    return &all.task[r][i];
                }
    return NULL; /* a source */
}

static bool can_run(const noted *t, int rank, int step, int latency)
{
    for (int i = 0; i < t->nin; i++) {
        int owner = rank;
        const noted *maker = maker_of(t->in[i], &owner);
        if (maker != NULL && (maker->at == NOT_YET || (maker->works && maker->at >= step) ||
                              (owner != rank && maker->at + latency >= step)))
            return false;
    }
    return true;
}

/* Runs what a rank can in one step, of so many tasks that it has emitted, and notes whether. */
static void play_rank(int rank, int step, int window, int latency, int *ran, int *worked)
{
    bool works = false;
    int emitted = 0;
    for (int i = 0; i < all.ntasks[rank] && emitted < window && !works; i++) {
        noted *t = &all.task[rank][i];
        if (t->at != NOT_YET)
            continue;
        if (!can_run(t, rank, step, latency)) {
            emitted++;
            continue;
        }
        t->at = *ran = step;
        works = t->works;
    }
    *worked = works ? step : *worked;
}

/* The steps that all work takes; 0 when they wait for each other for ever. */
static int play(int window, int latency)
{
    int ran = 0;
    int worked = 0;
    for (int step = 1; step <= ran + latency + 2; step++)
        for (int r = 0; r < all.n; r++)
            play_rank(r, step, window, latency, &ran, &worked);
    for (int r = 0; r < all.n; r++)
        for (int i = 0; i < all.ntasks[r]; i++)
            if (all.task[r][i].at == NOT_YET)
                return 0;
    return worked;
}

static int works(int rank)
{
    int n = 0;
    for (int i = 0; i < all.ntasks[rank]; i++)
        n += all.task[rank][i].works;
    return n;
}

/* ---- expressions ---- */

static br_array *made(br_extents shape, br_extents chunks)
{
    return br_map_blocks(br_zeros(ctx, shape, .chunks = chunks), copy_block);
}

static br_array *swept(br_array *x, int64_t columns_too, int sweeps)
{
    for (int i = 0; i < sweeps; i++)
        x = br_map_overlap(x, copy_block, .depth = BR_SHAPE(1, columns_too), .inner = true,
                           .boundary = BR_BOUNDARIES(BR_CONSTANT(0)));
    return x;
}

static br_array *rows(int64_t n)
{
    return made(BR_SHAPE(4 * n, 64), BR_CHUNKS(4, 0));
}

static br_array *squares(int64_t n)
{
    return made(BR_SHAPE(4 * n, 4 * n), BR_CHUNKS(4, 4));
}

static br_array *by_columns(br_array *x)
{
    return br_rechunk(x, BR_CHUNKS(-1, 8));
}

/* ---- tests ---- */

/* 5 sweeps of 8 chunks a rank, where an edge takes as long as 4 tasks and 16 of them are emitted
 * ahead: in ascending order rank r waits for the end of rank r - 1. */
START_TEST(edges_travel_while_ranks_compute)
{
    open_under("sync", NULL);
    for (int n = 2; n <= MOST_RANKS; n++) {
        br_array *sum = br_sum(swept(rows(8 * n), 0, 5));
        note_orders(&sum, 1, n, 0);
        int least = works(0);
        int steps = play(17, 4);
        ck_assert_int_ge(steps, least);
        ck_assert_msg(10 * least >= 9 * steps, "%d ranks take %d steps for %d tasks", n, steps,
                      least);
        note_orders(&sum, 1, n, BRI_IN_ORDER);
        ck_assert_int_eq(works(0), least);
        ck_assert_int_gt(play(17, 4), steps);
    }
    br_close(ctx);
}
END_TEST

/* Each rank runs its tasks one by one, as where memory is short. */
START_TEST(nobody_waits_for_ever)
{
    open_under("sync", NULL);
    br_array *line = swept(rows(30), 0, 3);
    br_array *plane = swept(squares(8), 1, 3);
    br_array *square = squares(6);
    br_array *const sums[] = {
        br_sum(line),
        br_sum(swept(rows(5), 0, 12)),
        br_sum(plane),
        br_sum(swept(by_columns(plane), 1, 2)),
        br_sum(swept(br_sub(plane, br_mean(plane)), 1, 2)),
        br_sum(swept(br_sub(line, br_mean(line, .axis = BR_AXIS(0))), 0, 2)),
        br_sum(swept(br_matmul(swept(square, 1, 2), swept(square, 0, 1)), 1, 2)),
        br_sum(br_add(br_index(plane, "1:, :"), br_index(plane, ":-1, :"))),
    };
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        for (int n = 2; n <= MOST_RANKS; n++) {
            note_orders((br_array *[]){sums[i], br_max(line)}, 2, n, 0);
            ck_assert_msg(play(1, 1) > 0, "expression %d on %d ranks", (int)i, n);
        }
    br_close(ctx);
}
END_TEST

/* Two chunks of each sweep at each border at most come on top of what is held anyway. */
START_TEST(little_more_is_held)
{
    enum { CHUNK = 4 * 64 * 8, SWEEPS = 5 };
    size_t in_order[MOST_RANKS];
    open_under("sync", NULL);
    br_array *sum = br_sum(swept(rows(120), 0, SWEEPS));
    ck_assert(note_orders(&sum, 1, 4, BRI_IN_ORDER) & BRI_IN_ORDER);
    memcpy(in_order, all.peak, sizeof in_order);
    note_orders(&sum, 1, 4, 0);
    for (int r = 0; r < 4; r++) {
        size_t borders = r == 0 || r == 3 ? 1 : 2;
        size_t more = borders * 2 * (SWEEPS + 1) * CHUNK;
        ck_assert_msg(all.peak[r] <= in_order[r] + more, "rank %d holds %zu bytes, before %zu", r,
                      all.peak[r], in_order[r]);
    }
    br_close(ctx);
}
END_TEST

static bool same_orders(br_array *const *x, int nx, int n)
{
    static ranks before;
    note_orders(x, nx, n, 0);
    before = all;
    note_orders(x, nx, n, BRI_IN_ORDER);
    return memcmp(&before, &all, sizeof all) == 0;
}

/* A border that needs much of an array would have that held for its sake. */
START_TEST(what_is_far_away_has_its_turn)
{
    open_under("sync", NULL);
    br_array *line = rows(30);
    br_array *const others[] = {
        br_sum(swept(br_matmul(squares(6), squares(6)), 0, 2)),
        br_sum(by_columns(line)),
        br_max(br_mean(line, .axis = BR_AXIS(0))),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_msg(same_orders(&others[i], 1, 3), "expression %d", (int)i);
    br_array *sum = br_sum(swept(line, 0, 2));
    ck_assert(!same_orders(&sum, 1, 3));
    br_close(ctx);
}
END_TEST

/* They come before their own root, not before all. */
START_TEST(roots_keep_their_order)
{
    open_under("sync", NULL);
    br_array *first = br_sum(br_sqrt(br_ones(ctx, BR_SHAPE(96, 32), .chunks = BR_CHUNKS(4, 0))));
    br_array *both[] = {first, br_sum(swept(rows(24), 0, 3))};
    int n[MOST_RANKS];
    note_orders(&first, 1, 3, 0);
    memcpy(n, all.ntasks, sizeof n);
    note_orders(both, 2, 3, 0);
    for (int r = 0; r < 3; r++)
        for (int i = 0; i < n[r]; i++)
            ck_assert(!all.task[r][i].works);
    br_close(ctx);
}
END_TEST

/* Where memory is too short for that, they have their turn. */
START_TEST(memory_comes_first)
{
    bri_sink sink = {.kind = BRI_SINK_RESULT, .buffer = &(double){0}};
    open_under("sync", NULL);
    br_array *sum = br_sum(swept(made(BR_SHAPE(4 * 40, 1 << 15), BR_CHUNKS(4, 0)), 0, 5));
    note_orders(&sum, 1, 2, 0);
    size_t with = all.peak[0];
    note_orders(&sum, 1, 2, BRI_IN_ORDER);
    ck_assert_int_lt(all.peak[0], with);
    char limit[32];
    snprintf(limit, sizeof limit, "%zuK", (all.peak[0] + with) / 2 >> 10);
    br_close(ctx);
    open_under("sync", limit);
    sum = br_sum(swept(made(BR_SHAPE(4 * 40, 1 << 15), BR_CHUNKS(4, 0)), 0, 5));
    ctx->nranks = 2;
    bri_plan *plan;
    bri_outputs outputs = {.node = &sum->node, .sink = &sink, .n = 1};
    ck_assert_msg(bri_plan_fitting(ctx, &outputs, &plan) == BR_OK, "%s", bri_last_error());
    ck_assert_uint_eq(outputs.thrift, BRI_IN_ORDER);
    bri_plan_free(plan);
    ctx->nranks = 1;
    br_close(ctx);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("borders");
    tcase_add_test(tests, edges_travel_while_ranks_compute);
    tcase_add_test(tests, nobody_waits_for_ever);
    tcase_add_test(tests, little_more_is_held);
    tcase_add_test(tests, what_is_far_away_has_its_turn);
    tcase_add_test(tests, roots_keep_their_order);
    tcase_add_test(tests, memory_comes_first);
    return run_case("borders", tests);
}
