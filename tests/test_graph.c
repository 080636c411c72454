/* SPDX-License-Identifier: BSD-3-Clause
 * test_graph.c - graphs of the user's tasks: order, reuse, failures, several threads.
 */
#include <bramble/bramble.h>
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/suite.h"

static br_context *ctx;

/* More threads than cores, as many, one, and the scheduler without any. */
static const char *const settings[][2] = {
    {"threads", "2"}, {"threads", "1"}, {"threads", "7"}, {"sync", "1"}};
enum { NSETTINGS = sizeof settings / sizeof *settings };

static void open_context(int setting)
{
    setenv("BRAMBLE_LOG", "quiet", 1);
    setenv("BRAMBLE_SCHEDULER", settings[setting][0], 1);
    setenv("BRAMBLE_NUM_THREADS", settings[setting][1], 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- every task sees that those before it are done, once a run ---- */

enum { MOST_AFTER = 6 };

typedef struct record {
    int nafter;
    int64_t after[MOST_AFTER];
    int runs; /* written by the task, read by those after it: TSan checks the order */
} record;

typedef struct history {
    record *record;
    atomic_int wrong;
} history;

static int check_order(void *data, int64_t task)
{
    history *h = data;
    record *r = &h->record[task];
    for (int i = 0; i < r->nafter; i++)
        if (h->record[r->after[i]].runs != r->runs + 1)
            atomic_fetch_add(&h->wrong, 1);
    r->runs++;
    return 0;
}

static void add_record(br_graph *g, history *h)
{
    int64_t task = br_graph_ntasks(g);
    const record *r = &h->record[task];
    ck_assert_int_eq(br_graph_add(g, check_order, h, r->after, (size_t)r->nafter), task);
}

static void check_runs(br_graph *g, history *h, int runs)
{
    ck_assert_msg(br_graph_run(g) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_eq(atomic_load(&h->wrong), 0);
    for (int64_t t = 0; t < br_graph_ntasks(g); t++)
        ck_assert_int_eq(h->record[t].runs, runs);
}

/* What task t comes after in each shape. */
static void after_none(record *r, int64_t t)
{
    (void)r, (void)t;
}

static void after_previous(record *r, int64_t t)
{
    if (t > 0)
        r->after[r->nafter++] = t - 1;
}

enum { WIDTH = 40, LEAVES = 1024 };

static void after_neighbours(record *r, int64_t t)
{
    if (t >= WIDTH)
        r->after[r->nafter++] = t - WIDTH;
    if (t % WIDTH > 0)
        r->after[r->nafter++] = t - 1;
}

static void after_two_halves(record *r, int64_t t)
{
    if (t >= LEAVES) {
        r->after[r->nafter++] = 2 * (t - LEAVES);
        r->after[r->nafter++] = 2 * (t - LEAVES) + 1;
    }
}

static void after_first(record *r, int64_t t)
{
    if (t > 0)
        r->after[r->nafter++] = 0;
}

static void after_some(record *r, int64_t t)
{
    static uint64_t state = 88172645463325252u;
    for (int i = 0; i < MOST_AFTER && t > 0; i++)
        if (next_random(&state) % 3 == 0)
            r->after[r->nafter++] = (int64_t)(next_random(&state) % (uint64_t)t);
}

static void (*const shapes[])(record *r, int64_t t) = {
    after_none, after_previous, after_neighbours, after_two_halves, after_first, after_some};
enum { NSHAPES = sizeof shapes / sizeof *shapes, TASKS = 2 * LEAVES - 1 };

START_TEST(tasks_run_after_those_they_name)
{
    open_context(_i % NSETTINGS);
    history h = {calloc(TASKS, sizeof(record)), 0};
    br_graph *g = br_graph_new(ctx);
    for (int64_t t = 0; t < TASKS; t++) {
        shapes[_i / NSETTINGS](&h.record[t], t);
        add_record(g, &h);
    }
    for (int run = 1; run <= 20; run++)
        check_runs(g, &h, run);
    ck_assert_int_eq(br_close(ctx), 0);
    free(h.record);
}
END_TEST

START_TEST(graphs_grow_between_runs)
{
    open_context(_i);
    history h = {calloc(TASKS, sizeof(record)), 0};
    br_graph *g = br_graph_new(ctx);
    ck_assert_int_eq(br_graph_run(g), BR_OK);
    for (int64_t t = 0; t < 300; t++) {
        for (int64_t k = 0; k < t; k++)
            h.record[k].runs = 0;
        after_some(&h.record[t], t);
        add_record(g, &h);
        check_runs(g, &h, 1);
    }
    br_graph_free(g);
    ck_assert_int_eq(br_close(ctx), 0);
    free(h.record);
}
END_TEST

/* ---- failures ---- */

static atomic_int calls, bad_task;

static int fail_at(void *data, int64_t task)
{
    (void)data;
    atomic_fetch_add(&calls, 1);
    return task == atomic_load(&bad_task) ? 42 : 0;
}

START_TEST(an_error_ends_the_run)
{
    open_context(_i);
    br_graph *g = br_graph_new(ctx);
    for (int64_t t = 0; t < 1000; t++)
        br_graph_add(g, fail_at, NULL, &(int64_t){t - WIDTH}, t >= WIDTH);
    for (int bad = 0; bad < 1000; bad += 111) {
        atomic_store(&bad_task, bad);
        ck_assert_int_eq(br_graph_run(g), BR_EUSER);
        char text[64];
        snprintf(text, sizeof text, "graph: task %d of 1000: function ", bad);
        ck_assert_msg(strstr(br_message(ctx), text) != NULL, "%s", br_message(ctx));
        ck_assert_ptr_nonnull(strstr(br_message(ctx), "returned 42"));
        br_clear_error(ctx);
    }
    atomic_store(&bad_task, -1);
    atomic_store(&calls, 0);
    ck_assert_int_eq(br_graph_run(g), BR_OK);
    ck_assert_int_eq(atomic_load(&calls), 1000);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int run_again(void *data, int64_t task)
{
    (void)task;
    return (int)br_graph_run(data) == BR_EARG ? 0 : 1;
}

static void expect_failure(br_graph *g, const char *text)
{
    ck_assert_int_eq(br_graph_run(g), BR_EARG);
    ck_assert_msg(strstr(br_message(ctx), text) != NULL, "%s", br_message(ctx));
    br_clear_error(ctx);
    br_graph_free(g);
}

START_TEST(bad_calls)
{
    open_context(0);
    br_graph *g = br_graph_new(ctx);
    ck_assert_int_eq(br_graph_add(g, NULL, NULL, NULL, 0), -1);
    ck_assert_int_eq(br_graph_add(g, fail_at, NULL, NULL, 0), -1);
    expect_failure(g, "task 0 has no function");
    g = br_graph_new(ctx);
    ck_assert_int_eq(br_graph_add(g, fail_at, NULL, NULL, 0), 0);
    ck_assert_int_eq(br_graph_add(g, fail_at, NULL, BR_AFTER(0, 1)), -1);
    expect_failure(g, "task 1 is to run after task 1, which there is not yet");
    g = br_graph_new(ctx);
    br_graph_add(g, run_again, g, NULL, 0);
    ck_assert_int_eq(br_graph_run(g), BR_OK);
    br_clear_error(ctx);
    ck_assert_int_eq(br_graph_add(NULL, fail_at, NULL, NULL, 0), -1);
    ck_assert_int_eq(br_graph_run(NULL), BR_ENOMEM);
    ck_assert_int_eq(br_graph_ntasks(NULL), 0);
    br_graph_free(NULL);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- tasks that do more ---- */

static int add_one(void *data, int64_t task)
{
    (void)task;
    atomic_fetch_add((atomic_int *)data, 1);
    return 0;
}

/* A graph and an array computed inside a task. */
static int nested(void *data, int64_t task)
{
    (void)task;
    return br_graph_run(data) == BR_OK ? 0 : 1;
}

START_TEST(tasks_may_run_other_graphs)
{
    open_context(_i);
    atomic_int count = 0;
    enum { INNER = 6 };
    br_graph *outer = br_graph_new(ctx);
    for (int i = 0; i < INNER; i++) {
        br_graph *inner = br_graph_new(ctx);
        for (int k = 0; k < 100; k++)
            br_graph_add(inner, add_one, &count, NULL, 0);
        br_graph_add(outer, nested, inner, NULL, 0);
    }
    for (int run = 0; run < 20; run++)
        ck_assert_msg(br_graph_run(outer) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_eq(atomic_load(&count), 20 * INNER * 100);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int nap(void *data, int64_t task)
{
    (void)task;
    nanosleep(&(struct timespec){0, 2000000}, NULL);
    return add_one(data, task);
}

/* Threads fall asleep while one works, and wake for what it leaves. */
START_TEST(sleepers_wake)
{
    open_context(_i);
    atomic_int count = 0;
    br_graph *g = br_graph_new(ctx);
    int64_t last = -1;
    for (int i = 0; i < 40; i++) {
        int64_t slow = br_graph_add(g, nap, &count, &last, last >= 0);
        for (int k = 0; k < 20; k++)
            last = br_graph_add(g, add_one, &count, &slow, 1);
    }
    ck_assert_int_eq(br_graph_run(g), BR_OK);
    ck_assert_int_eq(atomic_load(&count), 40 * 21);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("graph");
    tcase_add_loop_test(tests, tasks_run_after_those_they_name, 0, NSETTINGS * NSHAPES);
    tcase_add_loop_test(tests, graphs_grow_between_runs, 0, NSETTINGS);
    tcase_add_loop_test(tests, an_error_ends_the_run, 0, NSETTINGS);
    tcase_add_test(tests, bad_calls);
    tcase_add_loop_test(tests, tasks_may_run_other_graphs, 0, NSETTINGS);
    tcase_add_loop_test(tests, sleepers_wake, 0, NSETTINGS);
    return run_case("graph", tests);
}
