/* SPDX-License-Identifier: BSD-3-Clause
 * context.c - opening and closing a context, and its first failure.
 */
#include "runtime/context.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/alloc.h"
#include "runtime/crash.h"
#include "runtime/future.h"
#include "runtime/host.h"
#include "runtime/inside.h"
#include "runtime/log.h"
#include "runtime/running.h"
#include "runtime/scheduler.h"
#include "runtime/spill.h"
#include "runtime/watch.h"

/* What br_open returns when there is no memory even for a context; shared, so never written to. */
static br_context no_memory = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .status = BR_ENOMEM,
    .failure = BR_ENOMEM,
    .message = "no memory for a context",
    .rank = 0,
    .nranks = 1,
    .nthreads = 1,
    .root = {.ctx = &no_memory},
    .scope = &no_memory.root,
};

/* ---- failures ---- */

br_status bri_context_fail(br_context *ctx, br_status status, const char *text)
{
    pthread_mutex_lock(&ctx->lock);
    if (ctx->failure == BR_OK && ctx != &no_memory) {
        ctx->failure = status;
        snprintf(ctx->message, sizeof ctx->message, "%s", text);
    }
    pthread_mutex_unlock(&ctx->lock);
    if (ctx->log != NULL)
        ctx->log(ctx->log_data, status, text);
    return status;
}

const char *br_message(const br_context *ctx)
{
    return ctx->message;
}

br_status br_error_status(const br_context *ctx)
{
    return ctx->failure;
}

/* A context that did not open stays failed. */
void br_clear_error(br_context *ctx)
{
    if (ctx->status != BR_OK)
        return;
    pthread_mutex_lock(&ctx->lock);
    ctx->failure = BR_OK;
    ctx->message[0] = '\0';
    pthread_mutex_unlock(&ctx->lock);
}

void br_set_log(br_context *ctx, void (*log)(void *data, br_status status, const char *text),
                void *data)
{
    if (ctx == &no_memory)
        return;
    ctx->log = log;
    ctx->log_data = data;
}

/* ---- opening ---- */

static size_t memory_limit(const bri_bytes_setting *setting)
{
    if (setting->share <= 0)
        return setting->bytes;
    uint64_t host = bri_host_memory() / (uint64_t)bri_launch_read().local_ranks;
    return (size_t)(setting->share * (double)host);
}

static br_status open_memory(br_context *ctx)
{
    ctx->memory = bri_memory_new(memory_limit(&ctx->config.memory_limit));
    ctx->spill = bri_spill_new(ctx->config.spill_dir);
    return ctx->memory != NULL && ctx->spill != NULL ? BR_OK : BR_ENOMEM;
}

static br_status open_engine(br_context *ctx)
{
    BRI_TRY(bri_array_engine.open(ctx));
    ctx->engine = &bri_array_engine;
    return BR_OK;
}

/* A scheduler that does not open cleans up after itself. */
static br_status open_scheduler(br_context *ctx)
{
    br_status st = ctx->scheduler->open(ctx);
    ctx->scheduler_opened = st == BR_OK;
    return st;
}

static br_status open_watch(br_context *ctx)
{
    BRI_TRY(bri_watch_open(ctx));
    bri_crash_open();
    return BR_OK;
}

/* A job that has not ended is still watched while its engine waits for it. */
static void close_watch(br_context *ctx)
{
    if (!ctx->watched)
        return;
    bri_crash_close();
    bri_watch_close(ctx);
}

static br_status open_parts(br_context *ctx, const bri_scheduler *scheduler)
{
    BRI_TRY(bri_config_read(&ctx->config));
    if (ctx->config.help && bri_launch_read().rank == 0)
        bri_config_print(stdout);
    if (scheduler == NULL)
        BRI_TRY(bri_scheduler_choose(ctx, &scheduler));
    BRI_TRY(bri_host_threads(ctx));
    BRI_TRY(open_memory(ctx));
    BRI_TRY(open_engine(ctx));
    /* Known before the watch and the scheduler open, since their threads look at it. */
    ctx->scheduler = scheduler;
    BRI_TRY(open_watch(ctx));
    if (strcmp(ctx->config.sigint, "cancel") == 0)
        BRI_TRY(bri_interrupt_catch(ctx, true));
    return open_scheduler(ctx);
}

