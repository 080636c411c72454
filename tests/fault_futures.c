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

enum { LONG = 16 << 20 };

static int receives_long(br_task *task, const void *args, size_t bytes)
{
    size_t n;
    (void)args, (void)bytes;
    return br_recv_view(task, "long", &n) != NULL && n == LONG ? 0 : -1;
}

/* Messages back and forth until the program ends: each is on its way for some milliseconds. */
static int plays(br_task *task, const void *args, size_t bytes)
{
    static char ball[LONG];
    const bool serves = *(const int *)args != 0;
    (void)bytes;
    for (bool mine = serves;; mine = !mine) {
        int st = mine ? br_send(task, serves ? "there" : "back", ball, sizeof ball)
                      : br_recv(task, serves ? "back" : "there", ball, sizeof ball);
        if (st != 0)
            return st;
    }
}

/* What nobody waits for wants a message. */
static int leaves_a_reader(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    br_submit(br_task_context(task), receives_long, NULL, 0);
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    return 0;
}

static int sends_long(br_task *task, const void *args, size_t bytes)
{
    static char data[LONG];
    (void)args, (void)bytes;
    return br_send(task, "long", data, sizeof data);
}

static int hears(br_task *task, const void *args, size_t bytes)
{
    char x;
    (void)args, (void)bytes;
    return br_recv(task, "begun", &x, 1);
}

static int waits_in_vain(br_task *task, const void *args, size_t bytes)
{
    return br_send(task, "begun", "x", 1) == 0 ? receives(task, args, bytes) : -1;
}

static int leaves_one(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    br_submit(br_task_context(task), waits_in_vain, NULL, 0);
    return 0;
}

/* The end that the task has to be told of stands behind that of another context, for which the
 * task's thread has no time. */
static bool close_behind(void)
{
    br_context *ctx = br_open(NULL, NULL), *other = br_open(NULL, NULL);
    br_future *r = br_submit(ctx, leaves_one, NULL, 0, .on = BR_RANK(br_num_ranks(ctx) - 1));
    br_future *h = br_submit(ctx, hears, NULL, 0, .on = BR_RANK(0));
    bool good = br_wait(r) == BR_OK && br_wait(h) == BR_OK;
    good = br_close(other) == 0 && good;
    return br_close(ctx) == 0 && good;
}

/* It is on its way while the context closes, or lies where nobody wants it any more. */
static int close_early(br_context *ctx)
{
    bool good = true;
    for (int i = 0; i < 5; i++) {
        int last = br_num_ranks(ctx) - 1;
        br_future *r = br_submit(ctx, leaves_a_reader, NULL, 0, .on = BR_RANK(last));
        br_future *s = br_submit(ctx, sends_long, NULL, 0, .on = BR_RANK(last > 1 ? last - 1 : 0));
        good = br_wait(r) == BR_OK && br_wait(s) == BR_OK && good;
        good = br_close(ctx) == 0 && good;
        good = close_behind() && good;
        ctx = br_open(NULL, NULL);
    }
    return br_close(ctx) == 0 && good ? 0 : 1;
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
    printf("told %s\n", seconds < 20 ? "in time" : "late"); /* of a loaded machine */
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

/* The program ends while tasks wait for messages that nobody sends, or the last two play; another
 * context has just closed. */
static _Noreturn void leave_tasks(br_context *ctx, const char *how, int code)
{
    int n = br_num_ranks(ctx);
    br_context *other = br_open(NULL, NULL);
    bool wait = strcmp(how, "waits") == 0;
    for (int r = 0; wait && r < n; r++)
        br_submit(ctx, receives, NULL, 0, .on = BR_RANK(r));
    for (int serves = 0; !wait && serves < 2; serves++)
        br_submit(ctx, plays, &serves, sizeof serves, .on = BR_RANK(n - 1 - serves));
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    exit(br_close(other) == 0 ? code : 99);
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
    if (strcmp(how, "early") == 0)
        return close_early(ctx);
    if (strcmp(how, "receives") == 0)
        return wrong_name(ctx);
    if (strcmp(how, "waits") == 0 || strcmp(how, "plays") == 0)
        leave_tasks(ctx, how, argc > 2 ? atoi(argv[2]) : 5);
    if (strcmp(how, "unread") == 0) { /* what the last rank sends */
        br_future *f = br_submit(ctx, sends, "abc", 3, .on = BR_RANK(br_num_ranks(ctx) - 1));
        return br_wait(f) == BR_OK ? br_close(ctx) : 99;
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
