/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_elementwise.c - elementwise operations: every dtype and pair of dtypes, C numbers on either
 * side, broadcasting, where, astype and longer chains.
 */
#include "tests/sweep.h"

/* ---- what the operations mean, on exact values ---- */

static value r_negative(value a)
{
    return -a;
}
static value r_abs(value a)
{
    return cabsl(a);
}
static value r_square(value a)
{
    return a * a;
}
static value r_sqrt(value a)
{
    return cimagl(a) == 0 && creall(a) < 0 ? (value)NAN : csqrtl(a);
}
static value r_csqrt(value a)
{
    return csqrtl(a);
}
static value r_exp(value a)
{
    return cimagl(a) == 0 ? (value)expl(creall(a)) : cexpl(a);
}
static value r_log(value a)
{
    return cimagl(a) == 0 ? (value)logl(creall(a)) : clogl(a);
}
static value r_clog(value a)
{
    return clogl(a);
}
static value r_sin(value a)
{
    return cimagl(a) == 0 ? (value)sinl(creall(a)) : csinl(a);
}
static value r_cos(value a)
{
    return cimagl(a) == 0 ? (value)cosl(creall(a)) : ccosl(a);
}
static value r_not(value a)
{
    return a == 0;
}

static value r_add(value a, value b)
{
    return a + b;
}
static value r_subtract(value a, value b)
{
    return a - b;
}
static value r_multiply(value a, value b)
{
    return a * b;
}
static value r_divide(value a, value b)
{
    return a / b;
}
static value r_floor_divide(value a, value b)
{
    return floorl(creall(a) / creall(b));
}
static value r_remainder(value a, value b)
{
    return creall(a) - creall(b) * floorl(creall(a) / creall(b));
}
static value r_minimum(value a, value b)
{
    return creall(a) < creall(b) ? a : b;
}
static value r_maximum(value a, value b)
{
    return creall(a) > creall(b) ? a : b;
}
static value r_equal(value a, value b)
{
    return a == b;
}
static value r_not_equal(value a, value b)
{
    return a != b;
}
static value r_less(value a, value b)
{
    return creall(a) < creall(b);
}
static value r_less_equal(value a, value b)
{
    return creall(a) <= creall(b);
}
static value r_greater(value a, value b)
{
    return creall(a) > creall(b);
}
static value r_greater_equal(value a, value b)
{
    return creall(a) >= creall(b);
}
static value r_and(value a, value b)
{
    return a != 0 && b != 0;
}
static value r_or(value a, value b)
{
    return a != 0 || b != 0;
}
static value r_xor(value a, value b)
{
    return (a != 0) != (b != 0);
}

/* Whole and non-negative powers by multiplication. */
static value r_pow(value a, value b)
{
    value r = 1;
    for (int i = 0; i < (int)creall(b); i++)
        r *= a;
    return r;
}

/* Which dtypes an operation has: letters b i u f c; '!' divisors are not 0, '+' operands are not
 * negative, 'p' small powers. */
typedef struct unary {
    const char *name;
    br_array *(*build)(br_operand, br_place);
    value (*on_real)(value), (*on_complex)(value);
    const char *kinds;
    char result; /* 's' the operand's dtype, 'f' floating, 'r' real, 'b' bool */
    double ulps;
} unary;

typedef struct binary {
    const char *name;
    br_array *(*build)(br_operand, br_operand, br_place);
    value (*f)(value, value);
    const char *kinds;
    char result;
    double ulps;
} binary;

/* clang-format off */
static const unary unaries[] = {
    {"negative", br_negative_, r_negative, r_negative, "iufc", 's', 0},
    {"abs", br_abs_, r_abs, r_abs, "biufc", 'r', 1},
    {"square", br_square_, r_square, r_square, "iufc", 's', 2},
    {"sqrt", br_sqrt_, r_sqrt, r_csqrt, "biufc", 'f', 4},
    {"exp", br_exp_, r_exp, r_exp, "biufc", 'f', 8},
    {"log", br_log_, r_log, r_clog, "biufc!", 'f', 8},
    {"sin", br_sin_, r_sin, r_sin, "biufc", 'f', 8},
    {"cos", br_cos_, r_cos, r_cos, "biufc", 'f', 8},
    {"logical_not", br_logical_not_, r_not, r_not, "biufc", 'b', 0},
};

