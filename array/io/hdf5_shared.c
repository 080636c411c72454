/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_shared.c - marks and answers in a file that several processes write, and their writing. No
 * HDF5 calls.
 */
#include "array/io/hdf5_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/beside.h"
#include "array/io/hdf5_internal.h"
#include "array/io/hdf5_overlay.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum { PATH_BYTES = 4096 };

/* ---- marks ---- */

/* What is found at a process's place. */
typedef struct answer {
    uint64_t word[3];
} answer;

static answer answer_of(const bri_h5_mark *mark, int number)
{
    return (answer){{mark->id ^ (uint64_t)number, mark->secret[0] + (uint64_t)number,
                     mark->secret[1] ^ (uint64_t)number << 32}};
}

static off_t place_of(const bri_h5_mark *mark, int number)
{
    return (off_t)(mark->base + (uint64_t)number * BRI_H5_MARK_STEP);
}

static bool is_there(int fd, const bri_h5_mark *mark, int number)
{
    const answer wanted = answer_of(mark, number);
    answer found;
    return pread(fd, &found, sizeof found, place_of(mark, number)) == (ssize_t)sizeof found &&
           memcmp(&found, &wanted, sizeof found) == 0;
}

/* Synced, so that other hosts find it. */
static int put_answer(int fd, const bri_h5_mark *mark, int number)
{
    const answer mine = answer_of(mark, number);
    const uint64_t at = (uint64_t)place_of(mark, number);
    return bri_h5_write_all(fd, (const char *)&mine, sizeof mine, at) && fsync(fd) == 0 ? 0 : errno;
}

int bri_h5_mark_file(int fd, bri_h5_mark *mark)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if (getrandom(mark, sizeof *mark, 0) != (ssize_t)sizeof *mark)
        return errno != 0 ? errno : EIO;
    mark->base = ((uint64_t)st.st_size + BRI_H5_MARK_STEP - 1) & ~(uint64_t)(BRI_H5_MARK_STEP - 1);
    return put_answer(fd, mark, 0);
}

/* Opened anew: then a network file system looks at what others have written. */
bool bri_h5_has_answer(const char *path, const bri_h5_mark *mark, int number)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && is_there(fd, mark, number);
    if (fd >= 0)
        close(fd);
    return found;
}

br_status bri_h5_path_for_others(const char *path, char *out, size_t size)
{
    static const char own[] = "/proc/self/";
    if (strncmp(path, own, sizeof own - 1) == 0) {
        snprintf(out, size, "/proc/%ld/%s", (long)getpid(), path + sizeof own - 1);
        return BR_OK;
    }
    char *whole = realpath(path, NULL);
    bool fits = whole != NULL && strlen(whole) < size;
    if (fits)
        strcpy(out, whole);
    free(whole);
    return fits ? BR_OK : bri_file_error(BR_EIO, "%s: its path is too long, or not known", path);
}

br_status bri_h5_replaced(const char *path)
{
    return bri_file_error(
        BR_EIO, "%s: another program removed it, or put another file in its place meanwhile", path);
}

/* What marks and answers have added vanishes. */
static br_status meet_at(int fd, const char *path, const char *name, bri_h5_meeting *meeting,
                         bri_h5_mark *mark, uint64_t *align)
{
    struct stat before;
    char found[PATH_BYTES];
    int error = fstat(fd, &before) != 0 ? errno : bri_h5_mark_file(fd, mark);
    if (error != 0)
        return bri_file_error(BR_EIO, "%s: %s", name, strerror(error));
    br_status status = bri_h5_path_for_others(path, found, sizeof found);
    if (status == BR_OK)
        status = meeting->meet(meeting, mark, found, align);
    if (ftruncate(fd, before.st_size) != 0 && status == BR_OK)
        status = bri_file_error(BR_EIO, "%s: %s", name, strerror(errno));
    return status;
}

/* ---- files that this process has joined ---- */

