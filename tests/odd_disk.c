/* SPDX-License-Identifier: BSD-3-Clause
 * odd_disk.c - to be preloaded: file systems as nobody can mount them in a test.
 *
 * ODD_DISK_LOCKS=no      flock fails with ENOLCK, as on NFS without a lock daemon
 * ODD_DISK_QUOTA=BYTES   nothing is written beyond that place of a file: EDQUOT
 * ODD_DISK_SYNC=no       fsync and fdatasync fail with EIO
 * ODD_DISK_KILL=NUMBER   kills the process when it would sync for that time
 * ODD_DISK_LOG=FILE      gets a line for each call: "write", "sync", or "name" for a file's new one
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void note(const char *line)
{
    const char *path = getenv("ODD_DISK_LOG");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (path != NULL && (fd < 0 || write(fd, line, strlen(line)) < 0))
        abort();
    if (fd >= 0)
        close(fd);
}

int flock(int fd, int how)
{
    int (*real)(int, int) = 0;
    *(void **)&real = dlsym(RTLD_NEXT, "flock");
    if (getenv("ODD_DISK_LOCKS") == NULL)
        return real(fd, how);
    errno = ENOLCK;
    return -1;
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = 0;
    const char *quota = getenv("ODD_DISK_QUOTA");
    *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    note("write\n");
    if (quota == NULL || at + (off_t)n <= atoll(quota))
        return real(fd, from, n, at);
    errno = EDQUOT;
    return -1;
}

static void die_if_wished(void)
{
    static atomic_int syncs;
    const char *last = getenv("ODD_DISK_KILL");
    if (last != NULL && atomic_fetch_add(&syncs, 1) + 1 == atoi(last))
        raise(SIGKILL);
}

static int sync_by(const char *function, int fd)
{
    int (*real)(int) = 0;
    die_if_wished();
    *(void **)&real = dlsym(RTLD_NEXT, function);
    note("sync\n");
    if (getenv("ODD_DISK_SYNC") == NULL)
        return real(fd);
    errno = EIO;
    return -1;
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    int (*real)(int, const char *, int, const char *, int) = 0;
    *(void **)&real = dlsym(RTLD_NEXT, "linkat");
    note("name\n");
    return real(from, old, to, new, flags);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    int (*real)(int, const char *, int, const char *, unsigned) = 0;
    *(void **)&real = dlsym(RTLD_NEXT, "renameat2");
    note("name\n");
    return real(from, old, to, new, flags);
}

int rename(const char *old, const char *new)
{
    int (*real)(const char *, const char *) = 0;
    *(void **)&real = dlsym(RTLD_NEXT, "rename");
    note("name\n");
    return real(old, new);
}
