/* SPDX-License-Identifier: BSD-3-Clause
 * overlap.c - functions of the user's on chunks with halos.
 */
#include "array/ops/overlap.h"

#include <string.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

/* An input has up to 3^n parts, one for each combination of sides. */
enum { MOST_CONTINUED = 6 };

/* ---- the node ---- */

const bri_overlap_axis *bri_overlap_axes(const bri_node *node, int i)
{
    const bri_overlap_axis *axis = bri_overlap_of(node)->axis;
    for (int k = 0; k < i; k++)
        axis += node->input[k]->ndim;
    return axis;
}

/* Common chunks, inferred in a node that is given up again. */
static br_status common_grid(const bri_node *node, bri_axis *axis, int *ndim)
{
    size_t inputs = (size_t)node->ninputs * sizeof node->input[0];
    bri_node *common = bri_calloc(1, sizeof *common + inputs);
    if (common == NULL)
        return BR_ENOMEM;
    common->axis = axis;
    common->ninputs = node->ninputs;
    memcpy(common->input, node->input, inputs);
    br_status st = bri_broadcast_infer(common);
    *ndim = common->ndim;
    bri_free(common);
    return st;
}

br_status bri_overlap_grid(const bri_node *node, bri_axis *axis, int *ndim)
{
    memset(axis, 0, BR_MAX_NDIM * sizeof *axis);
    *ndim = 0;
    if (bri_overlap_of(node)->no_trim)
        return common_grid(node, axis, ndim);
    for (; *ndim < node->ndim; (*ndim)++)
        axis[*ndim] = bri_axis_share(&node->axis[*ndim]);
    return BR_OK;
}

void bri_overlap_halo(const bri_node *node, int i, int ndim, bri_halo *halo)
{
    const bri_node *x = node->input[i];
    const bri_overlap_axis *spec = bri_overlap_axes(node, i);
    halo->ndim = x->ndim;
    for (int a = 0; a < x->ndim; a++)
        halo->axis[a] = (bri_halo_axis){.leaf = spec[a].whole ? BRI_FIXED : a + ndim - x->ndim,
                                        .extent = x->axis[a].extent,
                                        .before = spec[a].before,
                                        .after = spec[a].after,
                                        .boundary = (br_boundary_kind)spec[a].boundary};
}

/* The first input of the most axes. */
static int leader(const bri_node *node)
{
    int most = 0;
    for (int i = 1; i < node->ninputs; i++)
        if (node->input[i]->ndim > node->input[most]->ndim)
            most = i;
    return most;
}

void bri_overlap_output(const bri_node *node, int ndim, const bri_leaf *leaf, bri_leaf *out)
{
    bri_halo halo;
    *out = *leaf;
    if (bri_overlap_of(node)->inner)
        return;
    bri_overlap_halo(node, leader(node), ndim, &halo);
    bri_halo_window(&halo, leaf, out);
    for (int a = 0; a < ndim; a++) {
        if (halo.axis[a].leaf >= 0)
            continue;
        out->origin[a] = leaf->origin[a];
        out->extent[a] = leaf->extent[a];
        out->nelem *= leaf->extent[a];
    }
}

/* An axis whose chunks are as long as what is filled of them. */
static br_status grow_axis(const bri_node *node, const bri_axis *grid, int ndim, int a,
                           bri_axis *out)
{
    int64_t n = grid[a].nchunks;
    bri_leaf leaf = {.nelem = 0};
    bri_leaf filled;
    BRI_TRY(bri_check_listed(n));
    int64_t *extent = bri_calloc((size_t)n, sizeof *extent);
    if (extent == NULL)
        return BR_ENOMEM;
    for (int64_t c = 0; c < n; c++) {
        leaf.origin[a] = bri_axis_start(&grid[a], c);
        leaf.extent[a] = bri_axis_count(&grid[a], c);
        bri_overlap_output(node, ndim, &leaf, &filled);
        extent[c] = filled.extent[a];
    }
    br_status st = bri_axis_listed(extent, n, out);
    bri_free(extent);
    return st;
}

static br_status infer(bri_node *node)
{
    bri_axis grid[BR_MAX_NDIM];
    int ndim;
    node->dtype = (br_dtype)((const bri_user_params *)node->params)->dtype;
    if (!bri_overlap_of(node)->no_trim)
        return bri_broadcast_infer(node);
    br_status st = bri_overlap_grid(node, grid, &ndim);
    for (; node->ndim < ndim && st == BR_OK; node->ndim += st == BR_OK)
        st = grow_axis(node, grid, ndim, node->ndim, &node->axis[node->ndim]);
    for (int a = 0; a < ndim; a++)
        bri_axis_release(&grid[a]);
    return st;
}

