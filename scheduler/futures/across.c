/* SPDX-License-Identifier: BSD-3-Clause
 * across.c - the list of waits across contexts, and the walk along them.
 *
 * The list's lock comes before those of stores. The walk sees one store after the other, not all at
 * once, which is enough: who is found to wait for something that is not over yet cannot go on
 * before that is, and the last of them waits for the task that looks.
 */
#include "scheduler/futures/across.h"

#include <limits.h>
#include <sched.h>

#include "runtime/busy.h"

static struct {
    pthread_mutex_t lock;
    bri_crossing *first; /* (lock) */
    atomic_int n;
} across = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the list ---- */

void bri_crossing_begin(bri_crossing *c)
{
    pthread_mutex_lock(&across.lock);
    c->next = across.first;
    c->link = &across.first;
    if (c->next != NULL)
        c->next->link = &c->next;
    across.first = c;
    atomic_fetch_add(&across.n, 1);
    pthread_mutex_unlock(&across.lock);
}

void bri_crossing_end(bri_crossing *c)
{
    pthread_mutex_lock(&across.lock);
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    atomic_fetch_sub(&across.n, 1);
    pthread_mutex_unlock(&across.lock);
}

void bri_crossings_wake(void)
{
    pthread_mutex_lock(&across.lock);
    for (const bri_crossing *c = across.first; c != NULL; c = c->next)
        bri_event_wake(c->store->event, INT_MAX, BRI_SLEEPS_ANY);
    pthread_mutex_unlock(&across.lock);
}

/* ---- names ---- */

void bri_inside_describe(const bri_inside *task, char text[400])
{
    if (task->errand != NULL)
        bri_errand_describe(task->errand, text, 400);
    else
        bri_busy_name(task->job, task->task, text, 400);
}

void bri_culprit_describe(const bri_wants *needs, char text[400])
{
    if (needs->errand != NULL)
        bri_errand_describe(needs->errand, text, 400);
    else if (needs->task != NULL)
        bri_inside_describe(needs->task, text);
    else
        snprintf(text, 400, "a compute that began later");
}

/* Those of the wish that are not over. */
static size_t count_open(const bri_wish *wish, br_future **first)
{
    void *cursor = NULL;
    size_t n = 0;
    *first = wish->each == NULL ? wish->only : NULL;
    if (wish->each == NULL)
        return *first != NULL;
    for (br_future *f; (f = wish->each(wish->data, &cursor)) != NULL;)
        if (!bri_future_done(f) && n++ == 0)
            *first = f;
    return n;
}

void bri_wish_describe(const bri_wish *wish, char text[400])
{
    char name[360] = "a compute";
    br_future *first;
    size_t n = count_open(wish, &first);
    const bri_errand *e = bri_errand_of(first);
    if (e != NULL)
        bri_errand_describe(e, name, sizeof name);
    if (n > 1)
        snprintf(text, 400, "one of %zu: %s, ...", n, name);
    else
        snprintf(text, 400, "%s", name);
}

/* ---- the walk ---- */

static bool is_met(const bri_inside *task, const bri_store *store, const bri_wants *needs)
{
    if (task->ctx != store->ctx)
        return false;
    if (task->errand != NULL)
        return task->errand->walk == store->walk;
    for (int i = 0; i < needs->njobs; i++)
        if (needs->job[i] == task->job->serial)
            return true;
    return false;
}

/* The task that waits, or one below it on its stack, which goes on only after it. */
static bool is_on_walk(const bri_inside *task, const bri_store *store, const bri_wants *needs)
{
    while (task != NULL && !is_met(task, store, needs))
        task = task->below;
    return task != NULL;
}

static bool walk_in(bri_store *store, const bri_blocked *from, bri_culprit *culprit)
{
    bri_wants needs;
    bri_store_lock(store);
    bri_wants_of_blocked(store, from, &needs);
    for (bri_crossing *c = across.first; c != NULL; c = c->next)
        if (c->seen == BRI_UNSEEN && is_on_walk(c->wait->task, store, &needs))
            c->seen = BRI_REACHED;
    if (needs.cycle) {
        culprit->errand = needs.errand;
        bri_culprit_describe(&needs, culprit->name);
    }
    bri_store_unlock(store);
    return needs.cycle;
}

static bri_crossing *next_reached(void)
{
    bri_crossing *c = across.first;
    while (c != NULL && c->seen != BRI_REACHED)
        c = c->next;
    return c;
}

bool bri_leads_across(bri_store *store, const bri_wish *wish, bri_culprit *culprit)
{
    if (atomic_load(&across.n) == 0 || wish->each != NULL)
        return false;
    pthread_mutex_lock(&across.lock);
    for (bri_crossing *c = across.first; c != NULL; c = c->next)
        c->seen = BRI_UNSEEN;
    bool cycle = walk_in(store, &(bri_blocked){.task = bri_inside_here, .wish = wish}, culprit);
    for (bri_crossing *c; !cycle && (c = next_reached()) != NULL;) {
        c->seen = BRI_WALKED;
        cycle = walk_in(c->store, c->wait, culprit);
    }
    pthread_mutex_unlock(&across.lock);
    return cycle;
}

/* ---- for the watch thread ---- */

/* Who has the lock may wait for a store's, and who has that one for the watch thread. */
static bool try_lock(void)
{
    enum { TRIES = 2000 };
    int i = 0;
    while (i < TRIES && pthread_mutex_trylock(&across.lock) != 0) {
        sched_yield();
        i++;
    }
    return i < TRIES;
}

void bri_crossings_print(const br_context *ctx, FILE *to)
{
    char name[400];
    char other[400];
    if (!try_lock())
        return;
    for (const bri_crossing *c = across.first; c != NULL; c = c->next) {
        if (c->wait->task->ctx != ctx)
            continue;
        bri_inside_describe(c->wait->task, name);
        snprintf(other, sizeof other, "something");
        if (bri_store_try_lock(c->store)) {
            bri_wish_describe(c->wait->wish, other);
            bri_store_unlock(c->store);
        }
        fprintf(to, "  waiting inside: %s for %s of another context\n", name, other);
    }
    pthread_mutex_unlock(&across.lock);
}
