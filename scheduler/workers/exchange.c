/* SPDX-License-Identifier: BSD-3-Clause
 * exchange.c - sends and receives find each other.
 */
#include "scheduler/workers/exchange.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "runtime/hash.h"
#include "runtime/scheduler.h"

/* ---- entries ---- */

static int bucket_of(const char *name)
{
    return (int)(bri_hash64(name, strlen(name)) % BRI_NAMES);
}

/* Of an errand that is known here, or with the text of who asked: the texts stand behind the
 * record. */
static bri_entry *new_entry(const char *name, bri_errand *errand, const char *by)
{
    size_t n = strlen(name) + 1, m = strlen(by) + 1;
    bri_entry *e = bri_calloc(1, sizeof *e + n + m);
    if (e == NULL)
        return NULL;
    memcpy(e->name, name, n);
    memcpy(e->name + n, by, m);
    e->by = e->name + n;
    e->errand = errand;
    if (errand != NULL)
        bri_errand_hold(errand);
    return e;
}

static void free_entry(bri_entry *e)
{
    if (e == NULL)
        return;
    if (e->errand != NULL)
        bri_errand_release(e->errand);
    bri_kept_release(e->kept);
    bri_free(e);
}

static void append(bri_exchange *x, bri_entries *list, bri_entry *e)
{
    int i = bucket_of(e->name);
    e->turn = x->turn++;
    e->next = NULL;
    if (list->last[i] != NULL)
        list->last[i]->next = e;
    else
        list->first[i] = e;
    list->last[i] = e;
    list->n++;
}

static void cut(bri_entries *list, const bri_entry *e)
{
    int i = bucket_of(e->name);
    bri_entry *before = NULL;
    bri_entry **link = &list->first[i];
    for (; *link != e; link = &(*link)->next)
        before = *link;
    *link = e->next;
    if (e->next == NULL)
        list->last[i] = before;
    list->n--;
}

static bri_entry *first_of(const bri_entries *list, const char *name)
{
    bri_entry *e = list->first[bucket_of(name)];
    while (e != NULL && strcmp(e->name, name) != 0)
        e = e->next;
    return e;
}

static bri_entry *any_of(const bri_entries *list)
{
    for (int i = 0; i < BRI_NAMES; i++)
        if (list->first[i] != NULL)
            return list->first[i];
    return NULL;
}

/* ---- notes ---- */

/* With `more` zeroed bytes behind it, or NULL with a BR_ENOMEM error. */
static bri_note *new_note(bri_note_kind kind, size_t more)
{
    bri_note *note = bri_calloc(1, sizeof *note + bri_padded(more));
    if (note != NULL)
        note->kind = kind;
    return note;
}

static br_status post(const bri_exchange *x, int to, bri_note *note, size_t more)
{
    br_context *ctx = x->store->ctx;
    if (note == NULL)
        return BR_ENOMEM;
    br_status st = ctx->scheduler->note(ctx, to, note, sizeof *note + bri_padded(more));
    if (st != BR_OK)
        bri_free(note);
    return st;
}

static br_status post_bytes(const bri_exchange *x, int to, uint64_t receive, const bri_kept *kept)
{
    bri_note *note = new_note(BRI_NOTE_BYTES, kept->bytes);
    if (note != NULL) {
        note->receive = receive;
        note->bytes = kept->bytes;
        if (kept->bytes > 0)
            memcpy(note + 1, kept->data, kept->bytes);
    }
    return post(x, to, note, kept->bytes);
}

static br_status post_give(const bri_exchange *x, const bri_entry *message, int rank,
                           uint64_t receive)
{
    bri_note *note = new_note(BRI_NOTE_GIVE, 0);
    if (note != NULL) {
        note->rank = rank;
        note->message = message->ticket;
        note->receive = receive;
    }
    return post(x, message->rank, note, 0);
}

/* To rank 0: what, under which name, by which task. */
static br_status post_named(const bri_exchange *x, bri_note_kind kind, uint64_t ticket,
                            const char *name, const bri_errand *errand, size_t bytes)
{
    char by[400] = "";
    if (errand->ticket == 0)
        bri_errand_describe(errand, by, sizeof by);
    size_t n = strlen(name) + 1, m = strlen(by) + 1;
    bri_note *note = new_note(kind, n + m);
    if (note != NULL) {
        note->message = note->receive = ticket;
        note->bytes = bytes;
        note->errand = errand->ticket;
        memcpy(note + 1, name, n);
        memcpy((char *)(note + 1) + n, by, m);
    }
    return post(x, 0, note, n + m);
}

/* ---- waiters of this rank ---- */

static void is_coming(bri_exchange *x, bri_waiter *w)
{
    if (w->coming)
        return;
    w->coming = true;
    x->nblocked--;
}

void bri_waiter_done(bri_exchange *x, bri_waiter *w, bri_kept *kept, br_status st, const char *text)
{
    is_coming(x, w);
    w->kept = kept;
    w->status = st;
    if (text != NULL)
        snprintf(w->text, sizeof w->text, "%s", text);
    w->done = true;
    pthread_cond_signal(&w->wake);
}

