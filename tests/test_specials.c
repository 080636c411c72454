/* SPDX-License-Identifier: BSD-3-Clause
 * test_specials.c - every operation of ops.def on special values: zeros, infinities, NaN, the ends
 * of ranges, values where functions overflow; on every instruction set, and bit for bit the same on
 * those with fused multiply-add.
 */
#include "tests/elements.h"
#include "tests/suite.h"

/* ---- values ---- */

/* float32 gets what is left of them after rounding, which adds infinities and subnormal numbers. */
static const double reals[] = {0.0,
                               -0.0,
                               INFINITY,
                               -INFINITY,
                               NAN,
                               -NAN,
                               1,
                               -1,
                               0.5,
                               -0.5,
                               1.5,
                               -1.5,
                               2,
                               -2,
                               2.5,
                               -2.5,
                               3,
                               -3,
                               10,
                               -10,
                               1e-10,
                               -1e-10,
                               1e-30,
                               1 - 0x1p-53,
                               0x1p-149,
                               0x1p-126,
                               -0x1p-126,
                               0x1p-1022,
                               -0x1p-1022,
                               0x1p-1074,
                               -0x1p-1074,
                               0x1.8p-1060,
                               DBL_MAX,
                               -DBL_MAX,
                               FLT_MAX,
                               -FLT_MAX,
                               88.5,
                               -88.5,
                               89.3,
                               -89.3,
                               709.5,
                               709.782712,
                               -709.5,
                               709.782712,
                               710.4,
                               -710.4,
                               711,
                               -711,
                               -745,
                               -746,
                               128,
                               -149,
                               -150,
                               1023.5,
                               1024,
                               -1074,
                               308.2,
                               -323.2,
                               38.5,
                               -45,
                               170.5,
                               171.5,
                               35.2,
                               -170.25,
                               -3.75,
                               26.5,
                               1e15,
                               -1e15,
                               1e16 + 2,
                               1e22,
                               -1e22,
                               1e155,
                               -1e155,
                               1e300,
                               -1e300,
                               0x1p60,
                               0x1.8p62,
                               -0x1p80,
                               4503599627370495.5,
                               2147483648.5,
                               0x1p23,
                               8388607.5};
enum { NREALS = sizeof reals / sizeof *reals };

static const int64_t integers[] = {0,          1,         -1,        2,         -2,
                                   3,          5,         7,         8,         9,
                                   15,         16,        31,        32,        33,
                                   63,         64,        65,        127,       -127,
                                   12,         18,        60,        128,       200,
                                   255,        -128,      INT64_MAX, INT64_MIN, INT64_MIN + 1,
                                   100,        INT16_MAX, INT16_MIN, INT32_MAX, INT32_MIN,
                                   UINT16_MAX, UINT32_MAX};
enum { NINTEGERS = sizeof integers / sizeof *integers };

static const double parts[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 0.5, -2.5, 1e-12, 1e6};
enum { NPARTS = sizeof parts / sizeof *parts };

/* All values of one dtype, as many as there are. */
static int64_t values_of(br_dtype dtype, char *out)
{
    char kind = bri_kind(dtype);
    int64_t n = kind == 'c' ? NPARTS * NPARTS : kind == 'f' ? NREALS : NINTEGERS;
    for (int64_t i = 0; i < n; i++) {
        char *at = element(dtype, out, i);
        if (kind == 'c')
            put_floating(dtype, at, CMPLXL(parts[i / NPARTS], parts[i % NPARTS]));
        else if (kind == 'f')
            put_floating(dtype, at, reals[i]);
        else
            put_integer(dtype, at, integers[i]);
    }
    return n;
}

/* Operand k of every pair (or triple) of values. */
static int64_t operand(bri_opcode op, br_dtype dtype, int k, char *out)
{
    static char values[256 * 16];
    const int64_t n = values_of(dtype, values);
    const int64_t size = (int64_t)bri_dtypes[dtype].size;
    const int arity = bri_ops[op].arity;
    const int64_t all = arity == 1 ? n : n * n;
    for (int64_t i = 0; i < all; i++) {
        if (op == BRI_OP_WHERE && k == 0)
            out[i] = (char)(i % 3 == 0);
        else
            memcpy(out + i * size, values + (k == 0 || k == 2 ? i % n : i / n) * size,
                   (size_t)size);
    }
    return all;
}

