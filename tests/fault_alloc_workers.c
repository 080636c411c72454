/* SPDX-License-Identifier: BSD-3-Clause
 * fault_alloc_workers.c - a program that uses workers in all ways once, for fault_alloc_workers.sh
 * to run with BRAMBLE_FAIL_ALLOC=n; see fault_alloc.c.
 */
#include "tests/lacking.h"

enum { LONG = 70000 };

/* What a task lacks it says; tasks that wait for it say that nobody sends. */
static bool good(br_context *ctx, br_status st, const char *what)
{
    const char *text = br_message(ctx);
    if (st == BR_OK)
        return true;
    if (strstr(text, "memory") == NULL && strstr(text, "nobody will send") == NULL &&
        strstr(text, "no value") == NULL && strstr(text, "does not fit") == NULL) {
        fprintf(stderr, "%s: status %d, \"%s\"\n", what, (int)st, text);
        wrong = true;
    }
    lacking = true;
    br_clear_error(ctx);
    return false;
}

static void same(const void *a, const void *b, size_t bytes, const char *what)
{
    if (memcmp(a, b, bytes) == 0)
        return;
    fprintf(stderr, "%s: other bytes\n", what);
    wrong = true;
}

static int copy_value(br_task *task, const void *args, size_t bytes)
{
    size_t n;
    const void *x = br_task_get(task, args, &n);
    (void)bytes;
    return x != NULL && br_task_put(task, "copy", x, n) == 0 ? br_task_return(task, &n, sizeof n)
                                                             : -1;
}

static int first_wins(void *left, const void *right, size_t bytes, const void *args)
{
    (void)left, (void)right, (void)bytes, (void)args;
    return 0;
}

static void values(br_context *ctx, const char *x, char *y)
{
    size_t n = 0;
    br_future *f[1];
    bool there = good(ctx, br_push(ctx, NULL, "x", x, LONG), "push");
    if (there && good(ctx, br_pull(ctx, "0", "x", y, LONG), "pull"))
        same(x, y, LONG, "pull");
    if (there &&
        good(ctx, br_run_on(ctx, NULL, copy_value, "x", 2, .results = &n, .each = 8), "run on"))
        good(ctx, br_value_sizes(ctx, NULL, "copy", &n), "sizes");
    if (good(ctx, br_scatter(ctx, NULL, "y", x, 10, 3), "scatter") &&
        good(ctx, br_gather(ctx, NULL, "y", y, 30), "gather"))
        same(x, y, 30, "gather");
    if (there && good(ctx, br_reduce(ctx, NULL, "x", first_wins, y, LONG), "reduce"))
        same(x, y, LONG, "reduce");
    size_t nf = br_pull_async(ctx, "0", "x", f);
    if (nf == 0)
        good(ctx, br_error_status(ctx), "pull_async");
    for (size_t i = 0; i < nf; i++) {
        good(ctx, br_wait(f[i]), "pull_async");
        br_future_free(f[i]);
    }
    br_clear_error(ctx);
}

static void arrays(br_context *ctx)
{
    double sum = 0;
    br_scope *scope = br_scope_open(ctx);
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(1000), .dtype = BR_FLOAT64);
    if (good(ctx, br_scatter_array(x, NULL, "a"), "scatter array")) {
        br_array *y = br_gather_array(ctx, NULL, "a", BR_FLOAT64);
        if (worked(ctx, y, br_compute_f64(br_sum(y), &sum), "gather array") && sum != 499500)
            wrong = true;
    }
    br_scope_close(scope);
    br_clear_error(ctx);
}

static int receive(br_task *task, const void *args, size_t bytes)
{
    size_t n;
    (void)args, (void)bytes;
    const char *x = br_recv_view(task, "m", &n);
    return x != NULL ? br_task_return(task, x, n) : -1;
}

static int send(br_task *task, const void *args, size_t bytes)
{
    return br_send(task, "m", args, bytes);
}

static void messages(br_context *ctx, const char *x, char *y)
{
    br_future *f[2];
    f[0] = br_submit(ctx, receive, NULL, 0);
    f[1] = br_submit(ctx, send, x, LONG);
    good(ctx, br_wait(f[1]), "send");
    if (good(ctx, br_future_result(f[0], y, LONG), "receive"))
        same(x, y, LONG, "receive");
    br_future *all = br_reduce_futures(ctx, f, 1, first_wins);
    good(ctx, br_wait(all), "reduce futures");
    br_future_free(all);
    br_future_free(f[0]);
    br_future_free(f[1]);
    br_clear_error(ctx);
}

static void compute(br_context *ctx, const char *folder)
{
    static char x[LONG], y[LONG];
    br_worker workers[1];
    (void)folder;
    for (int i = 0; i < LONG; i++)
        x[i] = (char)(i * 7 + i / 251);
    good(ctx, br_workers(ctx, workers), "workers");
    values(ctx, x, y);
    arrays(ctx);
    messages(ctx, x, y);
}

int main(int argc, char **argv)
{
    return run_lacking(argc, argv, compute);
}
