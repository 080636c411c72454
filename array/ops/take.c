/* SPDX-License-Identifier: BSD-3-Clause
 * take.c - elements named by arrays of indices: take and vindex.
 *
 * The planner needs to know the indices. A `take` node has them as inputs and is resolved into a
 * `gather` node, which has them in its table: one list for each axis that is picked, none negative,
 * all in range. Where they are known at the call the gather node is made at once. Ranks above 0 know
 * long ones by number only: the planner deals them out (points.h).
 */
#include <string.h>

#include "array/kernels/places.h"
#include "array/ops/fits.h"
#include "array/ops/indexing.h"
#include "array/ops/shape.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

/* ---- the nodes ---- */

/* The indices' axes are cut so that a chunk has about the automatic size and holds a range of
 * indices in C order: the last axes whole, one of them cut, the first ones one by one. */
static void cut_index_axes(const bri_take_params *p, size_t bytes, bri_axis *out)
{
    size_t most = bytes > 0 ? BRI_AUTO_CHUNK_BYTES / bytes : BRI_AUTO_CHUNK_BYTES;
    int64_t room = most > 0 ? (int64_t)most : 1;
    for (int a = p->ndim - 1; a >= 0; a--) {
        out[a] = bri_axis_regular(p->extent[a], room);
        room = room > p->extent[a] && p->extent[a] > 0 ? room / p->extent[a] : 1;
    }
}

/* The parameters with the shape of the indices, which a take has as inputs. */
static bri_take_params with_shape(const bri_node *node, bri_node *const *inputs)
{
    bri_take_params p = *(const bri_take_params *)node->params;
    for (int a = 0; a < p.ndim && node->ninputs > 1; a++)
        p.extent[a] = inputs[1]->axis[a].extent;
    return p;
}

static br_status cut_indices(const bri_node *node, const bri_take_params *p, size_t bytes,
                             bri_axis *out)
{
    if (p->cells)
        return bri_axis_listed((const int64_t *)(const void *)node->table->data,
                               node->table->bytes / sizeof(int64_t), out);
    if (node->ninputs == 1 || bri_node_is_known(node->input[1])) {
        cut_index_axes(p, bytes, out);
        return BR_OK;
    }
    for (int a = 0; a < p->ndim; a++)
        out[a] = bri_axis_share(&node->input[1]->axis[a]);
    return BR_OK;
}

static br_status infer(bri_node *node)
{
    const bri_take_params p = with_shape(node, node->input);
    const bri_node *x = node->input[0];
    size_t bytes = br_dtype_size(x->dtype);
    node->dtype = x->dtype;
    for (int a = 0; a < x->ndim; a++) {
        if (a == p.first)
            node->ndim += p.ndim;
        if (a >= p.first && a < p.first + p.picked)
            continue;
        node->axis[node->ndim++] = bri_axis_share(&x->axis[a]);
        bytes *= bri_axis_is_known(&x->axis[a]) ? (size_t)bri_axis_largest(&x->axis[a]) : 1;
    }
    return cut_indices(node, &p, bytes, node->axis + p.first);
}

static void print(const bri_node *node, FILE *to)
{
    const bri_take_params p = with_shape(node, node->input);
    char shape[160];
    if (p.picked == 1)
        fprintf(to, "axis %d", p.first);
    else
        fprintf(to, "axes %d to %d", p.first, p.first + p.picked - 1);
    fprintf(to, ", indices %s", bri_array_shape_text(p.ndim, p.extent, shape, sizeof shape));
}

/* ---- the table ---- */

/* Indices whose elements are at hand, dense. */
typedef struct indices {
    br_dtype dtype;
    int ndim;
    const int64_t *shape;
    const void *data;
} indices;

static int64_t count_points(const bri_take_params *p)
{
    int64_t n = 1;
    for (int a = 0; a < p->ndim; a++)
        n *= p->extent[a];
    return n;
}

