/* SPDX-License-Identifier: BSD-3-Clause
 * stage_mirror.c - leaves of a reduction that read the same as their mirror images, in pairs.
 *
 * In x + x' leaf (i, j) reads the same two boxes of x as leaf (j, i), each transposed. One task
 * makes both of them, tile by tile: while the tiles (a, b) and (b, a) are in the cache each leaf
 * takes its turn, so that either box comes from memory, or from its file, once. Each leaf keeps its
 * own order of operations: a tile is as long as a block of a reduction along the last axis, and
 * many blocks long along the first, so the states of tiles merge by the aligned tree to the bits of
 * the leaf alone.
 */
#include <string.h>

#include "array/plan/pass.h"
#include "array/plan/reduce_leaf.h"
#include "runtime/alloc.h"

enum { TILE = BRI_LANE_BLOCK }; /* two of them stay in the caches; a multiple of BRI_ROW_BLOCK */

typedef struct mirror {
    bri_stage *member;
    int twin[]; /* for each input the one that is its mirror image, maybe itself */
} mirror;

/* ---- building ---- */

static bri_map mirrored_map(const bri_map *map)
{
    bri_map out = *map;
    for (int a = 0; a < map->ndim; a++)
        if (map->from[a].axis >= 0)
            out.from[a].axis = 1 - map->from[a].axis;
    return out;
}

static int find_twin(const bri_stage *stage, int input)
{
    const bri_input *of = &stage->inputs[input];
    bri_map map = mirrored_map(&of->map);
    for (int i = 0; i < stage->ninputs; i++) {
        const bri_input *with = &stage->inputs[i];
        if (with->from == of->from && with->stage == of->stage && with->node == of->node &&
            bri_map_equal(&with->map, &map))
            return i;
    }
    return -1;
}

/* Are there mirror images of all inputs, and of some one that is another? */
static bool find_twins(const bri_stage *stage, int *twin)
{
    bool pays = false;
    for (int i = 0; i < stage->ninputs; i++) {
        twin[i] = find_twin(stage, i);
        if (twin[i] < 0)
            return false;
        pays = pays || twin[i] != i;
    }
    return pays;
}

static br_status make_stage(bri_plan *plan, bri_stage *member, mirror *m)
{
    bri_stage *stage = bri_stage_new(plan, &bri_stage_mirror, member->node);
    br_status st = BR_OK;
    if (stage == NULL) {
        bri_free(m);
        return BR_ENOMEM;
    }
    stage->data = m;
    stage->dtype = member->dtype;
    stage->ndim = stage->leaf_ndim = 2;
    for (int a = 0; a < 2; a++) {
        stage->axis[a] = bri_axis_share(&member->leaf_axis[a]);
        stage->leaf_axis[a] = bri_axis_share(&member->leaf_axis[a]);
    }
    for (int i = 0, index; i < member->ninputs && st == BR_OK; i++)
        st = bri_stage_add_input(stage, &member->inputs[i], &index);
    BRI_TRY(bri_stage_finish(plan, stage, st));
    BRI_TRY(bri_pass_redirect(member, stage));
    plan->npasses++;
    plan->could |= BRI_APART;
    return bri_program_seal_reduce(member->program, member->result, member->reducing.op);
}

br_status bri_mirror_leaves(bri_plan *plan, bri_stage *member)
{
    if (member->leaf_ndim != 2 || !bri_axis_equal(&member->leaf_axis[0], &member->leaf_axis[1]))
        return BR_OK;
    mirror *m = bri_calloc(1, sizeof *m + (size_t)member->ninputs * sizeof m->twin[0]);
    if (m == NULL)
        return BR_ENOMEM;
    m->member = member;
    if (find_twins(member, m->twin))
        return make_stage(plan, member, m);
    bri_free(m);
    return BR_OK;
}

static br_status no_build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    (void)stage;
    return BR_OK;
}

static void destroy(bri_stage *stage)
{
    bri_free(stage->data);
}

/* ---- which task makes what ---- */

static int64_t mirror_image(const bri_stage *stage, int64_t leaf)
{
    int64_t n = stage->axis[0].nchunks;
    return leaf % n * n + leaf / n;
}

int64_t bri_mirror_task(const bri_stage *stage, int64_t leaf)
{
    int64_t image = mirror_image(stage, leaf);
    return image < leaf ? image : leaf;
}

int bri_mirror_makes(const bri_stage *stage, int64_t leaf, bri_made *made)
{
    bri_stage *member = ((const mirror *)stage->data)->member;
    int64_t image = mirror_image(stage, leaf);
    bri_pass_made(stage, leaf, member, &made[0]);
    if (image != leaf)
        bri_pass_made(stage, image, member, &made[1]);
    return image != leaf ? 2 : 1;
}

