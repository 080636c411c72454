/* SPDX-License-Identifier: BSD-3-Clause
 * replies.h - a thread waits until all that it has asked for has come: the communication thread
 * takes the replies, in any order; the first error counts.
 */
#ifndef BRI_MPI_REPLIES_H
#define BRI_MPI_REPLIES_H

#include <pthread.h>

#include "runtime/error.h"

/* `lock` guards all of it. */
typedef struct bri_replies {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int missing;
    br_status status;
    char text[BRI_ERROR_TEXT];
} bri_replies;

#define BRI_REPLIES_INIT                                                                           \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

/* Before it is asked: so many will come. */
void bri_replies_expect(bri_replies *replies, int n);
/* Until all have come; the first error as this thread's own. */
br_status bri_replies_wait(bri_replies *replies);
/* One has come. With an error, text says why, and `who` is put before it unless it is NULL. What
 * was written for the waiting thread before this call is there when it goes on. */
void bri_replies_take(bri_replies *replies, br_status status, const char *who, const char *text);

#endif
