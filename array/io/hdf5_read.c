/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_read.c - reading a selection: chunk by chunk, decoded in the calling thread.
 */
#include <string.h>

#include "array/io/hdf5_ahead.h"
#include "array/io/hdf5_cache.h"
#include "array/io/hdf5_codec.h"
#include "runtime/error.h"

const char *bri_h5_where(const bri_h5_dataset *d, int64_t chunk, char text[BRI_H5_MESSAGE])
{
    int n = snprintf(text, BRI_H5_MESSAGE, "%.120s%s%.60s", d->path, d->name[0] != '\0' ? ":" : "",
                     d->name);
    if (chunk < 0)
        return text;
    int64_t at[BR_MAX_NDIM];
    for (int a = d->info.ndim - 1; a >= 0; a--) {
        at[a] = chunk % d->grid[a];
        chunk /= d->grid[a];
    }
    n += snprintf(text + n, (size_t)(BRI_H5_MESSAGE - n), ", chunk (");
    for (int a = 0; a < d->info.ndim && n < BRI_H5_MESSAGE - 24; a++)
        n += snprintf(text + n, (size_t)(BRI_H5_MESSAGE - n), "%s%lld", a > 0 ? ", " : "",
                      (long long)at[a]);
    snprintf(text + n, (size_t)(BRI_H5_MESSAGE - n), ")");
    return text;
}

/* Steps of either sign become positive ones by walking the axis from its other end. */
static bool normalise(const bri_h5_dataset *d, bri_h5_want *want)
{
    for (int a = 0; a < d->info.ndim; a++) {
        if (want->count[a] == 0)
            return false;
        if (want->count[a] == 1)
            want->step[a] = 1;
        if (want->step[a] > 0)
            continue;
        int64_t last = want->count[a] - 1;
        want->start[a] += last * want->step[a];
        want->step[a] = -want->step[a];
        want->to += last * want->stride[a];
        want->stride[a] = -want->stride[a];
    }
    return true;
}

static void fill_box(const bri_h5_dataset *d, const bri_h5_want *want, bri_h5_box *box, char *to)
{
    if (want->counting)
        return;
    memset(box->from, 0, sizeof box->from);
    bri_h5_box_copy(box, d->element, d->fill, to);
}

static br_status read_contiguous(const bri_h5_dataset *d, bri_h5_want *want)
{
    bri_h5_box box = {.ndim = d->info.ndim};
    int64_t first = (int64_t)d->offset;
    for (int a = 0; a < box.ndim; a++) {
        box.count[a] = want->count[a];
        box.from[a] = want->step[a] * d->strides[a];
        box.to[a] = want->stride[a];
        first += want->start[a] * d->strides[a];
    }
    if (d->address == BRI_H5_HOLE) {
        fill_box(d, want, &box, want->to);
        return BR_OK;
    }
    return bri_h5_read_plain(d, &box, d->address + (uint64_t)first, -1, want);
}

/* The wanted elements of one stored chunk. */
typedef struct piece {
    bri_h5_box box;
    size_t first; /* byte of the chunk where they begin */
    char *to;
} piece;

/* False when the steps pass over the chunk. */
static bool piece_of(const bri_h5_dataset *d, const bri_h5_want *want, const int64_t *at,
                     piece *out)
{
    out->box.ndim = d->info.ndim;
    out->first = d->offset;
    out->to = want->to;
    for (int a = 0; a < d->info.ndim; a++) {
        int64_t begin = at[a] * d->info.chunk[a] - want->start[a], step = want->step[a];
        int64_t k0 = begin > 0 ? (begin + step - 1) / step : 0;
        int64_t k1 = (begin + d->info.chunk[a] - 1) / step + 1;
        if (k1 > want->count[a])
            k1 = want->count[a];
        if (k0 >= k1)
            return false;
        out->box.count[a] = k1 - k0;
        out->box.from[a] = step * d->strides[a];
        out->box.to[a] = want->stride[a];
        out->first += (size_t)((k0 * step - begin) * d->strides[a]);
        out->to += k0 * want->stride[a];
    }
    return true;
}

