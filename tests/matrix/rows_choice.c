/* SPDX-License-Identifier: BSD-3-Clause
 * rows_choice.c - elementwise functions of more than two operands, or more than one result, or with
 * keyword arguments.
 */
#include "tests/matrix/matrix.h"

/* The element of v that belongs to element i of r. */
static number at(const nd *r, int64_t i, const nd *v)
{
    int64_t index[ND_AXES];
    nd_index_of(r, i, index);
    return nd_get(v, nd_at_broadcast(v, r->ndim, index));
}

static void copy_at(nd *r, int64_t i, const nd *v)
{
    int64_t index[ND_AXES];
    nd_index_of(r, i, index);
    nd_copy(r, i, v, nd_at_broadcast(v, r->ndim, index));
}

static nd *shape_of_all(br_dtype dtype, nd *const *v, int n)
{
    nd *r = nd_common(dtype, v[0], v[0]);
    for (int k = 1; k < n; k++)
        r = nd_common(dtype, r, v[k]);
    return r;
}

/* ---- choices ---- */

static void where(void)
{
    br_dtype other = chance(60) ? the.dtype : draw_dtype("biufc");
    br_dtype dtype = promoted(the.dtype, other);
    arg x = any_arg(0, 4, ANY);
    arg y = part_of_shape(other, x.v, ANY);
    arg c = part_of_shape(chance(80) ? BR_BOOL : draw_dtype("biufc"), x.v, ANY);
    nd *from_x = nd_converted(x.v, dtype), *from_y = nd_converted(y.v, dtype);
    nd *r = shape_of_all(dtype, (nd *[]){c.v, x.v, y.v}, 3);
    for (int64_t i = 0; i < r->n; i++)
        copy_at(r, i, is_zero(at(r, i, c.v)) ? from_y : from_x);
    expect(br_where(c.x, x.x, y.x), r);
}

static void where_number(void)
{
    arg x = any_arg(0, 4, ANY);
    arg c = part_of_shape(BR_BOOL, x.v, ANY);
    int number = (int)draw(0, 5);
    br_dtype dtype = promoted_with_number(the.dtype, 'i');
    nd *from_x = nd_converted(x.v, dtype), *r = nd_common(dtype, c.v, x.v);
    for (int64_t i = 0; i < r->n; i++)
        if (is_zero(at(r, i, c.v)))
            copy_at(r, i, from_x);
        else
            nd_put(r, i, of_integer(number));
    expect(br_where(c.x, number, x.x), r);
}

enum { CHOICES = 3 };

typedef struct choices {
    int n;
    br_array *conditions[CHOICES];
    br_operand values[CHOICES];
    nd *c[CHOICES], *v[CHOICES];
} choices;

static choices draw_choices(const nd *shape, bool mixed)
{
    choices s = {.n = (int)draw(1, CHOICES)};
    for (int k = 0; k < s.n; k++) {
        arg c = part_of_shape(BR_BOOL, shape, ANY);
        arg v = part_of_shape(mixed && chance(30) ? draw_dtype("biufc") : the.dtype, shape, SMALL);
        s.conditions[k] = c.x;
        s.values[k] = br_operand_array(v.x);
        s.c[k] = c.v;
        s.v[k] = v.v;
    }
    return s;
}

static nd *shape_of_choices(br_dtype dtype, const choices *s, const nd *more)
{
    nd *r = nd_common(dtype, more, more);
    for (int k = 0; k < s->n; k++)
        r = nd_common(dtype, nd_common(dtype, r, s->c[k]), s->v[k]);
    return r;
}

static void select_first(void)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(0, 3, shape);
    choices s = draw_choices(nd_new(the.dtype, ndim, shape), true);
    arg otherwise = part_of_shape(the.dtype, nd_new(the.dtype, ndim, shape), SMALL);
    br_dtype dtypes[CHOICES + 1] = {the.dtype};
    for (int k = 0; k < s.n; k++)
        dtypes[k + 1] = s.v[k]->dtype;
    br_dtype dtype = promoted_all(dtypes, s.n + 1);
    nd *r = shape_of_choices(dtype, &s, otherwise.v);
    for (int64_t i = 0; i < r->n; i++) {
        number v = at(r, i, otherwise.v);
        for (int k = s.n - 1; k >= 0; k--)
            v = is_zero(at(r, i, s.c[k])) ? v : at(r, i, s.v[k]);
        nd_put(r, i, v);
    }
    expect(br_select(s.conditions, s.values, s.n, .otherwise = br_operand_array(otherwise.x)), r);
}

