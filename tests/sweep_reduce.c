/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_reduce.c - reductions of every dtype over every set of axes, with keepdims and corrections,
 * of sources and of elementwise chains, views and other reductions, and expressions that read their
 * input twice.
 */
#include "tests/sweep.h"

typedef enum kind { SUM, PROD, MEAN, VAR, STD, MIN, MAX, ANY, ALL, NKINDS } kind;

static const char *const names[] = {"sum", "prod", "mean", "var", "std",
                                    "min", "max",  "any",  "all"};

/* clang-format off */
static const struct { int ndim; int64_t extent[4]; } shapes[] = {
    {0, {0}}, {1, {1}}, {1, {7}}, {1, {0}}, {3, {3, 0, 2}}, {2, {5, 7}}, {3, {2, 3, 5}}, {2, {37, 3}}, {1, {1543}},
    {4, {3, 2, 1, 5}}, {2, {3, 700}}, {2, {1100, 2}},
};
/* clang-format on */
enum { NSHAPES = sizeof shapes / sizeof shapes[0] };

static br_axes axes_of(unsigned mask, int ndim)
{
    br_axes axes = {mask == 0 ? -1 : 0, {0}};
    for (int a = 0; a < ndim; a++)
        if (mask >> a & 1) /* every other one counted from the last */
            axes.axis[axes.n++] = a % 2 ? a - ndim : a;
    return axes;
}

static br_array *reduce(kind k, br_array *x, br_axes axes, bool keep, double correction)
{
    switch (k) {
    case SUM:
        return br_sum(x, .axis = axes, .keepdims = keep);
    case PROD:
        return br_prod(x, .axis = axes, .keepdims = keep);
    case MEAN:
        return br_mean(x, .axis = axes, .keepdims = keep);
    case VAR:
        return br_var(x, .axis = axes, .keepdims = keep, .correction = correction);
    case STD:
        return br_std(x, .axis = axes, .keepdims = keep, .correction = correction);
    case MIN:
        return br_min(x, .axis = axes, .keepdims = keep);
    case MAX:
        return br_max(x, .axis = axes, .keepdims = keep);
    case ANY:
        return br_any(x, .axis = axes, .keepdims = keep);
    default:
        return br_all(x, .axis = axes, .keepdims = keep);
    }
}

static br_dtype dtype_of(kind k, br_dtype d)
{
    if (k == ANY || k == ALL)
        return BR_BOOL;
    if (k == MIN || k == MAX)
        return d;
    if (k == SUM || k == PROD)
        return is_unsigned(d) ? BR_UINT64 : is_exact(d) ? BR_INT64 : d;
    if (k != MEAN && is_complex(d))
        return d == BR_COMPLEX64 ? BR_FLOAT32 : BR_FLOAT64;
    return floating(d);
}

/* ---- naive ---- */

static value start_of(kind k)
{
    return k == PROD || k == ALL ? 1 : k == MIN ? (value)INFINITY : k == MAX ? (value)-INFINITY : 0;
}

static value step_of(kind k, value sum, value x)
{
    switch (k) {
    case PROD:
        return cimagl(sum) == 0 && cimagl(x) == 0 ? (value)(creall(sum) * creall(x)) : sum * x;
    case MIN:
        return creall(x) < creall(sum) ? x : sum;
    case MAX:
        return creall(x) > creall(sum) ? x : sum;
    case ANY:
        return sum != 0 || x != 0;
    case ALL:
        return sum != 0 && x != 0;
    default:
        return sum + x;
    }
}

/* Where an element of x goes: its coordinates without the reduced axes, which are 1 long in `kept`.
 * */
static int64_t place_of(const ref *x, const ref *kept, int64_t i)
{
    int64_t coord[REF_NDIM];
    ref_coords(x, i, coord);
    for (int a = 0; a < x->ndim; a++)
        if (kept->shape[a] == 1)
            coord[a] = 0;
    return ref_linear(kept, coord);
}

