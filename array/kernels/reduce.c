/* SPDX-License-Identifier: BSD-3-Clause
 * reduce.c - runs that reduce a box along one axis into states: by lanes along its last axis, by
 * rows along others.
 */
#include <stdlib.h>
#include <string.h>

#include "array/kernels/tree.h"
#include "array/kernels/vm.h"

/* Where a reduction's states go. */
typedef struct target {
    bri_planes planes;
    bri_plane_sizes sizes;
} target;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bri_planes target_at(const target *t, int64_t state)
{
    return bri_planes_at(&t->sizes, t->planes, state);
}

/* Puts n states `apart` states from each other, the first at `state`. */
static void put(const target *t, int64_t state, int64_t apart, int64_t n, bri_planes from)
{
    for (int k = 0; k < BRI_PLANES; k++) {
        size_t size = t->sizes.size[k];
        char *to = t->planes.p[k] + state * (int64_t)size;
        if (size == 0)
            continue;
        if (apart == 1)
            memcpy(to, from.p[k], (size_t)n * size);
        for (int64_t i = 0; apart != 1 && i < n; i++)
            memcpy(to + i * apart * (int64_t)size, from.p[k] + i * (int64_t)size, size);
    }
}

/* Memory of the elements from idx on when the program is a plain input that is dense for `length`
 * elements. */
static const char *direct(const bri_run *run, const int64_t *idx, int64_t length)
{
    if (run->p->ncode != 1 || run->p->code[0].code != BRI_CODE_LOAD ||
        run->sources[0].dense < length)
        return NULL;
    const char *p = run->sources[0].base;
    for (int a = 0; a < run->ndim; a++)
        p += idx[a] * run->sources[0].stride[a];
    return p;
}

/* ---- along the last axis ---- */

/* Rows that stand apart, read in place one after the other: each is fetched while the one before it
 * is reduced, since the CPU's own prefetching begins anew with each. */
static void apart_lanes(const bri_run *run, const target *t, const bri_reducer *k, int64_t row,
                        int64_t rows, const char *x)
{
    enum { LINE = 64 };
    const int last = run->ndim - 1;
    int64_t n = run->extent[last];
    int64_t stride = run->sources[0].stride[last - 1];
    int64_t bytes = n * (int64_t)bri_size_of_result(run->p);
    for (int64_t r = 0; r < rows; r++, x += stride) {
        for (int64_t at = 0; at < bytes && r + 1 < rows; at += LINE)
            __builtin_prefetch(x + stride + at, 0, 2);
        k->lanes(1, n, 0, x, target_at(t, row + r));
    }
}

/* Do rows in place have a page or more between them, and are they long enough for that to
 * matter? */
static bool stand_apart(const bri_run *run, int64_t n)
{
    enum { LONG = 1024, PAGE = 4096 };
    const int last = run->ndim - 1;
    int64_t bytes = n * (int64_t)bri_size_of_result(run->p);
    return last > 0 && bytes >= LONG && llabs(run->sources[0].stride[last - 1]) >= bytes + PAGE;
}

/* Rows of at most one block: several of them are evaluated at a time, each gives its state at once.
 */
static void short_lanes(bri_run *run, const target *t, const bri_reducer *k)
{
    const int last = run->ndim - 1;
    const int64_t n = run->extent[last];
    int64_t nrows = 1;
    for (int a = 0; a < last; a++)
        nrows *= run->extent[a];
    for (int64_t row = 0, rows; row < nrows; row += rows) {
        int64_t idx[BR_MAX_NDIM] = {0};
        bri_index_at(last, run->extent, row, idx);
        const char *x = direct(run, idx, n);
        if (x != NULL) {
            rows = last > 0 ? run->extent[last - 1] - idx[last - 1] : 1;
            if (stand_apart(run, n))
                apart_lanes(run, t, k, row, rows, x);
            else
                k->lanes(rows, n, last > 0 ? run->sources[0].stride[last - 1] : 0, x,
                         target_at(t, row));
        } else {
            rows = smaller(nrows - row, n < run->p->block ? run->p->block / n : 1);
            bri_run_lanes(run, k, idx, rows, n, target_at(t, row));
        }
    }
}

/* One long row; a plain input is read in place, as many blocks at once as the tree takes. */
static void long_lane(bri_run *run, int64_t *idx, bri_tree *tree)
{
    const int last = run->ndim - 1;
    const int64_t n = run->extent[last];
    bool in_place = direct(run, idx, n) != NULL;
    bri_tree_start(tree, 1, BRI_LANE_BLOCK);
    for (int64_t m; idx[last] < n; idx[last] += m) {
        int64_t most = bri_tree_left(tree) * BRI_LANE_BLOCK;
        most = in_place ? most : smaller(most, BRI_BLOCK);
        m = smaller(n - idx[last], most);
        if (in_place)
            tree->k->lanes(1, m, 0, direct(run, idx, n), bri_tree_next(tree));
        else
            bri_run_lanes(run, tree->k, idx, 1, m, bri_tree_next(tree));
        bri_tree_add(tree, (m + BRI_LANE_BLOCK - 1) / BRI_LANE_BLOCK, m);
    }
    idx[last] = 0;
}

