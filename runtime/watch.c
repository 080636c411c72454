/* SPDX-License-Identifier: BSD-3-Clause
 * watch.c - the watch thread, the list of jobs, and who asks.
 */
#include "runtime/watch.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/crash.h"
#include "runtime/scheduler.h"

#define ONCE_IN 1.0 /* seconds: mpirun passes SIGUSR1 on to all ranks, and so does rank 0 */

/* `lock` guards the lists: a job on it is not freed while it is printed. `opening` guards what
 * belongs to contexts. */
static struct {
    pthread_mutex_t opening;
    pthread_t thread;
    pid_t process; /* a forked child has no thread */
    int nopen;
    bool handles; /* SIGUSR1 */
    struct sigaction before;

    pthread_mutex_t lock;
    br_context *contexts;
    bri_job *jobs;
    bri_watched *others;
    long long tasks_of_ended; /* jobs */

    sem_t wake;
    atomic_bool stop, asked, resting;
    atomic_int seconds; /* of the watchdog */
    atomic_llong elsewhere;
    void (*_Atomic call)(void);
} watch = {.opening = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- jobs ---- */

void bri_watch_begin(bri_job *job)
{
    pthread_mutex_lock(&watch.lock);
    job->next_watched = watch.jobs;
    if (job->next_watched != NULL)
        job->next_watched->link_watched = &job->next_watched;
    job->link_watched = &watch.jobs;
    job->watched = true;
    watch.jobs = job;
    pthread_mutex_unlock(&watch.lock);
}

void bri_watch_end(bri_job *job)
{
    if (!job->watched)
        return;
    pthread_mutex_lock(&watch.lock);
    *job->link_watched = job->next_watched;
    if (job->next_watched != NULL)
        job->next_watched->link_watched = job->link_watched;
    job->watched = false;
    watch.tasks_of_ended += atomic_load_explicit(&job->stats.tasks, memory_order_relaxed) + 1;
    pthread_mutex_unlock(&watch.lock);
}

void bri_watch_list(bri_watched *w)
{
    pthread_mutex_lock(&watch.lock);
    w->next = watch.others;
    w->link = &watch.others;
    if (w->next != NULL)
        w->next->link = &w->next;
    watch.others = w;
    pthread_mutex_unlock(&watch.lock);
}

void bri_watch_unlist(bri_watched *w)
{
    pthread_mutex_lock(&watch.lock);
    *w->link = w->next;
    if (w->next != NULL)
        w->next->link = w->link;
    pthread_mutex_unlock(&watch.lock);
}

void bri_watch_hold(void)
{
    pthread_mutex_lock(&watch.lock);
}

void bri_watch_let_go(void)
{
    pthread_mutex_unlock(&watch.lock);
}

/* Changes whenever something finishes; false when no job runs. */
static bool count_finished(long long *finished)
{
    bool any = false;
    pthread_mutex_lock(&watch.lock);
    *finished = watch.tasks_of_ended + atomic_load(&watch.elsewhere);
    for (const bri_job *job = watch.jobs; job != NULL; job = job->next_watched) {
        any = true;
        *finished += atomic_load_explicit(&job->stats.tasks, memory_order_relaxed);
    }
    for (const br_context *ctx = watch.contexts; ctx != NULL; ctx = ctx->next_watched)
        if (ctx->scheduler != NULL)
            any |= ctx->scheduler->count_errands(ctx, finished);
    pthread_mutex_unlock(&watch.lock);
    return any;
}

/* ---- printing ---- */

void bri_watch_whereabouts(const br_context *ctx, char text[96])
{
    if (ctx->nranks > 1)
        snprintf(text, 96, "rank %d on %.63s", ctx->rank, ctx->host);
    else
        snprintf(text, 96, "%.63s", ctx->host);
}

/* With `lock` held. */
static void print_jobs(FILE *to)
{
    for (bri_job *job = watch.jobs; job != NULL; job = job->next_watched)
        bri_job_print(job, to);
    if (watch.jobs == NULL)
        fprintf(to, "no job runs\n");
    for (br_context *ctx = watch.contexts; ctx != NULL; ctx = ctx->next_watched)
        if (ctx->scheduler != NULL)
            ctx->scheduler->print_errands(ctx, to);
}

/* Every line says where it comes from, and all go out at once. */
static void put_lines(const char *text, const char *where)
{
    char *whole = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&whole, &size);
    for (const char *line = text; to != NULL && *line != '\0';) {
        size_t n = strcspn(line, "\n");
        fprintf(to, "bramble: %s: %.*s\n", where, (int)n, line);
        line += n + (line[n] == '\n');
    }
    if (to == NULL)
        return;
    fclose(to);
    fwrite(whole, 1, size, stderr);
    free(whole);
}

