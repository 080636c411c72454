/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_create.c - beginning and ending a dataset that is written: all of it, or nothing.
 *
 * A new file has a temporary name until commit. A file that existed gets back the bytes it had when
 * a dataset is not completed, see hdf5_driver.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum { MAX_NAME = 1000 };

static br_status check_chunks(const bri_h5_spec *spec, const char *path)
{
    uint64_t bytes = br_dtype_size(spec->dtype);
    int chunked = 0;
    for (int a = 0; a < spec->ndim; a++) {
        int64_t chunk = spec->chunk[a];
        if (spec->shape[a] < 0 || chunk < 0)
            return bri_error(BR_EARG, "%s: negative extent on axis %d", path, a);
        chunked += chunk > 0;
        if (chunk > 0 && __builtin_mul_overflow(bytes, (uint64_t)chunk, &bytes))
            bytes = UINT64_MAX;
    }
    if (chunked != 0 && chunked != spec->ndim)
        return bri_error(BR_EARG, "%s: chunk extents must be all 0 or all positive", path);
    if (chunked != 0 && bytes > UINT32_MAX)
        return bri_error(BR_EARG, "%s: HDF5 chunks must be smaller than 4 GiB", path);
    return BR_OK;
}

static br_status check_spec(const bri_h5_spec *spec, const char *path, const char *dataset)
{
    size_t n = strlen(dataset);
    if (n == 0 || n > MAX_NAME || dataset[n - 1] == '/')
        return bri_error(BR_EARG, "%s: \"%s\" cannot be a dataset's name", path, dataset);
    if (!bri_dtype_ok(spec->dtype))
        return bri_error(BR_EARG, "%s:%s: no dtype given", path, dataset);
    if (spec->ndim < 0 || spec->ndim > BR_MAX_NDIM)
        return bri_error(BR_EARG, "%s:%s: %d axes, 0 to %d are possible", path, dataset, spec->ndim,
                         BR_MAX_NDIM);
    if (spec->deflate < 0 || spec->deflate > 9)
        return bri_error(BR_EARG, "%s:%s: deflate level %d, 0 to 9 are possible", path, dataset,
                         spec->deflate);
    BRI_TRY(check_chunks(spec, path));
    bool filtered = spec->deflate > 0 || spec->shuffle;
    if (filtered && spec->ndim > 0 && spec->chunk[0] == 0)
        return bri_error(BR_EARG, "%s:%s: only chunked datasets can be compressed", path, dataset);
    return BR_OK;
}

/* HDF5 refuses chunks larger than the array; arrays without elements are stored contiguously. */
static void set_layout(bri_h5_writer *w)
{
    bri_h5_spec *spec = &w->spec;
    bool empty = spec->ndim == 0;
    for (int a = 0; a < spec->ndim; a++)
        empty |= spec->shape[a] == 0;
    w->element = br_dtype_size(spec->dtype);
    w->chunk_bytes = w->element;
    for (int a = 0; a < spec->ndim; a++) {
        if (empty)
            spec->chunk[a] = 0;
        else if (spec->chunk[a] > spec->shape[a])
            spec->chunk[a] = spec->shape[a];
        w->chunk_bytes *= (size_t)spec->chunk[a];
    }
    if (w->chunk_bytes == 0 || empty)
        return;
    w->filters.element = w->element;
    w->filters.level = spec->deflate;
    if (spec->shuffle)
        w->filters.id[w->filters.n++] = H5Z_FILTER_SHUFFLE;
    if (spec->deflate > 0)
        w->filters.id[w->filters.n++] = H5Z_FILTER_DEFLATE;
}

static hid_t creation_list(const bri_h5_writer *w)
{
    hsize_t chunk[BR_MAX_NDIM];
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    bool ok = list >= 0;
    for (int a = 0; a < w->spec.ndim; a++)
        chunk[a] = (hsize_t)w->spec.chunk[a];
    if (ok && w->spec.ndim > 0 && chunk[0] > 0)
        ok = H5Pset_chunk(list, w->spec.ndim, chunk) >= 0;
    for (int k = 0; ok && k < w->filters.n; k++)
        ok = w->filters.id[k] == H5Z_FILTER_SHUFFLE
                 ? H5Pset_shuffle(list) >= 0
                 : H5Pset_deflate(list, (unsigned)w->filters.level) >= 0;
    if (ok)
        return list;
    if (list >= 0)
        H5Pclose(list);
    return -1;
}

