/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_reduce_more.c - reductions with masks, initial values and without NaNs, places of extremes,
 * norms and averages: each of every dtype over sets of axes and chunkings, against the definition
 * applied to a list of elements.
 */
#include "tests/reduction.h"
#include "tests/sweep.h"

/* clang-format off */
static const struct { int ndim; int64_t extent[4]; } shapes[] = {
    {0, {0}}, {1, {1}}, {1, {7}}, {1, {0}}, {3, {3, 0, 2}}, {2, {5, 7}}, {3, {2, 3, 5}}, {2, {37, 3}},
    {1, {1543}}, {4, {3, 2, 1, 5}}, {2, {3, 700}}, {2, {1100, 2}},
};
/* clang-format on */
enum { NSHAPES = sizeof shapes / sizeof shapes[0] };

/* ---- the library ---- */

static br_number given(bool has, double v)
{
    return !has ? (br_number){0} : v == (int)v ? BR_NUM((int)v) : BR_NUM(v);
}

/* The members that the rows of `takes` name, by the arguments' type. */
#define COMMON .at = BR_HERE, .x = x, .axis = t->axes, .keepdims = t->keep

static br_array *apply(const test *t, br_array *x, br_array *where, br_array *weights)
{
    bool logical = t->x->dtype == BR_BOOL && info[t->k].result == 's';
    const br_number initial =
        t->has_initial && logical ? BR_NUM((bool)t->initial) : given(t->has_initial, t->initial);
    const br_sum_args sum = {COMMON, .dtype = t->dtype, .where = where, .initial = initial};
    const br_mean_args mean = {COMMON, .dtype = t->dtype, .where = where};
    const br_var_args var = {COMMON, .correction = t->correction, .dtype = t->dtype,
                             .where = where};
    const br_min_args min = {COMMON, .where = where, .initial = initial};
    const br_any_args any = {COMMON, .where = where};
    const br_reduce_args plain = {COMMON};
    /* clang-format off */
    switch (t->k) {
    case K_sum: return br_sum_(sum);
    case K_prod: return br_prod_(sum);
    case K_nansum: return br_nansum_(sum);
    case K_nanprod: return br_nanprod_(sum);
    case K_mean: return br_mean_(mean);
    case K_nanmean: return br_nanmean_(mean);
    case K_var: return br_var_(var);
    case K_std: return br_std_(var);
    case K_nanvar: return br_nanvar_(var);
    case K_nanstd: return br_nanstd_(var);
    case K_min: return br_min_(min);
    case K_max: return br_max_(min);
    case K_nanmin: return br_nanmin_(min);
    case K_nanmax: return br_nanmax_(min);
    case K_any: return br_any_(any);
    case K_all: return br_all_(any);
    case K_argmin: return br_argmin_(plain);
    case K_argmax: return br_argmax_(plain);
    case K_nanargmin: return br_nanargmin_(plain);
    case K_nanargmax: return br_nanargmax_(plain);
    case K_count_nonzero: return br_count_nonzero_(plain);
    case K_ptp: return br_ptp_(plain);
    case K_logsumexp: return br_logsumexp_(plain);
    case K_vector_norm: return br_vector_norm(x, .axis = t->axes, .keepdims = t->keep,
                                              .ord = given(t->has_order, t->order));
    default: return br_average(x, .axis = t->axes, .keepdims = t->keep, .weights = weights);
    }
    /* clang-format on */
}

/* ---- cases ---- */

static char letter(br_dtype d)
{
    return d == BR_BOOL ? 'b' : is_signed(d) ? 'i' : is_unsigned(d) ? 'u' : is_float(d) ? 'f' : 'c';
}

/* Is there a value over no elements? */
static bool has_value(const test *t)
{
    bool ordered = t->k == K_min || t->k == K_max || t->k == K_nanmin || t->k == K_nanmax;
    bool place = info[t->k].result == 'n' && t->k != K_count_nonzero;
    bool infinite = t->k == K_vector_norm && t->has_order && isinf(t->order);
    bool nothing = false;
    for (int a = 0; a < t->x->ndim; a++)
        nothing |= (t->mask >> a & 1) && t->x->shape[a] == 0;
    return !nothing || t->has_initial || !(ordered || place || infinite || t->k == K_ptp);
}

/* Elements near 1 for products; else small numbers, equal ones among them, and NaNs where `nans`,
 * in some columns only them. */
