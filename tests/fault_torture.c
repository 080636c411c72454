/* SPDX-License-Identifier: BSD-3-Clause
 * fault_torture.c - random graphs and expressions with failing tasks, again and again; threads that
 * are put to sleep and woken all the time. fault_torture.sh runs it for seconds, scripts/torture
 * for as long as one likes.
 *
 * usage: fault_torture graphs|large|arrays|park SECONDS [ROUNDS [SEED]]
 * Ends after ROUNDS rounds or SECONDS seconds, whatever comes first (0: no such end), and prints
 * how many there were. Every value is compared with what one thread finds without bramble. A round
 * that does not end within a minute is a hang: the program aborts.
 */
#include <bramble/bramble.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HANG_SECONDS = 60, MOST_INPUTS = 4, SMALL = 40, LARGE = 200000, PROMILLE = 1000 };

static br_context *ctx;
static uint64_t dice_state;

static uint32_t dice(uint32_t n)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice_state >> 33) % n;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    return a ^ a >> 31;
}

static void nap(uint32_t microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)microseconds * 1000}, NULL);
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "fault_torture: %s (%s)\n", what, br_message(ctx));
    abort();
}

static void insist(bool good, const char *what)
{
    if (!good)
        give_up(what);
}

/* ---- graphs of functions ---- */

typedef struct vertex {
    uint64_t value, expected;
    int ninputs;
    int64_t input[MOST_INPUTS];
} vertex;

typedef struct dag {
    int n;
    vertex *vertex;
    int64_t fails_at; /* -1: none */
} dag;

static int run_vertex(void *data, int64_t task)
{
    dag *d = data;
    vertex *v = &d->vertex[task];
    uint64_t h = mix(7, (uint64_t)task);
    if (task == d->fails_at)
        return 42;
    for (int k = 0; k < v->ninputs; k++)
        h = mix(h, d->vertex[v->input[k]].value);
    v->value = h;
    return 0;
}

/* reach 1 makes chains, a large one makes it wide. */
static br_graph *random_dag(dag *d, int n)
{
    uint32_t reach = 1 + dice(dice(2) ? 8 : (uint32_t)n);
    uint32_t most = 1 + dice(MOST_INPUTS);
    br_graph *g = br_graph_new(ctx);
    d->n = n;
    for (int t = 0; t < n; t++) {
        vertex *v = &d->vertex[t];
        v->ninputs = t == 0 ? 0 : (int)dice(most + 1);
        v->expected = mix(7, (uint64_t)t);
        for (int k = 0; k < v->ninputs; k++) {
            v->input[k] = t - 1 - (int)dice(reach < (uint32_t)t ? reach : (uint32_t)t);
            v->expected = mix(v->expected, d->vertex[v->input[k]].expected);
        }
        insist(br_graph_add(g, run_vertex, d, v->input, (size_t)v->ninputs) == t, "br_graph_add");
    }
    return g;
}

static void check_dag(const dag *d)
{
    for (int t = 0; t < d->n; t++)
        insist(d->vertex[t].value == d->vertex[t].expected, "a wrong value in a graph");
}

static void clear(dag *d)
{
    for (int t = 0; t < d->n; t++)
        d->vertex[t].value = 0;
}

/* Some fail first, and are run again. */
static void run_dag(dag *d, br_graph *g)
{
    d->fails_at = dice(50) == 0 ? (int64_t)dice((uint32_t)d->n) : -1;
    clear(d);
    br_status st = br_graph_run(g);
    insist(st == (d->fails_at >= 0 ? BR_EUSER : BR_OK), "a graph ended otherwise");
    br_clear_error(ctx);
    if (d->fails_at >= 0) {
        insist(d->vertex[d->fails_at].value == 0, "a task ran that failed");
        d->fails_at = -1;
        clear(d);
        insist(br_graph_run(g) == BR_OK, "a graph that failed before");
    }
    check_dag(d);
}

static void round_of_graphs(int n)
{
    static vertex *room;
    room = room != NULL ? room : calloc(LARGE, sizeof *room);
    dag d = {.vertex = room};
    br_graph *g = random_dag(&d, n);
    run_dag(&d, g);
    br_graph_free(g);
}

static void small_graph(void)
{
    round_of_graphs(1 + (int)dice(SMALL));
}

static void large_graph(void)
{
    round_of_graphs(LARGE / 2 + (int)dice(LARGE / 2));
}

/* ---- expressions of arrays ---- */

