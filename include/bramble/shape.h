/* SPDX-License-Identifier: BSD-3-Clause
 * shape.h - joining, cutting, turning, repeating and padding arrays.
 *
 * All are made of views, which cost nothing, and of br_concat: each chunk of what it returns is
 * made of a chunk of one array, so slices read only the chunks that hold the elements they name.
 * Results keep the chunks of what they are made of; br_rechunk cuts them otherwise. Semantics are
 * those of the Array API standard, or NumPy's where it has no such function. Errors beside those
 * named: BR_EARG for NULL arrays and arrays of two contexts, and what the operands already carry.
 */
#ifndef BRAMBLE_SHAPE_H
#define BRAMBLE_SHAPE_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- joining ---- */

/* br_concat - arrays one after the other along an axis they have.
 *
 * arrays, n  the arrays, any number of them: BR_ARRAYS(x, y, z)
 * .axis      the first one by default; BR_NO_AXES: each is flattened first
 * All other extents must be equal; dtypes are promoted. The chunks are those of the arrays one
 * after the other, along other axes cut wherever one of them is.
 * Errors  BR_ESHAPE, BR_EAXIS. Cost: elementwise expressions are computed into the result's chunks,
 *         files read into them; chunks that nobody else reads are not copied.
 *
 * br_stack - the same along a new axis of the result, the first one by default; all shapes must be
 * equal.
 */
typedef struct br_concat_args {
    br_place at;
    br_array *const *arrays;
    int n;
    br_axes axis;
} br_concat_args;
BR_API br_array *br_concat_(br_concat_args args);
BR_API br_array *br_stack_(br_concat_args args);

/* br_blocks - a matrix of matrices (NumPy's block): arrays[i * columns + j] is block j of row i.
 * Blocks of a row are joined along the last axis, rows along the last but one; blocks with fewer
 * axes get new ones in front, at least two. Errors: BR_ESHAPE, BR_EARG (rows or columns < 1). */
BR_API br_array *br_blocks_(br_array *const *arrays, int rows, int columns, br_place at);

/* ---- cutting ---- */

/* br_unstack - the n parts x[0], x[1], ... along an axis, without it, into out.
 *
 * out, n  n must be the extent of the axis
 * .axis   the first one by default
 * Returns BR_OK, or the error that all of out[0..n) carry. Errors: BR_ESHAPE, BR_EAXIS.
 */
typedef struct br_unstack_args {
    br_place at;
    br_array *x;
    br_array **out;
    int n;
    br_axes axis;
} br_unstack_args;
BR_API br_status br_unstack_(br_unstack_args args);

/* br_split - x in n parts along an axis, into out.
 *
 * .axis     the first one by default
 * .indices  n - 1 of them: part i goes from indices[i - 1] up to indices[i], as slices do, whose
 *           ends may be negative or beyond the extent
 * .uneven   true permits an extent that n does not divide: the first parts have one element more
 * Returns BR_OK, or the error that all of out[0..n) carry. Errors: BR_ESHAPE, BR_EAXIS.
 */
typedef struct br_split_args {
    br_place at;
    br_array *x;
    br_array **out;
    int n;
    br_axes axis;
    const int64_t *indices;
    bool uneven;
} br_split_args;
BR_API br_status br_split_(br_split_args args);

/* ---- turning: views, nothing is copied ---- */

/* br_moveaxis - axis source[i] of x becomes axis destination[i], the others keep their order.
 * br_swapaxes - two axes change places. br_matrix_transpose - the last two do. Errors: BR_EAXIS. */
BR_API br_array *br_moveaxis_(br_array *x, br_axes source, br_axes destination, br_place at);
BR_API br_array *br_swapaxes_(br_array *x, int a, int b, br_place at);
BR_API br_array *br_matrix_transpose_(br_array *x, br_place at);

