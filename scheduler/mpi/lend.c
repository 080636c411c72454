/* SPDX-License-Identifier: BSD-3-Clause
 * lend.c - who helps whom, and lent tasks on their way; guest.c runs them.
 */
#include "scheduler/mpi/lend.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/mpi/values.h"

/* Short runs are over before anybody is idle; who has nothing to lend keeps one so long;
 * and looks for tasks so often. Seconds. */
#define IDLE_AFTER 1e-3
#define KEEP_IDLE  5e-3
#define LOOK_AGAIN 300e-6
/* A task is lent when it takes longer than that, or nobody knows yet. Nanoseconds; per byte of its
 * result at 125 MB/s. */
enum { WORTH_NS = 100000, WORTH_NS_PER_BYTE = 8, SHORT_NS = 50000 };
enum { TAKEN_AT_A_TIME = 8 };

/* ---- who helps whom ---- */

/* A rank without work, at rank 0. */
typedef struct idle_rank {
    bool idle, helps;
    int threads;
    size_t bytes;
    int last; /* whom it helped last */
} idle_rank;

/* One that helps this rank. */
typedef struct helper {
    int rank, threads;
    size_t room, bytes; /* it may hold for this rank, and holds */
    int tasks;
    double since; /* it has had nothing to do since then; while tasks is 0 */
} helper;

struct bri_lent {
    bri_part *part;
    bri_task *task;
    int rank; /* the helper */
    size_t bytes;
    int left; /* outputs that have not come, and the RETURN */
    int index, next_free;
};

/* Of a part. */
struct bri_lending {
    idle_rank *rank; /* rank 0; NULL elsewhere */
    helper *helpers;
    size_t nhelpers, room;
    int nlent;
    double again; /* when to look for tasks */
};

/* Tickets of what is lent; pointers, since they are known by address. */
static struct {
    bri_lent **all;
    size_t n, room;
    int first_free; /* an index, or n */
} tickets;

static bri_lending *lending_of(bri_part *part)
{
    if (part->lending == NULL)
        part->lending = bri_calloc(1, sizeof *part->lending);
    if (part->lending == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    return part->lending;
}

void bri_lend_free(bri_part *part)
{
    bri_lending *l = part->lending;
    if (l == NULL)
        return;
    BRI_ASSERT(l->nlent == 0);
    bri_free(l->rank);
    bri_free(l->helpers);
    bri_free(l);
    part->lending = NULL;
}

/* ---- rank 0 gives helpers out ---- */

static bool wants_balance(bri_part *part)
{
    return bri_meet_nranks() > 1 && part->job != NULL && !part->failed && part->status == BR_OK &&
           strcmp(part->job->ctx->config.balance, "auto") == 0;
}

static void note_idle(bri_part *part, int rank, int threads, size_t bytes)
{
    bri_lending *l = lending_of(part);
    if (l->rank == NULL)
        l->rank = bri_calloc((size_t)bri_meet_nranks(), sizeof *l->rank);
    if (l->rank == NULL)
        return; /* then nobody helps */
    l->rank[rank] = (idle_rank){.idle = true, .threads = threads, .bytes = bytes, .last = rank};
}

static void add_helper(bri_part *part, const bri_packet *packet);

/* This packet, and FREE, may come after the job's end. */
void bri_lend_on_idle(int from, const bri_packet *packet, const void *payload)
{
    (void)payload;
    bri_part *part = bri_part_find(packet->job);
    if (part != NULL)
        note_idle(part, from, packet->number, (size_t)packet->key.index);
}

/* Half of what is left is for guests. */
static size_t spare_bytes(bri_memory *memory)
{
    bri_memory_stats about;
    bri_memory_about(memory, &about);
    return about.limit > about.promised ? (about.limit - about.promised) / 2 : 0;
}

static void say_idle(bri_part *part)
{
    const br_context *ctx = part->job->ctx;
    size_t bytes = spare_bytes(ctx->memory);
    part->idle = true;
    if (bri_meet_rank() == 0) {
        note_idle(part, 0, ctx->nthreads, bytes);
        return;
    }
    bri_packet packet = {.kind = BRI_PACKET_IDLE, .number = ctx->nthreads, .job = part->id};
    packet.key.index = (int64_t)bytes;
    bri_link_send(0, &packet, NULL);
}

/* All its tasks have run but those that wait for others' values. */
static bool has_no_work(const bri_job *job)
{
    return atomic_load_explicit(&job->end_seen, memory_order_acquire) &&
           atomic_load_explicit(&job->counts, memory_order_acquire) < BRI_ONE_READY;
}

static bool look_whether_idle(bri_part *part, double now)
{
    if (!wants_balance(part) || !has_no_work(part->job)) {
        part->quiet = 0;
        return false;
    }
    if (part->quiet == 0)
        part->quiet = now;
    if (now < part->quiet + IDLE_AFTER)
        return false;
    say_idle(part);
    return true;
}

/* The next rank after `last` that is not idle; -1 when all are. */
static int next_busy(const bri_lending *l, int last)
{
    int n = bri_meet_nranks();
    for (int i = 1; i <= n; i++)
        if (!l->rank[(last + i) % n].idle)
            return (last + i) % n;
    return -1;
}

static void give_helper(bri_part *part, int rank, int to)
{
    idle_rank *idle = &part->lending->rank[rank];
    bri_packet packet = {.kind = BRI_PACKET_HELPER, .number = rank, .job = part->id};
    packet.key.level = (uint32_t)idle->threads;
    packet.key.index = (int64_t)idle->bytes;
    idle->helps = true;
    idle->last = to;
    if (to == 0)
        add_helper(part, &packet);
    else
        bri_link_send(to, &packet, NULL);
}

/* Each to another busy rank. */
static bool give_helpers(bri_part *part)
{
    bri_lending *l = part->lending;
    bool given = false;
    if (l->rank == NULL || !wants_balance(part))
        return false;
    int last = bri_meet_rank();
    for (int r = 0; r < bri_meet_nranks(); r++) {
        if (!l->rank[r].idle || l->rank[r].helps)
            continue;
        int to = next_busy(l, l->rank[r].last != r ? l->rank[r].last : last);
        if (to < 0)
            return given;
        give_helper(part, r, to);
        last = to;
        given = true;
    }
    return given;
}

static void take_back(bri_part *part, int rank)
{
    bri_lending *l = part->lending;
    if (l != NULL && l->rank != NULL)
        l->rank[rank].helps = false;
}

void bri_lend_on_free(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)payload;
    bri_part *part = bri_part_find(packet->job);
    if (part != NULL)
        take_back(part, packet->number);
}

