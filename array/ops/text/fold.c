/* SPDX-License-Identifier: BSD-3-Clause
 * fold.c - operations on numbers alone are done while the text is read, so that 2*pi stays a number
 * and takes the dtype of the array it meets.
 */
#include "array/ops/text/fold.h"

#include <math.h>
#include <string.h>

bool bri_number_is_true(br_number v)
{
    return v.kind == 'b' || v.kind == 'i' || v.kind == 'u' ? bri_integer(v) != 0
                                                           : bri_complex(v) != 0;
}

static br_status undefined_for(const br_number *v, int n)
{
    char kind = bri_common_kind(v, n);
    return bri_error(BR_ETYPE, "not defined for %s",
                     kind == 'c'   ? "complex numbers"
                     : kind == 'f' ? "floats"
                                   : "integers");
}

/* ---- bits ---- */

static bool all_bool(const br_number *v)
{
    return v[0].kind == 'b' && v[1].kind == 'b';
}

#define BITWISE(name, operator)                                                                    \
    static br_status bitwise_##name(const br_number *v, br_number *out)                            \
    {                                                                                              \
        if (bri_common_kind(v, 2) != 'i')                                                          \
            return undefined_for(v, 2);                                                            \
        bri_wide r = bri_integer(v[0]) operator bri_integer(v[1]);                                 \
        if (all_bool(v)) {                                                                         \
            *out = br_number_bool(r != 0);                                                         \
            return BR_OK;                                                                          \
        }                                                                                          \
        return bri_integer_result(false, r, out);                                                  \
    }
BITWISE(and, &)
BITWISE(or, |)
BITWISE(xor, ^)

static br_status bitwise_invert(const br_number *v, br_number *out)
{
    return bri_common_kind(v, 1) == 'i' ? bri_integer_result(false, ~bri_integer(*v), out)
                                        : undefined_for(v, 1);
}

/* The number of bits, which may be large where there is nothing left to move. */
static br_status shift_count(const br_number *v, int *count)
{
    if (bri_common_kind(v, 2) != 'i')
        return undefined_for(v, 2);
    bri_wide n = bri_integer(v[1]);
    if (n < 0)
        return bri_error(BR_EARG, "a negative number of bits");
    *count = n < 100 ? (int)n : 100;
    return BR_OK;
}

static br_status bitwise_left_shift(const br_number *v, br_number *out)
{
    int count = 0;
    BRI_TRY(shift_count(v, &count));
    bri_wide a = bri_integer(v[0]);
    bri_wide r = 0;
    bool fits = a == 0 || (count < 64 && !__builtin_mul_overflow(a, (bri_wide)1 << count, &r));
    return bri_integer_result(!fits, r, out);
}

static br_status bitwise_right_shift(const br_number *v, br_number *out)
{
    int count = 0;
    BRI_TRY(shift_count(v, &count));
    return bri_integer_result(false, bri_integer(v[0]) >> count, out);
}

/* ---- comparisons and logic ---- */

/* long double holds every number of 64 bits exactly. */
static long double exact(br_number v)
{
    return v.kind == 'f' || v.kind == 'c' ? (long double)v.re : (long double)bri_integer(v);
}

static bool same(const br_number *v)
{
    return exact(v[0]) == exact(v[1]) && cimag(bri_complex(v[0])) == cimag(bri_complex(v[1]));
}

static br_status equal(const br_number *v, br_number *out)
{
    *out = br_number_bool(same(v));
    return BR_OK;
}

static br_status not_equal(const br_number *v, br_number *out)
{
    *out = br_number_bool(!same(v));
    return BR_OK;
}

#define COMPARISON(name, operator)                                                                 \
    static br_status name(const br_number *v, br_number *out)                                      \
    {                                                                                              \
        if (bri_common_kind(v, 2) == 'c')                                                          \
            return undefined_for(v, 2);                                                            \
        *out = br_number_bool(exact(v[0]) operator exact(v[1]));                                   \
        return BR_OK;                                                                              \
    }
COMPARISON(less, <)
COMPARISON(less_equal, <=)
COMPARISON(greater, >)
COMPARISON(greater_equal, >=)

#define LOGIC(name, operator)                                                                      \
    static br_status logical_##name(const br_number *v, br_number *out)                            \
    {                                                                                              \
        *out = br_number_bool(bri_number_is_true(v[0]) operator bri_number_is_true(v[1]));         \
        return BR_OK;                                                                              \
    }
LOGIC(and, &&)
LOGIC(or, ||)
LOGIC(xor, !=)

static br_status logical_not(const br_number *v, br_number *out)
{
    *out = br_number_bool(!bri_number_is_true(*v));
    return BR_OK;
}

/* The other operand unless this one is wanted or is a NaN. */
static br_status extreme(const br_number *v, bool first, br_number *out)
{
    if (bri_common_kind(v, 2) == 'c')
        return undefined_for(v, 2);
    *out = v[first || isnan(v[0].re) ? 0 : 1];
    return BR_OK;
}

static br_status minimum(const br_number *v, br_number *out)
{
    return extreme(v, exact(v[0]) < exact(v[1]), out);
}

static br_status maximum(const br_number *v, br_number *out)
{
    return extreme(v, exact(v[0]) > exact(v[1]), out);
}

static br_status where(const br_number *v, br_number *out)
{
    *out = v[bri_number_is_true(v[0]) ? 1 : 2];
    return BR_OK;
}