static hid_t link_list(void)
{
    hid_t list = H5Pcreate(H5P_LINK_CREATE);
    if (list >= 0 && H5Pset_create_intermediate_group(list, 1) >= 0 &&
        H5Pset_char_encoding(list, H5T_CSET_UTF8) >= 0)
        return list;
    return -1;
}

static hid_t new_space(const bri_h5_spec *spec)
{
    hsize_t extent[BR_MAX_NDIM];
    for (int a = 0; a < spec->ndim; a++)
        extent[a] = (hsize_t)spec->shape[a];
    return spec->ndim == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(spec->ndim, extent, NULL);
}

static br_status create_dataset(bri_h5_writer *w)
{
    br_status status = BR_OK;
    hid_t space = new_space(&w->spec), creation = creation_list(w), links = link_list();
    w->type = bri_h5_type_for(w->spec.dtype);
    if (space >= 0 && creation >= 0 && links >= 0 && w->type >= 0)
        w->dataset = H5Dcreate2(w->file, w->name, w->type, space, links, creation, H5P_DEFAULT);
    if (w->dataset < 0 || bri_h5_errno() != 0)
        status = bri_h5_error(bri_h5_errno() != 0 ? BR_EIO : BR_EARG,
                              "%s: dataset \"%s\" cannot be created", w->path, w->name);
    if (links >= 0)
        H5Pclose(links);
    if (creation >= 0)
        H5Pclose(creation);
    if (space >= 0)
        H5Sclose(space);
    return status;
}

static br_status use_file(bri_h5_writer *w, const struct stat *st)
{
    w->use = (bri_h5_use){
        .device = (uint64_t)st->st_dev,
        .inode = (uint64_t)st->st_ino,
        .writing = true,
        .mtime_before = bri_h5_mtime(st),
    };
    return bri_h5_use_begin(&w->use, w->path);
}

static br_status new_file(bri_h5_writer *w, hid_t access)
{
    struct stat st;
    size_t bytes = strlen(w->path) + 32;
    w->temporary = bri_malloc(bytes);
    if (w->temporary == NULL)
        return BR_ENOMEM;
    snprintf(w->temporary, bytes, "%s.tmp.%ld", w->path, (long)getpid());
    if (stat(w->temporary, &st) == 0) {
        br_status status = use_file(w, &st);
        if (status != BR_OK) { /* another writer of this process owns it */
            bri_free(w->temporary);
            w->temporary = NULL;
            return status;
        }
        bri_h5_use_end(&w->use);
        unlink(w->temporary); /* left by a dead process that had our number */
    }
    w->file = H5Fcreate(w->temporary, H5F_ACC_EXCL, H5P_DEFAULT, access);
    if (w->file < 0)
        return bri_h5_error(BR_EIO, "%s: cannot be created", w->path);
    if (fstat(bri_h5_descriptor(w->file), &st) != 0)
        return bri_error(BR_EIO, "%s: %s", w->path, strerror(errno));
    return use_file(w, &st);
}

static br_status old_file(bri_h5_writer *w, hid_t access, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return bri_error(BR_EIO, "%s: exists and is not a regular file", w->path);
    BRI_TRY(use_file(w, st));
    w->file = H5Fopen(w->path, H5F_ACC_RDWR, access);
    if (w->file < 0 && (bri_h5_errno() == EAGAIN || bri_h5_errno() == EWOULDBLOCK))
        return bri_error(BR_EIO,
                         "%s: locked, another program has it open (see "
                         "HDF5_USE_FILE_LOCKING)",
                         w->path);
    if (w->file < 0)
        return bri_h5_error(bri_h5_errno() != 0 ? BR_EIO : BR_EFORMAT,
                            "%s: exists, and cannot be opened to add a dataset", w->path);
    if (bri_h5_exists(w->file, w->name))
        return bri_error(BR_EARG, "%s: has a dataset or group \"%s\" already", w->path, w->name);
    return BR_OK;
}

static br_status begin(bri_h5_writer *w)
{
    struct stat st;
    hid_t access = bri_h5_access();
    if (access < 0)
        return bri_h5_error(BR_EIO, "HDF5 does not accept the file driver");
    br_status status;
    if (stat(w->path, &st) == 0)
        status = old_file(w, access, &st);
    else if (errno == ENOENT)
        status = new_file(w, access);
    else
        status = bri_error(BR_EIO, "%s: %s", w->path, strerror(errno));
    H5Pclose(access);
    return status == BR_OK ? create_dataset(w) : status;
}

