/* SPDX-License-Identifier: BSD-3-Clause
 * delayed.h - from futures to arrays and back: plain functions make chunks, or get them.
 */
#ifndef BRAMBLE_DELAYED_H
#define BRAMBLE_DELAYED_H

#include <bramble/array.h>
#include <bramble/submit.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_from_futures - an array whose chunks are the results of tasks.
 *
 * futures, n  of br_submit or br_to_futures, also of tasks that still run; as many as there are
 *             chunks, in C order: the last axis goes first. They may be freed once they are done
 *             while the array lives: it holds their results
 * dtype       what the results hold, dense and in C order; each must have just its chunk's bytes
 * shape       BR_SHAPE(...), or BR_0D for one element
 * .chunks     extents of a chunk; by default axis 0 is cut into n parts of equal length, the last
 *             of which may be shorter, and other axes are whole
 * .chunk_lists  the same chunk by chunk, where they are not equal: .chunk_lists =
 *             {[0] = BR_EXTENTS(3, 1, 2)} for the 6 rows of axis 0. They add up to the shape's
 *             extent; .chunks says nothing (or 0) for such an axis, others are whole by default.
 *             The grid must have n chunks
 * Whatever computes, stores or explains something above the array waits for all of its futures
 * first, before it plans; so does br_compute_async, within the call. Results are used where they
 * lie; under MPI that is rank 0, which sends the chunks that others need. Never merged with another
 * array.
 * Errors  on the array. BR_EARG (a number of futures that is not that of the chunks; a NULL future,
 *         one of another context, of a compute; an axis in .chunks and in .chunk_lists), BR_ESHAPE
 *         (also lists that do not add up), BR_ETYPE, BR_ENOMEM. When it is computed: the error of
 *         the first future that failed; BR_ESHAPE for a result of another length. Both name the
 *         task and the chunk.
 * Cost    a node for each future while something is computed.
 */
typedef struct br_from_futures_args {
    br_place at;
    br_context *ctx;
    br_future *const *futures;
    size_t n;
    br_dtype dtype;
    br_extents shape;
    br_extents chunks;
    br_extent_list chunk_lists[BR_MAX_NDIM];
} br_from_futures_args;
BR_API br_array *br_from_futures_(br_from_futures_args args);

/* br_to_futures - computes x, whose chunks become the results of futures.
 *
 * futures, n  room for as many as x has chunks, br_num_chunks of all axes multiplied; set in C
 *             order as in br_from_futures
 * It starts at once and runs meanwhile, as br_compute_async: one run for all chunks, each future is
 * done as soon as its chunk is there. Tasks may depend on them, each can be waited for, read by
 * br_future_result or br_future_view (dense, C order) and freed by itself. br_cancel of one drops
 * its result, but the run goes on; br_cancel_all ends that.
 * Results count in BRAMBLE_MEMORY_LIMIT, on rank 0.
 * Errors  BR_EARG for another n, which names both; what br_compute_async may return. Then all
 *         futures are set, done, and have the error. A run that fails ends the futures whose chunks
 *         are not there yet.
 */
typedef struct br_to_futures_args {
    br_place at;
    br_array *x;
    br_future **futures;
    size_t n;
} br_to_futures_args;
BR_API br_status br_to_futures_(br_to_futures_args args);

#ifndef __cplusplus
#define br_from_futures(...)                                                                       \
    br_from_futures_((br_from_futures_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_to_futures(...)                                                                         \
    br_to_futures_((br_to_futures_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
