/* SPDX-License-Identifier: BSD-3-Clause
 * test_loan.c - what is lent together: chains, groups of short tasks, and what must not be.
 */
#include "scheduler/mpi/loan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

enum { SHORT = 20000, LONG = 5000000, CHUNK = 1 << 20, PARTIAL = 8, MOST = 64 };

/* A task knows by its kind how long it takes; -1: others cannot run it. */
static bool lendable(bri_job *job, const bri_task *task, bool ready, int64_t *nanoseconds)
{
    (void)job, (void)ready;
    *nanoseconds = task->kind;
    return task->kind >= 0;
}

static br_status nothing_at_hand(bri_job *job, bri_task *const *task, int n, bri_at_hand *at_hand)
{
    (void)job, (void)task, (void)n;
    *at_hand = (bri_at_hand){0};
    return BR_OK;
}

static const bri_job_ops ops = {.lendable = lendable, .at_hand = nothing_at_hand};
static bri_job job;

/* All that a test has made. */
static struct {
    bri_task *task[MOST];
    bri_value *value[MOST];
    int ntasks, nvalues;
} made;

static void set_up(void)
{
    memset(&made, 0, sizeof made);
    job.ops = &ops;
}

static void tear_down(void)
{
    for (int i = 0; i < made.ntasks; i++)
        free(made.task[i]);
    for (int i = 0; i < made.nvalues; i++)
        free(made.value[i]);
}

static bri_value *value_of(size_t bytes, int readers)
{
    bri_value *v = aligned_alloc(64, (sizeof *v + 63) / 64 * 64);
    ck_assert_ptr_nonnull(v);
    memset(v, 0, sizeof *v);
    v->bytes = v->used = bytes;
    atomic_init(&v->readers, readers);
    atomic_init(&v->waiters, NULL);
    return made.value[made.nvalues++] = v;
}

/* It makes a value of so many bytes for one reader. */
static bri_task *task_of(int nanoseconds, size_t bytes, int ninputs)
{
    bri_task *t = calloc(1, sizeof *t + 4 * sizeof t->inputs[0]);
    ck_assert_ptr_nonnull(t);
    t->kind = nanoseconds;
    t->ninputs = (unsigned)ninputs & 3;
    atomic_init(&t->pending, 1);
    t->output = value_of(bytes, 1);
    return made.task[made.ntasks++] = t;
}

static void admit(bri_task *t)
{
    atomic_fetch_sub(&t->pending, 1);
}

static bri_task *reader_of(bri_task *a, bri_task *b, int nanoseconds, size_t bytes)
{
    bri_task *t = task_of(nanoseconds, bytes, b != NULL ? 2 : 1);
    bri_task_input(t, 0, a->output);
    if (b != NULL)
        bri_task_input(t, 1, b->output);
    admit(t);
    return t;
}

/* The loans of a grove of these leaves, in order. */
static int loans_of(bri_task *const *leaf, int n, bri_loan *loan)
{
    bri_grove grove = {.n = 0};
    int nloans = 0;
    int nleaves = 0;
    for (int i = 0; i < n; i++)
        ck_assert(bri_grove_add(&grove, &job, leaf[i]));
    bri_grove_close(&grove, &job);
    for (int i = 0; i < grove.n; i++)
        if (bri_grove_loan(&grove, i, &job, &loan[nloans]))
            nleaves += loan[nloans++].nleaves;
    ck_assert_int_eq(nleaves, n);
    return nloans;
}

static bri_loan loan_of(bri_task *leaf)
{
    bri_loan loan[BRI_GROVE_TASKS];
    ck_assert_int_eq(loans_of(&leaf, 1, loan), 1);
    return loan[0];
}

