/* SPDX-License-Identifier: BSD-3-Clause
 * limits.h - the same results by hand-written C on plain threads: fused, blocked and vectorised for
 * this CPU.
 *
 * The files limits_*.c are compiled with -O3 -ffast-math -march=native (cmake/bench.cmake): they
 * keep no promise about bits, which bramble does, and so bound what any implementation can reach.
 */
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include "bench/bench.h"

enum {
    LIMIT_IO_BYTES = 256 << 10 /* read at a time: stays in the L2 cache until it is summed */
};

bench_step limit_sum, limit_hypot, limit_std_rows, limit_std_columns, limit_transcendental;
bench_step limit_transpose, limit_rechunk, limit_matmul, limit_normal, limit_darts, limit_small;
bench_step limit_stencil;
bench_step limit_file_mean, limit_file_climate, limit_file_inflate, limit_file_var,
    limit_file_slice;
bench_step limit_store, limit_store_library;

#endif
