/* SPDX-License-Identifier: BSD-3-Clause
 * rows_elementwise.c - elementwise functions, one row of elementwise.def each: broadcasting,
 * promotion, numbers beside arrays; the values are those of tests/op_reference.h.
 */
#include "tests/matrix/matrix.h"

typedef struct function {
    bri_opcode op;
    const char *name;
    br_array *(*of1)(br_operand x, br_place at);
    br_array *(*of2)(br_operand x, br_operand y, br_place at);
    const char *kinds;
    char result, values;
    double low, high;
} function;

/* An operand: an array, or a number, whose elements take the dtype of the other operand. */
typedef struct side {
    br_operand operand;
    nd *v;
    char number; /* its kind, 0 for an array */
} side;

/* ---- operands ---- */

/* `common` is the dtype that it is promoted to. */
static nd *draw_operand(const function *f, br_dtype dtype, br_dtype common, int ndim,
                        const int64_t *shape)
{
    char kind = kind_of(dtype);
    bool tame = kind_of(common) == 'c' && f->values != 'a';
    bool any = kind == 'f' ? chance(15) : chance(60);
    if (!is_inexact(dtype) || (kind == 'f' && tame))
        return draw_values(dtype, ndim, shape, any && !tame && f->values != 'n' ? ANY : SMALL);
    if (f->values == 'a' || (kind == 'f' && (f->values == 'm' || (f->values == 'd' && any))))
        return draw_values(dtype, ndim, shape, ANY);
    if (kind == 'c')
        return draw_between(dtype, ndim, shape, -3, 3);
    return draw_between(dtype, ndim, shape, f->low, f->high);
}

static side array_side(nd *v)
{
    return (side){br_operand_array(present(v)), v, 0};
}

/* A C number that every dtype of its kind holds; a 0-d array of it in the dtype of the operation.
 * */
static side number_side(br_dtype array)
{
    static const char kinds[] = "biifc";
    char kind = kinds[draw(0, 4)];
    int64_t i = kind == 'b' ? draw(0, 1) : kind_of(array) == 'u' ? draw(0, 5) : draw(-5, 5);
    double re = (double)draw(-40, 40) / 8, im = (double)draw(-40, 40) / 8;
    br_number n = kind == 'b'   ? br_number_bool(i)
                  : kind == 'i' ? br_number_int(i)
                  : kind == 'f' ? br_number_float(re)
                                : br_number_complex(re, im);
    nd *v = nd_new(promoted_with_number(array, kind), 0, NULL);
    nd_put(v, 0, kind == 'f' || kind == 'c' ? of_complex(CMPLXL(n.re, n.im)) : of_integer(i));
    return (side){br_operand_number(n), v, kind};
}

static br_dtype draw_other(br_dtype dtype)
{
    return chance(60) ? dtype : draw_dtype("biufc");
}

/* ---- the reference ---- */

static br_dtype operand_dtype(const function *f, br_dtype dtype)
{
    return f->result == 'f' ? floating_of(dtype) : dtype;
}

static br_dtype result_dtype(const function *f, br_dtype operand)
{
    return f->result == 'b' ? BR_BOOL : f->result == 'r' ? real_of(operand) : operand;
}

/* How far off a result may be, in units in the last place: docs/accuracy.md. */
static long double bound(const function *f, br_dtype operand, const number *x, number want)
{
    if (kind_of(operand) == 'c' && f->op == BRI_OP_POW)
        return 8 + 4 * (is_zero(x[0]) ? 0 : cabsl(x[1].z * clogl(x[0].z)));
    if (kind_of(operand) == 'c' && f->op == BRI_OP_SINC)
        return 8 + 4 * fabsl(cimagl(x[0].z));
    return op_bound(f->op, operand, want);
}

static nd *reference(const function *f, br_dtype operand, nd *const *v, int n)
{
    int64_t index[ND_AXES];
    nd *a = nd_converted(v[0], operand), *b = n > 1 ? nd_converted(v[1], operand) : a;
    nd *r = nd_common(result_dtype(f, operand), a, b);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        number x[3] = {nd_get(a, nd_at_broadcast(a, r->ndim, index)),
                       nd_get(b, nd_at_broadcast(b, r->ndim, index))};
        number want = op_reference(f->op, operand, x);
        if (kind_of(operand) != 'f' && kind_of(operand) != 'c')
            nd_put(r, i, want);
        else
            nd_put_near(r, i, want, bound(f, operand, x, want));
    }
    return r;
}

static void expect_function(const function *f, br_array *x, br_dtype common, nd *const *v, int n)
{
    br_dtype operand = operand_dtype(f, common);
    if (strchr(f->kinds, kind_of(common)) == NULL)
        expect_status(x, BR_ETYPE);
    else
        expect(x, reference(f, operand, v, n));
}

/* ---- cases ---- */

/* By the name in a text as well. */
static br_array *by_name(const function *f, const side *s)
{
    char text[60];
    const char *names[] = {"x", "y"};
    br_operand values[] = {s[0].operand, s[1].operand};
    snprintf(text, sizeof text, f->of2 == NULL ? "%s(x)" : "%s(x, y)", f->name);
    return br_expr_with(the.ctx, text, .names = names, .values = values, .n = 1 + (f->of2 != NULL));
}

static void unary(const function *f)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(0, 4, shape);
    side s[2] = {array_side(draw_operand(f, the.dtype, the.dtype, ndim, shape))};
    br_array *x = chance(15) ? by_name(f, s) : f->of1(s[0].operand, BR_HERE);
    expect_function(f, x, the.dtype, &s[0].v, 1);
}

/* Fewer axes, extents of 1. */
static side part_side(const function *f, br_dtype dtype, br_dtype common, int ndim,
                      const int64_t *shape)
{
    int64_t own[ND_AXES];
    int dropped = chance(25) ? (int)draw(0, ndim) : 0;
    for (int k = dropped; k < ndim; k++)
        own[k - dropped] = chance(20) ? 1 : shape[k];
    return array_side(draw_operand(f, dtype, common, ndim - dropped, own));
}

static void binary(const function *f)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(0, 4, shape);
    br_dtype other = draw_other(the.dtype), common = promoted(the.dtype, other);
    side b = {.number = 0};
    if (chance(25)) {
        b = number_side(the.dtype);
        common = promoted_with_number(the.dtype, b.number);
    } else {
        b = part_side(f, other, common, ndim, shape);
    }
    side a = part_side(f, the.dtype, common, ndim, shape);
    bool swapped = chance(50);
    side s[2] = {swapped ? b : a, swapped ? a : b};
    br_array *x = chance(15) ? by_name(f, s) : f->of2(s[0].operand, s[1].operand, BR_HERE);
    expect_function(f, x, common, (nd *[]){s[0].v, s[1].v}, 2);
}

#define OF1_1(name) br_##name##_
#define OF1_2(name) NULL
#define OF2_1(name) NULL
#define OF2_2(name) br_##name##_
#define MAKE_1      unary
#define MAKE_2      binary

#define ROW(NAME, name, n, kinds, result, values, low, high)                                       \
    static void make_##name(void)                                                                  \
    {                                                                                              \
        static const function f = {BRI_OP_##NAME, #name,  OF1_##n(name), OF2_##n(name), kinds,     \
                                   result,        values, low,           high};                    \
        MAKE_##n(&f);                                                                              \
    }
#include "tests/matrix/elementwise.def"

const row elementwise_rows[] = {
#define ROW(NAME, name, n, kinds, result, values, low, high) {#name, "biufc", make_##name},
#include "tests/matrix/elementwise.def"
    {0},
};
