/* SPDX-License-Identifier: BSD-3-Clause
 * stage_gather.c - elements named by arrays of indices that are known.
 *
 * A chunk of the result needs those chunks of the source in which its indices lie, and no others
 * (gather.h). It goes through them in a chain of steps that need about STEP_BYTES each, so that
 * chunks of the source come and go one after the other whatever their number. A file is read in the
 * task, run by run, without steps.
 */

#include "array/io/hdf5.h"
#include "array/kernels/places.h"
#include "array/ops/ops.h"
#include "array/plan/gather_file.h"
#include "array/plan/gather_pick.h"
#include "array/plan/points.h"
#include "array/plan/stage.h"
#include "array/plan/told.h"
#include "runtime/alloc.h"

enum {
    STEP_BYTES = BRI_AUTO_CHUNK_BYTES,
    STEP_CHUNKS = 64, /* a task looks its inputs up one by one */
    PAGE = 4096,      /* bytes of a contiguous file that are read together */
    BATCH = 512,      /* points whose places are computed at a time */
};

typedef struct gathering {
    bri_gather *g;
    bri_table *indices; /* NULL, or absent: they are on rank 0 */
    bri_table *root;    /* the table of a node's that they were made from */
    bri_table *places;  /* of two parts: the second one's indices */
    bri_stage *whole;   /* makes the source, an expression of files, box by box; or NULL */
    int64_t runs_per_step;
} gathering;

/* ---- building ---- */

static bool reads_file(const bri_stage *stage)
{
    return stage->inputs[0].from == BRI_FROM_FILE;
}

static bri_granules granules_of(const bri_stage *stage, const bri_gather *g)
{
    const bri_take_params *p = stage->node->params;
    const bri_input *input = &stage->inputs[0];
    const bri_h5_info *file = bri_h5_about(input->node->resource);
    const int64_t across = bri_gather_across(g);
    bri_granules r = {.most = BRI_AUTO_CHUNK_BYTES / across};
    for (int j = 0; j < p->picked; j++)
        r.size[j] = 1;
    for (int s = 0; s < input->map.ndim; s++) {
        const bri_map_axis *m = &input->map.from[s];
        int j = m->axis - p->first;
        if (m->axis < 0 || j < 0 || j >= p->picked)
            continue;
        int64_t page = PAGE / across > 1 ? PAGE / across : 1;
        r.size[j] = file->chunk[s] > 0 ? file->chunk[s] : page;
        r.start[j] = m->start;
        r.step[j] = m->step;
    }
    return r;
}

/* As many chunks of the source in a step as have STEP_BYTES together. */
static void set_steps(bri_stage *stage, gathering *d)
{
    const bri_gather *g = d->g;
    int64_t cell = bri_gather_across(g);
    for (int j = 0; j < g->picked; j++)
        cell *= bri_axis_largest(&g->x->axis[g->first + j]);
    int64_t fit = STEP_BYTES / (cell > 0 ? cell : 1);
    d->runs_per_step = fit < 1 ? 1 : fit > STEP_CHUNKS ? STEP_CHUNKS : fit;
    int64_t steps = (g->most_runs - 1) / d->runs_per_step + 1;
    if (steps <= 1 || stage->ndim == BR_MAX_NDIM) {
        d->runs_per_step = g->most_runs;
        return;
    }
    stage->leaf_axis[stage->ndim] = bri_axis_regular(steps, 1);
    stage->leaf_ndim = stage->ndim + 1;
    stage->fold = BRI_FOLD_CHAIN;
    stage->fold_axis = stage->ndim;
}

/* An expression of files is made in the task. */
static br_status add_source(bri_plan *plan, bri_stage *stage, gathering *d)
{
    bri_node *x = stage->node->input[0];
    int index;
    BRI_TRY(bri_file_program(plan, x, &d->whole));
    if (d->whole == NULL)
        return bri_stage_input_cut(stage, x);
    for (int i = 0; i < d->whole->ninputs; i++)
        BRI_TRY(bri_stage_add_input(stage, &d->whole->inputs[i], &index));
    return BR_OK;
}

br_status bri_gather_set(bri_stage *stage, bri_table *indices, bri_table *root)
{
    gathering *d = bri_calloc(1, sizeof *d);
    if (d == NULL)
        return BR_ENOMEM;
    d->indices = bri_table_retain(indices);
    d->root = bri_table_retain(root);
    stage->data = d;
    return BR_OK;
}

/* A file is read run by run. */
static br_status sort_for_file(bri_stage *stage, gathering *d)
{
    bri_node *x = stage->node->input[0];
    bri_granules granules = granules_of(stage, d->g);
    bri_gather_free(d->g);
    return bri_gather_new(&(bri_sorting){stage->node, x, d->indices, &granules}, &d->g);
}

