/* SPDX-License-Identifier: BSD-3-Clause
 * context.h - what a br_context holds. One thread at a time builds in a context.
 */
#ifndef BRI_CONTEXT_H
#define BRI_CONTEXT_H

#include <pthread.h>

#include "runtime/config.h"
#include "runtime/error.h"
#include "runtime/memory.h"

struct bri_scheduler;
struct bri_engine;

/* A list of things that die with a scope; the array layer keeps its handles in it. */
struct br_scope {
    br_context *ctx;
    br_scope *outer;
    void *first; /* the array layer's list of handles */
};

/* What dies with a context at the latest. First member or found by offset. */
typedef struct bri_owned {
    void (*free)(struct bri_owned *owned);
    br_context *ctx;
    struct bri_owned *next, **link;
} bri_owned;

struct br_context {
    pthread_mutex_t lock; /* guards failure, message and owned: tasks may have a share in them */
    br_status status;     /* why opening failed, or BR_OK */
    br_status failure;    /* the first failure since br_clear_error */
    char message[BRI_ERROR_TEXT];
    void (*log)(void *data, br_status status, const char *text);
    void *log_data;

    bool catches_interrupts; /* changed only while nothing runs */

    bri_config config;
    bri_memory *memory;
    struct bri_spill *spill; /* the file of what does not fit there */
    const struct bri_scheduler *scheduler;
    bool scheduler_opened;
    void *scheduler_data;
    const struct bri_engine *engine;
    _Atomic(struct bri_store *) store; /* of tasks that were handed in (scheduler/futures) */
    void *array_data;                  /* the array layer's: table of nodes, persisted chunks */

    int rank, nranks;
    bool watched;             /* by runtime/watch.c */
    br_context *next_watched; /*  and its list */
    bool worker;              /* it has served rank 0 of a communicator, and all calls on it fail */
    int nthreads;
    char threads_why[160]; /* "2 cores of the host / 1 rank", for 00_hello and br_explain */
    char host[64];

    br_scope root;
    br_scope *scope; /* the innermost */
    uint64_t next_job;
    bri_owned *owned;
    bool closing; /* nothing leaves that list but by its end (lock) */
};

/* br_open for a given scheduler (NULL: choose), with its scheduler_data set before it opens.
 * br_open_comm stands on it. */
br_context *bri_context_open(const struct bri_scheduler *scheduler, void *scheduler_data);

/* Frees a context, which br_open has not returned yet, and all of it but its scheduler's own. */
void bri_context_drop(br_context *ctx);

/* One more context, empty, with the settings, memory, engine and scheduler of another one, which
 * may be in use; and its end, which leaves all that to the other. NULL with a BR_ENOMEM error. */
br_context *bri_context_beside(const br_context *other);
void bri_context_drop_beside(br_context *ctx);

/* A context that failed to open with the calling thread's last error. */
br_context *bri_context_refuse(br_status status);
/* A context has not opened on any rank: the calling thread's last error says why, and rank 0 alone
 * writes it to the log. */
void bri_context_failed_on_all(br_context *ctx, int rank);

/* Gives a thing to the context; takes it out again and frees it, unless the context closes, which
 * frees it later. Any thread. */
void bri_context_own(br_context *ctx, bri_owned *owned, void (*release)(bri_owned *owned));
void bri_context_disown(bri_owned *owned);
/* Ends all futures, then frees all that the context owns. Not inside a task of it. */
void bri_context_free_owned(br_context *ctx);

/* Stores the first failure and its text in the context (and tells the log function); returns
 * status. Any thread. */
br_status bri_context_fail(br_context *ctx, br_status status, const char *text);

/* Writes a line to the log when the level is on. */
void bri_log_info(const br_context *ctx, const char *format, ...) BR_PRINTF(2, 3);
void bri_log_warning(const br_context *ctx, const char *format, ...) BR_PRINTF(2, 3);

#endif
