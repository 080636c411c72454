/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_driver.c - an HDF5 file driver on pread and pwrite that can record raw reads.
 *
 * H5Dget_chunk_info() searches the index from the start for every chunk and leaves the user block
 * out. "Reading" each chunk with H5Dread_chunk() while this driver records address and size instead
 * costs half a microsecond a chunk and is right for every kind of index. All files of this library
 * go through the driver, so HDF5 recognises a file that is opened twice, and errno is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/hdf5_internal.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

typedef struct saved {
    struct saved *next;
    haddr_t address;
    size_t size;
    char bytes[];
} saved;

typedef struct driver_file {
    H5FD_t shared; /* must come first: HDF5 casts to it */
    int fd;
    haddr_t eoa, eof;
    dev_t device;
    ino_t inode;
    bool discard; /* writes vanish */
    bool existed; /* opened for writing with content, which discarding brings back */
    haddr_t old_eof;
    saved *undo; /* what was overwritten below old_eof, the latest first */
} driver_file;

/* Guarded by the HDF5 lock. */
static bri_h5_seen *record;
static int last_errno;

static herr_t failed(void)
{
    last_errno = errno;
    return -1;
}

static int open_flags(unsigned flags)
{
    int how = (flags & H5F_ACC_RDWR) ? O_RDWR : O_RDONLY;
    if (flags & H5F_ACC_TRUNC)
        how |= O_TRUNC;
    if (flags & H5F_ACC_CREAT)
        how |= O_CREAT;
    if (flags & H5F_ACC_EXCL)
        how |= O_EXCL;
    return how | O_CLOEXEC;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max_address)
{
    (void)access, (void)max_address;
    struct stat st;
    driver_file *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->fd = open(name, open_flags(flags), 0666);
    if (f->fd < 0 || fstat(f->fd, &st) != 0) {
        failed();
        if (f->fd >= 0)
            close(f->fd);
        free(f);
        return NULL;
    }
    f->eof = f->old_eof = (haddr_t)st.st_size;
    f->existed = (flags & H5F_ACC_RDWR) && !(flags & (H5F_ACC_CREAT | H5F_ACC_TRUNC));
    last_errno = 0; /* H5Fcreate() first tries whether the file is there */
    f->device = st.st_dev;
    f->inode = st.st_ino;
    return &f->shared;
}

static int driver_compare(const H5FD_t *one, const H5FD_t *other)
{
    const driver_file *a = (const driver_file *)one, *b = (const driver_file *)other;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_POSIX_COMPAT_HANDLE |
             H5FD_FEAT_SUPPORTS_SWMR_IO | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)file)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    ((driver_file *)file)->eoa = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)file)->eof;
}

static herr_t driver_handle(H5FD_t *file, hid_t access, void **handle)
{
    (void)access;
    *handle = &((driver_file *)file)->fd;
    return 0;
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t size, void *buffer)
{
    (void)transfer;
    const driver_file *f = (const driver_file *)file;
    if (record != NULL && type == H5FD_MEM_DRAW) {
        *record = (bri_h5_seen){record->reads + 1, address, size};
        return 0;
    }
    char *to = buffer;
    while (size > 0) {
        ssize_t got = pread(f->fd, to, size, (off_t)address);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed();
        if (got == 0) { /* HDF5 expects zeros where it has not yet written */
            memset(to, 0, size);
            return 0;
        }
        to += got;
        size -= (size_t)got;
        address += (haddr_t)got;
    }
    return 0;
}

static herr_t write_all(int fd, const char *from, size_t size, haddr_t address)
{
    while (size > 0) {
        ssize_t put = pwrite(fd, from, size, (off_t)address);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return failed();
        from += put;
        size -= (size_t)put;
        address += (haddr_t)put;
    }
    return 0;
}

/* Keeps what is about to be overwritten of a file that has content: metadata, so a few kilobytes.
 */
