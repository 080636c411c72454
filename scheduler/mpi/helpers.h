/* SPDX-License-Identifier: BSD-3-Clause
 * helpers.h - who helps whom (lend.h). All of it is the communication thread's.
 */
#ifndef BRI_MPI_HELPERS_H
#define BRI_MPI_HELPERS_H

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/parts.h"

/* Says that this rank is idle, once; rank 0 gives idle ranks to others. True when something was
 * done. */
bool bri_helpers_step(bri_part *part, double now);
/* This rank needs that helper no more. */
void bri_helpers_free_one(bri_part *part, int rank);

void bri_helpers_on_idle(int from, const bri_packet *packet, const void *payload);
void bri_helpers_on_free(int from, const bri_packet *packet, const void *payload);

#endif