enum { SIDE = 12, N = SIDE * SIDE, NODES = 14, FLIGHTS = 4, BASE = 251 };

/* An array and what its elements must be: whole numbers below BASE. */
typedef struct known {
    br_array *x;
    double value[N];
} known;

static br_extents random_chunks(void)
{
    static const int64_t sizes[] = {1, 2, 5, 6, 12};
    return (br_extents){2, {sizes[1 + dice(4)], sizes[1 + dice(4)]}};
}

static void from_numbers(known *k)
{
    for (int i = 0; i < N; i++)
        k->value[i] = dice(BASE);
    k->x = br_from_memory(ctx, k->value, BR_FLOAT64, BR_SHAPE(SIDE, SIDE),
                          .chunks = random_chunks(), .copy = true);
}

static br_array *reduced(br_array *x)
{
    return br_remainder(x, BASE);
}

static double reduce(double x)
{
    double r = x - BASE * (double)(int64_t)(x / BASE);
    return r < 0 ? r + BASE : r;
}

static void add_both(known *k, const known *a, const known *b)
{
    k->x = reduced(br_add(a->x, b->x));
    for (int i = 0; i < N; i++)
        k->value[i] = reduce(a->value[i] + b->value[i]);
}

static void turn_and_subtract(known *k, const known *a, const known *b)
{
    k->x = reduced(br_subtract(a->x, br_permute_dims(b->x, BR_AXES(1, 0))));
    for (int i = 0; i < N; i++)
        k->value[i] = reduce(a->value[i] - b->value[i % SIDE * SIDE + i / SIDE]);
}

static void flip_and_rechunk(known *k, const known *a, const known *b)
{
    k->x = reduced(br_add(br_rechunk(br_index(a->x, "::-1"), random_chunks()), b->x));
    for (int i = 0; i < N; i++)
        k->value[i] = reduce(a->value[(SIDE - 1 - i / SIDE) * SIDE + i % SIDE] + b->value[i]);
}

static void subtract_sums(known *k, const known *a, const known *b)
{
    k->x = reduced(br_subtract(a->x, br_sum(b->x, .axis = BR_AXES(0), .keepdims = true)));
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int r = 0; r < SIDE; r++)
            sum += b->value[r * SIDE + i % SIDE];
        k->value[i] = reduce(a->value[i] - sum);
    }
}

static void multiply(known *k, const known *a, const known *b)
{
    k->x = reduced(br_matmul(a->x, b->x));
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int r = 0; r < SIDE; r++)
            sum += a->value[i / SIDE * SIDE + r] * b->value[r * SIDE + i % SIDE];
        k->value[i] = reduce(sum);
    }
}

/* Copies its input, or fails in one chunk: data is that chunk's number, or -1. */
static int copy_or_fail(const br_block *inputs, int ninputs, const br_block *output,
                        const void *data)
{
    (void)ninputs;
    int64_t number = output->chunk[0] * output->nchunks[1] + output->chunk[1];
    memcpy(output->data, inputs[0].data,
           (size_t)(output->extent[0] * output->extent[1]) * sizeof(double));
    return number == *(const int64_t *)data ? 9 : 0;
}

static void pass_through(known *k, const known *a, int64_t fails_at)
{
    memcpy(k->value, a->value, sizeof k->value);
    k->x = br_map_blocks(a->x, copy_or_fail, .data = &fails_at, .data_bytes = sizeof fails_at);
}

static void grow(known *k, const known *a, const known *b)
{
    static void (*const ways[])(known *, const known *, const known *) = {
        add_both, turn_and_subtract, flip_and_rechunk, subtract_sums, multiply};
    uint32_t way = dice(6);
    if (way == 5)
        pass_through(k, a, -1);
    else
        ways[way](k, a, b);
    if (dice(20) == 0)
        k->x = br_persist(k->x);
}

typedef struct flight {
    br_future *future;
    const known *wanted;
    bool fails, cancelled;
    double out[N];
} flight;

static void take_off(flight *f, known *nodes, int n)
{
    static known failing;
    f->wanted = &nodes[dice((uint32_t)n)];
    br_array *x = f->wanted->x;
    f->fails = dice(8) == 0;
    f->cancelled = !f->fails && dice(10) == 0;
    if (f->fails) {
        pass_through(&failing, f->wanted, 0);
        x = failing.x;
    }
    f->future = br_compute_async(x, f->out, sizeof f->out);
    if (f->cancelled)
        br_cancel(f->future);
}

