/* SPDX-License-Identifier: BSD-3-Clause
 * expr.c - br_expr: what the names stand for, and what becomes of the value.
 */
#include <bramble/expr.h>

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "array/ops/text/text.h"
#include "runtime/alloc.h"

/* Words of the language, which no array can be called. */
static const char *const reserved[] = {"and", "or",     "not",  "if",    "else", "is",
                                       "in",  "lambda", "True", "False", "None"};

static bool is_identifier(const char *s)
{
    if (!isalpha((unsigned char)*s) && *s != '_')
        return false;
    while (isalnum((unsigned char)*s) || *s == '_')
        s++;
    return *s == '\0';
}

static br_status check_name(const br_expr_args *a, int i)
{
    const char *name = a->names[i];
    if (name == NULL)
        return bri_error(BR_EARG, "name %d is NULL", i + 1);
    if (!is_identifier(name))
        return bri_error(BR_EARG, "\"%.40s\" is no name: letters, digits and _ make one", name);
    for (size_t k = 0; k < sizeof reserved / sizeof reserved[0]; k++)
        if (strcmp(name, reserved[k]) == 0)
            return bri_error(BR_EARG, "an array cannot be called %s", name);
    for (int k = 0; k < i; k++)
        if (strcmp(name, a->names[k]) == 0)
            return bri_error(BR_EARG, "the name %.40s is given twice", name);
    return BR_OK;
}

static br_status check_value(const br_expr_args *a, int i)
{
    const br_operand *value = &a->values[i];
    char kind = value->number.kind;
    if (value->array == NULL && (kind == '\0' || strchr("biufc", kind) == NULL))
        return bri_error(BR_EARG, "%.40s is a NULL array", a->names[i]);
    if (value->array != NULL && value->array->status == BR_OK && value->array->ctx != a->ctx)
        return bri_error(BR_EARG, "%.40s is an array of another context", a->names[i]);
    return BR_OK;
}

static br_status check_arguments(const br_expr_args *a)
{
    if (a->text == NULL)
        return bri_error(BR_EARG, "the text is NULL");
    if (a->n < 0 || (a->n > 0 && (a->names == NULL || a->values == NULL)))
        return bri_error(BR_EARG, "%d names without names or values", a->n);
    for (int i = 0; i < a->n; i++) {
        BRI_TRY(check_name(a, i));
        BRI_TRY(check_value(a, i));
    }
    return BR_OK;
}

/* The first array that failed before, or NULL. */
static const br_array *failed_value(const br_expr_args *a)
{
    for (int i = 0; i < a->n; i++)
        if (a->values[i].array != NULL && a->values[i].array->status != BR_OK)
            return a->values[i].array;
    return NULL;
}

/* ---- the value ---- */

static br_array *number_array(const bri_parser *p, br_number value)
{
    return br_full_(
        (br_full_args){.at = p->call.at, .ctx = p->call.ctx, .shape = {-1, {0}}, .value = value});
}

/* The text may name no more than an array of the caller's, who gets a handle of his own. */
static br_array *value_array(const bri_parser *p, const bri_term *value, const br_scope *scope)
{
    if (value->kind == BRI_TERM_NUMBER)
        return number_array(p, value->number);
    if (value->kind != BRI_TERM_ARRAY) {
        bri_error(BR_EARG, "the value is %s, no array", bri_term_text(value));
        return bri_handle_error(&p->call, bri_text_error(p, value->at, BR_EARG));
    }
    if (value->array->scope == scope)
        return value->array;
    bri_node_retain(value->array->node);
    return bri_handle(&p->call, value->array->node);
}

/* Everything made on the way belongs to a scope that is closed at the end. */
static br_array *parse(bri_parser *p)
{
    br_scope *scope = br_scope_open(p->call.ctx);
    bri_term value;
    if (scope == NULL)
        return bri_handle_error(&p->call, BR_ENOMEM);
    br_status st = bri_parse(p, &value);
    br_array *result = st == BR_OK ? value_array(p, &value, scope) : bri_handle_error(&p->call, st);
    bri_free(p->items);
    return br_scope_return(scope, result);
}

br_array *br_expr_with_(br_expr_args a)
{
    bri_call call = {a.ctx, "expr", a.at};
    br_array *refused = bri_check_call(&call, NULL, 0);
    if (refused != NULL)
        return refused;
    br_status st = check_arguments(&a);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    const br_array *failed = failed_value(&a);
    if (failed != NULL)
        return bri_handle_same_error(failed, a.ctx);
    bri_parser p = {
        .call = call, .text = a.text, .names = a.names, .values = a.values, .nvalues = a.n};
    return parse(&p);
}

/* ---- pairs ---- */

typedef struct pairs {
    const char **names;
    br_operand *values;
    size_t names_room, values_room;
    int n;
} pairs;

static br_status read_pairs(va_list list, pairs *out)
{
    const char *name;
    while ((name = va_arg(list, const char *)) != NULL) {
        BRI_TRY(bri_grow(&out->names, &out->names_room, (size_t)out->n, sizeof out->names[0]));
        BRI_TRY(bri_grow(&out->values, &out->values_room, (size_t)out->n, sizeof out->values[0]));
        out->names[out->n] = name;
        out->values[out->n++] = br_operand_array(va_arg(list, br_array *));
    }
    return BR_OK;
}

br_array *br_expr_(br_context *ctx, br_place at, const char *text, ...)
{
    bri_call call = {ctx, "expr", at};
    pairs p = {.n = 0};
    va_list list;
    va_start(list, text);
    br_status st = read_pairs(list, &p);
    va_end(list);
    br_array *x = st != BR_OK ? bri_handle_error(&call, st)
                              : br_expr_with_((br_expr_args){.at = at,
                                                             .ctx = ctx,
                                                             .text = text,
                                                             .names = p.names,
                                                             .values = p.values,
                                                             .n = p.n});
    bri_free(p.names);
    bri_free(p.values);
    return x;
}
