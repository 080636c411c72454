/* SPDX-License-Identifier: BSD-3-Clause
 * program.h - block programs: straight-line elementwise code run over cache-sized blocks of a box.
 *
 * A program is built once for a stage of a plan and then run by many tasks at a time on different
 * boxes; after bri_program_seal() it is immutable. It knows pointers, strides and counts only: no
 * chunks, no threads, no contexts. Values are in single assignment form; the registers they live
 * in, a block of elements each, are chosen by linear scan when the program is sealed.
 *
 * Where C leaves a value open: integers wrap round, dividing them by zero gives 0, INT_MIN / -1 is
 * INT_MIN; an integer to a negative power is 0 unless it is 1 or -1; floor_divide rounds down and
 * remainder has the divisor's sign (Python); shifts by less than 0 or more than all bits shift all
 * out; adding bools is or, multiplying them and; minimum, maximum, min and max pass on a NaN;
 * floats beyond an integer's range convert to what x86's instructions make of them, on every
 * processor.
 */
#ifndef BRI_PROGRAM_H
#define BRI_PROGRAM_H

#include "runtime/dtype.h"

enum {
    BRI_BLOCK = 1024,     /* elements a register holds at most */
    BRI_LANE_BLOCK = 512, /* elements of the fixed reduction block along the last axis */
    BRI_ROW_BLOCK = 16,   /* rows of the fixed reduction block along any other axis */
    BRI_PLANES = 3,       /* parts of a reduction's state at most */
};

/* Operations; the rows of ops.def in order. */
typedef enum bri_opcode {
#define BRI_OP(NAME, ...) BRI_OP_##NAME,
#include "array/kernels/ops.def"
    BRI_NOPS
} bri_opcode;

typedef struct bri_op_info {
    const char *name;     /* as in the API, "add" */
    int arity;            /* 1, 2 or 3 */
    const char *kinds;    /* dtype kinds it is defined for, a subset of "biufc" */
    const char *promotes; /* kinds that are first promoted to float64 (sqrt of integers), else "" */
    char result;          /* 's' same as the operands, 'b' bool, 'r' real part's dtype, 'c' that of
                             such parts together */
    int cost;             /* of an element of float64, else int64, in additions */
} bri_op_info;
extern const bri_op_info bri_ops[BRI_NOPS];

/* Of operands that have been promoted. */
br_dtype bri_op_result(bri_opcode op, br_dtype operand);

/* Reductions; the rows of reductions.def in order. */
typedef enum bri_redop {
#define BRI_REDUCTION(NAME, ...) BRI_RED_##NAME,
#include "array/kernels/reductions.def"
#undef BRI_REDUCTION
    BRI_NREDS
} bri_redop;

/* Distributions of random values; the rows of distributions.def in order. */
typedef enum bri_distribution {
#define BRI_DISTRIBUTION(NAME, ...) BRI_DISTRIBUTION_##NAME,
#include "array/kernels/distributions.def"
#undef BRI_DISTRIBUTION
    BRI_NDISTRIBUTIONS
} bri_distribution;

enum { BRI_RANDOM_STREAM_BITS = 48 };

/* What random values are made of, beside the index of each. */
typedef struct bri_random {
    uint64_t seed;
    uint64_t stream; /* of BRI_RANDOM_STREAM_BITS bits */
    union {
        double f;
        uint64_t u; /* of integers: low, wrapped round, and the span, 0 for 2^64 */
    } parameter[2]; /* as distributions.def says */
} bri_random;

/* An element's number: first plus, for each axis, step times the box's absolute index. */
typedef struct bri_numbering {
    int64_t first, step[BR_MAX_NDIM];
} bri_numbering;

typedef struct bri_program bri_program;

/* ---- building: each returns a value number >= 0, or -1 when memory ran out ---- */

bri_program *bri_program_new(void);
void bri_program_free(bri_program *p);
int bri_program_input(bri_program *p, br_dtype dtype); /* the next input slot */
int bri_program_constant(bri_program *p, br_dtype dtype, const void *value);
/* start + step * index[axis] of the box's absolute index, computed in int64 for integer dtypes
 * (given as istart, istep) and in double for floating ones; every element by itself, so it does not
 * depend on blocks. */
int bri_program_iota(bri_program *p, br_dtype dtype, int axis, const void *start, const void *step);
int bri_program_cast(bri_program *p, br_dtype to, int a); /* C conversion; to bool is != 0 */
/* Operands have the same dtype (for WHERE: a is bool, b and c the same); b, c = -1 when unused.
 * Operands of a kind in the operation's `promotes` are converted to float64 first. Equal values are
 * built once and share a number. */
int bri_program_op(bri_program *p, bri_opcode op, int a, int b, int c);
/* out = fn(x, data) on every element; operand and result are float64. */
int bri_program_call(bri_program *p, double (*fn)(double, const void *), const void *data, int a);
int bri_program_call2(bri_program *p, double (*fn)(double, double, const void *), const void *data,
                      int a, int b);
/* Elements of a random stream by their numbers; floating distributions have floating dtypes,
 * INTEGERS any integer one. They depend on number, `random` and dtype only; normal and exponential
 * ones may have other last digits on x86-64-v2. */
int bri_program_random(bri_program *p, bri_distribution distribution, br_dtype dtype,
                       const bri_random *random, const bri_numbering *numbering);
br_dtype bri_program_dtype(const bri_program *p, int value);
int bri_program_ninputs(const bri_program *p);
/* Is the value worked out, rather than read, constant or counted up? */
bool bri_program_computes(const bri_program *p, int value);
/* Does it call functions of the user's? */
bool bri_program_calls(const bri_program *p);

