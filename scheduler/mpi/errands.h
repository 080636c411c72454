/* SPDX-License-Identifier: BSD-3-Clause
 * errands.h - tasks that were handed in on rank 0 (scheduler/futures), run by other ranks.
 *
 * Rank 0 knows how many errands of its each rank has and how long they take there, and keeps so
 * many with it that a few milliseconds of work lie ahead: none of long ones but what its threads
 * run, hundreds of short ones. Results come back as they are made, and more goes out with each of
 * them. When there is nothing left to hand out while some thread is idle, rank 0 recalls what
 * others have not begun.
 */
#ifndef BRI_MPI_ERRANDS_H
#define BRI_MPI_ERRANDS_H

#include "runtime/function.h"
#include "scheduler/futures/store.h"
#include "scheduler/mpi/link.h"

/* Letters are filled up to this size, so that they travel inside their packet; what is larger goes
 * alone. */
enum { BRI_ERRANDS_LETTER = BRI_LINK_INLINE - 256 };

/* An errand in a letter TASKS; after it the sizes of its inputs, its arguments, the inputs, then
 * its name with the 0, each padded to 16 bytes. */
typedef struct bri_wire_errand {
    uint64_t ticket; /* rank 0's pointer */
    bri_function_id fn;
    int32_t priority, attempts;
    uint32_t pinned, ninputs;
    uint64_t bytes;
    int64_t file; /* where it was handed in: bytes from its function to the file's name, or 0 */
    int32_t line;
    uint32_t name_bytes; /* 0: it has the function's */
} bri_wire_errand;

/* One of a letter RESULTS; after it the result, or the text of an error, padded to 16 bytes. */
typedef struct bri_wire_result {
    uint64_t ticket;
    int32_t status; /* or BRI_NOT_BEGUN */
    uint32_t unused;
    uint64_t bytes;
    int64_t ns;
} bri_wire_result;
enum { BRI_NOT_BEGUN = -1 };

/* A letter that is being written. */
typedef struct bri_draft {
    char *bytes;
    size_t n, room;
} bri_draft;

/* Room for so many more bytes, zeroed; NULL with a BR_ENOMEM error. */
void *bri_draft_add(bri_draft *draft, size_t bytes);
/* What an errand takes in a letter, with the results of those it depends on. */
size_t bri_errand_wire_bytes(const bri_errand *e);
/* BR_ENOMEM, or its function has no name that other ranks know. The communication thread. */
br_status bri_errand_write(bri_draft *draft, const bri_errand *e);

/* ---- rank 0 ---- */

/* There are errands that others may run. Any thread. */
void bri_errands_offer(bri_store *store, unsigned context);
/* Before the store is closed: the communication thread forgets it. */
void bri_errands_forget(bri_store *store);

/* ---- other ranks; the thread that serves ---- */

br_status bri_errands_enter(unsigned context, br_context *ctx);
void bri_errands_leave(unsigned context);

/* ---- the communication thread ---- */

/* Looks for idle threads now and then. */
void bri_errands_step(double now);
/* Some are elsewhere. */
bool bri_errands_out(void);

/* The store of a context that a note is for, which stays until bri_errands_heard; NULL when it is
 * not open here (any more). */
bri_store *bri_errands_hear(unsigned context);
bri_store *bri_errands_hear_in(unsigned context); /* of other ranks */
void bri_errands_heard(void);
/* Rank 0, with the store's lock: how many errands a rank has; and, with -1, all of them. */
int bri_errands_elsewhere(const bri_store *store, int rank);
/* Rank 0: some rank has room for more. */
void bri_errands_feed(unsigned context);
/* Other ranks: no result waits to be sent. */
bool bri_errands_all_sent(const bri_store *store);

void bri_errands_on_tasks(int from, const bri_packet *packet, const void *payload);
void bri_errands_on_results(int from, const bri_packet *packet, const void *payload);
void bri_errands_on_recall(int from, const bri_packet *packet, const void *payload);

#endif
