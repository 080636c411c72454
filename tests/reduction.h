/* SPDX-License-Identifier: BSD-3-Clause
 * reduction.h - what reductions are by definition: applied to a list of elements, one result at a
 * time.
 */
#ifndef TEST_REDUCTION_H
#define TEST_REDUCTION_H

#include "tests/reference.h"

/* One row a reduction: name, arguments it takes (w a mask, i an initial value, c a correction, d a
 * dtype), kinds of dtype, the rule of its result: w wide, s same, f floating, r its real dtype, b
 * bool, n int64. */
#define KINDS(X)                                                                                   \
    X(sum, "wid", "biufc", 'w')                                                                    \
    X(prod, "wid", "biufc", 'w')                                                                   \
    X(mean, "wd", "biufc", 'f')                                                                    \
    X(var, "wcd", "biufc", 'r')                                                                    \
    X(std, "wcd", "biufc", 'r')                                                                    \
    X(min, "wi", "biuf", 's')                                                                      \
    X(max, "wi", "biuf", 's')                                                                      \
    X(any, "w", "biufc", 'b')                                                                      \
    X(all, "w", "biufc", 'b')                                                                      \
    X(nansum, "wid", "biufc", 'w')                                                                 \
    X(nanprod, "wid", "biufc", 'w')                                                                \
    X(nanmean, "wd", "biufc", 'f')                                                                 \
    X(nanvar, "wcd", "biufc", 'r')                                                                 \
    X(nanstd, "wcd", "biufc", 'r')                                                                 \
    X(nanmin, "wi", "biuf", 's')                                                                   \
    X(nanmax, "wi", "biuf", 's')                                                                   \
    X(argmin, "", "biuf", 'n')                                                                     \
    X(argmax, "", "biuf", 'n')                                                                     \
    X(nanargmin, "", "biuf", 'n')                                                                  \
    X(nanargmax, "", "biuf", 'n')                                                                  \
    X(count_nonzero, "", "biufc", 'n')                                                             \
    X(ptp, "", "iuf", 's')                                                                         \
    X(logsumexp, "", "biuf", 'f')                                                                  \
    X(vector_norm, "o", "biufc", 'r')                                                              \
    X(average, "W", "biufc", 'f')

/* clang-format off */
typedef enum kind {
#define X(name, takes, kinds, result) K_##name,
    KINDS(X)
#undef X
    NKINDS
} kind;

static const struct { const char *name, *takes, *kinds; char result; } info[] = {
#define X(name, takes, kinds, result) {#name, takes, kinds, result},
    KINDS(X)
#undef X
};

/* clang-format on */
/* ---- a case ---- */

typedef struct test {
    kind k;
    br_axes axes;
    unsigned mask; /* the axes as bits */
    bool keep;
    double correction;
    br_dtype dtype; /* .dtype */
    ref *x, *where, *weights;
    bool has_initial;
    int initial;
    bool has_order;
    double order;
} test;

static inline bool takes(kind k, char what)
{
    return strchr(info[k].takes, what) != NULL;
}

static inline bool skips(kind k)
{
    return strncmp(info[k].name, "nan", 3) == 0;
}

static inline br_dtype dtype_of(kind k, br_dtype d)
{
    switch (info[k].result) {
    case 'b':
        return BR_BOOL;
    case 'n':
        return BR_INT64;
    case 'w':
        return is_unsigned(d) ? BR_UINT64 : is_exact(d) ? BR_INT64 : d;
    case 's':
        return d;
    case 'f':
        return floating(d);
    default:
        return d == BR_COMPLEX64 ? BR_FLOAT32 : d == BR_COMPLEX128 ? BR_FLOAT64 : floating(d);
    }
}

/* ---- the definitions, of the elements of one result in C order ---- */

typedef struct list {
    int64_t n;
    value v[2400], w[2400];
    bool in[2400];
} list;

static inline bool is_nan(value v)
{
    return v != v;
}

static inline value sum_of(const list *l, value (*f)(value), value start)
{
    value sum = start;
    for (int64_t i = 0; i < l->n; i++)
        if (l->in[i])
            sum += f(l->v[i]);
    return sum;
}

static inline value itself(value v)
{
    return v;
}
static inline value one(value v)
{
    (void)v;
    return 1;
}
static inline value exponential(value v)
{
    return expl(creall(v));
}

static inline value product_of(const list *l, value start)
{
    bool real = true;
    value p = start;
    for (int64_t i = 0; i < l->n; i++)
        if (l->in[i]) {
            real &= cimagl(l->v[i]) == 0;
            p = real ? (value)(creall(p) * creall(l->v[i])) : p * l->v[i];
        }
    return p;
}

/* The first of the best, or the first NaN, of those that are in; -1 for none. */
static inline int64_t best_of(const list *l, int sign)
{
    int64_t best = -1;
    for (int64_t i = 0; i < l->n; i++) {
        if (!l->in[i] || (best >= 0 && is_nan(l->v[best])))
            continue;
        if (best < 0 || is_nan(l->v[i]) || sign * creall(l->v[i]) > sign * creall(l->v[best]))
            best = i;
    }
    return best;
}

static inline value extreme_of(const test *t, const list *l, int sign)
{
    int64_t best = best_of(l, sign);
    if (best < 0)
        return t->has_initial ? t->initial : NAN;
    value v = l->v[best];
    if (t->has_initial && sign * t->initial > sign * creall(v))
        return t->initial;
    return v;
}

static inline value mean_of(const list *l)
{
    long double n = creall(sum_of(l, one, 0));
    value sum = sum_of(l, itself, 0);
    return n > 0 ? sum / n : (value)NAN;
}

