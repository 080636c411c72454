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
#include <time.h>
#include <unistd.h>

#include "array/io/hdf5_output.h"
#include "array/io/hdf5_overlay.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

typedef struct log_head {
    char magic[8];
    uint64_t checksum; /* of all bytes after it */
    uint64_t fingerprint[2];
    uint64_t stable; /* pages stand for bytes below this only */
    uint64_t file_bytes;
    uint64_t ndone, npages; /* bytes of the bitmaps, and pages behind them */
} log_head;

static const char magic[8] = "BRLOG\0\0\1";

struct bri_h5_resume {
    char *log, *new_log; /* paths */
    uint64_t fingerprint[2];
    unsigned char *read; /* the bitmaps of the log that was found, one after the other */
    size_t nread, taken;
    bool goes_on;  /* there was a log */
    bool has_log;  /* there is one */
    double before; /* when the last one was written, and how long that took; seconds */
    double cost;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

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
    return bri_error(errno == ENOMEM ? BR_ENOMEM : BR_EIO, "%s: %s", path, strerror(errno));
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

static bool read_file(const char *path, unsigned char **bytes, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    *n = end > 0 ? (size_t)end : 0;
    *bytes = *n > 0 ? bri_malloc(*n) : NULL;
    bool good = *bytes != NULL && bri_h5_read_all(fd, (char *)*bytes, *n, 0);
    if (fd >= 0)
        close(fd);
    return good;
}

/* A log that is whole; others are as good as none. */
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
    int fd = open(o->temporary, O_RDWR | O_CLOEXEC);
    bool good = fd >= 0;
    for (uint64_t i = 0; i < head->npages && good; i++) {
        bri_h5_page page;
        memcpy(&page, pages + i * sizeof page, sizeof page);
        good = bri_h5_write_all(fd, page.now, bri_h5_page_bytes(&page, head->stable),
                                page.number * sizeof page.now);
    }
    good = good && ftruncate(fd, (off_t)head->file_bytes) == 0 && fsync(fd) == 0;
    br_status status = good ? BR_OK : io_error(o->temporary);
    if (fd >= 0)
        close(fd);
    return status;
}

static br_status take_log(bri_h5_output *o, const log_head *head, const unsigned char *bytes)
{
    bri_h5_resume *r = o->resume;
    if (memcmp(head->fingerprint, r->fingerprint, sizeof r->fingerprint) != 0)
        return bri_error(BR_EARG,
                         "%s: was begun by another expression, or one whose sources, chunks or "
                         "options have changed: remove it and %s to begin anew",
                         o->temporary, r->log);
    r->read = bri_malloc(head->ndone + 1); /* of none, too */
    if (r->read == NULL)
        return BR_ENOMEM;
    memcpy(r->read, bytes + sizeof *head, head->ndone);
    r->nread = head->ndone;
    r->goes_on = r->has_log = true;
    return restore(o, head, bytes + sizeof *head + head->ndone);
}

