/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_toy.c - runs jobs of its own on the mpi scheduler, without arrays; test_mpi.sh and
 * test_mpi_costs.sh start it in many ways.
 *
 * Two kinds of jobs. ring: value k is made from value k-1, each on the next rank; beside them there
 * may be tasks that spin. exchange: in each round every rank makes a value that all ranks read.
 * Every word of a value is checked where it is read.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bramble/context.h>

#include "runtime/alloc.h"
#include "runtime/job.h"
#include "runtime/scheduler.h"
#include "scheduler/mpi/link.h"

enum shape { RING, EXCHANGE };
enum mishap { NOTHING, FAIL, EXIT, KILL, FREEZE, SLEEP, REFUSE_TO_START };

/* What travels to the other ranks. */
typedef struct order {
    int shape, mishap, mishap_rank;
    int64_t count; /* tasks of a ring, rounds of an exchange */
    int64_t bytes; /* of a value, whole words */
    int64_t mishap_task;
    int nap_ms;     /* of SLEEP */
    int64_t spins;  /* tasks of each rank beside a ring, */
    int spin_us;    /*  and how long each of them computes */
    bool unchecked; /* values are not written or read, to measure their travel alone */
    bool shows_cpu; /* ranks without a mishap say what the job cost them */
} order;

typedef struct plan {
    order order;
    int rank, nranks;
    int64_t next, end;
    atomic_llong spun; /* of its spins have ended */
    double begun;      /* the ring's first task */
} plan;

static double ring_seconds; /* on rank 0, of a ring with spins, to where its last task began */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the plan: tasks 0 .. end-1 in serial order ---- */

/* They come after the ring's. */
static bool spins(const plan *p, int64_t g)
{
    return p->order.shape == RING && g >= p->order.count;
}

static bool makes_value(const plan *p, int64_t g)
{
    return p->order.shape == RING ? !spins(p, g) : g / p->nranks % 2 == 0;
}

static int owner(const plan *p, int64_t g)
{
    return (int)(g % p->nranks);
}

static int count_inputs(const plan *p, int64_t g)
{
    if (p->order.shape == RING)
        return g > 0 && !spins(p, g);
    return makes_value(p, g) ? 0 : p->nranks;
}

static int64_t input(const plan *p, int64_t g, int i)
{
    return p->order.shape == RING ? g - 1 : g / p->nranks * p->nranks - p->nranks + i;
}

/* Tasks of a rank that read value g. */
static int count_readers(const plan *p, int64_t g, int rank)
{
    if (p->order.shape == RING)
        return g + 1 < p->order.count && owner(p, g + 1) == rank;
    return 1;
}

static bri_key key_of(int64_t g)
{
    return (bri_key){.stage = 1, .index = g};
}

static br_status need(bri_job *job, bri_task *task, int i, int64_t g)
{
    const plan *p = job->plan;
    bri_value *v = bri_value_find(job, key_of(g));
    if (v == NULL) {
        v = bri_value_new(job, key_of(g), (size_t)p->order.bytes, count_readers(p, g, p->rank));
        if (v == NULL)
            return BR_ENOMEM;
        v->owner = owner(p, g);
        bri_value_expect(job, v);
    }
    bri_task_input(task, i, v);
    return BR_OK;
}

static br_status make_output(bri_job *job, bri_task *task, int64_t g)
{
    const plan *p = job->plan;
    bri_value *v =
        bri_value_new(job, key_of(g), (size_t)p->order.bytes, count_readers(p, g, p->rank));
    if (v == NULL)
        return BR_ENOMEM;
    for (int r = 0; r < p->nranks; r++)
        if (r != p->rank && count_readers(p, g, r) > 0)
            BRI_TRY(bri_value_destination(v, r));
    task->output = v;
    return BR_OK;
}

static br_status next(bri_job *job, bri_task **task)
{
    plan *p = job->plan;
    while (p->next < p->end && owner(p, p->next) != p->rank)
        p->next++;
    *task = NULL;
    if (p->next >= p->end)
        return BR_OK;
    int64_t g = p->next++;
    int n = count_inputs(p, g);
    bri_task *t = bri_task_new(job, key_of(g), 0, n);
    if (t == NULL)
        return BR_ENOMEM;
    for (int i = 0; i < n; i++)
        BRI_TRY(need(job, t, i, input(p, g, i)));
    if (makes_value(p, g))
        BRI_TRY(make_output(job, t, g));
    *task = t;
    return BR_OK;
}

