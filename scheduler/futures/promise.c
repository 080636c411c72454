/* SPDX-License-Identifier: BSD-3-Clause
 * promise.c - errands without a function, which others end: chunks of arrays, and what stands for
 * futures of other kinds among the dependencies of errands.
 */
#include "runtime/promise.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/error.h"
#include "scheduler/futures/store.h"

static bri_errand *new_promise(br_context *ctx, const char *name, br_place at, int references)
{
    bri_store *store = bri_store_of(ctx);
    bri_errand *e = store != NULL ? bri_calloc(1, sizeof *e) : NULL;
    if (e == NULL)
        return NULL;
    e->store = store;
    e->at = at;
    e->on = ctx->rank;
    e->state = BRI_ERRAND_TAKEN;
    e->where = ctx->rank;
    e->future.ctx = ctx;
    e->future.kind = &bri_errand_kind;
    atomic_init(&e->references, references);
    e->name = bri_strdup(name);
    if (e->name != NULL) {
        atomic_fetch_add(&store->npromises, 1);
        return e;
    }
    bri_free(e);
    return NULL;
}

br_future *bri_promise_new(br_context *ctx, const char *name, br_place at)
{
    bri_errand *e = new_promise(ctx, name, at, 2); /* the handle's and the maker's */
    if (e == NULL)
        return NULL;
    bri_future_init(&e->future, ctx, &bri_errand_kind);
    return &e->future;
}

br_future *bri_promise_anonymous(br_context *ctx, const char *name)
{
    bri_errand *e = new_promise(ctx, name, (br_place){NULL, 0}, 1);
    return e != NULL ? &e->future : NULL;
}

void bri_promise_of_job(br_future *promise, uint64_t serial)
{
    ((bri_errand *)promise)->maker = serial;
}

void *bri_promise_room(br_future *promise, size_t bytes)
{
    bri_errand *e = (bri_errand *)promise;
    bri_memory *memory = e->store->ctx->memory;
    e->result_bytes = bytes;
    e->result = e->small_result;
    if (bytes <= BRI_SMALL_RESULT)
        return e->result;
    bri_memory_force(memory, bytes);
    e->result = bri_memory_get(memory, bytes);
    if (e->result == NULL)
        bri_memory_release(memory, bytes);
    return e->result;
}

void bri_promise_end(br_future *promise, br_status status, const char *text)
{
    bri_errand *e = (bri_errand *)promise;
    bool cancelled = atomic_load_explicit(&e->future.cancelled, memory_order_relaxed);
    if (status == BR_OK && cancelled) {
        status = BR_ECANCELLED;
        text = "was cancelled";
    }
    bri_store *store = e->store;
    atomic_fetch_add(&store->ntaken, 1); /* what its end takes off */
    bri_errand_end(e, status, text);
    atomic_fetch_sub(&store->npromises, 1);
    bri_errand_release(e);
}

/* ---- of all futures that have bytes ---- */

bool bri_future_has_bytes(const br_future *future)
{
    return future != NULL && future->kind == &bri_errand_kind;
}

void bri_future_hold(br_future *future)
{
    bri_errand_hold((bri_errand *)future);
}

void bri_future_let_go(br_future *future)
{
    bri_errand_release((bri_errand *)future);
}

br_status bri_future_get(br_future *future, const void **data, size_t *bytes)
{
    const br_future *f = future;
    if (!bri_future_has_bytes(future))
        return bri_error(BR_EARG, "this future is of no task, so it has no bytes");
    if (!bri_future_done(future))
        BRI_TRY(future->kind->wait(future));
    if (future->status == BR_OK) {
        bri_input output = bri_errand_output((const bri_errand *)f);
        *data = output.data;
        *bytes = output.bytes;
        return BR_OK;
    }
    atomic_store_explicit(&future->told, true, memory_order_relaxed);
    return bri_error(future->status, "%s", br_future_message(future));
}

void bri_future_describe(const br_future *future, char *text, size_t size)
{
    bri_errand_describe((const bri_errand *)future, text, size);
}
