/* SPDX-License-Identifier: BSD-3-Clause
 * part.h - one of several programs that have turns, so that a slow minute of the machine slows all.
 */
#ifndef BENCH_PART_H
#define BENCH_PART_H

#include "bench/bench.h"

/* Runs our side of the row once for each line on standard input, printing seconds and value
 * (without that of results that are arrays). It says "ready" when its inputs are; in between it
 * sleeps. */
bool bench_part(const bench_row *row, const bench_options *options);

#endif
