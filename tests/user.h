/* SPDX-License-Identifier: BSD-3-Clause
 * user.h - what the unit tests of users' functions have in common: a context without threads.
 */
#ifndef TEST_USER_H
#define TEST_USER_H

#include <check.h>
#include <stdlib.h>

#include <bramble/bramble.h>

static br_context *ctx;

static inline void open_with(const char *scheduler)
{
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    br_set_log(ctx, NULL, NULL);
}

static inline void set_up(void)
{
    open_with("sync");
}

static inline void tear_down(void)
{
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}

#endif
