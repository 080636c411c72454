/* SPDX-License-Identifier: BSD-3-Clause
 * lend.c - lent tasks on their way; lend_some.c chooses them, helpers.c has who helps whom, guest.c
 * runs them.
 */
#include "scheduler/mpi/lend_inside.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/busy.h"
#include "runtime/clock.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/helpers.h"
#include "scheduler/mpi/inspect.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/stats.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/mpi/values.h"

/* Who has nothing to lend keeps a helper so long, each time so many times longer until it lends
 * (else a single long task would let helpers travel to and fro until its end), and looks for tasks
 * so often. Seconds. */
#define KEEP_IDLE    5e-3
#define KEEP_LONGER  4
#define LONGEST_KEEP 1.0
#define LOOK_AGAIN   300e-6
/* Nor is a helper asked again that had no room: at first, and at most, each time twice as long. */
#define FULL_FIRST 5e-3
#define FULL_MOST  320e-3

struct bri_lent {
    bri_part *part; /* NULL: nothing is lent with this ticket */
    bri_loan *loan; /* NULL: the helper has taken it */
    bri_task *leaves;
    const bri_task *top;
    int ntasks, nleaves;
    int rank; /* the helper */
    size_t bytes;
    int left; /* of what was taken: outputs that have not come, and the RETURN */
    int index, next_free;
};

/* Tickets of what is lent; pointers, since they are known by address. */
static struct {
    bri_lent **all;
    size_t n, room;
    int first_free; /* an index, or n */
} tickets;

static bri_lending *lending_of(bri_part *part)
{
    if (part->lending != NULL)
        return part->lending;
    part->lending = bri_calloc(1, sizeof *part->lending);
    if (part->lending == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    part->lending->keep = KEEP_IDLE;
    return part->lending;
}

void bri_lend_free(bri_part *part)
{
    bri_lending *l = part->lending;
    if (l == NULL)
        return;
    BRI_ASSERT(l->nlent == 0);
    bri_free(l->helpers);
    bri_free(l);
    part->lending = NULL;
}

/* ---- the lender ---- */

void bri_lend_add_helper(bri_part *part, const bri_packet *packet)
{
    bri_lending *l = lending_of(part);
    if (part->failed || part->reported ||
        bri_grow(&l->helpers, &l->room, l->nhelpers, sizeof *l->helpers) != BR_OK) {
        bri_helpers_free_one(part, packet->number);
        return;
    }
    l->helpers[l->nhelpers++] = (bri_helper_rank){.rank = packet->number,
                                                  .threads = (int)packet->key.level,
                                                  .room = (size_t)packet->key.index,
                                                  .since = bri_now()};
}

void bri_lend_on_helper(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)payload;
    bri_lend_add_helper(bri_part_get(packet->job), packet);
}

static void drop_helper(bri_part *part, size_t i)
{
    bri_lending *l = part->lending;
    bri_helpers_free_one(part, l->helpers[i].rank);
    l->helpers[i] = l->helpers[--l->nhelpers];
}

void bri_lend_over(bri_part *part)
{
    while (part->lending != NULL && part->lending->nhelpers > 0)
        drop_helper(part, 0);
}

static bri_helper_rank *find_helper(const bri_part *part, int rank)
{
    const bri_lending *l = part->lending;
    for (size_t i = 0; i < l->nhelpers; i++)
        if (l->helpers[i].rank == rank)
            return &l->helpers[i];
    return NULL;
}

/* While its threads work, the next one is on its way. */
static bool has_room(const bri_lending *l, const bri_helper_rank *h, size_t bytes)
{
    return h->loans <= h->threads && h->bytes + bytes <= h->room && l->now >= h->full;
}

bri_helper_rank *bri_lend_best_helper(const bri_lending *l, size_t bytes)
{
    bri_helper_rank *best = NULL;
    for (size_t i = 0; i < l->nhelpers; i++) {
        bri_helper_rank *h = &l->helpers[i];
        if (has_room(l, h, bytes) &&
            (best == NULL || (int64_t)h->loans * best->threads < (int64_t)best->loans * h->threads))
            best = h;
    }
    return best;
}

