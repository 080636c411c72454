/* SPDX-License-Identifier: BSD-3-Clause
 * stage_pass.c - running a leaf of a pass: load, then all pieces on a slab that stays in the cache.
 */
#include <string.h>

#include "array/plan/pass.h"
#include "array/plan/reduce_leaf.h"
#include "array/plan/slab.h"
#include "runtime/alloc.h"

enum { CACHED_BYTES = 256 << 10 };

static bool reduces(const bri_stage *member)
{
    return member->kind == &bri_stage_reduce;
}

void bri_pass_made(const bri_stage *pass, int64_t leaf, bri_stage *member, bri_made *made)
{
    int64_t coord[BR_MAX_NDIM];
    bri_leaf box;
    made->member = member;
    bri_grid_coords(pass->leaf_ndim, pass->leaf_axis, leaf, coord);
    bri_leaf_place(member, coord, &made->chunk, &made->step);
    bri_leaf_box(pass, leaf, 0, &box);
    made->bytes = reduces(member) ? bri_reduce_leaf_bytes(member, &box)
                                  : (size_t)box.nelem * br_dtype_size(member->dtype);
    made->wanted = bri_is_demanded(member, made->chunk);
    made->value = made->wanted && !member->direct_result;
}

int bri_pass_makes(const bri_stage *pass, int64_t leaf, bri_made *made)
{
    if (pass->kind == &bri_stage_mirror)
        return bri_mirror_makes(pass, leaf, made);
    const bri_pass *p = bri_pass_of(pass);
    for (int i = p->nvalues; i < p->npieces; i++)
        bri_pass_made(pass, leaf, p->piece[i].member, &made[i - p->nvalues]);
    return p->npieces - p->nvalues;
}

/* What all pieces work on before the next one: what they read of it stays in the cache. */
static bri_slabs cached_slabs(const bri_stage *stage, const bri_leaf *leaf, const bri_slabs *loaded)
{
    const bri_pass *pass = bri_pass_of(stage);
    size_t element = 0;
    for (int i = 0; i < stage->ninputs; i++)
        element += br_dtype_size(stage->inputs[i].node->dtype);
    for (int i = 0; i < pass->nvalues; i++)
        element += br_dtype_size(pass->piece[i].dtype);
    return bri_slabs_finer(stage, leaf, loaded, (int64_t)element, CACHED_BYTES);
}

/* A leaf's work: where everything stands in the scratch. */
typedef struct layout {
    bri_slabs loaded;        /* at a time, */
    bri_slabs cached;        /* and worked on: parts of them */
    void *scratch;           /* of one program */
    bri_view *views;         /* of all inputs and values, of the part in work */
    bri_view *whole;         /* of the inputs, of what is loaded */
    bri_reduce_leaf *reduce; /* of each piece that is a reduction */
    bri_value **value;       /* of each piece that has one */
    size_t used;
} layout;

/* A value's room is one slab, dense. */
static void place_value(const bri_leaf *slab, int ndim, size_t size, bri_bump *bump, bri_view *view)
{
    int64_t stride = (int64_t)size;
    memset(view, 0, sizeof *view);
    for (int a = ndim - 1; a >= 0; a--) {
        view->stride[a] = stride;
        stride *= slab->extent[a];
    }
    view->base = bri_bump_take(bump, (size_t)stride);
}