/* ---- the lender ---- */

static void free_helper(bri_part *part, int rank)
{
    bri_packet packet = {.kind = BRI_PACKET_FREE, .number = rank, .job = part->id};
    if (bri_meet_rank() == 0)
        take_back(part, rank);
    else
        bri_link_send(0, &packet, NULL);
}

static void add_helper(bri_part *part, const bri_packet *packet)
{
    bri_lending *l = lending_of(part);
    if (part->failed || part->reported ||
        bri_grow(&l->helpers, &l->room, l->nhelpers, sizeof *l->helpers) != BR_OK) {
        free_helper(part, packet->number);
        return;
    }
    l->helpers[l->nhelpers++] = (helper){.rank = packet->number,
                                         .threads = (int)packet->key.level,
                                         .room = (size_t)packet->key.index,
                                         .since = bri_thread_now()};
}

void bri_lend_on_helper(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)payload;
    add_helper(bri_part_get(packet->job), packet);
}

static void drop_helper(bri_part *part, size_t i)
{
    bri_lending *l = part->lending;
    free_helper(part, l->helpers[i].rank);
    l->helpers[i] = l->helpers[--l->nhelpers];
}

void bri_lend_over(bri_part *part)
{
    while (part->lending != NULL && part->lending->nhelpers > 0)
        drop_helper(part, 0);
}

static helper *find_helper(const bri_part *part, int rank)
{
    const bri_lending *l = part->lending;
    for (size_t i = 0; i < l->nhelpers; i++)
        if (l->helpers[i].rank == rank)
            return &l->helpers[i];
    return NULL;
}

/* While its threads work, the next one is on its way. */
static bool has_room(const helper *h, size_t bytes)
{
    return h->tasks <= h->threads && h->bytes + bytes <= h->room;
}

