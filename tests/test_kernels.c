/* SPDX-License-Identifier: BSD-3-Clause
 * test_kernels.c - elementwise block programs against naive loops in long double and 128-bit
 * integers.
 */
#include <check.h>
#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/kernels/program.h"

/* One element of any dtype, exactly. */
typedef struct number {
    char kind;
    __int128 i;
    long double complex z;
} number;

/* Nothing, one, less than a vector, whole vectors and odd ends, a block, more than one. */
static const int lengths[] = {0, 1, 3, 63, 64, 65, BRI_BLOCK, BRI_BLOCK + 77};
enum { NLENGTHS = sizeof lengths / sizeof *lengths };

/* Programs need less than this, whatever they do. */
static _Alignas(64) char scratch[1 << 20];

/* Check's assertions write to a file each time, far too slow for every element. */
static void require(bool holds, const char *what)
{
    if (!holds)
        ck_abort_msg("%s", what);
}

static uint64_t random_bits(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

static int64_t random_below(int64_t n)
{
    return (int64_t)(random_bits() % (uint64_t)n);
}

static long double random_real(void)
{
    return (long double)random_below(2000001) / 250000 - 4;
}

static bool floating(br_dtype dtype)
{
    return bri_kind(dtype) == 'f' || bri_kind(dtype) == 'c';
}

static number get(br_dtype dtype, const void *at)
{
    number v = {bri_kind(dtype), 0, 0};
    const bool exact = !floating(dtype);
    switch (dtype) {
#define BRI_DTYPE(NAME, name, type, kind, wide)                                                    \
    case BR_##NAME: {                                                                              \
        type x;                                                                                    \
        memcpy(&x, at, sizeof x);                                                                  \
        v.z = x;                                                                                   \
        v.i = exact ? (__int128)x : 0;                                                             \
        return v;                                                                                  \
    }
#include "runtime/dtypes.def"
#undef BRI_DTYPE
    default:
        return v;
    }
}

static void put_integer(br_dtype dtype, void *at, __int128 i)
{
    uint64_t bits = dtype == BR_BOOL ? i != 0 : (uint64_t)i;
    memcpy(at, &bits, bri_dtypes[dtype].size);
}

static void put_floating(br_dtype dtype, void *at, long double complex z)
{
    float f = (float)creall(z);
    double d = (double)creall(z);
    float complex cf = (float complex)z;
    double complex cd = (double complex)z;
    const void *from = dtype == BR_FLOAT32     ? (void *)&f
                       : dtype == BR_FLOAT64   ? (void *)&d
                       : dtype == BR_COMPLEX64 ? (void *)&cf
                                               : (void *)&cd;
    memcpy(at, from, bri_dtypes[dtype].size);
}

static void put(br_dtype dtype, void *at, number v)
{
    if (floating(dtype))
        put_floating(dtype, at, v.kind == 'f' || v.kind == 'c' ? v.z : (long double)v.i);
    else
        put_integer(dtype, at, v.kind == 'f' || v.kind == 'c' ? (__int128)creall(v.z) : v.i);
}

static char *element(br_dtype dtype, void *base, int64_t i)
{
    return (char *)base + i * (int64_t)bri_dtypes[dtype].size;
}

/* Random elements; integers of all sizes of theirs, among them 0 and 1 often. */
static void *random_array(br_dtype dtype, int64_t n)
{
    char *x = malloc((size_t)(n + 1) * 16);
    for (int64_t i = 0; i < n; i++) {
        __int128 small = random_below(9) - 4;
        __int128 any = (__int128)(random_bits() >> random_below(64));
        if (floating(dtype))
            put_floating(dtype, element(dtype, x, i), random_real() + I * random_real());
        else
            put_integer(dtype, element(dtype, x, i),
                        dtype == BR_BOOL  ? random_below(2)
                        : random_below(2) ? small
                                          : any);
    }
    return x;
}

static void run_box(const bri_program *p, bri_box *box)
{
    box->scratch = scratch;
    require(bri_program_scratch(p) <= sizeof scratch, "too much scratch");
    bri_program_run(p, box);
}

