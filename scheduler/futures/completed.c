/* SPDX-License-Identifier: BSD-3-Clause
 * completed.c - futures in the order in which they are done.
 */
#include "runtime/alloc.h"
#include "scheduler/futures/store.h"

/* One future of an iterator: a watch on its errand, or just looked at where it is no errand's. */
struct bri_watch {
    br_completed *by;
    br_future *future;
    bri_errand *errand;            /* NULL: of another kind */
    bri_watch *next, *previous;    /* in the iterator's list: open or done (lock) */
    bri_watch *next_of, **link_of; /* among its errand's, or the store's of other kinds (lock) */
    bool is_done;
};

typedef struct watches {
    bri_watch *first, *last;
} watches;

struct br_completed {
    bri_owned owned;
    br_context *ctx;
    bri_store *store;
    watches open, done; /* (lock) */
    /* Changed with the lock: those in both lists, those that are done, and of other kinds among the
     * open ones. */
    atomic_size_t nleft, ndone, nothers;
};

/* ---- lists; with the lock ---- */

static void append(watches *list, bri_watch *w)
{
    w->next = NULL;
    w->previous = list->last;
    if (list->last != NULL)
        list->last->next = w;
    else
        list->first = w;
    list->last = w;
}

static void cut(watches *list, bri_watch *w)
{
    if (w->previous != NULL)
        w->previous->next = w->next;
    else
        list->first = w->next;
    if (w->next != NULL)
        w->next->previous = w->previous;
    else
        list->last = w->previous;
}

static void unlink_future(bri_watch *w)
{
    *w->link_of = w->next_of;
    if (w->next_of != NULL)
        w->next_of->link_of = w->link_of;
}

static void link_future(bri_watch *w)
{
    bri_watch **first = w->errand != NULL ? &w->errand->watches : &w->by->store->other_watches;
    w->next_of = *first;
    w->link_of = first;
    if (w->next_of != NULL)
        w->next_of->link_of = &w->next_of;
    *first = w;
}

static void move_to_done(bri_watch *w)
{
    if (w->is_done)
        return;
    w->is_done = true;
    cut(&w->by->open, w);
    append(&w->by->done, w);
    atomic_fetch_add(&w->by->ndone, 1);
    w->by->store->tell = true;
}

/* Watches stay with the errand, which its user may free before they are looked at. */
void bri_watch_tell(bri_errand *e)
{
    for (bri_watch *w = e->watches; w != NULL; w = w->next_of)
        move_to_done(w);
}

static void drop(bri_watch *w)
{
    br_completed *c = w->by;
    unlink_future(w);
    cut(w->is_done ? &c->done : &c->open, w);
    if (w->is_done)
        atomic_fetch_sub(&c->ndone, 1);
    else if (w->errand == NULL)
        atomic_fetch_sub(&c->nothers, 1);
    atomic_fetch_sub(&c->nleft, 1);
    bri_free(w);
}

/* It is freed, and may have been all that some thread waits for. */
static void forget(bri_watch *w)
{
    w->by->store->tell = true;
    drop(w);
}

void bri_watch_forget(bri_errand *e)
{
    if ((atomic_load(&e->flags) & BRI_ERRAND_WANTED) == 0)
        return;
    bri_store_lock(e->store);
    while (e->watches != NULL)
        forget(e->watches);
    bri_store_unlock(e->store);
}

/* The same of a future of another kind. */
static void forget_other(br_future *future)
{
    bri_store *store = bri_store_of(future->ctx);
    bri_store_lock(store);
    for (bri_watch *w = store->other_watches, *next; w != NULL; w = next) {
        next = w->next_of;
        if (w->future == future)
            forget(w);
    }
    bri_store_unlock(store);
}

/* ---- its life ---- */

static void free_completed(bri_owned *owned)
{
    br_completed *c = (br_completed *)owned;
    bri_store_lock(c->store);
    while (c->open.first != NULL)
        drop(c->open.first);
    while (c->done.first != NULL)
        drop(c->done.first);
    bri_store_unlock(c->store);
    bri_free(c);
}

/* What belongs to no context is done. */
static bool is_foreign(const br_context *ctx, const br_future *future)
{
    return future != NULL && future->ctx != NULL && future->ctx != ctx;
}

/* With the lock. It may have been done before who waits knew of it. */
static void add_other(bri_watch *w)
{
    if (w->future->ctx != NULL)
        w->future->forget = forget_other;
    w->by->nothers++;
    w->by->store->tell = true;
}

static br_status add(br_completed *c, br_future *future)
{
    if (future == NULL)
        return BR_OK;
    if (is_foreign(c->ctx, future))
        return bri_error(BR_EARG, "as_completed: a future of another context");
    bri_watch *w = bri_calloc(1, sizeof *w);
    if (w == NULL)
        return BR_ENOMEM;
    *w = (bri_watch){.by = c, .future = future, .errand = bri_errand_of(future)};
    bri_store_lock(c->store);
    append(&c->open, w);
    link_future(w);
    c->nleft++;
    if (w->errand == NULL)
        add_other(w);
    else if (atomic_fetch_or(&w->errand->flags, BRI_ERRAND_WANTED) & BRI_ERRAND_OVER_FLAG)
        move_to_done(w);
    bri_store_unlock(c->store);
    return BR_OK;
}

