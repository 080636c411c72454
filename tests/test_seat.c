/* SPDX-License-Identifier: BSD-3-Clause
 * test_seat.c - several threads wait in a pool of one: who gets up leaves the place to who stands.
 */
#include <check.h>
#include <pthread.h>
#include <time.h>

#include "scheduler/threads/pool.h"
#include "tests/suite.h"

/* A thread that waits in the pool until it is told. */
typedef struct waiter {
    bri_pool *pool;
    atomic_bool told;
    long lingers; /* ns in which it is told and has not got up */
    pthread_t thread;
} waiter;

static void nap(long ns)
{
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static bool is_told(const void *data)
{
    waiter *w = (waiter *)data;
    if (!atomic_load(&w->told))
        return false;
    nap(w->lingers);
    return true;
}

static void *wait_in_pool(void *data)
{
    waiter *w = data;
    bri_pool_work_until(w->pool, &(bri_until){.done = is_told, .data = w, .helps = true});
    return NULL;
}

static void begin(waiter *w)
{
    ck_assert_int_eq(pthread_create(&w->thread, NULL, wait_in_pool, w), 0);
}

static void tell(waiter *w)
{
    atomic_store(&w->told, true);
    bri_pool_notify(w->pool);
}

static void await_sleepers(bri_pool *pool, int n)
{
    while (atomic_load(&bri_pool_event(pool)->sleepers) < n)
        nap(1000000);
}

/* What comes later, for any thread that works. */
typedef struct work_to_do {
    bri_helper helper; /* first */
    atomic_int left;
    waiter *by;
} work_to_do;

static bool any(const bri_helper *helper)
{
    return atomic_load(&((const work_to_do *)helper)->left) > 0;
}

static bool work(bri_helper *helper, const bri_until *until)
{
    work_to_do *d = (work_to_do *)helper;
    (void)until;
    atomic_store(&d->left, 0);
    tell(d->by);
    return true;
}

/* The one that gets up lingers, so that the wake that it was told by finds the seat taken. */
START_TEST(who_stands_sits_down)
{
    bri_pool *pool = bri_pool_new(1);
    ck_assert_ptr_nonnull(pool);
    waiter sits = {.pool = pool, .lingers = 50000000}, stands = {.pool = pool};
    begin(&sits);
    await_sleepers(pool, 1);
    begin(&stands);
    await_sleepers(pool, 2);
    tell(&sits);
    pthread_join(sits.thread, NULL);
    work_to_do d = {.helper = {.work = work, .any = any}, .left = 1, .by = &stands};
    ck_assert_int_eq(bri_pool_add_helper(pool, &d.helper), BR_OK);
    bri_pool_wake(pool, 1);
    pthread_join(stands.thread, NULL);
    bri_pool_remove_helper(pool, &d.helper);
    bri_pool_free(pool);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("seat");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, who_stands_sits_down, 0, 3);
    return run_case("seat", tcase);
}