static void print(void)
{
    char where[96] = "";
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return;
    pthread_mutex_lock(&watch.lock);
    if (watch.contexts != NULL)
        bri_watch_whereabouts(watch.contexts, where);
    print_jobs(to);
    for (bri_watched *w = watch.others; w != NULL; w = w->next)
        w->print(w, to);
    pthread_mutex_unlock(&watch.lock);
    fclose(to);
    put_lines(text, where);
    free(text);
}

/* Rank 0 has all other ranks print; others tell it that they got on. */
static void tell_ranks(bool to_print)
{
    pthread_mutex_lock(&watch.lock);
    br_context *ctx = watch.contexts;
    const bri_scheduler *scheduler = ctx != NULL ? ctx->scheduler : NULL;
    if (scheduler != NULL && scheduler->tell_ranks != NULL && (ctx->rank == 0) == to_print)
        scheduler->tell_ranks(ctx);
    pthread_mutex_unlock(&watch.lock);
}

/* ---- the thread ---- */

typedef struct looks {
    long long finished;
    double changed, printed, rested;
} looks;

static bool is_rank_0(void)
{
    pthread_mutex_lock(&watch.lock);
    bool first = watch.contexts == NULL || watch.contexts->rank == 0;
    pthread_mutex_unlock(&watch.lock);
    return first;
}

static void print_everywhere(looks *l)
{
    if (bri_now() - l->printed < ONCE_IN)
        return;
    print();
    tell_ranks(true);
    l->printed = bri_now();
}

/* Rank 0 alone decides, since it knows when others got on. */
static void look(looks *l, int seconds)
{
    long long finished;
    bool busy = count_finished(&finished);
    double t = bri_now();
    if (finished != l->finished)
        tell_ranks(false);
    if (finished != l->finished || !busy) {
        l->finished = finished;
        l->changed = t;
        return;
    }
    if (t - l->changed < seconds || !is_rank_0())
        return;
    fprintf(stderr, "bramble: nothing has finished for %d s (BRAMBLE_WATCHDOG)\n", seconds);
    print_everywhere(l);
    l->changed = t;
}

/* Have all contexts' blocks been taken again, or given back? Once a second. */
static void look_for_idle(looks *l)
{
    bool resting = false;
    if (bri_now() - l->rested < 1)
        return;
    l->rested = bri_now();
    atomic_store(&watch.resting, false);
    pthread_mutex_lock(&watch.lock);
    for (br_context *ctx = watch.contexts; ctx != NULL; ctx = ctx->next_watched)
        resting |= ctx->memory != NULL && !bri_memory_rest(ctx->memory);
    pthread_mutex_unlock(&watch.lock);
    if (resting)
        atomic_store(&watch.resting, true);
}

/* The watchdog looks four times in its interval. */
static void wait_until_called(int seconds)
{
    bool resting = atomic_load(&watch.resting);
    if (seconds == 0 && !resting) {
        sem_wait(&watch.wake);
        return;
    }
    if (resting && (seconds == 0 || seconds > 4))
        seconds = 4;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds / 4;
    until.tv_nsec += seconds % 4 * 250000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    sem_timedwait(&watch.wake, &until);
}

static void *watch_main(void *unused)
{
    looks l = {.changed = bri_now()};
    pthread_setname_np(pthread_self(), "bramble-watch");
    while (!atomic_load(&watch.stop)) {
        int seconds = atomic_load(&watch.seconds);
        wait_until_called(seconds);
        void (*call)(void) = atomic_exchange(&watch.call, NULL);
        if (call != NULL)
            call();
        if (atomic_exchange(&watch.asked, false))
            print_everywhere(&l);
        if (seconds > 0)
            look(&l, seconds);
        if (atomic_load(&watch.resting))
            look_for_idle(&l);
    }
    return unused;
}

