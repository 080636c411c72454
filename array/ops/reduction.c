/* SPDX-License-Identifier: BSD-3-Clause
 * reduction.c - reductions by functions of the user's: their node kind; how they run is in plan/.
 */
#include <bramble/reduction.h>

#include <string.h>

#include "array/expr/wire.h"
#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

/* The parameters begin as those of the built-in reductions, whose shape rules hold here. */
static br_status infer(bri_node *node)
{
    const bri_reduction_params *p = node->params;
    BRI_TRY(bri_op_reduce.infer(node));
    if (p->width == 0)
        return BR_OK;
    if (node->ndim == BR_MAX_NDIM)
        return bri_error(BR_EAXIS, "no axis is left of %d for .width", BR_MAX_NDIM);
    int64_t bytes;
    int64_t each = p->width * (int64_t)br_dtype_size(node->dtype);
    if (__builtin_mul_overflow(bri_node_nelem(node), each, &bytes))
        return bri_error(BR_ESHAPE, "too many elements with .width %lld", (long long)p->width);
    node->axis[node->ndim++] = bri_axis_regular(p->width, p->width);
    return BR_OK;
}

static void print(const bri_node *node, FILE *to)
{
    const bri_reduction_params *p = node->params;
    char name[128];
    bri_function_name((bri_function)p->accumulate, name, sizeof name);
    fprintf(to, "%s, axes", p->name[0] != '\0' ? p->name : name);
    for (int a = 0; a < node->input[0]->ndim; a++)
        if (p->reduce.axes >> a & 1)
            fprintf(to, " %d", a);
    if (p->reduce.keepdims)
        fprintf(to, ", keepdims");
    if (p->width > 0)
        fprintf(to, ", width %lld", (long long)p->width);
}

/* ---- to other ranks ---- */

static br_status pack(const bri_node *node, bri_writer *w)
{
    const bri_reduction_params *p = node->params;
    if (p->pointer != NULL)
        return bri_error(BR_EARG,
                         "%s (%s:%d): .data without .data_bytes does not travel to other ranks",
                         node->op->name, bri_file_name(node->at.file), node->at.line);
    /* Without addresses: what is packed is the same whenever the program runs. */
    bri_reduction_params head = *p;
    size_t fixed = offsetof(bri_reduction_params, data);
    head.accumulate = NULL;
    head.merge = NULL;
    head.finish = NULL;
    head.init = p->init != NULL ? (br_init_function)(uintptr_t)1 : NULL; /* there is one */
    BRI_TRY(bri_write(w, &head, fixed));
    BRI_TRY(bri_write(w, p->data, node->params_bytes - fixed));
    BRI_TRY(bri_write_function(w, (bri_function)p->accumulate));
    BRI_TRY(bri_write_function(w, (bri_function)p->merge));
    BRI_TRY(bri_write_function(w, (bri_function)p->finish));
    return p->init != NULL ? bri_write_function(w, (bri_function)p->init) : BR_OK;
}

static br_status read_functions(bri_reader *r, bri_reduction_params *p)
{
    bri_function fn[4] = {NULL};
    int n = p->init != NULL ? 4 : 3;
    for (int i = 0; i < n; i++)
        BRI_TRY(bri_read_function(r, &fn[i]));
    p->accumulate = (br_accumulate_function)fn[0];
    p->merge = (br_merge_function)fn[1];
    p->finish = (br_finish_function)fn[2];
    p->init = (br_init_function)fn[3];
    return BR_OK;
}

static br_status unpack(br_context *ctx, bri_reader *r, void **params, size_t *bytes)
{
    (void)ctx;
    bri_reduction_params head;
    bri_reader whole = *r;
    const void *from = NULL;
    BRI_TRY(bri_read(r, &head, sizeof head));
    if (head.data_bytes > r->left)
        return bri_error(BR_EINTERNAL, "a reduction from rank 0 is cut off");
    *bytes = sizeof head + head.data_bytes;
    *r = whole;
    BRI_TRY(bri_read_view(r, *bytes, &from));
    bri_reduction_params *p = bri_memdup(from, *bytes);
    if (p == NULL)
        return BR_ENOMEM;
    br_status st = read_functions(r, p);
    if (st != BR_OK)
        bri_free(p);
    else
        *params = p;
    return st;
}

