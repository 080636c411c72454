/* SPDX-License-Identifier: BSD-3-Clause
 * seal.c - turns the values of a program into code: drops what the result does not need, fuses
 * pairs, gives registers out by linear scan.
 */
#include <string.h>

#include "array/kernels/vm.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

/* What sealing knows of each value. */
typedef struct fact {
    bool loaded;  /* an input or iota whose load has been emitted */
    int last_use; /* index into the code of the last instruction that reads it */
    int reg;      /* of its pool, -1 for none */
} fact;

/* Registers of one kind; which are in use at the instruction under consideration. */
typedef struct pool {
    bool *busy;
    int count;
} pool;

static bool is_source(const bri_value *v)
{
    return v->kind == BRI_VALUE_INPUT || v->kind == BRI_VALUE_IOTA || v->kind == BRI_VALUE_RANDOM;
}

/* By live values. */
static void count_uses(const bri_program *p, int *uses)
{
    uses[p->result] = 1;
    for (int v = p->result; v >= 0; v--)
        for (int k = 0; uses[v] > 0 && k < 3; k++)
            if (p->values[v].arg[k] >= 0)
                uses[p->values[v].arg[k]]++;
}

static bool is_op(const bri_value *v, bri_opcode op)
{
    return v->kind == BRI_VALUE_OP && v->op == op;
}

static bri_instruction *emit(bri_program *p, bri_code code, int value)
{
    bri_instruction *ins = &p->code[p->ncode++];
    memset(ins, 0, sizeof *ins);
    ins->code = code;
    ins->value = value;
    ins->reg = -1;
    ins->source = -1;
    return ins;
}

static void emit_load(bri_program *p, fact *facts, int value)
{
    if (facts[value].loaded)
        return;
    facts[value].loaded = true;
    bri_value_kind kind = p->values[value].kind;
    bri_code code = kind == BRI_VALUE_INPUT  ? BRI_CODE_LOAD
                    : kind == BRI_VALUE_IOTA ? BRI_CODE_INDEX
                                             : BRI_CODE_RANDOM;
    emit(p, code, value)->source = p->nsources++;
}

static br_status emit_kernel(bri_program *p, int value, bri_instruction *ins)
{
    const bri_value *v = &p->values[value];
    br_dtype operand = p->values[ins->arg[ins->nargs - 1]].dtype;
    if (v->kind == BRI_VALUE_CAST)
        ins->form[0] = bri_kernel_table.cast[operand][v->dtype];
    else if (v->kind == BRI_VALUE_PAIR)
        memcpy(ins->form, bri_kernel_table.pair[v->slot][operand], sizeof ins->form);
    else
        memcpy(ins->form, bri_kernel_table.op[v->op][operand], BRI_NFORMS * sizeof ins->form[0]);
    if (ins->form[0] == NULL)
        return bri_error(BR_ETYPE, "%s is not defined for %s",
                         v->kind == BRI_VALUE_CAST ? "conversion" : bri_ops[v->op].name,
                         br_dtype_name(operand));
    return BR_OK;
}

static bri_code code_of(const bri_value *v)
{
    switch (v->kind) {
    case BRI_VALUE_CALL:
        return BRI_CODE_CALL;
    case BRI_VALUE_PAIR:
        return BRI_CODE_PAIR;
    default:
        return is_op(v, BRI_OP_WHERE) ? BRI_CODE_WHERE : BRI_CODE_KERNEL;
    }
}

static br_status emit_value(bri_program *p, fact *facts, int value)
{
    const bri_value *v = &p->values[value];
    for (int k = 0; k < 3 && v->arg[k] >= 0; k++)
        if (is_source(&p->values[v->arg[k]]))
            emit_load(p, facts, v->arg[k]);
    bri_code code = code_of(v);
    bri_instruction *ins = emit(p, code, value);
    for (int k = 0; k < 3 && v->arg[k] >= 0; k++)
        ins->arg[ins->nargs++] = v->arg[k];
    return code == BRI_CODE_CALL ? BR_OK : emit_kernel(p, value, ins);
}

static br_status emit_all(bri_program *p, fact *facts, const int *uses)
{
    for (int v = 0; v <= p->result; v++)
        if (uses[v] > 0 && !is_source(&p->values[v]) && p->values[v].kind != BRI_VALUE_CONSTANT)
            BRI_TRY(emit_value(p, facts, v));
    if (is_source(&p->values[p->result]))
        emit_load(p, facts, p->result);
    return BR_OK;
}

/* What makes a value: an operation, or BRI_NOPS and up a pair; ANY for the rest. */
enum { ANY = -1 };

static int maker(const bri_value *v)
{
    if (v->kind == BRI_VALUE_PAIR)
        return BRI_NOPS + v->slot;
    return v->kind == BRI_VALUE_OP ? (int)v->op : ANY;
}

/* Whether the program ends in the instructions of a row of tails.def. Nothing else can read what
 * the one before the last makes: all that is emitted serves the result, and numbers of operands
 * are smaller. */
static bool ends_in(const bri_program *p, int last, int before)
{
    const bri_value *v = &p->values[p->result];
    if (maker(v) != last)
        return false;
    const bri_value *operand = &p->values[v->arg[0]];
    return operand->dtype == v->dtype && (before == ANY || maker(operand) == before);
}

