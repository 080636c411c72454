/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_target.c - the file that datasets are written into: all of them, or none.
 *
 * A new file has no name, or a temporary one, until commit. In a file that existed nothing changes
 * but that bytes are appended, see hdf5_driver.c, until all datasets are complete: then they get
 * their names, what was appended is synced, and the few pages that changed are written. Another
 * program that opens the file after a crash finds what it had. It would not if the machine stopped
 * while those pages are written; HDF5 1.10 has no journal. Working on a copy has no such moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "array/io/beside.h"
#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

static br_status io_error(const bri_h5_output *o)
{
    return bri_file_error(BR_EIO, "%s: %s", o->path, strerror(errno));
}

/* ---- opening ---- */

static br_status use_file(bri_h5_output *o, const struct stat *st)
{
    o->use = (bri_h5_use){
        .device = (uint64_t)st->st_dev,
        .inode = (uint64_t)st->st_ino,
        .writing = true,
    };
    return bri_h5_use_begin(&o->use, o->path);
}

/* An overlay file system copies a file up from a lower layer when it is opened to be written, and
 * one with several links gets another number then, by which it is known from now on. */
static br_status use_file_to_write(bri_h5_output *o)
{
    struct stat st;
    int fd = open(o->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return BR_OK; /* opening it by HDF5 tells why */
    bool moved = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                 (st.st_ino != o->of.st_ino || st.st_dev != o->of.st_dev);
    close(fd);
    if (!moved)
        return BR_OK;
    bri_h5_use_end(&o->use);
    o->of = st;
    return use_file(o, &st);
}

/* netCDF-4 changes only files whose groups know the order in which things came. */
static hid_t file_creation(void)
{
    hid_t list = H5Pcreate(H5P_FILE_CREATE);
    const unsigned ordered = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    if (list >= 0 && H5Pset_link_creation_order(list, ordered) >= 0 &&
        H5Pset_attr_creation_order(list, ordered) >= 0)
        return list;
    return -1;
}

static br_status new_file(bri_h5_output *o, bri_h5_meeting *meeting, hid_t access)
{
    if (o->resume == NULL)
        BRI_TRY(bri_h5_temporary(o, meeting != NULL && meeting->elsewhere));
    if (o->resume == NULL && meeting != NULL)
        BRI_TRY(bri_h5_share_file(o, meeting, access));
    if (o->resume != NULL && meeting != NULL)
        BRI_TRY(bri_h5_share_next_file(meeting, access));
    if (o->resume == NULL && meeting != NULL && meeting->elsewhere && o->shared == 0)
        BRI_TRY(bri_h5_unname_temporary(o));
    hid_t creation = file_creation();
    bri_h5_open_next(o->guard);
    o->file = H5Fcreate(o->temporary, H5F_ACC_TRUNC, creation, access);
    bri_h5_open_next(-1);
    bri_h5_share_next(0);
    if (creation >= 0)
        H5Pclose(creation);
    if (o->file >= 0 && bri_h5_errno() == 0)
        return BR_OK;
    if (bri_h5_errno() == ENOLCK)
        return bri_h5_no_locks(o->path);
    return bri_h5_errno() == ENOENT ? bri_h5_cannot_create(o->path, ENOENT)
                                    : bri_h5_error(BR_EIO, "%s: cannot be created", o->path);
}

/* HDF5 could not open it: a file of another format says so. */
static br_status open_failed(const bri_h5_output *o)
{
    int why = bri_h5_errno();
    if (why == EAGAIN || why == EWOULDBLOCK)
        return bri_file_error(
            BR_EIO, "%s: locked, another program has it open (see HDF5_USE_FILE_LOCKING)", o->path);
    if (why == ENOLCK)
        return bri_h5_no_locks(o->path);
    br_status status = bri_h5_error(why != 0 ? BR_EIO : BR_EFORMAT,
                                    "%s: exists, and cannot be opened to add a dataset", o->path);
    bri_h5_dataset as = {.path = o->path, .fd = open(o->path, O_RDONLY | O_CLOEXEC)};
    as.info.bytes = (uint64_t)o->of.st_size;
    if (as.fd < 0 || status != BR_EFORMAT)
        return status;
    char what[BRI_ERROR_TEXT];
    snprintf(what, sizeof what, "%s", bri_last_error());
    br_status format = bri_h5_check_format(&as);
    close(as.fd);
    return format == BR_OK ? bri_error(status, "%s", what) : format;
}

/* A file that is written where it is must have its name all the time. */
static br_status check_place(const bri_h5_output *o)
{
    struct stat st;
    bool same = o->temporary != NULL ||
                (fstat(bri_h5_descriptor(o->file), &st) == 0 && st.st_ino == o->of.st_ino &&
                 st.st_dev == o->of.st_dev && bri_is_at(o->real, bri_h5_descriptor(o->file)));
    return same ? BR_OK : bri_h5_replaced(o->path);
}

/* From here on nobody else changes it: readers of this process compare with this time. */
static br_status begin_in_place(bri_h5_output *o)
{
    struct stat st;
    if (fstat(bri_h5_descriptor(o->file), &st) != 0)
        return io_error(o);
    o->use.mtime_before = bri_h5_mtime(&st);
    o->use.in_place = true;
    return BR_OK;
}

static br_status open_there(bri_h5_output *o, const bri_h5_meeting *meeting, hid_t access)
{
    if (meeting != NULL)
        BRI_TRY(bri_h5_share_next_file(meeting, access));
    bri_h5_open_next(o->guard);
    o->file = H5Fopen(o->temporary != NULL ? o->temporary : o->path, H5F_ACC_RDWR, access);
    bri_h5_open_next(-1);
    bri_h5_share_next(0);
    if (o->file < 0 || bri_h5_errno() != 0)
        return open_failed(o);
    BRI_TRY(check_place(o));
    if (o->temporary == NULL)
        BRI_TRY(begin_in_place(o));
    bri_h5_drop_tail(o->file);
    return BR_OK;
}

/* In steps: a file that an earlier store has begun, or a new one. */
static br_status part_file(bri_h5_output *o, const bri_h5_target *target, hid_t access)
{
    BRI_TRY(bri_h5_resume_open(o, target->fingerprint));
    BRI_TRY(bri_h5_goes_on(o) ? open_there(o, target->meeting, access)
                              : new_file(o, target->meeting, access));
    bri_h5_can_go_on(o->file);
    return target->meeting != NULL ? bri_h5_share_open_file(o, target->meeting) : BR_OK;
}

static br_status make_file(bri_h5_output *o, const bri_h5_target *target, hid_t access)
{
    return target->resume ? part_file(o, target, access) : new_file(o, target->meeting, access);
}

static br_status old_file(bri_h5_output *o, const bri_h5_target *target, hid_t access)
{
    if (!S_ISREG(o->of.st_mode))
        return bri_file_error(BR_EIO, "%s: exists and is not a regular file", o->path);
    o->real = realpath(o->path, NULL);
    if (o->real == NULL)
        return io_error(o);
    BRI_TRY(use_file(o, &o->of));
    if (o->mode == BRI_H5_TRUNCATE)
        return make_file(o, target, access);
    if (target->resume)
        return bri_file_error(BR_EARG, "%s: exists; only the making of a new file can be resumed",
                              o->path);
    o->is_copy = target->safe_copy;
    BRI_TRY(o->is_copy ? bri_h5_copy_file(o, target->meeting != NULL && target->meeting->elsewhere)
                       : use_file_to_write(o));
    BRI_TRY(open_there(o, target->meeting, access));
    return target->meeting != NULL ? bri_h5_share_open_file(o, target->meeting) : BR_OK;
}

static br_status begin(bri_h5_output *o, const bri_h5_target *target)
{
    hid_t access = bri_h5_access();
    if (access < 0)
        return bri_h5_error(BR_EIO, "%s: HDF5 does not accept the file driver", o->path);
    br_status status;
    if (stat(o->path, &o->of) == 0) {
        status = old_file(o, target, access);
    } else if (errno == ENOENT && lstat(o->path, &o->of) == 0) {
        status =
            bri_file_error(BR_EIO, "%s: is a symbolic link to a file that does not exist", o->path);
    } else if (errno == ENOENT) {
        o->fresh = true;
        o->real = strdup(o->path);
        status = o->real != NULL ? make_file(o, target, access) : BR_ENOMEM;
    } else {
        status = io_error(o);
    }
    H5Pclose(access);
    return status;
}

/* ---- ending ---- */

static void free_output(bri_h5_output *o)
{
    while (o->writers != NULL) {
        bri_h5_writer *w = o->writers;
        o->writers = w->next;
        bri_free(w->name);
        bri_free(w->done);
        bri_free(w);
    }
    bri_h5_resume_free(o->resume);
    if (o->unnamed >= 0)
        close(o->unnamed);
    if (o->guard >= 0)
        close(o->guard);
    bri_free(o->path);
    free(o->real); /* made by realpath */
    bri_free(o->temporary);
    bri_free(o);
}

/* A process that was forked meanwhile has the lock, too. */
static void unlock_and_close(const bri_h5_output *o, int fd)
{
    if (o->guard < 0)
        flock(fd, LOCK_UN);
    close(fd);
}

/* The caller holds the lock. What other programs write as soon as the file is not locked any more
 * is not to be noted as ours. */
static void undo(bri_h5_output *o)
{
    int fd = o->file >= 0 && o->use.in_place ? bri_h5_keep_locked(o->file) : -1;
    bri_h5_unshare_file(o);
    if (o->resume != NULL) {
        bri_h5_resume_keep(o);
        bri_h5_resume_end(o, false);
    }
    if (o->file >= 0)
        bri_h5_discard(o->file);
    bri_h5_close_datasets(o);
    if (o->file >= 0)
        H5Fclose(o->file);
    o->file = -1;
    if (o->temporary != NULL && o->unnamed < 0 && o->resume == NULL)
        bri_h5_remove_temporary(o);
    else if (fd >= 0)
        bri_h5_note_own_writing(&o->use, o->path);
    if (fd >= 0)
        unlock_and_close(o, fd);
    bri_h5_use_end(&o->use);
}

br_status bri_h5_output_open(const bri_h5_target *target, bri_h5_output **out)
{
    *out = NULL;
    bri_h5_output *o = bri_calloc(1, sizeof *o);
    if (o == NULL)
        return BR_ENOMEM;
    o->file = o->unnamed = o->guard = -1;
    o->mode = target->mode;
    o->path = bri_strdup(target->path);
    br_status status = BR_ENOMEM;
    if (o->path != NULL) {
        bri_h5_lock();
        status = begin(o, target);
        if (status != BR_OK)
            undo(o);
        bri_h5_unlock();
    }
    if (status != BR_OK)
        free_output(o);
    else
        *out = o;
    return status;
}

/* What others know of the file by its modification time is out of date from now on. The kernel's
 * own times come in steps of some milliseconds, in which a file can be changed twice. */
static bool set_time(int fd, struct timespec time)
{
    return futimens(fd, (struct timespec[2]){{.tv_nsec = UTIME_OMIT}, time}) == 0;
}

/* What the file system makes of a time, which it may keep in whole seconds; 0: it cannot be set. */
static int64_t kept_time(int fd, struct timespec time)
{
    struct stat st;
    return set_time(fd, time) && fstat(fd, &st) == 0 ? bri_h5_mtime(&st) : 0;
}

/* Some file systems find out only when syncing that a disk is full, and HDF5 writes a little more
 * on closing: the first sync is where nearly everything fails that can fail, while it can be
 * undone. */
static br_status close_file(bri_h5_output *o, int fd)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    bri_h5_close_datasets(o);
    if (o->resume != NULL) { /* the last step; closing adds nothing to it */
        BRI_TRY(bri_h5_last_checkpoint(o, kept_time(fd, time)));
        bri_h5_discard(o->file);
    }
    if (H5Fflush(o->file, H5F_SCOPE_GLOBAL) < 0 || bri_h5_errno() != 0)
        return bri_h5_error(BR_EIO, "%s: cannot be written", o->path);
    if (fsync(fd) != 0)
        return io_error(o);
    herr_t closed = H5Fclose(o->file);
    o->file = -1;
    if (closed < 0 || bri_h5_errno() != 0)
        return bri_h5_error(BR_EIO, "%s: cannot be closed", o->path);
    if (o->resume == NULL) /* nobody has been told */
        clock_gettime(CLOCK_REALTIME, &time);
    set_time(fd, time);
    return fsync(fd) == 0 ? BR_OK : io_error(o);
}

