/* SPDX-License-Identifier: BSD-3-Clause
 * copy.c - moving elements without a program: strided boxes and dense conversions.
 */
#include <stdlib.h>
#include <string.h>

#include "array/kernels/kernels.h"

enum {
    TILE = 128
}; /* of a transpose: its rows' cache lines on both sides stay in the second-level cache */

void bri_convert(br_dtype to, void *out, br_dtype from, const void *in, int64_t n)
{
    if (n == 0)
        return;
    if (to == from)
        memcpy(out, in, (size_t)n * bri_dtypes[to].size);
    else
        bri_kernel_table.cast[from][to]((size_t)n, out, in, NULL, NULL);
}

typedef struct axis {
    int64_t extent;
    int64_t to;
    int64_t from;
} axis;

/* Axes without those of extent 1, innermost first; ones that go on where the one inside ends are
 * one with it. */
static int merge_axes(int ndim, const int64_t *extent, const int64_t *to, const int64_t *from,
                      axis *axes)
{
    int n = 0;
    for (int a = ndim - 1; a >= 0; a--) {
        axis *inner = n > 0 ? &axes[n - 1] : NULL;
        if (extent[a] == 1)
            continue;
        if (inner != NULL && to[a] == inner->extent * inner->to &&
            from[a] == inner->extent * inner->from)
            inner->extent *= extent[a];
        else
            axes[n++] = (axis){extent[a], to[a], from[a]};
    }
    return n;
}

static void swap(axis *axes, int i, int j)
{
    axis t = axes[i];
    axes[i] = axes[j];
    axes[j] = t;
}

/* Puts the axis along which `to` runs fastest first and of the others the one along which `from`
 * does second. */
static void order_axes(axis *axes, int n)
{
    for (int i = 1; i < n; i++)
        if (llabs(axes[i].to) < llabs(axes[0].to))
            swap(axes, 0, i);
    for (int i = 2; i < n; i++)
        if (llabs(axes[i].from) < llabs(axes[1].from))
            swap(axes, 1, i);
}

static void copy_tiles(const bri_mover *move, const axis *axes, char *to, char *from)
{
    for (int64_t i = 0; i < axes[1].extent; i += TILE)
        for (int64_t j = 0; j < axes[0].extent; j += TILE) {
            int64_t ni = axes[1].extent - i < TILE ? axes[1].extent - i : TILE;
            int64_t nj = axes[0].extent - j < TILE ? axes[0].extent - j : TILE;
            move->copy2(ni, nj,
                        (bri_plane2){to + i * axes[1].to + j * axes[0].to, axes[1].to, axes[0].to},
                        (bri_plane2){from + i * axes[1].from + j * axes[0].from, axes[1].from,
                                     axes[0].from});
        }
}

static void copy_plane(const bri_mover *move, const axis *axes, char *to, char *from)
{
    bool transposed = llabs(axes[1].from) < llabs(axes[0].from);
    if (transposed)
        copy_tiles(move, axes, to, from);
    else
        move->copy2(axes[1].extent, axes[0].extent, (bri_plane2){to, axes[1].to, axes[0].to},
                    (bri_plane2){from, axes[1].from, axes[0].from});
}

void bri_copy_box(int ndim, const int64_t *extent, size_t size, char *to, const int64_t *to_stride,
                  const char *from, const int64_t *from_stride)
{
    const bri_mover *move = bri_mover_of(size);
    axis axes[BR_MAX_NDIM + 2];
    for (int a = 0; a < ndim; a++)
        if (extent[a] == 0)
            return;
    int n = merge_axes(ndim, extent, to_stride, from_stride, axes);
    order_axes(axes, n);
    while (n < 2)
        axes[n++] = (axis){1, (int64_t)size, (int64_t)size};
    int64_t idx[BR_MAX_NDIM] = {0};
    for (int a = 2;;) {
        int64_t t = 0, f = 0;
        for (int k = 2; k < n; k++) {
            t += idx[k] * axes[k].to;
            f += idx[k] * axes[k].from;
        }
        copy_plane(move, axes, to + t, (char *)from + f);
        for (a = 2; a < n && ++idx[a] == axes[a].extent; a++)
            idx[a] = 0;
        if (a == n)
            return;
    }
}
