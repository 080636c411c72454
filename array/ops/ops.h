/* SPDX-License-Identifier: BSD-3-Clause
 * ops.h - the operations and the parameters of their nodes, as the planner and the wire format see
 * them.
 *
 * Parameters are compared as bytes, so structs are filled from zero (bri_zeroed) and have no
 * pointers into them.
 */
#ifndef BRI_OPS_H
#define BRI_OPS_H

#include <bramble/reduction.h>

#include <bramble/io.h>

#include "array/expr/handle.h"

extern const bri_op bri_op_memory, bri_op_full, bri_op_iota, bri_op_linspace, bri_op_hdf5,
    bri_op_persisted, bri_op_futures, bri_op_results;
extern const bri_op bri_op_blockwise, bri_op_gufunc, bri_op_along_axis;
extern const bri_op bri_op_fromfunction, bri_op_from_blocks, bri_op_diagonal;
extern const bri_op bri_op_npy, bri_op_full_like, bri_op_eye, bri_op_tri, bri_op_indices;
extern const bri_op bri_op_elementwise, bri_op_astype, bri_op_map, bri_op_map2, bri_op_map_blocks;
extern const bri_op bri_op_random, bri_op_raw;
extern const bri_op bri_op_take, bri_op_gather, bri_op_assign, bri_op_repeat_counts, bri_op_repeat,
    bri_op_take_along, bri_op_put_along;
extern const bri_op bri_op_reduce, bri_op_reduction, bri_op_matmul;
extern const bri_op bri_op_index, bri_op_permute, bri_op_broadcast, bri_op_rechunk, bri_op_reshape,
    bri_op_concat;
extern const bri_op bri_op_positions, bri_op_positions_of, bri_op_count_true, bri_op_compress,
    bri_op_picked;
extern const bri_op bri_op_map_overlap, bri_op_windows, bri_op_convolve;

/* Shape and chunks as they stand in the parameters of a source. */
typedef struct bri_layout {
    int32_t dtype;
    int32_t ndim;
    int64_t extent[BR_MAX_NDIM];
    int64_t chunk[BR_MAX_NDIM];
} bri_layout;

typedef struct bri_memory_params {
    bri_layout layout;
    const void *data;            /* on rank 0; NULL elsewhere */
    int64_t stride[BR_MAX_NDIM]; /* bytes */
} bri_memory_params;

/* The resource of a `results` node on rank 0: its chunks, which are results of futures that it
 * holds. Elsewhere there is none. */
typedef struct bri_results {
    size_t n;
    struct {
        struct br_future *future;
        const void *data;
    } chunk[];
} bri_results;

typedef struct bri_full_params {
    bri_layout layout;
    unsigned char value[16];
} bri_full_params;

/* A constant on the grid of another array. */
typedef struct bri_full_like_params {
    int32_t dtype;
    int32_t ndim;
    unsigned char value[16];
    int64_t word[]; /* of the axes (bri_axis_pack) */
} bri_full_like_params;

/* Of an array whose chunks lie somewhere: its grid. */
typedef struct bri_grid_params {
    int32_t dtype;
    int32_t ndim;
    int64_t word[]; /* of the axes (bri_axis_pack) */
} bri_grid_params;

typedef struct bri_diagonal_params {
    bri_layout layout;
    int64_t k; /* the diagonal; of indices: the axis */
} bri_diagonal_params;

typedef struct bri_iota_params {
    bri_layout layout;
    unsigned char start[8], step[8]; /* of the dtype's wide type: int64, uint64 or double */
} bri_iota_params;

typedef struct bri_random_params {
    bri_layout layout;
    int64_t distribution;
    bri_random random;
} bri_random_params;

/* Whether a source stands below what undoes its packing; for what is printed. */
typedef enum bri_unpacking { BRI_NOT_PACKED, BRI_UNPACKED, BRI_LEFT_PACKED } bri_unpacking;

/* A dataset; of an .npy file its name is empty, and axes are as they lie in the file. */
typedef struct bri_hdf5_params {
    bri_layout layout;
    uint64_t device, inode, bytes;
    int64_t mtime_ns;
    int64_t missing;              /* sources of a virtual dataset that rank 0 has not, */
    uint64_t absent;              /*  and which */
    int32_t unpacked;             /* a bri_unpacking: */
    int32_t nfiles, axis, parked; /* as of a bri_file_call (file.h), */
    int32_t untrusted;            /* and this, too */
    int32_t dataset_at, field_at; /* where the names of the dataset and the field start in names, */
    int32_t extents_at;           /*  and, of several files, the extent of each along the axis */
    char names[];                 /* paths, dataset, field ("" for none), all with their zeros */
} bri_hdf5_params;

