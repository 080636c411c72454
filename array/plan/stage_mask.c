/* SPDX-License-Identifier: BSD-3-Clause
 * stage_mask.c - counting what a mask keeps of each chunk, and picking it.
 *
 * Leaves are the chunks of the common grid of the mask and the array. The expressions of both are
 * fused in: a task makes the mask of its leaf, along one axis, then the elements, and moves those
 * together that are kept. Where both read the same of a source it is loaded once. Leaves that keep
 * nothing make no chunk and read nothing (bri_picks). Elements are made a few rows at a time, which
 * are still in the cache when they are picked from.
 */
#include <string.h>

#include "array/ops/mask.h"
#include "array/plan/slab.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

enum { MASK, VALUES, NPARTS };
enum { SLAB_BYTES = 128 << 10 };

typedef struct masked {
    int axis;
    const int64_t *count; /* of each leaf along the axis; NULL while counting */
    bri_part part[NPARTS];
    int *same; /* of the mask's inputs: that of the values which is the same, or -1 */
} masked;

/* What a part's program is run on. */
typedef struct part_views {
    bri_view *view;
    void *scratch;
} part_views;

/* ---- building ---- */

static br_status add_part(bri_stage *stage, bri_node *node, const bri_map *map, bri_part *part)
{
    BRI_TRY(bri_fuse_seen(stage, node, map, part));
    return bri_program_seal_store(part->program, part->result);
}

static bool same_input(const bri_input *a, const bri_input *b)
{
    return a->from == b->from && a->stage == b->stage && a->node == b->node &&
           bri_map_equal(&a->map, &b->map);
}

/* Views are the same only where the mask covers the leaf. */
static br_status find_same(const bri_stage *stage, masked *m)
{
    const bri_part *mask = &m->part[MASK];
    const bri_part *values = &m->part[VALUES];
    m->same = bri_calloc((size_t)(mask->end - mask->first) + 1, sizeof *m->same);
    if (m->same == NULL)
        return BR_ENOMEM;
    for (int i = mask->first; i < mask->end; i++) {
        int k = values->first;
        while (k < values->end && !same_input(&stage->inputs[i], &stage->inputs[k]))
            k++;
        m->same[i - mask->first] = stage->leaf_ndim == 1 && k < values->end ? k : -1;
    }
    return BR_OK;
}

static br_status new_masked(bri_stage *stage, int axis, masked **out)
{
    masked *m = bri_calloc(1, sizeof *m);
    stage->data = *out = m;
    if (m == NULL)
        return BR_ENOMEM;
    m->axis = axis;
    stage->dtype = stage->node->dtype;
    return BR_OK;
}

static br_status build_count(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    const bri_node *node = stage->node;
    bri_map map = bri_map_identity(1);
    masked *m = NULL;
    BRI_TRY(new_masked(stage, 0, &m));
    BRI_TRY(
        bri_mask_axis(&node->input[0]->axis[0], &node->input[1]->axis[0], &stage->leaf_axis[0]));
    stage->leaf_ndim = 1;
    stage->axis[stage->ndim++] = bri_axis_share(&node->axis[0]);
    BRI_TRY(add_part(stage, node->input[0], &map, &m->part[MASK]));
    m->part[VALUES].first = m->part[VALUES].end = stage->ninputs;
    return find_same(stage, m);
}

/* The leaves that keep anything. */
static br_status set_picks(bri_stage *stage, const masked *m)
{
    const int64_t n = stage->leaf_axis[m->axis].nchunks;
    bri_picks *p = bri_calloc(1, sizeof *p + (size_t)n * sizeof p->leaf[0]);
    if (p == NULL)
        return BR_ENOMEM;
    p->axis = m->axis;
    for (int64_t i = 0; i < n; i++)
        if (m->count[i] > 0)
            p->leaf[p->n++] = i;
    stage->picks = p;
    return BR_OK;
}

static br_status set_grids(bri_stage *stage, const masked *m)
{
    const bri_node *node = stage->node;
    for (; stage->ndim < node->ndim; stage->ndim++, stage->leaf_ndim++) {
        int a = stage->ndim;
        const bri_axis *x = &node->input[1]->axis[a];
        bri_axis *leaves = &stage->leaf_axis[a];
        if (a != m->axis || node->axis[a].extent == 0)
            *leaves = bri_axis_share(&node->axis[a]);
        else
            BRI_TRY(bri_mask_axis(&node->input[0]->axis[0], x, leaves));
        stage->axis[a] = bri_axis_share(&node->axis[a]);
    }
    return node->axis[m->axis].extent > 0 ? set_picks(stage, m) : BR_OK;
}

static br_status build_picked(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    const bri_node *node = stage->node;
    masked *m = NULL;
    BRI_TRY(new_masked(stage, (int)((const bri_axis_params *)node->params)->axis, &m));
    m->count = (const int64_t *)(const void *)node->table->data;
    BRI_TRY(set_grids(stage, m));
    bri_map along = {.ndim = 1, .from = {{m->axis, 0, 1}}};
    bri_map whole = bri_map_identity(node->ndim);
    BRI_TRY(add_part(stage, node->input[0], &along, &m->part[MASK]));
    BRI_TRY(add_part(stage, node->input[1], &whole, &m->part[VALUES]));
    return find_same(stage, m);
}

