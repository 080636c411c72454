/* SPDX-License-Identifier: BSD-3-Clause
 * test_order.c - the serial order of tasks: what is alive at a time, when reductions complete, and
 * in which order sources are read.
 *
 * Plans are walked task by task, as one thread would run them, without running anything.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/plan/sink.h"
#include "tests/suite.h"

enum { CHUNKS = 200, CHUNK = 1000, MOST_LIVE = 4096, MOST_OUTPUTS = 4 };

static br_context *ctx;

static void set_up(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

static void tear_down(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
}

/* ---- walking a plan ---- */

typedef struct walk walk;

/* What is asked after each task. */
typedef void asked(walk *w, const bri_task *task);

struct walk {
    bri_plan *plan;
    asked *ask;
    struct {
        const bri_value *value;
        int readers;
        uint32_t stage;
    } live[MOST_LIVE];
    int nlive;
    int64_t tasks, leaves;  /* so far; leaves: of any reduction */
    int64_t last_leaf;      /* its place in C order */
    const bri_stage *watch; /* whose values are counted, */
    int most;               /*  how many at a time */
};

static walk now;

static int live_of(const walk *w, const bri_stage *stage)
{
    int n = 0;
    for (int i = 0; i < w->nlive; i++)
        n += w->live[i].stage == stage->id;
    return n;
}

/* Partial results of all reductions. */
static int live_partials(const walk *w)
{
    int n = 0;
    for (int i = 0; i < w->nlive; i++)
        n += w->plan->stages[w->live[i].stage]->kind == &bri_stage_reduce;
    return n;
}

static void begins(walk *w, const bri_value *v)
{
    int readers = atomic_load(&v->readers);
    if (readers == 0)
        return;
    ck_assert_int_lt(w->nlive, MOST_LIVE);
    w->live[w->nlive].value = v;
    w->live[w->nlive].readers = readers;
    w->live[w->nlive++].stage = v->key.stage;
}

static void is_read(walk *w, const bri_value *v)
{
    int i = 0;
    while (i < w->nlive && w->live[i].value != v)
        i++;
    ck_assert_int_lt(i, w->nlive);
    if (--w->live[i].readers == 0)
        w->live[i] = w->live[--w->nlive];
}

static br_status next(bri_job *job, bri_task **task)
{
    walk *w = &now;
    br_status st = bri_plan_job_ops.next(job, task);
    if (st != BR_OK || *task == NULL)
        return st;
    const bri_task *t = *task;
    for (const bri_value *v = t->output; v != NULL; v = v->next_output)
        begins(w, v);
    if (w->watch != NULL && live_of(w, w->watch) > w->most)
        w->most = live_of(w, w->watch);
    for (unsigned i = 0; i < t->ninputs; i++)
        is_read(w, t->inputs[i].value);
    w->tasks++;
    if (w->ask != NULL)
        w->ask(w, t);
    return BR_OK;
}

static void describe(bri_job *job, const bri_task *task, char *text, size_t size)
{
    bri_plan_job_ops.describe(job, task, text, size);
}

static const bri_job_ops ops = {.next = next, .describe = describe};

static bri_plan *plan_of(br_array *const *x, int n)
{
    static double buffer[1];
    bri_node *node[MOST_OUTPUTS];
    bri_sink sink[MOST_OUTPUTS];
    bri_plan *plan;
    for (int i = 0; i < n; i++) {
        ck_assert_msg(br_status_of(x[i]) == BR_OK, "%s", br_message(ctx));
        node[i] = x[i]->node;
        sink[i] = (bri_sink){.kind = BRI_SINK_RESULT, .buffer = buffer};
    }
    ck_assert_int_eq(bri_plan_new(ctx, &(bri_outputs){.node = node, .sink = sink, .n = n}, &plan),
                     BR_OK);
    return plan;
}

/* The stage that makes an array's chunks. */
static const bri_stage *stage_of(const bri_plan *plan, const br_array *x)
{
    for (int i = 0; i < plan->nstages; i++)
        if (plan->stages[i]->node == x->node && !bri_is_sink(plan->stages[i]))
            return plan->stages[i];
    ck_abort_msg("no stage");
    return NULL;
}

