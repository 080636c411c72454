/* SPDX-License-Identifier: BSD-3-Clause
 * table.c - all operations, in the order of their numbers on the wire.
 */
#include "array/ops/ops.h"

const bri_op *const bri_op_table[] = {
    &bri_op_memory,        &bri_op_full,       &bri_op_iota,         &bri_op_linspace,
    &bri_op_hdf5,          &bri_op_persisted,  &bri_op_elementwise,  &bri_op_astype,
    &bri_op_map,           &bri_op_map_blocks, &bri_op_reduce,       &bri_op_matmul,
    &bri_op_index,         &bri_op_permute,    &bri_op_broadcast,    &bri_op_rechunk,
    &bri_op_reshape,       &bri_op_random,     &bri_op_map2,         &bri_op_reduction,
    &bri_op_full_like,     &bri_op_eye,        &bri_op_tri,          &bri_op_indices,
    &bri_op_concat,        &bri_op_npy,        &bri_op_fromfunction, &bri_op_from_blocks,
    &bri_op_diagonal,      &bri_op_positions,  &bri_op_positions_of, &bri_op_count_true,
    &bri_op_compress,      &bri_op_picked,     &bri_op_take_along,   &bri_op_put_along,
    &bri_op_take,          &bri_op_gather,     &bri_op_assign,       &bri_op_repeat,
    &bri_op_repeat_counts, &bri_op_blockwise,  &bri_op_gufunc,       &bri_op_along_axis,
    &bri_op_map_overlap,   &bri_op_windows,    &bri_op_convolve,     &bri_op_raw,
    &bri_op_futures,       &bri_op_results,
};
const int bri_op_count = (int)(sizeof bri_op_table / sizeof bri_op_table[0]);