static void print(const bri_node *node, FILE *to)
{
    static const char *const name[] = {"none", "constant", "nearest", "reflect", "periodic"};
    const bri_overlap_axis *axis = bri_overlap_axes(node, 0);
    bri_user_print(node, to);
    for (int a = 0; a < node->input[0]->ndim; a++)
        fprintf(to, "%s%lld:%lld %s", a > 0 ? ", " : ", depth ", (long long)axis[a].before,
                (long long)axis[a].after, name[axis[a].boundary]);
}

const bri_op bri_op_map_overlap = {
    .name = "map_overlap",
    .infer = infer,
    .form = {1, BRI_MAX_INPUTS, sizeof(bri_user_params), true},
    .fits = bri_fits_overlap,
    .stage = &bri_stage_overlap,
    .costly = true,
    .print = print,
    .pack = bri_user_pack,
    .unpack = bri_user_unpack,
    .check = bri_user_check,
};

/* ---- the call ---- */

/* The call's inputs and their common shape. */
typedef struct request {
    const br_map_overlap_args *args;
    br_array *input[BRI_MAX_INPUTS];
    int ninputs;
    int ndim;
    int64_t shape[BR_MAX_NDIM];
} request;

static int64_t in_list(const br_extents *list, int a)
{
    return list->ndim == 0 ? 0 : list->ndim == 1 ? list->extent[0] : list->extent[a];
}

static br_status check_lists(const br_halo *halo, int ndim, int i)
{
    const br_extents *after = &halo->after;
    int n = halo->depth.ndim;
    const char *what = NULL;
    if (n > 1 && n != ndim)
        what = "depths";
    else if (after->ndim > 1 && after->ndim != ndim)
        what = ".after";
    else if (halo->boundary.n > 1 && halo->boundary.n != ndim)
        what = "boundaries";
    if (n < 0 || after->ndim < 0 || halo->boundary.n < 0)
        what = "depths or boundaries";
    return what == NULL
               ? BR_OK
               : bri_error(BR_ESHAPE, "the %s of input %d are neither one nor %d", what, i, ndim);
}

static br_status set_value(const br_boundary *b, br_dtype dtype, bri_overlap_axis *out)
{
    br_number value = b->value.kind != 0 ? b->value : br_number_int(0);
    if (value.kind == 'c' && bri_kind(dtype) != 'c')
        return bri_error(BR_ETYPE, "a complex constant beyond the ends of %s",
                         br_dtype_name(dtype));
    BRI_TRY(bri_check_fill(value, dtype));
    bri_number_store(value, dtype, out->value);
    return BR_OK;
}

/* Axis a of input i; `at` is its place in the lists. */
static br_status set_axis(const request *r, const br_halo *halo, int i, int a, int at,
                          bri_overlap_axis *out)
{
    const br_array *x = r->input[i];
    int64_t n = x->shape[a];
    br_boundary b = {.kind = BR_BOUNDARY_NONE};
    if (halo->boundary.n > 0)
        b = halo->boundary.axis[halo->boundary.n == 1 ? 0 : at];
    if ((int)b.kind < 0 || b.kind > BR_BOUNDARY_PERIODIC)
        return bri_error(BR_EARG, "there is no boundary %d", (int)b.kind);
    out->before = in_list(&halo->depth, at);
    out->after = in_list(halo->after.ndim > 0 ? &halo->after : &halo->depth, at);
    out->boundary = (int32_t)b.kind;
    if (out->before < 0 || out->after < 0)
        return bri_error(BR_ESHAPE, "depth %lld of axis %d",
                         (long long)(out->before < 0 ? out->before : out->after), a);
    if (n != r->shape[a + r->ndim - x->node->ndim])
        out->before = out->after = 0;
    out->whole = n != r->shape[a + r->ndim - x->node->ndim]; /* it is repeated */
    int64_t depth = out->before > out->after ? out->before : out->after;
    if (depth > n)
        return bri_error(BR_ESHAPE, "depth %lld is beyond the %lld elements of axis %d of input %d",
                         (long long)depth, (long long)n, a, i);
    return b.kind == BR_BOUNDARY_CONSTANT ? set_value(&b, x->node->dtype, out) : BR_OK;
}