void bri_watch_ask(void)
{
    atomic_store(&watch.asked, true);
    sem_post(&watch.wake);
}

void bri_watch_rest(void)
{
    if (!atomic_load_explicit(&watch.resting, memory_order_relaxed) &&
        !atomic_exchange(&watch.resting, true))
        sem_post(&watch.wake);
}

void bri_watch_progress(void)
{
    atomic_fetch_add(&watch.elsewhere, 1);
}

void bri_watch_call(void (*what)(void))
{
    atomic_store(&watch.call, what);
    sem_post(&watch.wake);
}

void bri_watch_set(int64_t seconds)
{
    atomic_store(&watch.seconds, seconds < INT32_MAX ? (int)seconds : INT32_MAX);
    sem_post(&watch.wake);
}

/* ---- opening and closing ---- */

/* Everything here may be called in a signal handler. */
static void on_signal(int signal)
{
    int before = errno;
    (void)signal;
    bri_watch_ask();
    errno = before;
}

static void handle_signal(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, NULL, &watch.before);
    watch.handles = !(watch.before.sa_flags & SA_SIGINFO) && watch.before.sa_handler == SIG_DFL;
    if (watch.handles)
        sigaction(SIGUSR1, &action, NULL);
}

/* Unless the program has taken it over meanwhile. */
static void leave_signal(void)
{
    struct sigaction current;
    sigaction(SIGUSR1, NULL, &current);
    if (watch.handles && current.sa_handler == on_signal)
        sigaction(SIGUSR1, &watch.before, NULL);
}

/* Signals go to the program's own threads. */
static br_status start(void)
{
    sigset_t all;
    sigset_t old;
    static bool ready; /* the semaphore stays: others may still ask when the last context closes */
    if (!ready)
        sem_init(&watch.wake, 0, 0);
    ready = true;
    atomic_store(&watch.stop, false);
    atomic_store(&watch.seconds, 0);
    bri_crash_blocked(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = pthread_create(&watch.thread, NULL, watch_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failure != 0)
        return bri_error(BR_ENOMEM, "cannot start the watch thread: %s", strerror(failure));
    watch.process = getpid();
    handle_signal();
    return BR_OK;
}

/* What a fork left behind is another process's. */
static void forget_parent(void)
{
    if (watch.nopen == 0 || watch.process == getpid())
        return;
    watch.nopen = 0;
    watch.contexts = NULL;
    watch.jobs = NULL;
}

br_status bri_watch_open(br_context *ctx)
{
    pthread_mutex_lock(&watch.opening);
    forget_parent();
    br_status st = watch.nopen == 0 ? start() : BR_OK;
    if (st == BR_OK) {
        watch.nopen++;
        pthread_mutex_lock(&watch.lock);
        ctx->next_watched = watch.contexts;
        watch.contexts = ctx;
        ctx->watched = true;
        pthread_mutex_unlock(&watch.lock);
        if (ctx->config.watchdog > 0)
            bri_watch_set(ctx->config.watchdog);
    }
    pthread_mutex_unlock(&watch.opening);
    return st;
}

void bri_watch_rank(br_context *ctx, int rank, int nranks)
{
    pthread_mutex_lock(&watch.lock);
    ctx->rank = rank;
    ctx->nranks = nranks;
    pthread_mutex_unlock(&watch.lock);
}

static void take_out(br_context *ctx)
{
    pthread_mutex_lock(&watch.lock);
    br_context **link = &watch.contexts;
    while (*link != NULL && *link != ctx)
        link = &(*link)->next_watched;
    if (*link == ctx)
        *link = ctx->next_watched;
    pthread_mutex_unlock(&watch.lock);
}

static void stop(void)
{
    leave_signal();
    atomic_store(&watch.stop, true);
    sem_post(&watch.wake);
    pthread_join(watch.thread, NULL);
}

void bri_watch_close(br_context *ctx)
{
    if (!ctx->watched)
        return;
    pthread_mutex_lock(&watch.opening);
    ctx->watched = false;
    take_out(ctx);
    if (watch.process == getpid() && --watch.nopen == 0)
        stop();
    pthread_mutex_unlock(&watch.opening);
}
