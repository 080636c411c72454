/* SPDX-License-Identifier: BSD-3-Clause
 * workers.h - the ranks as a pool of workers: what they are, functions on chosen ones, values that
 * they keep under names, messages between running tasks.
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

#include <bramble/array.h>
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
 * Inside a task a wait that cannot end is refused (br_wait): what has begun goes on, with a copy of
 * the arguments.
 * A call begins as soon as a thread of its worker is free. On one worker they begin in the order in
 * which main made them, but on several threads two may run at a time.
 * Errors  BR_EINDEX (workers), BR_EARG (as br_submit; .results without .each; a result of another
 *         length, with both), what fn reports (BR_EUSER), BR_EMEMLIMIT, BR_ENOMEM.
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
 *          set, whatever happens afterwards. ipyparallel's one AsyncResult is this list:
 *          br_wait_all is its wait, br_as_completed its iterator, br_future_result or
 *          br_future_view (results of any length) its [k]; and each of them may be a dependency of
 *          br_submit
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

/* ---- values under names ----
 *
 * Each worker keeps values of its own: bytes of any length under a name of 1 to 200 bytes. They
 * count in its BRAMBLE_MEMORY_LIMIT and live until they are replaced, forgotten, or br_close.
 * What brings and fetches them are tasks, which wait for a free thread of the worker as all others.
 */

/* br_push - gives chosen workers a value.
 *
 * data, bytes  copied to each of them, long values in pieces of 4 MiB: rank 0 needs 32 MiB for
 *              what is on its way. A value that is there is replaced in one step, when all of the
 *              new one has come
 * Returns when all have it.
 * Errors  BR_EINDEX (workers), BR_EARG (name, no data), BR_EMEMLIMIT and BR_ENOMEM with value, rank
 *         and host: others may have the new value then, that one has what it had.
 * Cost    rank 0 sends the bytes once to each worker.
 */
typedef struct br_push_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
    const void *data;
    size_t bytes;
} br_push_args;
BR_API br_status br_push_(br_push_args args);

/* br_broadcast - br_push to all workers. */
typedef struct br_broadcast_args {
    br_place at;
    br_context *ctx;
    const char *name;
    const void *data;
    size_t bytes;
} br_broadcast_args;
BR_API br_status br_broadcast_(br_broadcast_args args);

/* br_scatter - gives each chosen worker its part of n elements of `size` bytes.
 *
 * Parts are runs of elements, as even as can be: of n elements and w workers the first n % w get
 * n / w + 1, the others n / w (NumPy's array_split, ipyparallel's scatter). A worker for whom
 * nothing is left gets a value of 0 bytes.
 * Errors, memory and cost as br_push; the bytes go once altogether.
 */
typedef struct br_scatter_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
    const void *data;
    size_t n, size;
} br_scatter_args;
BR_API br_status br_scatter_(br_scatter_args args);

/* br_gather - puts chosen workers' values one behind the other, in their order: of what br_scatter
 * gave, br_gather with the same workers is the inverse.
 *
 * data, bytes  room for just as many bytes as they have together (br_value_sizes)
 * Errors  BR_EINDEX (workers), BR_EARG (name), BR_ENOTFOUND when a worker has no value of this
 *         name: the message names value, rank and host; BR_ESHAPE for another number of bytes, with
 *         both. Without BR_OK the contents of data are undefined.
 */
typedef struct br_gather_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
    void *data;
    size_t bytes;
} br_gather_args;
BR_API br_status br_gather_(br_gather_args args);

/* br_scatter_array - gives each chosen worker its rows of x: runs along the first axis, as even as
 * can be (as br_scatter), in C order and of x's dtype.
 *
 * x is computed; what has more than 4 MiB goes by slabs of its rows, so that one slab (at least a
 * row) is in rank 0's memory at a time, and is persisted meanwhile unless it is persisted or in
 * memory. A worker for whom no row is left gets a value of 0 bytes.
 * Errors  what x carries and what computing it gives; BR_ESHAPE (no axes); as br_scatter.
 */
typedef struct br_scatter_array_args {
    br_place at;
    br_array *x;
    const char *workers, *name;
} br_scatter_array_args;
BR_API br_status br_scatter_array_(br_scatter_array_args args);

/* br_broadcast_array - gives all workers all of x, in C order; the rest as br_scatter_array, but
 * that arrays without axes will do. */
