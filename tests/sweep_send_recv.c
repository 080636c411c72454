/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_send_recv.c - messages between running tasks, and receives that nobody answers.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/workers.h"

enum { MOST = 8 };

/* ---- messages ---- */

enum { MESSAGES = 300 };

static int send_many(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    for (int64_t i = 0; i < MESSAGES; i++)
        if (br_send(task, "numbers", &i, sizeof i) != 0)
            return -1;
    return 0;
}

/* In their order, whoever sent them. */
static int receive_many(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    for (int64_t i = 0, got; i < MESSAGES; i++)
        if (br_recv(task, "numbers", &got, sizeof got) != 0 || got != i)
            return -1;
    return 0;
}

/* Before and after, on the same rank and on another one. */
static void one_to_one(void)
{
    bool good = true;
    for (int way = 0; way < 4; way++) {
        int from = way & 1 ? nworkers - 1 : 0, to = way & 2 ? nworkers - 1 : 0;
        br_future *r = NULL, *s = NULL;
        if (way != 2)
            r = br_submit(sweep.ctx, receive_many, NULL, 0, .on = BR_RANK(to));
        s = br_submit(sweep.ctx, send_many, NULL, 0, .on = BR_RANK(from));
        if (way == 2)
            r = br_submit(sweep.ctx, receive_many, NULL, 0, .on = BR_RANK(to));
        good = br_wait(r) == BR_OK && br_wait(s) == BR_OK && good;
        br_future_free(r);
        br_future_free(s);
    }
    check(good, "one to one");
}

/* Number i of so many waits for its neighbour, so all but one wait at a time. */
enum { RING = 24 };

static int pass_on(br_task *task, const void *args, size_t bytes)
{
    int i;
    int64_t sum = 0;
    char name[32];
    memcpy(&i, args, bytes);
    snprintf(name, sizeof name, "ring %d", i);
    if (i > 0 && br_recv(task, name, &sum, sizeof sum) != 0)
        return -1;
    sum = sum * 3 + i;
    snprintf(name, sizeof name, "ring %d", i + 1);
    return i + 1 < RING ? br_send(task, name, &sum, sizeof sum)
                        : br_task_return(task, &sum, sizeof sum);
}

static void ring(void)
{
    br_future *f[RING];
    int64_t want = 0, got = 0;
    for (int i = RING - 1; i >= 0; i--)
        f[i] = br_submit(sweep.ctx, pass_on, &i, sizeof i);
    for (int i = 0; i < RING; i++)
        want = want * 3 + i;
    bool good = br_future_result(f[RING - 1], &got, sizeof got) == BR_OK && got == want &&
                br_wait_all(f, RING) == BR_OK;
    for (int i = 0; i < RING; i++)
        br_future_free(f[i]);
    check(good, "ring");
}

/* Heat in a rod, by parts that exchange their ends in each step. */
enum { ROD = 60, PARTS = 5, STEPS = 40 };

static void heat_step(double *x, int n, double left, double right)
{
    double before = left;
    for (int i = 0; i < n; i++) {
        double here = x[i], after = i + 1 < n ? x[i + 1] : right;
        x[i] = here + 0.25 * (before - 2 * here + after);
        before = here;
    }
}

static int swap_ends(br_task *task, int part, int step, const double *x, double ends[2])
{
    char name[64];
    int n = ROD / PARTS;
    ends[0] = 1;
    ends[1] = 0;
    for (int side = 0; side < 2; side++) {
        int other = part + 2 * side - 1;
        snprintf(name, sizeof name, "step %d, %d to %d", step, part, other);
        if (other >= 0 && other < PARTS &&
            br_send(task, name, &x[side == 0 ? 0 : n - 1], sizeof *x) != 0)
            return -1;
    }
    for (int side = 0; side < 2; side++) {
        int other = part + 2 * side - 1;
        snprintf(name, sizeof name, "step %d, %d to %d", step, other, part);
        if (other >= 0 && other < PARTS && br_recv(task, name, &ends[side], sizeof *ends) != 0)
            return -1;
    }
    return 0;
}

static int heat_part(br_task *task, const void *args, size_t bytes)
{
    double x[ROD / PARTS] = {0};
    double ends[2];
    int part;
    memcpy(&part, args, bytes);
    for (int step = 0; step < STEPS; step++) {
        if (swap_ends(task, part, step, x, ends) != 0)
            return -1;
        heat_step(x, ROD / PARTS, ends[0], ends[1]);
    }
    return br_task_return(task, x, sizeof x);
}

