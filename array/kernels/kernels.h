/* SPDX-License-Identifier: BSD-3-Clause
 * kernels.h - the table of vector loops that bri_kernels_init() fills for one instruction set.
 *
 * Everything behind these pointers is compiled once per instruction set from the same templates
 * (*.inc). Whoever builds a program takes pointers out of the table; nothing else asks for the ISA.
 */
#ifndef BRI_KERNELS_H
#define BRI_KERNELS_H

#include "array/kernels/program.h"

/* An elementwise loop over n elements; d may be the same place as an operand of the same size. */
typedef void bri_kernel(size_t n, void *d, const void *a, const void *b, const void *c);

/* Which operands are one element for all, as bits: 1 the first, 2 the second, ... For WHERE the
 * bits are those of its second and third operand; a mask is always a vector. Rare operations have
 * the first form only. */
enum { BRI_NFORMS = 4 };

/* The planes of a state array, the rest of them empty. */
typedef struct bri_planes {
    char *p[BRI_PLANES];
} bri_planes;

/* Bytes that one state has in each plane. */
typedef struct bri_plane_sizes {
    size_t size[BRI_PLANES];
} bri_plane_sizes;

bri_plane_sizes bri_state_sizes(bri_redop op, br_dtype operand);
/* The planes of `count` states from `state` on, one after the other. */
bri_planes bri_planes_of(const bri_plane_sizes *sizes, int64_t count, const void *state);
/* The same planes from the i-th state on. */
bri_planes bri_planes_at(const bri_plane_sizes *sizes, bri_planes s, int64_t i);

/* The loops of one reduction on one dtype. */
typedef struct bri_reducer {
    /* Each of `rows` rows of n elements, row_stride bytes apart, into ceil(n / BRI_LANE_BLOCK)
     * block states. */
    void (*lanes)(int64_t rows, int64_t n, ptrdiff_t row_stride, const char *in, bri_planes out);
    /* At most BRI_ROW_BLOCK rows of dense elements, row_stride bytes apart, into one block state a
     * column. */
    void (*fold)(int64_t rows, int64_t cols, ptrdiff_t row_stride, const char *in, bri_planes out);
    void (*merge)(int64_t count, bri_planes a, int64_t na, bri_planes b, int64_t nb);
    /* n groups of `inner` states by the aligned tree into the first group; a group covers `each`
     * elements but the last, which ends at `total`. */
    void (*tree)(int64_t n, int64_t inner, bri_planes s, int64_t each, int64_t total);
    void (*empty)(int64_t count, bri_planes out);
} bri_reducer;

/* Superinstructions; the rows of pairs.def in order. */
typedef enum bri_pair {
#define BRI_PAIR(NAME, ...) BRI_PAIR_##NAME,
#define BRI_TRIPLE(NAME, ...)
#include "array/kernels/pairs.def"
#undef BRI_PAIR
#undef BRI_TRIPLE
    BRI_NPAIRS,
    BRI_PAIR_LAST = BRI_NPAIRS - 1, /* triples are numbered behind */
#define BRI_PAIR(NAME, ...)
#define BRI_TRIPLE(NAME, ...) BRI_PAIR_##NAME,
#include "array/kernels/pairs.def"
#undef BRI_PAIR
#undef BRI_TRIPLE
    BRI_PAIR_HORNER, /* (x*y + z[0])*y + z[1]: two of MULTIPLY_ADD */
    BRI_NSUPERS
} bri_pair;

/* As BRI_NFORMS, of three operands that are not all one element. */
enum { BRI_NPAIR_FORMS = 7 };

/* The ends of programs that sums take into their loop; the rows of tails.def in order. */
typedef enum bri_tail {
#define BRI_TAIL(NAME, ...) BRI_TAIL_##NAME,
#include "array/kernels/tails.def"
#undef BRI_TAIL
    BRI_NTAILS
} bri_tail;

/* Each of `rows` rows of n values made of x and y, dense and one row after the other, into
 * ceil(n / BRI_LANE_BLOCK) block states of a sum. Forms as BRI_NFORMS, but for two scalars. */
enum { BRI_NTAIL_FORMS = 3 };
typedef void bri_tail_sum(int64_t rows, int64_t n, const void *x, const void *y, void *states);

/* A strided place in memory of two axes: i the slow one, j the fast one. */
typedef struct bri_plane2 {
    char *base;
    int64_t si, sj;
} bri_plane2;

/* Moves of elements of one size; places may have any alignment. */
typedef struct bri_mover {
    void (*fill)(int64_t n, void *to, const void *value);
    void (*copy)(int64_t n, char *to, int64_t to_stride, const char *from, int64_t from_stride);
    void (*copy2)(int64_t ni, int64_t nj, bri_plane2 to, bri_plane2 from);
    /* Each of n elements `count` times in a row, dense. */
    void (*repeat)(int64_t n, int64_t count, char *to, const char *from, int64_t from_stride);
} bri_mover;

/* Indices first, first + step, ... */
typedef struct bri_walk {
    int64_t first, step;
} bri_walk;

/* The elements of a stream (philox.h) at n <= BRI_BLOCK indices. */
typedef void bri_random_kernel(const bri_random *r, bri_walk walk, size_t n, void *out);

/* c += a b: n[0] rows, n[1] columns, n[2] elements along the inner axis; lda and ldb are elements
 * from row to row, c is dense. */
typedef void bri_matrix_kernel(const int64_t n[3], const void *a, int64_t lda, const void *b,
                               int64_t ldb, void *c);

typedef struct bri_kernels {
    bri_kernel *op[BRI_NOPS][BR_NDTYPE][BRI_NFORMS];
    bri_kernel *cast[BR_NDTYPE][BR_NDTYPE]; /* from, to */
    bri_kernel *pair[BRI_NSUPERS][BR_NDTYPE][BRI_NPAIR_FORMS];
    bri_reducer reduce[BRI_NREDS][BR_NDTYPE];
    bri_tail_sum *tail[BRI_NTAILS][BR_NDTYPE][BRI_NTAIL_FORMS];
    bri_mover move[5]; /* by log2 of the element's size */
    bri_random_kernel *random[BRI_NDISTRIBUTIONS][BR_NDTYPE];
    bri_matrix_kernel *matrix[BR_NDTYPE]; /* of bool and the integers */
    /* One block of Philox4x32-10: key, counter as its upper and lower half, both halves of it. */
    void (*philox)(uint64_t key, uint64_t high, uint64_t low, uint64_t word[2]);
} bri_kernels;

/* The chosen table; constant from bri_kernels_init() on. */
extern bri_kernels bri_kernel_table;

/* What elements are converted to before they are reduced: rare pairs of a reduction and a dtype
 * have no loops of their own, and the states are the same. */
br_dtype bri_reduced_dtype(bri_redop op, br_dtype dtype);

static inline const bri_mover *bri_mover_of(size_t size)
{
    return &bri_kernel_table.move[__builtin_ctzll(size)];
}

#endif
