/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_layout.c - where a dataset's bytes are: the kind of access, the filters, the chunk index.
 *
 * Nothing that a file says is believed: sizes are multiplied with overflow checks, and every
 * address must lie inside the file. All of it runs under the HDF5 lock.
 */
#include <string.h>
#include <sys/stat.h>

#include "array/io/hdf5_internal.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum {
    MAX_CHUNKS = 1 << 24,      /* 256 MiB of index; beyond, H5Dread looks chunks up */
    MAX_CHUNK_BYTES = 1 << 30, /* decoding needs two buffers of this size */
};

static void slow(bri_h5_dataset *d, const char *why)
{
    d->kind = BRI_H5_SLOW;
    snprintf(d->path_kind, sizeof d->path_kind, "H5Dread (%s)", why);
}

static br_status read_filter(bri_h5_dataset *d, hid_t creation, int k)
{
    char stored[64] = "", why[80], where[BRI_H5_MESSAGE];
    unsigned flags, config, values[16] = {0};
    size_t nvalues = sizeof values / sizeof values[0];
    H5Z_filter_t id = H5Pget_filter2(creation, (unsigned)k, &flags, &nvalues, values, sizeof stored,
                                     stored, &config);
    if (id < 0)
        return bri_h5_error(BR_EFORMAT, "%s: its filters cannot be read",
                            bri_h5_where(d, -1, where));
    if (nvalues > sizeof values / sizeof values[0])
        nvalues = sizeof values / sizeof values[0];
    const char *name = bri_h5_filter_name(id, stored);
    bool known = bri_h5_add_filter(&d->filters, id, values, nvalues);
    if (!known && H5Zfilter_avail(id) <= 0)
        return bri_error(BR_EUNSUPPORTED,
                         "%s: compressed by filter %d (%s), for which this HDF5 library finds no "
                         "plugin (see HDF5_PLUGIN_PATH)",
                         bri_h5_where(d, -1, where), (int)id, name);
    if (!known && d->kind != BRI_H5_SLOW) {
        snprintf(why, sizeof why, "filter %s", name);
        slow(d, why);
    }
    return BR_OK;
}

static br_status read_filters(bri_h5_dataset *d, hid_t creation)
{
    int n = H5Pget_nfilters(creation);
    d->filters = (bri_h5_filters){.element = d->stride};
    for (int k = 0; k < n; k++)
        BRI_TRY(read_filter(d, creation, k));
    if (d->kind == BRI_H5_SLOW)
        return BR_OK;
    size_t used = (size_t)snprintf(d->path_kind, sizeof d->path_kind, "pread");
    for (int k = 0; k < n; k++)
        used += (size_t)snprintf(d->path_kind + used, sizeof d->path_kind - used, "%s%s%s",
                                 k == 0 ? " + decode (" : ", ",
                                 bri_h5_filter_name(d->filters.id[k], ""), k == n - 1 ? ")" : "");
    return BR_OK;
}

static br_status outside(const bri_h5_dataset *d, int64_t chunk, uint64_t address, uint64_t bytes)
{
    char where[BRI_H5_MESSAGE];
    return bri_error(BR_EFORMAT,
                     "%s: its %llu bytes at %llu lie outside the file of %llu bytes (truncated?)",
                     bri_h5_where(d, chunk, where), (unsigned long long)bytes,
                     (unsigned long long)address, (unsigned long long)d->info.bytes);
}

static bool in_file(const bri_h5_dataset *d, uint64_t address, uint64_t bytes)
{
    return address <= d->info.bytes && bytes <= d->info.bytes - address;
}

static void set_strides(bri_h5_dataset *d, const int64_t *extent)
{
    int64_t stride = (int64_t)d->stride;
    for (int a = d->info.ndim - 1; a >= 0; a--) {
        d->strides[a] = stride;
        stride *= extent[a] > 0 ? extent[a] : 1;
    }
}

static br_status contiguous(bri_h5_dataset *d, hid_t dataset)
{
    int64_t bytes = (int64_t)d->stride;
    set_strides(d, d->info.shape);
    for (int a = 0; a < d->info.ndim; a++)
        bytes *= d->info.shape[a];
    haddr_t address = H5Dget_offset(dataset);
    d->address = address == HADDR_UNDEF ? BRI_H5_HOLE : address;
    if (d->address != BRI_H5_HOLE && !in_file(d, d->address, (uint64_t)bytes))
        return outside(d, -1, d->address, (uint64_t)bytes);
    return BR_OK;
}

/* The chunks' extents, the grid and its number of chunks; false when the fast way is not for them.
 */
