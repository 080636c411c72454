/* SPDX-License-Identifier: BSD-3-Clause
 * stage_matmul.c - products of matrices: a chain of tile products along k for each chunk of the
 * result.
 *
 * The leaf grid is (i, j, k). OpenBLAS's bits depend on shapes, transposition flags and the CPU's
 * kernel, so tiles are those of the grid and always passed as row-major, not transposed.
 */
#include <cblas.h>
#include <limits.h>
#include <string.h>

#include "array/plan/stage.h"

static br_status build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    bri_node *a = stage->node->input[0];
    bri_node *b = stage->node->input[1];
    int index;
    bri_stage_grid(stage, stage->node);
    stage->leaf_ndim = 3;
    stage->leaf_axis[2] = bri_axis_share(&a->axis[1]);
    stage->fold = BRI_FOLD_CHAIN;
    stage->fold_axis = 2;
    bri_map left = {2, {{0, 0, 1}, {2, 0, 1}}};
    bri_map right = {2, {{2, 0, 1}, {1, 0, 1}}};
    BRI_TRY(bri_stage_input(stage, a, &left, &index));
    return bri_stage_input(stage, b, &right, &index);
}

static size_t operand_bytes(const bri_stage *stage, const bri_leaf *leaf, int i)
{
    int64_t n = i == 0 ? leaf->extent[0] * leaf->extent[2] : leaf->extent[2] * leaf->extent[1];
    return (size_t)n * br_dtype_size(stage->dtype);
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    for (int i = 0; i < 2; i++) {
        bri_load_sizes(stage, i, &leaf, &bump);
        bri_bump_take(&bump, operand_bytes(stage, &leaf, i));
    }
    sizes->output = (size_t)(leaf.extent[0] * leaf.extent[1]) * br_dtype_size(stage->dtype);
    sizes->scratch = bump.used;
}

typedef struct matrix {
    const void *data;
    int ld;
} matrix;

/* Elements of a row must be neighbours; anything else is copied. */
static br_status operand(bri_work *work, int i, const bri_leaf *leaf, bri_bump *bump, matrix *out)
{
    bri_view view;
    int64_t size = (int64_t)br_dtype_size(work->stage->dtype);
    int row = i == 0 ? 0 : 2;
    int column = i == 0 ? 2 : 1;
    BRI_TRY(bri_load(work, i, leaf, bump, &view));
    int64_t ld = view.stride[row] / size;
    void *copy = bri_bump_take(bump, operand_bytes(work->stage, leaf, i));
    bool rows = view.stride[column] == size && view.stride[row] % size == 0;
    if (rows && ld >= leaf->extent[column] && ld <= INT_MAX) {
        *out = (matrix){view.base, (int)ld};
        return BR_OK;
    }
    int64_t extent[2] = {leaf->extent[row], leaf->extent[column]};
    int64_t from[2] = {view.stride[row], view.stride[column]};
    int64_t to[2] = {leaf->extent[column] * size, size};
    bri_copy_box(2, extent, (size_t)size, copy, to, view.base, from);
    *out = (matrix){copy, (int)leaf->extent[column]};
    return BR_OK;
}

static void multiply(br_dtype dtype, const int64_t *n, const matrix *a, const matrix *b, bool first,
                     void *c)
{
    int rows = (int)n[0];
    int columns = (int)n[1];
    int inner = (int)n[2];
    double _Complex one = 1.0;
    double _Complex keep = first ? 0.0 : 1.0;
    float _Complex one_f = 1.0f;
    float _Complex keep_f = first ? 0.0f : 1.0f;
    switch (dtype) {
    case BR_FLOAT32:
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, 1.0f, a->data,
                    a->ld, b->data, b->ld, first ? 0.0f : 1.0f, c, columns);
        break;
    case BR_FLOAT64:
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, 1.0, a->data,
                    a->ld, b->data, b->ld, first ? 0.0 : 1.0, c, columns);
        break;
    case BR_COMPLEX64:
        cblas_cgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, &one_f,
                    a->data, a->ld, b->data, b->ld, &keep_f, c, columns);
        break;
    default:
        cblas_zgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, &one, a->data,
                    a->ld, b->data, b->ld, &keep, c, columns);
    }
}

static br_status execute(bri_work *work)
{
    const bri_stage *stage = work->stage;
    bri_leaf leaf;
    bri_bump bump = {work->scratch, 0};
    matrix a;
    matrix b;
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    size_t bytes = (size_t)(leaf.extent[0] * leaf.extent[1]) * br_dtype_size(stage->dtype);
    for (int d = 0; d < 3; d++)
        if (leaf.extent[d] > INT_MAX)
            return bri_error(BR_EUNSUPPORTED, "a chunk extent of %lld is more than OpenBLAS takes",
                             (long long)leaf.extent[d]);
    bri_chain_continue(work);
    if (leaf.nelem == 0) {
        if (work->step == 0)
            memset(work->task->output->data, 0, bytes);
        return BR_OK;
    }
    BRI_TRY(operand(work, 0, &leaf, &bump, &a));
    BRI_TRY(operand(work, 1, &leaf, &bump, &b));
    multiply(stage->dtype, leaf.extent, &a, &b, work->step == 0, work->task->output->data);
    return BR_OK;
}

const bri_stage_kind bri_stage_matmul = {
    .name = "matmul", .build = build, .sizes = sizes, .execute = execute};
