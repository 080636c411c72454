/* SPDX-License-Identifier: BSD-3-Clause
 * places.c - moving elements whose places are given by indices: loops over elements of a size that
 * the compiler knows.
 */
#include "array/kernels/places.h"

#include <string.h>

#include "array/kernels/kernels.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { INDICES = 256 }; /* that are converted at a time */

static void too_large(int64_t n, const uint64_t *from, int64_t *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = from[i] > INT64_MAX ? INT64_MAX : (int64_t)from[i];
}

void bri_read_indices(br_dtype dtype, int64_t n, const char *from, int64_t stride, int64_t *out)
{
    const size_t size = br_dtype_size(dtype);
    uint64_t dense[INDICES];
    for (int64_t i = 0; i < n; i += INDICES) {
        int64_t some = n - i < INDICES ? n - i : INDICES;
        bri_mover_of(size)->copy(some, (char *)dense, (int64_t)size, from + i * stride, stride);
        if (dtype == BR_UINT64)
            too_large(some, dense, out + i);
        else
            bri_convert(BR_INT64, out + i, dtype, dense, some);
    }
}

/* ---- along an axis ---- */

ALWAYS_INLINE void pick(size_t size, const bri_lookup *p, bool put)
{
    for (int64_t i = 0; i < p->n; i++) {
        int64_t at = p->index[i] < 0 ? p->index[i] + p->extent : p->index[i];
        if (at < p->low || at >= p->high)
            continue;
        char *row = p->row + i * p->row_stride;
        char *there = p->there + i * p->there_stride + (at - p->low) * p->along;
        memcpy(put ? there : row, put ? row : there, size);
    }
}

ALWAYS_INLINE void pick_sized(size_t size, const bri_lookup *p, bool put)
{
    switch (size) {
    case 1:
        pick(1, p, put);
        break;
    case 2:
        pick(2, p, put);
        break;
    case 4:
        pick(4, p, put);
        break;
    case 8:
        pick(8, p, put);
        break;
    default:
        pick(16, p, put);
    }
}

void bri_lookup_take(size_t size, const bri_lookup *p)
{
    pick_sized(size, p, false);
}

void bri_lookup_put(size_t size, const bri_lookup *p)
{
    pick_sized(size, p, true);
}

/* ---- pieces ---- */

ALWAYS_INLINE void move(size_t bytes, const bri_pieces *p, char *to, int64_t to_stride,
                        const char *from)
{
    for (int64_t i = 0; i < p->n; i++)
        memcpy(to + p->to[i] * to_stride, from + p->from[i], bytes);
}

void bri_move_pieces(size_t bytes, const bri_pieces *p, char *to, int64_t to_stride,
                     const char *from)
{
    switch (bytes) {
    case 1:
        move(1, p, to, to_stride, from);
        break;
    case 2:
        move(2, p, to, to_stride, from);
        break;
    case 4:
        move(4, p, to, to_stride, from);
        break;
    case 8:
        move(8, p, to, to_stride, from);
        break;
    case 16:
        move(16, p, to, to_stride, from);
        break;
    default:
        move(bytes, p, to, to_stride, from);
    }
}
