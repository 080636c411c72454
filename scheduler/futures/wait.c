/* SPDX-License-Identifier: BSD-3-Clause
 * wait.c - waiting for errands, outside of tasks and inside.
 *
 * Outside of tasks a thread runs whatever is ready. Inside one it runs only what the wish needs:
 * the errands themselves and those they depend on. Anything else could, from above it on the same
 * stack, wait for the very task that is suspended below, which then never ends. Where nothing of
 * that is ready somebody runs it, and the thread sleeps; or it waits for its own end, by way of
 * others, and the wish is refused.
 */
#include <string.h>

#include "runtime/error.h"
#include "runtime/scheduler.h"
#include "scheduler/futures/store.h"
#include "scheduler/workers/exchange.h"

enum { MOMENT_NS = 20000, SLICE_NS = 100000 };

/* With the lock. False when it is over: nobody will tell. */
static bool want(bri_errand *e)
{
    e->waited = true;
    return (atomic_fetch_or(&e->flags, BRI_ERRAND_WANTED) & BRI_ERRAND_OVER_FLAG) == 0;
}

static bri_errand *next_wish(const bri_wish *wish, void **cursor)
{
    if (wish->only == NULL)
        return wish->each(wish->data, cursor);
    bri_errand *e = *cursor == NULL ? wish->only : NULL;
    *cursor = wish->only;
    return e;
}

/* Whoever ends one of them tells. */
static void want_all(bri_store *store, const bri_wish *wish)
{
    void *cursor = NULL;
    bri_store_lock(store);
    for (bri_errand *e; (e = next_wish(wish, &cursor)) != NULL;)
        want(e);
    bri_store_unlock(store);
}

/* ---- outside ---- */

/* Without other threads nothing else can happen any more. With the lock none that has just ended has
 * made something ready that is not seen. */
static bool is_hopeless(bri_store *store, const bri_wish *wish)
{
    bri_store_lock(store);
    bool none = atomic_load(&store->ntaken) == 0 && atomic_load(&store->nready) == 0;
    bri_store_unlock(store);
    return none && !wish->done(wish->data);
}

static void refuse(bri_store *store, const bri_wish *wish)
{
    char name[400];
    char text[BRI_ERROR_TEXT];
    bri_errand *e = wish->only;
    if (e == NULL)
        return;
    bri_errand_describe(e, name, sizeof name);
    snprintf(text, sizeof text, "%s: nobody runs it and nothing it depends on", name);
    bri_store_lock(store);
    bri_errand_end_locked(e, BR_EINTERNAL, text);
    bri_store_unlock(store);
}

/* Under sync others have their turn meanwhile. */
static void sleep_on(bri_store *store, unsigned ticket)
{
    bool rests = bri_relief_rest(store);
    bri_event_sleep(store->event, ticket, BRI_SLEEPS_FOR_JOB);
    bri_relief_resume(store, rests);
}

static void sleep_alone(bri_store *store, const bri_wish *wish, const bri_until *until)
{
    unsigned ticket = bri_event_prepare(store->event);
    if (!wish->done(wish->data) && !bri_store_work(store, SLICE_NS, until)) {
        if (is_hopeless(store, wish))
            refuse(store, wish);
        else
            sleep_on(store, ticket);
    }
    bri_event_cancel(store->event);
}

static void wait_outside(bri_store *store, const bri_wish *wish)
{
    bri_until until = {wish->done, wish->data, .helps = true};
    while (!wish->done(wish->data) && bri_store_work(store, MOMENT_NS, &until))
        ;
    if (wish->done(wish->data))
        return;
    if (!wish->told)
        want_all(store, wish);
    bri_sleeper sleeper;
    bri_sleeper_enter(store, &sleeper, wish, false);
    atomic_fetch_add(&store->nwaiting, 1);
    if (store->pool != NULL)
        bri_pool_work_until(store->pool, &until);
    while (store->pool == NULL && !wish->done(wish->data))
        sleep_alone(store, wish, &until);
    atomic_fetch_sub(&store->nwaiting, 1);
    bri_sleeper_leave(store, &sleeper);
}

/* ---- what an errand needs; with the lock ---- */

typedef struct walk {
    bri_store *store;
    bri_errand *list; /* to be looked at */
    const bri_errand *me;
    bool cycle; /* it comes to me */
} walk;

static void visit(walk *w, bri_errand *e)
{
    if (e == NULL || e->walk == w->store->walk || !want(e))
        return;
    w->cycle |= e == w->me;
    e->walk = w->store->walk;
    e->next_in_walk = w->list;
    w->list = e;
}

