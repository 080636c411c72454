/* SPDX-License-Identifier: BSD-3-Clause
 * index.c - basic indexing, and the functions that are views: permute_dims, broadcast_to,
 * expand_dims, squeeze.
 */
#include <stdarg.h>
#include <string.h>

#include <bramble/array.h>

#include "array/ops/index_text.h"
#include "array/ops/ops.h"

/* The view that is being put together. */
typedef struct view {
    bri_axis out[BR_MAX_NDIM];
    int ndim;
    bri_map map;
} view;

static br_status add_axis(view *v, int64_t extent)
{
    if (v->ndim == BR_MAX_NDIM)
        return bri_error(BR_EINDEX, "the result has more than %d axes", BR_MAX_NDIM);
    v->out[v->ndim++] = bri_axis_regular(extent, extent);
    return BR_OK;
}

static br_status take_integer(view *v, const br_index_item *item, int64_t extent)
{
    int64_t i = item->start < 0 ? item->start + extent : item->start;
    if (i < 0 || i >= extent)
        return bri_error(BR_EINDEX, "index %lld is out of range for axis %d with extent %lld",
                         (long long)item->start, v->map.ndim, (long long)extent);
    v->map.from[v->map.ndim++] = (bri_map_axis){BRI_FIXED, i, 0};
    return BR_OK;
}

static int64_t clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

/* Python's slice.indices(). A slice of one element has step 1: a step beyond the extent would
 * overflow in the arithmetic of maps. */
static br_status take_slice(view *v, const br_index_item *item, int64_t extent)
{
    if (extent == BR_UNKNOWN) {
        v->map.from[v->map.ndim++] = (bri_map_axis){v->ndim, 0, 1};
        return add_axis(v, BR_UNKNOWN);
    }
    int64_t step = item->step != 0 ? item->step : 1;
    int64_t low = step > 0 ? 0 : -1;
    int64_t high = step > 0 ? extent : extent - 1;
    int64_t start = step > 0 ? low : high;
    int64_t stop = step > 0 ? high : low;
    if (item->has_start)
        start = clamp(item->start < 0 ? item->start + extent : item->start, low, high);
    if (item->has_stop)
        stop = clamp(item->stop < 0 ? item->stop + extent : item->stop, low, high);
    int64_t way = step > 0 ? stop - start : start - stop;
    int64_t size = step > 0 ? step : step > -INT64_MAX ? -step : INT64_MAX;
    int64_t count = way > 0 ? (way - 1) / size + 1 : 0;
    v->map.from[v->map.ndim++] =
        (bri_map_axis){v->ndim, count > 0 ? start : 0, count > 1 ? step : 1};
    return add_axis(v, count);
}

static br_status take_whole(view *v, const bri_node *x, int n)
{
    br_index_item all = {.kind = ':'};
    for (int i = 0; i < n; i++)
        BRI_TRY(take_slice(v, &all, x->axis[v->map.ndim].extent));
    return BR_OK;
}

/* Of an axis of unknown extent only the whole can be named. */
static br_status check_extent(const view *v, const bri_node *x, const br_index_item *item)
{
    bool whole = item->kind == ':' && !item->has_start && !item->has_stop && item->step <= 1 &&
                 item->step >= 0;
    return whole || (item->kind != ':' && item->kind != 'i') ? BR_OK
                                                             : bri_check_known(x, v->map.ndim);
}

static br_status take_item(view *v, const bri_node *x, const br_index_item *item, int unnamed)
{
    BRI_TRY(check_extent(v, x, item));
    switch (item->kind) {
    case 'i':
        return take_integer(v, item, x->axis[v->map.ndim].extent);
    case ':':
        return take_slice(v, item, x->axis[v->map.ndim].extent);
    case 'n':
        return add_axis(v, 1);
    case '.':
        return take_whole(v, x, unnamed);
    default:
        return bri_error(BR_EINDEX, "an item has kind '%c'", item->kind);
    }
}