static const binary binaries[] = {
    {"add", br_add_, r_add, "biufc", 's', 1},
    {"subtract", br_subtract_, r_subtract, "iufc", 's', 1},
    {"multiply", br_multiply_, r_multiply, "biufc", 's', 2},
    {"divide", br_divide_, r_divide, "biufc!", 'f', 4},
    {"floor_divide", br_floor_divide_, r_floor_divide, "iuf!", 's', 0},
    {"remainder", br_remainder_, r_remainder, "iuf!", 's', 1},
    {"pow", br_pow_, r_pow, "iufcp", 's', 16},
    {"minimum", br_minimum_, r_minimum, "biuf", 's', 0},
    {"maximum", br_maximum_, r_maximum, "biuf", 's', 0},
    {"equal", br_equal_, r_equal, "biufc", 'b', 0},
    {"not_equal", br_not_equal_, r_not_equal, "biufc", 'b', 0},
    {"less", br_less_, r_less, "biuf", 'b', 0},
    {"less_equal", br_less_equal_, r_less_equal, "biuf", 'b', 0},
    {"greater", br_greater_, r_greater, "biuf", 'b', 0},
    {"greater_equal", br_greater_equal_, r_greater_equal, "biuf", 'b', 0},
    {"logical_and", br_logical_and_, r_and, "biufc", 'b', 0},
    {"logical_or", br_logical_or_, r_or, "biufc", 'b', 0},
    {"logical_xor", br_logical_xor_, r_xor, "biufc", 'b', 0},
};

/* Pairs of shapes that broadcast; ndim -1 ends the table. */
static const struct { int na; int64_t a[4]; int nb; int64_t b[4]; } shapes[] = {
    {1, {7}, 1, {7}}, {0, {0}, 0, {0}}, {0, {0}, 2, {3, 5}}, {1, {1}, 1, {11}}, {2, {13, 1}, 2, {1, 5}},
    {3, {2, 3, 5}, 2, {3, 1}}, {2, {0, 4}, 1, {4}}, {4, {3, 1, 2, 5}, 3, {4, 1, 5}}, {1, {1031}, 1, {1}},
};
/* clang-format on */
enum { NSHAPES = sizeof shapes / sizeof shapes[0] };

static char kind_of(br_dtype d)
{
    return d == BR_BOOL ? 'b' : is_signed(d) ? 'i' : is_unsigned(d) ? 'u' : is_float(d) ? 'f' : 'c';
}

static br_dtype result_of(char rule, br_dtype d)
{
    if (rule == 'b')
        return BR_BOOL;
    if (rule == 'f')
        return floating(d);
    return rule == 's' || !is_complex(d) ? d : d == BR_COMPLEX64 ? BR_FLOAT32 : BR_FLOAT64;
}

static void try_unary(const unary *op, br_dtype d, int shape, int how)
{
    next_case(1);
    ref *a =
        ref_random(d, shapes[shape].na, shapes[shape].a, strchr(op->kinds, '!') != NULL, false);
    br_array *x = op->build(br_operand_array(source(a, how)), BR_HERE);
    ref *want = ref_map1(result_of(op->result, d), a, is_complex(d) ? op->on_complex : op->on_real);
    expect(x, want, op->ulps, is_complex(d) ? 1 : 0, "%s %s shape %d cut %d", op->name,
           br_dtype_name(d), shape, how);
}

