/* SPDX-License-Identifier: BSD-3-Clause
 * matmul.c - sums of products over axes of two arrays: matmul, tensordot, and what is composed.
 *
 * Both are one node kind. Its indices are those of a batch, of a's other axes, of b's, which are
 * the result's in this order, then those that are summed over.
 */
#include <string.h>

#include <bramble/elementwise.h>
#include <bramble/linalg.h>
#include <bramble/reduce.h>

#include "array/ops/fits.h"
#include "array/ops/shape.h"
#include "array/plan/stage.h"

/* ---- the node ---- */

static br_status do_not_fit(const bri_node *a, const bri_node *b, const char *why)
{
    char left[128];
    char right[128];
    return bri_error(BR_ESHAPE, "shapes %s and %s %s", bri_node_shape_text(a, left, sizeof left),
                     bri_node_shape_text(b, right, sizeof right), why);
}

/* The operand's axis of an index; NULL when it has none. */
static const bri_axis *axis_of(const bri_matmul_params *p, int k, const bri_node *x, int index)
{
    for (int a = 0; a < x->ndim; a++)
        if (p->index[k][a] == index)
            return &x->axis[a];
    return NULL;
}

/* The grid of an index of the result: that of the operands that have it, together. */
static br_status index_axis(const bri_node *node, int i, bri_axis *out)
{
    const bri_axis *axis[2];
    for (int k = 0; k < 2; k++)
        axis[k] = axis_of(node->params, k, node->input[k], i);
    if (axis[0] == NULL || axis[1] == NULL) {
        *out = bri_axis_share(axis[0] != NULL ? axis[0] : axis[1]);
        return BR_OK;
    }
    if (axis[0]->extent == 1 || axis[1]->extent == 1) {
        *out = bri_axis_share(axis[axis[0]->extent == 1]);
        return BR_OK;
    }
    if (bri_axis_alike(axis[0], axis[1]))
        return bri_axis_unify(axis[0], axis[1], out);
    if (!bri_axis_may_fit(axis[0], axis[1]))
        return do_not_fit(node->input[0], node->input[1], "do not broadcast");
    *out = bri_axis_unknown((const char *)node + i);
    return BR_OK;
}

static br_status infer(bri_node *node)
{
    const bri_matmul_params *p = node->params;
    int nresult = p->nbatch + p->nrow + p->ncolumn;
    double bytes = (double)br_dtype_size(node->input[0]->dtype);
    node->dtype = node->input[0]->dtype;
    for (int i = nresult; i < nresult + p->ninner; i++)
        if (!bri_axis_may_fit(axis_of(p, 0, node->input[0], i), axis_of(p, 1, node->input[1], i)))
            return do_not_fit(node->input[0], node->input[1],
                              "differ along axes that are summed over");
    for (; node->ndim < nresult; node->ndim++) {
        BRI_TRY(index_axis(node, node->ndim, &node->axis[node->ndim]));
        if (bri_axis_is_known(&node->axis[node->ndim]))
            bytes *= (double)node->axis[node->ndim].extent;
    }
    return bytes < 0x1p62 ? BR_OK
                          : do_not_fit(node->input[0], node->input[1],
                                       "have a product of more bytes than can be counted");
}

/* ---- building ---- */

/* Where b is cut more finely along axes that are summed over, a's cuts make larger tiles of it. */
enum { TILE_BYTES = 16 << 20 };

/* Bytes of b's largest tile when it is cut as a is along the inner axes, or with `own` as it is. */
static double tile_of_b(const bri_matmul_params *p, bri_node *const *x, bool own)
{
    int first = p->nbatch + p->nrow + p->ncolumn;
    double bytes = (double)br_dtype_size(x[1]->dtype);
    for (int a = 0; a < x[1]->ndim; a++) {
        int i = p->index[1][a];
        const bri_axis *axis = i >= first && !own ? axis_of(p, 0, x[0], i) : &x[1]->axis[a];
        bytes *= (double)bri_axis_largest(axis);
    }
    return bytes;
}

/* The chunks along inner index i: a's largest; as many of b's as make a tile where a's would make
 * too large a one. */
