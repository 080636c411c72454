/* SPDX-License-Identifier: BSD-3-Clause
 * user.c - functions of the user's: on elements (map), and what all calls of such have in common.
 */
#include <string.h>

#include <bramble/user.h>

#include "array/expr/wire.h"
#include "array/ops/fits.h"
#include "array/ops/user.h"
#include "array/plan/fuse.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

static br_status infer(bri_node *node)
{
    const bri_user_params *p = node->params;
    node->dtype = (br_dtype)p->dtype;
    return bri_broadcast_infer(node);
}

void bri_user_print(const bri_node *node, FILE *to)
{
    const bri_user_params *p = node->params;
    char name[128];
    bri_function_name(p->fn, name, sizeof name);
    fprintf(to, "%s", name);
}

br_status bri_user_check(const bri_node *node)
{
    return bri_function_check(((const bri_user_params *)node->params)->fn);
}

br_status bri_user_pack(const bri_node *node, bri_writer *w)
{
    const bri_user_params *p = node->params;
    if (p->pointer != NULL)
        return bri_error(BR_EARG,
                         "%s (%s:%d): .data without .data_bytes does not travel to other ranks",
                         node->op->name, bri_file_name(node->at.file), node->at.line);
    /* Without the address: what is packed is the same whenever the program runs. */
    bri_user_params head = *p;
    size_t fixed = offsetof(bri_user_params, data);
    head.fn = NULL;
    BRI_TRY(bri_write_function(w, p->fn));
    BRI_TRY(bri_write(w, &head, fixed));
    return bri_write(w, p->data, node->params_bytes - fixed);
}

br_status bri_user_unpack(br_context *ctx, bri_reader *r, void **params, size_t *bytes)
{
    (void)ctx;
    bri_function fn;
    BRI_TRY(bri_read_function(r, &fn));
    if (r->left < sizeof(bri_user_params))
        return bri_error(BR_EINTERNAL, "a user function from rank 0 is cut off");
    *bytes = r->left;
    *params = bri_memdup(r->at, r->left);
    if (*params == NULL)
        return BR_ENOMEM;
    bri_user_params *p = *params;
    p->fn = fn;
    size_t rest = *bytes - sizeof *p;
    bool fits = p->data_bytes <= rest && p->spec_bytes <= rest &&
                bri_user_spec_at(p) + p->spec_bytes == rest;
    if (!fits) {
        bri_free(p);
        *params = NULL;
        return bri_error(BR_EINTERNAL, "the data of a user function from rank 0 are cut off");
    }
    return BR_OK;
}

static int emit_map(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)map;
    const bri_user_params *p = node->params;
    bri_program *program = bri_fuse_program(fuse);
    int v = bri_program_cast(program, BR_FLOAT64, values[0]);
    v = bri_program_call(program, (br_scalar_function)p->fn, bri_user_data(p), v);
    return bri_program_cast(program, node->dtype, v);
}

static int emit_map2(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)map;
    const bri_user_params *p = node->params;
    bri_program *program = bri_fuse_program(fuse);
    int a = bri_program_cast(program, BR_FLOAT64, values[0]);
    int b = bri_program_cast(program, BR_FLOAT64, values[1]);
    int v = bri_program_call2(program, (br_scalar_function2)p->fn, bri_user_data(p), a, b);
    return bri_program_cast(program, node->dtype, v);
}

const bri_op bri_op_map = {
    .name = "map",
    .infer = infer,
    .form = {1, 1, sizeof(bri_user_params), true},
    .fits = bri_fits_user,
    .emit = emit_map,
    .any_extent = true,
    .costly = true,
    .print = bri_user_print,
    .pack = bri_user_pack,
    .unpack = bri_user_unpack,
    .check = bri_user_check,
};

const bri_op bri_op_map2 = {
    .name = "map2",
    .infer = infer,
    .form = {2, 2, sizeof(bri_user_params), true},
    .fits = bri_fits_user,
    .emit = emit_map2,
    .any_extent = true,
    .costly = true,
    .print = bri_user_print,
    .pack = bri_user_pack,
    .unpack = bri_user_unpack,
    .check = bri_user_check,
};

