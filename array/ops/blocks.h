/* SPDX-License-Identifier: BSD-3-Clause
 * blocks.h - operations by functions of the user's on whole chunks: which chunks belong together,
 * in terms of indices.
 *
 * Index a < ndim is axis a of the result; others are in inputs only. The leaf grid of the stage has
 * an axis for each index.
 */
#ifndef BRI_BLOCKS_H
#define BRI_BLOCKS_H

#include <bramble/blocks.h>

#include "array/ops/user.h"

typedef struct bri_blocks {
    int32_t ninputs, ndim, nindices;
    int32_t by_number; /* where extents differ, chunks are matched by number */
    uint32_t whole;    /* bit i: index i is in one chunk, however inputs are cut; what is neither
                          whole nor of the result is gone through block by block */
    int32_t loop;      /* axes before the core axes, of a function on core elements */
    int64_t nlisted;
    int8_t index[BRI_MAX_INPUTS][BR_MAX_NDIM]; /* of each axis of each input */
    /* Of a function on core elements: how many axes of each input they are, and the indices whose
     * extents it gets. */
    int8_t core[BRI_MAX_INPUTS];
    int8_t extent[BR_MAX_NDIM];
    int32_t nextents;
    /* The chunks of the result's axis a. 0: the index's; n > 0: n elements each; -n: the next n
     * that are listed. */
    int64_t cut[BR_MAX_NDIM];
    char name[BR_MAX_NDIM][24]; /* of the indices, for messages */
    int64_t listed[];
} bri_blocks;

/* How an input's axis goes with its index. */
typedef enum bri_along {
    BRI_ALONG,     /* element by element */
    BRI_ONCE,      /* the axis is in one chunk, given to every chunk of the result */
    BRI_BY_NUMBER, /* chunk c with chunk c */
} bri_along;

static inline const bri_blocks *bri_blocks_of(const bri_node *node)
{
    return bri_user_spec(node->params);
}

/* The grid of each index over the node's inputs, into axis[nindices]; released by the caller. */
br_status bri_blocks_axes(const bri_node *node, bri_axis *axis);
bri_along bri_blocks_along(const bri_blocks *b, const bri_axis *own, const bri_axis *index);
/* Of bri_op. */
br_status bri_blocks_infer(bri_node *node);

/* ---- building ---- */

/* Are these the extents of chunks along an axis of ndim? `each` is what .chunks says of it. */
br_status bri_check_extent_list(int axis, int ndim, const br_extent_list *list, int64_t each);
/* A new spec with room for the lists' extents, which are taken over with .chunks: *out is freed by
 * the caller. Indices are still to be set. */
br_status bri_blocks_new(int ndim, const br_extents *chunks, const br_extent_list *lists,
                         bri_blocks **out);
/* The bytes of a spec. */
size_t bri_blocks_bytes(const bri_blocks *b);

/* The rest of a call, whatever the operation: checks user data, then makes the array. The dtype
 * may be none: that of all inputs together. */
br_array *bri_blocks_build(bri_call *call, bri_user_call *u, const bri_blocks *b,
                           br_array *const *inputs);
/* BR_EARG for a .scratch_bytes that would overflow. */
br_status bri_check_scratch(size_t bytes);

#endif
