/* SPDX-License-Identifier: BSD-3-Clause
 * fault_alloc_futures.c - a program that hands in tasks in all ways once, for
 * fault_alloc_futures.sh to run with BRAMBLE_FAIL_ALLOC=n; see fault_alloc.c.
 */
#include "tests/lacking.h"

enum { MANY = 40, LONG = 5000 };

/* Of a task, which works or ends with what it lacked, which its future says; a task whose own tasks
 * lacked it says so, too. */
static bool got(br_context *ctx, br_future *f, const char *what)
{
    br_status st = br_wait(f);
    br_clear_error(ctx);
    if (st == BR_OK)
        return true;
    if ((st != BR_ENOMEM && st != BR_EUSER) || strstr(br_future_message(f), "memory") == NULL) {
        fprintf(stderr, "%s: status %d, \"%s\"\n", what, (int)st, br_future_message(f));
        wrong = true;
    }
    lacking = true;
    return false;
}

static int stretch(br_task *task, const void *args, size_t bytes)
{
    char *out = br_task_result(task, 2 * bytes);
    if (out == NULL)
        return -1;
    memcpy(out, args, bytes);
    memcpy(out + bytes, args, bytes);
    return 0;
}

static int total(br_task *task, const void *args, size_t bytes)
{
    int64_t sum = (int64_t)bytes;
    (void)args;
    for (size_t i = 0, n; i < br_task_ninputs(task); i++) {
        br_task_input(task, i, &n);
        sum += (int64_t)n;
    }
    return br_task_return(task, &sum, sizeof sum);
}

static int inner(br_task *task, const void *args, size_t bytes)
{
    br_context *ctx = br_task_context(task);
    int64_t sum = 0;
    br_future *a = br_submit(ctx, stretch, args, bytes);
    br_future *b = br_submit(ctx, total, args, bytes, .deps = BR_FUTURES(a));
    if (br_future_result(b, &sum, sizeof sum) != BR_OK)
        br_task_fail(task, "no memory for inner tasks: %.300s", br_future_message(b));
    br_future_free(b);
    br_future_free(a);
    return sum > 0 ? br_task_return(task, &sum, sizeof sum) : 1;
}

static void is(int64_t value, int64_t want, const char *what)
{
    if (value != want) {
        fprintf(stderr, "%s: %lld instead of %lld\n", what, (long long)value, (long long)want);
        wrong = true;
    }
}

static void dependent(br_context *ctx, const char *data)
{
    int64_t sum = 0;
    br_future *a = br_submit(ctx, stretch, data, LONG, .name = "a");
    br_future *b = br_submit(ctx, stretch, data, 10, .borrowed = true, .retries = 1);
    br_future *c = br_submit(ctx, total, data, 3, .deps = BR_FUTURES(a, b), .priority = 3);
    if (got(ctx, c, "dependent") && worked(ctx, NULL, br_future_result(c, &sum, 8), "result"))
        is(sum, 2 * LONG + 23, "dependent");
    br_future_free(a);
    br_future_free(b);
    br_future_free(c);
    br_clear_error(ctx); /* of a and b, told above */
}

static void many(br_context *ctx, const char *data)
{
    br_future *f[MANY];
    bool all = worked(ctx, NULL, br_submit_many(ctx, total, data, 9, MANY, f), "many");
    br_completed *c = br_as_completed(ctx, f, MANY);
    int n = 0;
    while (br_next_completed(c) != NULL)
        n++;
    if (c == NULL)
        worked(ctx, NULL, br_error_status(ctx), "as completed");
    else if (all)
        is(n, MANY, "as completed");
    br_completed_free(c);
    for (int i = 0; i < MANY; i++) {
        got(ctx, f[i], "one of many");
        br_future_free(f[i]);
    }
    br_clear_error(ctx);
}

static void nested(br_context *ctx, const char *data)
{
    int64_t sum = 0;
    br_future *f = br_submit(ctx, inner, data, LONG);
    if (got(ctx, f, "nested") && worked(ctx, NULL, br_future_result(f, &sum, 8), "result"))
        is(sum, 3 * LONG, "nested");
    br_future_free(f);
}

static int eights(br_task *task, const void *args, size_t bytes)
{
    double *x = br_task_result(task, 8 * sizeof *x);
    (void)args, (void)bytes;
    for (int i = 0; x != NULL && i < 8; i++)
        x[i] = 8;
    return x != NULL ? 0 : -1;
}

/* Results are chunks, chunks are results; a compute comes before a task. */
static void with_arrays(br_context *ctx)
{
    br_future *f[4], *g[4];
    double sum[32];
    br_submit_many(ctx, eights, NULL, 0, 4, f);
    bool all = true;
    for (int i = 0; i < 4; i++)
        all &= got(ctx, f[i], "a chunk's task");
    br_array *x = br_from_futures(ctx, f, 4, BR_FLOAT64, BR_SHAPE(32));
    if (all)
        expect(ctx, br_sum(x), 256, "from futures");
    br_clear_error(ctx);
    if (all && worked(ctx, x, br_to_futures(br_add(x, 1), g, 4), "to futures")) {
        for (int i = 0; i < 4; i++)
            got(ctx, g[i], "a chunk");
        br_future *flight = br_compute_async(x, sum, sizeof sum);
        br_future *after = br_submit(ctx, total, NULL, 0, .deps = BR_FUTURES(flight));
        got(ctx, after, "after a compute");
        br_wait(flight);
        br_clear_error(ctx);
        br_future_free(after);
        br_future_free(flight);
    }
    br_clear_error(ctx);
}

static void compute(br_context *ctx, const char *folder)
{
    static char data[MANY * LONG];
    (void)folder;
    dependent(ctx, data);
    many(ctx, data);
    nested(ctx, data);
    with_arrays(ctx);
    br_future *f = br_submit(ctx, stretch, data, LONG);
    br_cancel(f);
    br_future_free(f);
    if (br_error_status(ctx) == BR_ECANCELLED)
        br_clear_error(ctx);
}

int main(int argc, char **argv)
{
    return run_lacking(argc, argv, compute);
}
