/* SPDX-License-Identifier: BSD-3-Clause
 * workloads.h - our side of the workloads: inputs, and expressions as a user would write them.
 */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "bench/bench.h"

bench_step set_up_sum, set_up_pair, set_up_pair_out, set_up_std_rows, set_up_std_columns;
bench_step set_up_matmul, set_up_square, set_up_panels, set_up_normal, set_up_darts, set_up_small;
bench_step set_up_stencil;
bench_step set_up_kept_sum, set_up_kept_pair, set_up_kept_square, set_up_kept_panels;
bench_step set_up_kept_stencil;
bench_step set_up_file_mean, set_up_file_climate, set_up_file_inflate, set_up_file_var;
bench_step set_up_file_slice;
bench_step set_up_store, set_up_store_library;

bench_step ours_sum, ours_hypot, ours_std_rows, ours_std_columns, ours_transcendental;
bench_step ours_matmul, ours_transpose, ours_rechunk, ours_normal, ours_darts, ours_small;
bench_step ours_stencil_sum, ours_stencil, ours_stencil_steps, ours_stencil_slices;
bench_step ours_file_mean, ours_file_climate, ours_file_sum, ours_file_var, ours_file_slice;
bench_step ours_store;

#endif