static br_status count_items(const bri_node *x, const br_index_item *items, int n, int *unnamed)
{
    int named = 0;
    int ellipses = 0;
    for (int i = 0; i < n; i++) {
        named += items[i].kind == 'i' || items[i].kind == ':';
        ellipses += items[i].kind == '.';
    }
    if (ellipses > 1)
        return bri_error(BR_EINDEX, "\"...\" stands there more than once");
    if (named > x->ndim) {
        char shape[128];
        return bri_error(BR_EINDEX, "%d indices for shape %s", named,
                         bri_node_shape_text(x, shape, sizeof shape));
    }
    *unnamed = x->ndim - named;
    return BR_OK;
}

static br_status index_view(const bri_node *x, const br_index_item *items, int n, view *v)
{
    int unnamed = 0;
    bool ellipsis = false;
    BRI_TRY(count_items(x, items, n, &unnamed));
    for (int i = 0; i < n; i++) {
        BRI_TRY(take_item(v, x, &items[i], unnamed));
        ellipsis |= items[i].kind == '.';
    }
    return ellipsis ? BR_OK : take_whole(v, x, unnamed);
}

br_status bri_index_resolve(const char *text, int ndim, const int64_t *shape, bri_map *map,
                            br_extents *result)
{
    br_index_item items[BRI_MAX_INDEX_ITEMS];
    bri_axis axis[BR_MAX_NDIM];
    const bri_node of = {.ndim = ndim, .axis = axis};
    view v = {.ndim = 0};
    int n = 0;
    for (int a = 0; a < ndim; a++)
        axis[a] = bri_axis_regular(shape[a], shape[a]);
    BRI_TRY(bri_index_parse(text, items, &n));
    BRI_TRY(index_view(&of, items, n, &v));
    *map = v.map;
    result->ndim = v.ndim;
    for (int a = 0; a < v.ndim; a++)
        result->extent[a] = v.out[a].extent;
    return BR_OK;
}

br_array *br_index_items_(br_array *x, const br_index_item *items, int n, br_place at)
{
    bri_call call = {x != NULL ? x->ctx : NULL, "index", at};
    view v = {.ndim = 0};
    if (x != NULL && x->status == BR_OK) {
        br_status st = index_view(x->node, items, n, &v);
        if (st != BR_OK)
            return bri_handle_error(&call, st);
    }
    return bri_view_array(&call, &bri_op_index, x, v.out, v.ndim, &v.map);
}

br_array *br_index_(br_array *x, const char *text, br_place at)
{
    bri_call call = {x != NULL ? x->ctx : NULL, "index", at};
    br_index_item items[BRI_MAX_INDEX_ITEMS];
    int n = 0;
    br_status st =
        text != NULL ? bri_index_parse(text, items, &n) : bri_error(BR_EINDEX, "the text is NULL");
    if (st != BR_OK && x != NULL && x->status == BR_OK)
        return bri_handle_error(&call, st);
    return br_index_items_(x, items, n, at);
}

br_array *br_indexf_(br_array *x, br_place at, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bri_call call = {x != NULL ? x->ctx : NULL, "index", at};
    if (n < 0 || (size_t)n >= sizeof text)
        return bri_handle_error(
            &call, bri_error(BR_EINDEX, "the text is longer than %zu characters", sizeof text - 1));
    return br_index_(x, text, at);
}

/* ---- other views ---- */

br_array *br_permute_dims_(br_array *x, br_axes axes, br_place at)
{
    bri_call call = {x != NULL ? x->ctx : NULL, "permute_dims", at};
    view v = {.ndim = 0};
    if (x != NULL && x->status == BR_OK) {
        uint32_t mask;
        int ndim = x->node->ndim;
        br_axes none = {-1, {0}};
        br_status st = bri_axes_mask(axes.n == 0 ? &none : &axes, ndim, &mask);
        if (st == BR_OK && (axes.n > 0 ? axes.n : 0) != ndim)
            st = bri_error(BR_EAXIS, "%d axes for %d dimensions", axes.n > 0 ? axes.n : 0, ndim);
        if (st != BR_OK)
            return bri_handle_error(&call, st);
        v.map.ndim = ndim;
        for (int o = 0; o < ndim; o++) {
            int a = axes.axis[o] < 0 ? axes.axis[o] + ndim : axes.axis[o];
            v.map.from[a] = (bri_map_axis){o, 0, 1};
            add_axis(&v, x->shape[a]);
        }
    }
    return bri_view_array(&call, &bri_op_permute, x, v.out, v.ndim, &v.map);
}

