/* SPDX-License-Identifier: BSD-3-Clause
 * structure.c - operations that have a stage of their own: reshape and matmul.
 */
#include <string.h>

#include <bramble/elementwise.h>
#include <bramble/reduce.h>

#include "array/ops/ops.h"
#include "array/plan/stage.h"

/* ---- reshape ---- */

static br_status infer_reshape(bri_node *node)
{
    return bri_layout_infer(node, node->params);
}

const bri_op bri_op_reshape = {
    .name = "reshape", .infer = infer_reshape, .stage = &bri_stage_reshape};

/* Replaces one extent of -1, and checks the number of elements. */
static br_status complete_shape(const bri_node *x, br_extents *shape)
{
    BRI_TRY(bri_check_known(x, BRI_ALL_AXES));
    int64_t n = bri_node_nelem(x);
    int64_t known = 1;
    int unknown = -1;
    for (int a = 0; a < bri_extents_ndim(shape); a++) {
        if (shape->extent[a] == -1 && unknown < 0)
            unknown = a;
        else if (shape->extent[a] < 0 || __builtin_mul_overflow(known, shape->extent[a], &known))
            return bri_error(BR_ESHAPE, "extent %lld of axis %d", (long long)shape->extent[a], a);
    }
    if (unknown >= 0 && known > 0) {
        shape->extent[unknown] = n / known;
        known *= shape->extent[unknown];
    }
    char have[128];
    char want[128];
    bool fits = known == n && (unknown < 0 || shape->extent[unknown] >= 0);
    return fits ? BR_OK
                : bri_error(
                      BR_ESHAPE, "%lld elements of shape %s do not fit shape %s", (long long)n,
                      bri_node_shape_text(x, have, sizeof have),
                      bri_shape_text(bri_extents_ndim(shape), shape->extent, want, sizeof want));
}

/* Where only extents of 1 come and go, the same as an index with integers and new axes. */
static bool as_index(const br_array *x, const br_extents *shape, br_index_item *items, int *n)
{
    int a = 0;
    int o = 0;
    *n = 0;
    while (a < x->node->ndim || o < bri_extents_ndim(shape)) {
        int64_t have = a < x->node->ndim ? x->shape[a] : -1;
        int64_t want = o < bri_extents_ndim(shape) ? shape->extent[o] : -1;
        if (have == want) {
            items[(*n)++] = (br_index_item){.kind = ':'};
            a++;
            o++;
        } else if (have == 1) {
            items[(*n)++] = (br_index_item){.kind = 'i'};
            a++;
        } else if (want == 1) {
            items[(*n)++] = (br_index_item){.kind = 'n'};
            o++;
        } else {
            return false;
        }
    }
    return true;
}

br_array *br_reshape_(br_array *x, br_extents shape, br_place at)
{
    bri_call call = {x != NULL ? x->ctx : NULL, "reshape", at};
    bri_layout layout;
    memset(&layout, 0, sizeof layout);
    if (x != NULL && x->status == BR_OK) {
        br_index_item items[2 * BR_MAX_NDIM + 1];
        int n;
        br_extents automatic = {0, {0}};
        br_status st = complete_shape(x->node, &shape);
        if (st == BR_OK && as_index(x, &shape, items, &n))
            return br_index_items_(x, items, n, at);
        if (st == BR_OK)
            st = bri_layout_set(&layout, x->node->dtype, &shape, &automatic);
        if (st != BR_OK)
            return bri_handle_error(&call, st);
        /* Runs of rows: a chunk of the result then needs the fewest chunks of x. */
        bri_auto_chunks(layout.ndim, layout.extent, br_dtype_size(x->node->dtype), NULL, true,
                        layout.chunk);
    }
    return bri_build(&call, &bri_op_reshape, &layout, sizeof layout, &x, 1);
}

/* ---- matmul ---- */

static br_status infer_matmul(bri_node *node)
{
    const bri_node *a = node->input[0];
    const bri_node *b = node->input[1];
    char left[128];
    char right[128];
    if (a->ndim != 2 || b->ndim != 2 || !bri_axis_may_fit(&a->axis[1], &b->axis[0]))
        return bri_error(BR_ESHAPE, "shapes %s and %s; two matrices (n, k) and (k, m) are needed",
                         bri_node_shape_text(a, left, sizeof left),
                         bri_node_shape_text(b, right, sizeof right));
    node->dtype = a->dtype;
    node->ndim = 2;
    node->axis[0] = bri_axis_share(&a->axis[0]);
    node->axis[1] = bri_axis_share(&b->axis[1]);
    return BR_OK;
}

