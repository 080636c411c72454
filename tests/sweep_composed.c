/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_composed.c - elementwise functions with keyword arguments or several results: clip,
 * isclose, nan_to_num, select, piecewise, divmod, frexp, ldexp, logaddexp, angle; on infinities and
 * NaN, too.
 */
#include "tests/sweep.h"

static const int64_t shape[] = {9, 6};
static const int64_t row[] = {6};

/* Random values with infinities, NaN and zeros of both signs among them. */
static ref *wild(br_dtype dtype, int ndim, const int64_t *extent)
{
    static const long double special[] = {INFINITY, -INFINITY, NAN, 0, -0.0L};
    ref *r = ref_random(dtype, ndim, extent, false, false);
    for (int64_t i = 0; !is_exact(dtype) && i < r->n; i++) {
        int64_t k = random_below(12);
        if (k < 5)
            r->v[i] = is_complex(dtype) && random_below(2) ? CMPLXL(creall(r->v[i]), special[k])
                                                           : (value)special[k];
    }
    return r;
}

/* ---- clip ---- */

static long double clipped(long double x, long double low, long double high)
{
    if (isnan(x) || isnan(low) || isnan(high))
        return NAN;
    x = x < low ? low : x;
    return x > high ? high : x;
}

static void clip_arrays(br_dtype d, int how)
{
    next_case(3);
    ref *x = wild(d, 2, shape), *low = wild(d, 1, row), *high = wild(d, 2, shape);
    ref *both = ref_new(d, 2, shape), *below = ref_new(d, 2, shape), *above = ref_new(d, 2, shape);
    for (int64_t i = 0; i < x->n; i++) {
        long double v = creall(x->v[i]), l = creall(low->v[i % 6]), h = creall(high->v[i]);
        both->v[i] = clipped(v, l, h);
        below->v[i] = clipped(v, l, INFINITY);
        above->v[i] = clipped(v, -INFINITY, h);
    }
    br_array *a = source(x, how), *l = source(low, CUT_2), *h = source(high, CUT_3);
    expect(br_clip(a, l, h), both, 0, 0, "clip %s", br_dtype_name(d));
    expect(br_clip(a, l, BR_NONE), below, 0, 0, "clip %s below", br_dtype_name(d));
    expect(br_clip(a, BR_NONE, h), above, 0, 0, "clip %s above", br_dtype_name(d));
}

/* Numbers of other kinds than x's, and beyond its range. */
static void clip_numbers(br_dtype d, int how)
{
    static const double bounds[][2] = {
        {-1.5, 3.5}, {2, 300}, {-1e30, 1e30}, {-INFINITY, 4}, {-200, -3}};
    long double most = d == BR_BOOL ? 1 : ldexpl(1, 8 * (int)br_dtype_size(d) - is_signed(d)) - 1;
    long double least = is_signed(d) ? -most - 1 : 0;
    for (size_t k = 0; k < sizeof bounds / sizeof bounds[0]; k++) {
        next_case(1);
        ref *x = wild(d, 2, shape), *want = ref_new(d, 2, shape);
        long double low = bounds[k][0], high = bounds[k][1];
        if (is_exact(d)) {
            low = fminl(fmaxl(ceill(low), least), most);
            high = fminl(fmaxl(floorl(high), least), most);
        }
        for (int64_t i = 0; i < x->n; i++)
            want->v[i] = clipped(creall(x->v[i]), low, high);
        expect(br_clip(source(x, how), bounds[k][0], bounds[k][1]), want, 1, 0,
               "clip %s numbers %zu", br_dtype_name(d), k);
    }
}

/* ---- isclose, nan_to_num ---- */

static bool close_to(value a, value b, long double rtol, long double atol, bool equal_nan)
{
    bool nan_a = isnan(creall(a)) || isnan(cimagl(a)), nan_b = isnan(creall(b)) || isnan(cimagl(b));
    if (nan_a || nan_b)
        return equal_nan && nan_a && nan_b;
    if (isinf(cabsl(a)) || isinf(cabsl(b)))
        return a == b;
    return cabsl(a - b) <= atol + rtol * cabsl(b);
}

