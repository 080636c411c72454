/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_share.c - when decoded chunks are worth keeping: tasks come in the C order of their boxes, so
 * what they share lies in a band along the first axis that cuts stored chunks.
 */
#include "array/io/hdf5_cache.h"

enum {
    MOST_CHUNKS = 1 << 14, /* more are so small that keeping them costs as much */
    RUN_AHEAD = 16 << 20,  /* threads are at different places of the order */
};

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

static bool cuts(const bri_h5_info *info, int a, int64_t extent)
{
    return extent < info->shape[a] && extent % info->chunk[a] != 0;
}

/* Bytes of the stored chunks from the first task that needs one of them to the last; 0 when no task
 * needs what another one needs. */
static double band(const bri_h5_dataset *d, const int64_t *extents)
{
    const bri_h5_info *info = &d->info;
    double bytes = (double)d->stride;
    int first = 0;
    while (first < info->ndim && !cuts(info, first, extents[first]))
        first++;
    if (first == info->ndim)
        return 0;
    for (int a = 0; a < info->ndim; a++) {
        int64_t stored = info->chunk[a], whole = round_up(info->shape[a], stored), n = whole;
        if (a <= first)
            n = round_up(extents[a], stored) + (a == first ? stored : 0);
        bytes *= (double)(n < whole ? n : whole);
    }
    return bytes;
}

/* The largest band of the parts that must be decoded. */
static double largest_band(const bri_h5_dataset *d, const int64_t *extents)
{
    double most = 0;
    for (int i = 0; i < bri_h5_parts(d); i++) {
        const bri_h5_dataset *part = bri_h5_part(d, i);
        if (part->kind != BRI_H5_CHUNKED || part->filters.n == 0)
            continue;
        double bytes = band(part, extents);
        if (bytes > (double)part->chunk_bytes * MOST_CHUNKS)
            return 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}

void bri_h5_share_chunks(bri_h5_dataset *d, const int64_t *extents, bri_memory *memory,
                         size_t limit)
{
    double bytes = 2 * largest_band(d, extents);
    if (d->cache != NULL || bytes == 0 || bytes > (double)(limit / 4))
        return;
    size_t most = (size_t)bytes + RUN_AHEAD;
    d->cache = bri_h5_cache_new(memory, most < limit / 4 ? most : limit / 4);
    d->owns_cache = d->cache != NULL; /* without memory nothing is kept */
    for (int i = 0; i < bri_h5_parts(d) && d->many != NULL; i++)
        bri_h5_adopt_cache(d, i);
}

bool bri_h5_shares_chunks(const bri_h5_dataset *d)
{
    return d->cache != NULL;
}
