/* SPDX-License-Identifier: BSD-3-Clause
 * deque.h - a worker's own tasks: it pushes and pops at the bottom, others steal the oldest from
 * the top.
 *
 * Chase and Lev 2005, of fixed size (who finds it full puts tasks elsewhere). Sequentially
 * consistent operations stand where Le, Pop, Cohen and Zappa Nardelli 2013 have fences:
 * ThreadSanitizer does not understand fences.
 */
#ifndef BRI_THREADS_DEQUE_H
#define BRI_THREADS_DEQUE_H

#include <stdatomic.h>

#include "runtime/job.h"

enum {
    BRI_DEQUE_SIZE = 1024
}; /* a power of two, beyond what a job has in flight for each thread */

typedef struct bri_deque {
    char before[64]; /* the counters keep off each other's and the neighbours' cache lines */
    atomic_llong top;
    char between[64];
    atomic_llong bottom;
    _Atomic(bri_task *) slots[BRI_DEQUE_SIZE];
} bri_deque;

static inline _Atomic(bri_task *) *bri_deque_slot(bri_deque *d, long long i)
{
    return &d->slots[i & (BRI_DEQUE_SIZE - 1)];
}

/* Owner only. False when it is full. */
static inline bool bri_deque_push(bri_deque *d, bri_task *task)
{
    long long bottom = atomic_load_explicit(&d->bottom, memory_order_relaxed);
    if (bottom - atomic_load_explicit(&d->top, memory_order_acquire) >= BRI_DEQUE_SIZE)
        return false;
    atomic_store_explicit(bri_deque_slot(d, bottom), task, memory_order_relaxed);
    atomic_store_explicit(&d->bottom, bottom + 1, memory_order_seq_cst);
    return true;
}

/* Owner only. The newest task or NULL. */
static inline bri_task *bri_deque_pop(bri_deque *d)
{
    long long bottom = atomic_load_explicit(&d->bottom, memory_order_relaxed) - 1;
    if (atomic_load_explicit(&d->top, memory_order_relaxed) > bottom)
        return NULL; /* top only grows */
    atomic_store_explicit(&d->bottom, bottom, memory_order_seq_cst);
    long long top = atomic_load_explicit(&d->top, memory_order_seq_cst);
    bri_task *task = NULL;
    if (top <= bottom)
        task = atomic_load_explicit(bri_deque_slot(d, bottom), memory_order_relaxed);
    if (top < bottom)
        return task;
    /* The last one: a thief may be after it too. */
    if (top == bottom && !atomic_compare_exchange_strong(&d->top, &top, top + 1))
        task = NULL;
    atomic_store_explicit(&d->bottom, bottom + 1, memory_order_relaxed);
    return task;
}

/* Anyone. The oldest task; NULL when there is none or another thread was faster. */
static inline bri_task *bri_deque_steal(bri_deque *d)
{
    long long top = atomic_load_explicit(&d->top, memory_order_seq_cst);
    if (top >= atomic_load_explicit(&d->bottom, memory_order_seq_cst))
        return NULL;
    bri_task *task = atomic_load_explicit(bri_deque_slot(d, top), memory_order_relaxed);
    return atomic_compare_exchange_strong(&d->top, &top, top + 1) ? task : NULL;
}

/* Anyone; a moment later it may be different. */
static inline bool bri_deque_empty(bri_deque *d)
{
    return atomic_load_explicit(&d->top, memory_order_seq_cst) >=
           atomic_load_explicit(&d->bottom, memory_order_seq_cst);
}

#endif
