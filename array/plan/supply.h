/* SPDX-License-Identifier: BSD-3-Clause
 * supply.h - values of sources for other ranks.
 *
 * Sources lie on some ranks only. What others read of them would be made in the order of this
 * rank's own tasks, when those are done or long before it is wanted; so no task makes it, but
 * threads beside the tasks when it is asked for.
 */
#ifndef BRI_SUPPLY_H
#define BRI_SUPPLY_H

#include "array/plan/stage.h"

bool bri_is_supplied(const bri_stage *stage);
/* Notes that other ranks will ask for the chunk. *local: tasks of this rank that read it; `ranks`
 * is scratch. */
br_status bri_supply_owe(bri_job *job, const bri_stage *stage, int64_t chunk, unsigned char *ranks,
                         int *local);
/* The most that supplying one value takes on this rank: kept free during a run. Nothing for chunks
 * that are sent from where they are; a part of those that are put together from memory. */
size_t bri_supply_most(const bri_plan *plan);

/* bri_job_ops */
bool bri_supply_about(bri_job *job, bri_key key, bri_source_value *value);
br_status bri_supply_part(bri_job *job, const bri_source_part *part);

#endif
