/* SPDX-License-Identifier: BSD-3-Clause
 * fault_array.c - arrays on which something goes wrong, for fault_mpi.sh. Argument: what.
 *
 * slow        long chunks, so that there is time to kill a rank; tells the process ids of the ranks
 * user        a function that reports an error on the last chunk, which the last rank owns; then a
 *             good compute
 * reduction   a reduction whose function reports an error on the last chunk
 * spread      a function fails whose one chunk goes to all ranks, by way of each other
 * pointer     .data without .data_bytes; pointer2 to pointer4: of br_map2, br_reduction and
 *             br_fromfunction
 * missing     a file that is not there
 * limit       more than the memory limit allows
 * passes      passes fit the memory of rank 0, but not of rank 1, which holds a persisted array
 * lacking     a function of a plugin that rank 0 alone has loaded; unloaded: that nobody has any
 *             more
 * memory      the last rank gets no more memory
 * crash       a function reads at address 8; overflow: has no end; abort: calls abort; fused: one
 *             that is called by a block program; all of them on the last rank
 * sleep       a function sleeps for SECONDS on the last rank; slow_last: every now and then, and
 *             until there is a file $WAITS_FOR
 * stdin       main counts the numbers it is given, and prints them; then calls abort
 * exit3       exit(3) with the context open; return: main ends without br_close; twice: a second
 *             br_open
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bramble/bramble.h>

static int slow_chunk(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in;
    (void)n;
    const int *rank_of_chunk = data;
    fprintf(stderr, "pid %ld %d\n", (long)getpid(), *rank_of_chunk);
    usleep(200000);
    memset(out->data, 0, (size_t)out->extent[0] * 8);
    return 0;
}

static int fails_at_the_end(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    return out->chunk[0] == 39 ? 7 : 0;
}

/* The process gets hardly more than it has now: less than a chunk of 64 MB. */
static int takes_memory_away(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%lu", &pages) != 1)
        return 1;
    fclose(f);
    rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (40 << 20);
    if (out->chunk[0] == 39)
        setrlimit(RLIMIT_AS, &(struct rlimit){.rlim_cur = bytes, .rlim_max = bytes});
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    return 0;
}

static volatile int nowhere;

__attribute__((noinline)) static int reads_nowhere(const int *at)
{
    return at[2] + nowhere;
}

static int crashes(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    return out->chunk[0] == 39 ? reads_nowhere((const int *)(uintptr_t)nowhere) : 0;
}

__attribute__((noinline)) static int deeper(volatile char *above)
{
    volatile char here[4096];
    here[0] = above[0];
    return nowhere == 0 ? deeper(here) + here[0] : 0;
}

static int overflows(const br_block *in, int n, const br_block *out, const void *data)
{
    volatile char top[16] = {0};
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    return out->chunk[0] == 39 ? deeper(top) : 0;
}

static int aborts(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    if (out->chunk[0] == 39)
        abort();
    return 0;
}

static double crashes_at_the_end(double x, const void *data)
{
    (void)data;
    return x > 399 ? x + reads_nowhere((const int *)(uintptr_t)nowhere) : x;
}

static int slow_at_the_end(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    if (out->chunk[0] < 30)
        return 0;
    const char *file = getenv("WAITS_FOR");
    usleep(500000);
    while (file != NULL && access(file, F_OK) != 0)
        usleep(10000);
    return 0;
}

static int sleeps(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    if (out->chunk[0] == 39)
        for (unsigned left = (unsigned)*(const int *)data; left > 0;) /* signals cut it short */
            left = sleep(left);
    return 0;
}

static double add(double x, const void *data)
{
    return x + *(const double *)data;
}

static double add_index(const int64_t *index, int ndim, const void *data)
{
    return (double)index[ndim - 1] + *(const double *)data;
}

static double add_two(double a, double b, const void *data)
{
    return a + b + *(const double *)data;
}

