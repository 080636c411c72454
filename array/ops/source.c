/* SPDX-License-Identifier: BSD-3-Clause
 * source.c - arrays from nothing: constants, ranges, and the caller's memory.
 */
#include <math.h>
#include <string.h>

#include <bramble/creation.h>

#include "array/expr/wire.h"
#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"
#include "runtime/alloc.h"

int bri_extents_ndim(const br_extents *e)
{
    return e->ndim < 0 ? 0 : e->ndim;
}

static br_status check_extents(const br_extents *shape, br_dtype dtype)
{
    if (shape->ndim == 0 || shape->ndim > BR_MAX_NDIM)
        return bri_error(BR_ESHAPE, "the shape has %d axes; it must have 1 to %d, or be BR_0D",
                         shape->ndim, BR_MAX_NDIM);
    int64_t bytes = (int64_t)br_dtype_size(dtype);
    for (int a = 0; a < bri_extents_ndim(shape); a++) {
        if (shape->extent[a] < 0)
            return bri_error(BR_ESHAPE, "extent %lld of axis %d is negative",
                             (long long)shape->extent[a], a);
        int64_t n = shape->extent[a] > 0 ? shape->extent[a] : 1;
        if (__builtin_mul_overflow(bytes, n, &bytes))
            return bri_error(BR_ESHAPE, "the shape has more bytes than 64 bits can count");
    }
    return BR_OK;
}

br_status bri_layout_set(bri_layout *layout, br_dtype dtype, const br_extents *shape,
                         const br_extents *chunks)
{
    if (!bri_dtype_ok(dtype))
        return bri_error(BR_ETYPE, "%d is no dtype", (int)dtype);
    BRI_TRY(check_extents(shape, dtype));
    int ndim = bri_extents_ndim(shape);
    if (chunks->ndim > 0 && chunks->ndim != ndim)
        return bri_error(BR_ESHAPE, "chunks for %d axes, but the shape has %d", chunks->ndim, ndim);
    memset(layout, 0, sizeof *layout);
    layout->dtype = (int32_t)dtype;
    layout->ndim = ndim;
    memcpy(layout->extent, shape->extent, (size_t)ndim * sizeof layout->extent[0]);
    bri_auto_chunks(ndim, layout->extent, br_dtype_size(dtype), NULL, false, layout->chunk);
    for (int a = 0; a < ndim && chunks->ndim > 0; a++) {
        if (chunks->extent[a] < -1)
            return bri_error(BR_ESHAPE, "chunk extent %lld of axis %d is negative",
                             (long long)chunks->extent[a], a);
        int64_t whole = layout->extent[a] > 0 ? layout->extent[a] : 1;
        bool all = chunks->extent[a] <= 0 || chunks->extent[a] > whole;
        layout->chunk[a] = all ? whole : chunks->extent[a];
    }
    return BR_OK;
}

br_status bri_layout_infer(bri_node *node, const bri_layout *layout)
{
    node->dtype = (br_dtype)layout->dtype;
    node->ndim = layout->ndim;
    for (int a = 0; a < layout->ndim; a++)
        node->axis[a] = bri_axis_regular(layout->extent[a], layout->chunk[a]);
    return BR_OK;
}

/* Every source's parameters start with its layout. */
static br_status infer_source(bri_node *node)
{
    return bri_layout_infer(node, node->params);
}

/* ---- the caller's memory ---- */

static int emit_memory(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    return bri_fuse_memory(fuse, node, map);
}

static br_status pack_memory(const bri_node *node, bri_writer *w)
{
    bri_memory_params params = *(const bri_memory_params *)node->params;
    params.data = NULL;
    return bri_write(w, &params, sizeof params);
}

static void destroy_memory(bri_node *node)
{
    bri_free(node->resource);
}

static void print_memory(const bri_node *node, FILE *to)
{
    fprintf(to, "%s", node->resource != NULL ? "a copy" : "in place");
}

const bri_op bri_op_memory = {
    .name = "from_memory",
    .infer = infer_source,
    .form = {0, 0, sizeof(bri_memory_params), false},
    .fits = bri_fits_memory,
    .emit = emit_memory,
    .print = print_memory,
    .pack = pack_memory,
    .destroy = destroy_memory,
};

static void dense_strides(const bri_layout *layout, int64_t *stride)
{
    int64_t bytes = (int64_t)br_dtype_size((br_dtype)layout->dtype);
    for (int a = layout->ndim - 1; a >= 0; a--) {
        stride[a] = bytes;
        bytes *= layout->extent[a];
    }
}