START_TEST(a_chain_goes_as_one)
{
    bri_task *map = task_of(LONG, CHUNK, 0);
    bri_task *second = reader_of(map, NULL, LONG, CHUNK);
    bri_task *leaf = reader_of(second, NULL, SHORT, PARTIAL);
    bri_loan loan = loan_of(map);
    ck_assert_int_eq(loan.n, 3);
    ck_assert_ptr_eq(loan.task[2], leaf);
    ck_assert_int_eq(loan.nleaves, 1);
    ck_assert_ptr_eq(loan.leaf[0], map);
    ck_assert_int_eq(loan.nanoseconds, 2 * LONG + SHORT);
    ck_assert_uint_eq(loan.returned, PARTIAL);
    ck_assert_uint_eq(loan.moving, PARTIAL);
    ck_assert_uint_eq(loan.bytes, 2 * CHUNK + PARTIAL);
}
END_TEST

START_TEST(it_ends_where_the_least_comes_back)
{
    bri_task *map = task_of(LONG, CHUNK, 0);
    bri_task *wider = reader_of(map, NULL, LONG, 2 * CHUNK);
    ck_assert_int_eq(loan_of(map).n, 1);
    bri_task *leaf = reader_of(wider, NULL, SHORT, PARTIAL);
    reader_of(leaf, NULL, SHORT, CHUNK);
    bri_loan loan = loan_of(map);
    ck_assert_int_eq(loan.n, 3);
    ck_assert_ptr_eq(loan.task[2], leaf);
}
END_TEST

START_TEST(what_others_need_comes_back)
{
    bri_task *read_twice = task_of(LONG, CHUNK, 0);
    atomic_store(&read_twice->output->readers, 2);
    reader_of(read_twice, NULL, SHORT, PARTIAL);
    ck_assert_int_eq(loan_of(read_twice).n, 1);
    bri_task *sent = task_of(LONG, CHUNK, 0);
    sent->output->ndestinations = 1;
    reader_of(sent, NULL, SHORT, PARTIAL);
    ck_assert_int_eq(loan_of(sent).n, 1);
    bri_task *two = task_of(LONG, CHUNK, 0);
    two->output->next_output = value_of(PARTIAL, 1);
    reader_of(two, NULL, SHORT, PARTIAL);
    bri_loan loan = loan_of(two);
    ck_assert_int_eq(loan.n, 1);
    ck_assert_uint_eq(loan.returned, CHUNK + PARTIAL);
}
END_TEST

START_TEST(a_reader_that_cannot_go_stays)
{
    bri_task *map = task_of(LONG, CHUNK, 0);
    reader_of(map, NULL, -1, PARTIAL);
    ck_assert_int_eq(loan_of(map).n, 1);
    bri_task *elsewhere = task_of(LONG, CHUNK, 0);
    bri_task *one = task_of(LONG, CHUNK, 0);
    reader_of(one, elsewhere, SHORT, PARTIAL);
    ck_assert_int_eq(loan_of(one).n, 1);
    bri_grove grove = {.n = 0};
    ck_assert(!bri_grove_add(&grove, &job, task_of(-1, CHUNK, 0)));
}
END_TEST

START_TEST(a_reader_that_is_not_there_yet)
{
    bri_task *map = task_of(LONG, CHUNK, 0);
    ck_assert(bri_lacks_reader(map));
    ck_assert_int_eq(loan_of(map).n, 1);
    bri_task *leaf = task_of(SHORT, PARTIAL, 1);
    bri_task_input(leaf, 0, map->output);
    ck_assert(!bri_lacks_reader(map));
    ck_assert_int_eq(loan_of(map).n, 1);
    admit(leaf);
    ck_assert_int_eq(loan_of(map).n, 2);
}
END_TEST

/* A node whose second input is being connected waits for as much as one that has both. */
START_TEST(a_node_that_is_half_made)
{
    bri_loan loan[BRI_GROVE_TASKS];
    bri_task *leaf[2] = {task_of(SHORT, PARTIAL, 0), task_of(SHORT, PARTIAL, 0)};
    bri_task *node = task_of(1, PARTIAL, 2);
    bri_task_input(node, 0, leaf[0]->output);
    ck_assert_int_eq(atomic_load(&node->pending), 2);
    ck_assert_int_eq(loans_of(leaf, 2, loan), 2);
    bri_task_input(node, 1, leaf[1]->output);
    ck_assert_int_eq(loans_of(leaf, 2, loan), 2);
    admit(node);
    ck_assert_int_eq(loans_of(leaf, 2, loan), 1);
}
END_TEST

