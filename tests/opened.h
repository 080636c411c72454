/* SPDX-License-Identifier: BSD-3-Clause
 * opened.h - a context of two threads (or of sync), for unit tests of what computes.
 */
#ifndef TEST_OPENED_H
#define TEST_OPENED_H

#include <check.h>
#include <stdlib.h>

#include <bramble/bramble.h>

static br_context *ctx;

/* With a memory limit, or NULL for the default. */
static inline void open_context(const char *limit)
{
    setenv("BRAMBLE_LOG", "quiet", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    limit != NULL ? setenv("BRAMBLE_MEMORY_LIMIT", limit, 1) : unsetenv("BRAMBLE_MEMORY_LIMIT");
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

/* The same under one scheduler. */
static inline void open_under(const char *scheduler, const char *limit)
{
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    open_context(limit);
}

/* Fixtures of tests of what computes as a rule. */
static inline void open_threads(void)
{
    open_under("threads", NULL);
}

static inline void close_opened(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
}

#endif
