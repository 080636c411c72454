/* SPDX-License-Identifier: BSD-3-Clause
 * compute.h - running graphs, and looking at what a run would do and did.
 *
 * Everything here does, and returns BR_OK or the first error, whose text is br_message(ctx). All of
 * it is called on rank 0; under MPI every rank takes part by itself. Calls block until the result
 * is there, but for those that end in _async.
 *
 * Errors of all that computes, beside those named: what x carries; BR_EMEMLIMIT before anything
 * runs where no plan fits; BR_EIO, BR_EFORMAT and BR_EUSER from files and functions; BR_ECANCELLED
 * (br_cancel_all, Ctrl-C where it cancels); BR_ENOMEM; BR_EUNSUPPORTED in a function that a task
 * of an array calls.
 */
#ifndef BRAMBLE_COMPUTE_H
#define BRAMBLE_COMPUTE_H

#include <bramble/array.h>
#include <bramble/future.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_compute - the elements of x, C order, into the caller's memory. bytes must be br_nbytes(x):
 * BR_EARG otherwise.
 * Where x's shape depends on data (mask.h) it is counted first, and the error names it.
 * On an error the buffer's content is undefined.
 * Cost    planning, then the run. The plan is kept until x is freed, so computing x again (the same
 *         expression, built anew or not) costs about 1 us beside its kernels. */
BR_API br_status br_compute(br_array *x, void *buffer, size_t bytes);

/* br_compute_f64, br_compute_i64, br_compute_c128 - the value of an array of one element,
 * converted. BR_ESHAPE for more elements; BR_ETYPE for a complex value as a real one or a floating
 * one as an integer. c128 writes the real, then the imaginary part. */
BR_API br_status br_compute_f64(br_array *x, double *value);
BR_API br_status br_compute_i64(br_array *x, int64_t *value);
BR_API br_status br_compute_c128(br_array *x, double value[2]);

/* br_compute_alloc - like br_compute into a new block of br_nbytes(x), which the caller frees with
 * free(). *buffer is NULL on an error. */
BR_API br_status br_compute_alloc(br_array *x, void **buffer);

/* br_compute_many - several results of one context in one run.
 *
 * Common parts are computed once, and results that read the same source on the same chunks (the
 * mean, the deviation and the square root of one file) read and decode it once. Each result has the
 * bits that br_compute gives it alone.
 * Errors  BR_EARG for more than 1024 results, arrays of two contexts, a wrong size; nothing runs
 *         then.
 */
typedef struct br_result {
    br_array *x;
    void *buffer;
    size_t bytes;
} br_result;
BR_API br_status br_compute_many(const br_result *results, size_t n);

/* br_compute_async, br_compute_many_async - the same without waiting: br_wait, br_test and
 * br_cancel (future.h) see to the rest.
 *
 * What is there to plan is planned in the call (a shape that depends on data is counted in it,
 * too); the tasks then run on the threads of all ranks while the caller goes on. Several may be in
 * flight, and computes that block, too; earlier ones come first. Under the sync scheduler it has
 * run when the call returns. Meanwhile the caller may build and free arrays of the context, also x,
 * and close scopes, but must leave the buffers alone, and what br_from_memory reads without .copy.
 * Returns a future, which br_future_free forgets. br_close cancels what is still in flight.
 * Errors  as br_compute's; BR_ECANCELLED; BR_EMEMLIMIT also where br_compute would have found a
 *         way with less memory because it does not fit another rank.
 * Cost    as br_compute's, and some 20 us for waking and telling; over ranks the call also waits
 *         until long arrays of indices and parameters, which go to other ranks once, are there.
 */
BR_API br_future *br_compute_async(br_array *x, void *buffer, size_t bytes);
BR_API br_future *br_compute_many_async(const br_result *results, size_t n);

