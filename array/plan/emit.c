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
#include <time.h>

#include "array/plan/balance.h"
#include "array/plan/cut.h"
#include "array/plan/demand.h"
#include "array/plan/pass.h"
#include "array/plan/place.h"
#include "array/plan/sink.h"
#include "array/plan/supply.h"
#include "runtime/alloc.h"

/* A chunk on its way: its current step and which of the step's needs have been seen to. */
typedef struct frame {
    bri_stage *stage;
    int64_t chunk, step;
    int level; /* of the tree node to make next after a leaf, or 0 for the leaf itself */
    enum {
        MAKE,   /* all steps of a chunk */
        FOLLOW, /* one step of a streamed stage, and what becomes complete with it */
        NODES,  /* the same when the step has been made */
        WHOLE,  /* all leaves of a pass; chunk is the next one */
    } mode;
    int lender; /* the rank that lent it, plus 1; 0: it is this rank's */
    bool listed;
    bri_needs needs;
    size_t seen;
} frame;

struct bri_emitter {
    frame *stack;
    size_t depth, room;
    int root; /* which root, and its next chunk */
    int64_t chunk;
    unsigned char *ranks; /* scratch of bri_count_readers */
    int64_t emitted;      /* tasks of this rank */
};

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
    }
    return plan->emitter->ranks != NULL ? BR_OK : BR_ENOMEM;
}