static void piecewise(void)
{
    arg x = any_arg(0, 3, SMALL);
    choices s = draw_choices(x.v, false);
    nd *r = shape_of_choices(the.dtype, &s, x.v);
    bool given = chance(50); /* what no condition holds for stays as it is, else it is 0 */
    for (int64_t i = 0; i < r->n; i++) {
        number v = given ? at(r, i, x.v) : of_integer(0);
        for (int k = 0; k < s.n; k++)
            v = is_zero(at(r, i, s.c[k])) ? v : at(r, i, s.v[k]);
        nd_put(r, i, v);
    }
    expect(given ? br_piecewise(x.x, s.conditions, s.values, s.n, .otherwise = BR_OPERAND(x.x))
                 : br_piecewise(x.x, s.conditions, s.values, s.n),
           r);
}

/* ---- bounds ---- */

static number larger(number a, number b)
{
    return is_nan(a) || (!is_nan(b) && creall(a.z) >= creall(b.z)) ? a : b;
}

static number smaller(number a, number b)
{
    return is_nan(a) || (!is_nan(b) && creall(a.z) <= creall(b.z)) ? a : b;
}

static void clip(void)
{
    arg x = any_arg(0, 4, ANY);
    arg low = part_of_shape(the.dtype, x.v, SMALL), high = part_of_shape(the.dtype, x.v, SMALL);
    bool has_low = chance(75), has_high = chance(75);
    nd *r =
        shape_of_all(the.dtype, (nd *[]){x.v, has_low ? low.v : x.v, has_high ? high.v : x.v}, 3);
    for (int64_t i = 0; i < r->n; i++) {
        number v = at(r, i, x.v);
        v = has_low ? larger(v, at(r, i, low.v)) : v;
        nd_put(r, i, has_high ? smaller(v, at(r, i, high.v)) : v);
    }
    br_operand none = br_operand_number(BR_NONE);
    expect(br_clip_(br_operand_array(x.x), has_low ? br_operand_array(low.x) : none,
                    has_high ? br_operand_array(high.x) : none, BR_HERE),
           r);
}

/* Numbers are compared as they are, whatever x's dtype holds. */
static void clip_numbers(void)
{
    arg x = any_arg(0, 4, ANY);
    double low = (double)draw(-3000, 0) / 8, high = (double)draw(8, 3000) / 8;
    nd *r = nd_same(the.dtype, x.v);
    for (int64_t i = 0; i < r->n; i++) {
        number v = nd_get(x.v, i);
        bool whole = !is_inexact(the.dtype);
        if (creall(v.z) < low)
            v = whole ? of_integer((__int128)ceil(low)) : of_real(low);
        else if (creall(v.z) > high)
            v = whole ? of_integer((__int128)floor(high)) : of_real(high);
        nd_put(r, i, v);
    }
    expect(br_clip(x.x, low, high), r);
}

/* ---- closeness ---- */

/* |x - y| is a multiple of 1/8, or a root of such: never just at the bound. */
static void isclose(void)
{
    arg x = any_arg(0, 4, HOLES), y = part_of_shape(the.dtype, x.v, HOLES);
    bool relative = chance(50), equal_nan = chance(50), given = chance(70);
    double rtol = relative ? 0.1103 : 0, atol = relative ? 0 : 0.3;
    long double r_tol = given ? rtol : 1e-5L, a_tol = given ? atol : 1e-8L;
    nd *r = nd_common(BR_BOOL, x.v, y.v);
    for (int64_t i = 0; i < r->n; i++) {
        number a = at(r, i, x.v), b = at(r, i, y.v);
        bool near = cabsl(a.z - b.z) <= a_tol + r_tol * cabsl(b.z);
        nd_put(r, i, of_integer(near || (equal_nan && is_nan(a) && is_nan(b))));
    }
    expect(given ? br_isclose(x.x, y.x, .rtol = BR_NUM(rtol), .atol = BR_NUM(atol),
                              .equal_nan = equal_nan)
                 : br_isclose(x.x, y.x, .equal_nan = equal_nan),
           r);
}

static long double replaced(long double x, double nan, long double large, double neginf)
{
    return isnan(x) ? nan : isinf(x) ? (x > 0 ? large : (long double)neginf) : x;
}