typedef struct br_broadcast_array_args {
    br_place at;
    br_array *x;
    const char *name;
} br_broadcast_array_args;
BR_API br_status br_broadcast_array_(br_broadcast_array_args args);

/* br_gather_array - an array of chosen workers' values, one behind the other along the first axis.
 *
 * dtype    of the values' elements
 * .shape   BR_SHAPE(...), of which the first extent may be BR_UNKNOWN: it follows from the number
 *          of bytes; without .shape one axis
 * .chunks  as in br_from_memory
 * The values are copied now, and stay in rank 0's memory as those of br_from_memory with .copy do.
 * Errors  on the result, and in the context: as br_gather; BR_ESHAPE when the bytes are not those
 *         of the shape; BR_ETYPE (no dtype), BR_ENOMEM.
 */
typedef struct br_gather_array_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
    br_dtype dtype;
    br_extents shape, chunks;
} br_gather_array_args;
BR_API br_array *br_gather_array_(br_gather_array_args args);

/* br_pull - brings chosen workers' values of one length: the kth one's to results + k * each.
 * Errors as br_gather; BR_ESHAPE when one has another length, with value, rank and host. */
typedef struct br_pull_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
    void *results;
    size_t each;
} br_pull_args;
BR_API br_status br_pull_(br_pull_args args);

/* br_pull_async - values of any length, one future a worker, as br_run_on_async: br_future_view
 * shows each. Returns how many were set; 0 when the choice or the name is bad. */
typedef struct br_pull_async_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
    br_future **futures;
} br_pull_async_args;
BR_API size_t br_pull_async_(br_pull_async_args args);

/* br_value_sizes - the lengths in bytes of chosen workers' values, in their order. Errors as
 * br_gather. */
typedef struct br_value_sizes_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
    size_t *sizes;
} br_value_sizes_args;
BR_API br_status br_value_sizes_(br_value_sizes_args args);

/* br_forget - chosen workers forget a value; none there is no error. What running tasks have of it
 * stays good until they return. Errors  BR_EINDEX (workers), BR_EARG (name). */
typedef struct br_forget_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
} br_forget_args;
BR_API br_status br_forget_(br_forget_args args);

/* ---- many become one ---- */

/* left := left combined with right, both of `bytes` bytes. Anything but 0 is an error, BR_EUSER. */
typedef int br_combine_function(void *left, const void *right, size_t bytes, const void *args);

/* br_reduce - combines chosen workers' values of one length; waits.
 *
 * combine, .args  called on rank 0, on the calling thread
 * result, bytes   the values must have just so many bytes
 * Order   that of the workers, by a tree that follows from their number: the left part of a node is
 *         the largest power of two below its size, so of five values it is ((0 1) (2 3)) 4. The
 *         same number of values has the same bits on any scheduler. A program whose number of
 *         values follows the number of ranks has to expect other last digits of float sums with
 *         other ranks; br_scatter'ed parts are such values, arrays (br_sum) and futures of a fixed
 *         number of tasks are not.
 * Errors  as br_pull; BR_EARG (no function, no memory for the result), BR_EUSER.
 * Memory  log2(n) + 2 values at a time.
 */
typedef struct br_reduce_values_args {
    br_place at;
    br_context *ctx;
    const char *workers, *name;
    br_combine_function *combine;
    void *result;
    size_t bytes;
    const void *args;
} br_reduce_values_args;
BR_API br_status br_reduce_(br_reduce_values_args args);

/* br_reduce_futures - a future of the combined results of n futures of br_submit, in the order of
 * the list and by the same tree.
 *
 * .args, .arg_bytes  copied
 * A task, which runs on this rank when all of them are done; it fails when one of them does, when
 * their lengths differ (BR_ESHAPE) or when combine says so.
 * Errors  of the future: BR_EARG (no function, n = 0, futures that are not br_submit's), BR_ENOMEM.
 */
typedef struct br_reduce_futures_args {
    br_place at;
    br_context *ctx;
    br_future *const *futures;
    size_t n;
    br_combine_function *combine;
    const void *args;
    size_t arg_bytes;
} br_reduce_futures_args;
BR_API br_future *br_reduce_futures_(br_reduce_futures_args args);

/* ---- for tasks ---- */

