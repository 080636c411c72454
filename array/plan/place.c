/* SPDX-License-Identifier: BSD-3-Clause
 * place.c - which rank runs which task, by arithmetic that is the same on every rank.
 *
 * By itself a stage's order of (chunk, step) is cut into one contiguous run for each rank. A stage
 * that reads another one about chunk for chunk, where that lies otherwise (persisted arrays; a
 * reduction along the first axis), *follows* it instead: a leaf is computed on the rank that has
 * the chunk with the leaf's middle, so that results travel and not data.
 */
#include "array/plan/place.h"

#include "array/plan/halo.h"
#include "array/plan/persist.h"

/* Rank r has the places from ends[r - 1] / ends[nranks - 1] of n on, up to ends[r]. */
int bri_place_run(const bri_plan *plan, int64_t place, int64_t n)
{
    if (plan->ends == NULL)
        return (int)((__int128)place * plan->nranks / n);
    int64_t at = (int64_t)((__int128)place * plan->ends[plan->nranks - 1] / n);
    int low = 0;
    int high = plan->nranks - 1;
    while (low < high) {
        int half = low + (high - low) / 2;
        if (plan->ends[half] <= at)
            low = half + 1;
        else
            high = half;
    }
    return low;
}

/* ---- following ---- */

static int64_t middle(const bri_stage *stage, int axis, const int64_t *coord)
{
    const bri_axis *x = &stage->leaf_axis[axis];
    return bri_axis_start(x, coord[axis]) + bri_axis_count(x, coord[axis]) / 2;
}

static int64_t clamp(int64_t x, int64_t extent)
{
    return x < 0 ? 0 : x >= extent ? extent - 1 : x;
}

static int followed_owner(const bri_stage *stage, int64_t chunk, int64_t step)
{
    const bri_input *input = &stage->inputs[stage->follows];
    const bri_stage *from = input->stage;
    int64_t leaf[BR_MAX_NDIM];
    int64_t at[BR_MAX_NDIM];
    bri_leaf_coords(stage, chunk, step, leaf);
    for (int a = 0; a < from->ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        const bri_map_term *w = &input->map.window[a];
        int axis = bri_input_leaf_axis(input, a);
        int64_t i = m->start + (axis >= 0 ? m->step * middle(stage, axis, leaf) : 0);
        i += w->step != 0 ? w->step * middle(stage, w->axis, leaf) : 0;
        at[a] = bri_axis_find(&from->axis[a], clamp(i, from->axis[a].extent));
    }
    return bri_value_owner(from, bri_grid_linear(from->ndim, from->axis, at));
}

int bri_stage_owner(const bri_stage *stage, int64_t chunk, int64_t step)
{
    if (stage->plan->nranks == 1)
        return 0;
    if (stage->pass != NULL) { /* leaves are made by the pass's tasks */
        int64_t coord[BR_MAX_NDIM];
        bri_leaf_coords(stage, chunk, step, coord);
        chunk = bri_grid_linear(stage->leaf_ndim, stage->leaf_axis, coord);
        return bri_stage_owner(stage->pass, chunk, 0);
    }
    if (stage->kind->owner != NULL)
        return stage->kind->owner(stage, chunk, step);
    if (stage->follows >= 0)
        return followed_owner(stage, chunk, step);
    /* A chain stays on one rank. */
    int64_t steps = stage->fold == BRI_FOLD_TREE ? stage->nsteps : 1;
    int64_t place = stage->fold == BRI_FOLD_TREE ? chunk * steps + step : chunk;
    return bri_place_run(stage->plan, place, stage->nchunks * steps);
}

int bri_value_owner(const bri_stage *stage, int64_t chunk)
{
    return bri_stage_owner(stage, chunk, 0); /* a tree's root belongs to its leftmost leaf */
}

/* ---- what follows what ---- */

/* Are its chunks in contiguous runs of their own order? */
static bool lies_in_runs(const bri_stage *stage)
{
    if (stage->kind == &bri_stage_persisted)
        return bri_persisted_in_runs(stage);
    return stage->pass == NULL && stage->kind->owner == NULL && stage->follows < 0;
}

/* The leaves of the stage in its own order are those of the input's chunks in theirs. */
static bool goes_along(const bri_stage *stage, const bri_input *input)
{
    const bri_stage *from = input->stage;
    if (stage->fold != BRI_FOLD_NONE || stage->picks != NULL || from->ndim != stage->leaf_ndim)
        return false;
    for (int a = 0; a < from->ndim; a++)
        if (bri_input_leaf_axis(input, a) != a ||
            from->axis[a].nchunks != stage->leaf_axis[a].nchunks)
            return false;
    return true;
}

