/* SPDX-License-Identifier: BSD-3-Clause
 * crash.c - handlers of the signals that end a process.
 *
 * A handler may call next to nothing, so the watch thread writes the message while the thread that
 * crashed waits for it. Where that does not come about (it crashed in malloc and holds its lock)
 * the handler writes what it can by itself.
 */
#include "runtime/crash.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/alloc.h"
#include "runtime/busy.h"
#include "runtime/function.h"
#include "runtime/watch.h"

enum { STACK_BYTES = 64 << 10, PATIENCE_MILLISECONDS = 3000 };

static const struct {
    int number;
    const char *name, *meaning;
} signals[] = {{SIGSEGV, "SIGSEGV", "bad memory access"},
               {SIGBUS, "SIGBUS", "memory that is not there"},
               {SIGFPE, "SIGFPE", "arithmetic error"},
               {SIGILL, "SIGILL", "unknown instruction"},
               {SIGABRT, "SIGABRT", "abort"}};
enum { NSIGNALS = sizeof signals / sizeof signals[0] };

static struct {
    pthread_mutex_t lock;
    int nopen;
    struct sigaction before[NSIGNALS];

    atomic_flag begun; /* the first crash is told */
    atomic_bool told;
    int which; /* of signals */
    void *address, *code;
    const bri_busy_task *running;
} crash = {.lock = PTHREAD_MUTEX_INITIALIZER, .begun = ATOMIC_FLAG_INIT};

static _Thread_local void *own_stack;

/* ---- the message ---- */

static void *code_of(const void *context)
{
    const ucontext_t *u = context;
#if defined(__x86_64__)
    return (void *)(uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (void *)(uintptr_t)u->uc_mcontext.pc;
#else
    (void)u;
    return NULL;
#endif
}

/* On the watch thread. */
static void tell(void)
{
    const bri_job *job = atomic_load(&crash.running->job);
    char where[96];
    char what[400];
    char code[160];
    char address[32] = "";
    bri_watch_whereabouts(job != NULL ? job->ctx : atomic_load(&crash.running->ctx), where);
    bri_busy_name_running(crash.running, what, sizeof what);
    bri_function_at(crash.code, code, sizeof code);
    if (signals[crash.which].number == SIGSEGV || signals[crash.which].number == SIGBUS)
        snprintf(address, sizeof address, " at %p", crash.address);
    fprintf(stderr, "bramble: %s: %s (%s%s) in %s, while it ran %s\n", where,
            signals[crash.which].name, signals[crash.which].meaning, address, code, what);
    atomic_store(&crash.told, true);
}

static void write_all(const char *text)
{
    while (*text != '\0') {
        ssize_t n = write(STDERR_FILENO, text, strlen(text));
        if (n <= 0)
            return;
        text += n;
    }
}

static void tell_and_wait(int which, const siginfo_t *info, const void *context,
                          const bri_busy_task *running)
{
    if (atomic_flag_test_and_set(&crash.begun))
        return;
    crash.which = which;
    crash.address = info->si_addr;
    crash.code = code_of(context);
    crash.running = running;
    bri_watch_call(tell);
    for (int i = 0; i < PATIENCE_MILLISECONDS && !atomic_load(&crash.told); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (atomic_load(&crash.told))
        return;
    write_all("bramble: ");
    write_all(signals[which].name);
    write_all(" in a task, whose name cannot be told\n");
}

/* ---- the handler ---- */

static const bri_busy_task *innermost(void)
{
    const bri_busy *r = &bri_busy_here;
    int deep = atomic_load(&r->deep);
    if (deep == 0)
        return NULL;
    return &r->of[deep < BRI_BUSY_DEEP ? deep - 1 : BRI_BUSY_DEEP - 1];
}

/* With the old action back, returning meets the same fault again; what was sent is sent again. */
static void go_on(int which, const siginfo_t *info)
{
    int number = signals[which].number;
    sigaction(number, &crash.before[which], NULL);
    if (info->si_code <= 0 || number == SIGABRT)
        raise(number);
}

/* Outside of tasks it is none of our business: a program may live with its faults. */
static void pass_on(int which, siginfo_t *info, void *context)
{
    const struct sigaction *before = &crash.before[which];
    if (before->sa_flags & SA_SIGINFO)
        before->sa_sigaction(signals[which].number, info, context);
    else if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN)
        go_on(which, info);
    else
        before->sa_handler(signals[which].number);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    const bri_busy_task *running = innermost();
    int which = 0;
    while (signals[which].number != number)
        which++;
    if (running == NULL) {
        pass_on(which, info, context);
        return;
    }
    tell_and_wait(which, info, context, running);
    go_on(which, info);
}

/* ---- opening and closing ---- */

void bri_crash_open(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    pthread_mutex_lock(&crash.lock);
    for (int i = 0; i < NSIGNALS && crash.nopen == 0; i++)
        sigaction(signals[i].number, &action, &crash.before[i]);
    crash.nopen++;
    pthread_mutex_unlock(&crash.lock);
}

/* Unless somebody has put another handler over ours. */
void bri_crash_close(void)
{
    struct sigaction current;
    pthread_mutex_lock(&crash.lock);
    crash.nopen--;
    for (int i = 0; i < NSIGNALS && crash.nopen == 0; i++) {
        sigaction(signals[i].number, NULL, &current);
        if ((current.sa_flags & SA_SIGINFO) && current.sa_sigaction == on_signal)
            sigaction(signals[i].number, &crash.before[i], NULL);
    }
    pthread_mutex_unlock(&crash.lock);
}

void bri_crash_blocked(sigset_t *set)
{
    sigfillset(set);
    for (int i = 0; i < NSIGNALS; i++)
        sigdelset(set, signals[i].number);
}

void bri_crash_thread_begin(void)
{
    stack_t current;
    if (sigaltstack(NULL, &current) != 0 || !(current.ss_flags & SS_DISABLE))
        return;
    own_stack = bri_malloc(STACK_BYTES); /* without it all but an overflow of the stack is told */
    if (own_stack != NULL)
        sigaltstack(&(stack_t){.ss_sp = own_stack, .ss_size = STACK_BYTES}, NULL);
}

void bri_crash_thread_end(void)
{
    if (own_stack == NULL)
        return;
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    bri_free(own_stack);
    own_stack = NULL;
}
