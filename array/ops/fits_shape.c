/* SPDX-License-Identifier: BSD-3-Clause
 * fits_shape.c - could the parameters that another rank sent be of the operation: views, axes,
 * indices, products.
 */
#include <string.h>

#include "array/ops/fits.h"

static bool is_index(const bri_node *x)
{
    return strchr("iu", bri_kind(x->dtype)) != NULL;
}

static bool same_extents(const bri_node *x, const bri_node *y, int64_t but)
{
    bool same = x->ndim == y->ndim;
    for (int a = 0; same && a < x->ndim; a++)
        same = a == but || bri_axis_may_fit(&x->axis[a], &y->axis[a]);
    return same;
}

/* ---- views ---- */

/* Are all of count elements from start on in the axis? An axis of unknown extent is read whole. */
static bool slice_fits(const bri_axis *x, int64_t start, int64_t step, int64_t count)
{
    int64_t way, last;
    if (count == BR_UNKNOWN)
        return start == 0 && step == 1;
    if (count == 0)
        return true;
    return x->extent != BR_UNKNOWN && step != 0 && start >= 0 && start < x->extent &&
           !__builtin_mul_overflow(count - 1, step, &way) &&
           !__builtin_add_overflow(start, way, &last) && last >= 0 && last < x->extent;
}

/* Each axis of x stands still or moves with one of the view's, no two with the same. */
static bool map_fits(const bri_view_params *p, const bri_node *x)
{
    uint32_t moved = 0;
    const int64_t *w = p->word + p->ndim;
    for (int a = 0; a < x->ndim; a++, w += 3) {
        if (w[0] == BRI_FIXED) {
            if (!slice_fits(&x->axis[a], w[1], 1, 1))
                return false;
            continue;
        }
        if (w[0] < 0 || w[0] >= p->ndim || (moved >> w[0] & 1) ||
            !slice_fits(&x->axis[a], w[1], w[2], p->word[w[0]]))
            return false;
        moved |= (uint32_t)1 << w[0];
    }
    for (int o = 0; o < p->ndim; o++)
        if (!(moved >> o & 1) && p->word[o] < 0)
            return false;
    return true;
}

bool bri_fits_view(const bri_recipe *r)
{
    const bri_view_params *p = r->params;
    const bri_node *x = r->inputs[0];
    if (p->ndim < 0 || p->ndim > BR_MAX_NDIM || p->source_ndim != x->ndim ||
        r->params_bytes != sizeof *p + (size_t)(p->ndim + 3 * x->ndim) * sizeof(int64_t))
        return false;
    int64_t bytes = (int64_t)br_dtype_size(x->dtype);
    for (int o = 0; o < p->ndim; o++)
        if (p->word[o] < BR_UNKNOWN ||
            (p->word[o] > 0 && __builtin_mul_overflow(bytes, p->word[o], &bytes)))
            return false;
    return map_fits(p, x);
}

/* The parameters are those of the view of x that the value goes to. */
bool bri_fits_assign(const bri_recipe *r)
{
    const bri_view_params *p = r->params;
    const bri_node *value = r->inputs[1];
    bool fits = bri_fits_view(r) && value->ndim == p->ndim && value->dtype == r->inputs[0]->dtype;
    for (int a = 0; fits && a < p->ndim; a++)
        fits = value->axis[a].extent == p->word[a];
    return fits;
}

bool bri_fits_rechunk(const bri_recipe *r)
{
    const bri_chunks_params *p = r->params;
    bool fits = p->ndim == r->inputs[0]->ndim;
    for (int a = 0; fits && a < p->ndim; a++) {
        int64_t extent = r->inputs[0]->axis[a].extent;
        fits = p->before[a] >= 0 && (p->before[a] == 0 || p->before[a] < p->chunk[a]) &&
               (extent < 0 || p->before[a] <= INT64_MAX - extent);
    }
    return fits;
}

bool bri_fits_reshape(const bri_recipe *r)
{
    const bri_layout *layout = r->params;
    const bri_node *x = r->inputs[0];
    int64_t n = 1;
    if (!bri_layout_fits(layout) || (br_dtype)layout->dtype != x->dtype)
        return false;
    for (int a = 0; a < layout->ndim; a++)
        n *= layout->extent[a];
    return bri_node_nelem(x) == n;
}

bool bri_fits_diagonal(const bri_recipe *r)
{
    const int64_t k = *(const int64_t *)r->params;
    const bri_node *x = r->inputs[0];
    return x->ndim >= 2 && k >= -x->axis[x->ndim - 2].extent && k <= x->axis[x->ndim - 1].extent;
}

/* ---- along an axis ---- */

bool bri_fits_concat(const bri_recipe *r)
{
    const int64_t axis = ((const bri_concat_params *)r->params)->axis;
    bool fits = bri_fits_axis(r);
    for (int i = 1; fits && i < r->ninputs; i++)
        fits = r->inputs[i]->dtype == r->inputs[0]->dtype &&
               same_extents(r->inputs[i], r->inputs[0], axis);
    return fits;
}

static bool is_mask(const bri_node *x)
{
    return x->ndim == 1 && x->dtype == BR_BOOL;
}

bool bri_fits_count(const bri_recipe *r)
{
    return is_mask(r->inputs[0]) && r->inputs[1]->ndim == 1;
}

/* Inputs are the mask and the array. */
bool bri_fits_compress(const bri_recipe *r)
{
    return is_mask(r->inputs[0]) &&
           bri_axis_fits(r->inputs[1], ((const bri_axis_params *)r->params)->axis);
}

