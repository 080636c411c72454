/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_plain.c - reading stored elements without filters: contiguous data and unfiltered chunks.
 *
 * Runs that are long on both sides are read right into their place. Pieces that lie close together
 * in the file are read at once, gaps and all, into the scratch buffer and copied from there: a read
 * of a small gap is cheaper than a second system call.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "array/io/hdf5_ahead.h"
#include "runtime/clock.h"
#include "runtime/error.h"

enum {
    LONG_RUN = 64 << 10,  /* read in place from here on */
    SMALL_GAP = 16 << 10, /* about what the page cache copies in the time of one call */
};

typedef struct plain_read {
    const bri_h5_dataset *d;
    bri_h5_want *want;
    int64_t chunk;
    bri_h5_box box;
    size_t span[BR_MAX_NDIM + 1]; /* of the axes from here on */
    bool close[BR_MAX_NDIM + 1];  /* no large gaps between the elements of these axes */
} plain_read;

static br_status read_fully(const bri_h5_dataset *d, int fd, void *to, size_t n, uint64_t address,
                            int64_t chunk)
{
    char where[BRI_H5_MESSAGE], *at = to;
    while (n > 0) {
        ssize_t got = pread(fd, at, n, (off_t)address);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bri_file_error(BR_EIO, "%s: %s", bri_h5_where(d, chunk, where), strerror(errno));
        if (got == 0)
            return bri_file_error(
                BR_EIO,
                "%s: the file ends at byte %llu, inside the data (truncated since it was opened)",
                bri_h5_where(d, chunk, where), (unsigned long long)address);
        at += got;
        n -= (size_t)got;
        address += (uint64_t)got;
    }
    return BR_OK;
}

br_status bri_h5_pread(const bri_h5_dataset *d, void *to, size_t n, uint64_t address, int64_t chunk)
{
    int fd;
    BRI_TRY(bri_h5_borrow(d, &fd));
    int64_t before = bri_now_ns();
    br_status st = read_fully(d, fd, to, n, address, chunk);
    bri_h5_ahead_learn(n, bri_now_ns() - before);
    bri_h5_give_back(d);
    return st;
}

static br_status read_run(plain_read *r, uint64_t address, size_t n, char *to)
{
    r->want->bytes_read += n;
    if (r->want->counting)
        return BR_OK;
    BRI_TRY(bri_h5_pread(r->d, to, n, address, r->chunk));
    bri_h5_fix_bytes(r->d->fix, to, n);
    return BR_OK;
}

/* Reads `count` steps of the axis and all of the axes below it through the scratch buffer. */
static br_status gather(plain_read *r, int axis, int64_t count, uint64_t address, char *to)
{
    bri_h5_box part = {.ndim = r->box.ndim - axis};
    size_t n = (size_t)part.ndim * sizeof part.count[0];
    memcpy(part.count, r->box.count + axis, n);
    memcpy(part.from, r->box.from + axis, n);
    memcpy(part.to, r->box.to + axis, n);
    part.count[0] = count;
    size_t span = bri_h5_box_span(&part, 0, r->d->element);
    BRI_TRY(read_run(r, address, span, r->want->scratch));
    if (!r->want->counting)
        bri_h5_box_copy(&part, r->d->element, r->want->scratch, to);
    return BR_OK;
}

static bool is_long_run(const plain_read *r, int axis)
{
    int64_t element = (int64_t)r->d->element;
    return axis == r->box.ndim - 1 && r->box.from[axis] == element && r->box.to[axis] == element &&
           r->span[axis] >= LONG_RUN;
}

static br_status read_axes(plain_read *r, int axis, uint64_t address, char *to)
{
    if (axis == r->box.ndim)
        return read_run(r, address, r->d->element, to);
    if (is_long_run(r, axis))
        return read_run(r, address, r->span[axis], to);
    int64_t count = r->box.count[axis], from = r->box.from[axis];
    bool below = axis + 1 < r->box.ndim && is_long_run(r, axis + 1);
    int64_t group = 1;
    if (!below && r->close[axis] && r->span[axis + 1] <= BRI_H5_GATHER)
        group = (int64_t)(BRI_H5_GATHER - r->span[axis + 1]) / from + 1;
    for (int64_t i = 0; i < count; i += group) {
        int64_t n = count - i < group ? count - i : group;
        uint64_t at = address + (uint64_t)(i * from);
        char *place = to + i * r->box.to[axis];
        if (group > 1)
            BRI_TRY(gather(r, axis, n, at, place));
        else
            BRI_TRY(read_axes(r, axis + 1, at, place));
    }
    return BR_OK;
}

br_status bri_h5_read_plain(const bri_h5_dataset *d, bri_h5_box *box, uint64_t address,
                            int64_t chunk, bri_h5_want *want)
{
    bri_h5_box_join(box);
    plain_read r = {.d = d, .want = want, .chunk = chunk, .box = *box};
    if (bri_h5_box_is_run(box, d->element))
        return read_run(&r, address, bri_h5_box_span(box, 0, d->element), want->to);
    r.span[box->ndim] = d->element;
    r.close[box->ndim] = true;
    for (int a = box->ndim - 1; a >= 0; a--) {
        r.span[a] = bri_h5_box_span(box, a, d->element);
        r.close[a] = r.close[a + 1] && box->from[a] - (int64_t)r.span[a + 1] <= SMALL_GAP;
    }
    return read_axes(&r, 0, address, want->to);
}
