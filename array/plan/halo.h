/* SPDX-License-Identifier: BSD-3-Clause
 * halo.h - leaves that read more than their own box: elements before and after it along each axis.
 *
 * Where the array ends, a boundary says what stands beyond. A widened leaf consists of parts, three
 * along an axis: what is inside the array, below its start, and above its end. Each part reads one
 * box of the array, which may be empty; an input of a stage reads one part.
 */
#ifndef BRI_HALO_H
#define BRI_HALO_H

#include <bramble/overlap.h>

#include "array/plan/stage.h"

typedef enum bri_side { BRI_INSIDE, BRI_BELOW, BRI_ABOVE } bri_side;

typedef struct bri_halo_axis {
    int leaf; /* axis of the leaves; BRI_FIXED: the array is repeated along it */
    int64_t extent;
    int64_t before, after;
    br_boundary_kind boundary;
} bri_halo_axis;

/* Of one array that is read. */
typedef struct bri_halo {
    int ndim;
    bri_halo_axis axis[BR_MAX_NDIM];
} bri_halo;

static inline bri_side bri_part_side(uint64_t part, int a)
{
    return (bri_side)(part >> (2 * a) & 3);
}

/* Goes on to the next part that may have elements; false after the last. The first one is 0. */
bool bri_halo_next(const bri_halo *halo, uint64_t *part);

/* The whole widened leaf, in indices of the array that may be outside of it. */
void bri_halo_window(const bri_halo *halo, const bri_leaf *leaf, bri_leaf *window);
/* What a part reads, in indices of the array. */
void bri_halo_box(const bri_halo *halo, uint64_t part, const bri_leaf *leaf, bri_leaf *box);

/* Indices along an axis of the leaves, which may end before *to, outside of which no leaf reads
 * elements [low, high) of axis a for this part. */
void bri_halo_readers(const bri_halo *halo, uint64_t part, int a, int64_t low, int64_t high,
                      int64_t *from, int64_t *to);

/* What an input reads for a leaf: the leaf itself when it has no halo. */
static inline void bri_input_box(const bri_input *input, const bri_leaf *leaf, bri_leaf *box)
{
    if (input->halo != NULL)
        bri_halo_box(input->halo, input->part, leaf, box);
    else
        *box = *leaf;
}

/* The axis of the leaves that axis a of the input's source moves with, or BRI_FIXED. */
static inline int bri_input_leaf_axis(const bri_input *input, int a)
{
    int axis = input->map.from[a].axis;
    return axis >= 0 && input->halo != NULL ? input->halo->axis[axis].leaf : axis;
}

#endif
