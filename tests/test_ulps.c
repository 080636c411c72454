/* SPDX-License-Identifier: BSD-3-Clause
 * test_ulps.c - how far results are off: every operation on every dtype and instruction set against
 * exact integers, or long double with the bounds of accuracy.def in units in the last place; the
 * same bits on instruction sets that promise them.
 *
 * test_ulps --worst [TIMES] prints the worst that it finds, of TIMES as many operands.
 */
#include <stdio.h>

#include "tests/operands.h"
#include "tests/sanitized.h"
#include "tests/suite.h"

static int64_t times = 1;
static bool prints;

/* ---- exactly rounded references ----
 *
 * Rounding to odd: what is not exact gets an odd last bit of long double, so that rounding it once
 * more to fewer digits is the same as rounding the exact value.
 */

/* error: the exact value minus `rounded`, only its sign matters. */
static long double to_odd(long double rounded, long double error)
{
    int exponent;
    if (!isfinite(rounded) || isnan(error) || error == 0)
        return rounded;
    bool odd = fmodl(ldexpl(frexpl(rounded, &exponent), LDBL_MANT_DIG), 2) != 0;
    return odd ? rounded : nextafterl(rounded, error > 0 ? INFINITY : -INFINITY);
}

/* Knuth's error of a sum. */
static long double odd_sum(long double a, long double b)
{
    long double s = a + b, part = s - a;
    return to_odd(s, (a - (s - part)) + (b - part));
}

static long double odd_product(long double a, long double b)
{
    return to_odd(a * b, fmal(a, b, -(a * b)));
}

static long double odd_quotient(long double a, long double b)
{
    long double rest = fmal(-(a / b), b, a);
    return to_odd(a / b, b > 0 ? rest : -rest);
}

static long double odd_root(long double a)
{
    return to_odd(sqrtl(a), fmal(-sqrtl(a), sqrtl(a), a));
}

static long double odd_remainder(long double a, long double b)
{
    long double r = fmodl(a, b);
    return r != 0 && (r < 0) != (b < 0) ? odd_sum(r, b) : floor_remainder(a, b);
}

static long double odd_reference(bri_opcode op, long double a, long double b, long double plain)
{
    switch (op) {
    case BRI_OP_ADD:
        return odd_sum(a, b);
    case BRI_OP_SUBTRACT:
        return odd_sum(a, -b);
    case BRI_OP_MULTIPLY:
        return odd_product(a, b);
    case BRI_OP_SQUARE:
        return odd_product(a, a);
    case BRI_OP_DIVIDE:
        return odd_quotient(a, b);
    case BRI_OP_RECIPROCAL:
        return odd_quotient(1, a);
    case BRI_OP_SQRT:
        return odd_root(a);
    case BRI_OP_REMAINDER:
        return odd_remainder(a, b);
    default: /* exact in long double */
        return plain;
    }
}

/* ---- jobs: an operation on many operands ---- */

typedef struct job {
    operation o;
    br_dtype operand, result;
    int64_t n;
    void *x[3];
    char *out, *first; /* results, and those of the first instruction set */
    number *want;
    long double bound;
    long double worst[2]; /* without fused multiply-add, with it */
    int64_t at[2];
    int64_t wrong;
} job;

static number element_of(const job *j, int k, int64_t i)
{
    br_dtype dtype = operand_dtype(&j->o, k);
    number v = get(dtype, element(dtype, j->x[k], i));
    if (j->operand != j->o.dtype)
        v.z = (double)v.i;
    return v;
}

/* All values of 8 bits and pairs of such, all of 16 bits unless it is float64 that is computed. */
static int64_t number_of_operands(const operation *o)
{
    const int64_t part = SLOW ? 8 : 1;
    const size_t bits = 8 * bri_dtypes[o->dtype].size;
    const bool promoted = promoted_dtype(o) != o->dtype;
    if (floating(o->dtype))
        return (bri_kind(o->dtype) == 'c' ? 15000 : 40000) * times / part;
    if (bits * (size_t)o->arity <= 16 && !(promoted && bits == 16))
        return (1 << bits * (size_t)o->arity) / part;
    return (promoted ? 3000 : 20000) * times / part;
}