static void walk_plan(bri_plan *plan, asked *ask, const bri_stage *watch)
{
    bri_job job;
    bri_dry_run dry;
    now = (walk){.plan = plan, .ask = ask, .watch = watch, .last_leaf = -1};
    ck_assert_int_eq(bri_job_init(&job, ctx, &ops, plan), BR_OK);
    ck_assert_int_eq(bri_job_dry_run(&job, &dry), BR_OK);
    bri_job_fini(&job);
    bri_emitter_restart(plan);
    ck_assert_int_eq(dry.tasks, now.tasks);
    ck_assert_int_eq(now.nlive, 0);
}

/* ---- arrays ---- */

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n, (void)data;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    return 0;
}

/* Chunks that are computed one by one and fused with nothing. */
static br_array *made(double start)
{
    br_array *x = br_arange(ctx, BR_NUM(start), BR_NUM(start + CHUNKS * CHUNK), .dtype = BR_FLOAT64,
                            .chunks = BR_CHUNKS(CHUNK));
    return br_map_blocks(x, copy);
}

static br_array *again(br_array *x)
{
    return br_map_blocks(x, copy);
}

/* ---- reductions ---- */

/* When leaf number n has been taken in, the partials are those of a binary counter: one for each
 * bit of n. A next leaf comes only then. */
static void count_partials(walk *w, const bri_task *task)
{
    const bri_stage *s = w->plan->stages[task->key.stage];
    if (s->kind != &bri_stage_reduce)
        return;
    if (task->key.level == 0) {
        /* The nodes that its predecessor completed were made before it. */
        ck_assert_int_eq(live_partials(w), __builtin_popcountll((uint64_t)w->leaves) + 1);
        w->leaves++;
    }
}

START_TEST(partials_are_a_binary_counter)
{
    static double zeros[1];
    for (int64_t n = 1; n <= 1100; n = n < 20 ? n + 1 : n * 2 + 3) {
        br_array *x = br_from_memory(ctx, zeros, BR_FLOAT64, BR_SHAPE(n), .chunks = BR_CHUNKS(1),
                                     .strides = BR_STRIDES(0));
        br_array *sum = br_sum(x);
        bri_plan *plan = plan_of(&sum, 1);
        walk_plan(plan, count_partials, stage_of(plan, sum));
        ck_assert_int_eq(now.leaves, n);
        int bits = 64 - __builtin_clzll((unsigned long long)n);
        ck_assert_msg(now.most <= bits + 1, "%d partials of %lld", now.most, (long long)n);
        bri_plan_free(plan);
    }
}
END_TEST

/* No sum of rows begins before the one before is complete. */
static void one_row_at_a_time(walk *w, const bri_task *task)
{
    const bri_stage *s = w->plan->stages[task->key.stage];
    if (s->kind != &bri_stage_reduce || task->key.level > 0)
        return;
    ck_assert_int_ge(task->argument[0], w->last_leaf);
    ck_assert_int_le(live_partials(w), 1 + 6); /* 64 leaves a row */
    w->last_leaf = task->argument[0];
}

START_TEST(reductions_complete_early)
{
    br_array *x = br_ones(ctx, BR_SHAPE(32, 64), .chunks = BR_CHUNKS(1, 1));
    br_array *rows = br_sum(x, .axis = BR_AXES(1));
    bri_plan *plan = plan_of(&rows, 1);
    walk_plan(plan, one_row_at_a_time, NULL);
    bri_plan_free(plan);
}
END_TEST

START_TEST(inputs_of_a_reduction_come_one_by_one)
{
    br_array *a = made(0);
    br_array *b = made(1);
    br_array *c = made(2);
    br_array *sum = br_sum(br_add(br_mul(a, b), br_mul(c, a)));
    br_array *const inputs[] = {a, b, c};
    bri_plan *plan = plan_of(&sum, 1);
    for (int i = 0; i < 3; i++) {
        walk_plan(plan, NULL, stage_of(plan, inputs[i]));
        ck_assert_int_eq(now.most, 1);
    }
    bri_plan_free(plan);
}
END_TEST

