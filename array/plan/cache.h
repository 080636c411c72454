/* SPDX-License-Identifier: BSD-3-Clause
 * cache.h - plans of the last computes of a context, to be run again.
 *
 * Nodes never change, so a plan stays right as long as its outputs live; the cache does not keep
 * them alive but is told when one goes. One rank only: with several, every rank plans each run.
 */
#ifndef BRI_CACHE_H
#define BRI_CACHE_H

#include "array/plan/stage.h"

/* The plan of these outputs, ready to be run into their buffers, and no longer in the cache; NULL
 * when there is none. */
bri_plan *bri_cache_take(br_context *ctx, const bri_outputs *outputs);
/* Keeps a plan after its run, or frees it. */
void bri_cache_put(br_context *ctx, const bri_outputs *outputs, bri_plan *plan);
void bri_cache_clear(br_context *ctx);

#endif
