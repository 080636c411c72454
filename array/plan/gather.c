/* SPDX-License-Identifier: BSD-3-Clause
 * gather.c - sorts indices by the chunks of the result and of the source, once for a plan: O(n).
 */
#include "array/plan/gather.h"

#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

enum { DIGIT = 11, DIGITS = 1 << DIGIT };

/* A point of a block and what it is sorted by. */
typedef struct keyed {
    uint64_t key;
    uint32_t point;
} keyed;

/* Lists that are needed while sorting, of as many points as the largest block has. */
typedef struct sorting {
    bri_gather *g;
    const bri_granules *granules;
    keyed *points, *other;
    size_t room; /* of g->run */
} sorting;

/* ---- keys ---- */

static int64_t index_of(const bri_gather *g, int64_t point, int j)
{
    return g->index[j * g->npoints + point];
}

static int64_t cell_of(const bri_gather *g, int64_t point)
{
    int64_t cell = 0;
    for (int j = 0; j < g->picked; j++) {
        const bri_axis *axis = &g->x->axis[g->first + j];
        cell = cell * axis->nchunks + bri_axis_find(axis, index_of(g, point, j));
    }
    return cell;
}

static int64_t granule_of(const sorting *s, int64_t index, int j)
{
    const bri_granules *r = s->granules;
    return (r->start[j] + r->step[j] * index) / r->size[j];
}

/* By this number, points that are read together come one after the other. */
static int64_t place_of(const sorting *s, int64_t point)
{
    const bri_gather *g = s->g;
    int64_t at = 0;
    if (g->picked == 1)
        return index_of(g, point, 0);
    for (int j = 0; j < g->picked; j++) {
        int64_t one = granule_of(s, 0, j);
        int64_t other = granule_of(s, g->x->axis[g->first + j].extent - 1, j);
        at = at * ((one > other ? one : other) + 1) + granule_of(s, index_of(g, point, j), j);
    }
    return at;
}

/* Stable, digit by digit from the lowest one. */
static void sort_points(sorting *s, int64_t n, uint64_t most)
{
    for (int shift = 0; shift < 64 && most >> shift > 0; shift += DIGIT) {
        int64_t start[DIGITS + 1] = {0};
        for (int64_t i = 0; i < n; i++)
            start[(s->points[i].key >> shift & (DIGITS - 1)) + 1]++;
        for (int d = 0; d < DIGITS; d++)
            start[d + 1] += start[d];
        for (int64_t i = 0; i < n; i++)
            s->other[start[s->points[i].key >> shift & (DIGITS - 1)]++] = s->points[i];
        keyed *t = s->points;
        s->points = s->other;
        s->other = t;
    }
}

/* By cell; of files within a cell by place, that is, by place first. */
static void sort_block(sorting *s, int64_t first, int64_t n)
{
    bri_gather *g = s->g;
    uint64_t most = 0;
    bool sorted = true;
    for (int by_place = s->granules != NULL; by_place >= 0; by_place--) {
        for (int64_t i = 0; i < n; i++) {
            if (s->granules == NULL || by_place)
                s->points[i].point = (uint32_t)i;
            int64_t point = first + s->points[i].point;
            uint64_t key = (uint64_t)(by_place ? place_of(s, point) : cell_of(g, point));
            s->points[i].key = key;
            most = i == 0 || key > most ? key : most;
            sorted = i == 0 || (sorted && s->points[i - 1].key <= key);
        }
        if (!sorted)
            sort_points(s, n, most);
    }
    for (int64_t i = 0; i < n; i++)
        g->order[first + i] = s->points[i].point;
}

/* ---- runs ---- */

static br_status start_run(sorting *s, int64_t block, int64_t cell, int64_t at)
{
    bri_gather *g = s->g;
    BRI_TRY(bri_grow(&g->run, &s->room, (size_t)g->nruns + 1, sizeof *g->run));
    g->run[g->nruns++] = (bri_run){block, cell, at};
    return BR_OK;
}

