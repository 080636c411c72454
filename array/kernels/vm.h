/* SPDX-License-Identifier: BSD-3-Clause
 * vm.h - the inside of a block program: its values, its code once sealed, and how a range is
 * evaluated.
 */
#ifndef BRI_VM_H
#define BRI_VM_H

#include "array/kernels/kernels.h"

typedef enum bri_value_kind {
    BRI_VALUE_INPUT,
    BRI_VALUE_CONSTANT,
    BRI_VALUE_IOTA,
    BRI_VALUE_CAST,
    BRI_VALUE_OP,
    BRI_VALUE_PAIR, /* made by sealing of two operations */
    BRI_VALUE_CALL,
    BRI_VALUE_RANDOM,
} bri_value_kind;

/* A function of the user's on the elements of one value, or of two. */
typedef union bri_user_function {
    double (*of1)(double a, const void *data);
    double (*of2)(double a, double b, const void *data);
} bri_user_function;

typedef struct bri_value {
    bri_value_kind kind;
    br_dtype dtype;
    bri_opcode op; /* BRI_VALUE_OP */
    int arg[3];    /* earlier values, -1 when unused */
    int slot;      /* which input; the axis of an iota; which bri_pair */
    bri_user_function fn;
    const void *data;               /* of fn; random: a bri_drawing of its own */
    _Alignas(16) char constant[16]; /* BRI_VALUE_CONSTANT; two for BRI_PAIR_HORNER */
    _Alignas(8) char start[8];      /* iota: int64 or double, as its dtype says */
    _Alignas(8) char step[8];
} bri_value;

/* What a random value is made of. */
typedef struct bri_drawing {
    bri_distribution distribution;
    bri_random random;
    bri_numbering numbering;
} bri_drawing;

typedef enum bri_code {
    BRI_CODE_LOAD,  /* makes an input ready for this block: in place, as a scalar or gathered */
    BRI_CODE_INDEX, /* makes an iota's elements */
    BRI_CODE_RANDOM,
    BRI_CODE_KERNEL,
    BRI_CODE_PAIR,
    BRI_CODE_WHERE,
    BRI_CODE_CALL,
} bri_code;

typedef struct bri_instruction {
    bri_code code;
    int value;  /* the result */
    int reg;    /* where it goes unless it is the last */
    int source; /* LOAD, INDEX and RANDOM: which source */
    int nargs;
    int arg[3]; /* values */
    bri_kernel *form[BRI_NPAIR_FORMS];
} bri_instruction;

struct bri_program {
    bri_value *values;
    int nvalues;
    int capacity;
    int ninputs;
    bool failed; /* memory ran out while building */

    /* Set by sealing. */
    bri_instruction *code;
    int ncode;
    int nsources;
    int result;
    int nregs;
    size_t reg_bytes; /* room for a block of the widest value */
    int64_t block;    /* elements evaluated at a time, at most BRI_BLOCK */
    size_t scratch;
    bool reduces;
    bri_redop redop;
    bri_tail_sum *const *tail; /* a sum along the last axis that replaces the last ntail
                                  instructions, by form */
    int ntail;
};

/* A strided source of a run: an input, or an iota or random value whose "address" is a number. */
typedef struct bri_source {
    const bri_value *value;
    char *base;
    int64_t first; /* iota, random: the number of the box's first element */
    int64_t stride[BR_MAX_NDIM];
    int64_t dense; /* elements that stand one after the other, aligned to this number; 0 for none;
                      random: whose numbers are as far apart as along the last axis */
    int64_t still; /* as dense, of elements that are all the same one */
    char *panel;   /* rows of a tile gathered beforehand, or NULL */
} bri_source;

typedef struct bri_operand {
    const char *p;
    bool scalar;
} bri_operand;

/* A run of a program over a box whose axes have been merged where possible. */
typedef struct bri_run {
    const bri_program *p;
    int ndim; /* at least 1 */
    int64_t extent[BR_MAX_NDIM];
    bri_view out; /* store: strides of the merged axes */
    int axis;     /* reduce: the merged axis that is reduced, never merged itself */
    bri_source *sources;
    bri_operand *operands; /* by value */
    char *registers;
    char *spare; /* a block of the widest elements, in use during one instruction only */
    char *panels;
    char *rows;              /* evaluated elements waiting to be reduced or scattered */
    char *states;            /* a reduction tree under construction */
    int panel_axis;          /* the axis of a tile's rows; -1 when nothing is tiled */
    int64_t panel_rows;      /* of a tile, a multiple of 8 */
    int64_t panel_origin[2]; /* the tile's first index along panel_axis and the last axis */
} bri_run;

enum {
    BRI_PANEL_ROWS = 64, /* of elements up to 8 bytes */
    BRI_PANEL_COLS = 512,
    BRI_PANEL_STRIDE =
        520, /* elements from row to row; not a power of two, so rows spread over the cache sets */
    BRI_PANEL_BYTES = BRI_PANEL_ROWS * BRI_PANEL_STRIDE * 8, /* of one */
    BRI_PANELS = 2, /* transposed inputs that get one; further ones are gathered row by row */
    BRI_SCRATCH_REGISTERS =
        256 * 1024,        /* registers use no more; with too many of them blocks get shorter */
    BRI_ROW_BUFFER = 4096, /* elements of evaluated rows that wait to be reduced */
    BRI_STATES = 8192,     /* states of a tree under construction */
};

/* Makes superinstructions of the values, which uses[] counts the readers of. */
void bri_pairs_fuse(bri_program *p, int *uses);

/* Fits run to the box: sources, merged axes; box extents are all > 0. */
void bri_run_init(bri_run *run, const bri_program *p, const bri_box *box);

/* Evaluates n elements in C order from index idx on. Returns where they are: dense, at dst, or at
 * their place in an input's memory when the program is just that. */
const char *bri_run_eval(bri_run *run, const int64_t *idx, int64_t n, char *dst);

/* The same of `rows` rows of n elements each, reduced along the last axis by k into block states.
 */
void bri_run_lanes(bri_run *run, const bri_reducer *k, const int64_t *idx, int64_t rows, int64_t n,
                   bri_planes states);

/* Picks the axis whose rows should be tiled with the last one because an input runs fastest along
 * it. */
void bri_run_plan_panels(bri_run *run);
/* Gathers the panels of the tile of `rows` by `cols` elements at idx. */
void bri_run_fill_panels(bri_run *run, const int64_t *idx, int64_t rows, int64_t cols);

/* Steps idx to the next index where axis a goes in steps of step[a]; false after the last. */
bool bri_next_index(int ndim, const int64_t *extent, const int64_t *step, int64_t *idx);
/* The index of the flat-th element in C order. */
void bri_index_at(int ndim, const int64_t *extent, int64_t flat, int64_t *idx);

/* The places of a run's parts in its scratch, which begins at base; returns their bytes. */
size_t bri_run_layout(bri_run *run, const bri_program *p, char *base);

static inline size_t bri_size_of_result(const bri_program *p)
{
    return bri_dtypes[p->values[p->result].dtype].size;
}

void bri_run_store(bri_run *run);
void bri_run_reduce(bri_run *run, bri_planes states);

#endif
