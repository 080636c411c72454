/* SPDX-License-Identifier: BSD-3-Clause
 * fit.h - plans that fit the memory.
 */
#ifndef BRI_FIT_H
#define BRI_FIT_H

#include "array/plan/stage.h"

/* A plan that gives up what outputs->thrift says. */
br_status bri_plan_make(br_context *ctx, const bri_outputs *outputs, bri_plan **out);

/* What was true when the arrays were built must still be: files that are read, memory that is free.
 * Before any data is read. */
br_status bri_plan_check(bri_plan *plan);

/* All that a run of it can ever hold; SIZE_MAX when that is as much as there is. */
size_t bri_plan_most(const bri_plan *plan);

/* Instead of *plan, which does not fit, those that give up something for memory, one thing more at
 * a time. BR_EMEMLIMIT comes with the last one. */
br_status bri_plan_thriftily(br_context *ctx, bri_outputs *outputs, bri_plan **plan);

/* A plan that fits the memory if there is one: reductions are joined into passes when that fits
 * (outputs->thrift says what it gives up). BR_EMEMLIMIT comes with a plan, to be looked at. */
br_status bri_plan_fitting(br_context *ctx, bri_outputs *outputs, bri_plan **out);

/* Bytes that all tasks read from files as they are, and of chunks that must be decoded (explain.c).
 */
void bri_plan_reads(const bri_plan *plan, double *plain, double *decoded);

/* Bytes that the run of a plan that has been checked will not exceed, with what stands in memory:
 * what br_explain predicts. Under MPI what waits to be sent comes on top. */
size_t bri_plan_bound(const bri_plan *plan);

/* Initialises a job of this id that runs the plan. */
br_status bri_plan_begin(bri_plan *plan, uint64_t id, bri_job *job);

/* What planning finds: the peak of the serial order and the number of tasks of this rank. Leaves
 * the plan ready to be run. With `trace` also what spilling takes, and what it does to values. */
br_status bri_plan_measure(bri_plan *plan, bri_dry_run *result, bri_spill_trace *trace);

#endif
