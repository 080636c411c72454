/* SPDX-License-Identifier: BSD-3-Clause
 * thread.h - the communication thread: the only one of ours that calls MPI, from MPI_Init_thread
 * to MPI_Finalize.
 *
 * It starts with the first context that opens and lives as long as the process, or as long as the
 * context when the program runs MPI itself (invitation.h). Other threads hand it requests.
 */
#ifndef BRI_MPI_THREAD_H
#define BRI_MPI_THREAD_H

#include "runtime/job.h"

struct bri_part;

/* Something to do for the communication thread; which fields mean something depends on run. */
typedef struct bri_request bri_request;
struct bri_request {
    void (*run)(const bri_request *request);
    void (*drop)(const bri_request *request); /* or NULL: instead, with the queue's lock, when the
                                               * thread has ended: it frees only */
    struct bri_part *part;
    bri_value *value;
    bri_job *job; /* whose value it is; a guest's (lend.h) is not the part's */
    void *data;   /* owned by run */
    size_t bytes;
    uint64_t number;
    int rank;
};

struct bri_invitation;

/* It has been started, and has not been joined. */
bool bri_thread_runs(void);
/* Starts the thread, unless it runs, and waits until all ranks have met: on the invitation's
 * communicator, or without one all of them. Returns what they found (meet.h). */
br_status bri_thread_start(struct bri_invitation *invitation);
bool bri_thread_has_met(void);
/* Hands a request over (copied). Requests of one thread run in their order. BR_ENOMEM. Any thread.
 */
br_status bri_thread_post(const bri_request *request);
/* For requests that must not be lost: without memory for it the job is aborted. */
void bri_thread_must_post(const bri_request *request);

/* For the thread itself: leaves the loop after this round, parts from the other ranks and ends. */
void bri_thread_stop(void);
bool bri_thread_stops(void);
/* Rank 0 has said EXIT to this rank, whose serving thread puts away what packets are about. */
bool bri_thread_left(void);
/* Waits for that; false when it has not ended after so many seconds. Afterwards it may be started
 * anew, if the program runs MPI. */
bool bri_thread_join(double seconds);

bool bri_thread_is_this(void);

#endif
