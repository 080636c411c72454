/* SPDX-License-Identifier: BSD-3-Clause
 * reduction_boxes.h - reductions of boxes by block programs, for the unit tests of their
 * values and of their bits.
 */
#ifndef TEST_REDUCTION_BOXES_H
#define TEST_REDUCTION_BOXES_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/kernels/program.h"
#include "tests/random_bits.h"

/* Programs need less than this, whatever they do. */
static _Alignas(64) char scratch[1 << 20];

static inline int64_t size_of(br_dtype dtype)
{
    return (int64_t)bri_dtypes[dtype].size;
}

static inline bool integral(br_dtype dtype)
{
    return bri_kind(dtype) != 'f' && bri_kind(dtype) != 'c';
}

/* Small integers with products near 1, or reals in (-1, 1) around an offset. */
static inline void *random_array(br_dtype dtype, int64_t n, double offset)
{
    enum { SOME = 256 };
    char *x = malloc((size_t)n * 16 + 16);
    int64_t whole[SOME];
    double d[2 * SOME];
    bool pairs = bri_kind(dtype) == 'c';
    br_dtype from = integral(dtype) ? BR_INT64 : pairs ? BR_COMPLEX128 : BR_FLOAT64;
    for (int64_t i = 0; i < n; i += SOME) {
        for (int k = 0; k < SOME && integral(dtype); k++)
            whole[k] = dtype == BR_BOOL ? random_below(100) != 0 : random_below(251);
        for (int k = 0; k < 2 * SOME && !integral(dtype); k++)
            d[k] = offset + (double)random_below(1 << 30) / (1 << 29) - 1;
        bri_convert(dtype, x + i * size_of(dtype), from, integral(dtype) ? (void *)whole : d,
                    n - i < SOME ? n - i : SOME);
    }
    return x;
}

/* ---- running ---- */

/* A box of up to three axes over one input, [outer][n][inner] with axis the middle one, or
 * [outer][n]. */
typedef struct shape {
    int64_t outer, n, inner; /* inner 0: the reduced axis is the last */
} shape;

/* How the program is built over its input; every way gives the input's own values. */
typedef enum way { PLAIN, COMPUTED } way;

static inline bri_program *reduction(bri_redop op, br_dtype dtype, way how)
{
    bri_program *p = bri_program_new();
    int x = bri_program_input(p, dtype);
    if (how == COMPUTED) /* the same values, but not the input itself */
        x = bri_program_op(p, BRI_OP_WHERE, bri_program_op(p, BRI_OP_EQUAL, x, x, -1), x, x);
    if (bri_program_seal_reduce(p, x, op) != BR_OK || bri_program_scratch(p) > sizeof scratch)
        ck_abort_msg("cannot seal, or too much scratch");
    return p;
}

static inline int64_t nstates(shape s)
{
    return s.outer * (s.inner > 0 ? s.inner : 1);
}

static inline void *new_states(bri_redop op, br_dtype dtype, int64_t count)
{
    return malloc((size_t)count * bri_state_bytes(op, dtype) + 64);
}

/* Strides are those of the memory the view is of; states come back in C order. */
static inline void *run_view(const bri_program *p, bri_redop op, br_dtype dtype, shape s,
                             bri_view view)
{
    void *state = new_states(op, dtype, nstates(s));
    bri_box box = {.ndim = s.inner > 0 ? 3 : 2, .extent = {s.outer, s.n, s.inner}, .inputs = &view};
    box.axis = 1;
    box.state = state;
    box.scratch = scratch;
    bri_program_run(p, &box);
    return state;
}

static inline bri_view dense_view(br_dtype dtype, shape s, const void *x)
{
    int64_t size = size_of(dtype), inner = s.inner > 0 ? s.inner : 1;
    return (bri_view){(char *)x, {s.n * inner * size, inner * size, size}};
}

static inline void *run(bri_redop op, br_dtype dtype, shape s, way how, const void *x)
{
    bri_program *p = reduction(op, dtype, how);
    void *state = run_view(p, op, dtype, s, dense_view(dtype, s, x));
    bri_program_free(p);
    return state;
}

static inline void check_same_states(bri_redop op, br_dtype dtype, int64_t count, const void *a,
                                     const void *b, const char *what)
{
    size_t bytes = (size_t)count * bri_state_bytes(op, dtype);
    if (memcmp(a, b, bytes) != 0)
        ck_abort_msg("%s: reduction %d of %s has other bits", what, op, br_dtype_name(dtype));
}

static inline bool defined(bri_redop op, br_dtype dtype)
{
    static const char *const kinds[] = {
#define BRI_REDUCTION(NAME, name, kinds, ...) kinds,
#include "array/kernels/reductions.def"
#undef BRI_REDUCTION
    };
    return strchr(kinds[op], bri_kind(dtype)) != NULL;
}

#endif