/* Runs a sealed program over n elements of dense inputs. */
static void run_dense(const bri_program *p, int64_t n, void *const *in, const br_dtype *dtypes,
                      void *out, br_dtype out_dtype)
{
    bri_view views[3] = {0};
    for (int k = 0; k < bri_program_ninputs(p); k++)
        views[k] = (bri_view){in[k], {(int64_t)bri_dtypes[dtypes[k]].size}};
    bri_box box = {.ndim = 1, .extent = {n}, .inputs = views};
    box.out = (bri_view){out, {(int64_t)bri_dtypes[out_dtype].size}};
    run_box(p, &box);
}

static __int128 floor_quotient(__int128 a, __int128 b)
{
    if (b == 0)
        return 0;
    __int128 q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

static __int128 integer_power(__int128 a, __int128 b)
{
    if (b < 0)
        return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    unsigned __int128 r = 1;
    for (__int128 k = b > 64 ? 0 : b; k > 0; k--)
        r *= (unsigned __int128)a;
    if (b <= 64)
        return (__int128)r;
    uint64_t base = (uint64_t)a, result = 1;
    for (unsigned __int128 e = (unsigned __int128)b; e > 0; e >>= 1, base *= base)
        result *= e & 1 ? base : 1;
    return (__int128)result;
}

// clang-format off
static __int128 reference_integer(bri_opcode op, bool is_bool, const __int128 x[3])
{
    __int128 a = x[0], b = x[1];
    switch (op) {
    case BRI_OP_NEGATIVE: return -a;
    case BRI_OP_ABS: return a < 0 ? -a : a;
    case BRI_OP_SQUARE: return (__int128)((unsigned __int128)a * (unsigned __int128)a);
    case BRI_OP_LOGICAL_NOT: return a == 0;
    case BRI_OP_ADD: return is_bool ? a | b : a + b;
    case BRI_OP_SUBTRACT: return a - b;
    case BRI_OP_MULTIPLY: return (__int128)((unsigned __int128)a * (unsigned __int128)b);
    case BRI_OP_FLOOR_DIVIDE: return floor_quotient(a, b);
    case BRI_OP_REMAINDER: return b == 0 ? 0 : a - b * floor_quotient(a, b);
    case BRI_OP_POW: return integer_power(a, b);
    case BRI_OP_MINIMUM: return a < b ? a : b;
    case BRI_OP_MAXIMUM: return a > b ? a : b;
    case BRI_OP_EQUAL: return a == b;
    case BRI_OP_NOT_EQUAL: return a != b;
    case BRI_OP_LESS: return a < b;
    case BRI_OP_LESS_EQUAL: return a <= b;
    case BRI_OP_GREATER: return a > b;
    case BRI_OP_GREATER_EQUAL: return a >= b;
    case BRI_OP_LOGICAL_AND: return a && b;
    case BRI_OP_LOGICAL_OR: return a || b;
    case BRI_OP_LOGICAL_XOR: return !a != !b;
    default: return a ? b : x[2];
    }
}

static long double floor_remainder(long double a, long double b)
{
    long double r = fmodl(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static long double complex reference_floating(bri_opcode op, bool is_real,
                                              const long double complex x[3])
{
    long double complex z = x[0], w = x[1];
    long double a = creall(z), b = creall(w);
    switch (op) {
    case BRI_OP_NEGATIVE: return -z;
    case BRI_OP_ABS: return cabsl(z);
    case BRI_OP_SQUARE: return z * z;
    case BRI_OP_SQRT: return is_real ? sqrtl(a) : csqrtl(z);
    case BRI_OP_EXP: return is_real ? expl(a) : cexpl(z);
    case BRI_OP_LOG: return is_real ? logl(a) : clogl(z);
    case BRI_OP_SIN: return is_real ? sinl(a) : csinl(z);
    case BRI_OP_COS: return is_real ? cosl(a) : ccosl(z);
    case BRI_OP_ADD: return z + w;
    case BRI_OP_SUBTRACT: return z - w;
    case BRI_OP_MULTIPLY: return z * w;
    case BRI_OP_DIVIDE: return is_real ? a / b : z / w;
    case BRI_OP_FLOOR_DIVIDE: return roundl((a - floor_remainder(a, b)) / b);
    case BRI_OP_REMAINDER: return floor_remainder(a, b);
    case BRI_OP_POW: return is_real ? powl(a, b) : cpowl(z, w);
    case BRI_OP_MINIMUM: return a < b ? a : b;
    case BRI_OP_MAXIMUM: return a > b ? a : b;
    default: return a != 0 ? w : x[2];
    }
}

static bool reference_test(bri_opcode op, long double complex z, long double complex w)
{
    long double a = creall(z), b = creall(w);
    switch (op) {
    case BRI_OP_LOGICAL_NOT: return z == 0;
    case BRI_OP_EQUAL: return z == w;
    case BRI_OP_NOT_EQUAL: return z != w;
    case BRI_OP_LESS: return a < b;
    case BRI_OP_LESS_EQUAL: return a <= b;
    case BRI_OP_GREATER: return a > b;
    case BRI_OP_GREATER_EQUAL: return a >= b;
    case BRI_OP_LOGICAL_AND: return z != 0 && w != 0;
    case BRI_OP_LOGICAL_OR: return z != 0 || w != 0;
    default: return (z != 0) != (w != 0);
    }
}
// clang-format on

static number reference(bri_opcode op, br_dtype operand, const number x[3])
{
    if (!floating(operand)) {
        __int128 i[3] = {x[0].i, x[1].i, x[2].i};
        return (number){'i', reference_integer(op, operand == BR_BOOL, i), 0};
    }
    long double complex z[3] = {x[0].z, x[1].z, x[2].z};
    if (bri_ops[op].result == 'b')
        return (number){'b', reference_test(op, z[0], z[1]), 0};
    return (number){'c', 0, reference_floating(op, bri_kind(operand) == 'f', z)};
}

/* Units in the last place that a result may be off: half for what IEEE 754 rounds, one for SLEEF,
 * more for libm's complex functions, measured against the absolute value. */
static long double bound(bri_opcode op, br_dtype operand)
{
    bool function = op == BRI_OP_EXP || op == BRI_OP_LOG || op == BRI_OP_SIN || op == BRI_OP_COS ||
                    op == BRI_OP_POW;
    if (bri_kind(operand) == 'c')
        return op == BRI_OP_POW ? 64 : 8;
    return function || op == BRI_OP_REMAINDER ? 1.0L : 0.501L;
}

static long double ulp(br_dtype dtype, long double magnitude)
{
    bool narrow = bri_real_dtype(dtype) == BR_FLOAT32;
    int exponent;
    frexpl(magnitude, &exponent);
    int least = narrow ? FLT_MIN_EXP : DBL_MIN_EXP;
    return ldexpl(1,
                  (exponent > least ? exponent : least) - (narrow ? FLT_MANT_DIG : DBL_MANT_DIG));
}

static bool close_enough(br_dtype dtype, const void *got, number want, long double ulps)
{
    number g = get(dtype, got);
    if (!floating(dtype)) {
        char expected[16];
        put_integer(dtype, expected, want.i);
        return memcmp(expected, got, bri_dtypes[dtype].size) == 0;
    }
    long double complex w = want.kind == 'c' ? want.z : (long double)want.i;
    if (isnan(creall(w)) || isnan(cimagl(w)))
        return isnan(creall(g.z)) || isnan(cimagl(g.z));
    char rounded[16];
    put_floating(dtype, rounded, w); /* overflows as the operation does */
    if (isinf(creall(get(dtype, rounded).z)))
        return g.z == get(dtype, rounded).z;
    return g.z == w || cabsl(g.z - w) <= ulps * ulp(dtype, cabsl(w));
}

/* Which operands are constants, as bits. */
static void check_op(bri_opcode op, br_dtype dtype, int constants, int64_t n)
{
    bool where = op == BRI_OP_WHERE;
    void *x[3], *inputs[3];
    br_dtype dtypes[3], input_dtypes[3];
    int value[3] = {-1, -1, -1}, ninputs = 0;
    bri_program *p = bri_program_new();
    for (int k = 0; k < bri_ops[op].arity; k++) {
        dtypes[k] = where && k == 0 ? BR_BOOL : dtype;
        x[k] = random_array(dtypes[k], n + 1);
        if (constants >> k & 1) {
            value[k] = bri_program_constant(p, dtypes[k], x[k]);
        } else {
            input_dtypes[ninputs] = dtypes[k];
            inputs[ninputs++] = x[k];
            value[k] = bri_program_input(p, dtypes[k]);
        }
    }
    int result = bri_program_op(p, op, value[0], value[1], value[2]);
    br_dtype out_dtype = bri_program_dtype(p, result);
    require(bri_program_seal_store(p, result) == BR_OK, "cannot seal");
    char *out = malloc((size_t)(n + 1) * 16);
    memset(out, 0x5a, (size_t)(n + 1) * 16);
    run_dense(p, n, inputs, input_dtypes, out, out_dtype);
    bool promoted = strchr(bri_ops[op].promotes, bri_kind(dtype)) != NULL;
    br_dtype operand = promoted ? BR_FLOAT64 : dtype;
    for (int64_t i = 0; i < n; i++) {
        number v[3] = {{0}};
        for (int k = 0; k < bri_ops[op].arity; k++) {
            v[k] = get(dtypes[k], element(dtypes[k], x[k], constants >> k & 1 ? 0 : i));
            v[k].z = v[k].kind == 'f' || v[k].kind == 'c' || !promoted ? v[k].z : (double)v[k].i;
        }
        number want = reference(op, operand, v);
        if (close_enough(out_dtype, element(out_dtype, out, i), want, bound(op, operand)))
            continue;
        ck_abort_msg("%s %s constants %d element %d of %d: f(%Lg, %Lg) gave %Lg, not %Lg",
                     bri_ops[op].name, br_dtype_name(dtype), constants, (int)i, (int)n,
                     creall(v[0].z), creall(v[1].z),
                     creall(get(out_dtype, element(out_dtype, out, i)).z),
                     want.kind == 'c' ? creall(want.z) : (long double)want.i);
    }
    require(out[n * (int64_t)bri_dtypes[out_dtype].size] == 0x5a, "written beyond the end");
    for (int k = 0; k < bri_ops[op].arity; k++)
        free(x[k]);
    free(out);
    bri_program_free(p);
}

START_TEST(every_op)
{
    const char *names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};
    if (bri_kernels_init(names[_i]) != BR_OK)
        return;
    for (int op = 0; op < BRI_NOPS; op++)
        for (int dtype = 1; dtype < BR_NDTYPE; dtype++)
            for (int l = 0; l < NLENGTHS; l++) {
                if (strchr(bri_ops[op].kinds, bri_kind((br_dtype)dtype)) == NULL)
                    continue;
                for (int constants = 0; constants < 1 << bri_ops[op].arity; constants++)
                    check_op((bri_opcode)op, (br_dtype)dtype, constants, lengths[l]);
            }
}
END_TEST

START_TEST(every_cast)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int pair = 0; pair < BR_NDTYPE * BR_NDTYPE; pair++) {
        br_dtype from = (br_dtype)(pair / BR_NDTYPE), to = (br_dtype)(pair % BR_NDTYPE);
        if (from == BR_NO_DTYPE || to == BR_NO_DTYPE)
            continue;
        void *x = random_array(from, 600);
        char out[600 * 16], dense[600 * 16];
        bri_program *p = bri_program_new();
        int value = bri_program_cast(p, to, bri_program_input(p, from));
        ck_assert_int_eq(bri_program_seal_store(p, value), BR_OK);
        run_dense(p, 600, &x, &from, out, to);
        bri_convert(to, dense, from, x, 600);
        ck_assert_mem_eq(out, dense, 600 * bri_dtypes[to].size);
        for (int i = 0; i < 600; i++) {
            char want[16];
            number v = get(from, element(from, x, i));
            if (to == BR_BOOL)
                put_integer(to, want, floating(from) ? v.z != 0 : v.i != 0);
            else if (floating(from) && bri_kind(to) == 'u' && creall(v.z) <= -1)
                continue;
            else
                put(to, want, v);
            require(memcmp(want, element(to, out, i), bri_dtypes[to].size) == 0, br_dtype_name(to));
        }
        free(x);
        bri_program_free(p);
    }
}
END_TEST