static br_status new_ticket(bri_lent **out)
{
    if ((size_t)tickets.first_free == tickets.n) {
        BRI_TRY(bri_grow(&tickets.all, &tickets.room, tickets.n, sizeof *tickets.all));
        bri_lent *lent = bri_calloc(1, sizeof *lent);
        if (lent == NULL)
            return BR_ENOMEM;
        lent->index = (int)tickets.n;
        lent->next_free = lent->index + 1;
        tickets.all[tickets.n++] = lent;
    }
    *out = tickets.all[tickets.first_free];
    tickets.first_free = (*out)->next_free;
    return BR_OK;
}

static int noutputs(const bri_task *t)
{
    int n = 0;
    for (const bri_value *v = t->output; v != NULL; v = v->next_output)
        n++;
    return n;
}

/* What it reads twice is wanted once. The send counts as one reader more, beside the task. */
static void send_input(bri_part *part, bri_value *v, int rank)
{
    atomic_fetch_add_explicit(&v->readers, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&part->job->nsends, 1, memory_order_relaxed);
    bri_values_send(&(bri_request){.part = part, .job = part->job, .value = v, .rank = rank});
}

static void tell(const bri_part *part, const bri_loan *loan, const bri_lent *lent)
{
    bri_borrowed what[BRI_GROVE_TASKS];
    for (int i = 0; i < loan->n; i++) {
        const bri_task *t = loan->task[i];
        what[i] =
            (bri_borrowed){t->key, t->kind, i + 1 < loan->n, {t->argument[0], t->argument[1]}};
    }
    bri_packet packet = {.kind = BRI_PACKET_LENT,
                         .number = lent->index,
                         .job = part->id,
                         .bytes = (size_t)loan->n * sizeof what[0],
                         .key.index = (int64_t)lent->bytes};
    bri_link_send(lent->rank, &packet, what);
}

static void count_loan(bri_job *job, const bri_loan *loan)
{
    atomic_fetch_add_explicit(&job->stats.lent, loan->n, memory_order_relaxed);
    atomic_fetch_add_explicit(&job->stats.loans, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&job->stats.returned, (long long)loan->returned,
                              memory_order_relaxed);
}

/* Those of its tasks that are ready count as running from now on. */
br_status bri_lend_loan(bri_part *part, const bri_loan *loan, bri_helper_rank *h)
{
    bri_lent *lent;
    bri_loan *copy = bri_memdup(loan, sizeof *loan);
    br_status st = copy != NULL ? new_ticket(&lent) : BR_ENOMEM;
    if (st != BR_OK) {
        bri_free(copy);
        return st;
    }
    lent->part = part;
    lent->loan = copy;
    lent->leaves = NULL;
    lent->top = loan->task[loan->n - 1];
    lent->ntasks = loan->n;
    lent->nleaves = loan->nleaves;
    lent->rank = h->rank;
    lent->bytes = loan->bytes;
    for (int i = loan->nleaves; i-- > 0; lent->leaves = loan->leaf[i])
        loan->leaf[i]->next = lent->leaves;
    h->loans++;
    h->bytes += lent->bytes;
    part->lending->nlent += lent->nleaves;
    tell(part, loan, lent);
    return BR_OK;
}

static void hand_over(bri_lent *lent, const bri_loan *loan)
{
    bri_part *part = lent->part;
    bri_task *top = loan->task[loan->n - 1];
    int task = 0;
    unsigned input = 0;
    lent->left = noutputs(top) + 1;
    bri_job_owe(part->job, loan->chunks);
    count_loan(part->job, loan);
    for (bri_value *v; (v = bri_loan_input(loan, &task, &input)) != NULL;)
        send_input(part, v, lent->rank);
    for (int i = 0; i < loan->n; i++)
        bri_job_lent(part->job, loan->task[i], loan->task[i] != top);
    for (bri_value *v = top->output, *next; v != NULL; v = next) {
        next = v->next_output;
        bri_values_fetch(part, v, lent->rank, lent);
    }
    bri_pool_notify(part->pool); /* there is memory again */
}

static void has_taken(const bri_lent *lent)
{
    bri_helper_rank *h = find_helper(lent->part, lent->rank);
    if (h != NULL)
        h->pause = 0;
}

/* Nothing of it has been sent before: a helper that is full returns it as it was. */
void bri_lend_on_taken(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)payload;
    bri_lent *lent = tickets.all[packet->number];
    bri_loan *loan = lent->loan;
    lent->loan = NULL;
    has_taken(lent);
    hand_over(lent, loan);
    bri_free(loan);
}

