/* SPDX-License-Identifier: BSD-3-Clause
 * share.c - reductions and results that read the same on the same grid become one pass; then all
 * programs are sealed.
 *
 * Stages at the same level (the longest way down to a source) cannot depend on each other, so they
 * may be joined, and joining whole levels makes no cycle.
 */
#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/pass.h"
#include "array/plan/sink.h"
#include "runtime/alloc.h"

enum {
    /* Finished values that may be held until their readers come: then a pass goes through its
     * leaves in C order, as they are stored. */
    HELD_BYTES = 16 << 20
};

/* Stages on their way into a pass. */
typedef struct group {
    bri_stage *member[BRI_MOST_MEMBERS];
    int nmembers;
    bri_input *inputs; /* of all, each once */
    size_t room;
    int ninputs;
} group;

static int level_of(const bri_stage *stage, const int *level)
{
    int most = 0;
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_input *input = &stage->inputs[i];
        int below = input->from == BRI_FROM_STAGE ? level[input->stage->id] + 1 : 1;
        most = below > most ? below : most;
    }
    return most;
}

/* ---- who may join ---- */

static bool is_reduction(const bri_stage *stage)
{
    return stage->kind == &bri_stage_reduce && !stage->reducing.states && stage->reducing.axes != 0;
}

/* A block program whose chunks are taken away as they are made. */
static bool is_result(const bri_stage *stage)
{
    bool taken = stage->kind == &bri_stage_program && stage->leaf_ndim > 0;
    for (int i = 0; i < stage->nconsumers; i++)
        taken = taken && bri_is_sink(stage->consumers[i].stage);
    return taken;
}

static bool may_join(const bri_stage *stage)
{
    if (stage->pass != NULL || stage->ninputs > BRI_MAX_PASS_INPUTS ||
        !(is_reduction(stage) || is_result(stage)))
        return false;
    for (int a = 0; a < stage->leaf_ndim; a++)
        if (stage->leaf_axis[a].extent == 0)
            return false;
    return true;
}

static bool same_grid(const bri_stage *a, const bri_stage *b)
{
    if (a->leaf_ndim != b->leaf_ndim)
        return false;
    for (int i = 0; i < a->leaf_ndim; i++)
        if (!bri_axis_equal(&a->leaf_axis[i], &b->leaf_axis[i]))
            return false;
    return true;
}

static bool same_input(const bri_input *a, const bri_input *b)
{
    return a->from == b->from && a->stage == b->stage && a->node == b->node &&
           bri_map_equal(&a->map, &b->map);
}

static int find_input(const group *g, const bri_input *input)
{
    int i = 0;
    while (i < g->ninputs && !same_input(&g->inputs[i], input))
        i++;
    return i;
}

static const bri_node *operand(const bri_stage *stage)
{
    return is_reduction(stage) ? stage->node->input[0] : stage->node;
}

/* Something is saved when they read a common source or have a common operand. */
static bool shares(const group *g, const bri_stage *stage)
{
    for (int i = 0; i < stage->ninputs; i++)
        if (find_input(g, &stage->inputs[i]) < g->ninputs)
            return true;
    for (int k = 0; k < g->nmembers; k++)
        if (operand(g->member[k]) == operand(stage))
            return true;
    return false;
}

static br_status join(group *g, bri_stage *stage)
{
    for (int i = 0; i < stage->ninputs; i++) {
        if (find_input(g, &stage->inputs[i]) < g->ninputs)
            continue;
        BRI_TRY(bri_grow(&g->inputs, &g->room, (size_t)g->ninputs, sizeof *g->inputs));
        g->inputs[g->ninputs++] = stage->inputs[i];
    }
    g->member[g->nmembers++] = stage;
    return BR_OK;
}

