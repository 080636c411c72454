/* SPDX-License-Identifier: BSD-3-Clause
 * end.c - how errands end, and what follows for those that depend on them.
 */
#include <string.h>

#include "runtime/busy.h"
#include "runtime/error.h"
#include "scheduler/futures/store.h"

void bri_errand_describe(const bri_errand *e, char *text, size_t size)
{
    bri_busy_name_errand(e->name, (bri_function)e->fn, e->at, text, size);
}

/* ---- those that wait for it ---- */

/* The list is of errands that are over and whose followers have not heard of it yet. */
static void add(bri_errand **list, bri_errand *e)
{
    e->next = *list;
    *list = e;
}

static void unlink_edge(bri_edge *edge)
{
    if (edge->link == NULL)
        return;
    *edge->link = edge->next;
    if (edge->next != NULL)
        edge->next->link = edge->link;
    edge->link = NULL;
}

/* One of two ends for each errand: whoever is first. */
static bool begin_end(bri_errand *e)
{
    return (atomic_fetch_or(&e->flags, BRI_ERRAND_ENDING) & BRI_ERRAND_ENDING) == 0;
}

/* Whether somebody must be told. */
static bool settle(bri_errand *e, br_status status, const char *text)
{
    bri_future_settle(&e->future, status, text);
    return (atomic_fetch_or(&e->flags, BRI_ERRAND_OVER_FLAG) & BRI_ERRAND_WANTED) != 0;
}

/* An errand that was not taken: nobody else can end it while the lock is held. */
static void end_untaken(bri_errand *e, br_status status, const char *text)
{
    for (size_t i = 0; i < e->nedges; i++)
        unlink_edge(&e->edges[i]);
    e->state = BRI_ERRAND_OVER;
    bri_errand_drop_args(e);
    begin_end(e);
    settle(e, status, text);
}

/* Along a chain the text of the first failure is kept, and only the last errand's name. */
const char *bri_first_failure(const br_future *future)
{
    static const char said[] = BRI_FOLLOWS ": ";
    const char *text = br_future_message(future);
    const char *first = strstr(text, said);
    return first != NULL ? first + sizeof said - 1 : text;
}

static void fail_follower(bri_errand *e, const bri_errand *culprit)
{
    char text[BRI_ERROR_TEXT];
    char name[400];
    bri_errand_describe(e, name, sizeof name);
    snprintf(text, sizeof text, "%.400s: " BRI_FOLLOWS ": %.560s", name,
             bri_first_failure(&culprit->future));
    end_untaken(e, culprit->future.status, text);
}

static void tell_followers(bri_errand *e, bri_errand **over)
{
    for (bri_edge *edge; (edge = e->waiting) != NULL;) {
        bri_errand *after = edge->after;
        unlink_edge(edge);
        if (e->future.status != BR_OK) {
            fail_follower(after, e);
            add(over, after);
        } else if (--after->pending == 0) {
            bri_errand_make_ready(after);
        }
    }
}

/* What it read is no longer needed. */
static void drop_edges(bri_errand *e)
{
    size_t n = e->nedges;
    e->nedges = 0;
    for (size_t i = 0; i < n; i++)
        bri_errand_release(e->edges[i].before);
}

/* No recursion: chains may be long. */
static void tell(bri_errand *e)
{
    bri_errand *over = NULL;
    e->next = NULL;
    for (add(&over, e); over != NULL;) {
        bri_errand *one = over;
        over = one->next;
        tell_followers(one, &over);
        bri_watch_tell(one);
        one->store->tell |= one->waited;
        if (one == e)
            continue;
        drop_edges(one);
        bri_errand_release(one);
    }
}

/* ---- its own end ---- */

void bri_errand_end(bri_errand *e, br_status status, const char *text)
{
    bri_store *store = e->store;
    drop_edges(e);
    bri_errand_drop_args(e);
    if (begin_end(e) && settle(e, status, text)) {
        bri_store_lock(store);
        tell(e);
        bri_store_unlock(store);
    }
    atomic_fetch_sub(&store->ntaken, 1);
}

