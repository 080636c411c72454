/* SPDX-License-Identifier: BSD-3-Clause
 * map.c - composing and inverting access maps.
 */
#include "array/expr/map.h"

bri_map bri_map_identity(int ndim)
{
    bri_map map = {.ndim = ndim};
    for (int a = 0; a < ndim; a++)
        map.from[a] = (bri_map_axis){a, 0, 1};
    return map;
}

bri_map bri_map_broadcast(int source_ndim, const bri_axis *source, int ndim)
{
    bri_map map = {.ndim = source_ndim};
    for (int a = 0; a < source_ndim; a++) {
        bool repeated = source[a].extent == 1;
        map.from[a] =
            (bri_map_axis){repeated ? BRI_FIXED : a + ndim - source_ndim, 0, repeated ? 0 : 1};
    }
    return map;
}

/* Axis b moves by `by` with the consumer's axis, too. */
static void add_term(bri_map *map, int b, int axis, int64_t by)
{
    bri_map_axis *m = &map->from[b];
    if (axis < 0)
        return;
    if (m->axis >= 0 && m->axis != axis) {
        map->window[b] = (bri_map_term){axis, map->window[b].step + by};
        return;
    }
    m->axis = axis;
    m->step += by;
}

/* The part of axis b that moves by `by` with axis k of outer's source. */
static void add_through(bri_map *map, int b, const bri_map *outer, int k, int64_t by)
{
    map->from[b].start += by * outer->from[k].start;
    add_term(map, b, outer->from[k].axis, by * outer->from[k].step);
    if (outer->window[k].step != 0)
        add_term(map, b, outer->window[k].axis, by * outer->window[k].step);
}

bri_map bri_map_compose(const bri_map *outer, const bri_map *inner)
{
    bri_map map = {.ndim = inner->ndim};
    for (int b = 0; b < inner->ndim; b++) {
        const bri_map_axis *in = &inner->from[b];
        map.from[b] = (bri_map_axis){BRI_FIXED, in->start, 0};
        if (in->axis >= 0)
            add_through(&map, b, outer, in->axis, in->step);
        if (inner->window[b].step != 0)
            add_through(&map, b, outer, inner->window[b].axis, inner->window[b].step);
    }
    return map;
}

bool bri_map_equal(const bri_map *a, const bri_map *b)
{
    if (a->ndim != b->ndim)
        return false;
    for (int i = 0; i < a->ndim; i++) {
        const bri_map_axis *m = &a->from[i];
        const bri_map_axis *n = &b->from[i];
        const bri_map_term *v = &a->window[i];
        const bri_map_term *w = &b->window[i];
        if (m->axis != n->axis || m->start != n->start || m->step != n->step ||
            v->step != w->step || (v->step != 0 && v->axis != w->axis))
            return false;
    }
    return true;
}

bool bri_map_has_windows(const bri_map *map)
{
    bool any = false;
    for (int a = 0; a < map->ndim; a++)
        any = any || map->window[a].step != 0;
    return any;
}

void bri_map_range(const bri_map_axis *m, int64_t from, int64_t count, int64_t *low, int64_t *high)
{
    int64_t first = m->axis == BRI_FIXED ? m->start : m->start + m->step * from;
    int64_t last = m->axis == BRI_FIXED ? m->start : first + m->step * (count - 1);
    *low = first < last ? first : last;
    *high = first < last ? last : first;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

void bri_map_inverse(const bri_map_axis *m, int64_t extent, int64_t low, int64_t high,
                     int64_t *from, int64_t *to)
{
    *from = 0;
    *to = extent;
    if (m->axis == BRI_FIXED || m->step == 0) {
        if (m->start < low || m->start >= high)
            *to = 0;
        return;
    }
    /* start + step * i in [low, high) */
    int64_t first =
        m->step > 0 ? ceil_div(low - m->start, m->step) : ceil_div(m->start - high + 1, -m->step);
    int64_t past =
        m->step > 0 ? ceil_div(high - m->start, m->step) : ceil_div(m->start - low + 1, -m->step);
    *from = first > 0 ? first : 0;
    *to = past < extent ? past : extent;
    if (*to < *from)
        *to = *from;
}
