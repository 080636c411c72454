/* SPDX-License-Identifier: BSD-3-Clause
 * stuck.c - whether anything can go on, and what is said when nothing can.
 *
 * Nothing can when no errand is ready, each of those that were begun waits for a message or for
 * futures, and somebody outside of tasks waits as well: whoever does not might hand in more.
 */
#include <string.h>

#include "scheduler/workers/exchange.h"
#include "scheduler/workers/values.h"

/* ---- who waits for futures ---- */

void bri_sleeper_enter(bri_store *store, bri_sleeper *s, const bri_wish *wish, bool in_task)
{
    *s = (bri_sleeper){.wish = wish, .in_task = in_task};
    bri_store_lock(store);
    s->next = store->sleepers;
    s->link = &store->sleepers;
    if (s->next != NULL)
        s->next->link = &s->next;
    store->sleepers = s;
    bri_store_unlock(store);
}

void bri_sleeper_leave(bri_store *store, bri_sleeper *s)
{
    bri_store_lock(store);
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
    bri_store_unlock(store);
}

/* It is done and has not noticed yet, or something else than errands makes it so. */
static bool may_go_on(const bri_sleeper *s)
{
    const bri_wish *wish = s->wish;
    bool others = wish->others || (wish->nothers != NULL && *wish->nothers > 0);
    return others || wish->done(wish->data);
}

/* ---- can anything go on ---- */

bool bri_store_any_ready(const bri_store *store)
{
    if (store->anywhere.n > 0)
        return true;
    for (int r = 0; r < store->ctx->nranks; r++)
        if (store->pinned[r].n > 0)
            return true;
    return false;
}

bool bri_store_is_quiet(const bri_store *store, int elsewhere)
{
    uint64_t waiting = store->exchange != NULL ? store->exchange->nblocked : 0;
    if (atomic_load(&store->npromises) > 0)
        return false;
    for (const bri_sleeper *s = store->sleepers; s != NULL; s = s->next) {
        if (may_go_on(s))
            return false;
        waiting += s->in_task;
    }
    /* Those that end meanwhile have made ready what depends on them before they count as ended. */
    return (uint64_t)(atomic_load(&store->ntaken) - elsewhere) == waiting &&
           !bri_store_any_ready(store);
}

bool bri_store_main_waits(const bri_store *store)
{
    for (const bri_sleeper *s = store->sleepers; s != NULL; s = s->next)
        if (!s->in_task)
            return true;
    return store->exchange != NULL && store->exchange->nmain > 0;
}

/* ---- what is said ---- */

/* A text that is written as far as there is room, and says how much was left out. */
typedef struct list {
    char *text;
    size_t size, n;
    int nitems, nleft;
} list;

enum { ROOM_FOR_MORE = 16 };

static void add_item(list *l, const char *item)
{
    size_t n = strlen(item);
    const char *comma = l->nitems > 0 ? ", " : "";
    if (l->nleft > 0 || l->n + n + 2 + ROOM_FOR_MORE >= l->size) {
        l->nleft++;
        return;
    }
    l->n += (size_t)snprintf(l->text + l->n, l->size - l->n, "%s%s", comma, item);
    l->nitems++;
}

static void end_list(list *l)
{
    if (l->nleft > 0)
        l->n += (size_t)snprintf(l->text + l->n, l->size - l->n, " and %d more", l->nleft);
}

/* In the order in which they came. */
static const bri_entry *next_entry(const bri_entries *entries, const bri_entry *after)
{
    const bri_entry *next = NULL;
    for (int i = 0; i < BRI_NAMES; i++)
        for (const bri_entry *e = entries->first[i]; e != NULL; e = e->next)
            if ((after == NULL || e->turn > after->turn) && (next == NULL || e->turn < next->turn))
                next = e;
    return next;
}

static const char *by(const bri_entry *e, char text[400])
{
    if (e->errand == NULL)
        return e->by;
    bri_errand_describe(e->errand, text, 400);
    return text;
}

/* Once one does not fit none is looked at any more: finding the next one takes as long as there are
 * entries, and the store's lock is held. */