static void try_binary(const binary *op, br_dtype da, br_dtype db, int shape, int how)
{
    br_dtype d = br_result_type(da, db);
    if (strchr(op->kinds, kind_of(d)) == NULL)
        return;
    next_case(1);
    bool divides = strchr(op->kinds, '!') != NULL;
    bool power = strchr(op->kinds, 'p') != NULL;
    ref *a = ref_random(da, shapes[shape].na, shapes[shape].a, power, false);
    ref *b = ref_random(db, shapes[shape].nb, shapes[shape].b, divides, power);
    for (int64_t i = 0; power && i < b->n; i++)
        b->v[i] = floorl(creall(b->v[i])) > 4 ? 3 : floorl(creall(b->v[i]));
    br_array *x = op->build(br_operand_array(source(a, how)),
                            br_operand_array(source(b, (how + 2) % NCUTS)), BR_HERE);
    ref *want = ref_map2(result_of(op->result, d), a, b, op->f);
    expect(x, want, op->ulps, 0, "%s %s %s shape %d cut %d", op->name, br_dtype_name(da),
           br_dtype_name(db), shape, how);
}

static void operations(void)
{
    int turn = 0;
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++) {
        for (size_t i = 0; i < sizeof unaries / sizeof unaries[0]; i++)
            if (strchr(unaries[i].kinds, kind_of(d)) != NULL)
                for (int k = 0; k < 2; k++, turn++)
                    try_unary(&unaries[i], d, turn % NSHAPES, turn % NCUTS);
        for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
            for (int k = 0; k < 2; k++, turn++)
                try_binary(&binaries[i], d, d, turn % NSHAPES, turn / 2 % NCUTS);
    }
}

static void promotion(void)
{
    for (br_dtype a = BR_BOOL; a < BR_NDTYPE; a++)
        for (br_dtype b = BR_BOOL; b < BR_NDTYPE; b++) {
            try_binary(&binaries[0], a, b, (a + b) % NSHAPES, (a + 3 * b) % NCUTS);
            try_binary(&binaries[9], a, b, (a + 2 * b) % NSHAPES, (a + b) % NCUTS);
        }
}

/* The dtype of an array with a number: its own, unless the number's kind needs more. */
static br_dtype weak(br_dtype d, char kind)
{
    if (kind == 'c')
        return is_narrow(d) ? BR_COMPLEX64 : BR_COMPLEX128;
    if (kind == 'f')
        return floating(d);
    return kind == 'b' || d != BR_BOOL ? d : BR_INT64;
}

static void numbers(void)
{
    const br_number list[] = {BR_NUM(true), BR_NUM(3),    BR_NUM(7u),
                              BR_NUM(2.5),  BR_NUM(2.5f), BR_NUM(1.5 + 2.0 * I)};
    const int64_t shape[] = {3, 7};
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
        for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
            next_case(3);
            br_number n = list[i];
            br_dtype want = weak(d, n.kind == 'u' ? 'i' : n.kind);
            ref *a = ref_random(d, 2, shape, true, false);
            ref *b = ref_new(want, 0, NULL);
            b->v[0] = n.re + I * (long double)n.im;
            br_array *x = source(a, (int)i % NCUTS);
            const char *name = br_dtype_name(d);
            expect(br_multiply_(br_operand_array(x), br_operand_number(n), BR_HERE),
                   ref_map2(want, a, b, r_multiply), 2, 0, "%s times number %zu", name, i);
            expect(br_multiply_(br_operand_number(n), br_operand_array(x), BR_HERE),
                   ref_map2(want, b, a, r_multiply), 2, 0, "number %zu times %s", i, name);
            expect(br_divide_(br_operand_number(n), br_operand_array(x), BR_HERE),
                   ref_map2(floating(want), b, a, r_divide), 4, 0, "number %zu by %s", i, name);
        }
}

