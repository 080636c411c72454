/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_resume.c - files whose making can be interrupted and go on.
 *
 * The file has a name of its own until it is complete, path.part. Now and then all of it is synced
 * and path.part.log written: which chunks are stored, and the pages of the file that change with
 * that. Then they are changed. From one log to the next nothing is changed that the file had but
 * elements of contiguous datasets, to what they are in any run. So with the pages of the log
 * written once more the file is as it was when the log was written, whatever happened since.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/beside.h"
#include "array/io/hdf5_output.h"
#include "array/io/hdf5_overlay.h"
#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "runtime/error.h"

typedef struct log_head {
    char magic[8];
    uint64_t checksum; /* of all bytes after it */
    uint64_t fingerprint[2];
    uint64_t stable; /* pages stand for bytes below this only */
    uint64_t file_bytes;
    uint64_t ndone, npages; /* bytes of the bitmaps, and pages behind them */
    uint64_t apart;         /* elements share no page of the file with anything else */
    /* Of a file that is complete, all but its name; else 0: */
    uint64_t inode;
    int64_t mtime_ns; /* the time it will have then */
} log_head;

static const char magic[8] = "BRLOG\0\0\3";

struct bri_h5_resume {
    char *log, *new_log; /* paths */
    int log_file;        /* what is at the first one, as far as it is ours; -1: nothing */
    mode_t permissions;  /* of the file and its logs, until it has those of the one it replaces */
    uint64_t fingerprint[2];
    unsigned char *read; /* the bitmaps of the log that was found, one after the other */
    size_t nread, taken;
    bool was_there; /* the file had something, */
    bool goes_on;   /* and there was a log */
    bool has_log;   /* there is one */
    bool apart;     /* as the log says */
    double before;  /* when the last one was written, and how long that took; seconds */
    double cost;
};

