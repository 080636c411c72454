/* SPDX-License-Identifier: BSD-3-Clause
 * stage_pass.c - running a leaf of a pass: load, then all pieces on a slab that stays in the cache.
 */
#include <string.h>

#include "array/plan/pass.h"
#include "array/plan/reduce_leaf.h"
#include "array/plan/slab.h"
#include "runtime/alloc.h"

enum { CACHED_BYTES = 256 << 10 };

void bri_pass_leaf(const bri_stage *pass, int64_t leaf, const bri_stage *member, int64_t *chunk,
                   int64_t *step)
{
    int64_t coord[BR_MAX_NDIM];
    bri_grid_coords(pass->leaf_ndim, pass->leaf_axis, leaf, coord);
    bri_leaf_place(member, coord, chunk, step);
}

/* Rows that all pieces work on before the next ones: what they read of them stays in the cache.
 * `loaded` is the number of rows loaded at a time, a multiple. */
static int64_t cached_rows(const bri_stage *stage, const bri_leaf *leaf, int64_t loaded)
{
    const bri_pass *pass = bri_pass_of(stage);
    size_t element = 0;
    if (stage->leaf_ndim == 0)
        return 1;
    for (int i = 0; i < stage->ninputs; i++)
        element += br_dtype_size(stage->inputs[i].node->dtype);
    for (int i = 0; i < pass->nvalues; i++)
        element += br_dtype_size(pass->piece[i].dtype);
    size_t row_bytes = element * (size_t)(leaf->nelem / leaf->extent[0]);
    int64_t rows = stage->leaf_ndim == 1 ? BRI_LANE_BLOCK : BRI_ROW_BLOCK;
    while (rows < loaded && 2 * (size_t)rows * row_bytes <= CACHED_BYTES)
        rows *= 2;
    return rows < loaded ? rows : loaded;
}

/* A leaf's work: where everything stands in the scratch. */
typedef struct layout {
    int64_t loaded, rows;    /* of axis 0, at a time */
    void *scratch;           /* of one program */
    bri_view *views;         /* of all inputs and values, at the rows in work */
    bri_view *whole;         /* of the inputs, at the loaded rows */
    bri_reduce_leaf *reduce; /* one for each reduction */
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
        size_t bytes = bri_program_scratch(pass->piece[i].program);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* With a bump that only counts nothing is written. */
static layout lay_out(const bri_stage *stage, const bri_leaf *leaf, bri_bump *bump)
{
    const bri_pass *pass = bri_pass_of(stage);
    layout l;
    l.loaded = bri_slab_rows(stage, leaf);
    l.rows = cached_rows(stage, leaf, l.loaded);
    l.scratch = bri_bump_take(bump, largest_scratch(pass));
    l.views = bri_bump_take(bump, (size_t)(stage->ninputs + pass->nvalues) * sizeof *l.views);
    l.whole = bri_bump_take(bump, (size_t)stage->ninputs * sizeof *l.whole);
    l.reduce = bri_bump_take(bump, (size_t)pass->npieces * sizeof *l.reduce);
    bri_leaf slab = bri_slab_of(leaf, 0, l.rows);
    for (int i = 0; i < pass->npieces; i++) {
        const bri_piece *piece = &pass->piece[i];
        bri_view view;
        bri_reduce_leaf reduce;
        bool counting = bump->base == NULL;
        if (piece->member == NULL)
            place_value(&slab, stage->leaf_ndim, br_dtype_size(piece->dtype), bump,
                        counting ? &view : &l.views[stage->ninputs + i]);
        else
            bri_reduce_leaf_start(counting ? &reduce : &l.reduce[i], piece->member, leaf, l.rows,
                                  bump);
    }
    l.used = bump->used;
    return l;
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    const bri_pass *pass = bri_pass_of(stage);
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    layout l = lay_out(stage, &leaf, &bump);
    bri_leaf slab = bri_slab_of(&leaf, 0, l.loaded);
    for (int i = 0; i < stage->ninputs; i++)
        bri_load_sizes(stage, i, &slab, &bump);
    sizes->scratch = bump.used;
    sizes->output = 0;
    for (int i = pass->nvalues; i < pass->npieces; i++)
        sizes->output += bri_reduce_leaf_bytes(pass->piece[i].member, &leaf);
}

/* Runs one piece on the rows in work. */
static void run_piece(const bri_stage *stage, int i, const layout *l, const bri_leaf *slab,
                      int64_t row)
{
    const bri_piece *piece = &bri_pass_of(stage)->piece[i];
    bri_view views[BRI_MAX_PASS_INPUTS];
    bri_box box;
    box.ndim = stage->leaf_ndim;
    memcpy(box.extent, slab->extent, sizeof box.extent);
    memcpy(box.origin, slab->origin, sizeof box.origin);
    for (int k = 0; k < bri_program_ninputs(piece->program); k++)
        views[k] = l->views[piece->slot[k]];
    box.inputs = views;
    box.scratch = l->scratch;
    if (piece->member != NULL) {
        bri_reduce_leaf_slab(&l->reduce[i], piece->program, row, &box);
    } else {
        box.out = l->views[stage->ninputs + i];
        bri_program_run(piece->program, &box);
    }
}

/* Loads rows [row, row + loaded) and takes all pieces over them, a cacheful at a time. */
static br_status run_loaded(bri_work *work, const bri_leaf *leaf, const layout *l, int64_t row)
{
    const bri_stage *stage = work->stage;
    bri_leaf loaded = bri_slab_of(leaf, row, l->loaded);
    bri_bump bump = {work->scratch, l->used};
    for (int i = 0; i < stage->ninputs; i++)
        BRI_TRY(bri_load(work, i, &loaded, &bump, &l->whole[i]));
    memcpy(l->views, l->whole, (size_t)stage->ninputs * sizeof *l->views);
    int64_t nrows = stage->leaf_ndim > 0 ? loaded.extent[0] : 1;
    for (int64_t r = 0; r < nrows; r += l->rows) {
        bri_leaf slab = bri_slab_of(&loaded, r, l->rows);
        for (int i = 0; i < stage->ninputs && r > 0; i++)
            l->views[i].base = l->whole[i].base + r * l->whole[i].stride[0];
        for (int i = 0; i < bri_pass_of(stage)->npieces; i++)
            run_piece(stage, i, l, &slab, row + r);
    }
    return BR_OK;
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_pass *pass = bri_pass_of(stage);
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    layout l = lay_out(stage, &leaf, &bump);
    for (int64_t row = 0; row < leaf.extent[0]; row += l.loaded)
        BRI_TRY(run_loaded(work, &leaf, &l, row));
    bri_value *out = work->task->output;
    for (int i = pass->nvalues; i < pass->npieces; i++) {
        const bri_stage *member = pass->piece[i].member;
        int64_t chunk;
        int64_t step;
        bri_pass_leaf(stage, work->chunk, member, &chunk, &step);
        if (!bri_is_demanded(member, chunk))
            continue;
        BRI_TRY(bri_reduce_deliver(member, bri_state_elements(member, &leaf),
                                   bri_reduce_leaf_end(&l.reduce[i]), member->nsteps == 1,
                                   out->data));
        out = out->next_output;
    }
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
