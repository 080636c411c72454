/* SPDX-License-Identifier: BSD-3-Clause
 * sink.h - the last stages: where the outputs of a run go.
 */
#ifndef BRI_SINK_H
#define BRI_SINK_H

#include "array/plan/stage.h"

/* Adds the stage that takes the output away; *root is the stage whose chunks are emitted for it. */
br_status bri_sink_build(bri_plan *plan, bri_node *output, const bri_sink *sink, bri_stage **root);

/* When all stages are built: on one rank, a block program that only this output reads writes
 * straight into the caller's memory. */
void bri_sink_shorten(const bri_plan *plan, const bri_sink *sink, bri_stage **root);

/* Does the stage of that kind, which keeps a persisted array, write its chunks to disk? */
bool bri_keeps_on_disk(const bri_stage *stage);
/* Notes where the chunks of persisted outputs will be, once that is known. */
void bri_sinks_place(const bri_plan *plan);

/* The plan of an output is run again, into another buffer. */
void bri_sink_retarget(bri_stage *root, const bri_sink *sink);

bool bri_is_sink(const bri_stage *stage);

/* ---- what sinks have in common (sink.c) ---- */

br_status bri_sink_no_build(bri_plan *plan, bri_stage *stage);
int bri_on_rank_zero(const bri_stage *stage, int64_t chunk, int64_t step);
int bri_where_input_is(const bri_stage *stage, int64_t chunk, int64_t step);
/* No output, and the scratch that bri_sink_load takes. */
void bri_sink_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes);
/* A sink's input is a stage's value on the same grid: one whole chunk, dense. */
br_status bri_sink_load(bri_work *work, bri_leaf *leaf, bri_view *view);
void bri_sink_count(const bri_work *work, uint64_t bytes);

/* Tells a stage of the kinds packing, spreading and store_rows how (sink_packed.c). */
br_status bri_packing_set(bri_stage *stage, const bri_sink *sink);

#endif