static void nan_to_num(void)
{
    arg a = any_arg(0, 4, ANY);
    double nan = chance(50) ? 0 : 2.5, neginf = -7;
    bool given = chance(50);
    long double large = real_of(the.dtype) == BR_FLOAT32 ? FLT_MAX : DBL_MAX;
    nd *r = nd_same(the.dtype, a.v);
    for (int64_t i = 0; i < r->n; i++) {
        number v = nd_get(a.v, i);
        if (is_inexact(the.dtype))
            v.z = CMPLXL(replaced(creall(v.z), nan, given ? 3 : large, neginf),
                         replaced(cimagl(v.z), nan, given ? 3 : large, neginf));
        nd_put(r, i, v);
    }
    expect(br_nan_to_num(a.x, .nan = nan, .posinf = given ? BR_NUM(3) : BR_NONE,
                         .neginf = BR_NUM(neginf)),
           r);
}

/* ---- two results ---- */

static nd *of_op(bri_opcode op, br_dtype operand, br_dtype result, const nd *x, const nd *y)
{
    nd *r = nd_common(result, x, y);
    for (int64_t i = 0; i < r->n && !the.refused; i++) {
        number v[3] = {at(r, i, x), at(r, i, y)};
        number want = op_reference(op, operand, v);
        nd_put_near(r, i, want, op_bound(op, operand, want));
    }
    return r;
}

static void divmod(void)
{
    arg x = any_arg(0, 4, SMALL), y = part_of_shape(the.dtype, x.v, SMALL);
    br_array *quotient, *remainder;
    br_divmod(x.x, y.x, &quotient, &remainder);
    expect(quotient, of_op(BRI_OP_FLOOR_DIVIDE, the.dtype, the.dtype, x.v, y.v));
    expect(remainder, of_op(BRI_OP_REMAINDER, the.dtype, the.dtype, x.v, y.v));
}

static void frexp_parts(void)
{
    br_dtype dtype = floating_of(the.dtype);
    arg x = any_arg(0, 4, ANY);
    nd *v = nd_converted(x.v, dtype);
    br_array *fraction, *exponent;
    br_frexp(x.x, &fraction, &exponent);
    expect(fraction, of_op(BRI_OP_FRACTION, dtype, dtype, v, v));
    nd *r = nd_same(BR_INT32, v);
    for (int64_t i = 0; i < v->n; i++)
        nd_put(r, i, of_integer((__int128)exponent_of(creall(nd_get(v, i).z))));
    expect(exponent, r);
}

static void ldexp_of(void)
{
    br_dtype dtype = floating_of(the.dtype);
    arg x = any_arg(0, 4, SMALL), y = part_of_shape(draw_dtype("iu"), x.v, SMALL);
    nd *v = nd_converted(x.v, dtype), *r = nd_common(dtype, v, y.v);
    for (int64_t i = 0; i < r->n; i++)
        nd_put(r, i, of_real(ldexpl(creall(at(r, i, v).z), (int)at(r, i, y.v).i)));
    expect(br_ldexp(x.x, y.x), r);
}

/* ---- others ---- */

static void astype(void)
{
    bool complex_to_real = kind_of(the.dtype) == 'c' && chance(10);
    if (complex_to_real) {
        expect_status(br_astype(any_arg(0, 4, ANY).x, draw_dtype("iuf")), BR_ETYPE);
        return;
    }
    br_dtype to = draw_dtype(kind_of(the.dtype) == 'c' ? "bc" : "biufc");
    bool integer = is_inexact(the.dtype) && strchr("iu", kind_of(to)) != NULL;
    arg x = any_arg(0, 4, integer ? SMALL : ANY);
    if (integer && kind_of(to) == 'u') /* floats out of range are undefined */
        x = arg_of(draw_between(the.dtype, x.v->ndim, x.v->shape, 0, 120));
    expect(br_astype(x.x, to), nd_converted(x.v, to));
}

static void angle(void)
{
    br_dtype dtype = floating_of(the.dtype);
    arg x = any_arg(0, 4, SMALL);
    nd *r = nd_same(real_of(dtype), x.v);
    for (int64_t i = 0; i < r->n; i++) {
        long double complex z = nd_get(x.v, i).z;
        nd_put_near(r, i, of_real(atan2l(cimagl(z), creall(z))), 1.1L);
    }
    expect(br_angle(x.x), r);
}