static int64_t inner_chunk(const bri_matmul_params *p, bri_node *const *x, int i)
{
    int64_t of_a = bri_axis_largest(axis_of(p, 0, x[0], i));
    int64_t of_b = bri_axis_largest(axis_of(p, 1, x[1], i));
    if (of_b == 0 || of_b >= of_a || tile_of_b(p, x, false) <= TILE_BYTES)
        return of_a;
    double several = p->ninner == 1 ? TILE_BYTES / tile_of_b(p, x, true) : 1;
    int64_t chunk = several >= 2 ? of_b * (int64_t)several : of_b;
    return chunk < of_a ? chunk : of_a;
}

/* Extents of chunks for both, regular ones and the same along axes that are summed over; false
 * when they are cut alike there already, or it is not known. */
static bool cut_alike(const bri_matmul_params *p, bri_node *const *x, bri_chunks_params *chunks)
{
    bool alike = true;
    int first = p->nbatch + p->nrow + p->ncolumn;
    if (!bri_node_is_known(x[0]) || !bri_node_is_known(x[1]))
        return false;
    memset(chunks, 0, 2 * sizeof *chunks);
    for (int k = 0; k < 2; k++) {
        chunks[k].ndim = x[k]->ndim;
        for (int a = 0; a < x[k]->ndim; a++) {
            int i = p->index[k][a];
            bool inner = i >= first;
            int64_t chunk = inner ? inner_chunk(p, x, i) : bri_axis_largest(&x[k]->axis[a]);
            alike = alike && (!inner || bri_axis_equal(axis_of(p, 0, x[0], i), &x[k]->axis[a]));
            chunks[k].chunk[a] = chunk > 0 ? chunk : 1;
        }
    }
    return !alike;
}

/* The node on operands of the same dtype, cut alike. */
static br_status make_product(const bri_matmul_params *p, bri_node *const *x, br_place at,
                              bri_node **out)
{
    bri_chunks_params chunks[2];
    bri_node *cut[2] = {NULL, NULL};
    bri_recipe recipe = {.op = &bri_op_matmul,
                         .params = p,
                         .params_bytes = sizeof *p,
                         .inputs = x,
                         .ninputs = 2,
                         .at = at};
    br_status st = BR_OK;
    bool cuts = cut_alike(p, x, chunks);
    for (int k = 0; k < 2 && cuts && st == BR_OK; k++) {
        bri_recipe rechunk = {.op = &bri_op_rechunk,
                              .params = &chunks[k],
                              .params_bytes = sizeof chunks[k],
                              .inputs = &x[k],
                              .ninputs = 1,
                              .at = at};
        st = bri_node_make(x[k]->ctx, &rechunk, &cut[k]);
    }
    if (cuts)
        recipe.inputs = cut;
    if (st == BR_OK)
        st = bri_node_make(x[0]->ctx, &recipe, out);
    for (int k = 0; k < 2; k++)
        if (cut[k] != NULL)
            bri_node_release(cut[k]);
    return st;
}

static br_status resolve(const bri_node *node, bri_node *const *inputs, bri_table *const *tables,
                         bri_node **out)
{
    (void)tables;
    return make_product(node->params, inputs, node->at, out);
}

const bri_op bri_op_matmul = {.name = "matmul",
                              .infer = infer,
                              .form = {2, 2, sizeof(bri_matmul_params), false},
                              .fits = bri_fits_matmul,
                              .stage = &bri_stage_matmul,
                              .any_extent = true,
                              .resolve = resolve,
                              .costly = true};

static br_array *build(bri_call *call, const bri_matmul_params *p, br_array *a, br_array *b)
{
    br_dtype dtype = br_result_type(a->node->dtype, b->node->dtype);
    br_array *operand[2] = {a, b};
    bri_node *x[2];
    bri_node *node = NULL;
    if (p->nbatch + p->nrow + p->ncolumn + p->ninner > BR_MAX_NDIM)
        return bri_handle_error(call, do_not_fit(a->node, b->node, "have too many axes together"));
    for (int k = 0; k < 2; k++) {
        if (operand[k]->node->dtype != dtype)
            operand[k] = br_astype_(operand[k], dtype, call->at);
        if (operand[k]->status != BR_OK)
            return operand[k];
        x[k] = operand[k]->node;
    }
    br_status st = make_product(p, x, call->at, &node);
    return st == BR_OK ? bri_handle(call, node) : bri_handle_error(call, st);
}

