/* SPDX-License-Identifier: BSD-3-Clause
 * beside.c - files beside their final names: made, locked, and removed where nobody has them.
 */
#include "array/io/beside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/alloc.h"

enum { HOST = 65, /* bytes of a name */ TRIES = 100 };

bool bri_directory_of(const char *path, char directory[BRI_MAX_DIRECTORY])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (n + 2 > BRI_MAX_DIRECTORY)
        return false;
    memcpy(directory, path, n);
    memcpy(directory + n, ".", 2);
    return true;
}

bool bri_is_at(const char *path, int fd)
{
    struct stat there, here;
    return stat(path, &there) == 0 && fstat(fd, &here) == 0 && there.st_ino == here.st_ino &&
           there.st_dev == here.st_dev;
}

/* Who may not give files away can still give them to one of his groups. Bits that were meant for
 * another owner or group must not hold for ours: without the group it gets what all others have. */
void bri_take_over(int fd, const struct stat *of)
{
    bool owner = fchown(fd, of->st_uid, of->st_gid) == 0;
    bool group = owner || fchown(fd, (uid_t)-1, of->st_gid) == 0;
    mode_t mode = of->st_mode & (owner ? 07777 : 0777);
    fchmod(fd, group ? mode : (mode & 0707) | (mode & 07) << 3);
}

static uint32_t fnv1a(uint32_t h, const char *text)
{
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

/* What stays the same for a host when it starts again, so that it finds what it has left: its name
 * and, as hosts made from one image may have the same, its installation's number. */
static uint32_t host_number(const char *host)
{
    char id[64] = "";
    FILE *f = fopen("/etc/machine-id", "re");
    if (f != NULL && fgets(id, sizeof id, f) == NULL)
        id[0] = '\0';
    if (f != NULL)
        fclose(f);
    return fnv1a(fnv1a(fnv1a(2166136261u, host), "/"), id);
}

/* "path.tmp.host", of this one, not too long: hosts whose names begin alike differ in the
 * number. */
static void name_start(const char *path, char *start, size_t bytes)
{
    char host[HOST] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0' || strchr(host, '/') != NULL)
        strcpy(host, "unknown");
    snprintf(start, bytes, "%s.tmp.%.15s-%08" PRIx32, path, host, host_number(host));
}

char *bri_beside_name(const char *path)
{
    static atomic_uint calls;
    size_t bytes = strlen(path) + HOST + 48;
    char *name = bri_malloc(bytes);
    if (name == NULL)
        return NULL;
    name_start(path, name, bytes);
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

/* Who writes into a file has it locked: processes of a container are not seen from another one.
 * One that was to replace a read-only file may be read-only. */
static void remove_unlocked(int directory, const char *name)
{
    const int how = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = openat(directory, name, O_RDWR | how);
    if (fd < 0 && errno == EACCES)
        fd = openat(directory, name, O_RDONLY | how);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(directory, name, 0);
    if (fd >= 0)
        close(fd);
}

/* Files that processes of this host began to write for the same path. */
static void remove_left(const char *path)
{
    char directory[BRI_MAX_DIRECTORY], start[BRI_MAX_DIRECTORY];
    const char *slash = strrchr(path, '/');
    if (!bri_directory_of(path, directory))
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

/* ---- making one ---- */

/* Another process may find it between its making and its locking, and remove it. */
static bool lock_new(const char *name, int fd)
{
    bool taken = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    return !taken && bri_is_at(name, fd);
}

char *bri_beside_make(const char *path, bool replaces, int *fd)
{
    const mode_t mode = replaces ? 0600 : 0666;
    remove_left(path);
    for (int i = 0; i < TRIES; i++) {
        char *name = bri_beside_name(path);
        if (name == NULL) {
            errno = ENOMEM;
            return NULL;
        }
        *fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (*fd >= 0 && lock_new(name, *fd))
            return name;
        int why = *fd >= 0 ? EAGAIN : errno;
        if (*fd >= 0)
            close(*fd);
        if (why == EEXIST) /* left by a dead process that had our number */
            remove_unlocked(AT_FDCWD, name);
        bri_free(name);
        *fd = -1;
        errno = why;
        if (why != EEXIST && why != EAGAIN)
            break;
    }
    return NULL;
}