/* Helpers without work for a while, when no more is to come. */
static void free_idle(bri_part *part, double now)
{
    bri_lending *l = part->lending;
    size_t before = l->nhelpers;
    if (!atomic_load_explicit(&part->job->end_seen, memory_order_acquire))
        return;
    for (size_t i = before; i-- > 0;)
        if (l->helpers[i].loans == 0 && now > l->helpers[i].since + l->keep)
            drop_helper(part, i);
    if (l->nhelpers < before)
        l->keep = KEEP_LONGER * l->keep < LONGEST_KEEP ? KEEP_LONGER * l->keep : LONGEST_KEEP;
}

static bool lend_tasks(bri_part *part, double now)
{
    bri_lending *l = part->lending;
    bool lent = false;
    l->now = now;
    if (l->nhelpers == 0 || part->failed || now < l->again || bri_lend_best_helper(l, 0) == NULL ||
        !bri_part_hold(part))
        return false;
    bool any = bri_lend_some(part, &lent);
    if (!any)
        free_idle(part, now);
    if (lent)
        l->keep = KEEP_IDLE;
    else
        l->again = now + LOOK_AGAIN;
    bri_pool_let_go(part->pool, part->job);
    return lent;
}

bool bri_lend_step(bri_part *part)
{
    double now = bri_now();
    bool something = bri_helpers_step(part, now);
    return (part->lending != NULL && lend_tasks(part, now)) || something;
}

/* ---- what comes back ---- */

static void give_ticket_back(bri_lent *lent)
{
    lent->part = NULL;
    lent->next_free = tickets.first_free;
    tickets.first_free = lent->index;
}

/* What was lent before it was known says no more. */
static void has_no_room(const bri_lent *lent, double now)
{
    bri_helper_rank *h = find_helper(lent->part, lent->rank);
    if (h == NULL || now < h->full)
        return;
    h->pause = h->pause == 0 ? FULL_FIRST : h->pause < FULL_MOST ? 2 * h->pause : FULL_MOST;
    h->full = now + h->pause;
}

/* The helper has nothing to do with it any more. */
static void settle(bri_lent *lent)
{
    bri_lending *l = lent->part->lending;
    bri_helper_rank *h = find_helper(lent->part, lent->rank);
    if (h != NULL) {
        h->bytes -= lent->bytes;
        h->loans--;
        h->since = bri_now();
    }
    l->nlent -= lent->nleaves;
    l->again = 0;
    give_ticket_back(lent);
}

/* All of it is back: the tasks are done as if they had run here. */
void bri_lend_output(bri_lent *lent)
{
    if (--lent->left > 0)
        return;
    bri_part *part = lent->part;
    bri_task *leaves = lent->leaves;
    const bri_task *top = lent->top;
    settle(lent);
    bri_pool_push(part->pool, part->job, bri_job_returned(part->job, leaves, top));
    bri_pool_notify(part->pool);
}

/* Its tasks are ready as before. */
static void take_back(bri_lent *lent)
{
    bri_part *part = lent->part;
    bri_task *leaves = lent->leaves;
    bri_free(lent->loan);
    lent->loan = NULL;
    has_no_room(lent, bri_now());
    settle(lent);
    bri_pool_push(part->pool, part->job, leaves);
}

void bri_lend_on_return(int from, const bri_packet *packet, const void *payload)
{
    bri_lent *lent = tickets.all[packet->number];
    if (lent->loan != NULL) {
        take_back(lent);
        return;
    }
    bri_stats_add_guest(lent->part, from, payload);
    bri_lend_output(lent);
}

void bri_lend_print(const bri_part *part, FILE *to)
{
    int n = 0;
    for (size_t i = 0; i < tickets.n; i++) {
        const bri_lent *lent = tickets.all[i];
        char name[384];
        if (lent->part != part || ++n > BRI_INSPECT_LINES)
            continue;
        bri_busy_name(part->job, lent->leaves, name, sizeof name);
        fprintf(to, "  lent to rank %d: %s", lent->rank, name);
        if (lent->ntasks > 1)
            fprintf(to, ", with %d more", lent->ntasks - 1);
        fprintf(to, "\n");
    }
    if (n > BRI_INSPECT_LINES)
        fprintf(to, "  and lent %d more times\n", n - BRI_INSPECT_LINES);
}

void bri_lend_close(void)
{
    for (size_t i = 0; i < tickets.n; i++) {
        bri_free(tickets.all[i]->loan);
        bri_free(tickets.all[i]);
    }
    bri_free(tickets.all);
    memset(&tickets, 0, sizeof tickets);
}
