/* SPDX-License-Identifier: BSD-3-Clause
 * busy.c - the list of threads that have run tasks.
 */
#include "runtime/busy.h"

#include <pthread.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/crash.h"

_Thread_local bri_busy bri_busy_here;

/* `lock` guards the list. */
static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    pthread_key_t key;
    bri_busy *first;
} threads = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static void leave(void *running)
{
    bri_busy *r = running;
    pthread_mutex_lock(&threads.lock);
    *r->link = r->next;
    if (r->next != NULL)
        r->next->link = r->link;
    r->listed = false;
    pthread_mutex_unlock(&threads.lock);
    bri_crash_thread_end();
}

static void make_key(void)
{
    pthread_key_create(&threads.key, leave);
}

/* The key's destructor runs at the thread's end, while its thread-local data is still there. Of a
 * thread that cannot be taken out then nothing is noted. */
void bri_busy_join(void)
{
    bri_busy *r = &bri_busy_here;
    pthread_once(&threads.once, make_key);
    if (pthread_setspecific(threads.key, r) != 0)
        return;
    bri_crash_thread_begin();
    pthread_mutex_lock(&threads.lock);
    r->next = threads.first;
    if (r->next != NULL)
        r->next->link = &r->next;
    r->link = &threads.first;
    r->listed = true;
    threads.first = r;
    pthread_mutex_unlock(&threads.lock);
}

void bri_busy_name(bri_job *job, const bri_task *task, char *text, size_t size)
{
    char function[128] = "";
    if (task->kind < 0) {
        char value[256];
        bri_job_name_value(job, task->key, value, sizeof value);
        snprintf(text, size, "to or from disk: %s", value);
        return;
    }
    if (job->ops->describe != NULL)
        job->ops->describe(job, task, text, size);
    else
        snprintf(text, size, "task %lld", (long long)task->key.index);
    if (job->ops->function != NULL)
        job->ops->function(job, task, function, sizeof function);
    size_t n = strlen(text);
    if (function[0] != '\0')
        snprintf(text + n, size - n, ", function %s", function);
}

/* ---- reading what another thread writes ---- */

typedef struct glance {
    bri_job *job;
    const bri_task *task;
    long long since;
    const br_context *ctx;
    bri_function fn;
    br_place at;
    const char *name;
} glance;

/* False when it is of two tasks: the second one has just begun. Otherwise the task still runs, or
 * ran when the thread's depth was looked at: what keeps its records and its name since then keeps
 * them for the reader. */
static bool look_at(const bri_busy_task *of, glance *g)
{
    unsigned turn = atomic_load_explicit(&of->turn, memory_order_acquire);
    *g = (glance){
        .job = atomic_load_explicit(&of->job, memory_order_acquire),
        .task = atomic_load_explicit(&of->task, memory_order_acquire),
        .since = atomic_load_explicit(&of->since, memory_order_acquire),
        .ctx = atomic_load_explicit(&of->ctx, memory_order_acquire),
        .fn = atomic_load_explicit(&of->fn, memory_order_acquire),
        .at = {atomic_load_explicit(&of->file, memory_order_acquire),
               atomic_load_explicit(&of->line, memory_order_acquire)},
        .name = atomic_load_explicit(&of->name, memory_order_acquire),
    };
    return turn % 2 == 0 && atomic_load_explicit(&of->turn, memory_order_relaxed) == turn;
}

static void print_running(const glance *g, const char *name, FILE *to)
{
    fprintf(to, "  running for %.1f s: %s\n", 1e-3 * (double)(bri_busy_clock() - g->since), name);
}

static int print_thread(bri_job *job, const bri_busy *r, FILE *to)
{
    int printed = 0;
    int deep = atomic_load_explicit(&r->deep, memory_order_acquire);
    for (int i = 0; i < deep && i < BRI_BUSY_DEEP; i++) {
        char name[384];
        glance g;
        if (!look_at(&r->of[i], &g) || g.job != job || job == NULL)
            continue;
        bri_busy_name(job, g.task, name, sizeof name);
        print_running(&g, name, to);
        printed++;
    }
    return printed;
}

void bri_busy_name_errand(const char *name, bri_function fn, br_place at, char *text, size_t size)
{
    char function[128] = "";
    const char *slash = at.file != NULL ? strrchr(at.file, '/') : NULL;
    if (name == NULL)
        bri_function_name(fn, function, sizeof function);
    name = name != NULL ? name : function;
    if (at.file != NULL)
        snprintf(text, size, "task %.200s (%.100s:%d)", name, slash != NULL ? slash + 1 : at.file,
                 at.line);
    else
        snprintf(text, size, "task %.200s", name);
}

static void name_errand(const glance *g, char *text, size_t size)
{
    bri_busy_name_errand(g->name, g->fn, g->at, text, size);
}

void bri_busy_name_running(const bri_busy_task *running, char *text, size_t size)
{
    glance g;
    look_at(running, &g); /* it goes nowhere */
    if (g.job != NULL)
        bri_busy_name(g.job, g.task, text, size);
    else
        name_errand(&g, text, size);
}

static int print_errands(const bri_busy *r, const br_context *ctx, FILE *to)
{
    int printed = 0;
    int deep = atomic_load_explicit(&r->deep, memory_order_acquire);
    for (int i = 0; i < deep && i < BRI_BUSY_DEEP; i++) {
        char name[400];
        glance g;
        if (!look_at(&r->of[i], &g) || g.job != NULL || g.ctx != ctx)
            continue;
        name_errand(&g, name, sizeof name);
        print_running(&g, name, to);
        printed++;
    }
    return printed;
}

/* A name that is read here is not freed meanwhile. */
int bri_busy_print_errands(const br_context *ctx, FILE *to)
{
    int printed = 0;
    pthread_mutex_lock(&threads.lock);
    for (const bri_busy *r = threads.first; r != NULL; r = r->next)
        printed += print_errands(r, ctx, to);
    pthread_mutex_unlock(&threads.lock);
    return printed;
}

void bri_busy_drop_name(char *name)
{
    if (name == NULL)
        return;
    pthread_mutex_lock(&threads.lock);
    bri_free(name);
    pthread_mutex_unlock(&threads.lock);
}

int bri_busy_print(bri_job *job, FILE *to)
{
    int printed = 0;
    pthread_mutex_lock(&threads.lock);
    for (const bri_busy *r = threads.first; r != NULL; r = r->next)
        printed += print_thread(job, r, to);
    pthread_mutex_unlock(&threads.lock);
    return printed;
}
