/* SPDX-License-Identifier: BSD-3-Clause
 * serve.c - ranks above 0: the queue of commands and what is done about each.
 *
 * Rank 0 may have several contexts, at a time or one after the other. The first is served by the
 * context this rank has opened itself, others by further ones, which share its memory and its pool.
 */
#include "scheduler/mpi/serve.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/inside.h"
#include "runtime/scheduler.h"
#include "runtime/watch.h"
#include "scheduler/mpi/ask.h"
#include "scheduler/mpi/errands.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/thread.h"

typedef struct command {
    bri_transfer transfer;
    struct command *next;
    bri_packet packet;
    bool here; /* all its bytes are (lock) */
    unsigned char message[];
} command;

typedef struct served {
    struct served *next;
    br_context *ctx;
    bool engine_open;
    bri_mpi_context mpi;
} served;

/* Commands wait in the order of their packets, so that a long one is not overtaken by what may need
 * it. `lock` guards the queue. */
static struct {
    pthread_mutex_t lock;
    command *first, **last;
    bool landed;    /* some job has */
    bri_pool *pool; /* NULL while nobody serves */
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &queue.first};

/* The serving thread's own. */
static struct {
    br_context *opened; /* by this rank */
    bool engine_open;   /* in that, but in no context that is served */
    bri_pool *pool;
    served *contexts;
} serving;

/* ---- the queue ---- */

/* With the lock. The serving thread works in the pool while it waits. */
static void wake(void)
{
    if (queue.pool != NULL)
        bri_pool_notify(queue.pool);
}

static void serve_with(bri_pool *pool)
{
    pthread_mutex_lock(&queue.lock);
    queue.pool = pool;
    pthread_mutex_unlock(&queue.lock);
}

static void is_here(bri_transfer *transfer)
{
    command *c = (command *)transfer; /* its first member */
    pthread_mutex_lock(&queue.lock);
    c->here = true;
    wake();
    pthread_mutex_unlock(&queue.lock);
}

static void append(command *c)
{
    pthread_mutex_lock(&queue.lock);
    *queue.last = c;
    queue.last = &c->next;
    pthread_mutex_unlock(&queue.lock);
}

void bri_serve_on_command(int from, const bri_packet *packet, const void *payload)
{
    command *c = bri_malloc(sizeof *c + packet->bytes);
    if (c == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    *c = (command){.transfer.done = is_here, .packet = *packet};
    append(c);
    if (packet->bytes > BRI_LINK_INLINE) {
        bri_link_receive_long(&c->transfer, (bri_link_place){.rank = from, .command = true},
                              c->message, packet->bytes);
        return;
    }
    if (packet->bytes > 0)
        memcpy(c->message, payload, packet->bytes);
    if (packet->kind == BRI_PACKET_EXIT)
        bri_thread_stop();
    is_here(&c->transfer);
}

static void tidy_contexts(void)
{
    for (const served *s = serving.contexts; s != NULL; s = s->next)
        if (s->engine_open)
            s->ctx->engine->tidy(s->ctx);
}

void bri_serve_tidy(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.landed = true;
    wake();
    pthread_mutex_unlock(&queue.lock);
}

static bool is_called(const void *unused)
{
    (void)unused;
    pthread_mutex_lock(&queue.lock);
    bool called = queue.landed || (queue.first != NULL && queue.first->here);
    pthread_mutex_unlock(&queue.lock);
    return called;
}

static command *next_command(void)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.first == NULL || !queue.first->here) {
        bool landed = queue.landed;
        queue.landed = false;
        pthread_mutex_unlock(&queue.lock);
        if (landed)
            tidy_contexts();
        else
            bri_pool_work_until(queue.pool, &(bri_until){.done = is_called, .helps = true});
        pthread_mutex_lock(&queue.lock);
    }
    command *c = queue.first;
    queue.first = c->next;
    if (queue.first == NULL)
        queue.last = &queue.first;
    pthread_mutex_unlock(&queue.lock);
    return c;
}

/* ---- contexts ---- */

