/* SPDX-License-Identifier: BSD-3-Clause
 * guest.h - the helper's side of lend.h. On the communication thread.
 */
#ifndef BRI_MPI_GUEST_H
#define BRI_MPI_GUEST_H

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/parts.h"

typedef struct bri_guest bri_guest;

void bri_guests_on_lent(int from, const bri_packet *packet, const void *payload);
/* A guest waits for so many values more of its lender's. */
void bri_guest_waits(bri_job *job, int more);
/* A thread of this rank is at the tasks of one. */
bool bri_guests_compute(const bri_part *part);
/* After a failure: guests end soon. */
void bri_guests_cancel(bri_part *part);
/* A line for each of the first few. */
void bri_guests_print(const bri_part *part, FILE *to);

#endif
