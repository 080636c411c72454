/* SPDX-License-Identifier: BSD-3-Clause
 * errands_in.c - ranks above 0 take rank 0's errands, and bring back what came out.
 *
 * Threads that finish an errand put it into an outbox; the communication thread sends all that is
 * in there together, so short ones travel in batches without anybody waiting for a batch to be
 * full.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/errands.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/mail.h"
#include "scheduler/mpi/thread.h"

enum { FUNCTIONS = 16 };

/* A context that is served here. */
typedef struct served {
    struct served *next;
    unsigned context;
    br_context *ctx;
    bri_errand *first, *last; /* the outbox (lock) */
    bool posted;              /* the communication thread will look at it (lock) */
} served;

/* `lock` guards the list, the outboxes, and whom a note is for at the moment. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t heard;
    served *first;
    const served *hears;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .heard = PTHREAD_COND_INITIALIZER};

static served *find_locked(unsigned context)
{
    served *s = all.first;
    while (s != NULL && s->context != context)
        s = s->next;
    return s;
}

static served *find(unsigned context)
{
    pthread_mutex_lock(&all.lock);
    served *s = find_locked(context);
    pthread_mutex_unlock(&all.lock);
    return s;
}

bool bri_errands_all_sent(const bri_store *store)
{
    const served *s = store->crew;
    pthread_mutex_lock(&all.lock);
    bool sent = s == NULL || s->first == NULL;
    pthread_mutex_unlock(&all.lock);
    return sent;
}

/* ---- the outbox ---- */

static br_status write_result(bri_draft *d, const bri_errand *e, int status)
{
    bool good = status == BR_OK;
    const char *text = e->future.text != NULL ? e->future.text : "";
    bri_wire_result head = {.ticket = e->ticket, .status = status, .ns = e->ns};
    head.bytes = good ? e->result_bytes : status == BRI_NOT_BEGUN ? 0 : strlen(text) + 1;
    char *at = bri_draft_add(d, sizeof head + bri_padded(head.bytes));
    if (at == NULL)
        return BR_ENOMEM;
    memcpy(at, &head, sizeof head);
    if (head.bytes > 0)
        memcpy(at + sizeof head, good ? e->result : text, head.bytes);
    return BR_OK;
}

static void send(const served *s, bri_draft *d, int recalled)
{
    bri_packet head = {
        .kind = BRI_PACKET_RESULTS, .number = recalled, .job = s->context, .bytes = d->n};
    bri_mail_send(0, &head, d->bytes);
    *d = (bri_draft){NULL, 0, 0};
}

static void write_or_abort(bri_draft *d, const bri_errand *e, int status)
{
    if (write_result(d, e, status) != BR_OK)
        bri_leave_abort(1, "%s", bri_last_error());
}

/* A long result goes alone: it may be moved into place then, and short ones do not wait for it. */
static void flush(const bri_request *request)
{
    served *s = request->data;
    bri_draft d = {NULL, 0, 0};
    pthread_mutex_lock(&all.lock);
    bri_errand *e = s->first;
    s->first = s->last = NULL;
    s->posted = false;
    pthread_mutex_unlock(&all.lock);
    for (bri_errand *next; e != NULL; e = next) {
        next = e->next;
        if (d.n > 0 && d.n + e->result_bytes > BRI_ERRANDS_LETTER)
            send(s, &d, 0);
        write_or_abort(&d, e, (int)e->future.status);
        e->store->nforeign--;
        bri_errand_release(e);
    }
    if (d.n > 0)
        send(s, &d, 0);
}

static void deliver(bri_store *store, bri_errand *e, br_status status, const char *text)
{
    served *s = store->crew;
    bri_errand_hold(e);
    e->future.status = status;
    e->future.text = status != BR_OK ? bri_strdup(text) : NULL;
    e->next = NULL;
    pthread_mutex_lock(&all.lock);
    if (s->last != NULL)
        s->last->next = e;
    else
        s->first = e;
    s->last = e;
    bool post = !s->posted;
    s->posted = true;
    pthread_mutex_unlock(&all.lock);
    if (post)
        bri_thread_must_post(&(bri_request){.run = flush, .data = s});
}

/* ---- the inbox ---- */

static br_status resolve(const bri_function_id *id, br_submit_function **fn)
{
    static struct {
        bri_function_id id;
        br_submit_function *fn;
    } known[FUNCTIONS];
    static int next;
    for (int i = 0; i < FUNCTIONS; i++)
        if (known[i].fn != NULL && memcmp(&known[i].id, id, sizeof *id) == 0) {
            *fn = known[i].fn;
            return BR_OK;
        }
    bri_function f;
    BRI_TRY(bri_function_resolve(id, &f));
    *fn = (br_submit_function *)f;
    known[next].id = *id;
    known[next].fn = *fn;
    next = (next + 1) % FUNCTIONS;
    return BR_OK;
}

/* Where the next errand begins. */
static const char *read_errand(bri_errand *e, const bri_wire_errand *head, const char *at)
{
    const uint64_t *sizes = (const uint64_t *)(const void *)at;
    e->ticket = head->ticket;
    e->priority = head->priority;
    e->pinned = head->pinned;
    e->on = e->pinned ? -1 : e->on; /* recalls look at those for this rank only */
    atomic_store(&e->attempts, head->attempts);
    at += bri_padded(head->ninputs * sizeof *sizes);
    e->args = at;
    e->bytes = head->bytes;
    at += bri_padded(head->bytes);
    for (size_t i = 0; i < head->ninputs; i++) {
        e->inputs[i] = (bri_input){at, sizes[i]};
        at += bri_padded(sizes[i]);
    }
    if (head->file != 0 && e->fn != NULL)
        e->at = (br_place){(const char *)(intptr_t)((intptr_t)e->fn + head->file), head->line};
    if (head->name_bytes > 0)
        e->name = bri_strdup(at); /* without memory for it, it has the function's */
    return at + bri_padded(head->name_bytes);
}