static int64_t count_elements(const bri_layout *layout)
{
    int64_t n = 1;
    for (int a = 0; a < layout->ndim; a++)
        n *= layout->extent[a];
    return n;
}

/* The caller's strides must stay within the address space, whatever they are: the elements are the
 * caller's word. Those of axes that nobody steps along are not looked at. */
static br_status set_strides(const br_from_memory_args *args, bri_memory_params *p)
{
    const int ndim = p->layout.ndim;
    intptr_t low = (intptr_t)(uintptr_t)args->data;
    intptr_t high = low;
    if (args->strides.ndim == 0) {
        dense_strides(&p->layout, p->stride);
        return BR_OK;
    }
    if (bri_extents_ndim(&args->strides) != ndim)
        return bri_error(BR_EARG, "%d strides, but the shape has %d axes",
                         bri_extents_ndim(&args->strides), ndim);
    for (int a = 0; a < ndim && count_elements(&p->layout) > 0; a++) {
        int64_t stride = args->strides.extent[a];
        int64_t reach;
        if (p->layout.extent[a] == 1)
            continue;
        if (__builtin_mul_overflow(stride, p->layout.extent[a] - 1, &reach) ||
            __builtin_add_overflow(reach, reach < 0 ? low : high, reach < 0 ? &low : &high))
            low = -1;
        if (low < 0)
            return bri_error(BR_EARG, "stride %lld of axis %d leads out of memory",
                             (long long)stride, a);
        p->stride[a] = stride;
    }
    return BR_OK;
}

/* The copy is dense. */
static br_status copy_memory(const br_from_memory_args *args, bri_memory_params *p, void **copy)
{
    size_t size = br_dtype_size(args->dtype);
    int64_t n = count_elements(&p->layout);
    int64_t to[BR_MAX_NDIM];
    *copy = bri_malloc((size_t)n * size > 0 ? (size_t)n * size : 1);
    if (*copy == NULL)
        return BR_ENOMEM;
    dense_strides(&p->layout, to);
    if (n > 0)
        bri_copy_box(p->layout.ndim, p->layout.extent, size, *copy, to, args->data, p->stride);
    memcpy(p->stride, to, (size_t)p->layout.ndim * sizeof to[0]);
    p->data = *copy;
    return BR_OK;
}

br_array *br_from_memory_(br_from_memory_args args)
{
    bri_call call = {args.ctx, "from_memory", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    bri_memory_params params;
    memset(&params, 0, sizeof params);
    bri_recipe recipe = {
        .op = &bri_op_memory, .params = &params, .params_bytes = sizeof params, .unique = true};
    br_status st = bri_layout_set(&params.layout, args.dtype, &args.shape, &args.chunks);
    if (st == BR_OK && args.data == NULL && count_elements(&params.layout) > 0)
        st = bri_error(BR_EARG, "data is NULL");
    if (st == BR_OK)
        st = set_strides(&args, &params);
    params.data = args.data;
    if (st == BR_OK && args.copy)
        st = copy_memory(&args, &params, &recipe.resource);
    return st == BR_OK ? bri_build_recipe(&call, &recipe, NULL, 0) : bri_handle_error(&call, st);
}

br_array *bri_adopt_memory(bri_call *call, void *block, br_dtype dtype, const br_extents *shape,
                           const br_extents *chunks)
{
    bri_memory_params params;
    memset(&params, 0, sizeof params);
    bri_recipe recipe = {.op = &bri_op_memory,
                         .params = &params,
                         .params_bytes = sizeof params,
                         .resource = block,
                         .unique = true};
    br_status st = bri_layout_set(&params.layout, dtype, shape, chunks);
    if (st != BR_OK) {
        bri_free(block);
        return bri_handle_error(call, st);
    }
    dense_strides(&params.layout, params.stride);
    params.data = block;
    return bri_build_recipe(call, &recipe, NULL, 0);
}

/* ---- constants ---- */

void bri_number_store(br_number number, br_dtype dtype, void *out)
{
    char kind = bri_kind(dtype);
    double _Complex z = __builtin_complex(number.re, number.im); /* a sum would lose -0 and inf */
    if (kind == 'c')
        bri_convert(dtype, out, BR_COMPLEX128, &z, 1);
    else if (number.kind == 'u')
        bri_convert(dtype, out, BR_UINT64, &number.u, 1);
    else if (number.kind == 'f' || number.kind == 'c')
        bri_convert(dtype, out, BR_FLOAT64, &number.re, 1);
    else
        bri_convert(dtype, out, BR_INT64, &number.i, 1);
}

static int emit_full(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)map;
    (void)values;
    const bri_full_params *p = node->params;
    return bri_program_constant(bri_fuse_program(fuse), node->dtype, p->value);
}

