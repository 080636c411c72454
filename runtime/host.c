/* SPDX-License-Identifier: BSD-3-Clause
 * host.c - how many threads and how many bytes this process may use.
 */
#include "runtime/host.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"

enum { MOST_CORES = 4096, MOST_PARENTS = 16 };

typedef struct cpu_mask {
    cpu_set_t bits[MOST_CORES / CPU_SETSIZE];
} cpu_mask;

/* ---- launch ---- */

static int number_in_environment(const char *name, int fallback)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? atoi(text) : fallback;
}

bri_launch bri_launch_read(void)
{
    bri_launch launch = {
        .rank = number_in_environment("OMPI_COMM_WORLD_RANK", 0),
        .nranks = number_in_environment("OMPI_COMM_WORLD_SIZE", 1),
        .local_ranks = number_in_environment("OMPI_COMM_WORLD_LOCAL_SIZE", 1),
    };
    if (launch.local_ranks < 1)
        launch.local_ranks = 1;
    return launch;
}

/* ---- cores ---- */

static bool read_mask(pid_t pid, cpu_mask *mask)
{
    memset(mask, 0, sizeof *mask);
    return sched_getaffinity(pid, sizeof *mask, mask->bits) == 0;
}

static int cores_of(const cpu_mask *mask)
{
    return CPU_COUNT_S(sizeof *mask, mask->bits);
}

