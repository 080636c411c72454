/* SPDX-License-Identifier: BSD-3-Clause
 * future.h - what all kinds of futures have in common: a state that is settled once.
 *
 * A kind puts br_future first in its own struct, and its functions into a table. Whoever
 * brings it to its end calls bri_future_settle, on any thread; br_wait, br_test and the rest are in
 * future.c and call the kind's functions only while it is not settled.
 */
#ifndef BRI_FUTURE_H
#define BRI_FUTURE_H

#include <stdatomic.h>

#include <bramble/future.h>

#include "runtime/context.h"

typedef struct bri_future_kind {
    const char *name; /* "compute", "task": for messages */
    /* Returns when it is settled; runs other tasks meanwhile. Any thread, also inside a task, where
     * an error says that it cannot end before that task does. */
    br_status (*wait)(br_future *future);
    /* Works on it for a moment without waiting, or NULL. Any thread. */
    void (*poll)(br_future *future);
    /* Makes it end soon, with BR_ECANCELLED unless it is done. Any thread, more than once; also
     * while it is being settled. */
    void (*cancel)(br_future *future);
    /* An anonymous promise (promise.h) that ends as it does, to be let go; of one that has no
     * bytes. NULL without memory. */
    br_future *(*echo)(br_future *future);
    /* It is settled: frees what it holds, its text and itself, or lets those go who hold it
     * still. */
    void (*free)(br_future *future);
} bri_future_kind;

struct br_future {
    bri_owned owned;
    br_context *ctx;
    const bri_future_kind *kind;
    uint64_t job;          /* the serial number of the job that it is the end of, or 0 */
    atomic_int waiters;    /* threads in br_wait */
    atomic_bool done;      /* release: status and text are written */
    atomic_bool told;      /* the context has its error, or need not have it */
    atomic_bool cancelled; /* br_cancel was called */
    br_status status;
    char *text; /* NULL: that of the status will do */
    /* Before it is freed, where it was given to an iterator (scheduler/futures/completed.c); NULL:
     * nowhere. */
    void (*forget)(br_future *future);
};

/* Not done, and owned by the context from now on. */
void bri_future_init(br_future *future, br_context *ctx, const bri_future_kind *kind);

/* A future that is done, with an error: what a call returns that failed and has told the context
 * so. NULL without memory. */
br_future *bri_future_failed(br_context *ctx, br_status status, const char *text);
/* One that is done and belongs to nobody: when there is nothing to do. */
br_future *bri_future_nothing(void);

/* Done: with BR_OK (text is not looked at) or an error. The future may be freed by its waiter
 * before this returns, so it is the last touch. Once. */
void bri_future_settle(br_future *future, br_status status, const char *text);

/* The same with an error of the call that makes the future, which has told the context. */
void bri_future_fail(br_future *future, br_status status, const char *text);

/* The context's futures, one after the other; NULL: the first, or no more. With the context's
 * lock. */
br_future *bri_future_next(br_context *ctx, br_future *after);

/* Cancels those that are not done, also what tasks hand in until all are, and waits for them. Only
 * while the context closes (context.h), and not inside a task of it. */
void bri_futures_end(br_context *ctx);

static inline bool bri_future_done(const br_future *future)
{
    return atomic_load_explicit(&future->done, memory_order_acquire);
}

#endif
