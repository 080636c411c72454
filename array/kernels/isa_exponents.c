/* SPDX-License-Identifier: BSD-3-Clause
 * isa_exponents.c - log(sum(exp(x))) in one pass, for one instruction set.
 *
 * A state is the largest element and the sum of exp(x - largest) of a block, from the loops of max,
 * exp and sum in the table. Where the largest one is no number to subtract (infinite or NaN), 0 is
 * subtracted instead, and exp's own infinities, zeros and NaNs come out right.
 */
#include <math.h>
#include <string.h>

#include "array/kernels/isa.h"

void BRI_ISA_NAME(exponents)(bri_kernels *table);

enum { COLS = 64 };

BRI_ALWAYS_INLINE double shift_of(double most)
{
    return most - most == 0 ? most : 0;
}

static void exponentials(int64_t n, double *x)
{
    bri_kernel_table.op[BRI_OP_EXP][BR_FLOAT64][0]((size_t)n, x, x, NULL, NULL);
}

static const bri_reducer *real(bri_redop op)
{
    return &bri_kernel_table.reduce[op][BR_FLOAT64];
}

static void logsumexp_lanes(int64_t rows, int64_t n, ptrdiff_t row_stride, const char *in,
                            bri_planes out)
{
    double e[BRI_LANE_BLOCK];
    double *most = (double *)out.p[0];
    double *sum = (double *)out.p[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < n; i += BRI_LANE_BLOCK) {
            const double *x = (const double *)(in + r * row_stride) + i;
            int64_t m = n - i < BRI_LANE_BLOCK ? n - i : BRI_LANE_BLOCK;
            real(BRI_RED_MAX)->lanes(1, m, 0, (const char *)x, (bri_planes){{(char *)most}});
            double shift = shift_of(*most++);
            for (int64_t k = 0; k < m; k++)
                e[k] = x[k] - shift;
            exponentials(m, e);
            real(BRI_RED_SUM)->lanes(1, m, 0, (char *)e, (bri_planes){{(char *)sum++}});
        }
}

static bri_planes logsumexp_at(bri_planes s, int64_t i)
{
    s.p[0] += i * (int64_t)sizeof(double);
    s.p[1] += i * (int64_t)sizeof(double);
    return s;
}

static void fold_some(int64_t rows, int64_t cols, ptrdiff_t row_stride, const char *in,
                      bri_planes out)
{
    double e[BRI_ROW_BLOCK * COLS];
    const double *most = (const double *)out.p[0];
    real(BRI_RED_MAX)->fold(rows, cols, row_stride, in, out);
    for (int64_t r = 0; r < rows; r++) {
        const double *x = (const double *)(in + r * row_stride);
        for (int64_t c = 0; c < cols; c++)
            e[r * cols + c] = x[c] - shift_of(most[c]);
    }
    exponentials(rows * cols, e);
    real(BRI_RED_SUM)
        ->fold(rows, cols, cols * (ptrdiff_t)sizeof(double), (char *)e, (bri_planes){{out.p[1]}});
}

static void logsumexp_fold(int64_t rows, int64_t cols, ptrdiff_t row_stride, const char *in,
                           bri_planes out)
{
    for (int64_t c = 0; c < cols; c += COLS)
        fold_some(rows, cols - c < COLS ? cols - c : COLS, row_stride,
                  in + (size_t)c * sizeof(double), logsumexp_at(out, c));
}

static void merge_some(int64_t n, bri_planes a, bri_planes b)
{
    double ea[COLS];
    double eb[COLS];
    double *xa = (double *)a.p[0];
    double *sa = (double *)a.p[1];
    const double *xb = (const double *)b.p[0];
    const double *sb = (const double *)b.p[1];
    for (int64_t i = 0; i < n; i++) {
        const double larger = xa[i] > xb[i] ? xa[i] : xb[i];
        const double most = xa[i] != xa[i] ? xa[i] : larger;
        ea[i] = xa[i] - shift_of(most);
        eb[i] = xb[i] - shift_of(most);
        xa[i] = most;
    }
    exponentials(n, ea);
    exponentials(n, eb);
    for (int64_t i = 0; i < n; i++)
        sa[i] = sa[i] * ea[i] + sb[i] * eb[i];
}

static void logsumexp_merge(int64_t count, bri_planes a, int64_t na, bri_planes b, int64_t nb)
{
    (void)na, (void)nb;
    for (int64_t i = 0; i < count; i += COLS)
        merge_some(count - i < COLS ? count - i : COLS, logsumexp_at(a, i), logsumexp_at(b, i));
}

static void logsumexp_empty(int64_t count, bri_planes out)
{
    double *most = (double *)out.p[0];
    for (int64_t i = 0; i < count; i++)
        most[i] = -INFINITY;
    memset(out.p[1], 0, (size_t)count * sizeof(double));
}

#define S(name) logsumexp_##name
#include "array/kernels/tree.inc"

static const bri_reducer logsumexp_reducer = {logsumexp_lanes, logsumexp_fold, logsumexp_merge,
                                              logsumexp_tree, logsumexp_empty};

void BRI_ISA_NAME(exponents)(bri_kernels *table)
{
    for (int d = BR_NO_DTYPE + 1; d < BR_NDTYPE; d++) {
        bri_reducer *k = &table->reduce[BRI_RED_LOGSUMEXP][d];
        *k = logsumexp_reducer;
        if (bri_reduced_dtype(BRI_RED_LOGSUMEXP, (br_dtype)d) != (br_dtype)d)
            k->lanes = k->fold = NULL;
    }
}