static void fuse_tail(bri_program *p)
{
#define OP(NAME)   BRI_OP_##NAME
#define PAIR(NAME) (BRI_NOPS + BRI_PAIR_##NAME)
    static const struct {
        int last, before;
    } rows[] = {
#define BRI_TAIL(NAME, name, last, before, formula) {last, before},
#include "array/kernels/tails.def"
#undef BRI_TAIL
    };
    bool sum = p->reduces && (p->redop == BRI_RED_SUM || p->redop == BRI_RED_MEAN);
    br_dtype dtype = p->values[p->result].dtype;
    for (int i = 0; sum && i < BRI_NTAILS && p->ntail == 0; i++)
        if (bri_kernel_table.tail[i][dtype][0] != NULL &&
            ends_in(p, rows[i].last, rows[i].before)) {
            p->tail = bri_kernel_table.tail[i][dtype];
            p->ntail = rows[i].before == ANY ? 1 : 2;
        }
}

static void find_last_uses(const bri_program *p, fact *facts)
{
    for (int i = 0; i < p->ncode; i++)
        for (int k = 0; k < p->code[i].nargs; k++)
            facts[p->code[i].arg[k]].last_use = i;
    facts[p->result].last_use = p->ncode;
}

static int take(pool *pool)
{
    int r = 0;
    while (r < pool->count && pool->busy[r])
        r++;
    if (r == pool->count)
        pool->count++;
    pool->busy[r] = true;
    return r;
}

/* Frees the registers of operands that instruction i reads last; with `size` only those the result
 * may overwrite: elements of its own size, where every element is read before it is written. */
static void release(const bri_program *p, fact *facts, int i, pool *pools, size_t size)
{
    for (int k = 0; k < p->code[i].nargs; k++) {
        int a = p->code[i].arg[k];
        const bri_value *v = &p->values[a];
        if (facts[a].reg < 0 || facts[a].last_use != i ||
            (size > 0 && (is_source(v) || bri_dtypes[v->dtype].size != size)))
            continue;
        pools[is_source(v)].busy[facts[a].reg] = false;
        facts[a].reg = -1;
    }
}

/* Gathered inputs have a pool of their own: its registers stay cold while inputs are read in place.
 */
static void allocate(bri_program *p, fact *facts, bool *busy)
{
    pool pools[2] = {{busy, 0}, {busy + p->ncode, 0}};
    for (int i = 0; i < p->ncode; i++) {
        bri_instruction *ins = &p->code[i];
        const bri_value *v = &p->values[ins->value];
        release(p, facts, i, pools, bri_dtypes[v->dtype].size);
        ins->reg = facts[ins->value].reg = take(&pools[is_source(v)]);
        release(p, facts, i, pools, 0);
    }
    for (int i = 0; i < p->ncode; i++)
        if (is_source(&p->values[p->code[i].value]))
            p->code[i].reg += pools[0].count;
    p->nregs = pools[0].count + pools[1].count;
}

/* Blocks are BRI_BLOCK elements, fewer only when so many registers would not fit their share of the
 * scratch. */
static void size_blocks(bri_program *p)
{
    size_t widest = 1;
    for (int i = 0; i < p->ncode; i++) {
        size_t size = bri_dtypes[p->values[p->code[i].value].dtype].size;
        widest = size > widest ? size : widest;
    }
    p->block = BRI_BLOCK;
    while (p->block > 16 && (size_t)p->nregs * widest * (size_t)p->block > BRI_SCRATCH_REGISTERS)
        p->block /= 2;
    p->reg_bytes = widest * (size_t)p->block;
    bri_run layout;
    p->scratch = bri_run_layout(&layout, p, NULL);
}

static br_status seal(bri_program *p, int value)
{
    if (p->failed || value < 0 || value >= p->nvalues)
        return bri_error(BR_ENOMEM, "no memory for a block program");
    br_status status = BR_ENOMEM;
    fact *facts = bri_calloc((size_t)p->nvalues, sizeof *facts);
    int *uses = bri_calloc((size_t)p->nvalues, sizeof *uses);
    bool *busy = bri_calloc(2 * (size_t)p->nvalues, sizeof *busy);
    p->code = bri_calloc((size_t)p->nvalues, sizeof *p->code);
    if (facts == NULL || uses == NULL || busy == NULL || p->code == NULL)
        goto done;
    p->result = value;
    for (int v = 0; v < p->nvalues; v++)
        facts[v].reg = -1;
    count_uses(p, uses);
    bri_pairs_fuse(p, uses);
    status = emit_all(p, facts, uses);
    if (status != BR_OK)
        goto done;
    fuse_tail(p);
    find_last_uses(p, facts);
    allocate(p, facts, busy);
    size_blocks(p);
done:
    bri_free(busy);
    bri_free(uses);
    bri_free(facts);
    return status;
}

br_status bri_program_seal_store(bri_program *p, int value)
{
    return seal(p, value);
}

br_status bri_program_seal_reduce(bri_program *p, int value, bri_redop op)
{
    p->reduces = true;
    p->redop = op;
    if (value >= 0)
        value = bri_program_cast(p, bri_reduced_dtype(op, bri_program_dtype(p, value)), value);
    BRI_TRY(seal(p, value));
    br_dtype dtype = p->values[value].dtype;
    if (bri_kernel_table.reduce[op][dtype].lanes == NULL)
        return bri_error(BR_ETYPE, "this reduction is not defined for %s", br_dtype_name(dtype));
    return BR_OK;
}
