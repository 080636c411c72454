/* SPDX-License-Identifier: BSD-3-Clause
 * busy.h - bramble-bench busy: how long messages take beside threads that compute.
 */
#ifndef BENCH_BUSY_H
#define BENCH_BUSY_H

#include "bench/bench.h"

/* On the ranks of mpirun: one JSON object a line with --json. */
bool bench_busy(const bench_options *options);

#endif