typedef struct joined {
    struct joined *next;
    uint64_t id;
    int fd;
    char name[];
} joined;

/* `lock` guards the list. A file is left when nobody writes into it any more. */
static struct {
    pthread_mutex_t lock;
    joined *first;
} files = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int add(uint64_t id, int fd, const char *name)
{
    joined *j = bri_malloc(sizeof *j + strlen(name) + 1);
    if (j == NULL)
        return ENOMEM;
    *j = (joined){.id = id, .fd = fd};
    strcpy(j->name, name);
    pthread_mutex_lock(&files.lock);
    j->next = files.first;
    files.first = j;
    pthread_mutex_unlock(&files.lock);
    return 0;
}

/* The path may lead to anything on this host. */
static int answer_in(int fd, const bri_h5_mark *mark, int number)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode) || !is_there(fd, mark, 0))
        return ENOENT;
    return put_answer(fd, mark, number);
}

int bri_h5_join_file(const bri_h5_mark *mark, int number, const char *path, const char *name)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno;
    int error = answer_in(fd, mark, number);
    if (error == 0)
        error = add(mark->id, fd, name);
    if (error != 0)
        close(fd);
    return error;
}

br_status bri_h5_meet(int file, const char *path, const char *name, bri_h5_meeting *meeting,
                      uint64_t *id, uint64_t *align)
{
    bri_h5_mark mark = {0};
    *id = *align = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return bri_file_error(BR_EIO, "%s: %s", name, strerror(errno));
    br_status status = BR_OK;
    if (bri_is_at(path, file))
        status = meet_at(fd, path, name, meeting, &mark, align);
    int error = 0;
    if (status == BR_OK && !(bri_is_at(path, file) && bri_is_at(path, fd)))
        status = bri_h5_replaced(name);
    if (status == BR_OK && *align > 0)
        error = add(mark.id, fd, name);
    if (status != BR_OK || *align == 0 || error != 0)
        close(fd);
    else
        *id = mark.id;
    return error == 0 ? status : bri_file_error(BR_ENOMEM, "%s: %s", name, strerror(error));
}

static joined *find(uint64_t id, bool take)
{
    pthread_mutex_lock(&files.lock);
    joined **link = &files.first;
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    joined *found = *link;
    if (found != NULL && take)
        *link = found->next;
    pthread_mutex_unlock(&files.lock);
    return found;
}

br_status bri_h5_write_joined_as(uint64_t id, bri_h5_fix fix, const char *elements, size_t first,
                                 size_t n, uint64_t address)
{
    const joined *j = find(id, false);
    if (j == NULL)
        return bri_error(BR_EINTERNAL, "a file is written that is not open");
    if (bri_h5_write_as(j->fd, fix, elements, first, n, address))
        return BR_OK;
    return bri_file_error(BR_EIO, "%s: cannot be written: %s", j->name, strerror(errno));
}

br_status bri_h5_write_joined(uint64_t id, const void *bytes, size_t n, uint64_t address)
{
    return bri_h5_write_joined_as(id, BRI_H5_AS_IS, bytes, 0, n, address);
}

br_status bri_h5_sync_joined(uint64_t id)
{
    const joined *j = find(id, false);
    if (j == NULL)
        return bri_error(BR_EINTERNAL, "a file is synced that is not open");
    return fdatasync(j->fd) == 0
               ? BR_OK
               : bri_file_error(BR_EIO, "%s: cannot be written: %s", j->name, strerror(errno));
}

br_status bri_h5_leave_file(uint64_t id, bool sync)
{
    br_status status = BR_OK;
    joined *j = find(id, true);
    if (j == NULL)
        return BR_OK;
    int error = sync && fsync(j->fd) != 0 ? errno : 0;
    if (close(j->fd) != 0 && error == 0)
        error = errno;
    if (error != 0 && sync)
        status = bri_file_error(BR_EIO, "%s: cannot be written: %s", j->name, strerror(error));
    bri_free(j);
    return status;
}