static void free_writer(bri_h5_writer *w)
{
    bri_free(w->path);
    bri_free(w->name);
    bri_free(w->temporary);
    bri_free(w);
}

static void close_ids(bri_h5_writer *w)
{
    if (w->type >= 0)
        H5Tclose(w->type);
    if (w->dataset >= 0)
        H5Dclose(w->dataset);
    w->type = w->dataset = -1;
}

/* The caller holds the lock. */
static void undo(bri_h5_writer *w)
{
    if (w->file >= 0)
        bri_h5_discard(w->file);
    close_ids(w);
    if (w->file >= 0)
        H5Fclose(w->file);
    w->file = -1;
    if (w->temporary != NULL)
        unlink(w->temporary);
    else if (w->use.writing)
        bri_h5_note_own_writing(&w->use, w->path);
    bri_h5_use_end(&w->use);
}

br_status bri_h5_create(const char *path, const char *dataset, const bri_h5_spec *spec,
                        bri_h5_writer **out)
{
    *out = NULL;
    BRI_TRY(check_spec(spec, path, dataset));
    bri_h5_writer *w = bri_calloc(1, sizeof *w);
    if (w == NULL)
        return BR_ENOMEM;
    w->spec = *spec;
    w->file = w->dataset = w->type = -1;
    w->path = bri_strdup(path);
    w->name = bri_strdup(dataset);
    set_layout(w);
    br_status status = BR_ENOMEM;
    if (w->path != NULL && w->name != NULL) {
        bri_h5_lock();
        status = begin(w);
        if (status != BR_OK)
            undo(w);
        bri_h5_unlock();
    }
    if (status != BR_OK)
        free_writer(w);
    else
        *out = w;
    return status;
}

/* A directory may be writable without being readable, which is no reason to fail now. */
void bri_h5_sync_directory(const char *path)
{
    char directory[4096];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (n + 2 > sizeof directory)
        return;
    memcpy(directory, path, n);
    memcpy(directory + n, ".", 2);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* link() rather than rename(), so that a file that came up meanwhile is not overwritten. */
static br_status reveal(const bri_h5_writer *w)
{
    if (link(w->temporary, w->path) == 0) {
        unlink(w->temporary);
    } else if (errno == EEXIST) {
        return bri_error(BR_EIO, "%s: another program made this file while it was being written",
                         w->path);
    } else if (rename(w->temporary, w->path) != 0) {
        return bri_error(BR_EIO, "%s: %s", w->path, strerror(errno));
    }
    bri_h5_sync_directory(w->path);
    return BR_OK;
}

/* Some file systems find out only when syncing that a disk is full, and HDF5 writes a little more
 * on closing: the first sync is where nearly everything fails that can fail, while it can be
 * undone. */
static br_status close_file(bri_h5_writer *w, int fd)
{
    if (H5Fflush(w->file, H5F_SCOPE_GLOBAL) < 0 || bri_h5_errno() != 0)
        return bri_h5_error(BR_EIO, "%s: cannot be written", w->path);
    if (fsync(fd) != 0)
        return bri_error(BR_EIO, "%s: %s", w->path, strerror(errno));
    close_ids(w);
    herr_t closed = H5Fclose(w->file);
    w->file = -1;
    if (closed < 0 || bri_h5_errno() != 0)
        return bri_h5_error(BR_EIO, "%s: cannot be closed", w->path);
    if (fsync(fd) != 0)
        return bri_error(BR_EIO, "%s: %s", w->path, strerror(errno));
    return BR_OK;
}

static br_status finish(bri_h5_writer *w)
{
    if (atomic_load(&w->failed))
        return bri_error(BR_EIO, "%s: a part of \"%s\" could not be written", w->path, w->name);
    int fd = fcntl(bri_h5_descriptor(w->file), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return bri_error(BR_EIO, "%s: %s", w->path, strerror(errno));
    br_status status = close_file(w, fd);
    close(fd);
    return status == BR_OK && w->temporary != NULL ? reveal(w) : status;
}

br_status bri_h5_commit(bri_h5_writer *w)
{
    bri_h5_lock();
    br_status status = finish(w);
    if (status != BR_OK)
        undo(w);
    else if (w->temporary == NULL)
        bri_h5_note_own_writing(&w->use, w->path);
    bri_h5_use_end(&w->use);
    bri_h5_unlock();
    free_writer(w);
    return status;
}

void bri_h5_abort(bri_h5_writer *w)
{
    if (w == NULL)
        return;
    bri_h5_lock();
    undo(w);
    bri_h5_unlock();
    free_writer(w);
}
