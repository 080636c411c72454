/* SPDX-License-Identifier: BSD-3-Clause
 * readers.c - how many tasks read a chunk, and on which ranks: from a chunk back to the leaves.
 *
 * The maps' inverses give a box of leaves. Halos, windows and faces make it a bound: then each leaf
 * of the box is asked.
 */
#include <string.h>

#include "array/plan/demand.h"
#include "array/plan/face.h"
#include "array/plan/halo.h"
#include "runtime/alloc.h"

typedef struct reader_count {
    bri_visitor visitor; /* counts a step */
    int *local;
    unsigned char *ranks;
    int except; /* rank whose steps do not count, or -1 */
} reader_count;

/* A chunk that is looked at by its readers. */
typedef struct read_chunk {
    const bri_stage *stage;
    int64_t chunk;
    const int64_t *coord;
} read_chunk;

static void limit(int64_t *first, int64_t *last, int64_t low, int64_t high)
{
    *first = low > *first ? low : *first;
    *last = high < *last ? high : *last;
}

/* Limits the leaves to those that may read elements [low, high) of axis a of the input. */
static bool limit_leaves(const bri_stage *reader, const bri_input *input, int a, int64_t low,
                         int64_t high, int64_t *first, int64_t *last)
{
    const bri_map_axis *m = &input->map.from[a];
    const bri_halo_axis *h =
        input->halo != NULL && m->axis >= 0 ? &input->halo->axis[m->axis] : NULL;
    int axis = h != NULL ? h->leaf : m->axis;
    int64_t extent = m->axis < 0 ? 1 : bri_extent_along(input, reader, m->axis);
    int64_t from;
    int64_t to;
    int64_t down;
    int64_t up;
    bri_window_reach(reader, &input->map.window[a], &down, &up);
    bri_map_inverse(m, extent, low - up, high - down, &from, &to);
    if (h != NULL && h->leaf >= 0 && from < to)
        bri_halo_readers(input->halo, input->part, m->axis, from, to, &from, &to);
    bri_keep_within(&input->span, m->axis, &from, &to);
    if (axis >= 0 && to > reader->leaf_axis[axis].extent)
        to = reader->leaf_axis[axis].extent;
    if (from >= to)
        return false;
    if (axis < 0)
        return true;
    /* Axes that move together must both touch the chunk. */
    limit(&first[axis], &last[axis], bri_axis_find(&reader->leaf_axis[axis], from),
          bri_axis_find(&reader->leaf_axis[axis], to - 1));
    return first[axis] <= last[axis];
}

/* The box of the reader's leaves that may read chunk `coord` of the input, per leaf axis; false
 * when there is none. */
static bool reading_leaves(const bri_edge *edge, const int64_t *coord, int64_t *first,
                           int64_t *last)
{
    const bri_stage *reader = edge->stage;
    const bri_input *input = &reader->inputs[edge->input];
    for (int a = 0; a < reader->leaf_ndim; a++) {
        int64_t from = 0;
        int64_t to = reader->leaf_axis[a].extent;
        bri_keep_within(&input->span, a, &from, &to);
        if (to == 0)
            return false;
        first[a] = bri_axis_find(&reader->leaf_axis[a], from);
        last[a] = bri_axis_find(&reader->leaf_axis[a], to - 1);
    }
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_axis *source = &input->stage->axis[a];
        if (!limit_leaves(reader, input, a, bri_axis_start(source, coord[a]),
                          bri_axis_start(source, coord[a] + 1), first, last))
            return false;
    }
    return true;
}

static void count_reader(const bri_plan *plan, int owner, const reader_count *count)
{
    if (owner == count->except)
        return;
    if (owner == plan->rank)
        (*count->local)++;
    else
        count->ranks[owner] = 1;
}

static void count_step(const bri_visitor *self, const bri_stage *reader, int64_t chunk,
                       int64_t step)
{
    if (chunk >= 0 && bri_is_demanded(reader, chunk))
        count_reader(reader->plan, bri_stage_owner(reader, chunk, step),
                     (const reader_count *)self);
}