/* In two parts: what the first one has picked is the input instead of x. */
static br_status read_picked(bri_plan *plan, bri_stage *stage, bri_table *extents,
                             bri_table *indices, bri_node **picked)
{
    gathering *d = stage->data;
    stage->ninputs = 0;
    bri_stage_free(d->whole);
    d->whole = NULL;
    return bri_gather_read_picked(plan, stage, extents, indices, d->root, picked);
}

static br_status in_two_parts(bri_plan *plan, bri_stage *stage, bri_table **extents)
{
    gathering *d = stage->data;
    bri_node *picked;
    bri_table *indices = NULL;
    br_status st = bri_gather_pick(plan, d->g, &indices, &d->places, extents);
    if (st == BR_OK)
        st = read_picked(plan, stage, *extents, indices, &picked);
    bri_table_release(indices);
    BRI_TRY(st);
    bri_gather_free(d->g);
    return bri_gather_new(&(bri_sorting){stage->node, picked, d->places, NULL}, &d->g);
}

static br_status sort(bri_plan *plan, bri_stage *stage, bri_table **extents)
{
    gathering *d = stage->data;
    bri_node *x = stage->node->input[0];
    BRI_TRY(bri_gather_new(&(bri_sorting){stage->node, x, d->indices, NULL}, &d->g));
    const bool picks = ((const bri_take_params *)stage->node->params)->cells;
    const bool at_hand = !reads_file(stage) && stage->inputs[0].stage->direct;
    if (!(plan->thrift & BRI_APART) && !picks && !at_hand &&
        bri_gather_comes_back(d->g, reads_file(stage)))
        BRI_TRY(in_two_parts(plan, stage, extents));
    return reads_file(stage) ? sort_for_file(stage, d) : BR_OK;
}

/* Rank 0, or the only one: others are told what comes of it where they have no indices. */
static br_status sort_and_tell(bri_plan *plan, bri_stage *stage)
{
    const gathering *d = stage->data;
    bri_table *extents = NULL;
    int place = -1;
    if (d->root->stays != 0)
        BRI_TRY(bri_tell_later(plan, &place));
    br_status st = sort(plan, stage, &extents);
    if (st == BR_OK && place >= 0)
        bri_tell(plan, place,
                 &(bri_told){.lists = d->g->lists,
                             .extents = extents,
                             .stage = stage,
                             .gather = d->g,
                             .root = d->root});
    bri_table_release(extents);
    return st;
}

static br_status hear(bri_plan *plan, bri_stage *stage)
{
    gathering *d = stage->data;
    bri_node *x = stage->node->input[0];
    const bri_told *told;
    BRI_TRY(bri_hear(plan, &told));
    if (told->extents != NULL)
        BRI_TRY(read_picked(plan, stage, told->extents, NULL, &x));
    return bri_gather_told(&(bri_sorting){stage->node, x, NULL, NULL}, told->lists, told->part,
                           &d->g);
}

static br_status build(bri_plan *plan, bri_stage *stage)
{
    if (stage->data == NULL)
        BRI_TRY(bri_gather_set(stage, stage->node->table, stage->node->table));
    gathering *d = stage->data;
    bri_stage_grid(stage, stage->node);
    BRI_TRY(add_source(plan, stage, d));
    BRI_TRY(d->root->absent ? hear(plan, stage) : sort_and_tell(plan, stage));
    if (!reads_file(stage))
        set_steps(stage, d);
    stage->at_owner = d->root->stays != 0;
    plan->lists += d->g->promised + d->g->lists->bytes;
    return BR_OK;
}

static void destroy(bri_stage *stage)
{
    gathering *d = stage->data;
    if (d == NULL)
        return;
    bri_gather_free(d->g);
    bri_table_release(d->indices);
    bri_table_release(d->root);
    bri_table_release(d->places);
    bri_stage_free(d->whole);
    bri_free(d);
}

/* ---- which chunks ---- */

/* Where a chunk of the result lies: its block, and its place along the axes before and after. */
static int64_t block_of(const bri_stage *stage, const int64_t *coord)
{
    const bri_gather *g = ((const gathering *)stage->data)->g;
    return bri_grid_linear(g->index_ndim, stage->axis + g->first, coord + g->first);
}

/* Coordinates of the source's chunk: those of the result's with a cell in place of the block. */
static void source_coords(const bri_gather *g, const int64_t *coord, int64_t cell, int64_t *out)
{
    for (int a = 0; a < g->first; a++)
        out[a] = coord[a];
    bri_grid_coords(g->picked, g->x->axis + g->first, cell, out + g->first);
    for (int a = g->first + g->picked; a < g->x->ndim; a++)
        out[a] = coord[a - g->picked + g->index_ndim];
}

