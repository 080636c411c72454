/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_layout.c - where a dataset's bytes are: the kind of access, the filters, the grid of chunks.
 *
 * Nothing that a file says is believed: sizes are multiplied with overflow checks, and every
 * address must lie inside the file. All of it runs under the HDF5 lock.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/hdf5_internal.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum {
    MAX_CHUNKS = 1 << 24,      /* beyond, H5Dread looks chunks up */
    MAX_CHUNK_BYTES = 1 << 30, /* decoding needs two buffers of this size */
    MOST_SOURCES = 1000,       /* files of virtual datasets that are looked for */
};

void bri_h5_make_slow(bri_h5_dataset *d, const char *why)
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
        return bri_file_error(
            BR_EUNSUPPORTED,
            "%s: compressed by filter %d (%s), for which this HDF5 library finds no "
            "plugin (see HDF5_PLUGIN_PATH)",
            bri_h5_where(d, -1, where), (int)id, name);
    if (!known && d->kind != BRI_H5_SLOW) {
        snprintf(why, sizeof why, "filter %s", name);
        bri_h5_make_slow(d, why);
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

br_status bri_h5_outside(const bri_h5_dataset *d, int64_t chunk, uint64_t address, uint64_t bytes)
{
    char where[BRI_H5_MESSAGE];
    return bri_file_error(
        BR_EFORMAT, "%s: its %llu bytes at %llu lie outside the file of %llu bytes (truncated?)",
        bri_h5_where(d, chunk, where), (unsigned long long)bytes, (unsigned long long)address,
        (unsigned long long)d->info.bytes);
}

bool bri_h5_in_file(const bri_h5_dataset *d, uint64_t address, uint64_t bytes)
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
    if (d->address != BRI_H5_HOLE && !bri_h5_in_file(d, d->address, (uint64_t)bytes))
        return bri_h5_outside(d, -1, d->address, (uint64_t)bytes);
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
            bri_h5_make_slow(d, "chunks of more than 1 GiB");
            return false;
        }
        if (__builtin_mul_overflow(n, (size_t)d->grid[a], &n) || n > MAX_CHUNKS) {
            bri_h5_make_slow(d, "more than 16777216 chunks");
            return false;
        }
    }
    d->chunk_bytes = bytes;
    *nchunks = n;
    return true;
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
    return bri_h5_index(d, dataset, nchunks, (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0);
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
            return bri_file_error(BR_EFORMAT, "%s: its chunk extents are damaged",
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
    return bri_file_error(BR_EUNSUPPORTED,
                          "%s: its elements are in another file, which .untrusted does not follow",
                          bri_h5_where(d, -1, where));
}

/* A file called so beside the HDF5 file of d, or as it is called. */
static bool is_there(const bri_h5_dataset *d, const char *name)
{
    char path[1024];
    const char *slash = strrchr(d->path, '/'), *last = strrchr(name, '/');
    int folder = slash != NULL ? (int)(slash - d->path) + 1 : 0;
    snprintf(path, sizeof path, "%.*s%s", folder, d->path, name);
    if (access(name, F_OK) == 0 || access(path, F_OK) == 0)
        return true;
    snprintf(path, sizeof path, "%.*s%s", folder, d->path, last != NULL ? last + 1 : name);
    return access(path, F_OK) == 0;
}

/* Where HDF5 finds a source not, it gives the fill value, and says nothing. Names that are patterns
 * of many files are left out, and all where the user says where they are. */
static void missing_sources(bri_h5_dataset *d, hid_t creation)
{
    size_t n = 0;
    char name[512];
    bri_h5_make_slow(d, "virtual dataset");
    if (getenv("HDF5_VDS_PREFIX") != NULL || H5Pget_virtual_count(creation, &n) < 0)
        return;
    for (size_t i = 0; i < n && i < MOST_SOURCES; i++) {
        ssize_t length = H5Pget_virtual_filename(creation, i, name, sizeof name);
        if (length > 0 && (size_t)length < sizeof name && strcmp(name, ".") != 0 &&
            strchr(name, '%') == NULL && !is_there(d, name)) {
            d->info.missing++;
            d->info.absent = (d->info.absent ^ (i + 1)) * 1099511628211u;
        }
    }
    if (d->info.missing > 0)
        snprintf(d->path_kind, sizeof d->path_kind,
                 "H5Dread (virtual dataset, fill values for %lld of %zu sources: no such files)",
                 (long long)d->info.missing, n);
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
        bri_h5_make_slow(d, "a link into another file");
    else if (layout == H5D_COMPACT)
        bri_h5_make_slow(d, "compact layout");
    else if (layout == H5D_VIRTUAL)
        missing_sources(d, creation);
    else if (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS)
        bri_h5_make_slow(d, "unknown layout");
    else if (H5Pget_external_count(creation) > 0)
        bri_h5_make_slow(d, "external files");
    else if (!plain)
        bri_h5_make_slow(d, "type conversion");
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
