/* SPDX-License-Identifier: BSD-3-Clause
 * creation.c - arrays of diagonals and indices as sources, and what is made with them: triangles,
 * meshes.
 *
 * A source that compares or counts indices is worked out wherever it is read, through any slice,
 * and never becomes a stage of its own.
 */
#include <string.h>

#include <bramble/creation.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"

static const int64_t zero = 0, one = 1;

static br_status infer(bri_node *node)
{
    return bri_layout_infer(node, node->params);
}

/* ---- eye and tri: a comparison of row + k with the column ---- */

static int emit_diagonal(bri_fuse *fuse, const bri_node *node, const bri_map *map,
                         const int *values)
{
    (void)values;
    const bri_diagonal_params *p = node->params;
    bri_program *program = bri_fuse_program(fuse);
    int row = bri_fuse_iota(fuse, BR_INT64, &p->k, &one, &map->from[0]);
    int column = bri_fuse_iota(fuse, BR_INT64, &zero, &one, &map->from[1]);
    if (row < 0 || column < 0)
        return -1;
    bri_opcode opcode = node->op == &bri_op_eye ? BRI_OP_EQUAL : BRI_OP_GREATER_EQUAL;
    int v = bri_program_op(program, opcode, row, column, -1);
    return v < 0 || node->dtype == BR_BOOL ? v : bri_program_cast(program, node->dtype, v);
}

static void print_diagonal(const bri_node *node, FILE *to)
{
    fprintf(to, "diagonal %lld", (long long)((const bri_diagonal_params *)node->params)->k);
}

#define DIAGONAL(op_name)                                                                          \
    {                                                                                              \
        .name = op_name, .infer = infer, .form = {0, 0, sizeof(bri_diagonal_params), false},       \
        .fits = bri_fits_triangle, .emit = emit_diagonal, .print = print_diagonal                  \
    }
const bri_op bri_op_eye = DIAGONAL("eye");
const bri_op bri_op_tri = DIAGONAL("tri");

/* Diagonals beyond the array are all alike; extents are at most 2^63 - 1, so row + k fits. */
static int64_t near_diagonal(int64_t k, int64_t rows, int64_t columns)
{
    return k < -rows ? -rows : k > columns ? columns : k;
}

static br_array *build_diagonal(bri_call *call, const bri_op *op, const br_eye_args *args)
{
    br_array *failed = bri_check_call(call, NULL, 0);
    if (failed != NULL)
        return failed;
    bri_diagonal_params p;
    memset(&p, 0, sizeof p);
    int64_t columns = args->columns == 0               ? args->rows
                      : args->columns == BR_NO_COLUMNS ? 0
                                                       : args->columns;
    br_extents shape = {2, {args->rows, columns}};
    br_dtype dtype = args->dtype != BR_NO_DTYPE ? args->dtype : BR_FLOAT64;
    br_status st = bri_layout_set(&p.layout, dtype, &shape, &args->chunks);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    p.k = near_diagonal(args->k, args->rows, columns);
    return bri_build(call, op, &p, sizeof p, NULL, 0);
}

br_array *br_eye_(br_eye_args args)
{
    bri_call call = {args.ctx, "eye", args.at};
    return build_diagonal(&call, &bri_op_eye, &args);
}

br_array *br_tri_(br_eye_args args)
{
    bri_call call = {args.ctx, "tri", args.at};
    return build_diagonal(&call, &bri_op_tri, &args);
}

br_array *br_identity_(br_identity_args args)
{
    bri_call call = {args.ctx, "identity", args.at};
    br_eye_args eye = {
        .rows = args.n,
        .columns = args.n != 0 ? args.n : BR_NO_COLUMNS,
        .dtype = args.dtype,
        .chunks = args.chunks,
    };
    return build_diagonal(&call, &bri_op_eye, &eye);
}

/* ---- tril and triu ---- */

/* The mask is whole, so that the result is cut as x is. */
static br_array *triangle(bri_call *call, const br_tril_args *args, bool lower)
{
    br_array *failed = bri_check_call(call, &args->x, 1);
    if (failed != NULL)
        return failed;
    int n = args->x->node->ndim;
    if (n < 2)
        return bri_handle_error(
            call, bri_error(BR_ESHAPE, "x has %d ax%s; two are needed", n, n == 1 ? "is" : "es"));
    for (int a = n - 2; a < n; a++) {
        br_status st = bri_check_known(args->x->node, a);
        if (st != BR_OK)
            return bri_handle_error(call, st);
    }
    const int64_t *extent = args->x->shape + n - 2;
    br_eye_args tri = {
        .rows = extent[0],
        .columns = extent[1] > 0 ? extent[1] : BR_NO_COLUMNS,
        .k = lower || args->k == INT64_MIN ? args->k : args->k - 1,
        .dtype = BR_BOOL,
        .chunks = {2, {-1, -1}},
    };
    br_operand nothing = br_operand_number(br_number_int(0));
    br_operand mask = br_operand_array(build_diagonal(call, &bri_op_tri, &tri));
    br_operand x = br_operand_array(args->x);
    br_operand zeros = br_operand_array(bri_operand_array(call, &nothing, args->x->node->dtype));
    br_operand operands[] = {mask, lower ? x : zeros, lower ? zeros : x};
    return bri_elementwise_as(call->what, BRI_OP_WHERE, operands, call->at);
}

br_array *br_tril_(br_tril_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "tril", args.at};
    return triangle(&call, &args, true);
}

