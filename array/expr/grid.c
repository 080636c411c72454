/* SPDX-License-Identifier: BSD-3-Clause
 * grid.c - chunks of an axis: arithmetic for regular ones, a shared list of starts for the rest.
 */
#include "array/expr/grid.h"

#include <string.h>

#include "array/expr/grid_listed.h"

enum { SHORTEST_LAST_CHUNK = 512, SMALL_CHUNK_BYTES = 1 << 20 };

bri_axis bri_axis_regular(int64_t extent, int64_t chunk)
{
    if (chunk <= 0 || chunk > extent)
        chunk = extent > 0 ? extent : 1;
    int64_t n = extent > 0 ? (extent - 1) / chunk + 1 : 1;
    return (bri_axis){.extent = extent, .nchunks = n, .first = chunk, .chunk = chunk};
}

bri_axis bri_axis_share(const bri_axis *axis)
{
    if (axis->starts != NULL)
        bri_starts_retain(axis->starts);
    return *axis;
}

void bri_axis_release(bri_axis *axis)
{
    if (axis->starts != NULL)
        bri_starts_release(axis->starts);
    axis->starts = NULL;
}

bri_axis bri_axis_unknown(const void *source)
{
    return (bri_axis){
        .extent = BR_UNKNOWN, .nchunks = 1, .first = (int64_t)(intptr_t)source, .chunk = 1};
}

bool bri_axis_alike(const bri_axis *a, const bri_axis *b)
{
    return a->extent == b->extent && (bri_axis_is_known(a) || a->first == b->first);
}

bool bri_axis_may_fit(const bri_axis *a, const bri_axis *b)
{
    return a->extent == b->extent || !bri_axis_is_known(a) || !bri_axis_is_known(b);
}

int64_t bri_axis_start(const bri_axis *axis, int64_t i)
{
    if (axis->starts != NULL)
        return bri_starts_at(axis->starts, i);
    int64_t at = i == 0 ? 0 : axis->first + (i - 1) * axis->chunk;
    return at < axis->extent ? at : axis->extent;
}

int64_t bri_axis_find(const bri_axis *axis, int64_t at)
{
    if (axis->starts != NULL)
        return bri_starts_find(axis->starts, at);
    return at < axis->first ? 0 : 1 + (at - axis->first) / axis->chunk;
}

int64_t bri_axis_largest(const bri_axis *axis)
{
    int64_t most = 0;
    if (!bri_axis_is_known(axis))
        return BR_UNKNOWN;
    if (axis->starts == NULL) {
        most = axis->first > axis->chunk || axis->nchunks == 1 ? axis->first : axis->chunk;
        return most < axis->extent ? most : axis->extent;
    }
    for (int64_t i = 0; i < axis->nchunks; i++)
        if (bri_axis_count(axis, i) > most)
            most = bri_axis_count(axis, i);
    return most;
}

bool bri_axis_equal(const bri_axis *a, const bri_axis *b)
{
    if (!bri_axis_alike(a, b) || a->nchunks != b->nchunks)
        return false;
    if (a->starts == NULL && b->starts == NULL)
        return a->nchunks == 1 ||
               (a->first == b->first && (a->nchunks == 2 || a->chunk == b->chunk));
    for (int64_t i = 1; i < a->nchunks; i++)
        if (bri_axis_start(a, i) != bri_axis_start(b, i))
            return false;
    return true;
}

br_status bri_axis_listed(const int64_t *extents, int64_t n, bri_axis *out)
{
    int64_t largest = 0;
    int64_t extent = 0;
    bri_starts *s;
    for (int64_t i = 0; i < n; i++) {
        largest = extents[i] > largest ? extents[i] : largest;
        if (__builtin_add_overflow(extent, extents[i], &extent))
            return bri_error(BR_ESHAPE, "more than 2^63 elements along an axis");
    }
    BRI_TRY(bri_starts_new(n, largest, &s));
    for (int64_t i = 0; i < n; i++)
        bri_starts_append(s, bri_starts_end(s) + extents[i]);
    bri_starts_adopt(s, out);
    return BR_OK;
}

size_t bri_axis_words(const bri_axis *axis)
{
    return BRI_AXIS_WORDS + (size_t)(axis->starts != NULL ? axis->nchunks : 0);
}

int64_t *bri_axis_pack(const bri_axis *axis, int64_t *word)
{
    *word++ = axis->extent;
    *word++ = axis->nchunks;
    *word++ = axis->first;
    *word++ = axis->chunk;
    *word++ = axis->starts != NULL;
    for (int64_t i = 0; axis->starts != NULL && i < axis->nchunks; i++)
        *word++ = bri_axis_count(axis, i);
    return word;
}

br_status bri_axis_unpack(const int64_t **word, bri_axis *out)
{
    const int64_t *w = *word;
    *out = (bri_axis){.extent = w[0], .nchunks = w[1], .first = w[2], .chunk = w[3]};
    bool listed = w[4] != 0;
    w += BRI_AXIS_WORDS;
    *word = w + (listed ? out->nchunks : 0);
    return listed ? bri_axis_listed(w, out->nchunks, out) : BR_OK;
}

/* Smallest index i with start + i * step at or past `edge` in the direction of step. */
static int64_t first_past(int64_t edge, int64_t start, int64_t step)
{
    int64_t way = step > 0 ? edge - start : start - edge;
    int64_t size = step > 0 ? step : -step;
    return way <= 0 ? 0 : (way + size - 1) / size;
}

