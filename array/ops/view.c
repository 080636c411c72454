/* SPDX-License-Identifier: BSD-3-Clause
 * view.c - the node kind of views: a result whose elements are elements of the source, found
 * through an access map.
 *
 * Views never copy by themselves: their map is composed into whatever reads them.
 */
#include <string.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"
#include "runtime/alloc.h"

static const int64_t *map_words(const bri_node *node)
{
    const bri_view_params *p = node->params;
    return p->word + p->ndim;
}

void bri_view_map(const bri_node *node, bri_map *map)
{
    const bri_view_params *p = node->params;
    const int64_t *w = map_words(node);
    *map = (bri_map){.ndim = p->source_ndim};
    for (int a = 0; a < p->source_ndim; a++, w += 3)
        map->from[a] = (bri_map_axis){(int)w[0], w[1], w[2]};
}

/* The source axis that moves with axis o of the view, or -1. */
static int source_axis_of(const bri_map *map, int o)
{
    for (int a = 0; a < map->ndim; a++)
        if (map->from[a].axis == o)
            return a;
    return -1;
}

/* Axes that only repeat are cut so that chunks stay near the automatic size. */
static void cut_repeated_axes(bri_node *node, uint32_t repeated)
{
    double bytes = (double)br_dtype_size(node->dtype);
    for (int o = 0; o < node->ndim; o++)
        if (!(repeated >> o & 1))
            bytes *= (double)bri_axis_largest(&node->axis[o]);
    for (int o = node->ndim - 1; o >= 0; o--) {
        if (!(repeated >> o & 1))
            continue;
        int64_t chunk = 1;
        while (2 * bytes <= BRI_AUTO_CHUNK_BYTES && chunk < node->axis[o].extent) {
            chunk *= 2;
            bytes *= 2;
        }
        node->axis[o] = bri_axis_regular(node->axis[o].extent, chunk);
    }
}

static br_status infer(bri_node *node)
{
    const bri_view_params *p = node->params;
    const bri_node *x = node->input[0];
    bri_map map;
    uint32_t repeated = 0;
    bri_view_map(node, &map);
    node->dtype = x->dtype;
    for (int o = 0; o < p->ndim; o++, node->ndim++) {
        int a = source_axis_of(&map, o);
        if (a >= 0 && p->word[o] == BR_UNKNOWN) { /* the whole of an axis, however long it is */
            node->axis[o] = bri_axis_share(&x->axis[a]);
        } else if (a < 0) {
            node->axis[o] = bri_axis_regular(p->word[o], p->word[o]);
            repeated |= p->word[o] > 1 ? 1u << o : 0;
        } else {
            BRI_TRY(bri_axis_slice(&x->axis[a], map.from[a].start, map.from[a].step, p->word[o],
                                   &node->axis[o]));
        }
    }
    cut_repeated_axes(node, repeated);
    return BR_OK;
}

static void access(const bri_node *node, int input, const bri_map *map, bri_map *out)
{
    (void)input;
    bri_map own;
    bri_view_map(node, &own);
    *out = bri_map_compose(map, &own);
}

int bri_view_emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)fuse;
    (void)node;
    (void)map;
    return values[0];
}

/* start:stop:step of each source axis, as the text form of the index. */
static void print_index(const bri_node *node, FILE *to)
{
    bri_map map;
    bri_view_map(node, &map);
    for (int a = 0; a < map.ndim; a++) {
        const bri_map_axis *m = &map.from[a];
        fprintf(to, "%s", a > 0 ? ", " : "");
        if (m->axis < 0) {
            fprintf(to, "%lld", (long long)m->start);
            continue;
        }
        int64_t n = node->axis[m->axis].extent;
        if (m->start == 0 && m->step == 1 && n == node->input[0]->axis[a].extent)
            fprintf(to, ":");
        else if (m->step == 1)
            fprintf(to, "%lld:%lld", (long long)m->start, (long long)(m->start + n));
        else
            fprintf(to, "%lld::%lld (%lld of them)", (long long)m->start, (long long)m->step,
                    (long long)n);
    }
}

static void print_axes(const bri_node *node, FILE *to)
{
    bri_map map;
    bri_view_map(node, &map);
    for (int o = 0; o < node->ndim; o++)
        fprintf(to, "%s%d", o > 0 ? ", " : "", source_axis_of(&map, o));
}

#define VIEW(op_name, print_function)                                                              \
    {                                                                                              \
        .name = op_name, .infer = infer, .form = {1, 1, sizeof(bri_view_params), true},            \
        .fits = bri_fits_view, .access = access, .emit = bri_view_emit, .any_extent = true,        \
        .view = true, .print = print_function                                                      \
    }
const bri_op bri_op_index = VIEW("index", print_index);
const bri_op bri_op_permute = VIEW("permute_dims", print_axes);
const bri_op bri_op_broadcast = VIEW("broadcast_to", NULL);

br_array *bri_view_array(const bri_call *call, const bri_op *op, br_array *x, const bri_axis *out,
                         int ndim, const bri_map *map)
{
    size_t bytes = sizeof(bri_view_params) + (size_t)(ndim + 3 * map->ndim) * sizeof(int64_t);
    bri_view_params *p = bri_calloc(1, bytes);
    if (p == NULL)
        return bri_handle_error(call, BR_ENOMEM);
    p->ndim = ndim;
    p->source_ndim = map->ndim;
    int64_t *w = p->word;
    for (int o = 0; o < ndim; o++)
        *w++ = out[o].extent;
    for (int a = 0; a < map->ndim; a++) {
        *w++ = map->from[a].axis;
        *w++ = map->from[a].start;
        *w++ = map->from[a].step;
    }
    bri_call mine = *call;
    br_array *view = bri_build(&mine, op, p, bytes, &x, 1);
    bri_free(p);
    return view;
}
