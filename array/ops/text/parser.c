/* SPDX-License-Identifier: BSD-3-Clause
 * parser.c - Python's expressions by precedence climbing; values are built on the way.
 *
 * expression := binary ["if" binary "else" expression]
 * binary     := prefix (operator binary)*            by the table of precedences below
 * prefix     := ("not" | "+" | "-" | "~") binary | postfix
 * postfix    := primary ("[" index "]" | "." name [arguments])*
 * primary    := number | name [arguments] | "(" expression ["," ...] ")"
 * arguments  := "(" [[name "="] expression ("," ...)* [","]] ")"
 */
#include <string.h>

#include <bramble/linalg.h>

#include "array/ops/text/text.h"

/* As many as parentheses in CPython; an operator before a parenthesis takes one more. A level takes
 * up to 2 KiB of stack. */
enum { MAX_DEPTH = 200 };

/* From loose to tight. */
enum { OR = 1, AND, NOT, COMPARISON, BITOR, BITXOR, BITAND, SHIFT, SUM, PRODUCT, SIGN, POWER };

typedef struct infix {
    const char *sign;
    int precedence;
    const char *name; /* in ops.def, or matmul */
} infix;

static const infix infixes[] = {
    {"or", OR, "logical_or"},
    {"and", AND, "logical_and"},
    {"<", COMPARISON, "less"},
    {"<=", COMPARISON, "less_equal"},
    {">", COMPARISON, "greater"},
    {">=", COMPARISON, "greater_equal"},
    {"==", COMPARISON, "equal"},
    {"!=", COMPARISON, "not_equal"},
    {"|", BITOR, "bitwise_or"},
    {"^", BITXOR, "bitwise_xor"},
    {"&", BITAND, "bitwise_and"},
    {"<<", SHIFT, "bitwise_left_shift"},
    {">>", SHIFT, "bitwise_right_shift"},
    {"+", SUM, "add"},
    {"-", SUM, "subtract"},
    {"*", PRODUCT, "multiply"},
    {"/", PRODUCT, "divide"},
    {"//", PRODUCT, "floor_divide"},
    {"%", PRODUCT, "remainder"},
    {"@", PRODUCT, "matmul"},
    {"**", POWER, "pow"},
};

static br_status binary(bri_parser *p, int loosest, bri_term *out);

br_status bri_text_wrong(const bri_parser *p, const char *what)
{
    const bri_token *t = &p->token;
    if (t->kind == BRI_END)
        return bri_text_error(p, t->at, bri_error(BR_EARG, "%s, but the text ends", what));
    int n = t->length < 40 ? (int)t->length : 40;
    return bri_text_error(p, t->at, bri_error(BR_EARG, "%s, not '%.*s'", what, n, p->text + t->at));
}

br_status bri_text_need(bri_parser *p, const char *sign)
{
    char what[40];
    if (bri_token_is(p, sign))
        return bri_token_next(p);
    snprintf(what, sizeof what, "'%s' is expected", sign);
    return bri_text_wrong(p, what);
}

static const infix *current_infix(const bri_parser *p)
{
    for (size_t i = 0; i < sizeof infixes / sizeof infixes[0]; i++)
        if (bri_token_is(p, infixes[i].sign))
            return &infixes[i];
    return NULL;
}

static br_status prefix(bri_parser *p, int loosest, bri_term *out)
{
    size_t at = p->token.at;
    bool not = bri_token_is(p, "not");
    const char *name = not                    ? "logical_not"
                       : bri_token_is(p, "-") ? "negative"
                       : bri_token_is(p, "+") ? "positive"
                       : bri_token_is(p, "~") ? "bitwise_invert"
                                              : NULL;
    if (name == NULL)
        return bri_parse_postfix(p, out);
    if (not &&loosest > NOT)
        return bri_text_wrong(p, "'not' here needs parentheses around it");
    BRI_TRY(bri_token_next(p));
    BRI_TRY(binary(p, not ? NOT : SIGN, out));
    return bri_apply(p, at, name, out, 1, out);
}

