/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_temporary.c - where a file is until it is complete.
 *
 * Best without a name at all (O_TMPFILE): then nothing is left behind whatever happens to the
 * process. File systems that cannot do that (NFS) have it beside the final name, and so has one
 * into which other hosts write. What a process leaves there that was killed goes when the same path
 * is stored to again on its host.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "array/io/hdf5_output.h"
#include "array/io/hdf5_overlay.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum { MAX_DIRECTORY = 4096 };

/* "." when the path has no directory. */
static bool directory_of(const char *path, char directory[MAX_DIRECTORY])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (n + 2 > MAX_DIRECTORY)
        return false;
    memcpy(directory, path, n);
    memcpy(directory + n, ".", 2);
    return true;
}

static int open_unnamed(const char *path)
{
    char directory[MAX_DIRECTORY];
    if (!directory_of(path, directory))
        return -1;
    return open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
}

int bri_h5_spare_file(int fd)
{
    char link[32], path[MAX_DIRECTORY];
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
    char directory[MAX_DIRECTORY];
    if (!directory_of(path, directory))
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
        return bri_error(BR_EIO, "%s: cannot be created: there is no directory %.*s", path,
                         slash == path ? 1 : (int)(slash - path), path);
    return bri_error(BR_EIO, "%s: cannot be created: %s", path, strerror(why));
}

static br_status io_error(const bri_h5_output *o)
{
    return bri_error(BR_EIO, "%s: %s", o->path, strerror(errno));
}

enum { HOST = 65 }; /* bytes of a name */

/* "path.tmp.host", of this one, not too long. */
static void name_start(const char *path, char *start, size_t bytes)
{
    char host[HOST] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0' || strchr(host, '/') != NULL)
        strcpy(host, "unknown");
    snprintf(start, bytes, "%s.tmp.%.24s", path, host);
}

/* A name beside the final one that nobody has. */
static char *free_name(const bri_h5_output *o)
{
    static atomic_uint calls;
    size_t bytes = strlen(o->real) + HOST + 48;
    char *name = bri_malloc(bytes);
    if (name == NULL)
        return NULL;
    name_start(o->real, name, bytes);
    size_t used = strlen(name);
    snprintf(name + used, bytes - used, ".%ld.%u", (long)getpid(), atomic_fetch_add(&calls, 1));
    return name;
}

/* ---- what dead processes have left ---- */

