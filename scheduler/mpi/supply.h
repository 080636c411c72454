/* SPDX-License-Identifier: BSD-3-Clause
 * supply.h - values of sources that are on this rank only, made when another rank asks for them.
 *
 * In the serial order of this rank's tasks they would be made when its own work is done, and wait
 * for their readers beyond the memory limit. So no task makes them; the job owes them
 * (bri_job_owe).
 */
#ifndef BRI_MPI_SUPPLY_H
#define BRI_MPI_SUPPLY_H

#include "scheduler/mpi/parts.h"

/* The communication thread only. Makes and sends what is wished for; false when it is a value that
 * some task makes, or the job has not begun here. */
bool bri_supply(bri_part *part, const bri_match_entry *wish);
/* The same for all that was wished for before the job began. */
void bri_supply_early(bri_part *part);

/* Reads a value that waits on disk, and sends it (park.h). */
void bri_supply_parked(bri_part *part, const bri_match_entry *from, const bri_match_entry *wish);
/* The room is too small for bringing back so many bytes; it has so many from now on, which are
 * promised already. */
bool bri_supply_needs_room(const bri_job *job, size_t bytes);
void bri_supply_grow_room(bri_job *job, size_t bytes);

#endif
