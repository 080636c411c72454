/* SPDX-License-Identifier: BSD-3-Clause
 * demand.c - which chunks the outputs need.
 *
 * Going from readers to what they read is the map's range; going back is its inverse, which gives
 * for a chunk a box of the reader's leaves. Most stages are demanded whole, and then counts are
 * products; else a bitmap tells.
 */
#include <string.h>

#include "array/plan/demand.h"
#include "array/plan/face.h"
#include "array/plan/halo.h"
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

void bri_keep_within(const bri_span *span, int a, int64_t *from, int64_t *to)
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

void bri_chunk_range(const bri_input *input, const bri_rectangle *r, int64_t *first, int64_t *last)
{
    for (int a = 0; a < r->ndim; a++) {
        int64_t low;
        int64_t high;
        bri_rectangle_range(r, a, &low, &high);
        first[a] = bri_axis_find(&input->stage->axis[a], low);
        last[a] = bri_axis_find(&input->stage->axis[a], high);
    }
}

bool bri_next_in_box(int ndim, const int64_t *first, const int64_t *last, int64_t *coord)
{
    for (int a = ndim - 1; a >= 0; a--) {
        if (++coord[a] <= last[a])
            return true;
        coord[a] = first[a];
    }
    return false;
}

bool bri_touches(const bri_input *input, const bri_rectangle *r, const int64_t *coord)
{
    for (int a = 0; a < r->ndim; a++) {
        int64_t first;
        int64_t count;
        if (r->step[a] >= -1 && r->step[a] <= 1)
            continue;
        if (!bri_rectangle_part(r, a, &input->stage->axis[a], coord[a], &first, &count))
            return false;
    }
    return true;
}

/* The chunk, or the face of it that is sent instead. */
static br_status add_chunk(const bri_step *at, const bri_input *input, const int64_t *coord,
                           int owner, bri_needs *list)
{
    bri_stage *from = input->stage;
    int64_t chunk = bri_grid_linear(from->ndim, from->axis, coord);
    if (from->kind == &bri_stage_mirror)
        chunk = bri_mirror_task(from, chunk);
    if (from->direct && bri_value_owner(from, chunk) == owner)
        return BR_OK; /* at hand */
    if (bri_face_sent(input, at->chunk, at->step, coord))
        return bri_needs_add(list, input->faces,
                             bri_face_number(input, at->chunk, at->step, coord));
    return bri_needs_add(list, from, chunk);
}

static br_status input_needs(const bri_step *at, const bri_input *input, const bri_leaf *leaf,
                             int owner, bri_needs *list)
{
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    bri_leaf box;
    if (input->from != BRI_FROM_STAGE)
        return BR_OK;
    bri_input_box(input, leaf, &box);
    bri_rectangle r;
    bri_rectangle_of(&input->map, &box, &r);
    if (r.nelem == 0)
        return BR_OK;
    bri_chunk_range(input, &r, first, last);
    memcpy(coord, first, sizeof coord);
    do {
        if (bri_touches(input, &r, coord))
            BRI_TRY(add_chunk(at, input, coord, owner, list));
    } while (bri_next_in_box(input->stage->ndim, first, last, coord));
    return BR_OK;
}

br_status bri_input_needs(const bri_input *input, const bri_leaf *leaf, int owner, bri_needs *list)
{
    BRI_ASSERT(input->faces == NULL);
    return input_needs(&(bri_step){.stage = NULL}, input, leaf, owner, list);
}

bool bri_input_reads(const bri_input *input, const bri_leaf *leaf, int64_t of)
{
    int64_t first[BR_MAX_NDIM];
    int64_t last[BR_MAX_NDIM];
    int64_t coord[BR_MAX_NDIM];
    bri_leaf box;
    bri_input_box(input, leaf, &box);
    bri_rectangle r;
    bri_rectangle_of(&input->map, &box, &r);
    if (r.nelem == 0)
        return false;
    bri_chunk_range(input, &r, first, last);
    bri_grid_coords(input->stage->ndim, input->stage->axis, of, coord);
    for (int a = 0; a < r.ndim; a++)
        if (coord[a] < first[a] || coord[a] > last[a])
            return false;
    return bri_touches(input, &r, coord);
}

static bool reads_stages(const bri_stage *stage)
{
    for (int i = 0; i < stage->ninputs; i++)
        if (stage->inputs[i].from == BRI_FROM_STAGE)
            return true;
    return false;
}

