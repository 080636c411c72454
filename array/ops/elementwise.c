/* SPDX-License-Identifier: BSD-3-Clause
 * elementwise.c - operations of ops.def on arrays: promotion, broadcasting, and their one node
 * kind.
 */
#include <string.h>

#include <bramble/elementwise.h>
#include <bramble/functions.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"

/* Do two axes broadcast, as far as is known? */
static bool broadcast(const bri_axis *a, const bri_axis *b)
{
    return bri_axis_may_fit(a, b) || a->extent == 1 || b->extent == 1;
}

static br_status shapes_differ(const bri_node *node, int back)
{
    char text[256];
    size_t at = 0;
    for (int i = 0; i < node->ninputs && at < sizeof text; i++) {
        char shape[128];
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 0 ? " and " : "",
                               bri_node_shape_text(node->input[i], shape, sizeof shape));
    }
    return bri_error(BR_ESHAPE,
                     "shapes %s do not broadcast: extents differ on axis %d from the last", text,
                     back);
}

/* Broadcasts out with one more axis. What an unknown one and another make is unknown, too. */
static br_status merge_axis(const bri_node *node, const bri_axis *axis, bri_axis *out)
{
    bri_axis both;
    if (axis->extent == 1)
        return BR_OK;
    if (out->extent == 1)
        both = bri_axis_share(axis);
    else if (bri_axis_alike(out, axis))
        BRI_TRY(bri_axis_unify(out, axis, &both));
    else
        both = bri_axis_unknown(node);
    bri_axis_release(out);
    *out = both;
    return BR_OK;
}

/* Unifies one axis, counted from the last, over all inputs. */
static br_status broadcast_axis(bri_node *node, int back)
{
    bri_axis *out = &node->axis[node->ndim - back];
    *out = bri_axis_regular(1, 1);
    for (int i = 0; i < node->ninputs; i++) {
        const bri_node *input = node->input[i];
        if (input->ndim < back)
            continue;
        const bri_axis *axis = &input->axis[input->ndim - back];
        if (!broadcast(out, axis))
            return shapes_differ(node, back);
        BRI_TRY(merge_axis(node, axis, out));
    }
    return BR_OK;
}

br_status bri_broadcast_infer(bri_node *node)
{
    for (int i = 0; i < node->ninputs; i++)
        if (node->input[i]->ndim > node->ndim)
            node->ndim = node->input[i]->ndim;
    for (int back = node->ndim; back >= 1; back--)
        BRI_TRY(broadcast_axis(node, back));
    return BR_OK;
}

static br_status infer(bri_node *node)
{
    const bri_elementwise_params *p = node->params;
    node->dtype = bri_op_result((bri_opcode)p->opcode, (br_dtype)p->dtype);
    return bri_broadcast_infer(node);
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)map;
    const bri_elementwise_params *p = node->params;
    bri_program *program = bri_fuse_program(fuse);
    int v[3] = {-1, -1, -1};
    for (int i = 0; i < node->ninputs; i++) {
        bool mask = p->opcode == BRI_OP_WHERE && i == 0;
        br_dtype want = mask ? BR_BOOL : (br_dtype)p->dtype;
        v[i] = bri_program_dtype(program, values[i]) == want
                   ? values[i]
                   : bri_program_cast(program, want, values[i]);
        if (v[i] < 0)
            return -1;
    }
    return bri_program_op(program, (bri_opcode)p->opcode, v[0], v[1], v[2]);
}

static void print(const bri_node *node, FILE *to)
{
    const bri_elementwise_params *p = node->params;
    fprintf(to, "%s", bri_ops[p->opcode].name);
}

const bri_op bri_op_elementwise = {.name = "elementwise",
                                   .infer = infer,
                                   .form = {1, 3, sizeof(bri_elementwise_params), false},
                                   .fits = bri_fits_elementwise,
                                   .emit = emit,
                                   .any_extent = true,
                                   .print = print};

br_dtype bri_common_dtype(const br_operand *operands, int n)
{
    br_dtype dtype = BR_NO_DTYPE;
    for (int floating = 1; floating >= 0; floating--)
        for (int i = 0; i < n; i++)
            if (operands[i].array != NULL)
                dtype = bri_promote_next(dtype, operands[i].array->node->dtype, floating);
    if (dtype == BR_NO_DTYPE)
        dtype = BR_BOOL;
    for (int i = 0; i < n; i++)
        if (operands[i].array == NULL)
            dtype = bri_promote_weak(
                dtype, operands[i].number.kind == 'u' ? 'i' : operands[i].number.kind);
    return dtype;
}

static br_status check_kind(const bri_op_info *op, br_dtype *dtype)
{
    char kind = bri_kind(*dtype);
    if (strchr(op->kinds, kind) == NULL)
        return bri_error(BR_ETYPE, "not defined for %s", br_dtype_name(*dtype));
    if (strchr(op->promotes, kind) != NULL)
        *dtype = BR_FLOAT64;
    return BR_OK;
}

/* The first failed array among the operands, the first good one, or NULL. */
static br_array *leading_array(const br_operand *operands, int n)
{
    br_array *good = NULL;
    for (int i = 0; i < n; i++) {
        br_array *x = operands[i].array;
        if (x != NULL && x->status != BR_OK)
            return x;
        if (good == NULL)
            good = x;
    }
    return good;
}

