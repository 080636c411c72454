/* SPDX-License-Identifier: BSD-3-Clause
 * rows_reduction.c - reductions of reduce.h and nan.h, by their definitions on the list of elements
 * of each result.
 */
#include "tests/matrix/fold.h"

/* The arguments of a call; which of them a reduction takes stands in its row. */
typedef struct call {
    br_array *x, *where, *weights;
    reduced by;
    br_dtype dtype; /* .dtype */
    bool has_initial;
    number initial;
    double correction, order; /* order: NAN when it is not given */
} call;

typedef struct reduction {
    const char *name, *kinds;
    const char *takes; /* w mask, i initial, c correction, d dtype, o order, W weights */
    char result;       /* w wide sum, f floating, r its real dtype, s same, b bool, n int64 */
    bool skips_nans, needs_elements;
    br_array *(*build)(const call *c);
    void (*define)(nd *r, int64_t i, const group *g, const call *c);
} reduction;

static bool takes(const reduction *f, char what)
{
    return strchr(f->takes, what) != NULL;
}

/* ---- definitions: put result i of the elements of g ---- */

static number initial_or(const call *c, int other)
{
    return c->has_initial ? c->initial : of_integer(other);
}

static number sum_of_all(const group *g, number start, long double *size)
{
    *size = cabsl(start.z);
    for (int64_t k = 0; k < g->n; k++)
        if (g->in[k]) {
            start.i += g->v[k].i;
            start.z += g->v[k].z;
            *size += cabsl(g->v[k].z);
        }
    return start;
}

static void put_sum(nd *r, int64_t i, const group *g, const call *c)
{
    long double size;
    number sum = sum_of_all(g, initial_or(c, 0), &size);
    if (is_inexact(r->dtype))
        nd_put_within(r, i, of_complex(sum.z), 16 * epsilon_of(r->dtype) * size);
    else
        nd_put(r, i, of_integer(sum.i));
}

/* Real as long as its factors are: an infinite one times 0i would be NaN. */
static void put_prod(nd *r, int64_t i, const group *g, const call *c)
{
    number p = initial_or(c, 1);
    long double complex z = p.z;
    uint64_t whole = (uint64_t)p.i;
    for (int64_t k = 0; k < g->n; k++)
        if (g->in[k]) {
            whole *= (uint64_t)g->v[k].i;
            z = cimagl(z) == 0 && cimagl(g->v[k].z) == 0 ? CMPLXL(creall(z) * creall(g->v[k].z), 0)
                                                         : z * g->v[k].z;
        }
    if (is_inexact(r->dtype))
        nd_put_within(r, i, of_complex(z),
                      4 * (long double)(g->n + 1) * epsilon_of(r->dtype) * cabsl(z));
    else
        nd_put(r, i, of_integer((__int128)whole));
}

static int64_t how_many(const group *g)
{
    int64_t n = 0;
    for (int64_t k = 0; k < g->n; k++)
        n += g->in[k];
    return n;
}

static number mean_of(const group *g, long double *size)
{
    int64_t n = how_many(g);
    number sum = sum_of_all(g, of_integer(0), size);
    *size = n > 0 ? *size / n : 0;
    return n > 0 ? of_complex(CMPLXL(creall(sum.z) / n, cimagl(sum.z) / n))
                 : of_complex(CMPLXL(NAN, NAN));
}

static void put_mean(nd *r, int64_t i, const group *g, const call *c)
{
    long double size;
    number mean = mean_of(g, &size);
    (void)c;
    nd_put_within(r, i, mean, 16 * epsilon_of(r->dtype) * size);
}

static long double variance_of(const group *g, const call *c, long double *largest)
{
    long double size, m2 = 0, n = (long double)how_many(g) - c->correction;
    long double complex mean = mean_of(g, &size).z;
    *largest = 0;
    for (int64_t k = 0; k < g->n; k++)
        if (g->in[k]) {
            long double d = cabsl(g->v[k].z - mean);
            m2 += d * d;
            *largest = fmaxl(*largest, cabsl(g->v[k].z));
        }
    return n > 0 ? m2 / n : NAN;
}

static void put_var(nd *r, int64_t i, const group *g, const call *c)
{
    long double largest, v = variance_of(g, c, &largest);
    nd_put_within(r, i, of_real(v), 64 * epsilon_of(r->dtype) * (v + largest * largest));
}

static void put_std(nd *r, int64_t i, const group *g, const call *c)
{
    long double largest, v = variance_of(g, c, &largest), s = sqrtl(v);
    long double slack = 64 * epsilon_of(r->dtype) * (v + largest * largest);
    nd_put_within(r, i, of_real(s), fminl(sqrtl(slack), slack / s + 4 * epsilon_of(r->dtype) * s));
}

