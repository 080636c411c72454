/* SPDX-License-Identifier: BSD-3-Clause
 * fuse.c - elementwise expressions, views and sources become one block program.
 *
 * The walk goes down from a stage's node, each node seen through the map that its readers compose.
 * It stops at sources and at values that are better made once: anything with a stage of its own,
 * costly nodes with several readers, and computed values that would be repeated along an axis.
 */
#include "array/plan/fuse.h"

#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/cut.h"
#include "array/plan/file_ranks.h"
#include "array/plan/gather_pick.h"
#include "array/plan/hold.h"
#include "array/plan/restrict.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

/* A node on its way into the program. */
typedef struct visit {
    bri_node *node;
    bri_map map;
    int next; /* input to visit next */
    int value[BRI_MAX_INPUTS];
} visit;

/* What is in the program already; node and map name it. */
typedef struct known {
    const bri_node *node;
    bri_map map;
    int value;
} known;

struct bri_fuse {
    bri_stage *stage;
    bri_program *program;
    bri_span span;    /* of the stage's leaves that the program is for */
    int first_input;  /* of the program, among the stage's */
    br_status status; /* why a value could not be made, when it is not for memory */
    visit *stack;
    size_t depth, stack_room;
    known *seen;
    size_t nseen, seen_room;
};

bri_program *bri_fuse_program(bri_fuse *fuse)
{
    return fuse->program;
}

static int add_input(bri_fuse *fuse, const bri_input *input, br_dtype dtype)
{
    int index;
    if (bri_stage_add_input(fuse->stage, input, &index) != BR_OK)
        return -1;
    fuse->stage->inputs[index].span = fuse->span;
    int value = bri_program_input(fuse->program, dtype);
    BRI_ASSERT(value < 0 || bri_program_ninputs(fuse->program) == index + 1 - fuse->first_input);
    return value;
}

/* Where less than all of a value is read, a stage that makes less; input->stage stays NULL without
 * one. */
static br_status restricted(bri_stage *stage, bri_input *input)
{
    bri_plan *plan = stage->plan;
    br_status st = bri_restrict_reduction(plan, stage, input);
    if (st == BR_OK && input->stage == NULL)
        st = bri_restrict_gather(plan, stage, input);
    if (st == BR_OK && input->stage == NULL)
        st = bri_restrict_picked(plan, stage, input);
    if (st == BR_OK && input->stage == NULL)
        st = bri_restrict_loop(plan, stage, input);
    return st;
}

static int load_stage(bri_fuse *fuse, bri_node *node, const bri_map *map)
{
    bri_plan *plan = fuse->stage->plan;
    bri_input input = {.from = BRI_FROM_STAGE, .node = node, .map = *map, .span = fuse->span};
    const bool windows = bri_map_has_windows(map); /* which slices do not go through */
    br_status st = windows ? BR_OK : restricted(fuse->stage, &input);
    if (st == BR_OK && input.stage == NULL && !windows)
        st = bri_restrict_concat(plan, fuse->stage, &input);
    if (st == BR_OK && input.stage == NULL)
        st = bri_stage_of(plan, node, &input.stage);
    if (st == BR_OK && !windows)
        st = bri_cut_first(fuse->stage, &input);
    fuse->status = st;
    return st == BR_OK ? add_input(fuse, &input, node->dtype) : -1;
}

int bri_fuse_memory(bri_fuse *fuse, const bri_node *node, const bri_map *map)
{
    return load_stage(fuse, (bri_node *)(uintptr_t)node, map);
}

int bri_fuse_persisted(bri_fuse *fuse, const bri_node *node, const bri_map *map)
{
    return load_stage(fuse, (bri_node *)(uintptr_t)node, map);
}

int bri_fuse_file(bri_fuse *fuse, const bri_node *node, const bri_map *map)
{
    bri_input input = {.from = BRI_FROM_FILE,
                       .node = (bri_node *)(uintptr_t)node,
                       .map = *map,
                       .span = fuse->span};
    if (!bri_is_read_in_tasks(fuse->stage->plan, node))
        return load_stage(fuse, input.node, map);
    fuse->status = bri_hold_file(fuse->stage, &input);
    return fuse->status == BR_OK ? add_input(fuse, &input, node->dtype) : -1;
}

