/* SPDX-License-Identifier: BSD-3-Clause
 * errands_out.c - rank 0 hands errands out and takes what comes back. All but two functions are the
 * communication thread's.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "scheduler/mpi/crew.h"
#include "scheduler/mpi/errands.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/mail.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/notes.h"
#include "scheduler/mpi/replies.h"
#include "scheduler/mpi/thread.h"

/* How often idle threads are looked for, and how long a rank must have been silent to be asked. */
#define LOOK    2e-3
#define SILENCE 2e-3
enum { MOST_TOGETHER = 512 };

static struct {
    bri_crew *first;
    double looked;
} crews;

/* ---- handing out ---- */

static int take(bri_crew *c, int rank, bri_errand *list[MOST_TOGETHER])
{
    bri_store *store = c->store;
    bri_member *m = &c->member[rank];
    int n = 0;
    size_t bytes = 0;
    bri_errand *e;
    bri_store_lock(store);
    bri_crew_count_waiting(c);
    int share = bri_crew_room(m) > 0 ? bri_crew_share(c, m) : 0;
    bool own = bri_crew_room(m) > 0 && store->pinned[rank].n > 0;
    share = share == 0 && own ? 1 : share;
    while (n < share && n < MOST_TOGETHER && bytes < BRI_ERRANDS_LETTER &&
           (e = bri_store_first(store, rank)) != NULL) {
        bytes += bri_errand_wire_bytes(e);
        if (n > 0 && bytes > BRI_ERRANDS_LETTER)
            break;
        bri_errand_take(e, rank);
        list[n++] = e;
    }
    m->out += n;
    store->moved += n > 0;
    store->hungry = bri_crew_any_room(c);
    bri_store_unlock(store);
    return n;
}

static void returned(bri_crew *c, int rank, int n)
{
    bri_store_lock(c->store);
    c->member[rank].out -= n;
    c->store->moved++;
    bri_store_unlock(c->store);
}

/* Without memory for the letter, or without a name for the function. */
static void fail(bri_crew *c, int rank, bri_errand *e, br_status st)
{
    char text[BRI_ERROR_TEXT];
    snprintf(text, sizeof text, "%s", bri_last_error());
    returned(c, rank, 1);
    atomic_fetch_add_explicit(&e->attempts, 1, memory_order_relaxed);
    if (bri_errand_failed(e, st, text, NULL))
        bri_errand_release(e);
}

static bool give(bri_crew *c, int rank)
{
    bri_errand *list[MOST_TOGETHER];
    bri_draft d = {NULL, 0, 0};
    int n = take(c, rank, list);
    for (int i = 0; i < n; i++) {
        br_status st = bri_errand_write(&d, list[i]);
        if (st != BR_OK)
            fail(c, rank, list[i], st);
    }
    if (d.n > 0)
        bri_mail_send(rank,
                      &(bri_packet){.kind = BRI_PACKET_TASKS, .job = c->context, .bytes = d.n},
                      d.bytes);
    return n > 0;
}

/* Round and round, so that what there is little of goes to all. */
static void feed(bri_crew *c)
{
    bri_store_lock(c->store);
    c->store->offered = false;
    bri_store_unlock(c->store);
    bool some = !bri_thread_stops(); /* nobody reads any more when rank 0 has said EXIT */
    while (some) {
        some = false;
        for (int r = 1; r < c->nranks; r++)
            some |= give(c, r);
    }
}

