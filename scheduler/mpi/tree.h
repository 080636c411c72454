/* SPDX-License-Identifier: BSD-3-Clause
 * tree.h - a value that many ranks read, passed on from rank to rank.
 *
 * Its readers form a tree below the owner, which all derive from the plan (runtime/job_route.c). A
 * reader asks the next rank above it (SEEK). That one has the value, or has asked for it, or asks
 * for it now, before any task of its own does, and then gives it to all below. Where memory is
 * short or the run spills it sends the wish on instead, up to the owner at last. So no wish waits
 * for another rank's tasks to get on, in whatever order the ranks read.
 *
 * Each wish says for how many readers it is: the one who asks and those below who have not had
 * their wishes sent on. The wishes that a rank answers add up to what it has promised to give, and
 * those that the owner answers to all readers.
 *
 * All of it is the communication thread's.
 */
#ifndef BRI_MPI_TREE_H
#define BRI_MPI_TREE_H

#include "scheduler/mpi/link.h"

struct bri_part;

/* A task wants a value that has a route. */
void bri_tree_expect(struct bri_part *part, bri_job *job, bri_value *value);
/* Asks for one that has: with so many readers below this rank, to whom it goes then. */
void bri_tree_seek(struct bri_part *part, int slot, const bri_value *value, const bri_route *route,
                   int below);
/* Deals with wishes that came too early; true when there were some. */
bool bri_tree_step(struct bri_part *part);
/* After a failure. */
void bri_tree_give_up(struct bri_part *part);
void bri_tree_free(struct bri_part *part);

void bri_tree_on_seek(int from, const bri_packet *packet, const void *payload);

#endif
