/* SPDX-License-Identifier: BSD-3-Clause
 * leave.c - the ends of the process: exit() on rank 0 takes all ranks along, exit() anywhere else
 * aborts them.
 */
#include "scheduler/mpi/leave.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/host.h"
#include "scheduler/futures/store.h"
#include "scheduler/mpi/link.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/serve.h"
#include "scheduler/mpi/thread.h"

/* MPI_Abort was seen to hang when a cable is cut; MPI_Finalize waits for hosts that may be frozen,
 * and mpirun for its daemons on lost hosts, for minutes or for ever. */
enum { ABORT_SECONDS = 5, FINALISE_SECONDS = 30, HEAD_START_MICROSECONDS = 100000 };
enum { MOST_FILES = 1024 };

static struct {
    pthread_t opener; /* the thread of the first br_open; written before others run */
    pid_t process;
    bool working;         /* that thread is inside a job; its own */
    atomic_bool clean;    /* exit() is ours */
    atomic_bool exiting;  /* some thread's exit() is at it */
    atomic_flag aborting; /* one thread aborts, others wait for it */
} leaving = {.aborting = ATOMIC_FLAG_INIT};

/* ---- aborting ---- */

static void *kill_later(void *code)
{
    sleep(ABORT_SECONDS);
    _exit((int)(intptr_t)code);
}

static _Noreturn void abort_here(int code)
{
    pthread_t watch;
    pthread_create(&watch, NULL, kill_later, (void *)(intptr_t)code);
    bri_link_abort(code);
    _exit(code);
}

static void abort_request(const bri_request *request)
{
    abort_here(request->rank);
}

static _Noreturn void abort_elsewhere(int code)
{
    bri_request request = {.run = abort_request, .rank = code};
    if (bri_thread_post(&request) == BR_OK)
        sleep(ABORT_SECONDS);
    _exit(code);
}

static _Noreturn void wait_for_the_end(int code)
{
    sleep(2 * ABORT_SECONDS);
    _exit(code);
}

static _Noreturn void BR_PRINTF(2, 0) abort_saying(int code, const char *format, va_list args)
{
    if (atomic_flag_test_and_set(&leaving.aborting))
        wait_for_the_end(code);
    char name[96];
    char text[BRI_ERROR_TEXT];
    vsnprintf(text, sizeof text, format, args);
    fprintf(stderr, "bramble: %s: %s\n", bri_meet_name(bri_meet_rank(), name), text);
    if (bri_thread_is_this())
        abort_here(code);
    abort_elsewhere(code);
}

_Noreturn void bri_leave_abort(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    abort_saying(code, format, args);
}

/* ---- when mpirun hangs ---- */

/* In a process of its own, since the first thing mpirun does is to kill its ranks. It holds nothing
 * that mpirun reads from. mpirun answers SIGTERM by waiting on, and a second one by crashing. */
static _Noreturn void outlive_launcher(int pidfd)
{
    setsid();
    for (int fd = 0; fd < MOST_FILES; fd++)
        if (fd != pidfd)
            close(fd);
    sleep(ABORT_SECONDS);
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    _exit(0);
}

/* By a descriptor: the process that has its number later is not meant. */
static void end_launcher_later(void)
{
    pid_t launcher = bri_host_launcher();
    int pidfd = launcher > 0 ? (int)syscall(SYS_pidfd_open, launcher, 0) : -1;
    if (pidfd < 0)
        return;
    if (fork() == 0)
        outlive_launcher(pidfd);
    close(pidfd);
}

_Noreturn void bri_leave_lost(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    end_launcher_later();
    abort_saying(1, format, args);
}

/* ---- leaving together ---- */

static bool inside_a_task(void)
{
    if (bri_task_current() != NULL)
        return true;
    if (pthread_equal(pthread_self(), leaving.opener))
        return leaving.working;
    return bri_parts_any();
}

static void join_or_abort(int code)
{
    if (bri_thread_join(FINALISE_SECONDS)) {
        bri_meet_free();
        return;
    }
    char name[96];
    fprintf(stderr, "bramble: %s: the ranks do not come to an end together, some rank hangs\n",
            bri_meet_name(bri_meet_rank(), name));
    _exit(code != 0 ? code : 1);
}

/* on_exit and not atexit: it knows the code, which is that of all ranks. */
static void at_exit(int code, void *unused)
{
    (void)unused;
    if (getpid() != leaving.process) /* a child that was forked has no part in the job */
        return;
    if (atomic_load(&leaving.clean) || !bri_thread_runs())
        return;
    /* Two tasks may call exit() at a time: the second must not end the process before the first has
     * said why. */
    if (atomic_exchange(&leaving.exiting, true))
        wait_for_the_end(code);
    if (bri_meet_rank() > 0 || inside_a_task())
        bri_leave_abort(code != 0 ? code : 1,
                        "exit(%d) was called inside a task: a task that fails must return an error",
                        code);
    bri_parts_abandon();
    fflush(NULL);
    bri_serve_send_exit(code);
    join_or_abort(code);
}

br_status bri_leave_prepare(void)
{
    static bool registered;
    leaving.opener = pthread_self();
    leaving.process = getpid();
    if (!registered && on_exit(at_exit, NULL) != 0)
        return bri_no_memory(0, "an exit handler");
    registered = true;
    return BR_OK;
}

void bri_leave_working(bool working)
{
    if (pthread_equal(pthread_self(), leaving.opener))
        leaving.working = working;
}

void bri_leave_comm(void)
{
    bri_serve_send_exit(0);
    join_or_abort(0);
}

void bri_leave_served(void)
{
    join_or_abort(0);
}

/* mpirun kills all ranks as soon as one exits with another code than 0; rank 0 first gets the time
 * for what its program does at exit. */
_Noreturn void bri_leave_exit(int code)
{
    atomic_store(&leaving.clean, true);
    join_or_abort(code);
    if (code != 0)
        usleep(HEAD_START_MICROSECONDS);
    exit(code);
}
