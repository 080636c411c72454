/* SPDX-License-Identifier: BSD-3-Clause
 * restrict.h - slices pushed through reductions, joins, masks and functions on core elements.
 */
#ifndef BRI_RESTRICT_H
#define BRI_RESTRICT_H

#include "array/plan/stage.h"

/* What of a node's first axes a reader touches through its map, per axis, and which share of them
 * it is. */
typedef struct bri_region {
    int64_t start[BR_MAX_NDIM], step[BR_MAX_NDIM], count[BR_MAX_NDIM];
    double share;
} bri_region;
bri_region bri_region_seen(const bri_stage *reader, const bri_input *input, int naxes);
/* The input's map on those axes when there is nothing but the region in its stage. */
void bri_region_map(bri_input *input, int naxes);
/* A node that belongs to the plan. Unique, so that it is no node of the user's with a place in the
 * plan already: bri_stage_of does not know it. */
br_status bri_plan_node(bri_plan *plan, bri_recipe *recipe, bri_node **out);
/* The stage of such a node. */
br_status bri_own_stage(bri_plan *plan, bri_node *node, bri_stage **out);

/* When the reader sees at most half of a reduction's result through input->map, and nobody else
 * reads it: input->stage becomes a stage that reduces only that part, and the map what it is
 * seen through then. The stage stays NULL when that does not pay. The bits are those of the whole
 * reduction: axes stay where they are, and the reduced ones are cut as before. */
br_status bri_restrict_reduction(bri_plan *plan, const bri_stage *reader, bri_input *input);

/* The same of what a mask picks, on the axes other than the one that it is for. */
br_status bri_restrict_picked(bri_plan *plan, const bri_stage *reader, bri_input *input);

/* The same for functions on core elements, which are called for each element of the loop: only for
 * those that the reader sees (restrict_loop.c). */
br_status bri_restrict_loop(bri_plan *plan, const bri_stage *reader, bri_input *input);

/* The same when the reader sees less than all of arrays that are joined: input->stage joins what
 * it sees of each. */
br_status bri_restrict_concat(bri_plan *plan, const bri_stage *reader, bri_input *input);

/* When the reader sees only one of the joined arrays, and nobody else reads them: the input becomes
 * that one. */
void bri_through_concat(const bri_stage *reader, bri_input *input);

#endif