/* The helper with the least to do. */
static helper *best_helper(const bri_lending *l, size_t bytes)
{
    helper *best = NULL;
    for (size_t i = 0; i < l->nhelpers; i++) {
        helper *h = &l->helpers[i];
        if (has_room(h, bytes) &&
            (best == NULL || (int64_t)h->tasks * best->threads < (int64_t)best->tasks * h->threads))
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

/* Bytes that travel for it. */
static size_t moving_bytes(const bri_task *t)
{
    size_t bytes = 0;
    for (const bri_value *v = t->output; v != NULL; v = v->next_output)
        bytes += v->bytes;
    for (unsigned i = 0; i < t->ninputs; i++)
        bytes += t->inputs[i].value->bytes;
    return bytes;
}

/* What it takes on a helper. */
static size_t bytes_of(const bri_task *t)
{
    return t->scratch + moving_bytes(t);
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

static bool seen_before(const bri_task *t, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (t->inputs[k].value == t->inputs[i].value)
            return true;
    return false;
}

/* The task counts as running from now on. */
static br_status lend(bri_part *part, bri_task *t, helper *h)
{
    bri_lent *lent;
    BRI_TRY(new_ticket(&lent));
    lent->part = part;
    lent->task = t;
    lent->rank = h->rank;
    lent->bytes = bytes_of(t);
    lent->left = noutputs(t) + 1;
    h->tasks++;
    h->bytes += lent->bytes;
    part->lending->nlent++;
    atomic_fetch_add_explicit(&part->job->stats.lent, 1, memory_order_relaxed);
    bri_lent_task what = {{t->argument[0], t->argument[1]}, t->kind, 0};
    bri_packet packet = {.kind = BRI_PACKET_LENT,
                         .number = lent->index,
                         .job = part->id,
                         .bytes = sizeof what,
                         .key = t->key};
    bri_link_send(h->rank, &packet, &what);
    for (unsigned i = 0; i < t->ninputs; i++)
        if (!seen_before(t, i))
            send_input(part, t->inputs[i].value, h->rank);
    for (bri_value *v = t->output, *next; v != NULL; v = next) {
        next = v->next_output;
        bri_values_fetch(part, v, h->rank, lent);
    }
    return BR_OK;
}

/* Lending pays, or running it here takes less than lending. */
typedef enum verdict { LEND, KEEP, RUN } verdict;

static verdict judge(bri_job *job, const bri_task *t)
{
    int64_t ns;
    if (job->ops->lendable == NULL || !job->ops->lendable(job, t, &ns))
        return KEEP;
    if (ns == 0 || (double)ns > WORTH_NS + WORTH_NS_PER_BYTE * (double)moving_bytes(t))
        return LEND;
    return ns < SHORT_NS ? RUN : KEEP;
}

static bool is_worth(const bri_task *t, const void *job)
{
    return judge((bri_job *)(uintptr_t)job, t) == LEND;
}

/* This rank's own threads have enough to do. */
static bool has_too_many(const bri_part *part)
{
    long long ready =
        atomic_load_explicit(&part->job->counts, memory_order_relaxed) / BRI_ONE_READY;
    return ready - part->lending->nlent > part->job->ctx->nthreads;
}

static bool lend_if(bri_part *part, bri_task *t)
{
    helper *h = best_helper(part->lending, bytes_of(t));
    return h != NULL && lend(part, t, h) == BR_OK;
}

/* Tasks that the pool's threads had not begun. What is short runs at once, on this thread: long
 * tasks may wait for it, and the threads are at work on others. */
static bool deal_with(bri_part *part, bri_task *list)
{
    bri_job *job = part->job;
    bool lent = false;
    for (bri_task *next; list != NULL; list = next) {
        next = list->next;
        list->next = NULL;
        verdict v = has_too_many(part) ? judge(job, list) : KEEP;
        if (v == LEND && lend_if(part, list))
            lent = true;
        else
            bri_pool_push(part->pool, job, v == RUN ? bri_job_exec(job, list) : list);
    }
    return lent;
}

/* False when there are no tasks to take. */
static bool lend_some(bri_part *part, bool *lent)
{
    bool any = false;
    for (int i = 0; i < TAKEN_AT_A_TIME && best_helper(part->lending, 0) != NULL; i++) {
        bri_task *list = bri_pool_take(part->pool, part->job, is_worth, part->job);
        if (list == NULL)
            break;
        any = true;
        *lent |= deal_with(part, list);
    }
    return any;
}

/* Helpers without work for a while, when no more is to come. */
static void free_idle(bri_part *part, double now)
{
    bri_lending *l = part->lending;
    if (!atomic_load_explicit(&part->job->end_seen, memory_order_acquire))
        return;
    for (size_t i = l->nhelpers; i-- > 0;)
        if (l->helpers[i].tasks == 0 && now > l->helpers[i].since + KEEP_IDLE)
            drop_helper(part, i);
}

static bool lend_tasks(bri_part *part, double now)
{
    bri_lending *l = part->lending;
    bool lent = false;
    if (l->nhelpers == 0 || part->failed || now < l->again || best_helper(l, 0) == NULL ||
        !bri_part_hold(part))
        return false;
    bool any = lend_some(part, &lent);
    if (!any)
        free_idle(part, now);
    if (!lent)
        l->again = now + LOOK_AGAIN;
    bri_pool_let_go(part->pool, part->job);
    return lent;
}

bool bri_lend_step(bri_part *part)
{
    double now = bri_thread_now();
    bool something = !part->idle && look_whether_idle(part, now);
    if (part->lending == NULL)
        return something;
    if (bri_meet_rank() == 0)
        something |= give_helpers(part);
    return lend_tasks(part, now) || something;
}

/* ---- what comes back ---- */

static void give_ticket_back(bri_lent *lent)
{
    lent->next_free = tickets.first_free;
    tickets.first_free = lent->index;
}

/* All of it is back: the task is done as if it had run here. */
void bri_lend_output(bri_lent *lent)
{
    if (--lent->left > 0)
        return;
    bri_part *part = lent->part;
    helper *h = find_helper(part, lent->rank);
    if (h != NULL) {
        h->bytes -= lent->bytes;
        h->tasks--;
        h->since = bri_thread_now();
    }
    part->lending->nlent--;
    part->lending->again = 0;
    bri_task *task = lent->task;
    give_ticket_back(lent);
    bri_pool_push(part->pool, part->job, bri_job_returned(part->job, task));
    bri_pool_notify(part->pool);
}

void bri_lend_on_return(int from, const bri_packet *packet, const void *payload)
{
    (void)from;
    bri_lent *lent = tickets.all[packet->number];
    bri_part_add_stats(lent->part, payload);
    bri_lend_output(lent);
}

void bri_lend_close(void)
{
    for (size_t i = 0; i < tickets.n; i++)
        bri_free(tickets.all[i]);
    bri_free(tickets.all);
    memset(&tickets, 0, sizeof tickets);
}