static int takes_all_but_the_last(void *state, const void *elements, br_dtype dtype, int64_t n,
                                  const void *data)
{
    const double *x = elements;
    (void)dtype;
    (void)data;
    for (int64_t i = 0; i < n; i++)
        *(double *)state += x[i];
    return x[n - 1] == 399.5 ? 7 : 0;
}

static int merge(void *left, const void *right, const void *data)
{
    (void)data;
    *(double *)left += *(const double *)right;
    return 0;
}

static int finish(const void *state, int64_t n, void *result, const void *data)
{
    (void)n;
    (void)data;
    *(double *)result = *(const double *)state;
    return 0;
}

static br_array *reduction(br_array *x, const double *data)
{
    return br_reduction(x, .state_bytes = sizeof(double), .accumulate = takes_all_but_the_last,
                        .merge = merge, .finish = finish, .data = data);
}

static br_array *numbers(br_context *ctx)
{
    return br_add(br_arange(ctx, BR_NUM(0.0), BR_NUM(400), .chunks = BR_CHUNKS(10)), 0.5);
}

static void compute(br_context *ctx, br_array *x)
{
    double sum = 0;
    if (br_compute_f64(br_sum(x), &sum) == BR_OK)
        printf("sum %g on %d ranks\n", sum, br_num_ranks(ctx));
    else
        printf("failed with %s\n", br_status_text(br_error_status(ctx)));
    fflush(stdout);
}

/* The plugin's function, and whether the library stays loaded. */
static br_array *by_plugin(br_context *ctx, const char *path, bool stays)
{
    void *plugin = dlopen(path, RTLD_NOW);
    if (plugin == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    br_block_function doubles = (br_block_function)(uintptr_t)dlsym(plugin, "plugin_doubles");
    br_array *x = br_map_blocks(numbers(ctx), doubles);
    if (!stays)
        dlclose(plugin);
    return x;
}

/* Chunks of 64 MB on every rank, after the last one has what it gets. */
static void out_of_memory(br_context *ctx)
{
    compute(ctx, br_map_blocks(numbers(ctx), takes_memory_away));
    compute(ctx, br_persist(br_ones(ctx, BR_SHAPE(64 << 20), .chunks = BR_CHUNKS(8 << 20))));
}

/* Of which each of two ranks gets a part of 6 MiB: beside 16 MiB that are kept, then alone. */
static void many_indices(br_context *ctx)
{
    enum { MANY = 1 << 20 };
    static int64_t index[MANY];
    for (int64_t i = 0; i < MANY; i++)
        index[i] = i * 7 % MANY;
    br_array *at = br_from_memory(ctx, index, BR_INT64, BR_SHAPE(MANY), .copy = true);
    br_array *taken = br_take(br_persist(br_ones(ctx, BR_SHAPE(MANY))), at);
    br_scope *kept = br_scope_open(ctx);
    br_persist(br_ones(ctx, BR_SHAPE(4 * MANY), .chunks = BR_CHUNKS(MANY / 2)));
    compute(ctx, taken);
    br_scope_close(kept);
    compute(ctx, taken);
}

static int fails_late(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * 8);
    usleep(200000);
    return out->chunk[0] == 79 ? 7 : 0;
}

/* So late that all have asked for it. */
static br_array *last_for_all(br_context *ctx)
{
    br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(80000), .chunks = BR_CHUNKS(1000));
    br_array *last = br_index(br_map_blocks(x, fails_late), "79000:");
    return br_add(br_reshape(x, BR_SHAPE(80, 1000)), last);
}

static void rows_of_normal_numbers(br_context *ctx)
{
    const int64_t n = 80000;
    br_array *ones = br_ones(ctx, BR_SHAPE(2 * n), .chunks = BR_CHUNKS(n));
    br_array *held = br_persist(br_indexf(ones, "%ld:", (long)n - 1));
    br_array *x = br_random_normal(ctx, BR_SHAPE(1 << 17, 8), .seed = BR_NUM(1),
                                   .chunks = BR_CHUNKS(1 << 10, 8));
    br_array *mean = br_mean(x, .axis = BR_AXIS(1), .keepdims = true);
    br_array *sd = br_std(x, .axis = BR_AXIS(1), .keepdims = true);
    compute(ctx, br_add(br_square(br_div(br_sub(x, mean), sd)), br_mul(br_index(held, "0"), 0)));
}