static void leave_rest(list *l, size_t n)
{
    if (l->nleft > 0)
        l->nleft = (int)(n - (size_t)l->nitems);
}

static void add_messages(list *l, const bri_exchange *x)
{
    char item[400];
    char name[400];
    for (const bri_entry *m = next_entry(&x->messages, NULL); m != NULL && l->nleft == 0;
         m = next_entry(&x->messages, m)) {
        snprintf(item, sizeof item, "\"%.60s\" (%zu bytes, by %.100s on rank %d)", m->name,
                 m->bytes, by(m, name), m->rank);
        add_item(l, item);
    }
    leave_rest(l, x->messages.n);
}

static void add_receives(list *l, const bri_exchange *x, const bri_entry *but)
{
    char item[400];
    char name[400];
    for (const bri_entry *r = next_entry(&x->receives, NULL); r != NULL && l->nleft == 0;
         r = next_entry(&x->receives, r)) {
        snprintf(item, sizeof item, "\"%.60s\" (%.100s on rank %d)", r->name, by(r, name), r->rank);
        if (r != but)
            add_item(l, item);
    }
    leave_rest(l, x->receives.n - 1);
}

static void describe_others(const bri_exchange *x, const bri_entry *receive, list *l)
{
    list others = {l->text + l->n, l->size - l->n, 0, 0, 0};
    others.n = (size_t)snprintf(others.text, others.size, "; waited for, too: ");
    if (others.n >= others.size)
        return;
    add_receives(&others, x, receive);
    end_list(&others);
    l->n += others.n;
}

/* Main may mean to hand in what sends. */
static void describe_main(const bri_entry *receive, list *l)
{
    const bri_waiter *w = (const bri_waiter *)(uintptr_t)receive->ticket;
    if (w->on_main && l->n < l->size)
        snprintf(l->text + l->n, l->size - l->n,
                 "; main's own thread runs this task, so main hands in no more before it ends");
}

/* What was sent comes first: a name that was mistaken is found there as a rule. */
void bri_exchange_describe(const bri_exchange *x, const bri_entry *receive, char *text, size_t size)
{
    list l = {text, size, 0, 0, 0};
    char here[64] = "";
    bool is_here = receive->rank == x->store->ctx->rank;
    if (is_here)
        snprintf(here, sizeof here, " on rank %d", receive->rank);
    l.n = (size_t)snprintf(text, size,
                           "br_recv%s: nobody will send \"%.60s\": all other tasks are over or "
                           "wait; sent and not received: ",
                           here, receive->name);
    if (x->messages.n == 0)
        add_item(&l, "nothing");
    add_messages(&l, x);
    end_list(&l);
    if (x->receives.n > 1 && l.nleft == 0)
        describe_others(x, receive, &l);
    if (is_here)
        describe_main(receive, &l);
}

/* A program that has failed has said what is wrong. */
void bri_exchange_warn_left(const bri_exchange *x)
{
    char text[600];
    list l = {text, sizeof text, 0, 0, 0};
    if (x == NULL || x->messages.n == 0)
        return;
    const br_context *ctx = x->store->ctx;
    if (ctx->rank > 0 || ctx->failure != BR_OK)
        return;
    add_messages(&l, x);
    end_list(&l);
    bri_log_warning(ctx, "br_close: sent and not received: %s", text);
}

/* ---- on demand ---- */

void bri_exchange_print(bri_watched *watched, FILE *to)
{
    bri_exchange *x = (bri_exchange *)((char *)watched - offsetof(bri_exchange, watched));
    bri_store *store = x->store;
    char name[400];
    if (!bri_store_try_lock(store))
        return;
    fprintf(to, "tasks handed in: %d ready, %d begun; %zu messages not received\n",
            atomic_load(&store->nready), atomic_load(&store->ntaken), x->messages.n);
    for (const bri_waiter *w = x->waiters; w != NULL; w = w->next) {
        bri_errand_describe(w->task->errand, name, sizeof name);
        fprintf(to, "  %s waits for the message \"%s\"\n", name, w->name);
    }
    bri_store_unlock(store);
}