/* All that join stage `first`; inputs and the values they share have places for all. */
static br_status gather(bri_plan *plan, int first, const int *level, group *g)
{
    BRI_TRY(join(g, plan->stages[first]));
    for (int i = first + 1; i < plan->nstages && g->nmembers < BRI_MOST_MEMBERS; i++) {
        bri_stage *s = plan->stages[i];
        /* Passes made before stand behind the stages that have a level; they may not join. */
        if (may_join(s) && level[i] == level[first] && same_grid(s, g->member[0]) &&
            g->ninputs + s->ninputs + g->nmembers < BRI_MAX_PASS_INPUTS && shares(g, s))
            BRI_TRY(join(g, s));
    }
    return BR_OK;
}

/* ---- pieces ---- */

static br_status member_slots(const group *g, const bri_stage *member, int **slot)
{
    *slot = bri_calloc((size_t)member->ninputs + 1, sizeof **slot);
    for (int i = 0; *slot != NULL && i < member->ninputs; i++)
        (*slot)[i] = find_input(g, &member->inputs[i]);
    return *slot != NULL ? BR_OK : BR_ENOMEM;
}

/* The first member that has the same operand as member k. */
static int leader(const group *g, int k)
{
    int i = 0;
    while (operand(g->member[i]) != operand(g->member[k]))
        i++;
    return i;
}

/* The leader's program makes the value; the members of its operand then just read it. */
static br_status add_value(const group *g, int k, bri_pass *pass)
{
    bri_stage *s = g->member[k];
    bri_piece *piece = &pass->piece[pass->npieces++];
    pass->nvalues++;
    piece->program = s->program;
    piece->with = -1;
    piece->made = operand(s);
    s->program = NULL;
    piece->dtype = bri_program_dtype(piece->program, s->result);
    BRI_TRY(bri_program_seal_store(piece->program, s->result));
    return member_slots(g, s, &piece->slot);
}

static br_status read_value(bri_piece *piece, br_dtype dtype, int slot, int *result)
{
    piece->program = bri_program_new();
    piece->slot = bri_calloc(1, sizeof *piece->slot);
    if (piece->program == NULL || piece->slot == NULL)
        return BR_ENOMEM;
    piece->slot[0] = slot;
    *result = bri_program_input(piece->program, dtype);
    return *result >= 0 ? BR_OK : BR_ENOMEM;
}

static br_status seal(const bri_stage *stage, bri_program *program, bri_redop op)
{
    return stage->kind == &bri_stage_reduce ? bri_program_seal_reduce(program, stage->result, op)
                                            : bri_program_seal_store(program, stage->result);
}

/* ---- joint reductions ---- */

static bool is_of(const bri_stage *stage, bri_redop a, bri_redop b)
{
    return is_reduction(stage) && (stage->reducing.op == a || stage->reducing.op == b);
}

/* A variance has the sum of the same elements on its way. */
static bool sums_for(const bri_stage *variance, const bri_stage *sum)
{
    return is_of(variance, BRI_RED_VAR, BRI_RED_STD) && is_of(sum, BRI_RED_SUM, BRI_RED_MEAN) &&
           operand(variance) == operand(sum) && variance->reducing.axes == sum->reducing.axes &&
           bri_kind(sum->reducing.operand) == 'f';
}

/* The first member whose variance member k's sum is part of, or -1. */
static int variance_of(const group *g, int k)
{
    for (int i = 0; i < g->nmembers; i++)
        if (sums_for(g->member[i], g->member[k]))
            return i;
    return -1;
}

/* An operand that several go through is made once, unless it is just read. */
static bool leads(const group *g, int k)
{
    int n = 0;
    for (int i = 0; i < g->nmembers; i++)
        n += operand(g->member[i]) == operand(g->member[k]) && variance_of(g, i) < 0;
    return leader(g, k) == k && n > 1 &&
           bri_program_computes(g->member[k]->program, g->member[k]->result);
}

static bri_redop operation(const group *g, int k)
{
    for (int i = 0; i < g->nmembers; i++)
        if (variance_of(g, i) == k)
            return BRI_RED_MOMENTS;
    return g->member[k]->reducing.op;
}

