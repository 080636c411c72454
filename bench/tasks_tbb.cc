// SPDX-License-Identifier: BSD-3-Clause
// tasks_tbb.cc - oneTBB's task_group on the same graphs: counters by hand, the first ready successor runs in place.
#include <atomic>
#include <chrono>
#include <memory>
#include <tbb/global_control.h>
#include <tbb/task_group.h>

#include "bench/tasks.h"

namespace {

struct run {
    const tasks_graph *graph;
    std::unique_ptr<std::atomic<uint32_t>[]> pending;
    tbb::task_group group;

    void go(int64_t task)
    {
        while (task >= 0) {
            tasks_body(graph, task);
            int64_t next = -1;
            for (uint32_t i = graph->first_next[task]; i < graph->first_next[task + 1]; i++) {
                uint32_t successor = graph->next[i];
                if (pending[successor].fetch_sub(1, std::memory_order_acq_rel) != 1)
                    continue;
                if (next < 0)
                    next = successor;
                else
                    group.run([this, successor] { go(successor); });
            }
            task = next;
        }
    }
};

} // namespace

double tasks_run_tbb(const tasks_graph *g, int threads)
{
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(threads));
    auto begin = std::chrono::steady_clock::now();
    run r;
    r.graph = g;
    r.pending.reset(new std::atomic<uint32_t>[static_cast<size_t>(g->n)]);
    for (int64_t t = 0; t < g->n; t++)
        r.pending[t].store(g->first_after[t + 1] - g->first_after[t], std::memory_order_relaxed);
    for (int64_t t = 0; t < g->n; t++)
        if (g->first_after[t] == g->first_after[t + 1])
            r.group.run([&r, t] { r.go(t); });
    r.group.wait();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}
