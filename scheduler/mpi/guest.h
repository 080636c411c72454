/* SPDX-License-Identifier: BSD-3-Clause
 * guest.h - the helper's side of lend.h. On the communication thread.
 */
#ifndef BRI_MPI_GUEST_H
#define BRI_MPI_GUEST_H

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/parts.h"

/* What a LENT packet says beside the key. */
typedef struct bri_lent_task {
    int64_t argument[2];
    int32_t kind;
    int32_t unused;
} bri_lent_task;

typedef struct bri_guest bri_guest;

void bri_guests_on_lent(int from, const bri_packet *packet, const void *payload);
/* A guest waits for so many values more of its lender's. */
void bri_guest_waits(bri_job *job, int more);
/* After a failure: guests end soon. */
void bri_guests_cancel(bri_part *part);

#endif