void bri_emitter_restart(bri_plan *plan)
{
    bri_emitter *e = plan->emitter;
    e->depth = 0;
    e->root = 0;
    e->chunk = 0;
    e->emitted = 0;
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
static br_status push_frame(bri_emitter *e, const frame *like)
{
    BRI_TRY(bri_grow(&e->stack, &e->room, e->depth, sizeof *e->stack));
    frame *f = &e->stack[e->depth++];
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
    return push_frame(e, &(frame){.stage = stage, .chunk = chunk});
}

static bool is_emitted(const bri_stage *stage, int64_t chunk)
{
    return bit(stage->emitted, chunk);
}

/* ---- making tasks ---- */

/* A value that a task makes. Who reads it follows from its place in the tree or from the readers of
 * the whole chunk. */
typedef struct product {
    const bri_stage *stage;
    int64_t chunk;
    bri_key key;
    bool final; /* the chunk is complete with it */
    int reader; /* else the rank that goes on with it */
    size_t bytes;
    int lender; /* as in frame: then it goes there */
} product;

static void append_output(bri_task *task, bri_value *v)
{
    bri_value **last = &task->output;
    while (*last != NULL)
        last = &(*last)->next_output;
    *last = v;
}

static br_status add_lent_output(bri_job *job, bri_task *task, const product *p)
{
    bri_value *v = bri_value_new(job, p->key, p->bytes, 0);
    if (v == NULL)
        return BR_ENOMEM;
    append_output(task, v);
    return bri_value_destination(v, p->lender - 1);
}

static br_status add_output(bri_plan *plan, bri_job *job, bri_task *task, const product *p)
{
    int local = 0;
    if (p->lender > 0)
        return add_lent_output(job, task, p);
    memset(plan->emitter->ranks, 0, (size_t)plan->nranks);
    if (p->final)
        BRI_TRY(bri_count_readers(p->stage, p->chunk, &local, plan->emitter->ranks));
    else if (p->reader == plan->rank)
        local = 1;
    else
        plan->emitter->ranks[p->reader] = 1;
    if (bri_is_supplied(p->stage)) /* other ranks ask for it */
        memset(plan->emitter->ranks, 0, (size_t)plan->nranks);
    bri_value *v = bri_value_new(job, p->key, p->bytes, local);
    if (v == NULL)
        return BR_ENOMEM;
    append_output(task, v);
    for (int r = 0; r < plan->nranks; r++)
        if (plan->emitter->ranks[r])
            BRI_TRY(bri_value_destination(v, r));
    return BR_OK;
}

/* An input of a task that was lent: its lender has it, whoever made it. */
static br_status connect_lent_input(bri_job *job, bri_task *task, int i, bri_key key, int lender,
                                    size_t bytes)
{
    bri_value *v = bri_value_find(job, key);
    if (v != NULL) { /* read twice */
        atomic_fetch_add_explicit(&v->readers, 1, memory_order_relaxed);
        bri_task_input(task, i, v);
        return BR_OK;
    }
    v = bri_value_new(job, key, bytes, 1);
    if (v == NULL)
        return BR_ENOMEM;
    v->owner = lender;
    bri_task_input(task, i, v);
    bri_value_expect(job, v);
    return BR_OK;
}

/* A task's input: a value made here, or asked for from its owner. */
static br_status connect_input(bri_plan *plan, bri_job *job, bri_task *task, int i, bri_key key,
                               int owner, size_t bytes, const bri_need *need)
{
    bri_value *v = bri_value_find(job, key);
    if (v == NULL) {
        int readers = 1;
        if (need != NULL)
            BRI_TRY(bri_count_readers(need->stage, need->chunk, &readers, plan->emitter->ranks));
        v = bri_value_new(job, key, bytes, readers);
        if (v == NULL)
            return BR_ENOMEM;
        v->owner = owner;
        BRI_ASSERT(owner != plan->rank);
        bri_value_expect(job, v);
    }
    bri_task_input(task, i, v);
    return BR_OK;
}

static size_t final_bytes(const bri_stage *stage, int64_t chunk)
{
    bri_sizes sizes;
    if (stage->fold == BRI_FOLD_TREE && stage->nsteps > 1)
        stage->kind->node_sizes(stage, chunk, bri_tree_top(stage->nsteps), &sizes);
    else
        stage->kind->sizes(stage, chunk, 0, &sizes);
    return sizes.output;
}

static br_status connect_needs(bri_plan *plan, bri_job *job, const frame *f, bri_task *task)
{
    for (size_t i = 0; i < f->needs.n; i++) {
        const bri_need *n = &f->needs.need[i];
        bri_key key = bri_stage_key(n->stage, n->chunk);
        if (f->lender > 0) {
            BRI_TRY(connect_lent_input(job, task, (int)i, key, f->lender - 1,
                                       final_bytes(n->stage, n->chunk)));
            continue;
        }
        BRI_TRY(connect_input(plan, job, task, (int)i, bri_stage_key(n->stage, n->chunk),
                              bri_value_owner(n->stage, n->chunk), final_bytes(n->stage, n->chunk),
                              n));
    }
    return BR_OK;
}

static bri_task *new_task(bri_plan *plan, bri_job *job, const frame *f, bri_key key, size_t ninputs)
{
    bri_task *t = bri_task_new(job, key, (int)f->stage->id, (int)ninputs);
    if (t == NULL)
        return NULL;
    t->argument[0] = f->chunk;
    t->argument[1] = f->step;
    plan->emitter->emitted += f->lender == 0;
    return t;
}

/* The rank of the node above (level, i), and whether there is one. */
static bool parent_owner(const bri_stage *stage, int64_t chunk, int level, int64_t i, int *owner)
{
    int top = bri_tree_top(stage->nsteps);
    if (level == top)
        return false;
    do {
        level++;
        i >>= 1;
    } while (!bri_tree_real(stage->nsteps, level, i));
    *owner = bri_stage_owner(stage, chunk, i << level);
    return true;
}

static product product_of_step(const bri_stage *s, int64_t chunk, int64_t step, size_t bytes)
{
    product p = {s, chunk, {s->id, 0, chunk}, true, s->plan->rank, bytes, 0};
    if (s->fold == BRI_FOLD_TREE) {
        p.key.index = chunk * s->nsteps + step;
        p.final = !parent_owner(s, chunk, 0, step, &p.reader);
    } else if (s->fold == BRI_FOLD_CHAIN) {
        p.key.level = (uint32_t)step;
        p.final = step == s->nsteps - 1;
    }
    return p;
}

/* One output for each member that needs the leaf, in the order in which the task fills them. */
static br_status add_pass_outputs(bri_plan *plan, bri_job *job, const frame *f, bri_task *task)
{
    bri_made made[BRI_MOST_MEMBERS];
    int n = bri_pass_makes(f->stage, f->chunk, made);
    for (int i = 0; i < n; i++) {
        const bri_made *m = &made[i];
        product p = product_of_step(m->member, m->chunk, m->step, m->bytes);
        p.lender = f->lender;
        if (m->value)
            BRI_TRY(add_output(plan, job, task, &p));
    }
    return BR_OK;
}

/* One output for each piece that is needed. */
static br_status add_piece_outputs(bri_plan *plan, bri_job *job, const frame *f, bri_task *task)
{
    const bri_stage *pieces = f->stage->data;
    int64_t n = bri_cut_count(f->stage, f->chunk);
    for (int64_t i = 0; i < n; i++) {
        int64_t piece = bri_cut_piece(f->stage, f->chunk, i);
        size_t bytes = (size_t)bri_chunk_nelem(pieces, piece) * br_dtype_size(pieces->dtype);
        product p = product_of_step(pieces, piece, 0, bytes);
        if (bri_is_demanded(pieces, piece))
            BRI_TRY(add_output(plan, job, task, &p));
    }
    return BR_OK;
}

static br_status make_step(bri_plan *plan, bri_job *job, const frame *f, bri_task **out)
{
    bri_stage *s = f->stage;
    bool chained = s->fold == BRI_FOLD_CHAIN && f->step > 0;
    int local = 1;
    bri_sizes sizes;
    if (bri_is_supplied(s))
        BRI_TRY(bri_supply_owe(job, s, f->chunk, plan->emitter->ranks, &local));
    if (local == 0)
        return BR_OK;
    s->kind->sizes(s, f->chunk, f->step, &sizes);
    product p = product_of_step(s, f->chunk, f->step, sizes.output);
    p.lender = f->lender;
    bri_task *t = new_task(plan, job, f, p.key, f->needs.n + chained);
    if (t == NULL)
        return BR_ENOMEM;
    *out = t;
    t->scratch = sizes.scratch;
    t->keeps = s->kind == &bri_stage_keep && !bri_keeps_on_disk(s);
    BRI_TRY(connect_needs(plan, job, f, t));
    if (chained) {
        bri_key before = {s->id, p.key.level - 1, p.key.index};
        int last = (int)f->needs.n;
        BRI_TRY(f->lender > 0
                    ? connect_lent_input(job, t, last, before, f->lender - 1, sizes.output)
                    : connect_input(plan, job, t, last, before, plan->rank, sizes.output, NULL));
    }
    if (bri_is_pass(s))
        return add_pass_outputs(plan, job, f, t);
    if (s->kind == &bri_stage_cut)
        return add_piece_outputs(plan, job, f, t);
    return s->direct_result || (s->nconsumers == 0 && p.final) ? BR_OK
                                                               : add_output(plan, job, t, &p);
}

static br_status make_node(bri_plan *plan, bri_job *job, const frame *f, bri_task **out)
{
    bri_stage *s = f->stage;
    int64_t i = f->step >> f->level;
    bri_key key = {s->id, (uint32_t)f->level, f->chunk * bri_tree_width(s->nsteps, f->level) + i};
    bri_sizes sizes;
    bri_sizes child_sizes;
    bri_task *t = new_task(plan, job, f, key, 2);
    if (t == NULL)
        return BR_ENOMEM;
    *out = t;
    t->argument[1] = i;
    s->kind->node_sizes(s, f->chunk, f->level, &sizes);
    t->scratch = sizes.scratch;
    for (int side = 0; side < 2; side++) {
        int level = f->level - 1;
        int64_t child = 2 * i + side;
        bri_tree_normalise(s->nsteps, &level, &child);
        bri_key from = {s->id, (uint32_t)level,
                        f->chunk * bri_tree_width(s->nsteps, level) + child};
        s->kind->node_sizes(s, f->chunk, level, &child_sizes);
        BRI_TRY(connect_input(plan, job, t, side, from,
                              bri_stage_owner(s, f->chunk, child << level), child_sizes.output,
                              NULL));
    }
    product p = {s, f->chunk, key, true, plan->rank, sizes.output, 0};
    p.final = !parent_owner(s, f->chunk, f->level, i, &p.reader);
    return add_output(plan, job, t, &p);
}

/* ---- walking ---- */

/* Pushes the first need of the current step that nobody has emitted; false when all have been. */
static br_status see_to_needs(bri_emitter *e, frame *f, bool *pushed)
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
        return whole ? push_frame(e, &(frame){.stage = n.stage, .mode = WHOLE})
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
static int next_node(const frame *f)
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
        frame f = {.stage = reader, .mode = FOLLOW};
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

/* A pass's leaf has been emitted: each reduction goes on with its own, the first one first. */
static br_status follow_leaf(bri_emitter *e, const bri_stage *stage, int64_t leaf)
{
    bri_made made[BRI_MOST_MEMBERS];
    for (int i = bri_pass_makes(stage, leaf, made); i-- > 0;) {
        bri_stage *member = made[i].member;
        frame f = {.stage = member, .mode = NODES, .chunk = made[i].chunk, .step = made[i].step};
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
    frame *f = &e->stack[e->depth - 1];
    bri_stage *stage = f->stage;
    int64_t chunk = f->chunk;
    if (f->level == 0)
        set_bit(stage->steps_made, chunk * stage->nsteps + f->step);
    int made = f->level;
    f->mode = NODES;
    f->level = next_node(f);
    if (f->level > 0)
        return BR_OK;
    e->depth--;
    bool complete = stage->fold != BRI_FOLD_TREE || made == bri_tree_top(stage->nsteps);
    return complete ? follow_chunk(e, stage, chunk) : BR_OK;
}

/* Goes on to the next node, step or frame. */
static br_status move_on(bri_emitter *e)
{
    frame *f = &e->stack[e->depth - 1];
    if (f->mode != MAKE)
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
    if (stage->followed && !stage->streamed) /* a streamed one's readers have followed already */
        return follow_chunk(e, stage, chunk);
    return bri_is_pass(stage) ? follow_leaf(e, stage, chunk) : BR_OK;
}

/* Steps of streamed stages are made where they follow; here they are only waited for. */
static br_status make_current(bri_plan *plan, bri_job *job, frame *f, bri_task **task)
{
    int64_t place = f->level > 0 ? f->step >> f->level << f->level : f->step;
    if ((f->stage->streamed && f->mode == MAKE) || (f->mode == NODES && f->level == 0) ||
        bri_stage_owner(f->stage, f->chunk, place) != plan->rank)
        return BR_OK;
    br_status st = f->level > 0 ? make_node(plan, job, f, task) : make_step(plan, job, f, task);
    if (st != BR_OK && *task != NULL) {
        bri_task_abandon(job, *task);
        *task = NULL;
    }
    return st;
}

/* The next leaf of a pass that is made as a whole; the frame goes after the last one. */
static br_status next_leaf(bri_emitter *e)
{
    frame *f = &e->stack[e->depth - 1];
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
    while (e->root < plan->nroots && e->chunk == plan->roots[e->root]->nchunks) {
        e->root++;
        e->chunk = 0;
    }
    if (e->root == plan->nroots)
        return false;
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
    if (e->stack[top].mode == WHOLE)
        return next_leaf(e);
    if (e->stack[top].level == 0 && e->stack[top].mode != NODES)
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

static br_status next(bri_job *job, bri_task **task)
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

/* How deep the thread is in tasks: waiting inside one may run others; and whether the innermost one
 * asked for what it may not do. */
static _Thread_local int tasks_deep;
static _Thread_local bool refused;

/* Not stored in the context, which belongs to the thread that builds. */
br_status bri_check_outside_task(void)
{
    if (tasks_deep == 0)
        return BR_OK;
    refused = true;
    return bri_error(BR_EUNSUPPORTED,
                     "a function called by a task cannot compute or store arrays itself");
}

/* Whether its function passes the refusal on or not: without what it asked for its values are
 * wrong. */
static br_status refuse(br_status st)
{
    static const char why[] = "it cannot compute or store arrays while a task calls it";
    return st == BR_OK
               ? bri_error(BR_EUNSUPPORTED, "the function asked for the impossible: %s", why)
               : bri_error_context(st, "%s", why);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static br_status execute_timed(bri_work *work)
{
    int64_t start = now_ns();
    br_status st = work->stage->kind->execute(work);
    bri_balance_count(work->stage, work->task, now_ns() - start);
    return st;
}

static br_status execute(bri_job *job, bri_task *task, void *scratch)
{
    bri_plan *plan = job->plan;
    bri_work work = {
        .plan = plan,
        .job = job,
        .stage = plan->stages[task->kind],
        .task = task,
        .chunk = task->argument[0],
        .step = task->argument[1],
        .scratch = scratch,
    };
    bool outer = refused;
    refused = false;
    tasks_deep++;
    br_status st = bri_balance_counts(work.stage, task) ? execute_timed(&work)
                                                        : work.stage->kind->execute(&work);
    tasks_deep--;
    if (refused)
        st = refuse(st);
    refused = outer;
    return st;
}

static void describe(bri_job *job, const bri_task *task, char *text, size_t size)
{
    const bri_plan *plan = job->plan;
    bri_describe(plan->stages[task->kind], task->argument[0], text, size);
}

static void describe_value(bri_job *job, bri_key key, char *text, size_t size)
{
    const bri_plan *plan = job->plan;
    bri_describe_value(plan->stages[key.stage], key, text, size);
}

static void name_function(bri_job *job, const bri_task *task, char *text, size_t size)
{
    const bri_plan *plan = job->plan;
    bri_describe_function(plan->stages[task->kind], text, size);
}

/* A step, not a node of a tree, which reads nothing that only its owner has. */
static bool lendable(bri_job *job, const bri_task *task, int64_t *nanoseconds)
{
    const bri_plan *plan = job->plan;
    const bri_stage *stage = task->kind >= 0 ? plan->stages[task->kind] : NULL;
    bool node = stage != NULL && stage->fold == BRI_FOLD_TREE && task->key.level > 0;
    if (stage == NULL || job->spill != NULL || node || stage->kind->owner != NULL ||
        task->output == NULL || bri_is_supplied(stage) || bri_reads_at_hand(stage))
        return false;
    for (unsigned i = 0; i < task->ninputs; i++) {
        const bri_value *v = task->inputs[i].value;
        if (v->borrowed || v->data == NULL || bri_is_supplied(plan->stages[v->key.stage]))
            return false;
    }
    *nanoseconds = bri_balance_cost(stage);
    return true;
}

static br_status borrow(bri_job *job, const bri_borrowed *what, int lender, bri_task **task)
{
    bri_plan *plan = job->plan;
    frame f = {.stage = plan->stages[what->kind],
               .chunk = what->argument[0],
               .step = what->argument[1],
               .lender = lender + 1};
    br_status st = bri_needs_of(f.stage, f.chunk, f.step, &f.needs);
    if (st == BR_OK)
        st = make_step(plan, job, &f, task);
    bri_free(f.needs.need);
    if (st != BR_OK && *task != NULL) {
        bri_task_abandon(job, *task);
        *task = NULL;
    }
    return st;
}

const bri_job_ops bri_plan_job_ops = {.next = next,
                                      .execute = execute,
                                      .describe = describe,
                                      .name = describe_value,
                                      .function = name_function,
                                      .settle = bri_balance_settle,
                                      .lendable = lendable,
                                      .borrow = borrow,
                                      .supplies = bri_supply_sizes,
                                      .supply = bri_supply_value};
