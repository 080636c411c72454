/* SPDX-License-Identifier: BSD-3-Clause
 * registry.c - the table of schedulers, and which one a context gets.
 */
#include <string.h>

#include "runtime/error.h"
#include "runtime/host.h"
#include "runtime/scheduler.h"

static const bri_scheduler *const schedulers[] = {
    &bri_scheduler_sync,
    &bri_scheduler_threads,
    &bri_scheduler_mpi,
};

static const bri_scheduler *find(const char *name)
{
    for (size_t i = 0; i < sizeof schedulers / sizeof schedulers[0]; i++)
        if (strcmp(schedulers[i]->name, name) == 0)
            return schedulers[i];
    return NULL;
}

/* Schedulers of one process cannot announce work to others. */
static bool serves_ranks(const bri_scheduler *scheduler)
{
    return scheduler->announce != NULL;
}

br_status bri_scheduler_choose(const br_context *ctx, const bri_scheduler **scheduler)
{
    int nranks = bri_launch_read().nranks;
    const char *name = ctx->config.scheduler;
    if (name[0] == '\0')
        name = nranks > 1 ? "mpi" : "threads";
    *scheduler = find(name);
    if (*scheduler == NULL)
        return bri_error(BR_EINTERNAL, "scheduler %s is a choice but in no table", name);
    if (nranks > 1 && !serves_ranks(*scheduler))
        return bri_error(BR_ECONFIG,
                         "BRAMBLE_SCHEDULER=%s runs in one process, but mpirun started %d: unset "
                         "BRAMBLE_SCHEDULER or run without mpirun",
                         name, nranks);
    return BR_OK;
}
