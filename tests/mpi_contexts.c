/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_contexts.c - several contexts at a time over ranks, for test_mpi_contexts.sh.
 *
 * usage: mpi_contexts beside   threads open contexts of their own and compute in them
 *        mpi_contexts open     contexts open and close while tasks of another one make futures
 *        mpi_contexts again    one after the other
 *        mpi_contexts wait     a task waits for what is computed after another context has closed
 *        mpi_contexts late     the same in one that opens only then
 *        mpi_contexts turns    a task of a compute waits for a later one of another context
 *        mpi_contexts exit     the program ends with code 5 while threads compute
 * Prints "right" when all values are.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

enum { THREADS = 3, ROUNDS = 12, TASKS = 12, INNER = 30, SIDE = 120 };

static atomic_int failures;

static void expect(const char *what, double found, double wanted)
{
    if (found == wanted)
        return;
    printf("WRONG: %s is %.17g, not %.17g\n", what, found, wanted);
    failures++;
}

static int negative(br_task *task, const void *args, size_t bytes)
{
    int x;
    (void)bytes;
    memcpy(&x, args, sizeof x);
    x = -x;
    return br_task_return(task, &x, sizeof x);
}

/* Its own futures are its rank's: sum of 0..INNER-1, and of what it was given. */
static int sums_up(br_task *task, const void *args, size_t bytes)
{
    int sum = 0, got;
    (void)bytes;
    memcpy(&sum, args, sizeof sum);
    for (int i = 0; i < INNER; i++) {
        br_future *f = br_submit(br_task_context(task), negative, &i, sizeof i);
        if (br_future_result(f, &got, sizeof got) != BR_OK)
            return br_task_fail(task, "inner: %s", br_future_message(f));
        sum -= got;
        br_future_free(f);
    }
    return br_task_return(task, &sum, sizeof sum);
}

static br_future *hand_in(br_context *ctx, int i)
{
    return br_submit(ctx, sums_up, &i, sizeof i, .on = BR_RANK(i % br_num_ranks(ctx)));
}

static void take(br_future *f, int i)
{
    int got = 0;
    if (br_future_result(f, &got, sizeof got) != BR_OK)
        printf("WRONG: %s\n", br_future_message(f));
    expect("a task's sum", got, i + INNER * (INNER - 1) / 2);
    br_future_free(f);
}

static void run_tasks(br_context *ctx)
{
    br_future *f[TASKS];
    for (int i = 0; i < TASKS; i++)
        f[i] = hand_in(ctx, i);
    for (int i = 0; i < TASKS; i++)
        take(f[i], i);
}

/* Sums of x[i,j] = SIDE i + j + k: of all, of a transpose cut otherwise, of a persisted array. */
static void run_arrays(br_context *ctx, int k)
{
    double sum = 0, again = 0, twice = 0;
    double n = SIDE * SIDE, wanted = n * (n - 1) / 2 + k * n;
    br_array *row = br_arange(ctx, BR_NUM(0.0), BR_NUM(n), .chunks = BR_CHUNKS(900));
    br_array *x = br_reshape(row, BR_SHAPE(SIDE, SIDE));
    x = br_rechunk(br_add(x, k), BR_CHUNKS(17, 50));
    br_compute_f64(br_sum(x), &sum);
    br_compute_f64(br_sum(br_rechunk(br_matrix_transpose(x), BR_CHUNKS(30, 7))), &again);
    br_array *kept = br_persist(br_mul(x, 2));
    br_compute_f64(br_sum(kept), &twice);
    expect("a sum", sum, wanted);
    expect("the transpose's", again, wanted);
    expect("twice the sum", twice, 2 * wanted);
}

static void use(br_context *ctx, int k)
{
    run_arrays(ctx, k);
    run_tasks(ctx);
    if (br_error_status(ctx) != BR_OK || br_close(ctx) != 0)
        expect("a context's status", 1, 0);
}

static int waits(br_task *task, const void *args, size_t bytes)
{
    double sum;
    (void)args, (void)bytes;
    return br_send(task, "begun", "x", 1) == 0 && br_recv(task, "sum", &sum, sizeof sum) == 0
               ? br_task_return(task, &sum, sizeof sum)
               : -1;
}

static int hears(br_task *task, const void *args, size_t bytes)
{
    char x;
    (void)args, (void)bytes;
    return br_recv(task, "begun", &x, 1);
}

static int sends(br_task *task, const void *args, size_t bytes)
{
    return br_send(task, "sum", args, bytes);
}

static double sum_in(br_context *ctx)
{
    double sum = 0, n = SIDE * SIDE;
    br_compute_f64(br_sum(br_arange(ctx, BR_NUM(0.0), BR_NUM(n), .chunks = BR_CHUNKS(900))), &sum);
    expect("the sum to be sent", sum, n * (n - 1) / 2);
    return sum;
}

/* The thread that waits has to begin its part of the compute while it can't yet close the other
 * context; where that opens late, it has to open the one of the compute, too. */