/* The first of the best, or the first NaN, of those that are in; -1 for none. */
static int64_t place_of_best(const group *g, int sign)
{
    int64_t best = -1;
    for (int64_t k = 0; k < g->n; k++) {
        if (!g->in[k] || (best >= 0 && is_nan(g->v[best])))
            continue;
        if (best < 0 || is_nan(g->v[k]) || sign * creall(g->v[k].z) > sign * creall(g->v[best].z))
            best = k;
    }
    return best;
}

static void put_extreme(nd *r, int64_t i, const group *g, const call *c, int sign)
{
    int64_t k = place_of_best(g, sign);
    number best = k >= 0 ? g->v[k] : of_real(NAN);
    if (c->has_initial && (k < 0 || sign * creall(c->initial.z) > sign * creall(best.z)))
        best = c->initial;
    nd_put(r, i, best);
}

static void put_min(nd *r, int64_t i, const group *g, const call *c)
{
    put_extreme(r, i, g, c, -1);
}

static void put_max(nd *r, int64_t i, const group *g, const call *c)
{
    put_extreme(r, i, g, c, 1);
}

static void put_argmin(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(place_of_best(g, -1)));
}

static void put_argmax(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(place_of_best(g, 1)));
}

static int64_t nonzeros(const group *g)
{
    int64_t n = 0;
    for (int64_t k = 0; k < g->n; k++)
        n += g->in[k] && !is_zero(g->v[k]);
    return n;
}

static void put_count(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(nonzeros(g)));
}

static void put_any(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(nonzeros(g) > 0));
}

static void put_all(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(nonzeros(g) == how_many(g)));
}

static void put_ptp(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    number most = g->v[place_of_best(g, 1)], least = g->v[place_of_best(g, -1)];
    if (is_inexact(r->dtype))
        nd_put_near(r, i, of_real(creall(most.z) - creall(least.z)), 0.5L);
    else
        nd_put(r, i, of_integer(most.i - least.i));
}

static void put_logsumexp(nd *r, int64_t i, const group *g, const call *c)
{
    long double sum = 0;
    (void)c;
    for (int64_t k = 0; k < g->n; k++)
        sum += expl(creall(g->v[k].z));
    nd_put_within(r, i, of_real(logl(sum)), 16 * epsilon_of(r->dtype) * (1 + fabsl(logl(sum))));
}

static void put_norm(nd *r, int64_t i, const group *g, const call *c)
{
    long double p = isnan(c->order) ? 2 : c->order, sum = isinf(p) && p < 0 ? INFINITY : 0;
    bool nan = false;
    for (int64_t k = 0; k < g->n; k++) {
        long double size = cabsl(g->v[k].z);
        nan = nan || (p != 0 && is_nan(g->v[k]));
        if (isinf(p))
            sum = (p > 0) == (size > sum) ? size : sum;
        else
            sum += p == 0 ? !is_zero(g->v[k]) : powl(size, p);
    }
    long double norm = nan ? NAN : isinf(p) || p == 0 ? sum : powl(sum, 1 / p);
    nd_put_within(r, i, of_real(norm), 64 * epsilon_of(r->dtype) * norm);
}

static void put_average(nd *r, int64_t i, const group *g, const call *c)
{
    long double complex sum = 0, weights = 0;
    long double size = 0;
    (void)c;
    for (int64_t k = 0; k < g->n; k++) {
        sum += g->v[k].z * g->w[k].z;
        weights += g->w[k].z;
        size += cabsl(g->v[k].z * g->w[k].z);
    }
    bool none = g->n == 0;
    number want = of_complex(none ? CMPLXL(NAN, NAN) : sum / weights);
    nd_put_within(r, i, want, 32 * epsilon_of(r->dtype) * size / cabsl(weights));
}

/* ---- the library ---- */

static br_number number_of(const call *c)
{
    if (!c->has_initial)
        return BR_NONE;
    return c->initial.kind == 'b' ? br_number_bool(c->initial.i)
                                  : br_number_int((long long)c->initial.i);
}

#define COMMON .axis = c->by.axes, .keepdims = c->by.keep
#define SUM    COMMON, .dtype = c->dtype, .where = c->where, .initial = number_of(c)
#define MEAN   COMMON, .dtype = c->dtype, .where = c->where
#define VAR    COMMON, .dtype = c->dtype, .where = c->where, .correction = c->correction
#define MIN    COMMON, .where = c->where, .initial = number_of(c)
#define ANY_   COMMON, .where = c->where
#define NORM   COMMON, .ord = isnan(c->order) ? BR_NONE : BR_NUM(c->order)
#define WEIGHT COMMON, .weights = c->weights