bool bri_fits_picked(const bri_recipe *r)
{
    if (!bri_fits_compress(r) || r->table == NULL || r->table->absent ||
        r->table->bytes % sizeof(int64_t) != 0)
        return false;
    const int64_t *count = (const int64_t *)(const void *)r->table->data;
    int64_t left = r->inputs[0]->axis[0].extent;
    for (size_t i = 0; i < r->table->bytes / sizeof *count; i++) {
        if (count[i] < 0 || count[i] > left)
            return false;
        left -= count[i];
    }
    return true;
}

bool bri_fits_take_along(const bri_recipe *r)
{
    const int64_t axis = ((const bri_axis_params *)r->params)->axis;
    return bri_fits_axis(r) && is_index(r->inputs[1]) &&
           same_extents(r->inputs[0], r->inputs[1], axis);
}

bool bri_fits_put_along(const bri_recipe *r)
{
    return bri_fits_take_along(r) && r->inputs[2]->dtype == r->inputs[0]->dtype &&
           same_extents(r->inputs[1], r->inputs[2], -1);
}

bool bri_fits_repeat(const bri_recipe *r)
{
    const bri_repeat_params *p = r->params;
    const bri_node *x = r->inputs[0];
    int64_t bytes = p->count;
    if (!bri_axis_fits(x, p->axis) || p->count < 0 || !bri_node_is_known(x) ||
        __builtin_mul_overflow(bytes, (int64_t)br_dtype_size(x->dtype), &bytes))
        return false;
    for (int a = 0; a < x->ndim; a++)
        if (__builtin_mul_overflow(bytes, x->axis[a].extent, &bytes))
            return false;
    return true;
}

bool bri_fits_repeat_counts(const bri_recipe *r)
{
    return bri_axis_fits(r->inputs[0], ((const bri_repeat_params *)r->params)->axis) &&
           r->inputs[1]->ndim == 1 && is_index(r->inputs[1]);
}

/* ---- arrays of indices ---- */

static bool picked_axes_fit(const bri_take_params *p, const bri_node *x)
{
    return p->first >= 0 && p->picked >= 1 && p->picked <= x->ndim &&
           p->first <= x->ndim - p->picked && p->ndim >= 0 && p->ndim <= BR_MAX_NDIM &&
           x->ndim - p->picked + p->ndim <= BR_MAX_NDIM;
}

bool bri_fits_take(const bri_recipe *r)
{
    const bri_take_params *p = r->params;
    bool fits = picked_axes_fit(p, r->inputs[0]) && p->cells == 0 &&
                (r->ninputs == 2 || r->ninputs == p->picked + 1);
    for (int k = 1; fits && k < r->ninputs; k++)
        fits = r->inputs[k]->ndim == p->ndim && is_index(r->inputs[k]);
    return fits;
}

/* How many points there are when each has so many bytes, and a number of them. */
static bool count_points(const bri_take_params *p, int64_t each, int64_t *n)
{
    int64_t bytes = each;
    *n = 1;
    for (int a = 0; a < p->ndim; a++) {
        if (p->extent[a] < 0 || __builtin_mul_overflow(bytes, p->extent[a], &bytes))
            return false;
        *n *= p->extent[a];
    }
    return true;
}

/* The table has a list of indices for each axis that is picked, here or on rank 0. */
bool bri_fits_gather(const bri_recipe *r)
{
    const bri_take_params *p = r->params;
    const bri_node *x = r->inputs[0];
    int64_t n;
    if (!picked_axes_fit(p, x) || p->cells != 0 || r->table == NULL ||
        !count_points(p, p->picked * (int64_t)sizeof(int64_t), &n) ||
        r->table->bytes != (size_t)n * (size_t)p->picked * sizeof(int64_t))
        return false;
    if (r->table->absent)
        return true;
    const int64_t *index = (const int64_t *)(const void *)r->table->data;
    for (int j = 0; j < p->picked; j++, index += n) {
        uint64_t extent = (uint64_t)x->axis[p->first + j].extent, out = 0;
        for (int64_t i = 0; i < n; i++)
            out |= (uint64_t)((uint64_t)index[i] >= extent);
        if (out != 0)
            return false;
    }
    return true;
}

/* ---- products ---- */

/* The indices of an operand's axes, each once; false when one is out of range or stands twice. */
static bool read_indices(const bri_matmul_params *p, int k, const bri_node *x, int n, uint64_t *out)
{
    *out = 0;
    for (int a = 0; a < x->ndim; a++) {
        int i = p->index[k][a];
        if (i < 0 || i >= n || (*out >> i & 1))
            return false;
        *out |= (uint64_t)1 << i;
    }
    return true;
}

static uint64_t bits(int from, int n)
{
    return n > 0 ? (((uint64_t)1 << n) - 1) << from : 0;
}

/* a has the rows and b the columns, both the sums, one of them or both the batch. */
bool bri_fits_matmul(const bri_recipe *r)
{
    const bri_matmul_params *p = r->params;
    const int32_t count[4] = {p->nbatch, p->nrow, p->ncolumn, p->ninner};
    uint64_t of[2];
    int n = 0;
    for (int i = 0; i < 4; n += count[i++])
        if (count[i] < 0 || count[i] > BR_MAX_NDIM)
            return false;
    if (n - p->ninner > BR_MAX_NDIM || n >= 64 || r->inputs[0]->dtype != r->inputs[1]->dtype)
        return false;
    for (int k = 0; k < 2; k++)
        if (!read_indices(p, k, r->inputs[k], n, &of[k]))
            return false;
    uint64_t batch = bits(0, p->nbatch), row = bits(p->nbatch, p->nrow);
    uint64_t column = bits(p->nbatch + p->nrow, p->ncolumn);
    uint64_t inner = bits(n - p->ninner, p->ninner);
    return (of[0] & ~batch) == (row | inner) && (of[1] & ~batch) == (column | inner) &&
           ((of[0] | of[1]) & batch) == batch;
}
