/* SPDX-License-Identifier: BSD-3-Clause
 * gather.c - sorts indices by the chunks of the result and of the source, once for a plan: O(n).
 */
#include "array/plan/points.h"

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

/* Lists that are needed while sorting: of as many points as the largest block has, and what the
 * gather's lists are made of. */
typedef struct sorting {
    bri_gather *g;
    const bri_granules *granules;
    keyed *points, *other;
    int64_t *block_run, *span;
    int64_t *cell; /* of each run */
    size_t cells_room, starts_room;
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

static br_status start_run(sorting *s, int64_t cell, int64_t start)
{
    bri_gather *g = s->g;
    BRI_TRY(bri_grow(&s->cell, &s->cells_room, (size_t)g->nruns, sizeof *s->cell));
    BRI_TRY(bri_grow(&g->run_start, &s->starts_room, (size_t)g->nruns, sizeof *g->run_start));
    s->cell[g->nruns] = cell;
    g->run_start[g->nruns++] = (uint32_t)start;
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

static br_status make_runs(sorting *s, int64_t first, int64_t n)
{
    bri_gather *g = s->g;
    int64_t start = 0;
    int64_t before = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t point = first + g->order[first + i];
        int64_t cell = (int64_t)s->points[i].key;
        bool goes_on =
            i > 0 && cell == s->cell[g->nruns - 1] && read_together(s, start, before, point);
        before = point;
        if (goes_on)
            continue;
        start = point;
        BRI_TRY(start_run(s, cell, i));
    }
    return BR_OK;
}

/* The most elements along the picked axes that one of the block's runs spans. */
static int64_t longest_span(const bri_gather *g, const bri_points *points)
{
    int64_t origin[BR_MAX_NDIM];
    int64_t extent[BR_MAX_NDIM];
    int64_t most = 0;
    for (int64_t r = 0; r < points->nruns; r++) {
        int64_t n = 1;
        bri_points_box(g, points, points->first_run + r, origin, extent);
        for (int j = 0; j < g->picked; j++)
            n *= extent[j];
        most = n > most ? n : most;
    }
    return most;
}

static br_status sort_all(sorting *s)
{
    bri_gather *g = s->g;
    for (int64_t b = 0; b < g->nblocks; b++) {
        int64_t first = g->block_first[b];
        int64_t n = g->block_first[b + 1] - first;
        s->block_run[b] = g->nruns;
        sort_block(s, first, n);
        BRI_TRY(make_runs(s, first, n));
        const bri_points points = {.n = n,
                                   .first_run = s->block_run[b],
                                   .nruns = g->nruns - s->block_run[b],
                                   .index = g->index + first,
                                   .stride = g->npoints,
                                   .order = g->order + first,
                                   .start = g->run_start + s->block_run[b]};
        if (s->granules != NULL)
            s->span[b] = longest_span(g, &points);
    }
    s->block_run[g->nblocks] = g->nruns;
    return BR_OK;
}

/* ---- lists that all ranks have ---- */

static size_t lists_bytes(const bri_gather *g)
{
    return (size_t)(2 * g->nblocks + 1 + g->nruns) * sizeof(int64_t);
}

static void find_lists(bri_gather *g)
{
    g->block_run = (const int64_t *)(const void *)g->lists->data;
    g->span = g->block_run + g->nblocks + 1;
    g->run_cell = g->span + g->nblocks;
    for (int64_t b = 0; b < g->nblocks; b++) {
        int64_t n = g->block_run[b + 1] - g->block_run[b];
        g->most_runs = n > g->most_runs ? n : g->most_runs;
    }
}

static br_status make_lists(const sorting *s)
{
    bri_gather *g = s->g;
    g->lists = bri_table_new(lists_bytes(g));
    if (g->lists == NULL)
        return BR_ENOMEM;
    BRI_TRY(bri_table_charge(g->lists, g->x->ctx->memory));
    int64_t *to = (int64_t *)(void *)g->lists->data;
    memcpy(to, s->block_run, (size_t)(g->nblocks + 1) * sizeof *to);
    memcpy(to + g->nblocks + 1, s->span, (size_t)g->nblocks * sizeof *to);
    if (g->nruns > 0)
        memcpy(to + 2 * g->nblocks + 1, s->cell, (size_t)g->nruns * sizeof *to);
    bri_table_seal(g->lists);
    find_lists(g);
    return BR_OK;
}

/* They come from another process. */
static bool lists_fit(bri_gather *g)
{
    const int64_t words = (int64_t)(g->lists->bytes / sizeof(int64_t));
    const int64_t *run = (const int64_t *)(const void *)g->lists->data;
    g->nruns = words - 2 * g->nblocks - 1;
    if (g->nruns < 0 || g->lists->bytes != lists_bytes(g) || run[0] != 0 ||
        run[g->nblocks] != g->nruns)
        return false;
    for (int64_t b = 0; b < g->nblocks; b++)
        if (run[b + 1] < run[b] || run[b + 1] > g->nruns || run[g->nblocks + 1 + b] < 0)
            return false;
    for (int64_t r = 2 * g->nblocks + 1; r < words; r++)
        if (run[r] < 0 || run[r] >= g->ncells)
            return false;
    return true;
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
        place[g->run_cell[r] + 1]++;
    for (int64_t c = 0; c < g->ncells; c++)
        place[c + 1] += place[c];
    for (int64_t r = 0; r < g->nruns; r++)
        g->by_cell[place[g->run_cell[r]]++] = r;
    return BR_OK;
}

/* ---- the whole ---- */

/* Points of the blocks, which are ranges in C order. */
static int64_t set_blocks(bri_gather *g, const bri_axis *axis)
{
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

static br_status promise(bri_gather *g)
{
    const int64_t points = g->order != NULL ? g->npoints : 0;
    const int64_t starts = g->order != NULL ? g->nruns : 0;
    size_t bytes = (size_t)points * sizeof *g->order + (size_t)starts * sizeof *g->run_start +
                   (size_t)(g->nruns + g->nblocks + g->ncells) * sizeof *g->cell_run;
    if (!bri_memory_reserve(g->x->ctx->memory, bytes))
        return bri_error(BR_EMEMLIMIT,
                         "%zu bytes to sort %lld indices do not fit BRAMBLE_MEMORY_LIMIT: raise it",
                         bytes, (long long)g->npoints);
    bri_memory_stand(g->x->ctx->memory, bytes);
    g->promised = bytes;
    return BR_OK;
}

/* What does not need the indices themselves. *most: points of a block. */
static br_status begin(const bri_sorting *how, bri_gather **out, int64_t *most)
{
    const bri_take_params *p = how->node->params;
    const bri_axis *axis = how->node->axis + p->first;
    bri_gather *g = bri_calloc(1, sizeof *g);
    *out = g;
    if (g == NULL)
        return BR_ENOMEM;
    g->first = p->first;
    g->picked = how->x == how->node->input[0] ? p->picked : 1;
    g->index_ndim = p->ndim;
    g->x = how->x;
    g->npoints = g->nblocks = g->ncells = 1;
    for (int a = 0; a < p->ndim; a++) {
        g->npoints *= axis[a].extent;
        g->nblocks *= axis[a].nchunks;
    }
    for (int j = 0; j < g->picked; j++)
        g->ncells *= how->x->axis[p->first + j].nchunks;
    g->block_first = bri_calloc((size_t)g->nblocks + 1, sizeof *g->block_first);
    if (g->block_first == NULL)
        return BR_ENOMEM;
    *most = set_blocks(g, axis);
    return BR_OK;
}

static br_status allocate(sorting *s, int64_t most)
{
    bri_gather *g = s->g;
    g->order = bri_calloc((size_t)g->npoints, sizeof *g->order);
    s->block_run = bri_calloc((size_t)g->nblocks + 1, sizeof *s->block_run);
    s->span = bri_calloc((size_t)g->nblocks, sizeof *s->span);
    s->points = bri_calloc((size_t)most, sizeof *s->points);
    s->other = bri_calloc((size_t)most, sizeof *s->other);
    bool all = g->order != NULL && s->block_run != NULL && s->span != NULL && s->points != NULL &&
               s->other != NULL;
    return all ? BR_OK : BR_ENOMEM;
}

br_status bri_gather_new(const bri_sorting *how, bri_gather **out)
{
    int64_t most = 0;
    BRI_TRY(begin(how, out, &most));
    bri_gather *g = *out;
    sorting s = {.g = g, .granules = how->granules};
    g->index = (const int64_t *)(const void *)how->indices->data;
    br_status st = allocate(&s, most);
    if (st == BR_OK)
        st = sort_all(&s);
    if (st == BR_OK)
        st = make_lists(&s);
    bri_free(s.points);
    bri_free(s.other);
    bri_free(s.block_run);
    bri_free(s.span);
    bri_free(s.cell);
    if (st == BR_OK)
        st = sort_by_cell(g);
    return st == BR_OK ? promise(g) : st;
}

br_status bri_gather_told(const bri_sorting *how, bri_table *lists, bri_table *part,
                          bri_gather **out)
{
    int64_t most;
    BRI_TRY(begin(how, out, &most));
    bri_gather *g = *out;
    g->lists = bri_table_retain(lists);
    g->part = bri_table_retain(part);
    if (!lists_fit(g))
        return bri_error(BR_EINTERNAL, "lists of indices from rank 0 came garbled");
    find_lists(g);
    if (part != NULL && !bri_points_fit(g, part))
        return bri_error(BR_EINTERNAL, "indices from rank 0 came garbled");
    BRI_TRY(sort_by_cell(g));
    return promise(g);
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
    bri_table_release(g->lists);
    bri_table_release(g->part);
    bri_free(g->run_start);
    bri_free(g->order);
    bri_free(g->block_first);
    bri_free(g);
}

int64_t bri_gather_across(const bri_gather *g)
{
    const bri_node *x = g->x;
    int64_t bytes = (int64_t)br_dtype_size(x->dtype);
    for (int a = 0; a < x->ndim; a++)
        if (a < g->first || a >= g->first + g->picked)
            bytes *= bri_axis_largest(&x->axis[a]);
    return bytes > 0 ? bytes : 1;
}

int64_t bri_gather_block(const bri_gather *g, int64_t run)
{
    int64_t low = 0;
    int64_t high = g->nblocks - 1;
    while (low < high) {
        int64_t half = (low + high) / 2;
        if (g->block_run[half + 1] <= run)
            low = half + 1;
        else
            high = half;
    }
    return low;
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
