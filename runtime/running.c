/* SPDX-License-Identifier: BSD-3-Clause
 * running.c - the list of what runs, and stopping it.
 */
#include "runtime/running.h"

#include "runtime/scheduler.h"

static struct {
    pthread_mutex_t lock;
    bri_running *first;
    int ending;          /* calls that were stopped */
    const char *pending; /* why the next call of a context that catches Ctrl-C is stopped */
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* False for one that has only its result left to give, unless it tries once more: an interrupt is
 * the next call's, too. */
static bool stop_call(bri_running *r, const char *why)
{
    if (r->why == NULL)
        all.ending++;
    r->why = why;
    if (r->job != NULL)
        r->ctx->scheduler->cancel(r->ctx, r->job, why);
    return !r->over;
}

static void take_pending(bri_running *r)
{
    if (r->stop != NULL || !r->ctx->catches_interrupts || all.pending == NULL)
        return;
    stop_call(r, all.pending);
    all.pending = NULL;
}

void bri_running_begin(bri_running *r, br_context *ctx,
                       bool (*stop)(bri_running *running, const char *why))
{
    *r = (bri_running){.ctx = ctx, .stop = stop};
    if (ctx->rank > 0)
        return;
    pthread_mutex_lock(&all.lock);
    r->next = all.first;
    r->link = &all.first;
    r->listed = true;
    if (r->next != NULL)
        r->next->link = &r->next;
    all.first = r;
    take_pending(r);
    pthread_mutex_unlock(&all.lock);
}

void bri_running_job(bri_running *r, bri_job *job)
{
    if (!r->listed)
        return;
    pthread_mutex_lock(&all.lock);
    r->job = job;
    r->over = job == NULL;
    if (job != NULL && r->why != NULL)
        stop_call(r, r->why);
    if (job != NULL) /* of a call that tries once more */
        take_pending(r);
    pthread_mutex_unlock(&all.lock);
}

void bri_running_end(bri_running *r)
{
    if (!r->listed)
        return;
    pthread_mutex_lock(&all.lock);
    *r->link = r->next;
    if (r->next != NULL)
        r->next->link = r->link;
    r->listed = false;
    if (r->why != NULL)
        all.ending--;
    pthread_mutex_unlock(&all.lock);
}

void bri_running_stop(const br_context *ctx, const char *why)
{
    bool any = false;
    pthread_mutex_lock(&all.lock);
    for (bri_running *r = all.first; r != NULL; r = r->next) {
        if (ctx != NULL ? r->ctx != ctx : !r->ctx->catches_interrupts)
            continue;
        any |= r->stop != NULL ? r->stop(r, why) : stop_call(r, why);
    }
    if (ctx == NULL && !any)
        all.pending = why;
    pthread_mutex_unlock(&all.lock);
}

bool bri_running_ending(void)
{
    pthread_mutex_lock(&all.lock);
    bool ending = all.ending > 0 || all.pending != NULL;
    pthread_mutex_unlock(&all.lock);
    return ending;
}

/* ---- public ---- */

void br_cancel_all(br_context *ctx)
{
    bri_running_stop(ctx, "br_cancel_all was called");
}

static bool is_running(const br_context *ctx)
{
    bool found = false;
    pthread_mutex_lock(&all.lock);
    for (const bri_running *r = all.first; r != NULL; r = r->next)
        found |= r->ctx == ctx && r->stop == NULL;
    pthread_mutex_unlock(&all.lock);
    return found;
}

static br_status catch_interrupts(br_context *ctx, bool on)
{
    if (ctx->catches_interrupts == on)
        return BR_OK;
    if (is_running(ctx))
        return bri_error(BR_EARG, "br_catch_interrupts while the context computes");
    return bri_interrupt_catch(ctx, on);
}

br_status br_catch_interrupts(br_context *ctx, bool on)
{
    if (ctx->status != BR_OK)
        return ctx->status;
    br_status st = catch_interrupts(ctx, on);
    return st == BR_OK ? BR_OK : bri_context_fail(ctx, st, bri_last_error());
}
