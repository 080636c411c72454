/* SPDX-License-Identifier: BSD-3-Clause
 * grid_listed.h - where the chunks of an axis that is not regular begin: for grid.c and concat.
 */
#ifndef BRI_GRID_LISTED_H
#define BRI_GRID_LISTED_H

#include "array/expr/grid.h"

/* A list for at most nchunks chunks, none longer than `largest`. */
br_status bri_starts_new(int64_t nchunks, int64_t largest, bri_starts **out);
/* Where the last chunk ends, and where the next one does. */
void bri_starts_append(bri_starts *s, int64_t end);
/* The end of the last chunk. */
int64_t bri_starts_end(const bri_starts *s);
/* Takes the list over as an axis of what has been appended: as arithmetic where it is regular. */
void bri_starts_adopt(bri_starts *s, bri_axis *out);

void bri_starts_retain(bri_starts *s);
void bri_starts_release(bri_starts *s);
/* Where chunk i begins; that of the number of chunks is the extent. */
int64_t bri_starts_at(const bri_starts *s, int64_t i);
/* The last chunk that begins at `at` or before. */
int64_t bri_starts_find(const bri_starts *s, int64_t at);

#endif
