/* SPDX-License-Identifier: BSD-3-Clause
 * primary.c - the operands of the text: numbers, names, calls, parentheses and tuples, and the
 * brackets and attributes behind them.
 */
#include <string.h>

#include <bramble/indexing.h>
#include <bramble/mask.h>

#include "array/ops/text/text.h"
#include "runtime/alloc.h"

static const char *const keywords[] = {"and", "or", "not", "if", "else", "is", "in", "lambda"};

static bool is_keyword(const bri_parser *p)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (bri_token_is(p, keywords[i]))
            return true;
    return false;
}

/* name= before an argument; a name alone is left to be read again. */
static br_status keyword(bri_parser *p, bri_argument *argument)
{
    argument->length = 0;
    if (p->token.kind != BRI_WORD)
        return BR_OK;
    bri_token before = p->token;
    BRI_TRY(bri_token_next(p));
    if (!bri_token_is(p, "=")) {
        p->token = before;
        return BR_OK;
    }
    argument->keyword = before.at;
    argument->length = before.length;
    return bri_token_next(p);
}

/* Calls the function at text[at], of `length` characters; arguments[0 .. n) are there already. */
static br_status call(bri_parser *p, size_t at, size_t length, const bri_term *self, bri_term *out)
{
    bri_argument arguments[BRI_MAX_ARGUMENTS];
    int n = 0;
    if (self != NULL)
        arguments[n++] = (bri_argument){.value = *self};
    BRI_TRY(bri_text_need(p, "("));
    while (!bri_token_is(p, ")")) {
        if (n == BRI_MAX_ARGUMENTS)
            return bri_text_wrong(p, "a call has at most 8 arguments");
        BRI_TRY(keyword(p, &arguments[n]));
        BRI_TRY(bri_parse_expression(p, &arguments[n++].value));
        if (!bri_token_is(p, ","))
            break;
        BRI_TRY(bri_token_next(p));
    }
    if (!bri_token_is(p, ")"))
        return bri_text_wrong(p, "',' or ')' is expected");
    BRI_TRY(bri_token_next(p));
    return bri_call_function(p, at, length, arguments, n, out);
}

/* np.sqrt is sqrt, unless np is a name that the caller gave. */
static br_status skip_module(bri_parser *p)
{
    bool module = bri_token_is(p, "np") || bri_token_is(p, "numpy");
    if (!module || bri_binding_named(p, p->text + p->token.at, p->token.length) >= 0)
        return BR_OK;
    BRI_TRY(bri_token_next(p));
    BRI_TRY(bri_text_need(p, "."));
    return p->token.kind == BRI_WORD ? BR_OK : bri_text_wrong(p, "a name is expected");
}

static br_status word(bri_parser *p, bri_term *out)
{
    if (is_keyword(p))
        return bri_text_wrong(p, "a value is expected");
    BRI_TRY(skip_module(p));
    bri_token name = p->token;
    BRI_TRY(bri_token_next(p));
    if (bri_token_is(p, "("))
        return call(p, name.at, name.length, NULL, out);
    return bri_value_of_name(p, name.at, name.length, out);
}

static br_status add_item(bri_parser *p, bri_term *tuple, const bri_term *item)
{
    char kind = item->kind == BRI_TERM_NUMBER ? item->number.kind : '-';
    if (kind != 'i' || p->nitems != tuple->tuple.first + (size_t)tuple->tuple.n)
        return bri_text_error(p, item->at, bri_error(BR_EARG, "tuples are made of integers only"));
    if (tuple->tuple.n == BR_MAX_NDIM)
        return bri_text_error(p, item->at,
                              bri_error(BR_EARG, "a tuple has at most %d items", BR_MAX_NDIM));
    BRI_TRY(bri_grow(&p->items, &p->room, p->nitems, sizeof p->items[0]));
    p->items[p->nitems++] = item->number.i;
    tuple->tuple.n++;
    return BR_OK;
}

/* What follows "(": a value in parentheses, or a tuple. */
static br_status parentheses(bri_parser *p, bri_term *out)
{
    bri_term tuple = {.kind = BRI_TERM_TUPLE, .at = p->token.at, .tuple = {p->nitems, 0}};
    BRI_TRY(bri_token_next(p));
    for (bool first = true; !bri_token_is(p, ")"); first = false) {
        BRI_TRY(bri_parse_expression(p, out));
        if (first && bri_token_is(p, ")"))
            return bri_token_next(p);
        bool ends = bri_token_is(p, ")");
        if (!ends && !bri_token_is(p, ","))
            return bri_text_wrong(p, "',' or ')' is expected");
        BRI_TRY(add_item(p, &tuple, out));
        if (!ends)
            BRI_TRY(bri_token_next(p));
    }
    *out = tuple;
    return bri_token_next(p);
}

