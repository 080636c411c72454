/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_balance.c - a slow rank gets less of the next run, persisted arrays stay where they are;
 * where some chunks cost much more than others, ranks without work run tasks of those that have too
 * much. The bytes are the same.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "array/plan/persist.h"
#include "runtime/inside.h"
#include "tests/sweep.h"

enum { CHUNKS = 96, EACH = 64, MORE_RUNS = 10 };

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_ns(int64_t ns)
{
    nanosleep(&(struct timespec){ns / 1000000000, ns % 1000000000}, NULL);
}

/* Four times the others' millisecond, whatever that takes where processes wait for their turn. */
static int slow_on_rank_1(const br_block *in, int n, const br_block *out, const void *data)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    double *y = out->data;
    (void)in;
    (void)data;
    const int64_t begin = now_ns();
    sleep_ns(1000000);
    if (rank != NULL && strcmp(rank, "1") == 0)
        sleep_ns(3 * (now_ns() - begin));
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = (double)(out->origin[0] + i);
    return n - 1;
}

static br_array *computed(void)
{
    br_array *none = br_zeros(sweep.ctx, BR_SHAPE(CHUNKS * EACH), .chunks = BR_CHUNKS(EACH));
    br_array *p = br_persist(br_map_blocks(none, slow_on_rank_1, .impure = true));
    if (br_status_of(p) != BR_OK)
        fail("persist", "%s", br_error(p));
    return p;
}

/* Chunks of the last persisted array that a rank has; each rank has one run. */
static int chunks_of(int rank)
{
    const bri_persisted *p = bri_array_data_of(sweep.ctx)->persisted;
    int n = 0;
    for (int64_t c = 0; c < p->nchunks; c++) {
        n += p->owner[c] == rank;
        if (c > 0 && p->owner[c] < p->owner[c - 1])
            fail("runs", "chunk %" PRId64 " is not in order", c);
    }
    return n;
}

