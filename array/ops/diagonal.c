/* SPDX-License-Identifier: BSD-3-Clause
 * diagonal.c - diagonals of matrices, and matrices of diagonals.
 */
#include <string.h>

#include <bramble/creation.h>
#include <bramble/elementwise.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/ops/shape.h"
#include "array/plan/stage.h"

void bri_diagonal_map(const bri_node *node, bri_map *map)
{
    const int64_t k = *(const int64_t *)node->params;
    const int z = node->ndim - 1;
    *map = bri_map_identity(z + 2);
    map->from[z] = (bri_map_axis){z, k < 0 ? -k : 0, 1};
    map->from[z + 1] = (bri_map_axis){z, k > 0 ? k : 0, 1};
}

/* Elements of the diagonal. */
static int64_t length(int64_t rows, int64_t columns, int64_t k)
{
    int64_t down = k < 0 ? rows + k : rows;
    int64_t across = k > 0 ? columns - k : columns;
    int64_t n = down < across ? down : across;
    return n > 0 ? n : 0;
}

/* The diagonal is cut wherever rows or columns are, so that a chunk of it lies in one of x. */
static br_status infer(bri_node *node)
{
    const int64_t k = *(const int64_t *)node->params;
    const bri_node *x = node->input[0];
    const int z = x->ndim - 2;
    node->dtype = x->dtype;
    for (; node->ndim < z; node->ndim++)
        node->axis[node->ndim] = bri_axis_share(&x->axis[node->ndim]);
    int64_t n = length(x->axis[z].extent, x->axis[z + 1].extent, k);
    bri_axis rows;
    bri_axis columns;
    BRI_TRY(bri_axis_slice(&x->axis[z], k < 0 ? -k : 0, 1, n, &rows));
    br_status st = bri_axis_slice(&x->axis[z + 1], k > 0 ? k : 0, 1, n, &columns);
    if (st == BR_OK) {
        st = bri_axis_unify(&rows, &columns, &node->axis[z]);
        node->ndim += st == BR_OK;
        bri_axis_release(&columns);
    }
    bri_axis_release(&rows);
    return st;
}

static void print(const bri_node *node, FILE *to)
{
    fprintf(to, "%lld", (long long)*(const int64_t *)node->params);
}

const bri_op bri_op_diagonal = {.name = "diagonal",
                                .infer = infer,
                                .form = {1, 1, sizeof(int64_t), false},
                                .fits = bri_fits_diagonal,
                                .stage = &bri_stage_diagonal,
                                .print = print};

/* Diagonals beyond the matrix are all empty. */
static int64_t near_diagonal(int64_t k, const int64_t *extent)
{
    return k < -extent[0] ? -extent[0] : k > extent[1] ? extent[1] : k;
}

static br_array *diagonal(bri_call *call, br_array *x, int64_t k)
{
    br_array *failed = bri_check_call(call, &x, 1);
    if (failed != NULL)
        return failed;
    int n = x->node->ndim;
    if (n < 2)
        return bri_handle_error(
            call, bri_error(BR_ESHAPE, "x has %d ax%s; two are needed", n, n == 1 ? "is" : "es"));
    for (int a = n - 2; a < n; a++) {
        br_status st = bri_check_known(x->node, a);
        if (st != BR_OK)
            return bri_handle_error(call, st);
    }
    k = near_diagonal(k, x->shape + n - 2);
    return bri_build(call, &bri_op_diagonal, &k, sizeof k, &x, 1);
}

br_array *br_diagonal_(br_diagonal_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "diagonal", args.at};
    return diagonal(&call, args.x, args.offset);
}

/* ---- a matrix with x as its diagonal ---- */

static br_array *zeros_of(const bri_call *call, const br_array *x, int64_t n)
{
    br_zeros_args zeros = {call->at, call->ctx, {1, {n}}, x->node->dtype, {1, {-1}}};
    return br_zeros_(zeros);
}

/* Column j of the result has element j - k of x, if any, in one row: x is shifted to begin there,
 * and repeated down the rows. Rows are cut as columns. */
static br_array *matrix(bri_call *call, br_array *x, int64_t k)
{
    int64_t shift = k < 0 ? -k : k;
    br_array *zeros = zeros_of(call, x, shift);
    br_array *parts[] = {k > 0 ? zeros : x, k > 0 ? x : zeros};
    br_array *y = k == 0 || zeros->status != BR_OK ? x : bri_concat(call, parts, 2, 0);
    if (zeros->status != BR_OK || y->status != BR_OK)
        return zeros->status != BR_OK ? zeros : y;
    int64_t n = br_nelem(y);
    br_eye_args eye = {.at = call->at,
                       .ctx = call->ctx,
                       .rows = n,
                       .k = k,
                       .dtype = BR_BOOL,
                       .chunks = {2, {-1, -1}}};
    br_like_args none = {call->at, br_expand_dims_(y, 1, call->at), BR_NO_DTYPE};
    br_operand operands[] = {br_operand_array(br_eye_(eye)), br_operand_array(y),
                             br_operand_array(br_zeros_like_(none))};
    return bri_elementwise_as(call->what, BRI_OP_WHERE, operands, call->at);
}

br_array *br_diag_(br_diag_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "diag", args.at};
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    int n = args.x->node->ndim;
    if (n != 1 && n != 2)
        return bri_handle_error(&call,
                                bri_error(BR_ESHAPE, "x has %d axes; one or two are expected", n));
    br_status st = n == 1 ? bri_check_known(args.x->node, 0) : BR_OK;
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    if (n == 1 && (args.k > INT64_MAX / 4 || args.k < -(INT64_MAX / 4)))
        return bri_handle_error(
            &call,
            bri_error(BR_ESHAPE, "diagonal %lld makes the matrix too large", (long long)args.k));
    return n == 1 ? matrix(&call, args.x, args.k) : diagonal(&call, args.x, args.k);
}
