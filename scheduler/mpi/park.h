/* SPDX-License-Identifier: BSD-3-Clause
 * park.h - values that other ranks have yet to take wait on disk while this rank needs their
 * memory.
 *
 * They are made in the serial order of all tasks and taken when the other ranks get so far, which
 * may be at the end. A value that nobody here reads any more is written to the spill file when a
 * task does not fit beside it; what is left of it is read back and sent when it is asked for, as
 * values of sources are made then (supply.h). Room for one value at a time stays promised, so that
 * this is never waited for in vain.
 */
#ifndef BRI_MPI_PARK_H
#define BRI_MPI_PARK_H

#include "runtime/spill.h"
#include "scheduler/mpi/match.h"
#include "scheduler/mpi/thread.h"

struct bri_part;

/* What is left of such a value. All of it is the communication thread's. */
typedef struct bri_parked {
    bri_spill *file;
    bri_spill_block block;
    size_t bytes; /* of the value */
    int left;     /* readers that have not got it */
} bri_parked;

/* A request: `bytes` are wanted for a task of the part. */
void bri_park(const bri_request *request);
/* n readers have got it, or never will. */
void bri_parked_done(bri_parked *parked, bri_job *job, int n);

#endif
