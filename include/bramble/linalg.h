/* SPDX-License-Identifier: BSD-3-Clause
 * linalg.h - products of matrices, vectors and arrays of any number of axes.
 *
 * Common to all
 * dtype   the operands promote as usual and the result has that dtype: integers wrap around, of
 *         bool a product is true where a pair of elements is. Floats go through OpenBLAS
 * chunks  of the result: the operands' along the axes that it has. Along the axes that are summed
 *         over, both are cut alike (where they are not, regularly, as the first one's largest
 *         chunk, or the second one's where that made tiles of more than 16 MiB of it), and the
 *         products of chunks are added in order, chunk by chunk
 * Errors  BR_ESHAPE with both shapes; BR_EARG, BR_EAXIS where they say so.
 * Cost    a task holds a chunk of each operand and of the result. A file's chunk that several tasks
 *         need is read once and kept for them; when that does not fit the memory limit, it is read
 *         again by each.
 * Bits    fixed by the chunks, of floats by OpenBLAS's kernel for the CPU as well; threads and
 *         ranks do not matter.
 */
#ifndef BRAMBLE_LINALG_H
#define BRAMBLE_LINALG_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_matmul - the product of matrices, a[..., i, k] b[..., k, j].
 *
 * a, b  matrices, or stacks of them: the axes before the last two broadcast. An operand of one axis
 *       is a row on the left, a column on the right, and the result does not have that axis
 */
BR_API br_array *br_matmul_(br_array *a, br_array *b, br_place at);

/* br_tensordot - the sum of products over several axes of both.
 *
 * .axes   BR_NUM(n): the last n axes of a with the first n of b, 2 by default; or
 * .left, .right  BR_AXES(...) of a and of b, as many, in pairs
 * Returns an array of a's other axes and then b's.
 * Errors  BR_EARG (both ways of naming axes, a bad n), BR_EAXIS, BR_ESHAPE (extents of a pair).
 */
typedef struct br_tensordot_args {
    br_place at;
    br_array *a, *b;
    br_number axes;
    br_axes left, right;
} br_tensordot_args;
BR_API br_array *br_tensordot_(br_tensordot_args args);

/* br_vecdot - the sum of conj(a) b along one axis (the last by default, counted from the last where
 * operands differ in their number of axes); the others broadcast. Composed of a product and a sum,
 * in the dtype of the operands together. Errors: BR_EAXIS (several axes, one that is not there),
 * BR_ESHAPE. Cost: one pass over both, as a reduction's. */
typedef struct br_vecdot_args {
    br_place at;
    br_array *a, *b;
    br_axes axis;
} br_vecdot_args;
BR_API br_array *br_vecdot_(br_vecdot_args args);

/* br_outer - a[i] b[j] of all elements, taken in C order of operands with several axes. Returns
 * shape (elements of a, elements of b). */
BR_API br_array *br_outer_(br_array *a, br_array *b, br_place at);

#ifndef __cplusplus
#define br_matmul(a, b) br_matmul_((a), (b), BR_HERE)
#define br_outer(a, b)  br_outer_((a), (b), BR_HERE)
#define br_tensordot(...)                                                                          \
    br_tensordot_((br_tensordot_args){.at = {__FILE__, __LINE__}, .a = __VA_ARGS__})
#define br_vecdot(...) br_vecdot_((br_vecdot_args){.at = {__FILE__, __LINE__}, .a = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
