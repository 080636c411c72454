/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_slow.c - reading by H5Dread under the lock: unusual layouts, filters and types.
 */
#include <string.h>

#include "array/io/hdf5_probe.h"
#include "runtime/error.h"

/* A part of the selection that fits in the scratch buffer, or the whole when it is dense. */
typedef struct slab {
    hsize_t start[BR_MAX_NDIM], step[BR_MAX_NDIM], count[BR_MAX_NDIM];
} slab;

/* HDF5 does not say which file it has not found, nor where it looked for it. */
static br_status name_external(const bri_h5_dataset *d, br_status status)
{
    char what[BRI_ERROR_TEXT], name[200] = "";
    off_t offset;
    hsize_t bytes;
    hid_t creation = H5Dget_create_plist(d->dataset);
    int n = creation >= 0 ? H5Pget_external_count(creation) : 0;
    snprintf(what, sizeof what, "%s", bri_last_error());
    if (n > 0 && H5Pget_external(creation, 0, sizeof name - 1, name, &offset, &bytes) >= 0)
        status = bri_error(status,
                           "%s; its elements are in %s%s, looked for from the working directory or "
                           "HDF5_EXTFILE_PREFIX (${ORIGIN} is where the HDF5 file is)",
                           what, name, n > 1 ? " and others" : "");
    if (creation >= 0)
        H5Pclose(creation);
    return status;
}

/* The caller holds the lock. */
static br_status read_slab(const bri_h5_dataset *d, const slab *s, char *to, size_t n)
{
    char where[BRI_H5_MESSAGE];
    int ndim = d->info.ndim;
    hid_t stored = H5S_ALL, memory = H5S_ALL;
    bool ok = true;
    if (ndim > 0) {
        stored = H5Dget_space(d->dataset);
        memory = H5Screate_simple(ndim, s->count, NULL);
        ok = stored >= 0 && memory >= 0 &&
             H5Sselect_hyperslab(stored, H5S_SELECT_SET, s->start, s->step, s->count, NULL) >= 0;
    }
    ok = ok && H5Dread(d->dataset, d->memory, memory, stored, H5P_DEFAULT, to) >= 0;
    br_status status = BR_OK;
    if (!ok) {
        status = bri_h5_error(BR_EIO, "%s: H5Dread failed", bri_h5_where(d, -1, where));
        status = name_external(d, status);
    }
    if (stored > 0)
        H5Sclose(stored);
    if (memory > 0)
        H5Sclose(memory);
    if (ok)
        bri_h5_fix_bytes(d->fix, to, n);
    return status;
}

static bool is_dense(const bri_h5_dataset *d, const bri_h5_want *want)
{
    int64_t stride = (int64_t)d->element;
    for (int a = d->info.ndim - 1; a >= 0; a--) {
        if (want->count[a] > 1 && want->stride[a] != stride)
            return false;
        stride *= want->count[a];
    }
    return true;
}

static br_status read_part(const bri_h5_dataset *d, const bri_h5_want *want, const int64_t *at,
                           const int64_t *count)
{
    slab s;
    bri_h5_box box = {.ndim = d->info.ndim};
    int64_t stride = (int64_t)d->element;
    char *to = want->to;
    for (int a = d->info.ndim - 1; a >= 0; a--) {
        s.start[a] = (hsize_t)(want->start[a] + at[a] * want->step[a]);
        s.step[a] = (hsize_t)want->step[a];
        s.count[a] = (hsize_t)count[a];
        box.count[a] = count[a];
        box.from[a] = stride;
        box.to[a] = want->stride[a];
        stride *= count[a];
        to += at[a] * want->stride[a];
    }
    BRI_TRY(read_slab(d, &s, want->scratch, (size_t)stride));
    bri_h5_box_join(&box);
    bri_h5_box_copy(&box, d->element, want->scratch, to);
    return BR_OK;
}

/* Parts as long as possible on the last axes fill the scratch buffer. */
static br_status read_parts(const bri_h5_dataset *d, const bri_h5_want *want)
{
    int64_t part[BR_MAX_NDIM], at[BR_MAX_NDIM] = {0};
    int64_t room = (int64_t)(bri_h5_scratch(d) / d->element);
    for (int a = d->info.ndim - 1; a >= 0; a--) {
        part[a] = want->count[a] < room ? want->count[a] : room;
        room /= part[a];
        room = room > 0 ? room : 1;
    }
    for (int a = 0; a >= 0;) {
        int64_t count[BR_MAX_NDIM];
        for (int i = 0; i < d->info.ndim; i++)
            count[i] = want->count[i] - at[i] < part[i] ? want->count[i] - at[i] : part[i];
        BRI_TRY(read_part(d, want, at, count));
        for (a = d->info.ndim - 1; a >= 0 && (at[a] += part[a]) >= want->count[a]; a--)
            at[a] = 0;
    }
    return BR_OK;
}

/* A parked dataset has no handles. */
static br_status read_reopened(const bri_h5_dataset *d, bri_h5_want *want)
{
    bri_h5_dataset *again;
    const bri_h5_identity before = bri_h5_identity_of(d);
    const char *const names[] = {d->path, d->name, d->field};
    BRI_TRY(bri_h5_open_as(names, d->untrusted ? &before : NULL, &again));
    br_status st = BR_OK;
    if (again->info.inode != d->info.inode || again->info.device != d->info.device ||
        again->info.dtype != d->info.dtype || again->info.ndim != d->info.ndim ||
        memcmp(again->info.shape, d->info.shape, sizeof d->info.shape) != 0 ||
        again->kind != BRI_H5_SLOW)
        st = bri_file_error(BR_EIO, "%s: was changed since it was opened: open it again", d->path);
    else
        st = bri_h5_read_slow(again, want);
    bri_h5_close(again);
    return st;
}

br_status bri_h5_read_slow(const bri_h5_dataset *d, bri_h5_want *want)
{
    if (d->parked != NULL)
        return read_reopened(d, want);
    slab s;
    size_t n = d->element;
    for (int a = 0; a < d->info.ndim; a++) {
        s.start[a] = (hsize_t)want->start[a];
        s.step[a] = (hsize_t)want->step[a];
        s.count[a] = (hsize_t)want->count[a];
        n *= (size_t)want->count[a];
    }
    /* What HDF5 reads of the file is not known; the elements are what it is read for. */
    want->bytes_read += n;
    if (want->counting)
        return BR_OK;
    bri_h5_lock();
    br_status status = is_dense(d, want) ? read_slab(d, &s, want->to, n) : read_parts(d, want);
    bri_h5_unlock();
    return status;
}
