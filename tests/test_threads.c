/* SPDX-License-Identifier: BSD-3-Clause
 * test_threads.c - the sync and threads schedulers run graphs of every shape, sleep and
 * wake.
 */
#include <check.h>
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include "runtime/scheduler.h"
#include "scheduler/threads/pool.h"
#include "tests/suite.h"
#include "toy_plan.h"

enum { MOST_THREADS = 4, ROUNDS = 30 };

static void run_shapes(br_context *ctx)
{
    toy_plan plan;
    toy_independent(&plan, 0);
    toy_run(ctx, &plan);
    toy_independent(&plan, 5000);
    toy_run(ctx, &plan);
    toy_chain(&plan, 5000);
    toy_run(ctx, &plan);
    toy_tree(&plan, 11);
    toy_run(ctx, &plan);
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        toy_random(&plan, 1000, seed, seed % 3 == 0 ? 4 : 100);
        toy_run(ctx, &plan);
    }
}

START_TEST(sync_runs_every_shape)
{
    br_context ctx;
    toy_open(&ctx, &bri_scheduler_sync, 1, 1 << 20);
    run_shapes(&ctx);
    toy_close(&ctx);
}
END_TEST

START_TEST(threads_run_every_shape)
{
    br_context ctx;
    toy_open(&ctx, &bri_scheduler_threads, _i, 1 << 24);
    run_shapes(&ctx);
    toy_close(&ctx);
}
END_TEST

/* So little memory that most tasks wait for others, and some only run because nothing else does. */
START_TEST(threads_run_in_little_memory)
{
    br_context ctx;
    toy_open(&ctx, &bri_scheduler_threads, _i, 6000);
    run_shapes(&ctx);
    toy_close(&ctx);
}
END_TEST

/* ---- several jobs at a time ---- */

START_TEST(jobs_run_together)
{
    br_context ctx;
    toy_open(&ctx, &bri_scheduler_threads, _i, 1 << 20);
    for (int round = 0; round < ROUNDS; round++) {
        toy_plan plans[5];
        bri_job jobs[5];
        for (int i = 0; i < 5; i++) {
            toy_random(&plans[i], 200 * (i + 1), (uint64_t)(round + i), 20);
            plans[i].fails_at = i == 3 ? 150 : -1;
            toy_start(&ctx, &jobs[i], &plans[i]);
        }
        for (int i = 4; i >= 0; i--)
            toy_end(&ctx, &jobs[i], i == 3 ? BR_EUSER : BR_OK);
        for (int i = 0; i < 5; i++) {
            ck_assert_int_eq(atomic_load(&plans[i].wrong), 0);
            toy_free(&plans[i]);
        }
    }
    toy_close(&ctx);
}
END_TEST

