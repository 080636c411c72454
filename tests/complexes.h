/* SPDX-License-Identifier: BSD-3-Clause
 * complexes.h - C11's complex numbers for both compilers: glibc gives CMPLX and its kin to gcc
 * only.
 */
#ifndef COMPLEXES_H
#define COMPLEXES_H

#include <complex.h>

#ifndef CMPLXL
#define CMPLXF(re, im) __builtin_complex((float)(re), (float)(im))
#define CMPLX(re, im)  __builtin_complex((double)(re), (double)(im))
#define CMPLXL(re, im) __builtin_complex((long double)(re), (long double)(im))
#endif

#endif
