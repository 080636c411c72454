/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_rows.c - rows of datasets without chunks, written by any process. No HDF5 calls.
 */
#include <string.h>

#include "array/io/hdf5_internal.h"
#include "array/io/hdf5_overlay.h"
#include "array/io/hdf5_runs.h"
#include "array/io/hdf5_shared.h"
#include "runtime/error.h"

/* The axes from the returned one on are one row; *bytes is its length. */
static int row_axis(const bri_h5_form *form, const int64_t *count, size_t *bytes)
{
    int a = form->ndim;
    *bytes = form->element;
    while (a > 0) {
        a--;
        *bytes *= (size_t)count[a];
        if (count[a] != form->shape[a])
            break;
    }
    return a;
}

size_t bri_h5_row_bytes(const bri_h5_form *form, const int64_t *count)
{
    size_t bytes;
    row_axis(form, count, &bytes);
    return bytes;
}

/* Row k of the box, in C order of the axes before `axis`. */
static uint64_t row_place(const bri_h5_form *form, int axis, const int64_t *start,
                          const int64_t *count, int64_t k)
{
    uint64_t at = form->address, stride = form->element;
    for (int a = form->ndim - 1; a >= 0; a--) {
        int64_t index = start[a];
        if (a < axis) {
            index += k % count[a];
            k /= count[a];
        }
        at += (uint64_t)index * stride;
        stride *= (uint64_t)form->shape[a];
    }
    return at;
}

static size_t width_of(bri_h5_fix fix)
{
    return fix == BRI_H5_SWAP2 ? 2 : fix == BRI_H5_SWAP4 ? 4 : fix == BRI_H5_SWAP8 ? 8 : 1;
}

/* The bytes may begin and end inside elements. */
static void put_in_order(bri_h5_fix fix, const char *elements, size_t first, size_t n, char *to)
{
    const size_t width = width_of(fix);
    size_t i = 0;
    for (; i < n && (first + i) % width != 0; i++)
        to[i] = elements[(first + i) ^ (width - 1)];
    size_t whole = (n - i) / width * width;
    memcpy(to + i, elements + first + i, whole);
    bri_h5_fix_bytes(fix, to + i, whole);
    for (i += whole; i < n; i++)
        to[i] = elements[(first + i) ^ (width - 1)];
}

bool bri_h5_write_as(int fd, bri_h5_fix fix, const char *elements, size_t first, size_t n,
                     uint64_t address)
{
    char part[16 << 10];
    if (width_of(fix) == 1)
        return bri_h5_write_all(fd, elements + first, n, address);
    for (size_t at = 0; at < n; at += sizeof part) {
        size_t bytes = n - at < sizeof part ? n - at : sizeof part;
        put_in_order(fix, elements, first + at, bytes, part);
        if (!bri_h5_write_all(fd, part, bytes, address + at))
            return false;
    }
    return true;
}

/* Bytes first, first + 1, ... of a row, in the file's byte order. */
static br_status write_row(const bri_h5_form *form, uint64_t file, const char *row, size_t first,
                           size_t n, uint64_t address)
{
    return bri_h5_write_joined_as(file, (bri_h5_fix)form->swap, row, first, n, address);
}

/* ---- ends of rows ---- */

/* Bytes of a row before its first whole page, and after its last one. */
static void find_ends(uint64_t at, size_t bytes, size_t page, size_t *head, size_t *tail)
{
    *head = bytes;
    *tail = 0;
    if (page == 0)
        return;
    uint64_t first = (at + page - 1) / page * page, last = (at + bytes) / page * page;
    if (first >= last)
        return;
    *head = (size_t)(first - at);
    *tail = (size_t)(at + bytes - last);
}

/* A page may end inside an element, whose bytes have another order in the file: of such, ends have
 * all of it. */
static size_t whole_elements(const bri_h5_form *form, size_t bytes)
{
    return (bytes + form->element - 1) / form->element * form->element;
}

static int64_t count_rows(const int64_t *count, int axis)
{
    int64_t n = 1;
    for (int a = 0; a < axis; a++)
        n *= count[a];
    return n;
}

size_t bri_h5_ends_bound(const bri_h5_form *form, size_t page, const int64_t *count)
{
    size_t bytes;
    int64_t nrows = count_rows(count, row_axis(form, count, &bytes));
    size_t most = 2 * (page + form->element);
    return (size_t)nrows * (page > 0 && bytes > most ? most : bytes);
}

br_status bri_h5_write_pages(const bri_h5_form *form, uint64_t file, size_t page,
                             const int64_t *start, const int64_t *count, const void *from,
                             char *ends, size_t *used)
{
    size_t bytes, head, tail;
    const char *row = from, *begin = ends;
    int axis = row_axis(form, count, &bytes);
    int64_t nrows = bytes > 0 ? count_rows(count, axis) : 0;
    for (int64_t k = 0; k < nrows; k++, row += bytes) {
        uint64_t at = row_place(form, axis, start, count, k);
        find_ends(at, bytes, page, &head, &tail);
        size_t first = whole_elements(form, head), last = whole_elements(form, tail);
        memcpy(ends, row, first);
        memcpy(ends + first, row + bytes - last, last);
        ends += first + last;
        if (head + tail < bytes)
            BRI_TRY(write_row(form, file, row, head, bytes - head - tail, at + head));
    }
    *used = (size_t)(ends - begin);
    return BR_OK;
}

br_status bri_h5_write_ends(const bri_h5_form *form, uint64_t file, size_t page,
                            const int64_t *start, const int64_t *count, const char *ends,
                            uint64_t *bytes_written)
{
    size_t bytes, head, tail;
    int axis = row_axis(form, count, &bytes);
    int64_t nrows = bytes > 0 ? count_rows(count, axis) : 0;
    for (int64_t k = 0; k < nrows; k++) {
        uint64_t at = row_place(form, axis, start, count, k);
        find_ends(at, bytes, page, &head, &tail);
        size_t first = whole_elements(form, head), last = whole_elements(form, tail);
        if (head > 0)
            BRI_TRY(write_row(form, file, ends, 0, head, at));
        if (tail > 0)
            BRI_TRY(write_row(form, file, ends + first, last - tail, tail, at + bytes - tail));
        ends += first + last;
    }
    *bytes_written += (uint64_t)nrows * bytes;
    return BR_OK;
}