/* Eight maps, each with a leaf, and a tree over them. */
static void plant(bri_task *map[BRI_GROVE_LEAVES], int nanoseconds)
{
    bri_task *level[BRI_GROVE_LEAVES];
    for (int i = 0; i < BRI_GROVE_LEAVES; i++) {
        map[i] = task_of(nanoseconds, CHUNK, 0);
        level[i] = reader_of(map[i], NULL, SHORT, PARTIAL);
    }
    for (int n = BRI_GROVE_LEAVES / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            level[i] = reader_of(level[2 * i], level[2 * i + 1], 1, PARTIAL);
}

START_TEST(short_ones_go_with_their_tree)
{
    bri_loan loan[BRI_GROVE_TASKS];
    bri_task *map[BRI_GROVE_LEAVES];
    const int n = BRI_GROVE_LEAVES;
    plant(map, SHORT);
    ck_assert_int_eq(loans_of(map, n, loan), 2); /* of both halves more than 0.1 ms is known */
    ck_assert_int_eq(loan[0].n, n / 2 * 3 - 1);
    ck_assert_int_eq(loan[0].nleaves, n / 2);
    ck_assert_uint_eq(loan[0].returned, PARTIAL);
    ck_assert_int_eq(loans_of(map + 1, 3, loan), 2); /* 1, and 2 with 3 */
    ck_assert_int_eq(loan[0].n, 2);
    ck_assert_int_eq(loan[1].n, 5);
}
END_TEST

START_TEST(long_ones_go_one_by_one)
{
    bri_loan loan[BRI_GROVE_TASKS];
    bri_task *map[BRI_GROVE_LEAVES];
    plant(map, LONG);
    ck_assert_int_eq(loans_of(map, BRI_GROVE_LEAVES, loan), BRI_GROVE_LEAVES);
    tear_down();
    set_up();
    plant(map, 0); /* nobody knows */
    ck_assert_int_eq(loans_of(map, BRI_GROVE_LEAVES, loan), BRI_GROVE_LEAVES);
    ck_assert_int_eq(loan[0].n, 2);
    ck_assert_int_eq(loan[0].nanoseconds, 0);
}
END_TEST

START_TEST(what_both_read_travels_once)
{
    bri_loan loan[BRI_GROVE_TASKS];
    bri_value *common = value_of(CHUNK, 2);
    bri_value *own = value_of(PARTIAL, 1);
    bri_task *leaf[2] = {task_of(SHORT, PARTIAL, 2), task_of(SHORT, PARTIAL, 2)};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            bri_task_input(leaf[i], k, common);
    leaf[1]->inputs[1].value = own;
    reader_of(leaf[0], leaf[1], 1, PARTIAL);
    ck_assert_int_eq(loans_of(leaf, 2, loan), 1);
    int task = 0;
    unsigned input = 0;
    ck_assert_ptr_eq(bri_loan_input(&loan[0], &task, &input), common);
    ck_assert_ptr_eq(bri_loan_input(&loan[0], &task, &input), own);
    ck_assert_ptr_null(bri_loan_input(&loan[0], &task, &input));
    ck_assert_uint_eq(loan[0].moving, CHUNK + 2 * PARTIAL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("loans");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_chain_goes_as_one);
    tcase_add_test(tests, it_ends_where_the_least_comes_back);
    tcase_add_test(tests, what_others_need_comes_back);
    tcase_add_test(tests, a_reader_that_cannot_go_stays);
    tcase_add_test(tests, a_reader_that_is_not_there_yet);
    tcase_add_test(tests, a_node_that_is_half_made);
    tcase_add_test(tests, short_ones_go_with_their_tree);
    tcase_add_test(tests, long_ones_go_one_by_one);
    tcase_add_test(tests, what_both_read_travels_once);
    return run_case("loan", tests);
}
