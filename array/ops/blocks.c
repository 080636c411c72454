/* SPDX-License-Identifier: BSD-3-Clause
 * blocks.c - the grids of operations by functions of the user's on whole chunks.
 */
#include "array/ops/blocks.h"

#include <string.h>

#include "runtime/alloc.h"

/* ---- the grids of indices ---- */

bri_along bri_blocks_along(const bri_blocks *b, const bri_axis *own, const bri_axis *index)
{
    if (own->extent == index->extent)
        return BRI_ALONG;
    return own->extent == 1 || own->nchunks == 1 || !b->by_number ? BRI_ONCE : BRI_BY_NUMBER;
}

/* Input k's axis that has index i; NULL when none has. */
static const bri_axis *axis_with(const bri_blocks *b, bri_node *const *inputs, int k, int i)
{
    for (int a = 0; a < inputs[k]->ndim; a++)
        if (b->index[k][a] == i)
            return &inputs[k]->axis[a];
    return NULL;
}

/* The axis that others are measured by: the first one longer than 1, by number that of the most
 * chunks. */
static const bri_axis *leading_axis(const bri_blocks *b, bri_node *const *inputs, int i)
{
    const bri_axis *best = NULL;
    for (int k = 0; k < b->ninputs; k++) {
        const bri_axis *axis = axis_with(b, inputs, k, i);
        if (axis == NULL)
            continue;
        bool more = b->by_number && best != NULL && axis->nchunks > best->nchunks;
        if (best == NULL || best->extent == 1 || (more && axis->extent != 1))
            best = axis;
    }
    return best;
}

static br_status misfit(const bri_blocks *b, int i, const bri_axis *one, const bri_axis *other)
{
    if (!b->by_number)
        return bri_error(BR_ESHAPE, "%s has extents %lld and %lld", b->name[i],
                         (long long)one->extent, (long long)other->extent);
    return bri_error(BR_ESHAPE,
                     "%s has extents %lld and %lld in %lld and %lld chunks: where extents differ, "
                     "there must be as many chunks, or one",
                     b->name[i], (long long)one->extent, (long long)other->extent,
                     (long long)one->nchunks, (long long)other->nchunks);
}

/* Does an input's axis go with the index? */
static br_status check_axis(const bri_blocks *b, int i, const bri_axis *own, const bri_axis *index)
{
    bool fits = own == NULL || own->extent == index->extent || own->extent == 1;
    if (!fits && b->by_number)
        fits = own->nchunks == 1 || own->nchunks == index->nchunks;
    return fits ? BR_OK : misfit(b, i, index, own);
}

/* An axis that no input has. */
static br_status new_axis(const bri_blocks *b, int i, bri_axis *out)
{
    int64_t n = i < b->ndim ? b->cut[i] : 0;
    const int64_t *listed = b->listed;
    for (int a = 0; a < i && n < 0; a++)
        listed += b->cut[a] < 0 ? -b->cut[a] : 0;
    *out = bri_axis_regular(n > 0 ? n : 1, n > 0 ? n : 1);
    return n < 0 ? bri_axis_listed(listed, -n, out) : BR_OK;
}

/* Is the extent of the index unknown, as that of an input's axis is? The axis is then that one, or
 * one of its own where it meets others. */
static bool is_unknown(const bri_blocks *b, const bri_node *node, int i, bri_axis *out)
{
    const bri_axis *first = NULL;
    bool alone = true;
    for (int k = 0; k < b->ninputs; k++) {
        const bri_axis *axis = axis_with(b, node->input, k, i);
        if (axis == NULL || axis->extent == 1)
            continue;
        if (first == NULL && !bri_axis_is_known(axis))
            first = axis;
        alone = alone && first != NULL && bri_axis_alike(first, axis);
    }
    if (first == NULL)
        return false;
    *out = alone ? bri_axis_share(first) : bri_axis_unknown((const char *)node + i);
    return true;
}