static served *find_context(unsigned number)
{
    served *s = serving.contexts;
    while (s != NULL && s->mpi.number != number)
        s = s->next;
    return s;
}

static bool is_taken(const br_context *ctx)
{
    for (const served *s = serving.contexts; s != NULL; s = s->next)
        if (s->ctx == ctx)
            return true;
    return false;
}

static br_context *free_context(void)
{
    return is_taken(serving.opened) ? bri_context_beside(serving.opened) : serving.opened;
}

static served *add_context(unsigned number)
{
    served *s = bri_calloc(1, sizeof *s);
    br_context *ctx = s != NULL ? free_context() : NULL;
    if (ctx == NULL) {
        bri_free(s);
        return NULL;
    }
    s->ctx = ctx;
    if (ctx == serving.opened) {
        s->engine_open = serving.engine_open;
        serving.engine_open = false;
    }
    s->mpi = (bri_mpi_context){.number = number, .pool = serving.pool};
    s->next = serving.contexts;
    serving.contexts = s;
    ctx->scheduler_data = &s->mpi;
    return s;
}

static void close_engine(served *s)
{
    if (s->engine_open)
        s->ctx->engine->close(s->ctx);
    s->engine_open = false;
}

/* Rank 0's settings count, but for those that a host has of its own; the kernels may depend on
 * them, so that the engine opens anew. */
static br_status open_context(const command *c)
{
    served *s = add_context((unsigned)c->packet.job);
    if (s == NULL)
        return BR_ENOMEM;
    close_engine(s);
    BRI_TRY(bri_errands_enter(s->mpi.number, s->ctx));
    BRI_TRY(bri_config_import((const char *)c->message, &s->ctx->config));
    bri_watch_set(s->ctx->config.watchdog);
    BRI_TRY(s->ctx->engine->open(s->ctx));
    s->engine_open = true;
    return BR_OK;
}

static void send_opened(const bri_request *request)
{
    char *text = request->data;
    bri_packet packet = {
        .kind = BRI_PACKET_OPENED, .number = request->rank, .bytes = strlen(text) + 1};
    bri_link_send(0, &packet, text);
    bri_free(text);
}