br_status bri_axis_slice(const bri_axis *x, int64_t start, int64_t step, int64_t count,
                         bri_axis *out)
{
    if (count == 0 || x->nchunks == 1) {
        *out = bri_axis_regular(count, count);
        return BR_OK;
    }
    if (bri_axis_slice_regular(x, start, step, count, out))
        return BR_OK;
    int64_t from = bri_axis_find(x, start);
    int64_t to = bri_axis_find(x, start + (count - 1) * step);
    bri_starts *s;
    BRI_TRY(bri_starts_new((from < to ? to - from : from - to) + 1, bri_axis_largest(x), &s));
    for (int64_t c = from; c != to; c += step > 0 ? 1 : -1) {
        /* Going down, the edge is the last element of the chunk below. */
        int64_t edge = step > 0 ? bri_axis_start(x, c + 1) : bri_axis_start(x, c) - 1;
        int64_t i = first_past(edge, start, step);
        if (i > bri_starts_end(s) && i < count)
            bri_starts_append(s, i);
    }
    bri_starts_append(s, count);
    bri_starts_adopt(s, out);
    return BR_OK;
}

br_status bri_axis_unify(const bri_axis *a, const bri_axis *b, bri_axis *out)
{
    bool known = bri_axis_is_known(a) && bri_axis_is_known(b);
    if (!bri_axis_is_known(a) || bri_axis_equal(a, b) || (known && b->nchunks == 1)) {
        *out = bri_axis_share(a);
        return BR_OK;
    }
    if (!known || a->nchunks == 1) {
        *out = bri_axis_share(b);
        return BR_OK;
    }
    bri_starts *s;
    int64_t most;
    if (__builtin_add_overflow(a->nchunks, b->nchunks, &most))
        most = INT64_MAX;
    BRI_TRY(bri_starts_new(most, bri_axis_largest(a), &s));
    int64_t i = 1;
    int64_t j = 1;
    while (bri_starts_end(s) < a->extent) {
        int64_t next_a = bri_axis_start(a, i);
        int64_t next_b = bri_axis_start(b, j);
        bri_starts_append(s, next_a < next_b ? next_a : next_b);
        i += next_a <= next_b;
        j += next_b <= next_a;
    }
    bri_starts_adopt(s, out);
    return BR_OK;
}

static int64_t power_of_two_below(int64_t n)
{
    int64_t p = 1;
    while (2 * p <= n)
        p *= 2;
    return p;
}

static double chunk_bytes(int ndim, const int64_t *chunk, size_t size)
{
    double bytes = (double)size;
    for (int a = 0; a < ndim; a++)
        bytes *= (double)chunk[a];
    return bytes;
}

/* The axis to cut next: the longest chunk, or with `rows` the first one that is longer than 1. */
static int axis_to_cut(int ndim, const int64_t *chunk, const int64_t *least, bool rows)
{
    int best = -1;
    for (int a = 0; a < ndim; a++) {
        if (chunk[a] <= least[a])
            continue;
        if (rows)
            return a;
        if (best < 0 || chunk[a] > chunk[best])
            best = a;
    }
    return best;
}

static void cut_down(int ndim, size_t size, double most, const int64_t *least, bool rows,
                     int64_t *chunk)
{
    while (chunk_bytes(ndim, chunk, size) > most) {
        int a = axis_to_cut(ndim, chunk, least, rows);
        if (a < 0)
            return;
        int64_t units = (chunk[a] + least[a] - 1) / least[a];
        int64_t half = power_of_two_below(units - 1);
        chunk[a] = (half > 0 ? half : 1) * least[a];
    }
}

void bri_auto_chunks(int ndim, const int64_t *shape, size_t size, const int64_t *stored, bool rows,
                     int64_t *chunk)
{
    int64_t least[BR_MAX_NDIM];
    double most = BRI_AUTO_CHUNK_BYTES;
    for (int a = 0; a < ndim; a++) {
        chunk[a] = shape[a] > 0 ? shape[a] : 1;
        least[a] = 1;
        if (stored != NULL)
            least[a] = stored[a] < chunk[a] ? stored[a] : chunk[a];
        else if (a == ndim - 1)
            least[a] = chunk[a] < SHORTEST_LAST_CHUNK ? chunk[a] : SHORTEST_LAST_CHUNK;
    }
    if (stored != NULL && chunk_bytes(ndim, least, size) >= SMALL_CHUNK_BYTES)
        most = chunk_bytes(ndim, least, size);
    cut_down(ndim, size, most, least, rows, chunk);
}

void bri_cut_chunks(int ndim, size_t size, double most, uint32_t axes, int64_t *chunk)
{
    int64_t least[BR_MAX_NDIM] = {0};
    for (int a = 0; a < ndim; a++) {
        least[a] = axes >> a & 1 ? 1 : chunk[a];
        if (a == ndim - 1 && least[a] == 1)
            least[a] = chunk[a] < SHORTEST_LAST_CHUNK ? chunk[a] : SHORTEST_LAST_CHUNK;
    }
    cut_down(ndim, size, most, least, false, chunk);
    for (int a = ndim - 1; a >= 0; a--) /* so few bytes that the last axis must be shorter, too */
        least[a] = axes >> a & 1 ? 1 : chunk[a];
    cut_down(ndim, size, most, least, false, chunk);
}

void bri_cut_to_multiples(int ndim, size_t size, double most, const int64_t *unit, int64_t *chunk)
{
    cut_down(ndim, size, most, unit, false, chunk);
}
