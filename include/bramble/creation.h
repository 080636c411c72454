/* SPDX-License-Identifier: BSD-3-Clause
 * creation.h - further arrays from nothing: like others, of diagonals, grids of indices,
 * logarithmic ranges, and values of functions.
 *
 * Names and defaults are those of the Array API standard, else NumPy's. What is made here costs no
 * memory: it is worked out in the tasks that read it.
 */
#ifndef BRAMBLE_CREATION_H
#define BRAMBLE_CREATION_H

#include <bramble/array.h>
#include <bramble/user.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- constants ---- */

/* br_empty - br_zeros by another name: elements whose values do not matter are zeros here, so that
 * a program's results never depend on what was in memory. */
BR_API br_array *br_empty_(br_zeros_args args);

/* br_zeros_like, br_ones_like, br_empty_like (zeros), br_full_like - every element has one value;
 * shape and chunks are x's.
 *
 * x       any array; it is not computed for this
 * value   BR_NUM(...), of br_full_like
 * .dtype  x's by default
 * Errors  BR_EARG (no value, or out of an integer dtype's range), BR_ETYPE (a complex value in a
 *         real dtype).
 */
typedef struct br_like_args {
    br_place at;
    br_array *x;
    br_dtype dtype;
} br_like_args;
typedef struct br_full_like_args {
    br_place at;
    br_array *x;
    br_number value;
    br_dtype dtype;
} br_full_like_args;
BR_API br_array *br_zeros_like_(br_like_args args);
BR_API br_array *br_ones_like_(br_like_args args);
BR_API br_array *br_empty_like_(br_like_args args);
BR_API br_array *br_full_like_(br_full_like_args args);

/* ---- diagonals and triangles ---- */

/* br_eye - ones on one diagonal, zeros elsewhere. br_tri - ones on a diagonal and below it.
 * br_identity - br_eye with as many columns as rows.
 *
 * rows      extent of axis 0
 * .columns  extent of axis 1; as many as rows when it is 0. BR_NO_COLUMNS: none
 * .k        the diagonal: 0 the main one, k > 0 above it, k < 0 below it
 * .dtype    float64 by default
 * .chunks   as in br_from_memory
 * Errors    BR_ESHAPE, BR_ETYPE.
 */
enum { BR_NO_COLUMNS = -1 };
typedef struct br_eye_args {
    br_place at;
    br_context *ctx;
    int64_t rows;
    int64_t columns;
    int64_t k;
    br_dtype dtype;
    br_extents chunks;
} br_eye_args;
typedef struct br_identity_args {
    br_place at;
    br_context *ctx;
    int64_t n;
    br_dtype dtype;
    br_extents chunks;
} br_identity_args;
BR_API br_array *br_eye_(br_eye_args args);
BR_API br_array *br_tri_(br_eye_args args);
BR_API br_array *br_identity_(br_identity_args args);

/* br_tril, br_triu - x with zeros above (br_tril) or below (br_triu) a diagonal of its last two
 * axes.
 *
 * x   two axes or more, any dtype
 * .k  the diagonal, as in br_eye; its own elements are kept
 * What stands under the zeros does not matter, NaN or infinity included; it is computed all the
 * same.
 * Errors  BR_ESHAPE (fewer than two axes). Cost: elementwise, fused.
 */
typedef struct br_tril_args {
    br_place at;
    br_array *x;
    int64_t k;
} br_tril_args;
BR_API br_array *br_tril_(br_tril_args args);
BR_API br_array *br_triu_(br_tril_args args);

/* br_diagonal - a diagonal of the last two axes of x, as the last axis of the result.
 *
 * x        two axes or more, any dtype
 * .offset  the diagonal, as .k of br_eye; beyond the matrix it is empty
 * The result is cut wherever rows or columns of x are; only chunks on the diagonal are computed.
 * Errors  BR_ESHAPE.
 *
 * br_diag - of a matrix its diagonal k; of an array of one axis the matrix that has it as diagonal
 * k and zeros elsewhere.
 *
 * .k       as in br_eye
 * Errors  BR_ESHAPE (no axes or three and more; the matrix is too large).
 */
typedef struct br_diagonal_args {
    br_place at;
    br_array *x;
    int64_t offset;
} br_diagonal_args;
typedef struct br_diag_args {
    br_place at;
    br_array *x;
    int64_t k;
} br_diag_args;
BR_API br_array *br_diagonal_(br_diagonal_args args);
BR_API br_array *br_diag_(br_diag_args args);

/* ---- grids of indices: several arrays, into the caller's list ----
 *
 * Both return the status of the first array that failed; the arrays carry it too, so that it need
 * not be looked at. BR_EARG without arrays: out is NULL, or n does not fit.
 */

/* br_meshgrid - n arrays of one axis each, repeated along the axes of all the others.
 *
 * x          n arrays of at most one axis (BR_0D: as one element), 1 <= n <= BR_MAX_NDIM
 * out        room for n arrays: out[i] has the elements of x[i]
 * .indexing  "xy" by default: axis 0 is x[1]'s, axis 1 is x[0]'s, as in pictures. "ij": axis i is
 *            x[i]'s, as in matrices
 * .sparse    true leaves extents of 1 instead of repeating elements
 * The results are views.
 * Errors  BR_EARG, BR_ESHAPE (two axes or more).
 */
typedef struct br_meshgrid_args {
    br_place at;
    br_array *const *x;
    int n;
    br_array **out;
    const char *indexing;
    bool sparse;
} br_meshgrid_args;
BR_API br_status br_meshgrid_(br_meshgrid_args args);

