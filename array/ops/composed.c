/* SPDX-License-Identifier: BSD-3-Clause
 * composed.c - elementwise functions that are expressions of others. They cost no pass of their
 * own: everything elementwise is fused.
 */
#include <float.h>
#include <math.h>

#include <bramble/elementwise.h>
#include <bramble/functions.h>

#include "array/ops/ops.h"

/* ---- building ---- */

static br_operand number(double v)
{
    return br_operand_number(br_number_float(v));
}

static br_array *unary(const bri_call *call, bri_opcode op, br_array *x)
{
    br_operand operand = br_operand_array(x);
    return bri_elementwise_as(call->what, op, &operand, call->at);
}

static br_array *binary(const bri_call *call, bri_opcode op, br_array *x, br_operand y)
{
    return bri_elementwise_as(call->what, op, (br_operand[]){br_operand_array(x), y}, call->at);
}

static br_array *both(const bri_call *call, bri_opcode op, br_array *x, br_array *y)
{
    return binary(call, op, x, br_operand_array(y));
}

static br_array *choose(const bri_call *call, br_array *condition, br_operand x, br_operand y)
{
    br_operand operands[] = {br_operand_array(condition), x, y};
    return bri_elementwise_as(call->what, BRI_OP_WHERE, operands, call->at);
}

/* An operand as an array of dtype. */
static br_array *converted(const bri_call *call, const br_operand *x, br_dtype dtype)
{
    br_array *array = bri_operand_array(call, x, dtype);
    return array->status != BR_OK || array->node->dtype == dtype
               ? array
               : br_astype_(array, dtype, call->at);
}

static br_array *refused(const bri_call *call, br_dtype dtype)
{
    return bri_handle_error(call, bri_error(BR_ETYPE, "not defined for %s", br_dtype_name(dtype)));
}

/* The dtype in which integers and bool are computed in functions of floats. */
static br_dtype floating(br_dtype dtype)
{
    return bri_kind(dtype) == 'f' || bri_kind(dtype) == 'c' ? dtype : BR_FLOAT64;
}

/* ---- functions of operands ---- */

/* For real x the angle of x + 0i. */
static br_array *make_angle(bri_call *call, const br_operand *x)
{
    br_array *z = converted(call, x, floating(bri_common_dtype(x, 1)));
    return both(call, BRI_OP_ATAN2, unary(call, BRI_OP_IMAG, z), unary(call, BRI_OP_REAL, z));
}

/* The larger plus log(1 + base^-|x - y|) / log(base). Where both are the same, infinities too, the
 * difference may be NaN; it is x + log(2) / log(base). */
static br_array *add_logarithms(const bri_call *call, const br_operand *xy, bri_opcode exp,
                                double factor, double same)
{
    br_dtype dtype = floating(bri_common_dtype(xy, 2));
    if (bri_kind(dtype) == 'c')
        return refused(call, dtype);
    br_array *x = converted(call, &xy[0], dtype), *y = converted(call, &xy[1], dtype);
    br_array *distance = unary(call, BRI_OP_ABS, both(call, BRI_OP_SUBTRACT, x, y));
    br_array *ratio = unary(call, exp, unary(call, BRI_OP_NEGATIVE, distance));
    br_array *more = unary(call, BRI_OP_LOG1P, ratio);
    if (factor != 1)
        more = binary(call, BRI_OP_MULTIPLY, more, number(factor));
    br_array *sum = both(call, BRI_OP_ADD, both(call, BRI_OP_MAXIMUM, x, y), more);
    br_array *twice = binary(call, BRI_OP_ADD, x, number(same));
    return choose(call, both(call, BRI_OP_EQUAL, x, y), br_operand_array(twice),
                  br_operand_array(sum));
}

static br_array *make_logaddexp(bri_call *call, const br_operand *xy)
{
    return add_logarithms(call, xy, BRI_OP_EXP, 1, M_LN2);
}

static br_array *make_logaddexp2(bri_call *call, const br_operand *xy)
{
    return add_logarithms(call, xy, BRI_OP_EXP2, M_LOG2E, 1);
}

/* The exponents are passed on in x's own dtype: float32 is wide enough for all that matter. */
static br_array *make_ldexp(bri_call *call, const br_operand *xy)
{
    br_dtype dtype = floating(bri_common_dtype(xy, 1));
    char kind = xy[1].array != NULL ? bri_kind(xy[1].array->node->dtype) : xy[1].number.kind;
    if (kind != 'i' && kind != 'u' && kind != 'b')
        return bri_handle_error(call, bri_error(BR_ETYPE, "exponents must be integers"));
    if (bri_kind(dtype) == 'c')
        return refused(call, dtype);
    return both(call, BRI_OP_SCALE, converted(call, &xy[0], dtype), converted(call, &xy[1], dtype));
}

