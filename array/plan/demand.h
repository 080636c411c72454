/* SPDX-License-Identifier: BSD-3-Clause
 * demand.h - what going from readers to chunks (demand.c) and back (readers.c) have in common.
 */
#ifndef BRI_DEMAND_H
#define BRI_DEMAND_H

#include "array/plan/rectangle.h"

/* A step of a stage. */
typedef struct bri_step {
    const bri_stage *stage;
    int64_t chunk, step;
} bri_step;

/* Takes what lies outside of the span off a range of indices along leaf axis a. */
void bri_keep_within(const bri_span *span, int a, int64_t *from, int64_t *to);
/* Chunk ranges [first, last] of an input that a rectangle touches, per axis of the input's grid. */
void bri_chunk_range(const bri_input *input, const bri_rectangle *r, int64_t *first, int64_t *last);
/* Is anything of a rectangle in a chunk of its range? A step may go past chunks. */
bool bri_touches(const bri_input *input, const bri_rectangle *r, const int64_t *coord);
/* Steps coord through the box [first, last] in C order; false after the last. */
bool bri_next_in_box(int ndim, const int64_t *first, const int64_t *last, int64_t *coord);
/* What a step needs, whatever the kind of its stage. */
br_status bri_needs_of(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list);
/* bri_stage_needs, if the step ran on that rank: what is at hand there is no need of it. */
br_status bri_stage_needs_on(const bri_stage *stage, int64_t chunk, int64_t step, int rank,
                             bri_needs *list);
/* Indices along the axis that axis a of the source moves with; widened leaves read theirs. */
int64_t bri_extent_along(const bri_input *input, const bri_stage *reader, int axis);
/* How far the second term of an axis moves it, down and up. */
void bri_window_reach(const bri_stage *reader, const bri_map_term *w, int64_t *down, int64_t *up);

#endif