static void isclose_of(br_dtype d, int how)
{
    next_case(3);
    ref *x = wild(d, 2, shape), *y = wild(d, 1, row);
    ref *want[3];
    for (int k = 0; k < 3; k++)
        want[k] = ref_new(BR_BOOL, 2, shape);
    for (int64_t i = 0; i < x->n; i++) {
        value a = x->v[i], b = y->v[i % 6];
        want[0]->v[i] = close_to(a, b, 1e-5L, 1e-8L, false);
        want[1]->v[i] = close_to(a, b, 0.3L, 0, true);
        want[2]->v[i] = close_to(a, 2, 0, 2.6L, false);
    }
    br_array *a = source(x, how), *b = source(y, CUT_2);
    expect(br_isclose(a, b), want[0], 0, 0, "isclose %s", br_dtype_name(d));
    expect(br_isclose(a, b, .rtol = BR_NUM(0.3), .atol = BR_NUM(0), .equal_nan = true), want[1], 0,
           0, "isclose %s within 0.3", br_dtype_name(d));
    expect(br_isclose(a, 2, .rtol = BR_NUM(0), .atol = BR_NUM(2.6)), want[2], 0, 0,
           "isclose %s to a number", br_dtype_name(d));
}

static long double replaced(long double x, long double nan, long double most, long double least)
{
    return isnan(x) ? nan : isinf(x) ? (x > 0 ? most : least) : x;
}

static void nan_to_num(br_dtype d, int how)
{
    next_case(2);
    ref *x = wild(d, 2, shape), *plain = ref_new(d, 2, shape), *given = ref_new(d, 2, shape);
    long double most = is_narrow(d) ? FLT_MAX : DBL_MAX;
    for (int64_t i = 0; i < x->n; i++) {
        long double re = creall(x->v[i]), im = cimagl(x->v[i]);
        plain->v[i] = CMPLXL(replaced(re, 0, most, -most), replaced(im, 0, most, -most));
        given->v[i] = CMPLXL(replaced(re, 7, 8, -9.5L), replaced(im, 7, 8, -9.5L));
    }
    br_array *a = source(x, how);
    expect(br_nan_to_num(a), plain, 0, 0, "nan_to_num %s", br_dtype_name(d));
    expect(br_nan_to_num(a, .nan = 7, .posinf = BR_NUM(8), .neginf = BR_NUM(-9.5)), given, 0, 0,
           "nan_to_num %s given", br_dtype_name(d));
}

/* ---- choices ---- */

static void select_of(br_dtype d, int how)
{
    next_case(3);
    ref *m = ref_random(BR_BOOL, 2, shape, false, false),
        *n = ref_random(BR_INT8, 1, row, false, false);
    ref *x = ref_random(d, 2, shape, false, false),
        *y = ref_random(BR_FLOAT32, 1, row, false, false);
    br_dtype common = br_result_type(d, BR_FLOAT32);
    ref *first = ref_new(common, 2, shape), *none = ref_new(d == BR_BOOL ? BR_INT64 : d, 2, shape),
        *last = ref_new(d, 2, shape);
    for (int64_t i = 0; i < x->n; i++) {
        value a = x->v[i], b = y->v[i % 6];
        bool one = m->v[i] != 0, two = n->v[i % 6] != 0;
        first->v[i] = one ? a : two ? b : 2;
        none->v[i] = one ? a : 0;
        last->v[i] = two ? as(d, b) : one ? (value)1 : a;
    }
    br_array *conditions[] = {source(m, how), source(n, CUT_2)};
    br_array *a = source(x, how), *b = source(y, CUT_3);
    const br_operand choices[] = {BR_OPERAND(a), BR_OPERAND(b)};
    const br_operand values[] = {BR_OPERAND(1), BR_OPERAND(b)};
    expect(br_select(conditions, choices, 2, .otherwise = BR_OPERAND(2)), first, 0, 0, "select %s",
           br_dtype_name(d));
    expect(br_select(conditions, choices, 1), none, 0, 0, "select %s or 0", br_dtype_name(d));
    if (!is_unsigned(d)) /* negative floats as unsigned numbers are undefined */
        expect(br_piecewise(a, conditions, values, 2, .otherwise = BR_OPERAND(a)), last, 0, 0,
               "piecewise %s", br_dtype_name(d));
}

/* ---- two results, exponents ---- */

