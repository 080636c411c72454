/* SPDX-License-Identifier: BSD-3-Clause
 * badinput.h - what the unit tests of bad input have in common: a context that must still
 * compute after each test, and what a failed array says.
 */
#ifndef TEST_BADINPUT_H
#define TEST_BADINPUT_H

#include <check.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

static br_context *ctx;
static char folder[200];
static int logged;
static int wrong;

static inline void count_log(void *data, br_status status, const char *text)
{
    (void)data;
    (void)status;
    (void)text;
    logged++;
}

static inline void set_up(void)
{
    const char *top = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_badinput.XXXXXX", top != NULL ? top : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    logged = 0;
    wrong = 0;
    br_set_log(ctx, count_log, NULL);
}

/* After each test the context must still compute. */
static inline void tear_down(void)
{
    char command[300];
    double sum = 0;
    br_clear_error(ctx);
    ck_assert_int_eq(
        br_compute_f64(br_sum(br_arange(ctx, BR_NUM(0), BR_NUM(101), .chunks = BR_CHUNKS(7))),
                       &sum),
        BR_OK);
    ck_assert(sum == 5050);
    ck_assert_int_eq(br_close(ctx), 0);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(wrong, 0);
}

static inline const char *in_folder(const char *name)
{
    static char text[4][300];
    static int next;
    char *path = text[next++ % 4];
    snprintf(path, sizeof text[0], "%s/%s", folder, name);
    return path;
}

/* All wrong answers of a test are told before it fails. */
static inline void tell(int line, const char *what, const char *text, const char *part)
{
    fprintf(stderr, "line %d: %s: \"%s\", not \"%s\"\n", line, what, text, part);
    wrong++;
}

static inline void check_says(int line, const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        tell(line, "text", text, part);
}
#define says(text, part) check_says(__LINE__, text, part)

/* A failed array: its status, its text with this file's name, and the same status from whatever is
 * made of it and done with it. */
static inline void check_failed(int line, br_array *x, br_status status, const char *part)
{
    double buffer[64];
    if (br_status_of(x) != status)
        tell(line, br_error(x), br_status_text(br_status_of(x)), br_status_text(status));
    if (br_status_of(x) == BR_OK)
        return;
    check_says(line, br_error(x), part);
    ck_assert_int_eq(br_ndim(x), 0);
    ck_assert_int_eq(br_dtype_of(x), BR_NO_DTYPE);
    br_array *later = br_sum(br_index(br_add(br_mul(x, 2), 1), "::2"), .axis = BR_AXES(0));
    ck_assert_int_eq(br_status_of(later), br_status_of(x));
    ck_assert_str_eq(br_error(later), br_error(x));
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute(later, buffer, sizeof buffer), br_status_of(x));
    ck_assert_str_eq(br_message(ctx), br_error(x));
    br_clear_error(ctx);
}
#define failed(x, status, part) check_failed(__LINE__, x, status, part)

static inline br_array *ones(int64_t rows, int64_t columns)
{
    return br_ones(ctx, BR_SHAPE(rows, columns), .chunks = BR_CHUNKS(2, 2));
}

#endif