br_array *br_triu_(br_tril_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "triu", args.at};
    return triangle(&call, &args, false);
}

/* ---- indices ---- */

static int emit_indices(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    const bri_diagonal_params *p = node->params;
    unsigned char start[16];
    unsigned char step[16];
    br_dtype wide = bri_dtypes[node->dtype].wide;
    bri_number_store(br_number_int(0), wide, start);
    bri_number_store(br_number_int(1), wide, step);
    return bri_fuse_iota(fuse, node->dtype, start, step, &map->from[p->k]);
}

static void print_indices(const bri_node *node, FILE *to)
{
    fprintf(to, "axis %lld", (long long)((const bri_diagonal_params *)node->params)->k);
}

const bri_op bri_op_indices = {.name = "indices",
                               .infer = infer,
                               .form = {0, 0, sizeof(bri_diagonal_params), false},
                               .fits = bri_fits_indices,
                               .emit = emit_indices,
                               .print = print_indices};

/* An array of one axis as axis `axis` of ndim, the others of extent 1; one without axes has all of
 * them so. */
static br_array *along_axis(br_array *x, int axis, int ndim, br_place at)
{
    br_index_item items[BR_MAX_NDIM];
    for (int a = 0; a < ndim; a++)
        items[a] = (br_index_item){.kind = a == axis && x->node->ndim == 1 ? ':' : 'n'};
    return br_index_items_(x, items, ndim, at);
}

static br_status check_indices(const br_indices_args *args, bri_diagonal_params *p)
{
    br_dtype dtype = args->dtype != BR_NO_DTYPE ? args->dtype : BR_INT64;
    BRI_TRY(bri_layout_set(&p->layout, dtype, &args->shape, &args->chunks));
    if (bri_kind(dtype) == 'b' || bri_kind(dtype) == 'c')
        return bri_error(BR_ETYPE, "indices of %s are not defined", br_dtype_name(dtype));
    return BR_OK;
}

/* Where axis `axis` has extents of its own and all others 1. */
static bri_diagonal_params only_axis(const bri_diagonal_params *p, int axis)
{
    bri_diagonal_params thin = *p;
    thin.k = axis;
    for (int a = 0; a < p->layout.ndim; a++)
        if (a != axis)
            thin.layout.extent[a] = thin.layout.chunk[a] = 1;
    return thin;
}

br_status br_indices_(br_indices_args args)
{
    bri_call call = {args.ctx, "indices", args.at};
    bri_diagonal_params p;
    memset(&p, 0, sizeof p);
    if (args.out == NULL)
        return bri_error(BR_EARG, "indices: out is NULL");
    int n = bri_extents_ndim(&args.shape);
    br_array *failed = bri_check_call(&call, NULL, 0);
    br_status st = failed != NULL ? failed->status : check_indices(&args, &p);
    if (st != BR_OK && failed == NULL)
        failed = bri_handle_error(&call, st);
    for (int a = 0; a < n && a < BR_MAX_NDIM; a++) {
        p.k = a;
        bri_diagonal_params own = args.sparse ? only_axis(&p, a) : p;
        args.out[a] =
            failed != NULL ? failed : bri_build(&call, &bri_op_indices, &own, sizeof own, NULL, 0);
        st = st == BR_OK ? args.out[a]->status : st;
    }
    return st;
}

/* ---- meshgrid ---- */

static br_status check_meshgrid(const br_meshgrid_args *args, bool *pictures)
{
    *pictures = args->indexing == NULL || strcmp(args->indexing, "xy") == 0;
    if (!*pictures && strcmp(args->indexing, "ij") != 0)
        return bri_error(BR_EARG, ".indexing is \"%s\"; \"xy\" and \"ij\" are possible",
                         args->indexing);
    for (int i = 0; i < args->n; i++)
        if (args->x[i]->node->ndim > 1)
            return bri_error(BR_ESHAPE, "array %d has %d axes; one is expected", i,
                             args->x[i]->node->ndim);
    return BR_OK;
}

/* The axis that array i of n runs along. */
static int mesh_axis(int i, int n, bool pictures)
{
    return pictures && n > 1 && i < 2 ? 1 - i : i;
}

br_status br_meshgrid_(br_meshgrid_args args)
{
    bri_call call = {NULL, "meshgrid", args.at};
    bool pictures = true;
    if (args.x == NULL || args.out == NULL || args.n < 1 || args.n > BR_MAX_NDIM)
        return bri_error(BR_EARG, "meshgrid: %d arrays, or one of the lists is NULL", args.n);
    br_extents shape = {args.n, {0}};
    br_array *failed = bri_check_call(&call, args.x, args.n);
    br_status st = failed != NULL ? failed->status : check_meshgrid(&args, &pictures);
    for (int i = 0; i < args.n && st == BR_OK; i++)
        st = bri_check_known(args.x[i]->node, BRI_ALL_AXES);
    if (st != BR_OK && failed == NULL)
        failed = bri_handle_error(&call, st);
    for (int i = 0; i < args.n && failed == NULL; i++)
        shape.extent[mesh_axis(i, args.n, pictures)] = br_nelem(args.x[i]);
    for (int i = 0; i < args.n; i++) {
        br_array *y = failed;
        if (failed == NULL)
            y = along_axis(args.x[i], mesh_axis(i, args.n, pictures), args.n, args.at);
        args.out[i] = failed != NULL || args.sparse ? y : br_broadcast_to_(y, shape, args.at);
        st = st == BR_OK ? args.out[i]->status : st;
    }
    return st;
}
