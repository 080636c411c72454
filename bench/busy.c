/* SPDX-License-Identifier: BSD-3-Clause
 * busy.c - what a message between ranks takes while all cores compute, and while none does.
 *
 * Three ways there and back, each by turns with the others in one program, since whatever else the
 * machine does slows all of them:
 *
 *   a task on the other rank    br_submit and its result: the communication threads of both ranks,
 *                               and the thread there that runs it
 *   MPI_Send, MPI_Recv          by the ranks' main threads, which look for messages all the time
 *   a pipe                      between two threads of rank 0: what Linux takes to wake a thread
 *
 * Beside them each rank has a thread for each of its cores that computes all the time, or none. The
 * program runs MPI itself and opens a context on it for each turn.
 */
#include "bench/busy.h"

#include <bramble/mpi.h>

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TRIPS = 50, MOST_COMPUTING = 64 };

/* ---- threads that compute ---- */

static atomic_bool computing;
static pthread_t hands[MOST_COMPUTING];
static int nhands;

static void *compute(void *sink)
{
    double x = 1;
    while (atomic_load_explicit(&computing, memory_order_relaxed))
        for (int i = 0; i < 1000; i++)
            x = 0.5 * x + 1 / (x + 1);
    *(volatile double *)sink = x;
    return NULL;
}

/* Some milliseconds later Linux has found a core for each of them. */
static bool begin_computing(int threads)
{
    static double sinks[MOST_COMPUTING];
    atomic_store(&computing, true);
    for (nhands = 0; nhands < threads; nhands++)
        if (pthread_create(&hands[nhands], NULL, compute, &sinks[nhands]) != 0)
            return bench_fail("busy: no thread to compute");
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    return true;
}

static void end_computing(void)
{
    atomic_store(&computing, false);
    while (nhands > 0)
        pthread_join(hands[--nhands], NULL);
}

static int begin_task(br_task *task, const void *threads, size_t bytes)
{
    (void)task, (void)bytes;
    return begin_computing(*(const int *)threads) ? 0 : -1;
}

static int end_task(br_task *task, const void *unused, size_t bytes)
{
    (void)task, (void)unused, (void)bytes;
    end_computing();
    return 0;
}

/* ---- ways there and back: seconds of each to *trip ---- */

/* Messages come at any time, not just when their threads have begun a slice; and those who wait for
 * them sleep, where they do. */
static void pause_before(int trip)
{
    nanosleep(&(struct timespec){.tv_nsec = 300000 + trip * 7919L % 1009 * 1000}, NULL);
}

typedef struct ranks {
    int rank, n, threads; /* that compute, on each */
} ranks;

static int nothing(br_task *task, const void *args, size_t bytes)
{
    return br_task_return(task, args, bytes);
}

static bool submit_all(br_context *ctx, const ranks *r, double *trip)
{
    for (int i = 0, got; i < TRIPS; i++) {
        pause_before(i);
        double start = bench_now();
        br_future *f = br_submit(ctx, nothing, &i, sizeof i, .on = BR_RANK(r->n - 1));
        if (br_future_result(f, &got, sizeof got) != BR_OK || got != i)
            return false;
        trip[i] = bench_now() - start;
        br_future_free(f);
    }
    return true;
}

/* Ranks above 0 are in br_open_comm until rank 0 closes. */
static bool by_tasks(const ranks *r, int threads, double *trip)
{
    br_context *ctx = br_open_comm(MPI_COMM_WORLD);
    bool good = br_is_worker(ctx);
    if (!good) {
        good = br_run_on(ctx, NULL, begin_task, &threads, sizeof threads) == BR_OK &&
               submit_all(ctx, r, trip) && br_run_on(ctx, NULL, end_task) == BR_OK;
        if (!good)
            bench_fail("busy: %s", br_message(ctx));
    }
    return br_close(ctx) == 0 && good;
}

/* Who waits for the other rank sleeps, as MPI_Barrier does not. */
static void meet(void)
{
    MPI_Request request;
    int all = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    for (MPI_Test(&request, &all, MPI_STATUS_IGNORE); !all;
         MPI_Test(&request, &all, MPI_STATUS_IGNORE))
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
}

