/* SPDX-License-Identifier: BSD-3-Clause
 * restrict.h - slices pushed through reductions.
 */
#ifndef BRI_RESTRICT_H
#define BRI_RESTRICT_H

#include "array/plan/stage.h"

/* When the reader sees at most half of a reduction's result through input->map, and nobody else
 * reads it: input->stage becomes a stage that reduces only that part, and the map what it is
 * seen through then. The stage stays NULL when that does not pay. The bits are those of the whole
 * reduction: axes stay where they are, and the reduced ones are cut as before. */
br_status bri_restrict_reduction(bri_plan *plan, const bri_stage *reader, bri_input *input);

/* The same of what a mask picks, on the axes other than the one that it is for. */
br_status bri_restrict_picked(bri_plan *plan, const bri_stage *reader, bri_input *input);

/* A node that belongs to the plan. Unique, so that it is no node of the user's with a place in the
 * plan already: bri_stage_of does not know it. */
br_status bri_plan_node(bri_plan *plan, bri_recipe *recipe, bri_node **out);

#endif