/* Another read overwrites the scratch. */
static void let_go_of_held(bri_h5_want *want)
{
    if (want->held != NULL)
        want->held->dataset = NULL;
}

static br_status can_decode(const bri_h5_filters *filters)
{
    for (int i = 0; i < filters->n; i++)
        if (filters->id[i] == H5Z_FILTER_DEFLATE && !bri_h5_can_inflate())
            return bri_no_memory(16 << 10, "a decompressor");
    return BR_OK;
}

/* Decodes bytes first..last of a chunk; *from is where they are, which is `into` if that fits. */
static br_status decode(const bri_h5_dataset *d, int64_t index, bri_h5_want *want,
                        bri_h5_decode *how, char **from)
{
    const bri_h5_chunk *chunk = bri_h5_chunk_at(d, index);
    char where[BRI_H5_MESSAGE];
    let_go_of_held(want);
    BRI_TRY(can_decode(&d->filters));
    BRI_TRY(bri_h5_pread(d, want->scratch, chunk->bytes, chunk->address, index));
    want->bytes_read += chunk->bytes;
    how->filters = &d->filters;
    how->mask |= chunk->mask;
    how->bytes = d->chunk_bytes;
    how->room = bri_h5_scratch(d) / 2;
    how->spare = want->scratch + how->room;
    const char *wrong = bri_h5_decode_chunk(how, want->scratch, chunk->bytes, from);
    if (wrong != NULL)
        return bri_file_error(BR_EFORMAT, "%s is corrupt: %s", bri_h5_where(d, index, where),
                              wrong);
    bri_h5_fix_bytes(d->fix, *from, how->last - how->first);
    return BR_OK;
}

static br_status fill_kept(const bri_h5_dataset *d, int64_t index, bri_h5_want *want,
                           bri_h5_kept *kept)
{
    char *from = NULL, *data = bri_h5_kept_bytes(kept);
    bri_h5_decode how = {.last = d->chunk_bytes, .into = data};
    br_status st = decode(d, index, want, &how, &from);
    if (st == BR_OK && from != data)
        memcpy(data, from, d->chunk_bytes);
    bri_h5_cache_made(d->cache, kept, st == BR_OK);
    return st;
}

/* By way of the chunks that are kept; *done is false when this one could not be. */
static br_status read_shared(const bri_h5_dataset *d, piece *p, int64_t index, bri_h5_want *want,
                             bool *done)
{
    bool fill;
    bri_h5_kept *kept = bri_h5_cache_get(d->cache, d, index, d->chunk_bytes, &fill);
    *done = kept != NULL;
    if (kept == NULL)
        return BR_OK;
    if (fill)
        BRI_TRY(fill_kept(d, index, want, kept));
    bri_h5_box_join(&p->box);
    bri_h5_box_copy(&p->box, d->element, bri_h5_kept_bytes(kept) + p->first, p->to);
    bri_h5_cache_put(d->cache, kept);
    return BR_OK;
}

/* What is read for a piece of a chunk. Chunks that are kept are counted where they begin. */
static uint64_t bytes_of(const bri_h5_dataset *d, const piece *p, int64_t index)
{
    return d->cache == NULL || p->first == d->offset ? bri_h5_chunk_at(d, index)->bytes : 0;
}

/* Rows that are dense on both sides, and long enough to be unshuffled one by one. */
static bool has_rows(const bri_h5_dataset *d, const bri_h5_box *box)
{
    enum { SHORTEST = 16 };
    int inner = box->ndim - 1;
    int64_t element = (int64_t)d->element;
    return inner > 0 && d->fix == BRI_H5_AS_IS && d->filters.element == d->element &&
           box->from[inner] == element && box->to[inner] == element &&
           box->count[inner] >= SHORTEST;
}

