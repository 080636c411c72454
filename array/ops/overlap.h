/* SPDX-License-Identifier: BSD-3-Clause
 * overlap.h - the parameters of map_overlap, as they stand in its node and travel.
 */
#ifndef BRI_OVERLAP_H
#define BRI_OVERLAP_H

#include "array/ops/user.h"
#include "array/plan/halo.h"

typedef struct bri_overlap_axis {
    int64_t before, after;
    int32_t boundary;
    int32_t whole;           /* all of the axis belongs to every block */
    unsigned char value[16]; /* of a constant boundary, an element of the input */
} bri_overlap_axis;

/* The spec of the user's function. */
typedef struct bri_overlap_params {
    int32_t inner, no_trim;
    bri_overlap_axis axis[]; /* of all inputs, one after the other */
} bri_overlap_params;

static inline const bri_overlap_params *bri_overlap_of(const bri_node *node)
{
    return bri_user_spec(node->params);
}

/* The axes of input i. */
const bri_overlap_axis *bri_overlap_axes(const bri_node *node, int i);
/* The chunks that are computed: the result's but for .no_trim. The caller releases *ndim axes also
 * when it fails. */
br_status bri_overlap_grid(const bri_node *node, bri_axis *axis, int *ndim);
/* Input i's halo on leaves of a grid of ndim axes. */
void bri_overlap_halo(const bri_node *node, int i, int ndim, bri_halo *halo);
/* What the function fills for a leaf: the leaf, or as much as the block of the leading input. */
void bri_overlap_output(const bri_node *node, int ndim, const bri_leaf *leaf, bri_leaf *out);

#endif