/* br_flip - elements in reverse order along the listed axes, by default all. Errors: BR_EAXIS. */
typedef struct br_flip_args {
    br_place at;
    br_array *x;
    br_axes axis;
} br_flip_args;
BR_API br_array *br_flip_(br_flip_args args);

/* br_rot90 - k quarter turns, which must be given, from the first of two axes, by default 0 and 1,
 * towards the second.
 * Errors: BR_EAXIS. */
typedef struct br_rot90_args {
    br_place at;
    br_array *x;
    int64_t k;
    br_axes axes;
} br_rot90_args;
BR_API br_array *br_rot90_(br_rot90_args args);

/* br_atleast_nd - with new axes of extent 1 in front, if it has fewer than ndim. Errors: BR_EAXIS
 * (ndim out of range). */
BR_API br_array *br_atleast_nd_(br_array *x, int ndim, br_place at);

/* br_broadcast_arrays - each array broadcast to the shape of all together, into out[0..n). Returns
 * BR_OK, or the error that all of out carry. Errors: BR_ESHAPE. */
BR_API br_status br_broadcast_arrays_(br_array *const *arrays, int n, br_array **out, br_place at);

/* br_ravel - all elements in C order along one axis: br_reshape to one extent. */
BR_API br_array *br_ravel_(br_array *x, br_place at);

/* ---- rearranging ---- */

/* br_roll - elements moved on along axes; those that leave at the end come in at the start.
 *
 * shift  BR_SHIFTS(...), one for each axis or one for all, may be negative
 * .axis  axes, or one for all shifts; by default the flattened array is rolled
 * Errors  BR_EAXIS; BR_ESHAPE when there are neither one nor as many shifts as axes.
 */
typedef struct br_roll_args {
    br_place at;
    br_array *x;
    br_extents shift;
    br_axes axis;
} br_roll_args;
BR_API br_array *br_roll_(br_roll_args args);

/* br_tile - x repeated as a whole, repetitions[i] times along axis i; the shorter of shape and
 * repetitions (BR_SHAPE(...)) is continued with 1 in front. Errors: BR_ESHAPE (a negative
 * number). */
BR_API br_array *br_tile_(br_array *x, br_extents repetitions, br_place at);

/* br_repeat - each element `count` times in a row; the count must be given.
 *
 * .axis  one; by default the flattened array
 * Errors  BR_EAXIS, BR_ESHAPE (a negative count). Cost: one pass over the result.
 * br_repeat_counts (indexing.h) takes an array of counts.
 */
typedef struct br_repeat_args {
    br_place at;
    br_array *x;
    int64_t count;
    br_axes axis;
} br_repeat_args;
BR_API br_array *br_repeat_(br_repeat_args args);

/* ---- padding ---- */

typedef enum br_pad_mode {
    BR_PAD_CONSTANT,    /* .value */
    BR_PAD_EDGE,        /* the nearest element */
    BR_PAD_REFLECT,     /* mirrored at the edge element: c b | a b c | b a */
    BR_PAD_SYMMETRIC,   /* mirrored beside it: b a | a b c | c b */
    BR_PAD_WRAP,        /* from the other end: b c | a b c | a b */
    BR_PAD_LINEAR_RAMP, /* straight from .end_values to the edge element */
} br_pad_mode;

/* br_pad - x with more elements around it, axis by axis from the first one.
 *
 * before       elements in front, one number for each axis or one for all: BR_SHAPE(1, 0)
 * .after       elements behind, likewise; by default as many as in front
 * .mode        as above; widths may be beyond the extent, then what is there continues
 *              periodically. An axis of one element is not mirrored but continued with it.
 * .value       BR_NUM(...), 0 by default
 * .end_values  in front and behind, 0 by default. The ramp is end + i * ((edge - end) / width), in
 *              float64 or complex128, rounded down for integer x.
 * Errors  BR_ESHAPE (a negative width, numbers that don't fit the axes, an empty axis that only
 *         .value could extend), BR_ETYPE (complex values in a real x), BR_EARG (no such mode).
 */