/* FNV-1a over words; the log is small. */
static uint64_t checksum(const unsigned char *bytes, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

static br_status io_error(const char *path)
{
    return bri_file_error(errno == ENOMEM ? BR_ENOMEM : BR_EIO, "%s: %s", path, strerror(errno));
}

static char *with(const char *path, const char *suffix)
{
    size_t bytes = strlen(path) + strlen(suffix) + 1;
    char *text = bri_malloc(bytes);
    if (text != NULL)
        snprintf(text, bytes, "%s%s", path, suffix);
    return text;
}

/* ---- the log ---- */

/* NULL of an empty one; false: errno says why. The caller frees the bytes. */
static bool read_file(int fd, unsigned char **bytes, size_t *n)
{
    off_t end = lseek(fd, 0, SEEK_END);
    *n = end > 0 ? (size_t)end : 0;
    *bytes = *n > 0 ? bri_malloc(*n) : NULL;
    if (*n == 0)
        return end == 0;
    if (*bytes == NULL)
        errno = ENOMEM;
    return *bytes != NULL && bri_h5_read_all(fd, (char *)*bytes, *n, 0);
}

static bool is_of_other_version(const unsigned char *bytes, size_t n)
{
    return n >= sizeof magic && memcmp(bytes, magic, strlen(magic)) == 0 &&
           memcmp(bytes, magic, sizeof magic) != 0;
}

/* A log that is whole; others of this version are as good as none. */
static bool is_whole(const unsigned char *bytes, size_t n, log_head *head)
{
    size_t skipped = offsetof(log_head, fingerprint);
    if (n < sizeof *head)
        return false;
    memcpy(head, bytes, sizeof *head);
    return memcmp(head->magic, magic, sizeof magic) == 0 &&
           head->checksum == checksum(bytes + skipped, n - skipped) && head->ndone <= n &&
           n == sizeof *head + head->ndone + head->npages * sizeof(bri_h5_page);
}

/* Brings the file to where it was when the log was written. */
static br_status restore(const bri_h5_output *o, const log_head *head, const unsigned char *pages)
{
    int fd = o->guard;
    bool good = true;
    for (uint64_t i = 0; i < head->npages && good; i++) {
        bri_h5_page page;
        memcpy(&page, pages + i * sizeof page, sizeof page);
        good = bri_h5_write_all(fd, page.now, bri_h5_page_bytes(&page, head->stable),
                                page.number * sizeof page.now);
    }
    good = good && ftruncate(fd, (off_t)head->file_bytes) == 0 && fsync(fd) == 0;
    return good ? BR_OK : io_error(o->temporary);
}

static br_status take_log(bri_h5_output *o, const log_head *head, const unsigned char *bytes)
{
    bri_h5_resume *r = o->resume;
    if (memcmp(head->fingerprint, r->fingerprint, sizeof r->fingerprint) != 0)
        return bri_file_error(
            BR_EARG,
            "%s: was begun by another expression, or one whose sources, chunks or "
            "options have changed: remove it and %s to begin anew",
            o->temporary, r->log);
    r->read = bri_malloc(head->ndone + 1); /* of none, too */
    if (r->read == NULL)
        return BR_ENOMEM;
    memcpy(r->read, bytes + sizeof *head, head->ndone);
    r->nread = head->ndone;
    r->goes_on = r->has_log = true;
    r->apart = head->apart != 0;
    return restore(o, head, bytes + sizeof *head + head->ndone);
}

/* Who died between giving the file its final name and removing this one has left both. */
static bool is_complete(const bri_h5_output *o, int fd)
{
    if (!bri_is_at(o->real, fd))
        return false;
    unlink(o->temporary);
    return true;
}

/* One that replaces a read-only file is read-only when it is complete, and has a log then. Any
 * other that is read-only is none of ours. */
static int open_part(const bri_h5_output *o)
{
    const int how = O_RDWR | O_CREAT | O_CLOEXEC;
    struct stat st;
    int fd = open(o->temporary, how, o->resume->permissions);
    if (fd >= 0 || errno != EACCES)
        return fd;
    bool writable = access(o->resume->log, F_OK) == 0 && stat(o->temporary, &st) == 0 &&
                    chmod(o->temporary, (st.st_mode & 0777) | 0600) == 0;
    errno = EACCES;
    return writable ? open(o->temporary, how, o->resume->permissions) : -1;
}

/* Locks the file until it has its final name. Another process may be making it just now, or have
 * given it that name between opening and locking. */
static br_status take_part(bri_h5_output *o)
{
    enum { TRIES = 100 };
    struct stat st;
    for (int i = 0; i < TRIES && o->guard < 0; i++) {
        int fd = open_part(o);
        if (fd < 0)
            return bri_h5_cannot_create(o->path, errno);
        bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (!locked && bri_is_at(o->temporary, fd) && !is_complete(o, fd))
            o->guard = fd;
        else
            close(fd);
        if (locked)
            return bri_file_error(BR_EIO, "%s: locked, another program is making the file",
                                  o->temporary);
    }
    if (o->guard < 0)
        return bri_file_error(BR_EIO, "%s: other programs make the file again and again",
                              o->temporary);
    o->resume->was_there = fstat(o->guard, &st) == 0 && st.st_size > 0;
    return BR_OK;
}

static void close_log(bri_h5_resume *r)
{
    if (r->log_file >= 0)
        close(r->log_file);
    r->log_file = -1;
}

/* One that is not about this file must not be taken for its log when this process is killed before
 * it has written one. */
static br_status drop_log(const bri_h5_resume *r)
{
    if (unlink(r->log) == 0)
        bri_h5_sync_directory(r->log);
    else if (errno != ENOENT)
        return io_error(r->log);
    return BR_OK;
}

static br_status use_log(bri_h5_output *o, const unsigned char *bytes, size_t n)
{
    log_head head;
    const bri_h5_resume *r = o->resume;
    if (r->was_there && is_of_other_version(bytes, n))
        return bri_file_error(
            BR_EARG,
            "%s: was begun by another version of the library: remove it and %s to "
            "begin anew",
            o->temporary, r->log);
    return r->was_there && is_whole(bytes, n, &head) ? take_log(o, &head, bytes) : drop_log(r);
}

/* One that cannot be read is not to be taken for none. */
static br_status find_log(bri_h5_output *o)
{
    unsigned char *bytes = NULL;
    size_t n;
    bri_h5_resume *r = o->resume;
    r->log_file = open(r->log, O_RDONLY | O_CLOEXEC);
    if (r->log_file < 0 && errno == ENOENT)
        return BR_OK;
    bool read = r->log_file >= 0 && read_file(r->log_file, &bytes, &n);
    br_status status = read ? use_log(o, bytes, n) : io_error(r->log);
    bri_free(bytes);
    return status;
}

static void fill_log(const bri_h5_output *o, const bri_h5_overlay *changes, unsigned char *to)
{
    unsigned char *at = to + sizeof(log_head);
    for (const bri_h5_writer *w = o->writers; w != NULL; w = w->next) {
        memcpy(at, w->done, w->done_bytes);
        at += w->done_bytes;
    }
    for (size_t i = 0; i < changes->n; i++)
        memcpy(at + i * sizeof(bri_h5_page), changes->page[i], sizeof(bri_h5_page));
}

/* It replaces the one before, and is synced before the file is changed as it says. */
static bool write_log(bri_h5_resume *r, const unsigned char *bytes, size_t n)
{
    int fd = open(r->new_log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, r->permissions);
    bool good = fd >= 0 && bri_h5_write_all(fd, (const char *)bytes, n, 0) && fsync(fd) == 0 &&
                rename(r->new_log, r->log) == 0;
    if (good) {
        close_log(r);
        r->log_file = fd;
        bri_h5_sync_directory(r->log);
    } else if (fd >= 0) {
        int why = errno;
        unlink(r->new_log);
        close(fd);
        errno = why;
    }
    return good;
}

/* The writers' bitmaps go in their order in the list, the latest first. */
static br_status log_progress(bri_h5_output *o, int64_t mtime_ns)
{
    bri_h5_resume *r = o->resume;
    struct stat st = {0};
    if (mtime_ns != 0 && fstat(o->guard, &st) != 0)
        return io_error(o->temporary);
    log_head head = {.fingerprint = {r->fingerprint[0], r->fingerprint[1]},
                     .inode = (uint64_t)st.st_ino,
                     .mtime_ns = mtime_ns};
    const bri_h5_overlay *changes = bri_h5_changes(o->file, &head.stable, &head.file_bytes);
    if (changes == NULL)
        return bri_file_error(BR_EIO, "%s: a part of it could not be written", o->temporary);
    memcpy(head.magic, magic, sizeof magic);
    head.npages = changes->n;
    head.apart = r->apart;
    for (const bri_h5_writer *w = o->writers; w != NULL; w = w->next)
        head.ndone += w->done_bytes;
    size_t n = sizeof head + head.ndone + head.npages * sizeof(bri_h5_page);
    size_t skipped = offsetof(log_head, fingerprint);
    unsigned char *bytes = bri_malloc(n);
    if (bytes == NULL)
        return BR_ENOMEM;
    memcpy(bytes, &head, sizeof head);
    fill_log(o, changes, bytes);
    head.checksum = checksum(bytes + skipped, n - skipped);
    memcpy(bytes, &head, sizeof head);
    br_status status = write_log(r, bytes, n) ? BR_OK : io_error(r->new_log);
    bri_free(bytes);
    return status;
}

/* Is the file the very one whose making ended with this log, and has nobody changed it since? Its
 * name must be the only one, or *both of those are there that link_new (hdf5_temporary.c)
 * leaves. */
static bool ended_with(const log_head *head, const char *real, const char *part, bool *both)
{
    struct stat st, other;
    if (head->mtime_ns == 0 || stat(real, &st) != 0 || (uint64_t)st.st_ino != head->inode ||
        (uint64_t)st.st_size != head->file_bytes || bri_h5_mtime(&st) != head->mtime_ns)
        return false;
    *both = stat(part, &other) == 0;
    return !*both || (other.st_ino == st.st_ino && other.st_dev == st.st_dev);
}

static bool was_completed(const char *real, const char *part, const char *log,
                          const uint64_t fingerprint[2])
{
    unsigned char *bytes = NULL;
    size_t n;
    log_head head;
    bool both = false;
    int fd = open(log, O_RDONLY | O_CLOEXEC);
    bool completed = fd >= 0 && read_file(fd, &bytes, &n) && is_whole(bytes, n, &head) &&
                     memcmp(head.fingerprint, fingerprint, sizeof head.fingerprint) == 0 &&
                     ended_with(&head, real, part, &both);
    if (both && completed)
        unlink(part);
    if (completed && bri_is_at(log, fd))
        unlink(log);
    if (fd >= 0)
        close(fd);
    bri_free(bytes);
    return completed;
}

bool bri_h5_was_completed(const char *path, const uint64_t fingerprint[2])
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return false;
    char *part = with(real, ".part"), *log = with(real, ".part.log");
    bool completed = part != NULL && log != NULL && was_completed(real, part, log, fingerprint);
    bri_free(part);
    bri_free(log);
    free(real);
    return completed;
}

