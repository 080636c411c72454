/* SPDX-License-Identifier: BSD-3-Clause
 * place.h - ranks of tasks; the owners themselves are bri_stage_owner and bri_value_owner of
 * stage.h.
 */
#ifndef BRI_PLACE_H
#define BRI_PLACE_H

#include "array/plan/stage.h"

/* The rank of place `place` of n when they are cut into one contiguous run for each rank. */
int bri_place_run(const bri_plan *plan, int64_t place, int64_t n);
/* Does a task of the stage read what lies on its rank and is no task's value? */
bool bri_reads_at_hand(const bri_stage *stage);
/* Decides which stages follow an input. After passes are made, before anybody asks for an owner. */
void bri_plan_place(bri_plan *plan);

#endif