static void long_lanes(bri_run *run, const target *t, bri_tree *tree)
{
    const int last = run->ndim - 1;
    int64_t step[BR_MAX_NDIM];
    int64_t idx[BR_MAX_NDIM] = {0};
    int64_t row = 0;
    for (int a = 0; a < last; a++)
        step[a] = 1;
    step[last] = run->extent[last];
    do {
        long_lane(run, idx, tree);
        put(t, row++, 1, 1, bri_tree_finish(tree));
    } while (bri_next_index(run->ndim, run->extent, step, idx));
}

/* Several rows at a time along the panels' axis, one block of each after the other. */
static void tiled_lane(bri_run *run, int64_t *idx, bri_tree *tree, int64_t rows)
{
    const int last = run->ndim - 1;
    const int across = run->panel_axis;
    bri_tree_start(tree, rows, BRI_LANE_BLOCK);
    for (; idx[last] < run->extent[last]; idx[last] += BRI_LANE_BLOCK) {
        int64_t m = smaller(run->extent[last] - idx[last], BRI_LANE_BLOCK);
        bri_planes next = bri_tree_next(tree);
        bri_run_fill_panels(run, idx, rows, m);
        for (int64_t r = 0; r < rows; r++, idx[across]++) {
            bri_run_lanes(run, tree->k, idx, 1, m, next);
            next = bri_planes_at(&tree->sizes, next, 1);
        }
        idx[across] -= rows;
        bri_tree_add(tree, 1, m);
    }
    idx[last] = 0;
}

static void tiled_lanes(bri_run *run, const target *t, bri_tree *tree)
{
    const int last = run->ndim - 1;
    const int across = run->panel_axis;
    int64_t step[BR_MAX_NDIM];
    int64_t idx[BR_MAX_NDIM] = {0};
    int64_t apart = 1;
    for (int a = 0; a < last; a++)
        step[a] = a == across ? run->panel_rows : 1;
    step[last] = run->extent[last];
    for (int a = across + 1; a < last; a++)
        apart *= run->extent[a];
    do {
        int64_t rows = smaller(run->extent[across] - idx[across], run->panel_rows);
        int64_t row = 0;
        for (int a = 0; a < last; a++)
            row = row * run->extent[a] + idx[a];
        tiled_lane(run, idx, tree, rows);
        put(t, row, apart, rows, bri_tree_finish(tree));
    } while (bri_next_index(run->ndim, run->extent, step, idx));
}

static void reduce_lanes(bri_run *run, const target *t, bri_tree *tree)
{
    /* Panels first: a transposed source read row by row would fetch each of its lines several
     * times. */
    bri_run_plan_panels(run);
    if (run->panel_axis >= 0)
        tiled_lanes(run, t, tree);
    else if (run->extent[run->ndim - 1] <= BRI_LANE_BLOCK)
        short_lanes(run, t, tree->k);
    else
        long_lanes(run, t, tree);
}

/* ---- along any other axis ---- */

enum {
    NARROW = 256
}; /* columns evaluated at a time: 16 rows of them stay in the first-level cache */

/* How a reduction by rows goes over its box. */
typedef struct rows {
    int tail; /* the first of the axes whose elements are the columns */
    int64_t cols;
    int64_t width;  /* columns of a tile */
    int64_t height; /* rows made at a time, a multiple of BRI_ROW_BLOCK */
    bool in_place;  /* a plain input, dense along the columns */
    bool together;  /* a row's columns end where the next row's begin, in C order */
} rows;

/* The columns are the last axis, and further ones if it is short. */
static void choose_columns(const bri_run *run, rows *g)
{
    g->tail = run->ndim - 1;
    g->cols = run->extent[g->tail];
    while (g->tail - 1 > run->axis && g->cols * run->extent[g->tail - 1] <= NARROW)
        g->cols *= run->extent[--g->tail];
}