typedef struct br_pad_args {
    br_place at;
    br_array *x;
    br_extents before, after;
    br_pad_mode mode;
    br_number value;
    br_number end_values[2];
} br_pad_args;
BR_API br_array *br_pad_(br_pad_args args);

/* ---- differences ---- */

/* br_diff - x[i + 1] - x[i] along an axis, n times; of bool what changes.
 *
 * .axis             the last one by default
 * .n                1 by default
 * .prepend, append  arrays that are joined to x along the axis before; a 0-d one is one element
 * The axis is n elements shorter, down to none. Unsigned integers wrap round.
 * Errors  BR_EAXIS, BR_ESHAPE, BR_EARG (n < 0).
 */
typedef struct br_diff_args {
    br_place at;
    br_array *x;
    int64_t n;
    br_axes axis;
    br_array *prepend, *append;
} br_diff_args;
BR_API br_array *br_diff_(br_diff_args args);

/* br_gradient - slopes along an axis, by central differences: (x[i + 1] - x[i - 1]) / (2 *
 * spacing), one-sided at both ends.
 *
 * .axis        needed unless x has one axis
 * .spacing     between elements, 1 by default
 * .edge_order  1 by default, or 2: ends from three elements
 * Returns x's dtype, float64 for integers. The result's first and last chunk along the axis are of
 * one element.
 * Errors  BR_EAXIS, BR_ESHAPE (less than edge_order + 1 elements), BR_ETYPE (bool), BR_EARG.
 */
typedef struct br_gradient_args {
    br_place at;
    br_array *x;
    br_axes axis;
    double spacing;
    int edge_order;
} br_gradient_args;
BR_API br_array *br_gradient_(br_gradient_args args);

#ifndef __cplusplus
/* A list of arrays and its length, two arguments. */
#define BR_ARRAYS(...) (br_array *const[]){__VA_ARGS__}, BR_COUNT_(br_array *, __VA_ARGS__)
#define BR_SHIFTS(...) BR_SHAPE(__VA_ARGS__)

#define br_concat(...)                                                                             \
    br_concat_((br_concat_args){.at = {__FILE__, __LINE__}, .arrays = __VA_ARGS__})
#define br_stack(...)                       br_stack_((br_concat_args){.at = {__FILE__, __LINE__}, .arrays = __VA_ARGS__})
#define br_blocks(...)                      br_blocks_(__VA_ARGS__, BR_HERE)
#define br_unstack(...)                     br_unstack_((br_unstack_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_split(...)                       br_split_((br_split_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_moveaxis(x, source, destination) br_moveaxis_((x), source, destination, BR_HERE)
#define br_swapaxes(x, a, b)                br_swapaxes_((x), (a), (b), BR_HERE)
#define br_matrix_transpose(x)              br_matrix_transpose_((x), BR_HERE)
#define br_flip(...)                        br_flip_((br_flip_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_rot90(first, ...)                                                                       \
    br_rot90_((br_rot90_args){.at = {__FILE__, __LINE__}, .x = (first), .k = __VA_ARGS__})
#define br_atleast_nd(x, ndim)   br_atleast_nd_((x), (ndim), BR_HERE)
#define br_broadcast_arrays(...) br_broadcast_arrays_(__VA_ARGS__, BR_HERE)
#define br_ravel(x)              br_ravel_((x), BR_HERE)
#define br_roll(...)             br_roll_((br_roll_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_tile(x, repetitions)  br_tile_((x), repetitions, BR_HERE)
#define br_pad(...)              br_pad_((br_pad_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_diff(...)             br_diff_((br_diff_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_gradient(...)                                                                           \
    br_gradient_((br_gradient_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_repeat(first, ...)                                                                      \
    br_repeat_((br_repeat_args){.at = {__FILE__, __LINE__}, .x = (first), .count = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