static br_status check_loaded(const bri_node *node)
{
    const bri_reduction_params *p = node->params;
    BRI_TRY(bri_function_check((bri_function)p->accumulate));
    BRI_TRY(bri_function_check((bri_function)p->merge));
    return bri_function_check((bri_function)p->finish);
}

const bri_op bri_op_reduction = {
    .name = "reduction",
    .infer = infer,
    .form = {1, 1, sizeof(bri_reduction_params), true},
    .fits = bri_fits_reduction,
    .stage = &bri_stage_reduction,
    .any_extent = true,
    .costly = true,
    .print = print,
    .pack = pack,
    .unpack = unpack,
    .check = check_loaded,
};

/* ---- calls ---- */

static br_status check_functions(const br_reduction_args *a)
{
    const char *missing = a->accumulate == NULL ? ".accumulate"
                          : a->merge == NULL    ? ".merge"
                          : a->finish == NULL   ? ".finish"
                                                : NULL;
    if (missing != NULL)
        return bri_error(BR_EARG, "%s is NULL", missing);
    return BR_OK;
}

static br_status check(const br_reduction_args *a)
{
    BRI_TRY(check_functions(a));
    if (a->state_bytes == 0 || a->state_bytes > BR_MAX_STATE_BYTES)
        return bri_error(BR_EARG, ".state_bytes is %zu; 1 to %d are possible", a->state_bytes,
                         BR_MAX_STATE_BYTES);
    if (a->width < 0 || a->width > BR_MAX_RESULT_WIDTH)
        return bri_error(BR_EARG, ".width is %lld; 0 to %d are possible", (long long)a->width,
                         BR_MAX_RESULT_WIDTH);
    if (a->dtype != BR_NO_DTYPE && !bri_dtype_ok(a->dtype))
        return bri_error(BR_ETYPE, "%d is no dtype", (int)a->dtype);
    if (a->name != NULL && strlen(a->name) >= sizeof((bri_reduction_params *)0)->name)
        return bri_error(BR_EARG, ".name has %zu bytes, more than 31", strlen(a->name));
    return bri_check_user_data(a->data, a->data_bytes);
}

static void fill_params(const br_reduction_args *a, bri_reduction_params *p)
{
    p->reduce.redop = BRI_RED_SUM; /* any one: it is not looked at */
    p->reduce.dtype = (int32_t)(a->dtype != BR_NO_DTYPE ? a->dtype : a->x->node->dtype);
    p->reduce.keepdims = a->keepdims;
    p->init = a->init;
    p->accumulate = a->accumulate;
    p->merge = a->merge;
    p->finish = a->finish;
    p->pointer = a->data_bytes == 0 ? a->data : NULL;
    p->state_bytes = a->state_bytes;
    p->width = a->width;
    p->data_bytes = a->data_bytes;
    if (a->data_bytes > 0)
        memcpy(p->data, a->data, a->data_bytes);
    if (a->name != NULL)
        strcpy(p->name, a->name);
}

br_array *br_reduction_(br_reduction_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "reduction", args.at};
    if (args.x == NULL || args.x->status != BR_OK)
        return bri_build(&call, &bri_op_reduction, NULL, 0, &args.x, 1);
    br_status st = check(&args);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    size_t bytes = sizeof(bri_reduction_params) + args.data_bytes;
    bri_reduction_params *p = bri_calloc(1, bytes);
    if (p == NULL)
        return bri_handle_error(&call, BR_ENOMEM);
    fill_params(&args, p);
    st = bri_axes_mask(&args.axis, args.x->node->ndim, &p->reduce.axes);
    bri_recipe recipe = {
        .op = &bri_op_reduction, .params = p, .params_bytes = bytes, .unique = p->pointer != NULL};
    br_array *y =
        st == BR_OK ? bri_build_recipe(&call, &recipe, &args.x, 1) : bri_handle_error(&call, st);
    bri_free(p);
    return y;
}