/* ---- matmul ---- */

/* The product of stacks of matrices. */
static br_array *stacks(bri_call *call, br_array *a, br_array *b)
{
    bri_matmul_params p;
    int na = a->node->ndim - 2;
    int nb = b->node->ndim - 2;
    if (!bri_axis_may_fit(&a->node->axis[na + 1], &b->node->axis[nb]))
        return bri_handle_error(call,
                                do_not_fit(a->node, b->node, "are no matrices (n, k) and (k, m)"));
    memset(&p, 0, sizeof p);
    p.nbatch = na > nb ? na : nb;
    p.nrow = p.ncolumn = p.ninner = 1;
    for (int i = 0; i < na; i++)
        p.index[0][i] = (int8_t)(p.nbatch - na + i);
    for (int i = 0; i < nb; i++)
        p.index[1][i] = (int8_t)(p.nbatch - nb + i);
    p.index[0][na] = (int8_t)p.nbatch;
    p.index[1][nb + 1] = (int8_t)(p.nbatch + 1);
    p.index[0][na + 1] = p.index[1][nb] = (int8_t)(p.nbatch + 2);
    return build(call, &p, a, b);
}

br_array *br_matmul_(br_array *a, br_array *b, br_place at)
{
    bri_call call = {a != NULL ? a->ctx : NULL, "matmul", at};
    br_array *both[2] = {a, b};
    br_axes drop = {0, {0}};
    br_array *failed = bri_check_call(&call, both, 2);
    if (failed != NULL)
        return failed;
    if (a->node->ndim == 0 || b->node->ndim == 0)
        return bri_handle_error(&call, do_not_fit(a->node, b->node, "must have an axis each"));
    if (a->node->ndim == 1) {
        drop.axis[drop.n++] = -2;
        both[0] = br_expand_dims_(a, 0, at);
    }
    if (b->node->ndim == 1) {
        drop.axis[drop.n++] = -1;
        both[1] = br_expand_dims_(b, 1, at);
    }
    for (int k = 0; k < 2; k++)
        if (both[k]->status != BR_OK)
            return both[k];
    br_array *c = stacks(&call, both[0], both[1]);
    return c->status == BR_OK && drop.n > 0 ? br_squeeze_(c, drop, at) : c;
}

/* ---- tensordot ---- */

/* The pairs of axes, in both ways of naming them. */
static br_status read_pairs(const br_tensordot_args *args, br_axes *left, br_axes *right)
{
    const br_number *n = &args->axes;
    bool listed = args->left.n != 0 || args->right.n != 0;
    int na = args->a->node->ndim;
    int nb = args->b->node->ndim;
    if (n->kind != 0 &&
        (listed || (n->kind != 'i' && n->kind != 'u') || n->i < 0 || n->i > BR_MAX_NDIM))
        return bri_error(BR_EARG, ".axes is a number of axes, and alone");
    *left = args->left;
    *right = args->right;
    if (!listed) {
        int pairs = n->kind == 0 ? 2 : (int)n->i;
        if (pairs > na || pairs > nb)
            return bri_error(BR_EAXIS, "%d axes of arrays with %d and %d", pairs, na, nb);
        left->n = right->n = pairs;
        for (int i = 0; i < pairs; i++) {
            left->axis[i] = na - pairs + i;
            right->axis[i] = i;
        }
    }
    left->n = left->n > 0 ? left->n : 0;
    right->n = right->n > 0 ? right->n : 0;
    return left->n == right->n
               ? BR_OK
               : bri_error(BR_EAXIS, "%d axes of a, but %d of b", left->n, right->n);
}

/* Marks one operand's axes that are summed over, distinct ones: of[a] is the pair's number, else
 * -1. */
static br_status read_axes(const br_axes *axes, int ndim, int8_t *of)
{
    for (int a = 0; a < ndim; a++)
        of[a] = -1;
    for (int i = 0; i < axes->n; i++) {
        int a = axes->axis[i] < 0 ? axes->axis[i] + ndim : axes->axis[i];
        if (a < 0 || a >= ndim || of[a] >= 0)
            return bri_error(BR_EAXIS, "axis %d of an array with %d axes%s", axes->axis[i], ndim,
                             a >= 0 && a < ndim ? " stands twice" : "");
        of[a] = (int8_t)i;
    }
    return BR_OK;
}

