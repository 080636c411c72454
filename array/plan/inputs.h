/* SPDX-License-Identifier: BSD-3-Clause
 * inputs.h - where the elements lie that a task's inputs read (inputs.c), for loading them one by
 * one (load.c) or those together that read one source, shifted (shifted.c).
 */
#ifndef BRI_INPUTS_H
#define BRI_INPUTS_H

#include "array/plan/rectangle.h"

/* Where the elements of a rectangle are. */
typedef struct bri_spot {
    char *data; /* the first one */
    int64_t stride[BR_MAX_NDIM];
} bri_spot;

/* The caller's memory is one piece on the rank that has it. */
bool bri_in_one_piece(const bri_stage *stage, const bri_input *input);
bri_spot bri_spot_in_memory(const bri_input *input, const bri_rectangle *r);
/* In a chunk, from its element `first` of the rectangle on. */
bri_spot bri_spot_in_chunk(bri_work *work, const bri_input *input, const bri_rectangle *r,
                           const int64_t *coord, const int64_t *first);
/* Dense, from `buffer` on. */
bri_spot bri_spot_in_buffer(const bri_input *input, const bri_rectangle *r, char *buffer);

/* The chunks a rectangle touches, per axis; is it one? */
bool bri_one_chunk(const bri_stage *from, const bri_rectangle *r, int64_t *first, int64_t *last);
/* Copies the part of the rectangle that lies in one chunk to its place; that of all chunks of the
 * box [first, last]. */
void bri_gather_chunk(bri_work *work, const bri_input *input, const bri_rectangle *r,
                      const int64_t *coord, const bri_spot *to);
void bri_gather(bri_work *work, const bri_input *input, const bri_rectangle *r,
                const int64_t *first, const int64_t *last, const bri_spot *to);
/* Reads the rectangle from the file of input i, with scratch from the bump. */
br_status bri_read_file(bri_work *work, int i, const bri_rectangle *r, bri_bump *bump,
                        const bri_spot *to);

#endif
