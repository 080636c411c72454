/* SPDX-License-Identifier: BSD-3-Clause
 * widened.h - an input of map_overlap: a block program over widened leaves, in the indices of the
 * input's own array.
 */
#ifndef BRI_WIDENED_H
#define BRI_WIDENED_H

#include "array/ops/overlap.h"

/* One input array. */
typedef struct bri_widened {
    const bri_node *node;
    const bri_overlap_axis *axis;
    bri_halo halo;
    bri_program *program;
    int result;
    int first;   /* of its inputs among the stage's: those of part 0, */
    int ninputs; /*  each part has so many */
    bool copies; /* the program copies its one input */
} bri_widened;

/* What a function sees of it: a box of indices, dense. */
typedef struct bri_window {
    bri_leaf box;
    char *data;
    int64_t stride[BR_MAX_NDIM];
} bri_window;

static inline void bri_dense_strides(int ndim, const int64_t *extent, size_t size, int64_t *stride)
{
    int64_t next = (int64_t)size;
    for (int a = ndim - 1; a >= 0; a--) {
        stride[a] = next;
        next *= extent[a];
    }
}

/* Makes the program of input i of the stage's node, and adds the inputs of all parts to the
 * stage, whose leaf grid is known. */
br_status bri_widened_add(bri_plan *plan, bri_stage *stage, int i, bri_widened *s);
size_t bri_window_bytes(const bri_widened *s, const bri_leaf *window);
/* Scratch of the part that takes most, beside the window. */
size_t bri_widened_scratch(const bri_stage *stage, const bri_widened *s, const bri_leaf *leaf);
/* The window of a leaf; its data are taken from the bump, which has room for the scratch above it,
 * or found where they lie. */
br_status bri_widened_fill(bri_work *work, const bri_widened *s, const bri_leaf *leaf,
                           bri_bump *bump, bri_window *b);

#endif