static br_status broadcast_view(const br_array *x, const br_extents *shape, view *v)
{
    int ndim = bri_extents_ndim(shape);
    int more = ndim - x->node->ndim;
    bool fits = more >= 0;
    BRI_TRY(bri_check_known(x->node, BRI_ALL_AXES));
    v->map.ndim = x->node->ndim;
    for (int o = 0; o < ndim && fits; o++) {
        if (shape->extent[o] < 0)
            return bri_error(BR_ESHAPE,
                             "extent %lld of axis %d: where an extent is unknown br_resolve(x) "
                             "gives x with its shape",
                             (long long)shape->extent[o], o);
        BRI_TRY(add_axis(v, shape->extent[o]));
        if (o < more)
            continue;
        bool repeats = x->shape[o - more] == 1;
        fits = repeats || x->shape[o - more] == shape->extent[o];
        v->map.from[o - more] = (bri_map_axis){repeats ? BRI_FIXED : o, 0, repeats ? 0 : 1};
    }
    char have[128];
    char want[128];
    return fits ? BR_OK
                : bri_error(BR_ESHAPE, "shape %s does not broadcast to %s",
                            bri_node_shape_text(x->node, have, sizeof have),
                            bri_shape_text(ndim, shape->extent, want, sizeof want));
}

br_array *br_broadcast_to_(br_array *x, br_extents shape, br_place at)
{
    bri_call call = {x != NULL ? x->ctx : NULL, "broadcast_to", at};
    view v = {.ndim = 0};
    if (x != NULL && x->status == BR_OK) {
        br_status st = broadcast_view(x, &shape, &v);
        if (st != BR_OK)
            return bri_handle_error(&call, st);
    }
    return bri_view_array(&call, &bri_op_broadcast, x, v.out, v.ndim, &v.map);
}

br_array *br_expand_dims_(br_array *x, int axis, br_place at)
{
    bri_call call = {x != NULL ? x->ctx : NULL, "expand_dims", at};
    br_index_item items[BRI_MAX_INDEX_ITEMS];
    int n = 0;
    if (x != NULL && x->status == BR_OK) {
        int before = axis < 0 ? axis + x->node->ndim + 1 : axis;
        if (before < 0 || before > x->node->ndim)
            return bri_handle_error(&call,
                                    bri_error(BR_EAXIS, "axis %d is out of range for %d dimensions",
                                              axis, x->node->ndim));
        while (n < before)
            items[n++] = (br_index_item){.kind = ':'};
        items[n++] = (br_index_item){.kind = 'n'};
    }
    return br_index_items_(x, items, n, at);
}

br_array *br_squeeze_(br_array *x, br_axes axes, br_place at)
{
    bri_call call = {x != NULL ? x->ctx : NULL, "squeeze", at};
    br_index_item items[BRI_MAX_INDEX_ITEMS];
    int n = 0;
    if (x != NULL && x->status == BR_OK) {
        uint32_t mask;
        br_status st = bri_axes_mask(&axes, x->node->ndim, &mask);
        for (; n < x->node->ndim && st == BR_OK; n++) {
            bool drop = mask >> n & 1;
            st = drop ? bri_check_known(x->node, n) : BR_OK;
            if (st == BR_OK && drop && x->shape[n] != 1)
                st = bri_error(BR_EAXIS, "axis %d has extent %lld, not 1", n,
                               (long long)x->shape[n]);
            items[n] = (br_index_item){.kind = drop ? 'i' : ':'};
        }
        if (st != BR_OK)
            return bri_handle_error(&call, st);
    }
    return br_index_items_(x, items, n, at);
}