static void answer_open(br_status status)
{
    char *text = bri_strdup(status != BR_OK ? bri_last_error() : "");
    if (text == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    bri_thread_must_post(&(bri_request){.run = send_opened, .rank = (int)status, .data = text});
}

static void close_context(unsigned number)
{
    served **link = &serving.contexts;
    while (*link != NULL && (*link)->mpi.number != number)
        link = &(*link)->next;
    served *s = *link;
    if (s == NULL)
        return;
    *link = s->next;
    bri_errands_leave(number);
    close_engine(s);
    s->ctx->scheduler_data = NULL;
    if (s->ctx != serving.opened)
        bri_context_drop_beside(s->ctx);
    bri_free(s);
}

/* ---- serving ---- */

/* The others wait for this rank's part, even when the engine could not begin it. */
static void serve_job(const command *c)
{
    uint64_t job;
    served *s = find_context(bri_part_context(c->packet.job, &job));
    BRI_ASSERT(s != NULL);
    s->mpi.last_started = UINT64_MAX;
    bri_error(BR_EINTERNAL, "the job did not start");
    s->ctx->engine->serve(s->ctx, job, c->message, c->packet.bytes);
    if (s->mpi.last_started != job)
        bri_part_absent(c->packet.job, BR_ENOMEM, bri_last_error());
}

static void keep_shared(const command *c)
{
    served *s = find_context((unsigned)c->packet.job);
    BRI_ASSERT(s != NULL);
    s->ctx->engine->keep(s->ctx, c->message, c->packet.bytes);
}

static void close_all(void)
{
    br_context *ctx = serving.opened;
    while (serving.contexts != NULL)
        close_context(serving.contexts->mpi.number);
    if (serving.engine_open)
        ctx->engine->close(ctx);
    ctx->engine = NULL;
    serve_with(NULL);
    bri_pool_free(serving.pool);
}

static void obey(const command *c)
{
    switch (c->packet.kind) {
    case BRI_PACKET_OPEN:
        answer_open(open_context(c));
        break;
    case BRI_PACKET_SERVE:
        serve_job(c);
        break;
    case BRI_PACKET_SHARE:
        keep_shared(c);
        break;
    case BRI_PACKET_CLOSE:
        close_context((unsigned)c->packet.job);
        break;
    default:
        BRI_ASSERT(!"a command of rank 0");
    }
}

static _Thread_local bool serves_here;

/* A task of it waits on this thread. */
static bool is_below(unsigned number)
{
    const served *s = find_context(number);
    const bri_inside *in = bri_inside_here;
    while (in != NULL && (s == NULL || in->ctx != s->ctx))
        in = in->below;
    return in != NULL;
}

/* Main may mean to make what the task waits for in a context that it opens now. One that opens in
 * front of others that close finds the same kernels in use as in the right order, as long as that
 * of the task stays. */
static bool is_nestable(const command *c, bool stays)
{
    return c->packet.kind == BRI_PACKET_SERVE || c->packet.kind == BRI_PACKET_SHARE ||
           (c->packet.kind == BRI_PACKET_OPEN && stays);
}

/* With the lock: the first command that can be done while a task waits, when all of it is here.
 * What it overtakes is about other contexts: its own has opened before rank 0 gave it, and closes
 * after it. */
static command **first_nestable(void)
{
    bool stays = true;
    command **link = &queue.first;
    for (; *link != NULL && !is_nestable(*link, stays); link = &(*link)->next)
        if ((*link)->packet.kind == BRI_PACKET_CLOSE)
            stays = stays && !is_below((unsigned)(*link)->packet.job);
    return *link != NULL && (*link)->here ? link : NULL;
}

static command *take_nestable(void)
{
    pthread_mutex_lock(&queue.lock);
    command **link = first_nestable();
    command *c = link != NULL ? *link : NULL;
    if (c != NULL)
        *link = c->next;
    if (c != NULL && *link == NULL)
        queue.last = link;
    pthread_mutex_unlock(&queue.lock);
    return c;
}

/* A task waits on this very thread, perhaps for a message that will not come any more: rank 0 ends,
 * or has closed its context without having waited for it. */
static void forget_tasks(const bri_packet *last)
{
    for (const served *s = serving.contexts; s != NULL; s = s->next) {
        bri_store *store = atomic_load_explicit(&s->ctx->store, memory_order_acquire);
        bool ends = last->kind == BRI_PACKET_EXIT || s->mpi.number == (unsigned)last->job;
        if (store != NULL && ends)
            bri_store_forget(store);
    }
}

static bool ends_tasks(const command *c)
{
    return c->packet.kind == BRI_PACKET_EXIT || c->packet.kind == BRI_PACKET_CLOSE;
}

/* The one behind c, or the first. It stays, since this thread alone takes commands. */
static const command *following(const command *c)
{
    pthread_mutex_lock(&queue.lock);
    const command *next = c != NULL ? c->next : queue.first;
    pthread_mutex_unlock(&queue.lock);
    return next;
}

/* Also those that stand behind what can only be done when the tasks are over. */
static void look_for_ends(void)
{
    for (const command *c = NULL; (c = following(c)) != NULL;)
        if (ends_tasks(c))
            forget_tasks(&c->packet);
}

void bri_serve_pump(void)
{
    while (serves_here) {
        look_for_ends();
        command *c = take_nestable();
        if (c == NULL)
            return;
        obey(c);
        bri_free(c);
    }
}

int bri_serve_forever(br_context *ctx)
{
    serving.opened = ctx;
    serving.engine_open = true;
    bri_ask_answers_of(ctx->engine);
    serving.pool = bri_pool_new(ctx->nthreads);
    if (serving.pool == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    serve_with(serving.pool);
    serves_here = true;
    command *c;
    for (; (c = next_command())->packet.kind != BRI_PACKET_EXIT; bri_free(c))
        obey(c);
    int code = c->packet.number;
    serves_here = false;
    bri_free(c);
    close_all();
    return code;
}
