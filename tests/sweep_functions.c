/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_functions.c - every operation of ops.def on every dtype it has, through the public
 * interface, with arrays and numbers on either side, against op_reference.h.
 */
#include "tests/op_reference.h"
#include "tests/sweep.h"

typedef struct function {
    bri_opcode op;
    br_array *(*build1)(br_operand, br_place);
    br_array *(*build2)(br_operand, br_operand, br_place);
    br_array *(*build3)(br_operand, br_operand, br_operand, br_place);
} function;

#define BUILD1(f) f, NULL, NULL
#define BUILD2(f) NULL, f, NULL
#define BUILD3(f) NULL, NULL, f
static const function functions[] = {
#define BRI_PART(...)
#define BRI_OP(NAME, name, arity, ...) {BRI_OP_##NAME, BUILD##arity(br_##name##_)},
#include "array/kernels/ops.def"
};

static const int64_t shapes[][2] = {{3, 7}, {1, 33}, {8, 8}, {5, 1}};
enum { NSHAPES = sizeof shapes / sizeof shapes[0] };

/* Which operands are numbers, as bits. */
typedef struct variant {
    br_dtype dtype;
    int shape, cut, numbers;
} variant;

static value whole(br_dtype dtype, __int128 i)
{
    /* As long as the longest element, which the compiler believes to be read. */
    const uint64_t bits[2] = {dtype == BR_BOOL ? i != 0 : (uint64_t)i};
    return get(dtype, bits, 0);
}

/* The element as bri_program_op() sees it after promotion. */
static number element(br_dtype dtype, br_dtype operand, value v)
{
    number n = {bri_kind(operand), 0, v};
    if (is_exact(operand))
        n.i = (__int128)creall(v);
    else
        n.z = dtype == operand ? v : (value)creall(v);
    return n;
}

static ref *random_operand(const variant *c, bri_opcode op, int k)
{
    br_dtype dtype = op == BRI_OP_WHERE && k == 0 ? BR_BOOL : c->dtype;
    bool alone = c->numbers >> k & 1;
    return ref_random(dtype, alone ? 0 : 2, shapes[c->shape], false, false);
}

/* An operand as an array, or as the number that its only element is. */
static br_operand operand(const ref *r, bool alone, int cut)
{
    if (!alone)
        return br_operand_array(source(r, cut % NCUTS));
    value v = r->v[0];
    if (r->dtype == BR_BOOL)
        return br_operand_bool(v != 0);
    if (is_exact(r->dtype))
        return br_operand_int((long long)creall(v));
    return br_operand_number(is_complex(r->dtype)
                                 ? br_number_complex((double)creall(v), (double)cimagl(v))
                                 : br_number_float((double)creall(v)));
}

static ref *wanted(bri_opcode op, br_dtype dtype, const variant *c, ref *const *x, double *ulps)
{
    const bri_op_info *info = &bri_ops[op];
    bool promoted = strchr(info->promotes, bri_kind(dtype)) != NULL;
    br_dtype used = promoted ? BR_FLOAT64 : dtype;
    ref *want = ref_new(bri_op_result(op, used), 2, shapes[c->shape]);
    int64_t coord[REF_NDIM];
    for (int64_t i = 0; i < want->n; i++) {
        number v[3] = {{0}};
        ref_coords(want, i, coord);
        for (int k = 0; k < info->arity; k++)
            v[k] = element(x[k]->dtype, used, ref_at(x[k], 2, coord));
        number made = op_reference(op, used, v);
        want->v[i] = made.kind == 'c' ? made.z : whole(want->dtype, made.i);
        double bound = (double)op_bound(op, used, made);
        *ulps = isfinite(bound) && bound > *ulps ? bound : *ulps;
    }
    return want;
}

static void try_function(const function *f, const variant *c)
{
    const int arity = bri_ops[f->op].arity;
    ref *x[3];
    br_operand o[3];
    double ulps = 0;
    next_case(1);
    for (int k = 0; k < arity; k++) {
        x[k] = random_operand(c, f->op, k);
        o[k] = operand(x[k], c->numbers >> k & 1, c->cut + k);
    }
    br_array *made = arity == 1   ? f->build1(o[0], BR_HERE)
                     : arity == 2 ? f->build2(o[0], o[1], BR_HERE)
                                  : f->build3(o[0], o[1], o[2], BR_HERE);
    const ref *want = wanted(f->op, c->dtype, c, x, &ulps);
    expect(made, want, ulps, is_narrow(want->dtype) ? FLT_MIN : DBL_MIN,
           "%s %s shape %d cut %d numbers %d", bri_ops[f->op].name, br_dtype_name(c->dtype),
           c->shape, c->cut, c->numbers);
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    int turn = 0;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++) {
            const bri_op_info *info = &bri_ops[functions[i].op];
            if (strchr(info->kinds, bri_kind(d)) == NULL)
                continue;
            for (int numbers = 0; numbers < (1 << info->arity) - 1; numbers++, turn++)
                if (info->arity < 3 ||
                    (!(numbers & 1) && numbers != 6)) /* something says the dtype */
                    try_function(&functions[i],
                                 &(variant){d, turn % NSHAPES, turn % NCUTS, numbers});
        }
    return sweep_close();
}