/* ".pid.number", of no process, at the end of a name? */
static bool is_of_the_dead(const char *end)
{
    char *rest;
    long pid = end[0] == '.' ? strtol(end + 1, &rest, 10) : 0;
    if (pid <= 0 || rest[0] != '.' || rest[1] == '\0' ||
        strspn(rest + 1, "0123456789") != strlen(rest + 1))
        return false;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Who writes into a file has it locked: processes of a container are not seen from another one. */
static void remove_unlocked(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(directory, name, 0);
    if (fd >= 0)
        close(fd);
}

/* Files that processes of this host began to write for the same path, and that have the names that
 * free_name gives. */
static void remove_left(const char *path)
{
    char directory[MAX_DIRECTORY], start[MAX_DIRECTORY];
    const char *slash = strrchr(path, '/');
    if (!directory_of(path, directory))
        return;
    name_start(slash != NULL ? slash + 1 : path, start, sizeof start);
    size_t n = strlen(start);
    DIR *list = opendir(directory);
    for (struct dirent *e; list != NULL && (e = readdir(list)) != NULL;)
        if (strncmp(e->d_name, start, n) == 0 && is_of_the_dead(e->d_name + n))
            remove_unlocked(dirfd(list), e->d_name);
    if (list != NULL)
        closedir(list);
}

static br_status named_temporary(bri_h5_output *o)
{
    remove_left(o->real);
    o->temporary = free_name(o);
    if (o->temporary == NULL)
        return BR_ENOMEM;
    unlink(o->temporary); /* left by a dead process that had our number */
    int fd = open(o->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        br_status status = bri_h5_cannot_create(o->path, errno);
        bri_free(o->temporary);
        o->temporary = NULL;
        return status;
    }
    close(fd);
    return BR_OK;
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

br_status bri_h5_unname_temporary(bri_h5_output *o)
{
    unlink(o->temporary);
    bri_free(o->temporary);
    o->temporary = NULL;
    return bri_h5_temporary(o, false);
}

/* ---- copying ---- */

static br_status enough_space(const bri_h5_output *o)
{
    struct statvfs fs;
    char directory[MAX_DIRECTORY];
    if (!directory_of(o->real, directory) || statvfs(directory, &fs) != 0)
        return BR_OK; /* copying will tell */
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left >= (uint64_t)o->of.st_size)
        return BR_OK;
    return bri_error(BR_EIO,
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

br_status bri_h5_copy_file(bri_h5_output *o)
{
    BRI_TRY(enough_space(o));
    BRI_TRY(bri_h5_temporary(o, false));
    int from = open(o->real, O_RDONLY | O_CLOEXEC);
    int to = open(o->temporary, O_WRONLY | O_CLOEXEC);
    br_status status = BR_OK;
    if (from >= 0 && flock(from, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        status = bri_error(BR_EIO, "%s: locked, another program has it open", o->path);
    else if (from < 0 || to < 0 || !copy_bytes(from, to, o->of.st_size))
        status = bri_error(errno == ENOMEM ? BR_ENOMEM : BR_EIO, "%s: cannot be copied: %s",
                           o->path, strerror(errno));
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return status;
}

/* ---- the final name ---- */

/* The name an unnamed file gets before it can take the place of another one. */
static br_status give_name(bri_h5_output *o)
{
    char *name = free_name(o);
    if (name == NULL)
        return BR_ENOMEM;
    unlink(name);
    if (linkat(AT_FDCWD, o->temporary, AT_FDCWD, name, AT_SYMLINK_FOLLOW) != 0) {
        bri_free(name);
        return io_error(o);
    }
    bri_free(o->temporary);
    o->temporary = name;
    close(o->unnamed);
    o->unnamed = -1;
    return BR_OK;
}

/* A file that was there keeps its permissions, and its owner if we may give files away. */
static void take_over(const bri_h5_output *o)
{
    if (chown(o->temporary, o->of.st_uid, o->of.st_gid) != 0)
        (void)errno;
    chmod(o->temporary, o->of.st_mode & 07777);
}

static br_status replace(bri_h5_output *o)
{
    struct stat now;
    bool same = stat(o->real, &now) == 0 && now.st_ino == o->of.st_ino &&
                now.st_size == o->of.st_size && bri_h5_mtime(&now) == bri_h5_mtime(&o->of);
    if (o->is_copy && !same)
        return bri_error(BR_EIO, "%s: was changed by another program meanwhile", o->path);
    if (o->unnamed >= 0)
        BRI_TRY(give_name(o));
    take_over(o);
    return rename(o->temporary, o->real) == 0 ? BR_OK : io_error(o);
}

/* Links are made rather than renamed, so that a file that came up meanwhile is not overwritten. */
static br_status appear(bri_h5_output *o)
{
    bool done = o->unnamed >= 0
                    ? linkat(AT_FDCWD, o->temporary, AT_FDCWD, o->real, AT_SYMLINK_FOLLOW) == 0
                    : link(o->temporary, o->real) == 0;
    if (done && o->unnamed < 0)
        unlink(o->temporary);
    if (done)
        return BR_OK;
    if (errno == EEXIST)
        return bri_error(BR_EIO, "%s: another program made this file while it was being written",
                         o->path);
    if (o->unnamed >= 0)
        return io_error(o);
    return rename(o->temporary, o->real) == 0 ? BR_OK : io_error(o);
}

br_status bri_h5_reveal(bri_h5_output *o)
{
    BRI_TRY(o->fresh ? appear(o) : replace(o));
    bri_h5_sync_directory(o->real);
    return BR_OK;
}
