/* SPDX-License-Identifier: BSD-3-Clause
 * child.c - finds and runs helper programs.
 *
 * posix_spawn and never fork: between fork and exec a process with threads or MPI may do next to
 * nothing, and fork copies page tables, which takes long with much memory.
 */
#include "runtime/child.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"

/* ---- where ---- */

/* The directory of the shared library, or of the program when the library is a part of it. */
static bool own_directory(char directory[BRI_CHILD_PATH])
{
    static const char here;
    Dl_info info;
    struct link_map *module = NULL;
    if (dladdr1(&here, &info, (void **)&module, RTLD_DL_LINKMAP) == 0 || module == NULL)
        return false;
    /* The program itself has no name. */
    char *path = realpath(module->l_name[0] != '\0' ? module->l_name : "/proc/self/exe", NULL);
    if (path == NULL)
        return false;
    *strrchr(path, '/') = '\0';
    snprintf(directory, BRI_CHILD_PATH, "%s", path);
    free(path);
    return true;
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Beside the installed library, where this library was to be installed, in the build tree. */
static bool find_beside(const char *program, const char *directory, char path[BRI_CHILD_PATH])
{
    static const char *const beside[] = {BRI_LIBEXEC_FROM_LIB, "/tools", "/../tools"};
    int room = BRI_CHILD_PATH;
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++)
        if (snprintf(path, (size_t)room, "%s%s/%s", directory, beside[i], program) < room &&
            is_program(path))
            return true;
    snprintf(path, (size_t)room, "%s/%s", BRI_LIBEXEC, program);
    return is_program(path);
}

br_status bri_child_find(const char *program, const char *given, char path[BRI_CHILD_PATH])
{
    char directory[BRI_CHILD_PATH] = "";
    if (given[0] != '\0') {
        snprintf(path, BRI_CHILD_PATH, "%s", given);
        return is_program(path)
                   ? BR_OK
                   : bri_error(BR_ENOTFOUND, "BRAMBLE_PROBE=%s: %s", given,
                               access(given, F_OK) != 0 ? strerror(errno) : "not a program");
    }
    if (own_directory(directory) && find_beside(program, directory, path))
        return BR_OK;
    return bri_error(BR_ENOTFOUND,
                     "the program %s is neither in %s nor at %s" BRI_LIBEXEC_FROM_LIB
                     ": BRAMBLE_PROBE says where it is",
                     program, BRI_LIBEXEC, directory);
}

/* ---- running ---- */

/* Standard output and error are the pipe; nothing else of ours is open in the child. */
static int set_files(posix_spawn_file_actions_t *files, int to)
{
    int code = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(files, to, 1);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(files, 1, 2);
    if (code == 0)
        code = posix_spawn_file_actions_addclosefrom_np(files, 3);
    return code;
}

static int set_signals(posix_spawnattr_t *how)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int code = posix_spawnattr_setsigmask(how, &none);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(how, &all);
    if (code == 0) /* a group of its own, to be killed with what it starts */
        code = posix_spawnattr_setflags(how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                 POSIX_SPAWN_SETPGROUP);
    return code;
}

static int spawn(const char *const *argv, int to, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    int code = posix_spawn_file_actions_init(&files);
    if (code != 0)
        return code;
    code = posix_spawnattr_init(&how);
    if (code == 0) {
        code = set_files(&files, to);
        if (code == 0)
            code = set_signals(&how);
        if (code == 0)
            code = posix_spawn(pid, argv[0], &files, &how, (char **)(uintptr_t)argv, environ);
        posix_spawnattr_destroy(&how);
    }
    posix_spawn_file_actions_destroy(&files);
    return code;
}

/* Reads until the child has closed the pipe, or the time is up. What does not fit is passed
 * over. */
static void read_text(int from, double until, bri_child_end *end)
{
    char rest[256];
    for (size_t n = 0; until > bri_now();) {
        struct pollfd what = {.fd = from, .events = POLLIN};
        int code = poll(&what, 1, (int)fmin(1000 * fmax(until - bri_now(), 0) + 1, 1e6));
        if (code < 0 && errno != EINTR)
            return;
        if (code <= 0)
            continue;
        bool fits = n + 1 < sizeof end->text;
        ssize_t got = fits ? read(from, end->text + n, sizeof end->text - 1 - n)
                           : read(from, rest, sizeof rest);
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
        n += fits && got > 0 ? (size_t)got : 0;
    }
}

/* Where the program around ignores SIGCHLD, or waits for any child, there is nothing to wait
 * for. */
static void wait_for(pid_t pid, double until, bri_child_end *end)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000};
    int status, code;
    while ((code = waitpid(pid, &status, WNOHANG)) != pid) {
        if (code < 0 && errno != EINTR)
            return;
        if (bri_now() >= until) {
            end->late = true;
            kill(-pid, SIGKILL);
        }
        nanosleep(&moment, NULL);
    }
    end->known = true;
    end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    end->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

br_status bri_child_run(const char *const *argv, double seconds, bri_child_end *end)
{
    int ends[2];
    pid_t pid = 0;
    memset(end, 0, sizeof *end);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return bri_error(BR_EIO, "%s: no pipe: %s", argv[0], strerror(errno));
    double until = bri_now() + seconds;
    int code = spawn(argv, ends[1], &pid);
    close(ends[1]);
    if (code == 0) {
        read_text(ends[0], until, end);
        wait_for(pid, until, end);
    }
    close(ends[0]);
    return code == 0 ? BR_OK
                     : bri_error(BR_EIO, "%s: cannot be started: %s", argv[0], strerror(code));
}
