/* SPDX-License-Identifier: BSD-3-Clause
 * submit.h - tasks that are handed in one by one: plain C functions, run as threads and ranks get
 * free, whose results are futures (future.h).
 *
 * The same program runs on one thread, on all threads and over all ranks. Over several ranks,
 * main's tasks are handed out by rank 0 as others ask for more, a few milliseconds of work at a
 * time, and rank 0's threads take part; results come back as they are made. What is handed in while
 * others run goes to whoever is free. When nothing of a future can be run any more that somebody
 * waits for, that is an error, never a hang.
 *
 * Functions here may be called by any thread, also by tasks.
 */
#ifndef BRAMBLE_SUBMIT_H
#define BRAMBLE_SUBMIT_H

#include <bramble/future.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A task as its function sees it; good until the function returns. */
typedef struct br_task br_task;

/* What a task does. `args` are the bytes given with it, aligned to 16 (to whatever the caller's are
 * with .borrowed). Anything but 0 is an error: the task is run again while it has retries, then the
 * future ends with BR_EUSER and a message that names task, function, number and rank. */
typedef int br_submit_function(br_task *task, const void *args, size_t bytes);

/* Futures as an argument: BR_FUTURES(a, b), or {list, n}. */
typedef struct br_future_list {
    br_future *const *future;
    size_t n;
} br_future_list;

/* A rank as an argument: BR_RANK(2). */
typedef struct br_rank_choice {
    bool given;
    int rank;
} br_rank_choice;

/* br_submit - hands in a task.
 *
 * fn          under MPI it travels as (module, offset), so any C function of the program or a
 *             library does
 * args, bytes copied, and sent to the rank that runs it; pointers inside don't travel
 * .deps       futures of br_submit, br_to_futures (delayed.h) or br_compute_async that must be done
 *             before. Their results are given to fn (br_task_input); a compute has none, 0 bytes.
 *             When one fails or is cancelled, so does this one, and says which. Since they are made
 *             before it, there are no cycles
 * .priority   tasks of higher priority begin first, those of one priority in the order in which
 *             they became ready; default 0
 * .retries    how often fn is called again after it returned an error, default 0
 * .name       for messages, copied; the function's by default
 * .on         BR_RANK(r): runs on this rank and nowhere else; default any
 * .borrowed   args are not copied but stay as they are until the future is done
 *
 * Returns a future at once, to be waited for, read by br_future_result and freed by br_future_free
 * (at the latest by br_close). A bad call gives a future that is done and has the error. A future
 * may be freed as soon as it is done, also when others depend on it.
 * A task that hands in tasks itself, with br_task_context, may wait for them: the thread then runs
 * those that it waits for, and what they depend on. Such tasks run on the rank of the task that
 * made them, and their errors are the task's affair: they are not stored in the context.
 * Memory  arguments and results count in BRAMBLE_MEMORY_LIMIT. Beyond it br_submit of main works on
 *         tasks until there is room, and fails with BR_EMEMLIMIT when none is left to run; tasks'
 *         own submits and results pass the limit.
 * Errors  BR_EARG (no function, futures of another context or not of br_submit, no such rank; under
 *         MPI fn in a module without a build-id), BR_EMEMLIMIT, BR_ENOMEM.
 * Cost    some 0.2 us on threads, 1 to 2 us over ranks, both with their share of waiting.
 */
typedef struct br_submit_args {
    br_place at;
    br_context *ctx;
    br_submit_function *fn;
    const void *args;
    size_t bytes;
    br_future_list deps;
    int priority, retries;
    const char *name;
    br_rank_choice on;
    bool borrowed;
} br_submit_args;
BR_API br_future *br_submit_(br_submit_args args);

/* br_submit_many - n tasks of one function: task i gets the `bytes` bytes at args + i * bytes.
 *
 * The rest is as in br_submit and the same for all. futures[i] is set for every i, so that they can
 * be waited for and freed whatever happened; cheaper than n calls.
 * Returns BR_OK, or the first error, which is in the context, too.
 */
typedef struct br_submit_many_args {
    br_place at;
    br_context *ctx;
    br_submit_function *fn;
    const void *args;
    size_t bytes, n;
    br_future **futures;
    br_future_list deps;
    int priority, retries;
    const char *name;
    br_rank_choice on;
    bool borrowed;
} br_submit_many_args;
BR_API br_status br_submit_many_(br_submit_many_args args);

/* ---- results ---- */

/* br_future_result - waits, and copies the result into the caller's memory, of just as many bytes.
 *
 * Errors  what br_wait returns; BR_EARG for another number of bytes, which names both, or for a
 *         future that has no bytes (of br_compute_async).
 */
