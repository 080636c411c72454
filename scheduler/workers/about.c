/* SPDX-License-Identifier: BSD-3-Clause
 * about.c - what workers are at the moment.
 */
#include <limits.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/host.h"
#include "scheduler/workers/workers.h"

/* What only the worker itself knows. */
typedef struct state {
    size_t memory_limit;
    double celsius;
} state;

static int tell_state(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    bri_memory_stats stats;
    bri_memory_about(br_task_context(task)->memory, &stats);
    state s = {stats.limit, bri_host_celsius("/sys/class/thermal")};
    return br_task_return(task, &s, sizeof s);
}

static br_status ask(br_context *ctx, state *states)
{
    bri_choice *all = NULL;
    br_submit_args task = {.ctx = ctx, .fn = tell_state, .name = "workers", .priority = INT_MAX};
    br_status st = bri_workers_choose(ctx, NULL, false, &all);
    if (st != BR_OK)
        return bri_workers_fail(ctx, st);
    st = bri_workers_run(all, task, states, sizeof *states);
    bri_free(all);
    return st;
}

br_status br_workers(br_context *ctx, br_worker *list)
{
    size_t n = (size_t)ctx->nranks;
    state *states = bri_calloc(n, sizeof *states);
    if (states == NULL)
        return bri_workers_fail(ctx, BR_ENOMEM);
    br_status st = ask(ctx, states);
    for (size_t r = 0; r < n && st == BR_OK; r++) {
        br_rank_info info;
        st = br_rank(ctx, (int)r, &info);
        list[r] = (br_worker){.rank = info.rank,
                              .threads = info.threads,
                              .memory_limit = states[r].memory_limit,
                              .celsius = states[r].celsius};
        memcpy(list[r].host, info.host, sizeof list[r].host);
    }
    bri_free(states);
    return st;
}
