/* SPDX-License-Identifier: BSD-3-Clause
 * indexing.h - indexing by arrays of integers, and assignment: the result is a new array.
 *
 * Indices are arrays of any integer dtype; negative ones count from the end, as in NumPy. One that
 * is out of range is an error, BR_EINDEX, that names it and its place: of the call when the indices
 * are known then (br_from_memory with .copy), else of the compute. Errors beside those named:
 * BR_EARG for NULL arrays and arrays of two contexts, and what the operands already carry.
 */
#ifndef BRAMBLE_INDEXING_H
#define BRAMBLE_INDEXING_H

#include <bramble/array.h>
#include <bramble/shape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- taking ---- */

/* br_take - the slices of x at the given indices along an axis.
 *
 * x        any shape
 * indices  any shape, which stands in place of the axis: a 0-d array drops it
 * .axis    by default the flattened x is indexed
 * The result's axes of the indices are cut so that chunks have the automatic size, the others as in
 * x. Indices in a constant step that are known at the call give a slice, which is cut where x is.
 * Returns a lazy array of x's dtype.
 * Errors  BR_EAXIS, BR_ETYPE (indices that are no integers), BR_EINDEX.
 * Cost    indices that are not known are computed before the rest is planned, in a run of their
 *         own, and held: 8 bytes each, twice where they are sorted. Only chunks of x with elements
 *         that are taken are made or read, of files only stored chunks with such elements; each is
 *         moved once for every chunk of the result that needs it.
 *
 * br_vindex - elements x[i[k], j[k], ...], k over the shape that all index arrays broadcast to
 * (NumPy's x[i, j, ...], dask's vindex): br_vindex(x, i, j). They name places along x's first axes,
 * whose place their shape takes; at most as many as x has axes. Errors also: BR_ESHAPE.
 */
typedef struct br_take_args {
    br_place at;
    br_array *x, *indices;
    br_axes axis;
} br_take_args;
BR_API br_array *br_take_(br_take_args args);
BR_API br_array *br_vindex_(br_array *x, br_array *const *indices, int n, br_place at);

/* br_repeat_counts - element or slice i along an axis counts[i] times in a row (br_repeat with an
 * array): br_repeat_counts(x, counts, .axis = BR_AXIS(0)).
 *
 * counts  integers, one axis, as many as x has along .axis, or one for all
 * .axis   by default the flattened x
 * The extent is known at the call when the counts are (br_from_memory with .copy), else it is
 * BR_UNKNOWN until they are computed, as are those of what a mask picks (mask.h). The result is a
 * take, with its chunks and cost.
 * Errors  BR_EAXIS, BR_ESHAPE, BR_ETYPE, BR_EARG (a negative count), of the call or the compute.
 */
BR_API br_array *br_repeat_counts_(br_take_args args);

/* br_take_along_axis - element by element: out[i, j] = x[indices[i, j], j] for axis 0.
 *
 * x, indices  as many axes each; broadcast together on the others than .axis
 * .axis       the last one by default
 * The chunks are those of the indices.
 * Errors  BR_EAXIS, BR_ESHAPE, BR_ETYPE (indices that are no integers), BR_EINDEX.
 * Cost    each chunk of the result goes through all chunks of x along the axis, one at a time.
 */
BR_API br_array *br_take_along_axis_(br_take_args args);

/* ---- assigning ---- */

/* br_set_index - x with out[text] = value: basic indexing as in br_index, with steps of any sign.
 *
 * value  an array or a number; broadcast to the shape of br_index(x, text), converted to x's dtype
 * Errors  BR_EINDEX, BR_ESHAPE, BR_ETYPE (a value of a more general kind than x's: complex,
 *         floating, signed, unsigned, bool; convert it with br_astype).
 * Cost    chunks of x that nobody else reads are written in place, others copied.
 *
 * br_set_index_items - the same with br_index_items's struct form.
 *
 * br_set_mask - x with value where mask, a bool array of the shape of x's first axes, is true:
 * br_where, with value broadcast to x's shape. (NumPy's assignment of as many values as there are
 * true elements is not this.)
 */
BR_API br_array *br_set_index_(br_array *x, const char *text, br_operand value, br_place at);
BR_API br_array *br_set_index_items_(br_array *x, const br_index_item *items, int n,
                                     br_operand value, br_place at);
BR_API br_array *br_set_mask_(br_array *x, br_array *mask, br_operand value, br_place at);

/* br_put_along_axis - x with out[indices[i, j], j] = value[i, j] for axis 0.
 *
 * indices  as many axes as x, broadcast to x's extents on the others than `axis`
 * value    an array or a number; broadcast to the indices, converted to x's dtype
 * Where an index is repeated, its last value counts.
 * Errors  BR_EAXIS, BR_ESHAPE, BR_ETYPE (indices that are no integers, a value of a more general
 *         kind than x's: complex, floating, signed, unsigned, bool), BR_EINDEX.
 * Cost    each chunk of x is copied, and goes through all indices along the axis.
 *
 * br_set_take - the same with one index for each slice of x along the axis: NumPy's x[:, indices] =
 * value for axis 1; value is broadcast to the slices' shape.
 */
BR_API br_array *br_put_along_axis_(br_array *x, br_array *indices, br_operand value, int axis,
                                    br_place at);
BR_API br_array *br_set_take_(br_array *x, br_array *indices, br_operand value, int axis,
                              br_place at);

#ifndef __cplusplus
#define br_take(first, ...)                                                                        \
    br_take_((br_take_args){.at = {__FILE__, __LINE__}, .x = (first), .indices = __VA_ARGS__})
#define br_vindex(x, ...) br_vindex_((x), BR_ARRAYS(__VA_ARGS__), BR_HERE)
#define br_repeat_counts(first, ...)                                                               \
    br_repeat_counts_(                                                                             \
        (br_take_args){.at = {__FILE__, __LINE__}, .x = (first), .indices = __VA_ARGS__})
#define br_take_along_axis(first, ...)                                                             \
    br_take_along_axis_(                                                                           \
        (br_take_args){.at = {__FILE__, __LINE__}, .x = (first), .indices = __VA_ARGS__})
#define br_set_index(x, text, value) br_set_index_((x), (text), BR_OPERAND(value), BR_HERE)
#define br_set_index_items(x, items, n, value)                                                     \
    br_set_index_items_((x), (items), (n), BR_OPERAND(value), BR_HERE)
#define br_set_mask(x, mask, value) br_set_mask_((x), (mask), BR_OPERAND(value), BR_HERE)
#define br_put_along_axis(x, indices, value, axis)                                                 \
    br_put_along_axis_((x), (indices), BR_OPERAND(value), (axis), BR_HERE)
#define br_set_take(x, indices, value, axis)                                                       \
    br_set_take_((x), (indices), BR_OPERAND(value), (axis), BR_HERE)
#endif

#ifdef __cplusplus
}
#endif
#endif
