/* SPDX-License-Identifier: BSD-3-Clause
 * pairs.c - finds the values of a program that superinstructions can make: those of pairs.def and,
 * in chains of x * y + constant, two steps at a time.
 */
#include <string.h>

#include "array/kernels/vm.h"

/* Which operands of the outer operation the inner one may make, as bits. */
typedef enum side { FIRST = 1, SECOND = 2, EITHER = 3, BOTH = 4 } side;

typedef struct row {
    bri_opcode outer, inner;
    side side;
} row;

static const row rows[BRI_NPAIRS] = {
#define BRI_PAIR(NAME, name, outer, side, inner, formula) {BRI_OP_##outer, BRI_OP_##inner, side},
#define BRI_TRIPLE(NAME, name, pair, formula)
#include "array/kernels/pairs.def"
#undef BRI_PAIR
#undef BRI_TRIPLE
};

static bool is_op(const bri_value *v, bri_opcode op)
{
    return v->kind == BRI_VALUE_OP && v->op == op;
}

/* A product with itself is a square, which reads one operand. */
static void make_square(bri_value *v, int *uses)
{
    if (!is_op(v, BRI_OP_MULTIPLY) || v->arg[0] != v->arg[1])
        return;
    uses[v->arg[1]]--;
    v->op = BRI_OP_SQUARE;
    v->arg[1] = -1;
}

/* Whether operand k of v is made by op and read by nobody else. */
static bool private(const bri_program *p, const int *uses, const bri_value *v, int k, bri_opcode op)
{
    return v->arg[k] >= 0 && uses[v->arg[k]] == 1 && is_op(&p->values[v->arg[k]], op);
}

/* v becomes the pair of that row, its operand k the inner operation. Operands that a formula does
 * not have repeat one that it has. */
static void join(bri_program *p, int *uses, bri_value *v, int pair, int k)
{
    const bri_value *inner = &p->values[v->arg[k]];
    int x = inner->arg[0];
    int y = inner->arg[1] >= 0 ? inner->arg[1] : x;
    int z = v->arg[1] >= 0 ? v->arg[1 - k] : x;
    uses[v->arg[k]] = 0;
    if (rows[pair].side == BOTH) {
        y = p->values[v->arg[1]].arg[0];
        uses[v->arg[1]] = 0;
        z = x;
    }
    v->kind = BRI_VALUE_PAIR;
    v->slot = pair;
    v->arg[0] = x;
    v->arg[1] = y;
    v->arg[2] = z;
}

/* The operand of v that the row's inner operation makes, -1 for none. */
static int fitting(const bri_program *p, const int *uses, const bri_value *v, const row *r)
{
    if (!is_op(v, r->outer))
        return -1;
    bool first = private(p, uses, v, 0, r->inner), second = private(p, uses, v, 1, r->inner);
    if (r->side == BOTH)
        return first && second ? 0 : -1;
    if (first && (r->side & FIRST))
        return 0;
    return second && (r->side & SECOND) ? 1 : -1;
}

static void fuse(bri_program *p, int *uses, bri_value *v)
{
    for (int pair = 0; pair < BRI_NPAIRS; pair++) {
        int k = fitting(p, uses, v, &rows[pair]);
        if (k < 0)
            continue;
        join(p, uses, v, pair, k);
        return;
    }
}

/* The pair v becomes a triple if a square makes one of what it adds. */
static void fuse_square(bri_program *p, int *uses, bri_value *v, int pair, int triple)
{
    for (int k = 0; k < 2 && v->slot == pair; k++) {
        if (!private(p, uses, v, k, BRI_OP_SQUARE))
            continue;
        const bri_value *square = &p->values[v->arg[k]];
        uses[v->arg[k]] = 0;
        v->slot = triple;
        v->arg[1] = v->arg[1 - k];
        v->arg[0] = square->arg[0];
    }
}

static void fuse_triples(bri_program *p, int *uses, bri_value *v)
{
    if (v->kind != BRI_VALUE_PAIR)
        return;
#define BRI_PAIR(NAME, name, outer, side, inner, formula)
#define BRI_TRIPLE(NAME, name, pair, formula)                                                      \
    fuse_square(p, uses, v, BRI_PAIR_##pair, BRI_PAIR_##NAME);
#include "array/kernels/pairs.def"
#undef BRI_PAIR
#undef BRI_TRIPLE
}

/* v = made * y + constant, where made is another such value with the same y and one reader: both
 * become one step, and made the place of their constants. */
static void fuse_steps(bri_program *p, int *uses, bri_value *v, int side)
{
    int made = v->arg[side], y = v->arg[1 - side];
    bri_value *w = &p->values[made];
    if (w->kind != BRI_VALUE_PAIR || w->slot != BRI_PAIR_MULTIPLY_ADD || uses[made] != 1 ||
        (w->arg[0] != y && w->arg[1] != y) || p->values[w->arg[2]].kind != BRI_VALUE_CONSTANT)
        return;
    size_t size = bri_dtypes[v->dtype].size;
    v->slot = BRI_PAIR_HORNER;
    v->arg[0] = w->arg[w->arg[0] == y];
    v->arg[1] = y;
    memcpy(w->constant, p->values[w->arg[2]].constant, size);
    memcpy(w->constant + size, p->values[v->arg[2]].constant, size);
    v->arg[2] = made;
    w->kind = BRI_VALUE_CONSTANT;
    w->arg[0] = w->arg[1] = w->arg[2] = -1;
}

static void fuse_polynomial(bri_program *p, int *uses, bri_value *v)
{
    for (int side = 0; side < 2; side++)
        if (v->kind == BRI_VALUE_PAIR && v->slot == BRI_PAIR_MULTIPLY_ADD &&
            p->values[v->arg[2]].kind == BRI_VALUE_CONSTANT)
            fuse_steps(p, uses, v, side);
}

static bool has_pairs(const bri_value *v)
{
    return bri_kernel_table.pair[0][v->dtype][0] != NULL;
}

/* From the result backwards, so that a chain is cut into pairs from its end. */
void bri_pairs_fuse(bri_program *p, int *uses)
{
    for (int i = p->result; i >= 0; i--)
        if (uses[i] > 0 && has_pairs(&p->values[i]))
            make_square(&p->values[i], uses);
    for (int i = p->result; i >= 0; i--)
        if (uses[i] > 0 && has_pairs(&p->values[i]))
            fuse(p, uses, &p->values[i]);
    for (int i = p->result; i >= 0; i--)
        if (uses[i] > 0 && has_pairs(&p->values[i]))
            fuse_triples(p, uses, &p->values[i]);
    for (int i = p->result; i >= 0; i--)
        if (uses[i] > 0 && has_pairs(&p->values[i]))
            fuse_polynomial(p, uses, &p->values[i]);
}