/* A floating range is start + step * (its own index), whatever slices lie above it: the index is
 * made in integers first. */
static int float_iota(bri_program *p, br_dtype dtype, int index, const void *start,
                      const void *step)
{
    int by = bri_program_constant(p, BR_FLOAT64, step);
    int first = bri_program_constant(p, BR_FLOAT64, start);
    int i = bri_program_cast(p, BR_FLOAT64, index);
    if (by < 0 || first < 0 || i < 0)
        return -1;
    int v = bri_program_op(p, BRI_OP_MULTIPLY, i, by, -1);
    v = v < 0 ? -1 : bri_program_op(p, BRI_OP_ADD, v, first, -1);
    return v < 0 || dtype == BR_FLOAT64 ? v : bri_program_cast(p, dtype, v);
}

int bri_fuse_iota(bri_fuse *fuse, br_dtype dtype, const void *start, const void *step,
                  const bri_map_axis *m)
{
    bri_program *p = fuse->program;
    int64_t first = m->start;
    int64_t by = m->axis < 0 ? 0 : m->step;
    int axis = m->axis < 0 ? 0 : m->axis;
    if (bri_kind(dtype) == 'f') {
        int index = bri_program_iota(p, BR_INT64, axis, &first, &by);
        return index < 0 ? -1 : float_iota(p, dtype, index, start, step);
    }
    uint64_t base;
    uint64_t scale;
    memcpy(&base, start, sizeof base);
    memcpy(&scale, step, sizeof scale);
    base += scale * (uint64_t)first;
    scale *= (uint64_t)by;
    return bri_program_iota(p, dtype, axis, &base, &scale);
}

/* Is some axis of the leaf grid, longer than 1, not seen through the map? Then the value would be
 * computed again along it. */
static bool repeats(const bri_fuse *fuse, const bri_map *map)
{
    const bri_stage *stage = fuse->stage;
    uint32_t used = 0;
    for (int a = 0; a < map->ndim; a++)
        if (map->from[a].axis >= 0)
            used |= 1u << map->from[a].axis;
    for (int a = 0; a < stage->leaf_ndim; a++)
        if (!(used >> a & 1) && bri_span_extent(stage, &fuse->span, a) > 1)
            return true;
    return false;
}

/* A function of the user's that may be called more than once for an element. */
static bool is_cheap(const bri_node *node)
{
    bool user =
        node->op == &bri_op_map || node->op == &bri_op_map2 || node->op == &bri_op_fromfunction;
    return user && ((const bri_user_params *)node->params)->cheap;
}

static bool is_costly(const bri_node *node)
{
    return node->op->costly && !is_cheap(node);
}

static bool is_source(const bri_node *node)
{
    return node->ninputs == 0 && !is_costly(node);
}

/* Sources that are loaded; others are computed from their indices. */
static bool is_loaded(const bri_node *node)
{
    return node->op == &bri_op_memory || node->op == &bri_op_results ||
           node->op == &bri_op_persisted || bri_is_file(node->op);
}

/* Maps have one window an axis, which indices are not computed through. */
static bool too_many_windows(const bri_node *node, const bri_map *map)
{
    return (node->op->windows || (is_source(node) && !is_loaded(node))) && bri_map_has_windows(map);
}

static bool needs_own_stage(const bri_fuse *fuse, const bri_node *node, const bri_map *map)
{
    if (node->op->emit == NULL)
        return true;
    if (node == fuse->stage->node)
        return false;
    if (too_many_windows(node, map))
        return true;
    if (is_source(node) || node->op->view)
        return false;
    if (is_costly(node) && (node->nparents + node->is_output > 1 || fuse->stage->widened))
        return true;
    if (bri_is_held(fuse->stage->plan, node))
        return true;
    return repeats(fuse, map);
}

/* Only nodes with several readers can come twice. */
static int find(const bri_fuse *fuse, const bri_node *node, const bri_map *map)
{
    if (node->nparents <= 1)
        return -1;
    for (size_t i = fuse->nseen; i-- > 0;)
        if (fuse->seen[i].node == node && bri_map_equal(&fuse->seen[i].map, map))
            return fuse->seen[i].value;
    return -1;
}

