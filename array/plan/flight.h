/* SPDX-License-Identifier: BSD-3-Clause
 * flight.h - runs that nobody waits for: asynchronous computes on rank 0, and all that ranks above
 * it are asked for.
 *
 * A flight has a job with its plan, from launch until the scheduler says that it has landed (on any
 * thread). Then it lies in the context until the thread that builds comes by and frees plan and
 * nodes (bri_flights_tidy), which only that thread may touch.
 */
#ifndef BRI_FLIGHT_H
#define BRI_FLIGHT_H

#include <bramble/future.h>

#include "array/plan/stage.h"

typedef struct bri_flight bri_flight;

/* Counts the nodes for itself and copies the sinks; what sinks point to becomes the flight's own
 * when `unpacked` (of a message). NULL without memory. */
bri_flight *bri_flight_new(br_context *ctx, const bri_outputs *outputs, bool unpacked);
/* Of one that was not launched: its future is the caller's to settle. */
void bri_flight_free(bri_flight *flight);

/* A future of the flight, to be settled when it lands; NULL without memory. A hidden one is freed
 * with the flight and tells nobody of errors. */
br_future *bri_flight_future(bri_flight *flight, bool hidden);

/* Runs it as job `id`; plan may be NULL when planning failed with st on this rank but others are
 * running. The plan is the flight's. */
void bri_flight_launch(bri_flight *flight, uint64_t id, bri_plan *plan, br_status st);

/* On the thread that builds. Frees what has landed. */
void bri_flights_tidy(br_context *ctx);
/* None is in the air. */
bool bri_flights_none(const br_context *ctx);

br_status bri_flights_open(br_context *ctx);
/* Waits until all have landed. */
void bri_flights_close(br_context *ctx);

#endif
