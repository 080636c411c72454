/* SPDX-License-Identifier: BSD-3-Clause
 * lend.h - uneven costs within one run: ranks without work run tasks of those that have too much.
 *
 * A rank whose tasks have run tells rank 0 after a moment (IDLE). Rank 0 gives each of those that
 * have not said so some of the others as helpers (HELPER). A lender takes tasks that are ready but
 * have not begun off its threads and tells a helper their names (LENT), as all ranks have the same
 * plan. The helper runs them as guests, jobs of their own, which want their inputs of the lender;
 * the lender wants their values as any other rank's (WANT), and is the one who sends them on, so
 * nobody else knows. A guest that has ended says so (RETURN), after its values; a lender without
 * tasks to lend gives its helpers back to rank 0 (FREE).
 *
 * A lender is done when all it lent is back. So no part ends while guests run.
 */
#ifndef BRI_MPI_LEND_H
#define BRI_MPI_LEND_H

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/parts.h"

typedef struct bri_lending bri_lending;

/* All of it is the communication thread's. */

/* Before this rank says DONE: it needs no helpers any more. */
void bri_lend_over(bri_part *part);
/* Gives out helpers, lends tasks; true when something was done. */
bool bri_lend_step(bri_part *part);
/* At the end of the thread. */
void bri_lend_close(void);
void bri_lend_free(bri_part *part);

/* A value that was wanted of a helper has come, or never will. */
typedef struct bri_lent bri_lent;
void bri_lend_output(bri_lent *lent);

void bri_lend_on_idle(int from, const bri_packet *packet, const void *payload);
void bri_lend_on_helper(int from, const bri_packet *packet, const void *payload);
void bri_lend_on_free(int from, const bri_packet *packet, const void *payload);
void bri_lend_on_return(int from, const bri_packet *packet, const void *payload);

#endif
