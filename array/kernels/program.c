/* SPDX-License-Identifier: BSD-3-Clause
 * program.c - the table of operations and the building of block programs; equal values are built
 * once.
 */
#include "array/kernels/program.h"

#include <string.h>

#include "array/kernels/vm.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

const bri_op_info bri_ops[BRI_NOPS] = {
#define BRI_OP(NAME, name, arity, kinds, promotes, result, cost)                                   \
    {#name, arity, kinds, promotes, result, cost},
#include "array/kernels/ops.def"
};

bri_program *bri_program_new(void)
{
    return bri_calloc(1, sizeof(bri_program));
}

void bri_program_free(bri_program *p)
{
    if (p == NULL)
        return;
    for (int v = 0; v < p->nvalues; v++)
        if (p->values[v].kind == BRI_VALUE_RANDOM)
            bri_free((void *)(uintptr_t)p->values[v].data);
    bri_free(p->values);
    bri_free(p->code);
    bri_free(p);
}

static bool room_for_one(bri_program *p)
{
    if (p->nvalues < p->capacity)
        return true;
    int capacity = p->capacity > 0 ? 2 * p->capacity : 16;
    bri_value *values = bri_realloc(p->values, (size_t)capacity, sizeof *values);
    if (values == NULL)
        return false;
    p->values = values;
    p->capacity = capacity;
    return true;
}

/* Values are compared as bytes, so they are zeroed before they are filled in. */
static bri_value blank(bri_value_kind kind, br_dtype dtype)
{
    bri_value v;
    memset(&v, 0, sizeof v);
    v.kind = kind;
    v.dtype = dtype;
    v.arg[0] = v.arg[1] = v.arg[2] = -1;
    return v;
}

static int append(bri_program *p, const bri_value *v)
{
    if (p == NULL || p->failed)
        return -1;
    if (!room_for_one(p)) {
        p->failed = true;
        return -1;
    }
    memcpy(&p->values[p->nvalues], v, sizeof *v);
    return p->nvalues++;
}

/* Expressions of very many operations must not make building quadratic. */
enum { LOOK_BACK = 256 };

/* Common subexpressions: an equal value that was made not long ago is taken instead. */
static int intern(bri_program *p, const bri_value *v)
{
    int first = p != NULL && p->nvalues > LOOK_BACK ? p->nvalues - LOOK_BACK : 0;
    for (int i = first; p != NULL && i < p->nvalues; i++)
        if (memcmp(&p->values[i], v, sizeof *v) == 0)
            return i;
    return append(p, v);
}

static bool valid(const bri_program *p, int value)
{
    return p != NULL && value >= 0 && value < p->nvalues;
}

int bri_program_input(bri_program *p, br_dtype dtype)
{
    bri_value v = blank(BRI_VALUE_INPUT, dtype);
    if (p == NULL)
        return -1;
    v.slot = p->ninputs;
    int value = append(p, &v);
    if (value >= 0)
        p->ninputs++;
    return value;
}

int bri_program_constant(bri_program *p, br_dtype dtype, const void *value)
{
    bri_value v = blank(BRI_VALUE_CONSTANT, dtype);
    memcpy(v.constant, value, bri_dtypes[dtype].size);
    return intern(p, &v);
}

int bri_program_iota(bri_program *p, br_dtype dtype, int axis, const void *start, const void *step)
{
    bri_value v = blank(BRI_VALUE_IOTA, dtype);
    v.slot = axis;
    memcpy(v.start, start, 8);
    memcpy(v.step, step, 8);
    return intern(p, &v);
}

int bri_program_cast(bri_program *p, br_dtype to, int a)
{
    if (!valid(p, a))
        return -1;
    if (p->values[a].dtype == to)
        return a;
    bri_value v = blank(BRI_VALUE_CAST, to);
    v.arg[0] = a;
    return intern(p, &v);
}

br_dtype bri_op_result(bri_opcode op, br_dtype operand)
{
    switch (bri_ops[op].result) {
    case 'b':
        return BR_BOOL;
    case 'r':
        return bri_real_dtype(operand);
    case 'c':
        return bri_promote_weak(operand, 'c');
    default:
        return operand;
    }
}

int bri_program_op(bri_program *p, bri_opcode op, int a, int b, int c)
{
    int arg[3] = {a, b, c};
    for (int i = 0; i < bri_ops[op].arity; i++)
        if (!valid(p, arg[i]))
            return -1;
    br_dtype operand = p->values[op == BRI_OP_WHERE ? b : a].dtype;
    bool promoted = strchr(bri_ops[op].promotes, bri_kind(operand)) != NULL;
    if (promoted)
        operand = BR_FLOAT64;
    bri_value v = blank(BRI_VALUE_OP, bri_op_result(op, operand));
    v.op = op;
    for (int i = 0; i < bri_ops[op].arity; i++) {
        v.arg[i] = promoted ? bri_program_cast(p, BR_FLOAT64, arg[i]) : arg[i];
        if (v.arg[i] < 0)
            return -1;
    }
    return intern(p, &v);
}

/* Never merged with an equal call: the function may be impure. */
int bri_program_call(bri_program *p, double (*fn)(double, const void *), const void *data, int a)
{
    if (!valid(p, a))
        return -1;
    bri_value v = blank(BRI_VALUE_CALL, BR_FLOAT64);
    v.fn.of1 = fn;
    v.data = data;
    v.arg[0] = a;
    return append(p, &v);
}

/* Not looked up among earlier values: what is drawn twice is one node of the expression already. */
int bri_program_random(bri_program *p, bri_distribution distribution, br_dtype dtype,
                       const bri_random *random, const bri_numbering *numbering)
{
    bri_value v = blank(BRI_VALUE_RANDOM, dtype);
    bri_drawing drawing = {distribution, *random, *numbering};
    void *own = bri_memdup(&drawing, sizeof drawing);
    if (own == NULL)
        return -1;
    v.data = own;
    int value = append(p, &v);
    if (value < 0)
        bri_free(own);
    return value;
}

int bri_program_call2(bri_program *p, double (*fn)(double, double, const void *), const void *data,
                      int a, int b)
{
    if (!valid(p, a) || !valid(p, b))
        return -1;
    bri_value v = blank(BRI_VALUE_CALL, BR_FLOAT64);
    v.fn.of2 = fn;
    v.data = data;
    v.arg[0] = a;
    v.arg[1] = b;
    return append(p, &v);
}

br_dtype bri_program_dtype(const bri_program *p, int value)
{
    return valid(p, value) ? p->values[value].dtype : BR_NO_DTYPE;
}

bool bri_program_computes(const bri_program *p, int value)
{
    bri_value_kind kind = valid(p, value) ? p->values[value].kind : BRI_VALUE_CONSTANT;
    return kind != BRI_VALUE_INPUT && kind != BRI_VALUE_CONSTANT && kind != BRI_VALUE_IOTA;
}

bool bri_program_calls(const bri_program *p)
{
    int i = 0;
    while (i < p->nvalues && p->values[i].kind != BRI_VALUE_CALL)
        i++;
    return i < p->nvalues;
}

int bri_program_ninputs(const bri_program *p)
{
    return p->ninputs;
}

size_t bri_program_scratch(const bri_program *p)
{
    return p->scratch;
}

static bri_planes states_of(const bri_box *box, const bri_plane_sizes *sizes, int64_t count)
{
    bri_planes states;
    if (box->planes == NULL)
        return bri_planes_of(sizes, count, box->state);
    memcpy(states.p, box->planes, sizeof states.p);
    return states;
}

static void reduce(const bri_program *p, const bri_box *box, int64_t nstates, bool empty)
{
    br_dtype dtype = p->values[p->result].dtype;
    bri_plane_sizes sizes = bri_state_sizes(p->redop, dtype);
    bri_planes states = states_of(box, &sizes, nstates);
    bri_run run;
    if (empty) {
        bri_kernel_table.reduce[p->redop][dtype].empty(nstates, states);
        return;
    }
    bri_run_init(&run, p, box);
    bri_run_reduce(&run, states);
}

void bri_program_run(const bri_program *p, const bri_box *box)
{
    bool empty_axis = false;
    int64_t nstates = 1;
    for (int a = 0; a < box->ndim; a++) {
        bool reduced = p->reduces && a == box->axis;
        empty_axis |= reduced && box->extent[a] == 0;
        nstates *= reduced ? 1 : box->extent[a];
    }
    if (nstates == 0)
        return;
    if (p->reduces) {
        reduce(p, box, nstates, empty_axis);
        return;
    }
    bri_run run;
    bri_run_init(&run, p, box);
    bri_run_store(&run);
}
