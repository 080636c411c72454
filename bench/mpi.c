/* SPDX-License-Identifier: BSD-3-Clause
 * mpi.c - ranks against threads, each a process (or several) that runs when it is told to.
 *
 * Turns, so that a slow minute of the machine slows all; who has no turn sleeps.
 */
#include "bench/mpi.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/part.h"
#include "bench/workloads.h"

static const struct mpi_row {
    const char *name, *what;
    double goal; /* of threads' seconds by ranks'; 0: none */
    bench_step *set_up, *ours;
} rows[] = {
#define MPI_ROW(name, what, goal, set_up, ours) {#name, what, goal, set_up_##set_up, ours_##ours},
#include "bench/mpi.def"
#undef MPI_ROW
};
enum { NROWS = sizeof rows / sizeof *rows };

static const struct mpi_row *find_row(const char *name)
{
    for (int i = 0; i < NROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    bench_fail("mpi has no workload %s", name);
    return NULL;
}

/* ---- what is started ---- */

bool bench_mpi_part(const char *name, const bench_options *options)
{
    const struct mpi_row *row = find_row(name);
    if (!row)
        return false;
    const bench_row named = {
        .name = row->name, .what = row->what, .set_up = row->set_up, .ours = row->ours};
    return bench_part(&named, options);
}

/* ---- starting them ---- */

typedef struct part {
    pid_t pid;
    FILE *to, *from;
    double least, value;
} part;

static _Noreturn void become(char *const argv[], const char *scheduler, const char *threads,
                             const int pipes[4])
{
    dup2(pipes[0], 0);
    dup2(pipes[3], 1);
    for (int i = 0; i < 4; i++)
        close(pipes[i]);
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    setenv("BRAMBLE_NUM_THREADS", threads, 1);
    execvp(argv[0], argv);
    bench_fail("%s cannot be started", argv[0]);
    _exit(127);
}

/* Until it says that it is ready; false when it ends before. */
static bool start(part *p, char *const argv[], const char *scheduler, const char *threads)
{
    int pipes[4]; /* its input: 0 to read, 1 to write; its output: 2, 3 */
    char line[64] = "";
    if (pipe(pipes) != 0 || pipe(pipes + 2) != 0)
        return bench_fail("no pipe");
    fflush(stdout);
    p->pid = fork();
    if (p->pid == 0)
        become(argv, scheduler, threads, pipes);
    close(pipes[0]);
    close(pipes[3]);
    p->to = fdopen(pipes[1], "w");
    p->from = fdopen(pipes[2], "r");
    return p->pid > 0 && p->to && p->from && fgets(line, sizeof line, p->from) &&
           strcmp(line, "ready\n") == 0;
}

static bool stop(part *p)
{
    int status = 1;
    if (p->to)
        fclose(p->to);
    if (p->from)
        fclose(p->from);
    if (p->pid > 0)
        waitpid(p->pid, &status, 0);
    return status == 0;
}

static bool take_turn(part *p)
{
    char line[128];
    double seconds;
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL); /* others fall asleep */
    fputs("run\n", p->to);
    if (fflush(p->to) != 0 || !fgets(line, sizeof line, p->from) ||
        sscanf(line, "%lf %lf", &seconds, &p->value) != 2)
        return false;
    p->least = fmin(p->least, seconds);
    return true;
}

/* ---- one workload ---- */

/* argv of each; numbers are texts. */
typedef struct commands {
    char self[4096], ranks[16];
    char *threads[8], *mpi[16], *peer[16];
} commands;

static void fill_in(commands *c, const char *name, const bench_options *options)
{
    char *data = (char *)options->data, *row = (char *)name;
    ssize_t n = readlink("/proc/self/exe", c->self, sizeof c->self - 1);
    c->self[n > 0 ? n : 0] = '\0';
    char *part[] = {c->self, "--data", data, "mpi-part", row};
    char *ranks[] = {"mpirun", "--oversubscribe", "-np", c->ranks};
    char *peer[] = {BENCH_PEERS_MPI, "--data", data, row};
    memcpy(c->threads, part, sizeof part);
    memcpy(c->mpi, ranks, sizeof ranks);
    memcpy(c->mpi + 4, part, sizeof part);
    memcpy(c->peer, ranks, sizeof ranks);
    memcpy(c->peer + 4, peer, sizeof peer);
}

