/* SPDX-License-Identifier: BSD-3-Clause
 * print.c - what errands do at the moment, for the watch thread.
 */
#include "runtime/busy.h"
#include "scheduler/futures/across.h"

enum { MOST_LINES = 12 };

bool bri_store_count(const br_context *ctx, long long *run)
{
    const bri_store *store = atomic_load_explicit(&ctx->store, memory_order_acquire);
    if (store == NULL)
        return false;
    *run += atomic_load_explicit(&store->nrun, memory_order_relaxed);
    return atomic_load(&store->ntaken) > 0;
}

static const bri_errand *first_missing(const bri_errand *e, int *missing)
{
    const bri_errand *first = NULL;
    *missing = 0;
    for (size_t i = 0; i < e->nedges; i++) {
        if (e->edges[i].link == NULL)
            continue;
        first = first != NULL ? first : e->edges[i].before;
        ++*missing;
    }
    return first;
}

static void print_waiting(const bri_errand *e, FILE *to)
{
    char name[400];
    char other[400];
    int missing = 1;
    bool blocked = e->state == BRI_ERRAND_TAKEN;
    const bri_errand *before = blocked ? NULL : first_missing(e, &missing);
    bri_errand_describe(e, name, sizeof name);
    snprintf(other, sizeof other, "a compute");
    if (blocked)
        bri_wish_describe(e->blocked_on, other);
    else if (before != NULL)
        bri_errand_describe(before, other, sizeof other);
    fprintf(to, "  waiting%s: %s for %s", blocked ? " inside" : "", name, other);
    if (missing > 1)
        fprintf(to, " and %d more", missing - 1);
    fprintf(to, "\n");
}

static bool waits(const bri_errand *e)
{
    return e->state == BRI_ERRAND_WAITS || (e->state == BRI_ERRAND_TAKEN && e->blocked_on != NULL);
}

/* All that wait have a handle. With the context's lock and the store's. */
static void print_all_waiting(br_context *ctx, FILE *to)
{
    int n = 0;
    for (br_future *f = bri_future_next(ctx, NULL); f != NULL; f = bri_future_next(ctx, f)) {
        const bri_errand *e = bri_errand_of(f);
        if (e != NULL && !bri_future_done(f) && waits(e) && ++n <= MOST_LINES)
            print_waiting(e, to);
    }
    if (n > MOST_LINES)
        fprintf(to, "  and %d more tasks that were handed in are waiting\n", n - MOST_LINES);
}

void bri_store_print(br_context *ctx, FILE *to)
{
    bri_store *store = atomic_load_explicit(&ctx->store, memory_order_acquire);
    bri_crossings_print(ctx, to);
    if (store == NULL)
        return;
    pthread_mutex_lock(&ctx->lock);
    if (!bri_store_try_lock(store)) {
        pthread_mutex_unlock(&ctx->lock);
        return;
    }
    size_t ready = store->anywhere.n;
    for (int r = 0; r < ctx->nranks; r++)
        ready += store->pinned[r].n;
    int taken = atomic_load(&store->ntaken);
    if (ready > 0 || taken > 0)
        fprintf(to, "tasks that were handed in: %lld run, %zu ready, %d begun%s\n",
                atomic_load(&store->nrun), ready, taken,
                ctx->rank == 0 && ctx->nranks > 1 ? " or with other ranks" : "");
    print_all_waiting(ctx, to);
    bri_store_unlock(store);
    pthread_mutex_unlock(&ctx->lock);
    bri_busy_print_errands(ctx, to);
}