static inline value variance_of(const test *t, const list *l)
{
    long double n = creall(sum_of(l, one, 0)) - t->correction;
    value mean = mean_of(l);
    long double m2 = 0;
    for (int64_t i = 0; i < l->n; i++)
        if (l->in[i]) {
            value d = l->v[i] - mean;
            m2 += creall(d) * creall(d) + cimagl(d) * cimagl(d);
        }
    return n > 0 ? m2 / n : NAN;
}

static inline value norm_of(const test *t, const list *l)
{
    long double p = t->has_order ? t->order : 2;
    long double sum = isinf(p) && p < 0 ? INFINITY : 0;
    bool nan = false;
    for (int64_t i = 0; i < l->n; i++) {
        long double a = cabsl(l->v[i]);
        nan |= is_nan(l->v[i]);
        if (isinf(p))
            sum = (p > 0) == (a > sum) ? a : sum;
        else
            sum += p == 0 ? l->v[i] != 0 : powl(a, p);
    }
    if (p == 0 || nan)
        return p == 0 ? sum : NAN;
    return isinf(p) ? sum : powl(sum, 1 / p);
}

static inline value average_of(const list *l)
{
    value sum = 0, weights = 0;
    for (int64_t i = 0; i < l->n; i++) {
        sum += l->v[i] * l->w[i];
        weights += l->w[i];
    }
    return sum / weights;
}

static inline value truth_of(kind k, const list *l)
{
    bool any = false, all = true;
    for (int64_t i = 0; i < l->n; i++) {
        any |= l->in[i] && l->v[i] != 0;
        all &= !l->in[i] || l->v[i] != 0;
    }
    return k == K_any ? any : all;
}

static inline value nonzero(value v)
{
    return v != 0;
}

static inline value defined(const test *t, const list *l)
{
    switch (t->k) {
    case K_sum:
    case K_nansum:
        return sum_of(l, itself, t->has_initial ? t->initial : 0);
    case K_prod:
    case K_nanprod:
        return product_of(l, t->has_initial ? t->initial : 1);
    case K_mean:
    case K_nanmean:
        return mean_of(l);
    case K_var:
    case K_nanvar:
        return variance_of(t, l);
    case K_std:
    case K_nanstd:
        return sqrtl(creall(variance_of(t, l)));
    case K_min:
    case K_nanmin:
        return extreme_of(t, l, -1);
    case K_max:
    case K_nanmax:
        return extreme_of(t, l, 1);
    case K_argmin:
    case K_nanargmin:
        return best_of(l, -1);
    case K_argmax:
    case K_nanargmax:
        return best_of(l, 1);
    case K_any:
    case K_all:
        return truth_of(t->k, l);
    case K_count_nonzero:
        return sum_of(l, nonzero, 0);
    case K_ptp:
        return extreme_of(t, l, 1) - extreme_of(t, l, -1);
    case K_logsumexp:
        return logl(creall(sum_of(l, exponential, 0)));
    case K_vector_norm:
        return norm_of(t, l);
    default:
        return average_of(l);
    }
}

/* ---- the reference ---- */

/* Coordinates of the i-th element of those that element `at` of the kept shape stands for. */
static inline void coords_of(const test *t, const ref *kept, int64_t at, int64_t i, int64_t *coord)
{
    ref_coords(kept, at, coord);
    for (int a = t->x->ndim - 1; a >= 0; a--)
        if (t->mask >> a & 1) {
            coord[a] = i % t->x->shape[a];
            i /= t->x->shape[a];
        }
}

static inline void gather(const test *t, const ref *kept, int64_t at, list *l)
{
    int64_t coord[REF_NDIM];
    l->n = 1;
    for (int a = 0; a < t->x->ndim; a++)
        l->n *= t->mask >> a & 1 ? t->x->shape[a] : 1;
    for (int64_t i = 0; i < l->n; i++) {
        coords_of(t, kept, at, i, coord);
        l->v[i] = t->x->v[ref_linear(t->x, coord)];
        l->in[i] = t->where == NULL || ref_at(t->where, t->x->ndim, coord) != 0;
        l->in[i] &= !skips(t->k) || !is_nan(l->v[i]);
        l->w[i] = t->weights != NULL ? ref_at(t->weights, t->x->ndim, coord) : 1;
    }
}

static inline ref *new_result(const test *t)
{
    int64_t shape[REF_NDIM];
    for (int a = 0; a < t->x->ndim; a++)
        shape[a] = t->mask >> a & 1 ? 1 : t->x->shape[a];
    return ref_new(t->dtype != BR_NO_DTYPE ? t->dtype : dtype_of(t->k, t->x->dtype), t->x->ndim,
                   shape);
}

/* Puts a number where there would be NaNs only to choose from. */
static inline void leave_numbers(const test *t)
{
    static list l;
    int64_t coord[REF_NDIM];
    const ref *r = new_result(t);
    for (int64_t i = 0; i < r->n; i++) {
        gather(t, r, i, &l);
        coords_of(t, r, i, l.n / 2, coord);
        if (l.n > 0 && best_of(&l, 1) < 0)
            t->x->v[ref_linear(t->x, coord)] = 3;
    }
}

static inline ref *expected(const test *t)
{
    static list l;
    const value nans = NAN + I * (value)NAN;
    ref *r = new_result(t);
    for (int64_t i = 0; i < r->n; i++) {
        gather(t, r, i, &l);
        r->v[i] = defined(t, &l);
        if (is_nan(r->v[i]))
            r->v[i] = is_complex(r->dtype) ? nans : (value)NAN;
    }
    if (t->keep)
        return r;
    r->ndim = 0;
    for (int a = 0; a < t->x->ndim; a++)
        if (!(t->mask >> a & 1))
            r->shape[r->ndim++] = r->shape[a];
    return r;
}

#endif
