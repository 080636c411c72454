/* SPDX-License-Identifier: BSD-3-Clause
 * needs.c - the walk from a wish to all it leads to; with the store's lock.
 */
#include "scheduler/futures/needs.h"

typedef struct walk {
    bri_store *store;
    bri_wants *needs;
    bri_errand *list; /* to be looked at */
    int njobs;        /* jobs that were looked at */
    const bri_errand *me;
    uint64_t my_job;
    const bri_errand *at; /* who leads to what is visited now, as in bri_wants */
    const bri_inside *at_task;
    bool looks; /* only: what can be run stays where it is */
} walk;

/* False when it is over: nobody will tell. */
static bool want(bri_errand *e)
{
    e->waited = true;
    return (atomic_fetch_or(&e->flags, BRI_ERRAND_WANTED) & BRI_ERRAND_OVER_FLAG) == 0;
}

static void note_cycle(walk *w, const bri_errand *errand, const bri_inside *task)
{
    if (w->needs->cycle)
        return;
    w->needs->cycle = true;
    w->needs->errand = errand;
    w->needs->task = task;
}

/* The task, or one below it on its thread's stack, of the errand or of the job (NULL and serial).
 * That one goes on only after the upper one: it waits, or runs a compute by itself. */
static const bri_inside *find_task(const bri_inside *in, const bri_errand *e, uint64_t serial)
{
    while (in != NULL &&
           (e != NULL ? in->errand != e : in->job == NULL || in->job->serial != serial))
        in = in->below;
    return in;
}

static void visit_errand(walk *w, bri_errand *e)
{
    if (e == NULL || !want(e))
        return;
    if (e == w->me)
        note_cycle(w, w->at, w->at_task);
    else if (find_task(bri_inside_here, e, 0) != NULL)
        note_cycle(w, e, NULL);
    if (e->walk == w->store->walk)
        return;
    e->walk = w->store->walk;
    e->next_in_walk = w->list;
    w->list = e;
}

/* More of them than there is room for are left to other threads. */
static void visit_job(walk *w, uint64_t serial)
{
    bri_wants *n = w->needs;
    const bri_inside *below = find_task(bri_inside_here, NULL, serial);
    if (serial == w->my_job)
        note_cycle(w, w->at, w->at_task);
    else if (below != NULL)
        note_cycle(w, NULL, below);
    for (int i = 0; i < n->njobs; i++)
        if (n->job[i] == serial)
            return;
    if (n->njobs == BRI_NEEDS_JOBS)
        return;
    n->by[n->njobs] = w->at;
    n->by_task[n->njobs] = w->at_task;
    n->job[n->njobs++] = serial;
}

static void visit_future(walk *w, br_future *f)
{
    bri_errand *e = bri_errand_of(f);
    if (e != NULL)
        visit_errand(w, e);
    else if (f != NULL && f->job != 0 && !bri_future_done(f))
        visit_job(w, f->job);
}

static void visit_wish(walk *w, const bri_wish *wish)
{
    void *cursor = NULL;
    if (wish->only != NULL)
        visit_future(w, wish->only);
    if (wish->job != 0)
        visit_job(w, wish->job);
    if (wish->each == NULL)
        return;
    for (br_future *f; (f = wish->each(wish->data, &cursor)) != NULL;)
        visit_future(w, f);
}

/* What waits for one of several is led to none of them. */
static void visit_blocked(walk *w, const bri_wish *wish)
{
    if (wish != NULL && wish->each == NULL)
        visit_wish(w, wish);
}

static void leave_blocked(walk *w, const bri_blocked *b)
{
    visit_blocked(w, b->wish);
    visit_errand(w, b->above);
    if (b->above_job != 0)
        visit_job(w, b->above_job);
}

/* To what tasks wait for that belong to it or lie above one that does. */
static void leave_blocked_on_top(walk *w, const bri_errand *e, uint64_t serial)
{
    w->at = NULL;
    for (const bri_blocked *b = w->store->blocked; b != NULL; b = b->next) {
        if (b->task == bri_inside_here || find_task(b->task, e, serial) == NULL)
            continue;
        w->at_task = b->task;
        leave_blocked(w, b);
    }
}