/* The name and the parent of a process: "pid (name) state ppid". */
static bool read_process(pid_t pid, char name[32], pid_t *parent)
{
    char path[64];
    char line[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    bool ok = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    char *open = ok ? strchr(line, '(') : NULL;
    char *close = ok ? strrchr(line, ')') : NULL;
    int ppid;
    if (open == NULL || close == NULL || sscanf(close + 1, " %*c %d", &ppid) != 1)
        return false;
    snprintf(name, 32, "%.*s", (int)(close - open - 1), open + 1);
    *parent = ppid;
    return true;
}

static bool is_launcher(const char *name)
{
    static const char *const names[] = {"mpirun", "mpiexec", "orterun",
                                        "orted",  "prted",   "prterun"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The launcher's own mask, when ours is the one it gave its child: a wrapper in between that
 * narrowed it (taskset in a script) is obeyed. */
static bool launcher_mask(const cpu_mask *own, cpu_mask *launcher)
{
    pid_t pid = getpid();
    for (int i = 0; i < MOST_PARENTS && pid > 1; i++) {
        char name[32];
        pid_t parent;
        cpu_mask mask;
        if (!read_process(pid, name, &parent) || !read_mask(pid, &mask))
            return false;
        if (is_launcher(name)) {
            *launcher = mask;
            return true;
        }
        if (!CPU_EQUAL_S(sizeof mask, mask.bits, own->bits))
            return false;
        pid = parent;
    }
    return false;
}

pid_t bri_host_launcher(void)
{
    pid_t pid = getpid();
    for (int i = 0; i < MOST_PARENTS && pid > 1; i++) {
        char name[32];
        pid_t parent;
        if (!read_process(pid, name, &parent))
            return 0;
        if (is_launcher(name))
            return pid;
        pid = parent;
    }
    return 0;
}

/* Open MPI tells its children of a binding that the user asked for, and whether it bound them at
 * all. */
static bool bound_by_default(void)
{
    static const char *const asked[] = {"OMPI_MCA_hwloc_base_binding_policy",
                                        "OMPI_MCA_hwloc_base_cpu_set",
                                        "OMPI_MCA_hwloc_base_cpu_list", "OMPI_MCA_orte_rankfile"};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        if (getenv(asked[i]) != NULL)
            return false;
    const char *mapping = getenv("OMPI_MCA_rmaps_base_mapping_policy");
    if (mapping != NULL && strstr(mapping, "PE=") != NULL)
        return false;
    return number_in_environment("OMPI_MCA_orte_bound_at_launch", 0) != 0;
}

/* mpirun pins each of two ranks to one core: the other threads of the rank would share it. */
static bool widen_default_binding(void)
{
    cpu_mask own;
    cpu_mask launcher;
    if (!bound_by_default() || !read_mask(0, &own) || !launcher_mask(&own, &launcher) ||
        cores_of(&launcher) <= cores_of(&own))
        return false;
    return sched_setaffinity(0, sizeof launcher, launcher.bits) == 0;
}

static double quota_of_cores(void)
{
    bri_cgroup_limits limits;
    bri_cgroup_read("/sys/fs/cgroup", "/proc/self/cgroup", &limits);
    return limits.cores;
}

int bri_host_cores(void)
{
    cpu_mask mask;
    int cores = read_mask(0, &mask) ? cores_of(&mask) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    double quota = ceil(quota_of_cores());
    if (quota < cores)
        cores = (int)quota;
    return cores > 0 ? cores : 1;
}

/* ---- threads ---- */

static bool explicit_binding(const bri_launch *launch)
{
    return launch->nranks > 1 && number_in_environment("OMPI_MCA_orte_bound_at_launch", 0) != 0 &&
           !bound_by_default();
}

/* Ranks that were bound on purpose have their cores for themselves. */
static int ranks_that_share(const bri_launch *launch)
{
    return explicit_binding(launch) ? 1 : launch->local_ranks;
}

bool bri_host_crowded(int nthreads)
{
    bri_launch launch = bri_launch_read();
    int ranks = ranks_that_share(&launch);
    return ranks * nthreads + (ranks > 1 ? ranks : 0) > bri_host_cores();
}

static void choose_threads(br_context *ctx, const bri_launch *launch)
{
    bool widened = widen_default_binding();
    int cores = bri_host_cores();
    int sharing = ranks_that_share(launch);
    ctx->nthreads = cores >= sharing ? cores / sharing : 1;
    int n = snprintf(ctx->threads_why, sizeof ctx->threads_why, "%d %s", cores,
                     cores == 1 ? "core" : "cores");
    char *rest = ctx->threads_why + n;
    size_t room = sizeof ctx->threads_why - (size_t)n;
    if (sharing > 1)
        snprintf(rest, room, " for %d ranks of this host%s", sharing,
                 widened ? ", mpirun's default binding widened" : "");
    else if (explicit_binding(launch))
        snprintf(rest, room, " that mpirun bound this rank to");
    else
        snprintf(rest, room, " that this process may use%s",
                 widened ? ", mpirun's default binding widened" : "");
}

br_status bri_host_threads(br_context *ctx)
{
    int64_t asked = ctx->config.num_threads;
    if (asked > MOST_CORES)
        return bri_error(BR_ECONFIG, "BRAMBLE_NUM_THREADS=%lld: at most %d", (long long)asked,
                         MOST_CORES);
    bri_launch launch = bri_launch_read();
    if (asked > 0) {
        widen_default_binding();
        ctx->nthreads = (int)asked;
        snprintf(ctx->threads_why, sizeof ctx->threads_why, "BRAMBLE_NUM_THREADS");
    } else {
        choose_threads(ctx, &launch);
    }
    return BR_OK;
}

/* ---- memory ---- */

static uint64_t total_memory(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    unsigned long long kilobytes = 0;
    char line[128];
    while (f != NULL && kilobytes == 0 && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "MemTotal: %llu kB", &kilobytes) != 1)
            kilobytes = 0;
    if (f != NULL)
        fclose(f);
    if (kilobytes > 0)
        return (uint64_t)kilobytes << 10;
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t bri_host_memory(void)
{
    bri_cgroup_limits limits;
    bri_cgroup_read("/sys/fs/cgroup", "/proc/self/cgroup", &limits);
    uint64_t total = total_memory();
    return limits.memory < total ? limits.memory : total;
}
