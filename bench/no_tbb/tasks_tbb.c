/* SPDX-License-Identifier: BSD-3-Clause
 * tasks_tbb.c - in place of ../tasks_tbb.cc where oneTBB is not installed.
 */
#include "bench/tasks.h"

double tasks_run_tbb(const tasks_graph *g, int threads)
{
    (void)g, (void)threads;
    return -1;
}