/* ---- for the file's opening and ending; the lock is held ---- */

br_status bri_h5_resume_open(bri_h5_output *o, const uint64_t fingerprint[2])
{
    bri_h5_resume *r = bri_calloc(1, sizeof *r);
    o->resume = r;
    if (r == NULL)
        return BR_ENOMEM;
    r->log_file = -1;
    r->permissions = o->fresh ? 0666 : 0600;
    memcpy(r->fingerprint, fingerprint, sizeof r->fingerprint);
    o->temporary = with(o->real, ".part");
    r->log = with(o->real, ".part.log");
    r->new_log = with(o->real, ".part.log.new");
    if (o->temporary == NULL || r->log == NULL || r->new_log == NULL)
        return BR_ENOMEM;
    BRI_TRY(take_part(o));
    return find_log(o);
}

bool bri_h5_is_apart(const bri_h5_output *o)
{
    return o->resume == NULL || (o->resume->has_log ? o->resume->apart : o->shared != 0);
}

bool bri_h5_goes_on(const bri_h5_output *o)
{
    return o->resume != NULL && o->resume->goes_on;
}

static br_status checkpoint(bri_h5_output *o, int64_t mtime_ns)
{
    double start = bri_now();
    if (H5Fflush(o->file, H5F_SCOPE_GLOBAL) < 0 || bri_h5_errno() != 0)
        return bri_h5_error(BR_EIO, "%s: cannot be written", o->temporary);
    if (fsync(bri_h5_descriptor(o->file)) != 0)
        return io_error(o->temporary);
    o->resume->apart = bri_h5_is_apart(o);
    BRI_TRY(log_progress(o, mtime_ns));
    o->resume->has_log = true;
    if (!bri_h5_apply_changes(o->file))
        return io_error(o->temporary);
    o->resume->before = bri_now();
    o->resume->cost = o->resume->before - start;
    return BR_OK;
}

