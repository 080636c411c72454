/* SPDX-License-Identifier: BSD-3-Clause
 * test_launch.c - jobs that nobody waits for: they run beside others, fail, are cancelled, and
 * land.
 */
#include <check.h>
#include <sched.h>
#include <time.h>

#include "runtime/future.h"
#include "runtime/scheduler.h"
#include "scheduler/threads/pool.h"
#include "tests/suite.h"
#include "toy_plan.h"

enum { MOST_THREADS = 4, JOBS = 6, ROUNDS = 40, HANDS = 1000, SHORT_ROUNDS = 20000 };

static void open_context(br_context *ctx, int nthreads)
{
    if (nthreads > 0)
        toy_open(ctx, &bri_scheduler_threads, nthreads, 1 << 20);
    else
        toy_open(ctx, &bri_scheduler_sync, 1, 1 << 20);
}

typedef struct flight {
    bri_job job; /* first */
    toy_plan plan;
    br_future future; /* done when it has landed */
} flight;

static void landed(bri_job *job)
{
    flight *f = (flight *)job;
    br_context *ctx = job->ctx;
    bri_future_settle(&f->future, BR_OK, NULL);
    ctx->scheduler->notify(ctx);
}

static bool has_landed(const flight *f)
{
    return bri_future_done(&f->future);
}

static void launch(br_context *ctx, flight *f)
{
    ck_assert_int_eq(bri_job_init(&f->job, ctx, &toy_ops, &f->plan), BR_OK);
    f->future = (br_future){.ctx = ctx, .job = f->job.serial};
    ctx->scheduler->launch(ctx, &f->job, landed);
}

static void end(flight *f, br_status expected)
{
    ck_assert_int_eq(bri_job_status(&f->job), expected);
    ck_assert_int_eq(atomic_load(&f->plan.wrong), 0);
    if (expected == BR_OK)
        ck_assert_int_eq(atomic_load(&f->plan.ran), f->plan.n);
    bri_job_fini(&f->job);
    toy_free(&f->plan);
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

START_TEST(launched_jobs_land_by_themselves)
{
    br_context ctx;
    static flight f[JOBS];
    open_context(&ctx, _i);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < JOBS; i++) {
            toy_random(&f[i].plan, 100 * i, (uint64_t)(round * JOBS + i), 20);
            f[i].plan.fails_at = i == 4 ? 150 : -1;
            launch(&ctx, &f[i]);
        }
        for (int i = 0; i < JOBS; i++) { /* nobody helps */
            while (!has_landed(&f[i]))
                nap();
            end(&f[i], i == 4 ? BR_EUSER : BR_OK);
        }
    }
    toy_close(&ctx);
}
END_TEST

START_TEST(others_wait_and_run_beside_them)
{
    br_context ctx;
    static flight f[JOBS];
    open_context(&ctx, _i);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < JOBS; i++) {
            toy_random(&f[i].plan, 300, (uint64_t)(round * JOBS + i), 20);
            launch(&ctx, &f[i]);
        }
        toy_plan plan;
        bri_job job;
        toy_tree(&plan, 7);
        ck_assert_int_eq(bri_job_init(&job, &ctx, &toy_ops, &plan), BR_OK);
        ck_assert_int_eq(ctx.scheduler->start(&ctx, &job), BR_OK);
        ck_assert(ctx.scheduler->progress(&ctx, &job, true));
        ck_assert_int_eq(bri_job_status(&job), BR_OK);
        bri_job_fini(&job);
        toy_free(&plan);
        for (int i = JOBS - 1; i >= 0; i--) {
            ck_assert_int_eq(ctx.scheduler->help(&ctx, &f[i].future), BR_OK);
            end(&f[i], BR_OK);
        }
    }
    toy_close(&ctx);
}
END_TEST

/* The sitter gets up as this thread wants to sit down. */
START_TEST(who_waits_sits_down_when_the_last_has_landed)
{
    br_context ctx;
    static flight f;
    toy_plan plan;
    bri_job job;
    open_context(&ctx, 1);
    for (int round = 0; round < HANDS; round++) {
        toy_independent(&f.plan, 1);
        launch(&ctx, &f);
        toy_independent(&plan, 1);
        ck_assert_int_eq(bri_job_init(&job, &ctx, &toy_ops, &plan), BR_OK);
        while (!has_landed(&f))
            sched_yield();
        ck_assert_int_eq(ctx.scheduler->start(&ctx, &job), BR_OK);
        ck_assert(ctx.scheduler->progress(&ctx, &job, true));
        bri_job_fini(&job);
        toy_free(&plan);
        end(&f, BR_OK);
    }
    toy_close(&ctx);
}
END_TEST

/* The last job lands just when the sitter was told of it. */
START_TEST(the_sitter_stays_when_others_were_faster)
{
    br_context ctx;
    static flight f;
    open_context(&ctx, 1);
    for (int round = 0; round < SHORT_ROUNDS; round++) {
        toy_independent(&f.plan, 1);
        launch(&ctx, &f);
        ck_assert_int_eq(ctx.scheduler->help(&ctx, &f.future), BR_OK);
        end(&f, BR_OK);
    }
    toy_independent(&f.plan, 1);
    launch(&ctx, &f);
    while (!has_landed(&f)) /* nobody helps */
        nap();
    end(&f, BR_OK);
    toy_close(&ctx);
}
END_TEST

