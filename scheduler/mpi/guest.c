/* SPDX-License-Identifier: BSD-3-Clause
 * guest.c - tasks of other ranks, each loan in a job of its own over this rank's plan of the same
 * run.
 */
#include "scheduler/mpi/guest.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/busy.h"
#include "scheduler/mpi/inspect.h"
#include "scheduler/mpi/stats.h"
#include "scheduler/mpi/thread.h"

struct bri_guest {
    bri_job job; /* first */
    bri_job_ops ops;
    bri_part *part;
    bri_guest *next;
    int lender, ticket;
    int waits; /* values of the lender's that have not come */
    int nwhat, made, emitted;
    struct {
        bri_borrowed what;
        bri_task *task;
    } of[];
};

void bri_guest_waits(bri_job *job, int more)
{
    bri_guest *g = (bri_guest *)job; /* its first member */
    g->waits += more;
}

/* All before any begins, so that what several read cannot go meanwhile. Those that no longer begin
 * after a failure go with the job. */
static br_status make(bri_guest *g)
{
    while (g->made < g->nwhat) {
        int i = g->made;
        BRI_TRY(g->part->job->ops->borrow(&g->job, &g->of[i].what, g->lender, &g->of[i].task));
        g->made++;
    }
    return BR_OK;
}

static br_status guest_next(bri_job *job, bri_task **task)
{
    bri_guest *g = (bri_guest *)job; /* its first member */
    *task = NULL;
    BRI_TRY(make(g));
    if (g->emitted == g->nwhat)
        return BR_OK;
    *task = g->of[g->emitted++].task;
    bri_task_expects(job, *task);
    return BR_OK;
}

static void return_to(int lender, int ticket, const int64_t stats[BRI_PART_STATS])
{
    bri_packet packet = {
        .kind = BRI_PACKET_RETURN, .number = ticket, .bytes = BRI_PART_STATS * sizeof stats[0]};
    bri_link_send(lender, &packet, stats);
}

static void forget_guest(bri_guest *g)
{
    bri_guest **link = &g->part->guests;
    while (*link != g)
        link = &(*link)->next;
    *link = g->next;
    bri_job_fini(&g->job);
    bri_free(g);
}

static void see_off(const bri_request *request)
{
    bri_guest *g = request->data;
    int64_t stats[BRI_PART_STATS];
    /* It may have failed while values were on their way. */
    if (g->waits > 0 || atomic_load_explicit(&g->job.nsends, memory_order_acquire) > 0) {
        bri_thread_must_post(request);
        return;
    }
    bri_stats_read(&g->job, stats);
    if (bri_job_status(&g->job) != BR_OK && !g->part->failed)
        bri_part_fail(g->part, bri_job_status(&g->job), g->job.error_text);
    int lender = g->lender;
    int ticket = g->ticket;
    forget_guest(g);
    return_to(lender, ticket, stats);
}

static bool is_over(bri_job *job)
{
    bri_guest *g = (bri_guest *)job; /* its first member */
    if (!bri_job_done(job))
        return false;
    bri_pool_detach(g->part->pool, job);
    return true;
}

static void landed(bri_job *job)
{
    bri_thread_must_post(&(bri_request){.run = see_off, .data = job});
}

/* The bytes of all its tasks are promised before any is made, of those that helpers.c has offered.
 * Nothing that is kept for this rank's next tasks is given back for them. */
static br_status grant(bri_job *job, size_t bytes)
{
    if (!bri_memory_spare_beyond(job->ctx->memory, bytes))
        return BR_EMEMLIMIT;
    job->granted = bytes;
    return BR_OK;
}

/* BR_EMEMLIMIT: there is no room for it. */
static br_status take_in(bri_part *part, int lender, const bri_packet *packet, const char *what)
{
    int n = (int)(packet->bytes / sizeof(bri_borrowed));
    bri_guest *g = bri_calloc(1, sizeof *g + (size_t)n * sizeof g->of[0]);
    if (g == NULL)
        return BR_ENOMEM;
    const bri_job *host = part->job;
    g->ops = *host->ops;
    g->ops.next = guest_next;
    g->part = part;
    g->lender = lender;
    g->ticket = packet->number;
    g->nwhat = n;
    for (int i = 0; i < n; i++)
        memcpy(&g->of[i].what, what + (size_t)i * sizeof g->of[i].what, sizeof g->of[i].what);
    br_status st = bri_job_init_unwatched(&g->job, host->ctx, &g->ops, host->plan);
    g->job.id = host->id;
    if (st == BR_OK)
        st = grant(&g->job, (size_t)packet->key.index);
    if (st == BR_OK)
        st = bri_pool_launch(part->pool, &g->job, NULL, is_over, landed);
    if (st != BR_OK) {
        bri_job_fini(&g->job);
        bri_free(g);
        return st;
    }
    g->next = part->guests;
    part->guests = g;
    bri_link_send(lender, &(bri_packet){.kind = BRI_PACKET_TAKEN, .number = packet->number}, NULL);
    return BR_OK;
}

void bri_guests_on_lent(int from, const bri_packet *packet, const void *payload)
{
    static const int64_t nothing[BRI_PART_STATS];
    bri_part *part = bri_part_get(packet->job);
    br_status st = BR_OK;
    if (!part->failed && part->job != NULL) {
        st = take_in(part, from, packet, payload);
        if (st == BR_OK)
            return;
        if (st != BR_EMEMLIMIT)
            bri_part_fail(part, st, bri_last_error());
    }
    return_to(from, packet->number, nothing);
}

bool bri_guests_compute(const bri_part *part)
{
    const bri_guest *g = part->guests;
    while (g != NULL && atomic_load_explicit(&g->job.users, memory_order_relaxed) == 0)
        g = g->next;
    return g != NULL;
}

void bri_guests_cancel(bri_part *part)
{
    for (bri_guest *g = part->guests; g != NULL; g = g->next)
        bri_job_fail(&g->job, BR_ECANCELLED, "the run has failed elsewhere");
    if (part->pool != NULL)
        bri_pool_notify(part->pool);
}

/* Of what was lent the first task tells most. */
void bri_guests_print(const bri_part *part, FILE *to)
{
    int n = 0;
    for (const bri_guest *g = part->guests; g != NULL; g = g->next) {
        const bri_borrowed *what = &g->of[0].what;
        bri_task task = {.key = what->key,
                         .kind = what->kind,
                         .argument = {what->argument[0], what->argument[1]}};
        char name[384];
        if (++n > BRI_INSPECT_LINES)
            continue;
        bri_busy_name(part->job, &task, name, sizeof name);
        fprintf(to, "  runs for rank %d: %s", g->lender, name);
        if (g->nwhat > 1)
            fprintf(to, ", with %d more", g->nwhat - 1);
        if (g->waits > 0)
            fprintf(to, ", and waits for %d of its values", g->waits);
        fprintf(to, "\n");
    }
    if (n > BRI_INSPECT_LINES)
        fprintf(to, "  and %d more for others\n", n - BRI_INSPECT_LINES);
}
