/* SPDX-License-Identifier: BSD-3-Clause
 * tree.h - the aligned binary tree of a reduction built from left to right, as a binary counter
 * does it: at most one finished subtree of each size waits for its right neighbour.
 */
#ifndef BRI_TREE_H
#define BRI_TREE_H

#include "array/kernels/kernels.h"

typedef struct bri_tree {
    const bri_reducer *k;
    bri_planes states; /* room for (depth + capacity) * width states */
    bri_plane_sizes sizes;
    int64_t width;    /* trees built side by side */
    int64_t capacity; /* blocks collected before they are reduced at once; a power of two */
    int64_t each;     /* elements of a whole block */
    int64_t blocks;   /* collected */
    int64_t elements; /* in them */
    int depth;        /* subtrees waiting */
    int level[64];
    int64_t count[64]; /* elements of each */
} bri_tree;

/* A tree for a reduction; room is for BRI_STATES states. */
void bri_tree_init(bri_tree *t, bri_redop op, br_dtype dtype, char *room);
/* Begins a tree of `width` columns over blocks of `each` elements. */
void bri_tree_start(bri_tree *t, int64_t width, int64_t each);

/* The most columns for which a tree over n elements fits its room. */
int64_t bri_tree_widest(int64_t n, int64_t each);

/* Where the next block's states go; as many whole blocks as bri_tree_left() follow each other
 * there. */
bri_planes bri_tree_next(const bri_tree *t);
static inline int64_t bri_tree_left(const bri_tree *t)
{
    return t->capacity - t->blocks;
}
/* Says that blocks holding `elements` elements a column have been put there; only the last may be
 * short. */
void bri_tree_add(bri_tree *t, int64_t blocks, int64_t elements);

/* Reduces what is left and returns where the states are. */
bri_planes bri_tree_finish(bri_tree *t);

#endif
