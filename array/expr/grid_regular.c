/* SPDX-License-Identifier: BSD-3-Clause
 * grid_regular.c - slices and joins of regular axes that are regular themselves: by arithmetic
 * alone, however many chunks there are.
 *
 * What they make is the axis that a list of the same starts would be taken for, so nobody can tell
 * which way it came.
 */
#include "array/expr/grid.h"

/* n chunks: `first` elements, then `chunk` ones, then the rest of `extent`. */
static bri_axis make(int64_t extent, int64_t n, int64_t first, int64_t chunk)
{
    if (n == 1)
        first = chunk = extent;
    else if (n == 2)
        chunk = extent - first;
    return (bri_axis){.extent = extent, .nchunks = n, .first = first, .chunk = chunk};
}

/* How many elements of the slice are in the chunk that it begins in. */
static int64_t in_first(const bri_axis *x, int64_t c, int64_t start, int64_t step, int64_t count)
{
    int64_t way = step > 0 ? bri_axis_start(x, c + 1) - 1 - start : start - bri_axis_start(x, c);
    int64_t n = way / (step > 0 ? step : -step) + 1;
    return n < count ? n : count;
}

bool bri_axis_slice_regular(const bri_axis *x, int64_t start, int64_t step, int64_t count,
                            bri_axis *out)
{
    int64_t size = step > 0 ? step : -step;
    if (x->starts != NULL)
        return false;
    int64_t from = bri_axis_find(x, start);
    int64_t to = bri_axis_find(x, start + (count - 1) * step);
    /* The last chunk of the slice must be no longer than those before it; chunk 0 of x may be. */
    bool ends_in_first = to == 0 && from > 0 && x->first > x->chunk;
    int64_t first = in_first(x, from, start, step, count);
    if (ends_in_first)
        return false;
    if (size >= x->chunk) { /* elements behind the first chunk are each in a chunk of their own */
        *out = make(count, 1 + count - first, first, 1);
        return true;
    }
    if (x->chunk % size != 0)
        return false;
    *out = make(count, (from < to ? to - from : from - to) + 1, first, x->chunk / size);
    return true;
}

/* Are all chunks of x but the last one `chunk` long, and that at most? */
static bool is_even(const bri_axis *x, int64_t chunk)
{
    return bri_axis_count(x, x->nchunks - 1) <= chunk && (x->nchunks < 2 || x->first == chunk) &&
           (x->nchunks < 3 || x->chunk == chunk);
}

bool bri_axis_join_regular(const bri_axis *a, const bri_axis *b, bri_axis *out)
{
    if (a->starts != NULL || b->starts != NULL || a->extent == 0 || b->extent == 0)
        return false;
    /* The chunk that the joint axis repeats: a's, or after a single one of a the first of b. */
    int64_t chunk = a->nchunks > 1 ? bri_axis_count(a, 1) : bri_axis_count(b, 0);
    bool whole = a->nchunks == 1 || bri_axis_count(a, a->nchunks - 1) == chunk;
    if (!whole || !is_even(b, chunk))
        return false;
    *out = make(a->extent + b->extent, a->nchunks + b->nchunks, bri_axis_count(a, 0), chunk);
    return true;
}