static size_t largest_scratch(const bri_pass *pass)
{
    size_t most = 0;
    for (int i = 0; i < pass->npieces; i++) {
        const bri_program *program = pass->piece[i].program;
        size_t bytes = program != NULL ? bri_program_scratch(program) : 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* With a bump that only counts nothing is written. */
static layout lay_out(const bri_stage *stage, const bri_leaf *leaf, bri_bump *bump)
{
    const bri_pass *pass = bri_pass_of(stage);
    layout l;
    l.loaded = bri_slabs_of(stage, leaf);
    l.cached = cached_slabs(stage, leaf, &l.loaded);
    l.scratch = bri_bump_take(bump, largest_scratch(pass));
    l.views = bri_bump_take(bump, (size_t)(stage->ninputs + pass->nvalues) * sizeof *l.views);
    l.whole = bri_bump_take(bump, (size_t)stage->ninputs * sizeof *l.whole);
    l.reduce = bri_bump_take(bump, (size_t)pass->npieces * sizeof *l.reduce);
    l.value = bri_bump_take(bump, (size_t)pass->npieces * sizeof(bri_value *));
    bri_leaf room;
    const bri_leaf *slab = bri_slab_in(leaf, &l.cached, 0, &room);
    for (int i = 0; i < pass->npieces; i++) {
        const bri_piece *piece = &pass->piece[i];
        bri_view view;
        bri_reduce_leaf reduce;
        bool counting = bump->base == NULL;
        if (piece->member == NULL)
            place_value(slab, stage->leaf_ndim, br_dtype_size(piece->dtype), bump,
                        counting ? &view : &l.views[stage->ninputs + i]);
        else if (reduces(piece->member) && piece->with < 0)
            bri_reduce_leaf_start(counting ? &reduce : &l.reduce[i], piece->member, piece->op, leaf,
                                  &l.cached, bump);
    }
    l.used = bump->used;
    return l;
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_made made[BRI_MOST_MEMBERS];
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    layout l = lay_out(stage, &leaf, &bump);
    bri_slab_load_sizes(stage, &leaf, &l.loaded, &bump);
    sizes->scratch = bump.used;
    sizes->output = 0;
    for (int i = bri_pass_makes(stage, chunk, made); i-- > 0;)
        sizes->output += made[i].value ? made[i].bytes : 0;
}

/* A leaf at work. */
typedef struct pass_run {
    bri_work *work;
    bri_leaf leaf;
    layout l;
    bri_made made[BRI_MOST_MEMBERS];
} pass_run;

/* What piece i makes; NULL when that is for other pieces. */
static const bri_made *made_by(const pass_run *r, int i)
{
    int before = bri_pass_of(r->work->stage)->nvalues;
    return i < before ? NULL : &r->made[i - before];
}

/* Is what piece i computes needed, by itself or by one that has its states of it? */
static bool is_run(const pass_run *r, int i)
{
    const bri_pass *pass = bri_pass_of(r->work->stage);
    bool wanted = made_by(r, i) == NULL || made_by(r, i)->wanted;
    for (int k = pass->nvalues; k < pass->npieces; k++)
        wanted = wanted || (pass->piece[k].with == i && made_by(r, k)->wanted);
    return wanted && pass->piece[i].program != NULL;
}

/* Runs one piece on the part in work. */
static void run_piece(const pass_run *r, int i, const bri_leaf *slab)
{
    const bri_stage *stage = r->work->stage;
    const bri_piece *piece = &bri_pass_of(stage)->piece[i];
    const bri_stage *member = piece->member;
    bri_view views[BRI_MAX_PASS_INPUTS];
    bri_box box = {.ndim = stage->leaf_ndim, .inputs = views, .scratch = r->l.scratch};
    memcpy(box.extent, slab->extent, sizeof box.extent);
    memcpy(box.origin, slab->origin, sizeof box.origin);
    for (int k = 0; k < bri_program_ninputs(piece->program); k++)
        views[k] = r->l.views[piece->slot[k]];
    if (member != NULL && reduces(member)) {
        bri_reduce_leaf_slab(&r->l.reduce[i], piece->program, &box);
        return;
    }
    if (member == NULL) {
        box.out = r->l.views[stage->ninputs + i];
    } else {
        bri_output_view(member, &r->leaf, r->l.value[i], &box.out);
        box.out.base += bri_slab_offset(stage->leaf_ndim, &r->leaf, slab, box.out.stride);
    }
    bri_program_run(piece->program, &box);
}

/* Loads a slab and takes all pieces over it, a cacheful at a time. */
static br_status run_loaded(const pass_run *r, const bri_leaf *loaded)
{
    const bri_stage *stage = r->work->stage;
    const bri_pass *pass = bri_pass_of(stage);
    const layout *l = &r->l;
    const int ndim = stage->leaf_ndim;
    bri_slabs parts = bri_slabs_along(loaded, l->cached.axis, l->cached.across, l->cached.rows);
    bri_leaf room;
    bri_bump bump = {r->work->scratch, l->used};
    BRI_TRY(bri_load_all(r->work, loaded, &bump, l->whole));
    memcpy(l->views, l->whole, (size_t)stage->ninputs * sizeof *l->views);
    for (int64_t k = 0; k < parts.n; k++) {
        const bri_leaf *slab = bri_slab_in(loaded, &parts, k, &room);
        for (int i = 0; i < stage->ninputs && k > 0; i++)
            l->views[i].base =
                l->whole[i].base + bri_slab_offset(ndim, loaded, slab, l->whole[i].stride);
        for (int i = 0; i < pass->npieces; i++)
            if (is_run(r, i))
                run_piece(r, i, slab);
    }
    return BR_OK;
}

/* Outputs stand in the order of the pieces that have one. */
static void find_values(pass_run *r)
{
    const bri_stage *stage = r->work->stage;
    const bri_pass *pass = bri_pass_of(stage);
    bri_value *next = r->work->task->output;
    for (int i = pass->nvalues; i < pass->npieces; i++) {
        bool has = made_by(r, i)->value;
        r->l.value[i] = has ? next : NULL;
        next = has ? next->next_output : next;
    }
}

/* The reduction that makes piece i's states, and the first of their planes. */
static bri_reduce_leaf *maker(const pass_run *r, int i, int *plane)
{
    const bri_piece *piece = bri_pass_of(r->work->stage)->piece;
    const int with = piece[i].with;
    *plane = with >= 0 ? bri_state_planes(piece[with].member->reducing.op) : 0;
    return &r->l.reduce[with >= 0 ? with : i];
}

static bool has_states(const pass_run *r, int i)
{
    return reduces(bri_pass_of(r->work->stage)->piece[i].member) && r->l.value[i] != NULL;
}

/* States that are values as they are are made there. */
static void place_states(const pass_run *r)
{
    const bri_pass *pass = bri_pass_of(r->work->stage);
    for (int i = pass->nvalues; i < pass->npieces; i++) {
        const bri_stage *member = pass->piece[i].member;
        int plane;
        if (!has_states(r, i) || bri_reduce_leaf_is_all(member))
            continue;
        bri_reduce_leaf *leaf = maker(r, i, &plane);
        bri_reduce_leaf_into(leaf, plane, member->reducing.op, r->l.value[i]->data);
    }
}

static void end_states(const pass_run *r)
{
    const bri_pass *pass = bri_pass_of(r->work->stage);
    for (int i = pass->nvalues; i < pass->npieces; i++)
        if (pass->piece[i].with < 0 && reduces(pass->piece[i].member) && is_run(r, i))
            bri_reduce_leaf_end(&r->l.reduce[i]);
}

/* Writes a reduction's state out; what its results cannot be is told with its own name. */
static br_status deliver(const pass_run *r, int i)
{
    const bri_made *made = made_by(r, i);
    const bri_stage *member = made->member;
    char what[256];
    int plane;
    const char *state = maker(r, i, &plane)->home[plane];
    br_status st = bri_reduce_deliver(member, bri_state_elements(member, &r->leaf), state,
                                      member->nsteps == 1, r->l.value[i]->data);
    if (st == BR_OK)
        return st;
    bri_describe(member, made->chunk, what, sizeof what);
    return bri_error_context(st, "%s", what);
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_pass *pass = bri_pass_of(stage);
    pass_run r = {.work = work};
    work->holds = true;
    bri_bump bump = {work->scratch, 0};
    bri_leaf_box(stage, work->chunk, work->step, &r.leaf);
    r.l = lay_out(stage, &r.leaf, &bump);
    bri_pass_makes(stage, work->chunk, r.made);
    find_values(&r);
    place_states(&r);
    bri_leaf room;
    for (int64_t i = 0; i < r.l.loaded.n && r.leaf.nelem > 0; i++)
        BRI_TRY(run_loaded(&r, bri_slab_in(&r.leaf, &r.l.loaded, i, &room)));
    end_states(&r);
    for (int i = pass->nvalues; i < pass->npieces; i++)
        if (has_states(&r, i))
            BRI_TRY(deliver(&r, i));
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
    bri_pass *pass = stage->data;
    for (int i = 0; pass != NULL && i < pass->npieces; i++) {
        bri_program_free(pass->piece[i].program);
        bri_free(pass->piece[i].slot);
    }
    bri_free(pass);
}

const bri_stage_kind bri_stage_pass = {
    .name = "pass", .build = no_build, .sizes = sizes, .execute = execute, .destroy = destroy};
