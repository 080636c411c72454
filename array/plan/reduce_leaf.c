/* SPDX-License-Identifier: BSD-3-Clause
 * reduce_leaf.c - the states of a leaf's slabs, merged or side by side, and the axes after that.
 */
#include "array/plan/reduce_leaf.h"

#include <string.h>

int64_t bri_state_elements(const bri_stage *stage, const bri_leaf *leaf)
{
    int64_t n = 1;
    for (int a = 0; a < stage->leaf_ndim; a++)
        n *= stage->reducing.axes >> a & 1 ? 1 : leaf->extent[a];
    return n;
}

size_t bri_states_bytes(const bri_stage *stage, int64_t n)
{
    return (size_t)n * bri_state_bytes(stage->reducing.op, stage->reducing.operand);
}

size_t bri_states_room(const bri_stage *stage, const bri_leaf *leaf, int except)
{
    int64_t n = 1;
    for (int a = 0; a < stage->leaf_ndim; a++)
        n *= a == except || leaf->extent[a] == 0 ? 1 : leaf->extent[a];
    return bri_states_bytes(stage, n);
}

/* The axis the program itself reduces: the last of the stage's. */
static int program_axis(const bri_stage *stage)
{
    uint32_t axes = stage->reducing.axes;
    return axes != 0 ? 31 - __builtin_clz(axes) : -1;
}

static bool further_axes(const bri_stage *stage)
{
    return (stage->reducing.axes & (stage->reducing.axes - 1)) != 0;
}

static int64_t elements_without(const int64_t *extent, int ndim, int axis)
{
    int64_t n = 1;
    for (int a = 0; a < ndim; a++)
        n *= a == axis ? 1 : extent[a];
    return n;
}

static size_t levels_of(int64_t n)
{
    size_t levels = 1;
    while (n > 1) {
        levels++;
        n = (n + 1) / 2;
    }
    return levels;
}

void bri_reduce_leaf_start(bri_reduce_leaf *r, const bri_stage *stage, const bri_leaf *leaf,
                           int64_t rows, bri_bump *bump)
{
    r->stage = stage;
    r->leaf = *leaf;
    r->rows = rows;
    r->nslabs = stage->leaf_ndim > 0 && rows > 0 ? (leaf->extent[0] + rows - 1) / rows : 1;
    r->nslabs = r->nslabs < 1 ? 1 : r->nslabs;
    r->axis = program_axis(stage);
    r->merges = r->axis == 0 && r->nslabs > 1;
    r->nstate = elements_without(leaf->extent, stage->leaf_ndim, r->axis);
    r->depth = 0;
    size_t bytes = bri_states_room(stage, leaf, r->axis);
    size_t levels = r->merges ? levels_of(r->nslabs) + 1 : 1;
    r->states[0] = bri_bump_take(bump, bytes);
    r->states[1] = bri_bump_take(bump, further_axes(stage) ? bytes : 0);
    r->slab = bri_bump_take(bump, r->nslabs > 1 ? bytes * levels : 0);
}

/* ---- slabs that are merged ---- */

static char *stack_at(const bri_reduce_leaf *r, int i)
{
    return r->slab + (size_t)i * bri_states_bytes(r->stage, r->nstate);
}

static void merge_top(bri_reduce_leaf *r)
{
    int i = r->depth - 2;
    bri_state_merge(r->stage->reducing.op, r->stage->reducing.operand, r->nstate, stack_at(r, i),
                    r->count[i], stack_at(r, i + 1), r->count[i + 1]);
    r->count[i] += r->count[i + 1];
    r->level[i]++;
    r->depth--;
}

static void push_slab(bri_reduce_leaf *r, int64_t rows)
{
    r->level[r->depth] = 0;
    r->count[r->depth++] = rows;
    while (r->depth > 1 && r->level[r->depth - 1] == r->level[r->depth - 2])
        merge_top(r);
}

/* ---- slabs side by side ---- */

/* Slabs hold different elements of the state: each is copied to its place in every plane. */
static void place_slab(const bri_reduce_leaf *r, int64_t row, int64_t n)
{
    const bri_reducing *of = &r->stage->reducing;
    char *to = r->states[0];
    const char *from = r->slab;
    for (int plane = 0; plane < bri_state_planes(of->op); plane++) {
        size_t size = br_dtype_size(bri_state_dtype(of->op, of->operand, plane));
        memcpy(to + (size_t)(r->nstate / r->leaf.extent[0] * row) * size, from, (size_t)n * size);
        to += (size_t)r->nstate * size;
        from += (size_t)n * size;
    }
}

/* A reduction over no axes goes along a new last one of extent 1. */
static void add_axis(bri_box *box)
{
    box->axis = box->ndim++;
    box->extent[box->axis] = 1;
    box->origin[box->axis] = 0;
}

void bri_reduce_leaf_slab(bri_reduce_leaf *r, const bri_program *program, int64_t row, bri_box *box)
{
    box->axis = r->axis;
    if (r->axis < 0)
        add_axis(box);
    box->state = r->merges ? stack_at(r, r->depth) : r->nslabs > 1 ? r->slab : r->states[0];
    bri_program_run(program, box);
    if (r->merges)
        push_slab(r, box->extent[0]);
    else if (r->nslabs > 1)
        place_slab(r, row, elements_without(box->extent, r->stage->leaf_ndim, r->axis));
}

/* ---- the end ---- */

char *bri_reduce_states(const bri_stage *stage, bri_leaf *box, int from, int64_t each, char *state,
                        char *other)
{
    const bri_reducing *r = &stage->reducing;
    for (int a = from; a >= 0; a--) {
        if (!(r->axes >> a & 1))
            continue;
        int64_t outer = 1;
        int64_t inner = 1;
        for (int b = 0; b < stage->leaf_ndim; b++)
            *(b < a ? &outer : &inner) *= b == a ? 1 : box->extent[b];
        if (box->extent[a] == 0)
            bri_state_empty(r->op, r->operand, outer * inner, other);
        else
            bri_state_reduce(r->op, r->operand, outer, box->extent[a], inner, each, state, other);
        each *= box->extent[a];
        box->extent[a] = 1;
        char *swap = state;
        state = other;
        other = swap;
    }
    return state;
}

const char *bri_reduce_leaf_end(bri_reduce_leaf *r)
{
    const bri_stage *stage = r->stage;
    char *state = r->states[0];
    if (r->leaf.nelem == 0)
        bri_state_empty(stage->reducing.op, stage->reducing.operand, r->nstate, state);
    while (r->merges && r->depth > 1)
        merge_top(r);
    if (r->merges && r->depth > 0)
        memcpy(state, stack_at(r, 0), bri_states_bytes(stage, r->nstate));
    if (r->axis < 0 || !further_axes(stage))
        return state;
    bri_leaf box = r->leaf;
    int64_t each = box.extent[r->axis];
    box.extent[r->axis] = 1;
    return bri_reduce_states(stage, &box, r->axis - 1, each, state, r->states[1]);
}
