/* SPDX-License-Identifier: BSD-3-Clause
 * loan.c - which tasks are lent together.
 */
#include "scheduler/mpi/loan.h"

/* ---- who reads what ---- */

/* The one value that it makes, for one task of this rank; or NULL. */
static const bri_value *for_one_reader(const bri_task *t)
{
    const bri_value *v = t->output;
    if (v == NULL || v->next_output != NULL || v->ndestinations > 0 ||
        atomic_load_explicit(&v->readers, memory_order_relaxed) != 1)
        return NULL;
    return v;
}

/* acquire: what emission has written of the reader. */
static bri_task *sole_reader(const bri_task *t)
{
    const bri_value *v = for_one_reader(t);
    const bri_use *use = v != NULL ? atomic_load_explicit(&v->waiters, memory_order_acquire) : NULL;
    return use != NULL ? use->task : NULL;
}

bool bri_lacks_reader(const bri_task *t)
{
    return for_one_reader(t) != NULL && sole_reader(t) == NULL;
}

static size_t output_bytes(const bri_task *t)
{
    size_t bytes = 0;
    for (const bri_value *v = t->output; v != NULL; v = v->next_output)
        bytes += v->bytes;
    return bytes;
}

/* ---- groves ---- */

static void add(bri_grove *g, bri_tree_task task)
{
    task.reader = task.top = -1;
    g->of[g->n++] = task;
}

static int64_t sum_of(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int64_t known(int64_t nanoseconds)
{
    return nanoseconds > 0 ? nanoseconds : INT64_MAX;
}

bool bri_grove_add(bri_grove *g, bri_job *job, bri_task *task)
{
    bri_tree_task leaf = {.task = task, .leaf = true};
    if (job->ops->lendable == NULL || !job->ops->lendable(job, task, true, &leaf.nanoseconds))
        return false;
    leaf.altogether = known(leaf.nanoseconds);
    add(g, leaf);
    g->nleaves++;
    return true;
}

/* Long ones go each to another helper. When each of its inputs is known to be made here it has them
 * all, and has been admitted when it waits for nothing else. */
static bool goes_along(const bri_grove *g, bri_job *job, bri_tree_task *reader)
{
    const bri_task *t = reader->task;
    unsigned n = 0;
    int64_t longest = 0;
    for (int i = 0; i < g->n; i++)
        if (sole_reader(g->of[i].task) == t) {
            int64_t one = g->of[i].altogether;
            n++;
            longest = one > longest ? one : longest;
            reader->altogether = sum_of(reader->altogether, one);
        }
    if (n != t->ninputs || (n > 1 && longest >= BRI_WORTH_LENDING_NS) ||
        atomic_load_explicit(&t->pending, memory_order_acquire) != (int)n ||
        !job->ops->lendable(job, t, false, &reader->nanoseconds))
        return false;
    reader->altogether = sum_of(reader->altogether, known(reader->nanoseconds));
    return true;
}

static void add_reader(bri_grove *g, bri_job *job, const bri_task *t)
{
    bri_tree_task reader = {.task = sole_reader(t)};
    if (reader.task == NULL || !goes_along(g, job, &reader))
        return;
    add(g, reader);
    for (int i = 0; i + 1 < g->n; i++)
        if (sole_reader(g->of[i].task) == reader.task)
            g->of[i].reader = g->n - 1;
}

static void count_bytes(bri_grove *g)
{
    for (int i = 0; i < g->n; i++) {
        bri_tree_task *t = &g->of[i];
        size_t own = output_bytes(t->task);
        t->pays = t->leaf || own <= t->below;
        if (t->reader >= 0)
            g->of[t->reader].below += t->pays ? own : t->below;
    }
}

void bri_grove_close(bri_grove *g, bri_job *job)
{
    for (int i = 0; i < g->n && g->n < BRI_GROVE_TASKS; i++)
        if (g->of[i].reader < 0)
            add_reader(g, job, g->of[i].task);
    count_bytes(g);
    for (int i = g->n - 1; i >= 0; i--) {
        bri_tree_task *t = &g->of[i];
        int above = t->reader >= 0 ? g->of[t->reader].top : -1;
        t->top = above >= 0 || !t->pays ? above : i;
    }
}

/* ---- loans ---- */

static bool is_inside(const bri_loan *loan, const bri_value *v)
{
    for (int i = 0; i + 1 < loan->n; i++)
        if (loan->task[i]->output == v)
            return true;
    return false;
}

static bool came_before(const bri_loan *loan, int task, unsigned input)
{
    const bri_value *v = loan->task[task]->inputs[input].value;
    for (int t = 0; t <= task; t++) {
        unsigned end = t < task ? loan->task[t]->ninputs : input;
        for (unsigned i = 0; i < end; i++)
            if (loan->task[t]->inputs[i].value == v)
                return true;
    }
    return false;
}

bri_value *bri_loan_input(const bri_loan *loan, int *task, unsigned *input)
{
    for (; *task < loan->n; ++*task, *input = 0)
        while (*input < loan->task[*task]->ninputs) {
            unsigned i = (*input)++;
            bri_value *v = loan->task[*task]->inputs[i].value;
            if (!is_inside(loan, v) && !came_before(loan, *task, i))
                return v;
        }
    return NULL;
}

static void add_up(bri_loan *loan)
{
    int task = 0;
    unsigned input = 0;
    for (int i = 0; i < loan->n; i++)
        loan->bytes += loan->task[i]->scratch + output_bytes(loan->task[i]);
    loan->returned = output_bytes(loan->task[loan->n - 1]);
    loan->moving = loan->returned;
    for (const bri_value *v; (v = bri_loan_input(loan, &task, &input)) != NULL;) {
        loan->moving += v->bytes;
        loan->bytes += v->bytes;
    }
}

bool bri_grove_loan(const bri_grove *g, int top, bri_job *job, bri_loan *loan)
{
    bri_at_hand at_hand;
    *loan = (bri_loan){0};
    for (int i = 0; i <= top && g->of[top].top == top; i++) {
        if (g->of[i].top != top)
            continue;
        loan->task[loan->n++] = g->of[i].task;
        if (g->of[i].leaf)
            loan->leaf[loan->nleaves++] = g->of[i].task;
    }
    if (g->of[top].altogether < INT64_MAX)
        loan->nanoseconds = g->of[top].altogether;
    if (loan->n == 0 || job->ops->at_hand(job, loan->task, loan->n, &at_hand) != BR_OK)
        return false;
    add_up(loan);
    loan->chunks = at_hand.chunks;
    loan->moving += at_hand.bytes;
    loan->bytes += at_hand.bytes;
    return true;
}
