/* SPDX-License-Identifier: BSD-3-Clause
 * talk.c - what tasks call to send messages and to wait for them.
 */
#include <string.h>

#include <bramble/workers.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/inside.h"
#include "runtime/scheduler.h"
#include "scheduler/workers/exchange.h"
#include "scheduler/workers/values.h"

/* How often a thread that waits looks whether it does so in vain. */
enum { LOOK_NS = 20000000 };

/* ---- sending ---- */

static br_status send(br_task *task, const char *name, const void *data, size_t bytes)
{
    bri_store *store = task->errand->store;
    bri_kept *kept = NULL;
    BRI_TRY(bri_name_check(name));
    BRI_TRY(bri_kept_copy(store->ctx->memory, data, bytes, &kept));
    bri_store_lock(store);
    bri_exchange *x = bri_exchange_of(store);
    br_status st = x != NULL ? bri_exchange_send(x, name, task->errand, kept) : BR_ENOMEM;
    bri_store_unlock(store);
    bri_kept_release(kept);
    return st;
}

int br_send(br_task *task, const char *name, const void *data, size_t bytes)
{
    br_status st = send(task, name, data, bytes);
    return st == BR_OK ? 0 : bri_task_failed(task, bri_error_context(st, "br_send"));
}

/* ---- waiting ---- */

static bool is_main(const bri_store *store)
{
    bool own = store->pool != NULL && bri_pool_owns_this();
    return store->ctx->rank == 0 && !own && !bri_relief_is_this();
}

static bool is_cancelled(const bri_waiter *w)
{
    return atomic_load_explicit(&w->task->errand->future.cancelled, memory_order_relaxed);
}

/* With the lock. Over several ranks rank 0 asks the others (scheduler/mpi/notes.c). */
static void look(bri_exchange *x, bri_waiter *w)
{
    bri_store *store = x->store;
    if (is_cancelled(w) && bri_exchange_unwant(x, w))
        bri_waiter_done(x, w, NULL, BR_ECANCELLED, "br_recv: was cancelled");
    else if (store->ctx->nranks == 1 && bri_store_main_waits(store) && bri_store_is_quiet(store, 0))
        bri_exchange_give_up(x);
}

static void link_waiter(bri_exchange *x, bri_waiter *w)
{
    bri_condition_init(&w->wake);
    w->next = x->waiters;
    w->link = &x->waiters;
    if (w->next != NULL)
        w->next->link = &w->next;
    x->waiters = w;
}

static void unlink_waiter(bri_waiter *w)
{
    *w->link = w->next;
    if (w->next != NULL)
        w->next->link = w->link;
    pthread_cond_destroy(&w->wake);
}

/* With the lock. A thread that serves rank 0 goes on with that now and then. */
static void sleep_a_while(bri_exchange *x, bri_waiter *w)
{
    bri_store *store = x->store;
    if (bri_condition_wait(&w->wake, &store->lock, bri_now_ns() + LOOK_NS) || w->done)
        return;
    look(x, w);
    if (store->ctx->scheduler->pump == NULL || w->done)
        return;
    bri_store_unlock(store);
    store->ctx->scheduler->pump(store->ctx);
    bri_store_lock(store);
}

/* With the lock; the seat of the pool is for who works. */
static void wait_for(bri_exchange *x, bri_waiter *w)
{
    bri_store *store = x->store;
    bri_seat seat = {NULL, NULL};
    w->on_main = is_main(store);
    x->nmain += w->on_main;
    bri_store_unlock(store);
    if (store->pool != NULL)
        bri_pool_stand_up(store->pool, &seat);
    bri_store_lock(store);
    bri_errands_sleep();
    while (!w->done)
        sleep_a_while(x, w);
    bri_errands_go_on();
    x->nmain -= w->on_main;
    bri_store_unlock(store);
    if (store->pool != NULL)
        bri_pool_sit_down(store->pool, &seat);
    bri_store_lock(store);
}

/* With the lock. What rank 0 knows of is here or comes soon, whatever other threads do. */
static br_status want(bri_exchange *x, bri_waiter *w)
{
    if (x->store->stopped)
        return bri_error(BR_ECANCELLED, "the context closes, or the program has ended");
    bool soon = bri_exchange_has(x, w->name);
    if (!soon)
        BRI_TRY(bri_relief_begin(x));
    link_waiter(x, w);
    br_status st = bri_exchange_want(x, w);
    if (st == BR_OK && !w->done)
        wait_for(x, w);
    unlink_waiter(w);
    if (!soon)
        bri_relief_end(x);
    return st;
}

static void offer(bri_store *store)
{
    if (store->ctx->rank == 0 && store->ctx->scheduler->offer != NULL)
        store->ctx->scheduler->offer(store->ctx); /* rank 0's communication thread looks, too */
}

/* The message with a reference. */
static br_status receive(br_task *task, const char *name, bri_kept **out)
{
    bri_store *store = task->errand->store;
    bri_waiter w = {.name = name, .task = task};
    BRI_TRY(bri_name_check(name));
    bri_drain_give_back(task->drain);
    offer(store);
    bri_store_lock(store);
    bri_exchange *x = bri_exchange_of(store);
    br_status st = x != NULL ? want(x, &w) : BR_ENOMEM;
    bri_store_unlock(store);
    if (st != BR_OK)
        return bri_error_context(st, "br_recv of \"%.60s\"", name);
    *out = w.kept;
    if (w.status == BR_EUSER && bri_inside_here != NULL) /* nobody will send it */
        return bri_inside_refuse(w.text);
    return w.status == BR_OK ? BR_OK : bri_error(w.status, "%s", w.text);
}

/* ---- receiving ---- */

int br_recv(br_task *task, const char *name, void *buffer, size_t bytes)
{
    bri_kept *kept = NULL;
    br_status st = receive(task, name, &kept);
    if (st == BR_OK && kept->bytes != bytes)
        st = bri_error(BR_ESHAPE, "br_recv: the message \"%.60s\" has %zu bytes, not %zu", name,
                       kept->bytes, bytes);
    if (st == BR_OK && bytes > 0)
        memcpy(buffer, kept->data, bytes);
    bri_kept_release(kept);
    return st == BR_OK ? 0 : bri_task_failed(task, st);
}

const void *br_recv_view(br_task *task, const char *name, size_t *bytes)
{
    bri_kept *kept = NULL;
    br_status st = receive(task, name, &kept);
    if (bytes != NULL)
        *bytes = kept != NULL ? kept->bytes : 0;
    if (st != BR_OK) {
        bri_task_failed(task, st);
        return NULL;
    }
    bri_kept_release(task->message);
    task->message = kept;
    return kept->data;
}
