/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_futures.c - tasks that are handed in, under every scheduler: the same results wherever they
 * run.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/sweep.h"
#include "tests/task_samples.h"

/* ---- plain tasks ---- */

/* pi by Leibniz: the terms from `first` on. */
typedef struct slice {
    int64_t first, n;
} slice;

static int leibniz(br_task *task, const void *args, size_t bytes)
{
    const slice *s = args;
    double sum = 0;
    for (int64_t k = s->first + s->n - 1; k >= s->first; k--)
        sum += (k % 2 == 0 ? 4.0 : -4.0) / (double)(2 * k + 1);
    return bytes == sizeof *s ? br_task_return(task, &sum, sizeof sum) : 1;
}

static void pi_by_slices(void)
{
    enum { SLICES = 50, TERMS = 20000 };
    slice s[SLICES];
    br_future *f[SLICES];
    double pi = 0;
    for (int i = 0; i < SLICES; i++)
        s[i] = (slice){(int64_t)i * TERMS, TERMS};
    bool good = br_submit_many(sweep.ctx, leibniz, s, sizeof s[0], SLICES, f) == BR_OK;
    for (int i = SLICES - 1; i >= 0; i--) {
        double sum = 0;
        good = good && br_future_result(f[i], &sum, sizeof sum) == BR_OK;
        pi += sum;
        br_future_free(f[i]);
    }
    printf("pi %.17g\n", pi);
    check(good && pi > 3.14159 && pi < 3.1416, "slices");
}

/* ---- short ones, many ---- */

static int mix(br_task *task, const void *args, size_t bytes)
{
    uint64_t x = *(const uint64_t *)args;
    (void)bytes;
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    return br_task_return(task, &x, sizeof x);
}

static uint64_t mixed(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    return x ^ x >> 33;
}

static void short_tasks(void)
{
    enum { N = 20000 };
    br_future **f = malloc(N * sizeof *f);
    uint64_t *x = malloc(N * sizeof *x);
    uint64_t sum = 0, want = 0;
    for (uint64_t i = 0; i < N; i++) {
        x[i] = i;
        want += mixed(i);
    }
    bool good = br_submit_many(sweep.ctx, mix, x, sizeof *x, N, f) == BR_OK;
    br_completed *c = br_as_completed(sweep.ctx, f, N);
    int seen = 0;
    for (br_future *next; (next = br_next_completed(c)) != NULL; seen++) {
        uint64_t y = 0;
        good = good && br_future_result(next, &y, sizeof y) == BR_OK;
        sum += y;
        br_future_free(next);
    }
    br_completed_free(c);
    free(f);
    free(x);
    check(good && seen == N && sum == want, "short tasks as they complete");
}

/* ---- sizes ---- */

static int stretch(br_task *task, const void *args, size_t bytes)
{
    const unsigned char *from = args;
    size_t n = 3 * bytes + 1;
    unsigned char *to = br_task_result(task, n);
    if (to == NULL)
        return -1;
    for (size_t i = 0; i < n; i++)
        to[i] = bytes > 0 ? (unsigned char)(from[i % bytes] + i / bytes) : 7;
    return 0;
}

static bool stretched(const unsigned char *got, const unsigned char *from, size_t bytes)
{
    for (size_t i = 0; i < 3 * bytes + 1; i++)
        if (got[i] != (bytes > 0 ? (unsigned char)(from[i % bytes] + i / bytes) : 7))
            return false;
    return true;
}

static void sizes(void)
{
    static const size_t n[] = {0, 1, 15, 16, 17, 1000, 9999, 40000, 300000, 6000000};
    enum { SIZES = sizeof n / sizeof n[0] };
    br_future *f[SIZES];
    unsigned char *data = malloc(6000000);
    for (size_t i = 0; i < 6000000; i++)
        data[i] = (unsigned char)(i * 7 + i / 256);
    for (int i = 0; i < SIZES; i++)
        f[i] = br_submit(sweep.ctx, stretch, data, n[i], .borrowed = i % 2);
    bool good = true;
    for (int i = 0; i < SIZES; i++) {
        size_t bytes = 0;
        const unsigned char *got = br_future_view(f[i], &bytes);
        good = good && got != NULL && bytes == 3 * n[i] + 1 && stretched(got, data, n[i]);
        br_future_free(f[i]);
    }
    free(data);
    check(good, "arguments and results of all sizes");
}

