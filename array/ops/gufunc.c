/* SPDX-License-Identifier: BSD-3-Clause
 * gufunc.c - functions of the user's on the core elements of arrays: by signature, and along an
 * axis.
 *
 * Indices are the loop's axes, the core axes of the result, then those that only inputs have. A
 * dimension that stands twice in one argument, as in "(n,n)->(n,n)", has an index for each time.
 */
#include <string.h>

#include "array/ops/blocks.h"
#include "array/ops/fits.h"
#include "array/ops/shape.h"
#include "array/ops/signature.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

#define CORES(op_name)                                                                             \
    {                                                                                              \
        .name = op_name, .infer = bri_blocks_infer,                                                \
        .form = {1, BRI_MAX_INPUTS, sizeof(bri_user_params), true}, .fits = bri_fits_blocks,       \
        .stage = &bri_stage_blocks, .any_extent = true, .costly = true, .print = bri_user_print,   \
        .pack = bri_user_pack, .unpack = bri_user_unpack, .check = bri_user_check                  \
    }
const bri_op bri_op_gufunc = CORES("apply_gufunc");
const bri_op bri_op_along_axis = CORES("apply_along_axis");

/* A call as it is being understood. */
typedef struct cores {
    const bri_signature *signature;
    br_array *const *inputs;
    int64_t extent[BR_MAX_NDIM]; /* of the dimensions, -1: not known */
    int loop;                    /* axes */
    int8_t dim[BR_MAX_NDIM];     /* of the core indices, and */
    int8_t time[BR_MAX_NDIM];    /*  how often it stood in its argument before */
    int nindices;
} cores;

/* How often a dimension stands in the first n places of an argument. */
static int times(const bri_signature *s, int argument, int dim, int n)
{
    int count = 0;
    for (int a = 0; a < n; a++)
        count += s->core[argument][a] == dim;
    return count;
}

/* ---- extents ---- */

static br_status check_ndims(cores *c)
{
    const bri_signature *s = c->signature;
    for (int k = 0; k < s->ninputs; k++) {
        int ndim = c->inputs[k]->node->ndim;
        if (ndim < s->ncore[k])
            return bri_error(BR_ESHAPE, "input %d has %d axes; its core dimensions are %d", k + 1,
                             ndim, s->ncore[k]);
        c->loop = ndim - s->ncore[k] > c->loop ? ndim - s->ncore[k] : c->loop;
    }
    return BR_OK;
}

static br_status learn_extent(cores *c, int k, int a, bool allow_rechunk)
{
    const bri_node *x = c->inputs[k]->node;
    int d = c->signature->core[k][a];
    const bri_dimension *dim = &c->signature->dim[d];
    int at = x->ndim - c->signature->ncore[k] + a;
    const bri_axis *axis = &x->axis[at];
    BRI_TRY(bri_check_known(x, at));
    if (c->extent[d] >= 0 && c->extent[d] != axis->extent)
        return bri_error(BR_ESHAPE, "dimension %.*s has extents %lld and, in input %d, %lld",
                         dim->length, dim->name, (long long)c->extent[d], k + 1,
                         (long long)axis->extent);
    if (axis->nchunks > 1 && !allow_rechunk)
        return bri_error(BR_ESHAPE,
                         "dimension %.*s, axis %d of input %d, is cut into %lld chunks: rechunk "
                         "it, or say .allow_rechunk = true",
                         dim->length, dim->name, at, k + 1, (long long)axis->nchunks);
    c->extent[d] = axis->extent;
    return BR_OK;
}

static br_status take_output_sizes(cores *c, const br_extents *sizes)
{
    const bri_signature *s = c->signature;
    int taken = 0;
    int unknown = 0;
    for (int d = 0; d < s->ndims; d++) {
        if (c->extent[d] >= 0)
            continue;
        unknown++;
        if (taken < bri_extents_ndim(sizes))
            c->extent[d] = sizes->extent[taken++];
        if (taken == unknown && c->extent[d] < 0)
            return bri_error(BR_ESHAPE, "extent %lld in .output_sizes", (long long)c->extent[d]);
    }
    if (unknown != bri_extents_ndim(sizes))
        return bri_error(BR_ESHAPE,
                         "%d extents in .output_sizes, but %d dimensions are of the result alone",
                         bri_extents_ndim(sizes), unknown);
    return BR_OK;
}