/* Undoes what open_parts did, as far as it came. */
static void close_parts(br_context *ctx)
{
    if (ctx->engine != NULL)
        ctx->engine->close(ctx);
    close_watch(ctx);
    if (ctx->scheduler_opened)
        ctx->scheduler->close(ctx);
    if (ctx->catches_interrupts)
        bri_interrupt_catch(ctx, false);
    bri_memory_free(ctx->memory);
    bri_spill_free(ctx->spill);
    ctx->engine = NULL;
    ctx->scheduler = NULL;
    ctx->scheduler_opened = false;
    ctx->memory = NULL;
    ctx->spill = NULL;
}

void bri_context_drop(br_context *ctx)
{
    close_parts(ctx);
    pthread_mutex_destroy(&ctx->lock);
    bri_free(ctx);
}

/* A rank above 0 must never go on into the user's main. Where rank 0 failed for the same reason (as
 * a rule: the settings are the same) its message is the one to see, and mpirun ends us with it; so
 * ours waits. */
static void end_other_rank(const br_context *ctx)
{
    bri_launch launch = bri_launch_read();
    if (launch.nranks <= 1 || launch.rank == 0)
        return;
    sleep(2);
    fprintf(stderr, "bramble: rank %d on %s: %s\n", launch.rank, ctx->host, ctx->message);
    exit(EXIT_FAILURE);
}

static br_context *empty_context(void)
{
    br_context *ctx = bri_calloc(1, sizeof *ctx);
    if (ctx == NULL)
        return NULL;
    pthread_mutex_init(&ctx->lock, NULL);
    ctx->root.ctx = ctx;
    ctx->scope = &ctx->root;
    return ctx;
}

static br_context *new_context(void)
{
    br_context *ctx = empty_context();
    if (ctx == NULL)
        return &no_memory;
    ctx->nranks = 1;
    ctx->nthreads = 1;
    gethostname(ctx->host, sizeof ctx->host - 1);
    return ctx;
}

br_context *bri_context_beside(const br_context *other)
{
    br_context *ctx = empty_context();
    if (ctx == NULL)
        return NULL;
    ctx->config = other->config;
    ctx->memory = other->memory;
    ctx->spill = other->spill;
    ctx->scheduler = other->scheduler;
    ctx->engine = other->engine;
    ctx->rank = other->rank;
    ctx->nranks = other->nranks;
    ctx->nthreads = other->nthreads;
    memcpy(ctx->threads_why, other->threads_why, sizeof ctx->threads_why);
    memcpy(ctx->host, other->host, sizeof ctx->host);
    return ctx;
}

void bri_context_drop_beside(br_context *ctx)
{
    pthread_mutex_destroy(&ctx->lock);
    bri_free(ctx);
}

/* A worker has not failed: only what is asked of its context later does. */
br_context *bri_context_open(const bri_scheduler *scheduler, void *scheduler_data)
{
    br_context *ctx = new_context();
    if (ctx == &no_memory)
        return ctx;
    ctx->scheduler_data = scheduler_data;
    br_status st = open_parts(ctx, scheduler);
    if (st != BR_OK) {
        ctx->status = bri_context_fail(ctx, st, bri_last_error());
        close_parts(ctx);
        ctx->scheduler_data = NULL;
    }
    if (ctx->worker)
        ctx->failure = BR_OK;
    return ctx;
}

br_context *bri_context_refuse(br_status status)
{
    char why[BRI_ERROR_TEXT];
    snprintf(why, sizeof why, "%s", bri_last_error());
    br_context *ctx = new_context();
    if (ctx != &no_memory)
        ctx->status = bri_context_fail(ctx, status, why);
    return ctx;
}