static bool has_mpi4py(void)
{
    return access(BENCH_PEERS_MPI, X_OK) == 0 &&
           system("/usr/bin/python3 -c 'import mpi4py, numpy, h5py' 2>/dev/null") == 0;
}

static void print_row(const struct mpi_row *row, const part p[3], bool peer,
                      const bench_options *options)
{
    double ratio = p[0].least / p[1].least;
    const char *verdict = row->goal == 0 ? "" : ratio >= row->goal ? "good" : "less";
    char by_hand[32] = "null", times[32] = "-";
    if (peer) {
        snprintf(by_hand, sizeof by_hand, "%.6f", p[2].least);
        snprintf(times, sizeof times, "%.4f", p[2].least);
    }
    if (options->json)
        printf("{\"mpi\":\"%s\",\"ranks\":%d,\"seconds\":%.6f,\"threads_seconds\":%.6f,"
               "\"ratio\":%.3f,\"goal\":%.2f,\"mpi4py_seconds\":%s,\"runs\":%d}\n",
               row->name, options->threads, p[1].least, p[0].least, ratio, row->goal, by_hand,
               options->runs);
    else
        printf("%-4s %-46s %9.4f %9.4f %6.2f %-5s %9s\n", row->name, row->what, p[1].least,
               p[0].least, ratio, verdict, times);
    fflush(stdout);
}

/* Ranks give the bits of threads. */
static bool agree(const struct mpi_row *row, const part p[3], bool peer)
{
    if (memcmp(&p[0].value, &p[1].value, sizeof p[0].value) != 0)
        return bench_fail("%s: %.17g on threads, %.17g over ranks", row->name, p[0].value,
                          p[1].value);
    return !peer || fabs(p[2].value - p[0].value) <= 1e-3 * fabs(p[0].value) ||
           bench_fail("%s: bramble gives %.17g, mpi4py %.17g", row->name, p[0].value, p[2].value);
}

static bool run_row(const struct mpi_row *row, bool peer, const bench_options *options)
{
    commands c = {0};
    part p[3] = {{.least = INFINITY}, {.least = INFINITY}, {.least = INFINITY}};
    int n = peer ? 3 : 2;
    snprintf(c.ranks, sizeof c.ranks, "%d", options->threads);
    fill_in(&c, row->name, options);
    bool good = start(&p[0], c.threads, "threads", c.ranks) && start(&p[1], c.mpi, "mpi", "1") &&
                (!peer || start(&p[2], c.peer, "mpi", "1"));
    for (int run = 0; good && run <= options->runs; run++)
        for (int i = 0; good && i < n; i++)
            good = take_turn(&p[i]);
    for (int i = n - 1; i >= 0; i--) /* pipes of earlier ones are open in later ones */
        good = stop(&p[i]) && good;
    if (!good)
        return bench_fail("%s: a program that was started has failed", row->name);
    print_row(row, p, peer, options);
    return agree(row, p, peer);
}

bool bench_mpi(char **names, int n, const bench_options *options)
{
    bench_options all = *options;
    bool good = true;
    if (getenv("OMPI_COMM_WORLD_SIZE"))
        return bench_fail("mpi starts mpirun itself");
    for (int i = 0; i < n; i++)
        if (!find_row(names[i]))
            return false;
    if (all.threads == 0)
        all.threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    signal(SIGPIPE, SIG_IGN);
    bool peer = has_mpi4py();
    if (!all.json)
        printf("%-4s %-46s %9s %9s %6s %-5s %9s\n", "", "seconds (the least)", "ranks", "threads",
               "ratio", "", "mpi4py");
    for (int i = 0; i < (n ? n : NROWS); i++)
        good = run_row(n ? find_row(names[i]) : &rows[i], peer, &all) && good;
    return good;
}
