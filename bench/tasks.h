/* SPDX-License-Identifier: BSD-3-Clause
 * tasks.h - what a task costs beside its function: bramble-bench tasks and bramble-bench metg.
 */
#ifndef BENCH_TASKS_H
#define BENCH_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A graph as lists: task t comes after after[first_after[t] ... first_after[t + 1]), and the tasks
 * next[first_next[t] ... ] come after it. */
typedef struct tasks_graph {
    const char *name;
    int64_t n;
    uint32_t *first_after, *after, *first_next, *next;
    unsigned char *done;
} tasks_graph;

/* What every task does. */
static inline void tasks_body(const tasks_graph *g, int64_t task)
{
    __atomic_store_n(&g->done[task], 1, __ATOMIC_RELAXED);
}

/* Seconds that oneTBB's task_group takes for the graph, its counters included; negative when it was
 * not there at build time. */
double tasks_run_tbb(const tasks_graph *g, int threads);

#ifdef __cplusplus
}
#else
/* Prints ns a task for five shapes of graphs and of arrays of tiny chunks; METG(50 %) of two
 * patterns of Task Bench. */
bool bench_tasks(const bench_options *options);
bool bench_metg(const bench_options *options);
/* Prints ns a future, and the share of the threads' time that tasks of some lengths get. */
bool bench_futures(const bench_options *options);
/* The arrays alone, on so many threads; 10^8 chunks, and the memory that their tasks take. */
bool bench_chunks(const bench_options *options, int threads);
bool bench_many(const bench_options *options);
#endif

#endif
