/* SPDX-License-Identifier: BSD-3-Clause
 * gather_pick.h - takes in two parts, and slices of takes.
 */
#ifndef BRI_GATHER_PICK_H
#define BRI_GATHER_PICK_H

#include "array/plan/gather.h"
#include "array/plan/stage.h"

/* Would many chunks of the result come back to the same chunk of the source, so that it is better
 * to pick from each chunk all that is taken of it first? That reads a file once, and holds only
 * what is taken of chunks that are computed. */
bool bri_gather_comes_back(const bri_gather *g, bool file);
/* What is taken, sorted by cell: its indices; for each point its place therein; and the extents of
 * its chunks. All are counted, also after a failure. */
br_status bri_gather_pick(bri_plan *plan, const bri_gather *g, bri_table **indices,
                          bri_table **places, bri_table **extents);
/* Makes the stage that picks as a new input of `stage`. */
br_status bri_gather_read_picked(bri_plan *plan, bri_stage *stage, bri_table *extents,
                                 bri_table *indices, bri_table *root, bri_node **picked);

/* Before a gather is built: its indices, where they are known, and the table of a node's that they
 * were made from (stage_gather.c). */
br_status bri_gather_set(bri_stage *stage, bri_table *indices, bri_table *root);

/* When the reader sees at most half of what a take's indices name through input->map, and nobody
 * else reads it: input->stage becomes a stage that takes only those, as bri_restrict_reduction
 * does. */
br_status bri_restrict_gather(bri_plan *plan, const bri_stage *reader, bri_input *input);

#endif
