/* SPDX-License-Identifier: BSD-3-Clause
 * tasks.h - what the unit tests of tasks have in common: contexts of few threads, and a short task.
 */
#ifndef TEST_TASKS_H
#define TEST_TASKS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bramble/bramble.h>

/* 0: the sync scheduler, where a task that waits runs what comes after it. */
static const int thread_counts[] = {0, 1, 2, 4};
enum { NTHREAD_COUNTS = sizeof thread_counts / sizeof thread_counts[0] };

static inline br_context *open_with(int threads)
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

static inline void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static inline int square(br_task *task, const void *args, size_t bytes)
{
    int64_t x;
    if (bytes != sizeof x)
        return 1;
    memcpy(&x, args, sizeof x);
    x *= x;
    return br_task_return(task, &x, sizeof x);
}

#endif
