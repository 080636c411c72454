/* SPDX-License-Identifier: BSD-3-Clause
 * operands.h - operands for tests of every operation: numbers of the whole range and special ones,
 * numbers where an operation is most interesting, neighbours of its special points; and programs of
 * one operation or conversion.
 */
#ifndef OPERANDS_H
#define OPERANDS_H

#include "tests/elements.h"

/* ---- real numbers ---- */

static inline long double uniform(long double low, long double high)
{
    return low + (high - low) * (long double)(random_bits() >> 11) * 0x1p-53L;
}

/* Infinities, NaN and subnormal numbers among them, all exponents as often. */
static inline long double any_number(br_dtype real)
{
    uint64_t bits[2] = {random_bits(), 0}; /* room for any dtype, for the compiler's sake */
    return creall(get(real, bits).z);
}

static inline long double log_uniform(int exponents)
{
    return ldexpl(uniform(1, 2), (int)random_below(2 * exponents) - exponents) *
           (random_below(2) ? 1 : -1);
}

/* Few bits: sums and products of such are often half way between two numbers. */
static inline long double few_bits(br_dtype real)
{
    int digits = real == BR_FLOAT32 ? FLT_MANT_DIG : DBL_MANT_DIG;
    return ldexpl((long double)(random_below(17) - 8), (int)random_below(2 * digits) - digits) +
           (long double)(random_below(3) - 1);
}

/* Zeros, poles, turning points and the ends of ranges, which several functions share. */
static inline long double special_point(void)
{
    static const long double ends[] = {FLT_MAX,
                                       DBL_MAX,
                                       FLT_MIN,
                                       DBL_MIN,
                                       88.7228390520684L,
                                       709.782712893384L,
                                       -103.972077083L,
                                       -745.133219101941L,
                                       89.4159862326326L,
                                       710.475860073944L,
                                       -87.3365447505531L,
                                       -708.396418532264L,
                                       38.5318394419L,
                                       308.254715559917L,
                                       -45.1544993496L,
                                       -323.306215343116L,
                                       35.0401008831L,
                                       171.624376956303L,
                                       26.5432456L,
                                       10.0541987L,
                                       1.0471975511966L,
                                       1.46163214496836L,
                                       128,
                                       1024,
                                       -149,
                                       -1074,
                                       -126,
                                       -1022,
                                       INFINITY,
                                       NAN};
    const long double pi = 3.14159265358979323846264338327950288L;
    switch (random_below(4)) {
    case 0:
        return (long double)(random_below(161) - 80) * pi / 4;
    case 1:
        return (long double)(random_below(801) - 400) / 2;
    case 2:
        return ldexpl(random_below(2) ? 1 : -1, (int)random_below(2200) - 1100);
    default:
        return ends[random_below(sizeof ends / sizeof *ends)];
    }
}

/* At most 4 numbers away from it, as integers count the numbers of one sign; or 0.1 %. */
static inline long double beside(br_dtype real, long double point)
{
    uint64_t bits[2] = {0};
    put_floating(real, bits, point * (random_below(3) ? 1 : uniform(0.999L, 1.001L)));
    bits[0] += (uint64_t)(random_below(9) - 4);
    return creall(get(real, bits).z);
}

/* `tame` numbers keep away from overflow on the way. */
static inline long double any_real(bri_opcode op, br_dtype real, bool tame)
{
    const accuracy a = accuracy_of(op);
    const long double part = random_below(2) ? 1 : 8;
    switch (random_below(tame ? 3 : 5)) {
    case 0:
        return uniform(a.low / part, a.high / part);
    case 1:
        return log_uniform(random_below(2) ? 4 : 28);
    case 2:
        return few_bits(real);
    case 3:
        return beside(real, special_point());
    default:
        return any_number(real);
    }
}

/* ---- elements ---- */

/* Of all sizes; extreme and small ones often. */
static inline __int128 any_integer(void)
{
    static const int64_t ends[] = {0,         1,         -1,        2,         INT8_MIN,
                                   INT8_MAX,  UINT8_MAX, INT16_MIN, INT16_MAX, UINT16_MAX,
                                   INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX, UINT32_MAX};
    switch (random_below(4)) {
    case 0:
        return ends[random_below(sizeof ends / sizeof *ends)];
    case 1:
        return random_below(141) - 70;
    default:
        return (__int128)(random_bits() >> random_below(64)) * (random_below(2) ? 1 : -1);
    }
}

