/* SPDX-License-Identifier: BSD-3-Clause
 * chunk_futures.h - a run whose output's chunks are the results of futures.
 */
#ifndef BRI_CHUNK_FUTURES_H
#define BRI_CHUNK_FUTURES_H

#include "array/plan/stage.h"

typedef struct bri_chunk_futures bri_chunk_futures;

/* A task of the sink: its chunk's future is done. */
extern const bri_stage_kind bri_stage_futures;

/* It is over: those whose chunks did not come end so, too. The last touch. */
void bri_chunk_futures_end(bri_chunk_futures *chunks, br_status status, const char *text);

#endif
