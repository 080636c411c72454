/* SPDX-License-Identifier: BSD-3-Clause
 * lend.h - uneven costs within one run: ranks without work run tasks of those that have too much.
 *
 * A rank whose tasks have run tells rank 0 after a moment (IDLE). Rank 0 gives each of those that
 * have not said so some of the others as helpers (HELPER). A lender takes tasks that are ready but
 * have not begun off its threads, with those that alone read what they make (loan.h), and tells a
 * helper their names (LENT), as all ranks have the same plan. The helper promises their bytes
 * (TAKEN) and runs each loan as a guest, a job of its own, which wants its inputs of the lender;
 * the lender wants the values of its last task as any other rank's (WANT), and is the one who sends
 * them on, so nobody else knows. A guest that has ended says so (RETURN), after its values; a
 * lender without tasks to lend gives its helpers back to rank 0 (FREE). A helper whose memory is
 * full by then returns a loan without having taken it; its tasks are ready again.
 *
 * A lender is done when all it lent is back. So no part ends while guests run. When a guest fails,
 * its rank fails the run (FAIL), in the name of the task; what is lent comes back all the same,
 * with values that are refused, and what lies above a loan's first tasks never becomes ready.
 *
 * Memory: once it is taken the lender keeps the promise of what comes back, and of what it has sent
 * until it is back; the rest of what the tasks would take is free at once. A helper has said how
 * much it may hold, and holds no more than its limit allows (but for a task that needs more than
 * its loan said, where nothing else would ever give memory back).
 */
#ifndef BRI_MPI_LEND_H
#define BRI_MPI_LEND_H

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/parts.h"

typedef struct bri_lending bri_lending;

/* All of it is the communication thread's. */

/* A packet HELPER of rank 0 to this one. */
void bri_lend_add_helper(bri_part *part, const bri_packet *packet);
/* Before this rank says DONE: it needs no helpers any more. */
void bri_lend_over(bri_part *part);
/* Sees to helpers, lends tasks; true when something was done. */
bool bri_lend_step(bri_part *part);
/* At the end of the thread. */
void bri_lend_close(void);
void bri_lend_free(bri_part *part);
/* A line for each of the first few loans. */
void bri_lend_print(const bri_part *part, FILE *to);

/* A value that was wanted of a helper has come, or never will. */
typedef struct bri_lent bri_lent;
void bri_lend_output(bri_lent *lent);

void bri_lend_on_helper(int from, const bri_packet *packet, const void *payload);
void bri_lend_on_taken(int from, const bri_packet *packet, const void *payload);
void bri_lend_on_return(int from, const bri_packet *packet, const void *payload);

#endif
