/* SPDX-License-Identifier: BSD-3-Clause
 * stage_matmul.c - sums of products over axes of two arrays: for each chunk of the result a chain
 * of products of tiles along the axes that are summed over.
 *
 * The leaf grid has an axis for each index: the batch, the rows' and the columns', then the inner
 * ones. A tile's axes of a kind are taken together, so each tile is a stack of matrices. Integers
 * have kernels of their own. OpenBLAS's bits depend on shapes, transposition flags and the CPU's
 * kernel, so tiles are those of the grid and always passed as row-major, not transposed.
 */
#include <cblas.h>
#include <limits.h>
#include <string.h>

#include "array/kernels/kernels.h"
#include "array/ops/ops.h"
#include "array/plan/held.h"

static const bri_matmul_params *params_of(const bri_stage *stage)
{
    return stage->node->params;
}

/* First index of the batch, rows, columns and inner axes, and the end of the last. */
enum { BATCH, ROW, COLUMN, INNER, NGROUPS };

static void group_starts(const bri_matmul_params *p, int *start)
{
    start[BATCH] = 0;
    start[ROW] = p->nbatch;
    start[COLUMN] = p->nbatch + p->nrow;
    start[INNER] = p->nbatch + p->nrow + p->ncolumn;
    start[NGROUPS] = start[INNER] + p->ninner;
}

/* ---- building ---- */

static bri_map map_to(const bri_stage *stage, int k)
{
    const bri_node *x = stage->node->input[k];
    const int8_t *index = params_of(stage)->index[k];
    bri_map map = {.ndim = x->ndim};
    for (int a = 0; a < x->ndim; a++) {
        bool repeated = x->axis[a].extent == 1 && stage->leaf_axis[index[a]].extent != 1;
        map.from[a] = repeated ? (bri_map_axis){BRI_FIXED, 0, 0} : (bri_map_axis){index[a], 0, 1};
    }
    return map;
}

/* The inner axes' grid is a's, which b's equals (matmul.c). */
static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    const bri_matmul_params *p = params_of(stage);
    const bri_node *a = stage->node->input[0];
    int start[NGROUPS + 1];
    int index;
    bool held;
    group_starts(p, start);
    bri_stage_grid(stage, stage->node);
    for (int i = 0; i < a->ndim; i++)
        if (p->index[0][i] >= start[INNER])
            stage->leaf_axis[p->index[0][i]] = bri_axis_share(&a->axis[i]);
    stage->leaf_ndim = start[NGROUPS];
    stage->fold = p->ninner > 0 ? BRI_FOLD_CHAIN : BRI_FOLD_NONE;
    stage->fold_axis = start[INNER];
    stage->fold_more = p->ninner - 1;
    for (int k = 0; k < 2; k++) {
        bri_map map = map_to(stage, k);
        BRI_TRY(bri_held_input(stage, stage->node->input[k], &map, &held, &index));
    }
    return BR_OK;
}

/* ---- operands ---- */

/* The extents of a tile by groups, all axes of one together. */
static void tile_extents(const bri_stage *stage, const bri_leaf *leaf, int64_t *n)
{
    int start[NGROUPS + 1];
    group_starts(params_of(stage), start);
    for (int g = 0; g < NGROUPS; g++) {
        n[g] = 1;
        for (int i = start[g]; i < start[g + 1]; i++)
            n[g] *= leaf->extent[i];
    }
}

/* An operand's tile: a stack of matrices with neighbours in their rows. */
typedef struct matrices {
    const char *data;
    int64_t ld;                  /* elements from row to row */
    int64_t stride[BR_MAX_NDIM]; /* bytes, along the batch's axes */
} matrices;

static bool moves(const bri_input *input, int index)
{
    for (int a = 0; a < input->map.ndim; a++)
        if (input->map.from[a].axis == index)
            return true;
    return false;
}

/* The extents of an operand's tile along the indices, 1 where it has none or a batch is repeated;
 * returns their product. */