START_TEST(progress_need_not_block)
{
    br_context ctx;
    toy_plan plan;
    bri_job job;
    toy_open(&ctx, _i == 0 ? &bri_scheduler_sync : &bri_scheduler_threads, _i, 1 << 20);
    toy_random(&plan, 1000, 3, 30);
    toy_start(&ctx, &job, &plan);
    while (!ctx.scheduler->progress(&ctx, &job, false))
        ;
    ck_assert_int_eq(bri_job_status(&job), BR_OK);
    ck_assert_int_eq(atomic_load(&plan.ran), 1000);
    bri_job_fini(&job);
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

static void compute_inside(toy_plan *plan, int node)
{
    if (node % 50 != 0)
        return;
    br_context *ctx = plan->data;
    toy_plan inner;
    toy_tree(&inner, 5);
    bri_job job;
    bri_job_init(&job, ctx, &toy_ops, &inner);
    bool ok = ctx->scheduler->start(ctx, &job) == BR_OK;
    ok = ok && ctx->scheduler->progress(ctx, &job, true) && bri_job_status(&job) == BR_OK;
    if (!ok || atomic_load(&inner.wrong) > 0)
        atomic_fetch_add(&plan->wrong, 1);
    bri_job_fini(&job);
    toy_free(&inner);
}

/* How many tasks that need so much are emitted before any of them runs. */
static int ahead(int nranks, size_t each, size_t limit)
{
    br_context ctx;
    bri_job job;
    toy_plan plan;
    int n = 0;
    toy_open(&ctx, &bri_scheduler_threads, 1, limit);
    ctx.nranks = nranks;
    toy_independent(&plan, 1000);
    for (int i = 0; i < plan.n; i++)
        plan.nodes[i].scratch = each;
    toy_start(&ctx, &job, &plan);
    for (bri_task *next, *t = bri_job_pull(&job, plan.n); t != NULL; t = next, n++) {
        next = t->next;
        bri_job_exec(&job, t);
    }
    toy_end(&ctx, &job, BR_OK);
    ck_assert_int_eq(plan.ran, plan.n);
    toy_free(&plan);
    ctx.nranks = 1;
    toy_close(&ctx);
    return n;
}

/* Inputs from other ranks are asked for when a task is emitted, so there it runs further ahead: by
 * few large tasks, and by more that are small. */
START_TEST(emission_runs_ahead)
{
    const size_t unlimited = (size_t)1 << 30, kib = 1 << 10, mib = 1 << 20;
    ck_assert_int_eq(ahead(1, 8 * mib, unlimited), 3);
    ck_assert_int_eq(ahead(2, 8 * mib, unlimited), 9);
    ck_assert_int_eq(ahead(2, 2 * mib, unlimited), 17);
    ck_assert_int_eq(ahead(1, 256 * kib, unlimited), 17);
    ck_assert_int_eq(ahead(2, 256 * kib, unlimited), 65);
    ck_assert_int_eq(ahead(2, 256 * kib, 128 * mib), 33);
    ck_assert_int_eq(ahead(2, 256 * kib, 6 * mib), 17);
}
END_TEST

/* A guest's task that needs more than its loan says, beside others who have the rest. */
START_TEST(what_was_granted_is_not_promised_again)
{
    enum { LIMIT = 1000, OTHERS = 500, GRANTED = 400, NEEDED = 600 };
    br_context ctx;
    bri_job job;
    toy_plan plan;
    bri_memory_stats about;
    toy_open(&ctx, &bri_scheduler_sync, 1, LIMIT);
    toy_init(&plan, 1);
    plan.nodes[0].bytes = NEEDED;
    toy_finish(&plan);
    ck_assert_int_eq(bri_job_init(&job, &ctx, &toy_ops, &plan), BR_OK);
    ck_assert(bri_memory_reserve(ctx.memory, OTHERS + GRANTED));
    job.granted = GRANTED;
    bri_job_run_here(&job);
    bri_memory_about(ctx.memory, &about);
    ck_assert_int_eq(plan.ran, 1);
    ck_assert_uint_eq(about.peak, OTHERS + NEEDED);
    ck_assert_uint_eq(about.promised, OTHERS);
    bri_job_fini(&job);
    bri_memory_release(ctx.memory, OTHERS);
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

START_TEST(a_task_may_wait_for_another_job)
{
    br_context ctx;
    toy_open(&ctx, &bri_scheduler_threads, _i, 1 << 20);
    for (uint64_t seed = 0; seed < 10; seed++) {
        toy_plan plan;
        toy_random(&plan, 500, seed, 30);
        plan.inside = compute_inside;
        plan.data = &ctx;
        toy_run(&ctx, &plan);
    }
    toy_close(&ctx);
}
END_TEST

static void *compute_in_thread(void *argument)
{
    br_context *ctx = argument;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        toy_plan plan;
        toy_random(&plan, 300, seed, 30);
        toy_run(ctx, &plan);
    }
    return NULL;
}

START_TEST(several_threads_may_wait)
{
    br_context ctx;
    pthread_t threads[3];
    toy_open(&ctx, &bri_scheduler_threads, _i, 1 << 20);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, compute_in_thread, &ctx), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    toy_close(&ctx);
}
END_TEST

/* ---- tasks from outside, as under mpi ---- */

enum { MOST_EXPECTED = 4096 };

