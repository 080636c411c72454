/* SPDX-License-Identifier: BSD-3-Clause
 * convolve.c - direct convolution: x with a halo, and a kernel that belongs to every block.
 *
 * An element of the result adds products in C order of the kernel's elements. Blocks of a row are
 * made one kernel element after the other, so each addition is a vector loop of its own, and the
 * order is the same wherever x is cut.
 */
#include <bramble/elementwise.h>

#include <string.h>

#include "array/kernels/kernels.h"
#include "array/ops/fits.h"
#include "array/ops/overlap.h"
#include "array/ops/shape.h"
#include "runtime/alloc.h"

enum { BLOCK = 512 };

/* The data of the function. */
typedef struct convolution {
    int32_t mode, unused;
    int64_t shift[BR_MAX_NDIM]; /* element i of the result is element i + shift of the full one */
} convolution;

/* ---- in a task ---- */

typedef struct sum {
    const br_block *x, *kernel, *out;
    const convolution *c;
    bri_kernel *multiply_add, *multiply, *add; /* the last two when there is no first */
    int64_t at[BR_MAX_NDIM];                   /* first element of the row, in the whole result */
    char *to;                                  /* BLOCK elements or fewer of it, from column */
    int64_t column, n;
} sum;

static int last_axis(const sum *s)
{
    return s->x->ndim - 1;
}

/* Adds h times n elements of x. */
static void add_product(const sum *s, int64_t n, const char *x, const char *h, char *to)
{
    _Alignas(64) char products[BLOCK * 16];
    if (s->multiply_add != NULL) {
        s->multiply_add((size_t)n, to, x, h, to);
        return;
    }
    s->multiply((size_t)n, products, x, h, NULL);
    s->add((size_t)n, to, to, products, NULL);
}

/* Products of a row of x with a row of the kernel. */
static void add_row(const sum *s, const char *x, const char *kernel)
{
    int z = last_axis(s);
    int64_t size = (int64_t)br_dtype_size(s->x->dtype);
    int64_t start = s->x->origin[z];
    int64_t end = start + s->x->extent[z];
    for (int64_t k = 0; k < s->kernel->extent[z]; k++) {
        int64_t from = s->out->origin[z] + s->column + s->c->shift[z] - k;
        int64_t first = from < start ? start - from : 0;
        int64_t past = from + s->n > end ? end - from : s->n;
        if (first < past)
            add_product(s, past - first, x + (from + first - start) * size, kernel + k * size,
                        s->to + first * size);
    }
}

/* The row of x that belongs to a row of the kernel, or NULL. */
static const char *row_of_x(const sum *s, const int64_t *k)
{
    int64_t linear = 0;
    for (int a = 0; a < last_axis(s); a++) {
        int64_t at = s->at[a] + s->c->shift[a] - k[a] - s->x->origin[a];
        if (at < 0 || at >= s->x->extent[a])
            return NULL;
        linear = linear * s->x->extent[a] + at;
    }
    return (const char *)s->x->data +
           linear * s->x->extent[last_axis(s)] * (int64_t)br_dtype_size(s->x->dtype);
}

static bool next(int ndim, const int64_t *extent, int64_t *at)
{
    for (int a = ndim - 1; a >= 0; a--) {
        if (++at[a] < extent[a])
            return true;
        at[a] = 0;
    }
    return false;
}

static void make_block(const sum *s)
{
    int64_t k[BR_MAX_NDIM] = {0};
    const char *kernel = s->kernel->data;
    size_t size = br_dtype_size(s->x->dtype);
    memset(s->to, 0, (size_t)s->n * size);
    do {
        const char *x = row_of_x(s, k);
        if (x != NULL)
            add_row(s, x, kernel);
        kernel += (size_t)s->kernel->extent[last_axis(s)] * size;
    } while (next(last_axis(s), s->kernel->extent, k));
}