BR_API br_status br_future_result(br_future *future, void *buffer, size_t bytes);

/* br_future_view - waits, and returns the result where it is: *bytes of it, valid until the future
 * is freed, aligned to 16. NULL after an error, as br_future_result's; never NULL otherwise, also
 * of an empty result. bytes may be NULL. */
BR_API const void *br_future_view(br_future *future, size_t *bytes);

/* br_future_status - how a future ended, BR_OK while it is not done; nothing is stored in the
 * context. For who handles failures of tasks. */
BR_API br_status br_future_status(const br_future *future);

/* br_future_attempts - how often a task's function has been called: 1 when it worked at once. */
BR_API int br_future_attempts(const br_future *future);

/* ---- as they complete ---- */

/* br_wait_any - waits until one of n futures is done; returns its index, the first in the list of
 * those that are. SIZE_MAX when n is 0, or when the wait is refused: inside a task (br_wait), or of
 * futures of several contexts (BR_EARG in that of the first). NULL is a future that is done. The
 * list is looked through: for many futures br_as_completed is the better way. */
BR_API size_t br_wait_any(br_future *const futures[], size_t n);

/* br_as_completed - futures in the order in which they are done.
 *
 *     br_completed *c = br_as_completed(ctx, futures, n);
 *     for (br_future *f; (f = br_next_completed(c)) != NULL; br_future_free(f))
 *         ...
 *     br_completed_free(c);
 *
 * br_next_completed waits for the next one, NULL when all have been returned; br_completed_add adds
 * one, also meanwhile. A future may be in several of them; one that is freed is forgotten. NULL
 * among the futures is passed over, as is NULL for the iterator, which br_as_completed returns
 * without memory or for a future of another context (the context has the error). Freed by
 * br_completed_free or br_close. One thread at a time, but for br_completed_add, which any thread
 * and any task may call while another one waits in br_next_completed: a producer feeds the queue
 * that a consumer works off. As long as its own future is among them the end is not reached.
 * Errors  of br_completed_add: BR_ENOMEM, also for a NULL iterator; BR_EARG for a future of another
 *         context. A future that failed is returned as any other; br_wait or br_future_result has
 *         its error. Inside a task br_next_completed returns NULL when it would wait for ever
 *         (br_wait).
 */
typedef struct br_completed br_completed;
BR_API br_completed *br_as_completed(br_context *ctx, br_future *const futures[], size_t n);
BR_API br_future *br_next_completed(br_completed *completed);
BR_API br_status br_completed_add(br_completed *completed, br_future *future);
BR_API void br_completed_free(br_completed *completed);

/* ---- for tasks ---- */

/* br_task_return - makes a copy of these bytes the task's result, instead of none or an earlier
 * one. Returns 0; -1 without memory, which fails the task, as in
 * `return br_task_return(task, &x, sizeof x);` */
BR_API int br_task_return(br_task *task, const void *data, size_t bytes);

/* br_task_result - the same without a copy: a block of so many bytes to write the result into,
 * aligned to 64. NULL without memory. */
BR_API void *br_task_result(br_task *task, size_t bytes);

/* br_task_input - the result of dependency i, in the order of .deps; NULL when there is no such.
 * bytes may be NULL. br_task_ninputs tells how many there are. */
BR_API const void *br_task_input(const br_task *task, size_t i, size_t *bytes);
BR_API size_t br_task_ninputs(const br_task *task);

/* br_task_fail - says why the task fails, like printf; returns -1, for
 * `return br_task_fail(task, "...", ...);` */
BR_API int br_task_fail(br_task *task, const char *format, ...) BR_PRINTF(2, 3);

/* The context to hand in further tasks; on ranks above 0 it is good for nothing else. */
BR_API br_context *br_task_context(const br_task *task);
/* Where it runs, and which attempt this is: 0 for the first one. */
BR_API int br_task_rank(const br_task *task);
BR_API int br_task_attempt(const br_task *task);
/* br_cancel was called for it: who looks may return early. On the rank of br_submit only. */
BR_API bool br_task_cancelled(const br_task *task);

#ifndef __cplusplus
#define BR_FUTURES(...)                                                                            \
    ((br_future_list){(br_future *const[]){__VA_ARGS__},                                           \
                      sizeof((br_future *const[]){__VA_ARGS__}) / sizeof(br_future *)})
#define BR_RANK(r)     ((br_rank_choice){true, (r)})
#define br_submit(...) br_submit_((br_submit_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_submit_many(...)                                                                        \
    br_submit_many_((br_submit_many_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
