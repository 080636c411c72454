/* SPDX-License-Identifier: BSD-3-Clause
 * main.c - bramble-bench: how near bramble comes to what the machine can do.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/busy.h"
#include "bench/lending.h"
#include "bench/limits.h"
#include "bench/links.h"
#include "bench/mpi.h"
#include "bench/overlap.h"
#include "bench/part.h"
#include "bench/tasks.h"
#include "bench/workloads.h"

const bench_row bench_rows[] = {
#define WORKLOAD(name, what, limit_name, set_up, ours, limit)                                      \
    {#name, what, set_up_##set_up, ours_##ours, limit_##limit, limit_name},
#include "bench/workloads.def"
#undef WORKLOAD
};
const int bench_nrows = sizeof bench_rows / sizeof *bench_rows;

bool bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bramble-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return false;
}

/* These change the speed of libraries, and most are read when a library is loaded: the program
 * starts again without them. */
static void clean_environment(char **argv)
{
    static const char *const traps[] = {
        "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS",
        "OMP_NUM_THREADS",   "OMP_PROC_BIND",    "OMP_PLACES",           "GOMP_CPU_AFFINITY",
        "MALLOC_ARENA_MAX",  "MALLOC_PERTURB_"};
    bool found = false;
    for (size_t i = 0; i < sizeof traps / sizeof *traps; i++)
        if (getenv(traps[i])) {
            found = true;
            unsetenv(traps[i]);
        }
    if (found)
        execv("/proc/self/exe", argv);
}

/* ---- one workload ---- */

static void print_result(const bench *b, const bench_result *r)
{
    const bench_row *row = b->row;
    double ratio = r->limit_seconds / r->seconds;
    if (b->options->json)
        printf("{\"workload\":\"%s\",\"seconds\":%.6f,\"limit_seconds\":%.6f,\"limit\":\"%s\","
               "\"ratio\":%.3f,\"peak_rss_mib\":%.1f,\"threads\":%d,\"runs\":%d}\n",
               row->name, r->seconds, r->limit_seconds, row->limit_name, ratio, r->peak_rss_mib,
               b->threads, b->options->runs);
    else
        printf("%-4s %-48s %9.4f %9.4f %6.2f %8.0f  %s\n", row->name, row->what, r->seconds,
               r->limit_seconds, ratio, r->peak_rss_mib, row->limit_name);
}

static bool run_row(const bench_row *row, const bench_options *options)
{
    bench b = {.row = row, .options = options, .ctx = br_open(NULL, NULL)};
    bench_result result;
    b.threads = br_num_threads(b.ctx);
    bool good = br_error_status(b.ctx) == BR_OK && row->set_up(&b) && bench_measure(&b, &result);
    if (good)
        print_result(&b, &result);
    return bench_close(&b) && good;
}

/* Each workload has a process of its own: its peak memory is its own, and a crash ends only it. */
static bool run_apart(const bench_row *row, const bench_options *options)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        exit(run_row(row, options) ? 0 : 1);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return bench_fail("%s: no process for it", row->name);
    if (WIFSIGNALED(status))
        return bench_fail("%s: ended by signal %d", row->name, WTERMSIG(status));
    return WEXITSTATUS(status) == 0;
}

/* ---- the command line ---- */

static const char usage[] =
    "bramble-bench [options] [workloads]: our time and the limit's, measured by turns; all "
    "workloads by default\n"
    "bramble-bench [options] tasks: ns a task of graphs of functions and of arrays of tiny chunks, "
    "the least of the runs\n"
    "bramble-bench [options] futures: what br_submit costs, on threads or over the ranks of "
    "mpirun, "
    "the least of the runs\n"
    "bramble-bench [options] many: arrays of 1e8 chunks once, and the memory that takes\n"
    "bramble-bench [options] mpi [workloads]: one thread on each of N ranks against N threads, and "
    "programs by hand with mpi4py; N is --threads, the least of the runs\n"
    "bramble-bench [options] links: what operations send between the ranks of mpirun, and their "
    "seconds (bench/mpi-costs)\n"
    "bramble-bench [options] overlap [slow]: faces of stencils between the ranks of mpirun, alone, "
    "behind compute and without (bench/mpi-costs --overlap)\n"
    "bramble-bench [options] lending: blocks of one rank cost more than the others' "
    "(bench/mpi-costs "
    "--lending)\n"
    "bramble-bench [options] busy: what a message between the ranks of mpirun takes while all "
    "cores compute, beside one by bare MPI and Linux's wake of a thread\n"
    "bramble-bench [options] metg: the smallest tasks that keep half of the machine busy\n"
    "  --list       print the workloads\n"
    "  --json       print one JSON object a line\n"
    "  --threads N  worker threads, by default one a core\n"
    "  --runs N     timed runs after one that is not, by default 7; medians are printed\n"
    "  --chunks N   of the arrays of `tasks` and `many`\n"
    "  --data DIR   where the HDF5 files are or will be made, 7 GiB in all; by default "
    "$TMPDIR/bramble-bench\n";