static br_status primary(bri_parser *p, bri_term *out)
{
    if (p->token.kind == BRI_NUMBER) {
        *out = (bri_term){.at = p->token.at, .number = p->token.number};
        return bri_token_next(p);
    }
    if (p->token.kind == BRI_WORD)
        return word(p, out);
    return bri_token_is(p, "(") ? parentheses(p, out) : bri_text_wrong(p, "a value is expected");
}

/* ---- what follows a primary ---- */

/* Is what stands in brackets an expression? A text for br_index has no words but None and newaxis,
 * no signs that compare or combine, and an expression no colon. */
static bool holds_array(const char *s)
{
    bool mask = false;
    for (int depth = 0; *s != '\0' && (*s != ']' || depth > 0);) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        if (*s == ':' && depth == 0)
            return false;
        depth += *s == '(' || *s == '[';
        depth -= *s == ')' || *s == ']';
        mask |= strchr("<>=!&|^~(", *s) != NULL;
        mask |= n > 0 && !bri_same_name(s, n, "None") && !bri_same_name(s, n, "newaxis");
        s += n > 0 ? n : 1;
    }
    return mask;
}

/* By an array of integers along the first axis, or by a mask. */
static br_status indexed(bri_parser *p, bri_term *x)
{
    size_t at = p->token.at;
    bri_term index;
    BRI_TRY(bri_token_next(p));
    size_t inside = p->token.at;
    BRI_TRY(bri_parse_expression(p, &index));
    if (index.kind != BRI_TERM_ARRAY)
        return bri_text_error(p, inside,
                              bri_error(BR_EINDEX,
                                        "a mask or an array of indices is expected, not %s",
                                        bri_term_text(&index)));
    BRI_TRY(bri_text_need(p, "]"));
    char kind = bri_kind(br_dtype_of(index.array));
    br_take_args take = {p->call.at, x->array, index.array, {1, {0}}};
    br_array *y = kind == 'i' || kind == 'u' ? br_take_(take)
                                             : br_boolean_index_(x->array, index.array, p->call.at);
    return bri_take_array(p, at, y, x);
}

/* The text between the brackets is one for br_index, or stands for an array. */
static br_status subscript(bri_parser *p, bri_term *x)
{
    size_t at = p->token.at;
    if (x->kind == BRI_TERM_ARRAY && holds_array(p->text + at + 1))
        return indexed(p, x);
    size_t n = strcspn(p->text + at + 1, "]");
    if (p->text[at + 1 + n] == '\0')
        return bri_text_error(p, at, bri_error(BR_EINDEX, "']' is missing"));
    if (x->kind != BRI_TERM_ARRAY)
        return bri_text_error(p, at, bri_error(BR_EARG, "%s cannot be indexed", bri_term_text(x)));
    char *index = bri_calloc(n + 1, 1);
    if (index == NULL)
        return BR_ENOMEM;
    memcpy(index, p->text + at + 1, n);
    br_status st = bri_take_array(p, at, br_index_(x->array, index, p->call.at), x);
    bri_free(index);
    p->token.length = n + 2;
    return st == BR_OK ? bri_token_next(p) : st;
}

/* x.T, x.real, x.sum(axis=0): functions of x. */
static br_status attribute(bri_parser *p, bri_term *x)
{
    bri_term self = *x;
    BRI_TRY(bri_token_next(p));
    if (p->token.kind != BRI_WORD)
        return bri_text_wrong(p, "a name is expected");
    bri_token name = p->token;
    bri_argument alone = {.value = self};
    BRI_TRY(bri_token_next(p));
    if (bri_token_is(p, "("))
        return call(p, name.at, name.length, &self, x);
    if (bri_same_name(p->text + name.at, name.length, "T") ||
        bri_same_name(p->text + name.at, name.length, "real") ||
        bri_same_name(p->text + name.at, name.length, "imag"))
        return bri_call_function(p, name.at, name.length, &alone, 1, x);
    if (bri_is_function(p->text + name.at, name.length))
        return bri_text_wrong(p, "'(' is expected after the name of a function");
    return bri_text_error(p, name.at, bri_error(BR_EARG, "the attributes are T, real and imag"));
}

br_status bri_parse_postfix(bri_parser *p, bri_term *out)
{
    BRI_TRY(primary(p, out));
    for (;;) {
        if (bri_token_is(p, "["))
            BRI_TRY(subscript(p, out));
        else if (bri_token_is(p, "."))
            BRI_TRY(attribute(p, out));
        else
            return BR_OK;
    }
}
