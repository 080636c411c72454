/* SPDX-License-Identifier: BSD-3-Clause
 * npy_write.c - writing .npy files, and files of elements alone, chunk by chunk: all of it, or
 * nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/beside.h"
#include "array/io/hdf5_internal.h"
#include "array/io/hdf5_shared.h"
#include "array/io/npy.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

struct bri_npy_writer {
    char *path, *temporary;
    char *real;     /* path, or what it is a symbolic link to */
    int fd;         /* has the temporary file locked */
    bool replaces;  /* there is a file already, */
    struct stat of; /* this one */
    size_t element;
    int ndim;
    int64_t strides[BR_MAX_NDIM];
    uint64_t address; /* of the first element */
    bri_h5_fix swap;  /* from our byte order to the file's */
    uint64_t shared;  /* the mark's id when others write, too; else 0 */
    bri_h5_form form;
};

static br_status io_error(const bri_npy_writer *w)
{
    return bri_file_error(errno == ENOMEM ? BR_ENOMEM : BR_EIO, "%s: %s", w->path, strerror(errno));
}

int bri_npy_swap(br_dtype dtype, bool swapped)
{
    size_t part = br_dtype_size(dtype) / (bri_kind(dtype) == 'c' ? 2 : 1);
    if (!swapped || part == 1)
        return BRI_H5_AS_IS;
    return part == 2 ? BRI_H5_SWAP2 : part == 4 ? BRI_H5_SWAP4 : BRI_H5_SWAP8;
}

static br_status write_elements(const bri_npy_writer *w, bri_h5_fix fix, const char *from, size_t n,
                                uint64_t address)
{
    return bri_h5_write_as(w->fd, fix, from, 0, n, address) ? BR_OK : io_error(w);
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
    return write_elements(w, BRI_H5_AS_IS, b, prefix + n, 0);
}

/* ---- the file ---- */

static br_status look(bri_npy_writer *w)
{
    struct stat st;
    w->replaces = stat(w->path, &w->of) == 0;
    if (w->replaces)
        return S_ISREG(w->of.st_mode)
                   ? BR_OK
                   : bri_file_error(BR_EIO, "%s: exists and is not a regular file", w->path);
    if (errno != ENOENT)
        return bri_h5_cannot_create(w->path, errno);
    if (lstat(w->path, &st) == 0 && S_ISLNK(st.st_mode))
        return bri_file_error(BR_EIO, "%s: is a symbolic link to a file that does not exist",
                              w->path);
    return BR_OK;
}

static br_status open_temporary(bri_npy_writer *w)
{
    BRI_TRY(look(w));
    w->real = w->replaces ? realpath(w->path, NULL) : strdup(w->path);
    if (w->real == NULL)
        return io_error(w);
    w->temporary = bri_beside_make(w->real, w->replaces, &w->fd);
    if (w->temporary != NULL)
        return BR_OK;
    return errno == ENOMEM ? BR_ENOMEM : bri_h5_cannot_create(w->path, errno);
}

static br_status begin(bri_npy_writer *w, br_dtype dtype, const int64_t *shape, bool header)
{
    uint64_t bytes = w->element = br_dtype_size(dtype);
    bool empty = false;
    w->form = (bri_h5_form){.ndim = w->ndim, .element = w->element, .laid_out = true};
    for (int a = w->ndim - 1; a >= 0; a--) {
        w->form.shape[a] = shape[a];
        w->strides[a] = (int64_t)bytes;
        bytes *= shape[a] > 0 ? (uint64_t)shape[a] : 1;
        empty |= shape[a] == 0;
    }
    BRI_TRY(open_temporary(w));
    if (header)
        BRI_TRY(write_header(w, dtype, shape));
    w->form.address = w->address;
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
        (*out)->swap = (*out)->form.swap = (bri_h5_fix)bri_npy_swap(dtype, swapped);
    return st;
}

/* ---- other processes ---- */

br_status bri_npy_share(bri_npy_writer *w, bri_h5_meeting *meeting)
{
    uint64_t align;
    return bri_h5_meet(w->fd, w->temporary, w->path, meeting, &w->shared, &align);
}

uint64_t bri_npy_shared_id(const bri_npy_writer *w)
{
    return w->shared;
}

const bri_h5_form *bri_npy_form_of(const bri_npy_writer *w)
{
    return &w->form;
}

/* ---- elements ---- */

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
        BRI_TRY(write_elements(w, w->swap, from, run, to));
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
    if (w->shared != 0)
        bri_h5_leave_file(w->shared, false);
    if (w->fd >= 0)
        close(w->fd);
    bri_free(w->path);
    free(w->real); /* made by realpath */
    bri_free(w->temporary);
    bri_free(w);
}

/* Where there are no locks, a program on another host may have removed the file, and another one
 * may have got its name. */
void bri_npy_abort(bri_npy_writer *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0 && bri_is_at(w->temporary, w->fd))
        unlink(w->temporary);
    free_writer(w);
}

static br_status reveal(const bri_npy_writer *w)
{
    if (fsync(w->fd) != 0)
        return io_error(w);
    if (!bri_is_at(w->temporary, w->fd))
        return bri_h5_replaced(w->temporary);
    if (w->replaces)
        bri_take_over(w->fd, &w->of);
    return rename(w->temporary, w->real) == 0 ? BR_OK : io_error(w);
}

br_status bri_npy_commit(bri_npy_writer *w)
{
    br_status st = reveal(w);
    if (st != BR_OK) {
        bri_npy_abort(w);
        return st;
    }
    bri_h5_sync_directory(w->real);
    free_writer(w);
    return BR_OK;
}