static bool make_grid(bri_h5_dataset *d, size_t *nchunks)
{
    size_t bytes = d->stride, n = 1;
    for (int a = 0; a < d->info.ndim; a++) {
        int64_t chunk = d->info.chunk[a], extent = d->info.shape[a];
        d->grid[a] = extent / chunk + (extent % chunk != 0);
        if (__builtin_mul_overflow(bytes, (size_t)chunk, &bytes) || bytes > MAX_CHUNK_BYTES) {
            slow(d, "chunks of more than 1 GiB");
            return false;
        }
        if (__builtin_mul_overflow(n, (size_t)d->grid[a], &n) || n > MAX_CHUNKS) {
            slow(d, "more than 16777216 chunks");
            return false;
        }
    }
    d->chunk_bytes = bytes;
    *nchunks = n;
    return true;
}

/* Coordinates of the next chunk; true when it overhangs the dataset. */
static void chunk_origin(const bri_h5_dataset *d, size_t index, hsize_t *origin, bool *partial)
{
    *partial = false;
    for (int a = d->info.ndim - 1; a >= 0; a--) {
        int64_t at = (int64_t)(index % (size_t)d->grid[a]) * d->info.chunk[a];
        index /= (size_t)d->grid[a];
        origin[a] = (hsize_t)at;
        *partial |= d->info.shape[a] - at < d->info.chunk[a];
    }
}

/* Sizes that no filter makes come from a damaged index, which crashes H5Dread. */
static bool sane_size(const bri_h5_dataset *d, const bri_h5_chunk *chunk)
{
    uint32_t all = (1u << d->filters.n) - 1;
    if ((chunk->mask & all) == all)
        return chunk->bytes == d->chunk_bytes;
    return chunk->bytes > 0 && chunk->bytes <= 2 * d->chunk_bytes + 65536;
}

static br_status check_chunk(const bri_h5_dataset *d, int64_t index, uint64_t bytes)
{
    char where[BRI_H5_MESSAGE];
    const bri_h5_chunk *chunk = &d->chunks[index];
    if (bytes > UINT32_MAX || !sane_size(d, chunk))
        return bri_error(BR_EFORMAT, "%s is corrupt: %llu stored bytes cannot be a chunk of %zu",
                         bri_h5_where(d, index, where), (unsigned long long)bytes, d->chunk_bytes);
    if (!in_file(d, chunk->address, chunk->bytes))
        return outside(d, index, chunk->address, chunk->bytes);
    return BR_OK;
}

static br_status index_chunk(bri_h5_dataset *d, hid_t dataset, size_t i, bool raw_edges)
{
    hsize_t origin[BR_MAX_NDIM];
    bri_h5_seen seen;
    uint32_t mask = 0;
    char nothing[8];
    bool partial;
    chunk_origin(d, i, origin, &partial);
    bri_h5_record_begin(&seen);
    herr_t result = H5Dread_chunk(dataset, H5P_DEFAULT, origin, &mask, nothing);
    bri_h5_record_end();
    if (result < 0 && seen.reads == 0)
        return BR_OK;
    if (seen.reads != 1) {
        slow(d, "an unusual file driver");
        return BR_OK;
    }
    if (raw_edges && partial)
        mask = UINT32_MAX;
    d->chunks[i] = (bri_h5_chunk){seen.address, (uint32_t)seen.bytes, mask};
    if (seen.bytes > d->stored_max)
        d->stored_max = seen.bytes;
    return check_chunk(d, (int64_t)i, seen.bytes);
}

static br_status count_chunks(const bri_h5_dataset *d, hid_t dataset, hsize_t *stored)
{
    char where[BRI_H5_MESSAGE];
    br_status status = BR_OK;
    hid_t space = H5Dget_space(dataset);
    if (space < 0 || H5Dget_num_chunks(dataset, space, stored) < 0)
        status = bri_h5_error(BR_EFORMAT, "%s: its chunk index cannot be read",
                              bri_h5_where(d, -1, where));
    if (space >= 0)
        H5Sclose(space);
    return status;
}

/* A chunk that cannot be looked up is taken for one that was never written. So that this is not an
 * error of the index, as many must be found as one pass over the index counts; and once they are
 * found, the rest of a sparse grid needs no looking up. */
