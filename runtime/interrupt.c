/* SPDX-License-Identifier: BSD-3-Clause
 * interrupt.c - Ctrl-C (SIGINT) as a cancel: for programs that asked for it.
 *
 * The handler only posts a semaphore; a thread of its own cancels what runs, or else the next call.
 * When the signal comes once more before that has ended, the program gets it as if we were not
 * there. A child that was forked has no part in this.
 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime/crash.h"
#include "runtime/host.h"
#include "runtime/running.h"

static const char why[] = "interrupted (SIGINT)";

/* `lock` guards all but what the handler and the thread read, which is written before they are
 * there. */
static struct {
    pthread_mutex_t lock;
    int contexts; /* that catch it; a quiet one that is the first keeps it so for all */
    bool quiet;
    pthread_t thread;
    struct sigaction before;
    pid_t process;
    sem_t wake;
    atomic_bool stop;
    atomic_bool cancelling; /* what was cancelled has not ended yet */
} in = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The signal is blocked while its handler runs, so it is delivered when that returns. */
static void as_before(void)
{
    sigaction(SIGINT, &in.before, NULL);
    raise(SIGINT);
}

static void on_interrupt(int signal)
{
    int saved = errno;
    (void)signal;
    if (getpid() != in.process || atomic_exchange(&in.cancelling, true))
        as_before();
    else
        sem_post(&in.wake);
    errno = saved;
}

bool bri_interrupt_ending(void)
{
    return atomic_load(&in.cancelling);
}

static void wait_for_end(void)
{
    while (bri_running_ending() && !atomic_load(&in.stop))
        usleep(1000);
}

static void *watch(void *unused)
{
    pthread_setname_np(pthread_self(), "bramble-int");
    for (;;) {
        while (sem_wait(&in.wake) != 0)
            ;
        if (atomic_load(&in.stop))
            return unused;
        if (!in.quiet)
            fprintf(stderr, "bramble: %s: what runs is cancelled; once more ends the program\n",
                    why);
        bri_running_stop(NULL, why);
        wait_for_end();
        atomic_store(&in.cancelling, false);
    }
}

static br_status start_thread(void)
{
    sigset_t everything;
    sigset_t old;
    sem_init(&in.wake, 0, 0);
    atomic_store(&in.stop, false);
    atomic_store(&in.cancelling, false);
    bri_crash_blocked(&everything);
    pthread_sigmask(SIG_SETMASK, &everything, &old);
    int failure = pthread_create(&in.thread, NULL, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failure != 0)
        return bri_error(BR_ENOMEM, "cannot start the thread that waits for Ctrl-C: %s",
                         strerror(failure));
    return BR_OK;
}

static br_status begin(bool quiet)
{
    in.quiet = quiet;
    in.process = getpid();
    BRI_TRY(start_thread());
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &in.before);
    return BR_OK;
}

/* A handler that somebody else has set since stays. */
static void end(void)
{
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    if (now.sa_handler == on_interrupt)
        sigaction(SIGINT, &in.before, NULL);
    atomic_store(&in.stop, true);
    sem_post(&in.wake);
    pthread_join(in.thread, NULL);
    sem_destroy(&in.wake);
}

/* Ranks above 0 are told by rank 0 what is cancelled. */
static br_status ignore_here(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    return BR_OK;
}

br_status bri_interrupt_catch(br_context *ctx, bool on)
{
    if (bri_launch_read().rank > 0)
        return on ? ignore_here() : BR_OK;
    br_status st = BR_OK;
    pthread_mutex_lock(&in.lock);
    if (on && in.contexts == 0)
        st = begin(strcmp(ctx->config.log, "quiet") == 0);
    else if (!on && in.contexts == 1)
        end();
    if (st == BR_OK) {
        in.contexts += on ? 1 : -1;
        ctx->catches_interrupts = on;
    }
    pthread_mutex_unlock(&in.lock);
    return st;
}
