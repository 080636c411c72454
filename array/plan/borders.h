/* SPDX-License-Identifier: BSD-3-Clause
 * borders.h - the chunks of which other ranks read edges are made first.
 */
#ifndef BRI_BORDERS_H
#define BRI_BORDERS_H

#include "array/plan/stage.h"

/* Where the walk along such chunks is. */
typedef struct bri_borders {
    int stage;      /* of plan->stages */
    int64_t chunk;  /* the next one, */
    int64_t looked; /*  so many owners of chunks have been looked at, */
    int64_t change; /*  the last one that is not that of the chunk before; 0: there was none */
} bri_borders;

/* Decides before which root each stage's are made (stage->border); after demand. */
void bri_plan_borders(bri_plan *plan);

/* The next one of those that come before the root; false: there is none left. */
bool bri_borders_next(const bri_plan *plan, bri_borders *at, int root, bri_need *border);

#endif
