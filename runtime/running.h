/* SPDX-License-Identifier: BSD-3-Clause
 * running.h - what runs in contexts, so that another thread or Ctrl-C can stop it.
 *
 * Lock: one for all contexts. It is held while a stop function is called.
 */
#ifndef BRI_RUNNING_H
#define BRI_RUNNING_H

#include "runtime/job.h"

/* A call that computes, from its first look at the arrays to its end; or something that lives
 * longer and can stop what it does. */
typedef struct bri_running bri_running;
struct bri_running {
    br_context *ctx;
    /* NULL: a call. Else called by any thread, perhaps more than once; must not wait, begin or end.
     * Returns whether there was something to stop. */
    bool (*stop)(bri_running *running, const char *why);
    bri_job *job;    /* of a call; NULL before it starts and after its end (lock) */
    bool over;       /* after its end, unless the call tries once more (lock) */
    const char *why; /* the call was stopped; static (lock) */
    bool listed;     /* its own thread's */
    bri_running *next, **link;
};

/* On ranks above 0 nothing happens: rank 0 tells them. */
void bri_running_begin(bri_running *running, br_context *ctx,
                       bool (*stop)(bri_running *running, const char *why));
/* The call's job is about to start, and is cancelled when the call was stopped; or, NULL, is over
 * and nobody will cancel it any more. */
void bri_running_job(bri_running *running, bri_job *job);
void bri_running_end(bri_running *running);

/* Stops what runs in the context, or with NULL in all that catch Ctrl-C; when nothing does there,
 * the next call. `why` is static. */
void bri_running_stop(const br_context *ctx, const char *why);
/* Some call was stopped, or will be, and has not ended yet. */
bool bri_running_ending(void);

/* Whether Ctrl-C is a cancel in the context (interrupt.c). BR_EARG where that cannot be. */
br_status bri_interrupt_catch(br_context *ctx, bool on);
/* Is what the last one has cancelled still ending, so that another one ends the program? */
bool bri_interrupt_ending(void);

#endif