static void destroy(bri_stage *stage)
{
    masked *m = stage->data;
    for (int i = 0; m != NULL && i < NPARTS; i++)
        bri_program_free(m->part[i].program);
    if (m != NULL)
        bri_free(m->same);
    bri_free(m);
}

/* ---- a task ---- */

/* The leaf as the mask sees it. */
static bri_leaf along_axis(const bri_leaf *leaf, int ndim, int axis)
{
    bri_leaf line = *leaf;
    for (int a = 0; a < ndim; a++) {
        line.origin[a] = a == axis ? leaf->origin[a] : 0;
        line.extent[a] = a == axis ? leaf->extent[a] : 1;
    }
    line.nelem = leaf->extent[axis];
    return line;
}

/* Rows along the first axis that are made at a time. */
static int64_t slab_rows(const bri_stage *stage, const bri_leaf *leaf)
{
    int64_t row = leaf->nelem / leaf->extent[0] * (int64_t)br_dtype_size(stage->dtype);
    int64_t rows = row < SLAB_BYTES ? SLAB_BYTES / row : 1;
    return rows < leaf->extent[0] ? rows : leaf->extent[0];
}

static bool is_shared(const masked *m, const bri_part *part, int i)
{
    return part == &m->part[MASK] && m->same[i - part->first] >= 0;
}

static void part_sizes(const bri_stage *stage, const bri_part *part, const bri_leaf *leaf,
                       bri_bump *bump)
{
    bri_bump_take(bump, (size_t)(part->end - part->first) * sizeof(bri_view));
    bri_bump_take(bump, bri_program_scratch(part->program));
    for (int i = part->first; i < part->end; i++)
        if (!is_shared(stage->data, part, i))
            bri_load_sizes(stage, i, leaf, bump);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    const masked *m = stage->data;
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    sizes->output = (size_t)bri_chunk_nelem(stage, chunk) * br_dtype_size(stage->dtype);
    sizes->scratch = 0;
    if (leaf.nelem == 0)
        return;
    bri_leaf line = along_axis(&leaf, stage->leaf_ndim, m->axis);
    if (m->part[VALUES].program != NULL) {
        part_sizes(stage, &m->part[VALUES], &leaf, &bump);
        bri_leaf slab = bri_slab_of(&leaf, 0, slab_rows(stage, &leaf));
        bri_bump_take(&bump, (size_t)slab.nelem * br_dtype_size(stage->dtype));
        bri_bump_take(&bump, (size_t)stage->ninputs * sizeof(bri_view));
    }
    part_sizes(stage, &m->part[MASK], &line, &bump);
    bri_bump_take(&bump, (size_t)line.nelem);
    sizes->scratch = bump.used;
}

static br_status load_part(bri_work *work, const bri_part *part, const bri_leaf *leaf,
                           bri_bump *bump, part_views *v)
{
    v->view = bri_bump_take(bump, (size_t)(part->end - part->first) * sizeof *v->view);
    v->scratch = bri_bump_take(bump, bri_program_scratch(part->program));
    for (int i = part->first; i < part->end; i++)
        if (!is_shared(work->stage->data, part, i))
            BRI_TRY(bri_load(work, i, leaf, bump, &v->view[i - part->first]));
    return BR_OK;
}

/* Dense, in C order. */
static void run_part(const bri_stage *stage, const bri_part *part, const bri_leaf *leaf,
                     const part_views *v, void *out)
{
    bri_box box = {.ndim = stage->leaf_ndim, .inputs = v->view, .scratch = v->scratch};
    int64_t stride = (int64_t)br_dtype_size(bri_program_dtype(part->program, part->result));
    memcpy(box.extent, leaf->extent, sizeof box.extent);
    memcpy(box.origin, leaf->origin, sizeof box.origin);
    box.out.base = out;
    for (int a = stage->leaf_ndim - 1; a >= 0; a--) {
        box.out.stride[a] = stride;
        stride *= leaf->extent[a];
    }
    bri_program_run(part->program, &box);
}

/* values is what the other part has loaded. */
static br_status make_mask(bri_work *work, const bri_leaf *leaf, const part_views *values,
                           bri_bump *bump, unsigned char **mask)
{
    const masked *m = work->stage->data;
    const bri_part *part = &m->part[MASK];
    part_views v;
    bri_leaf line = along_axis(leaf, work->stage->leaf_ndim, m->axis);
    BRI_TRY(load_part(work, part, &line, bump, &v));
    for (int i = part->first; i < part->end; i++)
        if (is_shared(m, part, i))
            v.view[i - part->first] =
                values->view[m->same[i - part->first] - m->part[VALUES].first];
    *mask = bri_bump_take(bump, (size_t)line.nelem);
    run_part(work->stage, part, &line, &v, *mask);
    return BR_OK;
}