static ref *elements(kind k, br_dtype d, int ndim, const int64_t *shape, bool nans)
{
    ref *r = ref_random(d, ndim, shape, k == K_all, false);
    int64_t last = ndim > 0 ? shape[ndim - 1] : 1;
    for (int64_t i = 0; i < r->n; i++) {
        if (k == K_prod || k == K_nanprod)
            r->v[i] = as(d, is_exact(d) ? is_signed(d) && random_below(2) ? -1 : 1
                                        : 1 + (random_below(65) - 32) / 2048.0L);
        if (nans && !is_exact(d) &&
            (random_below(k < K_nansum ? 40 : 4) == 0 || (i % last == 1 && last < 6)))
            r->v[i] = is_complex(d) ? (i % 2 && skips(k) ? 1 : NAN) + I * (value)NAN : (value)NAN;
    }
    return r;
}

/* A mask of x's shape or one that broadcasts to it. */
static ref *mask_for(const ref *x, int turn)
{
    int64_t shape[REF_NDIM];
    int drop = turn / 2 % 3 == 1 && x->ndim > 0;
    for (int a = drop; a < x->ndim; a++)
        shape[a - drop] = turn / 2 % 3 == 2 && a % 2 ? 1 : x->shape[a];
    ref *m = ref_random(turn % 5 == 4 ? BR_FLOAT32 : BR_BOOL, x->ndim - drop, shape, false, true);
    if (turn % 11 == 0)
        for (int64_t i = 0; i < m->n; i++)
            m->v[i] = 0;
    return m;
}

static void set_arguments(test *t, int turn)
{
    static const double orders[] = {2, INFINITY, -INFINITY, 0, 1, 3, 0.5};
    br_dtype d = t->x->dtype;
    t->correction = takes(t->k, 'c') ? (turn % 4) * 0.5 : 0;
    if (takes(t->k, 'w') && turn % 2)
        t->where = mask_for(t->x, turn / 2);
    t->has_initial =
        takes(t->k, 'i') && (turn % 3 == 0 || (t->where != NULL && info[t->k].result == 's'));
    t->initial = d == BR_BOOL && info[t->k].result == 's' ? 1 : turn % 7 + 2;
    if (takes(t->k, 'd') && turn % 6 == 5 && !is_complex(d))
        t->dtype = turn % 4 ? BR_FLOAT64 : BR_FLOAT32;
    t->has_order = takes(t->k, 'o') && turn % 8 > 0;
    t->order = orders[turn % 7];
    if (takes(t->k, 'W') && turn % 4) {
        int64_t shape[REF_NDIM];
        int drop = turn % 4 == 1 && t->x->ndim > 0;
        for (int a = drop; a < t->x->ndim; a++)
            shape[a - drop] = turn % 4 == 2 && a % 2 ? 1 : t->x->shape[a];
        t->weights =
            ref_random(turn % 3 ? BR_FLOAT64 : BR_INT16, t->x->ndim - drop, shape, true, true);
    }
}

static br_axes axes_of(unsigned mask, int ndim, int turn)
{
    br_axes axes = {mask == 0 ? -1 : 0, {0}};
    if (mask == (1u << ndim) - 1 && turn % 2)
        return (br_axes){0}; /* all of them, not named */
    for (int a = 0; a < ndim; a++)
        if (mask >> a & 1)
            axes.axis[axes.n++] = a % 2 ? a - ndim : a;
    return axes;
}

static double scale_of(const test *t)
{
    bool moments = takes(t->k, 'c') || t->k == K_logsumexp || t->k == K_average;
    return t->k == K_prod || t->k == K_nanprod ? 2 : moments ? 4 : 40;
}

/* Weights with fewer axes than x that vary along kept axes only are refused. */
static bool refused(const test *t)
{
    int added = t->x->ndim - t->weights->ndim;
    bool varies = false;
    for (int a = 0; a < t->weights->ndim; a++) {
        if (t->weights->shape[a] != 1 && t->mask >> (a + added) & 1)
            return false;
        varies = varies || t->weights->shape[a] != 1;
    }
    return varies && added > 0 && t->mask != 0;
}

