/* SPDX-License-Identifier: BSD-3-Clause
 * wait.c - waiting for errands and jobs, outside of tasks and inside.
 *
 * Outside of tasks a thread runs whatever is ready. Inside one it runs only what the wish needs
 * (needs.h). Anything else could, from above it on the same stack, wait for the very task that is
 * suspended below, which then never ends. Where nothing of that is ready somebody runs it, and the
 * thread sleeps; or it waits for its own end, by way of others, and the wish is refused. So while
 * threads wait inside tasks, one of them can always go on: what waits for nothing is needed by
 * somebody, who runs it. The same holds where what it waits for is another context's (across.h).
 */
#include <limits.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/scheduler.h"
#include "scheduler/futures/across.h"
#include "scheduler/workers/exchange.h"

enum { MOMENT_NS = 20000, SLICE_NS = 100000 };

static br_future *next_wish(const bri_wish *wish, void **cursor)
{
    if (wish->each != NULL)
        return wish->each(wish->data, cursor);
    br_future *f = *cursor == NULL ? wish->only : NULL;
    *cursor = wish->only;
    return f;
}

/* Whoever ends one of them tells. */
static void want_all(bri_store *store, const bri_wish *wish)
{
    void *cursor = NULL;
    bri_store_lock(store);
    for (br_future *f; (f = next_wish(wish, &cursor)) != NULL;) {
        bri_errand *e = bri_errand_of(f);
        if (e == NULL)
            continue;
        e->waited = true;
        atomic_fetch_or(&e->flags, BRI_ERRAND_WANTED);
    }
    bri_store_unlock(store);
}

/* ---- outside ---- */

/* Without other threads nothing else can happen any more. With the lock none that has just ended
 * has made something ready that is not seen. */
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
    bri_errand *e = bri_errand_of(wish->only);
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
    bri_rest rest = bri_relief_rest(store, false);
    bri_event_sleep(store->event, ticket, BRI_SLEEPS_FOR_JOB);
    bri_relief_resume(store, rest);
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

/* ---- inside: it cannot end ---- */

static bool is_own(const bri_wants *needs)
{
    const bri_inside *in = bri_inside_here;
    return needs->task == in || (needs->errand != NULL && needs->errand == in->errand);
}

/* With the lock. */
static br_status refuse_cycle(const bri_wish *wish, const bri_wants *needs)
{
    char name[400];
    char culprit[400];
    char text[BRI_ERROR_TEXT];
    bri_errand *e = bri_errand_of(wish->only);
    bri_inside_describe(bri_inside_here, name);
    bri_culprit_describe(needs, culprit);
    if (is_own(needs))
        snprintf(text, sizeof text, "%.400s waits for %s", name,
                 e != NULL ? "itself" : "the compute that it belongs to");
    else if (needs->errand == e && e != NULL)
        snprintf(text, sizeof text, "%.400s waits for %.400s, which waits for it", name, culprit);
    else
        snprintf(text, sizeof text, "%.400s would wait for ever, for what waits for it: %.400s",
                 name, culprit);
    return bri_inside_refuse(text);
}

static br_status refuse_across(const bri_wish *wish, const bri_culprit *culprit)
{
    char name[400];
    char text[BRI_ERROR_TEXT];
    bool direct = wish->only != NULL && culprit->errand == bri_errand_of(wish->only);
    bri_inside_describe(bri_inside_here, name);
    snprintf(text, sizeof text,
             direct ? "%.400s waits for %.400s of another context, which waits for it"
                    : "%.400s would wait for ever, by way of another context, for what waits for "
                      "it: %.400s",
             name, culprit->name);
    return bri_inside_refuse(text);
}

/* The task lies above one of the context that it waits in. With the lock. */
static br_status refuse_below(const bri_wish *wish, const bri_wants *needs)
{
    bri_culprit culprit = {.errand = needs->errand};
    bri_culprit_describe(needs, culprit.name);
    return refuse_across(wish, &culprit);
}

/* ---- inside: what helps ---- */

/* A task that waits: an errand's of this context, or another one, which is listed. */
typedef struct waiting {
    bri_store *store;
    const bri_wish *wish;
    bri_errand *errand;
    bri_blocked blocked;
    bool crosses; /* it is of another context */
    bri_crossing crossing;
    bri_sleeper sleeper; /* but of a job's task */
    bool stands;         /* its place in the pool, if it had one, is free for others */
    bri_seat seat;
} waiting;

