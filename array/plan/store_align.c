/* SPDX-License-Identifier: BSD-3-Clause
 * store_align.c - arrays are cut as their datasets are stored: each stored chunk is made by one
 * task, which filters it, and written once.
 *
 * Where chunks of an array cut stored ones, HDF5 would read, inflate, fill, deflate and write each
 * of these as often as one of its parts comes, under its lock.
 */
#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/file_ranks.h"
#include "array/plan/fit.h"
#include "array/plan/message.h"
#include "array/plan/store.h"

/* ---- one axis ---- */

/* The axis of the dataset where this one of the array lies; -1: none, or elements lie apart. */
static int axis_in(const bri_h5_form *form, int axis, int64_t *start)
{
    *start = 0;
    if (!form->placed)
        return axis;
    for (int a = 0; a < form->ndim; a++) {
        if (form->place[a].axis != axis)
            continue;
        *start = form->place[a].start;
        return form->place[a].step == 1 ? a : -1;
    }
    return -1;
}

/* Does a chunk of the array begin inside of a stored one that the chunk before it has a part of? */
static bool is_cut(const bri_axis *axis, int64_t start, int64_t stored)
{
    for (int64_t c = 1; c < axis->nchunks; c++)
        if ((start + bri_axis_start(axis, c)) % stored != 0)
            return true;
    return false;
}

/* Whole stored chunks: as many as an array's chunk has room for, counted from the first. Or the
 * array's own grid, if that is regular and cuts none; its last chunk may end anywhere, so it is
 * rounded up. Does the array cut any? */
static bool cut_as_stored(bri_chunks_params *p, int a, const bri_axis *axis, int64_t start,
                          int64_t stored)
{
    const int64_t inside = start % stored, largest = bri_axis_largest(axis);
    const int64_t own = axis->nchunks > 1 ? axis->chunk : inside + axis->extent;
    const int64_t whole = ((own - 1) / stored + 1) * stored;
    const bool regular = axis->starts == NULL && axis->first <= whole;
    const bool cuts = is_cut(axis, start, stored);
    if (regular && !cuts) {
        p->chunk[a] = whole;
        p->before[a] = axis->nchunks > 1 ? whole - axis->first : inside;
    } else {
        p->chunk[a] = largest > stored ? largest / stored * stored : stored;
        p->before[a] = inside;
    }
    return cuts;
}

static void keep(bri_chunks_params *p, int a, const bri_axis *axis)
{
    const bool shorter = axis->starts == NULL && axis->nchunks > 1 && axis->first < axis->chunk;
    const int64_t largest = bri_axis_largest(axis);
    p->chunk[a] = largest > 0 ? largest : 1;
    p->before[a] = shorter ? axis->chunk - axis->first : 0;
}

/* ---- one array ---- */

/* Its chunks, at most as large as they are, or 4 MiB; false when they are good as they are. */
static bool choose(const bri_node *x, const bri_h5_form *form, bri_chunks_params *p)
{
    int64_t unit[BR_MAX_NDIM];
    bool cuts = false;
    double bytes = (double)br_dtype_size(x->dtype);
    memset(p, 0, sizeof *p);
    p->ndim = x->ndim;
    for (int a = 0; a < x->ndim; a++) {
        int64_t start;
        const int to = axis_in(form, a, &start);
        if (to >= 0) {
            unit[a] = form->chunk[to];
            cuts |= cut_as_stored(p, a, &x->axis[a], start, unit[a]);
        } else {
            keep(p, a, &x->axis[a]);
            unit[a] = p->chunk[a];
        }
        bytes *= (double)bri_axis_largest(&x->axis[a]);
    }
    const double most = bytes > BRI_AUTO_CHUNK_BYTES ? bytes : BRI_AUTO_CHUNK_BYTES;
    bri_cut_to_multiples(x->ndim, br_dtype_size(x->dtype), most, unit, p->chunk);
    for (int a = 0; a < x->ndim; a++)
        p->before[a] %= p->chunk[a];
    return cuts;
}

/* *out, counted for the caller, is x itself when it is good. */
static br_status align(bri_node *x, const bri_h5_form *form, br_place at, bri_node **out)
{
    bri_chunks_params p;
    const bri_recipe recipe = {.op = &bri_op_rechunk,
                               .params = &p,
                               .params_bytes = sizeof p,
                               .inputs = &x,
                               .ninputs = 1,
                               .at = at};
    const bool chunked = form->ndim > 0 && form->chunk[0] > 0 && bri_node_nelem(x) > 0;
    if (chunked && choose(x, form, &p))
        return bri_node_make(x->ctx, &recipe, out);
    bri_node_retain(x);
    *out = x;
    return BR_OK;
}

/* ---- all of a call ---- */

/* Chunks wait for their neighbours: on this rank, without giving anything up for memory, or waiting
 * on disk. What else is wrong is found again when it is run. */
static bool fits_memory(br_context *ctx, bri_node *const *nodes, const bri_sink *sinks, int n)
{
    bri_plan *plan = NULL;
    bri_outputs outputs = {.node = nodes, .sink = sinks, .n = n};
    br_status st = bri_file_ranks_ask(ctx, nodes, n, &outputs.files);
    if (st == BR_OK)
        st = bri_plan_make(ctx, &outputs, &plan);
    if (st == BR_OK)
        st = bri_plan_check(plan);
    bri_plan_free(plan);
    bri_file_ranks_release(outputs.files);
    return st != BR_EMEMLIMIT;
}

static void tell(br_context *ctx, const char *path, const char *dataset, bool fits)
{
    if (fits)
        bri_log_info(ctx, "%s:%s: chunks of the array cut stored ones: it is rechunked", path,
                     dataset);
    else
        bri_log_info(ctx,
                     "%s:%s: chunks of the array cut stored ones, which takes long: "
                     "BRAMBLE_MEMORY_LIMIT does not allow to rechunk it",
                     path, dataset);
}

br_status bri_store_align(br_context *ctx, br_place at, const br_store_hdf5_args *stores,
                          const bri_sink *sinks, bri_node **nodes, int n, bool always)
{
    bri_node *cut[BRI_MAX_OUTPUTS];
    br_status st = BR_OK;
    int made = 0;
    bool any = false;
    for (; made < n && st == BR_OK; made += st == BR_OK) {
        st = align(nodes[made], bri_h5_form_of(sinks[made].writer), at, &cut[made]);
        any = any || (st == BR_OK && cut[made] != nodes[made]);
    }
    const bool fits = st == BR_OK && any && (always || fits_memory(ctx, cut, sinks, n));
    for (int i = 0; i < made; i++) {
        if (st == BR_OK && cut[i] != nodes[i])
            tell(ctx, stores[0].path, stores[i].dataset, fits);
        bri_node *unused = fits ? nodes[i] : cut[i];
        nodes[i] = fits ? cut[i] : nodes[i];
        bri_node_release(unused);
    }
    return st;
}
