/* SPDX-License-Identifier: BSD-3-Clause
 * overlap.h - computing with neighbours: functions on chunks with halos, sliding windows,
 * convolution.
 *
 * Only faces of chunks are read or travel: a task that needs two rows of another chunk gets two
 * rows.
 */
#ifndef BRAMBLE_OVERLAP_H
#define BRAMBLE_OVERLAP_H

#include <bramble/user.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- functions on chunks with halos ---- */

/* What stands beyond an end of the array; the names are dask's. */
typedef enum br_boundary_kind {
    BR_BOUNDARY_NONE,     /* nothing: chunks at the end have no halo there */
    BR_BOUNDARY_CONSTANT, /* a number: 7 7 | a b c | 7 7 */
    BR_BOUNDARY_NEAREST,  /* the nearest element: a a | a b c | c c */
    BR_BOUNDARY_REFLECT,  /* mirrored, the edge element too, as dask does it: b a | a b c | c b */
    BR_BOUNDARY_PERIODIC, /* the other end: b c | a b c | a b */
} br_boundary_kind;

typedef struct br_boundary {
    br_boundary_kind kind;
    br_number value; /* of CONSTANT, 0 by default */
} br_boundary;

/* One for each axis, or one for all; n 0 means "not given". Made by BR_BOUNDARIES. */
typedef struct br_boundaries {
    int n;
    br_boundary axis[BR_MAX_NDIM];
} br_boundaries;

/* The halo of one input: elements before and after each chunk, one number for each axis of the
 * input or one for all. */
typedef struct br_halo {
    br_extents depth;
    br_extents after; /* by default as many as before */
    br_boundaries boundary;
} br_halo;

/* br_map_overlap - fn computes each chunk of the result from the chunks of the inputs and what is
 * around them.
 *
 * fn         as of br_map_blocks. An input's block has the halo: its extents are those of the chunk
 *            and the depths, its origin is the index of its first element, which is negative
 *            beyond the array's start.
 * .depth     elements before and after a chunk: BR_SHAPE(1, 2), one number for each axis of the
 *            result or one for all; at most the axis's extent, and more than a chunk is fine
 * .after     elements after a chunk, where they are not as many: then .depth are those before
 * .boundary  BR_BOUNDARIES(BR_PERIODIC, BR_CONSTANT(0.0)), one for each axis or one for all; none
 *            by default
 * .halos     instead, nmore + 1 halos: of x, then of the further inputs
 * .more, .nmore   further inputs, up to 7, that broadcast with x; along an axis that an input is
 *            repeated it has no halo
 * .inner     true: the output block is the chunk itself, which fn fills from what is around it.
 *            Otherwise it is as large as the block of the first input of the most axes, and its
 *            halo is cut off, so that fn may be one that knows nothing of halos.
 * .no_trim   true: the halo is not cut off but part of the result, whose chunks are larger by it
 * .dtype, .data, .data_bytes, .impure, .scratch_bytes  as of br_map_blocks
 * Returns an array of the inputs' common shape and chunks, but for .no_trim.
 * Errors  BR_EARG, BR_ESHAPE (a depth below 0 or beyond the extent, lists that don't fit the axes),
 *         BR_ETYPE (a constant that the input's dtype does not hold), BR_EUNSUPPORTED (more than 6
 *         axes with boundaries that continue the array); when run BR_EUSER.
 * Cost    each block is copied once into its halo. Elementwise expressions of sources are computed
 *         into the blocks, their halos again for each block; files are read into them; other values
 *         are held until the last neighbour has read them, in C order of the chunks. Of a chunk on
 *         another rank only the faces travel.
 */
typedef struct br_map_overlap_args {
    br_place at;
    br_array *x;
    br_block_function fn;
    br_extents depth, after;
    br_boundaries boundary;
    const br_halo *halos;
    br_array *const *more; /* further inputs, */
    int nmore;             /*  how many */
    const void *data;
    size_t data_bytes;
    br_dtype dtype;
    bool inner, no_trim, impure;
    size_t scratch_bytes;
} br_map_overlap_args;
BR_API br_array *br_map_overlap_(br_map_overlap_args args);

/* ---- windows ---- */