static int convolve_block(const br_block *in, int n, const br_block *out, const void *data)
{
    br_dtype d = out->dtype;
    sum s = {.x = &in[0],
             .kernel = &in[1],
             .out = out,
             .c = data,
             .multiply_add = bri_kernel_table.pair[BRI_PAIR_MULTIPLY_ADD][d][2],
             .multiply = bri_kernel_table.op[BRI_OP_MULTIPLY][d][2],
             .add = bri_kernel_table.op[BRI_OP_ADD][d][0],
             .to = out->data};
    int64_t row[BR_MAX_NDIM] = {0};
    int z = last_axis(&s);
    do {
        for (int a = 0; a < z; a++)
            s.at[a] = out->origin[a] + row[a];
        for (s.column = 0; s.column < out->extent[z]; s.column += s.n) {
            s.n = out->extent[z] - s.column < BLOCK ? out->extent[z] - s.column : BLOCK;
            make_block(&s);
            s.to += (size_t)s.n * br_dtype_size(d);
        }
    } while (next(z, out->extent, row));
    return n - 2;
}

/* ---- the node ---- */

static const convolution *convolution_of(const bri_node *node)
{
    return bri_user_data(node->params);
}

/* As x is cut; what is beyond x's end belongs to the last chunk, or to more of the same length. */
static br_status full_axis(const bri_axis *x, int64_t more, bri_axis *out)
{
    int64_t longest = bri_axis_largest(x);
    BRI_TRY(bri_check_listed(x->nchunks));
    BRI_TRY(bri_check_listed(more / longest));
    int64_t room = x->nchunks + more / longest + 1;
    int64_t *extent = bri_calloc((size_t)room, sizeof *extent);
    int64_t n = 0;
    if (extent == NULL)
        return BR_ENOMEM;
    for (; n < x->nchunks; n++)
        extent[n] = bri_axis_count(x, n);
    if (x->nchunks == 1 || extent[n - 1] + more <= longest) {
        extent[n - 1] += more;
        more = 0;
    }
    for (; more > 0; more -= extent[n++])
        extent[n] = more < longest ? more : longest;
    br_status st = bri_axis_listed(extent, n, out);
    bri_free(extent);
    return st;
}

static br_status infer(bri_node *node)
{
    const bri_node *x = node->input[0];
    const bri_node *kernel = node->input[1];
    const int mode = convolution_of(node)->mode;
    node->dtype = x->dtype;
    for (; node->ndim < x->ndim; node->ndim++) {
        const bri_axis *axis = &x->axis[node->ndim];
        bri_axis *out = &node->axis[node->ndim];
        int64_t more = kernel->axis[node->ndim].extent - 1;
        if (mode == BR_CONVOLVE_SAME)
            *out = bri_axis_share(axis);
        else if (mode == BR_CONVOLVE_VALID)
            BRI_TRY(bri_axis_slice(axis, 0, 1, axis->extent - more, out));
        else
            BRI_TRY(full_axis(axis, more, out));
    }
    return BR_OK;
}

/* x and the kernel are of the same dtype, and nothing is empty. */
static bool fits(const bri_recipe *r)
{
    const bri_user_params *p = r->params;
    const bri_node *x = r->inputs[0], *kernel = r->inputs[1];
    if (!bri_fits_overlap(r) || p->data_bytes != sizeof(convolution) || x->ndim < 1 ||
        x->ndim != kernel->ndim || x->dtype == BR_BOOL || x->dtype != kernel->dtype ||
        p->dtype != (int32_t)x->dtype || p->fn != (bri_function)convolve_block)
        return false;
    const convolution *c = bri_user_data(p);
    bool good = c->mode >= BR_CONVOLVE_FULL && c->mode <= BR_CONVOLVE_VALID;
    for (int a = 0; good && a < x->ndim; a++) {
        int64_t most = kernel->axis[a].extent - 1;
        good = most >= 0 && x->axis[a].extent > 0 && c->shift[a] >= 0 && c->shift[a] <= most &&
               (c->mode != BR_CONVOLVE_VALID || most < x->axis[a].extent);
    }
    return good;
}

static void print(const bri_node *node, FILE *to)
{
    static const char *const name[] = {"full", "same", "valid"};
    fprintf(to, "%s", name[convolution_of(node)->mode]);
}

const bri_op bri_op_convolve = {.name = "convolve",
                                .infer = infer,
                                .form = {2, 2, sizeof(bri_user_params), true},
                                .fits = fits,
                                .stage = &bri_stage_overlap,
                                .costly = true,
                                .print = print,
                                .pack = bri_user_pack,
                                .unpack = bri_user_unpack};