static br_status combine(bri_parser *p, size_t at, const char *name, const bri_term *left,
                         const bri_term *right, bri_term *out)
{
    bri_term terms[2] = {*left, *right};
    if (strcmp(name, "matmul") != 0)
        return bri_apply(p, at, name, terms, 2, out);
    for (int i = 0; i < 2; i++)
        if (terms[i].kind != BRI_TERM_ARRAY)
            return bri_text_error(
                p, terms[i].at,
                bri_error(BR_EARG, "@ needs two arrays, not %s", bri_term_text(&terms[i])));
    return bri_take_array(p, at, br_matmul_(terms[0].array, terms[1].array, p->call.at), out);
}

/* a < b < c is (a < b) and (b < c); left is a. */
static br_status comparisons(bri_parser *p, bri_term *left)
{
    bri_term before = *left;
    bri_term after;
    bri_term holds;
    bool first = true;
    const infix *op;
    while ((op = current_infix(p)) != NULL && op->precedence == COMPARISON) {
        size_t at = p->token.at;
        BRI_TRY(bri_token_next(p));
        BRI_TRY(binary(p, BITOR, &after));
        BRI_TRY(combine(p, at, op->name, &before, &after, &holds));
        if (first)
            *left = holds;
        else
            BRI_TRY(combine(p, at, "logical_and", left, &holds, left));
        before = after;
        first = false;
    }
    return BR_OK;
}

/* Operators of at least the precedence `loosest`. */
static br_status operators(bri_parser *p, int loosest, bri_term *out)
{
    const infix *op;
    bri_term right;
    BRI_TRY(prefix(p, loosest, out));
    while ((op = current_infix(p)) != NULL && op->precedence >= loosest) {
        size_t at = p->token.at;
        if (op->precedence == COMPARISON) {
            BRI_TRY(comparisons(p, out));
            continue;
        }
        BRI_TRY(bri_token_next(p));
        BRI_TRY(binary(p, op->precedence == POWER ? SIGN : op->precedence + 1, &right));
        BRI_TRY(combine(p, at, op->name, out, &right, out));
    }
    return BR_OK;
}

static br_status binary(bri_parser *p, int loosest, bri_term *out)
{
    if (p->depth == MAX_DEPTH)
        return bri_text_error(p, p->token.at,
                              bri_error(BR_EARG, "nested more than %d levels deep", MAX_DEPTH));
    p->depth++;
    br_status st = operators(p, loosest, out);
    p->depth--;
    return st;
}

/* a if c else b: where(c, a, b); a number decides at once. */
static br_status choose(bri_parser *p, size_t at, const bri_term *condition, const bri_term *other,
                        bri_term *out)
{
    bri_term terms[3] = {*condition, *out, *other};
    if (condition->kind != BRI_TERM_NUMBER)
        return bri_apply(p, at, "where", terms, 3, out);
    if (!bri_number_is_true(condition->number))
        *out = *other;
    return BR_OK;
}

br_status bri_parse_expression(bri_parser *p, bri_term *out)
{
    bri_term condition;
    bri_term other;
    BRI_TRY(binary(p, OR, out));
    if (!bri_token_is(p, "if"))
        return BR_OK;
    size_t at = p->token.at;
    BRI_TRY(bri_token_next(p));
    BRI_TRY(binary(p, OR, &condition));
    BRI_TRY(bri_text_need(p, "else"));
    if (p->depth == MAX_DEPTH)
        return bri_text_error(p, p->token.at,
                              bri_error(BR_EARG, "nested more than %d levels deep", MAX_DEPTH));
    p->depth++;
    br_status st = bri_parse_expression(p, &other);
    p->depth--;
    return st == BR_OK ? choose(p, at, &condition, &other, out) : st;
}

br_status bri_parse(bri_parser *p, bri_term *out)
{
    p->token = (bri_token){.kind = BRI_END};
    BRI_TRY(bri_token_next(p));
    BRI_TRY(bri_parse_expression(p, out));
    return p->token.kind == BRI_END ? BR_OK : bri_text_wrong(p, "an operator is expected");
}
