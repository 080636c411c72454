/* SPDX-License-Identifier: BSD-3-Clause
 * tree.c - reduction trees under construction.
 */
#include "array/kernels/tree.h"

#include "array/kernels/vm.h"

enum { MOST_BLOCKS = 64 };

void bri_tree_init(bri_tree *t, bri_redop op, br_dtype dtype, char *room)
{
    t->k = &bri_kernel_table.reduce[op][dtype];
    t->sizes = bri_state_sizes(op, dtype);
    t->states = bri_planes_of(&t->sizes, BRI_STATES, room);
}

void bri_tree_start(bri_tree *t, int64_t width, int64_t each)
{
    t->width = width;
    t->each = each;
    t->capacity = 1;
    while (t->capacity < MOST_BLOCKS && 2 * t->capacity * width <= BRI_STATES / 8)
        t->capacity *= 2;
    t->blocks = t->elements = 0;
    t->depth = 0;
}

int64_t bri_tree_widest(int64_t n, int64_t each)
{
    int depth = 2;
    for (int64_t blocks = n / each; blocks > 0; blocks /= 2)
        depth++;
    int64_t widest = BRI_STATES / 8;
    while (widest * depth + BRI_STATES / 8 > BRI_STATES)
        widest /= 2;
    return widest;
}

static bri_planes at(const bri_tree *t, int64_t state)
{
    return bri_planes_at(&t->sizes, t->states, state);
}

bri_planes bri_tree_next(const bri_tree *t)
{
    return at(t, (t->depth + t->blocks) * t->width);
}

static void merge_last_two(bri_tree *t)
{
    int b = --t->depth;
    int a = b - 1;
    t->k->merge(t->width, at(t, a * t->width), t->count[a], at(t, b * t->width), t->count[b]);
    t->count[a] += t->count[b];
    t->level[a]++;
}

/* The collected blocks become one subtree where they stand, which is on top of the stack. */
static void collect(bri_tree *t)
{
    t->k->tree(t->blocks, t->width, at(t, t->depth * t->width), t->each, t->elements);
    t->count[t->depth] = t->elements;
    t->level[t->depth] = 0;
    t->depth++;
    t->blocks = t->elements = 0;
    while (t->depth > 1 && t->level[t->depth - 1] == t->level[t->depth - 2])
        merge_last_two(t);
}

void bri_tree_add(bri_tree *t, int64_t blocks, int64_t elements)
{
    t->blocks += blocks;
    t->elements += elements;
    if (t->blocks == t->capacity)
        collect(t);
}

bri_planes bri_tree_finish(bri_tree *t)
{
    if (t->blocks > 0)
        collect(t);
    while (t->depth > 1)
        merge_last_two(t);
    return t->states;
}