/* Is the point read with those since `start`: from the same stored chunk or, along one axis, the
 * next one? */
static bool read_together(const sorting *s, int64_t start, int64_t before, int64_t point)
{
    const bri_gather *g = s->g;
    if (s->granules == NULL)
        return true;
    for (int j = 0; j < g->picked; j++) {
        int64_t at = index_of(g, point, j);
        int64_t gap = granule_of(s, at, j) - granule_of(s, index_of(g, before, j), j);
        bool next = g->picked == 1 && gap >= -1 && gap <= 1 &&
                    at - index_of(g, start, j) < s->granules->most;
        if (gap != 0 && !next)
            return false;
    }
    return true;
}

static br_status make_runs(sorting *s, int64_t block, int64_t first, int64_t n)
{
    bri_gather *g = s->g;
    int64_t start = 0;
    int64_t before = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t point = first + g->order[first + i];
        int64_t cell = (int64_t)s->points[i].key;
        bool goes_on =
            i > 0 && cell == g->run[g->nruns - 1].cell && read_together(s, start, before, point);
        before = point;
        if (goes_on)
            continue;
        start = point;
        BRI_TRY(start_run(s, block, cell, first + i));
    }
    return BR_OK;
}

static br_status sort_all(sorting *s)
{
    bri_gather *g = s->g;
    br_status st = BR_OK;
    for (int64_t b = 0; b < g->nblocks && st == BR_OK; b++) {
        int64_t first = g->block_first[b];
        int64_t n = g->block_first[b + 1] - first;
        g->block_run[b] = g->nruns;
        sort_block(s, first, n);
        st = make_runs(s, b, first, n);
        if (g->nruns - g->block_run[b] > g->most_runs)
            g->most_runs = g->nruns - g->block_run[b];
    }
    if (st == BR_OK)
        st = start_run(s, g->nblocks, 0, g->npoints);
    g->nruns -= st == BR_OK;
    g->block_run[g->nblocks] = g->nruns;
    return st;
}

/* The inverse: which runs lie in a cell. */
static br_status sort_by_cell(bri_gather *g)
{
    g->by_cell = bri_calloc((size_t)g->nruns, sizeof *g->by_cell);
    g->cell_run = bri_calloc((size_t)g->ncells + 2, sizeof *g->cell_run);
    if (g->by_cell == NULL || g->cell_run == NULL)
        return BR_ENOMEM;
    int64_t *place = g->cell_run + 1; /* of the cell's next run; where it ends at last */
    for (int64_t r = 0; r < g->nruns; r++)
        place[g->run[r].cell + 1]++;
    for (int64_t c = 0; c < g->ncells; c++)
        place[c + 1] += place[c];
    for (int64_t r = 0; r < g->nruns; r++)
        g->by_cell[place[g->run[r].cell]++] = r;
    return BR_OK;
}

/* ---- the whole ---- */

/* Points of the blocks, which are ranges in C order. */
static int64_t set_blocks(bri_gather *g, const bri_node *node)
{
    const bri_axis *axis = node->axis + g->first;
    int64_t coord[BR_MAX_NDIM];
    int64_t at = 0;
    int64_t most = 0;
    for (int64_t b = 0; b < g->nblocks; b++) {
        int64_t n = 1;
        bri_grid_coords(g->index_ndim, axis, b, coord);
        for (int a = 0; a < g->index_ndim; a++)
            n *= bri_axis_count(&axis[a], coord[a]);
        g->block_first[b] = at;
        at += n;
        most = n > most ? n : most;
    }
    g->block_first[g->nblocks] = at;
    return most;
}

