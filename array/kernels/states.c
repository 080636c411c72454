/* SPDX-License-Identifier: BSD-3-Clause
 * states.c - reduction states outside a run: their layout, merging, and what becomes of them.
 */
#include <math.h>
#include <string.h>

#include "array/kernels/kernels.h"

static bool is_var(bri_redop op)
{
    return op == BRI_RED_VAR || op == BRI_RED_STD;
}

int bri_state_planes(bri_redop op)
{
    return is_var(op) ? 2 : 1;
}

br_dtype bri_state_dtype(bri_redop op, br_dtype operand, int plane)
{
    switch (op) {
    case BRI_RED_VAR:
    case BRI_RED_STD:
        return plane == 0 && bri_kind(operand) == 'c' ? BR_COMPLEX128 : BR_FLOAT64;
    case BRI_RED_MIN:
    case BRI_RED_MAX:
        return operand;
    case BRI_RED_ANY:
    case BRI_RED_ALL:
        return BR_BOOL;
    default:
        return bri_dtypes[operand].wide;
    }
}

br_dtype bri_reduced_dtype(bri_redop op, br_dtype dtype)
{
    bool real = bri_kind(dtype) == 'f';
    switch (op) {
    case BRI_RED_ANY:
    case BRI_RED_ALL:
        return BR_BOOL;
    case BRI_RED_PROD:
        return bri_dtypes[dtype].wide;
    case BRI_RED_VAR:
    case BRI_RED_STD:
        return bri_kind(dtype) == 'c' ? BR_COMPLEX128 : real ? dtype : BR_FLOAT64;
    default:
        return dtype;
    }
}

size_t bri_state_bytes(bri_redop op, br_dtype operand)
{
    size_t bytes = 0;
    for (int k = 0; k < bri_state_planes(op); k++)
        bytes += bri_dtypes[bri_state_dtype(op, operand, k)].size;
    return bytes;
}

static bri_planes planes_of(bri_redop op, br_dtype operand, int64_t count, const void *state)
{
    char *first = (char *)state;
    size_t size = bri_dtypes[bri_state_dtype(op, operand, 0)].size;
    return (bri_planes){{first, first + (size_t)count * size}};
}

void bri_state_merge(bri_redop op, br_dtype operand, int64_t count, void *a, int64_t na,
                     const void *b, int64_t nb)
{
    if (count == 0 || nb == 0)
        return;
    if (na == 0) {
        memcpy(a, b, (size_t)count * bri_state_bytes(op, operand));
        return;
    }
    bri_kernel_table.reduce[op][operand].merge(count, planes_of(op, operand, count, a), na,
                                               planes_of(op, operand, count, b), nb);
}

void bri_state_reduce(bri_redop op, br_dtype operand, int64_t outer, int64_t n, int64_t inner,
                      int64_t each, void *in, void *out)
{
    bri_planes from = planes_of(op, operand, outer * n * inner, in);
    bri_planes to = planes_of(op, operand, outer * inner, out);
    for (int64_t o = 0; o < outer && inner > 0; o++) {
        bri_kernel_table.reduce[op][operand].tree(n, inner, from, each, n * each);
        for (int k = 0; k < bri_state_planes(op); k++) {
            size_t bytes = (size_t)inner * bri_dtypes[bri_state_dtype(op, operand, k)].size;
            memcpy(to.p[k], from.p[k], bytes);
            to.p[k] += bytes;
            from.p[k] += bytes * (size_t)n;
        }
    }
}

void bri_state_empty(bri_redop op, br_dtype operand, int64_t count, void *state)
{
    if (count > 0)
        bri_kernel_table.reduce[op][operand].empty(count, planes_of(op, operand, count, state));
}

/* What a state becomes before it is converted to the result's dtype. */
typedef struct finishing {
    bri_redop op;
    double n;
    double divisor; /* of M2, NaN where the variance is not defined */
} finishing;

static void finish_means(const finishing *f, br_dtype dtype, int64_t count, void *values)
{
    int64_t parts = dtype == BR_COMPLEX128 ? 2 : 1;
    double *x = values;
    for (int64_t i = 0; i < count * parts; i++)
        x[i] /= f->n;
}

static void finish_variances(const finishing *f, int64_t count, double *m2)
{
    for (int64_t i = 0; i < count; i++)
        m2[i] = f->op == BRI_RED_STD ? sqrt(m2[i] / f->divisor) : m2[i] / f->divisor;
}

enum { CHUNK = 256 };

/* At most CHUNK states of the plane at `from`, whose dtype is `dtype`. */
static void finish_chunk(const finishing *f, br_dtype dtype, int64_t count, const char *from,
                         br_dtype to, char *out)
{
    _Alignas(16) char values[CHUNK * 16];
    if (f->op == BRI_RED_MEAN) {
        br_dtype wide = bri_kind(dtype) == 'c' ? BR_COMPLEX128 : BR_FLOAT64;
        bri_convert(wide, values, dtype, from, count);
        finish_means(f, wide, count, values);
        bri_convert(to, out, wide, values, count);
    } else if (is_var(f->op)) {
        memcpy(values, from, (size_t)count * sizeof(double));
        finish_variances(f, count, (double *)values);
        bri_convert(to, out, BR_FLOAT64, values, count);
    } else {
        bri_convert(to, out, dtype, from, count);
    }
}

void bri_state_finish(bri_redop op, br_dtype operand, int64_t count, const void *state, int64_t n,
                      double correction, br_dtype to, void *out)
{
    int plane = bri_state_planes(op) - 1;
    br_dtype dtype = bri_state_dtype(op, operand, plane);
    const char *from = planes_of(op, operand, count, state).p[plane];
    double divisor = (double)n - correction;
    finishing f = {op, (double)n, divisor > 0 ? divisor : NAN};
    for (int64_t i = 0; i < count; i += CHUNK) {
        int64_t m = count - i < CHUNK ? count - i : CHUNK;
        finish_chunk(&f, dtype, m, from + (size_t)i * bri_dtypes[dtype].size, to,
                     (char *)out + (size_t)i * bri_dtypes[to].size);
    }
}