static int64_t own_extents(const bri_stage *stage, int k, const bri_leaf *leaf, int64_t *extent)
{
    int start[NGROUPS + 1];
    int64_t n = 1;
    int other = k == 0 ? COLUMN : ROW;
    group_starts(params_of(stage), start);
    for (int i = 0; i < stage->leaf_ndim; i++) {
        bool own = i < start[ROW] ? moves(&stage->inputs[k], i)
                                  : i < start[other] || i >= start[other + 1];
        extent[i] = own ? leaf->extent[i] : 1;
        n *= extent[i];
    }
    return n;
}

/* Are axes [first, end) as one, of elements `step` bytes apart? Sets *step when it is 0. */
static bool as_one(const int64_t *extent, const int64_t *stride, int first, int end, int64_t *step)
{
    int64_t next = *step;
    for (int a = end - 1; a >= first; a--) {
        if (extent[a] == 1)
            continue;
        if (next == 0)
            *step = next = stride[a];
        if (stride[a] != next || next == 0)
            return false;
        next *= extent[a];
    }
    return true;
}

static size_t tile_bytes(const bri_stage *stage, int k, const bri_leaf *leaf)
{
    int64_t extent[BR_MAX_NDIM];
    return (size_t)own_extents(stage, k, leaf, extent) * br_dtype_size(stage->dtype);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    int64_t n[NGROUPS];
    bri_leaf_box(stage, chunk, step, &leaf);
    tile_extents(stage, &leaf, n);
    for (int k = 0; k < 2; k++) {
        bri_load_sizes(stage, k, &leaf, &bump);
        bri_bump_take(&bump, tile_bytes(stage, k, &leaf));
    }
    sizes->output = (size_t)(n[BATCH] * n[ROW] * n[COLUMN]) * br_dtype_size(stage->dtype);
    sizes->scratch = bump.used;
}

/* Strides of a dense tile whose axes stand in the order batch, rows, columns of the matrix. */
static void dense_strides(const bri_stage *stage, int k, const int64_t *extent, int64_t *stride)
{
    int start[NGROUPS + 1];
    int order[] = {k == 0 ? INNER : COLUMN, k == 0 ? ROW : INNER, BATCH};
    int64_t next = (int64_t)br_dtype_size(stage->dtype);
    group_starts(params_of(stage), start);
    memset(stride, 0, (size_t)stage->leaf_ndim * sizeof *stride);
    for (int g = 0; g < 3; g++)
        for (int i = start[order[g] + 1] - 1; i >= start[order[g]]; i--) {
            stride[i] = next;
            next *= extent[i];
        }
}

/* As it lies in memory if it can be, else as a dense copy. */
static br_status operand(bri_work *work, int k, const bri_leaf *leaf, bri_bump *bump, matrices *out)
{
    const bri_stage *stage = work->stage;
    bri_view view;
    int64_t extent[BR_MAX_NDIM];
    int64_t n[NGROUPS];
    int start[NGROUPS + 1];
    int64_t size = (int64_t)br_dtype_size(stage->dtype);
    int64_t step = size;
    int64_t row = 0;
    int rows = k == 0 ? ROW : INNER;
    int columns = k == 0 ? INNER : COLUMN;
    BRI_TRY(bri_load(work, k, leaf, bump, &view));
    own_extents(stage, k, leaf, extent);
    tile_extents(stage, leaf, n);
    group_starts(params_of(stage), start);
    void *copy = bri_bump_take(bump, tile_bytes(stage, k, leaf));
    bool as_is = as_one(extent, view.stride, start[columns], start[columns + 1], &step) &&
                 as_one(extent, view.stride, start[rows], start[rows + 1], &row) &&
                 row % size == 0 && (row == 0 || row / size >= n[columns]) && row / size <= INT_MAX;
    out->data = view.base;
    if (!as_is) {
        int64_t dense[BR_MAX_NDIM];
        dense_strides(stage, k, extent, dense);
        bri_copy_box(stage->leaf_ndim, extent, (size_t)size, copy, dense, view.base, view.stride);
        out->data = copy;
        memcpy(view.stride, dense, (size_t)stage->leaf_ndim * sizeof dense[0]);
        row = 0;
    }
    out->ld = row > 0 ? row / size : n[columns];
    for (int i = 0; i < start[ROW]; i++)
        out->stride[i] = extent[i] > 1 ? view.stride[i] : 0;
    return BR_OK;
}