/* ---- dependencies ---- */

static int join(br_task *task, const void *args, size_t bytes)
{
    int64_t sum = bytes == sizeof sum ? *(const int64_t *)args : 0;
    for (size_t i = 0; i < br_task_ninputs(task); i++) {
        size_t n = 0;
        const int64_t *x = br_task_input(task, i, &n);
        for (size_t k = 0; k < n / sizeof *x; k++)
            sum += x[k];
    }
    return br_task_return(task, &sum, sizeof sum);
}

static void pascal(void)
{
    enum { SIDE = 24 };
    static br_future *f[SIDE][SIDE];
    int64_t one = 1, got = 0;
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++)
            f[i][k] = i == 0 || k == 0 ? br_submit(sweep.ctx, join, &one, sizeof one)
                                       : br_submit(sweep.ctx, join, NULL, 0,
                                                   .deps = BR_FUTURES(f[i - 1][k], f[i][k - 1]));
    bool good = br_future_result(f[SIDE - 1][SIDE - 1], &got, sizeof got) == BR_OK;
    printf("pascal %lld\n", (long long)got);
    check(good && got == 8233430727600, "a wavefront");
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++)
            br_future_free(f[i][k]);
}

/* Long inputs: each a hundred thousand numbers. */
static int numbers(br_task *task, const void *args, size_t bytes)
{
    enum { N = 100000 };
    int64_t *x = br_task_result(task, N * sizeof *x);
    (void)bytes;
    for (int i = 0; x != NULL && i < N; i++)
        x[i] = *(const int64_t *)args;
    return x != NULL ? 0 : -1;
}

static void long_inputs(void)
{
    br_future *f[8];
    int64_t got = 0;
    for (int64_t i = 0; i < 8; i++)
        f[i] = br_submit(sweep.ctx, numbers, &i, sizeof i);
    br_future *sum = br_submit(sweep.ctx, join, NULL, 0, .deps = {f, 8});
    bool good = br_future_result(sum, &got, sizeof got) == BR_OK;
    check(good && got == 2800000, "long inputs");
    for (int i = 0; i < 8; i++)
        br_future_free(f[i]);
    br_future_free(sum);
}

/* ---- a certain rank ---- */

static void on_ranks(void)
{
    bool good = true;
    for (int round = 0; round < 20; round++)
        for (int r = 0; r < br_num_ranks(sweep.ctx); r++) {
            int got = -1;
            br_future *f = br_submit(sweep.ctx, where, NULL, 0, .on = BR_RANK(r));
            good = good && br_future_result(f, &got, sizeof got) == BR_OK && got == r;
            br_future_free(f);
        }
    check(good, "on a certain rank");
    int none = br_num_ranks(sweep.ctx);
    br_future *f = br_submit(sweep.ctx, where, NULL, 0, .on = BR_RANK(none));
    check(br_wait(f) == BR_EARG, "on a rank that is not there");
}

/* ---- errors ---- */

static int odd_fails(br_task *task, const void *args, size_t bytes)
{
    int64_t i = *(const int64_t *)args;
    (void)bytes;
    if (i % 2 == 1 && br_task_attempt(task) < 2)
        return br_task_fail(task, "number %d fails", (int)i);
    i = -i;
    return br_task_return(task, &i, sizeof i);
}

static void errors(void)
{
    enum { N = 60 };
    br_future *f[N], *after[N];
    bool good = true;
    for (int64_t i = 0; i < N; i++) {
        f[i] = br_submit(sweep.ctx, odd_fails, &i, sizeof i, .retries = i % 4 == 3 ? 2 : 1);
        after[i] = br_submit(sweep.ctx, join, NULL, 0, .deps = {&f[i], 1}, .name = "after");
    }
    for (int64_t i = 0; i < N; i++) {
        int64_t got = 0;
        bool fails = i % 4 == 1;
        br_status st = br_future_result(after[i], &got, sizeof got);
        char said[32];
        snprintf(said, sizeof said, "number %d fails", (int)i);
        good = good && st == (fails ? BR_EUSER : BR_OK) && (fails || got == -i) &&
               br_future_attempts(f[i]) == (i % 2 == 0 ? 1
                                            : fails    ? 2
                                                       : 3) &&
               (!fails || strstr(br_future_message(after[i]), said) != NULL);
    }
    for (int i = 0; i < N; i++) {
        br_future_free(after[i]);
        br_future_free(f[i]);
    }
    check(good, "errors and retries");
}

