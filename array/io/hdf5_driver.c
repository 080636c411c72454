/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_driver.c - an HDF5 file driver on pread and pwrite that can record raw reads.
 *
 * H5Dget_chunk_info() searches the index from the start for every chunk and leaves the user block
 * out. "Reading" each chunk with H5Dread_chunk() while this driver records address and size instead
 * costs half a microsecond a chunk and is right for every kind of index. All files of this library
 * go through the driver, so HDF5 recognises a file that is opened twice, and errno is known.
 *
 * A file that existed stays valid while it is written to: what it has is not changed until it is
 * closed (hdf5_overlay.h), new bytes are appended. So a program that dies meanwhile leaves it as it
 * was but for bytes behind its end, which HDF5 passes over. Raw data is changed in place when a
 * region of a dataset is written; what was there is kept until the file is closed.
 *
 * Into a new file other processes may write, too (hdf5_driver_shared.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/hdf5_driver.h"
#include "runtime/alloc.h"

typedef bri_h5_saved saved;
typedef bri_h5_driver_file driver_file;

/* Guarded by the HDF5 lock. */
static bri_h5_seen *record;
static int last_errno;
static bool only_one; /* file may be opened, */
static dev_t only_device;
static ino_t only_inode; /* this one */
static int next_fd = -1;

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

void bri_h5_open_only(uint64_t device, uint64_t inode)
{
    only_one = true;
    only_device = (dev_t)device;
    only_inode = (ino_t)inode;
}

void bri_h5_open_any(void)
{
    only_one = false;
}

static bool may_open(const struct stat *st)
{
    if (!only_one || (st->st_dev == only_device && st->st_ino == only_inode))
        return true;
    errno = EXDEV;
    return false;
}

void bri_h5_open_next(int fd)
{
    next_fd = fd;
}

static int open_file(const char *name, unsigned flags)
{
    if (next_fd < 0)
        return open(name, open_flags(flags), 0666);
    int fd = fcntl(next_fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0 && (flags & H5F_ACC_TRUNC) && ftruncate(fd, 0) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max_address)
{
    (void)access, (void)max_address;
    struct stat st;
    driver_file *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->spare = -1;
    f->fd = open_file(name, flags);
    if (f->fd < 0 || fstat(f->fd, &st) != 0 || !may_open(&st)) {
        failed();
        if (f->fd >= 0)
            close(f->fd);
        free(f);
        return NULL;
    }
    f->eof = f->old_eof = (haddr_t)st.st_size;
    f->existed = (flags & H5F_ACC_RDWR) && !(flags & (H5F_ACC_CREAT | H5F_ACC_TRUNC));
    f->stable = f->existed ? f->eof : 0;
    last_errno = 0; /* H5Fcreate() first tries whether the file is there */
    f->device = st.st_dev;
    f->inode = st.st_ino;
    f->nameless = st.st_nlink == 0;
    f->guarded = next_fd >= 0;
    f->align = bri_h5_next_align();
    return &f->shared;
}

static int driver_compare(const H5FD_t *one, const H5FD_t *other)
{
    const driver_file *a = (const driver_file *)one, *b = (const driver_file *)other;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

/* HDF5 looks for the path of files that have one. Where others write, too, each chunk must come by
 * driver_alloc, rather than out of a block for small ones. */
static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
    const driver_file *f = (const driver_file *)file;
    bool nameless = f != NULL && f->nameless;
    bool alone = f == NULL || f->align == 0;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             (alone ? H5FD_FEAT_AGGREGATE_SMALLDATA : 0) |
             (nameless ? 0 : H5FD_FEAT_POSIX_COMPAT_HANDLE) | H5FD_FEAT_SUPPORTS_SWMR_IO |
             H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
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
    if (!bri_h5_read_all(f->fd, buffer, size, address))
        return failed(); /* HDF5 expects zeros where it has not yet written */
    /* A page at the end of the stable part stands for the bytes below that only. */
    if (address >= f->stable)
        return 0;
    if (size > f->stable - address)
        size = (size_t)(f->stable - address);
    for (char *to = buffer; size > 0;) {
        bri_h5_span span = bri_h5_overlay_at(&f->changes, address, size);
        if (span.kept != NULL)
            memcpy(to, span.kept, span.bytes);
        to += span.bytes;
        size -= span.bytes;
        address += span.bytes;
    }
    return 0;
}

/* ---- writing ---- */

/* A file beside this one that vanishes with the process; bytes on a disk rather than in memory,
 * where they might not fit. */
static bool open_spare(driver_file *f)
{
    if (f->spare < 0)
        f->spare = bri_h5_spare_file(f->fd);
    return f->spare >= 0;
}

/* Keeps raw data that is about to be overwritten. */
static bool save(driver_file *f, haddr_t address, size_t size)
{
    char part[64 << 10];
    if (!open_spare(f))
        return false;
    if (bri_grow(&f->undo, &f->undo_room, f->nundo, sizeof *f->undo) != BR_OK) {
        errno = ENOMEM;
        return false;
    }
    saved *old = &f->undo[f->nundo];
    *old = (saved){address, f->spare_bytes, size};
    for (size_t at = 0; at < size; at += sizeof part) {
        size_t n = size - at < sizeof part ? size - at : sizeof part;
        if (!bri_h5_read_all(f->fd, part, n, address + at) ||
            !bri_h5_write_all(f->spare, part, n, old->at + at))
            return false;
    }
    f->spare_bytes += size;
    f->nundo++;
    return true;
}

/* What was written over others, the latest first. */
static bool put_back(driver_file *f, const saved *old)
{
    char part[64 << 10];
    for (size_t at = 0; at < old->size; at += sizeof part) {
        size_t n = old->size - at < sizeof part ? old->size - at : sizeof part;
        if (!bri_h5_read_all(f->spare, part, n, old->at + at) ||
            !bri_h5_write_all(f->fd, part, n, old->address + at))
            return false;
    }
    return true;
}

/* A file with content gets its old bytes back when discarding, else the changes to them, when the
 * new data is on the disk that they refer to. */
static bool settle(driver_file *f)
{
    bool good = true;
    for (size_t i = f->nundo; f->discard && i > 0; i--)
        good = put_back(f, &f->undo[i - 1]) && good;
    if (f->discard)
        return (!f->existed || ftruncate(f->fd, (off_t)f->old_eof) == 0) && good;
    if (f->changes.n > 0 &&
        (fsync(f->fd) != 0 || !bri_h5_overlay_apply(&f->changes, f->fd, f->stable)))
        return false;
    return !f->shrinks || ftruncate(f->fd, (off_t)f->eoa) == 0;
}

/* HDF5 1.10 cannot close a file after a flush that failed: the handle stays and exit() crashes on
 * it. So a failed write looks like a good one to HDF5, and those who write ask bri_h5_errno(). */
static herr_t give_up(driver_file *f)
{
    failed();
    f->discard = true;
    return 0;
}

/* A part of a write to what must stay valid; *size becomes what has been dealt with. */
static bool change(driver_file *f, bool raw, haddr_t address, size_t *size, const char *from)
{
    bool directly = raw && f->in_place;
    bri_h5_span span = directly ? bri_h5_overlay_at(&f->changes, address, *size)
                                : bri_h5_overlay_keep(&f->changes, f->fd, address, *size);
    *size = span.bytes;
    if (span.kept != NULL) {
        memcpy(span.kept, from, span.bytes);
        return true;
    }
    return directly && (f->forget || save(f, address, span.bytes)) &&
           bri_h5_write_all(f->fd, from, span.bytes, address);
}

static herr_t write_bytes(driver_file *f, bool raw, haddr_t address, size_t size, const char *from)
{
    while (size > 0 && !f->discard && address < f->stable) {
        size_t part = size < f->stable - address ? size : (size_t)(f->stable - address);
        if (!change(f, raw, address, &part, from))
            return give_up(f);
        from += part;
        size -= part;
        address += part;
    }
    if (size > 0 && !f->discard && !bri_h5_write_all(f->fd, from, size, address))
        return give_up(f);
    return 0;
}

/* HDF5 says "raw data" of global heaps, too, which hold what attributes refer to. They are known by
 * what they begin with, signature and length; raw data that begins so is kept back like them, which
 * harms nothing, as heaps are short. */
static bool is_heap(const char *from, size_t size)
{
    enum { MOST = 64 << 10, HEAD = 16 };
    static const char head[8] = "GCOL\1";
    uint64_t bytes = 0;
    if (size < HEAD || size > MOST || memcmp(from, head, sizeof head) != 0)
        return false;
    for (int i = 0; i < 4; i++)
        bytes |= (uint64_t)(unsigned char)from[sizeof head + (size_t)i] << 8 * i;
    return bytes == size;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t size, const void *buffer)
{
    (void)transfer;
    driver_file *f = (driver_file *)file;
    /* What was told has no bytes there to look at. */
    const bool told = f->align != 0 && bri_h5_is_told(buffer);
    const bool raw = type == H5FD_MEM_DRAW && (told || !is_heap(buffer, size));
    if (address + size > f->eof)
        f->eof = address + size;
    if (!told)
        return write_bytes(f, raw, address, size, buffer);
    if (bri_h5_is_in_place(f, address))
        return 0;
    char *there = bri_h5_told_bytes(f);
    herr_t written = there != NULL ? write_bytes(f, raw, address, size, there) : give_up(f);
    bri_free(there);
    return written;
}

static herr_t driver_close(H5FD_t *file)
{
    driver_file *f = (driver_file *)file;
    if (!settle(f))
        failed();
    bri_h5_overlay_clear(&f->changes);
    bri_free(f->undo);
    if (f->spare >= 0)
        close(f->spare);
    /* Some file systems report a full disk only here. */
    if (close(f->fd) != 0)
        failed();
    free(f);
    return 0;
}

static haddr_t bytes_needed(const driver_file *f)
{
    return f->eoa > f->stable ? f->eoa : f->stable;
}

static herr_t driver_truncate(H5FD_t *file, hid_t transfer, hbool_t closing)
{
    (void)transfer, (void)closing;
    driver_file *f = (driver_file *)file;
    haddr_t bytes = bytes_needed(f); /* the rest goes when it is closed */
    if (f->eoa != f->eof && !f->discard && ftruncate(f->fd, (off_t)bytes) != 0)
        return give_up(f);
    f->shrinks = bytes > f->eoa;
    f->eof = f->eoa;
    return 0;
}

/* Who had it locked may have made it longer or shorter since it was opened. HDF5 locks a file
 * before it looks at it. */
static herr_t measure_again(driver_file *f)
{
    struct stat st;
    if (f->eoa > 0)
        return 0;
    if (fstat(f->fd, &st) != 0)
        return failed();
    f->eof = f->old_eof = (haddr_t)st.st_size;
    f->stable = f->existed ? f->eof : 0;
    return 0;
}

/* File systems without locks are no error, as with HDF5's "best effort". */
static herr_t driver_lock(H5FD_t *file, hbool_t writing)
{
    driver_file *f = (driver_file *)file;
    int how = (writing ? LOCK_EX : LOCK_SH) | LOCK_NB;
    if (flock(f->fd, how) == 0)
        return measure_again(f);
    return errno == ENOSYS || errno == ENOTSUP ? 0 : failed();
}

static herr_t driver_unlock(H5FD_t *file)
{
    const driver_file *f = (driver_file *)file;
    if (!f->guarded)
        flock(f->fd, LOCK_UN);
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
    .alloc = bri_h5_driver_alloc,
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

void bri_h5_note_no_memory(void)
{
    last_errno = ENOMEM;
}

int bri_h5_descriptor(hid_t file)
{
    void *handle = NULL;
    return H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) >= 0 ? *(int *)handle : -1;
}

bri_h5_driver_file *bri_h5_driver_of(hid_t file)
{
    void *handle = NULL;
    if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0)
        return NULL;
    return (driver_file *)((char *)handle - offsetof(driver_file, fd));
}

int bri_h5_keep_locked(hid_t file)
{
    driver_file *f = bri_h5_driver_of(file);
    int fd = f != NULL ? fcntl(f->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd >= 0)
        f->guarded = true;
    return fd;
}

void bri_h5_discard(hid_t file)
{
    driver_file *f = bri_h5_driver_of(file);
    if (f != NULL)
        f->discard = true;
}

void bri_h5_drop_tail(hid_t file)
{
    driver_file *f = bri_h5_driver_of(file);
    if (f != NULL && f->eoa < f->stable)
        f->stable = f->eoa;
}

void bri_h5_in_place(hid_t file)
{
    driver_file *f = bri_h5_driver_of(file);
    if (f != NULL)
        f->in_place = true;
}

void bri_h5_can_go_on(hid_t file)
{
    driver_file *f = bri_h5_driver_of(file);
    if (f != NULL)
        f->in_place = f->forget = f->steps = true;
}

const bri_h5_overlay *bri_h5_changes(hid_t file, uint64_t *stable, uint64_t *bytes)
{
    const driver_file *f = bri_h5_driver_of(file);
    *stable = f->stable;
    *bytes = bytes_needed(f);
    return f->discard ? NULL : &f->changes;
}

bool bri_h5_apply_changes(hid_t file)
{
    driver_file *f = bri_h5_driver_of(file);
    if (!bri_h5_overlay_apply(&f->changes, f->fd, f->stable))
        return false;
    f->stable = f->old_eof = bytes_needed(f);
    f->existed = true;
    return true;
}
