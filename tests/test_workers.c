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

static br_context *open_with(int threads)
{
    char n[16];
    snprintf(n, sizeof n, "%d", threads > 0 ? threads : 1);
    setenv("BRAMBLE_SCHEDULER", threads > 0 ? "threads" : "sync", 1);
    setenv("BRAMBLE_NUM_THREADS", n, 1);
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
    br_set_log(ctx, NULL, NULL);
    return ctx;
}

/* The call has failed so, with these words in its message. */
static void failed(br_context *ctx, br_status st, br_status want, const char *text)
{
    ck_assert_msg(st == want && br_error_status(ctx) == want, "status %d, \"%s\"", (int)st,
                  br_message(ctx));
    ck_assert_msg(strstr(br_message(ctx), text) != NULL, "\"%s\" has no \"%s\"", br_message(ctx),
                  text);
    br_clear_error(ctx);
}

/* ---- choices ---- */

static const struct {
    const char *text, *why;
} bad_choices[] = {
    {"1", "there is no number 1: there are 1"},
    {"-2", "there is no number -2: there are 1"},
    {"0,0", "number 0 is chosen twice"},
    {":,0", "number 0 is chosen twice"},
    {"1:", "nobody is chosen: there are 1"},
    {"::0", "the step is 0 at column 4"},
    {"", "a number or a slice is expected at column 1"},
    {"0,", "a number or a slice is expected at column 3"},
    {"a", "a number or a slice is expected at column 1"},
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
    failed(ctx, br_run_on(ctx, NULL, three, NULL, 0, .results = got, .each = 2, .name = "abc"),
           BR_EARG, "task abc");
    ck_assert_str_eq(got, "unseen");
    ck_assert_int_eq(br_run_on(ctx, NULL, three, NULL, 0, .results = got, .each = 3), BR_OK);
    ck_assert_str_eq(got, "abceen");
    ck_assert_int_eq(br_close(ctx), 0);
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
    ck_assert_int_eq(br_close(ctx), BR_ECONFIG);
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
    Suite *suite = suite_create("workers");
    TCase *tc = tcase_create("workers");
    int nchoices = (int)(sizeof bad_choices / sizeof bad_choices[0]);
    tcase_add_loop_test(tc, test_bad_choice, 0, nchoices);
    tcase_add_loop_test(tc, test_bad_run, 0, 3);
    tcase_add_test(tc, test_not_open);
    tcase_add_test(tc, test_celsius);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures > 0;
}