static bool by_mpi(const ranks *r, int threads, double *trip)
{
    (void)threads;
    for (int i = 0, got = i; i < TRIPS; i++) {
        if (r->rank == 0)
            pause_before(i);
        double start = bench_now();
        if (r->rank == 0)
            MPI_Send(&i, 1, MPI_INT, r->n - 1, 0, MPI_COMM_WORLD);
        if (r->rank == 0 || r->rank == r->n - 1)
            MPI_Recv(&got, 1, MPI_INT, r->n - 1 - r->rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (r->rank > 0 && r->rank == r->n - 1)
            MPI_Send(&got, 1, MPI_INT, 0, 0, MPI_COMM_WORLD);
        trip[i] = bench_now() - start;
    }
    return true;
}

static void *echo(void *pipes)
{
    const int *p = pipes;
    for (char c; read(p[0], &c, 1) == 1 && write(p[3], &c, 1) == 1;)
        ;
    return NULL;
}

static bool by_pipe(const ranks *r, int threads, double *trip)
{
    int p[4]; /* there: 0 to read, 1 to write; back: 2, 3 */
    char c = 0;
    pthread_t other;
    bool good = true;
    (void)threads;
    if (r->rank > 0)
        return true;
    if (pipe(p) != 0 || pipe(p + 2) != 0 || pthread_create(&other, NULL, echo, p) != 0)
        return bench_fail("busy: no pipe");
    for (int i = 0; good && i < TRIPS; i++) {
        pause_before(i);
        double start = bench_now();
        good = write(p[1], &c, 1) == 1 && read(p[2], &c, 1) == 1;
        trip[i] = bench_now() - start;
    }
    close(p[1]);
    pthread_join(other, NULL);
    close(p[0]);
    close(p[2]);
    close(p[3]);
    return good;
}

enum { MPI_WAY = 1, WAYS = 3 };

static const struct way {
    const char *name;
    bool (*go)(const ranks *r, int threads, double *trip);
    bool by_itself; /* begins the threads that compute */
} ways[WAYS] = {{"a task on the other rank", by_tasks, true},
                {"MPI_Send, MPI_Recv", by_mpi, false},
                {"a pipe between threads", by_pipe, false}};

/* ---- measuring ---- */

/* Of one way, one hop: half of a round trip. */
typedef struct hops {
    double *quiet, *busy;
    int n;
} hops;

static bool take_turn(const struct way *w, const ranks *r, bool busy, double *trip)
{
    int threads = busy ? r->threads : 0;
    if (w->by_itself)
        return w->go(r, threads, trip);
    bool good = begin_computing(threads);
    meet();
    good = w->go(r, threads, trip) && good;
    meet();
    end_computing();
    return good;
}

static bool measure(const ranks *r, int runs, hops all[WAYS])
{
    for (int run = 0; run < runs; run++)
        for (int i = 0; i < WAYS; i++) {
            if (!take_turn(&ways[i], r, false, all[i].quiet + all[i].n) ||
                !take_turn(&ways[i], r, true, all[i].busy + all[i].n))
                return false;
            all[i].n += TRIPS;
        }
    return true;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds of a hop: the smallest, the median, the 90th percentile and the mean. */
typedef struct spread {
    double least, median, most, mean;
} spread;

static spread spread_of(double *trip, int n)
{
    double sum = 0;
    qsort(trip, (size_t)n, sizeof *trip, compare);
    for (int i = 0; i < n; i++)
        sum += trip[i];
    return (spread){trip[0] / 2, trip[n / 2] / 2, trip[n * 9 / 10] / 2, sum / (2 * n)};
}

static void print_spread(const spread *s, const char *prefix, bool json)
{
    if (json)
        printf("\"%sleast\":%.9f,\"%smedian\":%.9f,\"%sp90\":%.9f,\"%smean\":%.9f,", prefix,
               s->least, prefix, s->median, prefix, s->most, prefix, s->mean);
    else
        printf(" %8.1f %8.1f %8.1f %8.1f ", 1e6 * s->least, 1e6 * s->median, 1e6 * s->most,
               1e6 * s->mean);
}

/* Against bare MPI beside the same threads, and beyond the least that it takes on quiet cores. */
static void print_way(const char *name, const ranks *r, const spread s[2], const spread mpi[2],
                      const bench_options *options)
{
    bool json = options->json;
    if (json)
        printf("{\"busy\":\"%s\",\"ranks\":%d,\"computing\":%d,\"runs\":%d,", name, r->n,
               r->threads, options->runs);
    else
        printf("%-24s", name);
    print_spread(&s[0], "quiet_", json);
    print_spread(&s[1], "", json);
    printf(json ? "\"ratio\":%.6g,\"added_ms\":%.4f}\n" : "%8.3f %8.3f\n", s[1].mean / mpi[1].mean,
           1e3 * (s[1].mean - mpi[0].least));
}

static void print_all(const ranks *r, const hops all[WAYS], const bench_options *options)
{
    spread s[WAYS][2]; /* quiet, busy */
    for (int i = 0; i < WAYS; i++) {
        s[i][0] = spread_of(all[i].quiet, all[i].n);
        s[i][1] = spread_of(all[i].busy, all[i].n);
    }
    if (!options->json)
        printf("%-24s %35s  %35s\n%-24s %8s %8s %8s %8s  %8s %8s %8s %8s %8s %8s\n", "us of a hop",
               "quiet", "all cores compute", "", "least", "median", "90 %", "mean", "least",
               "median", "90 %", "mean", "by MPI's", "added ms");
    for (int i = 0; i < WAYS; i++)
        print_way(ways[i].name, r, s[i], s[MPI_WAY], options);
}

static bool run(const bench_options *options)
{
    ranks r;
    hops all[WAYS] = {{0}};
    bool good = true;
    MPI_Comm_rank(MPI_COMM_WORLD, &r.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &r.n);
    if (r.n < 2)
        return bench_fail("busy needs two ranks or more: mpirun -np 2 bramble-bench busy");
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    r.threads = options->threads > 0 ? options->threads : cores > r.n ? cores / r.n : 1;
    if (r.threads > MOST_COMPUTING)
        return bench_fail("busy has at most %d threads a rank that compute", MOST_COMPUTING);
    for (int i = 0; i < WAYS; i++) {
        all[i].quiet = calloc((size_t)options->runs, TRIPS * sizeof(double));
        all[i].busy = calloc((size_t)options->runs, TRIPS * sizeof(double));
        good = good && all[i].quiet && all[i].busy;
    }
    good = good && measure(&r, options->runs, all);
    if (good && r.rank == 0)
        print_all(&r, all, options);
    for (int i = 0; i < WAYS; i++) {
        free(all[i].quiet);
        free(all[i].busy);
    }
    return good;
}

bool bench_busy(const bench_options *options)
{
    int provided;
    setenv("BRAMBLE_NUM_THREADS", "1", 1); /* the cores belong to those that compute */
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &provided);
    bool good = run(options);
    if (!good)
        MPI_Abort(MPI_COMM_WORLD, 1); /* other ranks may wait for this one */
    MPI_Finalize();
    return good;
}
