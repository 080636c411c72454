/* SPDX-License-Identifier: BSD-3-Clause
 * test_messages.c - messages between tasks: received by nobody, cancelled, printed, and many
 * receives at a time.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/tasks.h"

static int send_x(br_task *task, const void *args, size_t bytes)
{
    return br_send(task, "x", args, bytes);
}

static int receive_x(br_task *task, const void *args, size_t bytes)
{
    char x[3];
    (void)args, (void)bytes;
    return br_recv(task, "x", x, sizeof x);
}

static void keep_log(void *data, br_status status, const char *text)
{
    (void)status;
    snprintf(data, 600, "%s", text);
}

/* What nobody receives is named when the context closes; nothing is said when there is none. */
START_TEST(test_not_received)
{
    char told[600] = "";
    br_context *ctx = open_with(0);
    br_set_log(ctx, keep_log, told);
    ck_assert_int_eq(br_run_on(ctx, NULL, send_x, "abc", 3), BR_OK);
    ck_assert_int_eq(br_run_on(ctx, NULL, receive_x, NULL, 0), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
    ck_assert_str_eq(told, "");
    ctx = open_with(0);
    br_set_log(ctx, keep_log, told);
    ck_assert_int_eq(br_run_on(ctx, NULL, send_x, "abc", 3), BR_OK);
    ck_assert_int_eq(br_run_on(ctx, NULL, send_x, "abcd", 4), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
    ck_assert_msg(strstr(told, "br_close: sent and not received: \"x\" (3 bytes, by task send_x "
                               "(test_messages.c:") == told,
                  "%s", told);
    ck_assert_ptr_nonnull(strstr(told, ") on rank 0), \"x\" (4 bytes, by "));
}
END_TEST

/* Works with what it has not got. */
static int receive_carelessly(br_task *task, const void *args, size_t bytes)
{
    char x[3];
    (void)args, (void)bytes;
    br_recv(task, "x", x, sizeof x);
    return 0;
}

/* Alone, with a message of another length, and cancelled. */
START_TEST(test_receives)
{
    br_context *ctx = open_with(_i);
    failed(ctx, br_run_on(ctx, NULL, receive_x, NULL, 0), BR_EARG,
           "br_recv on rank 0: nobody will send \"x\": all other tasks are over or wait; sent and "
           "not received: nothing");
    failed(ctx, br_run_on(ctx, NULL, receive_carelessly, NULL, 0), BR_EARG, "nobody will send");
    ck_assert_int_eq(br_run_on(ctx, NULL, send_x, "abcd", 4), BR_OK);
    failed(ctx, br_run_on(ctx, NULL, receive_x, NULL, 0), BR_ESHAPE,
           "the message \"x\" has 4 bytes, not 3");
    ck_assert_int_eq(br_run_on(ctx, NULL, send_x, "abc", 3), BR_OK);
    ck_assert_int_eq(br_run_on(ctx, NULL, receive_x, NULL, 0), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_cancelled_receive)
{
    br_context *ctx = open_with(2);
    br_future *f = br_submit(ctx, receive_x, NULL, 0);
    pause_ms(50); /* so that it waits as a rule */
    br_cancel(f);
    ck_assert_int_eq(br_wait(f), BR_ECANCELLED);
    br_future_free(f);
    f = br_submit(ctx, receive_x, NULL, 0); /* br_close waits for it, and nobody will send */
    while (br_future_attempts(f) == 0)
        pause_ms(1); /* what has not begun would be cancelled */
    ck_assert_int_eq(br_close(ctx), BR_EARG);
}
END_TEST

/* SIGUSR1 lists what waits; asked more than once a second it does so once, and the first time may
 * come before the task waits. */
START_TEST(test_printed)
{
    static char text[1 << 16];
    br_context *ctx = open_with(2);
    br_future *f = br_submit(ctx, receive_x, NULL, 0);
    FILE *to = tmpfile();
    fflush(stderr);
    int before = dup(2);
    dup2(fileno(to), 2);
    while (strstr(text, "waits for") == NULL) {
        raise(SIGUSR1);
        pause_ms(20);
        text[pread(fileno(to), text, sizeof text - 1, 0)] = '\0';
    }
    dup2(before, 2);
    close(before);
    fclose(to);
    ck_assert_msg(strstr(text, "task receive_x (test_messages.c:") != NULL &&
                      strstr(text, "waits for the message \"x\"") != NULL,
                  "%s", text);
    ck_assert_int_eq(br_wait(f), BR_EARG);
    ck_assert_int_eq(br_close(ctx), BR_EARG);
}
END_TEST

/* Many that wait at a time; and more than may. */
START_TEST(test_many_receives)
{
    enum { MANY = 200, TOO_MANY = 300 };
    br_future *f[2 * MANY];
    br_context *ctx = open_with(_i);
    for (int i = 0; i < MANY; i++)
        f[i] = br_submit(ctx, receive_x, NULL, 0);
    for (int i = MANY; i < 2 * MANY; i++)
        f[i] = br_submit(ctx, send_x, "abc", 3);
    for (int i = 0; i < 2 * MANY; i++) {
        ck_assert_int_eq(br_wait(f[i]), BR_OK);
        br_future_free(f[i]);
    }
    for (int i = 0; i < TOO_MANY; i++)
        f[i] = br_submit(ctx, receive_x, NULL, 0);
    int nlate = 0;
    for (int i = 0; i < TOO_MANY; i++) {
        ck_assert_int_ne(br_wait(f[i]), BR_OK);
        nlate += strstr(br_future_message(f[i]), "256 tasks wait in br_recv already") != NULL;
        br_future_free(f[i]);
    }
    ck_assert_int_gt(nlate, 0);
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- who waits otherwise meanwhile ---- */

static br_future *awaited;

static int wait_inside(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    return br_wait(awaited) == BR_OK ? 0 : -1;
}

/* More of them than threads wait inside tasks for the receive; what sends stands behind them. */
START_TEST(test_waits_for_receive)
{
    enum { MANY = 20 };
    br_future *f[MANY + 1];
    br_context *ctx = open_with(_i);
    awaited = br_submit(ctx, receive_x, NULL, 0);
    for (int i = 0; i < MANY; i++)
        f[i] = br_submit(ctx, wait_inside, NULL, 0);
    f[MANY] = br_submit(ctx, send_x, "abc", 3);
    ck_assert_int_eq(br_wait(awaited), BR_OK);
    for (int i = 0; i <= MANY; i++)
        ck_assert_int_eq(br_wait(f[i]), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* How far the threads of the next test are. */
enum { NOTHING, SENDER_RUNS, FIRST_RUNS, FIRST_ENDS, SENDER_SENDS };
static atomic_int stage;

static void await_stage(int n)
{
    while (atomic_load(&stage) < n)
        pause_ms(1);
}

static int run_first(br_task *task, const void *args, size_t bytes)
{
    (void)task, (void)args, (void)bytes;
    atomic_store(&stage, FIRST_RUNS);
    await_stage(FIRST_ENDS);
    return 0;
}

static int send_at_last(br_task *task, const void *args, size_t bytes)
{
    atomic_store(&stage, SENDER_RUNS);
    await_stage(SENDER_SENDS);
    return send_x(task, args, bytes);
}

static void *wait_for(void *future)
{
    br_wait(future);
    return NULL;
}

static void *wait_for_both(void *future)
{
    br_wait(future);
    pause_ms(30);
    br_wait(awaited);
    return NULL;
}

/* The thread that works in the pool's place runs the receive, so another one takes the place, to
 * wait for that very task; which then goes on without it. */
START_TEST(test_place_is_taken)
{
    pthread_t sender, sits, follows;
    br_context *ctx = open_with(1);
    atomic_store(&stage, NOTHING);
    br_future *sent = br_submit(ctx, send_at_last, "abc", 3);
    pthread_create(&sender, NULL, wait_for, sent);
    await_stage(SENDER_RUNS);
    br_future *first = br_submit(ctx, run_first, NULL, 0);
    awaited = br_submit(ctx, receive_x, NULL, 0, .deps = BR_FUTURES(first));
    pthread_create(&follows, NULL, wait_for_both, first);
    await_stage(FIRST_RUNS);
    pthread_create(&sits, NULL, wait_for, awaited);
    pause_ms(50);
    atomic_store(&stage, FIRST_ENDS);
    pause_ms(100);
    atomic_store(&stage, SENDER_SENDS);
    pthread_join(sender, NULL);
    pthread_join(sits, NULL);
    pthread_join(follows, NULL);
    ck_assert_int_eq(br_wait(awaited), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("messages");
    tcase_add_test(tests, test_not_received);
    tcase_add_loop_test(tests, test_receives, 0, 3);
    tcase_add_test(tests, test_cancelled_receive);
    tcase_add_test(tests, test_printed);
    tcase_add_loop_test(tests, test_many_receives, 0, 3);
    tcase_add_loop_test(tests, test_waits_for_receive, 0, 3);
    tcase_add_loop_test(tests, test_place_is_taken, 0, 3);
    return run_case("messages", tests);
}
