/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_index.c - where the stored chunks of a dataset are: a table of all places of the grid, or of
 * those alone that have a chunk, when they are few.
 *
 * What is made takes memory by the chunks that the file has, whatever grid it claims. All of it
 * runs under the HDF5 lock.
 */
#include <stdlib.h>
#include <string.h>

#include "array/io/hdf5_internal.h"
#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "runtime/error.h"

enum {
    SPARSE = 4,          /* of so many places one has a chunk: others are not in the table */
    FREE_GRID = 1 << 20, /* places of the grid that may be looked at whatever is stored, */
    FREE_PLACES = 64,    /*  and as many more for each stored chunk */
};

/* An index that is being read. */
typedef struct reading {
    bri_h5_dataset *d;
    hid_t dataset;
    size_t nchunks; /* of the grid */
    hsize_t stored; /* chunks, as the index counts them */
    bool raw_edges; /* overhanging chunks are not filtered */
    double pass;    /* seconds that a pass over the index takes */
} reading;

/* ---- the table ---- */

const bri_h5_chunk *bri_h5_chunk_at(const bri_h5_dataset *d, int64_t index)
{
    static const bri_h5_chunk hole = {.address = BRI_H5_HOLE};
    if (d->places == NULL)
        return &d->chunks[index];
    size_t low = 0, high = d->nplaces;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->places[middle] < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < d->nplaces && d->places[low] == index ? &d->chunks[low] : &hole;
}

static br_status new_table(const reading *r)
{
    bri_h5_dataset *d = r->d;
    bool sparse = r->nchunks / SPARSE > r->stored;
    size_t n = sparse ? (size_t)r->stored : r->nchunks;
    d->chunks = bri_calloc(n > 0 ? n : 1, sizeof d->chunks[0]);
    d->places = sparse ? bri_calloc(n > 0 ? n : 1, sizeof d->places[0]) : NULL;
    if (d->chunks == NULL || (sparse && d->places == NULL))
        return BR_ENOMEM;
    if (!sparse)
        memset(d->chunks, 0xff, n * sizeof d->chunks[0]); /* holes */
    return BR_OK;
}

/* Places come in ascending order. False when there are more than were counted. */
static bool add_chunk(const reading *r, size_t place, const bri_h5_chunk *chunk)
{
    bri_h5_dataset *d = r->d;
    if (d->places == NULL) {
        d->chunks[place] = *chunk;
        return true;
    }
    if (d->nplaces == r->stored)
        return false;
    d->places[d->nplaces] = (int64_t)place;
    d->chunks[d->nplaces++] = *chunk;
    return true;
}

/* ---- one chunk ---- */

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

static br_status check_chunk(const bri_h5_dataset *d, int64_t index, const bri_h5_chunk *chunk,
                             uint64_t bytes)
{
    char where[BRI_H5_MESSAGE];
    if (bytes > UINT32_MAX || !sane_size(d, chunk))
        return bri_file_error(
            BR_EFORMAT, "%s is corrupt: %llu stored bytes cannot be a chunk of %zu",
            bri_h5_where(d, index, where), (unsigned long long)bytes, d->chunk_bytes);
    if (!bri_h5_in_file(d, chunk->address, chunk->bytes))
        return bri_h5_outside(d, index, chunk->address, chunk->bytes);
    return BR_OK;
}

/* Looks the chunk up that has this place in the grid; its address is BRI_H5_HOLE when there is
 * none. */
static br_status look_up(const reading *r, size_t place, bri_h5_chunk *chunk)
{
    bri_h5_dataset *d = r->d;
    hsize_t origin[BR_MAX_NDIM];
    bri_h5_seen seen;
    uint32_t mask = 0;
    char nothing[8];
    bool partial;
    chunk->address = BRI_H5_HOLE;
    chunk_origin(d, place, origin, &partial);
    bri_h5_record_begin(&seen);
    herr_t result = H5Dread_chunk(r->dataset, H5P_DEFAULT, origin, &mask, nothing);
    bri_h5_record_end();
    if (result < 0 && seen.reads == 0)
        return BR_OK;
    if (seen.reads != 1) {
        bri_h5_make_slow(d, "an unusual file driver");
        return BR_OK;
    }
    if (r->raw_edges && partial)
        mask = UINT32_MAX;
    *chunk = (bri_h5_chunk){seen.address, (uint32_t)seen.bytes, mask};
    if (seen.bytes > d->stored_max)
        d->stored_max = seen.bytes;
    return check_chunk(d, (int64_t)place, chunk, seen.bytes);
}

/* *found counts it. */
static br_status read_chunk(const reading *r, size_t place, hsize_t *found)
{
    bri_h5_chunk chunk;
    BRI_TRY(look_up(r, place, &chunk));
    if (chunk.address == BRI_H5_HOLE)
        return BR_OK;
    *found += add_chunk(r, place, &chunk);
    return BR_OK;
}

/* ---- all chunks ---- */