/* Ends the program: the result is stored ... */
br_status bri_program_seal_store(bri_program *p, int value);
/* ... or reduced along one axis of the box into states (below). */
br_status bri_program_seal_reduce(bri_program *p, int value, bri_redop op);

/* Bytes of scratch that a run needs for any box (a constant of the program, below 1 MiB). */
size_t bri_program_scratch(const bri_program *p);

/* ---- running ---- */

typedef struct bri_view {
    char *base;                  /* the element at the box's first index */
    int64_t stride[BR_MAX_NDIM]; /* bytes from one index to the next per box axis; 0 broadcasts;
                                    negative is fine */
} bri_view;

typedef struct bri_box {
    int ndim;
    int64_t extent[BR_MAX_NDIM]; /* any may be 0 or 1 */
    int64_t origin[BR_MAX_NDIM]; /* absolute index of the box's first element, for iota */
    const bri_view *
        inputs; /* one for each input slot; any alignment that suits the dtype's elements or less */
    bri_view out; /* store: where the result goes, any strides (writing is dense when they are C
                     order) */
    int axis;     /* reduce: the axis of the box that is reduced */
    void *state;  /* reduce: planes one after the other, each C order over the box without `axis` */
    char *const *planes; /* reduce: where each of the planes stands instead, or NULL */
    void *scratch;       /* bri_program_scratch() bytes, 64-byte aligned, this thread's own */
} bri_box;

/* Runs over the box. The result does not depend on how loops are blocked or vectorised inside. */
void bri_program_run(const bri_program *p, const bri_box *box);

/* ---- reduction states ----
 *
 * A state of a reduction over n >= 0 elements is one to three planes of bri_state_dtype() values:
 * sum and prod of float32 in float64, of complex64 in complex128, of integers in int64/uint64; var:
 * mean and M2, both in float64 (M2 real, the mean complex128 in a plane as wide for complex data),
 * nanvar also the count of what is no NaN; min and max in the dtype itself; argmin the index from
 * the state's first element on and the value, widened, so that merging moves the right one's index
 * by what the left one covers; logsumexp the largest element and the sum of exp(x - largest).
 * Order, the same for every ISA, thread count and blocking: along the last axis of the box, blocks
 * of BRI_LANE_BLOCK elements counted from the box's start are summed in 32 lanes (element i into
 * lane i % 32) and a halving tree over the lanes; along any other axis blocks of BRI_ROW_BLOCK rows
 * are summed as ((r0+r1)+(r2+r3)) + ... row group by row group in order; block states are merged by
 * the aligned binary tree (a node's left part is the largest power of two of blocks below its
 * size). Elements are widened to the state's dtype as they are read, so a block of float32 neither
 * overflows nor loses digits. Sums and products of integers wrap round, and so does the sum behind
 * an integer mean.
 */
int bri_state_planes(bri_redop op);
/* The dtype that a letter of reductions.def means for an operand of dtype x: 's' x itself, 'b'
 * bool, 'i' int64, 'd' float64; 'w' x's wide one, 'W' that for bool and integers and x for others;
 * 'm' a mean's (float64 for bool and integers), 'M' the same as wide, 'v' the real part's of 'm',
 * 'V' 'M' for all but real floats. */
br_dtype bri_reduction_dtype(char rule, br_dtype x);
br_dtype bri_state_dtype(bri_redop op, br_dtype operand, int plane);
size_t bri_state_bytes(bri_redop op, br_dtype operand); /* of one element's state, all planes */

/* a := merge(a, b), elementwise over `count` states; each a covers na elements, each b nb. a is
 * left of b. Planes of a state array of `count` states stand one after the other. */
void bri_state_merge(bri_redop op, br_dtype operand, int64_t count, void *a, int64_t na,
                     const void *b, int64_t nb);

/* Reduces a state array seen as [outer][n][inner] along its middle axis by the aligned tree into
 * out, [outer][inner]; each state covers `each` elements. in is destroyed; in and out do not
 * overlap. n >= 1. */
void bri_state_reduce(bri_redop op, br_dtype operand, int64_t outer, int64_t n, int64_t inner,
                      int64_t each, void *in, void *out);

/* States of nothing: the identity (0, 1, false, ...); min and max have none, so callers refuse
 * empty ones before. */
void bri_state_empty(bri_redop op, br_dtype operand, int64_t count, void *state);

/* Turns `count` states over n elements each into results of dtype `to`, densely at out. correction
 * is for var and std. BR_EARG where elements have no result (nanargmin of NaNs only). */
br_status bri_state_finish(bri_redop op, br_dtype operand, int64_t count, const void *state,
                           int64_t n, double correction, br_dtype to, void *out);

/* ---- copies ---- */

/* Copies a box of elements of `size` bytes between two strided places (no conversion); tiles
 * transposes. */
void bri_copy_box(int ndim, const int64_t *extent, size_t size, char *to, const int64_t *to_stride,
                  const char *from, const int64_t *from_stride);

/* How many of n bytes of a mask are not 0. */
int64_t bri_count_true(const unsigned char *mask, int64_t n);
/* Of n dense elements of `size` bytes those whose byte of the mask is not 0, of which there are
 * `kept`, one after the other. */
void bri_pick(size_t size, const unsigned char *mask, int64_t n, int64_t kept, const char *from,
              char *to);

/* Converts n dense elements. */
void bri_convert(br_dtype to, void *out, br_dtype from, const void *in, int64_t n);

/* ---- instruction sets ---- */

/* Chooses the kernels: NULL or "" picks the best the CPU has; returns BR_ECONFIG listing the
 * choices for a bad or unavailable name. Called once by br_open before any program is built. Names:
 * x86-64-v2, -v3, -v4; aarch64. */
br_status bri_kernels_init(const char *isa);
const char *bri_kernels_isa(void);

#endif
