/* SPDX-License-Identifier: BSD-3-Clause
 * blas.h - OpenBLAS's threads: one from the first br_open to the last br_close, restored then.
 */
#ifndef BRI_BLAS_H
#define BRI_BLAS_H

#include "runtime/error.h"

br_status bri_blas_open(void);
void bri_blas_close(void);
/* The kernel OpenBLAS chose for this CPU, on which the bits of products depend. */
const char *bri_blas_kernel(void);
/* What to do when OpenBLAS did not recognise the CPU and took a kernel without its vector units,
 * else "". */
const char *bri_blas_hint(void);

#endif