static void place_of(const bri_take_params *p, int64_t point, int64_t *coord)
{
    for (int a = p->ndim - 1; a >= 0; a--) {
        coord[a] = point % p->extent[a];
        point /= p->extent[a];
    }
}

/* Its elements, repeated as its shape is broadcast to that of all together. */
static void spread(const bri_take_params *p, const indices *from, int64_t n, int64_t *to)
{
    const size_t size = br_dtype_size(from->dtype);
    int64_t coord[BR_MAX_NDIM];
    bool same = from->ndim == p->ndim;
    for (int a = 0; a < from->ndim && same; a++)
        same = from->shape[a] == p->extent[a];
    if (same) {
        bri_read_indices(from->dtype, n, from->data, (int64_t)size, to);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0;
        place_of(p, i, coord);
        for (int a = 0; a < from->ndim; a++)
            at = at * from->shape[a] + (from->shape[a] == 1 ? 0 : coord[p->ndim - from->ndim + a]);
        bri_read_indices(from->dtype, 1, (const char *)from->data + (size_t)at * size,
                         (int64_t)size, to + i);
    }
}

/* Lets negative ones count from the end. `axis` < 0: of the flattened array. */
static br_status check_range(const bri_take_params *p, int axis, int64_t extent, int64_t n,
                             int64_t *index)
{
    for (int64_t i = 0; i < n; i++) {
        if (index[i] < -extent || index[i] >= extent) {
            int64_t coord[BR_MAX_NDIM];
            char at[160];
            char what[60];
            place_of(p, i, coord);
            snprintf(what, sizeof what, axis < 0 ? "the flattened array" : "axis %d", axis);
            return bri_error(BR_EINDEX, "index %lld at %s is out of range for %s with extent %lld",
                             (long long)index[i], bri_shape_text(p->ndim, coord, at, sizeof at),
                             what, (long long)extent);
        }
        index[i] += index[i] < 0 ? extent : 0;
    }
    return BR_OK;
}

/* Indices of the flattened array, in the first list, become one for each axis. */
static void unravel(const bri_node *x, const bri_take_params *p, int64_t n, int64_t *index)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = index[i];
        for (int j = p->picked - 1; j >= 0; j--) {
            int64_t extent = x->axis[p->first + j].extent;
            index[j * n + i] = rest % extent;
            rest /= extent;
        }
    }
}

static br_status fill_table(const bri_node *x, const bri_take_params *p, const indices *lists,
                            int nlists, int64_t *index)
{
    int64_t n = count_points(p);
    bool flat = nlists < p->picked;
    for (int j = 0; j < nlists; j++) {
        int64_t extent = flat ? bri_node_nelem(x) : x->axis[p->first + j].extent;
        spread(p, &lists[j], n, index + j * n);
        BRI_TRY(check_range(p, flat ? -1 : p->first + j, extent, n, index + j * n));
    }
    if (flat)
        unravel(x, p, n, index);
    return BR_OK;
}

static br_status make_table(const bri_node *x, const bri_take_params *p, const indices *lists,
                            int nlists, bri_table **out)
{
    bri_table *table = bri_table_new((size_t)count_points(p) * (size_t)p->picked * sizeof(int64_t));
    if (table == NULL)
        return BR_ENOMEM;
    br_status st = bri_table_charge(table, x->ctx->memory);
    if (st == BR_OK)
        st = fill_table(x, p, lists, nlists, (int64_t *)table->data);
    if (st != BR_OK) {
        bri_table_release(table);
        return st;
    }
    bri_table_seal(table);
    *out = table;
    return BR_OK;
}

br_status bri_gather_node(br_context *ctx, bri_node *x, const bri_take_params *p, bri_table *table,
                          br_place at, bri_node **out)
{
    if (ctx->nranks > 1 && table->bytes > bri_array_data_of(ctx)->most_indices)
        bri_table_stay(table);
    bri_recipe recipe = {.op = &bri_op_gather,
                         .params = p,
                         .params_bytes = sizeof *p,
                         .inputs = &x,
                         .ninputs = 1,
                         .table = table,
                         .at = at};
    return bri_node_make(ctx, &recipe, out);
}