static void fill_operands(job *j)
{
    const size_t size = bri_dtypes[j->o.dtype].size;
    const size_t bits = 8 * size * (size_t)j->o.arity;
    const bool all = bits <= 16 && j->n == 1 << bits;
    for (int64_t i = 0; i < j->n; i++) {
        for (int k = 0; k < j->o.arity; k++) {
            br_dtype dtype = operand_dtype(&j->o, k);
            if (all)
                put_integer(dtype, element(dtype, j->x[k], i), size == 1 ? i >> 8 * k : i);
            else
                put_any(j->o.op, dtype, element(dtype, j->x[k], i));
        }
        if (j->o.op == BRI_OP_POW && bri_kind(j->o.dtype) == 'f' && i % 4 == 0)
            balance_power(j->o.dtype, element(j->o.dtype, j->x[0], i),
                          element(j->o.dtype, j->x[1], i));
    }
}

static number reference(const job *j, const number x[3])
{
    number want = op_reference(j->o.op, j->operand, x);
    const long double complex a = x[0].z, b = j->o.op == BRI_OP_SUBTRACT ? -x[1].z : x[1].z;
    if (want.kind != 'c' || j->o.op == BRI_OP_JOIN)
        return want;
    if (bri_kind(j->operand) == 'f')
        want.z = odd_reference(j->o.op, creall(a), creall(x[1].z), creall(want.z));
    else if (j->o.op == BRI_OP_ADD || j->o.op == BRI_OP_SUBTRACT)
        want.z = CMPLXL(odd_sum(creall(a), creall(b)), odd_sum(cimagl(a), cimagl(b)));
    return want;
}

static void find_references(job *j)
{
    for (int64_t i = 0; i < j->n; i++) {
        number x[3] = {{0}};
        for (int k = 0; k < j->o.arity; k++)
            x[k] = element_of(j, k, i);
        j->want[i] = reference(j, x);
    }
}

static void make_nans_alike(job *j)
{
    for (int k = 0; k < j->o.arity; k++) {
        const br_dtype dtype = operand_dtype(&j->o, k);
        for (int64_t i = 0; i < j->n; i++)
            same_nan(dtype, (char *)j->x[k] + (size_t)i * bri_dtypes[dtype].size);
    }
}

static job new_job(bri_opcode op, br_dtype dtype)
{
    job j = {.o = operation_of(op, dtype)};
    j.operand = promoted_dtype(&j.o);
    j.result = result_dtype(&j.o);
    j.n = number_of_operands(&j.o);
    for (int k = 0; k < 3; k++)
        j.x[k] = calloc((size_t)j.n, 16);
    j.out = calloc((size_t)j.n, 16);
    j.first = calloc((size_t)j.n, 16);
    j.want = calloc((size_t)j.n, sizeof *j.want);
    j.bound = bri_kind(j.operand) == 'c' ? accuracy_of(op).of_complex : accuracy_of(op).of_real;
    fill_operands(&j);
    make_nans_alike(&j);
    find_references(&j);
    return j;
}

static void free_job(job *j)
{
    for (int k = 0; k < 3; k++)
        free(j->x[k]);
    free(j->out);
    free(j->first);
    free(j->want);
}

/* ---- errors in ulps ---- */

/* C says nothing of the sign of the smaller of two zeros, nor of a whole number's sinc. */
static bool zeros_alike(bri_opcode op)
{
    return op == BRI_OP_MINIMUM || op == BRI_OP_MAXIMUM || op == BRI_OP_FMIN || op == BRI_OP_FMAX;
}

/* Infinity stands where one more exponent would be, as in rounding. */
static long double real_error(br_dtype dtype, long double got, long double want)
{
    const bool narrow = dtype == BR_FLOAT32;
    const long double largest = narrow ? FLT_MAX : DBL_MAX;
    const long double beyond = narrow ? 0x1p128L : 0x1p1024L;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (fabsl(want) >= beyond)
        return isinf(got) && signbit(got) == signbit(want) ? 0 : INFINITY;
    if (isinf(got))
        got = copysignl(beyond, got);
    return fabsl(got - want) / ulp(dtype, fminl(fabsl(want), largest));
}

/* Equal to the exact value rounded once, its zero's sign too. */
static long double rounding_error(const job *j, long double got, long double want)
{
    char rounded[16];
    put_floating(j->result, rounded, want);
    long double w = creall(get(j->result, rounded).z);
    if (isnan(w) || isnan(got))
        return isnan(w) && isnan(got) ? 0 : INFINITY;
    bool same = got == w && (got != 0 || signbit(got) == signbit(w) || zeros_alike(j->o.op));
    return same ? 0 : fmaxl(real_error(j->result, got, w), 1);
}

