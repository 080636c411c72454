/* SPDX-License-Identifier: BSD-3-Clause
 * bramble-probe.c - reads the metadata of one HDF5 file with limits, for processes that do not
 * trust it (.untrusted), or by hand.
 *
 * usage: bramble-probe [--seconds N] [--] FILE [DATASET [FIELD]]
 *
 * Reads what br_from_hdf5 reads of the dataset, or without one what br_open_file reads. Exits with
 * 0, or with 1 and one line that says why not; killed by a signal when the file crashes the HDF5
 * library or takes longer than it may.
 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "array/io/hdf5_probe.h"

/* Sanitizers need addresses without end. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ADDRESSES RLIM_INFINITY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ADDRESSES RLIM_INFINITY
#endif
#endif
#ifndef ADDRESSES
#define ADDRESSES ((rlim_t)BRI_H5_PROBE_MIB << 20)
#endif

/* The soft limit; the hard one is `more` above it. */
static bool limit(int what, rlim_t most, rlim_t more)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0)
        return false;
    if (most < now.rlim_max)
        now.rlim_max = most + more < now.rlim_max ? most + more : now.rlim_max;
    now.rlim_cur = most < now.rlim_max ? most : now.rlim_max;
    return setrlimit(what, &now) == 0;
}

/* The processor's time is a second limit beside that of the process which started this one; at the
 * soft one there is a signal that says so. */
static bool set_limits(double seconds)
{
    return limit(RLIMIT_AS, ADDRESSES, 0) && limit(RLIMIT_CPU, (rlim_t)ceil(seconds), 1) &&
           limit(RLIMIT_FSIZE, 64 << 10, 0) && limit(RLIMIT_CORE, 0, 0) &&
           prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: bramble-probe [--seconds N] [--] FILE [DATASET [FIELD]]\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *names[3] = {NULL, NULL, ""};
    double seconds = 30;
    int i = 1;
    if (i + 1 < argc && strcmp(argv[i], "--seconds") == 0) {
        seconds = atof(argv[i + 1]);
        i += 2;
    }
    if (i < argc && strcmp(argv[i], "--") == 0)
        i++;
    if (argc - i < 1 || argc - i > 3 || !(seconds > 0 && seconds < 1e9))
        return usage();
    for (int k = 0; i + k < argc; k++)
        names[k] = argv[i + k];
    /* Made to fail are the allocations of the process that asks. */
    unsetenv("BRAMBLE_FAIL_ALLOC");
    unsetenv("BRAMBLE_ABORT");
    if (!set_limits(seconds)) {
        perror("bramble-probe: limits");
        return 1;
    }
    return bri_h5_answer_probe(names, stdout) == BR_OK ? 0 : 1;
}