/* ---- comparison ---- */

/* C says nothing of the sign of the smaller of two zeros, nor of what gamma underflows to. */
static bool sign_is_open(bri_opcode op)
{
    return op == BRI_OP_MINIMUM || op == BRI_OP_MAXIMUM || op == BRI_OP_FMIN || op == BRI_OP_FMAX ||
           op == BRI_OP_TGAMMA || op == BRI_OP_SINC;
}

static bool same_zero(bri_opcode op, long double got, long double want)
{
    return got != 0 || want != 0 || signbit(got) == signbit(want) || sign_is_open(op);
}

static bool close_real(bri_opcode op, br_dtype dtype, const void *got, number want,
                       long double ulps)
{
    char rounded[16];
    put_floating(dtype, rounded, want.z);
    long double w = creall(get(dtype, rounded).z), g = creall(get(dtype, got).z);
    if (isnan(w) || isinf(w) || isnan(g))
        return isnan(w) ? isnan(g) : g == w;
    return same_zero(op, g, w) && close_enough(dtype, got, want, ulps);
}

static bool same_class(long double got, long double want)
{
    return isnan(want) ? isnan(got) : isinf(want) ? got == want : isfinite(got);
}

/* Infinite and NaN parts alike, the rest within some ulps of the absolute value. C leaves the signs
 * of zeros beside infinities and NaN open in places, and those of powers. */
static bool close_complex(bri_opcode op, br_dtype dtype, const void *got, number want,
                          long double ulps)
{
    long double complex g = get(dtype, got).z, w = want.z;
    if (!same_class(creall(g), creall(w)) || !same_class(cimagl(g), cimagl(w)))
        return false;
    if (!isfinite(creall(w)) || !isfinite(cimagl(w)))
        return true;
    bool zeros = op == BRI_OP_POW ||
                 (same_zero(op, creall(g), creall(w)) && same_zero(op, cimagl(g), cimagl(w)));
    return zeros && cabsl(g - w) <= ulps * ulp(dtype, cabsl(w));
}

static bool close_result(bri_opcode op, br_dtype operand, br_dtype dtype, const void *got,
                         number want)
{
    long double ulps = op_bound(op, operand, want);
    if (bri_kind(dtype) == 'f')
        return close_real(op, dtype, got, want, ulps);
    if (bri_kind(dtype) == 'c')
        return close_complex(op, dtype, got, want, ulps);
    return close_enough(dtype, got, want, ulps);
}

/* Textbook products and quotients of complex numbers have NaN where C repairs it to infinity, and
 * cpow's special values are libm's own; powers are as far off as y log(x) is large. */
static bool is_open_complex(bri_opcode op, long double complex x, long double complex y)
{
    bool algebra = op == BRI_OP_SQUARE || op == BRI_OP_MULTIPLY || op == BRI_OP_DIVIDE ||
                   op == BRI_OP_RECIPROCAL || op == BRI_OP_POW || op == BRI_OP_SINC;
    bool finite = isfinite(cabsl(x)) && isfinite(cabsl(y));
    return (algebra && (!finite || x == 0 || y == 0)) ||
           (op == BRI_OP_POW && !(cabsl(y * clogl(x)) < 20));
}

/* ---- programs ---- */

typedef struct job {
    bri_opcode op;
    br_dtype dtype, operand, result;
    int64_t n;
    char *x[3];
    char *out;
} job;

/* Exponents of ldexp are whole. */
static bool is_open(const job *j, const number *x)
{
    long double b = creall(x[1].z);
    if (bri_kind(j->operand) == 'c')
        return is_open_complex(j->op, x[0].z, x[1].z);
    return j->op == BRI_OP_SCALE && b != rintl(b);
}

static job make_job(bri_opcode op, br_dtype dtype)
{
    job j = {.op = op, .dtype = dtype, .operand = dtype};
    if (strchr(bri_ops[op].promotes, bri_kind(dtype)) != NULL)
        j.operand = BR_FLOAT64;
    j.result = bri_op_result(op, j.operand);
    for (int k = 0; k < 3; k++) {
        j.x[k] = calloc((size_t)NPARTS * NPARTS * NPARTS * NPARTS, 16);
        j.n = operand(op, dtype, k, j.x[k]);
    }
    j.out = calloc((size_t)j.n, 16);
    return j;
}