void bri_errand_follow(bri_errand *e, const bri_errand *failed)
{
    fail_follower(e, failed);
    drop_edges(e);
    bri_errand_release(e); /* the store's */
}

/* With the lock, one that was not taken: its followers fail, too. */
static void end_unstarted(bri_errand *e, br_status status, const char *text)
{
    end_untaken(e, status, text);
    tell(e);
    drop_edges(e);
    bri_errand_release(e); /* the store's */
}

void bri_errand_end_locked(bri_errand *e, br_status status, const char *text)
{
    if (e->state == BRI_ERRAND_WAITS)
        end_unstarted(e, status, text);
    else if (begin_end(e) && settle(e, status, text))
        tell(e);
}

static br_status status_of_failure(const bri_errand *e, br_status status)
{
    bool cancelled = atomic_load_explicit(&e->future.cancelled, memory_order_relaxed);
    return cancelled ? BR_ECANCELLED : status;
}

bool bri_errand_failed(bri_errand *e, br_status status, const char *text, const char *where)
{
    char name[400];
    char full[BRI_ERROR_TEXT];
    int attempts = atomic_load_explicit(&e->attempts, memory_order_relaxed);
    status = status_of_failure(e, status);
    if (attempts <= e->retries && status != BR_ECANCELLED) {
        bri_store_lock(e->store);
        atomic_fetch_sub(&e->store->ntaken, 1);
        bri_errand_make_ready(e);
        bri_store_unlock(e->store);
        return false;
    }
    bri_errand_describe(e, name, sizeof name);
    int n = snprintf(full, sizeof full, "%s%s%s: %.480s", where != NULL ? where : "",
                     where != NULL ? ": " : "", name, text);
    if (attempts > 1 && n > 0 && (size_t)n < sizeof full)
        snprintf(full + n, sizeof full - (size_t)n, " (after %d attempts)", attempts);
    bri_errand_end(e, status, full);
    return true;
}

/* ---- cancelling ---- */

/* Those that have begun look at future->cancelled themselves. */
void bri_errand_cancel(br_future *future)
{
    bri_errand *e = (bri_errand *)future;
    bri_store *store = e->store;
    char name[400];
    char text[BRI_ERROR_TEXT];
    bri_errand_describe(e, name, sizeof name);
    snprintf(text, sizeof text, "%.400s was cancelled", name);
    bri_store_lock(store);
    bool unstarted = e->state == BRI_ERRAND_WAITS || e->state == BRI_ERRAND_READY;
    if (e->state == BRI_ERRAND_READY) {
        bri_errand_take(e, store->ctx->rank);
        atomic_fetch_sub(&store->ntaken, 1);
    }
    if (unstarted)
        end_unstarted(e, BR_ECANCELLED, text);
    bri_store_unlock(store);
}

/* ---- stopping all ---- */

/* With the lock. Who waits for one of them follows it. */
static int stop_queue(bri_store *store, const bri_queue *queue, const char *why)
{
    char name[400];
    char text[BRI_ERROR_TEXT];
    int n = 0;
    for (bri_errand *e; (e = bri_queue_first(queue)) != NULL; n++) {
        bri_errand_describe(e, name, sizeof name);
        snprintf(text, sizeof text, "%.400s: %.200s", name, why);
        bri_errand_take(e, store->ctx->rank);
        atomic_fetch_sub(&store->ntaken, 1);
        end_unstarted(e, BR_ECANCELLED, text);
    }
    return n;
}

bool bri_store_stop(bri_running *running, const char *why)
{
    bri_store *store = (bri_store *)((char *)running - offsetof(bri_store, running));
    bri_store_lock(store);
    int n = stop_queue(store, &store->anywhere, why);
    for (int r = 0; r < store->ctx->nranks; r++)
        n += stop_queue(store, &store->pinned[r], why);
    bri_store_unlock(store);
    return n > 0;
}
