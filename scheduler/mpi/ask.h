/* SPDX-License-Identifier: BSD-3-Clause
 * ask.h - short questions of rank 0's engine to that of every other rank, and of theirs to that of
 * rank 0, outside any job.
 *
 * Threads beside the pool answer them (aside.h), so that no answer waits for a job that runs there.
 */
#ifndef BRI_MPI_ASK_H
#define BRI_MPI_ASK_H

#include "runtime/scheduler.h"
#include "scheduler/mpi/link.h"

/* Rank 0, any thread but the communication thread: asks all others; the answer of rank r, `each`
 * bytes, is put at answers + r * each. Question and answer have at most BRI_ASK_BYTES. The first
 * error of any rank. */
br_status bri_ask(const void *question, size_t bytes, void *answers, size_t each);

/* Ranks above 0, any thread but the communication thread, several at a time: asks rank 0. */
br_status bri_inquire(const void *question, size_t bytes, void *answer, size_t each);

/* Before anybody asks: whose answers these are. */
void bri_ask_answers_of(const bri_engine *engine);

/* ---- the communication thread ---- */

void bri_ask_on_ask(int from, const bri_packet *packet, const void *payload);
void bri_ask_on_answer(int from, const bri_packet *packet, const void *payload);

#endif
