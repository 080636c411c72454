/* SPDX-License-Identifier: BSD-3-Clause
 * repeat.c - each element along an axis a number of times, or each as many times as an array says.
 */
#include <string.h>

#include "array/kernels/places.h"
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
    int64_t n = (total + most - 1) / most;
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
    for (int64_t i = 0; i < x->nchunks; i++)
        n += cut_chunk(c, bri_axis_count(x, i), NULL);
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

const bri_op bri_op_repeat = {
    .name = "repeat", .infer = infer, .stage = &bri_stage_repeat, .print = print};

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
