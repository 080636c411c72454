/* SPDX-License-Identifier: BSD-3-Clause
 * lending.h - bramble-bench lending: one rank's blocks cost more than all others'.
 */
#ifndef BENCH_LENDING_H
#define BENCH_LENDING_H

#include "bench/bench.h"

/* Prints a line of JSON for each row; false after an error. */
bool bench_lending(const bench_options *options);

#endif
