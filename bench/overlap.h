/* SPDX-License-Identifier: BSD-3-Clause
 * overlap.h - bramble-bench overlap: faces of stencils between ranks, hidden behind compute.
 */
#ifndef BENCH_OVERLAP_H
#define BENCH_OVERLAP_H

#include "bench/bench.h"

/* On the ranks of mpirun: one JSON object a line for each row and kind of work, with the least
 * seconds of the runs without faces and work, with faces, with work, and with both. slow: with
 * sizes for links of 100 Mbit/s instead of 1 Gbit/s. */
bool bench_overlap(const bench_options *options, bool slow);

#endif