void bri_print_element(br_dtype dtype, const void *value, FILE *to)
{
    double _Complex z;
    bri_convert(BR_COMPLEX128, &z, dtype, value, 1);
    if (bri_kind(dtype) == 'c')
        fprintf(to, "%g%+gi", __real__ z, __imag__ z);
    else
        fprintf(to, "%.9g", __real__ z);
}

static void print_full(const bri_node *node, FILE *to)
{
    bri_print_element(node->dtype, ((const bri_full_params *)node->params)->value, to);
}

const bri_op bri_op_full = {.name = "full",
                            .infer = infer_source,
                            .form = {0, 0, sizeof(bri_full_params), false},
                            .fits = bri_fits_layout,
                            .emit = emit_full,
                            .print = print_full};

static br_dtype dtype_of_number(char kind)
{
    switch (kind) {
    case 'b':
        return BR_BOOL;
    case 'i':
        return BR_INT64;
    case 'u':
        return BR_UINT64;
    case 'c':
        return BR_COMPLEX128;
    default:
        return BR_FLOAT64;
    }
}

br_status bri_check_fill(br_number value, br_dtype dtype)
{
    if (!bri_dtype_ok(dtype))
        return bri_error(BR_ETYPE, "%d is no dtype", (int)dtype);
    if (value.kind == 0)
        return bri_error(BR_EARG, "no value is given");
    if (value.kind == 'c' && bri_kind(dtype) != 'c')
        return bri_error(BR_ETYPE, "a complex value does not fit %s", br_dtype_name(dtype));
    return bri_check_number(value, dtype);
}

br_array *bri_full_as(bri_call *call, const br_full_args *args)
{
    br_array *failed = bri_check_call(call, NULL, 0);
    if (failed != NULL)
        return failed;
    bri_full_params params;
    memset(&params, 0, sizeof params);
    br_dtype dtype = args->dtype != BR_NO_DTYPE ? args->dtype : dtype_of_number(args->value.kind);
    br_status st = bri_layout_set(&params.layout, dtype, &args->shape, &args->chunks);
    if (st == BR_OK)
        st = bri_check_fill(args->value, dtype);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    bri_number_store(args->value, dtype, params.value);
    return bri_build(call, &bri_op_full, &params, sizeof params, NULL, 0);
}

br_array *br_full_(br_full_args args)
{
    bri_call call = {args.ctx, "full", args.at};
    return bri_full_as(&call, &args);
}

static br_array *zeros_or_ones(const char *what, const br_zeros_args *args, int value)
{
    bri_call call = {args->ctx, what, args->at};
    br_full_args full = {
        .at = args->at,
        .ctx = args->ctx,
        .shape = args->shape,
        .value = br_number_int(value),
        .dtype = args->dtype != BR_NO_DTYPE ? args->dtype : BR_FLOAT64,
        .chunks = args->chunks,
    };
    return bri_full_as(&call, &full);
}

br_array *br_zeros_(br_zeros_args args)
{
    return zeros_or_ones("zeros", &args, 0);
}

br_array *br_empty_(br_zeros_args args)
{
    return zeros_or_ones("empty", &args, 0);
}

br_array *br_ones_(br_zeros_args args)
{
    return zeros_or_ones("ones", &args, 1);
}

br_status bri_constant_node(br_context *ctx, br_number number, br_dtype dtype, br_place at,
                            bri_node **out)
{
    bri_full_params params;
    memset(&params, 0, sizeof params);
    params.layout.dtype = (int32_t)dtype;
    bri_number_store(number, dtype, params.value);
    bri_recipe recipe = {
        .op = &bri_op_full, .params = &params, .params_bytes = sizeof params, .at = at};
    return bri_node_make(ctx, &recipe, out);
}

/* ---- ranges ---- */

/* Element i of the source is start + step * i; the map makes i = m.start + m.step * (the consumer's
 * index). */
static int emit_iota(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    const bri_iota_params *p = node->params;
    const bri_map_axis *m = &map->from[0];
    return bri_fuse_iota(fuse, node->dtype, p->start, p->step, m);
}

