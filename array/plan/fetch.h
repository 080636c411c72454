/* SPDX-License-Identifier: BSD-3-Clause
 * fetch.h - files that not all ranks have, read by those that have them.
 *
 * Such a file has a stage, whose tasks belong to ranks that have it and whose values travel as any
 * others, when they are asked for. It is the node's chunks, each of which goes to a rank once;
 * where only one input reads them, or little of them, or where holding them for several would take
 * too much memory, it is what each leaf of the reader reads.
 */
#ifndef BRI_FETCH_H
#define BRI_FETCH_H

#include "array/plan/stage.h"

/* Gives inputs stages of their own leaves instead of the chunks' where that is better; when all
 * readers are known, before faces. */
br_status bri_plan_fetch(bri_plan *plan);

/* Does the stage read a file for other ranks? */
static inline bool bri_is_fetch(const bri_stage *stage)
{
    return stage->kind == &bri_stage_fetch;
}

#endif
