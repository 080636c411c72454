/* SPDX-License-Identifier: BSD-3-Clause
 * held.h - an input's blocks as values of their own.
 */
#ifndef BRI_HELD_H
#define BRI_HELD_H

#include "array/plan/stage.h"

/* A stage whose chunks are the node's blocks on the grid `cut` (node->ndim axes), read once and
 * kept for all who need them. They stand at the same place of the grid `place`, which has as many
 * chunks along each axis, maybe of other extents: that of the reader. */
br_status bri_held_blocks(bri_plan *plan, bri_node *node, const bri_axis *cut,
                          const bri_axis *place, bri_stage **out);

/* bri_stage_input, but when each of the stage's tasks would read the node from a file, several of
 * them the same part, its blocks are held: *held says so. The stage's leaf grid is in place. */
br_status bri_held_input(bri_stage *stage, bri_node *node, const bri_map *map, bool *held,
                         int *index);

#endif
