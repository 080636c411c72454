/* SPDX-License-Identifier: BSD-3-Clause
 * submit.c - tasks are handed in; what became of them.
 */
#include <string.h>
#include <time.h>

#include "runtime/alloc.h"
#include "runtime/function.h"
#include "runtime/inside.h"
#include "runtime/scheduler.h"
#include "scheduler/futures/store.h"
#include "scheduler/workers/exchange.h"

enum { SLICE_NS = 100000 };

/* ---- checks ---- */

static const char *file_of(br_place at)
{
    const char *slash = at.file != NULL ? strrchr(at.file, '/') : NULL;
    return slash != NULL ? slash + 1 : at.file != NULL ? at.file : "?";
}

static br_status bad(const br_submit_args *a, const char *what)
{
    return bri_error(BR_EARG, "submit (%s:%d): %s", file_of(a->at), a->at.line, what);
}

static br_status check_rank(const br_submit_args *a)
{
    const br_context *ctx = a->ctx;
    if (!a->on.given || a->on.rank == ctx->rank)
        return BR_OK;
    if (ctx->rank > 0)
        return bad(a, "what a task hands in runs on the rank of the task");
    if (a->on.rank < 0 || a->on.rank >= ctx->nranks)
        return bri_error(BR_EARG, "submit (%s:%d): there is no rank %d: the last is %d",
                         file_of(a->at), a->at.line, a->on.rank, ctx->nranks - 1);
    return BR_OK;
}

static br_status check_dependency(const br_submit_args *a, size_t i)
{
    const char *file = file_of(a->at);
    br_future *f = a->deps.future[i];
    if (f == NULL)
        return bri_error(BR_ENOMEM,
                         "submit (%s:%d): " BRI_FOLLOWS
                         ": number %zu is NULL, as without memory for it",
                         file, a->at.line, i);
    if (f->ctx != a->ctx)
        return bri_error(BR_EARG, "submit (%s:%d): dependency %zu is of another context", file,
                         a->at.line, i);
    if (bri_future_done(f) && f->status != BR_OK)
        return bri_error(f->status, "submit (%s:%d): " BRI_FOLLOWS ": %.700s", file, a->at.line,
                         bri_first_failure(f));
    if (bri_errand_of(f) == NULL && f->kind->echo == NULL)
        return bri_error(BR_EARG,
                         "submit (%s:%d): dependency %zu is no future of a task or compute", file,
                         a->at.line, i);
    return BR_OK;
}

/* Looking a function up takes microseconds, and it is nearly always the one before. */
static br_status check_travels(const br_submit_args *a)
{
    static _Thread_local br_submit_function *good;
    bri_function_id id;
    bool stays = a->on.given && a->on.rank == a->ctx->rank;
    if (a->ctx->nranks == 1 || a->ctx->rank > 0 || stays || a->fn == good)
        return BR_OK;
    BRI_TRY(bri_function_identify((bri_function)a->fn, &id));
    good = a->fn;
    return BR_OK;
}

static br_status check(const br_submit_args *a)
{
    if (a->ctx->status != BR_OK)
        return bri_error(a->ctx->status, "%s", br_message(a->ctx));
    if (a->fn == NULL)
        return bad(a, "no function");
    if (a->args == NULL && a->bytes > 0)
        return bad(a, "arguments of some bytes, but no pointer to them");
    if (a->retries < 0)
        return bad(a, "retries must not be negative");
    for (size_t i = 0; i < a->deps.n; i++)
        BRI_TRY(check_dependency(a, i));
    BRI_TRY(check_rank(a));
    return check_travels(a);
}

/* ---- memory ---- */

static bool never(const void *unused)
{
    return unused != NULL;
}

/* Until what runs has given bytes back. It may wait for a message that nobody will send. */
static void wait_a_moment(bri_store *store)
{
    bri_sleeper sleeper;
    bri_sleeper_enter(store, &sleeper, &(bri_wish){.done = never}, false);
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    bri_sleeper_leave(store, &sleeper);
}

/* Nothing runs, or will, and no thread is about to give back the bytes of what has ended. */
static bool is_idle(bri_store *store)
{
    bri_store_lock(store);
    bool idle =
        atomic_load(&store->ntaken) == 0 && store->drains == NULL && !bri_store_any_ready(store);
    bri_store_unlock(store);
    return idle;
}

