/* SPDX-License-Identifier: BSD-3-Clause
 * notes.h - messages between tasks (scheduler/workers/exchange.h) over ranks, and how rank 0 finds
 * out that nobody will send what tasks wait for.
 */
#ifndef BRI_MPI_NOTES_H
#define BRI_MPI_NOTES_H

#include "scheduler/futures/store.h"
#include "scheduler/mpi/link.h"

/* Any thread; the note is the receiver's, but for BR_ENOMEM. */
br_status bri_notes_post(unsigned context, int to, void *note, size_t bytes);

/* ---- the communication thread ---- */

void bri_notes_on_note(int from, const bri_packet *packet, const void *payload);
/* Rank 0 looks now and then. */
void bri_notes_look(bri_store *store, unsigned context, double now);

#endif