static bool runs_here(const bri_errand *e)
{
    return e->state == BRI_ERRAND_READY && (e->on < 0 || e->on == e->store->ctx->rank);
}

static void visit_needs(walk *w, bri_errand *e)
{
    for (size_t i = 0; e->state == BRI_ERRAND_WAITS && i < e->nedges; i++)
        if (e->edges[i].link != NULL)
            visit(w, e->edges[i].before);
    if (e->state == BRI_ERRAND_TAKEN) {
        visit(w, e->blocked_on);
        visit(w, e->above);
    }
}

/* An errand to run, taken; else NULL, and *cycle when the task waits for itself. All that is on the
 * way tells when it becomes ready or is over. */
static bri_errand *find_needed(bri_store *store, const bri_wish *wish, bool *cycle)
{
    walk w = {.store = store, .me = bri_task_current()->errand};
    store->walk++;
    void *cursor = NULL;
    for (bri_errand *e; (e = next_wish(wish, &cursor)) != NULL;)
        visit(&w, e);
    for (bri_errand *e; (e = w.list) != NULL;) {
        w.list = e->next_in_walk;
        if (runs_here(e)) {
            bri_errand_take(e, store->ctx->rank);
            return e;
        }
        visit_needs(&w, e);
    }
    *cycle = w.cycle && wish->only != NULL;
    return NULL;
}

/* ---- inside ---- */

static void refuse_cycle(const bri_wish *wish)
{
    char waits[400];
    char name[400];
    char text[BRI_ERROR_TEXT];
    bri_errand *e = wish->only;
    const bri_errand *me = bri_task_current()->errand;
    bri_errand_describe(me, waits, sizeof waits);
    bri_errand_describe(e, name, sizeof name);
    if (e == me)
        snprintf(text, sizeof text, "%s waits for itself", waits);
    else
        snprintf(text, sizeof text, "%.400s waits for %.400s, which waits for it", waits, name);
    bri_errand_end_locked(e, BR_EARG, text);
}

/* With the lock on entry, without it afterwards. */
static void run_above(bri_errand *below, bri_errand *e)
{
    bri_store *store = e->store;
    below->above = e;
    bri_store_unlock(store);
    bri_drain drain = {.store = store};
    bri_errand_run(e, &drain);
    bri_store_lock(store);
    below->above = NULL;
    bri_store_unlock(store);
}

/* False when there is nothing to run at the moment. */
static bool run_needed(bri_store *store, const bri_wish *wish)
{
    bool cycle = false;
    bri_errand *below = bri_task_current()->errand;
    bri_store_lock(store);
    bri_errand *e = find_needed(store, wish, &cycle);
    if (e != NULL) {
        run_above(below, e);
        return true;
    }
    if (cycle)
        refuse_cycle(wish);
    else
        below->blocked_on = wish->only;
    bri_store_unlock(store);
    return false;
}

static void wait_inside(bri_store *store, const bri_wish *wish)
{
    bri_sleeper sleeper;
    bri_drain_give_back(bri_task_current()->drain);
    bri_sleeper_enter(store, &sleeper, wish, true);
    while (!wish->done(wish->data)) {
        unsigned ticket = bri_event_prepare(store->event);
        if (!run_needed(store, wish) && !wish->done(wish->data))
            sleep_on(store, ticket);
        bri_event_cancel(store->event);
    }
    bri_sleeper_leave(store, &sleeper);
    bri_store_lock(store);
    bri_task_current()->errand->blocked_on = NULL;
    bri_store_unlock(store);
}

/* ---- both ---- */

void bri_store_wait(bri_store *store, const bri_wish *wish)
{
    const br_task *task = bri_task_current();
    if (wish->done(wish->data))
        return;
    if (task != NULL && task->errand->store == store)
        wait_inside(store, wish);
    else
        wait_outside(store, wish);
}

static bool done(const void *data)
{
    return bri_future_done(data);
}

void bri_errand_wait(br_future *future)
{
    bri_errand *e = (bri_errand *)future;
    bri_store_wait(e->store, &(bri_wish){.done = done, .data = future, .only = e});
}

void bri_errand_poll(br_future *future)
{
    bri_errand *e = (bri_errand *)future;
    if (bri_task_current() == NULL)
        bri_store_work(e->store, MOMENT_NS,
                       &(bri_until){.done = done, .data = future, .helps = true});
}