bool bri_mirror_loads(const bri_stage *stage, int64_t leaf, int input)
{
    const mirror *m = stage->data;
    return mirror_image(stage, leaf) != leaf || m->twin[input] >= input;
}

/* Contiguous runs of the leaves that have tasks: (i, j) with i <= j, row by row. */
static int owner(const bri_stage *stage, int64_t chunk, int64_t step)
{
    (void)step;
    int64_t n = stage->axis[0].nchunks;
    int64_t task = bri_mirror_task(stage, chunk);
    int64_t i = task / n;
    int64_t j = task % n;
    __int128 before = (__int128)i * n - (__int128)i * (i - 1) / 2 + (j - i);
    return (int)(before * stage->plan->nranks / ((__int128)n * (n + 1) / 2));
}

/* ---- a leaf at work ---- */

/* One of the two leaves. The states of its tiles along the program's axis stand apart: each has
 * all elements of the other axis. */
typedef struct half {
    bri_leaf leaf;
    bri_view *views;
    char *states;
    size_t each; /* bytes of a part of the states */
    char *other; /* as large as a part */
    bool wanted;
} half;

typedef struct pair {
    const bri_stage *stage, *member;
    int axis; /* that the program reduces */
    half half[2];
    int n; /* halves: 1 on the diagonal */
    void *scratch;
    char *tile; /* states of one tile */
} pair;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void lay_out_half(const pair *p, const bri_leaf *leaf, bri_bump *bump, half *h)
{
    int64_t parts = (leaf->extent[p->axis] + TILE - 1) / TILE;
    h->leaf = *leaf;
    h->each = (bri_states_bytes(p->member, leaf->extent[1 - p->axis]) + 63) / 64 * 64;
    h->views = bri_bump_take(bump, (size_t)p->stage->ninputs * sizeof *h->views);
    h->states = bri_bump_take(bump, (size_t)parts * h->each);
    h->other = bri_bump_take(bump, h->each);
}

static bri_leaf turned(const bri_leaf *leaf)
{
    bri_leaf out = *leaf;
    out.origin[0] = leaf->origin[1];
    out.origin[1] = leaf->origin[0];
    out.extent[0] = leaf->extent[1];
    out.extent[1] = leaf->extent[0];
    return out;
}

static pair lay_out(const bri_stage *stage, int64_t chunk, bri_bump *bump)
{
    pair p = {.stage = stage, .member = ((const mirror *)stage->data)->member};
    bri_leaf leaf;
    bri_leaf_box(stage, chunk, 0, &leaf);
    bri_leaf image = turned(&leaf);
    p.axis = p.member->reducing.axes >> 1 & 1;
    p.n = mirror_image(stage, chunk) == chunk ? 1 : 2;
    p.scratch = bri_bump_take(bump, bri_program_scratch(p.member->program));
    p.tile = bri_bump_take(bump, bri_states_bytes(p.member, TILE));
    lay_out_half(&p, &leaf, bump, &p.half[0]);
    lay_out_half(&p, &image, bump, &p.half[1]);
    return p;
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_bump bump = {0};
    bri_made made[2];
    (void)step;
    pair p = lay_out(stage, chunk, &bump);
    for (int i = 0; i < stage->ninputs; i++)
        if (bri_mirror_loads(stage, chunk, i))
            bri_load_sizes(stage, i, &p.half[0].leaf, &bump);
    sizes->scratch = bump.used;
    sizes->output = 0;
    for (int i = bri_mirror_makes(stage, chunk, made); i-- > 0;)
        sizes->output += made[i].value ? made[i].bytes : 0;
}

static void turn_view(const bri_view *from, bri_view *to)
{
    *to = *from;
    to->stride[0] = from->stride[1];
    to->stride[1] = from->stride[0];
}

/* What the first leaf reads serves both. */
static br_status load(bri_work *work, pair *p, bri_bump *bump)
{
    const mirror *m = p->stage->data;
    bri_view *views = p->half[0].views;
    bri_view *image = p->half[1].views;
    for (int i = 0; i < p->stage->ninputs; i++)
        if (bri_mirror_loads(p->stage, work->chunk, i))
            BRI_TRY(bri_load(work, i, &p->half[0].leaf, bump, &views[i]));
        else
            turn_view(&views[m->twin[i]], &views[i]);
    for (int i = 0; i < p->stage->ninputs; i++)
        turn_view(&views[m->twin[i]], &image[i]);
    return BR_OK;
}