/* br_sliding_window_view - windows of x at every place, as NumPy's: a view with the axes of the
 * window after x's own. Element (i, ..., k, ...) is element i + k of x.
 *
 * window_shape  elements of a window: BR_SHAPE(5), one number for each axis it slides along
 * .axis         the axes it slides along, all by default; one named twice has two windows
 * Along these axes there are as many places as windows fit in: n - w + 1.
 * Returns a view of x in x's dtype, cut where x is; a window is in one chunk. A reduction over the
 * window's axes reads x once: br_mean(br_sliding_window_view(x, BR_SHAPE(5)), .axis = BR_AXIS(-1))
 * is the mean of every 5 elements. The view itself, computed, has w elements for each of x's.
 * Errors  BR_ESHAPE (a window below 1 or beyond the extent, lists that don't fit), BR_EAXIS,
 *         BR_EARG (no window), BR_EUNSUPPORTED (too many axes).
 * Cost    no copies of x if it is a source or a view of one; other expressions are stored first.
 */
typedef struct br_sliding_window_view_args {
    br_place at;
    br_array *x;
    br_extents window_shape;
    br_axes axis;
} br_sliding_window_view_args;
BR_API br_array *br_sliding_window_view_(br_sliding_window_view_args args);

/* ---- convolution ---- */

typedef enum br_convolve_mode {
    BR_CONVOLVE_FULL,  /* every place where x and kernel meet: extents n + m - 1 */
    BR_CONVOLVE_SAME,  /* the middle of it, in x's shape, from element (m - 1) / 2 on */
    BR_CONVOLVE_VALID, /* where the kernel is inside x: n - m + 1 */
} br_convolve_mode;

/* br_convolve - sum over k of kernel[k] * x[i - k], directly, for small kernels. br_correlate - sum
 * of conj(kernel[k]) * x[i + k]: convolution with the kernel's conjugate in reverse order.
 *
 * x, kernel  as many axes, at least one, none of them empty; along each the sum is taken
 * .mode      full by default: numpy.convolve's and scipy.signal.convolve's modes; same has x's
 *            shape also where the kernel is longer, as SciPy has it
 * Returns the dtype that both promote to, in x's chunks; in full mode with up to m - 1 elements
 * more behind. Integers wrap round. Products are added in C order of k, from 0 on, each rounded:
 * the bits don't depend on chunks.
 * Errors  BR_ESHAPE (axes, valid with a longer kernel), BR_ETYPE (both bool), BR_EARG (no mode).
 * Cost    a multiplication and an addition for each element of x and of the kernel; halos as of
 *         br_map_overlap. The kernel goes to every task: it should be smaller than a chunk.
 */
typedef struct br_convolve_args {
    br_place at;
    br_array *x, *kernel;
    br_convolve_mode mode;
} br_convolve_args;
BR_API br_array *br_convolve_(br_convolve_args args);
BR_API br_array *br_correlate_(br_convolve_args args);

#ifndef __cplusplus
#define BR_BOUNDARIES(...) ((br_boundaries){BR_COUNT_(br_boundary, __VA_ARGS__), {__VA_ARGS__}})
#define BR_NO_BOUNDARY     ((br_boundary){.kind = BR_BOUNDARY_NONE})
#define BR_CONSTANT(v)     ((br_boundary){BR_BOUNDARY_CONSTANT, BR_NUM(v)})
#define BR_NEAREST         ((br_boundary){.kind = BR_BOUNDARY_NEAREST})
#define BR_REFLECT         ((br_boundary){.kind = BR_BOUNDARY_REFLECT})
#define BR_PERIODIC        ((br_boundary){.kind = BR_BOUNDARY_PERIODIC})

#define br_map_overlap(...)                                                                        \
    br_map_overlap_((br_map_overlap_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_sliding_window_view(first, ...)                                                         \
    br_sliding_window_view_((br_sliding_window_view_args){                                         \
        .at = {__FILE__, __LINE__}, .x = (first), .window_shape = __VA_ARGS__})
#define br_convolve(first, ...)                                                                    \
    br_convolve_(                                                                                  \
        (br_convolve_args){.at = {__FILE__, __LINE__}, .x = (first), .kernel = __VA_ARGS__})
#define br_correlate(first, ...)                                                                   \
    br_correlate_(                                                                                 \
        (br_convolve_args){.at = {__FILE__, __LINE__}, .x = (first), .kernel = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
