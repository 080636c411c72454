/* SPDX-License-Identifier: BSD-3-Clause
 * watch.h - the thread that says what runs and what it waits for: on SIGUSR1, when rank 0 asks, and
 * when nothing has finished for BRAMBLE_WATCHDOG seconds. It also names the task that crashed.
 *
 * It lives as long as some context is open, and sleeps but for the watchdog's looks.
 */
#ifndef BRI_WATCH_H
#define BRI_WATCH_H

#include "runtime/job.h"

/* The thread is there from the first open context to the last. A SIGUSR1 that the program handles
 * itself stays its own. BR_ENOMEM. */
br_status bri_watch_open(br_context *ctx);
/* Of a context that was not watched: nothing. */
void bri_watch_close(br_context *ctx);
/* Which rank of how many a context is, where that is known only after its watch has begun. */
void bri_watch_rank(br_context *ctx, int rank, int nranks);
/* Ranks above 0: rank 0's setting, in seconds; 0: none. */
void bri_watch_set(int64_t seconds);

/* A job begins and ends. Any thread. */
void bri_watch_begin(bri_job *job);
void bri_watch_end(bri_job *job);

/* Something else than jobs, which says what it waits for as long as it is listed. print is called
 * on the watch thread and must not wait for a lock that somebody holds who lists or unlists. */
typedef struct bri_watched {
    void (*print)(struct bri_watched *watched, FILE *to);
    struct bri_watched *next, **link;
} bri_watched;
void bri_watch_list(bri_watched *watched);
void bri_watch_unlist(bri_watched *watched);

/* Between the two the thread looks at no context, so that part of one may go which is still
 * watched. Not by who holds a lock that printing takes. */
void bri_watch_hold(void);
void bri_watch_let_go(void);

/* Prints soon. Any thread. Asked twice within a second it prints once. */
void bri_watch_ask(void);
/* Another rank has finished tasks. Any thread. */
void bri_watch_progress(void);

/* Some context's memory keeps more idle blocks than it should for long: the thread looks each
 * second until they are taken again or given back (bri_memory_rest). Any thread. */
void bri_watch_rest(void);

/* For signal handlers: wakes the thread, which calls `what` once. */
void bri_watch_call(void (*what)(void));

/* "rank 2 on pi-3", or the host alone where there is one rank. */
void bri_watch_whereabouts(const br_context *ctx, char text[96]);

#endif
