/* SPDX-License-Identifier: BSD-3-Clause
 * rechunk.c - the same array cut otherwise: a view whose map is the identity.
 *
 * Which parts of which chunks a new chunk is made of follows from the two grids, axis by axis, when
 * its task is made; nothing is listed. Where chunks of a stage are needed by many new ones, the
 * plan may cut them first.
 */
#include <string.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "runtime/alloc.h"

/* ---- the node ---- */

static bri_axis cut(int64_t extent, int64_t chunk, int64_t before)
{
    bri_axis out, longer = bri_axis_regular(before + extent, chunk);
    bool behind = before > 0 && extent > 0;
    return behind && bri_axis_slice_regular(&longer, before, 1, extent, &out)
               ? out
               : bri_axis_regular(extent, chunk);
}

static br_status infer(bri_node *node)
{
    const bri_chunks_params *p = node->params;
    node->dtype = node->input[0]->dtype;
    node->ndim = p->ndim;
    for (int a = 0; a < p->ndim; a++) {
        const bri_axis *x = &node->input[0]->axis[a];
        node->axis[a] = bri_axis_is_known(x) ? cut(x->extent, p->chunk[a], p->before[a]) : *x;
    }
    return BR_OK;
}

static void access(const bri_node *node, int input, const bri_map *map, bri_map *out)
{
    (void)node;
    (void)input;
    *out = *map;
}

static void print(const bri_node *node, FILE *to)
{
    const bri_chunks_params *p = node->params;
    char text[256];
    bool behind = false;
    for (int a = 0; a < p->ndim; a++)
        behind = behind || p->before[a] > 0;
    fprintf(to, "%s", bri_shape_text(p->ndim, p->chunk, text, sizeof text));
    if (behind)
        fprintf(to, " from %s", bri_shape_text(p->ndim, p->before, text, sizeof text));
}

const bri_op bri_op_rechunk = {
    .name = "rechunk",
    .infer = infer,
    .form = {1, 1, sizeof(bri_chunks_params), false},
    .fits = bri_fits_rechunk,
    .access = access,
    .emit = bri_view_emit,
    .any_extent = true,
    .view = true,
    .print = print,
};

/* ---- building ---- */

/* An axis of unknown extent is cut automatically as if it were that long. */
static const int64_t LONG_AXIS = (int64_t)1 << 40;

/* Chunk extents of each axis; those of the axes in *automatic are whole as yet. */
static br_status read_chunks(const br_array *x, const br_extents *chunks, bri_chunks_params *p,
                             uint32_t *automatic)
{
    bool all = chunks->ndim == BR_AUTO || (chunks->ndim == 0 && x->node->ndim > 0);
    p->ndim = x->node->ndim;
    *automatic = 0;
    if (!all && bri_extents_ndim(chunks) != p->ndim)
        return bri_error(BR_ESHAPE, "chunks for %d axes, but x has %d", chunks->ndim, p->ndim);
    for (int a = 0; a < p->ndim; a++) {
        int64_t want = all ? BR_AUTO : chunks->extent[a];
        int64_t extent = x->shape[a] > 0 ? x->shape[a] : 1;
        if (x->shape[a] == BR_UNKNOWN)
            extent = want == BR_AUTO ? LONG_AXIS : INT64_MAX;
        if (want < BR_AUTO)
            return bri_error(BR_ESHAPE, "chunk extent %lld of axis %d", (long long)want, a);
        if (want == BR_AUTO)
            *automatic |= 1u << a;
        p->chunk[a] = want <= 0 || want > extent ? extent : want;
    }
    return BR_OK;
}

static br_status choose_chunks(const br_array *x, const br_extents *chunks, size_t chunk_bytes,
                               bri_chunks_params *p)
{
    uint32_t automatic;
    memset(p, 0, sizeof *p);
    BRI_TRY(read_chunks(x, chunks, p, &automatic));
    if (chunk_bytes > 0 && automatic == 0 && p->ndim > 0)
        return bri_error(BR_EARG, "chunk_bytes is for automatic extents, but all are given: leave "
                                  "chunks out, or let some be BR_AUTO");
    double most = chunk_bytes > 0 ? (double)chunk_bytes : (double)BRI_AUTO_CHUNK_BYTES;
    bri_cut_chunks(p->ndim, br_dtype_size(x->node->dtype), most, automatic, p->chunk);
    return BR_OK;
}

br_array *br_rechunk_(br_rechunk_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "rechunk", args.at};
    bri_chunks_params p;
    memset(&p, 0, sizeof p);
    if (args.x != NULL && args.x->status == BR_OK) {
        br_status st = choose_chunks(args.x, &args.chunks, args.chunk_bytes, &p);
        if (st != BR_OK)
            return bri_handle_error(&call, st);
    }
    return bri_build(&call, &bri_op_rechunk, &p, sizeof p, &args.x, 1);
}

br_array *bri_rechunk(br_array *x, br_extents chunks, br_place at)
{
    return br_rechunk_((br_rechunk_args){.at = at, .x = x, .chunks = chunks});
}
