/* SPDX-License-Identifier: BSD-3-Clause
 * emit.c - the serial order of a plan's tasks, and this rank's tasks in it.
 *
 * The order is depth first: the chunks of the roots one after the other, each preceded by what it
 * needs that was not made before; a reduction's leaves in order, every node of its tree as soon as
 * its leaves are there. All ranks walk the same order; each makes tasks of its own and skips the
 * others'. A rank asks for a value of another rank when its own task needs it.
 *
 * Leaves of a pass belong to several reductions: whatever they complete follows at once (streamed
 * stages), so that states don't wait for their own reduction's turn. So do reductions and outputs
 * that need nothing but a chunk that others read, too (eager.c).
 */
#include <string.h>

#include "array/plan/cut.h"
#include "array/plan/emit.h"
#include "array/plan/face.h"
#include "array/plan/pass.h"
#include "array/plan/place.h"
#include "array/plan/sink.h"
#include "runtime/alloc.h"

br_status bri_emitter_new(bri_plan *plan)
{
    plan->emitter = bri_calloc(1, sizeof *plan->emitter);
    if (plan->emitter == NULL)
        return BR_ENOMEM;
    plan->emitter->ranks = bri_calloc((size_t)plan->nranks, 1);
    for (int i = 0; i < plan->nstages; i++) {
        bri_stage *s = plan->stages[i];
        bri_free(s->emitted);
        bri_free(s->steps_made);
        s->emitted = bri_calloc((size_t)(s->nchunks / 8 + 1), 1);
        s->steps_made =
            s->streamed ? bri_calloc((size_t)(s->nchunks * s->nsteps / 8 + 1), 1) : NULL;
        if (s->emitted == NULL || (s->streamed && s->steps_made == NULL))
            return BR_ENOMEM;
        BRI_TRY(bri_memo_new(s));
    }
    return plan->emitter->ranks != NULL ? BR_OK : BR_ENOMEM;
}

void bri_emitter_restart(bri_plan *plan)
{
    bri_emitter *e = plan->emitter;
    e->depth = 0;
    e->root = 0;
    e->chunk = 0;
    e->borders = (bri_borders){0};
    for (int i = 0; i < plan->nstages; i++) {
        bri_stage *s = plan->stages[i];
        memset(s->emitted, 0, (size_t)(s->nchunks / 8 + 1));
        if (s->streamed)
            memset(s->steps_made, 0, (size_t)(s->nchunks * s->nsteps / 8 + 1));
    }
}

void bri_emitter_free(bri_plan *plan)
{
    bri_emitter *e = plan->emitter;
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->room; i++)
        bri_free(e->stack[i].needs.need);
    bri_free(e->stack);
    bri_free(e->ranks);
    bri_free(e);
    plan->emitter = NULL;
}

/* Frames keep their lists when they are popped, for the next user of the place. */
static br_status push_frame(bri_emitter *e, const bri_frame *like)
{
    BRI_TRY(bri_grow(&e->stack, &e->room, e->depth, sizeof *e->stack));
    bri_frame *f = &e->stack[e->depth++];
    bri_needs needs = f->needs;
    *f = *like;
    f->needs = needs;
    return BR_OK;
}

static bool bit(const unsigned char *bits, int64_t i)
{
    return bits[i >> 3] >> (i & 7) & 1;
}

static void set_bit(unsigned char *bits, int64_t i)
{
    bits[i >> 3] |= (unsigned char)(1 << (i & 7));
}

static br_status push(bri_emitter *e, bri_stage *stage, int64_t chunk)
{
    set_bit(stage->emitted, chunk);
    return push_frame(e, &(bri_frame){.stage = stage, .chunk = chunk});
}

static bool is_emitted(const bri_stage *stage, int64_t chunk)
{
    return bit(stage->emitted, chunk);
}

/* Pushes the first need of the current step that nobody has emitted; false when all have been. */
static br_status see_to_needs(bri_emitter *e, bri_frame *f, bool *pushed)
{
    *pushed = false;
    if (!f->listed) {
        f->needs.n = 0;
        f->seen = 0;
        f->listed = true;
        BRI_TRY(f->stage->kind->needs != NULL
                    ? f->stage->kind->needs(f->stage, f->chunk, f->step, &f->needs)
                    : bri_stage_needs(f->stage, f->chunk, f->step, &f->needs));
    }
    while (f->seen < f->needs.n) {
        bri_need n = f->needs.need[f->seen++];
        if (is_emitted(n.stage, n.chunk))
            continue;
        *pushed = true;
        if (n.stage->kind == &bri_stage_pieces)
            n = (bri_need){n.stage->inputs[0].stage, bri_cut_chunk(n.stage, n.chunk)};
        bool whole = n.stage->kind == &bri_stage_pass && bri_pass_of(n.stage)->whole;
        return whole ? push_frame(e, &(bri_frame){.stage = n.stage, .mode = BRI_WHOLE})
                     : push(e, n.stage, n.chunk);
    }
    return BR_OK;
}

