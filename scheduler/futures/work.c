/* SPDX-License-Identifier: BSD-3-Clause
 * work.c - threads that run errands.
 *
 * A thread takes a few together, as many as run in some 10 us, so that tasks of a microsecond don't
 * spend their time with the lock. What it has not begun others may steal: nothing waits behind a
 * long task while a thread is idle.
 */

#include "runtime/alloc.h"
#include "runtime/busy.h"
#include "runtime/clock.h"
#include "runtime/function.h"
#include "runtime/inside.h"
#include "scheduler/futures/store.h"
#include "scheduler/workers/values.h"

enum { BATCH_NS = 10000 };

static _Thread_local br_task *current;

br_task *bri_task_current(void)
{
    return current;
}

/* ---- running one ---- */

static void begin(br_task *task, bri_errand *e, bri_drain *drain)
{
    task->errand = e;
    task->drain = drain;
    task->below = current;
    task->result = NULL;
    task->result_bytes = 0;
    task->status = BR_EUSER;
    task->text[0] = '\0';
    task->held = NULL;
    task->message = NULL;
    task->begun = e->foreign ? bri_now_ns() : 0;
    atomic_fetch_add_explicit(&e->attempts, 1, memory_order_relaxed);
    current = task;
}

static bool is_cancelled(const bri_errand *e)
{
    return atomic_load_explicit(&e->future.cancelled, memory_order_relaxed);
}

static void say_why(br_task *task, int code)
{
    if (task->text[0] != '\0')
        return;
    char name[128];
    bri_function_name((bri_function)task->errand->fn, name, sizeof name);
    snprintf(task->text, sizeof task->text, "function %s returned %d", name, code);
}

/* Returns whether it is over. */
static bool finish(br_task *task, int code)
{
    bri_errand *e = task->errand;
    bool failed = code != 0 || is_cancelled(e);
    if (failed)
        bri_task_drop_result(task);
    e->result = task->result;
    e->result_bytes = task->result_bytes;
    if (code != 0)
        say_why(task, code);
    else if (failed)
        snprintf(task->text, sizeof task->text, "was cancelled");
    if (e->foreign) { /* at no time neither taken nor on its way */
        e->ns = bri_now_ns() - task->begun;
        e->store->deliver(e->store, e, failed ? task->status : BR_OK, task->text);
        atomic_fetch_sub(&e->store->ntaken, 1);
        return true;
    }
    if (failed)
        return bri_errand_failed(e, task->status, task->text, NULL);
    bri_errand_end(e, BR_OK, NULL);
    return true;
}

/* What its function was refused makes it fail, whatever the function does then. */
static int refuse(br_task *task, bri_inside *inside, int code)
{
    if (!inside->computed && inside->why == NULL)
        return code;
    task->status = inside->why != NULL ? BR_EARG : BR_EUNSUPPORTED;
    if (inside->why != NULL)
        snprintf(task->text, sizeof task->text, "%.511s", inside->why);
    else
        snprintf(task->text, sizeof task->text,
                 "it computes arrays on rank %d, which only rank 0 can: submit it with .on = "
                 "BR_RANK(0)",
                 task->errand->store->ctx->rank);
    bri_free(inside->why);
    return code != 0 ? code : -1;
}

/* Threads that run errands, or are about to, and don't sleep in one. Relaxed: who asks comes by
 * again. */
static atomic_int running;

static void count(int threads)
{
    if (threads != 0)
        atomic_fetch_add_explicit(&running, threads, memory_order_relaxed);
}

bool bri_errands_run(void)
{
    return atomic_load_explicit(&running, memory_order_relaxed) > 0;
}

void bri_errands_sleep(void)
{
    count(current != NULL ? -1 : 0);
}

void bri_errands_go_on(void)
{
    count(current != NULL ? 1 : 0);
}

/* One that is over is released by the caller, when it does not hurry. */
static bool run(bri_errand *e, bri_drain *drain)
{
    br_task task;
    if (!e->foreign && is_cancelled(e))
        return bri_errand_failed(e, BR_ECANCELLED, "was cancelled", NULL);
    begin(&task, e, drain);
    bri_inside inside = {.ctx = e->store->ctx, .errand = e};
    bri_busy_begin_errand(e->store->ctx, (bri_function)e->fn, e->at, e->name);
    bri_inside_begin(&inside);
    int code = e->fn(&task, e->args, e->bytes);
    bri_inside_end();
    bri_busy_end();
    current = task.below;
    if (task.held != NULL || task.message != NULL)
        bri_task_let_go(&task);
    return finish(&task, refuse(&task, &inside, code));
}