static br_status square(const br_number *v, br_number *out)
{
    return bri_fold_multiply((br_number[]){*v, *v}, out);
}

static br_status positive(const br_number *v, br_number *out)
{
    *out = v->kind == 'b' ? br_number_int(v->i) : *v;
    return BR_OK;
}

static br_status real(const br_number *v, br_number *out)
{
    *out = v->kind == 'c' ? br_number_float(v->re) : *v;
    return BR_OK;
}

static br_status imag(const br_number *v, br_number *out)
{
    *out = v->kind == 'c'   ? br_number_float(v->im)
           : v->kind == 'f' ? br_number_float(0)
                            : br_number_int(0);
    return BR_OK;
}

static br_status conjugate(const br_number *v, br_number *out)
{
    *out = v->kind == 'c' ? br_number_complex(v->re, -v->im) : *v;
    return BR_OK;
}

/* ---- functions of the C library ---- */

#define BRI_FOLD_BOTH(name, real, complex)                                                         \
    static br_status of_##name(const br_number *v, br_number *out)                                 \
    {                                                                                              \
        double x = v->re;                                                                          \
        double _Complex z = bri_complex(*v);                                                       \
        *out = v->kind == 'c' ? bri_complex_number(complex) : br_number_float(real);               \
        return BR_OK;                                                                              \
    }
#define BRI_FOLD_REAL(name, real)                                                                  \
    static br_status of_##name(const br_number *v, br_number *out)                                 \
    {                                                                                              \
        double x = v->re;                                                                          \
        *out = br_number_float(real);                                                              \
        return v->kind == 'c' ? undefined_for(v, 1) : BR_OK;                                       \
    }
#define BRI_FOLD_ROUND(name, real)                                                                 \
    static br_status of_##name(const br_number *v, br_number *out)                                 \
    {                                                                                              \
        double x = v->re;                                                                          \
        *out = v->kind == 'f' ? br_number_float(real) : *v;                                        \
        return v->kind == 'c' ? undefined_for(v, 1) : BR_OK;                                       \
    }
#define BRI_FOLD_PAIR(name, real)                                                                  \
    static br_status of_##name(const br_number *v, br_number *out)                                 \
    {                                                                                              \
        double x = v[0].re;                                                                        \
        double y = v[1].re;                                                                        \
        *out = br_number_float(real);                                                              \
        return bri_common_kind(v, 2) == 'c' ? undefined_for(v, 2) : BR_OK;                         \
    }
#include "array/ops/text/fold.def"
#undef BRI_FOLD_BOTH
#undef BRI_FOLD_REAL
#undef BRI_FOLD_ROUND
#undef BRI_FOLD_PAIR

/* ---- the table ---- */

static const struct {
    const char *name;
    int arity;
    bri_fold_rule rule;
} rules[] = {
    {"add", 2, bri_fold_add},
    {"subtract", 2, bri_fold_subtract},
    {"multiply", 2, bri_fold_multiply},
    {"divide", 2, bri_fold_divide},
    {"floor_divide", 2, bri_fold_floor_divide},
    {"remainder", 2, bri_fold_remainder},
    {"pow", 2, bri_fold_pow},
    {"negative", 1, bri_fold_negative},
    {"positive", 1, positive},
    {"abs", 1, bri_fold_abs},
    {"square", 1, square},
    {"bitwise_and", 2, bitwise_and},
    {"bitwise_or", 2, bitwise_or},
    {"bitwise_xor", 2, bitwise_xor},
    {"bitwise_invert", 1, bitwise_invert},
    {"bitwise_left_shift", 2, bitwise_left_shift},
    {"bitwise_right_shift", 2, bitwise_right_shift},
    {"equal", 2, equal},
    {"not_equal", 2, not_equal},
    {"less", 2, less},
    {"less_equal", 2, less_equal},
    {"greater", 2, greater},
    {"greater_equal", 2, greater_equal},
    {"logical_and", 2, logical_and},
    {"logical_or", 2, logical_or},
    {"logical_xor", 2, logical_xor},
    {"logical_not", 1, logical_not},
    {"minimum", 2, minimum},
    {"maximum", 2, maximum},
    {"where", 3, where},
    {"real", 1, real},
    {"imag", 1, imag},
    {"conj", 1, conjugate},
#define BRI_FOLD_BOTH(name, ...)  {#name, 1, of_##name},
#define BRI_FOLD_REAL(name, ...)  {#name, 1, of_##name},
#define BRI_FOLD_ROUND(name, ...) {#name, 1, of_##name},
#define BRI_FOLD_PAIR(name, ...)  {#name, 2, of_##name},
#include "array/ops/text/fold.def"
#undef BRI_FOLD_BOTH
#undef BRI_FOLD_REAL
#undef BRI_FOLD_ROUND
#undef BRI_FOLD_PAIR
};

br_status bri_fold(const char *name, const br_number *v, int n, br_number *out)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].name, name) == 0 && rules[i].arity == n)
            return rules[i].rule(v, out);
    return bri_error(BR_EARG, "%s of numbers alone is not supported: one operand must be an array",
                     name);
}

const char *bri_fold_name(const char *name, size_t length, int *arity)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (bri_same_name(name, length, rules[i].name)) {
            *arity = rules[i].arity;
            return rules[i].name;
        }
    return NULL;
}
