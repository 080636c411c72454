/* SPDX-License-Identifier: BSD-3-Clause
 * workers.h - the ranks as a pool of workers: what they are, functions on chosen ones.
 *
 * A worker is a rank with its threads; sync and threads have one, number 0. What tasks of submit.h
 * leave open, where they run, is said here: by `workers`, a text as Python's brackets have it.
 *
 *     NULL or ":"   all of them          "0"      the first          "-1"     the last
 *     "0:2"         0 and 1              "::2"    every other one    "0,3"    these two
 *
 * Slices are cut to the workers there are, as in Python; a single number that is none of them, one
 * that is named twice and a text that chooses nobody are errors (BR_EINDEX). Whatever has one part
 * for each worker has them in the order of the text: by rank, as long as no step is negative.
 *
 * Functions here are for rank 0: for main, and for tasks that run there.
 */
#ifndef BRAMBLE_WORKERS_H
#define BRAMBLE_WORKERS_H

#include <bramble/submit.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- who is there ---- */

/* A worker as it is now. */
typedef struct br_worker {
    int rank;
    int threads;
    size_t memory_limit; /* bytes, BRAMBLE_MEMORY_LIMIT there */
    double celsius;      /* of the hottest zone in /sys/class/thermal, NAN when there is none */
    char host[64];
} br_worker;

/* br_workers - facts about all workers; list has room for br_num_ranks(ctx).
 *
 * Each is asked by a task of the highest priority, which waits until a thread of the worker is
 * free; so temperatures are those of now.
 * Errors  the context's when it has not opened, BR_ENOMEM.
 */
BR_API br_status br_workers(br_context *ctx, br_worker *list);

/* br_worker_ranks - the ranks of chosen workers, in their order.
 *
 * ranks      room for br_num_ranks(ctx) of them, or NULL
 * .per_host  of several on one host only the first
 * Returns how many they are; 0 when the text is bad, with BR_EINDEX in the context.
 */
typedef struct br_worker_ranks_args {
    br_place at;
    br_context *ctx;
    const char *workers;
    int *ranks;
    bool per_host;
} br_worker_ranks_args;
BR_API size_t br_worker_ranks_(br_worker_ranks_args args);

/* ---- functions on workers ---- */

/* br_run_on - calls fn once on each chosen worker and waits for all (apply_sync of ipyparallel).
 *
 * fn, args, bytes  as in br_submit, of which each call is a task: fn gets the same arguments
 *                  everywhere, br_task_rank tells it where it is, br_task_return makes its result
 * .results, .each  worker k's result is copied to results + k * each and must have `each` bytes;
 *                  NULL: results are not looked at
 * .per_host        once on each host: of several chosen workers there on the first
 * .priority, .retries, .name  as in br_submit
 *
 * Returns BR_OK, or the first error in the order of the workers, when all have ended: the results
 * of those that went well are there, what belongs to the others is unchanged.
 * A call begins as soon as a thread of its worker is free. On one worker they begin in the order in
 * which main made them, but on several threads two may run at a time.
 * Errors  BR_EINDEX (workers), BR_EARG (as br_submit; a result of another length, with both), what
 *         fn reports (BR_EUSER), BR_EMEMLIMIT, BR_ENOMEM.
 */
typedef struct br_run_on_args {
    br_place at;
    br_context *ctx;
    const char *workers;
    br_submit_function *fn;
    const void *args;
    size_t bytes;
    void *results;
    size_t each;
    bool per_host;
    int priority, retries;
    const char *name;
} br_run_on_args;
BR_API br_status br_run_on_(br_run_on_args args);

/* br_run_on_async - the same without waiting: one future a worker.
 *
 * futures  room for br_num_ranks(ctx) of them, when in doubt; as many as workers are chosen are
 *          set, whatever happens afterwards. ipyparallel's one AsyncResult is this list: br_wait_all
 *          is its wait, br_as_completed its iterator, br_future_result or br_future_view (results
 *          of any length) its [k]; and each of them may be a dependency of br_submit
 * Returns how many were set: 0 when the choice of workers is bad, with the error in the context.
 */
typedef struct br_run_on_async_args {
    br_place at;
    br_context *ctx;
    const char *workers;
    br_submit_function *fn;
    const void *args;
    size_t bytes;
    br_future **futures;
    bool per_host;
    int priority, retries;
    const char *name;
} br_run_on_async_args;
BR_API size_t br_run_on_async_(br_run_on_async_args args);

#ifndef __cplusplus
#define br_worker_ranks(...)                                                                       \
    br_worker_ranks_((br_worker_ranks_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_run_on(...) br_run_on_((br_run_on_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_run_on_async(...)                                                                       \
    br_run_on_async_((br_run_on_async_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
