/* SPDX-License-Identifier: BSD-3-Clause
 * balance.h - how much of a run each rank gets: by its threads at first, then by what it was seen
 * to do in a second.
 */
#ifndef BRI_BALANCE_H
#define BRI_BALANCE_H

#include "array/plan/stage.h"

/* The weights that plans are to use now, an int32_t for each rank, counted for the caller; NULL:
 * all alike. Other ranks have them from rank 0's message. */
bri_table *bri_balance_weights(br_context *ctx);
/* Above rank 0; takes the table over. */
br_status bri_balance_set(br_context *ctx, bri_table *weights);
/* Gives a plan its weights (counted by it); NULL: all alike. */
br_status bri_balance_apply(bri_plan *plan, bri_table *weights);
void bri_balance_forget(bri_plan *plan);

/* Does a task of the stage tell how fast the rank is? */
bool bri_balance_counts(const bri_stage *stage, const bri_task *task);
/* Counts a task that took so long. */
void bri_balance_count(bri_stage *stage, const bri_task *task, int64_t nanoseconds);
/* What a task of the stage takes here, in nanoseconds; 0: nobody knows yet. */
int64_t bri_balance_cost(const bri_stage *stage);
/* Ends the counting: the stage that took longest is compared with other ranks'. */
void bri_balance_settle(bri_job *job);
/* Rank 0, when a run has ended: what its ranks have done is taken into account from now on. */
void bri_balance_learn(const bri_job *job);

/* Of a context, at its end. */
void bri_balance_clear(br_context *ctx);

/* For bri_balance_learn, and tests: speeds of n ranks after a run in which each was `busy` for some
 * nanoseconds on `threads` threads and did some `work`; true when weights follow anew. */
typedef struct bri_measured {
    int64_t busy, work, stage;
    int threads;
} bri_measured;
bool bri_speeds_learn(double *speed, const int32_t *weight, const bri_measured *rank, int n);
/* Weights of speeds. */
void bri_speeds_weigh(const double *speed, int n, int32_t *weight);

#endif
