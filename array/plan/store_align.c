/* SPDX-License-Identifier: BSD-3-Clause
 * store_align.c - arrays are cut as their datasets are stored: each stored chunk is made whole by
 * one task, which filters it, and written once.
 *
 * Where chunks of an array cut stored ones, HDF5 would read, inflate, fill, deflate and write each
 * of these as often as one of its parts comes, under its lock.
 */
#include "array/ops/ops.h"
#include "array/plan/store.h"
#include "array/plan/store_fit.h"

/* Of the memory limit, for the chunks that wait for their neighbours. */
enum { MEMORY_SHARE = 4 };

/* The axis of the dataset where this one of the array lies; -1 when elements lie apart along it. */
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

/* Stored chunks are whole along axes that have one index there. */
static bool is_flat(const bri_h5_form *form)
{
    bool flat = true;
    for (int a = 0; a < form->ndim && form->placed; a++)
        flat = flat && (form->place[a].axis >= 0 || form->chunk[a] == 1);
    return flat;
}

/* Chunks of the array by whole stored ones, about as large as they are; false when it has none of
 * these along some axis. */
static bool cut_as_stored(const bri_node *x, const bri_h5_form *form, bri_chunks_params *p)
{
    int64_t stored[BR_MAX_NDIM];
    double bytes = (double)br_dtype_size(x->dtype);
    *p = (bri_chunks_params){.ndim = x->ndim};
    for (int a = 0; a < x->ndim; a++) {
        int64_t start;
        int to = axis_in(form, a, &start);
        if (to < 0)
            return false;
        const int64_t chunk = form->chunk[to], largest = bri_axis_largest(&x->axis[a]);
        const int64_t end = start + x->axis[a].extent;
        const int64_t first = (start + chunk - 1) / chunk * chunk;
        if (first >= end || (end - first < chunk && end < form->shape[to]))
            return false;
        stored[a] = chunk;
        p->chunk[a] = largest > chunk ? largest / chunk * chunk : chunk;
        p->before[a] = start % chunk;
        bytes *= (double)largest;
    }
    double most = bytes > BRI_AUTO_CHUNK_BYTES ? bytes : BRI_AUTO_CHUNK_BYTES;
    bri_cut_to_multiples(x->ndim, br_dtype_size(x->dtype), most, stored, p->chunk);
    return true;
}

/* Chunks are made in C order: those that a row of new ones needs are there at a time. */
static bool fits_memory(const bri_node *x, const bri_chunks_params *p)
{
    bri_memory_stats memory;
    double bytes = (double)br_dtype_size(x->dtype);
    bri_memory_about(x->ctx->memory, &memory);
    const int64_t rows = x->axis[0].extent, most = p->chunk[0] + bri_axis_largest(&x->axis[0]);
    bytes *= (double)(most < rows ? most : rows);
    for (int a = 1; a < x->ndim; a++)
        bytes *= (double)x->axis[a].extent;
    return bytes * MEMORY_SHARE <= (double)memory.limit;
}

br_status bri_store_align(const bri_h5_form *form, const br_store_hdf5_args *args, bri_node **x)
{
    int64_t at;
    bri_node *cut;
    bri_chunks_params p;
    bool cuts = form->direct && bri_store_axis_that_cuts(*x, form, &at) >= 0;
    if (!cuts || bri_node_nelem(*x) == 0)
        return BR_OK;
    if (!is_flat(form) || !cut_as_stored(*x, form, &p) || !fits_memory(*x, &p)) {
        bri_log_info((*x)->ctx, "%s:%s: HDF5 puts chunks together that those of the array cut",
                     args->path, args->dataset);
        return BR_OK;
    }
    const bri_recipe recipe = {.op = &bri_op_rechunk,
                               .params = &p,
                               .params_bytes = sizeof p,
                               .inputs = x,
                               .ninputs = 1,
                               .at = args->at};
    BRI_TRY(bri_node_make((*x)->ctx, &recipe, &cut));
    bri_node_release(*x);
    *x = cut;
    return BR_OK;
}
