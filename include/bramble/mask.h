/* SPDX-License-Identifier: BSD-3-Clause
 * mask.h - what masks pick: arrays whose extents the data tell.
 *
 * How long such an array is nobody knows before the mask has been computed: br_shape gives
 * BR_UNKNOWN for that axis, br_print a "?". Whatever computes it (br_compute*, br_store*,
 * br_persist, br_explain) first counts the mask, chunk by chunk, and then runs; br_resolve (in
 * compute.h) counts and gives an array with a known shape.
 *
 * Elementwise operations, reductions along or beside the axis, views that take it whole (a new
 * axis, another order of axes, slices of the others), functions of the user's, joins, and masks
 * again work on such arrays. Where two unknown extents meet they are compared when they have been
 * counted, and an error then names the operation. All that needs the number itself (slices of the
 * axis, reshapes, broadcasts to a shape) is BR_ESHAPE and asks for br_resolve.
 *
 * A mask is computed twice, to count and to pick, and must be the same both times: where it is not
 * (its file or memory changed, a function of the user's is impure) computing fails with BR_EARG.
 * Only chunks that keep elements are read the second time. The result is cut where mask and array
 * are, without the chunks that keep nothing; br_rechunk joins small ones.
 */
#ifndef BRAMBLE_MASK_H
#define BRAMBLE_MASK_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_compress - the parts of x along an axis where a condition is true (NumPy's compress).
 *
 * condition  1-d, any dtype, 0 is false; no longer than the axis: what lies beyond is left out
 * x          any shape
 * .axis      one of x's; none given means x in C order, as by br_ravel
 * Returns x's dtype and shape but for the axis, whose extent is unknown.
 * Errors  BR_ESHAPE (a condition that is not 1-d, or too long), BR_EAXIS.
 * Cost    counting reads the condition; then one pass, a task a chunk, and twice a chunk of memory.
 */
typedef struct br_compress_args {
    br_place at;
    br_array *condition, *x;
    br_axes axis;
} br_compress_args;
BR_API br_array *br_compress_(br_compress_args args);

/* br_boolean_index - x[mask]: the elements, or parts, of x where mask is true, in C order.
 *
 * mask  bool, of the shape of x's first axes, one at least; they become one axis
 * Returns shape (unknown, x's other extents). A mask of more than one axis is reshaped, and so is
 * x: both need known extents then.
 * Errors  BR_ETYPE (the mask is not bool), BR_ESHAPE. Cost: as br_compress, and as br_reshape of x
 *         where the mask has more than one axis.
 */
BR_API br_array *br_boolean_index_(br_array *x, br_array *mask, br_place at);

/* br_extract - the elements of x, in C order, where a condition of as many elements is not 0.
 *
 * condition, x  any shapes; both are taken as by br_ravel
 * Returns x's dtype, 1-d of unknown extent.
 * Errors  BR_ESHAPE for another number of elements.
 * Cost    as br_compress, and as br_ravel of operands with several axes.
 */
BR_API br_array *br_extract_(br_array *condition, br_array *x, br_place at);

/* br_nonzero - the indices of the elements of x that are not 0, in C order, into out: out[k] are
 * those along axis k, int64, 1-d.
 *
 * out, n  n must be the number of x's axes, one at least
 * Returns BR_OK, or the error that all of out[0..n) carry. Errors: BR_ESHAPE.
 *
 * br_argwhere - the same as one array of shape (unknown, x's number of axes).
 * br_flatnonzero - indices of elements of br_ravel(x), whatever its shape.
 */
BR_API br_status br_nonzero_(br_array *x, br_array **out, int n, br_place at);
BR_API br_array *br_argwhere_(br_array *x, br_place at);
BR_API br_array *br_flatnonzero_(br_array *x, br_place at);

#ifndef __cplusplus
#define br_compress(condition_, ...)                                                               \
    br_compress_((br_compress_args){                                                               \
        .at = {__FILE__, __LINE__}, .condition = (condition_), .x = __VA_ARGS__})
#define br_boolean_index(x, mask) br_boolean_index_((x), (mask), BR_HERE)
#define br_extract(condition, x)  br_extract_((condition), (x), BR_HERE)
#define br_nonzero(x, out, n)     br_nonzero_((x), (out), (n), BR_HERE)
#define br_argwhere(x)            br_argwhere_((x), BR_HERE)
#define br_flatnonzero(x)         br_flatnonzero_((x), BR_HERE)
#endif

#ifdef __cplusplus
}
#endif
#endif
