/* SPDX-License-Identifier: BSD-3-Clause
 * isa.h - what the sources compiled once per instruction set share: names, loop hints, fill
 * functions.
 *
 * The build gives BRI_ISA (v2, v3, v4 or base); every external name of such a source carries it.
 */
#ifndef BRI_ISA_H
#define BRI_ISA_H

#include "array/kernels/kernels.h"

#define BRI_PASTE_(a, b)   a##_##b
#define BRI_PASTE(a, b)    BRI_PASTE_(a, b)
#define BRI_ISA_NAME(name) BRI_PASTE(bri_fill_##name, BRI_ISA)
#define BRI_ALWAYS_INLINE  static inline __attribute__((always_inline))

/* Rows that are reduced along the last axis at a time: those of at most 32 elements, and those of
 * less than a block. */
enum { BRI_SHORT_ROWS = 32, BRI_SOME_ROWS = 8 };

/* Iterations are independent: the destination may be an operand itself but never overlaps one
 * shifted. */
#if defined(__clang__)
/* The hint permits vector code, it does not demand any. */
#pragma clang diagnostic ignored "-Wpass-failed"
#define BRI_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define BRI_IVDEP _Pragma("GCC ivdep")
#endif

#endif
