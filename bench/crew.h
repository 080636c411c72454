/* SPDX-License-Identifier: BSD-3-Clause
 * crew.h - threads for the limits and for making data: no library between the measured loop and the
 * machine.
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Numbers 0 ... n - 1 handed out in order to whoever asks. Dealt out one by one, since a neighbour
 * may take a core meanwhile. */
typedef struct crew_range {
    atomic_llong next;
    int64_t n;
} crew_range;

static inline bool crew_take(crew_range *range, int64_t *i)
{
    *i = atomic_fetch_add_explicit(&range->next, 1, memory_order_relaxed);
    return *i < range->n;
}

/* crew_run - work(arg) on `threads` threads, the caller's among them, until all have returned. True
 * if every one did. */
typedef bool crew_work(void *arg);
bool crew_run(int threads, crew_work *work, void *arg);

/* crew_sum - the sum of block(arg, i) for i in 0 ... n - 1, in any order; NaN when a thread could
 * not be started. */
typedef double crew_block(const void *arg, int64_t i);
double crew_sum(int threads, int64_t n, crew_block *block, const void *arg);

/* crew_add - *to += value, from any thread. */
static inline void crew_add(_Atomic double *to, double value)
{
    double old = atomic_load(to);
    while (!atomic_compare_exchange_weak(to, &old, old + value)) {
    }
}

#endif