static bri_store *store_of(served *s)
{
    bri_store *store = bri_store_of(s->ctx);
    if (store == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    if (store->crew != s) { /* once: threads that run its errands read both */
        store->crew = s;
        store->deliver = deliver;
    }
    return store;
}

bri_store *bri_errands_hear_in(unsigned context)
{
    pthread_mutex_lock(&all.lock);
    served *s = find_locked(context);
    all.hears = s;
    pthread_mutex_unlock(&all.lock);
    return s != NULL ? store_of(s) : NULL;
}

void bri_errands_heard(void)
{
    pthread_mutex_lock(&all.lock);
    all.hears = NULL;
    pthread_cond_broadcast(&all.heard);
    pthread_mutex_unlock(&all.lock);
}

static bri_parcel *new_parcel(void *bytes)
{
    bri_parcel *parcel = bri_malloc(sizeof *parcel);
    if (parcel == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    atomic_init(&parcel->references, 1);
    parcel->bytes = bytes;
    return parcel;
}

static void promise(bri_errand *e, const char *begin, const char *end)
{
    e->promised = (size_t)(end - begin) + sizeof *e;
    bri_memory_force(e->store->ctx->memory, e->promised);
}

static void take_tasks(int from, const bri_packet *packet, void *bytes)
{
    (void)from;
    served *s = find((unsigned)packet->job);
    BRI_ASSERT(s != NULL);
    bri_store *store = store_of(s);
    bri_parcel *parcel = new_parcel(bytes);
    const char *at = bytes;
    bri_errand *first = NULL, **last = &first;
    while (at < (const char *)bytes + packet->bytes) {
        bri_wire_errand head;
        br_submit_function *fn = NULL;
        const char *begin = at;
        memcpy(&head, at, sizeof head);
        br_status st = resolve(&head.fn, &fn);
        bri_errand *e = bri_errand_foreign(store, fn, parcel, head.ninputs);
        if (e == NULL)
            bri_leave_abort(1, "%s", bri_last_error());
        at = read_errand(e, &head, at + sizeof head);
        store->nforeign++;
        promise(e, begin, at);
        if (st != BR_OK) {
            deliver(store, e, st, bri_last_error());
            bri_errand_release(e);
            continue;
        }
        *last = e;
        last = &e->next_in_walk;
    }
    bri_parcel_release(parcel);
    bri_store_lock(store);
    for (bri_errand *e = first, *next; e != NULL; e = next) {
        next = e->next_in_walk;
        bri_errand_make_ready(e);
    }
    bri_store_unlock(store);
}

void bri_errands_on_tasks(int from, const bri_packet *packet, const void *payload)
{
    bri_mail_receive(from, packet, payload, take_tasks);
}

/* ---- what has not begun ---- */

/* With the lock. One in the queue, or one that stands behind another in a thread's hands. */
static bri_errand *take_back(bri_store *store)
{
    int rank = store->ctx->rank;
    bri_errand *e = bri_queue_first(&store->pinned[rank]);
    if (e != NULL && e->foreign)
        bri_errand_take(e, rank);
    else
        e = bri_store_steal(store, NULL);
    if (e == NULL)
        return NULL;
    if (!e->foreign || e->pinned) {
        bri_errand_put_back(e);
        return NULL;
    }
    atomic_fetch_sub(&store->ntaken, 1);
    return e;
}

void bri_errands_on_recall(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)payload;
    served *s = find((unsigned)packet->job);
    bri_draft d = {NULL, 0, 0};
    bri_store *store = store_of(s);
    for (;;) {
        bri_store_lock(store);
        bri_errand *e = take_back(store);
        bri_store_unlock(store);
        if (e == NULL)
            break;
        write_or_abort(&d, e, BRI_NOT_BEGUN);
        store->nforeign--;
        bri_errand_release(e);
    }
    send(s, &d, 1);
}

/* ---- contexts ---- */

br_status bri_errands_enter(unsigned context, br_context *ctx)
{
    served *s = bri_calloc(1, sizeof *s);
    if (s == NULL)
        return BR_ENOMEM;
    s->context = context;
    s->ctx = ctx;
    pthread_mutex_lock(&all.lock);
    s->next = all.first;
    all.first = s;
    pthread_mutex_unlock(&all.lock);
    return BR_OK;
}

static served *take_out(unsigned context)
{
    served **link = &all.first;
    while (*link != NULL && (*link)->context != context)
        link = &(*link)->next;
    served *s = *link;
    if (s != NULL)
        *link = s->next;
    return s;
}

static void end_tasks(br_context *ctx, const served *s)
{
    bri_store *store = atomic_load_explicit(&ctx->store, memory_order_acquire);
    if (store == NULL)
        return;
    bri_store_forget(store);
    bri_store_end(store);
    for (bri_errand *e = s->first, *next; e != NULL; e = next) {
        next = e->next;
        bri_errand_release(e);
    }
    bri_context_free_owned(ctx);
    bri_store_close(ctx);
}

/* All its tasks have brought back what came out, or the program ends and nobody asks for it: then
 * the communication thread looks at none of this any more (bri_thread_left). Messages between tasks
 * that nobody has waited for may still come. */
void bri_errands_leave(unsigned context)
{
    pthread_mutex_lock(&all.lock);
    served *s = take_out(context);
    while (s != NULL && all.hears == s)
        pthread_cond_wait(&all.heard, &all.lock);
    pthread_mutex_unlock(&all.lock);
    if (s == NULL)
        return;
    end_tasks(s->ctx, s);
    bri_free(s);
}