/* Who waited for this receive, on its thread's stack; NULL when all have been sent away, while what
 * they waited for was on its way. */
static bri_waiter *waiter_of(const bri_exchange *x, uint64_t receive)
{
    return x->store->stopped ? NULL : (bri_waiter *)(uintptr_t)receive;
}

static void hand_over(bri_exchange *x, uint64_t receive, bri_kept *kept)
{
    bri_waiter *w = waiter_of(x, receive);
    if (w == NULL)
        return;
    bri_kept_hold(kept);
    bri_waiter_done(x, w, kept, BR_OK, NULL);
}

static void refuse(bri_exchange *x, uint64_t receive, const char *text)
{
    bri_waiter *w = waiter_of(x, receive);
    if (w != NULL)
        bri_waiter_done(x, w, NULL, BR_EUSER, text);
}

/* ---- rank 0: a message and a receive ---- */

/* Nothing has changed after an error. */
static br_status deliver(bri_exchange *x, const bri_entry *message, int rank, uint64_t receive)
{
    int here = x->store->ctx->rank;
    if (message->kept == NULL)
        BRI_TRY(post_give(x, message, rank, receive));
    else if (rank != here)
        BRI_TRY(post_bytes(x, rank, receive, message->kept));
    if (message->kept != NULL && rank == here)
        hand_over(x, receive, message->kept);
    else if (rank == here && waiter_of(x, receive) != NULL)
        is_coming(x, waiter_of(x, receive));
    x->store->moved++;
    return BR_OK;
}

static void remove_receive(bri_exchange *x, bri_entry *receive)
{
    cut(&x->receives, receive);
    x->nreceives[receive->rank]--;
    x->store->moved++;
    free_entry(receive);
}

/* Takes the message over, but for an error. */
static br_status match_message(bri_exchange *x, bri_entry *message)
{
    bri_entry *receive = first_of(&x->receives, message->name);
    x->store->moved++;
    if (receive == NULL) {
        append(x, &x->messages, message);
        return BR_OK;
    }
    BRI_TRY(deliver(x, message, receive->rank, receive->ticket));
    remove_receive(x, receive);
    free_entry(message);
    return BR_OK;
}

static br_status match_receive(bri_exchange *x, bri_entry *receive)
{
    bri_entry *message = first_of(&x->messages, receive->name);
    x->store->moved++;
    if (message == NULL) {
        append(x, &x->receives, receive);
        x->nreceives[receive->rank]++;
        return BR_OK;
    }
    BRI_TRY(deliver(x, message, receive->rank, receive->ticket));
    cut(&x->messages, message);
    free_entry(message);
    free_entry(receive);
    return BR_OK;
}

/* ---- what tasks of this rank do ---- */

static br_status announce(bri_exchange *x, bri_entry *message, const bri_errand *errand)
{
    BRI_TRY(post_named(x, BRI_NOTE_SENT, message->ticket, message->name, errand, message->bytes));
    x->nsent++;
    append(x, &x->messages, message);
    return BR_OK;
}

br_status bri_exchange_send(bri_exchange *x, const char *name, bri_errand *by, bri_kept *kept)
{
    bri_entry *message = new_entry(name, by, "");
    if (message == NULL)
        return BR_ENOMEM;
    message->rank = x->store->ctx->rank;
    message->ticket = (uint64_t)(uintptr_t)message;
    message->bytes = kept->bytes;
    message->kept = kept;
    bri_kept_hold(kept);
    br_status st = message->rank == 0 ? match_message(x, message) : announce(x, message, by);
    if (st != BR_OK)
        free_entry(message);
    return st;
}

static br_status want_here(bri_exchange *x, const bri_waiter *w)
{
    bri_entry *receive = new_entry(w->name, w->task->errand, "");
    if (receive == NULL)
        return BR_ENOMEM;
    receive->ticket = (uint64_t)(uintptr_t)w;
    br_status st = match_receive(x, receive);
    if (st != BR_OK)
        free_entry(receive);
    return st;
}

br_status bri_exchange_want(bri_exchange *x, bri_waiter *w)
{
    uint64_t ticket = (uint64_t)(uintptr_t)w;
    x->nblocked++;
    br_status st = x->store->ctx->rank == 0
                       ? want_here(x, w)
                       : post_named(x, BRI_NOTE_WANTED, ticket, w->name, w->task->errand, 0);
    if (st != BR_OK)
        is_coming(x, w);
    return st;
}

bool bri_exchange_has(const bri_exchange *x, const char *name)
{
    return x->store->ctx->rank == 0 && first_of(&x->messages, name) != NULL;
}

bool bri_exchange_unwant(bri_exchange *x, bri_waiter *w)
{
    bri_entry *e = x->receives.first[bucket_of(w->name)];
    while (e != NULL && (e->rank != x->store->ctx->rank || e->ticket != (uint64_t)(uintptr_t)w))
        e = e->next;
    if (e == NULL)
        return false;
    remove_receive(x, e);
    return true;
}

