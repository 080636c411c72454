/* SPDX-License-Identifier: BSD-3-Clause
 * npy_write.c - writing .npy files, and files of elements alone, chunk by chunk: all of it, or
 * nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/hdf5_internal.h"
#include "array/io/npy.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

struct bri_npy_writer {
    char *path, *temporary;
    int fd;
    size_t element;
    int ndim;
    int64_t strides[BR_MAX_NDIM];
    uint64_t address; /* of the first element */
    bri_h5_fix swap;  /* from our byte order to the file's */
};

static br_status io_error(const bri_npy_writer *w)
{
    return bri_error(BR_EIO, "%s: %s", w->path, strerror(errno));
}

static br_status write_all(const bri_npy_writer *w, const char *from, size_t n, uint64_t address)
{
    while (n > 0) {
        ssize_t done = pwrite(w->fd, from, n, (off_t)address);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return io_error(w);
        from += done;
        n -= (size_t)done;
        address += (uint64_t)done;
    }
    return BR_OK;
}

int bri_npy_swap(br_dtype dtype, bool swapped)
{
    size_t part = br_dtype_size(dtype) / (bri_kind(dtype) == 'c' ? 2 : 1);
    if (!swapped || part == 1)
        return BRI_H5_AS_IS;
    return part == 2 ? BRI_H5_SWAP2 : part == 4 ? BRI_H5_SWAP4 : BRI_H5_SWAP8;
}

static br_status write_elements(const bri_npy_writer *w, const char *from, size_t n,
                                uint64_t address)
{
    char part[16 << 10]; /* a multiple of every element's size */
    if (w->swap == BRI_H5_AS_IS)
        return write_all(w, from, n, address);
    for (size_t at = 0; at < n; at += sizeof part) {
        size_t bytes = n - at < sizeof part ? n - at : sizeof part;
        memcpy(part, from + at, bytes);
        bri_h5_fix_bytes(w->swap, part, bytes);
        BRI_TRY(write_all(w, part, bytes, address + at));
    }
    return BR_OK;
}

/* ---- the header: padded by spaces, so that elements begin at a multiple of 64 bytes ---- */

static const char *descr_of(br_dtype dtype, char text[8])
{
    char order = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? '>' : '<';
    int size = (int)br_dtype_size(dtype);
    snprintf(text, 8, "%c%c%d", size == 1 ? '|' : order, bri_kind(dtype), size);
    return text;
}

/* At most 32 extents of 20 digits: below 1 KiB. */
static br_status write_header(bri_npy_writer *w, br_dtype dtype, const int64_t *shape)
{
    char b[1024] = "\x93NUMPY\1", descr[8];
    const size_t prefix = 10;
    char *text = b + prefix;
    size_t room = sizeof b - prefix;
    size_t n = (size_t)snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                descr_of(dtype, descr));
    for (int a = 0; a < w->ndim; a++)
        n += (size_t)snprintf(text + n, room - n, "%s%lld", a > 0 ? ", " : "", (long long)shape[a]);
    n += (size_t)snprintf(text + n, room - n, "%s), }", w->ndim == 1 ? "," : "");
    while ((prefix + n + 1) % 64 != 0)
        text[n++] = ' ';
    text[n++] = '\n';
    b[8] = (char)(n & 0xff);
    b[9] = (char)(n >> 8);
    w->address = prefix + n;
    return write_all(w, b, prefix + n, 0);
}

/* ---- the file ---- */

static br_status open_temporary(bri_npy_writer *w)
{
    static atomic_uint calls;
    struct stat st;
    if (stat(w->path, &st) == 0 && !S_ISREG(st.st_mode))
        return bri_error(BR_EIO, "%s: exists and is not a regular file", w->path);
    size_t bytes = strlen(w->path) + 48;
    w->temporary = bri_malloc(bytes);
    if (w->temporary == NULL)
        return BR_ENOMEM;
    snprintf(w->temporary, bytes, "%s.tmp.%ld.%u", w->path, (long)getpid(),
             atomic_fetch_add(&calls, 1));
    unlink(w->temporary); /* left by a dead process that had our number */
    w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return w->fd >= 0 ? BR_OK : bri_h5_cannot_create(w->path, errno);
}

