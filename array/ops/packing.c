/* SPDX-License-Identifier: BSD-3-Clause
 * packing.c - a dataset's elements as they are meant: missing ones NaN, packed ones scaled.
 *
 * An expression of operations above the source, which costs no pass of its own. Result dtypes and
 * the order of roundings are xarray's (xarray/coding/variables.py), the valid range is netCDF4's
 * (_toma in netCDF4/_netCDF4.pyx), which xarray leaves alone.
 */
#include <float.h>
#include <math.h>

#include <bramble/elementwise.h>

#include "array/ops/packing.h"

static br_array *apply(const bri_call *call, bri_opcode op, br_array *x, br_operand y)
{
    return bri_elementwise_as(call->what, op, (br_operand[]){br_operand_array(x), y}, call->at);
}

static br_array *converted(const bri_call *call, br_array *x, br_dtype dtype)
{
    if (x->status != BR_OK || x->node->dtype == dtype)
        return x;
    return br_astype_(x, dtype, call->at);
}

static br_dtype other_sign(br_dtype dtype)
{
    return dtype >= BR_UINT8 ? (br_dtype)(dtype - BR_UINT8 + BR_INT8)
                             : (br_dtype)(dtype - BR_INT8 + BR_UINT8);
}

/* NumPy's float for an integer's NaN. */
static br_dtype with_nan(br_dtype dtype)
{
    if (bri_kind(dtype) == 'f')
        return dtype;
    return br_dtype_size(dtype) <= 2 ? BR_FLOAT32 : BR_FLOAT64;
}

/* The number as an integer of the dtype, with the bits it has there; false when it changes. */
static bool wrap(br_number *n, br_dtype dtype)
{
    if (n->kind == 'f' && n->re == floor(n->re) && fabs(n->re) < 0x1p63)
        *n = br_number_int((long long)n->re);
    int bits = 8 * (int)br_dtype_size(dtype);
    uint64_t mask = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1, value = n->u & mask;
    if (n->kind == 'f')
        return false;
    if (bri_kind(dtype) == 'u') {
        *n = br_number_uint(value);
        return true;
    }
    *n = br_number_int((int64_t)(value << (64 - bits)) >> (64 - bits));
    return true;
}

/* Would the stored dtype hold the number unchanged? */
static bool is_held(br_number n, br_dtype dtype)
{
    if (bri_kind(dtype) != 'f') {
        if (n.kind == 'f' && (n.re != floor(n.re) || fabs(n.re) >= 0x1p63))
            return false;
        if (n.kind == 'f')
            n = br_number_int((long long)n.re);
        return bri_check_number(n, dtype) == BR_OK;
    }
    double x = n.kind == 'f' ? n.re : n.kind == 'i' ? (double)n.i : (double)n.u;
    return dtype == BR_FLOAT64 || x != x || fabs(x) == INFINITY ||
           (fabs(x) <= FLT_MAX && (double)(float)x == x);
}

typedef struct unpacking {
    const bri_call *call;
    const bri_h5_packing *packing;
    br_array *stored;    /* elements as they are in the file, but for their sign */
    br_array *condition; /* where elements are missing, or NULL */
    br_dtype dtype;      /* in which they are compared */
} unpacking;

static void also(unpacking *u, br_array *condition)
{
    u->condition = u->condition == NULL ? condition
                                        : apply(u->call, BRI_OP_LOGICAL_OR, u->condition,
                                                br_operand_array(condition));
}

/* Elements are compared as floats, as xarray does it; a number that a float32 cannot be is equal to
 * none. */
static bool add_missing(unpacking *u)
{
    const bri_h5_packing *p = u->packing;
    bool some = false;
    br_array *x = NULL;
    for (int i = 0; i < p->nmissing; i++) {
        br_number n = p->missing[i];
        if (p->flip && i < p->nfill)
            wrap(&n, u->stored->node->dtype);
        double v = n.kind == 'f' ? n.re : n.kind == 'i' ? (double)n.i : (double)n.u;
        some |= v == v;
        if (v != v || (u->dtype == BR_FLOAT32 && fabs(v) > FLT_MAX && fabs(v) != INFINITY))
            continue;
        x = x == NULL ? converted(u->call, u->stored, u->dtype) : x;
        also(u, apply(u->call, BRI_OP_EQUAL, x, br_operand_float(v)));
    }
    return some;
}

static bool add_limit(unpacking *u, bri_opcode op, br_number limit, br_dtype raw)
{
    if (limit.kind == 0 || !is_held(limit, raw))
        return false; /* netCDF4 ignores a limit that the stored dtype would change */
    if (bri_kind(raw) != 'f')
        wrap(&limit, u->stored->node->dtype);
    also(u, apply(u->call, op, u->stored, br_operand_number(limit)));
    return true;
}

static bool add_limits(unpacking *u, br_dtype raw)
{
    const bri_h5_packing *p = u->packing;
    if (p->range && (!is_held(p->least, raw) || !is_held(p->most, raw)))
        return false;
    bool some = add_limit(u, BRI_OP_LESS, p->least, raw);
    return add_limit(u, BRI_OP_GREATER, p->most, raw) || some;
}

/* xarray: a factor alone keeps what fits into float32 there, an offset takes integers to float64.
 */
static br_dtype scaled_dtype(br_dtype dtype, bool offset)
{
    size_t size = br_dtype_size(dtype);
    if (bri_kind(dtype) == 'f' ? size <= 4 : size <= 2 && !offset)
        return BR_FLOAT32;
    return BR_FLOAT64;
}

static br_array *scaled(const unpacking *u, br_array *x)
{
    const bri_h5_packing *p = u->packing;
    if (x->status != BR_OK || (p->scale.kind == 0 && p->offset.kind == 0))
        return x;
    x = converted(u->call, x, scaled_dtype(x->node->dtype, p->offset.kind != 0));
    if (p->scale.kind != 0)
        x = apply(u->call, BRI_OP_MULTIPLY, x, br_operand_number(p->scale));
    if (p->offset.kind != 0)
        x = apply(u->call, BRI_OP_ADD, x, br_operand_number(p->offset));
    return x;
}

br_array *bri_unpacked(const bri_call *call, br_array *raw, const bri_h5_packing *packing)
{
    if (raw->status != BR_OK)
        return raw;
    br_dtype dtype = raw->node->dtype;
    unpacking u = {.call = call, .packing = packing, .stored = raw};
    if (packing->flip)
        u.stored = converted(call, raw, other_sign(dtype));
    if (u.stored->status != BR_OK)
        return u.stored;
    u.dtype = with_nan(dtype);
    bool some = add_missing(&u) || packing->floats;
    some |= add_limits(&u, dtype);
    br_array *x = some ? converted(call, u.stored, u.dtype) : u.stored;
    if (u.condition != NULL) {
        br_operand operands[] = {br_operand_array(u.condition), br_operand_float((double)NAN),
                                 br_operand_array(x)};
        x = bri_elementwise_as(call->what, BRI_OP_WHERE, operands, call->at);
    }
    x = scaled(&u, x);
    return packing->truth ? converted(call, x, BR_BOOL) : x;
}
