/* SPDX-License-Identifier: BSD-3-Clause
 * corners.c - the first and last few indices of every axis of a large array, computed without the
 * rest.
 */
#include <bramble/compute.h>
#include <string.h>

#include "array/expr/handle.h"
#include "runtime/alloc.h"

/* Which end of each axis a corner is at: bit a of `ends`. Short axes have one piece. */
typedef struct corner {
    br_index_item item[BR_MAX_NDIM];
    int64_t at[BR_MAX_NDIM], count[BR_MAX_NDIM];
} corner;

static bool set_corner(const br_array *x, const int64_t *shown, int64_t edge, uint32_t ends,
                       corner *c)
{
    for (int a = 0; a < br_ndim(x); a++) {
        bool cut = shown[a] < x->shape[a];
        bool high = ends >> a & 1;
        if (high && !cut)
            return false;
        c->item[a] = (br_index_item){.kind = ':'};
        c->at[a] = high ? edge : 0;
        c->count[a] = cut ? edge : shown[a];
        if (cut && high)
            c->item[a] =
                (br_index_item){.kind = ':', .has_start = true, .start = x->shape[a] - edge};
        else if (cut)
            c->item[a] = (br_index_item){.kind = ':', .has_stop = true, .stop = edge};
    }
    return true;
}

static br_status compute_corner(br_array *x, const int64_t *shown, const corner *c, char *values)
{
    int ndim = br_ndim(x);
    size_t size = br_dtype_size(br_dtype_of(x));
    int64_t to[BR_MAX_NDIM];
    int64_t from[BR_MAX_NDIM];
    int64_t whole = (int64_t)size;
    int64_t part = (int64_t)size;
    br_array *piece = br_index_items_(x, c->item, ndim, x->at);
    char *buffer = bri_malloc(br_nbytes(piece));
    if (buffer == NULL)
        return BR_ENOMEM;
    br_status st = br_compute(piece, buffer, br_nbytes(piece));
    for (int a = ndim - 1; a >= 0; a--) {
        to[a] = whole;
        from[a] = part;
        values += c->at[a] * whole;
        whole *= shown[a];
        part *= c->count[a];
    }
    if (st == BR_OK)
        bri_copy_box(ndim, c->count, size, values, to, buffer, from);
    bri_free(buffer);
    return st;
}

br_status bri_compute_corners(br_array *x, const int64_t *shown, int64_t edge, char *values)
{
    int ndim = br_ndim(x);
    for (uint64_t ends = 0; ends < (uint64_t)1 << ndim; ends++) {
        corner c;
        if (set_corner(x, shown, edge, (uint32_t)ends, &c))
            BRI_TRY(compute_corner(x, shown, &c, values));
    }
    return BR_OK;
}
