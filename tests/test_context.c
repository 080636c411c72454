/* SPDX-License-Identifier: BSD-3-Clause
 * test_context.c - opening, failing to open, messages and closing.
 */
#include <check.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/host.h"
#include "runtime/scheduler.h"
#include "tests/suite.h"
#include "toy_plan.h"

/* ---- an engine without arrays ---- */

static int opened, closed;
static br_status engine_status;

static br_status open_engine(br_context *ctx)
{
    opened++;
    return engine_status == BR_OK ? BR_OK : bri_error(engine_status, "no engine in %s", ctx->host);
}

static void close_engine(br_context *ctx)
{
    (void)ctx;
    closed++;
}

/* Weak: it keeps the array layer's out where that is not linked for another reason. */
__attribute__((weak))
const bri_engine bri_array_engine = {.open = open_engine, .close = close_engine};

/* ---- settings and standard error ---- */

static void clear_environment(void)
{
    for (char **entry = environ; *entry != NULL;) {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
        if (strncmp(name, "BRAMBLE_", 8) == 0 || strncmp(name, "OMPI_", 5) == 0)
            unsetenv(name);
        else
            entry++;
    }
}

static FILE *captured;
static int real_stderr;

static void capture_stderr(void)
{
    captured = tmpfile();
    fflush(stderr);
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(captured), STDERR_FILENO);
}

static const char *captured_text(void)
{
    static char text[2000];
    fflush(stderr);
    dup2(real_stderr, STDERR_FILENO);
    rewind(captured);
    size_t n = fread(text, 1, sizeof text - 1, captured);
    text[n] = '\0';
    fclose(captured);
    return text;
}

static br_context *open_with(const char *name, const char *value)
{
    setenv(name, value, 1);
    return br_open(NULL, NULL);
}

/* ---- opening ---- */

START_TEST(threads_by_default)
{
    br_rank_info info;
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    ck_assert_str_eq(br_message(ctx), "");
    ck_assert_str_eq(br_scheduler(ctx), "threads");
    ck_assert_int_eq(br_num_ranks(ctx), 1);
    ck_assert_int_eq(br_num_threads(ctx), bri_host_cores());
    ck_assert_int_eq(br_rank(ctx, 0, &info), BR_OK);
    ck_assert_int_eq(info.threads, bri_host_cores());
    ck_assert_ptr_nonnull(strstr(info.why, "that this process may use"));
    ck_assert_str_ne(info.host, "");
    ck_assert_int_eq(br_close(ctx), 0);
    ck_assert_int_eq(br_close(NULL), 0);
}
END_TEST

START_TEST(settings_are_used)
{
    setenv("BRAMBLE_NUM_THREADS", "3", 1);
    setenv("BRAMBLE_MEMORY_LIMIT", "5M", 1);
    br_context *ctx = br_open(NULL, NULL);
    bri_memory_stats stats;
    bri_memory_about(ctx->memory, &stats);
    ck_assert_uint_eq(stats.limit, 5 << 20);
    ck_assert_int_eq(br_num_threads(ctx), 3);
    ck_assert_str_eq(ctx->threads_why, "BRAMBLE_NUM_THREADS");
    ck_assert_int_eq(br_close(ctx), 0);
    ctx = open_with("BRAMBLE_SCHEDULER", "sync");
    ck_assert_str_eq(br_scheduler(ctx), "sync");
    ck_assert_int_eq(br_num_threads(ctx), 1);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(memory_is_shared_among_ranks)
{
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    setenv("BRAMBLE_MEMORY_LIMIT", "50%", 1);
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4", 1);
    br_context *ctx = br_open(NULL, NULL);
    bri_memory_stats stats;
    bri_memory_about(ctx->memory, &stats);
    ck_assert_uint_eq(stats.limit, bri_host_memory() / 8);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* An affinity mask is what taskset and cpusets set. */
START_TEST(masks_limit_threads)
{
    cpu_set_t one;
    sched_getaffinity(0, sizeof one, &one);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &one))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_num_threads(ctx), 1);
    ck_assert_str_eq(ctx->threads_why, "1 core that this process may use");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

static void compute(br_context *ctx)
{
    toy_plan plan;
    bri_job job;
    toy_random(&plan, 200, 1, 20);
    ck_assert_int_eq(bri_job_init(&job, ctx, &toy_ops, &plan), BR_OK);
    ck_assert_int_eq(ctx->scheduler->start(ctx, &job), BR_OK);
    ck_assert(ctx->scheduler->progress(ctx, &job, true));
    ck_assert_int_eq(bri_job_status(&job), BR_OK);
    bri_job_fini(&job);
    ck_assert_int_eq(atomic_load(&plan.ran), 200);
    toy_free(&plan);
}