/* ---- side branches ---- */

/* At most so many chunks of y, and so many of each of the others, live at a time. */
static void check_live(br_array *const *outputs, int n, br_array *const *held, int nheld, int most)
{
    bri_plan *plan = plan_of(outputs, n);
    for (int i = 0; i < nheld; i++) {
        walk_plan(plan, NULL, stage_of(plan, held[i]));
        ck_assert_msg(now.most <= most, "%d chunks of array %d live, at most %d expected", now.most,
                      i, most);
    }
    bri_plan_free(plan);
}

START_TEST(side_branches_do_not_hold_chunks)
{
    br_array *y = made(0);
    br_array *u = again(y);
    br_array *sum = br_sum(u);
    br_array *max = br_max(y);
    br_array *held[] = {y, u};
    check_live((br_array *[]){sum, max}, 2, held, 2, 1);
    check_live((br_array *[]){max, sum}, 2, held, 2, 1);
    check_live((br_array *[]){max, br_add(sum, 1)}, 2, held, 2, 1);
    check_live((br_array *[]){br_add(sum, max)}, 1, held, 2, 1);
    check_live((br_array *[]){u, max}, 2, held, 2, 1);
    check_live((br_array *[]){max, u, y}, 3, held, 2, 1);
    check_live((br_array *[]){again(u), u}, 2, held, 2, 1);
    check_live((br_array *[]){sum, br_mean(y), br_std(y)}, 3, held, 2, 1);
    check_live((br_array *[]){sum, br_exp(y)}, 2, held, 2, 1);
}
END_TEST

/* A branch that would leave as much as it takes does not run ahead: its chunks would be held
 * instead. */
START_TEST(side_branches_wait_when_they_free_nothing)
{
    br_array *y = made(0);
    br_array *u = again(y);
    br_array *mean = br_mean(y);
    br_array *both[] = {mean, br_sum(br_mul(u, mean))};
    bri_plan *plan = plan_of(both, 2);
    walk_plan(plan, NULL, stage_of(plan, u));
    ck_assert_int_eq(now.most, 1);
    bri_plan_free(plan);
}
END_TEST

/* ---- reading ---- */

static void in_c_order(walk *w, const bri_task *task)
{
    const bri_stage *s = w->plan->stages[task->key.stage];
    int64_t coord[BR_MAX_NDIM];
    if (s != w->watch || task->key.level > 0)
        return;
    bri_leaf_coords(s, task->argument[0], task->argument[1], coord);
    int64_t place = bri_grid_linear(s->leaf_ndim, s->leaf_axis, coord);
    ck_assert_int_gt(place, w->last_leaf);
    w->last_leaf = place;
    w->leaves++;
}

START_TEST(sources_are_read_in_c_order)
{
    static double elements[24 * 20];
    br_array *x =
        br_from_memory(ctx, elements, BR_FLOAT64, BR_SHAPE(24, 20), .chunks = BR_CHUNKS(2, 5));
    br_array *outputs[] = {br_exp(x), br_sum(x), br_std(br_mul(x, 2)),
                           br_max(x, .axis = BR_AXES(1))};
    for (int i = 0; i < 4; i++) {
        bri_plan *plan = plan_of(&outputs[i], 1);
        walk_plan(plan, in_c_order,
                  plan->stages[0]->kind == &bri_stage_memory ? plan->stages[1] : plan->stages[0]);
        ck_assert_int_eq(now.leaves, 12 * 4);
        bri_plan_free(plan);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("order");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, partials_are_a_binary_counter);
    tcase_add_test(tcase, reductions_complete_early);
    tcase_add_test(tcase, inputs_of_a_reduction_come_one_by_one);
    tcase_add_test(tcase, side_branches_do_not_hold_chunks);
    tcase_add_test(tcase, side_branches_wait_when_they_free_nothing);
    tcase_add_test(tcase, sources_are_read_in_c_order);
    return run_case("order", tcase);
}
