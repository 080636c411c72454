/* SPDX-License-Identifier: BSD-3-Clause
 * number.c - C numbers that an integer dtype does not hold, as operands: comparisons are decided as
 * if they were held, operations modulo 2^n take them modulo 2^n, all others refuse them.
 */
#include <inttypes.h>
#include <math.h>

#include "array/ops/ops.h"

static long double greatest(br_dtype dtype)
{
    const bool is_signed = bri_kind(dtype) == 'i';
    return ldexpl(1, 8 * (int)bri_dtypes[dtype].size - is_signed) - 1;
}

static long double least(br_dtype dtype)
{
    return bri_kind(dtype) == 'i' ? -greatest(dtype) - 1 : 0;
}

static bool is_integer(br_dtype dtype)
{
    return bri_kind(dtype) == 'i' || bri_kind(dtype) == 'u';
}

/* What conversion to an integer makes of n; long double holds every 64-bit integer. */
static long double whole(br_number n)
{
    return n.kind == 'u' ? (long double)n.u : n.kind == 'f' ? truncl(n.re) : (long double)n.i;
}

/* -1 when n is below what dtype holds, 1 when above it, NaN too; 0 otherwise. */
static int side(br_number n, br_dtype dtype)
{
    if (!is_integer(dtype) || n.kind == 'c' || n.kind == 'b')
        return 0;
    const long double v = whole(n);
    return v < least(dtype) ? -1 : v <= greatest(dtype) ? 0 : 1;
}

br_status bri_check_number(br_number n, br_dtype dtype)
{
    const char *name = br_dtype_name(dtype);
    if (side(n, dtype) == 0)
        return BR_OK;
    if (n.kind == 'f')
        return bri_error(BR_EARG, "%.17g is not in the range of %s", n.re, name);
    if (n.kind == 'u')
        return bri_error(BR_EARG, "%" PRIu64 " is not in the range of %s", n.u, name);
    return bri_error(BR_EARG, "%" PRId64 " is not in the range of %s", n.i, name);
}

static br_number end_of_range(br_dtype dtype, int which)
{
    return which < 0 ? br_number_int((long long)least(dtype))
                     : br_number_uint((unsigned long long)greatest(dtype));
}

static br_number modulo(br_number n, br_dtype dtype)
{
    const int unused = 64 - 8 * (int)bri_dtypes[dtype].size;
    const uint64_t bits = (n.kind == 'u' ? n.u : (uint64_t)n.i) << unused;
    return bri_kind(dtype) == 'i' ? br_number_int((int64_t)bits >> unused)
                                  : br_number_uint(bits >> unused);
}

/* The comparison of any element with the largest number that comes out as that with a number above
 * it, or the one with the least number for numbers below. With the number on the left it is the
 * other way round. */
static bri_opcode decided(bri_opcode opcode, bool above)
{
    switch (opcode) {
    case BRI_OP_LESS:
    case BRI_OP_LESS_EQUAL:
        return above ? BRI_OP_LESS_EQUAL : BRI_OP_LESS;
    case BRI_OP_NOT_EQUAL:
        return above ? BRI_OP_LESS_EQUAL : BRI_OP_GREATER_EQUAL;
    case BRI_OP_GREATER:
    case BRI_OP_GREATER_EQUAL:
        return above ? BRI_OP_GREATER : BRI_OP_GREATER_EQUAL;
    default: /* EQUAL */
        return above ? BRI_OP_GREATER : BRI_OP_LESS;
    }
}

bri_opcode bri_fit_number(bri_opcode opcode, br_operand *operand, int i, br_dtype dtype)
{
    br_number *n = &operand->number;
    const int out = operand->array != NULL ? 0 : side(*n, dtype);
    if (out == 0)
        return opcode;
    switch (opcode) {
    case BRI_OP_ADD:
    case BRI_OP_SUBTRACT:
    case BRI_OP_MULTIPLY:
    case BRI_OP_BITWISE_AND:
    case BRI_OP_BITWISE_OR:
    case BRI_OP_BITWISE_XOR:
        *n = modulo(*n, dtype);
        return opcode;
    case BRI_OP_BITWISE_LEFT_SHIFT:
    case BRI_OP_BITWISE_RIGHT_SHIFT:
        if (i == 1) /* no count out of range leaves a bit, an unsigned end below would be 0 */
            *n = end_of_range(dtype, bri_kind(dtype) == 'u' ? 1 : out);
        return opcode;
    case BRI_OP_LOGICAL_AND:
    case BRI_OP_LOGICAL_OR:
    case BRI_OP_LOGICAL_XOR:
        *n = br_number_int(1);
        return opcode;
    case BRI_OP_EQUAL:
    case BRI_OP_NOT_EQUAL:
    case BRI_OP_LESS:
    case BRI_OP_LESS_EQUAL:
    case BRI_OP_GREATER:
    case BRI_OP_GREATER_EQUAL:
        *n = end_of_range(dtype, out);
        return decided(opcode, (out > 0) == (i == 1));
    default:
        return opcode;
    }
}