/* The chunks along axis a of the source that the stage's leaves read altogether. */
static int64_t chunks_seen(const bri_stage *stage, const bri_input *input, int a)
{
    const bri_axis *source = &input->stage->axis[a];
    int axis = bri_input_leaf_axis(input, a);
    int64_t low;
    int64_t high;
    if (axis < 0 || input->map.window[a].step != 0)
        return source->nchunks;
    bri_map_range(&input->map.from[a], 0, stage->leaf_axis[axis].extent, &low, &high);
    return bri_axis_find(source, clamp(high, source->extent)) -
           bri_axis_find(source, clamp(low, source->extent)) + 1;
}

/* A source of so many chunks for each rank is in even runs, however finely leaves cut it; of so
 * many leaves for each chunk. */
enum { EVEN_CHUNKS = 4, MOST_LEAVES = 8 };

/* The leaves only cut the chunks more finely: a shifted array, with itself, in three parts each. */
static bool refines(const bri_stage *stage, const bri_input *input, int64_t seen)
{
    uint32_t moved = 0;
    for (int a = 0; a < input->stage->ndim; a++) {
        int axis = bri_input_leaf_axis(input, a);
        moved |= axis >= 0 ? (uint32_t)1 << axis : 0;
    }
    for (int a = 0; a < stage->leaf_ndim; a++)
        if (!(moved >> a & 1) && stage->leaf_axis[a].nchunks > 1)
            return false;
    return seen >= EVEN_CHUNKS * stage->plan->nranks &&
           stage->nchunks * stage->nsteps <= MOST_LEAVES * seen;
}

/* About as many leaves as chunks along each axis: else many leaves would meet on one rank. */
static bool spreads(const bri_stage *stage, const bri_input *input)
{
    const bri_stage *from = input->stage;
    int64_t seen = 1;
    for (int a = 0; a < stage->leaf_ndim; a++)
        if (stage->leaf_axis[a].extent == 0)
            return false;
    for (int a = 0; a < from->ndim; a++) {
        int axis = bri_input_leaf_axis(input, a);
        if (from->axis[a].extent == 0)
            return false;
        int64_t n = chunks_seen(stage, input, a);
        if (n > 1 && (axis < 0 || 2 * stage->leaf_axis[axis].nchunks < n))
            return false;
        seen *= n;
    }
    return stage->nchunks * stage->nsteps <= 2 * seen || refines(stage, input, seen);
}

static bool may_follow(const bri_stage *stage, const bri_input *input)
{
    return input->from == BRI_FROM_STAGE && input->span.to == 0 &&
           (input->halo == NULL || input->part == BRI_INSIDE) &&
           input->stage->kind != &bri_stage_memory && input->stage->kind != &bri_stage_results &&
           input->stage->kind != &bri_stage_mirror &&
           input->stage->kind != &bri_stage_fetch && /* that one's ranks follow from its readers */
           input->stage->kind != &bri_stage_pieces && input->stage->picks == NULL &&
           spreads(stage, input);
}

static double bytes_of(const bri_stage *stage)
{
    double n = (double)br_dtype_size(stage->dtype);
    for (int a = 0; a < stage->ndim; a++)
        n *= (double)stage->axis[a].extent;
    return n;
}

/* The input with the most bytes counts; of equal ones the first. */
static void choose(bri_stage *stage)
{
    double most = 0;
    int largest = -1;
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        if (!may_follow(stage, input) || bytes_of(input->stage) <= most)
            continue;
        most = bytes_of(input->stage);
        largest = i;
    }
    if (largest < 0)
        return;
    const bri_input *input = &stage->inputs[largest];
    if (!lies_in_runs(input->stage) || !goes_along(stage, input))
        stage->follows = largest;
}

void bri_plan_place(bri_plan *plan)
{
    if (plan->nranks == 1)
        return;
    for (int i = 0; i < plan->nstages; i++) {
        bri_stage *s = plan->stages[i];
        bool free_to = s->pass == NULL && s->kind->owner == NULL && s->kind->needs == NULL &&
                       s->kind->readers == NULL && s->fold != BRI_FOLD_CHAIN;
        if (free_to)
            choose(s);
    }
}

bool bri_reads_at_hand(const bri_stage *stage)
{
    for (int i = 0; i < stage->ninputs; i++)
        if (stage->inputs[i].from == BRI_FROM_STAGE && stage->inputs[i].stage->direct)
            return true;
    return false;
}