static void try_one(kind k, br_dtype d, int shape, unsigned mask, int turn)
{
    next_case(1);
    int ndim = shapes[shape].ndim;
    test t = {.k = k, .mask = mask, .keep = turn % 3 == 0, .axes = axes_of(mask, ndim, turn)};
    t.x = elements(k, d, ndim, shapes[shape].extent, turn % 4 < 2 || skips(k));
    set_arguments(&t, turn);
    if (!has_value(&t))
        return;
    if (k == K_nanargmin || k == K_nanargmax)
        leave_numbers(&t);
    int how = t.x->n > 100 && turn % NCUTS == CUT_1 ? CUT_3 : turn % NCUTS;
    /* Weights of the shape of one axis are taken along it; the others, which broadcast, are meant
     * here. */
    if (t.weights != NULL &&
        ((t.weights->ndim == t.axes.n && t.weights->ndim < ndim) || refused(&t)))
        t.weights = NULL;
    ref *want = expected(&t);
    if (k == K_average && t.weights != NULL && d == BR_FLOAT32 && t.weights->dtype == BR_FLOAT64)
        want->dtype = BR_FLOAT64;
    if (k == K_average && t.weights != NULL && d == BR_COMPLEX64 && t.weights->dtype == BR_FLOAT64)
        want->dtype = BR_COMPLEX128;
    br_array *where =
        t.where != NULL ? source(t.where, turn / 2 % NCUTS == CUT_1 ? CUT_2 : CUT_AUTO) : NULL;
    br_array *weights = t.weights != NULL ? source(t.weights, CUT_2) : NULL;
    expect(apply(&t, source(t.x, how), where, weights), want, 32, scale_of(&t),
           "%s %s shape %d axes %x turn %d", info[k].name, br_dtype_name(d), shape, mask, turn);
}

static void all_kinds(void)
{
    int turn = 0;
    for (kind k = 0; k < NKINDS; k++)
        for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
            for (int s = 0; s < NSHAPES && strchr(info[k].kinds, letter(d)); s++)
                for (unsigned mask = 0; mask < 1u << shapes[s].ndim; mask++) {
                    turn++;
                    if (d == BR_FLOAT64 || (turn + mask) % 7 == 0)
                        try_one(k, d, s, mask, turn);
                }
}

/* Weights given along axes, also listed in another order than x has them. */
static void average_along_axes(void)
{
    const int64_t shape[] = {4, 5, 6};
    const int64_t turned[] = {6, 4};
    for (int how = 0; how < NCUTS; how++) {
        next_case(2);
        test t = {.k = K_average, .mask = 5};
        t.x = ref_random(BR_FLOAT64, 3, shape, false, false);
        ref *w = ref_random(BR_FLOAT64, 2, turned, true, true);
        const int64_t placed[] = {4, 1, 6};
        t.weights = ref_new(BR_FLOAT64, 3, placed);
        for (int64_t i = 0; i < w->n; i++)
            t.weights->v[i % 4 * 6 + i / 4] = w->v[i];
        expect(br_average(source(t.x, how), .axis = BR_AXES(2, 0), .weights = source(w, CUT_2)),
               expected(&t), 32, 8, "average along axes 2 and 0 cut %d", how);
        const int64_t middle[] = {5, 1};
        test one_axis = {.k = K_average, .mask = 2, .x = t.x, .keep = true};
        one_axis.weights = ref_random(BR_INT32, 2, middle, true, true);
        br_array *line = br_reshape(source(one_axis.weights, CUT_WHOLE), BR_SHAPE(5));
        expect(br_average(source(t.x, how), .axis = BR_AXIS(1), .weights = line, .keepdims = true),
               expected(&one_axis), 32, 8, "average along axis 1 cut %d", how);
    }
}

/* Infinities and signed zeros. */
static void infinities(void)
{
    const int64_t shape[] = {3, 600};
    const kind kinds[] = {K_argmin, K_argmax, K_nanargmin, K_nanargmax,
                          K_nanmin, K_nanmax, K_logsumexp, K_nansum};
    for (int how = 0; how < NCUTS; how++)
        for (int i = 0; i < 8; i++) {
            next_case(1);
            test t = {.k = kinds[i], .mask = 2, .axes = BR_AXIS(1)};
            t.x = ref_random(i % 2 ? BR_FLOAT32 : BR_FLOAT64, 2, shape, false, false);
            for (int64_t j = 0; j < 600; j++) {
                t.x->v[j] = j < 20 ? (value)NAN : i % 2 ? (value)-INFINITY : (value)INFINITY;
                t.x->v[600 + j] = j % 3 ? 0.0L : -0.0L;
            }
            t.x->v[1200 + 77] = INFINITY;
            t.x->v[1200 + 555] = t.k == K_nansum ? 1 : (value)-INFINITY;
            expect(apply(&t, source(t.x, how == CUT_1 ? CUT_2 : how), NULL, NULL), expected(&t), 32,
                   4, "%s of infinities cut %d", info[t.k].name, how);
        }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    all_kinds();
    average_along_axes();
    infinities();
    return sweep_close();
}
