/* SPDX-License-Identifier: BSD-3-Clause
 * test_workers.c - what is refused of the functions on workers, and why.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "runtime/host.h"
#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/tasks.h"

/* ---- choices ---- */

static const struct {
    const char *text, *why;
} bad_choices[] = {
    {"1", "there is no worker 1: the last is 0"},
    {"-2", "there is no worker -2: the last is 0"},
    {"0,0", "number 0 is chosen twice"},
    {":,0", "number 0 is chosen twice"},
    {"1:", "nobody is chosen: the last is 0"},
    {"::0", "the step is 0 at column 4"},
    {"", "a number, a slice or \":\" for all is expected at column 1"},
    {"0,", "a number, a slice or \":\" for all is expected at column 3"},
    {"a", "a number, a slice or \":\" for all is expected at column 1"},
    {"0 1", "a comma is expected at column 3"},
    {"0:1:1:1", "a comma is expected at column 6"},
    {"-", "a number is missing at column 1"},
    {"99999999999999999999", "a number is too large at column 1"},
};

START_TEST(test_bad_choice)
{
    br_context *ctx = open_with(0);
    const char *text = bad_choices[_i].text;
    ck_assert_uint_eq(br_worker_ranks(ctx, text), 0);
    failed(ctx, br_error_status(ctx), BR_EINDEX, bad_choices[_i].why);
    failed(ctx, br_run_on(ctx, text, NULL, NULL, 0), BR_EINDEX, bad_choices[_i].why);
    ck_assert_uint_eq(br_run_on_async(ctx, text, NULL, NULL, 0, NULL), 0);
    failed(ctx, br_error_status(ctx), BR_EINDEX, "run_on_async (test_workers.c:");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- functions ---- */

static int three(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    return br_task_return(task, "abc", 3);
}

static int fails(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    return br_task_fail(task, "out of luck");
}

START_TEST(test_bad_run)
{
    br_context *ctx = open_with(_i);
    char got[8] = "unseen";
    failed(ctx, br_run_on(ctx, NULL, NULL, NULL, 0), BR_EARG, "no function");
    failed(ctx, br_run_on(ctx, NULL, three, NULL, 4), BR_EARG, "no pointer");
    failed(ctx, br_run_on(ctx, NULL, fails, NULL, 0, .results = got, .each = 3), BR_EUSER,
           "task fails (test_workers.c:");
    failed(ctx, br_run_on(ctx, NULL, three, NULL, 0, .results = got, .each = 4), BR_EARG,
           "returned 3 bytes, not 4");
    failed(ctx, br_run_on(ctx, NULL, three, NULL, 0, .results = got), BR_EARG,
           ".results without .each");
    failed(ctx, br_run_on(ctx, NULL, three, NULL, 0, .results = got, .each = 2, .name = "abc"),
           BR_EARG, "task abc");
    ck_assert_str_eq(got, "unseen");
    ck_assert_int_eq(br_run_on(ctx, NULL, three, NULL, 0, .results = got, .each = 3), BR_OK);
    ck_assert_str_eq(got, "abceen");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int says_where(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    return br_task_return(task, &args, sizeof args);
}

/* Its wait may be refused, and the called one goes on with its arguments. */
static int lends_none(br_task *task, const void *args, size_t bytes)
{
    const void *seen = NULL;
    char mine[1000] = "";
    (void)args, (void)bytes;
    br_status st = br_run_on(br_task_context(task), NULL, says_where, mine, sizeof mine,
                             .results = &seen, .each = sizeof seen);
    return st != BR_OK || seen == mine;
}

START_TEST(test_whose_arguments)
{
    br_context *ctx = open_with(_i);
    const void *seen = NULL;
    char mine[1000] = "";
    ck_assert_int_eq(
        br_run_on(ctx, NULL, says_where, mine, sizeof mine, .results = &seen, .each = sizeof seen),
        BR_OK);
    ck_assert_ptr_eq(seen, mine);
    ck_assert_int_eq(br_run_on(ctx, NULL, lends_none, NULL, 0), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- values under names ---- */

static const struct {
    const char *name, *why;
} bad_names[] = {
    {NULL, "no name"},
    {"", "no name"},
    {"01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
     "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
     "012345678901234567",
     "more than 200 bytes"},
};

static int put_bad(br_task *task, const void *args, size_t bytes)
{
    int i;
    memcpy(&i, args, bytes);
    return br_task_put(task, bad_names[i].name, "abc", 3);
}

static int get_bad(br_task *task, const void *args, size_t bytes)
{
    int i;
    memcpy(&i, args, bytes);
    return br_task_get(task, bad_names[i].name, NULL) != NULL ? 0 : -1;
}

START_TEST(test_bad_name)
{
    br_context *ctx = open_with(2);
    char x[8];
    size_t n;
    br_future *f;
    const char *name = bad_names[_i].name, *why = bad_names[_i].why;
    failed(ctx, br_push(ctx, NULL, name, "abc", 3), BR_EARG, why);
    failed(ctx, br_broadcast(ctx, name, "abc", 3), BR_EARG, why);
    failed(ctx, br_scatter(ctx, NULL, name, "abc", 3, 1), BR_EARG, why);
    failed(ctx, br_gather(ctx, NULL, name, x, 3), BR_EARG, why);
    failed(ctx, br_pull(ctx, NULL, name, x, 3), BR_EARG, why);
    failed(ctx, br_value_sizes(ctx, NULL, name, &n), BR_EARG, why);
    failed(ctx, br_forget(ctx, NULL, name), BR_EARG, why);
    ck_assert_uint_eq(br_pull_async(ctx, NULL, name, &f), 0);
    failed(ctx, br_error_status(ctx), BR_EARG, "pull (test_workers.c:");
    failed(ctx, br_run_on(ctx, NULL, put_bad, &_i, sizeof _i), BR_EARG, why);
    failed(ctx, br_run_on(ctx, NULL, get_bad, &_i, sizeof _i), BR_EARG, why);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int get_x(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    return br_task_get(task, "x", NULL) != NULL ? 0 : -1;
}

START_TEST(test_bad_values)
{
    br_context *ctx = open_with(_i);
    char x[8];
    size_t n;
    failed(ctx, br_push(ctx, NULL, "x", NULL, 3), BR_EARG, "push (test_workers.c:");
    failed(ctx, br_broadcast(ctx, "x", NULL, 3), BR_EARG, "no pointer");
    failed(ctx, br_scatter(ctx, NULL, "x", NULL, 3, 1), BR_EARG, "no pointer");
    failed(ctx, br_scatter(ctx, NULL, "x", x, 3, 0), BR_EARG, "elements of 0 bytes");
    failed(ctx, br_scatter(ctx, NULL, "x", x, SIZE_MAX / 4, 8), BR_EARG, "more bytes than");
    failed(ctx, br_push(ctx, "2:", "x", x, 3), BR_EINDEX, "nobody is chosen");
    failed(ctx, br_pull(ctx, NULL, "x", x, 3), BR_ENOTFOUND, "no value \"x\" on rank 0 (");
    failed(ctx, br_gather(ctx, NULL, "x", x, 3), BR_ENOTFOUND, "task gather (test_workers.c:");
    failed(ctx, br_value_sizes(ctx, NULL, "x", &n), BR_ENOTFOUND, "no value \"x\"");
    failed(ctx, br_run_on(ctx, NULL, get_x, NULL, 0), BR_ENOTFOUND, "no value \"x\"");
    ck_assert_int_eq(br_forget(ctx, NULL, "x"), BR_OK);
    ck_assert_int_eq(br_push(ctx, NULL, "x", "abcde", 5), BR_OK);
    failed(ctx, br_pull(ctx, NULL, "x", NULL, 5), BR_EARG, "no memory to copy values to");
    failed(ctx, br_gather(ctx, NULL, "x", NULL, 5), BR_EARG, "no memory to copy values to");
    failed(ctx, br_pull(ctx, NULL, "x", x, 3), BR_ESHAPE, "has 5 bytes on rank 0 (");
    failed(ctx, br_gather(ctx, NULL, "x", x, 3), BR_ESHAPE, "have 5 bytes together, not 3");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(test_bad_arrays)
{
    br_context *ctx = open_with(_i);
    double ten[10] = {0};
    br_array *x = br_from_memory(ctx, ten, BR_FLOAT64, BR_SHAPE(10));
    br_array *bad = br_index(x, "11");
    failed(ctx, br_scatter_array(bad, NULL, "x"), BR_EINDEX, "index (test_workers.c:");
    failed(ctx, br_scatter_array(br_sum(x), NULL, "x"), BR_ESHAPE, "scatter_array (test_workers.c");
    failed(ctx, br_scatter_array(x, "3", "x"), BR_EINDEX, "scatter_array (test_workers.c");
    failed(ctx, br_scatter_array(x, NULL, NULL), BR_EARG, "scatter_array (test_workers.c");
    failed(ctx, br_broadcast_array(x, ""), BR_EARG, "broadcast_array (test_workers.c");
    ck_assert_int_eq(br_scatter_array(x, NULL, "x"), BR_OK);
    br_array *y = br_gather_array(ctx, NULL, "x", BR_FLOAT32, .shape = BR_SHAPE(4, BR_UNKNOWN));
    failed(ctx, br_status_of(y), BR_ESHAPE, "extent -1 of axis 1");
    y = br_gather_array(ctx, NULL, "x", BR_FLOAT32, .shape = BR_SHAPE(BR_UNKNOWN, 7));
    failed(ctx, br_status_of(y), BR_ESHAPE, "have 80 bytes together");
    y = br_gather_array(ctx, NULL, "x", BR_FLOAT32, .shape = BR_SHAPE(BR_UNKNOWN, 4));
    ck_assert_int_eq(br_shape(y)[0], 5);
    y = br_gather_array(ctx, NULL, "x", BR_NO_DTYPE);
    ck_assert_int_eq(br_status_of(y), BR_ETYPE);
    y = br_gather_array(ctx, NULL, "y", BR_INT8);
    failed(ctx, br_status_of(y), BR_ENOTFOUND, "no value \"y\"");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static int refuses(void *left, const void *right, size_t bytes, const void *args)
{
    (void)left, (void)right, (void)bytes, (void)args;
    return 5;
}

static int first_wins(void *left, const void *right, size_t bytes, const void *args)
{
    (void)left, (void)right, (void)bytes, (void)args;
    return 0;
}

static int some_bytes(br_task *task, const void *args, size_t bytes)
{
    return br_task_return(task, "abcdef", bytes > 0 ? *(const unsigned char *)args : 0);
}

static void future_failed(br_context *ctx, br_future *f, br_status want, const char *text)
{
    failed(ctx, br_wait(f), want, text);
    br_future_free(f);
}

START_TEST(test_bad_reduce)
{
    br_context *ctx = open_with(_i);
    char x[8] = "";
    br_future *f[3];
    unsigned char lengths[3] = {2, 2, 3};
    ck_assert_int_eq(br_push(ctx, NULL, "x", "abcde", 5), BR_OK);
    failed(ctx, br_reduce(ctx, NULL, "x", NULL, x, 5), BR_EARG, "no function");
    failed(ctx, br_reduce(ctx, NULL, "x", first_wins, NULL, 5), BR_EARG, "no memory for");
    failed(ctx, br_reduce(ctx, NULL, "x", first_wins, x, 4), BR_ESHAPE, "has 5 bytes on rank 0");
    failed(ctx, br_reduce(ctx, NULL, "y", first_wins, x, 4), BR_ENOTFOUND, "no value \"y\"");
    ck_assert_int_eq(br_reduce(ctx, NULL, "x", refuses, x, 5), BR_OK); /* one value alone */
    ck_assert_str_eq(x, "abcde");
    ck_assert_int_eq(br_submit_many(ctx, some_bytes, lengths, 1, 3, f), BR_OK);
    future_failed(ctx, br_reduce_futures(ctx, f, 0, first_wins), BR_EARG, "no futures");
    future_failed(ctx, br_reduce_futures(ctx, f, 2, NULL), BR_EARG, "no function");
    future_failed(ctx, br_reduce_futures(ctx, f, 2, refuses), BR_EUSER,
                  "function refuses returned 5");
    future_failed(ctx, br_reduce_futures(ctx, f, 3, first_wins), BR_ESHAPE,
                  "future 2 has 3 bytes, the first one has 2");
    future_failed(ctx, br_reduce_futures(ctx, f, 2, first_wins, .arg_bytes = 3), BR_EARG,
                  "no pointer");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* What is kept counts, and goes again. */
START_TEST(test_no_room)
{
    enum { MEGA = 1 << 20 };
    char *x = calloc(1, 64 * MEGA);
    setenv("BRAMBLE_MEMORY_LIMIT", "100M", 1);
    br_context *ctx = open_with(_i);
    ck_assert_int_eq(br_push(ctx, NULL, "x", "old", 3), BR_OK);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(br_push(ctx, NULL, "y", x, 40 * MEGA), BR_OK);
        failed(ctx, br_push(ctx, NULL, "x", x, 64 * MEGA), BR_EMEMLIMIT, "value \"x\" on rank 0");
        ck_assert_int_eq(br_forget(ctx, NULL, "y"), BR_OK);
    }
    ck_assert_int_eq(br_pull(ctx, NULL, "x", x, 3), BR_OK);
    ck_assert_str_eq(x, "old");
    ck_assert_int_eq(br_push(ctx, NULL, "x", x, 60 * MEGA), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
    free(x);
}
END_TEST

START_TEST(test_not_open)
{
    br_worker w;
    br_future *f = NULL;
    setenv("BRAMBLE_SCHEDULER", "none such", 1);
    br_context *ctx = br_open(NULL, NULL);
    br_set_log(ctx, NULL, NULL);
    ck_assert_int_eq(br_workers(ctx, &w), BR_ECONFIG);
    ck_assert_int_eq(br_run_on(ctx, NULL, three, NULL, 0), BR_ECONFIG);
    ck_assert_uint_eq(br_run_on_async(ctx, NULL, three, NULL, 0, &f), 0);
    ck_assert_int_eq(br_push(ctx, NULL, "x", &w, 1), BR_ECONFIG);
    ck_assert_int_eq(br_pull(ctx, NULL, "x", &w, 1), BR_ECONFIG);
    ck_assert_int_eq(br_forget(ctx, NULL, "x"), BR_ECONFIG);
    ck_assert_int_eq(br_close(ctx), BR_ECONFIG);
}
END_TEST

/* ---- messages ---- */

static int send_badly(br_task *task, const void *args, size_t bytes)
{
    int i;
    memcpy(&i, args, bytes);
    return i < 3 ? br_send(task, bad_names[i].name, "abc", 3) : br_send(task, "x", NULL, 3);
}

static int receive_badly(br_task *task, const void *args, size_t bytes)
{
    int i;
    char x[3];
    memcpy(&i, args, bytes);
    if (i < 3)
        return br_recv(task, bad_names[i].name, x, 3);
    return br_recv_view(task, bad_names[i - 3].name, NULL) != NULL ? 0 : -1;
}

START_TEST(test_bad_messages)
{
    br_context *ctx = open_with(_i);
    for (int i = 0; i < 4; i++) {
        br_status st = br_run_on(ctx, NULL, send_badly, &i, sizeof i);
        failed(ctx, st, BR_EARG, i < 3 ? bad_names[i].why : "br_send: some bytes, but no pointer");
    }
    for (int i = 0; i < 6; i++) {
        br_status st = br_run_on(ctx, NULL, receive_badly, &i, sizeof i);
        failed(ctx, st, BR_EARG, bad_names[i % 3].why);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- temperature ---- */

static void write_zone(const char *folder, const char *zone, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, zone);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    strcat(path, "/temp");
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(test_celsius)
{
    char folder[] = "/tmp/bramble-thermal-XXXXXX";
    char command[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert(isnan(bri_host_celsius("/no/such/directory")));
    ck_assert(isnan(bri_host_celsius(folder)));
    write_zone(folder, "thermal_zone0", "nothing\n");
    write_zone(folder, "thermal_zone1", "-274000\n");
    write_zone(folder, "cooling_device0", "99000\n");
    ck_assert(isnan(bri_host_celsius(folder)));
    write_zone(folder, "thermal_zone2", "48312\n");
    write_zone(folder, "thermal_zone3", "41000\n");
    ck_assert(fabs(bri_host_celsius(folder) - 48.312) < 1e-9);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("workers");
    int nchoices = (int)(sizeof bad_choices / sizeof bad_choices[0]);
    tcase_add_loop_test(tests, test_bad_choice, 0, nchoices);
    tcase_add_loop_test(tests, test_bad_run, 0, 3);
    tcase_add_loop_test(tests, test_whose_arguments, 0, 3);
    tcase_add_loop_test(tests, test_bad_name, 0, 3);
    tcase_add_loop_test(tests, test_bad_values, 0, 3);
    tcase_add_loop_test(tests, test_bad_reduce, 0, 3);
    tcase_add_loop_test(tests, test_bad_arrays, 0, 3);
    tcase_add_loop_test(tests, test_no_room, 0, 2);
    tcase_add_loop_test(tests, test_bad_messages, 0, 3);
    tcase_add_test(tests, test_not_open);
    tcase_add_test(tests, test_celsius);
    return run_case("workers", tests);
}
