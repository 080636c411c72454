/* SPDX-License-Identifier: BSD-3-Clause
 * clock.h - time that only goes forward, and waiting by it.
 *
 * All of it is CLOCK_MONOTONIC, which setting the date does not move. What counts tasks that take
 * too long has a coarser and cheaper clock of its own (busy.h).
 */
#ifndef BRI_CLOCK_H
#define BRI_CLOCK_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define BRI_NS_PER_S 1000000000

static inline int64_t bri_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * BRI_NS_PER_S + t.tv_nsec;
}

/* In seconds. */
static inline double bri_now(void)
{
    return 1e-9 * (double)bri_now_ns();
}

/* A condition that bri_condition_wait may wait for. */
static inline void bri_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &clock);
    pthread_condattr_destroy(&clock);
}

/* With the lock: until somebody signals, or for no reason, as conditions do; false when it is as
 * late as `until` of bri_now_ns. */
static inline bool bri_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock,
                                      int64_t until)
{
    const struct timespec t = {.tv_sec = (time_t)(until / BRI_NS_PER_S),
                               .tv_nsec = (long)(until % BRI_NS_PER_S)};
    return pthread_cond_timedwait(condition, lock, &t) == 0;
}

#endif