/* What is wanted of a chunk; joins the axes of the piece. */
static bri_h5_decode wanted(const bri_h5_dataset *d, piece *p)
{
    bri_h5_box_join(&p->box);
    return (bri_h5_decode){
        .first = p->first,
        .last = p->first + bri_h5_box_span(&p->box, 0, d->element),
        .into = bri_h5_box_is_run(&p->box, d->element) ? p->to : NULL,
        .rows = has_rows(d, &p->box) ? &p->box : NULL,
        .rows_to = p->to,
    };
}

/* ---- chunks that are held ---- */

/* The shuffle is the first filter, so the last one that is undone. */
static const uint32_t shuffle_bit = 1;

static bool is_shuffled(const bri_h5_dataset *d)
{
    return d->kind == BRI_H5_CHUNKED && d->filters.n > 1 &&
           d->filters.id[0] == H5Z_FILTER_SHUFFLE && d->filters.element > 1 &&
           d->filters.element == d->element && d->fix == BRI_H5_AS_IS;
}

bool bri_h5_can_hold(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                     const int64_t *count)
{
    if (!is_shuffled(d))
        return false;
    for (int a = 0; a < d->info.ndim; a++) {
        int64_t chunk = d->info.chunk[a];
        if (step[a] < 1 || start[a] / chunk != (start[a] + (count[a] - 1) * step[a]) / chunk)
            return false;
    }
    return true;
}

static br_status hold(const bri_h5_dataset *d, int64_t index, bri_h5_want *want)
{
    bri_h5_held *held = want->held;
    bri_h5_decode how = {.mask = shuffle_bit, .last = d->chunk_bytes};
    BRI_TRY(decode(d, index, want, &how, &held->planes));
    held->spare = held->planes == want->scratch ? how.spare : want->scratch;
    held->scratch = want->scratch;
    held->dataset = d;
    held->chunk = index;
    return BR_OK;
}

static br_status read_held(const bri_h5_dataset *d, piece *p, int64_t index, bri_h5_want *want)
{
    bri_h5_held *held = want->held;
    char *from;
    if (held->dataset != d || held->chunk != index || held->scratch != want->scratch)
        BRI_TRY(hold(d, index, want));
    bri_h5_decode how = wanted(d, p);
    how.filters = &d->filters;
    how.mask = ~shuffle_bit;
    how.bytes = d->chunk_bytes;
    how.spare = held->spare;
    const char *wrong = bri_h5_decode_chunk(&how, held->planes, d->chunk_bytes, &from);
    BRI_ASSERT(wrong == NULL);
    (void)wrong;
    if (from != p->to)
        bri_h5_box_copy(&p->box, d->element, from, p->to);
    return BR_OK;
}

static br_status read_filtered(const bri_h5_dataset *d, piece *p, int64_t index, bri_h5_want *want)
{
    bool done = false;
    char *from;
    if (want->counting) {
        want->bytes_read += bytes_of(d, p, index);
        return BR_OK;
    }
    if (d->cache != NULL)
        BRI_TRY(read_shared(d, p, index, want, &done));
    if (done)
        return BR_OK;
    if (want->held != NULL && is_shuffled(d) &&
        (bri_h5_chunk_at(d, index)->mask & shuffle_bit) == 0)
        return read_held(d, p, index, want);
    bri_h5_decode how = wanted(d, p);
    BRI_TRY(decode(d, index, want, &how, &from));
    if (from != p->to)
        bri_h5_box_copy(&p->box, d->element, from, p->to);
    return BR_OK;
}

static br_status read_chunk(const bri_h5_dataset *d, const int64_t *at, bri_h5_want *want)
{
    piece p;
    if (!piece_of(d, want, at, &p))
        return BR_OK;
    int64_t index = 0;
    for (int a = 0; a < d->info.ndim; a++)
        index = index * d->grid[a] + at[a];
    const bri_h5_chunk *chunk = bri_h5_chunk_at(d, index);
    if (chunk->address == BRI_H5_HOLE) {
        fill_box(d, want, &p.box, p.to);
        return BR_OK;
    }
    uint32_t all = (1u << d->filters.n) - 1;
    if ((chunk->mask & all) != all)
        return read_filtered(d, &p, index, want);
    let_go_of_held(want);
    bri_h5_want part = {.to = p.to, .scratch = want->scratch, .counting = want->counting};
    br_status status = bri_h5_read_plain(d, &p.box, chunk->address + p.first, index, &part);
    want->bytes_read += part.bytes_read;
    return status;
}

