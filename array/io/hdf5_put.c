/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_put.c - writing boxes of elements: whole stored chunks are filtered by the calling thread.
 */
#include <libdeflate.h>
#include <string.h>

#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

/* One call of bri_h5_put(). */
typedef struct put {
    bri_h5_writer *w;
    const int64_t *start, *count; /* of the box */
    const char *from;
    int64_t strides[BR_MAX_NDIM]; /* bytes, of the box */
    char *memory;                 /* for three chunks, made when first needed */
    struct libdeflate_compressor *deflater;
    uint64_t bytes;
} put;

/* The part of the box that lies in one stored chunk. */
typedef struct part {
    hsize_t origin[BR_MAX_NDIM]; /* of the chunk in the dataset */
    int64_t first[BR_MAX_NDIM];  /* within the dataset */
    int64_t count[BR_MAX_NDIM];
    bool whole;  /* it is all of the chunk that lies inside the dataset */
    bool padded; /* the chunk overhangs the dataset */
} part;

static br_status write_failed(bri_h5_writer *w)
{
    return bri_h5_error(BR_EIO, "%s:%s: cannot be written", w->path, w->name);
}

/* H5Dwrite of a part of the box. */
static br_status write_plain(put *p, const int64_t *first, const int64_t *count)
{
    bri_h5_writer *w = p->w;
    int ndim = w->spec.ndim;
    hsize_t at[BR_MAX_NDIM], from[BR_MAX_NDIM], n[BR_MAX_NDIM], box[BR_MAX_NDIM];
    uint64_t bytes = w->element;
    for (int a = 0; a < ndim; a++) {
        at[a] = (hsize_t)first[a];
        from[a] = (hsize_t)(first[a] - p->start[a]);
        n[a] = (hsize_t)count[a];
        box[a] = (hsize_t)p->count[a];
        bytes *= n[a];
    }
    bri_h5_lock();
    hid_t stored = H5Dget_space(w->dataset);
    hid_t memory = ndim > 0 ? H5Screate_simple(ndim, box, NULL) : H5Screate(H5S_SCALAR);
    bool ok = stored >= 0 && memory >= 0;
    if (ok && ndim > 0)
        ok = H5Sselect_hyperslab(stored, H5S_SELECT_SET, at, NULL, n, NULL) >= 0 &&
             H5Sselect_hyperslab(memory, H5S_SELECT_SET, from, NULL, n, NULL) >= 0;
    ok = ok && H5Dwrite(w->dataset, w->type, memory, stored, H5P_DEFAULT, p->from) >= 0 &&
         bri_h5_errno() == 0;
    br_status status = ok ? BR_OK : write_failed(w);
    if (memory >= 0)
        H5Sclose(memory);
    if (stored >= 0)
        H5Sclose(stored);
    bri_h5_unlock();
    p->bytes += bytes;
    return status;
}

static br_status get_memory(put *p)
{
    const bri_h5_writer *w = p->w;
    if (p->memory == NULL)
        p->memory = bri_malloc(3 * w->chunk_bytes);
    if (p->memory == NULL)
        return BR_ENOMEM;
    if (p->deflater == NULL && w->filters.level > 0)
        p->deflater = libdeflate_alloc_compressor(w->filters.level);
    if (p->deflater == NULL && w->filters.level > 0)
        return bri_no_memory(1 << 20, "a compressor");
    return BR_OK;
}

/* The chunk in storage order: in the box itself when it lies there as a run, else copied. */
static char *chunk_data(const put *p, const part *t)
{
    const bri_h5_writer *w = p->w;
    bri_h5_box box = {.ndim = w->spec.ndim};
    int64_t stride = (int64_t)w->element;
    const char *from = p->from;
    for (int a = box.ndim - 1; a >= 0; a--) {
        box.count[a] = t->count[a];
        box.from[a] = p->strides[a];
        box.to[a] = stride;
        stride *= w->spec.chunk[a];
        from += (t->first[a] - p->start[a]) * p->strides[a];
    }
    bri_h5_box_join(&box);
    if (!t->padded && bri_h5_box_is_run(&box, w->element))
        return (char *)from; /* only read from */
    if (t->padded)
        memset(p->memory, 0, w->chunk_bytes);
    bri_h5_box_copy(&box, w->element, from, p->memory);
    return p->memory;
}

static br_status write_chunk(put *p, const part *t)
{
    bri_h5_writer *w = p->w;
    BRI_TRY(get_memory(p));
    char *buffers[3] = {chunk_data(p, t), p->memory + w->chunk_bytes,
                        p->memory + 2 * w->chunk_bytes};
    char *data;
    uint32_t mask;
    size_t n = bri_h5_encode_chunk(&w->filters, w->chunk_bytes, buffers, &data, &mask, p->deflater);
    bri_h5_lock();
    br_status status = BR_OK;
    if (H5Dwrite_chunk(w->dataset, H5P_DEFAULT, mask, t->origin, n, data) < 0 ||
        bri_h5_errno() != 0)
        status = write_failed(w);
    bri_h5_unlock();
    p->bytes += n;
    return status;
}

static void part_at(const put *p, const int64_t *at, part *t)
{
    const bri_h5_spec *spec = &p->w->spec;
    t->whole = true;
    t->padded = false;
    for (int a = 0; a < spec->ndim; a++) {
        int64_t origin = at[a] * spec->chunk[a], end = origin + spec->chunk[a];
        int64_t box_end = p->start[a] + p->count[a];
        t->padded |= end > spec->shape[a];
        if (end > spec->shape[a])
            end = spec->shape[a];
        t->whole &= p->start[a] <= origin && box_end >= end;
        t->origin[a] = (hsize_t)origin;
        t->first[a] = origin > p->start[a] ? origin : p->start[a];
        t->count[a] = (end < box_end ? end : box_end) - t->first[a];
    }
}

static br_status put_chunks(put *p)
{
    const bri_h5_spec *spec = &p->w->spec;
    int64_t first[BR_MAX_NDIM], last[BR_MAX_NDIM], at[BR_MAX_NDIM];
    for (int a = 0; a < spec->ndim; a++) {
        at[a] = first[a] = p->start[a] / spec->chunk[a];
        last[a] = (p->start[a] + p->count[a] - 1) / spec->chunk[a];
    }
    for (int a = 0; a >= 0;) {
        part t;
        part_at(p, at, &t);
        BRI_TRY(t.whole ? write_chunk(p, &t) : write_plain(p, t.first, t.count));
        for (a = spec->ndim - 1; a >= 0 && ++at[a] > last[a]; a--)
            at[a] = first[a];
    }
    return BR_OK;
}

br_status bri_h5_put(bri_h5_writer *w, const int64_t *start, const int64_t *count, const void *src,
                     uint64_t *bytes_written)
{
    put p = {.w = w, .start = start, .count = count, .from = src};
    int64_t stride = (int64_t)w->element;
    if (atomic_load(&w->failed))
        return bri_error(BR_EIO, "%s:%s: an earlier write failed", w->path, w->name);
    for (int a = w->spec.ndim - 1; a >= 0; a--) {
        p.strides[a] = stride;
        stride *= count[a];
    }
    if (stride == 0)
        return BR_OK;
    bool chunked = w->spec.ndim > 0 && w->spec.chunk[0] > 0;
    br_status status = chunked ? put_chunks(&p) : write_plain(&p, start, count);
    if (status != BR_OK)
        atomic_store(&w->failed, true);
    if (bytes_written != NULL)
        *bytes_written += p.bytes;
    libdeflate_free_compressor(p.deflater);
    bri_free(p.memory);
    return status;
}