/* The states of a tile to their place among those of their part: plane by plane. */
static void place(const pair *p, const half *h, int64_t part, int64_t at, int64_t n)
{
    const bri_reducing *r = &p->member->reducing;
    int64_t all = h->leaf.extent[1 - p->axis];
    char *to = h->states + (size_t)part * h->each;
    const char *from = p->tile;
    for (int plane = 0; plane < bri_state_planes(r->op); plane++) {
        size_t size = br_dtype_size(bri_state_dtype(r->op, r->operand, plane));
        memcpy(to + (size_t)at * size, from, (size_t)n * size);
        to += (size_t)all * size;
        from += (size_t)n * size;
    }
}

static void run_tile(const pair *p, const half *h, int64_t row, int64_t column)
{
    bri_view views[BRI_MAX_PASS_INPUTS];
    bri_box box = {.ndim = 2, .axis = p->axis, .inputs = views, .scratch = p->scratch};
    int64_t at[2] = {row, column};
    for (int a = 0; a < 2; a++) {
        box.origin[a] = h->leaf.origin[a] + at[a];
        box.extent[a] = smaller(h->leaf.extent[a] - at[a], TILE);
    }
    for (int i = 0; i < p->stage->ninputs; i++) {
        views[i] = h->views[i];
        views[i].base += row * views[i].stride[0] + column * views[i].stride[1];
    }
    box.state = p->tile;
    bri_program_run(p->member->program, &box);
    place(p, h, at[p->axis] / TILE, at[1 - p->axis], box.extent[1 - p->axis]);
}

static void run_tiles(const pair *p)
{
    const half *h = &p->half[0];
    const half *image = &p->half[p->n - 1];
    for (int64_t row = 0; row < h->leaf.extent[0]; row += TILE)
        for (int64_t column = p->n == 1 ? row : 0; column < h->leaf.extent[1]; column += TILE) {
            if (h->wanted)
                run_tile(p, h, row, column);
            if (image->wanted && (p->n == 2 || row != column))
                run_tile(p, image, column, row);
        }
}

/* ---- the end of a leaf ---- */

/* States on their way up the aligned tree: a binary counter. */
typedef struct stack {
    int depth;
    int level[64];
    int64_t count[64];
    char *state[64];
} stack;

static void merge_top(const pair *p, const half *h, stack *s)
{
    const bri_reducing *r = &p->member->reducing;
    int i = s->depth - 2;
    bri_state_merge(r->op, r->operand, h->leaf.extent[1 - p->axis], s->state[i], s->count[i],
                    s->state[i + 1], s->count[i + 1]);
    s->count[i] += s->count[i + 1];
    s->level[i]++;
    s->depth--;
}

static char *merged(const pair *p, const half *h)
{
    stack s = {0};
    int64_t n = h->leaf.extent[p->axis];
    for (int64_t at = 0; at < n; at += TILE) {
        s.state[s.depth] = h->states + (size_t)(at / TILE) * h->each;
        s.count[s.depth] = smaller(n - at, TILE);
        s.level[s.depth++] = 0;
        while (s.depth > 1 && s.level[s.depth - 1] == s.level[s.depth - 2])
            merge_top(p, h, &s);
    }
    while (s.depth > 1)
        merge_top(p, h, &s);
    return s.state[0];
}

static br_status deliver(const pair *p, const half *h, const bri_made *made, bri_value *value)
{
    const bri_stage *member = p->member;
    char what[256];
    bri_leaf box = h->leaf;
    int64_t each = box.extent[p->axis];
    box.extent[p->axis] = 1;
    char *state = merged(p, h);
    state =
        bri_reduce_states(member, member->reducing.op, &box, p->axis - 1, each, state, h->other);
    br_status st = bri_reduce_deliver(member, bri_state_elements(member, &h->leaf), state,
                                      member->nsteps == 1, value->data);
    if (st == BR_OK)
        return st;
    bri_describe(member, made->chunk, what, sizeof what);
    return bri_error_context(st, "%s", what);
}

static br_status execute(bri_work *work)
{
    bri_bump bump = {work->scratch, 0};
    bri_made made[2];
    pair p = lay_out(work->stage, work->chunk, &bump);
    BRI_TRY(load(work, &p, &bump));
    int n = bri_mirror_makes(work->stage, work->chunk, made);
    for (int i = 0; i < n; i++)
        p.half[i].wanted = made[i].wanted;
    run_tiles(&p);
    bri_value *value = work->task->output;
    for (int i = 0; i < n; i++) {
        if (!made[i].value)
            continue;
        BRI_TRY(deliver(&p, &p.half[i], &made[i], value));
        value = value->next_output;
    }
    return BR_OK;
}

const bri_stage_kind bri_stage_mirror = {.name = "pairs of leaves for",
                                         .build = no_build,
                                         .sizes = sizes,
                                         .execute = execute,
                                         .owner = owner,
                                         .destroy = destroy};
