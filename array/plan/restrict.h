/* SPDX-License-Identifier: BSD-3-Clause
 * restrict.h - slices pushed through reductions.
 */
#ifndef BRI_RESTRICT_H
#define BRI_RESTRICT_H

#include "array/plan/stage.h"

/* When the reader sees at most half of a reduction's result through *map, and nobody else reads it:
 * a stage that reduces only that part, and *map as it is seen then. *stage is NULL when that
 * does not pay. The bits are those of the whole reduction: axes stay where they are, and the
 * reduced ones are cut as before. */
br_status bri_restrict_reduction(bri_plan *plan, bri_node *node, const bri_stage *reader,
                                 bri_map *map, bri_stage **stage);

#endif
