/* SPDX-License-Identifier: BSD-3-Clause
 * limited.h - a context without threads, which tests may open anew with a memory limit, and the
 * name of a file.
 */
#ifndef TEST_LIMITED_H
#define TEST_LIMITED_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bramble/bramble.h>

static br_context *ctx;
static char file[64];

static inline void open_limited(const char *limit)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    limit != NULL ? setenv("BRAMBLE_MEMORY_LIMIT", limit, 1) : unsetenv("BRAMBLE_MEMORY_LIMIT");
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    br_set_log(ctx, NULL, NULL);
}

static inline void set_up(void)
{
    open_limited(NULL);
    snprintf(file, sizeof file, "/tmp/bramble-test.%d.h5", (int)getpid());
}

static inline void tear_down(void)
{
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
    remove(file);
}

#endif
