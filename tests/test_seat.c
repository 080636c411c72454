/* SPDX-License-Identifier: BSD-3-Clause
 * test_seat.c - several threads wait in a pool: who gets up leaves the place to who stands, and no
 * wake is lost on who does not act on it.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "runtime/scheduler.h"
#include "scheduler/threads/pool.h"
#include "tests/suite.h"
#include "toy_plan.h"

/* A thread that waits in the pool until it is told. */
typedef struct waiter {
    bri_pool *pool;
    atomic_bool told;
    long lingers; /* ns in which it is told and has not got up */
    bool helps;
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
    bri_pool_work_until(w->pool, &(bri_until){.done = is_told, .data = w, .helps = w->helps});
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

/* Then they are in the kernel, too, as a rule. */
static void await_sleep(bri_pool *pool, int n)
{
    await_sleepers(pool, n);
    nap(20000000);
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

/* ---- who stands ---- */

static void tell_waiter(toy_plan *plan, int node)
{
    (void)node;
    tell(plan->data);
}

/* The one that gets up lingers, so that the wake that it was told by finds the seat taken. */
START_TEST(who_stands_sits_down)
{
    br_context ctx;
    bri_job job;
    toy_plan plan;
    toy_open(&ctx, &bri_scheduler_threads, 1, 1 << 20);
    bri_pool *pool = ctx.scheduler_data;
    waiter sits = {.pool = pool, .lingers = 50000000}, stands = {.pool = pool};
    begin(&sits);
    await_sleepers(pool, 1);
    begin(&stands);
    await_sleepers(pool, 2);
    tell(&sits);
    pthread_join(sits.thread, NULL);
    toy_independent(&plan, 1);
    plan.inside = tell_waiter;
    plan.data = &stands;
    ck_assert_int_eq(bri_job_init(&job, &ctx, &toy_ops, &plan), BR_OK);
    ck_assert_int_eq(bri_pool_attach(pool, &job), BR_OK);
    pthread_join(stands.thread, NULL);
    ck_assert(bri_pool_work(pool, &job, true));
    bri_pool_detach(pool, &job);
    bri_job_fini(&job);
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

/* ---- who does not help ---- */

static void hand_in(work_to_do *d)
{
    atomic_store(&d->left, 1);
    bri_pool_wake(d->by->pool, 1);
}

/* It has slept longest, so a wake of anybody would be its. */
START_TEST(work_finds_who_helps)
{
    bri_pool *pool = bri_pool_new(2);
    waiter sits = {.pool = pool};
    work_to_do d = {.helper = {.work = work, .any = any}, .by = &sits};
    begin(&sits);
    await_sleep(pool, 1);
    ck_assert_int_eq(bri_pool_add_helper(pool, &d.helper), BR_OK);
    await_sleep(pool, 2);
    hand_in(&d);
    pthread_join(sits.thread, NULL);
    bri_pool_remove_helper(pool, &d.helper);
    bri_pool_free(pool);
}
END_TEST

START_TEST(work_finds_who_stands)
{
    bri_pool *pool = bri_pool_new(1);
    waiter sits = {.pool = pool}, stands = {.pool = pool, .helps = true};
    work_to_do d = {.helper = {.work = work, .any = any}, .by = &stands};
    ck_assert_int_eq(bri_pool_add_helper(pool, &d.helper), BR_OK);
    begin(&sits);
    await_sleep(pool, 1);
    begin(&stands);
    await_sleep(pool, 2);
    hand_in(&d);
    pthread_join(stands.thread, NULL);
    tell(&sits);
    pthread_join(sits.thread, NULL);
    bri_pool_remove_helper(pool, &d.helper);
    bri_pool_free(pool);
}
END_TEST

/* ---- who makes room ---- */

static void wait_until_told(toy_plan *plan, int node)
{
    waiter *w = plan->data;
    (void)node;
    atomic_store(&w->told, false);
    while (!atomic_load(&w->told))
        nap(1000000);
}

static void attach(br_context *ctx, bri_job *job, toy_plan *plan)
{
    ck_assert_int_eq(bri_job_init(job, ctx, &toy_ops, plan), BR_OK);
    ck_assert_int_eq(bri_pool_attach(ctx->scheduler_data, job), BR_OK);
}

static void finish(br_context *ctx, bri_job *job, toy_plan *plan)
{
    bri_pool_detach(ctx->scheduler_data, job);
    bri_job_fini(job);
    toy_free(plan);
}

/* A thread inside a task runs one that fills the memory, and then goes on with its own: another
 * thread, which slept when there was no room, goes on with the job. */
START_TEST(room_is_told_of)
{
    br_context ctx;
    bri_job busy, large;
    toy_plan one, two;
    bri_chosen chosen;
    waiter w = {.told = true};
    toy_open(&ctx, &bri_scheduler_threads, 2, 6000);
    toy_independent(&one, 1);
    one.inside = wait_until_told;
    one.data = &w;
    toy_independent(&two, 2);
    for (int i = 0; i < 2; i++) {
        two.nodes[i].bytes = 0;
        two.nodes[i].scratch = 4000;
    }
    attach(&ctx, &busy, &one);
    while (atomic_load(&w.told))
        nap(1000000);
    attach(&ctx, &large, &two);
    ck_assert(bri_pool_take_of(ctx.scheduler_data, large.serial, &chosen));
    atomic_store(&w.told, true);
    await_sleep(ctx.scheduler_data, 1);
    bri_pool_run_chosen(ctx.scheduler_data, &chosen);
    while (atomic_load(&two.ran) < 2)
        nap(1000000);
    finish(&ctx, &busy, &one);
    finish(&ctx, &large, &two);
    toy_close(&ctx);
}
END_TEST

/* ---- who loses its place ---- */

static void lose_place(toy_plan *plan, int node)
{
    waiter *w = plan->data;
    bri_seat seat;
    if (node > 0)
        return;
    bri_pool_stand_up(w->pool, &seat);
    begin(w);
    await_sleep(w->pool, 1);
    bri_pool_sit_down(w->pool, &seat);
}

/* What the task has held back is emitted by the thread that has its place, and has slept. */
START_TEST(who_has_the_place_goes_on)
{
    br_context ctx;
    bri_job job;
    toy_plan plan;
    toy_open(&ctx, &bri_scheduler_threads, 1, 1 << 20);
    waiter other = {.pool = ctx.scheduler_data};
    toy_independent(&plan, 2);
    plan.inside = lose_place;
    plan.data = &other;
    attach(&ctx, &job, &plan);
    atomic_store(&job.max_in_flight, 1);
    ck_assert(bri_pool_work(other.pool, &job, true));
    ck_assert_int_eq(atomic_load(&plan.ran), 2);
    tell(&other);
    pthread_join(other.thread, NULL);
    finish(&ctx, &job, &plan);
    toy_close(&ctx);
}
END_TEST

/* ---- who only looks ---- */

enum { LOOKS = 20000 };

typedef struct looking {
    bri_pool *pool;
    atomic_int begun, looked, ended; /* rounds */
} looking;

static bool was_looked(const void *data)
{
    const looking *l = data;
    return atomic_load(&l->looked) == atomic_load(&l->begun);
}

/* Sits until the other one has looked. */
static void *sit_until_looked(void *data)
{
    looking *l = data;
    for (int i = 1; i <= LOOKS; i++) {
        while (atomic_load(&l->begun) < i)
            sched_yield();
        bri_pool_work_until(l->pool, &(bri_until){.done = was_looked, .data = l});
        atomic_store(&l->ended, i);
    }
    return NULL;
}

/* Just as another thread sits down. */
START_TEST(who_only_looks_does_not_stand)
{
    br_context ctx;
    bri_job job;
    toy_plan plan;
    pthread_t other;
    toy_open(&ctx, &bri_scheduler_threads, 1, 1 << 20);
    looking l = {.pool = ctx.scheduler_data};
    toy_independent(&plan, 1);
    ck_assert_int_eq(bri_job_init(&job, &ctx, &toy_ops, &plan), BR_OK);
    atomic_store(&job.waits, true);
    ck_assert_int_eq(bri_pool_attach(l.pool, &job), BR_OK);
    ck_assert_int_eq(pthread_create(&other, NULL, sit_until_looked, &l), 0);
    for (int i = 1; i <= LOOKS; i++) {
        atomic_store(&l.begun, i);
        for (volatile int k = 0; k < i % 300; k++)
            ;
        ck_assert(!bri_pool_work(l.pool, &job, false));
        atomic_store(&l.looked, i);
        bri_pool_notify(l.pool);
        while (atomic_load(&l.ended) < i)
            sched_yield();
    }
    pthread_join(other, NULL);
    atomic_store(&job.waits, false);
    ck_assert(bri_pool_work(l.pool, &job, true));
    bri_pool_detach(l.pool, &job);
    bri_job_fini(&job);
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("seat");
    tcase_add_loop_test(tcase, who_stands_sits_down, 0, 3);
    tcase_add_test(tcase, work_finds_who_helps);
    tcase_add_test(tcase, work_finds_who_stands);
    tcase_add_test(tcase, room_is_told_of);
    tcase_add_test(tcase, who_has_the_place_goes_on);
    tcase_add_test(tcase, who_only_looks_does_not_stand);
    return run_case("seat", tcase);
}