/* ---- clip ---- */

static bool given(const br_operand *x)
{
    return x->array != NULL || x->number.kind != 0;
}

/* A number as the nearest integer that lies within the bound, in the range of dtype. long double
 * holds every 64-bit integer. */
static br_number whole_bound(br_number n, br_dtype dtype, bool lower)
{
    const bool is_signed = bri_kind(dtype) == 'i';
    const int bits = dtype == BR_BOOL ? 1 : 8 * (int)bri_dtypes[dtype].size - is_signed;
    const long double greatest = ldexpl(1, bits) - 1;
    const long double least = is_signed ? -greatest - 1 : 0;
    long double v = n.kind == 'u'   ? (long double)n.u
                    : n.kind != 'f' ? (long double)n.i
                    : lower         ? ceil(n.re)
                                    : floor(n.re);
    v = v < least ? least : v > greatest ? greatest : v;
    return v < 0 ? br_number_int((long long)v) : br_number_uint((unsigned long long)v);
}

/* Brings a bound to x's dtype. */
static br_status fit_bound(br_operand *bound, br_dtype dtype, bool lower)
{
    bool whole = bri_kind(dtype) != 'f';
    if (bound->array != NULL) {
        br_dtype own = bound->array->node->dtype;
        if (br_result_type(own, dtype) != dtype)
            return bri_error(BR_ETYPE, "bounds are %s, which %s does not hold", br_dtype_name(own),
                             br_dtype_name(dtype));
    } else if (bound->number.kind == 'c') {
        return bri_error(BR_ETYPE, "complex numbers have no order");
    } else if (whole && bound->number.kind == 'f' && isnan(bound->number.re)) {
        return bri_error(BR_EARG, "NaN is no bound of %s", br_dtype_name(dtype));
    } else if (whole) {
        bound->number = whole_bound(bound->number, dtype, lower);
    }
    return BR_OK;
}

static br_array *make_clip(bri_call *call, const br_operand *operands)
{
    br_operand bounds[] = {operands[1], operands[2]};
    br_array *x = operands[0].array;
    if (x == NULL)
        return bri_handle_error(call, bri_error(BR_EARG, "x must be an array"));
    br_dtype dtype = x->node->dtype;
    if (bri_kind(dtype) == 'c')
        return refused(call, dtype);
    for (int i = 0; i < 2; i++) {
        br_status st = given(&bounds[i]) ? fit_bound(&bounds[i], dtype, i == 0) : BR_OK;
        if (st != BR_OK)
            return bri_handle_error(call, st);
    }
    if (given(&bounds[0]))
        x = both(call, BRI_OP_MAXIMUM, x, converted(call, &bounds[0], dtype));
    if (given(&bounds[1]))
        x = both(call, BRI_OP_MINIMUM, x, converted(call, &bounds[1], dtype));
    return x != operands[0].array ? x : br_astype_(x, dtype, call->at);
}

/* ---- functions with keyword arguments ---- */

static br_number default_number(br_number n, double v)
{
    return n.kind != 0 ? n : br_number_float(v);
}

/* Infinities are close to themselves only. */
static br_array *close_to(bri_call *call, const br_isclose_args *args)
{
    br_operand xy[] = {args->x, args->y};
    br_number rtol = default_number(args->rtol, 1e-5), atol = default_number(args->atol, 1e-8);
    br_dtype dtype = floating(bri_common_dtype(xy, 2));
    br_array *x = converted(call, &xy[0], dtype), *y = converted(call, &xy[1], dtype);
    br_array *distance = unary(call, BRI_OP_ABS, both(call, BRI_OP_SUBTRACT, x, y));
    br_array *within =
        binary(call, BRI_OP_MULTIPLY, unary(call, BRI_OP_ABS, y), br_operand_number(rtol));
    within = binary(call, BRI_OP_ADD, within, br_operand_number(atol));
    br_array *near = both(call, BRI_OP_LESS_EQUAL, distance, within);
    near = both(call, BRI_OP_LOGICAL_AND, near, unary(call, BRI_OP_ISFINITE, y));
    near = both(call, BRI_OP_LOGICAL_OR, near, both(call, BRI_OP_EQUAL, x, y));
    if (!args->equal_nan)
        return near;
    br_array *nans =
        both(call, BRI_OP_LOGICAL_AND, unary(call, BRI_OP_ISNAN, x), unary(call, BRI_OP_ISNAN, y));
    return both(call, BRI_OP_LOGICAL_OR, near, nans);
}

static br_array *make_isclose(bri_call *call, const br_operand *xy)
{
    return close_to(call, &(br_isclose_args){.x = xy[0], .y = xy[1]});
}