static void where(void)
{
    for (br_dtype c = BR_BOOL; c < BR_NDTYPE; c++)
        for (int s = 0; s < NSHAPES; s++) {
            next_case(2);
            br_dtype d = 1 + (c + s) % (BR_NDTYPE - 1);
            ref *mask = ref_random(c, shapes[s].na, shapes[s].a, false, false);
            ref *a = ref_random(d, shapes[s].nb, shapes[s].b, false, false);
            ref *want = ref_broadcast_shape(br_result_type(d, BR_FLOAT64), mask, a);
            int64_t coord[REF_NDIM];
            for (int64_t i = 0; i < want->n; i++) {
                ref_coords(want, i, coord);
                want->v[i] =
                    ref_at(mask, want->ndim, coord) != 0 ? ref_at(a, want->ndim, coord) : -1.5L;
            }
            br_array *x = source(a, s % NCUTS);
            br_array *half = br_full(sweep.ctx, BR_0D, BR_NUM(-1.5));
            br_array *m = source(mask, (s + 1) % NCUTS);
            expect(br_where(m, x, half), want, 0, 0, "where %s %s shape %d", br_dtype_name(c),
                   br_dtype_name(d), s);
            expect(br_where(br_logical_not(m), half, x), want, 0, 0, "where not %s %s shape %d",
                   br_dtype_name(c), br_dtype_name(d), s);
        }
}

static void casts(void)
{
    const int64_t shape[] = {5, 11};
    for (br_dtype from = BR_BOOL; from < BR_NDTYPE; from++)
        for (br_dtype to = BR_BOOL; to < BR_NDTYPE; to++) {
            if (is_complex(from) && !is_complex(to) && to != BR_BOOL)
                continue;
            next_case(1);
            /* Negative floats as unsigned numbers are undefined. */
            ref *a = ref_random(from, 2, shape, false, is_float(from) && is_unsigned(to));
            ref *want = ref_new(to, 2, shape);
            for (int64_t i = 0; i < want->n; i++)
                want->v[i] = as(to, a->v[i]);
            expect(br_astype(source(a, from % NCUTS), to), want, 0, 0, "astype %s %s",
                   br_dtype_name(from), br_dtype_name(to));
        }
}

/* Integers wrap around, and dividing them by 0 gives 0. */
static void edges(void)
{
    const int64_t shape[] = {9};
    for (br_dtype d = BR_INT8; d <= BR_UINT64; d++) {
        next_case(3);
        ref *a = ref_new(d, 1, shape);
        ref *zero = ref_new(d, 1, shape);
        ref *plus = ref_new(d, 1, shape);
        for (int64_t i = 0; i < 9; i++) {
            value exact = i < 5                   ? -1 - i
                          : br_dtype_size(d) == 8 ? 1e18L + i
                                                  : (value)(1u << 30) - i;
            a->v[i] = as(d, exact);
            plus->v[i] = as(d, exact + 100);
        }
        br_array *x = source(a, CUT_2);
        expect(br_floor_divide(x, source(zero, CUT_3)), zero, 0, 0, "%s // 0", br_dtype_name(d));
        expect(br_remainder(x, 0), zero, 0, 0, "%s %% 0", br_dtype_name(d));
        expect(br_add(x, 100), plus, 0, 0, "%s wraps", br_dtype_name(d));
    }
}

static value r_chain(value a, value b)
{
    return cosl(creall(a) * 0.5L + 1) * creall(b) - creall(a) / (1 + creall(b) * creall(b));
}

static void chains(void)
{
    for (int s = 0; s < NSHAPES; s++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(1);
            ref *a = ref_random(BR_FLOAT64, shapes[s].na, shapes[s].a, false, false);
            ref *b = ref_random(BR_INT16, shapes[s].nb, shapes[s].b, false, false);
            br_array *x = source(a, how);
            br_array *y = source(b, CUT_2);
            br_array *chain = br_sub(br_mul(br_cos(br_add(br_mul(x, 0.5), 1)), y),
                                     br_div(x, br_add(1.0, br_square(y))));
            expect(chain, ref_map2(BR_FLOAT64, a, b, r_chain), 8, 16, "chain shape %d cut %d", s,
                   how);
        }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    operations();
    promotion();
    numbers();
    where();
    casts();
    edges();
    chains();
    return sweep_close();
}