static br_status add_member(const group *g, int k, const int *value_of, bri_pass *pass)
{
    bri_stage *s = g->member[k];
    bri_piece *piece = &pass->piece[pass->npieces++];
    int value = value_of[leader(g, k)];
    piece->member = s;
    piece->op = operation(g, k);
    piece->with = variance_of(g, k);
    if (piece->with >= 0) {
        bri_program_free(s->program);
        s->program = NULL;
        piece->with += pass->nvalues;
        return BR_OK;
    }
    if (value >= 0) {
        bri_program_free(s->program);
        s->program = NULL;
        BRI_TRY(read_value(piece, pass->piece[value].dtype, g->ninputs + value, &s->result));
    } else {
        piece->program = s->program;
        s->program = NULL;
        BRI_TRY(member_slots(g, s, &piece->slot));
    }
    return seal(s, piece->program, piece->op);
}

static br_status add_pieces(const group *g, bri_pass *pass)
{
    int value_of[BRI_MOST_MEMBERS];
    for (int k = 0; k < g->nmembers; k++) {
        value_of[k] = leads(g, k) ? pass->nvalues : -1;
        if (value_of[k] >= 0)
            BRI_TRY(add_value(g, k, pass));
    }
    for (int k = 0; k < g->nmembers; k++)
        BRI_TRY(add_member(g, k, value_of, pass));
    return BR_OK;
}

/* ---- the pass ---- */

static void forget_reader(bri_stage *from, const bri_stage *reader)
{
    int kept = 0;
    for (int i = 0; i < from->nconsumers; i++)
        if (from->consumers[i].stage != reader)
            from->consumers[kept++] = from->consumers[i];
    from->nconsumers = kept;
}

/* The stage that reduces the states of this one further, or NULL. */
static bri_stage *next_of_reduction(const bri_stage *stage)
{
    bool more = stage->kind == &bri_stage_reduce && !stage->reducing.finishes;
    return more ? stage->consumers[0].stage : NULL;
}

/* The member reads the pass now, a leaf for a leaf. Later stages of the same reduction come with
 * it. */
br_status bri_pass_redirect(bri_stage *member, bri_stage *pass)
{
    for (int i = 0; i < member->ninputs; i++)
        if (member->inputs[i].from == BRI_FROM_STAGE)
            forget_reader(member->inputs[i].stage, member);
    bri_input input = {.from = BRI_FROM_STAGE,
                       .stage = pass,
                       .node = member->node,
                       .map = bri_map_identity(member->leaf_ndim)};
    int index;
    member->ninputs = 0;
    BRI_TRY(bri_stage_add_input(member, &input, &index));
    BRI_TRY(bri_stage_note_readers(member));
    member->pass = pass;
    for (bri_stage *s = member; s != NULL; s = next_of_reduction(s))
        s->streamed = true;
    return BR_OK;
}

/* Bytes of a member's finished values that are held for readers other than sinks. */
static double held_bytes(const bri_stage *member)
{
    const bri_stage *last = member;
    while (next_of_reduction(last) != NULL)
        last = next_of_reduction(last);
    bool held = false;
    for (int i = 0; i < last->nconsumers; i++)
        held = held || !bri_is_sink(last->consumers[i].stage);
    return held ? (double)bri_node_nelem(last->node) * (double)br_dtype_size(last->dtype) : 0;
}