static void free_job(job *j)
{
    for (int k = 0; k < 3; k++)
        free(j->x[k]);
    free(j->out);
}

static void run(const job *j, char *out)
{
    int value[3] = {-1, -1, -1};
    br_dtype dtypes[3];
    void *inputs[3];
    bri_program *p = bri_program_new();
    for (int k = 0; k < bri_ops[j->op].arity; k++) {
        inputs[k] = j->x[k];
        dtypes[k] = j->op == BRI_OP_WHERE && k == 0 ? BR_BOOL : j->dtype;
        value[k] = bri_program_input(p, dtypes[k]);
    }
    int result = bri_program_op(p, j->op, value[0], value[1], value[2]);
    ck_assert_int_eq(bri_program_dtype(p, result), j->result);
    ck_assert_int_eq(bri_program_seal_store(p, result), BR_OK);
    run_dense(p, j->n, inputs, dtypes, out, j->result);
    bri_program_free(p);
}

static number operand_at(const job *j, int k, int64_t i)
{
    br_dtype dtype = j->op == BRI_OP_WHERE && k == 0 ? BR_BOOL : j->dtype;
    number v = get(dtype, element(dtype, j->x[k], i));
    if (j->operand != j->dtype)
        v.z = (double)v.i;
    return v;
}

static int failures;

static void check(const job *j)
{
    for (int64_t i = 0; i < j->n; i++) {
        number x[3] = {{0}};
        for (int k = 0; k < bri_ops[j->op].arity; k++)
            x[k] = operand_at(j, k, i);
        if (is_open(j, x))
            continue;
        number want = op_reference(j->op, j->operand, x);
        const char *got = element(j->result, j->out, i);
        if (close_result(j->op, j->operand, j->result, got, want))
            continue;
        number g = get(j->result, got);
        fprintf(stderr, "%s %s %s (%La%+Lai, %La%+Lai) gave %.9Lg%+.9Lgi, not %.9Lg%+.9Lgi\n",
                bri_kernels_isa(), bri_ops[j->op].name, br_dtype_name(j->dtype), creall(x[0].z),
                cimagl(x[0].z), creall(x[1].z), cimagl(x[1].z), creall(g.z), cimagl(g.z),
                want.kind == 'c' ? creall(want.z) : (long double)want.i, cimagl(want.z));
        failures++;
    }
}

static void each_job(void (*f)(job *))
{
    for (int op = 0; op < BRI_NOPS; op++)
        for (int dtype = 1; dtype < BR_NDTYPE; dtype++) {
            if (strchr(bri_ops[op].kinds, bri_kind((br_dtype)dtype)) == NULL)
                continue;
            job j = make_job((bri_opcode)op, (br_dtype)dtype);
            f(&j);
            free_job(&j);
        }
}

static void run_and_check(job *j)
{
    run(j, j->out);
    check(j);
}

START_TEST(every_value)
{
    const char *names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};
    if (bri_kernels_init(names[_i]) != BR_OK)
        return;
    each_job(run_and_check);
    ck_assert_int_eq(failures, 0);
}
END_TEST

/* NaN's bits as well. */
static void compare(job *j)
{
    if (bri_kernels_init("x86-64-v4") != BR_OK)
        return;
    run(j, j->out);
    ck_assert_int_eq(bri_kernels_init("x86-64-v3"), BR_OK);
    char *other = calloc((size_t)j->n, 16);
    run(j, other);
    const size_t size = bri_dtypes[j->result].size;
    for (int64_t i = 0; i < j->n; i++)
        if (memcmp(other + (size_t)i * size, j->out + (size_t)i * size, size) != 0) {
            number x = operand_at(j, 0, i), y = operand_at(j, 1, i);
            fprintf(stderr, "%s %s (%La%+Lai, %La%+Lai): v3 and v4 differ\n", bri_ops[j->op].name,
                    br_dtype_name(j->dtype), creall(x.z), cimagl(x.z), creall(y.z), cimagl(y.z));
            failures++;
        }
    free(other);
}

START_TEST(same_bits)
{
    each_job(compare);
    ck_assert_int_eq(failures, 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("specials");
    tcase_add_loop_test(t, every_value, 0, 4);
    tcase_add_test(t, same_bits);
    return run_case("specials", t);
}