static br_status learn_extents(cores *c, const br_extents *sizes, bool allow_rechunk)
{
    const bri_signature *s = c->signature;
    BRI_TRY(check_ndims(c));
    for (int d = 0; d < s->ndims; d++)
        c->extent[d] = s->dim[d].fixed;
    for (int k = 0; k < s->ninputs; k++)
        for (int a = 0; a < s->ncore[k]; a++)
            BRI_TRY(learn_extent(c, k, a, allow_rechunk));
    return take_output_sizes(c, sizes);
}

/* ---- indices ---- */

static br_status core_index(cores *c, int argument, int a, int8_t *out)
{
    int dim = c->signature->core[argument][a];
    int time = times(c->signature, argument, dim, a);
    for (int i = c->loop; i < c->nindices; i++)
        if (c->dim[i] == dim && c->time[i] == time) {
            *out = (int8_t)i;
            return BR_OK;
        }
    if (c->nindices >= BR_MAX_NDIM)
        return bri_error(BR_ESHAPE, "more than %d axes of loop and cores", BR_MAX_NDIM);
    c->dim[c->nindices] = (int8_t)dim;
    c->time[c->nindices] = (int8_t)time;
    *out = (int8_t)c->nindices++;
    return BR_OK;
}

static void name_indices(const cores *c, bri_blocks *b)
{
    for (int i = 0; i < c->loop; i++)
        snprintf(b->name[i], sizeof b->name[i], "loop axis %d", i);
    for (int i = c->loop; i < c->nindices; i++) {
        const bri_dimension *dim = &c->signature->dim[c->dim[i]];
        snprintf(b->name[i], sizeof b->name[i], "dimension %.*s", dim->length, dim->name);
        b->whole |= (uint32_t)1 << i;
        if (c->time[i] == 0)
            b->extent[c->dim[i]] = (int8_t)i;
    }
}

static br_status number_inputs(cores *c, bri_blocks *b)
{
    const bri_signature *s = c->signature;
    for (int k = 0; k < s->ninputs; k++) {
        int own = c->inputs[k]->node->ndim - s->ncore[k];
        b->core[k] = (int8_t)s->ncore[k];
        for (int a = 0; a < own; a++)
            b->index[k][a] = (int8_t)(c->loop - own + a);
        for (int a = 0; a < s->ncore[k]; a++)
            BRI_TRY(core_index(c, k, a, &b->index[k][own + a]));
    }
    return BR_OK;
}

/* Is core axis a of the result no axis of an input? */
static bool only_in_result(const bri_signature *s, int a)
{
    int result = s->ninputs;
    int dim = s->core[result][a];
    for (int k = 0; k < s->ninputs; k++)
        if (times(s, k, dim, s->ncore[k]) > times(s, result, dim, a))
            return false;
    return true;
}

static br_status describe_cores(cores *c, bri_blocks **out)
{
    const bri_signature *s = c->signature;
    br_extents none = {0, {0}};
    br_extent_list lists[BR_MAX_NDIM] = {{NULL, 0}};
    int ncore = s->ncore[s->ninputs];
    int8_t index;
    if (c->loop + ncore > BR_MAX_NDIM)
        return bri_error(BR_ESHAPE, "the result would have %d axes", c->loop + ncore);
    c->nindices = c->loop;
    for (int a = 0; a < ncore; a++) {
        BRI_TRY(core_index(c, s->ninputs, a, &index));
        if (only_in_result(s, a))
            lists[c->loop + a] = (br_extent_list){&c->extent[s->core[s->ninputs][a]], 1};
    }
    BRI_TRY(bri_blocks_new(c->loop + ncore, &none, lists, out));
    bri_blocks *b = *out;
    BRI_TRY(number_inputs(c, b));
    b->ninputs = s->ninputs;
    b->nindices = c->nindices;
    b->loop = c->loop;
    b->nextents = s->ndims;
    name_indices(c, b);
    return BR_OK;
}

