/* SPDX-License-Identifier: BSD-3-Clause
 * spill.c - the file of spilled blocks.
 *
 * Blocks come in size classes, four between two powers of two from 4 KiB on; a place that is free
 * is taken again by the next block of its class, so that a run that spills chunks of a few sizes
 * has no holes. When nothing is kept the file is cut to nothing.
 */
#include "runtime/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/alloc.h"
#include "runtime/error.h"
#include "runtime/hash.h"

enum { SMALLEST_BITS = 12, STEPS = 4, NCLASSES = (47 - SMALLEST_BITS) * STEPS + 1 };

#define TMPFS 0x01021994
#define RAMFS 0x858458f6u

typedef struct places {
    int64_t *offset;
    size_t n, room;
} places;

struct bri_spill {
    char *directory;
    pthread_mutex_t lock; /* guards all below */
    int file;             /* -1: not opened */
    int64_t end;          /* of the part that has ever been used */
    places free[NCLASSES];
    bri_spill_stats stats;
};

bri_spill *bri_spill_new(const char *directory)
{
    bri_spill *s = bri_calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->directory = bri_strdup(directory);
    if (s->directory == NULL) {
        bri_free(s);
        return NULL;
    }
    s->file = -1;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void bri_spill_free(bri_spill *s)
{
    if (s == NULL)
        return;
    if (s->file >= 0)
        close(s->file);
    for (int c = 0; c < NCLASSES; c++)
        bri_free(s->free[c].offset);
    pthread_mutex_destroy(&s->lock);
    bri_free(s->directory);
    bri_free(s);
}

/* ---- the file ---- */

/* Without a name from the start where the file system can do that, else unlinked at once. */
static int make_file(const char *directory)
{
    char path[4096];
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    if (snprintf(path, sizeof path, "%s/bramble-spill-XXXXXX", directory) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* With the lock held. */
static br_status open_file(bri_spill *s)
{
    struct statfs about;
    if (s->file >= 0)
        return BR_OK;
    if (statfs(s->directory, &about) != 0)
        return bri_error(BR_EIO, "spilling: directory %s: %s; BRAMBLE_SPILL_DIR names another one",
                         s->directory, strerror(errno));
    if ((uint32_t)about.f_type == TMPFS || (uint32_t)about.f_type == RAMFS)
        return bri_error(BR_ECONFIG,
                         "spilling: directory %s is in memory (tmpfs): set BRAMBLE_SPILL_DIR to a "
                         "directory on a disk",
                         s->directory);
    s->file = make_file(s->directory);
    return s->file >= 0 ? BR_OK
                        : bri_error(BR_EIO,
                                    "spilling: no file can be made in %s: %s; BRAMBLE_SPILL_DIR "
                                    "names another directory",
                                    s->directory, strerror(errno));
}

br_status bri_spill_open(bri_spill *s)
{
    pthread_mutex_lock(&s->lock);
    br_status st = open_file(s);
    pthread_mutex_unlock(&s->lock);
    return st;
}

/* ---- places ---- */

static int64_t class_bytes(int class)
{
    int64_t power = (int64_t)1 << (SMALLEST_BITS + class / STEPS);
    return power + power / STEPS * (class % STEPS);
}

static int class_of(size_t bytes)
{
    int class = 0;
    while (class < NCLASSES - 1 && class_bytes(class) < (int64_t)bytes)
        class ++;
    return class;
}

static br_status take_place(bri_spill *s, size_t bytes, int64_t *offset)
{
    int class = class_of(bytes);
    places *free = &s->free[class];
    pthread_mutex_lock(&s->lock);
    br_status st = open_file(s);
    if (st == BR_OK && free->n > 0) {
        *offset = free->offset[--free->n];
    } else if (st == BR_OK) {
        *offset = s->end;
        s->end += class_bytes(class);
    }
    if (st == BR_OK)
        s->stats.kept += (int64_t)bytes;
    pthread_mutex_unlock(&s->lock);
    return st;
}

static void forget_all(bri_spill *s)
{
    for (int c = 0; c < NCLASSES; c++)
        s->free[c].n = 0;
    s->end = 0;
    if (ftruncate(s->file, 0) != 0)
        return; /* its bytes are used again instead */
}

/* Without memory for the list the place is lost until nothing is kept any more. */
static void give_place(bri_spill *s, size_t bytes, int64_t offset)
{
    places *free = &s->free[class_of(bytes)];
    pthread_mutex_lock(&s->lock);
    s->stats.kept -= (int64_t)bytes;
    if (s->stats.kept == 0)
        forget_all(s);
    else if (bri_grow(&free->offset, &free->room, free->n, sizeof *free->offset) == BR_OK)
        free->offset[free->n++] = offset;
    pthread_mutex_unlock(&s->lock);
}

static void count(bri_spill *s, int64_t *counter, size_t bytes)
{
    pthread_mutex_lock(&s->lock);
    *counter += (int64_t)bytes;
    pthread_mutex_unlock(&s->lock);
}

/* ---- blocks ---- */

static br_status cannot_write(bri_spill *s, size_t bytes)
{
    const char *why = errno == ENOSPC || errno == EDQUOT ? "the disk is full" : strerror(errno);
    bri_spill_stats about;
    bri_spill_about(s, &about);
    int64_t kept = about.kept - (int64_t)bytes;
    return bri_error(BR_EIO,
                     "spilling: %zu bytes could not be written to %s beside %lld there: %s; "
                     "BRAMBLE_SPILL_DIR names another directory",
                     bytes, s->directory, (long long)kept, why);
}

static bool write_all(int file, const char *data, size_t bytes, int64_t offset)
{
    while (bytes > 0) {
        ssize_t n = pwrite(file, data, bytes, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        offset += n;
        bytes -= (size_t)n;
    }
    return true;
}

br_status bri_spill_write(bri_spill *s, const void *data, size_t bytes, bri_spill_block *block)
{
    int64_t offset;
    BRI_ASSERT(block->bytes == 0 && bytes > 0);
    BRI_TRY(take_place(s, bytes, &offset));
    if (!write_all(s->file, data, bytes, offset)) {
        br_status st = cannot_write(s, bytes);
        give_place(s, bytes, offset);
        return st;
    }
    *block = (bri_spill_block){offset, bytes, bri_hash64(data, bytes)};
    count(s, &s->stats.written, bytes);
    return BR_OK;
}

br_status bri_spill_read(bri_spill *s, const bri_spill_block *block, void *data)
{
    size_t done = 0;
    while (done < block->bytes) {
        ssize_t n =
            pread(s->file, (char *)data + done, block->bytes - done, block->offset + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return bri_error(BR_EIO, "spilling: %zu bytes could not be read back from %s: %s",
                             block->bytes, s->directory, n < 0 ? strerror(errno) : "the file ends");
        done += (size_t)n;
    }
    if (bri_hash64(data, block->bytes) != block->sum)
        return bri_error(BR_EIO,
                         "spilling: %zu bytes read back from %s differ from what was written "
                         "(checksum): the disk or the file is damaged",
                         block->bytes, s->directory);
    count(s, &s->stats.read, block->bytes);
    return BR_OK;
}

void bri_spill_drop(bri_spill *s, bri_spill_block *block)
{
    if (block->bytes > 0)
        give_place(s, block->bytes, block->offset);
    *block = (bri_spill_block){0};
}

void bri_spill_about(bri_spill *s, bri_spill_stats *stats)
{
    pthread_mutex_lock(&s->lock);
    *stats = s->stats;
    pthread_mutex_unlock(&s->lock);
}

int bri_spill_descriptor(const bri_spill *s)
{
    return s->file;
}
