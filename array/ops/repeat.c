/* SPDX-License-Identifier: BSD-3-Clause
 * repeat.c - each element along an axis a number of times, or each as many times as an array says.
 */
#include <string.h>

#include "array/kernels/places.h"
#include "array/ops/fits.h"
#include "array/ops/indexing.h"
#include "array/ops/shape.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

/* ---- a number ---- */

/* How the axis is cut: a chunk has whole elements, each count times, or a part of one element's
 * copies. */
typedef struct cut {
    int64_t count;
    int64_t most; /* indices of a chunk */
} cut;

static cut cut_of(const bri_node *x, const bri_repeat_params *p)
{
    size_t bytes = br_dtype_size(x->dtype);
    for (int a = 0; a < x->ndim; a++)
        if (a != p->axis)
            bytes *= (size_t)bri_axis_largest(&x->axis[a]);
    int64_t most = bytes > 0 ? (int64_t)(BRI_AUTO_CHUNK_BYTES / bytes) : BRI_AUTO_CHUNK_BYTES;
    if (p->count > 0 && most > p->count)
        most -= most % p->count;
    return (cut){p->count, most > 0 ? most : 1};
}

/* Cuts `total` indices into parts of at most `most`; returns how many, their extents into `out`
 * unless it is NULL. */
static int64_t cut_run(int64_t total, int64_t most, int64_t *out)
{
    int64_t n = total > 0 ? (total - 1) / most + 1 : 0;
    for (int64_t i = 0; i < n && out != NULL; i++)
        out[i] = i < n - 1 ? most : total - i * most;
    return n;
}

/* The parts of one chunk of the source. */
static int64_t cut_chunk(const cut *c, int64_t elements, int64_t *out)
{
    if (c->most >= c->count)
        return cut_run(elements * c->count, c->most, out);
    int64_t n = cut_run(c->count, c->most, NULL);
    for (int64_t i = 0; i < elements && out != NULL; i++)
        cut_run(c->count, c->most, out + i * n);
    return elements * n;
}

static br_status cut_axis(const cut *c, const bri_axis *x, bri_axis *out)
{
    int64_t n = 0;
    if (c->count == 0 || x->extent <= 1 || (x->nchunks == 1 && c->most >= c->count)) {
        *out = bri_axis_regular(x->extent * c->count, c->most);
        return BR_OK;
    }
    BRI_TRY(bri_check_listed(x->nchunks));
    for (int64_t i = 0; i < x->nchunks; i++)
        n += cut_chunk(c, bri_axis_count(x, i), NULL);
    BRI_TRY(bri_check_listed(n));
    int64_t *extents = bri_calloc((size_t)n, sizeof *extents);
    if (extents == NULL)
        return BR_ENOMEM;
    n = 0;
    for (int64_t i = 0; i < x->nchunks; i++)
        n += cut_chunk(c, bri_axis_count(x, i), extents + n);
    br_status st = bri_axis_listed(extents, n, out);
    bri_free(extents);
    return st;
}

static br_status infer(bri_node *node)
{
    const bri_repeat_params *p = node->params;
    const bri_node *x = node->input[0];
    const cut c = cut_of(x, p);
    node->dtype = x->dtype;
    for (; node->ndim < x->ndim; node->ndim++) {
        if (node->ndim == p->axis)
            BRI_TRY(cut_axis(&c, &x->axis[p->axis], &node->axis[p->axis]));
        else
            node->axis[node->ndim] = bri_axis_share(&x->axis[node->ndim]);
    }
    return BR_OK;
}

static void print(const bri_node *node, FILE *to)
{
    const bri_repeat_params *p = node->params;
    fprintf(to, "%lld, axis %d", (long long)p->count, p->axis);
}

const bri_op bri_op_repeat = {.name = "repeat",
                              .infer = infer,
                              .form = {1, 1, sizeof(bri_repeat_params), false},
                              .fits = bri_fits_repeat,
                              .stage = &bri_stage_repeat,
                              .print = print};