/* Calls with data of unknown extent or side effects are never merged with equal ones. */
br_array *bri_build_user(bri_call *call, const bri_user_call *u, br_array *const *inputs,
                         int ninputs)
{
    bri_user_params head = {.data_bytes = u->data_bytes, .spec_bytes = u->spec_bytes};
    size_t bytes = sizeof head + bri_user_spec_at(&head) + u->spec_bytes;
    bri_user_params *p = bri_calloc(1, bytes);
    if (p == NULL)
        return bri_handle_error(call, BR_ENOMEM);
    bool unique = u->impure || (u->data != NULL && u->data_bytes == 0);
    p->fn = u->fn;
    p->pointer = u->data_bytes == 0 ? u->data : NULL;
    p->scratch_bytes = u->scratch_bytes;
    p->dtype = (int32_t)u->dtype;
    p->cheap = u->cheap;
    p->data_bytes = u->data_bytes;
    p->spec_bytes = u->spec_bytes;
    if (u->layout != NULL)
        p->layout = *u->layout;
    if (u->data_bytes > 0)
        memcpy(p->data, u->data, u->data_bytes);
    if (u->spec_bytes > 0)
        memcpy(p->data + bri_user_spec_at(p), u->spec, u->spec_bytes);
    bri_recipe recipe = {.op = u->op, .params = p, .params_bytes = bytes, .unique = unique};
    br_array *x = bri_build_recipe(call, &recipe, inputs, ninputs);
    bri_free(p);
    return x;
}

br_status bri_check_user_data(const void *data, size_t bytes)
{
    if (data == NULL && bytes > 0)
        return bri_error(BR_EARG, ".data is NULL but .data_bytes is %zu", bytes);
    if (bytes > BRI_MAX_USER_DATA)
        return bri_error(BR_EARG, ".data_bytes is %zu; at most %d travel with a function", bytes,
                         BRI_MAX_USER_DATA);
    return BR_OK;
}

br_status bri_user_error(bri_function fn, int code)
{
    char name[128];
    bri_function_name(fn, name, sizeof name);
    return bri_error(BR_EUSER, "function %s returned %d", name, code);
}

br_status bri_check_user(const bri_user_call *u)
{
    if (u->fn == NULL)
        return bri_error(BR_EARG, "the function is NULL");
    BRI_TRY(bri_check_user_data(u->data, u->data_bytes));
    if (u->dtype != BR_NO_DTYPE && !bri_dtype_ok(u->dtype))
        return bri_error(BR_ETYPE, "%d is no dtype", (int)u->dtype);
    return BR_OK;
}

br_array *br_map_(br_map_args args)
{
    bri_call call = {args.x != NULL ? args.x->ctx : NULL, "map", args.at};
    bri_user_call u = {.op = &bri_op_map,
                       .fn = (bri_function)args.fn,
                       .data = args.data,
                       .data_bytes = args.data_bytes,
                       .dtype = args.dtype,
                       .cheap = args.cheap,
                       .impure = args.impure};
    if (args.x != NULL && args.x->status != BR_OK)
        return bri_handle_same_error(args.x, args.x->ctx);
    br_status st = bri_check_user(&u);
    if (st == BR_OK && args.x != NULL && args.x->status == BR_OK &&
        bri_kind(args.x->node->dtype) == 'c')
        st = bri_error(BR_ETYPE, "elements are passed as double, but x is %s",
                       br_dtype_name(args.x->node->dtype));
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    if (u.dtype == BR_NO_DTYPE)
        u.dtype = BR_FLOAT64;
    return bri_build_user(&call, &u, &args.x, 1);
}

/* The array of an operand: numbers become 0-d constants. */
static br_status map2_input(const bri_call *call, const br_operand *operand, br_array **out)
{
    const bool number = operand->array == NULL;
    *out = operand->array;
    if (number && operand->number.kind == 0)
        return bri_error(BR_EARG, "an operand is a NULL array");
    char kind = number ? operand->number.kind : bri_kind(operand->array->node->dtype);
    if (kind == 'c')
        return bri_error(BR_ETYPE, "elements are passed as double, but an operand is complex");
    if (!number)
        return BR_OK;
    bri_node *node = NULL;
    BRI_TRY(bri_constant_node(call->ctx, operand->number, BR_FLOAT64, call->at, &node));
    *out = bri_handle(call, node);
    return BR_OK;
}

br_array *br_map2_(br_map2_args args)
{
    const br_operand operand[2] = {args.a, args.b};
    br_array *inputs[2] = {args.a.array, args.b.array};
    const br_array *first = inputs[0] != NULL ? inputs[0] : inputs[1];
    bri_call call = {first != NULL ? first->ctx : NULL, "map2", args.at};
    bri_user_call u = {.op = &bri_op_map2,
                       .fn = (bri_function)args.fn,
                       .data = args.data,
                       .data_bytes = args.data_bytes,
                       .dtype = args.dtype,
                       .cheap = args.cheap,
                       .impure = args.impure};
    for (int i = 0; i < 2; i++)
        if (inputs[i] != NULL && inputs[i]->status != BR_OK)
            return bri_handle_same_error(inputs[i], inputs[i]->ctx);
    br_status st =
        first != NULL ? bri_check_user(&u) : bri_error(BR_EARG, "an operand must be an array");
    for (int i = 0; i < 2 && st == BR_OK; i++)
        st = map2_input(&call, &operand[i], &inputs[i]);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    if (u.dtype == BR_NO_DTYPE)
        u.dtype = BR_FLOAT64;
    return bri_build_user(&call, &u, inputs, 2);
}