static rows plan_rows(bri_run *run)
{
    static const int64_t origin[BR_MAX_NDIM] = {0};
    rows g;
    choose_columns(run, &g);
    g.in_place = direct(run, origin, g.cols) != NULL;
    g.width = g.in_place ? BRI_BLOCK : NARROW;
    g.width = smaller(g.width, bri_tree_widest(run->extent[run->axis], BRI_ROW_BLOCK));
    g.width = smaller(g.width, g.cols);
    g.together = g.width == g.cols && g.tail == run->axis + 1;
    g.height = BRI_ROW_BLOCK;
    if (g.together && !g.in_place)
        while (2 * g.height * g.width <= BRI_BLOCK)
            g.height *= 2;
    if (!g.in_place && !g.together)
        bri_run_plan_panels(run);
    if (run->panel_axis >= 0 && run->panel_axis != run->axis) {
        for (int s = 0; s < run->p->nsources; s++)
            run->sources[s].panel = NULL;
        run->panel_axis = -1;
    }
    return g;
}

/* m rows of w columns from idx on; *stride is what they are apart. */
static const char *make_rows(bri_run *run, const rows *g, int64_t *idx, int64_t m, int64_t w)
{
    int64_t stride = w * (int64_t)bri_size_of_result(run->p);
    if (g->together)
        return bri_run_eval(run, idx, m * w, run->rows);
    if (run->panel_axis >= 0)
        bri_run_fill_panels(run, idx, m, w);
    for (int64_t r = 0; r < m; r++, idx[run->axis]++) {
        char *to = run->rows + r * stride;
        const char *made = bri_run_eval(run, idx, w, to);
        if (made != to)
            memcpy(to, made, (size_t)stride);
    }
    idx[run->axis] -= m;
    return run->rows;
}

static int64_t row_stride(const bri_run *run, const rows *g, int64_t w)
{
    return g->in_place ? run->sources[0].stride[run->axis]
                       : w * (int64_t)bri_size_of_result(run->p);
}

/* All rows are one block: its states are those of the result. */
static void reduce_block(bri_run *run, const rows *g, int64_t *idx, int64_t w, const bri_reducer *k,
                         bri_planes to)
{
    const int64_t n = run->extent[run->axis];
    const char *x = g->in_place ? direct(run, idx, g->cols) : make_rows(run, g, idx, n, w);
    k->fold(n, w, row_stride(run, g, w), x, to);
}

static void reduce_tile(bri_run *run, const rows *g, int64_t *idx, int64_t w, bri_tree *tree)
{
    const int64_t n = run->extent[run->axis];
    int64_t stride = row_stride(run, g, w);
    bri_tree_start(tree, w, BRI_ROW_BLOCK);
    for (int64_t m; idx[run->axis] < n; idx[run->axis] += m) {
        m = smaller(n - idx[run->axis], g->height);
        const char *x = g->in_place ? direct(run, idx, g->cols) : make_rows(run, g, idx, m, w);
        for (int64_t r = 0; r < m; r += BRI_ROW_BLOCK) {
            int64_t h = smaller(m - r, BRI_ROW_BLOCK);
            tree->k->fold(h, w, stride, x + r * stride, bri_tree_next(tree));
            bri_tree_add(tree, 1, h);
        }
    }
    idx[run->axis] = 0;
}

/* The index of the state of the element at idx: C order over the axes but the reduced one. */
static int64_t state_index(const bri_run *run, const int64_t *idx)
{
    int64_t state = 0;
    for (int a = 0; a < run->ndim; a++)
        if (a != run->axis)
            state = state * run->extent[a] + idx[a];
    return state;
}

static void reduce_rows(bri_run *run, const target *t, bri_tree *tree)
{
    rows g = plan_rows(run);
    const int last = run->ndim - 1;
    const int64_t n = run->extent[run->axis];
    int64_t idx[BR_MAX_NDIM] = {0};
    int64_t step[BR_MAX_NDIM];
    for (int a = 0; a < run->ndim; a++)
        step[a] = a == run->axis || a >= g.tail ? run->extent[a] : 1;
    if (g.tail == last)
        step[last] = g.width;
    do {
        int64_t w = g.tail == last ? smaller(g.cols - idx[last], g.width) : g.cols;
        if (n > 0 && n <= BRI_ROW_BLOCK) {
            reduce_block(run, &g, idx, w, tree->k, target_at(t, state_index(run, idx)));
            continue;
        }
        reduce_tile(run, &g, idx, w, tree);
        put(t, state_index(run, idx), 1, w, bri_tree_finish(tree));
    } while (bri_next_index(run->ndim, run->extent, step, idx));
}

void bri_run_reduce(bri_run *run, bri_planes states)
{
    bri_tree tree;
    br_dtype dtype = run->p->values[run->p->result].dtype;
    bri_tree_init(&tree, run->p->redop, dtype, run->states);
    target t = {states, tree.sizes};
    if (run->axis == run->ndim - 1)
        reduce_lanes(run, &t, &tree);
    else
        reduce_rows(run, &t, &tree);
}