static void enlist(waiting *w)
{
    bri_store *store = w->store;
    if (w->errand != NULL) {
        w->errand->blocked_on = w->wish;
        return;
    }
    w->blocked.next = store->blocked;
    w->blocked.link = &store->blocked;
    if (w->blocked.next != NULL)
        w->blocked.next->link = &w->blocked.next;
    store->blocked = &w->blocked;
}

static void enter(waiting *w)
{
    if (w->store->pool != NULL)
        bri_pool_choosy(w->store->pool, 1);
    bri_store_lock(w->store);
    enlist(w);
    bri_store_unlock(w->store);
    if (w->crosses)
        bri_crossing_begin(&w->crossing);
    if (w->errand != NULL || w->crosses)
        bri_sleeper_enter(w->store, &w->sleeper, w->wish, w->errand != NULL);
}

static void leave(waiting *w)
{
    if (w->errand != NULL || w->crosses)
        bri_sleeper_leave(w->store, &w->sleeper);
    if (w->crosses)
        bri_crossing_end(&w->crossing);
    if (w->store->pool != NULL)
        bri_pool_choosy(w->store->pool, -1);
    bri_store_lock(w->store);
    if (w->errand != NULL) {
        w->errand->blocked_on = NULL;
    } else {
        *w->blocked.link = w->blocked.next;
        if (w->blocked.next != NULL)
            w->blocked.next->link = w->blocked.link;
    }
    bri_store_unlock(w->store);
}

/* With the lock: what the thread runs above the task. */
static void set_above(waiting *w, bri_errand *e, uint64_t job)
{
    if (w->errand != NULL) {
        w->errand->above = e;
        w->errand->above_job = job;
    } else {
        w->blocked.above = e;
        w->blocked.above_job = job;
    }
}

/* With the lock on entry, without it afterwards. */
static void run_above(waiting *w, bri_errand *e)
{
    set_above(w, e, 0);
    bri_errand_hold(e); /* others' walks find it above the task until it is taken from there */
    bri_store_unlock(w->store);
    bri_drain drain = {.store = w->store};
    bri_errand_run(e, &drain);
    bri_store_lock(w->store);
    set_above(w, NULL, 0);
    bri_store_unlock(w->store);
    bri_errand_release(e);
}

static bool run_job(waiting *w, uint64_t job)
{
    bri_chosen held;
    if (!bri_pool_take_of(w->store->pool, job, &held))
        return false;
    bri_store_lock(w->store);
    set_above(w, NULL, job);
    bri_store_unlock(w->store);
    bri_pool_run_chosen(w->store->pool, &held);
    bri_store_lock(w->store);
    set_above(w, NULL, 0);
    bri_store_unlock(w->store);
    return true;
}

static bool run_jobs(waiting *w, const bri_wants *needs)
{
    for (int i = 0; w->store->pool != NULL && i < needs->njobs; i++)
        if (run_job(w, needs->job[i]))
            return true;
    return false;
}

/* False when there is nothing to run at the moment. */
static bool run_needed(waiting *w, br_status *st)
{
    bri_wants needs;
    bri_culprit culprit;
    bri_store_lock(w->store);
    bri_wants_of(w->store, w->wish, &needs);
    if (needs.ready != NULL) {
        run_above(w, needs.ready);
        return true;
    }
    if (needs.cycle && *st == BR_OK)
        *st = w->crosses ? refuse_below(w->wish, &needs) : refuse_cycle(w->wish, &needs);
    bri_store_unlock(w->store);
    if (*st == BR_OK && bri_leads_across(w->store, w->wish, &culprit))
        *st = refuse_across(w->wish, &culprit);
    return *st == BR_OK && run_jobs(w, &needs);
}

/* A thread that serves rank 0 begins announced jobs meanwhile: what it waits for may need them. */
static void pump(br_context *ctx)
{
    if (ctx->scheduler->pump != NULL)
        ctx->scheduler->pump(ctx);
}

/* What it waits for may wait for a message, whose sender nobody knows: it may be anything that is
 * ready, or what comes after a compute. So where there are messages others take the place of who
 * sleeps: one in the pool, until the wait is over, and one that runs errands. True when that has
 * woken threads just now, so that the ticket is void. */
static bool give_place(waiting *w)
{
    bri_store *store = w->store;
    if (store->pool == NULL || w->crosses || w->stands)
        return false;
    bri_store_lock(store);
    w->stands = store->exchange != NULL;
    bri_store_unlock(store);
    if (w->stands)
        bri_pool_stand_up(store->pool, &w->seat);
    return w->stands;
}