/* ---- nobody will send ---- */

static void fail_receive(bri_exchange *x, const bri_entry *receive)
{
    char text[sizeof((bri_waiter *)NULL)->text];
    bri_exchange_describe(x, receive, text, sizeof text);
    if (receive->rank == x->store->ctx->rank) {
        refuse(x, receive->ticket, text);
        return;
    }
    size_t n = strlen(text) + 1;
    bri_note *note = new_note(BRI_NOTE_NOBODY, n);
    if (note == NULL)
        return; /* the next look finds it again */
    note->receive = receive->ticket;
    note->bytes = n;
    memcpy(note + 1, text, n);
    post(x, receive->rank, note, n);
}

/* Each of them is told of all the others. */
void bri_exchange_give_up(bri_exchange *x)
{
    for (int i = 0; i < BRI_NAMES; i++)
        for (const bri_entry *e = x->receives.first[i]; e != NULL; e = e->next)
            fail_receive(x, e);
    for (bri_entry *e; (e = any_of(&x->receives)) != NULL;)
        remove_receive(x, e);
}

/* ---- what other ranks say ---- */

/* Rank 0: without memory for what a rank has said there is no going on. Results come after what
 * their tasks have said, so its errand is still there. */
static br_status hear(bri_exchange *x, int from, const bri_note *note, const char *name)
{
    bri_errand *errand = (bri_errand *)(uintptr_t)note->errand;
    bri_entry *e = new_entry(name, errand, name + strlen(name) + 1);
    if (e == NULL)
        return BR_ENOMEM;
    e->rank = from;
    e->ticket = note->message;
    e->bytes = note->bytes;
    if (note->kind == BRI_NOTE_WANTED)
        return match_receive(x, e);
    x->nreceived[from]++;
    return match_message(x, e);
}

static br_status give(bri_exchange *x, const bri_note *note)
{
    bri_entry *message = (bri_entry *)(uintptr_t)note->message;
    if (note->rank != x->store->ctx->rank)
        BRI_TRY(post_bytes(x, note->rank, note->receive, message->kept));
    else
        hand_over(x, note->receive, message->kept);
    cut(&x->messages, message);
    free_entry(message);
    return BR_OK;
}

static br_status obey(bri_exchange *x, int from, const bri_note *note, const void *rest)
{
    switch ((bri_note_kind)note->kind) {
    case BRI_NOTE_SENT:
    case BRI_NOTE_WANTED:
        return hear(x, from, note, rest);
    case BRI_NOTE_GIVE:
        return give(x, note);
    case BRI_NOTE_NOBODY:
        refuse(x, note->receive, rest);
        return BR_OK;
    default:
        BRI_ASSERT(!"a note of the exchange");
        return BR_EINTERNAL;
    }
}

/* The bytes are copied without the lock; the waiter may have been sent away meanwhile. */
static br_status take_bytes(bri_store *store, const bri_note *note, const void *bytes)
{
    bri_kept *kept = NULL;
    BRI_TRY(bri_kept_new(store->ctx->memory, note->bytes, true, &kept));
    if (note->bytes > 0)
        memcpy(kept->data, bytes, note->bytes);
    bri_store_lock(store);
    hand_over(store->exchange, note->receive, kept);
    bri_store_unlock(store);
    bri_kept_release(kept);
    return BR_OK;
}

br_status bri_exchange_on_note(bri_store *store, int from, const bri_note *note, const void *rest)
{
    if (note->kind == BRI_NOTE_BYTES)
        return take_bytes(store, note, rest);
    bri_store_lock(store);
    bri_exchange *x = bri_exchange_of(store);
    br_status st = x != NULL ? obey(x, from, note, rest) : BR_ENOMEM;
    bri_store_unlock(store);
    return st;
}

/* ---- its life ---- */

bri_exchange *bri_exchange_of(bri_store *store)
{
    size_t n = (size_t)store->ctx->nranks;
    bri_exchange *x = store->exchange;
    if (x != NULL || (x = bri_calloc(1, sizeof *x)) == NULL)
        return x;
    x->store = store;
    x->nreceives = bri_calloc(2 * n, sizeof *x->nreceives);
    if (x->nreceives == NULL) {
        bri_free(x);
        return NULL;
    }
    x->nreceived = x->nreceives + n;
    bri_condition_init(&x->changed);
    store->exchange = x;
    store->tell = true; /* who sleeps inside a task already lets others run from now on */
    x->watched.print = bri_exchange_print;
    bri_watch_list(&x->watched);
    return x;
}

static void free_entries(bri_entries *list)
{
    for (bri_entry *e; (e = any_of(list)) != NULL;) {
        cut(list, e);
        free_entry(e);
    }
}

void bri_exchange_free(bri_exchange *x)
{
    if (x == NULL)
        return;
    bri_watch_unlist(&x->watched);
    free_entries(&x->messages);
    free_entries(&x->receives);
    pthread_cond_destroy(&x->changed);
    bri_free(x->threads);
    bri_free(x->nreceives);
    bri_free(x);
}
