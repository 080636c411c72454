/* SPDX-License-Identifier: BSD-3-Clause
 * grid_listed.c - lists of starts, kept small: an array may have 1e8 chunks.
 *
 * 64 starts in a row share a base; each is its distance from it, in as few bytes as the longest
 * chunk allows: one for chunks of up to 4 elements, two up to 1040, four up to 6e7.
 */
#include "array/expr/grid_listed.h"

#include <stdatomic.h>

#include "runtime/alloc.h"

enum { BLOCK_BITS = 6, BLOCK = 1 << BLOCK_BITS };
enum { MOST_LISTED = 1 << 28 }; /* 0.25 to 2.2 GiB, and a second to walk through */

struct bri_starts {
    atomic_int refs;
    int width;   /* bytes of a distance */
    int64_t n;   /* starts that have been appended, the end with them */
    void *away;  /* distances, behind the bases */
    int64_t end; /* the last start */
    int64_t base[];
};

static int width_for(int64_t largest)
{
    if (largest <= UINT8_MAX / (BLOCK - 1))
        return 1;
    if (largest <= UINT16_MAX / (BLOCK - 1))
        return 2;
    return largest <= (int64_t)UINT32_MAX / (BLOCK - 1) ? 4 : 8;
}

static int64_t distance(const bri_starts *s, int64_t i)
{
    switch (s->width) {
    case 1:
        return ((const uint8_t *)s->away)[i];
    case 2:
        return ((const uint16_t *)s->away)[i];
    case 4:
        return ((const uint32_t *)s->away)[i];
    default:
        return ((const int64_t *)s->away)[i];
    }
}

static void set_distance(bri_starts *s, int64_t i, int64_t away)
{
    switch (s->width) {
    case 1:
        ((uint8_t *)s->away)[i] = (uint8_t)away;
        break;
    case 2:
        ((uint16_t *)s->away)[i] = (uint16_t)away;
        break;
    case 4:
        ((uint32_t *)s->away)[i] = (uint32_t)away;
        break;
    default:
        ((int64_t *)s->away)[i] = away;
    }
}

br_status bri_check_listed(int64_t nchunks)
{
    if (nchunks >= 0 && nchunks <= MOST_LISTED)
        return BR_OK;
    return bri_error(BR_ESHAPE,
                     "%lld chunks along an axis, which are not all of one extent: at most %d of "
                     "them can be listed, make them longer",
                     (long long)nchunks, MOST_LISTED);
}

br_status bri_starts_new(int64_t nchunks, int64_t largest, bri_starts **out)
{
    int width = width_for(largest);
    size_t n = (size_t)nchunks + 1;
    size_t nbases = (n - 1) / BLOCK + 1;
    *out = NULL;
    BRI_TRY(bri_check_listed(nchunks));
    bri_starts *s = bri_malloc(sizeof *s + nbases * sizeof s->base[0] + n * (size_t)width);
    if (s == NULL)
        return BR_ENOMEM;
    atomic_init(&s->refs, 1);
    s->width = width;
    s->n = 0;
    s->end = 0;
    s->away = s->base + nbases;
    bri_starts_append(s, 0);
    *out = s;
    return BR_OK;
}

void bri_starts_append(bri_starts *s, int64_t end)
{
    if (s->n % BLOCK == 0)
        s->base[s->n >> BLOCK_BITS] = end;
    set_distance(s, s->n, end - s->base[s->n >> BLOCK_BITS]);
    s->n++;
    s->end = end;
}

int64_t bri_starts_end(const bri_starts *s)
{
    return s->end;
}

void bri_starts_retain(bri_starts *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void bri_starts_release(bri_starts *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        bri_free(s);
}

int64_t bri_starts_at(const bri_starts *s, int64_t i)
{
    return s->base[i >> BLOCK_BITS] + distance(s, i);
}

int64_t bri_starts_find(const bri_starts *s, int64_t at)
{
    int64_t low = 0;
    int64_t high = s->n - 2; /* the last start is the end */
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        if (bri_starts_at(s, middle) <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Chunk 0, then equal ones, then a last one that is no longer. */
static bool is_regular(const bri_starts *s, int64_t chunk)
{
    int64_t nchunks = s->n - 1;
    int64_t before = bri_starts_at(s, 1);
    for (int64_t i = 2; i <= nchunks; i++) {
        int64_t here = bri_starts_at(s, i);
        if (here - before != chunk && (i < nchunks || here - before > chunk))
            return false;
        before = here;
    }
    return true;
}

void bri_starts_adopt(bri_starts *s, bri_axis *out)
{
    int64_t nchunks = s->n - 1;
    int64_t first = bri_starts_at(s, 1);
    int64_t chunk = nchunks > 1 ? bri_starts_at(s, 2) - first : first;
    *out = (bri_axis){
        .extent = s->end, .nchunks = nchunks, .first = first, .chunk = chunk, .starts = s};
    if (!is_regular(s, chunk))
        return;
    out->starts = NULL;
    bri_starts_release(s);
}