typedef struct outside {
    pthread_mutex_t lock;
    bri_value *values[MOST_EXPECTED];
    int nvalues, ntaken;
    bool stop;
    bri_job *job;
} outside;

static void expect(br_context *ctx, bri_job *job, bri_value *value)
{
    outside *o = ((toy_plan *)job->plan)->data;
    (void)ctx;
    pthread_mutex_lock(&o->lock);
    o->values[o->nvalues++] = value;
    pthread_mutex_unlock(&o->lock);
}

static void nap(uint32_t microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)microseconds * 1000}, NULL);
}

static void *send_values(void *argument)
{
    outside *o = argument;
    toy_plan *plan = o->job->plan;
    uint64_t seed = 1;
    for (;;) {
        pthread_mutex_lock(&o->lock);
        bri_value *value = o->ntaken < o->nvalues ? o->values[o->ntaken++] : NULL;
        bool stop = o->stop;
        pthread_mutex_unlock(&o->lock);
        if (value == NULL && stop)
            return NULL;
        if (toy_dice(&seed, 8) == 0)
            nap(toy_dice(&seed, 600));
        if (value == NULL)
            continue;
        uint64_t *data = bri_job_receive_block(o->job, value);
        *data = plan->nodes[value->key.index].expected;
        bri_pool_push(o->job->ctx->scheduler_data, o->job, bri_job_arrived(o->job, value));
    }
}

START_TEST(values_come_from_outside)
{
    bri_scheduler scheduler = bri_scheduler_threads;
    scheduler.expect = expect;
    br_context ctx;
    toy_open(&ctx, &scheduler, _i, 1 << 20);
    for (uint64_t seed = 0; seed < 5; seed++) {
        static outside o;
        memset(&o, 0, sizeof o);
        pthread_mutex_init(&o.lock, NULL);
        toy_plan plan;
        bri_job job;
        toy_random(&plan, 2000, seed, 20);
        int nremote = 0;
        for (int i = 0; i < plan.n; i++) {
            plan.nodes[i].remote = i % 7 == 0 && plan.nodes[i].readers > 0;
            nremote += plan.nodes[i].remote;
        }
        /* Nobody here reads what the remote nodes read. */
        for (int i = 0; i < plan.n; i++)
            for (int k = 0; plan.nodes[i].remote && k < plan.nodes[i].ninputs; k++)
                plan.nodes[plan.nodes[i].inputs[k]].readers--;
        plan.data = &o;
        o.job = &job;
        toy_start(&ctx, &job, &plan);
        pthread_t sender;
        ck_assert_int_eq(pthread_create(&sender, NULL, send_values, &o), 0);
        ck_assert(ctx.scheduler->progress(&ctx, &job, true));
        pthread_mutex_lock(&o.lock);
        o.stop = true;
        pthread_mutex_unlock(&o.lock);
        pthread_join(sender, NULL);
        ck_assert_int_eq(bri_job_status(&job), BR_OK);
        ck_assert_int_eq(atomic_load(&plan.ran), plan.n - nremote);
        ck_assert_int_eq(atomic_load(&plan.wrong), 0);
        bri_job_fini(&job);
        toy_free(&plan);
        pthread_mutex_destroy(&o.lock);
    }
    toy_close(&ctx);
}
END_TEST

/* ---- sleeping ---- */

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Jobs that start while threads fall asleep, and tasks so uneven that they do in the middle. */
START_TEST(no_wake_is_lost)
{
    br_context ctx;
    uint64_t seed = 42;
    toy_open(&ctx, &bri_scheduler_threads, _i, 1 << 20);
    double end = seconds(CLOCK_MONOTONIC) + 0.7;
    while (seconds(CLOCK_MONOTONIC) < end) {
        toy_plan plan;
        toy_random(&plan, 1 + (int)toy_dice(&seed, 60), seed, 1 + toy_dice(&seed, 20));
        plan.spin = toy_dice(&seed, 4) == 0 ? (int)toy_dice(&seed, 200000) : 0;
        toy_run(&ctx, &plan);
        nap(toy_dice(&seed, 4) == 0 ? toy_dice(&seed, 700) : 0);
    }
    toy_close(&ctx);
}
END_TEST

