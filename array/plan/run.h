/* SPDX-License-Identifier: BSD-3-Clause
 * run.h - running outputs on all ranks.
 */
#ifndef BRI_RUN_H
#define BRI_RUN_H

#include <bramble/future.h>

#include "array/plan/stage.h"

/* Plans, checks the memory, tells the other ranks, runs, and stores a failure in the context. On
 * rank 0. */
br_status bri_run(br_context *ctx, const bri_outputs *outputs);

/* The same without waiting: a future, which has failed where the run could not begin; NULL without
 * memory for it. */
br_future *bri_launch(br_context *ctx, const bri_outputs *outputs);

/* The same for outputs that tell of the end themselves: the future is freed with the run. An error
 * when it could not begin; then the sinks are the caller's. *serial is the job's. */
br_status bri_launch_hidden(br_context *ctx, const bri_outputs *outputs, uint64_t *serial);

/* Persisted arrays of a run that failed are not left in the table. */
void bri_drop_failed(br_context *ctx, const bri_outputs *outputs);
/* What a job did, together with what was done before it. */
void bri_run_info(bri_job *job, double seconds, const br_run_info *before, br_run_info *info);

#endif
