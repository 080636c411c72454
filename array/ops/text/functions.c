/* SPDX-License-Identifier: BSD-3-Clause
 * functions.c - the functions that a text can call: the rows of functions.def, the operations of
 * ops.def, what fold.c knows of numbers alone, and other names of them.
 */
#include <string.h>

#include <bramble/creation.h>
#include <bramble/elementwise.h>
#include <bramble/indexing.h>
#include <bramble/linalg.h>
#include <bramble/mask.h>
#include <bramble/nan.h>
#include <bramble/reduce.h>
#include <bramble/shape.h>

#include "array/ops/ops.h"
#include "array/ops/text/parameters.h"
#include "runtime/alloc.h"

/* ---- functions.def ---- */

static br_array *transpose(const bri_parameters *a)
{
    br_axes axes = a->axis;
    int ndim = br_ndim(a->x);
    if (axes.n == 0)
        for (axes.n = ndim > 0 ? ndim : -1; ndim > 0; ndim--)
            axes.axis[axes.n - ndim] = ndim - 1;
    return br_permute_dims_(a->x, axes, a->at);
}

static br_array *expand_dims(const bri_parameters *a)
{
    bri_call call = {a->x->ctx, "expand_dims", a->at};
    if (a->axis.n != 1)
        return bri_handle_error(&call, bri_error(BR_EAXIS, "one axis is expected"));
    return br_expand_dims_(a->x, a->axis.axis[0], a->at);
}

/* All axes of extent 1, unless some are named. */
static br_array *squeeze(const bri_parameters *a)
{
    br_axes axes = a->axis;
    int ndim = br_ndim(a->x);
    if (axes.n != 0)
        return br_squeeze_(a->x, axes, a->at);
    for (int i = 0; i < ndim; i++)
        if (br_shape(a->x)[i] == 1)
            axes.axis[axes.n++] = i;
    if (axes.n == 0)
        axes.n = -1;
    return br_squeeze_(a->x, axes, a->at);
}

static int64_t count(const bri_parameters *a)
{
    return a->count.kind != 0 ? a->count.i : 1;
}

static br_array *swapaxes(const bri_parameters *a)
{
    bri_call call = {a->x->ctx, "swapaxes", a->at};
    if (a->axis.n != 1 || a->destination.n != 1)
        return bri_handle_error(&call, bri_error(BR_EAXIS, "two axes are expected"));
    return br_swapaxes_(a->x, a->axis.axis[0], a->destination.axis[0], a->at);
}

/* No difference at all is x as it is; in C calls 0 is the default. */
static br_array *diff(const bri_parameters *a)
{
    br_diff_args args = {a->at, a->x, count(a), a->axis, a->prepend, a->append};
    return args.n == 0 ? a->x : br_diff_(args);
}

static br_array *gradient(const bri_parameters *a)
{
    bri_call call = {a->x->ctx, "gradient", a->at};
    bool given = a->spacing.kind != 0;
    if (given && (a->spacing.kind == 'c' || a->spacing.re == 0))
        return bri_handle_error(&call, bri_error(BR_EARG, "the spacing is 0 or complex"));
    if (count(a) != 1 && count(a) != 2)
        return bri_handle_error(&call, bri_error(BR_EARG, "edge_order is 1 or 2"));
    return br_gradient_(
        (br_gradient_args){a->at, a->x, a->axis, given ? a->spacing.re : 1, (int)count(a)});
}

/* The arguments that all reductions have, and those of one. */
#define REDUCE(type, ...)                                                                          \
    (type)                                                                                         \
    {                                                                                              \
        .at = a->at, .x = a->x, .axis = a->axis, .keepdims = a->keepdims, __VA_ARGS__              \
    }

#define LIKE ((br_like_args){.at = a->at, .x = a->x, .dtype = a->dtype})

#define BRI_FUNCTION(name, parameters, call)                                                       \
    static br_array *call_##name(const bri_parameters *a)                                          \
    {                                                                                              \
        return call;                                                                               \
    }
#include "array/ops/text/functions.def"
#undef BRI_FUNCTION

typedef struct function {
    const char *name, *parameters;
    br_array *(*call)(const bri_parameters *a);
} function;

static const function functions[] = {
#define BRI_FUNCTION(name, parameters, call) {#name, parameters, call_##name},
#include "array/ops/text/functions.def"
#undef BRI_FUNCTION
};

/* ---- names ---- */

static const struct {
    const char *alias, *name;
} aliases[] = {
#define BRI_ALIAS(alias, name) {#alias, #name},
#include "array/ops/text/aliases.def"
#undef BRI_ALIAS
};

static const char *const elementwise[] = {
#define BRI_PART(...)
#define BRI_OP(NAME, name, ...) #name,
#include "array/kernels/ops.def"
#define BRI_COMPOSED(name, arity) #name,
#include "array/ops/composed.def"
#undef BRI_COMPOSED
};

