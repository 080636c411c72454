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
/* Makes the stage that picks, as a new input of `stage`: what is taken, sorted by cell. *places has
 * for each point its place therein. */
br_status bri_gather_pick(bri_plan *plan, bri_stage *stage, const bri_gather *g, bri_node **picked,
                          bri_table **places);

/* When the reader sees at most half of what a take's indices name through input->map, and nobody
 * else reads it: input->stage becomes a stage that takes only those, as bri_restrict_reduction
 * does. */
br_status bri_restrict_gather(bri_plan *plan, const bri_stage *reader, bri_input *input);

#endif
