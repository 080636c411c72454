/* SPDX-License-Identifier: BSD-3-Clause
 * eager.c - readers that run as soon as a chunk that they read alone is there.
 *
 * The order is depth first, root by root, so a chunk with readers below several roots would be held
 * until the last of these has its turn: all chunks of y in {sum(f(y)), max(y)}. A reader that needs
 * nothing but this chunk, and leaves no more than it takes, follows at once instead: leaves of
 * reductions (streamed stages, like those of passes), what goes to the caller's memory or a file,
 * and what is made of it for such readers only. The order stays one that follows from the plan
 * alone, the same on every rank.
 */
#include "array/plan/pass.h"
#include "array/plan/sink.h"
#include "runtime/alloc.h"

/* Are these all chunks made by frames of their own, one after the other? */
static bool makes_chunks(const bri_stage *s)
{
    static const bri_stage_kind *const kinds[] = {
        &bri_stage_program,    &bri_stage_reduce,  &bri_stage_reduction, &bri_stage_blocks,
        &bri_stage_matmul,     &bri_stage_reshape, &bri_stage_concat,    &bri_stage_gather,
        &bri_stage_take_along, &bri_stage_assign,  &bri_stage_repeat,    &bri_stage_packing,
        &bri_stage_spreading,  &bri_stage_overlap};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (s->kind == kinds[i])
            return !s->direct;
    return false;
}

static bool is_identity(const bri_input *input, const bri_stage *reader)
{
    const bri_stage *from = input->stage;
    bri_map same = bri_map_identity(from->ndim);
    if (reader->leaf_ndim != from->ndim || !bri_map_equal(&input->map, &same) ||
        input->span.to > 0 || input->halo != NULL || input->faces != NULL)
        return false;
    for (int a = 0; a < from->ndim; a++)
        if (!bri_axis_equal(&from->axis[a], &reader->leaf_axis[a]))
            return false;
    return true;
}

/* The stage whose chunks it reads one for one, and no others; NULL when it reads more, or none. */
static bri_stage *only_source(const bri_stage *reader)
{
    bri_stage *only = NULL;
    if (reader->picks != NULL || reader->pass != NULL || reader->kind->needs != NULL ||
        reader->kind->inputs != NULL)
        return NULL;
    for (int i = 0; i < reader->ninputs; i++) {
        const bri_input *input = &reader->inputs[i];
        if (input->from != BRI_FROM_STAGE || input->stage->direct)
            continue;
        if (only != NULL || !is_identity(input, reader))
            return NULL;
        only = input->stage;
    }
    return only;
}

/* Does a leaf leave no more than the chunk that it takes? */
static bool shrinks(const bri_stage *reader, const bri_stage *from)
{
    bri_sizes sizes;
    int64_t chunk = reader->nchunks / 2;
    int64_t step = reader->nsteps / 2;
    int64_t coord[BR_MAX_NDIM];
    bri_leaf_coords(reader, chunk, step, coord);
    reader->kind->sizes(reader, chunk, step, &sizes);
    int64_t taken = bri_grid_linear(from->ndim, from->axis, coord);
    return sizes.output <= (size_t)bri_chunk_nelem(from, taken) * br_dtype_size(from->dtype);
}

static bool is_root(const bri_plan *plan, const bri_stage *stage)
{
    for (int i = 0; i < plan->nroots; i++)
        if (plan->roots[i] == stage)
            return true;
    return false;
}

/* Chunk c of the reader is made of chunk c of its source, and all who read it take it away. */
static bool passes_on(const bri_stage *s, const bool *absorbs)
{
    if (!makes_chunks(s) || s->nsteps != 1 || s->nconsumers == 0 || s->ndim != s->leaf_ndim)
        return false;
    for (int a = 0; a < s->ndim; a++)
        if (s->axis[a].nchunks != s->leaf_axis[a].nchunks)
            return false;
    for (int i = 0; i < s->nconsumers; i++)
        if (!absorbs[s->consumers[i].stage->id])
            return false;
    return true;
}

static bool reduces(const bri_stage *s)
{
    return (s->kind == &bri_stage_reduce || s->kind == &bri_stage_reduction) &&
           s->fold != BRI_FOLD_CHAIN;
}

/* Is nothing left of a chunk, or no more than it was, when this reader follows it at once? */
static bool can_follow(const bri_plan *plan, const bri_stage *s, const bool *absorbs)
{
    const bri_stage *from = s->wanted && !s->streamed ? only_source(s) : NULL;
    if (from == NULL || !makes_chunks(from))
        return false;
    if (reduces(s) || bri_is_pass(s))
        return shrinks(s, from);
    bool ends = bri_is_sink(s) || (s->direct_result && s->kind == &bri_stage_program);
    return (ends && s->nsteps == 1 && is_root(plan, s)) || passes_on(s, absorbs);
}

/* Stages come after what they read: readers are judged first, then marked from the sources on,
 * since who reads what follows is to follow, too. */
br_status bri_plan_eager(bri_plan *plan)
{
    bool *absorbs = bri_calloc((size_t)plan->nstages + 1, sizeof *absorbs);
    if (absorbs == NULL)
        return BR_ENOMEM;
    for (int i = plan->nstages - 1; i >= 0; i--)
        absorbs[plan->stages[i]->id] = can_follow(plan, plan->stages[i], absorbs);
    for (int i = 0; i < plan->nstages; i++) {
        bri_stage *s = plan->stages[i];
        bri_stage *from = absorbs[s->id] ? only_source(s) : NULL;
        if (from == NULL || (from->nconsumers < 2 && !from->followed))
            continue;
        from->followed = true;
        s->streamed = reduces(s);
        s->eager = !s->streamed;
        s->followed = !bri_is_pass(s); /* so its own readers, which absorb as well, follow */
    }
    bri_free(absorbs);
    return BR_OK;
}