static void bad(br_context *ctx, const char *what, const char *argument)
{
    static const double one = 1;
    static const int none;
    if (strcmp(what, "slow") == 0)
        compute(ctx,
                br_map_blocks(numbers(ctx), slow_chunk, .data = &none, .data_bytes = sizeof none));
    if (strcmp(what, "user") == 0)
        compute(ctx, br_map_blocks(numbers(ctx), fails_at_the_end));
    if (strcmp(what, "pointer") == 0)
        compute(ctx, br_map(numbers(ctx), add, &one));
    if (strcmp(what, "pointer2") == 0)
        compute(ctx, br_map2(numbers(ctx), 1, add_two, &one));
    if (strcmp(what, "pointer3") == 0)
        compute(ctx, reduction(numbers(ctx), &one));
    if (strcmp(what, "pointer4") == 0)
        compute(ctx, br_fromfunction(ctx, add_index, BR_SHAPE(400), .data = &one));
    if (strcmp(what, "reduction") == 0)
        compute(ctx, reduction(numbers(ctx), NULL));
    if (strcmp(what, "missing") == 0)
        compute(ctx, br_from_hdf5(ctx, "not/there.h5", "x"));
    if (strcmp(what, "lacking") == 0 || strcmp(what, "unloaded") == 0)
        compute(ctx, by_plugin(ctx, argument, strcmp(what, "lacking") == 0));
    if (strcmp(what, "crash") == 0)
        compute(ctx, br_map_blocks(numbers(ctx), crashes));
    if (strcmp(what, "overflow") == 0)
        compute(ctx, br_map_blocks(numbers(ctx), overflows));
    if (strcmp(what, "abort") == 0)
        compute(ctx, br_map_blocks(numbers(ctx), aborts));
    if (strcmp(what, "fused") == 0)
        compute(ctx, br_add(br_map(numbers(ctx), crashes_at_the_end), 1));
    if (strcmp(what, "slow_last") == 0) {
        fprintf(stderr, "it begins in process %ld\n", (long)getpid());
        compute(ctx, br_map_blocks(numbers(ctx), slow_at_the_end));
    }
    if (strcmp(what, "sleep") == 0) {
        int seconds = atoi(argument);
        fprintf(stderr, "it begins in process %ld\n", (long)getpid());
        compute(ctx, br_map_blocks(numbers(ctx), sleeps, .data = &seconds,
                                   .data_bytes = sizeof seconds));
    }
    if (strcmp(what, "spread") == 0)
        compute(ctx, last_for_all(ctx));
    if (strcmp(what, "memory") == 0)
        out_of_memory(ctx);
    if (strcmp(what, "indices") == 0)
        many_indices(ctx);
    if (strcmp(what, "passes") == 0)
        rows_of_normal_numbers(ctx);
    if (strcmp(what, "limit") == 0)
        compute(ctx, br_map_blocks(br_rechunk(br_broadcast_to(numbers(ctx), BR_SHAPE(100000, 400)),
                                              BR_CHUNKS(0, 0)),
                                   fails_at_the_end));
}

static void count_input(void)
{
    int number, n = 0;
    while (scanf("%d", &number) == 1)
        n++;
    printf("%d numbers\n", n);
    fflush(stdout);
    abort();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    br_context *ctx = br_open(&argc, &argv);
    if (br_error_status(ctx) != BR_OK)
        return br_close(ctx);
    if (strcmp(what, "twice") == 0) {
        compute(ctx, numbers(ctx));
        br_close(ctx);
        ctx = br_open(NULL, NULL);
    }
    bad(ctx, what, argc > 2 ? argv[2] : "");
    compute(ctx, numbers(ctx));
    if (strcmp(what, "stdin") == 0)
        count_input();
    if (strcmp(what, "exit3") == 0)
        exit(3);
    if (strcmp(what, "return") == 0)
        return 0;
    return br_close(ctx);
}
