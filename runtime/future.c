/* SPDX-License-Identifier: BSD-3-Clause
 * future.c - the public functions of all kinds of futures.
 */
#include "runtime/future.h"

#include "runtime/alloc.h"

static const char no_memory[] = "no memory for a future";

static br_future *of_owned(bri_owned *owned)
{
    return (br_future *)owned; /* its first member */
}

/* ---- its state ---- */

/* The first to do so. */
static bool takes(atomic_bool *flag)
{
    return !atomic_exchange_explicit(flag, true, memory_order_acq_rel);
}

void bri_future_settle(br_future *f, br_status status, const char *text)
{
    f->status = status;
    if (status != BR_OK)
        f->text = bri_strdup(text); /* without memory the status speaks for itself */
    atomic_store_explicit(&f->done, true, memory_order_release);
}

static const char *text_of(const br_future *f)
{
    return f->text != NULL ? f->text : br_status_text(f->status);
}

/* Who cancels knows. */
static void tell_context(br_future *f)
{
    bool wanted =
        f->status == BR_ECANCELLED && atomic_load_explicit(&f->cancelled, memory_order_relaxed);
    if (f->status != BR_OK && !wanted && takes(&f->told))
        bri_context_fail(f->ctx, f->status, text_of(f));
}

/* ---- waiting and asking ---- */

static br_status outcome(br_future *f)
{
    tell_context(f);
    return f->status == BR_OK ? BR_OK : bri_error(f->status, "%s", text_of(f));
}

br_status br_wait(br_future *f)
{
    if (f == NULL)
        return bri_error(BR_ENOMEM, "%s", no_memory);
    if (bri_future_done(f))
        return outcome(f);
    atomic_fetch_add(&f->waiters, 1);
    br_status st = f->kind->wait(f);
    st = st == BR_OK ? outcome(f) : st;
    atomic_fetch_sub(&f->waiters, 1);
    return st;
}

br_status br_wait_all(br_future *const futures[], size_t n)
{
    br_status first = BR_OK;
    for (size_t i = 0; i < n; i++) {
        br_status st = br_wait(futures[i]);
        first = first == BR_OK ? st : first;
    }
    return first;
}

bool br_test(br_future *f)
{
    if (f == NULL || bri_future_done(f))
        return true;
    if (f->kind->poll != NULL)
        f->kind->poll(f);
    return bri_future_done(f);
}

void br_cancel(br_future *f)
{
    if (f == NULL || bri_future_done(f))
        return;
    atomic_store_explicit(&f->cancelled, true, memory_order_relaxed);
    f->kind->cancel(f);
}

const char *br_future_message(const br_future *f)
{
    if (f == NULL)
        return no_memory;
    return bri_future_done(f) && f->status != BR_OK ? text_of(f) : "";
}

/* ---- its life ---- */

static br_status end(br_future *f)
{
    if (bri_future_done(f))
        return BR_OK;
    f->kind->cancel(f);
    return f->kind->wait(f);
}

/* It is done: br_future_free has seen to that, or bri_futures_end. */
static void release(bri_owned *owned)
{
    br_future *f = of_owned(owned);
    tell_context(f);
    if (f->forget != NULL)
        f->forget(f);
    f->kind->free(f);
}

static void set_up(br_future *f, br_context *ctx, const bri_future_kind *kind)
{
    f->ctx = ctx;
    f->kind = kind;
    atomic_init(&f->done, false);
    atomic_init(&f->told, false);
    atomic_init(&f->waiters, 0);
    f->job = 0;
    atomic_init(&f->cancelled, false);
    f->status = BR_OK;
    f->text = NULL;
    f->forget = NULL;
}

void bri_future_init(br_future *f, br_context *ctx, const bri_future_kind *kind)
{
    set_up(f, ctx, kind);
    bri_context_own(ctx, &f->owned, release);
}

br_future *bri_future_next(br_context *ctx, br_future *after)
{
    bri_owned *owned = after != NULL ? after->owned.next : ctx->owned;
    while (owned != NULL && owned->free != release)
        owned = owned->next;
    return owned != NULL ? of_owned(owned) : NULL;
}

static bri_owned *newest(br_context *ctx)
{
    pthread_mutex_lock(&ctx->lock);
    bri_owned *owned = ctx->owned;
    pthread_mutex_unlock(&ctx->lock);
    return owned;
}

/* What tasks hand in meanwhile stands in front of what was there, and nothing leaves the list. */
void bri_futures_end(br_context *ctx)
{
    bri_owned *seen = NULL;
    for (bri_owned *first; (first = newest(ctx)) != seen; seen = first)
        for (bri_owned *owned = first; owned != seen; owned = owned->next)
            if (owned->free == release)
                end(of_owned(owned));
}

static void free_failed(br_future *f)
{
    bri_free(f->text);
    bri_free(f);
}

/* Done before the context has it: one that closes meanwhile would cancel it. */
br_future *bri_future_failed(br_context *ctx, br_status status, const char *text)
{
    static const bri_future_kind kind = {.name = "failed", .free = free_failed};
    br_future *f = bri_calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    set_up(f, ctx, &kind);
    bri_future_fail(f, status, text);
    bri_context_own(ctx, &f->owned, release);
    return f;
}

br_future *bri_future_nothing(void)
{
    static br_future nothing = {.done = true};
    return &nothing;
}

void bri_future_fail(br_future *f, br_status status, const char *text)
{
    atomic_store_explicit(&f->told, true, memory_order_relaxed);
    bri_future_settle(f, status, text);
}

/* What cannot be freed now is freed by br_close. */
static br_status prepare_free(br_future *f)
{
    br_cancel(f);
    BRI_TRY(end(f));
    if (atomic_load(&f->waiters) == 0)
        return BR_OK;
    return bri_error(BR_EARG,
                     "br_future_free of a %s future that another thread still waits for: it is "
                     "freed by br_close instead",
                     f->kind->name);
}

void br_future_free(br_future *f)
{
    if (f == NULL || f->ctx == NULL)
        return;
    br_status st = prepare_free(f);
    if (st == BR_OK)
        bri_context_disown(&f->owned);
    else
        bri_context_fail(f->ctx, st, bri_last_error());
}