/* ---- the call ---- */

static br_status check(const br_array *x, const br_array *kernel, br_convolve_mode mode)
{
    int ndim = x->node->ndim;
    if ((int)mode < 0 || mode > BR_CONVOLVE_VALID)
        return bri_error(BR_EARG, "there is no mode %d", (int)mode);
    if (ndim == 0 || kernel->node->ndim != ndim)
        return bri_error(BR_ESHAPE, "an array with %d axes and a kernel with %d", ndim,
                         kernel->node->ndim);
    if (x->node->dtype == BR_BOOL && kernel->node->dtype == BR_BOOL)
        return bri_error(BR_ETYPE, "not defined for bool");
    for (int a = 0; a < ndim; a++) {
        if (kernel->shape[a] == 0 || x->shape[a] == 0)
            return bri_error(BR_ESHAPE, "axis %d is empty", a);
        if (mode == BR_CONVOLVE_VALID && kernel->shape[a] > x->shape[a])
            return bri_error(BR_ESHAPE, "a kernel of %lld elements along axis %d, which has %lld",
                             (long long)kernel->shape[a], a, (long long)x->shape[a]);
    }
    return BR_OK;
}

static void set_axes(const br_array *x, const br_array *kernel, bri_overlap_axis *axis,
                     convolution *c)
{
    int ndim = x->node->ndim;
    for (int a = 0; a < ndim; a++) {
        int64_t more = kernel->shape[a] - 1;
        c->shift[a] = c->mode == BR_CONVOLVE_FULL   ? 0
                      : c->mode == BR_CONVOLVE_SAME ? more / 2
                                                    : more;
        axis[a] = (bri_overlap_axis){.before = more - c->shift[a], .after = c->shift[a]};
        axis[ndim + a] = (bri_overlap_axis){.whole = 1};
    }
}

static br_array *build(bri_call *call, br_array *x, br_array *kernel, br_convolve_mode mode)
{
    size_t axes = 2 * (size_t)x->node->ndim * sizeof(bri_overlap_axis);
    convolution c = {.mode = (int32_t)mode};
    br_array *inputs[] = {x, kernel};
    bri_overlap_params *spec = bri_calloc(1, sizeof *spec + axes);
    if (spec == NULL)
        return bri_handle_error(call, BR_ENOMEM);
    spec->inner = true;
    set_axes(x, kernel, spec->axis, &c);
    bri_user_call u = {.op = &bri_op_convolve,
                       .fn = (bri_function)convolve_block,
                       .data = &c,
                       .data_bytes = sizeof c,
                       .dtype = x->node->dtype,
                       .spec = spec,
                       .spec_bytes = sizeof *spec + axes};
    br_array *y = bri_build_user(call, &u, inputs, 2);
    bri_free(spec);
    return y;
}

static br_array *convolve(bri_call *call, const br_convolve_args *args, br_array *kernel)
{
    br_status st = check(args->x, kernel, args->mode);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    br_dtype dtype = br_result_type(args->x->node->dtype, kernel->node->dtype);
    br_array *x = br_astype_(args->x, dtype, call->at);
    br_array *h = br_astype_(kernel, dtype, call->at);
    if (x->status != BR_OK || h->status != BR_OK)
        return x->status != BR_OK ? x : h;
    return build(call, x, h, args->mode);
}

br_array *br_convolve_(br_convolve_args args)
{
    bri_call call = {NULL, "convolve", args.at};
    br_array *inputs[] = {args.x, args.kernel};
    br_array *failed = bri_check_call(&call, inputs, 2);
    return failed != NULL ? failed : convolve(&call, &args, args.kernel);
}

br_array *br_correlate_(br_convolve_args args)
{
    bri_call call = {NULL, "correlate", args.at};
    br_array *inputs[] = {args.x, args.kernel};
    br_array *failed = bri_check_call(&call, inputs, 2);
    if (failed != NULL)
        return failed;
    br_array *turned = br_flip_((br_flip_args){.at = args.at, .x = args.kernel});
    if (bri_kind(args.kernel->node->dtype) == 'c')
        turned = br_conj_(br_operand_array(turned), args.at);
    return turned->status != BR_OK ? turned : convolve(&call, &args, turned);
}