/* Near overflow and with operands that are no numbers, parts are not compared: test_specials.c
 * does that. */
static long double complex_error(const job *j, int64_t i, long double complex got,
                                 long double complex want)
{
    const br_dtype real = bri_real_dtype(j->result);
    const long double largest = real == BR_FLOAT32 ? FLT_MAX : DBL_MAX;
    for (int k = 0; k < j->o.arity; k++)
        if (!isfinite(cabsl(element_of(j, k, i).z)))
            return 0;
    if (!(cabsl(want) < largest / 8))
        return 0;
    return cabsl(got - want) / ulp(real, cabsl(want));
}

/* Exponents of ldexp are whole; complex powers are as far off as y log(x) is large. */
static bool is_open(const job *j, int64_t i)
{
    long double complex x = element_of(j, 0, i).z, y = element_of(j, 1, i).z;
    if (j->o.op == BRI_OP_POW && bri_kind(j->operand) == 'c')
        return !(cabsl(y * clogl(x)) < 80);
    return j->o.op == BRI_OP_SCALE && creall(y) != rintl(creall(y));
}

/* Floor quotients below it are exact. */
static long double exact_quotients(br_dtype dtype)
{
    return dtype == BR_FLOAT32 ? 0x1p22L : 0x1p51L;
}

static long double plain_error(const job *j, int64_t i)
{
    const number want = j->want[i];
    const char *at = element(j->result, j->out, i);
    const number got = get(j->result, at);
    if (is_open(j, i))
        return 0;
    if (!floating(j->result))
        return close_enough(j->result, at, want, 0) ? 0 : INFINITY;
    if (j->o.op == BRI_OP_FLOOR_DIVIDE && fabsl(creall(want.z)) < exact_quotients(j->operand))
        return rounding_error(j, creall(got.z), creall(want.z));
    if (j->bound == 0 && bri_kind(j->result) == 'c')
        return fmaxl(rounding_error(j, creall(got.z), creall(want.z)),
                     rounding_error(j, cimagl(got.z), cimagl(want.z)));
    if (j->bound == 0)
        return rounding_error(j, creall(got.z), creall(want.z));
    return bri_kind(j->operand) == 'c' ? complex_error(j, i, got.z, want.z)
                                       : real_error(j->result, creall(got.z), creall(want.z));
}

/* Where results are small, SLEEF's functions lose a little, and more of it without fused
 * multiply-add. */
static long double small_excess(bri_opcode op, bool fma)
{
    return !is_sleef(op) ? 0 : op == BRI_OP_HYPOT ? 0.5L : fma ? 0.1L : 1;
}

/* How much more than its bound an operation may be off for these operands, as docs/accuracy.md
 * says. */
static long double excess(const job *j, int64_t i, bool fma)
{
    const number x = element_of(j, 0, i), y = element_of(j, 1, i);
    const bool narrow = bri_real_dtype(j->result) == BR_FLOAT32;
    const long double least = narrow ? FLT_MIN : DBL_MIN, largest = narrow ? FLT_MAX : DBL_MAX;
    const long double size = cabsl(j->want[i].z), one = ulp(j->result, size);
    const long double small = size < 64 * least ? small_excess(j->o.op, fma) : 0;
    if (bri_kind(j->operand) == 'c')
        return j->o.op == BRI_OP_SINC  ? 4 * fabsl(cimagl(x.z))
               : j->o.op == BRI_OP_POW ? 4 * cabsl(y.z * clogl(x.z))
                                       : 0;
    switch (j->o.op) {
    case BRI_OP_EXP:
    case BRI_OP_SINH:
    case BRI_OP_COSH:
        return size > largest / 16 ? 1 : small;
    case BRI_OP_POW:
        return size > largest * (1 - 1e-5L) ? 2 : small;
    case BRI_OP_LGAMMA:
        return creall(x.z) < 0 ? (narrow ? 1e-8L : 1e-15L) / one : size > largest / 512 ? 1 : 0;
    case BRI_OP_TGAMMA:
        return creall(x.z) < (narrow ? -33 : -170) ? (narrow ? 1e-40L : 1e-310L) / one : 0;
    default:
        return small;
    }
}

