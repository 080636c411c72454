/* SPDX-License-Identifier: BSD-3-Clause
 * rows_reduction.c - reductions of reduce.h and nan.h with all their arguments, by C calls and
 * texts, one by one and several of one array.
 */
#include "tests/matrix/definitions.h"

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

/* The same call as a text: np.sum(x, axis=(0, 1), keepdims=True). */
static br_array *by_text(const reduction *f, const call *c)
{
    char text[200], axes[100] = "";
    int n = 0;
    for (int k = 0; k < c->by.axes.n; k++)
        n += snprintf(axes + n, sizeof axes - (size_t)n, "%d, ", c->by.axes.axis[k]);
    if (c->by.axes.n == 0)
        snprintf(text, sizeof text, "%s(x, keepdims=%s)", f->name, c->by.keep ? "True" : "False");
    else
        snprintf(text, sizeof text, "np.%s(x, axis=(%s), keepdims=%s)", f->name, axes,
                 c->by.keep ? "True" : "False");
    return br_expr(the.ctx, text, "x", c->x, NULL);
}

static bool is_plain(const call *c)
{
    return c->where == NULL && c->weights == NULL && c->dtype == BR_NO_DTYPE && !c->has_initial &&
           c->correction == 0 && isnan(c->order);
}

static void apply(const reduction *f, nd *x, br_array *of, const reduced *by)
{
    nd *where = NULL, *weights = NULL;
    call c = {.x = of, .by = *by};
    draw_arguments(f, &c, x, &where, &weights);
    bool infinite = !isnan(c.order) && isinf(c.order);
    br_array *got = is_plain(&c) && chance(20) ? by_text(f, &c) : f->build(&c);
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