/* br_persist - computes x now and returns an array whose chunks stay where they were computed,
 * until the array is freed. It has x's shape, dtype and chunks; each is on the rank that made it.
 * They count in BRAMBLE_MEMORY_LIMIT. An array that does not fit is kept in files in
 * BRAMBLE_SPILL_DIR, each rank's part in one of its own; on one rank arrays that do fit are moved
 * there when a later run needs their room. On an error the array carries it, and the context too.
 */
BR_API br_array *br_persist_(br_array *x, br_place at);

/* br_resolve - computes what x's shape depends on (it counts the masks below it) and returns x with
 * a known shape. What that found stays true of the result: where data has changed since, computing
 * it fails. Arrays of known shape come back as they are; on an error the array carries it, and the
 * context too. */
BR_API br_array *br_resolve_(br_array *x, br_place at);

/* br_print_values - computes x and prints it as NumPy does (summarised beyond 1000 elements: then
 * only the printed parts are computed). Also BR_EIO, when writing fails. */
BR_API br_status br_print_values(br_array *x, FILE *to);

/* br_explain - what computing x would do, before anything runs: stages and what is fused in
 * each, with places; passes over and bytes read from each source; tasks; peak memory of this
 * rank; what goes to disk. After x has been computed, what its last run did is beside that. Of a
 * store it tells the computing, not the writing; a store of x counts as its last run. Reads no
 * data, but for counting masks where x's shape depends on them. */
BR_API br_status br_explain(br_array *x, FILE *to);

/* br_predict - what br_explain says, in numbers, before anything runs.
 *
 * tasks        of this rank
 * bytes_read   from all sources by all ranks; passes is how often the one that is read most often
 *              is read whole
 * peak_bytes   what this rank will hold at most, persisted arrays included. It is enforced, so
 *              br_last_run finds no more (under MPI it may wait for other ranks to take values, and
 *              exceeds it by one task's inputs, by more only where ranks wait for each other; tasks
 *              that it runs for other ranks come on top, below the memory limit);
 *              serial_bytes is what one thread would need
 * bytes_spilled, bytes_fetched  to the disk and back, where the values do not fit
 * messages, bytes_received      values that come to this rank from others
 * Errors  BR_EMEMLIMIT when no plan fits, with what is needed and by which operation, as br_compute
 *         gives it.
 */
typedef struct br_prediction {
    int64_t stages, tasks;
    int64_t bytes_read;
    double passes;
    int64_t peak_bytes, serial_bytes;
    int64_t bytes_spilled, bytes_fetched;
    int64_t messages, bytes_received;
} br_prediction;
BR_API br_status br_predict(br_array *x, br_prediction *prediction);

/* br_visualize - writes the expression and its stages as a Graphviz file, on rank 0:
 * dot -Tsvg FILE.dot > FILE.svg. Errors: as br_explain's; BR_EIO when it cannot be written. */
BR_API br_status br_visualize(br_array *x, const char *path);

/* br_last_run - what the context's last run did, counting of masks before it included, all ranks
 * together (peak_bytes: the largest rank). All 0 before the first one; BR_EARG without a
 * context. */
typedef struct br_run_info {
    double seconds;
    int64_t tasks;
    int64_t bytes_read, bytes_written;
    int64_t messages, bytes_sent;
    int64_t peak_bytes;
    int64_t bytes_spilled, bytes_fetched; /* to files in BRAMBLE_SPILL_DIR and back */
    int64_t lent_tasks; /* that ranks without work ran for others; counted in tasks, too */
    int64_t most_sent;  /* of bytes_sent, by the rank that sent most */
    int64_t most_asked; /* that a rank had asked one other rank for at a time, and not got; values
                           of up to 32 KiB, and what is passed on by other readers, aside */
    int64_t loans;      /* a lent task goes alone or with those that read what it makes; so many */
    int64_t lent_bytes; /*  went, and bytes that came back */
} br_run_info;
BR_API br_status br_last_run(br_context *ctx, br_run_info *info);

#ifndef __cplusplus
#define br_persist(x) br_persist_((x), BR_HERE)
#define br_resolve(x) br_resolve_((x), BR_HERE)
#endif

#ifdef __cplusplus
}
#endif
#endif