static br_status remember(bri_fuse *fuse, const visit *v, int value)
{
    if (v->node->nparents <= 1)
        return BR_OK;
    BRI_TRY(bri_grow(&fuse->seen, &fuse->seen_room, fuse->nseen, sizeof *fuse->seen));
    fuse->seen[fuse->nseen++] = (known){v->node, v->map, value};
    return BR_OK;
}

static br_status push(bri_fuse *fuse, bri_node *node, const bri_map *map)
{
    BRI_TRY(bri_grow(&fuse->stack, &fuse->stack_room, fuse->depth, sizeof *fuse->stack));
    visit *v = &fuse->stack[fuse->depth++];
    bri_input input = {.node = node, .map = *map, .span = fuse->span};
    if (!bri_map_has_windows(map))
        bri_through_concat(fuse->stage, &input);
    v->node = input.node;
    v->map = input.map;
    v->next = 0;
    return BR_OK;
}

static void input_map(const visit *v, int k, bri_map *out)
{
    const bri_node *node = v->node;
    if (node->op->access != NULL) {
        node->op->access(node, k, &v->map, out);
        return;
    }
    bri_map spread = bri_map_broadcast(node->input[k]->ndim, node->input[k]->axis, node->ndim);
    *out = bri_map_compose(&v->map, &spread);
}

static int emit(bri_fuse *fuse, const visit *v)
{
    if (needs_own_stage(fuse, v->node, &v->map))
        return load_stage(fuse, v->node, &v->map);
    return v->node->op->emit(fuse, v->node, &v->map, v->value);
}

/* Visits the top of the stack once; when it is complete it is popped, and *value goes to the reader
 * below it. */
static br_status advance(bri_fuse *fuse, int *value)
{
    visit *v = &fuse->stack[fuse->depth - 1];
    *value = -1;
    if (!needs_own_stage(fuse, v->node, &v->map) && v->next < v->node->ninputs) {
        bri_map map;
        input_map(v, v->next, &map);
        int k = v->next;
        bri_node *input = v->node->input[k];
        v->value[k] = find(fuse, input, &map);
        if (v->value[k] < 0)
            return push(fuse, input, &map);
        v->next++;
        return BR_OK;
    }
    visit done = *v;
    fuse->depth--;
    *value = emit(fuse, &done);
    if (*value < 0)
        return fuse->status != BR_OK ? fuse->status : BR_ENOMEM;
    if (fuse->depth > 0) {
        visit *reader = &fuse->stack[fuse->depth - 1];
        reader->value[reader->next++] = *value;
    }
    return remember(fuse, &done, *value);
}

/* The whole expression below the node, seen through map. */
static br_status walk(bri_fuse *fuse, bri_node *node, const bri_map *map, int *value)
{
    br_status st = push(fuse, node, map);
    while (st == BR_OK && fuse->depth > 0)
        st = advance(fuse, value);
    bri_free(fuse->stack);
    bri_free(fuse->seen);
    return st;
}

br_status bri_fuse_into(bri_stage *stage, bri_node *node, int *value)
{
    if (stage->program == NULL)
        stage->program = bri_program_new();
    if (stage->program == NULL)
        return BR_ENOMEM;
    bri_fuse fuse = {.stage = stage, .program = stage->program};
    bri_map map = bri_map_identity(node->ndim);
    return walk(&fuse, node, &map, value);
}

br_status bri_fuse_seen(bri_stage *stage, bri_node *node, const bri_map *map, bri_part *part)
{
    part->program = bri_program_new();
    if (part->program == NULL)
        return BR_ENOMEM;
    part->first = stage->ninputs;
    bri_fuse fuse = {
        .stage = stage, .program = part->program, .span = part->span, .first_input = part->first};
    BRI_TRY(walk(&fuse, node, map, &part->result));
    part->end = stage->ninputs;
    return BR_OK;
}

br_status bri_fuse_part(bri_stage *stage, bri_node *node, bri_part *part)
{
    bri_map map = bri_map_identity(node->ndim);
    map.from[part->span.axis].start = -part->span.from;
    return bri_fuse_seen(stage, node, &map, part);
}
