/* SPDX-License-Identifier: BSD-3-Clause
 * user.h - functions of the user's: on elements (map) and on whole chunks (map_blocks).
 */
#ifndef BRAMBLE_USER_H
#define BRAMBLE_USER_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_map - fn(element, data) for every element, as float64.
 *
 * x            any real dtype; elements are passed as double (integers above 2^53 are rounded)
 * fn           called from any thread; under MPI it travels as (module, offset), so any C function
 *              of the program or a library does
 * .data        passed to fn; with .data_bytes the bytes are copied now and travel to other ranks
 *              (pointers inside them don't), at most 1 GiB of them; without it the bare pointer is
 *              passed, which several ranks refuse with BR_EARG
 * .dtype       of the result, float64 by default
 * .cheap       true permits computing elements more than once instead of storing them
 * .impure      true: never merged with an equal call
 * Returns a lazy array of x's shape and chunks.
 * Errors  BR_ETYPE (complex), BR_EARG (fn NULL, fn in a module without a build-id under MPI).
 * Cost    a call for each element, fused with what it reads and with a reduction above. What
 *         several read is held, unless .cheap.
 */
typedef double (*br_scalar_function)(double x, const void *data);
typedef struct br_map_args {
    br_place at;
    br_array *x;
    br_scalar_function fn;
    const void *data;
    size_t data_bytes;
    br_dtype dtype;
    bool cheap, impure;
} br_map_args;
BR_API br_array *br_map_(br_map_args args);

/* br_map2 - fn(element of a, element of b, data) for every pair of elements, as float64.
 *
 * a, b         arrays of any real dtype that broadcast together, or one of them a C number; their
 *              elements are passed as double
 * fn, .data, .data_bytes, .dtype, .cheap, .impure  as in br_map
 * Returns a lazy array of the common shape, cut at the boundaries of both.
 * Errors  BR_ESHAPE, BR_ETYPE (complex), BR_EARG (fn NULL, no array, fn in a module without a
 *         build-id under MPI).
 * Cost    as br_map's.
 */
typedef double (*br_scalar_function2)(double a, double b, const void *data);
typedef struct br_map2_args {
    br_place at;
    br_operand a, b;
    br_scalar_function2 fn;
    const void *data;
    size_t data_bytes;
    br_dtype dtype;
    bool cheap, impure;
} br_map2_args;
BR_API br_array *br_map2_(br_map2_args args);

/* One chunk as a user's function sees it: dense C order. Arrays of ndim numbers say where it is. */
typedef struct br_block {
    void *data;
    br_dtype dtype;
    int ndim;
    const int64_t *extent;  /* of this chunk */
    const int64_t *origin;  /* index of its first element in the whole array */
    const int64_t *chunk;   /* its place in the grid of chunks */
    const int64_t *nchunks; /* of that grid */
    const int64_t *shape;   /* of the whole array */
    int64_t step, nsteps; /* of an output made in several calls (br_blockwise): which one is this */
} br_block;

/* br_map_blocks - fn computes each chunk of the result from the chunks of the inputs at the same
 * place.
 *
 * fn        fn(inputs, ninputs, output, data) fills output->data; returning anything but 0 ends the
 *           run with BR_EUSER and a message that names fn, the number it returned and the chunk.
 *           Run once for each chunk and compute, on any thread and rank. Of an empty input, data
 *           points to nothing.
 * x, .more, .nmore  1 to 8 inputs. Axes are matched from the last one, as in broadcasting. Where
 *           extents are equal all are cut wherever one is. Axes of extent 1 are given to every
 *           chunk. Where extents differ, chunks are matched by their number, so there must be
 *           equally many; an axis in one chunk is then given as a whole to every chunk
 * .dtype    of the result, the first input's by default
 * .drop_axis  axes (of the inputs together) that the result does not have; fn gets them whole
 * .new_axis   axes of the result that no input has, numbered as in the result; one chunk of extent
 *           1 unless .chunks or .chunk_lists say otherwise
 * .chunks   BR_CHUNKS(...): for each axis of the result, the extent of every chunk; 0 for as it is.
 *           What fn returns may so be of another shape than what it gets
 * .chunk_lists  the same chunk by chunk: .chunk_lists = {[1] = BR_EXTENTS(3, 4, 5)} for axis 1
 * .data, .data_bytes, .impure  as in br_map
 * .scratch_bytes  what fn allocates at most, for the memory budget
 * Returns a lazy array; a slice of it computes the chunks it touches.
 * Errors  BR_EARG; BR_ESHAPE (numbers of chunks that differ, .chunks for another number of axes,
 *         lists of another number of chunks); BR_EAXIS; when run BR_EUSER. fn must not use the
 *         context: computing inside it is BR_EUNSUPPORTED.
 * Cost    a task for each chunk of the result, which is held until all that read it have; inputs
 *         that are no dense chunk already are made or copied into one for the call.
 */
typedef int (*br_block_function)(const br_block *inputs, int ninputs, const br_block *output,
                                 const void *data);
typedef struct br_map_blocks_args {
    br_place at;
    br_array *x;
    br_block_function fn;
    br_array *const *more; /* further inputs, */
    int nmore;             /*  how many */
    const void *data;
    size_t data_bytes;
    br_dtype dtype;
    bool impure;
    size_t scratch_bytes;
    br_axes drop_axis, new_axis;
    br_extents chunks;
    br_extent_list chunk_lists[BR_MAX_NDIM];
} br_map_blocks_args;
BR_API br_array *br_map_blocks_(br_map_blocks_args args);

#ifndef __cplusplus
#define br_map(...) br_map_((br_map_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_map2(left, right, ...)                                                                  \
    br_map2_((br_map2_args){.at = {__FILE__, __LINE__},                                            \
                            .a = BR_OPERAND(left),                                                 \
                            .b = BR_OPERAND(right),                                                \
                            .fn = __VA_ARGS__})
#define br_map_blocks(...)                                                                         \
    br_map_blocks_((br_map_blocks_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
