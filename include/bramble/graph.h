/* SPDX-License-Identifier: BSD-3-Clause
 * graph.h - graphs of tasks that are plain C functions: for work that is not arrays.
 *
 * A graph is built once and may be run many times. A task costs well under 0.1 us beside its
 * function, so functions of a microsecond are worth it.
 */
#ifndef BRAMBLE_GRAPH_H
#define BRAMBLE_GRAPH_H

#include <bramble/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct br_graph br_graph;

/* What a task does. `data` is what was given with the task, `task` its number. Anything but 0 is an
 * error: tasks that have not begun are dropped, and br_graph_run returns BR_EUSER. */
typedef int br_task_function(void *data, int64_t task);

/* br_graph_new - an empty graph. It belongs to the context and is freed with it, or by
 * br_graph_free.
 *
 * Returns NULL without memory or with a context that did not open (br_message says which); the
 * other functions take NULL for a graph that failed.
 */
BR_API br_graph *br_graph_new(br_context *ctx);

/* br_graph_add - adds a task that runs after others.
 *
 * fn      called once a run, by any thread
 * data    passed on; stays the caller's, and must live as long as the graph is run
 * after   numbers of tasks of this graph that must be done before, copied; a number may come twice
 * nafter  how many; at most 2^32 - 1 in all the graph
 *
 * Returns the task's number: 0, 1, 2, ... in the order of the calls; -1 after a failure, which
 * br_graph_run returns. Numbers must be those of earlier tasks, so there are no cycles.
 * Errors  BR_EARG (no function, no such task), BR_ENOMEM.
 * Cost    32 bytes and 8 for each number in `after`; some 20 ns.
 */
BR_API int64_t br_graph_add(br_graph *graph, br_task_function *fn, void *data, const int64_t *after,
                            size_t nafter);

/* Task numbers as arguments: br_graph_add(g, fn, data, BR_AFTER(a, b)). Without any: NULL, 0. */
#ifndef __cplusplus
#define BR_AFTER(...)                                                                              \
    (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)
#endif

/* br_graph_run - runs every task once, each after those it depends on, on the threads of this rank.
 *
 * The calling thread works too. Tasks that are ready begin in no order to rely on; what a task
 * wrote, those after it see. A graph may be run again, also after a failure, and tasks may be added
 * between runs; not from its own tasks, which may run other graphs and compute arrays. Over several
 * ranks it runs on rank 0 alone.
 *
 * Errors  what failed when it was built; BR_EUSER with task and function when one returned an
 *         error; BR_ECANCELLED (br_cancel_all, Ctrl-C where it cancels); BR_ENOMEM.
 * Cost    the first run after additions orders what follows each task (some 10 ns a dependency);
 *         then 10 to 40 ns a task.
 */
BR_API br_status br_graph_run(br_graph *graph);

/* br_graph_ntasks - how many tasks were added. */
BR_API int64_t br_graph_ntasks(const br_graph *graph);

/* br_graph_free - frees a graph before its context is closed. NULL is fine. Not from its tasks. */
BR_API void br_graph_free(br_graph *graph);

#ifdef __cplusplus
}
#endif
#endif