static void land(flight *f)
{
    br_status st = br_wait(f->future);
    if (f->fails)
        insist(st == BR_EUSER, "an expression that fails did not");
    else if (st != BR_OK)
        insist(f->cancelled && st == BR_ECANCELLED, "an expression failed");
    else
        insist(memcmp(f->out, f->wanted->value, sizeof f->out) == 0, "a wrong array");
    br_future_free(f->future);
    br_clear_error(ctx);
}

static void expressions(void)
{
    static known nodes[NODES];
    static flight flights[FLIGHTS];
    static double out[N];
    br_scope *scope = br_scope_open(ctx);
    int n = 0;
    while (n < 3)
        from_numbers(&nodes[n++]);
    for (; n < NODES; n++)
        grow(&nodes[n], &nodes[dice((uint32_t)n)], &nodes[dice((uint32_t)n)]);
    int flying = (int)dice(FLIGHTS + 1);
    for (int i = 0; i < flying; i++)
        take_off(&flights[i], nodes, n);
    if (dice(2) == 0)
        insist(br_compute(nodes[n - 1].x, out, sizeof out) == BR_OK &&
                   memcmp(out, nodes[n - 1].value, sizeof out) == 0,
               "a wrong array");
    br_scope_close(scope);
    for (int i = flying - 1; i >= 0; i--)
        land(&flights[i]);
}

/* ---- parking ---- */

static int count_up(void *data, int64_t task)
{
    (void)task;
    atomic_fetch_add((atomic_int *)data, 1);
    if (dice_state % 3 == 0)
        nap((uint32_t)(dice_state % 97));
    return 0;
}

/* As long as threads spin before they sleep, about; so that wakes meet threads in every state of
 * falling asleep. */
static void pause_between(void)
{
    static const uint32_t most[] = {1, 10, 60, 400, 900};
    uint32_t n = dice(6);
    if (n < 5)
        nap(dice(most[n]) + 1);
}

/* Few tasks for many threads, from cold: a graph, and a compute in flight beside it. */
static void park(void)
{
    static double out[N];
    atomic_int ran = 0;
    int n = 1 + (int)dice(6);
    br_scope *scope = br_scope_open(ctx);
    br_graph *g = br_graph_new(ctx);
    int64_t after[1] = {0};
    for (int t = 0; t < n; t++)
        br_graph_add(g, count_up, &ran, after, t > 0 && dice(2));
    br_array *x = br_full(ctx, BR_SHAPE(SIDE, SIDE), BR_NUM(3.0), .chunks = BR_CHUNKS(5, 5));
    br_future *f = dice(2) ? br_compute_async(br_mul(x, 2), out, sizeof out) : NULL;
    pause_between();
    insist(br_graph_run(g) == BR_OK && atomic_load(&ran) == n, "a graph lost a task");
    br_graph_free(g);
    if (f != NULL) {
        pause_between();
        insist(br_wait(f) == BR_OK && out[0] == 6 && out[N - 1] == 6, "an array in flight");
        br_future_free(f);
    }
    br_scope_close(scope);
    pause_between();
}

/* ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void (*way_of(const char *name))(void)
{
    static const struct {
        const char *name;
        void (*round)(void);
    } ways[] = {
        {"graphs", small_graph}, {"large", large_graph}, {"arrays", expressions}, {"park", park}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(name, ways[i].name) == 0)
            return ways[i].round;
    return NULL;
}

int main(int argc, char **argv)
{
    void (*round)(void) = argc > 2 ? way_of(argv[1]) : NULL;
    if (round == NULL) {
        fprintf(stderr, "usage: fault_torture graphs|large|arrays|park SECONDS [ROUNDS [SEED]]\n");
        return 2;
    }
    double seconds = atof(argv[2]);
    long long rounds = argc > 3 ? atoll(argv[3]) : 0;
    dice_state = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    ctx = br_open(&argc, &argv);
    double begun = now();
    long long n = 0;
    double longest = 0;
    for (double at = begun, then;
         (rounds == 0 || n < rounds) && (seconds == 0 || at - begun < seconds); at = then, n++) {
        alarm(HANG_SECONDS); /* its signal ends the program */
        round();
        then = now();
        longest = then - at > longest ? then - at : longest;
    }
    alarm(0);
    printf("%s: %lld rounds, the longest %.3f s\n", argv[1], n, longest);
    return br_close(ctx);
}
