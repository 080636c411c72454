/* SPDX-License-Identifier: BSD-3-Clause
 * guest.c - tasks of other ranks, each in a job of its own over this rank's plan of the same run.
 */
#include "scheduler/mpi/guest.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/thread.h"

struct bri_guest {
    bri_job job; /* first */
    bri_job_ops ops;
    bri_part *part;
    bri_guest *next;
    bri_borrowed what;
    int lender, ticket;
    int waits; /* values of the lender's that have not come */
    bool emitted;
};

void bri_guest_waits(bri_job *job, int more)
{
    bri_guest *g = (bri_guest *)job; /* its first member */
    g->waits += more;
}

static br_status guest_next(bri_job *job, bri_task **task)
{
    bri_guest *g = (bri_guest *)job; /* its first member */
    *task = NULL;
    if (g->emitted)
        return BR_OK;
    g->emitted = true;
    return g->part->job->ops->borrow(job, &g->what, g->lender, task);
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
    bri_part_read_stats(&g->job, stats);
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

static br_status take_in(bri_part *part, int lender, const bri_packet *packet,
                         const bri_lent_task *what)
{
    bri_guest *g = bri_calloc(1, sizeof *g);
    if (g == NULL)
        return BR_ENOMEM;
    const bri_job *host = part->job;
    g->ops = *host->ops;
    g->ops.next = guest_next;
    g->part = part;
    g->lender = lender;
    g->ticket = packet->number;
    g->what = (bri_borrowed){packet->key, what->kind, {what->argument[0], what->argument[1]}};
    br_status st = bri_job_init_unwatched(&g->job, host->ctx, &g->ops, host->plan);
    g->job.id = host->id;
    if (st == BR_OK)
        st = bri_pool_launch(part->pool, &g->job, NULL, is_over, landed);
    if (st != BR_OK) {
        bri_job_fini(&g->job);
        bri_free(g);
        return st;
    }
    g->next = part->guests;
    part->guests = g;
    return BR_OK;
}

void bri_guests_on_lent(int from, const bri_packet *packet, const void *payload)
{
    static const int64_t nothing[BRI_PART_STATS];
    bri_part *part = bri_part_get(packet->job);
    bri_lent_task what;
    memcpy(&what, payload, sizeof what);
    br_status st = BR_OK;
    if (!part->failed && part->job != NULL) {
        st = take_in(part, from, packet, &what);
        if (st == BR_OK)
            return;
        bri_part_fail(part, st, bri_last_error());
    }
    return_to(from, packet->number, nothing);
}

void bri_guests_cancel(bri_part *part)
{
    for (bri_guest *g = part->guests; g != NULL; g = g->next)
        bri_job_fail(&g->job, BR_ECANCELLED, "the run has failed elsewhere");
    if (part->pool != NULL)
        bri_pool_notify(part->pool);
}