/* ---- calls ---- */

/* What there is to know of a call beside its function. */
typedef struct form {
    const bri_signature *signature;
    const br_extents *sizes;
    bool allow_rechunk;
} form;

static br_array *build(bri_call *call, bri_user_call *u, const form *f, br_array *const *inputs)
{
    cores c = {.signature = f->signature, .inputs = inputs};
    bri_blocks *b = NULL;
    br_status st = learn_extents(&c, f->sizes, f->allow_rechunk);
    if (st == BR_OK)
        st = describe_cores(&c, &b);
    br_array *y = st == BR_OK ? bri_blocks_build(call, u, b, inputs) : bri_handle_error(call, st);
    bri_free(b);
    return y;
}

br_array *br_apply_gufunc_(br_apply_gufunc_args args)
{
    br_array *inputs[BRI_MAX_INPUTS] = {args.in1, args.in2, args.in3, args.in4,
                                        args.in5, args.in6, args.in7, args.in8};
    bri_call call = {args.in1 != NULL ? args.in1->ctx : NULL, "apply_gufunc", args.at};
    bri_user_call u = {.op = &bri_op_gufunc,
                       .fn = (bri_function)args.fn,
                       .data = args.data,
                       .data_bytes = args.data_bytes,
                       .dtype = args.dtype,
                       .impure = args.impure,
                       .scratch_bytes = args.scratch_bytes};
    bri_signature signature;
    int n = BRI_MAX_INPUTS;
    while (n > 1 && inputs[n - 1] == NULL)
        n--;
    br_array *failed = bri_check_call(&call, inputs, n);
    if (failed != NULL)
        return failed;
    br_status st = bri_signature_parse(args.signature, &signature);
    if (st == BR_OK && signature.ninputs != n)
        st = bri_error(BR_EARG, "signature \"%s\" is for %d inputs, but %d are given",
                       args.signature, signature.ninputs, n);
    form f = {&signature, &args.output_sizes, args.allow_rechunk};
    return st == BR_OK ? build(&call, &u, &f, inputs) : bri_handle_error(&call, st);
}

br_array *br_apply_along_axis_(br_apply_along_axis_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "apply_along_axis", args.at};
    bri_user_call u = {.op = &bri_op_along_axis,
                       .fn = (bri_function)args.fn,
                       .data = args.data,
                       .data_bytes = args.data_bytes,
                       .dtype = args.dtype,
                       .impure = args.impure,
                       .scratch_bytes = args.scratch_bytes};
    bri_signature signature;
    br_axes one = {1, {args.axis}};
    br_extents sizes = {args.length > 0, {args.length}};
    int axis = 0;
    br_array *failed = bri_check_call(&call, &args.x, 1);
    if (failed != NULL)
        return failed;
    br_status st = bri_one_axis(&one, args.x->node->ndim, 0, &axis);
    if (st == BR_OK && args.length < 0)
        st = bri_error(BR_EARG, ".length is %lld", (long long)args.length);
    if (st == BR_OK)
        st = bri_signature_parse(args.length > 0 ? "(n)->(length)" : "(n)->()", &signature);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    br_array *last = br_moveaxis_(args.x, one, (br_axes){1, {-1}}, args.at);
    if (last->status != BR_OK)
        return last;
    form f = {&signature, &sizes, true};
    br_array *y = build(&call, &u, &f, &last);
    return args.length > 0 && y->status == BR_OK
               ? br_moveaxis_(y, (br_axes){1, {-1}}, (br_axes){1, {axis}}, args.at)
               : y;
}