static br_status make_pass(bri_plan *plan, const group *g)
{
    bri_stage *first = g->member[0];
    bri_stage *stage = bri_stage_new(plan, &bri_stage_pass, first->node);
    bri_pass *pass = bri_calloc(1, sizeof *pass + 2 * (size_t)g->nmembers * sizeof pass->piece[0]);
    double held = 0;
    br_status st = stage != NULL && pass != NULL ? BR_OK : BR_ENOMEM;
    if (stage != NULL) {
        stage->data = pass;
        stage->dtype = first->dtype;
        stage->ndim = stage->leaf_ndim = first->leaf_ndim;
        for (int a = 0; a < first->leaf_ndim; a++) {
            stage->axis[a] = bri_axis_share(&first->leaf_axis[a]);
            stage->leaf_axis[a] = bri_axis_share(&first->leaf_axis[a]);
        }
    }
    for (int i = 0, index; i < g->ninputs && st == BR_OK; i++)
        st = bri_stage_add_input(stage, &g->inputs[i], &index);
    if (st == BR_OK)
        st = add_pieces(g, pass);
    if (stage == NULL)
        bri_free(pass);
    if (stage == NULL)
        return st;
    BRI_TRY(bri_stage_finish(plan, stage, st));
    for (int k = 0; k < g->nmembers; k++) {
        BRI_TRY(bri_pass_redirect(g->member[k], stage));
        held += held_bytes(g->member[k]);
    }
    pass->whole = held <= HELD_BYTES;
    plan->npasses++;
    plan->could |= BRI_APART;
    return BR_OK;
}

/* ---- all of the plan ---- */

static bool inputs_placed(const bri_stage *stage, const bool *placed)
{
    for (int i = 0; i < stage->ninputs; i++)
        if ((stage->inputs[i].from == BRI_FROM_STAGE && !placed[stage->inputs[i].stage->id]) ||
            (stage->inputs[i].faces != NULL && !placed[stage->inputs[i].faces->id]))
            return false;
    return true;
}

/* Passes and faces came last, so few rounds do it. */
br_status bri_plan_renumber(bri_plan *plan)
{
    bri_stage **order = bri_calloc((size_t)plan->nstages, sizeof(bri_stage *));
    bool *placed = bri_calloc((size_t)plan->nstages, sizeof *placed);
    int n = 0;
    br_status st = order != NULL && placed != NULL ? BR_OK : BR_ENOMEM;
    while (st == BR_OK && n < plan->nstages)
        for (int i = 0; i < plan->nstages; i++)
            if (!placed[i] && inputs_placed(plan->stages[i], placed)) {
                placed[i] = true;
                order[n++] = plan->stages[i];
            }
    for (int i = 0; i < n; i++) {
        plan->stages[i] = order[i];
        plan->stages[i]->id = (uint32_t)i;
    }
    bri_free(placed);
    bri_free(order);
    return st;
}

static br_status seal_alone(bri_plan *plan)
{
    for (int i = 0; i < plan->nstages; i++) {
        bri_stage *s = plan->stages[i];
        bool computes = s->kind == &bri_stage_program || s->kind == &bri_stage_reduce;
        if (computes && s->program != NULL && s->pass == NULL)
            BRI_TRY(seal(s, s->program, s->reducing.op));
    }
    return BR_OK;
}

static br_status make_passes(bri_plan *plan, const int *level)
{
    int nstages = plan->nstages;
    for (int i = 0; i < nstages; i++) {
        group g = {0};
        if (!may_join(plan->stages[i]))
            continue;
        br_status st = gather(plan, i, level, &g);
        if (st == BR_OK && g.nmembers > 1)
            st = make_pass(plan, &g);
        else if (st == BR_OK && is_reduction(g.member[0]))
            st = bri_mirror_leaves(plan, g.member[0]);
        bri_free(g.inputs);
        BRI_TRY(st);
    }
    return plan->nstages > nstages ? bri_plan_renumber(plan) : BR_OK;
}

br_status bri_plan_share(bri_plan *plan)
{
    int *level = bri_calloc((size_t)plan->nstages + 1, sizeof *level);
    if (level == NULL)
        return BR_ENOMEM;
    for (int i = 0; i < plan->nstages; i++)
        level[i] = level_of(plan->stages[i], level);
    br_status st = plan->thrift & BRI_APART ? BR_OK : make_passes(plan, level);
    bri_free(level);
    return st == BR_OK ? seal_alone(plan) : st;
}