/* In ulps, but less where more is allowed. */
static long double error_of(const job *j, int64_t i, bool fma)
{
    long double error = plain_error(j, i);
    return error <= 0.5L || isinf(error) || j->bound == 0
               ? error
               : error * j->bound / (j->bound + excess(j, i, fma));
}

static void describe(const job *j, int64_t i, const char *what)
{
    const number x = element_of(j, 0, i), y = element_of(j, 1, i);
    const number got = get(j->result, element(j->result, j->out, i));
    const long double complex want = floating(j->result) ? j->want[i].z : (long double)j->want[i].i;
    printf("%s %s %s (%La%+Lai, %La%+Lai) gave %.20Lg%+.20Lgi, not %.20Lg%+.20Lgi: %s\n",
           bri_kernels_isa(), bri_ops[j->o.op].name, br_dtype_name(j->o.dtype), creall(x.z),
           cimagl(x.z), creall(y.z), cimagl(y.z), creall(got.z), cimagl(got.z), creall(want),
           cimagl(want), what);
}

static void check_accuracy(job *j, int isa)
{
    for (int64_t i = 0; i < j->n; i++) {
        const long double error = error_of(j, i, has_fma(isa));
        if (error > j->worst[has_fma(isa)]) {
            j->worst[has_fma(isa)] = error;
            j->at[has_fma(isa)] = i;
        }
        if (error > j->bound && j->wrong++ < 3)
            describe(j, i, "too far");
    }
}

static void check_bits(job *j)
{
    const size_t size = bri_dtypes[j->result].size;
    for (int64_t i = 0; i < j->n; i++)
        if (memcmp(j->out + (size_t)i * size, j->first + (size_t)i * size, size) != 0 &&
            j->wrong++ < 3)
            describe(j, i, "other bits than on the first instruction set");
}

/* ---- the test ---- */

static void print_worst(const job *j)
{
    static const char *const names[] = {"v2 ", "fma"};
    for (int fma = 0; fma < 2; fma++)
        if (j->worst[fma] > 0) {
            const number x = element_of(j, 0, j->at[fma]), y = element_of(j, 1, j->at[fma]);
            printf("%-12s %-10s %s %8.4Lf of %g at (%.17Lg%+.17Lgi, %.17Lg%+.17Lgi)\n",
                   bri_ops[j->o.op].name, br_dtype_name(j->o.dtype), names[fma], j->worst[fma],
                   (double)j->bound, creall(x.z), cimagl(x.z), creall(y.z), cimagl(y.z));
        }
}

static int64_t check_op(bri_opcode op, br_dtype dtype)
{
    job j = new_job(op, dtype);
    const char *first = NULL;
    for (int isa = 0; isa < NISAS; isa++) {
        if (bri_kernels_init(isas[isa]) != BR_OK)
            continue;
        run_operation(&j.o, j.n, j.x, j.out);
        const bool same = first != NULL && (has_fma(isa) || same_on_every_isa(&j.o));
        if (same)
            check_bits(&j);
        else
            check_accuracy(&j, isa);
        if (first == NULL)
            memcpy(j.first, j.out, (size_t)j.n * bri_dtypes[j.result].size);
        first = isas[isa];
    }
    require(first != NULL, "no instruction set");
    if (prints)
        print_worst(&j);
    int64_t wrong = j.wrong;
    free_job(&j);
    return wrong;
}

START_TEST(every_op)
{
    int64_t wrong = 0;
    for (int dtype = 1; dtype < BR_NDTYPE; dtype++)
        if (defined_for((bri_opcode)_i, (br_dtype)dtype))
            wrong += check_op((bri_opcode)_i, (br_dtype)dtype);
    fflush(stdout);
    ck_assert_msg(wrong == 0, "%s: %d wrong results", bri_ops[_i].name, (int)wrong);
}
END_TEST

int main(int argc, char **argv)
{
    prints = argc > 1 && strcmp(argv[1], "--worst") == 0;
    times = argc > 2 ? atoll(argv[2]) : 1;
    if (argc > 1 && (!prints || times < 1)) {
        fprintf(stderr, "usage: test_ulps [--worst [TIMES]]\n");
        return 1;
    }
    TCase *t = tcase_create("ulps");
    if (prints)
        tcase_set_timeout(t, 0);
    tcase_add_loop_test(t, every_op, 0, BRI_NOPS);
    return run_case("ulps", t);
}