static void heat(void)
{
    double want[ROD] = {0}, got[ROD];
    br_future *f[PARTS];
    bool good = true;
    for (int step = 0; step < STEPS; step++)
        heat_step(want, ROD, 1, 0);
    for (int p = 0; p < PARTS; p++)
        f[p] = br_submit(sweep.ctx, heat_part, &p, sizeof p, .on = BR_RANK(p % nworkers));
    for (int p = 0; p < PARTS; p++) {
        good = br_future_result(f[p], got + p * (ROD / PARTS), sizeof got / PARTS) == BR_OK && good;
        br_future_free(f[p]);
    }
    check(good && memcmp(want, got, sizeof got) == 0, "heat in parts");
}

enum { LONG = 3000001 };

static int send_long(br_task *task, const void *args, size_t bytes)
{
    unsigned char *x = long_bytes(LONG);
    (void)args, (void)bytes;
    int code = br_send(task, "long", x, LONG) || br_send(task, "long", x, 0);
    free(x);
    return code;
}

static int receive_long(br_task *task, const void *args, size_t bytes)
{
    size_t n = 0;
    (void)args, (void)bytes;
    const unsigned char *x = br_recv_view(task, "long", &n);
    for (size_t i = 0; x != NULL && i < n; i++)
        if (x[i] != byte_of(i))
            return 1;
    if (x == NULL || n != LONG)
        return -1;
    return br_recv_view(task, "long", &n) != NULL && n == 0 ? 0 : -1;
}

static void long_message(void)
{
    bool good = true;
    for (int way = 0; way < 3; way++) {
        int there = nworkers - 1, to = way == 1 ? 0 : way == 2 ? there / 2 : there;
        br_future *r = br_submit(sweep.ctx, receive_long, NULL, 0, .on = BR_RANK(to));
        br_future *s = br_submit(sweep.ctx, send_long, NULL, 0, .on = BR_RANK(way ? there : 0));
        good = br_wait(s) == BR_OK && br_wait(r) == BR_OK && good;
        br_future_free(s);
        br_future_free(r);
    }
    check(good, "long message");
}

/* Tasks of tasks may talk, too. */
static int family(br_task *task, const void *args, size_t bytes)
{
    br_context *ctx = br_task_context(task);
    (void)args, (void)bytes;
    br_future *a = br_submit(ctx, receive_long, NULL, 0);
    br_future *b = br_submit(ctx, send_long, NULL, 0);
    bool good = br_wait(a) == BR_OK && br_wait(b) == BR_OK;
    br_future_free(a);
    br_future_free(b);
    return good ? 0 : -1;
}

static void families(void)
{
    check(br_run_on(sweep.ctx, "-1", family, NULL, 0) == BR_OK, "tasks of tasks");
}

static int send_data(br_task *task, const void *args, size_t bytes)
{
    return br_send(task, "data", args, bytes);
}

static int receive_data(br_task *task, const void *args, size_t bytes)
{
    int x;
    (void)args;
    return br_recv(task, "data", &x, sizeof x) == 0 && (bytes == 0 || x == 7) ? 0 : -1;
}

/* Each worker's only thread may wait for a message while main computes with all of them. */
static void compute_meanwhile(void)
{
    br_future *f[2 * MOST];
    int x = 7;
    int64_t sum = 0;
    bool good = true;
    size_t n = br_run_on_async(sweep.ctx, NULL, receive_data, NULL, 0, f);
    for (int round = 0; round < 3; round++) {
        br_array *a = br_arange(sweep.ctx, BR_NUM(round), BR_NUM(1000), .chunks = BR_CHUNKS(16));
        good = br_compute_i64(br_sum(a), &sum) == BR_OK && good &&
               sum == 499500 - round * (round - 1) / 2;
    }
    for (size_t i = 0; i < n; i++) {
        br_future *s = br_submit(sweep.ctx, send_data, &x, sizeof x);
        f[n + i] = s;
    }
    good = br_wait_all(f, 2 * n) == BR_OK && good;
    for (size_t i = 0; i < 2 * n; i++)
        br_future_free(f[i]);
    check(good, "compute meanwhile");
}

/* ---- messages that never come ---- */

static int receive_dta(br_task *task, const void *args, size_t bytes)
{
    int x;
    (void)args, (void)bytes;
    return br_recv(task, "dta", &x, sizeof x);
}

