/* SPDX-License-Identifier: BSD-3-Clause
 * structure.c - reshape.
 */
#include <string.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/stage.h"

/* ---- reshape ---- */

static br_status infer_reshape(bri_node *node)
{
    return bri_layout_infer(node, node->params);
}

const bri_op bri_op_reshape = {.name = "reshape",
                               .infer = infer_reshape,
                               .form = {1, 1, sizeof(bri_layout), false},
                               .fits = bri_fits_reshape,
                               .stage = &bri_stage_reshape};

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