typedef struct bri_persisted_params {
    int64_t id;
} bri_persisted_params;

typedef struct bri_elementwise_params {
    int32_t opcode;
    int32_t dtype; /* that operands are converted to before */
} bri_elementwise_params;

typedef struct bri_user_params {
    bri_function fn;
    const void *pointer; /* the caller's .data when no bytes were given */
    uint64_t scratch_bytes;
    int32_t dtype;
    int32_t cheap;
    bri_layout layout; /* of an array without inputs */
    uint64_t data_bytes, spec_bytes;
    _Alignas(16) unsigned char data[]; /* then the spec, at a multiple of 16 (user.h) */
} bri_user_params;

/* Bytes of .data that a call may copy; lengths on the wire have 32 bits. */
enum { BRI_MAX_USER_DATA = 1 << 30 };
br_status bri_check_user_data(const void *data, size_t bytes);
/* BR_EUSER: a function of the user's returned `code`. */
br_status bri_user_error(bri_function fn, int code);

typedef struct bri_reduce_params {
    int32_t redop;
    int32_t dtype; /* of the result */
    uint32_t axes; /* bit a: axis a is reduced */
    int32_t keepdims;
    int32_t
        may_be_empty; /* min and max: their empty state is enough, as more is compared with it */
    double correction;
} bri_reduce_params;

/* A reduction by the user's functions; the first member is what it has in common with others. */
typedef struct bri_reduction_params {
    bri_reduce_params reduce; /* without redop and correction */
    br_init_function init;    /* NULL: zeros */
    br_accumulate_function accumulate;
    br_merge_function merge;
    br_finish_function finish;
    const void *pointer; /* the caller's .data when no bytes were given */
    uint64_t state_bytes;
    int64_t width; /* elements of a result along a last axis of its own; 0: one, without an axis */
    uint64_t data_bytes;
    char name[32]; /* empty: accumulate's */
    _Alignas(16) unsigned char data[];
} bri_reduction_params;

/* Of operations along an axis that say nothing else. */
typedef struct bri_axis_params {
    int64_t axis;
} bri_axis_params;
/* `picked` axes of x from `first` on, in whose place stand the axes of the indices. */
typedef struct bri_take_params {
    int32_t first, picked;
    int32_t ndim;
    int32_t cells; /* the planner's: the table has the extents of the chunks instead of indices */
    int64_t extent[BR_MAX_NDIM];
} bri_take_params;

typedef struct bri_repeat_params {
    int32_t axis;
    int32_t unused;
    int64_t count;
} bri_repeat_params;

/* A product: how many indices there are of a batch, of a's other axes, of b's, and that are summed
 * over, in this order; and the index of each operand's axis. */
typedef struct bri_matmul_params {
    int32_t nbatch, nrow, ncolumn, ninner;
    int8_t index[2][BR_MAX_NDIM];
} bri_matmul_params;

typedef struct bri_concat_params {
    int64_t axis;
} bri_concat_params;

/* A view: extents of the result, then the map from it to the source. */
typedef struct bri_view_params {
    int32_t ndim, source_ndim;
    int64_t word[]; /* ndim extents, then source_ndim times axis, start, step */
} bri_view_params;

/* The first chunk of an axis lacks `before` elements: it begins so far inside one, as a region of a
 * dataset does. */
typedef struct bri_chunks_params {
    int32_t ndim;
    int64_t chunk[BR_MAX_NDIM], before[BR_MAX_NDIM];
} bri_chunks_params;

/* ---- helpers of the families ---- */

/* Nodes whose resource is a bri_h5_dataset, read in the tasks. */
static inline bool bri_is_file(const bri_op *op)
{
    return op == &bri_op_hdf5 || op == &bri_op_npy || op == &bri_op_raw;
}

/* The files of such a node: the first path, and how many stand one after the other behind it. */
const char *bri_file_paths(const bri_node *node, int *n);
const char *bri_raw_path(const bri_node *node);

/* Is it the other byte order than this machine's? */
bool bri_is_swapped(br_byte_order order);

/* What basic indexing of an array of this shape selects: a map from the result's axes to its, and
 * the result's extents. Errors: BR_EINDEX. */
br_status bri_index_resolve(const char *text, int ndim, const int64_t *shape, bri_map *map,
                            br_extents *result);