/* Absolute errors are of the size of the larger operand. */
static void log_of_sum(void)
{
    br_dtype dtype = floating_of(the.dtype);
    arg x = any_arg(0, 4, SMALL), y = part_of_shape(the.dtype, x.v, SMALL);
    nd *natural = nd_common(dtype, x.v, y.v), *binary = nd_common(dtype, x.v, y.v);
    for (int64_t i = 0; i < natural->n; i++) {
        long double a = creall(at(natural, i, x.v).z), b = creall(at(natural, i, y.v).z);
        long double slack = 8 * epsilon_of(dtype) * (1 + fabsl(a) + fabsl(b));
        nd_put_within(natural, i, of_real(logl(expl(a) + expl(b))), slack);
        nd_put_within(binary, i, of_real(log2l(exp2l(a) + exp2l(b))), slack);
    }
    expect(br_logaddexp(x.x, y.x), natural);
    expect(br_logaddexp2(x.x, y.x), binary);
}

/* Integers that the dtype does not hold are compared as they are and wrap around in sums. */
static void large_numbers(void)
{
    arg x = any_arg(0, 3, ANY);
    long long number = chance(50) ? 100000 : -100000;
    if (br_dtype_size(the.dtype) > 2)
        number *= 100000000;
    nd *less = nd_same(BR_BOOL, x.v), *equal = nd_same(BR_BOOL, x.v),
       *sum = nd_same(the.dtype, x.v);
    for (int64_t i = 0; i < x.v->n; i++) {
        __int128 v = nd_get(x.v, i).i;
        nd_put(less, i, of_integer(v < number));
        nd_put(equal, i, of_integer(v == number));
        nd_put(sum, i, of_integer(v + number));
    }
    expect(br_less(x.x, number), less);
    expect(br_equal(number, x.x), equal);
    expect(br_add(x.x, number), sum);
}

/* ---- several readers of one array ---- */

/* x[i : i + n] + 2 * x[j : j + n], turned round or not, less the sums of x: neighbours, as in
 * differences, and a whole pass over x before another. */
static void neighbours(void)
{
    arg x = any_arg(1, 3, SMALL);
    int axis = (int)draw(0, x.v->ndim - 1);
    int64_t extent = x.v->shape[axis], n = draw(0, extent);
    int64_t i = draw(0, extent - n), j = draw(0, extent - n), index[ND_AXES];
    bool turned = chance(30);
    br_index_item first[ND_AXES], second[ND_AXES];
    for (int k = 0; k < x.v->ndim; k++)
        first[k] = second[k] = (br_index_item){.kind = ':'};
    first[axis] = (br_index_item){':', true, true, i, i + n, 1};
    second[axis] = (br_index_item){':', true, true, j, j + n, 1};
    nd *a = nd_items(x.v, first, x.v->ndim), *b = nd_items(x.v, second, x.v->ndim);
    br_array *one = br_index_items(x.x, first, x.v->ndim);
    br_array *other = br_index_items(x.x, second, x.v->ndim);
    if (turned)
        other = br_flip(other, .axis = BR_AXIS(axis)), b = nd_flipped(b, axis);
    nd *r = nd_same(sum_of(the.dtype), a);
    for (int64_t k = 0; k < r->n; k++) {
        __int128 sum = nd_get(a, k).i + 2 * nd_get(b, k).i;
        nd_index_of(r, k, index);
        for (index[axis] = 0; index[axis] < extent; index[axis]++)
            sum -= nd_get(x.v, nd_at(x.v, index)).i;
        nd_put(r, k, of_integer(sum));
    }
    br_array *sums = br_sum(x.x, .axis = BR_AXIS(axis), .keepdims = true);
    expect(br_subtract(br_add(one, br_multiply(2, other)), sums), r);
}

const row choice_rows[] = {
    {"where", "biufc", where},
    {"where (with a number)", "biufc", where_number},
    {"select", "biufc", select_first},
    {"piecewise", "biufc", piecewise},
    {"clip", "biuf/c", clip},
    {"clip (by numbers)", "biuf/c", clip_numbers},
    {"isclose", "biufc", isclose},
    {"nan_to_num", "biufc", nan_to_num},
    {"divmod", "iuf", divmod},
    {"frexp", "biuf/c", frexp_parts},
    {"ldexp", "biuf/c", ldexp_of},
    {"astype", "biufc", astype},
    {"angle", "biufc", angle},
    {"logaddexp logaddexp2", "biuf/c", log_of_sum},
    {"less equal add (of large numbers)", "iu", large_numbers},
    {"add subtract multiply (of views of one array)", "iu", neighbours},
    {0},
};