static br_status begin(br_context *ctx, br_future *const futures[], size_t n, br_completed **out)
{
    bri_store *store = bri_store_of(ctx);
    br_completed *c = store != NULL ? bri_calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return BR_ENOMEM;
    c->ctx = ctx;
    c->store = store;
    for (size_t i = 0; i < n; i++) {
        br_status st = add(c, futures[i]);
        if (st != BR_OK) {
            free_completed(&c->owned);
            return st;
        }
    }
    bri_context_own(ctx, &c->owned, free_completed);
    *out = c;
    return BR_OK;
}

br_completed *br_as_completed(br_context *ctx, br_future *const futures[], size_t n)
{
    br_completed *c = NULL;
    br_status st = ctx->status == BR_OK ? begin(ctx, futures, n, &c) : BR_OK;
    if (st != BR_OK)
        bri_context_fail(ctx, st, bri_last_error());
    return c;
}

br_status br_completed_add(br_completed *c, br_future *future)
{
    if (c == NULL)
        return bri_error(BR_ENOMEM, "no memory for an iterator over futures");
    br_status st = add(c, future);
    return st == BR_OK ? BR_OK : bri_context_fail(c->ctx, st, bri_last_error());
}

void br_completed_free(br_completed *c)
{
    if (c != NULL)
        bri_context_disown(&c->owned);
}

/* ---- the next one ---- */

/* With the lock. */
static bri_watch *find_other(const br_completed *c)
{
    bri_watch *w = c->nothers > 0 ? c->open.first : NULL;
    while (w != NULL && (w->errand != NULL || !bri_future_done(w->future)))
        w = w->next;
    return w;
}

/* Takes the lock where there are others: who has it asks only where there are none. */
static bool has_one(const void *data)
{
    const br_completed *c = data;
    if (atomic_load(&c->ndone) > 0 || atomic_load(&c->nleft) == 0)
        return true;
    if (c->nothers == 0)
        return false;
    bri_store_lock(c->store);
    bool found = find_other(c) != NULL;
    bri_store_unlock(c->store);
    return found;
}

static br_future *each(const void *data, void **cursor)
{
    const br_completed *c = data;
    bri_watch *w = *cursor;
    w = w == NULL ? c->open.first : w->next;
    *cursor = w;
    return w != NULL ? w->future : NULL;
}

static br_future *take(br_completed *c)
{
    br_future *future = NULL;
    bri_store_lock(c->store);
    bri_watch *other = find_other(c);
    if (other != NULL) {
        c->nothers--;
        move_to_done(other);
    }
    if (c->done.first != NULL) {
        future = c->done.first->future;
        drop(c->done.first);
    }
    bri_store_unlock(c->store);
    return future;
}

/* One that was done may be freed, and so forgotten, before it is taken. */
br_future *br_next_completed(br_completed *c)
{
    br_future *next = NULL;
    while (next == NULL && c != NULL && atomic_load(&c->nleft) > 0) {
        bri_wish wish = {
            .done = has_one, .data = c, .each = each, .told = true, .nothers = &c->nothers};
        br_status st = bri_store_wait(c->store, &wish);
        if (st != BR_OK) {
            bri_context_fail(c->ctx, st, bri_last_error());
            return NULL;
        }
        next = take(c);
    }
    return next;
}

/* ---- any of a list ---- */

typedef struct list {
    br_future *const *future;
    size_t n;
} list;

static size_t first_done(const list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->future[i] == NULL || bri_future_done(l->future[i]))
            return i;
    return SIZE_MAX;
}

static bool any_done(const void *data)
{
    return first_done(data) != SIZE_MAX;
}

static br_future *each_of_list(const void *data, void **cursor)
{
    const list *l = data;
    br_future *const *at = *cursor == NULL ? l->future : (br_future *const *)*cursor;
    if (at == l->future + l->n)
        return NULL;
    *cursor = (void *)(uintptr_t)(at + 1);
    return *at;
}

static bool has_foreign(const list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (is_foreign(l->future[0]->ctx, l->future[i]))
            return true;
    return false;
}

static bool has_others(const list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (bri_errand_of(l->future[i]) == NULL)
            return true;
    return false;
}

size_t br_wait_any(br_future *const futures[], size_t n)
{
    list l = {futures, n};
    size_t i = first_done(&l);
    if (n == 0 || i != SIZE_MAX)
        return i;
    if (has_foreign(&l)) {
        br_status st = bri_error(BR_EARG, "wait_any: futures of several contexts");
        bri_context_fail(futures[0]->ctx, st, bri_last_error());
        return SIZE_MAX;
    }
    bri_store *store = bri_store_of(futures[0]->ctx);
    if (store == NULL) { /* futures of other kinds only: one of them will do */
        br_wait(futures[0]);
        return first_done(&l);
    }
    br_status st = bri_store_wait(
        store,
        &(bri_wish){.done = any_done, .data = &l, .each = each_of_list, .others = has_others(&l)});
    if (st != BR_OK)
        bri_context_fail(futures[0]->ctx, st, bri_last_error());
    return first_done(&l);
}
