/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_share.c - when decoded chunks are worth keeping: tasks come in the C order of their boxes,
 * so what they share lies in a band along the first axis that cuts stored chunks.
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

bool bri_h5_cuts(const bri_h5_dataset *d, int axis, int64_t index)
{
    const bri_h5_dataset *part = bri_h5_part_at(d, axis, &index);
    int64_t chunk = part->info.chunk[axis];
    return chunk > 0 && index > 0 && index < part->info.shape[axis] && index % chunk != 0;
}

/* Bytes of the stored chunks from the first task that needs one of them to the last; 0 when no task
 * needs what another one needs. */
static double band(const bri_h5_dataset *d, const bri_h5_boxes *boxes)
{
    double bytes = (double)d->stride;
    int first = 0;
    while (first < boxes->n && !boxes->cut[boxes->order[first]])
        first++;
    if (first == boxes->n)
        return 0;
    for (int i = 0; i < boxes->n; i++) {
        int a = boxes->order[i];
        int64_t stored = d->info.chunk[a], most = round_up(d->info.shape[a], stored);
        int64_t n = round_up(i <= first ? boxes->extent[a] : boxes->whole[a], stored);
        n += i >= first ? stored : 0; /* it may begin inside a chunk */
        bytes *= (double)(n < most ? n : most);
    }
    return bytes;
}

/* The largest band of the parts that must be decoded. */
static double largest_band(const bri_h5_dataset *d, const bri_h5_boxes *boxes)
{
    double most = 0;
    for (int i = 0; i < bri_h5_parts(d); i++) {
        const bri_h5_dataset *part = bri_h5_part(d, i);
        if (part->kind != BRI_H5_CHUNKED || part->filters.n == 0)
            continue;
        double bytes = band(part, boxes);
        if (bytes > (double)part->chunk_bytes * MOST_CHUNKS)
            return 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}

void bri_h5_share_chunks(bri_h5_dataset *d, const bri_h5_boxes *boxes, bri_memory *memory,
                         size_t limit)
{
    double bytes = 2 * largest_band(d, boxes);
    if (bytes == 0 || bytes > (double)(limit / 4))
        return;
    size_t most = (size_t)bytes + RUN_AHEAD;
    most = most < limit / 4 ? most : limit / 4;
    if (d->cache != NULL) {
        bri_h5_cache_allow(d->cache, most);
        return;
    }
    bri_h5_cache *cache = bri_h5_cache_new(memory, most);
    d->owns_cache = cache != NULL; /* without memory nothing is kept */
    d->cache = cache;
    for (int i = 0; i < bri_h5_parts(d) && d->many != NULL; i++)
        bri_h5_adopt_cache(d, i);
}

size_t bri_h5_shared_bytes(const bri_h5_dataset *d)
{
    return d->cache != NULL ? bri_h5_cache_most(d->cache) : 0;
}

bool bri_h5_shares_chunks(const bri_h5_dataset *d)
{
    return d->cache != NULL;
}
