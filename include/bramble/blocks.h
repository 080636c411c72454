/* SPDX-License-Identifier: BSD-3-Clause
 * blocks.h - functions of the user's on whole chunks, matched by index letters (blockwise), and on
 * the inner axes of arrays (gufuncs, slices along an axis).
 */
#ifndef BRAMBLE_BLOCKS_H
#define BRAMBLE_BLOCKS_H

#include <bramble/user.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An array and its indices, a letter an axis: {x, "ik"}. */
typedef struct br_indexed {
    br_array *array;
    const char *index;
} br_indexed;

/* br_blockwise - fn on chunks that are matched by index letters: a product of matrices is
 * br_blockwise(multiply, "ij", {a, "ik"}, {b, "kj"}).
 *
 * fn        fn(inputs, ninputs, output, data), as in br_map_blocks
 * out       the indices of the result, a letter an axis, each once
 * in1...in8  1 to 8 inputs, {array, "indices"}; within one input each letter once. An index has the
 *           same extent in all (or 1, which is given to every chunk); all are cut along it wherever
 *           one is
 *           An index in `out` alone is a new axis, in one chunk of extent 1 unless .chunks or
 *           .chunk_lists say otherwise.
 *           An index in inputs alone is contracted: the blocks along it are handed over one after
 *           the other. output->data are zeros before the first call, and each call goes on with
 *           what the last one left: fn adds its share. output->step counts the calls up to
 *           output->nsteps - 1. With several such indices the last one (in the order in which they
 *           first stand in the inputs) goes fastest
 * .concatenate  true: fn is called once, with the contracted indices whole
 * .by_number  true: where extents along an index differ, chunks are matched by their number, as in
 *           br_map_blocks
 * .dtype    of the result, that of all inputs together by default
 * .chunks, .chunk_lists  extents of the result's chunks, as in br_map_blocks
 * .data, .data_bytes, .impure, .scratch_bytes  as in br_map_blocks
 * Errors  BR_EARG (indices that are no letters or stand twice, for another number of axes), and as
 *         br_map_blocks; when run BR_EUSER.
 * Cost    a call for each chunk of the result and each block of the contracted indices; a task
 *         holds one chunk of every input and the chunk of the result. A chunk of a file that
 *         several of them need is read once and kept for them; when that does not fit the memory
 *         limit, it is read again by each.
 * Bits    the calls of a chunk come in one order, on one rank.
 */
typedef struct br_blockwise_args {
    br_place at;
    br_block_function fn;
    const char *out;
    br_indexed in1, in2, in3, in4, in5, in6, in7, in8;
    const void *data;
    size_t data_bytes;
    br_dtype dtype;
    bool impure, concatenate, by_number;
    size_t scratch_bytes;
    br_extents chunks;
    br_extent_list chunk_lists[BR_MAX_NDIM];
} br_blockwise_args;
BR_API br_array *br_blockwise_(br_blockwise_args args);

/* br_apply_gufunc - fn on the inner (core) axes of arrays, for every element of the axes before
 * them, which broadcast: br_apply_gufunc(matvec, "(i,j),(j)->(i)", a, x).
 *
 * fn        fn(in, out, extent, data): in[k] are the core elements of input k, dense, of its dtype;
 *           out has room for those of the result; extent[] are those of the signature's dimensions
 *           in the order in which they first stand in it. Anything but 0 ends the run with
 *           BR_EUSER, and a message that names fn, the chunk and the element. Called once for each
 *           element of the other axes (the loop)
 * signature as NumPy writes it: for each input the dimensions of its last axes, then those of the
 *           result. A number is a dimension of just that extent. Core extents do not broadcast
 * in1...in8  as many inputs as the signature has, 1 to 8
 * .output_sizes  BR_SHAPE(...): extents of the dimensions that only the result has, in order
 * .allow_rechunk  true: core axes may be cut, and are put together for fn; without they must be in
 *           one chunk
 * .dtype    of the result, that of all inputs together by default
 * .data, .data_bytes, .impure, .scratch_bytes  as in br_map_blocks
 * Returns a lazy array of the loop's axes and then the core axes of the result: one result a call,
 *         so a function with two is called for each (or puts both into one core axis). A slice of
 *         the loop calls fn for its elements only.
 * Errors  BR_EARG with the column in the signature; BR_ESHAPE; when run BR_EUSER.
 */
typedef int (*br_gufunction)(const void *const *in, void *out, const int64_t *extent,
                             const void *data);
typedef struct br_apply_gufunc_args {
    br_place at;
    br_gufunction fn;
    const char *signature;
    br_array *in1, *in2, *in3, *in4, *in5, *in6, *in7, *in8;
    br_extents output_sizes;
    bool allow_rechunk, impure;
    br_dtype dtype;
    const void *data;
    size_t data_bytes;
    size_t scratch_bytes;
} br_apply_gufunc_args;
BR_API br_array *br_apply_gufunc_(br_apply_gufunc_args args);

/* br_apply_along_axis - fn on every one-dimensional slice of x along an axis.
 *
 * fn        fn(slice, n, out, data): n dense elements of x's dtype; fills out. Anything but 0 ends
 *           the run with BR_EUSER
 * axis      negative ones count from the last
 * .length   elements of a result, which stand where the axis was; 0, the default: one element, and
 *           the axis is dropped
 * .dtype    of the result, x's by default
 * .data, .data_bytes, .impure, .scratch_bytes  as in br_map_blocks
 * Cost    a chunk of the result needs the whole axis, however it is cut; other axes' chunks stay.
 * Errors  BR_EARG, BR_EAXIS; when run BR_EUSER.
 */
typedef int (*br_slice_function)(const void *slice, int64_t n, void *out, const void *data);
typedef struct br_apply_along_axis_args {
    br_place at;
    br_slice_function fn;
    int axis;
    br_array *x;
    int64_t length;
    br_dtype dtype;
    const void *data;
    size_t data_bytes;
    bool impure;
    size_t scratch_bytes;
} br_apply_along_axis_args;
BR_API br_array *br_apply_along_axis_(br_apply_along_axis_args args);

#ifndef __cplusplus
#define br_blockwise(...)                                                                          \
    br_blockwise_((br_blockwise_args){.at = {__FILE__, __LINE__}, .fn = __VA_ARGS__})
#define br_apply_gufunc(...)                                                                       \
    br_apply_gufunc_((br_apply_gufunc_args){.at = {__FILE__, __LINE__}, .fn = __VA_ARGS__})
#define br_apply_along_axis(...)                                                                   \
    br_apply_along_axis_((br_apply_along_axis_args){.at = {__FILE__, __LINE__}, .fn = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