static void list_rows(void)
{
    for (int i = 0; i < bench_nrows; i++)
        printf("%-4s %-48s limit: %s\n", bench_rows[i].name, bench_rows[i].what,
               bench_rows[i].limit_name);
}

static const bench_row *find_row(const char *name)
{
    for (int i = 0; i < bench_nrows; i++)
        if (strcmp(bench_rows[i].name, name) == 0)
            return &bench_rows[i];
    bench_fail("no workload %s; --list prints them", name);
    return NULL;
}

static bool positive(const char *text, int *value)
{
    char *end;
    long n = strtol(text, &end, 10);
    *value = (int)n;
    return (n > 0 && n <= 1000 && *end == '\0') ||
           bench_fail("%s is no number from 1 to 1000", text);
}

static bool count(const char *text, int64_t *value)
{
    char *end;
    double n = strtod(text, &end); /* 1e8 is what people write */
    *value = n >= 1 && n <= 1e12 ? (int64_t)n : 0;
    return (*value > 0 && *end == '\0') || bench_fail("%s is no number from 1 to 1e12", text);
}

static const char *default_data(void)
{
    static char path[4000];
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/bramble-bench", tmp && *tmp ? tmp : "/tmp");
    return path;
}

/* 0 to go on; else the program ends with 1 less. */
enum { GO_ON, STOP_GOOD, STOP_BAD = 3 };

static int read_options(int argc, char **argv, bench_options *options)
{
    static const struct option names[] = {
        {"list", no_argument, NULL, 'l'},          {"json", no_argument, NULL, 'j'},
        {"threads", required_argument, NULL, 't'}, {"runs", required_argument, NULL, 'r'},
        {"data", required_argument, NULL, 'd'},    {"chunks", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'l')
            return list_rows(), STOP_GOOD;
        else if (c == 'h')
            return fputs(usage, stdout), STOP_GOOD;
        else if (c == 'j')
            options->json = true;
        else if (c == 'd')
            options->data = optarg;
        else if (c == 'c' && count(optarg, &options->chunks))
            continue;
        else if (c == 't' && positive(optarg, &options->threads))
            setenv("BRAMBLE_NUM_THREADS", optarg, 1);
        else if (c == 'r' && positive(optarg, &options->runs))
            continue;
        else
            return fputs(usage, stderr), STOP_BAD;
    }
    return GO_ON;
}

static bool run_all(char **names, int n, const bench_options *options)
{
    bool good = true;
    for (int i = 0; i < n; i++)
        if (!find_row(names[i]))
            return false;
    if (!options->json)
        printf("%-4s %-48s %9s %9s %6s %8s  %s\n", "", "seconds (medians)", "ours", "limit",
               "ratio", "peak MiB", "the limit");
    for (int i = 0; i < (n ? n : bench_nrows); i++)
        good = run_apart(n ? find_row(names[i]) : &bench_rows[i], options) && good;
    return good;
}

static bool faces_fast(const bench_options *options)
{
    return bench_overlap(options, false);
}

static bool run_part(const char *name, const bench_options *options)
{
    const bench_row *row = find_row(name);
    return row && bench_part(row, options);
}

static bool run_words(char **words, int n, const bench_options *options)
{
    static const struct {
        const char *word;
        bool (*run)(const bench_options *options);
    } alone[] = {{"tasks", bench_tasks}, {"futures", bench_futures}, {"many", bench_many},
                 {"metg", bench_metg},   {"links", bench_links},     {"overlap", faces_fast},
                 {"busy", bench_busy},   {"lending", bench_lending}};
    for (size_t i = 0; n == 1 && i < sizeof alone / sizeof *alone; i++)
        if (strcmp(words[0], alone[i].word) == 0)
            return alone[i].run(options);
    if (n == 2 && strcmp(words[0], "overlap") == 0 && strcmp(words[1], "slow") == 0)
        return bench_overlap(options, true);
    if (n > 0 && strcmp(words[0], "mpi") == 0)
        return bench_mpi(words + 1, n - 1, options);
    if (n == 2 && strcmp(words[0], "mpi-part") == 0)
        return bench_mpi_part(words[1], options);
    if (n == 2 && strcmp(words[0], "part") == 0)
        return run_part(words[1], options);
    return run_all(words, n, options);
}

int main(int argc, char **argv)
{
    clean_environment(argv);
    bench_options options = {.data = default_data(), .runs = 7};
    int stop = read_options(argc, argv, &options);
    if (stop != GO_ON)
        return stop - 1;
    return run_words(argv + optind, argc - optind, &options) ? 0 : 1;
}
