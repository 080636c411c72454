/* SPDX-License-Identifier: BSD-3-Clause
 * creation_like.c - constants of the shape and the chunks of another array, and logarithmic ranges.
 */
#include <math.h>
#include <string.h>

#include <bramble/creation.h>
#include <bramble/elementwise.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"
#include "runtime/alloc.h"

/* ---- constants on any grid ---- */

static br_status infer(bri_node *node)
{
    const bri_full_like_params *p = node->params;
    const int64_t *w = p->word;
    node->dtype = (br_dtype)p->dtype;
    for (int a = 0; a < p->ndim; a++, node->ndim++)
        BRI_TRY(bri_axis_unpack(&w, &node->axis[a]));
    return BR_OK;
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)map;
    (void)values;
    const bri_full_like_params *p = node->params;
    return bri_program_constant(bri_fuse_program(fuse), node->dtype, p->value);
}

static void print(const bri_node *node, FILE *to)
{
    bri_print_element(node->dtype, ((const bri_full_like_params *)node->params)->value, to);
}

const bri_op bri_op_full_like = {.name = "full_like",
                                 .infer = infer,
                                 .form = {0, 0, sizeof(bri_full_like_params), true},
                                 .fits = bri_fits_full_like,
                                 .emit = emit,
                                 .print = print};

/* Can it be said by one extent of all chunks (but for the last)? */
static bool is_regular(const bri_axis *axis)
{
    return axis->starts == NULL && (axis->nchunks == 1 || axis->first == axis->chunk ||
                                    (axis->nchunks == 2 && axis->chunk < axis->first));
}

/* Where all axes are regular the node is that of br_full. */
static br_array *full_regular(bri_call *call, const bri_node *x, br_number value, br_dtype dtype)
{
    br_full_args full = {.at = call->at, .ctx = call->ctx, .value = value, .dtype = dtype};
    full.shape.ndim = full.chunks.ndim = x->ndim > 0 ? x->ndim : -1;
    for (int a = 0; a < x->ndim; a++) {
        full.shape.extent[a] = x->axis[a].extent;
        full.chunks.extent[a] = x->axis[a].nchunks == 1 ? -1 : x->axis[a].first;
    }
    return bri_full_as(call, &full);
}

static br_array *full_irregular(bri_call *call, const bri_node *x, br_number value, br_dtype dtype)
{
    size_t words = 0;
    for (int a = 0; a < x->ndim; a++)
        words += bri_axis_words(&x->axis[a]);
    size_t bytes = sizeof(bri_full_like_params) + words * sizeof(int64_t);
    bri_full_like_params *p = bri_calloc(1, bytes);
    if (p == NULL)
        return bri_handle_error(call, BR_ENOMEM);
    p->dtype = (int32_t)dtype;
    p->ndim = x->ndim;
    bri_number_store(value, dtype, p->value);
    int64_t *w = p->word;
    for (int a = 0; a < x->ndim; a++)
        w = bri_axis_pack(&x->axis[a], w);
    br_array *y = bri_build(call, &bri_op_full_like, p, bytes, NULL, 0);
    bri_free(p);
    return y;
}

static br_array *full_like(const char *what, const br_full_like_args *args)
{
    bri_call call = {args->x != NULL ? args->x->ctx : NULL, what, args->at};
    br_array *failed = bri_check_call(&call, &args->x, 1);
    if (failed != NULL)
        return failed;
    const bri_node *x = args->x->node;
    br_dtype dtype = args->dtype != BR_NO_DTYPE ? args->dtype : x->dtype;
    br_status st = bri_check_known(x, BRI_ALL_AXES);
    if (st == BR_OK)
        st = bri_check_fill(args->value, dtype);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    bool regular = true;
    for (int a = 0; a < x->ndim; a++)
        regular = regular && is_regular(&x->axis[a]);
    return regular ? full_regular(&call, x, args->value, dtype)
                   : full_irregular(&call, x, args->value, dtype);
}

br_array *br_full_like_(br_full_like_args args)
{
    return full_like("full_like", &args);
}

static br_array *number_like(const char *what, const br_like_args *args, int value)
{
    br_full_like_args full = {args->at, args->x, br_number_int(value), args->dtype};
    return full_like(what, &full);
}

br_array *br_zeros_like_(br_like_args args)
{
    return number_like("zeros_like", &args, 0);
}

