/* SPDX-License-Identifier: BSD-3-Clause
 * store_new.c - the layout and what is said of a dataset that is made for an array.
 */
#include <string.h>

#include "array/plan/store.h"
#include "runtime/alloc.h"

enum { LARGEST_STORED_CHUNK = 4 << 20 };

static bool regular_grid(const bri_node *x, int64_t *chunk)
{
    for (int a = 0; a < x->ndim; a++) {
        chunk[a] = bri_axis_largest(&x->axis[a]);
        if (x->axis[a].starts != NULL ||
            (x->axis[a].nchunks > 1 && x->axis[a].first != x->axis[a].chunk))
            return false;
    }
    return true;
}

/* Stored chunks: those of the grid, halved along the first axes until they are not too large, so
 * that each chunk of the grid holds whole stored ones. */
static void default_chunks(const bri_node *x, int64_t *chunk)
{
    if (!regular_grid(x, chunk)) {
        int64_t shape[BR_MAX_NDIM];
        for (int a = 0; a < x->ndim; a++)
            shape[a] = x->axis[a].extent;
        bri_auto_chunks(x->ndim, shape, br_dtype_size(x->dtype), NULL, false, chunk);
    }
    double bytes = (double)br_dtype_size(x->dtype);
    for (int a = 0; a < x->ndim; a++) {
        chunk[a] = chunk[a] > 0 ? chunk[a] : 1;
        bytes *= (double)chunk[a];
    }
    for (int a = 0; a < x->ndim && bytes > LARGEST_STORED_CHUNK; a++) {
        while (bytes > LARGEST_STORED_CHUNK && chunk[a] % 2 == 0) {
            chunk[a] /= 2;
            bytes /= 2;
        }
    }
}

/* What is appended to grows along its first axis if none is named. */
static br_status set_unlimited(const br_store_hdf5_args *args, bri_h5_spec *spec)
{
    if (args->mode == BR_STORE_APPEND && args->unlimited.n == 0 && spec->ndim > 0)
        spec->unlimited = 1;
    for (int i = 0; i < args->unlimited.n; i++) {
        int axis = args->unlimited.axis[i];
        int a = axis < 0 ? axis + spec->ndim : axis;
        if (a < 0 || a >= spec->ndim)
            return bri_error(BR_EAXIS, "unlimited: axis %d of an array with %d", axis, spec->ndim);
        spec->unlimited |= 1u << a;
    }
    if (args->mode == BR_STORE_APPEND && spec->unlimited == 0)
        return bri_error(BR_ESHAPE, "nothing can be appended to an array without axes");
    return BR_OK;
}

static br_status set_chunks(const br_store_hdf5_args *args, const bri_node *x, bri_h5_spec *spec)
{
    if (args->chunks.ndim > 0 && args->chunks.ndim != x->ndim)
        return bri_error(BR_ESHAPE, "chunks for %d axes, but the array has %d", args->chunks.ndim,
                         x->ndim);
    if (!args->contiguous && x->ndim > 0)
        default_chunks(x, spec->chunk);
    bool empty = false;
    for (int a = 0; a < x->ndim; a++) {
        empty = empty || (spec->shape[a] == 0 && spec->unlimited == 0);
        if (args->chunks.ndim > 0 && args->chunks.extent[a] > 0)
            spec->chunk[a] = args->chunks.extent[a];
    }
    if (empty)
        memset(spec->chunk, 0, sizeof spec->chunk);
    return BR_OK;
}

static br_status fill_spec(const br_store_hdf5_args *args, const bri_node *x, bri_h5_spec *spec)
{
    *spec = (bri_h5_spec){.dtype = x->dtype, .ndim = x->ndim};
    for (int a = 0; a < x->ndim; a++)
        spec->shape[a] = x->axis[a].extent;
    BRI_TRY(set_unlimited(args, spec));
    BRI_TRY(set_chunks(args, x, spec));
    bool chunked = x->ndim > 0 && spec->chunk[0] > 0; /* arrays without elements are not */
    spec->deflate = chunked ? args->deflate : 0;
    spec->shuffle = chunked && !args->no_shuffle && (args->shuffle || args->deflate > 0);
    spec->fletcher32 = chunked && args->fletcher32;
    return BR_OK;
}

/* The one dataset that .like is made of. */
static br_status find_like(const br_store_hdf5_args *args, bri_h5_spec *spec)
{
    bri_node **nodes = NULL;
    int n = 0, found = 0;
    if (args->like == NULL)
        return BR_OK;
    if (args->dims.n != 0)
        return bri_error(BR_EARG, "like and dims exclude each other");
    BRI_TRY(bri_check(args->like));
    BRI_TRY(bri_node_sort(args->like->ctx, &args->like->node, 1, &nodes, &n));
    for (int i = 0; i < n; i++) {
        const bri_hdf5_params *p = nodes[i]->params;
        if (nodes[i]->op != &bri_op_hdf5)
            continue;
        found++;
        spec->like_path = p->names;
        spec->like_dataset = p->names + p->dataset_at;
        spec->like_raw = nodes[i] == args->like->node && p->unpacked != BRI_UNPACKED;
    }
    bri_free(nodes);
    return found == 1
               ? BR_OK
               : bri_error(BR_EARG, "like is made of %d datasets of HDF5 files instead of one",
                           found);
}

static br_status fill_notes(const br_store_hdf5_args *args, bri_h5_spec *spec)
{
    if (args->dims.n != 0 && args->dims.n != spec->ndim)
        return bri_error(BR_ESHAPE, "names for %d axes, but the array has %d", args->dims.n,
                         spec->ndim);
    if (args->dims.n > 0)
        spec->dims = args->dims.name;
    spec->attributes = args->attributes;
    spec->file_attributes = args->file_attributes;
    return find_like(args, spec);
}

br_status bri_store_new(bri_h5_output *o, const br_store_hdf5_args *args, const bri_node *x,
                        bri_h5_writer **writer)
{
    bri_h5_spec spec;
    BRI_TRY(fill_spec(args, x, &spec));
    BRI_TRY(fill_notes(args, &spec));
    return bri_h5_create(o, args->dataset, &spec, writer);
}