static void sleep_inside(const waiting *w, unsigned ticket)
{
    bri_store *store = w->store;
    bri_rest rest = bri_relief_rest(store, !w->crosses);
    bri_errands_sleep();
    if (store->pool != NULL)
        bri_pool_sleep_for_few(store->pool, ticket);
    else
        bri_event_sleep(store->event, ticket, BRI_SLEEPS_FOR_JOB);
    bri_errands_go_on();
    bri_relief_resume(store, rest);
}

/* w->blocked of it stays where it is listed. */
static void begin(waiting *w, bri_store *store, const bri_wish *wish)
{
    const bri_inside *in = bri_inside_here;
    *w = (waiting){.store = store,
                   .wish = wish,
                   .errand = in->ctx == store->ctx ? in->errand : NULL,
                   .blocked = {.task = in, .wish = wish},
                   .crosses = in->ctx != store->ctx,
                   .crossing = {.wait = &w->blocked, .store = store}};
    enter(w);
}

/* Until it is done or cannot be: then with that error. */
static br_status wait_refusable(bri_store *store, const bri_wish *wish)
{
    br_status st = BR_OK;
    waiting w;
    for (br_task *t = bri_task_current(); t != NULL; t = t->below)
        bri_drain_give_back(t->drain);
    begin(&w, store, wish);
    while (st == BR_OK && !wish->done(wish->data)) {
        unsigned ticket = bri_event_prepare(store->event);
        pump(store->ctx);
        if (!run_needed(&w, &st) && st == BR_OK && !wish->done(wish->data) && !give_place(&w))
            sleep_inside(&w, ticket);
        bri_event_cancel(store->event);
    }
    if (w.stands)
        bri_pool_sit_down(store->pool, &w.seat);
    leave(&w);
    return st;
}

/* ---- both ---- */

br_status bri_store_wait(bri_store *store, const bri_wish *wish)
{
    if (wish->done(wish->data))
        return BR_OK;
    if (bri_inside_here != NULL)
        return wait_refusable(store, wish);
    wait_outside(store, wish);
    return BR_OK;
}

static bool done(const void *data)
{
    return bri_future_done(data);
}

br_status bri_errand_wait(br_future *future)
{
    bri_errand *e = (bri_errand *)future;
    return bri_store_wait(e->store, &(bri_wish){.done = done, .data = future, .only = future});
}

void bri_errand_poll(br_future *future)
{
    bri_errand *e = (bri_errand *)future;
    if (bri_inside_here == NULL)
        bri_store_work(e->store, MOMENT_NS,
                       &(bri_until){.done = done, .data = future, .helps = true});
}

br_status bri_wait_inside(br_future *future)
{
    bri_store *store = bri_store_of(future->ctx);
    if (store == NULL)
        return BR_ENOMEM;
    return bri_store_wait(
        store, &(bri_wish){.done = done, .data = future, .only = future, .others = true});
}

/* Once it has failed its tasks pass through. */
static void pass_through(bri_job *job, const bri_wish *wish)
{
    bri_pool *pool = job->ctx->scheduler->pool(job->ctx);
    while (!wish->done(wish->data)) {
        unsigned ticket = bri_event_prepare(bri_pool_event(pool));
        if (!bri_job_done(job))
            bri_pool_pass(pool, job);
        else if (!wish->done(wish->data))
            bri_pool_sleep_for_few(pool, ticket);
        bri_event_cancel(bri_pool_event(pool));
    }
}

/* Those of its tasks that wait for this one look again, now that it is seen to wait for them: they
 * are refused, too, since it cannot go on before they end. */
static void wait_for_failed(bri_store *store, bri_job *job, const bri_wish *wish)
{
    waiting w;
    begin(&w, store, wish);
    bri_event_wake(store->event, INT_MAX, BRI_SLEEPS_ANY);
    bri_crossings_wake();
    pass_through(job, wish);
    leave(&w);
}

void bri_wait_for_job(bri_job *job, bool (*done)(const void *data), const void *data)
{
    bri_store *store = bri_store_of(job->ctx);
    bri_wish wish = {.done = done, .data = data, .job = job->serial, .others = true};
    br_status st = store != NULL ? bri_store_wait(store, &wish) : BR_ENOMEM;
    if (st != BR_OK)
        bri_job_fail(job, st, bri_last_error());
    if (st != BR_OK && store != NULL)
        wait_for_failed(store, job, &wish);
    pass_through(job, &wish);
}