/* name, dtypes, takes, result, skips NaNs, needs elements, arguments, definition */
#define REDUCTIONS(X)                                                                              \
    X(sum, "biufc", "wid", 'w', false, false, SUM, put_sum)                                        \
    X(prod, "biufc", "wid", 'w', false, false, SUM, put_prod)                                      \
    X(mean, "biufc", "wd", 'f', false, false, MEAN, put_mean)                                      \
    X(var, "biufc", "wdc", 'r', false, false, VAR, put_var)                                        \
    X(std, "biufc", "wdc", 'r', false, false, VAR, put_std)                                        \
    X(min, "biuf/c", "wi", 's', false, true, MIN, put_min)                                         \
    X(max, "biuf/c", "wi", 's', false, true, MIN, put_max)                                         \
    X(any, "biufc", "w", 'b', false, false, ANY_, put_any)                                         \
    X(all, "biufc", "w", 'b', false, false, ANY_, put_all)                                         \
    X(argmin, "biuf/c", "", 'n', false, true, COMMON, put_argmin)                                  \
    X(argmax, "biuf/c", "", 'n', false, true, COMMON, put_argmax)                                  \
    X(count_nonzero, "biufc", "", 'n', false, false, COMMON, put_count)                            \
    X(ptp, "iuf/bc", "", 's', false, true, COMMON, put_ptp)                                        \
    X(logsumexp, "biuf/c", "", 'f', false, false, COMMON, put_logsumexp)                           \
    X(vector_norm, "biufc", "o", 'r', false, false, NORM, put_norm)                                \
    X(average, "biufc", "W", 'f', false, false, WEIGHT, put_average)                               \
    X(nansum, "biufc", "wid", 'w', true, false, SUM, put_sum)                                      \
    X(nanprod, "biufc", "wid", 'w', true, false, SUM, put_prod)                                    \
    X(nanmean, "biufc", "wd", 'f', true, false, MEAN, put_mean)                                    \
    X(nanvar, "biufc", "wdc", 'r', true, false, VAR, put_var)                                      \
    X(nanstd, "biufc", "wdc", 'r', true, false, VAR, put_std)                                      \
    X(nanmin, "biuf/c", "wi", 's', true, true, MIN, put_min)                                       \
    X(nanmax, "biuf/c", "wi", 's', true, true, MIN, put_max)                                       \
    X(nanargmin, "biuf/c", "", 'n', true, true, COMMON, put_argmin)                                \
    X(nanargmax, "biuf/c", "", 'n', true, true, COMMON, put_argmax)

/* ---- cases ---- */

static bool is_product(const reduction *f)
{
    return strstr(f->name, "prod") != NULL;
}

/* Factors near 1; elsewhere integers of all sizes, and floats with NaNs, also in a whole column. */
static nd *draw_elements(const reduction *f)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(0, 4, shape);
    bool inexact = is_inexact(the.dtype);
    if (is_product(f) && inexact)
        return draw_between(the.dtype, ndim, shape, kind_of(the.dtype) == 'c' ? -0.9L : 0.4L, 0.9L);
    if (!inexact)
        return draw_values(the.dtype, ndim, shape,
                           chance(50) && strcmp(f->name, "logsumexp") != 0 ? ANY : SMALL);
    bool holes = chance(f->skips_nans ? 75 : 20);
    nd *x = draw_values(the.dtype, ndim, shape, holes ? HOLES : chance(50) ? REAL : SMALL);
    int64_t last = ndim > 0 ? shape[ndim - 1] : 1;
    for (int64_t i = 0; i < x->n && holes && last < 8; i++)
        if (i % last == 1)
            nd_put(x, i, of_complex(CMPLXL(NAN, NAN)));
    x->bits = true;
    return x;
}

/* A number where there would be NaNs only to choose from. */
static void leave_numbers(nd *x, const reduced *by)
{
    group g = new_group(x);
    const nd *r = nd_reduced(BR_INT64, x, by);
    for (int64_t i = 0; i < r->n; i++) {
        gather(&g, x, by, i, NULL, NULL);
        for (int64_t k = 0; k < g.n; k++)
            g.in[k] = !is_nan(g.v[k]);
        if (g.n > 0 && how_many(&g) == 0)
            nd_put(x, g.at[g.n / 2], of_integer(3));
    }
    free_group(&g);
    x->bits = true;
}

static br_dtype result_dtype(const reduction *f, br_dtype dtype)
{
    switch (f->result) {
    case 'w':
        return sum_of(dtype);
    case 'f':
        return floating_of(dtype);
    case 'r':
        return real_of(floating_of(dtype));
    case 'b':
        return BR_BOOL;
    case 'n':
        return BR_INT64;
    default:
        return dtype;
    }
}

