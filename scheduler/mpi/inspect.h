/* SPDX-License-Identifier: BSD-3-Clause
 * inspect.h - what a rank waits for from others, as text; and how ranks ask each other for it.
 */
#ifndef BRI_MPI_INSPECT_H
#define BRI_MPI_INSPECT_H

#include "scheduler/mpi/link.h"

enum { BRI_INSPECT_LINES = 12 }; /* of each kind; nobody reads more */

/* Of bri_scheduler. On the watch thread. */
void bri_inspect(br_context *ctx, bri_job *job, FILE *to);
void bri_inspect_tell(br_context *ctx);

/* On the communication thread. */
void bri_inspect_on_print(int from, const bri_packet *packet, const void *payload);
void bri_inspect_on_got_on(int from, const bri_packet *packet, const void *payload);

#endif
