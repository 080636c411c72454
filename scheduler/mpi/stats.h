/* SPDX-License-Identifier: BSD-3-Clause
 * stats.h - a job's counters, as they travel between ranks.
 */
#ifndef BRI_MPI_STATS_H
#define BRI_MPI_STATS_H

#include "scheduler/mpi/parts.h"

/* Those of a job; NULL: none. */
void bri_stats_read(bri_job *job, int64_t stats[BRI_PART_STATS]);
/* Adds those of a rank to what is known of others. */
void bri_stats_join(int64_t known[BRI_PART_STATS], const int64_t more[BRI_PART_STATS]);
/* Adds those of the other ranks to the job's, */
void bri_stats_add_others(bri_job *job, const int64_t others[BRI_PART_STATS]);
/* and those of a task that another rank has run for it. */
void bri_stats_add_guest(bri_part *part, int rank, const void *stats);
/* Those of this rank's job that travel with DONE: its own bytes as most_sent; what its helpers have
 * sent is in part->sent_by. */
void bri_stats_report(bri_part *part, int64_t stats[BRI_PART_STATS]);
/* Rank 0: notes what a rank has done, for part->by_rank, and what it and its helpers have sent, */
void bri_stats_note_rank(bri_part *part, int rank, const int64_t stats[BRI_PART_STATS]);
void bri_stats_note_sent(bri_part *part, int rank, int64_t bytes);
/*  and which of them has sent most. */
int64_t bri_stats_most_sent(const bri_part *part);

#endif
