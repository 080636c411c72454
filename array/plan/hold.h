/* SPDX-License-Identifier: BSD-3-Clause
 * hold.h - values that are cheaper held than computed at each place that reads them.
 */
#ifndef BRI_HOLD_H
#define BRI_HOLD_H

#include "array/plan/stage.h"

/* Sets plan->held for nodes that block programs would compute several times, each time seen through
 * another map, at more cost than storing and reading them; for none if the stages are to stay
 * apart. Needs the outputs' is_output. */
br_status bri_plan_hold(bri_plan *plan, bool apart);
bool bri_is_held(const bri_plan *plan, const bri_node *node);

#endif
