/* SPDX-License-Identifier: BSD-3-Clause
 * states.c - reduction states outside a run: their layout, merging, and what becomes of them.
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "array/kernels/kernels.h"
#include "runtime/error.h"

/* What a state becomes. */
typedef struct finishing {
    br_dtype operand;
    br_dtype dtype; /* of the first plane */
    br_dtype to;
    double n;
    double correction;
} finishing;

/* Makes at most CHUNK results of states. */
typedef br_status finisher(const finishing *f, int64_t count, bri_planes from, void *out);

#define BRI_REDUCTION(NAME, name, kinds, result, reads, planes, finish, empty)                     \
    static finisher finish_##finish;
#include "array/kernels/reductions.def"
#undef BRI_REDUCTION

typedef struct reduction {
    char reads;
    const char *planes;
    int nplanes;
    finisher *finish;
} reduction;

static const reduction reductions[BRI_NREDS] = {
#define BRI_REDUCTION(NAME, name, kinds, result, reads, planes, finish, empty)                     \
    [BRI_RED_##NAME] = {reads, planes, sizeof(planes) - 1, finish_##finish},
#include "array/kernels/reductions.def"
#undef BRI_REDUCTION
};

/* ---- layout ---- */

br_dtype bri_reduction_dtype(char rule, br_dtype x)
{
    bool exact = bri_kind(x) != 'f' && bri_kind(x) != 'c';
    switch (rule) {
    case 'b':
        return BR_BOOL;
    case 'i':
        return BR_INT64;
    case 'd':
        return BR_FLOAT64;
    case 'w':
        return bri_dtypes[x].wide;
    case 'W':
        return exact ? bri_dtypes[x].wide : x;
    case 'm':
        return exact ? BR_FLOAT64 : x;
    case 'M':
        return exact ? BR_FLOAT64 : bri_dtypes[x].wide;
    case 'v':
        return exact ? BR_FLOAT64 : bri_real_dtype(x);
    case 'V':
        return bri_kind(x) == 'f' ? x : bri_reduction_dtype('M', x);
    default:
        return x;
    }
}

int bri_state_planes(bri_redop op)
{
    return reductions[op].nplanes;
}

br_dtype bri_state_dtype(bri_redop op, br_dtype operand, int plane)
{
    return bri_reduction_dtype(reductions[op].planes[plane], operand);
}

br_dtype bri_reduced_dtype(bri_redop op, br_dtype dtype)
{
    return bri_reduction_dtype(reductions[op].reads, dtype);
}

bri_plane_sizes bri_state_sizes(bri_redop op, br_dtype operand)
{
    bri_plane_sizes s = {{0}};
    for (int k = 0; k < bri_state_planes(op); k++)
        s.size[k] = bri_dtypes[bri_state_dtype(op, operand, k)].size;
    return s;
}

static size_t sum_of_planes(bri_redop op, br_dtype operand)
{
    bri_plane_sizes s = bri_state_sizes(op, operand);
    size_t bytes = 0;
    for (int k = 0; k < BRI_PLANES; k++)
        bytes += s.size[k];
    return bytes;
}

/* Asked for several times a task, so what has been added up is kept. Any thread finds the same. */
size_t bri_state_bytes(bri_redop op, br_dtype operand)
{
    static atomic_uchar known[BRI_NREDS][BR_NDTYPE];
    size_t bytes = atomic_load_explicit(&known[op][operand], memory_order_relaxed);
    if (bytes == 0) {
        bytes = sum_of_planes(op, operand);
        atomic_store_explicit(&known[op][operand], (unsigned char)bytes, memory_order_relaxed);
    }
    return bytes;
}

bri_planes bri_planes_at(const bri_plane_sizes *sizes, bri_planes s, int64_t i)
{
    for (int k = 0; k < BRI_PLANES; k++)
        s.p[k] += i * (int64_t)sizes->size[k];
    return s;
}

bri_planes bri_planes_of(const bri_plane_sizes *sizes, int64_t count, const void *state)
{
    bri_planes s;
    char *next = (char *)state;
    for (int k = 0; k < BRI_PLANES; k++) {
        s.p[k] = next;
        next += (size_t)count * sizes->size[k];
    }
    return s;
}

static bri_planes planes_of(bri_redop op, br_dtype operand, int64_t count, const void *state)
{
    bri_plane_sizes sizes = bri_state_sizes(op, operand);
    return bri_planes_of(&sizes, count, state);
}

/* ---- merging ---- */

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

/* ---- results ---- */

enum { CHUNK = 256 };

static br_status finish_first(const finishing *f, int64_t count, bri_planes from, void *out)
{
    bri_convert(f->to, out, f->dtype, from.p[0], count);
    return BR_OK;
}

static br_status finish_mean(const finishing *f, int64_t count, bri_planes from, void *out)
{
    _Alignas(16) double mean[2 * CHUNK];
    int64_t parts = bri_kind(f->dtype) == 'c' ? 2 : 1;
    br_dtype wide = parts == 2 ? BR_COMPLEX128 : BR_FLOAT64;
    bri_convert(wide, mean, f->dtype, from.p[0], count);
    for (int64_t i = 0; i < count * parts; i++)
        mean[i] /= f->n;
    bri_convert(f->to, out, wide, mean, count);
    return BR_OK;
}

static br_status finish_nanmean(const finishing *f, int64_t count, bri_planes from, void *out)
{
    _Alignas(16) double mean[2 * CHUNK];
    int64_t parts = bri_kind(f->dtype) == 'c' ? 2 : 1;
    const double *n = (const double *)from.p[1];
    memcpy(mean, from.p[0], (size_t)(count * parts) * sizeof *mean);
    for (int64_t i = 0; i < count * parts; i++)
        mean[i] /= n[i / parts];
    bri_convert(f->to, out, f->dtype, mean, count);
    return BR_OK;
}

/* M2 over the degrees of freedom, NaN where there are none; counts is NULL where all states have
 * the same. */
static br_status finish_squares(const finishing *f, int64_t count, bri_planes from, bool counts,
                                bool root, void *out)
{
    double x[CHUNK];
    const double *m2 = (const double *)from.p[1];
    const double *n = (const double *)from.p[2];
    for (int64_t i = 0; i < count; i++) {
        double divisor = (counts ? n[i] : f->n) - f->correction;
        double var = m2[i] / (divisor > 0 ? divisor : NAN);
        x[i] = root ? sqrt(var) : var;
    }
    bri_convert(f->to, out, BR_FLOAT64, x, count);
    return BR_OK;
}

static br_status finish_var(const finishing *f, int64_t count, bri_planes from, void *out)
{
    return finish_squares(f, count, from, false, false, out);
}

static br_status finish_std(const finishing *f, int64_t count, bri_planes from, void *out)
{
    return finish_squares(f, count, from, false, true, out);
}

static br_status finish_nanvar(const finishing *f, int64_t count, bri_planes from, void *out)
{
    return finish_squares(f, count, from, true, false, out);
}

static br_status finish_nanstd(const finishing *f, int64_t count, bri_planes from, void *out)
{
    return finish_squares(f, count, from, true, true, out);
}

/* Only NaN among the elements leaves a NaN beside the index. */
static br_status finish_known_index(const finishing *f, int64_t count, bri_planes from, void *out)
{
    double value[CHUNK];
    bri_convert(BR_FLOAT64, value, bri_dtypes[f->operand].wide, from.p[1], count);
    for (int64_t i = 0; i < count; i++)
        if (isnan(value[i]))
            return bri_error(BR_EARG, "there are only NaNs to choose from");
    return finish_first(f, count, from, out);
}

/* The table's logarithm: libm's bits may differ from host to host. */
static br_status finish_logsumexp(const finishing *f, int64_t count, bri_planes from, void *out)
{
    double x[CHUNK];
    const double *most = (const double *)from.p[0];
    bri_kernel_table.op[BRI_OP_LOG][BR_FLOAT64][0]((size_t)count, x, from.p[1], NULL, NULL);
    for (int64_t i = 0; i < count; i++)
        x[i] += most[i];
    bri_convert(f->to, out, BR_FLOAT64, x, count);
    return BR_OK;
}

br_status bri_state_finish(bri_redop op, br_dtype operand, int64_t count, const void *state,
                           int64_t n, double correction, br_dtype to, void *out)
{
    bri_plane_sizes sizes = bri_state_sizes(op, operand);
    bri_planes from = bri_planes_of(&sizes, count, state);
    finishing f = {operand, bri_state_dtype(op, operand, 0), to, (double)n, correction};
    for (int64_t i = 0; i < count; i += CHUNK) {
        int64_t m = count - i < CHUNK ? count - i : CHUNK;
        BRI_TRY(reductions[op].finish(&f, m, from, (char *)out + (size_t)i * bri_dtypes[to].size));
        from = bri_planes_at(&sizes, from, m);
    }
    return BR_OK;
}