/* Fills layout from the caller's shape and chunks (automatic when not given). */
br_status bri_layout_set(bri_layout *layout, br_dtype dtype, const br_extents *shape,
                         const br_extents *chunks);
/* infer for sources. */
br_status bri_layout_infer(bri_node *node, const bri_layout *layout);
int bri_extents_ndim(const br_extents *e);

/* An array over a block of bri_malloc, in C order, which is the array's from now on, also when it
 * fails. */
br_array *bri_adopt_memory(bri_call *call, void *block, br_dtype dtype, const br_extents *shape,
                           const br_extents *chunks);

/* The node of a number as a 0-d constant of `dtype`; a new count. */
br_status bri_constant_node(br_context *ctx, br_number number, br_dtype dtype, br_place at,
                            bri_node **out);
/* BR_EARG when dtype is an integer one whose range n is not in (number.c). */
br_status bri_check_number(br_number n, br_dtype dtype);
/* Operand i of an operation in dtype: a number that dtype does not hold becomes one that it holds
 * if the operation has a meaning for it. Returns the operation to use instead. */
bri_opcode bri_fit_number(bri_opcode opcode, br_operand *operand, int i, br_dtype dtype);
/* Writes number as an element of dtype. */
void bri_number_store(br_number number, br_dtype dtype, void *out);
/* May every element of an array of dtype have this value? */
br_status bri_check_fill(br_number value, br_dtype dtype);
/* br_full under another name in messages. */
br_array *bri_full_as(bri_call *call, const br_full_args *args);
/* "0.5" or "1+2i" */
void bri_print_element(br_dtype dtype, const void *value, FILE *to);

/* Reads `.axis` into a mask; `what` an axis may be is below ndim. */
br_status bri_axes_mask(const br_axes *axes, int ndim, uint32_t *mask);

/* Common dtype, shape and chunks of inputs that broadcast together. */
br_status bri_broadcast_infer(bri_node *node);

/* Sets call->ctx from the operands' first array. NULL when the call may go on, else the failed
 * array to return: one of the operands, or the error of operands without an array or not given. */
br_array *bri_check_operands(bri_call *call, const br_operand *operands, int n);
/* The dtype operands are converted to: that of the arrays together, then the numbers weakly
 * (numbers alone start from bool). */
br_dtype bri_common_dtype(const br_operand *operands, int n);
br_dtype bri_common_array_dtype(br_array *const *x, int n);
/* An array as it is, a number as a 0-d constant of `dtype`: BR_EARG when that does not hold it. */
br_array *bri_operand_array(const bri_call *call, const br_operand *operand, br_dtype dtype);

/* An operation of ops.def on as many operands as its arity says; bri_elementwise_as under another
 * name in messages. The public functions are these. */
br_array *bri_elementwise(bri_opcode opcode, const br_operand *operands, br_place at);
br_array *bri_elementwise_as(const char *what, bri_opcode opcode, const br_operand *operands,
                             br_place at);

/* A function of the public interface that takes operands only, for expressions in text: those of
 * ops.def and what is composed of them. */
typedef struct bri_named {
    const char *name; /* as in the API without br_ */
    int arity;
    bri_opcode opcode; /* BRI_NOPS: none of ops.def */
    br_array *(*composed)(const br_operand *operands, br_place at);
} bri_named;

#define BRI_COMPOSED(name, arity)                                                                  \
    br_array *bri_composed_##name(const br_operand *operands, br_place at);
#include "array/ops/composed.def"
#undef BRI_COMPOSED

/* The function called so (length bytes, no closing zero needed), or NULL. */
const bri_named *bri_named_find(const char *name, size_t length);
br_array *bri_named_apply(const bri_named *function, const br_operand *operands, br_place at);

/* The node that takes what a table of indices names (take.c). */
br_status bri_gather_node(br_context *ctx, bri_node *x, const bri_take_params *params,
                          bri_table *table, br_place at, bri_node **out);

void bri_view_map(const bri_node *node, bri_map *map);
/* From a diagonal to its source: the last two axes move with the last one. */
void bri_diagonal_map(const bri_node *node, bri_map *map);
/* Emission of a view: its source's value, found through the view's map. */
int bri_view_emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values);
br_array *bri_rechunk(br_array *x, br_extents chunks, br_place at);
br_array *bri_view_array(const bri_call *call, const bri_op *op, br_array *x, const bri_axis *out,
                         int ndim, const bri_map *map);

#endif