/* Tasks pass the limit: what they wait for could need just these bytes. */
static br_status promise(bri_store *store, const br_submit_args *a, size_t bytes)
{
    bri_memory *memory = store->ctx->memory;
    if (bri_inside_here != NULL) {
        bri_memory_force(memory, bytes);
        return BR_OK;
    }
    for (bool idle = false; !bri_memory_reserve(memory, bytes);) {
        if (idle)
            return bri_error(BR_EMEMLIMIT,
                             "submit (%s:%d): no room for a task with %zu bytes of arguments in "
                             "BRAMBLE_MEMORY_LIMIT, and no task is left that could make some: "
                             "futures whose results have been read can be freed",
                             file_of(a->at), a->at.line, a->bytes);
        if (bri_store_work(store, SLICE_NS, NULL))
            continue;
        idle = is_idle(store);
        if (!idle)
            wait_a_moment(store);
    }
    return BR_OK;
}

/* ---- making one ---- */

static br_status copy_args(bri_errand *e, const br_submit_args *a)
{
    e->args = a->args;
    e->bytes = a->bytes;
    if (a->borrowed)
        return BR_OK;
    void *copy = e->room;
    if (a->bytes > BRI_SMALL_ARGS) {
        e->args_block = bri_memory_get(a->ctx->memory, a->bytes);
        if (e->args_block == NULL)
            return BR_ENOMEM;
        copy = e->args_block;
    }
    if (a->bytes > 0)
        memcpy(copy, a->args, a->bytes);
    e->args = copy;
    return BR_OK;
}

/* Of a compute, which has no bytes, something that ends with it. */
static bri_errand *held(br_future *future)
{
    bri_errand *e = bri_errand_of(future);
    if (e == NULL)
        return bri_errand_of(future->kind->echo(future));
    bri_errand_hold(e);
    return e;
}

static br_status make_edges(bri_errand *e, const br_submit_args *a)
{
    size_t n = a->deps.n;
    if (n == 0)
        return BR_OK;
    e->edges = bri_calloc(n, sizeof *e->edges);
    if (e->edges == NULL)
        return BR_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        bri_errand *before = held(a->deps.future[i]);
        if (before == NULL)
            return BR_ENOMEM;
        e->edges[i] = (bri_edge){.after = e, .before = before};
        e->nedges = i + 1;
    }
    return BR_OK;
}

/* What can fail. */
static br_status fill(bri_errand *e, const br_submit_args *a)
{
    BRI_TRY(copy_args(e, a));
    if (a->name != NULL && (e->name = bri_strdup(a->name)) == NULL)
        return BR_ENOMEM;
    return make_edges(e, a);
}

static size_t bytes_of(const br_submit_args *a)
{
    return sizeof(bri_errand) + (a->borrowed ? 0 : a->bytes) + a->deps.n * sizeof(bri_edge);
}

static void set_up(bri_errand *e, bri_store *store, const br_submit_args *a)
{
    memset(e, 0, sizeof *e);
    e->store = store;
    e->promised = bytes_of(a);
    e->fn = a->fn;
    e->at = a->at;
    e->priority = a->priority;
    e->retries = a->retries;
    e->on = a->on.given ? a->on.rank : -1;
    atomic_init(&e->references, 2); /* the handle's and the store's */
}

static br_status new_errand(bri_store *store, const br_submit_args *a, bri_errand **out)
{
    size_t room = a->borrowed || a->bytes > BRI_SMALL_ARGS ? 0 : a->bytes;
    BRI_TRY(promise(store, a, bytes_of(a)));
    bri_errand *e = bri_malloc(sizeof *e + room);
    if (e == NULL) {
        bri_memory_release(store->ctx->memory, bytes_of(a));
        return BR_ENOMEM;
    }
    set_up(e, store, a);
    if (fill(e, a) != BR_OK) {
        bri_errand_discard(e);
        return BR_ENOMEM;
    }
    *out = e;
    return BR_OK;
}

