/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_open.c - opening a dataset for reading: the file, the metadata, then HDF5 is let go.
 *
 * Only the descriptor stays open afterwards, so that datasets can be added to a file that was read.
 * Datasets of the slow kind keep their HDF5 handles.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/hdf5_attribute.h"
#include "array/io/hdf5_cache.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

static int64_t ctime_of(const struct stat *st)
{
    return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

const char *bri_h5_looked_from(const char *path, char text[BRI_H5_FROM])
{
    char here[BRI_H5_FROM - 32];
    text[0] = '\0';
    if (path[0] != '/' && getcwd(here, sizeof here) != NULL)
        snprintf(text, BRI_H5_FROM, " (looked for from %s)", here);
    return text;
}

br_status bri_h5_cannot_open(const char *path, int why)
{
    char from[BRI_H5_FROM];
    if (why != ENOENT && why != ENOTDIR)
        return bri_file_error(BR_EIO, "%s: %s", path, strerror(why));
    return bri_file_error(BR_ENOTFOUND, "%s: %s%s", path, strerror(why),
                          bri_h5_looked_from(path, from));
}

static br_status open_file(bri_h5_dataset *d)
{
    struct stat st;
    /* Without O_NONBLOCK a named pipe would wait here for a writer. */
    d->fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (d->fd < 0)
        return bri_h5_cannot_open(d->path, errno);
    if (fstat(d->fd, &st) != 0)
        return bri_file_error(BR_EIO, "%s: %s", d->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return bri_file_error(BR_EIO, "%s: is %s, not a file", d->path,
                              S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
    d->info.device = (uint64_t)st.st_dev;
    d->info.inode = (uint64_t)st.st_ino;
    d->info.bytes = (uint64_t)st.st_size;
    d->info.mtime_ns = bri_h5_mtime(&st);
    d->ctime_ns = ctime_of(&st);
    return BR_OK;
}

bool bri_h5_find_signature(int fd, uint64_t bytes, uint64_t *where)
{
    static const char signature[8] = "\211HDF\r\n\032\n";
    char found[8];
    for (uint64_t at = 0; at + 8 <= bytes; at = at == 0 ? 512 : 2 * at)
        if (pread(fd, found, 8, (off_t)at) == 8 && memcmp(found, signature, 8) == 0) {
            *where = at;
            return true;
        }
    return false;
}

/* 1.10 reads versions 0 to 3; a file of a newer library is told apart from a damaged one. */
static br_status check_superblock(const bri_h5_dataset *d, uint64_t at)
{
    unsigned char version = 0;
    if (pread(d->fd, &version, 1, (off_t)at + 8) == 1 && version > 3)
        return bri_file_error(BR_EFORMAT,
                              "%s: its superblock has version %d, this HDF5 library reads up to 3; "
                              "h5repack of a newer one converts it: h5repack --high=2 %s out.h5",
                              d->path, version, d->path);
    return BR_OK;
}

br_status bri_h5_check_format(const bri_h5_dataset *d)
{
    char magic[4] = "";
    uint64_t at;
    if (bri_h5_find_signature(d->fd, d->info.bytes, &at))
        return check_superblock(d, at);
    if (d->info.bytes == 0)
        return bri_file_error(BR_EFORMAT, "%s: the file is empty", d->path);
    if (pread(d->fd, magic, 4, 0) == 4 && memcmp(magic, "CDF", 3) == 0 &&
        (magic[3] == 1 || magic[3] == 2 || magic[3] == 5))
        return bri_file_error(
            BR_EFORMAT, "%s: a netCDF-3 file, not HDF5; convert it by: nccopy -k nc4 %s out.nc",
            d->path, d->path);
    return bri_file_error(BR_EFORMAT, "%s: not an HDF5 file", d->path);
}

br_status bri_h5_no_locks(const char *path)
{
    return bri_file_error(BR_EIO,
                          "%s: No locks available, as on NFS without a lock daemon "
                          "(HDF5_USE_FILE_LOCKING=FALSE opens it without)",
                          path);
}

static br_status another_file(const bri_h5_dataset *d)
{
    return bri_file_error(BR_EIO, "%s: another file took its place while it was opened", d->path);
}

/* The lock is held from here on. HDF5 forgets its message at the next call, so the error is made
 * before anything is closed. */
static br_status open_error(const bri_h5_dataset *d)
{
    int why = bri_h5_errno();
    if (why == EAGAIN || why == EWOULDBLOCK)
        return bri_file_error(BR_EIO,
                              "%s: locked by a program that is writing to it "
                              "(HDF5_USE_FILE_LOCKING=FALSE reads it nevertheless)",
                              d->path);
    if (why == ENOLCK)
        return bri_h5_no_locks(d->path);
    if (why == EXDEV)
        return another_file(d);
    bri_h5_error(BR_EFORMAT, "%s", d->path);
    if (strstr(bri_last_error(), "already open for write") != NULL)
        return bri_file_error(
            BR_EIO,
            "%s: marked as being written: wait for the program that does so; if it was "
            "killed, h5clear -s %s takes the mark away",
            d->path, d->path);
    return bri_h5_error(why != 0 ? BR_EIO : BR_EFORMAT, "%s: HDF5 cannot open the file", d->path);
}

static br_status open_hdf5(bri_h5_dataset *d)
{
    struct stat st;
    hid_t access = bri_h5_access();
    if (access < 0)
        return bri_h5_error(BR_EIO, "%s: HDF5 does not accept the file driver", d->path);
    if (d->untrusted)
        bri_h5_open_only(d->info.device, d->info.inode);
    d->file = H5Fopen(d->path, H5F_ACC_RDONLY, access);
    br_status status = d->file >= 0 ? BR_OK : open_error(d);
    H5Pclose(access);
    BRI_TRY(status);
    if (fstat(bri_h5_descriptor(d->file), &st) != 0 || (uint64_t)st.st_ino != d->info.inode ||
        (uint64_t)st.st_dev != d->info.device)
        return another_file(d);
    return BR_OK;
}

static br_status set_shape(bri_h5_dataset *d, const hsize_t *extent, int ndim)
{
    char where[BRI_H5_MESSAGE];
    int64_t bytes = (int64_t)(d->stride > 8 ? d->stride : 8);
    for (int a = 0; a < ndim; a++) {
        int64_t n = extent[a] > 0 ? (int64_t)extent[a] : 1;
        if (extent[a] > INT64_MAX / 4 || __builtin_mul_overflow(bytes, n, &bytes) ||
            bytes > INT64_MAX / 4)
            return bri_file_error(BR_EFORMAT, "%s: its shape is too large",
                                  bri_h5_where(d, -1, where));
        d->info.shape[a] = (int64_t)extent[a];
    }
    d->info.ndim = ndim;
    return BR_OK;
}

static br_status read_shape(bri_h5_dataset *d)
{
    char where[BRI_H5_MESSAGE];
    hsize_t extent[BR_MAX_NDIM];
    br_status status;
    hid_t space = H5Dget_space(d->dataset);
    H5S_class_t kind = space >= 0 ? H5Sget_simple_extent_type(space) : H5S_NO_CLASS;
    int ndim = kind == H5S_SIMPLE ? H5Sget_simple_extent_dims(space, extent, NULL) : 0;
    if (kind == H5S_NULL)
        status = bri_file_error(BR_EUNSUPPORTED, "%s: has no shape (a null dataspace)",
                                bri_h5_where(d, -1, where));
    else if (kind == H5S_NO_CLASS || ndim < 0)
        status =
            bri_h5_error(BR_EFORMAT, "%s: its shape cannot be read", bri_h5_where(d, -1, where));
    else
        status = set_shape(d, extent, ndim);
    if (space >= 0)
        H5Sclose(space);
    return status;
}

static void set_element(bri_h5_dataset *d, const bri_h5_type *type)
{
    bool half = type->fix == BRI_H5_HALF || type->fix == BRI_H5_HALF_SWAPPED;
    bool late = half || (type->stride != type->bytes && type->fix != BRI_H5_TRUTH);
    d->element = type->plain ? type->bytes : br_dtype_size(type->dtype);
    d->stride = type->stride;
    d->offset = type->offset;
    d->fix = late ? BRI_H5_AS_IS : type->fix;
    d->after = type->after;
    d->late = late ? type->fix : BRI_H5_AS_IS;
}

static br_status read_type(bri_h5_dataset *d, bool *plain)
{
    char where[BRI_H5_MESSAGE];
    bri_h5_type type;
    hid_t stored = H5Dget_type(d->dataset);
    if (stored < 0)
        return bri_h5_error(BR_EFORMAT, "%s: its type cannot be read", bri_h5_where(d, -1, where));
    bool known = bri_h5_type_of(stored, d->field, &type);
    d->memory = type.memory;
    d->info.dtype = type.dtype;
    *plain = type.plain;
    set_element(d, &type);
    H5Tclose(stored);
    if (known)
        return BR_OK;
    if (d->field[0] != '\0')
        return bri_file_error(
            BR_ETYPE, "%s: field \"%s\": %s%s", bri_h5_where(d, -1, where), d->field, type.name,
            strncmp(type.name, "compound", 8) == 0 ? ": add a dot and one of them" : "");
    return bri_file_error(
        BR_ETYPE, "%s: holds %s, which no dtype stands for%s", bri_h5_where(d, -1, where),
        type.name, strncmp(type.name, "compound", 8) == 0 ? ": give one of them as .field" : "");
}

static br_status read_fill(bri_h5_dataset *d)
{
    char where[BRI_H5_MESSAGE];
    H5D_fill_value_t defined;
    hid_t creation = H5Dget_create_plist(d->dataset);
    bool ok = creation >= 0 && H5Pfill_value_defined(creation, &defined) >= 0;
    hid_t stored = H5Dget_type(d->dataset);
    bool half = d->late == BRI_H5_HALF || d->late == BRI_H5_HALF_SWAPPED;
    if (ok && defined != H5D_FILL_VALUE_UNDEFINED)
        ok = H5Pget_fill_value(creation, half ? stored : d->memory, d->fill) >= 0;
    br_status status = BR_OK;
    if (!ok)
        status = bri_h5_error(BR_EFORMAT, "%s: its fill value cannot be read",
                              bri_h5_where(d, -1, where));
    if (creation >= 0)
        H5Pclose(creation);
    if (stored >= 0)
        H5Tclose(stored);
    bri_h5_fix_bytes(d->after, d->fill, d->element);
    bri_h5_fix_bytes(d->late, d->fill, d->element); /* swapped, as in the file */
    return status;
}

void bri_h5_let_go(bri_h5_dataset *d)
{
    if (d->memory >= 0)
        H5Tclose(d->memory);
    if (d->dataset >= 0)
        H5Dclose(d->dataset);
    if (d->file >= 0)
        H5Fclose(d->file);
    d->memory = d->dataset = d->file = -1;
    bri_h5_use_end(&d->use);
}

/* H5Dread converts, all but what `after` is for. */
static void use_library(bri_h5_dataset *d)
{
    d->element = d->stride = br_dtype_size(d->info.dtype);
    d->offset = 0;
    d->late = BRI_H5_AS_IS;
    d->fix = d->after;
}

br_status bri_h5_begin_metadata(bri_h5_dataset *d)
{
    d->use = (bri_h5_use){.device = d->info.device, .inode = d->info.inode};
    BRI_TRY(bri_h5_use_begin(&d->use, d->path));
    return open_hdf5(d);
}

static br_status read_metadata(bri_h5_dataset *d)
{
    bool plain = false;
    BRI_TRY(bri_h5_begin_metadata(d));
    BRI_TRY(bri_h5_find(d->file, d->path, d->name, &d->dataset));
    BRI_TRY(read_type(d, &plain));
    BRI_TRY(read_shape(d));
    BRI_TRY(read_fill(d));
    BRI_TRY(bri_h5_read_packing(d));
    BRI_TRY(bri_h5_layout(d, d->dataset, plain));
    if (d->kind != BRI_H5_SLOW)
        bri_h5_let_go(d);
    else
        use_library(d);
    return d->untrusted ? bri_h5_check_unchanged(d) : BR_OK;
}

br_status bri_h5_begin(const char *path, const char *name, bri_h5_dataset **out)
{
    *out = NULL;
    bri_h5_dataset *d = bri_calloc(1, sizeof *d);
    if (d == NULL)
        return BR_ENOMEM;
    d->fd = -1;
    d->file = d->dataset = d->memory = -1;
    d->path = bri_strdup(path);
    d->name = bri_strdup(name);
    br_status status = d->path != NULL && d->name != NULL ? open_file(d) : BR_ENOMEM;
    if (status != BR_OK)
        bri_h5_close(d);
    else
        *out = d;
    return status;
}

br_status bri_h5_open(const char *path, const char *dataset, bri_h5_dataset **out)
{
    return bri_h5_open_field(path, dataset, NULL, out);
}

br_status bri_h5_open_field(const char *path, const char *dataset, const char *field,
                            bri_h5_dataset **out)
{
    return bri_h5_open_probed(path, dataset, field, NULL, out);
}

static br_status read_locked(bri_h5_dataset *d)
{
    bri_h5_lock();
    br_status status = read_metadata(d);
    if (status != BR_OK)
        bri_h5_let_go(d);
    bri_h5_unlock();
    d->info.path_kind = d->path_kind;
    return status;
}

br_status bri_h5_open_as(const char *const names[3], const bri_h5_identity *expected,
                         bri_h5_dataset **out)
{
    bri_h5_dataset *d;
    *out = NULL;
    BRI_TRY(bri_h5_begin(names[0], names[1], &d));
    d->field = bri_strdup(names[2]);
    br_status status = d->field != NULL ? BR_OK : BR_ENOMEM;
    if (status == BR_OK && expected != NULL)
        status = bri_h5_distrust(d, expected);
    if (status == BR_OK)
        status = bri_h5_check_format(d);
    if (status == BR_OK)
        status = read_locked(d);
    if (status == BR_OK)
        *out = d;
    else
        bri_h5_close(d);
    return status;
}

br_status bri_h5_open_probed(const char *path, const char *dataset, const char *field,
                             const bri_h5_probe *probe, bri_h5_dataset **out)
{
    const char *const names[] = {path, dataset, field != NULL ? field : ""};
    bri_h5_identity found;
    *out = NULL;
    if (probe != NULL)
        BRI_TRY(bri_h5_ask_probe(probe, names, &found));
    return bri_h5_open_as(names, probe != NULL ? &found : NULL, out);
}

const bri_h5_info *bri_h5_about(const bri_h5_dataset *d)
{
    return &d->info;
}

void bri_h5_close(bri_h5_dataset *d)
{
    if (d == NULL)
        return;
    if (d->file >= 0) {
        bri_h5_lock();
        bri_h5_let_go(d);
        bri_h5_unlock();
    }
    if (d->fd >= 0)
        close(d->fd);
    bri_h5_unpark(d);
    bri_h5_close_many(d->many);
    if (d->owns_cache)
        bri_h5_cache_free(d->cache);
    bri_free(d->chunks);
    bri_free(d->places);
    bri_free(d->path);
    bri_free(d->name);
    bri_free(d->field);
    bri_free(d);
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

size_t bri_h5_scratch(const bri_h5_dataset *d)
{
    if (d->kind == BRI_H5_MANY)
        return bri_h5_scratch_of_many(d->many);
    size_t bytes = BRI_H5_GATHER;
    if (d->kind == BRI_H5_CHUNKED && d->filters.n > 0) {
        size_t larger = bri_h5_decode_room(&d->filters, d->chunk_bytes);
        if (d->stored_max > larger)
            larger = d->stored_max;
        if (bytes < 2 * larger)
            bytes = 2 * larger;
    }
    return round_up(bytes, 128);
}
