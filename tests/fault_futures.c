/* SPDX-License-Identifier: BSD-3-Clause
 * fault_futures.c - tasks on several ranks that go wrong, for fault_futures.sh. Argument: how.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bramble/bramble.h>

enum { MANY = 200 };

static int quick(br_task *task, const void *args, size_t bytes)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    return br_task_return(task, args, bytes);
}

static int fails(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    if (br_task_attempt(task) > 0)
        return br_task_fail(task, "again nothing on rank %d", br_task_rank(task));
    return *(const int *)args;
}

static int dies(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    raise(SIGKILL);
    return 0;
}

static int leaves(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    exit(3);
}

static int waits_for_none(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    br_future *f = br_submit(br_task_context(task), quick, NULL, 0,
                             .on = BR_RANK(br_task_rank(task) == 0 ? 1 : 0));
    return br_wait(f) == BR_OK ? 0 : br_task_fail(task, "inner: %s", br_future_message(f));
}

static int long_one(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    sleep(1);
    return br_task_return(task, "done", 4);
}

static int receives(br_task *task, const void *args, size_t bytes)
{
    double x;
    (void)args, (void)bytes;
    return br_recv(task, "dta", &x, sizeof x);
}

static int sends(br_task *task, const void *args, size_t bytes)
{
    return br_send(task, "data", args, bytes);
}

/* A wrong name, and how long that takes to be told. */
static int wrong_name(br_context *ctx)
{
    double x = 1;
    struct timespec begin, end;
    int n = br_num_ranks(ctx);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    br_future *r = br_submit(ctx, receives, NULL, 0, .on = BR_RANK(n - 1));
    br_future *s = br_submit(ctx, sends, &x, sizeof x, .on = BR_RANK(n > 1 ? n - 2 : 0));
    br_status st = br_wait(r);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    printf("told %s\n", seconds < 1 ? "within a second" : "late");
    bool good = st == BR_EARG && br_wait(s) == BR_OK;
    int code = br_close(ctx);
    return good ? code : 99;
}

/* Long enough to be asked about, and waits for a task of its own. */
static int asleep(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    sleep(3);
    return br_task_return(task, "done", 4);
}

static int waits_for_own(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    br_future *f = br_submit(br_task_context(task), asleep, NULL, 0, .name = "own");
    br_status st = br_wait(f);
    br_future_free(f);
    return st == BR_OK ? br_task_return(task, "done", 4) : -1;
}

static int watched(br_context *ctx, int last)
{
    br_future *a = br_submit(ctx, asleep, NULL, 0, .on = BR_RANK(last));
    br_future *b = br_submit(ctx, quick, "x", 1, .deps = BR_FUTURES(a), .name = "after");
    br_future *c = br_submit(ctx, waits_for_own, NULL, 0, .on = BR_RANK(0), .name = "outer");
    bool good = br_wait(b) == BR_OK && br_wait(c) == BR_OK;
    return br_close(ctx) == 0 && good ? 0 : 1;
}

static int crashes(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    raise(SIGSEGV);
    return 0;
}

/* All the others are well. */
static bool the_rest_works(br_context *ctx)
{
    br_future *f[MANY];
    int x[MANY], got, sum = 0;
    for (int i = 0; i < MANY; i++)
        x[i] = i;
    br_submit_many(ctx, quick, x, sizeof x[0], MANY, f);
    for (int i = 0; i < MANY; i++) {
        sum += br_future_result(f[i], &got, sizeof got) == BR_OK ? got : 0;
        br_future_free(f[i]);
    }
    printf("sum %d\n", sum);
    return sum == MANY * (MANY - 1) / 2;
}

static br_future *begin(br_context *ctx, const char *how, int last)
{
    int seven = 7;
    if (strcmp(how, "fails") == 0)
        return br_submit(ctx, fails, &seven, sizeof seven, .on = BR_RANK(last), .name = "probe");
    if (strcmp(how, "retries") == 0)
        return br_submit(ctx, fails, &seven, sizeof seven, .on = BR_RANK(last), .retries = 3);
    if (strcmp(how, "crashes") == 0)
        return br_submit(ctx, crashes, NULL, 0, .on = BR_RANK(last), .name = "reader");
    if (strcmp(how, "dies") == 0)
        return br_submit(ctx, dies, NULL, 0, .on = BR_RANK(last));
    if (strcmp(how, "leaves") == 0)
        return br_submit(ctx, leaves, NULL, 0, .on = BR_RANK(last));
    if (strcmp(how, "inner") == 0)
        return br_submit(ctx, waits_for_none, NULL, 0, .on = BR_RANK(last));
    return br_submit(ctx, quick, &seven, sizeof seven);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    const char *how = argc > 1 ? argv[1] : "";
    if (strcmp(how, "exit") == 0) { /* without waiting for anybody */
        for (int i = 0; i < 50; i++)
            br_submit(ctx, long_one, NULL, 0);
        exit(5);
    }
    if (strcmp(how, "receives") == 0)
        return wrong_name(ctx);
    if (strcmp(how, "waits") == 0) { /* for messages, when the program ends */
        for (int r = 0; r < br_num_ranks(ctx); r++)
            br_submit(ctx, receives, NULL, 0, .on = BR_RANK(r));
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        exit(5);
    }
    if (strcmp(how, "watch") == 0)
        return watched(ctx, br_num_ranks(ctx) - 1);
    if (strcmp(how, "close") == 0) {
        for (int i = 0; i < 50; i++)
            br_submit(ctx, long_one, NULL, 0);
        return br_close(ctx) == BR_ECANCELLED ? 0 : 1;
    }
    br_future *f = begin(ctx, how, br_num_ranks(ctx) - 1);
    bool rest = the_rest_works(ctx);
    br_status st = br_wait(f);
    printf("%s after %d attempts\n", br_status_text(st), br_future_attempts(f));
    int code = br_close(ctx);
    return rest ? code : 99;
}
