/* SPDX-License-Identifier: BSD-3-Clause
 * demand.c - which chunks the outputs need, and how many tasks read a chunk.
 *
 * Going from readers to what they read is the map's range; going back is its inverse, which gives
 * for a chunk a box of the reader's leaves. Most stages are demanded whole, and then counts are
 * products; else a bitmap tells.
 */
#include <string.h>

#include "array/plan/pass.h"
#include "runtime/alloc.h"

br_status bri_needs_add(bri_needs *list, bri_stage *stage, int64_t chunk)
{
    BRI_TRY(bri_grow(&list->need, &list->room, list->n, sizeof *list->need));
    list->need[list->n++] = (bri_need){stage, chunk};
    return BR_OK;
}

int64_t bri_span_extent(const bri_stage *stage, const bri_span *span, int a)
{
    bool limits = span->to > 0 && span->axis == a;
    return limits ? span->to - span->from : stage->leaf_axis[a].extent;
}

/* Takes what lies outside of the span off a range of indices along leaf axis a. */
static void keep_within(const bri_span *span, int a, int64_t *from, int64_t *to)
{
    if (span->to == 0 || span->axis != a)
        return;
    *from = *from > span->from ? *from : span->from;
    *to = *to < span->to ? *to : span->to;
    if (*to < *from)
        *to = *from;
}

/* No leaf lies across the ends of a span. */
static bool is_read(const bri_span *span, const bri_leaf *leaf)
{
    int64_t at = leaf->origin[span->axis];
    return span->to == 0 || (at >= span->from && at < span->to);
}

/* Chunk ranges [first, last] of an input that a leaf box reads, per axis of the input's grid. */
static void chunk_range(const bri_input *input, const bri_leaf *leaf, int64_t *first, int64_t *last)
{
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        int64_t low;
        int64_t high;
        int64_t from = m->axis < 0 ? 0 : leaf->origin[m->axis];
        int64_t count = m->axis < 0 ? 1 : leaf->extent[m->axis];
        bri_map_range(m, from, count, &low, &high);
        first[a] = bri_axis_find(&input->stage->axis[a], low);
        last[a] = bri_axis_find(&input->stage->axis[a], high);
    }
}

/* Steps coord through the box [first, last] in C order; false after the last. */
static bool next_in_box(int ndim, const int64_t *first, const int64_t *last, int64_t *coord)
{
    for (int a = ndim - 1; a >= 0; a--) {
        if (++coord[a] <= last[a])
            return true;
        coord[a] = first[a];
    }
    return false;
}

/* Does a leaf read anything of a chunk in its range? A step may go past chunks. */
static bool touches(const bri_input *input, const bri_leaf *leaf, const int64_t *coord)
{
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        const bri_axis *source = &input->stage->axis[a];
        int64_t from;
        int64_t to;
        if (m->axis < 0 || (m->step >= -1 && m->step <= 1))
            continue;
        bri_map_inverse(m, leaf->origin[m->axis] + leaf->extent[m->axis],
                        bri_axis_start(source, coord[a]), bri_axis_start(source, coord[a] + 1),
                        &from, &to);
        if (to <= from || to <= leaf->origin[m->axis])
            return false;
    }
    return true;
}

br_status bri_input_needs(const bri_input *input, const bri_leaf *leaf, int owner, bri_needs *list)
{
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    bri_stage *from = input->stage;
    if (input->from != BRI_FROM_STAGE)
        return BR_OK;
    chunk_range(input, leaf, first, last);
    memcpy(coord, first, sizeof coord);
    do {
        int64_t chunk = bri_grid_linear(from->ndim, from->axis, coord);
        if (from->kind == &bri_stage_mirror)
            chunk = bri_mirror_task(from, chunk);
        bool at_hand = from->direct && bri_value_owner(from, chunk) == owner;
        if (at_hand || !touches(input, leaf, coord))
            continue;
        BRI_TRY(bri_needs_add(list, from, chunk));
    } while (next_in_box(from->ndim, first, last, coord));
    return BR_OK;
}

