/* SPDX-License-Identifier: BSD-3-Clause
 * relief.c - threads that take the place of those that wait in br_recv, or inside a task for
 * another one, which may wait there.
 *
 * What a task waits for may be sent by one that stands in the queue, and that one may wait for a
 * message in turn. Running it on the same stack would make the first one wait until it has ended.
 * So each thread that waits lets another one run errands meanwhile, which goes to sleep again when
 * the first is back.
 *
 * Under sync one of them runs at a time, and none while main does not wait: who is back waits until
 * the task that runs has ended or waits itself.
 */
#include <signal.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "runtime/crash.h"
#include "scheduler/workers/exchange.h"

/* So many for br_recv, so many for other waits: these do without rather than fail. */
enum { MOST_THREADS = 256, MOST_INSIDE = 256 };
enum { SLICE_NS = 100000, AGAIN_NS = 2000000 };

static _Thread_local const bri_exchange *relief_of;

bool bri_relief_is_this(void)
{
    return relief_of != NULL;
}

static bool is_sync(const bri_exchange *x)
{
    return x->store->pool == NULL;
}

/* ---- a relief thread; with the lock ---- */

static bool may_run(const bri_exchange *x)
{
    const bri_store *store = x->store;
    if (atomic_load(&store->nready) == 0 && atomic_load(&store->nheld) == 0)
        return false;
    return is_sync(x) ? x->nresting > 0 && x->nrelief == 0 : x->nrelief < x->nwaiting;
}

/* What others have taken and not begun may be about to begin: then look again a little later. */
static void wait_a_moment(bri_exchange *x)
{
    bri_condition_wait(&x->changed, &x->store->lock, bri_now_ns() + AGAIN_NS);
}

static bool run_some(bri_exchange *x)
{
    bri_store *store = x->store;
    x->nrelief++;
    bri_store_unlock(store);
    bool some = bri_store_work(store, is_sync(x) ? 0 : SLICE_NS, NULL);
    bri_store_lock(store);
    x->nrelief--;
    if (is_sync(x))
        pthread_cond_broadcast(&x->changed);
    return some;
}

static void *relief_main(void *data)
{
    bri_exchange *x = data;
    relief_of = x;
    pthread_setname_np(pthread_self(), "bramble-relief");
    bri_store_lock(x->store);
    while (!x->store->stopped) {
        if (!may_run(x))
            pthread_cond_wait(&x->changed, &x->store->lock);
        else if (!run_some(x))
            wait_a_moment(x);
    }
    bri_store_unlock(x->store);
    return NULL;
}

/* Signals go to the program's own threads. */
static br_status start_thread(bri_exchange *x)
{
    sigset_t all;
    sigset_t old;
    if (x->nthreads >= MOST_THREADS + (size_t)x->ninside)
        return bri_error(BR_ENOMEM, "%d tasks wait in br_recv already", MOST_THREADS);
    BRI_TRY(bri_grow(&x->threads, &x->room, x->nthreads, sizeof *x->threads));
    bri_crash_blocked(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = pthread_create(&x->threads[x->nthreads], NULL, relief_main, x);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failure != 0)
        return bri_error(BR_ENOMEM, "cannot start a thread in the place of one that waits: %s",
                         strerror(failure));
    x->nthreads++;
    return BR_OK;
}

/* ---- who waits; with the lock ---- */

static void leave_turn(bri_exchange *x)
{
    if (relief_of == x)
        x->nrelief--;
    else
        x->nresting++;
    pthread_cond_broadcast(&x->changed);
}

static bool is_my_turn(const bri_exchange *x)
{
    if (!is_sync(x) || x->store->stopped)
        return true;
    return x->nrelief == 0 && (relief_of != x || x->nresting > 0);
}

static void take_turn(bri_exchange *x)
{
    while (!is_my_turn(x))
        pthread_cond_wait(&x->changed, &x->store->lock);
    if (relief_of == x)
        x->nrelief++;
    else
        x->nresting--;
}

br_status bri_relief_begin(bri_exchange *x)
{
    if (x->nthreads <= (size_t)x->nwaiting)
        BRI_TRY(start_thread(x));
    x->nwaiting++;
    leave_turn(x);
    return BR_OK;
}

void bri_relief_end(bri_exchange *x)
{
    x->nwaiting--;
    take_turn(x);
}

void bri_relief_wake(bri_exchange *x)
{
    if (x->nwaiting > 0)
        pthread_cond_broadcast(&x->changed);
}

/* ---- other ways to sleep ---- */

/* False where no thread can be had for it. */
static bool begin_inside(bri_exchange *x)
{
    if (x->ninside == MOST_INSIDE || x->store->stopped)
        return false;
    x->ninside++;
    if (x->nthreads <= (size_t)x->nwaiting && start_thread(x) != BR_OK) {
        x->ninside--;
        return false;
    }
    x->nwaiting++;
    return true;
}

bri_rest bri_relief_rest(bri_store *store, bool in_task)
{
    bri_rest rest = BRI_NO_REST;
    if (store->pool != NULL && !in_task)
        return rest;
    bri_store_lock(store);
    bri_exchange *x = store->exchange;
    if (x != NULL && in_task && begin_inside(x))
        rest = BRI_REST_INSIDE;
    else if (x != NULL && is_sync(x))
        rest = BRI_REST;
    if (rest != BRI_NO_REST)
        leave_turn(x);
    bri_store_unlock(store);
    return rest;
}

void bri_relief_resume(bri_store *store, bri_rest rest)
{
    if (rest == BRI_NO_REST)
        return;
    bri_store_lock(store);
    bri_exchange *x = store->exchange;
    x->ninside -= rest == BRI_REST_INSIDE;
    x->nwaiting -= rest == BRI_REST_INSIDE;
    take_turn(x);
    bri_store_unlock(store);
}

/* ---- the end ---- */

void bri_exchange_stop(bri_store *store)
{
    bri_store_lock(store);
    bri_exchange *x = store->exchange;
    store->stopped = true;
    for (bri_waiter *w = x != NULL ? x->waiters : NULL; w != NULL; w = w->next)
        if (!w->done)
            bri_waiter_done(x, w, NULL, BR_ECANCELLED,
                            "br_recv: the context closes, or the program has ended");
    if (x != NULL)
        pthread_cond_broadcast(&x->changed);
    bri_store_unlock(store);
}

/* None is started any more. */
void bri_exchange_end(bri_store *store)
{
    bri_exchange_stop(store);
    bri_exchange *x = store->exchange;
    for (size_t i = 0; x != NULL && i < x->nthreads; i++)
        pthread_join(x->threads[i], NULL);
}
