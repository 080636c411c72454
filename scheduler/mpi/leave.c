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
#include "runtime/inside.h"
#include "scheduler/futures/store.h"
#include "scheduler/mpi/link.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/serve.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/threads/pool.h"

/* MPI_Abort was seen to hang when a cable is cut; MPI_Finalize waits for hosts that may be frozen,
 * and mpirun for its daemons on lost hosts, for minutes or for ever. */
enum { ABORT_SECONDS = 5, FINALISE_SECONDS = 30, HEAD_START_MICROSECONDS = 100000 };
enum { MOST_FILES = 1024 };
enum { GUARDS = 3 }; /* threads that come to exit() at the same moment, after the first */

static struct {
    pid_t process;
    atomic_bool clean;    /* exit() is ours */
    atomic_bool exiting;  /* some thread's exit() is at it */
    atomic_flag aborting; /* one thread aborts, others wait for it */
} leaving = {.aborting = ATOMIC_FLAG_INIT};

static _Thread_local bool exits; /* in at_exit */

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

/* Before the ranks have met the thread may wait inside MPI, and see to no request. */
static _Noreturn void abort_elsewhere(int code)
{
    bri_request request = {.run = abort_request, .rank = code};
    if (bri_thread_has_met() && bri_thread_post(&request) == BR_OK)
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

/* Threads of ours run what the program has given us in tasks alone. In the pool's midst a signal's
 * handler counts as one, too: the jobs there wait for the thread, which will not go on. */
static bool inside_a_task(void)
{
    return bri_task_current() != NULL || bri_inside_here != NULL || bri_pool_works_here();
}

static void refuse_inside(int code)
{
    if (bri_meet_rank() > 0 || inside_a_task())
        bri_leave_abort(code != 0 ? code : 1,
                        "exit(%d) was called inside a task: a task that fails must return an error",
                        code);
}

/* A child that was forked has no part in the job. */
static bool is_ours(void)
{
    if (getpid() != leaving.process)
        return false;
    return atomic_load(&leaving.exiting) ||
           (!atomic_load(&leaving.clean) && bri_thread_runs()); /* it may be right before that */
}

static void join_or_abort(int code)
{
    if (bri_thread_join(FINALISE_SECONDS))
        return;
    char name[96];
    fprintf(stderr, "bramble: %s: the ranks do not come to an end together, some rank hangs\n",
            bri_meet_name(bri_meet_rank(), name));
    _exit(code != 0 ? code : 1);
}

/* libc gives each handler to one thread only: a second one that calls exit(), or whose main returns
 * since the first has cancelled what it waited for, passes over at_exit and comes here. It must not
 * end the process before the first has, which in its turn waits for what this one sees to: a
 * signal's handler may have called exit() there. For the next one a handler takes this one's place;
 * the first finds it when it is through, and passes on. */
static void at_second_exit(int code, void *unused)
{
    (void)unused;
    if (!is_ours() || (exits && !inside_a_task()))
        return;
    on_exit(at_second_exit, NULL);
    refuse_inside(code);
    bri_parts_abandon();
    for (;;)
        pause();
}

/* A thread that waits for input has its stream locked, for ever perhaps, and fflush(NULL) waits for
 * it, while exit() itself does not. */
static void flush(void)
{
    if (ftrylockfile(stdin) != 0) {
        fflush(stdout);
        return;
    }
    fflush(NULL);
    funlockfile(stdin);
}

/* on_exit and not atexit: it knows the code, which is that of all ranks. What other threads may
 * still look at is not freed. The handler below may be in another block of libc's, which frees this
 * one under our feet when a second thread finds it empty: so there is one more. */
static void at_exit(int code, void *unused)
{
    (void)unused;
    if (!is_ours())
        return;
    exits = true;
    atomic_store(&leaving.exiting, true);
    on_exit(at_second_exit, NULL);
    refuse_inside(code);
    bri_parts_abandon();
    flush();
    bri_serve_send_exit(code);
    join_or_abort(code);
}

/* Handlers are called in the reverse order. */
br_status bri_leave_prepare(void)
{
    static int registered;
    leaving.process = getpid();
    for (; registered <= GUARDS; registered++)
        if (on_exit(registered < GUARDS ? at_second_exit : at_exit, NULL) != 0)
            return bri_no_memory(0, "an exit handler");
    return BR_OK;
}

void bri_leave_comm(void)
{
    bri_serve_send_exit(0);
    bri_leave_served();
}

void bri_leave_served(void)
{
    join_or_abort(0);
    bri_meet_free();
}

/* mpirun kills all ranks as soon as one exits with another code than 0; rank 0 first gets the time
 * for what its program does at exit. */
_Noreturn void bri_leave_exit(int code)
{
    atomic_store(&leaving.clean, true);
    join_or_abort(code);
    bri_meet_free();
    if (code != 0)
        usleep(HEAD_START_MICROSECONDS);
    exit(code);
}
