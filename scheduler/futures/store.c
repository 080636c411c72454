/* SPDX-License-Identifier: BSD-3-Clause
 * store.c - the store of a context, its queues, and the life of errands.
 */
#include "scheduler/futures/store.h"

#include <limits.h>
#include <sched.h>

#include "runtime/alloc.h"
#include "runtime/busy.h"
#include "runtime/scheduler.h"
#include "runtime/watch.h"
#include "scheduler/workers/exchange.h"
#include "scheduler/workers/shelf.h"

/* How long a thread of the pool stays with errands before it looks at arrays' tasks again. */
enum { TURN_NS = 100000 };

const bri_future_kind bri_errand_kind = {
    .name = "task",
    .wait = bri_errand_wait,
    .poll = bri_errand_poll,
    .cancel = bri_errand_cancel,
    .free = bri_errand_free,
};

bri_errand *bri_errand_of(br_future *future)
{
    return future != NULL && future->kind == &bri_errand_kind ? (bri_errand *)future : NULL;
}

/* ---- the store ---- */

static bri_store *of_helper(const bri_helper *helper)
{
    return (bri_store *)((char *)helper - offsetof(bri_store, helper));
}

static bool work(bri_helper *helper, const bri_until *until)
{
    return bri_store_work(of_helper(helper), TURN_NS, until);
}

static bool any(const bri_helper *helper)
{
    const bri_store *store = of_helper(helper);
    return atomic_load(&store->nready) > 0 || atomic_load(&store->nheld) > 0;
}

static void free_store(bri_store *store)
{
    if (store == NULL)
        return;
    bri_exchange_free(store->exchange); /* the watch thread may print it until then */
    pthread_mutex_destroy(&store->lock);
    bri_shelf_free(store->shelf);
    bri_free(store->pinned);
    bri_free(store);
}

/* Sections are short, so a thread that finds the lock taken looks again a few times before it
 * sleeps. */
static void init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_settype(&how, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(lock, &how);
    pthread_mutexattr_destroy(&how);
}

static bri_store *new_store(br_context *ctx)
{
    bri_store *store = bri_calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->ctx = ctx;
    init_lock(&store->lock);
    store->pool = ctx->scheduler->pool(ctx);
    store->event = store->pool != NULL ? bri_pool_event(store->pool) : &store->own;
    store->hungry = ctx->rank == 0 && ctx->nranks > 1;
    store->helper.work = work;
    store->helper.any = any;
    store->pinned = bri_calloc((size_t)ctx->nranks, sizeof *store->pinned);
    store->shelf = bri_shelf_new();
    if (store->pinned == NULL || store->shelf == NULL ||
        (store->pool != NULL && bri_pool_add_helper(store->pool, &store->helper) != BR_OK)) {
        free_store(store);
        return NULL;
    }
    bri_running_begin(&store->running, ctx, bri_store_stop);
    return store;
}

bri_store *bri_store_of(br_context *ctx)
{
    static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
    bri_store *store = atomic_load_explicit(&ctx->store, memory_order_acquire);
    if (store != NULL)
        return store;
    pthread_mutex_lock(&making);
    store = atomic_load_explicit(&ctx->store, memory_order_relaxed);
    if (store == NULL) {
        store = new_store(ctx);
        atomic_store_explicit(&ctx->store, store, memory_order_release);
    }
    pthread_mutex_unlock(&making);
    return store;
}

/* Foreign errands are left over when rank 0's program has ended without waiting for them. */
static void drop_foreign(bri_queue *q)
{
    bri_errand *own = NULL;
    for (bri_errand *e; (e = bri_queue_first(q)) != NULL;) {
        bri_queue_remove(q, e);
        if (e->foreign) {
            atomic_fetch_sub(&e->store->nready, 1);
            bri_errand_release(e);
            continue;
        }
        e->next_in_walk = own;
        own = e;
    }
    for (; own != NULL; own = own->next_in_walk)
        bri_queue_put_back(q, own);
}

void bri_store_forget(bri_store *store)
{
    bri_exchange_stop(store);
    bri_store_lock(store);
    drop_foreign(&store->anywhere);
    drop_foreign(&store->pinned[store->ctx->rank]);
    bri_store_unlock(store);
}

void bri_store_end(bri_store *store)
{
    if (store->ended)
        return;
    store->ended = true;
    bri_exchange_end(store);
    if (store->pool != NULL)
        bri_pool_remove_helper(store->pool, &store->helper);
    bri_running_end(&store->running);
}

void bri_store_close(br_context *ctx)
{
    bri_store *store = atomic_load_explicit(&ctx->store, memory_order_acquire);
    if (store == NULL)
        return;
    bri_store_end(store);
    bri_exchange_warn_left(store->exchange);
    bri_watch_hold(); /* a rank that serves rank 0's contexts is watched all the time */
    atomic_store_explicit(&ctx->store, NULL, memory_order_relaxed);
    bri_watch_let_go();
    free_store(store);
}

void bri_store_lock(bri_store *store)
{
    pthread_mutex_lock(&store->lock);
}

bool bri_store_try_lock(bri_store *store)
{
    enum { TRIES = 2000 };
    int i = 0;
    while (i < TRIES && pthread_mutex_trylock(&store->lock) != 0) {
        sched_yield();
        i++;
    }
    return i < TRIES;
}

