/* SPDX-License-Identifier: BSD-3-Clause
 * run.c - functions on chosen workers.
 */
#include "runtime/alloc.h"
#include "runtime/inside.h"
#include "scheduler/workers/workers.h"

void bri_workers_submit(const bri_choice *choice, br_submit_args a, br_future *futures[])
{
    for (int k = 0; k < choice->n; k++) {
        a.on = (br_rank_choice){true, choice->ranks[k]};
        futures[k] = br_submit_(a);
    }
}

static br_status collect(br_future *const futures[], int n, char *results, size_t each)
{
    br_status first = BR_OK;
    for (int k = 0; k < n; k++) {
        br_status st = results != NULL
                           ? br_future_result(futures[k], results + (size_t)k * each, each)
                           : br_wait(futures[k]);
        first = first == BR_OK ? st : first;
        br_future_free(futures[k]);
    }
    return first;
}

br_status bri_workers_run(const bri_choice *choice, br_submit_args a, void *results, size_t each)
{
    br_future **futures = bri_calloc((size_t)choice->n, sizeof *futures);
    if (futures == NULL)
        return bri_workers_fail(a.ctx, BR_ENOMEM);
    bri_workers_submit(choice, a, futures);
    br_status st = collect(futures, choice->n, results, each);
    bri_free(futures);
    return st;
}

bool bri_workers_may_borrow(void)
{
    return bri_inside_here == NULL;
}

/* ---- the public ones ---- */

/* What both have in common. */
static br_status choose(const br_run_on_async_args *a, const char *function, bri_choice **choice)
{
    br_status st = bri_workers_choose(a->ctx, a->workers, a->per_host, choice);
    if (st != BR_OK)
        bri_workers_fail(a->ctx, bri_workers_place(st, a->at, function));
    return st;
}

static br_submit_args task_of(const br_run_on_async_args *a)
{
    return (br_submit_args){.at = a->at,
                            .ctx = a->ctx,
                            .fn = a->fn,
                            .args = a->args,
                            .bytes = a->bytes,
                            .priority = a->priority,
                            .retries = a->retries,
                            .name = a->name};
}

br_status br_run_on_(br_run_on_args a)
{
    bri_choice *choice = NULL;
    br_run_on_async_args common = {.at = a.at,
                                   .ctx = a.ctx,
                                   .workers = a.workers,
                                   .fn = a.fn,
                                   .args = a.args,
                                   .bytes = a.bytes,
                                   .per_host = a.per_host,
                                   .priority = a.priority,
                                   .retries = a.retries,
                                   .name = a.name};
    BRI_TRY(choose(&common, "run_on", &choice));
    br_submit_args task = task_of(&common);
    task.borrowed = bri_workers_may_borrow();
    br_status st = BR_OK;
    if (a.results != NULL && a.each == 0)
        st = bri_workers_fail(
            a.ctx, bri_workers_place(bri_error(BR_EARG, ".results without .each"), a.at, "run_on"));
    else
        st = bri_workers_run(choice, task, a.results, a.each);
    bri_free(choice);
    return st;
}

size_t br_run_on_async_(br_run_on_async_args a)
{
    bri_choice *choice = NULL;
    if (choose(&a, "run_on_async", &choice) != BR_OK)
        return 0;
    size_t n = (size_t)choice->n;
    bri_workers_submit(choice, task_of(&a), a.futures);
    bri_free(choice);
    return n;
}