START_TEST(contexts_stand_side_by_side)
{
    br_context *ctx[4];
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 4; i++) {
            setenv("BRAMBLE_SCHEDULER", i % 2 == 0 ? "sync" : "threads", 1);
            ctx[i] = br_open(NULL, NULL);
            compute(ctx[i]);
        }
        for (int i = 0; i < 4; i++) {
            compute(ctx[i]);
            ck_assert_int_eq(br_close(ctx[i]), 0);
        }
    }
    ck_assert_int_eq(opened, closed);
}
END_TEST

START_TEST(help_prints_the_table)
{
    char text[4000];
    FILE *out = tmpfile();
    fflush(stdout);
    int real = dup(STDOUT_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    br_context *ctx = open_with("BRAMBLE_HELP", "1");
    fflush(stdout);
    dup2(real, STDOUT_FILENO);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "BRAMBLE_NUM_THREADS "));
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- failing to open ---- */

START_TEST(a_failed_context_says_why)
{
    br_rank_info info;
    capture_stderr();
    br_context *ctx = open_with("BRAMBLE_SCHEDULER", "treads");
    ck_assert_int_eq(br_error_status(ctx), BR_ECONFIG);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "one of sync,threads,mpi"));
    br_clear_error(ctx);
    ck_assert_int_eq(br_error_status(ctx), BR_ECONFIG);
    ck_assert_str_eq(br_scheduler(ctx), "none");
    ck_assert_int_eq(br_num_ranks(ctx), 1);
    ck_assert_int_eq(br_rank(ctx, 0, &info), BR_ECONFIG);
    char expected[1100];
    snprintf(expected, sizeof expected, "bramble: %s\n", br_message(ctx));
    ck_assert_int_eq(br_close(ctx), BR_ECONFIG);
    ck_assert_str_eq(captured_text(), expected);
}
END_TEST

START_TEST(the_engine_may_fail)
{
    engine_status = BR_EUNSUPPORTED;
    capture_stderr();
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_EUNSUPPORTED);
    ck_assert_int_eq(closed, 0);
    ck_assert_int_eq(br_close(ctx), BR_EUNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(captured_text(), "no engine in "));
}
END_TEST

START_TEST(too_many_threads)
{
    br_context *ctx = open_with("BRAMBLE_NUM_THREADS", "5000");
    ck_assert_int_eq(br_error_status(ctx), BR_ECONFIG);
    br_close(ctx);
}
END_TEST

START_TEST(any_allocation_may_fail)
{
    char n[16];
    snprintf(n, sizeof n, "%d", _i);
    br_context *ctx = open_with("BRAMBLE_FAIL_ALLOC", n);
    ck_assert_ptr_nonnull(ctx);
    if (br_error_status(ctx) != BR_OK) {
        ck_assert_int_eq(br_error_status(ctx), BR_ENOMEM);
        ck_assert_ptr_nonnull(strstr(br_message(ctx), "no memory"));
        br_set_log(ctx, NULL, NULL);
        br_clear_error(ctx);
        ck_assert_int_eq(br_close(ctx), BR_ENOMEM);
    } else {
        ck_assert_int_eq(br_close(ctx), 0);
    }
    ck_assert_int_eq(opened, closed);
}
END_TEST

/* ---- under mpirun ---- */

START_TEST(one_process_schedulers_refuse_ranks)
{
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    br_context *ctx = open_with("BRAMBLE_SCHEDULER", _i == 0 ? "sync" : "threads");
    ck_assert_int_eq(br_error_status(ctx), BR_ECONFIG);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "mpirun started 2: unset BRAMBLE_SCHEDULER or"));
    ck_assert_int_eq(br_close(ctx), BR_ECONFIG);
}
END_TEST

START_TEST(other_ranks_never_return)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
        setenv("OMPI_COMM_WORLD_RANK", "1", 1);
        open_with("BRAMBLE_SCHEDULER", "sync");
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