/* The array whose axis is repeated: x flattened when none is given. */
static br_array *with_axis(br_array *x, const br_axes *axes, br_place at, br_status *st, int *axis)
{
    br_array *y = axes->n == 0 ? br_ravel_(x, at) : x;
    if (y->status == BR_OK)
        *st = bri_one_axis(axes, y->node->ndim, 0, axis);
    return y;
}

/* Checks that the axis, `count` times as long, and the bytes of the result can be counted. */
static br_status check_longer(const br_array *x, int axis, int64_t extent, int64_t count)
{
    int64_t bytes = (int64_t)br_dtype_size(x->node->dtype);
    bool fits = !__builtin_mul_overflow(bytes, count > 0 ? count : 1, &bytes);
    for (int a = 0; a < x->node->ndim; a++) {
        int64_t n = a == axis ? extent : x->shape[a];
        fits = fits && !__builtin_mul_overflow(bytes, n > 0 ? n : 1, &bytes);
    }
    return fits ? BR_OK
                : bri_error(BR_ESHAPE, "extent %lld of axis %d, %lld times", (long long)extent,
                            axis, (long long)count);
}

br_array *br_repeat_(br_repeat_args args)
{
    bri_call call = {NULL, "repeat", args.at};
    br_status st = BR_OK;
    int axis = 0;
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    br_array *x = with_axis(args.x, &args.axis, args.at, &st, &axis);
    if (x->status != BR_OK)
        return x;
    if (st == BR_OK)
        st = bri_check_known(x->node, BRI_ALL_AXES);
    if (st == BR_OK && args.count < 0)
        st = bri_error(BR_ESHAPE, "%lld repetitions", (long long)args.count);
    if (st == BR_OK)
        st = check_longer(x, axis, x->shape[axis], args.count);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    if (args.count == 1)
        return bri_same_array(&call, x);
    bri_repeat_params p;
    memset(&p, 0, sizeof p);
    p.axis = axis;
    p.count = args.count;
    return bri_build(&call, &bri_op_repeat, &p, sizeof p, &x, 1);
}

/* ---- an array of numbers: a take of indices, each as often as it is repeated ---- */

/* Reads the counts, of any integer dtype, into list; *total is their sum. */
static br_status read_counts(br_dtype dtype, const void *data, int64_t n, int64_t *list,
                             int64_t *total)
{
    bri_read_indices(dtype, n, data, (int64_t)br_dtype_size(dtype), list);
    *total = 0;
    for (int64_t i = 0; i < n; i++) {
        if (list[i] < 0)
            return bri_error(BR_EARG, "count %lld of element %lld is negative", (long long)list[i],
                             (long long)i);
        if (__builtin_add_overflow(*total, list[i], total))
            return bri_error(BR_ESHAPE, "the counts' sum is more than 64 bits can count");
    }
    return BR_OK;
}

static br_status make_table(br_context *ctx, const int64_t *counts, int64_t n, int64_t total,
                            bri_table **out)
{
    size_t bytes;
    if (__builtin_mul_overflow((size_t)total, sizeof(int64_t), &bytes))
        return bri_error(BR_ESHAPE, "the counts' sum is more than 64 bits can count");
    bri_table *table = bri_table_new(bytes);
    if (table == NULL)
        return BR_ENOMEM;
    br_status st = bri_table_charge(table, ctx->memory);
    if (st != BR_OK) {
        bri_table_release(table);
        return st;
    }
    int64_t *index = (int64_t *)table->data;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < counts[i]; k++)
            *index++ = i;
    bri_table_seal(table);
    *out = table;
    return BR_OK;
}