static void print_iota(const bri_node *node, FILE *to)
{
    const bri_iota_params *p = node->params;
    br_dtype wide = bri_dtypes[node->dtype].wide;
    double start;
    double step;
    bri_convert(BR_FLOAT64, &start, wide, p->start, 1);
    bri_convert(BR_FLOAT64, &step, wide, p->step, 1);
    fprintf(to, "from %.9g step %.9g", start, step);
}

#define RANGE(op_name)                                                                             \
    {                                                                                              \
        .name = op_name, .infer = infer_source, .form = {0, 0, sizeof(bri_iota_params), false},    \
        .fits = bri_fits_range, .emit = emit_iota, .print = print_iota                             \
    }
const bri_op bri_op_iota = RANGE("arange");
const bri_op bri_op_linspace = RANGE("linspace");

static br_array *build_iota(bri_call *call, const bri_op *op, bri_iota_params *params,
                            br_dtype dtype, int64_t n, const br_extents *chunks)
{
    br_extents shape = {1, {n}};
    br_status st = bri_layout_set(&params->layout, dtype, &shape, chunks);
    if (st == BR_OK && (bri_kind(dtype) == 'b' || bri_kind(dtype) == 'c'))
        st = bri_error(BR_ETYPE, "a range of %s is not defined", br_dtype_name(dtype));
    if (st != BR_OK)
        return bri_handle_error(call, st);
    return bri_build(call, op, params, sizeof *params, NULL, 0);
}

static bool is_integer(br_number n)
{
    return n.kind == 'i' || n.kind == 'u' || n.kind == 'b';
}

static int64_t range_length(const br_arange_args *args, bool integers)
{
    if (integers) {
        int64_t way = args->stop.i - args->start.i;
        int64_t step = args->step.i;
        if (way == 0 || (way > 0) != (step > 0))
            return 0;
        return (way + step - (step > 0 ? 1 : -1)) / step;
    }
    double n = ceil((args->stop.re - args->start.re) / args->step.re);
    return n > 0 ? (int64_t)n : 0;
}

br_array *br_arange_(br_arange_args args)
{
    bri_call call = {args.ctx, "arange", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    if (args.step.kind == 0)
        args.step = br_number_int(1);
    if (args.start.kind == 0)
        args.start = br_number_int(0);
    if (args.stop.kind == 'c' || args.start.kind == 'c' || args.step.kind == 'c' ||
        args.stop.kind == 0)
        return bri_handle_error(
            &call, bri_error(BR_EARG, "start, stop and step must be real numbers, BR_NUM(...)"));
    bool integers = is_integer(args.start) && is_integer(args.stop) && is_integer(args.step);
    if (args.step.re == 0.0 || !isfinite((args.stop.re - args.start.re) / args.step.re))
        return bri_handle_error(&call, bri_error(BR_EARG, "step is 0, or a number is not finite"));
    br_dtype dtype = args.dtype != BR_NO_DTYPE ? args.dtype : integers ? BR_INT64 : BR_FLOAT64;
    bri_iota_params params;
    memset(&params, 0, sizeof params);
    br_dtype wide = bri_dtype_ok(dtype) && strchr("iuf", bri_kind(dtype)) != NULL
                        ? bri_dtypes[dtype].wide
                        : BR_FLOAT64;
    bri_number_store(args.start, wide, params.start);
    bri_number_store(args.step, wide, params.step);
    return build_iota(&call, &bri_op_iota, &params, dtype, range_length(&args, integers),
                      &args.chunks);
}

br_array *br_linspace_(br_linspace_args args)
{
    bri_call call = {args.ctx, "linspace", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    if (args.num < 0)
        return bri_handle_error(&call, bri_error(BR_EARG, "num is %lld", (long long)args.num));
    br_dtype dtype = args.dtype != BR_NO_DTYPE ? args.dtype : BR_FLOAT64;
    if (bri_kind(dtype) != 'f')
        return bri_handle_error(
            &call, bri_error(BR_ETYPE, "dtype %s is not floating", br_dtype_name(dtype)));
    int64_t intervals = args.no_endpoint ? args.num : args.num - 1;
    double step = intervals > 0 ? (args.stop - args.start) / (double)intervals : 0.0;
    bri_iota_params params;
    memset(&params, 0, sizeof params);
    memcpy(params.start, &args.start, sizeof args.start);
    memcpy(params.step, &step, sizeof step);
    return build_iota(&call, &bri_op_linspace, &params, dtype, args.num, &args.chunks);
}
