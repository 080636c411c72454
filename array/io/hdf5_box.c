/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_box.c - copying strided boxes between stored and wanted order.
 */
#include <string.h>

#include "array/io/hdf5_internal.h"

void bri_h5_box_join(bri_h5_box *box)
{
    int n = 0;
    for (int a = 0; a < box->ndim; a++) {
        if (box->count[a] == 1)
            continue;
        bool joins = n > 0 && box->from[n - 1] == box->from[a] * box->count[a] &&
                     box->to[n - 1] == box->to[a] * box->count[a];
        n -= joins;
        box->count[n] = joins ? box->count[n] * box->count[a] : box->count[a];
        box->from[n] = box->from[a];
        box->to[n] = box->to[a];
        n++;
    }
    box->ndim = n;
}

int64_t bri_h5_box_nelem(const bri_h5_box *box)
{
    int64_t n = 1;
    for (int a = 0; a < box->ndim; a++)
        n *= box->count[a];
    return n;
}

size_t bri_h5_box_span(const bri_h5_box *box, int axis, size_t element)
{
    int64_t span = (int64_t)element;
    for (int a = axis; a < box->ndim; a++)
        span += (box->count[a] - 1) * box->from[a];
    return (size_t)span;
}

bool bri_h5_box_is_run(const bri_h5_box *box, size_t element)
{
    int64_t size = (int64_t)element;
    return box->ndim == 0 || (box->ndim == 1 && box->from[0] == size && box->to[0] == size);
}

/* memcpy with a size known at compile time is one unaligned load and store. */
#define COPY_LOOP(size)                                                                            \
    for (int64_t i = 0; i < n; i++)                                                                \
    memcpy(to + i * to_stride, from + i * from_stride, size)

static void copy_line(const bri_h5_box *box, size_t element, const char *from, char *to)
{
    int last = box->ndim - 1;
    int64_t n = box->count[last], from_stride = box->from[last], to_stride = box->to[last];
    int64_t size = (int64_t)element;
    if (from_stride == size && to_stride == size) {
        memcpy(to, from, (size_t)(n * size));
        return;
    }
    switch (element) {
    case 1:
        COPY_LOOP(1);
        break;
    case 2:
        COPY_LOOP(2);
        break;
    case 4:
        COPY_LOOP(4);
        break;
    case 8:
        COPY_LOOP(8);
        break;
    default:
        COPY_LOOP(16);
        break;
    }
}

void bri_h5_box_copy(const bri_h5_box *box, size_t element, const char *from, char *to)
{
    int64_t index[BR_MAX_NDIM] = {0};
    int outer = box->ndim - 1;
    if (outer < 0) {
        memcpy(to, from, element);
        return;
    }
    for (;;) {
        copy_line(box, element, from, to);
        int a = outer - 1;
        for (; a >= 0; a--) {
            from += box->from[a];
            to += box->to[a];
            if (++index[a] < box->count[a])
                break;
            index[a] = 0;
            from -= box->from[a] * box->count[a];
            to -= box->to[a] * box->count[a];
        }
        if (a < 0)
            return;
    }
}