br_status bri_stage_needs_on(const bri_stage *stage, int64_t chunk, int64_t step, int rank,
                             bri_needs *list)
{
    bri_leaf leaf;
    if (!reads_stages(stage))
        return BR_OK;
    bri_leaf_box(stage, chunk, step, &leaf);
    if (leaf.nelem == 0)
        return BR_OK;
    bri_step at = {stage, chunk, step};
    int i = 0;
    int end = stage->ninputs;
    if (stage->kind->inputs != NULL)
        stage->kind->inputs(stage, chunk, &i, &end);
    for (; i < end; i++)
        if (is_read(&stage->inputs[i].span, &leaf))
            BRI_TRY(input_needs(&at, &stage->inputs[i], &leaf, rank, list));
    return BR_OK;
}

br_status bri_stage_needs(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
{
    return bri_stage_needs_on(stage, chunk, step, bri_stage_owner(stage, chunk, step), list);
}

br_status bri_needs_of(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list)
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

void bri_window_reach(const bri_stage *reader, const bri_map_term *w, int64_t *down, int64_t *up)
{
    int64_t way = w->step != 0 ? w->step * (reader->leaf_axis[w->axis].extent - 1) : 0;
    *down = way < 0 ? way : 0;
    *up = way > 0 ? way : 0;
}

int64_t bri_extent_along(const bri_input *input, const bri_stage *reader, int axis)
{
    return input->halo != NULL ? input->halo->axis[axis].extent : reader->leaf_axis[axis].extent;
}

/* Do windows leave nothing out between two steps? */
static bool is_close(const bri_map_axis *m, const bri_map_term *w, int64_t reach)
{
    return w->step == 0 ||
           ((w->step == 1 || w->step == -1) && m->step <= reach + 1 && m->step >= -reach - 1);
}

/* Does a reader that is demanded whole touch every chunk of its input? Decided axis by axis. */
static bool covers_axis(const bri_input *input, const bri_stage *reader, int a)
{
    const bri_map_axis *m = &input->map.from[a];
    const bri_axis *source = &input->stage->axis[a];
    int64_t down;
    int64_t up;
    bri_window_reach(reader, &input->map.window[a], &down, &up);
    if (source->nchunks == 1)
        return true;
    if (m->axis < 0 || !is_close(m, &input->map.window[a], up - down))
        return false;
    int64_t extent = bri_extent_along(input, reader, m->axis);
    for (int64_t c = 0; c < source->nchunks; c++) {
        int64_t from;
        int64_t to;
        bri_map_inverse(m, extent, bri_axis_start(source, c) - up,
                        bri_axis_start(source, c + 1) - down, &from, &to);
        bri_keep_within(&input->span, m->axis, &from, &to);
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
        if (map->window[a].step != 0)
            bit |= 1u << map->window[a].axis;
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
    BRI_TRY(bri_needs_of(reader, chunk, step, list));
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
    if (reader->kind == &bri_stage_face && reader->demanded == NULL)
        return BR_OK; /* all that it reads is demanded by its reader */
    for (int i = 0; i < reader->ninputs; i++) {
        if (reader->inputs[i].from != BRI_FROM_STAGE)
            continue;
        bool pairs = reader->inputs[i].stage->kind == &bri_stage_mirror;
        if (!all || pairs || !covers(&reader->inputs[i], reader)) {
            partly = true;
            continue;
        }
        want_whole(reader->inputs[i].stage);
        if (reader->inputs[i].faces != NULL)
            want_whole(reader->inputs[i].faces);
    }
    return partly ? mark_chunk_by_chunk(reader, list) : BR_OK;
}

/* What an earlier run has stored is not wanted. */
static br_status want_rest(bri_stage *root)
{
    BRI_TRY(start_partial(root));
    for (int64_t c = 0; c < root->nchunks && root->demanded != NULL; c++)
        if ((root->stored[c >> 3] >> (c & 7) & 1) == 0)
            root->demanded[c >> 3] |= (unsigned char)(1 << (c & 7));
    return BR_OK;
}

br_status bri_plan_demand(bri_plan *plan)
{
    bri_needs list = {0};
    br_status st = BR_OK;
    for (int i = 0; i < plan->nroots && st == BR_OK; i++)
        if (plan->roots[i]->stored != NULL)
            st = want_rest(plan->roots[i]);
        else
            want_whole(plan->roots[i]);
    for (int i = plan->nstages - 1; i >= 0 && st == BR_OK; i--)
        if (plan->stages[i]->wanted)
            st = mark_inputs(plan->stages[i], &list);
    bri_free(list.need);
    return st;
}
