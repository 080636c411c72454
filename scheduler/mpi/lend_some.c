/* SPDX-License-Identifier: BSD-3-Clause
 * lend_some.c - which of the tasks that have not begun are lent, and what becomes of the others.
 */
#include "scheduler/mpi/lend_inside.h"

/* A loan is made when it takes longer than what is worth lending, and so much for each byte that
 * travels (125 MB/s), or nobody knows yet. Shorter tasks may go together. Nanoseconds. */
enum { WORTH_NS_PER_BYTE = 8, SHORT_NS = 50000 };
enum { TAKEN_AT_A_TIME = 8 };

static bool is_worth_it(const bri_loan *loan)
{
    double worth = BRI_WORTH_LENDING_NS + WORTH_NS_PER_BYTE * (double)loan->moving;
    return loan->nanoseconds == 0 || (double)loan->nanoseconds > worth;
}

static bool is_worth(const bri_task *t, const void *data)
{
    bri_job *job = (bri_job *)(uintptr_t)data;
    bri_grove grove = {.n = 0};
    bri_loan loan;
    if (!bri_grove_add(&grove, job, (bri_task *)(uintptr_t)t))
        return false;
    bri_grove_close(&grove, job);
    return bri_grove_loan(&grove, grove.of[0].top, job, &loan) && is_worth_it(&loan);
}

/* This rank's own threads have enough to do without so many tasks. */
static bool has_too_many(const bri_part *part, int n)
{
    long long ready =
        atomic_load_explicit(&part->job->counts, memory_order_relaxed) / BRI_ONE_READY;
    return ready - part->lending->nlent - n >= part->job->ctx->nthreads;
}

static bool lend_if(bri_part *part, const bri_loan *loan)
{
    bri_helper_rank *h = is_worth_it(loan) && has_too_many(part, loan->nleaves)
                             ? bri_lend_best_helper(part->lending, loan->bytes)
                             : NULL;
    return h != NULL && bri_lend_loan(part, loan, h) == BR_OK;
}

static bool is_short(int64_t nanoseconds, int64_t limit)
{
    return nanoseconds > 0 && nanoseconds < limit;
}

/* This thread, for which all ranks wait, runs nothing that could wait for them. */
static bool may_run_here(bri_job *job, const bri_tree_task *t)
{
    return is_short(t->nanoseconds, SHORT_NS) && job->ops->computes_only != NULL &&
           job->ops->computes_only(job, t->task);
}

/* A loan is not made: its short tasks run at once, on this thread, since long ones may wait for
 * them and the threads are at work on others. */
static void keep(bri_part *part, const bri_grove *grove, int top)
{
    bool run = has_too_many(part, 1);
    for (int i = 0; i <= top; i++) {
        const bri_tree_task *t = &grove->of[i];
        if (!t->leaf || t->top != top)
            continue;
        bool runs = run && may_run_here(part->job, t);
        bri_pool_push(part->pool, part->job, runs ? bri_job_exec(part->job, t->task) : t->task);
        if (runs)
            bri_pool_notify(part->pool); /* there is memory again */
    }
}

static bool lend_grove(bri_part *part, bri_grove *grove)
{
    bool lent = false;
    bri_loan loan;
    bri_grove_close(grove, part->job);
    for (int i = 0; i < grove->n; i++)
        if (bri_grove_loan(grove, i, part->job, &loan) && lend_if(part, &loan))
            lent = true;
        else
            keep(part, grove, i);
    *grove = (bri_grove){.n = 0};
    return lent;
}

/* Emission may have stopped between a task and the one that reads what it makes. */
static bool awaits_reader(bri_part *part, const bri_task *t)
{
    if (!bri_lacks_reader(t))
        return false;
    bri_pool_push(part->pool, part->job, bri_pool_pull(part->job, 1));
    return t->output->bytes > BRI_LINK_INLINE && bri_lacks_reader(t);
}

/* Tasks that the pool's threads had not begun. */
typedef struct batch {
    bri_grove together; /* short ones wait for others of their kind */
    /* One waits for its reader. When two of a batch lack theirs, that reads more than is in flight,
     * so the second one is lent without it. */
    bri_task *awaits;
} batch;

static bool deal_with(bri_part *part, bri_task *list, batch *b)
{
    bool lent = false;
    bri_grove *together = &b->together;
    for (bri_task *next; list != NULL; list = next) {
        bri_grove one = {.n = 0};
        next = list->next;
        list->next = NULL;
        if (awaits_reader(part, list) && b->awaits == NULL) {
            b->awaits = list;
        } else if (!bri_grove_add(&one, part->job, list)) {
            bri_pool_push(part->pool, part->job, list);
        } else if (!is_short(one.of[0].nanoseconds, BRI_WORTH_LENDING_NS)) {
            lent |= lend_grove(part, &one);
        } else {
            bri_grove_add(together, part->job, list);
            if (together->nleaves == BRI_GROVE_LEAVES)
                lent |= lend_grove(part, together);
        }
    }
    return lent;
}

bool bri_lend_some(bri_part *part, bool *lent)
{
    bool any = false;
    batch b = {.awaits = NULL};
    for (int i = 0; i < TAKEN_AT_A_TIME && bri_lend_best_helper(part->lending, 0) != NULL; i++) {
        bri_task *list = bri_pool_take(part->pool, part->job, is_worth, part->job);
        if (list == NULL)
            break;
        any = true;
        *lent |= deal_with(part, list, &b);
    }
    *lent |= lend_grove(part, &b.together);
    bri_pool_push(part->pool, part->job, b.awaits);
    return any;
}