/* Another process may be making the file just now. */
static br_status check_unused(const bri_h5_output *o)
{
    int fd = open(o->temporary, O_RDWR | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return locked
               ? bri_error(BR_EIO, "%s: locked, another program is making the file", o->temporary)
               : BR_OK;
}

static br_status find_log(bri_h5_output *o)
{
    unsigned char *bytes;
    size_t n;
    log_head head;
    br_status status = BR_OK;
    bool there = read_file(o->resume->log, &bytes, &n);
    if (n > 0 && bytes == NULL) /* not to be taken for none */
        return BR_ENOMEM;
    if (there && is_whole(bytes, n, &head) && access(o->temporary, F_OK) == 0)
        status = take_log(o, &head, bytes);
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

static bool write_log(const bri_h5_output *o, const unsigned char *bytes, size_t n)
{
    const bri_h5_resume *r = o->resume;
    int fd = open(r->new_log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good = fd >= 0 && bri_h5_write_all(fd, (const char *)bytes, n, 0) && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    return good && rename(r->new_log, r->log) == 0;
}

/* The writers' bitmaps go in their order in the list, the latest first. */
static br_status log_progress(bri_h5_output *o)
{
    const bri_h5_resume *r = o->resume;
    log_head head = {.fingerprint = {r->fingerprint[0], r->fingerprint[1]}};
    const bri_h5_overlay *changes = bri_h5_changes(o->file, &head.stable, &head.file_bytes);
    if (changes == NULL)
        return bri_error(BR_EIO, "%s: a part of it could not be written", o->temporary);
    memcpy(head.magic, magic, sizeof magic);
    head.npages = changes->n;
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
    br_status status = write_log(o, bytes, n) ? BR_OK : io_error(r->new_log);
    bri_free(bytes);
    return status;
}

bool bri_h5_was_completed(const char *path, const uint64_t fingerprint[2])
{
    char *log = with(path, ".part.log"), *part = with(path, ".part");
    unsigned char *bytes = NULL;
    size_t n;
    log_head head;
    bool completed = log != NULL && part != NULL && access(path, F_OK) == 0 &&
                     access(part, F_OK) != 0 && read_file(log, &bytes, &n) &&
                     is_whole(bytes, n, &head) &&
                     memcmp(head.fingerprint, fingerprint, sizeof head.fingerprint) == 0;
    if (completed)
        unlink(log);
    bri_free(bytes);
    bri_free(part);
    bri_free(log);
    return completed;
}

/* ---- for the file's opening and ending; the lock is held ---- */

br_status bri_h5_resume_open(bri_h5_output *o, const uint64_t fingerprint[2])
{
    bri_h5_resume *r = bri_calloc(1, sizeof *r);
    o->resume = r;
    if (r == NULL)
        return BR_ENOMEM;
    memcpy(r->fingerprint, fingerprint, sizeof r->fingerprint);
    o->temporary = with(o->real, ".part");
    r->log = with(o->real, ".part.log");
    r->new_log = with(o->real, ".part.log.new");
    if (o->temporary == NULL || r->log == NULL || r->new_log == NULL)
        return BR_ENOMEM;
    BRI_TRY(check_unused(o));
    return find_log(o);
}

bool bri_h5_goes_on(const bri_h5_output *o)
{
    return o->resume != NULL && o->resume->goes_on;
}

br_status bri_h5_checkpoint(bri_h5_output *o)
{
    double start = now();
    if (H5Fflush(o->file, H5F_SCOPE_GLOBAL) < 0 || bri_h5_errno() != 0)
        return bri_h5_error(BR_EIO, "%s: cannot be written", o->temporary);
    if (fsync(bri_h5_descriptor(o->file)) != 0)
        return io_error(o->temporary);
    BRI_TRY(log_progress(o));
    o->resume->has_log = true;
    if (!bri_h5_apply_changes(o->file))
        return io_error(o->temporary);
    o->resume->before = now();
    o->resume->cost = o->resume->before - start;
    return BR_OK;
}

void bri_h5_resume_keep(bri_h5_output *o)
{
    if (o->file >= 0 && o->resume->has_log && bri_h5_errno() == 0)
        bri_h5_checkpoint(o);
}

void bri_h5_resume_end(bri_h5_output *o, bool complete)
{
    bri_h5_resume *r = o->resume;
    bool ours = complete || r->goes_on || o->file >= 0; /* another process may have the file */
    if (!complete && !r->has_log && ours && o->temporary != NULL)
        unlink(o->temporary);
    if ((complete || !r->has_log) && ours && r->log != NULL)
        unlink(r->log);
}

void bri_h5_resume_free(bri_h5_resume *r)
{
    if (r == NULL)
        return;
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
        return bri_error(BR_EFORMAT, "%s: is about other arrays", r->log);
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
    double since = now() - o->resume->before;
    if (since > least && since > TIMES * o->resume->cost && !atomic_load(&o->failed))
        status = bri_h5_checkpoint(o);
    bri_h5_unlock();
    if (status != BR_OK)
        atomic_store(&o->failed, true);
    return status;
}
