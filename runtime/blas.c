/* SPDX-License-Identifier: BSD-3-Clause
 * blas.c - counts open contexts to set and restore OpenBLAS's number of threads.
 */
#include "runtime/blas.h"

#include <cblas.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards both */
static int opened;
static int threads_before;

br_status bri_blas_open(void)
{
    pthread_mutex_lock(&lock);
    if (opened++ == 0) {
        threads_before = openblas_get_num_threads();
        openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&lock);
    return BR_OK;
}

void bri_blas_close(void)
{
    pthread_mutex_lock(&lock);
    if (--opened == 0)
        openblas_set_num_threads(threads_before);
    pthread_mutex_unlock(&lock);
}

const char *bri_blas_kernel(void)
{
    return openblas_get_corename();
}

/* OpenBLAS 0.3.21 falls back to Prescott on CPUs that are newer than itself. */
const char *bri_blas_hint(void)
{
#if defined(__x86_64__)
    bool generic = strcmp(openblas_get_corename(), "Prescott") == 0;
    if (generic && __builtin_cpu_supports("avx512f"))
        return " (slow: OpenBLAS does not know this CPU; set OPENBLAS_CORETYPE=SkylakeX)";
    if (generic && __builtin_cpu_supports("avx2"))
        return " (slow: OpenBLAS does not know this CPU; set OPENBLAS_CORETYPE=Haswell)";
#endif
    return "";
}