/* br_task_get - this worker's value: good, and unchanged, until the function returns, whoever
 * replaces it; aligned to 64. NULL when there is none, and then what the task says when it fails:
 * `if (x == NULL) return -1`. bytes may be NULL. */
BR_API const void *br_task_get(br_task *task, const char *name, size_t *bytes);

/* br_task_put - makes a copy of these bytes this worker's value. Returns 0; -1 for a bad name or
 * without memory, which fails the task. Tasks pass BRAMBLE_MEMORY_LIMIT. */
BR_API int br_task_put(br_task *task, const char *name, const void *data, size_t bytes);

/* ---- messages between running tasks ----
 *
 * By name alone, wherever sender and receiver run: the nth receive of a name gets the nth message
 * that was sent under it. A program that wants to address ranks puts them into the name ("halo 3").
 * Names have 1 to 200 bytes and belong to the context; tasks of any rank may send to each other,
 * also those that tasks have handed in.
 *
 * A receive that nobody will answer is an error, not a hang: when all tasks that were handed in are
 * over or wait, for messages or for each other, and so does a thread of main's (br_wait and what
 * stands on it, br_close), every receive that waits fails, with the name waited for, the task and
 * its rank, and what was sent and not received. Over several ranks that is found out some
 * hundredths of a second later.
 * So hand in what sends before waiting for anything: main's thread, too, works on tasks while it
 * waits, and one that it has taken may wait for a message that main would have sent for afterwards.
 *
 * A task that waits keeps its thread, and another one takes its place: what would send may stand in
 * the queue behind it. Under sync one of them runs at a time. At most 256 tasks of a rank may wait
 * at a time. A task that waits for another one (br_wait), which may wait for a message, is replaced
 * in the same way; but when 256 of a rank and one for each thread do so, what stands behind them in
 * the queue does not begin before one of them goes on.
 */

/* br_send - sends a copy of these bytes; returns at once.
 *
 * They count in the memory of this rank until somebody receives them, at the latest br_close frees
 * them, with a warning that names them. Tasks pass BRAMBLE_MEMORY_LIMIT.
 * Returns 0; -1 for a bad name or without memory, which fails the task.
 * Cost  a note to rank 0 and back, then the bytes go straight to the rank of the receive.
 */
BR_API int br_send(br_task *task, const char *name, const void *data, size_t bytes);

/* br_recv - waits for a message of just so many bytes.
 *
 * Returns 0; -1 when nobody will send it: the task then fails with BR_EARG and names, whatever its
 * function returns; and when it has another length (the message is gone then; both lengths are
 * named), for a bad name, without memory and when the task was cancelled: the task then fails with
 * the reason when it returns other than 0. Inside a function that a compute calls there is no
 * br_task, and no message.
 */
BR_API int br_recv(br_task *task, const char *name, void *buffer, size_t bytes);

/* br_recv_view - waits for a message of any length; it is good until the task's next br_recv_view
 * or its end, aligned to 64. NULL where br_recv returns -1. bytes may be NULL. */
BR_API const void *br_recv_view(br_task *task, const char *name, size_t *bytes);

#ifndef __cplusplus
#define br_worker_ranks(...)                                                                       \
    br_worker_ranks_((br_worker_ranks_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_run_on(...) br_run_on_((br_run_on_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_run_on_async(...)                                                                       \
    br_run_on_async_((br_run_on_async_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_push(...) br_push_((br_push_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_broadcast(...)                                                                          \
    br_broadcast_((br_broadcast_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_scatter(...)                                                                            \
    br_scatter_((br_scatter_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_gather(...) br_gather_((br_gather_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_pull(...)   br_pull_((br_pull_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_pull_async(...)                                                                         \
    br_pull_async_((br_pull_async_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_value_sizes(...)                                                                        \
    br_value_sizes_((br_value_sizes_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_forget(...) br_forget_((br_forget_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_reduce(...)                                                                             \
    br_reduce_((br_reduce_values_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_reduce_futures(...)                                                                     \
    br_reduce_futures_((br_reduce_futures_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_gather_array(...)                                                                       \
    br_gather_array_((br_gather_array_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_scatter_array(...)                                                                      \
    br_scatter_array_((br_scatter_array_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_broadcast_array(...)                                                                    \
    br_broadcast_array_((br_broadcast_array_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