static void check_sum(const char *name, br_array *x, double factor)
{
    const double n = (double)CHUNKS * EACH;
    double got = 0;
    if (br_compute_f64(br_sum(x), &got) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    if (got != factor * n * (n - 1) / 2)
        fail(name, "is %.17g", got);
    printf("%s %.17g\n", name, got);
    sweep.cases++;
}

/* ---- uneven costs ---- */

enum { COSTLY = 16 }; /* chunks at the front that take fifty times as long */

/* A function may do whatever it likes, so it never runs on the thread for which all ranks wait. */
static bool is_on_a_worker(void)
{
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    return strcmp(name, "bramble-mpi") != 0;
}

static int short_zeros(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in;
    (void)data;
    memset(out->data, 0, (size_t)out->extent[0] * sizeof(double));
    return is_on_a_worker() ? n : 7;
}

static double short_zero(double x, const void *data)
{
    (void)data;
    return is_on_a_worker() ? x : NAN;
}

/* What long tasks read takes no time: in turns by a function on chunks, and on elements. */
static br_array *made_in_no_time(void)
{
    static int round;
    br_array *zeros = br_zeros(sweep.ctx, BR_SHAPE(CHUNKS * EACH), .chunks = BR_CHUNKS(EACH));
    if (round++ % 2 == 0)
        return br_map(zeros, short_zero, .impure = true);
    return br_from_blocks(sweep.ctx, short_zeros, BR_SHAPE(CHUNKS * EACH), .dtype = BR_FLOAT64,
                          .chunks = BR_CHUNKS(EACH), .impure = true);
}

static int costly_in_front(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *x = in->data;
    double *y = out->data;
    (void)data;
    bool costly = out->origin[0] < COSTLY * EACH;
    nanosleep(&(struct timespec){.tv_nsec = costly ? 10000000 : 200000}, NULL);
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = x[i] + (double)(out->origin[0] + i);
    return n - 1;
}

static br_array *costly_ones(void)
{
    return br_map_blocks(made_in_no_time(), costly_in_front, .impure = true);
}

/* The same of what is there already: each element and one more. */
static int costly_sums(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *x = in->data;
    double *y = out->data;
    (void)data;
    bool costly = out->origin[0] < COSTLY * EACH;
    nanosleep(&(struct timespec){.tv_nsec = costly ? 10000000 : 200000}, NULL);
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = x[i] + (double)(out->origin[0] + i);
    return n - 1;
}

static br_array *kept;

static br_array *costly_of_kept(void)
{
    return br_map_blocks(kept, costly_sums, .impure = true);
}

static int64_t lent_in_the_last_run(void)
{
    br_run_info info;
    if (br_last_run(sweep.ctx, &info) != BR_OK)
        fail("lent tasks", "%s", br_message(sweep.ctx));
    return info.lent_tasks;
}

/* The first rank's costly chunks take as long as eight times all the others'. On a machine that is
 * busy with other things a rank may never look idle, so it has some runs to do so. */
static void uneven_costs(const char *name, br_array *(*costly)(void), double factor)
{
    const bool several = br_num_ranks(sweep.ctx) > 1;
    int64_t lent = 0;
    for (int round = 0; round < 3; round++) {
        check_sum(name, costly(), factor);
        lent += lent_in_the_last_run();
    }
    for (int more = 0; several && lent == 0 && more < MORE_RUNS; more++) {
        double sum;
        br_compute_f64(br_sum(costly()), &sum);
        lent += lent_in_the_last_run();
    }
    if (several != (lent > 0))
        fail(name, "%" PRId64 " tasks were lent", lent);
}

/* Of what is persisted a lender sends each lent task its chunk and gets as much back, and nothing
 * else travels: so each rank sends what it gets, two ranks half of it all. */
static void who_sends(void)
{
    const int ranks = br_num_ranks(sweep.ctx);
    br_run_info info = {0};
    for (int more = 0; info.lent_tasks == 0 && more < (ranks > 1 ? MORE_RUNS : 1); more++)
        if (br_status_of(br_persist(costly_of_kept())) != BR_OK ||
            br_last_run(sweep.ctx, &info) != BR_OK)
            fail("who sends", "%s", br_message(sweep.ctx));
    if (info.bytes_sent != info.lent_tasks * 2 * EACH * (int64_t)sizeof(double) ||
        info.most_sent > info.bytes_sent / 2 ||
        (ranks == 2 && info.most_sent != info.bytes_sent / 2))
        fail("who sends", "%" PRId64 " tasks were lent, %" PRId64 " bytes sent, by one %" PRId64,
             info.lent_tasks, info.bytes_sent, info.most_sent);
    sweep.cases++;
}

static int fails_late(const br_block *in, int n, const br_block *out, const void *data)
{
    bool fails = out->origin[0] == 12 * EACH;
    return fails ? 7 : costly_in_front(in, n, out, data);
}

/* Wherever a task fails, lent or not, the run ends with its name, and the next one is good. */
static void failures(void)
{
    for (int round = 0; round < 3; round++) {
        br_array *none = br_zeros(sweep.ctx, BR_SHAPE(CHUNKS * EACH), .chunks = BR_CHUNKS(EACH));
        br_array *x = br_map_blocks(none, fails_late, .impure = true);
        double got = 0;
        br_status st = br_compute_f64(br_sum(x), &got);
        const char *text = br_message(sweep.ctx);
        if (st == BR_OK || strstr(text, "fails_late") == NULL ||
            strstr(text, "chunk (12,)") == NULL)
            fail("failure", "%s", st == BR_OK ? "none" : text);
        br_clear_error(sweep.ctx);
        check_sum("after a failure", br_zeros(sweep.ctx, BR_SHAPE(1)), 0);
    }
}

/* ---- many inputs ---- */

enum { PARTS = 80, WIDE = 32768, COSTLY_PARTS = 12 };

/* The first ones, which are rank 0's, take long; the sum tells how many others have run. */
static int costly_wide(const br_block *in, int n, const br_block *out, const void *data)
{
    double *y = out->data;
    bool costly = out->origin[0] < (int64_t)COSTLY_PARTS * WIDE;
    (void)in;
    (void)data;
    if (costly)
        nanosleep(&(struct timespec){.tv_nsec = 8000000}, NULL);
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = (double)(out->origin[0] + i);
    y[0] += costly && bri_inside_here->ctx->rank != 0;
    return n;
}

static int same(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    memcpy(out->data, in->data, (size_t)out->extent[0] * sizeof(double));
    return n - 1;
}

/* One task reads all of them, and is not emitted before the costly ones have run, which are lent
 * without it. */
static void many_inputs(void)
{
    const bool several = br_num_ranks(sweep.ctx) > 1;
    const double n = (double)PARTS * WIDE;
    double away = 0;
    for (int round = 0; away == 0 && round < (several ? MORE_RUNS : 1); round++) {
        double got = 0;
        br_array *x = br_from_blocks(sweep.ctx, costly_wide, BR_SHAPE(PARTS * WIDE),
                                     .chunks = BR_CHUNKS(WIDE), .impure = true);
        br_array *whole = br_map_blocks(br_rechunk(x, BR_CHUNKS(-1)), same, .impure = true);
        br_status st = br_compute_f64(br_sum(whole), &got);
        away = got - n * (n - 1) / 2;
        if (st != BR_OK || away < 0 || away > COSTLY_PARTS)
            fail("many inputs", "%.17g, %s", got, br_message(sweep.ctx));
    }
    if (several != (away > 0))
        fail("many inputs", "%g tasks were lent", away);
    sweep.cases++;
}

/* ---- sub-trees ---- */

enum { LARGE = 8192 };
static const int64_t LARGE_BYTES = LARGE * (int64_t)sizeof(double);

/* The first chunks of rank 0, so many, take long. */
typedef struct large_params {
    int costly;
    bool fails; /* the second function, where another rank calls it for one of those */
} large_params;

static int costly_large(const br_block *in, int n, const br_block *out, const void *data)
{
    const large_params *p = data;
    double *y = out->data;
    (void)in;
    if (out->origin[0] < (int64_t)p->costly * LARGE)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = (double)(out->origin[0] + i) - 1;
    return n - 1;
}

/* On the same chunks, of what it alone reads. */
static int adds_one(const br_block *in, int n, const br_block *out, const void *data)
{
    const large_params *p = data;
    const double *x = in->data;
    double *y = out->data;
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    bool away = rank != NULL && strcmp(rank, "0") != 0;
    if (p->fails && away && out->origin[0] < (int64_t)p->costly * LARGE)
        return 7;
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = x[i] + 1;
    return n - 1;
}

/* The sum of two functions of x. */
static br_status sum_of_two(br_array *x, const large_params *p, double *got)
{
    br_array *first =
        br_map_blocks(x, costly_large, .data = p, .data_bytes = sizeof *p, .impure = true);
    br_array *both =
        br_map_blocks(first, adds_one, .data = p, .data_bytes = sizeof *p, .impure = true);
    return br_compute_f64(br_sum(both), got);
}

static bool are_sub_trees(const br_run_info *info)
{
    if (info->loans > info->lent_tasks || info->lent_bytes > info->loans * LARGE_BYTES)
        fail("sub-trees", "%" PRId64 " loans of %" PRId64 " tasks, %" PRId64 " bytes back",
             info->loans, info->lent_tasks, info->lent_bytes);
    return info->loans > 0 && info->lent_tasks >= 2 * info->loans &&
           info->lent_bytes <= info->loans * LARGE_BYTES / 2;
}

static size_t promised(void)
{
    bri_memory_stats about;
    bri_memory_about(sweep.ctx->memory, &about);
    return about.promised;
}

/* Of a loan that is a map, another one and a leaf of the sum only a partial result comes back, not
 * the 64 KiB of the chunk. */
static void sub_trees(br_array *x, int costly, bool several)
{
    const double n = (double)CHUNKS * LARGE;
    bool seen = false;
    for (int round = 0; round < (several ? MORE_RUNS : 1) && !seen; round++) {
        br_run_info info;
        double got = 0;
        if (sum_of_two(x, &(large_params){costly, false}, &got) != BR_OK || got != n * (n - 1) / 2)
            fail("sub-trees", "%.17g, %s", got, br_message(sweep.ctx));
        if (br_last_run(sweep.ctx, &info) != BR_OK)
            fail("sub-trees", "%s", br_message(sweep.ctx));
        seen = are_sub_trees(&info);
    }
    if (several && !seen)
        fail("sub-trees", "none was lent");
    sweep.cases++;
}

/* Each rank keeps its chunks of what is persisted, so others have those of rank 0 lent. */
static void failure_inside(br_array *x, int costly, bool several)
{
    bool seen = false;
    for (int round = 0; round < (several ? MORE_RUNS : 1) && !seen; round++) {
        double got = 0;
        seen = sum_of_two(x, &(large_params){costly, true}, &got) != BR_OK;
        const char *text = br_message(sweep.ctx);
        if (seen && (strstr(text, "adds_one") == NULL || strstr(text, "map_blocks") == NULL ||
                     strstr(text, "chunk (") == NULL || strstr(text, "rank ") == NULL ||
                     strstr(text, "rank 0") != NULL))
            fail("failure inside", "%s", text);
        br_clear_error(sweep.ctx);
    }
    if (several != seen)
        fail("failure inside", seen ? "on one rank" : "none was lent");
    check_sum("after a failure inside", br_zeros(sweep.ctx, BR_SHAPE(1)), 0);
}

/* ---- full helpers ---- */

static atomic_size_t hogged; /* bytes of this rank's memory */

static void fill_memory(bri_memory *memory)
{
    bri_memory_stats about;
    bri_memory_about(memory, &about);
    size_t rest = about.limit > about.promised ? about.limit - about.promised : 0;
    if (rest > 0 && bri_memory_reserve(memory, rest))
        atomic_fetch_add(&hogged, rest);
}

/* Whoever runs one of rank 0's costly chunks for it has no memory left afterwards; the next one
 * must not take more than there is. */
static int costly_and_fat(const br_block *in, int n, const br_block *out, const void *data)
{
    const large_params *p = data;
    bri_memory *memory = bri_inside_here->ctx->memory;
    bri_memory_stats about;
    bool away = bri_inside_here->ctx->rank != 0;
    bri_memory_about(memory, &about);
    if (away && about.promised > about.limit)
        return 7;
    if (away && out->origin[0] < (int64_t)p->costly * LARGE)
        fill_memory(memory);
    return costly_large(in, n, out, data);
}

static int lets_go(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    bri_memory_release(bri_inside_here->ctx->memory, atomic_exchange(&hogged, 0));
    memcpy(out->data, in->data, (size_t)out->extent[0] * sizeof(double));
    return n - 1;
}

static void full_helpers(br_array *x, int costly, bool several)
{
    const double n = (double)CHUNKS * LARGE;
    const large_params p = {costly, false};
    br_run_info info = {0};
    for (int round = 0; info.lent_tasks == 0 && round < (several ? MORE_RUNS : 1); round++) {
        double got = 0;
        double zero = 1;
        br_array *fat =
            br_map_blocks(x, costly_and_fat, .data = &p, .data_bytes = sizeof p, .impure = true);
        if (br_compute_f64(br_sum(fat), &got) != BR_OK || got != n * (n - 1) / 2 - n)
            fail("full helpers", "%.17g, %s", got, br_message(sweep.ctx));
        if (br_last_run(sweep.ctx, &info) != BR_OK ||
            br_compute_f64(br_sum(br_map_blocks(x, lets_go, .impure = true)), &zero) != BR_OK ||
            zero != 0)
            fail("full helpers", "%g, %s", zero, br_message(sweep.ctx));
    }
    if (several != (info.lent_tasks > 0))
        fail("full helpers", "%" PRId64 " tasks were lent", info.lent_tasks);
    sweep.cases++;
}

/* ---- rank 0 helps ---- */

/* Far more than rank 0's own part of the run is predicted to need. */
enum { FAT = 64 << 20 };

/* One for each chunk that rank 0 has run. */
static int ones_of_rank_0(const br_block *in, int n, const br_block *out, const void *data)
{
    double *y = out->data;
    (void)in;
    (void)data;
    nanosleep(&(struct timespec){.tv_nsec = 4000000}, NULL);
    memset(y, 0, (size_t)out->extent[0] * sizeof *y);
    y[0] = bri_inside_here->ctx->rank == 0;
    return n - 1;
}

/* All chunks are rank 1's, and stay there; the others have nothing to do. */
static void rank_0_helps(br_array *x)
{
    const int64_t first = chunks_of(0) * (int64_t)LARGE;
    const int64_t end = first + chunks_of(1) * (int64_t)LARGE;
    double helped = 0;
    char part[64];
    snprintf(part, sizeof part, "%" PRId64 ":%" PRId64, first, end);
    for (int round = 0; helped == 0 && round < MORE_RUNS; round++) {
        br_array *fat =
            br_map_blocks(br_index(x, part), ones_of_rank_0, .scratch_bytes = FAT, .impure = true);
        if (br_compute_f64(br_sum(fat), &helped) != BR_OK)
            fail("rank 0 helps", "%s", br_message(sweep.ctx));
    }
    if (helped == 0)
        fail("rank 0 helps", "it ran no task of rank 1's");
}

/* ---- short tasks ---- */

enum { MANY = 768, FEW = 8, SPIN_NS = 40000 };

/* In the first quarter of the chunks. */
static int spins_a_little(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *x = in->data;
    double *y = out->data;
    int64_t until = now_ns() + (out->chunk[0] < MANY / 4 ? SPIN_NS : 0);
    (void)data;
    while (now_ns() < until)
        ;
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = x[i] + 1;
    return is_on_a_worker() ? n - 1 : 7;
}

/* What is too short to be lent alone goes with its neighbours and the tree above them; they read a
 * chunk of x each, where it lies, and the mean of x all of them. */
static void short_tasks(void)
{
    const double n = (double)MANY * FEW;
    br_array *x =
        br_persist(br_arange(sweep.ctx, BR_NUM(0.0), BR_NUM(n), .chunks = BR_CHUNKS(FEW)));
    for (int round = 0; round < 4; round++) {
        br_array *about = br_map_blocks(br_sub(x, br_mean(x)), spins_a_little, .impure = true);
        double got = 0;
        if (br_compute_f64(br_sum(br_mul(about, about)), &got) != BR_OK ||
            got != n * (n * n - 1) / 12 + n)
            fail("short tasks", "%.17g, %s", got, br_message(sweep.ctx));
    }
    sweep.cases++;
}

/* What is promised for tasks and values of a run is given back, whoever has run them. */
static void all_of_sub_trees(void)
{
    const bool several = br_num_ranks(sweep.ctx) > 1;
    br_array *x =
        br_persist(br_zeros(sweep.ctx, BR_SHAPE(CHUNKS * LARGE), .chunks = BR_CHUNKS(LARGE)));
    int costly = chunks_of(0) < COSTLY ? chunks_of(0) : COSTLY;
    if (br_status_of(x) != BR_OK)
        fail("persist", "%s", br_error(x));
    size_t before = promised();
    sub_trees(x, costly, several);
    failure_inside(x, costly, several);
    full_helpers(x, costly, several);
    if (several)
        rank_0_helps(x);
    if (promised() != before)
        fail("sub-trees", "%zu bytes are promised after %zu", promised(), before);
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    const int ranks = br_num_ranks(sweep.ctx);
    br_array *before = computed();
    int first = chunks_of(1);
    if (ranks > 1 && first != CHUNKS / ranks)
        fail("first", "rank 1 has %d chunks", first);
    br_array *after = computed();
    after = computed();
    int then = chunks_of(1);
    for (int more = 0; ranks > 1 && then >= first * 3 / 4 && more < MORE_RUNS; more++) {
        after = computed();
        then = chunks_of(1);
    }
    if (ranks > 1 && (then >= first * 3 / 4 || then == 0))
        fail("then", "rank 1 has %d chunks after %d", then, first);
    check_sum("before", before, 1);
    check_sum("after", after, 1);
    check_sum("both", br_add(before, br_mul(after, 2)), 3);
    /* Nothing but what a rank lends that is late: a chunk there, and one back. */
    br_run_info info;
    br_array *doubled = br_persist(br_mul(before, 2));
    if (br_last_run(sweep.ctx, &info) != BR_OK ||
        info.bytes_sent > info.lent_tasks * 2 * EACH * (int64_t)sizeof(double))
        fail("before * 2", "%" PRId64 " bytes are sent", info.bytes_sent);
    check_sum("before * 2", doubled, 2);
    uneven_costs("uneven costs", costly_ones, 1);
    kept = before;
    uneven_costs("uneven costs of what is persisted", costly_of_kept, 2);
    who_sends();
    failures();
    many_inputs();
    all_of_sub_trees();
    short_tasks();
    return sweep_close();
}
