/* SPDX-License-Identifier: BSD-3-Clause
 * task_samples.h - tasks that several tests of futures hand in.
 */
#ifndef TEST_TASK_SAMPLES_H
#define TEST_TASK_SAMPLES_H

#include <bramble/bramble.h>

#include "runtime/clock.h"

static inline void spin(int64_t us)
{
    int64_t end = bri_now_ns() + us * 1000;
    while (bri_now_ns() < end)
        ;
}

static inline int busy(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    spin(*(const int64_t *)args);
    return br_task_return(task, args, sizeof(int64_t));
}

/* The rank that it runs on. */
static inline int where(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    int rank = br_task_rank(task);
    return br_task_return(task, &rank, sizeof rank);
}

/* Of doubles, in all its inputs. */
static inline int add_up(br_task *task, const void *args, size_t bytes)
{
    double sum = 0;
    (void)args, (void)bytes;
    for (size_t i = 0, n; i < br_task_ninputs(task); i++) {
        const double *x = br_task_input(task, i, &n);
        for (size_t k = 0; k < n / sizeof *x; k++)
            sum += x[k];
    }
    return br_task_return(task, &sum, sizeof sum);
}

#endif
