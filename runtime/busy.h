/* SPDX-License-Identifier: BSD-3-Clause
 * busy.h - which task each thread runs: for the watch thread, and for a thread that crashes.
 */
#ifndef BRI_BUSY_H
#define BRI_BUSY_H

#include <stdatomic.h>
#include <time.h>

#include "runtime/function.h"
#include "runtime/job.h"

/* Waiting inside a task may run others; deeper ones are not noted. */
enum { BRI_BUSY_DEEP = 4 };

/* Who sees a field that was written later than `turn` sees that this has changed: fields are stored
 * with release and loaded with acquire. */
typedef struct bri_busy_task {
    atomic_uint turn; /* odd while the rest is written */
    _Atomic(bri_job *) job;
    _Atomic(const bri_task *) task;
    atomic_llong since; /* ms of the coarse monotonic clock */
    /* Of a task that was handed in (scheduler/futures), whose job is NULL: in which context, what
     * it calls, where it was handed in, and its name or NULL. */
    _Atomic(const br_context *) ctx;
    _Atomic(bri_function) fn;
    _Atomic(const char *) file;
    atomic_int line;
    _Atomic(const char *) name;
} bri_busy_task;

/* A thread's own, read by others: the first `deep` of its tasks, the innermost last. */
typedef struct bri_busy {
    struct bri_busy *next, **link;
    bool listed;     /* its own thread's; neighbours write link */
    atomic_int deep; /* release: the tasks below are written */
    bri_busy_task of[BRI_BUSY_DEEP];
} bri_busy;

extern _Thread_local bri_busy bri_busy_here;

/* Makes the thread known to bri_busy_print and gives it a stack for crashes (crash.h); its end
 * undoes both. */
void bri_busy_join(void);

static inline long long bri_busy_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The record of the next task, to be written; NULL when there is none left. */
static inline bri_busy_task *bri_busy_next(bri_busy *r)
{
    int deep = atomic_load_explicit(&r->deep, memory_order_relaxed);
    if (!r->listed)
        bri_busy_join();
    if (deep >= BRI_BUSY_DEEP)
        return NULL;
    bri_busy_task *of = &r->of[deep];
    unsigned turn = atomic_load_explicit(&of->turn, memory_order_relaxed);
    atomic_store_explicit(&of->turn, turn + 1, memory_order_relaxed);
    atomic_store_explicit(&of->since, bri_busy_clock(), memory_order_release);
    return of;
}

/* It is written, unless it is NULL. */
static inline void bri_busy_deeper(bri_busy *r, bri_busy_task *of)
{
    int deep = atomic_load_explicit(&r->deep, memory_order_relaxed);
    if (of != NULL) {
        unsigned turn = atomic_load_explicit(&of->turn, memory_order_relaxed);
        atomic_store_explicit(&of->turn, turn + 1, memory_order_release);
    }
    atomic_store_explicit(&r->deep, deep + 1, memory_order_release);
}

static inline void bri_busy_begin(bri_job *job, const bri_task *task)
{
    bri_busy *r = &bri_busy_here;
    bri_busy_task *of = bri_busy_next(r);
    if (of != NULL) {
        atomic_store_explicit(&of->job, job, memory_order_release);
        atomic_store_explicit(&of->task, task, memory_order_release);
    }
    bri_busy_deeper(r, of);
}

/* The name is freed by bri_busy_drop_name. */
static inline void bri_busy_begin_errand(const br_context *ctx, bri_function fn, br_place at,
                                         const char *name)
{
    bri_busy *r = &bri_busy_here;
    bri_busy_task *of = bri_busy_next(r);
    if (of != NULL) {
        atomic_store_explicit(&of->job, NULL, memory_order_release);
        atomic_store_explicit(&of->ctx, ctx, memory_order_release);
        atomic_store_explicit(&of->fn, fn, memory_order_release);
        atomic_store_explicit(&of->file, at.file, memory_order_release);
        atomic_store_explicit(&of->line, at.line, memory_order_release);
        atomic_store_explicit(&of->name, name, memory_order_release);
    }
    bri_busy_deeper(r, of);
}

static inline void bri_busy_end(void)
{
    bri_busy *r = &bri_busy_here;
    int deep = atomic_load_explicit(&r->deep, memory_order_relaxed);
    atomic_store_explicit(&r->deep, deep - 1, memory_order_release);
}

/* A line for each task of the job that some thread runs; how many. With job->emit held, so that
 * records of tasks stay what they are. */
int bri_busy_print(bri_job *job, FILE *to);

/* The same of what a thread runs that does not go on. */
void bri_busy_name_running(const bri_busy_task *running, char *text, size_t size);

/* A line for each task that was handed in and runs in the context; how many. */
int bri_busy_print_errands(const br_context *ctx, FILE *to);
/* Frees the name of such a task, which has run or never will; NULL is fine. */
void bri_busy_drop_name(char *name);

/* "task NAME (file.c:12)"; without a name the function's, without a file only the name: where
 * rank 0 handed it in is known elsewhere only when a constant of the program says so. */
void bri_busy_name_errand(const char *name, bri_function fn, br_place at, char *text, size_t size);

/* "sum (a.c:3), chunk (2,), function f": a task and the function of the user's that it calls. */
void bri_busy_name(bri_job *job, const bri_task *task, char *text, size_t size);

#endif
