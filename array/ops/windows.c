/* SPDX-License-Identifier: BSD-3-Clause
 * windows.c - windows that slide along axes: a view in which two axes of the result, the place of
 * the window and the place in it, move along one axis of the source.
 */
#include <bramble/overlap.h>

#include <string.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/ops/shape.h"
#include "array/plan/fuse.h"

/* Window k, of `extent` elements, slides along an axis; axes differ. */
typedef struct windows_params {
    int32_t n;
    int32_t axis[BR_MAX_NDIM];
    int64_t extent[BR_MAX_NDIM];
} windows_params;

/* Elements in the window that slides along an axis; 1 when there is none. */
static int64_t window_along(const windows_params *p, int axis)
{
    for (int k = 0; k < p->n; k++)
        if (p->axis[k] == axis)
            return p->extent[k];
    return 1;
}

/* Windows begin in chunks as x's elements are cut; a window is one chunk. */
static br_status infer(bri_node *node)
{
    const windows_params *p = node->params;
    const bri_node *x = node->input[0];
    node->dtype = x->dtype;
    for (; node->ndim < x->ndim; node->ndim++) {
        const bri_axis *axis = &x->axis[node->ndim];
        int64_t places = axis->extent - window_along(p, node->ndim) + 1;
        BRI_TRY(bri_axis_slice(axis, 0, 1, places, &node->axis[node->ndim]));
    }
    for (int k = 0; k < p->n; k++)
        node->axis[node->ndim++] = bri_axis_regular(p->extent[k], p->extent[k]);
    return BR_OK;
}

static bool fits(const bri_recipe *r)
{
    const windows_params *p = r->params;
    const bri_node *x = r->inputs[0];
    uint32_t seen = 0;
    if (p->n < 0 || p->n > BR_MAX_NDIM - x->ndim || !bri_node_is_known(x))
        return false;
    for (int k = 0; k < p->n; k++) {
        if (!bri_axis_fits(x, p->axis[k]) || (seen >> p->axis[k] & 1) || p->extent[k] < 1 ||
            p->extent[k] > x->axis[p->axis[k]].extent)
            return false;
        seen |= (uint32_t)1 << p->axis[k];
    }
    return true;
}

static void access(const bri_node *node, int input, const bri_map *map, bri_map *out)
{
    const windows_params *p = node->params;
    bri_map own = bri_map_identity(node->ndim - p->n);
    (void)input;
    for (int k = 0; k < p->n; k++)
        own.window[p->axis[k]] = (bri_map_term){node->ndim - p->n + k, 1};
    *out = bri_map_compose(map, &own);
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)fuse;
    (void)node;
    (void)map;
    return values[0];
}

static void print(const bri_node *node, FILE *to)
{
    const windows_params *p = node->params;
    for (int k = 0; k < p->n; k++)
        fprintf(to, "%s%lld along axis %d", k > 0 ? ", " : "", (long long)p->extent[k], p->axis[k]);
}

const bri_op bri_op_windows = {.name = "sliding_window_view",
                               .infer = infer,
                               .form = {1, 1, sizeof(windows_params), false},
                               .fits = fits,
                               .access = access,
                               .emit = emit,
                               .view = true,
                               .windows = true,
                               .print = print};

/* ---- the call ---- */

/* The windows from the first-th on, up to one along an axis that has one already; the number of the
 * next one. */
static int take_windows(const windows_params *all, int first, windows_params *p)
{
    uint32_t seen = 0;
    int k = first;
    memset(p, 0, sizeof *p);
    for (; k < all->n && !(seen >> all->axis[k] & 1); k++) {
        seen |= 1u << all->axis[k];
        p->axis[p->n] = all->axis[k];
        p->extent[p->n++] = all->extent[k];
    }
    return k;
}

static br_status check_extents(const br_array *x, const windows_params *p)
{
    int64_t left[BR_MAX_NDIM];
    for (int a = 0; a < x->node->ndim; a++)
        left[a] = x->shape[a];
    for (int k = 0; k < p->n; k++) {
        int64_t *n = &left[p->axis[k]];
        if (p->extent[k] < 1 || p->extent[k] > *n)
            return bri_error(BR_ESHAPE, "a window of %lld elements along axis %d, which has %lld",
                             (long long)p->extent[k], p->axis[k], (long long)*n);
        *n -= p->extent[k] - 1;
    }
    return BR_OK;
}

static br_status read_windows(const br_sliding_window_view_args *args, windows_params *p)
{
    int ndim = args->x->node->ndim;
    int n = bri_extents_ndim(&args->window_shape);
    bool all = args->axis.n == 0;
    if (args->window_shape.ndim == 0)
        return bri_error(BR_EARG, "the window has no shape");
    if (n != (all ? ndim : args->axis.n))
        return bri_error(BR_ESHAPE, "%d window extents for %d axes", n, all ? ndim : args->axis.n);
    if (ndim + n > BR_MAX_NDIM)
        return bri_error(BR_EUNSUPPORTED, "%d axes and %d windows are more than %d axes", ndim, n,
                         BR_MAX_NDIM);
    memset(p, 0, sizeof *p);
    p->n = n;
    for (int k = 0; k < n; k++) {
        int a = all ? k : args->axis.axis[k];
        if (a < -ndim || a >= ndim)
            return bri_error(BR_EAXIS, "axis %d of an array with %d axes", a, ndim);
        p->axis[k] = a < 0 ? a + ndim : a;
        p->extent[k] = args->window_shape.extent[k];
    }
    return check_extents(args->x, p);
}

br_array *br_sliding_window_view_(br_sliding_window_view_args args)
{
    bri_call call = {NULL, "sliding_window_view", args.at};
    windows_params all;
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    br_status st = read_windows(&args, &all);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_array *y = bri_same_array(&call, args.x);
    for (int k = 0; k < all.n && y->status == BR_OK;) {
        windows_params p;
        k = take_windows(&all, k, &p);
        y = bri_build(&call, &bri_op_windows, &p, sizeof p, &y, 1);
    }
    return y;
}