enum {
    NELEMENTWISE = sizeof elementwise / sizeof elementwise[0],
    NFUNCTIONS = sizeof functions / sizeof functions[0],
    NALIASES = sizeof aliases / sizeof aliases[0]
};

static const function *find_function(const char *name, size_t length)
{
    for (size_t i = 0; i < NFUNCTIONS; i++)
        if (bri_same_name(name, length, functions[i].name))
            return &functions[i];
    return NULL;
}

/* The table's own name of an elementwise function, and how many operands it has; or NULL. */
static const char *find_elementwise(const char *name, size_t length, int *arity)
{
    const bri_named *found = bri_named_find(name, length);
    if (found == NULL)
        return bri_fold_name(name, length, arity);
    *arity = found->arity;
    return found->name;
}

static void resolve_alias(const char **name, size_t *length)
{
    for (size_t i = 0; i < NALIASES; i++)
        if (bri_same_name(*name, *length, aliases[i].alias)) {
            *name = aliases[i].name;
            *length = strlen(*name);
            return;
        }
}

bool bri_is_function(const char *name, size_t length)
{
    int arity;
    resolve_alias(&name, &length);
    return find_function(name, length) != NULL || find_elementwise(name, length, &arity) != NULL;
}

const char *bri_text_function_name(int i)
{
    if (i < (int)NFUNCTIONS)
        return functions[i].name;
    i -= (int)NFUNCTIONS;
    if (i < (int)NALIASES)
        return aliases[i].alias;
    i -= (int)NALIASES;
    return i < (int)NELEMENTWISE ? elementwise[i] : NULL;
}

/* ---- calls ---- */

static br_status unknown_function(const bri_parser *p, size_t at, size_t length)
{
    const char *s = p->text + at;
    int shown = length < 40 ? (int)length : 40;
    bri_suggestion suggestion = {s, length, 0, NULL};
    char hint[60];
    if (bri_binding_named(p, s, length) >= 0)
        return bri_text_error(
            p, at, bri_error(BR_EARG, "'%.*s' is an array and cannot be called", shown, s));
    for (int i = 0; bri_text_function_name(i) != NULL; i++)
        bri_suggest(&suggestion, bri_text_function_name(i));
    return bri_text_error(p, at,
                          bri_error(BR_EARG, "unknown function '%.*s'%s", shown, s,
                                    bri_suggestion_text(&suggestion, hint, sizeof hint)));
}

static br_status call_elementwise(bri_parser *p, size_t at, const char *name, int arity,
                                  const bri_argument *arguments, int n, bri_term *out)
{
    bri_term terms[3];
    for (int i = 0; i < n; i++) {
        if (arguments[i].length > 0)
            return bri_text_error(p, arguments[i].keyword,
                                  bri_error(BR_EARG, "%s has no arguments with a name", name));
        if (i < arity)
            terms[i] = arguments[i].value;
    }
    if (n != arity)
        return bri_text_error(p, at,
                              bri_error(BR_EARG, "%s has %d operand%s, not %d", name, arity,
                                        arity == 1 ? "" : "s", n));
    return bri_apply(p, at, name, terms, arity, out);
}

static bool is_integer(const bri_argument *argument)
{
    return argument->length == 0 && argument->value.kind == BRI_TERM_NUMBER &&
           argument->value.number.kind == 'i';
}

/* x.reshape(2, -1) is x.reshape((2, -1)): integers after x become one tuple. */
static br_status gather(bri_parser *p, const function *f, bri_argument *arguments, int *n)
{
    bri_term tuple = {.kind = BRI_TERM_TUPLE, .tuple = {p->nitems, *n - 1}};
    if (strchr(f->parameters, '+') == NULL || *n < 3)
        return BR_OK;
    for (int i = 1; i < *n; i++)
        if (!is_integer(&arguments[i]))
            return BR_OK;
    for (int i = 1; i < *n; i++) {
        BRI_TRY(bri_grow(&p->items, &p->room, p->nitems, sizeof p->items[0]));
        p->items[p->nitems++] = arguments[i].value.number.i;
    }
    tuple.at = arguments[1].value.at;
    arguments[1].value = tuple;
    *n = 2;
    return BR_OK;
}

br_status bri_call_function(bri_parser *p, size_t at, size_t length, bri_argument *arguments, int n,
                            bri_term *out)
{
    const char *name = p->text + at;
    bri_parameters parameters = {.at = p->call.at};
    int arity;
    size_t own = length;
    resolve_alias(&name, &own);
    const function *f = find_function(name, own);
    if (f == NULL) {
        name = find_elementwise(name, own, &arity);
        return name != NULL ? call_elementwise(p, at, name, arity, arguments, n, out)
                            : unknown_function(p, at, length);
    }
    BRI_TRY(gather(p, f, arguments, &n));
    BRI_TRY(bri_read_parameters(p, at, f->name, f->parameters, arguments, n, &parameters));
    return bri_take_array(p, at, f->call(&parameters), out);
}