/* ---- products ---- */

/* c := a b, or with keep c := c + a b. */
static void multiply(br_dtype dtype, const int64_t *n, const matrices *a, const matrices *b,
                     bool keep, void *c)
{
    int rows = (int)n[0];
    int columns = (int)n[1];
    int inner = (int)n[2];
    int lda = (int)a->ld;
    int ldb = (int)b->ld;
    double _Complex one = 1.0;
    double _Complex old = keep;
    float _Complex one_f = 1.0f;
    float _Complex old_f = keep;
    switch (dtype) {
    case BR_FLOAT32:
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, 1.0f,
                    (const float *)a->data, lda, (const float *)b->data, ldb, keep, c, columns);
        break;
    case BR_FLOAT64:
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, 1.0,
                    (const double *)a->data, lda, (const double *)b->data, ldb, keep, c, columns);
        break;
    case BR_COMPLEX64:
        cblas_cgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, &one_f,
                    a->data, lda, b->data, ldb, &old_f, c, columns);
        break;
    case BR_COMPLEX128:
        cblas_zgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, &one, a->data,
                    lda, b->data, ldb, &old, c, columns);
        break;
    default:
        bri_kernel_table.matrix[dtype](n, a->data, a->ld, b->data, b->ld, c);
    }
}

/* The products of all matrices of the stack. */
static void multiply_stack(const bri_stage *stage, const bri_leaf *leaf, const int64_t *n,
                           matrices *a, matrices *b, bool keep, char *c)
{
    int nbatch = params_of(stage)->nbatch;
    int64_t at[BR_MAX_NDIM] = {0};
    size_t bytes = (size_t)(n[ROW] * n[COLUMN]) * br_dtype_size(stage->dtype);
    for (int64_t i = 0; i < n[BATCH]; i++, c += bytes) {
        multiply(stage->dtype, n + ROW, a, b, keep, c);
        for (int d = nbatch - 1; d >= 0; d--) {
            bool wraps = ++at[d] == leaf->extent[d];
            a->data += wraps ? -(leaf->extent[d] - 1) * a->stride[d] : a->stride[d];
            b->data += wraps ? -(leaf->extent[d] - 1) * b->stride[d] : b->stride[d];
            if (!wraps)
                break;
            at[d] = 0;
        }
    }
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bool blas = bri_kernel_table.matrix[stage->dtype] == NULL;
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    matrices a;
    matrices b;
    int64_t n[NGROUPS];
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    tile_extents(stage, &leaf, n);
    size_t bytes = (size_t)(n[BATCH] * n[ROW] * n[COLUMN]) * br_dtype_size(stage->dtype);
    for (int g = ROW; g < NGROUPS; g++)
        if (n[g] > INT_MAX)
            return bri_error(BR_EUNSUPPORTED, "a chunk extent of %lld is more than OpenBLAS takes",
                             (long long)n[g]);
    bri_chain_continue(work);
    if (work->step == 0 && (!blas || leaf.nelem == 0))
        memset(work->task->output->data, 0, bytes);
    if (leaf.nelem == 0)
        return BR_OK;
    BRI_TRY(operand(work, 0, &leaf, &bump, &a));
    BRI_TRY(operand(work, 1, &leaf, &bump, &b));
    multiply_stack(stage, &leaf, n, &a, &b, work->step > 0, work->task->output->data);
    return BR_OK;
}

const bri_stage_kind bri_stage_matmul = {
    .name = "matmul", .build = build, .sizes = sizes, .execute = execute};