typedef struct special {
    bri_opcode op;
    double x, y, want;
} special;

static const special float_specials[] = {
    {BRI_OP_FLOOR_DIVIDE, 7, -2, -4},
    {BRI_OP_REMAINDER, 7, -2, -1},
    {BRI_OP_FLOOR_DIVIDE, -7, 2, -4},
    {BRI_OP_REMAINDER, -7, 2, 1},
    {BRI_OP_FLOOR_DIVIDE, 1, 0, INFINITY},
    {BRI_OP_REMAINDER, 1, 0, NAN},
    {BRI_OP_REMAINDER, -1, INFINITY, INFINITY},
    {BRI_OP_REMAINDER, 4, -2, -0.0},
    {BRI_OP_MINIMUM, NAN, 1, NAN},
    {BRI_OP_MINIMUM, 1, NAN, NAN},
    {BRI_OP_MAXIMUM, NAN, 1, NAN},
    {BRI_OP_MAXIMUM, 1, NAN, NAN},
    {BRI_OP_EXP, -INFINITY, 0, 0},
    {BRI_OP_EXP, 1000, 0, INFINITY},
    {BRI_OP_LOG, 0, 0, -INFINITY},
    {BRI_OP_LOG, -1, 0, NAN},
    {BRI_OP_SIN, INFINITY, 0, NAN},
    {BRI_OP_COS, NAN, 0, NAN},
    {BRI_OP_SIN, -0.0, 0, -0.0},
    {BRI_OP_SQRT, -0.0, 0, -0.0},
    {BRI_OP_POW, 0, 0, 1},
    {BRI_OP_POW, NAN, 0, 1},
    {BRI_OP_POW, -2, 3, -8},
    {BRI_OP_DIVIDE, -1, 0, -INFINITY},
};