void bri_context_failed_on_all(br_context *ctx, int rank)
{
    if (ctx == &no_memory)
        return;
    ctx->rank = rank;
    snprintf(ctx->message, sizeof ctx->message, "%s", bri_last_error());
}

br_context *br_open(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    br_context *ctx = bri_context_open(NULL, NULL);
    if (ctx->status != BR_OK)
        end_other_rank(ctx);
    return ctx;
}

void bri_context_own(br_context *ctx, bri_owned *owned, void (*release)(bri_owned *owned))
{
    pthread_mutex_lock(&ctx->lock);
    *owned = (bri_owned){release, ctx, ctx->owned, &ctx->owned};
    if (ctx->owned != NULL)
        ctx->owned->link = &owned->next;
    ctx->owned = owned;
    pthread_mutex_unlock(&ctx->lock);
}

void bri_context_disown(bri_owned *owned)
{
    br_context *ctx = owned->ctx;
    pthread_mutex_lock(&ctx->lock);
    bool stays = ctx->closing;
    if (!stays) {
        *owned->link = owned->next;
        if (owned->next != NULL)
            owned->next->link = owned->link;
    }
    pthread_mutex_unlock(&ctx->lock);
    if (!stays)
        owned->free(owned);
}

static void set_closing(br_context *ctx, bool closing)
{
    pthread_mutex_lock(&ctx->lock);
    ctx->closing = closing && ctx->owned != NULL; /* never of `no_memory` */
    pthread_mutex_unlock(&ctx->lock);
}

/* Tasks may make futures and free their own until all are over. */
void bri_context_free_owned(br_context *ctx)
{
    set_closing(ctx, true);
    bri_futures_end(ctx);
    set_closing(ctx, false);
    while (ctx->owned != NULL)
        bri_context_disown(ctx->owned);
}

/* The thread would wait for its own task. */
static br_status check_outside(const br_context *ctx)
{
    for (const bri_inside *in = bri_inside_here; in != NULL; in = in->below)
        if (in->ctx == ctx)
            return bri_error(BR_EUNSUPPORTED, "br_close inside a task of the context");
    return BR_OK;
}

int br_close(br_context *ctx)
{
    if (ctx == NULL)
        return 0;
    br_status st = check_outside(ctx);
    if (st != BR_OK)
        return (int)bri_context_fail(ctx, st, bri_last_error());
    bri_context_free_owned(ctx);
    close_parts(ctx);
    if (bri_array_engine.release != NULL)
        bri_array_engine.release(ctx);
    int status = (int)ctx->failure;
    bool told_by_rank_0 = ctx->status != BR_OK && ctx->rank > 0 && !ctx->worker;
    if (status != BR_OK && !told_by_rank_0)
        bri_log_failure(ctx);
    if (ctx == &no_memory)
        return status;
    pthread_mutex_destroy(&ctx->lock);
    bri_free(ctx);
    return status;
}

/* ---- what runs where ---- */

int br_num_ranks(const br_context *ctx)
{
    return ctx->nranks;
}

int br_num_threads(const br_context *ctx)
{
    return ctx->nthreads;
}

const char *br_scheduler(const br_context *ctx)
{
    return ctx->scheduler != NULL ? ctx->scheduler->name : "none";
}

br_status br_rank(br_context *ctx, int rank, br_rank_info *info)
{
    if (ctx->status != BR_OK)
        return ctx->status;
    if (rank < 0 || rank >= ctx->nranks)
        return bri_context_fail(
            ctx, bri_error(BR_EARG, "there is no rank %d: the last is %d", rank, ctx->nranks - 1),
            bri_last_error());
    memset(info, 0, sizeof *info);
    if (ctx->scheduler->about != NULL) {
        ctx->scheduler->about(ctx, rank, info);
        return BR_OK;
    }
    info->rank = rank;
    info->threads = ctx->nthreads;
    snprintf(info->host, sizeof info->host, "%s", ctx->host);
    snprintf(info->why, sizeof info->why, "%s", ctx->threads_why);
    return BR_OK;
}
