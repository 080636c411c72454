/* SPDX-License-Identifier: BSD-3-Clause
 * work.c - how the threads of a gang find the tasks of a graph that are ready.
 *
 * Each thread has a deque and a share of the tasks that are ready from the start, a contiguous one.
 * Sequentially consistent operations stand where Le, Pop, Cohen and Zappa Nardelli 2013 have
 * fences: ThreadSanitizer does not understand fences.
 */
#include <limits.h>

#include "runtime/clock.h"
#include "scheduler/graph/graph.h"

/* Roots taken at a time, at most; and how long an idle thread pauses between two looks at the
 * others (FACTS: 128 pauses, 3 us; looking all the time costs those who work 2 to 3.6 times). */
enum { MOST_ROOTS = 32, MOST_PAUSES = 128 };
/* Roots taken together wait for each other, so as many are taken as run in about this time. */
enum { ROOTS_NS = 10000 };

static const uint32_t NONE = UINT32_MAX;

/* Gangs that the thread works in, one inside the other. */
static _Thread_local int depth;

/* What a thread has at hand. */
typedef struct worker {
    bri_gang *gang;
    bri_ready *own;
    int index;
    size_t root, root_end; /* roots taken and not yet run */
    size_t some;           /* how many were taken, */
    int64_t since;         /*  and when */
    long long done;        /* tasks not yet counted off */
} worker;

/* ---- deques ---- */

static void push(bri_ready *d, uint32_t task)
{
    long long bottom = atomic_load_explicit(&d->bottom, memory_order_relaxed);
    atomic_store_explicit(&d->slot[bottom & d->mask], task, memory_order_relaxed);
    atomic_store_explicit(&d->bottom, bottom + 1, memory_order_seq_cst);
}

static uint32_t pop(bri_ready *d)
{
    long long bottom = atomic_load_explicit(&d->bottom, memory_order_relaxed) - 1;
    if (atomic_load_explicit(&d->top, memory_order_relaxed) > bottom)
        return NONE; /* top only grows */
    atomic_store_explicit(&d->bottom, bottom, memory_order_seq_cst);
    long long top = atomic_load_explicit(&d->top, memory_order_seq_cst);
    uint32_t task = NONE;
    if (top <= bottom)
        task = atomic_load_explicit(&d->slot[bottom & d->mask], memory_order_relaxed);
    if (top < bottom)
        return task;
    if (top == bottom && !atomic_compare_exchange_strong(&d->top, &top, top + 1))
        task = NONE; /* a thief was faster with the last one */
    atomic_store_explicit(&d->bottom, bottom + 1, memory_order_relaxed);
    return task;
}

static uint32_t steal(bri_ready *d)
{
    long long top = atomic_load_explicit(&d->top, memory_order_seq_cst);
    if (top >= atomic_load_explicit(&d->bottom, memory_order_seq_cst))
        return NONE;
    uint32_t task = atomic_load_explicit(&d->slot[top & d->mask], memory_order_relaxed);
    return atomic_compare_exchange_strong(&d->top, &top, top + 1) ? task : NONE;
}

/* ---- roots ---- */

/* How many roots to take: twice as many as before if those were short, and few when few are left.
 */
static size_t how_many(worker *w, size_t left)
{
    int64_t now = bri_now_ns();
    w->some = w->some > 0 && now - w->since < ROOTS_NS ? 2 * w->some : 1;
    w->since = now;
    size_t fair = left / (4 * (size_t)w->gang->nthreads) + 1;
    size_t most = fair < MOST_ROOTS ? fair : MOST_ROOTS;
    w->some = w->some < most ? w->some : most;
    return w->some;
}

static bool take_roots(worker *w, bri_ready *from)
{
    size_t at = atomic_load_explicit(&from->root, memory_order_relaxed);
    if (at >= from->root_end)
        return false;
    size_t some = how_many(w, from->root_end - at);
    at = atomic_fetch_add_explicit(&from->root, some, memory_order_relaxed);
    w->root = at;
    w->root_end = at + some < from->root_end ? at + some : from->root_end;
    return at < from->root_end;
}

static uint32_t next_root(worker *w)
{
    if (w->root >= w->root_end && !take_roots(w, w->own))
        return NONE;
    return w->gang->graph->root[w->root++];
}

/* ---- finding a task ---- */

/* A thief that leaves something behind wakes the next one. */
static void wake_another(bri_gang *gang, bri_ready *left)
{
    if (bri_event_sleepers(&gang->event) && atomic_load(&left->top) < atomic_load(&left->bottom))
        bri_event_wake(&gang->event, 1, BRI_SLEEPS_ANY);
}

static uint32_t find_elsewhere(worker *w)
{
    bri_gang *gang = w->gang;
    for (int i = 1; i < gang->nthreads; i++) {
        bri_ready *other = &gang->ready[(w->index + i) % gang->nthreads];
        uint32_t task = steal(other);
        if (task != NONE) {
            wake_another(gang, other);
            return task;
        }
        if (take_roots(w, other))
            return gang->graph->root[w->root++];
    }
    return NONE;
}

