/* SPDX-License-Identifier: BSD-3-Clause
 * rectangle.c - rectangles of a source, from access maps and boxes of leaves.
 */
#include "array/plan/rectangle.h"

#include <string.h>

static int64_t magnitude(int64_t x)
{
    return x < 0 ? -x : x;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* How far an index moves along a box, either way. */
static int64_t way(int64_t step, int64_t extent)
{
    return extent > 0 ? step * (extent - 1) : 0;
}

static int64_t unit_of(const bri_map *map, int a)
{
    return common_divisor(magnitude(map->from[a].step), magnitude(map->window[a].step));
}

/* Windows read every element from the lowest one to the highest one that a step can reach. */
static void set_windows(bri_rectangle *r, int a, const bri_map *map, const bri_leaf *box)
{
    const bri_map_axis *m = &map->from[a];
    const bri_map_term *w = &map->window[a];
    int64_t along = way(m->step, box->extent[m->axis]);
    int64_t across = way(w->step, box->extent[w->axis]);
    int64_t first = m->start + m->step * box->origin[m->axis] + w->step * box->origin[w->axis];
    bool any = box->extent[m->axis] > 0 && box->extent[w->axis] > 0;
    r->step[a] = unit_of(map, a);
    r->start[a] = first + (along < 0 ? along : 0) + (across < 0 ? across : 0);
    r->count[a] = any ? (magnitude(along) + magnitude(across)) / r->step[a] + 1 : 0;
}

void bri_rectangle_of(const bri_map *map, const bri_leaf *box, bri_rectangle *r)
{
    r->ndim = map->ndim;
    r->nelem = 1;
    for (int a = 0; a < r->ndim; a++) {
        const bri_map_axis *m = &map->from[a];
        bool moves = m->axis >= 0;
        if (map->window[a].step != 0) {
            set_windows(r, a, map, box);
        } else {
            r->start[a] = moves ? m->start + m->step * box->origin[m->axis] : m->start;
            r->step[a] = moves ? m->step : 1;
            r->count[a] = moves ? box->extent[m->axis] : 1;
        }
        r->nelem *= r->count[a];
    }
}

/* Strides along an axis with windows; the first element of the box is not the lowest one when a
 * step is negative. */
static void view_windows(bri_view *view, const bri_map *map, int a, const bri_leaf *box,
                         int64_t stride)
{
    const bri_map_axis *m = &map->from[a];
    const bri_map_term *w = &map->window[a];
    int64_t unit = unit_of(map, a);
    int64_t along = way(m->step, box->extent[m->axis]);
    int64_t across = way(w->step, box->extent[w->axis]);
    int64_t below = (along < 0 ? -along : 0) + (across < 0 ? -across : 0);
    if (view->base != NULL)
        view->base += below / unit * stride;
    view->stride[m->axis] += m->step / unit * stride;
    view->stride[w->axis] += w->step / unit * stride;
}

void bri_rectangle_view(const bri_map *map, const bri_leaf *box, int leaf_ndim,
                        const int64_t *stride, bri_view *view)
{
    /* One more axis than the leaf's: a reduction over no axes adds one. */
    int ndim = leaf_ndim < BR_MAX_NDIM ? leaf_ndim + 1 : leaf_ndim;
    memset(view->stride, 0, (size_t)ndim * sizeof view->stride[0]);
    for (int a = 0; a < map->ndim; a++)
        if (map->window[a].step != 0)
            view_windows(view, map, a, box, stride[a]);
        else if (map->from[a].axis >= 0)
            view->stride[map->from[a].axis] += stride[a];
}

void bri_rectangle_range(const bri_rectangle *r, int a, int64_t *low, int64_t *high)
{
    int64_t last = r->start[a] + (r->count[a] - 1) * r->step[a];
    *low = r->start[a] < last ? r->start[a] : last;
    *high = r->start[a] < last ? last : r->start[a];
}

bool bri_rectangle_part(const bri_rectangle *r, int a, const bri_axis *axis, int64_t chunk,
                        int64_t *first, int64_t *count)
{
    bri_map_axis m = {.axis = 0, .start = r->start[a], .step = r->step[a]};
    int64_t past = 0;
    int64_t low = bri_axis_start(axis, chunk);
    int64_t high = bri_axis_start(axis, chunk + 1);
    *first = 0;
    if (r->count[a] > 1)
        bri_map_inverse(&m, r->count[a], low, high, first, &past);
    else if (r->count[a] == 1)
        past = r->start[a] >= low && r->start[a] < high;
    *count = past - *first;
    return *count > 0;
}