static bri_crew *crew_of(bri_store *store, unsigned context)
{
    bri_crew *c = store->crew;
    if (c != NULL)
        return c;
    int nranks = store->ctx->nranks;
    c = bri_calloc(1, sizeof *c + (size_t)nranks * sizeof c->member[0]);
    if (c == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    *c = (bri_crew){.next = crews.first, .store = store, .context = context, .nranks = nranks};
    for (int r = 1; r < nranks; r++)
        c->member[r].threads = bri_meet_about(r)->threads;
    crews.first = c;
    store->crew = c;
    return c;
}

static void feed_request(const bri_request *request)
{
    feed(crew_of(request->data, (unsigned)request->number));
}

void bri_errands_offer(bri_store *store, unsigned context)
{
    bri_thread_must_post(&(bri_request){.run = feed_request, .data = store, .number = context});
}

/* ---- what comes back ---- */

static br_status take_result(bri_errand *e, const void *data, size_t bytes)
{
    bri_memory *memory = e->store->ctx->memory;
    e->result_bytes = 0;
    e->result = e->small_result;
    if (bytes > BRI_SMALL_RESULT) {
        void *block = bri_memory_get(memory, bytes);
        if (block == NULL)
            return BR_ENOMEM;
        bri_memory_force(memory, bytes);
        e->result = block;
    }
    if (bytes > 0)
        memcpy(e->result, data, bytes);
    e->result_bytes = bytes;
    return BR_OK;
}

static void not_begun(bri_errand *e)
{
    bri_store_lock(e->store);
    bri_errand_put_back(e);
    bri_store_unlock(e->store);
}

/* Returns whether it is over. */
static bool finish(bri_errand *e, int from, const bri_wire_result *head, const void *bytes)
{
    char name[96];
    br_status st = (br_status)head->status;
    const char *text = bytes;
    atomic_fetch_add_explicit(&e->attempts, 1, memory_order_relaxed);
    if (st == BR_OK && atomic_load_explicit(&e->future.cancelled, memory_order_relaxed)) {
        st = BR_ECANCELLED;
        text = "was cancelled";
    }
    if (st == BR_OK) {
        st = take_result(e, bytes, head->bytes);
        text = bri_last_error();
    }
    if (st != BR_OK)
        return bri_errand_failed(e, st, text, bri_meet_name(from, name));
    bri_errand_end(e, BR_OK, NULL);
    return true;
}

static bri_crew *find_crew(unsigned context)
{
    bri_crew *c = crews.first;
    while (c != NULL && c->context != context)
        c = c->next;
    return c;
}

bri_store *bri_errands_hear(unsigned context)
{
    const bri_crew *c = find_crew(context);
    return c != NULL ? c->store : bri_errands_hear_in(context);
}

void bri_errands_feed(unsigned context)
{
    bri_crew *c = find_crew(context);
    if (c != NULL)
        feed(c);
}

int bri_errands_elsewhere(const bri_store *store, int rank)
{
    const bri_crew *c = store->crew;
    int n = 0;
    for (int r = 1; c != NULL && r < c->nranks; r++)
        n += rank < 0 || rank == r ? c->member[r].out : 0;
    return n;
}

static void take_results(int from, const bri_packet *packet, void *bytes)
{
    bri_crew *c = find_crew((unsigned)packet->job);
    if (c == NULL) { /* the answer to a recall, when all was over before it came */
        bri_free(bytes);
        return;
    }
    bri_member *m = &c->member[from];
    int64_t ns = 0;
    int nrun = 0, n = 0;
    bri_wire_result head;
    for (size_t at = 0; at < packet->bytes; at += sizeof head + bri_padded(head.bytes), n++)
        memcpy(&head, (char *)bytes + at, sizeof head);
    returned(c, from, n);
    for (size_t at = 0; at < packet->bytes; at += sizeof head + bri_padded(head.bytes)) {
        memcpy(&head, (char *)bytes + at, sizeof head);
        bri_errand *e = (bri_errand *)(uintptr_t)head.ticket;
        if (head.status == BRI_NOT_BEGUN) {
            not_begun(e);
            continue;
        }
        ns += head.ns;
        nrun++;
        if (finish(e, from, &head, (char *)bytes + at + sizeof head))
            bri_errand_release(e);
    }
    bri_crew_learn(m, ns, nrun);
    atomic_fetch_add_explicit(&c->store->nrun, nrun, memory_order_relaxed);
    m->heard = bri_now();
    m->recalled &= packet->number == 0;
    bri_free(bytes);
    feed(c);
}

void bri_errands_on_results(int from, const bri_packet *packet, const void *payload)
{
    bri_mail_receive(from, packet, payload, take_results);
}

/* ---- idle threads ---- */

bool bri_errands_out(void)
{
    for (const bri_crew *c = crews.first; c != NULL; c = c->next)
        for (int r = 1; r < c->nranks; r++)
            if (c->member[r].out > 0)
                return true;
    return false;
}

static void look(bri_crew *c, double now)
{
    bri_store_lock(c->store);
    bool wanted = c->store->anywhere.n == 0 && bri_crew_some_idle(c);
    bri_store_unlock(c->store);
    for (int r = 1; wanted && r < c->nranks; r++) {
        bri_member *m = &c->member[r];
        if (m->recalled || m->out <= m->threads || now - m->heard < SILENCE)
            continue;
        m->recalled = true;
        bri_link_send(r, &(bri_packet){.kind = BRI_PACKET_RECALL, .job = c->context}, NULL);
    }
}

void bri_errands_step(double now)
{
    if (crews.first == NULL || now - crews.looked < LOOK)
        return;
    crews.looked = now;
    for (bri_crew *c = crews.first; c != NULL; c = c->next) {
        look(c, now);
        bri_notes_look(c->store, c->context, now);
    }
}

/* ---- the end ---- */

typedef struct farewell {
    bri_store *store;
    bri_replies said;
} farewell;

static void forget_request(const bri_request *request)
{
    farewell *f = request->data;
    bri_crew **link = &crews.first;
    while (*link != NULL && (*link)->store != f->store)
        link = &(*link)->next;
    bri_crew *c = *link;
    if (c != NULL)
        *link = c->next;
    bri_free(c);
    bri_replies_take(&f->said, BR_OK, NULL, NULL);
}

/* Requests run in their order, so afterwards none that came before is left. */
void bri_errands_forget(bri_store *store)
{
    farewell f = {.store = store, .said = BRI_REPLIES_INIT};
    if (store == NULL)
        return;
    bri_replies_expect(&f.said, 1);
    bri_thread_must_post(&(bri_request){.run = forget_request, .data = &f});
    bri_replies_wait(&f.said);
}