/* With the lock. One that failed since it was looked at fails e, too. */
static const bri_errand *link_edges(bri_errand *e)
{
    for (size_t i = 0; i < e->nedges; i++) {
        bri_edge *edge = &e->edges[i];
        bri_errand *before = edge->before;
        if (atomic_fetch_or(&before->flags, BRI_ERRAND_WANTED) & BRI_ERRAND_OVER_FLAG) {
            if (before->future.status != BR_OK)
                return before;
            continue;
        }
        edge->next = before->waiting;
        edge->link = &before->waiting;
        if (edge->next != NULL)
            edge->next->link = &edge->next;
        before->waiting = edge;
        e->pending++;
    }
    return NULL;
}

/* With the lock. The context owns it already: br_close may have ended it. */
static void hand_in(bri_errand *e)
{
    if (e->state == BRI_ERRAND_OVER)
        return;
    const bri_errand *failed = link_edges(e);
    if (failed != NULL)
        bri_errand_follow(e, failed);
    else if (e->pending == 0)
        bri_errand_make_ready(e);
}

/* Errors of what a task hands in are the task's affair. */
static void init_future(bri_errand *e, br_context *ctx)
{
    bri_future_init(&e->future, ctx, &bri_errand_kind);
    atomic_init(&e->future.told, bri_inside_here != NULL);
}

static br_future *failed_future(br_context *ctx, br_status st)
{
    char text[BRI_ERROR_TEXT];
    snprintf(text, sizeof text, "%s", bri_last_error());
    if (ctx->status == BR_OK && bri_inside_here == NULL)
        bri_context_fail(ctx, st, text);
    return ctx->status != BR_ENOMEM ? bri_future_failed(ctx, st, text) : NULL;
}

static br_status make(const br_submit_args *a, bri_errand **out)
{
    BRI_TRY(check(a));
    bri_store *store = bri_store_of(a->ctx);
    return store != NULL ? new_errand(store, a, out) : BR_ENOMEM;
}

br_future *br_submit_(br_submit_args a)
{
    bri_errand *e = NULL;
    br_status st = make(&a, &e);
    if (st != BR_OK)
        return failed_future(a.ctx, st);
    init_future(e, a.ctx);
    bri_store_lock(e->store);
    hand_in(e);
    bri_store_unlock(e->store);
    return &e->future;
}

/* ---- many ---- */

/* So many are handed in with one locking. */
enum { TOGETHER = 64 };

typedef struct batch {
    bri_errand *errand[TOGETHER];
    int n;
} batch;

static void hand_in_all(batch *b)
{
    if (b->n == 0)
        return;
    bri_store *store = b->errand[0]->store;
    bri_store_lock(store);
    for (int i = 0; i < b->n; i++)
        hand_in(b->errand[i]);
    bri_store_unlock(store);
    b->n = 0;
}

/* Those that wait in the batch could be what makes room. */
static br_status make_one_of_many(const br_submit_args *a, batch *b, bri_errand **out)
{
    br_status st = make(a, out);
    if (st != BR_EMEMLIMIT || b->n == 0)
        return st;
    hand_in_all(b);
    return make(a, out);
}

static br_submit_args one_of(const br_submit_many_args *m, size_t i)
{
    return (br_submit_args){
        .at = m->at,
        .ctx = m->ctx,
        .fn = m->fn,
        .args = m->args != NULL ? (const char *)m->args + i * m->bytes : NULL,
        .bytes = m->bytes,
        .deps = m->deps,
        .priority = m->priority,
        .retries = m->retries,
        .name = m->name,
        .on = m->on,
        .borrowed = m->borrowed,
    };
}

br_status br_submit_many_(br_submit_many_args m)
{
    batch b = {.n = 0};
    br_status first = BR_OK;
    for (size_t i = 0; i < m.n; i++) {
        br_submit_args a = one_of(&m, i);
        bri_errand *e = NULL;
        br_status st = make_one_of_many(&a, &b, &e);
        if (st != BR_OK) {
            m.futures[i] = failed_future(m.ctx, st);
            first = first == BR_OK ? st : first;
            continue;
        }
        init_future(e, m.ctx);
        m.futures[i] = &e->future;
        b.errand[b.n++] = e;
        if (b.n == TOGETHER)
            hand_in_all(&b);
    }
    hand_in_all(&b);
    return first;
}