/* Streamed steps come in any order: a node is complete when all its leaves have been made. Looked
 * at from the last on, since that is what is missing when they come in order; bytes at a time. */
static bool node_complete(const bri_stage *s, int64_t chunk, int64_t first, int64_t end)
{
    int64_t from = chunk * s->nsteps + first;
    int64_t to = chunk * s->nsteps + end;
    while (to > from)
        if (to % 8 == 0 && to - from >= 8) {
            to -= 8;
            if (s->steps_made[to >> 3] != UINT8_MAX)
                return false;
        } else if (!bit(s->steps_made, --to)) {
            return false;
        }
    return true;
}

/* The tree node that is complete with the leaf just made, above `level`; 0 when there is none. */
static int next_node(const bri_frame *f)
{
    const bri_stage *s = f->stage;
    int top = bri_tree_top(s->nsteps);
    for (int level = f->level + 1; level <= top && s->fold == BRI_FOLD_TREE; level++) {
        int64_t i = f->step >> level;
        int64_t end = (i + 1) << level < s->nsteps ? (i + 1) << level : s->nsteps;
        bool complete =
            s->streamed ? node_complete(s, f->chunk, i << level, end) : f->step == end - 1;
        if (!complete)
            return 0;
        if (bri_tree_real(s->nsteps, level, i))
            return level;
    }
    return 0;
}

/* A chunk is complete: reductions that read it alone follow with the step that does, the next stage
 * of the same reduction among them, and outputs take it away. */
static br_status follow_chunk(bri_emitter *e, bri_stage *stage, int64_t chunk)
{
    int64_t coord[BR_MAX_NDIM];
    set_bit(stage->emitted, chunk);
    bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
    for (int i = stage->nconsumers - 1; i >= 0; i--) {
        bri_stage *reader = stage->consumers[i].stage;
        bri_frame f = {.stage = reader, .mode = BRI_FOLLOW};
        if (reader->streamed && reader->wanted) {
            bri_leaf_place(reader, coord, &f.chunk, &f.step);
            if (bri_is_demanded(reader, f.chunk))
                BRI_TRY(push_frame(e, &f));
        } else if ((reader->eager || (stage->streamed && bri_is_sink(reader))) &&
                   bri_is_demanded(reader, chunk) && !is_emitted(reader, chunk)) {
            BRI_TRY(push(e, reader, chunk));
        }
    }
    return BR_OK;
}

typedef struct face_frames {
    bri_emitter *e;
    bri_stage *faces;
} face_frames;

static br_status push_face(void *data, int64_t number)
{
    const face_frames *f = data;
    return is_emitted(f->faces, number) ? BR_OK : push(f->e, f->faces, number);
}

/* What other ranks need of a chunk of this one, of which they read the edges only, is made at once:
 * in their own order it would come after all of this rank's tasks, and they would wait. */
static br_status follow_faces(bri_emitter *e, const bri_stage *stage, int64_t chunk)
{
    if (stage->plan->nranks == 1)
        return BR_OK;
    for (int i = stage->nconsumers - 1; i >= 0; i--) {
        face_frames f = {e, stage->consumers[i].stage};
        if (f.faces->kind == &bri_stage_face && f.faces->wanted &&
            bri_value_owner(stage, chunk) == stage->plan->rank)
            BRI_TRY(bri_faces_each(f.faces, chunk, push_face, &f));
    }
    return BR_OK;
}

/* A pass's leaf has been emitted: each reduction goes on with its own, the first one first. */
static br_status follow_leaf(bri_emitter *e, const bri_stage *stage, int64_t leaf)
{
    bri_made made[BRI_MOST_MEMBERS];
    for (int i = bri_pass_makes(stage, leaf, made); i-- > 0;) {
        bri_stage *member = made[i].member;
        bri_frame f = {
            .stage = member, .mode = BRI_NODES, .chunk = made[i].chunk, .step = made[i].step};
        if (!made[i].wanted)
            continue;
        set_bit(member->steps_made, f.chunk * member->nsteps + f.step);
        BRI_TRY(push_frame(e, &f));
    }
    return BR_OK;
}

/* A chunk has been cut: its pieces are there. */
static void note_pieces(const bri_stage *cutting, int64_t chunk)
{
    const bri_stage *pieces = cutting->data;
    for (int64_t i = bri_cut_count(cutting, chunk); i-- > 0;)
        set_bit(pieces->emitted, bri_cut_piece(cutting, chunk, i));
}

