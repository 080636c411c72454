/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_temporary.c - where a file is until it is complete.
 *
 * Best without a name at all (O_TMPFILE): then nothing is left behind whatever happens to the
 * process. File systems that cannot do that (NFS) have it beside the final name (beside.h), and so
 * has one into which other hosts write.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "array/io/beside.h"
#include "array/io/hdf5_output.h"
#include "array/io/hdf5_overlay.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

static int open_unnamed(const char *path)
{
    char directory[BRI_MAX_DIRECTORY];
    if (!bri_directory_of(path, directory))
        return -1;
    return open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
}

int bri_h5_spare_file(int fd)
{
    char link[32], path[BRI_MAX_DIRECTORY];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n > 0) {
        path[n] = '\0';
        int spare = open_unnamed(path);
        if (spare >= 0)
            return spare;
    }
    const char *top = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/bramble.XXXXXX", top != NULL ? top : "/tmp");
    int spare = mkostemp(path, O_CLOEXEC);
    if (spare >= 0)
        unlink(path);
    return spare;
}

/* A directory may be writable without being readable, which is no reason to fail now. */
void bri_h5_sync_directory(const char *path)
{
    char directory[BRI_MAX_DIRECTORY];
    if (!bri_directory_of(path, directory))
        return;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

br_status bri_h5_cannot_create(const char *path, int why)
{
    const char *slash = strrchr(path, '/');
    if (why == ENOENT && slash != NULL)
        return bri_file_error(BR_EIO, "%s: cannot be created: there is no directory %.*s", path,
                              slash == path ? 1 : (int)(slash - path), path);
    return bri_file_error(BR_EIO, "%s: cannot be created: %s", path, strerror(why));
}

static br_status io_error(const bri_h5_output *o)
{
    return bri_file_error(BR_EIO, "%s: %s", o->path, strerror(errno));
}

static br_status named_temporary(bri_h5_output *o)
{
    o->temporary = bri_beside_make(o->real, !o->fresh, &o->guard);
    if (o->temporary != NULL)
        return BR_OK;
    return errno == ENOMEM ? BR_ENOMEM : bri_h5_cannot_create(o->path, errno);
}

int bri_h5_temporary_file(const bri_h5_output *o)
{
    return o->unnamed >= 0 ? o->unnamed : o->guard;
}

br_status bri_h5_temporary(bri_h5_output *o, bool named)
{
    char name[32];
    o->unnamed = named ? -1 : open_unnamed(o->real);
    snprintf(name, sizeof name, "/proc/self/fd/%d", o->unnamed);
    if (o->unnamed >= 0 && access(name, W_OK) != 0) { /* no /proc */
        close(o->unnamed);
        o->unnamed = -1;
    }
    if (o->unnamed < 0)
        return named_temporary(o);
    o->temporary = bri_strdup(name);
    return o->temporary != NULL ? BR_OK : BR_ENOMEM;
}

static void let_go(bri_h5_output *o)
{
    if (o->guard >= 0)
        close(o->guard);
    o->guard = -1;
}

void bri_h5_remove_temporary(bri_h5_output *o)
{
    if (o->guard >= 0 && bri_is_at(o->temporary, o->guard))
        unlink(o->temporary);
    let_go(o);
}

br_status bri_h5_unname_temporary(bri_h5_output *o)
{
    bri_h5_remove_temporary(o);
    bri_free(o->temporary);
    o->temporary = NULL;
    return bri_h5_temporary(o, false);
}

/* ---- copying ---- */

static br_status enough_space(const bri_h5_output *o)
{
    struct statvfs fs;
    char directory[BRI_MAX_DIRECTORY];
    if (!bri_directory_of(o->real, directory) || statvfs(directory, &fs) != 0)
        return BR_OK; /* copying will tell */
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left >= (uint64_t)o->of.st_size)
        return BR_OK;
    return bri_file_error(
        BR_EIO,
        "%s: a copy takes %lld MiB, but only %llu MiB are free beside it: make room, "
        "or store without .safe_copy",
        o->path, (long long)(o->of.st_size >> 20), (unsigned long long)(left >> 20));
}

static bool copy_by_hand(int from, int to, off_t at, off_t bytes)
{
    enum { PART = 1 << 20 };
    char *part = bri_malloc(PART);
    bool good = part != NULL;
    while (good && at < bytes) {
        size_t n = bytes - at < PART ? (size_t)(bytes - at) : PART;
        good = bri_h5_read_all(from, part, n, (uint64_t)at) &&
               bri_h5_write_all(to, part, n, (uint64_t)at);
        at += (off_t)n;
    }
    bri_free(part);
    return good;
}