static br_status meet_with_mishap(const plan *p, int64_t g)
{
    if (p->order.mishap_rank != p->rank || g < p->order.mishap_task)
        return BR_OK;
    switch (p->order.mishap) {
    case FAIL:
        return bri_error(BR_EUSER, "the toy broke");
    case EXIT:
        exit(5);
    case KILL:
        raise(SIGKILL);
        return BR_OK;
    case FREEZE:
        raise(SIGSTOP);
        return BR_OK;
    case SLEEP:
        nanosleep(&(struct timespec){.tv_sec = p->order.nap_ms / 1000,
                                     .tv_nsec = p->order.nap_ms % 1000 * 1000000L},
                  NULL);
        return BR_OK;
    default:
        return BR_OK;
    }
}

static br_status check_value(const bri_value *v)
{
    const int64_t *word = v->data;
    for (size_t i = 0; i < v->bytes / sizeof *word; i++)
        if (word[i] != v->key.index + (int64_t)i)
            return bri_error(BR_EINTERNAL, "value %" PRId64 ": word %zu is wrong", v->key.index, i);
    return BR_OK;
}

static void spin(plan *p)
{
    double until = now() + 1e-6 * p->order.spin_us;
    while (now() < until)
        ;
    atomic_fetch_add(&p->spun, 1);
}

/* All threads compute as long as there are spins left for each. */
static br_status note_hop(br_context *ctx, plan *p, int64_t g)
{
    if (atomic_load(&p->spun) + ctx->nthreads > p->order.spins)
        return bri_error(BR_EUSER, "the ring takes longer than the tasks beside it");
    if (g == 0)
        p->begun = now();
    ring_seconds = now() - p->begun;
    return BR_OK;
}

static br_status execute(bri_job *job, bri_task *task, void *scratch)
{
    (void)scratch;
    plan *p = job->plan;
    if (spins(p, task->key.index))
        spin(p);
    else if (p->order.spins > 0)
        BRI_TRY(note_hop(job->ctx, p, task->key.index));
    if (p->order.unchecked)
        return BR_OK;
    BRI_TRY(meet_with_mishap(p, task->key.index));
    for (int i = 0; i < task->ninputs; i++)
        BRI_TRY(check_value(task->inputs[i].value));
    if (task->output == NULL)
        return BR_OK;
    int64_t *word = task->output->data;
    for (size_t i = 0; i < task->output->bytes / sizeof *word; i++)
        word[i] = task->key.index + (int64_t)i;
    return BR_OK;
}

static void describe(bri_job *job, const bri_task *task, char *text, size_t size)
{
    (void)job;
    snprintf(text, size, "task %" PRId64, task->key.index);
}

/* ---- the engine ---- */

static const bri_job_ops ops = {.next = next, .execute = execute, .describe = describe};

