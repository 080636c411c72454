/* SPDX-License-Identifier: BSD-3-Clause
 * 11_logs.c - work that arrives while other work runs: logs of a machine are analysed as they come,
 * by whoever is free.
 *
 * 11_logs [EVERY_MS [LOGS [LINES]]]
 *
 * A log comes every half second and takes longer than that to analyse, so one worker would fall
 * behind. At the end it says how many workers there was work for.
 */
#include <bramble/bramble.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_LOGS = 1000, MOST_WORKERS = 256, LINE = 16 };

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- a worker: any thread of any rank ---- */

typedef struct finding {
    int lines, turns; /* how often the shaft turns in the time of a log */
    double mean;
    double seconds; /* that the analysis took */
    int rank;
    uintptr_t thread;
} finding;

/* How strong an oscillation of k periods is in n measurements. */
static double strength(const double *value, int n, int k, double mean)
{
    double a = 0, b = 0, angle = 6.283185307179586 * k / n;
    for (int i = 0; i < n; i++) {
        a += (value[i] - mean) * cos(angle * i);
        b += (value[i] - mean) * sin(angle * i);
    }
    return a * a + b * b;
}

static int parse(const char *text, size_t bytes, double *value)
{
    int n = 0;
    for (size_t at = 0; at + LINE <= bytes; at += LINE)
        value[n++] = strtod(text + at, NULL);
    return n;
}

/* The text of a log is the argument: it travels, the program that reads it is there already. */
static int analyse(br_task *task, const void *args, size_t bytes)
{
    static _Thread_local char here; /* its address tells threads of a rank apart */
    double begin = seconds();
    double *value = malloc(bytes / LINE * sizeof *value);
    if (value == NULL)
        return br_task_fail(task, "no memory for a log of %zu bytes", bytes);
    finding f = {.rank = br_task_rank(task), .thread = (uintptr_t)&here};
    f.lines = parse(args, bytes, value);
    for (int i = 0; i < f.lines; i++)
        f.mean += value[i] / f.lines;
    double most = 0;
    for (int k = 1; k < f.lines / 2; k++) {
        double s = strength(value, f.lines, k, f.mean);
        f.turns = s > most ? k : f.turns;
        most = fmax(s, most);
    }
    free(value);
    f.seconds = seconds() - begin;
    return br_task_return(task, &f, sizeof f);
}

/* ---- the machine, which is invented ---- */

/* Log `number`: a shaft that turns faster and faster, trembling. Each line has LINE bytes. */
static void write_log(int number, int lines, char *text)
{
    uint32_t random = (uint32_t)number * 2654435761u + 1;
    for (int i = 0; i < lines; i++) {
        random = random * 1664525u + 1013904223u;
        double noise = (random >> 8) * 0x1p-24 - 0.5;
        double turn = 6.283185307179586 * (20 + 3 * number) * i / lines;
        snprintf(text + (size_t)i * LINE, LINE + 1, "%15.6f\n",
                 50 + number + sin(turn) + 2 * noise);
    }
}

/* ---- rank 0 ---- */

typedef struct record {
    _Atomic(br_future *) future; /* NULL until the log has come */
    finding found;
} record;

typedef struct watch {
    br_context *ctx;
    double every, last; /* when the last log came */
    int nlogs, lines;
    record log[MOST_LOGS];
} watch;

static void sleep_until(double due)
{
    double left = due - seconds();
    struct timespec t = {.tv_sec = (time_t)left};
    t.tv_nsec = (long)(1e9 * (left - (double)t.tv_sec));
    if (left > 0)
        nanosleep(&t, NULL);
}

/* A thread of its own: logs don't wait until somebody has time for them. */
static void *receive(void *arg)
{
    watch *w = arg;
    size_t bytes = (size_t)w->lines * LINE;
    char *text = malloc(bytes + 1);
    double begin = seconds();
    for (int i = 0; i < w->nlogs; i++) {
        sleep_until(begin + i * w->every);
        if (text != NULL)
            write_log(i, w->lines, text);
        w->last = seconds();
        /* Without text this is a call without arguments, which says so. */
        w->log[i].future = br_submit(w->ctx, analyse, text, bytes, .name = "analyse");
    }
    free(text);
    return NULL;
}

/* Looks at the logs in their order. While it waits for one, this thread analyses others. */
static void follow(watch *w)
{
    for (int i = 0; i < w->nlogs; i++) {
        finding *f = &w->log[i].found;
        while (w->log[i].future == NULL)
            sleep_until(seconds() + 1e-3);
        if (br_future_result(w->log[i].future, f, sizeof *f) == BR_OK)
            printf("log %2d: %d lines, mean %.4f, %d turns\n", i, f->lines, f->mean, f->turns);
        fflush(stdout);
        br_future_free(w->log[i].future);
    }
}

typedef struct worker {
    int rank, number, logs; /* number: of the threads of its rank that turned up */
    uintptr_t thread;
    double busy;
} worker;

/* Who has analysed anything, and how long that took together. */
static int list_workers(const watch *w, worker list[MOST_WORKERS])
{
    int n = 0;
    for (int i = 0; i < w->nlogs; i++) {
        const finding *f = &w->log[i].found;
        int at = 0, number = 1;
        for (; at < n && (list[at].rank != f->rank || list[at].thread != f->thread); at++)
            number += list[at].rank == f->rank;
        if (at == MOST_WORKERS)
            continue;
        if (at == n)
            list[n++] = (worker){.rank = f->rank, .number = number, .thread = f->thread};
        list[at].logs++;
        list[at].busy += f->seconds;
    }
    return n;
}

static void report(const watch *w, double end)
{
    worker list[MOST_WORKERS];
    int useful = list_workers(w, list), there = 0;
    br_rank_info info;
    for (int i = 0; i < br_num_ranks(w->ctx) && br_rank(w->ctx, i, &info) == BR_OK; i++)
        there += info.threads;
    double busy = 0;
    printf("\n%d of %d workers were useful:\n", useful, there);
    for (int i = 0; i < useful; i++) {
        br_rank(w->ctx, list[i].rank, &info);
        printf("  rank %d on %s, thread %d: %d logs in %.2f s\n", list[i].rank, info.host,
               list[i].number, list[i].logs, list[i].busy);
        busy += list[i].busy;
    }
    printf("a log came every %.2f s and took %.2f s, which is work for %.1f workers;\n"
           "the last one was done %.2f s after it came\n",
           w->every, busy / w->nlogs, busy / w->nlogs / w->every, end - w->last);
}

int main(int argc, char **argv)
{
    static watch w;
    w.ctx = br_open(&argc, &argv);
    w.every = (argc > 1 ? atof(argv[1]) : 500) / 1000;
    w.nlogs = argc > 2 ? atoi(argv[2]) : 20;
    w.lines = argc > 3 ? atoi(argv[3]) : 6000;
    pthread_t thread;
    int failed = 1;
    if (w.nlogs < 1 || w.nlogs > MOST_LOGS || w.lines < 1 || w.lines > 1000000)
        fprintf(stderr, "11_logs: at most %d logs of at most 1000000 lines\n", MOST_LOGS);
    else if (pthread_create(&thread, NULL, receive, &w) != 0)
        fprintf(stderr, "11_logs: cannot start a thread\n");
    else {
        follow(&w);
        double end = seconds();
        pthread_join(thread, NULL);
        failed = br_error_status(w.ctx) != BR_OK;
        if (!failed)
            report(&w, end);
    }
    int status = br_close(w.ctx);
    return status ? status : failed;
}