/* Textbook products and quotients overflow on the way, and powers depend on both operands. */
static inline bool needs_tame(bri_opcode op, br_dtype dtype)
{
    return bri_kind(dtype) == 'c' &&
           (op == BRI_OP_SQUARE || op == BRI_OP_MULTIPLY || op == BRI_OP_DIVIDE ||
            op == BRI_OP_RECIPROCAL || op == BRI_OP_POW || op == BRI_OP_SINC);
}

static inline void put_any(bri_opcode op, br_dtype dtype, void *at)
{
    const bool tame = needs_tame(op, dtype);
    br_dtype real = bri_real_dtype(dtype);
    if (!floating(dtype)) {
        put_integer(dtype, at, dtype == BR_BOOL ? random_below(2) : any_integer());
        return;
    }
    put_floating(real, at, any_real(op, real, tame));
    if (real != dtype)
        put_floating(real, (char *)at + bri_dtypes[real].size, any_real(op, real, tame));
}

/* x to the y is about as large as there are numbers. */
static inline void balance_power(br_dtype dtype, const void *x, void *y)
{
    long double range = dtype == BR_FLOAT32 ? FLT_MAX_EXP : DBL_MAX_EXP;
    long double size = log2l(fabsl(creall(get(dtype, x).z)));
    if (isfinite(size) && size != 0)
        put_floating(dtype, y, uniform(-1.1L, 1.001L) * range / size);
}

/* ---- programs ---- */

/* An operation, or a conversion if op is BRI_NOPS. */
typedef struct operation {
    bri_opcode op;
    br_dtype dtype; /* of the operands */
    br_dtype to;    /* conversion */
    int arity;
} operation;

static inline operation operation_of(bri_opcode op, br_dtype dtype)
{
    return (operation){op, dtype, BR_NO_DTYPE, bri_ops[op].arity};
}

static inline bool defined_for(bri_opcode op, br_dtype dtype)
{
    return strchr(bri_ops[op].kinds, bri_kind(dtype)) != NULL;
}

static inline br_dtype operand_dtype(const operation *o, int k)
{
    return o->op == BRI_OP_WHERE && k == 0 ? BR_BOOL : o->dtype;
}

/* What the operation is done in. */
static inline br_dtype promoted_dtype(const operation *o)
{
    bool promoted = o->op < BRI_NOPS && strchr(bri_ops[o->op].promotes, bri_kind(o->dtype)) != NULL;
    return promoted ? BR_FLOAT64 : o->dtype;
}

static inline br_dtype result_dtype(const operation *o)
{
    return o->op == BRI_NOPS ? o->to : bri_op_result(o->op, promoted_dtype(o));
}

/* Operand k is the constant at constants[k] unless that is NULL. */
static inline bri_program *program_of(const operation *o, void *const constants[3])
{
    int v[3] = {-1, -1, -1};
    bri_program *p = bri_program_new();
    for (int k = 0; k < o->arity; k++)
        v[k] = constants != NULL && constants[k] != NULL
                   ? bri_program_constant(p, operand_dtype(o, k), constants[k])
                   : bri_program_input(p, operand_dtype(o, k));
    int value = o->op == BRI_NOPS ? bri_program_cast(p, o->to, v[0])
                                  : bri_program_op(p, o->op, v[0], v[1], v[2]);
    require(bri_program_seal_store(p, value) == BR_OK, "cannot seal");
    require(bri_program_dtype(p, value) == result_dtype(o), "the result has another dtype");
    return p;
}

static inline void run_operation(const operation *o, int64_t n, void *const *x, void *out)
{
    br_dtype dtypes[3];
    bri_program *p = program_of(o, NULL);
    for (int k = 0; k < o->arity; k++)
        dtypes[k] = operand_dtype(o, k);
    run_dense(p, n, x, dtypes, out, result_dtype(o));
    bri_program_free(p);
}

/* ---- instruction sets ---- */

enum { NISAS = 4 };
static const char *const isas[NISAS] = {"x86-64-v4", "x86-64-v3", "x86-64-v2", "aarch64"};

/* x86-64-v2 has no fused multiply-add, and SLEEF's functions other last digits. */
static inline bool has_fma(int isa)
{
    return isa != 2;
}

static inline bool same_on_every_isa(const operation *o)
{
    return o->op == BRI_NOPS || !is_sleef(o->op) || bri_kind(promoted_dtype(o)) != 'f';
}

/* NaNs all alike: which of two is passed on is open. */
static inline void same_nan(br_dtype dtype, char *at)
{
    br_dtype real = bri_real_dtype(dtype);
    for (size_t part = 0; floating(dtype) && part < bri_dtypes[dtype].size;
         part += bri_dtypes[real].size)
        if (isnan(creall(get(real, at + part).z)))
            put_floating(real, at + part, NAN);
}

#endif