static int64_t number_of_tasks(const order *o, int nranks)
{
    return o->shape == RING ? o->count + nranks * o->spins : 2 * nranks * o->count;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void show_cpu(const char *what, int rank, double cpu, double wall)
{
    fprintf(stderr, "%s rank %d: %.2f %% of a core\n", what, rank, 100 * cpu / wall);
}

/* Rank 0's totals go to *totals. */
static br_status run_part(br_context *ctx, uint64_t id, const order *o, bri_job_stats *totals)
{
    plan p = {.order = *o, .rank = ctx->rank, .nranks = ctx->nranks};
    p.end = number_of_tasks(o, ctx->nranks);
    bri_job job;
    br_status st = bri_job_init(&job, ctx, &ops, &p);
    job.id = id;
    if (st == BR_OK && o->mishap == REFUSE_TO_START && o->mishap_rank == ctx->rank)
        st = bri_error(BR_EUSER, "the toy did not start");
    if (st == BR_OK) {
        double begun = now();
        double cpu = cpu_seconds();
        ctx->scheduler->start(ctx, &job);
        ctx->scheduler->progress(ctx, &job, true);
        st = bri_job_status(&job);
        if (o->shows_cpu && o->mishap_rank != ctx->rank)
            show_cpu("waiting", ctx->rank, cpu_seconds() - cpu, now() - begun);
        if (st != BR_OK)
            bri_error(st, "%s", job.error_text);
        if (totals != NULL)
            memcpy(totals, &job.stats, sizeof *totals);
    }
    bri_job_fini(&job);
    return st;
}

static void serve(br_context *ctx, uint64_t id, const void *message, size_t bytes)
{
    order o;
    (void)bytes;
    memcpy(&o, message, sizeof o);
    run_part(ctx, id, &o, NULL);
}

static br_status open_engine(br_context *ctx)
{
    (void)ctx;
    return BR_OK;
}

static void close_engine(br_context *ctx)
{
    (void)ctx;
}

static void arithmetic(char kernels[32], char blas[32])
{
    snprintf(kernels, 32, "toy");
    snprintf(blas, 32, "toy");
}

const bri_engine bri_array_engine = {
    .serve = serve, .open = open_engine, .arithmetic = arithmetic, .close = close_engine};

/* ---- rank 0 ---- */

/* Runs a job on all ranks; its message has `padding` bytes more than it needs. */
static br_status run_order(br_context *ctx, const order *o, size_t padding, bri_job_stats *totals)
{
    uint64_t id = ++ctx->next_job;
    char *message = calloc(1, sizeof *o + padding);
    memcpy(message, o, sizeof *o);
    br_status st = ctx->scheduler->announce(ctx, id, message, sizeof *o + padding);
    free(message);
    return st == BR_OK ? run_part(ctx, id, o, totals) : st;
}

static void report_run(br_context *ctx, const order *o, size_t padding)
{
    bri_job_stats totals;
    int64_t values = bri_link_sent(BRI_PACKET_VALUE);
    int64_t pieces = bri_link_sent_pieces();
    br_status st = run_order(ctx, o, padding, &totals);
    values = bri_link_sent(BRI_PACKET_VALUE) - values;
    pieces = bri_link_sent_pieces() - pieces;
    if (st != BR_OK)
        bri_context_fail(ctx, st, bri_last_error());
    else
        printf("%lld tasks, %lld bytes sent, %lld received; %" PRId64 " values in packets, %" PRId64
               " pieces by rank 0\n",
               (long long)totals.tasks, (long long)totals.bytes_sent,
               (long long)totals.bytes_received, values, pieces);
}

/* Whatever else the machine does only adds to the time, so the least of so many runs counts. */
static void measure(br_context *ctx, const char *what, int runs, order o)
{
    bri_job_stats totals;
    double least = 0;
    o.unchecked = true;
    for (int i = 0; i <= runs; i++) {
        double t = now();
        if (run_order(ctx, &o, 0, &totals) != BR_OK)
            printf("%s: %s\n", what, bri_last_error());
        t = now() - t;
        least = i > 1 && least < t ? least : t; /* the first warms up */
    }
    printf("%s: %.1f us a hop, %.2f GB/s\n", what, 1e6 * least / (double)o.count,
           1e-9 * (double)totals.bytes_received / least);
}

/* Of the runs in which all threads computed until the ring's end the least, as above. */
static void measure_busy(br_context *ctx)
{
    enum { HOPS = 10, SPIN_US = 20, MOST_US = 2000 };
    const double good = 200e-6, most_seconds = 5, end = now() + most_seconds;
    order o = {.shape = RING, .count = HOPS + 1, .bytes = 8, .unchecked = true};
    bri_job_stats totals;
    double least = 0;
    o.spin_us = SPIN_US;
    o.spins = (int64_t)ctx->nthreads * HOPS * MOST_US / SPIN_US;
    do {
        if (run_order(ctx, &o, 0, &totals) == BR_OK && (least == 0 || ring_seconds < least))
            least = ring_seconds;
    } while (now() < end && (least == 0 || least > good * HOPS));
    if (least > 0)
        printf("busy latency: %.1f us a hop\n", 1e6 * least / HOPS);
    else
        printf("busy latency: %s\n", bri_last_error());
}

static void idle(br_context *ctx)
{
    enum { SECONDS = 5 };
    sleep(1);
    double cpu = cpu_seconds();
    sleep(SECONDS);
    show_cpu("idle", ctx->rank, cpu_seconds() - cpu, SECONDS);
}

/* ---- the ways to run and to end ---- */

static int usage(void)
{
    fprintf(stderr, "usage: mpi_toy ring COUNT BYTES | exchange ROUNDS BYTES | "
                    "fail|exit|kill|freeze|sleep|absent RANK | twice | nested | long | code HOW N "
                    "| unannounced N | who | idle | wait RANK BYTES | latency | busy | speed\n");
    return 2;
}

/* A program may end without br_close; the leak sanitizer then finds the context here. */
static br_context *volatile never_closed;

static int end_with(br_context *ctx, const char *how, int code)
{
    never_closed = ctx;
    if (strcmp(how, "exit") == 0)
        exit(code);
    if (strcmp(how, "close") == 0)
        br_close(never_closed);
    return code;
}

static int run_two_contexts(bool nested)
{
    order o = {.shape = EXCHANGE, .count = 3, .bytes = 1 << 20};
    br_context *first = br_open(NULL, NULL);
    report_run(first, &o, 0);
    if (!nested && br_close(first) != 0)
        return 1;
    br_context *second = br_open(NULL, NULL);
    report_run(second, &o, 0);
    if (nested) {
        report_run(first, &o, 0);
        report_run(second, &o, 0);
    }
    return br_close(second) + (nested ? br_close(first) : 0);
}

static int run_mishap(br_context *ctx, int mishap, int rank)
{
    order o = {.shape = EXCHANGE, .count = 20, .bytes = 1 << 20};
    o.mishap = mishap;
    o.mishap_rank = rank;
    o.mishap_task = mishap == SLEEP ? 0 : 6 * ctx->nranks;
    o.nap_ms = 100;
    report_run(ctx, &o, 0);
    if (mishap == FAIL || mishap == REFUSE_TO_START) {
        fprintf(stderr, "%s\n", br_message(ctx));
        br_clear_error(ctx); /* the next job works again */
        o.mishap = NOTHING;
        report_run(ctx, &o, 0);
        br_close(ctx);
        return 3;
    }
    return br_close(ctx);
}

/* A run of which nobody can be told, as there is no memory for the message; right after that the
 * program ends, and all ranks with it. */
static int run_unannounced(br_context *ctx, int code)
{
    static const char nothing[1];
    if (ctx->scheduler->announce(ctx, ++ctx->next_job, nothing, (size_t)1 << 62) == BR_OK)
        return 1;
    return end_with(ctx, "exit", code);
}

/* One rank sleeps in a task whose value all others want, and then in one that nobody needs. */
static void wait_for(br_context *ctx, int rank, int64_t bytes)
{
    order o = {.shape = EXCHANGE, .count = 1, .bytes = bytes, .mishap = SLEEP, .nap_ms = 1500};
    o.mishap_rank = rank;
    o.shows_cpu = true;
    report_run(ctx, &o, 0);
}

static void who(br_context *ctx)
{
    for (int r = 0; r < br_num_ranks(ctx); r++) {
        br_rank_info info;
        br_rank(ctx, r, &info);
        printf("rank %d: %s, %d threads (%s)\n", info.rank, info.host, info.threads, info.why);
    }
}

static void speed(br_context *ctx)
{
    measure(ctx, "8 B, one after the other", 1, (order){.shape = RING, .count = 4000, .bytes = 8});
    measure(ctx, "64 KiB", 1, (order){.shape = RING, .count = 2000, .bytes = 64 << 10});
    measure(ctx, "1 MiB", 1, (order){.shape = RING, .count = 1000, .bytes = 1 << 20});
    measure(ctx, "64 MiB", 1, (order){.shape = RING, .count = 20, .bytes = 64 << 20});
    measure(ctx, "8 B, many at a time", 1, (order){.shape = EXCHANGE, .count = 20000, .bytes = 8});
    measure(ctx, "1 MiB, many at a time", 1,
            (order){.shape = EXCHANGE, .count = 500, .bytes = 1 << 20});
}

static int mishap_named(const char *name)
{
    static const char *const names[] = {
        [FAIL] = "fail",     [EXIT] = "exit",   [KILL] = "kill",
        [FREEZE] = "freeze", [SLEEP] = "sleep", [REFUSE_TO_START] = "absent"};
    for (int i = FAIL; i <= REFUSE_TO_START; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return NOTHING;
}

static int run(br_context *ctx, int argc, char **argv)
{
    const char *what = argv[1];
    int64_t a = argc > 2 ? atoll(argv[2]) : 0;
    int64_t b = argc > 3 ? atoll(argv[3]) : 0;
    if (strcmp(what, "ring") == 0)
        report_run(ctx, &(order){.shape = RING, .count = a, .bytes = b}, 0);
    else if (strcmp(what, "exchange") == 0)
        report_run(ctx, &(order){.shape = EXCHANGE, .count = a, .bytes = b}, 0);
    else if (strcmp(what, "long") == 0)
        report_run(ctx, &(order){.shape = EXCHANGE, .count = 2, .bytes = 8}, 40 << 20);
    else if (mishap_named(what) != NOTHING)
        return run_mishap(ctx, mishap_named(what), (int)a);
    else if (strcmp(what, "code") == 0 && argc > 3)
        return end_with(ctx, argv[2], (int)b);
    else if (strcmp(what, "unannounced") == 0)
        return run_unannounced(ctx, (int)a);
    else if (strcmp(what, "who") == 0)
        who(ctx);
    else if (strcmp(what, "speed") == 0)
        speed(ctx);
    else if (strcmp(what, "latency") == 0)
        measure(ctx, "latency", 20, (order){.shape = RING, .count = 50, .bytes = 8});
    else if (strcmp(what, "busy") == 0)
        measure_busy(ctx);
    else if (strcmp(what, "idle") == 0)
        idle(ctx);
    else if (strcmp(what, "wait") == 0)
        wait_for(ctx, (int)a, b);
    else
        return usage();
    return br_close(ctx);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage();
    if (strcmp(argv[1], "twice") == 0 || strcmp(argv[1], "nested") == 0)
        return run_two_contexts(argv[1][0] == 'n');
    br_context *ctx = br_open(&argc, &argv);
    if (br_error_status(ctx) != BR_OK)
        return br_close(ctx);
    fprintf(stderr, "it begins\n");
    return run(ctx, argc, argv);
}