static br_status allocate(bri_gather *g, const bri_node *node, sorting *s)
{
    g->block_first = bri_calloc((size_t)g->nblocks + 1, sizeof *g->block_first);
    g->block_run = bri_calloc((size_t)g->nblocks + 1, sizeof *g->block_run);
    g->order = bri_calloc((size_t)g->npoints, sizeof *g->order);
    if (g->block_first == NULL || g->block_run == NULL || g->order == NULL)
        return BR_ENOMEM;
    size_t most = (size_t)set_blocks(g, node);
    s->points = bri_calloc(most, sizeof *s->points);
    s->other = bri_calloc(most, sizeof *s->other);
    return s->points != NULL && s->other != NULL ? BR_OK : BR_ENOMEM;
}

static br_status promise(bri_gather *g)
{
    size_t bytes = (size_t)g->npoints * sizeof *g->order +
                   (size_t)g->nruns * (sizeof *g->run + sizeof *g->by_cell) +
                   ((size_t)g->nblocks * 2 + (size_t)g->ncells) * sizeof *g->cell_run;
    if (!bri_memory_reserve(g->x->ctx->memory, bytes))
        return bri_error(BR_EMEMLIMIT,
                         "%zu bytes to sort %lld indices do not fit BRAMBLE_MEMORY_LIMIT: raise it",
                         bytes, (long long)g->npoints);
    bri_memory_stand(g->x->ctx->memory, bytes);
    g->promised = bytes;
    return BR_OK;
}

br_status bri_gather_new(const bri_node *node, const bri_node *x, const bri_table *indices,
                         const bri_granules *granules, bri_gather **out)
{
    const bri_take_params *p = node->params;
    bri_gather *g = bri_calloc(1, sizeof *g);
    *out = g;
    if (g == NULL)
        return BR_ENOMEM;
    g->first = p->first;
    g->picked = x == node->input[0] ? p->picked : 1;
    g->index_ndim = p->ndim;
    g->x = x;
    g->index = (const int64_t *)indices->data;
    g->npoints = (int64_t)(indices->bytes / sizeof(int64_t)) / g->picked;
    g->nblocks = g->ncells = 1;
    for (int a = 0; a < p->ndim; a++)
        g->nblocks *= node->axis[p->first + a].nchunks;
    for (int j = 0; j < g->picked; j++)
        g->ncells *= x->axis[p->first + j].nchunks;
    sorting s = {.g = g, .granules = granules};
    br_status st = allocate(g, node, &s);
    if (st == BR_OK)
        st = sort_all(&s);
    bri_free(s.points);
    bri_free(s.other);
    if (st == BR_OK)
        st = sort_by_cell(g);
    return st == BR_OK ? promise(g) : st;
}

void bri_gather_free(bri_gather *g)
{
    if (g == NULL)
        return;
    if (g->promised > 0) {
        bri_memory_unstand(g->x->ctx->memory, g->promised);
        bri_memory_release(g->x->ctx->memory, g->promised);
    }
    bri_free(g->cell_run);
    bri_free(g->by_cell);
    bri_free(g->run);
    bri_free(g->order);
    bri_free(g->block_run);
    bri_free(g->block_first);
    bri_free(g);
}

void bri_gather_cell_box(const bri_gather *g, int64_t cell, int64_t *origin, int64_t *extent)
{
    int64_t coord[BR_MAX_NDIM];
    const bri_axis *axis = g->x->axis + g->first;
    bri_grid_coords(g->picked, axis, cell, coord);
    for (int j = 0; j < g->picked; j++) {
        origin[j] = bri_axis_start(&axis[j], coord[j]);
        extent[j] = bri_axis_count(&axis[j], coord[j]);
    }
}

void bri_gather_run_box(const bri_gather *g, int64_t run, int64_t *origin, int64_t *extent)
{
    int64_t base = g->block_first[g->run[run].block];
    for (int j = 0; j < g->picked; j++) {
        int64_t low = INT64_MAX;
        int64_t high = 0;
        for (int64_t i = g->run[run].first; i < g->run[run + 1].first; i++) {
            int64_t at = index_of(g, base + g->order[i], j);
            low = at < low ? at : low;
            high = at > high ? at : high;
        }
        origin[j] = low;
        extent[j] = high - low + 1;
    }
}
