/* SPDX-License-Identifier: BSD-3-Clause
 * seen.c - size, times and sampled contents of a file.
 *
 * Sums are remembered, so that asking before every run costs one open and no reading.
 */
#include "array/io/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "array/io/hdf5.h"

enum { BLOCK = 4096, BLOCKS = 16, REMEMBERED = 4096 };

/* What is known of files, each at the place that its inode names; `mutex` guards all of it. */
static struct {
    pthread_mutex_t mutex;
    struct {
        uint64_t device;
        bri_seen seen; /* with sums; bytes 0: free */
    } file[REMEMBERED];
    uint64_t first[REMEMBERED];
} known = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static uint64_t add_bytes(uint64_t hash, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, n - i < 8 ? n - i : 8);
        hash = mix(hash, word);
    }
    return mix(hash, n);
}

bool bri_seen_same(const bri_seen *a, const bri_seen *b)
{
    return a->inode == b->inode && a->bytes == b->bytes && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

/* ---- sums ---- */

static int read_block(int fd, uint64_t at, uint64_t size, uint64_t *hash)
{
    unsigned char block[BLOCK];
    size_t n = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(fd, block + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : EIO;
        done += (size_t)got;
    }
    *hash = add_bytes(*hash, block, n);
    return 0;
}

static int sum_up(int fd, bri_seen *seen)
{
    uint64_t last = seen->bytes > BLOCK ? seen->bytes - BLOCK : 0;
    uint64_t at = 0;
    uint64_t superblock = 0;
    int error = read_block(fd, 0, seen->bytes, &seen->head);
    if (error == 0 && bri_h5_find_signature(fd, seen->bytes, &superblock) && superblock >= BLOCK)
        error = read_block(fd, superblock, seen->bytes, &seen->head);
    bool whole = last <= BLOCK * (BLOCKS - 1); /* small files, one block after the other */
    for (uint64_t k = 1; k < BLOCKS && at < last && error == 0; k++) {
        at = whole ? at + BLOCK : last / (BLOCKS - 1) * k;
        at = k < BLOCKS - 1 && at < last ? at : last;
        error = read_block(fd, at, seen->bytes, &seen->sampled);
    }
    return error;
}

static size_t place_of(uint64_t device, const bri_seen *seen)
{
    return mix(device, seen->inode) % REMEMBERED;
}

static bool recall(uint64_t device, bri_seen *seen)
{
    size_t i = place_of(device, seen);
    pthread_mutex_lock(&known.mutex);
    bool found = known.file[i].device == device && known.file[i].seen.bytes > 0 &&
                 bri_seen_same(&known.file[i].seen, seen);
    if (found)
        *seen = known.file[i].seen;
    pthread_mutex_unlock(&known.mutex);
    return found;
}

static void remember(uint64_t device, const bri_seen *seen)
{
    size_t i = place_of(device, seen);
    pthread_mutex_lock(&known.mutex);
    known.file[i].device = device;
    known.file[i].seen = *seen;
    pthread_mutex_unlock(&known.mutex);
}

/* ---- looking ---- */

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int look(int fd, bool contents, bri_seen *seen)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    uint64_t device = (uint64_t)st.st_dev;
    *seen = (bri_seen){.inode = (uint64_t)st.st_ino,
                       .bytes = (uint64_t)st.st_size,
                       .mtime_ns = nanoseconds(st.st_mtim),
                       .ctime_ns = nanoseconds(st.st_ctim)};
    if (!contents || seen->bytes == 0 || recall(device, seen))
        return 0;
    int error = sum_up(fd, seen);
    /* Within a tick of its clock a file may change again without its times telling. */
    if (error == 0 && time(NULL) - st.st_ctim.tv_sec > 2)
        remember(device, seen);
    return error;
}

/* Opening, rather than stat, makes network file systems ask their server. */
void bri_see(const char *path, bool contents, bri_seen *seen)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = fd >= 0 ? look(fd, contents, seen) : errno;
    if (fd >= 0)
        close(fd);
    if (error != 0)
        *seen = (bri_seen){.error = error};
}

bool bri_seen_first(const bri_seen *seen)
{
    uint64_t state = mix(mix(mix(seen->inode, seen->bytes), (uint64_t)seen->mtime_ns), 1);
    uint64_t *place = &known.first[state % REMEMBERED];
    pthread_mutex_lock(&known.mutex);
    bool first = *place != state;
    *place = state;
    pthread_mutex_unlock(&known.mutex);
    return first;
}
