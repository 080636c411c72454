/* SPDX-License-Identifier: BSD-3-Clause
 * blas.c - counts open contexts to set and restore OpenBLAS's number of threads.
 */
#include "array/plan/blas.h"

#include <cblas.h>
#include <pthread.h>

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