static br_status index_axis(const bri_blocks *b, const bri_node *node, int i, bri_axis *out)
{
    bri_node *const *inputs = node->input;
    const bri_axis *leader = leading_axis(b, inputs, i);
    if (leader == NULL)
        return new_axis(b, i, out);
    if (is_unknown(b, node, i, out))
        return BR_OK;
    *out = bri_axis_share(leader);
    for (int k = 0; k < b->ninputs; k++) {
        const bri_axis *axis = axis_with(b, inputs, k, i);
        bri_axis both;
        if (axis == NULL || axis->extent != out->extent)
            continue;
        BRI_TRY(bri_axis_unify(out, axis, &both));
        bri_axis_release(out);
        *out = both;
    }
    if (b->whole >> i & 1) {
        int64_t extent = out->extent;
        bri_axis_release(out);
        *out = bri_axis_regular(extent, extent);
    }
    for (int k = 0; k < b->ninputs; k++)
        BRI_TRY(check_axis(b, i, axis_with(b, inputs, k, i), out));
    return BR_OK;
}

br_status bri_blocks_axes(const bri_node *node, bri_axis *axis)
{
    const bri_blocks *b = bri_blocks_of(node);
    br_status st = BR_OK;
    memset(axis, 0, (size_t)b->nindices * sizeof *axis);
    for (int i = 0; i < b->nindices && st == BR_OK; i++)
        st = index_axis(b, node, i, &axis[i]);
    for (int i = 0; i < b->nindices && st != BR_OK; i++)
        bri_axis_release(&axis[i]);
    return st;
}

/* The result's axis a over the grid of its index, with chunks of the extents asked for. */
static br_status result_axis(const bri_node *node, int a, const bri_axis *index,
                             const int64_t **listed, bri_axis *out)
{
    int64_t n = bri_blocks_of(node)->cut[a];
    int64_t extent;
    if (n == 0) {
        *out = bri_axis_share(index);
        return BR_OK;
    }
    if (!bri_axis_is_known(index)) {
        *listed += n < 0 ? -n : 0;
        *out = bri_axis_unknown((const char *)node + BR_MAX_NDIM + a);
        return BR_OK;
    }
    if (n < 0) {
        const int64_t *extents = *listed;
        *listed += -n;
        if (-n != index->nchunks)
            return bri_error(BR_ESHAPE, "%lld extents are listed for the %lld chunks of axis %d",
                             (long long)-n, (long long)index->nchunks, a);
        return bri_axis_listed(extents, -n, out);
    }
    if (__builtin_mul_overflow(n, index->nchunks, &extent))
        return bri_error(BR_ESHAPE, "%lld chunks of extent %lld on axis %d",
                         (long long)index->nchunks, (long long)n, a);
    *out = bri_axis_regular(extent, n);
    return BR_OK;
}

static br_status check_size(const bri_node *node)
{
    int64_t bytes = (int64_t)br_dtype_size(node->dtype);
    for (int a = 0; a < node->ndim; a++)
        if (bri_axis_is_known(&node->axis[a]) &&
            (__builtin_mul_overflow(bytes, node->axis[a].extent, &bytes) || bytes > INT64_MAX / 4))
            return bri_error(BR_ESHAPE, "the result has more bytes than can be counted");
    return BR_OK;
}

br_status bri_blocks_infer(bri_node *node)
{
    const bri_blocks *b = bri_blocks_of(node);
    const int64_t *listed = b->listed;
    bri_axis axis[BR_MAX_NDIM];
    node->dtype = (br_dtype)((const bri_user_params *)node->params)->dtype;
    BRI_TRY(bri_blocks_axes(node, axis));
    br_status st = BR_OK;
    for (; node->ndim < b->ndim && st == BR_OK; node->ndim++)
        st = result_axis(node, node->ndim, &axis[node->ndim], &listed, &node->axis[node->ndim]);
    for (int i = 0; i < b->nindices; i++)
        bri_axis_release(&axis[i]);
    return st == BR_OK ? check_size(node) : st;
}