/* Runs of one step. */
static void runs_of_step(const bri_stage *stage, int64_t block, int64_t step, int64_t *first,
                         int64_t *end)
{
    const gathering *d = stage->data;
    *first = d->g->block_run[block];
    *end = d->g->block_run[block + 1];
    if (reads_file(stage))
        return;
    *first += step * d->runs_per_step;
    if (*first + d->runs_per_step < *end)
        *end = *first + d->runs_per_step;
}

static br_status needs(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
{
    const bri_gather *g = ((const gathering *)stage->data)->g;
    int64_t coord[BR_MAX_NDIM];
    int64_t source[BR_MAX_NDIM];
    int64_t run;
    int64_t end;
    if (reads_file(stage) || bri_chunk_nelem(stage, chunk) == 0)
        return BR_OK;
    bri_stage *from = stage->inputs[0].stage;
    int owner = bri_stage_owner(stage, chunk, step);
    bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
    runs_of_step(stage, block_of(stage, coord), step, &run, &end);
    for (; run < end; run++) {
        source_coords(g, coord, g->run_cell[run], source);
        int64_t c = bri_grid_linear(from->ndim, from->axis, source);
        if (!from->direct || bri_value_owner(from, c) != owner)
            BRI_TRY(bri_needs_add(list, from, c));
    }
    return BR_OK;
}

static void readers(const bri_stage *stage, int input, int64_t of, const bri_visitor *visitor)
{
    const gathering *d = stage->data;
    const bri_gather *g = d->g;
    int64_t source[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    (void)input;
    bri_grid_coords(g->x->ndim, g->x->axis, of, source);
    for (int a = 0; a < g->first; a++)
        coord[a] = source[a];
    for (int a = g->first + g->picked; a < g->x->ndim; a++)
        coord[a - g->picked + g->index_ndim] = source[a];
    int64_t cell = bri_grid_linear(g->picked, g->x->axis + g->first, source + g->first);
    for (int64_t i = g->cell_run[cell]; i < g->cell_run[cell + 1]; i++) {
        int64_t run = g->by_cell[i];
        int64_t block = bri_gather_block(g, run);
        bri_grid_coords(g->index_ndim, stage->axis + g->first, block, coord + g->first);
        int64_t chunk = bri_grid_linear(stage->ndim, stage->axis, coord);
        if (bri_chunk_nelem(stage, chunk) > 0)
            visitor->visit(visitor, stage, chunk, (run - g->block_run[block]) / d->runs_per_step);
    }
}

/* ---- running ---- */

/* A run's part of the source, in the source's own indices. */
static bri_leaf source_box(const bri_stage *stage, const bri_leaf *leaf, const bri_points *points,
                           int64_t run)
{
    const bri_gather *g = ((const gathering *)stage->data)->g;
    bri_leaf box = {.nelem = 1};
    for (int a = 0; a < g->first; a++) {
        box.origin[a] = leaf->origin[a];
        box.extent[a] = leaf->extent[a];
    }
    for (int a = g->first + g->picked; a < g->x->ndim; a++) {
        box.origin[a] = leaf->origin[a - g->picked + g->index_ndim];
        box.extent[a] = leaf->extent[a - g->picked + g->index_ndim];
    }
    if (reads_file(stage))
        bri_points_box(g, points, run, box.origin + g->first, box.extent + g->first);
    else
        bri_gather_cell_box(g, g->run_cell[run], box.origin + g->first, box.extent + g->first);
    for (int a = 0; a < g->x->ndim; a++)
        box.nelem *= box.extent[a];
    return box;
}

/* Scratch for n elements of what is read of files. */
static void read_sizes(const bri_stage *stage, int64_t n, bri_bump *bump)
{
    const gathering *d = stage->data;
    if (d->whole != NULL) {
        bri_file_program_sizes(d->whole, n, bump);
        return;
    }
    bri_bump_take(bump, (size_t)n * br_dtype_size(stage->dtype));
    bri_bump_take(bump, bri_h5_scratch(stage->inputs[0].node->resource));
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    const gathering *d = stage->data;
    const bri_gather *g = d->g;
    bri_leaf leaf;
    bri_bump bump = {0};
    size_t size = br_dtype_size(stage->dtype);
    bri_leaf_box(stage, chunk, step, &leaf);
    int64_t nelem = bri_chunk_nelem(stage, chunk);
    sizes->output = (size_t)nelem * size;
    if (reads_file(stage) && nelem > 0) {
        int64_t coord[BR_MAX_NDIM];
        bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
        int64_t block = block_of(stage, coord);
        int64_t across = nelem / (g->block_first[block + 1] - g->block_first[block]);
        read_sizes(stage, g->span[block] * across, &bump);
    }
    sizes->scratch = bump.used;
}

/* The axes that are not picked: what lies side by side on both sides is a piece, the others are
 * gone through. */
typedef struct across {
    size_t piece;
    int n;
    int64_t extent[BR_MAX_NDIM], from[BR_MAX_NDIM], to[BR_MAX_NDIM];
    int64_t to_stride; /* from one point to the next */
} across;

static across axes_across(const bri_stage *stage, const bri_leaf *box, const bri_view *x,
                          int64_t npoints)
{
    const bri_gather *g = ((const gathering *)stage->data)->g;
    across out = {.piece = br_dtype_size(stage->dtype)};
    int64_t stride = (int64_t)out.piece;
    bool dense = true;
    for (int a = g->x->ndim - 1; a >= 0; a--) {
        if (a == g->first + g->picked - 1) {
            out.to_stride = stride;
            stride *= npoints;
            dense = false;
        }
        if (a >= g->first && a < g->first + g->picked)
            continue;
        dense = dense && (x->stride[a] == (int64_t)out.piece || box->extent[a] == 1);
        if (dense) {
            out.piece *= (size_t)box->extent[a];
        } else {
            out.extent[out.n] = box->extent[a];
            out.from[out.n] = x->stride[a];
            out.to[out.n++] = stride;
        }
        stride *= box->extent[a];
    }
    return out;
}

static void move_pieces(const across *a, const bri_pieces *pieces, char *to, const char *from)
{
    int64_t coord[BR_MAX_NDIM] = {0};
    for (int k = 0; k >= 0;) {
        bri_move_pieces(a->piece, pieces, to, a->to_stride, from);
        for (k = 0; k < a->n; k++) {
            to += a->to[k];
            from += a->from[k];
            if (++coord[k] < a->extent[k])
                break;
            to -= a->extent[k] * a->to[k];
            from -= a->extent[k] * a->from[k];
            coord[k] = 0;
        }
        if (k == a->n)
            return;
    }
}

/* Bytes from the first element of the run's part to that of a point. */
static int64_t offset_of(const bri_gather *g, const bri_leaf *box, const bri_view *x,
                         const bri_points *points, int64_t point)
{
    int64_t at = 0;
    for (int j = 0; j < g->picked; j++)
        at += (points->index[j * points->stride + point] - box->origin[g->first + j]) *
              x->stride[g->first + j];
    return at;
}

static br_status do_run(bri_work *work, const bri_leaf *leaf, const bri_points *points, int64_t run)
{
    const gathering *d = work->stage->data;
    const bri_gather *g = d->g;
    const bri_leaf box = source_box(work->stage, leaf, points, run);
    bri_bump bump = {work->scratch, 0};
    bri_view x = {0}; /* of more axes than the stage has, perhaps */
    int64_t from[BATCH];
    if (d->whole != NULL)
        BRI_TRY(bri_file_program_run(work, d->whole, &box, &bump, &x));
    else
        BRI_TRY(bri_load(work, 0, &box, &bump, &x));
    const across a = axes_across(work->stage, &box, &x, points->n);
    const int64_t end = bri_points_start(points, run + 1);
    for (int64_t i = bri_points_start(points, run); i < end; i += BATCH) {
        bri_pieces pieces = {end - i < BATCH ? end - i : BATCH, points->order + i, from};
        for (int64_t k = 0; k < pieces.n; k++)
            from[k] = offset_of(g, &box, &x, points, pieces.to[k]);
        move_pieces(&a, &pieces, work->task->output->data, x.base);
    }
    return BR_OK;
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    const bri_gather *g = ((const gathering *)stage->data)->g;
    int64_t coord[BR_MAX_NDIM];
    int64_t run;
    int64_t end;
    bri_leaf leaf;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    bri_chain_continue(work);
    if (leaf.nelem == 0)
        return BR_OK;
    bri_grid_coords(stage->ndim, stage->axis, work->chunk, coord);
    const int64_t block = block_of(stage, coord);
    if (!bri_points_here(g, block))
        return bri_error(BR_EINTERNAL, "indices of a chunk are on another rank");
    const bri_points points = bri_points_of(g, block);
    runs_of_step(stage, block, work->step, &run, &end);
    for (; run < end; run++)
        BRI_TRY(do_run(work, &leaf, &points, run));
    return BR_OK;
}

const bri_stage_kind bri_stage_gather = {.name = "gather",
                                         .build = build,
                                         .needs = needs,
                                         .readers = readers,
                                         .sizes = sizes,
                                         .execute = execute,
                                         .destroy = destroy};
