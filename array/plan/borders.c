/* SPDX-License-Identifier: BSD-3-Clause
 * borders.c - the chunks of which other ranks read edges are made first.
 *
 * Each rank has a contiguous run of chunks. In their own order the last one of a run, whose edge
 * the next rank's first chunk needs in the next sweep of a stencil, would come when all others of
 * the rank are done: of several sweeps in one expression each rank would wait for the end of the
 * one before it. So before a root's chunks come those at the borders of its stages, stage after
 * stage, each with what it needs, which are few when all inputs are read about where the chunk is.
 * Edges then travel while the rest of the run is made.
 *
 * What comes early is held for longer: about two chunks of each sweep at each border, as many as
 * there are between what has been made and what has not anyway. Where that is too much, the plan
 * goes without (BRI_IN_ORDER).
 *
 * It is one order for all ranks still, in which what is needed comes first, as admission to memory
 * relies on (runtime/job.h): the first task that has not run waits for nobody.
 */
#include "array/plan/borders.h"

#include "array/plan/face.h"
#include "array/plan/halo.h"

/* ---- which stages ---- */

/* A leaf reads few of the source's chunks, along each axis. */
static bool reads_nearby(const bri_stage *stage, const bri_input *input)
{
    const bri_stage *from = input->stage;
    for (int a = 0; a < from->ndim; a++) {
        int axis = bri_input_leaf_axis(input, a);
        if (from->axis[a].nchunks <= 1)
            continue;
        if (axis < 0 || input->map.window[a].step != 0 ||
            from->axis[a].nchunks > 2 * stage->leaf_axis[axis].nchunks)
            return false;
    }
    return true;
}

/* Are a chunk and all that it needs made of what lies about there, or needed by every chunk? */
static bool is_local(const bri_stage *stage)
{
    if (stage->nsteps != 1 || stage->pass != NULL || stage->picks != NULL || stage->streamed ||
        stage->kind->needs != NULL || stage->kind->readers != NULL)
        return false;
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        if (input->from != BRI_FROM_STAGE || input->stage->direct || input->stage->nchunks <= 1)
            continue;
        if (!input->stage->local || !reads_nearby(stage, input))
            return false;
    }
    return true;
}

static bool has_edges(const bri_stage *stage)
{
    for (int i = 0; i < stage->nconsumers; i++)
        if (bri_faces_shared(stage->consumers[i].stage))
            return true;
    return false;
}

/* The first root below which the stage is, counted from 1; readers have theirs. */
static int first_root(const bri_plan *plan, const bri_stage *stage)
{
    int first = 1;
    while (first <= plan->nroots && plan->roots[first - 1] != stage)
        first++;
    for (int i = 0; i < stage->nconsumers; i++)
        if (stage->consumers[i].stage->border < first)
            first = stage->consumers[i].stage->border;
    return first;
}

void bri_plan_borders(bri_plan *plan)
{
    if (plan->nranks == 1)
        return;
    for (int i = 0; i < plan->nstages; i++)
        plan->stages[i]->local = is_local(plan->stages[i]);
    for (int i = plan->nstages - 1; i >= 0; i--)
        plan->stages[i]->border = first_root(plan, plan->stages[i]);
    for (int i = 0; i < plan->nstages; i++) {
        bri_stage *s = plan->stages[i];
        bool any = s->wanted && !s->direct && s->local && has_edges(s);
        plan->could |= any ? BRI_IN_ORDER : 0;
        if (!any || plan->thrift & BRI_IN_ORDER)
            s->border = 0;
    }
}

/* ---- which chunks ---- */

/* Chunks so far apart, in their order, may be read by one leaf. */
static int64_t reach(const bri_stage *stage)
{
    int64_t most = 0;
    for (int i = 0; i < stage->nconsumers; i++)
        if (bri_faces_shared(stage->consumers[i].stage)) {
            int64_t far = bri_faces_reach(stage->consumers[i].stage);
            most = far > most ? far : most;
        }
    return most;
}

/* Does the owner change within reach of the chunk? Each owner is asked for once, so that runs of
 * millions of chunks are no work. */
static bool is_near_change(const bri_stage *stage, bri_borders *at)
{
    int64_t far = reach(stage);
    int64_t end = at->chunk + far < stage->nchunks - 1 ? at->chunk + far + 1 : stage->nchunks;
    for (; at->looked < end; at->looked++)
        if (at->looked > 0 &&
            bri_value_owner(stage, at->looked) != bri_value_owner(stage, at->looked - 1))
            at->change = at->looked;
    return at->change > 0 && at->change > at->chunk - far;
}

static br_status note_face(void *data, int64_t number)
{
    (void)number;
    *(bool *)data = true;
    return BR_OK;
}

static bool has_readers_elsewhere(const bri_stage *stage, int64_t chunk)
{
    bool any = false;
    for (int i = 0; i < stage->nconsumers && !any; i++)
        if (bri_faces_shared(stage->consumers[i].stage))
            (void)bri_faces_each(stage->consumers[i].stage, chunk, note_face, &any);
    return any;
}

bool bri_borders_next(const bri_plan *plan, bri_borders *at, int root, bri_need *border)
{
    for (; at->stage < plan->nstages; *at = (bri_borders){.stage = at->stage + 1}) {
        bri_stage *stage = plan->stages[at->stage];
        while (stage->border == root + 1 && at->chunk < stage->nchunks) {
            bool near = is_near_change(stage, at);
            *border = (bri_need){stage, at->chunk++};
            if (near && bri_is_demanded(stage, border->chunk) &&
                has_readers_elsewhere(stage, border->chunk))
                return true;
        }
    }
    return false;
}
