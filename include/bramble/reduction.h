/* SPDX-License-Identifier: BSD-3-Clause
 * reduction.h - reductions that the user defines: four C functions on a state of any kind, run in
 * the same tasks as the built-in ones.
 */
#ifndef BRAMBLE_REDUCTION_H
#define BRAMBLE_REDUCTION_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most bytes a state may have, and the most elements a result may. */
#define BR_MAX_STATE_BYTES  65536
#define BR_MAX_RESULT_WIDTH 65536

/* The functions of a reduction. A state stands on a multiple of 16 bytes and is all zeros before
 * init sees it. It is copied between tasks and ranks as bytes, so it must not hold pointers.
 * accumulate, merge and finish return 0; anything else ends the run with BR_EUSER. All are called
 * from any thread and rank; they must not use the context. */

/* Makes the state of no elements. */
typedef void (*br_init_function)(void *state, const void *data);
/* Takes in the next n elements, 1 to 512, dense and of dtype. */
typedef int (*br_accumulate_function)(void *state, const void *elements, br_dtype dtype, int64_t n,
                                      const void *data);
/* left := left and then right, whose elements come after left's. */
typedef int (*br_merge_function)(void *left, const void *right, const void *data);
/* Writes the result of n >= 0 elements: one element of .dtype, or .width of them. */
typedef int (*br_finish_function)(const void *state, int64_t n, void *result, const void *data);

/* br_reduction - a reduction over some axes by functions of the user's.
 *
 * x            any shape and dtype
 * .axis        BR_AXES(...), distinct, negative ones count from the last; none given means all;
 *              BR_NO_AXES means none: each element is reduced by itself
 * .keepdims    true leaves the reduced axes with extent 1
 * .state_bytes bytes of a state, 1 to BR_MAX_STATE_BYTES
 * .init        may be left out: a state of zeros stands for no elements
 * .accumulate, .merge, .finish  needed
 * .dtype       of the result, x's by default
 * .width       elements of one result, along a new last axis: .width = 16 for counts of 16 classes;
 *              0, the default, is one element and no axis
 * .data        passed to the functions; with .data_bytes the bytes are copied now and travel to
 *              other ranks, at most 1 GiB; without it the bare pointer is passed, which several
 *              ranks refuse with BR_EARG. The functions travel as in br_map
 * .name        for messages and br_print, at most 31 bytes; that of accumulate by default
 * Returns a lazy array in x's context. Fused with the elementwise expression below it: elements are
 * computed in the cache and handed over from there. An element of an empty axis's reduction is the
 * finish of the first state with n = 0.
 *
 * Order   elements of one result count in C order of the reduced axes, and the functions see them
 *         in this order: accumulate in runs, merge with neighbours, left and right. So merge need
 *         not be commutative, and a state that counts its elements knows their positions.
 *         How they are grouped depends on x's shape and chunks alone. A task takes the reduced axes
 *         from the last backwards, up to and with the first that is cut into chunks. A chunk's
 *         elements of one result along them go into one state. accumulate gets runs of at most 512
 *         of them, of 128 if x's last axis is kept, cut from the chunk's start: as many whole last
 *         axes as fit, the next one in runs of the largest power of two that fits. States are then
 *         merged along each axis by the aligned tree (docs/architecture.md, "Same bits"). So the
 *         bits are the same for every scheduler, thread and rank count, if the functions depend on
 *         their arguments alone.
 * Errors  BR_EARG (functions NULL, bad .state_bytes, .width, .data or .name, functions in a module
 *         without a build-id under MPI), BR_EAXIS, BR_ETYPE; when run BR_EUSER with the name of the
 *         function, what it returned, the result's chunk and, from accumulate, x's.
 * Cost    one pass over x and a call for at most 512 elements; one state for each element of the
 *         result is held by every task and travels between tasks.
 */
typedef struct br_reduction_args {
    br_place at;
    br_array *x;
    br_axes axis;
    bool keepdims;
    size_t state_bytes;
    br_init_function init;
    br_accumulate_function accumulate;
    br_merge_function merge;
    br_finish_function finish;
    br_dtype dtype;
    const void *data;
    size_t data_bytes;
    const char *name;
    int64_t width;
} br_reduction_args;
BR_API br_array *br_reduction_(br_reduction_args args);

#ifndef __cplusplus
#define br_reduction(...)                                                                          \
    br_reduction_((br_reduction_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