/* The indices that the node waited for are known: inputs 1 and up. */
static br_status resolve(const bri_node *node, bri_node *const *inputs, bri_table *const *tables,
                         bri_node **out)
{
    const bri_take_params p = with_shape(node, inputs);
    indices lists[BRI_MAX_INPUTS];
    bri_table *table = NULL;
    for (int k = 1; k < node->ninputs; k++)
        lists[k - 1] = (indices){inputs[k]->dtype, p.ndim, p.extent, tables[k]->data};
    BRI_TRY(make_table(inputs[0], &p, lists, node->ninputs - 1, &table));
    br_status st = bri_gather_node(node->ctx, inputs[0], &p, table, node->at, out);
    bri_table_release(table);
    return st;
}

const bri_op bri_op_take = {.name = "take",
                            .infer = infer,
                            .form = {2, BRI_MAX_INPUTS, sizeof(bri_take_params), false},
                            .fits = bri_fits_take,
                            .any_extent = true,
                            .waits_for = ~1u,
                            .resolve = resolve,
                            .print = print};
const bri_op bri_op_gather = {.name = "take",
                              .infer = infer,
                              .form = {1, 1, sizeof(bri_take_params), false},
                              .fits = bri_fits_gather,
                              .stage = &bri_stage_gather,
                              .print = print};

/* ---- calls ---- */

/* A few indices in a constant step are a slice; NULL: they are not. */
static br_array *as_slice(const bri_call *call, br_array *x, const bri_take_params *p,
                          const bri_table *table)
{
    const int64_t *index = (const int64_t *)table->data;
    int64_t n = count_points(p);
    if (p->picked != 1 || p->ndim != 1 || n == 0 || (n > 1 && index[1] == index[0]))
        return NULL;
    int64_t step = n > 1 ? index[1] - index[0] : 1;
    for (int64_t i = 2; i < n; i++)
        if (index[i] - index[i - 1] != step)
            return NULL;
    return bri_slice_axis(call, x, p->first, (bri_stretch){index[0], step, n});
}

static br_array *take_known(bri_call *call, br_array *x, const bri_take_params *p,
                            br_array *const *index, int n)
{
    indices lists[BR_MAX_NDIM];
    bri_table *table = NULL;
    bri_node *node = NULL;
    for (int j = 0; j < n; j++)
        lists[j] = (indices){index[j]->node->dtype, index[j]->node->ndim, index[j]->shape,
                             bri_known_elements(index[j])};
    br_status st = make_table(x->node, p, lists, n, &table);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    br_array *slice = as_slice(call, x, p, table);
    if (slice == NULL)
        st = bri_gather_node(call->ctx, x->node, p, table, call->at, &node);
    bri_table_release(table);
    return slice != NULL ? slice
           : st == BR_OK ? bri_handle(call, node)
                         : bri_handle_error(call, st);
}

static br_array *take_unknown(bri_call *call, br_array *x, bri_take_params *p,
                              br_array *const *index, int n)
{
    memset(p->extent, 0, sizeof p->extent); /* as they may be unknown */
    br_array *inputs[BRI_MAX_INPUTS] = {x};
    if (n >= BRI_MAX_INPUTS)
        return bri_handle_error(
            call,
            bri_error(BR_EUNSUPPORTED, "%d arrays of indices; %d is the most unless they are known",
                      n, BRI_MAX_INPUTS - 1));
    if (n == 1)
        inputs[1] = index[0];
    else
        br_broadcast_arrays_(index, n, inputs + 1, call->at); /* bri_build looks for failed ones */
    return bri_build(call, &bri_op_take, p, sizeof *p, inputs, n + 1);
}