/* ---- building ---- */

br_status bri_check_extent_list(int axis, int ndim, const br_extent_list *list, int64_t each)
{
    if (axis >= ndim || each > 0 || list->n <= 0 || list->n > INT32_MAX || list->extent == NULL)
        return bri_error(BR_EARG, ".chunk_lists[%d] of %lld extents: the result has %d axes%s",
                         axis, (long long)list->n, ndim,
                         each > 0 ? ", and .chunks has an extent for it" : "");
    for (int64_t i = 0; i < list->n; i++)
        if (list->extent[i] < 1 && !(list->n == 1 && list->extent[0] == 0))
            return bri_error(BR_ESHAPE, "extent %lld in .chunk_lists[%d]",
                             (long long)list->extent[i], axis);
    return BR_OK;
}

static br_status check_lists(int ndim, const br_extents *chunks, const br_extent_list *lists,
                             int64_t *nlisted)
{
    *nlisted = 0;
    if (chunks->ndim != 0 && bri_extents_ndim(chunks) != ndim)
        return bri_error(BR_ESHAPE, ".chunks for %d axes, but the result has %d",
                         bri_extents_ndim(chunks), ndim);
    for (int a = 0; a < BR_MAX_NDIM; a++) {
        const br_extent_list *list = &lists[a];
        int64_t each = a < bri_extents_ndim(chunks) ? chunks->extent[a] : 0;
        if (each < 0)
            return bri_error(BR_ESHAPE, "chunk extent %lld of axis %d", (long long)each, a);
        if (list->n == 0 && list->extent == NULL)
            continue;
        BRI_TRY(bri_check_extent_list(a, ndim, list, each));
        *nlisted += list->n;
    }
    return BR_OK;
}

size_t bri_blocks_bytes(const bri_blocks *b)
{
    return sizeof *b + (size_t)b->nlisted * sizeof b->listed[0];
}

br_status bri_blocks_new(int ndim, const br_extents *chunks, const br_extent_list *lists,
                         bri_blocks **out)
{
    int64_t nlisted;
    *out = NULL;
    BRI_TRY(check_lists(ndim, chunks, lists, &nlisted));
    bri_blocks *b = bri_calloc(1, sizeof *b + (size_t)nlisted * sizeof b->listed[0]);
    if (b == NULL)
        return BR_ENOMEM;
    b->ndim = b->nindices = ndim;
    int64_t *next = b->listed;
    for (int a = 0; a < ndim; a++) {
        b->cut[a] = lists[a].n > 0 ? -lists[a].n : chunks->ndim > 0 ? chunks->extent[a] : 0;
        if (lists[a].n > 0)
            memcpy(next, lists[a].extent, (size_t)lists[a].n * sizeof *next);
        next += lists[a].n;
    }
    b->nlisted = nlisted;
    *out = b;
    return BR_OK;
}

br_status bri_check_scratch(size_t bytes)
{
    return bytes <= SIZE_MAX / 2 ? BR_OK : bri_error(BR_EARG, ".scratch_bytes is %zu", bytes);
}

br_array *bri_blocks_build(bri_call *call, bri_user_call *u, const bri_blocks *b,
                           br_array *const *inputs)
{
    br_status st = bri_check_user(u);
    if (st == BR_OK)
        st = bri_check_scratch(u->scratch_bytes);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    br_dtype common = inputs[0]->node->dtype;
    for (int k = 1; k < b->ninputs; k++)
        common = br_result_type(common, inputs[k]->node->dtype);
    if (u->dtype == BR_NO_DTYPE)
        u->dtype = common;
    u->spec = b;
    u->spec_bytes = bri_blocks_bytes(b);
    return bri_build_user(call, u, inputs, b->ninputs);
}
