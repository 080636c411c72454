/* SPDX-License-Identifier: BSD-3-Clause
 * odd_disk.c - to be preloaded: file systems as nobody can mount them in a test.
 *
 * ODD_DISK_LOCKS=no      flock fails with ENOLCK, as on NFS without a lock daemon
 * ODD_DISK_QUOTA=BYTES   nothing is written beyond that place of a file: EDQUOT
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

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
    if (quota == NULL || at + (off_t)n <= atoll(quota))
        return real(fd, from, n, at);
    errno = EDQUOT;
    return -1;
}
