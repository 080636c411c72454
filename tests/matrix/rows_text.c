/* SPDX-License-Identifier: BSD-3-Clause
 * rows_text.c - expressions as text: random ones of integers, whose values are worked out while the
 * text is drawn. Python's precedence is kept by brackets here and there only.
 */
#include "tests/matrix/matrix.h"

enum { TEXT = 2000, LEVELS = 4 };

typedef struct expression {
    char text[TEXT];
    nd *v; /* NULL for a number */
    int64_t number;
    int binds; /* how tightly its outermost operator does: 9 for a name */
} expression;

typedef struct operator_row {
    const char *text;
    int binds;
    int64_t (*of)(int64_t a, int64_t b);
} operator_row;

/* int64 wraps around. */
static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}
static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}
static int64_t times(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}
static int64_t quotient(int64_t a, int64_t b)
{
    return (int64_t)floor_quotient(a, b);
}
static int64_t rest(int64_t a, int64_t b)
{
    return b == 0 ? 0 : minus(a, times(b, quotient(a, b)));
}
static int64_t both(int64_t a, int64_t b)
{
    return a & b;
}
static int64_t either(int64_t a, int64_t b)
{
    return a | b;
}
static int64_t odd(int64_t a, int64_t b)
{
    return a ^ b;
}

static const operator_row operators[] = {
    {"|", 1, either}, {"^", 2, odd},   {"&", 3, both},      {"+", 4, plus},
    {"-", 4, minus},  {"*", 5, times}, {"//", 5, quotient}, {"%", 5, rest},
};

static nd *apply(const operator_row *op, const nd *a, const nd *b)
{
    int64_t index[ND_AXES];
    nd *r = nd_common(BR_INT64, a, b);
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        int64_t x = (int64_t)nd_get(a, nd_at_broadcast(a, r->ndim, index)).i;
        int64_t y = (int64_t)nd_get(b, nd_at_broadcast(b, r->ndim, index)).i;
        nd_put(r, i, of_integer(op->of(x, y)));
    }
    return r;
}

static void bracketed(expression *e, int least)
{
    char text[TEXT];
    if (e->binds >= least)
        return;
    memcpy(text, e->text, sizeof text);
    snprintf(e->text, sizeof e->text, "(%.*s)", TEXT - 8, text);
    e->binds = 9;
}

/* A name of an array, or a number beside one. */
static void draw_leaf(expression *e, nd *const v[3], bool array)
{
    int k = (int)draw(0, 2);
    e->binds = 9;
    e->v = v[k];
    snprintf(e->text, sizeof e->text, "%c", "xyz"[k]);
    if (!array && chance(40)) {
        e->v = nd_new(BR_INT64, 0, NULL);
        nd_put(e->v, 0, of_integer(draw(0, 20)));
        snprintf(e->text, sizeof e->text, "%" PRId64, (int64_t)nd_get(e->v, 0).i);
    }
}

static void draw_expression(expression *e, nd *const v[3], int level)
{
    static expression sides[LEVELS][2];
    if (level == LEVELS || chance(20)) {
        draw_leaf(e, v, true);
        return;
    }
    const operator_row *op = &operators[draw(0, sizeof operators / sizeof *operators - 1)];
    expression *a = &sides[level][0], *b = &sides[level][1];
    draw_expression(a, v, level + 1);
    if (chance(40))
        draw_leaf(b, v, false);
    else {
        expression kept = *a;
        draw_expression(b, v, level + 1);
        *a = kept;
    }
    bracketed(a, op->binds);
    bracketed(b, op->binds + 1); /* from left to right */
    snprintf(e->text, sizeof e->text, "%.900s %s %.900s", a->text, op->text, b->text);
    e->binds = op->binds;
    e->v = apply(op, a->v, b->v);
}

static void expr(void)
{
    static expression e;
    arg x = any_arg(0, 3, ANY), y = part_of_shape(BR_INT64, x.v, SMALL);
    arg z = part_of_shape(BR_INT64, x.v, ANY);
    draw_expression(&e, (nd *[]){x.v, y.v, z.v}, 0);
    if (chance(50)) {
        expect(br_expr(the.ctx, e.text, "x", x.x, "y", y.x, "z", z.x, NULL), e.v);
        return;
    }
    const char *names[] = {"z", "y", "x"};
    br_operand values[] = {BR_OPERAND(z.x), BR_OPERAND(y.x), BR_OPERAND(x.x)};
    expect(br_expr_with(the.ctx, e.text, .names = names, .values = values, .n = 3), e.v);
}

static int64_t smaller_one(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Calls, indices and choices. */
static void expr_calls(void)
{
    arg x = any_arg(1, 3, ANY);
    nd *flipped = nd_flipped(x.v, 0);
    operator_row least = {"", 0, smaller_one};
    expect(br_expr(the.ctx, "x if x < x[::-1] else x[::-1]", "x", x.x, NULL),
           apply(&least, x.v, flipped));
    expect(br_expr(the.ctx, "np.minimum(x, flip(x, axis=0))", "x", x.x, NULL),
           apply(&least, x.v, flipped));
    expect(br_expr(the.ctx, "x.reshape(-1)[::2]", "x", x.x, NULL),
           nd_strided(nd_reshaped(x.v, 1, &x.v->n), 0, 0, 2, (x.v->n + 1) / 2));
}

const row text_rows[] = {
    {"expr expr_with", "", expr},
    {"expr (with calls)", "", expr_calls},
    {0},
};
