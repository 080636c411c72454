/* SPDX-License-Identifier: BSD-3-Clause
 * notes.c - messages between tasks, over ranks.
 *
 * Nobody will send what tasks wait for when nothing goes on anywhere and nothing is on its way.
 * Rank 0 looks whether that is so here; then it asks all others. A rank is quiet when all its tasks
 * wait, and what it has (errands, receives, messages sent) is what rank 0 knows of it: so nothing
 * is on its way between the two. Between others only messages travel that rank 0 has assigned, and
 * whose receives it has forgotten. When all have said so, and nothing has come to rank 0's notice
 * meanwhile, nothing can happen any more.
 */
#include "scheduler/mpi/notes.h"

#include "runtime/alloc.h"
#include "scheduler/mpi/errands.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/mail.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/workers/exchange.h"

/* Seconds between two questions. */
#define AGAIN 20e-3

static bri_packet head_of(unsigned context, size_t bytes)
{
    return (bri_packet){.kind = BRI_PACKET_NOTE, .job = context, .bytes = bytes};
}

br_status bri_notes_post(unsigned context, int to, void *note, size_t bytes)
{
    bri_packet head = head_of(context, bytes);
    return bri_mail_post(to, &head, note);
}

static void send(unsigned context, int to, const bri_note *note)
{
    bri_packet head = head_of(context, sizeof *note);
    bri_link_send(to, &head, note);
}

/* ---- rank 0 asks ---- */

/* With the lock. */
static bool wants_to_know(const bri_store *store, double now)
{
    const bri_exchange *x = store->exchange;
    return x != NULL && x->receives.n > 0 && x->nunanswered == 0 && now - x->probed >= AGAIN &&
           bri_store_main_waits(store) &&
           bri_store_is_quiet(store, bri_errands_elsewhere(store, -1));
}

void bri_notes_look(bri_store *store, unsigned context, double now)
{
    bri_note note = {.kind = BRI_NOTE_PROBE};
    int nranks = store->ctx->nranks;
    bri_store_lock(store);
    bool asks = wants_to_know(store, now);
    if (asks) {
        bri_exchange *x = store->exchange;
        x->probed = now;
        x->probe_moved = store->moved;
        x->nunanswered = nranks - 1;
        x->all_quiet = true;
        note.probe = ++x->probe;
    }
    bri_store_unlock(store);
    for (int r = 1; asks && r < nranks; r++)
        send(context, r, &note);
}

/* With the lock. */
static bool is_known(const bri_store *store, int from, const bri_note *note)
{
    const bri_exchange *x = store->exchange;
    return note->quiet && (int)note->nforeign == bri_errands_elsewhere(store, from) &&
           note->nblocked == x->nreceives[from] && note->nsent == x->nreceived[from];
}

static void take_answer(bri_store *store, int from, const bri_note *note)
{
    bri_store_lock(store);
    bri_exchange *x = store->exchange;
    x->all_quiet = x->all_quiet && is_known(store, from, note);
    x->nunanswered--;
    if (x->nunanswered == 0 && x->all_quiet && store->moved == x->probe_moved &&
        bri_store_main_waits(store) && bri_store_is_quiet(store, bri_errands_elsewhere(store, -1)))
        bri_exchange_give_up(x);
    bri_store_unlock(store);
}

/* ---- others answer ---- */

static void answer(bri_store *store, unsigned context, const bri_note *probe)
{
    bri_note note = {.kind = BRI_NOTE_QUIET, .probe = probe->probe};
    bri_store_lock(store);
    const bri_exchange *x = store->exchange;
    note.quiet = bri_store_is_quiet(store, 0) && bri_errands_all_sent(store);
    note.nforeign = store->nforeign;
    note.nblocked = x != NULL ? x->nblocked : 0;
    note.nsent = x != NULL ? x->nsent : 0;
    bri_store_unlock(store);
    send(context, 0, &note);
}

/* ---- all ---- */

static br_status hear(bri_store *store, int from, unsigned context, const bri_note *note)
{
    if (note->kind == BRI_NOTE_PROBE)
        answer(store, context, note);
    else if (note->kind == BRI_NOTE_QUIET)
        take_answer(store, from, note);
    else
        return bri_exchange_on_note(store, from, note, note + 1);
    return BR_OK;
}

/* Whose context has closed wants no more messages. */
static void take_note(int from, const bri_packet *packet, void *bytes)
{
    const bri_note *note = bytes;
    unsigned context = (unsigned)packet->job;
    bri_store *store = bri_errands_hear(context);
    br_status st = store != NULL ? hear(store, from, context, note) : BR_OK;
    if (st != BR_OK)
        bri_leave_abort(1, "%s", bri_last_error());
    if (store != NULL && note->kind == BRI_NOTE_WANTED)
        bri_errands_feed(context);
    bri_errands_heard();
    bri_free(bytes);
}

void bri_notes_on_note(int from, const bri_packet *packet, const void *payload)
{
    bri_mail_receive(from, packet, payload, take_note);
}