/* After a step or node of a streamed stage: up the tree, then on to who reads the chunk. */
static br_status follow(bri_emitter *e)
{
    bri_frame *f = &e->stack[e->depth - 1];
    bri_stage *stage = f->stage;
    int64_t chunk = f->chunk;
    if (f->level == 0)
        set_bit(stage->steps_made, chunk * stage->nsteps + f->step);
    int made = f->level;
    f->mode = BRI_NODES;
    f->level = next_node(f);
    if (f->level > 0)
        return BR_OK;
    e->depth--;
    bool complete = stage->fold != BRI_FOLD_TREE || made == bri_tree_top(stage->nsteps);
    if (complete)
        BRI_TRY(follow_faces(e, stage, chunk));
    return complete ? follow_chunk(e, stage, chunk) : BR_OK;
}

/* Goes on to the next node, step or frame. */
static br_status move_on(bri_emitter *e)
{
    bri_frame *f = &e->stack[e->depth - 1];
    if (f->mode != BRI_MAKE)
        return follow(e);
    f->level = f->stage->streamed ? 0 : next_node(f);
    if (f->level > 0)
        return BR_OK;
    f->listed = false;
    if (++f->step < f->stage->nsteps)
        return BR_OK;
    bri_stage *stage = f->stage;
    int64_t chunk = f->chunk;
    e->depth--;
    if (stage->kind == &bri_stage_cut)
        note_pieces(stage, chunk);
    BRI_TRY(follow_faces(e, stage, chunk));
    if (stage->followed && !stage->streamed) /* a streamed one's readers have followed already */
        return follow_chunk(e, stage, chunk);
    return bri_is_pass(stage) ? follow_leaf(e, stage, chunk) : BR_OK;
}

/* Steps of streamed stages are made where they follow; here they are only waited for. */
static br_status make_current(bri_plan *plan, bri_job *job, bri_frame *f, bri_task **task)
{
    int64_t place = f->level > 0 ? f->step >> f->level << f->level : f->step;
    if ((f->stage->streamed && f->mode == BRI_MAKE) || (f->mode == BRI_NODES && f->level == 0) ||
        bri_stage_owner(f->stage, f->chunk, place) != plan->rank)
        return BR_OK;
    br_status st =
        f->level > 0 ? bri_make_node(plan, job, f, task) : bri_make_step(plan, job, f, task);
    if (st != BR_OK && *task != NULL) {
        bri_task_abandon(job, *task);
        *task = NULL;
    }
    return st;
}

/* The next leaf of a pass that is made as a whole; the frame goes after the last one. */
static br_status next_leaf(bri_emitter *e)
{
    bri_frame *f = &e->stack[e->depth - 1];
    bri_stage *stage = f->stage;
    while (f->chunk < stage->nchunks &&
           (is_emitted(stage, f->chunk) || !bri_is_demanded(stage, f->chunk)))
        f->chunk++;
    if (f->chunk < stage->nchunks)
        return push(e, stage, f->chunk);
    e->depth--;
    return BR_OK;
}

/* The next chunk of the roots; false at the end. */
static bool next_goal(bri_plan *plan, bri_emitter *e, br_status *st)
{
    bri_need border;
    while (e->root < plan->nroots && e->chunk == plan->roots[e->root]->nchunks) {
        e->root++;
        e->chunk = 0;
        e->borders = (bri_borders){0};
    }
    if (e->root == plan->nroots)
        return false;
    if (plan->nranks > 1 && bri_borders_next(plan, &e->borders, e->root, &border)) {
        if (!is_emitted(border.stage, border.chunk))
            *st = push(e, border.stage, border.chunk);
        return true;
    }
    bri_stage *root = plan->roots[e->root];
    int64_t chunk = e->chunk++;
    if (bri_is_demanded(root, chunk) && !is_emitted(root, chunk))
        *st = push(e, root, chunk);
    return true;
}

/* One move of the walk from the top of the stack. */
static br_status advance(bri_plan *plan, bri_job *job, bri_task **task)
{
    bri_emitter *e = plan->emitter;
    size_t top = e->depth - 1;
    bool pushed = false;
    if (e->stack[top].mode == BRI_WHOLE)
        return next_leaf(e);
    if (e->stack[top].level == 0 && e->stack[top].mode != BRI_NODES)
        BRI_TRY(see_to_needs(e, &e->stack[top], &pushed));
    if (pushed)
        return BR_OK;
    BRI_TRY(make_current(plan, job, &e->stack[top], task));
    br_status st = move_on(e);
    if (st != BR_OK && *task != NULL) {
        bri_task_abandon(job, *task);
        *task = NULL;
    }
    return st;
}

br_status bri_emit_next(bri_job *job, bri_task **task)
{
    bri_plan *plan = job->plan;
    bri_emitter *e = plan->emitter;
    br_status st = BR_OK;
    *task = NULL;
    while (st == BR_OK && *task == NULL)
        if (e->depth > 0)
            st = advance(plan, job, task);
        else if (!next_goal(plan, e, &st))
            return BR_OK;
    return st;
}