static void divmod(br_dtype d, int how)
{
    next_case(2);
    ref *x = ref_random(d, 2, shape, false, false), *y = ref_random(d, 1, row, true, false);
    ref *quotient = ref_new(d, 2, shape), *remainder = ref_new(d, 2, shape);
    for (int64_t i = 0; i < x->n; i++) {
        long double a = creall(x->v[i]), b = creall(y->v[i % 6]);
        quotient->v[i] = floorl(a / b);
        remainder->v[i] = a - b * floorl(a / b);
    }
    br_array *q, *r;
    br_divmod(source(x, how), source(y, CUT_2), &q, &r);
    expect(q, quotient, 0, 0, "divmod %s quotient", br_dtype_name(d));
    expect(r, remainder, 0, 0, "divmod %s remainder", br_dtype_name(d));
}

static void exponents(br_dtype d, int how)
{
    br_dtype f = floating(d);
    next_case(3);
    ref *x = wild(d, 2, shape), *y = ref_random(BR_INT64, 1, row, false, false);
    ref *fraction = ref_new(f, 2, shape), *exponent = ref_new(BR_INT32, 2, shape),
        *scaled = ref_new(f, 2, shape);
    y->v[0] = 5000000000, y->v[1] = -5000000000, y->v[2] = is_narrow(f) ? -145 : -1070;
    for (int64_t i = 0; i < x->n; i++) {
        int e = 0;
        long double v = creall(x->v[i]), by = creall(y->v[i % 6]);
        fraction->v[i] = frexpl(v, &e);
        exponent->v[i] = isfinite(v) ? e : 0;
        scaled->v[i] = as(f, ldexpl(v, by > 9999 ? 9999 : by < -9999 ? -9999 : (int)by));
    }
    br_array *a = source(x, how), *m, *e;
    br_frexp(a, &m, &e);
    expect(m, fraction, 0, 0, "frexp %s fraction", br_dtype_name(d));
    expect(e, exponent, 0, 0, "frexp %s exponent", br_dtype_name(d));
    expect(br_ldexp(a, source(y, CUT_3)), scaled, 0, 0, "ldexp %s", br_dtype_name(d));
}

/* ---- logarithms of sums, angles ---- */

static long double log_of_sum(long double a, long double b, bool two)
{
    if (isnan(a) || isnan(b))
        return NAN;
    long double most = fmaxl(a, b), least = fminl(a, b);
    long double d = isinf(most) || isinf(least) ? (most == least ? 0 : -INFINITY) : least - most;
    return most +
           log1pl(two ? exp2l(d) : expl(d)) * (two ? 1.44269504088896340735992468100189214L : 1);
}

static void logarithms(br_dtype d, int how)
{
    br_dtype f = floating(d);
    next_case(2);
    ref *x = wild(d, 2, shape), *y = wild(d, 1, row);
    ref *e = ref_new(f, 2, shape), *two = ref_new(f, 2, shape);
    for (int64_t i = 0; i < x->n; i++) {
        e->v[i] = log_of_sum(creall(x->v[i]), creall(y->v[i % 6]), false);
        two->v[i] = log_of_sum(creall(x->v[i]), creall(y->v[i % 6]), true);
    }
    br_array *a = source(x, how), *b = source(y, CUT_2);
    expect(br_logaddexp(a, b), e, 2, 1, "logaddexp %s", br_dtype_name(d));
    expect(br_logaddexp2(a, b), two, 2, 1, "logaddexp2 %s", br_dtype_name(d));
}

static void angle(br_dtype d, int how)
{
    next_case(1);
    br_dtype f = is_complex(d) ? (is_narrow(d) ? BR_FLOAT32 : BR_FLOAT64) : floating(d);
    ref *x = wild(d, 2, shape), *want = ref_new(f, 2, shape);
    for (int64_t i = 0; i < x->n; i++)
        want->v[i] = atan2l(cimagl(x->v[i]), creall(x->v[i]));
    expect(br_angle(source(x, how)), want, 2, 0, "angle %s", br_dtype_name(d));
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++) {
        int how = d % NCUTS;
        isclose_of(d, how);
        nan_to_num(d, how);
        select_of(d, how);
        angle(d, how);
        if (is_complex(d))
            continue;
        clip_arrays(d, how);
        if (is_exact(d))
            clip_numbers(d, how);
        if (d != BR_BOOL)
            divmod(d, how);
        exponents(d, how);
        logarithms(d, how);
    }
    return sweep_close();
}