/* What it made ready itself comes first: its data is in the cache. */
static uint32_t find(worker *w)
{
    uint32_t task = pop(w->own);
    if (task == NONE)
        task = next_root(w);
    return task;
}

static bool ended(bri_gang *gang)
{
    return atomic_load(&gang->left) == 0 || atomic_load(&gang->failed);
}

static void count_off(worker *w)
{
    if (w->done == 0)
        return;
    bool last = atomic_fetch_sub(&w->gang->left, w->done) == w->done;
    w->done = 0;
    if (last)
        bri_event_wake(&w->gang->event, INT_MAX, BRI_SLEEPS_ANY);
}

static void pause_for(int times)
{
    for (int i = 0; i < times; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ __volatile__("yield");
#endif
    }
}

static uint32_t sleep_for_task(worker *w)
{
    bri_event *event = &w->gang->event;
    unsigned ticket = bri_event_prepare(event);
    uint32_t task = find_elsewhere(w);
    if (task == NONE && !ended(w->gang))
        bri_event_sleep(event, ticket, BRI_SLEEPS_ANY);
    bri_event_cancel(event);
    return task;
}

/* NONE when the run has ended; or, if a task of this thread waits for it, after a while: what is
 * left may be waiting for that task. Whoever runs a task goes on with what it makes ready. */
static uint32_t wait(worker *w)
{
    int64_t deadline = 0;
    for (int pauses = 1; !ended(w->gang);) {
        uint32_t task = find_elsewhere(w);
        if (task != NONE)
            return task;
        pause_for(pauses);
        if (pauses < MOST_PAUSES) {
            pauses *= 2;
            continue;
        }
        int64_t now = bri_now_ns();
        deadline = deadline == 0 ? now + w->gang->spin_ns : deadline;
        if (now < deadline)
            continue;
        if (depth > 1)
            return NONE;
        task = sleep_for_task(w);
        if (task != NONE)
            return task;
        deadline = 0;
    }
    return NONE;
}

/* ---- running ---- */

static void fail(bri_gang *gang, uint32_t task, int code)
{
    int none = 0;
    if (!atomic_compare_exchange_strong(&gang->code, &none, code))
        return;
    gang->culprit = task;
    atomic_store(&gang->failed, true);
    bri_event_wake(&gang->event, INT_MAX, BRI_SLEEPS_ANY);
}

/* br_graph_run tells why. */
static bool is_cancelled(bri_gang *gang)
{
    if (!atomic_load_explicit(&gang->job->failed, memory_order_relaxed))
        return false;
    atomic_store(&gang->failed, true);
    bri_event_wake(&gang->event, INT_MAX, BRI_SLEEPS_ANY);
    return true;
}

/* Was that its last input? The counter of a task with one input need not be written. */
static bool is_ready(bri_vertex *v)
{
    bool last = atomic_load_explicit(&v->pending, memory_order_acquire) == 1 ||
                atomic_fetch_sub_explicit(&v->pending, 1, memory_order_acq_rel) == 1;
    if (last)
        atomic_store_explicit(&v->pending, v->ninputs, memory_order_relaxed); /* for the next run */
    return last;
}

/* Tells the successors; the first one that becomes ready is returned, the others are pushed. */
static uint32_t finish(worker *w, const bri_vertex *v)
{
    br_graph *g = w->gang->graph;
    uint32_t next = NONE;
    bool pushed = false;
    for (uint32_t k = 0; k < v->nsuccessors; k++) {
        uint32_t successor = g->successor[v->first + k];
        if (!is_ready(&g->vertex[successor]))
            continue;
        if (next == NONE) {
            next = successor;
        } else {
            push(w->own, successor);
            pushed = true;
        }
    }
    if (pushed && bri_event_sleepers(&w->gang->event))
        bri_event_wake(&w->gang->event, 1, BRI_SLEEPS_ANY);
    return next;
}

static void run(worker *w, uint32_t task)
{
    while (task != NONE) {
        const bri_vertex *v = &w->gang->graph->vertex[task];
        int code = v->fn(v->data, task);
        if (code != 0) {
            fail(w->gang, task, code);
            return;
        }
        w->done++;
        if (is_cancelled(w->gang))
            return;
        task = v->nsuccessors > 0 ? finish(w, v) : NONE;
    }
}

static void work(worker *w)
{
    for (;;) {
        uint32_t task = find(w);
        if (task == NONE) {
            count_off(w);
            task = wait(w);
        }
        if (task == NONE || atomic_load_explicit(&w->gang->failed, memory_order_relaxed))
            return;
        run(w, task);
    }
}

void bri_gang_work(bri_gang *gang)
{
    int index = atomic_fetch_add_explicit(&gang->joined, 1, memory_order_relaxed);
    worker w = {.gang = gang, .own = &gang->ready[index], .index = index};
    depth++;
    work(&w);
    depth--;
}
