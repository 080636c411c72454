/* SPDX-License-Identifier: BSD-3-Clause
 * halo.c - the boxes that widened leaves read, and back from elements to leaves.
 */
#include "array/plan/halo.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Elements beyond the ends are other elements of the array. */
static bool continues(const bri_halo_axis *h)
{
    return h->boundary != BR_BOUNDARY_NONE && h->boundary != BR_BOUNDARY_CONSTANT;
}

static bool may_have(const bri_halo_axis *h, bri_side side)
{
    return side == BRI_INSIDE ||
           (continues(h) && h->leaf >= 0 && (side == BRI_BELOW ? h->before : h->after) > 0);
}

bool bri_halo_next(const bri_halo *halo, uint64_t *part)
{
    for (int a = halo->ndim - 1; a >= 0; a--) {
        for (int side = (int)bri_part_side(*part, a) + 1; side <= BRI_ABOVE; side++)
            if (may_have(&halo->axis[a], (bri_side)side)) {
                *part = (*part & ~((uint64_t)3 << (2 * a))) | (uint64_t)side << (2 * a);
                return true;
            }
        *part &= ~((uint64_t)3 << (2 * a));
    }
    return false;
}

/* The leaf's own indices [from, to) along an axis of the array. */
static void own(const bri_halo_axis *h, const bri_leaf *leaf, int64_t *from, int64_t *to)
{
    *from = h->leaf >= 0 ? leaf->origin[h->leaf] : 0;
    *to = h->leaf >= 0 ? *from + leaf->extent[h->leaf] : h->extent;
}

void bri_halo_window(const bri_halo *halo, const bri_leaf *leaf, bri_leaf *window)
{
    window->nelem = 1;
    window->origin[0] = 0;
    window->extent[0] = 1;
    for (int a = 0; a < halo->ndim; a++) {
        const bri_halo_axis *h = &halo->axis[a];
        int64_t from;
        int64_t to;
        own(h, leaf, &from, &to);
        if (h->leaf >= 0 && h->boundary == BR_BOUNDARY_NONE) {
            from = larger(0, from - h->before);
            to = smaller(h->extent, to + h->after);
        } else if (h->leaf >= 0) {
            from -= h->before;
            to += h->after;
        }
        window->origin[a] = from;
        window->extent[a] = to - from;
        window->nelem *= to - from;
    }
}

/* Elements of the array that stand beyond an end; depths are at most the extent. */
static void beyond(const bri_halo_axis *h, bri_side side, int64_t n, int64_t *from, int64_t *to)
{
    bool start = h->boundary == BR_BOUNDARY_PERIODIC ? side == BRI_ABOVE : side == BRI_BELOW;
    if (n > 0 && h->boundary == BR_BOUNDARY_NEAREST)
        n = 1;
    *from = start ? 0 : h->extent - n;
    *to = *from + n;
}

void bri_halo_box(const bri_halo *halo, uint64_t part, const bri_leaf *leaf, bri_leaf *box)
{
    box->nelem = 1;
    box->origin[0] = 0;
    box->extent[0] = 1;
    for (int a = 0; a < halo->ndim; a++) {
        const bri_halo_axis *h = &halo->axis[a];
        bri_side side = bri_part_side(part, a);
        int64_t from;
        int64_t to;
        own(h, leaf, &from, &to);
        int64_t low = h->leaf >= 0 ? from - h->before : from;
        int64_t high = h->leaf >= 0 ? to + h->after : to;
        from = larger(0, low);
        to = smaller(h->extent, high);
        if (side == BRI_BELOW)
            beyond(h, side, larger(0, -low), &from, &to);
        else if (side == BRI_ABOVE)
            beyond(h, side, larger(0, high - h->extent), &from, &to);
        box->origin[a] = from;
        box->extent[a] = to - from;
        box->nelem *= to - from;
    }
}

void bri_halo_readers(const bri_halo *halo, uint64_t part, int a, int64_t low, int64_t high,
                      int64_t *from, int64_t *to)
{
    const bri_halo_axis *h = &halo->axis[a];
    *from = 0;
    *to = INT64_MAX;
    switch (bri_part_side(part, a)) {
    case BRI_INSIDE:
        *from = larger(0, low - h->after);
        *to = high + h->before;
        return;
    case BRI_BELOW: /* leaves that start below `before` */
        *to = h->before;
        return;
    case BRI_ABOVE: /* leaves that end less than `after` before the end */
        *from = larger(0, h->extent - h->after);
    }
}