static br_status execute_count(bri_work *work)
{
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    unsigned char *mask = NULL;
    int64_t n = 0;
    bri_leaf_box(work->stage, work->chunk, work->step, &leaf);
    if (leaf.nelem > 0) {
        BRI_TRY(make_mask(work, &leaf, NULL, &bump, &mask));
        n = bri_count_true(mask, leaf.nelem);
    }
    memcpy(work->task->output->data, &n, sizeof n);
    return BR_OK;
}

static br_status check_count(int64_t n, int64_t counted)
{
    return n == counted
               ? BR_OK
               : bri_error(BR_EARG,
                           "the mask is true %lld times in a chunk, but was %lld times when it "
                           "was counted: its data changed, or a function below it does not give "
                           "the same twice",
                           (long long)n, (long long)counted);
}

/* A task that picks, on its way. */
typedef struct picking {
    const bri_stage *stage;
    const masked *m;
    bri_leaf leaf;
    part_views values;
    unsigned char *mask;
    char *made;      /* one slab of values */
    bri_view *views; /* of its inputs */
    char *to;
} picking;

/* The values of a slab: dense, in C order, at the place where they are read, when they are not
 * worked out and lie so, else made. */
static const char *make_slab(picking *p, const bri_leaf *slab)
{
    const bri_part *part = &p->m->part[VALUES];
    const int64_t row = slab->origin[0] - p->leaf.origin[0];
    const int n = part->end - part->first;
    for (int i = 0; i < n; i++) {
        p->views[i] = p->values.view[i];
        p->views[i].base += row * p->views[i].stride[0];
    }
    bool lies_so = n == 1 && p->stage->leaf_ndim == 1 &&
                   !bri_program_computes(part->program, part->result) &&
                   p->views[0].stride[0] == (int64_t)br_dtype_size(p->stage->dtype);
    if (lies_so)
        return p->views[0].base;
    run_part(p->stage, part, slab, &(part_views){p->views, p->values.scratch}, p->made);
    return p->made;
}

/* Of each row of what lies before the axis the parts that the mask keeps. */
static void pick_slab(picking *p, const bri_leaf *slab)
{
    const int axis = p->m->axis;
    const unsigned char *mask = p->mask + slab->origin[axis] - p->leaf.origin[axis];
    const char *from = make_slab(p, slab);
    const size_t kept = (size_t)bri_count_true(mask, slab->extent[axis]);
    size_t part = br_dtype_size(p->stage->dtype);
    for (int a = axis + 1; a < p->stage->leaf_ndim; a++)
        part *= (size_t)slab->extent[a];
    const size_t row = part * (size_t)slab->extent[axis];
    const size_t rows = (size_t)slab->nelem * br_dtype_size(p->stage->dtype) / row;
    for (size_t i = 0; i < rows; i++, from += row, p->to += part * kept)
        bri_pick(part, mask, slab->extent[axis], (int64_t)kept, from, p->to);
}

static br_status load_picking(bri_work *work, picking *p)
{
    const bri_stage *stage = work->stage;
    bri_bump bump = {work->scratch, 0};
    const int64_t rows = slab_rows(stage, &p->leaf);
    const bri_leaf slab = bri_slab_of(&p->leaf, 0, rows);
    BRI_TRY(load_part(work, &p->m->part[VALUES], &p->leaf, &bump, &p->values));
    p->made = bri_bump_take(&bump, (size_t)slab.nelem * br_dtype_size(stage->dtype));
    p->views = bri_bump_take(&bump, (size_t)stage->ninputs * sizeof(bri_view));
    return make_mask(work, &p->leaf, &p->values, &bump, &p->mask);
}

static br_status execute_picked(bri_work *work)
{
    const bri_stage *stage = work->stage;
    picking p = {.stage = stage, .m = stage->data, .to = work->task->output->data};
    int64_t coord[BR_MAX_NDIM];
    bri_leaf_box(stage, work->chunk, work->step, &p.leaf);
    if (p.leaf.nelem == 0)
        return BR_OK;
    BRI_TRY(load_picking(work, &p));
    bri_leaf_coords(stage, work->chunk, work->step, coord);
    const int64_t kept = p.m->count[coord[p.m->axis]];
    BRI_TRY(check_count(bri_count_true(p.mask, p.leaf.extent[p.m->axis]), kept));
    if (kept == p.leaf.extent[p.m->axis]) {
        run_part(stage, &p.m->part[VALUES], &p.leaf, &p.values, p.to);
        return BR_OK;
    }
    const int64_t rows = slab_rows(stage, &p.leaf);
    for (int64_t row = 0; row < p.leaf.extent[0]; row += rows) {
        bri_leaf slab = bri_slab_of(&p.leaf, row, rows);
        pick_slab(&p, &slab);
    }
    return BR_OK;
}

const bri_stage_kind bri_stage_count_true = {.name = "count",
                                             .build = build_count,
                                             .sizes = sizes,
                                             .execute = execute_count,
                                             .destroy = destroy};
const bri_stage_kind bri_stage_picked = {.name = "pick",
                                         .build = build_picked,
                                         .sizes = sizes,
                                         .execute = execute_picked,
                                         .destroy = destroy};
