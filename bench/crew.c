/* SPDX-License-Identifier: BSD-3-Clause
 * crew.c - threads that live for one call.
 */
#include "bench/crew.h"

#include <math.h>
#include <pthread.h>

enum { MAX_THREADS = 1024 };

typedef struct crew {
    crew_work *work;
    void *arg;
    atomic_bool failed;
} crew;

static void *member(void *arg)
{
    crew *c = arg;
    if (!c->work(c->arg))
        c->failed = true;
    return NULL;
}

bool crew_run(int threads, crew_work *work, void *arg)
{
    crew c = {work, arg, false};
    pthread_t hands[MAX_THREADS];
    int started = 0;
    if (threads > MAX_THREADS)
        return false;
    while (started < threads - 1 && pthread_create(&hands[started], NULL, member, &c) == 0)
        started++;
    member(&c);
    for (int i = 0; i < started; i++)
        pthread_join(hands[i], NULL);
    return started == threads - 1 && !c.failed;
}

typedef struct sum {
    crew_block *block;
    const void *arg;
    crew_range range;
    _Atomic double total;
} sum;

static bool sum_blocks(void *arg)
{
    sum *s = arg;
    double total = 0;
    for (int64_t i; crew_take(&s->range, &i);)
        total += s->block(s->arg, i);
    crew_add(&s->total, total);
    return true;
}

double crew_sum(int threads, int64_t n, crew_block *block, const void *arg)
{
    sum s = {block, arg, {0, n}, 0};
    return crew_run(threads, sum_blocks, &s) ? s.total : NAN;
}