static br_status index_chunks(bri_h5_dataset *d, hid_t dataset, size_t nchunks, bool raw_edges)
{
    char where[BRI_H5_MESSAGE];
    hsize_t stored = 0, found = 0;
    BRI_TRY(count_chunks(d, dataset, &stored));
    memset(d->chunks, 0xff, nchunks * sizeof d->chunks[0]); /* holes */
    for (size_t i = 0; i < nchunks && found < stored; i++) {
        BRI_TRY(index_chunk(d, dataset, i, raw_edges));
        if (d->kind == BRI_H5_SLOW)
            return BR_OK;
        found += d->chunks[i].address != BRI_H5_HOLE;
    }
    if (found != stored)
        return bri_error(
            BR_EFORMAT, "%s: its chunk index is corrupt, %llu of %llu chunks are found",
            bri_h5_where(d, -1, where), (unsigned long long)found, (unsigned long long)stored);
    return BR_OK;
}

static br_status chunked(bri_h5_dataset *d, hid_t dataset, hid_t creation)
{
    size_t nchunks;
    unsigned options = 0;
    if (!make_grid(d, &nchunks))
        return BR_OK;
    if (H5Pget_chunk_opts(creation, &options) < 0)
        options = 0;
    set_strides(d, d->info.chunk);
    d->chunks = bri_calloc(nchunks, sizeof d->chunks[0]);
    if (d->chunks == NULL)
        return BR_ENOMEM;
    return index_chunks(d, dataset, nchunks, (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0);
}

static br_status chunk_extents(bri_h5_dataset *d, hid_t creation)
{
    hsize_t extent[BR_MAX_NDIM];
    char where[BRI_H5_MESSAGE];
    if (H5Pget_chunk(creation, BR_MAX_NDIM, extent) != d->info.ndim)
        return bri_h5_error(BR_EFORMAT, "%s: its chunk extents cannot be read",
                            bri_h5_where(d, -1, where));
    for (int a = 0; a < d->info.ndim; a++) {
        if (extent[a] == 0 || extent[a] > UINT32_MAX)
            return bri_error(BR_EFORMAT, "%s: its chunk extents are damaged",
                             bri_h5_where(d, -1, where));
        d->info.chunk[a] = (int64_t)extent[a];
    }
    return BR_OK;
}

bool bri_h5_is_elsewhere(const bri_h5_dataset *d, hid_t object)
{
    struct stat st;
    hid_t file = H5Iget_file_id(object);
    int fd = file >= 0 ? bri_h5_descriptor(file) : -1;
    bool same = fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_ino == d->info.inode &&
                (uint64_t)st.st_dev == d->info.device;
    if (file >= 0)
        H5Fclose(file);
    return !same;
}

/* What another file holds was not looked at, and may be any file of the user's. */
static br_status other_files(const bri_h5_dataset *d)
{
    char where[BRI_H5_MESSAGE];
    return bri_error(BR_EUNSUPPORTED,
                     "%s: its elements are in another file, which .untrusted does not follow",
                     bri_h5_where(d, -1, where));
}

static br_status choose(bri_h5_dataset *d, hid_t dataset, hid_t creation, bool plain)
{
    H5D_layout_t layout = H5Pget_layout(creation);
    d->kind = layout == H5D_CHUNKED ? BRI_H5_CHUNKED : BRI_H5_CONTIGUOUS;
    if (layout == H5D_CHUNKED)
        BRI_TRY(chunk_extents(d, creation));
    bool elsewhere = bri_h5_is_elsewhere(d, dataset);
    if (d->untrusted && (elsewhere || layout == H5D_VIRTUAL || H5Pget_external_count(creation) > 0))
        return other_files(d);
    if (elsewhere)
        slow(d, "a link into another file");
    else if (layout == H5D_COMPACT)
        slow(d, "compact layout");
    else if (layout == H5D_VIRTUAL)
        slow(d, "virtual dataset");
    else if (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS)
        slow(d, "unknown layout");
    else if (H5Pget_external_count(creation) > 0)
        slow(d, "external files");
    else if (!plain)
        slow(d, "type conversion");
    BRI_TRY(read_filters(d, creation));
    d->info.contiguous = d->kind == BRI_H5_CONTIGUOUS;
    if (d->kind == BRI_H5_CONTIGUOUS)
        return contiguous(d, dataset);
    return d->kind == BRI_H5_CHUNKED ? chunked(d, dataset, creation) : BR_OK;
}

br_status bri_h5_layout(bri_h5_dataset *d, hid_t dataset, bool plain)
{
    char where[BRI_H5_MESSAGE];
    hid_t creation = H5Dget_create_plist(dataset);
    if (creation < 0)
        return bri_h5_error(BR_EFORMAT, "%s: its layout cannot be read",
                            bri_h5_where(d, -1, where));
    br_status status = choose(d, dataset, creation, plain);
    H5Pclose(creation);
    return status;
}