START_TEST(special_floats)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (size_t i = 0; i < sizeof float_specials / sizeof *float_specials; i++) {
        const special *s = &float_specials[i];
        double x = s->x, y = s->y, out;
        void *in[2] = {&x, &y};
        br_dtype dtypes[2] = {BR_FLOAT64, BR_FLOAT64};
        bri_program *p = bri_program_new();
        int a = bri_program_input(p, BR_FLOAT64), b = bri_program_input(p, BR_FLOAT64);
        ck_assert_int_eq(bri_program_seal_store(p, bri_program_op(p, s->op, a, b, -1)), BR_OK);
        run_dense(p, 1, in, dtypes, &out, BR_FLOAT64);
        ck_assert_msg((isnan(out) && isnan(s->want)) ||
                          (out == s->want && signbit(out) == signbit(s->want)),
                      "%s(%g, %g) gave %g", bri_ops[s->op].name, x, y, out);
        bri_program_free(p);
    }
}
END_TEST

static const struct {
    bri_opcode op;
    int32_t x, y, want;
} integer_specials[] = {
    {BRI_OP_FLOOR_DIVIDE, INT32_MIN, -1, INT32_MIN},
    {BRI_OP_REMAINDER, INT32_MIN, -1, 0},
    {BRI_OP_FLOOR_DIVIDE, 5, 0, 0},
    {BRI_OP_REMAINDER, 5, 0, 0},
    {BRI_OP_FLOOR_DIVIDE, -7, 2, -4},
    {BRI_OP_REMAINDER, -7, 2, 1},
    {BRI_OP_ABS, INT32_MIN, 0, INT32_MIN},
    {BRI_OP_NEGATIVE, INT32_MIN, 0, INT32_MIN},
    {BRI_OP_ADD, INT32_MAX, 1, INT32_MIN},
    {BRI_OP_POW, 2, -1, 0},
    {BRI_OP_POW, -1, -3, -1},
    {BRI_OP_POW, 1, -3, 1},
    {BRI_OP_POW, 3, 4, 81},
    {BRI_OP_POW, 0, 0, 1},
};

START_TEST(special_integers)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (size_t i = 0; i < sizeof integer_specials / sizeof *integer_specials; i++) {
        int32_t x = integer_specials[i].x, y = integer_specials[i].y, out;
        void *in[2] = {&x, &y};
        br_dtype dtypes[2] = {BR_INT32, BR_INT32};
        bri_program *p = bri_program_new();
        int a = bri_program_input(p, BR_INT32), b = bri_program_input(p, BR_INT32);
        int value = bri_program_op(p, integer_specials[i].op, a, b, -1);
        ck_assert_int_eq(bri_program_seal_store(p, value), BR_OK);
        run_dense(p, 1, in, dtypes, &out, BR_INT32);
        ck_assert_msg(out == integer_specials[i].want, "%s(%d, %d) gave %d",
                      bri_ops[integer_specials[i].op].name, x, y, out);
        bri_program_free(p);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kernels");
    TCase *t = tcase_create("elements");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, every_op, 0, 4);
    tcase_add_test(t, every_cast);
    tcase_add_test(t, special_floats);
    tcase_add_test(t, special_integers);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failures = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failures != 0;
}