START_TEST(a_small_one_does_not_wait_for_a_large_one)
{
    br_context ctx;
    static flight large;
    static flight small;
    open_context(&ctx, _i);
    toy_independent(&large.plan, 2000000);
    large.plan.spin = 10000;
    launch(&ctx, &large);
    toy_independent(&small.plan, 10);
    launch(&ctx, &small);
    while (!has_landed(&small))
        nap();
    ck_assert(!has_landed(&large));
    end(&small, BR_OK);
    ctx.scheduler->cancel(&ctx, &large.job, "enough");
    ck_assert_int_eq(ctx.scheduler->help(&ctx, &large.future), BR_OK);
    ck_assert_int_lt(atomic_load(&large.plan.ran), large.plan.n);
    ck_assert_str_eq(large.job.error_text, "enough");
    end(&large, BR_ECANCELLED);
    toy_close(&ctx);
}
END_TEST

/* A task that launches a job and waits for it. */
static void launch_inside(toy_plan *plan, int node)
{
    br_context *ctx = plan->data;
    flight inner;
    if (node % 50 != 0)
        return;
    toy_tree(&inner.plan, 5);
    bri_job_init(&inner.job, ctx, &toy_ops, &inner.plan);
    inner.future = (br_future){.ctx = ctx, .job = inner.job.serial};
    ctx->scheduler->launch(ctx, &inner.job, landed);
    br_status st = ctx->scheduler->help(ctx, &inner.future);
    if (st != BR_OK || bri_job_status(&inner.job) != BR_OK || atomic_load(&inner.plan.wrong) > 0)
        atomic_fetch_add(&plan->wrong, 1);
    bri_job_fini(&inner.job);
    toy_free(&inner.plan);
}

START_TEST(a_task_may_wait_for_one)
{
    br_context ctx;
    static flight f;
    open_context(&ctx, _i);
    for (uint64_t seed = 0; seed < 10; seed++) {
        toy_random(&f.plan, 500, seed, 30);
        f.plan.inside = launch_inside;
        f.plan.data = &ctx;
        launch(&ctx, &f);
        while (!has_landed(&f))
            nap();
        end(&f, BR_OK);
    }
    toy_close(&ctx);
}
END_TEST

/* ---- tasks that come when the job was seen done ---- */

static flight failing;
static flight endless;
static atomic_bool entered, emitting, blocked;
static _Thread_local bool emits_late;

static void wait_for(const atomic_bool *flag)
{
    while (!atomic_load(flag))
        nap();
}

/* The sitter emits one task; the others come when that has failed, and the job was seen done. */
static br_status next_late(bri_job *job, bri_task **task)
{
    atomic_store(&job->max_in_flight, emits_late ? 8 : 1);
    if (emits_late && !atomic_exchange(&emitting, true)) {
        wait_for(&blocked);
        for (int i = 0; i < 200; i++)
            nap();
    }
    return toy_next(job, task);
}

static br_status fail_first(bri_job *job, bri_task *task, void *scratch)
{
    if (task->key.index == 0) {
        atomic_store(&entered, true);
        atomic_store(&job->max_in_flight, 8);
        wait_for(&emitting);
    }
    return toy_execute(job, task, scratch);
}

/* As one that waits for the failing job. */
static void wait_for_failing(toy_plan *plan, int node)
{
    (void)plan, (void)node;
    atomic_store(&blocked, true);
    while (!has_landed(&failing))
        nap();
}

/* Who waits inside a task has emitted them, and does not find the job in the pool any more; the
 * sitter is in the middle of a task of another one. */
START_TEST(a_failed_one_lands_beside_a_long_task)
{
    br_context ctx;
    bri_chosen chosen;
    static const bri_job_ops ops = {
        .next = next_late, .execute = fail_first, .describe = toy_describe};
    open_context(&ctx, 1);
    toy_independent(&failing.plan, 4);
    failing.plan.fails_at = 0;
    ck_assert_int_eq(bri_job_init(&failing.job, &ctx, &ops, &failing.plan), BR_OK);
    failing.future = (br_future){.ctx = &ctx, .job = failing.job.serial};
    ctx.scheduler->launch(&ctx, &failing.job, landed);
    wait_for(&entered);
    toy_independent(&endless.plan, 1);
    endless.plan.inside = wait_for_failing;
    launch(&ctx, &endless);
    emits_late = true;
    ck_assert(bri_pool_take_of(ctx.scheduler->pool(&ctx), failing.job.serial, &chosen));
    bri_pool_run_chosen(ctx.scheduler->pool(&ctx), &chosen);
    while (!has_landed(&endless))
        nap();
    end(&failing, BR_EUSER);
    end(&endless, BR_OK);
    toy_close(&ctx);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("launch");
    tcase_add_loop_test(tcase, launched_jobs_land_by_themselves, 0, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, others_wait_and_run_beside_them, 0, MOST_THREADS + 1);
    tcase_add_test(tcase, who_waits_sits_down_when_the_last_has_landed);
    tcase_add_test(tcase, the_sitter_stays_when_others_were_faster);
    tcase_add_loop_test(tcase, a_small_one_does_not_wait_for_a_large_one, 2, MOST_THREADS + 1);
    tcase_add_loop_test(tcase, a_task_may_wait_for_one, 0, MOST_THREADS + 1);
    tcase_add_test(tcase, a_failed_one_lands_beside_a_long_task);
    return run_case("launch", tcase);
}