static void wrong_name(void)
{
    char rank[40];
    int x = 7;
    br_future *r = br_submit(sweep.ctx, receive_dta, NULL, 0, .on = BR_RANK(nworkers - 1));
    br_future *s = br_submit(sweep.ctx, send_data, &x, sizeof x, .on = BR_RANK(0));
    snprintf(rank, sizeof rank, "rank %d", nworkers - 1);
    bool good = br_wait(r) == BR_EARG;
    const char *text = br_future_message(r);
    good = good && strstr(text, "nobody will send \"dta\"") != NULL &&
           strstr(text, "\"data\" (4 bytes, by task send_data (sweep_send_recv.c:") != NULL &&
           strstr(text, "task receive_dta (sweep_send_recv.c:") != NULL &&
           strstr(text, rank) != NULL;
    if (!good)
        fprintf(stderr, "%s\n", text);
    good = good && br_wait(s) == BR_OK;
    br_future_free(r);
    br_future_free(s);
    /* It is still there for who has the right name. */
    r = br_submit(sweep.ctx, receive_data, &x, sizeof x);
    good = br_wait(r) == BR_OK && good;
    br_future_free(r);
    check(good, "wrong name");
}

static int cross(br_task *task, const void *args, size_t bytes)
{
    int i, x;
    char name[32];
    memcpy(&i, args, bytes);
    snprintf(name, sizeof name, "cross %d", i);
    if (br_recv(task, name, &x, sizeof x) != 0)
        return -1;
    snprintf(name, sizeof name, "cross %d", 1 - i);
    return br_send(task, name, &x, sizeof x);
}

static int long_work(br_task *task, const void *args, size_t bytes)
{
    struct timespec t;
    memcpy(&t, args, bytes);
    nanosleep(&t, NULL);
    return br_send(task, "at last", &bytes, sizeof bytes);
}

static int waits_long(br_task *task, const void *args, size_t bytes)
{
    size_t x;
    (void)args, (void)bytes;
    return br_recv(task, "at last", &x, sizeof x);
}

/* Each waits for the other; and one that only takes its time, which is no error. */
static void waiting_for_each_other(void)
{
    br_future *f[2];
    struct timespec slow = {.tv_nsec = 300000000};
    br_future *w = br_submit(sweep.ctx, waits_long, NULL, 0);
    br_future *l = br_submit(sweep.ctx, long_work, &slow, sizeof slow, .on = BR_RANK(nworkers - 1));
    for (int i = 0; i < 2; i++)
        f[i] = br_submit(sweep.ctx, cross, &i, sizeof i, .on = BR_RANK(i % nworkers));
    bool good = br_wait(w) == BR_OK && br_wait(l) == BR_OK;
    good = br_wait(f[0]) == BR_EARG && br_wait(f[1]) == BR_EARG && good &&
           strstr(br_future_message(f[0]), "waited for, too: \"cross 1\"") != NULL &&
           strstr(br_future_message(f[1]), "not received: nothing") != NULL;
    if (!good)
        fprintf(stderr, "%s\n%s\n", br_future_message(f[0]), br_future_message(f[1]));
    br_future_free(w);
    br_future_free(l);
    br_future_free(f[0]);
    br_future_free(f[1]);
    check(good, "waiting for each other");
}

/* ---- waiting inside a task for a receive ---- */

static int receive_one(br_task *task, const void *args, size_t bytes)
{
    int64_t got;
    (void)args, (void)bytes;
    return br_recv(task, "one", &got, sizeof got);
}

static int send_one(br_task *task, const void *args, size_t bytes)
{
    return br_send(task, "one", args, bytes);
}

static int wait_for_receive(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    br_future *f = br_submit(sweep.ctx, receive_one, NULL, 0, .on = BR_RANK(nworkers - 1));
    return br_wait(f) == BR_OK ? 0 : -1;
}

/* What sends stands behind more of those that wait than there are threads. */
static void sender_behind(void)
{
    enum { WAITING = 8 };
    br_future *f[2 * WAITING];
    bool good = true;
    int64_t one = 1;
    for (int i = 0; i < WAITING; i++)
        f[i] = br_submit(sweep.ctx, wait_for_receive, NULL, 0, .on = BR_RANK(0));
    for (int i = WAITING; i < 2 * WAITING; i++)
        f[i] = br_submit(sweep.ctx, send_one, &one, sizeof one, .on = BR_RANK(0));
    for (int i = 0; i < 2 * WAITING; i++) {
        good = br_wait(f[i]) == BR_OK && good;
        br_future_free(f[i]);
    }
    check(good, "the sender behind those that wait for the receives");
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    nworkers = br_num_ranks(sweep.ctx);
    one_to_one();
    ring();
    heat();
    long_message();
    families();
    compute_meanwhile();
    wrong_name();
    waiting_for_each_other();
    sender_behind();
    return sweep_close();
}