/* Threads spin before they sleep, for longer on a busy machine; then they use nothing. */
static void uses_no_processor(void)
{
    double used = 1;
    for (int i = 0; i < 50 && used >= 0.003; i++) {
        double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
        nap(300000);
        used = seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
    }
    ck_assert_double_lt(used, 0.003);
}

START_TEST(idle_threads_use_no_processor)
{
    br_context ctx;
    toy_plan plan;
    toy_open(&ctx, &bri_scheduler_threads, MOST_THREADS, 1 << 20);
    toy_tree(&plan, 8);
    toy_run(&ctx, &plan);
    uses_no_processor();
    toy_close(&ctx);
}
END_TEST

/* A job that waits for something outside must not keep anyone busy either, done jobs nobody asked
 * for neither. */
START_TEST(waiting_threads_use_no_processor)
{
    br_context ctx;
    toy_plan plan;
    bri_job job;
    toy_open(&ctx, &bri_scheduler_threads, MOST_THREADS, 1 << 20);
    toy_tree(&plan, 8);
    toy_start(&ctx, &job, &plan);
    while (!bri_job_done(&job))
        nap(1000);
    uses_no_processor();
    toy_end(&ctx, &job, BR_OK);
    toy_free(&plan);
    toy_close(&ctx);
}
END_TEST

static int count_named_threads(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[300];
        char name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *f = fopen(path, "r");
        if (f == NULL)
            continue;
        n += fgets(name, sizeof name, f) != NULL && strncmp(name, "bramble-", 8) == 0;
        fclose(f);
    }
    closedir(folder);
    return n;
}

START_TEST(threads_start_late_and_end_early)
{
    br_context ctx;
    toy_plan plan;
    toy_open(&ctx, &bri_scheduler_threads, 3, 1 << 20);
    ck_assert_int_eq(count_named_threads(), 0);
    toy_tree(&plan, 10);
    toy_run(&ctx, &plan);
    while (count_named_threads() < 2) /* each names itself */
        nap(1000);
    ck_assert_int_eq(count_named_threads(), 2);
    toy_close(&ctx);
    while (count_named_threads() > 0) /* they are joined, but may be listed for a moment */
        nap(1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *runs = tcase_create("run");
    tcase_add_test(runs, sync_runs_every_shape);
    tcase_add_test(runs, emission_runs_ahead);
    tcase_add_test(runs, what_was_granted_is_not_promised_again);
    tcase_add_loop_test(runs, threads_run_every_shape, 1, MOST_THREADS + 1);
    tcase_add_loop_test(runs, threads_run_in_little_memory, 1, MOST_THREADS + 1);
    tcase_add_loop_test(runs, jobs_run_together, 1, MOST_THREADS + 1);
    tcase_add_loop_test(runs, progress_need_not_block, 0, MOST_THREADS + 1);
    tcase_add_loop_test(runs, a_task_may_wait_for_another_job, 1, MOST_THREADS + 1);
    tcase_add_loop_test(runs, several_threads_may_wait, 1, MOST_THREADS + 1);
    tcase_add_loop_test(runs, values_come_from_outside, 1, MOST_THREADS + 1);
    suite_add_tcase(suite, runs);
    TCase *sleeps = tcase_create("sleep");
    tcase_add_loop_test(sleeps, no_wake_is_lost, 1, MOST_THREADS + 1);
    suite_add_tcase(suite, sleeps);
    /* What an emulator of another processor need not keep to: CK_EXCLUDE_TAGS=native there. */
    TCase *native = tcase_create("native");
    tcase_set_tags(native, "native");
    tcase_add_test(native, idle_threads_use_no_processor);
    tcase_add_test(native, waiting_threads_use_no_processor);
    tcase_add_test(native, threads_start_late_and_end_early);
    suite_add_tcase(suite, native);
    return run_suite(suite);
}