static br_status read_chunks(const bri_h5_dataset *d, bri_h5_want *want)
{
    int64_t first[BR_MAX_NDIM], last[BR_MAX_NDIM], at[BR_MAX_NDIM];
    for (int a = 0; a < d->info.ndim; a++) {
        int64_t end = want->start[a] + (want->count[a] - 1) * want->step[a];
        at[a] = first[a] = want->start[a] / d->info.chunk[a];
        last[a] = end / d->info.chunk[a];
    }
    br_status status = BR_OK;
    bri_h5_ahead ahead;
    bri_h5_ahead_begin(&ahead, d, first, last, want->step);
    for (int a = 0; a >= 0 && status == BR_OK;) {
        if (!want->counting)
            bri_h5_ahead_of(&ahead, at);
        status = read_chunk(d, at, want);
        for (a = d->info.ndim - 1; a >= 0 && ++at[a] > last[a]; a--)
            at[a] = first[a];
    }
    return status;
}

static void fix_in_place(const bri_h5_dataset *d, const bri_h5_want *want)
{
    bri_h5_box box = {.ndim = d->info.ndim};
    memcpy(box.count, want->count, sizeof box.count);
    memcpy(box.to, want->stride, sizeof box.to);
    bri_h5_box_fix(&box, d->late, d->element, want->to);
}

static br_status read_selection(const bri_h5_dataset *d, bri_h5_want *want)
{
    switch (d->kind) {
    case BRI_H5_CONTIGUOUS:
        return read_contiguous(d, want);
    case BRI_H5_CHUNKED:
        return read_chunks(d, want);
    case BRI_H5_SLOW:
        return bri_h5_read_slow(d, want);
    case BRI_H5_MANY:
        return bri_h5_read_many(d, want);
    }
    return BR_OK;
}

br_status bri_h5_read(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                      const int64_t *count, char *dst, const int64_t *dst_stride, void *scratch,
                      uint64_t *bytes_read)
{
    return bri_h5_read_held(d, start, step, count, dst, dst_stride, scratch, bytes_read, NULL);
}

br_status bri_h5_read_held(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                           const int64_t *count, char *dst, const int64_t *dst_stride,
                           void *scratch, uint64_t *bytes_read, bri_h5_held *held)
{
    bri_h5_want want = {.to = dst, .scratch = scratch, .held = held};
    size_t n = (size_t)d->info.ndim * sizeof want.start[0];
    if (n > 0) {
        memcpy(want.start, start, n);
        memcpy(want.step, step, n);
        memcpy(want.count, count, n);
        memcpy(want.stride, dst_stride, n);
    }
    if (!normalise(d, &want))
        return BR_OK;
    br_status status = read_selection(d, &want);
    if (status == BR_OK && d->late != BRI_H5_AS_IS)
        fix_in_place(d, &want);
    if (bytes_read != NULL)
        *bytes_read += want.bytes_read;
    return status;
}

uint64_t bri_h5_bytes(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                      const int64_t *count)
{
    bri_h5_want want = {.counting = true};
    size_t n = (size_t)d->info.ndim * sizeof want.start[0];
    if (n > 0) {
        memcpy(want.start, start, n);
        memcpy(want.step, step, n);
        memcpy(want.count, count, n);
    }
    for (int a = d->info.ndim - 1; a >= 0; a--) /* of a dense copy */
        want.stride[a] =
            a == d->info.ndim - 1 ? (int64_t)d->element : want.stride[a + 1] * want.count[a + 1];
    return normalise(d, &want) && read_selection(d, &want) == BR_OK ? want.bytes_read : 0;
}
