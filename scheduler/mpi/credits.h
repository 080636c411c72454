/* SPDX-License-Identifier: BSD-3-Clause
 * credits.h - how much a rank has asked another one for at a time.
 *
 * So that an exchange of all ranks with all goes in rounds: what has been asked of one rank and has
 * not come is never more than a credit, or one value that is larger. The other wishes of a run wait
 * in the order of its tasks, so those that are waited for come first: all wishes before that of the
 * first task that has not run are of tasks that have, and have come. What other ranks wait for, too
 * (values along trees, inputs of lent tasks) is asked for at once, and has bounds of its own
 * (tree.h, lend.h); values that travel in packets do not count.
 *
 * All of it is the communication thread's.
 */
#ifndef BRI_MPI_CREDITS_H
#define BRI_MPI_CREDITS_H

#include <stdio.h>

#include "runtime/job.h"

struct bri_part;

/* The credit with each other rank under a memory limit. */
static inline size_t bri_credit_bytes(size_t limit)
{
    const size_t least = (size_t)1 << 20, most = (size_t)64 << 20;
    size_t part = limit / 16;
    return part < least ? least : part > most ? most : part;
}

/* May the value be asked of its owner now? Else it waits. */
bool bri_credit_take(struct bri_part *part, bri_job *job, bri_value *value);
/* So many bytes have come of a rank, or never will. */
void bri_credit_give(struct bri_part *part, int rank, size_t bytes);
/* The next value that may be asked of the rank now; NULL: none. */
bri_value *bri_credit_next(struct bri_part *part, int rank);
/* A line for each of the first few wishes that wait. */
void bri_credits_print(const struct bri_part *part, FILE *to);
/* After a failure, and at the end. */
void bri_credits_free(struct bri_part *part);

#endif