bool bri_input_reads(const bri_input *input, const bri_leaf *leaf, int64_t of)
{
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    chunk_range(input, leaf, first, last);
    bri_grid_coords(input->stage->ndim, input->stage->axis, of, coord);
    for (int a = 0; a < input->map.ndim; a++)
        if (coord[a] < first[a] || coord[a] > last[a])
            return false;
    return touches(input, leaf, coord);
}

br_status bri_stage_needs(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
{
    bri_leaf leaf;
    bri_leaf_box(stage, chunk, step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    int owner = bri_stage_owner(stage, chunk, step);
    int i = 0;
    int end = stage->ninputs;
    if (stage->kind->inputs != NULL)
        stage->kind->inputs(stage, chunk, &i, &end);
    for (; i < end; i++)
        if (is_read(&stage->inputs[i].span, &leaf))
            BRI_TRY(bri_input_needs(&stage->inputs[i], &leaf, owner, list));
    return BR_OK;
}

static br_status needs_of(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
{
    return stage->kind->needs != NULL ? stage->kind->needs(stage, chunk, step, list)
                                      : bri_stage_needs(stage, chunk, step, list);
}

/* ---- the backward pass ---- */

bool bri_is_demanded(const bri_stage *stage, int64_t chunk)
{
    return stage->wanted &&
           (stage->demanded == NULL || stage->demanded[chunk >> 3] >> (chunk & 7) & 1);
}

/* Does a reader that is demanded whole touch every chunk of its input? Decided axis by axis. */
static bool covers_axis(const bri_input *input, const bri_stage *reader, int a)
{
    const bri_map_axis *m = &input->map.from[a];
    const bri_axis *source = &input->stage->axis[a];
    if (source->nchunks == 1)
        return true;
    if (m->axis < 0)
        return false;
    int64_t extent = reader->leaf_axis[m->axis].extent;
    for (int64_t c = 0; c < source->nchunks; c++) {
        int64_t from;
        int64_t to;
        bri_map_inverse(m, extent, bri_axis_start(source, c), bri_axis_start(source, c + 1), &from,
                        &to);
        keep_within(&input->span, m->axis, &from, &to);
        if (from == to && bri_axis_count(source, c) > 0)
            return false;
    }
    return true;
}

/* Do two axes of the source move together, as those of a diagonal? */
static bool is_diagonal(const bri_map *map)
{
    uint32_t seen = 0;
    for (int a = 0; a < map->ndim; a++) {
        uint32_t bit = map->from[a].axis >= 0 ? 1u << map->from[a].axis : 0;
        if (seen & bit)
            return true;
        seen |= bit;
    }
    return false;
}

static bool covers(const bri_input *input, const bri_stage *reader)
{
    if (is_diagonal(&input->map))
        return false;
    for (int a = 0; a < reader->leaf_ndim; a++)
        if (reader->leaf_axis[a].extent == 0)
            return false;
    for (int a = 0; a < input->map.ndim; a++)
        if (!covers_axis(input, reader, a))
            return false;
    return true;
}

static br_status start_partial(bri_stage *stage)
{
    if (stage->wanted && stage->demanded == NULL)
        return BR_OK; /* whole already */
    stage->wanted = true;
    if (stage->demanded == NULL)
        stage->demanded = bri_calloc((size_t)(stage->nchunks / 8 + 1), 1);
    return stage->demanded != NULL ? BR_OK : BR_ENOMEM;
}

static void want_whole(bri_stage *stage)
{
    stage->wanted = true;
    bri_free(stage->demanded);
    stage->demanded = NULL;
}

static br_status mark_step(bri_stage *reader, int64_t chunk, int64_t step, bri_needs *list)
{
    list->n = 0;
    BRI_TRY(needs_of(reader, chunk, step, list));
    for (size_t i = 0; i < list->n; i++) {
        bri_stage *s = list->need[i].stage;
        BRI_TRY(start_partial(s));
        if (s->demanded != NULL)
            s->demanded[list->need[i].chunk >> 3] |=
                (unsigned char)(1 << (list->need[i].chunk & 7));
    }
    return BR_OK;
}

static br_status mark_chunk_by_chunk(bri_stage *reader, bri_needs *list)
{
    for (int64_t c = 0; c < reader->nchunks; c++)
        for (int64_t t = 0; t < reader->nsteps && bri_is_demanded(reader, c); t++)
            BRI_TRY(mark_step(reader, c, t, list));
    return BR_OK;
}

static br_status mark_inputs(bri_stage *reader, bri_needs *list)
{
    bool all = reader->demanded == NULL && reader->kind->needs == NULL && reader->picks == NULL;
    bool partly = false;
    for (int i = 0; i < reader->ninputs; i++) {
        if (reader->inputs[i].from != BRI_FROM_STAGE)
            continue;
        bool pairs = reader->inputs[i].stage->kind == &bri_stage_mirror;
        if (all && !pairs && covers(&reader->inputs[i], reader))
            want_whole(reader->inputs[i].stage);
        else
            partly = true;
    }
    return partly ? mark_chunk_by_chunk(reader, list) : BR_OK;
}

br_status bri_plan_demand(bri_plan *plan)
{
    bri_needs list = {0};
    br_status st = BR_OK;
    for (int i = 0; i < plan->nroots; i++)
        want_whole(plan->roots[i]);
    for (int i = plan->nstages - 1; i >= 0 && st == BR_OK; i--)
        if (plan->stages[i]->wanted)
            st = mark_inputs(plan->stages[i], &list);
    bri_free(list.need);
    return st;
}

/* ---- readers ---- */

typedef struct reader_count {
    bri_visitor visitor; /* counts a step */
    int *local;
    unsigned char *ranks;
    int except; /* rank whose steps do not count, or -1 */
} reader_count;

/* The box of the reader's leaves that read chunk `coord` of the input, per leaf axis; false when
 * there is none. */
static bool reading_leaves(const bri_edge *edge, const int64_t *coord, int64_t *first,
                           int64_t *last)
{
    const bri_stage *reader = edge->stage;
    const bri_input *input = &reader->inputs[edge->input];
    for (int a = 0; a < reader->leaf_ndim; a++) {
        int64_t from = 0;
        int64_t to = reader->leaf_axis[a].extent;
        keep_within(&input->span, a, &from, &to);
        if (to == 0)
            return false;
        first[a] = bri_axis_find(&reader->leaf_axis[a], from);
        last[a] = bri_axis_find(&reader->leaf_axis[a], to - 1);
    }
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        const bri_axis *source = &input->stage->axis[a];
        int64_t extent = m->axis < 0 ? 1 : reader->leaf_axis[m->axis].extent;
        int64_t from;
        int64_t to;
        bri_map_inverse(m, extent, bri_axis_start(source, coord[a]),
                        bri_axis_start(source, coord[a] + 1), &from, &to);
        keep_within(&input->span, m->axis, &from, &to);
        if (from == to)
            return false;
        if (m->axis < 0)
            continue;
        /* Axes that move together must both touch the chunk. */
        const bri_axis *leaves = &reader->leaf_axis[m->axis];
        int64_t low = bri_axis_find(leaves, from);
        int64_t high = bri_axis_find(leaves, to - 1);
        if (low > first[m->axis])
            first[m->axis] = low;
        if (high < last[m->axis])
            last[m->axis] = high;
        if (first[m->axis] > last[m->axis])
            return false;
    }
    return true;
}

static void count_step(const bri_visitor *self, const bri_stage *reader, int64_t chunk,
                       int64_t step)
{
    const reader_count *count = (const reader_count *)self;
    if (chunk < 0 || !bri_is_demanded(reader, chunk))
        return;
    int owner = bri_stage_owner(reader, chunk, step);
    if (owner == count->except)
        return;
    if (owner == reader->plan->rank)
        (*count->local)++;
    else
        count->ranks[owner] = 1;
}

static void count_leaf(const bri_stage *reader, const int64_t *leaf, const reader_count *count)
{
    int64_t chunk;
    int64_t step;
    bri_leaf_place(reader, leaf, &chunk, &step);
    count_step(&count->visitor, reader, chunk, step);
}

static void count_box(const bri_stage *reader, const int64_t *first, const int64_t *last,
                      const reader_count *count)
{
    if (reader->plan->nranks == 1 && reader->demanded == NULL && reader->picks == NULL &&
        count->except < 0) {
        int64_t n = 1;
        for (int a = 0; a < reader->leaf_ndim; a++)
            n *= last[a] - first[a] + 1;
        *count->local += (int)n;
        return;
    }
    int64_t leaf[BR_MAX_NDIM];
    memcpy(leaf, first, sizeof leaf);
    do
        count_leaf(reader, leaf, count);
    while (next_in_box(reader->leaf_ndim, first, last, leaf));
}

void bri_visit_leaves(const bri_stage *stage, int input, int64_t of, const bri_visitor *visitor)
{
    const bri_edge edge = {(bri_stage *)(uintptr_t)stage, input};
    const bri_stage *from = stage->inputs[input].stage;
    int64_t coord[BR_MAX_NDIM];
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    int64_t chunk;
    int64_t step;
    bri_grid_coords(from->ndim, from->axis, of, coord);
    if (!reading_leaves(&edge, coord, first, last))
        return;
    memcpy(coord, first, sizeof coord);
    do {
        bri_leaf_place(stage, coord, &chunk, &step);
        visitor->visit(visitor, stage, chunk, step);
    } while (next_in_box(stage->leaf_ndim, first, last, coord));
}

/* Readers whose needs are no affine map are asked leaf by leaf, within the range they name. */
static br_status count_by_asking(const bri_stage *reader, const bri_stage *from, int64_t chunk,
                                 const reader_count *count)
{
    bri_needs list = {0};
    br_status st = BR_OK;
    int64_t first;
    int64_t last;
    reader->kind->candidates(reader, chunk, &first, &last);
    for (int64_t c = first; c <= last && st == BR_OK; c++) {
        list.n = 0;
        st = needs_of(reader, c, 0, &list);
        int64_t coord[BR_MAX_NDIM];
        bri_leaf_coords(reader, c, 0, coord);
        for (size_t i = 0; i < list.n && st == BR_OK; i++)
            if (list.need[i].stage == from && list.need[i].chunk == chunk)
                count_leaf(reader, coord, count);
    }
    bri_free(list.need);
    return st;
}

br_status bri_count_readers(const bri_stage *stage, int64_t chunk, int *local, unsigned char *ranks)
{
    int64_t coord[BR_MAX_NDIM];
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    /* Tasks on the owner of a direct chunk read it where it lies. */
    const int except = stage->direct ? bri_value_owner(stage, chunk) : -1;
    const reader_count count = {{count_step}, local, ranks, except};
    *local = 0;
    memset(ranks, 0, (size_t)stage->plan->nranks);
    bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
    for (int i = 0; i < stage->nconsumers; i++) {
        const bri_edge *edge = &stage->consumers[i];
        if (!edge->stage->wanted)
            continue;
        if (edge->stage->kind->readers != NULL)
            edge->stage->kind->readers(edge->stage, edge->input, chunk, &count.visitor);
        else if (edge->stage->kind->needs != NULL)
            BRI_TRY(count_by_asking(edge->stage, stage, chunk, &count));
        else if (reading_leaves(edge, coord, first, last))
            count_box(edge->stage, first, last, &count);
    }
    return BR_OK;
}