static nd *reference(const reduction *f, const nd *x, br_dtype dtype, const call *c,
                     const nd *where, const nd *weights)
{
    group g = new_group(x);
    nd *r = nd_reduced(dtype, x, &c->by);
    for (int64_t i = 0; i < r->n; i++) {
        gather(&g, x, &c->by, i, where, weights);
        for (int64_t k = 0; k < g.n && f->skips_nans; k++)
            g.in[k] = g.in[k] && !is_nan(g.v[k]);
        f->define(r, i, &g, c);
    }
    free_group(&g);
    return r;
}

static void draw_arguments(const reduction *f, call *c, const nd *x, nd **where, nd **weights)
{
    static const double orders[] = {NAN, 2, INFINITY, -INFINITY, 0, 1, 3, 0.5};
    if (takes(f, 'w') && chance(40)) {
        arg w = part_of_shape(chance(80) ? BR_BOOL : draw_dtype("if"), x, SMALL);
        *where = w.v, c->where = w.x;
    }
    if (takes(f, 'i') && (chance(30) || (c->where != NULL && f->needs_elements))) {
        c->has_initial = true;
        c->initial = of_integer(draw(0, 9));
        if (f->result == 's' && x->dtype == BR_BOOL)
            c->initial = (number){'b', draw(0, 1), 0}, c->initial.z = c->initial.i;
    }
    if (takes(f, 'd') && chance(20) && (is_inexact(x->dtype) || !is_product(f)))
        c->dtype = draw_dtype(kind_of(x->dtype) == 'c' ? "c" : "f");
    c->correction = takes(f, 'c') ? (double)draw(0, 3) / 2 : 0;
    c->order = takes(f, 'o') ? orders[draw(0, 7)] : NAN;
    if (takes(f, 'W') && chance(75)) {
        br_dtype dtype = draw_dtype("iuf");
        nd *w = draw_between(dtype, x->ndim, x->shape, 1, 6);
        *weights = w, c->weights = present(w);
    }
}

static void apply(const reduction *f, nd *x, br_array *of, const reduced *by)
{
    nd *where = NULL, *weights = NULL;
    call c = {.x = of, .by = *by};
    draw_arguments(f, &c, x, &where, &weights);
    bool infinite = !isnan(c.order) && isinf(c.order);
    br_array *got = f->build(&c);
    if ((f->needs_elements || infinite) && !c.has_initial && reduces_nothing(x, by)) {
        expect_status(got, BR_ESHAPE);
        return;
    }
    br_dtype both = weights != NULL ? promoted(floating_of(x->dtype), weights->dtype) : x->dtype;
    br_dtype dtype = result_dtype(f, c.dtype != BR_NO_DTYPE ? c.dtype : both);
    nd *v = c.dtype != BR_NO_DTYPE ? nd_converted(x, c.dtype) : x;
    expect(got, reference(f, v, dtype, &c, where, weights));
}

static void reduce(const reduction *f)
{
    nd *x = draw_elements(f);
    reduced by = draw_reduced(x->ndim);
    if (strncmp(f->name, "nanarg", 6) == 0)
        leave_numbers(x, &by);
    apply(f, x, present(x), &by);
}

/* ---- rows ---- */

enum {
#define X(name, kinds, takes, result, skips, needs, arguments, define) OF_##name,
    REDUCTIONS(X) NREDUCTIONS
#undef X
};

#define X(name, kinds, takes, result, skips, needs, arguments, define)                             \
    static br_array *build_##name(const call *c)                                                   \
    {                                                                                              \
        return br_##name(c->x, arguments);                                                         \
    }
REDUCTIONS(X)
#undef X

static const reduction all[] = {
#define X(name, kinds, takes, result, skips, needs, arguments, define)                             \
    {#name, kinds, takes, result, skips, needs, build_##name, define},
    REDUCTIONS(X)
#undef X
};

/* Several at once, of the same operand, which are one pass over it; mostly along the same axes. */
static void several(void)
{
    arg x = any_arg(0, 4, SMALL);
    reduced by = draw_reduced(x.v->ndim);
    for (int64_t n = draw(2, 7); n > 0; n--) {
        const reduction *f = &all[draw(0, NREDUCTIONS - 1)];
        bool defined = memchr(f->kinds, kind_of(the.dtype), strcspn(f->kinds, "/")) != NULL;
        if (defined && !(is_product(f) && is_inexact(the.dtype)))
            apply(f, x.v, x.x, &by);
        if (chance(15))
            by = draw_reduced(x.v->ndim);
    }
}

#define X(name, ...)                                                                               \
    static void make_##name(void)                                                                  \
    {                                                                                              \
        reduce(&all[OF_##name]);                                                                   \
    }
REDUCTIONS(X)
#undef X

const row reduction_rows[] = {
#define X(name, kinds, ...) {#name, kinds, make_##name},
    REDUCTIONS(X)
#undef X
        {"sum max var any (several of one array)", "biufc", several},
    {0},
};