static br_status set_input(const request *r, int i, bri_overlap_axis *out)
{
    const br_map_overlap_args *args = r->args;
    int ndim = r->input[i]->node->ndim;
    br_halo common = {args->depth, args->after, args->boundary};
    const br_halo *halo = args->halos != NULL ? &args->halos[i] : &common;
    int skipped = args->halos != NULL ? 0 : r->ndim - ndim;
    int continued = 0;
    BRI_TRY(check_lists(halo, ndim + skipped, i));
    for (int a = 0; a < ndim; a++) {
        BRI_TRY(set_axis(r, halo, i, a, a + skipped, &out[a]));
        continued += out[a].boundary > BR_BOUNDARY_CONSTANT && (out[a].before | out[a].after) > 0;
    }
    return continued <= MOST_CONTINUED
               ? BR_OK
               : bri_error(BR_EUNSUPPORTED,
                           "input %d is continued beyond its ends along %d axes; %d are possible",
                           i, continued, MOST_CONTINUED);
}

/* The largest extent of each axis; whether they broadcast is checked when the node is made. */
static void set_shape(request *r)
{
    for (int i = 0; i < r->ninputs; i++)
        r->ndim = r->input[i]->node->ndim > r->ndim ? r->input[i]->node->ndim : r->ndim;
    for (int a = 0; a < r->ndim; a++)
        r->shape[a] = 1;
    for (int i = 0; i < r->ninputs; i++) {
        int skipped = r->ndim - r->input[i]->node->ndim;
        for (int a = skipped; a < r->ndim; a++)
            if (r->shape[a] == 1)
                r->shape[a] = r->input[i]->shape[a - skipped];
    }
}

static size_t spec_bytes(const request *r)
{
    size_t axes = 0;
    for (int i = 0; i < r->ninputs; i++)
        axes += (size_t)r->input[i]->node->ndim;
    return sizeof(bri_overlap_params) + axes * sizeof(bri_overlap_axis);
}

static bri_user_call user_call(const br_map_overlap_args *args)
{
    return (bri_user_call){.op = &bri_op_map_overlap,
                           .fn = (bri_function)args->fn,
                           .data = args->data,
                           .data_bytes = args->data_bytes,
                           .dtype = args->dtype,
                           .impure = args->impure,
                           .scratch_bytes = args->scratch_bytes};
}

static br_array *build(bri_call *call, request *r)
{
    bri_user_call u = user_call(r->args);
    br_status st = BR_OK;
    set_shape(r);
    bri_overlap_params *spec = bri_calloc(1, spec_bytes(r));
    if (spec == NULL)
        return bri_handle_error(call, BR_ENOMEM);
    spec->inner = r->args->inner;
    spec->no_trim = r->args->no_trim;
    bri_overlap_axis *axis = spec->axis;
    for (int i = 0; i < r->ninputs && st == BR_OK; axis += r->input[i++]->node->ndim)
        st = set_input(r, i, axis);
    u.spec = spec;
    u.spec_bytes = spec_bytes(r);
    if (u.dtype == BR_NO_DTYPE)
        u.dtype = r->input[0]->node->dtype;
    br_array *y =
        st == BR_OK ? bri_build_user(call, &u, r->input, r->ninputs) : bri_handle_error(call, st);
    bri_free(spec);
    return y;
}

static br_status check(const br_map_overlap_args *args)
{
    const bri_user_call u = user_call(args);
    if (args->nmore < 0 || args->nmore >= BRI_MAX_INPUTS || (args->nmore > 0 && args->more == NULL))
        return bri_error(BR_EARG, "%d further inputs; 0 to %d are possible", args->nmore,
                         BRI_MAX_INPUTS - 1);
    if (args->inner && args->no_trim)
        return bri_error(BR_EARG, ".inner blocks have no halo that .no_trim could keep");
    if (args->halos != NULL &&
        (args->depth.ndim != 0 || args->after.ndim != 0 || args->boundary.n != 0))
        return bri_error(BR_EARG, ".halos stand instead of .depth, .after and .boundary");
    if (args->scratch_bytes > SIZE_MAX / 2)
        return bri_error(BR_EARG, ".scratch_bytes is %zu", args->scratch_bytes);
    return bri_check_user(&u);
}

br_array *br_map_overlap_(br_map_overlap_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "map_overlap", args.at};
    request r = {.args = &args, .input = {args.x}, .ninputs = 1};
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    br_status st = check(&args);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    for (; r.ninputs <= args.nmore; r.ninputs++)
        r.input[r.ninputs] = args.more[r.ninputs - 1];
    failed = bri_check_call(&call, r.input, r.ninputs);
    return failed != NULL ? failed : build(&call, &r);
}