void bri_store_unlock(bri_store *store)
{
    int fresh = store->fresh;
    bool tell = store->tell;
    bool offer = store->offer && !store->offered;
    store->offered |= offer;
    store->fresh = 0;
    store->tell = store->offer = false;
    if (fresh > 0 && store->exchange != NULL)
        bri_relief_wake(store->exchange);
    pthread_mutex_unlock(&store->lock);
    if (tell || (fresh > 0 && store->pool == NULL)) /* whoever sleeps there runs what is ready */
        bri_event_wake(store->event, INT_MAX, BRI_SLEEPS_FOR_JOB);
    if (fresh > 0 && store->pool != NULL)
        bri_pool_wake(store->pool, fresh);
    if (offer)
        store->ctx->scheduler->offer(store->ctx);
}

/* ---- queues ---- */

static bool runs_here(const bri_errand *e)
{
    return e->on < 0 || e->on == e->store->ctx->rank;
}

static bri_queue *queue_of(const bri_errand *e)
{
    return e->on < 0 ? &e->store->anywhere : &e->store->pinned[e->on];
}

static void make_known(bri_errand *e)
{
    bri_store *store = e->store;
    e->state = BRI_ERRAND_READY;
    if (runs_here(e)) {
        atomic_fetch_add(&store->nready, 1);
        store->fresh++;
    }
    store->offer |= store->hungry && e->on != store->ctx->rank;
    store->tell |= e->waited;
}

void bri_errand_make_ready(bri_errand *e)
{
    e->turn = e->store->turn++;
    bri_queue_push(queue_of(e), e);
    make_known(e);
}

bri_errand *bri_store_first(bri_store *store, int rank)
{
    bri_errand *a = bri_queue_first(&store->anywhere);
    bri_errand *b = bri_queue_first(&store->pinned[rank]);
    return bri_queue_before(a, b) ? a : b;
}

void bri_errand_take(bri_errand *e, int rank)
{
    bri_queue_remove(queue_of(e), e);
    e->state = BRI_ERRAND_TAKEN;
    e->where = rank;
    if (runs_here(e))
        atomic_fetch_sub(&e->store->nready, 1);
    atomic_fetch_add(&e->store->ntaken, 1);
}

void bri_errand_put_back(bri_errand *e)
{
    bri_queue_put_back(queue_of(e), e);
    atomic_fetch_sub(&e->store->ntaken, 1);
    make_known(e);
}

/* ---- records ---- */

void bri_errand_hold(bri_errand *e)
{
    atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
}

void bri_errand_drop_args(bri_errand *e)
{
    if (e->args_block == NULL)
        return;
    bri_memory_put(e->store->ctx->memory, e->args_block, e->bytes);
    bri_memory_release(e->store->ctx->memory, e->bytes);
    e->promised -= e->bytes;
    e->args_block = NULL;
}

static void free_errand(bri_errand *e)
{
    bri_memory *memory = e->store->ctx->memory;
    if (e->result != NULL && e->result != e->small_result) {
        bri_memory_put(memory, e->result, e->result_bytes);
        bri_memory_release(memory, e->result_bytes);
    }
    bri_errand_drop_args(e);
    bri_memory_release(memory, e->promised);
    bri_free(e->edges);
    bri_free(e->inputs);
    bri_parcel_release(e->parcel);
    bri_free(e->future.text); /* those that depend on it may read it until now */
    bri_busy_drop_name(e->name);
    bri_free(e);
}

void bri_parcel_release(bri_parcel *parcel)
{
    if (parcel == NULL ||
        atomic_fetch_sub_explicit(&parcel->references, 1, memory_order_acq_rel) != 1)
        return;
    bri_free(parcel->bytes);
    bri_free(parcel);
}

bri_errand *bri_errand_foreign(bri_store *store, br_submit_function *fn, bri_parcel *parcel,
                               size_t ninputs)
{
    bri_errand *e = bri_calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->store = store;
    e->fn = fn;
    e->foreign = true;
    e->on = store->ctx->rank;
    e->future.ctx = store->ctx;
    atomic_init(&e->references, 1);
    if (ninputs > 0 && (e->inputs = bri_calloc(ninputs, sizeof *e->inputs)) == NULL) {
        bri_free(e);
        return NULL;
    }
    e->ninputs = ninputs;
    e->parcel = parcel;
    atomic_fetch_add_explicit(&parcel->references, 1, memory_order_relaxed);
    return e;
}

bri_input bri_errand_output(const bri_errand *e)
{
    return (bri_input){e->result != NULL ? e->result : e->small_result, e->result_bytes};
}

void bri_errand_discard(bri_errand *e)
{
    for (size_t i = 0; i < e->nedges; i++)
        bri_errand_release(e->edges[i].before);
    free_errand(e);
}

/* acq_rel: who frees sees what all others did with it. */
void bri_errand_release(bri_errand *e)
{
    if (atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) == 1)
        free_errand(e);
}

void bri_errand_free(br_future *future)
{
    bri_errand *e = (bri_errand *)future;
    bri_watch_forget(e);
    bri_errand_release(e);
}