void bri_errand_run(bri_errand *e, bri_drain *drain)
{
    atomic_fetch_add_explicit(&e->store->nrun, 1, memory_order_relaxed);
    const int outermost = current == NULL;
    count(outermost);
    bool over = run(e, drain);
    count(-outermost);
    if (over)
        bri_errand_release(e);
}

/* ---- taking some; with the lock ---- */

bri_errand *bri_store_steal(bri_store *store, const bri_drain *own)
{
    for (bri_drain *d = store->drains; d != NULL; d = d->next) {
        if (d == own || atomic_load(&d->at) >= d->n)
            continue;
        int i = atomic_fetch_add(&d->at, 1);
        if (i < d->n)
            return d->errand[i];
    }
    return NULL;
}

static int how_many(const bri_store *store, const bri_drain *d)
{
    size_t ready = store->anywhere.n + store->pinned[store->ctx->rank].n;
    size_t fair = ready / (4 * (size_t)store->ctx->nthreads) + 1;
    return (size_t)d->some < fair ? d->some : (int)fair;
}

static void take(bri_store *store, bri_drain *d)
{
    bri_errand *e;
    int most = how_many(store, d);
    int n = 0;
    for (; n < most && (e = bri_store_first(store, store->ctx->rank)) != NULL; n++) {
        bri_errand_take(e, store->ctx->rank);
        d->errand[n] = e;
    }
    if (n == 0 && (e = bri_store_steal(store, d)) != NULL)
        d->errand[n++] = e;
    atomic_store(&d->at, 0);
    d->n = n;
    atomic_fetch_add(&store->nheld, n);
}

/* What was not begun; the last one first, since each is put in front. */
static void put_back(bri_store *store, bri_drain *d)
{
    int at = d->n > 0 ? atomic_fetch_add(&d->at, d->n) : 0;
    for (int i = d->n - 1; i >= at; i--)
        bri_errand_put_back(d->errand[i]);
    atomic_fetch_sub(&store->nheld, d->n);
    d->n = 0;
}

void bri_drain_give_back(bri_drain *d)
{
    bri_store *store = d->store;
    bri_store_lock(store);
    put_back(store, d);
    bri_store_unlock(store);
}

/* ---- running some ---- */

static bool is_done(const bri_until *until)
{
    return until != NULL && until->done(until->data);
}

/* As many as are done in a short while; twice as many the next time when that was shorter. */
static int run_some(bri_drain *d, bri_errand *over[BRI_DRAIN_MOST], int64_t *now,
                    const bri_until *until)
{
    int nover = 0, nrun = 0;
    int64_t begin = *now;
    const int outermost = current == NULL;
    count(outermost);
    for (int i;
         *now - begin < BATCH_NS && !is_done(until) && (i = atomic_fetch_add(&d->at, 1)) < d->n;) {
        bri_errand *e = d->errand[i];
        if (run(e, d))
            over[nover++] = e;
        *now = bri_now_ns();
        nrun++;
    }
    count(-outermost);
    atomic_fetch_add_explicit(&d->store->nrun, nrun, memory_order_relaxed);
    bool brief = *now - begin < BATCH_NS;
    d->some = brief ? 2 * d->some : 1;
    d->some = d->some < BRI_DRAIN_MOST ? d->some : BRI_DRAIN_MOST;
    return nover;
}

static void enter(bri_store *store, bri_drain *d)
{
    d->next = store->drains;
    d->link = &store->drains;
    if (d->next != NULL)
        d->next->link = &d->next;
    store->drains = d;
}

static void leave(bri_drain *d)
{
    *d->link = d->next;
    if (d->next != NULL)
        d->next->link = d->link;
}

bool bri_store_work(bri_store *store, int64_t ns, const bri_until *until)
{
    bri_errand *over[BRI_DRAIN_MOST];
    bri_drain d = {.store = store, .some = 1};
    if (atomic_load(&store->nready) == 0 && atomic_load(&store->nheld) == 0)
        return false;
    int64_t now = bri_now_ns();
    int64_t end = now + ns;
    bool some = false;
    bri_store_lock(store);
    enter(store, &d);
    for (take(store, &d); d.n > 0; take(store, &d)) {
        bri_store_unlock(store);
        some = true;
        int nover = run_some(&d, over, &now, until);
        for (int i = 0; i < nover; i++)
            bri_errand_release(over[i]);
        bool enough = now >= end || is_done(until); /* which may take the lock */
        bri_store_lock(store);
        put_back(store, &d);
        if (enough)
            break;
    }
    leave(&d);
    bri_store_unlock(store);
    return some;
}