br_array *br_isclose_(br_isclose_args args)
{
    bri_call call = {NULL, "isclose", args.at};
    br_array *failed = bri_check_operands(&call, (br_operand[]){args.x, args.y}, 2);
    return failed != NULL ? failed : close_to(&call, &args);
}

static br_array *replaced(const bri_call *call, br_array *x, const br_nan_to_num_args *args)
{
    const double largest = bri_real_dtype(x->node->dtype) == BR_FLOAT32 ? FLT_MAX : DBL_MAX;
    const struct {
        bri_opcode test;
        br_number value;
    } rows[] = {
        {BRI_OP_ISNAN, br_number_float(args->nan)},
        {BRI_OP_ISPOSINF, default_number(args->posinf, largest)},
        {BRI_OP_ISNEGINF, default_number(args->neginf, -largest)},
    };
    br_array *result = x;
    for (int i = 0; i < 3; i++)
        result = choose(call, unary(call, rows[i].test, x), br_operand_number(rows[i].value),
                        br_operand_array(result));
    return result;
}

static br_array *numbers_of(bri_call *call, const br_nan_to_num_args *args)
{
    br_array *x = args->x;
    if (args->posinf.kind == 'c' || args->neginf.kind == 'c')
        return bri_handle_error(call, bri_error(BR_ETYPE, "replacements must be real"));
    char kind = bri_kind(x->node->dtype);
    if (kind == 'f')
        return replaced(call, x, args);
    if (kind != 'c')
        return br_astype_(x, x->node->dtype, call->at);
    br_array *re = unary(call, BRI_OP_REAL, x), *im = unary(call, BRI_OP_IMAG, x);
    if (re->status != BR_OK || im->status != BR_OK)
        return re->status != BR_OK ? re : im;
    return both(call, BRI_OP_JOIN, replaced(call, re, args), replaced(call, im, args));
}

static br_array *make_nan_to_num(bri_call *call, const br_operand *x)
{
    return numbers_of(call, &(br_nan_to_num_args){.x = x->array});
}

br_array *br_nan_to_num_(br_nan_to_num_args args)
{
    bri_call call = {NULL, "nan_to_num", args.at};
    br_array *failed = bri_check_call(&call, &args.x, 1);
    return failed != NULL ? failed : numbers_of(&call, &args);
}

/* ---- two results ---- */

void br_divmod_(br_operand x, br_operand y, br_array **quotient, br_array **remainder, br_place at)
{
    br_operand xy[] = {x, y};
    *quotient = bri_elementwise_as("divmod", BRI_OP_FLOOR_DIVIDE, xy, at);
    *remainder = bri_elementwise_as("divmod", BRI_OP_REMAINDER, xy, at);
}

void br_frexp_(br_operand x, br_array **fraction, br_array **exponent, br_place at)
{
    *fraction = bri_elementwise_as("frexp", BRI_OP_FRACTION, &x, at);
    *exponent = br_astype_(bri_elementwise_as("frexp", BRI_OP_EXPONENT, &x, at), BR_INT32, at);
}

/* ---- the functions of composed.def ---- */

/* Bounds of clip may be missing, which is why operands after the first are left out here. */
static br_array *check(bri_call *call, const br_operand *operands, int arity)
{
    br_operand list[3];
    int n = 0;
    for (int i = 0; i < arity; i++)
        if (arity < 3 || i == 0 || given(&operands[i]))
            list[n++] = operands[i];
    return bri_check_operands(call, list, n);
}

#define BRI_COMPOSED(name, arity)                                                                  \
    br_array *bri_composed_##name(const br_operand *operands, br_place at)                         \
    {                                                                                              \
        bri_call call = {NULL, #name, at};                                                         \
        br_array *failed = check(&call, operands, arity);                                          \
        return failed != NULL ? failed : make_##name(&call, operands);                             \
    }
#include "array/ops/composed.def"
#undef BRI_COMPOSED

br_array *br_angle_(br_operand x, br_place at)
{
    return bri_composed_angle(&x, at);
}

br_array *br_clip_(br_operand x, br_operand min, br_operand max, br_place at)
{
    return bri_composed_clip((br_operand[]){x, min, max}, at);
}

br_array *br_ldexp_(br_operand x, br_operand y, br_place at)
{
    return bri_composed_ldexp((br_operand[]){x, y}, at);
}

br_array *br_logaddexp_(br_operand x, br_operand y, br_place at)
{
    return bri_composed_logaddexp((br_operand[]){x, y}, at);
}

br_array *br_logaddexp2_(br_operand x, br_operand y, br_place at)
{
    return bri_composed_logaddexp2((br_operand[]){x, y}, at);
}