static void leave_errand(walk *w, const bri_errand *e)
{
    w->at = e;
    w->at_task = NULL;
    for (size_t i = 0; e->state == BRI_ERRAND_WAITS && i < e->nedges; i++)
        if (e->edges[i].link != NULL)
            visit_errand(w, e->edges[i].before);
    if (e->state == BRI_ERRAND_TAKEN) {
        visit_blocked(w, e->blocked_on);
        visit_errand(w, e->above);
        if (e->maker != 0)
            visit_job(w, e->maker);
        if (e->above_job != 0)
            visit_job(w, e->above_job);
        leave_blocked_on_top(w, e, 0);
    }
}

/* On other ranks it may wait for its turn behind older ones of other contexts. */
static void visit_beside(walk *w, uint64_t serial)
{
    uint64_t older[BRI_NEEDS_JOBS];
    size_t n = bri_turns_beside(w->store->ctx->memory, serial, older, BRI_NEEDS_JOBS);
    for (size_t i = 0; i < n; i++)
        visit_job(w, older[i]);
}

/* Of a job that waits for its turn who waits for it is named, but for the task itself. */
static void leave_job(walk *w, int i)
{
    const br_context *ctx = w->store->ctx;
    const bri_inside *in = bri_inside_here;
    uint64_t serial = w->needs->job[i];
    bool own = w->needs->by_task[i] == in || (w->me != NULL && w->needs->by[i] == w->me);
    w->at = own ? NULL : w->needs->by[i];
    w->at_task = own ? NULL : w->needs->by_task[i];
    uint64_t before = bri_turns_before(ctx->memory, serial, ctx->nranks > 1);
    if (before != 0)
        visit_job(w, before);
    if (ctx->nranks > 1)
        visit_beside(w, serial);
    leave_blocked_on_top(w, NULL, serial);
}

static bool runs_here(const bri_errand *e)
{
    return e->state == BRI_ERRAND_READY && (e->on < 0 || e->on == e->store->ctx->rank);
}

/* Stops at an errand that can be run. */
static void follow(walk *w)
{
    while (w->needs->ready == NULL && (w->list != NULL || w->njobs < w->needs->njobs)) {
        bri_errand *e = w->list;
        if (e == NULL) {
            leave_job(w, w->njobs++);
            continue;
        }
        w->list = e->next_in_walk;
        if (runs_here(e) && !w->looks) {
            bri_errand_take(e, w->store->ctx->rank);
            w->needs->ready = e;
        } else {
            leave_errand(w, e);
        }
    }
}

static walk begin(bri_store *store, bri_wants *needs)
{
    const bri_inside *in = bri_inside_here;
    store->walk++;
    needs->ready = NULL;
    needs->cycle = false;
    needs->errand = NULL;
    needs->task = NULL;
    needs->njobs = 0;
    return (walk){.store = store,
                  .needs = needs,
                  .me = in->errand,
                  .my_job = in->job != NULL ? in->job->serial : UINT64_MAX,
                  .at = in->errand,
                  .at_task = in};
}

/* Of several futures one is enough: for ever it waits when each of them leads back. With more jobs
 * than the first walk had room for, one of these may find what can be run. */
static bool all_lead_back(bri_store *store, const bri_wish *wish, bri_errand **ready)
{
    bri_wants needs;
    void *cursor = NULL;
    for (br_future *f; (f = wish->each(wish->data, &cursor)) != NULL;) {
        walk w = begin(store, &needs);
        visit_future(&w, f);
        follow(&w);
        *ready = needs.ready;
        if (needs.ready != NULL || !needs.cycle)
            return false;
    }
    return true;
}

void bri_wants_of(bri_store *store, const bri_wish *wish, bri_wants *needs)
{
    walk w = begin(store, needs);
    visit_wish(&w, wish);
    follow(&w);
    if (needs->ready != NULL)
        needs->cycle = false;
    else if (needs->cycle && wish->each != NULL)
        needs->cycle = all_lead_back(store, wish, &needs->ready);
}

void bri_wants_of_blocked(bri_store *store, const bri_blocked *from, bri_wants *needs)
{
    walk w = begin(store, needs);
    w.looks = true;
    w.at = from->task->errand;
    w.at_task = from->task;
    leave_blocked(&w, from);
    follow(&w);
}