/* The shape of all indices together; that of one list may be unknown. */
static br_status set_shape(br_array *const *index, int n, bri_take_params *p)
{
    for (int a = 0; a < p->ndim; a++)
        p->extent[a] = 1;
    for (int j = 0; j < n; j++) {
        BRI_TRY(bri_check_index_dtype(index[j]));
        if (n > 1)
            BRI_TRY(bri_check_known(index[j]->node, BRI_ALL_AXES));
        for (int back = 1; back <= index[j]->node->ndim; back++) {
            int64_t extent = index[j]->shape[index[j]->node->ndim - back];
            int64_t *common = &p->extent[p->ndim - back];
            if (extent != 1 && *common != 1 && extent != *common)
                return bri_error(BR_ESHAPE,
                                 "extents %lld and %lld of indices differ on axis %d from the last",
                                 (long long)*common, (long long)extent, back);
            *common = extent != 1 ? extent : *common;
        }
    }
    return BR_OK;
}

/* Unknown extents count as 1; they are checked when they are known. */
static br_status check_result(const br_array *x, const bri_take_params *p)
{
    int64_t bytes = 16 * p->picked;
    bool fits = true;
    bool any = true;
    int ndim = x->node->ndim - p->picked + p->ndim;
    if (ndim > BR_MAX_NDIM)
        return bri_error(BR_EUNSUPPORTED, "the result has %d axes, %d is the most", ndim,
                         BR_MAX_NDIM);
    for (int a = 0; a < p->ndim; a++) {
        any = any && p->extent[a] > 0;
        fits = fits && !__builtin_mul_overflow(bytes, p->extent[a] > 0 ? p->extent[a] : 1, &bytes);
    }
    for (int a = 0; a < x->node->ndim; a++) {
        bool picked = a >= p->first && a < p->first + p->picked;
        int64_t extent = picked || x->shape[a] <= 0 ? 1 : x->shape[a];
        fits = fits && !__builtin_mul_overflow(bytes, extent, &bytes);
        if (picked && x->shape[a] == 0 && any)
            return bri_error(BR_EINDEX, "axis %d has no elements that could be indexed", a);
    }
    return fits ? BR_OK : bri_error(BR_ESHAPE, "the result has more bytes than 64 bits can count");
}

static br_array *take(bri_call *call, br_array *x, bri_take_params *p, br_array *const *index,
                      int n)
{
    bool known = bri_node_is_known(x->node);
    for (int j = 0; j < n; j++) {
        p->ndim = index[j]->node->ndim > p->ndim ? index[j]->node->ndim : p->ndim;
        known = known && bri_known_elements(index[j]) != NULL;
    }
    br_status st = set_shape(index, n, p);
    if (st == BR_OK)
        st = check_result(x, p);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    return known ? take_known(call, x, p, index, n) : take_unknown(call, x, p, index, n);
}

br_array *br_take_(br_take_args args)
{
    bri_call call = {NULL, "take", args.at};
    br_array *inputs[] = {args.x, args.indices};
    bri_take_params p;
    int axis = 0;
    br_array *failed = bri_check_call(&call, inputs, 2);
    if (failed != NULL)
        return failed;
    memset(&p, 0, sizeof p);
    br_array *x = args.x->node->ndim == 0 && args.axis.n == 0 ? br_ravel_(args.x, args.at) : args.x;
    if (x->status != BR_OK)
        return x;
    br_status st = bri_one_axis(&args.axis, x->node->ndim, 0, &axis);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    p.first = axis;
    p.picked = args.axis.n == 0 ? x->node->ndim : 1;
    return take(&call, x, &p, &args.indices, 1);
}

br_array *br_vindex_(br_array *x, br_array *const *indices, int n, br_place at)
{
    bri_call call = {NULL, "vindex", at};
    bri_take_params p;
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed == NULL)
        failed = bri_check_list(&call, indices, n);
    if (failed != NULL)
        return failed;
    if (n > x->node->ndim)
        return bri_handle_error(
            &call, bri_error(BR_EINDEX, "%d arrays of indices for %d axes", n, x->node->ndim));
    memset(&p, 0, sizeof p);
    p.picked = n;
    return take(&call, x, &p, indices, n);
}