br_status bri_h5_checkpoint(bri_h5_output *o)
{
    return checkpoint(o, 0);
}

br_status bri_h5_last_checkpoint(bri_h5_output *o, int64_t mtime_ns)
{
    return checkpoint(o, mtime_ns);
}

void bri_h5_resume_keep(bri_h5_output *o)
{
    if (o->file >= 0 && o->resume->has_log && bri_h5_errno() == 0)
        bri_h5_checkpoint(o);
}

/* What has the names is removed only if it is ours: another process may have the file, or it is
 * about other arrays, or somebody has put another one in its place. That must not be taken for what
 * the log is about. */
void bri_h5_resume_end(bri_h5_output *o, bool complete)
{
    bri_h5_resume *r = o->resume;
    bool ours = o->file >= 0 || !r->was_there;
    bool there = !complete && o->guard >= 0 && bri_is_at(o->temporary, o->guard);
    if (there && !r->has_log && ours)
        unlink(o->temporary);
    if (!there && r->has_log && bri_is_at(r->log, r->log_file))
        unlink(r->log);
}

void bri_h5_resume_free(bri_h5_resume *r)
{
    if (r == NULL)
        return;
    close_log(r);
    bri_free(r->log);
    bri_free(r->new_log);
    bri_free(r->read);
    bri_free(r);
}

/* ---- progress ---- */

static br_status track(bri_h5_writer *w, int64_t nchunks)
{
    bri_h5_resume *r = w->output->resume;
    w->done_bytes = (size_t)(nchunks / 8 + 1);
    w->done = bri_calloc(w->done_bytes, 1);
    if (w->done == NULL)
        return BR_ENOMEM;
    if (!r->goes_on)
        return BR_OK;
    if (r->taken + w->done_bytes > r->nread)
        return bri_file_error(BR_EFORMAT, "%s: is about other arrays", r->log);
    /* The latest writer is the first in the log. */
    r->taken += w->done_bytes;
    memcpy(w->done, r->read + r->nread - r->taken, w->done_bytes);
    return BR_OK;
}

br_status bri_h5_track(bri_h5_writer *w, int64_t nchunks)
{
    return w->output->resume != NULL ? track(w, nchunks) : BR_OK;
}

const unsigned char *bri_h5_done(const bri_h5_writer *w, size_t *bytes)
{
    *bytes = w->done_bytes;
    return w->done;
}

br_status bri_h5_start_tracking(bri_h5_output *o)
{
    if (o->resume == NULL)
        return BR_OK;
    bri_h5_lock();
    br_status status = bri_h5_checkpoint(o);
    bri_h5_unlock();
    return status;
}

/* At most a tenth of the time goes into logs. */
br_status bri_h5_note_done(bri_h5_writer *w, int64_t chunk)
{
    enum { TIMES = 10 };
    const double least = 0.5;
    bri_h5_output *o = w->output;
    br_status status = BR_OK;
    if (w->done == NULL)
        return BR_OK;
    bri_h5_lock();
    w->done[chunk >> 3] |= (unsigned char)(1 << (chunk & 7));
    double since = bri_now() - o->resume->before;
    if (since > least && since > TIMES * o->resume->cost && !atomic_load(&o->failed))
        status = bri_h5_checkpoint(o);
    bri_h5_unlock();
    if (status != BR_OK)
        bri_h5_output_failed(o, status);
    return status;
}