START_TEST(ranks_share_cores)
{
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    br_context *ctx = br_open(NULL, NULL);
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "2", 1);
    ck_assert_int_eq(bri_host_threads(ctx), BR_OK);
    int cores = bri_host_cores();
    ck_assert_int_eq(ctx->nthreads, cores > 1 ? cores / 2 : 1);
    ck_assert_ptr_nonnull(strstr(ctx->threads_why, "for 2 ranks of this host"));
    setenv("OMPI_MCA_orte_bound_at_launch", "1", 1);
    setenv("OMPI_MCA_hwloc_base_binding_policy", "core", 1);
    ck_assert_int_eq(bri_host_threads(ctx), BR_OK);
    ck_assert_int_eq(ctx->nthreads, cores);
    ck_assert_ptr_nonnull(strstr(ctx->threads_why, "mpirun bound this rank to"));
    ctx->nthreads = 1;
    br_close(ctx);
}
END_TEST

/* ---- messages ---- */

typedef struct heard {
    int n;
    br_status status;
    char text[100];
} heard;

static void listen(void *data, br_status status, const char *text)
{
    heard *h = data;
    h->n++;
    h->status = status;
    snprintf(h->text, sizeof h->text, "%s", text);
}

START_TEST(the_first_failure_stays)
{
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_int_eq(bri_context_fail(ctx, BR_ESHAPE, "first"), BR_ESHAPE);
    ck_assert_int_eq(bri_context_fail(ctx, BR_EIO, "second"), BR_EIO);
    ck_assert_int_eq(br_error_status(ctx), BR_ESHAPE);
    ck_assert_str_eq(br_message(ctx), "first");
    br_clear_error(ctx);
    ck_assert_str_eq(br_message(ctx), "");
    ck_assert_int_eq(bri_context_fail(ctx, BR_EIO, "third"), BR_EIO);
    capture_stderr();
    ck_assert_int_eq(br_close(ctx), BR_EIO);
    ck_assert_str_eq(captured_text(), "bramble: third\n");
}
END_TEST

START_TEST(a_log_function_is_told)
{
    heard h = {0};
    br_rank_info info;
    br_context *ctx = open_with("BRAMBLE_LOG", "info");
    br_set_log(ctx, listen, &h);
    bri_log_info(ctx, "%d chunks", 7);
    ck_assert_int_eq(h.n, 1);
    ck_assert_int_eq(h.status, BR_OK);
    ck_assert_str_eq(h.text, "7 chunks");
    ck_assert_int_eq(br_rank(ctx, 3, &info), BR_EARG);
    ck_assert_int_eq(h.status, BR_EARG);
    ck_assert_str_eq(h.text, "there is no rank 3: the last is 0");
    capture_stderr();
    ck_assert_int_eq(br_close(ctx), BR_EARG);
    ck_assert_str_eq(captured_text(), "");
    ck_assert_int_eq(h.n, 2);
}
END_TEST

START_TEST(levels_of_the_log)
{
    static const struct {
        const char *level, *text;
    } rows[] = {
        {"quiet", ""},
        {"warning", "bramble: warning: b\n"},
        {"info", "bramble: a\nbramble: warning: b\n"},
        {"debug", "bramble: a\nbramble: warning: b\n"},
    };
    br_context *ctx = open_with("BRAMBLE_LOG", rows[_i].level);
    capture_stderr();
    bri_log_info(ctx, "a");
    bri_log_warning(ctx, "b");
    ck_assert_str_eq(captured_text(), rows[_i].text);
    br_close(ctx);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("context");
    tcase_add_checked_fixture(tests, clear_environment, NULL);
    tcase_add_test(tests, threads_by_default);
    tcase_add_test(tests, settings_are_used);
    tcase_add_test(tests, memory_is_shared_among_ranks);
    tcase_add_test(tests, masks_limit_threads);
    tcase_add_test(tests, contexts_stand_side_by_side);
    tcase_add_test(tests, help_prints_the_table);
    tcase_add_test(tests, a_failed_context_says_why);
    tcase_add_test(tests, the_engine_may_fail);
    tcase_add_test(tests, too_many_threads);
    tcase_add_loop_test(tests, any_allocation_may_fail, 1, 10);
    tcase_add_loop_test(tests, one_process_schedulers_refuse_ranks, 0, 2);
    tcase_add_test(tests, other_ranks_never_return);
    tcase_add_test(tests, ranks_share_cores);
    tcase_add_test(tests, the_first_failure_stays);
    tcase_add_test(tests, a_log_function_is_told);
    tcase_add_loop_test(tests, levels_of_the_log, 0, 4);
    return run_case("context", tests);
}
