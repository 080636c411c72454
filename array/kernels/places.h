/* SPDX-License-Identifier: BSD-3-Clause
 * places.h - moving elements whose places are given by indices.
 */
#ifndef BRI_PLACES_H
#define BRI_PLACES_H

#include "runtime/dtype.h"

/* n integers of any dtype, `stride` bytes apart, as int64. What int64 does not hold becomes its
 * largest value, which is out of range for every axis. */
void bri_read_indices(br_dtype dtype, int64_t n, const char *from, int64_t stride, int64_t *out);

/* A row of n elements beside as many of their partners, found by index[i] along an axis of
 * `extent`, of which [low, high) is there; negative indices count from the end. Strides are
 * bytes. */
typedef struct bri_lookup {
    int64_t n;
    const int64_t *index;
    int64_t extent, low, high;
    char *row;
    int64_t row_stride;
    char *there; /* partner of element 0 if its index were low */
    int64_t there_stride, along;
} bri_lookup;

/* Partners whose index is there go to the row. */
void bri_lookup_take(size_t size, const bri_lookup *p);
/* Elements of the row go to their partners, one after the other. */
void bri_lookup_put(size_t size, const bri_lookup *p);

/* Pieces of `bytes` bytes: number at[i] of `from` goes to number to[i] of `to`, i < n. */
typedef struct bri_pieces {
    int64_t n;
    const uint32_t *to;
    const int64_t *from; /* in bytes */
} bri_pieces;
void bri_move_pieces(size_t bytes, const bri_pieces *p, char *to, int64_t to_stride,
                     const char *from);

#endif
