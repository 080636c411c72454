/* SPDX-License-Identifier: BSD-3-Clause
 * test_failures.c - jobs that fail or are cancelled under the sync and threads schedulers, and
 * those that are looked at meanwhile.
 */
#include <check.h>
#include <pthread.h>
#include <unistd.h>

#include "runtime/scheduler.h"
#include "scheduler/threads/pool.h"
#include "tests/suite.h"
#include "toy_plan.h"

enum { MOST_THREADS = 4, ROUNDS = 30 };

/* ---- failures ---- */

static void run_failing(br_context *ctx)
{
    for (uint64_t seed = 0; seed < 3 * ROUNDS; seed++) {
        toy_plan plan;
        toy_random(&plan, 300, seed, 50);
        plan.fails_at = (int)toy_dice(&(uint64_t){seed}, 300);
        toy_run(ctx, &plan);
    }
}

START_TEST(a_failing_task_ends_the_job)
{
    br_context ctx;
    toy_open(&ctx, _i == 0 ? &bri_scheduler_sync : &bri_scheduler_threads, _i, 1 << 20);
    run_failing(&ctx);

    toy_plan plan;
    bri_job job;
    toy_chain(&plan, 100);
    plan.fails_at = 60;
    toy_start(&ctx, &job, &plan);
    ck_assert(ctx.scheduler->progress(&ctx, &job, true));
    ck_assert_int_eq(bri_job_status(&job), BR_EUSER);
    ck_assert_str_eq(job.error_text, "node 60: node 60 fails");
    ck_assert_int_eq(atomic_load(&plan.ran), 60);
    bri_job_fini(&job);
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

/* Another thread is in the middle of bri_job_fail, as it writes the text. */
typedef struct first_failure {
    br_context *ctx;
    bri_job *job;
    atomic_bool begun, followed;
} first_failure;

static void fail_beside(toy_plan *plan, int node)
{
    first_failure *f = plan->data;
    atomic_store(&f->followed, node > 1);
}

static br_status fail_second(bri_job *job, bri_task *task, void *scratch)
{
    first_failure *f = ((toy_plan *)job->plan)->data;
    if (task->key.index == 1) {
        atomic_store(&job->status, BR_EUSER);
        atomic_store(&f->begun, true);
    }
    return toy_execute(job, task, scratch);
}

static void *end_first_failure(void *data)
{
    first_failure *f = data;
    while (!atomic_load(&f->begun))
        usleep(1000);
    usleep(20000);
    atomic_store(&f->job->failed, true);
    f->ctx->scheduler->notify(f->ctx);
    return NULL;
}

START_TEST(nobody_reads_what_the_second_to_fail_left)
{
    br_context ctx;
    toy_plan plan;
    bri_job job;
    pthread_t other;
    static const bri_job_ops ops = {
        .next = toy_next, .execute = fail_second, .describe = toy_describe};
    first_failure f = {.ctx = &ctx, .job = &job};
    toy_open(&ctx, &bri_scheduler_threads, _i, 1 << 20);
    toy_chain(&plan, 3);
    plan.fails_at = 1;
    plan.inside = fail_beside;
    plan.data = &f;
    ck_assert_int_eq(pthread_create(&other, NULL, end_first_failure, &f), 0);
    ck_assert_int_eq(bri_job_init(&job, &ctx, &ops, &plan), BR_OK);
    ck_assert_int_eq(ctx.scheduler->start(&ctx, &job), BR_OK);
    toy_end(&ctx, &job, BR_EUSER);
    pthread_join(other, NULL);
    ck_assert(!atomic_load(&f.followed));
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

/* The last ones wait until the job is cancelled; not on main's thread, which cancels it. */
static void wait_for_cancel(toy_plan *plan, int node)
{
    const bri_job *job = plan->data;
    while (node >= plan->n / 2 && bri_pool_owns_this() && !atomic_load(&job->failed))
        usleep(1000);
}

START_TEST(a_job_can_be_cancelled)
{
    br_context ctx;
    toy_plan plan;
    bri_job job;
    toy_open(&ctx, _i == 0 ? &bri_scheduler_sync : &bri_scheduler_threads, _i, 1 << 20);
    toy_independent(&plan, 1000000);
    plan.spin = 1000;
    plan.inside = wait_for_cancel;
    plan.data = &job;
    toy_start(&ctx, &job, &plan);
    ctx.scheduler->progress(&ctx, &job, false);
    ctx.scheduler->cancel(&ctx, &job, "cancelled");
    toy_end(&ctx, &job, BR_ECANCELLED);
    ck_assert_int_lt(atomic_load(&plan.ran), plan.n);
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

/* ---- a look at what it does ---- */

typedef struct looker {
    bri_job *job;
    atomic_bool stop;
} looker;

static void *print_again(void *data)
{
    looker *l = data;
    FILE *nowhere = fopen("/dev/null", "w");
    while (!atomic_load(&l->stop))
        bri_job_print(l->job, nowhere);
    fclose(nowhere);
    return NULL;
}

START_TEST(a_job_may_be_looked_at)
{
    br_context ctx;
    toy_plan plan;
    bri_job job;
    pthread_t other;
    looker l = {.job = &job};
    toy_open(&ctx, _i == 0 ? &bri_scheduler_sync : &bri_scheduler_threads, _i, 1 << 20);
    toy_random(&plan, 20000, 7, 30);
    toy_start(&ctx, &job, &plan);
    ck_assert_int_eq(pthread_create(&other, NULL, print_again, &l), 0);
    ck_assert(ctx.scheduler->progress(&ctx, &job, true));
    atomic_store(&l.stop, true);
    pthread_join(other, NULL);
    ck_assert_msg(bri_job_status(&job) == BR_OK, "%s", job.error_text);
    ck_assert_int_eq(atomic_load(&plan.ran), plan.n);
    bri_job_fini(&job);
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("failures");
    tcase_add_loop_test(tests, a_failing_task_ends_the_job, 0, MOST_THREADS + 1);
    tcase_add_loop_test(tests, nobody_reads_what_the_second_to_fail_left, 1, MOST_THREADS + 1);
    tcase_add_loop_test(tests, a_job_can_be_cancelled, 0, MOST_THREADS + 1);
    tcase_add_loop_test(tests, a_job_may_be_looked_at, 0, 3);
    return run_case("failures", tests);
}
