/* SPDX-License-Identifier: BSD-3-Clause
 * host.h - what this process was given: its place among the ranks, cores, memory.
 */
#ifndef BRI_HOST_H
#define BRI_HOST_H

#include <sys/types.h>

#include "runtime/context.h"

/* How the process was launched, from the environment mpirun sets; 0 of 1 without it. Asks nothing
 * of MPI. */
typedef struct bri_launch {
    int rank, nranks;
    int local_ranks; /* ranks on this host */
} bri_launch;

bri_launch bri_launch_read(void);

/* Limits of the control groups this process is in and of all groups above them. */
typedef struct bri_cgroup_limits {
    uint64_t memory; /* UINT64_MAX without a limit */
    double cores;    /* INFINITY without a limit */
} bri_cgroup_limits;

/* Versions 1 and 2. `mount` is /sys/fs/cgroup and `membership` /proc/self/cgroup, but for tests. */
void bri_cgroup_read(const char *mount, const char *membership, bri_cgroup_limits *limits);

/* The mpirun or orted that started this process, perhaps by way of others; 0 when there is none. */
pid_t bri_host_launcher(void);

/* Cores this process may run on: its affinity mask and its groups' quota, rounded up. */
int bri_host_cores(void);

/* Whether the threads of this host's ranks, with a communication thread for each rank, are more
 * than the cores they share: then who waits had better sleep than spin. */
bool bri_host_crowded(int nthreads);

/* Sets ctx->nthreads and ctx->threads_why. A mask that is only mpirun's default binding is widened
 * to that of mpirun. */
br_status bri_host_threads(br_context *ctx);

/* Of the hottest thermal zone, NAN when there is none. `directory` is /sys/class/thermal, but for
 * tests. */
double bri_host_celsius(const char *directory);

#endif