static ref *naive_fold(kind k, const ref *x, unsigned mask)
{
    int64_t shape[REF_NDIM];
    for (int a = 0; a < x->ndim; a++)
        shape[a] = mask >> a & 1 ? 1 : x->shape[a];
    ref *r = ref_new(dtype_of(k, x->dtype), x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = start_of(k);
    for (int64_t i = 0; i < x->n; i++) {
        value *sum = &r->v[place_of(x, r, i)];
        *sum = step_of(k, *sum, x->v[i]);
    }
    return r;
}

/* Exact in two passes. */
static ref *naive_moments(kind k, const ref *x, unsigned mask, double correction)
{
    ref *mean = naive_fold(SUM, x, mask);
    ref *r = naive_fold(SUM, x, mask);
    int64_t each = r->n > 0 && x->n > 0 ? x->n / r->n : 0;
    mean->dtype = r->dtype = dtype_of(k, x->dtype);
    for (int64_t i = 0; i < r->n; i++) {
        mean->v[i] = each > 0               ? mean->v[i] / each
                     : is_complex(x->dtype) ? (value)NAN + I * (value)NAN
                                            : (value)NAN;
        r->v[i] = 0;
    }
    if (k == MEAN)
        return mean;
    for (int64_t i = 0; i < x->n; i++) {
        int64_t at = place_of(x, r, i);
        value d = x->v[i] - mean->v[at];
        r->v[at] += creall(d) * creall(d) + cimagl(d) * cimagl(d);
    }
    for (int64_t i = 0; i < r->n; i++) {
        long double divisor = each - correction;
        long double var = divisor > 0 ? creall(r->v[i]) / divisor : NAN;
        r->v[i] = k == STD ? sqrtl(var) : var;
    }
    return r;
}

static ref *naive(kind k, const ref *x, unsigned mask, bool keep, double correction)
{
    ref *r = k == MEAN || k == VAR || k == STD ? naive_moments(k, x, mask, correction)
                                               : naive_fold(k, x, mask);
    if (keep)
        return r;
    int ndim = 0;
    for (int a = 0; a < x->ndim; a++)
        if (!(mask >> a & 1))
            r->shape[ndim++] = r->shape[a];
    r->ndim = ndim;
    return r;
}

/* ---- cases ---- */

static bool has(kind k, const ref *x, unsigned mask)
{
    if ((k == MIN || k == MAX) && is_complex(x->dtype))
        return false;
    bool nothing = false;
    for (int a = 0; a < x->ndim; a++)
        nothing |= (mask >> a & 1) && x->shape[a] == 0;
    return !((k == MIN || k == MAX) && nothing);
}

/* Factors near 1, so that products stay finite; whole ones are -1, 1 and now and then 2. */
static ref *factors(br_dtype d, int ndim, const int64_t *shape)
{
    ref *r = ref_random(d, ndim, shape, true, false);
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = is_exact(d) ? random_below(200) == 0            ? 2
                                : is_signed(d) && random_below(2) ? -1
                                                                  : 1
                              : 1 + (random_below(65) - 32) / 2048.0L +
                                    (is_complex(d) ? I * (random_below(9) / 4096.0L) : 0);
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = as(d, r->v[i]);
    return r;
}

static void try_reduction(kind k, br_dtype d, int shape, unsigned mask, int turn)
{
    next_case(1);
    int ndim = shapes[shape].ndim;
    const int64_t *extent = shapes[shape].extent;
    ref *a = k == PROD ? factors(d, ndim, extent)
                       : ref_random(d, ndim, extent, k == ALL && turn % 2, false);
    if (!has(k, a, mask))
        return;
    bool keep = turn % 3 == 0;
    double correction = turn % 4 == 1 ? 1 : turn % 4 == 2 ? 0.5 : 0;
    int how = a->n > 100 && turn % NCUTS == CUT_1 ? CUT_3 : turn % NCUTS;
    br_axes axes = axes_of(mask, ndim);
    if (mask == (1u << ndim) - 1 && turn % 2)
        axes = (br_axes){0}; /* all of them, not named */
    ref *want = naive(k, a, mask, keep, correction);
    expect(reduce(k, source(a, how), axes, keep, correction), want, 16,
           k == VAR || k == STD || k == PROD ? 4 : 40,
           "%s %s shape %d axes %x keep %d correction %g cut %d", names[k], br_dtype_name(d), shape,
           mask, keep, correction, how);
}

static void reductions(void)
{
    int turn = 0;
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
        for (kind k = SUM; k < NKINDS; k++)
            for (int s = 0; s < NSHAPES; s++)
                for (unsigned mask = 0; mask < 1u << shapes[s].ndim; mask++) {
                    turn++;
                    if (d == BR_FLOAT64 || (turn + mask) % 5 == 0)
                        try_reduction(k, d, s, mask, turn);
                }
}

static value r_scaled(value a)
{
    return (a * 3 + 0.5L) * (a * 3 + 0.5L);
}
static value r_minus(value a, value b)
{
    return a - b;
}
static value truncated(value a)
{
    return truncl(creall(a));
}
static value r_plus(value a, value b)
{
    return a + b;
}

/* Reductions of chains, of broadcast operands, and their results used again. */
static void chains(void)
{
    const int64_t shape[] = {11, 6, 5};
    const int64_t row[] = {1, 5};
    for (int how = 0; how < NCUTS; how++)
        for (unsigned mask = 1; mask < 8; mask++) {
            next_case(4);
            ref *a = ref_random(BR_FLOAT64, 3, shape, false, false);
            ref *b = ref_random(BR_INT32, 2, row, false, false);
            br_array *x = source(a, how);
            br_array *y = source(b, CUT_2);
            br_axes axes = axes_of(mask, 3);
            br_array *scaled = br_square(br_add(br_mul(x, 3), 0.5));
            ref *r_scale = ref_map1(BR_FLOAT64, a, r_scaled);
            ref *sum = ref_map2(BR_FLOAT64, a, b, r_plus);
            expect(br_mean(scaled, .axis = axes), naive(MEAN, r_scale, mask, false, 0), 16, 2000,
                   "mean of chain %x cut %d", mask, how);
            expect(br_std(br_add(x, y), .axis = axes, .keepdims = true),
                   naive(STD, sum, mask, true, 0), 64, 16, "std of broadcast sum %x cut %d", mask,
                   how);
            br_array *anomaly = br_sub(x, br_mean(x, .axis = axes, .keepdims = true));
            ref *r_anomaly = ref_map2(BR_FLOAT64, a, naive(MEAN, a, mask, true, 0), r_minus);
            expect(anomaly, r_anomaly, 16, 16, "x - mean %x cut %d", mask, how);
            expect(br_var(anomaly, .axis = axes, .correction = 1),
                   naive(VAR, r_anomaly, mask, false, 1), 64, 16, "var of x - mean %x cut %d", mask,
                   how);
        }
}

/* A reduction of a reduction of another axis, of a view, and .dtype. */
static void nested(void)
{
    const int64_t shape[] = {13, 9};
    const int64_t turned[] = {9, 13};
    for (int how = 0; how < NCUTS; how++) {
        next_case(4);
        ref *a = ref_random(BR_FLOAT32, 2, shape, false, false);
        ref *t = ref_new(BR_FLOAT32, 2, turned);
        for (int64_t i = 0; i < a->n; i++)
            t->v[i % 9 * 13 + i / 9] = a->v[i];
        br_array *x = source(a, how);
        ref *rows = naive(SUM, a, 2, false, 0);
        for (int64_t i = 0; i < rows->n; i++)
            rows->v[i] = as(BR_FLOAT32, rows->v[i]);
        expect(br_max(br_sum(x, .axis = BR_AXES(1))), naive(MAX, rows, 1, false, 0), 8, 40,
               "max of sums cut %d", how);
        expect(br_var(br_permute_dims(x, BR_AXES(1, 0)), .axis = BR_AXIS(-1)),
               naive(VAR, t, 2, false, 0), 16, 4, "var of transposed cut %d", how);
        ref *wide = naive(SUM, a, 1, true, 0);
        wide->dtype = BR_FLOAT64;
        expect(br_sum(x, .axis = BR_AXES(0), .keepdims = true, .dtype = BR_FLOAT64), wide, 16, 40,
               "sum as float64 cut %d", how);
        ref *whole = ref_map1(BR_FLOAT32, a, truncated);
        whole->dtype = BR_INT16;
        ref *product = naive(SUM, whole, 3, false, 0);
        product->dtype = BR_INT16;
        expect(br_sum(x, .dtype = BR_INT16), product, 0, 0, "sum as int16 cut %d", how);
    }
}

/* NaN and infinities pass through. */
static void specials(void)
{
    const int64_t shape[] = {4, 3};
    for (int how = 0; how < NCUTS; how++)
        for (kind k = SUM; k < NKINDS; k++) {
            next_case(1);
            ref *a = ref_random(k % 2 ? BR_FLOAT32 : BR_FLOAT64, 2, shape, true, false);
            a->v[4] = NAN;
            a->v[3] = INFINITY;
            a->v[8] = -INFINITY;
            ref *want = naive(k, a, 2, false, 0);
            if (k != ANY && k != ALL)
                want->v[1] = NAN;
            if (k == VAR || k == STD)
                want->v[2] = NAN;
            expect(reduce(k, source(a, how), BR_AXES(1), false, 0), want, 16, 16,
                   "%s with NaN cut %d", names[k], how);
        }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    reductions();
    chains();
    nested();
    specials();
    return sweep_close();
}
