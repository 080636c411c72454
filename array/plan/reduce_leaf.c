/* SPDX-License-Identifier: BSD-3-Clause
 * reduce_leaf.c - the states of a leaf's slabs, merged or side by side, and the axes after that.
 */
#include "array/plan/reduce_leaf.h"

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

/* The most states there are over a leaf's box, `except` left out. */
static int64_t most_states(const bri_stage *stage, const bri_leaf *leaf, int except)
{
    int64_t n = 1;
    for (int a = 0; a < stage->leaf_ndim; a++)
        n *= a == except || leaf->extent[a] == 0 ? 1 : leaf->extent[a];
    return n;
}

size_t bri_states_room(const bri_stage *stage, const bri_leaf *leaf, int except)
{
    return bri_states_bytes(stage, most_states(stage, leaf, except));
}

static size_t bytes_of(const bri_reduce_leaf *r, int64_t n)
{
    return (size_t)n * bri_state_bytes(r->op, r->stage->reducing.operand);
}

int bri_program_axis(const bri_stage *stage)
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

/* Planes of op, one after the other, are planes `plane` and on of the leaf's. */
static void set_home(bri_reduce_leaf *r, int plane, bri_redop op, char *at)
{
    for (int k = 0; k < bri_state_planes(op); k++) {
        r->home[plane + k] = at;
        at += (size_t)r->nstate * br_dtype_size(bri_state_dtype(op, r->stage->reducing.operand, k));
    }
}

void bri_reduce_leaf_start(bri_reduce_leaf *r, const bri_stage *stage, bri_redop op,
                           const bri_leaf *leaf, const bri_slabs *slabs, bri_bump *bump)
{
    r->stage = stage;
    r->op = op;
    r->leaf = *leaf;
    r->nslabs = slabs->along;
    r->axis = bri_program_axis(stage);
    r->merges = r->axis == slabs->axis && r->nslabs > 1;
    r->nstate = elements_without(leaf->extent, stage->leaf_ndim, r->axis);
    r->depth = 0;
    r->elsewhere = 0;
    size_t bytes = bytes_of(r, most_states(stage, leaf, r->axis));
    size_t levels = r->merges ? levels_of(r->nslabs) : 0;
    r->states[0] = bri_bump_take(bump, bytes);
    r->states[1] = bri_bump_take(bump, further_axes(stage) ? bytes : 0);
    r->stack = bri_bump_take(bump, bytes * levels);
    if (bump->base != NULL)
        set_home(r, 0, op, r->states[0]);
}

bool bri_reduce_leaf_into(bri_reduce_leaf *r, int plane, bri_redop op, void *out)
{
    if (further_axes(r->stage) || r->leaf.nelem == 0 || (r->merges && op != r->op) ||
        (r->elsewhere >> plane & 1))
        return false;
    r->elsewhere |= 1u << plane;
    set_home(r, plane, op, out);
    return true;
}

/* ---- slabs that are merged ---- */

static char *stack_at(const bri_reduce_leaf *r, int i)
{
    return i == 0 ? r->home[0] : r->stack + (size_t)(i - 1) * bytes_of(r, r->nstate);
}

static void merge_top(bri_reduce_leaf *r)
{
    int i = r->depth - 2;
    bri_state_merge(r->op, r->stage->reducing.operand, r->nstate, stack_at(r, i), r->count[i],
                    stack_at(r, i + 1), r->count[i + 1]);
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

/* Slabs make different elements of the states: those from where the box begins on. */
static void places_of(const bri_reduce_leaf *r, const bri_box *box, char *planes[BRI_PLANES])
{
    int64_t first = 0;
    for (int a = 0; a < r->stage->leaf_ndim; a++)
        if (a != r->axis)
            first = first * r->leaf.extent[a] + box->origin[a] - r->leaf.origin[a];
    for (int k = 0; k < bri_state_planes(r->op); k++) {
        br_dtype dtype = bri_state_dtype(r->op, r->stage->reducing.operand, k);
        planes[k] = r->home[k] + (size_t)first * br_dtype_size(dtype);
    }
}

/* A reduction over no axes goes along a new last one of extent 1. */
static void add_axis(bri_box *box)
{
    box->axis = box->ndim++;
    box->extent[box->axis] = 1;
    box->origin[box->axis] = 0;
}

void bri_reduce_leaf_slab(bri_reduce_leaf *r, const bri_program *program, bri_box *box)
{
    box->axis = r->axis;
    if (r->axis < 0)
        add_axis(box);
    char *planes[BRI_PLANES] = {NULL};
    box->state = r->merges ? stack_at(r, r->depth) : NULL;
    box->planes = r->merges ? NULL : planes;
    if (!r->merges)
        places_of(r, box, planes);
    bri_program_run(program, box);
    box->planes = NULL;
    if (r->merges)
        push_slab(r, box->extent[0]);
}

/* ---- the end ---- */

char *bri_reduce_states(const bri_stage *stage, bri_redop op, bri_leaf *box, int from, int64_t each,
                        char *state, char *other)
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
            bri_state_empty(op, r->operand, outer * inner, other);
        else
            bri_state_reduce(op, r->operand, outer, box->extent[a], inner, each, state, other);
        each *= box->extent[a];
        box->extent[a] = 1;
        char *swap = state;
        state = other;
        other = swap;
    }
    return state;
}

void bri_reduce_leaf_end(bri_reduce_leaf *r)
{
    const bri_stage *stage = r->stage;
    char *state = r->states[0];
    if (r->leaf.nelem == 0)
        bri_state_empty(r->op, stage->reducing.operand, r->nstate, state);
    while (r->merges && r->depth > 1)
        merge_top(r);
    if (!further_axes(stage))
        return;
    bri_leaf box = r->leaf;
    int64_t each = box.extent[r->axis];
    box.extent[r->axis] = 1;
    state = bri_reduce_states(stage, r->op, &box, r->axis - 1, each, state, r->states[1]);
    r->nstate = bri_state_elements(stage, &r->leaf);
    set_home(r, 0, r->op, state);
}