static br_status pair_axes(const br_tensordot_args *args, bri_matmul_params *p)
{
    br_axes axes[2];
    const bri_node *x[2] = {args->a->node, args->b->node};
    BRI_TRY(read_pairs(args, &axes[0], &axes[1]));
    memset(p, 0, sizeof *p);
    p->ninner = axes[0].n;
    p->nrow = x[0]->ndim - p->ninner;
    p->ncolumn = x[1]->ndim - p->ninner;
    int next = 0;
    for (int k = 0; k < 2; k++) {
        BRI_TRY(read_axes(&axes[k], x[k]->ndim, p->index[k]));
        for (int a = 0; a < x[k]->ndim; a++) {
            int pair = p->index[k][a];
            p->index[k][a] = (int8_t)(pair >= 0 ? p->nrow + p->ncolumn + pair : next++);
        }
    }
    return BR_OK;
}

br_array *br_tensordot_(br_tensordot_args args)
{
    bri_call call = {args.a != NULL ? args.a->ctx : NULL, "tensordot", args.at};
    bri_matmul_params p;
    br_array *both[2] = {args.a, args.b};
    br_array *failed = bri_check_call(&call, both, 2);
    if (failed != NULL)
        return failed;
    br_status st = pair_axes(&args, &p);
    return st == BR_OK ? build(&call, &p, args.a, args.b) : bri_handle_error(&call, st);
}

/* ---- composed ---- */

br_array *br_outer_(br_array *a, br_array *b, br_place at)
{
    bri_call call = {a != NULL ? a->ctx : NULL, "outer", at};
    br_array *both[2] = {a, b};
    br_array *failed = bri_check_call(&call, both, 2);
    if (failed != NULL)
        return failed;
    br_array *column = br_expand_dims_(br_ravel_(a, at), 1, at);
    return br_multiply_(br_operand_array(column), br_operand_array(br_ravel_(b, at)), at);
}

/* The axis counted from the last, the same of both. */
static br_status vecdot_axis(const br_vecdot_args *args, int *axis)
{
    const bri_node *a = args->a->node;
    const bri_node *b = args->b->node;
    int least = a->ndim < b->ndim ? a->ndim : b->ndim;
    if (args->axis.n > 1 || args->axis.n < 0)
        return bri_error(BR_EAXIS, "one axis is needed");
    *axis = args->axis.n == 1 ? args->axis.axis[0] : -1;
    if (*axis >= 0 && a->ndim == b->ndim)
        *axis -= a->ndim;
    if (*axis >= 0 || *axis < -least)
        return bri_error(BR_EAXIS,
                         "axis %d of arrays with %d and %d axes; with several, count "
                         "from the last",
                         args->axis.n == 1 ? args->axis.axis[0] : -1, a->ndim, b->ndim);
    if (!bri_axis_may_fit(&a->axis[a->ndim + *axis], &b->axis[b->ndim + *axis]))
        return do_not_fit(a, b, "differ along the axis that is summed over");
    return BR_OK;
}

br_array *br_vecdot_(br_vecdot_args args)
{
    bri_call call = {args.a != NULL ? args.a->ctx : NULL, "vecdot", args.at};
    br_array *both[2] = {args.a, args.b};
    int axis = -1;
    br_array *failed = bri_check_call(&call, both, 2);
    if (failed != NULL)
        return failed;
    br_status st = vecdot_axis(&args, &axis);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_dtype dtype = br_result_type(args.a->node->dtype, args.b->node->dtype);
    bool complex = bri_kind(args.a->node->dtype) == 'c';
    br_array *left = complex ? br_conj_(br_operand_array(args.a), args.at) : args.a;
    br_array *product = br_multiply_(br_operand_array(left), br_operand_array(args.b), args.at);
    br_axes axes = {1, {axis}};
    if (dtype == BR_BOOL)
        return br_any_((br_any_args){.at = args.at, .x = product, .axis = axes});
    return br_sum_((br_sum_args){.at = args.at, .x = product, .axis = axes, .dtype = dtype});
}