/* x cut regularly. */
static br_status rechunked(bri_node *x, int64_t rows, int64_t columns, br_place at, bri_node **out)
{
    bri_chunks_params p;
    memset(&p, 0, sizeof p);
    p.ndim = 2;
    p.chunk[0] = rows > 0 ? rows : 1;
    p.chunk[1] = columns > 0 ? columns : 1;
    bri_recipe recipe = {.op = &bri_op_rechunk,
                         .params = &p,
                         .params_bytes = sizeof p,
                         .inputs = &x,
                         .ninputs = 1,
                         .at = at};
    return bri_node_make(x->ctx, &recipe, out);
}

/* What align_k does, once extents are known. */
static br_status resolve_matmul(const bri_node *node, bri_node *const *inputs,
                                bri_table *const *tables, bri_node **out)
{
    (void)tables;
    const bri_axis *k[] = {&inputs[0]->axis[1], &inputs[1]->axis[0]};
    bri_node *own[2] = {NULL, NULL};
    bri_recipe recipe = {.op = &bri_op_matmul, .inputs = inputs, .ninputs = 2, .at = node->at};
    br_status st = BR_OK;
    if (k[0]->extent == k[1]->extent && !bri_axis_equal(k[0], k[1])) {
        int64_t most = bri_axis_largest(k[0]);
        int64_t rows = bri_axis_largest(&inputs[0]->axis[0]);
        int64_t columns = bri_axis_largest(&inputs[1]->axis[1]);
        recipe.inputs = own;
        st = rechunked(inputs[0], rows, most, node->at, &own[0]);
        if (st == BR_OK)
            st = rechunked(inputs[1], most, columns, node->at, &own[1]);
    }
    if (st == BR_OK)
        st = bri_node_make(node->ctx, &recipe, out);
    for (int i = 0; i < 2; i++)
        if (own[i] != NULL)
            bri_node_release(own[i]);
    return st;
}

const bri_op bri_op_matmul = {.name = "matmul",
                              .infer = infer_matmul,
                              .stage = &bri_stage_matmul,
                              .any_extent = true,
                              .resolve = resolve_matmul,
                              .costly = true};

/* Both operands must be cut alike along k: where they are not, both are cut regularly, as a's
 * largest chunk. */
static void align_k(br_array **inputs, br_place at)
{
    const bri_node *a = inputs[0]->node;
    const bri_node *b = inputs[1]->node;
    if (!bri_node_is_known(a) || !bri_node_is_known(b))
        return; /* resolving does it */
    if (a->ndim != 2 || b->ndim != 2 || a->axis[1].extent != b->axis[0].extent ||
        bri_axis_equal(&a->axis[1], &b->axis[0]))
        return;
    int64_t k = bri_axis_largest(&a->axis[1]);
    br_extents left = {2, {bri_axis_largest(&a->axis[0]), k}};
    br_extents right = {2, {k, bri_axis_largest(&b->axis[1])}};
    inputs[0] = br_rechunk_(inputs[0], left, at);
    inputs[1] = br_rechunk_(inputs[1], right, at);
}

br_array *br_matmul_(br_array *a, br_array *b, br_place at)
{
    bri_call call = {a != NULL ? a->ctx : NULL, "matmul", at};
    br_array *inputs[2] = {a, b};
    if (a != NULL && b != NULL && a->status == BR_OK && b->status == BR_OK && a->node->ndim == 2) {
        br_dtype dtype = br_result_type(a->node->dtype, b->node->dtype);
        if (bri_kind(dtype) != 'f' && bri_kind(dtype) != 'c')
            dtype = BR_FLOAT64;
        if (a->node->dtype != dtype)
            inputs[0] = br_astype_(a, dtype, at);
        if (b->node->dtype != dtype)
            inputs[1] = br_astype_(b, dtype, at);
        if (inputs[0]->status == BR_OK && inputs[1]->status == BR_OK)
            align_k(inputs, at);
    }
    return bri_build(&call, &bri_op_matmul, NULL, 0, inputs, 2);
}