static void count_leaf(const bri_stage *reader, const int64_t *leaf, const reader_count *count)
{
    int64_t chunk;
    int64_t step;
    bri_leaf_place(reader, leaf, &chunk, &step);
    count_step(&count->visitor, reader, chunk, step);
}

/* A leaf of a box that is a bound: it may not read the chunk, or the face of it that is made on the
 * chunk's rank. */
static void count_careful(const bri_edge *edge, const int64_t *coord, const read_chunk *of,
                          const reader_count *count)
{
    const bri_stage *reader = edge->stage;
    const bri_input *input = &reader->inputs[edge->input];
    int64_t chunk;
    int64_t step;
    bri_leaf leaf;
    bri_leaf_place(reader, coord, &chunk, &step);
    if (chunk < 0 || !bri_is_demanded(reader, chunk))
        return;
    bri_leaf_box(reader, chunk, step, &leaf);
    if (!bri_input_reads(input, &leaf, of->chunk))
        return;
    if (bri_face_sent(input, chunk, step, of->coord))
        count_reader(reader->plan, bri_value_owner(of->stage, of->chunk), count);
    else
        count_step(&count->visitor, reader, chunk, step);
}

static void count_box(const bri_edge *edge, const int64_t *first, const int64_t *last,
                      const read_chunk *of, const reader_count *count)
{
    const bri_stage *reader = edge->stage;
    const bri_input *input = &reader->inputs[edge->input];
    bool exact = input->halo == NULL && input->faces == NULL && !bri_map_has_windows(&input->map);
    if (exact && reader->plan->nranks == 1 && reader->demanded == NULL && reader->picks == NULL &&
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
        if (exact)
            count_leaf(reader, leaf, count);
        else
            count_careful(edge, leaf, of, count);
    while (bri_next_in_box(reader->leaf_ndim, first, last, leaf));
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
    } while (bri_next_in_box(stage->leaf_ndim, first, last, coord));
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
        st = bri_needs_of(reader, c, 0, &list);
        int64_t coord[BR_MAX_NDIM];
        bri_leaf_coords(reader, c, 0, coord);
        for (size_t i = 0; i < list.n && st == BR_OK; i++)
            if (list.need[i].stage == from && list.need[i].chunk == chunk)
                count_leaf(reader, coord, count);
    }
    bri_free(list.need);
    return st;
}

static br_status count_edge(const bri_edge *edge, const read_chunk *of, const reader_count *count)
{
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    const bri_stage_kind *kind = edge->stage->kind;
    if (kind == &bri_stage_face)
        return BR_OK; /* counted with the leaf that it is for */
    if (kind->readers != NULL)
        kind->readers(edge->stage, edge->input, of->chunk, &count->visitor);
    else if (kind->needs != NULL)
        return count_by_asking(edge->stage, of->stage, of->chunk, count);
    else if (reading_leaves(edge, of->coord, first, last))
        count_box(edge, first, last, of, count);
    return BR_OK;
}

br_status bri_count_readers(const bri_stage *stage, int64_t chunk, int *local, unsigned char *ranks)
{
    int64_t coord[BR_MAX_NDIM];
    /* Tasks on the owner of a direct chunk read it where it lies. */
    const int except = stage->direct ? bri_value_owner(stage, chunk) : -1;
    const reader_count count = {{count_step}, local, ranks, except};
    const read_chunk of = {stage, chunk, coord};
    *local = 0;
    memset(ranks, 0, (size_t)stage->plan->nranks);
    if (stage->kind == &bri_stage_face) {
        const bri_stage *reader = bri_face_reader(stage, chunk, coord);
        if (reader != NULL)
            count_leaf(reader, coord, &count);
        return BR_OK;
    }
    bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
    for (int i = 0; i < stage->nconsumers; i++)
        if (stage->consumers[i].stage->wanted)
            BRI_TRY(count_edge(&stage->consumers[i], &of, &count));
    return BR_OK;
}