static br_status begin(bri_npy_writer *w, br_dtype dtype, const int64_t *shape, bool header)
{
    uint64_t bytes = w->element = br_dtype_size(dtype);
    bool empty = false;
    for (int a = w->ndim - 1; a >= 0; a--) {
        w->strides[a] = (int64_t)bytes;
        bytes *= shape[a] > 0 ? (uint64_t)shape[a] : 1;
        empty |= shape[a] == 0;
    }
    BRI_TRY(open_temporary(w));
    if (header)
        BRI_TRY(write_header(w, dtype, shape));
    return ftruncate(w->fd, (off_t)(w->address + (empty ? 0 : bytes))) == 0 ? BR_OK : io_error(w);
}

static br_status create(const char *path, br_dtype dtype, int ndim, const int64_t *shape,
                        bool header, bri_npy_writer **out)
{
    *out = NULL;
    bri_npy_writer *w = bri_calloc(1, sizeof *w);
    if (w == NULL)
        return BR_ENOMEM;
    w->fd = -1;
    w->ndim = ndim;
    w->path = bri_strdup(path);
    br_status st = w->path != NULL ? begin(w, dtype, shape, header) : BR_ENOMEM;
    if (st != BR_OK)
        bri_npy_abort(w);
    else
        *out = w;
    return st;
}

br_status bri_npy_create(const char *path, br_dtype dtype, int ndim, const int64_t *shape,
                         bri_npy_writer **out)
{
    return create(path, dtype, ndim, shape, true, out);
}

br_status bri_raw_create(const char *path, br_dtype dtype, int ndim, const int64_t *shape,
                         bool swapped, bri_npy_writer **out)
{
    br_status st = create(path, dtype, ndim, shape, false, out);
    if (st == BR_OK)
        (*out)->swap = (bri_h5_fix)bri_npy_swap(dtype, swapped);
    return st;
}

/* The box in runs that lie in one piece on both sides. */
static br_status write_runs(const bri_npy_writer *w, const bri_h5_box *box, const char *src,
                            uint64_t address)
{
    int axes = box->ndim;
    size_t run = w->element;
    if (axes > 0 && box->to[axes - 1] == (int64_t)w->element)
        run *= (size_t)box->count[--axes];
    int64_t at[BR_MAX_NDIM] = {0};
    for (;;) {
        uint64_t to = address;
        const char *from = src;
        for (int k = 0; k < axes; k++) {
            to += (uint64_t)(at[k] * box->to[k]);
            from += at[k] * box->from[k];
        }
        BRI_TRY(write_elements(w, from, run, to));
        int a = axes - 1;
        while (a >= 0 && ++at[a] == box->count[a])
            at[a--] = 0;
        if (a < 0)
            return BR_OK;
    }
}

br_status bri_npy_put(bri_npy_writer *w, const int64_t *start, const int64_t *count,
                      const void *src, uint64_t *bytes_written)
{
    bri_h5_box box = {.ndim = w->ndim};
    int64_t dense = (int64_t)w->element;
    uint64_t address = w->address;
    for (int a = w->ndim - 1; a >= 0; a--) {
        box.count[a] = count[a];
        box.from[a] = dense;
        box.to[a] = w->strides[a];
        dense *= count[a];
        address += (uint64_t)(start[a] * w->strides[a]);
    }
    if (dense == 0)
        return BR_OK;
    *bytes_written += (uint64_t)dense;
    bri_h5_box_join(&box);
    return write_runs(w, &box, src, address);
}

static void free_writer(bri_npy_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    bri_free(w->path);
    bri_free(w->temporary);
    bri_free(w);
}

void bri_npy_abort(bri_npy_writer *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0)
        unlink(w->temporary);
    free_writer(w);
}

br_status bri_npy_commit(bri_npy_writer *w)
{
    if (fsync(w->fd) != 0 || rename(w->temporary, w->path) != 0) {
        br_status st = io_error(w);
        bri_npy_abort(w);
        return st;
    }
    bri_h5_sync_directory(w->path);
    free_writer(w);
    return BR_OK;
}
