/* SPDX-License-Identifier: BSD-3-Clause
 * unknown.h - what the unit tests of unknown extents have in common: a context with a
 * folder, and arrays with a mask.
 */
#ifndef TEST_UNKNOWN_H
#define TEST_UNKNOWN_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

enum { N = 1000 };

static br_context *ctx;
static double data[N];
static char folder[200];

static inline void open_with(const char *limit)
{
    setenv("BRAMBLE_LOG", "quiet", 1);
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    if (limit != NULL)
        setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

static inline void setup(void)
{
    const char *top = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_unknown.XXXXXX", top != NULL ? top : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_with(NULL);
    for (int i = 0; i < N; i++)
        data[i] = i;
}

/* After each test the context must still compute. */
static inline void teardown(void)
{
    char command[300];
    double sum = 0;
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute_f64(br_sum(br_arange(ctx, .stop = BR_NUM(101))), &sum), BR_OK);
    ck_assert(sum == 5050);
    ck_assert_int_eq(br_close(ctx), 0);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static inline const char *in_folder(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline br_array *memory(int64_t chunk)
{
    return br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(N), .chunks = BR_CHUNKS(chunk));
}

/* x[x < limit] of 0, 1, ..., N - 1 */
static inline br_array *below(double limit)
{
    br_array *x = memory(100);
    return br_boolean_index(x, br_less(x, limit));
}

static inline void says(br_status st, br_status want, const char *part)
{
    ck_assert_msg(st == want, "status %d: %s", (int)st, br_message(ctx));
    ck_assert_msg(strstr(br_message(ctx), part) != NULL, "\"%s\" not in \"%s\"", part,
                  br_message(ctx));
    br_clear_error(ctx);
}

static inline double sum_of(br_array *x)
{
    double sum = -1;
    br_status st = br_compute_f64(br_sum(x), &sum);
    ck_assert_msg(st == BR_OK, "%s", br_message(ctx));
    return sum;
}

#endif