/* br_indices - the indices of an array of some shape: element (i, j, ...) of out[0] is i, of out[1]
 * j, ...
 *
 * shape    BR_SHAPE(...); there is an array for each axis
 * out      room for shape.ndim arrays
 * .dtype   int64 by default; not bool or complex
 * .chunks  as in br_from_memory
 * .sparse  true: out[a] has extents of 1 but for axis a, and broadcasts with the others
 * Errors  BR_EARG, BR_ESHAPE, BR_ETYPE.
 */
typedef struct br_indices_args {
    br_place at;
    br_context *ctx;
    br_extents shape;
    br_array **out;
    br_dtype dtype;
    br_extents chunks;
    bool sparse;
} br_indices_args;
BR_API br_status br_indices_(br_indices_args args);

/* ---- ranges ---- */

/* br_logspace - base raised to num evenly spaced exponents from start to stop.
 *
 * .base         10 by default, any real number
 * .no_endpoint  true leaves base^stop out
 * .dtype        float64 by default, or float32, which is rounded at the end
 * .chunks       as in br_from_memory
 * Errors  BR_EARG (num < 0), BR_ETYPE.
 */
typedef struct br_logspace_args {
    br_place at;
    br_context *ctx;
    double start, stop;
    int64_t num;
    double base;
    bool no_endpoint;
    br_dtype dtype;
    br_extents chunks;
} br_logspace_args;
BR_API br_array *br_logspace_(br_logspace_args args);

/* br_geomspace - num numbers from start to stop, each the same multiple of the one before.
 *
 * start, stop  finite, not 0, both positive or both negative; the first element is start, and the
 *              last is stop, exactly
 * .no_endpoint, .dtype, .chunks  as in br_logspace
 * Errors  BR_EARG, BR_ETYPE.
 */
typedef struct br_geomspace_args {
    br_place at;
    br_context *ctx;
    double start, stop;
    int64_t num;
    bool no_endpoint;
    br_dtype dtype;
    br_extents chunks;
} br_geomspace_args;
BR_API br_array *br_geomspace_(br_geomspace_args args);

/* ---- functions of the user's ---- */

/* br_fromfunction - element (i, j, ...) is fn({i, j, ...}, ndim, data), worked out where it is
 * read.
 *
 * fn       called from any thread; index has ndim numbers, none for BR_0D. Under MPI it travels as
 *          (module, offset), as in br_map
 * shape    at most 2^53 elements
 * .dtype   float64 by default; the double that fn returns is converted
 * .chunks  as in br_from_memory
 * .data, .data_bytes, .cheap, .impure  as in br_map: fn is called once for each element that is
 *          needed, unless .cheap
 * Errors  BR_EARG (fn NULL; when run over several ranks .data without .data_bytes), BR_ESHAPE,
 *         BR_ETYPE. Cost: a call and ndim - 1 integer divisions for each element.
 */
typedef double (*br_index_function)(const int64_t *index, int ndim, const void *data);
typedef struct br_fromfunction_args {
    br_place at;
    br_context *ctx;
    br_index_function fn;
    br_extents shape;
    br_dtype dtype;
    br_extents chunks;
    const void *data;
    size_t data_bytes;
    bool cheap, impure;
} br_fromfunction_args;
BR_API br_array *br_fromfunction_(br_fromfunction_args args);

/* br_from_blocks - each chunk is filled by fn(NULL, 0, output, data), as in br_map_blocks without
 * inputs: for sources of the program's own, such as a format or an instrument.
 *
 * fn       once for each chunk that is needed and compute, on any thread and rank; what it returns
 *          but 0 ends the run with BR_EUSER
 * .dtype   float64 by default
 * .chunks  as in br_from_memory
 * .data, .data_bytes, .impure, .scratch_bytes  as in br_map_blocks
 * Errors  BR_EARG, BR_ESHAPE, BR_ETYPE; when run BR_EUSER.
 */
typedef struct br_from_blocks_args {
    br_place at;
    br_context *ctx;
    br_block_function fn;
    br_extents shape;
    br_dtype dtype;
    br_extents chunks;
    const void *data;
    size_t data_bytes;
    bool impure;
    size_t scratch_bytes;
} br_from_blocks_args;
BR_API br_array *br_from_blocks_(br_from_blocks_args args);

#ifndef __cplusplus
#define br_fromfunction(...)                                                                       \
    br_fromfunction_((br_fromfunction_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_from_blocks(...)                                                                        \
    br_from_blocks_((br_from_blocks_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_empty(...) br_empty_((br_zeros_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_zeros_like(...)                                                                         \
    br_zeros_like_((br_like_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_ones_like(...)                                                                          \
    br_ones_like_((br_like_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_empty_like(...)                                                                         \
    br_empty_like_((br_like_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_full_like(...)                                                                          \
    br_full_like_((br_full_like_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_eye(...) br_eye_((br_eye_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_tri(...) br_tri_((br_eye_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_identity(...)                                                                           \
    br_identity_((br_identity_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_tril(...) br_tril_((br_tril_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_triu(...) br_triu_((br_tril_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_diagonal(...)                                                                           \
    br_diagonal_((br_diagonal_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_diag(...) br_diag_((br_diag_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_meshgrid(...)                                                                           \
    br_meshgrid_((br_meshgrid_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_indices(...)                                                                            \
    br_indices_((br_indices_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_logspace(...)                                                                           \
    br_logspace_((br_logspace_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_geomspace(...)                                                                          \
    br_geomspace_((br_geomspace_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