/* The node that stands for x repeated by counts that are known: one for all, or for each. */
static br_status repeated(bri_node *x, int axis, const bri_node *counts, const void *data,
                          br_place at, bri_node **out)
{
    const int64_t n = x->axis[axis].extent;
    const int64_t given = counts->axis[0].extent;
    bri_take_params p;
    bri_table *table = NULL;
    int64_t total = 0;
    int64_t sum;
    if (given != n && given != 1)
        return bri_error(BR_ESHAPE, "%lld counts for axis %d with extent %lld", (long long)given,
                         axis, (long long)n);
    int64_t *list = bri_calloc((size_t)(n > given ? n : given), sizeof *list);
    if (list == NULL)
        return BR_ENOMEM;
    br_status st = read_counts(counts->dtype, data, given, list, &total);
    for (int64_t i = 1; i < n && given == 1; i++)
        list[i] = list[0];
    sum = total;
    if (st == BR_OK && given == 1 && __builtin_mul_overflow(total, n, &sum))
        st = bri_error(BR_ESHAPE, "%lld counts of %lld", (long long)n, (long long)total);
    if (st == BR_OK)
        st = make_table(x->ctx, list, n, sum, &table);
    bri_free(list);
    if (st != BR_OK)
        return st;
    memset(&p, 0, sizeof p);
    p.first = axis;
    p.picked = p.ndim = 1;
    p.extent[0] = sum;
    st = bri_gather_node(x->ctx, x, &p, table, at, out);
    bri_table_release(table);
    return st;
}

/* The axis is as long as the counts' sum. */
static br_status infer_counts(bri_node *node)
{
    const bri_repeat_params *p = node->params;
    const bri_node *x = node->input[0];
    node->dtype = x->dtype;
    for (; node->ndim < x->ndim; node->ndim++)
        node->axis[node->ndim] = node->ndim == p->axis ? bri_axis_unknown(node->input[1])
                                                       : bri_axis_share(&x->axis[node->ndim]);
    return BR_OK;
}

static br_status resolve_counts(const bri_node *node, bri_node *const *inputs,
                                bri_table *const *tables, bri_node **out)
{
    const bri_repeat_params *p = node->params;
    return repeated(inputs[0], p->axis, inputs[1], tables[1]->data, node->at, out);
}

static void print_counts(const bri_node *node, FILE *to)
{
    fprintf(to, "axis %d", ((const bri_repeat_params *)node->params)->axis);
}

const bri_op bri_op_repeat_counts = {.name = "repeat_counts",
                                     .infer = infer_counts,
                                     .form = {2, 2, sizeof(bri_repeat_params), false},
                                     .fits = bri_fits_repeat_counts,
                                     .any_extent = true,
                                     .waits_for = 2,
                                     .resolve = resolve_counts,
                                     .print = print_counts};

static br_status check_counts(const br_array *x, int axis, const br_array *counts)
{
    BRI_TRY(bri_check_index_dtype(counts));
    if (counts->node->ndim != 1)
        return bri_error(BR_ESHAPE, "the counts have %d axes, not one", counts->node->ndim);
    if (counts->shape[0] != 1 && !bri_axis_may_fit(&counts->node->axis[0], &x->node->axis[axis]))
        return bri_error(BR_ESHAPE, "%lld counts for axis %d with extent %lld",
                         (long long)counts->shape[0], axis, (long long)x->shape[axis]);
    return BR_OK;
}

br_array *br_repeat_counts_(br_take_args args)
{
    bri_call call = {NULL, "repeat_counts", args.at};
    br_array *inputs[] = {args.x, args.indices};
    br_status st = BR_OK;
    bri_node *node = NULL;
    int axis = 0;
    br_array *failed = bri_check_call(&call, inputs, 2);
    if (failed != NULL)
        return failed;
    inputs[0] = with_axis(args.x, &args.axis, args.at, &st, &axis);
    if (inputs[0]->status != BR_OK)
        return inputs[0];
    if (st == BR_OK)
        st = check_counts(inputs[0], axis, args.indices);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    if (bri_known_elements(args.indices) == NULL || !bri_node_is_known(inputs[0]->node)) {
        bri_repeat_params p;
        memset(&p, 0, sizeof p);
        p.axis = axis;
        return bri_build(&call, &bri_op_repeat_counts, &p, sizeof p, inputs, 2);
    }
    st = repeated(inputs[0]->node, axis, args.indices->node, bri_known_elements(args.indices),
                  args.at, &node);
    return st == BR_OK ? bri_handle(&call, node) : bri_handle_error(&call, st);
}