static bool copy_bytes(int from, int to, off_t bytes)
{
    off_t at = 0;
    while (at < bytes) {
        off_t in = at, out = at;
        ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(bytes - at), 0);
        if (n <= 0)
            break;
        at += n;
    }
    return at == bytes || copy_by_hand(from, to, at, bytes);
}

/* Another store may have changed it before it was locked. */
static bool measure_again(bri_h5_output *o, int from)
{
    struct stat st;
    if (fstat(from, &st) != 0 || st.st_ino != o->of.st_ino || st.st_dev != o->of.st_dev)
        return false;
    o->of = st;
    return true;
}

br_status bri_h5_copy_file(bri_h5_output *o, bool named)
{
    BRI_TRY(enough_space(o));
    BRI_TRY(bri_h5_temporary(o, named));
    int from = open(o->real, O_RDONLY | O_CLOEXEC), to = bri_h5_temporary_file(o);
    br_status status = BR_OK;
    if (from >= 0 && flock(from, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        status = bri_file_error(BR_EIO, "%s: locked, another program has it open", o->path);
    else if (from >= 0 && !measure_again(o, from))
        status = bri_h5_replaced(o->path);
    else if (from < 0 || !copy_bytes(from, to, o->of.st_size))
        status = bri_file_error(errno == ENOMEM ? BR_ENOMEM : BR_EIO, "%s: cannot be copied: %s",
                                o->path, strerror(errno));
    if (from >= 0)
        close(from);
    return status;
}

/* ---- the final name ---- */

/* The name an unnamed file gets before it can take the place of another one. It is locked first, as
 * any file that has one. */
static br_status give_name(bri_h5_output *o)
{
    enum { TRIES = 100 };
    char *name = NULL;
    bool done = false;
    flock(o->unnamed, LOCK_EX | LOCK_NB);
    for (int i = 0; i < TRIES && !done; i++) {
        bri_free(name);
        name = bri_beside_name(o->real);
        if (name == NULL)
            return BR_ENOMEM;
        done = linkat(AT_FDCWD, o->temporary, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
        if (!done && errno != EEXIST)
            break;
    }
    if (!done) {
        bri_free(name);
        return io_error(o);
    }
    bri_free(o->temporary);
    o->temporary = name;
    o->guard = o->unnamed;
    o->unnamed = -1;
    return BR_OK;
}

static br_status replace(bri_h5_output *o)
{
    struct stat now;
    bool same = stat(o->real, &now) == 0 && now.st_ino == o->of.st_ino &&
                now.st_size == o->of.st_size && bri_h5_mtime(&now) == bri_h5_mtime(&o->of);
    if (o->is_copy && !same)
        return bri_file_error(BR_EIO, "%s: was changed by another program meanwhile", o->path);
    bri_take_over(bri_h5_temporary_file(o), &o->of);
    if (o->unnamed >= 0)
        BRI_TRY(give_name(o));
    return rename(o->temporary, o->real) == 0 ? BR_OK : io_error(o);
}

/* A link is made, which fails where a name is taken, and the first name removed: whoever dies
 * between the two leaves both, the file is complete all the same. The next store to this path
 * removes the first one (beside.c; hdf5_resume.c knows both). NFS may say that the name is taken
 * when its server has been asked twice. Where there are no links, a file is overwritten that comes
 * up after the look for it. */
static bool link_new(const bri_h5_output *o)
{
    struct stat st;
    bool linked =
        link(o->temporary, o->real) == 0 || (errno == EEXIST && bri_is_at(o->real, o->guard));
    if (linked)
        unlink(o->temporary);
    if (linked || errno == EEXIST)
        return linked;
    if (lstat(o->real, &st) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(o->temporary, o->real) == 0;
}

/* A file that came up meanwhile is not overwritten. Linux can rename so in one step, but not on
 * every file system (EINVAL: NFS, some in user space), nor in every container (ENOSYS, EPERM). */
static bool rename_new(const bri_h5_output *o)
{
    if (renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->real, RENAME_NOREPLACE) == 0)
        return true;
    return errno != EEXIST && link_new(o);
}

static br_status appear(const bri_h5_output *o)
{
    bool done = o->unnamed >= 0
                    ? linkat(AT_FDCWD, o->temporary, AT_FDCWD, o->real, AT_SYMLINK_FOLLOW) == 0
                    : rename_new(o);
    if (done)
        return BR_OK;
    if (errno == EEXIST)
        return bri_file_error(
            BR_EIO, "%s: another program made this file while it was being written", o->path);
    return io_error(o);
}

br_status bri_h5_reveal(bri_h5_output *o)
{
    if (o->guard >= 0 && !bri_is_at(o->temporary, o->guard))
        return bri_h5_replaced(o->temporary);
    BRI_TRY(o->fresh ? appear(o) : replace(o));
    let_go(o);
    bri_h5_sync_directory(o->real);
    return BR_OK;
}