static void compute_meanwhile(br_context *ctx, bool late)
{
    double got = 0;
    br_context *other = br_open(NULL, NULL);
    br_future *w = br_submit(ctx, waits, NULL, 0, .on = BR_RANK(br_num_ranks(ctx) - 1));
    br_future *h = br_submit(ctx, hears, NULL, 0, .on = BR_RANK(0));
    expect("begun", br_wait(h), BR_OK);
    expect("closed", br_close(other), 0);
    other = late ? br_open(NULL, NULL) : ctx;
    double sum = sum_in(other);
    br_future *s = br_submit(ctx, sends, &sum, sizeof sum, .on = BR_RANK(0));
    expect("sent", br_wait(s), BR_OK);
    expect("waited", br_future_result(w, &got, sizeof got), BR_OK);
    expect("the sum that was sent", got, sum);
    if (late)
        use(other, 0);
}

static atomic_bool on_zero;
static br_future *_Atomic later;

/* On rank 0 the first chunk waits. */
static int waits_for_later(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n, (void)data;
    memcpy(out->data, in->data, (size_t)out->extent[0] * sizeof(double));
    if (!on_zero || out->chunk[0] > 0)
        return 0;
    while (later == NULL)
        usleep(100);
    return br_wait(later) == BR_OK ? 0 : 1;
}

static int copies(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    memcpy(out->data, in->data, (size_t)out->extent[0] * sizeof(double));
    return n - 1;
}

/* The others share one memory limit: there the second compute has its turn after the first, beside
 * whose chunks its own do not fit. */
static void wait_for_later(br_context *ctx)
{
    enum { LARGE = 1 << 21 };
    double sums[2] = {0, 0}, n = LARGE;
    br_context *other = br_open(NULL, NULL);
    br_array *y = br_arange(other, BR_NUM(0.0), BR_NUM(n), .chunks = BR_CHUNKS(LARGE / 16));
    br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(n), .chunks = BR_CHUNKS(LARGE / 16));
    on_zero = true;
    br_future *f = br_compute_async(br_sum(br_map_blocks(x, waits_for_later)), &sums[0], 8);
    later = br_compute_async(br_sum(br_map_blocks(y, copies)), &sums[1], 8);
    expect("refused", br_wait(f), BR_EARG);
    expect("the later one", br_wait(later), BR_OK);
    expect("its sum", sums[1], n * (n - 1) / 2);
    br_clear_error(ctx);
    use(other, 0);
}

static atomic_int rounds;

/* Until it is told that the program ends. */
static void *use_always(void *context)
{
    double sum = 0;
    br_array *x = br_ones(context, BR_SHAPE(SIDE, SIDE), .chunks = BR_CHUNKS(17, 50));
    for (int k = 0; br_compute_f64(br_sum(br_add(x, k)), &sum) == BR_OK; k++) {
        expect("a sum", sum, (double)SIDE * SIDE * (k + 1));
        atomic_fetch_add(&rounds, 1);
    }
    pause();
    return NULL;
}

/* Nothing is waited for but that they have begun. */
static void leave_threads_behind(void)
{
    for (int k = 0; k < THREADS; k++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, use_always, br_open(NULL, NULL)) != 0)
            expect("a thread", 0, 1);
        pthread_detach(thread);
    }
    while (atomic_load(&rounds) < 10 * THREADS)
        usleep(1000);
    exit(atomic_load(&failures) == 0 ? 5 : 1);
}

static void *use_some(void *number)
{
    int k = *(int *)number;
    for (int i = 0; i < 3; i++)
        use(br_open(NULL, NULL), 10 * k + i);
    return NULL;
}

static void beside(void)
{
    pthread_t thread[THREADS];
    int number[THREADS];
    for (int k = 0; k < THREADS; k++) {
        number[k] = k;
        if (pthread_create(&thread[k], NULL, use_some, &number[k]) != 0)
            expect("a thread", 0, 1);
    }
    for (int k = 0; k < THREADS; k++)
        pthread_join(thread[k], NULL);
}

/* The first one has tasks on all ranks all the time. */
static void open_and_close(br_context *busy)
{
    br_future *f[8 * TASKS];
    int n = sizeof f / sizeof f[0];
    for (int i = 0; i < n; i++)
        f[i] = hand_in(busy, i);
    for (int k = 0; k < ROUNDS; k++)
        use(br_open(NULL, NULL), k);
    for (int i = 0; i < n; i++)
        take(f[i], i);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    br_context *first = br_open(&argc, &argv); /* workers go no further */
    if (strcmp(how, "beside") == 0)
        beside();
    if (strcmp(how, "exit") == 0)
        leave_threads_behind();
    if (strcmp(how, "open") == 0)
        open_and_close(first);
    if (strcmp(how, "wait") == 0 || strcmp(how, "late") == 0)
        compute_meanwhile(first, strcmp(how, "late") == 0);
    if (strcmp(how, "turns") == 0)
        wait_for_later(first);
    use(first, 0);
    for (int k = 1; k < ROUNDS && strcmp(how, "again") == 0; k++)
        use(br_open(NULL, NULL), k);
    printf("%s\n", atomic_load(&failures) == 0 ? "right" : "WRONG");
    return atomic_load(&failures) > 0;
}