br_array *bri_operand_array(const bri_call *call, const br_operand *operand, br_dtype dtype)
{
    if (operand->array != NULL)
        return operand->array;
    bri_node *node = NULL;
    br_status st = bri_check_number(operand->number, dtype);
    if (st == BR_OK)
        st = bri_constant_node(call->ctx, operand->number, dtype, call->at, &node);
    return st == BR_OK ? bri_handle(call, node) : bri_handle_error(call, st);
}

/* BR_EARG for an operand that is neither an array nor a number: a NULL array. */
static br_status check_given(const br_operand *operands, int n)
{
    for (int i = 0; i < n; i++)
        if (operands[i].array == NULL && operands[i].number.kind == 0)
            return bri_error(BR_EARG, "operand %d is a NULL array", i + 1);
    return BR_OK;
}

br_array *bri_check_operands(bri_call *call, const br_operand *operands, int n)
{
    br_array *first = leading_array(operands, n);
    if (first == NULL)
        return bri_handle_error(call, bri_error(BR_EARG, "one operand must be an array"));
    br_array *failed = bri_check_call(call, &first, 1);
    if (failed != NULL)
        return failed;
    br_status st = check_given(operands, n);
    return st == BR_OK ? NULL : bri_handle_error(call, st);
}

/* A square is many times as fast as a power, and rounded once. */
static bri_opcode simpler(bri_opcode opcode, const br_operand *operands)
{
    bool squares = opcode == BRI_OP_POW && operands[1].array == NULL &&
                   operands[1].number.re == 2 && operands[1].number.im == 0;
    return squares ? BRI_OP_SQUARE : opcode;
}

br_array *bri_elementwise_as(const char *what, bri_opcode opcode, const br_operand *operands,
                             br_place at)
{
    const bri_op_info *op = &bri_ops[opcode];
    bri_call call = {NULL, what, at};
    br_array *failed = bri_check_operands(&call, operands, op->arity);
    if (failed != NULL)
        return failed;
    int typed = opcode == BRI_OP_WHERE; /* the condition has no part in the dtype */
    br_dtype dtype = bri_common_dtype(operands + typed, op->arity - typed);
    br_status st = check_kind(op, &dtype);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    opcode = simpler(opcode, operands);
    op = &bri_ops[opcode];
    br_array *inputs[3];
    for (int i = 0; i < op->arity; i++) {
        br_operand operand = operands[i];
        opcode = bri_fit_number(opcode, &operand, i, dtype);
        inputs[i] = bri_operand_array(&call, &operand, typed && i == 0 ? BR_BOOL : dtype);
    }
    bri_elementwise_params params = {(int32_t)opcode, (int32_t)dtype};
    return bri_build(&call, &bri_op_elementwise, &params, sizeof params, inputs, op->arity);
}

br_array *bri_elementwise(bri_opcode opcode, const br_operand *operands, br_place at)
{
    return bri_elementwise_as(bri_ops[opcode].name, opcode, operands, at);
}

/* The public functions of ops.def. */
#define PARAMETERS1 br_operand x
#define PARAMETERS2 br_operand x, br_operand y
#define PARAMETERS3 br_operand x, br_operand y, br_operand z
#define OPERANDS1   x
#define OPERANDS2   x, y
#define OPERANDS3   x, y, z
#define BRI_PART(...)
#define BRI_OP(NAME, name, arity, ...)                                                             \
    br_array *br_##name##_(PARAMETERS##arity, br_place at)                                         \
    {                                                                                              \
        return bri_elementwise(BRI_OP_##NAME, (br_operand[]){OPERANDS##arity}, at);                \
    }
#include "array/kernels/ops.def"

/* ---- conversion ---- */

static br_status infer_astype(bri_node *node)
{
    node->dtype = (br_dtype)(*(const int32_t *)node->params);
    return bri_broadcast_infer(node);
}

static int emit_astype(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)map;
    bri_program *program = bri_fuse_program(fuse);
    return bri_program_dtype(program, values[0]) == node->dtype
               ? values[0]
               : bri_program_cast(program, node->dtype, values[0]);
}

static void print_astype(const bri_node *node, FILE *to)
{
    fprintf(to, "%s", br_dtype_name(node->dtype));
}

const bri_op bri_op_astype = {.name = "astype",
                              .infer = infer_astype,
                              .form = {1, 1, sizeof(int32_t), false},
                              .fits = bri_fits_astype,
                              .emit = emit_astype,
                              .any_extent = true,
                              .print = print_astype};

br_array *br_astype_(br_array *x, br_dtype dtype, br_place at)
{
    bri_call call = {NULL, "astype", at};
    int32_t to = (int32_t)dtype;
    if (x != NULL && x->status == BR_OK) {
        call.ctx = x->ctx;
        if (!bri_dtype_ok(dtype))
            return bri_handle_error(&call, bri_error(BR_ETYPE, "%d is no dtype", (int)dtype));
        if (bri_kind(x->node->dtype) == 'c' && bri_kind(dtype) != 'c' && bri_kind(dtype) != 'b')
            return bri_handle_error(&call,
                                    bri_error(BR_ETYPE, "%s to %s would lose the imaginary part",
                                              br_dtype_name(x->node->dtype), br_dtype_name(dtype)));
    }
    return bri_build(&call, &bri_op_astype, &to, sizeof to, &x, 1);
}
