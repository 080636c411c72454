/* SPDX-License-Identifier: BSD-3-Clause
 * links.h - bramble-bench links: messages, bytes and seconds of operations over the ranks.
 */
#ifndef BENCH_LINKS_H
#define BENCH_LINKS_H

#include "bench/bench.h"

/* One JSON object a line: bench/mpi-costs reads them. */
bool bench_links(const bench_options *options);

#endif