static herr_t save(driver_file *f, haddr_t address, size_t size)
{
    if (!f->existed || address >= f->old_eof)
        return 0;
    if (size > f->old_eof - address)
        size = (size_t)(f->old_eof - address);
    saved *old = malloc(sizeof *old + size);
    if (old == NULL)
        return failed();
    ssize_t got = pread(f->fd, old->bytes, size, (off_t)address);
    if (got < 0) {
        free(old);
        return failed();
    }
    old->address = address;
    old->size = (size_t)got;
    old->next = f->undo;
    f->undo = old;
    return 0;
}

/* Gives a file with content its old bytes back, when discarding, and forgets them. */
static void end_undo(driver_file *f)
{
    while (f->undo != NULL) {
        saved *old = f->undo;
        f->undo = old->next;
        if (f->discard)
            write_all(f->fd, old->bytes, old->size, old->address);
        free(old);
    }
    if (f->discard && f->existed && ftruncate(f->fd, (off_t)f->old_eof) != 0)
        failed();
}

/* HDF5 1.10 cannot close a file after a flush that failed: the handle stays and exit() crashes on
 * it. So a failed write looks like a good one to HDF5, and those who write ask bri_h5_errno(). */
static herr_t give_up(driver_file *f)
{
    f->discard = true;
    return 0;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t size, const void *buffer)
{
    (void)type, (void)transfer;
    driver_file *f = (driver_file *)file;
    if (address + size > f->eof)
        f->eof = address + size;
    if (f->discard)
        return 0;
    if (save(f, address, size) < 0 || write_all(f->fd, buffer, size, address) < 0)
        return give_up(f);
    return 0;
}

static herr_t driver_close(H5FD_t *file)
{
    driver_file *f = (driver_file *)file;
    end_undo(f);
    /* Some file systems report a full disk only here. */
    if (close(f->fd) != 0)
        failed();
    free(f);
    return 0;
}

static herr_t driver_truncate(H5FD_t *file, hid_t transfer, hbool_t closing)
{
    (void)transfer, (void)closing;
    driver_file *f = (driver_file *)file;
    if (f->eoa != f->eof && !f->discard && ftruncate(f->fd, (off_t)f->eoa) != 0) {
        failed();
        return give_up(f);
    }
    f->eof = f->eoa;
    return 0;
}

/* File systems without locks are no error, as with HDF5's "best effort". */
static herr_t driver_lock(H5FD_t *file, hbool_t writing)
{
    int how = (writing ? LOCK_EX : LOCK_SH) | LOCK_NB;
    if (flock(((driver_file *)file)->fd, how) == 0 || errno == ENOSYS || errno == ENOTSUP)
        return 0;
    return failed();
}

static herr_t driver_unlock(H5FD_t *file)
{
    flock(((driver_file *)file)->fd, LOCK_UN);
    return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)300, /* 256 to 511 are free for private drivers */
#endif
    .name = "bramble",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .open = driver_open,
    .close = driver_close,
    .cmp = driver_compare,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .get_handle = driver_handle,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .lock = driver_lock,
    .unlock = driver_unlock,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t bri_h5_access(void)
{
    static hid_t id;
    /* H5close() of the user's program takes our registration with it. */
    if (id <= 0 || H5Iget_type(id) != H5I_VFL)
        id = H5FDregister(&driver);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && (id < 0 || H5Pset_driver(access, id, NULL) < 0)) {
        H5Pclose(access);
        return -1;
    }
    return access;
}

void bri_h5_record_begin(bri_h5_seen *seen)
{
    *seen = (bri_h5_seen){0};
    record = seen;
}

void bri_h5_record_end(void)
{
    record = NULL;
}

int bri_h5_errno(void)
{
    return last_errno;
}

void bri_h5_errno_reset(void)
{
    last_errno = 0;
}

int bri_h5_descriptor(hid_t file)
{
    void *handle = NULL;
    return H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) >= 0 ? *(int *)handle : -1;
}

void bri_h5_discard(hid_t file)
{
    void *handle = NULL;
    if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) >= 0)
        ((driver_file *)((char *)handle - offsetof(driver_file, fd)))->discard = true;
}
