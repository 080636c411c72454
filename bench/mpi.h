/* SPDX-License-Identifier: BSD-3-Clause
 * mpi.h - bramble-bench mpi: the same cores as ranks and as threads.
 */
#ifndef BENCH_MPI_H
#define BENCH_MPI_H

#include "bench/bench.h"

/* Starts, for each of the named workloads of mpi.def (all when n is 0), this program on N threads,
 * this program by mpirun on N ranks of one thread, and bench/peers-mpi on N ranks where mpi4py is
 * installed; lets them run by turns and prints the least seconds of each. N is --threads. */
bool bench_mpi(char **names, int n, const bench_options *options);
/* What it starts (part.h). */
bool bench_mpi_part(const char *name, const bench_options *options);

#endif