br_array *br_ones_like_(br_like_args args)
{
    return number_like("ones_like", &args, 1);
}

br_array *br_empty_like_(br_like_args args)
{
    return number_like("empty_like", &args, 0);
}

/* ---- logarithmic ranges ---- */

/* The exponents, float64; NULL with *failed where dtype or num are bad. */
static br_array *exponents(bri_call *call, const br_linspace_args *args, br_array **failed)
{
    br_linspace_args range = *args;
    range.dtype = BR_FLOAT64;
    *failed = bri_check_call(call, NULL, 0);
    if (*failed != NULL)
        return NULL;
    br_status st = BR_OK;
    if (args->num < 0)
        st = bri_error(BR_EARG, "num is %lld", (long long)args->num);
    else if (args->dtype != BR_NO_DTYPE && bri_kind(args->dtype) != 'f')
        st = bri_error(BR_ETYPE, "dtype %s is not floating", br_dtype_name(args->dtype));
    if (st != BR_OK) {
        *failed = bri_handle_error(call, st);
        return NULL;
    }
    return br_linspace_(range);
}

static br_array *in_dtype(br_array *x, br_dtype dtype, br_place at)
{
    return dtype == BR_NO_DTYPE || dtype == BR_FLOAT64 ? x : br_astype_(x, dtype, at);
}

br_array *br_logspace_(br_logspace_args args)
{
    bri_call call = {args.ctx, "logspace", args.at};
    br_linspace_args range = {args.at,  args.ctx,         args.start, args.stop,
                              args.num, args.no_endpoint, args.dtype, args.chunks};
    br_array *failed;
    br_array *x = exponents(&call, &range, &failed);
    if (x == NULL)
        return failed;
    double base = args.base != 0 ? args.base : 10;
    br_operand operands[] = {br_operand_float(base), br_operand_array(x)};
    return in_dtype(bri_elementwise_as(call.what, BRI_OP_POW, operands, args.at), args.dtype,
                    args.at);
}

/* y with element i replaced. */
static br_array *with_element(const bri_call *call, br_array *y, int64_t i, double value)
{
    br_arange_args count = {.at = call->at, .ctx = call->ctx, .stop = br_number_int(br_nelem(y))};
    count.chunks = (br_extents){1, {-1}};
    br_operand here[] = {br_operand_array(br_arange_(count)), br_operand_int(i)};
    br_array *mask = bri_elementwise_as(call->what, BRI_OP_EQUAL, here, call->at);
    br_operand operands[] = {br_operand_array(mask), br_operand_float(value), br_operand_array(y)};
    return bri_elementwise_as(call->what, BRI_OP_WHERE, operands, call->at);
}

static bool spans(double start, double stop)
{
    return isfinite(start) && isfinite(stop) && start != 0 && stop != 0 &&
           (start < 0) == (stop < 0);
}

/* 2 to the power of evenly spaced logarithms: no ratio of the ends, which may overflow. */
br_array *br_geomspace_(br_geomspace_args args)
{
    bri_call call = {args.ctx, "geomspace", args.at};
    br_linspace_args range = {args.at,  args.ctx,         0,          0,
                              args.num, args.no_endpoint, args.dtype, args.chunks};
    range.start = log2(fabs(args.start));
    range.stop = log2(fabs(args.stop));
    if (args.ctx != NULL && args.ctx->status == BR_OK && !spans(args.start, args.stop))
        return bri_handle_error(&call,
                                bri_error(BR_EARG,
                                          "no geometric sequence leads from %g to %g: both must be "
                                          "finite, not 0, and of one sign",
                                          args.start, args.stop));
    br_array *failed;
    br_array *x = exponents(&call, &range, &failed);
    if (x == NULL)
        return failed;
    br_operand operand = br_operand_array(x);
    br_array *y = bri_elementwise_as(call.what, BRI_OP_EXP2, &operand, args.at);
    operand = br_operand_array(y);
    if (args.start < 0)
        y = bri_elementwise_as(call.what, BRI_OP_NEGATIVE, &operand, args.at);
    if (args.num > 0)
        y = with_element(&call, y, 0, args.start);
    if (args.num > 1 && !args.no_endpoint)
        y = with_element(&call, y, args.num - 1, args.stop);
    return in_dtype(y, args.dtype, args.at);
}
