/* SPDX-License-Identifier: BSD-3-Clause
 * resuming.h - what the tests of .resume share: calls of the library's that go wrong, arrays whose
 * chunks are counted, and processes that die on their way.
 */
#ifndef RESUMING_H
#define RESUMING_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/store_samples.h"

enum { CHUNKS = 30 }; /* of numbers(20, 30, ...) */

/* ---- calls of the library's that do other things than they would ---- */

static int renameat2_errno;           /* it fails so, as on a file system that does not know it */
static bool whole_seconds;            /* is all that the file system keeps of a time */
static dev_t other_device;            /* added to all device numbers, as after a restart */
static bool dies_when_named;          /* just after a file has got its final name */
static const char *_Atomic unnamable; /* no file can be renamed to this */
static atomic_bool was_full;          /* one was to be */

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (renameat2_errno != 0) {
        errno = renameat2_errno;
        return -1;
    }
    int result = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    if (dies_when_named)
        raise(SIGKILL);
    return result;
}

int link(const char *from, const char *to)
{
    int result = linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
    if (dies_when_named)
        raise(SIGKILL);
    return result;
}

int stat(const char *restrict path, struct stat *restrict st)
{
    int result = fstatat(AT_FDCWD, path, st, 0);
    st->st_dev += other_device;
    return result;
}

int fstat(int fd, struct stat *st)
{
    int result = fstatat(fd, "", st, AT_EMPTY_PATH);
    st->st_dev += other_device;
    return result;
}

int futimens(int fd, const struct timespec times[2])
{
    struct timespec kept[2] = {times[0], times[1]};
    if (whole_seconds)
        kept[1].tv_nsec = 0;
    return (int)syscall(SYS_utimensat, fd, NULL, kept, 0);
}

int rename(const char *from, const char *to)
{
    const char *bad = atomic_load(&unnamable);
    if (bad == NULL || strcmp(to, bad) != 0)
        return renameat(AT_FDCWD, from, AT_FDCWD, to);
    atomic_store(&was_full, true);
    errno = ENOSPC;
    return -1;
}

/* ---- arrays whose chunks are counted ---- */

static atomic_int calls, fails_after;
static void (*meanwhile)(void);  /* is called once, by the chunk that is the fifth to be computed */
static void (*afterwards)(void); /* by each of those after it */

static inline int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    int before = atomic_fetch_add(&calls, 1);
    if (before == 4 && meanwhile != NULL)
        meanwhile();
    if (before > 4 && afterwards != NULL)
        afterwards();
    return before >= atomic_load(&fails_after);
}

static inline br_array *counted(double factor)
{
    return br_map_blocks(numbers(20, 30, factor), copy);
}

static inline br_status run(const br_store_hdf5_args *args, int limit, int *computed)
{
    atomic_store(&calls, 0);
    atomic_store(&fails_after, limit);
    br_status st = br_store_hdf5_(*args);
    *computed = atomic_load(&calls);
    return st;
}

/* ---- processes that die ---- */

/* A process that makes the file is killed by this signal on its way. */
static inline void dies_storing(int signal, rlim_t most_bytes, bool when_named)
{
    ck_assert_int_eq(br_close(ctx), 0);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){most_bytes, most_bytes});
        ctx = br_open(NULL, NULL);
        atomic_store(&fails_after, 1000);
        dies_when_named = when_named;
        br_store_hdf5(counted(2), "a.h5", "x", .resume = true);
        _exit(0);
    }
    int how;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert(WIFSIGNALED(how) && WTERMSIG(how) == signal);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

/* The elements are those of counted(factor), and there is no other file. */
static inline void is_complete(double factor)
{
    library_reads("a.h5", "x", 600, factor);
    ck_assert_int_eq(count_files(false), 1);
}

#endif