/* A file has no more chunks than bytes. */
static br_status count_chunks(reading *r)
{
    char where[BRI_H5_MESSAGE];
    br_status status = BR_OK;
    double start = bri_now();
    hid_t space = H5Dget_space(r->dataset);
    if (space < 0 || H5Dget_num_chunks(r->dataset, space, &r->stored) < 0)
        status = bri_h5_error(BR_EFORMAT, "%s: its chunk index cannot be read",
                              bri_h5_where(r->d, -1, where));
    else if (r->stored > r->nchunks || r->stored > r->d->info.bytes)
        status =
            bri_file_error(BR_EFORMAT,
                           "%s: its chunk index is corrupt, it has %llu chunks, the grid %zu and "
                           "the file %llu bytes",
                           bri_h5_where(r->d, -1, where), (unsigned long long)r->stored, r->nchunks,
                           (unsigned long long)r->d->info.bytes);
    if (space >= 0)
        H5Sclose(space);
    r->pass = bri_now() - start;
    return status;
}

/* The place in the grid of the k-th chunk of the index; -1 when it has none. */
static int64_t place_of(const reading *r, hid_t space, hsize_t k)
{
    const bri_h5_dataset *d = r->d;
    hsize_t origin[BR_MAX_NDIM], bytes;
    haddr_t address;
    unsigned mask;
    int64_t place = 0;
    if (H5Dget_chunk_info(r->dataset, space, k, origin, &mask, &address, &bytes) < 0)
        return -1;
    for (int a = 0; a < d->info.ndim; a++) {
        hsize_t at = origin[a] / (hsize_t)d->info.chunk[a];
        if (at >= (hsize_t)d->grid[a])
            return -1;
        place = place * d->grid[a] + (int64_t)at;
    }
    return place;
}

static int by_place(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The chunks of a sparse grid are asked for by their number in the index, through which HDF5 goes
 * each time. */
static br_status read_few(const reading *r, int64_t *place, hsize_t *found)
{
    hid_t space = H5Dget_space(r->dataset);
    size_t n = (size_t)r->stored;
    for (size_t k = 0; k < n; k++)
        place[k] = place_of(r, space, k);
    H5Sclose(space);
    qsort(place, n, sizeof *place, by_place);
    for (size_t k = 0; k < n && r->d->kind != BRI_H5_SLOW; k++)
        if (place[k] >= 0 && (k == 0 || place[k] != place[k - 1]))
            BRI_TRY(read_chunk(r, (size_t)place[k], found));
    return BR_OK;
}

/* When all are found, the rest of a grid needs no looking up. */
static br_status read_all(const reading *r, hsize_t *found)
{
    *found = r->d->nplaces = 0;
    for (size_t i = 0; i < r->nchunks && *found < r->stored && r->d->kind != BRI_H5_SLOW; i++)
        BRI_TRY(read_chunk(r, i, found));
    return BR_OK;
}

/* Whichever takes less time. Chunks that HDF5 does not name by their number may still be there. */
static br_status read_chunks(const reading *r, hsize_t *found)
{
    const double look_up_seconds = 1e-6;
    double few = (double)r->stored * r->pass / 2, all = (double)r->nchunks * look_up_seconds;
    if (few < all && r->stored > 0) {
        int64_t *place = bri_calloc((size_t)r->stored, sizeof *place);
        br_status status = place != NULL ? read_few(r, place, found) : BR_ENOMEM;
        bri_free(place);
        BRI_TRY(status);
    }
    return *found < r->stored ? read_all(r, found) : BR_OK;
}

/* Neither few enough to be asked for one by one, nor many enough for a walk through the grid. It
 * follows from the file alone, as all ranks must see the same. */
static bool takes_long(const reading *r)
{
    return r->nchunks > FREE_GRID && (r->nchunks - FREE_GRID) / FREE_PLACES > r->stored &&
           r->stored * r->stored >= r->nchunks;
}

/* A chunk that cannot be looked up is taken for one that was never written. So that this is not an
 * error of the index, as many must be found as one pass over the index counts. */
br_status bri_h5_index(bri_h5_dataset *d, hid_t dataset, size_t nchunks, bool raw_edges)
{
    char where[BRI_H5_MESSAGE];
    reading r = {.d = d, .dataset = dataset, .nchunks = nchunks, .raw_edges = raw_edges};
    hsize_t found = 0;
    BRI_TRY(count_chunks(&r));
    if (takes_long(&r)) {
        bri_h5_make_slow(d, "a sparse grid of more than 1048576 chunks");
        return BR_OK;
    }
    BRI_TRY(new_table(&r));
    BRI_TRY(read_chunks(&r, &found));
    if (d->kind == BRI_H5_SLOW || found == r.stored)
        return BR_OK;
    return bri_file_error(
        BR_EFORMAT, "%s: its chunk index is corrupt, %llu of %llu chunks are found",
        bri_h5_where(d, -1, where), (unsigned long long)found, (unsigned long long)r.stored);
}