static br_status finish(bri_h5_output *o)
{
    if (atomic_load(&o->failed))
        return bri_file_error(BR_EIO, "%s: a part of it could not be written", o->path);
    BRI_TRY(check_place(o));
    BRI_TRY(bri_h5_name_datasets(o));
    int fd = bri_h5_keep_locked(o->file);
    if (fd < 0)
        return io_error(o);
    br_status status = close_file(o, fd);
    if (status == BR_OK && o->use.in_place && !o->changes_data)
        bri_h5_note_own_writing(&o->use, o->path);
    unlock_and_close(o, fd);
    if (status == BR_OK && o->temporary != NULL)
        status = bri_h5_reveal(o);
    if (status == BR_OK && o->resume != NULL)
        bri_h5_resume_end(o, true);
    return status;
}

br_status bri_h5_commit(bri_h5_output *o)
{
    bri_h5_lock();
    bri_h5_unshare_file(o);
    br_status status = finish(o);
    if (status != BR_OK)
        undo(o);
    bri_h5_use_end(&o->use);
    bri_h5_unlock();
    free_output(o);
    return status;
}

void bri_h5_abort(bri_h5_output *o)
{
    if (o == NULL)
        return;
    bri_h5_lock();
    undo(o);
    bri_h5_unlock();
    free_output(o);
}