static void cancelling(void)
{
    enum { N = 200 };
    br_future *f[N];
    int64_t us = 200;
    bool good = true;
    for (int i = 0; i < N; i++)
        f[i] = br_submit(sweep.ctx, busy, &us, sizeof us);
    for (int i = 0; i < N; i += 2)
        br_cancel(f[i]);
    for (int i = 0; i < N; i++) {
        br_status st = br_wait(f[i]);
        good = good && (st == BR_OK || (i % 2 == 0 && st == BR_ECANCELLED));
        br_future_free(f[i]);
    }
    check(good, "some are cancelled");
}

/* ---- uneven ones, and priorities ---- */

static void uneven_times(void)
{
    enum { N = 120 };
    br_future *f[N];
    bool good = true;
    for (int64_t i = 0; i < N; i++) {
        int64_t us = i % 40 == 0 ? 20000 : i % 7 * 30;
        f[i] = br_submit(sweep.ctx, busy, &us, sizeof us, .priority = (int)(i % 3) - 1);
    }
    for (int64_t i = 0; i < N; i++) {
        int64_t got = -1;
        good = good && br_future_result(f[i], &got, sizeof got) == BR_OK &&
               got == (i % 40 == 0 ? 20000 : i % 7 * 30);
        br_future_free(f[i]);
    }
    check(good, "uneven ones");
}

/* ---- tasks in tasks ---- */

static int fibonacci(br_task *task, const void *args, size_t bytes)
{
    int64_t n = *(const int64_t *)args, a = n;
    if (n >= 2) {
        int64_t less[2] = {n - 1, n - 2}, b = 0;
        br_future *f[2];
        br_submit_many(br_task_context(task), fibonacci, less, bytes, 2, f);
        if (br_future_result(f[0], &a, sizeof a) != BR_OK ||
            br_future_result(f[1], &b, sizeof b) != BR_OK)
            return br_task_fail(task, "%s", br_future_message(f[0]));
        a += b;
        br_future_free(f[0]);
        br_future_free(f[1]);
    }
    return br_task_return(task, &a, sizeof a);
}

static void recursion(void)
{
    br_future *f[13];
    bool good = true;
    int64_t sum = 0;
    for (int64_t i = 0; i < 13; i++)
        f[i] = br_submit(sweep.ctx, fibonacci, &i, sizeof i);
    for (int i = 0; i < 13; i++) {
        int64_t got = 0;
        good = good && br_future_result(f[i], &got, sizeof got) == BR_OK;
        sum += got;
        br_future_free(f[i]);
    }
    check(good && sum == 376, "tasks in tasks");
}

/* ---- work that arrives while other work runs ---- */

static _Atomic(br_completed *) stream; /* on rank 0 */
enum { ARRIVALS = 300 };

static int produces(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    br_completed *c = NULL;
    while ((c = atomic_load(&stream)) == NULL)
        spin(50);
    for (uint64_t i = 0; i < ARRIVALS; i++) {
        br_future *f = br_submit(br_task_context(task), mix, &i, sizeof i);
        if (br_completed_add(c, f) != BR_OK)
            return br_task_fail(task, "no memory");
        if (i % 50 == 0)
            spin(500); /* the consumer has nothing to do */
    }
    return br_task_return(task, &(uint64_t){0}, sizeof(uint64_t));
}

static void work_stream(void)
{
    uint64_t sum = 0, want = 0;
    int seen = 0;
    bool good = true;
    br_future *producer = br_submit(sweep.ctx, produces, NULL, 0, .on = BR_RANK(0));
    br_completed *c = br_as_completed(sweep.ctx, &producer, 1);
    atomic_store(&stream, c);
    for (br_future *f; (f = br_next_completed(c)) != NULL; br_future_free(f), seen++) {
        uint64_t y = 0;
        good = good && br_future_result(f, &y, sizeof y) == BR_OK;
        sum += y;
    }
    for (uint64_t i = 0; i < ARRIVALS; i++)
        want += mixed(i);
    br_completed_free(c);
    check(good && seen == ARRIVALS + 1 && sum == want, "work that arrives meanwhile");
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    pi_by_slices();
    short_tasks();
    sizes();
    pascal();
    long_inputs();
    on_ranks();
    errors();
    cancelling();
    uneven_times();
    recursion();
    work_stream();
    return sweep_close();
}
